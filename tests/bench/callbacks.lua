-- What Halo sends, for wrk2. Each thread has one connection, so an answer always belongs to the last request of its
-- thread: the ids that were acknowledged are written down, to be looked for in the store.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init()
   path, round, mark = os.getenv("BENCH_PATH"), os.getenv("BENCH_ROUND"), os.getenv("BENCH_MARK")
   headers = { ["Authorization"] = os.getenv("BENCH_AUTHORIZATION"), ["Content-Type"] = "application/json" }
   acknowledged = io.open(os.getenv("BENCH_FOLDER") .. "/" .. round .. "-" .. number, "w")
   -- What was acknowledged counts, also where this program is killed.
   acknowledged:setvbuf("line")
   sent = 0
end

function request()
   sent = sent + 1
   -- A GUID, as Halo gives one: anything else is no event's id.
   id = string.format("%s-%04x-4000-8000-%012x", mark, number, sent)
   local body = string.format(
      '{"id":"%s","event":"New Ticket Logged","object_id":%d,"timestamp":"2026-11-23T10:53:00Z",' ..
      '"ticket":{"id":%d,"summary":"The printer on the second floor is out of paper","client_name":"Northwind",' ..
      '"tickettype_id":1,"team":"1st Line Support","status_id":1,"details":"%s"}}',
      id, 1 + sent % 1000, 1 + sent % 1000, string.rep("It blinks and says nothing. ", 20))
   return wrk.format("POST", path, headers, body)
end

function response(status)
   if status == 200 then
      acknowledged:write(id, "\n")
   end
end

function done(summary, latency)
   io.write(string.format(
      '{"requests":%d,"p50":%d,"p99":%d,"max":%d,"not_200":%d,"broken":%d}\n', summary.requests,
      latency:percentile(50), latency:percentile(99), latency.max, summary.errors.status,
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end

//! What Halo tells Pia: the callbacks, as they come in and as they are kept.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::callback::EventGroup;
use super::is_guid;
use super::ticket::Ticket;
use super::untrusted::Untrusted;

/// One event of a callback's body. The text of the body is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Halo's own id of the event; not every form of the body has one. An event with an id that is known is a copy, so
    /// nothing is taken for one that could come with two events.
    pub id: Option<String>,
    /// What happened, in Halo's words.
    pub event: Option<String>,
    /// The ticket it is about.
    pub ticket_id: Option<i64>,
    /// The event to the letter.
    pub body: String,
}

/// The body is neither an object nor an array of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body is not JSON: an object or an array of objects")]
pub struct NotEvents;

/// What stands where there is no GUID.
const NO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// Longer names are not Halo's.
const LONGEST: usize = 200;

impl Incoming {
    /// Reads a body: one event or, where Halo batches, an array of them (api facts, section 6.2).
    ///
    /// # Errors
    ///
    /// [`NotEvents`] where it is anything else. An event in which no ticket is found is an event all the same.
    pub fn read(body: &[u8]) -> Result<Vec<Self>, NotEvents> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let whole: &RawValue = serde_json::from_slice(body).map_err(|_| NotEvents)?;
        if whole.get().starts_with('[') {
            let parts: Vec<&RawValue> = serde_json::from_str(whole.get()).map_err(|_| NotEvents)?;
            return parts.into_iter().map(Self::of).collect();
        }
        Ok(vec![Self::of(whole)?])
    }

    fn of(raw: &RawValue) -> Result<Self, NotEvents> {
        let Ok(Value::Object(members)) = serde_json::from_str(raw.get()) else { return Err(NotEvents) };
        let member = |name: &str| members.get(name);
        let inside = |outer: &str, name: &str| member(outer).and_then(|value| value.get(name));
        // `id` is the event's own in Halo's own form alone: a GUID, beside what happened and the object that it happened
        // to. A payload that somebody has made up has whatever he put there: a ticket, a client, the webhook's own id.
        let of_halo = ["event", "object_id"].iter().all(|name| member(name).is_some_and(|value| !value.is_null()));
        let id = member("id").and_then(Value::as_str).filter(|id| {
            of_halo && is_guid(id) && *id != NO_GUID && member("webhook_id").is_none_or(|other| other != id)
        });
        let ticket_id = [
            member("object_id"),
            inside("ticket", "id"),
            member("ticket_id"),
            inside("event_data", "id"),
            inside("event_data", "ticket_id"),
            member("id"),
        ];
        let event = member("event").and_then(|event| match event {
            Value::String(text) => Some(text.chars().take(LONGEST).collect()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        Ok(Self {
            id: id.map(ToOwned::to_owned),
            event,
            ticket_id: ticket_id.into_iter().flatten().find_map(number),
            body: raw.get().to_owned(),
        })
    }
}

/// An id as Halo writes one: a number, or its digits as a text.
fn number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
        })?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number > 0).then_some(number)
}

/// A callback as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its place in the order in which events came in.
    #[serde(skip)]
    pub number: i64,
    /// Halo's id of it, or ours where Halo gave none.
    pub id: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// Which address it came to.
    #[serde(serialize_with = "slug")]
    pub group: EventGroup,
    /// What happened, in Halo's words.
    pub event: Option<Untrusted>,
    /// The ticket it is about.
    pub ticket_id: Option<i64>,
    /// Whether that ticket stands on the Pia Board; unknown until Halo was asked.
    pub on_pia_board: Option<bool>,
    /// The ticket as Halo gave it when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// Why the ticket is not known, where Halo was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_problem: Option<String>,
    /// How it stands with handing it on; none where nothing is handed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<Forwarding>,
}

fn slug<S: Serializer>(group: &EventGroup, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(group.slug())
}

/// How it stands with handing an event on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// Whether it was taken, waits for its next try, or is given up.
    pub state: ForwardState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What the last try ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Where an event that is handed on stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardState {
    /// It waits.
    Pending,
    /// The other side took it.
    Delivered,
    /// It was tried for three days, and is tried no more unless somebody asks for it.
    Undelivered,
}

impl ForwardState {
    /// The word for it, as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }

    /// The state with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Undelivered].into_iter().find(|state| state.word() == word)
    }
}

/// Lines of a body that are shown; a callback may be a megabyte.
const BODY_LINES: usize = 2_000;

/// Characters of a line; what is longer goes on in the next.
const BODY_COLUMNS: usize = 200;

/// A body as a person reads it: a member on each line, each line harmless.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Body {
    /// Its lines.
    pub lines: Vec<String>,
    /// How many more there are.
    pub cut: usize,
}

impl Body {
    /// Reads the body of an event.
    pub fn of(body: &Untrusted) -> Self {
        let pretty = serde_json::from_str::<Value>(body.raw())
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| body.raw().to_owned());
        let (mut lines, mut all) = (Vec::new(), 0);
        for line in pretty.lines() {
            let mut rest = line;
            loop {
                let end = rest.char_indices().nth(BODY_COLUMNS).map_or(rest.len(), |(at, _)| at);
                let (part, behind) = rest.split_at(end);
                if all < BODY_LINES {
                    lines.push(Untrusted::new(part).display());
                }
                all += 1;
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
        }
        Self { cut: all - lines.len(), lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77";
    const WEBHOOK: &str = "60b2ec55-fabe-417a-b354-40d962ef8031";

    fn one(body: &str) -> Incoming {
        let mut events = Incoming::read(body.as_bytes()).unwrap();
        assert_eq!(events.len(), 1);
        events.remove(0)
    }

    /// The five forms of a body that api facts 6.2 knows.
    #[test]
    fn every_known_form_of_a_body_is_read() {
        let full = format!(
            r#"{{"id":"{GUID}","webhook_id":"w","event":"New Ticket Logged","object_id":33479,"ticket":{{"id":33479}}}}"#
        );
        let event = one(&full);
        assert_eq!((event.id.as_deref(), event.ticket_id), (Some(GUID), Some(33_479)));
        assert_eq!(event.event.as_deref(), Some("New Ticket Logged"));
        assert_eq!(event.body, full, "kept to the letter");
        for bare in [
            r#"{"id":33479,"summary":"Printer is on fire"}"#,
            r#"{"id":"33479"}"#,
            r#"{"ticket_id":33479}"#,
            r#"{"ticket_id":"33479"}"#,
            r#"{"event_data":{"id":33479.0}}"#,
            r#"{"ticket":{"id":33479,"status":{"name":"New"}}}"#,
        ] {
            let event = one(bare);
            assert_eq!((event.id, event.ticket_id), (None, Some(33_479)), "{bare}");
        }
        let batch = format!("\u{feff}[{full}, {{\"ticket_id\":2}}]");
        let events = Incoming::read(batch.as_bytes()).unwrap();
        assert_eq!(events.iter().map(|event| event.ticket_id).collect::<Vec<_>>(), [Some(33_479), Some(2)]);
        assert_eq!(Incoming::read(b"[]"), Ok(vec![]));
    }

    #[test]
    fn an_event_without_a_ticket_is_an_event_all_the_same() {
        for odd in ["{}", r#"{"id":-1}"#, r#"{"ticket_id":null,"event":7}"#, r#"{"object_id":1e300}"#, r#"{"id":{}}"#] {
            assert_eq!(one(odd).ticket_id, None, "{odd}");
        }
    }

    /// What could stand in two events is no event's id: taken for one, the second event would be lost.
    #[test]
    fn only_halos_own_form_tells_the_id_of_an_event() {
        let with = |id: Value| {
            let body = serde_json::json!({ "id": id, "webhook_id": WEBHOOK, "event": "e", "object_id": 7 });
            one(&body.to_string()).id
        };
        assert_eq!(with(GUID.into()).as_deref(), Some(GUID));
        let not = ["123", "abc", "", "33479", NO_GUID, WEBHOOK, "8c0f3b1e63d24d559a566f1f4c1c2b77", " {GUID}"];
        for id in not.into_iter().map(Value::from).chain([123.into(), Value::Null, Value::from(vec![GUID])]) {
            assert_eq!(with(id.clone()), None, "{id}");
        }
        // A payload that somebody made up: the GUID is the client's, or the ticket's, or anything's.
        for other in ["", r#","ticket_id":7"#, r#","event":"e","ticket":{"id":7}"#, r#","object_id":7"#] {
            assert_eq!(one(&format!(r#"{{"id":"{GUID}"{other}}}"#)).id, None, "{other}");
        }
    }

    #[test]
    fn a_body_is_shown_line_by_line_and_never_without_an_end() {
        let body = |text: &str| Body::of(&Untrusted::new(text));
        assert_eq!(
            body(r#"{"id":7,"x":"a\u001b[31mb"}"#).lines,
            ["{", "  \"id\": 7,", "  \"x\": \"a\\u001b[31mb\"", "}"]
        );
        assert_eq!(body("\u{1b}[2Jno\u{202e}t").lines, ["^[[2Jnot"], "what is no JSON is shown as it came, harmless");
        let long = body(&format!(r#"{{"x":"{}"}}"#, "y".repeat(1 << 20)));
        assert!(long.lines.len() == BODY_LINES && long.lines.iter().all(|line| line.chars().count() <= BODY_COLUMNS));
        assert_eq!(long.cut, 3 + ((1 << 20) + 9 - 1) / BODY_COLUMNS - BODY_LINES);
    }

    /// R73: wrong types, bad JSON, 200 deep.
    #[test]
    fn what_is_no_event_is_refused() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let within = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for body in ["", "null", "7", "\"text\"", "{", "[1]", "[{},null]", "{}{}", &deep, &within] {
            assert_eq!(Incoming::read(body.as_bytes()), Err(NotEvents), "{body:.40}");
        }
        assert_eq!(Incoming::read(b"{\"a\":\"\xff\"}"), Err(NotEvents));
    }
}

//! The courier: posts what is in the mailbag to the webhooks, as Halo does, and writes each delivery into the log.
//!
//! It calls at loopback addresses only: whatever a webhook holds, the simulated Halo sends nothing off the machine. It
//! sleeps until a letter is put into the mailbag, or until a batch is due.

use super::deliveries::{Delivered, Logged};
use super::faults::Fault;
use super::mailbag::Letter;
use super::server::Shared;
use super::state::{Object, State};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::{Host, Url};

/// As much of an answer as the log keeps.
const ANSWER_CAP: usize = 4_000;

/// How long letters wait for each other where they are to go out in the wrong order.
const SHUFFLED_WITHIN: Duration = Duration::from_millis(100);

/// One call at a webhook's address.
#[derive(Debug)]
struct Post {
    letters: Vec<Letter>,
    url: String,
    content_type: String,
    login: Option<(String, String)>,
    body: String,
    lightweight: bool,
    /// After how long it is given up.
    time_out: Duration,
    /// What a fault has in store for it: then nobody is called.
    fate: Option<Delivered>,
}

/// What is to be done now.
#[derive(Debug)]
enum Next {
    Post(Box<Post>),
    /// Something is due after this time, unless the clock is pushed.
    Wait(Duration),
    Idle,
}

/// Delivers until the simulated Halo is stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    let filled = Arc::clone(&shared.state().mailbag.filled);
    let mut http = None;
    loop {
        let next = shared.state().next_post();
        let more = async {
            match next {
                Next::Idle => filled.notified().await,
                Next::Wait(time) => tokio::select! {
                    () = filled.notified() => {}
                    () = tokio::time::sleep(time) => {}
                },
                Next::Post(post) => {
                    let begun = Instant::now();
                    let outcome = post.send(&mut http).await;
                    shared.state().write_down(&post, outcome, begun.elapsed());
                }
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = more => {}
        }
    }
}

impl State {
    fn next_post(&mut self) -> Next {
        let now = self.clock.now();
        let shuffled = self.has(Fault::CallbacksOutOfOrder);
        let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let webhooks = &self.webhooks;
        // What was switched off or deleted meanwhile delivers nothing any more.
        let is_on = |webhook: &&Object| webhook.flag("active") && !webhook.flag("disabled");
        let of = |id: &str| webhooks.iter().filter(is_on).find(|webhook| webhook.text("id") == id);
        let silent = self.has(Fault::DeliveriesNone);
        self.mailbag.letters.retain(|letter| !silent && of(&letter.webhook_id).is_some());
        for (place, letter) in self.mailbag.letters.iter().enumerate() {
            waiting.entry(letter.webhook_id.clone()).or_default().push(place);
        }
        let mut soonest: Option<Duration> = None;
        // Its oldest letter, whether it is a batch, and the letters.
        let mut due: Option<(usize, bool, Vec<usize>)> = None;
        for (id, places) in waiting {
            let (Some(webhook), Some(&first)) = (of(&id), places.first()) else { continue };
            let method = webhook.int("batch_method").unwrap_or(0);
            let batched = method != 0;
            // Together goes what is the same event (1), of the same type (2), or anything (3).
            let kind = |place: usize| self.mailbag.letters[place].notification_id;
            let places: Vec<usize> =
                places.into_iter().filter(|&place| !matches!(method, 1 | 2) || kind(place) == kind(first)).collect();
            let number = |member: &str| usize::try_from(webhook.int(member).unwrap_or(0)).unwrap_or(0);
            let limit = if batched { number("batch_limit") } else { 1 };
            let hold = match (batched, shuffled) {
                (true, _) => Duration::from_secs(number("batch_delay_seconds") as u64),
                (false, true) => SHUFFLED_WITHIN,
                (false, false) => Duration::ZERO,
            };
            let full = batched && limit > 0 && places.len() >= limit;
            let left = (self.mailbag.letters[first].since + hold).saturating_sub(now);
            if !full && !left.is_zero() {
                soonest = Some(soonest.map_or(left, |soonest| soonest.min(left)));
                continue;
            }
            let take = if limit == 0 { places.len() } else { limit.min(places.len()) };
            let mut order = places.clone();
            if shuffled {
                order.reverse();
            }
            order.truncate(take);
            // Whose first letter is the oldest comes first.
            if due.as_ref().is_none_or(|(oldest, ..)| first < *oldest) {
                due = Some((first, batched, order));
            }
        }
        match (due, soonest) {
            (Some((_, batched, order)), _) => Next::Post(Box::new(self.take_out(&order, batched))),
            (None, Some(time)) => Next::Wait(time),
            (None, None) => Next::Idle,
        }
    }

    fn take_out(&mut self, order: &[usize], batched: bool) -> Post {
        let letters: Vec<Letter> = order.iter().map(|&place| self.mailbag.letters[place].clone()).collect();
        let mut places = order.to_vec();
        places.sort_unstable();
        for place in places.into_iter().rev() {
            self.mailbag.letters.remove(place);
        }
        let is_array = batched || letters.iter().any(|letter| letter.is_array);
        let bodies: Vec<Value> = letters.iter().map(|letter| letter.body.clone()).collect();
        let body = match &bodies[..] {
            [one] if !is_array => one.to_string(),
            _ => Value::Array(bodies).to_string(),
        };
        let id = letters.first().map(|letter| letter.webhook_id.clone()).unwrap_or_default();
        let webhook = self.webhooks.iter().find(|webhook| webhook.text("id") == id).cloned().unwrap_or_default();
        let password = webhook.write_only.get("basic_password").and_then(Value::as_str).unwrap_or_default();
        let login = (webhook.int("authentication_type") == Some(1))
            .then(|| (webhook.text("basic_username").to_owned(), password.to_owned()));
        Post {
            url: webhook.text("url").to_owned(),
            content_type: webhook.text("content_type").to_owned(),
            login,
            body,
            lightweight: webhook.flag("use_lightweight_logs"),
            time_out: self.behaviour.delivery_time_out,
            fate: Delivered::by_fault(self),
            letters,
        }
    }

    fn write_down(&mut self, post: &Post, outcome: Outcome, took: Duration) {
        let Some(letter) = post.letters.first() else { return };
        let text = |text: String| if post.lightweight { Value::Null } else { text.into() };
        self.log_delivery(
            &letter.webhook_id,
            Logged {
                event_id: letter.id.clone(),
                notification_id: letter.notification_id,
                ticket_id: letter.ticket_id,
                milliseconds: took.as_secs_f64() * 1000.0,
                request_body: text(post.body.clone()),
                response_headers: outcome.headers,
                response_body: text(outcome.body),
                error: outcome.error,
                how: outcome.how,
            },
        );
    }
}

/// What came of a call.
struct Outcome {
    how: Delivered,
    headers: Option<String>,
    body: String,
    error: Option<String>,
}

impl Outcome {
    fn failed(how: Delivered, error: String) -> Self {
        Self { how, headers: None, body: error.clone(), error: Some(error) }
    }
}

impl Post {
    async fn send(&self, http: &mut Option<Client>) -> Outcome {
        if let Some(how) = self.fate {
            let body = how.error().unwrap_or("{}").to_owned();
            return Outcome { how, headers: None, body, error: how.error().map(str::to_owned) };
        }
        let Some(url) = Url::parse(&self.url).ok().filter(is_loopback) else {
            // In the words of .NET, for which a name that leads nowhere looks like this.
            let place = Url::parse(&self.url)
                .ok()
                .and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
            let text = format!("No such host is known. ({})", place.unwrap_or_default());
            return Outcome::failed(Delivered::NotReached, text);
        };
        let http = match http {
            Some(http) => http.clone(),
            None => match client() {
                Ok(made) => http.insert(made).clone(),
                Err(error) => return Outcome::failed(Delivered::NotReached, error.to_string()),
            },
        };
        let mut request = http.post(url).header(CONTENT_TYPE, &self.content_type).body(self.body.clone());
        if let Some((user, password)) = &self.login {
            request = request.basic_auth(user, Some(password));
        }
        // The address holds the callback's token, and is in no message.
        let answer = tokio::time::timeout(self.time_out, async { read(request.send().await?).await }).await;
        match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                let error = error.without_url();
                let mut cause: &dyn std::error::Error = &error;
                while let Some(next) = cause.source() {
                    cause = next;
                }
                Outcome::failed(Delivered::NotReached, cause.to_string())
            }
            Err(_) => {
                let seconds = self.time_out.as_secs_f64();
                let text = format!(
                    "The request was canceled due to the configured HttpClient.Timeout of {seconds} seconds elapsing."
                );
                Outcome::failed(Delivered::TimedOut, text)
            }
        }
    }
}

async fn read(mut answer: Response) -> Result<Outcome, reqwest::Error> {
    let how = Delivered::Answered(answer.status().as_u16());
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<String> =
        answer.headers().iter().map(|(name, value)| format!("{name}: {}", text(value))).collect();
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() >= ANSWER_CAP {
            body.truncate(ANSWER_CAP);
            break;
        }
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Outcome { how, headers: Some(headers.join("\n")), body, error: None })
}

/// No proxy and no redirect leads off the machine, and the name `localhost` is not looked up anywhere. No connection is
/// kept: who waits for the service to end must not wait for this one.
fn client() -> reqwest::Result<Client> {
    let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .resolve_to_addrs("localhost", &here.map(|address| (address, 0).into()))
        .build()
}

/// Whether an address stays on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

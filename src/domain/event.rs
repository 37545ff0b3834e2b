//! The events Halo sends: callbacks as they are received and as they are stored.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use serde::{Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::callback::{EventGroup, EventNumber};
use super::number::{whole, whole_text};
use super::sound::Sound;
use super::ticket::Ticket;
use super::untrusted::Untrusted;

/// One event of a callback's body. The text of the body is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Halo's own id of the event; not every form of the body has one. An event with an id that is known is a copy where
    /// it tells the same of the same ticket, so nothing is taken for an id that could come with two events.
    pub id: Option<String>,
    /// What happened: the name in Halo's catalogue where Halo means one of those, and otherwise Halo's words.
    pub event: Option<String>,
    /// The ticket it is about.
    pub ticket_id: Option<i64>,
    /// When Halo says it happened.
    pub sent_at: Option<Timestamp>,
    /// Why a reader of JSON does not understand it, with the names of its members and none of their values.
    pub not_understood: Option<String>,
    /// The event to the letter.
    pub body: Cow<'a, str>,
}

/// Why a body holds no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotEvents {
    /// It is something else, or so broken that no event of it can be told from the others.
    #[error("the body is not JSON: an object or an array of objects")]
    NotJson,
    /// More than [`MOST_EVENTS`] in one array.
    #[error("the body holds too many events")]
    TooMany,
}

/// How many days an event is kept. Its id is kept as long: one that is seen again within this time is known.
pub const EVENTS_KEPT_DAYS: i64 = 30;

/// Events in one body.
pub const MOST_EVENTS: usize = 100_000;

/// Why an object that holds events is none.
const WRAPPED: &str = "a list of objects within one";

/// What a CloudEvent may hold instead of JSON.
const IN_BASE64: &str = "the event is in base64, within another one";

/// Longer names are not Halo's.
const LONGEST: usize = 200;

/// Members of an event that is not understood whose names are told, and how long one may be.
const NAMED: usize = 30;
const LONGEST_NAME: usize = 40;

/// The body of a callback: one event or, where Halo batches, an array of them. It is taken apart by its brackets and texts
/// alone, so that what a reader of JSON would refuse (half a character, a number no machine holds, a hundred levels) costs
/// no event beside it. Where they do not match, the events before are taken, and the rest is one that is not understood.
/// Objects that stand one behind the other, as in a file of lines or in a list without commas, are events too. Events are read one after the other: a body of any size takes no more memory than itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBody {
    text: String,
    is_whole: bool,
}

impl EventBody {
    /// Checks a body.
    ///
    /// # Errors
    ///
    /// [`NotEvents`] where nothing of it can be told apart, or it holds too many events.
    pub fn read(body: Vec<u8>) -> Result<Self, NotEvents> {
        let mut body = Self { text: text(body), is_whole: false };
        let mut pieces = body.pieces();
        let count = pieces.by_ref().filter(|piece| matches!(piece, Piece::Event(_))).count();
        let is_whole = !pieces.is_broken;
        match count {
            0 if !is_whole || !body.whole().starts_with('[') => Err(NotEvents::NotJson),
            ..=MOST_EVENTS => {
                body.is_whole = is_whole;
                Ok(body)
            }
            _ => Err(NotEvents::TooMany),
        }
    }

    /// Its events, in their order.
    pub fn events(&self) -> impl Iterator<Item = Incoming<'_>> {
        self.pieces().map(|piece| match piece {
            Piece::Event(raw) => Incoming::of(raw),
            Piece::Rest(raw) => Incoming::of_rest(raw),
        })
    }

    /// Whether each of its events could be told from the others.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn pieces(&self) -> Pieces<'_> {
        Pieces { rest: self.whole(), list: None, behind: "", is_broken: false }
    }

    fn whole(&self) -> &str {
        self.text.trim_start_matches('\u{feff}').trim()
    }
}

/// The bytes as text. A byte that is no character becomes a control character, which no reader of JSON takes: so the event
/// that it stands in, and no other, is not understood.
fn text(mut bytes: Vec<u8>) -> String {
    loop {
        match String::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => {
                let wrong = error.utf8_error();
                let from = wrong.valid_up_to();
                bytes = error.into_bytes();
                let until = wrong.error_len().map_or(bytes.len(), |length| from + length);
                bytes[from..until].fill(0x1a);
            }
        }
    }
}

/// A part of a body.
enum Piece<'a> {
    Event(&'a str),
    /// All from where brackets and texts do not match any more.
    Rest(&'a str),
}

/// The parts of a body: objects, and what is in lists.
struct Pieces<'a> {
    rest: &'a str,
    list: Option<Items<'a>>,
    /// What stands in the list behind an object, without a comma.
    behind: &'a str,
    /// Whether brackets and texts do not match somewhere.
    is_broken: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some(list) = &mut self.list {
                let behind = Some(std::mem::take(&mut self.behind)).filter(|behind| !behind.is_empty());
                if let Some(item) = behind.or_else(|| list.next()) {
                    let (event, behind) = first_object(item);
                    self.behind = behind;
                    return Some(Piece::Event(event));
                }
                self.rest = list.rest;
                self.is_broken |= !list.closed;
                self.list = None;
            }
            self.rest = self.rest.trim();
            let mut items = Items::of(self.rest);
            match self.rest.as_bytes().first()? {
                b'[' if !self.is_broken => self.list = Some(items),
                b'{' => {
                    items.by_ref().for_each(drop);
                    let event = &self.rest[..self.rest.len() - items.rest.len()];
                    // In what is broken, a bracket may close more than it opened.
                    if !items.closed || (self.is_broken && serde_json::from_str::<Sound>(event).is_err()) {
                        return self.all_that_is_left();
                    }
                    self.rest = items.rest;
                    return Some(Piece::Event(event));
                }
                _ => return self.all_that_is_left(),
            }
        }
    }
}

impl<'a> Pieces<'a> {
    fn all_that_is_left(&mut self) -> Option<Piece<'a>> {
        self.is_broken = true;
        Some(Piece::Rest(std::mem::take(&mut self.rest)))
    }
}

/// What stands between the outer brackets of a text, divided by its commas. Nothing but brackets and texts is looked at.
struct Items<'a> {
    /// What was not looked at yet; at the end, what is behind the closing bracket or, without one, behind the last comma.
    rest: &'a str,
    ended: bool,
    /// Whether the closing bracket was found.
    closed: bool,
}

impl<'a> Items<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.get(1..).unwrap_or_default(), ended: false, closed: false }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.ended {
            let (mut depth, mut in_text, mut escaped, mut end) = (0_usize, false, false, None);
            for (at, byte) in self.rest.bytes().enumerate() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    _ if in_text => {}
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' if depth > 0 => depth -= 1,
                    b',' | b']' | b'}' if depth == 0 => {
                        end = Some((at, byte != b','));
                        break;
                    }
                    _ => {}
                }
            }
            let Some((at, last)) = end else {
                self.ended = true;
                return None;
            };
            let item = self.rest[..at].trim();
            self.rest = &self.rest[at + 1..];
            if last {
                self.ended = true;
                self.closed = true;
            }
            if !item.is_empty() {
                return Some(item);
            }
        }
        None
    }
}

/// An object, and what stands behind it without a comma: another event, which would be taken for a copy with it. All that is
/// no object is one.
fn first_object(item: &str) -> (&str, &str) {
    let mut members = Items::of(item);
    members.by_ref().for_each(drop);
    let end = if item.starts_with('{') && members.closed { item.len() - members.rest.len() } else { item.len() };
    (&item[..end], item[end..].trim_start())
}

/// Names and values of an object, as far as they can be told apart.
fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let items = object.starts_with('{').then(|| Items::of(object));
    items.into_iter().flatten().filter_map(|member| {
        let name = member.strip_prefix('"')?;
        let end = name.find('"')?;
        let value = name[end + 1..].trim_start().strip_prefix(':')?;
        Some((&name[..end], value.trim()))
    })
}

/// The values of some members of an object, found in one go.
fn values<'a, const N: usize>(object: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let mut found = [None; N];
    for (name, value) in members(object) {
        if let Some(at) = names.iter().position(|wanted| *wanted == name) {
            found[at] = Some(value);
        }
    }
    found
}

/// A value that is a number or a text of a sane length.
fn scalar(value: Option<&str>) -> Option<Value> {
    let value = value.filter(|value| value.len() <= 8 * LONGEST && !value.starts_with(['{', '[']))?;
    serde_json::from_str(value).ok().filter(|value: &Value| !value.is_null())
}

impl<'a> Incoming<'a> {
    fn of(raw: &'a str) -> Self {
        let names =
            ["id", "event", "object_id", "webhook_id", "ticket_id", "timestamp", "ticket", "event_data", "data_base64"];
        let [id, event, object, webhook, other, sent_at, ticket, data, data_base64] = values(raw, names);
        let [id, event, object, webhook] = [id, event, object, webhook].map(scalar);
        let [in_ticket] = values(ticket.unwrap_or_default(), ["id"]);
        let [in_data, of_data] = values(data.unwrap_or_default(), ["id", "ticket_id"]);
        // `id` is the event's own as Halo makes it alone: a GUID, beside what happened and the object that it happened
        // to. A payload that somebody has made up has whatever he put there: a ticket, a client, the webhook's own id.
        let is_own = event.is_some() && object.is_some();
        let guid = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).and_then(guid);
        let own = guid(&id).filter(|own| is_own && !own.is_nil() && Some(*own) != guid(&webhook));
        let ticket_id = [object, scalar(in_ticket), scalar(other), scalar(in_data), scalar(of_data), id];
        let event = event.and_then(|event| match event {
            Value::String(words) => Some(words),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let event = event.map(|words| match EventNumber::named(words.trim()) {
            Some(known) => known.usual_name().to_owned(),
            None => words.chars().take(LONGEST).collect(),
        });
        let by_own_id = ticket_id[..5].iter().flatten().find_map(number).is_none();
        let ticket_id = ticket_id.iter().flatten().find_map(number);
        // A bare `id` is a ticket's, as in a payload that somebody has made up; beside events, it is the envelope's.
        let is_bare = ticket_id.is_none() && holds_objects(raw, DEEPEST) || by_own_id && holds_events(raw, DEEPEST);
        let wraps = event.is_none() && is_bare || holds_several_events(raw);
        let wrapped = match data_base64 {
            Some(text) if event.is_none() && text.starts_with('"') => Some(IN_BASE64),
            _ => wraps.then_some(WRAPPED),
        };
        let ticket_id = ticket_id.filter(|_| wrapped.is_none());
        Self {
            id: own.map(|own| own.to_string()),
            event,
            ticket_id,
            sent_at: scalar(sent_at).and_then(|text| time(text.as_str()?)),
            not_understood: not_understood(raw).or_else(|| wrapped.map(ToOwned::to_owned)),
            body: raw.into(),
        }
    }
}

impl<'a> Incoming<'a> {
    /// Of what may be several events, none has its id: it would make a copy of each that comes again.
    fn of_rest(raw: &'a str) -> Self {
        let told = Self::of(raw);
        let why = told.not_understood.unwrap_or_else(|| "broken off".to_owned());
        Self { id: None, not_understood: Some(why), ..told }
    }
}

/// A GUID in any of its usual spellings, which all mean the same one: in capitals, in braces, without dashes.
fn guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

/// Halo's times have a zone or mean UTC; those before this century mean "none".
fn time(text: &str) -> Option<Timestamp> {
    let plain = || text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let time = text.parse::<Timestamp>().ok().or_else(|| plain().map(|time| time.timestamp()))?;
    (time.as_second() >= 946_684_800).then_some(time)
}

/// So deep within an envelope events are looked for.
const DEEPEST: usize = 4;

/// Members that events have, and nothing else within a ticket.
const OF_EVENTS: [&str; 4] = ["event", "object_id", "webhook_id", "event_data"];

/// Whether an object holds others in a list, in a map by their places, or as JSON in a text: events, perhaps, of which none can
/// be told.
fn holds_objects(raw: &str, depth: usize) -> bool {
    members(raw).any(|(name, value)| {
        let is_place = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        match value.as_bytes().first() {
            Some(b'[') => ['{', '['].iter().any(|object| opens(&value[1..], *object)),
            Some(b'{') => is_place || depth > 0 && holds_objects(value, depth - 1),
            _ => opens(value, '{') || opens(value, '['),
        }
    })
}

// Whether a value begins as an object or a list does, by itself or as JSON in a text.
fn opens(value: &str, bracket: char) -> bool {
    let value = value.trim_start();
    let in_text = value.strip_prefix('"').map(|text| text.trim_start_matches(['\\', 'n', ' ']));
    // Behind the bracket, a text goes on as JSON does.
    let is_json = |rest: &str| rest.trim_start_matches(['[', '{', ' ']).starts_with("\\\"");
    value.starts_with(bracket) || in_text.and_then(|text| text.strip_prefix(bracket)).is_some_and(is_json)
}

/// Whether an object holds events for certain: in a member of that name, or in objects that look like them.
fn holds_events(raw: &str, depth: usize) -> bool {
    let is_event = |object: &str| members(object).any(|(name, _)| OF_EVENTS.contains(&name));
    members(raw).any(|(name, value)| match value.as_bytes().first() {
        Some(b'[') if matches!(name, "events" | "event") => true,
        Some(b'[') => Items::of(value).next().is_some_and(is_event),
        Some(b'{') => is_event(value) || depth > 0 && holds_events(value, depth - 1),
        _ => false,
    })
}

/// Whether an object holds a list of events in Halo's own form, whatever stands beside it.
fn holds_several_events(raw: &str) -> bool {
    let is_event = |item: &&str| values(item, ["event", "object_id"]).iter().all(Option::is_some);
    members(raw).any(|(_, list)| list.starts_with('[') && Items::of(list).take(2).filter(is_event).count() == 2)
}

fn not_understood(raw: &str) -> Option<String> {
    let why = match raw.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Sound>(raw).err()?.to_string(),
        Some(b'[') => "a list instead of an object".to_owned(),
        Some(b'"') => "text instead of an object".to_owned(),
        _ if raw == "null" => "null instead of an object".to_owned(),
        _ => "not an object".to_owned(),
    };
    let short = |name: &str| Untrusted::new(name.chars().take(LONGEST_NAME).collect::<String>()).display();
    let mut names: Vec<String> = members(raw).take(NAMED + 1).map(|(name, _)| short(name)).collect();
    if names.len() > NAMED {
        names[NAMED] = "…".to_owned();
    }
    Some(if names.is_empty() { why } else { format!("{why}; its members: {}", names.join(", ")) })
}

/// An id as Halo writes one: a number, or its digits as a text.
fn number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole))?,
        Value::String(text) => whole_text(text)?,
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
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub received_at: Timestamp,
    /// When Halo says it happened.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::domain::calendar::json")]
    pub sent_at: Option<Timestamp>,
    /// Where it was fetched from, where Halo's call for it never came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_from: Option<FetchedFrom>,
    /// Why a reader of JSON does not understand it, with the names of its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_understood: Option<String>,
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
    /// The state of its forwarding; none if forwarding is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding: Option<Forwarding>,
}

/// How late an event may come in before that is worth a warning.
pub const LATE: SignedDuration = SignedDuration::from_mins(5);

impl Event {
    /// How long after it happened it came in; none where Halo did not say, or where the event was fetched later. Less than
    /// nothing where the clocks are apart.
    pub fn lag(&self) -> Option<SignedDuration> {
        let sent_at = self.sent_at.filter(|_| self.fetched_from.is_none())?;
        Some(self.received_at.duration_since(sent_at))
    }

    /// What is unusual about it.
    pub fn remarks(&self) -> Vec<String> {
        let late = self.lag().filter(|lag| *lag >= LATE);
        let late = late.map(|lag| format!("came in {} after it happened", minutes(lag)));
        let fetched = self.fetched_from.map(|from| match from {
            FetchedFrom::HaloLog => "fetched later, from Halo's delivery log".to_owned(),
            FetchedFrom::Tickets => "fetched later: the ticket had changed, and Halo's log does not say how".to_owned(),
        });
        let odd = self.not_understood.as_ref().map(|why| format!("not understood: {why}"));
        late.into_iter().chain(fetched).chain(odd).collect()
    }
}

/// A length of time in minutes, or in hours where there are many.
pub fn minutes(time: SignedDuration) -> String {
    match time.as_mins() {
        minutes @ ..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

/// Where an event was fetched from that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchedFrom {
    /// The body of Halo's call, out of its log of deliveries.
    HaloLog,
    /// The ticket had changed: what happened to it is not known to the letter.
    Tickets,
}

impl FetchedFrom {
    /// The word for it, as it is stored and printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::HaloLog => "halo_log",
            Self::Tickets => "tickets",
        }
    }

    /// The one with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::HaloLog, Self::Tickets].into_iter().find(|from| from.word() == word)
    }
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
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::domain::calendar::json")]
    pub next_at: Option<Timestamp>,
    /// What the last try ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Where an event that is forwarded stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardState {
    /// It waits.
    Pending,
    /// The receiver accepted it.
    Delivered,
    /// It was tried for three days, and is not tried again unless a person asks for it.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{like, lines, tries};

    const GUID: &str = "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77";
    const WEBHOOK: &str = "60b2ec55-fabe-417a-b354-40d962ef8031";

    fn read(body: &[u8]) -> Vec<Incoming<'static>> {
        let owned = |event: Incoming<'_>| Incoming { body: event.body.into_owned().into(), ..event };
        let body = EventBody::read(body.to_vec()).unwrap();
        body.events().map(owned).collect()
    }

    fn one(body: &str) -> Incoming<'static> {
        let mut events = read(body.as_bytes());
        assert_eq!(events.len(), 1);
        events.remove(0)
    }

    /// The five forms of a body that receivers have met.
    #[test]
    fn every_known_form_of_body_is_read() {
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
        let events = read(batch.as_bytes());
        assert_eq!(events.iter().map(|event| event.ticket_id).collect::<Vec<_>>(), [Some(33_479), Some(2)]);
        assert_eq!(read(b"[]"), []);
    }

    #[test]
    fn event_is_same_however_its_id_is_spelled() {
        let body =
            |id: &str, webhook: &str| format!(r#"{{"id":"{id}","webhook_id":"{webhook}","event":"e","object_id":7}}"#);
        let plain = GUID.replace('-', "");
        for id in
            [GUID, &GUID.to_uppercase(), &format!("{{{GUID}}}"), &plain, &plain.to_uppercase(), &format!("{GUID} ")]
        {
            let sent = body(id, "w");
            assert_eq!(one(&sent).id.as_deref(), Some(GUID), "{id}");
            assert_eq!(one(&sent).body, sent, "kept to the letter");
            assert_eq!(one(&body(GUID, id)).id, None, "it is the webhook's: {id}");
            assert_eq!(one(&body(id, GUID)).id, None, "it is the webhook's: {id}");
        }
    }

    #[test]
    fn event_without_ticket_is_event_all_same() {
        for odd in ["{}", r#"{"id":-1}"#, r#"{"ticket_id":null,"event":7}"#, r#"{"object_id":1e300}"#, r#"{"id":{}}"#] {
            assert_eq!(one(odd).ticket_id, None, "{odd}");
        }
    }

    /// Events that somebody has wrapped are kept as they came, and marked: none of them can be told.
    #[test]
    fn list_of_events_within_object_is_marked() {
        for wrapped in [r#"{"events":[{"event":"e","object_id":7},{"id":2}]}"#, r#"{"n":2,"data": [ {"id":7}]}"#] {
            let event = one(wrapped);
            let why = event.not_understood.unwrap();
            assert!(why.starts_with("a list of objects within one"), "{why}");
            assert_eq!((event.ticket_id, &*event.body), (None, wrapped));
        }
        // In whichever envelope: its own id is no ticket's.
        for wrapped in [
            r#"{"id":99,"events":[{"event":"e","object_id":7}]}"#,
            r#"{"id":99,"batch":[{"id":1,"event":"e","object_id":7}]}"#,
            r#"{"id":99,"data":{"rows":[{"webhook_id":"w","id":7}]}}"#,
            r#"{"data":{"events":[{"event":"e","object_id":7}]}}"#,
            r#"{"event":[{"event":"e","object_id":7}]}"#,
            r#"{"0":{"event":"e","object_id":7},"1":{"id":2}}"#,
            r#"{"events":["{\"event\":\"e\"}","{\"id\":2}"]}"#,
            r#"{"payload":"[{\"event\":\"e\"}]"}"#,
            r#"{"id":99,"events":["{\"event\":\"e\"}"]}"#,
            r#"{"list":[[{"id":7}]]}"#,
            r#"{"object_id":5,"items":[{"event":"e","object_id":7},{"event":"e","object_id":8}]}"#,
            r#"{"event":"Ticket Closed","payload":[{"event":"e","object_id":7},{"event":"f","object_id":7}]}"#,
        ] {
            let event = one(wrapped);
            assert!(event.not_understood.is_some_and(|why| why.starts_with(WRAPPED)), "{wrapped}");
            assert_eq!((event.ticket_id, event.id), (None, None), "{wrapped}");
        }
        let cloud = r#"{"specversion":"1.0","id":"33479","source":"halo","type":"t","data_base64":"eyJpZCI6N30="}"#;
        assert_eq!((one(cloud).not_understood.as_deref(), one(cloud).ticket_id), (Some(IN_BASE64), None));
        for plain in [
            r#"{"event":"e","object_id":7,"data_base64":"eyJpZCI6N30="}"#,
            r#"{"event":"e","object_id":7,"lines":[{"id":1}]}"#,
            r#"{"id":7,"lines":[{}]}"#,
            r#"{"id":7,"customfields":[{"id":1,"name":"event","value":"x"}],"actions":[{"ticket_id":7}]}"#,
            r#"{"ticket_id":7,"events":[{"event":"e","object_id":8}]}"#,
            r#"{"n":[1]}"#,
            r#"{"message":"{no JSON}","other":"[x]"}"#,
        ] {
            assert_eq!(one(plain).not_understood, None, "{plain}");
        }
    }

    /// What could stand in two events is no event's id: taken for one, the second event would be lost.
    #[test]
    fn only_halos_own_form_tells_id_of_event() {
        let with = |id: Value| {
            let body = serde_json::json!({ "id": id, "webhook_id": WEBHOOK, "event": "e", "object_id": 7 });
            one(&body.to_string()).id
        };
        assert_eq!(with(GUID.into()).as_deref(), Some(GUID));
        let no_guid = Uuid::nil().to_string();
        let not = [
            "123",
            "abc",
            "",
            "33479",
            &no_guid,
            WEBHOOK,
            &WEBHOOK.to_uppercase(),
            "8c0f3b1e63d24d559a566f1f4c1c2b7",
            " {GUID}",
        ];
        for id in not.into_iter().map(Value::from).chain([123.into(), Value::Null, Value::from(vec![GUID])]) {
            assert_eq!(with(id.clone()), None, "{id}");
        }
        // A payload that somebody made up: the GUID is the client's, or the ticket's, or anything's.
        for other in ["", r#","ticket_id":7"#, r#","event":"e","ticket":{"id":7}"#, r#","object_id":7"#] {
            assert_eq!(one(&format!(r#"{{"id":"{GUID}"{other}}}"#)).id, None, "{other}");
        }
    }

    #[test]
    fn body_that_is_no_object_and_no_array_is_refused() {
        for body in ["", "null", "7", "\"text\"", "{", "[", "[{", "[]x", "{\"a\":\"", "[[{}]", "<html></html>"] {
            assert_eq!(EventBody::read(body.into()), Err(NotEvents::NotJson), "{body:.40}");
        }
        let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(EventBody::read(many(MOST_EVENTS + 1).into()), Err(NotEvents::TooMany));
        assert_eq!(read(many(MOST_EVENTS).as_bytes()).len(), MOST_EVENTS);
    }

    /// Each is stored as it came, with its id and ticket where they can be told, and named by its members alone.
    #[test]
    fn bad_element_costs_no_event_beside_it() {
        let head = format!(r#""id":"{GUID}","event":"e","object_id":7,"summary""#);
        let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
        for value in [r#""half \ud83d""#, "1e999", &deep, "\"raw\nline\"", r#""\q""#, "NaN", "tru", "\"\u{1a}\""] {
            let bad = format!("{{{head}:{value}}}");
            let events = read(format!("[{{\"ticket_id\":1}}, {bad} ,{{\"ticket_id\":2}}]").as_bytes());
            let tickets: Vec<_> = events.iter().map(|event| event.ticket_id).collect();
            assert_eq!(tickets, [Some(1), Some(7), Some(2)], "{value:.40}");
            assert_eq!((events[1].id.as_deref(), &*events[1].body), (Some(GUID), &*bad), "{value:.40}");
            let problem = events[1].not_understood.clone().expect(value);
            assert!(problem.ends_with("; its members: id, event, object_id, summary"), "{problem}");
            assert!(!problem.contains("half") && !problem.contains(GUID), "{problem}");
            assert!([0, 2].iter().all(|good| events[*good].not_understood.is_none()));
            assert_eq!(read(bad.as_bytes()), events[1..2], "alone, too");
        }
        let events = read(b"[null,{\"ticket_id\":1},7,\"secret\",[{}],{\"a\":\"\xff\xfe\"}]");
        let problems: Vec<_> = events.iter().map(|event| event.not_understood.as_deref().unwrap_or("-")).collect();
        assert_eq!(problems[..3], ["null instead of an object", "-", "not an object"]);
        assert_eq!(problems[3..5], ["text instead of an object", "a list instead of an object"]);
        assert!(problems[5].ends_with("its members: a"), "{problems:?}");
    }

    /// The events before are taken, and the rest is one that is not understood; objects without a list are events.
    #[test]
    fn broken_list_gives_events_before_and_its_rest() {
        let head = format!(r#"{{"id":"{GUID}","event":"e","object_id":7,"s":"#);
        let ok = |ticket: u8| format!(r#"{{"ticket_id":{ticket}}}"#);
        for bad in [r#""oops},"#, "[1,2},", r#""cut"#, ""] {
            let body = format!("[{}, {} ,{head}{bad}{}]", ok(1), ok(2), ok(3));
            let events = read(body.as_bytes());
            let tickets: Vec<_> = events.iter().map(|event| event.ticket_id).collect();
            assert_eq!(tickets[..2], [Some(1), Some(2)], "{bad}");
            assert!(events.len() == 3 && events[2].body.starts_with(&head), "{bad}: {events:?}");
            let problem = events[2].not_understood.as_deref().expect(bad);
            assert!(!problem.contains("oops") && problem.contains("its members: id, event"), "{problem}");
            assert_eq!(events[2].id, None, "{bad}: what may be two events has no id of one");
            assert!(!EventBody::read(body.into_bytes()).unwrap().is_whole());
        }
        let lines = format!("{}\n{}\r\n\n{}\n", ok(1), ok(2), ok(3));
        for body in [lines, format!("{}{}{}", ok(1), ok(2), ok(3)), format!("[{}][{},{}]", ok(1), ok(2), ok(3))] {
            let tickets: Vec<_> = read(body.as_bytes()).iter().map(|event| event.ticket_id).collect();
            assert_eq!(tickets, [Some(1), Some(2), Some(3)], "{body}");
        }
        let bodies = |body: &str| read(body.as_bytes()).iter().map(|event| event.body.to_string()).collect::<Vec<_>>();
        let (one, two) = (format!("{head}1}}"), format!("{head}2}}"));
        for list in [format!("[{one}{two}]"), format!("[{one} {two}]"), format!("[{},{one}\n{two},{}]", ok(1), ok(2))] {
            let found = bodies(&list);
            assert!(found.contains(&one) && found.contains(&two), "{list}: {found:?}");
            assert!(read(list.as_bytes()).iter().all(|event| event.not_understood.is_none()), "{list}");
        }
        assert_eq!(bodies(&format!("[{one} lost, {two}]")), [one, "lost".to_owned(), two], "nothing is left out");
        assert_eq!(read(b"[{}").len(), 1, "its last event is whole");
        let behind = read(b"[{}]x");
        assert_eq!((&*behind[1].body, behind[1].not_understood.as_deref()), ("x", Some("not an object")));
    }

    /// The forms that Halo is known to send, as recorded.
    #[test]
    fn delivery_in_small_letters_means_event_of_catalogue() {
        let event = one(&format!(
            r#"{{"id":"{GUID}","webhook_id":"{WEBHOOK}","notification_id":41,"event":"ticket status changed",
                "object_id":4242,"timestamp":"2026-09-25T06:41:08.7895915Z"}}"#
        ));
        assert_eq!((event.event.as_deref(), event.ticket_id), (Some("Ticket Status Changed"), Some(4242)));
        assert_eq!(event.sent_at.unwrap().to_string(), "2026-09-25T06:41:08.7895915Z");
        for (text, sent) in [("2026-09-25T06:41:08", true), ("1900-01-01T00:00:00", false), ("soon", false)] {
            assert_eq!(one(&format!(r#"{{"timestamp":"{text}"}}"#)).sent_at.is_some(), sent, "{text}");
        }
    }

    proptest! {
        #![proptest_config(tries())]

        /// A body that is JSON gives each of its events, and each event is the same read alone.
        #[test]
        fn fuzzed_callbacks_lose_no_event(bytes in like(lines(include_str!("../../tests/corpus/callbacks.txt")))) {
            let json = serde_json::from_slice::<Value>(&bytes).ok();
            let Ok(body) = EventBody::read(bytes) else {
                let is_event = json.as_ref().is_some_and(|json| json.is_object() || json.is_array());
                prop_assert!(!is_event, "{json:?}");
                return Ok(());
            };
            let events: Vec<_> = body.events().collect();
            if let Some(Value::Array(items)) = &json {
                prop_assert_eq!(events.len(), items.len());
            }
            for event in events.iter().filter(|event| event.not_understood.is_none()) {
                let alone = EventBody::read(event.body.as_bytes().to_vec()).unwrap();
                prop_assert_eq!(alone.events().collect::<Vec<_>>(), [event.clone()]);
            }
        }
    }
}

//! One configuration out of TOML, key by key, so that each mistake can be named with what would be right.

use toml::{Table, Value};

use crate::domain::address::{HaloUrl, Note};
use crate::domain::configuration::{ApiCredentials, Configuration, EscalateTo};
use crate::domain::fields::{FIELDS, FieldId, FieldInfo, Kind};
use crate::domain::likeness::nearest;
use crate::domain::note_outcome::NoteOutcome;
use crate::domain::untrusted::{Untrusted, without_margin};

/// A key with what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key with the tables it is in: `company_sync.daily_sync_time`.
    pub key: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

/// Whom escalated tickets go to, as an answers file may say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EscalateChoice {
    /// Id and name.
    Exact(EscalateTo),
    /// The agent's name; the id is found in Halo's list.
    Name(String),
    /// The agent's id; the name is found in Halo's list.
    Id(i64),
}

/// The tables of a configuration.
const TABLES: [&str; 4] = ["api", "company_sync", "pia_screen", "integration"];

/// The key of `[api]` that no field of the wizard asks for.
const COMMAND: &str = "client_secret_command";

/// What is said of what is no command.
pub const NO_WORDS: &str =
    "the words of a command are needed, such as [\"pass\", \"show\", \"halo/acme\"]; no shell reads it";

/// The words of a command, program first; none where a value is none.
pub fn words(value: &Value) -> Option<Vec<String>> {
    let words = value.as_array()?.iter().map(|word| word.as_str().map(str::to_owned));
    words.collect::<Option<Vec<String>>>().filter(|words| {
        words.first().is_some_and(|program| !program.trim().is_empty()) && words.iter().all(|word| !word.contains('\0'))
    })
}

/// The key of `[pia_screen]` that no field of the wizard asks for.
const NOTE_OUTCOME: &str = "note_outcome";

/// The keys that a table may have: the one list that checks and suggestions are made from.
fn known(table: &str) -> Vec<&'static str> {
    let fields = FIELDS.iter().map(FieldInfo::table_and_key).filter(|(of, key)| *of == table && !key.is_empty());
    let more: &[&str] = match table {
        "" => &TABLES,
        "api" => &[COMMAND],
        "pia_screen" => &[NOTE_OUTCOME],
        _ => &[],
    };
    fields.map(|(_, key)| key).chain(more.iter().copied()).collect()
}

/// Keys under which people look for a place to put a secret.
const SECRET_KEYS: [&str; 8] = [
    "client_secret",
    "clientsecret",
    "secret",
    "api_secret",
    "password",
    "callback_token",
    "callback_password",
    "token",
];

const NO_SECRETS: &str = "secrets do not belong here; the Client Secret comes from --client-secret-file, from \
                          PIA_HALO_CLIENT_SECRET_FILE or PIA_HALO_CLIENT_SECRET, from client_secret_command, or is \
                          asked for";

/// Every key that a configuration may have, as `api.url` and the like.
#[cfg(test)]
pub fn all_keys() -> Vec<String> {
    let inner = TABLES.iter().flat_map(|table| known(table).into_iter().map(move |key| format!("{table}.{key}")));
    std::iter::once("name".to_owned()).chain(inner).collect()
}

/// What was read, as far as it could be.
pub struct Read {
    /// The configuration, unless something is wrong.
    pub configuration: Option<Configuration>,
    /// Whom escalated tickets go to, in whatever way it was said.
    pub escalate_to: Option<EscalateChoice>,
    /// What was changed in an address, or is worth a second look.
    pub notes: Vec<(String, Note)>,
    pub problems: Vec<Problem>,
}

/// Reads one configuration. `prefix` is the table it is in, for the messages; `loose` allows what only an answers file
/// may say.
pub fn read(table: &Table, prefix: &str, loose: bool) -> Read {
    let mut reader = Reader { prefix, loose, problems: Vec::new(), notes: Vec::new(), values: Vec::new() };
    reader.refuse_unknown("", table, &known(""));
    reader.fields("", table);
    let mut escalate_to = None;
    let mut note_outcome = None;
    let mut command = None;
    for name in TABLES {
        let content = reader.table(table, name);
        reader.fields(name, &content);
        match name {
            "api" => command = reader.command(&content),
            "pia_screen" => {
                escalate_to = content.get("escalate_to").and_then(|value| reader.escalate_to(value));
                note_outcome = content.get(NOTE_OUTCOME).and_then(|value| reader.note_outcome(value));
            }
            _ => {}
        }
    }
    let Reader { problems, notes, values, .. } = reader;
    let value = |field| values.iter().find(|(id, _)| *id == field).map(|(_, text)| text.as_str());
    let url = value(FieldId::Url).and_then(|text| HaloUrl::read(text).ok()).filter(|_| problems.is_empty());
    let configuration = url.map(|reading| {
        let mut own = Configuration::new(ApiCredentials::new(reading.address, ""));
        own.api.client_secret_command = command;
        for (field, text) in &values {
            field.info().put(&mut own, text);
        }
        if let Some(EscalateChoice::Exact(contact)) = &escalate_to {
            own.pia_screen.escalate_to = Some(contact.clone());
        }
        own.pia_screen.note_outcome = note_outcome;
        own
    });
    Read { configuration, escalate_to, notes, problems }
}

struct Reader<'a> {
    prefix: &'a str,
    loose: bool,
    problems: Vec<Problem>,
    notes: Vec<(String, Note)>,
    /// The value of each field.
    values: Vec<(FieldId, String)>,
}

impl Reader<'_> {
    fn problem(&mut self, table: &str, key: &str, why: impl Into<String>) {
        let key = path(&[self.prefix, table, key]);
        self.problems.push(Problem { key, why: why.into() });
    }

    fn refuse_unknown(&mut self, table: &str, content: &Table, known: &[&str]) {
        for key in content.keys().filter(|key| !known.contains(&key.as_str())) {
            let why = explain_unknown(key, table, known);
            self.problem(table, key, why);
        }
    }

    /// A table by its name. A missing one is an empty one: what it must hold is then named key by key.
    fn table(&mut self, parent: &Table, name: &str) -> Table {
        match parent.get(name) {
            None => Table::new(),
            Some(Value::Table(table)) => {
                self.refuse_unknown(name, table, &known(name));
                table.clone()
            }
            Some(_) => {
                self.problem("", name, format!("this is a table: its keys go below a line [{name}]"));
                Table::new()
            }
        }
    }

    /// A text; none where the key is missing or holds something else, which is then said.
    fn text<'t>(&mut self, table: &str, content: &'t Table, key: &str, such_as: &str) -> Option<&'t str> {
        match content.get(key)? {
            Value::String(text) => Some(text),
            _ => {
                self.problem(table, key, format!("a text in quotes is needed, such as \"{such_as}\""));
                None
            }
        }
    }

    /// The text fields of a table; one that is left out has the value that it begins with in the wizard, unless it is
    /// needed.
    fn fields(&mut self, table: &str, content: &Table) {
        let here = |info: &&FieldInfo| info.is_line() && info.table_and_key().0 == table;
        for info in FIELDS.iter().filter(here) {
            let key = info.short_key();
            let number;
            let text = match content.get(key) {
                Some(Value::Integer(value)) if info.kind == Kind::Number => {
                    number = value.to_string();
                    Some(number.as_str())
                }
                // A number in quotes is a slip, and no text is a number.
                Some(_) if info.kind == Kind::Number => Some("x"),
                Some(_) => self.text(table, content, key, info.example),
                // When to sync is the one default that a person has to agree to.
                None if info.id == FieldId::DailySyncTime => Some(""),
                None => Some(info.default),
            };
            let Some(text) = text else { continue };
            // Left out or filled: a blank one in a file is a slip.
            let is_slip = info.id.is_advanced() && content.contains_key(key);
            match if is_slip { (info.read)(info.bare(text)) } else { info.take(text) } {
                Ok(taken) => {
                    let path = path(&[self.prefix, table, key]);
                    let notes = taken.notes.into_iter().chain(taken.doubt.map(Note::Doubt));
                    self.notes.extend(notes.map(|note| (path.clone(), note)));
                    self.values.push((info.id, text.to_owned()));
                }
                Err(refused) => self.problem(table, key, refused.why),
            }
        }
    }

    fn command(&mut self, content: &Table) -> Option<Vec<String>> {
        let words = words(content.get(COMMAND)?);
        if words.is_none() {
            self.problem("api", COMMAND, NO_WORDS);
        }
        words
    }

    fn note_outcome(&mut self, value: &Value) -> Option<NoteOutcome> {
        match value {
            Value::Integer(number) if *number > 0 => Some(NoteOutcome::Number(*number)),
            Value::String(name) if !name.trim().is_empty() && !name.chars().any(char::is_control) => {
                Some(NoteOutcome::Name(without_margin(name).to_owned()))
            }
            _ => {
                let why = "an action of Halo's is needed: its number, such as 7, or its name, such as \"Private Note\"";
                self.problem("pia_screen", NOTE_OUTCOME, why);
                None
            }
        }
    }

    fn escalate_to(&mut self, value: &Value) -> Option<EscalateChoice> {
        let loose = self.loose;
        const TABLE: &str = "pia_screen.escalate_to";
        match value {
            // Blank is the guide's way of saying "none".
            Value::String(name) if loose && name.trim().is_empty() => None,
            Value::String(name) if loose && !name.chars().any(char::is_control) => {
                Some(EscalateChoice::Name(without_margin(name).to_owned()))
            }
            Value::Integer(id) if loose => Some(EscalateChoice::Id(*id)),
            Value::Table(agent) => {
                self.refuse_unknown(TABLE, agent, &["agent_id", "name"]);
                let id = agent.get("agent_id").and_then(Value::as_integer);
                if id.is_none() {
                    self.problem(TABLE, "agent_id", "the agent's id in Halo is needed, a whole number such as 7");
                }
                let name = agent.get("name").and_then(Value::as_str);
                if name.is_none() {
                    self.problem(TABLE, "name", "the agent's name is needed, such as \"Dana Scully\"");
                }
                Some(EscalateChoice::Exact(EscalateTo { agent_id: id?, name: name?.to_owned() }))
            }
            _ => {
                let exact = "{ agent_id = 7, name = \"Dana Scully\" }";
                let why = if loose {
                    format!("an agent is needed: \"Dana Scully\", 7 or {exact}; or leave the key out")
                } else {
                    format!("an agent is needed, such as {exact}; or leave the key out")
                };
                self.problem("pia_screen", "escalate_to", why);
                None
            }
        }
    }
}

fn path(parts: &[&str]) -> String {
    let shown: Vec<String> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| Untrusted::new(*part).display()).collect();
    shown.join(".")
}

/// Why a key is not known: a secret in the wrong place, a key in the wrong table, a slip of the pen.
pub fn explain_unknown(key: &str, table: &str, known: &[&str]) -> String {
    let plain = key.to_lowercase().replace('-', "_");
    if SECRET_KEYS.contains(&plain.as_str()) {
        return NO_SECRETS.to_owned();
    }
    if let Some(near) = nearest(&plain, known.iter().copied()) {
        return format!("unknown key; did you mean {near}?");
    }
    let elsewhere = TABLES.iter().filter(|other| **other != table);
    if let Some((name, near)) = elsewhere.filter_map(|name| Some((name, nearest(&plain, self::known(name))?))).next() {
        return format!("unknown key here; {near} belongs below [{name}]");
    }
    let all = known.join(", ");
    format!("unknown key; known here: {all}")
}

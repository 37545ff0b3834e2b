//! One configuration out of TOML, key by key, so that each mistake can be named with what would be right.

use std::path::PathBuf;

use toml::{Table, Value};

use super::suggestion::nearest;
use crate::domain::address::{AddressError, AuthUrl, HaloUrl, Note, PiaUrl, Reading};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::configuration::{
    ApiCredentials, CompanySync, Configuration, EscalateTo, Integration, PiaScreen, check_board, check_client_id,
    check_name,
};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::untrusted::Untrusted;

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

/// Keys of the tables, and which table each may stand in: the one list that checks and suggestions are made from.
const TOP: &[&str] = &["name", "api", "company_sync", "pia_screen", "integration"];
const TABLES: [(&str, &[&str]); 4] = [
    ("api", &["url", "client_id", "tenant", "auth_url", "request_budget", "ca_file", "client_secret_command"]),
    ("company_sync", &["daily_sync_time"]),
    ("pia_screen", &["pia_board", "escalation_board", "escalate_to"]),
    ("integration", &["pia_url", "chat_pod_url"]),
];

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
    let inner = TABLES.iter().flat_map(|(table, keys)| keys.iter().map(move |key| format!("{table}.{key}")));
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
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Reads one configuration. `prefix` is the table it is in, for the messages; `loose` allows what only an answers file
/// may say.
pub fn read(table: &Table, prefix: &str, loose: bool) -> Read {
    let mut reader = Reader { prefix, problems: Vec::new(), notes: Vec::new() };
    reader.refuse_unknown("", table, TOP);
    let name = reader.name(table);
    let api = reader.api(table);
    let company_sync = reader.company_sync(table);
    let (pia_screen, escalate_to) = reader.pia_screen(table, loose);
    let integration = reader.integration(table);
    let Reader { problems, notes, .. } = reader;
    let configuration = match (api, company_sync, problems.is_empty()) {
        (Some(api), Some(company_sync), true) => {
            Some(Configuration { name, api, company_sync, pia_screen, integration })
        }
        _ => None,
    };
    Read { configuration, escalate_to, notes, problems }
}

struct Reader<'a> {
    prefix: &'a str,
    problems: Vec<Problem>,
    notes: Vec<(String, Note)>,
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
        let known = TABLES.iter().find(|(table, _)| *table == name).map_or(&[][..], |(_, keys)| keys);
        match parent.get(name) {
            None => Table::new(),
            Some(Value::Table(table)) => {
                self.refuse_unknown(name, table, known);
                table.clone()
            }
            Some(_) => {
                self.problem("", name, format!("this is a table: its keys stand below a line [{name}]"));
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

    fn checked<T, E: std::fmt::Display>(&mut self, table: &str, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.problem(table, key, error.to_string())).ok()
    }

    fn address<T>(&mut self, table: &str, key: &str, reading: Result<Reading<T>, AddressError>) -> Option<T> {
        let reading = self.checked(table, key, reading)?;
        let key = path(&[self.prefix, table, key]);
        self.notes.extend(reading.notes.into_iter().map(|note| (key.clone(), note)));
        Some(reading.address)
    }

    fn name(&mut self, content: &Table) -> String {
        let Some(name) = self.text("", content, "name", "Acme MSP") else { return String::new() };
        self.checked("", "name", check_name(name));
        name.to_owned()
    }

    fn api(&mut self, parent: &Table) -> Option<ApiCredentials> {
        const API: &str = "api";
        let content = &self.table(parent, API);
        let url = match content.get("url") {
            None => self.address(API, "url", HaloUrl::read("")),
            Some(_) => {
                let text = self.text(API, content, "url", "https://yourcompany.halopsa.com");
                text.and_then(|text| self.address(API, "url", HaloUrl::read(text)))
            }
        };
        let client_id = match content.get("client_id") {
            None => {
                self.checked(API, "client_id", check_client_id(""));
                None
            }
            Some(_) => {
                let text = self.text(API, content, "client_id", "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f");
                text.and_then(|text| self.checked(API, "client_id", check_client_id(text)).map(|()| text.trim()))
            }
        };
        let tenant = self.text(API, content, "tenant", "acme").map(str::trim);
        if tenant.is_some_and(|tenant| tenant.is_empty() || tenant.chars().any(char::is_control)) {
            self.problem(API, "tenant", "one line is needed, such as acme; or leave the key out");
        }
        let auth_url = self
            .text(API, content, "auth_url", "https://yourcompany.halopsa.com/auth")
            .and_then(|text| self.address(API, "auth_url", AuthUrl::read(text)));
        let request_budget = self.request_budget(content);
        let ca_file = self.ca_file(content);
        let client_secret_command = self.command(content);
        Some(ApiCredentials {
            url: url?,
            client_id: client_id?.to_owned(),
            tenant: tenant.map(str::to_owned),
            auth_url,
            request_budget,
            ca_file,
            client_secret_command,
        })
    }

    fn request_budget(&mut self, content: &Table) -> Option<u32> {
        let budget = content.get("request_budget")?;
        let number = budget.as_integer().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            let why = "a whole number is needed: requests in 5 minutes, such as 630, or 0 for no limit";
            self.problem("api", "request_budget", why);
        }
        number
    }

    fn ca_file(&mut self, content: &Table) -> Option<PathBuf> {
        let file = PathBuf::from(self.text("api", content, "ca_file", "/etc/ssl/acme-ca.pem")?);
        if !file.is_absolute() {
            // Relative to what? The service starts elsewhere than the person does.
            self.problem("api", "ca_file", "an absolute path is needed, such as /etc/ssl/acme-ca.pem");
        }
        Some(file)
    }

    fn command(&mut self, content: &Table) -> Option<Vec<String>> {
        let value = content.get("client_secret_command")?;
        let words: Option<Vec<String>> =
            value.as_array().and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect());
        let words = words.filter(|words| {
            words.first().is_some_and(|program| !program.trim().is_empty())
                && words.iter().all(|word| !word.contains('\0'))
        });
        if words.is_none() {
            let why =
                "the words of a command are needed, such as [\"pass\", \"show\", \"halo/acme\"]; no shell reads it";
            self.problem("api", "client_secret_command", why);
        }
        words
    }

    fn company_sync(&mut self, parent: &Table) -> Option<CompanySync> {
        const COMPANY_SYNC: &str = "company_sync";
        let content = &self.table(parent, COMPANY_SYNC);
        let key = "daily_sync_time";
        let text = if content.contains_key(key) { self.text(COMPANY_SYNC, content, key, "04:30")? } else { "" };
        let daily_sync_time = self.checked(COMPANY_SYNC, key, DailySyncTime::parse(text))?;
        Some(CompanySync { daily_sync_time })
    }

    fn pia_screen(&mut self, parent: &Table, loose: bool) -> (PiaScreen, Option<EscalateChoice>) {
        const PIA_SCREEN: &str = "pia_screen";
        let content = &self.table(parent, PIA_SCREEN);
        let mut board = |key| match self.text(PIA_SCREEN, content, key, "Pia") {
            None => PiaScreen::usual_board(),
            Some(text) => {
                self.checked(PIA_SCREEN, key, check_board(text));
                text.to_owned()
            }
        };
        let (pia_board, escalation_board) = (board("pia_board"), board("escalation_board"));
        let choice = content.get("escalate_to").and_then(|value| self.escalate_to(value, loose));
        let escalate_to = match &choice {
            Some(EscalateChoice::Exact(agent)) => Some(agent.clone()),
            _ => None,
        };
        (PiaScreen { pia_board, escalation_board, escalate_to }, choice)
    }

    fn escalate_to(&mut self, value: &Value, loose: bool) -> Option<EscalateChoice> {
        const TABLE: &str = "pia_screen.escalate_to";
        match value {
            // Blank is the guide's way of saying "none".
            Value::String(name) if loose && name.trim().is_empty() => None,
            Value::String(name) if loose && !name.chars().any(char::is_control) => {
                Some(EscalateChoice::Name(name.trim().to_owned()))
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

    fn integration(&mut self, parent: &Table) -> Integration {
        const INTEGRATION: &str = "integration";
        let content = &self.table(parent, INTEGRATION);
        let pia_url = self
            .text(INTEGRATION, content, "pia_url", "https://pia.acme.example")
            .and_then(|text| self.address(INTEGRATION, "pia_url", PiaUrl::read(text)));
        let chat_pod_url = self
            .text(INTEGRATION, content, "chat_pod_url", "https://pia.acme.example/pod?ticket=$FAULTID")
            .and_then(|text| self.checked(INTEGRATION, "chat_pod_url", ChatPodUrl::parse(text)));
        Integration { pia_url, chat_pod_url }
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
    if let Some(near) = nearest(&plain, known) {
        return format!("unknown key; did you mean {near}?");
    }
    let elsewhere = TABLES.iter().find(|(name, keys)| *name != table && nearest(&plain, keys).is_some());
    if let Some((name, keys)) = elsewhere
        && let Some(near) = nearest(&plain, keys)
    {
        return format!("unknown key here; {near} belongs below [{name}]");
    }
    let all = known.join(", ");
    format!("unknown key; known here: {all}")
}

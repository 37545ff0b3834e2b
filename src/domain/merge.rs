//! Two people who change one configuration: what each changed counts, and what both changed is for a person to decide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::configuration::Configuration;
use super::fields::FIELDS;
use super::request::SecretChoice;
use super::untrusted::Untrusted;

/// Settings that mean something together only: half of one person's and half of another's could send the Client Secret
/// to a sign-in server of the wrong Halo. A Client Secret that was typed belongs to them, too.
const TOGETHER: [&str; 5] = ["api.url", "api.client_id", "api.tenant", "api.auth_url", "api.ca_file"];

/// A setting that two people changed, each to something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its key in the settings.
    pub key: String,
    pub label: String,
    /// What both have read.
    pub was: String,
    /// What the other one saved.
    pub theirs: String,
    /// What is to be saved.
    pub mine: String,
}

impl Conflict {
    /// Whether I left it as it was, and changed what belongs to it.
    pub fn is_untouched(&self) -> bool {
        self.mine == self.was
    }

    /// The three values, in a line.
    pub fn line(&self) -> String {
        let Self { label, was, theirs, mine, .. } = self;
        if self.is_untouched() {
            return format!("{label} (was {was}; they saved {theirs})");
        }
        format!("{label} (was {was}; they saved {theirs}, you have {mine})")
    }
}

/// A save that another one came before, and what a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What is saved now.
    pub theirs: Configuration,
    /// What both changed.
    pub conflicts: Vec<Conflict>,
}

/// What becomes of two changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Both changes together; of what both changed, theirs.
    pub configuration: Configuration,
    /// The names of what only the other one changed.
    pub kept: Vec<String>,
    /// What both changed, and is not decided.
    pub conflicts: Vec<Conflict>,
}

/// Puts two changes of what both have read together, setting by setting. Of what both changed, the keys in `decided` are
/// taken as mine.
pub fn merge(
    read: &Configuration,
    theirs: &Configuration,
    mine: &Configuration,
    my_secret: &SecretChoice,
    decided: &BTreeSet<String>,
) -> Merged {
    let [old, other, own] = [read, theirs, mine].map(settings);
    let has_secret = matches!(my_secret, SecretChoice::Typed(_));
    let differs = |one: &Settings, key: &str| one.get(key) != old.get(key);
    let is_changed = |one: &Settings, key: &str| match TOGETHER.contains(&key) {
        true => TOGETHER.iter().any(|key| differs(one, key)),
        false => differs(one, key),
    };
    let is_mine = |key: &str| is_changed(&own, key) || has_secret && TOGETHER.contains(&key);
    let mut together = other.clone();
    let (mut kept, mut conflicts) = (Vec::new(), Vec::new());
    let keys: BTreeSet<&String> = old.keys().chain(other.keys()).chain(own.keys()).collect();
    for key in keys.into_iter().filter(|key| other.get(*key) != own.get(*key)) {
        match (is_changed(&other, key), is_mine(key)) {
            (true, false) => kept.push(label(key)),
            (true, true) if !decided.contains(key) => conflicts.push(Conflict {
                key: key.clone(),
                label: label(key),
                was: shown(key, read, &old),
                theirs: shown(key, theirs, &other),
                mine: shown(key, mine, &own),
            }),
            _ => match own.get(key) {
                Some(value) => _ = together.insert(key.clone(), value.clone()),
                None => _ = together.remove(key),
            },
        }
    }
    let configuration = whole(together).unwrap_or_else(|| mine.clone());
    Merged { configuration, kept, conflicts }
}

type Settings = BTreeMap<String, Value>;

/// Every setting by its key, with its table. What is made of several values, such as a contact, is one.
fn settings(own: &Configuration) -> Settings {
    let Ok(Value::Object(tables)) = serde_json::to_value(own) else { return Settings::new() };
    let mut all = Settings::new();
    for (table, value) in tables {
        match value {
            Value::Object(values) => {
                all.extend(values.into_iter().map(|(key, value)| (format!("{table}.{key}"), value)))
            }
            value => _ = all.insert(table, value),
        }
    }
    all
}

fn whole(settings: Settings) -> Option<Configuration> {
    let mut tables = Map::new();
    for (key, value) in settings {
        match key.split_once('.') {
            None => _ = tables.insert(key, value),
            Some((table, key)) => {
                let table = tables.entry(table).or_insert_with(|| Value::Object(Map::new()));
                table.as_object_mut()?.insert(key.to_owned(), value);
            }
        }
    }
    serde_json::from_value(Value::Object(tables)).ok()
}

fn label(key: &str) -> String {
    FIELDS.iter().find(|info| info.key == key).map_or(key, |info| info.label).to_owned()
}

/// A value for people. What a command is made of is nobody's business.
fn shown(key: &str, own: &Configuration, settings: &Settings) -> String {
    let text = match (FIELDS.iter().find(|info| info.key == key), settings.get(key)) {
        (Some(info), _) => (info.get)(own),
        (None, Some(Value::Array(_))) => "a command".to_owned(),
        (None, Some(value)) => value.to_string(),
        (None, None) => String::new(),
    };
    if text.is_empty() { "blank".to_owned() } else { Untrusted::new(text).display() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::secret::Secret;

    /// Three values for every setting: none of them blank by being left out of the table below.
    fn variant(number: usize, of: impl Fn(&str) -> usize) -> Configuration {
        let text = |key: &str, values: [&str; 3]| Value::from(values[(of(key) + number) % 3]);
        let host = ["https://a.example", "https://b.example", "https://c.example"];
        let all: Settings = [
            ("name", text("name", ["", "Acme", "北京"])),
            ("api.url", text("api.url", host)),
            ("api.client_id", text("api.client_id", ["one", "two", "three"])),
            ("api.tenant", text("api.tenant", ["x", "y", "z"])),
            (
                "api.auth_url",
                text("api.auth_url", ["https://a.example/auth", "https://b.example/auth", "https://c.example/auth"]),
            ),
            ("api.ca_file", text("api.ca_file", ["/a.pem", "/b.pem", "/c.pem"])),
            ("api.request_budget", Value::from((of("api.request_budget") + number) % 3)),
            (
                "api.client_secret_command",
                Value::from(vec![["a", "b", "c"][(of("api.client_secret_command") + number) % 3]]),
            ),
            ("company_sync.daily_sync_time", text("company_sync.daily_sync_time", ["04:30", "05:00", "06:00"])),
            ("company_sync.include", text("company_sync.include", ["type = 1", "type = 2", "CFTier = Gold"])),
            ("pia_screen.pia_board", text("pia_screen.pia_board", ["Pia", "Desk", "Two"])),
            ("pia_screen.escalation_board", text("pia_screen.escalation_board", ["Pia", "Desk", "Two"])),
            (
                "pia_screen.escalate_to",
                serde_json::json!({ "agent_id": (of("pia_screen.escalate_to") + number) % 3, "name": "Dana" }),
            ),
            ("pia_screen.note_outcome", Value::from((of("pia_screen.note_outcome") + number) % 3 + 1)),
            ("integration.pia_url", text("integration.pia_url", host)),
            (
                "integration.chat_pod_url",
                text(
                    "integration.chat_pod_url",
                    ["https://a.example/?t=$FAULTID", "https://b.example/?t=$FAULTID", "https://c.example/?t=$FAULTID"],
                ),
            ),
            (
                "integration.webhook_options",
                text("integration.webhook_options", ["log days = 30", "log days = 60", "events = 3, 19"]),
            ),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        whole(all).unwrap()
    }

    fn keys() -> Vec<String> {
        settings(&variant(0, |_| 0)).into_keys().collect()
    }

    /// A new setting has to get its values above: otherwise nobody knows that it is merged.
    #[test]
    fn every_setting_is_in_test() {
        for info in FIELDS.iter().filter(|info| !info.key.is_empty()) {
            assert!(keys().contains(&info.key.to_owned()), "{}", info.key);
        }
    }

    #[test]
    fn both_changes_are_kept_and_what_both_changed_is_asked() {
        let read = variant(0, |_| 0);
        let theirs = variant(0, |key| usize::from(key.ends_with("_time") || key == "name"));
        let mine = variant(0, |key| if key == "name" { 2 } else { usize::from(key.ends_with("pia_board")) });
        let merged = merge(&read, &theirs, &mine, &SecretChoice::Stored, &BTreeSet::new());
        assert_eq!(merged.configuration.company_sync.daily_sync_time.to_string(), "05:00");
        assert_eq!(merged.configuration.pia_screen.pia_board, "Desk");
        assert_eq!(merged.kept, ["Daily Sync Time"]);
        let lines: Vec<String> = merged.conflicts.iter().map(Conflict::line).collect();
        assert_eq!(lines, ["Configuration Name (was blank; they saved Acme, you have 北京)"]);
        let decided = merge(&read, &theirs, &mine, &SecretChoice::Stored, &["name".to_owned()].into());
        assert_eq!((decided.configuration.name.as_str(), decided.conflicts.len()), ("北京", 0));
    }

    /// One moves to another Halo, the other names a sign-in server of the old one.
    #[test]
    fn url_of_one_and_sign_in_of_other_are_never_mixed() {
        let read = variant(0, |_| 0);
        let theirs = variant(0, |key| usize::from(key == "api.url"));
        let mine = variant(0, |key| usize::from(key == "api.auth_url"));
        let merged = merge(&read, &theirs, &mine, &SecretChoice::Stored, &BTreeSet::new());
        let keys: Vec<&str> = merged.conflicts.iter().map(|conflict| conflict.key.as_str()).collect();
        assert_eq!(keys, ["api.auth_url", "api.url"]);
        assert_eq!(merged.configuration, theirs);
        for key in TOGETHER {
            let mine = variant(0, |own| usize::from(own == key));
            let merged = merge(&read, &theirs, &mine, &SecretChoice::Stored, &BTreeSet::new());
            assert!(key == "api.url" || merged.conflicts.len() == 2, "{key}: {merged:?}");
        }
    }

    /// A Client Secret is typed for the Halo that its person has read, and goes to no other one unasked.
    #[test]
    fn typed_secret_does_not_follow_url_of_somebody_else() {
        let (read, theirs) = (variant(0, |_| 0), variant(0, |key| usize::from(key == "api.url")));
        let typed = SecretChoice::Typed(Secret::new("typed"));
        let asked = |secret| merge(&read, &theirs, &read, secret, &BTreeSet::new()).conflicts.len();
        assert_eq!((asked(&typed), asked(&SecretChoice::Stored)), (1, 0));
        let mine = merge(&read, &theirs, &read, &typed, &["api.url".to_owned()].into());
        assert_eq!(mine.configuration, read);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        /// Whatever each of two people changed: nothing of either is lost without being asked for.
        #[test]
        fn no_change_of_two_people_is_lost(theirs in prop::collection::vec(0..3_usize, 17), mine in prop::collection::vec(0..3_usize, 17)) {
            let keys = keys();
            let place = |key: &str| keys.iter().position(|own| own == key).unwrap();
            let (read, other, own) = (variant(0, |_| 0), variant(0, |key| theirs[place(key)]), variant(0, |key| mine[place(key)]));
            let merged = merge(&read, &other, &own, &SecretChoice::Stored, &BTreeSet::new());
            let result = settings(&merged.configuration);
            let [was, they, i] = [&read, &other, &own].map(settings);
            for key in &keys {
                let (was, they, i, is) = (&was[key], &they[key], &i[key], &result[key]);
                let asked = merged.conflicts.iter().any(|conflict| conflict.key == *key);
                if TOGETHER.contains(&key.as_str()) {
                    prop_assert!(asked || is == i || is == they);
                    continue;
                }
                prop_assert_eq!(asked, they != was && i != was && they != i, "{}", key);
                let right = if they == was { i } else { they };
                prop_assert_eq!(is, right, "{}", key);
            }
            let all: BTreeSet<String> = keys.iter().cloned().collect();
            prop_assert!(merge(&read, &other, &own, &SecretChoice::Stored, &all).conflicts.is_empty());
        }
    }
}

//! Settings out of the environment: a variable for each overrides the file, and is never saved.

use serde_json::json;

use super::environment::Environment;
use crate::domain::configuration::{Configuration, EscalateTo};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::{FIELDS, FieldInfo};
use crate::domain::note_outcome::NoteOutcome;

/// A setting that a variable can give.
#[derive(Clone, Copy, Debug)]
pub enum Setting {
    /// A field that a person fills in as a line.
    Field(&'static FieldInfo),
    /// Anything else of the settings file.
    Other(&'static Other),
}

/// A setting that is no line of the wizard's.
#[derive(Debug)]
pub struct Other {
    key: &'static str,
    label: &'static str,
    example: &'static str,
    get: fn(&Configuration) -> String,
    take: fn(&mut Configuration, &str) -> Result<(), String>,
}

/// An agent cannot be looked up by name before Halo was asked, so the number comes first.
const OTHERS: [Other; 3] = [
    Other {
        key: "api.client_secret_command",
        label: "The command that prints the Client Secret, written as a JSON array",
        example: r#"["pass", "show", "halo/acme"]"#,
        get: |own| own.api.client_secret_command.as_ref().map(|words| json!(words).to_string()).unwrap_or_default(),
        take: |own, text| {
            let words: Option<Vec<String>> = serde_json::from_str(text).ok();
            let words = words.filter(|words| words.first().is_some_and(|program| !program.trim().is_empty()));
            let refused = || r#"a JSON array is needed, such as ["pass", "show", "halo/acme"]"#.to_owned();
            own.api.client_secret_command = Some(words.ok_or_else(refused)?);
            Ok(())
        },
    },
    Other {
        key: "pia_screen.escalate_to",
        label: "Pia Escalate To: the agent's number in Halo, then a name if you like",
        example: "7 Dana Scully",
        get: |own| {
            let contact = own.pia_screen.escalate_to.as_ref();
            contact.map(|to| format!("{} {}", to.agent_id, to.name).trim_end().to_owned()).unwrap_or_default()
        },
        take: |own, text| {
            let (number, name) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
            let number = number.parse().ok().filter(|number| *number > 0);
            let agent_id = number.ok_or("the number of an agent is needed, such as 7 or 7 Dana Scully")?;
            own.pia_screen.escalate_to = Some(EscalateTo { agent_id, name: name.trim().to_owned() });
            Ok(())
        },
    },
    Other {
        key: "pia_screen.note_outcome",
        label: "The action in Halo that adds a note, by name or number",
        example: "Private Note",
        get: |own| {
            own.pia_screen
                .note_outcome
                .as_ref()
                .map(|outcome| match outcome {
                    NoteOutcome::Number(number) => number.to_string(),
                    NoteOutcome::Name(name) => name.clone(),
                })
                .unwrap_or_default()
        },
        take: |own, text| {
            let name = || NoteOutcome::Name(text.trim().to_owned());
            own.pia_screen.note_outcome = Some(text.trim().parse().map_or_else(|_| name(), NoteOutcome::Number));
            Ok(())
        },
    },
];

impl Setting {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let fields = FIELDS.iter().filter(|info| info.is_line() && !info.key.is_empty());
        fields.map(Self::Field).chain(OTHERS.iter().map(Self::Other))
    }

    /// Its key in the settings, with its table.
    pub fn key(self) -> &'static str {
        match self {
            Self::Field(info) => info.key,
            Self::Other(other) => other.key,
        }
    }

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Field(info) => info.label,
            Self::Other(other) => other.label,
        }
    }

    /// A value as its variable could have it.
    pub fn example(self) -> &'static str {
        match self {
            Self::Field(info) => info.example,
            Self::Other(other) => other.example,
        }
    }

    /// The name of its variable: `api.url` is `PIA_HALO_API_URL`.
    pub fn variable(self) -> String {
        format!("PIA_HALO_{}", self.key().replace('.', "_").to_uppercase())
    }

    /// Its value, as a variable gives it; blank where it has none.
    pub fn get(self, own: &Configuration) -> String {
        match self {
            Self::Field(info) => (info.get)(own),
            Self::Other(other) => (other.get)(own),
        }
    }

    fn take(self, own: &mut Configuration, text: &str) -> Result<(), String> {
        match self {
            Self::Field(info) => {
                info.take(text).map_err(|refused| refused.why)?;
                info.put(own, text);
                Ok(())
            }
            Self::Other(other) => (other.take)(own, text),
        }
    }
}

/// Each variable that is set, with its value.
pub fn set_variables(environment: &Environment) -> impl Iterator<Item = (Setting, &str)> {
    Setting::all().filter_map(|setting| Some((setting, environment.text(&setting.variable())?)))
}

/// A saved configuration with what they give in its place.
///
/// # Errors
///
/// [`FailureKind::Usage`] with the name of the variable that is no value of its setting.
pub fn with_variables(environment: &Environment, mut saved: Configuration) -> Result<Configuration, Failure> {
    for (setting, text) in set_variables(environment) {
        let refused = |why| Failure::new(FailureKind::Usage, format!("{}: {why}", setting.variable()));
        setting.take(&mut saved, text).map_err(refused)?;
    }
    Ok(saved)
}

/// An environment in which none of them is set: for whoever changes what is saved.
#[must_use]
pub fn without_variables(environment: &Environment) -> Environment {
    Setting::all().fold(environment.clone(), |environment, setting| environment.without(&setting.variable()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::HaloUrl;
    use crate::domain::configuration::ApiCredentials;

    fn configuration() -> Configuration {
        Configuration::new(ApiCredentials::new(HaloUrl::read("https://acme.halopsa.com").unwrap().address, "id"))
    }

    #[test]
    fn every_setting_has_variable_that_sets_it() {
        let mut keys = Vec::new();
        for setting in Setting::all() {
            let example = setting.example();
            let given = Environment::from_pairs([(setting.variable(), example)]);
            let own = with_variables(&given, configuration()).unwrap();
            let mut wanted = configuration();
            setting.take(&mut wanted, example).unwrap();
            assert_eq!((setting.get(&own), &own), (setting.get(&wanted), &wanted), "{setting:?}");
            assert!(!setting.get(&own).is_empty(), "{setting:?}");
            keys.push(setting.key());
        }
        // What the settings file can hold, by the answers file, which has a line for each.
        let answers: toml::Table = {
            let all = include_str!("../../assets/answers.toml");
            let is_key = |line: &&str| {
                line.starts_with('[')
                    || line
                        .trim_start_matches('#')
                        .split_once(" = ")
                        .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            };
            let lines: Vec<_> = all.lines().filter(is_key).map(|line| line.trim_start_matches('#')).collect();
            lines.join("\n").parse().unwrap()
        };
        let mut file = Vec::new();
        for (table, value) in &answers {
            match value.as_table() {
                Some(inner) => file.extend(inner.keys().map(|key| format!("{table}.{key}"))),
                None => file.push(table.clone()),
            }
        }
        // The id is what it is saved as, and no setting.
        file.retain(|key| key != "id");
        file.sort();
        keys.sort_unstable();
        assert_eq!(keys, file);
        let escalate = Environment::from_pairs([("PIA_HALO_PIA_SCREEN_ESCALATE_TO", "Dana")]);
        assert!(with_variables(&escalate, configuration()).unwrap_err().message.contains("such as 7"));
        let command = Environment::from_pairs([("PIA_HALO_API_CLIENT_SECRET_COMMAND", "pass show")]);
        assert!(with_variables(&command, configuration()).unwrap_err().message.contains("a JSON array"));
    }

    #[test]
    fn wrong_variable_is_refused_by_name_and_blank_one_is_unset() {
        let time = "PIA_HALO_COMPANY_SYNC_DAILY_SYNC_TIME";
        let failure = with_variables(&Environment::from_pairs([(time, "25:00")]), configuration()).unwrap_err();
        assert!(failure.message.starts_with(&format!("{time}: ")), "{failure}");
        let set = Environment::from_pairs([(time, " "), ("PIA_HALO_NAME", "Other")]);
        let own = with_variables(&set, configuration()).unwrap();
        assert_eq!(
            (own.name.as_str(), &own),
            ("Other", &Configuration { name: "Other".to_owned(), ..configuration() })
        );
        assert_eq!(set_variables(&without_variables(&set)).count(), 0);
    }
}

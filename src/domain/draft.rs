//! An unfinished wizard: what was typed, as it was typed. Never a secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::configuration::{Configuration, ConfigurationId, EscalateTo};
use super::fields::{FIELDS, FieldId, FieldInfo};

pub use super::step::Step;

/// What the wizard remembers across a dropped connection: every field as typed, and where the person was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The configuration being edited; none while it is new.
    pub configuration: Option<ConfigurationId>,
    /// Where the person was.
    pub step: Step,
    /// What is typed into each field.
    #[serde(flatten)]
    pub typed: Typed,
    /// Whether a Client Secret had been typed: it has to be typed again.
    pub secret_entered: bool,
    /// Pia Escalate To.
    pub escalate_to: Option<EscalateTo>,
    /// Whose it is, once it is kept.
    pub who: Option<String>,
    /// What was read before it was changed: what another person saves meanwhile is told from what was changed here by it.
    pub read: Option<Box<Configuration>>,
}

/// The text of each field: in a file, a key each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed(BTreeMap<FieldId, String>);

impl Default for Typed {
    /// An empty wizard, with the guide's defaults.
    fn default() -> Self {
        let texts = FIELDS.iter().filter(|field| field.is_line());
        Self(texts.map(|field| (field.id, field.default.to_owned())).collect())
    }
}

impl Serialize for Typed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, text)| (field.info().short_key(), text)))
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Typed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the fields of a draft")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Typed, A::Error> {
                let mut typed = Typed::default();
                while let Some(key) = map.next_key::<String>()? {
                    match FIELDS.iter().find(|field| field.is_line() && field.short_key() == key) {
                        Some(field) => _ = typed.0.insert(field.id, map.next_value()?),
                        None => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(typed)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl Draft {
    /// The draft with which a saved configuration is edited.
    pub fn of(id: &ConfigurationId, configuration: &Configuration) -> Self {
        let lines = FIELDS.iter().filter(|field| field.is_line());
        Self {
            configuration: Some(id.clone()),
            step: Step::Credentials,
            typed: Typed(lines.map(|field| (field.id, (field.get)(configuration))).collect()),
            secret_entered: false,
            escalate_to: configuration.pia_screen.escalate_to.clone(),
            who: None,
            read: Some(Box::new(configuration.clone())),
        }
    }

    /// The same as the draft of a new configuration: the one that it changed is deleted.
    #[must_use]
    pub fn detached(self) -> Self {
        Self { configuration: None, read: None, ..self }
    }

    /// Whether nothing is in it that somebody would miss: of a new configuration blanks, or a lone sign that is no letter.
    pub fn says_nothing(&self) -> bool {
        let is_little = |text: &str| text.chars().count() <= 2 && !text.chars().any(char::is_alphabetic);
        let is_nothing = |info: &FieldInfo| {
            let text = self.text(info.id).trim();
            text == info.default || is_little(text)
        };
        let is_new = self.configuration.is_none() && !self.secret_entered && self.escalate_to.is_none();
        is_new && FIELDS.iter().filter(|info| info.is_line()).all(is_nothing)
    }

    /// What is typed into a field.
    pub fn text(&self, field: FieldId) -> &str {
        self.typed.0.get(&field).map_or("", String::as_str)
    }

    /// Configuration Name, as typed.
    pub fn name(&self) -> &str {
        self.text(FieldId::Name)
    }

    /// The same with another text in one field.
    #[must_use]
    pub fn with(mut self, field: FieldId, text: impl Into<String>) -> Self {
        self.typed.0.insert(field, text.into());
        self
    }
}

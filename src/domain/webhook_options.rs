//! How our webhooks behave in Halo: what a person asks for in one line, such as `log days = 60; switch off after = 20`.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::client::fold;
use super::untrusted::Untrusted;

/// How our webhooks behave in Halo. What is not asked for stays as Halo has it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct WebhookOptions {
    /// The numbers of the events that Halo tells; none: the safe set.
    pub events: Vec<i64>,
    /// What Halo is told to do with each webhook.
    pub halo: HaloOptions,
    /// Whether the service switches a webhook on again that Halo has switched off.
    pub switches_on_again: bool,
}

/// The options of a webhook that Halo keeps; none: as Halo has it, or not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct HaloOptions {
    /// For how many days Halo keeps its log of deliveries.
    pub log_days: Option<i64>,
    /// Whether Halo tells its own people of a failure.
    pub notifies: Option<bool>,
    /// After how many failures Halo switches the webhook off; 0: never.
    pub attempts: Option<i64>,
}

/// A member of Halo's webhook that an option sets.
pub type Member = (&'static str, serde_json::Value);

impl HaloOptions {
    /// The names of Halo's members.
    pub const MEMBERS: [&str; 3] = ["log_retention_policy_days", "notify_on_failure", "auto_disable_attempts"];

    /// What is set, by the names of Halo's members.
    pub fn members(&self) -> Vec<Member> {
        let values = [self.log_days.map(Into::into), self.notifies.map(Into::into), self.attempts.map(Into::into)];
        let all = Self::MEMBERS.into_iter().zip(values);
        all.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Those of them that Halo returned with the webhook: no other is written, or judged.
    #[must_use]
    pub fn readable_in(self, held: Self) -> Self {
        Self {
            log_days: self.log_days.filter(|_| held.log_days.is_some()),
            notifies: self.notifies.filter(|_| held.notifies.is_some()),
            attempts: self.attempts.filter(|_| held.attempts.is_some()),
        }
    }
}

/// Why a text is none of the options.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// A part without a name or a value.
    #[error("write name = value, such as log days = 60; separate several with ;")]
    Shape,
    /// A part with another name.
    #[error("\"{0}\" is unknown: use events, log days, notify on failure, switch off after, or switch on again")]
    Name(String),
    /// No number in these bounds.
    #[error("{0} takes a number from {1} to {2}")]
    Number(&'static str, i64, i64),
    /// Neither yes nor no.
    #[error("{0} takes yes or no")]
    YesNo(&'static str),
    /// No list of numbers.
    #[error("events are numbers from Halo's catalogue, such as events = 3, 19")]
    Events,
    /// Control characters.
    #[error("one line only, without control characters")]
    NotOneLine,
    /// The same name twice.
    #[error("\"{0}\" is there twice")]
    Twice(String),
}

const EVENTS: &str = "events";
const LOG_DAYS: &str = "log days";
const NOTIFY: &str = "notify on failure";
const SWITCH_OFF: &str = "switch off after";
const SWITCH_ON: &str = "switch on again";

impl WebhookOptions {
    /// Reads a line. A blank one asks for nothing.
    ///
    /// # Errors
    ///
    /// [`OptionsError`] where a part of it is not understood.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        if text.chars().any(char::is_control) {
            return Err(OptionsError::NotOneLine);
        }
        let (mut options, mut seen) = (Self::default(), Vec::new());
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(OptionsError::Shape)?;
            let (name, value) = (fold(name.trim()).replace(['-', '_'], " "), value.trim());
            if value.is_empty() || name.is_empty() {
                return Err(OptionsError::Shape);
            }
            match name.as_str() {
                EVENTS => options.events = events(value)?,
                LOG_DAYS => options.halo.log_days = Some(number(LOG_DAYS, value, 1, 3_650)?),
                NOTIFY => options.halo.notifies = Some(yes(NOTIFY, value)?),
                SWITCH_OFF => options.halo.attempts = Some(number(SWITCH_OFF, value, 0, 10_000)?),
                SWITCH_ON => options.switches_on_again = yes(SWITCH_ON, value)?,
                _ => return Err(OptionsError::Name(Untrusted::new(name).display())),
            }
            if seen.contains(&name) {
                return Err(OptionsError::Twice(name));
            }
            seen.push(name);
        }
        // A blank text is a choice; one of separators alone is a slip.
        if seen.is_empty() && !text.trim().is_empty() {
            return Err(OptionsError::Shape);
        }
        Ok(options)
    }

    /// Whether it asks for nothing.
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

fn events(value: &str) -> Result<Vec<i64>, OptionsError> {
    let mut events = Vec::new();
    for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let event = part.parse().ok().filter(|number| *number > 0).ok_or(OptionsError::Events)?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() { Err(OptionsError::Events) } else { Ok(events) }
}

fn number(name: &'static str, value: &str, least: i64, most: i64) -> Result<i64, OptionsError> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or(OptionsError::Number(name, least, most))
}

fn yes(name: &'static str, value: &str) -> Result<bool, OptionsError> {
    match fold(value).as_str() {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(OptionsError::YesNo(name)),
    }
}

/// The line as it is saved; [`WebhookOptions::parse`] reads it back.
impl fmt::Display for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |yes| if yes { "yes" } else { "no" }.to_owned();
        let events = self.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let parts = [
            (EVENTS, Some(events).filter(|events| !events.is_empty())),
            (LOG_DAYS, self.halo.log_days.map(|days| days.to_string())),
            (NOTIFY, self.halo.notifies.map(word)),
            (SWITCH_OFF, self.halo.attempts.map(|attempts| attempts.to_string())),
            (SWITCH_ON, self.switches_on_again.then(|| word(true))),
        ];
        let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}", value?)));
        f.write_str(&parts.collect::<Vec<_>>().join("; "))
    }
}

impl std::str::FromStr for WebhookOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        Self::parse(text)
    }
}

impl Serialize for WebhookOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for WebhookOptions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhook_options_are_saved_as_they_are_read() {
        for (typed, saved) in [
            ("", ""),
            ("Log_Days=60", "log days = 60"),
            (
                "switch on again = yes; events = 19,3, 19; notify on failure = NO; switch off after = 0",
                "events = 19, 3; notify on failure = no; switch off after = 0; switch on again = yes",
            ),
        ] {
            let options = WebhookOptions::parse(typed).unwrap();
            assert_eq!(options.to_string(), saved);
            assert_eq!(WebhookOptions::parse(saved).unwrap(), options);
        }
        for wrong in ["log days", "log days = 0", "log days = many", "colour = red", "events = all", "events = ,"]
            .into_iter()
            .chain([
                "events = 0",
                "events = 3, -3",
                "notify on failure = 7",
                "switch off after = -1",
                "log days = 1; log days = 2",
                "log days = 1\n",
            ])
        {
            assert!(WebhookOptions::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn option_that_halo_does_not_tell_is_not_written() {
        let wanted = HaloOptions { log_days: Some(60), notifies: Some(true), attempts: Some(5) };
        let held = HaloOptions { log_days: Some(30), ..HaloOptions::default() };
        assert_eq!(wanted.readable_in(held).members(), [("log_retention_policy_days", 60.into())]);
        assert_eq!(wanted.members().len(), 3);
    }
}

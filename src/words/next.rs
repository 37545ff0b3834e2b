//! A step as the interface names it: by the label of its key, and by the key where there are keys. What has no key there is
//! a command.

use super::Phrase;
use crate::domain::fields::FIELDS;
use crate::domain::next::{Hint, Next, Part};

impl Phrase {
    #[must_use]
    pub fn next(self, next: &Next) -> Self {
        match label(next) {
            Some((label, Some(id))) => self.text(label).key(" (", id, ")"),
            Some((label, None)) => self.text(label),
            None => self.text(next.to_string()),
        }
    }

    /// A sentence with a step behind it.
    #[must_use]
    pub fn hint(self, hint: &Hint) -> Self {
        let mut is_led = false;
        hint.parts().iter().fold(self, |phrase, part| match part {
            Part::Text(text) => phrase.text(in_fields(text)),
            // Whoever was led to the plan gives the key there.
            Part::Next(next @ Next::Configure) if is_led => phrase.next(next).key(" (", "accept", " there)"),
            Part::Next(next) => {
                is_led |= *next == Next::Plan;
                phrase.next(next)
            }
        })
    }
}

/// A text for people who see fields and no files: a setting is called by its field, and where it stands is left out.
fn in_fields(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(at) = text.find(BESIDE) {
        let Some(from) = text[..at].rfind(" (") else { break };
        text.replace_range(from..at + BESIDE.len(), "");
    }
    for field in &FIELDS {
        let name = field.key.rsplit('.').next().unwrap_or_default();
        // A name of one word is a word.
        if name.contains('_') {
            text = text.replace(name, field.label);
        }
    }
    text
}

/// Behind the name of a setting: where it stands.
const BESIDE: &str = " in the settings)";

impl From<&Hint> for Phrase {
    fn from(hint: &Hint) -> Self {
        Self::default().hint(hint)
    }
}

/// The label of its key, and the name of the key in the settings where it is the same on every screen.
fn label(next: &Next) -> Option<(&'static str, Option<&'static str>)> {
    Some(match next {
        Next::Check => ("Test", Some("test")),
        Next::Sync | Next::SyncYes => ("Sync Now", Some("sync_now")),
        Next::Plan => ("Integration", Some("pane_integration")),
        Next::Doctor => ("Check now", Some("check_halo")),
        Next::Configure | Next::ConfigureUnproved | Next::TakeOver | Next::TakeOverAdopting(_) => ("Configure", None),
        Next::Adopt(_) | Next::AdoptYes(_) => ("Take over", Some("take_over")),
        Next::Remove | Next::RemoveOnly(_) | Next::RemovePlan => ("Remove", Some("remove")),
        Next::Rotate => ("Rotate", Some("rotate")),
        Next::RollBack => ("Roll back", Some("roll_back")),
        Next::Deliveries => ("Deliveries", Some("read_deliveries")),
        Next::Events | Next::Undelivered => ("Events", Some("pane_events")),
        Next::SendAgain => ("Send undelivered events again", Some("retry_issue")),
        Next::Retry(_) => ("Try again", Some("retry_issue")),
        Next::Dismiss(_) => ("Overview, Dismiss", Some("dismiss_issue")),
        Next::FullCircle => ("Test ticket", Some("prove_it")),
        Next::InstallService => ("Install the service", Some("install_service")),
        Next::History | Next::Run(_) => ("Sync", Some("pane_sync")),
        Next::Issues | Next::Status => ("Overview", Some("pane_overview")),
        Next::Tickets => ("Tickets", Some("tickets")),
        Next::Escalate => ("Escalate", Some("escalate")),
        Next::Activate(_) | Next::ActivateYes(_) => ("Activate", Some("activate")),
        Next::Wizard
        | Next::Help
        | Next::SetupAnswers
        | Next::SetupPlain
        | Next::SetupSecret
        | Next::AnswersTemplate
        | Next::DemoServe
        | Next::ConfigPath
        | Next::ConfigEdit
        | Next::ByHand
        | Next::RemoveByHand
        | Next::Audit
        | Next::Report
        | Next::Support
        | Next::Backup
        | Next::Restore
        | Next::Serve
        | Next::ServeVerbose
        | Next::ForwardTo
        | Next::ShowEvent
        | Next::SetStoreAside
        | Next::InitStore
        | Next::NewStoreKey
        | Next::Spool
        | Next::Completions => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyMap;

    #[test]
    fn step_is_key_on_screen_and_label_where_nobody_presses_keys() {
        let hint = Hint::from("Run the first sync: ").next(Next::Sync);
        assert_eq!(Phrase::from(&hint).with_keys(&KeyMap::default()), "Run the first sync: Sync Now (s)");
        assert_eq!(Phrase::from(&hint).without_keys(), "Run the first sync: Sync Now");
        let hint = Hint::from(Next::Support);
        assert_eq!(Phrase::from(&hint).without_keys(), "pia-halo support", "no key does it");
    }

    /// The interface has fields: no name of a setting is in its advice.
    #[test]
    fn advice_names_fields_and_no_settings() {
        let told = |text: &str| Phrase::from(&Hint::from(text)).without_keys();
        assert_eq!(told("check pia_url and the proxy"), "check Pia Url and the proxy");
        assert_eq!(told("put it into Sign-in Address (auth_url in the settings)"), "put it into Sign-in Address");
        let lower = "a lower Request Budget (request_budget in the settings) leaves more to others";
        assert_eq!(told(lower), "a lower Request Budget leaves more to others");
        let hint = Hint::from("Set ca_file: ").next(Next::Check).text(", then check the Url");
        assert_eq!(Phrase::from(&hint).without_keys(), "Set CA File: Test, then check the Url");
        assert_eq!(hint.to_string(), "Set ca_file: pia-halo check, then check the Url", "a command has settings");
    }

    /// What a key does nobody is told to type: each of these keys is named by some step.
    #[test]
    fn every_key_that_does_what_command_does_is_named() {
        let named: Vec<&str> = Next::every().iter().filter_map(|next| label(next)?.1).collect();
        for id in ["rotate", "roll_back", "retry_issue", "dismiss_issue", "prove_it", "install_service", "pane_sync"] {
            assert!(named.contains(&id), "{id}");
        }
    }

    #[test]
    fn key_of_every_step_is_in_key_map() {
        let keys = KeyMap::default();
        for next in Next::every() {
            if let Some((_, Some(id))) = label(&next) {
                assert!(keys.first(id).is_some(), "{next}: {id}");
            }
        }
    }
}

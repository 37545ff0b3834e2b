//! What the header says at its right, and whether that is green, yellow or red. [`crate::view`] draws it.

use super::form::FieldId;
use super::jobs::health::findings;
use super::model::Screen;
use super::notice::Tone;
use super::wizard::Test;
use super::{Model, service};
use crate::domain::address::HaloUrl;
use crate::domain::health::Finding;
use crate::domain::status::ServiceStatus;
use crate::domain::untrusted::Untrusted;
use crate::words::health::summary;
use crate::words::time::{ago, moment};

/// How that stands which is on the screen. What comes behind three blanks gives way on a narrow terminal.
pub fn standing(model: &Model) -> (Tone, String) {
    match model.screen {
        Screen::Wizard => connection(model),
        Screen::Panes => state(model),
        Screen::Starting | Screen::Integrations => (Tone::Calm, String::new()),
    }
}

// In the panes: the configuration and its issues.
fn state(model: &Model) -> (Tone, String) {
    let Some(saved) = model.current_saved() else { return (Tone::Calm, String::new()) };
    let host = saved.configuration.api.url.host();
    if model.work.sync.run_of(model.current.as_ref()).is_some() {
        return (Tone::Calm, format!("Syncing   {host}"));
    }
    if !saved.status.active {
        return (Tone::Warn, format!("not active   {host}"));
    }
    if model.facts.standing_failed.is_some() {
        return (Tone::Bad, format!("state cannot be read   {host}"));
    }
    let findings = findings(model);
    let (tone, words) = summary(&findings);
    let sync = format!("sync {} UTC", saved.configuration.company_sync.daily_sync_time);
    let last = service::status(model).and_then(|service| service.last_event_at);
    let last = last.map_or_else(|| "no event yet".to_owned(), |at| format!("event {}", ago(model.now, at)));
    if findings.iter().any(Finding::is_open) {
        return (tone, format!("{words}   {last}   {sync}   {host}"));
    }
    // What is not known, or known and dismissed, keeps it from being green.
    let is_green = tone == Tone::Good;
    let words = if is_green { String::new() } else { format!("{words}   ") };
    match service::status(model).filter(|service| service.running) {
        Some(ServiceStatus { since: Some(since), .. }) => {
            let since = moment(model.now, *since);
            let since = since.trim_start_matches("today ");
            let service = format!("service since {since}");
            // Beside what is not known there is room for one of them: the newest event says more.
            let (first, second) = if is_green { (&service, &last) } else { (&last, &service) };
            (tone, format!("{words}{first}   {second}   {sync}   {host}"))
        }
        Some(_) => (tone, format!("{words}service running   {last}   {sync}   {host}")),
        // Nothing is expected of it yet, and nothing is promised.
        None => (tone, format!("{words}{host}")),
    }
}

// In the wizard: how the connection stands.
pub fn connection(model: &Model) -> (Tone, String) {
    let Some(wizard) = &model.wizard else { return (Tone::Calm, String::new()) };
    let host = || {
        let host = HaloUrl::read(wizard.form.text(FieldId::Url)).map(|r| r.address.host());
        Untrusted::new(host.unwrap_or_default()).display()
    };
    match &wizard.test {
        Test::Not if wizard.untested => (Tone::Warn, "not verified".to_owned()),
        Test::Not => (Tone::Calm, "not tested".to_owned()),
        Test::Running { .. } => (Tone::Calm, "testing".to_owned()),
        // What is edited is not what runs.
        Test::Before | Test::Passed(_) if wizard.settings && wizard.is_edited() => {
            (Tone::Warn, format!("not saved   {}", host()))
        }
        Test::Before | Test::Passed(_) => (Tone::Good, host()),
        Test::Failed(_) | Test::Broken(_) if wizard.untested => (Tone::Warn, "not verified".to_owned()),
        Test::Failed(_) | Test::Broken(_) => (Tone::Bad, "test failed".to_owned()),
    }
}

//! Review and Save.

use std::collections::BTreeSet;

use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::jobs::{activate, plan, sync};
use crate::app::model::{Model, saved_title};
use crate::app::notice::{Holds, Tone};
use crate::app::popup::{About, Ask, Confirm, Deciding, Popup};
use crate::app::wizard::Item;
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::merge::{Clash, Conflict, merge};
use crate::domain::request::{SaveReport, SaveRequest, SecretChoice};
use crate::domain::sync_run::Brake;
use crate::words::Phrase;

pub use super::state::{SaveState, Then};
use super::state::{Test, Wizard};
use super::{credentials, go, point_at, say_of_draft};

/// Said to whoever saves twice.
pub const SAVING: &str = "It is being saved.";

/// Why Save does nothing now.
pub fn save_refusal(model: &Model) -> Option<String> {
    let wizard = model.wizard.as_ref()?;
    match &wizard.save {
        SaveState::Running { .. } => Some(SAVING.to_owned()),
        SaveState::Saved(_) if !wizard.is_edited() => Some("Nothing has changed since it was saved.".to_owned()),
        _ => None,
    }
}

/// Saves what is typed.
pub fn save(model: &mut Model, then: Then) -> Vec<Effect> {
    model.leave_field();
    if let Some(reason) = save_refusal(model) {
        model.say(Tone::Calm, reason);
        return Vec::new();
    }
    let is_refused = credentials::known_failure(model).is_some();
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let configuration = match wizard.configuration() {
        Ok(configuration) => configuration,
        Err(field) => {
            let is_of_draft = wizard.is_of_draft(field);
            let effects = point_at(model, field);
            if is_of_draft {
                say_of_draft(model, field);
            }
            return effects;
        }
    };
    if !wizard.test.is_passed() && !wizard.untested {
        return test_first(model);
    }
    if let Some(host) = wizard.unagreed_host() {
        let effects = go(model, Step::Credentials);
        credentials::ask_for_host(model, host);
        wait_for_test(model);
        return effects;
    }
    // What was tested earlier is not noted as tested now, nor over what is known of it since.
    let is_now =
        matches!(wizard.test, Test::Passed(_)) || wizard.base.as_ref().is_none_or(|base| base.api != configuration.api);
    let verified = wizard.test.is_passed() && is_now && !is_refused;
    let request = SaveRequest {
        id: wizard.id.clone(),
        read: wizard.base.clone(),
        configuration: configuration.clone(),
        secret: wizard.secret_choice(),
        verified,
    };
    let (configuration, typed, secret) = (Box::new(configuration), Box::new(wizard.draft()), request.secret.clone());
    wizard.save = SaveState::Running { configuration, typed, secret, then };
    if wizard.settings {
        // The page is longer than the screen: what becomes of it is said in the last row.
        wizard.focus = Item::Save;
    }
    model.touch();
    vec![Effect::Save(Box::new(request))]
}

// Other credentials are tested before they replace those that are saved: the save follows by itself.
fn test_first(model: &mut Model) -> Vec<Effect> {
    let mut effects = go(model, Step::Credentials);
    effects.extend(credentials::start(model));
    wait_for_test(model);
    effects
}

// The save follows the test, and the yes to its host before that.
fn wait_for_test(model: &mut Model) {
    let asks = matches!(&model.popup, Some(Popup::Typed(typed)) if typed.about == About::OtherHost);
    let Some(wizard) = model.wizard.as_mut().filter(|wizard| asks || wizard.test.is_running()) else { return };
    wizard.saves = true;
    let words = Phrase::from("The credentials changed: they are saved once the test has passed. Or continue untested");
    model.say_while(Holds::Saves, Tone::Calm, words.key(" with ", "untested", "").text("."));
}

/// The save has ended.
pub fn saved(model: &mut Model, outcome: Result<SaveReport, Failure>) -> Vec<Effect> {
    model.touch();
    let running = |wizard: &&mut Wizard| matches!(wizard.save, SaveState::Running { .. });
    // The set-up that asked for it may be gone: what was saved is seen on the Integrations page.
    let Some(wizard) = model.wizard.as_mut().filter(running) else { return vec![Effect::LoadOverview] };
    let SaveState::Running { configuration, typed, secret, then } = std::mem::replace(&mut wizard.save, SaveState::Not)
    else {
        return Vec::new();
    };
    let report = match outcome {
        Ok(report) => report,
        Err(failure) => {
            let words = failure.to_string();
            // Somebody else was quicker, and may have deleted it.
            let reads = (failure.kind == FailureKind::Busy).then_some(Effect::LoadOverview);
            wizard.save = SaveState::Failed(failure);
            let effects = match then {
                Then::End => {
                    model.say(Tone::Bad, words);
                    Vec::new()
                }
                // Why stands on the page of Save.
                Then::Sync => go(model, Step::Review),
                Then::Stay | Then::Configure => Vec::new(),
            };
            return effects.into_iter().chain(reads).collect();
        }
    };
    let moved = wizard.base.as_ref().is_none_or(|base| base.integration != report.configuration.integration);
    let kept = report.kept_words();
    // Of a new configuration everything is changed: no news.
    let changed = wizard.base.is_some().then_some(report.changed);
    wizard.has_secret = true;
    if matches!(&secret, SecretChoice::Typed(sent) if wizard.form.secret.secret() == *sent) {
        wizard.form.secret.clear();
    }
    wizard.found = None;
    wizard.settle(report.id.clone(), *report.configuration, &configuration, *typed);
    wizard.save = SaveState::Saved(changed);
    model.overview.draft = None;
    if moved || report.moved {
        // What was planned led elsewhere.
        model.work.forget_plan();
    }
    // What was typed while it was being saved is not saved.
    let mut effects = vec![model.keep_draft().unwrap_or(Effect::DiscardDraft), Effect::LoadOverview];
    effects.extend(model.open(&report.id));
    model.facts.callbacks = report.callbacks;
    if moved && !report.moved {
        model.unconfigure(false);
    }
    let wanted_name = model.wizard.as_ref().map(Wizard::title).unwrap_or_default();
    match then {
        Then::Stay => {}
        Then::End => {
            effects.extend(super::put_away(model));
            model.go(Go::Panes);
        }
        Then::Configure => effects.extend(go(model, Step::Configure)),
        Then::Sync => {
            if let Some(wizard) = &mut model.wizard {
                wizard.follows = true;
            }
            effects.extend(go(model, Step::InitialSync));
            if report.active && sync::refusal(model).is_none() {
                effects.extend(sync::start(model, Brake::On));
            }
        }
    }
    if report.moved {
        model.say(Tone::Warn, SaveReport::MOVED);
    } else if let Some(kept) = kept {
        model.say(Tone::Warn, kept);
    }
    if !report.active
        && let Some(active) = model.active().filter(|active| active.id != report.id)
    {
        // Of no use until it is the active one.
        let active = (active.id.clone(), saved_title(active));
        activate::ask_to_switch(model, report.id, wanted_name, active);
    }
    effects
}

/// Nothing was saved: somebody else has changed the same meanwhile. The person decides, setting by setting.
pub fn clashed(model: &mut Model, clash: Clash) {
    model.touch();
    let running = |wizard: &&mut Wizard| matches!(wizard.save, SaveState::Running { .. });
    let Some(wizard) = model.wizard.as_mut().filter(running) else { return };
    wizard.save = SaveState::Not;
    ask_which(model, Deciding { clash, at: 0, mine: BTreeSet::new() });
}

fn ask_which(model: &mut Model, deciding: Deciding) {
    model.popup = Some(Popup::Confirm(Confirm::new(Ask::Clash(Box::new(deciding)))));
}

/// Takes mine, or leaves theirs; saves once all is decided.
pub fn decide(model: &mut Model, mut deciding: Deciding, is_mine: bool) -> Vec<Effect> {
    let key = deciding.conflict().map(|conflict| conflict.key.clone());
    deciding.mine.extend(key.filter(|_| is_mine));
    deciding.at += 1;
    if deciding.conflict().is_some() {
        ask_which(model, deciding);
        return Vec::new();
    }
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let (Some(read), Ok(typed)) = (&wizard.base, wizard.configuration()) else { return Vec::new() };
    let theirs = &deciding.clash.theirs;
    let together = merge(read, theirs, &typed, &wizard.secret_choice(), &deciding.mine).configuration;
    let is_tested = together.api == typed.api;
    wizard.rebase(theirs, &together);
    if !is_tested {
        wizard.test = Test::Not;
        wizard.untested = false;
    }
    let is_theirs = |conflict: &Conflict| conflict.is_untouched() && !deciding.mine.contains(&conflict.key);
    if deciding.clash.conflicts.iter().any(is_theirs) {
        // It was typed for another Halo than this one.
        wizard.form.secret.clear();
    }
    if !wizard.is_edited() {
        wizard.save = SaveState::Saved(None);
        model.say(Tone::Good, "Their change is kept; you have nothing left to save.");
        model.overview.draft = None;
        return vec![Effect::DiscardDraft, Effect::LoadOverview];
    }
    save(model, Then::Stay)
}

/// Whether what is saved needs Re-configure: Halo does not have it yet.
pub fn reconfigures(model: &Model) -> bool {
    let settings = model.wizard.as_ref().is_some_and(|wizard| wizard.settings && !wizard.is_edited());
    settings && plan::is_again(model) && !model.is_configured()
}

/// Forward: saves where there is something to save, goes on where there is not.
pub fn forward(model: &mut Model) -> Vec<Effect> {
    if save_refusal(model).is_none() {
        return save(model, Then::Stay);
    }
    if model.wizard.as_ref().is_some_and(Wizard::is_saving) {
        model.say(Tone::Calm, SAVING);
        return Vec::new();
    }
    if model.wizard.as_ref().is_some_and(|wizard| wizard.settings) && model.is_finished_current() {
        let again = reconfigures(model);
        let effects: Vec<Effect> = super::put_away(model).into_iter().collect();
        model.go(if again { Go::Configure } else { Go::Panes });
        return effects;
    }
    match (model.is_synced(), model.is_configured()) {
        (false, _) => go(model, Step::InitialSync),
        (true, false) => go(model, Step::Configure),
        (true, true) => {
            let effects: Vec<Effect> = super::put_away(model).into_iter().collect();
            model.go(if model.current.is_some() { Go::Panes } else { Go::Integrations });
            effects
        }
    }
}

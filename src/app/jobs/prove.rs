//! Prove it: a ticket goes full circle, from the Integration pane.

use crate::app::effect::{Effect, Slot};
use crate::app::jobs::state::ProofWork;
use crate::app::model::{Model, Screen};
use crate::app::notice::Tone;
use crate::app::popup::{About, Popup, Typed};
use crate::domain::check::CheckStatus;
use crate::domain::failure::Failure;
use crate::domain::full_circle::{FullCircle, HopReport, PATIENCE, question as sentence};
use crate::domain::next::Hint;
use crate::domain::object::ObjectKind;
use crate::domain::untrusted::Untrusted;
use crate::keys::Pane;
use crate::words::Phrase;
use crate::words::time::{duration, took};

use super::{deliveries, plan};

/// What is typed to begin.
pub const YES: &str = "yes";

/// Whether a ticket is on its way.
pub fn is_running(model: &Model) -> bool {
    matches!(model.work.proof, ProofWork::Running { .. })
}

/// Why no ticket can go round now.
pub fn refusal(model: &Model) -> Option<Phrase> {
    if is_running(model) {
        return Some("A test ticket is already on its way. Only one at a time.".into());
    }
    if !model.is_active() {
        return Some(plan::inactive(model));
    }
    let objects = model.status().map_or(&[][..], |status| &status.integration.objects);
    let none = objects.iter().all(|object| object.kind != ObjectKind::Webhook);
    let none = none.then(|| Phrase::from("No webhook is installed yet, so no event can arrive."));
    // The ticket would be written for nothing.
    let off = || {
        let off = Phrase::from("A webhook in Halo is off or missing, so its event cannot arrive: Re-configure first.");
        deliveries::is_any_off(model).then_some(off)
    };
    plan::running(model).map(Phrase::from).or(none).or_else(off)
}

/// What a yes is needed to.
pub fn question(model: &Model) -> String {
    let board = model.current_saved().map(|saved| saved.configuration.pia_screen.pia_board.clone());
    let question = sentence(&Untrusted::new(board.unwrap_or_default()), "the first client of the list");
    format!("This {question}.")
}

/// "Prove it": first a yes has to be typed.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    model.popup = Some(Popup::Typed(Typed::new(YES, About::Proof)));
    model.touch();
    Vec::new()
}

/// The yes is typed: it begins.
pub fn start(model: &mut Model) -> Vec<Effect> {
    model.popup = None;
    model.touch();
    if let Some(reason) = refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    model.work.proof = ProofWork::Running { id: id.clone(), since: model.now, hops: Vec::new(), stopping: false };
    vec![Effect::Prove(id)]
}

/// Whether the one that is on its way belongs to the configuration that is open, and was not stopped yet.
pub fn can_stop(model: &Model) -> bool {
    let current = model.current.as_ref();
    matches!(&model.work.proof, ProofWork::Running { id, stopping: false, .. } if Some(id) == current)
}

/// "Stop": the ticket is closed all the same, and then it is over.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    match &mut model.work.proof {
        ProofWork::Running { stopping, .. } if !*stopping => *stopping = true,
        _ => return Vec::new(),
    }
    model.touch();
    vec![Effect::Cancel(Slot::Prove)]
}

/// Whether a result stands there of the configuration that is open.
pub fn has_result(model: &Model) -> bool {
    let current = model.current.as_ref();
    matches!(&model.work.proof, ProofWork::Ended { id, .. } | ProofWork::Failed { id, .. } if Some(id) == current)
}

/// The result was read.
pub fn put_away(model: &mut Model) {
    model.work.proof = ProofWork::None;
    model.touch();
}

/// A station was reached, or not.
pub fn hop(model: &mut Model, hop: HopReport) {
    if let ProofWork::Running { hops, .. } = &mut model.work.proof {
        hops.push(hop);
        model.touch();
    }
}

pub fn proved(model: &mut Model, outcome: Result<FullCircle, Failure>) {
    let ProofWork::Running { id, .. } = &model.work.proof else { return };
    let id = id.clone();
    if model.current.as_ref() != Some(&id) || model.screen != Screen::Panes || model.panes.pane != Pane::Integration {
        match &outcome {
            Ok(circle) if circle.broken_at.is_none() => model.say(Tone::Good, "The full-circle test passed."),
            _ => model.say(Tone::Bad, "The full-circle test failed: see the Integration pane."),
        }
    }
    model.work.proof = match outcome {
        Ok(circle) => ProofWork::Ended { id, circle },
        Err(failure) => ProofWork::Failed { id, failure },
    };
    model.touch();
}

/// A station in one line: what it is, when it was reached, what was found.
pub fn line(hop: &HopReport) -> String {
    let after = hop.after_ms.filter(|ms| *ms > 0).map_or(String::new(), |ms| format!(" after {}", took(ms)));
    format!("{}{after}: {}", hop.hop.title(), Untrusted::new(&*hop.message).display())
}

/// How the ticket of the configuration that is open went round, or goes.
pub fn lines(model: &Model) -> Vec<(Tone, String)> {
    let current = model.current.as_ref();
    let advice = |hint: &Hint| Phrase::from(hint).with_keys(&model.keys);
    let told = |hop: &HopReport| told(hop, advice);
    match &model.work.proof {
        ProofWork::Running { id, hops, stopping, since } if Some(id) == current => {
            let elapsed = duration(model.now.duration_since(*since).as_secs().max(0).unsigned_abs());
            let words = match stopping {
                true => "Stopping: the test ticket is closed first.".to_owned(),
                false => format!("A test ticket is on its way, {elapsed} of at most {}.", duration(PATIENCE.as_secs())),
            };
            std::iter::once((Tone::Calm, words)).chain(hops.iter().flat_map(told)).collect()
        }
        ProofWork::Ended { id, circle } if Some(id) == current => {
            let first = match circle.broken_at {
                None => (Tone::Good, "Passed: the event of the test ticket arrived.".to_owned()),
                Some(hop) => (Tone::Bad, format!("Failed at \"{}\".", hop.title())),
            };
            let earlier = circle.earlier.iter().map(|earlier| (Tone::Warn, earlier.words()));
            std::iter::once(first).chain(circle.hops.iter().flat_map(told)).chain(earlier).collect()
        }
        ProofWork::Failed { id, failure } if Some(id) == current => {
            let hint = failure.hint.iter().map(|hint| (Tone::Calm, format!("{}.", advice(hint).trim_end_matches('.'))));
            std::iter::once((Tone::Bad, format!("Failed: {failure}."))).chain(hint).collect()
        }
        _ => Vec::new(),
    }
}

fn told(hop: &HopReport, advice: impl Fn(&Hint) -> String) -> Vec<(Tone, String)> {
    let tone = match hop.status {
        CheckStatus::Pass => Tone::Good,
        CheckStatus::Warn => Tone::Warn,
        CheckStatus::Fail => Tone::Bad,
        CheckStatus::Skip => Tone::Calm,
    };
    let hint = hop.hint.as_ref();
    let hint = hint.map(|hint| Untrusted::new(advice(hint)).display());
    let hint = hint.map(|hint| (Tone::Calm, format!("To do: {}.", hint.trim_end_matches('.'))));
    std::iter::once((tone, line(hop))).chain(hint).collect()
}

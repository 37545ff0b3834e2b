//! How the service stands, and what health finds of the events that it receives.

use jiff::{SignedDuration, Timestamp};

use crate::app::jobs::state::EscalateWork;
use crate::app::layout::LOW;
use crate::app::model::{Model, Screen};
use crate::app::notice::Tone;
use crate::app::text::wrap;
use crate::domain::health::{Finding, Rule, State, next_judgement};
use crate::domain::status::{DOES_NOT_ANSWER, ServiceStatus};
use crate::domain::ticket::{Known, Unfinished};
use crate::domain::untrusted::Untrusted;
use crate::keys::Pane;
use crate::words::health::{NO_EVENT, burns, issue};
use crate::words::time::{ago, moment};
use crate::words::{Phrase, capital};

use super::jobs::health;

/// A gap is told for so long.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How the service of the configuration that is open stands.
pub fn status(model: &Model) -> Option<&ServiceStatus> {
    model.status().map(|status| &status.service)
}

/// The issues that keep events away or late, the worst first. Only where Configure has been: none is expected before.
pub fn warnings(model: &Model) -> Vec<Finding> {
    let is_configured = model.status().is_some_and(|status| status.integration.is_in_halo());
    let is_of_events = |finding: &Finding| match finding.rule {
        Rule::Service | Rule::WebhookOff | Rule::Silence | Rule::Lag => true,
        // A webhook that differs is reported as drift alone.
        Rule::Drift => finding.state == State::Broken,
        _ => false,
    };
    let issues = health::list(model).into_iter().filter(|_| is_configured);
    issues.filter(|finding| finding.is_open() && is_of_events(finding)).collect()
}

/// Whether the warnings say already that the service does not run.
pub fn tells_stopped(model: &Model) -> bool {
    warnings(model).iter().any(|finding| finding.rule == Rule::Service)
}

/// Why no event can arrive although the service runs: Halo does not get its deliveries through.
pub fn refused(model: &Model) -> Option<String> {
    let findings = health::findings(model);
    let found = findings.into_iter().find(|found| found.rule == Rule::Deliveries && found.state == State::Broken);
    found.map(|found| found.fact)
}

/// What stands at the top of the Events pane: the warnings, and how an escalation goes or went.
pub fn head(model: &Model) -> Vec<(Tone, String)> {
    // On a low terminal the worst alone: below it there has to be something to be seen.
    let most = if model.layout.body.height < LOW { 1 } else { usize::MAX };
    let warnings = warnings(model).into_iter().take(most);
    let told = |warning: Finding| (burns(&warning).0, issue(&warning, model.now).with_keys(&model.keys));
    let mut head: Vec<(Tone, String)> = warnings.map(told).collect();
    let day = model.now.checked_sub(DAY).unwrap_or(Timestamp::MIN);
    let gaps = status(model).into_iter().flat_map(|service| &service.gaps).filter(|gap| gap.until > day);
    for gap in gaps.take(1) {
        let told = |tone| move |words: String| (tone, sentence(&words));
        head.extend(gap.lost().into_iter().map(told(Tone::Warn)));
        head.extend(gap.fetched().into_iter().map(told(Tone::Calm)));
    }
    match &model.work.escalate {
        work if work.id() != model.current.as_ref() => {}
        EscalateWork::None => {}
        EscalateWork::Running { ticket, since, .. } => {
            let seconds = model.now.duration_since(*since).as_secs().max(0);
            head.push((Tone::Calm, format!("Escalating ticket {ticket}, {seconds} s")));
        }
        EscalateWork::Done { words, .. } => head.push((Tone::Good, words.clone())),
        EscalateWork::Failed { id, ticket, unfinished: Unfinished { known, failure } } => {
            // Bad news of a ticket that stands as it was; of any other one there is something to look after.
            let tone = if *known == Known::Unchanged { Tone::Bad } else { Tone::Warn };
            head.push((tone, format!("{}: {}", known.words(*ticket), failure.message)));
            let said = failure.halo_said.as_ref().map(Untrusted::display).filter(|said| !said.trim().is_empty());
            let said = match (said, failure.http_status) {
                (Some(said), Some(status)) => Some(format!("Halo says: {status} {said}")),
                (Some(said), None) => Some(format!("Halo says: {said}")),
                (None, status) => status.map(|status| format!("Halo answered {status}.")),
            };
            head.extend(said.map(|said| (Tone::Calm, said)));
            let kept = model.work.notes.get(&(id.clone(), *ticket)).map(|note| Untrusted::new(note.as_str()).display());
            // The note stands below, once.
            let said_once = |hint: String| match &kept {
                Some(note) => hint.replace(&format!(": {note}"), ""),
                None => hint,
            };
            let hint = failure.hint.as_ref().map(|hint| said_once(Phrase::from(hint).with_keys(&model.keys)));
            head.extend(hint.map(|hint| (Tone::Calm, hint)));
            head.extend(kept.map(|note| (Tone::Calm, format!("Your note is kept and offered again: {note}"))));
        }
    }
    head
}

// As a sentence of its own.
fn sentence(words: &str) -> String {
    format!("{}.", capital(&Untrusted::new(words).display()))
}

/// The lines that it takes.
pub fn head_height(model: &Model) -> usize {
    let columns = usize::from(model.layout.body.width).saturating_sub(6).max(8);
    let lines: usize = head(model).iter().map(|(_, words)| wrap(words, columns).len()).sum();
    lines + usize::from(lines > 0)
}

/// The moments at which what is said of times becomes something else by itself.
pub fn moments(model: &Model) -> impl Iterator<Item = Timestamp> + use<> {
    let shown = model.screen == Screen::Panes;
    let status = model.status().filter(|_| shown);
    let last = status.and_then(|status| status.service.last_event_at);
    let board = model.work.board.as_ref().map(|(read, _)| *read);
    let board = board.filter(|_| shown && model.panes.pane == Pane::Events && model.panes.events.tickets);
    let now = model.now;
    let judged = status.and_then(|status| next_judgement(status, now));
    // All that is said there has an age.
    let minute =
        now.as_second().div_euclid(60).checked_add(1).and_then(|minute| Timestamp::from_second(minute * 60).ok());
    let minute = minute.filter(|_| shown && model.panes.pane == Pane::Overview);
    last.into_iter().chain(board).filter_map(move |at| next_word(now, at)).chain(judged).chain(minute)
}

// When "3 min ago" becomes "4 min ago": by the minute up to an hour, by the hour up to a day.
fn next_word(now: Timestamp, at: Timestamp) -> Option<Timestamp> {
    let seconds = now.duration_since(at).as_secs().max(0);
    let step = match seconds {
        ..3_600 => 60,
        3_600..86_400 => 3_600,
        _ => return None,
    };
    at.checked_add(SignedDuration::from_secs((seconds / step + 1) * step)).ok()
}

/// The state of the service, in parts of a line.
pub fn words(model: &Model) -> Option<Vec<String>> {
    let status = model.status()?;
    let (service, at) = (&status.service, |at: Timestamp| moment(model.now, at));
    let mut parts = match (service.running, service.since) {
        (true, Some(since)) => vec![format!("Service running since {} UTC", at(since))],
        (true, None) => vec!["Service running".to_owned()],
        // Said above, as the warning that it is.
        (false, _) if tells_stopped(model) => Vec::new(),
        (false, _) if service.is_silent() => vec![format!("Service {DOES_NOT_ANSWER}")],
        (false, _) => vec!["Service not running".to_owned()],
    };
    parts.push(match service.last_event_at {
        Some(last) => format!("last event {}", ago(model.now, last)),
        None => NO_EVENT.to_owned(),
    });
    // Where nothing runs it, none is promised.
    if let Some(saved) = model.current_saved().filter(|saved| saved.status.active && service.running) {
        parts.push(format!("next sync {} UTC", saved.configuration.company_sync.daily_sync_time));
    }
    Some(parts)
}

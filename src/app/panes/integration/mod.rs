//! The Integration pane: each object in Halo, by our record and by the last look into Halo.

pub(crate) mod controls;

use jiff::{SignedDuration, Timestamp};

use crate::app::jobs::state::{ApplyWork, PlanWork};
use crate::app::jobs::{deliveries, health, plan};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::check::Check;
use crate::domain::health::{Finding, NOT_TOLD, Rule, State, TAKEN_OUT, if_by_hand, of_change, of_reason};
use crate::domain::next::Next;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Cause, Change, FieldChange, NOT_IN_HALO, Plan, ROTATING, TABS_NOT_TOLD};
use crate::domain::record::InstalledObject;
use crate::words::{self, Phrase};

use super::state::Pane;
pub use super::state::Selected;

const JUST_NOW: SignedDuration = SignedDuration::from_secs(60);

/// An object with its state, as the pane lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    pub kind: ObjectKind,
    /// Its name, fit to be shown.
    pub name: String,
    /// How its state is shown.
    pub tone: Tone,
    /// Its state, in words.
    pub words: String,
    /// What else there is to say.
    pub detail: Vec<String>,
}

impl ObjectRow {
    /// The sign before it: what nobody knows is no fault.
    pub fn sign(&self) -> Option<&'static str> {
        (self.words == words::plan::UNTOLD).then_some("?")
    }
}

/// The plan of the last look into Halo.
fn looked(model: &Model) -> Option<&Plan> {
    match (model.apply(), &model.work.plan) {
        (ApplyWork::None, PlanWork::Ready(plan)) if model.work.goal.is_install() => Some(plan),
        _ => None,
    }
}

/// Since when Halo is being read to compare the objects, and the checks that are done.
pub fn checking(model: &Model) -> Option<(Timestamp, &[Check])> {
    match (model.apply(), &model.work.plan) {
        (ApplyWork::Running { .. }, _) => None,
        (_, PlanWork::Reading { since, checks }) if model.work.goal.is_install() => Some((*since, checks)),
        _ => None,
    }
}

pub fn objects(model: &Model) -> Vec<ObjectRow> {
    let mut rows = known(model);
    // What is being looked at, or changed by another program, is green once it was seen.
    if (checking(model).is_some() && !is_seen_just_now(model)) || plan::elsewhere(model).is_some() {
        rows.iter_mut().filter(|row| row.tone == Tone::Good).for_each(|row| row.tone = Tone::Calm);
    }
    rows
}

// Whether somebody has just seen them, as Configure has at its end: looking again makes them no less known.
fn is_seen_just_now(model: &Model) -> bool {
    let seen_at =
        health::findings(model).into_iter().find(|found| found.rule == Rule::Drift).and_then(|found| found.seen_at);
    seen_at.is_some_and(|at| model.now.duration_since(at) < JUST_NOW)
}

// The objects as they are known, by the last look or else by our record.
fn known(model: &Model) -> Vec<ObjectRow> {
    let empty = Vec::new();
    let recorded = model.status().map_or(&empty, |status| &status.integration.objects);
    let Some(plan) = looked(model) else {
        return as_known(model, recorded);
    };
    let findings = health::findings(model);
    let removed = findings.iter().find(|found| found.rule == Rule::Drift && found.fact.ends_with(TAKEN_OUT));
    let known = |change: &Change| recorded.iter().any(|o| o.kind == change.kind && o.name == change.name);
    // Of what was taken out whole nothing is there, and nothing is missing.
    let is_out = model.status().is_some_and(|status| {
        status.integration.was_configured && !status.integration.is_in_halo() && status.integration.objects.is_empty()
    });
    let mut rows: Vec<ObjectRow> = plan
        .changes
        .iter()
        .map(|change| {
            let is_removed = removed.is_some_and(|drift| drift.objects().any(|name| name == change.name.display()));
            let is_removed = is_removed || (is_out && change.action == Action::Create);
            let is_known = known(change) || is_removed;
            // Its log was read after the plan was: Halo switches one off at any delivery.
            let name = change.name.display();
            let off = deliveries::off(model, &name).filter(|_| change.kind == ObjectKind::Webhook);
            let off_since = off.filter(|_| change.action == Action::Keep);
            let (tone, words) = match (is_removed, off_since) {
                (true, _) => (Tone::Warn, "removed".to_owned()),
                (false, Some(off)) => differs(change.kind, off),
                (false, None) => state(change, is_known),
            };
            // Of what is made anew every field would be.
            let fields = change
                .fields
                .iter()
                .filter(|_| ![Action::Create, Action::Keep].contains(&change.action) && !change.is_untold());
            let mut detail: Vec<String> =
                fields.map(|field| format!("{}: {}", field.name, words::plan::before_after(field, "→"))).collect();
            // What was wrong with the deliveries comes first, and is told with them.
            let repair = repair(change, is_known).filter(|_| off.is_none());
            detail.extend(repair.map(|repair| repair.with_keys(&model.keys)));
            detail.extend(change.id.as_ref().map(|id| format!("Halo's id {id}")));
            if change.kind == ObjectKind::Webhook {
                detail.extend(deliveries::lines(model, change.id.as_deref()));
            }
            ObjectRow { kind: change.kind, name, tone, words, detail }
        })
        .collect();
    rows.extend(plan.blocked.iter().map(|blocked| ObjectRow {
        kind: blocked.kind,
        name: blocked.name.display(),
        tone: if blocked.only_told { Tone::Calm } else { Tone::Bad },
        words: if blocked.only_told { "left out" } else { "blocked" }.to_owned(),
        detail: vec![blocked.reason.clone()],
    }));
    broken_first(&mut rows);
    rows
}

// What has to be put right stands first; everything else keeps the order in which it was installed.
fn broken_first(rows: &mut [ObjectRow]) {
    rows.sort_by_key(|row| match row.tone {
        Tone::Bad => 0,
        Tone::Warn => 1,
        Tone::Good | Tone::Calm => 2,
    });
}

// By our record, and by what health knows of it: what the overview says of an object, its row says too.
fn as_known(model: &Model, recorded: &[InstalledObject]) -> Vec<ObjectRow> {
    let findings = health::findings(model);
    let of = |rule: Rule| findings.iter().find(|finding| finding.rule == rule);
    let issues = || [Rule::Drift, Rule::WebhookOff].into_iter().filter_map(of).filter(|finding| finding.is_issue());
    let looked_at = of(Rule::Drift).filter(|drift| drift.state != State::Unknown).and_then(|drift| drift.seen_at);
    let is_silent = of(Rule::Halo).is_some_and(Finding::is_issue);
    let row = |object: &InstalledObject| {
        let name = object.name.display();
        let issue = issues().find(|issue| issue.objects().any(|other| other == name));
        let (tone, words) = match (issue, looked_at) {
            (Some(issue), _) if issue.fact.starts_with(NOT_TOLD) => (Tone::Warn, words::plan::UNTOLD.to_owned()),
            (Some(issue), _) => {
                let off = deliveries::off(model, &name).filter(|_| issue.rule == Rule::WebhookOff);
                match issue.fault_of(&name).or(off) {
                    Some(fault) => differs(object.kind, fault),
                    // Behind the first ones it is only named.
                    None => {
                        let worst = if object.kind.is_our_own() { State::Broken } else { State::Watch };
                        (words::health::state(issue.state.min(worst)).0, "changed or missing in Halo".to_owned())
                    }
                }
            }
            (None, Some(at)) => (Tone::Good, format!("in place {}", words::time::ago(model.now, at))),
            (None, None) if is_silent => (Tone::Calm, "unknown: Halo did not answer".to_owned()),
            (None, None) => (Tone::Calm, format!("installed {}", words::time::short(object.installed_at))),
        };
        // Of several objects each row says its own.
        let is_alone = |issue: &&Finding| issue.objects().count() == 1 && issue.fault_of(&name).is_none();
        let is_untold = words == words::plan::UNTOLD;
        let of_untold = || {
            let way_out = Phrase::default().hint(&if_by_hand());
            vec![format!("{TABS_NOT_TOLD}."), format!("{}.", way_out.with_keys(&model.keys))]
        };
        let mut detail: Vec<String> = match is_untold {
            true => of_untold(),
            false => issue.filter(is_alone).map(|issue| issue.fact.clone()).into_iter().collect(),
        };
        detail.extend(issue.and_then(|issue| words::health::found(issue, model.now)));
        detail.push(format!("Halo's id {}", object.id));
        detail.extend(deliveries::lines(model, Some(&object.id)));
        ObjectRow { kind: object.kind, name, tone, words, detail }
    };
    let mut rows: Vec<ObjectRow> = recorded.iter().map(row).collect();
    broken_first(&mut rows);
    rows
}

/// The objects, a line each.
pub fn lines(model: &Model) -> Vec<String> {
    objects(model).iter().map(|row| format!("{} {}: {}", row.kind.word(), row.name, row.words)).collect()
}

/// The callback addresses that are shown: those of webhooks that are installed.
pub fn callbacks(model: &Model) -> &[(EventGroup, CallbackUrl)] {
    let is_installed = model.status().is_some_and(|status| !status.integration.objects.is_empty());
    if is_installed { &model.facts.callbacks } else { &[] }
}

/// Whether the last look has seen webhooks that lead to other addresses than ours.
pub fn leads_elsewhere(model: &Model) -> bool {
    // One that has to be made leads nowhere yet.
    let is_url = |field: &FieldChange| field.name == "url" && field.before.is_some();
    // What somebody has changed there its row tells.
    let is_other = |change: &Change| {
        change.kind == ObjectKind::Webhook && change.cause == Cause::Settings && change.fields.iter().any(is_url)
    };
    looked(model).is_some_and(|plan| plan.pending().any(is_other))
}

// By the reason why it differs, as health judges it and every other place says it.
fn state(change: &Change, recorded: bool) -> (Tone, String) {
    match change.action {
        Action::Keep if change.is_left_out() => (Tone::Calm, change.reason.clone()),
        Action::Keep => (Tone::Good, "in place".to_owned()),
        // What was never there is missing to nobody.
        Action::Create if !recorded => (Tone::Warn, NOT_IN_HALO.to_owned()),
        Action::Link if change.is_untold() => (Tone::Warn, words::plan::UNTOLD.to_owned()),
        _ => (words::health::state(of_change(change)).0, differs(change.kind, &change.reason).1),
    }
}

// How it is shown that an object differs for a reason.
fn differs(kind: ObjectKind, reason: &str) -> (Tone, String) {
    let words = if reason == ROTATING { "rotation not finished" } else { reason };
    (words::health::state(of_reason(kind, reason)).0, words.to_owned())
}

/// What Re-configure does about it.
fn repair(change: &Change, recorded: bool) -> Option<Phrase> {
    Some(match change.action {
        Action::Keep => return None,
        Action::Create if recorded => "Re-configure will create it again.".into(),
        Action::Create => "Re-configure will create it.".into(),
        Action::Update if change.cause == Cause::Rotation => {
            Phrase::from("It still has the old token. To finish the rotation: ").next(&Next::Rotate).text(".")
        }
        Action::Update if change.cause == Cause::Settings => "Re-configure will apply your setting in Halo.".into(),
        Action::Update => "Re-configure will restore it.".into(),
        Action::Adopt => "Re-configure will take it over, not create a second one.".into(),
        Action::Link if change.is_untold() => Phrase::default().hint(&if_by_hand()),
        Action::Link => "Re-configure will link the Pia Chat Pod to it.".into(),
        Action::Unlink => "Re-configure will remove the link to the extra copy.".into(),
        Action::Delete if change.kind == ObjectKind::WebhookEvent => {
            "Re-configure will remove it from the webhook.".into()
        }
        Action::Delete => "Re-configure will delete the extra copy and keep the other.".into(),
    })
}

/// What is selected now.
pub fn selected(model: &Model) -> Option<Selected> {
    let rows = objects(model);
    let at = model.panes.window(Pane::Integration).selected;
    match rows.get(at) {
        Some(row) => Some(Selected::Object(row.kind, row.name.clone())),
        None => at.checked_sub(rows.len()).map(Selected::Callback),
    }
}

/// Where the selected row stands now.
pub fn kept_row(model: &Model) -> Option<usize> {
    let rows = objects(model);
    match model.panes.object.as_ref()? {
        Selected::Object(kind, name) => rows.iter().position(|row| row.kind == *kind && row.name == *name),
        Selected::Callback(at) => Some(rows.len() + at),
    }
}

/// The callback address that is selected: by itself, or by its webhook.
pub fn selected_callback(model: &Model) -> Option<usize> {
    let rows = objects(model);
    let selected = model.panes.window(Pane::Integration).selected;
    match rows.get(selected) {
        Some(row) if row.kind == ObjectKind::Webhook => {
            callbacks(model).iter().position(|(group, _)| group.webhook_name() == row.name)
        }
        Some(_) => None,
        None => Some(selected - rows.len()).filter(|at| *at < callbacks(model).len()),
    }
}

//! No kind of screen, popup, step, result or state is without a scene.

use std::collections::BTreeSet;

use crate::app::integrations::{CardState, card_state, cards};
use crate::app::jobs::state::{
    ApplyWork, DeliveryWork, EscalateWork, Goal, PlanWork, ProofWork, SyncEnd, SyncWork, TicketWork,
};
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::panes::clients::{Filter, Sort};
use crate::app::panes::events::Filter as EventFilter;
use crate::app::popup::{Ask, Popup};
use crate::app::wizard::credentials::Test;
use crate::app::wizard::{Item, STEPS, SaveState, StepSign, step_sign};
use crate::app::{Model, keymap};
use crate::domain::check::CheckStatus;
use crate::domain::draft::Step;
use crate::domain::plan::{Action, ConfigureStatus, Outcome};
use crate::domain::sync_run::{ChangeKind, SyncStatus};

use super::scenes::scenes;

/// A function from a value to the name of its kind, and the list of all kinds, from one list: a kind that is added
/// does not compile until it is named here, and fails the test until a scene shows it. What only a command can bring
/// about is named behind `elsewhere`.
macro_rules! kinds {
    ($name:ident, $all:ident, $type:ty, { $($pattern:pat => $word:literal,)* } $(elsewhere $elsewhere:pat)?) => {
        fn $name(value: &$type) -> &'static str {
            match value { $($pattern => $word,)* $($elsewhere => unreachable!("the interface never shows this"),)? }
        }
        const $all: &[&str] = &[$($word,)*];
    };
}

kinds!(screen, SCREENS, Screen, {
    Screen::Starting => "screen starting",
    Screen::Integrations => "screen integrations",
    Screen::Wizard => "screen wizard",
    Screen::Panes => "screen panes",
});
kinds!(step, WIZARD_STEPS, Step, {
    Step::Checklist => "step checklist",
    Step::Credentials => "step credentials",
    Step::CompanySync => "step company sync",
    Step::PiaScreen => "step pia screen",
    Step::Integration => "step integration",
    Step::Review => "step review",
    Step::InitialSync => "step initial sync",
    Step::Configure => "step configure",
    Step::Finished => "step finished",
});
kinds!(item, ITEMS, Item, {
    Item::Need(_) => "focus on a need",
    Item::Field(_) => "focus on a field",
    Item::Test => "focus on the test",
    Item::Check(_) => "focus on a check",
    Item::Advice(_) => "focus on what to do about a check",
    Item::SyncNow => "focus on Sync Now",
    Item::Callback(_) => "focus on a callback",
    Item::Save => "focus on Save",
    Item::Warning(_) => "focus on a warning",
    Item::Go => "focus on Continue",
    Item::Plan => "focus on the plan",
    Item::Open(_) => "focus on a line of the end",
});
kinds!(signed, STEP_SIGNS, StepSign, {
    StepSign::Current => "step current",
    StepSign::Done => "step done",
    StepSign::Warn => "step warn",
    StepSign::Todo => "step to do",
});
kinds!(test, TESTS, Test, {
    Test::Not => "test not made",
    Test::Before => "test passed before",
    Test::Running { .. } => "test running",
    Test::Passed(_) => "test passed",
    Test::Failed(_) => "test failed",
    Test::Broken(_) => "test broken",
});
kinds!(check, CHECKS, CheckStatus, {
    CheckStatus::Pass => "check pass",
    CheckStatus::Warn => "check warn",
    CheckStatus::Fail => "check fail",
    CheckStatus::Skip => "check skip",
});
kinds!(save, SAVES, SaveState, {
    SaveState::Not => "not saved",
    SaveState::Running { .. } => "saving",
    SaveState::Saved(None) => "saved before",
    SaveState::Saved(Some(_)) => "saved",
    SaveState::Failed(_) => "save failed",
});
kinds!(popup, POPUPS, Popup, {
    Popup::Confirm(_) => "popup confirm",
    Popup::Chooser(_) => "popup chooser",
    Popup::Help(_) => "popup help",
    Popup::Client => "popup client",
    Popup::Typed(_) => "popup typed",
    Popup::Escalate(_) => "popup escalate",
});
kinds!(ask, ASKS, Ask, {
    Ask::Continue { .. } => "ask continue",
    Ask::Discard { .. } => "ask discard",
    Ask::Switch { .. } => "ask switch",
    Ask::Deactivate { .. } => "ask deactivate",
    Ask::InstallService { .. } => "ask install the service",
    Ask::Clash(_) => "ask clash",
    Ask::Untested { .. } => "ask untested",
    Ask::UnknownTeam { .. } => "ask unknown team",
    Ask::MassChange { .. } => "ask mass change",
    Ask::Dismiss { .. } => "ask dismiss",
    Ask::Quit { .. } => "ask quit",
});
kinds!(pane, PANES, Pane, {
    Pane::Overview => "pane overview",
    Pane::Sync => "pane sync",
    Pane::Clients => "pane clients",
    Pane::Integration => "pane integration",
    Pane::Events => "pane events",
    Pane::Activity => "pane activity",
});
kinds!(filter, FILTERS, Filter, {
    Filter::Active => "filter active",
    Filter::Disabled => "filter disabled",
    Filter::LeftOut => "filter left out by rule",
    Filter::All => "filter all",
    Filter::New => "filter new",
    Filter::Changed => "filter changed",
});
kinds!(event_filter, EVENT_FILTERS, EventFilter, {
    EventFilter::All => "all events",
    EventFilter::OnBoard => "events on the Pia Board",
    EventFilter::Created => "events of new tickets",
    EventFilter::Updated => "events of changes",
    EventFilter::Undelivered => "events not forwarded",
});
kinds!(tickets, TICKETS, TicketWork, {
    TicketWork::None => "tickets at rest",
    TicketWork::Reading { .. } => "tickets being read",
    TicketWork::Failed(_) => "tickets not read",
});
kinds!(escalate, ESCALATIONS, EscalateWork, {
    EscalateWork::None => "nothing escalated",
    EscalateWork::Running { .. } => "escalating",
    EscalateWork::Done { .. } => "escalated",
    EscalateWork::Failed { .. } => "not escalated",
});
kinds!(proof, PROOFS, ProofWork, {
    ProofWork::None => "nothing to prove",
    ProofWork::Running { .. } => "a test ticket on its way",
    ProofWork::Ended { .. } => "proved or broken",
    ProofWork::Failed { .. } => "proof not begun",
});
kinds!(sort, SORTS, Sort, {
    Sort::Name => "by name",
    Sort::Id => "by id",
    Sort::Seen => "by the time",
});
kinds!(change, CHANGES, ChangeKind, {
    ChangeKind::Added => "change added",
    ChangeKind::Renamed => "change renamed",
    ChangeKind::Changed => "change changed",
    ChangeKind::Disabled => "change disabled",
    ChangeKind::Returned => "change returned",
});
kinds!(card, CARDS, CardState, {
    CardState::NotConfigured => "card not configured",
    CardState::Draft => "card draft",
    CardState::Saved => "card saved",
    CardState::Active => "card active",
    CardState::Error => "card error",
    CardState::Attention => "card needs attention",
    CardState::NotHere => "card not here",
});
kinds!(tone, TONES, Tone, {
    Tone::Good => "notice good",
    Tone::Warn => "notice warn",
    Tone::Bad => "notice bad",
    Tone::Calm => "notice calm",
});
kinds!(sync, SYNCS, SyncWork, {
    SyncWork::None => "no sync",
    SyncWork::Running(_) => "sync running",
    SyncWork::Ended(_, SyncEnd::Report(_)) => "sync ended",
    SyncWork::Ended(_, SyncEnd::Failed(_)) => "sync failed",
    SyncWork::Ended(_, SyncEnd::Stopped { .. }) => "sync stopped",
});
kinds!(sync_status, SYNC_ENDS, SyncStatus, {
    SyncStatus::Complete => "sync complete",
    SyncStatus::CompleteWithWarnings => "sync complete with warnings",
    SyncStatus::Failed => "sync report failed",
    SyncStatus::Interrupted => "sync interrupted",
    SyncStatus::Busy => "sync busy",
    SyncStatus::NeedsConfirmation => "sync needs confirmation",
});
kinds!(plan, PLANS, PlanWork, {
    PlanWork::None => "no plan",
    PlanWork::Reading { .. } => "plan being read",
    PlanWork::Ready(_) => "plan ready",
    PlanWork::Refused(_) => "plan refused",
    PlanWork::Failed(_) => "plan failed",
});
kinds!(action, ACTIONS, Action, {
    Action::Create => "to create",
    Action::Update => "to update",
    Action::Adopt => "to take over",
    Action::Link => "to link",
    Action::Unlink => "to unlink",
    Action::Delete => "to delete",
    Action::Keep => "to keep",
});
kinds!(apply, APPLIES, ApplyWork, {
    ApplyWork::None => "not applied",
    ApplyWork::Running { stopping: false, .. } => "applying",
    ApplyWork::Running { stopping: true, .. } => "applying, stopping",
    ApplyWork::Ended { .. } => "applied",
    ApplyWork::Failed { .. } => "apply failed",
});
kinds!(configured, CONFIGURED, ConfigureStatus, {
    ConfigureStatus::Configured => "configured",
    ConfigureStatus::NothingToDo => "configured already",
    ConfigureStatus::PartlyDone => "partly configured",
    ConfigureStatus::Failed => "configure failed",
    ConfigureStatus::Refused => "configure refused",
    ConfigureStatus::Removed => "removed",
} elsewhere ConfigureStatus::RolledBack | ConfigureStatus::Rotated);
kinds!(goal, GOALS, Goal, {
    Goal::Install => "plan to install",
    Goal::Remove { then: None, .. } => "plan to remove",
    Goal::Remove { then: Some(_), .. } => "plan to remove and switch",
    Goal::RollBack => "plan to roll back",
    Goal::Rotate => "plan to rotate",
});
kinds!(deliveries, DELIVERIES, DeliveryWork, {
    DeliveryWork::None => "deliveries as they were read before",
    DeliveryWork::Reading { .. } => "deliveries being read",
    DeliveryWork::Read(_) => "deliveries read",
    DeliveryWork::Failed(_) => "deliveries not read",
});
kinds!(outcome, OUTCOMES, Outcome, {
    Outcome::Done => "result done",
    Outcome::Unchanged => "result unchanged",
    Outcome::Failed => "result failed",
    Outcome::Unverified => "result unverified",
    Outcome::Skipped => "result skipped",
});

const ALL: &[&[&str]] = &[
    SCREENS,
    WIZARD_STEPS,
    ITEMS,
    STEP_SIGNS,
    TESTS,
    CHECKS,
    SAVES,
    POPUPS,
    ASKS,
    PANES,
    FILTERS,
    EVENT_FILTERS,
    TICKETS,
    ESCALATIONS,
    PROOFS,
    SORTS,
    CHANGES,
    CARDS,
    TONES,
    SYNCS,
    SYNC_ENDS,
    PLANS,
    ACTIONS,
    APPLIES,
    CONFIGURED,
    GOALS,
    DELIVERIES,
    OUTCOMES,
];

// Every kind that a scene shows.
fn shown(model: &Model, seen: &mut BTreeSet<&'static str>) {
    seen.insert(screen(&model.screen));
    seen.extend(model.notice.as_ref().map(|notice| tone(&notice.tone)));
    if let Some(floats) = &model.popup {
        seen.insert(popup(floats));
        if let Popup::Confirm(confirm) = floats {
            seen.insert(ask(&confirm.ask));
        }
    }
    match model.screen {
        Screen::Starting => {}
        Screen::Integrations => {
            seen.extend(cards(model).0.iter().filter_map(|one| card_state(model, one)).map(|state| card(&state)));
        }
        Screen::Wizard => wizard_shows(model, seen),
        Screen::Panes => {
            seen.insert(pane(&model.panes.pane));
            if let Some(report) = &model.panes.report {
                seen.extend(report.lines().iter().map(|line| change(&line.change)));
            }
            if model.panes.pane == Pane::Events {
                seen.insert(event_filter(&model.panes.events.filter));
                seen.extend([tickets(&model.work.tickets), escalate(&model.work.escalate)]);
            }
            if model.panes.pane == Pane::Integration {
                seen.insert(proof(&model.work.proof));
            }
            if model.panes.pane == Pane::Clients {
                seen.extend([filter(&model.panes.clients.filter), sort(&model.panes.clients.sort)]);
            }
        }
    }
    let planning = model.screen == Screen::Panes && model.panes.pane == Pane::Integration;
    if planning || model.wizard.as_ref().is_some_and(|wizard| wizard.step == Step::Configure) {
        installation_shows(model, seen);
    }
}

fn wizard_shows(model: &Model, seen: &mut BTreeSet<&'static str>) {
    let wizard = model.wizard.as_ref().unwrap();
    seen.extend([step(&wizard.step), item(&wizard.focus)]);
    seen.extend(STEPS.iter().map(|(step, _)| signed(&step_sign(model, *step))));
    match wizard.step {
        Step::Credentials => {
            seen.insert(test(&wizard.test));
            seen.extend(wizard.test.checks().iter().map(|one| check(&one.status)));
        }
        Step::Review => {
            seen.insert(save(&wizard.save));
        }
        Step::InitialSync => {
            seen.insert(sync(&model.work.sync));
            if let SyncWork::Ended(_, SyncEnd::Report(report)) = &model.work.sync {
                seen.insert(sync_status(&report.status));
            }
        }
        _ => {}
    }
}

fn installation_shows(model: &Model, seen: &mut BTreeSet<&'static str>) {
    seen.extend([apply(model.apply()), goal(model.goal()), deliveries(&model.work.deliveries)]);
    let results = match model.apply() {
        ApplyWork::None => {
            seen.insert(plan(&model.work.plan));
            if let PlanWork::Ready(plan) = &model.work.plan {
                seen.extend(plan.changes.iter().map(|change| action(&change.action)));
            }
            return;
        }
        ApplyWork::Running { results, .. } | ApplyWork::Failed { results, .. } => results,
        ApplyWork::Ended { report, .. } => {
            seen.insert(configured(&report.status));
            &report.results
        }
    };
    seen.extend(results.iter().map(|result| outcome(&result.outcome)));
}

#[test]
fn every_kind_of_thing_that_is_shown_has_scene() {
    let mut seen = BTreeSet::new();
    for (_, stage) in scenes() {
        shown(&stage.model, &mut seen);
    }
    let missing: Vec<&&str> = ALL.iter().copied().flatten().filter(|kind| !seen.contains(**kind)).collect();
    assert_eq!(missing, [&""; 0], "no scene shows these");
}

/// A place that has keys of its own has a line of keys, and so a picture of it.
#[test]
fn every_place_that_takes_keys_has_scene() {
    let seen: BTreeSet<String> =
        scenes().iter().map(|(_, stage)| format!("{:?}", keymap::place(&stage.model))).collect();
    let bound = keymap::BINDINGS.iter().flat_map(|binding| binding.places.iter());
    let missing: BTreeSet<String> =
        bound.map(|place| format!("{place:?}")).filter(|place| !seen.contains(place)).collect();
    assert_eq!(missing, BTreeSet::new(), "no scene has the focus here");
}

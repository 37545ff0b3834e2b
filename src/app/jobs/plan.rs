//! The plan: test, read Halo, plan, apply; for Configure and for Remove alike.

use jiff::{SignedDuration, Timestamp};

use crate::app::controls::Now;
use crate::app::effect::{Effect, Slot};
use crate::app::form::FieldId;
use crate::app::jobs::state::{ApplyWork, DeliveryWork, Goal, PlanWork};
use crate::app::keymap::{self, Command, Pane, Place};
use crate::app::model::{Model, saved_title};
use crate::app::notice::{Holds, Tone};
use crate::app::popup::{About, Popup, Typed};
use crate::domain::check::{Check, CheckReport};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::Rule;
use crate::domain::next::Next;
use crate::domain::owner::Owner;
use crate::domain::plan::{Action, ChangeResult, ConfigureReport, Outcome, Plan};
use crate::words::by_hand;
use crate::words::plan::STALE;
use crate::words::{self, Phrase};

/// That the configuration is not the active one, and the key that changes it from here.
pub fn inactive(model: &Model) -> Phrase {
    let what = Phrase::from("This configuration is not the active one.");
    if model.keys.rows(keymap::below(model)).any(|(binding, _)| binding.command == Command::Activate) {
        return what.key(" Activate it with ", "activate", ".");
    }
    what.key(" Activate it on the Integrations page: ", "integrations", ".")
}

/// What has to be done before Configure can be.
pub fn blocker(model: &Model) -> Option<Phrase> {
    nothing_to_configure(model).or_else(|| {
        let needed = missing_field(model).map(|field| field.info().label)?;
        let words = format!("{needed} is blank, and Halo needs it to reach this service.");
        Some(Phrase::from(words).key(" Go to it with ", "accept", "."))
    })
}

// What has to be done before a field can be all that is missing.
fn nothing_to_configure(model: &Model) -> Option<Phrase> {
    if model.current.is_none() {
        return Some("Save the configuration first.".into());
    }
    if model.current_saved().is_some_and(|saved| !saved.status.active) {
        return Some(inactive(model));
    }
    if !model.is_synced() {
        return Some(Phrase::from("No sync yet. Run the first sync before you configure Halo.").key(
            " Go back with ",
            "cancel",
            " to run it.",
        ));
    }
    let runs = model.work.sync.is_running();
    runs.then(|| "A sync is running. Configure can start when it has finished.".into())
}

// The field that Configure needs, where it is blank.
fn missing_field(model: &Model) -> Option<FieldId> {
    let base = model.wizard.as_ref().and_then(|wizard| wizard.base.as_ref());
    let integration = base.or_else(|| model.current_saved().map(|saved| &saved.configuration)).map(|c| &c.integration);
    integration.is_some_and(|integration| integration.pia_url.is_none()).then_some(FieldId::PiaUrl)
}

/// The field that alone keeps Configure from being done.
pub fn waits_for(model: &Model) -> Option<FieldId> {
    let is_asked = model.goal().is_install() && !model.work.apply.is_running();
    missing_field(model).filter(|_| is_asked && nothing_to_configure(model).is_none())
}

/// Why Configure cannot be led to by its name: a field that is missing is named there.
pub fn configure_refusal(model: &Model) -> Option<Phrase> {
    if waits_for(model).is_some() { None } else { blocker(model) }
}

/// Reads what Halo holds and plans, unless that is there or running.
pub fn load_plan_unless_there(model: &mut Model) -> Vec<Effect> {
    let shows_objects = keymap::base(model) == Place::Pane(Pane::Integration);
    if shows_objects && !model.work.apply.is_running() && model.apply().id().is_some() {
        // What was just done, or not, is shown as Halo has it now.
        model.work.forget_plan();
    }
    let there = !matches!(model.work.plan, PlanWork::None) && model.goal().is_install();
    let there = there || model.work.apply.is_running() || elsewhere(model).is_some();
    if there || blocker(model).is_some() { Vec::new() } else { load_plan(model) }
}

/// Another program has changed what is in Halo: it is read anew, unless something is being done here.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    if is_idle(model) {
        let reads = stop_reading(model);
        model.work.forget_plan();
        let effects = load_plan_unless_there(model);
        // What is read anew takes the place of what was being read.
        return if effects.is_empty() { reads.into_iter().collect() } else { effects };
    }
    Vec::new()
}

/// The other program that writes into Halo: until it is done, what is read there is neither how it was nor how it will be.
pub fn elsewhere(model: &Model) -> Option<Phrase> {
    let other = model.facts.standing.as_ref()?.configuring.as_ref()?;
    Some(format!("Another program is changing Halo: {other}. The result appears here.").into())
}

/// The plan holds no more: it is made anew by whoever shows it next.
pub fn forget(model: &mut Model) {
    if is_idle(model) && matches!(model.work.plan, PlanWork::Ready(_)) && keymap::below(model) != Place::Plan {
        model.work.forget_plan();
    }
}

/// Whether somebody has looked at what is in Halo since the plan was read.
fn is_overtaken(model: &Model) -> bool {
    let seen = model.status().and_then(|status| {
        status.known.before.iter().find(|found| found.rule == Rule::Drift).and_then(|drift| drift.seen_at)
    });
    model.work.plan_read.is_some_and(|read| seen.is_some_and(|seen| seen > read))
}

/// What a newer look has found, the plan does not know: it holds no more. Where it is `shown` beside what was found, Halo is
/// read again; the page of a plan that a person reads stays as it is.
pub fn yield_to_look(model: &mut Model, shown: bool) -> Vec<Effect> {
    let reads = matches!(model.work.plan, PlanWork::Reading { .. } | PlanWork::None);
    if reads || !is_idle(model) || keymap::below(model) == Place::Plan || !is_overtaken(model) {
        return Vec::new();
    }
    if shown {
        return follow(model);
    }
    model.work.forget_plan();
    Vec::new()
}

fn is_idle(model: &Model) -> bool {
    matches!(model.apply(), ApplyWork::None) && model.goal().is_install()
}

/// What runs already, of this configuration or of another: one Configure at a time.
pub fn running(model: &Model) -> Option<String> {
    let id = model.work.apply.id().filter(|_| model.work.apply.is_running())?;
    let what = model.work.apply.goal().map_or("Configure", Goal::word);
    let whose = match model.saved(id) {
        Some(saved) if model.current.as_ref() != Some(id) => format!(" of {}", saved_title(saved)),
        _ => String::new(),
    };
    Some(match model.work.apply.is_stopping() {
        true => format!("{what}{whose} is stopping: the current object is read back first."),
        false => format!("{what}{whose} is running. Wait until it has finished."),
    })
}

/// "Configure", "Re-configure": where the plan that is known leaves nothing to do, Halo is asked again.
pub fn look_again(model: &mut Model) -> Vec<Effect> {
    let stale = match (model.apply(), &model.work.plan) {
        (ApplyWork::None, _) if !model.work.goal.is_install() => true,
        (ApplyWork::Running { .. }, _) | (_, PlanWork::Reading { .. }) => false,
        (ApplyWork::None, PlanWork::Ready(plan)) => !plan.changes_pending(),
        _ => true,
    };
    if stale && load_refusal(model).is_none() { load_plan(model) } else { load_plan_unless_there(model) }
}

/// How long a plan stands on the screen before it can be applied: a key that is held down has not read it.
const READING: SignedDuration = SignedDuration::from_millis(500);

/// From when on the plan that is shown can be applied.
pub fn accepts_from(model: &Model) -> Option<Timestamp> {
    model.work.plan_shown.and_then(|shown| shown.checked_add(READING).ok())
}

/// Whether a plan to apply has only just come up.
pub fn is_unread(model: &Model) -> bool {
    is_applicable(model) && accepts_from(model).is_none_or(|from| model.now < from)
}

/// That a key which came before anybody can have read the plan was not taken, and which one takes it.
pub fn say_too_soon(model: &mut Model) {
    let words = Phrase::from("Not taken yet: the plan has just come up.").key(" Read it, then press ", "yes", ".");
    model.say(Tone::Warn, words);
}

fn is_applicable(model: &Model) -> bool {
    let pending =
        matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(plan)) if plan.changes_pending());
    pending || only_switches(model)
}

/// Notes since when a plan has been on the screen. With `again`, its time begins anew.
pub fn note_shown(model: &mut Model, again: bool) {
    let shown = keymap::below(model) == Place::Plan && is_applicable(model);
    model.work.plan_shown = match model.work.plan_shown {
        _ if !shown => None,
        Some(since) if !again => Some(since),
        // Nobody has read what came up under the commands.
        _ if model.palette.is_some() => None,
        _ => Some(model.now),
    };
}

/// Whoever answers a question line by line has read what it is about.
pub fn note_read(model: &mut Model) {
    model.work.plan_shown = is_applicable(model).then(|| model.now.checked_sub(READING).ok()).flatten();
}

/// Why the plan cannot be read now.
pub fn load_refusal(model: &Model) -> Option<Phrase> {
    if let Some(reason) = running(model) {
        return Some(reason.into());
    }
    if matches!(model.work.plan, PlanWork::Reading { .. }) && model.work.goal.is_install() {
        return Some("Halo is already being read.".into());
    }
    elsewhere(model).or_else(|| blocker(model))
}

/// Tests the connection, reads what Halo holds, and plans. Nothing is written.
pub fn load_plan(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = load_refusal(model) {
        model.say_while(Holds::Refused(keymap::place(model), Command::ReadPlan), Tone::Warn, reason);
        return Vec::new();
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    let mut effects: Vec<Effect> = model.stop_test().into_iter().collect();
    model.work.forget_plan();
    model.work.plan = PlanWork::Reading { since: model.now, checks: Vec::new() };
    model.touch();
    effects.push(Effect::LoadPlan(id));
    effects
}

/// Whether there is something of somebody else's that can be taken over.
pub fn take_over_now(model: &Model) -> Now {
    // Also after Halo has refused ours because of its name.
    let PlanWork::Ready(plan) = &model.work.plan else { return Now::Hidden };
    if plan.offers.is_empty() || model.work.apply.is_running() || model.apply().is_complete() {
        return Now::Hidden;
    }
    Now::unless(plan.offered().is_none().then(|| {
        let (plan, adopt) = (Next::Plan, Next::Adopt(None));
        format!("Several have the same name. List them with {plan}, then take one over with {adopt}.")
    }))
}

/// What somebody else made is changed: first the id of the configuration has to be typed.
pub fn ask_to_take_over(model: &mut Model) {
    let Some(id) = model.current.clone().filter(|_| matches!(take_over_now(model), Now::Can)) else { return };
    model.popup = Some(Popup::Typed(Typed::of_configuration(&id, model.name_of(&id), About::TakeOver)));
    model.touch();
}

/// It is typed: the plan is made anew, with what is taken over.
pub fn take_over(model: &mut Model) -> Vec<Effect> {
    let PlanWork::Ready(plan) = &model.work.plan else { return Vec::new() };
    let Some(taken) = plan.offered() else { return Vec::new() };
    let mut effects = load_plan(model);
    for effect in &mut effects {
        if let Effect::LoadPlan(id) = effect {
            *effect = Effect::LoadPlanTaking(id.clone(), taken.clone());
        }
    }
    effects
}

pub fn stop_reading(model: &mut Model) -> Option<Effect> {
    matches!(model.work.plan, PlanWork::Reading { .. }).then(|| {
        model.work.forget_plan();
        Effect::Cancel(Slot::Plan)
    })
}

/// One check is done.
pub fn checked(model: &mut Model, check: Check) {
    if let ApplyWork::Running { checks, .. } = &mut model.work.apply {
        *checks += 1;
        model.touch();
        return;
    }
    if let PlanWork::Reading { checks, .. } = &mut model.work.plan {
        checks.push(check);
        model.touch();
    }
}

/// The plan is there.
pub fn planned(model: &mut Model, outcome: Result<Result<Plan, CheckReport>, Failure>) {
    let PlanWork::Reading { checks, .. } = &mut model.work.plan else { return };
    model.work.plan_checks = std::mem::take(checks);
    model.work.plan_read = Some(model.now);
    model.work.plan = match outcome {
        Ok(Ok(plan)) => PlanWork::Ready(plan),
        Ok(Err(report)) => PlanWork::Refused(report),
        Err(failure) => PlanWork::Failed(failure),
    };
    model.touch();
}

/// Why Apply does nothing now.
pub fn apply_refusal(model: &Model) -> Option<Phrase> {
    if model.work.apply.is_running() {
        let elsewhere = model.apply().id().is_none();
        let what = model.goal().word();
        let same = || format!("{what} is already running. Wait until it has finished.");
        return if elsewhere || model.work.apply.is_stopping() {
            running(model).map(Phrase::from)
        } else {
            Some(same().into())
        };
    }
    if model.work.plan_stale && matches!(model.apply(), ApplyWork::None) {
        return Some(Phrase::from(STALE).key(" Read Halo again with ", "check_halo", "."));
    }
    let blocker = |model: &Model| if model.goal().is_install() { blocker(model) } else { removal_blocker(model) };
    match (model.apply(), &model.work.plan) {
        (ApplyWork::None, PlanWork::Ready(plan)) if plan.changes_pending() => blocker(model),
        (ApplyWork::None, PlanWork::Ready(_)) if only_switches(model) => blocker(model),
        (ApplyWork::None, PlanWork::Ready(_)) => Some(match model.work.goal {
            Goal::Install => "Nothing to do: everything is in place.".into(),
            Goal::Remove { .. } => "Nothing to do: the selected parts are not in Halo.".into(),
            Goal::RollBack | Goal::Rotate => model.work.goal.nothing().into(),
        }),
        (ApplyWork::None, PlanWork::Reading { .. }) => Some("Halo is still being read.".into()),
        _ => blocker(model)
            .or_else(|| Some(Phrase::from("No plan to apply.").key(" Read Halo again with ", "check_halo", "."))),
    }
}

/// The machine that the plan is taken over from, until a person has agreed to that.
pub fn other_owner(model: &Model) -> Option<&Owner> {
    match &model.work.plan {
        PlanWork::Ready(plan) if !model.work.takes_over => plan.belongs.other(),
        _ => None,
    }
}

/// "Apply": first the name of the machine that it is taken over from is typed, and the id where it deletes in Halo.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.current.clone().filter(|_| apply_refusal(model).is_none()) else { return apply(model) };
    let typed = match other_owner(model) {
        Some(owner) => Typed::new(&owner.machine, About::Owner),
        None if model.work.goal.wants_id() && !only_switches(model) => {
            Typed::of_configuration(&id, model.name_of(&id), About::Removal)
        }
        None => return apply(model),
    };
    model.popup = Some(Popup::Typed(typed));
    model.touch();
    Vec::new()
}

/// The name of the other machine is typed: on to what the plan is for.
pub fn agree_to_take_over(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Typed(typed)) = model.popup.take() else { return Vec::new() };
    model.touch();
    // The plan may have been read anew meanwhile, and name another machine.
    if !typed.is_right() || other_owner(model).is_none_or(|owner| owner.machine != typed.wanted.word()) {
        return Vec::new();
    }
    model.work.takes_over = true;
    ask(model)
}

/// Applies the plan that was agreed to, or says why not.
pub fn apply(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = apply_refusal(model) {
        model.say_while(Holds::Refused(keymap::place(model), Command::Apply), Tone::Warn, reason);
        return Vec::new();
    }
    let (Some(id), PlanWork::Ready(plan)) = (model.current.clone(), &model.work.plan) else { return Vec::new() };
    let plan = Box::new(plan.clone());
    let (goal, total) = (model.work.goal.clone(), plan.pending().count());
    model.work.apply = ApplyWork::Running {
        id: id.clone(),
        goal: goal.clone(),
        since: model.now,
        first: None,
        total,
        checks: 0,
        results: Vec::new(),
        stopping: false,
    };
    model.work.plan_line = 0;
    model.touch();
    let effect = match goal {
        Goal::Install => Effect::Configure(id, plan),
        Goal::Remove { parts, then } => Effect::Remove { id, parts, then, plan },
        Goal::RollBack => Effect::RollBack(id, plan),
        Goal::Rotate => Effect::Rotate(id, plan),
    };
    vec![if model.work.takes_over { Effect::TakingOver(Box::new(effect)) } else { effect }]
}

/// "Stop": what is done stays done. It is over once it says how it ended.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    match &mut model.work.apply {
        ApplyWork::Running { stopping, .. } if !*stopping => *stopping = true,
        _ => return Vec::new(),
    }
    model.touch();
    vec![Effect::Cancel(Slot::Configure)]
}

/// One object is done.
pub fn applied(model: &mut Model, result: ChangeResult) {
    let now = model.now;
    let ApplyWork::Running { results, id, first, .. } = &mut model.work.apply else { return };
    if result.action != Action::Keep {
        first.get_or_insert(now);
    }
    // Said again where a later step has changed the word on an object.
    let same = |known: &&mut ChangeResult| {
        known.kind == result.kind && known.id.is_some() && known.id == result.id && known.action == result.action
    };
    match results.iter_mut().find(same) {
        Some(known) => *known = result,
        None => results.push(result),
    }
    if model.current.as_ref() == Some(id) {
        // The newest line stays in sight.
        model.work.plan_line = words::plan::told(results).len() - 1;
        model.touch();
    }
}

/// Configure has ended.
pub fn configured(model: &mut Model, outcome: Result<ConfigureReport, Failure>) -> Vec<Effect> {
    let ApplyWork::Running { id, goal, results, .. } = &mut model.work.apply else { return Vec::new() };
    let (id, goal, results) = (id.clone(), goal.clone(), std::mem::take(results));
    let shown = model.current.as_ref() == Some(&id);
    model.touch();
    let mut effects = vec![Effect::LoadOverview];
    if shown {
        model.work.plan_line = 0;
        // What was read of the webhooks is from before; what is still true of it comes with the status.
        if matches!(model.work.deliveries, DeliveryWork::Read(_)) {
            model.work.deliveries = DeliveryWork::None;
        }
        effects.push(Effect::LoadStatus(id.clone()));
        let emptied = matches!(&outcome, Ok(report) if report.status.is_complete())
            && matches!(&goal, Goal::Remove { parts, .. } if parts.is_all());
        if emptied {
            model.unconfigure(true);
        }
    }
    model.work.apply = match outcome {
        Ok(mut report) => {
            // What was not done comes first, and last what there was nothing to do about.
            report.results.sort_by_key(|result| (result.is_made(), result.outcome == Outcome::Unchanged));
            ApplyWork::Ended { id, goal, report: Box::new(report) }
        }
        Err(failure) => ApplyWork::Failed { id, goal, failure, results },
    };
    effects
}

/// How far it came, where it was stopped or failed before its end; one count, and how to go on.
pub fn how_far(model: &Model) -> Option<String> {
    let changes = |results: &[ChangeResult]| results.iter().filter(|result| result.action != Action::Keep).count();
    let goal = model.goal().word();
    match model.apply() {
        // Nothing was begun: the failure says so, and what comes next.
        ApplyWork::Failed { failure, results, .. }
            if failure.kind != FailureKind::Interrupted && changes(results) == 0 =>
        {
            None
        }
        ApplyWork::Failed { failure, results, .. } => {
            let planned = match &model.work.plan {
                PlanWork::Ready(plan) => plan.pending().count(),
                _ => 0,
            };
            let how_far = |left| words::plan::how_far(goal, results, planned.max(changes(results)), left);
            Some(match failure.kind {
                FailureKind::Interrupted => format!("Stopped. {}", how_far("to do")),
                _ => how_far("not made"),
            })
        }
        ApplyWork::Ended { report, .. } if report.cause == Some(FailureKind::Interrupted) => {
            let all = changes(&report.results);
            Some(format!("Stopped. {}", words::plan::how_far(goal, &report.results, all, "to do")))
        }
        _ => None,
    }
}

/// Whether there is nothing left to do here: on to the end.
pub fn is_settled(model: &Model) -> bool {
    let nothing = matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(plan))
        if !plan.changes_pending() && plan.hindrances().next().is_none());
    let ended = matches!(model.apply(), ApplyWork::Ended { report, .. } if report.is_settled());
    nothing && !only_switches(model) || ended
}

/// The other program that was in the way has come to its end: it is not waited for any more.
pub fn freed(model: &mut Model) {
    if let ApplyWork::Failed { failure, .. } = &model.work.apply
        && failure.kind == FailureKind::Busy
    {
        model.work.freed = Some(model.now);
        model.touch();
    }
}

/// Whether the set-up can go on although not everything is in place: what stands in the way may be somebody else's.
pub fn can_be_passed_over(model: &Model) -> bool {
    let runs = model.work.apply.is_running() || matches!(model.work.plan, PlanWork::Reading { .. });
    !runs && !is_settled(model) && model.is_synced() && model.is_active() && !model.work.sync.is_running()
}

/// Whether Configure was done before: then its name is Re-configure.
pub fn is_again(model: &Model) -> bool {
    model.status().is_some_and(|status| status.integration.is_in_halo())
}

/// Moves in the plan.
pub fn move_line(model: &mut Model, to: usize) {
    let rows = model.work.plan_rows(model.apply()) + by_hand(model).len();
    let to = to.min(rows.saturating_sub(1));
    if to != model.work.plan_line {
        model.work.plan_line = to;
        model.touch();
    }
}

/// Why no line can be opened.
pub fn open_refusal(model: &Model) -> Option<Phrase> {
    let listed = matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(plan)) if !plan.changes.is_empty());
    (!listed).then(|| {
        let busy = if model.goal().is_install() {
            load_refusal(model)
        } else {
            running(model).map(Phrase::from).or_else(|| removal_blocker(model))
        };
        busy.unwrap_or_else(|| "Nothing to open.".into())
    })
}

/// Opens or closes the selected line, field by field.
pub fn open(model: &mut Model, open: bool) {
    let line = model.work.plan_line;
    let changed = if open { model.work.plan_open.insert(line) } else { model.work.plan_open.remove(&line) };
    if changed {
        model.touch();
    }
}

/// What has to be done before Remove can be. It needs no sync: it takes out what is there.
pub fn removal_blocker(model: &Model) -> Option<Phrase> {
    let Some(saved) = model.current_saved() else { return Some("Save the configuration first.".into()) };
    (!saved.status.active).then(|| inactive(model))
}

/// The clicks that do it without the API, where Halo refuses that or is not reached.
pub fn by_hand(model: &Model) -> Vec<String> {
    let refused = match (model.apply(), &model.work.plan) {
        (ApplyWork::Ended { report, .. }, _) => report.refusal.is_some(),
        (ApplyWork::Failed { .. }, _) => true,
        (ApplyWork::None, plan) => matches!(plan, PlanWork::Refused(_) | PlanWork::Failed(_)),
        (ApplyWork::Running { .. }, _) => false,
    };
    model.goal().parts().filter(|_| refused).map(by_hand::removal).unwrap_or_default()
}

/// Whether nothing is left to be taken out before the switch that was asked for.
pub fn only_switches(model: &Model) -> bool {
    let nothing = matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(plan))
        if !plan.changes_pending() && plan.blocked.is_empty());
    nothing && matches!(model.work.goal, Goal::Remove { then: Some(_), .. })
}

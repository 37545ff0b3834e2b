//! What answers change: each goes to the job or the screen that asked.

use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Rule, State};
use crate::domain::request::Standing;
use crate::domain::status::{Overview, Saved};
use crate::domain::thousands;
use crate::words::{self, Phrase, step};

use super::effect::Effect;
use super::go::Go;
use super::integrations;
use super::jobs::state::{ApplyWork, Copying, PlanWork};
use super::jobs::{activate, deliveries, escalate, health, plan, prove, sync, tickets};
use super::keymap::{self, Place};
use super::message::Reply;
use super::model::{Model, Screen, saved_title};
use super::notice::Tone;
use super::panes::{self, Pane, clients, events, report};
use super::popup::{Ask, Confirm, Popup};
use super::text::draft_title;
use super::wizard::{self, Wizard, credentials, finished, initial_sync, review};

// Where the interface begins, once it is known what there is.
fn begin(model: &mut Model) -> Vec<Effect> {
    let active = model.active().map(|saved| (saved.id.clone(), saved.clone()));
    let mut effects = match active {
        Some((id, saved)) if wizard::is_finished(&saved.status) => {
            let mut effects = model.open(&id);
            effects.extend(panes::enter(model));
            effects
        }
        // A draft comes first, whosever it is: typing here would overwrite it.
        Some((_, saved)) if model.overview.draft.is_none() => {
            let step = wizard::first_unfinished(&saved.status);
            wizard::show(model, Wizard::of(&saved, step))
        }
        _ => {
            integrations::enter(model);
            Vec::new()
        }
    };
    let is_finished = |draft: &Draft| {
        let saved = draft.configuration.as_ref().and_then(|id| model.saved(id));
        saved.is_some_and(|saved| wizard::is_finished(&saved.status))
    };
    if model.overview.draft.as_ref().is_some_and(is_finished) {
        // The set-up is finished: settings that were not saved stop nobody.
        let words = Phrase::from("Some settings were changed and not saved.");
        model.say(Tone::Warn, words.key(" ", "edit", " opens them."));
    } else if let Some(draft) = model.overview.draft.as_ref().filter(|_| model.screen == Screen::Panes) {
        // What works comes first; a set-up that was begun beside it waits.
        let saved = draft.configuration.as_ref().and_then(|id| model.saved(id)).map(saved_title);
        let title = saved.unwrap_or_else(|| draft_title(draft));
        let words = Phrase::from(format!("The unfinished set-up of {title} is kept on the Integrations page"));
        model.say(Tone::Calm, words.key(" (", "integrations", ")").text("."));
    } else if let Some(draft) = &model.overview.draft {
        let saved = draft.configuration.as_ref().and_then(|id| model.saved(id)).map(saved_title);
        let title = saved.unwrap_or_else(|| draft_title(draft));
        let step = step::name(if draft.configuration.is_none() { draft.step.min(Step::Review) } else { draft.step });
        model.popup = Some(Popup::Confirm(Confirm::new(Ask::Continue { title, step })));
    }
    // What both asked for is asked for once.
    let mut once: Vec<Effect> = Vec::new();
    for effect in effects.drain(..) {
        if !once.contains(&effect) {
            once.push(effect);
        }
    }
    once
}

fn overview(model: &mut Model, mut overview: Overview) -> Vec<Effect> {
    model.overview_failed = None;
    // A draft is written and read in two slots: what is read may be older than what is typed.
    if model.owns_draft || model.overview.draft.is_some() {
        overview.draft.clone_from(&model.overview.draft);
        overview.draft_at = model.overview.draft_at;
    }
    // The draft of changes of what is deleted can only become a new one. One that was saved just now may not be read yet.
    let is_here = |id: &ConfigurationId| overview.configurations.iter().any(|saved| saved.id == *id);
    let is_gone = |id: &ConfigurationId| !is_here(id) && (!model.owns_draft || model.saved(id).is_some());
    if overview.draft.as_ref().is_some_and(|draft| draft.configuration.as_ref().is_some_and(is_gone)) {
        overview.draft = overview.draft.take().map(Draft::detached);
    }
    let missing: Vec<_> = model.overview.configurations.iter().filter(|saved| !is_here(&saved.id)).cloned().collect();
    model.owns_draft = true;
    if model.overview == overview && model.screen != Screen::Starting {
        return Vec::new();
    }
    model.touch();
    let planned = |model: &Model| model.current_saved().map(|saved| saved.configuration.clone());
    let before = planned(model);
    model.overview = overview;
    if before.is_some() && planned(model) != before {
        // Somebody else has saved: what was planned leads elsewhere.
        plan::forget(model);
    }
    if model.screen == Screen::Starting {
        return begin(model);
    }
    missing.iter().flat_map(|saved| gone(model, saved)).collect()
}

// Somebody else has deleted it. What is shown of it leads here; what was typed stays, as a draft of a new one.
fn gone(model: &mut Model, gone: &Saved) -> Vec<Effect> {
    let is_its = |wizard: &Wizard| wizard.id.as_ref() == Some(&gone.id);
    let stopped = model.wizard.as_ref().is_some_and(is_its).then(|| model.stop_test()).flatten();
    let typed = model.wizard.take_if(|wizard| is_its(wizard));
    let is_open = typed.is_some() || model.current.as_ref() == Some(&gone.id);
    let was_typed = typed.is_some();
    let mut effects = if is_open { model.turn_to(None) } else { Vec::new() };
    let typed = typed.filter(Wizard::is_edited).map(Wizard::detached);
    let goes_on = typed.is_some() && model.screen == Screen::Wizard;
    if was_typed {
        effects.extend(stopped);
        model.wizard = typed;
        effects.extend(model.keep_draft());
    }
    if !is_open {
        return effects;
    }
    model.popup = None;
    if goes_on {
        effects.extend(model.go(Go::Wizard));
    } else if model.screen != Screen::Integrations {
        integrations::enter(model);
    }
    let is_kept = model.overview.draft.as_ref().is_some_and(|draft| draft.configuration.is_none());
    let words = format!("{} was deleted by someone else.", saved_title(gone));
    let kept = if is_kept { " What was typed is kept as a draft of a new configuration." } else { "" };
    model.say(Tone::Warn, format!("{words}{kept}"));
    effects
}

// Whether what was read of the store failed because its server is away.
fn is_away(model: &Model, failure: &Failure) -> bool {
    failure.kind == FailureKind::NotReached && model.status().is_some_and(|status| status.store.is_some())
}

// Notes since when the server is away, whichever reader meets it first. Says whether that is news.
fn note_away(model: &mut Model, failure: &Failure) -> bool {
    let is_news = model.facts.away_since.is_none() && is_away(model, failure);
    if is_news {
        model.facts.away_since = Some(model.now);
        model.touch();
    }
    is_news
}

// Where another program has synced, configured or rotated meanwhile, what is shown follows.
fn standing_read(model: &mut Model, standing: Box<Standing>) -> Vec<Effect> {
    let failed = model.facts.standing_failed.take();
    // What was asked for meanwhile was not read.
    let is_back = model.facts.away_since.take().is_some() && model.panes.clients.failed.is_some();
    let mut effects: Vec<Effect> = model.current.iter().filter(|_| is_back).cloned().map(Effect::LoadClients).collect();
    if model.facts.standing.as_ref() == Some(&standing) {
        if failed.is_some() {
            model.touch();
        }
        return effects;
    }
    effects.extend(followed(model, standing));
    effects
}

fn followed(model: &mut Model, standing: Box<Standing>) -> Vec<Effect> {
    let before = model.facts.standing.replace(standing);
    model.touch();
    credentials::follow(model);
    let (Some(before), Some(now), Some(id)) = (before, &model.facts.standing, model.current.clone()) else {
        return Vec::new();
    };
    let published =
        |standing: &Standing| standing.runs.iter().find(|run| run.status.has_published()).map(|run| run.run);
    let installed = |standing: &Standing| {
        let integration = &standing.status.integration;
        (integration.configured_at, integration.objects.clone())
    };
    let is_synced = published(&before) != published(now);
    // What another program is still at is read once it is done: half of it is no state.
    let is_done = before.configuring.is_some() && now.configuring.is_none();
    if is_done {
        plan::freed(model);
    }
    let Some(now) = &model.facts.standing else { return Vec::new() };
    let is_installed = is_done || installed(&before) != installed(now);
    let is_rotated = before.status.integration.rotation != now.status.integration.rotation;
    let is_other = found(&before) != found(now);
    let shows_objects = model.screen == Screen::Panes && model.panes.pane == Pane::Integration;
    if is_installed && !shows_objects {
        plan::forget(model);
    }
    // Another look at the same Halo may have seen what this plan has not.
    let looks_again = if is_other || !shows_objects { plan::yield_to_look(model, shows_objects) } else { Vec::new() };
    let is_open = keymap::below(model) == Place::Plan && matches!(model.apply(), ApplyWork::None);
    if is_installed && is_open && matches!(model.work.plan, PlanWork::Ready(_)) {
        model.work.plan_stale = true;
    }
    // What was done here asks for itself.
    if model.screen != Screen::Panes || model.work.sync.run_of(Some(&id)).is_some() {
        return looks_again;
    }
    let mut effects = looks_again;
    if is_synced {
        effects.push(Effect::LoadLists(id.clone()));
        effects.extend((model.panes.pane == Pane::Clients).then(|| Effect::LoadClients(id.clone())));
    }
    if is_rotated {
        effects.push(Effect::LoadCallbacks(id));
    }
    let is_read = effects.iter().any(|effect| matches!(effect, Effect::LoadPlan(_)));
    if is_installed && shows_objects && !model.panes.planning && !is_read {
        effects.extend(plan::follow(model));
    }
    effects
}

// What the last look at the objects in Halo has found.
fn found(standing: &Standing) -> Option<(State, &str)> {
    let drift = standing.status.known.before.iter().find(|found| found.rule == Rule::Drift);
    drift.map(|drift| (drift.state, drift.fact.as_str()))
}

pub fn take(model: &mut Model, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Overview(Ok(new)) => return overview(model, new),
        Reply::Overview(Err(failure)) => {
            model.overview_failed = Some(failure);
            if model.screen == Screen::Starting {
                integrations::enter(model);
            }
            model.touch();
        }
        Reply::Checked(check) => {
            if !credentials::checked(model, check.clone()) {
                plan::checked(model, check);
            }
        }
        Reply::Waiting { limit, silence } => {
            if (model.work.waiting, model.work.silence) != (limit, silence) {
                (model.work.waiting, model.work.silence) = (limit, silence);
                model.touch();
            }
        }
        Reply::Verified(outcome) => return wizard::tested(model, outcome),
        Reply::Saved(outcome) => return review::saved(model, outcome),
        Reply::Clashed(clash) => review::clashed(model, *clash),
        Reply::AlsoEditing(editor) => {
            model.say(Tone::Warn, format!("Someone else is editing this, too: {editor}. Saving keeps their changes."));
        }
        Reply::DraftFailed(failure) => model.say(Tone::Bad, format!("The draft could not be saved: {failure}")),
        Reply::SyncProgress(progress) => sync::progress(model, progress),
        Reply::SyncFollows(other) => sync::follows(model, other),
        Reply::Synced(outcome) => {
            let mut effects = sync::synced(model, outcome);
            initial_sync::focus(model);
            effects.extend(initial_sync::follow(model));
            return effects;
        }
        Reply::Agreed(outcome) => return initial_sync::agreed(model, outcome),
        Reply::Lists(Ok(lists)) => {
            if model.facts.lists != lists {
                model.facts.lists = lists;
                model.touch();
                initial_sync::focus_once(model);
            }
        }
        Reply::Lists(Err(failure)) => model.say(Tone::Bad, failure.to_string()),
        Reply::Planned(outcome) => {
            let is_refused = !matches!(outcome, Ok(Ok(_)));
            plan::planned(model, outcome);
            // What it has found of the connection, and of a Halo that does not answer, is shown wherever that is told.
            let id = model.current.clone().filter(|_| is_refused);
            return id.map(Effect::LoadStatus).into_iter().collect();
        }
        Reply::Applied(result) => plan::applied(model, result),
        Reply::Configured(outcome) => {
            let mut effects = plan::configured(model, outcome);
            effects.extend(finished::follow(model));
            return effects;
        }
        Reply::Deliveries(outcome) => return deliveries::take(model, outcome),
        Reply::Hop(hop) => prove::hop(model, hop),
        Reply::Proved(outcome) => {
            prove::proved(model, outcome);
            return model.current.clone().map(Effect::LoadStatus).into_iter().collect();
        }
        Reply::Events(outcome) => {
            if let Err(failure) = &outcome {
                note_away(model, failure);
            }
            events::take(model, outcome);
        }
        Reply::Event(outcome) => events::open::read(model, outcome),
        Reply::Tickets(outcome) => tickets::take(model, outcome),
        Reply::Escalated(outcome) => escalate::escalated(model, outcome.map(|done| *done)),
        Reply::Clients(Ok(clients)) => {
            model.panes.clients.fill(clients);
            clients::settle(model);
            clients::ask_where_at_last(model);
        }
        Reply::FirstClients(beginning) => {
            model.panes.clients.fill(beginning);
            clients::settle(model);
        }
        Reply::Exported(Ok((count, file))) => {
            let clients = if count == 1 { "client" } else { "clients" };
            model.say(Tone::Good, format!("{} {clients} written to {file}", thousands(count as u64)));
        }
        Reply::Exported(Err(failure)) => model.say(Tone::Bad, failure.to_string()),
        Reply::Changes(outcome) => report::read(model, outcome),
        Reply::Clients(Err(failure)) => {
            if note_away(model, &failure) {
                // It may not have noticed yet, and looks until the server is back.
                events::watch_anew(model);
            }
            model.panes.clients.failed = Some(failure);
            model.touch();
        }
        Reply::Status(Ok(standing)) => {
            return standing_read(model, standing);
        }
        Reply::Status(Err(failure)) => {
            if !is_away(model, &failure) {
                model.facts.away_since = None;
            }
            note_away(model, &failure);
            // It may be deleted: the list of all of them knows.
            let is_unknown = failure.kind == FailureKind::Usage;
            model.facts.standing_failed = Some(failure);
            model.touch();
            return is_unknown.then_some(Effect::LoadOverview).into_iter().collect();
        }
        Reply::Callbacks(Ok(callbacks)) => {
            model.facts.callbacks_failed = None;
            if model.facts.callbacks != callbacks {
                model.facts.callbacks = callbacks;
                model.touch();
            }
        }
        Reply::Callbacks(Err(failure)) => {
            model.facts.callbacks_failed = Some(failure);
            model.touch();
        }
        Reply::Forgotten(outcome) => {
            match outcome {
                Ok(id) => model.say(Tone::Good, format!("The secrets of {id} were deleted here.")),
                Err(failure) => model.say_failure(&failure),
            }
            let status = model.current.clone().map(Effect::LoadStatus);
            return std::iter::once(Effect::LoadOverview).chain(status).collect();
        }
        Reply::Installation(Ok(steps)) if model.popup.is_none() => {
            model.popup = Some(Popup::Confirm(Confirm::new(Ask::InstallService { steps })));
            model.touch();
        }
        // Nothing floats over a question.
        Reply::Installation(Ok(_)) => {}
        Reply::Installation(Err(failure)) => model.say_failure(&failure),
        Reply::Installed(outcome) => {
            match outcome {
                Ok(true) => model.say(Tone::Good, "The service is installed and started."),
                Ok(false) => {
                    model.say(Tone::Warn, format!("The service is installed. {}", words::service::set_up_next()));
                }
                Err(failure) => model.say_failure(&failure),
            }
            return model.current.clone().map(Effect::LoadStatus).into_iter().collect();
        }
        Reply::Deleted(outcome) => return integrations::deleted(model, outcome),
        Reply::Looked(outcome) => return health::looked(model, outcome),
        Reply::Issue(outcome) => return health::answered(model, outcome),
        Reply::Activated(outcome) => return activate::done(model, outcome),
        Reply::Copied(Ok(())) => {
            let sent = "Sent to your terminal's clipboard (if it allows that)";
            let words = match model.work.copying.take() {
                Some(Copying::Command(command)) => format!("To run in a shell: {command}. {sent}."),
                Some(Copying::Callback(group)) => {
                    format!("{sent}: the Callback URL of {}. It holds a token.", group.webhook_name())
                }
                None => format!("{sent}."),
            };
            model.say(Tone::Good, words);
        }
        Reply::Copied(Err(reason)) => {
            if let Some(Copying::Command(command)) = model.work.copying.take() {
                model.say(Tone::Calm, format!("To run in a shell: {command}"));
                return Vec::new();
            }
            let words = Phrase::from(format!("Not copied: {reason}."));
            model.say(Tone::Bad, words.key(" Reveal it with ", "reveal", " instead."));
        }
        Reply::NotSuspended => {
            let words = Phrase::default().key("", "suspend", " does nothing here: ");
            model.say(Tone::Calm, words.text("there is no shell to return to."));
        }
    }
    Vec::new()
}

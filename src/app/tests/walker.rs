//! A walker: it presses every key that is offered in every state that it comes to, over every fault of the simulated Halo,
//! and draws the map of what leads where. No state on the map is a dead end.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::layout::Size;

use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::keymap::{Command as C, place, press};
use crate::app::message::{Message, Reply};
use crate::app::model::Screen;
use crate::app::offers::offers;
use crate::app::popup::Popup;
use crate::app::testing::{
    CANARY, Stage, callbacks, clients, deliveries, events, failed, kept, lists, overview, passed, plan, removal,
    results, save_report, saved, standing, status, sync_report, unproved,
};
use crate::app::wizard::state::Item;
use crate::app::{Model, Theme};
use crate::demo::Fault;
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::plan::{Blocked, ConfigureReport, ConfigureStatus, Outcome, Plan};
use crate::domain::status::{Saved, StepState};
use crate::domain::sync_run::{Brake, SyncStatus};
use crate::domain::{object::ObjectKind, request::Activation};

/// What a fault of Halo's comes to for whoever sits before the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// It is nothing that the screen shows.
    Fine,
    /// Nothing is answered, or nothing that can be read.
    Unreachable,
    Refused,
    /// The test passes; the sync does not come to its end.
    SyncFails,
    /// No sync is proved complete.
    Unproved,
    /// More clients are gone than a sync disables unasked.
    MassChange,
    /// Something of somebody else's has our name.
    Taken,
    /// A part of what is written is refused.
    HalfWritten,
    /// Nothing is written.
    NotWritten,
    /// Halo's deliveries fail.
    NotDelivered,
}

impl Way {
    fn of(fault: Fault) -> Self {
        let name = fault.name();
        let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| name.starts_with(beginning));
        match name {
            "forbidden-writes" | "accepted-but-not-stored" => Self::NotWritten,
            "webhook-name-taken" => Self::Taken,
            "rows-deleted-mid-sync" => Self::MassChange,
            "record-count-wrong" | "repeated-page" => Self::Unproved,
            "token-expiry-mid-sync" | "rate-limit" => Self::SyncFails,
            _ if name.ends_with("-writes") || starts(&["forbidden-one", "link-", "ticket-type-"]) => Self::HalfWritten,
            _ if starts(&["forbidden-", "wrong-", "narrow-", "endless-", "foreign-auth", "restricted-"]) => {
                Self::Refused
            }
            _ if starts(&[
                "silence",
                "slow",
                "gateway",
                "html-",
                "null-",
                "empty-",
                "truncated",
                "cut-off",
                "redirect",
            ]) =>
            {
                Self::Unreachable
            }
            _ if starts(&["deliveries-", "webhook-switched"]) => Self::NotDelivered,
            _ => Self::Fine,
        }
    }

    /// Whether the set-up can come to its end while it lasts.
    fn lets_through(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Refused | Self::SyncFails)
    }
}

/// The world outside, with one fault in it.
struct World {
    way: Way,
    saved: bool,
    synced: StepState,
    configured: bool,
    /// Whether it ever was.
    once: bool,
}

impl World {
    fn own(&self) -> Saved {
        let mut own = saved("acme", "Acme MSP", true, self.synced != StepState::Todo, self.configured);
        own.status.steps.initial_sync = self.synced;
        own.status.integration.was_configured = self.once;
        own
    }

    fn answer(&mut self, effect: Effect) -> Vec<Reply> {
        let unreachable = || Failure::new(FailureKind::NotReached, "acme.halopsa.com did not answer");
        match effect {
            Effect::LoadOverview => {
                vec![Reply::Overview(Ok(overview(self.saved.then(|| self.own()).into_iter().collect())))]
            }
            Effect::Verify(_) => vec![Reply::Verified(match self.way {
                Way::Unreachable => Err(unreachable()),
                Way::Refused => Ok(failed()),
                _ => Ok(passed()),
            })],
            Effect::Save(_) => {
                self.saved = true;
                // What is in Halo is not all of what is saved any more.
                self.configured &= !self.once;
                vec![Reply::Saved(Ok(save_report(true)))]
            }
            Effect::Sync { brake, .. } => vec![Reply::Synced(match self.way {
                Way::Unreachable => Err(unreachable()),
                Way::SyncFails | Way::Refused => Ok(sync_report(SyncStatus::Failed)),
                Way::MassChange if brake == Brake::On => Ok(sync_report(SyncStatus::NeedsConfirmation)),
                Way::Unproved => Ok(unproved()),
                _ => {
                    self.synced = StepState::Done;
                    Ok(sync_report(SyncStatus::Complete))
                }
            })],
            Effect::AgreeUnproved(id) => {
                self.synced = StepState::NotProved;
                vec![Reply::Agreed(Ok(id))]
            }
            Effect::LoadLists(_) | Effect::RefreshLists(_) => vec![Reply::Lists(Ok(lists()))],
            Effect::LoadCallbacks(_) => vec![Reply::Callbacks(Ok(callbacks()))],
            Effect::LoadStatus(_) => {
                let mut now = status("Acme MSP", true, self.synced != StepState::Todo, self.configured);
                now.steps.initial_sync = self.synced;
                now.integration.was_configured = self.once;
                vec![Reply::Status(Ok(standing(now)))]
            }
            Effect::LoadClients(_) => vec![Reply::Clients(Ok(clients().into()))],
            Effect::LoadEvents(_) | Effect::WatchEvents { .. } => vec![events::recent(events::events())],
            Effect::LoadEvent { .. } => vec![Reply::Event(Ok(None))],
            Effect::LoadTickets(_) => vec![Reply::Tickets(match self.way {
                Way::Unreachable => Err(unreachable()),
                _ => Ok(events::board()),
            })],
            Effect::Escalate { .. } => vec![Reply::Escalated(Ok(Box::new(events::escalation())))],
            Effect::LoadDeliveries(_) => vec![Reply::Deliveries(match self.way {
                Way::Unreachable => Err(unreachable()),
                Way::NotDelivered => {
                    let mut read = deliveries();
                    read[0].state = DeliveryState::Unauthorised;
                    Ok(read)
                }
                _ => Ok(deliveries()),
            })],
            Effect::LoadPlan(_) | Effect::LoadPlanTaking(..) => vec![Reply::Planned(match self.way {
                Way::Unreachable => Err(unreachable()),
                Way::Refused => Ok(Err(failed())),
                _ if self.configured => Ok(Ok(kept())),
                Way::Taken => Ok(Ok(taken())),
                _ => Ok(Ok(plan())),
            })],
            Effect::Configure(_, plan) => self.configure(&plan),
            Effect::LoadRemoval(..) | Effect::LoadRotation(_) | Effect::LoadRollBack(_) => {
                vec![Reply::Planned(match self.way {
                    Way::Unreachable => Err(unreachable()),
                    _ => Ok(Ok(removal())),
                })]
            }
            Effect::TakingOver(effect) => self.answer(*effect),
            Effect::Remove { plan, .. } => {
                self.configured = false;
                vec![Reply::Configured(Ok(report(ConfigureStatus::Removed, &plan)))]
            }
            Effect::Rotate(_, plan) => vec![Reply::Configured(Ok(report(ConfigureStatus::Rotated, &plan)))],
            Effect::RollBack(_, plan) => {
                self.configured = false;
                vec![Reply::Configured(Ok(report(ConfigureStatus::RolledBack, &plan)))]
            }
            Effect::LoadInstallation => vec![Reply::Installation(Ok(vec!["write a unit".to_owned()]))],
            Effect::InstallService => vec![Reply::Installed(Ok(true))],
            Effect::ForgetSecrets(id) => vec![Reply::Forgotten(Ok(id))],
            Effect::Activate { id, .. } => vec![Reply::Activated(Ok(Activation::Active(Some(id))))],
            Effect::Deactivate => vec![Reply::Activated(Ok(Activation::Active(None)))],
            Effect::LoadChanges { .. } => vec![Reply::Changes(Ok(None))],
            Effect::Look(_) => vec![Reply::Looked(Ok(None))],
            Effect::Dismiss { .. } | Effect::SendAgain(_) => vec![Reply::Issue(Ok("Done."))],
            _ => Vec::new(),
        }
    }

    fn configure(&mut self, plan: &Plan) -> Vec<Reply> {
        let status = match self.way {
            Way::NotWritten => ConfigureStatus::Failed,
            Way::HalfWritten | Way::Taken => ConfigureStatus::PartlyDone,
            _ => ConfigureStatus::Configured,
        };
        self.configured = status == ConfigureStatus::Configured;
        self.once = true;
        let mut report = report(status, plan);
        let all = if status == ConfigureStatus::Failed { report.results.len() } else { 1 };
        for result in report.results.iter_mut().take(all).filter(|_| status != ConfigureStatus::Configured) {
            result.outcome = Outcome::Failed;
        }
        vec![Reply::Configured(Ok(report))]
    }
}

fn report(status: ConfigureStatus, plan: &Plan) -> ConfigureReport {
    ConfigureReport {
        status,
        results: results(plan),
        message: "So it ended".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

/// A plan with somebody else's webhook in its way.
fn taken() -> Plan {
    let name = "Pia - Ticket Created".into();
    let reason = "a webhook that is not ours has this name".to_owned();
    let blocked = vec![Blocked { kind: ObjectKind::Webhook, name, reason, only_told: false }];
    Plan { blocked, ..plan() }
}

/// What can be done in a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Press(C),
    /// What is asked for is typed.
    Type,
}

/// One state of the interface, as far as it matters to what leads where.
fn state(model: &Model) -> String {
    let wizard = model.wizard.as_ref().map(|wizard| {
        let test =
            (wizard.test.is_running(), wizard.test.is_passed(), wizard.untested, wizard.test.checks().is_empty());
        let valid = wizard.configuration().is_ok();
        let kind = |item: Item| match item {
            Item::Need(_) | Item::Check(_) | Item::Advice(_) | Item::Warning(_) | Item::Callback(_) | Item::Open(_) => {
                format!("{item:?}").split('(').next().unwrap_or_default().to_owned()
            }
            item => format!("{item:?}"),
        };
        format!("{:?} {} {test:?} {valid} {}", wizard.step, kind(wizard.focus), wizard.is_edited())
    });
    let word = |debug: String| debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    let work = [
        word(format!("{:?}", model.work.sync)),
        word(format!("{:?}", model.work.plan)),
        word(format!("{:?}", model.apply())),
    ];
    let synced = (model.is_synced(), model.is_unproved(), model.is_configured());
    let popup = model.popup.as_ref().map(|popup| word(format!("{popup:?}")));
    format!("{:?} {popup:?} {wizard:?} {work:?} {synced:?} {}", place(model), model.panes.from_wizard)
}

/// The keys that are offered, and what can be typed.
fn acts(model: &Model) -> Vec<Act> {
    let skipped =
        [C::Quit, C::Suspend, C::Repaint, C::Commands, C::Copy, C::Reveal, C::DiscardDraft, C::Deactivate, C::Delete];
    let offers = offers(model, place(model)).into_iter();
    let works = offers.filter(|offer| offer.refused.is_none() && !offer.keys.is_empty());
    let mut acts: Vec<Act> =
        works.map(|offer| offer.command()).filter(|command| !skipped.contains(command)).map(Act::Press).collect();
    let types = match &model.popup {
        Some(Popup::Typed(typed)) => !typed.is_right(),
        Some(_) => false,
        None => wrong_field(model).is_some(),
    };
    acts.extend(types.then_some(Act::Type));
    acts
}

/// The field with the focus, where something else belongs into it.
fn wrong_field(model: &Model) -> Option<FieldId> {
    let wizard = model.wizard.as_ref().filter(|_| model.screen == Screen::Wizard)?;
    let field = wizard.text_field()?;
    let blank = field == FieldId::PiaUrl && wizard.form.text(field).is_empty();
    (blank || wizard.form.error(field, wizard.has_secret).is_some()).then_some(field)
}

fn act(stage: &mut Stage, act: &Act) -> Vec<Effect> {
    match act {
        Act::Press(command) => {
            let offers = offers(&stage.model, place(&stage.model));
            let key = offers.iter().find(|offer| offer.command() == *command).map(|offer| offer.keys[0]);
            key.map(|key| stage.send(Message::Key(press(key)))).unwrap_or_default()
        }
        Act::Type => {
            let text = match (&stage.model.popup, wrong_field(&stage.model)) {
                (Some(Popup::Typed(typed)), _) => typed.wanted.word().to_owned(),
                (_, Some(FieldId::Url)) => "acme.halopsa.com".to_owned(),
                (_, Some(FieldId::ClientId)) => "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f".to_owned(),
                (_, Some(FieldId::ClientSecret)) => CANARY.to_owned(),
                (_, Some(FieldId::PiaUrl)) => "pia.acme.example".to_owned(),
                _ => "04:30".to_owned(),
            };
            let mut effects = stage.keys("^U");
            effects.extend(stage.paste(&text));
            effects
        }
    }
}

/// What leads where, and which states are at work again or at the end.
#[derive(Default)]
struct Map {
    leads: BTreeMap<String, BTreeSet<String>>,
    tried: BTreeMap<(String, Act), u32>,
    ends: BTreeSet<String>,
    works: BTreeSet<String>,
    /// States in which something is still untried: what they lead to is not known. Whoever is caught in a dead end tries
    /// everything there.
    open: BTreeSet<String>,
}

impl Map {
    /// The states from which none of these can be reached.
    fn cut_off(&self, wanted: &BTreeSet<String>) -> Vec<&String> {
        let mut reached: BTreeSet<&String> = wanted.iter().chain(&self.open).collect();
        loop {
            let before = reached.len();
            let on = self.leads.iter().filter(|(_, to)| to.iter().any(|to| reached.contains(to)));
            let on: Vec<&String> = on.map(|(from, _)| from).collect();
            reached.extend(on);
            if reached.len() == before {
                return self.leads.keys().filter(|state| !reached.contains(state)).collect();
            }
        }
    }
}

fn walk(way: Way, size: Size, map: &mut Map, steps: usize) {
    let new = || (World { way, saved: false, synced: StepState::Todo, configured: false, once: false }, begin(size));
    let (mut world, mut stage) = new();
    settle(&mut world, &mut stage, vec![Effect::LoadOverview]);
    let mut since = 0;
    for _ in 0..steps {
        let here = state(&stage.model);
        let mut acts = acts(&stage.model);
        assert!(!acts.is_empty(), "{way:?}: nothing can be done at {here}");
        // What was tried least here, and of these the first.
        acts.sort_by_key(|act| map.tried.get(&(here.clone(), act.clone())).copied().unwrap_or_default());
        let untried = acts.iter().skip(1).any(|act| !map.tried.contains_key(&(here.clone(), act.clone())));
        if untried {
            map.open.insert(here.clone())
        } else {
            map.open.remove(&here)
        };
        let chosen = acts.remove(0);
        *map.tried.entry((here.clone(), chosen.clone())).or_default() += 1;
        let effects = act(&mut stage, &chosen);
        let is_at_work = effects.iter().any(|effect| {
            matches!(effect, Effect::Verify(_) | Effect::Sync { .. } | Effect::LoadPlan(_) | Effect::Configure(..))
        });
        if is_at_work {
            map.works.insert(here.clone());
        }
        settle(&mut world, &mut stage, effects);
        let there = state(&stage.model);
        map.leads.entry(here).or_default().insert(there.clone());
        since += 1;
        let is_end = stage.model.screen == Screen::Panes && !stage.model.panes.from_wizard;
        if is_end {
            map.ends.insert(there);
        }
        // Where it has been for long it begins anew; where it is caught it stays, and tries everything.
        if since > 400 && (is_end || is_at_work) {
            since = 0;
            (world, stage) = new();
            settle(&mut world, &mut stage, vec![Effect::LoadOverview]);
        }
    }
}

fn begin(size: Size) -> Stage {
    Stage::new(size.width, size.height, Theme::default())
}

/// Answers what is asked of the world, and what is asked in turn.
fn settle(world: &mut World, stage: &mut Stage, effects: Vec<Effect>) {
    let mut open = effects;
    for _ in 0..100 {
        let Some(effect) = open.pop() else { break };
        for reply in world.answer(effect) {
            open.extend(stage.reply(reply));
        }
    }
    stage.read_plan();
}

fn ways() -> BTreeSet<Way> {
    Fault::all().map(Way::of).collect()
}

/// No dead end: from every state over every fault, a key leads on to the panes or, where the fault stands in the way, to
/// trying again.
#[test]
fn no_state_is_dead_end_over_any_fault() {
    let mut found = Vec::new();
    for size in [Size { width: 80, height: 24 }, Size { width: 40, height: 12 }] {
        for way in ways() {
            let mut map = Map::default();
            walk(way, size, &mut map, 2_500);
            let wanted = if way.lets_through() { &map.ends } else { &map.works };
            assert!(!wanted.is_empty(), "{way:?}: nothing is ever reached");
            found.extend(map.cut_off(wanted).iter().map(|state| format!("{way:?} {size}: {state}")));
        }
    }
    assert!(found.is_empty(), "{} dead ends:\n{}", found.len(), found.join("\n"));
}

/// The walker meets what it is sent for: each kind of fault, every page of the set-up and every pane.
#[test]
fn walker_comes_everywhere() {
    assert_eq!(ways().len(), 10, "every kind of fault is walked");
    let mut map = Map::default();
    walk(Way::Fine, Size { width: 80, height: 24 }, &mut map, 2_500);
    let been = |words: &str| map.leads.keys().any(|state| state.contains(words));
    for words in
        ["Cards", "Credentials", "CompanySync", "PiaScreen", "Integration", "InitialSync", "Plan", "Finished", "Events"]
    {
        assert!(been(words), "{words}");
    }
}

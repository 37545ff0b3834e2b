//! The keys: what they mean now. The footer, the help, the commands and the dispatch are all read from one table, and
//! from the person's own key map.

mod hints;
mod press;

pub use crate::keys::{BINDINGS, Binding, Command, Group, Key, KeyMap, Place, Shown};
pub use hints::{Hint, Offer, help, hints, offers};
pub use press::press;

use crossterm::event::{KeyEvent, KeyEventKind};

use crate::domain::draft::Step;

use super::form::Kind;
use super::integrations::{self, Card};
use super::model::{Model, Screen};
use super::palette;
use super::panes::{self, Pane, deliveries, events, removal};
use super::popup::{Ask, Popup};
use super::wizard::{self, Item, SaveState, Wizard, configure, credentials, initial_sync, pia_screen, review};
use super::work::{ApplyWork, PlanWork, TicketWork};

use Command as C;
use Place as P;

/// What has the focus.
pub fn place(model: &Model) -> Place {
    if model.palette.is_some() { Place::Palette } else { below(model) }
}

/// What has the focus, or would have it if the commands were closed.
pub fn below(model: &Model) -> Place {
    match &model.popup {
        Some(Popup::Confirm(_)) => return Place::Confirm,
        Some(Popup::Chooser(_)) => return Place::Chooser,
        Some(Popup::Help(_)) => return Place::HelpPage,
        Some(Popup::Client) => return Place::ClientPage,
        Some(Popup::Typed(_)) => return Place::Typed,
        Some(Popup::Escalate(_)) => return Place::Escalate,
        None => {}
    }
    match model.screen {
        Screen::Starting => Place::Starting,
        Screen::Integrations if model.integrations.searching => Place::CardSearch,
        Screen::Integrations => Place::Cards,
        Screen::Wizard => model.wizard.as_ref().map_or(Place::Starting, wizard_place),
        Screen::Panes => match model.panes.pane {
            Pane::Sync => Place::PaneSync,
            Pane::Clients if model.panes.clients.searching => Place::ClientSearch,
            Pane::Clients => Place::PaneClients,
            Pane::Integration if model.panes.planning => Place::Plan,
            Pane::Integration => Place::PaneIntegration,
            Pane::Events if model.panes.events.tickets => Place::PaneTickets,
            Pane::Events if model.panes.events.open.is_some() => Place::EventPage,
            Pane::Events if model.panes.events.searching => Place::EventSearch,
            Pane::Events => Place::PaneEvents,
            Pane::Activity => Place::PaneActivity,
        },
    }
}

fn wizard_place(wizard: &Wizard) -> Place {
    match wizard.focus {
        Item::Need(_) => Place::Checklist,
        Item::Field(field) if field.info().kind == Kind::Choice => Place::Choice,
        Item::Field(_) if wizard.list.is_some() => Place::FieldList,
        Item::Field(_) => Place::Field,
        Item::Test | Item::Check(_) => Place::Test,
        Item::SyncNow if wizard.step == Step::CompanySync => Place::SyncButton,
        Item::SyncNow | Item::Warning(_) | Item::Go => Place::InitialSync,
        Item::Callback(_) => Place::Callbacks,
        Item::Line(_) | Item::Save => Place::Review,
        Item::Plan => Place::Plan,
        Item::Open(_) => Place::Finished,
    }
}

/// What a key means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// This.
    Do(Command),
    /// Nothing now, and why.
    Refused(String),
    /// Nothing here.
    Nothing,
}

// Pia Escalate To is asked for after the first sync, and the agents are still on their way from the store.
fn waits_for_agents(model: &Model) -> bool {
    model.wizard.as_ref().is_some_and(|wizard| wizard.step == Step::InitialSync) && !model.facts.lists.synced
}

/// Whether a key comes without a new decision behind it: held down since before there was something to decide on.
pub fn is_held_back(model: &Model, event: KeyEvent) -> bool {
    comes_too_soon(model, place(model), event)
        || (event.kind == KeyEventKind::Repeat
            && matches!(
                meaning(model, event),
                Meaning::Do(
                    C::Apply
                        | C::Yes
                        | C::Answer
                        | C::ThirdAnswer
                        | C::Agree
                        | C::EscalateNow
                        | C::SyncNow
                        | C::RunChosen
                )
            ))
}

// Whether a key would apply a plan that has only just come up.
fn comes_too_soon(model: &Model, place: Place, event: KeyEvent) -> bool {
    let applies = || hit(model, place, event).any(|binding| binding.command == C::Apply);
    place == P::Plan && configure::is_unread(model) && applies()
}

/// The lines of the table that a key hits.
fn hit(model: &Model, place: Place, event: KeyEvent) -> impl Iterator<Item = &'static Binding> {
    let rows = model.keys.rows(place);
    rows.filter_map(move |(binding, mut keys)| keys.any(|key| press::is(key, event)).then_some(binding))
}

/// What a key means now.
pub fn meaning(model: &Model, event: KeyEvent) -> Meaning {
    let place = place(model);
    let mut refused = Meaning::Nothing;
    for binding in hit(model, place, event) {
        match meaning_of(model, place, binding.command) {
            Meaning::Nothing => {}
            Meaning::Refused(reason) if refused == Meaning::Nothing => refused = Meaning::Refused(reason),
            Meaning::Refused(_) => {}
            done @ Meaning::Do(_) => return done,
        }
    }
    refused
}

/// What a command of a place means now, whichever way it is called.
pub fn meaning_of(model: &Model, place: Place, command: Command) -> Meaning {
    match refusal(model, place, command) {
        None => Meaning::Do(command),
        Some(reason) if reason.is_empty() => Meaning::Nothing,
        Some(reason) => Meaning::Refused(reason),
    }
}

/// The key of a command by its name in the settings, for a sentence: `Ctrl-Y` takes it, Sync Now is `s`.
pub fn spoken(model: &Model, id: &str) -> String {
    if let Some(key) = model.keys.first(id) {
        return key.spoken();
    }
    // Whoever took its keys away still finds it by its name.
    let commands = model.keys.key(C::Commands, P::Field).map(|key| format!(" ({})", key.spoken()));
    format!("a command{}", commands.unwrap_or_default())
}

/// Why a command does nothing now; an empty reason where the key has another meaning.
fn refusal(model: &Model, place: Place, command: Command) -> Option<String> {
    let not_meant = || Some(String::new());
    let wizard = model.wizard.as_ref();
    let focus = wizard.map(|wizard| wizard.focus);
    match command {
        C::Continue if place == P::Test => match wizard {
            Some(wizard) if wizard.test.is_passed() => None,
            _ => not_meant(),
        },
        C::Test if place == P::Test => credentials::test_refusal(model),
        C::Untested => {
            wizard.filter(|wizard| wizard.test.is_passed()).map(|_| "The test has passed: go on with Enter.".to_owned())
        }
        C::TakeBetter => {
            let field = wizard.and_then(Wizard::text_field);
            let better = wizard.zip(field).and_then(|(wizard, field)| wizard.form.suggestion(field));
            if better.is_none() { not_meant() } else { None }
        }
        C::OpenList => pia_screen::list_refusal(model),
        C::ChooseAgent => pia_screen::choose_refusal(model).map(|reason| {
            // Without a choice, Enter goes on.
            if place == P::Choice { String::new() } else { reason }
        }),
        C::EnterField if place == P::Choice && model.screen == Screen::Wizard && waits_for_agents(model) => {
            Some("Halo's agents are being read.".to_owned())
        }
        C::EnterField if place == P::Choice => pia_screen::choose_refusal(model).is_none().then(String::new),
        C::ClearAgent => {
            wizard.is_none_or(|wizard| wizard.form.escalate_to.is_none()).then(|| "It is blank already.".to_owned())
        }
        C::Jump => {
            if matches!(focus, Some(Item::Line(_))) {
                None
            } else {
                not_meant()
            }
        }
        C::Save => {
            if focus != Some(Item::Save) {
                return not_meant();
            }
            review::save_refusal(model).map(|reason| match wizard.map(|wizard| &wizard.save) {
                Some(SaveState::Running { .. }) => reason,
                _ => String::new(),
            })
        }
        C::Continue if place == P::Review => {
            let running = wizard.is_some_and(|wizard| matches!(wizard.save, SaveState::Running { .. }));
            if focus == Some(Item::Save) && review::save_refusal(model).is_some() && !running {
                None
            } else {
                not_meant()
            }
        }
        C::Continue if place == P::InitialSync => {
            if focus == Some(Item::Go) {
                None
            } else {
                not_meant()
            }
        }
        C::SyncNow if place == P::InitialSync && focus == Some(Item::Go) => initial_sync::sync_refusal(model),
        C::SyncNow => initial_sync::sync_refusal(model),
        C::StopSync if model.work.sync.run_of(model.current.as_ref()).is_some_and(|run| !run.stopping) => None,
        C::StopSync if place == P::PaneSync && model.work.sync.run_of(model.current.as_ref()).is_some() => {
            Some("It is stopping already.".to_owned())
        }
        C::StopSync if place == P::PaneSync => Some("No sync is running.".to_owned()),
        C::StopSync => not_meant(),
        C::Yes => match &model.popup {
            // Too much hangs on it for one letter.
            Some(Popup::Confirm(confirm)) if matches!(confirm.ask, Ask::MassChange { .. }) => {
                Some("Tab to it, then Enter.".to_owned())
            }
            _ => None,
        },
        C::Apply if configure::is_unread(model) => Some("The plan has only just come up: read it first.".to_owned()),
        C::Apply => match (model.apply(), &model.work.plan) {
            (ApplyWork::Running { .. }, _) | (_, PlanWork::Reading { .. }) => configure::apply_refusal(model),
            (ApplyWork::None, PlanWork::Ready(plan)) if plan.changes_pending() => configure::apply_refusal(model),
            _ if removal::only_switches(model) => configure::apply_refusal(model),
            _ => not_meant(),
        },
        C::Continue if place == P::Plan => {
            if configure::is_settled(model) {
                None
            } else {
                not_meant()
            }
        }
        C::ReadPlan if place == P::Plan && !model.goal().is_install() => match model.work.plan {
            PlanWork::Reading { .. } if !model.apply().is_running() => Some("Halo is being read already.".to_owned()),
            _ => removal::refusal(model),
        },
        C::ReadPlan => configure::load_refusal(model),
        C::Remove => removal::refusal(model),
        C::PartWebhooks | C::PartChatPod | C::PartLinks => removal::choose_refusal(model, command),
        C::Agree => removal::agree_refusal(model),
        C::ReadDeliveries => deliveries::refusal(model),
        C::OpenEvent => events::open::refusal(model),
        C::ReadTickets => events::tickets::read_refusal(model),
        C::StopTickets => (!matches!(model.work.tickets, TicketWork::Reading { .. })).then(String::new),
        C::Escalate => events::tickets::escalate_refusal(model),
        C::EscalateNow => events::tickets::now_refusal(model),
        C::ThirdAnswer => match &model.popup {
            Some(Popup::Confirm(confirm)) if confirm.ask.third().is_some() => None,
            _ => not_meant(),
        },
        C::OpenLine | C::CloseLine => {
            let open = model.work.plan_open.contains(&model.work.plan_line);
            let there = open == (command == C::CloseLine);
            configure::open_refusal(model).or_else(|| (!there).then(String::new))
        }
        C::NextItem | C::PreviousItem if model.screen == Screen::Wizard && place != P::FieldList => {
            (wizard::items(model).len() < 2).then(String::new)
        }
        C::LookAtClients => {
            let something = model.is_synced() || model.work.sync.is_running();
            (!something).then(|| "The client list fills with the first sync.".to_owned())
        }
        C::OpenCard => match integrations::selected(model) {
            Some(Card::Other(name)) => Some(format!("{name} is set up in the Pia portal; it is not available here.")),
            _ => None,
        },
        C::StopReading => {
            if matches!(model.work.plan, PlanWork::Reading { .. }) && !model.apply().is_running() {
                None
            } else {
                not_meant()
            }
        }
        C::StopApply => {
            if model.apply().is_running() && !model.apply().is_stopping() {
                None
            } else {
                not_meant()
            }
        }
        C::Configure => configure::blocker(model),
        C::Reveal | C::Copy if model.facts.callbacks.is_empty() => {
            Some("There are no Callback URLs yet: they are made at the first save.".to_owned())
        }
        C::Copy if place == P::PaneIntegration && panes::integration::selected_callback(model).is_none() => {
            Some("Select a Callback URL first, with the arrows.".to_owned())
        }
        C::Activate if place == P::Cards => match integrations::selected(model) {
            Some(Card::Saved(id)) if model.saved(&id).is_some_and(|saved| saved.status.active) => {
                Some("It is active already.".to_owned())
            }
            Some(Card::Saved(_)) => None,
            _ => Some("Only a saved configuration can be activated.".to_owned()),
        },
        C::Activate => (model.current_saved().is_none() || model.is_active()).then(String::new),
        C::Deactivate => match integrations::selected(model) {
            Some(Card::Saved(id)) if model.saved(&id).is_some_and(|saved| saved.status.active) => None,
            _ => Some("It is not active.".to_owned()),
        },
        C::DiscardDraft => {
            let draft = model.overview.draft.as_ref();
            let own = match integrations::selected(model) {
                Some(Card::Draft) => true,
                Some(Card::Saved(id)) => draft.is_some_and(|draft| draft.configuration.as_ref() == Some(&id)),
                _ => false,
            };
            (!own).then(|| "There is no draft here.".to_owned())
        }
        C::Edit if place == P::Cards => match integrations::selected(model) {
            Some(Card::Saved(_) | Card::Draft) => None,
            _ => Some("There is nothing to edit here.".to_owned()),
        },
        C::Edit => model.current_saved().is_none().then(|| "There is nothing to edit here.".to_owned()),
        C::Export => panes::clients::export_refusal(model),
        C::Changes => panes::report::refusal(model),
        C::Details => model.panes.clients.selected().is_none().then(|| "No client is selected.".to_owned()),
        C::Back if place == P::Cards => {
            let nowhere =
                model.wizard.is_none() && !model.is_finished_current() && model.integrations.query.value().is_empty();
            nowhere.then(|| format!("This is the first screen. Quit is {}.", spoken(model, "quit")))
        }
        C::RunChosen => palette::run_refusal(model),
        C::Integrations if model.screen == Screen::Integrations => not_meant(),
        C::Integrations if model.screen == Screen::Starting => not_meant(),
        _ => None,
    }
}

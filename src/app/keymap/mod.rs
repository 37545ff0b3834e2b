//! The keys: where they go now, and what they are called.

mod press;

use crate::words::phrase::key_name;

pub use crate::keys::{
    BINDINGS, Binding, COMMAND_LINE_ROWS, COMMAND_LINES, Command, Group, Key, KeyMap, Pane, Place, SETTING_ROWS, Shown,
};
pub use press::press;

use crossterm::event::KeyEvent;

use super::form::Kind;
use super::model::{Model, Screen};
use super::popup::Popup;
use super::wizard::state::{Item, Wizard};
use crate::domain::draft::Step;

/// What has the focus.
pub fn place(model: &Model) -> Place {
    if model.palette.is_some() { Place::Palette } else { below(model) }
}

/// What has the focus, or would have it if the commands were closed.
pub fn below(model: &Model) -> Place {
    match &model.popup {
        Some(Popup::Confirm(_)) => Place::Confirm,
        Some(Popup::Chooser(_)) => Place::Chooser,
        Some(Popup::Help(_)) => Place::HelpPage,
        Some(Popup::Client) => Place::ClientPage,
        Some(Popup::Typed(_)) => Place::Typed,
        Some(Popup::Escalate(_)) => Place::Escalate,
        None => base(model),
    }
}

/// What would have the focus if nothing floated.
pub fn base(model: &Model) -> Place {
    match model.screen {
        Screen::Starting => Place::Starting,
        Screen::Integrations if model.integrations.searching => Place::CardSearch,
        Screen::Integrations => Place::Cards,
        Screen::Wizard => model.wizard.as_ref().map_or(Place::Starting, wizard_place),
        Screen::Panes => match model.panes.pane {
            Pane::Clients if model.panes.clients.searching => Place::ClientSearch,
            Pane::Integration if model.panes.planning => Place::Plan,
            Pane::Events if model.panes.events.tickets && model.panes.events.ticket.is_some() => Place::TicketPage,
            Pane::Events if model.panes.events.tickets => Place::PaneTickets,
            Pane::Events if model.panes.events.open.is_some() => Place::EventPage,
            Pane::Events if model.panes.events.searching => Place::EventSearch,
            Pane::Activity if model.panes.activity.searching => Place::ActivitySearch,
            pane => Place::Pane(pane),
        },
    }
}

fn wizard_place(wizard: &Wizard) -> Place {
    match wizard.focus {
        Item::Need(_) => Place::Checklist,
        Item::Field(field) if field.info().kind == Kind::Choice => match wizard.step {
            Step::Review => Place::SettingChoice,
            _ => Place::Choice,
        },
        Item::Field(_) if wizard.list.is_some() => Place::FieldList,
        Item::Field(_) if wizard.step == Step::Review => Place::Setting,
        Item::Field(_) => Place::Field,
        Item::Test | Item::Check(_) | Item::Advice(_) => Place::Test,
        Item::SyncNow if wizard.step == Step::CompanySync => Place::SyncButton,
        Item::SyncNow | Item::Warning(_) | Item::Go => Place::InitialSync,
        Item::Callback(_) => Place::Callbacks,
        Item::Save => Place::Review,
        Item::Plan => Place::Plan,
        Item::Open(_) => Place::Finished,
    }
}

/// The lines of the table that a key hits.
pub fn hit(model: &Model, place: Place, event: KeyEvent) -> impl Iterator<Item = &'static Binding> {
    let rows = model.keys.rows(place);
    rows.filter_map(move |(binding, mut keys)| keys.any(|key| press::is(key, event)).then_some(binding))
}

/// The key of a command by its name in the settings, for a sentence: `Ctrl-Y` takes it, Sync Now is `s`.
pub fn spoken(model: &Model, id: &str) -> String {
    key_name(&model.keys, id)
}

//! What is seen once the set-up is finished: Sync, Clients, Integration, Events, Activity.

pub mod clients;
pub mod deliveries;
pub mod events;
pub mod integration;
pub mod removal;
pub mod report;
pub mod service;

use super::effect::Effect;
use super::layout::Window;
use super::model::{Model, Screen};
use super::wizard::{self, configure};
use super::work::EscalateWork;

use clients::Clients;
use events::Events;

/// A pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pane {
    /// The company sync and its history.
    #[default]
    Sync,
    /// The client list.
    Clients,
    /// What is in Halo.
    Integration,
    /// What Halo has told us.
    Events,
    /// The audit trail.
    Activity,
}

impl Pane {
    /// Every pane, by its digit.
    pub const ALL: [Self; 5] = [Self::Sync, Self::Clients, Self::Integration, Self::Events, Self::Activity];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sync => "Sync",
            Self::Clients => "Clients",
            Self::Integration => "Integration",
            Self::Events => "Events",
            Self::Activity => "Activity",
        }
    }
}

/// The panes.
#[derive(Debug, Default)]
pub struct Panes {
    /// Which is shown.
    pub pane: Pane,
    /// The window on the history of syncs.
    pub history: Window,
    /// What a sync changed, where that is looked at in place of the history.
    pub report: Option<report::Report>,
    /// The window on the audit trail.
    pub activity: Window,
    /// The window on the objects in Halo.
    pub objects: Window,
    /// What is selected in it: a look into Halo brings the objects into another order.
    pub object: Option<integration::Selected>,
    /// The client list.
    pub clients: Clients,
    /// The events.
    pub events: Events,
    /// Whether the Integration pane shows the plan.
    pub planning: bool,
    /// Whether the panes are looked at from within the set-up, and Esc goes back there.
    pub from_wizard: bool,
}

/// Shows the panes.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    model.screen = Screen::Panes;
    model.panes.from_wizard = false;
    model.popup = None;
    model.facts.revealed = false;
    model.touch();
    model.place_all();
    let pane = model.panes.pane;
    show(model, pane)
}

/// Shows a pane, and asks for what it shows. What was known stays on the screen meanwhile.
pub fn show(model: &mut Model, pane: Pane) -> Vec<Effect> {
    model.touch();
    model.panes.pane = pane;
    model.panes.planning = false;
    model.panes.report = None;
    model.panes.clients.searching = false;
    model.panes.events.searching = false;
    model.panes.events.open = None;
    if !matches!(model.work.escalate, EscalateWork::Running { .. }) {
        model.work.escalate = EscalateWork::None;
    }
    model.facts.revealed = false;
    let Some(id) = model.current.clone() else { return Vec::new() };
    match pane {
        Pane::Sync | Pane::Events | Pane::Activity => vec![Effect::LoadStatus(id)],
        Pane::Clients => vec![Effect::LoadClients(id)],
        Pane::Integration => {
            let mut effects = vec![Effect::LoadStatus(id.clone()), Effect::LoadCallbacks(id)];
            // Once configured, whether it still is as it should be is worth a look at once.
            if configure::is_again(model) {
                effects.extend(configure::load_plan_unless_there(model));
            }
            effects
        }
    }
}

/// Looks at the clients from within the set-up.
pub fn peek(model: &mut Model) -> Vec<Effect> {
    wizard::leave_field(model);
    let mut effects: Vec<Effect> = wizard::keep_draft(model).into_iter().collect();
    model.screen = Screen::Panes;
    model.panes.from_wizard = true;
    model.place_all();
    effects.extend(show(model, Pane::Clients));
    effects
}

/// Rows of the history that fit under what stands above them; on a low terminal a few, and what stands above gives way.
pub fn history_height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(11).max(4)
}

/// Rows of the audit trail that fit; without a second column, what it would say stands below the selected row.
pub fn activity_height(model: &Model) -> usize {
    let below = if model.layout.detail.is_some() { 0 } else { 3 };
    usize::from(model.layout.body.height).saturating_sub(5 + below).max(4)
}

/// Rows of objects that fit.
pub fn objects_height(model: &Model) -> usize {
    let callbacks = model.facts.callbacks.len() + 3;
    usize::from(model.layout.body.height).saturating_sub(8 + callbacks).max(1)
}

/// The window of the pane that is shown, with its rows and its height; none where it has no list.
fn window(model: &mut Model) -> (&mut Window, usize, usize) {
    let standing = model.facts.standing.as_ref();
    match model.panes.pane {
        Pane::Sync if model.panes.report.is_some() => {
            let height = report::height(model);
            let report = model.panes.report.get_or_insert_default();
            let rows = report.rows();
            (&mut report.window, rows, height)
        }
        Pane::Sync => {
            let (rows, height) = (standing.map_or(0, |s| s.runs.len()), history_height(model));
            (&mut model.panes.history, rows, height)
        }
        Pane::Activity => {
            let (rows, height) = (standing.map_or(0, |s| s.activity.len()), activity_height(model));
            (&mut model.panes.activity, rows, height)
        }
        Pane::Integration => {
            // The callback addresses are selected like the objects above them.
            let callbacks = model.facts.callbacks.len();
            let (rows, height) = (integration::objects(model).len() + callbacks, objects_height(model) + callbacks);
            (&mut model.panes.objects, rows, height)
        }
        Pane::Events if model.panes.events.tickets => {
            let (rows, height) = (events::tickets::tickets(model).len(), events::tickets::height(model));
            (&mut model.panes.events.board, rows, height)
        }
        Pane::Events => {
            let (rows, height) = (model.panes.events.count(), events::height(model));
            (&mut model.panes.events.window, rows, height)
        }
        Pane::Clients => {
            let (rows, height) = (model.panes.clients.count(), clients::height(model));
            (&mut model.panes.clients.window, rows, height)
        }
    }
}

/// Moves in the list of the pane: by rows, or to an end.
pub fn move_to(model: &mut Model, to: impl Fn(usize, usize, usize) -> usize) {
    if model.panes.pane == Pane::Events && model.panes.events.open.is_some() {
        return events::open::scroll(model, to);
    }
    let (window, rows, height) = window(model);
    let row = to(window.selected, rows, height);
    let moved = window.select(row, rows, height);
    if model.panes.pane == Pane::Events {
        model.panes.events.note_end(row);
    }
    if moved {
        model.panes.clients.note_selected();
        model.panes.events.note_selected();
        model.panes.object = integration::selected(model);
        model.touch();
    }
}

/// Places the windows anew: the terminal or the lists have another size.
pub fn settle(model: &mut Model) {
    let pane = model.panes.pane;
    for other in Pane::ALL {
        model.panes.pane = other;
        let kept = (other == Pane::Integration).then(|| integration::kept_row(model)).flatten();
        let (window, rows, height) = window(model);
        let row = kept.unwrap_or(window.selected);
        window.select(row, rows, height);
    }
    model.panes.pane = pane;
    events::open::settle(model);
}

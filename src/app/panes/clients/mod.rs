//! The client list: prepared once and elsewhere, searched at each key, and only the rows on the screen ever built.

pub(crate) mod controls;
pub(crate) mod list;
pub(crate) mod state;

use crate::app::effect::{Effect, Export};
use crate::app::keymap::{self, Pane, Place};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::popup::{Popup, Typed};
use crate::domain::configuration::ConfigurationId;

pub use list::{Change, ClientList, Filter, Sort};
pub use state::Clients;

/// Rows of the list that fit.
pub fn height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(5).max(1)
}

/// The filter was changed.
pub fn filter(model: &mut Model) {
    model.panes.clients.filter = model.panes.clients.filter.next();
    model.panes.clients.search(false);
    settle(model);
}

/// Whether not everything is listed that is by itself.
pub fn is_filtered(model: &Model) -> bool {
    let clients = &model.panes.clients;
    !clients.query.value().is_empty() || clients.filter != Filter::default()
}

/// The order was changed.
pub fn sort(model: &mut Model) {
    let clients = &mut model.panes.clients;
    clients.sort = clients.sort.next();
    clients.order = clients.list.order(clients.sort);
    clients.search(false);
    settle(model);
}

/// Why what is listed cannot be written to a file now.
pub fn export_refusal(model: &Model) -> Option<String> {
    let clients = &model.panes.clients;
    if !clients.read && !clients.is_beginning() && clients.failed.is_none() {
        // It is asked where to, once the list is there.
        return None;
    }
    if clients.is_beginning() {
        return Some("The list is still being read.".to_owned());
    }
    (clients.count() == 0).then(|| "Nothing to export: no client is listed.".to_owned())
}

/// Asks where what is listed is written to.
pub fn ask_where(model: &mut Model) {
    let Some(id) = &model.current else { return };
    if !model.panes.clients.read && model.panes.clients.failed.is_none() {
        model.panes.clients.asks_where = true;
        return;
    }
    model.popup = Some(Popup::Typed(Typed::file(name_of_export(model, id))));
    model.touch();
}

/// The list has come: whoever wanted to write it to a file is asked where to.
pub fn ask_where_at_last(model: &mut Model) {
    let clients = &mut model.panes.clients;
    if !clients.read || !std::mem::take(&mut clients.asks_where) || keymap::place(model) != Place::Pane(Pane::Clients) {
        return;
    }
    match export_refusal(model) {
        Some(reason) => model.say(Tone::Warn, reason),
        None => ask_where(model),
    }
}

/// Writes what is listed to a new file.
pub fn export(model: &mut Model, file: String) -> Vec<Effect> {
    if let Some(reason) = export_refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    let (list, rows) = model.panes.clients.listed();
    let name = name_of_export(model, &id);
    vec![Effect::Export(Box::new(Export { id, file, name, list, rows }))]
}

fn name_of_export(model: &Model, id: &ConfigurationId) -> String {
    format!("{id}-clients-{}.csv", model.now.strftime("%F"))
}

/// Places the window anew.
pub fn settle(model: &mut Model) {
    let height = height(model);
    let clients = &mut model.panes.clients;
    let (row, rows) = (clients.window.selected, clients.shown.len());
    clients.window.select(row, rows, height);
    if clients.searching || clients.selected_id.is_none() {
        clients.note_selected();
    }
    model.touch();
}

#[cfg(test)]
mod tests;

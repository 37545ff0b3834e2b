//! Moving: a row, a page, to an end, in whatever has the focus.

use super::integrations;
use super::keymap::Place;
use super::model::Model;
use super::palette;
use super::panes;
use super::popup::Popup;
use super::update::help_height;
use super::wizard::{self, configure, pia_screen};

// Where the list of the pane moves.
fn in_panes(place: Place) -> bool {
    matches!(
        place,
        Place::PaneSync
            | Place::PaneClients
            | Place::PaneIntegration
            | Place::PaneEvents
            | Place::EventPage
            | Place::PaneTickets
            | Place::PaneActivity
            | Place::ClientPage
    )
}

/// A row up or down.
pub fn step(model: &mut Model, place: Place, by: isize) {
    match place {
        Place::Cards => {
            let row = model.integrations.window.selected;
            if by < 0 && row == 0 {
                model.integrations.searching = true;
                model.touch();
            } else if integrations::select(model, row.saturating_add_signed(by)) {
                model.touch();
            }
        }
        Place::FieldList => pia_screen::move_list(model, by),
        Place::Plan => configure::move_line(model, model.work.plan_line.saturating_add_signed(by)),
        Place::Chooser => {
            let height = pia_screen::chooser_height(model);
            if let Some(Popup::Chooser(chooser)) = &mut model.popup {
                let (row, rows) = (chooser.window.selected.saturating_add_signed(by), chooser.rows.len());
                if chooser.window.select(row, rows, height) {
                    model.touch();
                }
            }
        }
        Place::Palette => palette::step(model, by),
        Place::HelpPage => scroll_help(model, by),
        place if in_panes(place) => {
            panes::move_to(model, |row, _, _| row.saturating_add_signed(by));
        }
        _ => wizard::move_focus(model, by, false),
    }
}

/// A page up or down.
pub fn page(model: &mut Model, place: Place, by: isize) {
    let rows = usize::from(model.layout.body.height).saturating_sub(6).max(1) as isize;
    match place {
        place if in_panes(place) => {
            panes::move_to(model, |row, _, height| row.saturating_add_signed(by * height as isize));
        }
        Place::HelpPage => scroll_help(model, by * help_height(model) as isize),
        Place::Cards => {
            let row = model.integrations.window.selected.saturating_add_signed(by * rows);
            if integrations::select(model, row) {
                model.touch();
            }
        }
        _ => step(model, place, by * rows),
    }
}

/// To the first or the last.
pub fn end(model: &mut Model, place: Place, last: bool) {
    match place {
        Place::Cards => {
            let row = if last { usize::MAX } else { 0 };
            if integrations::select(model, row) {
                model.touch();
            }
        }
        Place::Plan => configure::move_line(model, if last { usize::MAX } else { 0 }),
        Place::HelpPage => scroll_help(model, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
        _ => panes::move_to(model, |_, rows, _| if last { rows } else { 0 }),
    }
}

fn scroll_help(model: &mut Model, by: isize) {
    let height = help_height(model);
    if let Some(Popup::Help(help)) = &mut model.popup {
        let most = help.lines.len().saturating_sub(height);
        let first = help.first.saturating_add_signed(by).min(most);
        if first != help.first {
            help.first = first;
            model.touch();
        }
    }
}

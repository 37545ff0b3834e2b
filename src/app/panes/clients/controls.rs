//! The Clients pane under the keys.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Pane, Place as P};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::panes;
use crate::app::panes::clients::{self, Filter};
use crate::app::parts::line::{self, Changed};
use crate::app::popup::Popup;

pub struct ClientsControls;

fn leave_search(model: &mut Model) {
    model.panes.clients.searching = false;
    model.panes.clients.note_selected();
    model.touch();
}

impl Controls for ClientsControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match command {
            C::Export => Now::unless(clients::export_refusal(model)),
            // What is searched for goes first, here as with the way back.
            C::Stop if clients::is_filtered(model) => Now::Hidden,
            C::Details => {
                let none = model.panes.clients.selected().is_none();
                Now::unless(none.then(|| "No client is selected.".to_owned()))
            }
            _ => panes::now(model, command),
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        match binding.command {
            C::Filter => Some(
                match model.panes.clients.filter.next() {
                    Filter::Active => "Show active",
                    Filter::Disabled => "Show disabled",
                    Filter::LeftOut => "Show left out",
                    Filter::All => "Show all",
                    Filter::New => "Show new",
                    Filter::Changed => "Show changed",
                }
                .to_owned(),
            ),
            C::Back if place == P::Pane(Pane::Clients) && clients::is_filtered(model) => Some("Clear".to_owned()),
            _ if place == P::Pane(Pane::Clients) => panes::words(model, binding),
            _ => None,
        }
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Search => {
                model.panes.clients.searching = true;
                model.touch();
            }
            C::LeaveSearch => leave_search(model),
            // What is searched for goes first; only then the way leads elsewhere.
            C::Back if place == P::ClientSearch || clients::is_filtered(model) => {
                model.panes.clients.query.reset();
                if place != P::ClientSearch {
                    model.panes.clients.filter = Filter::default();
                }
                leave_search(model);
                model.panes.clients.search(false);
                clients::settle(model);
            }
            C::Filter => clients::filter(model),
            C::Sort => clients::sort(model),
            C::Export => clients::ask_where(model),
            C::Details if model.layout.detail.is_some() => {
                model.say(Tone::Calm, "The details are on the right.");
            }
            C::Details => {
                model.popup = Some(Popup::Client);
                model.touch();
            }
            C::ClosePopup => {
                model.popup = None;
                model.touch();
            }
            _ => return panes::on(model, command),
        }
        Vec::new()
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let (rows, height) = (model.panes.clients.count(), clients::height(model));
        if panes::move_in(&mut model.panes.clients.window, rows, height, to) {
            model.panes.clients.note_selected();
            model.touch();
        }
    }

    fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        if place != P::ClientSearch {
            return None;
        }
        match line::search(&mut model.panes.clients.query, text) {
            Changed::Text => {
                model.panes.clients.search(matches!(text, TextInput::Key(_)));
                clients::settle(model);
            }
            Changed::Cursor => model.touch(),
            Changed::Nothing => {}
        }
        Some(Vec::new())
    }

    fn settle(model: &mut Model) {
        let (rows, height) = (model.panes.clients.count(), clients::height(model));
        panes::settle(&mut model.panes.clients.window, rows, height);
    }
}

//! The Events pane under the keys: the events, one of them whole, and the tickets on the Pia Board.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::jobs::state::TicketWork;
use crate::app::jobs::{escalate, tickets};
use crate::app::keymap::{Binding, Command as C, Pane, Place as P};
use crate::app::model::Model;
use crate::app::panes;
use crate::app::panes::events::{self, Filter, open};
use crate::app::parts::line::{self, Changed};

/// What Halo has told us.
pub struct EventsControls;

// From the events to the tickets, and back.
fn turn(model: &mut Model) -> Vec<Effect> {
    model.panes.events.tickets = !model.panes.events.tickets;
    model.panes.events.ticket = None;
    model.panes.events.searching = false;
    model.touch();
    if model.panes.events.tickets && model.work.board.is_none() && tickets::read_refusal(model).is_none() {
        return tickets::read(model);
    }
    Vec::new()
}

impl Controls for EventsControls {
    fn now(model: &Model, place: P, command: C) -> Now {
        match command {
            C::OpenEvent => Now::unless(open::refusal(model)),
            C::OpenTicket => Now::unless(tickets::selected(model).is_none().then_some("No ticket is selected.")),
            C::ReadTickets => Now::unless(tickets::read_refusal(model)),
            C::Stop if place == P::PaneTickets => {
                Now::only_if(matches!(model.work.tickets, TicketWork::Reading { .. }))
            }
            C::Stop if events::is_filtered(model) => Now::Hidden,
            C::Escalate => Now::unless(escalate::refusal(model)),
            C::SendAgain => {
                let none = model.status().is_none_or(|status| status.service.undelivered == 0);
                Now::unless(none.then_some("No event was given up: nothing to send again."))
            }
            _ => panes::now(model, command),
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        let words = match (binding.command, place) {
            (C::Filter, _) => match model.panes.events.filter.next() {
                Filter::All => "Show all",
                Filter::OnBoard => "On the Pia Board",
                Filter::Created => "Show created",
                Filter::Updated => "Show updated",
                Filter::Undelivered => "Show undelivered",
            },
            (C::Tickets, P::PaneTickets) => "Events",
            (C::Down, P::EventPage | P::TicketPage) => "Scroll",
            // The other key says the same.
            (C::Back, P::PaneTickets) => "",
            (C::Back, P::Pane(Pane::Events)) if events::is_filtered(model) => "Clear",
            (C::Back, P::Pane(Pane::Events)) => return panes::words(model, binding),
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Search => {
                model.panes.events.searching = true;
                model.touch();
            }
            C::LeaveSearch => {
                events::leave_search(model);
                model.touch();
            }
            C::Back if place == P::EventSearch => {
                model.panes.events.query.reset();
                events::leave_search(model);
                events::searched(model);
            }
            C::Back if place == P::Pane(Pane::Events) && events::is_filtered(model) => {
                model.panes.events.query.reset();
                model.panes.events.filter = Filter::All;
                events::searched(model);
            }
            C::Back if place == P::EventPage => return open::close(model),
            C::Back if place == P::TicketPage => {
                model.panes.events.ticket = None;
                model.touch();
            }
            C::Back if place == P::PaneTickets => return turn(model),
            C::Filter => events::filter(model),
            C::OpenEvent => return open::open(model),
            C::OpenTicket => open::open_ticket(model),
            C::Tickets => return turn(model),
            C::ReadTickets => return tickets::read(model),
            C::Stop if place == P::PaneTickets => return tickets::stop(model),
            C::Escalate => {
                if model.panes.events.tickets && model.panes.events.ticket.is_none() {
                    // What is decided on is seen whole first.
                    open::open_ticket(model);
                }
                return escalate::ask(model);
            }
            C::SendAgain => return model.current.clone().map(Effect::SendAgain).into_iter().collect(),
            _ => return panes::on(model, command),
        }
        Vec::new()
    }

    fn moved(model: &mut Model, place: P, to: Move) {
        match place {
            P::EventPage | P::TicketPage => open::scroll(model, to),
            P::PaneTickets => {
                let (rows, height) = (tickets::tickets(model).len(), events::tickets_height(model));
                if panes::move_in(&mut model.panes.events.board, rows, height, to) {
                    model.touch();
                }
            }
            _ => {
                let (rows, height) = (model.panes.events.count(), events::height(model));
                let events = &mut model.panes.events;
                let row = to.from(events.window.selected, height);
                let moved = panes::move_in(&mut events.window, rows, height, to);
                events.note_end(row);
                if moved {
                    events.note_selected();
                    model.touch();
                }
            }
        }
    }

    fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        if place != P::EventSearch {
            return None;
        }
        match line::search(&mut model.panes.events.query, text) {
            Changed::Text => events::searched(model),
            Changed::Cursor => model.touch(),
            Changed::Nothing => {}
        }
        Some(Vec::new())
    }

    fn settle(model: &mut Model) {
        let (rows, height) = (tickets::tickets(model).len(), events::tickets_height(model));
        panes::settle(&mut model.panes.events.board, rows, height);
        let (rows, height) = (model.panes.events.count(), events::height(model));
        panes::settle(&mut model.panes.events.window, rows, height);
        open::settle(model);
    }
}

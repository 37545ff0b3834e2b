//! What a key means now, and what a command does in a place, all from what the screen offers.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::controls::Now;
use super::dispatch;
use super::jobs::plan;
use super::keymap::{Command as C, Command, Pane, Place, Place as P, hit, place};
use super::model::{Model, Screen, is_finished};
use crate::words::Phrase;

/// What a key means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Do(Command),
    /// Nothing now, and why.
    Refused(Phrase, Command),
    Nothing,
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
                        | C::Mend
                        | C::Retry
                        | C::Dismiss
                        | C::RunChosen
                )
            ))
}

/// Whether a key would apply a plan that has only just come up.
pub fn comes_too_soon(model: &Model, place: Place, event: KeyEvent) -> bool {
    let applies = || hit(model, place, event).any(|binding| binding.command == C::Apply);
    place == P::Plan && plan::is_unread(model) && applies()
}

/// What a key means now.
pub fn meaning(model: &Model, event: KeyEvent) -> Meaning {
    let place = place(model);
    let mut refused = Meaning::Nothing;
    for binding in hit(model, place, event) {
        match meaning_of(model, place, binding.command) {
            Meaning::Nothing => {}
            why @ Meaning::Refused(..) if refused == Meaning::Nothing => refused = why,
            Meaning::Refused(..) => {}
            done @ Meaning::Do(_) => return done,
        }
    }
    refused
}

// What becomes of a command of a place now: what works everywhere is the shell's.
fn now(model: &Model, place: Place, command: Command) -> Now {
    match command {
        C::Integrations => Now::only_if(!matches!(model.screen, Screen::Integrations | Screen::Starting)),
        C::InstallService => match model.screen {
            Screen::Starting | Screen::Integrations => Now::only_if(model.can_install_service()),
            Screen::Wizard | Screen::Panes => match model.status() {
                Some(status) if !status.service.running => Now::unless(model.install_refusal()),
                _ => Now::Hidden,
            },
        },
        // Anywhere but in its pane it leads there, or to its step.
        C::Configure if place != P::Pane(Pane::Integration) => match model.screen {
            Screen::Starting => Now::Hidden,
            Screen::Integrations => Now::only_if(model.active().is_some_and(|saved| is_finished(&saved.status))),
            Screen::Wizard | Screen::Panes => Now::unless(plan::configure_refusal(model)),
        },
        // Known by their names wherever commands are looked up; done in their pane alone.
        C::Remove | C::Rotate if place != P::Pane(Pane::Integration) => match model.screen {
            Screen::Starting => Now::Hidden,
            Screen::Integrations => Now::Not("Select a configuration that is set up first.".into()),
            Screen::Wizard | Screen::Panes => {
                Now::Not("Finish the set-up first: then it is in the Integration pane.".into())
            }
        },
        C::Quit | C::Suspend | C::Repaint | C::Help | C::Commands | C::Setting(_) | C::CommandLine(_) => Now::Can,
        _ => dispatch::now(model, place, command),
    }
}

/// What a command of a place means now, whichever way it is called.
pub fn meaning_of(model: &Model, place: Place, command: Command) -> Meaning {
    match now(model, place, command) {
        Now::Can => Meaning::Do(command),
        Now::Not(reason) => Meaning::Refused(reason, command),
        Now::Hidden => Meaning::Nothing,
    }
}

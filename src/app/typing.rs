//! What is typed and pasted, where it goes and where it does not.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::effect::Effect;
use super::form::{Edited, FieldId, Pasted};
use super::integrations;
use super::keymap::{self, Command, Meaning, Place};
use super::model::Model;
use super::notice::Tone;
use super::palette;
use super::panes::{clients, events};
use super::popup::Popup;
use super::update::key;
use super::wizard::{self, pia_screen};

/// A key that is no command goes into what takes text.
pub(super) fn type_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    match keymap::place(model) {
        Place::Field | Place::FieldList => {
            let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
            let Some(field) = wizard.text_field() else { return Vec::new() };
            match wizard.form.key(field, event) {
                Edited::Text => return wizard::edited(model, field),
                Edited::Cursor => model.touch(),
                Edited::Full => model.say(
                    Tone::Warn,
                    format!("{} takes at most {} characters.", field.info().label, field.info().longest),
                ),
                Edited::Nothing => {}
            }
        }
        Place::CardSearch if type_line(&mut model.integrations.query, event) => {
            integrations::select(model, 0);
            model.touch();
        }
        Place::ClientSearch => {
            let before = model.panes.clients.query.value().to_owned();
            if type_line(&mut model.panes.clients.query, event) {
                if model.panes.clients.query.value() == before {
                    model.touch();
                } else {
                    clients::searched(model);
                }
            }
        }
        Place::EventSearch => {
            let before = model.panes.events.query.value().to_owned();
            if type_line(&mut model.panes.events.query, event) {
                if model.panes.events.query.value() == before {
                    model.touch();
                } else {
                    events::searched(model);
                }
            }
        }
        Place::Escalate => {
            // The key that opened the question, pressed twice, is no note.
            if let Some(reason) = events::tickets::now_refusal(model) {
                model.say(Tone::Warn, reason);
            } else if let Some(Popup::Escalate(question)) = &mut model.popup
                && type_text(&mut question.note, event, NOTE)
            {
                model.touch();
            }
        }
        Place::Palette => palette::edit(model, |query| type_line(query, event)),
        Place::Typed => {
            if let Some(Popup::Typed(typed)) = &mut model.popup
                && type_line(&mut typed.input, event)
            {
                model.touch();
            }
        }
        Place::Chooser => {
            let height = pia_screen::chooser_height(model);
            if let Some(Popup::Chooser(chooser)) = &mut model.popup
                && type_line(&mut chooser.query, event)
            {
                chooser.filter(height);
                model.touch();
            }
        }
        _ => {}
    }
    Vec::new()
}

/// The most characters that a search line takes.
const SEARCH: usize = 100;

/// The most that a note takes.
const NOTE: usize = 1_000;

fn type_line(input: &mut Input, event: KeyEvent) -> bool {
    type_text(input, event, SEARCH)
}

fn type_text(input: &mut Input, event: KeyEvent, most: usize) -> bool {
    if let KeyCode::Char(_) = event.code
        && input.value().chars().count() >= most
        && !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    {
        return false;
    }
    input.handle_event(&Event::Key(event)).is_some_and(|change| change.value || change.cursor)
}

/// Written where the cursor stands, as keys are; the first newline ends it and submits nothing. Where no text is taken,
/// nothing that weighs is done by it: a word that was pasted into the wrong window is no row of commands.
pub(super) fn burst(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let code = match character {
            '\n' => {
                if !characters.as_str().trim().is_empty() {
                    let words = Pasted::FirstLine.words(FieldId::Name).unwrap_or_default();
                    model.say(Tone::Warn, words);
                }
                break;
            }
            '\t' => KeyCode::Tab,
            character => KeyCode::Char(character),
        };
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        if let Meaning::Do(command) = keymap::meaning(model, event)
            && weighs(command)
        {
            model.say(Tone::Warn, "Several keys came at once, as from a paste. They did nothing here.");
            break;
        }
        effects.extend(key(model, event));
    }
    effects
}

// What changes something, ends something or shows a secret.
fn weighs(command: Command) -> bool {
    !matches!(
        command,
        Command::Up
            | Command::Down
            | Command::Search
            | Command::Filter
            | Command::NextItem
            | Command::PreviousItem
            | Command::PaneSync
            | Command::PaneClients
            | Command::PaneIntegration
            | Command::PaneEvents
            | Command::PaneActivity
            | Command::LookAtClients
            | Command::Help
            | Command::Commands
    )
}

/// A paste that the terminal has marked.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    match keymap::place(model) {
        Place::Field | Place::FieldList => {
            let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
            let Some(field) = wizard.text_field() else { return Vec::new() };
            let pasted = wizard.form.paste(field, text);
            let effects = if pasted == Pasted::Nothing { Vec::new() } else { wizard::edited(model, field) };
            if let Some(words) = pasted.words(field) {
                model.say(Tone::Warn, words);
            }
            effects
        }
        Place::CardSearch => {
            paste_line(&mut model.integrations.query, text);
            integrations::select(model, 0);
            model.touch();
            Vec::new()
        }
        Place::ClientSearch => {
            paste_line(&mut model.panes.clients.query, text);
            model.panes.clients.search(false);
            clients::settle(model);
            Vec::new()
        }
        Place::EventSearch => {
            paste_line(&mut model.panes.events.query, text);
            events::searched(model);
            Vec::new()
        }
        Place::Escalate => {
            if let Some(Popup::Escalate(question)) = &mut model.popup {
                // A note has no second line here: what stood on several stands beside each other.
                let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
                paste_text(&mut question.note, &line, NOTE);
                model.touch();
            }
            Vec::new()
        }
        Place::Palette => {
            palette::edit(model, |query| {
                paste_line(query, text);
                true
            });
            Vec::new()
        }
        Place::Typed => {
            if let Some(Popup::Typed(typed)) = &mut model.popup {
                paste_line(&mut typed.input, text);
                model.touch();
            }
            Vec::new()
        }
        Place::Chooser => {
            let height = pia_screen::chooser_height(model);
            if let Some(Popup::Chooser(chooser)) = &mut model.popup {
                paste_line(&mut chooser.query, text);
                chooser.filter(height);
                model.touch();
            }
            Vec::new()
        }
        _ => {
            model.say(Tone::Calm, "There is no field here to paste into.");
            Vec::new()
        }
    }
}

fn paste_line(input: &mut Input, text: &str) {
    paste_text(input, text, SEARCH);
}

fn paste_text(input: &mut Input, text: &str, most: usize) {
    let room = most.saturating_sub(input.value().chars().count());
    let line = text.trim().lines().next().unwrap_or_default();
    for character in line.chars().filter(|character| !character.is_control()).take(room) {
        input.handle(InputRequest::InsertChar(character));
    }
}

//! A line that text goes into: a search, an answer, a note.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use crate::app::controls::TextInput;

/// The most characters that a search line takes.
const SEARCH: usize = 100;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    Nothing,
    Cursor,
    Text,
}

/// Takes a text into a search line.
pub fn search(input: &mut Input, text: TextInput<'_>) -> Changed {
    line(input, text, SEARCH)
}

/// Takes a text into a line of at most so many characters. Of a pasted one the first line is taken.
pub fn line(input: &mut Input, text: TextInput<'_>, most: usize) -> Changed {
    match text {
        TextInput::Key(event) => key(input, event, most),
        TextInput::Paste(text) => {
            let room = most.saturating_sub(input.value().chars().count());
            let line = text.trim().lines().next().unwrap_or_default();
            let before = input.value().len();
            for character in line.chars().filter(|character| !character.is_control()).take(room) {
                input.handle(InputRequest::InsertChar(character));
            }
            if input.value().len() > before { Changed::Text } else { Changed::Nothing }
        }
    }
}

fn key(input: &mut Input, event: KeyEvent, most: usize) -> Changed {
    if let KeyCode::Char(_) = event.code
        && input.value().chars().count() >= most
        && !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    {
        return Changed::Nothing;
    }
    match input.handle_event(&Event::Key(event)) {
        Some(change) if change.value => Changed::Text,
        Some(change) if change.cursor => Changed::Cursor,
        _ => Changed::Nothing,
    }
}

//! Keys as a terminal sends them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::keys::Key;

/// Whether this is the key that was pressed.
pub fn is(key: Key, event: KeyEvent) -> bool {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) || ctrl != matches!(key, Key::Ctrl(_)) {
        return false;
    }
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    match (key, event.code) {
        (Key::Ctrl(a), KeyCode::Char(b)) => a.eq_ignore_ascii_case(&b),
        (Key::ShiftTab, KeyCode::Tab) => shift,
        (Key::Tab, KeyCode::Tab) => !shift,
        (key, pressed) => code(key) == pressed,
    }
}

/// A press of it.
pub fn press(key: Key) -> KeyEvent {
    let held = if matches!(key, Key::Ctrl(_)) { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
    KeyEvent::new(code(key), held)
}

fn code(key: Key) -> KeyCode {
    match key {
        Key::Letter(letter) | Key::Ctrl(letter) => KeyCode::Char(letter),
        Key::F(number) => KeyCode::F(number),
        Key::Enter => KeyCode::Enter,
        Key::Esc => KeyCode::Esc,
        Key::Tab => KeyCode::Tab,
        Key::ShiftTab => KeyCode::BackTab,
        Key::Up => KeyCode::Up,
        Key::Down => KeyCode::Down,
        Key::Left => KeyCode::Left,
        Key::Right => KeyCode::Right,
        Key::PageUp => KeyCode::PageUp,
        Key::PageDown => KeyCode::PageDown,
        Key::Home => KeyCode::Home,
        Key::End => KeyCode::End,
        Key::Insert => KeyCode::Insert,
        Key::Delete => KeyCode::Delete,
        Key::Backspace => KeyCode::Backspace,
    }
}

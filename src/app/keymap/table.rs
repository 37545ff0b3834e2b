//! The table of the keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of the table say it")]
pub enum Command {
    Help,
    Quit,
    Integrations,
    Repaint,
    Suspend,
    Back,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextItem,
    PreviousItem,
    EnterField,
    TakeBetter,
    OpenList,
    TakeFromList,
    CloseList,
    ChooseAgent,
    ClearAgent,
    Continue,
    Test,
    Untested,
    Reveal,
    Copy,
    Jump,
    Save,
    SyncNow,
    StopSync,
    LookAtClients,
    ReadPlan,
    StopReading,
    Apply,
    StopApply,
    OpenLine,
    CloseLine,
    Configure,
    Search,
    LeaveSearch,
    Filter,
    Details,
    ViewAll,
    OpenCard,
    Edit,
    Activate,
    Deactivate,
    DiscardDraft,
    PaneSync,
    PaneClients,
    PaneIntegration,
    PaneActivity,
    Yes,
    No,
    Answer,
    OtherAnswer,
    TakeAgent,
    ClosePopup,
}

/// Where the keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after what has the focus")]
pub enum Place {
    Starting,
    Cards,
    CardSearch,
    Checklist,
    Field,
    FieldList,
    Choice,
    Test,
    SyncButton,
    Callbacks,
    Review,
    InitialSync,
    Plan,
    Finished,
    PaneSync,
    PaneClients,
    ClientSearch,
    PaneIntegration,
    PaneActivity,
    Confirm,
    Chooser,
    HelpPage,
    ClientPage,
}

impl Place {
    /// Whether letters are letters here.
    pub fn takes_text(self) -> bool {
        matches!(self, Self::Field | Self::FieldList | Self::CardSearch | Self::ClientSearch | Self::Chooser)
    }
}

/// A key as the table writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn letter(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), ctrl: false }
}

const fn ctrl(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), ctrl: true }
}

impl Key {
    /// Whether this is the key that was pressed.
    pub fn is(self, event: KeyEvent) -> bool {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        if event.modifiers.contains(KeyModifiers::ALT) || ctrl != self.ctrl {
            return false;
        }
        match (self.code, event.code) {
            (KeyCode::Char(a), KeyCode::Char(b)) if self.ctrl => a.eq_ignore_ascii_case(&b),
            (KeyCode::BackTab, KeyCode::Tab) => event.modifiers.contains(KeyModifiers::SHIFT),
            (KeyCode::Tab, KeyCode::Tab) => !event.modifiers.contains(KeyModifiers::SHIFT),
            (a, b) => a == b,
        }
    }

    /// A press of it.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, if self.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    }

    /// The key as a screen names it.
    pub fn name(self) -> String {
        match self.code {
            KeyCode::Char(letter) if self.ctrl => format!("^{}", letter.to_ascii_uppercase()),
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Delete => "Del".to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Whether it would be typed where text is taken.
    pub fn is_letter(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.ctrl
    }
}

/// Where in the line of keys a binding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// On the left, in the order of the table.
    Left,
    /// On the right, always.
    Right,
    /// Only in the help.
    Help,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What is done.
    pub command: Command,
    /// With which keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// Where.
    pub places: &'static [Place],
    /// In which words.
    pub words: &'static str,
    /// Where the words stand.
    pub shown: Shown,
}

const fn row(
    command: Command,
    keys: &'static [Key],
    places: &'static [Place],
    words: &'static str,
    shown: Shown,
) -> Binding {
    Binding { command, keys, places, words, shown }
}

use Command as C;
use Place as P;
use Shown::{Help, Left, Right};

const ENTER: &[Key] = &[key(KeyCode::Enter)];
const ESC: &[Key] = &[key(KeyCode::Esc)];
#[rustfmt::skip]
const SCREENS: &[Place] = &[
    P::Starting, P::Cards, P::CardSearch, P::Checklist, P::Field, P::FieldList, P::Choice, P::Test, P::SyncButton,
    P::Callbacks, P::Review, P::InitialSync, P::Plan, P::Finished, P::PaneSync, P::PaneClients, P::ClientSearch,
    P::PaneIntegration, P::PaneActivity,
];
const FLOATING: &[Place] = &[P::Confirm, P::Chooser, P::HelpPage, P::ClientPage];
const FORM: &[Place] =
    &[P::Checklist, P::Field, P::Choice, P::Test, P::SyncButton, P::Callbacks, P::Review, P::InitialSync, P::Finished];
const PANES: &[Place] = &[P::PaneSync, P::PaneClients, P::PaneIntegration, P::PaneActivity];
#[rustfmt::skip]
const LISTS: &[Place] = &[
    P::Cards, P::FieldList, P::Plan, P::PaneSync, P::PaneClients, P::PaneIntegration, P::PaneActivity, P::Chooser,
    P::HelpPage, P::ClientPage,
];
#[rustfmt::skip]
const LONG_LISTS: &[Place] = &[
    P::Cards, P::Plan, P::PaneSync, P::PaneClients, P::PaneIntegration, P::PaneActivity, P::HelpPage, P::ClientPage,
];

/// The table.
pub const BINDINGS: &[Binding] = &[
    // Questions.
    row(C::Answer, ENTER, &[P::Confirm], "Answer", Help),
    row(C::Yes, &[letter('y')], &[P::Confirm], "Yes", Left),
    row(C::No, &[letter('n'), key(KeyCode::Esc)], &[P::Confirm], "No", Left),
    row(
        C::OtherAnswer,
        &[
            key(KeyCode::Tab),
            key(KeyCode::Left),
            key(KeyCode::Right),
            key(KeyCode::BackTab),
            key(KeyCode::Up),
            key(KeyCode::Down),
        ],
        &[P::Confirm],
        "Other answer",
        Left,
    ),
    // What floats.
    row(C::TakeAgent, ENTER, &[P::Chooser], "Take", Left),
    row(C::ClosePopup, &[key(KeyCode::Esc)], &[P::Chooser], "Close", Left),
    row(
        C::ClosePopup,
        &[key(KeyCode::Esc), key(KeyCode::Enter), letter('?'), key(KeyCode::F(1)), letter('q')],
        &[P::HelpPage],
        "Close",
        Left,
    ),
    row(C::ClosePopup, &[key(KeyCode::Esc), key(KeyCode::Enter), letter('q')], &[P::ClientPage], "Close", Left),
    // Integrations.
    row(C::OpenCard, ENTER, &[P::Cards], "Configure", Left),
    row(C::Search, &[letter('/')], &[P::Cards, P::PaneClients], "Search", Left),
    row(
        C::Activate,
        &[letter('a')],
        &[P::Cards, P::InitialSync, P::Plan, P::PaneSync, P::PaneIntegration],
        "Activate",
        Left,
    ),
    row(C::Edit, &[letter('e')], &[P::Cards], "Edit", Left),
    row(C::DiscardDraft, &[letter('x')], &[P::Cards], "Discard draft", Left),
    row(C::Deactivate, &[letter('d')], &[P::Cards], "Deactivate", Left),
    row(
        C::LeaveSearch,
        &[key(KeyCode::Enter), key(KeyCode::Down), key(KeyCode::Tab)],
        &[P::CardSearch, P::ClientSearch],
        "To the list",
        Left,
    ),
    row(C::Back, ESC, &[P::CardSearch, P::ClientSearch], "Clear", Left),
    row(C::ViewAll, &[ctrl('a')], &[P::Cards, P::CardSearch], "View All", Left),
    // The wizard.
    row(C::TakeFromList, ENTER, &[P::FieldList], "Take", Left),
    row(C::NextItem, &[key(KeyCode::Tab)], &[P::FieldList], "Keep as typed", Left),
    row(C::CloseList, ESC, &[P::FieldList], "Close", Left),
    row(C::EnterField, ENTER, &[P::Field], "Continue", Left),
    row(
        C::ChooseAgent,
        &[key(KeyCode::Enter), key(KeyCode::Down), key(KeyCode::Char(' '))],
        &[P::Choice],
        "Choose",
        Left,
    ),
    row(C::EnterField, ENTER, &[P::Choice], "Continue", Left),
    row(C::ClearAgent, &[key(KeyCode::Delete), key(KeyCode::Backspace)], &[P::Choice], "Clear", Left),
    row(C::OpenList, &[key(KeyCode::Down)], &[P::Field], "Choose", Left),
    row(C::TakeBetter, &[ctrl('y')], &[P::Field], "Take it", Left),
    row(C::Continue, ENTER, &[P::Checklist, P::Callbacks, P::Test, P::Finished], "Continue", Left),
    row(C::Test, &[key(KeyCode::Enter), letter('t')], &[P::Test], "Test", Left),
    row(C::Untested, &[letter('u')], &[P::Test], "Continue untested", Left),
    row(C::SyncNow, &[key(KeyCode::Enter), letter('s')], &[P::SyncButton], "Sync Now", Left),
    row(C::Configure, ENTER, &[P::PaneIntegration], "Configure", Left),
    row(C::ReadPlan, &[letter('t')], &[P::PaneIntegration], "Check Halo", Left),
    row(C::Reveal, &[letter('r')], &[P::Callbacks, P::PaneIntegration], "Reveal", Left),
    row(C::Copy, &[letter('c')], &[P::Callbacks, P::PaneIntegration], "Copy", Left),
    row(C::Jump, ENTER, &[P::Review], "Change", Left),
    row(C::Save, ENTER, &[P::Review], "Save", Left),
    row(C::Continue, ENTER, &[P::Review, P::InitialSync], "Continue", Left),
    row(C::SyncNow, &[key(KeyCode::Enter), letter('s')], &[P::InitialSync], "Sync Now", Left),
    row(C::StopSync, ESC, &[P::InitialSync], "Stop", Left),
    row(C::LookAtClients, &[letter('2')], &[P::InitialSync, P::Finished], "Look at the clients", Left),
    // The plan.
    row(C::Apply, ENTER, &[P::Plan], "Apply", Left),
    row(C::Continue, ENTER, &[P::Plan], "Continue", Left),
    row(C::OpenLine, &[key(KeyCode::Right)], &[P::Plan], "Open", Left),
    row(C::CloseLine, &[key(KeyCode::Left)], &[P::Plan], "Close", Left),
    row(C::ReadPlan, &[key(KeyCode::Enter), letter('t')], &[P::Plan], "Try again", Left),
    row(C::StopReading, ESC, &[P::Plan], "Stop", Left),
    row(C::StopApply, ESC, &[P::Plan], "Stop", Left),
    // The panes.
    row(C::Details, ENTER, &[P::PaneClients], "Details", Left),
    row(C::Filter, &[letter('f')], &[P::PaneClients], "Filter", Left),
    row(
        C::SyncNow,
        &[letter('s')],
        &[P::PaneSync, P::PaneClients, P::PaneIntegration, P::PaneActivity],
        "Sync Now",
        Left,
    ),
    row(C::StopSync, &[letter('x')], &[P::PaneSync], "Stop", Left),
    row(C::Edit, &[letter('e')], PANES, "Edit", Left),
    row(C::PaneSync, &[letter('1')], PANES, "Sync", Help),
    row(C::PaneClients, &[letter('2')], PANES, "Clients", Help),
    row(C::PaneIntegration, &[letter('3')], PANES, "Integration", Help),
    row(C::PaneActivity, &[letter('4')], PANES, "Activity", Help),
    // Moving.
    row(C::NextItem, &[key(KeyCode::Tab)], FORM, "Next field", Left),
    row(C::PreviousItem, &[key(KeyCode::BackTab)], FORM, "Previous", Help),
    row(C::Down, &[key(KeyCode::Down)], LISTS, "Move", Left),
    row(C::Down, &[key(KeyCode::Down)], FORM, "Down", Help),
    row(C::Up, &[key(KeyCode::Up)], LISTS, "Up", Help),
    row(C::Up, &[key(KeyCode::Up)], FORM, "Up", Help),
    row(C::PageDown, &[key(KeyCode::PageDown)], LISTS, "A page down", Help),
    row(C::PageUp, &[key(KeyCode::PageUp)], LISTS, "A page up", Help),
    row(C::First, &[key(KeyCode::Home)], LONG_LISTS, "To the first", Help),
    row(C::Last, &[key(KeyCode::End)], LONG_LISTS, "To the last", Help),
    row(C::Back, ESC, FORM, "Back", Left),
    row(C::Back, ESC, &[P::Plan], "Back", Left),
    row(C::Back, ESC, &[P::Cards, P::PaneSync, P::PaneClients, P::PaneIntegration, P::PaneActivity], "Back", Left),
    row(C::Integrations, &[ctrl('o')], SCREENS, "Integrations", Left),
    // Everywhere.
    row(C::Help, &[letter('?'), key(KeyCode::F(1))], SCREENS, "Help", Right),
    row(C::Quit, &[letter('q'), ctrl('c')], SCREENS, "Quit", Right),
    row(C::Quit, &[ctrl('c')], FLOATING, "Quit", Right),
    row(C::Repaint, &[ctrl('l')], SCREENS, "Draw everything anew", Help),
    row(C::Repaint, &[ctrl('l')], FLOATING, "Draw everything anew", Help),
    row(C::Suspend, &[ctrl('z')], SCREENS, "Back to the shell; fg returns", Help),
    row(C::Suspend, &[ctrl('z')], FLOATING, "Back to the shell; fg returns", Help),
];

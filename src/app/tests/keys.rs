//! The key map: letters in fields, the line of keys, the help.

use crossterm::event::KeyCode;

use crate::app::effect::Effect;
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::keymap::{BINDINGS, Command, Key, Pane, Place, Shown, place, press};
use crate::app::meaning::{Meaning, meaning};
use crate::app::message::Message;
use crate::app::popup::{HelpLine, Popup};
use crate::app::testing::{Stage, at_configure, at_review, at_sync, in_panes, key, tested, with_credentials};
use crate::app::text::width;
use crate::domain::secret::Secret;
use crate::domain::status::Overview;

fn stages() -> Vec<Stage> {
    let mut stages =
        vec![Stage::with(Overview::default()), with_credentials(), tested(), at_review(), at_sync(), at_configure()];
    for keys in ["1", "2", "2 /", "3", "4", "4 /", "5", "^O", "^O /", "3 ?"] {
        let mut stage = in_panes();
        stage.keys(keys);
        stages.push(stage);
    }
    stages
}

/// While a field has the focus letters are letters: no key of one letter is bound there.
#[test]
fn letters_are_letters_where_text_is_taken() {
    for stage in stages().iter().filter(|stage| place(&stage.model).takes_text()) {
        for letter in ('!'..='~').map(String::from) {
            assert_eq!(meaning(&stage.model, key(&letter)), Meaning::Nothing, "{letter}");
        }
    }
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    stage.type_text("q?/sy1");
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::Name), "q?/sy1");
}

/// `j`, `k`, `g` and `G` move as in other programs, and never to where the next letter would be text.
#[test]
fn letters_move_in_lists_and_never_into_fields() {
    let mut stage = in_panes();
    stage.keys("5");
    let mut at = |keys| {
        stage.keys(keys);
        stage.model.panes.window(Pane::Activity).selected
    };
    let last = at("G");
    assert!(last > 1);
    assert_eq!((at("g"), at("j"), at("j"), at("k")), (0, 1, 2, 1));
    stage.keys("^O k");
    assert_eq!(place(&stage.model), Place::Cards, "the search line is above the first card");
    let mut stage = tested();
    let before = place(&stage.model);
    stage.keys("k g");
    assert_eq!((before, place(&stage.model)), (Place::Test, Place::Test));
}

#[test]
fn paste_never_submits() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    for field in [FieldId::Name, FieldId::Url, FieldId::ClientId, FieldId::ClientSecret] {
        assert_eq!(stage.paste("first\r\nsecond\n"), []);
        let wizard = stage.model.wizard.as_ref().unwrap();
        assert_eq!(wizard.text_field(), Some(field), "the focus stays");
        assert!(stage.notice().contains("only the first"));
        stage.keys("Tab");
    }
}

#[test]
fn lone_esc_never_destroys() {
    let mut stage = with_credentials();
    stage.keys("Esc Esc Esc Esc Esc");
    let draft = stage.model.overview.draft.clone().unwrap();
    assert_eq!(draft.name(), "Acme MSP");
    stage.keys("Enter");
    assert!(!stage.model.wizard.as_ref().unwrap().form.secret.is_empty());
}

/// The line of keys fits, shows help and quit always, and no key twice.
#[test]
fn line_of_keys_fits_every_width() {
    for stage in stages() {
        for columns in [40, 50, 80, 120] {
            let (left, right) = hints(&stage.model, columns);
            let all: Vec<_> = left.iter().chain(&right).collect();
            let used: usize = all.iter().map(|hint| width(&hint.key) + width(&hint.words) + 3).sum();
            assert!(used <= columns + 2, "{all:?}");
            assert!(right.iter().any(|hint| hint.words == "Quit"));
            let mut keys: Vec<&str> = all.iter().map(|hint| hint.key.as_str()).collect();
            keys.sort_unstable();
            let count = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), count, "{all:?}");
        }
    }
}

/// What the line of keys shows, works.
#[test]
fn every_key_that_is_shown_does_something() {
    for stage in stages() {
        let (left, right) = hints(&stage.model, 200);
        for hint in left.iter().chain(&right) {
            let name = match hint.key.as_str() {
                "↑↓" | "↓" => "Down",
                "→" => "Right",
                "←" => "Left",
                other => other,
            };
            assert!(
                matches!(meaning(&stage.model, key(name)), Meaning::Do(_)),
                "{hint:?} at {:?}",
                place(&stage.model)
            );
        }
    }
}

#[test]
fn table_names_every_line_and_says_nothing_twice() {
    for (at, binding) in BINDINGS.iter().enumerate() {
        assert!(!binding.words.is_empty() && !binding.id.is_empty() && !binding.places.is_empty());
        for other in &BINDINGS[at + 1..] {
            let same_place = binding.places.iter().any(|place| other.places.contains(place));
            assert!(
                !(same_place && binding.id == other.id && binding.command == other.command),
                "{binding:?} {other:?}"
            );
        }
    }
    assert!(BINDINGS.iter().any(|binding| binding.shown == Shown::Help));
}

/// What edits a line is known, so that nobody binds it where text is typed; and Ctrl-P is none of it.
#[test]
fn keys_that_edit_line_are_editors_own() {
    use tui_input::backend::crossterm::to_input_request;
    for name in Key::names() {
        let key = Key::parse(&name).unwrap();
        let edits = to_input_request(&crossterm::event::Event::Key(press(key))).is_some();
        assert_eq!(edits && !key.is_letter(), key.edits_text(), "{name}");
    }
    assert!(!Key::Ctrl('p').edits_text());
}

/// S7: F1 shows the help of the field with its example, also while text is typed; Esc closes it and keeps everything.
#[test]
fn help_is_everywhere_and_knows_field() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    for field in [FieldId::Name, FieldId::Url, FieldId::ClientId, FieldId::ClientSecret] {
        stage.keys("F1");
        let Some(Popup::Help(help)) = &stage.model.popup else { panic!() };
        assert_eq!(help.lines[0], HelpLine::Title(field.info().label.to_owned()));
        let shown =
            help.lines.iter().any(|line| matches!(line, HelpLine::Text(text) if text.contains(field.info().example)));
        assert!(shown, "{field:?}");
        stage.keys("Esc Tab");
    }
    for mut stage in stages() {
        if place(&stage.model) != Place::HelpPage {
            stage.keys("F1");
            assert!(matches!(stage.model.popup, Some(Popup::Help(_))));
        }
    }
}

#[test]
fn key_that_cannot_work_now_says_why() {
    let mut stage = in_panes();
    stage.keys("1 s s");
    assert!(stage.notice().starts_with("Already syncing"), "{}", stage.notice());
    stage.keys("^O");
    stage.keys("x");
    assert_eq!(stage.notice(), "No draft.");
}

#[test]
fn control_keys_work_in_every_place() {
    use crate::app::effect::Effect;
    for mut stage in stages() {
        assert_eq!(stage.keys("^L"), [Effect::Repaint]);
        assert_eq!(stage.keys("^Z"), [Effect::Suspend]);
        let once = stage.keys("^C");
        let twice = if once.is_empty() { stage.keys("^C") } else { once };
        assert_eq!(twice.last(), Some(&Effect::Quit));
    }
}

#[test]
fn message_does_not_print_what_was_typed() {
    let typed = Message::Key(key("h"));
    assert!(!format!("{typed:?}").contains('h'), "{typed:?}");
    assert!(!format!("{:?}", Message::Paste(Secret::new("canary"))).contains("canary"));
    assert!(format!("{:?}", Message::Key(key("Enter"))).contains("Enter"));
    assert_eq!(key("^C").code, KeyCode::Char('c'));
}

/// Plain mode has no keys: a command by its name is held to what the screen offers, as its key is.
#[test]
fn command_by_name_does_what_its_key_does() {
    let (mut by_key, mut by_name) = (in_panes(), in_panes());
    assert_eq!(by_name.send(Message::Do(Command::Pane(Pane::Clients))), by_key.keys("2"));
    assert_eq!(by_name.send(Message::Do(Command::Stop)), [], "no sync runs");
    by_name.send(Message::Do(Command::Pane(Pane::Sync)));
    by_name.send(Message::Do(Command::SyncNow));
    assert_eq!(by_name.send(Message::Do(Command::SyncNow)), []);
    assert!(by_name.notice().starts_with("Already syncing"), "{}", by_name.notice());
}

#[test]
fn whole_answer_replaces_field_and_keeps_draft() {
    let mut stage = with_credentials();
    let effects = stage.send(Message::Answer(FieldId::Name, Secret::new("Acme")));
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::Name), "Acme");
    assert!(matches!(&effects[..], [Effect::SaveDraft(_)]), "{effects:?}");
    let form = &stage.model.wizard.as_ref().unwrap().form;
    let wrong = form.try_answer(FieldId::Url, "acme", false).unwrap_err();
    assert_eq!(wrong.better.as_deref(), Some("https://acme.halopsa.com"));
    let message = Message::Answer(FieldId::ClientSecret, Secret::new("hunter2-canary"));
    assert!(!format!("{message:?}").contains("canary"));
}

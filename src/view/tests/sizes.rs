//! Every size: no panic, the keys that always have to be there, and nothing that is cut without saying so.

use crate::app::Theme;
use crate::app::footer;
use crate::app::keymap::{self, Command, Pane, Place, Shown};
use crate::app::layout::SMALLEST;
use crate::app::model::Screen;
use crate::app::offers::offers;
use crate::app::testing::{Stage, tested};
use crate::domain::status::Overview;

use super::picture::{drawn, line, plain, shown};
use super::scenes::scenes;

/// No size from 1x1 to 130x50, and none of the very large ones, makes a screen panic. Each scene takes its share
/// of the sizes, so that all sizes are seen over all scenes.
#[test]
fn no_size_makes_screen_panic() {
    let all: Vec<(u16, u16)> = (1..=130).flat_map(|width| (1..=50).map(move |height| (width, height))).collect();
    let scenes = scenes();
    let shares = scenes.len();
    for (share, (_, mut stage)) in scenes.into_iter().enumerate() {
        let own = all.iter().copied().skip(share).step_by(shares);
        let edges =
            [(39, 10), (40, 9), (40, 10), (59, 12), (60, 12), (79, 24), (99, 30), (100, 30), (1, 200), (500, 1)];
        for (width, height) in own.chain(edges) {
            stage.resize(width, height);
            drawn(&stage.model, width, height);
        }
        // A terminal that says it has no rows or columns; ratatui has no frame for it, so the smallest stands in.
        for (width, height) in [(0, 0), (80, 0), (0, 24)] {
            stage.resize(width, height);
            drawn(&stage.model, width.max(1), height.max(1));
        }
        // The frame may be smaller or larger than what the model knows: a resize that has not arrived yet.
        stage.resize(130, 50);
        drawn(&stage.model, 10, 4);
        drawn(&stage.model, 1, 1);
        stage.resize(40, 10);
        drawn(&stage.model, 130, 50);
    }
}

#[test]
fn very_large_terminal_is_drawn_too() {
    for (share, (_, mut stage)) in scenes().into_iter().enumerate() {
        let (width, height) = [(500, 24), (131, 200), (300, 60), (500, 40), (500, 200)][share % 5];
        stage.resize(width, height);
        drawn(&stage.model, width, height);
    }
}

/// What was typed is still there after the storm.
#[test]
fn storm_of_sizes_loses_nothing_that_was_typed() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    stage.type_text("Acme MSP");
    let before = plain(&stage);
    for at in 0..1_000_u16 {
        stage.resize(at.wrapping_mul(37) % 500 + 1, at.wrapping_mul(91) % 200);
    }
    stage.resize(80, 24);
    assert_eq!(plain(&stage), before);
    assert!(before.contains("Acme MSP"));
}

#[test]
fn too_small_says_what_to_do() {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    let mut stage = Stage::with(Overview::default());
    let mut out = String::new();
    for (width, height) in [(39, 24), (80, 9), (30, 8), (20, 5), (20, 1), (12, 2), (5, 3)] {
        stage.resize(width, height);
        out.push_str(&format!("=== {width}x{height}\n{}", plain(&stage)));
    }
    settings.bind(|| insta::assert_snapshot!("too_small", out));
}

/// The way to the help and the way out are named at every size, on every screen.
#[test]
fn help_and_quit_are_never_pushed_out() {
    for (name, mut stage) in scenes() {
        // What floats answers first: its own keys stand there.
        if stage.model.popup.is_some() || stage.model.palette.is_some() {
            continue;
        }
        for (width, height) in [(SMALLEST.width, SMALLEST.height), (50, 15), (64, 20), (80, 24), (120, 40)] {
            stage.resize(width, height);
            let (buffer, _) = shown(&stage);
            let keys = line(&buffer, height - 1);
            assert!(keys.contains("Quit"), "{name} at {width}: {keys:?}");
            assert!(stage.model.screen == Screen::Starting || keys.contains("Help"), "{name} at {width}: {keys:?}");
            assert!(keys.ends_with(' ') && !keys.contains('…'), "{name} at {width}: {keys:?}");
        }
    }
}

/// A local time, one of twelve hours, or one in another spelling is shown as it is taken while it is typed.
#[test]
fn time_is_shown_as_it_is_taken() {
    for (typed, taken) in [("4:30+02:00", "= 02:30 UTC"), ("4pm", "= 16:00 UTC"), ("4.30", "= 04:30 UTC")] {
        let mut stage = tested();
        stage.keys("Enter ^U");
        stage.type_text(typed);
        assert!(plain(&stage).contains(taken), "{}", plain(&stage));
    }
}

/// What Enter does is the last to leave the line of keys.
#[test]
fn enter_is_named_wherever_it_does_something() {
    for (name, mut stage) in scenes() {
        for (width, height) in [(40, 12), (50, 15), (64, 20)] {
            stage.resize(width, height);
            let place = keymap::place(&stage.model);
            let enter = offers(&stage.model, place).into_iter().find(|offer| {
                let shown = offer.binding.shown == Shown::Left && !offer.words.is_empty();
                let is_line = matches!(offer.command(), Command::OpenLine | Command::CloseLine);
                shown && !is_line && offer.binding.id == "accept" && offer.refused.is_none() && !offer.keys.is_empty()
            });
            let Some(enter) = enter else { continue };
            let (left, right) = footer::hints(&stage.model, usize::from(width));
            // As far as its first word fits beside the help and the way out; what decides or stops comes before it.
            let others = right.iter().filter(|hint| hint.words != "Commands");
            let others: usize = others.map(|hint| hint.key.len() + hint.words.len() + 3).sum();
            let word = enter.words.split(' ').next().unwrap_or_default();
            let fits = word.len() + "Enter ".len() + 2 + others < usize::from(width);
            // A pane names what it is for before that, and a way to somewhere says where to.
            let is_of_sync = place == Place::Pane(Pane::Sync);
            let is_named = left.iter().any(|hint| {
                hint.words.starts_with(word)
                    || enter.words.strip_prefix("Go to ") == Some(hint.words.as_str())
                    || hint.key == "y"
                    || hint.words == "Stop"
                    || is_of_sync && hint.words == "Sync Now"
            });
            assert!(!fits || is_named, "{name} at {width}: {left:?}");
        }
    }
}

/// What is above and below what is shown is said, at every size: on the rules, or on the edge of what floats.
#[test]
fn whatever_is_not_shown_is_said() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter Esc");
    stage.resize(80, 15);
    assert!(plain(&stage).contains("↓ "), "{}", plain(&stage));
    for _ in 0..20 {
        stage.keys("Down");
    }
    let text = plain(&stage);
    assert!(text.contains("↑ ") && !text.contains("↓ "), "{text}");
    for name in
        ["pane_activity_many", "pane_clients_many", "pane_sync_many", "integrations_many", "wizard_sync_escalate_many"]
    {
        for (width, height) in [(80, 24), (120, 40), (50, 15)] {
            let mut stage = super::scenes::scene(name);
            stage.resize(width, height);
            let text = plain(&stage);
            assert!(text.contains(" of ") || (name == "pane_sync_many" && width == 50), "{name} at {width}\n{text}");
            for part in ["↑ ", "↓ ", " more", "█", "│"] {
                assert!(text.contains(part), "{name} at {width}: {part}\n{text}");
            }
            stage.model.theme = Theme { mono: true, ascii: true };
            let text = plain(&stage);
            for part in ["^ ", "v ", " more", "#", "|"] {
                assert!(text.contains(part), "{name} at {width}: {part}\n{text}");
            }
        }
    }
    let mut stage = super::scenes::scene("wizard_pia_screen_many");
    for (width, height) in [(80, 24), (50, 18)] {
        stage.resize(width, height);
        let text = plain(&stage);
        assert!(text.contains("↑ 3 more") && text.contains("↓ 11 more"), "{text}");
    }
}

/// Texts that decide something are wrapped, never cut, at any width.
#[test]
fn what_matters_is_whole_at_every_width() {
    for (name, sentences) in [
        (
            "wizard_configure_blocked",
            &["A custom tab of that name leads to https://other.example and is not ours."][..],
        ),
        ("wizard_configure_plan", &["create: missing in Halo", "link: not linked to the Pia Chat Pod"]),
        ("wizard_configure_failed", &["Halo answered 502 and stayed there through five tries."]),
        (
            "wizard_credentials_refused",
            &["Halo refused the Client ID or Client Secret", "Halo says: 401 invalid_client"],
        ),
        ("wizard_review_failed", &["the settings could not be written: disk full"]),
        ("wizard_draft_not_kept", &["the store could not be read: disk I/O error"]),
        ("wizard_sync_mass_change_later", &["more clients than usual are gone. Press Sync Now (s)."]),
        ("integrations_switch", &["its webhooks and Pia Chat Pod stay in its Halo, and its daily sync stops."]),
        ("wizard_configure_quit", &["What is done is kept; run it again to finish."]),
        ("pane_integration_repair", &["not linked to the Pia Chat Pod", "changed in Halo"]),
        ("wizard_finished_open", &["Sync Now, in the Sync pane", "Configure in the Integration pane"]),
    ] {
        let mut stage = super::scenes::scene(name);
        for width in [40, 45, 50, 59, 60, 64, 72, 80, 99, 100, 120, 130] {
            // As tall as it takes: what is below is not what this asks.
            stage.resize(width, 90);
            let body = usize::from(stage.model.layout.body.width);
            let (buffer, _) = shown(&stage);
            let text: Vec<String> = (0..90).map(|y| line(&buffer, y)).collect();
            // The first column, the second, and what floats over both: words in their order.
            let first: Vec<&str> = text.iter().map(|line| head(line, body)).collect();
            let said = words(&first.join(" "));
            let all = words(&text.join(" "));
            for sentence in sentences {
                assert!(
                    said.contains(&words(sentence)) || all.contains(&words(sentence)),
                    "{name} at {width}: {sentence}\n{}",
                    text.join("\n")
                );
            }
        }
    }
}

/// From 120 columns on there is room for every reason of a plan in its line.
#[test]
fn reasons_of_plan_use_room_of_wide_terminal() {
    let mut stage = super::scenes::scene("wizard_configure_plan");
    for (width, height) in [(120, 40), (200, 50)] {
        stage.resize(width, height);
        let body = usize::from(stage.model.layout.body.width);
        let text = plain(&stage);
        let whole = |line: &&str| head(line, body).contains("link: not linked to the Pia Chat Pod");
        assert_eq!(text.lines().filter(whole).count(), 2, "{width}\n{text}");
    }
}

/// On the lowest terminal, too, a check that is not known is read with what settles it, and the help has it whole.
#[test]
fn unknown_check_is_read_on_low_terminal() {
    let mut stage = super::scenes::scene("pane_overview_unknown");
    stage.resize(40, 12);
    assert!(words(&plain(&stage)).contains(&words("not checked yet: t Check now")), "{}", plain(&stage));
    stage.keys("?");
    assert!(plain(&stage).contains("Clock") && plain(&stage).contains("not checked yet."), "{}", plain(&stage));
}

fn head(line: &str, columns: usize) -> &str {
    line.char_indices().nth(columns).map_or(line, |(at, _)| &line[..at])
}

// Words without what frames and marks put between them.
fn words(text: &str) -> String {
    let inner = text.replace(['│', '─', '┌', '┐', '└', '┘', '▸', '█'], " ");
    // A long word may be broken: without blanks it is still whole.
    inner.split_whitespace().collect()
}

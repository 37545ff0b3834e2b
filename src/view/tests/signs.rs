//! Signs: what they mean survives without colour, without Unicode and in a plain dump.

use std::collections::BTreeMap;

use crate::app::Theme;
use crate::app::model::Screen;

use super::picture::{SIZES, picture, plain, shown};
use super::scenes::scenes;

const MONO: Theme = Theme { mono: true, ascii: true };

/// N21: without colour and in ASCII there is neither a colour nor anything else than ASCII.
#[test]
fn mono_ascii_is_mono_and_ascii() {
    for (name, mut stage) in scenes() {
        stage.model.theme = MONO;
        let text = picture(&stage);
        assert!(text.is_ascii(), "{name}\n{text}");
        for colour in ["cyan", "green", "yellow", "red", "blue", "magenta"] {
            assert!(!text.split("--- style").nth(1).unwrap().contains(colour), "{name} {colour}");
        }
    }
}

const SIGNS: [&str; 14] = ["✓", "✗", "!", "–", "○", "●", "▸", "+", "~", "-", "=", "↑", "↓", "…"];

/// Two signs that stand in one column, or in the line of steps, are still two in ASCII.
#[test]
fn no_two_signs_of_list_become_one_in_ascii() {
    for (name, mut stage) in scenes() {
        for (width, height) in SIZES {
            stage.resize(width, height);
            stage.model.theme = Theme::default();
            let (rich, _) = shown(&stage);
            stage.model.theme = MONO;
            let (poor, _) = shown(&stage);
            let alone = |x: u16, y: u16| {
                let blank = |x: u16| rich.cell((x, y)).is_none_or(|cell| cell.symbol() == " ");
                (x == 0 || blank(x - 1)) && blank(x + 1)
            };
            // The steps are read along, everything else down.
            let mut groups: BTreeMap<u16, BTreeMap<String, String>> = BTreeMap::new();
            for y in 0..height {
                for x in 0..width {
                    let sign = rich[(x, y)].symbol();
                    if SIGNS.contains(&sign) && alone(x, y) {
                        let group = if y == 1 && stage.model.screen == Screen::Wizard { width } else { x };
                        groups.entry(group).or_default().insert(sign.to_owned(), poor[(x, y)].symbol().to_owned());
                    }
                }
            }
            for signs in groups.values() {
                let mut plain: Vec<&String> = signs.values().collect();
                plain.sort();
                plain.dedup();
                assert_eq!(plain.len(), signs.len(), "{name} at {width}: {signs:?}");
            }
        }
    }
}

/// A state is never a sign alone: words follow it.
#[test]
fn word_stands_beside_every_state() {
    for (name, stage) in scenes() {
        for line in plain(&stage).lines() {
            for sign in ["✓", "✗"] {
                for (at, _) in line.match_indices(sign) {
                    let after: String = line[at + sign.len()..].chars().take(3).collect();
                    // A box floats over its words.
                    if after.contains('│') {
                        continue;
                    }
                    assert!(after.trim_start().starts_with(char::is_alphanumeric), "{name}: {line}");
                }
            }
        }
    }
}

/// The focus is seen without colour: reversed on the screen, and as a mark or the cursor in a plain dump.
#[test]
fn focus_is_seen_without_colour() {
    let names: Vec<&str> = scenes().into_iter().map(|(name, _)| name).collect();
    assert!(NOTHING_TO_SELECT.iter().all(|name| names.contains(name)), "a screen that is not there any more");
    for (name, mut stage) in scenes() {
        for (width, height) in SIZES {
            stage.resize(width, height);
            stage.model.theme = MONO;
            let (_, cursor) = shown(&stage);
            let text = picture(&stage);
            let (dump, styles) = text.split_once("--- style").unwrap();
            // With room before it; behind a word it is a way through Halo's menus.
            let marked =
                dump.lines().any(|line| line.starts_with(" > ") || line.contains("| > ") || line.contains("  > "));
            // The first lines say where one is, reversed too: that is no focus.
            let below = |line: &str| {
                line.split_once(':').is_some_and(|(row, _)| row.trim().parse::<u16>().is_ok_and(|row| row > 2))
            };
            let reversed = styles.lines().any(|line| below(line) && line.contains("reversed"));
            if NOTHING_TO_SELECT.contains(&name) {
                // What is on this list has nothing that could be selected, and so nothing is.
                assert!(cursor.is_none() && !reversed, "{name} at {width}\n{text}");
                continue;
            }
            if !has_focus(&stage.model) {
                continue;
            }
            assert!(marked || cursor.is_some(), "{name} at {width}\n{dump}");
            assert!(reversed || cursor.is_some(), "{name} at {width}\n{text}");
        }
    }
}

/// What is read, and not selected in: a report without lines, and the cards that a key opens over a page.
fn has_focus(model: &crate::app::Model) -> bool {
    use crate::app::popup::Popup;
    // An event or a ticket is read, and nothing in it is selected.
    let events = &model.panes.events;
    if (events.open.is_some() || events.ticket.is_some()) && model.popup.is_none() {
        return false;
    }
    if matches!(model.popup, Some(Popup::Help(_) | Popup::Client)) {
        return false;
    }
    model.panes.report.as_ref().is_none_or(|report| report.rows() > 0)
}

/// Screens on which there is nothing to select: something is being read or has failed, or the list is empty.
const NOTHING_TO_SELECT: [&str; 40] = [
    "pane_overview",
    "pane_overview_checking",
    "pane_overview_inactive",
    "starting",
    "wizard_sync_asking",
    "wizard_sync_silent",
    "wizard_sync_followed",
    "wizard_sync_running",
    "wizard_sync_stopping",
    "wizard_configure_reading",
    "wizard_configure_checks",
    "wizard_configure_not_yet",
    "wizard_configure_unreachable",
    "wizard_configure_report_refused",
    "pane_sync_nothing_read",
    "pane_sync_unreadable",
    "pane_sync_never",
    "pane_clients_reading",
    "pane_clients_none",
    "pane_clients_nothing_new",
    "pane_clients_nothing_changed",
    "pane_clients_syncing",
    "pane_clients_unreadable",
    "pane_integration_nothing",
    "pane_integration_no_sync",
    "pane_activity_reading",
    "pane_activity_unreadable",
    "pane_activity_none",
    "wizard_sync_mass_change_later",
    "removal_reading",
    "removal_nothing",
    "removal_and_switch_nothing_left",
    "pane_events_reading",
    "pane_events_unreadable",
    "pane_events_none",
    "pane_events_tip",
    "pane_events_not_configured",
    "pane_tickets_reading",
    "pane_tickets_stopped",
    "pane_tickets_none",
];

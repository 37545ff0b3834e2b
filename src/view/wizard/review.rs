//! Review and Save.

use ratatui::style::Style;

use crate::app::Model;
use crate::app::form::{FieldId, Kind};
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::wizard::answers::{value, warning};
use crate::app::wizard::credentials::{doubt, known_failure, refused, refused_by_test, tested_at};
use crate::app::wizard::review::reconfigures;
use crate::app::wizard::{Item, SaveState, Wizard};
use crate::domain::untrusted::Untrusted;
use crate::view::page::{MARGIN, Page};
use crate::view::theme::symbol;
use crate::words;
use crate::words::time::ago;

use super::fields;

/// The page: every answer in one line, the one with the focus ready to be changed.
pub fn body(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    let styles = page.styles;
    let known = known_failure(model).or_else(|| refused(model)).cloned();
    let known = known.or_else(|| refused_by_test(wizard)).or_else(|| doubt(model));
    let (tone, right) = words::check::tested(
        known.as_ref(),
        wizard.test.is_passed(),
        wizard.untested,
        tested_at(model).map(|at| ago(model.now, at)),
    );
    let right = format!("{} {right}", symbol(tone));
    page.heading(if wizard.settings { "Settings" } else { "Review and Save" }, &right, styles.tone(tone));
    if let Some(found) = wizard.found.as_ref().filter(|_| wizard.settings && wizard.is_edited()) {
        let age = found.at.map(|at| ago(model.now, at));
        let key = spoken(model, "discard_changes");
        page.state(Tone::Warn, &words::step::draft_is_shown(age, wizard.changes(), &key), MARGIN);
        page.blank();
    }
    let mut section = None;
    for field in wizard.lines() {
        if section.replace(field.info().step).is_some_and(|before| before != field.info().step) {
            page.blank();
        }
        line(model, wizard, page, field);
    }
    page.blank();
    save_line(model, wizard, page);
}

fn line(model: &Model, wizard: &Wizard, page: &mut Page, field: FieldId) {
    let styles = page.styles;
    let focused = wizard.focus == Item::Field(field);
    if focused {
        match field.info().kind {
            Kind::Choice => fields::escalate_row(model, page, true),
            _ => fields::field(model, wizard, page, field),
        }
        if let Some(was) = wizard.was(field) {
            page.paragraph(&format!("was {}", old(&was)), page.value_column(), Style::new());
        }
        return;
    }
    let row = page.label(field.info().label, Style::new(), false);
    if let Some(error) = wizard.form.error(field, wizard.has_secret) {
        return page.words(row.text("✗ ", styles.tone(Tone::Bad)), &error, styles.tone(Tone::Bad));
    }
    let (value, dim) = value(model, wizard, field);
    match wizard.was(field) {
        Some(was) => page.words(row, &format!("{} → {value}", old(&was)), styles.tone(Tone::Warn)),
        None => page.words(row, &value, if dim { styles.dim() } else { Style::new() }),
    }
    if let Some(warning) = warning(model, wizard, field) {
        page.state(Tone::Warn, &warning, page.value_column());
    }
}

// What was saved before, fit to be shown.
fn old(was: &str) -> String {
    if was.is_empty() { "blank".to_owned() } else { Untrusted::new(was).display() }
}

fn save_line(model: &Model, wizard: &Wizard, page: &mut Page) {
    let styles = page.styles;
    let focused = wizard.focus == Item::Save;
    let from = page.lines.len();
    let label = if focused { styles.focus() } else { Style::new() };
    let row = page.label("Save", label, focused);
    match &wizard.save {
        SaveState::Running { .. } => page.words(row, "saving", Style::new()),
        SaveState::Failed(failure) => {
            page.words(row, "✗ not saved; everything typed is still here", styles.tone(Tone::Bad));
            page.failure(failure, MARGIN + 2, &model.keys);
        }
        SaveState::Saved(changed) if !wizard.is_edited() => {
            page.words(row, "✓ saved", styles.tone(Tone::Good));
            if let Some(changed) = changed {
                let words = if changed.is_empty() {
                    "nothing changed".to_owned()
                } else {
                    format!("changed: {}", changed.join(", "))
                };
                page.paragraph(&words, page.value_column(), styles.dim());
            }
            if reconfigures(model) {
                page.state(Tone::Warn, &words::step::unsent(), page.value_column());
            }
        }
        SaveState::Not | SaveState::Saved(_) if wizard.base.is_some() => {
            let changes = wizard.changes();
            let words = if changes == 1 { "1 change" } else { &format!("{changes} changes") };
            page.words(row, &format!("{words}, not saved yet"), styles.tone(Tone::Warn));
        }
        SaveState::Not | SaveState::Saved(_) => page.words(row, "not saved yet", Style::new()),
    }
    if focused {
        page.keep_from(from);
    }
}

//! Review and Save.

use ratatui::style::Style;

use crate::app::Model;
use crate::app::form::FieldId;
use crate::app::notice::Tone;
use crate::app::wizard::answers::{value, warning};
use crate::app::wizard::{Item, SaveState, Wizard};
use crate::view::page::{MARGIN, Page};

/// The page.
pub fn body(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    let look = page.look;
    let (right, style) = match (wizard.test.is_passed(), wizard.untested) {
        (true, _) => ("✓ connection tested", look.tone(Tone::Good)),
        (false, true) => ("! credentials not verified", look.tone(Tone::Warn)),
        (false, false) => ("! credentials not tested", look.tone(Tone::Warn)),
    };
    page.heading("Review and Save", right, style);
    for field in wizard.lines() {
        line(model, wizard, page, field);
    }
    page.blank();
    save_line(model, wizard, page);
}

fn line(model: &Model, wizard: &Wizard, page: &mut Page, field: FieldId) {
    let look = page.look;
    let focused = wizard.focus == Item::Line(field);
    let label = if focused { look.focus() } else { Style::new() };
    let from = page.lines.len();
    let row = page.label(field.info().label, label, focused);
    if let Some(error) = wizard.form.error(field, wizard.has_secret) {
        page.words(row.text("✗ ", look.tone(Tone::Bad)), &error, look.tone(Tone::Bad));
    } else {
        let (value, dim) = value(model, wizard, field);
        page.words(row, &value, if dim { look.dim() } else { Style::new() });
        if let Some(warning) = warning(model, wizard, field) {
            page.state(Tone::Warn, &warning, page.value_column());
        }
    }
    if focused {
        page.keep_from(from);
    }
}

fn save_line(model: &Model, wizard: &Wizard, page: &mut Page) {
    let look = page.look;
    let focused = wizard.focus == Item::Save;
    let from = page.lines.len();
    let label = if focused { look.focus() } else { Style::new() };
    let row = page.label("Save", label, focused);
    match &wizard.save {
        SaveState::Running { .. } => page.words(row, "saving", Style::new()),
        SaveState::Failed(failure) => {
            page.words(row, "✗ not saved; everything typed is still here", look.tone(Tone::Bad));
            page.failure(failure, MARGIN + 2, &model.keys);
        }
        SaveState::Saved(changed) if !wizard.is_edited() => {
            page.words(row, "✓ saved", look.tone(Tone::Good));
            if let Some(changed) = changed {
                let words = if changed.is_empty() {
                    "nothing changed".to_owned()
                } else {
                    format!("changed: {}", changed.join(", "))
                };
                page.paragraph(&words, page.value_column(), look.dim());
                page.paragraph("Callback URLs: see the step Integration.", page.value_column(), look.dim());
            }
        }
        SaveState::Not | SaveState::Saved(_) => page.words(row, "not saved yet", look.dim()),
    }
    if focused {
        page.keep_from(from);
    }
}

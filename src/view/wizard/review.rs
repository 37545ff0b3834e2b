//! Review and Save.

use ratatui::style::Style;

use crate::app::Model;
use crate::app::form::{FieldId, Kind};
use crate::app::notice::Tone;
use crate::app::wizard::company_sync::left_out;
use crate::app::wizard::pia_screen::{board_warning, escalate_words};
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

/// An answer as it is shown; and whether it is none that was typed.
pub fn value(model: &Model, wizard: &Wizard, field: FieldId) -> (String, bool) {
    let text = wizard.form.text(field).trim();
    match field.info().kind {
        Kind::Secret => match (wizard.form.secret.length(), wizard.has_secret) {
            (0, _) => match &wizard.outside_secret {
                Some(place) => (format!("from {place}"), true),
                None => ("stored".to_owned(), true),
            },
            (length, false) => (format!("••••••••••••   {length} characters"), false),
            (length, true) => (format!("••••••••••••   {length} characters, replaces the stored one"), false),
        },
        Kind::Choice => (escalate_words(model).0, wizard.form.escalate_to.is_none()),
        _ => match (text.is_empty(), field.info().blank) {
            (true, Some(_)) if field == FieldId::ChatPodUrl && wizard.form.default_chat_pod().is_some() => {
                (wizard.form.default_chat_pod().unwrap_or_default(), true)
            }
            (true, Some(blank)) => (blank.to_owned(), true),
            _ => (format!("{}{}", wizard.form.shown(field), field.info().unit), false),
        },
    }
}

/// What looks wrong with an answer.
pub fn warning(model: &Model, wizard: &Wizard, field: FieldId) -> Option<String> {
    match field.info().kind {
        Kind::Board => board_warning(model, field),
        Kind::Choice => escalate_words(model).1,
        _ if field == FieldId::Include => left_out(model),
        _ => wizard.form.remarks(field).into_iter().find(|remark| remark.warning).map(|remark| remark.text),
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

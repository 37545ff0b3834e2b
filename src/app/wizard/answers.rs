//! The answers as they are shown for review, with what looks wrong with them.

use crate::app::Model;
use crate::app::form::{FieldId, Kind};

use super::company_sync::left_out;
use super::pia_screen::{board_warning, escalate_words};
use super::state::Wizard;

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

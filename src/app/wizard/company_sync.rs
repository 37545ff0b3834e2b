//! Company Sync: what the rule of which clients Pia serves would do.

use crate::app::form::FieldId;
use crate::app::model::Model;
use crate::domain::include::IncludeRule;

/// What the typed rule leaves out of the stored list, before it is saved.
pub fn left_out(model: &Model) -> Option<String> {
    let wizard = model.wizard.as_ref()?;
    let rule = IncludeRule::parse(wizard.form.text(FieldId::Include)).ok().filter(|rule| !rule.takes_all())?;
    let own = wizard.id.is_some() && wizard.id.as_ref() == model.current.as_ref();
    let preview = own.then(|| model.left_out(&rule)).flatten();
    Some(preview.unwrap_or_else(|| rule.preview([].iter())))
}

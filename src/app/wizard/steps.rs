//! The steps: their names, their signs, what can have the focus on each.

use crate::app::form::FieldId;
use crate::app::model::Model;
use crate::domain::draft::Step;
use crate::domain::status::StepState;

use super::state::{Item, Wizard};
use super::{checklist, credentials, finished, initial_sync};
use crate::words::service;

/// The sign of a step in the line of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSign {
    Current,
    Done,
    Warn,
    Todo,
}

/// The steps of the line above, with their short names. The checklist and the end are not counted.
pub const STEPS: [(Step, &str); 7] = [
    (Step::Credentials, "Credentials"),
    (Step::CompanySync, "Sync time"),
    (Step::PiaScreen, "Pia Screen"),
    (Step::Integration, "Integration"),
    (Step::Review, "Save"),
    (Step::InitialSync, "Sync"),
    (Step::Configure, "Configure"),
];

pub fn step_sign(model: &Model, step: Step) -> StepSign {
    let Some(wizard) = &model.wizard else { return StepSign::Todo };
    if wizard.step == step {
        return StepSign::Current;
    }
    let valid = || Wizard::fields(step).all(|field| wizard.form.error(field, wizard.has_secret).is_none());
    match step {
        Step::Credentials if credentials::known_failure(model).is_some() => StepSign::Warn,
        Step::Credentials if wizard.test.is_passed() && valid() => StepSign::Done,
        Step::Credentials if wizard.untested && valid() => StepSign::Warn,
        Step::CompanySync | Step::PiaScreen | Step::Integration if wizard.reached > step && valid() => StepSign::Done,
        Step::Review if wizard.id.is_some() && !wizard.is_edited() => StepSign::Done,
        Step::InitialSync if wizard.id.is_some() && finished::synced(model) == StepState::NotProved => StepSign::Warn,
        Step::InitialSync if wizard.id.is_some() && model.is_synced() => StepSign::Done,
        Step::Configure if wizard.id.is_some() && model.is_configured() => StepSign::Done,
        _ => StepSign::Todo,
    }
}

/// What can have the focus on the step that is shown, in order.
pub fn items(model: &Model) -> Vec<Item> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let fields = || wizard.shown_fields(wizard.step).map(Item::Field);
    match wizard.step {
        Step::Checklist => (0..checklist::NEEDS.len()).map(Item::Need).collect(),
        Step::Credentials => {
            fields().chain([Item::Test]).chain(wizard.test.order().into_iter().map(Item::Check)).collect()
        }
        Step::CompanySync => fields().chain(wizard.id.is_some().then_some(Item::SyncNow)).collect(),
        Step::PiaScreen => fields().collect(),
        Step::Integration => fields().chain((0..model.facts.callbacks.len()).map(Item::Callback)).collect(),
        Step::Review => wizard.lines().map(Item::Field).chain([Item::Save]).collect(),
        Step::InitialSync => initial_sync::items(model),
        Step::Configure => vec![Item::Plan],
        Step::Finished => {
            let contact = model.facts.lists.synced.then_some(Item::Field(FieldId::EscalateTo));
            let lines = finished::open_lines(model).len();
            // What starts the service is read to its end on a low terminal too.
            let below = (lines..lines + service::commands(model.systemd).len()).map(Item::Open);
            (0..lines).map(Item::Open).chain(contact).chain(below).collect()
        }
    }
}

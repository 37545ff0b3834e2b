//! The steps: their names, their signs, what can have the focus on each.

use crate::app::form::FieldId;
use crate::app::layout::LOW;
use crate::app::model::Model;
use crate::domain::draft::Step;
use crate::domain::status::StepState;

use super::state::{Item, Test, Wizard};
use super::{checklist, credentials, finished, initial_sync, pia_screen};
use crate::words::check;

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

/// The step that a step shares its page with, by the first of them: each is a section of it, and the one with the focus is
/// the one that is shown.
pub fn page(step: Step) -> Step {
    if step == Step::PiaScreen { Step::CompanySync } else { step }
}

/// The step that something belongs to which gets the focus, where that is another one on the same page.
pub fn own_step(wizard: &Wizard, item: Item) -> Option<Step> {
    let own = match item {
        Item::Field(field) => field.info().step,
        Item::SyncNow => Step::CompanySync,
        _ => return None,
    };
    (own != wizard.step && page(own) == page(wizard.step)).then_some(own)
}

pub fn step_sign(model: &Model, step: Step) -> StepSign {
    let Some(wizard) = &model.wizard else { return StepSign::Todo };
    if wizard.step == step {
        return StepSign::Current;
    }
    let valid = || Wizard::fields(step).all(|field| wizard.form.error(field, wizard.has_secret).is_none());
    match step {
        Step::Credentials if credentials::known_failure(model).is_some() => StepSign::Warn,
        Step::Credentials if credentials::doubt(model).is_some() => StepSign::Warn,
        Step::Credentials if wizard.test.is_passed() && valid() => StepSign::Done,
        Step::Credentials if wizard.untested && valid() => StepSign::Warn,
        // What Halo may not take is seen from the line of steps, too.
        Step::PiaScreen if wizard.reached > step && valid() && pia_screen::is_doubtful(model) => StepSign::Warn,
        Step::CompanySync | Step::PiaScreen | Step::Integration if wizard.reached > step && valid() => StepSign::Done,
        Step::Review if wizard.id.is_some() && !wizard.is_edited() => StepSign::Done,
        Step::InitialSync if wizard.id.is_some() && finished::synced(model) == StepState::NotProved => StepSign::Warn,
        Step::InitialSync if wizard.id.is_some() && model.is_synced() => StepSign::Done,
        Step::Configure if wizard.id.is_some() && model.is_configured() => StepSign::Done,
        _ => StepSign::Todo,
    }
}

// The results of the test. On a low screen a result may be longer than the screen: what to do about it is read by itself.
fn results<'a>(model: &Model, wizard: &'a Wizard) -> Box<dyn Iterator<Item = Item> + 'a> {
    let is_low = model.layout.body.height < LOW;
    if let Test::Broken(failure) = &wizard.test {
        return Box::new((is_low && failure.hint.is_some()).then_some(Item::Advice(0)).into_iter());
    }
    let checks = wizard.test.checks();
    Box::new(check::told(checks, wizard.test.order()).into_iter().flat_map(move |told| {
        let advised = is_low && check::advice(&told.check).is_some();
        std::iter::once(Item::Check(told.at)).chain(advised.then_some(Item::Advice(told.at)))
    }))
}

/// What can have the focus on the step that is shown, in order.
pub fn items(model: &Model) -> Vec<Item> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let fields = || wizard.shown_fields(wizard.step).map(Item::Field);
    match wizard.step {
        Step::Checklist => (0..checklist::NEEDS.len()).map(Item::Need).collect(),
        Step::Credentials => fields().chain([Item::Test]).chain(results(model, wizard)).collect(),
        Step::CompanySync | Step::PiaScreen => {
            let of = |step| wizard.shown_fields(step).map(Item::Field);
            let sync = wizard.id.is_some().then_some(Item::SyncNow);
            of(Step::CompanySync).chain(sync).chain(of(Step::PiaScreen)).collect()
        }
        Step::Integration => fields().chain((0..model.facts.callbacks.len()).map(Item::Callback)).collect(),
        Step::Review => wizard.lines().map(Item::Field).chain([Item::Save]).collect(),
        Step::InitialSync => initial_sync::items(model),
        Step::Configure => vec![Item::Plan],
        Step::Finished => {
            let contact = model.facts.lists.are_known().then_some(Item::Field(FieldId::EscalateTo));
            let (lines, first) = finished::shown_lines(model);
            let (services, results) = finished::below(model);
            let services = lines.len() + services;
            let below = (lines.len()..services).chain(first..lines.len()).chain(services..services + results);
            (0..first).map(Item::Open).chain(contact).chain(below.map(Item::Open)).collect()
        }
    }
}

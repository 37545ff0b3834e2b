//! The planner: from what is wanted, what Halo holds and what we remember, to the list of changes.
//!
//! It is pure, so that what it would do can be asked as often as one likes. What is ours is decided in
//! [`Ours`] and nowhere else. A removal and a roll back are plans, too: shown, agreed to and applied alike.
//!
//! ```text
//!  plan()           webhooks.rs  events.rs  tab.rs     what Configure would change
//!  plan_removal()   removal.rs                         what Remove would take out
//!  plan_roll_back() roll_back.rs  restored_ids.rs      what brings back the Halo from before a run
//!  plan_rotation()  rotation.rs                        what gives the webhooks a new token and password
//! ```

mod blame;
mod events;
mod names;
mod ours;
mod removal;
mod restored_ids;
mod roll_back;
mod rotation;
mod tab;
mod webhooks;

pub use self::blame::blame;
pub use self::events::binding_fields;
pub use self::names::{is_like, taken_by};
pub use self::ours::Ours;
pub use self::removal::plan_removal;
pub use self::roll_back::{Current, plan_roll_back};
pub use self::rotation::plan_rotation;
pub use self::tab::{LINKED, tab_fields};
pub use self::webhooks::webhook_fields;

use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, FieldChange};
use crate::domain::record::InstalledObject;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Existing, Wanted};
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep};

/// Says what has to change in Halo, in the order in which it has to be done.
pub fn plan(wanted: &Wanted, held: &Existing, record: &[InstalledObject]) -> InstallPlan {
    let mut plan = InstallPlan::default();
    let (prefix, chat_pod) = (Some(wanted.callback_prefix.as_str()), Some(&wanted.chat_pod));
    let ours = Ours { callback_prefix: prefix, chat_pod, record };
    // The tab of another Pia Url is known by the webhooks beside it alone: it goes first, so that a run which ends in between
    // can be gone on with.
    let is_moved = !ours.kin(&held.webhooks).is_empty();
    if is_moved {
        tab::plan_tab(wanted, held, &ours, &mut plan);
    }
    for (group, url) in &wanted.webhooks {
        let address = url.expose();
        webhooks::plan_webhook(*group, address.expose(), wanted, held, &ours, &mut plan);
    }
    if !is_moved {
        tab::plan_tab(wanted, held, &ours, &mut plan);
    }
    plan.taken.clone_from(&wanted.taken);
    plan.made_from(held)
}

/// Why an object is taken over that nothing shows to be ours.
const AGREED: &str = "not created by this configuration; taken over because you agreed";

/// What our record calls an object of this kind and name.
fn recorded<'a>(record: &'a [InstalledObject], kind: ObjectKind, name: &str) -> Option<&'a InstalledObject> {
    record.iter().find(|object| object.kind == kind && object.name.raw() == name)
}

/// A step for an object that Halo holds.
fn step(
    action: Action,
    kind: ObjectKind,
    name: &Untrusted,
    id: impl ToString,
    reason: &str,
    operation: Operation,
) -> PlanStep {
    PlanStep::new(action, kind, name.clone(), Some(id), reason, operation)
}

/// A field that goes away with its object.
fn leaving(name: &'static str, before: impl Into<String>) -> FieldChange {
    FieldChange { name, before: Some(before.into()), after: None }
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod roll_back_tests;
#[cfg(test)]
mod tests;

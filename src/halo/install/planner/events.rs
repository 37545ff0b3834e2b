//! The events that the webhooks are bound to: bound, mended, unbound, and never guessed.

use super::blame::NOT_WANTED;
use crate::domain::callback::{EventGroup, EventNumber};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Blocked, CHANGED, FieldChange, MISSING};
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Binding, Existing, ExistingWebhook, Wanted};
use crate::halo::install::plan::{EventWrite, InstallPlan, Operation, PlanStep};

/// The kind of notification that fires for a webhook.
const FIRES: i64 = -2;

/// Delivery by webhook.
const BY_WEBHOOK: i64 = 6;

pub(super) fn plan_events(
    group: EventGroup,
    webhook: Option<&ExistingWebhook>,
    wanted: &Wanted,
    held: &Existing,
    plan: &mut InstallPlan,
) {
    let bindings = webhook.map_or(&[][..], |webhook| &webhook.bindings);
    let events = group.chosen(&wanted.options);
    let is_chosen = !wanted.options.events.is_empty();
    let is_bound = |event: &EventNumber| bindings.iter().any(|binding| binding.event == *event);
    let is_known = |event: &EventNumber| is_bound(event) || catalogue_name(held, *event).is_some();
    // Without any of its events a webhook would be silent, which nobody has asked for.
    let tells_nothing = !events.is_empty() && !events.iter().any(is_known);
    for event in &events {
        let name = name_of(held, *event);
        let mut bound = bindings.iter().filter(|binding| binding.event == *event);
        if let Some(binding) = bound.next() {
            plan.steps.push(kept_or_mended(webhook, binding, &name));
            for extra in bound {
                plan.steps.push(unbind(webhook, extra, &name, "duplicate"));
            }
            continue;
        }
        match catalogue_name(held, *event) {
            Some(known_as) => {
                let mut change = event_change(Action::Create, name, None, *event, MISSING);
                change.operation = Operation::Event(EventWrite::Bind(group, *event, known_as.clone()));
                plan.steps.push(change);
            }
            None => plan.blocked.push(Blocked {
                kind: ObjectKind::WebhookEvent,
                name,
                reason: match is_chosen {
                    true => format!("this Halo's catalogue has no event {event}; choose another in webhook_options"),
                    false => format!("skipped: this Halo's catalogue has no event {event}"),
                },
                only_told: !is_chosen && !tells_nothing,
            }),
        }
    }
    for binding in bindings.iter().filter(|binding| !tells_nothing && !events.contains(&binding.event)) {
        plan.steps.push(unbind(webhook, binding, &binding.name, NOT_WANTED));
    }
}

/// An event that is bound as it should be, or that somebody has kept from firing.
fn kept_or_mended(webhook: Option<&ExistingWebhook>, binding: &Binding, name: &Untrusted) -> PlanStep {
    let fields = binding_fields(binding);
    if fields.is_empty() {
        return event_change(Action::Keep, name.clone(), Some(binding.id), binding.event, "unchanged");
    }
    let mut change = event_change(Action::Update, name.clone(), Some(binding.id), binding.event, CHANGED);
    change.line.fields = fields;
    let webhook = webhook.map(|webhook| webhook.id.clone()).unwrap_or_default();
    change.operation = Operation::Event(EventWrite::Mend { webhook, binding: binding.id });
    change
}

/// The fields of a binding that keep it from firing. What Halo leaves out of its answer is not judged.
pub fn binding_fields(binding: &Binding) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    let mut differs = |name, before: String, after: &str| {
        fields.push(FieldChange { name, before: Some(before), after: Some(after.to_owned()) });
    };
    if let Some(kind) = binding.kind.filter(|kind| *kind != FIRES) {
        differs("type", kind.to_string(), &FIRES.to_string());
    }
    if let Some(delivery) = binding.delivery.filter(|delivery| *delivery != BY_WEBHOOK) {
        differs("delivery", delivery.to_string(), "webhook");
    }
    if binding.conditions > 0 {
        differs("conditions", binding.conditions.to_string(), "none");
    }
    if binding.inactive == Some(true) {
        differs("inactive", "true".to_owned(), "false");
    }
    fields
}

/// Takes a binding off its webhook.
pub(super) fn unbind(webhook: Option<&ExistingWebhook>, binding: &Binding, name: &Untrusted, reason: &str) -> PlanStep {
    let mut change = event_change(Action::Delete, name.clone(), Some(binding.id), binding.event, reason);
    let webhook = webhook.map(|webhook| webhook.id.clone()).unwrap_or_default();
    change.operation = Operation::Event(EventWrite::Unbind { webhook, binding: binding.id });
    change
}

fn event_change(action: Action, name: Untrusted, id: Option<i64>, event: EventNumber, reason: &str) -> PlanStep {
    let number = Some(event.to_string());
    let fields = match action {
        Action::Create => vec![FieldChange { name: "event", before: None, after: number }],
        Action::Delete => vec![FieldChange { name: "event", before: number, after: None }],
        _ => Vec::new(),
    };
    PlanStep::new(action, ObjectKind::WebhookEvent, name, id, reason, Operation::None).with(fields)
}

/// What an event is called: by us where it is of the safe set, and by Halo otherwise.
fn name_of(held: &Existing, event: EventNumber) -> Untrusted {
    let usual = EventGroup::of(event).events().contains(&event).then(|| Untrusted::new(event.usual_name()));
    usual.or_else(|| catalogue_name(held, event).cloned()).unwrap_or_else(|| format!("event {event}").into())
}

/// Halo's own name for an event. The "Assigned" variants share numbers but never fire for a webhook, so they do not
/// count as knowing the event.
fn catalogue_name(held: &Existing, event: EventNumber) -> Option<&Untrusted> {
    held.events
        .iter()
        .filter(|(number, _)| *number == event)
        .map(|(_, name)| name)
        .find(|name| !name.raw().contains("Assigned"))
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::super::tests::{installed, wanted};
    use super::*;

    /// A number that Halo does not know is a slip: nothing is taken off for it, and the plan is not whole.
    #[test]
    fn events_that_halo_lacks_silence_no_webhook() {
        let (held, record) = installed();
        let of = |events: &str| {
            let plan = plan(&Wanted { options: events.parse().unwrap(), ..wanted() }, &held, &record);
            let unbound = plan.pending().filter(|step| step.kind == ObjectKind::WebhookEvent).count();
            (unbound, plan.hindrances().count())
        };
        assert_eq!(of("events = 3, 999999"), (0, 1), "the webhook of changes would have none");
        assert_eq!(of("events = 3, 19, 999999"), (3, 1), "it still has one");
        assert_eq!(of("events = 3"), (4, 0), "as it was chosen");
        // Of those that nobody has chosen, one may be newer than this Halo.
        let mut older = held.clone();
        older.events.retain(|(event, _)| event.0 != 1072);
        older.webhooks.iter_mut().for_each(|own| own.bindings.retain(|binding| binding.event.0 != 1072));
        let plan = plan(&wanted(), &older, &record);
        assert_eq!((plan.blocked.len(), plan.hindrances().count(), plan.changes_pending()), (1, 0, false));
    }
}

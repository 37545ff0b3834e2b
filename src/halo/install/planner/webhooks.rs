//! The two webhooks: made, mended, taken over, and their second copies taken out.

use super::names::{is_like, not_ours, with_foreign};
use super::{AGREED, Ours, events, leaving, recorded, step};
use crate::domain::callback::{BASIC_USER, EventGroup, EventNumber, mask_address};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::plan::{Action, CHANGED, Cause, FieldChange, MISSING, Offer, ROTATING, SWITCHED_OFF};
use crate::domain::untrusted::Untrusted;
use crate::domain::webhook_options::HaloOptions;
use crate::halo::install::existing::{Existing, ExistingWebhook, Wanted};
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep, WebhookWrite};

/// Halo's number for Basic sign-in on a webhook.
const BASIC: i64 = 1;

/// Halo's number for POST on a webhook.
const POST: i64 = 0;
/// An ordinary webhook, in Halo's numbers.
const OUTGOING: i64 = 0;

/// Halo's number for each event in a delivery of its own.
const ONE_BY_ONE: i64 = 0;

pub(super) fn plan_webhook(
    group: EventGroup,
    address: &str,
    wanted: &Wanted,
    held: &Existing,
    ours: &Ours<'_>,
    plan: &mut InstallPlan,
) {
    let name = group.webhook_name();
    let remembered = recorded(ours.record, ObjectKind::Webhook, name);
    let by_record = remembered.and_then(|object| held.webhooks.iter().find(|webhook| same_id(&webhook.id, &object.id)));
    let prefix = format!("{}{}/", wanted.callback_prefix, group.slug());
    // Halo tells no date of a webhook: the first in its list is the oldest, as far as can be told.
    let by_address = || held.webhooks.iter().find(|webhook| webhook.url.expose().starts_with(&prefix));
    let is_named_alike = |webhook: &&ExistingWebhook| is_like(webhook.name.raw(), name);
    let own = by_record.or_else(by_address).or_else(|| ours.kin_of(group, &held.webhooks));
    let agreed =
        held.webhooks.iter().filter(|_| own.is_none()).find(|own| is_named_alike(own) && wanted.takes(&own.id));
    let own = own.or(agreed);

    let is_another = |webhook: &ExistingWebhook| own.is_none_or(|own| !same_id(&own.id, &webhook.id));
    // Whether Halo lets two have one name is for Halo to say: ours is written, and what is not ours is told and left
    // alone.
    let foreign = held.webhooks.iter().find(|webhook| {
        is_like(webhook.name.raw(), name) && is_another(webhook) && !webhook.url.expose().starts_with(&prefix)
    });
    let is_named = own.is_some_and(|own| own.name.raw() == name);
    let beside = foreign.filter(|_| !is_named).map(|foreign| not_ours("webhook", &foreign.name, &foreign.id));

    // Before anything is written: a copy may hold the name that the one which stays has to get back.
    for copy in held.webhooks.iter().filter(|copy| copy.url.expose().starts_with(&prefix) && is_another(copy)) {
        let reason = "a duplicate webhook for the same events: every event would arrive twice";
        plan.steps.extend(delete_webhook(copy, reason));
    }

    let mut fields = own.map_or_else(
        || new_webhook_fields(address, wanted.options.halo),
        |own| webhook_fields(own, name, address, wanted),
    );
    let (action, reason) = match own {
        None => (Action::Create, MISSING.to_owned()),
        Some(_) if by_record.is_none() => {
            fields.push(new_password());
            let reason = if agreed.is_some() { AGREED } else { "created earlier for this configuration" };
            (Action::Adopt, reason.to_owned())
        }
        Some(_) if fields.is_empty() && wanted.replaced.is_empty() => (Action::Keep, "unchanged".to_owned()),
        Some(_) if fields.is_empty() => (Action::Keep, ROTATING.to_owned()),
        Some(_) if fields.iter().any(FieldChange::is_owner) => {
            (Action::Update, "belongs to another machine".to_owned())
        }
        // Nothing differs but the address, and that is the one which a rotation has not replaced yet.
        Some(own) if fields.len() == 1 && is_replaced(own, group, wanted) => (Action::Update, ROTATING.to_owned()),
        // That it sends nothing comes first; its address is changed by nobody where a rotation has still to replace it.
        Some(own) if !own.active && fields.len() == 1 + usize::from(is_replaced(own, group, wanted)) => {
            (Action::Update, SWITCHED_OFF.to_owned())
        }
        Some(own) if !own.active => (Action::Update, format!("{SWITCHED_OFF}, and {CHANGED}")),
        Some(_) => (Action::Update, CHANGED.to_owned()),
    };
    plan.warnings.extend(beside.clone());
    let marks = own.is_some_and(|own| lacks_mark(own, wanted, held));
    let before = plan.steps.len();
    push_webhook(plan, group, own, (action, marks), fields, &with_foreign(&reason, beside));
    if reason == ROTATING {
        plan.steps[before..].iter_mut().for_each(|step| step.line.cause = Cause::Rotation);
    }
    if own.is_none() {
        plan.offers
            .extend(held.webhooks.iter().filter(is_named_alike).map(|webhook| offer(webhook, group, address, wanted)));
    }
    events::plan_events(group, own, wanted, held, plan);
}

// Halo never gives a password back, so one that we did not set ourselves is set anew.
pub(super) fn new_password() -> FieldChange {
    FieldChange {
        name: "basic_password",
        before: Some("not shown by Halo".to_owned()),
        after: Some("new password".to_owned()),
    }
}

/// What would change in somebody else's webhook, its events included.
fn offer(webhook: &ExistingWebhook, group: EventGroup, address: &str, wanted: &Wanted) -> Offer {
    let mut fields = webhook_fields(webhook, group.webhook_name(), address, wanted);
    fields.push(new_password());
    let numbers = |events: Vec<EventNumber>| {
        let mut numbers: Vec<i64> = events.into_iter().map(|event| event.0).collect();
        numbers.sort_unstable();
        numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let before = numbers(webhook.bindings.iter().map(|binding| binding.event).collect());
    let after = numbers(group.chosen(&wanted.options));
    if before != after {
        fields.push(FieldChange { name: "events", before: (!before.is_empty()).then_some(before), after: Some(after) });
    }
    Offer { kind: ObjectKind::Webhook, name: webhook.name.clone(), id: webhook.id.clone(), fields }
}

/// Whether a webhook leads to the address that a rotation replaces.
pub(super) fn is_replaced(webhook: &ExistingWebhook, group: EventGroup, wanted: &Wanted) -> bool {
    wanted.replaced(group).is_some_and(|url| webhook.url == url.expose())
}

fn push_webhook(
    plan: &mut InstallPlan,
    group: EventGroup,
    webhook: Option<&ExistingWebhook>,
    (action, marks): (Action, bool),
    fields: Vec<FieldChange>,
    reason: &str,
) {
    let operation = match (action, webhook) {
        (Action::Keep, _) if !marks => Operation::None,
        (_, Some(webhook)) => Operation::Webhook(WebhookWrite::Update(group, webhook.id.clone())),
        (_, None) => Operation::Webhook(WebhookWrite::Create(group)),
    };
    let id = webhook.map(|webhook| &webhook.id);
    plan.steps
        .push(PlanStep::new(action, ObjectKind::Webhook, group.webhook_name(), id, reason, operation).with(fields));
}

fn new_webhook_fields(address: &str, options: HaloOptions) -> Vec<FieldChange> {
    let after = |name, after: &str| FieldChange { name, before: None, after: Some(after.to_owned()) };
    let mut fields = vec![
        after("url", &mask_address(address)),
        after("method", "POST"),
        after("content_type", "application/json"),
        after("authentication", "Basic"),
        after("basic_username", BASIC_USER),
        after("active", "true"),
    ];
    fields.extend(options.members().into_iter().map(|(name, value)| after(name, &value.to_string())));
    fields
}

/// The fields of a webhook that are not as they should be. What Halo leaves out of its answer is not judged.
pub fn webhook_fields(webhook: &ExistingWebhook, name: &str, address: &str, wanted: &Wanted) -> Vec<FieldChange> {
    let options = wanted.options.halo;
    let mut fields = Vec::new();
    let mut differs = |field, before: String, after: &str| {
        fields.push(FieldChange { name: field, before: Some(before), after: Some(after.to_owned()) });
    };
    if webhook.name.raw() != name {
        differs("name", webhook.name.display(), name);
    }
    if webhook.url.expose() != address {
        let before = Untrusted::new(mask_address(webhook.url.expose())).display();
        differs("url", before, &mask_address(address));
    }
    if !webhook.active {
        differs("active", "false".to_owned(), "true");
    }
    if let Some(method) = webhook.method
        && method != POST
    {
        differs("method", method.to_string(), "POST");
    }
    if let Some(media) = &webhook.content_type
        && !media.raw().eq_ignore_ascii_case("application/json")
    {
        differs("content_type", media.display(), "application/json");
    }
    if let Some(kind) = webhook.authentication_type
        && kind != BASIC
    {
        differs("authentication", kind.to_string(), "Basic");
    }
    if let Some(batch) = webhook.batch_method
        && batch != ONE_BY_ONE
    {
        differs("batch_method", batch.to_string(), "one event per delivery");
    }
    if let Some(kind) = webhook.making.kind
        && kind != OUTGOING
    {
        differs("type", kind.to_string(), &OUTGOING.to_string());
    }
    webhook.making.unreadable().for_each(|member| differs(member, "true".to_owned(), "false"));
    if let Some(user) = &webhook.basic_username
        && user.raw() != BASIC_USER
    {
        differs("basic_username", user.display(), BASIC_USER);
    }
    let held = webhook.options.members();
    for (option, wanted) in options.readable_in(webhook.options).members() {
        let before = held.iter().find(|(name, _)| *name == option).map(|(_, value)| value);
        if let Some(before) = before.filter(|before| **before != wanted) {
            differs(option, before.to_string(), &wanted.to_string());
        }
    }
    fields.extend(owner_field(webhook, wanted));
    fields
}

/// The mark of its owner, where that is another machine. That it carries none is no fault: Halo may not keep one.
fn owner_field(webhook: &ExistingWebhook, wanted: &Wanted) -> Option<FieldChange> {
    let (here, owner) = (wanted.owner.as_ref()?, webhook.owner()?);
    (!owner.is(here)).then(|| FieldChange {
        name: FieldChange::OWNER,
        before: Some(owner.seen_from(here).to_string()),
        after: Some(format!("{} ({})", here.machine, here.person)),
    })
}

/// Whether none of our webhooks names its owner, and this one can: where somebody has written over the mark of one, the
/// other speaks for both.
fn lacks_mark(own: &ExistingWebhook, wanted: &Wanted, held: &Existing) -> bool {
    let is_marked =
        |other: &ExistingWebhook| other.url.expose().starts_with(&wanted.callback_prefix) && other.owner().is_some();
    let note = own.note.as_ref().map_or("", Untrusted::raw);
    let has_room = wanted.owner.as_ref().is_some_and(|here| here.marked(note) != note);
    wanted.replaced.is_empty() && has_room && !held.webhooks.iter().any(is_marked)
}

/// Takes a webhook out, its events first: whether they go with it is not known.
pub(super) fn delete_webhook(webhook: &ExistingWebhook, reason: &str) -> Vec<PlanStep> {
    let mut changes: Vec<PlanStep> = webhook
        .bindings
        .iter()
        .map(|binding| {
            let usual = Untrusted::from(binding.event.usual_name());
            let name = if usual.raw() == "event" { &binding.name } else { &usual };
            events::unbind(Some(webhook), binding, name, "its webhook is being removed")
        })
        .collect();
    let operation = Operation::Webhook(WebhookWrite::Delete(webhook.id.clone()));
    let mut last = step(Action::Delete, ObjectKind::Webhook, &webhook.name, &webhook.id, reason, operation);
    last.line.fields.push(leaving("url", Untrusted::new(mask_address(webhook.url.expose())).display()));
    changes.push(last);
    changes
}

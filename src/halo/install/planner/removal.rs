//! What Remove would take out of Halo: only what is provably ours, links before the tab, events before the webhook.

use super::events::binding_fields;
use super::ours::Ours;
use super::tab::{delete_tab_itself, tab_fields, unlink_everywhere, unlink_from};
use super::webhooks::{delete_webhook, webhook_fields};
use super::{leaving, step};
use crate::domain::callback::EventGroup;
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::plan::{Action, FieldChange, Parts};
use crate::domain::record::InstalledObject;
use crate::domain::untrusted::Untrusted;
use crate::domain::untrusted::same_name;
use crate::halo::install::existing::{Existing, ExistingTicketType, ExistingWebhook, Wanted};
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep};

/// Why an object goes: which of the two it was, our record does not tell.
const OURS: &str = "created or taken over by Configure";

/// Says what has to go from Halo, in the order in which it has to be done. `wanted` tells what was edited since.
pub fn plan_removal(ours: &Ours<'_>, wanted: Option<&Wanted>, held: &Existing, parts: Parts) -> InstallPlan {
    let mut plan = InstallPlan::default();
    if parts.chat_pod || parts.links {
        remove_tabs(ours, wanted, held, parts, &mut plan);
    }
    if parts.webhooks {
        remove_webhooks(ours, wanted, held, &mut plan);
    }
    plan.made_from(held)
}

fn remove_tabs(ours: &Ours<'_>, wanted: Option<&Wanted>, held: &Existing, parts: Parts, plan: &mut InstallPlan) {
    for tab in &held.tabs {
        if ours.owns_tab(tab) {
            let edits = wanted
                .map(|wanted| tab_fields(tab, ChatPodUrl::TAB_NAME, wanted.chat_pod.as_str(), None))
                .unwrap_or_default();
            plan.steps.extend(unlink_everywhere(tab, held));
            if parts.chat_pod {
                plan.steps.push(delete_tab_itself(tab, &why(OURS, &edits)));
            }
        } else if same_name(tab.name.raw(), ChatPodUrl::TAB_NAME) {
            plan.steps.push(left_alone(ObjectKind::CustomTab, &tab.name, tab.id));
        }
    }
    let there = |own: &&InstalledObject| held.tabs.iter().any(|tab| tab.id.to_string() == own.id);
    gone(ours, ObjectKind::CustomTab, parts.chat_pod, there, plan);
    // A ticket type that is gone took its link along, and a link can be gone without its ticket type.
    let our_tabs: Vec<i64> = held.tabs.iter().filter(|tab| ours.owns_tab(tab)).map(|tab| tab.id).collect();
    let left = links_left(ours, held);
    let linked = |own: &&InstalledObject| {
        let shows = |kind: &&ExistingTicketType| kind.tabs.iter().any(|tab| our_tabs.contains(tab));
        let is_left = left.iter().any(|change| change.id.as_ref() == Some(&own.id));
        is_left || held.ticket_types.iter().filter(shows).any(|kind| kind.id.to_string() == own.id)
    };
    gone(ours, ObjectKind::TicketType, true, linked, plan);
    plan.steps.extend(left);
}

/// The links that outlived our tab. The next tab that gets its number would be shown by all of these ticket types.
fn links_left(ours: &Ours<'_>, held: &Existing) -> Vec<PlanStep> {
    let left = |own: &InstalledObject| {
        let tab: i64 = own.identity.as_ref()?.parse().ok()?;
        let kind = held.ticket_types.iter().find(|kind| kind.id.to_string() == own.id && kind.tabs.contains(&tab))?;
        let is_gone = held.tabs.iter().all(|held| held.id != tab);
        is_gone.then(|| unlink_from(kind, tab, ChatPodUrl::TAB_NAME.to_owned(), "still shows the removed tab"))
    };
    let recorded = ours.record.iter().filter(|own| own.kind == ObjectKind::TicketType);
    recorded.filter_map(left).collect()
}

fn remove_webhooks(ours: &Ours<'_>, wanted: Option<&Wanted>, held: &Existing, plan: &mut InstallPlan) {
    for webhook in &held.webhooks {
        if ours.owns_webhook(webhook) {
            let edits = wanted.map(|wanted| edits_of(webhook, wanted, ours)).unwrap_or_default();
            plan.steps.extend(delete_webhook(webhook, &why(OURS, &edits)));
        } else if EventGroup::ALL.iter().any(|group| same_name(webhook.name.raw(), group.webhook_name())) {
            plan.steps.push(left_alone(ObjectKind::Webhook, &webhook.name, &webhook.id));
        }
    }
    let there = |own: &&InstalledObject| held.webhooks.iter().any(|webhook| same_id(&webhook.id, &own.id));
    gone(ours, ObjectKind::Webhook, true, there, plan);
    let bound = |own: &&InstalledObject| {
        held.webhooks.iter().flat_map(|webhook| &webhook.bindings).any(|binding| binding.id.to_string() == own.id)
    };
    gone(ours, ObjectKind::WebhookEvent, true, bound, plan);
}

/// What our record holds and Halo does not: done already.
fn gone(
    ours: &Ours<'_>,
    kind: ObjectKind,
    is_meant: bool,
    is_there: impl Fn(&&InstalledObject) -> bool,
    plan: &mut InstallPlan,
) {
    for own in ours.record.iter().filter(|own| is_meant && own.kind == kind && !is_there(own)) {
        plan.steps.push(step(Action::Keep, kind, &own.name, &own.id, "already removed", Operation::Forget));
    }
}

fn left_alone(kind: ObjectKind, name: &Untrusted, id: impl ToString) -> PlanStep {
    let reason = "left unchanged: it has our name, but may belong to someone else";
    step(Action::Keep, kind, name, id, reason, Operation::None)
}

/// The reason, with what somebody has edited since.
fn why(reason: &str, edits: &[FieldChange]) -> String {
    if edits.is_empty() {
        return reason.to_owned();
    }
    let names: Vec<&str> = edits.iter().map(|edit| edit.name).collect();
    format!("{reason}, edited by someone since: {}", names.join(", "))
}

/// What somebody has edited on a webhook since. One that was made for another group or token is no edit.
fn edits_of(webhook: &ExistingWebhook, wanted: &Wanted, ours: &Ours<'_>) -> Vec<FieldChange> {
    let recorded = ours.record.iter().find(|own| own.kind == ObjectKind::Webhook && same_id(&own.id, &webhook.id));
    let name = recorded.map_or_else(|| webhook.name.raw(), |own| own.name.raw());
    let Some((group, url)) = wanted.webhooks.iter().find(|(group, _)| group.webhook_name() == name) else {
        return Vec::new();
    };
    let mut edits = webhook_fields(webhook, group.webhook_name(), url.expose().expose(), wanted);
    edits.retain(|field| !field.is_owner());
    let events = group.chosen(&wanted.options);
    let is_edited = |event| webhook.bindings.iter().any(|own| own.event == event && !binding_fields(own).is_empty());
    if webhook.bindings.iter().any(|own| !events.contains(&own.event) || is_edited(own.event)) {
        edits.push(leaving("events", ""));
    }
    edits
}

//! The Pia Chat Pod tab and the ticket types that show it.

use super::names::{is_like, not_ours, with_foreign};
use super::ours::{Ours, is_chat_pod, leads_to_chat_pod};
use super::{AGREED, leaving, recorded, step};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, CHANGED, FieldChange, LEFT_OUT, MISSING, NOT_LINKED, Offer, TABS_NOT_TOLD};
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Existing, ExistingTab, ExistingTicketType, Wanted};
use crate::halo::install::plan::{InstallPlan, LinkWrite, Operation, PlanStep, TabWrite};

/// Why the link of a ticket type is kept.
pub const LINKED: &str = "linked to the Pia Chat Pod";

/// The number of an iframe among the kinds of tab: the best guess there is.
const IFRAME: i64 = 1;

/// The ticket's number among the entities that can have tabs.
const TICKET: i64 = 1;

pub(super) fn plan_tab(wanted: &Wanted, held: &Existing, ours: &Ours<'_>, plan: &mut InstallPlan) {
    let name = ChatPodUrl::TAB_NAME;
    let address = wanted.chat_pod.as_str();
    let remembered = recorded(ours.record, ObjectKind::CustomTab, name);
    let owned = || held.tabs.iter().filter(|tab| ours.owns_tab(tab));
    let by_record = remembered.and_then(|object| owned().find(|tab| tab.id.to_string() == object.id));
    // The one that shows the chat pod to the letter before one that has its name and something else behind the path.
    let by_address = || owned().find(|tab| is_chat_pod(tab, &wanted.chat_pod)).or_else(|| owned().next());

    let is_named_alike = |tab: &&ExistingTab| is_like(tab.name.raw(), name);
    let of_kin = || ours.tab_of_kin(&held.tabs, &held.webhooks);
    let of_kin = if by_record.or_else(by_address).is_none() { of_kin() } else { None };
    let tab = by_record.or_else(by_address).or(of_kin.map(|(tab, _)| tab));
    let is_agreed = |tab: &&ExistingTab| is_named_alike(tab) && wanted.takes(&tab.id.to_string());
    let agreed = held.tabs.iter().filter(|_| tab.is_none()).find(is_agreed);
    let tab = tab.or(agreed);
    let change = |action, id: Option<i64>, fields, reason: &str, operation| {
        PlanStep::new(action, ObjectKind::CustomTab, name, id, reason, operation).with(fields)
    };
    let kind = iframe_kind(held, tab.map(|tab| tab.id), wanted);
    for copy in held.tabs.iter().filter(|copy| {
        // To the letter: a tab with other words behind the path may be somebody's own idea.
        tab.is_some_and(|tab| tab.id != copy.id) && is_chat_pod(copy, &wanted.chat_pod)
    }) {
        plan.steps.extend(delete_tab(copy, held, "a duplicate tab for the same chat pod"));
    }
    match tab {
        Some(tab) => {
            let fields = tab_fields(tab, name, address, kind);
            // A kind that nothing speaks against is left as it is.
            let write = Operation::Tab(TabWrite::Update(tab.id, kind.or(tab.tab_type)));
            let (action, reason, operation) = match (by_record.is_some(), fields.is_empty()) {
                (true, true) => (Action::Keep, "unchanged", Operation::None),
                (true, false) => (Action::Update, CHANGED, write),
                // Written even when nothing differs: from here on our record holds it.
                (false, _) if agreed.is_some() => (Action::Adopt, AGREED, write),
                (false, _) => (Action::Adopt, "created earlier for this configuration", write),
            };
            // Somebody else's may have that name, too: it is told what is given up with it.
            let only = of_kin.filter(|(_, by_name)| *by_name).map(|_| {
                let place = tab.url.as_ref().map(|url| url.raw().split(['?', '#']).next().unwrap_or_default());
                let place = Untrusted::new(place.unwrap_or_default()).display();
                format!("id {} is the only tab of this name, and leads to {place}", tab.id)
            });
            let reason = only.as_deref().unwrap_or(reason);
            plan.steps.push(change(action, Some(tab.id), fields, reason, operation));
        }
        None => {
            let after = |name, after: &str| FieldChange { name, before: None, after: Some(after.to_owned()) };
            let fields = vec![after("url", address), after("entity", "Ticket"), after("type", "Iframe")];
            let reason = MISSING;
            let foreign = held.tabs.iter().find(is_named_alike);
            plan.offers.extend(held.tabs.iter().filter(is_named_alike).map(|tab| Offer {
                kind: ObjectKind::CustomTab,
                name: tab.name.clone(),
                id: tab.id.to_string(),
                fields: tab_fields(tab, name, address, kind),
            }));
            let beside = foreign.map(|foreign| not_ours("custom tab", &foreign.name, foreign.id));
            plan.warnings.extend(beside.clone());
            let reason = with_foreign(reason, beside);
            plan.steps.push(change(
                Action::Create,
                None,
                fields,
                &reason,
                Operation::Tab(TabWrite::Create(kind.unwrap_or(IFRAME))),
            ));
        }
    }
    for ticket_type in &held.ticket_types {
        plan.steps.push(plan_link(ticket_type, tab.map(|tab| tab.id)));
    }
}

/// The number of an iframe among the kinds of tab: what a tab of somebody else's that has an address shows. Nothing
/// written tells it, so where no tab tells either, it is not judged.
fn iframe_kind(held: &Existing, own: Option<i64>, wanted: &Wanted) -> Option<i64> {
    let tells = |tab: &&ExistingTab| {
        let has_address = tab.url.as_ref().is_some_and(|url| !url.raw().trim().is_empty());
        has_address && Some(tab.id) != own && !leads_to_chat_pod(tab, &wanted.chat_pod)
    };
    let mut kinds: Vec<i64> = held.tabs.iter().filter(tells).filter_map(|tab| tab.tab_type).collect();
    kinds.sort_unstable();
    kinds.dedup();
    // Two answers are none.
    if let [kind] = kinds[..] { Some(kind) } else { None }
}

/// The fields of a tab that are not as they should be.
pub fn tab_fields(tab: &ExistingTab, name: &str, address: &str, kind: Option<i64>) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    if tab.name.raw() != name {
        fields.push(FieldChange { name: "name", before: Some(tab.name.display()), after: Some(name.to_owned()) });
    }
    if tab.url.as_ref().map(Untrusted::raw) != Some(address) {
        let before = tab.url.as_ref().map(Untrusted::display);
        fields.push(FieldChange { name: "url", before, after: Some(address.to_owned()) });
    }
    if let (Some(is), Some(kind)) = (tab.tab_type, kind)
        && is != kind
    {
        fields.push(FieldChange { name: "type", before: Some(is.to_string()), after: Some(kind.to_string()) });
    }
    if let Some(table) = tab.table.filter(|table| *table != TICKET) {
        fields.push(FieldChange { name: "entity", before: Some(table.to_string()), after: Some("Ticket".to_owned()) });
    }
    fields
}

fn plan_link(ticket_type: &ExistingTicketType, tab: Option<i64>) -> PlanStep {
    let linked = tab.is_some_and(|tab| ticket_type.tabs.contains(&tab));
    let (action, reason) = match ticket_type {
        _ if !ticket_type.active => (Action::Keep, LEFT_OUT),
        _ if ticket_type.allows_all_tabs == Some(true) => (Action::Keep, "already shows all custom tabs"),
        _ if linked => (Action::Keep, LINKED),
        _ if ticket_type.allows_all_tabs.is_none() && ticket_type.tabs.is_empty() => (Action::Link, TABS_NOT_TOLD),
        _ => (Action::Link, NOT_LINKED),
    };
    let (fields, operation) = match action {
        Action::Link => {
            let others = match ticket_type.tabs.len() {
                0 => String::new(),
                1 => "1 other tab".to_owned(),
                count => format!("{count} other tabs"),
            };
            let before = (!others.is_empty()).then(|| others.clone());
            let after = if others.is_empty() { String::new() } else { format!("{others}, ") };
            let after = Some(format!("{after}{}", ChatPodUrl::TAB_NAME));
            (
                vec![FieldChange { name: "custom tabs", before, after }],
                Operation::Link(LinkWrite::Add(ticket_type.id, None)),
            )
        }
        _ => (Vec::new(), Operation::None),
    };
    let id = Some(ticket_type.id);
    PlanStep::new(action, ObjectKind::TicketType, ticket_type.name.clone(), id, reason, operation).with(fields)
}

/// Takes a tab out, its links first.
pub(super) fn delete_tab(tab: &ExistingTab, held: &Existing, reason: &str) -> Vec<PlanStep> {
    let mut changes = unlink_everywhere(tab, held);
    changes.push(delete_tab_itself(tab, reason));
    changes
}

pub(super) fn unlink_everywhere(tab: &ExistingTab, held: &Existing) -> Vec<PlanStep> {
    let links = held.ticket_types.iter().filter(|kind| kind.tabs.contains(&tab.id));
    links.map(|kind| unlink(kind, tab, "uses the tab being removed")).collect()
}

pub(super) fn unlink(ticket_type: &ExistingTicketType, tab: &ExistingTab, reason: &str) -> PlanStep {
    unlink_from(ticket_type, tab.id, tab.name.display(), reason)
}

pub(super) fn unlink_from(ticket_type: &ExistingTicketType, tab: i64, tab_name: String, reason: &str) -> PlanStep {
    let operation = Operation::Link(LinkWrite::Remove { ticket_type: ticket_type.id, tab });
    let mut change = step(Action::Unlink, ObjectKind::TicketType, &ticket_type.name, ticket_type.id, reason, operation);
    let others = ticket_type.tabs.len().saturating_sub(1);
    let rest = match others {
        0 => None,
        1 => Some("1 other tab".to_owned()),
        count => Some(format!("{count} other tabs")),
    };
    let before = rest.as_ref().map_or_else(|| tab_name.clone(), |rest| format!("{rest}, {tab_name}"));
    change.line.fields.push(FieldChange { name: "custom tabs", before: Some(before), after: rest });
    change
}

pub(super) fn delete_tab_itself(tab: &ExistingTab, reason: &str) -> PlanStep {
    let mut change = step(
        Action::Delete,
        ObjectKind::CustomTab,
        &tab.name,
        tab.id,
        reason,
        Operation::Tab(TabWrite::Delete(tab.id)),
    );
    if let Some(url) = &tab.url {
        change.line.fields.push(leaving("url", url.display()));
    }
    change
}

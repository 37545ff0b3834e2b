//! Roll backs of single runs: what is brought back, what is not, and what is never taken for something else.

use super::tests::{binding, installed, wanted};
use super::*;
use crate::domain::plan::Action;
use crate::domain::record::Written;
use crate::domain::record::{BeforeAfter, Members};
use crate::halo::install::existing::{ExistingTab, ExistingWebhook};

fn write(kind: ObjectKind, action: Action, object: &str, proof: BeforeAfter) -> Written {
    Written { kind, name: "x".into(), action, object: Some(object.to_owned()), proof }
}

fn tab_members(tab: &ExistingTab) -> Members {
    let url = tab.url.as_ref().map(Untrusted::raw).unwrap_or_default();
    Members::default().with("name", tab.name.raw()).with("url", url).with("type", 1)
}

fn webhook_members(webhook: &ExistingWebhook) -> Members {
    Members::default().with("name", webhook.name.raw()).with("url", webhook.url.expose())
}

fn deleted(kind: ObjectKind, object: &str, before: Members) -> Written {
    write(kind, Action::Delete, object, BeforeAfter { before: Some(before), ..BeforeAfter::default() })
}

fn unbound(object: &str, parent: &str, event: i64, beside: &[&str]) -> Written {
    let beside = beside.iter().map(|id| (*id).to_owned()).collect();
    let before = Some(Members::default().with("eventno", event));
    let proof = BeforeAfter { before, parent: Some(parent.to_owned()), beside, after: None };
    write(ObjectKind::WebhookEvent, Action::Delete, object, proof)
}

fn unlinked(ticket_type: &str, tab: &str) -> Written {
    let proof = BeforeAfter { parent: Some(tab.to_owned()), ..BeforeAfter::default() };
    write(ObjectKind::TicketType, Action::Unlink, ticket_type, proof)
}

fn linked(ticket_type: &str, tab: &str) -> Written {
    Written { action: Action::Link, ..unlinked(ticket_type, tab) }
}

fn rolled_back(writes: &[Written], held: &Existing, record: &[InstalledObject], current: &Current) -> InstallPlan {
    let wanted = wanted();
    let prefix = Some(wanted.callback_prefix.as_str());
    let ours = Ours { callback_prefix: prefix, chat_pod: Some(&wanted.chat_pod), record };
    plan_roll_back(&ours, writes, held, current)
}

fn pending(plan: &InstallPlan) -> Vec<(ObjectKind, Action)> {
    plan.pending().map(|change| (change.kind, change.action)).collect()
}

/// Somebody's tab that has got the id of ours.
fn somebody(id: i64) -> ExistingTab {
    let url = Some("https://accounts.example/?t=$FAULTID".into());
    ExistingTab { id, guid: None, name: "Accounting".into(), url, tab_type: Some(1), table: Some(1) }
}

#[test]
fn copy_with_lower_id_is_made_again_beside_one_that_was_kept() {
    let (held, record) = installed();
    let copy = ExistingTab { id: 12, ..held.tabs[0].clone() };
    let writes = [deleted(ObjectKind::CustomTab, "12", tab_members(&copy)), unlinked("1", "12")];
    let plan = rolled_back(&writes, &held, &record, &Current::new());
    assert_eq!(pending(&plan), [(ObjectKind::CustomTab, Action::Create), (ObjectKind::TicketType, Action::Link)]);
    // Made again, it is there: under a number that may well be lower than the one it had.
    let mut held = held;
    held.tabs.push(ExistingTab { id: 13, ..copy });
    held.ticket_types[0].tabs.push(13);
    assert_eq!(pending(&rolled_back(&writes, &held, &record, &Current::new())), []);
    // Two that were alike are two.
    let other = deleted(ObjectKind::CustomTab, "90", tab_members(&held.tabs[0]));
    let both = [other, writes[0].clone()];
    assert_eq!(pending(&rolled_back(&both, &held, &record, &Current::new())).len(), 1);
}

#[test]
fn deleted_tab_is_not_back_because_somebody_has_its_id() {
    let (mut held, record) = installed();
    let copy = ExistingTab { id: 90, ..held.tabs[0].clone() };
    held.tabs.push(somebody(90));
    let writes = [deleted(ObjectKind::CustomTab, "90", tab_members(&copy)), unlinked("1", "90")];
    let plan = rolled_back(&writes, &held, &record, &Current::new());
    assert_eq!(pending(&plan), [(ObjectKind::CustomTab, Action::Create), (ObjectKind::TicketType, Action::Link)]);
}

#[test]
fn event_bound_twice_is_bound_twice_again() {
    let (held, _) = installed();
    // Halo lists the newest first: 103 was kept, and it is in nobody's record.
    let writes = [unbound("9", "guid-0", 3, &["103"])];
    let plan = rolled_back(&writes, &held, &[], &Current::new());
    assert_eq!(pending(&plan), [(ObjectKind::WebhookEvent, Action::Create)]);
    let mut again = held;
    again.webhooks[0].bindings.push(binding(104, 3));
    assert_eq!(pending(&rolled_back(&writes, &again, &[], &Current::new())), []);
}

#[test]
fn deleted_webhook_is_not_back_by_kept_name() {
    let (mut held, record) = installed();
    let copy = ExistingWebhook { id: "copy".to_owned(), ..held.webhooks[0].clone() };
    // Ours was called Foo; its copy, which had the name, was deleted, and ours renamed.
    let renamed = BeforeAfter {
        before: Some(webhook_members(&ExistingWebhook { name: "Foo".into(), ..held.webhooks[0].clone() })),
        after: Some(webhook_members(&held.webhooks[0])),
        ..BeforeAfter::default()
    };
    let writes = [
        write(ObjectKind::Webhook, Action::Update, "guid-0", renamed),
        deleted(ObjectKind::Webhook, "copy", webhook_members(&copy)),
        unbound("77", "copy", 3, &[]),
    ];
    let mut current = Current::new();
    current.insert((ObjectKind::Webhook, "guid-0".into()), webhook_members(&held.webhooks[0]));
    let parents = |plan: &InstallPlan| -> Vec<Option<String>> {
        let restores = plan.steps.iter().filter_map(|change| match &change.operation {
            Operation::Restore(restore) if restore.kind == ObjectKind::WebhookEvent => Some(restore.parent.clone()),
            _ => None,
        });
        restores.collect()
    };
    let plan = rolled_back(&writes, &held, &record, &current);
    let expected = [
        (ObjectKind::Webhook, Action::Update),
        (ObjectKind::Webhook, Action::Create),
        (ObjectKind::WebhookEvent, Action::Create),
    ];
    assert_eq!(pending(&plan), expected);
    assert_eq!(parents(&plan), [Some("copy".to_owned())], "not bound to the one that was kept");
    // Interrupted after the webhook: its event is bound to it, under the id that it has now.
    held.webhooks[0].name = "Foo".into();
    current.insert((ObjectKind::Webhook, "guid-0".into()), webhook_members(&held.webhooks[0]));
    held.webhooks.push(ExistingWebhook { id: "again".to_owned(), bindings: Vec::new(), ..copy });
    let plan = rolled_back(&writes, &held, &record, &current);
    assert_eq!(pending(&plan), [(ObjectKind::WebhookEvent, Action::Create)]);
    assert_eq!(parents(&plan), [Some("again".to_owned())]);
}

#[test]
fn ticket_type_that_showed_two_deleted_copies_shows_both_again() {
    let (mut held, record) = installed();
    let copy = ExistingTab { id: 12, ..held.tabs[0].clone() };
    let writes = [
        deleted(ObjectKind::CustomTab, "13", tab_members(&copy)),
        unlinked("1", "13"),
        deleted(ObjectKind::CustomTab, "12", tab_members(&copy)),
        unlinked("1", "12"),
    ];
    let links = |plan: &InstallPlan| plan.steps.iter().filter(|change| change.action == Action::Link).count();
    assert_eq!(links(&rolled_back(&writes, &held, &record, &Current::new())), 2);
    // And the other way about: a type that was linked to two is unlinked from both.
    held.tabs.push(copy);
    held.ticket_types[0].tabs.push(12);
    let writes = [linked("1", "12"), linked("1", "46")];
    let plan = rolled_back(&writes, &held, &record, &Current::new());
    assert_eq!(pending(&plan), [(ObjectKind::TicketType, Action::Unlink); 2]);
    // No tab is being removed.
    assert!(plan.steps.iter().all(|step| step.reason == "linked by the run being rolled back"), "{:?}", plan.steps);
}

#[test]
fn foreign_object_under_our_old_id_is_left_alone() {
    let (mut held, record) = installed();
    let ours = tab_members(&held.tabs[0]);
    held.tabs[0] = somebody(46);
    let before = ours.clone().with("name", "Chat").with("type", 0);
    let proof = BeforeAfter { before: Some(before), after: Some(ours), ..BeforeAfter::default() };
    let mut current = Current::new();
    current.insert((ObjectKind::CustomTab, "46".into()), tab_members(&held.tabs[0]));
    let writes = [linked("1", "46"), write(ObjectKind::CustomTab, Action::Update, "46", proof), unlinked("3", "46")];
    let plan = rolled_back(&writes, &held, &record, &current);
    assert_eq!(pending(&plan), []);
    assert!(plan.blocked[0].reason.contains("another object now has its id"), "{:?}", plan.blocked);
    // Not even with our name, where the record knows ours by its guid.
    let mut record = record;
    record.iter_mut().find(|own| own.kind == ObjectKind::CustomTab).unwrap().identity = Some("ours".to_owned());
    held.tabs[0] = ExistingTab { guid: Some("theirs".to_owned()), name: "Pia Chat Pod".into(), ..somebody(46) };
    held.ticket_types[0].tabs = vec![46];
    current.insert((ObjectKind::CustomTab, "46".into()), tab_members(&held.tabs[0]));
    assert_eq!(pending(&rolled_back(&writes, &held, &record, &current)), []);
}

//! Random Halos: what a plan shows is what applying it makes, and nothing of anybody else's is in it.

use super::tests::{binding, empty_halo, events, installed, ticket_type, wanted};
use super::*;
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::plan::{Action, Parts};
use crate::domain::secret::Secret;
use crate::halo::install::existing::{ExistingTab, ExistingTicketType, ExistingWebhook};
use crate::halo::install::plan::{EventWrite, LinkWrite, TabWrite, WebhookWrite};

/// A small generator of our own: a seed is enough to see a case again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len());
        &of[at]
    }
}

/// Names that look like ours and are not.
const LOOK_ALIKES: [&str; 6] =
    ["Pia Chat P\u{43e}d", "Pia Chat Pods", "Piа Chat Pod", "Pia - Ticket Created 2", "Pia - Ticket  Updated", "Pia"];

fn random_halo(random: &mut Random) -> (Existing, Vec<InstalledObject>) {
    let (mut held, mut record) = if random.chance(80) { installed() } else { (empty_halo(), Vec::new()) };
    if random.chance(30) {
        record.retain(|_| random.chance(50));
    }
    held.webhooks.retain(|_| random.chance(85));
    held.tabs.retain(|_| random.chance(85));
    for webhook in &mut held.webhooks {
        if random.chance(20) {
            webhook.name = "renamed".into();
        }
        if random.chance(20) {
            webhook.url = Secret::new("https://elsewhere.example/");
        }
        webhook.active = random.chance(80);
        webhook.method = *random.one(&[Some(0), Some(0), Some(2), None]);
        webhook.authentication_type = *random.one(&[Some(1), Some(1), Some(0), None]);
        webhook.bindings.retain(|_| random.chance(85));
        for own in &mut webhook.bindings {
            own.conditions = usize::from(random.chance(10));
            own.kind = *random.one(&[Some(-2), Some(-2), Some(0), None]);
        }
        if random.chance(20) {
            webhook.bindings.push(binding(500, 42));
        }
    }
    for copy in 0..random.below(3) {
        let Some(original) = held.webhooks.first().cloned() else { break };
        held.webhooks.push(ExistingWebhook {
            id: format!("copy-{copy}"),
            name: format!("Copy {copy}").into(),
            ..original
        });
    }
    if let (Some(tab), true) = (held.tabs.first().cloned(), random.chance(20)) {
        held.tabs.push(ExistingTab { id: 90, ..tab });
        held.ticket_types[1].tabs.push(90);
    }
    for tab in &mut held.tabs {
        if random.chance(20) {
            tab.name = "renamed".into();
        }
        tab.table = *random.one(&[Some(1), Some(1), Some(0), None]);
    }
    for number in 0..random.below(4) {
        let name = *random.one(&LOOK_ALIKES);
        let id = format!("foreign-{number}");
        let url = Secret::new(format!("https://other.example/{number}"));
        held.webhooks.push(ExistingWebhook {
            id,
            name: format!("{name}{number}").into(),
            url,
            active: random.chance(50),
            tells_disabled: true,
            method: Some(1),
            content_type: None,
            authentication_type: None,
            basic_username: None,
            batch_method: Some(0),
            making: Default::default(),
            note: None,
            options: Default::default(),
            bindings: Vec::new(),
        });
        let id = 200 + i64::try_from(number).unwrap();
        let url = Some("https://other.example/pod".into());
        held.tabs.push(ExistingTab { id, guid: None, name: name.into(), url, tab_type: Some(1), table: Some(1) });
    }
    for kind in &mut held.ticket_types {
        kind.tabs.retain(|_| random.chance(80));
        if random.chance(30) {
            kind.tabs.insert(0, 200);
        }
    }
    if random.chance(30) {
        held.ticket_types.push(ticket_type(30, "New"));
    }
    held.events = events();
    held.events.retain(|_| random.chance(97));
    (held, record)
}

/// A Halo that does exactly what it is told.
fn apply(plan: &InstallPlan, wanted: &Wanted, held: &mut Existing, record: &mut Vec<InstalledObject>) {
    let installed_at = jiff::Timestamp::UNIX_EPOCH;
    let mut next = 1_000;
    for change in &plan.steps {
        next += 1;
        let (mut id, own) = (change.id.clone(), change.name.clone());
        let group_id = |held: &Existing, group: crate::domain::callback::EventGroup| {
            let address = wanted.webhooks.iter().find(|(own, _)| *own == group).unwrap().1.expose();
            held.webhooks.iter().position(|webhook| webhook.url == address).unwrap()
        };
        match &change.operation {
            Operation::Webhook(WebhookWrite::Create(group)) | Operation::Webhook(WebhookWrite::Update(group, _)) => {
                let url = wanted.webhooks.iter().find(|(own, _)| own == group).unwrap().1.expose();
                let at = held.webhooks.iter().position(|webhook| Some(&webhook.id) == change.id.as_ref());
                let made = id.get_or_insert_with(|| format!("made-{next}")).clone();
                let bindings = at.map(|at| held.webhooks[at].bindings.clone()).unwrap_or_default();
                let webhook = ExistingWebhook {
                    id: made,
                    name: group.webhook_name().into(),
                    url,
                    active: true,
                    tells_disabled: true,
                    method: Some(0),
                    content_type: Some("application/json".into()),
                    authentication_type: Some(1),
                    basic_username: Some("pia".into()),
                    batch_method: Some(0),
                    making: Default::default(),
                    note: None,
                    options: Default::default(),
                    bindings,
                };
                let is_ours = |other: &ExistingWebhook| {
                    other.url.expose().starts_with(&wanted.callback_prefix) && other.id != webhook.id
                };
                let taken = held.webhooks.iter().filter(|other| other.name == webhook.name && is_ours(other));
                assert_eq!(taken.count(), 0, "Halo would refuse the name of one of ours");
                match at {
                    Some(at) => held.webhooks[at] = webhook,
                    None => held.webhooks.push(webhook),
                }
            }
            Operation::Event(EventWrite::Bind(group, event, _)) => {
                let at = group_id(held, *group);
                held.webhooks[at].bindings.push(binding(next, event.0));
            }
            Operation::Event(EventWrite::Mend { webhook, binding: id }) => {
                let webhook = held.webhooks.iter_mut().find(|own| own.id == *webhook).unwrap();
                let own = webhook.bindings.iter_mut().find(|own| own.id == *id).unwrap();
                *own = binding(own.id, own.event.0);
            }
            Operation::Event(EventWrite::Unbind { webhook, binding }) => {
                let webhook = held.webhooks.iter_mut().find(|own| own.id == *webhook).unwrap();
                webhook.bindings.retain(|own| own.id != *binding);
            }
            Operation::Webhook(WebhookWrite::Delete(id)) => {
                let webhook = held.webhooks.iter().find(|own| own.id == *id).unwrap();
                assert!(webhook.bindings.is_empty(), "events before the webhook");
                held.webhooks.retain(|own| own.id != *id);
            }
            Operation::Tab(tab @ (TabWrite::Create(_) | TabWrite::Update(..))) => {
                let kind = match tab {
                    TabWrite::Create(kind) => Some(*kind),
                    TabWrite::Update(_, kind) => *kind,
                    TabWrite::Delete(_) => None,
                };
                let number: i64 = id.get_or_insert_with(|| next.to_string()).parse().unwrap();
                held.tabs.retain(|tab| tab.id != number);
                let url = Some(wanted.chat_pod.as_str().into());
                let (name, tab_type) = (ChatPodUrl::TAB_NAME.into(), kind);
                held.tabs.push(ExistingTab { id: number, guid: None, name, url, tab_type, table: Some(1) });
            }
            Operation::Tab(TabWrite::Delete(id)) => {
                let linked = held.ticket_types.iter().any(|kind| kind.tabs.contains(id));
                assert!(!linked, "links before the tab");
                held.tabs.retain(|tab| tab.id != *id);
            }
            Operation::Link(LinkWrite::Add(id, _)) => {
                let tab = held
                    .tabs
                    .iter()
                    .find(|tab| tab.url.as_ref().is_some_and(|url| url.raw() == wanted.chat_pod.as_str()));
                let tab = tab.unwrap().id;
                held.ticket_types.iter_mut().find(|kind| kind.id == *id).unwrap().tabs.push(tab);
            }
            Operation::Link(LinkWrite::Remove { ticket_type, tab }) => {
                let kind = held.ticket_types.iter_mut().find(|kind| kind.id == *ticket_type).unwrap();
                kind.tabs.retain(|own| own != tab);
            }
            Operation::None | Operation::Forget | Operation::Restore(_) => {}
        }
        let (kind, id) = (change.kind, id.unwrap_or_default());
        record.retain(|own| {
            own.kind != kind || (own.id != id && (own.name != change.name || kind == ObjectKind::TicketType))
        });
        let stays = change.action != Action::Keep || matches!(kind, ObjectKind::Webhook | ObjectKind::CustomTab);
        if stays && !change.operation.takes_out() && change.operation != Operation::Forget {
            record.push(InstalledObject { kind, id, name: own, installed_at, identity: None });
        }
    }
}

/// Whether a plan tells what it saw of everything that it would write again or take out.
fn sees_what_it_touches(plan: &InstallPlan) -> bool {
    plan.steps.iter().all(|change| match &change.operation {
        Operation::Webhook(WebhookWrite::Update(_, id)) | Operation::Webhook(WebhookWrite::Delete(id)) => {
            plan.seen.webhook(id).is_some()
        }
        Operation::Event(EventWrite::Mend { webhook, binding })
        | Operation::Event(EventWrite::Unbind { webhook, binding }) => plan.seen.binding(webhook, *binding).is_some(),
        Operation::Tab(TabWrite::Update(id, _)) | Operation::Tab(TabWrite::Delete(id)) => plan.seen.tab(*id).is_some(),
        _ => true,
    })
}

fn foreign(held: &Existing) -> (Vec<ExistingWebhook>, Vec<ExistingTab>, Vec<Vec<i64>>) {
    let webhooks = held.webhooks.iter().filter(|webhook| webhook.id.starts_with("foreign")).cloned().collect();
    let tabs = held.tabs.iter().filter(|tab| (200..300).contains(&tab.id)).cloned().collect();
    let links = |kind: &ExistingTicketType| kind.tabs.iter().copied().filter(|tab| (200..300).contains(tab)).collect();
    (webhooks, tabs, held.ticket_types.iter().map(links).collect())
}

/// 2,000 random Halos. Applied to the letter, a plan leaves nothing to do; a removal after it leaves nothing of
/// ours; and nothing of anybody else's was touched on the way.
#[test]
fn applying_plan_gives_what_it_showed_in_random_halos() {
    for seed in 0..2_000 {
        let mut random = Random(seed);
        let (wanted, (mut held, mut record)) = (wanted(), random_halo(&mut random));
        let theirs = foreign(&held);
        let first = plan(&wanted, &held, &record);
        assert!(sees_what_it_touches(&first), "seed {seed}: {first:#?}");
        apply(&first, &wanted, &mut held, &mut record);
        let second = plan(&wanted, &held, &record);
        assert!(!second.changes_pending(), "seed {seed}: {first:#?} {second:#?}");
        assert_eq!(second.blocked, first.blocked, "seed {seed}");
        assert_eq!(foreign(&held), theirs, "seed {seed}");

        let ours = Ours {
            callback_prefix: Some(&wanted.callback_prefix),
            chat_pod: Some(&wanted.chat_pod),
            record: &record.clone(),
        };
        let removal = plan_removal(&ours, Some(&wanted), &held, Parts::ALL);
        assert!(sees_what_it_touches(&removal), "seed {seed}: {removal:#?}");
        apply(&removal, &wanted, &mut held, &mut record);
        let rest = plan_removal(&ours, Some(&wanted), &held, Parts::ALL);
        assert!(!rest.changes_pending(), "seed {seed}: {rest:#?}");
        assert_eq!(foreign(&held), theirs, "seed {seed}");
        assert!(held.webhooks.iter().all(|webhook| !ours.owns_webhook(webhook)), "seed {seed}");
    }
}

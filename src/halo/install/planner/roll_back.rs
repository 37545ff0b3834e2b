//! What brings back the Halo from before a run of Configure, as far as its intents prove what was there.
//!
//! Every undoing is worked out from what Halo holds now, newest write first. So it does not matter whether a write was
//! done at all, and a roll back that was interrupted is simply made again.

use std::collections::{BTreeMap, BTreeSet};

use super::ours::Ours;
use super::restored_ids::{RestoredIds, same_tab};
use super::tab::{delete_tab, unlink};
use super::webhooks::delete_webhook;
use super::{events, leaving, step};
use crate::domain::callback::mask_address;
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::plan::{Action, Blocked, FieldChange};
use crate::domain::record::Members;
use crate::domain::record::Written;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Binding, Existing, ExistingTab, ExistingWebhook};
use crate::halo::install::plan::{InstallPlan, LinkWrite, Operation, PlanStep, Restore};

/// The members that objects have now, by kind and id.
pub type Current = BTreeMap<(ObjectKind, String), Members>;

/// Says what has to be done to undo the writes of a run, given newest first.
pub fn plan_roll_back(ours: &Ours<'_>, writes: &[Written], held: &Existing, current: &Current) -> InstallPlan {
    let restored = RestoredIds::find(ours, writes, held);
    let (plan, done) = (InstallPlan::default(), BTreeSet::new());
    let mut roll_back = RollBack { ours, writes, held, current, restored, plan, done };
    // What the run has made goes altogether: mending it first would be of no use.
    let made: BTreeSet<(ObjectKind, String)> = writes
        .iter()
        .filter(|write| write.action == Action::Create)
        .filter_map(|write| roll_back.made_by(write).map(|id| (write.kind, id)))
        .collect();
    for write in writes {
        roll_back.undo(write, &made);
    }
    roll_back.plan.made_from(held)
}

struct RollBack<'a> {
    ours: &'a Ours<'a>,
    writes: &'a [Written],
    held: &'a Existing,
    current: &'a Current,
    restored: RestoredIds,
    plan: InstallPlan,
    /// What the plan deals with already.
    done: BTreeSet<(ObjectKind, String, bool)>,
}

impl RollBack<'_> {
    fn undo(&mut self, write: &Written, made: &BTreeSet<(ObjectKind, String)>) {
        match (write.action, write.kind) {
            (Action::Create, _) => self.take_out(write),
            (Action::Update | Action::Adopt, _) => {
                if let Some(id) = &write.object
                    && !made.contains(&(write.kind, id.clone()))
                {
                    self.give_back(write, id);
                }
            }
            (Action::Link, _) => self.unlink(write),
            (Action::Unlink, _) => self.link(write),
            (Action::Delete, _) => self.make_again(write),
            (Action::Keep, _) => {}
        }
    }

    /// Whether the plan has not dealt with this yet.
    fn is_new(&mut self, kind: ObjectKind, id: &str, is_deletion: bool) -> bool {
        self.done.insert((kind, id.to_owned(), is_deletion))
    }

    fn webhook(&self, write: &Written) -> Option<&ExistingWebhook> {
        let by_id = |id: &String| self.held.webhooks.iter().find(|webhook| same_id(&webhook.id, id));
        let url = write.proof.after.as_ref().and_then(|after| after.text("url"));
        // Where the answer was lost, the address is what proves it: nothing led there before.
        let by_url = || url.and_then(|url| self.held.webhooks.iter().find(|webhook| webhook.url.expose() == url));
        write.object.as_ref().map_or_else(by_url, by_id)
    }

    fn tab(&self, write: &Written) -> Option<&ExistingTab> {
        let leads = |tab: &&ExistingTab| has_text(write.proof.after.as_ref(), "url", tab.url.as_ref());
        match &write.object {
            Some(id) => self.tab_with(id).filter(|tab| is_written(write, tab)),
            None => self.held.tabs.iter().find(leads),
        }
    }

    /// The tab that has this id, unless our record knows that it is another one.
    fn tab_with(&self, id: &str) -> Option<&ExistingTab> {
        let tab = self.held.tabs.iter().find(|tab| tab.id.to_string() == id)?;
        (!self.ours.is_stranger(tab)).then_some(tab)
    }

    /// The tab that has this id, if it is the one that had it in the run: an id of a tab can have come to somebody
    /// else's since.
    fn tab_of_run(&self, id: &str) -> Option<&ExistingTab> {
        let tab = self.tab_with(id)?;
        let of_tab = |write: &&Written| write.kind == ObjectKind::CustomTab && write.object.as_deref() == Some(id);
        let mut writes = self.writes.iter().filter(of_tab);
        let is_it = |write: &Written| {
            is_written(write, tab) || write.proof.before.as_ref().is_some_and(|was| same_tab(was, tab))
        };
        (writes.any(is_it) || self.ours.owns_tab(tab)).then_some(tab)
    }

    fn binding(&self, write: &Written) -> Option<(&ExistingWebhook, &Binding)> {
        let parent = write.proof.parent.as_ref()?;
        let webhook = self.held.webhooks.iter().find(|webhook| same_id(&webhook.id, parent))?;
        let event = write.proof.after.as_ref().and_then(|after| after.get("eventno")?.as_i64());
        let is_it = |binding: &&Binding| match &write.object {
            Some(id) => binding.id.to_string() == *id && Some(binding.event.0) == event,
            None => Some(binding.event.0) == event,
        };
        webhook.bindings.iter().find(is_it).map(|binding| (webhook, binding))
    }

    /// The id of what a write has made, if it is there.
    fn made_by(&self, write: &Written) -> Option<String> {
        match write.kind {
            ObjectKind::Webhook => self.webhook(write).map(|webhook| webhook.id.clone()),
            ObjectKind::CustomTab => self.tab(write).map(|tab| tab.id.to_string()),
            ObjectKind::WebhookEvent => self.binding(write).map(|(_, binding)| binding.id.to_string()),
            ObjectKind::TicketType => None,
        }
    }

    fn take_out(&mut self, write: &Written) {
        const REASON: &str = "created by the run being rolled back";
        let changes = match write.kind {
            ObjectKind::Webhook => self.webhook(write).map(|webhook| delete_webhook(webhook, REASON)),
            ObjectKind::CustomTab => self.tab(write).map(|tab| delete_tab(tab, self.held, REASON)),
            ObjectKind::WebhookEvent => self
                .binding(write)
                .map(|(webhook, binding)| vec![events::unbind(Some(webhook), binding, &write.name, REASON)]),
            ObjectKind::TicketType => None,
        };
        self.push_new(changes.unwrap_or_default());
    }

    fn push_new(&mut self, changes: Vec<PlanStep>) {
        for change in changes {
            if self.is_new(change.kind, &change.key(), change.operation.takes_out()) {
                self.plan.steps.push(change);
            }
        }
    }

    fn unlink(&mut self, write: &Written) {
        let tab = write.proof.parent.as_ref().and_then(|tab| self.tab_of_run(tab));
        let kind = self.held.ticket_types.iter().find(|kind| Some(kind.id.to_string()) == write.object);
        if let (Some(tab), Some(kind)) = (tab, kind)
            && kind.tabs.contains(&tab.id)
        {
            let changes = vec![unlink(kind, tab, "linked by the run being rolled back")];
            self.push_new(changes);
        }
    }

    fn link(&mut self, write: &Written) {
        let Some(was) = write.proof.parent.as_deref() else { return };
        // The tab is there again, or was never deleted; or this plan makes it again, and it is linked under its new id.
        let now = self.restored.id_of(ObjectKind::CustomTab, was).map(str::to_owned);
        let is_deleted = self.writes.iter().any(|write| {
            (write.kind, write.action) == (ObjectKind::CustomTab, Action::Delete)
                && write.object.as_deref() == Some(was)
        });
        if now.is_none() && !is_deleted && self.tab_of_run(was).is_none() {
            return;
        }
        let is_there = now.is_some() || !is_deleted;
        let Ok(tab) = now.as_deref().unwrap_or(was).parse::<i64>() else { return };
        let kind = self.held.ticket_types.iter().find(|kind| Some(kind.id.to_string()) == write.object);
        let Some(kind) = kind.filter(|kind| !(is_there && kind.tabs.contains(&tab))) else { return };
        let operation = Operation::Link(LinkWrite::Add(kind.id, Some(tab)));
        let reason = "was linked to the tab before";
        let change = step(Action::Link, ObjectKind::TicketType, &kind.name, kind.id, reason, operation);
        self.push_new(vec![change]);
    }

    /// Writes the former members back, but none that somebody has changed since.
    fn give_back(&mut self, write: &Written, id: &str) {
        let (Some(before), Some(after)) = (&write.proof.before, &write.proof.after) else { return };
        let Some(now) = self.current.get(&(write.kind, id.to_owned())) else {
            let reason = "is missing in Halo: its former state cannot be restored".to_owned();
            self.block(write, reason);
            return;
        };
        let is_the_one = match write.kind {
            ObjectKind::CustomTab => self.tab_of_run(id).is_some(),
            ObjectKind::WebhookEvent => now.agree_on(before, "eventno"),
            _ => true,
        };
        if !is_the_one {
            let reason = "another object now has its id: its former state cannot be restored".to_owned();
            self.block(write, reason);
            return;
        }
        let (mut fields, mut members, mut edited) = (Vec::new(), Members::default(), Vec::new());
        for (name, wrote) in after.iter() {
            if now.agree_on(before, name) {
                continue;
            }
            if !now.agree_on(after, name) {
                edited.push(field_name(name));
                continue;
            }
            let value = before.to_write(name, wrote);
            fields.push(FieldChange {
                name: field_name(name),
                before: Some(shown(name, wrote)),
                after: before.get(name).map(|value| shown(name, value)),
            });
            members = members.with(name, value);
        }
        if !edited.is_empty() {
            let reason = format!("kept, because someone has changed it since: {}", edited.join(", "));
            self.block(write, reason);
        }
        let was_adopted = write.action == Action::Adopt;
        if (members.is_empty() && !was_adopted) || !self.is_new(write.kind, id, false) {
            return;
        }
        // Nothing to write, but our record lets go of it.
        if was_adopted && write.kind == ObjectKind::Webhook && members.text("url").is_some() {
            let reason =
                "enter its password again in Halo: Halo never shows one, so the old one cannot be brought back";
            self.block(write, reason.to_owned());
        }
        let reason = match was_adopted {
            true => "taken over by the run being rolled back",
            false => "changed by the run being rolled back",
        };
        let parent = write.proof.parent.clone();
        let kind = write.kind;
        let restore = Restore { kind, id: Some(id.to_owned()), was: None, parent, members, was_adopted };
        let mut change = step(Action::Update, write.kind, &write.name, id, reason, Operation::Restore(restore));
        change.line.fields = fields;
        self.plan.steps.push(change);
    }

    fn block(&mut self, write: &Written, reason: String) {
        self.plan.blocked.push(Blocked { kind: write.kind, name: write.name.clone(), reason, only_told: false });
    }

    fn make_again(&mut self, write: &Written) {
        let (Some(before), Some(was)) = (&write.proof.before, &write.object) else { return };
        if self.restored.id_of(write.kind, was).is_some() || !self.is_new(write.kind, was, false) {
            return;
        }
        let parent = write.proof.parent.as_ref().map(|parent| self.restored.webhook(parent).to_owned());
        let members = before.clone();
        let kind = write.kind;
        let restore = Restore { kind, id: None, was: Some(was.clone()), parent, members, was_adopted: false };
        let reason = match write.kind {
            ObjectKind::Webhook => {
                "deleted by the run being rolled back; it gets a new id and our password; its access control is \
                     not restored"
            }
            ObjectKind::CustomTab => {
                "deleted by the run being rolled back; it gets a new id; its secret and access control are not \
                     restored"
            }
            _ => "deleted by the run being rolled back; it gets a new id",
        };
        let mut change = step(Action::Create, write.kind, &write.name, was, reason, Operation::Restore(restore));
        change.line.id = None;
        let after = |mut field: FieldChange| {
            std::mem::swap(&mut field.before, &mut field.after);
            field
        };
        let fields = before.iter().map(|(name, value)| after(leaving(field_name(name), shown(name, value))));
        change.line.fields = fields.filter(|field| field.name != OTHER).collect();
        self.plan.steps.push(change);
    }
}

/// Whether a text is the member of these.
fn has_text(members: Option<&Members>, name: &str, text: Option<&Untrusted>) -> bool {
    let text = text.map(Untrusted::raw);
    text.is_some() && members.and_then(|members| members.text(name)) == text
}

/// Whether a tab still has the name or the address that was written.
fn is_written(write: &Written, tab: &ExistingTab) -> bool {
    let after = write.proof.after.as_ref();
    has_text(after, "name", Some(&tab.name)) || has_text(after, "url", tab.url.as_ref())
}

/// A member that has no word of its own on a screen.
const OTHER: &str = "other";

fn field_name(member: &str) -> &'static str {
    const KNOWN: [&str; 20] = [
        "name",
        "url",
        "active",
        "disabled",
        "method",
        "content_type",
        "basic_username",
        "type",
        "delivery_method",
        "conditions",
        "eventno",
        "note",
        "sequence",
        "icon",
        "log_retention_policy_days",
        "notify_on_failure",
        "auto_disable_attempts",
        "custom_payload",
        "encrypt_request",
        "inactive",
    ];
    match member {
        "authentication_type" => "authentication",
        "tableid" => "entity",
        member => KNOWN.into_iter().find(|known| *known == member).unwrap_or(OTHER),
    }
}

fn shown(member: &str, value: &serde_json::Value) -> String {
    match (member, value) {
        ("url", serde_json::Value::String(address)) => Untrusted::new(mask_address(address)).display(),
        (_, serde_json::Value::String(text)) => Untrusted::from(text.as_str()).display(),
        (_, serde_json::Value::Array(items)) => items.len().to_string(),
        (_, other) => other.to_string(),
    }
}

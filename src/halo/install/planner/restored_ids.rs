//! What a run has deleted and is there again: after a roll back that was interrupted, or by hand.
//!
//! An object that is made again gets another id, and ids of tabs and events are small numbers that come back. So it is
//! known by what it looks like, and never taken for one that the run itself kept, mended or made.

use std::collections::{BTreeMap, BTreeSet};

use super::ours::Ours;
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::plan::Action;
use crate::domain::record::Members;
use crate::domain::record::Written;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Existing, ExistingTab};

/// The ids that deleted objects have now, by kind and the id they had.
pub(super) struct RestoredIds(BTreeMap<(ObjectKind, String), String>);

impl RestoredIds {
    /// Looks for every object that the run has deleted.
    pub(super) fn find(ours: &Ours<'_>, writes: &[Written], held: &Existing) -> Self {
        let recorded = ours.record.iter().map(|own| (own.kind, own.id.to_ascii_lowercase()));
        let of_run = writes.iter().filter(|write| write.action != Action::Delete);
        let written = of_run.filter_map(|write| Some((write.kind, write.object.as_ref()?.to_ascii_lowercase())));
        let mut taken: BTreeSet<(ObjectKind, String)> = recorded.chain(written).collect();
        let mut restored = Self(BTreeMap::new());
        // Webhooks before their events, which are looked for below the id that their webhook has now.
        for kind in [ObjectKind::Webhook, ObjectKind::CustomTab, ObjectKind::WebhookEvent] {
            let deleted = |write: &&Written| (write.kind, write.action) == (kind, Action::Delete);
            // Itself first: the deletion may never have been done.
            for itself in [true, false] {
                for write in writes.iter().filter(deleted) {
                    let (Some(before), Some(was)) = (&write.proof.before, &write.object) else { continue };
                    if restored.id_of(kind, was).is_some() {
                        continue;
                    }
                    let beside = |id: &str| write.proof.beside.iter().any(|other| same_id(other, id));
                    let key = |id: &str| (kind, id.to_ascii_lowercase());
                    let is_it = |id: &String| match itself {
                        true => same_id(id, was),
                        false => !beside(id) && !taken.contains(&key(id)),
                    };
                    if let Some(id) = restored.alike(write, before, held).into_iter().find(is_it) {
                        taken.insert(key(&id));
                        restored.0.insert(key(was), id);
                    }
                }
            }
        }
        restored
    }

    /// The id that a deleted object has now; none where it is not there.
    pub(super) fn id_of(&self, kind: ObjectKind, was: &str) -> Option<&str> {
        self.0.get(&(kind, was.to_ascii_lowercase())).map(String::as_str)
    }

    /// The id that a webhook has now.
    pub(super) fn webhook<'a>(&'a self, was: &'a str) -> &'a str {
        self.id_of(ObjectKind::Webhook, was).unwrap_or(was)
    }

    /// The ids of everything that looks like an object that was.
    fn alike(&self, write: &Written, before: &Members, held: &Existing) -> Vec<String> {
        match write.kind {
            ObjectKind::Webhook => {
                let same = |name: &str, url: &str| before.text("name") == Some(name) && before.text("url") == Some(url);
                let is_it = |id: &str| write.object.as_ref().is_some_and(|was| same_id(was, id));
                let alike = held.webhooks.iter().filter(|own| is_it(&own.id) || same(own.name.raw(), own.url.expose()));
                alike.map(|webhook| webhook.id.clone()).collect()
            }
            ObjectKind::CustomTab => {
                held.tabs.iter().filter(|tab| same_tab(before, tab)).map(|tab| tab.id.to_string()).collect()
            }
            ObjectKind::WebhookEvent => {
                let parent = self.webhook(write.proof.parent.as_deref().unwrap_or_default());
                let event = before.get("eventno").and_then(serde_json::Value::as_i64);
                let of_parent = held.webhooks.iter().filter(|webhook| same_id(&webhook.id, parent));
                let bindings = of_parent.flat_map(|webhook| &webhook.bindings);
                bindings.filter(|own| Some(own.event.0) == event).map(|own| own.id.to_string()).collect()
            }
            ObjectKind::TicketType => Vec::new(),
        }
    }
}

/// Whether a tab has the name and the address of one that was.
pub(super) fn same_tab(was: &Members, tab: &ExistingTab) -> bool {
    was.text("name") == Some(tab.name.raw()) && was.text("url") == tab.url.as_ref().map(Untrusted::raw)
}

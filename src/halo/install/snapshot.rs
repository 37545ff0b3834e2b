//! What a plan saw of the objects that it touches.
//!
//! Between a plan and its last write minutes can pass, in which a run waits for Halo's request limit. So each object is
//! looked at once more before it is written or deleted, and compared with this.

use super::existing::{Binding, Existing, ExistingTab, ExistingWebhook};
use crate::domain::object::{ObjectKind, same_id};

/// The objects that the changes of a plan touch, as Halo held them when it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    webhooks: Vec<ExistingWebhook>,
    tabs: Vec<ExistingTab>,
}

impl Snapshot {
    /// What Halo holds of these objects.
    pub fn of(touched: &[(ObjectKind, String)], held: &Existing) -> Self {
        let is_touched =
            |kind, id: &str| touched.iter().any(|(own, touched)| (*own, same_id(touched, id)) == (kind, true));
        let webhooks = held.webhooks.iter().filter(|own| is_touched(ObjectKind::Webhook, &own.id));
        let tabs = held.tabs.iter().filter(|own| is_touched(ObjectKind::CustomTab, &own.id.to_string()));
        Self { webhooks: webhooks.cloned().collect(), tabs: tabs.cloned().collect() }
    }

    /// A webhook that the plan touches.
    pub fn webhook(&self, id: &str) -> Option<&ExistingWebhook> {
        self.webhooks.iter().find(|own| same_id(&own.id, id))
    }

    pub fn binding(&self, webhook: &str, id: i64) -> Option<&Binding> {
        self.webhook(webhook)?.bindings.iter().find(|own| own.id == id)
    }

    /// A tab that the plan touches.
    pub fn tab(&self, id: i64) -> Option<&ExistingTab> {
        self.tabs.iter().find(|own| own.id == id)
    }
}

/// Whether a webhook is as it was seen. What one of two answers leaves out is not judged, and Halo switches webhooks off
/// by itself.
pub fn same_webhook(seen: &ExistingWebhook, now: &ExistingWebhook) -> bool {
    (&seen.name, &seen.url, seen.owner()) == (&now.name, &now.url, now.owner())
        && agree(&seen.method, &now.method)
        && agree(&seen.content_type, &now.content_type)
        && agree(&seen.authentication_type, &now.authentication_type)
        && agree(&seen.basic_username, &now.basic_username)
        && agree(&seen.options.log_days, &now.options.log_days)
        && agree(&seen.options.notifies, &now.options.notifies)
        && agree(&seen.options.attempts, &now.options.attempts)
}

/// Whether a tab is as it was seen, likewise.
pub fn same_tab(seen: &ExistingTab, now: &ExistingTab) -> bool {
    (&seen.name, &seen.url) == (&now.name, &now.url)
        && agree(&seen.guid, &now.guid)
        && agree(&seen.tab_type, &now.tab_type)
        && agree(&seen.table, &now.table)
}

/// Whether a tab that has the number of one that was seen is another one.
pub fn is_another_tab(seen: &ExistingTab, now: &ExistingTab) -> bool {
    match (&seen.guid, &now.guid) {
        (Some(seen), Some(now)) => !same_id(seen, now),
        _ => seen.name != now.name && seen.url != now.url,
    }
}

fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

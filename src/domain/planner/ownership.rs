//! What is ours: the one place that decides it.
//!
//! An object is ours when our record holds its id, or when its address leads to this configuration's callbacks or to
//! its chat pod. Everything else is somebody's, whatever its name.

use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::installation::{HeldTab, HeldWebhook, InstalledObject, ObjectKind};

/// What tells our objects from everybody else's.
#[derive(Clone, Debug)]
pub struct Ownership<'a> {
    /// What all callback addresses of this configuration begin with, where it has an address for Pia.
    pub callback_prefix: Option<&'a str>,
    /// The address of its chat pod, likewise.
    pub chat_pod: Option<&'a ChatPodUrl>,
    /// Our own record.
    pub record: &'a [InstalledObject],
}

impl Ownership<'_> {
    /// Whether our record holds this object.
    pub fn records(&self, kind: ObjectKind, id: &str) -> bool {
        self.record.iter().any(|own| own.kind == kind && own.id.eq_ignore_ascii_case(id))
    }

    /// Whether a webhook is ours. Its id is a GUID, so the record alone is proof.
    pub fn owns_webhook(&self, webhook: &HeldWebhook) -> bool {
        self.records(ObjectKind::Webhook, &webhook.id)
            || self.callback_prefix.is_some_and(|prefix| webhook.url.expose().starts_with(prefix))
    }

    /// Whether a tab is ours. Ids of tabs are small numbers, and another tab may have got ours: where only the record
    /// speaks for it, name or address has to agree as well. An address that has the chat pod's path and something else
    /// behind it proves nothing without the name.
    pub fn owns_tab(&self, tab: &HeldTab) -> bool {
        let named = tab.name.raw() == ChatPodUrl::TAB_NAME;
        let same_path = self.chat_pod.is_some_and(|pod| leads_to_chat_pod(tab, pod));
        let to_the_letter = self.chat_pod.is_some_and(|pod| is_chat_pod(tab, pod));
        to_the_letter
            || (named && same_path)
            || (self.records(ObjectKind::CustomTab, &tab.id.to_string()) && (named || same_path))
    }
}

/// Whether a tab shows the chat pod, whatever follows the path.
pub(super) fn leads_to_chat_pod(tab: &HeldTab, chat_pod: &ChatPodUrl) -> bool {
    let Some(url) = &tab.url else { return false };
    let path = url.raw().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path == chat_pod.without_query()
}

/// Whether a tab shows exactly the chat pod.
pub(super) fn is_chat_pod(tab: &HeldTab, chat_pod: &ChatPodUrl) -> bool {
    tab.url.as_ref().is_some_and(|url| url.raw() == chat_pod.as_str())
}

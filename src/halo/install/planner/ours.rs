//! What is ours: the one place that decides it.
//!
//! An object is ours when our record holds its id, or when its address leads to this configuration's callbacks or to
//! its chat pod. Everything else is somebody's, whatever its name: the same configuration's at another Pia Url, too, until a
//! person takes it over.

use crate::domain::address::PiaUrl;
use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::record::InstalledObject;
use crate::halo::install::existing::{ExistingTab, ExistingWebhook};

/// What tells our objects from everybody else's.
#[derive(Clone, Debug)]
pub struct Ours<'a> {
    /// What all callback addresses of this configuration begin with, where it has an address for Pia.
    pub callback_prefix: Option<&'a str>,
    /// The address of its chat pod, likewise.
    pub chat_pod: Option<&'a ChatPodUrl>,
    pub record: &'a [InstalledObject],
}

impl Ours<'_> {
    /// Whether our record holds this object.
    pub fn records(&self, kind: ObjectKind, id: &str) -> bool {
        self.record.iter().any(|own| own.kind == kind && same_id(&own.id, id))
    }

    /// Whether a webhook is ours. Its id is a GUID, so the record alone is proof.
    pub fn owns_webhook(&self, webhook: &ExistingWebhook) -> bool {
        self.records(ObjectKind::Webhook, &webhook.id)
            || self.callback_prefix.is_some_and(|prefix| webhook.url.expose().starts_with(prefix))
    }

    /// Whether a webhook was made for the same configuration with another Pia Url: it is signed, and its address says so.
    pub fn may_be_kin(&self, webhook: &ExistingWebhook) -> bool {
        EventGroup::ALL.into_iter().any(|group| self.pia_of_kin(webhook, group).is_some())
    }

    /// The webhooks of the same configuration with another Pia Url, each where Halo holds none with ours for its events: it was
    /// installed from another folder, or before the Url was changed and the record lost. One by one, because a take-over may
    /// have ended between two of them.
    pub fn kin<'w>(&self, webhooks: &'w [ExistingWebhook]) -> Vec<&'w ExistingWebhook> {
        let missing = EventGroup::ALL.into_iter().filter(|group| !self.has(*group, webhooks)).collect::<Vec<_>>();
        let is_kin =
            |webhook: &&ExistingWebhook| missing.iter().any(|group| self.pia_of_kin(webhook, *group).is_some());
        webhooks.iter().filter(|webhook| !self.owns_webhook(webhook)).filter(is_kin).collect()
    }

    // Whether one of the webhooks is ours and tells the events of a group.
    fn has(&self, group: EventGroup, webhooks: &[ExistingWebhook]) -> bool {
        let tells = |webhook: &ExistingWebhook| {
            let is_recorded = |own: &InstalledObject| {
                own.kind == ObjectKind::Webhook
                    && own.name.raw() == group.webhook_name()
                    && same_id(&own.id, &webhook.id)
            };
            let rest = self.callback_prefix.and_then(|prefix| webhook.url.expose().strip_prefix(prefix));
            let leads_here =
                rest.and_then(|rest| rest.strip_prefix(group.slug())).is_some_and(|rest| rest.starts_with('/'));
            leads_here || self.record.iter().any(is_recorded)
        };
        webhooks.iter().any(tells)
    }

    /// The one of them that tells the events of a group.
    pub(super) fn kin_of<'w>(&self, group: EventGroup, webhooks: &'w [ExistingWebhook]) -> Option<&'w ExistingWebhook> {
        self.kin(webhooks).into_iter().find(|webhook| self.pia_of_kin(webhook, group).is_some())
    }

    fn pia_of_kin<'w>(&self, webhook: &'w ExistingWebhook, group: EventGroup) -> Option<&'w str> {
        webhook.owner()?;
        CallbackUrl::pia_of(webhook.url.expose(), group, self.callback_prefix?)
    }

    /// The tab beside such webhooks: it has our name, and shows the chat pod at their Pia Url. A configuration may have a chat
    /// pod of its own elsewhere: then it is the only tab with that name, which asks for a ticket as each chat pod does.
    ///
    /// With whether only its name speaks for it.
    pub(super) fn tab_of_kin<'t>(
        &self,
        tabs: &'t [ExistingTab],
        webhooks: &[ExistingWebhook],
    ) -> Option<(&'t ExistingTab, bool)> {
        let pia = |webhook| EventGroup::ALL.into_iter().find_map(|group| self.pia_of_kin(webhook, group));
        let kin = self.kin(webhooks);
        let mut pods = kin.iter().copied().filter_map(pia).filter_map(|pia| PiaUrl::read(pia).ok());
        let mut named = tabs.iter().filter(|tab| is_named(tab));
        let below = named.clone().find(|tab| pods.any(|pia| leads_to_chat_pod(tab, &ChatPodUrl::below(&pia.address))));
        let is_pod = |tab: &&ExistingTab| tab.url.as_ref().is_some_and(|url| ChatPodUrl::parse(url.raw()).is_ok());
        let only = named.next().filter(|_| named.next().is_none() && !kin.is_empty()).filter(is_pod);
        below.map(|tab| (tab, false)).or(only.map(|tab| (tab, true)))
    }

    /// Whether a tab is ours: it shows the chat pod to the letter, or our record speaks for it, or it has the chat pod's
    /// name and path. One address can lead to many things by what follows its path, so the path alone proves nothing.
    pub fn owns_tab(&self, tab: &ExistingTab) -> bool {
        self.chat_pod.is_some_and(|pod| is_chat_pod(tab, pod))
            || self.records_tab(tab)
            || (is_named(tab) && self.has_path(tab))
    }

    /// Whether our record holds this very tab. Ids of tabs are small numbers that come back: where both sides have a
    /// guid it has to be the same, with a name or an address of ours still there; where they have none, the name has to
    /// be ours.
    pub(super) fn records_tab(&self, tab: &ExistingTab) -> bool {
        let id = tab.id.to_string();
        let recorded = self.record.iter().find(|own| own.kind == ObjectKind::CustomTab && own.id == id);
        recorded.is_some_and(|own| match (&own.identity, &tab.guid) {
            (Some(ours), Some(theirs)) => same_id(ours, theirs) && (is_named(tab) || self.has_path(tab)),
            _ => is_named(tab),
        })
    }

    /// Whether our record knows another tab by this one's number.
    pub(super) fn is_stranger(&self, tab: &ExistingTab) -> bool {
        let (id, guid) = (tab.id.to_string(), tab.guid.as_deref());
        let recorded = self.record.iter().find(|own| own.kind == ObjectKind::CustomTab && own.id == id);
        recorded.and_then(|own| own.identity.as_deref()).zip(guid).is_some_and(|(ours, theirs)| !same_id(ours, theirs))
    }

    fn has_path(&self, tab: &ExistingTab) -> bool {
        self.chat_pod.is_some_and(|pod| leads_to_chat_pod(tab, pod))
    }
}

fn is_named(tab: &ExistingTab) -> bool {
    tab.name.raw() == ChatPodUrl::TAB_NAME
}

/// Whether a tab shows the chat pod, whatever follows the path.
pub(super) fn leads_to_chat_pod(tab: &ExistingTab, chat_pod: &ChatPodUrl) -> bool {
    let Some(url) = &tab.url else { return false };
    let path = url.raw().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path == chat_pod.without_query()
}

/// Whether a tab shows exactly the chat pod.
pub(super) fn is_chat_pod(tab: &ExistingTab, chat_pod: &ChatPodUrl) -> bool {
    tab.url.as_ref().is_some_and(|url| url.raw() == chat_pod.as_str())
}

//! From an operation to requests.

use super::Apply;
use crate::domain::callback::{BASIC_USER, EventGroup};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::ObjectKind;
use crate::domain::record::{Members, Proof};
use crate::domain::secret::Secret;
use crate::halo::install::plan::{Operation, Restore};
use crate::halo::{HaloApi, HaloError, TabDraft, WebhookDraft};

impl Apply<'_> {
    /// The webhook of a group; empty only where a skipped change has let nothing through.
    pub(super) fn webhook_id(&self, group: EventGroup) -> &str {
        self.webhooks.get(&group).map_or("", String::as_str)
    }

    /// What is read before a write, so that it can be undone.
    pub(super) async fn prove(&self, operation: &Operation) -> Result<Proof, HaloError> {
        let gone = |members: Option<Members>| {
            members.map(Some).ok_or(HaloError::NotFound { does: "read what is there before it is changed" })
        };
        let parent = |parent: &str| Some(parent.to_owned());
        let made = |after| Proof { after: Some(after), ..Proof::default() };
        Ok(match operation {
            Operation::None | Operation::Forget | Operation::Restore(_) => Proof::default(),
            Operation::CreateWebhook(group) => made(self.webhook_draft(*group, None).members()),
            Operation::UpdateWebhook(group, id) => Proof {
                before: gone(self.halo.webhook_members(id).await?)?,
                ..made(self.webhook_draft(*group, Some(id.clone())).members())
            },
            Operation::BindEvent(group, event, _) => {
                Proof { parent: parent(self.webhook_id(*group)), ..made(Members::default().with("eventno", event.0)) }
            }
            Operation::MendEvent { webhook, binding } => Proof {
                before: gone(self.halo.binding_members(webhook, *binding).await?)?,
                parent: parent(webhook),
                ..made(HaloApi::firing())
            },
            // What is gone already needs no proof: deleting it is done.
            Operation::UnbindEvent { webhook, binding } => Proof {
                before: self.halo.binding_members(webhook, *binding).await?,
                parent: parent(webhook),
                after: None,
                beside: self.bound_beside(webhook, *binding).await?,
            },
            Operation::DeleteWebhook(id) => Proof { before: self.halo.webhook_members(id).await?, ..Proof::default() },
            Operation::CreateTab(kind) => made(self.tab_draft(None, *kind).members()),
            Operation::UpdateTab(id, kind) => Proof {
                before: gone(self.halo.tab_members(*id).await?)?,
                ..made(self.tab_draft(Some(*id), *kind).members())
            },
            Operation::DeleteTab(id) => Proof { before: self.halo.tab_members(*id).await?, ..Proof::default() },
            Operation::LinkTicketType(_, tab) => {
                Proof { parent: tab.or(self.tab).map(|tab| tab.to_string()), ..Proof::default() }
            }
            Operation::UnlinkTicketType { tab, .. } => Proof { parent: Some(tab.to_string()), ..Proof::default() },
        })
    }

    /// The other bindings of a webhook to the same event.
    async fn bound_beside(&self, webhook: &str, binding: i64) -> Result<Vec<String>, HaloError> {
        let bindings = self.halo.bindings(webhook).await?;
        let event = bindings.iter().find(|own| own.id == binding).map(|own| own.event);
        let beside = bindings.iter().filter(|own| own.id != binding && Some(own.event) == event);
        Ok(beside.map(|own| own.id.to_string()).collect())
    }

    /// Sends it, and gives the id that Halo tells.
    pub(super) async fn send(&mut self, operation: &Operation) -> Result<Option<String>, HaloError> {
        let text = |id: Option<i64>| id.map(|id| id.to_string());
        let halo = self.halo;
        match operation {
            Operation::None | Operation::Forget => Ok(None),
            Operation::CreateWebhook(group) => halo.save_webhook(&self.webhook_draft(*group, None)).await,
            Operation::UpdateWebhook(group, id) => {
                halo.save_webhook(&self.webhook_draft(*group, Some(id.clone()))).await
            }
            Operation::BindEvent(group, event, name) => {
                Ok(text(halo.bind_event(self.webhook_id(*group), *event, name).await?))
            }
            Operation::MendEvent { binding, .. } => {
                Ok(text(halo.put_binding(Some(*binding), &HaloApi::firing()).await?))
            }
            Operation::UnbindEvent { webhook, binding } => {
                // Another program can have moved it to its own webhook (api facts, section 6.1): then it is off ours.
                if halo.bindings(webhook).await?.iter().all(|own| own.id != *binding) {
                    return Ok(None);
                }
                halo.unbind_event(*binding).await.map(|()| None)
            }
            Operation::DeleteWebhook(id) => halo.delete_webhook(id).await.map(|()| None),
            Operation::CreateTab(kind) => Ok(text(halo.save_tab(&self.tab_draft(None, *kind)).await?)),
            Operation::UpdateTab(id, kind) => Ok(text(halo.save_tab(&self.tab_draft(Some(*id), *kind)).await?)),
            Operation::DeleteTab(id) => halo.delete_tab(*id).await.map(|()| None),
            Operation::LinkTicketType(id, tab) => {
                let Some(tab) = self.tab_to_link(*tab) else { return Ok(None) };
                self.set_tabs(*id, |tabs| {
                    if !tabs.contains(&tab) {
                        tabs.push(tab)
                    }
                })
                .await
            }
            Operation::UnlinkTicketType { ticket_type, tab } => {
                match self.set_tabs(*ticket_type, |tabs| tabs.retain(|own| own != tab)).await {
                    // A ticket type that is gone took its link along.
                    Err(HaloError::NotFound { .. }) => Ok(None),
                    other => other,
                }
            }
            Operation::Restore(restore) => self.restore(restore).await,
        }
    }

    /// Tells a ticket type which tabs to show, from those it shows at this moment.
    async fn set_tabs(
        &mut self,
        ticket_type: i64,
        change: impl FnOnce(&mut Vec<i64>) + Send,
    ) -> Result<Option<String>, HaloError> {
        let told = &mut self.told;
        let change = |tabs: &mut Vec<i64>| {
            change(tabs);
            told.insert(ticket_type, tabs.clone());
        };
        self.halo.change_tabs(ticket_type, change).await.map(|()| None)
    }

    async fn restore(&self, restore: &Restore) -> Result<Option<String>, HaloError> {
        if restore.members.is_empty() {
            return Ok(restore.id.clone());
        }
        let text = |id: Option<i64>| id.map(|id| id.to_string());
        let number = restore.id.as_ref().and_then(|id| id.parse().ok());
        match restore.kind {
            ObjectKind::Webhook => {
                // A copy of ours that is made again gets our password: Halo never showed the one it had.
                let password = self.target.installs.as_ref().map(|installs| &installs.secrets.password);
                let password = password.filter(|_| restore.id.is_none());
                self.halo.put_webhook(restore.id.as_deref(), &restore.members, password).await
            }
            ObjectKind::WebhookEvent => {
                let members = match number {
                    Some(_) => restore.members.clone(),
                    None => restore.members.clone().with("webhook_id", self.parent_now(restore)),
                };
                Ok(text(self.halo.put_binding(number, &members).await?))
            }
            _ => Ok(text(self.halo.put_tab(number, &restore.members).await?)),
        }
    }

    /// Whether there is another way to get an operation done that Halo took and did not do.
    pub(super) fn has_second_try(&self, operation: &Operation) -> bool {
        operation.takes_out() || matches!(operation, Operation::LinkTicketType(..))
    }

    /// Deletions are known to need a second try; a link can be set from the tab's side in the newest versions (api
    /// facts, section 7).
    pub(super) async fn send_otherwise(&mut self, operation: &Operation) -> Result<Option<String>, HaloError> {
        let (ticket_type, tab, links) = match operation {
            Operation::LinkTicketType(id, tab) => match self.tab_to_link(*tab) {
                Some(tab) => (*id, tab, true),
                None => return Ok(None),
            },
            Operation::UnlinkTicketType { ticket_type, tab } => (*ticket_type, *tab, false),
            _ => return self.send(operation).await,
        };
        let Some(mut listed) = self.halo.ticket_types_of_tab(tab).await? else { return Ok(None) };
        listed.retain(|id| *id != ticket_type);
        if links {
            listed.push(ticket_type);
        }
        self.halo.set_ticket_types_of_tab(tab, &listed).await.map(|()| None)
    }

    /// The tab that a ticket type is to show, under the id that it has now.
    pub(super) fn tab_to_link(&self, tab: Option<i64>) -> Option<i64> {
        tab.map(|tab| self.id_now(&tab.to_string()).parse().unwrap_or(tab)).or(self.tab)
    }

    /// The id that an object has now.
    pub(super) fn id_now<'a>(&'a self, was: &'a str) -> &'a str {
        self.renumbered.get(was).map_or(was, String::as_str)
    }

    /// The webhook that a restored event belongs to, under the id that it has now.
    pub(super) fn parent_now<'a>(&'a self, restore: &'a Restore) -> &'a str {
        restore.parent.as_deref().map_or("", |parent| self.id_now(parent))
    }

    pub(super) fn webhook_draft(&self, group: EventGroup, id: Option<String>) -> WebhookDraft {
        let installs = self.target.installs.as_ref();
        let url = installs.and_then(|installs| {
            installs.wanted.webhooks.iter().find(|(own, _)| *own == group).map(|(_, url)| url.expose())
        });
        WebhookDraft {
            id,
            name: group.webhook_name().to_owned(),
            url: url.unwrap_or_else(|| Secret::new("")),
            username: BASIC_USER.to_owned(),
            password: installs.map(|installs| installs.secrets.password.clone()),
            active: true,
        }
    }

    pub(super) fn tab_draft(&self, id: Option<i64>, kind: i64) -> TabDraft {
        let url = self.target.installs.as_ref().map(|installs| installs.wanted.chat_pod.as_str().to_owned());
        TabDraft { id, name: ChatPodUrl::TAB_NAME.to_owned(), url: url.unwrap_or_default(), kind }
    }
}

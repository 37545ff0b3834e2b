//! Reading what Halo holds, and planning what Configure would change. Nothing is written.

use tokio_util::sync::CancellationToken;

use super::{Workspace, check};
use crate::domain::callback::{CallbackSecrets, CallbackUrl, EventGroup};
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::installation::{Held, HeldTicketType, InstalledObject, ObjectKind, Wanted};
use crate::domain::plan::Plan;
use crate::domain::planner;
use crate::halo::{HaloApi, HaloError};

/// Tests the connection, then reads Halo and plans. `Ok(Err(report))` when the test failed.
pub async fn load(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<Result<Plan, CheckReport>, Failure> {
    workspace.recognise(id, &configuration.api)?;
    let target = Target::new(workspace, id, configuration)?;
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
    let screen = Some(&configuration.pia_screen);
    let report = check::with_halo(&halo, Some(id), &configuration.api, screen, &mut on_check).await?;
    if !report.ok {
        return Ok(Err(report));
    }
    workspace.remember_verified(id, &configuration.api)?;
    Ok(Ok(target.plan(&halo).await?))
}

/// What a configuration wants in Halo, with our record of what is there.
pub(super) struct Target {
    pub(super) wanted: Wanted,
    pub(super) secrets: CallbackSecrets,
    pub(super) record: Vec<InstalledObject>,
}

impl Target {
    pub(super) fn new(
        workspace: &Workspace,
        id: &ConfigurationId,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        let (Some(pia), Some(chat_pod)) =
            (&configuration.integration.pia_url, configuration.integration.effective_chat_pod_url())
        else {
            return Err(Failure::new(FailureKind::Usage, "the address at which Halo reaches Pia is not set")
                .hint("set pia_url in the Integration section"));
        };
        let Some(secrets) = workspace.settings.secrets(id)?.callback else {
            return Err(Failure::new(FailureKind::LocalState, "the callback token of this configuration is missing")
                .hint("save the configuration again: a new token is made, and Configure installs it"));
        };
        let url = |group| (group, CallbackUrl::new(pia, id, group, &secrets.token));
        let wanted = Wanted {
            webhooks: EventGroup::ALL.map(url).to_vec(),
            callback_prefix: CallbackUrl::prefix(pia, id),
            chat_pod,
        };
        let record = workspace.store.installed(id)?;
        Ok(Self { wanted, secrets, record })
    }

    /// Reads Halo and plans.
    pub(super) async fn plan(&self, halo: &HaloApi) -> Result<Plan, Failure> {
        let held = self.read(halo).await?;
        Ok(planner::plan(&self.wanted, &held, &self.record))
    }

    async fn read(&self, halo: &HaloApi) -> Result<Held, HaloError> {
        let mut webhooks = halo.webhooks().await?;
        // Only those that may be ours: a foreign webhook's events are none of our business, and cost a request each.
        for webhook in &mut webhooks {
            let recorded = self.record.iter().any(|own| own.kind == ObjectKind::Webhook && own.id == webhook.id);
            if recorded || webhook.url.expose().starts_with(&self.wanted.callback_prefix) {
                webhook.bindings = halo.bindings(&webhook.id).await?;
            }
        }
        let tabs = halo.tabs().await?;
        let mut ticket_types = Vec::new();
        for row in halo.ticket_types().await? {
            // The list says nothing about tabs (api facts, section 5), so each active type is read by its id.
            let detail = if row.active { halo.ticket_type(row.id).await? } else { None };
            ticket_types.push(match detail {
                Some(detail) => HeldTicketType { name: row.name, active: row.active && detail.active, ..detail },
                None => HeldTicketType {
                    id: row.id,
                    name: row.name,
                    active: false,
                    allows_all_tabs: false,
                    tabs: Vec::new(),
                },
            });
        }
        let events = halo.event_catalogue().await?;
        Ok(Held { webhooks, tabs, ticket_types, events })
    }
}

//! Saving a configuration: from the wizard, or from an answers file.

use tokio_util::sync::CancellationToken;

use super::{Workspace, status};
use crate::domain::configuration::{ApiCredentials, Configuration, ConfigurationId, EscalateTo};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::people::Agent;
use crate::domain::request::{SaveReport, SaveRequest, SecretChoice};
use crate::settings::answers::EscalateChoice;
use crate::settings::{Config, StoredSecrets, new_callback_secrets};

/// Saves a configuration, whole or not at all. The first one saved becomes the active one.
///
/// Callback secrets are made at the first save and kept from then on.
pub fn save(workspace: &Workspace, request: &SaveRequest) -> Result<SaveReport, Failure> {
    let configuration = &request.configuration;
    let id = match &request.id {
        Some(id) => id.clone(),
        None => {
            let taken = workspace.settings.load()?.configurations;
            ConfigurationId::suggest(&configuration.name, Some(&configuration.api.url), |id| taken.contains_key(id))
        }
    };
    let saved = workspace.settings.update(|config: &mut Config| {
        if request.id.is_none() && config.configurations.contains_key(&id) {
            return Err(Failure::new(FailureKind::Busy, format!("{id} was saved by another program just now"))
                .hint("save again: it gets another id"));
        }
        // Secrets first: settings never speak of a secret that is not there. And under the lock of the settings, so
        // that of two first saves one makes the callback secrets and the other keeps them.
        let secret_changed = save_secrets(workspace, &id, &request.secret)?;
        let is_first = config.configurations.is_empty();
        let old = config.configurations.insert(id.clone(), configuration.clone());
        if is_first {
            config.active = Some(id.clone());
        }
        Ok(Change { old, secret_changed, active: config.active.as_ref() == Some(&id) })
    })?;

    workspace.recognise(&id, &configuration.api)?;
    if saved.old.as_ref().is_none_or(|old| old.integration != configuration.integration) {
        // What is installed leads to another address now: Configure has something to do again.
        workspace.store.set_configured_at(&id, None)?;
    }
    if request.verified {
        workspace.remember_verified(&id, &configuration.api)?;
    } else if saved.secret_changed || credentials_changed(saved.old.as_ref(), configuration) {
        workspace.forget_verified(&id)?;
    }
    let changed = differences(saved.old.as_ref(), configuration, saved.secret_changed);
    let mut activity = workspace.activity(Some(&id), "save", "done");
    activity.message = Some(if changed.is_empty() { "nothing changed".to_owned() } else { changed.join(", ") });
    workspace.write_down(&activity)?;
    Ok(SaveReport { callbacks: status::callbacks(workspace, &id)?, id, changed, active: saved.active })
}

/// What a save found and did.
struct Change {
    old: Option<Configuration>,
    secret_changed: bool,
    active: bool,
}

/// Stores the secrets of a configuration; says whether the Client Secret is another one now.
fn save_secrets(workspace: &Workspace, id: &ConfigurationId, choice: &SecretChoice) -> Result<bool, Failure> {
    let stored = workspace.settings.secrets(id)?;
    let secrets = StoredSecrets {
        client_secret: match choice {
            SecretChoice::Typed(secret) => Some(secret.clone()),
            SecretChoice::Stored => stored.client_secret.clone(),
        },
        callback: Some(match &stored.callback {
            Some(callback) => callback.clone(),
            None => new_callback_secrets()?,
        }),
        ..stored.clone()
    };
    if secrets != stored {
        workspace.settings.save_secrets(id, &secrets)?;
    }
    Ok(secrets.client_secret != stored.client_secret)
}

fn credentials_changed(old: Option<&Configuration>, new: &Configuration) -> bool {
    old.is_none_or(|old| old.api != new.api)
}

/// The guide's names of the fields that differ; all of them for a new configuration.
fn differences(old: Option<&Configuration>, new: &Configuration, secret_changed: bool) -> Vec<&'static str> {
    let differs = |part: fn(&Configuration, &Configuration) -> bool| old.is_none_or(|old| !part(old, new));
    [
        ("Configuration Name", differs(|a, b| a.name == b.name)),
        ("Url", differs(|a, b| a.api.url == b.api.url)),
        ("Client ID", differs(|a, b| a.api.client_id == b.api.client_id)),
        ("Client Secret", secret_changed),
        ("Daily Sync Time", differs(|a, b| a.company_sync == b.company_sync)),
        ("Pia Board", differs(|a, b| a.pia_screen.pia_board == b.pia_screen.pia_board)),
        ("Pia Escalate To", differs(|a, b| a.pia_screen.escalate_to == b.pia_screen.escalate_to)),
        ("Pia Escalation Board", differs(|a, b| a.pia_screen.escalation_board == b.pia_screen.escalation_board)),
        ("Pia Url", differs(|a, b| a.integration.pia_url == b.integration.pia_url)),
        ("Chat Pod Url", differs(|a, b| a.integration.chat_pod_url == b.integration.chat_pod_url)),
        ("connection settings", old.is_some_and(|old| connection_settings(&old.api) != connection_settings(&new.api))),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

fn connection_settings(api: &ApiCredentials) -> impl PartialEq {
    let ApiCredentials { url: _, client_id: _, tenant, auth_url, request_budget, ca_file, client_secret_command } =
        api.clone();
    (tenant, auth_url, request_budget, ca_file, client_secret_command)
}

/// Finds the contact that an answers file names by name or by id; none where it names none.
///
/// The stored agents are asked first, then Halo itself.
pub async fn find_escalate_to(
    workspace: &Workspace,
    id: &ConfigurationId,
    api: &ApiCredentials,
    secret: &SecretChoice,
    choice: Option<EscalateChoice>,
    cancel: CancellationToken,
) -> Result<Option<EscalateTo>, Failure> {
    let choice = match choice {
        None => return Ok(None),
        Some(EscalateChoice::Exact(contact)) => return Ok(Some(contact)),
        Some(choice) => choice,
    };
    let stored = workspace.store.lists(id)?.agents;
    let found = match find_contact(&stored, &choice) {
        Some(found) => found,
        None => {
            let secret = match secret {
                SecretChoice::Typed(secret) => secret.clone(),
                SecretChoice::Stored => workspace.client_secret(Some(id), api).await?.0,
            };
            let halo = Workspace::connect(api, secret)?.cancelled_by(cancel);
            let agents = halo.agents().await.map_err(Failure::from)?;
            find_contact(&agents, &choice).unwrap_or(Err(0))
        }
    };
    let contact = found.map_err(|count| {
        let what = match &choice {
            EscalateChoice::Name(name) => format!("\"{name}\""),
            EscalateChoice::Id(id) => format!("with the id {id}"),
            EscalateChoice::Exact(contact) => contact.name.clone(),
        };
        let message = match count {
            0 => format!("pia_screen.escalate_to: Halo has no agent {what} that tickets can be assigned to"),
            count => format!("pia_screen.escalate_to: {count} agents in Halo are called {what}"),
        };
        Failure::new(FailureKind::Usage, message).hint("give the agent's id, or leave it out for no default escalation")
    })?;
    Ok(Some(contact))
}

/// The one agent that is meant; `None` where none is known, `Err` with the number where several are.
fn find_contact(agents: &[Agent], choice: &EscalateChoice) -> Option<Result<EscalateTo, usize>> {
    let meant = |agent: &&Agent| {
        agent.assignable
            && match choice {
                EscalateChoice::Name(name) => agent.name.raw() == name,
                EscalateChoice::Id(id) => agent.id == *id,
                EscalateChoice::Exact(contact) => agent.id == contact.agent_id,
            }
    };
    let found: Vec<&Agent> = agents.iter().filter(meant).collect();
    match found.as_slice() {
        [] => None,
        [agent] => Some(Ok(EscalateTo { agent_id: agent.id, name: agent.name.display() })),
        several => Some(Err(several.len())),
    }
}

//! Saving a configuration: from the wizard, or from an answers file.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::locks::CONFIGURE_LOCK;
use super::{Workspace, status};
use crate::domain::activity::ActivityField;
use crate::domain::configuration::{ApiCredentials, Configuration, ConfigurationId, EscalateTo};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::{FIELDS, FieldInfo, Kind};
use crate::domain::likeness::{did_you_mean, nearest};
use crate::domain::merge::{Clash, Merged, merge};
use crate::domain::people::Agent;
use crate::domain::request::{SaveReport, SaveRequest, SecretChoice};
use crate::settings::answers::EscalateChoice;
use crate::settings::{Config, StoredSecrets, new_callback_secrets};

/// Saves a configuration, whole or not at all. The first one saved becomes the active one.
///
/// Callback secrets are created at the first save and kept from then on. What another person has saved since it was read is
/// kept; `Ok(Err(clash))` where both changed the same: nothing is saved then.
pub fn save(workspace: &Workspace, request: &SaveRequest) -> Result<Result<SaveReport, Box<Clash>>, Failure> {
    let taken = workspace.settings.load()?.configurations;
    let id = request.id.clone().unwrap_or_else(|| {
        let Configuration { name, api, .. } = &request.configuration;
        ConfigurationId::suggest(name, Some(&api.url), |id| taken.contains_key(id))
    });
    // Not while Configure writes into the Halo that this configuration spoke of until now.
    let api = &with_theirs(&id, request, taken.get(&id))?.configuration.api;
    let moves = workspace.is_another_halo(&id, api)?;
    let lock = if moves { Some(workspace.lock(CONFIGURE_LOCK, "a change of the Url")?) } else { None };
    workspace.require_trail()?;
    let saved = workspace.settings.update(|config: &mut Config| {
        let theirs = config.configurations.get(&id);
        let Merged { configuration, kept, conflicts } = with_theirs(&id, request, theirs)?;
        if let Some(theirs) = theirs.filter(|_| !conflicts.is_empty()) {
            return Ok(Err(Box::new(Clash { theirs: theirs.clone(), conflicts })));
        }
        if configuration.api != *api {
            return Err(saved_just_now(&id).hint("save again"));
        }
        // Secrets first: settings never speak of a secret that is not there. And under the lock of the settings, so
        // that of two first saves one makes the callback secrets and the other keeps them.
        let secret_changed = save_secrets(workspace, &id, &request.secret)?;
        let is_first = config.configurations.is_empty();
        let old = config.configurations.insert(id.clone(), configuration.clone());
        if is_first {
            config.active = Some(id.clone());
        }
        let active = config.active.as_ref() == Some(&id);
        Ok(Ok(Change { old, configuration, kept, secret_changed, active }))
    })?;
    let Change { old, configuration, kept, secret_changed, active } = match saved {
        Ok(change) => change,
        Err(clash) => return Ok(Err(clash)),
    };
    let (old, configuration) = (old.as_ref(), &configuration);

    match &lock {
        Some(lock) => workspace.under(lock).recognise_under(lock, &id, &configuration.api)?,
        None => workspace.recognise(&id, &configuration.api)?,
    }
    if old.is_none_or(|old| old.integration != configuration.integration) {
        // What is installed leads to another address now: Configure has something to do again.
        workspace.store.set_configured_at(&id, None)?;
    }
    // What was tested is what was typed: with a part of somebody else's it is another thing.
    if request.verified && configuration.api == request.configuration.api {
        workspace.remember_tested(&id, &configuration.api)?;
    } else if secret_changed || old.is_none_or(|old| old.api != configuration.api) {
        workspace.forget_verified(&id)?;
    }
    let fields = differences(old, configuration, secret_changed);
    let changed: Vec<&'static str> = fields.iter().map(|(name, ..)| *name).collect();
    let mut activity = workspace.activity(Some(&id), "save", "done");
    let field = |(name, before, after): Difference| ActivityField { name: name.to_owned(), before, after };
    activity.fields = fields.into_iter().map(field).collect();
    activity.message = Some(if changed.is_empty() { "nothing changed".to_owned() } else { changed.join(", ") });
    workspace.write_down(&activity)?;
    let callbacks = status::callbacks(workspace, &id)?;
    let tested = workspace.is_verified(&id, &configuration.api)?;
    let configuration = Box::new(configuration.clone());
    Ok(Ok(SaveReport { id, configuration, changed, kept, moved: moves, active, tested, callbacks }))
}

/// What is to be saved, together with what another person has saved since it was read.
fn with_theirs(id: &ConfigurationId, request: &SaveRequest, theirs: Option<&Configuration>) -> Result<Merged, Failure> {
    match (&request.read, theirs) {
        (Some(read), Some(theirs)) => {
            Ok(merge(read, theirs, &request.configuration, &request.secret, &BTreeSet::new()))
        }
        (None, None) => {
            Ok(Merged { configuration: request.configuration.clone(), kept: Vec::new(), conflicts: Vec::new() })
        }
        (None, Some(_)) => Err(saved_just_now(id).hint("review what was saved, and save again")),
        (Some(_), None) => Err(Failure::new(
            FailureKind::Busy,
            format!(
                "{id} was deleted by someone else in the \
             meantime"
            ),
        )
        .hint("What you typed is kept as a draft. Continue the draft to save it as a new configuration")),
    }
}

fn saved_just_now(id: &ConfigurationId) -> Failure {
    Failure::new(FailureKind::Busy, format!("{id} was saved by another program just now; nothing was changed"))
}

/// What a save found and did.
struct Change {
    old: Option<Configuration>,
    configuration: Configuration,
    kept: Vec<String>,
    secret_changed: bool,
    active: bool,
}

/// Stores the secrets of a configuration; says whether the Client Secret is another one now.
fn save_secrets(workspace: &Workspace, id: &ConfigurationId, choice: &SecretChoice) -> Result<bool, Failure> {
    let stored = workspace.settings.secrets(id)?;
    let is_new = matches!(choice, SecretChoice::Typed(secret) if stored.client_secret.as_ref() != Some(secret));
    if !is_new && stored.callback.is_some() {
        return Ok(false);
    }
    workspace.settings.update_secrets(id, |secrets: &mut StoredSecrets| {
        let before = secrets.client_secret.clone();
        if let SecretChoice::Typed(secret) = choice {
            secrets.client_secret = Some(secret.clone());
        }
        if secrets.callback.is_none() {
            secrets.callback = Some(new_callback_secrets()?);
        }
        secrets.forget_expired(workspace.now());
        Ok(secrets.client_secret != before)
    })
}

/// A field by the guide's name, before and after. Secrets have neither.
type Difference = (&'static str, Option<String>, Option<String>);

/// The fields that differ; all of them for a new configuration.
fn differences(old: Option<&Configuration>, new: &Configuration, secret_changed: bool) -> Vec<Difference> {
    let text = |own: &Configuration, info: &FieldInfo| Some((info.get)(own)).filter(|text| !text.is_empty());
    let difference = |info: &FieldInfo| {
        let (before, after) = (old.and_then(|old| text(old, info)), text(new, info));
        match info.kind {
            Kind::Secret => secret_changed.then_some((info.label, None, None)),
            Kind::ReadOnly => None,
            _ => (old.is_none() && !(info.id.is_rare() && after.is_none()) || before != after)
                .then_some((info.label, before, after)),
        }
    };
    // A command may hold what is nobody's business: the values are in the settings.
    let settings_differ = old.is_some_and(|old| connection_settings(&old.api) != connection_settings(&new.api));
    let settings = settings_differ.then_some(("connection settings", None, None));
    FIELDS.iter().filter_map(difference).chain(settings).collect()
}

fn connection_settings(api: &ApiCredentials) -> impl PartialEq {
    (api.request_budget, api.client_secret_command.clone())
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
    let mut meant = None;
    let found = match find_contact(&stored, &choice) {
        Some(found) => found,
        None => {
            let secret = match secret {
                SecretChoice::Typed(secret) => secret.clone(),
                SecretChoice::Stored => workspace.client_secret(Some(id), api).await?.0,
            };
            let halo = workspace.connect(Some(id), api, secret)?.cancelled_by(cancel);
            let agents = halo.agents().await.map_err(Failure::from)?;
            let names = agents.iter().filter(|agent| agent.assignable).map(|agent| agent.name.raw());
            if let EscalateChoice::Name(name) = &choice {
                meant = nearest(name, names).map(did_you_mean);
            }
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
        let hint = "give the agent's id, or leave it out for no default escalation";
        let meant = meant.as_ref().filter(|_| count == 0);
        Failure::new(FailureKind::Usage, message)
            .hint(meant.map_or(hint.to_owned(), |meant| format!("{meant} Or {hint}")))
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

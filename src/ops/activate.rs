//! Which configuration is active. Only one ticketing integration can be, also with two programs at once.

use tokio_util::sync::CancellationToken;

use super::Workspace;
use super::apply::{Consent, Event};
use super::locks::CONFIGURE_LOCK;
use super::remove::{Extent, run_locked};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::plan::ConfigureReport;
use crate::domain::plan::Parts;
use crate::domain::request::Activation;
use crate::settings::Config;

/// Which other configuration may lose its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// None: where another is active, a yes is needed.
    Nobody,
    /// This one, because the person was asked about it by name.
    Only(ConfigurationId),
    /// Whichever it is.
    Anybody,
}

/// Makes a configuration the active one, in one step: there are never two. Not while Configure writes into a Halo.
pub fn activate(workspace: &Workspace, id: &ConfigurationId, replacing: &Replacing) -> Result<Activation, Failure> {
    // An unknown id is refused by name, before anything is locked.
    workspace.configuration(Some(id))?;
    let _lock = workspace.lock(CONFIGURE_LOCK, "activate")?;
    switch(workspace, id, replacing)
}

/// Takes out of Halo what the active configuration put there, and makes another one active: one step under one lock,
/// so that it ends with either of them active and never with two. The switch is only made once Halo is shown to be
/// empty of the old one's objects; otherwise it stays active, because only the active one can be worked on.
pub async fn activate_removing(
    workspace: &Workspace,
    id: &ConfigurationId,
    consent: Consent<'_>,
    cancel: CancellationToken,
    on_event: impl FnMut(Event<'_>) + Send,
) -> Result<(Activation, Option<ConfigureReport>), Failure> {
    workspace.configuration(Some(id))?;
    let lock = workspace.lock(CONFIGURE_LOCK, "activate")?;
    let Some(old) = workspace.settings.load()?.active.filter(|active| active != id) else {
        return Ok((switch(workspace, id, &Replacing::Nobody)?, None));
    };
    let everything = Extent::Removal(Parts::ALL);
    let removal = run_locked(workspace, &lock, &old, everything, consent, cancel, on_event).await;
    let left = || left_in_halo(workspace, id, &old);
    let mut removal =
        removal.map_err(|failure| Failure { message: format!("{}; {}", failure.message, left()), ..failure })?;
    if !removal.status.is_complete() {
        removal.message = format!("{}; {}", removal.message, left());
        return Ok((Activation::Active(Some(old)), Some(removal)));
    }
    Ok((switch(workspace, id, &Replacing::Only(old))?, Some(removal)))
}

/// What is still in the old one's Halo by our record, and how to switch all the same.
fn left_in_halo(workspace: &Workspace, id: &ConfigurationId, old: &ConfigurationId) -> String {
    let names = match workspace.store.installed(old) {
        Ok(objects) => {
            let own = objects.iter().filter(|object| object.kind.is_our_own());
            let names: Vec<String> = own.map(|object| object.name.display()).collect();
            if names.is_empty() { "nothing, as recorded here".to_owned() } else { names.join(", ") }
        }
        Err(error) => format!("what our record says, which cannot be read ({error})"),
    };
    let switch = Next::ActivateYes(id.clone());
    format!("{old} stays active; still in its Halo: {names}. To switch and leave them there: {switch}")
}

/// The switch itself, for whoever holds the lock.
fn switch(workspace: &Workspace, id: &ConfigurationId, replacing: &Replacing) -> Result<Activation, Failure> {
    workspace.require_trail()?;
    let (activation, changed) = workspace.settings.update(|config: &mut Config| {
        if !config.configurations.contains_key(id) {
            return Err(Failure::new(FailureKind::Busy, format!("{id} was removed by another program just now")));
        }
        let active = config.active.clone().filter(|active| active != id);
        match active {
            Some(active) if !replacing.allows(&active) => {
                let active_name = config.configurations.get(&active).map(Configuration::title).unwrap_or_default();
                Ok((Activation::NeedsYes { wanted: id.clone(), active, active_name }, false))
            }
            _ => {
                let changed = config.active.as_ref() != Some(id);
                config.active = Some(id.clone());
                Ok((Activation::Active(Some(id.clone())), changed))
            }
        }
    })?;
    if changed {
        workspace.write_down(&workspace.activity(Some(id), "activate", "done"))?;
    }
    Ok(activation)
}

impl Replacing {
    fn allows(&self, active: &ConfigurationId) -> bool {
        match self {
            Self::Nobody => false,
            Self::Only(other) => other == active,
            Self::Anybody => true,
        }
    }
}

/// Leaves no configuration active. Says which one was.
pub fn deactivate(workspace: &Workspace) -> Result<Option<ConfigurationId>, Failure> {
    let _lock = workspace.lock(CONFIGURE_LOCK, "deactivate")?;
    workspace.require_trail()?;
    let was = workspace.settings.update(|config: &mut Config| Ok::<_, Failure>(config.active.take()))?;
    if let Some(id) = &was {
        workspace.write_down(&workspace.activity(Some(id), "deactivate", "done"))?;
    }
    Ok(was)
}

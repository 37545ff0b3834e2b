//! Which configuration is active. Only one ticketing integration can be, also with two programs at once.

use super::Workspace;
use super::configure::CONFIGURE_LOCK;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
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
    let was = workspace.settings.update(|config: &mut Config| Ok::<_, Failure>(config.active.take()))?;
    if let Some(id) = &was {
        workspace.write_down(&workspace.activity(Some(id), "deactivate", "done"))?;
    }
    Ok(was)
}

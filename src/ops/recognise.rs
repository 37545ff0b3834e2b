//! Which Halo what is stored is of: ids mean nothing in another one.

use super::Workspace;
use super::locks::CONFIGURE_LOCK;
use super::workspace::INTERRUPTED;
use crate::coordination::Hold;
use crate::domain::configuration::{ApiCredentials, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};

impl Workspace {
    /// Makes sure that what is stored belongs to the Halo that is about to be asked. Where it belongs to another one,
    /// nobody may be writing there at that moment: what a run of Configure did would be noted as done here.
    pub(super) fn recognise(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<(), Failure> {
        if self.is_another_halo(id, api)? {
            self.require_saved_halo(id, api)?;
            let lock = self.lock(CONFIGURE_LOCK, "a change of the Url")?;
            return self.under(&lock).recognise_under(&lock, id, api);
        }
        self.store.recognise(id, &name_of_halo(api))?;
        Ok(())
    }

    /// Whether what is stored belongs to another Halo than this.
    pub(super) fn is_another_halo(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<bool, Failure> {
        Ok(self.store.halo_of(id)?.is_some_and(|known| known != name_of_halo(api)))
    }

    /// What is stored is of the Halo that is saved. A variable is for one run, and one run elsewhere may not forget it.
    fn require_saved_halo(&self, id: &ConfigurationId, api: &ApiCredentials) -> Result<(), Failure> {
        let saved = self.settings.load()?.configurations.remove(id);
        if saved.is_none_or(|saved| name_of_halo(&saved.api) == name_of_halo(api)) {
            return Ok(());
        }
        let message = format!("the environment names another Halo, {}, than the one that {id} is set up with", api.url);
        Err(Failure::new(FailureKind::Usage, message).hint(
            "Run it without PIA_HALO_API_URL and PIA_HALO_API_TENANT, save the new address, or save another configuration for \
             it",
        ))
    }

    /// The same for whoever holds the lock of Configure.
    pub(super) fn recognise_under(
        &self,
        _lock: &Hold,
        id: &ConfigurationId,
        api: &ApiCredentials,
    ) -> Result<(), Failure> {
        if self.is_another_halo(id, api)? {
            self.require_saved_halo(id, api)?;
            // Nobody can look any more what came of them: the Halo that they were for is not asked again.
            for intent in self.store.open_intents(id)? {
                let outcome = "unknown: it was meant for the previous Halo";
                let mut activity = self.activity(Some(id), INTERRUPTED, outcome);
                activity.object = Some(intent.name.display());
                self.write_down(&activity)?;
                self.store.end_intent(intent.id, outcome, self.now())?;
            }
        }
        if self.store.recognise(id, &name_of_halo(api))? {
            let mut activity = self.activity(Some(id), "another Halo", "done");
            activity.message = Some(format!("{}: results and objects of the previous Halo do not apply here", api.url));
            self.write_down(&activity)?;
        }
        Ok(())
    }
}

/// What one Halo is told from another by.
fn name_of_halo(api: &ApiCredentials) -> String {
    format!("{} {}", api.url, api.tenant.as_deref().unwrap_or_default())
}

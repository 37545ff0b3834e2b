//! The audit trail of whoever works: of this host alone, or of all that share a store.

use super::Workspace;
use super::behind::Behind;
use crate::domain::activity::{Activity, BreakReason, Chain, ChainBreak, Record};
use crate::domain::failure::Failure;

impl Workspace {
    /// Whether the lines of the audit trail still follow each other; see [`Audit::verify`]. Each run wrote a line: where the
    /// store knows of one, a trail that is missing with its anchor was removed.
    ///
    /// # Errors
    ///
    /// As [`Audit::verify`], and where settings or store cannot be read.
    ///
    /// [`Audit::verify`]: crate::store::Audit::verify
    pub fn verify_trail(&self, expected: Option<&str>) -> Result<Chain, Failure> {
        if !self.store.is_file() {
            return Ok(self.audit.verify_all(&self.store, expected, &self.tag()?)?);
        }
        let mut chain = self.audit.verify(expected)?;
        if chain.lines == 0 && chain.breaks.is_empty() {
            for id in self.settings.load().map_err(Failure::from)?.configurations.keys() {
                if !self.store.runs(id, 1)?.is_empty() {
                    chain.breaks = vec![ChainBreak { line: 1, why: BreakReason::NoTrail }];
                    chain.whole = false;
                }
            }
        }
        Ok(chain)
    }

    /// Asked before something is changed: nothing is done of which the audit trail could be told nothing.
    pub(super) fn require_trail(&self) -> Result<(), Failure> {
        Ok(self.audit.require_writable()?)
    }

    /// Writes a line into the audit trail.
    pub fn write_down(&self, activity: &Activity) -> Result<(), Failure> {
        self.audit.append(activity)?;
        self.share_trail();
        Ok(())
    }

    /// The same behind what a command does: what a program was killed before may be long.
    pub(super) fn share_trail_behind(&self) -> Option<Behind> {
        let key = self.settings.seal_key().ok()?;
        let (audit, store) = (self.audit.clone(), self.store.clone());
        if store.is_file() || store.only_looks() {
            return None;
        }
        let copy = move || {
            let tag = |text: &str| key.as_ref()?.tag(text);
            if let Err(error) = audit.share(&store, &tag) {
                tracing::warn!(%error, "the audit trail was not copied to the store");
            }
        };
        Behind::of("trail", copy)
    }

    /// Copies the lines of this host's trail to where all hosts see them. What keeps that from being done keeps nothing else:
    /// the next line takes them along.
    pub fn share_trail(&self) {
        if self.store.is_file() || self.store.only_looks() {
            return;
        }
        let shared = self.tag().and_then(|tag| Ok(self.audit.share(&self.store, &tag)?));
        if let Err(failure) = shared {
            tracing::warn!(%failure, "the audit trail was not copied to the store");
        }
    }

    /// The last lines of the audit trail, newest first; of all hosts that share the store.
    ///
    /// # Errors
    ///
    /// What keeps the file or the store from being read.
    pub fn trail(&self, count: usize) -> Result<Vec<Record>, Failure> {
        let is_own = self.store.is_file();
        Ok(if is_own { self.audit.records(count)? } else { self.audit.records_of_all(&self.store, count)? })
    }

    /// The same without which process it was.
    ///
    /// # Errors
    ///
    /// As [`Workspace::trail`].
    pub fn activities(&self, count: usize) -> Result<Vec<Activity>, Failure> {
        Ok(self.trail(count)?.into_iter().map(|record| record.activity).collect())
    }

    /// What tags the ends of trails, where this host has the key of the store.
    fn tag(&self) -> Result<impl Fn(&str) -> Option<String> + use<>, Failure> {
        let key = self.settings.seal_key().map_err(Failure::from)?;
        Ok(move |text: &str| key.as_ref()?.tag(text))
    }
}

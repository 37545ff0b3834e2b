//! Intents: what is about to be written into Halo, recorded before it is sent, so that a run which was killed in between
//! is found and read back.

use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};

use super::error::Trouble;
use super::{Store, StoreError, time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::installation::ObjectKind;
use crate::domain::untrusted::Untrusted;

/// How many intents that have ended are remembered for each configuration.
const KEPT: i64 = 500;

/// An intent that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(i64);

/// A write to Halo of which it is not known whether it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number, to end it with.
    pub id: IntentId,
    /// The kind of object.
    pub kind: ObjectKind,
    /// The object's name.
    pub name: Untrusted,
    /// What was to be done, in the caller's own form. Never with a secret in it.
    pub operation: String,
    /// When it was recorded.
    pub begun_at: Timestamp,
}

impl Store {
    /// Records what is about to be sent to Halo. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written: then nothing may be sent.
    pub fn begin_intent(
        &self,
        id: &ConfigurationId,
        kind: ObjectKind,
        name: &Untrusted,
        operation: &str,
        now: Timestamp,
    ) -> Result<IntentId, StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "INSERT INTO intents (configuration, kind, name, operation, begun_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id.as_str(), kind.code(), name.raw(), operation, time_out(now)],
            )?;
            Ok(IntentId(inner.connection.last_insert_rowid()))
        })
    }

    /// Records what came of it. An intent that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn end_intent(&self, intent: IntentId, outcome: &str, now: Timestamp) -> Result<(), StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "UPDATE intents SET ended_at = ?2, outcome = ?3 WHERE id = ?1 AND ended_at IS NULL",
                params![intent.0, time_out(now), outcome],
            )?;
            transaction.execute(
                "DELETE FROM intents WHERE ended_at IS NOT NULL
                    AND configuration = (SELECT configuration FROM intents WHERE id = ?1)
                    AND id NOT IN (SELECT id FROM intents WHERE ended_at IS NOT NULL
                        AND configuration = (SELECT configuration FROM intents WHERE id = ?1)
                        ORDER BY id DESC LIMIT ?2)",
                params![intent.0, KEPT],
            )?;
            Ok(transaction.commit()?)
        })
    }

    /// The intents of which nothing came yet, oldest first. Under the lock of Configure they are those of a run that was
    /// killed, and have to be read back before anything else is written.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn open_intents(&self, id: &ConfigurationId) -> Result<Vec<Intent>, StoreError> {
        self.with(|inner| {
            let mut statement = inner.connection.prepare_cached(
                "SELECT id, kind, name, operation, begun_at FROM intents
                 WHERE configuration = ?1 AND ended_at IS NULL ORDER BY id",
            )?;
            let mut rows = statement.query(params![id.as_str()])?;
            let mut intents = Vec::new();
            while let Some(row) = rows.next()? {
                let (kind, at): (String, String) = (row.get(1)?, row.get(4)?);
                intents.push(Intent {
                    id: IntentId(row.get(0)?),
                    kind: ObjectKind::from_code(&kind).ok_or(Trouble::Content("a kind of object"))?,
                    name: Untrusted::new(row.get::<_, String>(2)?),
                    operation: row.get(3)?,
                    begun_at: time_in(&at)?,
                });
            }
            Ok(intents)
        })
    }
}

//! Intents: what is about to be written into Halo, recorded before it is sent, so that a run which was killed in between
//! is found and read back.

use jiff::Timestamp;

use super::database::{Row, args};
use super::error::Trouble;
use super::{Store, StoreError, time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Outcome};
use crate::domain::record::BeforeAfter;
use crate::domain::record::Written;
use crate::domain::untrusted::Untrusted;

/// How many intents that have ended are remembered for each configuration. Those of the last run of Configure are kept
/// whatever their number: a roll back needs every one.
const KEPT: i64 = 500;

/// A run of Configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigureRun(i64);

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
    /// What was to be done.
    pub action: Action,
    /// Halo's id of the object, where it was known.
    pub object: Option<String>,
    /// When it was recorded.
    pub begun_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Written, Trouble> {
    let (kind, action): (String, String) = (row.get(0)?, row.get(2)?);
    let proof: Option<String> = row.get(4)?;
    Ok(Written {
        kind: ObjectKind::from_code(&kind).ok_or(Trouble::Content("a kind of object"))?,
        name: Untrusted::new(row.get::<String>(1)?),
        action: Action::from_code(&action).ok_or(Trouble::Content("an action"))?,
        object: row.get(3)?,
        proof: proof.map_or_else(
            || Ok(BeforeAfter::default()),
            |text| serde_json::from_str(&text).map_err(|_| Trouble::Content("what an object was before")),
        )?,
    })
}

impl Store {
    /// Begins a run of Configure, the unit of a roll back.
    pub fn begin_configure_run(&self, id: &ConfigurationId, now: Timestamp) -> Result<ConfigureRun, StoreError> {
        let sql = "INSERT INTO configure_runs (configuration, begun_at) VALUES (?1, ?2)";
        self.write(|db| db.add(sql, args![id.as_str(), time_out(now)]).map(ConfigureRun))
    }

    /// The last run of Configure that has written something, with its writes, newest first; none where that one was
    /// rolled back. What was before it is out of reach: whoever says yes a second time to be sure takes nothing more out.
    pub fn last_configure_run(&self, id: &ConfigurationId) -> Result<Option<(ConfigureRun, Vec<Written>)>, StoreError> {
        self.read(|db| {
            let run = db.first(
                "SELECT id FROM configure_runs WHERE undone_at IS NULL AND id =
                    (SELECT max(id) FROM configure_runs WHERE configuration = ?1
                        AND EXISTS (SELECT 1 FROM intents WHERE run = configure_runs.id))",
                args![id.as_str()],
                |row| row.get(0),
            )?;
            let Some(run) = run else { return Ok(None) };
            let sql = "SELECT kind, name, operation, object, proof FROM intents WHERE run = ?1 ORDER BY id DESC";
            Ok(Some((ConfigureRun(run), db.rows(sql, args![run], read)?)))
        })
    }

    /// When a run of Configure began.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn configure_run_began(&self, run: ConfigureRun) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT begun_at FROM configure_runs WHERE id = ?1";
        self.read(|db| db.first(sql, args![run.0], |row| time_in(&row.get::<String>(0)?)))
    }

    /// What Configure wrote into webhooks, events and tabs, newest first, as far back as that is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn written(&self, id: &ConfigurationId) -> Result<Vec<Written>, StoreError> {
        let sql = "SELECT kind, name, operation, object, proof FROM intents WHERE configuration = ?1
                    AND kind <> ?2 AND proof IS NOT NULL AND outcome IN (?3, ?4) ORDER BY id DESC";
        let [done, unverified] = [Outcome::Done, Outcome::Unverified].map(Outcome::words);
        self.ask(|db| db.rows(sql, args![id.as_str(), ObjectKind::TicketType.code(), done, unverified], read))
    }

    /// Remembers that a run was rolled back. What its objects were before is forgotten.
    pub fn end_configure_run(&self, run: ConfigureRun, now: Timestamp) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute("UPDATE configure_runs SET undone_at = ?2 WHERE id = ?1", args![run.0, time_out(now)])?;
            db.execute("UPDATE intents SET proof = NULL WHERE run = ?1", args![run.0]).map(drop)
        })
    }

    /// Closes every run of a configuration: after a removal there is nothing to roll back to.
    pub fn forget_configure_runs(&self, id: &ConfigurationId) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute("DELETE FROM configure_runs WHERE configuration = ?1", args![id.as_str()])?;
            db.execute("UPDATE intents SET proof = NULL WHERE configuration = ?1", args![id.as_str()]).map(drop)
        })
    }

    /// Records what is about to be sent to Halo. When this returns, it is on the disk. What the object was before is
    /// only asked for within a run: nothing else is rolled back.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written: then nothing may be sent.
    pub fn begin_intent(
        &self,
        id: &ConfigurationId,
        run: Option<ConfigureRun>,
        write: &Written,
        now: Timestamp,
    ) -> Result<IntentId, StoreError> {
        let proof = run.and_then(|_| serde_json::to_string(&write.proof).ok());
        self.write(|db| {
            let intent = db.add(
                "INSERT INTO intents (configuration, kind, name, operation, begun_at, run, object, proof)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                args![
                    id.as_str(),
                    write.kind.code(),
                    write.name.raw(),
                    write.action.code(),
                    time_out(now),
                    run.map(|run| run.0),
                    write.object.as_deref(),
                    proof
                ],
            )?;
            Ok(IntentId(intent))
        })
    }

    /// Records which object it was, once Halo has told.
    pub fn name_object(&self, intent: IntentId, object: &str) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET object = ?2 WHERE id = ?1 AND object IS NULL";
        self.write(|db| db.execute(sql, args![intent.0, object]).map(drop))
    }

    /// Records what came of it. An intent that has ended stays as it is.
    pub fn end_intent(&self, intent: IntentId, outcome: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "UPDATE intents SET ended_at = ?2, outcome = ?3 WHERE id = ?1 AND ended_at IS NULL",
                args![intent.0, time_out(now), outcome],
            )?;
            db.execute(
                "DELETE FROM intents WHERE ended_at IS NOT NULL
                    AND configuration = (SELECT configuration FROM intents WHERE id = ?1)
                    AND coalesce(run, 0) <> coalesce((SELECT max(run) FROM intents
                        WHERE configuration = (SELECT configuration FROM intents WHERE id = ?1)), -1)
                    AND id NOT IN (SELECT id FROM intents WHERE ended_at IS NOT NULL
                        AND configuration = (SELECT configuration FROM intents WHERE id = ?1)
                        ORDER BY id DESC LIMIT ?2)",
                args![intent.0, KEPT],
            )?;
            Ok(())
        })
    }

    /// Whether anything was ever written into Halo for a configuration; what Halo refused was not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn has_written(&self, id: &ConfigurationId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM intents WHERE configuration = ?1 AND outcome IN (?2, ?3))";
        let [done, unverified] = [Outcome::Done, Outcome::Unverified].map(Outcome::words);
        self.ask(|db| db.value(sql, args![id.as_str(), done, unverified]))
    }

    /// The intents of which nothing came yet, oldest first. Under the lock of Configure they are those of a run that was
    /// killed, and have to be read back before anything else is written.
    pub fn open_intents(&self, id: &ConfigurationId) -> Result<Vec<Intent>, StoreError> {
        let sql = "SELECT id, kind, name, operation, begun_at, object FROM intents
                 WHERE configuration = ?1 AND ended_at IS NULL ORDER BY id";
        self.ask(|db| {
            db.rows(sql, args![id.as_str()], |row| {
                let (kind, at, action): (String, String, String) = (row.get(1)?, row.get(4)?, row.get(3)?);
                Ok(Intent {
                    id: IntentId(row.get(0)?),
                    kind: ObjectKind::from_code(&kind).ok_or(Trouble::Content("a kind of object"))?,
                    name: Untrusted::new(row.get::<String>(2)?),
                    action: Action::from_code(&action).ok_or(Trouble::Content("an action"))?,
                    object: row.get(5)?,
                    begun_at: time_in(&at)?,
                })
            })
        })
    }
}

//! What Configure put into Halo, by our own record, and when a connection was last tested.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::error::Trouble;
use super::{Store, StoreError, maybe_time_in, time_in, time_out};
use crate::domain::address::{AuthUrl, SignInPlace};
use crate::domain::configuration::ConfigurationId;
use crate::domain::object::ObjectKind;
use crate::domain::record::InstalledObject;
use crate::domain::status::Release;
use crate::domain::untrusted::Untrusted;

/// A connection test that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What was tested, in a form that only the caller understands: it holds for these credentials and no others.
    pub fingerprint: String,
    /// When.
    pub at: Timestamp,
    /// Where it signed in, as far as that is remembered.
    pub place: Option<SignInPlace>,
}

impl Store {
    /// The objects in Halo that are ours by our own record, in the order of their installation.
    pub fn installed(&self, id: &ConfigurationId) -> Result<Vec<InstalledObject>, StoreError> {
        self.with(|inner| {
            let mut statement = inner
                .connection
                .prepare_cached("SELECT kind, id, name, installed_at, mark FROM installed WHERE configuration = ?1")?;
            let mut rows = statement.query(params![id.as_str()])?;
            let mut objects = Vec::new();
            while let Some(row) = rows.next()? {
                let (kind, at): (String, String) = (row.get(0)?, row.get(3)?);
                objects.push(InstalledObject {
                    kind: ObjectKind::from_code(&kind).ok_or(Trouble::Content("a kind of object"))?,
                    id: row.get(1)?,
                    name: Untrusted::new(row.get::<_, String>(2)?),
                    installed_at: time_in(&at)?,
                    identity: row.get(4)?,
                });
            }
            objects.sort_by(|a, b| (a.kind, a.installed_at, &a.id).cmp(&(b.kind, b.installed_at, &b.id)));
            Ok(objects)
        })
    }

    /// Remembers an object. One that is known already keeps the time of its installation and gets the new name, and
    /// the new identity where there is one.
    pub fn record_installed(&self, id: &ConfigurationId, object: &InstalledObject) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "INSERT INTO installed (configuration, kind, id, name, installed_at, mark)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET name = excluded.name, mark = coalesce(excluded.mark, mark)",
                params![
                    id.as_str(),
                    object.kind.code(),
                    object.id,
                    object.name.raw(),
                    time_out(object.installed_at),
                    object.identity
                ],
            )?;
            Ok(())
        })
    }

    /// Forgets an object; nothing where it is not known.
    pub fn forget_installed(&self, id: &ConfigurationId, kind: ObjectKind, object_id: &str) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "DELETE FROM installed WHERE configuration = ?1 AND kind = ?2 AND id = ?3",
                params![id.as_str(), kind.code(), object_id],
            )?;
            Ok(())
        })
    }

    /// When Configure last ended with every object read back; none before, or after a removal.
    pub fn configured_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.with(|inner| {
            let text = inner
                .connection
                .prepare_cached("SELECT configured_at FROM configurations WHERE id = ?1")?
                .query_row(params![id.as_str()], |row| row.get(0))
                .optional()?;
            maybe_time_in(text.flatten())
        })
    }

    /// Remembers when Configure ended with every object read back, or that this holds no longer.
    pub fn set_configured_at(&self, id: &ConfigurationId, at: Option<Timestamp>) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "INSERT INTO configurations (id, configured_at) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET configured_at = excluded.configured_at",
                params![id.as_str(), at.map(time_out)],
            )?;
            Ok(())
        })
    }

    /// The last connection test that passed, if it was made with exactly these credentials.
    pub fn verified(&self, id: &ConfigurationId, fingerprint: &str) -> Result<Option<Verified>, StoreError> {
        self.with(|inner| {
            type Columns = (Option<String>, Option<String>, Option<String>, Option<String>);
            let row: Option<Columns> = inner
                .connection
                .prepare_cached(
                    "SELECT verified_with, verified_at, sign_in_url, sign_in_tenant FROM configurations WHERE id = ?1",
                )?
                .query_row(params![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((Some(with), Some(at), url, tenant)) = row else { return Ok(None) };
            if with != fingerprint {
                return Ok(None);
            }
            let auth_url = url.and_then(|url| AuthUrl::read(&url).ok()).map(|read| read.address);
            let place = auth_url.map(|auth_url| SignInPlace { auth_url, tenant });
            Ok(Some(Verified { fingerprint: with, at: time_in(&at)?, place }))
        })
    }

    /// Remembers that a connection test passed, and where it signed in. The fingerprint must not allow to guess a secret.
    pub fn set_verified(&self, id: &ConfigurationId, verified: &Verified) -> Result<(), StoreError> {
        self.with(|inner| {
            let place = verified.place.as_ref();
            inner.connection.execute(
                "INSERT INTO configurations (id, verified_with, verified_at, sign_in_url, sign_in_tenant)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET verified_with = excluded.verified_with, verified_at = excluded.verified_at,
                    sign_in_url = excluded.sign_in_url, sign_in_tenant = excluded.sign_in_tenant",
                params![
                    id.as_str(),
                    verified.fingerprint,
                    time_out(verified.at),
                    place.map(|place| place.auth_url.as_str()),
                    place.and_then(|place| place.tenant.as_deref())
                ],
            )?;
            Ok(())
        })
    }

    /// Which release of Halo answered last; none where none has told.
    pub fn release(&self, id: &ConfigurationId) -> Result<Option<Release>, StoreError> {
        self.with(|inner| {
            type Columns = (Option<String>, Option<String>, Option<String>, Option<String>);
            let row: Option<Columns> = inner
                .connection
                .prepare_cached(
                    "SELECT halo_product, halo_version, halo_version_before, halo_changed_at FROM configurations
                     WHERE id = ?1",
                )?
                .query_row(params![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((Some(product), Some(version), before, changed_at)) = row else { return Ok(None) };
            Ok(Some(Release { product, version, before, changed_at: maybe_time_in(changed_at)? }))
        })
    }

    /// Remembers which release of Halo answered, and the one before where it is another.
    pub fn set_release(
        &self,
        id: &ConfigurationId,
        product: &str,
        version: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "INSERT INTO configurations (id, halo_product, halo_version) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET halo_product = excluded.halo_product, halo_version = excluded.halo_version,
                    halo_version_before = iif(halo_version != excluded.halo_version, halo_version, halo_version_before),
                    halo_changed_at = iif(halo_version != excluded.halo_version, ?4, halo_changed_at)",
                params![id.as_str(), product, version, time_out(at)],
            )?;
            Ok(())
        })
    }

    /// Forgets where the connection test signed in: the next one has to find out.
    pub fn forget_sign_in_place(&self, id: &ConfigurationId) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "UPDATE configurations SET sign_in_url = NULL, sign_in_tenant = NULL WHERE id = ?1",
                params![id.as_str()],
            )?;
            Ok(())
        })
    }

    /// When a sync was last proved complete.
    pub fn proved_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.moment(id, "SELECT proved_at FROM configurations WHERE id = ?1")
    }

    /// When a person agreed to go on with a list that no sync has proved complete.
    pub fn unproved_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.moment(id, "SELECT unproved_at FROM configurations WHERE id = ?1")
    }

    fn moment(&self, id: &ConfigurationId, sql: &str) -> Result<Option<Timestamp>, StoreError> {
        self.with(|inner| {
            let at: Option<Option<String>> =
                inner.connection.prepare_cached(sql)?.query_row(params![id.as_str()], |row| row.get(0)).optional()?;
            at.flatten().map(|at| time_in(&at)).transpose()
        })
    }

    /// Remembers that a person goes on with the stored list, though no sync has proved it complete. Says whether there is
    /// a list.
    pub fn agree_unproved(&self, id: &ConfigurationId, at: Timestamp) -> Result<bool, StoreError> {
        self.with(|inner| {
            let rows = inner.connection.execute(
                "UPDATE configurations SET unproved_at = ?2 WHERE id = ?1 AND published_at IS NOT NULL
                    AND lists_at IS NOT NULL",
                params![id.as_str(), time_out(at)],
            )?;
            Ok(rows > 0)
        })
    }

    /// Forgets everything about a configuration.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; nothing is forgotten then.
    pub fn forget(&self, id: &ConfigurationId) -> Result<(), StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for part in ["pages", "change_reports"] {
                let sql = format!("DELETE FROM {part} WHERE run IN (SELECT id FROM runs WHERE configuration = ?1)");
                transaction.execute(&sql, [id.as_str()])?;
            }
            let of_configurations = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                WHERE t.type = 'table' AND c.name = 'configuration'";
            let parts: Vec<String> =
                transaction.prepare(of_configurations)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for part in parts {
                transaction.execute(&format!("DELETE FROM {part} WHERE configuration = ?1"), [id.as_str()])?;
            }
            transaction.execute("DELETE FROM configurations WHERE id = ?1", [id.as_str()])?;
            Ok(transaction.commit()?)
        })
    }

    /// The Halo that what is stored is of; none where nothing was stored yet.
    pub fn halo_of(&self, id: &ConfigurationId) -> Result<Option<String>, StoreError> {
        self.with(|inner| {
            let known: Option<Option<String>> = inner
                .connection
                .query_row("SELECT halo FROM configurations WHERE id = ?1", params![id.as_str()], |row| row.get(0))
                .optional()?;
            Ok(known.flatten())
        })
    }

    /// Makes sure that what is stored is of this Halo. Ids mean nothing in another one: there, what is installed, what
    /// was proved and the lists are forgotten. The clients stay as they are: the next sync has to find them again, and
    /// disables those that it does not find as it does in any other run, with a proof and not beyond the brake. An address
    /// that was mistyped takes nobody away. Says whether that had to be done.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written. Nothing is changed then.
    pub fn recognise(&self, id: &ConfigurationId, halo: &str) -> Result<bool, StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let known: Option<Option<String>> = transaction
                .query_row("SELECT halo FROM configurations WHERE id = ?1", params![id.as_str()], |row| row.get(0))
                .optional()?;
            let known = known.flatten();
            if known.as_deref() == Some(halo) {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO configurations (id, halo) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET halo = excluded.halo",
                params![id.as_str(), halo],
            )?;
            if known.is_some() {
                for forget in [
                    "UPDATE configurations SET proved_at = NULL, unproved_at = NULL, lists_at = NULL, configured_at = NULL, halo_product = NULL,
                        halo_version = NULL, halo_version_before = NULL, halo_changed_at = NULL WHERE id = ?1",
                    "DELETE FROM lists WHERE configuration = ?1",
                    "DELETE FROM installed WHERE configuration = ?1",
                    "DELETE FROM configure_runs WHERE configuration = ?1",
                    "DELETE FROM intents WHERE configuration = ?1",
                    "DELETE FROM health WHERE configuration = ?1",
                ] {
                    transaction.execute(forget, params![id.as_str()])?;
                }
            }
            transaction.commit()?;
            Ok(known.is_some())
        })
    }
}

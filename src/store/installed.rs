//! What Configure put into Halo, by our own record, and when a connection was last tested.

use jiff::Timestamp;

use super::database::{Database, Row, args};
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
        let sql = "SELECT kind, id, name, installed_at, mark FROM installed WHERE configuration = ?1";
        let read = |row: &Row<'_>| {
            let (kind, at): (String, String) = (row.get(0)?, row.get(3)?);
            Ok(InstalledObject {
                kind: ObjectKind::from_code(&kind).ok_or(Trouble::Content("a kind of object"))?,
                id: row.get(1)?,
                name: Untrusted::new(row.get::<String>(2)?),
                installed_at: time_in(&at)?,
                identity: row.get(4)?,
            })
        };
        let mut objects = self.ask(|db| db.rows(sql, args![id.as_str()], read))?;
        objects.sort_by(|a, b| (a.kind, a.installed_at, &a.id).cmp(&(b.kind, b.installed_at, &b.id)));
        Ok(objects)
    }

    /// Remembers an object. One that is known already keeps the time of its installation and gets the new name, and
    /// the new identity where there is one.
    pub fn record_installed(&self, id: &ConfigurationId, object: &InstalledObject) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO installed (configuration, kind, id, name, installed_at, mark)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (configuration, kind, id)
                 DO UPDATE SET name = excluded.name, mark = coalesce(excluded.mark, installed.mark)",
                args![
                    id.as_str(),
                    object.kind.code(),
                    &object.id,
                    object.name.raw(),
                    time_out(object.installed_at),
                    object.identity.as_deref()
                ],
            )?;
            Ok(())
        })
    }

    /// Forgets an object; nothing where it is not known.
    pub fn forget_installed(&self, id: &ConfigurationId, kind: ObjectKind, object_id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM installed WHERE configuration = ?1 AND kind = ?2 AND id = ?3";
        self.write(|db| db.execute(sql, args![id.as_str(), kind.code(), object_id]).map(drop))
    }

    /// When Configure last ended with every object read back; none before, or after a removal.
    pub fn configured_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.moment(id, "SELECT configured_at FROM configurations WHERE id = ?1")
    }

    /// Remembers when Configure ended with every object read back, or that this holds no longer.
    pub fn set_configured_at(&self, id: &ConfigurationId, at: Option<Timestamp>) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO configurations (id, configured_at) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET configured_at = excluded.configured_at",
                args![id.as_str(), at.map(time_out)],
            )?;
            Ok(())
        })
    }

    /// When our webhooks were last left switched on; none where nobody has done so since there is a record of it.
    pub fn on_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.moment(id, "SELECT on_at FROM configurations WHERE id = ?1")
    }

    /// Remembers that our webhooks were left switched on at this moment.
    pub fn set_on_at(&self, id: &ConfigurationId, at: Timestamp) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO configurations (id, on_at) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET on_at = excluded.on_at",
                args![id.as_str(), time_out(at)],
            )?;
            Ok(())
        })
    }

    /// The last connection test that passed, if it was made with exactly these credentials.
    pub fn verified(&self, id: &ConfigurationId, fingerprint: &str) -> Result<Option<Verified>, StoreError> {
        self.ask(|db| {
            let sql =
                "SELECT verified_with, verified_at, sign_in_url, sign_in_tenant FROM configurations WHERE id = ?1";
            let found = db.first(sql, args![id.as_str()], four_texts)?;
            let Some([Some(with), Some(at), url, tenant]) = found else { return Ok(None) };
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
        let place = verified.place.as_ref();
        self.write(|db| {
            db.execute(
                "INSERT INTO configurations (id, verified_with, verified_at, sign_in_url, sign_in_tenant)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET verified_with = excluded.verified_with,
                    verified_at = excluded.verified_at,
                    sign_in_url = excluded.sign_in_url, sign_in_tenant = excluded.sign_in_tenant",
                args![
                    id.as_str(),
                    &verified.fingerprint,
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
        self.ask(|db| {
            let sql = "SELECT halo_product, halo_version, halo_version_before, halo_changed_at FROM configurations
                     WHERE id = ?1";
            let found = db.first(sql, args![id.as_str()], four_texts)?;
            let Some([Some(product), Some(version), before, changed_at]) = found else { return Ok(None) };
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
        self.write(|db| {
            let is_another = "configurations.halo_version <> excluded.halo_version";
            let sql = format!(
                "INSERT INTO configurations (id, halo_product, halo_version) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET halo_product = excluded.halo_product,
                    halo_version = excluded.halo_version,
                    halo_version_before = CASE WHEN {is_another} THEN configurations.halo_version
                        ELSE configurations.halo_version_before END,
                    halo_changed_at = CASE WHEN {is_another} THEN ?4 ELSE configurations.halo_changed_at END"
            );
            db.execute(&sql, args![id.as_str(), product, version, time_out(at)]).map(drop)
        })
    }

    /// Forgets where the connection test signed in: the next one has to find out.
    pub fn forget_sign_in_place(&self, id: &ConfigurationId) -> Result<(), StoreError> {
        let sql = "UPDATE configurations SET sign_in_url = NULL, sign_in_tenant = NULL WHERE id = ?1";
        self.write(|db| db.execute(sql, args![id.as_str()]).map(drop))
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
        self.ask(|db| {
            let at: Option<Option<String>> = db.first(sql, args![id.as_str()], |row| row.get(0))?;
            maybe_time_in(at.flatten())
        })
    }

    /// Remembers that a person goes on with the stored list, though no sync has proved it complete. Says whether there is
    /// a list.
    pub fn agree_unproved(&self, id: &ConfigurationId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE configurations SET unproved_at = ?2 WHERE id = ?1 AND published_at IS NOT NULL
                    AND lists_at IS NOT NULL";
        Ok(self.write(|db| db.execute(sql, args![id.as_str(), time_out(at)]))? > 0)
    }

    /// Forgets everything about a configuration.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; nothing is forgotten then.
    pub fn forget(&self, id: &ConfigurationId) -> Result<(), StoreError> {
        self.write(|db| {
            for part in ["pages", "change_reports"] {
                let sql = format!("DELETE FROM {part} WHERE run IN (SELECT id FROM runs WHERE configuration = ?1)");
                db.execute(&sql, args![id.as_str()])?;
            }
            for part in db.tables_with("configuration")? {
                db.execute(&format!("DELETE FROM {part} WHERE configuration = ?1"), args![id.as_str()])?;
            }
            db.execute("DELETE FROM configurations WHERE id = ?1", args![id.as_str()]).map(drop)
        })
    }

    /// The Halo that what is stored is of; none where nothing was stored yet.
    pub fn halo_of(&self, id: &ConfigurationId) -> Result<Option<String>, StoreError> {
        self.ask(|db| halo_of(db, id))
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
        self.write(|db| {
            let known = halo_of(db, id)?;
            if known.as_deref() == Some(halo) {
                return Ok(false);
            }
            db.execute(
                "INSERT INTO configurations (id, halo) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET halo = excluded.halo",
                args![id.as_str(), halo],
            )?;
            if known.is_some() {
                for forget in [
                    "UPDATE configurations SET proved_at = NULL, unproved_at = NULL, lists_at = NULL, configured_at = NULL, on_at = NULL, halo_product = NULL,
                        halo_version = NULL, halo_version_before = NULL, halo_changed_at = NULL WHERE id = ?1",
                    "DELETE FROM lists WHERE configuration = ?1",
                    "DELETE FROM installed WHERE configuration = ?1",
                    "DELETE FROM configure_runs WHERE configuration = ?1",
                    "DELETE FROM intents WHERE configuration = ?1",
                    "DELETE FROM health WHERE configuration = ?1",
                ] {
                    db.execute(forget, args![id.as_str()])?;
                }
            }
            Ok(known.is_some())
        })
    }
}

fn halo_of(db: &Database, id: &ConfigurationId) -> Result<Option<String>, Trouble> {
    let known = db.first("SELECT halo FROM configurations WHERE id = ?1", args![id.as_str()], |row| row.get(0))?;
    Ok(known.flatten())
}

fn four_texts(row: &Row<'_>) -> Result<[Option<String>; 4], Trouble> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
}

//! What was last read of Halo's delivery log: for a look without a network.

use super::database::args;
use super::error::Trouble;
use super::{Store, StoreError, time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::Delivery;

impl Store {
    /// Remembers what was read, in place of what was read before.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written. Nothing is changed then.
    pub fn remember_deliveries(&self, id: &ConfigurationId, deliveries: &[Delivery]) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute("DELETE FROM deliveries WHERE configuration = ?1", args![id.as_str()])?;
            for delivery in deliveries {
                let verdict = serde_json::to_string(delivery).map_err(|_| Trouble::Content("a delivery"))?;
                db.execute(
                    "INSERT INTO deliveries (configuration, webhook, read_at, verdict) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (configuration, webhook)
                     DO UPDATE SET read_at = excluded.read_at, verdict = excluded.verdict",
                    args![id.as_str(), &delivery.id, time_out(delivery.read_at), verdict],
                )?;
            }
            Ok(())
        })
    }

    /// What was last read, of the webhooks that are still ours by our own record.
    pub fn deliveries(&self, id: &ConfigurationId) -> Result<Vec<Delivery>, StoreError> {
        self.ask(|db| {
            let mut found = Vec::new();
            let sql = "SELECT verdict, deliveries.read_at FROM deliveries JOIN installed
                     ON installed.configuration = deliveries.configuration
                     AND installed.kind = 'webhook' AND installed.id = deliveries.webhook
                 WHERE deliveries.configuration = ?1 ORDER BY installed.name";
            db.each(sql, args![id.as_str()], |row| {
                // What another version of this program wrote and this one does not understand is read again from Halo.
                let verdict = serde_json::from_str::<Delivery>(&row.get::<String>(0)?).ok();
                // The column has it with its fraction: an event of the same second came before or after it.
                let read_at = time_in(&row.get::<String>(1)?)?;
                found.extend(verdict.map(|verdict| Delivery { read_at, ..verdict }));
                Ok(())
            })?;
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::DeliveryState;
    use crate::domain::object::ObjectKind;
    use crate::domain::record::InstalledObject;
    use crate::domain::untrusted::Untrusted;
    use crate::store::database::Database;
    use crate::store::test_support::BACK_TO_THE_FIRST_VERSION;

    fn delivery(webhook: &str, state: DeliveryState) -> Delivery {
        let at = jiff::Timestamp::new(1_795_000_000, 0).unwrap();
        Delivery {
            webhook: webhook.to_owned(),
            id: webhook.to_owned(),
            state,
            last_at: Some(at),
            http_status: Some(200),
            duration: None,
            error: None,
            last_success_at: None,
            off_by_halo: false,
            unbound: false,
            message: "m".to_owned(),
            advice: None,
            read_at: at,
        }
    }

    #[test]
    fn last_reading_is_kept_for_webhooks_that_are_still_ours() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let (acme, other): (ConfigurationId, ConfigurationId) = ("acme".parse().unwrap(), "other".parse().unwrap());
        for name in ["a", "b"] {
            let installed_at = jiff::Timestamp::new(1_795_000_000, 0).unwrap();
            let (kind, id, name) = (ObjectKind::Webhook, name.to_owned(), Untrusted::new(name));
            store.record_installed(&acme, &InstalledObject { kind, id, name, installed_at, identity: None }).unwrap();
        }
        assert_eq!(store.deliveries(&acme).unwrap(), []);
        let first = [delivery("a", DeliveryState::Never), delivery("b", DeliveryState::Never)];
        store.remember_deliveries(&acme, &first).unwrap();
        assert_eq!(store.deliveries(&acme).unwrap(), first);
        assert_eq!(store.deliveries(&other).unwrap(), []);
        let second = [delivery("b", DeliveryState::Delivered), delivery("gone", DeliveryState::Never)];
        store.remember_deliveries(&acme, &second).unwrap();
        assert_eq!(store.deliveries(&acme).unwrap(), second[..1]);
        store.forget_installed(&acme, ObjectKind::Webhook, "b").unwrap();
        assert_eq!(store.deliveries(&acme).unwrap(), []);
    }

    #[test]
    fn older_store_gets_table_and_read_only_one_has_read_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let acme: ConfigurationId = "acme".parse().unwrap();
        drop(Store::open(&path).unwrap());
        let without = || {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch(BACK_TO_THE_FIRST_VERSION).unwrap();
        };
        without();
        let store = Store::open(&path).unwrap();
        store.remember_deliveries(&acme, &[delivery("a", DeliveryState::Never)]).unwrap();
        drop(store);
        without();
        let connection = super::super::schema::open_for_reading(&path, &path).unwrap();
        assert_eq!(Store::around(&path, Database::of(connection)).deliveries(&acme).unwrap(), []);
    }
}

//! What the hosts have in common that share a store: the configurations, and their secrets, which are sealed before they come here.
//! Both are texts that only the room of the settings reads.

use jiff::Timestamp;

use super::database::{Database, args};
use super::error::Trouble;
use super::{Store, StoreError, count_in, count_out, time_in, time_out};
use crate::settings::{Part, Text, next_save};

/// The table that they are in.
pub(super) const TABLE: &str = "settings";

impl Store {
    /// A text that the hosts have in common; none where the store is for one machine, which has files of its own for it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn settings(&self, part: Part) -> Result<Option<Text>, StoreError> {
        self.ask(|db| saved(db, part))
    }

    /// Saves texts, all or none, unless one of them was saved since: says whether it did. `before` is how often each was saved
    /// when it was read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written. Nothing is changed then.
    pub fn save_settings(
        &self,
        texts: &[(Part, &str, Option<u64>)],
        (by, host): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|db| {
            for (part, _, before) in texts {
                if saved(db, *part)?.map(|saved| saved.save) != *before {
                    return Ok(false);
                }
            }
            for (part, content, before) in texts {
                let save = count_out(next_save(*before));
                db.execute(
                    "INSERT INTO settings (part, save, content, saved_at, saved_by, host) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (part) DO UPDATE SET save = excluded.save, content = excluded.content,
                         saved_at = excluded.saved_at, saved_by = excluded.saved_by, host = excluded.host",
                    args![part.key(), save, *content, time_out(now), by, host],
                )?;
            }
            db.tell_settings()?;
            Ok(true)
        })
    }
}

fn saved(db: &Database, part: Part) -> Result<Option<Text>, Trouble> {
    let sql = "SELECT content, save, saved_at, saved_by, host FROM settings WHERE part = ?1";
    db.first(sql, args![part.key()], |row| {
        Ok(Text {
            content: row.get(0)?,
            save: count_in(row.get(1)?),
            at: time_in(&row.get::<String>(2)?)?,
            by: row.get(3)?,
            host: row.get(4)?,
        })
    })
}

/// Who has saved the configurations last, and on which host.
pub(super) fn saved_by(db: &Database) -> Result<Option<(String, String)>, Trouble> {
    Ok(saved(db, Part::Configurations)?.map(|saved| (saved.by, saved.host)))
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{at, opener, store};
    use super::*;

    #[test]
    fn newer_save_is_not_overwritten() {
        let (_folder, store) = store();
        let other = opener(&store)();
        let both = |save| [(Part::Configurations, "a", save), (Part::Secrets, "b", save)];
        assert_eq!(store.settings(Part::Configurations).unwrap(), None);
        assert!(store.save_settings(&both(None), ("ada", "jump1"), at(0)).unwrap());
        assert!(!other.save_settings(&both(None), ("bob", "jump2"), at(1)).unwrap(), "there is one already");
        let mine = [(Part::Configurations, "mine", Some(1))];
        assert!(other.save_settings(&mine, ("bob", "jump2"), at(1)).unwrap());
        assert!(!store.save_settings(&mine, ("ada", "jump1"), at(2)).unwrap(), "saved since");
        assert!(!store.save_settings(&both(Some(1)), ("ada", "jump1"), at(2)).unwrap(), "one of them was saved since");
        let said = |part| store.settings(part).unwrap().map(|saved| (saved.content, saved.save, saved.by, saved.host));
        let known = |content: &str, save, by: &str, host: &str| Some((content.into(), save, by.into(), host.into()));
        assert_eq!(said(Part::Configurations), known("mine", 2, "bob", "jump2"));
        assert_eq!(said(Part::Secrets), known("b", 1, "ada", "jump1"));
    }
}

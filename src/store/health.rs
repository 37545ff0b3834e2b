//! What was last found of each rule of health, and what a person has said is known.

use jiff::Timestamp;
use serde_json::json;

use super::database::{Database, args};
use super::error::Trouble;
use super::events::moment;
use super::{Store, StoreError, count_in, schema, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::health::{Finding, Rule, State};

impl Store {
    /// What was last written down of each rule; a finding is dismissed as long as its cause is the one that was.
    pub fn health(&self, id: &ConfigurationId) -> Result<Vec<Finding>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT finding FROM health WHERE configuration = ?1 AND finding <> ''";
            let texts = db.rows(sql, args![id.as_str()], |row| row.get::<String>(0))?;
            // A rule of another version of this program is judged anew.
            Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
        })
    }

    /// Writes findings down, in place of those of the same rules. What is well again is no longer dismissed: the next time
    /// it is a new problem.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written. Nothing is changed then.
    pub fn keep_health(&self, id: &ConfigurationId, findings: &[Finding]) -> Result<(), StoreError> {
        self.write(|db| {
            for finding in findings {
                let mut kept = serde_json::to_value(finding).map_err(|_| Trouble::Content("a finding"))?;
                // With its fraction, which programs do not read: Halo may have answered in the same second.
                if let Some(at) = finding.seen_at {
                    kept["seen_at"] = json!(time_out(at));
                }
                db.execute(
                    "INSERT INTO health (configuration, rule, finding) VALUES (?1, ?2, ?3)
                     ON CONFLICT (configuration, rule) DO UPDATE SET finding = excluded.finding,
                         dismissed = CASE WHEN ?4 = 1 THEN NULL ELSE health.dismissed END",
                    args![id.as_str(), finding.rule.code(), kept.to_string(), finding.state == State::Well],
                )?;
            }
            Ok(())
        })
    }

    /// Writes down which state of a rule was told to people.
    pub fn told_health(&self, id: &ConfigurationId, rule: Rule, state: State) -> Result<(), StoreError> {
        self.write(|db| {
            let of_rule = "configuration = ?1 AND rule = ?2 AND finding <> ''";
            let sql = format!("SELECT finding FROM health WHERE {of_rule}");
            let text: Option<String> = db.first(&sql, args![id.as_str(), rule.code()], |row| row.get(0))?;
            let finding = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
            let Some(mut finding) = finding else { return Ok(()) };
            finding["told"] = json!(state);
            let sql = format!("UPDATE health SET finding = ?3 WHERE {of_rule}");
            db.execute(&sql, args![id.as_str(), rule.code(), finding.to_string()])?;
            Ok(())
        })
    }

    /// The causes that a person has dismissed, each with its rule.
    pub fn dismissed(&self, id: &ConfigurationId) -> Result<Vec<(Rule, String)>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT rule, dismissed FROM health WHERE configuration = ?1 AND dismissed IS NOT NULL";
            let found = db.rows(sql, args![id.as_str()], |row| Ok((row.get::<String>(0)?, row.get(1)?)))?;
            Ok(found.into_iter().filter_map(|(code, cause)| Some((Rule::of_code(&code)?, cause))).collect())
        })
    }

    /// Dismisses the cause of a rule, until it changes; or none any more.
    pub fn dismiss(&self, id: &ConfigurationId, rule: Rule, cause: Option<&str>) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO health (configuration, rule, finding, dismissed) VALUES (?1, ?2, '', ?3)
                 ON CONFLICT (configuration, rule) DO UPDATE SET dismissed = excluded.dismissed",
                args![id.as_str(), rule.code(), cause],
            )?;
            Ok(())
        })
    }

    /// Whether the database is whole; otherwise the first thing that is wrong with it. Reads all of it.
    pub fn fault(&self) -> Result<Option<String>, StoreError> {
        // On a connection of its own: callbacks and screens do not wait until all is read. Where nobody may write there is
        // none, and nobody waits.
        match self.is_file().then(|| schema::connect_to_read(&self.path)).flatten().map(Database::of) {
            Some(database) => database.fault().map_err(|trouble| trouble.at(&self.path)),
            None => self.ask(Database::fault),
        }
    }

    /// How many deliveries that came in since a moment were not understood, and when the last of them did.
    pub fn not_understood(
        &self,
        id: &ConfigurationId,
        since: Timestamp,
    ) -> Result<Option<(u64, Timestamp)>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT count(*), max(received_at) FROM events
                 WHERE configuration = ?1 AND not_understood IS NOT NULL AND received_at >= ?2";
            let counted = db.first(sql, args![id.as_str(), since.as_millisecond()], |row| {
                Ok((count_in(row.get(0)?), row.get::<Option<i64>>(1)?))
            })?;
            let Some((count, Some(last))) = counted else { return Ok(None) };
            Ok(Some((count, moment(last)?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_support::{at, id, store};

    /// A sync has the fraction of its second, too: only so it is known which of both came first.
    #[test]
    fn finding_keeps_fraction_of_its_second() {
        let (_folder, store) = store();
        let seen_at = Some(at(0) + jiff::SignedDuration::from_micros(345_678));
        let found = Finding { seen_at, ..Finding::new(Rule::Halo, State::Watch, "silent") };
        store.keep_health(&id("acme"), &[found]).unwrap();
        assert_eq!(store.health(&id("acme")).unwrap()[0].seen_at, seen_at);
    }

    #[test]
    fn last_findings_and_dismissals_are_kept_for_each_rule() {
        let (_folder, store) = store();
        let (acme, other) = (id("acme"), id("other"));
        assert_eq!(store.health(&acme).unwrap(), []);
        let off = Finding::new(Rule::Drift, State::Broken, "a webhook is gone");
        store.keep_health(&acme, &[off.clone(), Finding::well(Rule::Rights, "can be read")]).unwrap();
        let on = Finding::well(Rule::Drift, "as it was made");
        store.dismiss(&acme, Rule::Drift, Some(&off.cause())).unwrap();
        store.dismiss(&acme, Rule::Disk, Some("full")).unwrap();
        store.keep_health(&acme, std::slice::from_ref(&on)).unwrap();
        let mut kept = store.health(&acme).unwrap();
        kept.sort_by_key(|finding| finding.rule);
        assert_eq!(kept, [Finding::well(Rule::Rights, "can be read"), on]);
        let dismissed = store.dismissed(&acme).unwrap();
        assert_eq!(dismissed, [(Rule::Disk, "full".to_owned())], "what is well again is not dismissed any more");
        assert!(store.health(&other).unwrap().is_empty() && store.dismissed(&other).unwrap().is_empty());
        assert_eq!(store.fault().unwrap(), None);
        store.forget(&acme).unwrap();
        assert!(store.health(&acme).unwrap().is_empty() && store.dismissed(&acme).unwrap().is_empty());
    }
}

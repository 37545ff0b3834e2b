//! Since when the store knows anything: one that has taken the place of another cannot call well what was before it.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Finding, Rule};
use super::rules::Facts;
use crate::domain::calendar::utc;

/// What is well of a store that has taken the place of another one.
const REPLACED: &str = "it has taken the place of one that was lost or set aside";

impl Facts<'_> {
    // Whoever restores a backup restores its findings with it; otherwise it holds until a sync has filled the new store.
    pub(super) fn store_lost(&self) -> Finding {
        let rule = Rule::StoreLost;
        let lost = self.last(rule).filter(|lost| lost.is_issue() && self.published_at() < lost.seen_at);
        lost.cloned().unwrap_or(match known_since(&self.status.known.before) {
            Some(since) => replaced(since),
            None => Finding::well(rule, "the store is not missing"),
        })
    }

    // Of what is kept so long nothing is known before the store that has it.
    pub(super) fn none(&self, rule: Rule, words: &str, kept: SignedDuration) -> Finding {
        match known_since(&self.status.known.before).filter(|since| !self.is_older(*since, kept)) {
            Some(since) => Finding::well(rule, format!("none; {}", known_here(since))),
            None => Finding::well(rule, words),
        }
    }
}

/// A store that has taken the place of another one, which was lost or set aside.
pub fn replaced(since: Timestamp) -> Finding {
    Finding::well(Rule::StoreLost, REPLACED).since(since)
}

/// Since when a store knows anything that has taken the place of another one, by what it has written down.
pub fn known_since(before: &[Finding]) -> Option<Timestamp> {
    let own = before.iter().find(|finding| finding.rule == Rule::StoreLost)?;
    if own.is_issue() { own.seen_at } else { own.since.filter(|_| own.fact == REPLACED) }
}

/// How that is told.
pub fn known_here(since: Timestamp) -> String {
    format!("known here since {}", utc(since))
}

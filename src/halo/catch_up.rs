//! What Halo wanted to tell, for whoever did not hear it: its log of deliveries with the bodies of its calls, and the tickets
//! that have changed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::delivery_log::{Listed, When};
use super::wire::{Int, Text};
use super::{HaloApi, HaloError, PAGE_SIZE};

/// Calls that are read in full, and pages of tickets: within the budget of a few minutes.
const MOST_CALLS: usize = 1_000;
const MOST_PAGES: u32 = 20;

/// A call at one of our addresses, as Halo's log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCall {
    /// Halo's id of the row.
    pub id: String,
    /// Halo's time of it.
    pub at: Option<Timestamp>,
    /// Whether somebody took it.
    pub taken: bool,
    /// What was sent; none in a lightweight log.
    pub body: Option<String>,
    /// What it was about.
    pub ticket_id: Option<i64>,
}

/// A part of Halo's log.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LogPart {
    /// The calls since the moment that was asked for, the oldest first.
    pub calls: Vec<LoggedCall>,
    /// Whether it holds a row from before that moment: then everything since is there, too.
    pub reaches_back: bool,
    /// Whether all that it holds since that moment is here.
    pub was_read_out: bool,
}

/// A ticket that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedTicket {
    /// Halo's number of it.
    pub id: i64,
    /// When it changed.
    pub at: Timestamp,
    /// Whether it was made since the moment that was asked for.
    pub is_new: bool,
}

/// Of a call's detail: never the headers, which hold the password.
#[derive(Deserialize)]
struct CallRow {
    #[serde(default)]
    timestamp: When,
    #[serde(default)]
    responsestatus: Int,
    #[serde(default)]
    requestbody: Text,
    #[serde(default)]
    entity_id: Int,
}

#[derive(Deserialize)]
struct TicketRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    dateoccurred: When,
    #[serde(default)]
    last_update: When,
    #[serde(default)]
    lastactiondate: When,
}

impl HaloApi {
    /// Halo's log of a webhook since a moment, with what was sent.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn calls_since(&self, webhook_id: &str, since: Timestamp) -> Result<LogPart, HaloError> {
        let rows = self.delivery_ids(webhook_id, Some(since)).await?;
        let reaches_back = rows.iter().any(|row| row.at.is_some_and(|at| at < since));
        let due: Vec<_> = rows.into_iter().filter(|row| row.at.is_none_or(|at| at >= since)).collect();
        let mut part = LogPart { calls: Vec::new(), reaches_back, was_read_out: due.len() <= MOST_CALLS };
        for Listed { at, id, .. } in due.into_iter().take(MOST_CALLS) {
            let Some(row) = self.logged::<CallRow>(&id).await? else { continue };
            part.calls.push(LoggedCall {
                at: row.timestamp.0.or(at),
                taken: row.responsestatus.0.is_some_and(|status| (200..300).contains(&status)),
                body: row.requestbody.filled().map(|body| self.without_secrets(body)),
                ticket_id: row.entity_id.0.filter(|id| *id > 0),
                id,
            });
        }
        part.calls.reverse();
        part.calls.sort_by_key(|call| call.at);
        Ok(part)
    }

    /// The tickets that have changed since a moment, the oldest change first; and how many of those that Halo gave say not
    /// when they did. Whether Halo honours the filter is not relied on.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tickets_changed_since(&self, since: Timestamp) -> Result<(Vec<ChangedTicket>, usize), HaloError> {
        let from = since.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let (mut changed, mut seen, mut untold) = (Vec::new(), BTreeSet::new(), 0);
        for page in 1..=MOST_PAGES {
            let read = self.tickets_page::<TicketRow>(page, &[("lastupdatefromdate", &*from)]).await?;
            let before = seen.len();
            for row in &read.rows {
                let Some(id) = row.id.0.filter(|id| seen.insert(*id)) else { continue };
                let made = row.dateoccurred.0.filter(|made| *made >= since);
                let at = row.last_update.0.or(row.lastactiondate.0).max(made);
                match at {
                    Some(at) if at >= since => changed.push(ChangedTicket { id, at, is_new: made.is_some() }),
                    Some(_) => {}
                    None => untold += 1,
                }
            }
            let counted = read.record_count.is_none_or(|total| seen.len() as u64 >= total);
            if seen.len() == before || (read.rows.len() < PAGE_SIZE as usize && counted) {
                break;
            }
        }
        changed.sort_by_key(|ticket| (ticket.at, ticket.id));
        Ok((changed, untold))
    }
}

//! Pages of a list, as Halo cuts them.

use super::query::Query;
use super::random::spread;
use super::reply::{Answer, Reply, Row};
use super::state::State;
use serde_json::Value;

/// The size of a list without paging.
const LIST_SIZE: usize = 50;

/// What a list call asks for in the way of pages.
#[derive(Default)]
pub(super) struct Paging {
    pub(super) pageinate: bool,
    page_no: Option<i64>,
    page_size: Option<i64>,
    count: Option<i64>,
}

impl Paging {
    pub(super) fn read(query: &Query) -> Result<Self, Reply> {
        Ok(Self {
            pageinate: query.flag("pageinate")?,
            page_no: query.int("page_no")?,
            page_size: query.int("page_size")?,
            count: query.int("count")?,
        })
    }

    /// The page that was asked for.
    pub(super) fn page_no(&self) -> u64 {
        u64::try_from(self.page_no.unwrap_or(0)).unwrap_or(0)
    }

    /// Which rows of the whole to show. Pages count from 1; SQL refuses the negative offset of page 0.
    pub(super) fn range(&self, state: &mut State) -> Result<(usize, usize), Reply> {
        if !self.pageinate {
            // Page members are ignored; `count` is honoured.
            let count = self.count.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
            return Ok((0, count.unwrap_or(LIST_SIZE)));
        }
        let size =
            self.page_size.filter(|size| *size > 0).and_then(|size| usize::try_from(size).ok()).unwrap_or(LIST_SIZE);
        let size = size.min(state.behaviour.page_cap);
        let page = usize::try_from(self.page_no.unwrap_or(0)).unwrap_or(0);
        let Some(before) = page.checked_sub(1) else {
            return Err(state.refuse(
                "A database error occurred (10742) - The offset specified in a OFFSET clause may not be negative.",
            ));
        };
        Ok((before.saturating_mul(size), size))
    }

    /// The envelope around the rows: page members only as sent.
    pub(super) fn envelope(&self, record_count: usize) -> Row {
        let mut envelope = Row::new();
        if let Some(page_no) = self.page_no {
            envelope.insert("page_no".into(), page_no.into());
        }
        if let Some(page_size) = self.page_size {
            envelope.insert("page_size".into(), page_size.into());
        }
        envelope.insert("record_count".into(), record_count.into());
        envelope
    }

    /// One page of rows that are already in their order, in its envelope.
    pub(super) fn page(&self, state: &mut State, name: &str, rows: Vec<Value>) -> Answer {
        let (skip, take) = self.range(state)?;
        let total = rows.len();
        let page = rows.into_iter().skip(skip).take(take).collect();
        let mut envelope = self.envelope(total);
        envelope.insert(name.into(), Value::Array(page));
        Ok(Reply::json(200, &Value::Object(envelope)))
    }
}

/// Without an order the database promises none: rows stray by some places, and differently on every page.
pub(super) fn unstable_by<T>(rows: Vec<&T>, seed: u64, page: u64, id: impl Fn(&T) -> i64) -> Vec<&T> {
    let stray = |id: i64| usize::try_from(spread(seed ^ page.rotate_left(40) ^ id.cast_unsigned()) % 24).unwrap_or(0);
    let mut keyed: Vec<(usize, &T)> =
        rows.into_iter().enumerate().map(|(place, row)| (place + stray(id(row)), row)).collect();
    keyed.sort_by_key(|(place, row)| (*place, id(row)));
    keyed.into_iter().map(|(_, row)| row).collect()
}

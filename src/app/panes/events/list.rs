//! The newest events with what a search wants of them: folded once, away from the keys, and shared from then on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::callback::EventGroup;
use crate::domain::client::fold;
use crate::domain::event::{Event, ForwardState};
use crate::domain::status::ServiceStatus;
use crate::domain::untrusted::Untrusted;

/// Which events are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    #[default]
    All,
    /// Those whose ticket stands on the Pia Board.
    OnBoard,
    Created,
    /// Changes to tickets.
    Updated,
    /// Those that could not be forwarded.
    Undelivered,
}

impl Filter {
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::OnBoard => "on the Pia Board",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Undelivered => "undelivered",
        }
    }

    pub fn next(self) -> Self {
        match self {
            Self::All => Self::OnBoard,
            Self::OnBoard => Self::Created,
            Self::Created => Self::Updated,
            Self::Updated => Self::Undelivered,
            Self::Undelivered => Self::All,
        }
    }

    fn takes(self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::OnBoard => event.on_pia_board == Some(true),
            Self::Created => event.group == EventGroup::TicketCreated,
            Self::Updated => event.group == EventGroup::TicketUpdated,
            Self::Undelivered => {
                event.forwarding.as_ref().is_some_and(|forwarding| forwarding.state == ForwardState::Undelivered)
            }
        }
    }
}

#[derive(PartialEq, Eq)]
struct Row {
    event: Event,
    /// All that a search looks at.
    text: String,
}

/// The newest events, the newest first. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EventList {
    rows: Arc<Vec<Arc<Row>>>,
    /// How many are kept, those included that are not here.
    total: u64,
}

impl Row {
    fn of(event: Event) -> Arc<Self> {
        Arc::new(Self { text: searched(&event), event })
    }
}

impl fmt::Debug for EventList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventList({} of {})", self.rows.len(), self.total)
    }
}

impl EventList {
    /// These events, of so many that are kept.
    pub fn new(events: Vec<Event>, total: u64) -> Self {
        let rows: Vec<Arc<Row>> = events.into_iter().map(Row::of).collect();
        Self { total: total.max(rows.len() as u64), rows: Arc::new(rows) }
    }

    /// The same with what came in, the oldest first, and with what has changed; `limit` at most.
    pub fn with(&self, new: Vec<Event>, changed: Vec<Event>, limit: usize) -> Self {
        let total = self.total + new.len() as u64;
        let mut changed: BTreeMap<i64, Event> = changed.into_iter().map(|event| (event.number, event)).collect();
        let mut rows: Vec<Arc<Row>> = new.into_iter().rev().map(Row::of).collect();
        rows.extend(self.rows.iter().map(|row| match changed.remove(&row.event.number) {
            Some(event) if event != row.event => Row::of(event),
            _ => Arc::clone(row),
        }));
        rows.truncate(limit);
        Self { total, rows: Arc::new(rows) }
    }

    /// How many are here.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many are kept.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn event(&self, row: usize) -> Option<&Event> {
        self.rows.get(row).map(|row| &row.event)
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.rows.iter().map(|row| &row.event)
    }

    /// The rows that match.
    pub(super) fn listed(&self, filter: Filter, query: &str) -> Vec<usize> {
        let query = fold(query.trim());
        let words: Vec<&str> = query.split_whitespace().collect();
        let matches = |row: &Row| filter.takes(&row.event) && words.iter().all(|word| row.text.contains(word));
        (0..self.rows.len()).filter(|at| matches(&self.rows[*at])).collect()
    }
}

/// How much of a text is searched: one name can be a megabyte.
const SEARCHED: usize = 500;

fn searched(event: &Event) -> String {
    let ticket = event.ticket.as_ref();
    let texts = [
        event.event.as_ref(),
        ticket.and_then(|ticket| ticket.summary.as_ref()),
        ticket.and_then(|ticket| ticket.client.as_ref()),
        ticket.and_then(|ticket| ticket.team.as_ref()),
        ticket.and_then(|ticket| ticket.status.as_ref()),
    ];
    let mut all = format!("{} {} ", event.ticket_id.unwrap_or_default(), event.group.slug());
    for text in texts.into_iter().flatten().map(Untrusted::raw) {
        all.extend(text.chars().take(SEARCHED));
        all.push('\n');
    }
    all.push_str(&event.id);
    fold(&all)
}

/// What is read of the events in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The newest events.
    pub list: EventList,
    /// How the service stands.
    pub service: ServiceStatus,
}

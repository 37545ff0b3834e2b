//! One reading of the whole list: which page comes next, and whether what was read is all there is.

use std::collections::{BTreeSet, HashSet};

use super::Rules;
use crate::domain::sync_run::ListedPage;
use crate::domain::thousands;

/// How far a pass has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The highest id comes first, alone.
    Newest,
    /// The first pages have to tell how long the list is. So many may be asked for at once: the known list fills them.
    Length(u32),
    /// The end of the list comes next, alone: this page.
    End(u32),
    Through,
}

/// Stands for the question for the highest id among the pages that are open.
pub(super) const NEWEST: u32 = 0;

/// Pages that are asked for beyond those that the count promises, while the count does not fit.
const BEYOND: u64 = 2;

/// One reading of the whole list.
#[derive(Debug)]
pub(super) struct Pass {
    pub number: u32,
    pub stage: Stage,
    pub seen: HashSet<i64>,
    /// Those of them whose rows could not be read.
    pub unread: HashSet<i64>,
    nameless: u64,
    /// The first count that came, and the last.
    pub counts: Option<(u64, u64)>,
    /// Whether every page so far gave a count, all the same one, and nothing has come since the end was read.
    steady: bool,
    /// Rows of the fullest page: what Halo takes for a page.
    page_size: u64,
    /// Whether page 1 is among them. None is fuller, and before it the end of the list may be taken for a full page.
    sized: bool,
    /// The next page to ask for.
    pub next: u32,
    /// Pages that need not be asked for: an interrupted run has read them, or they told whether its pages hold.
    have: BTreeSet<u32>,
    /// Pages asked for and not answered.
    pub open: BTreeSet<u32>,
    /// The highest id of the list before anything else was read, where that was asked for.
    pub newest: Option<i64>,
    /// Whether it was asked for, whatever came of it.
    pub asked_newest: bool,
    /// The first page known to bring nothing new: there the list ends, or Halo repeats itself for ever.
    barren: u32,
}

impl Pass {
    pub fn new(number: u32, stage: Stage) -> Self {
        Self {
            number,
            stage,
            seen: HashSet::new(),
            unread: HashSet::new(),
            nameless: 0,
            counts: None,
            steady: true,
            page_size: 1,
            sized: false,
            next: 1,
            have: BTreeSet::new(),
            open: BTreeSet::new(),
            newest: None,
            asked_newest: false,
            barren: u32::MAX,
        }
    }

    /// Rows read, those that nobody can name included.
    pub fn rows(&self) -> u64 {
        self.seen.len() as u64 + self.nameless
    }

    pub fn take(&mut self, page: &ListedPage) {
        self.have.insert(page.page);
        let before = self.seen.len();
        self.seen.extend(&page.ids);
        self.unread.extend(page.unread.iter().map(|(id, _)| *id));
        self.nameless += page.nameless;
        if self.seen.len() == before {
            self.barren = self.barren.min(page.page);
        }
        // A list that is not in the order of the ids tells nothing by them.
        if page.ids.is_sorted() {
            let highest = page.ids.last().copied();
            match self.newest {
                Some(newest) => self.steady &= highest.is_none_or(|id| id <= newest),
                None if matches!(self.stage, Stage::End(_)) => self.newest = highest,
                None => {}
            }
        }
        self.learn(page);
        self.stage = Stage::Through;
    }

    /// Takes in what a page says of the length of the list.
    pub fn learn(&mut self, page: &ListedPage) {
        self.page_size = self.page_size.max(page.ids.len() as u64 + page.nameless);
        self.sized |= page.page == 1;
        match (page.record_count, self.counts) {
            (None, _) => self.steady = false,
            (Some(count), None) => self.counts = Some((count, count)),
            (Some(count), Some((first, last))) => {
                self.steady &= count == last;
                self.counts = Some((first, count));
            }
        }
    }

    /// The last page by what the first one says, where that is another one, and more are listed than anybody expects.
    pub fn end(&self, expected: usize, rules: Rules) -> Option<u32> {
        let (_, count) = self.counts?;
        let last = u32::try_from(count.div_ceil(self.page_size)).ok().filter(|last| (2..=rules.pages).contains(last));
        last.filter(|_| count > expected as u64)
    }

    /// The page that is worth asking for now, if one is.
    pub fn wanted(&self, rules: Rules) -> Option<u32> {
        match self.stage {
            Stage::Newest => self.open.is_empty().then_some(NEWEST),
            Stage::Length(guess) => (self.next <= guess).then_some(self.next),
            Stage::End(last) => self.open.is_empty().then_some(last),
            Stage::Through => self.wants_more(rules).then_some(self.next),
        }
    }

    /// Whether page `next` is worth asking for now.
    fn wants_more(&self, rules: Rules) -> bool {
        if self.next >= self.barren || self.next > rules.pages || !self.sized && self.open.contains(&1) {
            return false;
        }
        match self.counts {
            // All pages that the count promises. Where it fills its last page, it may leave whole pages out: then the one
            // after it is asked for too, and has to be empty.
            Some((_, count)) if u64::from(self.next) <= count / self.page_size + 1 => true,
            // Too few rows, or more than Halo counts: a little further, one page after the other, while they bring news.
            Some((_, count)) => {
                let promised = count.div_ceil(self.page_size).max(1);
                self.open.is_empty() && self.rows() != count && u64::from(self.next) <= promised + BEYOND
            }
            None => self.open.is_empty(),
        }
    }

    /// Begins anew with the highest id, because the list is longer than anybody expects. What is under way is waited for,
    /// and does not count.
    pub fn begin_with_the_newest(&mut self) {
        let open = std::mem::take(&mut self.open);
        *self = Self { open, ..Self::new(self.number, Stage::Newest) };
    }

    pub fn pass_over_what_is_there(&mut self) {
        while self.have.contains(&self.next) {
            self.next += 1;
        }
    }

    pub fn is_proved(&self) -> bool {
        self.steady && self.nameless == 0 && self.counts.is_some_and(|(_, count)| count == self.seen.len() as u64)
    }
}

/// Whether the pages of an interrupted run are still what Halo has, by the highest of them as it is `now`. Ids ascend: a
/// client that went from any page up to this one has pulled another row into it, even where a new one at the end keeps the
/// count.
pub(super) fn still_hold(left: &[ListedPage], now: &ListedPage) -> bool {
    now.record_count.is_some()
        && left.iter().all(|page| page.record_count == now.record_count)
        && left.iter().any(|page| page.page == now.page && page.ids == now.ids)
}

pub(super) fn describe_mismatch(pass: &Pass) -> String {
    let read = thousands(pass.seen.len() as u64);
    match pass.counts {
        Some((first, last)) if first != last => format!(
            "Halo's list changed while it was read ({} clients, then {}); no client missing from the list was disabled",
            thousands(first),
            thousands(last)
        ),
        Some((_, count)) if count == pass.seen.len() as u64 => {
            format!(
                "Halo's list changed while it was read, although it has {read} clients as before; no client missing from the list was disabled"
            )
        }
        Some((_, count)) => {
            format!(
                "Halo says {}, but {read} could be read; no client missing from the list was disabled",
                thousands(count)
            )
        }
        None => format!(
            "Halo gave no count to prove that {read} clients are all; no client missing from the list was disabled"
        ),
    }
}

//! Whether the list that was read is the list that Halo has, and who is gone from it: a pure state machine.
//!
//! It says what to ask, is told what was answered, in whatever order the answers come, and ends with a verdict. No
//! network, no clock, no store: so it is tried with thousands of Halos that shift, lie and repeat themselves.
//!
//! A look is one reading of the whole list. It is *proved* when every page gave the same count, and that count equals the
//! unique ids. A client that a proved look does not show is gone only if Halo knows nothing of its id, or if two proved
//! looks show exactly the same ids: rows that slide past the reader cannot make two looks equal.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::sync_run::ListedPage;
use crate::domain::thousands;

/// The figures that the machine keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Looks at most to get a proved one.
    pub looks: u32,
    /// Missing clients are asked for one by one up to this many; more are looked for in another look.
    pub asked_by_id: usize,
    /// Clients in use that may vanish without a yes: this many, or a tenth of them if that is more.
    pub brake: u64,
    /// Pages of one look at most, whatever Halo says of its count.
    pub pages: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { looks: 2, asked_by_id: 200, brake: 20, pages: 20_000 }
    }
}

/// A question for Halo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ask {
    /// A page of the list, in this look.
    Page {
        /// The look.
        look: u32,
        /// The page, from 1.
        page: u32,
    },
    /// One client by its id.
    Client(i64),
}

/// What Halo says of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It has it.
    There,
    /// It knows of none.
    Gone,
    /// Nothing that can be relied on; why, as the end of a sentence.
    Unclear(String),
}

/// How the reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The list may be stored.
    Publish {
        /// The look that was proved; none where none was.
        proved: Option<u32>,
        /// Expected clients that the evidence does not show, ascending.
        unseen: Vec<i64>,
        /// Those of them that are gone for certain.
        gone: Vec<i64>,
    },
    /// More clients in use are gone than anybody expects of one run: nothing may be changed without a yes.
    Hold {
        /// Clients in use that are gone, ascending.
        gone: Vec<i64>,
        /// Clients in use.
        active: u64,
    },
}

/// What becomes of the pages of an interrupted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing has to be done about them.
    AsTheyAre,
    /// They do not fit to what Halo says now: they have to be dropped before anything else is staged, and so has the page
    /// that told, which will be read again in its turn.
    Useless,
}

/// One reading of the whole list.
#[derive(Debug)]
struct Look {
    number: u32,
    seen: HashSet<i64>,
    nameless: u64,
    /// The first count that came, and the last.
    counts: Option<(u64, u64)>,
    /// Whether every page so far gave a count, and all the same one.
    steady: bool,
    /// Rows of the first page: what Halo takes for a page.
    page_size: u64,
    /// The next page to ask for.
    next: u32,
    /// Pages that need not be asked for: an interrupted run has read them, or they told whether its pages hold.
    have: BTreeSet<u32>,
    /// Pages asked for and not answered.
    open: BTreeSet<u32>,
    /// A page has brought nothing new: the end, or Halo repeating itself for ever.
    barren: bool,
}

impl Look {
    fn new(number: u32) -> Self {
        Self {
            number,
            seen: HashSet::new(),
            nameless: 0,
            counts: None,
            steady: true,
            page_size: 1,
            next: 1,
            have: BTreeSet::new(),
            open: BTreeSet::new(),
            barren: false,
        }
    }

    /// Rows read, those that nobody can name included.
    fn rows(&self) -> u64 {
        self.seen.len() as u64 + self.nameless
    }

    fn take(&mut self, page: &ListedPage) {
        let before = self.rows();
        self.seen.extend(&page.ids);
        self.nameless += page.nameless;
        self.barren |= self.rows() == before;
        if page.page == 1 {
            self.page_size = (page.ids.len() as u64 + page.nameless).max(1);
        }
        match (page.record_count, self.counts) {
            (None, _) => self.steady = false,
            (Some(count), None) => self.counts = Some((count, count)),
            (Some(count), Some((first, last))) => {
                self.steady &= count == last;
                self.counts = Some((first, count));
            }
        }
    }

    /// Whether page `next` is worth asking for now.
    fn wants_more(&self, rules: Rules) -> bool {
        if self.next == 1 {
            return true;
        }
        // Nothing more can be known before the first page has told the count.
        if self.barren || self.next > rules.pages || self.open.contains(&1) {
            return false;
        }
        match self.counts {
            // All pages that the count promises. Where it fills its last page, it may leave whole pages out: then the one
            // after it is asked for too, and has to be empty.
            Some((_, count)) if u64::from(self.next) <= count / self.page_size + 1 => true,
            // Too few rows, or more than Halo counts: one page more after the other, as long as they bring news.
            Some((_, count)) => self.open.is_empty() && self.rows() != count,
            None => self.open.is_empty(),
        }
    }

    fn is_proved(&self) -> bool {
        self.steady && self.nameless == 0 && self.counts.is_some_and(|(_, count)| count == self.seen.len() as u64)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Looking,
    Asking,
    Ended,
}

/// The machine.
pub(super) struct Engine {
    rules: Rules,
    yes: bool,
    /// The clients to be found again, each with whether it is in use.
    expected: HashMap<i64, bool>,
    active: u64,
    phase: Phase,
    look: Look,
    /// The ids of the look before this one, where it was proved.
    before: Option<HashSet<i64>>,
    /// The ids of all earlier looks, and those found one by one.
    ever: HashSet<i64>,
    /// Pages of an interrupted run, until the highest of them, read again, has told whether they still hold.
    left: Vec<ListedPage>,
    resumed: u64,
    /// Expected clients that this look does not show, ascending.
    missing: Vec<i64>,
    to_ask: Vec<i64>,
    asked: BTreeSet<i64>,
    /// A client that this look did not show is there after all.
    slid: bool,
    /// Whether a client is there could not be learnt.
    unclear: bool,
    pages: u64,
    warnings: Vec<String>,
    verdict: Option<Verdict>,
}

impl Engine {
    /// A machine that has to find these clients again. `left` are the pages of an interrupted run.
    pub(super) fn new(
        rules: Rules,
        expected: impl IntoIterator<Item = (i64, bool)>,
        mut left: Vec<ListedPage>,
        yes: bool,
    ) -> Self {
        // Where the list ended then, there may be clients now.
        left.retain(|page| !page.ids.is_empty());
        let expected: HashMap<i64, bool> = expected.into_iter().collect();
        Self {
            rules,
            yes,
            active: expected.values().filter(|active| **active).count() as u64,
            expected,
            phase: Phase::Looking,
            look: Look::new(1),
            before: None,
            ever: HashSet::new(),
            left,
            resumed: 0,
            missing: Vec::new(),
            to_ask: Vec::new(),
            asked: BTreeSet::new(),
            slid: false,
            unclear: false,
            pages: 0,
            warnings: Vec::new(),
            verdict: None,
        }
    }

    /// The next question, if there is one that can be asked before others are answered.
    pub(super) fn ask(&mut self) -> Option<Ask> {
        match self.phase {
            Phase::Looking => {
                if let Some(page) = self.left.iter().map(|page| page.page).max() {
                    let first_time = self.look.open.insert(page);
                    return first_time.then_some(Ask::Page { look: self.look.number, page });
                }
                self.pass_over_what_is_there();
                if !self.look.wants_more(self.rules) {
                    return None;
                }
                let page = self.look.next;
                self.look.next += 1;
                self.look.open.insert(page);
                Some(Ask::Page { look: self.look.number, page })
            }
            Phase::Asking => {
                let id = self.to_ask.pop()?;
                self.asked.insert(id);
                Some(Ask::Client(id))
            }
            Phase::Ended => None,
        }
    }

    fn pass_over_what_is_there(&mut self) {
        while self.look.have.contains(&self.look.next) {
            self.look.next += 1;
        }
    }

    /// Takes in a page that was asked for.
    pub(super) fn page(&mut self, page: &ListedPage) -> Left {
        if !self.look.open.remove(&page.page) {
            return Left::AsTheyAre;
        }
        self.pages += 1;
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() && !still_hold(&left, page) {
            return Left::Useless;
        }
        self.warnings.extend(page.notes.iter().cloned());
        self.look.take(page);
        self.look.have.insert(page.page);
        for before in left.iter().filter(|before| before.page != page.page) {
            self.look.take(before);
            self.look.have.insert(before.page);
            self.warnings.extend(before.notes.iter().cloned());
            self.resumed += 1;
        }
        self.settle();
        Left::AsTheyAre
    }

    /// Takes in what Halo says of a client.
    pub(super) fn client(&mut self, id: i64, word: Word) {
        if !self.asked.remove(&id) {
            return;
        }
        match word {
            Word::Gone => {}
            Word::There => {
                self.slid = true;
                self.ever.insert(id);
                self.warnings.push(format!("client {id} was left out of Halo's list, and is still there"));
            }
            Word::Unclear(why) => {
                self.unclear = true;
                self.warnings.push(format!("client {id} is not in Halo's list, and could not be asked for: {why}"));
            }
        }
        self.settle();
    }

    /// Goes on to what comes next, once everything that was asked is answered.
    fn settle(&mut self) {
        self.pass_over_what_is_there();
        match self.phase {
            Phase::Looking if self.look.open.is_empty() && !self.look.wants_more(self.rules) => self.looked(),
            Phase::Asking if self.asked.is_empty() && self.to_ask.is_empty() => self.asked_all(),
            _ => {}
        }
    }

    fn looked(&mut self) {
        if !self.look.is_proved() {
            if self.look.number < self.rules.looks {
                return self.look_again();
            }
            self.warnings.push(describe_mismatch(&self.look));
            return self.publish_unproved();
        }
        let seen = &self.look.seen;
        self.missing = self.expected.keys().copied().filter(|id| !seen.contains(id)).collect();
        self.missing.sort_unstable();
        if self.missing.is_empty() {
            self.publish_proved();
        } else if seen.is_empty() && self.active > 0 && !self.yes {
            // A list that is suddenly empty is what an agent sees that may not see any client.
            self.end(Verdict::Hold { gone: self.missing_in_use(), active: self.active });
        } else if self.missing.len() <= self.rules.asked_by_id {
            self.phase = Phase::Asking;
            self.to_ask = self.missing.iter().rev().copied().collect();
        } else if self.before.as_ref() == Some(seen) {
            self.publish_proved();
        } else if self.look.number <= self.rules.looks {
            self.look_again();
        } else {
            let missing = thousands(self.missing.len() as u64);
            self.warnings.push(format!(
                "Halo's list changes while it is read: {missing} clients are not in it, and nothing was disabled"
            ));
            self.publish_unproved();
        }
    }

    fn asked_all(&mut self) {
        if self.slid && self.look.number < self.rules.looks {
            // Rows have slid past the reader, so this look is no image of the list.
            return self.look_again();
        }
        if self.slid || self.unclear {
            return self.publish_unproved();
        }
        self.publish_proved();
    }

    fn look_again(&mut self) {
        let next = Look::new(self.look.number + 1);
        let look = std::mem::replace(&mut self.look, next);
        self.ever.extend(&look.seen);
        self.before = look.is_proved().then_some(look.seen);
        self.missing.clear();
        (self.slid, self.unclear) = (false, false);
        self.phase = Phase::Looking;
    }

    fn missing_in_use(&self) -> Vec<i64> {
        self.missing.iter().copied().filter(|id| self.expected.get(id) == Some(&true)).collect()
    }

    /// Everybody who is missing is gone for certain.
    fn publish_proved(&mut self) {
        let gone = self.missing_in_use();
        let allowed = self.rules.brake.max(self.active / 10);
        if gone.len() as u64 > allowed && !self.yes {
            return self.end(Verdict::Hold { gone, active: self.active });
        }
        let missing = std::mem::take(&mut self.missing);
        self.end(Verdict::Publish { proved: Some(self.look.number), unseen: missing.clone(), gone: missing });
    }

    /// What was read is kept, and nobody is disabled on a guess.
    fn publish_unproved(&mut self) {
        let is_seen = |id: &i64| self.look.seen.contains(id) || self.ever.contains(id);
        let mut unseen: Vec<i64> = self.expected.keys().copied().filter(|id| !is_seen(id)).collect();
        unseen.sort_unstable();
        self.end(Verdict::Publish { proved: None, unseen, gone: Vec::new() });
    }

    fn end(&mut self, verdict: Verdict) {
        self.phase = Phase::Ended;
        self.verdict = Some(verdict);
    }

    /// The verdict, once there is one.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// The look that goes on, from 1.
    pub(super) fn look(&self) -> u32 {
        self.look.number
    }

    /// Unique ids of this look so far.
    pub(super) fn read(&self) -> u64 {
        self.look.seen.len() as u64
    }

    /// Halo's own count, as it came last.
    pub(super) fn count(&self) -> Option<u64> {
        self.look.counts.map(|(_, last)| last)
    }

    /// Pages that were answered.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Pages of the interrupted run that need not be read again.
    pub(super) fn resumed(&self) -> u64 {
        self.resumed
    }

    /// What was not as it should be, each as a sentence.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Whether the pages of an interrupted run are still what Halo has, by the highest of them as it is `now`. Ids ascend: a
/// client that went from any page up to this one has pulled another row into it, even where a new one at the end keeps the
/// count. The first page is needed too: it tells how many rows Halo takes for a page.
fn still_hold(left: &[ListedPage], now: &ListedPage) -> bool {
    now.record_count.is_some()
        && left.iter().all(|page| page.record_count == now.record_count)
        && left.iter().any(|page| page.page == 1)
        && left.iter().any(|page| page.page == now.page && page.ids == now.ids)
}

fn describe_mismatch(look: &Look) -> String {
    let read = thousands(look.seen.len() as u64);
    match look.counts {
        Some((first, last)) if first != last => format!(
            "Halo's list changed while it was read ({} clients, then {}); nothing was disabled",
            thousands(first),
            thousands(last)
        ),
        Some((_, count)) => {
            format!("Halo says {}, but {read} could be read; nothing was disabled", thousands(count))
        }
        None => format!("Halo gave no count, so {read} clients cannot be proved complete; nothing was disabled"),
    }
}

#[cfg(test)]
mod tests;

//! Whether the list that was read is the list that Halo has, and who is gone from it: a pure state machine.
//!
//! It says what to ask, is told what was answered, in whatever order the answers come, and ends with a verdict. No
//! network, no clock, no store: so it is tried with thousands of Halos that shift, lie and repeat themselves.
//!
//! A look is one reading of the whole list. It is *proved* when every page gave the same count, and that count equals the
//! unique ids. A client that a proved look does not show is gone only if Halo knows nothing of its id, or if two proved
//! looks show exactly the same ids: rows that slide past the reader cannot make two looks equal.
//!
//! Where one client goes and another comes, the count stands still and a row may slide past the reader all the same. One
//! that was expected is missed and asked for by its id. Of a list with more clients than are expected the end is read first,
//! alone: new clients come at the end, and one that slides into a page that is read later is told by its id. Without
//! them, each row that slid past is one id too few.

mod look;

use std::collections::{BTreeSet, HashMap, HashSet};

use self::look::{Look, Stage, describe_mismatch, still_hold};
use crate::domain::sync_run::{Brake, ListedPage};
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

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It counts.
    In,
    /// It has told how long the list is, and will be read again in its turn.
    Aside,
    /// It has told that the pages of an interrupted run do not fit to what Halo says now: they have to be dropped before
    /// anything else is staged. It will be read again in its turn as well.
    ForNothing,
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
    brake: Brake,
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
        brake: Brake,
    ) -> Self {
        // Where the list ended then, there may be clients now.
        left.retain(|page| !page.ids.is_empty());
        let expected: HashMap<i64, bool> = expected.into_iter().collect();
        Self {
            rules,
            brake,
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
                self.look.pass_over_what_is_there();
                let page = self.look.wanted(self.rules)?;
                if self.look.stage == Stage::Through {
                    self.look.next += 1;
                }
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

    /// Takes in a page that was asked for.
    pub(super) fn page(&mut self, page: &ListedPage) -> Taken {
        if !self.look.open.remove(&page.page) {
            return Taken::Aside;
        }
        let left = std::mem::take(&mut self.left);
        if self.look.stage == Stage::Length {
            left.iter().chain([page]).for_each(|page| self.look.learn(page));
            let end = self.look.end(self.expected.len(), self.rules);
            let has_the_end = end.is_none_or(|end| end == page.page);
            if !(left.is_empty() || has_the_end && still_hold(&left, page)) {
                self.look = Look::new(self.look.number);
                return Taken::ForNothing;
            }
            if let Some(end) = end {
                self.look.stage = Stage::End(end);
            }
            if !has_the_end {
                return Taken::Aside;
            }
        }
        self.pages += 1;
        self.warnings.extend(page.notes.iter().cloned());
        self.look.take(page);
        for before in left.iter().filter(|before| before.page != page.page) {
            self.look.take(before);
            self.warnings.extend(before.notes.iter().cloned());
            self.resumed += 1;
        }
        self.settle();
        Taken::In
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
        self.look.pass_over_what_is_there();
        match self.phase {
            Phase::Looking if self.look.open.is_empty() && self.look.wanted(self.rules).is_none() => self.looked(),
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
        } else if seen.is_empty() && self.active > 0 && !self.lets_pass(self.missing_in_use().len() as u64, 0) {
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

    /// Whether so many may be disabled, where so many may without a yes.
    fn lets_pass(&self, gone: u64, allowed: u64) -> bool {
        match self.brake {
            Brake::On => gone <= allowed,
            Brake::UpTo(agreed) => gone <= allowed.max(agreed),
            Brake::Off => true,
        }
    }

    /// Everybody who is missing is gone for certain.
    fn publish_proved(&mut self) {
        let gone = self.missing_in_use();
        let allowed = self.rules.brake.max(self.active / 10);
        if !self.lets_pass(gone.len() as u64, allowed) {
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

    /// Pages that were answered and count.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Whether an interrupted run has left pages that may still hold.
    pub(super) fn resumes(&self) -> bool {
        !self.left.is_empty()
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

#[cfg(test)]
mod tests;

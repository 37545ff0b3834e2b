//! Whether the list that was read is the list that Halo has, and who is gone from it: a pure state machine.
//!
//! It says what to ask, is told what was answered, in whatever order the answers come, and ends with a verdict. No
//! network, no clock, no store: so it is tried with thousands of Halos that shift, lie and repeat themselves.
//!
//! A pass is one reading of the whole list. It is *proved* when every page gave the same count, and that count equals the
//! unique ids. A client that a proved pass does not show is gone only if Halo knows nothing of its id, or if two proved
//! passes show exactly the same ids: rows that slide past the reader cannot make two passes equal.
//!
//! Where one client goes and another comes, the count stands still and a row may slide past the reader all the same. One
//! that was expected is missed and asked for by its id. Of a list with more clients than are expected the highest id is
//! read first, alone: new clients have higher ones, and tell that the list has changed since. Without them, each row that
//! slid past is one id too few. A Halo that does not list backwards is asked for the last page instead.

mod pass;
mod tally;

use std::collections::{BTreeSet, HashSet};

use self::pass::{NEWEST, Pass, Stage, describe_mismatch, still_hold};
use self::tally::{Kind, Tally};
use crate::domain::sync_run::{Brake, ListedPage};
use crate::domain::thousands;
use crate::halo::PAGE_SIZE;

/// The figures that the machine keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Looks at most to get a proved one.
    pub passes: u32,
    /// Missing clients are asked for one by one up to this many; more are looked for in another pass.
    pub asked_by_id: usize,
    /// Clients in use that may vanish without a yes: this many, or a tenth of them if that is more.
    pub free: u64,
    /// Pages of one pass at most, whatever Halo says of its count.
    pub pages: u32,
    /// Rows of a page, as long as none has come.
    pub page_size: u64,
    /// Pages that are asked for at once before Halo has told how long its list is.
    pub guessed: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { passes: 2, asked_by_id: 200, free: Brake::FREE, pages: 20_000, page_size: PAGE_SIZE.into(), guessed: 4 }
    }
}

/// A question for Halo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ask {
    /// A page of the list, in this pass.
    Page {
        pass: u32,
        /// The page, from 1.
        page: u32,
    },
    /// The first page of the list from its end, in this pass.
    Newest { pass: u32 },
    /// One client by its id.
    Client(i64),
}

/// What Halo says of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Gone,
    /// Nothing that can be relied on; why, as the end of a sentence.
    Unclear(String),
}

/// How the reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// The list may be stored.
    Publish {
        /// The pass that was proved; none where none was.
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
        active: u64,
    },
    /// No row and no count: that is no list.
    NoList,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    In,
    /// It has told how long the list is, and will be read again in its turn.
    Probe,
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

pub(super) struct Engine {
    rules: Rules,
    brake: Brake,
    /// The clients to be found again by id, ascending, each with whether it is in use.
    expected: Vec<(i64, bool)>,
    active: u64,
    phase: Phase,
    pass: Pass,
    /// The ids of the pass before this one, where it was proved.
    before: Option<HashSet<i64>>,
    /// The ids of all earlier passes, and those found one by one.
    ever: HashSet<i64>,
    /// Those of them whose rows none of these could read.
    never_read: HashSet<i64>,
    /// Pages of an interrupted run, until the highest of them, read again, has told whether they still hold.
    left: Vec<ListedPage>,
    resumed: u64,
    /// Expected clients that this pass does not show, ascending.
    missing: Vec<i64>,
    to_ask: Vec<i64>,
    asked: BTreeSet<i64>,
    /// A client that this pass did not show is there after all.
    slid: bool,
    /// Whether a client is there could not be learnt.
    unclear: bool,
    pages: u64,
    warnings: Tally,
    /// The rows of this pass that could not be read.
    bad_rows: Tally,
    conclusion: Option<Conclusion>,
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
        let mut expected: Vec<(i64, bool)> = expected.into_iter().collect();
        expected.sort_unstable();
        let stage = if left.is_empty() { first_stage(rules, expected.len(), None) } else { Stage::Length(1) };
        let mut pass = Pass::new(1, stage);
        // The pages of an interrupted run were all read after its question for the highest id.
        pass.newest = left.iter().map(|page| page.newest).min().flatten();
        pass.asked_newest = pass.newest.is_some();
        Self {
            rules,
            brake,
            active: expected.iter().filter(|(_, active)| *active).count() as u64,
            expected,
            phase: Phase::Looking,
            pass,
            before: None,
            ever: HashSet::new(),
            never_read: HashSet::new(),
            left,
            resumed: 0,
            missing: Vec::new(),
            to_ask: Vec::new(),
            asked: BTreeSet::new(),
            slid: false,
            unclear: false,
            pages: 0,
            warnings: Tally::default(),
            bad_rows: Tally::default(),
            conclusion: None,
        }
    }

    /// The next question, if there is one that can be asked before others are answered.
    pub(super) fn ask(&mut self) -> Option<Ask> {
        match self.phase {
            Phase::Looking => {
                let pass = self.pass.number;
                if matches!(self.pass.stage, Stage::Length(_))
                    && let Some(page) = self.left.iter().map(|page| page.page).max()
                {
                    let first_time = self.pass.open.insert(page);
                    return first_time.then_some(Ask::Page { pass, page });
                }
                self.pass.pass_over_what_is_there();
                let page = self.pass.wanted(self.rules)?;
                if matches!(self.pass.stage, Stage::Through | Stage::Length(_)) {
                    self.pass.next += 1;
                }
                self.pass.open.insert(page);
                Some(if page == NEWEST { Ask::Newest { pass } } else { Ask::Page { pass, page } })
            }
            Phase::Asking => {
                let id = self.to_ask.pop()?;
                self.asked.insert(id);
                Some(Ask::Client(id))
            }
            Phase::Ended => None,
        }
    }

    /// Takes in the first page from the end of the list. Where it is the whole list, it is page 1, and its ids are put in
    /// order.
    pub(super) fn newest(&mut self, page: &mut ListedPage) -> Taken {
        if !self.pass.open.remove(&NEWEST) {
            return Taken::Probe;
        }
        self.pass.asked_newest = true;
        let rows = page.ids.len() as u64 + page.nameless;
        // What brings no id ends the list, whatever its end is.
        let is_whole = page.ids.is_empty() || page.record_count == Some(rows);
        let descends = page.ids.len() > 1 && page.ids.is_sorted_by(|one, next| one > next);
        if is_whole || !descends {
            // The whole list in one page is of one moment. One that does not come backwards is an ordinary first page.
            if is_whole {
                page.ids.sort_unstable();
            }
            self.pass.stage = Stage::Length(0);
            self.pass.open.insert(page.page);
            self.pass.pass_over_what_is_there();
            return self.page(page);
        }
        self.pass.learn(page);
        self.pass.newest = page.ids.first().copied();
        self.pass.stage = Stage::Through;
        Taken::Probe
    }

    /// Takes in a page that was asked for.
    pub(super) fn page(&mut self, page: &ListedPage) -> Taken {
        if !self.pass.open.remove(&page.page) || self.pass.stage == Stage::Newest {
            return Taken::Probe;
        }
        let left = std::mem::take(&mut self.left);
        if matches!(self.pass.stage, Stage::Length(_)) {
            left.iter().chain([page]).for_each(|page| self.pass.learn(page));
            let end = self.pass.end(self.expected.len(), self.rules).filter(|_| self.pass.newest.is_none());
            if end.is_some() && !self.pass.asked_newest {
                self.pass.begin_with_the_newest();
                return if left.is_empty() { Taken::Probe } else { Taken::ForNothing };
            }
            let has_the_end = end.is_none_or(|end| end == page.page);
            if !(left.is_empty() || has_the_end && still_hold(&left, page)) {
                self.pass = self.fresh_pass(self.pass.number);
                return Taken::ForNothing;
            }
            if let Some(end) = end {
                self.pass.stage = Stage::End(end);
            }
            if !has_the_end {
                return Taken::Probe;
            }
        }
        self.pages += 1;
        self.pass.take(page);
        self.count_bad_rows(page);
        for before in left.iter().filter(|before| before.page != page.page) {
            self.pass.take(before);
            self.count_bad_rows(before);
            self.resumed += 1;
        }
        self.settle();
        Taken::In
    }

    fn count_bad_rows(&mut self, page: &ListedPage) {
        self.bad_rows.add_nameless(page.nameless);
        for (id, why) in &page.unread {
            self.bad_rows.add(Kind::Unread(why.clone()), Some(*id));
        }
    }

    /// Takes in what Halo says of a client.
    pub(super) fn client(&mut self, id: i64, presence: Presence) {
        if !self.asked.remove(&id) {
            return;
        }
        match presence {
            Presence::Gone => {}
            Presence::There => {
                self.slid = true;
                self.ever.insert(id);
                self.never_read.remove(&id);
                self.warnings.add(Kind::LeftOut, Some(id));
            }
            Presence::Unclear(why) => {
                self.unclear = true;
                self.warnings.add(Kind::Unclear(why), Some(id));
            }
        }
        self.settle();
    }

    /// Goes on to what comes next, once everything that was asked is answered.
    fn settle(&mut self) {
        self.pass.pass_over_what_is_there();
        match self.phase {
            Phase::Looking if self.pass.open.is_empty() && self.pass.wanted(self.rules).is_none() => self.looked(),
            Phase::Asking if self.asked.is_empty() && self.to_ask.is_empty() => self.asked_all(),
            _ => {}
        }
    }

    fn looked(&mut self) {
        if !self.pass.is_proved() {
            if self.pass.counts.is_none() && self.pass.rows() == 0 {
                return self.end(Conclusion::NoList);
            }
            // Without a count another pass proves no more than this one.
            if self.pass.number < self.rules.passes && self.pass.counts.is_some() {
                return self.look_again();
            }
            self.warnings.add(Kind::Other(describe_mismatch(&self.pass)), None);
            return self.publish_unproved();
        }
        let seen = &self.pass.seen;
        self.missing = self.expected.iter().map(|(id, _)| *id).filter(|id| !seen.contains(id)).collect();
        if self.missing.is_empty() {
            self.publish_proved();
        } else if seen.is_empty() && self.active > 0 && !self.brake.lets_pass(self.missing_in_use().len() as u64, 0) {
            // A list that is suddenly empty is what an agent sees that may not see any client.
            self.end(Conclusion::Hold { gone: self.missing_in_use(), active: self.active });
        } else if self.missing.len() <= self.rules.asked_by_id {
            self.phase = Phase::Asking;
            self.to_ask = self.missing.iter().rev().copied().collect();
        } else if self.before.as_ref() == Some(seen) {
            self.publish_proved();
        } else if self.pass.number <= self.rules.passes {
            self.look_again();
        } else {
            let missing = thousands(self.missing.len() as u64);
            let line = format!(
                "Halo's list keeps changing while it is read: {missing} clients are missing; no client missing from the list was disabled"
            );
            self.warnings.add(Kind::Other(line), None);
            self.publish_unproved();
        }
    }

    fn asked_all(&mut self) {
        if self.slid && self.pass.number < self.rules.passes {
            // Rows have slid past the reader, so this pass is no image of the list.
            return self.look_again();
        }
        if self.slid || self.unclear {
            return self.publish_unproved();
        }
        self.publish_proved();
    }

    fn look_again(&mut self) {
        let next = self.fresh_pass(self.pass.number + 1);
        let pass = std::mem::replace(&mut self.pass, next);
        self.never_read = self.never_read(&pass);
        self.ever.extend(&pass.seen);
        self.before = pass.is_proved().then_some(pass.seen);
        self.missing.clear();
        self.bad_rows = Tally::default();
        (self.slid, self.unclear) = (false, false);
        self.phase = Phase::Looking;
    }

    fn fresh_pass(&self, number: u32) -> Pass {
        Pass::new(number, first_stage(self.rules, self.expected.len(), self.count()))
    }

    fn missing_in_use(&self) -> Vec<i64> {
        self.missing.iter().copied().filter(|id| self.expected.binary_search(&(*id, true)).is_ok()).collect()
    }

    /// Everybody who is missing is gone for certain.
    fn publish_proved(&mut self) {
        let gone = self.missing_in_use();
        let allowed = Brake::allowed_beyond(self.rules.free, self.active);
        if !self.brake.lets_pass(gone.len() as u64, allowed) {
            return self.end(Conclusion::Hold { gone, active: self.active });
        }
        let missing = std::mem::take(&mut self.missing);
        self.end(Conclusion::Publish { proved: Some(self.pass.number), unseen: missing.clone(), gone: missing });
    }

    /// What was read is kept, and nobody is disabled on a guess.
    fn publish_unproved(&mut self) {
        let is_seen = |id: &i64| self.pass.seen.contains(id) || self.ever.contains(id);
        let unseen = self.expected.iter().map(|(id, _)| *id).filter(|id| !is_seen(id)).collect();
        self.end(Conclusion::Publish { proved: None, unseen, gone: Vec::new() });
    }

    fn end(&mut self, conclusion: Conclusion) {
        self.phase = Phase::Ended;
        self.conclusion = Some(conclusion);
    }

    /// The verdict, once there is one.
    pub(super) fn conclusion(&self) -> Option<&Conclusion> {
        self.conclusion.as_ref()
    }

    /// The pass that goes on, from 1.
    pub(super) fn pass(&self) -> u32 {
        self.pass.number
    }

    /// Unique ids of this pass so far; of all passes where none was proved in the end, as what all have shown is stored then.
    pub(super) fn read(&self) -> u64 {
        let earlier = match self.conclusion {
            Some(Conclusion::Publish { proved: None, .. }) => self.ever.difference(&self.pass.seen).count(),
            _ => 0,
        };
        (self.pass.seen.len() + earlier) as u64
    }

    /// Expected clients that are there, but of whom nothing that is published was read.
    pub(super) fn unread(&self) -> u64 {
        let is_expected = |id: &&i64| self.expected.binary_search_by_key(*id, |(id, _)| *id).is_ok();
        let count = match self.conclusion {
            Some(Conclusion::Publish { proved: None, .. }) => {
                self.never_read(&self.pass).iter().filter(is_expected).count()
            }
            _ => self.pass.unread.iter().filter(is_expected).count(),
        };
        count as u64
    }

    /// The clients that this pass or those before it have shown, and none has let be read.
    fn never_read(&self, pass: &Pass) -> HashSet<i64> {
        let before = self.never_read.iter().filter(|id| !pass.seen.contains(id));
        let is_new = |id: &&i64| !self.ever.contains(id) || self.never_read.contains(id);
        before.chain(pass.unread.iter().filter(is_new)).copied().collect()
    }

    /// Halo's own count, as it came last.
    pub(super) fn count(&self) -> Option<u64> {
        self.pass.counts.map(|(_, last)| last)
    }

    /// The highest id of the list before its pages were read, where that is known.
    pub(super) fn newest_id(&self) -> Option<i64> {
        self.pass.newest
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

    /// What was not as it should be, a sentence for each kind.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.bad_rows.lines().into_iter().chain(self.warnings.lines()).collect()
    }
}

/// Whether a list that was so long last can be begun with its pages, or has more clients than are expected.
fn first_stage(rules: Rules, expected: usize, count: Option<u64>) -> Stage {
    let expected = expected as u64;
    if count.map_or(expected == 0, |count| count > expected) {
        return Stage::Newest;
    }
    let pages = u32::try_from(expected.div_ceil(rules.page_size)).unwrap_or(u32::MAX);
    Stage::Length(pages.clamp(1, rules.guessed.max(1)))
}

#[cfg(test)]
mod tests;

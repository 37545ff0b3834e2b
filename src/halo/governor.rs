//! One gate for all requests: it keeps to Halo's rolling limit and lets a person's request pass before the sync's, of
//! which it lets as many into the air as the line takes (`pace`).
//!
//! Halo publishes 700 requests per rolling 5 minutes, asks for fair use of 500 in 3 minutes in some versions, and has
//! said 300 and 450 in the past. So the gate starts with what the settings say and learns, downwards only, from what a
//! refusal tells.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::hearing::{Asking, Hearing};
use super::limit::{Limit, slack};
use super::moment::{self, show};
use super::pace::{Flown, Pace};
use super::shared_count::{self, Next, Share, SharedCount};
use crate::domain::retry_after;
use crate::domain::sync_run::{BudgetWait, RequestBudget, Silence};

/// The window that Halo publishes.
pub(super) const WINDOW: Duration = Duration::from_secs(5 * 60);

/// 90 % of the 700 requests that Halo publishes: the rest is for the other integrations of the same Halo.
pub(super) const DEFAULT_BUDGET: u32 = 630;

/// The window of Halo's fair-use rule.
const FAIR_USE_WINDOW: Duration = Duration::from_secs(3 * 60);

/// 90 % of the 500 requests that the fair-use rule allows.
const FAIR_USE: u32 = 450;

/// The shortest and longest window that is believed when a refusal names one.
const BELIEVABLE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// A shorter wait for the limit is one of many, and a countdown for each would only jump.
const BRIEF: Duration = Duration::from_secs(10);

/// Different windows that are kept at once; a server that names more is not talking sense.
const MAX_RULES: usize = 6;

/// Who is waiting for a request. The order is the order in which the gate serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Somebody looks at a screen.
    Person,
    /// The sync, once more: its patience runs, so the pace does not hold it up.
    Again,
    Background,
}

/// What a refusal told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Refusal {
    /// Halo's limit, where its text names it.
    pub limit: Option<Limit>,
    /// How long to wait, where a header says so.
    pub retry_after: Option<Duration>,
}

/// The right to send one request.
#[derive(Debug)]
pub(super) struct Permit {
    /// When it was given.
    pub sent: Instant,
    /// How many were in the air then, with this one.
    flying: usize,
    _flight: Flight,
}

/// A request in the air, for as long as its permit lives.
#[derive(Debug)]
struct Flight {
    flying: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

impl Flight {
    /// Takes off; says how many are in the air now.
    fn start(flying: &Arc<AtomicUsize>, changed: &Arc<Notify>) -> (Self, usize) {
        let now = flying.fetch_add(1, Ordering::AcqRel) + 1;
        (Self { flying: Arc::clone(flying), changed: Arc::clone(changed) }, now)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flying.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}

pub(super) struct Governor {
    state: Mutex<State>,
    changed: Arc<Notify>,
    flying: Arc<AtomicUsize>,
    waiting: watch::Sender<Option<BudgetWait>>,
    hearing: Hearing,
    /// Where other machines count what they send to this Halo, and what it is called there.
    others: Option<(Arc<dyn SharedCount>, String)>,
}

#[derive(Default)]
struct State {
    rules: Vec<Limit>,
    /// When the requests of the longest window were sent, oldest first; those of other machines, too, as of the last count.
    sent: VecDeque<Instant>,
    /// What of the budget of several machines is for this one; none where it has a budget of its own.
    share: Option<Share>,
    /// Set by a refusal: nothing passes before.
    closed: Option<Closed>,
    /// The refusals of the last two windows.
    refusals: VecDeque<Instant>,
    /// Until when one request at a time is sent, because Halo has refused and not said where its limit is.
    unsure_until: Option<Instant>,
    queue: BTreeSet<(Urgency, u64)>,
    next_place: u64,
    /// How many of the sync's requests may be in the air.
    pace: Pace,
    held: WaitTime,
    /// The end of the last wait, and whether it was a short one.
    last_wait: Option<(Instant, bool)>,
}

#[derive(Clone, Copy)]
struct Closed {
    at: Instant,
    until: Instant,
}

enum Turn {
    Go,
    /// First in the queue, but the window is full.
    Wait(Instant, BudgetWait),
    /// Somebody goes before, or has to come back first.
    Behind,
    /// First so many have to be counted where other machines count theirs.
    Count(usize),
}

impl Governor {
    /// A gate that lets `budget` requests pass in every five minutes, and keeps to fair use within them; any number
    /// without a budget.
    pub(super) fn new(budget: Option<u32>) -> Self {
        let rules = budget.map(starting_rules).unwrap_or_default();
        Self {
            state: Mutex::new(State { rules, ..State::default() }),
            changed: Arc::default(),
            flying: Arc::default(),
            waiting: watch::Sender::new(None),
            hearing: Hearing::default(),
            others: None,
        }
    }

    /// The same where the budget is one with other machines, which count their requests to this Halo there as well.
    pub(super) fn shared(budget: u32, count: Arc<dyn SharedCount>, halo: String) -> Self {
        let governor = Self { others: Some((count, halo)), ..Self::new(Some(budget)) };
        governor.lock().share = Some(Share::new(Instant::now()));
        governor
    }

    /// Waits for the right to send. Dropping the wait gives the place up.
    pub(super) async fn acquire(&self, urgency: Urgency) -> Permit {
        let place = QueuePlace::take(self, urgency);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening begins before looking, so that no change falls between the two.
            changed.as_mut().enable();
            let now = Instant::now();
            let (turn, flight) = {
                let mut state = self.lock();
                let turn = state.turn(place.key, now, self.flying.load(Ordering::Acquire));
                let flight = matches!(turn, Turn::Go).then(|| Flight::start(&self.flying, &self.changed));
                (turn, flight)
            };
            if let Some((flight, flying)) = flight {
                return Permit { sent: now, flying, _flight: flight };
            }
            match turn {
                Turn::Wait(until, wait) => {
                    let _held = HeldRequest::begin(self);
                    self.waiting.send_replace(Some(wait));
                    tokio::select! {
                        () = sleep_until(until) => {}
                        () = changed => {}
                    }
                    self.hearing.limit_is_over();
                }
                Turn::Count(wanted) => self.count(wanted).await,
                Turn::Go | Turn::Behind => changed.await,
            }
        }
    }

    /// Has so many requests counted with those of other machines, as far as there is room for them.
    async fn count(&self, wanted: usize) {
        let _counting = Counting(self);
        let Some((count, halo)) = self.others.clone() else { return };
        let rules = self.lock().rules.clone();
        let window = rules.iter().map(|rule| rule.window + slack(rule.window)).max().unwrap_or(WINDOW);
        let counted = tokio::task::spawn_blocking(move || {
            let mut taken = 0;
            let before = count.count(&halo, window, &mut |ages| {
                taken = shared_count::room(&rules, ages).min(wanted);
                taken
            })?;
            Some((before, taken))
        });
        let counted = tokio::time::timeout(shared_count::PATIENCE, counted).await;
        self.lock().counted(counted.ok().and_then(Result::ok).flatten(), Instant::now());
    }

    /// Takes in that a request was refused; returns when the gate opens again.
    pub(super) fn refused(&self, permit: &Permit, refusal: Refusal) -> Instant {
        let until = self.lock().refused(permit.sent, refusal, Instant::now());
        self.changed.notify_waiters();
        until
    }

    /// For how long a refusal keeps the gate shut from now on.
    fn shut_for(&self) -> Option<Duration> {
        let until = self.lock().closed?.until;
        Some(until.saturating_duration_since(Instant::now())).filter(|shut| !shut.is_zero())
    }

    /// Comes back once a refusal keeps the gate shut for too long, with how long that is.
    pub(super) async fn shut(&self, is_too_long: impl Fn(&Duration) -> bool) -> Duration {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(shut) = self.shut_for().filter(&is_too_long) {
                return shut;
            }
            changed.await;
        }
    }

    /// How long the limit has held somebody up so far: however many waited, a second is a second.
    pub(super) fn held_up(&self) -> Duration {
        self.lock().held.so_far(Instant::now())
    }

    /// How many of the sync's requests are let into the air at once.
    pub(super) fn pace(&self) -> usize {
        self.lock().pace.limit()
    }

    /// Takes in a good answer to a question of this kind.
    pub(super) fn answered(&self, permit: &Permit, does: &'static str) {
        let flown = Flown { does, sent: permit.sent, flying: permit.flying };
        self.lock().pace.answered(flown, Instant::now());
    }

    /// Takes in that Halo refused or failed, or that the connection broke.
    pub(super) fn failed(&self, permit: &Permit) {
        self.lock().pace.failed(permit.sent, Instant::now());
    }

    /// The wait that goes on now.
    pub(super) fn waiting(&self) -> Option<BudgetWait> {
        let wait = *self.waiting.borrow();
        // Of short ones the last stands as long as another request would have to wait.
        let goes_on = |wait: &BudgetWait| {
            let now = Instant::now();
            wait.lasts(moment::now()) && self.lock().opens_at(now) > now
        };
        wait.filter(|wait| !wait.one_by_one || goes_on(wait))
    }

    /// A request is about to be asked, for as long as the answer lives.
    pub(super) fn ask(&self) -> Asking<'_> {
        self.hearing.ask()
    }

    /// The silence that goes on now; none while the limit is what is waited for.
    pub(super) fn silence(&self) -> Option<Silence> {
        self.hearing.silence().filter(|_| self.waiting().is_none())
    }

    /// How much of the limit is used up; none as long as no limit is known.
    pub(super) fn budget(&self) -> Option<RequestBudget> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.rules.is_empty() {
            return None;
        }
        let (opens, rule) = state.opening(now);
        let counts = |sent: &&Instant| now.duration_since(**sent) < rule.window + slack(rule.window);
        let used = state.sent.iter().rev().take_while(counts).count();
        Some(RequestBudget {
            used: u32::try_from(used).unwrap_or(u32::MAX),
            limit: rule.limit,
            window_seconds: rule.window.as_secs(),
            more_at: (opens > now).then(|| show(opens - now)),
        })
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<BudgetWait>> {
        self.waiting.subscribe()
    }

    #[cfg(test)]
    pub(super) fn limit(&self) -> Option<u32> {
        self.lock().rules.first().map(|rule| rule.limit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time in which the limit held at least one request up.
#[derive(Default)]
struct WaitTime {
    waiting: usize,
    since: Option<Instant>,
    before: Duration,
}

impl WaitTime {
    fn so_far(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

/// A request that the limit holds up, for as long as this lives.
struct HeldRequest<'a>(&'a Governor);

impl<'a> HeldRequest<'a> {
    fn begin(governor: &'a Governor) -> Self {
        let held = &mut governor.lock().held;
        held.waiting += 1;
        held.since.get_or_insert_with(Instant::now);
        Self(governor)
    }
}

impl Drop for HeldRequest<'_> {
    fn drop(&mut self) {
        let held = &mut self.0.lock().held;
        held.waiting -= 1;
        if held.waiting == 0 {
            held.before = held.so_far(Instant::now());
            held.since = None;
        }
    }
}

/// Somebody who counts, until it is done or given up.
struct Counting<'a>(&'a Governor);

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        if let Some(share) = &mut self.0.lock().share {
            share.end();
        }
        self.0.changed.notify_waiters();
    }
}

/// A place in the queue, given up on every path.
struct QueuePlace<'a> {
    governor: &'a Governor,
    key: (Urgency, u64),
}

impl<'a> QueuePlace<'a> {
    fn take(governor: &'a Governor, urgency: Urgency) -> Self {
        let mut state = governor.lock();
        let key = (urgency, state.next_place);
        state.next_place += 1;
        state.queue.insert(key);
        Self { governor, key }
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let was_first = {
            let mut state = self.governor.lock();
            let was_first = state.queue.first() == Some(&self.key);
            state.queue.remove(&self.key);
            was_first
        };
        if was_first {
            // Whoever is next says anew for how long it waits.
            // One of many short waits stands until it is known that no other follows.
            self.governor.waiting.send_if_modified(|wait| wait.take_if(|wait| !wait.one_by_one).is_some());
        }
        self.governor.changed.notify_waiters();
    }
}

impl State {
    fn turn(&mut self, key: (Urgency, u64), now: Instant, flying: usize) -> Turn {
        if self.queue.first() != Some(&key) {
            return Turn::Behind;
        }
        // Where Halo has refused without saying its limit, one request at a time feels for it: several at once would
        // all be refused together.
        if flying > 0 && self.unsure_until.is_some_and(|until| now < until) {
            return Turn::Behind;
        }
        if key.0 == Urgency::Background && !self.pace.lets_go(flying) {
            return Turn::Behind;
        }
        let (until, rule) = self.opening(now);
        if until > now {
            // A long one stays what it is to its end, however often it is looked at.
            let is_known = self.last_wait.filter(|(known, _)| *known == until);
            let one_by_one = is_known.map_or(until - now < BRIEF, |(_, short)| short);
            self.last_wait = Some((until, one_by_one));
            let (limit, window_seconds) = (rule.limit, rule.window.as_secs());
            let wait = BudgetWait { limit, window_seconds, until: show(until - now), one_by_one };
            return Turn::Wait(until, wait);
        }
        match self.share.as_mut().map_or(Next::GoAlone, |share| share.turn(key.0 == Urgency::Background, now)) {
            // Counted without a rule too: the first refusal may bring one.
            Next::GoAlone => self.sent.push_back(now),
            Next::Go => {}
            Next::Count(wanted) => return Turn::Count(wanted),
            Next::Behind => return Turn::Behind,
        }
        Turn::Go
    }

    /// Takes in what other machines have sent, and how many requests were counted with that; none where nobody answered.
    fn counted(&mut self, counted: Option<(Vec<Duration>, usize)>, now: Instant) {
        let taken = counted.as_ref().map(|(_, taken)| *taken);
        if let Some((before, taken)) = counted {
            self.sent = shared_count::moments(&before, now);
            self.sent.extend(std::iter::repeat_n(now, taken));
        }
        if let Some(share) = &mut self.share {
            share.counted(taken, &self.rules, now);
        }
    }

    /// When the next request may pass.
    fn opens_at(&mut self, now: Instant) -> Instant {
        self.opening(now).0
    }

    /// The same, with the rule that holds it up; the tightest one where none does.
    fn opening(&mut self, now: Instant) -> (Instant, Limit) {
        self.forget(now);
        let full = self.rules.iter().filter_map(|rule| {
            let index = self.sent.len().checked_sub(rule.limit as usize)?;
            Some((*self.sent.get(index)? + rule.window + slack(rule.window), *rule))
        });
        let closed = self.closed.map(|closed| (closed.until, self.tightest()));
        let last = full.chain(closed).max_by_key(|(until, _)| *until).filter(|(until, _)| *until > now);
        last.unwrap_or_else(|| (now, self.tightest()))
    }

    fn forget(&mut self, now: Instant) {
        let longest = self.rules.iter().map(|rule| rule.window + slack(rule.window)).max().unwrap_or(WINDOW);
        while self.sent.front().is_some_and(|sent| now.duration_since(*sent) >= longest) {
            self.sent.pop_front();
        }
    }

    /// The rule to show: the one with the lowest rate.
    fn tightest(&self) -> Limit {
        let rate = |rule: &Limit| f64::from(rule.limit) / rule.window.as_secs_f64();
        let published = Limit { limit: 700, window: WINDOW };
        self.rules.iter().copied().min_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or(published)
    }

    fn refused(&mut self, sent: Instant, refusal: Refusal, now: Instant) -> Instant {
        let told = refusal.limit.filter(|rule| BELIEVABLE.contains(&rule.window) && rule.limit > 0);
        if let Some(rule) = told {
            self.learn(rule);
        }
        // A request that was under way when the gate was closed tells nothing new.
        if let Some(closed) = self.closed
            && sent <= closed.at
            && now < closed.until
        {
            return self.opens_at(now);
        }
        let window = told.map_or_else(|| self.tightest().window, |rule| rule.window);
        while self.refusals.front().is_some_and(|at| now.duration_since(*at) >= window * 2) {
            self.refusals.pop_front();
        }
        let earlier = self.refusals.len();
        self.refusals.push_back(now);
        if told.is_none() {
            self.unsure_until = Some(now + window * 2);
        }
        // The first refusal in a long while is believed in what it says. After that the wait only grows, so that no
        // more than two others fall into one window. Without a word from Halo the whole window is waited for: how full
        // it is on Halo's side cannot be known.
        let wait = match (refusal.retry_after, earlier) {
            (Some(asked), 0) => asked,
            (Some(asked), 1) => asked.max(window / 2),
            (None, 0) if told.is_some() => window / 4,
            (None, 1) if told.is_some() => window / 2,
            _ => window,
        };
        let until = now + wait.min(window);
        let until = self.closed.map_or(until, |closed| closed.until.max(until));
        self.closed = Some(Closed { at: now, until });
        self.opens_at(now)
    }

    /// Takes a limit over, a tenth below what Halo says: Halo counts by its own clock.
    fn learn(&mut self, told: Limit) {
        let limit = (told.limit - told.limit.div_ceil(10)).max(1);
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.window == told.window) {
            rule.limit = rule.limit.min(limit);
        } else if self.rules.len() < MAX_RULES {
            self.rules.push(Limit { limit, window: told.window });
        }
    }
}

/// The budget, and the fair-use rule where it says more. Whoever raises the budget knows their Halo, and raises both.
fn starting_rules(budget: u32) -> Vec<Limit> {
    let budget = budget.max(1);
    let fair = FAIR_USE.max(budget.saturating_sub(budget / 7 * 2));
    let long = Limit { limit: budget, window: WINDOW };
    let short = Limit { limit: fair, window: FAIR_USE_WINDOW };
    std::iter::once(long).chain((fair < budget).then_some(short)).collect()
}

/// Reads what a 429 says: `Rate Limit Reached - 300 Requests per rolling 5 minute window`, and a
/// `Retry-After` in seconds or as a date. What makes no sense counts as not said.
pub(super) fn read_refusal(body: &[u8], retry_after: Option<&str>, now: Timestamp) -> Refusal {
    Refusal { limit: read_limit(body), retry_after: retry_after.and_then(|text| retry_after::read(text, now)) }
}

fn read_limit(body: &[u8]) -> Option<Limit> {
    let text = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| word.starts_with("request"))?;
    let limit = words.get(at.checked_sub(1)?)?.parse().ok()?;
    let units = [("second", 1), ("minute", 60), ("hour", 3600)];
    let (unit_at, unit) = words.iter().enumerate().skip(at + 1).find_map(|(index, word)| {
        units.iter().find(|(name, _)| word.starts_with(name)).map(|(_, seconds)| (index, *seconds))
    })?;
    let count: u64 = words[unit_at - 1].parse().unwrap_or(1);
    Some(Limit { limit, window: Duration::from_secs(count.checked_mul(unit)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    const HALO_TEXT: &str = "Rate Limit Reached - 300 Requests per rolling 5 minute window";

    /// A Halo that counts by a rolling window and refuses beyond it.
    struct Counting {
        rule: Limit,
        sent: VecDeque<Instant>,
        refusals: Vec<Instant>,
        most: usize,
    }

    impl Counting {
        fn new(limit: u32, window: u64) -> Self {
            let rule = Limit { limit, window: Duration::from_secs(window) };
            Self { rule, sent: VecDeque::new(), refusals: Vec::new(), most: 0 }
        }

        fn accepts(&mut self) -> bool {
            let now = Instant::now();
            while self.sent.front().is_some_and(|at| now.duration_since(*at) >= self.rule.window) {
                self.sent.pop_front();
            }
            if self.sent.len() >= self.rule.limit as usize {
                self.refusals.push(now);
                return false;
            }
            self.sent.push_back(now);
            self.most = self.most.max(self.sent.len());
            true
        }

        /// The most refusals within one window, the very first one left out.
        fn worst(&self) -> usize {
            let later = self.refusals.get(1..).unwrap_or_default();
            let within = |start: &Instant| {
                later.iter().filter(|at| *at >= start && at.duration_since(*start) < self.rule.window).count()
            };
            later.iter().map(within).max().unwrap_or(0)
        }
    }

    async fn storm(requests: u32, halo: &mut Counting, body: &str, retry_after: Option<&str>) -> Duration {
        let governor = Governor::new(Some(DEFAULT_BUDGET));
        let start = Instant::now();
        for _ in 0..requests {
            loop {
                let permit = governor.acquire(Urgency::Background).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                if halo.accepts() {
                    break;
                }
                governor.refused(&permit, read_refusal(body.as_bytes(), retry_after, moment::now()));
            }
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn rolling_window_is_never_overrun() {
        let governor = Governor::new(Some(30));
        let mut halo = Counting::new(30, 300);
        for _ in 0..200 {
            governor.acquire(Urgency::Background).await;
            tokio::time::sleep(Duration::from_millis(70)).await;
            assert!(halo.accepts(), "a request too many");
        }
        assert_eq!(halo.most, 30, "the whole budget is used");
    }

    /// Where several machines count, in the memory of a test.
    #[derive(Default)]
    struct CountedHere {
        sent: Mutex<Vec<Instant>>,
        counts: AtomicU32,
        is_away: std::sync::atomic::AtomicBool,
    }

    impl SharedCount for CountedHere {
        fn count(
            &self,
            _: &str,
            window: Duration,
            take: &mut dyn FnMut(&[Duration]) -> usize,
        ) -> Option<Vec<Duration>> {
            self.counts.fetch_add(1, Ordering::Relaxed);
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let ages = sent.iter().map(Instant::elapsed).filter(|age| *age < window);
            let ages = (!self.is_away.load(Ordering::Relaxed)).then(|| ages.collect::<Vec<_>>())?;
            let more = take(&ages);
            sent.extend(std::iter::repeat_n(Instant::now(), more));
            Some(ages)
        }
    }

    /// Three machines, each with a sync: Halo refuses none of them, hardly anything of the budget is lost, and they are not asked
    /// for each request.
    #[tokio::test(start_paused = true)]
    async fn machines_keep_to_one_budget_together() {
        let count = Arc::new(CountedHere::default());
        let halo = Arc::new(Mutex::new(Counting::new(100, 300)));
        let machines: Vec<_> = (0..3)
            .map(|_| {
                let governor = Governor::shared(100, Arc::<CountedHere>::clone(&count), "acme".to_owned());
                let halo = Arc::clone(&halo);
                tokio::spawn(async move {
                    for _ in 0..60 {
                        let permit = governor.acquire(Urgency::Background).await;
                        assert!(halo.lock().unwrap().accepts(), "a request too many");
                        tokio::time::sleep(Duration::from_millis(70)).await;
                        governor.answered(&permit, "page");
                    }
                    governor.budget().unwrap().used
                })
            })
            .collect();
        let started = Instant::now();
        let mut used = 0;
        for machine in machines {
            used = used.max(machine.await.unwrap());
        }
        assert!(started.elapsed() < Duration::from_secs(320), "{:?}", started.elapsed());
        assert!(used > 60, "{used}: those of the others are told as well");
        let (most, counts) = (halo.lock().unwrap().most, count.counts.load(Ordering::Relaxed));
        assert!(most > 90 && counts < 90, "{most} of 100, counted {counts} times for 180");
    }

    /// Nobody waits for a count that is not reached, and the budget still holds.
    #[tokio::test(start_paused = true)]
    async fn machine_that_cannot_count_with_others_counts_alone() {
        let count = Arc::new(CountedHere::default());
        count.is_away.store(true, Ordering::Relaxed);
        let governor = Governor::shared(10, Arc::<CountedHere>::clone(&count), "acme".to_owned());
        let started = Instant::now();
        for _ in 0..10 {
            governor.acquire(Urgency::Background).await;
        }
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!((count.counts.load(Ordering::Relaxed), governor.budget().unwrap().used), (1, 10));
        governor.acquire(Urgency::Person).await;
        assert!(started.elapsed() >= WINDOW);
        assert_eq!(count.counts.load(Ordering::Relaxed), 2, "it is tried again");
    }

    /// When the last of so many requests can go at the earliest under these rules, if each goes as soon as it may.
    fn shortest(requests: usize, rules: &[(usize, u64)]) -> Duration {
        let mut sent: Vec<u64> = Vec::new();
        for at in 0..requests {
            let free = rules.iter().filter_map(|(limit, window)| Some(sent[at.checked_sub(*limit)?] + window));
            sent.push(free.max().unwrap_or(0));
        }
        Duration::from_secs(sent[requests - 1])
    }

    #[tokio::test(start_paused = true)]
    async fn fair_use_costs_no_refusal_and_no_time() {
        // 1,000 pages and what is asked before them, at 90 % of 500 in 3 minutes and of 700 in 5.
        let mut halo = Counting::new(500, 180);
        let governor = Governor::new(Some(DEFAULT_BUDGET));
        let start = Instant::now();
        for _ in 0..1_008 {
            governor.acquire(Urgency::Background).await;
            assert!(halo.accepts(), "refused after {:?}", start.elapsed());
        }
        let shortest = shortest(1_008, &[(450, 180), (630, 300)]);
        assert!(shortest <= start.elapsed(), "{:?} is faster than both rules let it", start.elapsed());
        assert!(start.elapsed() <= shortest.mul_f64(1.02), "{:?}, {shortest:?} at best", start.elapsed());
        assert_eq!(halo.most, 450, "as many as the rule lets pass");
    }

    #[tokio::test(start_paused = true)]
    async fn wait_names_rule_that_holds_it_up() {
        let governor = Governor::new(Some(DEFAULT_BUDGET));
        for (requests, rule) in [(450, (450, 180)), (180, (630, 300))] {
            for _ in 0..requests {
                governor.acquire(Urgency::Background).await;
            }
            let budget = governor.budget().unwrap();
            assert_eq!((budget.limit, budget.window_seconds), rule);
            assert!(budget.more_at.is_some() && budget.used == budget.limit);
        }
    }

    #[test]
    fn budget_decides_how_fair_use_rule_is_kept() {
        let limits = |budget| starting_rules(budget).iter().map(|rule| rule.limit).collect::<Vec<_>>();
        assert_eq!(limits(DEFAULT_BUDGET), [630, 450]);
        assert_eq!(limits(500), [500, 450]);
        assert_eq!(limits(450), [450]);
        assert_eq!(limits(0), [1]);
        assert_eq!(limits(6_300), [6_300, 4_500]);
    }

    #[tokio::test(start_paused = true)]
    async fn thousand_requests_at_halos_old_limit_take_quarter_of_hour() {
        let mut halo = Counting::new(300, 300);
        let took = storm(1_000, &mut halo, HALO_TEXT, None).await;
        assert!(took >= Duration::from_secs(15 * 60) && took <= Duration::from_secs(20 * 60), "{took:?}");
        assert_eq!(halo.refusals.len(), 1, "what the first refusal taught is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn storms_end_whatever_retry_after_says() {
        for (limit, window, text) in [
            (300, 300, HALO_TEXT),
            (450, 300, "450 requests per rolling 5 minute window"),
            (60, 60, "60 Requests per rolling 1 minute window"),
            (300, 300, ""),
            (60, 60, ""),
        ] {
            for retry_after in [None, Some("0"), Some("1"), Some("300"), Some("-5"), Some("1000000000"), Some("soon")] {
                let mut halo = Counting::new(limit, window);
                storm(1_000, &mut halo, text, retry_after).await;
                // A silent refusal is judged by Halo's published window, which is the longer one.
                halo.rule.window = if text.is_empty() { WINDOW } else { halo.rule.window };
                assert!(halo.worst() <= 2, "{limit}/{window} {text:?} {retry_after:?}: {}", halo.worst());
            }
        }
    }

    /// R12, with as many in the air as the sync has: the first window may bring one refusal for each, the later ones
    /// two.
    #[tokio::test(start_paused = true)]
    async fn four_at_time_are_refused_no_more_often_than_one() {
        for (limit, window, text) in [(300, 300, HALO_TEXT), (300, 300, ""), (450, 300, ""), (60, 60, "")] {
            let governor = Arc::new(Governor::new(Some(DEFAULT_BUDGET)));
            let halo = Arc::new(Mutex::new(Counting::new(limit, window)));
            let left = Arc::new(AtomicU32::new(1_500));
            let senders: Vec<_> = (0..4)
                .map(|_| {
                    let (governor, halo, left) = (Arc::clone(&governor), Arc::clone(&halo), Arc::clone(&left));
                    tokio::spawn(async move {
                        while left.load(Ordering::SeqCst) > 0 {
                            let permit = governor.acquire(Urgency::Background).await;
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            if halo.lock().unwrap().accepts() {
                                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).ok();
                            } else {
                                governor.refused(&permit, read_refusal(text.as_bytes(), None, moment::now()));
                            }
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.await.unwrap();
            }
            let mut halo = halo.lock().unwrap();
            // What was in the air at the first refusal counts as that refusal.
            let first = halo.refusals[0];
            halo.refusals.retain(|at| at.duration_since(first) > Duration::from_millis(100));
            halo.refusals.insert(0, first);
            halo.rule.window = if text.is_empty() { WINDOW } else { halo.rule.window };
            assert!(halo.worst() <= 2, "{limit}/{window} {text:?}: {}", halo.worst());
        }
    }

    /// N20: how much is used, of what, and when there is more.
    #[tokio::test(start_paused = true)]
    async fn budget_can_be_looked_at() {
        assert_eq!(Governor::new(None).budget(), None);
        let governor = Governor::new(Some(3));
        governor.acquire(Urgency::Person).await;
        let budget = governor.budget().unwrap();
        assert_eq!((budget.used, budget.limit, budget.window_seconds, budget.more_at), (1, 3, 300, None));
        governor.acquire(Urgency::Person).await;
        let permit = governor.acquire(Urgency::Person).await;
        let budget = governor.budget().unwrap();
        assert!(budget.used == 3 && budget.more_at.unwrap() > moment::now());
        governor.refused(&permit, read_refusal(b"2 requests per rolling 5 minute window", None, moment::now()));
        assert_eq!(governor.budget().unwrap().limit, 1, "what was learnt is shown");
        tokio::time::sleep(WINDOW * 2).await;
        assert_eq!(governor.budget().unwrap().used, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn person_passes_before_sync() {
        let governor = Arc::new(Governor::new(Some(1)));
        governor.acquire(Urgency::Person).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waits = Vec::new();
        for (name, urgency) in [
            ("sync 1", Urgency::Background),
            ("sync 2", Urgency::Background),
            ("person 1", Urgency::Person),
            ("person 2", Urgency::Person),
        ] {
            let (governor, order) = (Arc::clone(&governor), Arc::clone(&order));
            waits.push(tokio::spawn(async move {
                governor.acquire(urgency).await;
                order.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        for wait in waits {
            wait.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["person 1", "person 2", "sync 1", "sync 2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn person_passes_where_sync_has_all_it_may_have_in_air() {
        let governor = Arc::new(Governor::new(None));
        let mut air = Vec::new();
        for _ in 0..4 {
            air.push(governor.acquire(Urgency::Background).await);
        }
        let fifth = {
            let governor = Arc::clone(&governor);
            tokio::spawn(async move { governor.acquire(Urgency::Background).await })
        };
        tokio::task::yield_now().await;
        let person = tokio::time::timeout(Duration::from_millis(1), governor.acquire(Urgency::Person)).await.unwrap();
        tokio::task::yield_now().await;
        assert!(!fifth.is_finished(), "five of the sync in the air, although nothing is known of the line");
        drop(person);
        // An answer in time lets one more go.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for permit in air.drain(..2) {
            governor.answered(&permit, "list");
        }
        tokio::time::timeout(Duration::from_millis(1), fifth).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn wait_is_shown_while_it_lasts() {
        let governor = Governor::new(Some(2));
        governor.acquire(Urgency::Person).await;
        governor.acquire(Urgency::Person).await;
        assert_eq!(governor.waiting(), None);
        let mut shown = governor.subscribe();
        tokio::join!(
            async {
                governor.acquire(Urgency::Person).await;
                assert!(governor.held_up() >= WINDOW);
            },
            async {
                shown.changed().await.unwrap();
                let wait = shown.borrow_and_update().unwrap();
                assert_eq!((wait.limit, wait.window_seconds), (2, 300));
                assert!(wait.until > moment::now());
            }
        );
        assert_eq!(governor.waiting(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn wait_that_is_given_up_leaves_its_place_to_next() {
        let governor = Arc::new(Governor::new(Some(1)));
        governor.acquire(Urgency::Person).await;
        let first = {
            let governor = Arc::clone(&governor);
            tokio::spawn(async move { governor.acquire(Urgency::Person).await })
        };
        tokio::task::yield_now().await;
        assert!(governor.waiting().is_some());
        let second = {
            let governor = Arc::clone(&governor);
            tokio::spawn(async move { governor.acquire(Urgency::Background).await })
        };
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.is_err());
        second.await.unwrap();
        assert!(governor.held_up() < WINDOW * 2);
        assert_eq!(governor.waiting(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_many_wait_is_counted_once() {
        let governor = Arc::new(Governor::new(Some(16)));
        let begun = Instant::now();
        let requests: Vec<_> = [Urgency::Person, Urgency::Background].repeat(16).into_iter().collect();
        let all: Vec<_> = requests
            .into_iter()
            .map(|urgency| {
                let governor = Arc::clone(&governor);
                tokio::spawn(async move { drop(governor.acquire(urgency).await) })
            })
            .collect();
        // Half of the way: what is counted goes on while they wait.
        tokio::time::sleep(WINDOW / 2).await;
        assert!((WINDOW / 3..=WINDOW / 2).contains(&governor.held_up()), "{:?}", governor.held_up());
        for one in all {
            one.await.unwrap();
        }
        assert!(governor.held_up() >= WINDOW && governor.held_up() <= begun.elapsed(), "{:?}", governor.held_up());
        let after = governor.held_up();
        tokio::time::sleep(WINDOW).await;
        assert_eq!(governor.held_up(), after, "nobody waits");
    }

    #[tokio::test(start_paused = true)]
    async fn sixteen_refusals_of_one_moment_count_as_one() {
        let governor = Governor::new(Some(630));
        let mut permits = Vec::new();
        for _ in 0..16 {
            permits.push(governor.acquire(Urgency::Person).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let until: Vec<_> = permits
            .iter()
            .map(|permit| governor.refused(permit, Refusal { limit: None, retry_after: Some(Duration::from_secs(2)) }))
            .collect();
        assert!(until.iter().all(|until| *until == Instant::now() + Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_lowers_limit_and_never_raises_it() {
        let governor = Governor::new(Some(100));
        let rules = || governor.lock().rules.clone();
        for text in [HALO_TEXT, "50 requests per rolling 5 minute window", "90 requests per rolling 5 minute window"] {
            let permit = governor.acquire(Urgency::Person).await;
            governor.refused(&permit, read_refusal(text.as_bytes(), None, moment::now()));
        }
        assert_eq!(rules(), [Limit { limit: 45, window: WINDOW }]);
        for text in ["0 requests per 5 minute", "5 requests per 0 minutes", "5 requests per 9000 hours"] {
            let permit = governor.acquire(Urgency::Person).await;
            governor.refused(&permit, read_refusal(text.as_bytes(), None, moment::now()));
        }
        assert_eq!(rules().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_budget_nothing_waits_until_halo_refuses() {
        let governor = Governor::new(None);
        let start = Instant::now();
        let mut last = None;
        for _ in 0..5_000 {
            last = Some(governor.acquire(Urgency::Background).await);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        let text = b"Rate Limit Reached - 60 Requests per rolling 10 second window";
        governor.refused(&last.unwrap(), read_refusal(text, None, moment::now()));
        governor.acquire(Urgency::Background).await;
        assert!(start.elapsed() >= Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn many_waiters_all_pass_in_end() {
        let governor = Arc::new(Governor::new(Some(10)));
        let passed = Arc::new(AtomicU32::new(0));
        let waits: Vec<_> = (0..100)
            .map(|index| {
                let (governor, passed) = (Arc::clone(&governor), Arc::clone(&passed));
                tokio::spawn(async move {
                    let urgency = if index % 7 == 0 { Urgency::Person } else { Urgency::Background };
                    governor.acquire(urgency).await;
                    passed.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        for wait in waits {
            wait.await.unwrap();
        }
        assert_eq!(passed.load(Ordering::SeqCst), 100);
    }

    #[test]
    fn limit_is_read_from_halos_text_and_from_nothing_else() {
        let rule = |limit, seconds| Some(Limit { limit, window: Duration::from_secs(seconds) });
        assert_eq!(read_limit(HALO_TEXT.as_bytes()), rule(300, 300));
        assert_eq!(read_limit(b"\"60 requests per minute\""), rule(60, 60));
        assert_eq!(read_limit(b"5 Requests per rolling 10 second window"), rule(5, 10));
        for text in
            ["", "Too Many Requests", "requests per 5 minutes", "<html>429</html>", "99999999999 requests per minute"]
        {
            assert_eq!(read_limit(text.as_bytes()), None, "{text}");
        }
    }

    /// In a full window each request waits for an earlier one: that is told as one wait without an end that jumps. A long wait
    /// counts down to its end.
    #[tokio::test(start_paused = true)]
    async fn many_short_waits_are_told_as_one() {
        let governor = Governor::new(Some(100));
        let first = governor.acquire(Urgency::Person).await;
        let limit = Some(Limit { limit: 2, window: Duration::from_secs(40) });
        governor.refused(&first, Refusal { limit, retry_after: Some(Duration::from_secs(30)) });
        drop(first);
        let mut shown = governor.subscribe();
        tokio::join!(async { drop(governor.acquire(Urgency::Person).await) }, async {
            shown.changed().await.unwrap();
            assert!(!shown.borrow_and_update().unwrap().one_by_one, "30 s have an end");
            tokio::time::sleep(Duration::from_secs(25)).await;
            governor.changed.notify_waiters();
            tokio::task::yield_now().await;
            assert!(!governor.waiting().unwrap().one_by_one, "and it stays that one");
        });
        assert_eq!(governor.waiting(), None, "a long one is over once it is over");
        tokio::time::sleep(Duration::from_secs(33)).await;
        drop(governor.acquire(Urgency::Person).await);
        assert!(governor.waiting().unwrap().one_by_one, "the next follows at once");
    }
}

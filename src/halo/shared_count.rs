//! One budget for several machines: what each of them sends to a Halo is counted where they all see it, and each takes its
//! requests from there, a few at a time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::limit::{Limit, slack};

/// As many requests at most are taken at once.
const MOST: usize = 8;

/// How long an answer is waited for: meanwhile nothing is sent.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a machine counts alone once there was none.
const ALONE: Duration = Duration::from_secs(10);

/// Where several machines count what they send to one Halo.
pub trait SharedCount: Send + Sync {
    /// Answers how long ago each request of the last `window` was sent, oldest first, and counts as many more as `take` says to
    /// that; nobody else counts in between. None where the count is not reached.
    fn count(&self, halo: &str, window: Duration, take: &mut dyn FnMut(&[Duration]) -> usize) -> Option<Vec<Duration>>;
}

/// What this process may send of that.
#[derive(Debug)]
pub(super) struct Share {
    /// Counted there already, and not sent yet.
    left: usize,
    /// Until when these may be sent: what is sent later than it was counted would stay in Halo's window for longer than in ours.
    good_until: Instant,
    /// Sent of the last ones that were taken.
    used: usize,
    /// As many are taken next, where nobody looks on.
    next: usize,
    is_counting: bool,
    alone_until: Option<Instant>,
}

/// What a request has to do before it goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: it is counted.
    Go,
    /// Be counted here alone.
    GoAlone,
    /// Have so many counted.
    Count(usize),
    /// Wait for somebody who does that.
    Behind,
}

impl Share {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: 0, good_until: now, used: 0, next: 1, is_counting: false, alone_until: None }
    }

    /// Several are taken ahead only for what goes on `in_background`.
    pub(super) fn turn(&mut self, in_background: bool, now: Instant) -> Next {
        if self.is_counting {
            return Next::Behind;
        }
        if self.alone_until.is_some_and(|until| now < until) {
            return Next::GoAlone;
        }
        if self.left > 0 && now < self.good_until {
            (self.left, self.used) = (self.left - 1, self.used + 1);
            return Next::Go;
        }
        self.is_counting = true;
        // Those that were not sent in time are lost: more are taken only where more would have been sent.
        let is_fast = self.left == 0 && now < self.good_until;
        self.next = (self.used * if is_fast { 2 } else { 1 }).clamp(1, MOST);
        (self.left, self.used) = (0, 0);
        Next::Count(if in_background { self.next } else { 1 })
    }

    /// Takes in that so many were counted, or that the count is not reached.
    pub(super) fn counted(&mut self, taken: Option<usize>, rules: &[Limit], now: Instant) {
        let good = rules.iter().map(|rule| slack(rule.window)).min().unwrap_or_default() / 2;
        (self.left, self.good_until) = (taken.unwrap_or(0), now + good);
        self.alone_until = taken.is_none().then_some(now + ALONE);
    }

    /// Whoever counted is done, or was stopped.
    pub(super) fn end(&mut self) {
        self.is_counting = false;
    }
}

/// How many requests have room under all rules, where others were sent so long ago.
pub(super) fn room(rules: &[Limit], ages: &[Duration]) -> usize {
    let free = rules.iter().map(|rule| {
        let window = rule.window + slack(rule.window);
        (rule.limit as usize).saturating_sub(ages.iter().filter(|age| **age < window).count())
    });
    free.min().unwrap_or(usize::MAX)
}

/// When these requests were sent.
pub(super) fn moments(ages: &[Duration], now: Instant) -> VecDeque<Instant> {
    ages.iter().filter_map(|age| now.checked_sub(*age)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Limit; 1] = [Limit { limit: 10, window: Duration::from_secs(100) }];

    /// Few at first, more where they are sent in time, fewer where they are not.
    #[tokio::test(start_paused = true)]
    async fn as_many_are_taken_as_are_sent_in_time() {
        let mut share = Share::new(Instant::now());
        let mut taken = Vec::new();
        for _ in 0..20 {
            while let Next::Count(wanted) = share.turn(true, Instant::now()) {
                taken.push(wanted);
                assert_eq!(share.turn(false, Instant::now()), Next::Behind);
                share.counted(Some(wanted), &RULES, Instant::now());
                share.end();
            }
        }
        assert_eq!(taken[..5], [1, 2, 4, 8, 8]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(share.turn(true, Instant::now()), Next::Count(5), "as many as were sent in time");
        share.end();
        assert_eq!(share.turn(false, Instant::now()), Next::Count(1), "a person waits for no others");
    }

    #[tokio::test(start_paused = true)]
    async fn count_that_is_not_reached_is_tried_again_later() {
        let mut share = Share::new(Instant::now());
        assert_eq!(share.turn(false, Instant::now()), Next::Count(1));
        share.counted(None, &RULES, Instant::now());
        share.end();
        assert_eq!(share.turn(false, Instant::now()), Next::GoAlone);
        tokio::time::advance(ALONE).await;
        assert_eq!(share.turn(false, Instant::now()), Next::Count(1));
    }

    #[test]
    fn room_is_what_tightest_rule_leaves() {
        let rule = |limit, seconds| Limit { limit, window: Duration::from_secs(seconds) };
        let ages = [99, 50, 1].map(Duration::from_secs);
        assert_eq!(room(&[rule(5, 100), rule(2, 10)], &ages), 1);
        assert_eq!(room(&[rule(3, 100), rule(2, 10)], &ages), 0);
        assert_eq!(room(&[rule(2, 100)], &ages), 0, "others have more than this one allows");
    }
}

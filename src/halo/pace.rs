//! How many requests of the sync are in the air at once: as many as the line and Halo take without getting slower.
//!
//! It has no clock and sends nothing: it is told of each answer, and says whether one more may go. So it is tried on lines
//! and servers of many kinds in no time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// As many at the beginning.
const FIRST: usize = 4;

/// Never more: it is a tenant's server, and other programs need it too.
const MOST: usize = 16;

/// What late answers alone lead to at least: while one answer is read, the next is on its way.
const LEAST_WHEN_LATE: usize = 2;

/// Rounds of answers in time before it grows by one, once it has fallen.
const CAREFUL_ROUNDS: usize = 4;

/// After so long without an answer, connections are closed and have to be made anew.
const IDLE: Duration = Duration::from_secs(60);

/// How far answers may vary, whatever they usually take.
const GRACE: Duration = Duration::from_millis(5);

/// The number of requests that may be in the air.
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    /// It has fallen before: it grows by one in a few rounds, and no longer with every answer.
    is_careful: bool,
    /// Answers in time since it grew last.
    in_time: usize,
    /// When it fell last: what was sent before tells nothing new.
    fell_at: Option<Instant>,
    /// As many connections as are known to be open, and since when.
    open: usize,
    open_since: Option<Instant>,
    answered_at: Option<Instant>,
    usual: BTreeMap<&'static str, Usual>,
}

/// How long answers to one kind of question take, in seconds.
#[derive(Debug)]
struct Usual {
    /// The last ones, smoothed.
    now: f64,
    /// At the best of times.
    best: f64,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flown {
    pub does: &'static str,
    pub sent: Instant,
    /// How many were in the air then, with this one.
    pub flying: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limit: FIRST,
            is_careful: false,
            in_time: 0,
            fell_at: None,
            open: 0,
            open_since: None,
            answered_at: None,
            usual: BTreeMap::new(),
        }
    }
}

impl Pace {
    /// How many may be in the air.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether one more may go where so many are in the air.
    pub(super) fn lets_go(&self, flying: usize) -> bool {
        flying < self.limit
    }

    /// Takes in a good answer.
    pub(super) fn answered(&mut self, flown: Flown, now: Instant) {
        let Flown { does, sent, flying } = flown;
        if self.answered_at.is_some_and(|last| sent.saturating_duration_since(last) > IDLE) {
            self.open = 0;
        }
        self.answered_at = Some(now);
        // One more than ever before has made a connection first, which takes as long as several answers; so may one have that
        // was sent before that was known.
        let is_connecting = flying > self.open || self.open_since.is_some_and(|since| sent < since);
        if flying > self.open {
            (self.open, self.open_since) = (flying, Some(now));
        }
        let took = now.duration_since(sent).as_secs_f64();
        let Some(usual) = self.usual.get_mut(does) else {
            self.usual.insert(does, Usual { now: took, best: took });
            return;
        };
        let in_time = took <= usual.best * 1.5 + GRACE.as_secs_f64();
        if is_connecting && !in_time || self.fell_at.is_some_and(|fell| sent <= fell) {
            return;
        }
        usual.now += (took - usual.now) / 8.0;
        usual.best = usual.best.min(usual.now);
        if usual.now > usual.best * 2.0 + GRACE.as_secs_f64() * 2.0 {
            // So few do not hold up each other: the line or the server has become another one.
            let is_ours = self.limit > LEAST_WHEN_LATE;
            (usual.now, usual.best) = if is_ours { (usual.best, usual.best) } else { (usual.now, usual.now) };
            self.fall(LEAST_WHEN_LATE, now);
        } else if in_time && flying * 2 >= self.limit {
            self.grow();
        }
    }

    /// Takes in that Halo refused or failed, or that the connection broke.
    pub(super) fn failed(&mut self, sent: Instant, now: Instant) {
        if self.fell_at.is_none_or(|fell| sent > fell) {
            self.fall(1, now);
        }
    }

    fn grow(&mut self) {
        self.in_time += 1;
        if self.in_time >= if self.is_careful { self.limit * CAREFUL_ROUNDS } else { 1 } {
            self.limit = (self.limit + 1).min(MOST);
            self.in_time = 0;
        }
    }

    fn fall(&mut self, least: usize, now: Instant) {
        self.limit = (self.limit / 2).max(least).min(self.limit);
        (self.is_careful, self.in_time, self.fell_at) = (true, 0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A line with a server at its end.
    #[derive(Clone, Copy)]
    struct Line {
        trip: Duration,
        /// What the server works on one answer.
        work: Duration,
        /// Answers that it works on at once.
        cores: usize,
        /// What a new connection takes.
        connect: Duration,
        /// What a trip may take longer, now and then.
        jitter: Duration,
        /// Beyond so many at once it refuses.
        refuses_beyond: usize,
    }

    const PLAIN: Line = Line {
        trip: Duration::from_millis(50),
        work: Duration::ZERO,
        cores: 64,
        connect: Duration::ZERO,
        jitter: Duration::ZERO,
        refuses_beyond: usize::MAX,
    };

    struct Sent {
        back: Instant,
        flown: Flown,
        is_refused: bool,
    }

    struct Run {
        pace: Pace,
        start: Instant,
        now: Instant,
        air: Vec<Sent>,
        cores: Vec<Instant>,
        connections: usize,
        dice: u64,
        /// How many were in the air at each sending.
        flying: Vec<usize>,
        refused: usize,
    }

    impl Run {
        fn new() -> Self {
            let start = Instant::now();
            Self {
                pace: Pace::default(),
                start,
                now: start,
                air: Vec::new(),
                cores: Vec::new(),
                connections: 1,
                dice: 1,
                flying: Vec::new(),
                refused: 0,
            }
        }

        /// Fetches so many pages over a line; says how long that took.
        fn fetch(&mut self, pages: usize, line: Line) -> Duration {
            let (began, mut left) = (self.now, pages);
            self.cores = vec![self.now; line.cores];
            while left > 0 || !self.air.is_empty() {
                while left > 0 && self.pace.lets_go(self.air.len()) {
                    left -= 1;
                    self.send(line);
                }
                let next = (0..self.air.len()).min_by_key(|at| self.air[*at].back).unwrap();
                let sent = self.air.swap_remove(next);
                self.now = sent.back;
                if sent.is_refused {
                    left += 1;
                    self.refused += 1;
                    assert!(self.refused < 10_000, "it never falls");
                    self.pace.failed(sent.flown.sent, self.now);
                } else {
                    self.pace.answered(sent.flown, self.now);
                }
            }
            self.now - began
        }

        fn send(&mut self, line: Line) {
            let flying = self.air.len() + 1;
            let connect = if flying > self.connections { line.connect } else { Duration::ZERO };
            self.connections = self.connections.max(flying);
            self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let late = line.jitter.mul_f64((self.dice >> 40) as f64 / f64::from(1 << 24));
            let core = self.cores.iter_mut().min().unwrap();
            *core = (self.now + connect + line.trip / 2).max(*core) + line.work;
            let back = *core + line.trip / 2 + late;
            let is_refused = flying > line.refuses_beyond;
            let flown = Flown { does: "list", sent: self.now, flying };
            self.air.push(Sent { back, flown, is_refused });
            self.flying.push(flying);
        }
    }

    #[test]
    fn pace_begins_with_four_and_fills_steady_line() {
        let mut course = Run::new();
        let took = course.fetch(1, PLAIN) + course.fetch(100, PLAIN);
        assert_eq!(course.flying[..6], [1, 1, 2, 3, 4, 4]);
        assert_eq!((course.pace.limit, course.flying.iter().max()), (MOST, Some(&MOST)));
        // A first answer, 4, about 8, and 16 in each of six trips.
        assert!(took <= 10 * PLAIN.trip, "{took:?}");
    }

    #[test]
    fn pace_never_passes_sixteen() {
        let mut course = Run::new();
        course.fetch(2_000, Line { trip: MS, ..PLAIN });
        assert_eq!(course.flying.iter().max(), Some(&MOST));
    }

    #[test]
    fn pace_spares_server_that_works_on_one_at_time() {
        let line = Line { trip: 10 * MS, work: 20 * MS, cores: 1, ..PLAIN };
        let mut course = Run::new();
        course.fetch(1, line);
        let took = course.fetch(500, line);
        assert!(took <= 500 * line.work + line.work * 5, "the server never waits: {took:?}");
        assert!(course.flying.iter().all(|flying| *flying <= 5), "{:?}", course.flying);
        let mean = course.flying[50..].iter().sum::<usize>() as f64 / (course.flying.len() - 50) as f64;
        assert!(mean <= 3.2, "{mean}");
    }

    #[test]
    fn pace_finds_what_server_of_six_cores_takes() {
        let line = Line { trip: 4 * MS, work: 40 * MS, cores: 6, ..PLAIN };
        let mut course = Run::new();
        course.fetch(1, line);
        let took = course.fetch(600, line);
        assert!(took <= 100 * line.work * 115 / 100, "{took:?}");
        assert!(course.flying[100..].iter().all(|flying| *flying <= 12), "{:?}", course.flying);
    }

    #[test]
    fn pace_falls_at_once_where_halo_refuses() {
        let line = Line { refuses_beyond: 6, ..PLAIN };
        let mut course = Run::new();
        course.fetch(1, line);
        course.fetch(400, line);
        // At first it grows with every answer; later it touches the limit by one, now and then.
        assert!(course.refused <= 30, "{} refused", course.refused);
        assert!(course.flying.iter().all(|flying| *flying <= 12), "{:?}", course.flying);
        let mut pace = Pace { limit: 16, ..Pace::default() };
        let (sent, now) = (course.start, course.start + MS);
        for _ in 0..16 {
            pace.failed(sent, now);
        }
        assert_eq!(pace.limit, 8, "sixteen refusals of one moment are one");
        for later in 2..10 {
            pace.failed(course.start + MS * later, course.start + MS * later);
        }
        assert_eq!(pace.limit, 1);
    }

    #[test]
    fn pace_falls_where_answers_come_late_and_comes_back() {
        let mut course = Run::new();
        course.fetch(200, PLAIN);
        assert_eq!(course.pace.limit, MOST);
        course.fetch(60, Line { trip: 400 * MS, ..PLAIN });
        assert!(course.pace.limit <= 4, "{}", course.pace.limit);
        course.fetch(400, PLAIN);
        assert!(course.pace.limit >= 12, "{}", course.pace.limit);
    }

    #[test]
    fn pace_keeps_two_in_air_where_answers_only_come_late() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        for trip in [MS, 20 * MS, 400 * MS, 8_000 * MS] {
            for _ in 0..50 {
                let flown = Flown { does: "list", sent: now, flying: pace.limit };
                now += trip;
                pace.answered(flown, now);
                assert!(pace.limit >= 2, "{} after answers of {trip:?}", pace.limit);
            }
        }
    }

    #[test]
    fn pace_lets_line_become_slower_for_good() {
        let mut course = Run::new();
        course.fetch(200, PLAIN);
        course.fetch(1_500, Line { trip: 150 * MS, ..PLAIN });
        assert!(course.pace.limit >= 12, "{}", course.pace.limit);
    }

    #[test]
    fn pace_takes_new_connections_for_no_delay() {
        let line = Line { connect: 100 * MS, ..PLAIN };
        let mut course = Run::new();
        course.fetch(1, line);
        course.fetch(150, line);
        assert_eq!((course.pace.limit, course.pace.is_careful), (MOST, false));
        // Those that were not used for long are made anew.
        course.now += IDLE * 2;
        course.connections = 0;
        course.fetch(100, line);
        assert!(!course.pace.is_careful);
    }

    #[test]
    fn pace_bears_line_that_is_uneven() {
        let mut course = Run::new();
        course.fetch(1, PLAIN);
        course.fetch(600, Line { trip: 20 * MS, jitter: 100 * MS, ..PLAIN });
        assert!(course.pace.limit >= 12, "{}", course.pace.limit);
    }

    #[test]
    fn pace_grows_only_where_it_is_used() {
        let mut course = Run::new();
        for _ in 0..100 {
            course.fetch(1, PLAIN);
        }
        assert_eq!(course.pace.limit, FIRST);
    }
}

//! Asking again: what may be asked again, after how long, and when to give up.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::error::{TlsCause, Unreached};
use super::governor::{Governor, Urgency, read_refusal};
use super::moment::{now, show};
use super::proxy::ProxyFault;
use super::wire::looks_cut;

/// Refusals that one request sits out before it gives up.
const MAX_REFUSALS: u32 = 4;

/// Attempts to connect that a person waits for; the sync has more time than somebody who mistyped a name.
pub(super) const CONNECTS_FOR_A_PERSON: u32 = 3;

/// How long a person waits in vain.
pub(super) const OF_A_PERSON: Duration = Duration::from_secs(9);

/// How long after its beginning a command still waits for a gate that Halo has shut: three of Halo's own windows. A company sync
/// waits as long as it takes.
pub(super) const OF_A_COMMAND: Duration = Duration::from_secs(15 * 60);

/// The least time that a request gets once the patience of a person is spent on those before it.
const LAST_TRY: Duration = Duration::from_secs(2);

/// The time that a person has waited for answers that did not come since the last one did, in all requests made for this
/// person.
#[derive(Debug, Default)]
pub(super) struct WaitedInVain(AtomicU64);

/// How long and how often one request is tried.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts in all.
    pub attempts: u32,
    /// The first pause; each is twice the one before.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// No attempt begins later than this after the first, waits for the request limit left out.
    pub total: Duration,
    /// The longest attempt, beside what else bounds it.
    pub attempt: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 12,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            total: Duration::from_secs(90),
            attempt: Duration::MAX,
        }
    }
}

impl Patience {
    /// That of somebody who looks on: about ten seconds for all that is waited for in vain.
    pub(super) fn of_a_person(self) -> Self {
        Self { total: self.total.min(OF_A_PERSON), attempt: self.attempt.min(OF_A_PERSON), ..self }
    }

    /// The pause after so many attempts, between its half and its whole by `chance` (0 to 1).
    fn pause(&self, attempts: u32, chance: f64) -> Duration {
        let doubled = self.first_pause.saturating_mul(1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX));
        doubled.min(self.longest_pause).mul_f64(0.5 + chance / 2.0)
    }
}

/// A reply with its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// The body after decoding.
    pub body: Vec<u8>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Location`.
    pub location: Option<String>,
}

impl Answer {
    /// Whether the request did what it was for.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub cause: Cause,
    /// Whether the request may have reached the other end.
    pub sent: bool,
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Net(Unreached),
    Proxy(ProxyFault),
    Tls(TlsCause),
    /// The body is larger than is read.
    TooLarge,
    /// The client refuses to send unencrypted.
    NotEncrypted,
    /// Whoever writes may not any more.
    Forbidden,
}

/// Why a course ended without an answer worth reading.
#[derive(Debug)]
pub(super) enum Stop {
    /// The caller gave up.
    Cancelled {
        in_flight: bool,
    },
    Lost(Lost),
    /// The request limit stayed shut.
    RateLimited(Option<Timestamp>),
}

/// What a handle has asked for, counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Requests sent, repeated ones included.
    pub requests: AtomicU64,
    /// Requests that were sent again.
    pub retries: AtomicU64,
    /// The status that the last write was answered with; 0 where none was.
    pub write_status: AtomicU16,
    /// Whether a write was ever sent.
    pub has_written: AtomicBool,
}

/// One request through the gate, again and again where that is safe.
pub(super) struct Attempts<'a> {
    pub does: &'static str,
    pub governor: &'a Governor,
    pub urgency: Urgency,
    pub cancel: &'a CancellationToken,
    pub counters: &'a Counters,
    pub patience: Patience,
    /// How long a gate that Halo has shut by a refusal is waited for.
    pub limit_patience: Duration,
    /// Until when it is waited for at all; none where for ever.
    pub limit_until: Option<Instant>,
    /// What a person has waited in vain before this request; none where nobody looks on.
    pub in_vain: Option<&'a WaitedInVain>,
    /// Attempts to connect.
    pub connects: u32,
    /// Whether it may be sent twice: a read, not a write.
    pub repeatable: bool,
}

impl WaitedInVain {
    fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Attempts<'_> {
    /// Runs `attempt` until it brings an answer that is neither a refusal by the request limit nor worth another try.
    /// The last answer is given back even if it is a server error. `attempt` is told how much time it has at most.
    pub(super) async fn run<F, A>(&self, mut attempt: F) -> Result<Answer, Stop>
    where
        F: FnMut(Duration) -> A,
        A: Future<Output = Result<Answer, Lost>>,
    {
        // What follows a silence is not waited for as long once more.
        let before = self.in_vain.map_or(Duration::ZERO, WaitedInVain::get);
        let (mut spent, mut attempts, mut refusals) = (before, 0_u32, 0_u32);
        let asking = self.governor.ask();
        loop {
            let is_too_long = |shut: &Duration| {
                *shut > self.limit_patience || self.limit_until.is_some_and(|until| Instant::now() + *shut > until)
            };
            let urgency = if attempts > 0 { self.urgency.min(Urgency::Again) } else { self.urgency };
            // Also of one that stands in the queue already when another's refusal shuts the gate.
            let permit = tokio::select! {
                biased;
                shut = self.governor.shut(is_too_long) => return Err(Stop::RateLimited(Some(show(shut)))),
                permit = self.unless_cancelled(false, self.governor.acquire(urgency)) => permit?,
            };
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            // A later attempt gets what is left, so that failing takes no longer than is promised.
            let left = (self.patience.total + self.patience.total / 6).saturating_sub(spent);
            let time = match attempts {
                0 if before.is_zero() => self.patience.attempt,
                0 => self.patience.attempt.min(left.max(LAST_TRY)),
                _ => self.patience.attempt.min(left),
            };
            let outcome = self.unless_cancelled(true, attempt(time)).await?;
            spent += started.elapsed();
            attempts += 1;
            if !outcome.as_ref().map_or(true, is_passing) {
                asking.heard();
            }
            match (&outcome, self.in_vain) {
                (Ok(answer), _) if is_passing(answer) => self.wait_in_vain(started.elapsed()),
                (Err(_), _) => self.wait_in_vain(started.elapsed()),
                // Whoever has an answer is patient again.
                (Ok(answer), Some(in_vain)) if answer.status != 429 => in_vain.0.store(0, Ordering::Relaxed),
                _ => {}
            }
            match &outcome {
                Ok(answer) if answer.status == 429 || is_passing(answer) => self.governor.failed(&permit),
                Ok(answer) if answer.is_success() => self.governor.answered(&permit, self.does),
                Ok(_) => {}
                Err(lost) if matches!(lost.cause, Cause::Net(_)) => self.governor.failed(&permit),
                Err(_) => {}
            }

            if let Ok(answer) = &outcome
                && answer.status == 429
            {
                refusals += 1;
                let told = read_refusal(&answer.body, answer.retry_after.as_deref(), now());
                let opens = self.governor.refused(&permit, told);
                if refusals > MAX_REFUSALS {
                    return Err(Stop::RateLimited(Some(show(opens.saturating_duration_since(Instant::now())))));
                }
                self.counters.retries.fetch_add(1, Ordering::Relaxed);
                // The gate does the waiting, and a refused request was not carried out: not an attempt.
                attempts -= 1;
                continue;
            }
            if !self.again(&outcome, attempts) {
                return outcome.map_err(Stop::Lost);
            }
            let pause = self.patience.pause(attempts, chance());
            if spent + pause >= self.patience.total {
                return outcome.map_err(Stop::Lost);
            }
            asking.again_after(pause, attempts + 1, came_instead(&outcome));
            self.unless_cancelled(false, sleep(pause)).await?;
            asking.asked_again();
            self.wait_in_vain(pause);
            spent += pause;
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wait_in_vain(&self, time: Duration) {
        if let Some(in_vain) = self.in_vain {
            in_vain.0.fetch_add(millis(time), Ordering::Relaxed);
        }
    }

    fn again(&self, outcome: &Result<Answer, Lost>, attempts: u32) -> bool {
        if attempts >= self.patience.attempts {
            return false;
        }
        match outcome {
            Ok(answer) => self.repeatable && is_passing(answer),
            Err(lost) => match lost.cause {
                // It would only be asked again.
                Cause::Net(Unreached::ClientCertificate | Unreached::OldTls | Unreached::NoCommonTls) => false,
                Cause::Proxy(ProxyFault::SignIn | ProxyFault::WrongSignIn) => false,
                Cause::Proxy(_) => attempts < self.connects,
                Cause::Net(_) if lost.sent => self.repeatable,
                Cause::Net(_) => attempts < self.connects,
                Cause::Tls(_) | Cause::TooLarge | Cause::NotEncrypted | Cause::Forbidden => false,
            },
        }
    }

    async fn unless_cancelled<T>(&self, in_flight: bool, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled { in_flight }),
            done = work => Ok(done),
        }
    }
}

/// What came back at once that is no answer; nothing where nothing did.
fn came_instead(outcome: &Result<Answer, Lost>) -> Option<&'static str> {
    match outcome {
        // Nothing else of a success is asked for again.
        Ok(answer) if answer.is_success() => Some("Halo's answers are cut off"),
        Ok(_) => Some("Halo answers with an error"),
        Err(Lost { cause: Cause::Net(net), .. }) => net.at_once(),
        Err(Lost { cause: Cause::Proxy(fault), .. }) if *fault != ProxyFault::Silent => {
            Some("the proxy does not connect to Halo")
        }
        Err(_) => None,
    }
}

/// Whether the same question may get a better answer.
fn is_passing(answer: &Answer) -> bool {
    matches!(answer.status, 500 | 502 | 503 | 504) || (answer.is_success() && looks_cut(&answer.body))
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A number between 0 and 1, so that many programs do not come back at the same moment.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    use super::*;

    struct Bench {
        governor: Governor,
        cancel: CancellationToken,
        counters: Counters,
    }

    impl Bench {
        fn new(budget: Option<u32>) -> Self {
            let (governor, cancel) = (Governor::new(budget), CancellationToken::new());
            Self { governor, cancel, counters: Counters::default() }
        }

        fn course(&self, repeatable: bool) -> Attempts<'_> {
            Attempts {
                does: "test",
                governor: &self.governor,
                urgency: Urgency::Background,
                cancel: &self.cancel,
                counters: &self.counters,
                patience: Patience::default(),
                limit_patience: Duration::MAX,
                limit_until: None,
                in_vain: None,
                connects: Patience::default().attempts,
                repeatable,
            }
        }

        /// Runs a course against these outcomes, the last of them for ever; says how it ended and how often it was sent.
        async fn play(&self, repeatable: bool, outcomes: &[Result<u16, Lost>]) -> (Result<u16, Stop>, u32) {
            let script: RefCell<VecDeque<_>> = RefCell::new(outcomes.iter().copied().collect());
            let sent = Cell::new(0);
            let ended = self
                .course(repeatable)
                .run(|_| {
                    sent.set(sent.get() + 1);
                    let mut script = script.borrow_mut();
                    let next = if script.len() > 1 { script.pop_front() } else { script.front().copied() };
                    std::future::ready(next.unwrap().map(answer))
                })
                .await;
            (ended.map(|answer| answer.status), sent.get())
        }
    }

    fn answer(status: u16) -> Answer {
        Answer { status, body: b"{}".to_vec(), retry_after: None, location: None }
    }

    fn lost(cause: Unreached, sent: bool) -> Result<u16, Lost> {
        Err(Lost { cause: Cause::Net(cause), sent })
    }

    #[tokio::test(start_paused = true)]
    async fn read_outlasts_server_that_fails_for_while() {
        let bench = Bench::new(None);
        let (ended, sent) = bench
            .play(
                true,
                &[
                    Ok(500),
                    Ok(502),
                    Ok(503),
                    Ok(504),
                    lost(Unreached::Broken, true),
                    lost(Unreached::Silent, true),
                    Ok(200),
                ],
            )
            .await;
        assert_eq!((ended.unwrap(), sent), (200, 7));
        assert_eq!(bench.counters.retries.load(Ordering::Relaxed), 6);
        assert_eq!(bench.counters.requests.load(Ordering::Relaxed), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn server_that_always_fails_is_given_up_within_two_minutes() {
        let start = Instant::now();
        let (ended, sent) = Bench::new(None).play(true, &[Ok(500)]).await;
        assert_eq!(ended.unwrap(), 500);
        assert!(sent >= 8 && start.elapsed() < Duration::from_secs(120), "{sent} in {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn server_that_never_answers_is_given_up_within_two_minutes() {
        let (bench, start) = (Bench::new(None), Instant::now());
        let ended = bench
            .course(true)
            .run(|time| async move {
                sleep(time.min(Duration::from_secs(30))).await;
                Err(Lost { cause: Cause::Net(Unreached::Silent), sent: true })
            })
            .await;
        assert!(matches!(ended, Err(Stop::Lost(_))));
        assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    }

    /// Whatever a server does, somebody who looks on has an answer after about ten seconds.
    #[tokio::test(start_paused = true)]
    async fn person_waits_ten_seconds_at_most() {
        for (takes, outcome) in [
            (Duration::from_secs(600), lost(Unreached::Silent, true)),
            (Duration::from_secs(4), lost(Unreached::Broken, true)),
            (Duration::from_millis(50), Ok(504)),
            (Duration::ZERO, lost(Unreached::Broken, true)),
        ] {
            let (bench, start) = (Bench::new(None), Instant::now());
            let course = Attempts { patience: Patience::default().of_a_person(), ..bench.course(true) };
            let ended = course
                .run(|time| async move {
                    sleep(time.min(takes)).await;
                    outcome.map(answer)
                })
                .await;
            assert!(ended.map_or(true, |answer| answer.status == 504));
            assert!(start.elapsed() <= Duration::from_secs(11), "{outcome:?} after {:?}", start.elapsed());
        }
    }

    /// The places to sign in, the token and the first read: a Halo that is silent, or cuts its answers, is named after
    /// one wait and not after one for each.
    #[tokio::test(start_paused = true)]
    async fn person_waits_once_for_all_requests() {
        for (takes, outcome) in [
            (Duration::from_secs(600), lost(Unreached::Silent, true)),
            (Duration::from_secs(3), lost(Unreached::Broken, true)),
            (Duration::from_millis(50), Ok(504)),
        ] {
            let (bench, start, in_vain) = (Bench::new(None), Instant::now(), WaitedInVain::default());
            let run = async |takes: Duration, outcome: Result<u16, Lost>| {
                let patience = Patience::default().of_a_person();
                let course = Attempts { patience, in_vain: Some(&in_vain), ..bench.course(true) };
                course
                    .run(|time| async move {
                        sleep(time.min(takes)).await;
                        if takes < time { outcome } else { lost(Unreached::Silent, true) }.map(answer)
                    })
                    .await
            };
            for _ in 0..3 {
                let ended = run(takes, outcome).await;
                assert!(ended.map_or(true, |answer| answer.status == 504));
            }
            assert!(start.elapsed() < Duration::from_secs(15), "{outcome:?} after {:?}", start.elapsed());
            // One that answers by then is heard.
            assert_eq!(run(Duration::from_millis(1500), Ok(200)).await.unwrap().status, 200);
        }
    }

    /// What was waited in vain before an answer came counts no more.
    #[tokio::test(start_paused = true)]
    async fn answer_gives_patience_back() {
        let (bench, in_vain) = (Bench::new(None), WaitedInVain::default());
        for (status, takes) in [(504, 8), (200, 1), (504, 8), (404, 1), (504, 8)] {
            let patience = Patience { attempts: 1, ..Patience::default().of_a_person() };
            let course = Attempts { patience, in_vain: Some(&in_vain), ..bench.course(true) };
            let ended = course.run(|time| async move {
                let takes = Duration::from_secs(takes);
                assert!(time > takes, "{status} within {time:?}");
                sleep(takes).await;
                Ok(answer(status))
            });
            assert_eq!(ended.await.unwrap().status, status);
        }
    }

    /// A Halo that is slow and answers is not given up, however many questions there are.
    #[tokio::test(start_paused = true)]
    async fn slow_answers_are_not_waited_for_in_vain() {
        let (bench, in_vain) = (Bench::new(None), WaitedInVain::default());
        for _ in 0..14 {
            let patience = Patience::default().of_a_person();
            let course = Attempts { patience, in_vain: Some(&in_vain), ..bench.course(true) };
            let ended = course.run(|time| async move {
                assert!(time >= Duration::from_secs(9));
                sleep(Duration::from_secs(8)).await;
                Ok(answer(200))
            });
            assert_eq!(ended.await.unwrap().status, 200);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn write_is_never_sent_twice_once_it_may_have_arrived() {
        for first in [Ok(500), Ok(502), Ok(503), Ok(504), lost(Unreached::Broken, true), lost(Unreached::TooSlow, true)]
        {
            let (_, sent) = Bench::new(None).play(false, &[first, Ok(201)]).await;
            assert_eq!(sent, 1, "{first:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn write_that_certainly_did_not_arrive_is_sent_again() {
        let (ended, sent) = Bench::new(None).play(false, &[lost(Unreached::Connect, false), Ok(429), Ok(201)]).await;
        assert_eq!((ended.unwrap(), sent), (201, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_try_cannot_mend_is_not_tried_again() {
        for cause in [Cause::Tls(TlsCause::Expired), Cause::TooLarge, Cause::NotEncrypted] {
            let (_, sent) = Bench::new(None).play(true, &[Err(Lost { cause, sent: false })]).await;
            assert_eq!(sent, 1, "{cause:?}");
        }
        for status in [200, 301, 400, 401, 403, 404, 501] {
            assert_eq!(Bench::new(None).play(true, &[Ok(status)]).await.1, 1, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn person_is_told_soon_that_nobody_listens() {
        let bench = Bench::new(None);
        let course = Attempts { connects: CONNECTS_FOR_A_PERSON, ..bench.course(true) };
        let start = Instant::now();
        let ended = course
            .run(|_| std::future::ready(Err(Lost { cause: Cause::Net(Unreached::NameNotFound), sent: false })))
            .await;
        assert!(matches!(ended, Err(Stop::Lost(_))));
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn limit_that_stays_shut_ends_with_time_it_opens() {
        let (ended, sent) = Bench::new(None).play(true, &[Ok(429)]).await;
        assert!(matches!(ended, Err(Stop::RateLimited(Some(_)))));
        assert_eq!(sent, MAX_REFUSALS + 1);
    }

    /// Whatever Halo says of the time, and for the next question too.
    #[tokio::test(start_paused = true)]
    async fn person_is_told_at_once_when_limit_opens() {
        for (asked, waits) in [
            (Some("99999999999999999999"), false),
            (Some("Thu, 01 Jan 1970 00:00:00 GMT"), false),
            (Some("soon"), false),
            (None, false),
            (Some("2"), true),
        ] {
            let (bench, start, sent) = (Bench::new(None), Instant::now(), Cell::new(0));
            for _ in 0..2 {
                let course = Attempts { limit_patience: OF_A_PERSON, ..bench.course(true) };
                let ended = course.run(|_| {
                    sent.set(sent.get() + 1);
                    let status = if sent.get() == 1 { 429 } else { 200 };
                    std::future::ready(Ok(Answer { retry_after: asked.map(str::to_owned), ..answer(status) }))
                });
                match ended.await {
                    Ok(_) => assert!(waits, "{asked:?}"),
                    Err(Stop::RateLimited(Some(until))) => assert!(!waits && until > now(), "{asked:?}"),
                    Err(other) => panic!("{asked:?}: {other:?}"),
                }
            }
            assert_eq!(sent.get(), if waits { 3 } else { 1 }, "{asked:?}");
            assert!(start.elapsed() <= OF_A_PERSON, "{asked:?}");
        }
    }

    /// A script gets its answer in the end, however often Halo shuts the gate and for how long.
    #[tokio::test(start_paused = true)]
    async fn script_waits_quarter_of_hour_for_limit_in_all() {
        for asked in ["200", "840", "172800"] {
            let (bench, start, sent) = (Bench::new(None), Instant::now(), Cell::new(0));
            let limit_until = Some(start + OF_A_COMMAND);
            let opens = loop {
                let course = Attempts { limit_until, ..bench.course(true) };
                let ended = course.run(|_| {
                    sent.set(sent.get() + 1);
                    let status = if sent.get() % 2 == 1 { 429 } else { 200 };
                    std::future::ready(Ok(Answer { retry_after: Some(asked.to_owned()), ..answer(status) }))
                });
                match ended.await {
                    Ok(_) => {}
                    Err(Stop::RateLimited(opens)) => break opens,
                    Err(other) => panic!("{asked}: {other:?}"),
                }
            };
            assert!(opens.is_some_and(|opens| opens > now()), "{asked}");
            assert!(
                (600..=OF_A_COMMAND.as_secs()).contains(&start.elapsed().as_secs()),
                "{asked}: {:?}",
                start.elapsed()
            );
        }
    }

    /// The gate was open, if full, when it came.
    #[tokio::test(start_paused = true)]
    async fn request_in_queue_is_bounded_too_when_limit_shuts() {
        for (limit_patience, limit_until) in [(OF_A_PERSON, None), (Duration::MAX, Some(Duration::from_secs(60)))] {
            let (bench, start) = (Bench::new(Some(1)), Instant::now());
            let permit = bench.governor.acquire(Urgency::Person).await;
            let limit_until = limit_until.map(|until| start + until);
            let course = Attempts { limit_patience, limit_until, ..bench.course(true) };
            let refused = async {
                sleep(Duration::from_secs(1)).await;
                bench.governor.refused(&permit, read_refusal(b"", None, now()));
            };
            let (ended, ()) = tokio::join!(course.run(|_| std::future::ready(Ok(answer(200)))), refused);
            assert!(matches!(ended, Err(Stop::RateLimited(Some(_)))), "{ended:?}");
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_do_not_use_up_attempts_and_are_waited_out() {
        let bench = Bench::new(None);
        let start = Instant::now();
        let (ended, _) = bench.play(true, &[Ok(429), Ok(500), Ok(200)]).await;
        assert_eq!(ended.unwrap(), 200);
        assert!(start.elapsed() >= Duration::from_secs(300));
        assert!(bench.governor.held_up() >= Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn every_wait_ends_at_once_when_it_is_cancelled() {
        // In the gate, in the air, and in the pause between two attempts.
        for (budget, outcome, in_flight) in [(Some(1), None, false), (None, None, true), (None, Some(500), false)] {
            let bench = Bench::new(budget);
            if budget.is_some() {
                bench.governor.acquire(Urgency::Person).await;
            }
            let course = Attempts {
                patience: Patience { first_pause: Duration::from_secs(8), ..Patience::default() },
                ..bench.course(true)
            };
            let start = Instant::now();
            let run = course.run(|_| async move {
                match outcome {
                    Some(status) => Ok(answer(status)),
                    None => std::future::pending().await,
                }
            });
            let (ended, ()) = tokio::join!(run, async {
                sleep(Duration::from_millis(100)).await;
                bench.cancel.cancel();
            });
            assert!(matches!(ended, Err(Stop::Cancelled { in_flight: found }) if found == in_flight), "{ended:?}");
            assert!(start.elapsed() < Duration::from_millis(300));
        }
    }

    #[test]
    fn pauses_grow_to_ceiling_and_never_vanish() {
        let patience = Patience::default();
        for attempts in 1..40 {
            let (least, most) = (patience.pause(attempts, 0.0), patience.pause(attempts, 1.0));
            assert!(least * 2 == most && most <= patience.longest_pause && !least.is_zero());
        }
        assert_eq!(patience.pause(1, 1.0), patience.first_pause);
        assert_eq!(patience.pause(2, 1.0), patience.first_pause * 2);
    }
}

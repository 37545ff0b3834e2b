//! The daily sync: one run for each UTC day, at its time or as soon after it as the service runs again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use super::clock::Moments;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::daily::DailyOutcome;
use crate::domain::daily::Due;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::sync_run::{Brake, SyncReport, SyncStatus};
use crate::ops::{self, serving};

/// The waits before a run that did not succeed is tried again, as long as the next day's time has not come.
const RETRIES: [SignedDuration; 6] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
];

/// How soon a sync that another program holds is looked for again.
const BUSY: SignedDuration = SignedDuration::from_secs(60);

/// Runs that are looked at for one that has served the day already.
const LATEST_RUNS: usize = 100;

/// A late run begins after a random part of this: a hundred machines that come back together must not ask Halo together.
const SPREAD: SignedDuration = SignedDuration::from_secs(50);

/// Between two steps of forgetting old events.
const REST: Duration = Duration::from_millis(50);

type RunSync =
    Box<dyn Fn(ConfigurationId, Configuration) -> BoxFuture<'static, Result<SyncReport, Failure>> + Send + Sync>;

pub struct Scheduler<M> {
    shared: Arc<Shared>,
    moments: M,
    run_sync: RunSync,
    delay: fn() -> SignedDuration,
    /// Of each configuration: how often the run of a day was tried, and when it is tried again.
    tried: BTreeMap<ConfigurationId, Tried>,
    /// Of each configuration: the day whose late run waits its random part, and until when.
    waits: BTreeMap<ConfigurationId, (Date, Timestamp)>,
    /// At which time the daily sync runs, as it was last told; none before the first look.
    told: Option<Option<DailySyncTime>>,
}

#[derive(Clone, Copy)]
struct Tried {
    day: Date,
    times: usize,
    again: Timestamp,
}

impl<M: Moments> Scheduler<M> {
    /// The scheduler of a service.
    pub fn new(shared: Arc<Shared>, moments: M) -> Self {
        let (workspace, cancel) = (shared.workspace.clone(), shared.cancel.clone());
        let run_sync: RunSync = Box::new(move |id, configuration| {
            let (workspace, cancel) = (workspace.clone(), cancel.clone());
            // Nobody is there to say yes: a mass change is held, and reported.
            Box::pin(async move { ops::sync::run(&workspace, &id, &configuration, Brake::On, cancel, |_| {}).await })
        });
        Self {
            shared,
            moments,
            run_sync,
            delay: random_delay,
            tried: BTreeMap::new(),
            waits: BTreeMap::new(),
            told: None,
        }
    }

    /// Runs until the service ends.
    pub async fn run(mut self) {
        while !self.shared.cancel.is_cancelled() {
            let wait = self.turn().await.unwrap_or_else(|failure| {
                tracing::error!(%failure, "the daily sync cannot be planned");
                Some(self.shared.workspace.now() + BUSY)
            });
            let shared = Arc::clone(&self.shared);
            let moment = async {
                match wait {
                    Some(moment) => self.moments.until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = shared.cancel.cancelled() => return,
                () = shared.changed.notified() => {}
                () = moment => {}
            }
        }
    }

    /// Does what is due, and says when to look again: without a moment, when the settings change.
    async fn turn(&mut self) -> Result<Option<Timestamp>, Failure> {
        let workspace = self.shared.workspace.clone();
        let now = workspace.now();
        let read = workspace.run_blocking(move |workspace| serving::daily(workspace, now)).await?;
        self.tell(read.as_ref().map(|(_, _, daily)| daily.time), now);
        let Some((id, configuration, daily)) = read else {
            self.shared.metrics.next_sync(None);
            return Ok(None);
        };
        let time = daily.time;
        let (day, late, missed) = match daily.due(now) {
            Due::At(moment) => {
                self.shared.metrics.next_sync(Some(moment));
                return Ok(Some(moment));
            }
            Due::Now { day, late, missed } => (day, late, missed),
        };
        let tried = self.tried.get(&id).copied().filter(|tried| tried.day == day);
        if let Some(tried) = tried.filter(|tried| now < tried.again) {
            return Ok(Some(tried.again));
        }
        if late && tried.is_none() {
            let waits = self.waits.get(&id).copied().filter(|(waiting, _)| *waiting == day);
            let (_, until) = waits.unwrap_or_else(|| {
                tracing::info!(%day, missed = missed.len(), "the daily sync was missed: one late run follows");
                (day, now + (self.delay)())
            });
            self.waits.insert(id.clone(), (day, until));
            // Changed settings end no waiting; a clock that was set back does not make it longer than it ever is.
            if now < until && until.duration_since(now) <= SPREAD {
                return Ok(Some(until));
            }
        }
        let missed = self.before(&id, time, missed).await?;
        // A run somebody made after the time serves the day as well; so does one whose end was not written down.
        if self.is_served(&id, time.on(day)).await? {
            return self.note(&id, day, DailyOutcome::Synced, &missed).await;
        }
        tracing::info!(%day, "the daily sync starts");
        self.shared.is_syncing.store(true, Ordering::Relaxed);
        let report = (self.run_sync)(id.clone(), configuration).await;
        self.shared.is_syncing.store(false, Ordering::Relaxed);
        self.shared.failing.synced(&report);
        if self.shared.cancel.is_cancelled() {
            return Ok(None);
        }
        if !report.as_ref().is_ok_and(|report| report.status == SyncStatus::Busy) {
            self.shared.metrics.synced(report.as_ref().ok(), workspace.now());
        }
        match &report {
            Ok(report) if report.status.has_published() => {
                self.shared.synced.notify_one();
                self.note(&id, day, DailyOutcome::Synced, &missed).await
            }
            Ok(report) if report.status == SyncStatus::NeedsConfirmation => {
                tracing::warn!(%day, "the daily sync is on hold. To confirm it: {}", Next::Sync);
                self.note(&id, day, DailyOutcome::Held, &missed).await
            }
            Ok(report) if report.status == SyncStatus::Busy => {
                let again = workspace.now() + BUSY;
                self.tried.insert(id, Tried { day, times: 0, again });
                Ok(Some(again))
            }
            other => {
                let why = match other {
                    Ok(report) => report.error.as_ref().map(ToString::to_string).unwrap_or_default(),
                    Err(failure) => failure.to_string(),
                };
                self.retry(&id, day, &missed, time.next_after(time.on(day)), &why).await
            }
        }
    }

    /// Whether the daily sync runs at another time than it was last told. What the start tells itself is no change.
    fn is_news(&mut self, time: Option<DailySyncTime>) -> bool {
        self.told.replace(time).is_some_and(|before| before != time)
    }

    fn tell(&mut self, time: Option<DailySyncTime>, now: Timestamp) {
        if self.is_news(time) {
            tracing::info!(time = time.map(|time| time.to_string()), "the daily sync has another time");
            if let Some(tell) = self.shared.tell {
                tell(time, now);
            }
        }
    }

    /// What became of the days before that nobody has written down: whoever died right after a sync has not missed that day.
    async fn before(
        &self,
        id: &ConfigurationId,
        time: DailySyncTime,
        days: Vec<Date>,
    ) -> Result<Vec<(Date, DailyOutcome)>, Failure> {
        let began = if days.is_empty() { Vec::new() } else { self.published(id).await? };
        let mut before = Vec::with_capacity(days.len());
        for day in days {
            let slot = time.on(day);
            let is_served = began.iter().any(|began| (slot..time.next_after(slot)).contains(began));
            before.push((day, if is_served { DailyOutcome::Synced } else { DailyOutcome::Missed }));
        }
        Ok(before)
    }

    async fn is_served(&self, id: &ConfigurationId, slot: Timestamp) -> Result<bool, Failure> {
        Ok(self.published(id).await?.iter().any(|began| slot <= *began))
    }

    /// When the last runs began that have published.
    async fn published(&self, id: &ConfigurationId) -> Result<Vec<Timestamp>, Failure> {
        // One that was stopped after it is no reason to run again. What lies so far back that it is not here was before.
        let id = id.clone();
        let runs =
            self.shared.workspace.run_blocking(move |workspace| ops::sync::runs(workspace, &id, LATEST_RUNS)).await?;
        // One that lies ahead was made by a clock that was wrong.
        let now = self.shared.workspace.now();
        let runs = runs.into_iter().filter(|run| run.status.has_published() && run.started_at <= now);
        Ok(runs.map(|run| run.started_at).collect())
    }

    async fn retry(
        &mut self,
        id: &ConfigurationId,
        day: Date,
        missed: &[(Date, DailyOutcome)],
        next_slot: Timestamp,
        why: &str,
    ) -> Result<Option<Timestamp>, Failure> {
        let now = self.shared.workspace.now();
        let times = self.tried.get(id).filter(|tried| tried.day == day).map_or(0, |tried| tried.times);
        let again = RETRIES.get(times).map(|wait| now + *wait).filter(|again| *again < next_slot);
        let Some(again) = again else {
            tracing::error!(%day, why, "the daily sync has failed; the next one comes tomorrow");
            return self.note(id, day, DailyOutcome::Failed, missed).await;
        };
        tracing::warn!(%day, why, %again, "the daily sync has failed and is tried again");
        self.tried.insert(id.clone(), Tried { day, times: times + 1, again });
        Ok(Some(again))
    }

    /// Writes the day down, with those before it that were missed, and looks again at once.
    async fn note(
        &mut self,
        id: &ConfigurationId,
        day: Date,
        outcome: DailyOutcome,
        missed: &[(Date, DailyOutcome)],
    ) -> Result<Option<Timestamp>, Failure> {
        let mut days = missed.to_vec();
        days.push((day, outcome));
        let workspace = &self.shared.workspace;
        let (of, now) = (id.clone(), workspace.now());
        workspace.run_blocking(move |workspace| serving::note_days(workspace, &of, &days)).await?;
        self.tried.remove(id);
        self.waits.remove(id);
        if let Err(failure) = self.forget_old_events(now).await {
            tracing::warn!(%failure, "old events could not be forgotten");
        }
        Ok(Some(workspace.now()))
    }

    /// In steps, with a rest after each: callbacks that come meanwhile have their turn, and the service can end.
    async fn forget_old_events(&self, now: Timestamp) -> Result<(), Failure> {
        let workspace = &self.shared.workspace;
        let old = workspace.run_blocking(move |workspace| serving::old_events(workspace, now)).await?;
        while !self.shared.cancel.is_cancelled() {
            if !workspace.run_blocking(move |workspace| serving::forget_some(workspace, old)).await? {
                break;
            }
            tokio::time::sleep(REST).await;
        }
        workspace.run_blocking(serving::give_space_back).await
    }
}

fn random_delay() -> SignedDuration {
    let mut byte = [0; 2];
    // Without randomness there is nothing to spread: at once is right, too.
    if getrandom::fill(&mut byte).is_err() {
        return SignedDuration::ZERO;
    }
    SignedDuration::from_millis(SPREAD.as_millis() as i64 * i64::from(u16::from_be_bytes(byte)) / i64::from(u16::MAX))
}

#[cfg(test)]
mod days;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::service::testing::{Fixture, at, goes_on_while_the_database_is_held, report};

    /// A clock that is always where somebody waits for it to be, plus whatever the test adds.
    pub(super) struct Leaps(pub(super) Arc<Fixture>);

    impl Moments for Leaps {
        async fn until(&self, moment: Timestamp) {
            if !self.0.leap_to(moment) {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How the sync ends that is made so often already, and what happens meanwhile.
    type Ending = fn(usize, &Fixture) -> Result<SyncReport, Failure>;

    /// Runs the scheduler until a moment; answers when the runs began.
    async fn runs(fixture: &Arc<Fixture>, until: &str, ending: Ending) -> Vec<Timestamp> {
        fixture.end_at(at(until));
        let began = Arc::new(Mutex::new(Vec::new()));
        let (seen, clock) = (Arc::clone(&began), Arc::clone(fixture));
        let mut scheduler = Scheduler::new(fixture.shared(), Leaps(Arc::clone(fixture)));
        scheduler.delay = || SignedDuration::from_secs(20);
        scheduler.run_sync = Box::new(move |_, _| {
            let mut seen = seen.lock().unwrap();
            seen.push(clock.now());
            let ended = ending(seen.len(), &clock);
            Box::pin(async move { ended })
        });
        tokio::select! {
            () = scheduler.run() => {}
            () = fixture.ended() => {}
        }
        began.lock().unwrap().clone()
    }

    fn complete(_: usize, _: &Fixture) -> Result<SyncReport, Failure> {
        Ok(report(SyncStatus::Complete))
    }

    fn fail(_: usize, _: &Fixture) -> Result<SyncReport, Failure> {
        Err(Failure::new(FailureKind::NotReached, "no answer"))
    }

    #[tokio::test]
    async fn sync_runs_once_day_at_its_time() {
        let fixture = Fixture::open("2026-12-29T12:00:00Z");
        let began = runs(&fixture, "2027-01-02T12:00:00Z", complete).await;
        let wanted =
            ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"].map(|day| at(&format!("{day}T04:30:00Z")));
        assert_eq!(began, wanted, "over the end of the year");
        // Ended and started again at the same moment: nothing is due.
        assert_eq!(runs(&fixture, "2027-01-02T13:00:00Z", complete).await, []);
    }

    /// Whoever sits in front of the service is told the time once it is another one, and only then.
    #[tokio::test]
    async fn time_is_told_again_only_when_it_has_changed() {
        let fixture = Fixture::open("2026-12-29T12:00:00Z");
        let mut scheduler = Scheduler::new(fixture.shared(), Leaps(Arc::clone(&fixture)));
        let time = |text: &str| Some(DailySyncTime::parse(text).unwrap());
        let news = [time("04:30"), time("04:30"), time("05:45"), time("05:45"), None, None, time("05:45")];
        assert_eq!(news.map(|time| scheduler.is_news(time)), [false, false, true, false, true, false, true]);
        let told = crate::words::service::daily(time("05:45"), fixture.now());
        assert!(told.contains("next run") && told.contains("05:45"), "{told}");
    }

    /// R46: a machine that was off gets one run, within a minute of its start, and the days are known.
    #[tokio::test]
    async fn missed_day_gets_one_late_run_within_minute() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        runs(&fixture, "2026-11-21T12:00:00Z", complete).await;
        fixture.sleep_until(at("2026-11-25T10:00:00Z"));
        let began = runs(&fixture, "2026-11-25T23:00:00Z", complete).await;
        assert_eq!(began, [at("2026-11-25T10:00:20Z")]);
        let days: Vec<String> =
            fixture.days().into_iter().map(|run| format!("{} {}", run.day, run.outcome.word())).collect();
        let wanted = ["2026-11-25 synced", "2026-11-24 missed", "2026-11-23 missed", "2026-11-22 missed"];
        assert_eq!(days[..4], wanted);
        for _ in 0..100 {
            assert!(random_delay() <= SPREAD && !random_delay().is_negative());
        }
    }

    /// R46: off for a day, two, and thirty: one run each time, and the history names the days that had none.
    #[tokio::test]
    async fn however_long_machine_was_off_one_late_run_follows() {
        for off in [1_i64, 2, 30] {
            let fixture = Fixture::open("2026-03-01T03:00:00Z");
            runs(&fixture, "2026-03-01T10:00:00Z", complete).await;
            let back = fixture.now() + SignedDuration::from_hours(24 * off);
            fixture.sleep_until(back);
            let began = runs(&fixture, &(back + SignedDuration::from_hours(12)).to_string(), complete).await;
            assert_eq!(began, [back + SignedDuration::from_secs(20)], "{off} days");
            let missed = fixture.days().into_iter().filter(|run| run.outcome == DailyOutcome::Missed).count();
            assert_eq!(missed as i64, off - 1, "{off} days");
        }
        assert!(SPREAD <= SignedDuration::from_secs(60));
    }

    /// R45: 400 days, on and off by seed, each start a new program on the same store: no day has two runs, every day that
    /// had a chance has one, and the others are written down as missed.
    #[tokio::test]
    async fn on_and_off_by_seed_each_day_runs_once_or_is_written_down() {
        let fixture = Fixture::open("2026-02-01T00:00:00Z");
        let end = fixture.now() + SignedDuration::from_hours(24 * 400);
        let mut seed = 17_u64;
        let mut hours = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // In quarters of an hour, up to two and a half days; a start that is over before the late run begins, too.
            SignedDuration::from_secs(10 + 900 * ((seed >> 33) % 240) as i64)
        };
        let slot_before = |moment: Timestamp| (moment.as_second() - 16_200).div_euclid(86_400);
        let first = slot_before(fixture.now()) + 1;
        let (mut ran, mut chances) = (Vec::new(), std::collections::BTreeSet::new());
        while fixture.now() < end {
            let (on, off) = (fixture.now(), fixture.now() + hours());
            for began in runs(&fixture, &off.to_string(), complete).await {
                ran.push(slot_before(began));
            }
            // The first half minute of a start may go by with waiting.
            let from = on + SignedDuration::from_secs(21);
            if off >= from {
                chances.extend((slot_before(from)..=slot_before(off)).filter(|day| *day >= first));
            }
            fixture.sleep_until(off + hours());
        }
        assert_eq!(ran, chances.iter().copied().collect::<Vec<_>>(), "in order, and none twice");
        let known = fixture.days();
        let missed = known.iter().filter(|run| run.outcome == DailyOutcome::Missed).count();
        assert_eq!(known.len() as i64, ran[ran.len() - 1] - ran[0] + 1 + (ran[0] - first), "no day is forgotten");
        assert_eq!(known.len(), ran.len() + missed);
        assert!(ran.len() > 200 && missed > 20, "{} and {missed}", ran.len());
    }

    #[tokio::test]
    async fn run_that_fails_is_tried_again_and_then_left_for_next_day() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let began = runs(&fixture, "2026-11-22T04:29:00Z", fail).await;
        assert_eq!(began.len(), 1 + RETRIES.len());
        assert_eq!(began[1], began[0] + RETRIES[0]);
        assert_eq!(fixture.days()[0].outcome, DailyOutcome::Failed);
        assert!(fixture.is_failing(), "another one that can work leads");
        let began = runs(&fixture, "2026-11-22T23:00:00Z", |times, fixture| {
            if times < 3 { fail(times, fixture) } else { complete(times, fixture) }
        })
        .await;
        assert_eq!(began.len(), 3);
        assert_eq!(fixture.days()[0].outcome, DailyOutcome::Synced);
        assert!(!fixture.is_failing());
    }

    /// N8: a mass change is reported, never forced.
    #[tokio::test]
    async fn held_run_is_reported_and_not_forced() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let began = runs(&fixture, "2026-11-21T23:00:00Z", |_, _| Ok(report(SyncStatus::NeedsConfirmation))).await;
        assert_eq!(began.len(), 1, "nobody can say yes: asking again changes nothing");
        assert_eq!(fixture.days()[0].outcome, DailyOutcome::Held);
    }

    #[tokio::test]
    async fn sync_that_somebody_else_runs_is_waited_for() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let began = runs(&fixture, "2026-11-21T23:00:00Z", |times, fixture| {
            if times < 4 { Ok(report(SyncStatus::Busy)) } else { complete(times, fixture) }
        })
        .await;
        assert_eq!(began.len(), 4);
        assert_eq!(began[3], at("2026-11-21T04:33:00Z"));
    }

    /// R47: the clock is set back and forward while the service runs.
    #[tokio::test]
    async fn clock_that_is_set_makes_no_second_run() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        assert_eq!(runs(&fixture, "2026-11-21T05:00:00Z", complete).await.len(), 1);
        fixture.sleep_until(at("2026-11-21T04:00:00Z"));
        assert_eq!(runs(&fixture, "2026-11-21T23:00:00Z", complete).await, []);
        fixture.sleep_until(at("2036-11-21T04:00:00Z"));
        assert_eq!(runs(&fixture, "2036-11-21T12:00:00Z", complete).await.len(), 2, "a late run and the day's own");
        fixture.sleep_until(at("2026-11-21T23:30:00Z"));
        let began = runs(&fixture, "2026-11-22T12:00:00Z", complete).await;
        assert_eq!(began, [at("2026-11-22T04:30:00Z")]);
    }

    /// R47: a machine that begins with a clock that is years ahead, as one without a battery may, and hears the time later.
    #[tokio::test]
    async fn clock_that_was_ahead_at_very_first_start_holds_up_no_sync() {
        let fixture = Fixture::open("2036-11-20T12:00:00Z");
        assert_eq!(runs(&fixture, "2036-11-20T12:01:00Z", complete).await, []);
        fixture.sleep_until(at("2026-11-20T12:00:00Z"));
        let began = runs(&fixture, "2026-11-22T12:00:00Z", complete).await;
        assert_eq!(began, ["2026-11-21T04:30:00Z", "2026-11-22T04:30:00Z"].map(at));
        assert!(fixture.days().iter().all(|run| run.outcome == DailyOutcome::Synced));
    }

    /// R47: the clock is put right in the middle of a sync, by an hour or by years, in either direction: that day is done.
    #[tokio::test]
    async fn clock_that_is_set_during_sync_makes_no_second_run() {
        fn step(fixture: &Fixture, by: SignedDuration) -> Result<SyncReport, Failure> {
            fixture.sleep_until(fixture.now() + by);
            complete(0, fixture)
        }
        let endings: [(Ending, &str, usize); 5] = [
            (|_, fixture| step(fixture, SignedDuration::from_hours(-1)), "2026-11-21T23:00:00Z", 1),
            (|_, fixture| step(fixture, SignedDuration::from_hours(1)), "2026-11-21T23:00:00Z", 1),
            (
                |times, fixture| if times == 1 { step(fixture, YEAR) } else { complete(times, fixture) },
                "2027-11-22T00:00:00Z",
                2,
            ),
            (
                |times, fixture| if times == 1 { step(fixture, DAYS) } else { complete(times, fixture) },
                "2026-11-25T00:00:00Z",
                2,
            ),
            (
                |_, fixture| step(fixture, SignedDuration::from_secs(-fixture.now().as_second())),
                "2026-11-21T23:00:00Z",
                1,
            ),
        ];
        const DAYS: SignedDuration = SignedDuration::from_hours(24 * 3);
        const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);
        for (ending, until, times) in endings {
            let fixture = Fixture::open("2026-11-20T12:00:00Z");
            let began = runs(&fixture, until, ending).await;
            assert_eq!((began.len(), began[0]), (times, at("2026-11-21T04:30:00Z")), "{until}");
            // Home again: the day stays done, and the next one comes.
            fixture.sleep_until(at("2026-11-21T12:00:00Z"));
            assert_eq!(runs(&fixture, "2026-11-22T12:00:00Z", complete).await, [at("2026-11-22T04:30:00Z")], "{until}");
        }
    }

    /// A file that cannot be read for a while is not "nothing is active": it is looked at again.
    #[tokio::test]
    async fn settings_that_cannot_be_read_are_looked_at_again() {
        let fixture = Fixture::open("2026-11-21T04:00:00Z");
        let config = fixture.workspace().paths().config();
        let aside = config.with_extension("aside");
        std::fs::rename(&config, &aside).unwrap();
        std::fs::write(&config, "no toml [").unwrap();
        fixture.at_moment(at("2026-11-21T04:00:00Z"), move |_| std::fs::rename(&aside, &config).unwrap());
        let began = runs(&fixture, "2026-11-21T12:00:00Z", complete).await;
        assert_eq!(began, [at("2026-11-21T04:30:00Z")]);
    }

    /// R47: the machine sleeps eight hours over the time. It is noticed as it wakes, and the run comes within the minute.
    #[tokio::test]
    async fn machine_that_slept_over_time_runs_once_as_it_wakes() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        fixture.at_moment(at("2026-11-21T00:30:00Z"), |fixture| fixture.sleep_until(at("2026-11-21T08:30:00Z")));
        let began = runs(&fixture, "2026-11-21T23:00:00Z", complete).await;
        assert_eq!(began, [at("2026-11-21T08:30:20Z")]);
    }

    /// A run that somebody made by hand after the time serves the day, whatever was stopped or failed after it. One from
    /// before the time does not, nor one that published nothing.
    #[tokio::test]
    async fn day_is_served_by_run_that_somebody_made_after_its_time() {
        use SyncStatus::{Complete, CompleteWithWarnings, Failed, Interrupted, NeedsConfirmation};
        let before = ("04:29:59", Complete);
        let cases = [
            (vec![], false),
            (vec![before], false),
            (vec![("04:30:00", Complete)], true),
            (vec![before, ("05:00:00", CompleteWithWarnings)], true),
            (vec![before, ("05:00:00", Failed)], false),
            (vec![("05:00:00", Interrupted)], false),
            // It was made by a clock that was ahead: it is six o'clock.
            (vec![("07:00:00", Complete)], false),
            (vec![("05:00:00", NeedsConfirmation)], false),
            (vec![("05:00:00", Complete), ("05:10:00", Failed), ("05:20:00", Interrupted)], true),
        ];
        for (made, is_served) in cases {
            let fixture = Fixture::open("2026-11-20T12:00:00Z");
            runs(&fixture, "2026-11-20T12:00:00Z", complete).await;
            let store = fixture.store();
            for (time, status) in &made {
                let started_at = at(&format!("2026-11-21T{time}Z"));
                let run = store.begin_run(&"acme".parse().unwrap(), started_at).unwrap();
                let finished_at = started_at + SignedDuration::from_secs(30);
                store.end_run(run, &SyncReport { started_at, finished_at, ..report(*status) }).unwrap();
            }
            fixture.sleep_until(at("2026-11-21T06:00:00Z"));
            let began = runs(&fixture, "2026-11-21T12:00:00Z", complete).await;
            assert_eq!(began.len(), usize::from(!is_served), "{made:?}");
            let day = fixture.days().remove(0);
            assert_eq!((day.day.to_string().as_str(), day.outcome), ("2026-11-21", DailyOutcome::Synced), "{made:?}");
        }
    }

    /// All of them go after the daily sync, however many steps that takes.
    #[tokio::test]
    async fn old_events_are_forgotten_with_daily_sync() {
        use crate::domain::callback::EventGroup;
        use crate::domain::event::EventBody;
        use crate::store::NewEvent;

        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let body = EventBody::read(b"{}".to_vec()).unwrap();
        let event = |received_at| NewEvent {
            configuration: "acme".parse().unwrap(),
            group: EventGroup::TicketCreated,
            incoming: body.events().next().unwrap(),
            fetched_from: None,
            received_at,
            forward: false,
        };
        let store = fixture.store();
        store.add_events(vec![event(at("2026-10-20T12:00:00Z")); 2 * crate::store::STEP]).unwrap();
        store.add_events([event(fixture.now())]).unwrap();
        runs(&fixture, "2026-11-21T12:00:00Z", complete).await;
        assert_eq!(store.count_events(&"acme".parse().unwrap()).unwrap(), 1);
    }

    /// The day is to be written down, and another program holds the database: no thread of the runtime waits for it.
    #[tokio::test]
    async fn database_that_somebody_else_holds_does_not_hold_up_runtime() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        runs(&fixture, "2026-11-20T12:00:00Z", complete).await;
        fixture.end_at(at("2026-11-21T05:00:00Z"));
        let mut scheduler = Scheduler::new(fixture.shared(), Leaps(Arc::clone(&fixture)));
        scheduler.run_sync = Box::new(|_, _| Box::pin(async { Ok(report(SyncStatus::Complete)) }));
        let seen = Arc::clone(&fixture);
        let took = goes_on_while_the_database_is_held(&fixture, scheduler.run(), move || !seen.days().is_empty()).await;
        assert!(took < Duration::from_secs(4), "{took:?}");
    }

    /// Another configuration is activated while the run of the first one waits to be tried again: its own run comes at once,
    /// and the first one's number of tries is not its own.
    #[tokio::test]
    async fn failed_run_of_one_configuration_does_not_delay_anothers() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        fixture.add("beta");
        // Both were looked after before; the fourth wait of the first one is an hour.
        fixture.store().served_since(&"beta".parse().unwrap(), fixture.now()).unwrap();
        fixture.at_moment(at("2026-11-21T05:30:00Z"), |fixture| fixture.activate("beta"));
        let began = runs(&fixture, "2026-11-21T23:00:00Z", |times, fixture| {
            if times <= 4 { fail(times, fixture) } else { complete(times, fixture) }
        })
        .await;
        let wanted = ["04:30:00", "04:35:00", "04:50:00", "05:20:00", "05:30:19"];
        assert_eq!(began, wanted.map(|time| at(&format!("2026-11-21T{time}Z"))));
        assert_eq!(fixture.store().days(&"beta".parse().unwrap()).unwrap()[0].outcome, DailyOutcome::Synced);
    }

    #[tokio::test]
    async fn changed_time_is_taken_up_without_restart() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        fixture.at_moment(at("2026-11-21T04:30:00Z"), |fixture| fixture.set_time("05:15"));
        let began = runs(&fixture, "2026-11-21T12:00:00Z", complete).await;
        assert_eq!(began, [at("2026-11-21T05:15:00Z")]);
    }

    #[tokio::test]
    async fn nothing_runs_while_no_configuration_is_active() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        fixture.deactivate();
        let ended = tokio::time::timeout(Duration::from_millis(200), runs(&fixture, "2026-11-25T12:00:00Z", complete));
        assert!(ended.await.is_err(), "it waits for the settings to change");
    }
}

//! Three services at one PostgreSQL that die and come back at random, on a clock that leaps.
//!
//! `PIA_HALO_ROUNDS=1000 cargo test --lib three_services` plays a thousand days.

#![allow(clippy::print_stdout, reason = "the figures are said")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::tests::Leaps;
use super::*;
use crate::domain::daily::PUNCTUAL;
use crate::ops::leading::{self, Lead, Leadership};
use crate::service::testing::{Fixture, report};
use crate::store::Service;
use crate::store::postgres_tests::Postgres;

/// Numbers by seed, the same in each run.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// In quarters of an hour, up to two and a half days; a time that is over before a late run begins, too.
    fn hours(&mut self) -> SignedDuration {
        SignedDuration::from_secs(10 + 900 * self.below(240) as i64)
    }
}

/// Where whoever leads dies within a sync, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lives,
    /// Nothing was published.
    DiesBefore,
    /// It was published, and nobody has written down that the day is done.
    DiesAfter,
}

/// A host: from when until when its service is there, and as which run.
struct Host {
    fixture: Arc<Fixture>,
    from: Timestamp,
    until: Timestamp,
    run: Service,
}

impl Host {
    fn is_there(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The next time that it is there, as another run of it.
    fn comes_back(&mut self, after: Timestamp, seed: &mut Seed) {
        self.from = after + seed.hours();
        self.until = self.from + seed.hours();
        self.run = leading::service(self.fixture.workspace(), None);
    }
}

/// All of them try at once: one leads, and no other one. Who tries while two begin may have to try again.
async fn one_leads(hosts: &[Host], there: &[usize]) -> (usize, Box<Leadership>) {
    loop {
        let tries = there.iter().map(|at| {
            let (workspace, run) = (hosts[*at].fixture.workspace().clone(), hosts[*at].run.clone());
            tokio::task::spawn_blocking(move || leading::lead(&workspace, &run, true))
        });
        let tried = futures_util::future::join_all(tries).await;
        let mut leads: Vec<(usize, Box<Leadership>)> = Vec::new();
        for (at, tried) in there.iter().zip(tried) {
            if let Ok((Lead::Here(leadership), _)) = tried.unwrap() {
                leads.push((*at, leadership));
            }
        }
        assert!(leads.len() < 2, "two lead");
        if let Some(one) = leads.pop() {
            return one;
        }
    }
}

/// Plays the syncs of whoever leads, until its end; answers when those were published, and whether it died in the last one.
async fn leads(host: &Host, leadership: &Leadership, until: Timestamp, fates: &mut Seed) -> (Vec<Timestamp>, Fate) {
    let fixture = &host.fixture;
    fixture.end_at(until);
    let workspace = leadership.workspace();
    let published = Arc::new(Mutex::new((Vec::new(), Fate::Lives)));
    let (told, clock) = (Arc::clone(&published), Arc::clone(fixture));
    let (store, seed) = (workspace.place().open().unwrap(), Mutex::new(Seed(fates.below(u64::MAX >> 33))));
    let mut scheduler = Scheduler::new(fixture.shared_in(workspace), Leaps(Arc::clone(fixture)));
    scheduler.delay = || LATE;
    scheduler.run_sync = Box::new(move |id, _| {
        let fate = match seed.lock().unwrap().below(12) {
            0 => Fate::DiesBefore,
            1 => Fate::DiesAfter,
            _ => Fate::Lives,
        };
        let (started_at, mut told) = (clock.now(), told.lock().unwrap());
        let run = store.begin_run(&id, started_at).unwrap();
        told.1 = fate;
        if fate != Fate::DiesBefore {
            let finished_at = started_at + SignedDuration::from_secs(5);
            store.end_run(run, &SyncReport { started_at, finished_at, ..report(SyncStatus::Complete) }).unwrap();
            told.0.push(started_at);
        }
        if fate == Fate::Lives {
            return Box::pin(async { Ok(report(SyncStatus::Complete)) });
        }
        clock.dies();
        Box::pin(std::future::pending())
    });
    tokio::select! {
        () = scheduler.run() => {}
        () = fixture.ended() => {}
    }
    let (published, fate) = &*published.lock().unwrap();
    (published.clone(), *fate)
}

/// How long a late run waits here.
const LATE: SignedDuration = SignedDuration::from_secs(20);

/// The day of a moment, from one time of the daily sync to the next.
fn day_of(moment: Timestamp) -> i64 {
    (moment.as_second() - 16_200).div_euclid(86_400)
}

/// The days that a leader can sync that is there from one moment to the other.
fn chances(from: Timestamp, until: Timestamp) -> impl Iterator<Item = i64> {
    let can_wait = from + LATE <= until && day_of(from + LATE) == day_of(from);
    // A run that is hardly late waits for nothing.
    let is_late = day_of(from - PUNCTUAL - SignedDuration::from_nanos(1)) == day_of(from);
    let first = if can_wait || !is_late { day_of(from) } else { day_of(from) + 1 };
    first..=day_of(until)
}

/// No day is synced twice, whoever dies, and wherever; each that had a chance is synced, and the others are written down.
#[tokio::test(flavor = "multi_thread")]
async fn three_services_that_die_and_come_back_sync_each_day_once() {
    let Some(server) = Postgres::start() else { return };
    let days = std::env::var("PIA_HALO_ROUNDS").map_or(40, |rounds| rounds.parse().unwrap());
    let names = ["jump1", "jump2", "jump3"];
    let fixtures = Fixture::on_server(&server.new_database("days"), "2026-02-01T00:00:00Z", &names);
    let (clock, mut seed) = (Arc::clone(&fixtures[0]), Seed(17));
    let end = clock.now() + SignedDuration::from_hours(24 * days);
    let mut hosts: Vec<Host> = Vec::new();
    for fixture in fixtures {
        let run = leading::service(fixture.workspace(), None);
        let mut host = Host { from: clock.now(), until: clock.now(), run, fixture };
        host.comes_back(clock.now(), &mut seed);
        hosts.push(host);
    }
    let (mut synced, mut chanced, mut first) = (BTreeMap::<i64, usize>::new(), BTreeMap::new(), None);
    let (mut spans, mut deaths) = (0, [0; 3]);
    while clock.now() < end {
        let now = clock.now();
        hosts.iter_mut().filter(|host| host.until <= now).for_each(|host| host.comes_back(now, &mut seed));
        let there: Vec<usize> = (0..hosts.len()).filter(|at| hosts[*at].is_there(now)).collect();
        if there.is_empty() {
            // Nobody is there, and somebody may have a clock of his own.
            clock.sleep_until(hosts.iter().map(|host| host.from).min().unwrap().max(now));
            continue;
        }
        let (at, leadership) = one_leads(&hosts, &there).await;
        leadership.begin(&hosts[at].run).unwrap();
        let first = *first.get_or_insert(day_of(now) + 1);
        let until = hosts[at].until.min(end);
        let (published, fate) = leads(&hosts[at], &leadership, until, &mut seed).await;
        published.iter().for_each(|began| *synced.entry(day_of(*began)).or_default() += 1);
        let died_at = clock.now();
        let had = chances(now, died_at).filter(|day| *day >= first);
        // The day at whose sync it died is another one's, if one comes.
        let had = had.filter(|day| fate != Fate::DiesBefore || *day != day_of(died_at));
        chanced.extend(had.map(|day| (day, 1)));
        deaths[fate as usize] += 1;
        spans += 1;
        if fate == Fate::Lives && seed.below(4) == 0 {
            leadership.give_back(&hosts[at].run).unwrap();
        }
        // Its session ends with it, as by a kill.
        drop(leadership);
        hosts[at].until = hosts[at].until.min(died_at);
    }
    assert_eq!(synced, chanced, "each once");
    let known = clock.workspace().place().open().unwrap().days(&"acme".parse().unwrap()).unwrap();
    let known: Vec<i64> = known
        .iter()
        .filter(|run| run.outcome == DailyOutcome::Synced)
        .map(|run| day_of(DailySyncTime::EXAMPLE.on(run.day)))
        .collect();
    let last = synced.keys().next_back().unwrap();
    // One that died right after it published leaves that to the next one; days of long ago are forgotten.
    let oldest = known.iter().min().unwrap();
    assert!(synced.keys().all(|day| known.contains(day) || day == last || day < oldest), "{synced:?} {known:?}");
    println!("{days} days: {spans} leaders, which died {deaths:?}; {} days synced", synced.len());
    assert!(synced.len() as i64 > days / 2 && spans > days / 4, "{} of {days}", synced.len());
}

//! Every rule once in a state in which it holds, and once in each in which it does not.

use jiff::{SignedDuration, Timestamp};

use super::finding::aged;
use super::look::from_plan;
use super::*;
use crate::domain::address::{HaloUrl, PiaUrl};
use crate::domain::callback::EventGroup;
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, HaloIdentity};
use crate::domain::configuration::{ApiCredentials, CompanySync, Configuration, EscalateTo, Integration, PiaScreen};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::full_circle::{Hop, HopReport};
use crate::domain::gap::Gap;
use crate::domain::object::ObjectKind;
use crate::domain::people::{Agent, Team};
use crate::domain::plan::{
    Action, Cause, Change, ChangeResult, ConfigureReport, ConfigureStatus, Outcome, Plan, TABS_NOT_TOLD,
};
use crate::domain::record::{BeforeAfter, InstalledObject, Written};
use crate::domain::status::{
    ClientCounts, IntegrationStatus, Known, LastSync, Lists, ServiceStatus, Spooled, Status, StepState, Steps,
    Unanswered, Unrecorded,
};
use crate::domain::sync_run::{ChangeCounts, Sight, SyncReport, SyncStatus};
use crate::domain::untrusted::Untrusted;
use crate::domain::webhook_options::WebhookOptions;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

/// Everything that the rules judge by.
struct World {
    configuration: Configuration,
    status: Status,
}

fn run(status: SyncStatus, hours: i32) -> SyncReport {
    let at = now() - hours * HOUR;
    SyncReport {
        run: None,
        proved: true,
        would_disable: None,
        disabling: Vec::new(),
        error: None,
        status,
        halo_count: Some(237),
        stored: 237,
        active: 230,
        disabled: 7,
        left_out: 0,
        changes: ChangeCounts::default(),
        pages: 3,
        resumed_pages: 0,
        requests: 3,
        retries: 0,
        rate_limited_ms: 0,
        duration_ms: 400,
        warnings: Vec::new(),
        started_at: at,
        finished_at: at,
    }
}

fn installed_at(installed_at: Timestamp) -> InstalledObject {
    let (kind, name) = (ObjectKind::Webhook, Untrusted::new("Pia - Ticket Created"));
    InstalledObject { kind, id: "w".to_owned(), name, installed_at, identity: None }
}

fn delivery(state: DeliveryState) -> Delivery {
    Delivery {
        webhook: "Pia - Ticket Created".to_owned(),
        id: "w".to_owned(),
        state,
        last_at: Some(now() - HOUR),
        http_status: Some(200),
        duration: None,
        error: None,
        last_success_at: Some(now() - HOUR),
        off_by_halo: false,
        unbound: false,
        message: "m".to_owned(),
        advice: None,
        read_at: now() - HOUR,
    }
}

/// A configuration of which nothing is wrong and everything is known.
fn well() -> World {
    let configuration = Configuration {
        name: "Acme".to_owned(),
        api: ApiCredentials {
            url: HaloUrl::read("https://acme.halopsa.com").unwrap().address,
            client_id: "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f".to_owned(),
            tenant: None,
            auth_url: None,
            request_budget: None,
            ca_file: None,
            client_secret_command: None,
        },
        company_sync: CompanySync { daily_sync_time: DailySyncTime::EXAMPLE, include: Default::default() },
        pia_screen: PiaScreen {
            escalate_to: Some(EscalateTo { agent_id: 7, name: "Dana Scully".to_owned() }),
            ..PiaScreen::default()
        },
        integration: Integration {
            pia_url: Some(PiaUrl::read("https://pia.acme.example").unwrap().address),
            ..Integration::default()
        },
    };
    let done = StepState::Done;
    let mut status = Status {
        store: None,
        hosts: Vec::new(),
        configuration: "acme".to_owned(),
        name: "Acme".to_owned(),
        active: true,
        halo: None,
        steps: Steps { credentials: done, company_sync: done, pia_screen: done, initial_sync: done, configure: done },
        last_sync: None,
        next_sync: None,
        clients: ClientCounts::default(),
        integration: IntegrationStatus {
            configured_at: Some(now() - 240 * HOUR),
            deliveries: vec![delivery(DeliveryState::Delivered)],
            ..IntegrationStatus::default()
        },
        service: ServiceStatus {
            running: true,
            since: Some(now() - 5 * HOUR),
            last_event_at: Some(now() - HOUR),
            last_lag_ms: Some(400),
            ..ServiceStatus::default()
        },
        health: Vec::new(),
        known: Known::default(),
    };
    let agent = Agent { id: 7, name: Untrusted::new("Dana Scully"), assignable: true, api_only: false };
    let team = Team { id: 1, name: Untrusted::new("Pia"), inactive: false };
    let seen = |rule: Rule| Finding { seen_at: Some(now() - HOUR), ..Finding::well(rule, "seen") };
    status.known = Known {
        free: Some(1 << 40),
        has_secret: true,
        runs: vec![run(SyncStatus::Complete, 8)],
        lists: Lists { agents: vec![agent], teams: vec![team], ticket_types: Vec::new(), read_at: Some(now() - HOUR) },
        before: Rule::ALL.into_iter().filter(|rule| rule.is_seen()).map(seen).collect(),
        ..Known::default()
    };
    World { configuration, status }
}

impl World {
    fn findings(&self) -> Vec<Finding> {
        let Self { configuration, status } = self;
        findings(&Facts { now: now(), configuration, status })
    }

    fn see(&mut self, rule: Rule, state: State, hours: i32) {
        self.note(hours, Finding::new(rule, state, "seen"));
    }

    fn note(&mut self, hours: i32, found: Finding) {
        self.status.known.before.retain(|finding| finding.rule != found.rule);
        self.status.known.before.push(Finding { seen_at: Some(now() - hours * HOUR), ..found });
    }

    fn fall_silent(&mut self, hours: i32) {
        for found in not_answered(&self.status.known.before, &unreached()) {
            self.note(hours, found);
        }
    }

    fn unrecord(&mut self, unrecorded: Unrecorded) {
        self.status.integration = IntegrationStatus { unrecorded, ..IntegrationStatus::default() };
    }

    fn deliver(&mut self, state: DeliveryState) {
        self.status.integration.deliveries.push(delivery(state));
    }
}

#[test]
fn every_rule_holds_where_nothing_is_wrong() {
    let findings = well().findings();
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), Rule::ALL);
    let odd: Vec<_> = findings.iter().filter(|finding| finding.state != State::Well).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(issues(&findings).is_empty());
}

/// Made before there were marks: nothing is wrong, and nothing is claimed.
#[test]
fn owner_that_nobody_looked_for_is_no_alarm() {
    let mut world = well();
    world.status.known.before.retain(|finding| finding.rule != Rule::Owner);
    let findings = world.findings();
    let odd: Vec<_> = findings.iter().filter(|finding| finding.state != State::Well).collect();
    assert!(matches!(odd[..], [owner] if (owner.rule, owner.state) == (Rule::Owner, State::Unknown)), "{odd:?}");
    assert!(issues(&findings).is_empty());
}

/// What is called good has the moment of the look that found it so.
#[test]
fn good_state_that_is_not_of_this_moment_has_its_age() {
    for rule in [Rule::Boards, Rule::Lag, Rule::SyncAge, Rule::Silence] {
        assert!(found(rule, |_| {}).since.is_some(), "{rule:?}");
    }
    let tested = |world: &mut World| world.see(Rule::Credentials, State::Well, 3);
    assert_eq!(found(Rule::Credentials, tested).seen_at, Some(now() - 3 * HOUR));
}

/// What makes a rule false, and how it is then.
type Fault = (Rule, State, fn(&mut World));

fn synced(restricted: Option<bool>) -> LastSync {
    let SyncReport { status, started_at, finished_at, stored, .. } = run(SyncStatus::Complete, 0);
    LastSync { status, started_at, finished_at, halo_count: None, stored, restricted, as_seen: "" }
}

const FAULTS: &[Fault] = &[
    (Rule::Credentials, State::Watch, |world| world.status.steps.credentials = StepState::NotVerified),
    (Rule::Credentials, State::Broken, |world| world.status.known.has_secret = false),
    (Rule::Credentials, State::Broken, |world| world.see(Rule::Credentials, State::Broken, 1)),
    (Rule::Rights, State::Unknown, |world| world.status.known.before.retain(|finding| finding.rule != Rule::Rights)),
    (Rule::Rights, State::Broken, |world| world.see(Rule::Rights, State::Broken, 300)),
    (Rule::AgentRestricted, State::Watch, |world| world.see(Rule::AgentRestricted, State::Watch, 1)),
    (Rule::AgentRestricted, State::Watch, |world| world.status.last_sync = Some(synced(Some(true)))),
    (Rule::AgentRestricted, State::Unknown, |world| {
        world.see(Rule::AgentRestricted, State::Well, 200);
        world.status.last_sync = Some(synced(None));
    }),
    (Rule::AgentRestricted, State::Unknown, |world| world.see(Rule::AgentRestricted, State::Well, 200)),
    (Rule::Boards, State::Unknown, |world| world.status.known.lists = Lists::default()),
    (Rule::Boards, State::Watch, |world| world.status.known.lists.teams[0].inactive = true),
    (Rule::Boards, State::Watch, |world| world.status.known.lists.agents[0].assignable = false),
    (Rule::SettingsFiles, State::Broken, |world| {
        world.status.known.settings = Some(("others can read it".to_owned(), Some("chmod 600".to_owned())))
    }),
    (Rule::SettingsFiles, State::Broken, |world| {
        world.configuration.integration.pia_url = Some(PiaUrl::read("https://10.1.1.1").unwrap().address);
    }),
    (Rule::Service, State::Broken, |world| world.status.service.running = false),
    (Rule::Service, State::Watch, |world| {
        world.status.service.running = false;
        world.status.integration.configured_at = None;
        world.status.known.runs.clear();
    }),
    (Rule::Clock, State::Watch, |world| world.status.service.last_lag_ms = Some(-180_000)),
    (Rule::Clock, State::Broken, |world| world.see(Rule::Clock, State::Broken, 1)),
    (Rule::Disk, State::Unknown, |world| world.status.known.free = None),
    (Rule::Disk, State::Watch, |world| world.status.known.free = Some((1 << 30) - 1)),
    (Rule::Disk, State::Broken, |world| world.status.known.free = Some((100 << 20) - 1)),
    (Rule::Store, State::Broken, |world| world.see(Rule::Store, State::Broken, 1)),
    (Rule::StoreLost, State::Broken, |world| world.see(Rule::StoreLost, State::Broken, 7)),
    (Rule::SyncAge, State::Watch, |world| world.status.known.runs.clear()),
    (Rule::SyncAge, State::Watch, |world| world.status.known.runs = vec![run(SyncStatus::Complete, 26)]),
    (Rule::SyncAge, State::Broken, |world| world.status.known.runs = vec![run(SyncStatus::Complete, 50)]),
    (Rule::SyncAge, State::Watch, |world| world.status.known.runs.insert(0, run(SyncStatus::Failed, 1))),
    (Rule::SyncAge, State::Broken, |world| {
        world.status.known.runs = vec![run(SyncStatus::Failed, 1)];
        world.status.known.published_at = Some(now() - 200 * HOUR);
    }),
    (Rule::SyncHeld, State::Broken, |world| world.status.known.runs.insert(0, run(SyncStatus::NeedsConfirmation, 1))),
    (Rule::SyncProved, State::Unknown, |world| world.status.known.runs.clear()),
    (Rule::SyncProved, State::Watch, |world| world.status.known.runs[0].proved = false),
    (Rule::Interrupted, State::Broken, |world| world.status.integration.unfinished = 1),
    (Rule::Interrupted, State::Broken, |world| world.note(0, from_run(&failed_run()))),
    (Rule::Owner, State::Unknown, |world| world.see(Rule::Owner, State::Well, 200)),
    (Rule::Owner, State::Unknown, |world| world.status.known.before.retain(|finding| finding.rule != Rule::Owner)),
    (Rule::Owner, State::Broken, |world| world.see(Rule::Owner, State::Broken, 1)),
    (Rule::Drift, State::Unknown, |world| world.status.known.before.retain(|finding| finding.rule != Rule::Drift)),
    (Rule::Drift, State::Broken, |world| world.see(Rule::Drift, State::Broken, 1)),
    (Rule::Drift, State::Unknown, |world| {
        world.fall_silent(1);
    }),
    (Rule::Halo, State::Watch, |world| world.fall_silent(1)),
    (Rule::WebhookOff, State::Unknown, |world| {
        world.status.integration.deliveries.clear();
        world.see(Rule::Drift, State::Watch, 1);
    }),
    (Rule::WebhookOff, State::Broken, |world| world.deliver(DeliveryState::SwitchedOff)),
    (Rule::WebhookOff, State::Broken, |world| world.deliver(DeliveryState::Missing)),
    (Rule::Deliveries, State::Unknown, |world| world.status.integration.deliveries.clear()),
    (Rule::Deliveries, State::Broken, |world| world.deliver(DeliveryState::Unauthorised)),
    (Rule::Deliveries, State::Broken, |world| world.deliver(DeliveryState::NotReached)),
    (Rule::Deliveries, State::Watch, |world| world.deliver(DeliveryState::Never)),
    (Rule::Deliveries, State::Unknown, |world| {
        world.deliver(DeliveryState::Never);
        world.status.integration.configured_at = Some(now() - HOUR);
    }),
    // Another setting was saved: the webhooks are as new as before.
    (Rule::Deliveries, State::Unknown, |world| {
        world.deliver(DeliveryState::Never);
        world.status.integration.configured_at = None;
        world.status.integration.objects = vec![installed_at(now() - HOUR)];
    }),
    (Rule::Drift, State::Watch, |world| {
        world.status.integration.configured_at = None;
        world.status.integration.objects = vec![installed_at(now() - HOUR)];
    }),
    (Rule::Drift, State::Watch, |world| world.unrecord(Unrecorded::Something)),
    (Rule::Drift, State::Unknown, |world| world.unrecord(Unrecorded::NotKnown)),
    (Rule::WebhookOff, State::Unknown, |world| world.unrecord(Unrecorded::NotKnown)),
    (Rule::Deliveries, State::Unknown, |world| world.unrecord(Unrecorded::Something)),
    (Rule::Service, State::Broken, |world| {
        world.unrecord(Unrecorded::Something);
        world.status.service.running = false;
    }),
    (Rule::Silence, State::Unknown, |world| world.status.service.last_event_at = None),
    (Rule::Silence, State::Watch, |world| {
        world.status.service.since = Some(now() - 30 * HOUR);
        world.status.service.last_event_at = Some(now() - 25 * HOUR);
    }),
    (Rule::Lag, State::Unknown, |world| world.status.service.last_event_at = None),
    (Rule::Lag, State::Watch, |world| world.status.service.last_lag_ms = Some(600_000)),
    (Rule::Missed, State::Watch, |world| {
        let problems = vec!["Halo's log is empty".to_owned()];
        let gap = Gap { since: now() - 3 * HOUR, until: now() - HOUR, from_log: 0, from_tickets: 0, problems };
        world.status.service.gaps.push(gap);
    }),
    (Rule::NotUnderstood, State::Watch, |world| world.status.known.not_understood = Some((2, now() - HOUR))),
    (Rule::Forwarding, State::Broken, |world| world.status.service.undelivered = 3),
    (Rule::Forwarding, State::Broken, |world| {
        world.status.known.before.push(Finding { seen_at: Some(now() - HOUR), ..forwarding_stopped() });
    }),
    (Rule::Certificate, State::Broken, |world| world.see(Rule::Certificate, State::Broken, 1)),
    (Rule::Rotation, State::Watch, |world| world.status.integration.rotation.under_way = true),
    (Rule::EscalationNote, State::Watch, |world| world.see(Rule::EscalationNote, State::Watch, 1)),
    (Rule::Notices, State::Watch, |world| world.note(1, not_told("failed"))),
];

fn failed_run() -> ConfigureReport {
    let failed = ChangeResult {
        kind: ObjectKind::Webhook,
        name: "Pia - Ticket Created".into(),
        id: None,
        action: Action::Create,
        outcome: Outcome::Failed,
        message: Some("Halo refused it (403). Give the agent the role".to_owned()),
    };
    ConfigureReport {
        status: ConfigureStatus::Failed,
        results: vec![failed],
        message: "1 not done. Fix that and run Configure again".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

/// What a run of Configure did not do is told until another one has done it, or somebody has looked at what is in Halo since.
#[test]
fn failed_run_is_told_until_it_is_done_or_looked_at() {
    let told = |change: &dyn Fn(&mut World)| {
        found(Rule::Interrupted, |world| {
            world.see(Rule::Drift, State::Well, 5);
            world.note(2, from_run(&failed_run()));
            change(world);
        })
    };
    let failed = told(&|_| {});
    assert_eq!(failed.fact, "the last run failed, 0 made, 1 not made: Halo refused it (403)");
    let mut kept = failed_run();
    kept.results.push(ChangeResult { outcome: Outcome::Unchanged, action: Action::Keep, ..kept.results[0].clone() });
    assert!(from_run(&kept).fact.contains("0 made, 1 not made:"), "what only stays is no change");
    let stopped = from_run(&ConfigureReport { cause: Some(FailureKind::Interrupted), ..failed_run() });
    assert!(stopped.fact.starts_with("the last run was stopped, 0 made, 1 to do"), "{}", stopped.fact);
    assert!(stopped.object.is_some_and(|object| object.starts_with(STOPPED)), "stopped by a person is not failed");
    let nothing_there = |world: &mut World| {
        world.see(Rule::Drift, State::Well, 1);
        world.status.integration.objects.clear();
        world.status.integration.configured_at = None;
    };
    assert_eq!(told(&nothing_there).state, State::Broken, "nothing is in Halo that anybody could have looked at");
    assert_eq!(told(&|world| world.see(Rule::Drift, State::Well, 1)).state, State::Well);
    let silent = |world: &mut World| {
        world.fall_silent(1);
    };
    assert_eq!(told(&silent).state, State::Broken, "a Halo that did not answer was not looked at");
    let done = ConfigureReport { status: ConfigureStatus::Configured, ..failed_run() };
    assert_eq!(told(&|world| world.note(1, from_run(&done))).state, State::Well);
}

/// A Halo that does not answer leaves nothing green of what is in it, and takes nothing back that is known to be wrong.
#[test]
fn silent_halo_leaves_objects_unknown() {
    let mut world = well();
    assert_eq!(light(&world.findings(), Light::Objects).unwrap().state, State::Well);
    world.fall_silent(0);
    let findings = world.findings();
    let objects = light(&findings, Light::Objects).unwrap();
    assert_eq!((objects.state, objects.fact.as_str()), (State::Unknown, "Halo did not answer"));
    // One cause, and the light of the credentials is not green for it.
    let halo = light(&findings, Light::Credentials).unwrap();
    assert_eq!((halo.rule, halo.state), (Rule::Halo, State::Watch));
    assert_eq!(issues(&findings).len(), 1);
    assert!(objects.is_reported_elsewhere(), "{objects:?}");
    // A sync that has succeeded since then was answered.
    world.fall_silent(2);
    world.status.known.published_at = Some(now() - HOUR);
    world.status.known.runs.clear();
    assert_eq!(light(&world.findings(), Light::Credentials).unwrap().state, State::Well);
    world.see(Rule::Drift, State::Broken, 1);
    assert!(not_answered(&world.status.known.before, &unreached()).iter().all(|found| found.rule == Rule::Halo));
}

fn unreached() -> Failure {
    Failure::new(FailureKind::NotReached, "its certificate is not trusted").hint("Set ca_file")
}

/// A certificate, a proxy or a name is no silence: the cause is told, and its way out.
#[test]
fn halo_that_is_not_reached_is_told_with_cause() {
    let silent = found(Rule::Halo, |world| world.fall_silent(0));
    assert_eq!(silent.fact, "its certificate is not trusted");
    assert_eq!(silent.next.unwrap().to_string(), "Set ca_file");
}

/// A unit that is not installed is no way to start it.
#[test]
fn unit_is_named_only_where_it_is_installed() {
    let next = |has_unit: bool, is_silent: bool| {
        let found = found(Rule::Service, |world| {
            world.status.known.has_unit = has_unit;
            world.status.service.running = is_silent;
            world.status.service.unanswered = is_silent.then_some(Unanswered::Silent);
        });
        found.next.unwrap().to_string()
    };
    assert_eq!(next(false, false), "Start it: pia-halo serve");
    assert_eq!(next(true, false), "Start it: pia-halo serve, or its systemd unit");
    assert!(next(false, true).ends_with("then start it: pia-halo serve"), "{}", next(false, true));
    assert!(next(true, true).ends_with("pia-halo serve, or its systemd unit"));
}

/// What is lost is told beside what was only not understood, and each that is lost is another cause.
#[test]
fn refused_delivery_is_told_beside_stored_ones() {
    let at = |hours: i32| now() - hours * HOUR;
    let refused = |hours: i32| not_stored(&[("not JSON", 1)], at(hours), at(hours));
    let told = |hours: i32, before: Option<Finding>| {
        found(Rule::NotUnderstood, |world| {
            world.status.known.not_understood = Some((8, now() - HOUR));
            world.note(hours, before.unwrap_or_else(|| refused(hours)));
        })
    };
    let both = told(3, None);
    let fact =
        "8 deliveries were stored, but not understood, and a delivery with the right token was not stored: not JSON";
    assert_eq!(both.fact, fact);
    assert!(both.next.clone().unwrap().to_string().contains("Check what sends it"));
    assert_eq!(told(3, Some(both.clone())), both, "written down, it is the same");
    assert_ne!(both.cause(), told(2, None).cause());
    let alone = found(Rule::NotUnderstood, |world| world.note(3, both.clone()));
    assert!(alone.fact.starts_with("a delivery with the right token was not stored"), "{}", alone.fact);
    assert!(!told(24 * 8, None).fact.contains("not stored"), "a week later");
    let many = told(3, Some(not_stored(&[("not JSON", 1_017)], at(9), at(3))));
    assert!(many.fact.ends_with(", and 1,017 deliveries with the right token were not stored: not JSON"), "{many:?}");
    assert_eq!(told(3, Some(many.clone())), many, "written down, it is the same");
    let mixed = not_stored(&[("not JSON", 1_017), ("larger than 16 MiB", 1)], at(9), at(3));
    let fact = "1,018 deliveries with the right token were not stored: 1,017 not JSON, 1 larger than 16 MiB";
    assert_eq!(mixed.fact, fact, "each cause with its own number");
}

/// That it did not fail is said of a run that did not.
#[test]
fn failed_run_is_never_called_sound() {
    let after = |drift: State| {
        found(Rule::Interrupted, |world| {
            world.note(2, from_run(&failed_run()));
            world.see(Rule::Drift, drift, 1);
        })
    };
    assert_eq!(after(State::Watch).fact, from_run(&failed_run()).fact, "a look does not tell why it was refused");
    let seen = after(State::Well);
    assert_eq!(seen.state, State::Well);
    assert!(seen.fact.contains("under Objects in Halo") && !seen.fact.contains("did not fail"), "{}", seen.fact);
    let again = found(Rule::Interrupted, |world| {
        world.status.known.before.push(seen.clone());
        world.see(Rule::Drift, State::Well, 0);
    });
    assert_eq!(again.fact, seen.fact, "written down, it holds");
}

#[test]
fn every_rule_is_false_where_its_fault_is() {
    for (at, (rule, state, make)) in FAULTS.iter().enumerate() {
        let mut world = well();
        make(&mut world);
        let findings = world.findings();
        let found = findings.iter().find(|finding| finding.rule == *rule).unwrap();
        assert_eq!(found.state, *state, "fault {at}: {found:?}");
        // What was seen has the next step of whoever saw it.
        assert!(*state == State::Unknown || found.next.is_some() || found.fact == "seen", "{found:?}");
    }
    for rule in Rule::ALL {
        assert!(FAULTS.iter().any(|(of, ..)| *of == rule), "{rule:?} has a test in which it is false");
    }
}

fn found(rule: Rule, change: impl FnOnce(&mut World)) -> Finding {
    let mut world = well();
    change(&mut world);
    world.findings().into_iter().find(|finding| finding.rule == rule).unwrap()
}

/// Behind fifty failed runs the last good one is forgotten, and its moment is not.
#[test]
fn sync_that_fails_for_weeks_stays_too_old() {
    let found = found(Rule::SyncAge, |world| {
        world.status.known.runs = vec![run(SyncStatus::Failed, 1); 50];
        world.status.known.published_at = Some(now() - 500 * HOUR);
    });
    assert_eq!((found.state, found.since), (State::Broken, Some(now() - 500 * HOUR)));
}

#[test]
fn right_refused_to_sync_is_well_after_sync_that_works() {
    let refused = |by: &'static str| {
        found(Rule::Rights, move |world| {
            let failure = Failure::new(FailureKind::MissingRight, "refused");
            let finding = Finding { seen_at: Some(now() - 9 * HOUR), ..from_failure(&failure).unwrap() };
            world.status.known.before.retain(|finding| finding.rule != Rule::Rights);
            world.status.known.before.push(finding.about(by));
        })
    };
    assert_eq!(refused(BY_SYNC).state, State::Unknown);
    assert_eq!(refused("Webhooks").state, State::Broken, "a sync says nothing of those");
}

/// 410 holds until the service is started again.
#[test]
fn forwarding_that_was_stopped_is_well_after_restart() {
    let stopped = |since: i32| {
        found(Rule::Forwarding, move |world| {
            world.status.known.before.push(Finding { seen_at: Some(now() - 2 * HOUR), ..forwarding_stopped() });
            world.status.service.since = Some(now() - since * HOUR);
        })
    };
    assert_eq!(stopped(3).state, State::Broken);
    assert_eq!(stopped(1).state, State::Well);
    // So does what the notify command has come to.
    let notices = |since: i32| {
        found(Rule::Notices, move |world| {
            world.note(2, not_told("failed"));
            world.status.service.since = Some(now() - since * HOUR);
        })
    };
    assert_eq!((notices(3).state, notices(1).state), (State::Watch, State::Well));
}

/// What nobody knows, and what is dismissed, is not well: the light is about it.
#[test]
fn light_is_green_only_over_what_is_all_well() {
    let well = well().findings();
    // What is left of one ticket is in the list, and turns no light.
    let mut of_ticket = well.clone();
    of_ticket[Rule::EscalationNote as usize] = Finding::new(Rule::EscalationNote, State::Watch, "f");
    assert_eq!(light(&of_ticket, Light::Deliveries).unwrap().state, State::Well);
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::EscalationNote) {
        assert_eq!(light(&well, rule.light()).unwrap().state, State::Well);
        for (state, dismissed) in [(State::Unknown, false), (State::Watch, true), (State::Broken, true)] {
            // Where the deliveries are known to succeed, no light waits for an event.
            if matches!(rule, Rule::Silence | Rule::Lag) && state == State::Unknown {
                continue;
            }
            let mut findings = well.clone();
            findings[rule as usize] = Finding { dismissed, ..Finding::new(rule, state, "f") };
            assert_eq!(light(&findings, rule.light()).unwrap().rule, rule, "{state:?}");
        }
    }
    let mut findings = well;
    findings[Rule::Drift as usize] = Finding { dismissed: true, ..Finding::new(Rule::Drift, State::Broken, "f") };
    findings[Rule::Owner as usize] = Finding::new(Rule::Owner, State::Watch, "f");
    assert_eq!(light(&findings, Light::Objects).unwrap().rule, Rule::Owner, "an open one comes first");
}

/// As long as nothing more of it comes: the next one is another problem, and so is a worse state.
#[test]
fn dismissal_ends_with_something_new_of_its_kind() {
    let odd = |count, hours: i32| {
        found(Rule::NotUnderstood, |world| world.status.known.not_understood = Some((count, now() - hours * HOUR)))
    };
    assert_eq!(odd(2, 3).cause(), odd(2, 3).cause());
    assert_ne!(odd(2, 3).cause(), odd(3, 2).cause());
    let given_up = |count| found(Rule::Forwarding, |world| world.status.service.undelivered = count).cause();
    assert_ne!(given_up(2), given_up(3));
    let missed = |hours: i32| {
        found(Rule::Missed, |world| {
            let (until, problems) = (now() - hours * HOUR, vec!["Halo's log is empty".to_owned()]);
            world.status.service.gaps = vec![Gap { since: until, until, from_log: 0, from_tickets: 0, problems }];
        })
        .cause()
    };
    assert_ne!(missed(30), missed(2));
    let run_of = |status, rule, hours: i32| {
        found(rule, |world| {
            let run = SyncReport { proved: false, ..run(status, hours) };
            world.status.known.runs.insert(0, run);
        })
        .cause()
    };
    for (status, rule) in
        [(SyncStatus::NeedsConfirmation, Rule::SyncHeld), (SyncStatus::CompleteWithWarnings, Rule::SyncProved)]
    {
        assert_ne!(run_of(status, rule, 30), run_of(status, rule, 6), "{rule:?}");
    }
    let overdue =
        |hours| found(Rule::SyncAge, |world| world.status.known.runs = vec![run(SyncStatus::Complete, hours)]);
    assert_ne!(overdue(27).cause(), overdue(28).cause(), "it was well in between");
    let off = |webhook: &'static str| {
        found(Rule::WebhookOff, move |world| {
            let off = Delivery { webhook: webhook.to_owned(), ..delivery(DeliveryState::SwitchedOff) };
            world.status.integration.deliveries = vec![off];
        })
    };
    assert_ne!(off("Pia - Ticket Created").cause(), off("Pia - Ticket Updated").cause());
}

#[test]
fn webhook_that_is_off_is_told_once() {
    let change = |name: &str| Change {
        action: Action::Update,
        kind: ObjectKind::Webhook,
        name: Untrusted::new(name),
        id: None,
        fields: Vec::new(),
        reason: "not active".to_owned(),
        cause: Cause::default(),
    };
    let issues = |drifted: &str| {
        let mut world = well();
        world.deliver(DeliveryState::SwitchedOff);
        let drift = from_plan(&Plan { changes: vec![change(drifted)], ..Plan::default() });
        world.status.known.before.retain(|finding| finding.rule != Rule::Drift);
        world.status.known.before.push(Finding { seen_at: Some(now()), ..drift });
        world.findings().into_iter().filter(Finding::is_issue).map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(issues("Pia - Ticket Created"), [Rule::Drift]);
    assert_eq!(issues("Pia - Ticket Updated"), [Rule::Drift, Rule::WebhookOff]);
}

/// A look at the new store, which is whole, says nothing of the one that is gone.
#[test]
fn lost_store_is_told_until_sync_has_filled_new_one() {
    let state = |hours| {
        let found = found(Rule::StoreLost, move |world| {
            world.see(Rule::StoreLost, State::Broken, hours);
            world.see(Rule::Store, State::Well, 0);
        });
        found.state
    };
    // The last sync was eight hours ago.
    assert_eq!((state(7), state(9)), (State::Broken, State::Well));
}

/// What a new store cannot know was not nothing: it says since when it knows anything, also after the sync that ends the issue.
#[test]
fn new_store_calls_nothing_well_that_was_before_it() {
    let told = |note: &dyn Fn(&mut World)| {
        let mut world = well();
        note(&mut world);
        let findings = world.findings();
        let of = |rule| findings.iter().find(|found| found.rule == rule).unwrap().clone();
        let rules = [Rule::Missed, Rule::NotUnderstood, Rule::Forwarding].map(|rule| of(rule).fact);
        (rules, of(Rule::StoreLost))
    };
    let since = now() - 9 * HOUR;
    let lost = |world: &mut World| world.see(Rule::StoreLost, State::Broken, 9);
    let known = known_here(since);
    let (rules, store) = told(&lost);
    assert!(rules.iter().all(|fact| fact.contains(&known)), "{rules:?}");
    // As the service writes it down, and reads it the next time.
    assert_eq!((store.state, store.since), (State::Well, Some(since)));
    let (rules, again) = told(&|world| world.status.known.before.push(store.clone()));
    assert!(rules.iter().all(|fact| fact.contains(&known)) && again.since == Some(since), "{rules:?}");
    let (rules, _) = told(&|world| world.see(Rule::StoreLost, State::Well, 9));
    assert!(!rules.iter().any(|fact| fact.contains("known here")), "the one that there always was: {rules:?}");
    let (rules, _) = told(&|world| world.status.known.before.push(replaced(now() - 24 * 8 * HOUR)));
    assert_eq!(rules.map(|fact| fact.contains("known here")), [false, false, true], "an event is kept for a month");
}

/// Two that were refused are two: neither hides the other, and each stays until Halo allows it.
#[test]
fn every_refusal_stays_until_it_is_allowed() {
    let refusal = |what: &str| Failure::new(FailureKind::MissingRight, format!("{what} are refused")).hint(what);
    let mut known = Vec::new();
    for (what, by) in [("agents", BY_SYNC), ("tickets", "look"), ("teams", BY_SYNC), ("notes", "handover")] {
        known = vec![refused(&known, from_failure(&refusal(what)).unwrap().about(by))];
    }
    let told = |known: &[Finding]| {
        let issue = known.iter().find(|known| known.is_issue());
        issue.map(|issue| ["agents", "tickets", "teams", "notes"].map(|what| issue.fact.contains(what)))
    };
    assert_eq!(told(&known), Some([false, true, true, true]), "a sync says what it was refused last: {known:?}");
    assert!(known[0].next.as_ref().unwrap().to_string().contains("pia-halo check"));
    assert_eq!(allowed(&known, "nobody"), None);
    known = allowed(&known, "look").into_iter().collect();
    assert_eq!(told(&known), Some([false, false, true, true]));
    let mut world = well();
    world.note(9, known[0].clone());
    let rights = world.findings().into_iter().find(|found| found.rule == Rule::Rights).unwrap();
    assert_eq!(told(&[rights]), Some([false, false, false, true]), "a sync has succeeded since");
    known = allowed(&known, "handover").into_iter().collect();
    known = allowed(&known, BY_SYNC).into_iter().collect();
    assert_eq!((told(&known), known[0].state), (None, State::Unknown));
    // A test of all says each of them at once.
    let no = (CheckStatus::Fail, Some(FailureKind::MissingRight));
    let of = |id, (status, failure): &(CheckStatus, Option<FailureKind>)| (id, *status, failure.clone());
    let well = (CheckStatus::Pass, None);
    let found = from_check(&report(&[
        of(CheckId::Address, &well),
        of(CheckId::Token, &well),
        of(CheckId::Agents, &no),
        of(CheckId::Webhooks, &no),
    ]));
    let rights = found.iter().find(|found| found.rule == Rule::Rights).unwrap();
    assert_eq!(rights.objects().collect::<Vec<_>>(), ["Agents", "Webhooks"]);
}

/// Whoever was killed while taking over may go on with that alone.
#[test]
fn take_over_that_was_killed_is_finished_by_take_over() {
    let next = |note: &dyn Fn(&mut World)| {
        let mut world = well();
        world.status.integration.unfinished = 1;
        note(&mut world);
        let found = world.findings().into_iter().find(|found| found.rule == Rule::Interrupted).unwrap();
        found.next.unwrap().to_string()
    };
    assert!(next(&|_| {}).contains("pia-halo configure;"));
    let told = next(&|world| world.see(Rule::Owner, State::Broken, 1));
    assert!(told.contains("configure --take-over") && !told.contains("--roll-back"), "{told}");
}

/// The remedy for drift would be refused: it is the owner that has to be settled.
#[test]
fn drift_is_not_told_while_another_machine_is_owner() {
    let mut world = well();
    world.deliver(DeliveryState::SwitchedOff);
    world.see(Rule::Drift, State::Broken, 1);
    world.see(Rule::Owner, State::Broken, 1);
    let findings = world.findings();
    assert_eq!(findings.iter().filter(|one| one.is_issue()).map(|one| one.rule).collect::<Vec<_>>(), [Rule::Owner]);
    assert_eq!(light(&findings, Light::Objects).unwrap().rule, Rule::Owner);
}

/// Halo's log was read before it came.
#[test]
fn delivery_that_came_clears_what_log_did_not_say() {
    let state = |delivered: DeliveryState, hours: i32| {
        found(Rule::Deliveries, |world| {
            world.status.integration.deliveries = vec![delivery(delivered)];
            world.status.integration.deliveries[0].last_at = (delivered != DeliveryState::Never).then(|| now() - HOUR);
            world.status.known.heard = vec![(EventGroup::TicketCreated, now() - hours * HOUR)];
        })
        .state
    };
    for delivered in [DeliveryState::Never, DeliveryState::NoAnswer] {
        assert_eq!((state(delivered, 2), state(delivered, 0)), (State::Watch, State::Well), "{delivered:?}");
    }
    assert_eq!(state(DeliveryState::Unauthorised, 0), State::Broken, "that one was refused");
    let other = found(Rule::Deliveries, |world| {
        world.deliver(DeliveryState::Never);
        world.status.known.heard = vec![(EventGroup::TicketUpdated, now())];
    });
    assert_eq!(other.state, State::Watch, "another webhook proves nothing");
}

/// Of a webhook that sends nothing no last delivery is told as a success.
#[test]
fn webhook_that_is_gone_or_off_is_no_delivery_that_succeeded() {
    let told = |states: &[DeliveryState]| {
        let found = found(Rule::Deliveries, |world| {
            world.status.integration.deliveries = states.iter().map(|state| delivery(*state)).collect();
        });
        (found.state, found.fact)
    };
    for off in [DeliveryState::Missing, DeliveryState::SwitchedOff] {
        let none = "no webhook in Halo sends events now".to_owned();
        assert_eq!(told(&[off, DeliveryState::Missing]), (State::Unknown, none), "{off:?}");
        let others = "every webhook that is on delivers".to_owned();
        assert_eq!(told(&[off, DeliveryState::Delivered]), (State::Well, others), "{off:?}");
        assert_eq!(told(&[off, DeliveryState::Unauthorised]).0, State::Broken, "{off:?}");
    }
}

/// A look that saw one of two off has read nothing of the other.
#[test]
fn webhook_beside_one_seen_off_is_not_read() {
    let found = found(Rule::Deliveries, |world| {
        let webhook = |name: &str| InstalledObject {
            kind: ObjectKind::Webhook,
            id: name.to_owned(),
            name: Untrusted::new(name),
            installed_at: now(),
            identity: None,
        };
        world.status.integration.objects = vec![webhook("a"), webhook("b")];
        world.status.integration.deliveries = vec![delivery(DeliveryState::SwitchedOff)];
    });
    assert_eq!((found.state, found.fact.as_str()), (State::Unknown, "Halo's delivery log has not been read yet"));
}

/// Configure has just written and read them.
#[test]
fn webhooks_are_known_to_be_on_after_configure() {
    let off = |drift| {
        found(Rule::WebhookOff, |world| {
            world.status.integration.deliveries.clear();
            world.see(Rule::Drift, drift, 1);
        })
    };
    assert_eq!((off(State::Well).state, off(State::Watch).state), (State::Well, State::Unknown));
}

#[test]
fn webhook_without_chosen_events_has_nothing_to_deliver() {
    let chosen = |events: &'static str| {
        found(Rule::Deliveries, move |world| {
            world.deliver(DeliveryState::Never);
            world.configuration.integration.webhook_options = WebhookOptions::parse(events).unwrap();
        })
    };
    assert_eq!(chosen("events = 19").state, State::Well);
    assert_eq!(chosen("events = 3, 19").state, State::Watch);
}

#[test]
fn inactive_or_unconfigured_configuration_is_expected_nothing() {
    let mut world = well();
    world.status.integration = IntegrationStatus::default();
    world.status.known.before.clear();
    let quiet = [Rule::Drift, Rule::WebhookOff, Rule::Deliveries, Rule::Silence, Rule::Interrupted];
    let findings = world.findings();
    assert!(!findings.iter().any(|finding| quiet.contains(&finding.rule) && finding.is_issue()));
    for light in [Light::Objects, Light::Deliveries] {
        let shown = self::light(&findings, light).unwrap();
        assert_eq!(shown.state, State::Unknown, "nothing is green where nothing is set up: {shown:?}");
    }
    world.configuration.integration.pia_url = None;
    let certificate = world.findings().into_iter().find(|finding| finding.rule == Rule::Certificate);
    assert_eq!(certificate.map(|found| found.state), Some(State::Well));
    world.status.active = false;
    assert_eq!(world.findings(), []);
}

#[test]
fn codes_are_unique_and_found_again() {
    for rule in Rule::ALL {
        assert_eq!(Rule::of_code(rule.code()), Some(rule));
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.code());
        assert!(rule.title().len() <= 18, "{rule:?}");
    }
    assert_eq!(Rule::of_code("none"), None);
}

#[test]
fn state_that_has_not_changed_keeps_its_age() {
    let since = now() - 9 * HOUR;
    let before = [Finding::new(Rule::Disk, State::Watch, "little").since(since)];
    let same = aged(&before, vec![Finding::new(Rule::Disk, State::Watch, "less")]);
    assert_eq!(same[0].since, Some(since));
    let other = aged(&before, vec![Finding::new(Rule::Disk, State::Broken, "none")]);
    assert_eq!(other[0].since, None);
}

#[test]
fn issues_come_worst_first_and_dismissed_ones_last() {
    let dismissed = Finding { dismissed: true, ..Finding::new(Rule::Service, State::Broken, "s") };
    let findings = [
        Finding::new(Rule::Drift, State::Watch, "d").since(now()),
        dismissed,
        Finding::new(Rule::Disk, State::Watch, "f").since(now() - HOUR),
        Finding::well(Rule::Clock, "c"),
        Finding::new(Rule::Forwarding, State::Broken, "w"),
        Finding::new(Rule::Rights, State::Unknown, "r"),
    ];
    let order: Vec<Rule> = issues(&findings).iter().map(|issue| issue.rule).collect();
    assert_eq!(order, [Rule::Forwarding, Rule::Disk, Rule::Drift, Rule::Service]);
    assert_eq!(light(&findings, Light::Service).map(|found| found.rule), Some(Rule::Disk));
    assert_eq!(light(&findings, Light::Sync), None);
}

fn report(checks: &[(CheckId, CheckStatus, Option<FailureKind>)]) -> CheckReport {
    let check = |(id, status, failure): &(CheckId, CheckStatus, Option<FailureKind>)| Check {
        id: *id,
        status: *status,
        message: "m".to_owned(),
        hint: Some("h".into()),
        http_status: None,
        failure: failure.clone(),
        missing: None,
        writes: None,
        duration_ms: 0,
    };
    CheckReport {
        ok: true,
        configuration: None,
        halo: HaloIdentity { url: String::new(), auth_url: None, tenant: None, version: None },
        checks: checks.iter().map(check).collect(),
        rights: Vec::new(),
        token_valid_until: None,
        teams: None,
        agents: None,
        ticket_types: None,
        sight: Some(Sight::All),
    }
}

/// A list of clients that was read is no word that it is all of them.
#[test]
fn what_agent_sees_is_not_known_where_halo_has_not_told_it() {
    let checks = [(CheckId::Token, CheckStatus::Pass, None), (CheckId::Clients, CheckStatus::Pass, None)];
    for (sight, state) in
        [(Some(Sight::All), State::Well), (Some(Sight::NotTold), State::Unknown), (None, State::Unknown)]
    {
        let found = from_check(&CheckReport { sight, ..report(&checks) });
        let reach = found.into_iter().find(|found| found.rule == Rule::AgentRestricted).unwrap();
        assert_eq!(reach.state, state, "{reach:?}");
    }
}

/// What could not be asked may be missing.
#[test]
fn rights_are_not_known_where_one_was_not_reached() {
    use CheckId::{Address, Token, Webhooks};
    use CheckStatus::{Fail, Pass};
    let rights = |more: (CheckId, CheckStatus, Option<FailureKind>)| {
        let signed_in = [(Address, Pass, None), (Token, Pass, None), (CheckId::Clients, Pass, None)];
        let found = from_check(&report(&[&signed_in[..], &[more]].concat()));
        found.into_iter().find(|found| found.rule == Rule::Rights).unwrap().state
    };
    assert_eq!(rights((Webhooks, Pass, None)), State::Well);
    assert_eq!(rights((Webhooks, Fail, Some(FailureKind::NotReached))), State::Unknown);
    assert_eq!(rights((Webhooks, Fail, Some(FailureKind::MissingRight))), State::Broken);
}

#[test]
fn test_of_connection_tells_credentials_rights_and_reach() {
    use CheckId::{Address, Clients, Token, Webhooks};
    use CheckStatus::{Fail, Pass, Skip, Warn};
    let states = |checks: &[(CheckId, CheckStatus, Option<FailureKind>)]| -> Vec<(Rule, State)> {
        from_check(&report(checks)).into_iter().map(|found| (found.rule, found.state)).collect()
    };
    let (credentials, rights, reach) = (Rule::Credentials, Rule::Rights, Rule::AgentRestricted);
    let in_ = (Token, Pass, None);
    assert_eq!(
        states(&[in_.clone(), (Clients, Pass, None), (Webhooks, Pass, None)]),
        [(credentials, State::Well), (rights, State::Well), (reach, State::Well)]
    );
    assert_eq!(
        states(&[in_.clone(), (Clients, Warn, None), (Webhooks, Fail, Some(FailureKind::MissingRight))]),
        [(credentials, State::Well), (rights, State::Broken), (reach, State::Watch)]
    );
    assert_eq!(
        states(&[in_, (Clients, Pass, None), (Webhooks, Warn, None)]),
        [(credentials, State::Well), (rights, State::Watch), (reach, State::Well)]
    );
    let refused = (Token, Fail, Some(FailureKind::WrongCredentials));
    assert_eq!(states(&[(Address, Pass, None), refused, (Clients, Skip, None)]), [(credentials, State::Broken)]);
    // Nothing new is known where Halo was not reached.
    let lost = (Webhooks, Fail, Some(FailureKind::NotReached));
    assert_eq!(states(&[(Token, Pass, None), lost]), [(credentials, State::Well)]);
    assert_eq!(states(&[(Address, Fail, Some(FailureKind::NotReached)), (Token, Skip, None)]), []);
}

#[test]
fn plan_tells_drift_and_what_is_broken_by_it() {
    let change = |action, kind, name: &str| Change {
        action,
        kind,
        name: Untrusted::new(name),
        id: None,
        fields: Vec::new(),
        reason: "missing in Halo".to_owned(),
        cause: Cause::default(),
    };
    let plan = |changes: Vec<Change>| from_plan(&Plan { changes, ..Plan::default() });
    assert_eq!(plan(vec![change(Action::Keep, ObjectKind::Webhook, "w")]).state, State::Well);
    let link = plan(vec![change(Action::Link, ObjectKind::TicketType, "Incident")]);
    assert_eq!((link.state, link.fact.as_str()), (State::Watch, "Incident (missing in Halo)"));
    let adopt = plan(vec![change(Action::Adopt, ObjectKind::Webhook, "w")]);
    assert_eq!(adopt.state, State::Watch, "it delivers already");
    let many = ["a", "b", "c", "d", "e"].map(|name| change(Action::Create, ObjectKind::Webhook, name)).to_vec();
    let many = plan(many);
    assert_eq!(many.state, State::Broken);
    assert!(many.fact.ends_with("2 more"), "{}", many.fact);
}

/// What Remove took out has to be created again, and is no drift: our record knows that it is not there.
#[test]
fn what_was_taken_out_is_not_told_as_drift() {
    let change = |name: &str| Change {
        action: Action::Create,
        kind: ObjectKind::Webhook,
        name: Untrusted::new(name),
        id: None,
        fields: Vec::new(),
        reason: "missing in Halo".to_owned(),
        cause: Cause::default(),
    };
    let plan = Plan { changes: ["a", "b"].map(change).to_vec(), ..Plan::default() };
    let recorded = |name: &str| InstalledObject {
        kind: ObjectKind::Webhook,
        id: "1".to_owned(),
        name: Untrusted::new(name),
        installed_at: now(),
        identity: None,
    };
    let told = from_plan_and_record(&plan, &[recorded("c")], &[]);
    assert_eq!(
        (told.state, told.fact.as_str()),
        (State::Watch, "2 webhooks are not in Halo: removed, or not created yet")
    );
    // One that our record has was taken out by somebody else.
    assert_eq!(from_plan_and_record(&plan, &[recorded("a")], &[]).state, State::Broken);
    // What Configure wrote once, and our record has no more, was taken out on purpose: its links, too.
    let written = |change: &Change| Written {
        kind: change.kind,
        name: change.name.clone(),
        action: change.action,
        object: None,
        proof: BeforeAfter::default(),
    };
    let mut linked = plan.clone();
    linked.changes[0] = Change { action: Action::Link, kind: ObjectKind::TicketType, ..linked.changes[0].clone() };
    linked.changes[1].kind = ObjectKind::CustomTab;
    let all: Vec<Written> = linked.changes.iter().map(written).collect();
    let told = from_plan_and_record(&linked, &[recorded("c")], &all);
    assert_eq!(
        (told.state, told.fact.as_str()),
        (State::Watch, "1 custom tab, 1 link were removed from Halo on purpose")
    );
    assert_eq!(told.objects().collect::<Vec<_>>(), ["a", "b"]);
    // A run that was stopped had sent one of them, and the rest never was in Halo.
    let mut stopped = plan.clone();
    stopped.changes[0].action = Action::Adopt;
    let told = from_plan_and_record(&stopped, &[recorded("c")], &[written(&stopped.changes[0])]);
    assert_eq!(
        (told.state, told.fact.as_str()),
        (State::Watch, "1 webhook to be taken over; 1 webhook is not in Halo: removed, or not created yet")
    );
    assert_eq!(told.objects().collect::<Vec<_>>(), ["b"]);
    stopped.changes.truncate(1);
    let told = from_plan_and_record(&stopped, &[recorded("c")], &[written(&stopped.changes[0])]);
    assert_eq!(told.state, State::Watch, "{}", told.fact);
}

/// Where the webhooks alone were removed nothing is said of their deliveries, or of one that is off.
#[test]
fn removed_webhooks_deliver_nothing_and_are_no_fault() {
    let removed = |world: &mut World| {
        world.deliver(DeliveryState::Missing);
        world.status.integration.configured_at = None;
        world.status.integration.objects =
            vec![InstalledObject { kind: ObjectKind::CustomTab, ..installed_at(now() - HOUR) }];
    };
    assert_eq!(found(Rule::WebhookOff, removed).state, State::Well);
    let deliveries = found(Rule::Deliveries, removed);
    assert_eq!((deliveries.state, deliveries.fact.as_str()), (State::Unknown, "the webhooks were removed"));
}

/// A state that is not known for another reason than before is not as old.
#[test]
fn what_is_unknown_for_another_reason_is_not_as_old() {
    let age = |fact: &str| {
        found(Rule::Deliveries, |world| {
            world.status.integration.deliveries.clear();
            let before = Finding::new(Rule::Deliveries, State::Unknown, fact).since(now() - HOUR);
            world.status.known.before.push(before);
        })
        .since
    };
    assert_eq!(age("Halo's delivery log has not been read yet"), Some(now() - HOUR));
    assert_eq!(age("the webhooks were removed"), None);
}

#[test]
fn failure_tells_only_what_halo_refused() {
    let rule = |kind| from_failure(&Failure::new(kind, "m")).map(|found| found.rule);
    assert_eq!(rule(FailureKind::WrongCredentials), Some(Rule::Credentials));
    assert_eq!(rule(FailureKind::MissingRight), Some(Rule::Rights));
    assert_eq!(rule(FailureKind::NotReached), None);
}

#[test]
fn clock_is_judged_by_minutes_apart_in_either_direction() {
    for (seconds, state) in [
        (0, State::Well),
        (59, State::Well),
        (-59, State::Well),
        (60, State::Watch),
        (-299, State::Watch),
        (300, State::Broken),
    ] {
        assert_eq!(clock(SignedDuration::from_secs(seconds), now()).state, state, "{seconds}");
    }
    assert!(clock(SignedDuration::from_secs(-90), now()).fact.contains("1 minute ahead of Halo"));
}

/// What looks like a fault and is none, and the other way round.
#[test]
fn rules_know_when_nothing_could_be_expected() {
    let found = |rule: Rule, make: fn(&mut World)| {
        let mut world = well();
        make(&mut world);
        world.findings().into_iter().find(|finding| finding.rule == rule).unwrap()
    };
    let state = |rule: Rule, make: fn(&mut World)| found(rule, make).state;
    // The service has listened for five hours, or does not: it could hear nothing.
    let heard = |world: &mut World| world.status.service.last_event_at = Some(now() - 25 * HOUR);
    assert_eq!(state(Rule::Silence, heard), State::Well);
    let stopped = |world: &mut World| {
        world.status.service = ServiceStatus { last_event_at: Some(now() - 25 * HOUR), ..ServiceStatus::default() };
    };
    assert_eq!(state(Rule::Silence, stopped), State::Well);
    // A timer may sync; Halo calls nobody yet.
    let by_hand = |world: &mut World| {
        world.status.service.running = false;
        world.status.integration.configured_at = None;
    };
    let by_timer = |world: &mut World| {
        world.status.service = ServiceStatus { timer: true, ..ServiceStatus::default() };
        world.status.integration.configured_at = None;
    };
    assert_eq!(state(Rule::Service, by_timer), State::Well);
    // What the store has not got yet, or refuses.
    let waits =
        |world: &mut World| world.status.service.spool = Spooled { waiting: 2, since: Some(now()), not_taken: 1 };
    let refused = |world: &mut World| world.status.service.spool.not_taken = 1;
    let told = found(Rule::Service, waits);
    assert_eq!((told.state, told.since), (State::Watch, Some(now())));
    assert!(told.fact.starts_with("2 events wait on this host for the store, the oldest since "), "{}", told.fact);
    assert_eq!(state(Rule::Service, refused), State::Watch);
    assert_eq!(state(Rule::Service, by_hand), State::Unknown);
    // Half-made, or after another Pia Url: the objects are there.
    let half_made = |world: &mut World| {
        world.see(Rule::Drift, State::Broken, 1);
        world.status.integration.configured_at = None;
        world.status.integration.objects.push(installed_at(now()));
    };
    assert_eq!(state(Rule::Drift, half_made), State::Broken);
    let local = |world: &mut World| {
        world.see(Rule::Certificate, State::Broken, 1);
        world.configuration.api.url = HaloUrl::read("http://127.0.0.1:1").unwrap().address;
    };
    assert_eq!(state(Rule::Certificate, local), State::Well);
    // What was judged and not seen says nothing of what a look would find.
    let judged = |world: &mut World| {
        world.see(Rule::Rights, State::Broken, 1);
        world.status.known.before.last_mut().unwrap().seen_at = None;
    };
    assert_eq!(state(Rule::Rights, judged), State::Unknown);
    let unread = |world: &mut World| world.status.known.lists.teams.clear();
    assert_eq!(found(Rule::Boards, unread).state, State::Unknown, "whether it is there, nobody could see");
    let one_board = |world: &mut World| world.status.known.lists.teams[0].name = "Service Desk".into();
    assert_eq!(found(Rule::Boards, one_board).fact, "Pia Board and Pia Escalation Board: no team \"Pia\"");
    let unseen = |world: &mut World| {
        world.status.known.lists.teams[0].name = "Service Desk".into();
        world.see(Rule::AgentRestricted, State::Watch, 1);
    };
    let told = found(Rule::Boards, unseen).next;
    let joins = "Make the agent a member of that team in Halo, or choose another in the settings";
    assert_eq!(told, Some(joins.into()), "it may be there");
    let mistyped = |world: &mut World| world.configuration.pia_screen.pia_board = "Pai".to_owned();
    let told = found(Rule::Boards, mistyped);
    assert_eq!(told.fact, "Pia Board: no team \"Pai\"");
    assert_eq!(told.next, Some("Did you mean \"Pia\"? Choose it in the settings".into()));
}

/// A month later without a look, what Halo last said is no word of how it is.
#[test]
fn what_was_good_long_ago_is_not_known_now() {
    let long_ago = |world: &mut World| {
        let at = now() - 24 * 40 * HOUR;
        world.status.known.runs.clear();
        world.status.last_sync = None;
        world.status.known.before.iter_mut().for_each(|finding| finding.seen_at = finding.seen_at.map(|_| at));
        world.status.integration.deliveries.iter_mut().for_each(|delivery| delivery.read_at = at);
        world.status.known.published_at = Some(at);
        world.note(24 * 40, Finding::well(Rule::Credentials, "accepted by Halo"));
    };
    for rule in [Rule::Credentials, Rule::Halo, Rule::WebhookOff] {
        let found = found(rule, long_ago);
        assert_eq!(found.state, State::Unknown, "{found:?}");
        assert!(found.next.unwrap().to_string().contains("pia-halo doctor"), "{rule:?}");
    }
}

/// Of a verdict that is dated ahead nobody knows how old it is: it is no "just now", and one of the clocks is named.
#[test]
fn what_is_dated_ahead_is_not_known_now() {
    let ahead = |world: &mut World| {
        let at = now() + 240 * HOUR;
        world.status.known.before.iter_mut().for_each(|finding| finding.seen_at = finding.seen_at.map(|_| at));
        world.status.known.published_at = Some(at);
        world.note(-240, Finding::well(Rule::Credentials, "accepted by Halo"));
    };
    for rule in [Rule::Credentials, Rule::Halo] {
        let found = found(rule, ahead);
        assert_eq!(found.state, State::Unknown, "{found:?}");
    }
    let clock = found(Rule::Clock, ahead);
    assert_eq!((clock.state, clock.since), (State::Watch, None), "{clock:?}");
    assert!(clock.fact.contains("in the future") && clock.next.unwrap().to_string().contains("timedatectl"));
}

/// It is known from the lists of the last sync, and as old as they are, whatever it says.
#[test]
fn contact_of_another_name_is_told_with_age_of_lists() {
    let read_at = Some(now() - HOUR);
    let renamed = found(Rule::Boards, |world| world.status.known.lists.agents[0].name = "Fox Mulder".into());
    assert_eq!(renamed.fact, "Pia Escalate To: Dana Scully is called Fox Mulder in Halo now");
    let gone = found(Rule::Boards, |world| world.status.known.lists.agents[0].assignable = false);
    assert_eq!([renamed.seen_at, gone.seen_at], [read_at; 2]);
}

/// An event is promised only where one would come in.
#[test]
fn event_is_promised_only_where_one_would_come_in() {
    let promised = |change: fn(&mut World)| {
        let silence = found(Rule::Silence, |world| {
            world.status.service.last_event_at = None;
            change(world);
        });
        assert_eq!(silence.state, State::Unknown);
        silence.next.is_some()
    };
    assert!(promised(|_| {}));
    assert!(!promised(|world| world.status.service.running = false));
    assert!(!promised(|world| world.status.integration.deliveries = vec![delivery(DeliveryState::Unauthorised)]));
}

/// Without webhooks no event is promised, and a look is no way on.
#[test]
fn removed_webhooks_promise_no_event() {
    let promised = found(Rule::Silence, |world| world.status.service.last_event_at = None);
    assert!(promised.next.is_some(), "{promised:?}");
    let removed = found(Rule::Silence, |world| {
        world.status.service.last_event_at = None;
        world.status.integration.configured_at = None;
        world.status.integration.objects =
            vec![InstalledObject { kind: ObjectKind::CustomTab, ..installed_at(now() - HOUR) }];
    });
    assert_eq!((removed.fact.as_str(), &removed.next), ("none can arrive: the webhooks were removed", &None));
}

/// A newest sync that came to nothing is no light that is green: it is told with the age of the last good one, and with what
/// goes on.
#[test]
fn newer_sync_that_was_interrupted_is_told() {
    let stopped = found(Rule::SyncAge, |world| {
        let last = SyncReport { status: SyncStatus::Interrupted, ..world.status.known.runs[0].clone() };
        world.status.known.runs.insert(0, last);
    });
    assert_eq!((stopped.state, stopped.fact.as_str()), (State::Watch, "the newest sync was interrupted"));
    let told = crate::words::health::beside(&stopped, now());
    assert!(told.starts_with("interrupted, last good one ") && told.ends_with(" ago"), "{told}");
    assert_eq!(stopped.next.unwrap().to_string(), "Sync now: pia-halo sync");
}

/// A link that Halo says nothing of is told as that, and what settles it: not as a difference, and no other run as the way on.
#[test]
fn link_that_halo_does_not_tell_is_settled_by_person() {
    let link = |name: &str| Change {
        action: Action::Link,
        kind: ObjectKind::TicketType,
        name: Untrusted::new(name),
        id: None,
        fields: Vec::new(),
        reason: TABS_NOT_TOLD.to_owned(),
        cause: Cause::default(),
    };
    let plan = |names: &[&str]| Plan { changes: names.iter().map(|name| link(name)).collect(), ..Plan::default() };
    let found = from_plan(&plan(&["Incident"]));
    assert_eq!(found.fact, "Halo does not say whether Incident shows the Pia Chat Pod");
    assert_eq!(
        found.next.as_ref().unwrap().to_string(),
        "If you have allowed it there by hand: pia-halo issues dismiss drift"
    );
    let many = from_plan(&plan(&["a", "b", "c", "d", "e"]));
    assert_eq!(many.fact, "Halo does not say whether a, b, c and 2 more show the Pia Chat Pod");
    let result = |name: &str| ChangeResult {
        kind: ObjectKind::TicketType,
        name: Untrusted::new(name),
        id: None,
        action: Action::Link,
        outcome: Outcome::Unverified,
        message: Some(format!("{TABS_NOT_TOLD}. By hand: ...")),
    };
    let run =
        ConfigureReport { status: ConfigureStatus::PartlyDone, results: vec![result("Incident")], ..failed_run() };
    assert_eq!(from_run(&run).state, State::Well, "another run is no way on");
    assert_eq!(from_untold(&run).map(|found| found.cause()), Some(found.cause()), "dismissed once, it stays dismissed");
    let mut both = run.clone();
    both.results.extend(failed_run().results);
    assert_eq!((from_run(&both).state, from_untold(&both)), (State::Broken, None));
}

/// What the program has proved itself is not forgotten with the page on which it stood.
#[test]
fn lost_test_ticket_stays_issue_until_event_comes() {
    let told = |stored: HopReport| from_circle(&[HopReport::new(Hop::Delivered, CheckStatus::Pass, "200"), stored]);
    let lost = told(HopReport::broken(Hop::Stored, "not stored here", "Check the reverse proxy")).unwrap();
    let mut world = well();
    world.note(0, lost.clone());
    let of = |world: &World| world.findings().into_iter().find(|found| found.rule == Rule::Deliveries).unwrap();
    assert_eq!((of(&world).state, of(&world).fact), (State::Broken, lost.fact.clone()));
    assert_eq!(of(&world).next, Some("Check the reverse proxy".into()));
    world.status.service.last_event_at = Some(now() + HOUR);
    assert_eq!(of(&world).state, State::Well);
    world.status.service.last_event_at = None;
    assert_eq!(of(&world).state, State::Broken);
    world.note(0, told(HopReport::new(Hop::Stored, CheckStatus::Pass, "event 7")).unwrap());
    assert_eq!(of(&world).state, State::Well);
    // One that came no further than Halo says nothing of this machine.
    assert_eq!(told(HopReport::new(Hop::Stored, CheckStatus::Skip, "not reached")), None);
}

/// Another address than the settings name is no refusal.
#[test]
fn secret_that_was_not_sent_was_not_refused() {
    let told = |fact: &str| {
        let found = Finding { seen_at: Some(now()), ..Finding::new(Rule::Credentials, State::Broken, fact) };
        crate::words::health::short(&found).to_owned()
    };
    assert_eq!(told(&format!("the sign-in server is on another host; {NOT_SENT}")), "sign-in server not confirmed");
    assert_eq!(told("Halo does not accept the Client Secret"), "credentials refused");
}

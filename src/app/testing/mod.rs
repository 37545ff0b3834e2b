//! What tests need: a stage that takes keys and replies, and a small world to put on it.

use std::cell::RefCell;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::domain::activity::{Activity, Actor, HaloAnswer};
use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, HaloIdentity};
use crate::domain::client::{Client, ClientStatus, DisabledReason, StoredClient};
use crate::domain::configuration::{
    ApiCredentials, CompanySync, Configuration, ConfigurationId, Integration, PiaScreen,
};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::draft::{Draft, Step};
use crate::domain::fields::FieldId;
use crate::domain::full_circle::{FullCircle, Hop, HopReport};
use crate::domain::health::{Finding, Rule};
use crate::domain::merge::{Clash, merge};
use crate::domain::object::ObjectKind;
use crate::domain::owner::{Belongs, Owner};
use crate::domain::people::{Agent, Team, TicketType};
use crate::domain::plan::{
    Action, Basis, Cause, Change, ChangeResult, ConfigureReport, ConfigureStatus, FieldChange, Offer, Outcome, Plan,
};
use crate::domain::record::InstalledObject;
use crate::domain::request::{SaveReport, SecretChoice, Standing};
use crate::domain::rotation::RotationStatus;
use crate::domain::secret::Secret;
use crate::domain::status::{
    ClientCounts, IntegrationStatus, Known, LastSync, Lists, Overview, Saved, Status, StepState, Steps,
};
use crate::domain::sync_run::{
    ChangeCounts, ChangeKind, ClientChange, SideList, Sight, SyncProgress, SyncReport, SyncStatus,
};
use crate::domain::untrusted::Untrusted;

pub(crate) mod events;

use super::effect::Effect;
use super::go::Go;
use super::jobs::state::PlanWork;
use super::keymap::KeyMap;
use super::message::{Message, Reply};
use super::wizard::SaveState;
use super::{Model, Start, Theme, update};

/// A secret that must never be seen anywhere.
pub const CANARY: &str = "canary-client-secret-0123456789-canary-client-secret-0123456789-abcdefghi";

/// A callback token that must only be seen when it is revealed.
pub const TOKEN: &str = "canarytokencanarytokencanarytokencanary9f2c";

thread_local! {
    /// What Halo puts behind each of its texts: first where it has a type, then where it was made part of a sentence.
    static BEHIND: RefCell<[String; 2]> = RefCell::default();
}

/// Does something in a world whose Halo puts these behind all its texts.
pub fn with_halo_saying<T>(behind: [&str; 2], make: impl FnOnce() -> T) -> T {
    BEHIND.set(behind.map(str::to_owned));
    let made = make();
    BEHIND.take();
    made
}

pub fn foreign(text: &str) -> Untrusted {
    BEHIND.with_borrow(|behind| Untrusted::new(format!("{text}{}", behind[0])))
}

/// A sentence of ours that repeats one.
fn quoting(text: &str) -> String {
    BEHIND.with_borrow(|behind| format!("{text}{}", behind[1]))
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn now() -> Timestamp {
    at("2026-11-23T10:53:00Z")
}

/// The interface under test, with its clock.
pub struct Stage {
    pub model: Model,
    pub now: Timestamp,
}

impl Stage {
    /// What is said at the moment, as the screen says it.
    pub fn notice(&self) -> String {
        self.model.notice.as_ref().map_or_else(String::new, |notice| notice.text.with_keys(&self.model.keys))
    }

    pub fn new(width: u16, height: u16, theme: Theme) -> Self {
        let zone = TimeZone::get("Australia/Brisbane").unwrap();
        let (model, effects) = Model::new(Start {
            size: Size { width, height },
            zone,
            theme,
            demo: false,
            systemd: true,
            prefill: Draft::default(),
            keys: KeyMap::default(),
            tip: None,
        });
        assert_eq!(effects, [Effect::LoadOverview]);
        Self { model, now: now() }
    }

    /// With what there is at the start.
    pub fn with(overview: Overview) -> Self {
        let mut stage = Self::new(80, 24, Theme::default());
        stage.reply(Reply::Overview(Ok(overview)));
        stage
    }

    pub fn send(&mut self, message: Message) -> Vec<Effect> {
        update(&mut self.model, message, self.now)
    }

    pub fn reply(&mut self, mut reply: Reply) -> Vec<Effect> {
        let save = self.model.wizard.as_ref().map(|wizard| &wizard.save);
        if let (Reply::Saved(Ok(report)), Some(SaveState::Running { configuration, .. })) = (&mut reply, save)
            && report.kept.is_empty()
        {
            report.configuration.clone_from(configuration);
        }
        let is_plan = matches!(reply, Reply::Planned(_));
        if let (Reply::Planned(Ok(Ok(_))), PlanWork::Reading { checks, .. }) = (&reply, &mut self.model.work.plan)
            && checks.is_empty()
        {
            // No plan comes without its test.
            *checks = passed().checks;
        }
        let effects = self.send(Message::Reply(Box::new(reply)));
        if is_plan {
            self.read_plan();
        }
        effects
    }

    /// Reads the plan that is shown for as long as it has to be, before anything is pressed.
    pub fn read_plan(&mut self) {
        self.now = self.now.checked_add(jiff::SignedDuration::from_millis(500)).unwrap();
        self.send(Message::Wake);
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.send(Message::Resize(Size { width, height }));
    }

    /// Presses keys by their names, parted by blanks: `Tab Enter ^C a`.
    pub fn keys(&mut self, names: &str) -> Vec<Effect> {
        names.split_whitespace().flat_map(|name| self.send(Message::Key(key(name)))).collect()
    }

    pub fn type_text(&mut self, text: &str) -> Vec<Effect> {
        let press = |c| Message::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        text.chars().flat_map(|c| self.send(press(c))).collect()
    }

    pub fn paste(&mut self, text: &str) -> Vec<Effect> {
        self.send(Message::Paste(Secret::new(text)))
    }

    pub fn later(&mut self, seconds: i64) {
        self.now = self.now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
    }
}

pub fn key(name: &str) -> KeyEvent {
    let none = KeyModifiers::NONE;
    match name {
        "Enter" => KeyEvent::new(KeyCode::Enter, none),
        "Esc" => KeyEvent::new(KeyCode::Esc, none),
        "Tab" => KeyEvent::new(KeyCode::Tab, none),
        "Shift-Tab" => KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT),
        "Up" => KeyEvent::new(KeyCode::Up, none),
        "Down" => KeyEvent::new(KeyCode::Down, none),
        "Left" => KeyEvent::new(KeyCode::Left, none),
        "Right" => KeyEvent::new(KeyCode::Right, none),
        "Home" => KeyEvent::new(KeyCode::Home, none),
        "End" => KeyEvent::new(KeyCode::End, none),
        "PgUp" => KeyEvent::new(KeyCode::PageUp, none),
        "PgDn" => KeyEvent::new(KeyCode::PageDown, none),
        "Del" => KeyEvent::new(KeyCode::Delete, none),
        "Backspace" => KeyEvent::new(KeyCode::Backspace, none),
        "F1" => KeyEvent::new(KeyCode::F(1), none),
        "Space" => KeyEvent::new(KeyCode::Char(' '), none),
        other => match other.strip_prefix('^') {
            Some(letter) if !letter.is_empty() => {
                KeyEvent::new(KeyCode::Char(letter.to_ascii_lowercase().chars().next().unwrap()), KeyModifiers::CONTROL)
            }
            _ => KeyEvent::new(KeyCode::Char(other.chars().next().unwrap()), none),
        },
    }
}

pub fn id(text: &str) -> ConfigurationId {
    ConfigurationId::parse(text).unwrap()
}

pub fn configuration(name: &str) -> Configuration {
    Configuration {
        name: name.to_owned(),
        api: ApiCredentials {
            url: crate::domain::address::HaloUrl::read("https://acme.halopsa.com").unwrap().address,
            client_id: "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f".to_owned(),
            tenant: None,
            auth_url: None,
            request_budget: None,
            ca_file: None,
            client_secret_command: None,
        },
        company_sync: CompanySync { daily_sync_time: DailySyncTime::EXAMPLE, include: Default::default() },
        pia_screen: PiaScreen::default(),
        integration: Integration {
            pia_url: Some(crate::domain::address::PiaUrl::read("https://pia.acme.example").unwrap().address),
            ..Integration::default()
        },
    }
}

pub fn status(name: &str, active: bool, synced: bool, configured: bool) -> Status {
    let done = |done| {
        if done { StepState::Done } else { StepState::Todo }
    };
    Status {
        store: None,
        hosts: Vec::new(),
        configuration: name.to_lowercase(),
        name: name.to_owned(),
        active,
        halo: None,
        steps: Steps {
            credentials: StepState::Done,
            company_sync: StepState::Done,
            pia_screen: StepState::Done,
            initial_sync: done(synced),
            configure: done(configured),
        },
        last_sync: synced.then(|| LastSync {
            status: SyncStatus::Complete,
            started_at: at("2026-11-23T04:30:00Z"),
            finished_at: at("2026-11-23T04:30:04Z"),
            halo_count: Some(237),
            stored: 237,
            restricted: Some(false),
            as_seen: "",
        }),
        next_sync: Some(at("2026-11-24T04:30:00Z")),
        clients: ClientCounts { active: 230, disabled: 7, left_out: 0 },
        integration: IntegrationStatus {
            was_configured: configured,
            unrecorded: Default::default(),
            unfinished: 0,
            left_open: Vec::new(),
            configured_at: configured.then(|| at("2026-11-12T09:14:00Z")),
            objects: if configured { objects() } else { Vec::new() },
            deliveries: Vec::new(),
            rotation: RotationStatus::default(),
        },
        service: events::service(),
        health: Vec::new(),
        known: known(synced),
    }
}

/// What the rules of health judge by where nothing is wrong.
fn known(synced: bool) -> Known {
    let seen_at = Some(at("2026-11-23T10:00:00Z"));
    let seen = |rule: Rule| Finding { seen_at, ..Finding::well(rule, "unchanged since Configure") };
    let run = SyncReport { finished_at: at("2026-11-23T04:30:04Z"), ..sync_report(SyncStatus::Complete) };
    Known {
        free: Some(1 << 40),
        has_secret: true,
        runs: if synced { vec![run] } else { Vec::new() },
        lists: lists(),
        before: Rule::ALL.into_iter().filter(|rule| rule.is_seen()).map(seen).collect(),
        ..Known::default()
    }
}

pub fn saved(key: &str, name: &str, active: bool, synced: bool, configured: bool) -> Saved {
    Saved {
        id: id(key),
        configuration: configuration(name),
        has_secret: true,
        status: status(name, active, synced, configured),
    }
}

pub fn overview(configurations: Vec<Saved>) -> Overview {
    Overview { configurations, ..Overview::default() }
}

pub fn finished() -> Overview {
    overview(vec![saved("acme", "Acme MSP", true, true, true)])
}

pub fn draft(step: Step) -> Draft {
    Draft { step, secret_entered: true, ..Draft::default() }
        .with(FieldId::Name, "Acme MSP")
        .with(FieldId::Url, "acme.halopsa.com")
        .with(FieldId::ClientId, "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f")
}

pub fn check(id: CheckId, status: CheckStatus, message: &str, hint: Option<&str>) -> Check {
    let http_status = match status {
        CheckStatus::Fail => Some(403),
        CheckStatus::Skip => None,
        _ => Some(200),
    };
    Check {
        id,
        status,
        message: quoting(message),
        hint: hint.map(|hint| quoting(hint).into()),
        http_status,
        missing: None,
        writes: None,
        duration_ms: 41,
        failure: None,
    }
}

pub fn passed() -> CheckReport {
    let pass = |id, message: &str| check(id, CheckStatus::Pass, message, None);
    report(
        true,
        vec![
            pass(CheckId::Address, "acme.halopsa.com answers, Halo 2.196.1"),
            pass(CheckId::Token, "generated"),
            pass(CheckId::Clients, "237 clients"),
            pass(CheckId::Agents, "24 agents"),
            pass(CheckId::Teams, "10 teams"),
            pass(CheckId::TicketTypes, "31 ticket types"),
            pass(CheckId::Webhooks, "can be read"),
            pass(CheckId::CustomTabs, "can be read"),
            pass(CheckId::Tickets, "can be read"),
            pass(CheckId::Actions, "can be read"),
            pass(CheckId::Statuses, "31 statuses can be read"),
            check(CheckId::PiaBoard, CheckStatus::Skip, "not chosen yet", None),
            check(CheckId::EscalationBoard, CheckStatus::Skip, "not chosen yet", None),
            check(CheckId::EscalateTo, CheckStatus::Skip, "not chosen", None),
        ],
    )
}

pub fn failed() -> CheckReport {
    let mut report = passed();
    report.ok = false;
    report.checks[6] = check(
        CheckId::Webhooks,
        CheckStatus::Fail,
        "Halo refused: \"You do not have permission\"",
        Some("Give the agent the Administrator role: Configuration › Teams & Agents › Agents › Roles."),
    );
    report.checks[4] = check(CheckId::Teams, CheckStatus::Warn, "1 team", Some("Is the agent a member of all teams?"));
    report
}

pub fn report(ok: bool, checks: Vec<Check>) -> CheckReport {
    CheckReport {
        rights: Vec::new(),
        ok,
        configuration: None,
        halo: HaloIdentity {
            url: "https://acme.halopsa.com".to_owned(),
            auth_url: None,
            tenant: None,
            version: Some(quoting("2.196.1")),
        },
        checks,
        token_valid_until: Some(at("2026-11-23T11:53:00Z")),
        teams: Some(teams()),
        agents: None,
        ticket_types: None,
        sight: Some(Sight::All),
    }
}

pub fn teams() -> Vec<Team> {
    let team = |id, name: &str, inactive| Team { id, name: foreign(name), inactive };
    vec![
        team(1, "Pia", false),
        team(2, "Pia Escalations", false),
        team(3, "Service Desk", false),
        team(4, "Old board", true),
    ]
}

pub fn lists() -> Lists {
    let agent = |id, name: &str, assignable| Agent { id, name: foreign(name), assignable, api_only: false };
    Lists {
        agents: vec![agent(7, "Dana Scully", true), agent(8, "Ångström Björk", true), agent(1, "Unassigned", false)],
        teams: teams(),
        ticket_types: vec![TicketType { id: 1, name: foreign("Incident"), active: true }],
        read_at: Some(at("2026-11-23T04:31:00Z")),
    }
}

pub fn callbacks() -> Vec<(EventGroup, CallbackUrl)> {
    let pia = crate::domain::address::PiaUrl::read("https://pia.acme.example").unwrap().address;
    let token = Secret::new(TOKEN);
    EventGroup::ALL.map(|group| (group, CallbackUrl::new(&pia, &id("acme"), group, &token))).to_vec()
}

pub fn save_report(active: bool) -> SaveReport {
    SaveReport {
        moved: false,
        id: id("acme"),
        configuration: Box::new(configuration("Acme MSP")),
        kept: Vec::new(),
        changed: vec!["Configuration Name", "Url", "Client ID", "Client Secret", "Daily Sync Time", "Pia Board"],
        active,
        tested: true,
        callbacks: callbacks(),
    }
}

/// What is answered to a save where somebody else has saved another Pia Board and another time since.
pub fn clash(mine: &Configuration) -> Reply {
    let mut theirs = configuration("Acme MSP");
    theirs.pia_screen.pia_board = "Desk".to_owned();
    theirs.company_sync.daily_sync_time = DailySyncTime::parse("05:00").unwrap();
    let merged = merge(&configuration("Acme MSP"), &theirs, mine, &SecretChoice::Stored, &Default::default());
    Reply::Clashed(Box::new(Clash { theirs, conflicts: merged.conflicts }))
}

pub fn progress(read: u64, total: Option<u64>) -> SyncProgress {
    SyncProgress {
        clients_read: read,
        clients_total: total,
        pages: read / 100,
        resumed_pages: 0,
        lists: [(SideList::Agents, 24), (SideList::Teams, 10), (SideList::TicketTypes, 31)].into(),
        requests: 300,
        retries: 2,
        waiting: None,
        silence: None,
        budget: None,
    }
}

/// A first sync whose clients are one fewer than Halo counts.
pub fn unproved() -> SyncReport {
    let warnings = vec!["Halo counts 251 clients and lists 250".to_owned()];
    let report = sync_report(SyncStatus::CompleteWithWarnings);
    SyncReport { proved: false, halo_count: Some(251), stored: 250, warnings, ..report }
}

pub fn sync_report(status: SyncStatus) -> SyncReport {
    SyncReport {
        run: None,
        proved: status.has_published(),
        would_disable: (status == SyncStatus::NeedsConfirmation).then_some(61),
        disabling: Vec::new(),
        error: None,
        status,
        halo_count: Some(237),
        stored: 237,
        active: 230,
        disabled: 7,
        left_out: 0,
        changes: ChangeCounts { added: 237, updated: 0, disabled: 0, returned: 0, unchanged: 0 },
        pages: 3,
        resumed_pages: 0,
        requests: 9,
        retries: 0,
        rate_limited_ms: 0,
        duration_ms: 4_120,
        warnings: if status == SyncStatus::Complete { vec![] } else { vec![quoting("Halo sent 2 clients twice.")] },
        started_at: at("2026-11-23T10:53:00Z"),
        finished_at: at("2026-11-23T10:53:04Z"),
    }
}

pub fn objects() -> Vec<InstalledObject> {
    let object = |kind, id: &str, name: &str| InstalledObject {
        kind,
        id: quoting(id),
        name: foreign(name),
        installed_at: at("2026-11-12T09:14:00Z"),
        identity: None,
    };
    vec![
        object(ObjectKind::Webhook, "3f0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f", "Pia - Ticket Created"),
        object(ObjectKind::Webhook, "4f0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f", "Pia - Ticket Updated"),
        object(ObjectKind::CustomTab, "46", "Pia Chat Pod"),
        object(ObjectKind::TicketType, "1", "Incident"),
    ]
}

fn change(action: Action, kind: ObjectKind, name: &str, reason: &str, fields: Vec<FieldChange>) -> Change {
    let (name, reason) = (foreign(name), quoting(reason));
    Change { action, kind, name, id: None, fields, reason, cause: Cause::default() }
}

fn field(name: &'static str, before: Option<&str>, after: &str) -> FieldChange {
    FieldChange { name, before: before.map(quoting), after: Some(quoting(after)) }
}

pub fn plan() -> Plan {
    let url = |group: &str| format!("https://pia.acme.example/callbacks/acme/{group}/…9f2c");
    Plan {
        changes: vec![
            change(
                Action::Create,
                ObjectKind::Webhook,
                "Pia - Ticket Created",
                "missing in Halo",
                vec![field("url", None, &url("ticket-created")), field("sign-in", None, "Basic, user pia")],
            ),
            change(Action::Create, ObjectKind::WebhookEvent, "New Ticket Logged", "missing in Halo", vec![]),
            change(
                Action::Update,
                ObjectKind::Webhook,
                "Pia - Ticket Updated",
                "changed in Halo",
                vec![field("url", Some("https://old.acme.example/hook"), &url("ticket-updated"))],
            ),
            change(Action::Create, ObjectKind::CustomTab, "Pia Chat Pod", "missing in Halo", vec![]),
            change(Action::Link, ObjectKind::TicketType, "Incident", "not linked to the Pia Chat Pod", vec![]),
            change(Action::Link, ObjectKind::TicketType, "Service Request", "not linked to the Pia Chat Pod", vec![]),
            change(Action::Keep, ObjectKind::TicketType, "Project", "already shows all custom tabs", vec![]),
        ],
        basis: Basis::default(),
        ..Plan::default()
    }
}

/// A plan beside a tab of the portal's that has our name.
pub fn offering() -> Plan {
    let fields = vec![field("url", Some("https://portal.example/pod"), "https://pia.acme.example/pod")];
    let offer = Offer { kind: ObjectKind::CustomTab, name: foreign("Pia Chat Pod"), id: "46".to_owned(), fields };
    Plan { offers: vec![offer], ..plan() }
}

/// A plan for what another machine owns.
pub fn theirs(plan: Plan) -> Plan {
    let owner = Owner::new(foreign("jump1").raw(), foreign("dana").raw(), at("2026-11-20T12:00:00Z"), "key");
    Plan { belongs: Belongs::Elsewhere(owner), ..plan }
}

pub fn kept() -> Plan {
    let mut plan = plan();
    for change in &mut plan.changes {
        change.action = Action::Keep;
        change.reason = "unchanged".to_owned();
    }
    plan
}

/// What Remove would take out, and what it leaves alone.
pub fn removal() -> Plan {
    Plan {
        changes: vec![
            change(Action::Unlink, ObjectKind::TicketType, "Incident", "linked to the Pia Chat Pod", vec![]),
            change(Action::Delete, ObjectKind::CustomTab, "Pia Chat Pod", "created or taken over by Configure", vec![]),
            change(
                Action::Delete,
                ObjectKind::WebhookEvent,
                "New Ticket Logged",
                "its webhook is being removed",
                vec![],
            ),
            change(
                Action::Delete,
                ObjectKind::Webhook,
                "Pia - Ticket Created",
                "created or taken over by Configure",
                vec![],
            ),
            change(
                Action::Keep,
                ObjectKind::Webhook,
                "Pia - Ticket Updated",
                "left unchanged: it has our name, but may belong to someone else",
                vec![],
            ),
        ],
        basis: Basis::default(),
        ..Plan::default()
    }
}

/// A verdict on the deliveries of each webhook: one delivers, the other never has.
pub fn deliveries() -> Vec<Delivery> {
    let read_at = at("2026-11-23T05:00:00Z");
    let fine = Delivery {
        webhook: quoting("Pia - Ticket Created"),
        id: quoting("3f0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"),
        state: DeliveryState::Delivered,
        last_at: Some(read_at),
        http_status: Some(200),
        duration: Some(quoting("84.5")),
        error: None,
        last_success_at: Some(read_at),
        off_by_halo: false,
        unbound: false,
        message: "delivered on 2026-11-23 at 04:58:00 UTC, answered with 200".to_owned(),
        advice: None,
        read_at,
    };
    let never = Delivery {
        webhook: quoting("Pia - Ticket Updated"),
        id: quoting("4f0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"),
        state: DeliveryState::Never,
        last_at: None,
        http_status: None,
        duration: None,
        last_success_at: None,
        off_by_halo: false,
        unbound: false,
        message: "nothing was delivered since it was installed, 11 days ago".to_owned(),
        advice: Some(
            "either no ticket has changed since, or Halo sends nothing: its outgoing service may be stuck".to_owned(),
        ),
        ..fine.clone()
    };
    vec![fine, never]
}

/// What Configure says once all of a plan is done.
pub fn configure_report(plan: &Plan) -> ConfigureReport {
    ConfigureReport {
        status: ConfigureStatus::Configured,
        results: results(plan),
        message: "Webhook install was successful".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

pub fn results(plan: &Plan) -> Vec<ChangeResult> {
    plan.changes
        .iter()
        .enumerate()
        .map(|(at, change)| ChangeResult {
            kind: change.kind,
            name: change.name.clone(),
            id: Some((40 + at).to_string()),
            action: change.action,
            outcome: if change.action == Action::Keep { Outcome::Unchanged } else { Outcome::Done },
            message: None,
        })
        .collect()
}

pub fn clients() -> Vec<StoredClient> {
    let client = |id, name: &str, site: &str, status, seen: &str| StoredClient {
        client: Client {
            id,
            name: foreign(name),
            toplevel: Some(foreign("Customers")),
            main_site: Some(foreign(site)),
            inactive: false,
            traits: Default::default(),
        },
        status,
        first_seen: at("2026-01-05T04:31:00Z"),
        last_seen: at(seen),
    };
    let (on, today) = (ClientStatus::Active, "2026-11-23T04:31:00Z");
    vec![
        client(7, "Northwind Traders", "Main", on, today),
        client(8, "Northwind Traders (Québec)", "Montréal", on, today),
        client(
            9,
            "Norwegian Wind AS",
            "Oslo",
            ClientStatus::Disabled(DisabledReason::NoLongerInHalo),
            "2026-11-19T04:31:00Z",
        ),
        client(10, "北京技术有限公司", "北京", on, today),
        client(11, "evil\u{202e}txt\u{1b}[31m", "", on, today),
        client(12, &"An exceedingly long name of a company ".repeat(5), "Everywhere and nowhere at once", on, today),
    ]
}

/// A change of each kind, made as often as asked for.
pub fn changes(times: i64) -> Vec<ClientChange> {
    let mut changes = Vec::new();
    for (at, kind) in (0..).zip(ChangeKind::ALL) {
        for id in (0..times).map(|time| 7 + at + 5 * time) {
            let name_before = (kind == ChangeKind::Renamed).then(|| foreign("Northwind (old)"));
            changes.push(ClientChange {
                id,
                change: kind,
                name: foreign("Northwind Traders"),
                name_before,
                reason: None,
            });
        }
    }
    changes
}

pub fn standing(status: Status) -> Box<Standing> {
    let run = |number, status, started: &str, finished: &str| SyncReport {
        run: std::num::NonZeroU64::new(number),
        started_at: at(started),
        finished_at: at(finished),
        changes: ChangeCounts { added: 3, updated: 1, disabled: 2, returned: 0, unchanged: 231 },
        ..sync_report(status)
    };
    let who = Actor { user: "dana".to_owned(), ssh_from: Some("10.0.0.5".to_owned()), ..Actor::default() };
    let activity = |moment: &str, action: &str, object: Option<&str>, outcome: &str| Activity {
        at: at(moment),
        who: who.clone(),
        configuration: Some("acme".to_owned()),
        action: action.to_owned(),
        object: object.map(quoting),
        fields: vec![],
        outcome: outcome.to_owned(),
        message: None,
        halo: action.starts_with("create").then(HaloAnswer::default),
    };
    Box::new(Standing {
        status,
        runs: vec![
            run(4, SyncStatus::Complete, "2026-11-23T04:30:00Z", "2026-11-23T04:30:04Z"),
            run(3, SyncStatus::CompleteWithWarnings, "2026-11-22T04:30:00Z", "2026-11-22T04:30:05Z"),
            run(2, SyncStatus::Failed, "2026-11-21T04:30:00Z", "2026-11-21T04:31:00Z"),
            run(1, SyncStatus::Interrupted, "2026-11-12T09:10:00Z", "2026-11-12T09:12:00Z"),
        ],
        activity: vec![
            activity("2026-11-23T04:30:04Z", "sync", None, "done"),
            activity("2026-11-12T09:14:01Z", "configure", None, "partly done"),
            activity("2026-11-12T09:14:00Z", "create custom tab", Some("Pia Chat Pod"), "done"),
            activity("2026-11-12T09:13:58Z", "create webhook", Some("Pia - Ticket Updated"), "failed"),
            activity("2026-11-12T09:01:00Z", "save", Some("Acme MSP"), "done"),
        ],
        hours: (0..24).map(|hour| [0, 3, 9, 4][hour % 4]).collect(),
        syncing: None,
        configuring: None,
    })
}

/// A stage in the panes of a finished configuration, with everything read.
pub fn in_panes() -> Stage {
    let mut stage = Stage::with(finished());
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, true)))));
    stage.reply(Reply::Lists(Ok(lists())));
    stage.reply(Reply::Callbacks(Ok(callbacks())));
    stage.reply(Reply::Clients(Ok(clients().into())));
    stage.keys("1");
    stage
}

/// A stage in the wizard with the credentials typed.
pub fn with_credentials() -> Stage {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    stage.type_text("Acme MSP");
    stage.keys("Enter");
    stage.paste("acme.halopsa.com/api/\n");
    stage.keys("Enter");
    stage.paste("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f\n");
    stage.keys("Enter");
    stage.paste(&format!(" \"{CANARY}\"\n"));
    stage
}

/// The same with the test passed.
pub fn tested() -> Stage {
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(passed())));
    stage
}

/// The same at the review.
pub fn at_review() -> Stage {
    let mut stage = tested();
    stage.keys("Enter Enter Enter");
    stage.paste("pia.acme.example");
    stage.send(Message::Go(Go::Step(Step::Review)));
    stage
}

/// The same, saved, at the first sync.
pub fn at_sync() -> Stage {
    let mut stage = at_review();
    stage.keys("Enter");
    stage.reply(Reply::Saved(Ok(save_report(true))));
    stage.reply(Reply::Overview(Ok(overview(vec![saved("acme", "Acme MSP", true, false, false)]))));
    stage.keys("Enter");
    stage
}

/// The same, synced, with the contact left blank, at Configure.
pub fn at_configure() -> Stage {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    stage.reply(Reply::Lists(Ok(lists())));
    stage.keys("Enter Enter Enter");
    stage
}

/// A test ticket that went round, or broke at a hop.
pub fn hops(broken: Option<Hop>) -> FullCircle {
    use CheckStatus::{Pass, Skip};
    let all = [
        (Hop::Made, "ticket 33482 on Pia", 0),
        (Hop::Logged, "Halo's log of deliveries has it", 412),
        (Hop::Delivered, "answered with 200, in 84.5 ms", 412),
        (Hop::Stored, "event 47936930-b1bb-4a57-836a-d9b47fa4bf52", 203),
        (Hop::Forwarded, "the other side took it", 530),
        (Hop::Closed, "its status is Closed", 1_204),
    ];
    let hops = all.map(|(hop, words, after)| match broken {
        Some(at) if hop == at => {
            HopReport::broken(hop, "answered with 404", "the address leads elsewhere: look at the Pia Url")
        }
        Some(at) if hop > at && hop != Hop::Closed => HopReport::new(hop, Skip, "not reached"),
        _ => HopReport::new(hop, Pass, words).reached(None, after),
    });
    FullCircle::of(Some(33_482), hops.into(), Vec::new())
}

//! The current state, as `status` prints it and the panes show it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::calendar::utc;
use super::callback::EventGroup;
use super::configuration::{Configuration, ConfigurationId};
use super::daily::DailyRun;
use super::delivery::Delivery;
use super::draft::Draft;
use super::event::{LATE, minutes};
use super::full_circle::LeftOpen;
use super::gap::Gap;
use super::health::{Finding, Rule, State};
use super::host::Host;
use super::next::{Hint, Next};
use super::people::{Agent, Team, TicketType};
use super::record::InstalledObject;
use super::rotation::RotationStatus;
use super::sync_run::{SyncReport, SyncStatus};
use super::thousands;

/// Whether a step of the set-up is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Finished.
    Done,
    /// Saved, but the connection was not tested with success.
    NotVerified,
    /// A person goes on with the client list, though no sync has proved it complete.
    NotProved,
    /// Was finished, and health knows of a problem since.
    NeedsAttention,
    /// There is something of ours in Halo, and not all that is saved here: Configure has to run again.
    NeedsReconfigure,
    /// Still to do.
    Todo,
}

impl StepState {
    /// Whether there is nothing to do for the first time.
    pub fn was_finished(self) -> bool {
        matches!(self, Self::Done | Self::NeedsAttention)
    }
}

/// The steps of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// API Credentials saved and tested.
    pub credentials: StepState,
    /// Company Sync saved.
    pub company_sync: StepState,
    /// Pia Screen saved.
    pub pia_screen: StepState,
    /// A sync was proved complete, or a person agreed to go on without that.
    pub initial_sync: StepState,
    /// Every object was read back from Halo.
    pub configure: StepState,
}

impl Steps {
    /// The steps as health knows them: what is broken is not called done.
    #[must_use]
    pub fn judged(self, health: &[Finding]) -> Self {
        let broken: Vec<_> = health.iter().filter(|found| found.is_open() && found.state == State::Broken).collect();
        let judged = |step: StepState, is_its: &dyn Fn(&Finding) -> bool| match step {
            StepState::Done if broken.iter().any(|found| is_its(found)) => StepState::NeedsAttention,
            step => step,
        };
        let is_connection = |found: &Finding| matches!(found.rule, Rule::Credentials | Rule::Rights);
        let is_of_objects = |found: &Finding| matches!(found.rule, Rule::Drift | Rule::WebhookOff | Rule::Owner);
        Self {
            credentials: judged(self.credentials, &|found| is_connection(found) && !found.is_of_writes()),
            configure: judged(self.configure, &|found| is_of_objects(found) || found.is_of_writes()),
            ..self
        }
    }
}

/// The last sync, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastSync {
    /// How it ended.
    pub status: SyncStatus,
    /// When it began.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub finished_at: Timestamp,
    /// Halo's count.
    pub halo_count: Option<u64>,
    /// Unique ids read.
    pub stored: u64,
    /// Whether the agent sees chosen clients only: Halo may have more. None where nobody knows.
    pub restricted: Option<bool>,
    /// What is said behind the figures where they may not be all of Halo's.
    #[serde(skip)]
    pub as_seen: &'static str,
}

/// How many clients are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ClientCounts {
    /// In use.
    pub active: u64,
    /// Kept but not used.
    pub disabled: u64,
    /// Those of them that the rule of which clients Pia serves leaves out, and nothing else.
    pub left_out: u64,
}

/// What is installed in Halo, by our own record.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct IntegrationStatus {
    /// When Configure last ended with every object read back.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub configured_at: Option<Timestamp>,
    /// Whether Configure has ever written something, though it may all be gone again: what was set up once is no
    /// set-up any more.
    #[serde(skip)]
    pub was_configured: bool,
    /// What Halo holds of it beside our record, where that is empty and Configure has written nothing.
    #[serde(skip)]
    pub unrecorded: Unrecorded,
    /// Writes of a killed run whose result has not been checked yet.
    pub unfinished: usize,
    /// Test tickets that a full circle has left open in Halo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_open: Vec<LeftOpen>,
    /// The objects.
    pub objects: Vec<InstalledObject>,
    /// What was last read of the deliveries of each webhook.
    pub deliveries: Vec<Delivery>,
    /// How it stands with the rotation of the callback token and password.
    pub rotation: RotationStatus,
}

/// What Halo holds of a configuration that our record knows nothing of: the store may be a new one, or another folder may
/// have set it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unrecorded {
    /// Somebody has looked: there is nothing.
    #[default]
    Nothing,
    /// Nobody has looked.
    NotKnown,
    /// Somebody has looked: there are objects of it.
    Something,
}

impl IntegrationStatus {
    /// What an interrupted run has left behind, each with the way on.
    pub fn left_behind(&self) -> impl Iterator<Item = Hint> {
        self.interruption().into_iter().chain(self.left_open.iter().map(LeftOpen::words))
    }

    /// Whether there is something of ours in Halo. Nothing says when it was configured while a run is not finished or the
    /// settings have changed since; the objects are there.
    pub fn is_in_halo(&self) -> bool {
        self.configured_at.is_some() || !self.objects.is_empty()
    }

    /// How far Configure is.
    pub fn step(&self) -> StepState {
        match self.configured_at {
            Some(_) => StepState::Done,
            None if self.is_in_halo() || self.unrecorded == Unrecorded::Something => StepState::NeedsReconfigure,
            None => StepState::Todo,
        }
    }

    /// What is to be said where Configure has not ended with everything in place.
    pub fn unconfigured(&self) -> &'static str {
        match self.step() {
            StepState::NeedsReconfigure if self.unrecorded == Unrecorded::Something => NOT_IN_STORE,
            StepState::NeedsReconfigure => RECONFIGURE,
            _ if self.was_configured => "removed from Halo",
            _ if self.unrecorded == Unrecorded::NotKnown => NOT_LOOKED,
            _ => "not configured yet",
        }
    }

    /// Says that a run was killed halfway, and the two ways to continue.
    pub fn interruption(&self) -> Option<Hint> {
        let writes = match self.unfinished {
            0 => return None,
            1 => "a write".to_owned(),
            many => format!("{many} writes"),
        };
        let known = format!(
            "A run was interrupted: the result of {writes} is unknown. Run Configure or Remove again to check and finish; "
        );
        Some(Hint::from(known).next(Next::RollBack).text(" undoes Configure's last run."))
    }
}

/// What is said where nobody has seen what is in Halo, and our record is empty.
pub const NOT_LOOKED: &str = "not known: no look in Halo has succeeded yet";

/// What is said where Halo holds objects of a configuration that our record knows nothing of.
pub const NOT_IN_STORE: &str = "its objects are in Halo, and this store does not know them";

/// What is to be done where Halo has not all that is saved here.
pub const RECONFIGURE: &str = "needs Re-configure";

/// What is said of a service that holds its lock and is not heard where it listens.
pub const DOES_NOT_ANSWER: &str = "does not answer";

/// Why a service that holds its lock is not known to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// It was asked where it listens, and gave no answer.
    Silent,
    /// It cannot be asked from here.
    NotAsked,
}

/// Whether the service runs.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ServiceStatus {
    /// Whether it runs now. One that was asked and does not answer is not called so.
    pub running: bool,
    /// Why it is not known to work, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
    /// Its process.
    #[serde(skip)]
    pub process: Option<u32>,
    /// Whether a timer of systemd runs the daily sync in its place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timer: bool,
    /// Since when.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub since: Option<Timestamp>,
    /// When the last callback came in.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub last_event_at: Option<Timestamp>,
    /// How long after it happened that one came in, in milliseconds; none where Halo did not say when that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_lag_ms: Option<i64>,
    /// What was missed in the last days, and fetched afterwards; the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// What waits on this host for the store.
    #[serde(skip_serializing_if = "Spooled::is_empty")]
    pub spool: Spooled,
    /// Events that could not be forwarded.
    pub undelivered: u64,
    /// Events that wait to be forwarded, tried or not.
    #[serde(skip_serializing_if = "is_none")]
    pub events_to_forward: u64,
    /// Changes of clients that wait to be forwarded.
    #[serde(skip_serializing_if = "is_none")]
    pub clients_to_forward: u64,
    /// What became of the last days' syncs, the newest first.
    pub days: Vec<DailyRun>,
}

/// What waits on this host for a store that was away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spooled {
    /// Events that are still to be stored.
    pub waiting: u64,
    /// When the oldest of them came in.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub since: Option<Timestamp>,
    /// Events that the store has refused, each for what is in it: they are kept.
    pub not_taken: u64,
}

impl Spooled {
    /// That events wait; none where none does.
    pub fn waits(&self) -> Option<String> {
        let (count, words) = (thousands(self.waiting), if self.waiting == 1 { "event waits" } else { "events wait" });
        let since = self.since.map(|since| format!(", the oldest since {}", utc(since))).unwrap_or_default();
        (self.waiting > 0).then(|| format!("{count} {words} on this host for the store{since}"))
    }

    /// That some were refused; none where none was.
    pub fn refused(&self) -> Option<String> {
        let count = thousands(self.not_taken);
        let (words, them) = if self.not_taken == 1 { ("event is", "it") } else { ("events are", "them") };
        (self.not_taken > 0)
            .then(|| format!("{count} {words} kept on this host, because the store does not take what is in {them}"))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0 && self.not_taken == 0
    }
}

/// An event that is kept on this host, because the store does not take what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotTaken {
    /// Its place among the others that are kept.
    pub number: i64,
    /// The id of its configuration.
    pub configuration: String,
    /// When it came in.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub received_at: Option<Timestamp>,
    /// What Halo calls it.
    pub event: Option<String>,
    /// The ticket that it is about.
    pub ticket_id: Option<i64>,
    /// What the store has said of it.
    pub why: String,
}

/// Which release of Halo answered last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Release {
    /// The name of the product.
    pub product: String,
    /// The version that Halo said it is.
    pub version: String,
    /// The version before that, where it has changed since the first check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// When the change was noticed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::domain::calendar::json")]
    pub changed_at: Option<Timestamp>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Release {
    /// It in a line.
    pub fn line(&self) -> String {
        let Self { product, version, .. } = self;
        match (&self.before, self.changed_at) {
            (Some(before), Some(at)) => {
                format!("{product} {version}; updated from {before} on {}", at.strftime("%Y-%m-%d"))
            }
            _ => format!("{product} {version}"),
        }
    }
}

impl ServiceStatus {
    /// Whether its process is there and does not answer.
    pub fn is_silent(&self) -> bool {
        self.unanswered == Some(Unanswered::Silent)
    }

    /// That Halo's callbacks come late, and by how much.
    pub fn late(&self) -> Option<String> {
        let lag = self.last_lag_ms.map(SignedDuration::from_millis).filter(|lag| *lag >= LATE)?;
        Some(format!("the last event arrived {} late: Halo's queue is long, or a clock is wrong", minutes(lag)))
    }
}

/// Where one configuration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The id of the configuration.
    pub configuration: String,
    /// What the person called it.
    pub name: String,
    /// Whether it is the active one.
    pub active: bool,
    /// Which release of Halo answered the last check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halo: Option<Release>,
    /// The server that the store is on; none where it is a file of this machine.
    pub store: Option<String>,
    /// The machines that work with it now, or have lately.
    pub hosts: Vec<Host>,
    /// The steps of the set-up.
    pub steps: Steps,
    /// The last sync.
    pub last_sync: Option<LastSync>,
    /// When the next daily sync is due.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub next_sync: Option<Timestamp>,
    /// The stored clients.
    pub clients: ClientCounts,
    /// What is installed.
    pub integration: IntegrationStatus,
    /// The service.
    pub service: ServiceStatus,
    /// What was found of each rule of health; nothing of a configuration that is not the active one.
    pub health: Vec<Finding>,
    /// What it was judged by, beside all of this.
    #[serde(skip)]
    pub known: Known,
}

/// What the health rules use besides the status: the machine, the files, and what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Known {
    /// Bytes free where the store is.
    pub free: Option<u64>,
    /// Why settings or secrets cannot be used, with the next step.
    pub settings: Option<(String, Option<String>)>,
    /// Whether there is a Client Secret.
    pub has_secret: bool,
    /// Deliveries of the last week that were not understood, and the last of them.
    pub not_understood: Option<(u64, Timestamp)>,
    /// When each webhook delivered last; what was fetched afterwards is no delivery.
    pub heard: Vec<(EventGroup, Timestamp)>,
    /// The last runs of the sync, the newest first.
    pub runs: Vec<SyncReport>,
    /// When the stored list was last renewed.
    pub published_at: Option<Timestamp>,
    /// Who is at a sync at this moment, in words.
    pub syncing: Option<String>,
    /// Whether the service's unit is installed on this machine.
    pub has_unit: bool,
    /// Agents, teams and ticket types as the last sync read them.
    pub lists: Lists,
    /// What was last written down of each rule.
    pub before: Vec<Finding>,
    /// The causes that a person has said are known.
    pub dismissed: Vec<(Rule, String)>,
}

/// Every saved configuration and the unfinished wizard, if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Overview {
    /// The saved configurations, by id.
    pub configurations: Vec<Saved>,
    /// The unfinished wizard.
    pub draft: Option<Draft>,
    /// When it was kept.
    pub draft_at: Option<Timestamp>,
    /// The place outside that gives the Client Secret to every configuration, where there is one: a variable, or a
    /// credential of the service.
    pub outside_secret: Option<String>,
}

/// A saved configuration with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What commands know it by.
    pub id: ConfigurationId,
    /// What is saved.
    pub configuration: Configuration,
    /// Whether a Client Secret is stored, or a command that gives one.
    pub has_secret: bool,
    /// Where it stands.
    pub status: Status,
}

/// The lists that a sync keeps beside the clients.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Lists {
    /// Agents: choices for Pia Escalate To.
    pub agents: Vec<Agent>,
    /// Teams: suggestions for the boards.
    pub teams: Vec<Team>,
    /// Ticket types.
    pub ticket_types: Vec<TicketType>,
    /// When the teams were read; none before the first sync.
    pub read_at: Option<Timestamp>,
}

impl Lists {
    /// Whether a sync has ever filled them.
    pub fn are_known(&self) -> bool {
        self.read_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::write_refused;
    use crate::domain::object::ObjectKind;

    #[test]
    fn step_that_health_knows_to_be_broken_is_not_done() {
        let done = StepState::Done;
        let steps =
            Steps { credentials: done, company_sync: done, pia_screen: done, initial_sync: done, configure: done };
        let judged = |rule, state| steps.judged(&[Finding::new(rule, state, "so")]);
        for rule in [Rule::Credentials, Rule::Rights] {
            assert_eq!(judged(rule, State::Broken), Steps { credentials: StepState::NeedsAttention, ..steps });
        }
        let refused = [write_refused(ObjectKind::TicketType, "Incident", "no", Next::Configure)];
        assert_eq!(steps.judged(&refused), Steps { configure: StepState::NeedsAttention, ..steps });
        for rule in [Rule::Drift, Rule::WebhookOff, Rule::Owner] {
            assert_eq!(judged(rule, State::Broken), Steps { configure: StepState::NeedsAttention, ..steps });
        }
        assert_eq!(judged(Rule::Drift, State::Unknown), steps);
        let known = Finding { dismissed: true, ..Finding::new(Rule::Drift, State::Broken, "so") };
        assert_eq!(steps.judged(&[known]), steps);
        let new = Steps { configure: StepState::Todo, ..steps };
        assert_eq!(new.judged(&[Finding::new(Rule::Drift, State::Broken, "so")]), new);
    }
}

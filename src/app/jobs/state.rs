//! The state of the jobs: which of them runs, how far it is, and how the last one ended.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::callback::EventGroup;
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::Delivery;
use crate::domain::failure::Failure;
use crate::domain::full_circle::{FullCircle, HopReport};
use crate::domain::plan::Parts;
use crate::domain::plan::{Blocked, Change, ChangeResult, ConfigureReport, ConfigureStatus, Plan};
use crate::domain::sync_run::{BudgetWait, Silence, SyncProgress, SyncReport};
use crate::domain::ticket::{BoardTickets, Unfinished};
use crate::words::check::report_rows;
use crate::words::plan::told;

/// A sync that ended with a question: whether so many clients are to be disabled.
#[derive(Clone, Debug)]
pub struct HeldSync {
    pub id: ConfigurationId,
    /// How many are gone.
    pub gone: u64,
    /// What the sync said.
    pub reasons: Vec<String>,
}

/// Asking Halo whether everything is as it should be.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    pub id: ConfigurationId,
    pub since: Timestamp,
    /// Whether it was asked to stop.
    pub stopping: bool,
}

/// What is on its way to the terminal's clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copying {
    /// A command for a shell.
    Command(String),
    /// The Callback URL of a webhook, with its token.
    Callback(EventGroup),
}

/// Everything that runs, or has run since the start.
#[derive(Debug, Default)]
pub struct Work {
    pub sync: SyncWork,
    /// Reading what Halo holds, and planning.
    pub plan: PlanWork,
    /// What the plan is for.
    pub goal: Goal,
    pub apply: ApplyWork,
    /// Reading Halo's delivery log.
    pub deliveries: DeliveryWork,
    /// The test before the plan.
    pub plan_checks: Vec<Check>,
    /// Reading the tickets on the Pia Board.
    pub tickets: TicketWork,
    /// Those tickets as they were last read, and when.
    pub board: Option<(Timestamp, BoardTickets)>,
    /// Handing a ticket over to people.
    pub escalate: EscalateWork,
    /// Notes of escalations that did not come to their end, by ticket: offered again with the next one.
    pub notes: BTreeMap<(ConfigurationId, i64), String>,
    /// A test ticket that goes full circle.
    pub proof: ProofWork,
    /// Asking Halo whether everything is as it should be.
    pub health_check: Option<HealthCheck>,
    /// When the plan was read from Halo.
    pub plan_read: Option<Timestamp>,
    /// Whether another program has changed the integration since.
    pub plan_stale: bool,
    /// When the other program came to its end that was in the way.
    pub freed: Option<Timestamp>,
    /// Since when the plan stands on the screen, to be read before it is applied.
    pub plan_shown: Option<Timestamp>,
    /// The wait for Halo's request limit, while a plan is read or applied.
    pub waiting: Option<BudgetWait>,
    /// The silence of Halo meanwhile.
    pub silence: Option<Silence>,
    /// The command that is being copied, to be run in a shell.
    pub copying: Option<Copying>,
    /// A sync that ended with a question while the person was elsewhere.
    pub held: Option<HeldSync>,
    /// Whether the person has agreed to take the configuration of this plan over from another machine.
    pub takes_over: bool,
    /// The line of the plan that is selected.
    pub plan_line: usize,
    /// The lines of the plan that are opened field by field.
    pub plan_open: std::collections::BTreeSet<usize>,
}

impl Work {
    /// Since when something has been running: it is shown by the second.
    pub fn running_since(&self) -> impl Iterator<Item = Timestamp> {
        let sync = match &self.sync {
            SyncWork::Running(run) => Some(run.since),
            _ => None,
        };
        let plan = match &self.plan {
            PlanWork::Reading { since, .. } => Some(*since),
            _ => None,
        };
        let apply = match &self.apply {
            ApplyWork::Running { since, .. } => Some(*since),
            _ => None,
        };
        let deliveries = match &self.deliveries {
            DeliveryWork::Reading { since } => Some(*since),
            _ => None,
        };
        let tickets = match &self.tickets {
            TicketWork::Reading { since } => Some(*since),
            _ => None,
        };
        let escalate = match &self.escalate {
            EscalateWork::Running { since, .. } => Some(*since),
            _ => None,
        };
        let proof = match &self.proof {
            ProofWork::Running { since, .. } => Some(*since),
            _ => None,
        };
        let health = self.health_check.as_ref().map(|check| check.since);
        [sync, plan, apply, deliveries, tickets, escalate, proof, health].into_iter().flatten()
    }

    /// Forgets the plan and what came of it. What runs is never forgotten.
    pub fn forget_plan(&mut self) {
        self.plan = PlanWork::None;
        self.goal = Goal::Install;
        if !self.apply.is_running() {
            self.apply = ApplyWork::None;
        }
        self.plan_checks.clear();
        self.plan_read = None;
        self.plan_stale = false;
        self.freed = None;
        self.plan_shown = None;
        self.takes_over = false;
        self.plan_line = 0;
        self.plan_open.clear();
    }

    /// The objects or checks that the plan's screen lists.
    pub fn plan_rows(&self, apply: &ApplyWork) -> usize {
        match (apply, &self.plan) {
            // What was not begun keeps its row.
            (ApplyWork::Failed { .. }, PlanWork::Ready(plan)) => lines(plan).len() - plan.blocked.len(),
            (ApplyWork::Running { results, .. } | ApplyWork::Failed { results, .. }, _) => told(results).len(),
            (ApplyWork::Ended { report, .. }, _) => told(&report.results).len(),
            (ApplyWork::None, PlanWork::Ready(plan)) => lines(plan).len(),
            (ApplyWork::None, PlanWork::Refused(report)) => report_rows(report).len(),
            (ApplyWork::None, _) => 0,
        }
    }
}

/// A line of a plan.
#[derive(Clone, Debug)]
pub enum PlanLine<'a> {
    Blocked(&'a Blocked),
    Change(&'a Change),
    /// All that stays as it is, in one line.
    Kept(Vec<&'a Change>),
}

/// The lines of a plan: what cannot be done, what is done, and last what stays; folded where there is something to do.
pub fn lines(plan: &Plan) -> Vec<PlanLine<'_>> {
    let kept: Vec<&Change> = plan.kept().collect();
    let folds = plan.changes_pending() && kept.len() > 1;
    let blocked = plan.blocked.iter().map(PlanLine::Blocked);
    let mut lines: Vec<PlanLine<'_>> = blocked.chain(plan.pending().map(PlanLine::Change)).collect();
    match folds {
        true => lines.push(PlanLine::Kept(kept)),
        false => lines.extend(kept.into_iter().map(PlanLine::Change)),
    }
    lines
}

#[derive(Debug, Default)]
pub enum SyncWork {
    /// None since the start.
    #[default]
    None,
    Running(SyncRun),
    Ended(ConfigurationId, SyncEnd),
}

#[derive(Debug)]
pub struct SyncRun {
    pub id: ConfigurationId,
    pub since: Timestamp,
    pub progress: SyncProgress,
    /// When more was read last.
    pub read_at: Timestamp,
    /// Whose it is, where another program is at it and it is only followed here.
    pub other: Option<String>,
    /// Whether the person stopped it: it ends, and says how.
    pub stopping: bool,
}

#[derive(Debug)]
pub enum SyncEnd {
    Report(Box<SyncReport>),
    Failed(Failure),
    /// The person stopped it.
    Stopped {
        /// Clients read until then.
        read: u64,
    },
}

impl SyncWork {
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Whether one runs that ends with this program.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Running(run) if run.other.is_none())
    }

    /// The run, while it is of this configuration.
    pub fn run_of(&self, id: Option<&ConfigurationId>) -> Option<&SyncRun> {
        match self {
            Self::Running(run) if Some(&run.id) == id => Some(run),
            _ => None,
        }
    }

    /// How the last sync since the start ended, where it was of this configuration.
    pub fn end_of(&self, id: Option<&ConfigurationId>) -> Option<&SyncEnd> {
        match self {
            Self::Ended(of, end) if Some(of) == id => Some(end),
            _ => None,
        }
    }

    /// Whether a sync of this configuration was proved complete since the start.
    pub fn proved(&self, id: &ConfigurationId) -> bool {
        matches!(self.end_of(Some(id)), Some(SyncEnd::Report(report)) if report.proved)
    }
}

// No page of a Halo that answers takes so long at the rate at which clients are told by the second.
const STILL: jiff::SignedDuration = jiff::SignedDuration::from_secs(3);

impl SyncRun {
    /// Clients a second, once there is something to go by.
    pub fn rate(&self, now: Timestamp) -> Option<f64> {
        let seconds = now.duration_since(self.since).as_secs_f64();
        (seconds >= 1.0 && self.progress.clients_read > 0 && !self.stands_still(now))
            .then(|| self.progress.clients_read as f64 / seconds)
    }

    /// Whether nothing came in for longer than a page takes: what was read before tells nothing of what is left.
    pub fn stands_still(&self, now: Timestamp) -> bool {
        self.progress.silence.is_some() || now.duration_since(self.read_at) >= STILL
    }

    /// Seconds until the end, at this rate. A few pages tell none, and a wait for Halo's limit is told by itself: a guess
    /// beside it would only swing.
    pub fn seconds_left(&self, now: Timestamp) -> Option<u64> {
        const PAGES: u64 = 10;
        let waits = self.progress.waiting.is_some_and(|wait| !wait.one_by_one && wait.lasts(now));
        if waits || self.progress.pages < PAGES {
            return None;
        }
        let left = self.progress.clients_total?.checked_sub(self.progress.clients_read)?;
        Some((left as f64 / self.rate(now)?).ceil() as u64)
    }
}

/// Reading what Halo holds, and planning.
#[derive(Debug, Default)]
pub enum PlanWork {
    #[default]
    None,
    /// Running; the checks so far.
    Reading {
        since: Timestamp,
        /// The checks that are done.
        checks: Vec<Check>,
    },
    Ready(Plan),
    /// The check before it failed: nothing was written.
    Refused(CheckReport),
    /// It could not be made.
    Failed(Failure),
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Goal {
    /// To bring everything in.
    #[default]
    Install,
    /// To take out what Configure put there.
    Remove {
        parts: Parts,
        /// The configuration that becomes active afterwards, where that was asked for.
        then: Option<ConfigurationId>,
    },
    /// To undo the last run of Configure.
    RollBack,
    /// To give Halo a new callback token and password; the former ones stay good for an overlap.
    Rotate,
}

impl Goal {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Install => "Configure",
            Self::Remove { .. } => "Remove",
            Self::RollBack => "Roll back",
            Self::Rotate => "Rotate",
        }
    }

    /// Whether the id is typed before it is done: it deletes in Halo.
    pub fn wants_id(&self) -> bool {
        matches!(self, Self::Remove { .. } | Self::RollBack)
    }

    /// That a plan leaves nothing to do.
    pub fn nothing(&self) -> &'static str {
        match self {
            Self::Install => "Everything is in place. Nothing to do.",
            Self::Remove { then: Some(_), .. } => "Nothing is left in Halo. Ready to switch.",
            Self::Remove { .. } => "The selected parts are not in Halo. Nothing to do.",
            Self::RollBack => "There is no run of Configure to undo.",
            Self::Rotate => "No webhook of ours is in Halo. Nothing to do.",
        }
    }

    /// Whether it brings in.
    pub fn is_install(&self) -> bool {
        *self == Self::Install
    }

    /// The parts that are taken out.
    pub fn parts(&self) -> Option<Parts> {
        match self {
            Self::Remove { parts, .. } => Some(*parts),
            Self::Install | Self::RollBack | Self::Rotate => None,
        }
    }
}

/// Reading Halo's delivery log. What was read last is kept with the status.
#[derive(Debug, Default)]
pub enum DeliveryWork {
    #[default]
    None,
    Reading {
        since: Timestamp,
    },
    Read(Vec<Delivery>),
    /// It could not be read.
    Failed(Failure),
}

/// Reading the tickets on the Pia Board. What was read last is kept beside it.
#[derive(Debug, Default)]
pub enum TicketWork {
    #[default]
    None,
    Reading {
        since: Timestamp,
    },
    /// They could not be read.
    Failed(Failure),
}

/// Handing a ticket over to people.
#[derive(Debug, Default)]
pub enum EscalateWork {
    #[default]
    None,
    Running {
        id: ConfigurationId,
        ticket: i64,
        /// The note that goes along.
        note: Option<String>,
        since: Timestamp,
    },
    Done {
        id: ConfigurationId,
        words: String,
    },
    /// It was not done, or not all of it.
    Failed {
        id: ConfigurationId,
        ticket: i64,
        /// What is known of it, and why.
        unfinished: Unfinished,
    },
}

impl EscalateWork {
    pub fn id(&self) -> Option<&ConfigurationId> {
        match self {
            Self::None => None,
            Self::Running { id, .. } | Self::Done { id, .. } | Self::Failed { id, .. } => Some(id),
        }
    }
}

/// A test ticket that goes full circle.
#[derive(Debug, Default)]
pub enum ProofWork {
    #[default]
    None,
    Running {
        id: ConfigurationId,
        since: Timestamp,
        /// The stations so far.
        hops: Vec<HopReport>,
        /// Whether the person stopped it: the ticket is closed first.
        stopping: bool,
    },
    /// It has been round, or broke on the way.
    Ended { id: ConfigurationId, circle: FullCircle },
    /// Nothing could be tried.
    Failed { id: ConfigurationId, failure: Failure },
}

#[derive(Debug, Default)]
pub enum ApplyWork {
    #[default]
    None,
    Running {
        id: ConfigurationId,
        goal: Goal,
        since: Timestamp,
        /// When the first change was made: how long the others take is told by those before them.
        first: Option<Timestamp>,
        /// How many changes there are.
        total: usize,
        /// The checks before the first object that are done.
        checks: usize,
        /// Those that are done.
        results: Vec<ChangeResult>,
        /// Whether the person stopped it: the object in flight comes to its end.
        stopping: bool,
    },
    Ended {
        id: ConfigurationId,
        goal: Goal,
        report: Box<ConfigureReport>,
    },
    /// Ended with a failure.
    Failed {
        id: ConfigurationId,
        goal: Goal,
        failure: Failure,
        /// What was done until then.
        results: Vec<ChangeResult>,
    },
}

impl ApplyWork {
    pub fn id(&self) -> Option<&ConfigurationId> {
        match self {
            Self::None => None,
            Self::Running { id, .. } | Self::Ended { id, .. } | Self::Failed { id, .. } => Some(id),
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Whether it is coming to its end.
    pub fn is_stopping(&self) -> bool {
        matches!(self, Self::Running { stopping: true, .. })
    }

    /// What it is for; none where nothing was asked for.
    pub fn goal(&self) -> Option<&Goal> {
        match self {
            Self::None => None,
            Self::Running { goal, .. } | Self::Ended { goal, .. } | Self::Failed { goal, .. } => Some(goal),
        }
    }

    /// Whether it ended with everything in place.
    pub fn is_configured(&self) -> bool {
        matches!(self, Self::Ended { report, goal: Goal::Install, .. }
            if matches!(report.status, ConfigureStatus::Configured | ConfigureStatus::NothingToDo))
    }

    /// Whether it ended with everything done, whatever it was for.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Ended { report, .. } if report.status.is_complete())
    }
}

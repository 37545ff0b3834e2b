//! The rules that are judged from local data. Pure: time and facts are parameters.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Finding, Rule, State, aged, one_cause, reported};
use super::look::{
    ANSWERED, BY_SYNC, FAILED, NONE_FAILED, REMOVED, SET_CLOCK, allowed, cut_short, see_and, sight_not_told,
};
use crate::domain::calendar::{CLOCKS_APART, lies_ahead, rfc3339};
use crate::domain::configuration::Configuration;
use crate::domain::fields::FieldId;
use crate::domain::likeness::{did_you_mean, nearest, no_such};
use crate::domain::next::{Hint, Next};
use crate::domain::people::Agent;
use crate::domain::status::{DOES_NOT_ANSWER, NOT_IN_STORE, NOT_LOOKED, Status, Unanswered, Unrecorded};
use crate::domain::sync_run::{Sight, SyncStatus, confirm};
use crate::domain::untrusted::{Untrusted, same_name};

/// A sync a day, and time for its retries.
const SYNC_DUE: SignedDuration = SignedDuration::from_hours(26);

/// After two days without a sync the list is not to be relied on.
const SYNC_OLD: SignedDuration = SignedDuration::from_hours(50);

/// After so long without an event something may be wrong.
pub(super) const QUIET: SignedDuration = SignedDuration::from_hours(24);

/// What was seen longer ago is not known any more.
const STALE: SignedDuration = SignedDuration::from_hours(24 * 8);

/// How long a webhook may have nothing to deliver after it was installed.
pub const NEW: SignedDuration = SignedDuration::from_hours(24);

/// Below this the disk is worth a look.
const LITTLE_ROOM: u64 = 1 << 30;

/// Below this it is full before long.
const NO_ROOM: u64 = 100 << 20;

/// What is told where the settings were saved, and Configure has not run since.
pub const NOT_ALL_SAVED: &str = "what is saved here is not all in Halo";

/// Everything that the rules judge by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The moment of the judgement: ages count up to it.
    pub now: Timestamp,
    /// What is set.
    pub configuration: &'a Configuration,
    /// Where it stands.
    pub status: &'a Status,
}

/// A finding of every rule. Nothing is expected of a configuration that is not the active one.
pub fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.status.active {
        return Vec::new();
    }
    let known = &facts.status.known;
    let dismiss = |finding: Finding| {
        let cause = finding.cause();
        let dismissed = known.dismissed.iter().any(|(rule, known)| *rule == finding.rule && *known == cause);
        Finding { dismissed: dismissed && finding.is_issue(), told: None, ..finding }
    };
    let judged = Rule::ALL.map(|rule| facts.judge(rule)).to_vec();
    let judged = one_cause(judged);
    aged(&known.before, judged).into_iter().map(dismiss).collect()
}

pub(super) fn look() -> Hint {
    Hint::from("Check now: ").next(Next::Doctor)
}

fn sync() -> Hint {
    Hint::from("Sync now: ").next(Next::Sync)
}

pub(super) fn clean(text: &str) -> String {
    Untrusted::new(text).display()
}

/// What is said of a run that failed, once somebody has looked at what is in Halo.
/// What is said where Configure has never run.
pub const NOT_SET_UP: &str = "not set up in Halo yet";

/// What is said of the boards where no team can be read.
pub const NO_TEAM_READ: &str = "not known: no team can be read";

const LEFT_OPEN: &str = "none was interrupted; what the last one did not do is told under Objects in Halo and Owner";

impl Facts<'_> {
    fn judge(&self, rule: Rule) -> Finding {
        match rule {
            Rule::Credentials => self.credentials(),
            Rule::Halo => self.halo(),
            Rule::Rights => self.rights(),
            Rule::AgentRestricted => self.agent_restricted(),
            Rule::Boards => self.boards(),
            Rule::SettingsFiles => self.settings_files(),
            Rule::Service => self.service(),
            Rule::Clock => self.clock(),
            Rule::Disk => self.disk(),
            Rule::StoreLost => self.store_lost(),
            Rule::SyncAge => self.sync_age(),
            Rule::SyncHeld => self.sync_held(),
            Rule::SyncProved => self.sync_proved(),
            Rule::Interrupted => self.interrupted(),
            Rule::Owner if self.last(rule).is_some() => self.seen(rule),
            Rule::Drift | Rule::Owner if !self.is_configured() => {
                // What was taken out is not told as something that never was there, and what nobody has looked for neither.
                let integration = &self.status.integration;
                let (fact, next) = match integration.unrecorded {
                    _ if integration.was_configured => (REMOVED, "Set it up again: "),
                    Unrecorded::Nothing => (NOT_SET_UP, "Set it up: "),
                    Unrecorded::NotKnown => return Finding::new(rule, State::Unknown, NOT_LOOKED).next(look()),
                    Unrecorded::Something => {
                        return Finding::new(rule, State::Watch, NOT_IN_STORE).next(see_and("take them up again: "));
                    }
                };
                Finding::new(rule, State::Unknown, fact).next(Hint::from(next).next(Next::Configure))
            }
            Rule::Drift => self.drift(),
            Rule::WebhookOff => self.webhook_off(),
            Rule::Deliveries => self.deliveries(),
            Rule::Silence => self.silence(),
            Rule::Lag => self.lag(),
            Rule::Missed => self.missed(),
            Rule::NotUnderstood => self.not_understood(),
            Rule::Forwarding => self.forwarding(),
            Rule::Certificate if self.has_no_certificate() => Finding::well(rule, "no certificate is needed"),
            Rule::Rotation => self.rotation(),
            Rule::Notices => self.seen_by_service(rule).unwrap_or(Finding::well(rule, "none has failed")),
            Rule::EscalationNote => self.last(rule).cloned().unwrap_or(Finding::well(rule, "no note is missing")),
            _ => self.seen(rule),
        }
    }

    // Since when all is in Halo. A setting that waits for Re-configure takes nothing out of it.
    pub(super) fn installed_at(&self) -> Option<Timestamp> {
        let integration = &self.status.integration;
        let installed = || integration.objects.iter().map(|object| object.installed_at).max();
        integration.configured_at.or_else(installed)
    }

    pub(super) fn is_configured(&self) -> bool {
        self.status.integration.is_in_halo()
    }

    pub(super) fn last(&self, rule: Rule) -> Option<&Finding> {
        self.status.known.before.iter().find(|finding| finding.rule == rule)
    }

    pub(super) fn is_older(&self, moment: Timestamp, than: SignedDuration) -> bool {
        self.now.duration_since(moment) >= than
    }

    // What was last seen; what was good so long ago is not known to be so now.
    pub(super) fn seen(&self, rule: Rule) -> Finding {
        let Some(last) = self.last(rule).filter(|last| last.seen_at.is_some()) else {
            return Finding::new(rule, State::Unknown, "not checked yet").next(look());
        };
        self.known_at(last.seen_at, last.clone())
    }

    // What was good so long ago is not known to be so now, nor is what is dated ahead.
    pub(super) fn known_at(&self, at: Option<Timestamp>, found: Finding) -> Finding {
        match at.is_some_and(|at| self.is_older(at, STALE) || lies_ahead(self.now, at)) && found.state == State::Well {
            true => Finding { state: State::Unknown, next: Some(look()), ..found },
            false => found,
        }
    }

    fn credentials(&self) -> Finding {
        let rule = Rule::Credentials;
        if !self.status.known.has_secret {
            let fact = "there is no Client Secret for this configuration";
            return Finding::new(rule, State::Broken, fact).next(Hint::from("Store one: ").next(Next::SetupSecret));
        }
        if let Some(last) = self.last(rule).filter(|last| last.is_issue() && last.seen_at.is_some()) {
            return last.clone();
        }
        match self.status.steps.credentials {
            step if step.was_finished() => {
                let seen_at = self.last(rule).filter(|last| last.state == State::Well).and_then(|last| last.seen_at);
                // A sync has signed in, too.
                self.known_at(
                    seen_at.max(self.published_at()),
                    Finding { seen_at, ..Finding::well(rule, "accepted by Halo") },
                )
            }
            _ => Finding::new(rule, State::Watch, "saved, but not tested yet")
                .next(Hint::from("Test them: ").next(Next::Check)),
        }
    }

    // A sync that has succeeded since was answered, too; of two in one moment the worse is told.
    fn halo(&self) -> Finding {
        let silent = self.last(Rule::Halo).filter(|last| last.is_issue() && self.published_at() <= last.seen_at);
        let answered_at = self.last(Rule::Halo).and_then(|last| last.seen_at).max(self.published_at());
        silent.cloned().unwrap_or_else(|| self.known_at(answered_at, Finding::well(Rule::Halo, ANSWERED)))
    }

    fn rights(&self) -> Finding {
        let found = self.seen(Rule::Rights);
        let worked = self.published_at().is_some_and(|at| found.seen_at.is_some_and(|seen| at > seen));
        allowed(std::slice::from_ref(&found), BY_SYNC).filter(|_| worked).unwrap_or(found)
    }

    // A sync sees it too.
    fn agent_restricted(&self) -> Finding {
        let found = self.seen(Rule::AgentRestricted);
        let published = self.status.last_sync.as_ref().filter(|sync| sync.status.has_published());
        match published.map(|sync| (sync.restricted, sync)) {
            Some((Some(true), sync))
                if !found.is_issue() && found.seen_at.is_none_or(|seen| seen < sync.finished_at) =>
            {
                Finding::new(found.rule, State::Watch, "the agent sees chosen clients only, so Halo may have more")
                    .since(sync.finished_at)
                    .next("Set \"Allow use of all Customers/Clients\" of the agent or its role to Yes")
            }
            Some((None, _)) if found.state == State::Unknown => sight_not_told(),
            // Whose agent it is, only the next sync asks.
            _ if found.state == State::Unknown => Finding { object: None, ..found },
            _ => found,
        }
    }

    // The last sync that was stored; the run itself may be forgotten behind many that failed.
    pub(super) fn published_at(&self) -> Option<Timestamp> {
        published_at(self.status)
    }

    fn boards(&self) -> Finding {
        let (rule, screen, lists) = (Rule::Boards, &self.configuration.pia_screen, &self.status.known.lists);
        if !lists.are_known() {
            return Finding::new(rule, State::Unknown, "no sync has read the teams and agents yet").next(sync());
        }
        let is_team = |name: &str| lists.teams.iter().any(|team| !team.inactive && team.name.raw() == name);
        // Each name that is not known stands by itself, under the field that holds it.
        let mut unknown: Vec<(String, &str)> = Vec::new();
        let boards = [(FieldId::PiaBoard, &screen.pia_board), (FieldId::EscalationBoard, &screen.escalation_board)];
        // Where no team can be read, nobody knows whether theirs is there.
        let reads_teams = !lists.teams.is_empty();
        for (field, board) in boards.into_iter().filter(|(_, board)| reads_teams && !is_team(board)) {
            match unknown.iter_mut().find(|(_, known)| *known == board) {
                Some((fields, _)) => *fields = format!("{fields} and {}", field.info().label),
                None => unknown.push((field.info().label.to_owned(), board)),
            }
        }
        let names = || lists.teams.iter().filter(|team| !team.inactive).map(|team| team.name.raw());
        let meant = unknown.iter().find_map(|(_, board)| nearest(board, names())).map(did_you_mean);
        let mut gone: Vec<String> =
            unknown.iter().map(|(fields, board)| format!("{fields}: {}", no_such("team", board))).collect();
        let is_board = !gone.is_empty();
        let contact_is = FieldId::EscalateTo.info().label;
        if let Some(contact) = &screen.escalate_to {
            let name = clean(&contact.name);
            let agent = lists.agents.iter().find(|agent| agent.id == contact.agent_id && agent.assignable);
            let is_named = |agent: &&Agent| same_name(agent.name.raw(), &contact.name) || agent.name.display() == name;
            match agent {
                None => gone.push(format!("{contact_is}: tickets cannot be assigned to {name}")),
                Some(agent) if !is_named(&agent) => {
                    gone.push(format!("{contact_is}: {name} is called {} in Halo now", agent.name));
                }
                Some(_) => {}
            }
        }
        if gone.is_empty() && !reads_teams {
            let see = Hint::from("See what the agent lacks: ").next(Next::Check);
            return Finding { seen_at: lists.read_at, ..Finding::new(rule, State::Unknown, NO_TEAM_READ) }.next(see);
        }
        match gone.is_empty() {
            // As old as the lists, which a look at a Halo that does not answer cannot renew.
            true => Finding { seen_at: lists.read_at, ..Finding::well(rule, "all found in Halo") }
                .since(self.published_at()),
            false => Finding { seen_at: lists.read_at, ..Finding::new(rule, State::Watch, gone.join("; ")) }
                .about(gone.join("; "))
                .next(match (is_board, gone.len(), meant) {
                    (true, _, Some(meant)) => format!("{meant} Choose it in the settings"),
                    (false, ..) => "Choose another agent in Pia Escalate To".to_owned(),
                    (true, ..) if self.last(Rule::AgentRestricted).is_some_and(Finding::is_issue) => {
                        "Make the agent a member of that team in Halo, or choose another in the settings".to_owned()
                    }
                    (true, 1, None) => "Create it in Halo, or choose another in the settings".to_owned(),
                    (true, _, None) => "Create them in Halo, or choose others in the settings".to_owned(),
                }),
        }
    }

    fn settings_files(&self) -> Finding {
        let rule = Rule::SettingsFiles;
        match &self.status.known.settings {
            None => match self.configuration.unreachable() {
                Some(why) => Finding::new(rule, State::Broken, format!("the Pia Url is {why}"))
                    .next("Set Pia Url in the Integration section"),
                None => Finding::well(rule, "private and readable"),
            },
            Some((why, next)) => {
                Finding { next: next.clone().map(Hint::from), ..Finding::new(rule, State::Broken, clean(why)) }
            }
        }
    }

    fn service(&self) -> Finding {
        let (rule, service) = (Rule::Service, &self.status.service);
        match service.unanswered {
            Some(Unanswered::Silent) => return self.silent(),
            Some(Unanswered::NotAsked) => {
                let fact = "its process is there; whether it answers is not known";
                let next = "It is on another machine, or was started by an older version: restart it there";
                return Finding::new(rule, State::Unknown, fact).next(next);
            }
            None if service.running => {
                return self.spooled().unwrap_or_else(|| Finding::well(rule, "running").since(service.since));
            }
            None => {}
        }
        let start = self.start("Start it: ".to_owned());
        let is_fresh = self.published_at().is_some_and(|at| !self.is_older(at, SYNC_DUE));
        let unrecorded = self.status.integration.unrecorded;
        match self.is_configured() || unrecorded == Unrecorded::Something {
            true => Finding::new(rule, State::Broken, "not running, so Halo's callbacks do not arrive").next(start),
            false if is_fresh && self.status.service.timer => {
                Finding::well(rule, "not needed before Configure: a timer runs the daily sync")
            }
            false if is_fresh && unrecorded == Unrecorded::NotKnown => {
                Finding::new(rule, State::Unknown, "not running; whether Halo has callbacks for it is not known")
                    .next(start)
            }
            // Halo calls nobody yet; nothing is green that does not run.
            false if is_fresh => {
                Finding::new(rule, State::Unknown, "not running; needed once Configure has run").next(start)
            }
            false => Finding::new(rule, State::Watch, "not running, so there is no daily sync").next(start),
        }
    }

    // What the service has, and the store has not.
    fn spooled(&self) -> Option<Finding> {
        let (rule, spool) = (Rule::Service, &self.status.service.spool);
        if let Some(waits) = spool.waits() {
            let next = "Check the PostgreSQL: they are stored in their order once it takes them";
            return Some(Finding::new(rule, State::Watch, waits).about("spool").since(spool.since).next(next));
        }
        let next =
            Hint::from("They are tried again when the service is restarted; to see them, and why: ").next(Next::Spool);
        spool.refused().map(|refused| Finding::new(rule, State::Watch, refused).about("refused").next(next))
    }

    // Its process is there, and stopped or stuck.
    fn silent(&self) -> Finding {
        let (state, lost) = match self.is_configured() {
            true => (State::Broken, "Halo's callbacks do not arrive"),
            false => (State::Watch, "no daily sync"),
        };
        let process = self.status.service.process.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        Finding::new(Rule::Service, state, format!("{DOES_NOT_ANSWER}: {lost}"))
            .about(DOES_NOT_ANSWER)
            .next(self.start(format!("Stop it{process}, then start it: ")))
    }

    fn start(&self, before: String) -> Hint {
        let start = Hint::from(before).next(Next::Serve);
        if self.status.known.has_unit { start.text(", or its systemd unit") } else { start }
    }

    // The last delivery knows best: it was sent after it happened.
    fn clock(&self) -> Finding {
        let rule = Rule::Clock;
        let lag = self.status.service.last_lag_ms.map(SignedDuration::from_millis);
        if lag.is_some_and(|lag| lag <= -CLOCKS_APART) {
            let fact = "the last event arrived before it happened: one of the clocks is wrong";
            return Finding::new(rule, State::Watch, fact).since(self.status.service.last_event_at).next(SET_CLOCK);
        }
        let checked = self.status.known.before.iter().filter_map(|finding| finding.seen_at);
        if checked.chain(self.published_at()).any(|at| lies_ahead(self.now, at)) {
            let fact = "the last check is dated in the future: a clock was set back, or is wrong";
            return Finding::new(rule, State::Watch, fact).next(SET_CLOCK);
        }
        self.seen(rule)
    }

    fn disk(&self) -> Finding {
        let rule = Rule::Disk;
        let Some(free) = self.status.known.free else {
            return Finding::new(rule, State::Unknown, "the free disk space is unknown");
        };
        let (state, room) = match free {
            free if free < NO_ROOM => (State::Broken, "less than 100 MiB free"),
            free if free < LITTLE_ROOM => (State::Watch, "less than 1 GiB free"),
            _ => return Finding::well(rule, "enough free space"),
        };
        let (of, what) = match self.status.store {
            None => ("the store", "the store is"),
            Some(_) => ("this host", "its files are"),
        };
        Finding::new(rule, state, format!("{room} on the disk of {of}"))
            .next(Hint::from(format!("Free some disk space. To see where {what}: ")).next(Next::ConfigPath))
    }

    fn sync_age(&self) -> Finding {
        let (rule, runs) = (Rule::SyncAge, &self.status.known.runs);
        let Some(at) = self.published_at() else {
            // A second one beside it is refused.
            if let Some(holder) = &self.status.known.syncing {
                return Finding::new(rule, State::Unknown, format!("the first sync is under way: {}", clean(holder)));
            }
            return Finding::new(rule, State::Watch, "no successful sync yet").next(sync());
        };
        let failed = runs.first().filter(|run| run.status == SyncStatus::Failed);
        let why = failed.and_then(|run| run.warnings.last()).map(|why| format!(": {}", clean(why)));
        let why = why.unwrap_or_default();
        if self.is_older(at, SYNC_OLD) {
            return Finding::new(rule, State::Broken, format!("no sync for more than two days{why}"))
                .about(rfc3339(at))
                .since(at)
                .next(sync());
        }
        if let Some(failed) = failed {
            let next =
                Hint::from("Fix the cause, then ").next(Next::Sync).text("; the service also retries automatically");
            return Finding::new(rule, State::Watch, format!("the last sync failed{why}"))
                .about(format!("{FAILED} after {at}"))
                .since(failed.finished_at)
                .next(next);
        }
        match self.is_older(at, SYNC_DUE) {
            true => {
                let old = Finding::new(rule, State::Watch, "no sync for more than a day");
                old.about(rfc3339(at)).since(at).next(sync())
            }
            // The list is the one of that sync, and what came to nothing after it is not passed over.
            false => match runs.first().filter(|run| run.status == SyncStatus::Interrupted) {
                Some(run) => cut_short(run).since(at).next(sync()),
                None => Finding::well(rule, "last successful sync").since(at),
            },
        }
    }

    fn sync_held(&self) -> Finding {
        let rule = Rule::SyncHeld;
        match self.status.known.runs.first().filter(|run| run.status == SyncStatus::NeedsConfirmation) {
            None => Finding::well(rule, "no sync is waiting for confirmation"),
            Some(run) => {
                let why = run.warnings.last().map(|why| format!(": {}", clean(why))).unwrap_or_default();
                Finding::new(rule, State::Broken, format!("the sync is on hold{why}"))
                    .about(rfc3339(run.finished_at))
                    .since(run.finished_at)
                    .next(confirm("check the agent's permissions in Halo, and Clients Served"))
            }
        }
    }

    fn sync_proved(&self) -> Finding {
        let rule = Rule::SyncProved;
        match self.status.known.runs.iter().find(|run| run.status.has_published()) {
            None if self.published_at().is_some() => {
                Finding::new(rule, State::Unknown, "the last good sync is too long ago").next(sync())
            }
            None => Finding::new(rule, State::Unknown, "no sync yet").next(sync()),
            Some(run) if run.proved => {
                let well = Finding::well(rule, "the last sync was proved complete").since(run.finished_at);
                // All that this agent sees: whether Halo has more is told of the agent.
                let is_part = matches!(run.sight(), Some(Sight::Chosen | Sight::NotTold));
                let is_open = is_part && self.agent_restricted().state != State::Well;
                if is_open { reported(&well, Rule::AgentRestricted) } else { well }
            }
            Some(run) => {
                // Numbers that agree are not the reason.
                let agree = run.halo_count == Some(run.stored);
                let why = run.warnings.last().filter(|_| agree).map_or_else(|| run.proof(), |why| clean(why));
                Finding::new(rule, State::Watch, format!("the last sync was not proved complete: {why}"))
                    .about(rfc3339(run.finished_at))
                    .since(run.finished_at)
                    .next(Hint::from("See that run: ").next(Next::History).text("; try again: ").next(Next::Sync))
            }
        }
    }

    fn interrupted(&self) -> Finding {
        let rule = Rule::Interrupted;
        match self.status.integration.unfinished {
            0 => {
                // Written down, it holds until another run.
                let left = |last: &Finding| last.fact == LEFT_OPEN || last.is_issue() && last.seen_at.is_some();
                let well = match self.last(rule).is_some_and(left) {
                    true => LEFT_OPEN,
                    false => NONE_FAILED,
                };
                self.failed_run().unwrap_or(Finding::well(rule, well))
            }
            count => {
                let writes = if count == 1 { "a write".to_owned() } else { format!("{count} writes") };
                let fact = format!("a run was interrupted: the result of {writes} is unknown");
                // A take-over that was cut is finished by itself alone.
                let is_elsewhere = self.last(Rule::Owner).is_some_and(Finding::is_issue);
                let next = Hint::from("Finish it: ");
                let next = match is_elsewhere {
                    true => next.next(Next::TakeOver),
                    false => next.next(Next::Configure).text("; undo it: ").next(Next::RollBack),
                };
                Finding::new(rule, State::Broken, fact).about(count.to_string()).next(next)
            }
        }
    }

    // How the last run ended that did not do everything. Whoever has looked at what is in Halo since then knows it better; why
    // Halo has refused an object, a look does not tell while that is missing.
    pub(super) fn failed_run(&self) -> Option<Finding> {
        let failed = self.last(Rule::Interrupted).filter(|last| last.is_issue() && last.seen_at.is_some())?;
        // That Halo did not answer is no look.
        let is_refused = failed.object.as_deref().is_some_and(|object| object.starts_with(FAILED));
        let is_told = |drift: &Finding| drift.state == State::Well || drift.is_issue() && !is_refused;
        let is_look = |drift: &Finding| is_told(drift) && drift.seen_at > failed.seen_at;
        let is_seen_since = self.is_configured() && self.last(Rule::Drift).is_some_and(is_look);
        (!is_seen_since).then(|| failed.clone())
    }

    fn has_no_certificate(&self) -> bool {
        !needs_certificate(self.configuration)
    }

    fn rotation(&self) -> Finding {
        let rule = Rule::Rotation;
        match self.status.integration.rotation.under_way {
            false => Finding::well(rule, "no rotation in progress"),
            true => Finding::new(rule, State::Watch, "not finished: the old and the new token both work")
                .next(Hint::from("Finish it: ").next(Next::Rotate)),
        }
    }
}

fn published_at(status: &Status) -> Option<Timestamp> {
    let run = status.known.runs.iter().find(|run| run.status.has_published()).map(|run| run.finished_at);
    run.or(status.known.published_at)
}

/// When time alone changes a finding next: the age of the last sync, and how long no event has come in.
pub fn next_judgement(status: &Status, now: Timestamp) -> Option<Timestamp> {
    let sync = published_at(status);
    let event = status.service.last_event_at.or(status.integration.configured_at).filter(|_| status.service.running);
    let event = event.map(|event| status.service.since.map_or(event, |since| event.max(since)));
    let due = [(sync, SYNC_DUE), (sync, SYNC_OLD), (event, QUIET)];
    let moment = |(since, age): (Option<Timestamp>, SignedDuration)| since?.checked_add(age).ok();
    due.into_iter().filter_map(moment).filter(|moment| *moment > now).min()
}

/// Whether a certificate at Pia's address matters: a Halo on this machine, the simulated one, asks for none.
pub fn needs_certificate(configuration: &Configuration) -> bool {
    let url = configuration.integration.pia_url.as_ref();
    url.is_some_and(|url| url.is_encrypted()) && !configuration.api.url.is_loopback()
}

//! The service: without it nothing that was set up runs.

use jiff::Timestamp;

use super::Phrase;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::status::{DOES_NOT_ANSWER, ServiceStatus};
use crate::domain::untrusted::Untrusted;

/// The last step of the set-up.
pub const START: &str = "Start the service";

/// That it does not run, as a part of a sentence.
pub const STOPPED: &str = "the service is not running";

/// That it does not work, as a part of a sentence.
pub fn idle(service: &ServiceStatus) -> String {
    if service.is_silent() { format!("the service {DOES_NOT_ANSWER}") } else { STOPPED.to_owned() }
}

/// What is said at its start of a command that nobody can be told by.
pub fn no_notices(program: &str) -> String {
    let program = Untrusted::new(program).display();
    format!("problems are told to nobody: the notify command {program} is not there, or is no program")
}

/// What is said at its start where no sync could begin.
pub fn refused(failure: &Failure) -> String {
    let next = failure.hint.as_ref().map(|hint| format!(". {hint}")).unwrap_or_default();
    format!("no daily sync can begin until this is mended: {failure}{next}")
}

/// What is missing while it does not work.
pub fn needed(service: Option<&ServiceStatus>) -> String {
    let how = if service.is_some_and(ServiceStatus::is_silent) { DOES_NOT_ANSWER } else { "is not running" };
    format!("It {how}: no daily sync, and Halo's callbacks do not arrive.")
}

pub const RUNS: &str = "The service is running: it runs the daily sync and receives Halo's callbacks.";

/// What comes after the installation where the account of the service has no settings yet.
pub fn set_up_next() -> String {
    format!("Next, set it up as the account it runs as: sudo -u pia-halo -H {}", Next::Wizard)
}

/// What runs the daily sync where no service does.
pub const BY_TIMER: &str = "by pia-halo-sync.timer, at its own time";

/// The service does not run, and a timer syncs in its place.
pub const ONLY_TIMER: &str = "stopped: Halo's callbacks do not arrive. pia-halo-sync.timer runs the daily sync.";

/// When the daily sync comes next. Where nothing runs it, none is promised.
pub fn next_run(time: DailySyncTime, status: Option<&ServiceStatus>, now: Timestamp) -> String {
    match status {
        Some(service) if service.running => time.next_run_line(now),
        Some(service) if service.timer => format!("run {BY_TIMER}"),
        _ => "runs every day while the service is running".to_owned(),
    }
}

/// What the service does from now on, told to whoever starts it by hand. Of the address that events go to its origin: the
/// rest may hold a key.
pub fn serving(time: Option<DailySyncTime>, forwards_to: Option<&str>, now: Timestamp) -> [String; 3] {
    let forwards = forwards_to.map_or_else(|| "forwards no events".to_owned(), |to| format!("forwards events to {to}"));
    [daily(time, now), forwards, "Ctrl-C stops it".to_owned()]
}

/// When it runs the daily sync; without an active configuration, what it waits for.
pub fn daily(time: Option<DailySyncTime>, now: Timestamp) -> String {
    match time {
        Some(time) => format!("daily sync: {}", time.next_run_line(now)),
        None => "no active configuration yet: it begins as soon as one is".to_owned(),
    }
}

/// What it does beside the services of other hosts: none where it leads, otherwise who does.
pub fn leads(leader: Option<&str>) -> String {
    match leader {
        None => "leads: the daily sync, forwarding and repairs are done here".to_owned(),
        Some(leader) => format!("stands by: it receives callbacks, and takes over where the leader is lost ({leader})"),
    }
}

/// That it has stopped, told to whoever stopped it.
pub const ENDED: &str = "stopped: no daily sync, and no callbacks until it runs again";

/// What to do where it does not run.
pub fn start(systemd: bool) -> Phrase {
    if systemd { Phrase::default().next(&Next::InstallService) } else { Phrase::from("Start ").next(&Next::Serve) }
}

/// The commands that start it, each with what it is for.
pub fn commands(systemd: bool) -> Vec<(String, &'static str)> {
    if !systemd {
        return vec![(Next::Serve.to_string(), "until Ctrl-C; no systemd here: let your supervisor keep it running")];
    }
    vec![
        (format!("sudo {}", Next::InstallService), "permanently, under systemd"),
        (Next::Serve.to_string(), "by hand, until Ctrl-C"),
    ]
}

//! The service: without it nothing that was set up runs.

use jiff::Timestamp;

use super::Phrase;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::next::Next;
use crate::domain::status::ServiceStatus;

/// The last step of the set-up.
pub const START: &str = "Start the service";

/// That it does not run, as a part of a sentence.
pub const STOPPED: &str = "the service is not running";

pub const NEEDED: &str = "It is not running: no daily sync, and Halo's callbacks are lost.";

pub const RUNS: &str = "The service is running: it runs the daily sync and receives Halo's callbacks.";

/// What comes after the installation where the account of the service has no settings yet.
pub fn set_up_next() -> String {
    format!("Next, set it up as the account it runs as: sudo -u pia-halo -H {}", Next::Wizard)
}

/// What runs the daily sync where no service does.
pub const BY_TIMER: &str = "by pia-halo-sync.timer, at its own time";

/// The service does not run, and a timer syncs in its place.
pub const ONLY_TIMER: &str = "stopped: Halo's callbacks are lost. pia-halo-sync.timer runs the daily sync.";

/// When the daily sync comes next. Where nothing runs it, none is promised.
pub fn next_run(time: DailySyncTime, status: Option<&ServiceStatus>, now: Timestamp) -> String {
    match status {
        Some(service) if service.running => time.next_run_line(now),
        Some(service) if service.timer => format!("run {BY_TIMER}"),
        _ => "runs every day while the service is running".to_owned(),
    }
}

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

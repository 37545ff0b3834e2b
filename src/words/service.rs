//! The service: without it nothing that was set up runs.

use crate::domain::next::Next;

/// The last step of the set-up.
pub const START: &str = "Start the service";

pub const NEEDED: &str = "It is not running: no daily sync, and Halo's callbacks are lost.";

pub const RUNS: &str = "The service is running: it runs the daily sync and receives Halo's callbacks.";

/// The commands that start it, each with what it is for.
pub fn commands() -> [(String, &'static str); 2] {
    [
        (format!("sudo {}", Next::InstallService), "permanently, under systemd"),
        (Next::Serve.to_string(), "by hand, until Ctrl-C"),
    ]
}

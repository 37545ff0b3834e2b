//! The service: without it nothing of what was set up runs.

/// The last step of the set-up.
pub const START: &str = "Start the service";

/// Why it is needed.
pub const NEEDED: &str = "It does not run: no daily sync, and Halo's callbacks are lost.";

/// That it runs.
pub const RUNS: &str = "The service runs: daily sync and Halo's callbacks are taken care of.";

/// The commands that start it, each with what it is for.
pub const COMMANDS: [(&str, &str); 2] = [
    ("systemctl enable --now pia-halo", "for good, as root; the README has the unit"),
    ("pia-halo serve", "by hand, until Ctrl-C"),
];

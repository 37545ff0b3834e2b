//! The command line: what can be asked for, and how it explains itself.

mod kept;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCandidates, CompletionCandidate, Shell};

pub use self::kept::{
    Backup, Config, Copy, Delete, PageFormat, Report, Restore, Service, Show, Spool, Store, StoreKey, StoreStatus,
    Support,
};

use crate::domain::configuration::ConfigurationId;
use crate::domain::health::Rule;
use crate::domain::rotation::Overlap;

/// Connect Halo PSA to Pia: credentials, company sync, webhooks and the Pia Chat Pod.
#[derive(Debug, Parser)]
#[command(name = "pia-halo", version, long_version = super::version::lines(), about, disable_help_subcommand = true, max_term_width = 100)]
pub struct Arguments {
    /// What to do; without a command, the terminal interface.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options that every command takes.
    #[command(flatten)]
    pub everywhere: Everywhere,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Everywhere {
    /// Which configuration; the active one by default
    #[arg(long, global = true, value_name = "ID", add = ArgValueCandidates::new(super::completing::configurations))]
    pub configuration: Option<ConfigurationId>,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results only, no progress and no messages
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No colour (also NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Questions and plain lines instead of screens, without colour; the default if TERM=dumb
    #[arg(long, global = true)]
    pub plain: bool,
    /// More detail on standard error; -vv shows every request
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// An address to listen on; `localhost` is this machine's.
fn place(text: &str) -> Result<SocketAddr, String> {
    let numbers = match text.rsplit_once(':') {
        Some((name, port)) if name.eq_ignore_ascii_case("localhost") => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    numbers.parse().map_err(|_| "an address and a port are needed: such as 127.0.0.1:8477".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try the program against a simulated Halo; your own files are not touched
    Demo(Demo),
    /// Save a configuration without the wizard; with --plain, the wizard as questions
    Setup(Setup),
    /// Test the connection and the permissions that later steps need; changes nothing without --full-circle
    ///
    /// With --full-circle, once you confirm: creates a ticket on the Pia Board, follows its event through Halo's log to
    /// the running service and on to Pia, and closes the ticket. Exit code 0: the event arrived; 1: it did not, and
    /// the output shows where it stopped; 3: it arrived, but the ticket could not be closed.
    Check(Check),
    /// Run the company sync now
    Sync(Sync),
    /// Print the synced client list, offline
    Clients(Clients),
    /// List the last company syncs, or what one of them changed
    History(History),
    /// Show what Configure would change in Halo; changes nothing
    Plan,
    /// Install or repair webhooks, events, the Pia Chat Pod tab and its links
    #[command(visible_alias = "reconfigure")]
    Configure(Configure),
    /// Remove from Halo what Configure created
    Remove(Remove),
    /// Replace the callback token and password of the webhooks; the old ones keep working for a while
    ///
    /// Halo sends the new ones as soon as this is done. Until the overlap ends the old ones are accepted as well, so no
    /// event is lost. If it is interrupted, the next run finishes with the same token. A running service picks up the
    /// change by itself.
    Rotate(Rotate),
    /// Check in Halo's delivery log whether callbacks arrive; changes nothing
    ///
    /// Exit code 0: the last delivery of each webhook succeeded; 3: at least one needs attention, and the output says why.
    /// Halo's API cannot send a test event. To test, create a ticket in Halo and change its status.
    Deliveries,
    /// Show who did what and when, and verify the audit trail
    ///
    /// Each line of the trail contains the hash of the previous one, and a file next to the store records its end. A
    /// changed, removed or inserted line is detected, also at the end, and the exit code is 1. Keep a copy of the
    /// final hash elsewhere: with --expect, you can tell later whether both files were recreated.
    Audit(Audit),
    /// Put a month on one page: syncs, clients gained and lost, changes in Halo, events, escalations, and who did it
    ///
    /// Offline: of what is kept here. The last 100 syncs are kept, events for 30 days, the audit trail for good. The page
    /// is one file that loads nothing, and holds no secret.
    Report(Report),
    /// Show the current state, offline
    Status(Status),
    /// Check everything and show one line per health rule with its next step; queries Halo, changes nothing
    ///
    /// Exit code 0: no issues; 3: something needs attention; 4: credentials or permissions refused by Halo; 5: Halo not
    /// reached.
    Doctor(Doctor),
    /// Show what needs attention, offline: cause, age and next step; an issue disappears once it is fixed
    Issues(Issues),
    /// Run the daily sync and receive Halo's callbacks, until interrupted
    Serve(Serve),
    /// List the received callbacks
    Events(Events),
    /// List the open tickets on the Pia Board
    Tickets,
    /// Move a ticket to the Pia Escalation Board and give it to Pia Escalate To
    Escalate(Escalate),
    /// Make a configuration the active one
    Activate(Activate),
    /// Deactivate the active configuration
    Deactivate,
    /// Show, edit or delete settings; secrets are masked
    #[command(subcommand)]
    Config(Config),
    /// Manage the database of clients, runs and events
    #[command(subcommand)]
    Store(Store),
    /// Install the service under systemd, show its state, or remove it
    #[command(subcommand)]
    Service(Service),
    /// Collect versions, settings, check, status, plan, syncs and log into one file for support, without secrets
    ///
    /// Queries Halo. Every file is shown before it is written. Deliveries that were not understood are included with
    /// the names of their JSON members only, without values.
    Support(Support),
    /// Write settings, store and audit trail into one file, while the service runs
    ///
    /// With --with-secrets, also the secrets, encrypted with age. The passphrase is asked for on the terminal, or read
    /// from --passphrase-file; it is never an argument. `age --decrypt` can decrypt them, too.
    Backup(Backup),
    /// Restore a backup, completely or not at all; stop the service first
    ///
    /// Every file and table is verified before anything changes. Existing data is replaced only after you type
    /// yes; the previous settings, store and audit trail are kept in a folder next to the store.
    Restore(Restore),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page of a command
    Man(Man),
    /// Explain a command or a topic
    Help {
        /// A command, or a topic: exit-codes, environment, files, rights
        #[arg(value_name = "COMMAND|TOPIC")]
        about: Vec<String>,
    },
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The command; without it, the page of the program
    #[arg(conflicts_with = "output")]
    pub command: Vec<String>,
    /// Write every page into this folder, one file a command
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run only the simulated Halo, until interrupted
    #[arg(long)]
    pub serve: bool,
    /// Number of clients
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub clients: usize,
    /// Seed for the generated data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Delay of each answer, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub latency_ms: u64,
    /// Request limit: requests per number of seconds; 0 for none
    #[arg(long, value_name = "REQUESTS/SECONDS", default_value_t = crate::demo::RateLimit::PUBLISHED)]
    pub rate_limit: crate::demo::RateLimit,
    /// Address to listen on; loopback only
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = place)]
    pub listen: SocketAddr,
    /// Faults to simulate, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(faults))]
    pub fault: Vec<crate::demo::Fault>,
    /// List the faults with what each one simulates
    #[arg(long, conflicts_with_all = ["serve", "clients", "seed", "latency_ms", "rate_limit", "listen", "fault"])]
    pub list_faults: bool,
}

fn faults() -> Vec<CompletionCandidate> {
    crate::demo::Fault::all().map(|fault| CompletionCandidate::new(fault.name())).collect()
}

/// Options of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// A file with the answers, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub answers: Option<PathBuf>,
    /// One answer by its key in an answers file, such as company_sync.daily_sync_time=04:30; may be repeated, and overrides
    /// the file's
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// File with the Client Secret, or - for standard input; without answers, replaces the Client Secret of the saved
    /// configuration once the new one has passed the test
    #[arg(long, value_name = "FILE|-")]
    pub client_secret_file: Option<PathBuf>,
    /// Make it the active configuration
    #[arg(long)]
    pub activate: bool,
    /// Test the connection first, and save nothing if that fails
    #[arg(long)]
    pub test: bool,
    /// Print a commented answers file and exit
    #[arg(long, conflicts_with_all = ["answers", "set", "activate", "test", "client_secret_file"])]
    pub print_template: bool,
    /// Switch from the active configuration without asking
    #[arg(long, short)]
    pub yes: bool,
}

/// The option of what asks before it goes on.
#[derive(Debug, Args)]
pub struct Yes {
    /// Answer yes without asking
    #[arg(long, short)]
    pub yes: bool,
}

/// The option of what only the owner of a configuration does.
#[derive(Debug, Args)]
pub struct TakeOver {
    /// Take the configuration over from the machine that owns it
    #[arg(long)]
    pub take_over: bool,
}

/// Options of `sync`.
#[derive(Debug, Args)]
pub struct Sync {
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
    /// How progress is shown on standard error; lines where that is no terminal
    #[arg(long, value_enum, value_name = "FORM")]
    pub progress: Option<Progress>,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// A line every ten seconds
    Lines,
    /// One JSON object per line, at most one a second
    Json,
    /// Not at all
    None,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Print every permission that is needed, when, and where to set it in Halo; automatic if one is missing
    #[arg(long, conflicts_with = "full_circle")]
    pub rights: bool,
    /// Create a ticket, follow its event all the way, and close it again
    #[arg(long)]
    pub full_circle: bool,
    /// How long to wait for the event
    #[arg(long, value_name = "SECONDS", default_value_t = crate::domain::full_circle::PATIENCE.as_secs(), requires = "full_circle")]
    pub timeout: u64,
    /// Answer yes without asking
    #[arg(long, short, requires = "full_circle")]
    pub yes: bool,
}

/// Options of `configure`.
#[derive(Debug, Args)]
pub struct Configure {
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
    /// Continue with the stored clients even though no sync has proved the list complete
    #[arg(long, conflicts_with_all = ["roll_back", "manual"])]
    pub unproved: bool,
    /// Undo the last run of Configure
    #[arg(long)]
    pub roll_back: bool,
    /// Take over objects that have our names but were not created by this configuration (see `pia-halo plan`); without ids, all
    #[arg(long, value_name = "ID", num_args = 0.., value_delimiter = ',', conflicts_with_all = ["roll_back", "manual"])]
    pub adopt: Option<Vec<String>>,
    /// Print the steps and values for doing it by hand, including the callback token and password
    #[arg(long, conflicts_with_all = ["roll_back", "yes", "take_over"])]
    pub manual: bool,
    /// Print these secrets even if standard output is not a terminal
    #[arg(long, requires = "manual")]
    pub show_secrets: bool,
    /// Whose the configuration may be.
    #[command(flatten)]
    pub owner: TakeOver,
}

/// Options of `remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
    /// Only these parts
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Show what would be removed, and change nothing
    #[arg(long, conflicts_with_all = ["yes", "take_over"])]
    pub plan: bool,
    /// Print the steps for doing it by hand
    #[arg(long, conflicts_with_all = ["yes", "plan", "take_over"])]
    pub manual: bool,
    /// Delete the stored Client Secret and callback secrets afterwards, once Halo no longer uses them
    #[arg(long, conflicts_with_all = ["only", "plan", "manual"])]
    pub forget_secrets: bool,
    /// Whose the configuration may be.
    #[command(flatten)]
    pub owner: TakeOver,
}

/// Options of `rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
    /// How long the old token and password keep working: 90m, 24h, 7d; 0 refuses them at once
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub overlap: Overlap,
    /// Rotate even if the last overlap is not over; this ends it
    #[arg(long)]
    pub end_overlap: bool,
    /// Whose the configuration may be.
    #[command(flatten)]
    pub owner: TakeOver,
}

/// What can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The webhooks with their events
    Webhooks,
    /// The Pia Chat Pod tab with its links
    ChatPod,
    /// The links from ticket types to the tab, but not the tab
    Links,
}

/// Options of `clients`.
#[derive(Debug, Args)]
pub struct Clients {
    /// Output format
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Only clients whose name, site, top level or id matches, as in the search of the Clients pane
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only clients with this status
    #[arg(long, value_enum, default_value_t = ClientStatus::Active)]
    pub status: ClientStatus,
    /// Sort order
    #[arg(long, value_enum, default_value_t = Sort::Name)]
    pub sort: Sort,
    /// Print at most N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only clients changed by a sync after this run (see `pia-halo history`), whatever their status
    #[arg(long, value_name = "RUN", conflicts_with = "status", add = ArgValueCandidates::new(super::completing::runs))]
    pub changed_since: Option<u64>,
    /// Queue the whole list for pia-halo serve --forward-to
    #[arg(long, conflicts_with_all = ["format", "search", "status", "sort", "limit", "changed_since"])]
    pub forward: bool,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// The number of a run, to show what it changed; without it, the runs are listed
    #[arg(value_name = "RUN", add = ArgValueCandidates::new(super::completing::runs))]
    pub run: Option<u64>,
    /// Output format
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Print at most N
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An array
    Json,
    /// Comma-separated values, with a header line; a control character is written as ^I, a line separator as a mark
    Csv,
    /// One JSON object per line
    Ndjson,
    /// Columns
    Table,
}

/// Options of `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Number of lines to print, the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Only verify the trail; print no entries
    #[arg(long, conflicts_with = "limit")]
    pub verify: bool,
    /// A hash noted earlier that must be in the trail
    #[arg(long, value_name = "HASH")]
    pub expect: Option<String>,
}

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientStatus {
    /// In use
    Active,
    /// Kept but not used
    Disabled,
    /// Left out by Clients Served
    LeftOut,
    /// First seen by the last sync
    New,
    /// Changed, disabled or returned in the last sync
    Changed,
    /// In use, with a name that differs from another only in case, width or accents
    Conflicting,
    /// All of them
    All,
}

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// By name
    Name,
    /// By Halo's id
    Id,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Exit with code 8 if something needs attention; pia-halo issues shows what
    #[arg(long)]
    pub exit_code: bool,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Do not contact Halo; use only what is stored here
    #[arg(long)]
    pub offline: bool,
}

/// Options of `issues`.
#[derive(Debug, Args)]
pub struct Issues {
    /// What to do with an issue; without it, the issues are listed
    #[command(subcommand)]
    pub what: Option<Issue>,
}

/// What can be done about an issue.
#[derive(Debug, Subcommand)]
pub enum Issue {
    /// Hide a known issue until it changes
    Dismiss {
        /// Id of the issue, as listed by pia-halo issues
        #[arg(value_parser = rule, add = ArgValueCandidates::new(super::completing::rules))]
        id: Rule,
    },
    /// Retry what the issue is about: sync, forward or check Halo again
    Retry {
        /// Id of the issue, as listed by pia-halo issues
        #[arg(value_parser = rule, add = ArgValueCandidates::new(super::completing::rules))]
        id: Rule,
    },
}

fn rule(code: &str) -> Result<Rule, String> {
    Rule::of_code(code).ok_or_else(|| "no such issue; to list them: pia-halo issues".to_owned())
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on, behind your TLS proxy
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8477", value_parser = place)]
    pub listen: SocketAddr,
    /// Forward each new event to this address, signed as Standard Webhooks
    #[arg(long, value_name = "URL")]
    pub forward_to: Option<String>,
    /// Run this command for each new issue, at most once per rule and hour, with JSON on its standard input. Given as a
    /// JSON array of the program and its arguments; run without a shell
    #[arg(long, value_name = "JSON", value_parser = command)]
    pub notify_command: Option<CommandLine>,
    /// Whose the configuration may be.
    #[command(flatten)]
    pub owner: TakeOver,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(pub Vec<String>);

fn command(json: &str) -> Result<CommandLine, String> {
    let words: Result<Vec<String>, _> = serde_json::from_str(json);
    let words = words.ok().filter(|words| words.first().is_some_and(|program| !program.trim().is_empty()));
    words
        .map(CommandLine)
        .ok_or_else(|| r#"a JSON array is needed, such as '["/usr/local/bin/notify", "ops"]'"#.to_owned())
}

/// Options of `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Wait for more, until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// Print at most N, the newest
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with_all = ["show", "send_again", "catalogue", "forward_secret"])]
    pub limit: usize,
    /// Only those that could not be forwarded
    #[arg(long, conflicts_with = "follow")]
    pub undelivered: bool,
    /// Print one event with its original body, control characters made visible
    #[arg(long, value_name = "ID", conflicts_with_all = ["follow", "undelivered"])]
    pub show: Option<String>,
    /// Forward an event again, after the older failed ones of its ticket; or all failed ones
    #[arg(long, value_name = "ID|all", conflicts_with_all = ["follow", "undelivered", "show"])]
    pub send_again: Option<String>,
    /// Print Halo's catalogue of events, to choose from in Webhook Options
    #[arg(long, conflicts_with_all = ["follow", "undelivered", "show", "send_again"])]
    pub catalogue: bool,
    /// Print the secret that signs forwarded messages
    #[arg(long, conflicts_with_all = ["follow", "undelivered", "show", "send_again"])]
    pub forward_secret: bool,
}

/// Options of `escalate`.
#[derive(Debug, Args)]
pub struct Escalate {
    /// The number of the ticket
    #[arg(value_parser = clap::value_parser!(i64).range(1..), add = ArgValueCandidates::new(super::completing::tickets))]
    pub ticket: i64,
    /// Add this as a private note
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// Options of `activate`.
#[derive(Debug, Args)]
pub struct Activate {
    /// Which configuration
    #[arg(add = ArgValueCandidates::new(super::completing::configurations))]
    pub id: ConfigurationId,
    /// Switch from the active configuration without asking
    #[arg(long, short)]
    pub yes: bool,
    /// First remove from Halo what the active configuration created; switch only if that worked
    #[arg(long)]
    pub remove_old: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_command_is_array_and_nothing_for_shell() {
        assert_eq!(command(r#"["mail", "ops"]"#), Ok(CommandLine(vec!["mail".to_owned(), "ops".to_owned()])));
        for wrong in ["mail ops", "\"mail\"", "[]", "[\" \"]", "[1]", "{}"] {
            assert!(command(wrong).unwrap_err().starts_with("a JSON array"), "{wrong}");
        }
    }

    #[test]
    fn localhost_is_listened_on_and_refusal_has_example() {
        assert_eq!(place("localhost:8477"), Ok(([127, 0, 0, 1], 8477).into()));
        assert_eq!(place("[::1]:80").unwrap().port(), 80);
        for wrong in ["8477", ":8477", "127.0.0.1", "localhost", "example.com:80"] {
            assert!(place(wrong).unwrap_err().ends_with("such as 127.0.0.1:8477"), "{wrong}");
        }
    }
}

//! The command line: what can be asked for, and how it explains itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::domain::configuration::ConfigurationId;

const AFTER_HELP: &str = "\
Examples:
  pia-halo                                   the wizard until it is finished, then the panes
  pia-halo demo                              try everything against a simulated Halo
  pia-halo setup --print-template > acme.toml
  pia-halo setup --answers acme.toml --client-secret-file secret.txt --test
  pia-halo sync && pia-halo configure --yes

Exit codes:
  0 done, or nothing to do          4 Halo refused: credentials, scope or rights
  1 failed otherwise                5 Halo not reached
  2 wrong usage                     6 busy: another process holds it
  3 a yes is needed, changes are    7 local state unusable
    pending, or only partly done    129, 130, 143 ended by a signal";

/// Join Halo PSA and Pia: credentials, company sync, webhooks and the Pia Chat Pod.
#[derive(Debug, Parser)]
#[command(name = "pia-halo", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Arguments {
    /// What to do; without a command, the terminal interface.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options that every command takes.
    #[command(flatten)]
    pub everywhere: Everywhere,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Everywhere {
    /// Which configuration; the active one by default
    #[arg(long, global = true, value_name = "ID")]
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
    /// Say more on standard error; twice for every request
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try the program against a simulated Halo; your own files are not touched
    Demo(Demo),
    /// Save a configuration without the wizard
    Setup(Setup),
    /// Test the connection and every right that later steps need; changes nothing
    Check,
    /// Run the company sync now
    Sync(Yes),
    /// The synced client list, offline
    Clients(Clients),
    /// What Configure would change in Halo; changes nothing
    Plan,
    /// Install or repair webhooks, events, the Pia Chat Pod tab and its links
    #[command(visible_alias = "reconfigure")]
    Configure(Yes),
    /// Where things stand, offline
    Status,
    /// Run the daily sync and receive Halo's callbacks, until interrupted
    Serve(Serve),
    /// The received callbacks
    Events(Events),
    /// The open tickets on the Pia Board
    Tickets,
    /// Move a ticket to the Pia Escalation Board and give it to Pia Escalate To
    Escalate(Escalate),
    /// Make a configuration the active one
    Activate(Activate),
    /// Leave no configuration active
    Deactivate,
    /// The settings, secrets masked
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run the simulated Halo alone, until interrupted
    #[arg(long)]
    pub serve: bool,
    /// How many clients it has
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub clients: usize,
    /// The seed of its data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How long each answer takes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub latency_ms: u64,
    /// Its request limit, such as 300/300: requests in so many seconds
    #[arg(long, value_name = "REQUESTS/SECONDS")]
    pub rate_limit: Option<crate::demo::RateLimit>,
    /// Where it listens; loopback only
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// What goes wrong, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub fault: Vec<crate::demo::Fault>,
    /// Print the names of the faults, each with what it imitates
    #[arg(long)]
    pub list_faults: bool,
}

/// Options of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// A file with the answers, or - for standard input
    #[arg(long, value_name = "FILE|-", required_unless_present = "print_template")]
    pub answers: Option<PathBuf>,
    /// A file with the Client Secret, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub client_secret_file: Option<PathBuf>,
    /// Make it the active configuration
    #[arg(long)]
    pub activate: bool,
    /// Test the connection first, and save nothing if that fails
    #[arg(long)]
    pub test: bool,
    /// Print a commented answers file, and do nothing else
    #[arg(long, conflicts_with_all = ["answers", "activate", "test", "client_secret_file"])]
    pub print_template: bool,
    /// Say yes to switching from the active configuration
    #[arg(long, short)]
    pub yes: bool,
}

/// The option of what asks before it goes on.
#[derive(Debug, Args)]
pub struct Yes {
    /// Say yes to the question
    #[arg(long, short)]
    pub yes: bool,
}

/// Options of `clients`.
#[derive(Debug, Args)]
pub struct Clients {
    /// How to print it
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Only clients with these words in name, site or top level, or with this id
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Only clients with this status
    #[arg(long, value_enum, default_value_t = ClientStatus::Active)]
    pub status: ClientStatus,
    /// In which order
    #[arg(long, value_enum, default_value_t = Sort::Name)]
    pub sort: Sort,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An array
    Json,
    /// Comma-separated values, with a header line
    Csv,
    /// One object a line
    Ndjson,
    /// Columns for people
    Table,
}

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientStatus {
    /// Those in use
    Active,
    /// Those kept but not used
    Disabled,
    /// Every one
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

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where it listens, behind the site's own TLS proxy
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8477")]
    pub listen: SocketAddr,
    /// Hand each new event on to this address, signed by the Standard Webhooks scheme
    #[arg(long, value_name = "URL")]
    pub forward_to: Option<String>,
}

/// Options of `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Wait for more, until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Only those that could not be handed on
    #[arg(long, conflicts_with = "follow")]
    pub undelivered: bool,
    /// One event with its body as it came, control characters made visible
    #[arg(long, value_name = "ID", conflicts_with_all = ["follow", "undelivered"])]
    pub show: Option<String>,
    /// Hand an event on again, or all that could not be handed on
    #[arg(long, value_name = "ID|all", conflicts_with_all = ["follow", "undelivered", "show"])]
    pub send_again: Option<String>,
    /// Print the secret that events are signed with when they are handed on
    #[arg(long, conflicts_with_all = ["follow", "undelivered", "show", "send_again"])]
    pub forward_secret: bool,
}

/// Options of `escalate`.
#[derive(Debug, Args)]
pub struct Escalate {
    /// Which ticket
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pub ticket: i64,
    /// Add this as a private note
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// Options of `activate`.
#[derive(Debug, Args)]
pub struct Activate {
    /// Which configuration
    pub id: ConfigurationId,
    /// Say yes to switching from the active configuration
    #[arg(long, short)]
    pub yes: bool,
}

/// What can be done with the settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Where the files are
    Path,
    /// The settings, secrets masked
    Show,
    /// Open the settings in your editor, and keep them only if they are valid
    Edit,
}

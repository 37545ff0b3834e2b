//! The options of what is about the files of this machine: settings, store, the page of a month, backups, a bundle for support.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Yes;
use crate::domain::configuration::ConfigurationId;
use crate::domain::report::Month;

/// What can be done with the settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Show where the files are
    Path,
    /// Print the settings, with the secrets masked
    Show(Show),
    /// Edit the settings in your editor; they are saved only if valid
    Edit,
    /// Delete a configuration with its secrets, clients and events; what is in Halo stays there
    Delete(Delete),
}

/// Options of `config show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Print each value in use and where it comes from: flag, environment, file or default
    #[arg(long)]
    pub sources: bool,
}

/// Options of `config delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Which configuration
    #[arg(add = clap_complete::ArgValueCandidates::new(crate::cli::completing::configurations))]
    pub id: ConfigurationId,
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
}

/// Options of `support`.
#[derive(Debug, Args)]
pub struct Support {
    /// The file to write; pia-halo-support-TIME.tar.gz by default
    pub file: Option<PathBuf>,
    /// Show every file, and write nothing
    #[arg(long, conflicts_with_all = ["yes", "file"])]
    pub list: bool,
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write, or - for standard output
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Include the secrets, encrypted
    #[arg(long)]
    pub with_secrets: bool,
    /// A file with the passphrase, or - for standard input; /dev/fd/N for an open file descriptor
    #[arg(long, value_name = "FILE|-", requires = "with_secrets")]
    pub passphrase_file: Option<PathBuf>,
    /// Encrypt the secrets for this age recipient (age1…) instead of with a passphrase; may be repeated
    #[arg(long, value_name = "RECIPIENT", requires = "with_secrets", conflicts_with = "passphrase_file")]
    pub recipient: Vec<String>,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup, or - for standard input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Verify the backup and restore nothing
    #[arg(long, conflicts_with_all = ["yes", "without_secrets"])]
    pub check: bool,
    /// A file with the passphrase of the secrets; /dev/fd/N for an open file descriptor
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// File with the age key that can decrypt the secrets
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub identity: Option<PathBuf>,
    /// Do not restore the secrets in the backup
    #[arg(long, conflicts_with_all = ["passphrase_file", "identity"])]
    pub without_secrets: bool,
    /// Whether it asks before it goes on.
    #[command(flatten)]
    pub consent: Yes,
}

/// What can be done with the units of the service.
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Write the units and start the service; shows every file and command first, as root
    Install(Yes),
    /// Whether it is installed, starts with the machine, and runs
    ///
    /// Exit code 0: it runs, or its timer runs the daily sync; 3: nothing runs the daily sync.
    Status,
    /// Stop the service and delete its units; account, settings and store stay
    Remove(Yes),
}

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Move the whole store to a folder of its own and start a new one; stop the service first
    SetAside,
    /// Copy everything in the store to a PostgreSQL, or back from one, and compare both
    ///
    /// The role has to own the database, which is for this alone: one with tables of another program is refused. Its password is
    /// taken from the file that PGPASSFILE names, or from ~/.pgpass. Beyond this machine the server has to show a certificate for
    /// its name; ?sslrootcert=FILE at the end of the address names your own authority. The address is that of the server itself:
    /// a pooler in transaction mode gives a session to several programs, and none can keep others away there. A server with
    /// log_statement writes what is copied into its own log, too, the bodies of events included. The copy is as of now: this
    /// machine goes on with its own store, and nothing that happens later is in the copy. Settings, secrets, drafts and the audit
    /// trail are not in it. With --switch, the configurations come along, as with store init, nobody may work with the store meanwhile, and the copy is used from then on.
    Copy(Copy),
    /// Make the store in the PostgreSQL that config.toml names, or bring it up to date
    ///
    /// The configurations of this machine go into it, signed, and its secrets without the Client Secret, sealed: see store key.
    ///
    /// The address goes into config.toml, as url below a line `[store]`. The role has to own the database, which is for this alone.
    /// Where there is a store already, nothing is changed. To bring the store of this machine along, use store copy --to before.
    Init,
    /// Whether this host holds the key that the secrets in the PostgreSQL are sealed with, and where
    ///
    /// The callback token and password, and what forwarded events are signed with, are sealed: whoever reads the database has not
    /// read them. The configurations are signed. The first host makes the key; copy its file to every other one.
    ///
    /// With --new, a new key is made, and everything is sealed and signed with it; the old one stays beside it, as store.key.old.
    /// Where the old key is lost, the configurations are shown before they are signed, and what was sealed is forgotten: afterwards, setup
    /// makes a new token, and configure installs it in Halo.
    Key(StoreKey),
    /// Which engine keeps the store, where, how large it is, and what is in it; with --of, the same of a PostgreSQL
    Status(StoreStatus),
    /// What waits on this host for a PostgreSQL that was away, and what that does not take
    ///
    /// An event that the store refuses for what is in it is kept on the host, and tried again when the service is restarted. With
    /// --forget, those are forgotten; what waits stays.
    Spool(Spool),
}

/// Options of `store spool`.
#[derive(Debug, Args)]
pub struct Spool {
    /// Forget the events that the store does not take
    #[arg(long)]
    pub forget: bool,
    #[command(flatten)]
    pub consent: Yes,
}

/// Options of `store key`.
#[derive(Debug, Args)]
pub struct StoreKey {
    /// Make a new key
    #[arg(long)]
    pub new: bool,
    /// With --new --yes: also sign configurations that no key of this host fits, without being shown them
    #[arg(long, requires = "new")]
    pub unverified: bool,
    #[command(flatten)]
    pub consent: Yes,
}

/// Options of `store status`.
#[derive(Debug, Args)]
pub struct StoreStatus {
    /// Look at the store in this database; nothing is written there
    #[arg(long, value_name = "URL")]
    pub of: Option<String>,
}

/// Options of `store copy`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("direction").required(true).args(["to", "from"])))]
pub struct Copy {
    /// Into this database, in place of the copy that is there
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// From this database, onto a machine that has no store
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// Use the copy from then on: config.toml says so once both were compared; stop the service first
    #[arg(long)]
    pub switch: bool,
    #[command(flatten)]
    pub consent: Yes,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The month, in UTC; the last whole one by default
    #[arg(long, value_name = "YYYY-MM")]
    pub month: Option<Month>,
    /// Format of the page
    #[arg(long, value_enum, default_value_t = PageFormat::Html)]
    pub format: PageFormat,
    /// Write it into this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For a browser or a mail
    Html,
    /// For a wiki or a ticket
    Md,
}

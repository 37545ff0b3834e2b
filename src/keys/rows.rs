//! What has no key, and is found among the commands by its name; and what else people call a command.

use super::table::{Binding, Command, Pane, Shown, row};
use crate::domain::fields::{FIELDS, FieldId};
use crate::domain::next::Next;

use Command as C;
use Shown::Help;

impl Command {
    /// What else people call it, name by name behind commas: found in the list of commands by these, too. A heading that
    /// stands over a screen is one of them.
    pub fn also_called(self) -> &'static str {
        match self {
            Self::CommandLine(at) => COMMAND_LINES.get(at).map_or("", |(_, _, also)| also),
            Self::Pane(Pane::Overview) => "status, health, issues, service, credentials",
            Self::Pane(Pane::Sync) => {
                "history of syncs, runs, company sync, initial sync, last run, next run, what the sync changed"
            }
            Self::Pane(Pane::Clients) => "companies, customers",
            Self::Pane(Pane::Integration) => "in Halo, objects in Halo, callback URLs, Setup Integration, webhooks",
            Self::Pane(Pane::Events) => "callbacks, deliveries",
            Self::Pane(Pane::Activity) => "audit trail, log, who",
            Self::Look => "doctor, diagnose",
            Self::ReadPlan => "drift, plan",
            Self::Configure => "plan, install, repair, setup, adopt, take over",
            Self::OpenCard => "setup, wizard, install",
            Self::Integrations => "setup, wizard, configurations",
            Self::Edit => "settings, change, API Credentials, Review and Save",
            Self::Help => "keys, what you need",
            Self::Remove => "uninstall, take out",
            Self::Deactivate => "stop, pause",
            Self::Quit => "exit, leave",
            Self::TakeOver => "adopt",
            Self::Test => "API Credentials, connection",
            Self::ReadDeliveries => "webhook log",
            Self::ProveIt => "full circle",
            Self::Rotate => "new secrets",
            Self::InstallService => "start the service, restart, daemon, systemd",
            Self::Export => "csv, file, save",
            Self::Dismiss => "ignore, clear, hide",
            Self::Repaint => "clear screen, refresh",
            Self::Setting(FieldId::ClientSecret) => "password, api.client_secret",
            // As the file of the settings names it.
            Self::Setting(field) => field.info().key,
            _ => "",
        }
    }
}

/// What only a command of the program does, in the words of the list of commands, and what else people call it.
pub static COMMAND_LINES: [(Next, &str, &str); 11] = [
    (Next::Audit, "Verify the audit trail", "audit check"),
    (Next::Support, "Support bundle", "logs"),
    (Next::Backup, "Backup", "save a copy"),
    (Next::ForwardTo, "Forward events", "destination"),
    (Next::ByHand, "Set up in Halo by hand", "configure by hand, manual"),
    (Next::ConfigPath, "Where the settings are", "file, path"),
    (Next::Restore, "Restore a backup", ""),
    (Next::Report, "Report of a month", ""),
    (Next::Serve, "Run the service by hand", "start the service, restart, daemon, install"),
    (Next::Completions, "Completions for your shell", "bash, zsh, fish"),
    (Next::Help, "All commands and options", "theme, colors, flags, man, proxy, language, upgrade, version"),
];

/// A line for each of them.
pub static COMMAND_LINE_ROWS: [Binding; COMMAND_LINES.len()] = {
    let mut rows = [row(C::Help, "command_line", &[], "", Help); COMMAND_LINES.len()];
    let mut at = 0;
    while at < rows.len() {
        rows[at] = row(C::CommandLine(at), "command_line", &[], COMMAND_LINES[at].1, Help);
        at += 1;
    }
    rows
};

/// A line for each setting: it has no key, and is found among the commands.
pub static SETTING_ROWS: [Binding; FIELDS.len()] = {
    let mut rows = [row(C::Help, "setting", &[], "", Help); FIELDS.len()];
    let mut at = 0;
    while at < rows.len() {
        rows[at] = row(C::Setting(FIELDS[at].id), "setting", &[], FIELDS[at].label, Help);
        at += 1;
    }
    rows
};

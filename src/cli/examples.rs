//! An example for every command: shown by its help and in its manual page.

use std::sync::LazyLock;

use clap::Command;

use super::options;
use crate::domain::plan::Parts;
use crate::words::by_hand;

/// What is typed behind the program's name, and what it does. The first words are the command that it belongs to.
const EXAMPLES: &[(&str, &str)] = &[
    ("", "the wizard until it is finished, then the panes"),
    ("--plain", "the same as questions and plain lines, for screen readers; automatic if TERM=dumb"),
    ("demo", "try everything against a simulated Halo"),
    ("demo --clients 2000 --fault wrong-secret", "a large Halo that refuses the Client Secret"),
    ("demo --serve --listen 127.0.0.1:8080", "only the simulated Halo, for scripts"),
    ("setup --plain", "the wizard as questions"),
    ("setup --print-template > acme.toml", "an answers file to fill in"),
    ("setup --answers acme.toml --client-secret-file secret.txt --test", "save it if the connection works"),
    ("setup --answers acme.toml --set company_sync.daily_sync_time=05:00", "the same with another time"),
    ("setup --client-secret-file -", "replace the Client Secret, read from standard input"),
    ("check", "test the connection and every permission"),
    ("check --rights", "also list where in Halo each permission is set"),
    ("check --full-circle --yes", "prove the way of an event with a ticket"),
    ("sync", "sync now; ask before a run that would disable many clients"),
    ("sync --yes --json", "for a script"),
    ("sync --progress json", "with progress for a program, on standard error"),
    ("clients --search acme", "find a client"),
    ("clients --status all --format csv > clients.csv", "every client, for a spreadsheet"),
    ("clients --changed-since 12 --format ndjson", "what has changed since run 12"),
    ("history", "the last runs"),
    ("history 12", "what run 12 has changed"),
    ("plan", "what Configure would change; exit code 3 if anything"),
    ("configure", "install or repair, after a question"),
    ("configure --yes", "the same for a script"),
    ("configure --roll-back", "undo the last run"),
    ("remove --plan", "what would be removed"),
    ("remove --only chat-pod,links --yes", "remove the tab, keep the webhooks"),
    ("rotate --overlap 24h", "new secrets; the old ones work for another day"),
    ("deliveries", "whether Halo's last callbacks arrived"),
    ("audit --verify", "verify the trail"),
    ("audit --limit 50", "the last 50 lines"),
    ("report --output october.html", "the last month on one page"),
    ("report --month 2026-10 --format md", "a month as Markdown"),
    ("status", "show the current state"),
    ("status --exit-code --quiet", "for a monitor: exit code 8 if something needs attention"),
    ("doctor", "what is wrong, and what to do about it"),
    ("issues", "what needs attention"),
    ("issues retry sync-age", "try again what it is about"),
    ("issues dismiss deliveries", "count it no more until it changes"),
    ("serve", "run the daily sync and receive callbacks"),
    ("serve --forward-to https://pia.acme.example/halo", "forward each event, signed"),
    ("events --follow", "watch events come in"),
    ("events --undelivered", "what could not be forwarded"),
    ("events --send-again all", "forward it again"),
    ("tickets", "the open tickets on the Pia Board"),
    ("escalate 1042 --note urgent", "hand ticket 1042 over, with a note"),
    ("activate acme", "make acme the active configuration"),
    ("deactivate", "no configuration is active afterwards"),
    ("config path", "where the files are"),
    ("config show --json", "the settings for a script, without secrets"),
    ("config show --sources", "where each value comes from: file, variable or default"),
    ("config edit", "edit them in your editor"),
    ("config delete acme", "delete acme, after a question"),
    ("store init", "make the store in the PostgreSQL that config.toml names"),
    ("store key", "whether this host can open the secrets in it"),
    ("store set-aside", "start with an empty store"),
    ("store spool", "what waits on this host for the store"),
    ("store status", "what keeps the store, and what is in it"),
    ("store copy --to postgres://pia@db.example/pia_halo", "copy it to a PostgreSQL, and compare"),
    ("service status", "whether systemd runs the service"),
    ("service install", "install and start it, after a question"),
    ("service remove --yes", "stop and remove it"),
    ("support --list", "show what would be in the file"),
    ("support acme.tar.gz", "write it"),
    ("backup pia-halo.tar", "without secrets"),
    ("backup pia-halo.tar --with-secrets", "with secrets, encrypted with a passphrase"),
    ("restore pia-halo.tar --check", "verify it, restore nothing"),
    ("restore pia-halo.tar", "restore it"),
    ("completions bash > ~/.local/share/bash-completion/completions/pia-halo", "install it for bash"),
    ("man", "the page of the program"),
    ("man config show", "the page of one command"),
    ("man --output /usr/local/share/man/man1", "write every page"),
    ("help sync", "how a command is used"),
    ("help exit-codes", "what each exit code means"),
];

/// Every example behind the command that it belongs to.
static OWNED: LazyLock<Vec<(String, &str, &str)>> = LazyLock::new(|| {
    let program = built();
    let owned = |(line, does): &(&'static str, &'static str)| {
        let mut command = &program;
        for word in line.split_whitespace() {
            match command.find_subcommand(word) {
                Some(below) => command = below,
                None => break,
            }
        }
        (path_of(command), *line, *does)
    };
    EXAMPLES.iter().map(owned).collect()
});

/// The examples of a command, given without the program's name.
pub(super) fn of(path: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    OWNED.iter().filter(move |(owner, _, _)| owner == path).map(|(_, line, does)| (*line, *does))
}

/// A command and those below it with their examples.
pub(super) fn explained(command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |below| explained(below, &path))
    });
    let Some(examples) = shown(path) else { return command };
    let steps: Vec<String> = by_hand(path).map(|(number, step)| format!("  {number} {step}")).collect();
    match steps.is_empty() {
        true => command.after_help(examples),
        false => command.after_long_help(format!("{examples}\n\n{BY_HAND}:\n{}", steps.join("\n"))),
    }
}

/// What the steps of a command are for.
const BY_HAND: &str = "By hand, when Halo refuses the API";

/// The numbered steps that do in Halo what the command does.
pub(super) fn by_hand(path: &str) -> impl Iterator<Item = (String, String)> {
    let steps = if path == "remove" { by_hand::removal(Parts::ALL) } else { Vec::new() };
    steps.into_iter().enumerate().map(|(at, step)| (format!("{}.", at + 1), step))
}

pub(super) fn shown(path: &str) -> Option<String> {
    let lines: Vec<_> = of(path).map(|(line, does)| (format!("pia-halo {line}"), does)).collect();
    let widest = lines.iter().map(|(line, _)| line.len()).max()?;
    let lines = lines.iter().map(|(line, does)| format!("  {line:<widest$}  {does}"));
    Some(format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n")))
}

/// Every command with the options that all of them take.
pub(super) fn built() -> Command {
    let mut program = options::program();
    program.build();
    program
}

/// A command's words behind the program's name.
pub(super) fn path_of(command: &Command) -> String {
    let whole = command.get_bin_name().unwrap_or_default();
    whole.strip_prefix("pia-halo").unwrap_or_default().trim().to_owned()
}

/// Goes through a command and every one below it.
pub(super) fn each(command: &Command, of: &mut impl FnMut(&Command)) {
    of(command);
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        each(below, of);
    }
}

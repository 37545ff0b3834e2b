//! `help`: how a command is used, and what concerns all of them. Each topic is made of the tables that the program works by.

use clap::Command;
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use serde_json::json;

use super::check::right_words;
use super::{Call, PROGRAM, examples, options};
use crate::domain::exit_code::MEANINGS;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::ops;
use crate::settings::{Paths, Setting};

/// What is explained besides the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    ExitCodes,
    Environment,
    Files,
    Rights,
}

/// A name, and what there is to say about it.
pub(super) struct Entry {
    pub name: String,
    pub words: String,
}

/// Every variable that is read.
const VARIABLES: &[(&str, &str)] = &[
    ("PIA_HALO_CONFIGURATION", "the configuration where --configuration names none"),
    ("PIA_HALO_CLIENT_SECRET_FILE", "a file with the Client Secret; used instead of PIA_HALO_CLIENT_SECRET"),
    ("PIA_HALO_CLIENT_SECRET", "the Client Secret; a file is safer: other programs can read variables"),
    ("PIA_HALO_FORWARD_SECRET_FILE", "a file with the secret that signs forwarded events"),
    ("PIA_HALO_LOG", "what is logged, by module and level: such as debug, or pia_halo::halo=trace"),
    (
        "PIA_HALO_HOST",
        "another name for this machine, recorded in Halo as the owner of a configuration and seen by other hosts of a PostgreSQL",
    ),
    ("CREDENTIALS_DIRECTORY", "systemd's folder; halo_client_secret and forward_secret in it are used first"),
    ("XDG_CONFIG_HOME", "the folder above the settings and secrets; ~/.config by default"),
    ("XDG_DATA_HOME", "the folder above the store; ~/.local/share by default"),
    ("XDG_STATE_HOME", "the folder above draft, log and audit trail; ~/.local/state by default"),
    ("HOME", "the folder above those three where they are not set"),
    ("PATH", "where the program of client_secret_command is found"),
    (
        "HTTPS_PROXY, ALL_PROXY, NO_PROXY",
        "the proxy for Halo, and the hosts reached without it; the lowercase name counts if the uppercase one is empty",
    ),
    ("REQUEST_METHOD", "set if a web server runs the program; then HTTPS_PROXY, ALL_PROXY and NO_PROXY are ignored"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "certificate authorities instead of the system's"),
    ("PGPASSFILE", "the file with the password of a PostgreSQL; ~/.pgpass by default"),
    ("PGSERVICEFILE", "the file with the services of PostgreSQL; ~/.pg_service.conf by default"),
    ("NO_COLOR", "no colour, if not empty"),
    ("TERM", "the kind of terminal; dumb means --plain"),
    ("LC_ALL, LC_CTYPE, LANG", "whether the terminal shows more than ASCII; the first that is set counts"),
    ("TMUX, STY", "whether the terminal is inside tmux or screen"),
    ("TZ", "the time zone in which times are shown"),
    ("VISUAL, EDITOR", "the editor of config edit; the first that is set counts; vi by default"),
    ("SUDO_USER, SUDO_UID", "who acts, for the audit trail; believed only where the system agrees"),
    ("SSH_CONNECTION, SSH_CLIENT", "where the session comes from, for the audit trail, which has it as they say it"),
];

impl Topic {
    pub(super) const ALL: [Self; 4] = [Self::ExitCodes, Self::Environment, Self::Files, Self::Rights];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ExitCodes => "exit-codes",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::Rights => "rights",
        }
    }

    /// What is typed to read it.
    pub(super) fn command(self) -> String {
        format!("{PROGRAM} help {}", self.name())
    }

    /// What it is about, in a line.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::ExitCodes => "what each exit code means",
            Self::Environment => "the variables that are read",
            Self::Files => "where everything is kept",
            Self::Rights => "the permissions to set in Halo, and what each is for",
        }
    }

    pub(super) fn entries(self) -> Vec<Entry> {
        let entry = |(name, words): &(&str, &str)| Entry { name: (*name).to_owned(), words: (*words).to_owned() };
        match self {
            Self::ExitCodes => exit_codes(),
            Self::Environment => VARIABLES.iter().map(entry).chain(settings()).collect(),
            Self::Files => files(),
            Self::Rights => rights(),
        }
    }
}

fn exit_codes() -> Vec<Entry> {
    let entry = |(codes, words): &(&[u8], &str)| Entry {
        name: codes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
        words: (*words).to_owned(),
    };
    MEANINGS.iter().map(entry).collect()
}

/// A variable for each setting, by the table of the settings.
fn settings() -> impl Iterator<Item = Entry> {
    Setting::all().map(|setting| Entry {
        name: setting.variable(),
        words: format!(
            "{}; such as {}. Overrides {} in the settings for commands and the service; never saved",
            setting.label(),
            setting.example(),
            setting.key()
        ),
    })
}

fn files() -> Vec<Entry> {
    let words = |key: &str| match key {
        "config" => "settings, without secrets; fit for a backup and for version control",
        "credentials" => "secrets; refused if others can read it",
        "store" => "SQLite: clients, agents, teams, ticket types, sync runs, installed objects, events",
        "draft" => "the unfinished wizard, without secrets",
        "log" => "log; the previous one ends in .1",
        _ => "audit trail, one JSON object per line",
    };
    let entry = |(key, _, path): (&str, _, std::path::PathBuf)| Entry {
        name: path.display().to_string(),
        words: words(key).to_owned(),
    };
    Paths::usual().named().into_iter().map(entry).collect()
}

fn rights() -> Vec<Entry> {
    let entry = |right: crate::domain::check::Right| {
        let [name, phases] = right_words(right.id, right.access, right.phases);
        Entry { name, words: format!("For {phases}. {}", right.place) }
    };
    ops::check::rights().into_iter().map(entry).collect()
}

/// The command that the program reads its arguments by: with examples, and on the first page with the topics.
pub(super) fn command() -> Command {
    examples::explained(offering(), "").after_help(format!(
        "{}\n\nTopics:\n{}",
        examples::shown("").unwrap_or_default(),
        Topic::ALL.map(|topic| format!("  {:<28} {}", topic.command(), topic.about())).join("\n")
    ))
}

/// The command with what a shell can offer.
pub(super) fn offering() -> Command {
    let names = |command: &Command| -> Vec<String> {
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect()
    };
    let program = options::program();
    let commands = names(&program);
    let all = [commands.clone(), Topic::ALL.map(|topic| topic.name().to_owned()).to_vec()].concat();
    let offer =
        |words: Vec<String>| ArgValueCandidates::new(move || words.iter().map(CompletionCandidate::new).collect());
    let (help, man) = (offer(all), offer(commands));
    let program = program.mut_subcommand("help", |command| command.mut_arg("about", |about| about.add(help)));
    program.mut_subcommand("man", |command| command.mut_arg("command", |about| about.add(man)))
}

pub(super) fn run(call: &mut Call, about: &[String]) -> Result<u8, Failure> {
    if let [name] = about
        && let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.name() == name)
    {
        return explain(call, topic);
    }
    let unknown = |word: &str| {
        let topics = Topic::ALL.map(Topic::name).join(", ");
        let message = format!("there is no command and no topic \"{word}\"; the topics are {topics}");
        Failure::new(FailureKind::Usage, message).hint(Next::Help)
    };
    if call.output.json {
        return Err(Failure::new(FailureKind::Usage, "--json makes no sense with the help of a command"));
    }
    let mut program = command();
    program.build();
    let mut explained = &program;
    for word in about {
        explained = explained.find_subcommand(word).ok_or_else(|| unknown(word))?;
    }
    let text = explained.clone().render_long_help().to_string();
    call.output.line(text.trim_end());
    Ok(0)
}

fn explain(call: &mut Call, topic: Topic) -> Result<u8, Failure> {
    let entries = topic.entries();
    if call.output.json {
        let rows: Vec<_> = entries.iter().map(|entry| json!({ "name": entry.name, "meaning": entry.words })).collect();
        call.output.object(&rows)?;
        return Ok(0);
    }
    let widest = entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or_default();
    for Entry { name, words } in &entries {
        if topic == Topic::ExitCodes {
            call.output.line(format!("{name:<widest$}  {words}"));
        } else {
            call.output.line(name);
            call.output.line(format!("    {words}"));
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_is_read_is_explained() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let told: Vec<&str> = VARIABLES.iter().flat_map(|(names, _)| names.split(", ")).collect();
        let reads = ["environment.text(\"", "environment.get(\"", "environment().text(\"", "variable(\"", "number(\""];
        let mut files = Vec::new();
        crate::cli::hints_tests::sources(&root, &mut files);
        let mut seen = 0;
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
            for name in reads.iter().flat_map(|read| code.split(read).skip(1)) {
                let name = name.split('"').next().unwrap();
                let is_variable = name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                assert!(!is_variable || told.contains(&name), "{}: {name}", file.display());
                seen += usize::from(is_variable);
            }
        }
        assert!(seen >= 10, "{seen}");
    }

    #[test]
    fn topics_are_made_of_tables_and_every_entry_has_words() {
        for topic in Topic::ALL {
            let entries = topic.entries();
            assert!(!entries.is_empty());
            assert!(entries.iter().all(|entry| !entry.name.is_empty() && !entry.words.is_empty()), "{topic:?}");
        }
        let rights = Topic::Rights.entries();
        assert!(rights.iter().any(|right| right.words.contains("Is a HaloPSA Administrator")));
        assert!(Topic::Files.entries()[0].name == "~/.config/pia-halo/config.toml");
    }
}

//! The options that every command takes, as each command takes them: what `--json` prints, and what makes no sense for a
//! command, which is refused and not shown in its help.

use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use super::args::{self, Arguments, Format};
use crate::domain::failure::{Failure, FailureKind};

/// Commands that are about no configuration, or about all of them, or name theirs themselves.
const WITHOUT_CONFIGURATION: &[&str] = &[
    "demo",
    "audit",
    "activate",
    "deactivate",
    "config path",
    "config edit",
    "config delete",
    "store init",
    "store set-aside",
    "store copy",
    "store status",
    "store spool",
    "service install",
    "service status",
    "service remove",
    "backup",
    "restore",
    "completions",
    "man",
    "help",
];

/// Commands of which the result is a file or a page.
const WITHOUT_JSON: &[&str] = &["report", "config edit", "completions", "man"];

/// What `--json` prints where it is not always one object.
const JSON: &[(&str, &str)] = &[
    ("clients", "Print one JSON array; with --forward, one object"),
    ("history", "Print one JSON array"),
    ("events", "Print one JSON object per line; with --catalogue, one array"),
    ("demo", "With --serve, print one JSON object; with --list-faults, one array"),
    ("help", "Print a topic as one JSON array"),
];

/// The command that the program reads its arguments by.
pub(super) fn program() -> Command {
    let program = Arguments::command();
    let shared = |name: &str| program.get_arguments().find(|option| option.get_id() == name).cloned();
    let (configuration, json) = (shared("configuration"), shared("json"));
    let own = |path: &str| {
        let is_without = |list: &[&str]| list.contains(&path);
        let says = JSON.iter().find(|(of, _)| *of == path).map(|(_, says)| *says);
        let configuration = configuration.clone().filter(|_| is_without(WITHOUT_CONFIGURATION));
        let json = match (json.clone(), says) {
            (Some(json), Some(says)) => Some(json.help(says)),
            (Some(json), None) if is_without(WITHOUT_JSON) => Some(json.hide(true)),
            _ => None,
        };
        [configuration.map(|option| option.hide(true)), json].into_iter().flatten().collect()
    };
    adapted(program.clone(), "", &own)
}

fn adapted(command: Command, path: &str, own: &impl Fn(&str) -> Vec<Arg>) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    names.into_iter().fold(command.args(own(path)), |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |below| adapted(below, &path, own))
    })
}

/// The words of the command that was asked for.
pub(super) fn path(mut matches: &ArgMatches) -> String {
    let mut path = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        path.push(name);
        matches = below;
    }
    path.join(" ")
}

/// Whether a command is about one configuration.
pub(super) fn takes_configuration(path: &str) -> bool {
    !WITHOUT_CONFIGURATION.contains(&path)
}

/// Refuses what makes no sense for the command that was asked for.
pub(super) fn require_sense(arguments: &Arguments, path: &str) -> Result<(), Failure> {
    let refused = |message: String| Err(Failure::new(FailureKind::Usage, message));
    let everywhere = &arguments.everywhere;
    if everywhere.configuration.is_some() && !takes_configuration(path) {
        return refused(format!("--configuration makes no sense with {path}"));
    }
    if !everywhere.json {
        return Ok(());
    }
    let text = |what: &str| refused(format!("--json makes no sense with {what}"));
    let format = match &arguments.command {
        Some(args::Command::Clients(options)) => options.format,
        Some(args::Command::History(options)) => options.format,
        _ => None,
    };
    match &arguments.command {
        _ if WITHOUT_JSON.contains(&path) => text(path),
        Some(args::Command::Demo(demo)) if !demo.serve && !demo.list_faults => text("the screens of the demo"),
        Some(args::Command::Setup(setup)) if setup.print_template => text("--print-template"),
        _ if format == Some(Format::Csv) => text("--format csv"),
        _ if format == Some(Format::Table) => text("--format table"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::super::examples;
    use super::*;

    fn refusal(line: &str) -> Option<String> {
        let matches = program().try_get_matches_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
        let arguments = Arguments::from_arg_matches(&matches).unwrap();
        require_sense(&arguments, &path(&matches)).err().map(|failure| failure.message)
    }

    #[test]
    fn senseless_option_is_refused_before_and_after_command() {
        for (line, words) in [
            ("activate acme --configuration other", "--configuration makes no sense with activate"),
            ("--configuration other activate acme", "--configuration makes no sense with activate"),
            ("config delete acme --configuration other", "--configuration makes no sense with config delete"),
            ("man --json", "--json makes no sense with man"),
            ("--json completions bash", "--json makes no sense with completions"),
            ("clients --json --format csv", "--json makes no sense with --format csv"),
            ("--json history --format table", "--json makes no sense with --format table"),
            ("setup --print-template --json", "--json makes no sense with --print-template"),
            ("demo --json", "--json makes no sense with the screens of the demo"),
        ] {
            assert_eq!(refusal(&format!("pia-halo {line}")).as_deref(), Some(words), "{line}");
        }
        for line in ["sync --configuration acme --json", "clients --json --format ndjson", "demo --serve --json"] {
            assert_eq!(refusal(&format!("pia-halo {line}")), None, "{line}");
        }
    }

    /// What a command does not take its help does not offer; what its JSON is, its help says.
    #[test]
    fn every_help_shows_options_as_its_command_takes_them() {
        let mut seen = 0;
        let program = examples::built();
        examples::each(&program, &mut |command| {
            let path = examples::path_of(command);
            let option = |name: &str| command.get_arguments().find(|option| option.get_id() == name).cloned().unwrap();
            let is_shown = |name: &str| !option(name).is_hide_set();
            assert_eq!(is_shown("configuration"), takes_configuration(&path), "{path}");
            assert_eq!(is_shown("json"), !WITHOUT_JSON.contains(&path.as_str()), "{path}");
            let says = JSON.iter().find(|(of, _)| *of == path).map_or("Print one JSON object", |(_, says)| *says);
            assert_eq!(option("json").get_help().unwrap().to_string(), says, "{path}");
            // A group is no command of its own.
            if !path.is_empty() && !command.is_subcommand_required_set() {
                let schema = format!("{}/assets/schema/{}.json", env!("CARGO_MANIFEST_DIR"), path.replace(' ', "-"));
                assert_eq!(std::path::Path::new(&schema).exists(), is_shown("json"), "{schema}");
            }
            seen += 1;
        });
        let known = [WITHOUT_CONFIGURATION, WITHOUT_JSON].concat();
        for path in known.into_iter().chain(JSON.iter().map(|(path, _)| *path)) {
            let found = path.split(' ').try_fold(&program, |command, word| command.find_subcommand(word));
            assert!(found.is_some(), "there is no command {path}");
        }
        assert!(seen > 40, "{seen}");
    }
}

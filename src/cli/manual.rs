//! `man`: a manual page for each command.

use std::path::Path;

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::topics::{Entry, Topic};
use super::{Call, args, examples};
use crate::domain::failure::{Failure, FailureKind};

/// The day on which what the pages say last changed.
const DATE: &str = "2026-11-29";

pub(super) fn run(call: &mut Call, options: &args::Man) -> Result<u8, Failure> {
    let program = examples::built();
    if let Some(folder) = &options.output {
        let written = write_all(&program, folder)
            .map_err(|error| Failure::new(FailureKind::LocalState, format!("{}: {error}", folder.display())))?;
        call.output.say(format!("{written} pages written to {}", folder.display()));
        return Ok(0);
    }
    let mut command = &program;
    for word in &options.command {
        command = command.find_subcommand(word).ok_or_else(|| {
            Failure::new(FailureKind::Usage, format!("there is no command \"{}\"", options.command.join(" ")))
        })?;
    }
    call.output.data(page(&program, command).trim_end());
    Ok(0)
}

fn write_all(program: &Command, folder: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let (mut written, mut done) = (0, Ok(()));
    examples::each(program, &mut |command| {
        if done.is_ok() {
            done = std::fs::write(folder.join(format!("{}.1", name(command))), page(program, command));
            written += 1;
        }
    });
    done.map(|()| written)
}

/// The name of a command's page.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(program: &Command, command: &Command) -> String {
    let version = format!("pia-halo {}", program.get_version().unwrap_or_default());
    let man =
        Man::new(command.clone()).title(name(command).to_uppercase()).date(DATE).source(version).manual("pia-halo");
    let mut text = Vec::new();
    // Written into memory: that cannot fail.
    _ = man.render_title(&mut text);
    _ = man.render_name_section(&mut text);
    _ = synopsis(command).to_writer(&mut text);
    _ = man.render_description_section(&mut text);
    _ = options(command).to_writer(&mut text);
    if command.get_subcommands().next().is_some() {
        _ = man.render_subcommands_section(&mut text);
    }
    _ = rest(program, command).to_writer(&mut text);
    let text = String::from_utf8_lossy(&text);
    let mut page = String::new();
    let mut is_term = false;
    for line in text.lines() {
        if is_term || line.starts_with('.') {
            page.push_str(line.trim_end());
        } else {
            wrap(line, &mut page);
        }
        page.push('\n');
        is_term = line == ".TP";
    }
    page
}

/// Adds a line of text, broken where it is longer than those who check pages allow, and without a space at its end.
fn wrap(line: &str, page: &mut String) {
    const LONGEST: usize = 78;
    let mut length = 0;
    for word in line.split_whitespace() {
        // Those who check count what a letter beyond ASCII is written as: \[u203A].
        let wide: usize = word.chars().map(|c| if c.is_ascii() { 1 } else { 8 }).sum();
        let is_request = word.starts_with(['.', '\'']);
        if length > 0 && length + 1 + wide > LONGEST && !is_request {
            page.push('\n');
            length = 0;
        } else if length > 0 {
            page.push(' ');
            length += 1;
        }
        page.push_str(word);
        length += wide;
    }
}

/// How it is typed: each option with what it takes.
fn synopsis(command: &Command) -> Roff {
    let mut words = vec![bold(format!("pia-halo {}", examples::path_of(command)).trim_end().to_owned())];
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let (positionals, options): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument.is_positional());
    for argument in options.into_iter().chain(positionals) {
        let (open, close) = if argument.is_required_set() { (" ", "") } else { (" [", "]") };
        words.push(roman(open));
        let name = argument.get_long().map(|long| format!("--{long}"));
        let name = name.or_else(|| argument.get_short().map(|short| format!("-{short}")));
        if let Some(name) = &name {
            words.push(bold(name.clone()));
        }
        if let Some(value) = value_of(argument) {
            words.extend([roman(if name.is_some() { " " } else { "" }), italic(value)]);
        }
        words.push(roman(close));
    }
    if command.has_subcommands() {
        let command_word = if command.is_subcommand_required_set() { " COMMAND" } else { " [COMMAND]" };
        words.push(roman(command_word));
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).text(words);
    roff
}

/// What is written behind an option, or in the place of an argument.
fn value_of(argument: &Arg) -> Option<String> {
    let takes_value = argument.get_num_args().is_some_and(|number| number.takes_values());
    let name = || argument.get_value_names().map_or(argument.get_id().to_string(), |names| names.join(" "));
    (takes_value || argument.is_positional()).then(name)
}

/// Every option, with its values.
fn options(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["OPTIONS"]);
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    for argument in arguments {
        let names = [
            argument.get_short().map(|short| format!("-{short}")),
            argument.get_long().map(|long| format!("--{long}")),
        ];
        let names: Vec<String> = names.into_iter().flatten().collect();
        let takes_value = argument.get_num_args().is_some_and(|number| number.takes_values());
        let mut header = vec![bold(names.join(", "))];
        if let Some(value) = value_of(argument) {
            header.extend([roman(if names.is_empty() { "" } else { " " }), italic(value)]);
        }
        roff.control("TP", []).text(header);
        let help =
            argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() || !takes_value {
            String::new()
        } else {
            format!("; {} by default", defaults.join(","))
        };
        let help: Vec<&str> = help.lines().filter(|line| !line.is_empty()).collect();
        roff.text([roman(format!("{}{default}", help.join(" ")))]);
        if takes_value {
            for value in argument.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
                let words = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
                roff.control("RS", []).control("IP", ["\\(bu", "2"]);
                roff.text([bold(value.get_name().to_owned()), roman(words)]).control("RE", []);
            }
        }
    }
    roff
}

/// What stands behind the options: files, variables, exit codes, examples, and where to read on.
fn rest(program: &Command, command: &Command) -> Roff {
    let path = examples::path_of(command);
    let mut roff = Roff::new();
    for (heading, topic) in
        [("FILES", Topic::Files), ("ENVIRONMENT", Topic::Environment), ("EXIT STATUS", Topic::ExitCodes)]
    {
        list(&mut roff, heading, topic.entries());
    }
    if path == "check" {
        list(&mut roff, "RIGHTS IN HALO", Topic::Rights.entries());
    }
    let examples = examples::of(&path)
        .map(|(line, does)| Entry { name: format!("pia-halo {line}").trim_end().to_owned(), words: does.to_owned() });
    list(&mut roff, "EXAMPLES", examples.collect());
    list(&mut roff, "BY HAND", examples::by_hand(&path).map(|(name, words)| Entry { name, words }).collect());
    let above = path.split(' ').next().filter(|first| *first != path).map(|first| format!("pia-halo-{first}"));
    let others: Vec<String> = if path.is_empty() {
        let pages = ["setup", "check", "sync", "configure", "serve", "help"].iter();
        pages.filter_map(|word| program.find_subcommand(word)).map(name).collect()
    } else {
        std::iter::once("pia-halo".to_owned()).chain(above).collect()
    };
    let others = others.iter().map(|page| format!("{page}(1)")).collect::<Vec<_>>().join(", ");
    roff.control("SH", ["SEE ALSO"]).text([roman(others)]);
    roff
}

fn list(roff: &mut Roff, heading: &str, entries: Vec<Entry>) {
    if entries.is_empty() {
        return;
    }
    roff.control("SH", [heading]);
    for Entry { name, words } in entries {
        roff.control("TP", []).text([bold(name)]).text([roman(words)]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command as Process, Stdio};

    use super::*;

    #[test]
    fn synopsis_shows_what_each_option_takes() {
        let program = examples::built();
        let of = |word: &str| {
            let command = if word.is_empty() { &program } else { program.find_subcommand(word).unwrap() };
            let text = synopsis(command).to_roff().replace("\\-", "-");
            text.replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
        };
        assert!(of("serve").contains("[--listen ADDR:PORT]"), "{}", of("serve"));
        assert!(of("demo").contains("[--clients N]"), "{}", of("demo"));
        assert!(of("restore").contains("pia-halo restore ") && of("restore").contains(" FILE"), "{}", of("restore"));
        assert!(of("").contains("pia-halo [") && of("").contains("[COMMAND]"), "{}", of(""));
    }

    #[test]
    fn manual_has_page_for_every_command_and_every_reference() {
        let program = examples::built();
        let folder = tempfile::tempdir().unwrap();
        let written = write_all(&program, folder.path()).unwrap();
        let files: BTreeSet<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files.len(), written);
        assert!(files.contains("pia-halo.1") && files.contains("pia-halo-config-show.1"), "{files:?}");
        for file in &files {
            let text = std::fs::read_to_string(folder.path().join(file)).unwrap().replace("\\-", "-");
            let references =
                text.match_indices("(1)").map(|(at, _)| text[..at].rsplit([' ', '\n', ',']).next().unwrap());
            for reference in references {
                assert!(files.contains(&format!("{reference}.1")), "{file}: {reference}");
            }
            for heading in ["OPTIONS", "FILES", "ENVIRONMENT", "EXIT STATUS", "SEE ALSO"] {
                assert!(
                    text.contains(&format!(".SH {heading}")) || text.contains(&format!(".SH \"{heading}\"")),
                    "{file}: {heading}"
                );
            }
        }
        examples::each(&program, &mut |command| {
            let text = page(&program, command).replace("\\-", "-");
            let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
            for option in shown.filter_map(|argument| argument.get_long()) {
                assert!(text.contains(&format!("--{option}")), "{}: {option}", name(command));
            }
        });
        let mut mandoc = Process::new("mandoc");
        mandoc.arg("-Tlint").args(&files).current_dir(&folder).stdin(Stdio::null());
        match mandoc.output() {
            Ok(said) => assert_eq!(String::from_utf8_lossy(&said.stdout), ""),
            Err(_) => eprintln!("SKIPPED: mandoc is not installed"),
        }
    }
}

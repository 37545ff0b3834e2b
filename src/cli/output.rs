//! Where a command speaks: results on standard output, everything else on standard error.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::args::Everywhere;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Hint;
use crate::domain::untrusted::{escape_json, harmless};
use crate::words::Tone;

/// The two streams of a command, and how it was asked to use them.
pub struct Output {
    /// One JSON object instead of text.
    pub json: bool,
    quiet: bool,
    colour: bool,
    progress: bool,
    shows_progress: bool,
    broken: Option<io::Error>,
    unread: bool,
    configuration: Option<ConfigurationId>,
    /// Reasons and remedies so far: one cause is explained once.
    explained: BTreeSet<String>,
}

impl Output {
    /// The streams of this process.
    pub fn new(everywhere: &Everywhere, no_colour: bool, plain: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            json: everywhere.json,
            quiet: everywhere.quiet,
            colour: !everywhere.no_color && !no_colour && !plain && io::stdout().is_terminal(),
            progress: terminal && !everywhere.quiet && !everywhere.json && !plain,
            shows_progress: false,
            broken: None,
            unread: false,
            configuration: everywhere.configuration.clone(),
            explained: BTreeSet::new(),
        }
    }

    /// A reason or a remedy behind some blanks, unless this command has said it already.
    pub fn explain(&mut self, indent: &str, text: &str) {
        if self.explained.insert(text.to_owned()) {
            self.line(format!("{indent}{text}"));
        }
    }

    /// A result, as text. Ends the program's output quietly when nobody reads it any more.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.end_progress();
        let text = text.as_ref();
        // The colours of a sign are the only sequences that a line of ours has, and it begins with them.
        let sign = [Tone::Good, Tone::Warn, Tone::Bad].map(|tone| self.sign(tone)).into_iter();
        let (sign, rest) = sign.filter_map(|sign| Some((sign, text.strip_prefix(sign)?))).next().unwrap_or(("", text));
        self.result(&format!("{sign}{}", harmless(rest)));
    }

    /// A result, as JSON on one line: true to the letter, and harmless on a terminal.
    pub fn object(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.end_progress();
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(FailureKind::LocalState, format!("not printable as JSON: {error}")))?;
        self.result(&escape_json(&text));
        Ok(())
    }

    /// A report, and beside it what the command failed with: the members of the report come after `error`.
    pub fn report(&mut self, report: &impl Serialize, failure: Option<&Failure>) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Told<'a, R> {
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<Failure>,
            #[serde(flatten)]
            report: &'a R,
        }
        let hint = |failure: &Failure| failure.hint.as_ref().map(|hint| self.hint(hint).into());
        let error = failure.map(|failure| Failure { hint: hint(failure), ..failure.clone() });
        self.object(&Told { error, report })
    }

    /// A result for another program: to the letter, unless it is a terminal that reads it.
    pub fn data(&mut self, text: &str) {
        if io::stdout().is_terminal() {
            return self.line(text);
        }
        self.end_progress();
        self.result(text);
    }

    /// What kept a result from being written: a full disk, but not a reader that has heard enough.
    pub fn broken(&mut self) -> Option<Failure> {
        let error = self.broken.take()?;
        let message = match error.kind() {
            io::ErrorKind::FileTooLarge => {
                "the result could not be written: the limit on the size of files (ulimit -f)".to_owned()
            }
            _ => format!("the result could not be written: {error}"),
        };
        Some(Failure::new(FailureKind::LocalState, message))
    }

    /// Whether nobody reads the results any more.
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    fn result(&mut self, text: &str) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            self.unread = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.broken.get_or_insert(error);
            }
        }
    }

    /// A message for the person.
    pub fn say(&mut self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            self.end_progress();
            write_all(&mut io::stderr().lock(), text.as_ref());
        }
    }

    /// A warning or a question's text: said even when quiet.
    pub fn warn(&mut self, text: impl AsRef<str>) {
        self.end_progress();
        write_all(&mut io::stderr().lock(), text.as_ref());
    }

    /// Said to whoever sits in front of it: on a terminal alone.
    pub fn tell(&mut self, text: impl AsRef<str>) {
        if self.progress {
            self.warn(text);
        }
    }

    /// Whether somebody sits in front of it.
    pub fn is_attended(&self) -> bool {
        self.progress
    }

    /// How far it is: one line that is written over, on a terminal alone.
    pub fn progress(&mut self, text: &str) {
        if self.progress {
            self.shows_progress = true;
            let mut stderr = io::stderr().lock();
            _ = write!(stderr, "\r\x1b[K{}", harmless(text)).and_then(|()| stderr.flush());
        }
    }

    /// How progress is shown where nobody says otherwise: written over, in lines, or not at all.
    pub fn usual_progress(&self) -> Shows {
        match (self.progress, self.quiet || self.json) {
            (true, _) => Shows::Over,
            (false, false) => Shows::Lines,
            (false, true) => Shows::Nothing,
        }
    }

    /// What to do next: its commands name the configuration that this one was asked for.
    pub fn hint(&self, hint: &Hint) -> String {
        hint.with_commands(self.configuration.as_ref())
    }

    /// A failure, in the form that was asked for.
    pub fn failure(&mut self, failure: &Failure) {
        if self.json {
            _ = self.report(&serde_json::Map::new(), Some(failure));
            return;
        }
        self.warn(format!("pia-halo: {failure}"));
        if let Some(hint) = &failure.hint {
            self.warn(format!("  {}", self.hint(hint)));
        }
    }

    /// The sign of a state, in front of its words; plain where there is no colour.
    pub fn sign(&self, tone: Tone) -> &'static str {
        match (tone, self.colour) {
            (Tone::Good, true) => "\x1b[32m✓\x1b[0m",
            (Tone::Warn, true) => "\x1b[33m!\x1b[0m",
            (Tone::Bad, true) => "\x1b[31m✗\x1b[0m",
            (Tone::Calm, true) => "–",
            (Tone::Good, false) => "+",
            (Tone::Warn, false) => "!",
            (Tone::Bad, false) => "x",
            (Tone::Calm, false) => "-",
        }
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.shows_progress) {
            let mut stderr = io::stderr().lock();
            _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// In one line that is written over.
    Over,
    Lines,
    /// JSON, an object a line.
    Objects,
    Nothing,
}

/// A message for the person from deep inside the work.
pub fn tell(text: &str) {
    write_all(&mut io::stderr().lock(), text);
}

/// Writes a line, harmless whatever it quotes. Nobody reading it (a closed pipe, a terminal that is gone) is no error of the command.
fn write_all(stream: &mut dyn Write, text: &str) {
    _ = writeln!(stream, "{}", harmless(text)).and_then(|()| stream.flush());
}

//! No command: the terminal interface, where there is a terminal.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use clap::CommandFactory as _;
use jiff::tz::TimeZone;
use ratatui::layout::Size;

use super::Call;
use super::args::Arguments;
use super::exit::ExitCode as _;
use crate::app::farewell::farewell;
use crate::app::{Model, Start, Theme};
use crate::domain::draft::Draft;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::ops::{self, Workspace};
use crate::settings::Environment;
use crate::tui::effects::Effects;
use crate::tui::hangup::Exit;
use crate::tui::plain::{self, Goal};
use crate::tui::{self, Capabilities, session};

/// What the demo begins with.
#[derive(Clone, Debug, Default)]
pub(super) struct ForDemo {
    /// What a new configuration's fields begin with.
    pub prefill: Draft,
    /// How callbacks are made to come in.
    pub tip: Option<String>,
}

pub(super) async fn run(call: &mut Call, no_colour: bool) -> u8 {
    if !session::has_terminal() {
        let failure = Failure::new(FailureKind::Usage, "the terminal interface needs a terminal")
            .hint(Hint::from(format!("Commands that work without one: {}; see ", commands())).next(Next::Help));
        call.output.failure(&failure);
        return failure.exit_code();
    }
    let ended = match call.workspace() {
        Ok(workspace) if call.plain => in_lines(workspace, None, Goal::Everything).await,
        Ok(workspace) => with(workspace, call, no_colour, None).await,
        Err(failure) => Err(failure),
    };
    ended.unwrap_or_else(|failure| {
        call.output.failure(&failure);
        failure.exit_code()
    })
}

/// Every command that people are shown.
fn commands() -> String {
    let program = Arguments::command();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(clap::Command::get_name).collect::<Vec<_>>().join(", ")
}

/// The person's time zone: `TZ`, else the machine's, by `/etc/localtime` or at least by name in `/etc/timezone`. A `TZ` that
/// means nothing is not passed over for the machine's: the person wanted another one.
fn zone(environment: &Environment) -> TimeZone {
    let by_name = || {
        let name = std::fs::read_to_string("/etc/timezone").ok()?;
        TimeZone::get(name.trim()).ok()
    };
    let found = TimeZone::try_system().ok();
    found.or_else(|| environment.text("TZ").is_none().then(by_name)?).unwrap_or_else(TimeZone::unknown)
}

/// The same as questions and answers.
pub(super) async fn in_lines(workspace: Workspace, demo: Option<ForDemo>, goal: Goal) -> Result<u8, Failure> {
    // Nothing is drawn: what a screen would be is as good as any.
    let start = start(&workspace, Theme::default(), demo, Size { width: 80, height: 24 });
    let outside = Arc::new(Effects::new(workspace.asking_nobody()));
    Ok(plain::run(start, goal, outside).await.map_err(|error| unusable(&error))?.code())
}

fn start(workspace: &Workspace, theme: Theme, demo: Option<ForDemo>, size: Size) -> Start {
    let (is_demo, demo) = (demo.is_some(), demo.unwrap_or_default());
    Start {
        size,
        zone: zone(workspace.environment()),
        theme,
        demo: is_demo,
        systemd: ops::units::is_there(Path::new("/")),
        prefill: demo.prefill,
        tip: demo.tip,
        // Settings that cannot be read are named on the first screen; until they are mended the keys are the usual ones.
        keys: workspace.config().map(|config| config.keys).unwrap_or_default(),
    }
}

fn unusable(error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::LocalState, format!("the terminal cannot be used: {error}"))
}

/// The terminal interface in a workspace; the demo gives what a new configuration begins with.
pub(super) async fn with(
    workspace: Workspace,
    call: &Call,
    no_colour: bool,
    demo: Option<ForDemo>,
) -> Result<u8, Failure> {
    let variable = |name: &str| call.environment.text(name);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    let no_colour = no_colour || variable("NO_COLOR").is_some();
    let capabilities = Capabilities::from_values(variable("TERM").unwrap_or_default(), locale, no_colour)
        .inside(variable("TMUX").is_some(), variable("STY").is_some());
    let start = start(&workspace, Theme { mono: capabilities.mono, ascii: capabilities.ascii }, demo, Size::default());
    let (mut model, effects) = Model::new(start);
    // A person at the terminal types the secret into its field, and is never prompted below the interface.
    let outside = Arc::new(Effects::new(workspace.asking_nobody().telling_nobody()));
    let exit =
        tui::run_interactive(&mut model, effects, outside, capabilities).await.map_err(|error| unusable(&error))?;
    // Whoever left by a key is still there to read it.
    if exit == Exit::Quit
        && let Some(words) = farewell(&model)
        && session::takes_line(std::io::stderr())
    {
        _ = writeln!(std::io::stderr(), "{words}");
    }
    Ok(exit.code())
}

#[cfg(test)]
mod tests {
    #[test]
    fn commands_are_told_as_clap_knows_them() {
        let commands = super::commands();
        for name in ["setup", "serve", "tickets", "rotate", "audit"] {
            assert!(commands.split(", ").any(|command| command == name), "{name}: {commands}");
        }
    }
}

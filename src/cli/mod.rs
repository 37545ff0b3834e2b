//! The command line: one file per command, text or JSON, and stable exit codes.
//!
//! Nothing here decides anything: a command reads its options, calls a use-case of [`ops`](crate::ops), and prints.

mod activate;
mod args;
mod audit;
mod backup;
mod check;
mod clients;
mod completing;
mod config;
mod configure;
mod deliveries;
mod demo;
mod doctor;
mod events;
mod examples;
mod exit;
mod history;
mod interactive;
mod limits;
mod log;
mod manual;
mod options;
mod output;
mod plan;
mod planned;
mod prompt;
mod remove;
mod report;
mod rotate;
mod serve;
mod setup;
mod signals;
mod spool;
mod status;
mod store;
mod support;
mod sync;
mod table;
mod tickets;
mod topics;
mod units;
mod version;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches;
use clap_complete::CompleteEnv;
use tokio_util::sync::CancellationToken;

use self::args::{Arguments, Command, Config, Store};
use self::exit::ExitCode as _;
use self::output::Output;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::untrusted::{harmless, is_invisible};
use crate::ops::{SystemClock, Workspace};
use crate::settings::{Environment, Paths, without_variables};

/// The program's name.
const PROGRAM: &str = "pia-halo";

/// What a shell sets to ask for what it can offer.
const COMPLETE: &str = "PIA_HALO_COMPLETE";

/// Everything a command works with.
struct Call {
    environment: Environment,
    output: Output,
    configuration: Option<ConfigurationId>,
    /// Whether it was named on the command line, and not by the environment.
    is_named: bool,
    /// Whether everything is said in whole lines: asked for, or all that the terminal knows.
    plain: bool,
    cancel: CancellationToken,
}

impl Call {
    /// Opens the person's own settings and store. Who only prints what is stored takes [`Call::look`].
    fn workspace(&self) -> Result<Workspace, Failure> {
        self.workspace_below(Paths::from_environment(&self.environment)?)
    }

    fn workspace_below(&self, paths: Paths) -> Result<Workspace, Failure> {
        Ok(Self::for_caller(Workspace::open(paths, self.environment.clone(), Arc::new(SystemClock))?))
    }

    /// The same for a command that only prints what is stored, and ends: a full disk does not keep it from that.
    fn look(&self) -> Result<Workspace, Failure> {
        let paths = Paths::from_environment(&self.environment)?;
        Ok(Self::for_caller(Workspace::open_to_look(paths, self.environment.clone(), Arc::new(SystemClock))?))
    }

    /// The same for a command that reads for a while, or asks Halo something: another host that works on the server does not
    /// keep it from that.
    fn read(&self) -> Result<Workspace, Failure> {
        let paths = Paths::from_environment(&self.environment)?;
        Ok(Self::for_caller(Workspace::open_to_read(paths, self.environment.clone(), Arc::new(SystemClock))?))
    }

    /// A step as a command, for the configuration that was asked for.
    fn next(&self, next: &Next) -> String {
        next.command(self.configuration.as_ref())
    }

    /// The configuration that is meant: the one that was named, or else the active one.
    fn chosen(&self, workspace: &Workspace) -> Result<(ConfigurationId, Configuration, bool), Failure> {
        let chosen = workspace.configuration(self.configuration.as_ref())?;
        let (id, configuration, active) = &chosen;
        tracing::info!(configuration = %id, halo = %configuration.api.url, active);
        Ok(chosen)
    }

    /// The same for what only the active one may do.
    fn active(&self, workspace: &Workspace) -> Result<(ConfigurationId, Configuration), Failure> {
        self.chosen(workspace)?;
        workspace.active_configuration(self.configuration.as_ref())
    }

    /// Whether a question can be put to a person: JSON is for a program.
    fn can_ask(&self) -> bool {
        !self.output.json && prompt::is_possible()
    }

    /// Says what it failed with, and ends with its code.
    fn failed(&mut self, failure: &Failure) -> ExitCode {
        self.output.failure(failure);
        ExitCode::from(failure.exit_code())
    }

    /// The workspace in the hands of whoever has called.
    fn for_caller(workspace: Workspace) -> Workspace {
        let workspace = workspace.telling(output::tell).attended(prompt::is_attended());
        if prompt::is_possible() { workspace.asking_for_secrets(prompt::secret) } else { workspace }
    }
}

/// Runs the program: reads the arguments, does what they ask, and answers with the exit code.
pub fn run() -> ExitCode {
    if std::env::var_os(COMPLETE).is_some_and(|shell| !shell.is_empty()) {
        let answer = CompleteEnv::with_factory(topics::offering).var(COMPLETE).bin(PROGRAM).completer(PROGRAM);
        // A shell waits for it with a person at the keys: what goes wrong offers nothing, and says nothing.
        let answered = answer.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref());
        return ExitCode::from(u8::from(answered.is_err()));
    }
    let matches = topics::command().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((options::path(&matches), Arguments::from_arg_matches(&matches)?)));
    let (path, mut arguments) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error),
    };
    // Every file of ours is private from its first byte, whatever creates it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    keep_memory_private();
    if matches!(arguments.command, Some(Command::Serve(_))) {
        give_memory_back();
    }
    let environment = Environment::capture();
    let no_colour = environment.text("NO_COLOR").is_some();
    let plain = arguments.everywhere.plain || environment.text("TERM") == Some("dumb");
    let is_named = arguments.everywhere.configuration.is_some();
    let ready = options::require_sense(&arguments, &path)
        .and_then(|()| limits::require().map_err(|why| Failure::new(FailureKind::LocalState, why)))
        .and_then(|()| match options::takes_configuration(&path) {
            true => configuration_of(&environment, &mut arguments.everywhere.configuration),
            false => Ok(()),
        });
    let mut call = Call {
        output: Output::new(&arguments.everywhere, no_colour, plain),
        plain,
        configuration: arguments.everywhere.configuration.clone(),
        is_named,
        cancel: CancellationToken::new(),
        environment,
    };
    if let Err(failure) = ready {
        return call.failed(&failure);
    }
    let draws = match &arguments.command {
        None => true,
        Some(Command::Demo(options)) => !options.serve,
        Some(Command::Setup(options)) => call.plain && options.answers.is_none() && options.set.is_empty(),
        Some(_) => false,
    };
    // Whoever changes what is saved sees what is saved, and the demo's Halo is its own.
    if draws || matches!(arguments.command, Some(Command::Setup(_))) {
        call.environment = without_variables(&call.environment);
    }
    let serves = matches!(arguments.command, Some(Command::Serve(_)));
    let detail = if serves { log::Detail::Noteworthy } else { log::Detail::Requests };
    // The demo leaves nothing among the person's own files.
    let into_file = !matches!(arguments.command, Some(Command::Demo(_)));
    let verbose = if draws { 0 } else { arguments.everywhere.verbose };
    for complaint in log::start(&call.environment, verbose, detail, into_file) {
        call.output.warn(format!("pia-halo: {complaint}"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(why) => {
            let message = format!("the program cannot start its threads: {why}");
            return call.failed(&Failure::new(FailureKind::LocalState, message));
        }
    };
    let code = runtime.block_on(dispatch(arguments, call));
    // A reading of standard input cannot be stopped; nobody waits for it.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// The configuration that the environment names, where the command line names none.
fn configuration_of(environment: &Environment, named: &mut Option<ConfigurationId>) -> Result<(), Failure> {
    let Some(text) = environment.text("PIA_HALO_CONFIGURATION").filter(|_| named.is_none()) else { return Ok(()) };
    let id = ConfigurationId::parse(text);
    let id = id.map_err(|error| Failure::new(FailureKind::Usage, format!("PIA_HALO_CONFIGURATION: {error}")))?;
    *named = Some(id);
    Ok(())
}

/// A core file, or another program of the same user, would have every secret of this one.
fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    {
        _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

/// Has large blocks mapped one by one, so that the memory of a body of megabytes goes back to the system with it. The C
/// library raises its own threshold at the first such body and keeps every later one; it reads this once, at the start of a
/// program, so the service starts itself again with it.
fn give_memory_back() {
    use std::os::unix::process::CommandExt;
    const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
    if std::env::var_os(THRESHOLD).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Where that fails the service runs on as it is.
    _ = std::process::Command::new(program).args(std::env::args_os().skip(1)).env(THRESHOLD, "1048576").exec();
}

/// Does what waits for disks or a server where nothing else waits for it.
async fn off_the_threads<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Failure> + Send + 'static,
) -> Result<R, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::new(FailureKind::LocalState, "an internal task stopped without a result"))?
}

async fn dispatch(arguments: Arguments, mut call: Call) -> u8 {
    signals::survive_file_limit();
    let Some(command) = arguments.command else {
        return interactive::run(&mut call, arguments.everywhere.no_color).await;
    };
    let ended_by = signals::cancel_on_signal(call.cancel.clone());
    let done = match command {
        Command::Demo(options) => demo::run(&mut call, options, arguments.everywhere.no_color).await,
        Command::Setup(options) => setup::run(&mut call, options).await,
        Command::Check(options) => check::run(&mut call, &options).await,
        Command::Sync(options) => sync::run(&mut call, &options).await,
        Command::Clients(options) => clients::run(&mut call, &options),
        Command::History(options) => history::run(&mut call, &options),
        Command::Plan => plan::run(&mut call).await,
        Command::Configure(options) => Box::pin(configure::run(&mut call, &options)).await,
        Command::Remove(options) => remove::run(&mut call, &options).await,
        Command::Rotate(options) => rotate::run(&mut call, &options).await,
        Command::Deliveries => deliveries::run(&mut call).await,
        Command::Audit(options) => audit::run(&mut call, &options),
        Command::Report(options) => report::run(&mut call, &options),
        Command::Status(options) => status::run(&mut call, &options),
        Command::Doctor(options) => doctor::run(&mut call, &options).await,
        Command::Issues(options) => doctor::list(&mut call, options).await,
        Command::Serve(options) => serve::run(&mut call, options).await,
        Command::Events(options) => events::run(&mut call, options).await,
        Command::Tickets => tickets::list(&mut call).await,
        Command::Escalate(options) => tickets::escalate(&mut call, options).await,
        Command::Activate(options) => Box::pin(activate::activate(&mut call, &options)).await,
        Command::Deactivate => activate::deactivate(&mut call),
        Command::Config(Config::Path) => config::path(&mut call),
        Command::Config(Config::Show(options)) => config::show(&mut call, &options),
        Command::Config(Config::Edit) => config::edit(&mut call),
        Command::Config(Config::Delete(options)) => config::delete(&mut call, &options),
        Command::Store(Store::Init) => store::init(&mut call).await,
        Command::Store(Store::Key(options)) => store::key(&mut call, &options).await,
        Command::Store(Store::SetAside) => store::set_aside(&mut call),
        Command::Store(Store::Status(options)) => store::status(&mut call, options).await,
        Command::Store(Store::Spool(options)) => spool::run(&mut call, &options).await,
        Command::Store(Store::Copy(options)) => store::copy(&mut call, &options).await,
        Command::Service(service) => units::run(&mut call, &service),
        Command::Support(options) => support::run(&mut call, options).await,
        Command::Backup(options) => backup::backup(&mut call, options).await,
        Command::Restore(options) => backup::restore(&mut call, options).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            let shells = clap_complete::env::Shells::builtins();
            if let Some(shell) = shells.completer(&shell.to_string()) {
                // Written into memory: that cannot fail.
                _ = shell.write_registration(COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut script);
            }
            page(&mut call.output, &script)
        }
        Command::Man(options) => manual::run(&mut call, &options),
        Command::Help { about } => topics::run(&mut call, &about),
    };
    let mut code = done.unwrap_or_else(|failure| {
        call.output.failure(&failure);
        failure.exit_code()
    });
    if let Some(failure) = call.output.broken() {
        call.output.warn(format!("pia-halo: {failure}"));
        code = failure.exit_code();
    }
    ended_by.code().unwrap_or(code)
}

/// Wrong usage: clap's own words, or an error object where JSON was asked for. Help and version come this way, too.
fn usage(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let mut output = Output::new(&args::Everywhere { json: wants_json, ..Default::default() }, true, true);
    if wants_json && error.kind() == clap::error::ErrorKind::DisplayVersion {
        _ = output.object(&version::object());
        return ExitCode::from(output.broken().map_or(0, |failure| failure.exit_code()));
    }
    if wants_json && error.use_stderr() {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let failure = Failure::new(FailureKind::Usage, message).hint(Next::Help);
        output.failure(&failure);
        return ExitCode::from(failure.exit_code());
    }
    // What was typed is quoted: it may hold what a terminal acts upon.
    let text = error.render().to_string();
    let is_odd = std::env::args_os().any(|argument| {
        let argument = argument.to_string_lossy();
        argument.chars().any(|character| character.is_control() || is_invisible(character))
    });
    let printed = if is_odd && error.use_stderr() {
        writeln!(std::io::stderr(), "{}", harmless(&text).trim_end())
    } else {
        error.print().and_then(|()| std::io::stdout().flush())
    };
    match printed {
        Err(why) if !error.use_stderr() && why.kind() != ErrorKind::BrokenPipe => {
            _ = writeln!(std::io::stderr(), "pia-halo: the result could not be written: {why}");
            ExitCode::from(FailureKind::LocalState.exit_code())
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}

fn page(output: &mut Output, text: &[u8]) -> Result<u8, Failure> {
    output.line(String::from_utf8_lossy(text).trim_end());
    Ok(0)
}

#[cfg(test)]
mod hints_tests;

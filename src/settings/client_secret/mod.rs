//! Where the Client Secret comes from: the first place in the order of `assets/docs/commands.md` wins.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Settings;
use super::environment::Environment;
use super::error::SettingsError;
use super::given::{self, read_named};
use super::private_file;
use super::secret_source::{FILE_VARIABLE, SecretSource, VARIABLE};
use crate::domain::activity::mask_tokens;
use crate::domain::configuration::ConfigurationId;
use crate::domain::redaction::without_secrets;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;

/// The credential's name below `$CREDENTIALS_DIRECTORY`.
const SYSTEMD_NAME: &str = "halo_client_secret";
const FOLDER_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// A Client Secret has some 80 characters. Whoever points at a disk image should hear of it soon.
const LONGEST: usize = 16 << 10;

const TOO_LONG: &str = "far too long to be a secret";

/// How long a command may take to give the secret.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// A Client Secret and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSecret {
    /// The secret.
    pub secret: Secret,
    /// The place that gave it.
    pub source: SecretSource,
    /// Whether it came with blanks, quotes or invisible characters, which are not part of it.
    pub cleaned: bool,
}

impl FoundSecret {
    /// What the person should hear of it.
    pub fn note(&self) -> Option<String> {
        self.cleaned.then(|| {
            format!("ignoring spaces, quotes or invisible characters around the Client Secret from {}", self.source)
        })
    }
}

/// Reads what `--client-secret-file` names; `-` is standard input, which may take its time.
///
/// # Errors
///
/// [`SettingsError::Secret`] where it cannot be read, is empty or holds more than one line; [`SettingsError::File`] for a
/// file that others could read or have written.
pub fn given_secret(file: &Path) -> Result<FoundSecret, SettingsError> {
    let source = match file.to_str() {
        Some("-") => SecretSource::StandardInput,
        _ => SecretSource::GivenFile(file.to_owned()),
    };
    if given::names_file(file) {
        private_file::require_secret(file, None)?;
    }
    read_file(file, source)
}

/// Reads the secret with which forwarded events are signed from the file that gives it.
///
/// # Errors
///
/// As [`given_secret`].
pub fn given_forward_secret(file: &Path) -> Result<Secret, SettingsError> {
    if given::names_file(file) {
        private_file::require_secret(file, None)?;
    }
    Ok(read_file(file, SecretSource::ForwardFile(file.to_owned()))?.secret)
}

/// Which place would give the Client Secret, without asking it: no command is run, no file but `credentials.toml` read.
/// `id` is none while nothing is saved; `command` is the configuration's `client_secret_command`.
///
/// # Errors
///
/// What makes `credentials.toml` unusable, where its turn comes.
pub fn secret_source(
    settings: &Settings,
    environment: &Environment,
    id: Option<&ConfigurationId>,
    command: Option<&[String]>,
) -> Result<Option<SecretSource>, SettingsError> {
    if let Some(source) = outside_source(environment, command) {
        return Ok(Some(source));
    }
    let stored = id.map(|id| settings.secrets(id)).transpose()?.and_then(|secrets| secrets.client_secret);
    Ok(stored.map(|_| SecretSource::Stored(settings.paths().credentials())))
}

/// The Client Secret from the first place that has it; none where no place has, and the person has to be asked. A
/// command is run now, for up to 10 seconds: do not call this where a screen would stand still.
///
/// # Errors
///
/// [`SettingsError::Secret`] where the first place does not give a usable one: the next is not tried, because that
/// would hide the mistake. Or what makes `credentials.toml` unusable, where its turn comes.
pub fn client_secret(
    settings: &Settings,
    environment: &Environment,
    id: Option<&ConfigurationId>,
    command: Option<&[String]>,
) -> Result<Option<FoundSecret>, SettingsError> {
    let Some(source) = outside_source(environment, command) else {
        let stored = id.map(|id| settings.secrets(id)).transpose()?.and_then(|secrets| secrets.client_secret);
        let source = SecretSource::Stored(settings.paths().credentials());
        return stored.map(|secret| secret_of(secret.expose().as_bytes(), source)).transpose();
    };
    let found = match source {
        SecretSource::Systemd(ref path) => {
            private_file::require_trusted(path, None)?;
            read_file(&path.clone(), source)?
        }
        SecretSource::EnvironmentFile(ref path) => {
            // A pipe is refused, not waited for: a service would do so at each start.
            if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
                return Err(refused(&source, "not a file"));
            }
            private_file::require_secret(path, None)?;
            read_file(&path.clone(), source)?
        }
        SecretSource::Command(ref words) => {
            require_own_command(words, environment)?;
            secret_of(&run(words, &source, environment, COMMAND_LIMIT)?, source)?
        }
        _ => secret_of(environment.get(VARIABLE).unwrap_or_default().as_encoded_bytes(), source)?,
    };
    Ok(Some(found))
}

/// Refuses a command that somebody else could have written: its program, or a file that it is handed. A shell runs that.
///
/// # Errors
///
/// As [`private_file::require_trusted`].
pub fn require_own_command(words: &[String], environment: &Environment) -> Result<(), SettingsError> {
    let program = words.first().and_then(|word| program(word, environment));
    let scripts = words.iter().skip(1).map(PathBuf::from).filter(|word| word.is_absolute() && given::names_file(word));
    program.into_iter().chain(scripts).try_for_each(|file| Ok(private_file::require_trusted(&file, None)?))
}

/// Whether a command can be run: its program is there, and a program.
pub fn is_there(words: &[String], environment: &Environment) -> bool {
    let is_program =
        |file: PathBuf| std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0);
    words.first().and_then(|word| program(word, environment)).is_some_and(is_program)
}

/// The first place outside `credentials.toml` that is set, in order.
fn outside_source(environment: &Environment, command: Option<&[String]>) -> Option<SecretSource> {
    if let Some(folder) = environment.get(FOLDER_VARIABLE) {
        // systemd sets the folder for any credential: only this one's file says that it is meant.
        let path = Path::new(folder).join(SYSTEMD_NAME);
        if path.is_absolute() && path.exists() {
            return Some(SecretSource::Systemd(path));
        }
    }
    if let Some(path) = environment.get(FILE_VARIABLE) {
        return Some(SecretSource::EnvironmentFile(PathBuf::from(path)));
    }
    if environment.get(VARIABLE).is_some() {
        return Some(SecretSource::Environment);
    }
    command.map(|words| SecretSource::Command(words.to_vec()))
}

fn refused(source: &SecretSource, why: impl Into<String>) -> SettingsError {
    SettingsError::Secret { origin: source.clone(), why: why.into() }
}

fn words_of(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn read_file(path: &Path, source: SecretSource) -> Result<FoundSecret, SettingsError> {
    let bytes = read_named(path, LONGEST).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => refused(&source, TOO_LONG),
        io::ErrorKind::TimedOut => refused(&source, "the pipe was empty"),
        _ => refused(&source, words_of(&error)),
    })?;
    secret_of(&bytes, source)
}

/// Reads to the end, or to where it is too long. Room for all of it at once: a growing buffer leaves copies behind.
fn read_bytes(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 64));
    from.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text without the end of its line.
fn text_of<'a>(bytes: &'a [u8], source: &SecretSource) -> Result<&'a str, SettingsError> {
    if bytes.len() > LONGEST {
        return Err(refused(source, TOO_LONG));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused(source, "not text"))?;
    Ok(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)))
}

fn usable(secret: Secret, source: &SecretSource) -> Result<Secret, SettingsError> {
    if secret.is_empty() {
        return Err(refused(source, "empty"));
    }
    if secret.expose().chars().any(char::is_control) {
        return Err(refused(source, "more than one line, or control characters"));
    }
    Ok(secret)
}

fn secret_of(bytes: &[u8], source: SecretSource) -> Result<FoundSecret, SettingsError> {
    let line = text_of(bytes, &source)?;
    let secret = usable(Secret::typed(line), &source)?;
    let cleaned = secret.expose().len() < line.len();
    Ok(FoundSecret { secret, source, cleaned })
}

/// The file that a command runs; none where there is none, which is said when it is run.
fn program(word: &str, environment: &Environment) -> Option<PathBuf> {
    if word.contains('/') {
        return Some(PathBuf::from(word));
    }
    let folders = environment.get("PATH").unwrap_or(OsStr::new("/bin:/usr/bin"));
    let is_program =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0);
    std::env::split_paths(folders).map(|folder| folder.join(word)).find(is_program)
}

/// The password of a server, to the letter, out of the command that prints it; that runs for up to 10 seconds.
///
/// # Errors
///
/// [`SettingsError::Secret`] where it does not give one line; [`SettingsError::File`] where somebody else could have written
/// the command.
pub fn store_password(words: &[String], environment: &Environment) -> Result<Secret, SettingsError> {
    require_own_command(words, environment)?;
    let source = SecretSource::PasswordCommand(words.to_vec());
    let printed = run(words, &source, environment, COMMAND_LIMIT)?;
    usable(Secret::new(text_of(&printed, &source)?), &source)
}

/// Runs a command and takes what it prints.
fn run(
    words: &[String],
    source: &SecretSource,
    environment: &Environment,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    let refused = |why: String| refused(source, why);
    let (program, arguments) = words.split_first().ok_or_else(|| refused("no program is named".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment.iter())
        // A helper has no business with a secret that was meant for us.
        .env_remove(VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group, so that what it starts can be stopped with it.
        .process_group(0)
        .spawn()
        .map_err(|error| refused(format!("cannot be run: {}", words_of(&error))))?;
    let deadline = Instant::now() + limit;
    let printed = drain(child.stdout.take());
    let complained = drain(child.stderr.take());
    let late = || {
        let why = if given::is_ending() {
            "interrupted while waiting for it".to_owned()
        } else {
            format!("no answer within {} seconds", limit.as_secs())
        };
        refused(why)
    };
    // The end of its output, or of our patience: a grandchild may hold the pipe open for ever.
    let Some(bytes) = receive(&printed, deadline) else {
        stop(&mut child);
        return Err(late());
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline && !given::is_ending() => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                stop(&mut child);
                return Err(late());
            }
            Err(error) => return Err(refused(words_of(&error))),
        }
    };
    if !status.success() {
        let said = receive(&complained, deadline.min(Instant::now() + Duration::from_millis(200)));
        let said = said.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).unwrap_or_default();
        // What it prints is a secret wherever it prints it, and a secret that we do not know has the shape of one.
        let printed = Secret::typed(String::from_utf8_lossy(&bytes).trim());
        let last_line = without_secrets(said.lines().last().unwrap_or_default(), &[&printed]);
        let last_line = Untrusted::new(mask_tokens(&last_line)).display();
        let ended =
            status.code().map_or("was stopped by a signal".to_owned(), |code| format!("ended with status {code}"));
        return Err(refused(if last_line.is_empty() { ended } else { format!("{ended}: {last_line}") }));
    }
    Ok(bytes)
}

type Drained = mpsc::Receiver<Zeroizing<Vec<u8>>>;

/// Reads a pipe to its end beside us, so that a full pipe never stops the command.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Drained {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let bytes = read_bytes(&mut pipe).unwrap_or_default();
        // What is beyond the longest secret is of no use, but the command has to get rid of it.
        let _ = io::copy(&mut pipe, &mut io::sink());
        // Nobody listens any more after the deadline.
        let _ = sender.send(bytes);
    });
    receiver
}

fn receive(drained: &Drained, deadline: Instant) -> Option<Zeroizing<Vec<u8>>> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match drained.recv_timeout(left.min(given::SLICE)) {
            Ok(bytes) => return Some(bytes),
            Err(mpsc::RecvTimeoutError::Timeout) if left > given::SLICE && !given::is_ending() => {}
            Err(_) => return None,
        }
    }
}

fn stop(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself a moment ago.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests;

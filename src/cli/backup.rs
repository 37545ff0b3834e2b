//! `backup` and `restore`: everything that this machine knows, in one file.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Backup, Restore};
use super::{Call, off_the_threads, prompt};
use crate::domain::calendar::utc;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::secret::Secret;
use crate::domain::thousands;
use crate::domain::untrusted::{Untrusted, passphrase_of};
use crate::ops::backup::restore::{self, Proved};
use crate::ops::backup::seal::{Key, Seal};
use crate::ops::backup::{self, Manifest};
use crate::ops::{self, Clock as _, SystemClock, Workspace};
use crate::settings::private_file::{FileError, require_secret, require_trusted};
use crate::settings::{Paths, SettingsError, names_file, open_named, read_named};
use crate::words::Tone;
use crate::words::typed::ToType;

/// A passphrase or an identity file is a few lines.
const LONGEST: usize = 64 << 10;

pub(super) async fn backup(call: &mut Call, options: Backup) -> Result<u8, Failure> {
    let to_stdout = options.file == Path::new("-");
    if to_stdout && (io::stdout().is_terminal() || call.output.json) {
        return Err(Failure::new(FailureKind::Usage, "a backup is not text: send standard output to a file or a pipe"));
    }
    let seal = match (&options.passphrase_file, options.with_secrets) {
        (_, false) => None,
        _ if !options.recipient.is_empty() => Some(Seal::Recipients(options.recipient)),
        (Some(file), _) => Some(Seal::Passphrase(passphrase_in(file)?)),
        (None, _) if call.can_ask() => Some(Seal::Passphrase(prompt::passphrase(true)?)),
        (None, _) => return Err(needs_passphrase("--recipient")),
    };
    let (workspace, cancel) = (call.workspace()?, call.cancel.clone());
    let file = options.file.clone();
    let write = move |workspace: &Workspace| match to_stdout {
        true => backup::write_to(workspace, io::stdout().lock(), seal.as_ref(), &cancel),
        false => backup::write_file(workspace, &file, seal.as_ref(), &cancel),
    };
    let manifest = workspace.run_blocking(write).await?;
    let secrets = match &manifest.sealed_by {
        Some(by) => format!("with the secrets, encrypted ({by})"),
        None => "without secrets".to_owned(),
    };
    if call.output.json {
        call.output.object(&json!({ "status": "done", "file": options.file, "manifest": manifest }))?;
    } else if to_stdout {
        call.output.say(format!("Backup written, {secrets}"));
    } else {
        call.output.line(format!("{} written, {secrets}", options.file.display()));
    }
    Ok(0)
}

pub(super) async fn restore(call: &mut Call, options: Restore) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    // One that a killed program has left is finished first: it counts already.
    ops::restored::finish(&paths)?;
    let (environment, cancel, now) = (call.environment.clone(), call.cancel.clone(), SystemClock.now());
    let (file, at) = (options.file.clone(), paths.clone());
    let prove = move || restore::prove(&at, &environment, open(&file, at.home.as_deref())?, now, &cancel);
    let mut proved = off_the_threads(prove).await?;
    // A check needs no key; where there is one, it is tried as well.
    let has_key = options.identity.is_some() || options.passphrase_file.is_some();
    if !options.without_secrets && (has_key || !options.check) {
        open_secrets(call, &mut proved, &options)?;
    }
    let secrets = match proved.wants_passphrase()? {
        _ if proved.has_secrets() => "opened",
        Some(_) => "not_opened",
        None => "none",
    };
    if options.check {
        let code = tell(call, "proved", &proved.manifest, secrets, None)?;
        match secrets {
            "opened" => call.output.say("The key opens the secrets."),
            "not_opened" => {
                call.output.warn("The secrets were not tried: add --passphrase-file FILE or --identity FILE");
            }
            _ => {}
        }
        return Ok(code);
    }
    if !options.consent.yes {
        agree(call, &proved, &paths)?;
    }
    let manifest = proved.manifest.clone();
    let (environment, at) = (call.environment.clone(), paths.clone());
    let place = move || restore::put_in_place(proved, &at, &environment, now);
    let aside = off_the_threads(place).await?;
    let code = tell(call, "restored", &manifest, secrets, aside)?;
    if secrets != "opened" {
        call.output.say(format!(
            "No secrets were restored. If this machine has none: {}, then {} gives the callbacks a new token.",
            Next::SetupSecret,
            Next::Configure
        ));
    }
    if restore::has_active(&paths) {
        call.output.say(format!("Next: {}", Next::Plan));
    }
    Ok(code)
}

/// A backup brings settings, among them a command that is run in the person's name: nobody else may have written it.
fn open(file: &Path, home: Option<&Path>) -> Result<Box<dyn Read>, Failure> {
    if names_file(file) {
        require_trusted(file, home).map_err(SettingsError::from)?;
    }
    open_named(file).map_err(|error| cannot_read(file, error))
}

/// A file that a person named. What it may not be read for has a way out.
fn cannot_read(file: &Path, source: io::Error) -> Failure {
    let is_denied = source.kind() == io::ErrorKind::PermissionDenied;
    let error = FileError::Io { doing: "read", path: file.to_owned(), source };
    let failure = Failure::new(FailureKind::Usage, error.to_string());
    if is_denied { failure.hint(error.hint()) } else { failure }
}

fn needs_passphrase(or: &str) -> Failure {
    Failure::new(FailureKind::Usage, format!("the secrets need a passphrase: --passphrase-file FILE, or {or}"))
}

fn secret_in(file: &Path) -> Result<Secret, Failure> {
    if names_file(file) {
        require_secret(file, None).map_err(SettingsError::from)?;
    }
    let bytes = read_named(file, LONGEST).map_err(|error| cannot_read(file, error))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if bytes.len() <= LONGEST => Ok(Secret::new(text)),
        _ => Err(cannot_read(file, io::Error::other("it is too long, or no text"))),
    }
}

/// The first line of a file.
fn passphrase_in(file: &Path) -> Result<Secret, Failure> {
    match secret_in(file)?.expose().lines().next() {
        Some(line) if !passphrase_of(line).is_empty() => Ok(Secret::new(line)),
        _ => Err(Failure::new(FailureKind::Usage, format!("there is no passphrase in {}", file.display()))),
    }
}

fn open_secrets(call: &Call, proved: &mut Proved, options: &Restore) -> Result<(), Failure> {
    let Some(by_passphrase) = proved.wants_passphrase()? else { return Ok(()) };
    let key = match (&options.identity, &options.passphrase_file) {
        (Some(file), _) => Key::Identities(secret_in(file)?),
        (_, Some(file)) => Key::Passphrase(passphrase_in(file)?),
        _ if by_passphrase && call.can_ask() && options.file != Path::new("-") => {
            Key::Passphrase(prompt::passphrase(false)?)
        }
        _ if by_passphrase => return Err(needs_passphrase("--without-secrets")),
        _ => {
            let message = "the secrets are encrypted for a recipient: use --identity FILE or --without-secrets";
            return Err(Failure::new(FailureKind::Usage, message));
        }
    };
    proved.open_secrets(&key)
}

/// Replaces nothing without a typed yes.
fn agree(call: &mut Call, proved: &Proved, paths: &Paths) -> Result<(), Failure> {
    let (made, what) = (&proved.manifest, proved.replaces(paths).join(", "));
    if what.is_empty() {
        return Ok(());
    }
    let question = format!("{}, replaces {what}", origin(made));
    if !call.can_ask() {
        return Err(Failure::new(FailureKind::NeedsYes, question).hint("confirm with --yes; nothing was changed"));
    }
    let wanted = ToType::new("yes");
    if prompt::typed(&format!("On this machine, {question}. {}", wanted.to_confirm()), &wanted) {
        return Ok(());
    }
    Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was changed"))
}

fn origin(manifest: &Manifest) -> String {
    let at = utc(manifest.made_at);
    format!("the backup of {}, made at {at}", Untrusted::new(&manifest.host).display())
}

fn tell(
    call: &mut Call,
    status: &str,
    manifest: &Manifest,
    secrets: &str,
    aside: Option<PathBuf>,
) -> Result<u8, Failure> {
    if call.output.json {
        let object = json!({ "status": status, "manifest": manifest, "secrets": secrets, "set_aside": aside });
        call.output.object(&object)?;
        return Ok(0);
    }
    let mark = call.output.sign(Tone::Good);
    let done = if status == "proved" { "verified" } else { status };
    call.output.line(format!("{mark} {done}: {} by {}", origin(manifest), Untrusted::new(&manifest.by).display()));
    for member in &manifest.members {
        call.output.line(format!(
            "  {:<22} {:>12} bytes",
            Untrusted::new(&member.name).display(),
            thousands(member.bytes)
        ));
    }
    let rows = manifest.store.iter().flat_map(|store| &store.tables).map(|table| table.rows).sum();
    let tables = manifest.store.as_ref().map_or(0, |store| store.tables.len());
    call.output.line(format!("  {} rows in {tables} tables, all verified", thousands(rows)));
    if let Some(folder) = aside {
        call.output.line(format!("The previous files are in {}", folder.display()));
    }
    Ok(0)
}

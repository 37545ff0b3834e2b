//! What helps somebody else to see what is wrong here, without a secret: shown file by file before it is written.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::archive::{self, Archive, cannot, to_file};
use super::{Workspace, check, events, plan, status, sync};
use crate::domain::activity::mask_tokens;
use crate::domain::calendar::rfc3339;
use crate::domain::check::Check;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::domain::redaction::{without_address_secrets, without_named_secrets, without_secrets};
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::domain::secret::Secret;
use crate::domain::version::{COMMIT, VERSION};
use crate::settings::{client_secret, private_file};

/// How much of the log's end goes along.
const LOG: u64 = 256 << 10;

/// Runs that go along, and events that are looked through for those that were not understood.
const RUNS: usize = 20;
const EVENTS: usize = 10_000;

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    pub name: &'static str,
    /// Its text, with every secret masked.
    pub text: String,
}

/// Collects everything; Halo is asked, and nothing is changed. What cannot be had is said in its place.
pub async fn collect(
    workspace: &Workspace,
    chosen: Option<(ConfigurationId, Configuration)>,
    cancel: CancellationToken,
    tell: impl Fn(&str) + Send + Sync,
) -> Vec<Document> {
    let on_check = |check: &Check| tell(&format!("Asking Halo: {}", check.id.title()));
    let stored = workspace.settings.every_secret();
    // What cannot be looked for cannot be masked: then nothing goes along that somebody may have pasted a secret into.
    let or_left_out = |text: fn(&Workspace) -> String| match &stored {
        Ok(_) => text(workspace),
        Err(error) => format!("# left out, because the secrets to mask in it cannot be read: {error}\n"),
    };
    let texts = [or_left_out(settings), or_left_out(log)];
    let secrets = secrets(workspace, stored.unwrap_or_default());
    let [settings, log] = texts;
    let mut files = vec![("versions.json", versions(workspace)), ("settings.toml", settings)];
    if let Some((id, configuration)) = chosen {
        let request = VerifyRequest {
            id: Some(id.clone()),
            api: configuration.api.clone(),
            secret: SecretChoice::Stored,
            pia_screen: Some(configuration.pia_screen.clone()),
        };
        files.push(("check.json", pretty(check::verify(workspace, &request, cancel.clone(), on_check).await)));
        files.push(("status.json", pretty(status::of(workspace, &id))));
        let planned = plan::load(workspace, &id, &configuration, cancel, on_check).await;
        files.push(("plan.json", pretty(planned.map(|outcome| match outcome {
            Ok(plan) => json!({ "counts": plan.counts(), "changes": plan.changes, "blocked": plan.blocked, "warnings": plan.warnings }),
            Err(report) => json!({ "refused": report }),
        }))));
        files.push(("runs.json", pretty(sync::runs(workspace, &id, RUNS))));
        files.push(("not-understood.json", pretty(not_understood(workspace, &id))));
    }
    files.push(("log.txt", log));
    let all: Vec<&Secret> = secrets.iter().collect();
    let document = |(name, text): (&'static str, String)| {
        tell(&format!("Looking for secrets in {name}"));
        Document { name, text: masked(&text, &all) }
    };
    files.into_iter().map(document).collect()
}

/// Refuses a file that [`write()`] could not write: before everything is looked at for it.
///
/// # Errors
///
/// What keeps it from being written.
pub fn require_writable(path: &Path) -> Result<(), Failure> {
    archive::require_writable(path)
}

/// Writes the bundle into a file, whole or not at all.
///
/// # Errors
///
/// What keeps it from being written.
pub fn write(path: &Path, files: &[Document], now: Timestamp) -> Result<(), Failure> {
    to_file(path, |file| {
        let write = || {
            let mut archive = Archive::new(file, now);
            files.iter().try_for_each(|file| archive.add(file.name, file.text.len() as u64, file.text.as_bytes()))?;
            archive.finish().map(drop)
        };
        write().map_err(|error| cannot("write", path, error))
    })
}

/// The known secrets first, then whatever looks like one: by its shape, by its place in an address, by the word before it.
fn masked(text: &str, secrets: &[&Secret]) -> String {
    let lines = without_secrets(text, secrets);
    let unseen = |line: &str| without_named_secrets(&mask_tokens(&without_address_secrets(line))) + "\n";
    lines.lines().map(unseen).collect()
}

/// Every secret that this program could know, wherever it is from: those that are stored also where the settings cannot be
/// read.
fn secrets(workspace: &Workspace, stored: Vec<Secret>) -> Vec<Secret> {
    let config = workspace.settings.load().unwrap_or_default();
    let mut all = stored;
    let given = client_secret(&workspace.settings, workspace.environment(), None, None);
    all.extend(given.ok().flatten().map(|found| found.secret));
    for (id, configuration) in &config.configurations {
        let command = configuration.api.client_secret_command.as_deref();
        let found = client_secret(&workspace.settings, workspace.environment(), Some(id), command);
        all.extend(found.ok().flatten().map(|found| found.secret));
    }
    // Whatever stands in a variable that sounds like one.
    let of_environment = workspace.environment().iter().filter(|(name, _)| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        ["SECRET", "TOKEN", "PASSWORD", "PASSPHRASE", "API_KEY", "APIKEY"].iter().any(|word| name.contains(word))
    });
    all.extend(of_environment.map(|(_, value)| Secret::new(value.to_string_lossy())));
    all
}

fn pretty<T: Serialize>(outcome: Result<T, Failure>) -> String {
    let value = match outcome {
        Ok(value) => serde_json::to_value(value),
        Err(failure) => Ok(json!({ "error": failure })),
    };
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|error| error.to_string())
}

/// Of the environment the names alone.
fn versions(workspace: &Workspace) -> String {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let mut names: Vec<String> =
        workspace.environment().iter().map(|(name, _)| name.to_string_lossy().into()).collect();
    let ours =
        ["PIA_HALO", "XDG_", "TERM", "LANG", "LC_", "NO_COLOR", "SSH_CONNECTION", "TMUX", "CREDENTIALS_DIRECTORY"];
    names.retain(|name| ours.iter().any(|own| name.starts_with(own)) || name.to_ascii_uppercase().ends_with("_PROXY"));
    names.sort_unstable();
    pretty(Ok::<Value, Failure>(json!({
        "pia_halo": VERSION,
        "commit": COMMIT,
        "sqlite": crate::store::sqlite_version(),
        "system": [text(system.sysname()), text(system.release()), text(system.machine())],
        "made_at": rfc3339(workspace.now()),
        "variables_set": names,
    })))
}

fn settings(workspace: &Workspace) -> String {
    match workspace.settings.load() {
        Ok(mut config) => {
            // The arguments of a command can be anything; its name tells enough.
            for command in config.configurations.values_mut().filter_map(|own| own.api.client_secret_command.as_mut()) {
                command.truncate(1);
            }
            toml::to_string_pretty(&config).unwrap_or_else(|error| error.to_string())
        }
        Err(error) => format!("# {error}\n"),
    }
}

/// What was wrong with each delivery, with the names of its members and none of its values.
fn not_understood(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<Value>, Failure> {
    let (events, ..) = events::recent(workspace, id, EVENTS)?;
    let odd = events.into_iter().filter_map(|event| {
        let why = event.not_understood?;
        Some(json!({ "received_at": rfc3339(event.received_at), "group": event.group.slug(), "why": why }))
    });
    Ok(odd.collect())
}

fn log(workspace: &Workspace) -> String {
    let path = workspace.settings.paths().log();
    let read = |mut file: File| -> std::io::Result<String> {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG)))?;
        let mut bytes = Vec::new();
        file.take(LOG).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The first line may be the end of one: half a secret is not known any more.
        Ok(if length > LOG {
            text.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned())
        } else {
            text
        })
    };
    match private_file::open(&path) {
        Ok(file) => read(file).unwrap_or_else(|error| format!("{}: {error}\n", path.display())),
        Err(error) => format!("{error}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ops::SystemClock;
    use crate::settings::{Environment, Paths, Settings, StoredSecrets};

    const STORED: &str = "canary stored";
    const GIVEN: &str = "canary given";

    /// What goes along with these two files on the disk, where both secrets are in the log.
    async fn collected(config: &str, break_credentials: bool) -> Vec<Document> {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::below(folder.path());
        let stored = StoredSecrets { client_secret: Some(Secret::new(STORED)), ..StoredSecrets::default() };
        Settings::new(paths.clone()).save_secrets(&"acme".parse().unwrap(), &stored).unwrap();
        let write = |path: &Path, text: &str| private_file::replace(path, text.as_bytes()).unwrap();
        write(&paths.config(), config);
        write(&paths.log(), &format!("somebody typed {STORED} and {GIVEN} here\n"));
        if break_credentials {
            write(&paths.credentials(), "[configurations.acme]\nclient_secret = canary");
        }
        let environment = Environment::from_pairs([("USER", "dana"), ("PIA_HALO_CLIENT_SECRET", GIVEN)]);
        let workspace = Workspace::open(paths, environment, Arc::new(SystemClock)).unwrap();
        collect(&workspace, None, CancellationToken::new(), |_| {}).await
    }

    fn text<'a>(files: &'a [Document], name: &str) -> &'a str {
        &files.iter().find(|file| file.name == name).unwrap().text
    }

    #[tokio::test]
    async fn broken_settings_keep_no_secret_from_being_masked() {
        for config in ["", "client_secret = ", "version = 1\n[configurations.acme]\nname = 7"] {
            let files = collected(config, false).await;
            assert_eq!(text(&files, "log.txt"), "somebody typed [secret] and [secret] here\n", "{config}");
            assert!(files.iter().all(|file| !file.text.contains("canary")), "{files:?}");
        }
    }

    #[tokio::test]
    async fn without_secrets_to_look_for_no_content_goes_along() {
        let files = collected("", true).await;
        for name in ["settings.toml", "log.txt"] {
            assert!(text(&files, name).starts_with("# left out"), "{}", text(&files, name));
        }
        assert!(files.iter().all(|file| !file.text.contains("canary")), "{files:?}");
    }
}

//! `config`: where the settings are, what they say, and a safe way to edit them.

use std::process::Command;

use serde_json::{Value, json};

use super::args::{Delete, Show};
use super::{Call, prompt};
use crate::domain::calendar::{utc, whole};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::untrusted::Untrusted;
use crate::ops::{self, Workspace};
use crate::settings::{Config, Paths, SecretSource, Setting, Settings, set_variables};

pub(super) fn path(call: &mut Call) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let mut named = paths.named();
    // What cannot be read is told by whoever needs it.
    let shared = Settings::new(paths.clone()).store().ok().flatten();
    if let Some(shared) = shared {
        let server = ops::place::shown(&shared);
        named.iter_mut().filter(|(key, ..)| *key == "store").for_each(|(.., place)| *place = server.clone().into());
    }
    if call.output.json {
        let object: serde_json::Map<_, _> =
            named.into_iter().map(|(key, _, path)| (key.to_owned(), json!(path))).collect();
        call.output.object(&object)?;
        return Ok(0);
    }
    for (_, what, path) in named {
        // A link is followed: what is written stands elsewhere.
        let target = std::fs::read_link(&path).map(|target| format!(" -> {}", target.display())).unwrap_or_default();
        call.output.line(format!("{what:<12} {}{target}", path.display()));
    }
    for (at, folder) in paths.folders().iter().enumerate() {
        let what = if at == 0 { "folders" } else { "" };
        call.output.line(format!("{what:<12} {}", folder.display()));
    }
    Ok(0)
}

pub(super) fn show(call: &mut Call, options: &Show) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let mut config = workspace.config()?;
    if let Some(id) = &call.configuration {
        // An unknown one is refused by name.
        workspace.configuration(Some(id))?;
        config.configurations.retain(|known, _| known == id);
    }
    if options.sources {
        return sources(call, &workspace, &config);
    }
    let mut secrets = serde_json::Map::new();
    for (id, configuration) in &config.configurations {
        let command = configuration.api.client_secret_command.as_deref();
        let source = workspace.secret_source(Some(id), command)?;
        let stored = workspace.secrets(id)?;
        secrets.insert(
            id.to_string(),
            json!({
                "client_secret": source.map(|source| source.to_string()),
                "callback_token": stored.callback.map(|callback| callback.token.last_four()),
            }),
        );
    }
    let saved = workspace.shared_settings()?;
    if call.output.json {
        call.output.object(&json!({
            "version": config.version,
            "saved": saved.as_ref().map(|text| json!({ "at": whole(text.at), "by": text.by, "host": text.host })),
            "active": config.active,
            "configurations": config.configurations,
            "store": config.store,
            "keys": config.keys,
            "secrets": secrets,
        }))?;
        return Ok(0);
    }
    if let Some(text) = &saved {
        let [by, host] = [&text.by, &text.host].map(|who| Untrusted::new(who.as_str()).display());
        call.output.line(format!("# For all hosts, saved by {by} on {host}, {}", utc(text.at)));
    }
    let text = toml::to_string_pretty(&config)
        .map_err(|error| Failure::new(FailureKind::LocalState, format!("not printable as TOML: {error}")))?;
    call.output.line(text.trim_end());
    for (id, known) in &secrets {
        let source = known["client_secret"].as_str().unwrap_or("none");
        let token = known["callback_token"].as_str().unwrap_or("none yet");
        call.output.line(format!("# {id}: Client Secret from {source}; callback token {token}"));
    }
    Ok(0)
}

/// Each value that commands and the service use, with where it comes from.
fn sources(call: &mut Call, workspace: &Workspace, config: &Config) -> Result<u8, Failure> {
    let set: Vec<_> = set_variables(&call.environment).map(|(setting, _)| setting.key()).collect();
    let written: toml::Table = workspace.settings_text()?.parse().unwrap_or_default();
    let mut rows = Vec::new();
    match &config.store {
        Some(shared) => rows.push(row("", "store.url", shared.url.as_str(), "file", None)),
        None => rows.push(row("", "store.url", "", "default", None)),
    }
    match (&call.configuration, &config.active) {
        (Some(id), _) if call.is_named => rows.push(row("", "configuration", id.as_str(), "flag", None)),
        (Some(id), _) => {
            rows.push(row("", "configuration", id.as_str(), "environment", Some("PIA_HALO_CONFIGURATION".to_owned())))
        }
        (None, Some(id)) => rows.push(row("", "configuration", id.as_str(), "file", None)),
        (None, None) => rows.push(row("", "configuration", "", "default", None)),
    }
    for id in config.configurations.keys() {
        let (_, used, _) = workspace.configuration(Some(id))?;
        for setting in Setting::all() {
            let variable = set.contains(&setting.key()).then(|| setting.variable());
            let source = match &variable {
                Some(_) => "environment",
                None if is_written(&written, id.as_str(), setting.key()) => "file",
                None => "default",
            };
            rows.push(row(id.as_str(), setting.key(), &setting.get(&used), source, variable));
        }
        let command = used.api.client_secret_command.as_deref();
        let secret = workspace.secret_source(Some(id), command)?;
        let (source, place) = match &secret {
            Some(SecretSource::Environment | SecretSource::EnvironmentFile(_) | SecretSource::Systemd(_)) => {
                ("environment", secret.map(|secret| secret.to_string()))
            }
            Some(_) => ("file", secret.map(|secret| secret.to_string())),
            None => ("default", None),
        };
        let shown = if source == "default" { "" } else { "(secret)" };
        rows.push(row(id.as_str(), "client_secret", shown, source, place));
    }
    if call.output.json {
        call.output.object(&json!({ "sources": rows }))?;
        return Ok(0);
    }
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    let lines = rows.iter().map(|row| {
        let from = [text(row, "source"), text(row, "name")].join(" ");
        [text(row, "configuration"), text(row, "key"), text(row, "value"), from.trim_end().to_owned()]
    });
    call.output.table(["CONFIGURATION", "SETTING", "VALUE", "FROM"], lines);
    Ok(0)
}

/// Whether the file has a line for a setting.
fn is_written(file: &toml::Table, id: &str, key: &str) -> bool {
    let (table, key) = key.split_once('.').unwrap_or(("", key));
    let own = file.get("configurations").and_then(|all| all.get(id));
    let table = if table.is_empty() { own } else { own.and_then(|own| own.get(table)) };
    table.is_some_and(|table| table.get(key).is_some())
}

/// A value with where it comes from: `name` is the variable or the place.
fn row(configuration: &str, key: &str, value: &str, source: &str, name: Option<String>) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "configuration": some(configuration), "key": key, "value": some(value), "source": source, "name": name,
    })
}

pub(super) fn edit(call: &mut Call) -> Result<u8, Failure> {
    if !prompt::is_possible() {
        return Err(Failure::new(FailureKind::Usage, "an editor needs a terminal")
            .hint(Hint::from("To change single values: ").next(Next::SetupAnswers)));
    }
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| call.environment.text(name)).unwrap_or("vi").to_owned();
    let paths = Paths::from_environment(&call.environment)?;
    // Without the store: what is wrong with its address is mended here.
    ops::restored::finish(&paths)?;
    let output = &mut call.output;
    let settings = ops::sharing::settings(&paths, &call.environment).unwrap_or_else(|failure| {
        output.warn(format!("{}; only what is this host's own is edited", failure.message));
        Settings::new(paths)
    });
    let changed = settings.edit(|copy, is_kept| {
        if is_kept {
            output.warn(format!("going on with the edit that was kept in {}", copy.display()));
        }
        // As git and crontab do: the variable may hold arguments, and a shell splits them.
        let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(copy).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Failure::new(FailureKind::LocalState, format!("{editor} failed; nothing was changed"))),
            Err(error) => Err(Failure::new(FailureKind::LocalState, format!("{editor} cannot be started: {error}"))),
        }
    })?;
    call.output.line(if changed { "settings changed" } else { "nothing changed" });
    Ok(0)
}

pub(super) fn delete(call: &mut Call, options: &Delete) -> Result<u8, Failure> {
    let (workspace, id) = (call.workspace()?, &options.id);
    if !options.consent.yes {
        let left = ops::delete::left_in_halo(&workspace, id)?;
        let message = format!("this deletes {id} with its secrets, clients and events{left}");
        if !call.can_ask() {
            return Err(Failure::new(FailureKind::NeedsYes, message).hint("confirm with --yes; nothing was deleted"));
        }
        call.output.warn(message);
        if !prompt::yes(&format!("Delete {id}?")) {
            return Err(Failure::new(FailureKind::NeedsYes, "nothing was deleted"));
        }
    }
    ops::delete::delete(&workspace, id)?;
    if call.output.json {
        call.output.object(&json!({ "status": "deleted", "configuration": id }))?;
    } else {
        call.output.line(format!("{id} deleted"));
    }
    Ok(0)
}

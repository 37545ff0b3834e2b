//! `config`: where the settings are, what they say, and a safe way to edit them.

use std::process::Command;

use serde_json::json;

use super::args::Delete;
use super::{Call, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::ops;
use crate::settings::Paths;

pub(super) fn path(call: &mut Call) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    if call.output.json {
        let object: serde_json::Map<_, _> =
            paths.named().into_iter().map(|(key, _, path)| (key.to_owned(), json!(path))).collect();
        call.output.object(&object)?;
        return Ok(0);
    }
    for (_, what, path) in paths.named() {
        call.output.line(format!("{what:<12} {}", path.display()));
    }
    Ok(0)
}

pub(super) fn show(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let config = workspace.config()?;
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
    if call.output.json {
        call.output.object(&json!({
            "version": config.version,
            "active": config.active,
            "configurations": config.configurations,
            "keys": config.keys,
            "secrets": secrets,
        }))?;
        return Ok(0);
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

pub(super) fn edit(call: &mut Call) -> Result<u8, Failure> {
    if !prompt::is_possible() {
        return Err(Failure::new(FailureKind::Usage, "an editor needs a terminal")
            .hint(Hint::from("To change single values: ").next(Next::SetupAnswers)));
    }
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| call.environment.text(name)).unwrap_or("vi").to_owned();
    let workspace = call.workspace()?;
    let output = &mut call.output;
    let changed = workspace.edit_settings(|copy, is_kept| {
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
        let left = if left.is_empty() {
            String::new()
        } else {
            format!("; still in its Halo: {}. To remove them first: {}", left.join(", "), Next::Remove)
        };
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

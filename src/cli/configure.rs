//! `configure`: install or repair everything in Halo, after a look at the plan; or take the last run back.

use std::io::IsTerminal;

use serde_json::json;

use super::args::Configure;
use super::planned::Question;
use super::{Call, check, planned, prompt, remove};
use crate::domain::check::Check;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::manual;
use crate::domain::plan::ConfigureStatus;
use crate::ops;
use crate::ops::configure::Consent;
use crate::ops::remove::Extent;

pub(super) async fn run(call: &mut Call, options: &Configure) -> Result<u8, Failure> {
    if options.manual {
        return by_hand(call, options.show_secrets);
    }
    let workspace = call.workspace()?;
    if options.roll_back {
        return remove::take_out(call, &workspace, Extent::LastRun, remove::Question::RollBack, options.yes).await;
    }
    let yes = options.yes;
    let (id, configuration) = workspace.active_configuration(call.configuration.as_ref())?;
    let mut agreed = None;
    if !yes {
        ops::configure::require_sync(&workspace, &id)?;
        let mut warnings = Vec::new();
        let on_check = |check: &Check| warnings.extend(check.warning());
        match ops::plan::load(&workspace, &id, &configuration, call.cancel.clone(), on_check).await? {
            Ok(shown) => {
                check::warn(&mut call.output, &warnings);
                if shown.changes_pending() {
                    let (words, hint) = (shown.question(), "say yes with --yes; pia-halo plan shows it");
                    let no = "not applied; nothing was written";
                    planned::agree(call, &shown, Question { words, hint, ask: &prompt::yes, no })?;
                }
                agreed = Some(shown);
            }
            Err(report) => return planned::tell(&mut call.output, &ops::configure::refused(report)),
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let cancel = call.cancel.clone();
    let report = ops::configure::install(&workspace, &id, consent, cancel, planned::printer(&mut call.output)).await?;
    let code = planned::tell(&mut call.output, &report)?;
    if matches!(report.status, ConfigureStatus::Refused | ConfigureStatus::Failed) {
        call.output.say("By hand: pia-halo configure --manual prints every click and value.");
    }
    Ok(code)
}

/// The clicks and the values for doing it by hand. They hold the callback token and the password, because somebody has
/// to paste them: so they go to a terminal, or where it was asked for in so many words.
fn by_hand(call: &mut Call, show_secrets: bool) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = workspace.configuration(call.configuration.as_ref())?;
    if !show_secrets && !std::io::stdout().is_terminal() {
        return Err(Failure::new(FailureKind::Usage, "this prints the callback token and the password")
            .hint("run it on a terminal, or add --show-secrets"));
    }
    let stored = workspace.settings.secrets(&id)?;
    let Some(secrets) = stored.wanted_callback() else {
        return Err(Failure::new(FailureKind::LocalState, "the callback token of this configuration is missing")
            .hint("save the configuration again: a new token is made"));
    };
    let Some(chat_pod) = configuration.integration.effective_chat_pod_url() else {
        return Err(Failure::new(FailureKind::Usage, "the address at which Halo reaches Pia is not set")
            .hint("set pia_url in the Integration section"));
    };
    let callbacks = ops::status::callbacks(&workspace, &id)?;
    let webhooks: Vec<_> = callbacks.iter().map(|(group, url)| (*group, url.expose().expose().to_owned())).collect();
    let steps = manual::installation(&webhooks, secrets.password.expose(), &chat_pod);
    if call.output.json {
        let steps: Vec<_> = steps
            .iter()
            .map(|step| {
                let values: Vec<_> =
                    step.values.iter().map(|value| json!({ "field": value.field, "value": value.value })).collect();
                json!({ "clicks": step.clicks, "values": values })
            })
            .collect();
        call.output.object(&json!({ "manual": steps }))?;
        return Ok(0);
    }
    call.output.warn("The callback addresses and the password below are secrets: whoever has them can speak for Halo.");
    for (number, step) in steps.iter().enumerate() {
        call.output.line(format!("{}. {}", number + 1, step.clicks));
        for value in &step.values {
            call.output.line(format!("     {:<20} {}", value.field, value.value));
        }
    }
    call.output.line("Then run pia-halo configure: it takes over what it finds, and doubles nothing.");
    Ok(0)
}

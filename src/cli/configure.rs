//! `configure`: install or repair everything in Halo, after a look at the plan; or take the last run back.

use std::io::IsTerminal;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::Configure;
use super::planned::Question;
use super::{Call, check, plan, planned, prompt, remove};
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::plan::{ConfigureStatus, Offer, Plan, TAKING_OVER};
use crate::ops::configure::Consent;
use crate::ops::remove::Extent;
use crate::ops::{self, Workspace};
use crate::words::by_hand;
use crate::words::typed::ToType;

pub(super) async fn run(call: &mut Call, options: &Configure) -> Result<u8, Failure> {
    if options.manual {
        return by_hand(call, options.show_secrets);
    }
    let mut workspace = call.workspace()?.taking_over(options.owner.take_over);
    if options.roll_back {
        return Box::pin(remove::take_out(
            call,
            workspace,
            Extent::LastRun,
            remove::Question::RollBack,
            options.consent.yes,
        ))
        .await;
    }
    let (id, configuration) = call.active(&workspace)?;
    if options.unproved {
        ops::configure::agree_unproved(&workspace, &id)?;
    }
    let mut agreed = None;
    if !options.consent.yes || options.adopt.is_some() {
        ops::configure::require_sync(&workspace, &id)?;
        let mut warnings = Vec::new();
        let cancel = call.cancel.clone();
        let of = (&workspace, &id, &configuration);
        let mut taken = options.adopt.clone().unwrap_or_default();
        let mut loaded = load(of, &taken, cancel.clone(), &mut warnings).await?;
        if options.adopt.is_some()
            && taken.is_empty()
            && let Ok(shown) = &loaded
        {
            taken = choose(call, shown, options.consent.yes)?;
            warnings.clear();
            loaded = load(of, &taken, cancel, &mut warnings).await?;
        }
        let shown = match loaded {
            Ok(shown) => shown,
            Err(report) => return planned::tell(&mut call.output, &ops::configure::refused(report)),
        };
        check::warn(&mut call.output, &warnings);
        planned::take_over(call, &mut workspace, &shown.belongs)
            .map_err(|failure| ops::owner::with_taken(failure, &shown.taken))?;
        if shown.changes_pending() && !options.consent.yes {
            agree(call, &shown, &id, &configuration)?;
        }
        agreed = Some(shown);
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let cancel = call.cancel.clone();
    let report = ops::configure::install(&workspace, &id, consent, cancel, planned::printer(&mut call.output)).await?;
    let code = planned::tell(&mut call.output, &report)?;
    if matches!(report.status, ConfigureStatus::Refused | ConfigureStatus::Failed) {
        let by_hand = call.next(&Next::ByHand);
        call.output.say(format!("To do it by hand: {by_hand} prints every step and value."));
    }
    Ok(code)
}

async fn load(
    (workspace, id, configuration): (&Workspace, &ConfigurationId, &Configuration),
    taken: &[String],
    cancel: CancellationToken,
    warnings: &mut Vec<String>,
) -> Result<Result<Plan, CheckReport>, Failure> {
    let on_check = |check: &Check| warnings.extend(check.warning());
    ops::plan::load_taking(workspace, id, configuration, taken, cancel, on_check).await
}

/// The ids of everything that can be taken over. Where nobody can be asked they have to be given, each by its id.
fn choose(call: &mut Call, shown: &Plan, yes: bool) -> Result<Vec<String>, Failure> {
    let Some(ids) = shown.offered() else {
        return Err(Failure::new(
            FailureKind::Usage,
            "several objects have the same name, and only one can be taken over",
        )
        .hint(Hint::from("List them with ").next(Next::Plan).text(", then name one: ").next(Next::Adopt(None))));
    };
    if ids.is_empty() {
        call.output.say("There is nothing to take over.");
    } else if yes || !call.can_ask() {
        let lines: Vec<String> = shown.offers.iter().flat_map(Offer::lines).collect();
        let message = format!("choose what to take over, by id:\n{}", lines.join("\n"));
        let hint = Next::AdoptYes(ids.join(","));
        return Err(Failure::new(FailureKind::NeedsYes, message).hint(hint));
    }
    Ok(ids)
}

fn agree(call: &mut Call, shown: &Plan, id: &ConfigurationId, configuration: &Configuration) -> Result<(), Failure> {
    let no = "not applied; nothing was written";
    if call.can_ask() {
        call.output.line(plan::title(id, configuration));
    }
    if shown.taken.is_empty() {
        let hint = Hint::from("Confirm with --yes. To see the plan: ").next(Next::Plan);
        let hint = if shown.offers.is_empty() { hint } else { hint.text(", with what --adopt can take over") };
        return planned::agree(call, shown, Question { words: shown.question(), hint, ask: &prompt::yes, no });
    }
    // What somebody else made is changed: too much for one key.
    let words = format!(
        "Take over objects that this configuration did not create, and apply this plan to Halo ({})? \
             {TAKING_OVER}",
        shown.summary()
    );
    let wanted = ToType::configuration(id, configuration.title());
    let ask = |words: &str| prompt::typed(&format!("{words} {}", wanted.to_confirm()), &wanted);
    planned::agree(call, shown, Question { words, hint: "Confirm with --yes".into(), ask: &ask, no })
}

/// The clicks and the values for doing it by hand. They hold the callback token and the password, because somebody has
/// to paste them: so they go to a terminal, or where it was asked for in so many words.
fn by_hand(call: &mut Call, show_secrets: bool) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    if !show_secrets && !std::io::stdout().is_terminal() {
        return Err(Failure::new(FailureKind::Usage, "this prints the callback token and the password")
            .hint("run it on a terminal, or add --show-secrets"));
    }
    let stored = workspace.secrets(&id)?;
    let Some(secrets) = stored.wanted_callback() else {
        return Err(Failure::new(FailureKind::LocalState, "the callback token of this configuration is missing")
            .hint("save the configuration again: a new token is made"));
    };
    let Some(chat_pod) = configuration.integration.effective_chat_pod_url() else {
        return Err(
            Failure::new(FailureKind::Usage, "the Pia Url is not set").hint("set pia_url in the Integration section")
        );
    };
    let callbacks = ops::status::callbacks(&workspace, &id)?;
    let webhooks: Vec<_> = callbacks.iter().map(|(group, url)| (*group, url.expose().expose().to_owned())).collect();
    let steps = by_hand::installation(
        &webhooks,
        secrets.password.expose(),
        &chat_pod,
        &configuration.integration.webhook_options,
    );
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
    call.output.warn(
        "The callback addresses and the password below are secrets: anyone who has them can pose as \
         Halo.",
    );
    for (number, step) in steps.iter().enumerate() {
        call.output.line(format!("{}. {}", number + 1, step.clicks));
        for value in &step.values {
            call.output.line(format!("     {:<20} {}", value.field, value.value));
        }
    }
    let configure = call.next(&Next::Configure);
    call.output.line(format!("Then run {configure}: it takes over what it finds and creates no duplicates."));
    Ok(0)
}

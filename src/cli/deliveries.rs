//! `deliveries`: whether Halo's callbacks arrive, by Halo's own log.

use serde_json::json;

use super::Call;
use super::output::Output;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::exit_code;
use crate::domain::failure::Failure;
use crate::domain::health::{Finding, Rule};
use crate::ops;
use crate::words::{self, Tone};

pub(super) async fn run(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, _, _) = call.chosen(&workspace)?;
    let verdicts = ops::delivery::read(&workspace, &id, call.cancel.clone()).await?;
    let findings = ops::health::findings(&workspace, &id)?;
    let is_open = |finding: &Finding| matches!(finding.rule, Rule::WebhookOff | Rule::Deliveries) && finding.is_open();
    let is_fine = |verdict: &Delivery| verdict.state.is_fine() || is_quiet(verdict);
    let fine = verdicts.iter().all(is_fine) && !findings.iter().any(is_open);
    if call.output.json {
        call.output.object(&json!({ "configuration": id.as_str(), "ok": fine, "deliveries": verdicts }))?;
    } else {
        verdicts.iter().for_each(|verdict| print(&mut call.output, verdict));
    }
    Ok(if fine { 0 } else { exit_code::PENDING })
}

// As doctor and issues judge it: where no ticket has changed yet, nothing is to be done.
fn is_quiet(verdict: &Delivery) -> bool {
    verdict.state == DeliveryState::Never && !verdict.unbound
}

fn print(output: &mut Output, verdict: &Delivery) {
    let mark = output.sign(match verdict.state {
        DeliveryState::Delivered => Tone::Good,
        DeliveryState::Never if is_quiet(verdict) => Tone::Calm,
        DeliveryState::Never | DeliveryState::NoAnswer | DeliveryState::Unreadable => Tone::Warn,
        _ => Tone::Bad,
    });
    let took = verdict.took(words::time::took).map(|took| format!(", took {took}")).unwrap_or_default();
    output.line(format!("{mark} {:<21} {}{took}", verdict.webhook, verdict.message));
    if let Some(error) = &verdict.error {
        output.line(format!("  {:<21} said: {error}", ""));
    }
    if let Some(advice) = &verdict.advice {
        output.line(format!("  {:<21} {advice}", ""));
    }
}

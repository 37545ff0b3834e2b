//! `plan`: what Configure would change.

use serde_json::json;

use super::output::Output;
use super::{Call, check};
use crate::domain::check::Check;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::exit_code;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::plan::{Action, Plan};
use crate::ops;
use crate::words;

pub(super) async fn run(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, is_active) = call.chosen(&workspace)?;
    let mut warnings = Vec::new();
    let on_check = |check: &Check| warnings.extend(check.warning());
    let loaded = ops::plan::load(&workspace, &id, &configuration, call.cancel.clone(), on_check).await?;
    let plan = match loaded {
        Ok(plan) => plan,
        Err(report) => return check::refuse(&mut call.output, &report, "nothing was planned"),
    };
    show(call, (&id, &configuration, is_active), &plan, &warnings)
}

/// A plan as the whole result of a command.
pub(super) fn show(
    call: &mut Call,
    (id, configuration, is_active): (&ConfigurationId, &Configuration, bool),
    plan: &Plan,
    warnings: &[String],
) -> Result<u8, Failure> {
    if call.output.json {
        let warnings = [warnings, &plan.warnings].concat();
        call.output.object(&json!({
            "configuration": id,
            "name": configuration.name,
            "changes_pending": plan.changes_pending(),
            "counts": plan.counts(),
            "changes": plan.changes,
            "blocked": plan.blocked,
            "adoptable": plan.offers,
            "owner": plan.belongs.other(),
            "warnings": warnings,
        }))?;
    } else {
        call.output.line(title(id, configuration));
        print(&mut call.output, (!is_active).then_some(id), plan);
        check::warn(&mut call.output, warnings);
    }
    Ok(if plan.changes_pending() || plan.hindrances().next().is_some() { exit_code::PENDING } else { 0 })
}

/// Whose plan it is, and for which Halo.
pub(super) fn title(id: &ConfigurationId, configuration: &Configuration) -> String {
    let name = if configuration.name.is_empty() { String::new() } else { format!("{} ", configuration.name) };
    format!("{name}({id}), in {}", configuration.api.url.host())
}

/// The plan for people: one line per object, its fields below.
pub(super) fn print(output: &mut Output, inactive: Option<&ConfigurationId>, plan: &Plan) {
    for change in plan.listed() {
        let (sign, ..) = words::plan::action(change.action);
        output.line(format!("{sign} {:<12} {}  ({})", change.kind.word(), change.name, change.reason));
        for field in &change.fields {
            let after = field.after.as_deref().unwrap_or("none");
            match &field.before {
                // What goes with its object has no after.
                Some(before) if change.action == Action::Delete => {
                    output.line(format!("      {}: {before}", field.name))
                }
                Some(before) => output.line(format!("      {}: {before} -> {after}", field.name)),
                None => output.line(format!("      {}: {after}", field.name)),
            }
        }
    }
    for blocked in &plan.blocked {
        output.line(format!("! {:<12} {}: {}", blocked.kind.word(), blocked.name, blocked.reason));
    }
    for offer in &plan.offers {
        let mut lines = offer.lines();
        let head = lines.next().unwrap_or_default();
        let adopt = Next::Adopt(Some(offer.id.clone())).of(inactive);
        output.line(format!("? {head} was not created by this configuration. To take it over: {adopt}"));
        lines.for_each(|line| output.line(format!("    {line}")));
    }
    if let Some(owner) = plan.belongs.other() {
        let take_over = Next::TakeOver.of(inactive);
        output.line(format!("! owner        this configuration belongs to {owner}. To take it over: {take_over}"));
    }
    output.line(format!("Plan: {}.", plan.summary()));
}

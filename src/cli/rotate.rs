//! `rotate`: a new callback token and password in Halo, with an overlap.

use super::args::Rotate;
use super::{Call, configure, plan, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::rotation::{PlannedRotation, RotationReport};
use crate::ops;
use crate::ops::configure::Consent;
use crate::ops::rotate::Terms;

pub(super) async fn run(call: &mut Call, options: &Rotate) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let terms = Terms { overlap: options.overlap, end_overlap: options.end_overlap };
    let (id, _) = workspace.active_configuration(call.configuration.as_ref())?;
    let mut agreed = None;
    if !options.yes {
        match ops::rotate::load(&workspace, &id, terms, call.cancel.clone(), |_| {}).await? {
            Ok(planned) => {
                ask(call, &planned, options)?;
                agreed = Some(planned.plan);
            }
            Err(report) => {
                let refused = RotationReport { report: ops::configure::refused(report), former_good_until: None };
                return tell(call, &refused);
            }
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let (cancel, on_event) = (call.cancel.clone(), configure::printer(&mut call.output));
    let report = ops::rotate::run(&workspace, &id, terms, consent, cancel, on_event).await?;
    tell(call, &report)
}

fn tell(call: &mut Call, report: &RotationReport) -> Result<u8, Failure> {
    let code = configure::exit_code(&report.report);
    if call.output.json {
        call.output.object(report)?;
        return Ok(code);
    }
    configure::say(&mut call.output, &report.report);
    Ok(code)
}

/// Shows the plan and asks; without a terminal, ends with the question. What only has to be finished on our side needs no
/// further yes.
fn ask(call: &mut Call, planned: &PlannedRotation, options: &Rotate) -> Result<(), Failure> {
    if !planned.plan.changes_pending() {
        return Ok(());
    }
    let summary = planned.plan.summary();
    let what = if planned.goes_on {
        "Finish the rotation that is under way"
    } else {
        "Replace the callback token and password in Halo"
    };
    let question = format!("{what} ({summary}; the former ones stay good for {})?", options.overlap);
    if call.output.json || !prompt::is_possible() {
        return Err(Failure::new(FailureKind::NeedsYes, question).hint("say yes with --yes"));
    }
    plan::print(&mut call.output, &planned.plan);
    if prompt::yes(&question) {
        return Ok(());
    }
    Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was changed"))
}

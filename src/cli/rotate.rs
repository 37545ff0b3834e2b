//! `rotate`: a new callback token and password in Halo, with an overlap.

use super::args::Rotate;
use super::exit::ExitCode as _;
use super::planned::{self, Question};
use super::{Call, prompt};
use crate::domain::failure::Failure;
use crate::domain::rotation::{PlannedRotation, RotationReport};
use crate::ops;
use crate::ops::configure::Consent;
use crate::ops::rotate::Terms;

pub(super) async fn run(call: &mut Call, options: &Rotate) -> Result<u8, Failure> {
    let mut workspace = call.workspace()?.taking_over(options.owner.take_over);
    let terms = Terms { overlap: options.overlap, end_overlap: options.end_overlap };
    let (id, _) = call.active(&workspace)?;
    let mut agreed = None;
    if !options.consent.yes {
        match ops::rotate::load(&workspace, &id, terms, call.cancel.clone(), |_| {}).await? {
            Ok(rotation) => {
                planned::take_over(call, &mut workspace, &rotation.plan.belongs)?;
                ask(call, &rotation, options)?;
                agreed = Some(rotation.plan);
            }
            Err(report) => {
                let refused = RotationReport { report: ops::configure::refused(report), former_good_until: None };
                return tell(call, &refused);
            }
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let (cancel, on_event) = (call.cancel.clone(), planned::printer(&mut call.output));
    let report = ops::rotate::run(&workspace, &id, terms, consent, cancel, on_event).await?;
    tell(call, &report)
}

fn tell(call: &mut Call, report: &RotationReport) -> Result<u8, Failure> {
    let failure = planned::failure(&report.report);
    if call.output.json {
        call.output.report(report, failure.as_ref())?;
    } else {
        planned::say(&mut call.output, &report.report);
    }
    Ok(failure.map_or(0, |failure| failure.exit_code()))
}

/// Shows the plan and asks; without a terminal, ends with the question. What only has to be finished on our side needs no
/// further yes.
fn ask(call: &mut Call, rotation: &PlannedRotation, options: &Rotate) -> Result<(), Failure> {
    if !rotation.plan.changes_pending() {
        return Ok(());
    }
    let summary = rotation.plan.summary();
    let what = if rotation.goes_on {
        "Finish the interrupted rotation"
    } else {
        "Replace the callback token and password in Halo"
    };
    let words = format!("{what} ({summary}; the old ones keep working for {})?", options.overlap);
    let (hint, no) = ("Confirm with --yes".into(), "not confirmed; nothing was changed");
    planned::agree(call, &rotation.plan, Question { words, hint, ask: &prompt::yes, no })
}

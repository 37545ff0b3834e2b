//! `activate` and `deactivate`.

use std::ops::ControlFlow;

use serde_json::json;

use super::args::Activate;
use super::exit::ExitCode;
use super::remove::{self, Question};
use super::{Call, planned, prompt};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::plan::Parts;
use crate::domain::request::Activation;
use crate::ops;
use crate::ops::activate::Replacing;
use crate::ops::configure::Consent;
use crate::ops::remove::Extent;

pub(super) async fn activate(call: &mut Call, options: &Activate) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    if options.remove_old {
        return remove_and_activate(call, &workspace, options).await;
    }
    make_active(call, &workspace, &options.id, if options.yes { Replacing::Anybody } else { Replacing::Nobody })?;
    tell(call, Some(&options.id))?;
    Ok(0)
}

/// Removes what the active configuration has in Halo, and switches if that was done.
async fn remove_and_activate(call: &mut Call, workspace: &ops::Workspace, options: &Activate) -> Result<u8, Failure> {
    // An unknown id is refused before anything is removed.
    workspace.configuration(Some(&options.id))?;
    let old = workspace.config()?.active.filter(|active| *active != options.id);
    let (mut agreed, mut workspace) = (None, workspace.clone());
    if let Some(old) = &old {
        let (everything, question) = (Extent::Removal(Parts::ALL), Question::RemoveAndSwitch(&options.id));
        let (id, configuration, _) = workspace.configuration(Some(old))?;
        match remove::agree(call, &mut workspace, (&id, &configuration), everything, question, options.yes).await? {
            ControlFlow::Continue(plan) => agreed = plan,
            ControlFlow::Break(code) => return Ok(code),
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let (cancel, on_event) = (call.cancel.clone(), planned::printer(&mut call.output));
    let (activation, removal) =
        ops::activate::activate_removing(&workspace, &options.id, consent, cancel, on_event).await?;
    let active = match &activation {
        Activation::Active(active) => active.as_ref(),
        Activation::NeedsYes { active, .. } => Some(active),
    };
    let not_switched = || {
        // Everything is out of Halo, and yet another program has made somebody else active meanwhile.
        let active = active.map_or_else(String::new, |active| format!("{active} is active: not switched"));
        Failure::new(FailureKind::NeedsYes, active)
    };
    let failure = match active {
        Some(active) if *active == options.id => None,
        _ => Some(removal.as_ref().and_then(planned::failure).unwrap_or_else(not_switched)),
    };
    if call.output.json {
        call.output.report(&json!({ "active": active, "removal": removal }), failure.as_ref())?;
    } else {
        if let Some(removal) = &removal {
            call.output.line(&removal.message);
        }
        match active.filter(|_| failure.is_some()) {
            Some(active) => call.output.line(format!("{active} is active: not switched")),
            None => tell(call, Some(&options.id))?,
        }
    }
    Ok(failure.map_or(0, |failure| failure.exit_code()))
}

/// Makes a configuration active; asks before it takes another one's place.
pub(super) fn make_active(
    call: &mut Call,
    workspace: &ops::Workspace,
    id: &ConfigurationId,
    replacing: Replacing,
) -> Result<(), Failure> {
    let Activation::NeedsYes { active, active_name, .. } = ops::activate::activate(workspace, id, &replacing)? else {
        return Ok(());
    };
    let message = taken(&active, &active_name);
    if call.can_ask() {
        call.output.warn(&message);
        if prompt::yes(&format!("Switch to {id}?")) {
            return make_active(call, workspace, id, Replacing::Only(active));
        }
    }
    Err(Failure::new(FailureKind::NeedsYes, message).hint(
        Hint::from("To switch: ")
            .next(Next::ActivateYes(id.clone()))
            .text(format!(". Add --remove-old to first remove what {active} created in Halo")),
    ))
}

/// That another configuration is active.
pub(super) fn taken(active: &ConfigurationId, name: &str) -> String {
    format!("{active} ({name}) is active, and only one configuration can be active")
}

pub(super) fn deactivate(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    ops::activate::deactivate(&workspace)?;
    tell(call, None)?;
    Ok(0)
}

fn tell(call: &mut Call, active: Option<&ConfigurationId>) -> Result<(), Failure> {
    if call.output.json {
        return call.output.object(&json!({ "active": active }));
    }
    match active {
        Some(id) => call.output.line(format!("{id} is active")),
        None => call.output.line("no configuration is active"),
    }
    Ok(())
}

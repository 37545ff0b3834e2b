//! `activate` and `deactivate`.

use serde_json::json;

use super::args::Activate;
use super::{Call, prompt};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::request::Activation;
use crate::ops;
use crate::ops::activate::Replacing;

pub(super) fn activate(call: &mut Call, options: &Activate) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    make_active(call, &workspace, &options.id, if options.yes { Replacing::Anybody } else { Replacing::Nobody })?;
    tell(call, Some(&options.id))?;
    Ok(0)
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
    let message = format!("{active} ({active_name}) is active, and only one configuration can be");
    if !call.output.json && prompt::is_possible() {
        call.output.warn(&message);
        if prompt::yes(&format!("Switch to {id}?")) {
            return make_active(call, workspace, id, Replacing::Only(active));
        }
    }
    Err(Failure::new(FailureKind::NeedsYes, message).hint(format!("switch in one step: pia-halo activate {id} --yes")))
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

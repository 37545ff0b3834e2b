//! `store`: the database as a whole.

use serde_json::json;

use super::Call;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::ops::{self, Clock as _, SystemClock};
use crate::settings::Paths;

pub(super) fn set_aside(call: &mut Call) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let folder = ops::aside::set_aside(&paths, &call.environment, SystemClock.now())?;
    if call.output.json {
        let status = if folder.is_some() { "set_aside" } else { "nothing_to_do" };
        call.output.object(&json!({ "status": status, "folder": folder }))?;
        return Ok(0);
    }
    match folder {
        Some(folder) => {
            call.output.line(format!("The store was moved to {}, with all its events", folder.display()));
            call.output.say(format!("To fill a new one: {}", Next::Sync));
        }
        None => call.output.line("There is no store"),
    }
    Ok(0)
}

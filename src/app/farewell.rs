//! What is told once the screen is given back: what was kept, and how to go on.

use super::jobs::state::{Goal, SyncWork};
use super::model::{Model, saved_title};
use super::text::draft_title;
use crate::domain::next::Next;

/// One line for the shell; none where nothing was begun. What the demo did is gone with it.
pub fn farewell(model: &Model) -> Option<String> {
    if model.demo {
        return None;
    }
    if let Some(goal) = model.work.apply.goal().filter(|_| model.work.apply.is_running()) {
        let next = match goal {
            Goal::Install => Next::Configure,
            Goal::Remove { .. } => Next::Remove,
            Goal::RollBack => Next::RollBack,
            Goal::Rotate => Next::Rotate,
        };
        return Some(format!("{} was stopped; what is done is kept. To continue: {next}", goal.word()));
    }
    if let SyncWork::Running(run) = &model.work.sync {
        let name = model.saved(&run.id).map_or_else(|| run.id.to_string(), saved_title);
        return Some(format!(
            "The sync of {name} was stopped; the stored list is unchanged. To continue: {}",
            Next::Sync
        ));
    }
    let draft = model.overview.draft.as_ref()?;
    let title = draft_title(draft.name());
    let secret = if draft.secret_entered { ", except the Client Secret" } else { "" };
    Some(format!("The draft of {title} is kept{secret}. To continue: {}", Next::Wizard))
}

//! What is told once the screen is given back: what was kept, and how to go on.

use super::jobs::state::{Goal, SyncWork};
use super::model::{Model, first_unfinished, saved_title};
use super::text::draft_title;
use crate::domain::next::Next;
use crate::domain::step::Step;
use crate::words::{service, step};

/// One line for the shell; none where nothing was begun.
pub fn farewell(model: &Model) -> Option<String> {
    if model.demo {
        return Some(format!("The demo is over, and nothing of it is kept. To set up your own Halo: {}", Next::Wizard));
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
    if let SyncWork::Running(run) = &model.work.sync
        && model.work.sync.is_own()
    {
        let name = model.saved(&run.id).map_or_else(|| run.id.to_string(), saved_title);
        return Some(format!(
            "The sync of {name} was stopped; the stored list is unchanged. To continue: {}",
            Next::Sync
        ));
    }
    let Some(draft) = &model.overview.draft else { return unfinished(model) };
    let title = draft_title(draft);
    let secret = if draft.secret_entered { ", except the Client Secret" } else { "" };
    Some(format!("The draft of {title} is kept{secret}. To continue: {}", Next::Wizard))
}

// What is saved, and does not run yet.
fn unfinished(model: &Model) -> Option<String> {
    let saved = model.active()?;
    let (title, status) = (saved_title(saved), model.status().filter(|_| model.is_active()).unwrap_or(&saved.status));
    // What was in Halo once opens in its panes, and may wait for Re-configure all the same.
    let next = first_unfinished(status);
    let idle = !status.service.running && !status.service.timer;
    if next != Step::Finished {
        let next = step::name(next);
        let start = if idle { ", then starting the service" } else { "" };
        return Some(format!("{title} is saved. Still to do: {next}{start}. To continue: {}", Next::Wizard));
    }
    let (start, _) = service::commands(model.systemd).swap_remove(0);
    idle.then(|| format!("{title} is set up, but {}. To start it: {start}", service::idle(&status.service)))
}

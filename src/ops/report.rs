//! What settings, store and audit trail know of a month: read here alone, with no network.

use super::{Workspace, archive, health};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::issues;
use crate::domain::report::{Month, MonthReport, day_of};
use crate::store::{EVENTS_KEPT, RUNS_KEPT};

/// Puts a month of a configuration together; the last whole one where none is named.
///
/// # Errors
///
/// Where the month has not begun, or settings, store or trail cannot be read.
pub fn of(workspace: &Workspace, id: &ConfigurationId, month: Option<Month>) -> Result<MonthReport, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    let (store, now) = (&workspace.store, workspace.now());
    let month = month.unwrap_or_else(|| Month::last_whole(now));
    if month.begins() > now {
        return Err(Failure::new(FailureKind::Usage, format!("{} has not begun yet", month.name())));
    }
    let mut runs = store.runs(&id, usize::MAX)?;
    let is_full = runs.len() >= RUNS_KEPT;
    let first_run = runs.last().map(|run| run.started_at);
    let runs_since = first_run.filter(|first| is_full && *first > month.begins());
    runs.reverse();
    let runs = runs.into_iter().filter(|run| month.has(run.started_at)).map(|run| {
        let changes = run.run.map(|number| store.changes(&id, number.get())).transpose()?.flatten();
        Ok((run, changes.unwrap_or_default()))
    });
    let mut days = store.days(&id)?;
    let first_day = days.last().map(|day| day.day);
    let known_since = first_run.map(day_of).into_iter().chain(first_day).min();
    days.retain(|day| month.has_day(day.day));
    days.reverse();
    let mut gaps = store.gaps(&id, month.begins())?;
    gaps.retain(|gap| month.has(gap.until));
    gaps.reverse();
    let mut activity = workspace.activities(usize::MAX)?;
    // What is about no configuration, such as a backup, is part of every month.
    let is_ours = |of: Option<&str>| of.is_none_or(|of| of == id.as_str());
    activity.retain(|line| month.has(line.at) && is_ours(line.configuration.as_deref()));
    activity.reverse();
    let kept_since = now.checked_sub(EVENTS_KEPT).ok().filter(|since| *since > month.begins());
    Ok(MonthReport {
        month,
        made_at: now,
        title: configuration.title(),
        halo: configuration.api.url.to_string(),
        runs: runs.collect::<Result<_, Failure>>()?,
        runs_since,
        days,
        known_since,
        events: store.count_events_between(&id, month.begins(), month.ends())?,
        events_since: kept_since,
        store_since: super::clients::known_since(workspace, &id)?.filter(|since| *since > month.begins()),
        gaps,
        activity,
        trail: workspace.verify_trail(None)?,
        open: issues(&health::findings(workspace, &id)?).into_iter().cloned().collect(),
    })
}

/// Writes a page into a file, whole or not at all.
///
/// # Errors
///
/// Where the file cannot be written.
pub fn write(path: &std::path::Path, page: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    archive::to_file(path, |mut file| {
        file.write_all(page.as_bytes()).map_err(|error| archive::cannot("write", path, error))
    })
}

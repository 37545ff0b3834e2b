//! `history`: the last company syncs, and what each of them changed.

use serde_json::json;

use super::Call;
use super::args::{Format, History};
use crate::domain::calendar::{rfc3339, utc};
use crate::domain::client::DisabledReason;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::sync_run::{ClientChange, RUNS_KEPT, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops;
use crate::ops::clients::cell;
use crate::words;

pub(super) fn run(call: &mut Call, options: &History) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let (id, _, _) = call.chosen(&workspace)?;
    let format = options.format.unwrap_or(if call.output.json { Format::Json } else { Format::Table });
    let limit = options.limit.unwrap_or(usize::MAX);
    let Some(number) = options.run else {
        let syncing = ops::sync::syncing(&workspace, &id);
        let runs = ops::sync::runs(&workspace, &id, limit.min(RUNS_KEPT))?;
        if runs.is_empty() {
            ops::clients::require_not_lost(&workspace, &id, "the history of syncs")?;
        }
        let code = print_runs(call, format, &runs, syncing.as_deref())?;
        if runs.len() < RUNS_KEPT {
            let since = ops::clients::known_since(&workspace, &id)?;
            super::events::tell_known_since(call, since, runs.is_empty());
        }
        return Ok(code);
    };
    let Some(mut changes) = ops::sync::changes(&workspace, &id, number)? else {
        return Err(ops::clients::no_such_run(&id, number));
    };
    changes.truncate(limit);
    let runs = ops::sync::runs(&workspace, &id, RUNS_KEPT)?;
    let status = runs.iter().find(|run| run.run.is_some_and(|run| run.get() == number)).map(|run| run.status);
    print_changes(call, format, &changes, status.unwrap_or(SyncStatus::Complete))
}

fn print_runs(call: &mut Call, format: Format, runs: &[SyncReport], syncing: Option<&str>) -> Result<u8, Failure> {
    let number = |run: &SyncReport| run.run.map_or(0, std::num::NonZeroU64::get).to_string();
    let output = &mut call.output;
    match format {
        Format::Json => output.object(&runs)?,
        Format::Ndjson => runs.iter().try_for_each(|run| output.object(run))?,
        Format::Csv => {
            let header = [
                "run",
                "started_at",
                "finished_at",
                "status",
                "proved",
                "halo_count",
                "stored",
                "added",
                "updated",
                "disabled",
                "returned",
            ];
            let rows = runs.iter().map(|run| {
                [
                    number(run),
                    rfc3339(run.started_at),
                    rfc3339(run.finished_at),
                    run.status.code().to_owned(),
                    run.proved.to_string(),
                    run.halo_count.map(|count| count.to_string()).unwrap_or_default(),
                    run.stored.to_string(),
                    run.changes.added.to_string(),
                    run.changes.updated.to_string(),
                    run.changes.disabled.to_string(),
                    run.changes.returned.to_string(),
                ]
            });
            output.csv(header, rows)?;
        }
        Format::Table => {
            let rows = runs.iter().map(|run| {
                [
                    number(run),
                    utc(run.started_at),
                    run.status.word().to_owned(),
                    run.halo_count.map(thousands).unwrap_or_default(),
                    thousands(run.stored),
                    thousands(run.changes.added),
                    thousands(run.changes.updated),
                    thousands(run.changes.disabled),
                    thousands(run.changes.returned),
                ]
            });
            let header =
                ["RUN", "STARTED", "RESULT", "HALO SAYS", "STORED", "ADDED", "UPDATED", "DISABLED", "RETURNED"];
            output.table(header, rows);
            match syncing {
                Some(holder) => output.say(words::sync::under_way(holder)),
                None if runs.is_empty() => output.say(format!("No sync yet. Run the first one: {}", Next::Sync)),
                None => {}
            }
        }
    }
    Ok(0)
}

fn print_changes(call: &mut Call, format: Format, changes: &[ClientChange], status: SyncStatus) -> Result<u8, Failure> {
    let word = |line: &ClientChange| line.change.word_in(status);
    let object = |line: &ClientChange| {
        let mut object = json!(line);
        object["change"] = word(line).replace(' ', "_").into();
        object
    };
    let before = |line: &ClientChange| line.name_before.as_ref().map(Untrusted::display).unwrap_or_default();
    let reason = |line: &ClientChange| line.reason.map(DisabledReason::word).unwrap_or_default().to_owned();
    let output = &mut call.output;
    match format {
        Format::Json => output.object(&changes.iter().map(object).collect::<Vec<_>>())?,
        Format::Ndjson => changes.iter().try_for_each(|line| output.object(&object(line)))?,
        Format::Csv => {
            let rows = changes.iter().map(|line| {
                let before = line.name_before.as_ref().map(cell).unwrap_or_default();
                [line.id.to_string(), word(line).to_owned(), cell(&line.name), before, reason(line)]
            });
            output.csv(["id", "change", "name", "name_before", "disabled_reason"], rows)?;
        }
        Format::Table => {
            let row = |line: &ClientChange| {
                [word(line).to_owned(), line.id.to_string(), line.name.display(), before(line), reason(line)]
            };
            output.table(["CHANGE", "ID", "NAME", "NAME BEFORE", "WHY"], changes.iter().map(row));
            if changes.is_empty() {
                output.say("This run changed no client");
            }
        }
    }
    Ok(0)
}

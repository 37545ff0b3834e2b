//! The Sync pane: the last run, its proof, the next run, and what came before.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::jobs::state::SyncEnd;
use crate::app::jobs::sync::elsewhere;
use crate::app::keymap::spoken;
use crate::app::layout::LOW;
use crate::app::notice::Tone;
use crate::app::panes::report::height as report_height;
use crate::app::panes::state::Report;
use crate::app::panes::sync::usage;
use crate::app::panes::{Pane, history_height};
use crate::app::text::wrap;
use crate::domain::status::DOES_NOT_ANSWER;
use crate::domain::sync_run::{ChangeKind, ClientChange, RUNS_KEPT, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::view::page::{MARGIN, Page, Part, Row};
use crate::view::text::{ago, moment, took};
use crate::view::theme::{Styles, symbol};
use crate::view::wizard::{sync_progress, sync_stops};
use crate::words;

/// Columns of the beginning of a run.
const BEGAN: usize = 15;

/// Columns of what happened to a client, and of its id.
const CHANGE: usize = 10;
const ID: usize = 12;

/// Columns of its result: "! Waiting for confirmation".
const RESULT: usize = 27;

pub fn body(model: &Model, page: &mut Page) {
    let styles = page.styles;
    if let Some(open) = &model.panes.report {
        report(model, page, open);
        return;
    }
    let standing = model.facts.standing.as_ref();
    let runs: &[SyncReport] = standing.map_or(&[], |standing| &standing.runs);
    let is_low = model.layout.body.height < LOW;
    if let Some(run) = model.work.sync.run_of(model.current.as_ref()) {
        page.heading("Company Sync", "", Style::new());
        sync_progress(model, page, run);
        page.paragraph(&sync_stops(model, run), MARGIN, styles.dim());
    } else {
        let count = match runs.len() {
            0 => String::new(),
            1 => "1 sync so far".to_owned(),
            count => format!("{} of {} syncs", model.panes.window(Pane::Sync).selected + 1, thousands(count as u64)),
        };
        if !is_low {
            page.heading("Company Sync", &count, styles.dim());
        }
        if let Some(other) = elsewhere(model) {
            page.state(Tone::Calm, &words::sync::follows(other), MARGIN);
        }
        match model.work.sync.end_of(model.current.as_ref()) {
            Some(SyncEnd::Failed(failure)) => page.failure(failure, MARGIN, &model.keys),
            Some(SyncEnd::Stopped { read, .. }) => {
                page.state(Tone::Warn, &words::sync::stopped(*read), MARGIN);
            }
            _ => {}
        }
        last_run(model, page, runs.first());
        if !is_low || runs.is_empty() {
            outlook(model, page, runs.first());
        }
    }
    super::not_read(model, page, model.facts.standing_failed.as_ref());
    if runs.is_empty() {
        return;
    }
    page.blank();
    // The duration gives way first, then the changes: the second column has both.
    let wide = page.width >= 74;
    let result = if wide { RESULT } else { page.width.saturating_sub(MARGIN + BEGAN + 11).clamp(12, RESULT) };
    let header =
        Row::new(styles, false).cell("Started (UTC)", styles.dim(), BEGAN).cell("Result", styles.dim(), result);
    let header = header.cell("Clients", styles.dim(), 10);
    page.push(if wide { header.cell("Changed", styles.dim(), 9).text("Took", styles.dim()) } else { header });
    let window = model.panes.window(Pane::Sync);
    let shown = history_height(model).min(runs.len() - window.first.min(runs.len()));
    page.part = Some(Part { line: page.lines.len(), first: window.first, shown, total: runs.len() });
    for (at, run) in runs.iter().enumerate().skip(window.first).take(history_height(model)) {
        let focused = at == window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let (tone, word) = words::sync::status(run.status);
        let changes = words::sync::changed(&run.changes);
        let row = Row::new(styles, focused)
            .cell(&moment(model.now, run.started_at), style, BEGAN)
            .cell(&format!("{} {word}", symbol(tone)), styles.tone(tone), result)
            .cell(&thousands(run.stored), Style::new(), 10);
        page.push(if wide {
            row.cell(&thousands(changes), Style::new(), 9)
                .text(&run.measured_ms().map_or_else(String::new, took), styles.dim())
        } else {
            row
        });
        if focused {
            let from = page.lines.len() - 1;
            // Without a second column, what it would say stands below.
            if model.layout.detail.is_none() && (!wide || !run.warnings.is_empty()) {
                let counts = format!("{}{}", words::sync::counts(&run.changes), words::sync::after(run));
                page.paragraph(&counts, MARGIN + 2, styles.dim());
                for warning in &run.warnings {
                    page.state(Tone::Warn, warning, MARGIN + 2);
                }
            }
            page.keep_from(from);
        }
    }
    // On a low terminal how the last one ended comes first, and this stands below the oldest.
    if is_low && model.work.sync.run_of(model.current.as_ref()).is_none() {
        outlook(model, page, runs.first());
        if window.selected > 0
            && window.selected + 1 == runs.len()
            && let Some(keep) = &mut page.keep
        {
            keep.end = page.lines.len();
        }
    }
}

// The proof of a run, and what an interrupted one has left to go on from.
fn prove(model: &Model, page: &mut Page, run: &SyncReport) {
    page.pair("Proof", &proof(run), Style::new());
    if run.status == SyncStatus::Interrupted && run.pages > 0 {
        page.pair("To resume", &words::sync::resumes(&spoken(model, "sync_now"), run.pages), Style::new());
    }
}

// The proof, how many clients there are, and when and by whom the next sync is run.
fn outlook(model: &Model, page: &mut Page, last: Option<&SyncReport>) {
    let (styles, standing) = (page.styles, model.facts.standing.as_ref());
    if let Some(run) = last {
        prove(model, page, run);
        page.pair("Clients", &usage(model, run), Style::new());
    }
    let time = model.current_saved().map(|saved| saved.configuration.company_sync.daily_sync_time);
    let is_stopped = standing.is_some_and(|standing| !standing.status.service.running);
    let by_timer = standing.is_some_and(|standing| standing.status.service.timer);
    if let Some(time) = time.filter(|_| model.is_active()) {
        let line = time.next_run_line(model.now);
        // Where nothing runs it, no next run is promised.
        match is_stopped {
            true if by_timer => page.pair("Daily sync", words::service::BY_TIMER, Style::new()),
            true => page.pair("Daily at", &format!("{time} UTC"), Style::new()),
            false => page.pair("Next run", line.trim_start_matches("next run "), Style::new()),
        };
        if !by_timer && !crate::view::wizard::fields::is_utc(model) {
            page.pair("", &crate::view::wizard::fields::own_clock(model, time), styles.dim());
        }
    }
    if is_stopped && by_timer {
        page.pair("Service", words::service::ONLY_TIMER, styles.tone(Tone::Warn));
    } else if is_stopped {
        let start = words::service::start(model.systemd).with_keys(&model.keys);
        let is_silent = standing.is_some_and(|standing| standing.status.service.is_silent());
        let how = if is_silent { DOES_NOT_ANSWER } else { "stopped" };
        page.pair("Service", &format!("{how}: no daily sync. {start}"), styles.tone(Tone::Warn));
    }
    if let Some(store) = standing.and_then(|standing| words::store::on_server(&standing.status)) {
        page.pair("Store", &store, Style::new());
    }
}

// What a run changed, client by client.
fn report(model: &Model, page: &mut Page, open: &Report) {
    let styles = page.styles;
    let rows = open.rows();
    let place =
        if rows == 0 { String::new() } else { format!("{} of {}", open.window.selected + 1, thousands(rows as u64)) };
    let run = open.run(model.facts.standing.as_ref().map_or(&[][..], |standing| &standing.runs));
    let status = run.map_or(SyncStatus::Complete, |run| run.status);
    let is_held = status == SyncStatus::NeedsConfirmation;
    let title = if is_held { "What the sync would change" } else { "What the sync changed" };
    page.heading(title, &place, styles.dim());
    if let Some(run) = run {
        let (tone, word) = words::sync::status(run.status);
        let began = words::time::long(run.started_at);
        page.pair("Run", &format!("{} {word}, {began}", symbol(tone)), styles.tone(tone));
        page.pair("Proof", &proof(run), Style::new());
        page.pair("Changes", &words::sync::counts(&run.changes), styles.dim());
    }
    page.blank();
    if let Some(Err(failure)) = &open.changes {
        page.failure(failure, MARGIN, &model.keys);
        return;
    }
    if let Some(words) = unlisted(open) {
        page.paragraph(&words, MARGIN, styles.dim());
        return;
    }
    let room = page.width.saturating_sub(MARGIN);
    // "would be disabled" is longer than all that a run can do.
    let change = if is_held { 2 * CHANGE } else { CHANGE };
    let name = room.saturating_sub(change + ID).max(8);
    page.push(
        Row::new(styles, false)
            .cell("Change", styles.dim(), change)
            .cell("Client", styles.dim(), name)
            .text("Halo's id", styles.dim()),
    );
    let (first, height) = (open.window.first, report_height(model));
    page.part = Some(Part { line: page.lines.len(), first, shown: height.min(rows - first.min(rows)), total: rows });
    for (at, line) in open.lines().iter().enumerate().skip(first).take(height) {
        let focused = at == open.window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let words = changed(line);
        let tone = if line.change == ChangeKind::Disabled { styles.tone(Tone::Warn) } else { styles.dim() };
        let row = Row::new(styles, focused).cell(line.change.word_in(status), tone, change).cell(&words, style, name);
        page.push(row.text(&line.id.to_string(), styles.dim()));
        if focused {
            page.keep_from(page.lines.len() - 1);
        }
    }
}

/// What is said where no change is listed.
fn unlisted(open: &Report) -> Option<String> {
    match &open.changes {
        None => Some("Reading the changes.".to_owned()),
        Some(Ok(None)) => Some(format!("No longer kept: only the last {RUNS_KEPT} runs are.")),
        Some(Ok(Some(changes))) if changes.is_empty() => Some("No client changed.".to_owned()),
        Some(_) => None,
    }
}

fn changed(line: &ClientChange) -> String {
    match &line.name_before {
        Some(before) => format!("{} (was {})", line.name.display(), before.display()),
        None => line.name.display(),
    }
}

/// What the run that is opened has changed, read out.
pub fn lines(model: &Model) -> Vec<String> {
    let Some(open) = &model.panes.report else { return Vec::new() };
    if let Some(Err(failure)) = &open.changes {
        return vec![failure.to_string()];
    }
    let line = |line: &ClientChange| format!("{}: {}, id {}", line.change.word(), changed(line), line.id);
    unlisted(open).into_iter().chain(open.lines().iter().map(line)).collect()
}

/// The proof line, and which of the pages it did not have to read again.
fn proof(run: &SyncReport) -> String {
    match run.resumed_pages {
        0 => run.proof(),
        1 => format!("{}; 1 page reused from an interrupted sync", run.proof()),
        pages => format!("{}; {} pages reused from an interrupted sync", run.proof(), thousands(pages)),
    }
}

fn last_run(model: &Model, page: &mut Page, last: Option<&SyncReport>) {
    let styles = page.styles;
    let Some(run) = last else {
        page.pair("Last run", &format!("no sync yet; press {} to sync", spoken(model, "sync_now")), styles.dim());
        return;
    };
    let (tone, word) = words::sync::status(run.status);
    let words = format!("{} {word}, {}{}", symbol(tone), ago(model.now, run.finished_at), words::sync::after(run));
    page.pair("Last run", &words, styles.tone(tone));
}

pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let runs = model.facts.standing.as_ref().map_or(&[][..], |standing| &standing.runs);
    let looked_at = model.panes.report.as_ref().and_then(|open| open.run(runs));
    let Some(run) = looked_at.or_else(|| runs.get(model.panes.window(Pane::Sync).selected)) else { return Vec::new() };
    let (tone, word) = words::sync::status(run.status);
    let mut lines = vec![
        Line::default(),
        Line::styled(words::time::long(run.started_at), styles.title()),
        Line::default(),
        Line::styled(format!("{} {word}", symbol(tone)), styles.tone(tone)),
    ];
    lines.extend(wrap(&proof(run), columns).into_iter().map(Line::raw));
    lines.push(Line::default());
    let spent = [(run.requests, "request", "requests"), (run.retries, "retry", "retries")];
    let spent = spent.map(|(count, one, many)| (count, if count == 1 { one } else { many }));
    // Of a run whose program was killed neither is known.
    let spent = spent.into_iter().filter(|_| run.requests > 0);
    for (count, words) in words::sync::parts(&run.changes).into_iter().chain(spent) {
        lines.push(Line::raw(format!("{:>9} {words}", thousands(count))));
    }
    for warning in &run.warnings {
        lines.push(Line::default());
        let text = wrap(&format!("! {warning}"), columns);
        lines.extend(text.into_iter().map(|line| Line::styled(line, styles.tone(Tone::Warn))));
    }
    lines
}

//! Initial Sync: how it goes, the proof, and Pia Escalate To once after it.

use ratatui::style::Style;

use crate::app::Model;
use crate::app::jobs::state::{SyncEnd, SyncRun};
use crate::app::jobs::sync;
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::wizard::{Item, initial_sync};
use crate::domain::sync_run::{SideList, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::progress::{count, left_over, seconds_since, silent, waiting, window};
use crate::view::text::duration;
use crate::view::theme::symbol;
use crate::words;

use super::fields::escalate_row;

pub fn body(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    let styles = page.styles;
    if let Some(run) = model.work.sync.run_of(model.current.as_ref()) {
        page.heading("Initial Sync", if run.stopping { "Stopping" } else { "Syncing" }, styles.title());
        progress(model, page, run);
        page.blank();
        page.paragraph(&stops(model, run), MARGIN, styles.dim());
        return;
    }
    page.heading("Initial Sync", "", Style::new());
    let focused = wizard.focus == Item::SyncNow;
    let label = if focused { styles.focus() } else { Style::new() };
    let from = page.lines.len();
    let row = page.label("Sync Now", label, focused);
    let words = if model.is_synced() {
        "reads Halo's clients again"
    } else {
        "reads Halo's clients, agents, teams and ticket types"
    };
    page.words(row, words, styles.dim());
    if let Some(reason) = sync::refusal(model) {
        page.state(Tone::Warn, &reason.with_keys(&model.keys), page.value_column());
    }
    page.blank();
    match model.work.sync.end_of(model.current.as_ref()) {
        Some(SyncEnd::Report(report)) => {
            let at = match wizard.focus {
                Item::Warning(at) => Some(at),
                _ => None,
            };
            ended(model, page, report, at);
        }
        Some(SyncEnd::Failed(failure)) => {
            page.failure(failure, MARGIN, &model.keys);
            page.paragraph(words::sync::FAILED, MARGIN + 2, Style::new());
        }
        Some(SyncEnd::Stopped { read, .. }) => {
            page.state(Tone::Warn, &format!("{} Sync Now reads it again.", words::sync::stopped(*read)), MARGIN);
        }
        None if model.is_synced() => page.state(Tone::Good, "A sync was completed before.", MARGIN),
        None if let Some(run) = interrupted(model) => {
            let words = format!("The last sync was interrupted: {}.", run.proof());
            page.state(Tone::Warn, &words, MARGIN);
            let resumes = words::sync::resumes(&spoken(model, "sync_now"), run.pages);
            page.paragraph(&format!("{resumes}."), MARGIN + 2, Style::new());
        }
        None => page.paragraph("Run the first sync before you configure Halo.", MARGIN, Style::new()),
    }
    if focused {
        // How it ended belongs to the line: as much as fits, from its beginning.
        page.keep_from(from);
    }
    if model.is_unproved() {
        page.blank();
        page.paragraph(words::sync::UNPROVED, MARGIN, Style::new());
    }
    if initial_sync::may_go_on(model) {
        page.blank();
        escalate_row(model, page, wizard.focus == Item::Field(crate::app::form::FieldId::EscalateTo));
        page.blank();
        let focused = wizard.focus == Item::Go;
        let style = if focused { styles.focus() } else { Style::new() };
        let from = page.lines.len();
        let row = page.label("Continue", style, focused);
        let to = if model.is_unproved() { "to Configure with this unproved list" } else { "to Configure" };
        page.words(row, to, styles.dim());
        if focused {
            page.keep_from(from);
        }
    }
}

// The newest sync, where it was interrupted and has left something to go on from.
fn interrupted(model: &Model) -> Option<&SyncReport> {
    let newest = model.facts.standing.as_ref()?.runs.first()?;
    (newest.status == SyncStatus::Interrupted && newest.pages > 0).then_some(newest)
}

/// What Esc does to a sync that runs.
pub fn stops(model: &Model, run: &SyncRun) -> String {
    let key = spoken(model, "cancel");
    match (run.stopping, &run.other) {
        (true, _) => "Stopping. The result appears in a moment.".to_owned(),
        (false, Some(_)) => format!("{key} stops waiting for it; the other sync continues."),
        (false, None) => format!("{key} stops; the list stays unchanged."),
    }
}

/// How a sync goes: counts, rate, the wait for the request limit, time left. Of another program's only who is at it.
pub fn progress(model: &Model, page: &mut Page, run: &SyncRun) {
    let styles = page.styles;
    if let Some(other) = &run.other {
        page.state(Tone::Calm, &words::sync::waits_for(other), MARGIN);
        page.paragraph(&format!("waiting {}", duration(seconds_since(model, run.since))), MARGIN + 2, styles.dim());
        return;
    }
    let progress = &run.progress;
    let label = |name: &str| Row::new(styles, false).cell(name, Style::new(), 14);
    match progress.clients_total {
        Some(total) => count(page, "Clients", progress.clients_read, total),
        None if progress.clients_read > 0 => {
            page.push(label("Clients").text(&thousands(progress.clients_read), Style::new()));
        }
        None => page.push(label("Clients").text("asking Halo for its count", styles.dim())),
    }
    for list in [SideList::Agents, SideList::Teams, SideList::TicketTypes] {
        match progress.lists.get(&list) {
            Some(count) => page.push(
                label(list.title()).cell(&thousands(*count), Style::new(), 8).text("✓ read", styles.tone(Tone::Good)),
            ),
            None => page.push(label(list.title()).text("waiting", styles.dim())),
        }
    }
    page.blank();
    match (progress.waiting, progress.silence) {
        (Some(wait), _) => waiting(model, page, wait),
        (None, Some(silence)) => silent(model, page, silence),
        (None, None) if run.stands_still(model.now) && progress.clients_read > 0 => {
            let still = duration(seconds_since(model, run.read_at));
            let again = if progress.retries > 0 { ": Halo is asked again" } else { "" };
            page.state(Tone::Warn, &format!("Nothing was read for {still}{again}."), MARGIN);
        }
        (None, None) => {}
    }
    if let (None, Some(budget)) = (progress.waiting, progress.budget) {
        let more = match budget.more_at.map(|at| at.duration_since(model.now).as_secs()) {
            Some(seconds @ 1..) => format!(", more in {}", duration(seconds as u64)),
            _ => String::new(),
        };
        let (used, limit) = (thousands(u64::from(budget.used)), thousands(u64::from(budget.limit)));
        let words = format!("{used} of {limit} requests used in {}{more}", window(budget.window_seconds));
        page.paragraph(&words, MARGIN, styles.dim());
    }
    if progress.resumed_pages > 0 {
        let pages = if progress.resumed_pages == 1 { "page" } else { "pages" };
        let words = format!("{} {pages} reused from an interrupted sync", thousands(progress.resumed_pages));
        page.paragraph(&words, MARGIN, styles.dim());
    }
    let mut words = format!("elapsed {}", duration(seconds_since(model, run.since)));
    match progress.pages {
        0 => {}
        1 => words.push_str(" · 1 page"),
        pages => words.push_str(&format!(" · {} pages", thousands(pages))),
    }
    if let Some(rate) = run.rate(model.now) {
        words.push_str(&format!(" · {} clients a second", thousands(rate.round() as u64)));
    }
    if let Some(left) = run.seconds_left(model.now).filter(|left| *left > 0) {
        words.push_str(&format!(" · {}", left_over(left)));
    }
    if progress.retries > 0 {
        let noun = if progress.retries == 1 { "retry" } else { "retries" };
        words.push_str(&format!(" · {} {noun}", thousands(progress.retries)));
    }
    page.paragraph(&words, MARGIN, styles.dim());
}

/// How a sync ended: the word, the proof, what changed, the warnings.
pub fn ended(model: &Model, page: &mut Page, report: &SyncReport, focus: Option<usize>) {
    let styles = page.styles;
    let words = words::sync::ended(report);
    if report.status == SyncStatus::Busy {
        // It never began: there is nothing to prove.
        page.state(Tone::Warn, &words, MARGIN);
        warnings(page, report, focus);
        return;
    }
    page.state(words::sync::status(report.status).0, &words, MARGIN);
    page.paragraph(&report.proof(), MARGIN + 2, Style::new());
    page.paragraph(&words::sync::counts(&report.changes), MARGIN + 2, styles.dim());
    warnings(page, report, focus);
    // What to do about a failure; a question asks by itself.
    if let Some(failure) = report.error.as_ref().filter(|_| report.status == SyncStatus::Failed) {
        page.advice(failure, MARGIN, &model.keys);
    }
}

fn warnings(page: &mut Page, report: &SyncReport, focus: Option<usize>) {
    let styles = page.styles;
    for (at, warning) in report.warnings.iter().enumerate() {
        let from = page.lines.len();
        let focused = focus == Some(at);
        let style = if focused { styles.focus() } else { styles.tone(Tone::Warn) };
        let row = Row::new(styles, focused).to(MARGIN + 2).text(symbol(Tone::Warn), styles.tone(Tone::Warn));
        page.words(row.text(" ", Style::new()), warning, style);
        if focused {
            page.keep_from(from);
        }
    }
}

//! How far something is that runs: a bar, the time so far and the time left, and the wait for Halo's request limit.

use jiff::Timestamp;
use ratatui::style::Style;

use crate::app::Model;
use crate::app::keymap;
use crate::app::notice::Tone;
use crate::domain::check::{Check, CheckId};
use crate::domain::sync_run::{BudgetWait, Silence};
use crate::domain::thousands;
use crate::words;

use super::page::{MARGIN, Page, Row};
use super::text::duration;
/// Columns of the label in front of a bar.
const LABEL: usize = 14;

const BAR: usize = 40;

/// A line with a label, the count, a bar and the share.
pub fn count(page: &mut Page, label: &str, done: u64, total: u64) {
    let row = Row::new(page.styles, false).cell(label, Style::new(), LABEL);
    let row = row.text(&format!("{} of {}", thousands(done), thousands(total)), Style::new());
    let percent = (done * 100).checked_div(total).unwrap_or(100).min(100);
    let room = page.width.saturating_sub(row.used() + 3 + 8).min(BAR);
    let row = row.text("   ", Style::new());
    let row = if room >= 8 { row.text(&bar(done, total, room), Style::new()) } else { row };
    page.push(row.right(&format!("{percent} %"), Style::new(), page.width));
}

/// A reading of Halo: the step that it is at, how many of its checks are done, the time, and what keeps it.
pub fn checks(model: &Model, page: &mut Page, since: Timestamp, done: &[Check]) {
    let all = CheckId::ALL.len();
    let next = CheckId::ALL.into_iter().find(|id| done.iter().all(|check| check.id != *id));
    count(page, "Checking", done.len().min(all) as u64, all as u64);
    let step = next.map_or_else(|| "reading what Halo holds".to_owned(), |id| format!("asking for {}", id.title()));
    let stops = format!("{} stops", keymap::spoken(model, "cancel"));
    let words = format!("{step} · elapsed {} · {stops}", duration(seconds_since(model, since)));
    page.paragraph(&words, MARGIN, Style::new());
    held_up(model, page);
}

/// How long it has been running, and how long it takes still at the rate of the changes behind the first: what came before
/// them does not come again. No guess stands beside a wait for Halo's limit, which is told by itself.
pub fn time(model: &Model, since: Timestamp, first: Option<Timestamp>, done: u64, total: u64) -> String {
    let mut words = format!("elapsed {}", duration(seconds_since(model, since)));
    let spent = first.map_or(0, |first| seconds_since(model, first));
    let left = (total.saturating_sub(done) * spent).checked_div(done.saturating_sub(1));
    let waits = model.work.waiting.is_some_and(|wait| !wait.one_by_one && wait.lasts(model.now));
    if let Some(left) = left.filter(|left| *left > 0 && !waits) {
        words.push_str(&format!(" · {}", left_over(left)));
    }
    words
}

/// The time left, roundly.
pub fn left_over(seconds: u64) -> String {
    if seconds < 60 { format!("about {seconds} s left") } else { format!("about {} min left", seconds.div_ceil(60)) }
}

/// What is waited for while a plan is read or applied.
pub fn held_up(model: &Model, page: &mut Page) {
    match (model.work.waiting.filter(|wait| wait.lasts(model.now)), model.work.silence) {
        (Some(wait), _) => waiting(model, page, wait),
        (None, Some(silence)) => silent(model, page, silence),
        (None, None) => {}
    }
}

/// That Halo does not answer.
pub fn silent(model: &Model, page: &mut Page, silence: Silence) {
    page.state(Tone::Warn, &words::sync::silent(&silence, model.now), MARGIN);
}

/// That Halo's request limit is being waited for, and until when.
pub fn waiting(model: &Model, page: &mut Page, wait: BudgetWait) {
    page.state(Tone::Warn, &budget(model, wait), MARGIN);
}

/// The same in words.
pub fn budget(model: &Model, wait: BudgetWait) -> String {
    let limit = format!("Halo allows {} requests in {}: all used", wait.limit, window(wait.window_seconds));
    if wait.one_by_one {
        return format!("{limit}, so each waits its turn");
    }
    let seconds = wait.until.duration_since(model.now).as_secs().max(0) as u64;
    format!("{limit}, continues in {}", duration(seconds))
}

/// The time that a request limit is for.
pub fn window(seconds: u64) -> String {
    if seconds.is_multiple_of(60) { format!("{} minutes", seconds / 60) } else { duration(seconds) }
}

fn bar(done: u64, total: u64, columns: usize) -> String {
    let eighths = (done.min(total) as usize * columns * 8).checked_div(total as usize).unwrap_or(columns * 8);
    let mut out = "█".repeat(eighths / 8);
    if let Some(part) = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8) {
        out.push_str(part);
    }
    out
}

/// Whole seconds since a moment.
pub fn seconds_since(model: &Model, since: Timestamp) -> u64 {
    model.now.duration_since(since).as_secs().max(0) as u64
}

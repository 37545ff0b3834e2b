//! The test of the connection: its verdict, and what each check has found.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::notice::Tone;
use crate::app::text::wrap;
use crate::app::wizard::credentials::{Test, known_failure, tested_at};
use crate::app::wizard::{Item, Wizard};
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, WriteProof};
use crate::keys::KeyMap;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::progress::seconds_since;
use crate::view::text::{ago, duration};
use crate::view::theme::{Styles, symbol};
use crate::words;
use crate::words::Phrase;
use crate::words::check::Told;

/// How much is shown of what a check that passed has found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// As much as fits into a line.
    Line,
    /// All of it, where there are lines for that.
    Whole,
    /// All of it, and what to do about it has to be in sight.
    Advice,
}

/// A check with its verdict; what is not as it should be says what to change. One remedy for several checks is said once,
/// below the last of them.
pub fn check_row<'a>(
    page: &mut Page,
    keys: &KeyMap,
    (title, check): (&str, &Check),
    focused: bool,
    later: impl Iterator<Item = &'a Check> + Clone,
    shown: Words,
) {
    let styles = page.styles;
    let from = page.lines.len();
    let (tone, word) = words::check::sign(check);
    let name = if focused { styles.focus() } else { Style::new() };
    let style = if check.status == CheckStatus::Skip { styles.dim() } else { styles.tone(tone) };
    // On a narrow terminal the words go under the name.
    let narrow = page.width < 70;
    let column = if narrow { MARGIN + 2 } else { MARGIN + 10 + 22 };
    let room = page.width.saturating_sub(column + 1).max(8);
    let message = if focused { words::check::found(check) } else { words::check::found_once(check, later.clone()) };
    let open = check.status != CheckStatus::Pass || focused || shown != Words::Line;
    // What passed takes one line, and the rest of its words is there when it is selected. Nothing is cut.
    let short = words::check::in_short(check, room).filter(|_| !open);
    let mut lines = short.map_or_else(|| wrap(&message, room), |short| vec![short]).into_iter();
    let first = lines.next().unwrap_or_default();
    let row = Row::new(styles, focused).cell(&format!("{} {word}", symbol(tone)), style, 10);
    let words = if check.status == CheckStatus::Skip { styles.dim() } else { Style::new() };
    let row = row.cell(title, name, 22);
    if narrow {
        page.push(row);
        page.push(Row::new(styles, false).to(column).text(&first, words));
    } else {
        page.push(row.text(&first, words));
    }
    for line in lines {
        page.push(Row::new(styles, false).to(column).text(&line, words));
    }
    let advice = if focused { words::check::advice(check) } else { words::check::advice_once(check, later) };
    if let Some(hint) = advice {
        let from = page.lines.len();
        page.paragraph(
            &words::capital(&hint.with_keys(keys)),
            if narrow { MARGIN + 2 } else { MARGIN + 10 },
            Style::new(),
        );
        if shown == Words::Advice {
            page.keep_from(from);
            return;
        }
    }
    if focused {
        page.keep_from(from);
    }
}

// A row of what is told. What the row with the focus says, no other one does.
fn told_row(page: &mut Page, keys: &KeyMap, rows: &[Told], at: usize, focus: Option<usize>, shown: Words) {
    let told = &rows[at];
    let of_focus = focus.filter(|focus| *focus != at).map(|focus| &rows[focus].check);
    let others = words::check::instead(rows, at).chain(of_focus);
    check_row(page, keys, (&told.title, &told.check), focus == Some(at), others, shown);
}

/// The checks of a test that runs: those that are done, the one that is asked for and since when, and those that follow.
pub fn checks_so_far(model: &Model, page: &mut Page, since: jiff::Timestamp, done: &[Check], follow: &[CheckId]) {
    let styles = page.styles;
    for (at, check) in done.iter().enumerate() {
        check_row(page, &model.keys, (check.id.title(), check), false, done.iter().skip(at + 1), Words::Line);
    }
    let mut left = follow.iter().filter(|id| done.iter().all(|check| check.id != **id));
    if let Some(now) = left.next() {
        asking(model, page, since, done, *now);
    }
    for id in left {
        page.push(Row::new(styles, false).cell("○", styles.dim(), 10).text(id.title(), styles.dim()));
    }
}

// The same where there is no room for a line each: those that passed share one, and so do those that follow.
fn checks_in_short(model: &Model, page: &mut Page, since: jiff::Timestamp, done: &[Check], follow: &[CheckId]) {
    let styles = page.styles;
    let others = (0..done.len()).filter(|at| !words::check::is_plain(&done[*at]));
    let others = words::check::told(done, others);
    for at in 0..others.len() {
        told_row(page, &model.keys, &others, at, None, Words::Line);
    }
    let names = done.iter().filter(|check| words::check::is_plain(check)).map(|check| check.id.title());
    let names = names.collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        let row = Row::new(styles, false).cell("✓ passed", styles.tone(Tone::Good), 10);
        page.words(row, &names, Style::new());
    }
    let mut left = follow.iter().filter(|id| done.iter().all(|check| check.id != **id));
    let Some(now) = left.next() else { return };
    asking(model, page, since, done, *now);
    let left = left.map(|id| id.title()).collect::<Vec<_>>().join(", ");
    if !left.is_empty() {
        page.words(Row::new(styles, false).cell("○", styles.dim(), 10), &left, styles.dim());
    }
}

// The check that is asked for, and since when.
fn asking(model: &Model, page: &mut Page, since: jiff::Timestamp, done: &[Check], now: CheckId) {
    let styles = page.styles;
    let spent: u64 = done.iter().map(|check| check.duration_ms).sum::<u64>() / 1_000;
    let seconds = seconds_since(model, since).saturating_sub(spent);
    let row = Row::new(styles, false).cell("● asking", styles.title(), 10).cell(now.title(), Style::new(), 22);
    let from = page.lines.len();
    page.push(row.text(&duration(seconds), Style::new()));
    page.keep_from(from);
}

// Those that passed, in a line for what can be said of writing.
fn together<'a>(page: &mut Page, checks: impl Iterator<Item = &'a Check>, mut after_caveat: impl FnMut(&Page)) {
    let styles = page.styles;
    for (caveat, names) in words::check::by_caveat(checks) {
        let names = names.join(", ");
        let words =
            caveat.map_or_else(|| names.clone(), |proof| format!("{names}: {}", words::check::writing(proof).1));
        // What is not known has no green sign.
        let (tone, word) = match caveat {
            Some(WriteProof::NotProvable) => words::check::READ,
            _ => words::check::verdict(CheckStatus::Pass),
        };
        let row = Row::new(styles, false).cell(&format!("{} {word}", symbol(tone)), styles.tone(tone), 10);
        page.words(row, &words, Style::new());
        if caveat.is_some() {
            after_caveat(page);
        }
    }
}

/// Every check of a report, one of the rows with the focus.
pub fn report_rows(page: &mut Page, keys: &KeyMap, report: &CheckReport, focus: Option<usize>) {
    let rows = words::check::report_rows(report);
    for at in 0..rows.len() {
        told_row(page, keys, &rows, at, focus, Words::Line);
    }
}

// Those that were skipped, in a line for each reason.
fn skipped(page: &mut Page, checks: &[Check]) {
    let styles = page.styles;
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in checks.iter().filter(|check| check.status == CheckStatus::Skip) {
        match by_reason.iter_mut().find(|(reason, _)| *reason == check.message) {
            Some((_, names)) => names.push(check.id.title()),
            None => by_reason.push((&check.message, vec![check.id.title()])),
        }
    }
    for (reason, names) in by_reason {
        let row = Row::new(styles, false).cell("– skipped", styles.dim(), 10);
        page.words(row, &format!("{}: {reason}", names.join(", ")), styles.dim());
    }
}

/// The test: its verdict, and the checks.
pub fn test(model: &Model, wizard: &Wizard, page: &mut Page) {
    let styles = page.styles;
    let focused = wizard.focus == Item::Test;
    let from = page.lines.len();
    let label = if focused { styles.focus() } else { Style::new() };
    let row = page.label("Test", label, focused);
    match &wizard.test {
        Test::Before | Test::Passed(_) if let Some(found) = known_failure(model) => {
            let words = format!("✗ {}", words::check::refused_since(found, model.now));
            page.words(row, &words, styles.tone(Tone::Bad));
        }
        Test::Not if wizard.untested => {
            page.words(row, "! not verified: continued without a test", styles.tone(Tone::Warn))
        }
        Test::Not => page.words(row, "○ not tested", styles.dim()),
        Test::Before => {
            let words = words::check::passed_before(tested_at(model).map(|at| ago(model.now, at)));
            page.words(row, &format!("✓ {words}"), styles.tone(Tone::Good));
        }
        Test::Running { since, .. } => {
            let seconds = seconds_since(model, *since);
            page.words(row, &format!("testing the connection, {}", duration(seconds)), Style::new());
        }
        Test::Passed(report) => {
            let (tone, words) = words::check::passed(report);
            page.words(row, &format!("{} {words}", symbol(tone)), styles.tone(tone));
        }
        Test::Failed(report) => {
            let count = report.checks.iter().filter(|check| check.status == CheckStatus::Fail).count();
            let words = format!("✗ {count} of {} failed. Nothing has been saved.", report.checks.len());
            page.words(row, &words, styles.tone(Tone::Bad));
        }
        Test::Broken(failure) => {
            page.words(row, "✗ failed. Nothing has been saved.", styles.tone(Tone::Bad));
            page.happened(failure, MARGIN + 2);
            let advice = page.lines.len();
            page.advice(failure, MARGIN + 2, &model.keys);
            if wizard.focus == Item::Advice(0) {
                page.keep_from(advice);
            }
        }
    }
    if focused {
        page.keep_from(from);
    }
    let checks = wizard.test.checks();
    let room = usize::from(model.layout.body.height).saturating_sub(page.lines.len());
    if let Test::Running { since, .. } = &wizard.test {
        // What looks at boards and the contact comes without a question to Halo.
        let asked: Vec<CheckId> = CheckId::ALL.into_iter().filter(|id| id.is_asked()).collect();
        if asked.len() < room {
            checks_so_far(model, page, *since, checks, &asked);
        } else {
            checks_in_short(model, page, *since, checks, &asked);
        }
        return;
    }
    let order = wizard.test.order();
    // Where they would push the form out of sight, those that passed share a line; in the list each has its own.
    let in_list = matches!(wizard.focus, Item::Check(_) | Item::Advice(_));
    if !in_list && order.len() + 2 > room {
        let plain = |at: &&usize| words::check::is_plain(&checks[**at]);
        let shown = words::check::told(checks, order.iter().filter(|at| !plain(at)).copied());
        // What failed, and what to do about it, has to be in sight; for anything else the form is not pushed away.
        let mut kept = page.lines.len();
        for (row, told) in shown.iter().enumerate() {
            told_row(page, &model.keys, &shown, row, None, Words::Line);
            if told.check.status == CheckStatus::Fail {
                kept = page.lines.len();
            }
        }
        let has_caveat = order.iter().filter(plain).any(|at| checks[*at].writes.is_some());
        together(page, order.iter().filter(plain).map(|at| &checks[*at]), |page| {
            // Where nothing else has to be read, the caveats are in sight with the verdict.
            if shown.is_empty() && has_caveat {
                kept = page.lines.len();
            }
        });
        skipped(page, checks);
        if focused {
            page.keep = Some(from..kept);
        }
        return;
    }
    // Where all of it has room, nothing is cut.
    let column = page.width.saturating_sub(MARGIN + 10 + 22 + 1).max(8);
    let rows = words::check::told(checks, order);
    let lines: usize = rows.iter().map(|told| wrap(&words::check::found(&told.check), column).len()).sum();
    let is_free = page.width >= 70 && page.lines.len() + lines < usize::from(model.layout.body.height);
    let words = if is_free { Words::Whole } else { Words::Line };
    let mut failed = page.lines.len();
    let has_focus = |told: &Told| [Item::Check(told.at), Item::Advice(told.at)].contains(&wizard.focus);
    let focus = rows.iter().position(has_focus);
    for (row, told) in rows.iter().enumerate() {
        let advised = wizard.focus == Item::Advice(told.at);
        let words = if advised { Words::Advice } else { words };
        told_row(page, &model.keys, &rows, row, focus, words);
        if told.check.status == CheckStatus::Fail {
            failed = page.lines.len();
        }
    }
    skipped(page, checks);
    if focused {
        // What failed belongs to the line; for the rest the form is not pushed away.
        page.keep = Some(from..failed);
    }
}

pub(crate) fn check_help(told: &Told, keys: &KeyMap, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default(), Line::styled(told.title.clone(), styles.title()), Line::default()];
    let check = &told.check;
    lines.extend(wrap(&check.message, columns).into_iter().map(Line::raw));
    if let Some(hint) = &check.hint {
        lines.push(Line::default());
        lines.extend(wrap(&words::capital(&Phrase::from(hint).with_keys(keys)), columns).into_iter().map(Line::raw));
    }
    lines
}

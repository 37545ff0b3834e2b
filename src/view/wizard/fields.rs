//! The four sections of fields.

use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::form::{FIELDS, FieldId, Kind};
use crate::app::keymap::{Command, Place, spoken};
use crate::app::notice::Tone;
use crate::app::text::{width, wrap};
use crate::app::wizard::company_sync::left_out;
use crate::app::wizard::credentials::{Test, known_failure, suspect, tested_at, token_words};
use crate::app::wizard::pia_screen::{board_warning, escalate_words, suggestions};
use crate::app::wizard::{Item, Wizard};
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::draft::Step;
use crate::keys::KeyMap;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::progress::seconds_since;
use crate::view::seen;
use crate::view::text::{ago, duration, fit, pad};
use crate::view::theme::{Styles, symbol};
use crate::words;
use crate::words::Phrase;

/// The most suggestions listed at once.
const LISTED: usize = 6;

pub fn credentials(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    // Here a question mark is text. On a narrow terminal the line of keys has to say it.
    let is_told = wizard.id.is_none() && page.width >= 60;
    let key = model.keys.key(Command::Help, Place::Field).filter(|_| is_told);
    let needs = key.map(|key| format!("{} shows what you need", key.name())).unwrap_or_default();
    page.heading("API Credentials", &needs, Style::new());
    rows(model, wizard, page, Step::Credentials);
    page.blank();
    test(model, wizard, page);
}

pub fn company_sync(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    let styles = page.styles;
    page.heading("Company Sync", "", Style::new());
    rows(model, wizard, page, Step::CompanySync);
    page.blank();
    let focused = wizard.focus == Item::SyncNow;
    let style = if focused { styles.focus() } else { Style::new() };
    let words = match (wizard.id.is_some(), model.work.sync.run_of(model.current.as_ref())) {
        (false, _) => "after Save".to_owned(),
        (true, Some(run)) => format!("Syncing, {}", duration(seconds_since(model, run.since))),
        (true, None) => match model.status().and_then(|status| status.last_sync.as_ref()) {
            Some(last) => format!("{}, {}", last.status.word(), ago(model.now, last.finished_at)),
            None => "no sync yet".to_owned(),
        },
    };
    let value = if focused { Style::new() } else { styles.dim() };
    let from = page.lines.len();
    let row = page.label("Sync Now", style, focused);
    page.words(row, &words, value);
    if focused {
        page.keep_from(from);
    }
}

pub fn pia_screen(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    page.heading("Pia Screen", "", Style::new());
    rows(model, wizard, page, Step::PiaScreen);
}

pub fn integration(model: &Model, page: &mut Page) {
    let Some(wizard) = &model.wizard else { return };
    let styles = page.styles;
    page.heading("Integration", if wizard.is_saving() { "saving" } else { "" }, Style::new());
    rows(model, wizard, page, Step::Integration);
    page.blank();
    page.plain("Setup Integration", styles.title());
    page.blank();
    let at = match wizard.focus {
        Item::Callback(at) => Some(at),
        _ => None,
    };
    callbacks(model, page, at, "created at the first save");
}

/// The callback addresses: masked, unless they are revealed.
pub fn callbacks(model: &Model, page: &mut Page, focus: Option<usize>, none: &str) {
    let styles = page.styles;
    if let Some(failure) = &model.facts.callbacks_failed {
        page.failure(failure, MARGIN, &model.keys);
        return;
    }
    if model.facts.callbacks.is_empty() {
        page.pair("Callback URLs", none, styles.dim());
        return;
    }
    page.pair("Callback URLs", "with a valid token", styles.dim());
    for (index, (group, url)) in model.facts.callbacks.iter().enumerate() {
        let focused = focus == Some(index);
        let style = if focused { styles.focus() } else { Style::new() };
        let from = page.lines.len();
        if model.facts.revealed {
            page.push(Row::new(styles, focused).text(group.webhook_name(), style));
            // Whole, however long: it is there to be read and copied.
            let exposed = url.expose();
            for line in wrap(exposed.expose(), page.width.saturating_sub(MARGIN + 3)) {
                page.push(Row::new(styles, false).to(MARGIN + 2).text(&line, Style::new()));
            }
        } else {
            // Its end tells one from the other; the middle can go.
            let row = page.label(group.webhook_name(), style, focused);
            let room = page.width.saturating_sub(row.used() + 1);
            page.push(row.text(&middle(&url.masked(), room), Style::new()));
        }
        if focused {
            page.keep_from(from);
        }
    }
}

/// Cuts the middle out of an address.
fn middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 12 {
        return fit(text, columns);
    }
    let tail: String = text.chars().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect();
    let front = fit(text, columns - width(&tail));
    format!("{}{tail}", front.trim_end_matches('…'))
}

// The fields of a step.
fn rows(model: &Model, wizard: &Wizard, page: &mut Page, step: Step) {
    for info in FIELDS.iter().filter(|info| info.step == step && wizard.is_shown(info.id)) {
        match info.kind {
            Kind::Choice => escalate_row(model, page, wizard.focus == Item::Field(info.id)),
            Kind::ReadOnly => {
                let row = page.label(info.label, Style::new(), false);
                page.words(row, &token_words(wizard, model.now), page.styles.dim());
            }
            _ => field(model, wizard, page, info.id),
        }
        if info.id == FieldId::Name {
            page.blank();
        }
    }
}

/// A field, with the cursor and what there is to say where it has the focus.
pub(super) fn field(model: &Model, wizard: &Wizard, page: &mut Page, id: FieldId) {
    let styles = page.styles;
    let focused = wizard.focus == Item::Field(id);
    let from = page.lines.len();
    let room = page.width.saturating_sub(page.value_column() + 2).max(4);
    let label = if focused { styles.focus() } else { Style::new() };
    let row = page.label(id.info().label, label, focused);
    let (value, style, cursor) = value(wizard, id, focused, room, styles.dim());
    if let Some(cursor) = cursor {
        page.cursor = Some((page.lines.len(), (page.value_column() + cursor) as u16));
    }
    page.push(row.text(&value, style));
    remarks(model, wizard, page, id, focused);
    if focused && wizard.list.is_some() {
        list(model, wizard, page, id);
    }
    if focused {
        page.keep_from(from);
    }
}

// The value as it is seen, and where the cursor stands in it.
fn value(wizard: &Wizard, id: FieldId, focused: bool, room: usize, dim: Style) -> (String, Style, Option<usize>) {
    if id.info().kind == Kind::Secret {
        let length = wizard.form.secret.length();
        let dots = "•".repeat(length.min(12).min(room));
        let cursor = focused.then_some(dots.chars().count());
        return match (length, wizard.has_secret) {
            (0, true) if !focused => {
                let place = wizard.outside_secret.as_ref().map_or("stored".to_owned(), |place| format!("from {place}"));
                (format!("••••••••••••   {place}"), Style::new(), cursor)
            }
            (0, _) => (String::new(), Style::new(), cursor),
            (length, _) => (format!("{dots}   {length} characters"), Style::new(), cursor),
        };
    }
    let Some(input) = wizard.form.input(id) else { return (String::new(), Style::new(), None) };
    if !focused {
        return if input.value().is_empty() && id.may_be_blank() {
            let default = wizard.form.default_chat_pod().filter(|_| id == FieldId::ChatPodUrl);
            (fit(default.as_deref().or(id.info().blank).unwrap_or("blank"), room), dim, None)
        } else {
            (fit(input.value(), room), Style::new(), None)
        };
    }
    let cursor = input.visual_cursor();
    let skip = (cursor + 1).saturating_sub(room);
    (seen(input.value(), skip, room), Style::new(), Some(cursor - skip))
}

fn takes(model: &Model, better: &str) -> String {
    format!("{} takes {better}", spoken(model, "take_better"))
}

// Under the value: its error, or what is worth saying, or the help.
fn remarks(model: &Model, wizard: &Wizard, page: &mut Page, id: FieldId, focused: bool) {
    let styles = page.styles;
    if let Some(error) = wizard.form.shown_error(id, wizard.has_secret) {
        page.state(Tone::Bad, &error, page.value_column());
        if focused && let Some(better) = wizard.form.suggestion(id) {
            page.paragraph(&takes(model, &better), page.value_column() + 2, Style::new());
        }
        return;
    }
    if id == FieldId::DailySyncTime {
        daily(model, wizard, page, focused);
        return;
    }
    if suspect(wizard) == Some(id) {
        page.state(Tone::Warn, "check this field: Halo's answer points to it", page.value_column());
    }
    let mut said = false;
    if let Some(words) = left_out(model).filter(|_| id == FieldId::Include) {
        page.state(Tone::Warn, &words, page.value_column());
        said = true;
    }
    if wizard.list.is_none()
        && let Some(warning) = board_warning_of(model, id)
    {
        page.state(Tone::Warn, &warning, page.value_column());
        said = true;
    }
    for remark in wizard.form.remarks(id) {
        said = true;
        if remark.warning {
            page.state(Tone::Warn, &remark.text, page.value_column());
        } else {
            let words = match &remark.taken {
                Some(taken) => format!("→ {taken}   {}", remark.text),
                None => remark.text,
            };
            page.paragraph(words.trim_end(), page.value_column(), styles.dim());
        }
    }
    if !focused || said || wizard.list.is_some() {
        return;
    }
    let better = wizard.form.suggestion(id).map(|better| takes(model, &better));
    // What is typed so far is no value: that is said, and not called wrong before the field is left.
    let is_typed = !wizard.form.text(id).is_empty() && better.is_none();
    if let Some(why) = wizard.form.error(id, wizard.has_secret).filter(|_| is_typed) {
        page.paragraph(&format!("not complete yet: {why}"), page.value_column(), styles.dim());
        return;
    }
    let help = wizard.help(id);
    page.paragraph(better.as_deref().unwrap_or(&help), page.value_column(), styles.dim());
    if id == FieldId::ChatPodUrl
        && wizard.form.text(id).is_empty()
        && let Some(default) = wizard.form.default_chat_pod()
    {
        page.paragraph(&default, page.value_column(), styles.dim());
    }
}

fn board_warning_of(model: &Model, id: FieldId) -> Option<String> {
    if id.info().kind == Kind::Board { board_warning(model, id) } else { None }
}

/// The same time on the person's own clock.
pub fn own_clock(model: &Model, time: DailySyncTime) -> String {
    let equals = if model.zone.is_unknown() { "" } else { "= " };
    format!("{equals}{}", time.in_zone(model.now, &model.zone))
}

/// Whether the person's own clock shows UTC.
pub fn is_utc(model: &Model) -> bool {
    matches!(model.zone.iana_name(), Some("UTC" | "Etc/UTC")) || model.zone == TimeZone::UTC
}

// The same time on the person's own clock, and when it comes round.
fn daily(model: &Model, wizard: &Wizard, page: &mut Page, focused: bool) {
    let styles = page.styles;
    match DailySyncTime::parse(wizard.form.text(FieldId::DailySyncTime)) {
        Ok(time) => {
            // The zone beside the value, where the cursor does not stand; what is typed otherwise, as it is taken.
            let typed = wizard.form.text(FieldId::DailySyncTime).trim();
            let is_plain = typed.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte));
            let beside = if is_plain { "   UTC".to_owned() } else { format!("   = {time} UTC") };
            if let Some(last) = page.lines.last_mut() {
                last.push_span(ratatui::text::Span::styled(beside, styles.dim()));
            }
            // On a clock that shows UTC it would be the same words twice.
            if !is_utc(model) {
                page.paragraph(&own_clock(model, time), page.value_column(), Style::new());
            }
            if let Some(change) = time.change_in_zone(model.now, &model.zone) {
                page.paragraph(&change, page.value_column(), styles.dim());
            }
            let service = model.status().map(|status| &status.service);
            page.paragraph(&words::service::next_run(time, service, model.now), page.value_column(), styles.dim());
        }
        Err(_) if focused => page.paragraph(FieldId::DailySyncTime.info().help, page.value_column(), styles.dim()),
        Err(_) => {}
    }
}

/// Pia Escalate To, which is on two steps.
pub fn escalate_row(model: &Model, page: &mut Page, focused: bool) {
    let styles = page.styles;
    let from = page.lines.len();
    let (words, warning) = escalate_words(model);
    let chosen = model.wizard.as_ref().is_some_and(|wizard| wizard.form.escalate_to.is_some());
    let style = if chosen { Style::new() } else { styles.dim() };
    let label = if focused { styles.focus() } else { Style::new() };
    let row = page.label(FieldId::EscalateTo.info().label, label, focused);
    page.words(row, &words, style);
    if let Some(warning) = warning {
        page.state(Tone::Warn, &warning, page.value_column());
    } else if focused && model.facts.lists.synced {
        page.paragraph("Enter chooses; blank means no default escalation", page.value_column(), styles.dim());
    }
    if focused {
        page.keep_from(from);
    }
}

// The suggestions, in a box under the value.
fn list(model: &Model, wizard: &Wizard, page: &mut Page, id: FieldId) {
    let styles = page.styles;
    let names = suggestions(model, id);
    let Some(list) = wizard.list else { return };
    let column = page.value_column();
    let longest = names.iter().map(|name| width(name)).max().unwrap_or_default();
    let inner = (longest + 4).clamp(16, page.width.saturating_sub(column + 3).max(16));
    let first = (list.selected + 1).saturating_sub(LISTED);
    let below = names.len().saturating_sub(first + LISTED);
    // The edges say what is not shown.
    let edge = |left: &str, right: &str, mark: String| {
        let mark = fit(&mark, inner);
        format!("{left}{}{mark}{right}", "─".repeat(inner.saturating_sub(width(&mark))))
    };
    let more = |arrow: &str, count: usize| if count == 0 { String::new() } else { format!(" {arrow} {count} more ") };
    page.push(Row::new(styles, false).to(column).text(&edge("┌", "┐", more("↑", first)), styles.dim()));
    for (at, name) in names.iter().enumerate().skip(first).take(LISTED) {
        let selected = at == list.selected;
        let (mark, style) = if selected { ("▸", styles.selected()) } else { (" ", Style::new()) };
        let row = Row::new(styles, false).to(column).text("│ ", styles.dim()).text(mark, style).text(" ", Style::new());
        page.push(row.text(&pad(name, inner.saturating_sub(3)), style).text("│", styles.dim()));
    }
    page.push(Row::new(styles, false).to(column).text(&edge("└", "┘", more("↓", below)), styles.dim()));
}

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
    check: &Check,
    focused: bool,
    later: impl Iterator<Item = &'a Check>,
    shown: Words,
) {
    let styles = page.styles;
    let from = page.lines.len();
    let (tone, word) = words::check::verdict(check.status);
    let name = if focused { styles.focus() } else { Style::new() };
    let style = if check.status == CheckStatus::Skip { styles.dim() } else { styles.tone(tone) };
    // On a narrow terminal the words go under the name.
    let narrow = page.width < 70;
    let column = if narrow { MARGIN + 2 } else { MARGIN + 10 + 22 };
    let room = page.width.saturating_sub(column + 1).max(8);
    let message = words::check::found(check);
    let open = check.status != CheckStatus::Pass || focused || shown != Words::Line;
    // What passed takes one line, and the rest of its words is there when it is selected. Nothing is cut.
    let short = words::check::in_short(check, room).filter(|_| !open);
    let mut lines = short.map_or_else(|| wrap(&message, room), |short| vec![short]).into_iter();
    let first = lines.next().unwrap_or_default();
    let row = Row::new(styles, focused).cell(&format!("{} {word}", symbol(tone)), style, 10);
    let words = if check.status == CheckStatus::Skip { styles.dim() } else { Style::new() };
    let row = row.cell(check.id.title(), name, 22);
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
        page.paragraph(&hint.with_keys(keys), if narrow { MARGIN + 2 } else { MARGIN + 10 }, Style::new());
        if shown == Words::Advice {
            page.keep_from(from);
            return;
        }
    }
    if focused {
        page.keep_from(from);
    }
}

/// The checks of a test that runs: those that are done, the one that is asked for and since when, and those that follow.
pub fn checks_so_far(model: &Model, page: &mut Page, since: jiff::Timestamp, done: &[Check], follow: &[CheckId]) {
    let styles = page.styles;
    for (at, check) in done.iter().enumerate() {
        check_row(page, &model.keys, check, false, done.iter().skip(at + 1), Words::Line);
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
    let others: Vec<&Check> = done.iter().filter(|check| !words::check::is_plain(check)).collect();
    for (at, check) in others.iter().enumerate() {
        check_row(page, &model.keys, check, false, others.iter().skip(at + 1).copied(), Words::Line);
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
fn together<'a>(page: &mut Page, checks: impl Iterator<Item = &'a Check>) {
    let styles = page.styles;
    for (caveat, names) in words::check::by_caveat(checks) {
        let names = names.join(", ");
        let words = caveat.map_or_else(|| names.clone(), |caveat| format!("{names}: {caveat}"));
        let row = Row::new(styles, false).cell("✓ passed", styles.tone(Tone::Good), 10);
        page.words(row, &words, Style::new());
    }
}

/// Every check of a report, one of them with the focus.
pub fn report_rows(page: &mut Page, keys: &KeyMap, report: &CheckReport, focus: Option<usize>) {
    for (at, check) in report.checks.iter().enumerate() {
        check_row(page, keys, check, focus == Some(at), report.checks.iter().skip(at + 1), Words::Line);
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

fn test(model: &Model, wizard: &Wizard, page: &mut Page) {
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
            page.words(row, &format!("✓ {}", words::check::passed(report)), styles.tone(Tone::Good))
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
        let shown: Vec<&Check> = order.iter().filter(|at| !plain(at)).map(|at| &checks[*at]).collect();
        for (row, check) in shown.iter().enumerate() {
            check_row(page, &model.keys, check, false, shown.iter().skip(row + 1).copied(), Words::Line);
        }
        together(page, order.iter().filter(plain).map(|at| &checks[*at]));
        skipped(page, checks);
        if focused {
            page.keep_from(from);
        }
        return;
    }
    // Where all of it has room, nothing is cut.
    let column = page.width.saturating_sub(MARGIN + 10 + 22 + 1).max(8);
    let lines: usize = order.iter().map(|at| wrap(&words::check::found(&checks[*at]), column).len()).sum();
    let is_free = page.width >= 70 && page.lines.len() + lines < usize::from(model.layout.body.height);
    let words = if is_free { Words::Whole } else { Words::Line };
    for (row, at) in order.iter().enumerate() {
        let later = order.iter().skip(row + 1).map(|later| &checks[*later]);
        let advised = wizard.focus == Item::Advice(*at);
        let words = if advised { Words::Advice } else { words };
        check_row(page, &model.keys, &checks[*at], advised || wizard.focus == Item::Check(*at), later, words);
    }
    skipped(page, checks);
    if focused {
        // The results belong to the line: as many as fit, from their beginning.
        page.keep_from(from);
    }
}

pub(crate) fn check_help(check: &Check, keys: &KeyMap, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default(), Line::styled(check.id.title(), styles.title()), Line::default()];
    lines.extend(wrap(&check.message, columns).into_iter().map(Line::raw));
    if let Some(hint) = &check.hint {
        lines.push(Line::default());
        lines.extend(wrap(&Phrase::from(hint).with_keys(keys), columns).into_iter().map(Line::raw));
    }
    lines
}

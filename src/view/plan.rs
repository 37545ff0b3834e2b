//! Configure: the checks, the plan, the results.

use jiff::Timestamp;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::jobs::health::{findings, is_refused};
use crate::app::jobs::plan::{self, blocker, is_again};
use crate::app::jobs::removal;
use crate::app::jobs::state::{ApplyWork, Goal, PlanLine, PlanWork, lines};
use crate::app::keymap::{self, Command, Place};
use crate::app::layout::LOW;
use crate::app::meaning::{Meaning, meaning_of};
use crate::app::model::saved_title;
use crate::app::notice::Tone;
use crate::app::text::{width, wrap};
use crate::domain::check::{Check, CheckId};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::FailureKind;
use crate::domain::next::Hint;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{
    Action, Change, ChangeResult, ConfigureReport, ConfigureStatus, FieldChange, Offer, Parts, Plan, plain_name,
};
use crate::domain::untrusted::Untrusted;
use crate::view::page::{MARGIN, Page, Row, title_lines};
use crate::view::text::duration;
use crate::view::theme::{Styles, symbol};
use crate::words::{self, Phrase};

use super::progress::{self, seconds_since};
use super::results::{KIND, name_columns, rows_of_results, said};
use super::wizard::checks::{check_help, checks_so_far, report_rows};

/// So many lines are left for a row that opens, or there is no air on a plan.
const AIR: usize = 3;

/// Below this many columns what is done to an object has no room beside its name.
const NARROW: usize = 60;

/// The page; `title` where nobody has configured yet.
pub fn body(model: &Model, page: &mut Page, title: &str) {
    let styles = page.styles;
    let goal = model.goal();
    let title = match goal {
        // What was done for the first time is not called done again.
        Goal::Install if is_again(model) && matches!(model.apply(), ApplyWork::None) => "Re-configure",
        Goal::Install => title,
        Goal::Remove { then: None, .. } => "Remove",
        Goal::Remove { then: Some(_), .. } => "Remove and switch",
        Goal::RollBack => "Roll back",
        Goal::Rotate => "Rotate",
    };
    match (model.apply(), &model.work.plan) {
        (ApplyWork::Running { .. }, plan) => applying(model, page, plan, title),
        (ApplyWork::Ended { report, .. }, _) => ended(model, page, report, title),
        (ApplyWork::Failed { failure, results, .. }, work) => {
            page.heading(title, "", Style::new());
            if let Some(at) = model.work.freed {
                // What it has left is not what the rows were made from.
                let words = Phrase::from(words::plan::freed(at)).key(" ", "check_halo", " reads Halo again.");
                return page.state(Tone::Warn, &words.with_keys(&model.keys), MARGIN);
            }
            let how_far = plan::how_far(model).unwrap_or_default();
            if failure.kind == FailureKind::Interrupted {
                page.state(Tone::Warn, &how_far, MARGIN);
            } else {
                page.failure(failure, MARGIN, &model.keys);
                if !how_far.is_empty() {
                    page.paragraph(&how_far, MARGIN + 2, Style::new());
                }
            }
            page.blank();
            match work {
                PlanWork::Ready(plan) => rows_being_done(page, plan, results, None, model.work.plan_line),
                _ => rows_of_results(model, page, results, Some(model.work.plan_line)),
            }
            by_hand(model, page);
        }
        (ApplyWork::None, PlanWork::Ready(plan)) => planned(model, page, plan, title),
        (ApplyWork::None, PlanWork::Reading { since, checks }) => reading(model, page, *since, checks, title),
        (ApplyWork::None, PlanWork::Refused(report)) => {
            page.heading(title, "nothing was written", styles.dim());
            page.state(Tone::Bad, "The connection test failed, so nothing was changed in Halo.", MARGIN);
            page.blank();
            if let Goal::Remove { parts, then } = goal {
                parts_row(model, page, *parts, then.as_ref());
            }
            report_rows(page, &model.keys, report, Some(model.work.plan_line));
            by_hand(model, page);
        }
        (ApplyWork::None, PlanWork::Failed(failure)) => {
            page.heading(title, "nothing was written", styles.dim());
            page.failure(failure, MARGIN, &model.keys);
            by_hand(model, page);
        }
        (ApplyWork::None, PlanWork::None) => {
            page.heading(title, "nothing written yet", styles.dim());
            match blocker(model) {
                Some(reason) => page.state(Tone::Warn, &reason.with_keys(&model.keys), MARGIN),
                None => page.paragraph(
                    "Configure tests the connection first, then shows every change before it is made.",
                    MARGIN,
                    styles.dim(),
                ),
            }
        }
    }
}

// The plan while it is carried out.
fn applying(model: &Model, page: &mut Page, plan: &PlanWork, title: &str) {
    let ApplyWork::Running { since, first, total, results, stopping, checks, .. } = model.apply() else { return };
    let styles = page.styles;
    page.heading(title, if *stopping { "Stopping" } else { "" }, Style::new());
    // Counted like the end does: what is kept is no change.
    let made = results.iter().filter(|result| result.action != Action::Keep).count();
    let (done, total) = (made as u64, *total as u64);
    // First the connection is tested and Halo is read once more: no object is counted yet.
    let is_connecting = results.is_empty() && *checks < CheckId::ALL.len();
    if is_connecting {
        let words = format!("Looking again before the first change: {checks} of {} checks", CheckId::ALL.len());
        page.plain(&words, Style::new());
    } else {
        progress::count(page, "Changes", done, total);
    }
    page.paragraph(&progress::time(model, *since, *first, done, total), MARGIN, styles.dim());
    progress::held_up(model, page);
    page.blank();
    match plan {
        PlanWork::Ready(plan) => {
            let last = plan.pending().count().saturating_sub(1);
            let current = plan.pending().position(|change| result_of(results, change).is_none()).unwrap_or(last);
            rows_being_done(page, plan, results, Some(current).filter(|_| !is_connecting), current);
        }
        _ => rows_of_results(model, page, results, Some(model.work.plan_line)),
    }
    page.blank();
    let words = if *stopping {
        "Reading the current object back from Halo first. What is done is kept."
    } else {
        "Each object is read back from Halo. Esc stops; what is done is kept."
    };
    page.paragraph(words, MARGIN, Style::new());
}

// What came of the plan.
fn ended(model: &Model, page: &mut Page, report: &ConfigureReport, title: &str) {
    let stopped = plan::how_far(model);
    let tone = match report.status {
        status if status.is_complete() => Tone::Good,
        _ if stopped.is_some() => Tone::Warn,
        // The header says of a run in which something failed that it has.
        ConfigureStatus::PartlyDone if report.cause.is_none() => Tone::Warn,
        _ => Tone::Bad,
    };
    page.heading(title, "", Style::new());
    // As the report names its steps, by their commands.
    let message = || Phrase::from(&Hint::read(&report.message)).with_keys(&model.keys);
    page.state(tone, &stopped.unwrap_or_else(message), MARGIN);
    page.blank();
    if let Some(refusal) = &report.refusal {
        report_rows(page, &model.keys, refusal, None);
    }
    rows_of_results(model, page, &report.results, Some(model.work.plan_line));
    by_hand(model, page);
    page.is_tight = page.lines.len() > usize::from(model.layout.body.height);
}

// The connection test and the reading before there is a plan.
fn reading(model: &Model, page: &mut Page, since: Timestamp, checks: &[Check], title: &str) {
    let (goal, styles) = (model.goal(), page.styles);
    let words = format!("testing the connection, {}", duration(seconds_since(model, since)));
    page.heading(title, &words, Style::new());
    if let Goal::Remove { parts, then } = goal {
        parts_row(model, page, *parts, then.as_ref());
    }
    progress::held_up(model, page);
    let asked: &[CheckId] = if goal.is_install() { &CheckId::ALL } else { &[] };
    checks_so_far(model, page, since, checks, asked);
    let from = page.lines.len();
    let all = asked.iter().all(|id| checks.iter().any(|check| check.id == *id));
    let (mark, style) = if all { ("● reading", styles.title()) } else { ("○", styles.dim()) };
    page.push(Row::new(styles, false).cell(mark, style, 10).text("what Halo holds", style));
    if all {
        page.keep_from(from);
    }
}

// Where Halo refuses the API, the clicks are what is left; each takes the focus, so that all can be read.
fn by_hand(model: &Model, page: &mut Page) {
    let steps = plan::by_hand(model);
    if steps.is_empty() {
        return;
    }
    let styles = page.styles;
    let above = model.work.plan_rows(model.apply());
    page.blank();
    let from = page.lines.len();
    page.plain("By hand, in Halo:", styles.dim());
    for (at, step) in steps.iter().enumerate() {
        let focused = model.work.plan_line == above + at;
        // The heading is seen together with the first step.
        let from = if at == 0 { from } else { page.lines.len() };
        let number = format!("{}.", at + 1);
        page.words(Row::new(styles, focused).cell(&number, styles.dim(), 4), step, Style::new());
        if focused {
            page.keep_from(from);
        }
    }
}

// Which parts are taken out, and the keys that change it; what comes after and what stays.
fn parts_row(model: &Model, page: &mut Page, parts: Parts, then: Option<&ConfigurationId>) {
    let styles = page.styles;
    let start = |words: &str| Row::new(styles, false).cell(words, styles.dim(), 11);
    let mut row = start("Parts:");
    for (at, (part, name)) in removal::PARTS.into_iter().enumerate() {
        let chosen = removal::is_chosen(parts, part);
        let key = match meaning_of(model, Place::Plan, part) {
            Meaning::Do(_) => model.keys.key(part, Place::Plan).map(|key| format!(" ({})", key.name())),
            _ => None,
        };
        let style = if chosen { Style::new() } else { styles.dim() };
        // They go with it, and have no key of their own then.
        let words = if part == Command::PartLinks && parts.chat_pod {
            "with its links".to_owned()
        } else {
            format!("{} {name}{}", if chosen { "[x]" } else { "[ ]" }, key.unwrap_or_default())
        };
        if at > 0 && row.used() + width(&words) + 1 > page.width {
            page.push(std::mem::replace(&mut row, start("")));
        }
        row = row.text(&words, style).text("   ", Style::new());
    }
    page.push(row);
    let stays = match then {
        None => "Your clients, settings and secrets stay here.".to_owned(),
        Some(wanted) => {
            let name = model.saved(wanted).map_or_else(|| wanted.to_string(), saved_title);
            format!("{name} becomes active once everything is removed from Halo, not before.")
        }
    };
    page.paragraph(&stays, MARGIN, Style::new());
    page.blank();
}

fn planned(model: &Model, page: &mut Page, plan: &Plan, title: &str) {
    let styles = page.styles;
    page.blank();
    let column = KIND.max(width(title) + 2);
    let row = Row::new(styles, false).cell(title, styles.title(), column);
    let summary = plan.summary();
    if row.used() + width(&summary) + 24 < page.width {
        page.push(row.text(&summary, Style::new()).right("nothing written yet", styles.dim(), page.width));
    } else {
        page.words(row, &summary, Style::new());
        // On a low terminal the rows need the room.
        if model.layout.body.height >= LOW {
            page.push(Row::new(styles, false).to(MARGIN + column).text("nothing written yet", styles.dim()));
        }
    }
    page.blank();
    if let Goal::Remove { parts, then } = &model.work.goal {
        parts_row(model, page, *parts, then.as_ref());
    }
    if !plan.changes_pending() && plan.hindrances().next().is_none() {
        page.state(Tone::Good, model.work.goal.nothing(), MARGIN);
        page.blank();
    }
    if model.work.goal.is_install()
        && let Some(before) = words::plan::unfinished(&findings(model))
    {
        page.state(Tone::Warn, &before, MARGIN);
        page.blank();
    }
    if model.work.plan_stale {
        page.state(Tone::Warn, words::plan::STALE, MARGIN);
        page.blank();
    }
    if let Some(owner) = plan.belongs.other() {
        page.state(Tone::Warn, &words::plan::belongs(owner), MARGIN);
        page.paragraph(&words::plan::taking_over(owner), MARGIN + 2, Style::new());
        page.blank();
    }
    if model.work.goal == Goal::Rotate {
        page.paragraph(words::plan::ROTATING, MARGIN, Style::new());
        page.blank();
    }
    if model.work.goal == Goal::RollBack {
        let rotation = model.status().map(|status| status.integration.rotation).unwrap_or_default();
        page.paragraph(&words::plan::rolling_back(plan.undoes, &rotation, model.now), MARGIN, Style::new());
        page.blank();
    }
    if let Some(words) = words::plan::untold(plan, &findings(model)) {
        page.state(Tone::Warn, &words.with_keys(&model.keys), MARGIN);
        page.blank();
    }
    // What this agent does not see is neither in the plan nor missing from it.
    let warnings = words::check::warnings(&model.work.plan_checks);
    for warning in &warnings {
        page.state(Tone::Warn, warning, MARGIN);
    }
    if !warnings.is_empty() {
        page.blank();
    }
    if !plan.offers.is_empty() {
        let key = keymap::spoken(model, "take_over");
        let words = format!(
            "Something in Halo has the same name as ours. {key} takes it over; otherwise Halo may refuse ours."
        );
        page.state(Tone::Warn, &words, MARGIN);
        page.blank();
    }
    let columns = name_columns(page, plan.changes.iter().map(|c| &c.name).chain(plan.blocked.iter().map(|b| &b.name)));
    for (at, blocked) in plan.blocked.iter().enumerate() {
        let focused = model.work.plan_line == at;
        let from = page.lines.len();
        let style = if focused { styles.selected() } else { Style::new() };
        let row =
            Row::new(styles, focused).text("✗ ", styles.tone(Tone::Bad)).cell(blocked.kind.word(), style, KIND - 2);
        page.words(row.cell(&blocked.name.display(), style, columns), "blocked", styles.tone(Tone::Bad));
        page.paragraph(&blocked.reason, MARGIN + KIND, Style::new());
        if focused {
            page.keep_row(from, at == 0 && model.layout.body.height < LOW);
        }
    }
    for (at, line) in lines(plan).into_iter().enumerate() {
        match line {
            // They come first, and stand above.
            PlanLine::Blocked(_) => {}
            PlanLine::Change(change) => {
                let name = plain_name(change.name.raw());
                let is_it = |own: &Offer| own.kind == change.kind && plain_name(own.name.raw()) == name;
                change_row(model, page, at, change, (columns, plan.offers.iter().any(is_it)));
            }
            PlanLine::Kept(kept) => kept_row(model, page, at, &kept, columns),
        }
    }
    page.blank();
    if model.work.goal.is_install() {
        permissions(model, page);
    }
    // A row that opens brings no air and takes none: whether there is any is decided with all of them closed.
    let closed = page.lines.len().saturating_sub(opened(model, plan));
    page.is_tight = closed + AIR > usize::from(model.layout.body.height);
}

// The lines that stand below rows that are open.
fn opened(model: &Model, plan: &Plan) -> usize {
    let open = lines(plan).into_iter().enumerate().filter(|(at, _)| model.work.plan_open.contains(at));
    let below = |line: PlanLine<'_>| match line {
        PlanLine::Blocked(_) => 0,
        PlanLine::Change(change) => change.fields.len().max(1),
        PlanLine::Kept(kept) => kept.len(),
    };
    open.map(|(_, line)| below(line)).sum()
}

fn change_row(model: &Model, page: &mut Page, at: usize, change: &Change, (columns, is_taken): (usize, bool)) {
    let styles = page.styles;
    let focused = model.work.plan_line == at;
    let from = page.lines.len();
    let (sign, tone, _) = words::plan::action(change.action);
    // Halo may refuse it: somebody else's has the name.
    let (sign, tone) = if is_taken { (symbol(Tone::Warn), Tone::Warn) } else { (sign, tone) };
    let sign = if change.is_untold() { "?" } else { sign };
    let style = if focused {
        styles.selected()
    } else if change.action == Action::Keep {
        styles.dim()
    } else {
        Style::new()
    };
    let row = Row::new(styles, focused).text(sign, styles.tone(tone)).text(" ", Style::new()).cell(
        change.kind.word(),
        style,
        KIND - 2,
    );
    let row = row.cell(&change.name.display(), style, columns);
    // On a low and narrow terminal the sign says it, and the words stand with what is selected: there are rows to be seen.
    if !focused && model.layout.body.height < LOW && page.width < NARROW {
        page.push(row);
    } else {
        let style = if change.action == Action::Keep { styles.dim() } else { Style::new() };
        page.words(row, &words::plan::change(change), style);
    }
    if model.work.plan_open.contains(&at) {
        let name = change.fields.iter().map(|field| width(field.name) + 2).max().unwrap_or_default();
        for field in &change.fields {
            field_line(page, field, name.max(KIND - 2));
        }
        if change.fields.is_empty() {
            page.paragraph("no field changes", MARGIN + 4, styles.dim());
        }
    }
    if focused {
        page.keep_from(from);
    }
}

// What stays is in nobody's way: one line, which opens.
fn kept_row(model: &Model, page: &mut Page, at: usize, kept: &[&Change], columns: usize) {
    let styles = page.styles;
    let focused = model.work.plan_line == at;
    let from = page.lines.len();
    let style = if focused { styles.selected() } else { styles.dim() };
    let sign = words::plan::action(Action::Keep).0;
    page.words(
        Row::new(styles, focused).text(sign, styles.dim()).text(" ", style),
        &words::plan::kept(kept.len()),
        style,
    );
    if model.work.plan_open.contains(&at) {
        for change in kept {
            let row = Row::new(styles, false).to(MARGIN + 2).cell(change.kind.word(), styles.dim(), KIND - 2);
            let row = row.cell(&change.name.display(), styles.dim(), columns);
            page.words(row, &words::plan::change(change), styles.dim());
        }
    }
    if focused {
        page.keep_from(from);
    }
}

// Its name is whole, whatever it is called: the values of all fields begin in one column.
fn field_line(page: &mut Page, field: &FieldChange, name: usize) {
    let styles = page.styles;
    let words = words::plan::before_after(field, "→");
    let column = MARGIN + 2 + name;
    let room = page.width.saturating_sub(column + 1).max(8);
    let mut lines = wrap(&words, room).into_iter();
    let first = lines.next().unwrap_or_default();
    page.push(Row::new(styles, false).to(MARGIN + 2).cell(field.name, styles.dim(), name).text(&first, Style::new()));
    for line in lines {
        page.push(Row::new(styles, false).to(column).text(&line, Style::new()));
    }
}

// Whether Configure has the permissions it needs, as the test before the plan found, or Halo's own answer to a write.
fn permissions(model: &Model, page: &mut Page) {
    let styles = page.styles;
    let checks = &model.work.plan_checks;
    let of = |id: CheckId| checks.iter().find(|check: &&Check| check.id == id);
    let needed = [
        (CheckId::Webhooks, "webhooks", ObjectKind::Webhook),
        (CheckId::CustomTabs, "custom tabs", ObjectKind::CustomTab),
        (CheckId::TicketTypes, "ticket types", ObjectKind::TicketType),
    ];
    if needed.iter().all(|(id, ..)| of(*id).is_none()) {
        return;
    }
    // One state is told once, with the names of all that have it.
    let mut groups: Vec<((Tone, &str), Vec<&str>)> = Vec::new();
    for (id, name, kind) in needed {
        let state = if is_refused(model, kind) { words::check::REFUSED } else { words::check::permission(of(id)) };
        match groups.iter_mut().find(|(known, _)| *known == state) {
            Some((_, names)) => names.push(name),
            None => groups.push((state, vec![name])),
        }
    }
    for (at, ((tone, word), names)) in groups.into_iter().enumerate() {
        let row = Row::new(styles, false).cell(if at == 0 { "Permissions:" } else { "" }, styles.dim(), 13);
        let row = row.text(&format!("{} {word}", symbol(tone)), styles.tone(tone)).text(": ", Style::new());
        page.words(row, &names.join(", "), Style::new());
    }
}

fn result_of<'a>(results: &'a [ChangeResult], change: &Change) -> Option<&'a ChangeResult> {
    let key = (change.kind, change.action, change.name.raw());
    results.iter().find(|result| (result.kind, result.action, result.name.raw()) == key)
}

// The rows of the plan while it is done: each stays where it is, and gets its state.
fn rows_being_done(page: &mut Page, plan: &Plan, results: &[ChangeResult], current: Option<usize>, focus: usize) {
    let styles = page.styles;
    let columns = name_columns(page, plan.changes.iter().map(|change| &change.name));
    let kept: Vec<&Change> = plan.kept().collect();
    let rows = plan.pending().chain(kept.iter().copied().filter(|_| kept.len() == 1));
    for (at, change) in rows.enumerate() {
        let verb = words::plan::action(change.action).2;
        let (mark, style, word) = match result_of(results, change) {
            Some(result) => {
                let (tone, word) = words::plan::outcome(result);
                (symbol(tone), styles.tone(tone), word.to_owned())
            }
            None if Some(at) == current => ("●", styles.title(), format!("{verb} …")),
            None => ("○", styles.dim(), verb.to_owned()),
        };
        let focused = at == focus;
        let name = if focused { styles.selected() } else { Style::new() };
        let from = page.lines.len();
        let row = Row::new(styles, focused).text(mark, style).text(" ", Style::new()).cell(
            change.kind.word(),
            name,
            KIND - 2,
        );
        page.words(row.cell(&change.name.display(), name, columns), &word, style);
        if focused {
            page.keep_from(from);
        }
    }
    if kept.len() > 1 {
        let row = Row::new(styles, focus == plan.pending().count());
        page.words(row.text("= ", styles.dim()), &words::plan::kept(kept.len()), styles.dim());
    }
}

/// The second column: the selected line, field by field.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let line = model.work.plan_line;
    let mut lines = vec![Line::default()];
    let put = |lines: &mut Vec<Line<'static>>, text: &str| lines.extend(wrap(text, columns).into_iter().map(Line::raw));
    let results = match model.apply() {
        ApplyWork::Ended { report, .. } => Some(&report.results),
        ApplyWork::Running { results, .. } | ApplyWork::Failed { results, .. } => Some(results),
        ApplyWork::None => None,
    };
    if let Some(results) = results {
        let told = words::plan::told(results);
        let result = match (model.apply(), &model.work.plan) {
            (ApplyWork::Failed { .. }, PlanWork::Ready(plan)) => {
                plan.listed().nth(line).and_then(|change| result_of(results, change))
            }
            _ => match told.get(line) {
                Some(told) if told.results.len() > 1 => {
                    lines.extend(title_lines(&told.counted().unwrap_or_default(), styles, columns));
                    told.results.iter().for_each(|result| put(&mut lines, &result.name.display()));
                    return lines;
                }
                told => told.map(|told| told.first()),
            },
        };
        let Some(result) = result else { return Vec::new() };
        lines.extend(title_lines(&result.name.display(), styles, columns));
        if let Some(id) = &result.id {
            put(&mut lines, &format!("Halo's id {}", Untrusted::new(id.as_str()).display()));
        }
        if let Some(message) = &result.message {
            put(&mut lines, &said(model, message));
        }
        return lines;
    }
    let plan = match &model.work.plan {
        PlanWork::Ready(plan) => plan,
        PlanWork::Refused(report) => {
            return words::check::report_rows(report)
                .get(line)
                .map(|told| check_help(told, &model.keys, styles, columns))
                .unwrap_or_default();
        }
        _ => return Vec::new(),
    };
    let change = match self::lines(plan).into_iter().nth(line) {
        Some(PlanLine::Blocked(blocked)) => {
            lines.extend(title_lines(&blocked.name.display(), styles, columns));
            put(&mut lines, &blocked.reason);
            return lines;
        }
        Some(PlanLine::Change(change)) => change,
        Some(PlanLine::Kept(kept)) => {
            lines.extend(title_lines(&words::plan::kept(kept.len()), styles, columns));
            kept.iter().for_each(|change| put(&mut lines, &change.name.display()));
            return lines;
        }
        None => return Vec::new(),
    };
    lines.extend(title_lines(&change.name.display(), styles, columns));
    put(&mut lines, &words::plan::change(change));
    for field in &change.fields {
        lines.push(Line::default());
        lines.push(Line::styled(field.name, styles.dim()));
        put(&mut lines, &words::plan::before_after(field, "→"));
    }
    lines
}

//! The Integration pane: each object in Halo with its state, and the callback addresses.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::jobs::health::findings;
use crate::app::jobs::plan::{blocker, elsewhere};
use crate::app::jobs::state::{ApplyWork, DeliveryWork, PlanWork};
use crate::app::jobs::{deliveries, prove};
use crate::app::keymap;
use crate::app::layout::LOW;
use crate::app::notice::Tone;
use crate::app::panes::integration::{callbacks as installed, checking, leads_elsewhere, objects};
use crate::app::panes::{Pane, objects_height};
use crate::app::text::{width, wrap};
use crate::domain::health::Rule;
use crate::domain::object::ObjectKind;
use crate::domain::status::Unrecorded;
use crate::view::page::{MARGIN, Page, Part, Row, title_lines};
use crate::view::text::duration;
use crate::view::theme::{Styles, symbol};
use crate::view::wizard::callbacks;
use crate::view::{plan, progress};
use crate::words::by_hand;
use crate::words::{self, Phrase, capital};

const KIND: usize = 14;

pub fn body(model: &Model, page: &mut Page) {
    if model.panes.planning {
        return plan::body(model, page, "Configure");
    }
    let styles = page.styles;
    let integration = model.status().map(|status| &status.integration);
    let configured = integration.and_then(|integration| integration.configured_at);
    let right = match configured {
        Some(at) => format!("configured {}", words::time::short(at)),
        None => integration.map_or("not configured yet", |integration| integration.unconfigured()).to_owned(),
    };
    let rows = objects(model);
    let window = model.panes.window(Pane::Integration);
    let longest = rows.iter().map(|row| width(&row.name) + 2).max().unwrap_or_default();
    let name = longest.clamp(10, page.width.saturating_sub(MARGIN + KIND + 2).clamp(10, 27));
    page.heading("In Halo", &right, styles.dim());
    // What is to be put right and the addresses stay in sight below: the objects are seen through a window.
    let height = objects_height(model);
    let last = window.selected.min(rows.len().saturating_sub(1));
    let first = window.first.max((last + 1).saturating_sub(height)).min(rows.len().saturating_sub(height));
    page.part = Some(Part { line: page.lines.len(), first, shown: height.min(rows.len()), total: rows.len() });
    for (at, row) in rows.iter().enumerate().skip(first).take(height) {
        let focused = at == window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let from = page.lines.len();
        let line = Row::new(styles, focused)
            .text(row.sign().unwrap_or(symbol(row.tone)), styles.tone(row.tone))
            .text(" ", Style::new())
            .cell(row.kind.word(), style, KIND - 2)
            .cell(&row.name, style, name);
        let words = match row.tone {
            Tone::Calm if focused => style,
            Tone::Calm => styles.dim(),
            tone => style.patch(styles.tone(tone)),
        };
        page.words(line, &row.words, words);
        if focused && model.layout.detail.is_none() {
            for text in row.detail.iter().filter(|text| **text != row.words) {
                page.paragraph(text, MARGIN + 4, Style::new());
            }
        }
        if focused {
            // It opens at its top, whatever is said of its first object.
            page.keep_row(from, at == 0 && model.layout.body.height < LOW);
        }
    }
    if rows.is_empty() {
        match blocker(model) {
            Some(reason) => page.state(Tone::Warn, &reason.with_keys(&model.keys), MARGIN),
            // What nobody has seen may be there.
            None if model.status().is_some_and(|status| status.integration.unrecorded == Unrecorded::NotKnown) => {}
            None => page.paragraph("Nothing is installed in Halo. Enter shows the plan.", MARGIN, Style::new()),
        }
    }
    page.blank();
    let integration = model.status().map(|status| &status.integration);
    super::not_read(model, page, None);
    if !model.work.apply.is_running() {
        let left = integration.into_iter().flat_map(|integration| integration.left_behind());
        left.for_each(|words| page.state(Tone::Warn, &Phrase::from(&words).with_keys(&model.keys), MARGIN));
    }
    looked(model, page, rows.is_empty());
    // They are no objects of ours, and belong to the same light.
    for boards in findings(model).iter().filter(|found| found.rule == Rule::Boards && found.is_open()) {
        page.state(Tone::Warn, &capital(&boards.fact), MARGIN);
    }
    if !rows.is_empty() {
        delivered(model, page);
    }
    for (tone, words) in prove::lines(model) {
        page.state(tone, &words, MARGIN);
    }
    page.blank();
    // Without a webhook nothing comes in by them.
    if !installed(model).is_empty() || model.facts.callbacks_failed.is_some() {
        let at = model.panes.window(Pane::Integration).selected.checked_sub(rows.len());
        if leads_elsewhere(model) {
            page.state(Tone::Warn, "Halo still uses other addresses. Re-configure replaces them.", MARGIN);
        }
        callbacks(model, page, at, "created once the Pia Url is saved");
    }
}

// Whether anybody has looked into Halo, and what came of it.
fn looked(model: &Model, page: &mut Page, is_empty: bool) {
    if let Some(words) = elsewhere(model) {
        page.state(Tone::Calm, &words.with_keys(&model.keys), MARGIN);
        return;
    }
    if let Some((since, checks)) = checking(model) {
        progress::checks(model, page, since, checks);
        return;
    }
    match (model.apply(), &model.work.plan) {
        (ApplyWork::Running { .. }, _) => {
            page.plain(&format!("{} is running. Enter shows it.", model.goal().word()), Style::new());
        }
        (ApplyWork::None, PlanWork::Ready(plan)) if plan.changes_pending() || plan.hindrances().next().is_some() => {
            let what = if installed(model).is_empty() { "Still to do" } else { "To repair" };
            page.paragraph(&format!("{what}: {}.", plan.summary()), MARGIN, Style::new());
        }
        (ApplyWork::None, PlanWork::Ready(_)) => {
            let read = model.work.plan_read.map(|at| format!(", checked {}", at.strftime("%H:%M UTC")));
            let words = format!("All objects are in place{}.", read.unwrap_or_default());
            page.state(Tone::Good, &words, MARGIN);
        }
        (ApplyWork::None, PlanWork::Refused(report)) => {
            let known = if is_empty { "" } else { " This list is as last known here." };
            page.state(Tone::Bad, &format!("The connection test failed.{known}"), MARGIN);
            if let Some(check) = report.first_failure() {
                page.paragraph(&format!("{}: {}", check.id.title(), check.message), MARGIN + 2, Style::new());
            }
        }
        (ApplyWork::None, PlanWork::Failed(failure)) => page.failure(failure, MARGIN, &model.keys),
        _ if is_empty => {}
        _ => {
            let key = keymap::spoken(model, "check_halo");
            page.plain(&format!("As last known here. Press {key} to check Halo now."), Style::new());
        }
    }
}

// Whether the webhooks deliver, in one line: the rows say it one by one.
fn delivered(model: &Model, page: &mut Page) {
    let styles = page.styles;
    match &model.work.deliveries {
        DeliveryWork::Reading { since } => {
            let seconds = model.now.duration_since(*since).as_secs().max(0) as u64;
            page.plain(&format!("reading Halo's delivery log, {}", duration(seconds)), styles.dim());
        }
        DeliveryWork::Failed(failure) => page.failure(failure, MARGIN, &model.keys),
        _ => match deliveries::summary(model) {
            Some((tone, words)) => page.state(tone, &words, MARGIN),
            None if deliveries::refusal(model).is_none() => {
                let key = keymap::spoken(model, "read_deliveries");
                page.plain(&format!("Deliveries not checked yet. Press {key} to read Halo's log."), Style::new());
            }
            None => {}
        },
    }
}

pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    if model.panes.planning {
        return plan::detail(model, styles, columns);
    }
    let mut lines = vec![Line::default()];
    let rows = objects(model);
    if let Some(row) = rows.get(model.panes.window(Pane::Integration).selected) {
        lines.extend(title_lines(&row.name, styles, columns));
        for text in std::iter::once(&row.words).chain(row.detail.iter().filter(|text| **text != row.words)) {
            lines.extend(wrap(text, columns).into_iter().map(Line::raw));
        }
        lines.push(Line::default());
        if row.kind != ObjectKind::CustomTab {
            return lines;
        }
    }
    let title = wrap("To remove the Pia Chat Pod by hand", columns);
    lines.extend(title.into_iter().map(|line| Line::styled(line, styles.dim())));
    for step in by_hand::CHAT_POD_REMOVAL {
        lines.extend(wrap(step, columns).into_iter().map(|line| Line::styled(line, styles.dim())));
    }
    lines
}

//! The set-up, step by step.

pub(crate) mod checks;
pub(crate) mod fields;
pub use fields::callbacks;
pub(crate) mod initial_sync;
pub(crate) mod review;

pub use initial_sync::{progress as sync_progress, stops as sync_stops};

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::form::FieldId;
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::text::wrap;
use crate::app::wizard::finished::{below as below_steps, is_done, results, shown_lines};
use crate::app::wizard::{Item, checklist};
use crate::domain::draft::Step;
use crate::domain::status::StepState;

use crate::words;

use super::page::{MARGIN, Page, Row};
use super::theme::{Styles, symbol};
use super::{plan, results as made};

/// The page of the step that is shown.
pub fn page(model: &Model, styles: Styles, columns: usize) -> Page {
    let mut page = Page::new(styles, columns);
    let Some(wizard) = &model.wizard else { return page };
    match wizard.step {
        Step::Checklist => checklist(model, &mut page),
        Step::Credentials => fields::credentials(model, &mut page),
        Step::CompanySync | Step::PiaScreen => {
            fields::company_sync(model, &mut page);
            fields::pia_screen(model, &mut page);
        }
        Step::Integration => fields::integration(model, &mut page),
        Step::Review => review::body(model, &mut page),
        Step::InitialSync => initial_sync::body(model, &mut page),
        Step::Configure => plan::body(model, &mut page, words::step::name(Step::Configure)),
        Step::Finished => finished(model, &mut page),
    }
    page
}

/// The second column: the help of the field, or the detail of the line.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    match wizard.focus {
        Item::Field(field) => field_help(field, styles, columns),
        Item::Check(at) | Item::Advice(at) => words::check::told(wizard.test.checks(), wizard.test.order())
            .iter()
            .find(|told| told.at == at)
            .map(|told| checks::check_help(told, &model.keys, styles, columns))
            .unwrap_or_default(),
        Item::Plan => plan::detail(model, styles, columns),
        _ => Vec::new(),
    }
}

fn field_help(field: FieldId, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let info = field.info();
    let mut lines = vec![Line::default(), Line::styled(info.label, styles.title()), Line::default()];
    lines.extend(wrap(info.more, columns).into_iter().map(Line::raw));
    lines.push(Line::default());
    lines.push(Line::styled("Example", styles.dim()));
    lines.extend(wrap(info.example, columns).into_iter().map(Line::raw));
    lines
}

fn checklist(model: &Model, page: &mut Page) {
    let styles = page.styles;
    page.heading("What you need", "Press Enter when you have these", styles.dim());
    let focus = model.wizard.as_ref().map(|wizard| wizard.focus);
    for (index, need) in checklist::NEEDS.iter().enumerate() {
        let focused = focus == Some(Item::Need(index));
        let from = page.lines.len();
        let style = if focused { styles.focus() } else { Style::new() };
        page.words(Row::new(styles, focused), need.what, style);
        for sentence in need.where_ {
            page.paragraph(sentence, MARGIN + 2, Style::new());
        }
        if focused {
            page.keep_from(from);
        }
        if index + 1 < checklist::NEEDS.len() {
            page.blank();
        }
    }
}

// Nothing of what was set up runs by itself: the last step is to start the service.
fn service(model: &Model, page: &mut Page, focus: Option<usize>) {
    let styles = page.styles;
    let from = page.lines.len();
    let runs = model.status().is_some_and(|status| status.service.running);
    if runs {
        page.state(Tone::Good, words::service::RUNS, MARGIN);
        if focus.is_some() {
            page.keep_from(from);
        }
        return;
    }
    page.plain(words::service::START, styles.title());
    let needed = words::service::needed(model.status().map(|status| &status.service));
    page.state(Tone::Warn, &needed, MARGIN);
    for (at, (command, what)) in words::service::commands(model.systemd).into_iter().enumerate() {
        let focused = focus == Some(at);
        let from = if at == 0 { from } else { page.lines.len() };
        let style = if focused { styles.focus() } else { styles.title() };
        let row = Row::new(styles, focused).to(MARGIN + 2).cell(&command, style, 34);
        let what = match at {
            0 if model.systemd => format!("{what}; {} does it", spoken(model, "install_service")),
            _ => what.to_owned(),
        };
        page.words(row, &what, Style::new());
        if focused {
            page.keep_from(from);
        }
    }
}

// A step on the last page.
fn finished_row(page: &mut Page, (state, name, open): &(StepState, &'static str, String), focused: bool) {
    let styles = page.styles;
    let (tone, words) = words::step::state(*state);
    let style = if focused { styles.focus() } else { Style::new() };
    let from = page.lines.len();
    let row = page.label(name, style, focused).text(&format!("{} {words}", symbol(tone)), styles.tone(tone));
    if open.is_empty() {
        page.push(row);
    } else {
        page.words(row.text("   ", Style::new()), open, Style::new());
    }
    if focused {
        page.keep_from(from);
    }
}

fn finished(model: &Model, page: &mut Page) {
    let styles = page.styles;
    let (lines, first) = shown_lines(model);
    let done = lines.iter().all(|(state, _, _)| is_done(*state));
    page.heading(words::step::closing(done), "", Style::new());
    let focus = model.wizard.as_ref().map(|wizard| wizard.focus);
    for (index, line) in lines.iter().enumerate().take(first) {
        finished_row(page, line, focus == Some(Item::Open(index)));
    }
    if model.facts.lists.are_known() {
        let focused = focus == Some(Item::Field(FieldId::EscalateTo));
        fields::escalate_row(model, page, focused);
        if !focused && model.wizard.as_ref().is_some_and(|wizard| wizard.form.escalate_to.is_none()) {
            let words = format!("{} chooses who gets escalated tickets", spoken(model, "choose"));
            page.paragraph(&words, page.value_column(), Style::new());
        }
    }
    page.blank();
    let below = match focus {
        Some(Item::Open(at)) => at.checked_sub(lines.len()),
        _ => None,
    };
    let (services, _) = below_steps(model);
    service(model, page, below.filter(|at| *at < services));
    if first < lines.len() {
        page.blank();
        page.plain("Done so far", styles.title());
    }
    for (index, line) in lines.iter().enumerate().skip(first) {
        finished_row(page, line, focus == Some(Item::Open(index)));
    }
    if let Some(tip) = &model.facts.tip {
        page.blank();
        // What is to be typed stands on a line of its own, so that it can be copied whole.
        let (what, command) = tip.split_once(": ").unwrap_or((tip, ""));
        page.words(Row::new(styles, false), &format!("{what}:"), Style::new());
        page.words(Row::new(styles, false).to(MARGIN + 2), command, styles.title());
    }
    if !results(model).is_empty() {
        page.blank();
        page.plain("In Halo", styles.title());
        made::rows_of_results(model, page, results(model), below.and_then(|at| at.checked_sub(services)));
    }
}

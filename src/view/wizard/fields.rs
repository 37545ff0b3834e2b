//! The four sections of fields.

use jiff::tz::TimeZone;
use ratatui::style::Style;

use crate::app::Model;
use crate::app::form::{FIELDS, FieldId, Kind};
use crate::app::keymap::{Command, Place, spoken};
use crate::app::notice::Tone;
use crate::app::text::{width, wrap};
use crate::app::wizard::company_sync::left_out;
use crate::app::wizard::credentials::{suspect, token_words};
use crate::app::wizard::pia_screen::{board_warning, escalate_words, suggestions};
use crate::app::wizard::{Item, Wizard};
use crate::domain::address::{OF_HALO, OUT_OF_REACH};
use crate::domain::daily_sync_time::{DailySyncTime, TimeError};
use crate::domain::draft::Step;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::progress::seconds_since;
use crate::view::seen;
use crate::view::text::{ago, duration, fit, pad};
use crate::words;

use super::checks;

/// From so many lines of the body on there are some for what does not fit into one.
const ROOMY: u16 = 18;

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
    checks::test(model, wizard, page);
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
    let none = if wizard.id.is_some() { "created once the Pia Url is saved" } else { "created at the first save" };
    callbacks(model, page, at, none);
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
    // One that is too long for its line is whole where there are lines for it.
    let whole = model.layout.body.height >= ROOMY && !focused;
    match whole.then(|| whole_value(wizard, id)).flatten().filter(|whole| width(whole) > room) {
        Some(whole) => page.words(row, &whole, style),
        None => page.push(row.text(&value, style)),
    }
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
        let style = if input.value().is_empty() && id.may_be_blank() { dim } else { Style::new() };
        return (fit(&whole_value(wizard, id).unwrap_or_default(), room), style, None);
    }
    let cursor = input.visual_cursor();
    let skip = (cursor + 1).saturating_sub(room);
    (seen(&wizard.form.visible(id), skip, room), Style::new(), Some(cursor - skip))
}

// The value of a field without the focus, or what stands for it; none of one that is not shown as it is.
fn whole_value(wizard: &Wizard, id: FieldId) -> Option<String> {
    if id.info().kind == Kind::Secret {
        return None;
    }
    let typed = wizard.form.input(id)?.value();
    if !typed.is_empty() || !id.may_be_blank() {
        return Some(wizard.form.visible(id).into_owned());
    }
    let default = wizard.form.default_chat_pod().filter(|_| id == FieldId::ChatPodUrl);
    Some(default.unwrap_or_else(|| id.info().blank.unwrap_or("blank").to_owned()))
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
        && let Some(warning) = board_warning(model, id)
    {
        page.state(Tone::Warn, &warning, page.value_column());
        said = true;
    }
    for remark in wizard.form.remarks(id) {
        said = true;
        if remark.warning {
            page.state(Tone::Warn, &remark.text, page.value_column());
        } else {
            // How it is read, and what was left out for that: a line each.
            let taken = remark.taken.map(|taken| format!("→ {taken}"));
            for words in taken.into_iter().chain([remark.text]).filter(|words| !words.is_empty()) {
                page.paragraph(&words, page.value_column(), styles.dim());
            }
        }
    }
    if !focused || said || wizard.list.is_some() {
        return;
    }
    let better = wizard.form.suggestion(id).map(|better| takes(model, &better));
    // What is typed so far is no value: that is said, and not called wrong before the field is left.
    let is_typed = !wizard.form.text(id).is_empty() && better.is_none();
    if let Some(why) = wizard.form.error(id, wizard.has_secret).filter(|_| is_typed) {
        // An address that is whole is not called unfinished for what is wrong with it.
        let is_whole = [OUT_OF_REACH, OF_HALO].contains(&why.as_str());
        let words = if is_whole { why } else { format!("not complete yet: {why}") };
        page.paragraph(&words, page.value_column(), styles.dim());
        return;
    }
    let help = wizard.help(id);
    // What would be better has its reason.
    let why = better.as_ref().and_then(|_| wizard.form.error(id, wizard.has_secret));
    let better = better.map(|better| why.map_or_else(|| better.clone(), |why| format!("{why}: {better}")));
    page.paragraph(better.as_deref().unwrap_or(&help), page.value_column(), styles.dim());
    if id == FieldId::ChatPodUrl
        && wizard.form.text(id).is_empty()
        && let Some(default) = wizard.form.default_chat_pod()
    {
        page.paragraph(&default, page.value_column(), styles.dim());
    }
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
            let beside = if typed == time.to_string() { "   UTC".to_owned() } else { format!("   = {time} UTC") };
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
        // What is wrong with it is said while it is typed, unless it may still become a time.
        Err(TimeError::Shape | TimeError::Empty) if focused && is_begun(wizard.form.text(FieldId::DailySyncTime)) => {
            page.paragraph(FieldId::DailySyncTime.info().help, page.value_column(), styles.dim());
        }
        Err(error) if focused => {
            page.paragraph(&error.to_string(), page.value_column(), styles.dim());
            if let Some(better) = wizard.form.suggestion(FieldId::DailySyncTime) {
                page.paragraph(&takes(model, &better), page.value_column(), styles.dim());
            }
        }
        Err(_) => {}
    }
}

// Whether a time may begin like this.
fn is_begun(typed: &str) -> bool {
    let typed = typed.trim();
    typed.len() < 5 && typed.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
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
    } else if focused && model.facts.lists.are_known() {
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

//! What floats: the only boxes on the screen.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph};

use crate::app::Model;
use crate::app::integrations;
use crate::app::jobs::escalate::{changes, nothing_to_do, stays_closed};
use crate::app::jobs::prove;
use crate::app::jobs::state::{Goal, PlanWork};
use crate::app::keymap::{Command, Place};
use crate::app::meaning::{Meaning, meaning_of};
use crate::app::model::saved_title;
use crate::app::notice::Tone;
use crate::app::popup::{
    About, Chooser, Confirm, Help, HelpLine, OTHER_HOST, Popup, Question, Typed, help_columns, help_height,
};
use crate::app::text::{width, wrap};
use crate::app::wizard::pia_screen::chooser_height;
use crate::domain::plan::TAKING_OVER;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::words;

use super::panes::client_card;
use super::scroll;
use super::seen;
use super::text::{fit, pad};
use super::theme::Styles;

/// Draws what floats, if anything does.
pub fn draw(model: &Model, frame: &mut Frame, styles: Styles) {
    match &model.popup {
        Some(Popup::Confirm(confirm)) => question(model, frame, styles, confirm),
        Some(Popup::Chooser(chooser)) => choice(model, frame, styles, chooser),
        Some(Popup::Help(help)) => help_page(model, frame, styles, help),
        Some(Popup::Client) => client(model, frame, styles),
        Some(Popup::Typed(typed)) => typed_yes(model, frame, styles, typed),
        Some(Popup::Escalate(question)) => escalation(model, frame, styles, question),
        None => {}
    }
}

/// How much of what floats is shown: the first line, the lines shown, all lines.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) first: usize,
    pub(super) shown: usize,
    pub(super) total: usize,
    /// The line of the box on which what scrolls begins.
    pub(super) top: u16,
}

// A box in the middle of the screen above the line of keys, and the room inside it. Where not everything is shown, its
// lower edge says so and a scrollbar stands on its right one.
pub(super) fn float(frame: &mut Frame, styles: Styles, title: &str, columns: usize, rows: usize, seen: Seen) -> Rect {
    let all = frame.area();
    let width = (columns as u16 + 4).min(all.width);
    let height = (rows as u16 + 2).min(all.height.saturating_sub(1)).max(1);
    let area =
        Rect::new((all.width - width) / 2, all.height.saturating_sub(1 + height) / 2, width, height).intersection(all);
    let title = fit(title, usize::from(width).saturating_sub(6));
    let mut block = Block::bordered()
        .border_style(styles.dim())
        .title(Line::from(vec![
            Span::raw(" "),
            Span::styled(title, styles.title().remove_modifier(Modifier::DIM)),
            Span::raw(" "),
        ]))
        .padding(Padding::horizontal(1));
    let more = scroll::words(seen.first, seen.total.saturating_sub(seen.first + seen.shown));
    if !more.is_empty() {
        block = block.title_bottom(Line::styled(format!(" {more} "), styles.dim()).right_aligned());
    }
    let inner = block.inner(area);
    // A column of air on both sides: what lies under it does not run into the frame.
    let air = Rect { x: area.x.saturating_sub(1), width: area.width + 2, ..area }.intersection(all);
    frame.render_widget(Clear, air);
    frame.render_widget(block, area);
    let edge = Rect { x: area.right().saturating_sub(1), y: inner.y + seen.top, width: 1, height: seen.shown as u16 };
    scroll::bar(frame, edge.intersection(area), seen.first, seen.shown, seen.total, styles);
    inner
}

/// Puts the cursor into a box, where there is room for it.
pub(super) fn put_cursor(frame: &mut Frame, inner: Rect, column: usize, row: usize) {
    let position = Position::new(inner.x + column as u16, inner.y + row as u16);
    if inner.contains(position) {
        frame.set_cursor_position(position);
    }
}

fn question(model: &Model, frame: &mut Frame, styles: Styles, confirm: &Confirm) {
    let columns = usize::from(model.size.width).saturating_sub(4).clamp(20, 60);
    let paragraphs: Vec<Vec<String>> = confirm
        .ask
        .text()
        .iter()
        .map(String::as_str)
        .chain(confirm.ask.about_keys())
        .map(|text| wrap(text, columns))
        .collect();
    let answer = |words: &str, command: Command, chosen: bool| {
        let (mark, style) = if chosen { ("▸ ", styles.focus()) } else { ("  ", Style::new()) };
        // Where too much hangs on it for one letter, the letter is not offered.
        let works = matches!(meaning_of(model, Place::Confirm, command), Meaning::Do(_));
        let key = model.keys.key(command, Place::Confirm).filter(|_| works);
        let key = key.map(|key| format!(" ({})", key.name())).unwrap_or_default();
        [
            Span::styled(mark, if chosen { styles.title() } else { Style::new() }),
            Span::styled(format!("{words}{key}"), style),
            Span::raw("    "),
        ]
    };
    let mut answers = answer(confirm.ask.yes(), Command::Yes, confirm.yes).to_vec();
    if let Some(third) = confirm.ask.third() {
        answers.extend(answer(third, Command::ThirdAnswer, confirm.third));
    }
    answers.extend(answer(confirm.ask.no(), Command::No, !confirm.yes && !confirm.third));
    // The whole question where there is room for it; air comes second. The keys and the frame take three lines.
    let room = usize::from(model.size.height).saturating_sub(4).max(1);
    let texts: usize = paragraphs.iter().map(Vec::len).sum();
    let airy = texts + paragraphs.len() < room;
    let mut lines: Vec<Line<'_>> = Vec::new();
    if airy {
        lines.push(Line::default());
    }
    for paragraph in paragraphs {
        lines.extend(paragraph.into_iter().map(Line::raw));
        if airy {
            lines.push(Line::default());
        }
    }
    scroll::cut(&mut lines, room, styles);
    let across: usize = answers.iter().map(Span::width).sum();
    if across <= columns + 4 {
        lines.push(Line::from(answers));
    } else {
        // One below the other where they do not fit beside each other.
        lines.extend(answers.chunks(3).map(|answer| Line::from(answer.to_vec())));
    }
    let inner = float(frame, styles, &confirm.ask.title(), columns, lines.len(), Seen::default());
    frame.render_widget(Paragraph::new(lines), inner);
}

// Too much hangs on it for one key: the id of the configuration is typed.
fn typed_yes(model: &Model, frame: &mut Frame, styles: Styles, typed: &Typed) {
    let columns = usize::from(model.size.width).saturating_sub(4).clamp(20, 60);
    let summary = match &model.work.plan {
        PlanWork::Ready(plan) => plan.summary(),
        _ => String::new(),
    };
    let mut lines: Vec<Line<'_>> = vec![Line::default()];
    let (title, enter) = match &typed.about {
        About::Removal if model.work.goal == Goal::RollBack => ("Roll this back in Halo?", "  Enter rolls back"),
        About::Removal => ("Remove this from Halo?", "  Enter removes"),
        About::TakeOver => ("Take these over?", "  Enter takes over"),
        About::Owner => ("Take this configuration over?", "  Enter takes over"),
        About::OtherHost => ("Send the Client Secret there?", "  Enter agrees"),
        About::Proof => ("Run the full-circle test?", "  Enter starts"),
        About::Unproved(_) => ("Continue with an unproved list?", "  Enter continues"),
        About::Delete(_) => ("Delete this configuration?", "  Enter deletes"),
        About::Forget(_) => ("Delete the stored secrets?", "  Enter deletes"),
        About::Export => ("Export the listed clients", ""),
    };
    let mut say = |text: &str| lines.extend(wrap(text, columns).into_iter().map(Line::raw));
    match (&typed.about, &model.work.plan) {
        (About::Removal, _) => say(&format!("This changes Halo: {summary}.")),
        (About::OtherHost, _) => say(OTHER_HOST),
        (About::Proof, _) => say(&prove::question(model)),
        (About::TakeOver, PlanWork::Ready(plan)) => {
            // The plan that is shown before anything is written has every field.
            plan.offers.iter().filter_map(|offer| offer.lines().next()).for_each(|head| say(&head));
            say("");
            say(TAKING_OVER);
            say("The plan then shows every change before anything is written.");
        }
        (About::Owner, PlanWork::Ready(plan)) => {
            if let Some(owner) = plan.belongs.other() {
                say(&words::plan::belongs(owner));
                say(&words::plan::taking_over(owner));
            }
        }
        (About::TakeOver | About::Owner, _) => {}
        (About::Unproved(_), _) => say(words::sync::UNPROVED),
        (About::Export, _) => {
            let count = model.panes.clients.count() as u64;
            say(&format!(
                "{} clients, as CSV. Into a folder it goes under its own name; a name that is taken gets a number.",
                thousands(count)
            ));
        }
        (About::Forget(_), _) => say(words::plan::FORGETTING),
        (About::Delete(id), _) => integrations::deleting(model, id).iter().for_each(|words| say(words)),
    }
    if let (About::Removal, Goal::Remove { then: Some(wanted), .. }) = (&typed.about, &model.work.goal) {
        let name = model.saved(wanted).map_or_else(|| wanted.to_string(), saved_title);
        lines.extend(wrap(&format!("{name} then becomes active."), columns).into_iter().map(Line::raw));
    }
    lines.push(Line::default());
    let ask = match typed.about {
        About::Export => "File:".to_owned(),
        _ => format!("{}:", typed.wanted.to_confirm()),
    };
    lines.extend(wrap(&ask, columns).into_iter().map(Line::raw));
    let at = lines.len();
    let cursor = typed.input.visual_cursor();
    let room = columns.saturating_sub(3);
    let skip = (cursor + 1).saturating_sub(room);
    let text = seen(&Untrusted::new(typed.input.value()).display(), skip, room);
    let state = if typed.is_right() { enter } else { "" };
    lines.push(Line::from(vec![
        Span::styled("▸ ", styles.title()),
        Span::raw(text),
        Span::styled(state, styles.dim()),
    ]));
    let inner = float(frame, styles, title, columns, lines.len(), Seen::default());
    frame.render_widget(Paragraph::new(lines), inner);
    put_cursor(frame, inner, 2 + cursor - skip, at);
}

// What is changed of a ticket, before it is, and a note for whoever takes it over.
fn escalation(model: &Model, frame: &mut Frame, styles: Styles, question: &Question) {
    let columns = usize::from(model.size.width).saturating_sub(4).clamp(20, 60);
    let known = question.known.as_ref();
    let mut lines: Vec<Line<'_>> = Vec::new();
    if let Some(summary) = known.and_then(|ticket| ticket.summary.as_ref()) {
        lines.push(Line::raw(fit(&summary.display(), columns)));
        lines.push(Line::default());
    }
    for (label, before, after) in changes(model, question) {
        let words = if before == after { format!("{before} (unchanged)") } else { format!("{before} → {after}") };
        for (at, line) in wrap(&words, columns.saturating_sub(8)).into_iter().take(3).enumerate() {
            lines.push(Line::from(vec![
                Span::styled(pad(if at == 0 { label } else { "" }, 8), styles.dim()),
                Span::raw(line),
            ]));
        }
    }
    let closed = stays_closed(question).map(|words| wrap(&words, columns)).unwrap_or_default();
    lines.extend(closed.into_iter().map(|line| Line::styled(line, styles.tone(Tone::Warn))));
    lines.push(Line::default());
    let nothing = nothing_to_do(model);
    let help = nothing.as_deref().unwrap_or("Optional note for the next agent. Enter escalates, Esc cancels.");
    lines.extend(wrap(help, columns).into_iter().map(|line| Line::styled(line, styles.dim())));
    let at = lines.len();
    let cursor = question.note.visual_cursor();
    let room = columns.saturating_sub(11);
    let skip = (cursor + 1).saturating_sub(room);
    // A note may be longer than a name: what is shown of it is made harmless where the screen is.
    let note = seen(question.note.value(), skip, room);
    lines.push(Line::from(vec![
        Span::styled("▸ ", styles.title()),
        Span::styled("Note  ", styles.dim()),
        Span::raw(note),
    ]));
    let rows = usize::from(model.size.height).saturating_sub(3).max(1);
    let mut at = at;
    while lines.len() > rows && at > 0 {
        // The beginning gives way: what is asked and typed stays.
        lines.remove(0);
        at -= 1;
    }
    let title = format!("Escalate ticket {}?", question.ticket);
    let inner = float(frame, styles, &title, columns, lines.len(), Seen::default());
    frame.render_widget(Paragraph::new(lines), inner);
    put_cursor(frame, inner, 8 + cursor - skip, at);
}

fn choice(model: &Model, frame: &mut Frame, styles: Styles, chooser: &Chooser) {
    let columns = usize::from(model.size.width).saturating_sub(8).clamp(20, 44);
    let height = chooser_height(model);
    let mut lines = Vec::new();
    let query = chooser.query.value();
    let cursor = chooser.query.visual_cursor();
    // The row of no agent is a choice, and no agent: it is counted in neither number.
    let matching = chooser.rows.iter().flatten().count();
    let count = format!("{} of {}", thousands(matching as u64), thousands(chooser.agents.len() as u64));
    let room = columns.saturating_sub(8 + width(&count) + 2);
    let skip = (cursor + 1).saturating_sub(room);
    let typed = seen(&Untrusted::new(query).display(), skip, room);
    lines.push(Line::from(vec![
        Span::styled("Search  ", styles.dim()),
        Span::raw(pad(&typed, room + 2)),
        Span::styled(count, styles.dim()),
    ]));
    lines.push(Line::default());
    for (at, row) in chooser.rows.iter().enumerate().skip(chooser.window.first).take(height) {
        let selected = at == chooser.window.selected;
        let (mark, style) = if selected { ("▸ ", styles.selected()) } else { ("  ", Style::new()) };
        let agent = row.and_then(|at| chooser.agents.get(at));
        let words = agent.map_or_else(|| "no default escalation".to_owned(), |agent| agent.name.display());
        let style = if agent.is_none() && !selected { styles.dim() } else { style };
        lines.push(Line::from(vec![Span::styled(mark, styles.title()), Span::styled(pad(&words, columns - 2), style)]));
    }
    if chooser.rows.is_empty() {
        lines.extend(["No match.", "Change the search."].map(|words| Line::styled(words, styles.dim())));
    }
    let rows = height.min(chooser.agents.len() + 1).max(2);
    let part =
        Seen { first: chooser.window.first, shown: rows.min(chooser.rows.len()), total: chooser.rows.len(), top: 2 };
    let inner = float(frame, styles, "Pia Escalate To", columns, rows + 2, part);
    frame.render_widget(Paragraph::new(lines), inner);
    put_cursor(frame, inner, 8 + cursor - skip, 0);
}

fn help_page(model: &Model, frame: &mut Frame, styles: Styles, help: &Help) {
    let columns = help_columns(model.size);
    let height = help_height(model.size);
    let keys = help.lines.iter().filter_map(|line| match line {
        HelpLine::Key(key, _) => Some(width(key)),
        _ => None,
    });
    let label = keys.max().unwrap_or_default().min(26) + 2;
    let shown: Vec<Line<'_>> = help
        .lines
        .iter()
        .skip(help.first)
        .take(height)
        .map(|line| match line {
            HelpLine::Title(text) => Line::styled(text.clone(), styles.title()),
            HelpLine::Text(text) => Line::raw(text.clone()),
            HelpLine::Blank => Line::default(),
            HelpLine::Key(key, words) => {
                Line::from(vec![Span::styled(pad(key, label), styles.title()), Span::raw(words.clone())])
            }
        })
        .collect();
    let part = Seen { first: help.first, shown: shown.len(), total: help.lines.len(), top: 0 };
    let inner = float(frame, styles, "Help", columns, shown.len(), part);
    frame.render_widget(Paragraph::new(shown), inner);
}

fn client(model: &Model, frame: &mut Frame, styles: Styles) {
    let Some(client) = model.panes.clients.selected() else {
        return;
    };
    let columns = usize::from(model.size.width).saturating_sub(4).clamp(20, 56);
    let mut lines = client_card(client, styles, columns);
    let room = usize::from(model.size.height).saturating_sub(3).max(1);
    if lines.len() > room {
        // Air goes first.
        lines.retain(|line| !line.spans.is_empty());
    }
    scroll::cut(&mut lines, room, styles);
    let inner = float(frame, styles, "Client", columns, lines.len(), Seen::default());
    frame.render_widget(Paragraph::new(lines), inner);
}

//! What floats: the only boxes on the screen.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph};

use crate::app::Model;
use crate::app::keymap::{Command, Place};
use crate::app::popup::{Chooser, Confirm, Help, HelpLine, Popup};
use crate::app::text::{width, wrap};
use crate::app::update::{help_columns, help_height};
use crate::app::wizard::pia_screen::chooser_height;
use crate::domain::untrusted::Untrusted;

use super::panes::client_card;
use super::seen;
use super::text::{fit, pad};
use super::theme::Look;

/// Draws what floats, if anything does.
pub fn draw(model: &Model, frame: &mut Frame, look: Look) {
    match &model.popup {
        Some(Popup::Confirm(confirm)) => question(model, frame, look, confirm),
        Some(Popup::Chooser(chooser)) => choice(model, frame, look, chooser),
        Some(Popup::Help(help)) => help_page(model, frame, look, help),
        Some(Popup::Client) => client(model, frame, look),
        None => {}
    }
}

// A box in the middle of the screen above the line of keys, and the room inside it.
pub(super) fn float(frame: &mut Frame, look: Look, title: &str, columns: usize, rows: usize) -> Rect {
    let all = frame.area();
    let width = (columns as u16 + 4).min(all.width);
    let height = (rows as u16 + 2).min(all.height.saturating_sub(1)).max(1);
    let area =
        Rect::new((all.width - width) / 2, all.height.saturating_sub(1 + height) / 2, width, height).intersection(all);
    let title = fit(title, usize::from(width).saturating_sub(6));
    let block = Block::bordered()
        .border_style(look.dim())
        .title(Line::from(vec![
            Span::raw(" "),
            Span::styled(title, look.title().remove_modifier(Modifier::DIM)),
            Span::raw(" "),
        ]))
        .padding(Padding::horizontal(1));
    let inner = block.inner(area);
    // A column of air on both sides: what lies under it does not run into the frame.
    let air = Rect { x: area.x.saturating_sub(1), width: area.width + 2, ..area }.intersection(all);
    frame.render_widget(Clear, air);
    frame.render_widget(block, area);
    inner
}

fn question(model: &Model, frame: &mut Frame, look: Look, confirm: &Confirm) {
    let columns = usize::from(model.size.width).saturating_sub(8).clamp(20, 60);
    let mut lines = vec![Line::default()];
    let paragraphs = confirm.ask.text();
    let room = usize::from(model.size.height).saturating_sub(8).max(1);
    for text in &paragraphs {
        lines.extend(wrap(text, columns).into_iter().map(Line::raw));
        lines.push(Line::default());
    }
    if lines.len() > room {
        lines.truncate(room);
    }
    let answer = |words: &str, command: Command, chosen: bool| {
        let (mark, style) = if chosen { ("▸ ", look.focus()) } else { ("  ", Style::new()) };
        let key = model.keys.key(command, Place::Confirm).map(|key| format!(" ({})", key.name())).unwrap_or_default();
        [
            Span::styled(mark, if chosen { look.title() } else { Style::new() }),
            Span::styled(format!("{words}{key}"), style),
            Span::raw("    "),
        ]
    };
    let mut answers = answer(confirm.ask.yes(), Command::Yes, confirm.yes).to_vec();
    answers.extend(answer(confirm.ask.no(), Command::No, !confirm.yes));
    lines.push(Line::from(answers));
    let inner = float(frame, look, &confirm.ask.title(), columns, lines.len());
    frame.render_widget(Paragraph::new(lines), inner);
}

fn choice(model: &Model, frame: &mut Frame, look: Look, chooser: &Chooser) {
    let columns = usize::from(model.size.width).saturating_sub(8).clamp(20, 44);
    let height = chooser_height(model);
    let mut lines = Vec::new();
    let query = chooser.query.value();
    let cursor = chooser.query.visual_cursor();
    let room = columns.saturating_sub(8);
    let skip = (cursor + 1).saturating_sub(room);
    let typed = seen(&Untrusted::new(query).display(), skip, room);
    lines.push(Line::from(vec![Span::styled("Search  ", look.dim()), Span::raw(typed)]));
    lines.push(Line::default());
    for (at, row) in chooser.rows.iter().enumerate().skip(chooser.window.first).take(height) {
        let selected = at == chooser.window.selected;
        let (mark, style) = if selected { ("▸ ", look.focus()) } else { ("  ", Style::new()) };
        let agent = row.and_then(|at| chooser.agents.get(at));
        let words = agent.map_or_else(|| "no default escalation".to_owned(), |agent| agent.name.display());
        let style = if agent.is_none() && !selected { look.dim() } else { style };
        lines.push(Line::from(vec![Span::styled(mark, look.title()), Span::styled(fit(&words, columns - 2), style)]));
    }
    if chooser.rows.is_empty() {
        lines.push(Line::styled("  no agent is called that", look.dim()));
    }
    let rows = height.min(chooser.agents.len() + 1) + 2;
    let inner = float(frame, look, "Pia Escalate To", columns, rows);
    frame.render_widget(Paragraph::new(lines), inner);
    let position = Position::new(inner.x + (8 + cursor - skip) as u16, inner.y);
    if inner.contains(position) {
        frame.set_cursor_position(position);
    }
}

fn help_page(model: &Model, frame: &mut Frame, look: Look, help: &Help) {
    let columns = help_columns(model);
    let height = help_height(model);
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
            HelpLine::Title(text) => Line::styled(text.clone(), look.title()),
            HelpLine::Text(text) => Line::raw(text.clone()),
            HelpLine::Blank => Line::default(),
            HelpLine::Key(key, words) => {
                Line::from(vec![Span::styled(pad(key, label), look.title()), Span::raw(words.clone())])
            }
        })
        .collect();
    let below = help.lines.len().saturating_sub(help.first + height);
    let title = if below > 0 { format!("Help · ↓ {below} more") } else { "Help".to_owned() };
    let inner = float(frame, look, &title, columns, shown.len());
    frame.render_widget(Paragraph::new(shown), inner);
}

fn client(model: &Model, frame: &mut Frame, look: Look) {
    let Some(client) = model.panes.clients.selected() else { return };
    let columns = usize::from(model.size.width).saturating_sub(8).clamp(20, 56);
    let lines = client_card(client, look, columns);
    let inner = float(frame, look, "Client", columns, lines.len());
    frame.render_widget(Paragraph::new(lines), inner);
}

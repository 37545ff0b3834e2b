//! The Events pane: what Halo has told us, one event whole, and the tickets on the Pia Board. Only the rows on the screen are
//! built.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::Model;
use crate::app::jobs::state::TicketWork;
use crate::app::jobs::tickets;
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::panes::events::open::{self, LABEL, Opened, OpenedTicket};
use crate::app::panes::events::{Filter, height, tickets_height};
use crate::app::service;
use crate::app::text::{width, wrap};
use crate::domain::event::Event;
use crate::domain::thousands;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::view::integrations::search_line;
use crate::view::page::{MARGIN, Page, Part, Row, title_lines};
use crate::view::text::{age, duration, moment, pad};
use crate::view::theme::{Styles, symbol};
use crate::words;

/// Columns of the time, of the ticket's number, and of whether it stands on the Pia Board.
const WHEN: usize = 13;
const TICKET: usize = 9;
const BOARD: usize = 11;

pub(super) fn body(model: &Model, page: &mut Page) {
    let events = &model.panes.events;
    match &events.open {
        _ if events.tickets => match &events.ticket {
            Some(OpenedTicket { ticket, text }) => {
                page.heading(&format!("Ticket {}", ticket.id), "", Style::new());
                whole(model, page, text);
            }
            None => board(model, page),
        },
        Some(Opened { event, text, .. }) => {
            page.heading("Event", &moment(model.now, event.received_at), page.styles.dim());
            whole(model, page, text);
        }
        None => list(model, page),
    }
}

// The warnings, and how an escalation went.
fn head(model: &Model, page: &mut Page) {
    let head = service::head(model);
    let air = !head.is_empty();
    for (tone, words) in head {
        match tone {
            Tone::Calm => page.paragraph(&words, MARGIN + 2, Style::new()),
            tone => page.state(tone, &words, MARGIN),
        }
    }
    if air {
        page.blank();
    }
}

fn list(model: &Model, page: &mut Page) {
    let (styles, events) = (page.styles, &model.panes.events);
    page.blank();
    let hint = format!("{} to search", spoken(model, "search"));
    search_line(page, events.query.value(), events.query.visual_cursor(), events.searching, &hint);
    let filter = if events.filter == Filter::All { String::new() } else { format!("{} · ", events.filter.word()) };
    let (count, total) = (thousands(events.count() as u64), thousands(events.list().total()));
    // What is not read yet cannot be said to match nothing.
    let newest = events.list().len();
    let newest = match newest == events.count() {
        _ if newest as u64 == events.list().total() => String::new(),
        true => "the newest ".to_owned(),
        false => format!("{count} in the newest "),
    };
    let count = match newest.is_empty() {
        _ if !events.read => String::new(),
        true => format!("{filter}{count} of {total}"),
        false => format!("{filter}{newest}{} of {total}", thousands(events.list().len() as u64)),
    };
    page.beside_last(&count, styles.dim());
    page.blank();
    head(model, page);
    super::not_read(model, page, events.failed.as_ref());
    if events.count() == 0 {
        empty(model, page);
        return;
    }
    let room = page.width.saturating_sub(MARGIN);
    let on_board = if room >= 60 { BOARD } else { 0 };
    let on_screen = || (events.window.first..).take(height(model)).map_while(|at| events.row(at));
    let client = match room {
        74.. => client_columns(
            on_screen().map(|event| width(&client_name(event)) + 2).max().unwrap_or_default(),
            on_screen().map(|event| width(&words::event::name(event)) + 2).max().unwrap_or_default(),
            room.saturating_sub(WHEN + TICKET + on_board),
        ),
        _ => 0,
    };
    let what = room.saturating_sub(WHEN + TICKET + client + on_board).max(8);
    let mut header = Row::new(styles, false).cell("When (UTC)", styles.dim(), WHEN).cell("Event", styles.dim(), what);
    header = header.cell("Ticket", styles.dim(), TICKET);
    if client > 0 {
        header = header.cell("Client", styles.dim(), client);
    }
    page.push(if on_board > 0 { header.text("Pia Board", styles.dim()) } else { header });
    let first = events.window.first;
    let rows = height(model).min(events.count() - first.min(events.count()));
    page.part = Some(Part { line: page.lines.len(), first, shown: rows, total: events.count() });
    for at in first..first + rows {
        let Some(event) = events.row(at) else { break };
        let focused = at == events.window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let ticket = event.ticket_id.map_or("–".to_owned(), |id| id.to_string());
        let mut row = Row::new(styles, focused)
            .cell(&moment(model.now, event.received_at), style, WHEN)
            .cell(&words::event::name(event), style, what)
            .cell(&ticket, Style::new(), TICKET);
        if client > 0 {
            row = row.cell(&client_name(event), Style::new(), client);
        }
        if on_board > 0 {
            let (words, style) = board_words(event, styles);
            row = row.text(&words, style);
        }
        page.push(row);
        if focused {
            page.keep_from(page.lines.len() - 1);
        }
    }
    // Where it has no room it would be cut: the empty list has it whole.
    let fits = |tip: &String| {
        let lines = wrap(tip, page.width.saturating_sub(MARGIN + 1).max(8)).len();
        page.lines.len() + lines <= usize::from(model.layout.body.height)
    };
    if let Some(tip) = model.facts.tip.as_ref().filter(|tip| fits(tip)) {
        page.paragraph(tip, MARGIN, styles.dim());
    }
}

// The client's name takes what the words beside it leave, and is never less than it was.
fn client_columns(client: usize, beside: usize, room: usize) -> usize {
    client.clamp(20, room.saturating_sub(beside).max(20))
}

fn client_name(event: &Event) -> String {
    let client = event.ticket.as_ref().and_then(|ticket| ticket.client.as_ref());
    client.map(Untrusted::display).unwrap_or_default()
}

fn board_words(event: &Event, styles: Styles) -> (String, Style) {
    let (tone, short, _) = words::event::board(event);
    let sign = match (tone, short) {
        (_, "–" | "…") => String::new(),
        (Tone::Calm, _) => "– ".to_owned(),
        (tone, _) => format!("{} ", symbol(tone)),
    };
    (format!("{sign}{short}"), if tone == Tone::Calm { styles.dim() } else { styles.tone(tone) })
}

// Nothing is listed: why, and what to do next.
fn empty(model: &Model, page: &mut Page) {
    let (styles, events) = (page.styles, &model.panes.events);
    let configured = model.status().is_some_and(|status| status.integration.is_in_halo());
    let running = service::status(model).is_some_and(|service| service.running);
    let words = match (events.read, events.list().is_empty()) {
        (false, _) if events.failed.is_some() => return,
        (false, _) => "Reading the stored events.".to_owned(),
        (true, false) => {
            format!("No event matches. Esc clears the search, {} changes the filter.", spoken(model, "filter"))
        }
        (true, true) if !configured => format!(
            "No events yet: Halo sends them once the webhooks are installed. Press {} to go to Configure.",
            spoken(model, "pane_integration")
        ),
        (true, true) if service::tells_stopped(model) => "No events yet.".to_owned(),
        (true, true) if !running => {
            let start = words::service::start(model.systemd).with_keys(&model.keys);
            let idle = service::status(model).map_or_else(|| words::service::STOPPED.to_owned(), words::service::idle);
            format!("No events: {idle}. {start}.")
        }
        (true, true) if let Some(refused) = service::refused(model) => format!(
            "No events yet, and none arrives: {refused}. {} leads to the webhooks.",
            spoken(model, "pane_integration")
        ),
        // Below it stands how one is made.
        (true, true) if model.facts.tip.is_some() => "No events yet. They appear here as Halo sends them.".to_owned(),
        (true, true) => {
            "No events yet. They appear as Halo sends them: create a ticket on the Pia Board to see one.".to_owned()
        }
    };
    page.paragraph(&words, MARGIN, Style::new());
    if let Some(tip) = model.facts.tip.as_ref().filter(|_| events.read) {
        page.paragraph(tip, MARGIN, Style::new());
    }
    // The second column says it, too.
    if let Some(words) = service::words(model).filter(|_| model.layout.detail.is_none() && running) {
        page.blank();
        page.paragraph(&words.join(" · "), MARGIN, styles.dim());
    }
}

// An event or a ticket, under its heading.
fn whole(model: &Model, page: &mut Page, open::Text { lines, first }: &open::Text) {
    head(model, page);
    let (first, styles) = (*first, page.styles);
    let height = open::height(model).min(lines.len().saturating_sub(first));
    page.part = Some(Part { line: page.lines.len(), first, shown: height, total: lines.len() });
    for line in lines.iter().skip(first).take(height) {
        let row = Row::new(styles, false);
        page.push(match line {
            open::Line::Pair(label, value, tone) => {
                let row = row.cell(label, styles.dim(), LABEL);
                let sign =
                    if *tone == Tone::Calm || label.is_empty() { String::new() } else { format!("{} ", symbol(*tone)) };
                row.text(&format!("{sign}{value}"), styles.tone(*tone))
            }
            open::Line::Title(title) => row.text(title, styles.title()),
            open::Line::Body(text) => row.text(text, Style::new()),
            open::Line::Help(text) => row.text(text, styles.dim()),
            open::Line::Blank => row.text(" ", Style::new()),
        });
    }
}

fn board(model: &Model, page: &mut Page) {
    let styles = page.styles;
    let saved = model.current_saved();
    let name = saved.map(|saved| Untrusted::new(saved.configuration.pia_screen.pia_board.as_str()).display());
    let read = model.work.board.as_ref();
    let right = read.map(|(at, board)| {
        let more = if board.cut { "+" } else { "" };
        format!("{}{more} open · {}", thousands(board.tickets.len() as u64), age(model.now, *at))
    });
    let title = format!("Tickets on {}", name.unwrap_or_default());
    page.heading(&title, &right.unwrap_or_default(), styles.dim());
    head(model, page);
    match &model.work.tickets {
        TicketWork::Reading { since } => {
            let seconds = model.now.duration_since(*since).as_secs().max(0) as u64;
            page.plain(&format!("Reading the open tickets from Halo, {}", duration(seconds)), styles.dim());
        }
        TicketWork::Failed(failure) => page.failure(failure, MARGIN, &model.keys),
        TicketWork::None => {}
    }
    let tickets = tickets::tickets(model);
    if tickets.is_empty() {
        if let Some((_, board)) = read {
            page.paragraph("No open tickets on this board.", MARGIN, Style::new());
            if !board.board_exists {
                page.state(Tone::Warn, "Halo has no team with this name: it may have been renamed.", MARGIN);
            }
        } else if matches!(model.work.tickets, TicketWork::None) {
            page.paragraph(
                &format!(
                    "Not read yet. Press {} to read \
                 them.",
                    spoken(model, "check_halo")
                ),
                MARGIN,
                Style::new(),
            );
        }
        return;
    }
    let room = page.width.saturating_sub(MARGIN);
    let status = if room >= 44 { 14 } else { 0 };
    let text = |text: &Option<Untrusted>| text.as_ref().map(Untrusted::display).unwrap_or_default();
    let widest = |of: &dyn Fn(&Ticket) -> usize| tickets.iter().map(of).max().unwrap_or_default() + 2;
    let client = match room {
        60.. => client_columns(
            widest(&|ticket| width(&text(&ticket.client))),
            widest(&|ticket| width(&text(&ticket.summary))),
            room.saturating_sub(TICKET + status),
        ),
        _ => 0,
    };
    let summary = room.saturating_sub(TICKET + client + status).max(8);
    let mut header =
        Row::new(styles, false).cell("Ticket", styles.dim(), TICKET).cell("Summary", styles.dim(), summary);
    if client > 0 {
        header = header.cell("Client", styles.dim(), client);
    }
    page.push(if status > 0 { header.text("Status", styles.dim()) } else { header });
    let window = model.panes.events.board;
    let rows = tickets_height(model).min(tickets.len() - window.first.min(tickets.len()));
    page.part = Some(Part { line: page.lines.len(), first: window.first, shown: rows, total: tickets.len() });
    for (at, ticket) in tickets.iter().enumerate().skip(window.first).take(rows) {
        let focused = at == window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let mut row = Row::new(styles, focused).cell(&ticket.id.to_string(), style, TICKET).cell(
            &text(&ticket.summary),
            style,
            summary,
        );
        if client > 0 {
            row = row.cell(&text(&ticket.client), Style::new(), client);
        }
        page.push(if status > 0 { row.text(&text(&ticket.status), styles.dim()) } else { row });
        if focused {
            page.keep_from(page.lines.len() - 1);
        }
    }
    if read.is_some_and(|(_, board)| board.cut) {
        page.paragraph("There may be more: only the newest 5,000 open tickets were checked.", MARGIN, Style::new());
    }
}

/// The event that is opened, read out.
pub fn lines(model: &Model) -> Vec<String> {
    let facts = model.panes.events.open.iter().flat_map(|opened| open::facts(&opened.event, &model.keys));
    facts.map(|(label, text, _)| if label.is_empty() { text } else { format!("{label}: {text}") }).collect()
}

/// The second column: what is selected, whole; beside an open event, what else is known of its ticket.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let events = &model.panes.events;
    let mut lines = vec![Line::default()];
    let service = service::words(model).map(|words| wrap(&words.join(" · "), columns)).unwrap_or_default();
    let height = model.layout.detail.map_or(0, |area| usize::from(area.height));
    // Air, the title with its air, and what stands below.
    let height = height.saturating_sub(4 + service.len());
    if events.tickets {
        // An open ticket is beside its column already.
        if let Some(ticket) = tickets::selected(model).filter(|_| events.ticket.is_none()) {
            lines.extend(ticket_card(ticket, styles, columns, height));
        }
    } else if let Some(opened) = &events.open {
        lines.extend(others(model, &opened.event, styles, columns));
    } else if let Some(event) = events.selected() {
        lines.extend(title_lines(&words::event::name(event), styles, columns));
        lines.extend(pairs(open::facts(event, &model.keys), styles, columns, height));
    }
    if !service.is_empty() {
        lines.push(Line::default());
        lines.extend(service.into_iter().map(|line| Line::styled(line, styles.dim())));
    }
    lines
}

/// What is known of a ticket.
fn ticket_card(ticket: &Ticket, styles: Styles, columns: usize, height: usize) -> Vec<Line<'static>> {
    let mut lines = title_lines(&format!("Ticket {}", ticket.id), styles, columns);
    lines.extend(pairs(open::ticket_facts(ticket), styles, columns, height));
    lines
}

/// The lines that a value in the second column has in any case.
const VALUE: usize = 4;

// What is known, in so many lines: where all of it has room nothing is cut, else the longest values are.
fn pairs(
    facts: Vec<(&'static str, String, Tone)>,
    styles: Styles,
    columns: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let sign = |tone| if tone == Tone::Calm { String::new() } else { format!("{} ", symbol(tone)) };
    let wrapped = facts.into_iter().map(|(label, value, tone)| {
        let lines = wrap(&format!("{}{value}", sign(tone)), columns.saturating_sub(LABEL));
        (label, lines, tone)
    });
    let wrapped: Vec<(&str, Vec<String>, Tone)> = wrapped.collect();
    let fits = |most: &usize| wrapped.iter().map(|(_, lines, _)| lines.len().min(*most)).sum::<usize>() <= height;
    let most = (VALUE..=height).rev().find(fits).unwrap_or(VALUE);
    let mut lines = Vec::new();
    for (label, mut wrapped, tone) in wrapped {
        if wrapped.len() > most {
            wrapped.truncate(most);
            wrapped[most - 1] =
                crate::view::text::fit(&format!("{} …", wrapped[most - 1]), columns.saturating_sub(LABEL));
        }
        for (at, line) in wrapped.into_iter().enumerate() {
            let label = pad(if at == 0 { label } else { "" }, LABEL);
            lines.push(Line::from(vec![Span::styled(label, styles.dim()), Span::styled(line, styles.tone(tone))]));
        }
    }
    lines
}

/// The most other events about a ticket that stand beside one of them.
const OTHERS: usize = 12;

fn others(model: &Model, event: &Event, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let Some(ticket) = event.ticket_id else { return Vec::new() };
    let mut lines = title_lines(&format!("Other events of ticket {ticket}"), styles, columns);
    let of_ticket = |other: &&Event| other.ticket_id == Some(ticket) && other.number != event.number;
    for other in model.panes.events.list().events().filter(of_ticket).take(OTHERS) {
        let row = format!("{}{}", pad(&moment(model.now, other.received_at), WHEN), words::event::name(other));
        lines.push(Line::raw(crate::view::text::fit(&row, columns)));
    }
    if lines.len() == 2 {
        lines.push(Line::styled("none", styles.dim()));
    }
    lines
}

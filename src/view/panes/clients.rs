//! The Clients pane: only the rows on the screen are built.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use crate::app::Model;
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::panes::clients::{Filter, Sort, height};
use crate::app::popup::Popup;
use crate::app::text::{width, wrap};
use crate::domain::client::{ClientStatus, StoredClient};
use crate::domain::search::matched;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::view::integrations::search_line;
use crate::view::page::{MARGIN, Page, Part, Row, title_lines};
use crate::view::text::{age, fit, moment, pad};
use crate::view::theme::{Styles, symbol};

const STATUS: usize = 12;
const SEEN: usize = 13;

pub fn body(model: &Model, page: &mut Page) {
    let styles = page.styles;
    let clients = &model.panes.clients;
    page.blank();
    search_line(
        page,
        clients.query.value(),
        clients.query.visual_cursor(),
        clients.searching,
        &format!("{} to search", spoken(model, "search")),
    );
    let mut filter = match clients.filter {
        Filter::Active => String::new(),
        Filter::New => "new in the last sync · ".to_owned(),
        Filter::Changed => "changed in the last sync · ".to_owned(),
        other => format!("{} · ", other.word()),
    };
    if clients.sort != Sort::Name {
        filter.push_str(&format!("{} · ", clients.sort.word()));
    }
    if clients.is_beginning() {
        filter.push_str("reading more · ");
    }
    let age = clients.seen.map(|seen| format!(" · {}", age(model.now, seen))).unwrap_or_default();
    let count = format!("{filter}{} of {}{age}", thousands(clients.count() as u64), thousands(clients.total() as u64));
    page.beside_last(&count, styles.dim());
    page.blank();
    super::not_read(model, page, clients.failed.as_ref());
    if clients.count() == 0 {
        let query_is_empty = clients.query.value().trim().is_empty();
        let words = match (clients.read, clients.total()) {
            (false, _) if clients.failed.is_some() => return,
            (false, _) => "Reading the stored list.",
            (true, 0) if model.work.sync.run_of(model.current.as_ref()).is_some() => {
                "Syncing: clients appear here once the list is complete."
            }
            (true, 0) => &format!("No clients yet. Press {} to sync.", spoken(model, "sync_now")),
            (true, _) if query_is_empty && clients.filter == Filter::New => "The last sync found no new client.",
            (true, _) if query_is_empty && clients.filter == Filter::Changed => {
                "The last sync found no client changed."
            }
            (true, _) => {
                &format!("No client matches. Esc clears the search, {} changes the filter.", spoken(model, "filter"))
            }
        };
        page.paragraph(words, MARGIN, Style::new());
        return;
    }
    let room = page.width.saturating_sub(MARGIN);
    let seen = if room >= 50 { SEEN } else { 0 };
    let site = if room >= 72 { 16 } else { 0 };
    let name = room.saturating_sub(site + STATUS + seen).max(8);
    let mut header = Row::new(styles, false).cell("Name", styles.dim(), name);
    if site > 0 {
        header = header.cell("Site", styles.dim(), site);
    }
    header = header.cell("Status", styles.dim(), STATUS);
    page.push(if seen > 0 { header.text("Seen (UTC)", styles.dim()) } else { header });
    let query = clients.query.value();
    let first = clients.window.first;
    let shown = height(model).min(clients.count() - first.min(clients.count()));
    page.part = Some(Part { line: page.lines.len(), first, shown, total: clients.count() });
    for at in clients.window.first..clients.window.first + height(model) {
        let Some(client) = clients.row(at) else { break };
        let focused = at == clients.window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let mut row =
            Row::new(styles, focused).spans(marked(&client.client.name.display(), query, name, style, styles));
        if site > 0 {
            let words = client.client.main_site.as_ref().map(Untrusted::display).unwrap_or_default();
            row = row.cell(&words, Style::new(), site);
        }
        let (tone, dim) = match client.status {
            ClientStatus::Active => (Tone::Good, styles.tone(Tone::Good)),
            ClientStatus::Disabled(_) => (Tone::Calm, styles.dim()),
        };
        row = row.cell(&format!("{} {}", symbol(tone), client.status.word()), dim, STATUS);
        page.push(if seen > 0 { row.text(&moment(model.now, client.last_seen), styles.dim()) } else { row });
        if focused {
            page.keep_from(page.lines.len() - 1);
        }
    }
}

// A name in its column, with what the search matched.
fn marked(name: &str, query: &str, columns: usize, style: Style, styles: Styles) -> Vec<Span<'static>> {
    let shown = fit(name, columns.saturating_sub(1));
    let marks = if query.trim().is_empty() { Vec::new() } else { matched(&shown, query) };
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut run = (String::new(), false);
    for (place, cluster) in shown.graphemes(true).enumerate() {
        let hit = marks.binary_search(&place).is_ok();
        if hit != run.1 && !run.0.is_empty() {
            spans.push(span(std::mem::take(&mut run.0), run.1, style, styles));
        }
        run.1 = hit;
        run.0.push_str(cluster);
    }
    spans.push(span(run.0, run.1, style, styles));
    spans.push(Span::styled(pad("", columns.saturating_sub(width(&shown))), style));
    spans
}

fn span(text: String, hit: bool, style: Style, styles: Styles) -> Span<'static> {
    Span::styled(text, if hit { style.patch(styles.matched()) } else { style })
}

pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::default()];
    if let Some(client) = model.panes.clients.selected() {
        lines.extend(card(client, styles, columns));
    }
    lines
}

/// Everything that is stored of a client.
pub fn card(client: &StoredClient, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let mut lines = title_lines(&client.client.name.display(), styles, columns);
    let tone = if client.status == ClientStatus::Active { Tone::Good } else { Tone::Calm };
    for (at, (label, value)) in facts(client).into_iter().enumerate() {
        let (value, style) = match at {
            0 => (format!("{} {value}", symbol(tone)), styles.tone(tone)),
            _ => (value, Style::new()),
        };
        for (at, line) in wrap(&value, columns.saturating_sub(12)).into_iter().take(4).enumerate() {
            let label = pad(if at == 0 { label } else { "" }, 12);
            lines.push(Line::from(vec![Span::styled(label, styles.dim()), Span::styled(line, style)]));
        }
    }
    lines
}

// What is known of a client beside its name, its status first.
fn facts(client: &StoredClient) -> [(&'static str, String); 6] {
    let reason = client.status.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    let text = |text: &Option<Untrusted>| text.as_ref().map_or_else(|| "–".to_owned(), Untrusted::display);
    [
        ("Status", format!("{}{reason}", client.status.word())),
        ("Halo's id", client.client.id.to_string()),
        ("Top level", text(&client.client.toplevel)),
        ("Main site", text(&client.client.main_site)),
        ("First seen", client.first_seen.strftime("%d %b %Y %H:%M UTC").to_string()),
        ("Last seen", client.last_seen.strftime("%d %b %Y %H:%M UTC").to_string()),
    ]
}

/// The client that is opened, read out.
pub fn lines(model: &Model) -> Vec<String> {
    let opened = model.panes.clients.selected().filter(|_| matches!(model.popup, Some(Popup::Client)));
    let lines = opened.map(|client| facts(client).map(|(label, value)| format!("{label}: {value}")));
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Reply;
    use crate::app::panes::clients::ClientList;
    use crate::app::testing::{clients, in_panes};
    use crate::domain::client::Client;

    /// However long the list is: what is built of it is what fits on the screen, wherever the window stands.
    #[test]
    fn only_rows_on_screen_are_built() {
        let one = clients().swap_remove(0);
        let many = (0..20_000).map(|id| StoredClient { client: Client { id, ..one.client.clone() }, ..one.clone() });
        let mut stage = in_panes();
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(ClientList::from(many.collect::<Vec<_>>()))));
        for keys in ["Home", "PageDown", "End"] {
            stage.keys(keys);
            let mut page = Page::new(Styles::new(stage.model.theme), 80);
            body(&stage.model, &mut page);
            let lines = usize::from(stage.model.layout.body.height);
            assert!((10..=lines).contains(&page.lines.len()), "{keys}: {} lines for {lines}", page.lines.len());
        }
    }
}

//! Whatever the names are made of, columns stay in line and nothing hidden reaches the terminal.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};

use crate::app::message::Reply;
use crate::app::testing::{
    Stage, at_configure, at_sync, clients, configure_report, finished, in_panes, lists, overview, plan, saved,
    standing, status, sync_report, tested,
};
use crate::domain::people::{Agent, Team};
use crate::domain::sync_run::SyncStatus;
use crate::view::draw;

use super::picture::{SIZES, shown};

/// The most bytes of one cell: a wide letter with its marks.
const CELL: usize = 64;

/// The most bytes of one frame.
const FRAME: usize = 64 * 1024;

/// Names of hostile widths.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "北京技术有限公司",
        "e\u{301}e\u{301}\u{302}\u{303} combining",
        "👩\u{200d}🚀 crew 👨\u{200d}👩\u{200d}👧\u{200d}👦",
        "👋🏽 wave 👍🏿",
        "\u{1f1e6}\u{1f1fa}\u{1f1e9}\u{1f1ea} flags \u{1f1e6}",
        "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} tags",
        "שלום עולם בע״מ",
        "شركة النور لا إله",
        "\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}\u{644}\u{627}",
        "ﾊﾟﾋﾞﾌﾞﾍﾞﾎﾞ halfwidth",
        "❤\u{fe0f} ❤\u{fe0e} 1\u{fe0f}\u{20e3} ©\u{fe0f}",
        "evil\u{202e}txt.exe\u{2066}\u{2069}\u{200f}",
        "zero\u{200b}width\u{200d}\u{feff}\u{2060}joined\u{ad}",
        "\u{1b}[31mred\u{7}\u{9b}2J\r\n\ttab",
        "क्षत्रिय कंपनी क्ष्म्य",
        "บริษัท น้ำใจ จำกัด",
        "각각 \u{1100}\u{1161}\u{11a8}",
        "\u{301}\u{302} begins with marks",
        "ｆｕｌｌ　ｗｉｄｔｈ",
        "α\u{345}ᾳ Ω Å",
        "a\u{2028}b\u{2029}c\u{85}d",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend([
        format!("e{}", "\u{301}".repeat(200_000)),
        "x".repeat(1 << 20),
        "\u{202e}".repeat(20_000),
        "\u{1100}".repeat(20_000),
        "क\u{94d}".repeat(10_000),
        "👩\u{200d}".repeat(10_000),
        "\u{600}".repeat(10_000),
        "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}".repeat(300),
        "북".repeat(300),
    ]);
    names
}

// The same screen with these names; the second line of a test's table.
type Show = fn(&[String]) -> Stage;

fn show_clients(names: &[String]) -> Stage {
    let mut stage = in_panes();
    let one = clients()[0].clone();
    let listed = names.iter().enumerate().map(|(id, name)| {
        let mut client = one.clone();
        client.client.id = id as i64;
        client.client.name = name.as_str().into();
        client.client.main_site = Some(name.as_str().into());
        client
    });
    stage.keys("2");
    stage.reply(Reply::Clients(Ok(listed.collect::<Vec<_>>().into())));
    stage
}

fn show_cards(names: &[String]) -> Stage {
    let cards = names.iter().enumerate().map(|(at, name)| {
        let mut saved = saved(&format!("c{at:02}"), "name", false, true, true);
        saved.configuration.name.clone_from(name);
        saved
    });
    let mut stage = Stage::with(overview(cards.collect()));
    stage.keys("^O");
    stage
}

fn show_activity(names: &[String]) -> Stage {
    let mut stage = Stage::with(finished());
    let mut facts = standing(status("Acme MSP", true, true, true));
    let one = facts.activity[0].clone();
    facts.activity = names
        .iter()
        .map(|name| {
            let mut entry = one.clone();
            entry.who.user.clone_from(name);
            entry.object = Some(name.clone());
            entry
        })
        .collect();
    stage.reply(Reply::Status(Ok(facts)));
    stage.keys("5");
    stage
}

fn hostile_plan(names: &[String]) -> crate::domain::plan::Plan {
    let mut plan = plan();
    let link = plan.changes[4].clone();
    plan.changes = names
        .iter()
        .map(|name| {
            let mut change = link.clone();
            change.name = name.as_str().into();
            change
        })
        .collect();
    plan
}

fn show_plan(names: &[String]) -> Stage {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(hostile_plan(names)))));
    stage
}

fn show_results(names: &[String]) -> Stage {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(hostile_plan(names)))));
    stage.keys("Enter");
    stage.read_plan();
    stage.keys("y");
    stage.reply(Reply::Configured(Ok(configure_report(&hostile_plan(names)))));
    stage
}

fn show_objects(names: &[String]) -> Stage {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(hostile_plan(names)))));
    stage
}

fn show_agents(names: &[String]) -> Stage {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    let agent =
        |(name, id): (&String, i64)| Agent { id, name: name.as_str().into(), assignable: true, api_only: false };
    let agents = names.iter().zip(1..).map(agent);
    stage.reply(Reply::Lists(Ok(crate::domain::status::Lists { agents: agents.collect(), ..lists() })));
    stage.keys("Enter Down Down Down");
    stage
}

fn show_teams(names: &[String]) -> Stage {
    let mut stage = tested();
    let teams = names.iter().zip(1..).map(|(name, id)| Team { id, name: name.as_str().into(), inactive: false });
    stage.reply(Reply::Lists(Ok(crate::domain::status::Lists { teams: teams.collect(), ..lists() })));
    stage.keys("Enter Enter ^U Down");
    stage
}

/// The list screens, and what stands in the column behind the names.
const LISTS: [(&str, Show, &[&str]); 8] = [
    ("clients", show_clients, &["✓ active", "today 04:31"]),
    ("cards", show_cards, &["○ saved"]),
    ("activity", show_activity, &["✓ done"]),
    ("plan", show_plan, &["link: "]),
    ("results", show_results, &["linked"]),
    ("objects", show_objects, &["not linked"]),
    ("agents", show_agents, &["│"]),
    ("teams", show_teams, &["│"]),
];

// The columns of a row in which a text begins, cell by cell.
fn columns_of(buffer: &ratatui::buffer::Buffer, y: u16, text: &str) -> Vec<u16> {
    let width = buffer.area.width;
    // Where a scrollbar runs along an edge, its thumb is that edge.
    let same = |shown: &str, c: char| shown.chars().eq([c]) || (shown == "█" && c == '│');
    let begins = |x: u16| text.chars().zip(x..).all(|(c, x)| x < width && same(buffer[(x, y)].symbol(), c));
    (0..width).filter(|x| begins(*x)).collect()
}

#[test]
fn next_column_begins_in_same_cell_in_each_row() {
    let names = hostile();
    for (list, show, markers) in LISTS {
        for (width, height) in SIZES {
            let mut stage = show(&names);
            stage.resize(width, height.max(24));
            let (buffer, _) = shown(&stage);
            let body = stage.model.layout.body;
            for marker in markers {
                let mut found: Vec<(u16, Vec<u16>)> = Vec::new();
                for y in body.y..body.bottom() {
                    let mut columns = columns_of(&buffer, y, marker);
                    columns.retain(|x| *x < body.width);
                    // The frame of a box: its last column is the one behind the names; that of the page is the scrollbar's.
                    if *marker == "│" {
                        columns.retain(|x| x + 1 < body.width);
                    }
                    if !columns.is_empty() {
                        found.push((y, columns));
                    }
                }
                // A narrow terminal has no column for the time.
                if found.is_empty() && width < 80 && *marker == "today 04:31" {
                    continue;
                }
                assert!(found.len() >= 4, "{list} at {width}: {marker} in {found:?}\n{}", super::plain(&stage));
                let first = &found[0].1;
                assert!(
                    found.iter().all(|(_, columns)| columns.last() == first.last()),
                    "{list} at {width}: {marker} in {found:?}\n{}",
                    super::plain(&stage)
                );
            }
        }
    }
}

fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[test]
fn no_cell_holds_anything_hidden_or_huge() {
    let names = hostile();
    for (list, show, _) in LISTS {
        let mut stage = show(&names);
        for at in 0..names.len() {
            // Each name is selected once, so that it is in the second column too.
            stage.keys("Down");
            let (width, height) = SIZES[at % SIZES.len()];
            stage.resize(width, height);
            let (buffer, _) = shown(&stage);
            for cell in buffer.content() {
                let symbol = cell.symbol();
                assert!(!symbol.contains(is_hidden), "{list}: {symbol:?}");
                assert!(symbol.len() <= CELL, "{list}: {} bytes in a cell", symbol.len());
            }
        }
    }
}

/// What the person typed or pasted is not Halo's, and reaches the terminal no more raw than that.
#[test]
fn what_is_pasted_is_shown_without_anything_hidden() {
    let mut stage = Stage::with(crate::domain::status::Overview::default());
    stage.keys("Enter");
    for name in hostile() {
        stage.keys("^U");
        stage.paste(&name);
        for focus in ["Tab", "Shift-Tab"] {
            stage.keys(focus);
            let (buffer, _) = shown(&stage);
            for cell in buffer.content() {
                assert!(!cell.symbol().contains(is_hidden), "{:?}", cell.symbol());
                assert!(cell.symbol().len() <= CELL, "{}", cell.symbol().len());
            }
        }
    }
}

/// A frame is small, whatever is on it: what goes over the line is counted.
#[test]
fn frame_of_hostile_names_stays_small() {
    for (list, show, _) in LISTS {
        let towers = vec!["e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}".repeat(300); 60];
        for names in [hostile(), towers] {
            let mut stage = show(&names);
            for (width, height) in SIZES {
                stage.resize(width, height);
                let mut bytes = Vec::new();
                let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
                let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
                terminal.draw(|frame| draw(&stage.model, frame)).unwrap();
                drop(terminal);
                assert!(bytes.len() < FRAME, "{list} at {width}x{height}: {} bytes", bytes.len());
                // The only sequences are those of the drawing itself.
                let text = String::from_utf8(bytes).unwrap();
                for rest in text.split('\u{1b}').skip(1) {
                    assert!(rest.starts_with('['), "{list}: {:?}", &rest[..rest.len().min(12)]);
                    let end = rest[1..].find(|c: char| !(c.is_ascii_digit() || ";?:".contains(c))).unwrap();
                    assert!("Hmlh".contains(&rest[1 + end..2 + end]), "{list}: {:?}", &rest[..end + 2]);
                }
            }
        }
    }
}

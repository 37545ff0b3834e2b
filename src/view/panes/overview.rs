//! The Overview pane: five lights, how the last month and the last day went, and what needs a person.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, Widget};

use crate::app::Model;
use crate::app::jobs::health::{findings, list, looking, mend as enter};
use crate::app::keymap::{Command, Place};
use crate::app::layout::LOW;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::text::{width, wrap};
use crate::domain::daily::DailyOutcome;
use crate::domain::delivery::DeliveryState;
use crate::domain::draft::Draft;
use crate::domain::health::{Finding, Light, Rule, State, issues, light};
use crate::domain::request::Standing;
use crate::domain::sync_run::SyncStatus;
use crate::domain::thousands;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::progress::seconds_since;
use crate::view::text::duration;
use crate::view::theme::{Styles, symbol};
use crate::words::health::{
    NOTHING_TO_DO, beside, beside_ageless, brief, burns, dismissible, fact, fact_ageless, fact_in_short, issue,
    light as name_of, sends_nothing, short, state,
};
use crate::words::plan::{GONE, NOT_YET};
use crate::words::{self, Phrase};

/// Columns of the name of a light, and of a chart.
const NAME: usize = 18;

/// Columns of the title of a problem.
const TITLE: usize = 22;

/// Days of syncs that are shown.
const DAYS: usize = 30;

/// Hours of events that are shown.
const HOURS: usize = 24;

/// From this height on there is room for air, whatever comes.
const ROOMY: u16 = 30;

/// Below this many columns a light names no key: the problem below it does.
const NARROW: usize = 60;

pub(super) fn body(model: &Model, page: &mut Page) {
    let (styles, findings) = (page.styles, findings(model));
    let list = issues(&findings);
    let is_low = model.layout.body.height < LOW;
    if !is_low {
        page.heading("Overview", &counted(model, &list), styles.dim());
    }
    super::not_read(model, page, model.facts.standing_failed.as_ref());
    if findings.is_empty() {
        page.paragraph("This configuration is not active, so nothing is checked.", MARGIN, Style::new());
        return;
    }
    for one in Light::ALL {
        if let Some(found) = light(&findings, one) {
            shine(model, page, one, found, &findings);
        }
    }
    if let Some(standing) = model.facts.standing.as_ref().filter(|_| !is_low && model.layout.detail.is_none()) {
        air(model, page);
        for chart in charts(model, standing, styles) {
            let row =
                Row::new(styles, false).cell(chart.name, Style::new(), NAME).spans(chart.strip(1).swap_remove(0).spans);
            page.push(row.text(&format!("  {}", chart.words), Style::new()));
        }
    }
    air(model, page);
    problems(model, page, is_low);
    draft(model, page);
}

// Between two parts. Where room is short it is all the air there is and gives way to nothing, so that no row which comes
// moves those above it.
fn air(model: &Model, page: &mut Page) {
    if (LOW..ROOMY).contains(&model.layout.body.height) {
        page.squeeze();
        page.lines.push(Line::raw(" "));
    } else {
        page.blank();
    }
}

// What the heading says on its right.
fn counted(model: &Model, list: &[&Finding]) -> String {
    if let Some(look) = looking(model) {
        let doing = if look.stopping { "Stopping" } else { "Checking Halo" };
        return format!("{doing}, {}", duration(seconds_since(model, look.since)));
    }
    match list.iter().filter(|issue| issue.is_open()).count() {
        0 => String::new(),
        1 => "1 issue".to_owned(),
        count => format!("{count} issues"),
    }
}

// A light: its state in words, its age, and the key that mends it.
fn shine(model: &Model, page: &mut Page, one: Light, found: &Finding, findings: &[Finding]) {
    let styles = page.styles;
    // What is dismissed keeps its sign, and loses its colour.
    let (sign, tone) = (symbol(state(found.state).0), burns(found).0);
    let is_narrow = page.width < NARROW;
    let key = mend(model, found).filter(|_| !is_narrow).map(|command| key_words(model, command)).unwrap_or_default();
    let words = match found.state {
        // A word that is whole says more than a sentence that is cut.
        calm @ (State::Well | State::Unknown) if is_narrow => state(calm).1.to_owned(),
        State::Well => told(main(one), findings).map_or_else(String::new, |main| fact(main, model.now)),
        // The list below tells it whole.
        State::Watch | State::Broken if is_narrow => dismissible(found, &beside_ageless(found)),
        // The other light says what is wrong, this one what comes of it.
        State::Watch | State::Broken if found.light() != one => dismissible(found, sends_nothing(findings)),
        State::Watch | State::Broken => dismissible(found, &beside(found, model.now)),
        // The light's own name says what its first rule is about; what else is not known stands behind that.
        _ if found.rule == main(one) => fact(found, model.now),
        _ => match told(main(one), findings).filter(|main| main.state == State::Well) {
            Some(main) => format!("{}; {} unknown", fact(main, model.now), found.rule.title().to_lowercase()),
            None => format!("{}: {}", found.rule.title(), fact(found, model.now)),
        },
    };
    let room = page.width.saturating_sub(MARGIN + NAME + 2);
    let beside = if key.is_empty() { 0 } else { width(&key) + 2 };
    let row = Row::new(styles, false).cell(&format!("{sign} {}", name_of(one)), styles.tone(tone), NAME);
    // How long ago somebody looked is said in fewer words where it would be cut, and gives way last of all.
    let room = room.saturating_sub(beside);
    let words = match found.state {
        _ if width(&words) <= room => words,
        State::Well => told(main(one), findings).map_or(words, |main| {
            Some(fact_in_short(main, model.now)).filter(|words| width(words) <= room).unwrap_or(main.fact.clone())
        }),
        // The list below tells it whole; half a sentence tells nothing.
        State::Unknown if found.rule == main(one) && width(&found.fact) > room => state(State::Unknown).1.to_owned(),
        State::Unknown if found.rule == main(one) => found.fact.clone(),
        _ => words,
    };
    let row = row.cell(&words, Style::new(), room + 1);
    page.push(if beside > 0 { row.text(&format!(" {key}"), styles.title()) } else { row });
}

// The rule that a light stands for where all is well.
fn main(one: Light) -> Rule {
    match one {
        Light::Credentials => Rule::Credentials,
        Light::Service => Rule::Service,
        Light::Sync => Rule::SyncAge,
        Light::Objects => Rule::Drift,
        Light::Deliveries => Rule::Deliveries,
    }
}

fn told(rule: Rule, findings: &[Finding]) -> Option<&Finding> {
    findings.iter().find(|finding| finding.rule == rule)
}

// A command of this pane with its key: `s Sync Now`.
fn key_words(model: &Model, command: Command) -> String {
    let key = model.keys.key(command, Place::Pane(Pane::Overview));
    let key = key.map(|key| format!("{} ", key.name())).unwrap_or_default();
    format!("{key}{}", key_words_alone(model, command))
}

// The same where nobody presses keys.
fn key_words_alone(model: &Model, command: Command) -> String {
    let row = model.keys.rows(Place::Pane(Pane::Overview)).find(|(row, _)| row.command == command);
    row.map(|(row, _)| row.words.trim_start_matches("Go to ").to_owned()).unwrap_or_default()
}

// What a chart shows: a name, its values or marks in time, and what they come to.
struct Chart {
    name: &'static str,
    line: Drawn,
    words: String,
    // What stands at its left and right end.
    span: [&'static str; 2],
}

enum Drawn {
    Marks(Vec<Span<'static>>),
    Bars(Vec<u64>, Style),
}

impl Chart {
    fn columns(&self) -> usize {
        match &self.line {
            Drawn::Marks(marks) => marks.len(),
            Drawn::Bars(values, _) => values.len(),
        }
    }

    // It over a number of lines.
    fn strip(&self, lines: u16) -> Vec<Line<'static>> {
        match &self.line {
            Drawn::Marks(marks) => vec![Line::from(marks.clone())],
            Drawn::Bars(values, style) => bars(values, *style, lines),
        }
    }
}

// Bars, drawn by the widget into a buffer of its own.
fn bars(values: &[u64], style: Style, lines: u16) -> Vec<Line<'static>> {
    let area = Rect::new(0, 0, values.len().min(DAYS) as u16, lines);
    let mut buffer = Buffer::empty(area);
    let most = values.iter().max().copied().unwrap_or_default().max(1);
    Sparkline::default().max(most).data(values.iter().copied()).style(style).render(area, &mut buffer);
    let line = |y| Line::from_iter((0..area.width).map(|x| Span::styled(buffer[(x, y)].symbol().to_owned(), style)));
    (0..lines).map(line).collect()
}

fn charts(model: &Model, standing: &Standing, styles: Styles) -> Vec<Chart> {
    vec![syncs(model, standing, styles), clients(standing), events(standing), deliveries(standing, styles)]
}

// How the syncs of each day ended, the oldest day first; the best one counts, because it left the list right.
fn syncs(model: &Model, standing: &Standing, styles: Styles) -> Chart {
    let day_of = |at: jiff::Timestamp| -> Date { TimeZone::UTC.to_datetime(at).date() };
    let rank = |tone: &Tone| [Tone::Bad, Tone::Warn, Tone::Good].iter().position(|known| known == tone);
    let today = day_of(model.now);
    let tone_of = |back: usize| {
        let day = today.checked_sub(jiff::Span::new().days(back as i64)).ok()?;
        let runs = standing.runs.iter().filter(|run| day_of(run.finished_at) == day).map(|run| tone(run.status));
        // Of days longer ago the service's own record tells.
        let record = standing.status.service.days.iter().filter(|record| record.day == day);
        runs.chain(record.map(|record| tone_of_day(record.outcome))).max_by_key(rank)
    };
    let tones: Vec<Option<Tone>> = (0..DAYS).rev().map(tone_of).collect();
    // Days are counted, and not syncs.
    let counted = tally(tones.iter().flatten().copied());
    let words = if counted.is_empty() { "none".to_owned() } else { counted };
    let mark = |tone: Option<Tone>| tone.map_or_else(|| Span::styled(".", styles.dim()), |tone| block(tone, styles));
    Chart {
        name: "Sync days (30)",
        line: Drawn::Marks(tones.into_iter().map(mark).collect()),
        words,
        span: ["30 days ago", "today"],
    }
}

// How many of a row ended in each way: `3 good, 1 bad`.
fn tally(tones: impl Iterator<Item = Tone> + Clone) -> String {
    let words = [(Tone::Good, "ok"), (Tone::Warn, "check"), (Tone::Bad, "failed"), (Tone::Calm, "unknown")];
    let counted = words.map(|(wanted, word)| (tones.clone().filter(|tone| *tone == wanted).count(), word));
    let there = counted.into_iter().filter(|(count, _)| *count > 0);
    there.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

// How one thing of a row ended: not by its colour alone.
fn block(tone: Tone, styles: Styles) -> Span<'static> {
    let sign = match tone {
        Tone::Good => "█",
        Tone::Warn | Tone::Calm => "▄",
        Tone::Bad => "x",
    };
    Span::styled(sign, styles.tone(tone))
}

fn tone(status: SyncStatus) -> Tone {
    match status {
        SyncStatus::Complete => Tone::Good,
        SyncStatus::CompleteWithWarnings | SyncStatus::NeedsConfirmation => Tone::Warn,
        SyncStatus::Failed | SyncStatus::Interrupted | SyncStatus::Busy => Tone::Bad,
    }
}

fn tone_of_day(outcome: DailyOutcome) -> Tone {
    match outcome {
        DailyOutcome::Synced => Tone::Good,
        DailyOutcome::Held => Tone::Warn,
        DailyOutcome::Failed | DailyOutcome::Missed => Tone::Bad,
    }
}

// The clients in use after each sync.
fn clients(standing: &Standing) -> Chart {
    let published = standing.runs.iter().filter(|run| run.status.has_published());
    let mut counts: Vec<u64> = published.take(DAYS).map(|run| run.active).collect();
    counts.reverse();
    let words = match (counts.first(), counts.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("{} active, were {}", thousands(*last), thousands(*first))
        }
        (_, Some(last)) => format!("{} active", thousands(*last)),
        _ => "none read yet".to_owned(),
    };
    Chart { name: "Clients", line: Drawn::Bars(scaled(&counts), Style::new()), words, span: ["", "last sync"] }
}

// Between the least and the most: a few clients more or less would not show in a thousand.
fn scaled(counts: &[u64]) -> Vec<u64> {
    let (least, most) = (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0));
    let range = most - least;
    if range == 0 {
        return vec![1; counts.len()];
    }
    counts.iter().map(|count| 2 + (count - least) * 6 / range).collect()
}

fn events(standing: &Standing) -> Chart {
    let hours = &standing.hours[standing.hours.len().saturating_sub(HOURS)..];
    let words = match hours.iter().sum::<u64>() {
        0 => "none in 24 h".to_owned(),
        total => format!("{} in 24 h", thousands(total)),
    };
    Chart { name: "Events", line: Drawn::Bars(hours.to_vec(), Style::new()), words, span: ["24 h ago", "now"] }
}

// Each webhook by the last reading of Halo's log.
fn deliveries(standing: &Standing, styles: Styles) -> Chart {
    let deliveries = &standing.status.integration.deliveries;
    let tone = |state: DeliveryState| match state {
        DeliveryState::Delivered => Tone::Good,
        // Nothing was to be delivered, or nobody could tell.
        DeliveryState::Never | DeliveryState::Unreadable => Tone::Calm,
        DeliveryState::NoAnswer => Tone::Warn,
        _ => Tone::Bad,
    };
    let tones: Vec<Tone> = deliveries.iter().map(|delivery| tone(delivery.state)).collect();
    let marks: Vec<Span<'static>> = tones.iter().map(|tone| block(*tone, styles)).collect();
    // Its row is there from the start, so that none below it moves.
    let words = if marks.is_empty() { "not read yet".to_owned() } else { tally(tones.iter().copied()) };
    Chart { name: "Deliveries", line: Drawn::Marks(marks), words, span: ["", ""] }
}

fn problems(model: &Model, page: &mut Page, is_low: bool) {
    let (styles, list, findings) = (page.styles, list(model), findings(model));
    let is_open = list.iter().any(Finding::is_open);
    let known = list.iter().filter(|finding| finding.is_issue()).count();
    for (at, issue) in list.iter().enumerate() {
        let focused = at == model.panes.window(Pane::Overview).selected;
        let style = if focused { styles.selected() } else { Style::new() };
        // On a low terminal what is not known speaks for itself.
        if at == known && !is_open && !is_low {
            rest(model, page, &list);
        }
        if issue.state == State::Unknown {
            // It is named, with what settles it.
            let from = page.lines.len();
            let row = Row::new(styles, focused).cell(&format!("– {}", issue.rule.title()), style, TITLE);
            page.words(row, &unknown(model, issue, |command| key_words(model, command)), style);
            if focused {
                page.keep_row(from, is_low && at == 0);
            }
            continue;
        }
        let mark = format!("{} {}", symbol(state(issue.state).0), issue.rule.title());
        // The whole row is the selection, and keeps its colour.
        let tone = style.patch(styles.tone(burns(issue).0));
        let room = page.width.saturating_sub(MARGIN + TITLE + 1);
        // Its light has told its age, where it is the one that the light shows.
        let is_told =
            page.width >= NARROW && light(&findings, issue.light()).is_some_and(|found| found.rule == issue.rule);
        let fact = if is_told { fact_ageless(issue, model.now) } else { fact(issue, model.now) };
        let whole = dismissible(issue, &fact);
        let is_cut = width(&whole) >= room;
        let in_short = if is_told { short(issue).to_owned() } else { brief(issue, model.now) };
        let words = match is_cut {
            true => dismissible(issue, front(&fact, room, &in_short).as_deref().unwrap_or(&in_short)),
            false => whole,
        };
        page.push(Row::new(styles, focused).cell(&mark, tone, TITLE).cell(&words, style, room));
        if !focused {
            continue;
        }
        let from = page.lines.len() - 1;
        if is_cut {
            page.paragraph(&format!("{fact}."), MARGIN + 2, Style::new());
        }
        // Where nothing but a command starts the service, the commands below are the way on, and told once.
        let is_below = issue.rule == Rule::Service && !is_low && !model.systemd;
        if let Some(next) = issue.next.as_ref().filter(|_| !is_below) {
            page.paragraph(&Phrase::from(next).with_keys(&model.keys), MARGIN + 2, Style::new());
        }
        if issue.rule == Rule::Service && !is_low {
            // As the last step of the set-up says it.
            for (command, what) in words::service::commands(model.systemd) {
                page.paragraph(&format!("{command}   {what}"), MARGIN + 4, Style::new());
            }
        }
        // On a low screen of the first one its line alone, so that the lights are in sight, too.
        page.keep_row(from, is_low && at == 0);
    }
    if known == list.len() && !is_open {
        rest(model, page, &list);
    }
}

// The parts of a fact that have room, where they say more than it does in short.
fn front(fact: &str, room: usize, in_short: &str) -> Option<String> {
    let ends = fact.match_indices("; ").chain(fact.match_indices(": ")).map(|(at, _)| &fact[..at]);
    let longest = ends.filter(|front| width(front) + 2 < room).max_by_key(|front| front.len())?;
    (width(longest) > width(in_short)).then(|| format!("{longest} …"))
}

// What was typed and not saved is no state of the integration, and is not forgotten beside it.
fn draft(model: &Model, page: &mut Page) {
    let is_its = |draft: &Draft| draft.configuration.is_some() && draft.configuration == model.current;
    if model.overview.draft.as_ref().is_some_and(is_its) {
        let words = Phrase::from("A draft of the settings is kept, and not saved.").key(" ", "edit", " opens it.");
        page.state(Tone::Calm, &words.with_keys(&model.keys), MARGIN);
    }
}

fn rest(model: &Model, page: &mut Page, list: &[Finding]) {
    match at_rest(model, list) {
        (tone @ (Tone::Good | Tone::Warn), words) => page.state(tone, &words, MARGIN),
        (_, words) => page.paragraph(&words, MARGIN, Style::new()),
    }
}

// The key that mends it beside Enter. A command for a shell has none, and of what comes by itself Enter only shows more.
fn mend(model: &Model, finding: &Finding) -> Option<Command> {
    let comes = matches!(finding.rule, Rule::Silence | Rule::Lag) && finding.state == State::Unknown;
    let command = enter(model, finding).filter(|command| !comes && !matches!(command, Command::CommandLine(_)));
    command.map(|command| if matches!(command, Command::Setting(_)) { Command::Edit } else { command })
}

// What is not known of a rule, and what settles it: a key of this pane, or what a person has to do elsewhere.
fn unknown(model: &Model, finding: &Finding, key: impl Fn(Command) -> String) -> String {
    let fact = &finding.fact;
    match (mend(model, finding), &finding.next) {
        (Some(command), _) => format!("{fact}: {}", key(command)),
        (None, Some(next)) => format!("{fact}. {}.", Phrase::from(next).without_keys()),
        (None, None) => format!("{fact}."),
    }
}

// What is said where nothing needs a person.
fn at_rest(model: &Model, list: &[Finding]) -> (Tone, String) {
    // Where nothing of it is in Halo it does nothing, whatever else is as it should be.
    match model.status().map(|status| &status.integration).filter(|integration| !integration.is_in_halo()) {
        Some(integration) if integration.was_configured => return (Tone::Warn, GONE.to_owned()),
        Some(_) => return (Tone::Warn, NOT_YET.to_owned()),
        None => {}
    }
    match list.iter().filter(|finding| finding.state == State::Unknown).count() {
        0 if list.is_empty() => (Tone::Good, format!("{NOTHING_TO_DO}.")),
        0 => (Tone::Calm, "Nothing else to do.".to_owned()),
        // What settles one may be something to do.
        1 => (Tone::Calm, "No issues. 1 check is unknown:".to_owned()),
        count => (Tone::Calm, format!("No issues. {count} checks are unknown:")),
    }
}

/// The second column: the charts, with room.
pub(super) fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let Some(standing) = &model.facts.standing else { return Vec::new() };
    let charts = charts(model, standing, styles);
    let height = model.layout.detail.map_or(0, |area| area.height);
    // A title, its line of time and a line of air stand around each.
    let lines = (height.saturating_sub(1) / charts.len().max(1) as u16).saturating_sub(3).clamp(1, 4);
    let mut drawn = vec![Line::default()];
    for chart in charts {
        let title = Span::styled(format!("{}  ", chart.name), styles.title());
        let mut words = wrap(&chart.words, columns.saturating_sub(width(chart.name) + 2).max(8)).into_iter();
        drawn.push(Line::from(vec![title, Span::raw(words.next().unwrap_or_default())]));
        drawn.extend(words.map(Line::raw));
        drawn.extend(chart.strip(lines));
        let [left, right] = chart.span;
        let gap = chart.columns().saturating_sub(width(left));
        if !right.is_empty() {
            drawn.push(Line::styled(format!("{left}{right:>gap$}"), styles.dim()));
        }
        drawn.push(Line::default());
    }
    drawn
}

/// The overview read out: a light a line, then what needs a person.
pub(super) fn lines(model: &Model) -> Vec<String> {
    let findings = findings(model);
    let list = issues(&findings);
    let lit = Light::ALL.into_iter().filter_map(|one| light(&findings, one).map(|found| (one, found)));
    let mut lines: Vec<String> = lit
        .map(|(one, found)| {
            let found = if found.state == State::Well { told(main(one), &findings).unwrap_or(found) } else { found };
            // The list below tells an issue whole.
            let words = match found.is_issue() {
                true if found.light() != one => sends_nothing(&findings).to_owned(),
                true => beside_ageless(found),
                false => fact(found, model.now),
            };
            format!("{}: {}, {words}.", name_of(one), burns(found).1)
        })
        .collect();
    lines.extend(list.iter().map(|one| issue(one, model.now).without_keys()));
    if list.iter().all(|issue| !issue.is_open()) && !findings.is_empty() {
        lines.push(at_rest(model, &self::list(model)).1);
        for finding in findings.iter().filter(|finding| finding.state == State::Unknown) {
            let words = unknown(model, finding, |command| key_words_alone(model, command));
            lines.push(format!("{}: {}.", finding.rule.title(), words.trim_end_matches('.')));
        }
    }
    lines
}

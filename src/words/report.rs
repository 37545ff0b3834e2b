//! A month on one page: told once, and drawn as HTML or as Markdown. The page loads nothing, runs nothing, and takes no text
//! for markup.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::{audit, health, time};
use crate::domain::activity::Activity;
use crate::domain::calendar::utc;
use crate::domain::daily::DailyOutcome;
use crate::domain::event::EVENTS_KEPT_DAYS;
use crate::domain::health::known_here;
use crate::domain::next::Next;
use crate::domain::plan::Action;
use crate::domain::report::{EventCounts, MonthReport};
use crate::domain::sync_run::{ChangeKind, ClientChange, RUNS_KEPT, SyncReport};
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One file for a browser or a mail.
    Html,
    /// For a wiki or a ticket.
    Markdown,
}

/// The most rows of a table: a page is for people.
const ROWS: usize = 500;

enum Part {
    Heading(&'static str),
    Text(String),
    Table(&'static [&'static str], Vec<Vec<String>>),
}

/// The page.
pub fn page(report: &MonthReport, form: Form) -> String {
    let title = format!("{}: {}", shown(&report.title), report.month.name());
    let parts = parts(report);
    match form {
        Form::Html => html(&title, &parts),
        Form::Markdown => markdown(&title, &parts),
    }
}

fn shown(text: &str) -> String {
    Untrusted::new(text).display()
}

fn parts(report: &MonthReport) -> Vec<Part> {
    let until = if report.made_at < report.month.ends() { ". The month is not over" } else { "" };
    let about = format!(
        "Halo at {}. {}, in UTC, as known here on {}{until}.",
        shown(&report.halo),
        report.month.name(),
        utc(report.made_at)
    );
    let mut parts = vec![Part::Text(about)];
    parts.extend(lost_before(report));
    parts.extend([Part::Heading("In short"), summary(report)]);
    syncs(report, &mut parts);
    clients(report, &mut parts);
    drift(report, &mut parts);
    deliveries(report, &mut parts);
    let (escalations, rest): (Vec<_>, Vec<_>) =
        ended(report).filter(|line| !is_change(line) && line.action != "sync").partition(|line| is_escalation(line));
    parts.push(Part::Heading("Escalations"));
    lines("No ticket was handed over.", &escalations, &mut parts);
    parts.push(Part::Heading("Everything else that was done"));
    lines("Nothing.", &rest, &mut parts);
    people(report, &mut parts);
    parts.push(Part::Heading("Open now"));
    let open = report.open.iter().map(|finding| {
        let issue = health::issue(finding, report.made_at).without_keys();
        vec![finding.rule.title().to_owned(), shown(&issue)]
    });
    table("Nothing needs attention.", &["Rule", "What is wrong"], open.collect(), &mut parts);
    parts
}

/// Since when the store knows anything, where that is not the whole month: what it does not know was not nothing.
fn lost_before(report: &MonthReport) -> Option<Part> {
    report.store_since.map(|since| Part::Text(health::known_since(since)))
}

fn summary(report: &MonthReport) -> Part {
    let count = |kind| each_change(report).filter(|(_, change)| kind == change.change).count() as u64;
    let [added, renamed, _, disabled, returned] = ChangeKind::ALL.map(count);
    let events = report.events.iter().fold(EventCounts::default(), |sum, (_, one)| EventCounts {
        received: sum.received + one.received,
        fetched: sum.fetched + one.fetched,
        undelivered: sum.undelivered + one.undelivered,
        ..sum
    });
    let mut by_status: Vec<(&str, u64)> = Vec::new();
    for (run, _) in &report.runs {
        match by_status.iter_mut().find(|(word, _)| *word == run.status.word()) {
            Some((_, count)) => *count += 1,
            None => by_status.push((run.status.word(), 1)),
        }
    }
    let by_status: Vec<String> =
        by_status.iter().map(|(word, count)| format!("{word} {}", thousands(*count))).collect();
    let last = report.runs.iter().rev().find(|(run, _)| run.status.has_published());
    let (changes, escalations): (Vec<_>, Vec<_>) =
        ended(report).filter(|line| is_change(line) || is_escalation(line)).partition(|line| is_change(line));
    let is_done = |line: &&&Activity| line.outcome == "done";
    let written = changes.iter().filter(|line| line.outcome != "failed").count() as u64;
    let updates = changes.iter().filter(is_done).filter(|line| is_update(line)).count() as u64;
    let moved = escalations.iter().filter(is_done).filter(|line| line.action == "escalate").count() as u64;
    let days = report.sync_days();
    let synced = days.iter().filter(|(_, outcome)| *outcome == Some(DailyOutcome::Synced)).count() as u64;
    let since = report.store_since.map(|since| format!("; {}", known_here(since))).unwrap_or_default();
    let rows = [
        ("Company syncs", if by_status.is_empty() { "none".to_owned() } else { by_status.join(", ") } + &since),
        ("Days with a sync", format!("{synced} of {}", days.len())),
        ("Clients at the end", last.map_or_else(|| "no list was stored".to_owned(), |(run, _)| run.usage())),
        ("Clients gained", thousands(added + returned)),
        ("Clients lost", thousands(disabled)),
        ("Clients renamed", thousands(renamed)),
        ("Changes written into Halo", format!("{}, {} of them updates", thousands(written), thousands(updates))),
        (
            "Events from Halo",
            format!(
                "{}, {} of them fetched later, {} not forwarded{since}",
                thousands(events.received),
                thousands(events.fetched),
                thousands(events.undelivered)
            ),
        ),
        ("Tickets escalated", thousands(moved)),
        ("Audit trail", audit::verdict(&report.trail).into_iter().next().unwrap_or_default()),
    ];
    Part::Table(&["", ""], rows.map(|(name, words)| vec![name.to_owned(), words]).to_vec())
}

fn syncs(report: &MonthReport, parts: &mut Vec<Part>) {
    parts.push(Part::Heading("Company syncs"));
    if let Some(since) = report.runs_since {
        parts.push(Part::Text(format!(
            "Only the last {RUNS_KEPT} syncs are kept: those before {} are not listed.",
            utc(since)
        )));
    }
    let number = |run: &SyncReport| run.run.map_or_else(String::new, |number| number.to_string());
    let rows = report.runs.iter().map(|(run, _)| {
        let changes = run.changes;
        let mut row = vec![
            number(run),
            utc(run.started_at),
            run.measured_ms().map_or_else(String::new, time::took),
            run.status.word().to_owned(),
        ];
        row.push(run.halo_count.map(thousands).unwrap_or_default());
        let counts = [run.stored, changes.added, changes.updated, changes.disabled, changes.returned];
        row.extend(counts.map(thousands));
        row
    });
    let header: &[&str] =
        &["Run", "Started", "Took", "Result", "Halo says", "Stored", "Added", "Updated", "Disabled", "Returned"];
    parts.extend(lost_before(report));
    let nothing = if report.store_since.is_some() { "No sync is known." } else { "No sync ran." };
    table(nothing, header, rows.collect(), parts);
    // One cause is told once, with the run in which it came up.
    let mut told = BTreeMap::new();
    for (run, _) in report.runs.iter().rev() {
        told.extend(run.warnings.iter().map(|warning| (shown(warning), number(run))));
    }
    if !told.is_empty() {
        let rows = told.into_iter().map(|(warning, run)| vec![run, warning]).collect();
        table("", &["First in run", "Warning"], rows, parts);
    }
    let without = report.sync_days().into_iter().filter(|(_, outcome)| *outcome != Some(DailyOutcome::Synced));
    let why = |outcome: Option<DailyOutcome>| outcome.map_or("nothing was stored", DailyOutcome::word).to_owned();
    let rows: Vec<_> = without.map(|(day, outcome)| vec![day.to_string(), why(outcome)]).collect();
    if !rows.is_empty() {
        table("", &["Day without a sync", "Why"], rows, parts);
    }
}

/// The changes of each client, without those of a run that read the list for the first time.
fn each_change(report: &MonthReport) -> impl Iterator<Item = (&SyncReport, &ClientChange)> {
    let later = report.runs.iter().filter(|(run, _)| run.status.has_published() && !is_first(run));
    later.flat_map(|(run, changes)| changes.iter().map(move |change| (run, change)))
}

fn is_first(run: &SyncReport) -> bool {
    let changes = run.changes;
    changes.added > 0 && changes.updated + changes.disabled + changes.returned + changes.unchanged == 0
}

fn clients(report: &MonthReport, parts: &mut Vec<Part>) {
    let of = |kinds: &[ChangeKind]| -> Vec<Vec<String>> {
        let chosen = each_change(report).filter(|(_, change)| kinds.contains(&change.change));
        let row = |(run, change): (&SyncReport, &ClientChange)| {
            let name = match &change.name_before {
                Some(before) => format!("{}, before: {}", change.name.display(), before.display()),
                None => change.name.display(),
            };
            vec![day(run.started_at), name, change.id.to_string(), change.change.word().to_owned()]
        };
        chosen.map(row).collect()
    };
    let header: &[&str] = &["Day", "Client", "Id in Halo", "How"];
    parts.push(Part::Heading("Clients gained"));
    for (run, _) in report.runs.iter().filter(|(run, _)| run.status.has_published() && is_first(run)) {
        let number = run.run.map_or_else(String::new, |number| format!(", run {number},"));
        let words =
            format!("The first sync{number} read {} clients. They are not counted as gained.", thousands(run.stored));
        parts.push(Part::Text(words));
    }
    table("None.", header, of(&[ChangeKind::Added, ChangeKind::Returned]), parts);
    parts.push(Part::Heading("Clients lost"));
    table("None.", header, of(&[ChangeKind::Disabled]), parts);
    parts.push(Part::Heading("Clients renamed"));
    table("None.", header, of(&[ChangeKind::Renamed]), parts);
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The lines that say how something ended, and not that it began.
fn ended(report: &MonthReport) -> impl Iterator<Item = &Activity> {
    report.activity.iter().filter(|line| line.outcome != "begun")
}

fn is_escalation(line: &Activity) -> bool {
    matches!(line.action.as_str(), "escalate" | "add note")
}

/// Whether something of ours was written into Halo: each object has a line of its own.
fn is_change(line: &Activity) -> bool {
    let verb = line.action.split(' ').next().unwrap_or_default();
    line.halo.is_some() && (verb == "mark" || Action::from_code(verb).is_some())
}

/// Whether something that was there already was changed.
fn is_update(line: &Activity) -> bool {
    line.action.starts_with("update ")
}

fn drift(report: &MonthReport, parts: &mut Vec<Part>) {
    parts.push(Part::Heading("Drift and changes in Halo"));
    parts.push(Part::Text(
        "An update puts back what had been changed in Halo, or brings a changed setting there.".to_owned(),
    ));
    let changes: Vec<_> = ended(report).filter(|line| is_change(line)).collect();
    lines("Nothing was written into Halo.", &changes, parts);
}

fn deliveries(report: &MonthReport, parts: &mut Vec<Part>) {
    parts.push(Part::Heading("Events from Halo"));
    if let Some(since) = report.events_since {
        let kept = format!("Events are kept for {EVENTS_KEPT_DAYS} days: only those since {} are counted.", utc(since));
        parts.push(Part::Text(kept));
    }
    let rows = report.events.iter().map(|(group, counts)| {
        let figures = [
            counts.received,
            counts.fetched,
            counts.not_understood,
            counts.delivered,
            counts.pending,
            counts.undelivered,
        ];
        std::iter::once(group.slug().to_owned()).chain(figures.map(thousands)).collect()
    });
    let header: &[&str] =
        &["Webhook", "Received", "Fetched later", "Not understood", "Forwarded", "Waiting", "Not forwarded"];
    parts.extend(lost_before(report));
    let nothing = if report.store_since.is_some() { "No event is known." } else { "No event came in." };
    table(nothing, header, rows.collect(), parts);
    for words in report.gaps.iter().flat_map(crate::domain::gap::Gap::words) {
        parts.push(Part::Text(format!("{}.", shown(&words))));
    }
}

fn lines(nothing: &str, lines: &[&Activity], parts: &mut Vec<Part>) {
    let row = |line: &&Activity| {
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), shown);
        let fields = line
            .fields
            .iter()
            .map(|field| format!("{}: {} → {}", shown(&field.name), text(&field.before), text(&field.after)));
        let detail: Vec<String> = line.message.iter().map(|message| shown(message)).chain(fields).collect();
        vec![utc(line.at), line.who.account(), audit::title(line), audit::outcome(&line.outcome).1, detail.join("; ")]
    };
    table(nothing, &["When", "Who", "What", "Outcome", "Details"], lines.iter().map(row).collect(), parts);
}

fn people(report: &MonthReport, parts: &mut Vec<Part>) {
    let mut by_person: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for line in ended(report) {
        *by_person.entry(line.who.account()).or_default().entry(shown(&line.action)).or_default() += 1;
    }
    let rows = by_person.into_iter().map(|(who, actions)| {
        let actions: Vec<String> =
            actions.iter().map(|(action, count)| format!("{action} {}", thousands(*count))).collect();
        vec![who, actions.join(", ")]
    });
    parts.push(Part::Heading("Who did it"));
    table("Nothing was done.", &["Account", "What, how often"], rows.collect(), parts);
}

fn table(nothing: &str, header: &'static [&'static str], mut rows: Vec<Vec<String>>, parts: &mut Vec<Part>) {
    if rows.is_empty() {
        parts.push(Part::Text(nothing.to_owned()));
        return;
    }
    let more = rows.len().saturating_sub(ROWS) as u64;
    rows.truncate(ROWS);
    parts.push(Part::Table(header, rows));
    if more > 0 {
        let words = format!("{} more. What a sync changed, whole: {}", thousands(more), Next::History);
        parts.push(Part::Text(words));
    }
}

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2530}\
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #c9d1d9}\
table{border-collapse:collapse;margin:.5rem 0}th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;\
border-bottom:1px solid #e5e9ee;overflow-wrap:anywhere}";

fn html(title: &str, parts: &[Part]) -> String {
    // The policy is a second net: nothing is fetched and nothing runs, whatever the text holds.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n"
    );
    let cells = |row: &mut dyn Iterator<Item = String>, tag: &str| {
        row.fold(String::new(), |line, cell| line + &format!("<{tag}>{cell}</{tag}>"))
    };
    for part in parts {
        // Into a text: that cannot fail.
        _ = match part {
            Part::Heading(words) => writeln!(out, "<h2>{}</h2>", escaped(words)),
            Part::Text(words) => writeln!(out, "<p>{}</p>", escaped(words)),
            Part::Table(header, rows) => {
                out.push_str("<table>\n");
                if header.iter().any(|name| !name.is_empty()) {
                    let names = cells(&mut header.iter().map(|name| escaped(name)), "th");
                    _ = writeln!(out, "<tr>{names}</tr>");
                }
                for row in rows {
                    _ = writeln!(out, "<tr>{}</tr>", cells(&mut row.iter().map(|cell| escaped(cell)), "td"));
                }
                writeln!(out, "</table>")
            }
        };
    }
    out + "</body>\n</html>\n"
}

/// Text as text of HTML, also between quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

fn markdown(title: &str, parts: &[Part]) -> String {
    let mut out = format!("# {}\n", plain(title));
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    for part in parts {
        out.push('\n');
        match part {
            Part::Heading(words) => out.push_str(&format!("## {}\n", plain(words))),
            Part::Text(words) => out.push_str(&format!("{}\n", plain(words))),
            Part::Table(header, rows) => {
                out.push_str(&line(&mut header.iter().map(|name| plain(name))));
                out.push_str(&line(&mut header.iter().map(|_| "---".to_owned())));
                rows.iter().for_each(|row| out.push_str(&line(&mut row.iter().map(|cell| plain(cell)))));
            }
        }
    }
    out
}

/// Text as text of Markdown: no mark of its, no HTML, and no address that becomes a link by itself. Each begins with words of
/// ours or stands in a cell, so nothing in it begins a block.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let rest = &text[at..];
        let is_link = rest.starts_with("://") || character == '.' && text[..at].to_ascii_lowercase().ends_with("www");
        if is_link || r"\`*_[]{}<>&|~#!$@^".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page is for people: of a long table the first rows, how many more there are, and where to find them.
    #[test]
    fn long_table_says_how_many_more_there_are() {
        for (rows, more) in [(ROWS, None), (ROWS + 1, Some("1 more.")), (ROWS + 1_234, Some("1,234 more."))] {
            let mut parts = Vec::new();
            table("None.", &["a"], vec![vec!["x".to_owned()]; rows], &mut parts);
            let [Part::Table(_, shown), rest @ ..] = &parts[..] else { panic!("{rows}") };
            assert_eq!(shown.len(), ROWS);
            let told =
                rest.iter().map(|part| matches!(part, Part::Text(words) if words.starts_with(more.unwrap_or(""))));
            assert_eq!(told.collect::<Vec<_>>(), vec![true; usize::from(more.is_some())], "{rows}");
            assert!(html("t", &parts).contains(&Next::History.to_string()) == more.is_some());
        }
    }

    #[test]
    fn markup_of_others_is_text_in_both_forms() {
        let hostile =
            r#"<img src=x onerror='a()'>&amp; [x](javascript:1) `c` a|b **b** http://e.example www.e.example #1 !"#;
        let page = html(hostile, &[Part::Text(hostile.to_owned())]);
        assert_eq!(page.matches("<img").count() + page.matches("onerror='").count(), 0, "{page}");
        assert!(page.contains("&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;amp;"), "{page}");
        let page = markdown(hostile, &[Part::Table(&["a"], vec![vec![hostile.to_owned()]])]);
        for raw in ["<img", "&amp;", "[x]", " `c`", "a|b", "**b", "http://", "www.e", " #1", " !"] {
            assert!(!page.contains(raw) || page.contains(&format!("\\{}", raw.trim())), "{raw}: {page}");
        }
        assert_eq!(plain("a|b http://x WWW.x <y>"), r"a\|b http\://x WWW\.x \<y\>");
        assert_eq!(plain("2026-11-23 04:30 UTC, Müller (Bonn)"), "2026-11-23 04:30 UTC, Müller (Bonn)");
    }
}

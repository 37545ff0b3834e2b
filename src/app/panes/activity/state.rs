//! The state of the Activity pane, and which lines of the audit trail it lists.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tui_input::Input;

use crate::domain::activity::Activity;
use crate::domain::client::fold;
use crate::words::Tone;
use crate::words::audit::outcome;

/// What a run of Configure, Remove and their like writes down last: the objects are the lines before it.
const RUNS: [&str; 5] = ["configure", "remove", "roll back", "rotate", "switch webhooks on again"];

/// Written before something is tried; the next line about the same says how it ended.
const BEGUN: &str = "begun";

/// What begins something that has an end of its own.
const BEGINNINGS: [&str; 2] = [BEGUN, "new token and password made"];

/// Which lines are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    #[default]
    All,
    /// What did not end well.
    Problems,
    /// What was written into Halo.
    Halo,
    Syncs,
}

impl Filter {
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::Halo => "writes to Halo",
            Self::Syncs => "syncs",
        }
    }

    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Problems,
            Self::Problems => Self::Halo,
            Self::Halo => Self::Syncs,
            Self::Syncs => Self::All,
        }
    }

    fn takes(self, lines: &[Activity], at: usize) -> bool {
        let Some(line) = lines.get(at) else { return false };
        match self {
            Self::All => true,
            Self::Problems => matches!(ended(lines, at).0, Tone::Bad | Tone::Warn),
            Self::Halo => line.halo.is_some() || is_run(line),
            Self::Syncs => line.action == "sync",
        }
    }
}

/// A line of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which line of the audit trail, the newest first.
    pub at: usize,
    /// The lines that belong to it; none where it is listed alone.
    pub inner: usize,
    pub is_open: bool,
    /// Whether it belongs to the run above.
    pub is_inner: bool,
}

#[derive(Debug, Default)]
pub struct Activities {
    /// What is searched for.
    pub query: Input,
    /// Whether the search line has the focus.
    pub searching: bool,
    pub filter: Filter,
    /// The runs that are opened, by their moment: newer lines move them down.
    open: BTreeSet<Timestamp>,
    /// What is listed.
    pub rows: Vec<Row>,
}

impl Activities {
    /// Another pane is shown.
    pub(crate) fn leave(&mut self) {
        self.searching = false;
    }

    /// Whether not everything is listed.
    pub fn is_filtered(&self) -> bool {
        !self.query.value().is_empty() || self.filter != Filter::All
    }

    /// Lists what matches; a run and its lines stand together where nothing is left out.
    pub fn list(&mut self, lines: &[Activity]) {
        let query = fold(self.query.value().trim());
        let words: Vec<&str> = query.split_whitespace().collect();
        self.rows.clear();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            if self.is_filtered() {
                let text = if words.is_empty() { String::new() } else { searched(line) };
                if self.filter.takes(lines, at) && words.iter().all(|word| text.contains(word)) {
                    self.rows.push(Row { at, inner: 0, is_open: false, is_inner: false });
                }
                at += 1;
                continue;
            }
            let (inner, is_open) = (belonging(lines, at), self.open.contains(&line.at));
            self.rows.push(Row { at, inner, is_open, is_inner: false });
            let shown = if is_open { inner } else { 0 };
            let inside = |at| Row { at, inner: 0, is_open: false, is_inner: true };
            self.rows.extend((at + 1..=at + shown).map(inside));
            at += inner + 1;
        }
    }

    /// Opens or closes the run on a row.
    pub fn turn(&mut self, row: usize, lines: &[Activity]) {
        let Some(line) = self.rows.get(row).and_then(|row| lines.get(row.at)) else { return };
        if !self.open.remove(&line.at) {
            self.open.insert(line.at);
        }
    }
}

fn is_run(line: &Activity) -> bool {
    line.object.is_none() && RUNS.contains(&line.action.as_str())
}

/// How something ended, with its word: a beginning needs no look once its end is known, which is among the newer lines.
pub fn ended(lines: &[Activity], at: usize) -> (Tone, String) {
    let line = &lines[at];
    let is_its = |other: &&Activity| {
        (&other.action, &other.configuration) == (&line.action, &line.configuration)
            && (line.object.is_none() || other.object == line.object)
    };
    let next = || lines[..at].iter().rev().find(is_its);
    let (tone, word) = outcome(&line.outcome);
    match BEGINNINGS.contains(&line.outcome.as_str()) && next().is_some_and(|next| next.outcome != line.outcome) {
        true => (Tone::Calm, word),
        false => (tone, word),
    }
}

// How many of the lines before this one, which stand behind it, belong to it.
fn belonging(lines: &[Activity], at: usize) -> usize {
    let (line, before) = (&lines[at], &lines[at + 1..]);
    let same = |other: &&Activity| other.configuration == line.configuration && other.who == line.who;
    if is_run(line) {
        return before.iter().take_while(|other| same(other) && other.halo.is_some()).count();
    }
    let begun =
        |other: &&Activity| other.outcome == BEGUN && (&other.action, &other.object) == (&line.action, &line.object);
    before.iter().take(1).filter(same).filter(begun).count()
}

fn searched(line: &Activity) -> String {
    let own = [Some(&line.action), line.object.as_ref(), Some(&line.outcome), line.message.as_ref()];
    let mut all = line.who.account();
    for text in own.into_iter().flatten().chain(&line.configuration) {
        all.push('\n');
        all.push_str(text);
    }
    fold(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::activity::{Actor, HaloAnswer};

    fn line(second: i64, action: &str, object: Option<&str>, outcome: &str) -> Activity {
        let halo = object.filter(|_| action != "escalate").map(|_| HaloAnswer::default());
        let at = Timestamp::from_second(second).unwrap();
        Activity {
            at,
            who: Actor::default(),
            configuration: None,
            action: action.to_owned(),
            object: object.map(str::to_owned),
            fields: Vec::new(),
            outcome: outcome.to_owned(),
            message: None,
            halo,
        }
    }

    /// A beginning is no problem once its end is known; one without an end, or whose end was a failure, still is.
    #[test]
    fn beginning_whose_end_is_known_is_no_problem() {
        let trail = [
            line(9, "rotate", None, "rotated"),
            line(8, "rotate", None, "new token and password made"),
            line(7, "make test ticket", Some("ticket 9"), "done"),
            line(6, "make test ticket", None, "begun"),
            line(5, "escalate", Some("ticket 7"), "begun"),
            line(4, "escalate", Some("ticket 8"), "begun"),
        ];
        let tones: Vec<Tone> = (0..trail.len()).map(|at| ended(&trail, at).0).collect();
        assert_eq!(tones, [Tone::Good, Tone::Calm, Tone::Good, Tone::Calm, Tone::Warn, Tone::Warn]);
        let shown = (0..trail.len()).filter(|at| Filter::Problems.takes(&trail, *at)).count();
        assert_eq!(shown, 2);
    }

    fn trail() -> Vec<Activity> {
        vec![
            line(9, "sync", None, "complete_with_warnings"),
            line(8, "escalate", Some("ticket 7"), "done"),
            line(7, "escalate", Some("ticket 7"), "begun"),
            line(6, "configure", None, "partly done"),
            line(5, "create webhook", Some("Pia - Ticket Updated"), "failed"),
            line(4, "create webhook", Some("Pia - Ticket Created"), "done"),
            line(3, "save", None, "done"),
        ]
    }

    fn shown(state: &Activities) -> Vec<(usize, usize)> {
        state.rows.iter().map(|row| (row.at, row.inner)).collect()
    }

    #[test]
    fn activity_stands_together_by_run_and_is_opened() {
        let (trail, mut state) = (trail(), Activities::default());
        state.list(&trail);
        assert_eq!(shown(&state), [(0, 0), (1, 1), (3, 2), (6, 0)]);
        state.turn(2, &trail);
        state.list(&trail);
        assert_eq!(shown(&state), [(0, 0), (1, 1), (3, 2), (4, 0), (5, 0), (6, 0)]);
        assert!(state.rows[2].is_open && state.rows[3].is_inner);
        let newer: Vec<Activity> = std::iter::once(line(10, "save", None, "done")).chain(trail).collect();
        state.list(&newer);
        assert!(state.rows[3].is_open, "what comes in closes nothing");
    }

    #[test]
    fn activity_is_searched_and_filtered_line_by_line() {
        let (trail, mut state) = (trail(), Activities::default());
        state.query = Input::new("webhook UPDATED".to_owned());
        state.list(&trail);
        assert_eq!(shown(&state), [(4, 0)]);
        state.query.reset();
        let mut of = |filter| {
            state.filter = filter;
            state.list(&trail);
            state.rows.iter().map(|row| row.at).collect::<Vec<_>>()
        };
        assert_eq!(of(Filter::Problems), [0, 3, 4]);
        assert_eq!(of(Filter::Halo), [3, 4, 5]);
        assert_eq!(of(Filter::Syncs), [0]);
        assert_eq!(of(Filter::All).len(), 4);
    }
}

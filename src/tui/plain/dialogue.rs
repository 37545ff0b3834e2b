//! The dialogue: the same model as the screens', led through its steps by questions.
//!
//! Nothing here decides anything. An answer goes to the model as a message, as a key does; the model says
//! what is to be done outside, and what came of it is said in lines. What runs is waited for before the next question:
//! a line that comes in while somebody types is heard in the middle of the typing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::person::{Heard, Person, Takes};
use super::words::{self, spoken};
use crate::app::effect::{Effect, Slot};
use crate::app::go::Go;
use crate::app::jobs::state::Goal;
use crate::app::keymap::Command;
use crate::app::message::{Message, Reply};
use crate::app::popup::{Ask, Popup};
use crate::app::{Model, update, wizard};
use crate::domain::check::{Check, CheckStatus};
use crate::domain::draft::Step;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::request::SaveReport;
use crate::tui::hangup::Exit;
use crate::tui::outside::Outside;
use crate::tui::slots::Slots;

/// How far apart two lines of progress are at least.
const PROGRESS: Duration = Duration::from_secs(5);
/// After so long without a line it is said that the program still works.
const SILENT: Duration = Duration::from_secs(15);

/// Rows that are read out at once.
pub(super) const PAGE: usize = 10;

/// What can be answered to any question, and is none.
pub const SIGNS: &str = "At any question: ? explains it, < goes back, q leaves and keeps what you typed.";

pub struct Question {
    /// The line that the answer stands behind.
    pub prompt: String,
    /// What `?` says.
    pub help: Vec<String>,
    pub takes: Takes,
}

impl Question {
    /// A question for a line.
    pub fn text(prompt: impl Into<String>, help: Vec<String>) -> Self {
        Self { prompt: prompt.into(), help, takes: Takes::Text }
    }

    /// A question for a decision.
    pub fn decision(prompt: impl Into<String>, help: Vec<String>) -> Self {
        Self { prompt: prompt.into(), help, takes: Takes::Decision }
    }
}

/// What was answered.
pub enum Answer {
    /// This line. Empty: Enter alone.
    Line(Zeroizing<String>),
    /// One question back.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Yes,
    No,
    /// The third answer, of a question that has one.
    Third,
}

/// What was picked from a list.
pub enum Picked {
    /// The row with this index.
    Row(usize),
    /// None: one question back.
    Back,
}

/// The dialogue with one person.
pub struct Dialogue<P> {
    pub(super) person: P,
    // Changed by messages alone.
    model: Model,
    slots: Slots,
    /// What never ends by itself: it is not waited for.
    aside: Slots,
    clock: fn() -> Timestamp,
    exit: Option<Exit>,
    /// When a line was last said.
    said: Instant,
    /// When progress was last said.
    told: Instant,
    /// The step that was announced last.
    pub(super) announced: Option<Step>,
    /// Whether the next step is entered from behind: at its last field.
    pub(super) from_behind: bool,
    /// Whether Halo's teams were read out.
    pub(super) listed: bool,
    /// The menu as it was read out last.
    pub(super) menu_listed: Vec<String>,
    /// Reasons and remedies of what runs or has just ended: one cause is explained once.
    explained: BTreeSet<String>,
}

impl<P: Person> Dialogue<P> {
    /// A dialogue about a model.
    pub fn new(person: P, model: Model, outside: Arc<dyn Outside>, clock: fn() -> Timestamp) -> Self {
        let now = Instant::now();
        Self {
            person,
            model,
            slots: Slots::new(Arc::clone(&outside)),
            aside: Slots::new(outside),
            clock,
            exit: None,
            said: now,
            told: now,
            announced: None,
            from_behind: false,
            listed: false,
            menu_listed: Vec::new(),
            explained: BTreeSet::new(),
        }
    }

    /// What the screens would show.
    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    pub(super) fn say(&mut self, line: impl AsRef<str>) {
        self.person.say(&spoken(line.as_ref()));
        self.said = Instant::now();
    }

    /// Says several lines.
    pub(super) fn say_all(&mut self, lines: impl IntoIterator<Item = impl AsRef<str>>) {
        for line in lines {
            self.say(line);
        }
    }

    /// Says what went wrong.
    pub(super) fn say_failure(&mut self, failure: &Failure) {
        self.say_all(words::failure(failure));
    }

    /// Does what the interface begins with.
    pub(super) async fn begin(&mut self, effects: Vec<Effect>) -> Result<(), Exit> {
        self.perform(effects);
        self.settle().await
    }

    /// Does a command as its key would.
    pub(super) async fn order(&mut self, command: Command) -> Result<(), Exit> {
        self.send(Message::Do(command)).await
    }

    pub(super) async fn go(&mut self, go: Go) -> Result<(), Exit> {
        self.send(Message::Go(go)).await
    }

    /// Gives the model a message, and waits for all that comes of it.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), Exit> {
        let effects = update(&mut self.model, message, (self.clock)());
        self.perform(effects);
        self.settle().await
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Cancel(Slot::Edit) => self.aside.cancel(Slot::Edit),
                Effect::HoldEdit(_) => self.aside.start(effect),
                Effect::Cancel(slot) => self.slots.cancel(slot),
                Effect::Quit => self.exit = self.exit.or(Some(Exit::Quit)),
                // Of a screen alone, and asked for by keys that nobody presses here.
                Effect::Copy(_) | Effect::Suspend | Effect::Repaint => {}
                // It never ends, and a line that comes in by itself is heard in the middle of the typing: what is asked for
                // reads the events.
                Effect::WatchEvents { .. } => {}
                effect => {
                    self.tell_start(&effect);
                    self.slots.start(effect);
                }
            }
        }
    }

    /// What takes its time is said before it begins.
    fn tell_start(&mut self, effect: &Effect) {
        match effect {
            Effect::Verify(_) => self.say("Testing the connection."),
            Effect::Sync { .. } => self.say("Syncing."),
            Effect::Prove(_) => self.say("Making a test ticket, and waiting for its event."),
            Effect::LoadPlan(_)
            | Effect::LoadPlanTaking(..)
            | Effect::LoadRemoval(..)
            | Effect::LoadRollBack(_)
            | Effect::LoadRotation(_) => {
                if self.step() == Some(Step::Configure) {
                    self.announce(Step::Configure);
                }
                self.say("Testing the connection and reading Halo. Nothing is written yet.");
            }
            Effect::Configure(_, plan) | Effect::Rotate(_, plan) | Effect::RollBack(_, plan) => {
                let count = plan.pending().count();
                self.say(format!("Applying {count} changes. Each is read back from Halo."));
            }
            Effect::Remove { plan, .. } => {
                let count = plan.pending().count();
                self.say(format!("Removing: {count} changes. Each is read back from Halo."));
            }
            Effect::TakingOver(effect) => self.tell_start(effect),
            _ => {}
        }
    }

    /// Waits until nothing runs, and tells meanwhile how it goes.
    async fn settle(&mut self) -> Result<(), Exit> {
        self.told = Instant::now();
        loop {
            let idle = self.slots.is_idle();
            let mut heard = false;
            while let Some(reply) = self.slots.next_reply().or_else(|| self.aside.next_reply()) {
                heard = true;
                self.tell(&reply);
                let effects = update(&mut self.model, Message::Reply(Box::new(reply)), (self.clock)());
                self.perform(effects);
            }
            if let Some(exit) = self.exit {
                return Err(exit);
            }
            if idle && !heard {
                break;
            }
            tokio::select! {
                biased;
                exit = self.person.leaves() => return Err(exit),
                () = self.slots.replied() => {}
                () = self.slots.idle() => {}
                () = tokio::time::sleep_until(self.said + SILENT) => self.say("Still working."),
            }
        }
        if let Some(notice) = self.model.notice.take() {
            self.say(notice.text.without_keys());
        }
        Ok(())
    }

    /// What is worth a line while something runs.
    fn tell(&mut self, reply: &Reply) {
        match reply {
            Reply::Checked(check) if self.is_telling(check) => self.explain(words::check(check)),
            Reply::SyncProgress(progress) if self.told.elapsed() >= PROGRESS => {
                self.told = Instant::now();
                self.say(progress.line());
            }
            Reply::SyncFollows(other) => self.say(crate::words::sync::waits_for(other)),
            Reply::Saved(outcome) => self.tell_saved(outcome),
            Reply::Applied(result) => self.explain(words::result(result)),
            Reply::Verified(_) | Reply::Planned(_) | Reply::Configured(_) => self.explained.clear(),
            _ => {}
        }
    }

    // What something is, and below it why or what to do, unless that was just said.
    fn explain(&mut self, lines: Vec<String>) {
        for (at, line) in lines.into_iter().enumerate() {
            if at == 0 || self.explained.insert(line.clone()) {
                self.say(line);
            }
        }
    }

    fn tell_saved(&mut self, outcome: &Result<SaveReport, Failure>) {
        // Of a new configuration everything is changed: no news.
        let fresh = self.model.wizard.as_ref().is_some_and(|wizard| wizard.id.is_none());
        match outcome {
            Ok(_) if fresh => self.say("Saved."),
            Ok(report) if report.changed.is_empty() => self.say("Saved. Nothing changed."),
            Ok(report) => self.say(format!("Saved. Changed: {}.", report.changed.join(", "))),
            Err(failure) => {
                self.say("Not saved; everything typed is still here.");
                self.say_failure(failure);
            }
        }
    }

    // The test of the step says every check; those before the plan and before the writing say what is not as it should be.
    fn is_telling(&self, check: &Check) -> bool {
        self.model.wizard.as_ref().is_some_and(|wizard| wizard.test.is_running()) && check.status != CheckStatus::Skip
            || matches!(check.status, CheckStatus::Warn | CheckStatus::Fail)
    }

    /// Asks until there is an answer to the question itself.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<Answer, Exit> {
        loop {
            let heard = self.person.ask(&spoken_prompt(&question.prompt), question.takes).await;
            self.said = Instant::now();
            let line = match heard {
                Heard::Line(line) => line,
                Heard::End(exit) => return Err(exit),
            };
            match line.trim() {
                "?" => {
                    self.say_all(&question.help);
                    self.say(SIGNS);
                    self.say("To enter one of these characters as an answer, put a backslash before it.");
                }
                "<" | "back" => return Ok(Answer::Back),
                "q" | "quit" => self.leave().await?,
                _ if line.chars().any(char::is_control) => {
                    self.say("Not accepted: the line contains keys that are not text, such as arrows. Type it again.");
                }
                _ => return Ok(Answer::Line(line)),
            }
        }
    }

    /// "Quit": asks first where something would be lost, as the key does.
    async fn leave(&mut self) -> Result<(), Exit> {
        self.order(Command::Quit).await?;
        Box::pin(self.answer_popups()).await.map(|_| ())
    }

    /// Asks what floats above a screen, until nothing does. Says whether the last answer was yes.
    pub(super) async fn answer_popups(&mut self) -> Result<bool, Exit> {
        let mut answered = false;
        while let Some(Popup::Confirm(confirm)) = &self.model.popup {
            let (ask, usual) = (confirm.ask.clone(), confirm.yes);
            let text = ask.text();
            self.say_all(&text);
            let (yes, no) = (ask.yes(), ask.no());
            let enter = if usual { yes } else { no };
            let third = ask.third().map(|third| format!("r is {third}, ")).unwrap_or_default();
            let prompt = format!("{} y is {yes}, {third}n is {no}, Enter is {enter}: ", ask.title());
            let decision = self.decide(&prompt, text, usual, !third.is_empty()).await?;
            answered = decision == Decision::Yes;
            // As the keys do it that answer every question: to the answer, and then Enter.
            let tabs = match decision {
                Decision::Third => {
                    if usual {
                        1
                    } else {
                        2
                    }
                }
                // The third one stands between a usual yes and the no.
                Decision::No if usual && !third.is_empty() => 2,
                _ => usize::from(answered != usual),
            };
            for command in std::iter::repeat_n(Command::OtherAnswer, tabs).chain([Command::Answer]) {
                self.order(command).await?;
            }
            if decision == Decision::Third && matches!(ask, Ask::Switch { .. }) {
                Box::pin(self.removal()).await?;
            }
        }
        Ok(answered)
    }

    /// Whether a list whose rest is so many rows is read on: Enter, and no other answer, does.
    pub(super) async fn reads_on(&mut self, rest: usize) -> Result<bool, Exit> {
        let question = Question::text(format!("Enter shows more ({rest}), < goes back: "), Vec::new());
        Ok(matches!(self.ask(&question).await?, Answer::Line(line) if line.trim().is_empty()))
    }

    /// Asks for a yes or a no. Leaving at such a question needs no second one.
    pub(super) async fn yes_or_no(&mut self, prompt: &str, help: Vec<String>, usual: bool) -> Result<bool, Exit> {
        Ok(self.decide(prompt, help, usual, false).await? == Decision::Yes)
    }

    async fn decide(&mut self, prompt: &str, help: Vec<String>, usual: bool, third: bool) -> Result<Decision, Exit> {
        loop {
            let heard = self.person.ask(&spoken_prompt(prompt), Takes::Decision).await;
            self.said = Instant::now();
            let line = match heard {
                Heard::Line(line) => line,
                Heard::End(exit) => return Err(exit),
            };
            match line.trim() {
                "" => return Ok(if usual { Decision::Yes } else { Decision::No }),
                "y" | "Y" | "yes" | "Yes" => return Ok(Decision::Yes),
                "r" | "R" if third => return Ok(Decision::Third),
                "n" | "N" | "no" | "No" | "<" | "back" => return Ok(Decision::No),
                "q" | "quit" => {
                    self.send(Message::Leave).await?;
                    return Err(Exit::Quit);
                }
                "?" => self.say_all(&help),
                _ if third => self.say("Answer y, r or n."),
                _ => self.say("Answer y or n."),
            }
        }
    }

    /// Lets one row of a list be picked by its number, or by its name.
    pub(super) async fn pick(&mut self, rows: &[String], usual: Option<usize>, what: &str) -> Result<Picked, Exit> {
        let listed = numbered(rows);
        self.say_all(&listed);
        self.pick_again(rows, usual, what).await
    }

    /// The same with a list that was read out before.
    pub(super) async fn pick_again(
        &mut self,
        rows: &[String],
        usual: Option<usize>,
        what: &str,
    ) -> Result<Picked, Exit> {
        let listed = numbered(rows);
        let enter = usual.map(|at| format!(", Enter is {}", at + 1)).unwrap_or_default();
        let question = Question::text(format!("{what} (1 to {}{enter}): ", rows.len()), listed);
        loop {
            let Answer::Line(line) = self.ask(&question).await? else {
                return Ok(Picked::Back);
            };
            let number = line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match (number.filter(|at| *at < rows.len()).or_else(|| named(rows, line.trim())), usual) {
                (Some(at), _) => return Ok(Picked::Row(at)),
                (None, Some(usual)) if line.trim().is_empty() => return Ok(Picked::Row(usual)),
                (None, _) => self.say(format!("Type a number from 1 to {}.", rows.len())),
            }
        }
    }

    /// Ends the dialogue: what is typed is kept, what runs comes to its end.
    pub(super) async fn end(&mut self, exit: Exit) {
        let effects = update(&mut self.model, Message::Leave, (self.clock)());
        self.perform(effects.into_iter().filter(|effect| effect.slot().is_some()).collect());
        self.slots.finish(exit.patience()).await;
        if exit != Exit::HungUp {
            if self.model.work.sync.is_running() {
                self.say(format!("The sync was stopped. To see how it ended: {}", Next::Status));
            }
            if self.model.work.apply.is_running() {
                let what = self.model.work.apply.goal().map_or("Configure", Goal::word);
                self.say(format!("{what} was stopped. What is done is kept; run it again to finish."));
            }
        }
        let retyped = self.model.wizard.as_ref().is_some_and(|wizard| !wizard.form.secret.is_empty());
        if exit != Exit::HungUp && self.model.overview.draft.is_some() {
            self.say(wizard::KEPT);
            if retyped {
                self.say(wizard::SECRET_LOST);
            }
        }
    }
}

// The row that is called so, where one is: without its number, and without the page behind it.
fn named(rows: &[String], typed: &str) -> Option<usize> {
    let is_it = |row: &String| row.split(" (").next().is_some_and(|name| name.eq_ignore_ascii_case(typed));
    let mut found = rows.iter().enumerate().filter(|(_, row)| is_it(row)).map(|(at, _)| at);
    found.next().filter(|_| !typed.is_empty() && found.next().is_none())
}

/// A list with its numbers.
pub(super) fn numbered(rows: &[String]) -> Vec<String> {
    rows.iter().enumerate().map(|(at, row)| format!("{}. {row}", at + 1)).collect()
}

// A prompt keeps the blank that the answer stands behind.
fn spoken_prompt(prompt: &str) -> String {
    format!("{} ", spoken(prompt))
}

/// The answer that is one of the signs itself, from behind its backslash.
pub(super) fn quoted(line: &str) -> Option<&str> {
    let rest = line.trim().strip_prefix('\\')?;
    let sign = matches!(rest, "?" | "<" | "-" | "q" | "quit" | "back") || rest.parse::<usize>().is_ok();
    sign.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever types what was read out means that row, where only one is called so.
    #[test]
    fn row_is_picked_by_its_name_too() {
        let rows = ["Check now", "Search (Events)", "Search (Activity)", "Export (Clients)"].map(str::to_owned);
        let picked = ["check now", "Export", "search", "", "1"].map(|typed| named(&rows, typed));
        assert_eq!(picked, [Some(0), Some(3), None, None, None]);
    }
}

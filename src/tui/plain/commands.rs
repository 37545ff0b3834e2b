//! The menu of a configuration: whatever its panes offer now. A command without a dialogue of its own is done as its key does
//! it, and what it asks is asked here.

use super::dialogue::{Answer, Dialogue, PAGE, Picked, Question};
use super::events::event_line;
use super::person::Person;
use super::words::client_line;
use crate::app::Model;
use crate::app::go::Go;
use crate::app::jobs::health;
use crate::app::keymap::{Command, Pane, Place, place};
use crate::app::message::Message;
use crate::app::offers::offers;
use crate::app::popup::Popup;
use crate::domain::secret::Secret;
use crate::tui::hangup::Exit;
use crate::view::panes::lines;
use crate::words::time::ago;
use crate::words::{self, Phrase};

/// A row of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// What a pane offers.
    Do(Command),
    /// Where things stand, read out.
    Status,
    CallbackUrls,
    /// What is not listed yet.
    More,
}

use Command as C;
use Row::{CallbackUrls, Do, More, Status};

/// What the menu lists itself, in this order. Whatever else the panes offer is among the other commands.
const FIRST: [Row; 22] = [
    Do(C::SyncNow),
    Do(C::Pane(Pane::Clients)),
    Do(C::Configure),
    Status,
    CallbackUrls,
    Do(C::Pane(Pane::Activity)),
    Do(C::Edit),
    Do(C::Remove),
    Do(C::Integrations),
    Do(C::Pane(Pane::Events)),
    Do(C::Pane(Pane::Overview)),
    Do(C::ProveIt),
    Do(C::ReadDeliveries),
    Do(C::Tickets),
    Do(C::SendAgain),
    Do(C::Rotate),
    Do(C::RollBack),
    Do(C::ForgetSecrets),
    Do(C::Activate),
    Do(C::Look),
    More,
    Do(C::Quit),
];

/// A command that can be done now, and the pane that offers it.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    command: Command,
    pane: Pane,
    words: String,
}

/// What means nothing where lines are read out whole, nothing is drawn, and nothing runs while something is asked.
pub(super) fn is_of_screen(command: Command) -> bool {
    command.is_step()
        || matches!(
            command,
            C::Back
                | C::CloseLine
                | C::Commands
                | C::Copy
                | C::Help
                | C::OpenLine
                | C::Repaint
                | C::Sort
                | C::Stop
                | C::Suspend
        )
}

/// What is read out under another name: with the status, the callback addresses and the clients.
pub(super) fn is_read_elsewhere(command: Command, pane: Pane) -> bool {
    matches!(command, C::Reveal | C::Pane(Pane::Sync | Pane::Integration))
        || pane == Pane::Clients && matches!(command, C::Search | C::Filter)
}

/// Everything that the panes offer and that can be done now, each once; what each pane means by itself, for each of them.
pub(super) fn offered(model: &Model) -> Vec<Offered> {
    let mut all: Vec<Offered> = Vec::new();
    for pane in Pane::ALL {
        for offer in offers(model, Place::Pane(pane)).into_iter().filter(|offer| offer.refused.is_none()) {
            let command = offer.command();
            let is_own = matches!(command, C::Search | C::Filter);
            let is_known = !is_own && all.iter().any(|known| known.command == command);
            if is_known || is_of_screen(command) || is_read_elsewhere(command, pane) {
                continue;
            }
            let words = match command {
                C::Pane(pane) => pane.title(),
                // By what they do, and not by what is selected on a screen that nobody sees.
                C::Mend => "Fix an issue",
                C::Search if pane == Pane::Events => "Find an event",
                C::Search => "Find what was done",
                C::Filter if pane == Pane::Events => "List events of one kind",
                C::Filter => "List one kind of what was done",
                C::Details => "Read a client",
                C::Changes => "Read what a sync changed",
                C::OpenEvent => "Read an event",
                _ => offer.title(),
            };
            all.push(Offered { command, pane, words: words.to_owned() });
        }
    }
    all
}

/// The rows of the menu, and the other commands.
pub(super) fn rows(offered: &[Offered]) -> (Vec<Row>, Vec<Offered>) {
    let is_first = |offered: &&Offered| FIRST.contains(&Do(offered.command));
    let more: Vec<Offered> = offered.iter().filter(|offered| !is_first(offered)).cloned().collect();
    let is_there = |row: &Row| match row {
        Do(command) => find(offered, *command).is_some(),
        Status | CallbackUrls => true,
        More => !more.is_empty(),
    };
    (FIRST.into_iter().filter(is_there).collect(), more)
}

/// The offer of a command.
pub(super) fn find(offered: &[Offered], command: Command) -> Option<&Offered> {
    offered.iter().find(|offered| offered.command == command)
}

/// What a row is called.
pub(super) fn name(row: Row, offered: &[Offered]) -> String {
    let name = match row {
        Do(command) => find(offered, command).map_or("", |offered| offered.words.as_str()),
        Status => "Status",
        CallbackUrls => "Callback URLs",
        More => "Other commands",
    };
    name.to_owned()
}

impl<P: Person> Dialogue<P> {
    /// What the menu does not list itself, with the pane that it is done in.
    pub(super) async fn more(&mut self, more: &[Offered]) -> Result<(), Exit> {
        let listed: Vec<String> = more.iter().map(|one| format!("{} ({})", one.words, one.pane.title())).collect();
        match self.pick(&listed, None, "Which command").await? {
            Picked::Row(row) => self.carry_out(&more[row]).await,
            Picked::Back => Ok(()),
        }
    }

    /// Does what is offered, by its own dialogue where it has one.
    pub(super) async fn carry_out(&mut self, offered: &Offered) -> Result<(), Exit> {
        match offered.command {
            C::SyncNow => {
                if self.active().await? {
                    self.order(C::Pane(Pane::Sync)).await?;
                    self.sync_now().await?;
                }
                Ok(())
            }
            C::Configure => {
                self.go(Go::Configure).await?;
                self.plan().await?;
                self.leave_plan().await
            }
            C::Edit => self.edit_current().await,
            C::Remove => self.remove().await,
            C::Rotate | C::RollBack => self.change_in_halo(offered.command).await,
            C::ForgetSecrets => {
                self.go(Go::Pane(Pane::Integration)).await?;
                self.word_typed(C::ForgetSecrets, words::plan::FORGETTING).await.map(|_| ())
            }
            C::ProveIt => self.prove().await,
            C::ReadDeliveries => self.deliveries().await,
            C::Tickets | C::Escalate => self.tickets().await,
            C::Integrations => self.go(Go::Integrations).await,
            C::Pane(pane) => self.read(pane).await,
            C::Quit => Err(Exit::Quit),
            command => self.as_by_key(command, offered.pane).await,
        }
    }

    /// A command as its key does it, in its pane: what it is about is picked, what it asks is asked, and what it shows is read
    /// out.
    async fn as_by_key(&mut self, command: Command, pane: Pane) -> Result<(), Exit> {
        let read = self.model().work.plan_read;
        self.order(C::Pane(pane)).await?;
        if command == C::ReadPlan && self.model().work.plan_read != read {
            // The pane has just read it.
            return self.read(pane).await;
        }
        if pane == Pane::Events {
            self.read_events().await?;
        }
        let listed = self.listed(command);
        if !listed.is_empty() {
            let Picked::Row(row) = self.pick(&listed, None, "Which one").await? else { return Ok(()) };
            for step in std::iter::once(C::First).chain(std::iter::repeat_n(C::Down, row)) {
                self.order(step).await?;
            }
        }
        if command == C::Mend {
            // What mends it may have a dialogue of its own.
            let mends = health::selected(self.model()).and_then(|issue| health::mend(self.model(), &issue));
            // A command for a shell is told below.
            if let Some(command) = mends.filter(|command| !matches!(command, C::CommandLine(_))) {
                return Box::pin(self.carry_out(&Offered { command, pane, words: String::new() })).await;
            }
        }
        // What was picked may be one that this cannot be done to.
        let can_be_done = match command {
            C::Mend => false,
            C::Retry | C::Dismiss => offers(self.model(), place(self.model()))
                .iter()
                .any(|offer| offer.command() == command && offer.refused.is_none()),
            _ => true,
        };
        if !can_be_done {
            let next = health::selected(self.model()).and_then(|issue| issue.next);
            let words = next.map(|next| Phrase::from(&next).without_keys());
            self.say(words.unwrap_or_else(|| "Nothing can be done about it from here.".to_owned()));
            return Ok(());
        }
        self.order(command).await?;
        self.answer_popups().await?;
        if matches!(self.model().popup, Some(Popup::Typed(_))) {
            return self.type_answer(Vec::new()).await.map(|_| ());
        }
        if place(self.model()).takes_text() {
            return self.search_in(pane).await;
        }
        if matches!(command, C::Filter | C::Sort | C::Look | C::ReadPlan) {
            return self.read(pane).await;
        }
        if !listed.is_empty() && self.model().screen == crate::app::model::Screen::Panes {
            let shown = lines(self.model());
            self.say_all(shown);
            let floats = self.model().popup.is_some();
            let opened = matches!(command, C::Changes | C::OpenEvent);
            if floats || opened {
                self.order(if floats { C::ClosePopup } else { C::Back }).await?;
            }
        }
        Ok(())
    }

    // Reads what matches; afterwards everything is listed again.
    async fn search_in(&mut self, pane: Pane) -> Result<(), Exit> {
        let question = Question::text("Search: ", Vec::new());
        let Answer::Line(text) = self.ask(&question).await? else { return self.order(C::Back).await };
        self.send(Message::Paste(Secret::new(text.trim()))).await?;
        self.order(C::LeaveSearch).await?;
        self.read(pane).await?;
        for command in [C::Pane(pane), C::Search, C::Back] {
            self.order(command).await?;
        }
        Ok(())
    }

    /// What a pane shows.
    async fn read(&mut self, pane: Pane) -> Result<(), Exit> {
        match pane {
            Pane::Sync => self.status().await,
            Pane::Clients => self.clients().await,
            Pane::Events => self.events().await,
            pane => self.read_pane(pane).await,
        }
    }

    /// What a command can be about, where it is about a row of its pane.
    fn listed(&self, command: Command) -> Vec<String> {
        let model = self.model();
        let now = model.now;
        match command {
            C::Mend | C::Retry | C::Dismiss => {
                health::list(model).iter().map(|issue| format!("{}: {}", issue.rule.title(), issue.fact)).collect()
            }
            C::Changes => {
                let runs = model.facts.standing.iter().flat_map(|standing| &standing.runs);
                runs.take(PAGE).map(|run| format!("{}, {}", run.status.word(), ago(now, run.finished_at))).collect()
            }
            C::Details => {
                let clients = &model.panes.clients;
                (0..clients.count()).take(PAGE).filter_map(|at| clients.row(at)).map(client_line).collect()
            }
            C::OpenEvent => {
                let events = &model.panes.events;
                (0..events.count()).take(PAGE).filter_map(|at| events.row(at)).map(|one| event_line(now, one)).collect()
            }
            _ => Vec::new(),
        }
    }
}

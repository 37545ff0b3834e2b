//! What the panes and the Integrations page offer, as numbered lists.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::commands::{self, Row};
use super::dialogue::{Answer, Dialogue, PAGE, Picked, Question};
use super::person::Person;
use super::words::{client_line, sentence};
use crate::app::effect::Slot;
use crate::app::go::Go;
use crate::app::integrations::{self, Card};
use crate::app::jobs::{deliveries, prove};
use crate::app::keymap::Command;
use crate::app::message::Message;
use crate::app::model::{Screen, saved_title};
use crate::app::panes::sync::usage;
use crate::app::panes::{Pane, integration};
use crate::app::popup::{About, Popup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::Delivery;
use crate::domain::secret::Secret;
use crate::domain::status::Steps;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::tui::hangup::Exit;
use crate::view::panes::lines;
use crate::words;
use crate::words::time::{age, ago};

impl<P: Person> Dialogue<P> {
    /// What can be done with the configuration that is open.
    pub(super) async fn menu(&mut self) -> Result<(), Exit> {
        self.announced = None;
        let name = self.model().current_saved().map(saved_title).unwrap_or_default();
        self.person.say("");
        let offered = commands::offered(self.model());
        let (rows, more) = commands::rows(&offered);
        let names: Vec<String> = rows.iter().map(|row| commands::name(*row, &offered)).collect();
        // A number never means another row than the one that was read out.
        let picked = if self.menu_listed == names {
            self.pick_again(&names, None, &format!("{name}. Your choice, ? reads the list")).await?
        } else {
            self.say(format!("{name}. What can be done:"));
            self.menu_listed.clone_from(&names);
            self.pick(&names, None, "Your choice").await?
        };
        let Picked::Row(row) = picked else {
            return self.go(Go::Integrations).await;
        };
        match rows[row] {
            Row::Status => self.status().await,
            Row::CallbackUrls => self.callback_urls().await,
            Row::More => self.more(&more).await,
            Row::Do(command) => match commands::find(&offered, command) {
                Some(offered) => self.carry_out(offered).await,
                None => Ok(()),
            },
        }
    }

    /// Prove it: a typed yes, and how each station went.
    pub(super) async fn prove(&mut self) -> Result<(), Exit> {
        if !self.active().await? {
            return Ok(());
        }
        self.go(Go::Pane(Pane::Integration)).await?;
        let question = prove::question(self.model());
        if self.word_typed(Command::ProveIt, &question).await? {
            let lines: Vec<String> = prove::lines(self.model()).into_iter().map(|(_, words)| words).collect();
            self.say_all(lines);
        }
        Ok(())
    }

    /// A command that wants a word to be typed. Says whether it was.
    pub(super) async fn word_typed(&mut self, command: Command, text: &str) -> Result<bool, Exit> {
        self.order(command).await?;
        if !matches!(self.model().popup, Some(Popup::Typed(_))) {
            return Ok(false);
        }
        self.say(text);
        self.type_answer(vec![text.to_owned()]).await
    }

    /// Asks for the word that the question that floats wants. Says whether it was typed.
    pub(super) async fn type_answer(&mut self, help: Vec<String>) -> Result<bool, Exit> {
        let Some(Popup::Typed(typed)) = &self.model().popup else { return Ok(false) };
        if typed.about == About::Export {
            let proposed = typed.input.value().to_owned();
            return self.name_file(proposed).await;
        }
        let wanted = typed.wanted.clone();
        let ask = format!("Type {} to continue, or Enter to cancel: ", wanted.asked());
        let ask = Question::decision(ask, help);
        if matches!(self.ask(&ask).await?, Answer::Line(line) if wanted.is(&line)) {
            self.agree_to(wanted.word()).await?;
            return Ok(true);
        }
        self.say("Not confirmed; nothing was written.");
        self.order(Command::ClosePopup).await?;
        Ok(false)
    }

    // Where an export goes: the name that is proposed, or another one.
    async fn name_file(&mut self, proposed: String) -> Result<bool, Exit> {
        let question = Question::text(format!("File (Enter takes {proposed}, < cancels): "), Vec::new());
        let Answer::Line(line) = self.ask(&question).await? else {
            self.order(Command::ClosePopup).await?;
            return Ok(false);
        };
        if !line.trim().is_empty() {
            self.send(Message::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL))).await?;
            self.send(Message::Paste(Secret::new(line.trim()))).await?;
        }
        self.order(Command::Agree).await?;
        Ok(true)
    }

    /// Whether each webhook delivers, by Halo's own log.
    pub(super) async fn deliveries(&mut self) -> Result<(), Exit> {
        self.go(Go::Pane(Pane::Integration)).await?;
        self.order(Command::ReadDeliveries).await?;
        let known = deliveries::known(self.model());
        let of = |delivery: &Delivery| {
            let name = std::iter::once(Untrusted::new(delivery.webhook.as_str()).display());
            name.chain(deliveries::lines(self.model(), Some(&delivery.id))).collect::<Vec<_>>()
        };
        let lines: Vec<String> = known.iter().flat_map(of).collect();
        self.say_all(lines);
        Ok(())
    }

    // Out of the plan, where it was not left for the set-up.
    pub(super) async fn leave_plan(&mut self) -> Result<(), Exit> {
        if self.model().screen == Screen::Panes { self.go(Go::Pane(Pane::Sync)).await } else { Ok(()) }
    }

    pub(super) async fn edit_current(&mut self) -> Result<(), Exit> {
        match self.model().current.clone() {
            Some(id) => self.edit(id).await,
            None => Ok(()),
        }
    }

    /// Every answer of a configuration, to be changed by its number.
    pub(super) async fn edit(&mut self, id: ConfigurationId) -> Result<(), Exit> {
        self.go(Go::Edit(id)).await
    }

    /// The client list: searched, and read out page by page.
    pub(super) async fn clients(&mut self) -> Result<(), Exit> {
        self.order(Command::Pane(Pane::Clients)).await?;
        if let Some(failure) = self.model().panes.clients.failed.clone() {
            self.say_failure(&failure);
            return Ok(());
        }
        let mut from = 0;
        loop {
            let list = &self.model().panes.clients;
            if list.total() == 0 {
                self.say("No clients yet.");
                return Ok(());
            }
            let seen = list.seen.map(|seen| format!(", {}", age(self.model().now, seen))).unwrap_or_default();
            let (count, total, filter) = (list.count(), list.total(), list.filter.word());
            let said = format!("{} of {} clients, {filter}{seen}", thousands(count as u64), thousands(total as u64));
            if from == 0 {
                self.say(format!("{said}."));
            }
            let help = vec![
                "Type part of a name or site, or an id. Enter lists the next clients.".to_owned(),
                "f switches between active, disabled, left out, all, new and changed. < goes back to the menu."
                    .to_owned(),
            ];
            let more = if from < count {
                format!("Enter continues from {}", from + 1)
            } else {
                "Enter starts again".to_owned()
            };
            let prompt = format!("Search ({more}, f changes the filter, < goes back): ");
            let Answer::Line(line) = self.ask(&Question::text(prompt, help)).await? else { return Ok(()) };
            match line.trim() {
                "" if from >= count => from = 0,
                "" => {
                    let rows = (from..count).take(PAGE).filter_map(|at| self.model().panes.clients.row(at));
                    let lines: Vec<String> = rows.map(client_line).collect();
                    self.say_all(lines);
                    from = (from + PAGE).min(count);
                    if from == count {
                        self.say("That was the last one.");
                    }
                }
                "f" => {
                    from = 0;
                    self.order(Command::Filter).await?;
                }
                text => {
                    self.search(text).await?;
                    let found = self.model().panes.clients.count();
                    let rows = (0..found).take(PAGE).filter_map(|at| self.model().panes.clients.row(at));
                    let lines: Vec<String> = rows.map(client_line).collect();
                    self.say(match found {
                        0 => "No client matches.".to_owned(),
                        1 => "1 client matches.".to_owned(),
                        _ => format!("{} clients match.", thousands(found as u64)),
                    });
                    self.say_all(lines);
                    from = PAGE.min(found);
                    if found == 0 {
                        self.search("").await?;
                    }
                }
            }
        }
    }

    // As the keys do it: into the search line, which is cleared, and with the text back to the list.
    async fn search(&mut self, text: &str) -> Result<(), Exit> {
        for command in [Command::Search, Command::Back, Command::Search] {
            self.order(command).await?;
        }
        self.send(Message::Paste(Secret::new(text))).await?;
        self.order(Command::LeaveSearch).await
    }

    /// Where things stand: steps, syncs, what is in Halo.
    pub(super) async fn status(&mut self) -> Result<(), Exit> {
        self.order(Command::Pane(Pane::Sync)).await?;
        if let Some(away) = self.model().away() {
            self.say(away);
        } else if let Some(failure) = self.model().facts.standing_failed.clone() {
            self.say_failure(&failure);
            return Ok(());
        }
        let Some(standing) = self.model().facts.standing.as_ref() else { return Ok(()) };
        let status = &standing.status;
        let mut lines = Vec::new();
        if let Some(saved) = self.model().current_saved() {
            let active = if saved.status.active { "active" } else { "not active" };
            lines.push(format!("{}, {active}.", saved.configuration.api.url));
        }
        lines.extend(steps(&status.steps));
        match standing.runs.first() {
            Some(run) => {
                lines.push(format!("Last sync: {}, {}.", run.status.word(), ago(self.model().now, run.finished_at)));
                lines.push(sentence(&run.proof()));
                lines.push(format!("Clients: {}.", usage(self.model(), run)));
            }
            None => lines.push("No sync yet.".to_owned()),
        }
        if let Some(saved) = self.model().current_saved().filter(|saved| saved.status.active) {
            let time = saved.configuration.company_sync.daily_sync_time;
            lines.push(sentence(&words::service::next_run(time, Some(&status.service), self.model().now)));
            lines.push(super::words::own_clock(self.model(), time));
        }
        let objects = integration::lines(self.model());
        lines.push(match objects.len() {
            0 => "Nothing is installed in Halo yet.".to_owned(),
            count => format!("In Halo: {count} objects."),
        });
        lines.extend(objects);
        self.say_all(lines);
        Ok(())
    }

    /// The callback addresses, whole where the person wants them so.
    async fn callback_urls(&mut self) -> Result<(), Exit> {
        self.send(Message::Read(Slot::Callbacks)).await?;
        if self.model().facts.callbacks.is_empty() {
            self.say("They are created at the first save.");
            return Ok(());
        }
        self.say_callbacks();
        let text = vec!["The full address contains the secret token. Do not share it.".to_owned()];
        self.say_all(&text);
        if !self.yes_or_no("Reveal them? y is Reveal, n is No, Enter is No: ", text, false).await? {
            return Ok(());
        }
        let urls: Vec<_> = self.model().facts.callbacks.clone();
        for (group, url) in urls {
            let exposed = url.expose();
            self.say(group.webhook_name());
            self.say(exposed.expose());
        }
        Ok(())
    }

    /// A pane, read out line by line.
    pub(super) async fn read_pane(&mut self, pane: Pane) -> Result<(), Exit> {
        self.order(Command::Pane(pane)).await?;
        let lines = lines(self.model());
        if lines.is_empty() {
            let is_filtered = pane == Pane::Activity && self.model().panes.activity.is_filtered();
            self.say(if is_filtered { "Nothing matches." } else { "Nothing has been done yet." });
        }
        let mut pages = lines.chunks(PAGE).peekable();
        let mut rest = lines.len();
        while let Some(page) = pages.next() {
            self.say_all(page);
            rest -= page.len();
            if pages.peek().is_some() && !self.reads_on(rest).await? {
                break;
            }
        }
        Ok(())
    }

    /// The Integrations page.
    pub(super) async fn cards(&mut self) -> Result<(), Exit> {
        self.announced = None;
        if let Some(failure) = self.model().overview_failed.clone() {
            self.say_failure(&failure);
        }
        self.person.say("");
        self.say("Integrations.");
        let (cards, _) = integrations::cards(self.model());
        let rows: Vec<String> = cards.iter().map(|card| self.card(card)).chain(["Quit".to_owned()]).collect();
        let Picked::Row(row) = self.pick(&rows, None, "Your choice").await? else {
            if self.model().wizard.is_some() {
                return self.go(Go::Wizard).await;
            }
            if self.model().is_finished_current() {
                return self.go(Go::Panes).await;
            }
            self.say("This is the first list: there is nothing to go back to.");
            return Ok(());
        };
        let Some(card) = cards.get(row).cloned() else { return Err(Exit::Quit) };
        for command in std::iter::once(Command::First).chain(std::iter::repeat_n(Command::Down, row)) {
            self.order(command).await?;
        }
        match card {
            Card::Saved(id) => self.saved_card(&id).await,
            Card::Draft => {
                let rows = ["Continue it", "Discard it"].map(str::to_owned);
                match self.pick(&rows, Some(0), "The draft").await? {
                    Picked::Row(0) => self.order(Command::OpenCard).await,
                    Picked::Row(_) => self.asked(Command::DiscardDraft).await,
                    Picked::Back => Ok(()),
                }
            }
            Card::New | Card::Other(_) => {
                self.order(Command::OpenCard).await?;
                self.needs().await
            }
        }
    }

    async fn saved_card(&mut self, id: &ConfigurationId) -> Result<(), Exit> {
        let active = self.model().saved(id).is_some_and(|saved| saved.status.active);
        let draft = self.model().overview.draft.as_ref().is_some_and(|draft| draft.configuration.as_ref() == Some(id));
        let mut rows = vec!["Open it".to_owned(), "Edit its settings".to_owned()];
        rows.push(if active { "Deactivate it" } else { "Activate it" }.to_owned());
        if draft {
            rows.push("Discard its draft".to_owned());
        }
        rows.push("Delete it here".to_owned());
        let delete = rows.len() - 1;
        match self.pick(&rows, Some(0), "Your choice").await? {
            Picked::Row(row) if row == delete => {
                let text = integrations::deleting(self.model(), id).join(" ");
                self.word_typed(Command::Delete, &text).await.map(|_| ())
            }
            Picked::Row(0) => self.order(Command::OpenCard).await,
            Picked::Row(1) => self.edit(id.clone()).await,
            Picked::Row(2) if active => self.asked(Command::Deactivate).await,
            Picked::Row(2) => self.asked(Command::Activate).await,
            Picked::Row(_) => self.asked(Command::DiscardDraft).await,
            Picked::Back => Ok(()),
        }
    }

    // A command, and the question that it asks.
    async fn asked(&mut self, command: Command) -> Result<(), Exit> {
        self.order(command).await?;
        self.answer_popups().await.map(|_| ())
    }

    fn card(&self, card: &Card) -> String {
        let [integration, title, host] = integrations::card_texts(self.model(), card);
        let title = title.trim_start_matches("+ ").to_owned();
        let state = integrations::card_state(self.model(), card).map(|state| state.word().to_owned());
        let remark = match card {
            Card::Saved(id) => integrations::card_remark(self.model(), id),
            _ => None,
        };
        let parts = [Some(integration), Some(title), Some(host), state, remark];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<String>>().join(", ")
    }
}

fn steps(steps: &Steps) -> Vec<String> {
    let line = |(step, state)| format!("{}: {}.", words::step::name(step), words::step::state(state).1);
    words::step::states(steps).map(line).to_vec()
}

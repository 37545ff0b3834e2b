//! The steps that follow the fields: review, sync, Configure, the end.

use super::dialogue::{Answer, Dialogue, Question};
use super::person::Person;
use super::words::{self, sentence};
use crate::app::form::FieldId;
use crate::app::go::Go;
use crate::app::jobs::health::findings;
use crate::app::jobs::plan;
use crate::app::jobs::state::{ApplyWork, PlanWork, SyncEnd};
use crate::app::keymap::{Command, Pane};
use crate::app::message::Message;
use crate::app::popup::{Ask, Popup};
use crate::app::wizard::credentials::known_failure;
use crate::app::wizard::review::{self, SaveState};
use crate::app::wizard::{self, Item, answers, pia_screen};
use crate::domain::draft::Step;
use crate::domain::failure::FailureKind;
use crate::domain::next::Hint;
use crate::domain::plan::{Offer, Plan, TAKING_OVER};
use crate::domain::secret::Secret;
use crate::domain::status::StepState;
use crate::tui::hangup::Exit;
use crate::words::typed::ToType;
use crate::words::{self as told, Phrase};

/// How a look at the plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Everything is in place.
    Settled,
    /// The person goes elsewhere.
    Left,
}

impl<P: Person> Dialogue<P> {
    /// One step back, to its last question.
    async fn step_back(&mut self) -> Result<(), Exit> {
        self.from_behind = true;
        self.order(Command::Back).await
    }

    /// All answers, with a number each to change it; then Save.
    pub(super) async fn review(&mut self) -> Result<(), Exit> {
        self.announce(Step::Review);
        self.from_behind = false;
        let listed = self.review_lines();
        self.say_all(&listed);
        loop {
            let Some(wizard) = &self.model().wizard else { return Ok(()) };
            let enter = match review::save_refusal(self.model()) {
                Some(_) => "goes on, nothing has changed",
                None => "saves",
            };
            let state = match (wizard.test.is_passed(), wizard.untested) {
                (true, _) if known_failure(self.model()).is_some() => {
                    "Halo has refused the connection since its test. "
                }
                (true, _) => "",
                (false, true) => "The credentials are not verified. ",
                (false, false) => "The credentials are not tested. ",
            };
            let prompt = format!("{state}Save? (Enter {enter}, 1 to {} changes that answer): ", wizard.lines().count());
            let listed = self.review_lines();
            let Answer::Line(line) = self.ask(&Question::decision(prompt, listed)).await? else {
                return self.step_back().await;
            };
            let number = line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let field = self.model().wizard.as_ref().zip(number).and_then(|(wizard, at)| wizard.lines().nth(at));
            match (line.trim(), field) {
                ("" | "y" | "yes", _) => {
                    if self.save().await? {
                        return Ok(());
                    }
                }
                (_, Some(field)) => self.correct(field).await?,
                _ => self.say("Press Enter to save, or type the number of the answer to change."),
            }
        }
    }

    /// Asks for one answer anew, without the way through its step.
    async fn correct(&mut self, field: FieldId) -> Result<(), Exit> {
        self.field(field).await?;
        self.send(Message::Focus(Item::Save)).await
    }

    fn review_lines(&self) -> Vec<String> {
        let Some(wizard) = &self.model().wizard else { return Vec::new() };
        let line = |(at, field): (usize, FieldId)| {
            let label = field.info().label;
            if let Some(error) = wizard.form.error(field, wizard.has_secret) {
                return format!("{}. {label}: not right yet, {error}", at + 1);
            }
            let (value, _) = answers::value(self.model(), wizard, field);
            let warning = answers::warning(self.model(), wizard, field);
            let warning = warning.map(|warning| format!(". Warning: {warning}")).unwrap_or_default();
            format!("{}. {label}: {}{warning}", at + 1, words::answer(&value))
        };
        wizard.lines().enumerate().map(line).collect()
    }

    // Whether the review is over.
    async fn save(&mut self) -> Result<bool, Exit> {
        let Some(wizard) = &self.model().wizard else { return Ok(true) };
        if review::save_refusal(self.model()).is_none() {
            if let Err(wrong) = wizard.configuration() {
                self.say("One answer is not right yet.");
                self.correct(wrong).await?;
                return Ok(false);
            }
            if !wizard.test.is_passed() && !wizard.untested && !self.retest().await? {
                return Ok(false);
            }
            // To go on untested leads to the step behind the test.
            if self.step() != Some(Step::Review) {
                self.go(Go::Step(Step::Review)).await?;
            }
            self.send(Message::Focus(Item::Save)).await?;
            let fresh = self.model().wizard.as_ref().is_some_and(|wizard| wizard.id.is_none());
            self.order(Command::Save).await?;
            if matches!(&self.model().popup, Some(Popup::Confirm(asked)) if matches!(asked.ask, Ask::UnknownTeam { .. }))
            {
                self.answer_popups().await?;
            }
            if matches!(self.model().wizard.as_ref().map(|wizard| &wizard.save), Some(SaveState::Failed(_))) {
                return Ok(false);
            }
            if fresh {
                self.say_callbacks();
            }
            self.answer_popups().await?;
            // Decided later: what is typed is not saved.
            if self.model().wizard.as_ref().is_some_and(|wizard| wizard.is_edited()) {
                return Ok(false);
            }
        }
        self.send(Message::Focus(Item::Save)).await?;
        self.order(Command::Continue).await?;
        Ok(true)
    }

    /// Offers to make the open configuration the active one, where it is not. Says whether it is now.
    pub(super) async fn active(&mut self) -> Result<bool, Exit> {
        if self.model().current_saved().is_none() || self.model().is_active() {
            return Ok(true);
        }
        let Some(id) = self.model().current.clone() else { return Ok(true) };
        let text = vec!["Sync Now and Configure only work on the active configuration.".to_owned()];
        self.say("This configuration is not the active one.");
        self.say_all(&text);
        if !self.yes_or_no("Activate it? y is Activate, n is No, Enter is No: ", text, false).await? {
            return Ok(false);
        }
        self.order(Command::Activate).await?;
        self.answer_popups().await?;
        Ok(self.model().is_active() && self.model().current.as_ref() == Some(&id))
    }

    /// Sync Now, and Pia Escalate To once after it.
    pub(super) async fn first_sync(&mut self) -> Result<(), Exit> {
        self.announce(Step::InitialSync);
        if !self.active().await? {
            return self.go(Go::Leave).await;
        }
        let synced = self.model().is_synced();
        // Halo has refused the credentials: another try alone changes nothing.
        let refused = !synced && wizard::initial_sync::suspect(self.model()).is_some();
        let (said, prompt) = match synced {
            false if refused => (
                "The first sync needs credentials that Halo accepts.",
                "Enter goes to the credentials, s is Sync Now: ",
            ),
            true => ("A sync was completed before.", "Enter continues to Configure, s is Sync Now: "),
            false => ("Sync Now reads Halo's clients, agents, teams and ticket types.", "Enter is Sync Now: "),
        };
        self.say(said);
        let help = vec!["Run the first sync before you configure Halo.".to_owned()];
        let Answer::Line(line) = self.ask(&Question::decision(prompt, help)).await? else {
            return self.step_back().await;
        };
        if refused && line.trim() != "s" {
            return self.go(Go::Step(Step::Credentials)).await;
        }
        if !synced || line.trim() == "s" {
            self.sync_now().await?;
        }
        if self.model().is_unproved() {
            return self.unproved().await;
        }
        if !self.model().is_synced() {
            return Ok(());
        }
        let asked = self.model().wizard.as_ref().is_none_or(|w| w.asked_escalate_to || w.form.escalate_to.is_some());
        if !asked && pia_screen::choose_refusal(self.model()).is_none() {
            self.contact().await?;
        }
        self.send(Message::Focus(Item::Go)).await?;
        self.order(Command::Continue).await
    }

    // Clients are stored, and no sync has proved that they are all: to go on with them has to be typed.
    async fn unproved(&mut self) -> Result<(), Exit> {
        let help = vec![told::sync::UNPROVED.to_owned()];
        self.say_all(&help);
        let wanted = ToType::new(told::sync::YES);
        let asked = wanted.asked();
        let prompt = format!("Type {asked} to continue with the unproved list, or Enter to sync again: ");
        let Answer::Line(line) = self.ask(&Question::decision(prompt, help)).await? else {
            return self.step_back().await;
        };
        match line.trim() {
            "" => return self.sync_now().await,
            typed if wanted.is(typed) => {}
            _ => {
                self.say(format!("Not confirmed. To continue, type {asked} exactly."));
                return Ok(());
            }
        }
        self.send(Message::Focus(Item::Go)).await?;
        self.order(Command::Continue).await?;
        self.send(Message::Paste(Secret::new(wanted.word()))).await?;
        self.order(Command::Agree).await
    }

    /// The company sync, with its question where it has one.
    pub(super) async fn sync_now(&mut self) -> Result<(), Exit> {
        self.order(Command::SyncNow).await?;
        loop {
            self.say_sync_end();
            if self.model().popup.is_none() {
                return Ok(());
            }
            if !self.answer_popups().await? {
                self.say("Nothing was changed.");
                return Ok(());
            }
        }
    }

    fn say_sync_end(&mut self) {
        let mut lines = Vec::new();
        match self.model().work.sync.end_of(self.model().current.as_ref()) {
            Some(SyncEnd::Report(report)) => {
                lines.push(sentence(&told::sync::ended(report)));
                if report.status != crate::domain::sync_run::SyncStatus::Busy {
                    lines.push(sentence(&report.proof()));
                }
                if report.status.has_published() {
                    lines.push(sentence(&told::sync::counts(&report.changes)));
                }
                let asks = self.model().popup.is_some();
                lines.extend(report.warnings.iter().filter(|_| !asks).map(|warning| format!("Warning: {warning}")));
                let hint = report.error.as_ref().and_then(|error| error.hint.as_ref());
                lines.extend(hint.filter(|_| !asks).map(|hint| sentence(&Phrase::from(hint).without_keys())));
            }
            Some(SyncEnd::Failed(failure)) => {
                lines.extend(words::failure(failure));
                lines.push(told::sync::FAILED.to_owned());
            }
            Some(SyncEnd::Stopped { read, .. }) => {
                lines.push(told::sync::stopped(*read));
            }
            None => {}
        }
        self.say_all(lines);
    }

    /// Configure, in the set-up.
    pub(super) async fn configure(&mut self) -> Result<(), Exit> {
        self.announce(Step::Configure);
        match self.plan().await? {
            Planned::Settled => self.go(Go::Step(Step::Finished)).await,
            Planned::Left if self.step() == Some(Step::Configure) => self.step_back().await,
            Planned::Left => Ok(()),
        }
    }

    /// The plan: read, shown, asked about, applied.
    pub(super) async fn plan(&mut self) -> Result<Planned, Exit> {
        if !self.active().await? {
            return Ok(Planned::Left);
        }
        let mut shown = false;
        loop {
            if let Some(reason) = plan::blocker(self.model()) {
                self.say(reason.without_keys());
                return self.unblock().await;
            }
            if matches!((self.model().apply(), &self.model().work.plan), (ApplyWork::None, PlanWork::None)) {
                self.order(Command::ReadPlan).await?;
            }
            let (prompt, help) = match (self.model().apply(), &self.model().work.plan) {
                (ApplyWork::None, PlanWork::Ready(plan)) => {
                    let plan = plan.clone();
                    if !std::mem::replace(&mut shown, true) {
                        self.say_plan(&plan);
                    }
                    if !plan.changes_pending() {
                        return if plan.blocked.is_empty() { Ok(Planned::Settled) } else { self.after_blocked().await };
                    }
                    let details =
                        plan.pending().flat_map(|c| std::iter::once(words::change(c)).chain(words::fields(c)));
                    let over = if can_take_over(&plan) {
                        "o takes over objects that this configuration did not create, "
                    } else {
                        ""
                    };
                    let prompt = format!("{} y applies it, n cancels, {over}d lists every field: ", plan.question());
                    (prompt, details.collect::<Vec<String>>())
                }
                (ApplyWork::None, PlanWork::Refused(_)) => {
                    self.say("The connection test failed, so nothing was changed in Halo.");
                    ("Enter tries again: ".to_owned(), Vec::new())
                }
                (ApplyWork::None, PlanWork::Failed(failure)) => {
                    let failure = failure.clone();
                    self.say_failure(&failure);
                    self.say("Nothing was written.");
                    ("Enter tries again: ".to_owned(), Vec::new())
                }
                _ => match self.say_applied() {
                    true => return Ok(Planned::Settled),
                    false => ("Enter reads Halo again: ".to_owned(), Vec::new()),
                },
            };
            let asks = !help.is_empty();
            let question = Question::decision(prompt, help);
            let Answer::Line(line) = self.ask(&question).await? else { return Ok(Planned::Left) };
            match (line.trim(), asks) {
                ("", false) => {
                    shown = false;
                    if plan::blocker(self.model()).is_none() {
                        self.order(Command::ReadPlan).await?;
                    }
                }
                ("y" | "Y" | "yes", true) => {
                    self.apply().await?;
                }
                ("n" | "N" | "no", true) => self.say("Not applied; nothing was written."),
                ("o", true) if self.take_over().await? => shown = false,
                ("d", true) => self.say_all(&question.help),
                (_, true) => self.say("Answer y, n or d."),
                (_, false) => self.say("Press Enter, or answer with one of the characters listed."),
            }
        }
    }

    /// Applies the plan; where it is taken over from another machine, once that one's name is typed. Says whether it began.
    pub(super) async fn apply(&mut self) -> Result<bool, Exit> {
        if let Some(owner) = plan::other_owner(self.model()) {
            let text = told::plan::taking_over(owner);
            return self.word_typed(Command::Apply, &text).await;
        }
        self.order(Command::Apply).await?;
        Ok(true)
    }

    /// Makes objects of somebody else's that have our names ours, after the id was typed. Says whether the plan is another.
    async fn take_over(&mut self) -> Result<bool, Exit> {
        let PlanWork::Ready(plan) = &self.model().work.plan else { return Ok(false) };
        if !can_take_over(plan) {
            return Ok(false);
        }
        let mut help: Vec<String> = plan.offers.iter().flat_map(Offer::lines).collect();
        help.push(TAKING_OVER.to_owned());
        self.say_all(&help);
        let Some(id) = self.model().current.clone() else { return Ok(false) };
        let wanted = ToType::configuration(&id, self.model().name_of(&id));
        let ask = format!("Take these over? {}, or n to cancel: ", wanted.to_confirm());
        let Answer::Line(line) = self.ask(&Question::decision(ask, help)).await? else { return Ok(false) };
        if !wanted.is(&line) {
            self.say("Nothing is taken over.");
            return Ok(false);
        }
        self.order(Command::TakeOver).await?;
        self.send(Message::Paste(Secret::new(id.as_str()))).await?;
        self.order(Command::Agree).await?;
        Ok(true)
    }

    fn say_plan(&mut self, plan: &Plan) {
        if !plan.changes_pending() && plan.blocked.is_empty() {
            self.say("Everything is in place. Nothing to do.");
            return;
        }
        self.say_changes(plan);
    }

    /// A plan, line by line, and what is in its way.
    pub(super) fn say_changes(&mut self, plan: &Plan) {
        self.say_all(plan.belongs.other().map(told::plan::belongs));
        if self.model().goal().is_install() {
            let before = told::plan::unfinished(&findings(self.model()));
            self.say_all(before);
        }
        self.say(format!("The plan: {}.", plan.summary()));
        let changes: Vec<String> = plan.listed().map(words::change).collect();
        self.say_all(changes);
        for blocked in &plan.blocked {
            self.say(format!("Blocked: {} {}. {}", blocked.kind.word(), blocked.name, sentence(&blocked.reason)));
        }
    }

    // Nothing to apply, and not everything in place.
    async fn after_blocked(&mut self) -> Result<Planned, Exit> {
        let question = Question::text("Enter continues: ", Vec::new());
        match self.ask(&question).await? {
            Answer::Line(_) => Ok(Planned::Settled),
            Answer::Back => Ok(Planned::Left),
        }
    }

    // Says how Configure ended; whether everything is in place.
    fn say_applied(&mut self) -> bool {
        self.say_how_it_ended();
        self.model().apply().is_configured()
    }

    /// Says how what was applied ended, and what is left to do.
    pub(super) fn say_how_it_ended(&mut self) {
        let mut lines = Vec::new();
        match self.model().apply() {
            ApplyWork::Ended { report, .. } => {
                let message = || sentence(&Phrase::from(&Hint::read(&report.message)).without_keys());
                lines.push(plan::how_far(self.model()).unwrap_or_else(message));
            }
            ApplyWork::Failed { failure, .. } => {
                // That it was stopped is said with how far it came.
                let stopped = failure.kind == FailureKind::Interrupted;
                lines.extend(words::failure(failure).into_iter().filter(|_| !stopped));
                lines.extend(plan::how_far(self.model()));
            }
            ApplyWork::None | ApplyWork::Running { .. } => {}
        }
        self.say_all(lines);
    }

    // What is in the way of Configure is done first.
    async fn unblock(&mut self) -> Result<Planned, Exit> {
        let (prompt, to) = match self.model().is_synced() {
            true => ("Enter goes to that answer: ", Step::Integration),
            false => ("Enter is Sync Now: ", Step::InitialSync),
        };
        let Answer::Line(_) = self.ask(&Question::text(prompt, Vec::new())).await? else { return Ok(Planned::Left) };
        if self.model().wizard.is_some() {
            self.go(Go::Step(to)).await?;
        } else if to == Step::InitialSync {
            self.go(Go::Pane(Pane::Sync)).await?;
            self.sync_now().await?;
        } else if let Some(id) = self.model().current.clone() {
            self.go(Go::Edit(id)).await?;
            self.go(Go::Step(to)).await?;
        }
        Ok(Planned::Left)
    }

    /// What is done, and what is open.
    pub(super) async fn finished(&mut self) -> Result<(), Exit> {
        self.announce(Step::Finished);
        let open = wizard::finished::open_lines(self.model());
        self.say(told::step::closing(open.iter().all(|(state, ..)| wizard::finished::is_done(*state))));
        let line = |(state, name, words): &(StepState, &str, String)| match state {
            StepState::NeedsAttention => format!("{name}: {}. {words}", told::step::state(*state).1),
            state => format!("{name}: {}", told::step::state(*state).1),
        };
        let lines: Vec<String> = open.iter().map(line).collect();
        self.say_all(lines);
        if !self.model().status().is_some_and(|status| status.service.running) {
            let needed = told::service::needed(self.model().status().map(|status| &status.service));
            self.say(format!("{}. {needed}", told::service::START));
            let commands = told::service::commands(self.model().systemd).into_iter();
            self.say_all(commands.map(|(command, what)| format!("{command}: {what}")).collect::<Vec<_>>());
        }
        if let Some(tip) = self.model().facts.tip.clone() {
            self.say(tip);
        }
        self.order(Command::Continue).await
    }

    pub(super) fn step(&self) -> Option<Step> {
        self.model().wizard.as_ref().map(|wizard| wizard.step)
    }
}

fn can_take_over(plan: &Plan) -> bool {
    plan.offered().is_some_and(|ids| !ids.is_empty())
}

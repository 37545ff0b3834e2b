//! The fields of the set-up, one question each.

use super::dialogue::{Answer, Dialogue, Picked, Question, numbered, quoted};
use super::person::{Person, Takes};
use super::words::{self, sentence};
use crate::app::Model;
use crate::app::form::{FieldId, Kind, Pasted};
use crate::app::go::Go;
use crate::app::keymap::Command;
use crate::app::message::Message;
use crate::app::popup::{About, Chooser, OTHER_HOST, Popup, Typed};
use crate::app::wizard::credentials::{Test, known_failure, suspect, tested_at};
use crate::app::wizard::{Item, STEPS, Wizard, answers, checklist, company_sync, pia_screen};
use crate::domain::check::CheckStatus;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::draft::Step;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;
use crate::tui::hangup::Exit;
use crate::words as told;
use crate::words::time::ago;

/// Rows of a list that are read out at once.
const LISTED: usize = 10;

/// Where an answer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// To the next question.
    On,
    /// To the one before.
    Back,
}

/// What a connection test leads to.
enum Tested {
    /// On: it passed, or the person goes on untested.
    On,
    Change(FieldId),
    /// To the question before.
    Back,
}

impl<P: Person> Dialogue<P> {
    /// Says which step this is, once.
    pub(super) fn announce(&mut self, step: Step) {
        if self.announced.replace(step) == Some(step) {
            return;
        }
        let name = told::step::name(step);
        self.person.say("");
        match STEPS.iter().position(|(other, _)| *other == step) {
            Some(at) => self.say(format!("Step {} of {}: {name}.", at + 1, STEPS.len())),
            None => self.say(format!("{name}.")),
        }
    }

    /// Begins a new set-up with what to have at hand; a screen has it a key away.
    pub(super) async fn needs(&mut self) -> Result<(), Exit> {
        let is_new = |wizard: &Wizard| wizard.id.is_none() && wizard.step == Step::Credentials && !wizard.is_edited();
        if self.model().wizard.as_ref().is_some_and(is_new) { self.go(Go::Step(Step::Checklist)).await } else { Ok(()) }
    }

    /// What to have at hand.
    pub(super) async fn checklist(&mut self) -> Result<(), Exit> {
        self.announce(Step::Checklist);
        self.from_behind = false;
        let mut lines = Vec::new();
        for need in checklist::NEEDS {
            lines.push(format!("{}: {}", need.what, need.where_.join(". ")));
        }
        self.say_all(&lines);
        let question = Question::text("Press Enter when you have these: ", lines);
        match self.ask(&question).await? {
            Answer::Line(_) => self.order(Command::Continue).await,
            Answer::Back => {
                self.order(Command::Back).await?;
                self.answer_popups().await.map(|_| ())
            }
        }
    }

    /// A step of fields, from where the focus stands.
    pub(super) async fn fields(&mut self, step: Step) -> Result<(), Exit> {
        self.announce(step);
        let shown = |model: &Model| {
            let Some(wizard) = &model.wizard else { return Vec::new() };
            wizard.shown_fields(step).filter(|field| wizard.stops_at(*field)).collect::<Vec<_>>()
        };
        let mut fields = shown(self.model());
        let focus = self.model().wizard.as_ref().map(|wizard| wizard.focus);
        let from_behind = std::mem::take(&mut self.from_behind);
        let mut at = match focus {
            _ if from_behind => fields.len() - 1,
            Some(Item::Field(field)) => fields.iter().position(|other| *other == field).unwrap_or_default(),
            Some(Item::Test) if self.model().wizard.as_ref().is_some_and(|w| w.test.is_passed() || w.untested) => {
                fields.len()
            }
            _ => 0,
        };
        // What is passed over was answered before: a screen would show it.
        for field in fields.iter().take(at).filter(|_| !from_behind) {
            self.say_answer(*field);
        }
        let mut moved = Moved::On;
        loop {
            let Some(field) = fields.get(at).copied() else {
                if step == Step::Credentials {
                    match self.connection().await? {
                        Tested::On => {}
                        Tested::Change(field) => {
                            self.send(Message::Focus(Item::Field(field))).await?;
                            fields = shown(self.model());
                            at = fields.iter().position(|other| *other == field).unwrap_or_default();
                            continue;
                        }
                        Tested::Back => {
                            (at, moved) = (fields.len() - 1, Moved::Back);
                            continue;
                        }
                    }
                }
                if step == Step::Integration {
                    self.say_callbacks();
                }
                if self.model().wizard.as_ref().is_none_or(|wizard| wizard.step != step) {
                    return Ok(());
                }
                return self.order(Command::Continue).await;
            };
            moved = match self.field(field).await? {
                // A field that asks for nothing lies under the way in both directions.
                None => moved,
                Some(moved) => moved,
            };
            match moved {
                Moved::On => at += 1,
                Moved::Back if at == 0 => {
                    self.from_behind = true;
                    return self.order(Command::Back).await;
                }
                Moved::Back => at -= 1,
            }
        }
    }

    /// Asks for one field; none where it asks for nothing now.
    pub(super) async fn field(&mut self, field: FieldId) -> Result<Option<Moved>, Exit> {
        self.send(Message::Focus(Item::Field(field))).await?;
        if field.info().kind == Kind::Choice {
            return self.contact().await;
        }
        let moved = self.typed(field).await?;
        Ok(Some(moved))
    }

    async fn typed(&mut self, field: FieldId) -> Result<Moved, Exit> {
        let Some(wizard) = &self.model().wizard else { return Ok(Moved::On) };
        let info = field.info();
        let below = wizard.form.default_chat_pod().filter(|_| field == FieldId::ChatPodUrl);
        let mut line = sentence(&wizard.help(field));
        if !info.help.contains("such as") && wizard.form.text(field).is_empty() && below.is_none() {
            line.push_str(&format!(" Example: {}", info.example));
        }
        let pointed = suspect(wizard) == Some(field);
        self.say(line);
        if let Some(below) = below {
            self.say(format!("Blank means {below}"));
        }
        if pointed {
            self.say("Check this answer: Halo's reply points to it.");
        }
        let teams = if info.kind == Kind::Board { pia_screen::teams(self.model()) } else { Vec::new() };
        let mut help = vec![info.more.to_owned(), format!("Example: {}", info.example)];
        if field.may_be_blank() {
            help.push("A single - makes it blank.".to_owned());
        }
        if !teams.is_empty() {
            let listed = self.say_teams(&teams);
            help.extend(listed);
        }
        let mut better: Option<String> = None;
        loop {
            let takes = if info.kind == Kind::Secret { Takes::Secret } else { Takes::Text };
            let prompt = self.prompt(field, better.as_deref());
            let question = Question { prompt, help: help.clone(), takes };
            let Answer::Line(line) = self.ask(&question).await? else { return Ok(Moved::Back) };
            let Some(wizard) = self.model().wizard.as_ref() else { return Ok(Moved::On) };
            let (form, has_secret) = (&wizard.form, wizard.has_secret);
            let number = line.trim().parse::<usize>().ok().and_then(|number| teams.get(number.checked_sub(1)?));
            let new = match (line.trim(), better.take(), number) {
                ("", Some(better), _) => Some(Secret::new(better)),
                ("", None, _) => None,
                ("-", ..) => Some(Secret::new("")),
                _ if info.kind == Kind::Secret => Some(Secret::new(line.as_str())),
                (text, ..) if quoted(text).is_some() => quoted(text).map(Secret::new),
                (_, _, Some(team)) => Some(Secret::new(team.clone())),
                (text, ..) => Some(Secret::new(text)).filter(|_| text != form.text(field)),
            };
            let refused = match &new {
                Some(new) => {
                    form.try_answer(field, new.expose(), has_secret).map_err(|wrong| (wrong.why, wrong.better))
                }
                None => match form.error(field, has_secret) {
                    Some(error) => Err((error, form.suggestion(field))),
                    None => Ok(Pasted::Whole),
                },
            };
            let pasted = match refused {
                Ok(pasted) => pasted,
                Err((error, suggestion)) => {
                    better = suggestion;
                    self.say(format!("Not accepted: {}", words::closed(&error)));
                    continue;
                }
            };
            if let Some(new) = new {
                let words = pasted.words(field).filter(|_| !new.expose().is_empty());
                self.send(Message::Answer(field, new)).await?;
                self.say_all(words);
            }
            self.say_remarks(field);
            return Ok(Moved::On);
        }
    }

    fn prompt(&self, field: FieldId, better: Option<&str>) -> String {
        let Some(wizard) = &self.model().wizard else { return String::new() };
        let label = field.info().label;
        if field.info().kind == Kind::Secret {
            let enter = match (wizard.form.secret.length(), &wizard.outside_secret, wizard.has_secret) {
                (0, Some(place), _) => format!(", Enter takes it from {place}"),
                (0, None, true) => ", Enter keeps the stored one".to_owned(),
                (0, None, false) => String::new(),
                (length, ..) => format!(", Enter keeps the {length} characters typed before"),
            };
            return format!("{label} (not shown while you type{enter}): ");
        }
        let current = Untrusted::new(wizard.form.text(field)).display();
        match (better, current.as_str()) {
            (Some(better), _) => format!("{label} (Enter takes {better}): "),
            (None, "") if field.may_be_blank() => format!("{label} (Enter leaves it blank): "),
            (None, "") => format!("{label}: "),
            (None, current) => format!("{label} (Enter keeps {current}): "),
        }
    }

    /// What the program made of an answer.
    fn say_remarks(&mut self, field: FieldId) {
        let Some(wizard) = &self.model().wizard else { return };
        let mut lines: Vec<String> = Vec::new();
        if field == FieldId::ClientSecret && !wizard.form.secret.is_empty() {
            lines.push(format!("{} characters.", wizard.form.secret.length()));
        }
        for remark in wizard.form.remarks(field) {
            let said = if remark.warning { "Warning: " } else { "" };
            let taken = remark.taken.map(|taken| format!("Understood as {taken}"));
            let said =
                taken.into_iter().chain(Some(format!("{said}{}", remark.text)).filter(|_| !remark.text.is_empty()));
            lines.push(said.collect::<Vec<_>>().join(", "));
        }
        if field == FieldId::DailySyncTime
            && let Ok(time) = DailySyncTime::parse(wizard.form.text(field))
        {
            let own = words::own_clock(self.model(), time);
            lines.push(format!("{time} UTC. {own}"));
            let service = self.model().status().map(|status| &status.service);
            lines.push(sentence(&told::service::next_run(time, service, self.model().now)));
        }
        if let Some(words) = company_sync::left_out(self.model()).filter(|_| field == FieldId::Include) {
            lines.push(sentence(&words));
        }
        if field.info().kind == Kind::Board
            && let Some(warning) = pia_screen::board_warning(self.model(), field)
        {
            lines.push(format!("Warning: {warning}."));
        }
        self.say_all(lines);
    }

    fn say_teams(&mut self, teams: &[String]) -> Vec<String> {
        let mut lines = vec!["Halo's teams; answer with a number, or type any name.".to_owned()];
        lines.extend(numbered(teams));
        if std::mem::replace(&mut self.listed, true) {
            // Heard once, at the first board: the second need not read them again.
            self.say("Answer with the number of a team, or type any name; ? reads the teams again.");
            return lines;
        }
        let last = lines.len();
        if last > LISTED + 1 {
            let more = format!("And {} more: ? reads all of them.", last - LISTED - 1);
            let first: Vec<String> = lines.iter().take(LISTED + 1).cloned().chain([more]).collect();
            self.say_all(first);
        } else {
            self.say_all(&lines);
        }
        lines
    }

    /// The connection test, with what to do when it fails.
    async fn connection(&mut self) -> Result<Tested, Exit> {
        loop {
            let Some(wizard) = &self.model().wizard else { return Ok(Tested::On) };
            if wizard.untested {
                self.say("Not verified: continued without a test.");
                return Ok(Tested::On);
            }
            if let Some(found) = known_failure(self.model()) {
                let words = format!("The connection test {}.", told::check::refused_since(found, self.model().now));
                self.say(words);
            } else if wizard.test.is_passed() {
                if matches!(wizard.test, Test::Before) {
                    let passed = tested_at(self.model()).map(|at| ago(self.model().now, at));
                    let passed = told::check::passed_before(passed);
                    self.say(format!("The connection test {passed}, and nothing has changed since."));
                }
                return Ok(Tested::On);
            }
            self.order(Command::Test).await?;
            self.agree_to_host().await?;
            let Some(wizard) = &self.model().wizard else { return Ok(Tested::On) };
            let skipped = wizard.test.checks().iter().filter(|check| check.status == CheckStatus::Skip);
            let skipped: Vec<&str> = skipped.map(|check| check.id.title()).collect();
            if !skipped.is_empty() {
                self.say(format!("Skipped: {}.", skipped.join(", ")));
            }
            let Some(wizard) = &self.model().wizard else { return Ok(Tested::On) };
            match &wizard.test {
                Test::Passed(report) => {
                    let words = format!("Connection test: {}.", told::check::passed(report).1);
                    self.say(words);
                    return Ok(Tested::On);
                }
                Test::Failed(report) => {
                    let failed = report.first_failure().map(|check| check.id.title()).unwrap_or_default();
                    self.say(format!("The connection test failed at {failed}. Nothing has been saved."));
                }
                Test::Broken(failure) => {
                    let failure = failure.clone();
                    self.say("The connection test failed. Nothing has been saved.");
                    self.say_failure(&failure);
                }
                Test::Not | Test::Before | Test::Running { .. } => {}
            }
            let mut rows = vec!["Try again".to_owned()];
            let fields = Wizard::fields(Step::Credentials).filter(|field| field.is_text());
            // What few need comes last.
            let (few, many): (Vec<FieldId>, Vec<FieldId>) = fields.partition(|field| field.is_advanced());
            let change = |field: &FieldId| format!("Change {}", field.info().label);
            rows.extend(many.iter().map(change));
            rows.push("Continue anyway".to_owned());
            rows.extend(few.iter().map(change));
            let untested = many.len() + 1;
            match self.pick(&rows, Some(0), "What now?").await? {
                Picked::Back => return Ok(Tested::Back),
                Picked::Row(0) => {}
                Picked::Row(at) if at < untested => return Ok(Tested::Change(many[at - 1])),
                Picked::Row(at) if at > untested => return Ok(Tested::Change(few[at - untested - 1])),
                Picked::Row(_) => {
                    self.order(Command::Untested).await?;
                    self.answer_popups().await?;
                }
            }
        }
    }

    /// The Client Secret would go to another host than Halo's: that one has to be typed.
    async fn agree_to_host(&mut self) -> Result<(), Exit> {
        let Some(Popup::Typed(Typed { wanted, about: About::OtherHost, .. })) = &self.model().popup else {
            return Ok(());
        };
        let (wanted, help) = (wanted.clone(), vec![OTHER_HOST.to_owned()]);
        self.say_all(&help);
        let question = Question::decision(format!("{}, or n to cancel: ", wanted.to_confirm()), help);
        match self.ask(&question).await? {
            Answer::Line(line) if wanted.is(&line) => {
                self.send(Message::Paste(Secret::new(wanted.word()))).await?;
                self.order(Command::Agree).await
            }
            answer => {
                if matches!(answer, Answer::Line(_)) {
                    self.say("The Client Secret was not sent.");
                }
                self.order(Command::ClosePopup).await
            }
        }
    }

    /// The test on its own: before a save of credentials that were changed. Says whether the way is free.
    pub(super) async fn retest(&mut self) -> Result<bool, Exit> {
        self.say("The credentials changed: they are tested before they are saved.");
        match self.connection().await? {
            Tested::On => Ok(true),
            Tested::Change(field) => self.field(field).await.map(|_| false),
            Tested::Back => Ok(false),
        }
    }

    /// Pia Escalate To: one of Halo's agents, by number or by search.
    pub(super) async fn contact(&mut self) -> Result<Option<Moved>, Exit> {
        let info = FieldId::EscalateTo.info();
        if let Some(reason) = pia_screen::choose_refusal(self.model()) {
            self.say(format!("{}: {reason}", info.label));
            return Ok(None);
        }
        self.say(sentence(info.help));
        let (now, warning) = pia_screen::escalate_words(self.model());
        if let Some(warning) = warning {
            self.say(format!("Warning: {now}: {warning}."));
        }
        let chosen =
            self.model().wizard.as_ref().and_then(|wizard| wizard.form.escalate_to.as_ref()).map(|to| to.agent_id);
        let mut chooser = Chooser::new(&self.model().facts.lists.agents, chosen, LISTED);
        let mut help = vec![info.more.to_owned()];
        help.push(
            "Answer with a number of the list, with a part of a name to search for it, or with - for none.".to_owned(),
        );
        self.say_agents(&chooser);
        loop {
            let rows = agents_of(&chooser);
            let searching = !chooser.query.value().is_empty();
            let enter = match (searching, rows.as_slice()) {
                (false, _) => format!("Enter keeps {now}"),
                (true, [only]) => format!("Enter takes {}", chooser.agents[*only].name),
                (true, _) => "Enter lists all again".to_owned(),
            };
            let prompt = format!("{} (a number, part of a name, or - for none; {enter}): ", info.label);
            let Answer::Line(line) = self.ask(&Question::text(prompt, help.clone())).await? else {
                return Ok(Some(Moved::Back));
            };
            let text = line.trim();
            let number = text.parse::<usize>().ok();
            let choice = match (text, number.and_then(|number| rows.get(number.checked_sub(1)?)), rows.as_slice()) {
                ("", _, _) if !searching => return Ok(Some(Moved::On)),
                ("-", ..) => None,
                (_, Some(at), _) => Some(*at),
                ("", None, [only]) => Some(*only),
                _ => {
                    chooser.query = tui_input::Input::new(text.to_owned());
                    chooser.filter(LISTED);
                    if agents_of(&chooser).is_empty() {
                        self.say("No match.");
                        chooser.query.reset();
                        chooser.filter(LISTED);
                    } else {
                        self.say_agents(&chooser);
                    }
                    continue;
                }
            };
            let choice = choice.and_then(|at| chooser.agents.get(at));
            let name = choice.map_or_else(|| "no default escalation".to_owned(), |agent| agent.name.display());
            let id = choice.map_or_else(String::new, |agent| agent.id.to_string());
            self.send(Message::Answer(FieldId::EscalateTo, Secret::new(id))).await?;
            self.say(format!("{}: {name}.", info.label));
            return Ok(Some(Moved::On));
        }
    }

    fn say_agents(&mut self, chooser: &Chooser) {
        let rows = agents_of(chooser);
        let listed = rows.iter().take(LISTED).enumerate();
        let mut lines: Vec<String> =
            listed.map(|(at, row)| format!("{}. {}", at + 1, chooser.agents[*row].name)).collect();
        if rows.len() > LISTED {
            lines.push(format!("And {} more: type a part of the name.", rows.len() - LISTED));
        }
        self.say_all(lines);
    }

    /// An answer as the review has it.
    fn say_answer(&mut self, field: FieldId) {
        let Some(wizard) = &self.model().wizard else { return };
        let (value, _) = answers::value(self.model(), wizard, field);
        self.say(format!("{}: {}", field.info().label, words::answer(&value)));
    }

    /// The callback addresses, masked.
    pub(super) fn say_callbacks(&mut self) {
        let lines: Vec<String> = self
            .model()
            .facts
            .callbacks
            .iter()
            .map(|(group, url)| format!("Callback URL of {}: {}", group.webhook_name(), url.masked()))
            .collect();
        self.say_all(lines);
    }
}

fn agents_of(chooser: &Chooser) -> Vec<usize> {
    chooser.rows.iter().copied().flatten().collect()
}

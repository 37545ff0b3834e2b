//! Plain mode: the same interface as questions and answers, for screen readers and dumb terminals.
//!
//! Whole lines, one after the other: nothing is drawn, written over or coloured, and no line is longer than what it says.
//! The steps, fields, rules and words are the screens' own ([`crate::app`]); so are the draft and what is kept of it.

mod commands;
mod dialogue;
mod events;
mod fields;
mod menu;
mod person;
mod removal;
mod steps;
mod terminal;
mod words;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use self::dialogue::{Dialogue, SIGNS};
use self::person::Person;
use self::terminal::LineTerminal;
use super::hangup::Exit;
use super::outside::Outside;
use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::model::Screen;
use crate::app::{Model, Start};
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::Step;
use crate::domain::next::Next;

/// What the person came for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Whatever is next, and then the menu.
    Everything,
    /// The set-up, to its end; of this configuration, where one is named.
    SetUp(Option<ConfigurationId>),
}

/// Runs the dialogue on the terminal of the process, until it ends. The caller ends the process afterwards without
/// waiting for threads: one of them sits in a read of the terminal.
pub async fn run(start: Start, goal: Goal, outside: Arc<dyn Outside>) -> io::Result<Exit> {
    let (model, effects) = Model::new(start);
    let mut dialogue = Dialogue::new(LineTerminal::open()?, model, outside, Timestamp::now);
    Ok(dialogue.run(goal, effects).await)
}

impl<P: Person> Dialogue<P> {
    async fn run(&mut self, goal: Goal, effects: Vec<Effect>) -> Exit {
        let exit = match Box::pin(self.talk(goal, effects)).await {
            Ok(()) => Exit::Quit,
            Err(exit) => exit,
        };
        self.end(exit).await;
        exit
    }

    async fn talk(&mut self, goal: Goal, effects: Vec<Effect>) -> Result<(), Exit> {
        self.say("pia-halo in plain mode: one question after the other.");
        self.say(SIGNS);
        self.begin(effects).await?;
        self.answer_popups().await?;
        if self.model().screen != Screen::Wizard {
            self.open(&goal).await?;
        }
        loop {
            match self.model().screen {
                Screen::Wizard => {
                    let Some(step) = self.step() else { return Ok(()) };
                    match step {
                        Step::Checklist => self.checklist().await?,
                        Step::Credentials | Step::CompanySync | Step::PiaScreen | Step::Integration => {
                            self.fields(step).await?;
                        }
                        Step::Review => self.review().await?,
                        Step::InitialSync => self.first_sync().await?,
                        Step::Configure => self.configure().await?,
                        Step::Finished => {
                            self.finished().await?;
                            if goal != Goal::Everything {
                                self.say(format!("To open the menu: {} --plain", Next::Wizard));
                                return Ok(());
                            }
                        }
                    }
                    self.answer_popups().await?;
                }
                Screen::Panes => self.menu().await?,
                Screen::Integrations => self.cards().await?,
                Screen::Starting => return Ok(()),
            }
        }
    }

    /// Where to begin, where nothing unfinished decides it.
    async fn open(&mut self, goal: &Goal) -> Result<(), Exit> {
        let nothing = self.model().overview.configurations.is_empty() && self.model().overview_failed.is_none();
        if nothing && self.model().overview.draft.is_none() {
            self.go(Go::New).await?;
            return self.needs().await;
        }
        let Goal::SetUp(named) = goal else { return Ok(()) };
        match named {
            Some(id) => self.edit(id.clone()).await,
            None => self.go(Go::Integrations).await,
        }
    }
}

//! Questions on a terminal. A command never asks where there is none.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::domain::untrusted::{harmless, passphrase_of, without_margin};
use crate::tui::session::{is_in_foreground, wait_for_input};
use crate::words::typed::ToType;

/// The terminal as it was before a question, while one is asked: what a signal gives back before it ends the program.
static ASKING: Mutex<Option<Option<Termios>>> = Mutex::new(None);

/// Gives the terminal back, if a question is being asked: a reading of the terminal cannot be stopped otherwise.
pub fn end_question() -> bool {
    let asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner).take();
    // In the background the shell has taken the terminal back by itself, and whoever touched it would be stopped.
    if let (Some(Some(before)), true) = (&asking, is_in_foreground()) {
        _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
    asking.is_some()
}

/// Whether a person is there to answer.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether a person may look on: in a pipe, too, but neither below cron nor as a service.
pub fn is_attended() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

/// Asks a question that only a plain yes answers with yes.
pub fn yes(question: &str) -> bool {
    eprint_flush(&format!("{question} [y/N] "));
    let question = Question::begin(true);
    let mut answer = String::new();
    let read = read_line(&mut answer).is_ok();
    drop(question);
    read && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

/// Asks for a word to be typed: for what cannot be taken back by a second key.
pub fn typed(question: &str, wanted: &ToType) -> bool {
    eprint_flush(&format!("{question}: "));
    let question = Question::begin(true);
    let mut answer = String::new();
    let read = read_line(&mut answer).is_ok();
    drop(question);
    read && wanted.is(&answer)
}

/// Asks for the Client Secret without showing it.
pub fn secret() -> Result<Secret, Failure> {
    match hidden("Client Secret") {
        Some(answer) if !without_margin(&answer).is_empty() => Ok(Secret::typed(&answer)),
        _ => Err(Failure::new(FailureKind::Usage, "a Client Secret is needed")),
    }
}

/// Asks for a passphrase without showing it; for a new one twice.
pub fn passphrase(is_new: bool) -> Result<Secret, Failure> {
    let typed = hidden("Passphrase").unwrap_or_default();
    let again = if is_new { hidden("Repeat the passphrase").unwrap_or_default() } else { typed.clone() };
    match Secret::new(typed.trim_end_matches(['\r', '\n'])) {
        empty if passphrase_of(empty.expose()).is_empty() => {
            Err(Failure::new(FailureKind::Usage, "a passphrase is needed"))
        }
        secret if secret == Secret::new(again.trim_end_matches(['\r', '\n'])) => Ok(secret),
        _ => Err(Failure::new(FailureKind::Usage, "the two passphrases differ")),
    }
}

fn hidden(what: &str) -> Option<zeroize::Zeroizing<String>> {
    // Before the question is seen: nobody's first letters may show.
    let question = Question::begin(false);
    eprint_flush(&format!("{what}: "));
    let mut answer = zeroize::Zeroizing::new(String::new());
    let read = read_line(&mut answer);
    drop(question);
    eprint_flush("\n");
    read.is_ok().then_some(answer)
}

fn read_line(answer: &mut String) -> io::Result<usize> {
    wait_for_input();
    io::stdin().lock().read_line(answer)
}

fn eprint_flush(text: &str) {
    let mut stderr = io::stderr().lock();
    _ = stderr.write_all(harmless(text).as_bytes()).and_then(|()| stderr.flush());
}

/// A question that is being asked; without echo where the answer is a secret. Over when dropped.
struct Question;

impl Question {
    fn begin(echo: bool) -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let (false, Some(before)) = (echo, &before) {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            _ = tcsetattr(io::stdin(), OptionalActions::Flush, &silent);
        }
        *ASKING.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        Self
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        end_question();
    }
}

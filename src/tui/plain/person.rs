//! Who the dialogue talks with. A trait, so that a test needs no terminal.

use zeroize::Zeroizing;

use crate::tui::hangup::Exit;

/// What a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Text,
    /// A decision: what was typed before it was asked is no answer to it.
    Decision,
    /// The Client Secret: not shown, and not taken from what was typed before it was asked.
    Secret,
}

pub enum Heard {
    /// A line, without its end. It may be a secret.
    Line(Zeroizing<String>),
    /// The end: the person left, the line was lost, a signal.
    End(Exit),
}

/// A person at a terminal that only knows lines.
pub trait Person {
    fn say(&mut self, line: &str);

    fn ask(&mut self, prompt: &str, takes: Takes) -> impl Future<Output = Heard>;

    /// Waits for the moment in which the program has to end, while nothing is asked.
    fn leaves(&mut self) -> impl Future<Output = Exit>;
}

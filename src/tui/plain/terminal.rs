//! The terminal as a thing of lines: it stays in the modes it was found in, but for the echo of the Client Secret.
//!
//! The terminal's own line editing does the typing, so a screen reader hears what it hears in a shell.

use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::person::{Heard, Person, Takes};
use crate::app::form::{FieldId, Pasted};
use crate::app::text::width;
use crate::tui::hangup::{self, Exit, Signal, Signals};
use crate::tui::session::{OwnTerminal, TerminalControl, tell_panics, wait_for_input};

/// The longest line that the terminal itself gives.
const LONGEST: usize = 4_096;

type Line = io::Result<Option<Zeroizing<String>>>;

/// The person at the terminal of this process.
pub struct LineTerminal {
    wants: std::sync::mpsc::Sender<()>,
    lines: mpsc::Receiver<Line>,
    signals: Signals,
    /// Whether the last answer was a line with something in it: what came with it in one go was pasted.
    answered: bool,
}

impl LineTerminal {
    /// Takes the terminal over. Needs a tokio runtime.
    pub fn open() -> io::Result<Self> {
        let (sender, signals) = mpsc::unbounded_channel();
        hangup::listen(&sender)?;
        let on_panic = sender.clone();
        // Whoever hides what is typed gives it back when dropped, a panic included.
        tell_panics(
            || {},
            move || {
                let _ = on_panic.send(Signal::Panic);
            },
        );
        hangup::watch_standard_input(sender)?;
        let (wants, wanted) = std::sync::mpsc::channel();
        let (answers, lines) = mpsc::channel(1);
        // A reading of the terminal cannot be stopped: it has a thread of its own, and the end of the process ends it.
        std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || while wanted.recv().is_ok() && answers.blocking_send(read_line()).is_ok() {})?;
        Ok(Self { wants, lines, signals, answered: false })
    }

    /// Drops what was typed before the question was asked, where it cannot be an answer to it.
    fn drop_what_came_before(&mut self, takes: Takes) {
        if takes != Takes::Text {
            let _ = tcflush(stdin(), QueueSelector::IFlush);
        } else if self.answered && has_line() {
            let _ = tcflush(stdin(), QueueSelector::IFlush);
            self.say(&Pasted::FirstLine.words(FieldId::Name).unwrap_or_default());
        }
    }

    /// Ctrl-Z: the shell gets the terminal as it was.
    fn stop() {
        if OwnTerminal.can_stop() {
            OwnTerminal.stop();
        }
    }
}

impl Person for LineTerminal {
    fn say(&mut self, line: &str) {
        write(&format!("{}\n", at_words(line, columns())));
    }

    async fn ask(&mut self, prompt: &str, takes: Takes) -> Heard {
        self.drop_what_came_before(takes);
        // Before the question is seen: nobody's first letters may show.
        let mut silence = (takes == Takes::Secret).then(Silence::begin);
        let prompt = &at_words(prompt, columns());
        write(prompt);
        let _ = self.wants.send(());
        loop {
            tokio::select! {
                biased;
                Some(signal) = self.signals.recv() => match signal {
                    // Where nobody could bring it back it stays, and what is typed stays unseen.
                    Signal::Suspend if !OwnTerminal.can_stop() => {
                        write(&format!("\nThere is no shell here that could bring the program back.\n{prompt}"));
                    }
                    Signal::Suspend => {
                        silence = None;
                        OwnTerminal.stop();
                    }
                    Signal::Continue => {
                        if let Some(signal) = hangup::wait_for_foreground(&OwnTerminal, &mut self.signals).await {
                            return Heard::End(end_by(signal));
                        }
                        silence = (takes == Takes::Secret).then(Silence::begin);
                        write(&format!("\n{prompt}"));
                    }
                    signal => {
                        drop(silence);
                        return Heard::End(end_by(signal));
                    }
                },
                line = self.lines.recv() => {
                    if silence.is_some() {
                        // Enter was not shown either.
                        write("\n");
                    }
                    return match line {
                        Some(Ok(Some(line))) => {
                            self.answered = !line.trim().is_empty();
                            Heard::Line(line)
                        }
                        Some(Ok(None)) if !OwnTerminal.is_gone() => {
                            write("\n");
                            Heard::End(Exit::Quit)
                        }
                        Some(_) | None => Heard::End(Exit::HungUp),
                    };
                }
            }
        }
    }

    async fn leaves(&mut self) -> Exit {
        loop {
            match self.signals.recv().await {
                Some(Signal::Suspend) => Self::stop(),
                Some(Signal::Continue) => {}
                Some(signal) => return end_by(signal),
                None => std::future::pending().await,
            }
        }
    }
}

fn end_by(signal: Signal) -> Exit {
    let exit = signal.exit();
    if exit != Exit::HungUp {
        // What follows begins on a line of its own.
        write("\n");
    }
    exit
}

/// The columns of the terminal; none where nothing is known of them.
fn columns() -> usize {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(0, |size| usize::from(size.ws_col))
}

/// A line in so many columns, broken between words alone: an address stays whole, to be read and copied.
fn at_words(line: &str, columns: usize) -> String {
    let mut broken = String::with_capacity(line.len() + 8);
    let mut used = 0;
    for (at, word) in line.split(' ').enumerate() {
        let room = width(word);
        match at {
            0 => {}
            _ if columns > 0 && used > 0 && used + 1 + room > columns => {
                broken.push('\n');
                used = 0;
            }
            _ => {
                broken.push(' ');
                used += 1;
            }
        }
        broken.push_str(word);
        used += room;
    }
    broken
}

/// Nobody reading it is no error: a lost line is noticed by itself.
fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Whether a whole line waits to be read.
fn has_line() -> bool {
    let stdin = stdin();
    let mut descriptors = [PollFd::new(&stdin, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut descriptors, Some(&at_once)).is_ok_and(|ready| ready > 0)
        && descriptors[0].revents().contains(PollFlags::IN)
}

/// Reads one line, and nothing beyond it; none at the end of the input. It may be a secret: what it was read into is
/// erased, and never grows.
fn read_line() -> Line {
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LONGEST));
    let mut chunk = Zeroizing::new([0; LONGEST]);
    while !bytes.ends_with(b"\n") && bytes.len() <= LONGEST {
        wait_for_input();
        match rustix::io::read(stdin(), &mut chunk[..]) {
            Ok(0) => return Ok(None),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let line = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    Ok(Some(Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())))
}

/// What is typed is not shown, until this is dropped: after the answer, a signal, a stop, a panic.
struct Silence {
    before: Option<Termios>,
}

impl Silence {
    fn begin() -> Self {
        let before = tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            let _ = tcsetattr(stdin(), OptionalActions::Flush, &silent);
        }
        Self { before }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_alone() {
        let line = "Its variable is PIA_HALO_CLIENT_SECRET, or a file";
        assert_eq!(at_words(line, 20), "Its variable is\nPIA_HALO_CLIENT_SECRET,\nor a file");
        assert_eq!(at_words(line, 200), line);
        assert_eq!(at_words(line, 0), line, "nothing is known of the terminal");
        assert_eq!(at_words("Your choice: ", 12), "Your choice:\n", "what is typed stands behind it");
    }
}

//! The ways in which the world ends the program: signals, a lost line, a panic elsewhere.
//!
//! A lost line usually sends `SIGHUP`, but not to a process without a controlling terminal, and it never ends
//! crossterm's reader. So a thread also watches standard input for its end; it costs nothing while the line lives.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::session::TerminalControl;
use crate::domain::exit_code;

/// How long the signal of a shell's `kill` may take to be heard after its word to go on.
const ENDING: Duration = Duration::from_millis(200);
/// How long the loop has after the line is lost before the process is ended without it.
const LAST_RESORT: Duration = Duration::from_millis(900);

/// What reaches the loop from outside of the terminal's own input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The line is lost.
    Hangup,
    /// `SIGINT`, from outside: the key is a key in raw mode.
    Interrupt,
    /// `SIGTERM`.
    Terminate,
    /// Another that ends a program, by its number.
    Other(u8),
    /// `SIGTSTP`, from outside.
    Suspend,
    /// The process goes on after a stop.
    Continue,
    /// Something panicked.
    Panic,
}

/// How the interface ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The person left.
    Quit,
    /// The line was lost.
    HungUp,
    /// `SIGINT`.
    Interrupted,
    /// `SIGTERM`.
    Terminated,
    /// Another signal, by its number.
    Other(u8),
    /// A fault in the program.
    Panicked,
}

impl Signal {
    /// How the program ends by it.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Interrupt => Exit::Interrupted,
            Self::Terminate => Exit::Terminated,
            Self::Hangup => Exit::HungUp,
            Self::Other(number) => Exit::Other(number),
            Self::Panic | Self::Suspend | Self::Continue => Exit::Panicked,
        }
    }
}

impl Exit {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Panicked => exit_code::PANICKED,
            Self::HungUp => exit_code::HUNG_UP,
            Self::Interrupted => exit_code::INTERRUPTED,
            Self::Terminated => exit_code::TERMINATED,
            Self::Other(number) => exit_code::by_signal(number),
        }
    }

    /// How long running tasks get to end themselves. After a lost line the process is gone within a second.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::HungUp => Duration::from_millis(700),
            Self::Quit | Self::Interrupted | Self::Terminated | Self::Other(_) | Self::Panicked => {
                Duration::from_secs(2)
            }
        }
    }
}

/// Where [`Signal`]s go.
pub type SignalSender = mpsc::UnboundedSender<Signal>;
/// Where the loop takes [`Signal`]s from.
pub type Signals = mpsc::UnboundedReceiver<Signal>;

/// Listens to the signals of the process, from now until it ends. Needs a tokio runtime.
pub fn listen(sender: &SignalSender) -> io::Result<()> {
    let kinds = [
        (SignalKind::hangup(), Signal::Hangup),
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()), Signal::Suspend),
        (SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()), Signal::Continue),
    ];
    for (kind, meaning) in kinds {
        pass_on(kind, meaning, sender)?;
    }
    for number in others_that_end().chain([rustix::process::Signal::ABORT.as_raw()]) {
        // Where a signal cannot be watched, its usual effect is right.
        if let Ok(named) = u8::try_from(number) {
            _ = pass_on(SignalKind::from_raw(number), Signal::Other(named), sender);
        }
    }
    Ok(())
}

fn pass_on(kind: SignalKind, meaning: Signal, sender: &SignalSender) -> io::Result<()> {
    let mut stream = signal(kind)?;
    let sender = sender.clone();
    tokio::spawn(async move { while stream.recv().await.is_some() && sender.send(meaning).is_ok() {} });
    Ok(())
}

/// The signals beside `HUP`, `INT` and `TERM` that end a program which does not heed them, but for those that it was started to
/// ignore. What is told by `BUS`, `FPE`, `ILL`, `SEGV`, `SYS` or `TRAP` cannot go on, not even to leave; `PIPE` and `XFSZ` are
/// errors of a write here; and by `ABRT` a service manager ends what hangs.
pub(crate) fn others_that_end() -> impl Iterator<Item = i32> {
    use rustix::process::Signal as S;
    let named = [S::QUIT, S::USR1, S::USR2, S::ALARM, S::VTALARM, S::PROF, S::XCPU].map(S::as_raw);
    #[cfg(target_os = "linux")]
    let more = [S::STKFLT, S::IO, S::POWER].map(S::as_raw).into_iter().chain(34..=64);
    #[cfg(not(target_os = "linux"))]
    let more = std::iter::empty();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    named.into_iter().chain(more).filter(move |number| ignored & (1 << (number - 1)) == 0)
}

/// The signals that a process ignores, as Linux shows them.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Waits until the shell gives the terminal, stopped like any other that wants it in the background. Whoever took it there would
/// be stopped in the middle of that. Gives the signal that ends the program meanwhile: a shell's `kill` is that signal, and the
/// word to go on.
pub(super) async fn wait_for_foreground(control: &dyn TerminalControl, signals: &mut Signals) -> Option<Signal> {
    while !control.is_in_foreground() && control.can_stop() {
        match tokio::time::timeout(ENDING, signals.recv()).await {
            Ok(Some(Signal::Suspend | Signal::Continue)) => {}
            Ok(ending) => return ending,
            Err(_) if control.is_in_foreground() => {}
            Err(_) => control.stop(),
        }
    }
    None
}

/// Watches standard input, and ends the process if the loop does not do so in time once the line is lost.
pub fn watch_standard_input(sender: SignalSender) -> io::Result<()> {
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
        if wait_for_hangup(rustix::stdio::stdin()) {
            let _ = sender.send(Signal::Hangup);
            std::thread::sleep(LAST_RESORT);
            tracing::warn!("the terminal is gone and the program did not stop by itself");
            std::process::exit(i32::from(Exit::HungUp.code()));
        }
    })?;
    Ok(())
}

/// Blocks until the other end of a descriptor is gone. Asks for no events, so it takes no input away from anybody.
/// False where the descriptor cannot be watched.
fn wait_for_hangup(descriptor: impl AsFd) -> bool {
    loop {
        let mut descriptors = [PollFd::new(&descriptor, PollFlags::empty())];
        match poll(&mut descriptors, None) {
            Ok(_) if descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => return true,
            // A descriptor that cannot be watched would make this loop spin.
            Ok(_) => return false,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::RecvTimeoutError;

    use super::*;

    #[test]
    fn watch_sees_end_and_leaves_input_alone() {
        let (reader, mut writer) = io::pipe().unwrap();
        let copy = reader.try_clone().unwrap();
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(wait_for_hangup(copy)));
        writer.write_all(b"key").unwrap();
        assert_eq!(ended.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
        drop(writer);
        assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(true));
        assert_eq!(io::read_to_string(reader).unwrap(), "key");
    }

    #[test]
    fn exit_codes_are_documented_ones() {
        let exits = [Exit::Quit, Exit::HungUp, Exit::Interrupted, Exit::Terminated];
        assert_eq!(exits.map(Exit::code), [0, 129, 130, 143]);
        assert_eq!([Exit::Other(3), Exit::Other(64)].map(Exit::code), [131, 192], "as a shell tells them");
    }

    /// What a shell without job control begins in the background ignores the keys of those in front.
    #[test]
    fn ignored_signals_are_known() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001006\nSigCgt:\t0000000000000004\n"), 0b1_0000_0000_0110);
        assert_eq!((ignored(""), ignored("SigIgn:\tx")), (0, 0));
    }
}

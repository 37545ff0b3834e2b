//! The guard of the terminal: what was switched on is switched off again, once, on every way out.
//!
//! Quit, errors, the panic hook, signals and Ctrl-Z all call the one [`SessionHandle::restore`]. It only sends escape
//! bytes and puts the modes back; it never panics and never prints, because a restore that writes to a terminal which
//! is gone would panic inside the panic hook and abort.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::process::{Signal, kill_current_process_group};

use crate::domain::untrusted::Untrusted;

/// Alternate screen, bracketed paste, hidden cursor. No mouse: it would take select and copy away from the person.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// Ends a synchronised update first: a frame may have been cut off in its middle.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h";
/// The same for terminals that may take the private mode of synchronised updates for text.
const LEAVE_PLAIN: &[u8] = b"\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h";
/// How long the bytes of a restore may take: a terminal that does not read must not hold the exit.
const RESTORE_PATIENCE: Duration = Duration::from_millis(300);

const LEFT: u8 = 0;
const ENTERED: u8 = 1;
const GONE: u8 = 2;

/// What the guard needs of a terminal. A trait so that a test can watch it.
pub trait TerminalControl: Send + Sync + 'static {
    /// Raw mode on.
    fn raw(&self) -> io::Result<()>;
    /// The modes as they were before [`TerminalControl::raw`].
    fn cooked(&self) -> io::Result<()>;
    /// Sends bytes past the frames, and gives up on a terminal that does not take them.
    fn send(&self, bytes: &'static [u8]) -> io::Result<()>;
    /// The size, where the terminal knows one.
    fn size(&self) -> Option<Size>;
    /// Whether the line is dead.
    fn is_gone(&self) -> bool;
    /// Whether somebody is there who can bring the process back after a stop.
    fn can_stop(&self) -> bool {
        true
    }
    /// Whether the terminal is this process's to take, and not another's of the same shell.
    fn is_in_foreground(&self) -> bool {
        true
    }
    /// Stops the process, and with it those that wait for it, until the shell brings them back.
    fn stop(&self);
}

/// The terminal on standard input and output.
#[derive(Clone, Copy, Debug)]
pub struct OwnTerminal;

impl TerminalControl for OwnTerminal {
    // crossterm keeps the former modes, and its key parser asks it whether raw mode is on (Ctrl-J is Enter otherwise).
    fn raw(&self) -> io::Result<()> {
        crossterm::terminal::enable_raw_mode()
    }

    fn cooked(&self) -> io::Result<()> {
        crossterm::terminal::disable_raw_mode()
    }

    /// From a thread of its own: a write to a stalled terminal blocks for ever, and this one has to end.
    fn send(&self, bytes: &'static [u8]) -> io::Result<()> {
        let (done, ended) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new().name("terminal-modes".to_owned()).spawn(move || {
            let _ = done.send(super::raw::StandardOutput.write_all(bytes));
        })?;
        ended.recv_timeout(RESTORE_PATIENCE).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn size(&self) -> Option<Size> {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then_some(Size::new(size.ws_col, size.ws_row))
    }

    fn is_gone(&self) -> bool {
        is_dead(rustix::stdio::stdin())
    }

    fn can_stop(&self) -> bool {
        Kin::own().is_some_and(|own| has_shell(own, Kin::of))
    }

    fn is_in_foreground(&self) -> bool {
        is_in_foreground()
    }

    /// The whole process group, as the terminal itself would: a script around this process must not go on waiting.
    /// `SIGSTOP`, because a `SIGTSTP` would only come to our own handler.
    fn stop(&self) {
        if let Err(error) = kill_current_process_group(Signal::STOP) {
            tracing::warn!(%error, "cannot stop the process");
        }
    }
}

/// Where a process belongs. Plain numbers: in a container the parent, group and session may be outside, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kin {
    parent: i32,
    group: i32,
    session: i32,
}

impl Kin {
    #[cfg(target_os = "linux")]
    fn own() -> Option<Self> {
        Self::read("/proc/self/stat")
    }

    #[cfg(not(target_os = "linux"))]
    fn own() -> Option<Self> {
        use rustix::process::{Pid, getpgrp, getppid, getsid};

        let session = getsid(None).ok()?.as_raw_pid();
        let group = getpgrp().as_raw_pid();
        Some(Self { parent: Pid::as_raw(getppid()), group, session })
    }

    #[cfg(target_os = "linux")]
    fn of(process: i32) -> Option<Self> {
        Self::read(&format!("/proc/{process}/stat"))
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: i32) -> Option<Self> {
        None
    }

    #[cfg(target_os = "linux")]
    fn read(stat: &str) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(stat).ok()?)
    }

    /// Reads `pid (name) state parent group session …`; the name may hold anything.
    #[cfg(any(target_os = "linux", test))]
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(|field| field.parse().ok());
        Some(Self { parent: fields.next()??, group: fields.next()??, session: fields.next()?? })
    }
}

/// Whether the process group has a parent in its session, so that there is a shell to stop for: not under
/// `ssh -t host pia-halo`, and not as the first program of a container or a terminal window.
fn has_shell(own: Kin, of: impl Fn(i32) -> Option<Kin>) -> bool {
    let mut parent = own.parent;
    loop {
        match of(parent) {
            // Hidden from us. A group of its own was most likely made by a shell.
            None => return own.group != own.session,
            Some(kin) if kin.session != own.session => return false,
            Some(kin) if kin.group != own.group => return true,
            Some(kin) => parent = kin.parent,
        }
    }
}

/// Whether the other end of a descriptor has gone away.
fn is_dead(descriptor: impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut descriptors, Some(&at_once)) {
        Ok(_) => descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        Err(_) => false,
    }
}

/// Whether the terminal on standard input is this process's to take; so too where no shell shares it out.
pub fn is_in_foreground() -> bool {
    rustix::termios::tcgetpgrp(rustix::stdio::stdin()).map_or(true, |group| group == rustix::process::getpgrp())
}

/// Waits until standard input can be read. A read of it is stopped in the background, even where nothing is there to be read, and
/// with it the signal that ends the program.
pub fn wait_for_input() {
    let stdin = rustix::stdio::stdin();
    while poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None) == Err(rustix::io::Errno::INTR) {}
}

/// Whether a last line can be written, or soon: a terminal that takes nothing holds up nobody's leaving.
pub fn takes_line(descriptor: impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::OUT)];
    let soon = Timespec { tv_sec: 1, tv_nsec: 0 };
    match poll(&mut descriptors, Some(&soon)) {
        Ok(_) => descriptors[0].revents().contains(PollFlags::OUT),
        Err(_) => false,
    }
}

/// Whether standard input and standard output both are a terminal. Where not, the interface must not start.
pub fn has_terminal() -> bool {
    rustix::termios::isatty(rustix::stdio::stdin()) && rustix::termios::isatty(rustix::stdio::stdout())
}

struct Shared {
    control: Box<dyn TerminalControl>,
    state: AtomicU8,
    leave: &'static [u8],
}

/// The terminal in the program's hands, until this is dropped.
pub struct Session {
    handle: SessionHandle,
}

/// What the panic hook and the writer of frames hold of a [`Session`].
#[derive(Clone)]
pub struct SessionHandle {
    shared: Arc<Shared>,
}

impl Session {
    /// Takes the terminal. When a step fails, what was done is undone.
    pub fn enter(control: impl TerminalControl, synchronised: bool) -> io::Result<Self> {
        let leave = if synchronised { LEAVE } else { LEAVE_PLAIN };
        let shared = Shared { control: Box::new(control), state: AtomicU8::new(LEFT), leave };
        let session = Self { handle: SessionHandle { shared: Arc::new(shared) } };
        session.enter_again()?;
        Ok(session)
    }

    /// Takes the terminal back after a stop, whether this session had let go of it or somebody else stopped us.
    pub fn enter_again(&self) -> io::Result<()> {
        let shared = &self.handle.shared;
        if shared.state.load(Ordering::SeqCst) == GONE {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if shared.state.load(Ordering::SeqCst) == ENTERED {
            // A stop from outside: the shell has changed the modes behind our back, so they are set anew.
            shared.control.cooked()?;
        }
        shared.control.raw()?;
        shared.state.store(ENTERED, Ordering::SeqCst);
        match shared.control.send(ENTER) {
            // A terminal that does not read just now gets them in their turn, before all that follows.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            Err(error) => {
                self.handle.restore();
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether there is a shell to go back to.
    pub fn can_suspend(&self) -> bool {
        self.handle.shared.control.can_stop()
    }

    /// The terminal itself.
    pub(super) fn control(&self) -> &dyn TerminalControl {
        &*self.handle.shared.control
    }

    /// Gives the terminal back and stops the process until the shell continues it.
    pub fn suspend(&self) {
        self.handle.restore();
        self.handle.shared.control.stop();
    }

    /// Another grip on the same session.
    pub fn handle(&self) -> SessionHandle {
        self.handle.clone()
    }

    /// The size of the terminal, where it knows one.
    pub fn size(&self) -> Option<Size> {
        self.handle.shared.control.size()
    }

    /// Restores before a panic's message is printed, and calls `on_panic` so that a panic anywhere ends the program.
    pub fn install_panic_hook(&self, on_panic: impl Fn() + Send + Sync + 'static) {
        let handle = self.handle();
        tell_panics(move || handle.restore(), on_panic);
    }
}

/// Tells the person and the log of a panic anywhere: `before` gives the terminal back first, `on_panic` ends the program.
pub(super) fn tell_panics(before: impl Fn() + Send + Sync + 'static, on_panic: impl Fn() + Send + Sync + 'static) {
    let told = AtomicBool::new(false);
    panic::set_hook(Box::new(move |info| {
        // To the log, with its back trace: a screen is no place for one.
        let trace = std::backtrace::Backtrace::capture();
        tracing::error!(panic = %describe(info), %trace, "internal error (panic)");
        before();
        // Once: what panics after it is mostly a consequence.
        if !told.swap(true, Ordering::SeqCst) && !is_dead(rustix::stdio::stderr()) {
            let _ = writeln!(io::stderr(), "pia-halo stopped because of an internal error: {}", describe(info));
        }
        on_panic();
    }));
}

impl Drop for Session {
    fn drop(&mut self) {
        self.handle.restore();
    }
}

impl SessionHandle {
    /// Gives the terminal back. Only the first call does anything; errors are dropped, since nobody could read them.
    pub fn restore(&self) {
        let shared = &self.shared;
        if shared.state.compare_exchange(ENTERED, LEFT, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        if shared.control.is_gone() {
            shared.state.store(GONE, Ordering::SeqCst);
            return;
        }
        // The modes first: this never waits for a terminal that does not read.
        let _ = shared.control.cooked();
        let _ = shared.control.send(shared.leave);
    }

    /// The line is dead: nothing is written to it any more, not even by a restore.
    pub fn abandon(&self) {
        self.shared.state.store(GONE, Ordering::SeqCst);
    }

    /// Whether the terminal is ours to draw on.
    pub fn is_entered(&self) -> bool {
        self.shared.state.load(Ordering::SeqCst) == ENTERED
    }

    /// Whether the line is dead.
    pub fn is_gone(&self) -> bool {
        self.shared.state.load(Ordering::SeqCst) == GONE || self.shared.control.is_gone()
    }
}

/// A panic in one line. Its text may quote what came from outside, so it is sanitised.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
    format!("{}{place}", Untrusted::new(text).display())
}

#[cfg(test)]
pub(crate) mod fake {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A terminal that remembers what was asked of it.
    #[derive(Clone, Default)]
    pub struct FakeTerminal {
        pub log: Arc<Mutex<Vec<String>>>,
        pub gone: Arc<AtomicBool>,
        pub without_shell: Arc<AtomicBool>,
        pub in_background: Arc<AtomicBool>,
        /// How sending bytes fails from now on.
        pub failure: Arc<Mutex<Option<io::ErrorKind>>>,
        before_restore: Arc<Mutex<Option<Arc<AtomicBool>>>>,
    }

    impl FakeTerminal {
        pub fn log(&self) -> Vec<String> {
            self.log.lock().unwrap().clone()
        }

        /// Something that has to be true when the terminal is given back.
        pub fn expect_before_restore(&self, condition: Arc<AtomicBool>) {
            *self.before_restore.lock().unwrap() = Some(condition);
        }

        fn note(&self, text: impl Into<String>) {
            self.log.lock().unwrap().push(text.into());
        }
    }

    impl TerminalControl for FakeTerminal {
        fn raw(&self) -> io::Result<()> {
            self.note("raw");
            Ok(())
        }

        fn cooked(&self) -> io::Result<()> {
            if let Some(condition) = &*self.before_restore.lock().unwrap() {
                assert!(condition.load(Ordering::SeqCst), "given back too early");
            }
            self.note("cooked");
            Ok(())
        }

        fn send(&self, bytes: &'static [u8]) -> io::Result<()> {
            self.note(String::from_utf8_lossy(bytes).replace('\x1b', "ESC"));
            self.failure.lock().unwrap().map_or(Ok(()), |kind| Err(kind.into()))
        }

        fn size(&self) -> Option<Size> {
            Some(Size::new(80, 24))
        }

        fn is_gone(&self) -> bool {
            self.gone.load(Ordering::SeqCst)
        }

        fn can_stop(&self) -> bool {
            !self.without_shell.load(Ordering::SeqCst)
        }

        fn is_in_foreground(&self) -> bool {
            !self.in_background.load(Ordering::SeqCst)
        }

        fn stop(&self) {
            self.note("stop");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeTerminal;
    use super::*;

    const ENTERED_LOG: [&str; 2] = ["raw", "ESC[?1049hESC[?2004hESC[?25l"];
    const LEFT_LOG: [&str; 2] = ["cooked", "ESC[?2026lESC[?2004lESC[0mESC[?1049lESC[?25h"];

    /// A terminal that takes nothing, as on a line that was lost, is asked for a second and no longer.
    #[test]
    fn last_line_is_written_only_where_it_is_taken() {
        use std::io::{Read as _, Write as _};
        let (terminal, mut reader) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(takes_line(&terminal));
        terminal.set_nonblocking(true).unwrap();
        while (&terminal).write(&[b'x'; 4096]).is_ok() {}
        let began = std::time::Instant::now();
        assert!(!takes_line(&terminal));
        assert!(began.elapsed() >= Duration::from_secs(1));
        // As soon as somebody reads, it is taken.
        reader.set_nonblocking(true).unwrap();
        let mut room = vec![0; 1 << 20];
        while reader.read(&mut room).is_ok_and(|count| count > 0) {}
        assert!(takes_line(&terminal));
    }

    #[test]
    fn dropping_session_restores_once() {
        let terminal = FakeTerminal::default();
        let session = Session::enter(terminal.clone(), true).unwrap();
        assert_eq!(terminal.log(), ENTERED_LOG);
        session.handle().restore();
        session.handle().restore();
        drop(session);
        assert_eq!(terminal.log(), [ENTERED_LOG, LEFT_LOG].concat());
    }

    #[test]
    fn terminal_that_is_gone_is_not_written_to() {
        for told in [false, true] {
            let terminal = FakeTerminal::default();
            let session = Session::enter(terminal.clone(), true).unwrap();
            if told {
                session.handle().abandon();
            } else {
                terminal.gone.store(true, Ordering::SeqCst);
            }
            drop(session);
            assert_eq!(terminal.log(), ENTERED_LOG);
        }
    }

    #[test]
    fn stop_lets_go_and_continue_takes_back() {
        let terminal = FakeTerminal::default();
        let session = Session::enter(terminal.clone(), true).unwrap();
        session.suspend();
        assert!(!session.handle().is_entered());
        session.enter_again().unwrap();
        assert!(session.handle().is_entered());
        assert_eq!(terminal.log(), [&ENTERED_LOG[..], &LEFT_LOG, &["stop"], &ENTERED_LOG].concat());
    }

    #[test]
    fn terminal_that_reads_late_is_no_lost_one() {
        let terminal = FakeTerminal::default();
        let session = Session::enter(terminal.clone(), true).unwrap();
        session.suspend();
        *terminal.failure.lock().unwrap() = Some(io::ErrorKind::TimedOut);
        session.enter_again().unwrap();
        assert!(session.handle().is_entered());
        drop(session);
        assert_eq!(terminal.log()[5..], [ENTERED_LOG, LEFT_LOG].concat());
    }

    #[test]
    fn terminal_that_cannot_be_taken_back_is_left_as_it_was() {
        let terminal = FakeTerminal::default();
        let session = Session::enter(terminal.clone(), true).unwrap();
        session.suspend();
        *terminal.failure.lock().unwrap() = Some(io::ErrorKind::Other);
        session.enter_again().unwrap_err();
        assert!(!session.handle().is_entered() && !session.handle().is_gone());
        drop(session);
        assert_eq!(terminal.log()[5..], [ENTERED_LOG, LEFT_LOG].concat());
    }

    /// Process 10 is the shell of session 10, 20 a script, 21 the program in it.
    fn kin(process: i32) -> Option<Kin> {
        let (parent, group, session) = match process {
            5 => (1, 5, 5),
            10 => (5, 10, 10),
            20 => (10, 20, 10),
            21 => (20, 20, 10),
            11 => (10, 10, 10),
            _ => return None,
        };
        Some(Kin { parent, group, session })
    }

    #[test]
    fn shell_is_parent_of_group_in_its_session() {
        let has_shell_at = |process| has_shell(kin(process).unwrap(), kin);
        assert!(has_shell_at(20) && has_shell_at(21));
        // The leader of the session, and a program in a script that leads it.
        assert!(!has_shell_at(10) && !has_shell_at(11));
        // The shell is gone, and the program has been adopted from outside of the session.
        assert!(!has_shell(Kin { parent: 5, group: 20, session: 10 }, kin));
        // A parent that cannot be seen; all of them outside of the container.
        assert!(has_shell(Kin { parent: 99, group: 20, session: 10 }, kin));
        assert!(!has_shell(Kin { parent: 99, group: 10, session: 10 }, kin));
        assert!(!has_shell(Kin { parent: 0, group: 0, session: 0 }, kin));
    }

    #[test]
    fn name_of_process_may_hold_anything() {
        let own = Kin { parent: 20, group: 20, session: 10 };
        assert_eq!(Kin::parse("21 (a) S 1 (b) S 20 20 10 34816 21 4194560"), Some(own));
        assert_eq!(Kin::parse("21 (a) S 20"), None);
        assert!(Kin::own().is_some());
    }

    #[test]
    fn old_terminal_gets_no_synchronised_update() {
        let terminal = FakeTerminal::default();
        drop(Session::enter(terminal.clone(), false).unwrap());
        assert_eq!(terminal.log()[3], "ESC[?2004lESC[0mESC[?1049lESC[?25h");
    }
}

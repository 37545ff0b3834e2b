//! A program in a pseudo-terminal, and a person in front of it.
//!
//! Nothing here sleeps for a fixed time to let the program work: every wait is for a condition, with a deadline, and a
//! wait in vain fails with the screen as it was.

// Not every promise needs every one of these.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::walk::Person;

/// How long a condition may take. Generous: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Keys that are not characters.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const TAB: &str = "\t";
    pub const BACK_TAB: &str = "\x1b[Z";
    pub const BACKSPACE: &str = "\x7f";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const END: &str = "\x1b[F";
    pub const RIGHT: &str = "\x1b[C";
    pub const LEFT: &str = "\x1b[D";
    pub const F1: &str = "\x1bOP";

    /// A letter with Ctrl.
    pub fn ctrl(letter: char) -> String {
        char::from(letter.to_ascii_lowercase() as u8 & 0x1f).to_string()
    }
}

/// How a program is to be started.
pub struct Start {
    command: CommandBuilder,
    size: PtySize,
}

impl Start {
    /// The real binary with these arguments, with a home of its own and nothing else of the environment.
    pub fn pia_halo<'a>(home: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::program(env!("CARGO_BIN_EXE_pia-halo"), home, arguments)
    }

    /// Any program.
    pub fn program<'a>(program: &str, home: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(home);
        command.env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        let home = home.to_str().expect("a home whose path is text");
        for (name, value) in [("PATH", &*path), ("HOME", home), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        Self { command, size: size_of(80, 24) }
    }

    /// The same through a shell that ignores hang-ups and becomes the program, as `nohup` does.
    pub fn pia_halo_ignoring_hangup<'a>(home: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let script = ["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pia-halo")];
        Self::program("sh", home, script.into_iter().chain(arguments))
    }

    /// The same with these arguments behind the others.
    pub fn arguments<A: AsRef<std::ffi::OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = size_of(columns, rows);
        self
    }

    /// The pseudo-terminal does not become the controlling terminal: a lost line sends no signal.
    pub fn without_controlling_terminal(mut self) -> Self {
        self.command.set_controlling_tty(false);
        self
    }

    /// Starts it.
    pub fn spawn(self) -> Pty {
        let pair = native_pty_system().openpty(self.size).expect("a pseudo-terminal");
        let modes_before = modes(&*pair.master);
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        let recording = Arc::new(Recording::new(self.size));
        let reader = pair.master.try_clone_reader().expect("a reader");
        let listener = std::thread::spawn({
            let recording = Arc::clone(&recording);
            move || recording.listen(reader)
        });
        let writer = pair.master.take_writer().expect("a writer");
        Pty { line: Some(Line { master: pair.master, writer, listener }), child, recording, modes_before }
    }
}

fn size_of(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// The modes of a terminal, to be compared.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

/// All that the program has sent.
struct Recording {
    seen: Mutex<(vt100::Parser, Vec<u8>)>,
    hung_up: AtomicBool,
    paused: AtomicBool,
    /// Reads a hundred bytes a second.
    slow: AtomicBool,
    /// Keeps what comes, and looks at none of it.
    blind: AtomicBool,
}

impl Recording {
    fn new(size: PtySize) -> Self {
        let parser = vt100::Parser::new(size.rows, size.cols, 0);
        let [hung_up, paused, slow, blind] = [(); 4].map(|()| AtomicBool::new(false));
        Self { seen: Mutex::new((parser, Vec::new())), hung_up, paused, slow, blind }
    }

    fn listen(&self, mut reader: Box<dyn Read + Send>) {
        let mut bytes = [0; 4096];
        loop {
            while self.paused.load(Ordering::SeqCst) && !self.hung_up.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            let slow = self.slow.load(Ordering::SeqCst);
            if slow {
                std::thread::park_timeout(Duration::from_millis(50));
            }
            let Ok(count @ 1..) = reader.read(&mut bytes[..if slow { 5 } else { 4096 }]) else { return };
            if self.hung_up.load(Ordering::SeqCst) {
                return;
            }
            let mut seen = self.seen.lock().unwrap();
            if !self.blind.load(Ordering::SeqCst) {
                seen.0.process(&bytes[..count]);
            }
            seen.1.extend_from_slice(&bytes[..count]);
        }
    }
}

struct Line {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    listener: JoinHandle<()>,
}

/// A running program and its terminal.
pub struct Pty {
    line: Option<Line>,
    child: Box<dyn Child + Send + Sync>,
    recording: Arc<Recording>,
    modes_before: String,
}

impl Pty {
    /// Sends keys as they are. Three or more characters and an Enter in one call are a paste to the program, as they
    /// would be to a terminal that marks no pastes: call [`Pty::submit`], or wait for the text in between.
    pub fn send(&mut self, keys: &str) {
        self.send_bytes(keys.as_bytes());
    }

    /// Sends bytes that are no text.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let writer = &mut self.line.as_mut().expect("the line is lost").writer;
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// Types a text, waits until it stands on the screen, then presses Enter.
    pub fn submit(&mut self, text: &str) {
        self.send(text);
        self.wait_until(text);
        self.send(key::ENTER);
    }

    /// Pastes a text as a terminal does that marks pastes.
    pub fn paste(&mut self, text: &str) {
        self.send(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Waits until a text stands on the screen.
    pub fn wait_until(&self, text: &str) {
        self.wait_for(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as wanted.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            assert!(Instant::now() < deadline, "waited in vain for {what:?}; the screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.recording.seen.lock().unwrap().0.screen().contents()
    }

    /// Something about the screen that its text does not tell.
    pub fn with_screen<T>(&self, ask: impl FnOnce(&vt100::Screen) -> T) -> T {
        ask(self.recording.seen.lock().unwrap().0.screen())
    }

    /// Every byte so far.
    pub fn raw(&self) -> Vec<u8> {
        self.recording.seen.lock().unwrap().1.clone()
    }

    /// How many bytes came so far.
    pub fn byte_count(&self) -> usize {
        self.recording.seen.lock().unwrap().1.len()
    }

    /// Waits until the program has sent nothing in a row of looks, and gives the count of bytes by then.
    pub fn settle(&self) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let mut count = self.byte_count();
        let mut same = 0;
        while same < 40 {
            assert!(Instant::now() < deadline, "the program does not stop writing; the screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(5));
            let now = self.byte_count();
            same = if now == count { same + 1 } else { 0 };
            count = now;
        }
        count
    }

    /// Reads nothing more, as a stalled line does, or goes on reading. One read may still come through.
    pub fn stall(&self, stalled: bool) {
        self.recording.paused.store(stalled, Ordering::SeqCst);
    }

    /// Reads a hundred bytes a second, as a very bad line does.
    pub fn slow_down(&self) {
        self.recording.slow.store(true, Ordering::SeqCst);
    }

    /// Gives the terminal one size after the other, and looks again at the last. The emulator of these tests is not
    /// made for the sizes between.
    pub fn storm(&self, sizes: impl IntoIterator<Item = (u16, u16)>, last: (u16, u16)) {
        let line = self.line.as_ref().expect("the line is lost");
        self.recording.blind.store(true, Ordering::SeqCst);
        for (columns, rows) in sizes {
            line.master.resize(size_of(columns, rows)).expect("a new size");
            // So that some of them are drawn.
            std::thread::park_timeout(Duration::from_millis(3));
        }
        self.recording.seen.lock().unwrap().0 = vt100::Parser::new(last.1, last.0, 0);
        self.recording.blind.store(false, Ordering::SeqCst);
        line.master.resize(size_of(last.0, last.1)).expect("a new size");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.recording.seen.lock().unwrap().0.screen_mut().set_size(rows, columns);
        let line = self.line.as_ref().expect("the line is lost");
        line.master.resize(size_of(columns, rows)).expect("a new size");
    }

    /// Whether the modes are those from before the program.
    pub fn has_former_modes(&self) -> bool {
        self.line.as_ref().is_some_and(|line| modes(&*line.master) == self.modes_before)
    }

    /// Fails unless the terminal is as it was, or soon comes to be: modes, main screen, cursor, no marked pastes.
    pub fn assert_restored(&self) {
        self.wait_for("the terminal as it was", |_| {
            let is_plain = self
                .with_screen(|screen| !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
            is_plain && self.has_former_modes()
        });
    }

    /// Loses the line: every grip on the terminal is closed.
    pub fn hang_up(&mut self) {
        let Some(line) = self.line.take() else { return };
        self.recording.hung_up.store(true, Ordering::SeqCst);
        // The listener sits in a read and holds the line open; a byte from the other side makes it look up.
        if let Some(name) = line.master.tty_name() {
            // A line that nobody reads is full: then there is something to look up for already.
            let flags = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
            let flags = i32::try_from(flags.bits()).expect("small flags");
            let slave = std::os::unix::fs::OpenOptionsExt::custom_flags(std::fs::OpenOptions::new().write(true), flags)
                .open(name);
            if let Ok(mut slave) = slave {
                let _ = slave.write_all(b"\0");
            }
        }
        line.listener.join().expect("the listener ends");
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw).expect("a process id")
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    /// How often each thread of the process was woken from waiting.
    pub fn wakes(&self) -> BTreeMap<OsString, u64> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the process is there");
        let of = |status: String| {
            let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            count.and_then(|count| count.trim().parse().ok())
        };
        // A thread may end at any time.
        let task = |task: DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status")).ok();
            Some((task.file_name(), status.and_then(of)?))
        };
        tasks.flatten().filter_map(task).collect()
    }

    /// Whether a thread of the process waits for the terminal to take what it writes.
    pub fn is_in_write(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the process is there");
        tasks.flatten().any(|task| {
            let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let call = read("syscall");
            // The call it is in, and its first argument: standard output. Some machines hide it.
            read("comm").trim() == "frames" && (call.is_empty() || call.split(' ').nth(1) == Some("0x1"))
        })
    }

    /// The memory that the process has in use, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        size.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The state of the process in one letter, as in `ps`: `T` is stopped.
    pub fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Waits until the process is in a state.
    pub fn wait_for_state(&self, state: char) {
        self.wait_for(&format!("state {state}"), |_| self.state() == Some(state));
    }

    /// Waits for the end, and gives the exit code.
    pub fn exit_code(&mut self) -> u32 {
        self.exit_code_within(PATIENCE)
    }

    /// Waits for the end no longer than this, and gives the exit code.
    pub fn exit_code_within(&mut self, patience: Duration) -> u32 {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "still running after {patience:?}; the screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Waits by looking, and so does its thread: the simulated Halo works on others.
impl Person for Pty {
    async fn press(&mut self, keys: &str) {
        for name in keys.split_whitespace() {
            match name {
                "Enter" => self.send(key::ENTER),
                "Space" => self.send(" "),
                "Esc" => self.send(key::ESC),
                "Tab" => self.send(key::TAB),
                "Shift-Tab" => self.send(key::BACK_TAB),
                "Up" => self.send(key::UP),
                "Down" => self.send(key::DOWN),
                "End" => self.send(key::END),
                "F1" => self.send(key::F1),
                "PgDn" => self.send("\x1b[6~"),
                name => match name.strip_prefix('^').and_then(|name| name.chars().next()) {
                    Some(letter) => self.send(&key::ctrl(letter)),
                    None => self.send(name),
                },
            }
        }
    }

    /// Waits until the text stands there once more than before: an Enter at its heels would make it a paste.
    async fn type_text(&mut self, text: &str) {
        let before = self.screen().matches(text).count();
        self.send(text);
        self.wait_for(text, |screen| screen.matches(text).count() > before);
    }

    async fn paste(&mut self, text: &str) {
        Self::paste(self, text);
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        self.wait_for(what, holds);
    }

    fn screen(&self) -> String {
        Self::screen(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Pty {
        Start::program("sh", Path::new("/"), ["-c", script]).spawn()
    }

    #[test]
    fn what_is_typed_and_shown_and_exit_code_come_through() {
        let mut pty = shell("printf 'name? '; read name; echo \"hello $name\"; exit 7");
        pty.wait_until("name?");
        pty.submit("Ada");
        pty.wait_until("hello Ada");
        assert_eq!(pty.exit_code(), 7);
        pty.assert_restored();
    }

    #[test]
    fn other_modes_are_noticed() {
        let mut pty = shell("stty raw -echo; printf ready; read answer");
        pty.wait_until("ready");
        assert!(!pty.has_former_modes());
        pty.send("\n");
        pty.exit_code();
    }

    #[test]
    fn lost_line_reaches_program() {
        let mut pty = shell("trap 'exit 5' HUP; printf ready; while :; do read line || exit 6; done");
        pty.wait_until("ready");
        pty.hang_up();
        assert!([5, 6].contains(&pty.exit_code()));
    }
}

//! The real loop, with keys from a channel, a backend in memory, a world outside by script, and time that is paused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::backend::TestBackend;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::hangup::SignalSender;
use super::outside::Replies;
use super::session::fake::FakeTerminal;
use super::slots::fake::FakeOutside;
use super::*;
use crate::app::message::Reply;
use crate::domain::draft::Draft;
use crate::domain::fields::FieldId;
use crate::domain::secret::Secret;
use crate::domain::sync_run::SyncProgress;

const SIZE: Size = Size { width: 40, height: 5 };

/// An app that writes down what it gets, and answers keys with the effects that the test chose for them.
#[derive(Default)]
struct Probe {
    seen: RefCell<Vec<Message>>,
    answers: BTreeMap<char, Vec<Effect>>,
    on_leave: Vec<Effect>,
    wake: Option<Timestamp>,
    wakes: Vec<Timestamp>,
    keeps_wake: bool,
    counts_seconds: bool,
    progress: u64,
    dirty: bool,
    frames: Cell<usize>,
    drawn: RefCell<Option<u64>>,
    drawn_at: RefCell<Vec<Instant>>,
    fault: Option<Fault>,
    /// Nothing that it is told is seen.
    unmoved: bool,
}

/// Where an app panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Update,
    Draw,
    NextWake,
    UpdateAndLeave,
    Leave,
}

impl Probe {
    fn answering(answers: impl IntoIterator<Item = (char, Vec<Effect>)>) -> Self {
        let mut answers: BTreeMap<char, Vec<Effect>> = answers.into_iter().collect();
        answers.insert('q', vec![Effect::Quit]);
        Self { answers, ..Self::default() }
    }
}

impl App for Probe {
    fn update(&mut self, message: Message, now: Timestamp) -> Vec<Effect> {
        self.dirty = !self.unmoved;
        match (&message, self.fault) {
            (Message::Key(_), Some(Fault::Update | Fault::UpdateAndLeave))
            | (Message::Leave, Some(Fault::UpdateAndLeave | Fault::Leave)) => panic!("a fault in update"),
            _ => {}
        }
        let effects = match &message {
            Message::Key(KeyEvent { code: KeyCode::Char(key), .. }) => {
                self.answers.get(key).cloned().unwrap_or_default()
            }
            Message::Leave => self.on_leave.clone(),
            Message::Wake => {
                self.wakes.push(now);
                if !self.keeps_wake {
                    self.wake = None;
                }
                Vec::new()
            }
            Message::Reply(reply) => {
                if let Reply::SyncProgress(progress) = &**reply {
                    self.progress = progress.clients_read;
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.seen.borrow_mut().push(message);
        effects
    }

    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        assert_ne!(self.fault, Some(Fault::NextWake), "a fault in next_wake");
        if self.counts_seconds {
            // The next whole second, always later than now: as an elapsed time is shown.
            return Timestamp::from_second(now.as_second() + 1).ok();
        }
        self.wake
    }

    fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        assert_ne!(self.fault, Some(Fault::Draw), "a fault in draw");
        self.frames.set(self.frames.get() + 1);
        *self.drawn.borrow_mut() = Some(self.progress);
        self.drawn_at.borrow_mut().push(Instant::now());
        frame.render_widget(format!("frame {} clients {}", self.frames.get(), self.progress), frame.area());
    }
}

fn key(character: char) -> Message {
    Message::Key(KeyEvent::from(KeyCode::Char(character)))
}

fn sync() -> Effect {
    Effect::Sync { id: "acme".parse().unwrap(), brake: crate::domain::sync_run::Brake::On }
}

fn progress(clients_read: u64) -> Reply {
    Reply::SyncProgress(SyncProgress { clients_read, ..SyncProgress::default() })
}

fn silent() -> Arc<FakeOutside> {
    FakeOutside::new(|_, _, _| async {})
}

/// A clock that runs with the paused time of the test.
fn clock() -> impl Fn() -> Timestamp {
    let began = Instant::now();
    move || Timestamp::UNIX_EPOCH + SignedDuration::try_from(began.elapsed()).unwrap()
}

/// The hands of the test on a running loop.
struct Hands {
    keys: mpsc::Sender<Message>,
    signals: SignalSender,
    terminal: FakeTerminal,
}

impl Hands {
    async fn press(&self, character: char) {
        self.keys.send(key(character)).await.unwrap();
    }
}

/// Runs an app on a backend in memory while `play` plays the person.
async fn with_memory(probe: &mut Probe, outside: Arc<FakeOutside>, play: impl AsyncFnOnce(&Hands)) -> (Exit, Hands) {
    let canvas = Canvas::immediate(Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).unwrap(), SIZE);
    run_with(probe, outside, |_| canvas, play).await
}

/// Runs an app on the real backend over a writer.
async fn with_writer(
    probe: &mut Probe,
    outside: Arc<FakeOutside>,
    writer: impl Write + Send + 'static,
    play: impl AsyncFnOnce(&Hands),
) -> (Exit, Hands) {
    let canvas = |session: &Session| {
        let writer = Guarded::new(writer, session.handle());
        canvas_over(Outlet::start(writer, true, SIZE).unwrap(), SIZE).unwrap()
    };
    run_with(probe, outside, canvas, play).await
}

async fn run_with<B: Backend>(
    probe: &mut Probe,
    outside: Arc<FakeOutside>,
    canvas: impl FnOnce(&Session) -> Canvas<B>,
    play: impl AsyncFnOnce(&Hands),
) -> (Exit, Hands) {
    let (keys, input) = Input::channel();
    let (sender, signals) = mpsc::unbounded_channel();
    let terminal = FakeTerminal::default();
    let session = Session::enter(terminal.clone(), true).unwrap();
    let hands = Hands { keys, signals: sender, terminal };
    let canvas = canvas(&session);
    let parts = LoopParts { canvas, session, input, signals, outside, clock: clock() };
    let play = async {
        play(&hands).await;
        // Whatever the test left running ends in the end.
        sleep(Duration::from_secs(86_400)).await;
    };
    let exit = tokio::select! {
        exit = event_loop::run(probe, Vec::new(), parts) => exit,
        () = play => panic!("the loop did not end"),
    };
    (exit, hands)
}

/// Lets the loop run until something holds, by real time: the thread that writes frames knows no paused time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::yield_now();
        sleep(Duration::from_millis(1)).await;
    }
}

/// A writer that keeps each write by itself, blocks while it is told to, and fails once it is told to.
#[derive(Clone, Default)]
struct Recorder {
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
    blocked: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

impl Recorder {
    fn count(&self) -> usize {
        self.writes.lock().unwrap().len()
    }

    fn all(&self) -> String {
        String::from_utf8(self.writes.lock().unwrap().concat()).unwrap()
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(rustix::io::Errno::IO.into());
        }
        self.writes.lock().unwrap().push(bytes.to_vec());
        while self.blocked.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_frame_is_one_write_and_idling_writes_nothing() {
    let recorder = Recorder::default();
    let mut probe = Probe::answering([]);
    let watched = recorder.clone();
    with_writer(&mut probe, silent(), recorder.clone(), async |hands| {
        until("the first frame", || watched.count() == 1).await;
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(watched.count(), 1);
        hands.press('x').await;
        until("the second frame", || watched.count() == 2).await;
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(watched.count(), 2);
        hands.press('q').await;
    })
    .await;
    for frame in recorder.writes.lock().unwrap().iter() {
        assert!(frame.starts_with(b"\x1b[?2026h") && frame.ends_with(b"\x1b[?2026l"));
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_thirty_frames_are_drawn_in_second() {
    let mut probe = Probe::answering([]);
    with_memory(&mut probe, silent(), async |hands| {
        for _ in 0..1000 {
            hands.press('x').await;
            sleep(Duration::from_millis(1)).await;
        }
        hands.press('q').await;
    })
    .await;
    assert_eq!(probe.seen.borrow().len(), 1001);
    assert!((25..=31).contains(&probe.frames.get()), "{} frames", probe.frames.get());
}

/// A sync over a slow line costs four small frames a second, however fast it goes, and nobody waits for one of them.
#[tokio::test(start_paused = true)]
async fn progress_is_drawn_every_quarter_second_and_keys_at_once() {
    let outside = FakeOutside::new(|_, replies: Replies, _| async move {
        for count in 1..=2000 {
            replies.send(progress(count));
            sleep(Duration::from_millis(5)).await;
        }
        replies.send(Reply::Copied(Ok(())));
    });
    let mut probe = Probe::answering([('s', vec![sync()])]);
    let (began, pressed) = (Cell::new(None), Cell::new(None));
    with_memory(&mut probe, outside, async |hands| {
        sleep(Duration::from_secs(1)).await;
        hands.press('s').await;
        began.set(Some(Instant::now()));
        // Out of step with the frames.
        sleep(Duration::from_millis(5_060)).await;
        pressed.set(Some(Instant::now()));
        hands.press('x').await;
        sleep(Duration::from_secs(15)).await;
        hands.press('q').await;
    })
    .await;
    let (began, pressed) = (began.get().unwrap(), pressed.get().unwrap());
    let frames = probe.drawn_at.borrow();
    let drawn = frames.iter().filter(|at| (began..began + Duration::from_secs(5)).contains(at)).count();
    assert!((18..=21).contains(&drawn), "{drawn} frames in five seconds");
    assert!(frames.iter().any(|at| (pressed..pressed + Duration::from_millis(36)).contains(at)));
    assert_eq!(*probe.drawn.borrow(), Some(2000));
}

/// Quick work does not flash by; what is drawn as running stays so for a second, unless a key is pressed.
#[tokio::test(start_paused = true)]
async fn quick_work_is_never_drawn_as_running() {
    for (takes, pressed_at, moments) in [
        (60, None, vec![60]),
        (400, None, vec![100, 1_100]),
        (140, None, vec![100, 1_100]),
        (1_500, None, vec![100, 1_500]),
        (60, Some(20), vec![20, 60]),
        (140, Some(300), vec![100, 300]),
    ] {
        let outside = FakeOutside::new(move |_, replies: Replies, _| async move {
            sleep(Duration::from_millis(takes)).await;
            replies.send(Reply::Copied(Ok(())));
        });
        let mut probe = Probe::answering([('p', vec![Effect::LoadPlan("acme".parse().unwrap())])]);
        let began = Cell::new(None);
        with_memory(&mut probe, outside, async |hands| {
            sleep(Duration::from_secs(1)).await;
            began.set(Some(Instant::now()));
            hands.press('p').await;
            if let Some(at) = pressed_at {
                sleep(Duration::from_millis(at)).await;
                hands.press('x').await;
            }
            sleep(Duration::from_secs(3)).await;
            hands.press('q').await;
        })
        .await;
        let began = began.get().unwrap();
        let drawn: Vec<_> = probe.drawn_at.borrow().iter().skip(1).map(|at| *at - began).collect();
        let expected: Vec<_> = moments.iter().map(|at| Duration::from_millis(*at)).collect();
        assert_eq!(drawn.len(), expected.len(), "{takes}: {drawn:?}");
        for (drawn, expected) in drawn.iter().zip(expected) {
            assert!((expected..expected + Duration::from_millis(5)).contains(drawn), "{takes}: {drawn:?}");
        }
    }
}

/// The pen would write nothing either, but a frame nobody needs is drawn for nothing.
#[tokio::test(start_paused = true)]
async fn message_that_changes_nothing_draws_nothing() {
    let outside = FakeOutside::new(|_, replies: Replies, _| async move { replies.send(Reply::Copied(Ok(()))) });
    let mut probe = Probe { unmoved: true, ..Probe::answering([('s', vec![sync()])]) };
    with_memory(&mut probe, outside, async |hands| {
        for key in ['s', 'x', 'y'] {
            sleep(Duration::from_secs(1)).await;
            hands.press(key).await;
        }
        sleep(Duration::from_secs(1)).await;
        hands.press('q').await;
    })
    .await;
    assert!(probe.seen.borrow().iter().any(|message| matches!(message, Message::Reply(_))));
    assert_eq!(probe.frames.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn key_is_answered_while_task_floods_progress() {
    let outside = FakeOutside::new(|_, replies: Replies, cancel: CancellationToken| async move {
        let mut count = 0;
        while !cancel.is_cancelled() {
            count += 1;
            replies.send(progress(count));
            tokio::task::yield_now().await;
        }
    });
    let mut probe = Probe::answering([('s', vec![sync()])]);
    let (exit, _) = with_memory(&mut probe, outside, async |hands| {
        hands.press('s').await;
        // The flood never rests, so paused time stands still: turns of the loop are what is counted.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        hands.press('k').await;
        hands.press('q').await;
    })
    .await;
    assert_eq!(exit, Exit::Quit);
    let seen = probe.seen.borrow();
    assert!(seen.iter().filter(|message| matches!(message, Message::Reply(_))).count() > 1);
    assert_eq!(seen[seen.len() - 2..], [key('k'), key('q')]);
}

#[tokio::test(start_paused = true)]
async fn stalled_terminal_holds_up_no_task_and_gets_latest_state() {
    let outside = FakeOutside::new(|_, replies: Replies, _| async move {
        for count in 1..=5000 {
            replies.send(progress(count));
            sleep(Duration::from_millis(1)).await;
        }
    });
    let recorder = Recorder::default();
    recorder.blocked.store(true, Ordering::SeqCst);
    let mut probe = Probe::answering([('s', vec![sync()])]);
    let watched = recorder.clone();
    with_writer(&mut probe, outside, recorder.clone(), async |hands| {
        until("the first frame", || watched.count() == 1).await;
        hands.press('s').await;
        // Twice the time that the sync takes.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(watched.count(), 1);
        watched.blocked.store(false, Ordering::SeqCst);
        until("the second frame", || watched.count() == 2).await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(watched.count(), 2);
        hands.press('q').await;
    })
    .await;
    assert_eq!(probe.frames.get(), 2);
    assert_eq!(*probe.drawn.borrow(), Some(5000));
}

#[tokio::test(start_paused = true)]
async fn leaving_by_signal_saves_draft_before_terminal_is_given_back() {
    for (signal, exit) in [
        (Signal::Terminate, Exit::Terminated),
        (Signal::Other(3), Exit::Other(3)),
        (Signal::Interrupt, Exit::Interrupted),
        (Signal::Hangup, Exit::HungUp),
        (Signal::Panic, Exit::Panicked),
    ] {
        let draft = Effect::SaveDraft(Box::new(Draft::default().with(FieldId::Name, "Acme")));
        let mut probe = Probe { on_leave: vec![draft.clone(), Effect::Quit], ..Probe::answering([]) };
        let saved = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&saved);
        let outside = FakeOutside::new(move |_, _, _| {
            let done = Arc::clone(&done);
            async move {
                sleep(Duration::from_millis(500)).await;
                done.store(true, Ordering::SeqCst);
            }
        });
        let (ended, hands) = with_memory(&mut probe, outside.clone(), async |hands| {
            hands.terminal.expect_before_restore(Arc::clone(&saved));
            hands.signals.send(signal).unwrap();
        })
        .await;
        assert_eq!(ended, exit);
        assert_eq!(*outside.asked.lock().unwrap(), [draft]);
        assert_eq!(hands.terminal.log()[2], "cooked");
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_app_saves_draft_and_gives_terminal_back() {
    for (fault, is_saved) in [
        (Fault::Update, true),
        (Fault::Draw, true),
        (Fault::NextWake, true),
        (Fault::UpdateAndLeave, false),
        (Fault::Leave, false),
    ] {
        let draft = Effect::SaveDraft(Box::new(Draft::default().with(FieldId::Name, "Acme")));
        let probe = Probe { on_leave: vec![draft.clone(), Effect::Quit], ..Probe::answering([]) };
        let mut probe = Probe { fault: Some(fault), ..probe };
        let outside = silent();
        let (exit, hands) = with_memory(&mut probe, outside.clone(), async |hands| match fault {
            Fault::Leave => hands.signals.send(Signal::Terminate).unwrap(),
            _ => hands.press('x').await,
        })
        .await;
        assert_eq!((exit, exit.code()), (Exit::Panicked, 101), "{fault:?}");
        assert_eq!(*outside.asked.lock().unwrap(), if is_saved { vec![draft] } else { Vec::new() }, "{fault:?}");
        assert_eq!(hands.terminal.log()[2], "cooked");
        assert_eq!(hands.terminal.log().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn lost_line_ends_within_second_and_is_not_written_to() {
    let outside = FakeOutside::new(|_, _, _| std::future::pending());
    let recorder = Recorder::default();
    let mut probe = Probe::answering([('s', vec![sync()])]);
    let watched = recorder.clone();
    let lost = Cell::new(None);
    let (exit, hands) = with_writer(&mut probe, outside, recorder.clone(), async |hands| {
        until("the first frame", || watched.count() == 1).await;
        hands.press('s').await;
        sleep(Duration::from_millis(100)).await;
        hands.terminal.gone.store(true, Ordering::SeqCst);
        lost.set(Some(Instant::now()));
        hands.signals.send(Signal::Hangup).unwrap();
    })
    .await;
    assert_eq!(exit, Exit::HungUp);
    assert!(lost.get().unwrap().elapsed() < Duration::from_secs(1));
    assert_eq!(hands.terminal.log().len(), 2, "entered, and nothing after it");
}

#[tokio::test(start_paused = true)]
async fn frame_that_cannot_be_written_is_end() {
    let recorder = Recorder::default();
    recorder.broken.store(true, Ordering::SeqCst);
    let mut probe = Probe::answering([]);
    let (exit, hands) = with_writer(&mut probe, silent(), recorder, async |_| {
        // Paused time must not run to the end of the test before the writing thread has had its turn.
        until("nothing", || false).await;
    })
    .await;
    assert_eq!(exit, Exit::HungUp);
    assert_eq!(probe.seen.borrow()[..], [Message::Leave]);
    assert_eq!(hands.terminal.log()[2], "cooked", "the terminal itself lives");
}

/// Something that panics as soon as it is to write.
struct Breaking;

impl Write for Breaking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("a fault in the writer")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_writing_thread_saves_draft_and_gives_terminal_back() {
    let draft = Effect::SaveDraft(Box::new(Draft::default().with(FieldId::Name, "Acme")));
    let mut probe = Probe { on_leave: vec![draft.clone(), Effect::Quit], ..Probe::answering([]) };
    let outside = silent();
    let (exit, hands) = with_writer(&mut probe, outside.clone(), Breaking, async |_| {
        // Paused time must not run to the end of the test before the thread has had its turn.
        until("nothing", || false).await;
    })
    .await;
    // Here nobody has installed the hook, which would have told of the panic first.
    assert_eq!(exit, Exit::HungUp);
    assert_eq!(*outside.asked.lock().unwrap(), [draft]);
    assert_eq!(hands.terminal.log()[2], "cooked");
}

#[tokio::test(start_paused = true)]
async fn panic_of_task_ends_task_alone_until_hook_tells_of_it() {
    let outside = FakeOutside::new(|_, _, _| async { panic!("a fault in a task") });
    let mut probe = Probe::answering([('s', vec![sync()])]);
    let (exit, hands) = with_memory(&mut probe, outside, async |hands| {
        hands.press('s').await;
        sleep(Duration::from_secs(1)).await;
        hands.press('x').await;
        sleep(Duration::from_secs(1)).await;
        hands.signals.send(Signal::Panic).unwrap();
    })
    .await;
    assert_eq!(exit, Exit::Panicked);
    assert_eq!(probe.seen.borrow().len(), 3, "two keys and the end");
    assert_eq!(hands.terminal.log()[2], "cooked");
}

#[tokio::test(start_paused = true)]
async fn end_of_input_is_end_and_terminal_that_lives_is_given_back() {
    for gone in [false, true] {
        let (keys, input) = Input::channel();
        drop(keys);
        let (_sender, signals) = mpsc::unbounded_channel();
        let terminal = FakeTerminal::default();
        let session = Session::enter(terminal.clone(), true).unwrap();
        terminal.gone.store(gone, Ordering::SeqCst);
        let canvas = Canvas::immediate(Terminal::new(TestBackend::new(1, 1)).unwrap(), Size::new(1, 1));
        let parts = LoopParts { canvas, session, input, signals, outside: silent(), clock: clock() };
        let mut probe = Probe::default();
        assert_eq!(event_loop::run(&mut probe, Vec::new(), parts).await, Exit::HungUp);
        assert_eq!(probe.seen.borrow()[..], [Message::Leave]);
        assert_eq!(terminal.log().len(), if gone { 2 } else { 4 });
    }
}

#[tokio::test(start_paused = true)]
async fn copying_sends_one_sequence_and_says_so() {
    let recorder = Recorder::default();
    let long = Secret::new("x".repeat(60_000));
    let mut probe = Probe::answering([
        ('c', vec![Effect::Copy(Secret::new("https://pia.example/hook"))]),
        ('l', vec![Effect::Copy(long)]),
    ]);
    let watched = recorder.clone();
    with_writer(&mut probe, silent(), recorder.clone(), async |hands| {
        hands.press('c').await;
        until("the sequence", || watched.all().contains("\x1b]52;c;aHR0cHM6Ly9waWEuZXhhbXBsZS9ob29r\x1b\\")).await;
        hands.press('l').await;
        hands.press('q').await;
    })
    .await;
    let seen = probe.seen.borrow();
    assert_eq!(seen[1], Message::Reply(Box::new(Reply::Copied(Ok(())))));
    assert!(matches!(&seen[3], Message::Reply(reply) if matches!(**reply, Reply::Copied(Err(_)))));
    assert_eq!(recorder.all().matches("\x1b]52").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn stop_draws_nothing_until_program_goes_on_and_then_everything() {
    let recorder = Recorder::default();
    let mut probe = Probe::answering([('z', vec![Effect::Suspend])]);
    let watched = recorder.clone();
    let (_, hands) = with_writer(&mut probe, silent(), recorder.clone(), async |hands| {
        until("the first frame", || watched.count() == 1).await;
        hands.press('z').await;
        hands.press('x').await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(watched.count(), 1);
        hands.signals.send(Signal::Continue).unwrap();
        until("the repaint", || watched.count() == 2).await;
        hands.press('q').await;
    })
    .await;
    assert!(String::from_utf8(recorder.writes.lock().unwrap()[1].clone()).unwrap().contains("\x1b[2J"));
    assert!(probe.seen.borrow().contains(&Message::Resize(Size::new(80, 24))));
    let stops = hands.terminal.log().iter().filter(|entry| *entry == "stop").count();
    assert_eq!(stops, 1);
}

/// `bg`, and then `fg`; and a shell's `kill`.
#[tokio::test(start_paused = true)]
async fn program_in_background_does_not_take_terminal_back() {
    for ends in [false, true] {
        let mut probe = Probe::answering([('z', vec![Effect::Suspend])]);
        let (exit, hands) = with_writer(&mut probe, silent(), Recorder::default(), async |hands| {
            let count = |what: &str| hands.terminal.log().iter().filter(|entry| *entry == what).count();
            hands.press('z').await;
            until("the stop", || count("stop") == 1).await;
            hands.terminal.in_background.store(true, Ordering::SeqCst);
            hands.signals.send(Signal::Continue).unwrap();
            if ends {
                hands.signals.send(Signal::Terminate).unwrap();
                return;
            }
            until("another stop", || count("stop") >= 2).await;
            assert_eq!(count("raw"), 1);
            hands.terminal.in_background.store(false, Ordering::SeqCst);
            hands.signals.send(Signal::Continue).unwrap();
            until("the terminal taken back", || count("raw") == 2).await;
            hands.press('q').await;
        })
        .await;
        if ends {
            assert_eq!(exit, Exit::Terminated);
            assert_eq!(hands.terminal.log().iter().filter(|entry| *entry == "raw").count(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stop_that_nobody_could_end_only_repaints() {
    let recorder = Recorder::default();
    let mut probe = Probe::answering([('z', vec![Effect::Suspend])]);
    let watched = recorder.clone();
    let (_, hands) = with_writer(&mut probe, silent(), recorder.clone(), async |hands| {
        hands.terminal.without_shell.store(true, Ordering::SeqCst);
        until("the first frame", || watched.count() == 1).await;
        hands.press('z').await;
        until("a repaint", || watched.count() == 2).await;
        hands.signals.send(Signal::Suspend).unwrap();
        until("a repaint", || watched.count() == 3).await;
        hands.press('q').await;
    })
    .await;
    assert!(recorder.writes.lock().unwrap()[1..].iter().all(|frame| frame.windows(4).any(|part| part == b"\x1b[2J")));
    assert!(!hands.terminal.log().iter().any(|entry| entry == "stop"));
    let told = Message::Reply(Box::new(Reply::NotSuspended));
    assert_eq!(probe.seen.borrow().iter().filter(|message| **message == told).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn storm_of_sizes_costs_few_repaints() {
    let recorder = Recorder::default();
    let mut probe = Probe::answering([]);
    let watched = recorder.clone();
    with_writer(&mut probe, silent(), recorder.clone(), async |hands| {
        until("the first frame", || watched.count() == 1).await;
        for width in 1..=1000 {
            hands.keys.send(Message::Resize(Size::new(width % 500 + 1, width % 200 + 1))).await.unwrap();
        }
        sleep(Duration::from_secs(1)).await;
        hands.press('q').await;
    })
    .await;
    assert!(recorder.all().matches("\x1b[2J").count() < 40);
}

#[tokio::test(start_paused = true)]
async fn app_is_woken_at_moment_it_asked_for() {
    let moment = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(5);
    let mut probe = Probe { wake: Some(moment), ..Probe::answering([]) };
    with_memory(&mut probe, silent(), async |hands| {
        sleep(Duration::from_secs(60)).await;
        hands.press('q').await;
    })
    .await;
    assert_eq!(probe.wakes.len(), 1);
    assert!(probe.wakes[0].duration_since(moment) <= SignedDuration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_told_every_second_that_passes() {
    let mut probe = Probe { counts_seconds: true, ..Probe::answering([]) };
    with_memory(&mut probe, silent(), async |hands| {
        sleep(Duration::from_millis(10_500)).await;
        hands.press('q').await;
    })
    .await;
    assert_eq!(probe.wakes.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn app_that_asks_for_past_does_not_spin() {
    let mut probe = Probe { wake: Some(Timestamp::UNIX_EPOCH), keeps_wake: true, ..Probe::answering([]) };
    with_memory(&mut probe, silent(), async |hands| {
        sleep(Duration::from_secs(1)).await;
        hands.press('q').await;
    })
    .await;
    assert!((10..=31).contains(&probe.wakes.len()), "{} wakes", probe.wakes.len());
}

#[test]
fn old_terminals_and_locales_are_spared() {
    let look = |mono, ascii, synchronised| Capabilities { mono, ascii, synchronised, multiplexer: Multiplexer::None };
    assert_eq!(Capabilities::from_values("xterm-256color", "en_AU.UTF-8", false), look(false, false, true));
    assert_eq!(Capabilities::from_values("xterm", "C.utf8", true), look(true, false, true));
    assert_eq!(Capabilities::from_values("screen", "C", false), look(false, true, true));
    assert_eq!(Capabilities::from_values("linux", "en_AU.UTF-8", false), look(false, true, false));
    assert_eq!(Capabilities::from_values("vt100", "", false), look(false, true, false));
    assert_eq!(Capabilities::from_values("dumb", "C.UTF-8", false), look(true, true, false));
}

//! The loop: messages in one total order, effects out, and a frame when something changed.
//!
//! There is no tick. Between messages the loop waits for input, a reply, a signal or one moment, and nothing else
//! happens: an idle program uses no processor and writes nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use futures_util::{FutureExt, Stream, StreamExt};
use jiff::Timestamp;
use ratatui::Frame;
use ratatui::backend::Backend;
use ratatui::layout::Size;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::canvas::{Canvas, FrameLimiter};
use super::hangup::{Exit, Signal, Signals, wait_for_foreground};
use super::output::Gone;
use super::outside::Outside;
use super::session::Session;
use super::slots::Slots;
use crate::app::effect::Effect;
use crate::app::message::{Message, Reply};
use crate::app::{self, Model};
use crate::domain::secret::Secret;

/// Messages that are taken before the next frame at most: a flood must not keep the screen from changing.
const DRAIN: usize = 256;
/// A wake for a moment that has passed comes at most this often: an app that asks for the past must not spin.
const WAKE_INTERVAL: Duration = Duration::from_millis(33);
/// How long a key that starts a test, a save or a reading waits for its answer before it is drawn as running: as fast
/// as at once to a person, and quick work does not flash by.
const GRACE: Duration = Duration::from_millis(100);
/// What was drawn as running stays so for this long, that it can be read. Whoever presses a key sees the result at once.
const LINGER: Duration = Duration::from_secs(1);
/// How long the last frame may take before the terminal is given back.
const LAST_FRAME_PATIENCE: Duration = Duration::from_millis(300);
/// Terminals drop a clipboard sequence that is longer.
const COPY_LIMIT: usize = 70_000;

/// The interface as the loop sees it.
pub trait App {
    /// Takes a message, and says what is to be done outside.
    fn update(&mut self, message: Message, now: Timestamp) -> Vec<Effect>;
    /// When the next [`Message::Wake`] is due.
    fn next_wake(&self, now: Timestamp) -> Option<Timestamp>;
    /// Whether something visible changed since the last call.
    fn take_dirty(&mut self) -> bool;
    /// Draws all of it.
    fn draw(&self, frame: &mut Frame<'_>);
}

impl App for Model {
    fn update(&mut self, message: Message, now: Timestamp) -> Vec<Effect> {
        app::update(self, message, now)
    }

    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        app::next_wake(self, now)
    }

    fn take_dirty(&mut self) -> bool {
        Self::take_dirty(self)
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        crate::view::draw(self, frame);
    }
}

/// What the loop works with.
pub struct LoopParts<B: Backend, I, C> {
    /// What is drawn on.
    pub canvas: Canvas<B>,
    /// The guard of the terminal.
    pub session: Session,
    /// Keys, pastes, sizes.
    pub input: I,
    /// Signals, hang-up, panics.
    pub signals: Signals,
    /// Runs the effects.
    pub outside: Arc<dyn Outside>,
    /// What time it is.
    pub clock: C,
}

/// Runs the interface until it ends. `effects` are what the app wants done first.
pub async fn run<A, B, I, C>(app: &mut A, effects: Vec<Effect>, parts: LoopParts<B, I, C>) -> Exit
where
    A: App,
    B: Backend,
    I: Stream<Item = Message> + Unpin,
    C: Fn() -> Timestamp,
{
    let LoopParts { canvas, session, input, signals, outside, clock } = parts;
    let mut state = EventLoop {
        app,
        canvas,
        session,
        input,
        signals,
        clock,
        slots: Slots::new(outside),
        limiter: FrameLimiter::default(),
        dirty: true,
        hurried: true,
        grace: None,
        shows_work: false,
        lingers: None,
        held: None,
        woken: None,
        due: None,
        exit: None,
    };
    let turn = async {
        state.perform(effects).await;
        state.turn().await
    };
    let exit = match AssertUnwindSafe(turn).catch_unwind().await {
        Ok(exit) => exit,
        Err(_) => state.fail().await,
    };
    state.leave(exit).await;
    exit
}

/// What ends the wait between messages.
enum Event {
    Signal(Signal),
    Message(Message),
    InputEnded,
    Terminal(Result<(), Gone>),
    Reply,
    Moment,
}

struct EventLoop<'a, A, B: Backend, I, C> {
    app: &'a mut A,
    canvas: Canvas<B>,
    session: Session,
    input: I,
    signals: Signals,
    clock: C,
    slots: Slots,
    limiter: FrameLimiter,
    dirty: bool,
    /// Whether more than the progress of a task is to be drawn.
    hurried: bool,
    /// Until when the next frame waits for the answer of what was started last.
    grace: Option<Instant>,
    /// Whether the next frame is the first that shows something as running.
    shows_work: bool,
    /// Until when what is shown as running can be read.
    lingers: Option<Instant>,
    /// Until when the frame with its result waits.
    held: Option<Instant>,
    /// When the app was last woken.
    woken: Option<Instant>,
    /// When the app asked to be woken next, as of the last wait.
    due: Option<Instant>,
    exit: Option<Exit>,
}

impl<A, B, I, C> EventLoop<'_, A, B, I, C>
where
    A: App,
    B: Backend,
    I: Stream<Item = Message> + Unpin,
    C: Fn() -> Timestamp,
{
    async fn turn(&mut self) -> Exit {
        loop {
            self.drain().await;
            if let Some(exit) = self.exit {
                return exit;
            }
            if self.draw_if_due().is_err() {
                self.lose_line().await;
                continue;
            }
            let event = self.wait().await;
            self.handle(event).await;
        }
    }

    /// Takes what is there already. People first: a flood of replies does not keep a key waiting.
    async fn drain(&mut self) {
        for _ in 0..DRAIN {
            if self.exit.is_some() {
                return;
            }
            if let Ok(signal) = self.signals.try_recv() {
                self.handle(Event::Signal(signal)).await;
            } else if let Some(Some(message)) = self.input.next().now_or_never() {
                self.send(message).await;
            } else if let Some(reply) = self.slots.next_reply() {
                self.send(Message::Reply(Box::new(reply))).await;
            } else {
                return;
            }
        }
    }

    async fn wait(&mut self) -> Event {
        self.due = self.wake_due();
        let deadline = self.deadline();
        let moment = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let is_ready = self.canvas.is_ready();
        tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => Event::Signal(signal),
            message = self.input.next() => message.map_or(Event::InputEnded, Event::Message),
            ready = self.canvas.ready(), if !is_ready => Event::Terminal(ready),
            () = self.slots.replied() => Event::Reply,
            () = moment => Event::Moment,
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Signal(Signal::Suspend) => self.suspend().await,
            Event::Signal(Signal::Continue) => self.go_on().await,
            Event::Signal(signal) => self.end(signal.exit()).await,
            Event::Message(message) => self.send(message).await,
            Event::InputEnded | Event::Terminal(Err(Gone)) => self.lose_line().await,
            Event::Terminal(Ok(())) | Event::Reply => {}
            Event::Moment => {
                // The moment that was asked for before the wait: asked again now, an app that counts whole seconds
                // would name the next one, and never be woken.
                if self.due.is_some_and(|due| due <= Instant::now()) {
                    self.woken = Some(Instant::now());
                    self.send(Message::Wake).await;
                }
            }
        }
    }

    /// Gives the app a message and does what it asks for.
    async fn send(&mut self, message: Message) {
        if let Message::Resize(size) = message {
            self.canvas.resize(size);
            self.hurry();
        }
        let effects = self.tell(message);
        self.perform(effects).await;
    }

    /// Gives the app a message, and notes whether it has to be drawn for it.
    fn tell(&mut self, message: Message) -> Vec<Effect> {
        let is_reply = matches!(&message, Message::Reply(_));
        let is_progress = matches!(&message, Message::Reply(reply) if reply.is_progress());
        let is_wake = matches!(&message, Message::Wake);
        let effects = self.app.update(message, (self.clock)());
        let changed = self.app.take_dirty();
        self.dirty |= changed;
        self.hurried |= changed && !is_progress;
        if !is_progress {
            // An answer, another key: from here on there is something new to see.
            self.grace = effects.iter().any(Effect::is_often_quick).then(|| Instant::now() + GRACE);
        }
        if is_reply && !is_progress && changed {
            self.held = self.lingers;
        } else if !is_reply && !is_wake {
            (self.lingers, self.held) = (None, None);
        }
        if !is_progress && !is_wake {
            self.shows_work = effects.iter().any(Effect::is_seen_running);
        }
        effects
    }

    /// The next frame is drawn soon, whether or not the app changed.
    fn hurry(&mut self) {
        self.dirty = true;
        self.hurried = true;
    }

    /// Draws everything with the next frame.
    fn repaint(&mut self) {
        self.canvas.repaint();
        self.hurry();
    }

    async fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Cancel(slot) => self.slots.cancel(slot),
                Effect::Copy(text) => {
                    let reply = self.copy(&text);
                    self.reply(Reply::Copied(reply)).await;
                }
                Effect::Suspend => self.suspend().await,
                Effect::Repaint => self.repaint(),
                Effect::Quit => self.exit = self.exit.or(Some(Exit::Quit)),
                effect => self.slots.start(effect),
            }
        }
    }

    /// Answers what the loop has done by itself. The app asks for nothing of the kind in turn, so this ends.
    async fn reply(&mut self, reply: Reply) {
        let effects = self.tell(Message::Reply(Box::new(reply)));
        Box::pin(self.perform(effects)).await;
    }

    /// When the app is to be woken.
    fn wake_due(&self) -> Option<Instant> {
        let now = (self.clock)();
        let ahead = Duration::try_from(self.app.next_wake(now)?.duration_since(now)).unwrap_or_default();
        let asked = Instant::now() + ahead;
        Some(self.woken.map_or(asked, |woken| asked.max(woken + WAKE_INTERVAL)))
    }

    /// The moment at which the loop has to go on without a message.
    fn deadline(&self) -> Option<Instant> {
        let frame = self.can_draw().then(|| self.frame_due(Instant::now()));
        self.due.into_iter().chain(frame).min()
    }

    /// Whether there is something to draw and somewhere to draw it. A slow terminal skips frames, and then gets the
    /// latest state.
    fn can_draw(&self) -> bool {
        self.dirty && self.canvas.is_ready() && self.session.handle().is_entered()
    }

    fn frame_due(&self, now: Instant) -> Instant {
        let due = self.limiter.due(now, self.hurried);
        [self.grace, self.held].into_iter().flatten().fold(due, Instant::max)
    }

    fn draw_if_due(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        if !self.can_draw() || self.frame_due(now) > now {
            return Ok(());
        }
        self.dirty = false;
        self.hurried = false;
        (self.grace, self.held) = (None, None);
        if std::mem::take(&mut self.shows_work) {
            self.lingers = Some(now + LINGER);
        }
        self.limiter.drawn(now);
        self.canvas.draw(|frame| self.app.draw(frame))
    }

    /// Puts a text into the person's clipboard by way of their terminal (OSC 52).
    fn copy(&mut self, text: &Secret) -> Result<(), String> {
        let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(text.expose()));
        if encoded.len() >= COPY_LIMIT {
            return Err("too long for a terminal's clipboard".to_owned());
        }
        self.canvas.copy(&encoded).map_err(|Gone| "the terminal is gone".to_owned())
    }

    /// Where nobody could bring the process back, it stays: a stop would be the end of it.
    async fn suspend(&mut self) {
        if !self.session.can_suspend() {
            tracing::info!("there is no shell to go back to");
            self.repaint();
            self.reply(Reply::NotSuspended).await;
            return;
        }
        self.rest().await;
        self.session.suspend();
    }

    /// The process runs again: the terminal is taken back, drawn anew, and may have another size by now.
    async fn go_on(&mut self) {
        if let Some(signal) = wait_for_foreground(self.session.control(), &mut self.signals).await {
            self.end(signal.exit()).await;
            return;
        }
        if let Err(error) = self.session.enter_again() {
            tracing::info!(%error, "the terminal cannot be taken back");
            self.lose_line().await;
            return;
        }
        self.repaint();
        if let Some(size) = self.session.size() {
            self.send(Message::Resize(size)).await;
        }
    }

    /// No more input, or no more frames. Where the terminal lives all the same, it is given back at the end.
    async fn lose_line(&mut self) {
        if self.session.handle().is_gone() {
            self.session.handle().abandon();
        }
        self.end(Exit::HungUp).await;
    }

    /// The end comes from outside: the app may still save what it has.
    async fn end(&mut self, exit: Exit) {
        if self.exit.is_some() {
            return;
        }
        self.exit = Some(exit);
        let effects = self.tell(Message::Leave);
        // Whoever asks to stop or to copy now is not heard: there may be no terminal any more.
        let effects = effects.into_iter().filter(|effect| effect.slot().is_some()).collect();
        self.perform(effects).await;
    }

    /// The app itself has panicked. The hook has given the terminal back and told the person; what is left is the
    /// draft, unless the panic came while it was being saved.
    async fn fail(&mut self) -> Exit {
        if AssertUnwindSafe(self.end(Exit::Panicked)).catch_unwind().await.is_err() {
            tracing::warn!("the draft could not be saved after the panic");
        }
        Exit::Panicked
    }

    async fn leave(&mut self, exit: Exit) {
        if exit == Exit::HungUp && self.session.handle().is_gone() {
            self.session.handle().abandon();
        }
        self.slots.finish(exit.patience()).await;
        if !self.session.handle().is_gone() {
            self.rest().await;
        }
        self.session.handle().restore();
    }

    /// Lets the terminal take the last frame, if it does so soon.
    async fn rest(&mut self) {
        let _ = tokio::time::timeout(LAST_FRAME_PATIENCE, self.canvas.ready()).await;
    }
}

/// A size for terminals that do not know theirs.
pub(super) const USUAL_SIZE: Size = Size { width: 80, height: 24 };

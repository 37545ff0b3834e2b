//! What the loop draws on: ratatui's terminal, the outlet of its frames, and the pace of both.

use std::time::Duration;

use ratatui::backend::Backend;
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal};
use tokio::time::Instant;

use super::clipboard::Multiplexer;
use super::output::{Gone, Outlet};

/// Thirty frames a second are more than a person can read, and an SSH line is spared the rest.
const FRAME_INTERVAL: Duration = Duration::from_millis(34);
/// Figures that count up by themselves are read at leisure; a long sync over a slow line costs a few bytes a second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// A terminal to draw on. Generic over the backend, so that tests draw into memory.
pub struct Canvas<B: Backend> {
    terminal: Terminal<B>,
    outlet: Option<Outlet>,
    anew: Option<Size>,
    size: Size,
    multiplexer: Multiplexer,
}

impl<B: Backend> Canvas<B> {
    /// A canvas whose backend takes each frame at once.
    pub fn immediate(terminal: Terminal<B>, size: Size) -> Self {
        Self { terminal, outlet: None, anew: None, size, multiplexer: Multiplexer::None }
    }

    /// A canvas whose backend draws into the buffer of `outlet`.
    pub fn through(outlet: Outlet, terminal: Terminal<B>, size: Size) -> Self {
        // The first frame repaints: nobody knows what is on an alternate screen.
        Self { terminal, outlet: Some(outlet), anew: Some(size), size, multiplexer: Multiplexer::None }
    }

    /// The terminal has a new size. Cheap: a storm of sizes costs one repaint, at the next frame.
    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.anew = Some(size);
    }

    /// Draws every cell with the next frame.
    pub fn repaint(&mut self) {
        self.anew = Some(self.size);
    }

    /// Whether the terminal has taken all that was sent to it.
    pub fn is_ready(&self) -> bool {
        self.outlet.as_ref().is_none_or(Outlet::is_ready)
    }

    /// Waits until the terminal has taken all that was sent to it.
    pub async fn ready(&mut self) -> Result<(), Gone> {
        match &mut self.outlet {
            Some(outlet) => outlet.ready().await,
            None => Ok(()),
        }
    }

    /// Draws one frame.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Gone> {
        if let Some(size) = self.anew.take() {
            if let Some(outlet) = &self.outlet {
                outlet.resize(size);
            }
            // Not `clear`: that asks the terminal for the cursor's place and waits two seconds for the answer, which
            // the key reader has taken.
            self.terminal.resize(Rect::from((ratatui::layout::Position::ORIGIN, size))).map_err(|_| Gone)?;
        }
        self.terminal.draw(draw).map_err(|_| Gone)?;
        match &mut self.outlet {
            Some(outlet) => outlet.end_frame(),
            None => Ok(()),
        }
    }

    /// Says what stands between the program and the terminal.
    pub fn inside(mut self, multiplexer: Multiplexer) -> Self {
        self.multiplexer = multiplexer;
        self
    }

    /// Sends a text, in base64, to the clipboard of the terminal; a screen without an outlet has nowhere to send it.
    pub fn copy(&mut self, encoded: &str) -> Result<(), Gone> {
        match &mut self.outlet {
            Some(outlet) => outlet.send(self.multiplexer.clipboard(encoded)),
            None => Ok(()),
        }
    }

    /// The backend, for tests to look at.
    pub fn backend(&self) -> &B {
        self.terminal.backend()
    }
}

/// Says when the next frame may be drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameLimiter {
    last: Option<Instant>,
}

impl FrameLimiter {
    /// The moment from which a frame may be drawn. What a person did, and how something ended, is `hurried`; progress
    /// is not.
    pub fn due(&self, now: Instant, hurried: bool) -> Instant {
        let interval = if hurried { FRAME_INTERVAL } else { PROGRESS_INTERVAL };
        self.last.map_or(now, |last| now.max(last + interval))
    }

    /// Remembers that a frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn at_most_thirty_frames_fit_into_second_and_four_of_progress() {
        for (hurried, most) in [(true, 30), (false, 4)] {
            let mut limiter = FrameLimiter::default();
            let start = Instant::now();
            let mut frames = 0;
            for millisecond in 0..1000 {
                let now = start + Duration::from_millis(millisecond);
                if limiter.due(now, hurried) <= now {
                    limiter.drawn(now);
                    frames += 1;
                }
            }
            assert_eq!(frames, most);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frame_after_pause_is_drawn_at_once() {
        let mut limiter = FrameLimiter::default();
        limiter.drawn(Instant::now());
        let later = Instant::now() + Duration::from_secs(5);
        assert_eq!(limiter.due(later, false), later);
    }
}

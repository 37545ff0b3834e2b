//! Everything with a terminal or a runtime in it: the loop, the guard of the terminal, input, signals, running tasks.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use ratatui::layout::Size;
use ratatui::{Terminal, backend::Backend};
use tokio::sync::mpsc;

use self::canvas::Canvas;
use self::clipboard::Multiplexer;
use self::event_loop::{App, LoopParts, USUAL_SIZE};
use self::hangup::{Exit, Signal};
use self::input::Input;
use self::output::{Guarded, Outlet};
use self::outside::Outside;
use self::raw::StandardOutput;
use self::session::{OwnTerminal, Session, TerminalControl};
use crate::app::effect::Effect;
use crate::app::message::Message;

pub mod canvas;
pub(crate) mod clipboard;
pub mod effects;
pub mod event_loop;
pub mod hangup;
pub mod input;
mod keyboard;
pub(crate) mod output;
pub mod outside;
pub(crate) mod pen;
pub(crate) mod plain;
mod raw;
pub mod session;
pub(crate) mod slots;
mod watch;

/// How the terminal wants to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// No colours, only bold, dim and reversed.
    pub mono: bool,
    /// Nothing but ASCII in our own lines and marks.
    pub ascii: bool,
    /// Whether a frame may be a synchronised update.
    pub synchronised: bool,
    /// What stands between the program and the terminal.
    pub multiplexer: Multiplexer,
}

impl Capabilities {
    /// Decides from `TERM`, from the first set of `LC_ALL`, `LC_CTYPE` and `LANG`, and from whether `NO_COLOR` is set.
    pub fn from_values(term: &str, locale: &str, no_color: bool) -> Self {
        let is_plain = matches!(term, "" | "dumb" | "linux") || term.starts_with("vt");
        let locale = locale.to_ascii_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // The console of Linux has UTF-8 but hardly any glyphs.
        Self {
            mono: no_color || matches!(term, "" | "dumb"),
            ascii: !is_utf8 || is_plain,
            synchronised: !is_plain,
            multiplexer: Multiplexer::None,
        }
    }

    /// Inside a multiplexer, whose variables `TMUX` and `STY` are set by itself and survive no change of machine.
    #[must_use]
    pub fn inside(self, tmux: bool, screen: bool) -> Self {
        Self { multiplexer: Multiplexer::from_values(tmux, screen), ..self }
    }
}

/// The size of the terminal on standard output; 80x24 where it does not know.
pub fn terminal_size() -> Size {
    OwnTerminal.size().unwrap_or(USUAL_SIZE)
}

/// Runs the interface on the terminal of the process, until it ends.
///
/// `effects` are those that came with the model. The app gets the size as its first message. The caller has made sure
/// that there is a terminal ([`session::has_terminal`]), and ends the process afterwards without waiting for threads:
/// one of them sits in a read of the terminal.
pub async fn run_interactive(
    app: &mut impl App,
    effects: Vec<Effect>,
    outside: Arc<dyn Outside>,
    capabilities: Capabilities,
) -> io::Result<Exit> {
    // crossterm's own way with NO_COLOR makes reversed rows plain; the view knows about mono by itself.
    crossterm::style::force_color_output(true);
    let (sender, mut signals) = mpsc::unbounded_channel();
    hangup::listen(&sender)?;
    if let Some(signal) = hangup::wait_for_foreground(&OwnTerminal, &mut signals).await {
        return Ok(signal.exit());
    }
    let session = Session::enter(OwnTerminal, capabilities.synchronised)?;
    let on_panic = sender.clone();
    session.install_panic_hook(move || {
        let _ = on_panic.send(Signal::Panic);
    });
    hangup::watch_standard_input(sender)?;
    let size = terminal_size();
    let writer = Guarded::new(StandardOutput, session.handle());
    let outlet = Outlet::start(writer, capabilities.synchronised, size)?;
    let canvas = canvas_over(outlet, size)?.inside(capabilities.multiplexer);
    let input = Input::from_terminal()?;
    let clock = Timestamp::now;
    let effects = [app.update(Message::Resize(size), clock()), effects].concat();
    Ok(event_loop::run(app, effects, LoopParts { canvas, session, input, signals, outside, clock }).await)
}

/// A canvas that draws through an outlet.
fn canvas_over(outlet: Outlet, size: Size) -> io::Result<Canvas<impl Backend>> {
    let terminal = Terminal::new(outlet.backend())?;
    Ok(Canvas::through(outlet, terminal, size))
}

#[cfg(test)]
mod tests;

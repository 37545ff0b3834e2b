//! Signals while a command runs: the first one stops it tidily, the second one, or one at a question, at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::domain::exit_code;
use crate::tui::hangup::others_that_end;

/// Which signal ended the command, if one did.
pub struct EndedBy(Arc<AtomicU8>);

impl EndedBy {
    /// The exit code of a program that a signal ended.
    pub fn code(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            code => Some(code),
        }
    }
}

/// A file that may not grow any more is an error of the write, as a full disk is, and no end without a word.
pub fn survive_file_limit() {
    // Watched once, it stays watched.
    _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
}

/// Cancels the token at the first signal that ends a program; ends the process at the second.
pub fn cancel_on_signal(cancel: CancellationToken) -> EndedBy {
    let code = Arc::new(AtomicU8::new(0));
    let usual = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
    for kind in usual.into_iter().chain(others_that_end().map(SignalKind::from_raw)) {
        let exit = exit_code::by_signal(u8::try_from(kind.as_raw_value()).unwrap_or(0));
        // Where a signal cannot be watched, its usual effect is right.
        let Ok(mut signals) = signal(kind) else { continue };
        let (cancel, code) = (cancel.clone(), Arc::clone(&code));
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                crate::settings::end_waits();
                if super::prompt::end_question() || cancel.is_cancelled() {
                    std::process::exit(i32::from(exit));
                }
                code.store(exit, Ordering::Relaxed);
                cancel.cancel();
            }
        });
    }
    EndedBy(code)
}

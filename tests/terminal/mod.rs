//! The terminal: as it was, whatever ended the program; quiet while nothing happens.

mod cost;
mod guide;
mod keys;
mod kinds;
mod lost_line;
mod quiet;
mod sequences;
mod session;
mod sizes;
mod slow;
mod tmux;
mod walk;

use crate::support::pty::{Pty, Start};

fn demo() -> (tempfile::TempDir, Start) {
    let home = tempfile::tempdir().unwrap();
    let start = Start::pia_halo(home.path(), ["demo"]);
    (home, start)
}

/// Starts the program and waits until its screen stands still.
fn running(start: Start) -> Pty {
    let pty = start.spawn();
    pty.wait_until("Halo PSA");
    pty.settle();
    pty
}

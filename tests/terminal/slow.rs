//! A terminal that reads slowly, or not at all, holds up nothing but itself.

use std::time::Duration;

use rustix::process::Signal;

use super::{demo, running};

#[test]
fn a_terminal_that_does_not_read_does_not_hold_up_the_end() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.stall(true);
    for columns in 1..=200 {
        pty.resize(300 - columns, 100);
    }
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit_code_within(Duration::from_secs(5)), 143);
}

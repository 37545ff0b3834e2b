//! A lost line: gone within a second, with everything as a later start needs it.

use std::time::Duration;

use super::{demo, running};
use crate::support::pty::Start;

/// The limit is one second; the process also has to be started and waited for on a busy machine.
const WITHIN_A_SECOND: Duration = Duration::from_millis(1_500);

#[test]
fn a_lost_line_ends_the_program_within_a_second() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[test]
fn a_lost_line_ends_the_program_without_a_controlling_terminal() {
    let (_home, start) = demo();
    let mut pty = running(start.without_controlling_terminal());
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[test]
fn a_lost_line_ends_the_program_under_a_parent_that_ignores_hang_ups() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = running(Start::pia_halo_ignoring_hangup(home.path(), ["demo"]));
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

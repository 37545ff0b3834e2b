//! Nothing is written and nobody is woken while nothing happens.

use super::{demo, running};

#[test]
fn an_idle_program_writes_nothing() {
    let (_home, start) = demo();
    let pty = running(start);
    let before = pty.settle();
    for _ in 0..10 {
        assert_eq!(pty.settle(), before);
    }
}

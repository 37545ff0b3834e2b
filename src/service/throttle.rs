//! Lines for the log that somebody else decides about: a stranger who knocks, a disk that is full. One is written in a
//! while, and says for how many it stands.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one line stands for all that follow.
const WHILE: Duration = Duration::from_secs(600);

/// Says which line is written. One for each kind of line.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    unsaid: u64,
}

impl Throttle {
    /// It has happened again. Where a line is due, how often since the last one.
    pub fn again(&self) -> Option<u64> {
        self.again_by(1)
    }

    /// The same where it has happened so many times at once.
    pub fn again_by(&self, times: u64) -> Option<u64> {
        self.again_at(Instant::now(), times)
    }

    /// How often it has happened since the last line, where there is to be no other: at the end.
    pub fn rest(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(std::mem::take(&mut state.unsaid)).filter(|unsaid| *unsaid > 0)
    }

    fn again_at(&self, now: Instant, times: u64) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsaid += times;
        if state.last.is_some_and(|last| now.duration_since(last) < WHILE) {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_is_one_line_in_ten_minutes_that_says_how_many() {
        let (throttle, began) = (Throttle::default(), Instant::now());
        let lines: Vec<u64> =
            (0..2_000_000).filter_map(|n| throttle.again_at(began + Duration::from_millis(n), 1)).collect();
        assert_eq!(lines, [1, 600_000, 600_000, 600_000]);
        assert_eq!((throttle.rest(), throttle.rest()), (Some(199_999), None), "what is in no line is told at the end");
    }
}

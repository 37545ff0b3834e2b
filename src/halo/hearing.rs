//! Whether Halo answers: since when nothing usable has come back, and which attempt is under way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::moment::{now, show};
use crate::domain::sync_run::Silence;

/// Before this nobody wonders.
const QUIET: Duration = Duration::from_secs(4);

/// One refusal may be a slip; with this attempt, half a second later, it is told.
const REFUSED: u32 = 3;

/// What has come back of all that was asked through one gate.
#[derive(Default)]
pub(super) struct Hearing(Mutex<State>);

#[derive(Default)]
struct State {
    /// Requests that wait for an answer, or for their next attempt.
    asking: usize,
    /// Since when nothing usable has come back, for us and for the screen.
    since: Option<(Instant, Timestamp)>,
    /// How often the request that was tried most has been tried since.
    attempt: u32,
    again_at: Option<Timestamp>,
    /// What came back at once instead of an answer.
    refused: Option<&'static str>,
}

/// A request that waits for its answer, for as long as this lives.
pub(super) struct Asking<'a>(&'a Hearing);

impl Hearing {
    pub(super) fn ask(&self) -> Asking<'_> {
        let mut state = self.lock();
        if state.asking == 0 {
            state.begin_anew();
        }
        state.asking += 1;
        Asking(self)
    }

    /// A wait for the request limit is no silence.
    pub(super) fn limit_is_over(&self) {
        self.lock().begin_anew();
    }

    /// The silence that goes on now.
    pub(super) fn silence(&self) -> Option<Silence> {
        let state = self.lock();
        let is_refused = state.refused.is_some() && state.attempt >= REFUSED;
        let is_told = |since: &Instant| state.asking > 0 && (is_refused || since.elapsed() >= QUIET);
        let (_, since) = state.since.filter(|(since, _)| is_told(since))?;
        Some(Silence { since, attempt: state.attempt, again_at: state.again_at, refused: state.refused })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_anew(&mut self) {
        (self.since, self.attempt, self.again_at) = (Some((Instant::now(), now())), 1, None);
        self.refused = None;
    }
}

impl Asking<'_> {
    /// Something usable has come back.
    pub(super) fn heard(&self) {
        self.0.lock().begin_anew();
    }

    /// Nothing usable: it is asked again after a pause. With what came back instead, where anything did.
    pub(super) fn again_after(&self, pause: Duration, attempt: u32, refused: Option<&'static str>) {
        let mut state = self.0.lock();
        state.refused = refused;
        state.attempt = state.attempt.max(attempt);
        state.again_at = Some(show(pause));
    }

    /// The pause is over.
    pub(super) fn asked_again(&self) {
        self.0.lock().again_at = None;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.lock().asking -= 1;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_after_four_seconds_with_its_attempts() {
        let hearing = Hearing::default();
        advance(QUIET * 2).await;
        assert_eq!(hearing.silence(), None, "nothing was asked");
        let asking = hearing.ask();
        advance(QUIET - Duration::from_secs(1)).await;
        assert_eq!(hearing.silence(), None);
        advance(Duration::from_secs(1)).await;
        let told = hearing.silence().expect("silent for long enough");
        assert_eq!((told.attempt, told.again_at), (1, None));
        asking.again_after(Duration::from_secs(8), 2, None);
        let told = hearing.silence().expect("still silent");
        assert!(told.attempt == 2 && told.again_at.is_some_and(|at| at > told.since), "{told:?}");
        asking.asked_again();
        let other = hearing.ask();
        other.heard();
        assert_eq!(hearing.silence(), None, "another request was answered");
        advance(QUIET).await;
        drop((asking, other));
        assert_eq!(hearing.silence(), None, "nobody waits any more");
    }

    /// Who is refused at once need not wait to hear of it, and does not hear that nothing answers.
    #[tokio::test(start_paused = true)]
    async fn refusal_is_told_within_second() {
        let hearing = Hearing::default();
        let asking = hearing.ask();
        asking.again_after(Duration::from_millis(250), 2, Some("cannot connect to Halo"));
        assert_eq!(hearing.silence(), None, "one may be a slip");
        advance(Duration::from_millis(250)).await;
        asking.again_after(Duration::from_millis(500), 3, Some("cannot connect to Halo"));
        let told = hearing.silence().expect("refused twice");
        assert_eq!((told.attempt, told.refused), (3, Some("cannot connect to Halo")));
        asking.again_after(Duration::from_secs(8), 4, None);
        assert_eq!(hearing.silence(), None, "taken in, and not answered");
        asking.again_after(Duration::from_secs(8), 5, Some("cannot connect to Halo"));
        asking.heard();
        assert_eq!(hearing.silence(), None);
    }
}

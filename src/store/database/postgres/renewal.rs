//! Another password for a server that refuses the one of before: it may have been changed while a program runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::secret::Secret;

/// How often it is asked for at most: whoever cannot sign in tries again every second.
const BETWEEN: Duration = Duration::from_secs(10);

/// Where another password is to be had, and the one that was asked for last.
pub(super) struct Renewal {
    ask: Box<dyn Fn() -> Option<Secret> + Send + Sync>,
    last: Mutex<(Option<Instant>, Option<Secret>)>,
}

impl Renewal {
    pub(super) fn by(ask: impl Fn() -> Option<Secret> + Send + Sync + 'static) -> Self {
        Self { ask: Box::new(ask), last: Mutex::default() }
    }

    /// The one that was asked for last.
    pub(super) fn last(&self) -> Option<Secret> {
        self.state().1.clone()
    }

    /// The one that is to be had now, where it was not asked for just now.
    pub(super) fn another(&self) -> Option<Secret> {
        let mut last = self.state();
        // Another session of this program may have asked meanwhile.
        if last.0.is_none_or(|at| at.elapsed() >= BETWEEN) {
            *last = (Some(Instant::now()), (self.ask)().or_else(|| last.1.take()));
        }
        last.1.clone()
    }

    fn state(&self) -> MutexGuard<'_, (Option<Instant>, Option<Secret>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Session;
    use super::*;
    use crate::store::Address;
    use crate::store::postgres_tests::Postgres;

    /// One that is refused is asked for again, once for all sessions that begin at that time.
    #[test]
    fn refused_password_is_asked_for_again() {
        let Some(server) = Postgres::start_with(Some("new")) else { return };
        let url = format!("{}/postgres", server.url());
        let former = Address::new(&url).unwrap().with_password(&Secret::new("former"));
        assert!(Session::open(&former).is_err());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let address = former.asking_again(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Some(Secret::new("new"))
        });
        for _ in 0..3 {
            assert!(Session::open(&address.clone()).is_ok());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

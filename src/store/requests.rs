//! What the programs of several machines have sent to a Halo, counted on the server that they share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::database::{Address, Session};
use super::error::Trouble;

/// How long the server may take: meanwhile nothing is sent.
const PATIENCE: Duration = Duration::from_secs(2);

/// The count of a store on a server. It has a session of its own, which is opened when something is counted first: whoever counts
/// waits for nobody who reads or writes the store.
pub struct RequestCount {
    server: Address,
    session: Mutex<Option<Session>>,
}

impl RequestCount {
    /// The one of the store on this server.
    pub fn on(server: &Address) -> Self {
        Self { server: server.clone().answering_within(PATIENCE), session: Mutex::default() }
    }

    /// Answers how long ago each request of the last `window` was sent to a Halo, oldest first, and counts as many more as `take`
    /// says to that; nobody else counts in between. None where the server cannot be asked.
    pub fn count(
        &self,
        halo: &str,
        window: Duration,
        take: &mut dyn FnMut(&[Duration]) -> usize,
    ) -> Option<Vec<Duration>> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = kept.take().map_or_else(|| self.open(), Ok);
        let counted = session.and_then(|session| {
            let before = session.count_requests(halo, window, take)?;
            Ok((session, before))
        });
        match counted {
            Ok((session, before)) => {
                *kept = Some(session);
                Some(before)
            }
            Err(trouble) => {
                let error = trouble.on(self.server.shown());
                tracing::debug!(%error, "the requests of other hosts are not known");
                None
            }
        }
    }

    fn open(&self) -> Result<Session, Trouble> {
        let session = Session::open(&self.server)?;
        session.be_able_to_count()?;
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use super::*;
    use crate::store::Store;
    use crate::store::postgres_tests::Postgres;

    const HALO: &str = "https://acme.halopsa.com";
    const WINDOW: Duration = Duration::from_secs(300);

    /// However many count at once, each of them sees what all before it have counted.
    #[test]
    fn programs_that_count_at_once_never_exceed_limit_together() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("count")).unwrap();
        drop(Store::on(&address).unwrap());
        let together = Barrier::new(4);
        let taken: usize = thread::scope(|scope| {
            let programs: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let count = RequestCount::on(&address);
                        together.wait();
                        let mut taken = 0;
                        for _ in 0..20 {
                            let mut take = |before: &[Duration]| {
                                assert!(before.is_sorted_by(|one, next| one >= next));
                                let more = 50_usize.saturating_sub(before.len()).min(3);
                                taken += more;
                                more
                            };
                            assert!(count.count(HALO, WINDOW, &mut take).unwrap().len() <= 50);
                        }
                        taken
                    })
                })
                .collect();
            programs.into_iter().map(|program| program.join().unwrap()).sum()
        });
        assert_eq!(taken, 50);
        let count = RequestCount::on(&address);
        assert_eq!(count.count("https://other.halopsa.com", WINDOW, &mut |_| 1).unwrap().len(), 0, "of another Halo");
        // The window slides, and a clock that is set back leaves nothing behind for ever.
        postgres
            .sql("count", "UPDATE pia_halo_requests SET sent_at = sent_at - INTERVAL '300 seconds' WHERE requests = 3");
        assert!(count.count(HALO, WINDOW, &mut |_| 0).unwrap().len() <= 2);
        postgres.sql("count", "UPDATE pia_halo_requests SET sent_at = now() + INTERVAL '1 hour'");
        assert!(count.count(HALO, WINDOW, &mut |_| 0).unwrap().is_empty());
        assert_eq!(postgres.sql("count", "SELECT count(*) FROM pia_halo_requests"), "0");
    }

    /// Whoever counts while another one does waits, and sees what that has counted.
    #[test]
    fn nobody_counts_in_between() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("between")).unwrap();
        drop(Store::on(&address).unwrap());
        let ((begun, has_begun), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
        thread::scope(|scope| {
            let address = &address;
            scope.spawn(move || {
                let mut take = |_: &[Duration]| {
                    begun.send(()).unwrap();
                    goes_on.recv().unwrap();
                    3
                };
                RequestCount::on(address).count(HALO, WINDOW, &mut take).unwrap();
            });
            has_begun.recv().unwrap();
            let second = scope.spawn(|| RequestCount::on(address).count(HALO, WINDOW, &mut |_| 1));
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            while !second.is_finished() && postgres.sql("between", waits) == "0" {}
            go_on.send(()).unwrap();
            assert_eq!(second.join().unwrap().unwrap().len(), 3);
        });
    }

    /// Whoever was away goes on, in a new session.
    #[test]
    fn count_goes_on_after_server_was_away() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("away")).unwrap();
        drop(Store::on(&address).unwrap());
        let count = RequestCount::on(&address);
        assert_eq!(count.count(HALO, WINDOW, &mut |_| 2), Some(Vec::new()));
        postgres.sql("away", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
        assert_eq!(count.count(HALO, WINDOW, &mut |_| 2), None);
        assert_eq!(count.count(HALO, WINDOW, &mut |_| 0).unwrap().len(), 2);
    }
}

use super::*;
use crate::domain::sync_run::SyncStatus;
use crate::store::test_support::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn left_behind(store: &Store, second: i64) -> ListedPage {
    let run = store.begin_run(&id("acme"), at(second)).unwrap();
    let clients = [client(i64::MIN, "min"), client(i64::MAX, "max"), client(5, "\u{1b}\"\u{0}\u{202e}")];
    let listed = ListedPage {
        record_count: Some(7),
        nameless: 1,
        newest: Some(9),
        unread: vec![(9, "odd".to_owned())],
        ..page(1, &clients)
    };
    let differing = clients.to_vec();
    store.stage(run, &[StagedPage { look: 1, page: listed.clone(), differing }], at(second)).unwrap();
    listed
}

#[test]
fn pages_of_run_that_was_killed_are_taken_up_as_they_were() {
    let (_folder, store) = store();
    let listed = left_behind(&store, 0);
    let open = opener(&store);
    drop(store);
    let store = open();
    let run = store.begin_run(&id("acme"), at(60)).unwrap();
    assert_eq!(store.resume(run, at(60), HOUR).unwrap().unwrap().pages, [listed]);
    let known = store.known(&id("acme")).unwrap();
    let seen = [client(i64::MIN, ""), client(i64::MAX, ""), client(5, "")];
    assert_eq!(publish(&store, run, &known, &seen, 60, true).unwrap().added, 3);
    assert_eq!(store.clients(&id("acme")).unwrap()[1].client.name.raw(), "\u{1b}\"\u{0}\u{202e}");
}

#[test]
fn ended_runs_pages_are_left_only_where_it_did_not_get_through() {
    for (status, kept) in [
        (SyncStatus::Interrupted, true),
        (SyncStatus::Failed, true),
        (SyncStatus::Complete, false),
        (SyncStatus::NeedsConfirmation, false),
    ] {
        let (_folder, store) = store();
        let run = store.begin_run(&id("acme"), at(0)).unwrap();
        store.stage(run, &staged(1, 1, &[client(1, "a")]), at(0)).unwrap();
        store.end_run(run, &report(status, 0)).unwrap();
        let next = store.begin_run(&id("acme"), at(1)).unwrap();
        assert_eq!(store.resume(next, at(1), HOUR).unwrap().is_some(), kept, "{status:?}");
    }
}

#[test]
fn old_future_or_foreign_pages_are_not_resumed() {
    for (now, fresh) in [(3_600, true), (3_601, false), (-1, false)] {
        let (_folder, store) = store();
        left_behind(&store, 0);
        let run = store.begin_run(&id("acme"), at(now)).unwrap();
        assert_eq!(store.resume(run, at(now), HOUR).unwrap().is_some(), fresh, "{now}");
    }
    let (_folder, store) = store();
    left_behind(&store, 0);
    store.recognise(&id("acme"), "another halo").unwrap();
    let run = store.begin_run(&id("acme"), at(1)).unwrap();
    assert_eq!(store.resume(run, at(1), HOUR).unwrap(), None);
    let pages = store.ask(|db| db.value::<i64>("SELECT count(*) FROM pages", &[]));
    assert_eq!(pages.unwrap(), 0, "and nothing of them is left");
}

#[test]
fn only_last_look_of_newest_run_is_taken_up() {
    let (_folder, store) = store();
    left_behind(&store, 0);
    let run = store.begin_run(&id("acme"), at(1)).unwrap();
    store.stage(run, &staged(1, 1, &[client(1, "a")]), at(1)).unwrap();
    store.stage(run, &staged(2, 1, &[client(2, "b")]), at(1)).unwrap();
    store.stage(run, &staged(2, 0, &[client(3, "c")]), at(1)).unwrap();
    let other = store.begin_run(&id("beta"), at(2)).unwrap();
    assert_eq!(store.resume(other, at(2), HOUR).unwrap(), None, "another configuration's pages");
    let next = store.begin_run(&id("acme"), at(3)).unwrap();
    let pages = store.resume(next, at(3), HOUR).unwrap().unwrap().pages;
    assert_eq!(pages, [page(1, &[client(2, "b")])]);
    store.drop_pages(next).unwrap();
    let last = store.begin_run(&id("acme"), at(4)).unwrap();
    assert_eq!(store.resume(last, at(4), HOUR).unwrap(), None);
}

#[test]
fn older_database_is_migrated_with_its_data() {
    let (_folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    store.ask(|db| Ok(db.sqlite().execute_batch(BACK_TO_THE_FIRST_VERSION)?)).unwrap();
    let path = store.path().to_owned();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.runs(&id("acme"), 9).unwrap().len(), 1);
    assert_eq!(sync(&store, "acme", 10, &[client(1, "b")]).updated, 1);
}

#[test]
fn ids_in_any_order_come_back_as_they_were() {
    for ids in [vec![], vec![0], vec![i64::MIN, i64::MAX, -1, 0, 7, 7], (0..100).rev().collect()] {
        assert_eq!(places(&steps(&ids)), ids);
    }
}

use jiff::SignedDuration;
use rusqlite::Connection;

use super::*;
use crate::domain::client::{Client, ClientStatus, DisabledReason, StoredClient, Traits};
use crate::domain::include::IncludeRule;
use crate::domain::people::Team;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{Brake, ChangeKind};
use crate::store::Publication;
use crate::store::lists::FreshLists;
use crate::store::test_support::*;

fn stored(store: &Store, client: i64) -> StoredClient {
    store.clients(&id("acme")).unwrap().into_iter().find(|stored| stored.client.id == client).unwrap()
}

fn counts(changes: ChangeCounts) -> [u64; 5] {
    [changes.added, changes.updated, changes.disabled, changes.returned, changes.unchanged]
}

const GONE: ClientStatus = ClientStatus::Disabled(DisabledReason::NoLongerInHalo);
const INACTIVE: ClientStatus = ClientStatus::Disabled(DisabledReason::InactiveInHalo);

#[test]
fn nothing_of_run_is_visible_before_it_is_published() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let run = store.begin_run(&id("acme"), at(9)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &[client(2, "b"), client(3, "c")]);
    stage(&store, run, &known, 2, &[client(3, "c again"), client(4, "d"), client(4, "d again")]);
    stage(&store, run, &known, 3, &[]);
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 1);
    let seen = [client(1, "a"), client(2, ""), client(3, ""), client(4, "")];
    assert_eq!(counts(publish(&store, run, &known, &seen, 9, true).unwrap()), [3, 0, 0, 0, 1]);
    let names: Vec<String> =
        store.clients(&id("acme")).unwrap().iter().map(|stored| stored.client.name.raw().to_owned()).collect();
    assert_eq!(names, ["a", "b", "c again", "d again"]);
}

#[test]
fn vanished_client_is_disabled_and_returns_with_history() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a"), client(2, "b")]);
    sync(&store, "acme", 10, &[client(1, "a"), client(2, "b")]);
    assert_eq!(counts(sync(&store, "acme", 20, &[client(2, "b")])), [0, 0, 1, 0, 1]);
    let gone = stored(&store, 1);
    assert_eq!((gone.status, gone.first_seen, gone.last_seen), (GONE, at(0), at(10)));
    assert_eq!(gone.client.name.raw(), "a");
    // It stays so, and the time at which it was last seen with it.
    assert_eq!(counts(sync(&store, "acme", 30, &[client(2, "b")])), [0, 0, 0, 0, 1]);
    assert_eq!((stored(&store, 1).last_seen, stored(&store, 2).last_seen), (at(10), at(30)));
    assert_eq!(counts(sync(&store, "acme", 40, &[client(1, "a"), client(2, "b")])), [0, 0, 0, 1, 1]);
    let back = stored(&store, 1);
    assert_eq!((back.status, back.first_seen, back.last_seen), (ClientStatus::Active, at(0), at(40)));
}

#[test]
fn every_kind_of_change_is_counted_for_what_it_is() {
    let (_folder, store) = store();
    let first = [client(1, "a"), client(2, "b"), client(3, "c"), inactive(4, "d"), inactive(5, "e"), inactive(6, "f")];
    assert_eq!(counts(sync(&store, "acme", 0, &first)), [6, 0, 0, 0, 0]);
    assert_eq!(store.client_counts(&id("acme")).unwrap(), ClientCounts { active: 3, disabled: 3, left_out: 0 });
    let moved = Client { toplevel: Some("Group".into()), ..client(2, "b") };
    // 1 inactive, 2 moved, 3 as it was, 4 active again, 5 renamed but still inactive, 6 missing, 7 new.
    let second = [inactive(1, "a"), moved.clone(), client(3, "c"), client(4, "d"), inactive(5, "E"), client(7, "g")];
    assert_eq!(counts(sync(&store, "acme", 10, &second)), [1, 3, 1, 1, 1]);
    assert_eq!(stored(&store, 2).client, moved);
    assert_eq!((stored(&store, 1).status, stored(&store, 6).status), (INACTIVE, GONE));
    assert_eq!(store.client_counts(&id("acme")).unwrap(), ClientCounts { active: 4, disabled: 3, left_out: 0 });
    // 6 is back, but inactive: no return. 1 vanishes now: disabled it was already.
    let third = [moved, client(3, "c"), client(4, "d"), inactive(5, "E"), inactive(6, "f"), client(7, "g")];
    assert_eq!(counts(sync(&store, "acme", 20, &third)), [0, 2, 0, 0, 5]);
    assert_eq!((stored(&store, 1).status, stored(&store, 6).status), (GONE, INACTIVE));
}

#[test]
fn unseen_client_stays_in_use_where_nothing_is_disabled() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a"), client(2, "b")]);
    let partial = |second| {
        let run = store.begin_run(&id("acme"), at(second)).unwrap();
        let known = store.known(&id("acme")).unwrap();
        stage(&store, run, &known, 1, &[client(2, "b")]);
        publish(&store, run, &known, &[client(2, "b")], second, false).unwrap()
    };
    assert_eq!(counts(partial(10)), [0, 0, 0, 0, 1]);
    partial(20);
    let unseen = stored(&store, 1);
    assert_eq!((unseen.status, unseen.last_seen), (ClientStatus::Active, at(0)), "it was not seen since");
    assert_eq!(counts(sync(&store, "acme", 30, &[client(1, "a"), client(2, "b")])), [0, 0, 0, 0, 2]);
    assert_eq!(stored(&store, 1).last_seen, at(30));
}

#[test]
fn long_list_can_be_read_in_parts() {
    let (_folder, store) = store();
    assert_eq!(store.published_at(&id("acme")).unwrap(), None);
    let all: Vec<Client> = [i64::MIN, -3, 0, 7, 8, i64::MAX].iter().map(|id| client(*id, "x")).collect();
    sync(&store, "acme", 0, &all);
    let (mut parts, mut after) = (Vec::new(), None);
    loop {
        let part = store.clients_after(&id("acme"), after, 2).unwrap();
        let Some(last) = part.last() else { break };
        after = Some(last.client.id);
        parts.extend(part);
    }
    assert_eq!(parts, store.clients(&id("acme")).unwrap());
    assert_eq!((parts.len(), store.published_at(&id("acme")).unwrap()), (6, Some(at(0))));
}

#[test]
fn first_clients_by_name_are_found_without_others() {
    let (_folder, store) = store();
    let names = ["Zoë", "zoe", "Ärger", "Bravo", "alpha", "ＡＣＭＥ", "bravo"];
    let mut all: Vec<Client> = names.iter().zip(1..).map(|(name, id)| client(id, name)).collect();
    all.push(inactive(8, "AAA"));
    sync(&store, "acme", 0, &all);
    let first = |in_use, limit| -> Vec<i64> {
        let (clients, _) = store.first_clients(&id("acme"), in_use, limit).unwrap();
        assert!(clients.iter().all(|row| store.clients(&id("acme")).unwrap().contains(row)));
        clients.iter().map(|row| row.client.id).collect()
    };
    assert_eq!(first(None, 99), [8, 6, 5, 3, 4, 7, 1, 2]);
    assert_eq!(first(Some(true), 3), [6, 5, 3]);
    assert_eq!((first(Some(false), 9), first(None, 0)), (vec![8], vec![]));
}

/// Rows slide from one page to the next while they are read: a new client can stand on both.
#[test]
fn new_client_on_two_pages_is_added_once_as_it_came_last() {
    let (_folder, store) = store();
    let run = store.begin_run(&id("acme"), at(0)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &[client(1, "a"), client(2, "b")]);
    stage(&store, run, &known, 2, &[client(2, "later"), client(3, "c")]);
    let changes = publish(&store, run, &known, &[1, 2, 3].map(|id| client(id, "")), 0, true).unwrap();
    assert_eq!(counts(changes), [3, 0, 0, 0, 0]);
    assert_eq!((stored(&store, 2).client, store.clients(&id("acme")).unwrap().len()), (client(2, "later"), 3));
    let number = store.runs(&id("acme"), 1).unwrap()[0].run.unwrap().into();
    let told = store.changes(&id("acme"), number).unwrap().unwrap();
    assert_eq!(told.iter().map(|line| line.id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn ids_are_only_key_and_names_are_kept_exactly() {
    let (_folder, store) = store();
    let odd = Client {
        id: -(1 << 53) - 1,
        name: "a\u{1b}[31m\0\u{202e}\n' OR 1=1; --".into(),
        toplevel: Some("".into()),
        main_site: Some("北京".into()),
        inactive: false,
        traits: Traits { toplevel_id: Some(7), customer_type: None, fields: Some("[\"odd\"]".to_owned()) },
    };
    let twins = [client(i64::MAX, "twin"), client(0, "twin"), odd.clone()];
    sync(&store, "acme", 0, &twins);
    assert_eq!(stored(&store, odd.id).client, odd);
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 3);
    // Two swap their names: two changes, no return and no loss.
    sync(&store, "acme", 10, &[client(1, "x"), client(2, "y")]);
    assert_eq!(counts(sync(&store, "acme", 20, &[client(1, "y"), client(2, "x")])), [0, 2, 0, 0, 0]);
}

#[test]
fn configurations_do_not_touch_each_other() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    sync(&store, "beta", 10, &[client(1, "other"), client(2, "b")]);
    let (acme, beta) = (store.begin_run(&id("acme"), at(20)).unwrap(), store.begin_run(&id("beta"), at(20)).unwrap());
    let (known_acme, known_beta) = (store.known(&id("acme")).unwrap(), store.known(&id("beta")).unwrap());
    stage(&store, acme, &known_acme, 1, &[client(9, "x")]);
    stage(&store, beta, &known_beta, 1, &[client(9, "y")]);
    assert_eq!((known_acme.expected().count(), known_beta.expected().count()), (1, 2));
    publish(&store, beta, &known_beta, &[client(9, "y")], 20, true).unwrap();
    assert_eq!(stored(&store, 1).status, ClientStatus::Active);
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 1);
    assert_eq!(store.clients(&id("beta")).unwrap().len(), 3);
}

#[test]
fn killed_run_is_interrupted_and_invisible() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let killed = store.begin_run(&id("acme"), at(10)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, killed, &known, 1, &[client(2, "b")]);
    assert_eq!(store.runs(&id("acme"), 9).unwrap().len(), 1, "it has not ended");
    let open = opener(&store);
    drop(store);
    let store = open();
    let run = store.begin_run(&id("acme"), at(20)).unwrap();
    let runs = store.runs(&id("acme"), 9).unwrap();
    assert_eq!((runs.len(), runs[0].status, runs[0].started_at), (2, SyncStatus::Interrupted, at(10)));
    assert_eq!(runs[0].warnings, ["the program stopped before the sync finished"]);
    assert_eq!(
        (runs[0].pages, runs[0].stored, runs[0].active),
        (1, 1, 1),
        "what its page tells; the list is as it was"
    );
    store.drop_pages(run).unwrap();
    let seen = [client(1, "a"), client(3, "c")];
    stage(&store, run, &known, 1, &seen);
    publish(&store, run, &store.known(&id("acme")).unwrap(), &seen, 20, true).unwrap();
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 2, "1 and 3; 2 was never proved");
}

/// Nothing is made up of one that was killed before it had read a page: the list is as it was, how long it ran is not known.
#[test]
fn run_killed_before_its_first_page_tells_no_false_figures() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a"), client(2, "b")]);
    store.begin_run(&id("acme"), at(10)).unwrap();
    store.begin_run(&id("acme"), at(20)).unwrap();
    let killed = store.runs(&id("acme"), 1).unwrap().remove(0);
    assert_eq!((killed.status, killed.active, killed.disabled), (SyncStatus::Interrupted, 2, 0));
    assert_eq!(killed.measured_ms(), None);
    assert_eq!(killed.proof(), "Nothing was read; list unchanged");
}

#[test]
fn run_that_was_superseded_can_publish_nothing() {
    let (_folder, store) = store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let known = store.known(&id("acme")).unwrap();
    let old = store.begin_run(&id("acme"), at(10)).unwrap();
    stage(&store, old, &known, 1, &[client(2, "b")]);
    let gone = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::RunGone)));
    // By another program.
    opener(&store)().begin_run(&id("acme"), at(20)).unwrap();
    gone(publish(&store, old, &known, &[], 30, true).map(drop));
    // By another part of this one.
    store.begin_run(&id("acme"), at(40)).unwrap();
    gone(store.stage(old, &staged(1, 1, &[client(3, "c")]), at(40)));
    gone(store.resume(old, at(40), SignedDuration::from_secs(60)).map(drop));
    gone(store.drop_pages(old));
    gone(publish(&store, old, &known, &[], 50, true).map(drop));
    // And once it has ended, an empty run would otherwise disable everybody.
    let ended = store.begin_run(&id("acme"), at(60)).unwrap();
    store.end_run(ended, &report(SyncStatus::Failed, 60)).unwrap();
    gone(publish(&store, ended, &known, &[], 70, true).map(drop));
    assert_eq!(store.client_counts(&id("acme")).unwrap(), ClientCounts { active: 1, disabled: 0, left_out: 0 });
}

#[test]
fn second_run_in_which_nothing_changed_writes_next_to_nothing() {
    let (_folder, store) = file_store();
    let clients: Vec<Client> = (0..5_000).map(|n| client(n, &format!("client {n}"))).collect();
    let team = [Team { id: 1, name: "Pia".into(), inactive: false }];
    let written = |second| {
        let run = store.begin_run(&id("acme"), at(second)).unwrap();
        let known = store.known(&id("acme")).unwrap();
        let before = rows_written(&store);
        for (number, page) in clients.chunks(100).enumerate() {
            // What is as it is stored, a sync keeps in its memory.
            if page.iter().any(|client| !known.has(client)) {
                stage(&store, run, &known, number as u32 + 1, page);
            }
        }
        let fresh = FreshLists { teams: Some(&team), ..FreshLists::default() };
        let rule = IncludeRule::default();
        let publication = all_seen(fresh, &rule);
        let tell = |changes, counts| told(changes, counts, second);
        let changes = store.publish(run, &known, &publication, at(second), tell).unwrap().changes;
        (changes, rows_written(&store) - before)
    };
    assert_eq!(written(0).0.added, 5_000);
    let (changes, rows) = written(10);
    assert_eq!((changes.unchanged, counts(changes).iter().sum::<u64>()), (5_000, 5_000));
    assert!(rows <= 3, "{rows} rows were written: the run, when it was published and when the lists were");
    assert_eq!(stored(&store, 17).last_seen, at(10), "and yet it is known when each was last seen");
}

fn rows_written(store: &Store) -> i64 {
    store.ask(|db| db.value("SELECT total_changes()", &[])).unwrap()
}

/// A run that has published is never one that never ended: the two are one step.
#[test]
fn what_is_published_and_end_of_its_run_are_one_step() {
    let (_folder, store) = store();
    let run = store.begin_run(&id("acme"), at(0)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &[client(1, "a"), inactive(2, "b")]);
    let fresh = FreshLists::default();
    let rule = IncludeRule::default();
    let publication = all_seen(fresh, &rule);
    let published = store.publish(run, &known, &publication, at(0), |changes, counts| {
        let ClientCounts { active, disabled, .. } = counts;
        SyncReport { run: run.number(), changes, active, disabled, ..report(SyncStatus::Complete, 0) }
    });
    // As the next program finds it, were this one killed now.
    let found = opener(&store)();
    assert_eq!(found.runs(&id("acme"), 10).unwrap(), [published.unwrap()]);
    assert_eq!(found.runs(&id("acme"), 1).unwrap()[0].changes.added, 2);
    assert_eq!((found.runs(&id("acme"), 1).unwrap()[0].active, found.clients(&id("acme")).unwrap().len()), (1, 2));
}

#[test]
fn lists_become_visible_together_with_clients() {
    let (_folder, store) = store();
    let run = store.begin_run(&id("acme"), at(0)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &[client(1, "a")]);
    let team = [Team { id: 1, name: "Pia".into(), inactive: false }];
    let fresh = FreshLists { teams: Some(&team), ..FreshLists::default() };
    let rule = IncludeRule::default();
    let publication = all_seen(fresh, &rule);
    store.publish(run, &known, &publication, at(0), |_, _| report(SyncStatus::Complete, 0)).unwrap();
    let lists = store.lists(&id("acme")).unwrap();
    assert_eq!((lists.teams.as_slice(), lists.read_at), (&team[..], Some(at(0))));
}

#[test]
fn last_hundred_reports_are_kept_whole_newest_first() {
    let (_folder, store) = store();
    let mut last = report(SyncStatus::CompleteWithWarnings, 0);
    for second in 0..105 {
        let run = store.begin_run(&id("acme"), at(second)).unwrap();
        last = SyncReport { halo_count: None, ..report(SyncStatus::CompleteWithWarnings, second) };
        store.end_run(run, &last).unwrap();
        last.run = run.number();
    }
    sync(&store, "beta", 0, &[]);
    let runs = store.runs(&id("acme"), 1_000).unwrap();
    assert_eq!((runs.len(), &runs[0], runs[99].started_at), (100, &last, at(5)));
    assert_eq!(store.runs(&id("acme"), 3).unwrap(), runs[..3]);
    assert_eq!(store.runs(&id("beta"), 1_000).unwrap().len(), 1);
}

/// What was staged gives its room to the clients, page by page: the file does not grow by both.
#[test]
fn file_does_not_hold_pages_and_clients_of_run_at_once() {
    let (_folder, store) = file_store();
    let size = || -> i64 {
        let looking = Connection::open(store.path()).unwrap();
        looking.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
    };
    let all: Vec<Client> =
        (0..20_000).map(|n| client(n, &format!("A client with a longer name, number {n}"))).collect();
    let run = store.begin_run(&id("acme"), at(0)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    let empty = size();
    for (number, some) in (1..).zip(all.chunks(100)) {
        stage(&store, run, &known, number, some);
    }
    let staged = size() - empty;
    publish(&store, run, &known, &all, 5, true).unwrap();
    let published = size() - empty;
    let free: i64 = {
        let looking = Connection::open(store.path()).unwrap();
        looking.query_row("PRAGMA freelist_count", [], |row| row.get(0)).unwrap()
    };
    assert!(free < staged / 4, "{staged} staged, {published} published, {free} of them free");
}

#[test]
fn readers_see_all_of_run_or_nothing_of_it() {
    let (_folder, store) = store();
    let everyone = |name: &str| -> Vec<Client> { (0..200).map(|n| client(n, name)).collect() };
    sync(&store, "acme", 0, &everyone("0"));
    let reader = opener(&store)();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=20 {
                sync(&store, "acme", round, &everyone(&round.to_string()));
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            let clients = reader.clients(&id("acme")).unwrap();
            assert_eq!(clients.len(), 200);
            assert!(clients.iter().all(|stored| stored.client.name == clients[0].client.name));
        }
    });
}

/// N7: by id and name, each for what it is.
#[test]
fn change_report_of_run_names_every_client_that_it_changed() {
    use ChangeKind::{Added, Changed, Disabled, Renamed, Returned};
    let (_folder, store) = store();
    let first = [client(1, "a"), client(2, "b"), client(3, "c"), inactive(4, "d"), inactive(6, "f")];
    sync(&store, "acme", 0, &first);
    let moved = Client { toplevel: Some("Group".into()), ..client(2, "b") };
    sync(&store, "acme", 10, &[client(1, "b"), moved, client(4, "D"), client(7, "g\u{1b}")]);
    let lines = |run: u64| -> Vec<(ChangeKind, i64, String, Option<String>)> {
        let line = |line: ClientChange| {
            (line.change, line.id, line.name.raw().to_owned(), line.name_before.map(|name| name.raw().to_owned()))
        };
        store.changes(&id("acme"), run).unwrap().unwrap().into_iter().map(line).collect()
    };
    let run = store.runs(&id("acme"), 2).unwrap().iter().map(|run| run.run.unwrap().get()).collect::<Vec<_>>();
    let line = |kind, id, name: &str, before: Option<&str>| (kind, id, name.to_owned(), before.map(str::to_owned));
    assert_eq!(
        lines(run[0]),
        [
            line(Added, 7, "g\u{1b}", None),
            line(Renamed, 1, "b", Some("a")),
            line(Changed, 2, "b", None),
            line(Changed, 6, "f", None),
            line(Disabled, 3, "c", None),
            line(Returned, 4, "D", Some("d")),
        ]
    );
    assert_eq!(lines(run[1]).len(), 5);
    sync(&store, "acme", 20, &[client(1, "b")]);
    assert_eq!(store.changes(&id("acme"), 99).unwrap(), None);
    assert_eq!(store.changes(&id("beta"), run[0]).unwrap(), None, "another configuration's");
    for second in 0..100 {
        sync(&store, "acme", 30 + second, &[client(1, &second.to_string())]);
    }
    let reports = store.ask(|db| db.value::<i64>("SELECT count(*) FROM change_reports", &[]));
    assert_eq!((reports.unwrap(), store.changes(&id("acme"), run[0]).unwrap()), (100, None), "a hundred are kept");
}

/// Another address is no reason to disable anybody: what has to be found again is found out by the next sync.
#[test]
fn long_report_comes_back_whole_and_is_forwarded_in_order() {
    let (_folder, store) = store();
    let acme = id("acme");
    let list: Vec<Client> = (0..1_500).map(|number| client(number, &format!("{number:060}"))).collect();
    store.begin_to_forward_clients(&acme, at(0)).unwrap();
    sync(&store, "acme", 0, &list);
    let parts = "SELECT count(*) FROM change_reports";
    let parts = store.ask(|db| db.value::<i64>(parts, &[])).unwrap();
    let number = store.runs(&acme, 1).unwrap()[0].run.unwrap().into();
    let told = store.changes(&acme, number).unwrap().unwrap();
    let names = told.iter().map(|line| line.name.clone());
    assert!(parts > 1 && names.eq(list.iter().map(|client| client.name.clone())), "{parts} parts");
    let waiting = store.clients_to_forward(&acme, at(1), 2_000).unwrap();
    assert!(waiting.iter().map(|one| one.client.client.id).eq(0..1_500));
}

#[test]
fn report_of_version_before_parts_is_kept() {
    let (_folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let number = store.runs(&id("acme"), 1).unwrap()[0].run.unwrap().into();
    let before = store.changes(&id("acme"), number).unwrap();
    let back = "ALTER TABLE change_reports RENAME TO parts;
                CREATE TABLE change_reports (run INTEGER PRIMARY KEY, changes TEXT NOT NULL) STRICT;
                INSERT INTO change_reports SELECT run, changes FROM parts;
                DROP TABLE parts;
                DROP TABLE settings;
                DROP TABLE trails;
                DROP TABLE trail;
                ALTER TABLE configurations DROP COLUMN on_at;
                ALTER TABLE configurations DROP COLUMN missed_since;
                ALTER TABLE configurations DROP COLUMN misses;
                PRAGMA user_version = 10;";
    store.ask(|db| Ok(db.sqlite().execute_batch(back)?)).unwrap();
    let path = store.path().to_owned();
    drop(store);
    assert_eq!(Store::open(&path).unwrap().changes(&id("acme"), number).unwrap(), before);
}

#[test]
fn in_another_halo_clients_stay_and_have_to_be_found_again() {
    let (_folder, store) = store();
    store.recognise(&id("acme"), "one halo").unwrap();
    sync(&store, "acme", 0, &[client(1, "a"), client(2, "b")]);
    let before = store.clients(&id("acme")).unwrap();
    assert!(store.recognise(&id("acme"), "another halo").unwrap());
    assert_eq!(store.clients(&id("acme")).unwrap(), before);
    assert_eq!(store.known(&id("acme")).unwrap().expected().count(), 2);
    assert_eq!(store.proved_at(&id("acme")).unwrap(), None);
}

/// What was read of one Halo is never published as what another one has.
#[test]
fn run_that_read_another_halo_is_not_published() {
    let (_folder, store) = store();
    store.recognise(&id("acme"), "one halo").unwrap();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let before = store.clients(&id("acme")).unwrap();
    let run = store.begin_run(&id("acme"), at(10)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &[client(2, "b")]);
    store.recognise(&id("acme"), "another halo").unwrap();
    let published = publish(&store, run, &known, &[client(2, "b")], 20, true);
    assert!(matches!(published, Err(StoreError::RunGone)), "{published:?}");
    assert_eq!(store.clients(&id("acme")).unwrap(), before);
    assert_eq!(store.proved_at(&id("acme")).unwrap(), None);
}

fn under(toplevel: i64, id: i64) -> Client {
    let traits = Traits { toplevel_id: Some(toplevel), ..Traits::default() };
    Client { traits, ..client(id, &format!("Client {id}")) }
}

/// A run of which the rule and the brake are told.
fn sync_by(store: &Store, second: i64, clients: &[Client], rule: &str, brake: Brake) -> Result<SyncReport, StoreError> {
    let run = store.begin_run(&id("acme"), at(second)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(store, run, &known, 1, clients);
    let rule = IncludeRule::parse(rule).unwrap();
    let publication = Publication { brake, ..all_seen(FreshLists::default(), &rule) };
    let tell = |changes, counts: ClientCounts| {
        let left_out = counts.left_out;
        SyncReport { left_out, ..told(changes, counts, second) }
    };
    store.publish(run, &known, &publication, at(second), tell)
}

#[test]
fn include_rule_keeps_others_as_left_out() {
    let (_folder, store) = store();
    let clients = [under(1, 1), under(2, 2), under(1, 3)];
    let counts = |report: SyncReport| (report.active, report.disabled, report.left_out);
    let kinds = |run| -> Vec<(i64, ChangeKind)> {
        let changes = store.changes(&id("acme"), run).unwrap().unwrap();
        changes.iter().map(|line| (line.id, line.change)).collect()
    };
    assert_eq!(counts(sync_by(&store, 1, &clients, "", Brake::On).unwrap()), (3, 0, 0));
    let ruled = sync_by(&store, 2, &clients, "top level = 1", Brake::On).unwrap();
    assert_eq!((ruled.changes.disabled, ruled.changes.unchanged), (1, 2));
    assert_eq!(counts(ruled), (2, 1, 1));
    assert_eq!(kinds(2), [(2, ChangeKind::Disabled)]);
    let status = store.clients(&id("acme")).unwrap()[1].status;
    assert_eq!((status.word(), status.reason()), ("disabled", Some("left out by rule")));
    // What Halo changes about one that is left out does not take it back in; another top level does.
    let renamed = Client { name: "Another".into(), ..under(2, 2) };
    let again = sync_by(&store, 3, &[under(1, 1), renamed, under(1, 3)], "top level = 1", Brake::On).unwrap();
    assert_eq!((kinds(3), counts(again)), (vec![(2, ChangeKind::Renamed)], (2, 1, 1)));
    let moved = Client { name: "Another".into(), ..under(1, 2) };
    let back = sync_by(&store, 4, &[under(1, 1), moved, under(1, 3)], "top level = 1", Brake::On).unwrap();
    assert_eq!((kinds(4), counts(back)), (vec![(2, ChangeKind::Returned)], (3, 0, 0)));
}

#[test]
fn include_rule_that_leaves_many_out_meets_brake() {
    let (_folder, store) = store();
    let clients: Vec<Client> = (1..=60).map(|id| under(if id <= 30 { 1 } else { 2 }, id)).collect();
    sync_by(&store, 1, &clients, "", Brake::On).unwrap();
    let error = sync_by(&store, 2, &clients, "top level = 1", Brake::On).unwrap_err();
    let StoreError::Held { disabling, active } = error else { panic!("{error}") };
    assert_eq!((disabling.len(), active), (30, 60), "each of them is named");
    assert!(disabling.iter().all(|line| line.reason == Some(DisabledReason::LeftOut)));
    let counts = store.client_counts(&id("acme")).unwrap();
    assert_eq!(counts, ClientCounts { active: 60, disabled: 0, left_out: 0 }, "nothing was changed");
    assert!(sync_by(&store, 3, &clients, "top level = 1", Brake::UpTo(29)).is_err());
    assert_eq!(sync_by(&store, 4, &clients, "top level = 1", Brake::UpTo(30)).unwrap().left_out, 30);
    // Those that are left out are not in use: that they go later is no news.
    assert_eq!(store.known(&id("acme")).unwrap().expected().filter(|(_, in_use)| *in_use).count(), 30);
}

/// Gone, inactive and left out count together, each with its reason, and whoever was not in use before does not count.
#[test]
fn brake_holds_whatever_takes_clients_out_of_use() {
    let (_folder, store) = store();
    let client = |id: i64| under(if id <= 8 { 2 } else { 1 }, id);
    let inactive = |id: i64| Client { inactive: true, ..client(id) };
    let before: Vec<Client> = (1..=60).map(|id| if id > 50 { inactive(id) } else { client(id) }).collect();
    sync_by(&store, 1, &before, "", Brake::On).unwrap();
    // Ten come into use, and that brakes nobody; nor do twenty that go.
    let woken: Vec<Client> = (1..=60).map(client).collect();
    assert_eq!(sync_by(&store, 2, &woken, "", Brake::On).unwrap().changes.returned, 10);
    let twenty: Vec<Client> = (1..=60).map(|id| if id > 40 { inactive(id) } else { client(id) }).collect();
    assert_eq!(sync_by(&store, 3, &twenty, "", Brake::On).unwrap().changes.disabled, 20);
    assert_eq!(sync_by(&store, 4, &woken, "", Brake::On).unwrap().changes.returned, 20);
    // Eight by the rule, twelve by Halo, one gone: none of them is many alone.
    let rest: Vec<Client> = (1..=59).map(|id| if id > 47 { inactive(id) } else { client(id) }).collect();
    let run = store.begin_run(&id("acme"), at(5)).unwrap();
    let known = store.known(&id("acme")).unwrap();
    stage(&store, run, &known, 1, &rest);
    let rule = IncludeRule::parse("top level = 1").unwrap();
    let mixed = Publication { unseen: &[60], gone: &[60], ..all_seen(FreshLists::default(), &rule) };
    let tell = |changes, counts: ClientCounts| told(changes, counts, 5);
    let error = store.publish(run, &known, &mixed, at(5), tell).unwrap_err();
    let StoreError::Held { disabling, active } = error else { panic!("{error}") };
    let reasons = |lines: &[ClientChange]| {
        DisabledReason::ALL.map(|reason| lines.iter().filter(|line| line.reason == Some(reason)).count())
    };
    assert_eq!((reasons(&disabling), active), ([12, 1, 8], 60));
    assert_eq!(store.client_counts(&id("acme")).unwrap().active, 60, "nothing was changed");
    let agreed = Publication { brake: Brake::UpTo(21), ..mixed };
    assert_eq!(store.publish(run, &known, &agreed, at(6), tell).unwrap().changes.disabled, 21);
    assert_eq!(reasons(&store.changes(&id("acme"), 5).unwrap().unwrap()), [12, 1, 8]);
}

#[test]
fn held_run_remembers_everybody_it_would_have_disabled() {
    let (_folder, store) = store();
    let run = store.begin_run(&id("acme"), at(1)).unwrap();
    let whom = |id| ClientChange::disabled(id, "x".into(), DisabledReason::LeftOut);
    let held = SyncReport { disabling: (1..=40).map(whom).collect(), ..report(SyncStatus::NeedsConfirmation, 1) };
    store.end_run(run, &held).unwrap();
    let changes = store.changes(&id("acme"), 1).unwrap().unwrap();
    assert_eq!(changes.iter().filter(|line| line.reason == Some(DisabledReason::LeftOut)).count(), 40);
}

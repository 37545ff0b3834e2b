use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::thread;

use super::*;
use crate::domain::activity::{ActivityField, Actor};

fn activity(number: usize) -> Activity {
    Activity {
        at: jiff::Timestamp::new(1_795_000_000 + number as i64, 5).unwrap(),
        who: Actor { user: "ada".to_owned(), ssh_from: Some("192.0.2.7".to_owned()), ..Actor::default() },
        configuration: Some("acme".to_owned()),
        action: format!("action {number}"),
        object: Some("two\nlines \u{1b}[31m".to_owned()),
        fields: vec![ActivityField { name: "url".to_owned(), before: None, after: Some("x".to_owned()) }],
        outcome: "done".to_owned(),
        message: None,
        halo: None,
    }
}

fn trail() -> (tempfile::TempDir, Audit) {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::new(folder.path().join("state/audit.jsonl"));
    (folder, audit)
}

#[test]
fn newest_comes_first_and_every_field_comes_back() {
    let (folder, audit) = trail();
    assert!(audit.recent(5).unwrap().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "reading makes nothing");
    for number in 0..5 {
        audit.append(&activity(number)).unwrap();
    }
    assert_eq!(audit.recent(2).unwrap(), [activity(4), activity(3)]);
    assert_eq!(audit.recent(99).unwrap().len(), 5);
    assert!(audit.recent(0).unwrap().is_empty());
    let text = fs::read_to_string(audit.path()).unwrap();
    assert_eq!((text.lines().count(), text.ends_with('\n')), (5, true));
    assert!(!text.contains('\u{1b}'));
    assert_eq!(fs::metadata(audit.path()).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn long_trail_is_read_from_its_end_across_blocks() {
    let (_folder, audit) = trail();
    fs::create_dir(audit.path().parent().unwrap()).unwrap();
    let lines: Vec<String> = (0..3_000).map(|n| serde_json::to_string(&activity(n)).unwrap()).collect();
    fs::write(audit.path(), lines.join("\n") + "\n").unwrap();
    assert!(fs::metadata(audit.path()).unwrap().len() > 5 * BLOCK);
    let wanted: Vec<Activity> = (0..3_000).rev().map(activity).collect();
    assert_eq!(audit.recent(3_000).unwrap(), wanted);
    assert_eq!(audit.recent(700).unwrap(), wanted[..700]);
}

#[test]
fn line_torn_by_kill_is_ended_and_passed_over() {
    let (_folder, audit) = trail();
    audit.append(&activity(0)).unwrap();
    let whole = serde_json::to_string(&activity(1)).unwrap();
    for cut in [1, whole.len() / 2, whole.len() - 1] {
        let before = fs::read(audit.path()).unwrap();
        let mut torn = before.clone();
        torn.extend_from_slice(&whole.as_bytes()[..cut]);
        fs::write(audit.path(), torn).unwrap();
        assert_eq!(audit.recent(9).unwrap()[0].action, "action 0");
        audit.append(&activity(2)).unwrap();
        let actions: Vec<String> = audit.recent(2).unwrap().into_iter().map(|activity| activity.action).collect();
        assert_eq!(actions, ["action 2", "action 0"]);
        fs::write(audit.path(), before).unwrap();
    }
}

#[test]
fn lines_of_many_programs_do_not_mix() {
    let (_folder, audit) = trail();
    thread::scope(|scope| {
        for program in 0..8 {
            let audit = Audit::new(audit.path());
            scope.spawn(move || (0..10).for_each(|n| audit.append(&activity(program * 10 + n)).unwrap()));
        }
    });
    let mut actions: Vec<usize> =
        audit.recent(99).unwrap().iter().map(|a| a.action.strip_prefix("action ").unwrap().parse().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(actions, (0..80).collect::<Vec<_>>());
}

#[test]
fn line_waits_until_another_program_has_written_its_own() {
    let (_folder, audit) = trail();
    audit.append(&activity(0)).unwrap();
    let other = File::open(audit.path()).unwrap();
    other.lock().unwrap();
    thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let audit = &audit;
        scope.spawn(move || sender.send(audit.append(&activity(1)).is_ok()));
        assert!(receiver.recv_timeout(std::time::Duration::from_millis(100)).is_err(), "it did not wait");
        drop(other);
        assert_eq!(receiver.recv(), Ok(true));
    });
    assert_eq!(audit.recent(9).unwrap().len(), 2);
}

fn lines(audit: &Audit) -> Vec<String> {
    fs::read_to_string(audit.path()).unwrap().lines().map(str::to_owned).collect()
}

fn write(audit: &Audit, lines: &[String]) {
    fs::write(audit.path(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn broken_at(audit: &Audit) -> Vec<u64> {
    let chain = audit.verify(None).unwrap();
    assert_eq!(chain.whole, chain.breaks.is_empty());
    chain.breaks.iter().map(|broken| broken.line).collect()
}

#[test]
fn line_says_who_where_and_which_process_and_carries_no_token() {
    let (_folder, audit) = trail();
    let token = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYm9";
    let mut given = activity(0);
    given.fields[0].after = Some(format!("https://pia.example/callbacks/acme/ticket-created/{token}"));
    given.message = Some(format!("Halo says \"{token}\""));
    given.halo = Some(crate::domain::activity::HaloAnswer { status: Some(400), said: Some(token.to_owned()) });
    audit.append(&given).unwrap();
    let text = fs::read_to_string(audit.path()).unwrap();
    assert!(!text.contains(token) && !text.contains(&token[8..]), "{text}");
    assert!(text.contains("/callbacks/acme/ticket-created/…yYm9"), "{text}");
    let record = audit.records(1).unwrap().remove(0);
    assert_eq!((record.pid, record.uid), (Some(std::process::id()), Some(rustix::process::getuid().as_raw())));
    assert!(record.host.is_some_and(|host| !host.is_empty()) && record.prev.is_some());
    assert_eq!(record.activity.who.ssh_from.as_deref(), Some("192.0.2.7"));
    assert_eq!(record.activity.halo.unwrap().status, Some(400));
}

#[test]
fn line_that_is_changed_taken_out_put_in_or_moved_shows() {
    let (_folder, audit) = trail();
    assert!(audit.verify(None).unwrap().whole, "no trail is a whole one");
    (0..6).for_each(|n| audit.append(&activity(n)).unwrap());
    let whole = lines(&audit);
    assert_eq!(broken_at(&audit), [0; 0]);
    for at in 0..5 {
        let mut changed = whole.clone();
        changed[at] = changed[at].replacen("\"ada\"", "\"eve\"", 1);
        write(&audit, &changed);
        assert_eq!(broken_at(&audit), [at as u64 + 2], "line {at} changed");
        let mut without = whole.clone();
        without.remove(at);
        write(&audit, &without);
        assert_eq!(broken_at(&audit), [at as u64 + 1], "line {at} taken out");
        let mut doubled = whole.clone();
        doubled.insert(at, whole[at].clone());
        write(&audit, &doubled);
        assert_eq!(broken_at(&audit), [at as u64 + 2], "line {at} put in again");
        let mut moved = whole.clone();
        moved.swap(at, at + 1);
        write(&audit, &moved);
        assert!(!broken_at(&audit).is_empty(), "line {at} moved");
        let mut bare = whole.clone();
        bare.insert(at + 1, serde_json::to_string(&activity(99)).unwrap());
        write(&audit, &bare);
        assert!(broken_at(&audit).contains(&(at as u64 + 2)), "a line without a hash after line {at}");
        let mut noise = whole.clone();
        noise.insert(at + 1, "{}".to_owned());
        write(&audit, &noise);
        assert!(!broken_at(&audit).is_empty(), "noise after line {at}");
    }
    write(&audit, &whole);
    audit.append(&activity(7)).unwrap();
    assert_eq!(broken_at(&audit), [0; 0], "and the chain goes on");
}

#[test]
fn lines_cut_off_at_end_show_by_hash_that_was_noted() {
    let (_folder, audit) = trail();
    (0..4).for_each(|n| audit.append(&activity(n)).unwrap());
    let noted = audit.verify(None).unwrap().head;
    assert_eq!(audit.verify(Some(&noted.to_uppercase())).unwrap().expected_found, Some(true));
    audit.append(&activity(4)).unwrap();
    assert!(audit.verify(Some(&noted)).unwrap().whole);
    let mut cut = lines(&audit);
    cut.truncate(3);
    write(&audit, &cut);
    assert!(audit.verify(None).unwrap().whole, "by itself it does not show");
    let found = audit.verify(Some(&noted)).unwrap();
    assert_eq!((found.whole, found.expected_found), (false, Some(false)));
}

#[test]
fn torn_line_is_marked_and_chain_goes_on() {
    let (_folder, audit) = trail();
    (0..2).for_each(|n| audit.append(&activity(n)).unwrap());
    let before = fs::read(audit.path()).unwrap();
    audit.append(&activity(2)).unwrap();
    let line = fs::read(audit.path()).unwrap()[before.len()..].to_vec();
    // Cut anywhere, the end of the line alone included; and twice in a row.
    for cut in 1..line.len() {
        let mut torn = before.clone();
        torn.extend_from_slice(&line[..cut]);
        fs::write(audit.path(), &torn).unwrap();
        let chain = audit.verify(None).unwrap();
        assert!(chain.whole, "{cut}: {chain:?}");
        audit.append(&activity(3)).unwrap();
        let chain = audit.verify(None).unwrap();
        let is_torn = cut < line.len() - 1;
        assert_eq!((chain.whole, chain.torn), (true, u64::from(is_torn)), "{cut}: {chain:?}");
        assert_eq!(audit.records(1).unwrap()[0].torn, is_torn);
        let mut again = fs::read(audit.path()).unwrap();
        again.extend_from_slice(&line[..cut / 2]);
        fs::write(audit.path(), &again).unwrap();
        audit.append(&activity(4)).unwrap();
        assert!(audit.verify(None).unwrap().whole, "{cut}");
    }
    // What a program left unfinished is held by the chain as well.
    let mut changed = lines(&audit);
    let at = changed.iter().position(|line| serde_json::from_str::<Activity>(line).is_err()).unwrap();
    changed[at].push('x');
    write(&audit, &changed);
    assert_eq!(broken_at(&audit).len(), 1);
}

#[test]
fn two_torn_lines_in_row_are_both_held() {
    let (_folder, audit) = trail();
    audit.append(&activity(0)).unwrap();
    let mut torn = fs::read(audit.path()).unwrap();
    torn.extend_from_slice(b"{\"at\":\"20\n{\"at\"");
    fs::write(audit.path(), torn).unwrap();
    audit.append(&activity(1)).unwrap();
    let chain = audit.verify(None).unwrap();
    assert_eq!((chain.whole, chain.torn, chain.lines), (true, 1, 4));
    let mut changed = lines(&audit);
    changed[1].push(' ');
    write(&audit, &changed);
    assert_eq!(broken_at(&audit), [4]);
}

#[test]
fn lines_without_hash_are_accepted_only_at_start() {
    let (_folder, audit) = trail();
    fs::create_dir(audit.path().parent().unwrap()).unwrap();
    let old = |n| serde_json::to_string(&activity(n)).unwrap();
    write(&audit, &[old(0), "{\"at\":\"torn".to_owned(), old(1)]);
    (2..4).for_each(|n| audit.append(&activity(n)).unwrap());
    let chain = audit.verify(None).unwrap();
    assert_eq!((chain.whole, chain.lines, chain.before_chain), (true, 5, 3), "{chain:?}");
    assert_eq!(audit.recent(9).unwrap().len(), 4);
    let mut late = lines(&audit);
    late.push(old(4));
    write(&audit, &late);
    assert_eq!(broken_at(&audit), [6]);
    // The last of the old lines is held by the first of the new ones.
    let mut changed = lines(&audit)[..5].to_vec();
    changed[2] = old(7);
    write(&audit, &changed);
    assert_eq!(broken_at(&audit), [4]);
}

#[test]
fn many_programs_write_one_chain_with_long_lines() {
    let (_folder, audit) = trail();
    thread::scope(|scope| {
        for program in 0..8 {
            let audit = Audit::new(audit.path());
            scope.spawn(move || {
                for n in 0..10 {
                    let mut long = activity(program * 10 + n);
                    long.message = Some("many words ".repeat(if n % 3 == 0 { 4_000 } else { 1 }));
                    audit.append(&long).unwrap();
                }
            });
        }
    });
    let chain = audit.verify(None).unwrap();
    assert_eq!((chain.whole, chain.lines, chain.torn), (true, 80, 0), "{chain:?}");
}

fn anchored() -> (tempfile::TempDir, Audit) {
    let (folder, audit) = trail();
    let anchor = folder.path().join("data/audit.anchor");
    (folder, audit.anchored(anchor))
}

fn whys(audit: &Audit) -> String {
    let chain = audit.verify(None).unwrap();
    chain.breaks.iter().map(|broken| format!("{}: {:?}; ", broken.line, broken.why)).collect()
}

#[test]
fn lines_cut_off_or_whole_trail_removed_show_by_anchor() {
    let (_folder, audit) = anchored();
    (0..5).for_each(|n| audit.append(&activity(n)).unwrap());
    let chain = audit.verify(None).unwrap();
    assert_eq!((chain.whole, chain.lines, chain.anchored), (true, 5, Some(5)));
    let whole = lines(&audit);
    for left in [4, 1, 0] {
        write(&audit, &whole[..left]);
        assert_eq!(whys(&audit), format!("{}: NoEnd {{ lines: 5 }}; ", left + 1));
    }
    fs::remove_file(audit.path()).unwrap();
    assert!(!audit.verify(None).unwrap().whole, "the whole trail is gone");
    // In the middle of a line.
    let text = whole.join("\n") + "\n";
    fs::write(audit.path(), &text[..text.len() - 30]).unwrap();
    assert!(!audit.verify(None).unwrap().whole);
}

#[test]
fn next_line_does_not_hide_what_was_cut_off() {
    let (_folder, audit) = anchored();
    (0..5).for_each(|n| audit.append(&activity(n)).unwrap());
    let whole = lines(&audit);
    write(&audit, &whole[..3]);
    audit.append(&activity(9)).unwrap();
    audit.append(&activity(10)).unwrap();
    assert!(whys(&audit).starts_with("4: Cut(Cut"), "{}", whys(&audit));
    assert!(whys(&audit).contains("Cut { lines: Some(5) }"));
    fs::remove_file(audit.path()).unwrap();
    audit.append(&activity(11)).unwrap();
    assert!(whys(&audit).contains("Cut { lines: Some(5) }"), "{}", whys(&audit));
}

#[test]
fn anchor_that_was_removed_shows_and_new_one_does_not_hide_it() {
    let (folder, audit) = anchored();
    (0..3).for_each(|n| audit.append(&activity(n)).unwrap());
    for content in [None, Some("{\"lines\":")] {
        let anchor = folder.path().join("data/audit.anchor");
        let before = fs::read(&anchor).unwrap();
        match content {
            None => fs::remove_file(&anchor).unwrap(),
            Some(content) => fs::write(&anchor, content).unwrap(),
        }
        assert!(whys(&audit).contains("NoAnchor"), "{}", whys(&audit));
        fs::write(&anchor, before).unwrap();
        assert!(audit.verify(None).unwrap().whole);
    }
    fs::remove_file(folder.path().join("data/audit.anchor")).unwrap();
    audit.append(&activity(4)).unwrap();
    assert!(whys(&audit).contains("Cut { lines: None }"), "{}", whys(&audit));
}

/// A kill between a line and the anchor, or in the middle of a line: no false alarm, and the next line goes on.
#[test]
fn kill_between_line_and_anchor_is_no_alarm() {
    let (folder, audit) = anchored();
    let anchor = folder.path().join("data/audit.anchor");
    let bare = Audit::new(audit.path());
    (0..2).for_each(|n| bare.append(&activity(n)).unwrap());
    assert_eq!(audit.verify(None).unwrap().anchored, None, "a trail from before the anchor");
    for n in 0..4 {
        audit.append(&activity(n)).unwrap();
        let before = fs::read(&anchor).unwrap();
        audit.append(&activity(n)).unwrap();
        fs::write(&anchor, before).unwrap();
        let chain = audit.verify(None).unwrap();
        assert_eq!((chain.whole, chain.anchored), (true, Some(chain.lines - 1)), "ahead by one line");
        let mut torn = fs::read(audit.path()).unwrap();
        torn.extend_from_slice(b"{\"at\":\"2026");
        fs::write(audit.path(), torn).unwrap();
        assert!(audit.verify(None).unwrap().whole, "{}", whys(&audit));
        audit.append(&activity(n)).unwrap();
        let chain = audit.verify(None).unwrap();
        assert_eq!((chain.whole, chain.anchored), (true, Some(chain.lines)), "{}", whys(&audit));
    }
    let last = audit.records(1).unwrap().remove(0);
    assert_eq!(last.line, Some(lines(&audit).len() as u64));
}

/// Nothing is left undone for want of it.
#[test]
fn anchor_that_cannot_be_written_stops_no_line() {
    let (folder, audit) = anchored();
    audit.append(&activity(0)).unwrap();
    let anchor = folder.path().join("data/audit.anchor");
    fs::remove_file(&anchor).unwrap();
    fs::create_dir(&anchor).unwrap();
    static SAID: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
    let telling = audit.clone().telling(Some(|text| SAID.lock().unwrap().push(text.to_owned())));
    telling.append(&activity(1)).unwrap();
    audit.append(&activity(2)).unwrap();
    assert_eq!(lines(&audit).len(), 3);
    let said = SAID.lock().unwrap();
    assert!(said[0].starts_with("The anchor of the audit trail was not written: "), "{said:?}");
}

/// A disk that was full for a while is no attack on the trail.
#[test]
fn anchor_that_could_not_be_written_at_first_is_no_alarm() {
    let (folder, audit) = anchored();
    let anchor = folder.path().join("data/audit.anchor");
    fs::create_dir_all(&anchor).unwrap();
    audit.append(&activity(0)).unwrap();
    fs::remove_dir(&anchor).unwrap();
    assert!(audit.verify(None).unwrap().whole, "{}", whys(&audit));
    audit.append(&activity(1)).unwrap();
    let chain = audit.verify(None).unwrap();
    assert_eq!((chain.whole, chain.anchored), (true, Some(2)), "{}", whys(&audit));
}

/// The trails of hosts that share a store, each in a folder of its own.
mod shared {
    use super::super::chain;
    use super::*;
    use crate::store::Store;
    use crate::store::test_support::store;

    /// Stands for the key of the store.
    fn tag(text: &str) -> Option<String> {
        Some(chain::hash_of(format!("key {text}").as_bytes()))
    }

    fn host(name: &str) -> (tempfile::TempDir, Audit) {
        let (folder, audit) = trail();
        let anchor = folder.path().join("data/audit.anchor");
        (folder, audit.anchored(anchor).on_host(name.to_owned(), name.to_owned()))
    }

    /// Two hosts that have written lines by turns.
    fn two() -> (tempfile::TempDir, Store, [(tempfile::TempDir, Audit); 2]) {
        let (folder, store) = store();
        let hosts = [host("jump1"), host("jump2")];
        for number in 0..6 {
            let (_, audit) = &hosts[number % 2];
            audit.append(&activity(number)).unwrap();
            audit.share(&store, &tag).unwrap();
        }
        (folder, store, hosts)
    }

    fn rows(store: &Store) -> u64 {
        store.ask(|db| db.count("trail")).unwrap()
    }

    fn change(store: &Store, sql: &str) {
        store.write(|db| db.execute(sql, &[]).map(drop)).unwrap();
    }

    #[test]
    fn every_host_sees_lines_of_all() {
        let (_folder, store, hosts) = two();
        for (_, audit) in &hosts {
            let records = audit.records_of_all(&store, 4).unwrap();
            let seen: Vec<_> = records.iter().map(|record| record.activity.clone()).collect();
            assert_eq!(seen, [5, 4, 3, 2].map(activity));
            let named: Vec<_> = records.iter().filter_map(|record| record.host.as_deref()).collect();
            assert_eq!(named, ["jump2", "jump1", "jump2", "jump1"]);
            let chain = audit.verify_all(&store, None, &tag).unwrap();
            assert!(chain.whole && chain.hosts.len() == 1, "{chain:?}");
            assert_eq!((chain.lines, chain.hosts[0].chain.lines, chain.hosts[0].chain.anchored), (3, 3, Some(3)));
        }
        // A hash that was noted on another host is known here, too.
        let [(_, here), (_, there)] = &hosts;
        let head = there.verify(None).unwrap().head;
        assert_eq!(here.verify_all(&store, Some(&head), &tag).unwrap().expected_found, Some(true));
        assert!(!here.verify_all(&store, Some("other"), &tag).unwrap().whole);
    }

    #[test]
    fn copy_catches_up_and_has_each_line_once() {
        let (_folder, store) = store();
        let (_host, audit) = host("jump1");
        audit.share(&store, &tag).unwrap();
        // Before it was shared, a killed program has left half a line, and a power cut what is no text.
        (0..700).for_each(|number| audit.append(&activity(number)).unwrap());
        let mut file = fs::OpenOptions::new().append(true).open(audit.path()).unwrap();
        file.write_all(b"{\"at\":\"20\0\xff\xfe").unwrap();
        audit.append(&activity(700)).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| audit.share(&store, &tag).unwrap());
            }
        });
        audit.share(&store, &tag).unwrap();
        assert_eq!(rows(&store), 702);
        let (_other, elsewhere) = host("jump2");
        let chain = elsewhere.verify_all(&store, None, &tag).unwrap();
        let copied = &chain.hosts[0].chain;
        assert!(chain.whole && copied.head == audit.verify(None).unwrap().head, "{chain:?}");
        assert_eq!((copied.lines, copied.torn), (702, 1));
    }

    #[test]
    fn line_that_is_taken_out_shows_on_every_host() {
        for (sql, on_its_own) in [
            ("DELETE FROM trail WHERE line = 3 AND content LIKE '%jump2%'", true),
            ("UPDATE trail SET content = replace(content, 'action 3', 'action 9')", true),
            ("DELETE FROM trail WHERE content LIKE '%jump2%'", true),
            // With its end made to fit.
            ("UPDATE trails SET lines = 2, hash = 'made up' WHERE host = 'jump2'", false),
        ] {
            let (_folder, store, [(_first, here), (_second, there)]) = two();
            change(&store, sql);
            let chain = here.verify_all(&store, None, &tag).unwrap();
            assert!(!chain.whole && !chain.hosts[0].chain.whole && chain.breaks.is_empty(), "{sql}: {chain:?}");
            // Its own file is whole; that its copy is not is what the others say.
            assert_eq!(there.verify_all(&store, None, &tag).unwrap().whole, on_its_own, "{sql}");
        }
    }

    /// Whoever writes into the database has no key: an earlier end that is made up shows, and without the key nothing is claimed.
    #[test]
    fn end_without_right_tag_is_not_believed() {
        let (_folder, store, [(_first, here), (_second, there)]) = two();
        let end: String = there.verify(None).unwrap().head;
        change(&store, &format!("UPDATE trails SET tag = 'made up' WHERE hash = '{end}'"));
        let chain = here.verify_all(&store, None, &tag).unwrap();
        assert_eq!(chain.hosts[0].chain.breaks.last().map(|broken| &broken.why), Some(&BreakReason::NotTagged));
        assert!(!chain.whole);
        let keyless = here.verify_all(&store, None, &|_| None).unwrap();
        assert!(keyless.whole && keyless.hosts[0].chain.anchored.is_none());
        // The host itself sets it right, as after a change of the key; and whoever changes the key does so for all.
        there.share(&store, &tag).unwrap();
        assert!(here.verify_all(&store, None, &tag).unwrap().whole);
        let next = |text: &str| Some(format!("next {}", tag(text)?));
        store.tag_trails_anew(&tag, &next).unwrap();
        assert!(here.verify_all(&store, None, &next).unwrap().whole);
    }

    /// The store has seen more of it.
    #[test]
    fn file_that_was_cut_shows_although_its_anchor_is_gone() {
        let (_folder, store, [(_first, here), (folder, there)]) = two();
        fs::remove_file(folder.path().join("data/audit.anchor")).unwrap();
        let text = fs::read_to_string(there.path()).unwrap();
        let first = text.lines().next().unwrap();
        fs::write(there.path(), format!("{first}\n")).unwrap();
        let chain = there.verify_all(&store, None, &tag).unwrap();
        assert_eq!(chain.breaks.last().map(|broken| &broken.why), Some(&BreakReason::NoEnd { lines: 3 }));
        // What it writes now is copied beside what there was.
        there.append(&activity(9)).unwrap();
        there.share(&store, &tag).unwrap();
        assert_eq!(rows(&store), 3 + 3 + 2);
        assert!(!there.verify_all(&store, None, &tag).unwrap().whole);
        assert_eq!(here.records_of_all(&store, 1).unwrap()[0].activity, activity(9));
    }

    /// Both go on with the lines from before they were two.
    #[test]
    fn clone_copies_its_trail_once_and_is_another_host() {
        let (_folder, store) = store();
        let (first, original) = host("jump1");
        (0..3).for_each(|number| original.append(&activity(number)).unwrap());
        original.share(&store, &tag).unwrap();
        let (second, clone) = host("jump2");
        fs::create_dir_all(clone.path().parent().unwrap()).unwrap();
        fs::create_dir_all(second.path().join("data")).unwrap();
        fs::copy(original.path(), clone.path()).unwrap();
        let anchor = |folder: &tempfile::TempDir| folder.path().join("data/audit.anchor");
        fs::copy(anchor(&first), anchor(&second)).unwrap();
        for (turn, audit) in [&clone, &original].into_iter().cycle().take(6).enumerate() {
            audit.append(&activity(10 + turn)).unwrap();
            audit.share(&store, &tag).unwrap();
        }
        assert_eq!(rows(&store), 2 * 3 + 6);
        for audit in [&original, &clone] {
            let chain = audit.verify_all(&store, None, &tag).unwrap();
            assert!(chain.whole && chain.hosts.len() == 1, "{chain:?}");
            let seen: Vec<_> = audit.records_of_all(&store, 99).unwrap();
            let wanted: Vec<Activity> = (10..16).rev().chain((0..3).rev()).map(activity).collect();
            assert_eq!(seen.into_iter().map(|record| record.activity).collect::<Vec<_>>(), wanted);
        }
    }

    /// Who sets back how far a trail goes keeps nobody from copying it again.
    #[test]
    fn end_that_was_set_back_is_caught_up_with() {
        let (_folder, store, [(_first, here), (_second, there)]) = two();
        let line: String = fs::read_to_string(there.path()).unwrap().lines().next().unwrap().to_owned();
        let (bytes, hash) = (line.len() + 1, chain::hash_of(line.as_bytes()));
        change(&store, &format!("UPDATE trails SET lines = 1, bytes = {bytes}, hash = '{hash}' WHERE host = 'jump2'"));
        assert!(!here.verify_all(&store, None, &tag).unwrap().whole);
        there.append(&activity(9)).unwrap();
        there.share(&store, &tag).unwrap();
        assert!(here.verify_all(&store, None, &tag).unwrap().whole);
        assert_eq!(rows(&store), 3 + 4);
    }
}

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;

use super::*;
use crate::domain::activity::{ActivityField, Actor};

fn activity(number: usize) -> Activity {
    Activity {
        at: jiff::Timestamp::new(1_795_000_000 + number as i64, 5).unwrap(),
        who: Actor { user: "ada".to_owned(), ssh_from: Some("192.0.2.7".to_owned()) },
        configuration: Some("acme".to_owned()),
        action: format!("action {number}"),
        object: Some("two\nlines \u{1b}[31m".to_owned()),
        fields: vec![ActivityField { name: "url".to_owned(), before: None, after: Some("x".to_owned()) }],
        outcome: "done".to_owned(),
        message: None,
    }
}

fn trail() -> (tempfile::TempDir, Audit) {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::new(folder.path().join("state/audit.jsonl"));
    (folder, audit)
}

#[test]
fn the_newest_comes_first_and_every_field_comes_back() {
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
fn a_long_trail_is_read_from_its_end_across_blocks() {
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
fn a_line_torn_by_a_kill_is_ended_and_passed_over() {
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
fn a_line_waits_until_another_program_has_written_its_own() {
    let (_folder, audit) = trail();
    audit.append(&activity(0)).unwrap();
    let other = File::open(audit.path()).unwrap();
    fs4::FileExt::lock(&other).unwrap();
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

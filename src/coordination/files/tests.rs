use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::domain::failure::{Failure, FailureKind};
use crate::store::test_support::at;

fn actor() -> Actor {
    Actor { user: "ada\u{1b}[31m".to_owned(), ..Actor::default() }
}

#[test]
fn second_is_told_who_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/sync-acme.lock");
    let held = Lock::take(&path, "sync", &actor(), at(0)).unwrap();
    let error = Lock::take(&path, "sync", &actor(), at(5)).unwrap_err();
    let LockError::Held(Some(holder)) = &error else { panic!("{error}") };
    assert_eq!((holder.pid, holder.since, holder.what.as_str()), (std::process::id(), at(0), "sync"));
    let failure = Failure::from(error);
    assert_eq!(failure.kind, FailureKind::Busy);
    let text = failure.message;
    assert!(text.starts_with("already running: sync by ada^[[31m on ") && text.contains("(process "), "{text}");
    drop(held);
    drop(Lock::take(&path, "sync", &actor(), at(6)).unwrap());
    assert!(path.exists(), "a lock that comes and goes would be no lock");
}

#[test]
fn note_left_by_killed_holder_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    // With the number of a process that lives: ours.
    let stale = format!(
        "{{\"pid\":{},\"user\":\"ada\",\"host\":\"h\",\"since\":\"2026-01-01T00:00:00Z\",\"what\":\"sync\"}}\n",
        std::process::id()
    );
    fs::write(&path, stale).unwrap();
    let lock = Lock::take(&path, "sync", &actor(), at(0)).unwrap();
    let LockError::Held(Some(holder)) = Lock::take(&path, "x", &actor(), at(1)).unwrap_err() else { panic!() };
    assert_eq!(holder.since, at(0), "the note is the new holder's");
    drop(lock);
}

#[test]
fn note_that_cannot_be_read_is_still_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    let _held = Lock::take(&path, "sync", &actor(), at(0)).unwrap();
    fs::write(&path, "{\"pid\":").unwrap();
    let error = Lock::take(&path, "sync", &actor(), at(1)).unwrap_err();
    assert!(matches!(error, LockError::Held(None)));
    assert_eq!(error.to_string(), "already running: another program");
}

#[test]
fn holder_that_is_killed_frees_lock_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    fs::write(&path, "").unwrap();
    let mut holder = std::process::Command::new("sh")
        .args(["-c", "exec 9<>\"$0\"; flock -n 9 || exit 7; echo held; exec sleep 1000"])
        .arg(&path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 4];
    if holder.stdout.take().unwrap().read_exact(&mut said).is_err() {
        eprintln!("skipped: there is no flock command here");
        holder.wait().unwrap();
        return;
    }
    let while_it_lives = Lock::take(&path, "sync", &actor(), at(0));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(matches!(while_it_lives, Err(LockError::Held(_))));
    assert!(Lock::take(&path, "sync", &actor(), at(0)).is_ok());
}

/// Whatever one of ours has left written there.
#[test]
fn lock_of_foreign_program_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    for note in
        ["", "{\"pid\":1,\"user\":\"ada\",\"host\":\"h\",\"since\":\"2026-01-01T00:00:00Z\",\"what\":\"sync\"}\n"]
    {
        fs::write(&path, note).unwrap();
        let mut command = std::process::Command::new("flock");
        command.args(["--no-fork", "-n"]).arg(&path).args(["sh", "-c", "echo held; exec sleep 1000"]);
        let Ok(mut holder) = command.stdout(std::process::Stdio::piped()).spawn() else {
            eprintln!("skipped: there is no flock command here");
            return;
        };
        holder.stdout.take().unwrap().read_exact(&mut [0; 4]).unwrap();
        let refused = Lock::take(&path, "sync", &actor(), at(0)).unwrap_err().to_string();
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(refused.contains(&format!("(process {}) holds the lock", holder.id())), "{refused}");
        assert!(refused.ends_with("sync-acme.lock, and is not pia-halo"), "{refused}");
    }
}

#[test]
fn lock_ends_with_its_holder_though_child_has_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    let held = Lock::take(&path, "sync", &actor(), at(0)).unwrap();
    // What a child holds between its fork and its exec.
    let _copy = held.file.try_clone().unwrap();
    drop(held);
    assert!(Lock::take(&path, "sync", &actor(), at(1)).is_ok());
}

#[test]
fn asking_who_holds_lock_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    let ended = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while ended.load(Ordering::Relaxed) == 0 {
                    Lock::holder(&path);
                }
            });
        }
        let refused = (0..2_000).filter(|_| Lock::take(&path, "sync", &actor(), at(0)).is_err()).count();
        ended.store(1, Ordering::Relaxed);
        assert_eq!(refused, 0);
    });
}

#[test]
fn of_sixteen_that_press_sync_now_at_once_one_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    for _ in 0..50 {
        let (start, end, won) = (Barrier::new(16), Barrier::new(16), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    start.wait();
                    let lock = Lock::take(&path, "sync", &actor(), at(0));
                    won.fetch_add(usize::from(lock.is_ok()), Ordering::Relaxed);
                    end.wait();
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
    }
}

#[test]
fn what_is_no_lock_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync-acme.lock");
    fs::create_dir(&path).unwrap();
    let error = Lock::take(&path, "sync", &actor(), at(0)).unwrap_err();
    assert!(matches!(error, LockError::File(FileError::NotAFile { .. })));
    assert_eq!(Failure::from(error).kind, FailureKind::LocalState);
}

/// A look and a reading end, whatever stands in place of a file.
#[test]
fn pipe_in_place_of_lock_or_store_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.lock");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let holder = Lock::holder(&path);
        let store = crate::store::Store::glimpse(&path).map(drop);
        _ = told.send((holder, store, Lock::take(&path, "sync", &actor(), at(0)).map(drop)));
    });
    let (holder, store, taken) = heard.recv_timeout(Duration::from_secs(20)).expect("a pipe is waited for");
    assert_eq!(holder, None);
    for refused in [store.unwrap_err().to_string(), taken.unwrap_err().to_string()] {
        assert!(refused.ends_with("/service.lock is a pipe, not a file"), "{refused}");
    }
}

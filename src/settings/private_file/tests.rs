use std::cell::RefCell;
use std::os::unix::fs::symlink;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
}

#[test]
fn save_makes_private_file_in_private_folder() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b/file.toml");
    replace(&path, b"one").unwrap();
    replace(&path, b"two").unwrap();
    assert_eq!((text(&path).as_str(), mode(&path)), ("two", 0o600));
    assert_eq!((mode(&root.path().join("a")), mode(&root.path().join("a/b"))), (0o700, 0o700));
    assert_eq!(names(path.parent().unwrap()), [".file.toml.lock", "file.toml"]);
}

#[test]
fn save_killed_before_rename_leaves_old_file() {
    let steps = [Step::Create, Step::Fill, Step::Sync, Step::Rename, Step::SyncFolder];
    for stop in steps {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file.toml");
        replace(&path, b"old").unwrap();
        let seen = RefCell::new(Vec::new());
        let fresh = fresh_name(&path).unwrap();
        let fill = |fresh: &Path| {
            assert_eq!(mode(fresh), 0o600, "private before anything is in it");
            assert_eq!(fresh.parent(), path.parent());
            fs::write(fresh, b"new, and longer")
        };
        // As a kill would: nothing after the step is done, nothing is tidied up.
        let killed = swap(&fresh, &path, fill, &mut |step| {
            seen.borrow_mut().push(step);
            if step == stop { Err(io::Error::other("killed")) } else { Ok(()) }
        });
        assert!(killed.is_err());
        let renamed = stop == Step::SyncFolder;
        assert_eq!(text(&path), if renamed { "new, and longer" } else { "old" }, "{stop:?}");
        assert_eq!(*seen.borrow(), steps[..=steps.iter().position(|step| *step == stop).unwrap()]);
        replace(&path, b"next").unwrap();
        assert_eq!(names(root.path()), [".file.toml.lock", "file.toml"], "{stop:?}: the next save tidies up");
    }
}

#[test]
fn save_that_fails_half_way_leaves_old_file_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file.toml");
    replace(&path, b"old").unwrap();
    let error = Exclusive::take(&path)
        .unwrap()
        .replace_by(|fresh| {
            fs::write(fresh, b"hal")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        })
        .unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot save {}", path.display())), "{error}");
    assert!(error.hint().starts_with("make room on the disk"), "{}", error.hint());
    assert_eq!((text(&path).as_str(), names(root.path()).len()), ("old", 2));
}

#[test]
fn leftovers_of_killed_saves_are_removed_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("config.toml");
    replace(&path, b"kept").unwrap();
    for number in 0..1_000 {
        fs::write(root.path().join(format!(".config.toml.{number:016}.tmp")), b"half").unwrap();
    }
    let others = [".config.toml.swp", ".config.toml.backup.tmp", ".other.toml.0000000000000000.tmp", "config.toml.tmp"];
    for other in others {
        fs::write(root.path().join(other), b"not ours").unwrap();
    }
    tidy(&[path.clone(), root.path().join("missing.toml")]);
    assert_eq!(text(&path), "kept");
    assert_eq!(names(root.path()).len(), 2 + others.len());
    assert!(others.iter().all(|other| root.path().join(other).exists()));
}

#[test]
fn tidying_never_touches_file_of_save_in_progress() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file.toml");
    replace(&path, b"old").unwrap();
    Exclusive::take(&path)
        .unwrap()
        .replace_by(|fresh| {
            tidy(std::slice::from_ref(&path));
            assert!(fresh.exists());
            fs::write(fresh, b"new")
        })
        .unwrap();
    assert_eq!(text(&path), "new");
}

#[test]
fn second_save_waits_and_then_says_who_is_in_way() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file.toml");
    let held = Exclusive::take(&path).unwrap();
    let refused = Exclusive::take_within(&path, Duration::ZERO);
    assert!(matches!(refused, Err(FileError::Locked { .. })));
    drop(held);
    assert!(Exclusive::take_within(&path, Duration::ZERO).is_ok());
}

#[test]
fn link_to_persons_own_file_stays_link() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().join("dotfiles/config.toml");
    fs::create_dir(root.path().join("dotfiles")).unwrap();
    fs::write(&real, b"old").unwrap();
    let path = root.path().join("own/config.toml");
    fs::create_dir(root.path().join("own")).unwrap();
    symlink(&real, &path).unwrap();
    replace(&path, b"new").unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!((text(&real).as_str(), mode(&real)), ("new", 0o600));
    assert_eq!(&read(&path).unwrap().unwrap()[..], b"new");
}

#[test]
fn what_is_no_file_of_ours_is_refused_and_untouched() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let fifo = root.path().join("fifo");
    pipe(&fifo);
    let socket = root.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let dangling = root.path().join("dangling");
    symlink(root.path().join("nowhere"), &dangling).unwrap();
    let to_folder = root.path().join("to-folder");
    symlink(&folder, &to_folder).unwrap();
    let to_fifo = root.path().join("to-fifo");
    symlink(&fifo, &to_fifo).unwrap();
    let loops = root.path().join("loops");
    symlink(&loops, &loops).unwrap();
    for (path, told) in [
        (&folder, "is a folder"),
        (&fifo, "is a pipe"),
        (&socket, "is a socket"),
        (&dangling, "leads nowhere"),
        (&to_folder, "is a link to a folder"),
        (&to_fifo, "is a link to a pipe"),
        (&loops, "cannot open"),
    ] {
        let error = replace(path, b"new").unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        let error = ensure_private(path).map(|_| ()).and(open_private(path, true).map(|_| ())).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        // A pipe that is read must not stop the program until somebody writes.
        assert!(read(path).is_err(), "{}", path.display());
        // What a link leads to is never to be moved.
        assert!(error.hint().contains(path.file_name().unwrap().to_str().unwrap()), "{}", error.hint());
    }
    assert_eq!(mode(&folder), 0o755);
    assert!(!root.path().join("nowhere").exists());
}

#[test]
fn another_users_file_link_or_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, b"theirs").unwrap();
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let link = root.path().join("link");
    symlink(&path, &link).unwrap();
    let nobody = Some(65_534);
    if std::os::unix::fs::chown(&path, nobody, None).is_err() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    std::os::unix::fs::chown(&folder, nobody, None).unwrap();
    for path in [path.clone(), folder.join("file")] {
        let error = replace(&path, b"ours").unwrap_err();
        assert!(matches!(error, FileError::NotOurs { .. }), "{error}");
    }
    let error = replace(&link, b"ours").unwrap_err();
    assert_eq!(error.to_string(), format!("{} is a link to another user's file, not a file", link.display()));
    assert_eq!((text(&path).as_str(), names(&folder).len()), ("theirs", 0));
}

#[test]
fn file_that_is_far_too_large_is_not_read_into_memory() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(read(&path), Err(FileError::TooLarge { .. })));
}

#[test]
fn file_or_folder_that_others_could_read_is_closed_to_them() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("own");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let path = folder.join("file");
    for make in [|path: &Path| replace(path, b"x"), |path: &Path| ensure_private(path).map(|_| ())] {
        fs::write(&path, b"x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        make(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
    assert_eq!(mode(&folder), 0o700);
}

#[test]
fn reading_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    assert!(read(&root.path().join("a/b/c")).unwrap().is_none());
    assert_eq!(names(root.path()).len(), 0);
}

#[test]
fn signal_while_lock_is_taken_ends_nothing() {
    let tries = std::cell::Cell::new(0);
    let take = || {
        tries.set(tries.get() + 1);
        match tries.get() {
            1 | 2 => Err(TryLockError::Error(io::ErrorKind::Interrupted.into())),
            _ => Ok(()),
        }
    };
    assert!(try_lock_by(take, Path::new("/x/.y.lock")).unwrap());
    assert_eq!(tries.get(), 3);
}

#[test]
fn file_system_without_locks_is_named_as_such() {
    for errno in [rustix::io::Errno::NOLCK, rustix::io::Errno::NOTSUP] {
        let error = lock_error(io::Error::from_raw_os_error(errno.raw_os_error()), Path::new("/x/.y.lock"));
        assert_eq!(error.to_string(), "the file system of /x/.y.lock has no file locks");
        assert!(error.hint().contains("local disk"));
    }
}

/// As 9p, some FUSE and here `/proc` answer.
#[test]
fn file_system_that_syncs_no_folder_is_no_error() {
    let inval = File::open("/proc").unwrap().sync_all().unwrap_err();
    assert_eq!(inval.raw_os_error(), Some(rustix::io::Errno::INVAL.raw_os_error()));
    sync_folder_of(Path::new("/proc/version")).unwrap();
}

#[test]
fn command_for_shell_survives_any_path() {
    assert_eq!(quoted(Path::new("/home/ada/.config/x.toml")), "/home/ada/.config/x.toml");
    assert_eq!(quoted(Path::new("/a b/$(x)'y")), r"'/a b/$(x)'\''y'");
}

/// Neither an opening nor a reading waits for somebody at the other end.
#[test]
fn pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (there, path) = (folder.path().join("file"), folder.path().join("pipe"));
    pipe(&path);
    fs::write(&there, "x").unwrap();
    symlink(&path, folder.path().join("link")).unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let names = [path, folder.path().join("link"), folder.path().to_owned()];
    thread::spawn(move || _ = told.send(names.map(|name| (open(&name).map(drop), read(&name).map(drop)))));
    let refused = heard.recv_timeout(Duration::from_secs(20)).expect("a pipe is waited for");
    let kinds = refused.map(|(opened, read)| (opened.unwrap_err().to_string(), read.unwrap_err().to_string()));
    assert!(kinds[0].0.ends_with("/pipe is a pipe, not a file") && kinds[1].0.ends_with("/link is a pipe, not a file"));
    assert!(kinds[2].0.ends_with(" is a folder, not a file"), "{kinds:?}");
    assert!(kinds.iter().all(|(opened, read)| opened == read), "{kinds:?}");
    assert!(open(&there).is_ok());
    let FileError::Io { source, .. } = open(&folder.path().join("none")).unwrap_err() else { panic!() };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

//! Whatever calls itself a backup: refused with nothing changed, or exactly what its manifest says.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{EntryType, Header};

use super::age::Identity;
use super::restore::{prove, put_in_place};
use super::seal::Key;
use super::*;
use crate::domain::failure::FailureKind;
use crate::domain::fuzz::{like, tries};
use crate::domain::secret::Secret;
use crate::settings::{Environment, Paths};

const OURS: &str = "version = 1\n# ours\n";
const THEIRS: &str = "version = 1\n# of the backup\n";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

/// A member of a tar archive as anybody can make one, whatever its name.
fn member(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..4].copy_from_slice(b"/tmp");
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut whole = [header.as_bytes(), content].concat();
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    member(EntryType::Regular, name, content)
}

fn manifest(members: &[(&str, &[u8])]) -> Vec<u8> {
    let proved = |(name, content): &(&str, &[u8])| {
        let mut hashing = Hashing::new(*content);
        io::copy(&mut hashing, &mut io::sink()).unwrap();
        hashing.member(name)
    };
    let manifest = Manifest {
        format: FORMAT,
        program: "0.1.0".to_owned(),
        made_at: now(),
        host: "jump1".to_owned(),
        by: "dana".to_owned(),
        sealed_by: None,
        members: members.iter().map(proved).collect(),
        store: None,
    };
    file(MANIFEST, &serde_json::to_vec(&manifest).unwrap())
}

/// Archives as they are and as somebody could want them to be.
fn archives() -> Vec<Vec<u8>> {
    let config = file(CONFIG, THEIRS.as_bytes());
    let proof = manifest(&[(CONFIG, THEIRS.as_bytes())]);
    // The reader quotes a number that is none.
    let mut quoted = config.clone();
    quoted[148..156].copy_from_slice(b"\x1b[31mHI\x07");
    let behind = |first: Vec<u8>| vec![first, config.clone(), proof.clone()];
    let all = [
        vec![config.clone(), proof.clone()],
        vec![config.clone(), proof.clone()],
        vec![config.clone(), file(AUDIT, b"{}\n"), manifest(&[(CONFIG, THEIRS.as_bytes()), (AUDIT, b"{}\n")])],
        vec![file("../config.toml", b"version = 1\n"), proof.clone()],
        vec![file("/config.toml", b"version = 1\n"), proof.clone()],
        vec![proof.clone(), config.clone()],
        vec![config.clone(), config.clone(), proof.clone()],
        vec![member(EntryType::Symlink, CONFIG, b""), proof.clone()],
        vec![member(EntryType::Link, CONFIG, b""), proof.clone()],
        vec![member(EntryType::Directory, CONFIG, b""), proof.clone()],
        behind(member(EntryType::GNULongName, "././@LongLink", b"../../config.toml\0")),
        behind(member(EntryType::XHeader, "pax", b"23 path=../config.toml\n")),
        behind(member(EntryType::XHeader, "pax", b"30 GNU.sparse.major=1000000000\n")),
        behind(member(EntryType::GNUSparse, CONFIG, b"version = 1\n")),
        vec![quoted, proof.clone()],
    ];
    all.map(|members| [members.concat(), vec![0; 1024]].concat()).to_vec()
}

fn packed(archive: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(archive).unwrap();
    packed.finish().unwrap()
}

/// A machine with settings of its own.
fn machine() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    // What climbs out of it still lands where it is looked for.
    let paths = Paths::below(&folder.path().join("home/dana"));
    fs::create_dir_all(paths.config().parent().unwrap()).unwrap();
    fs::write(paths.config(), OURS).unwrap();
    (folder, paths)
}

/// Every file below a folder but the locks.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&path)),
            _ if path.extension().is_some_and(|end| end == "lock") => {}
            _ => found.push(path),
        }
    }
    found
}

thread_local! {
    /// One that nothing has changed yet serves for the next try, too.
    static UNCHANGED: RefCell<Option<(tempfile::TempDir, Paths)>> = const { RefCell::new(None) };
}

/// The settings after whatever it is was brought back, or why it was refused.
fn bring_back(backup: &[u8]) -> Result<String, Failure> {
    let (folder, paths) = UNCHANGED.take().unwrap_or_else(machine);
    let environment = Environment::from_pairs([("USER", "dana")]);
    let proved = prove(&paths, &environment, backup, now(), &CancellationToken::new());
    let brought = proved.and_then(|proved| put_in_place(proved, &paths, &environment, now()));
    let settings = fs::read_to_string(paths.config()).unwrap();
    match brought {
        Ok(_) => Ok(settings),
        Err(failure) => {
            assert!(!failure.message.contains(char::is_control), "{failure}");
            assert_eq!(settings, OURS);
            assert_eq!(files(folder.path()), [paths.config()]);
            UNCHANGED.set(Some((folder, paths)));
            Err(failure)
        }
    }
}

#[test]
fn whole_backups_alone_are_brought_back() {
    let whole = archives().iter().map(|archive| bring_back(&packed(archive)).is_ok()).collect::<Vec<_>>();
    let brought: Vec<usize> = (0..whole.len()).filter(|at| whole[*at]).collect();
    // The last of these says of its member what nobody asks for.
    assert_eq!(brought, [0, 1, 2, 12]);
}

/// A packed file says how much it unpacks to. More than the disk has room for is not begun with.
#[test]
fn backup_that_unpacks_to_more_than_disk_is_refused_unpacked() {
    for name in [STORE, AUDIT] {
        let mut bomb = file(name, &[0; 512]);
        let mut header = Header::from_byte_slice(&bomb[..512]).clone();
        header.set_size(1 << 60);
        header.set_cksum();
        bomb[..512].copy_from_slice(header.as_bytes());
        let refused = bring_back(&packed(&[bomb, vec![0; 1024]].concat())).unwrap_err();
        assert_eq!(refused.kind, FailureKind::LocalState);
        assert!(refused.message.ends_with("in this backup does not fit on the disk"), "{refused}");
    }
}

proptest! {
    #![proptest_config(tries())]

    /// Garbled inside the pack, or the pack itself: what is brought back is what was in it, and else nothing is.
    #[test]
    fn fuzzed_backups_are_refused_or_whole(
        archive in like(archives()),
        pack in like(archives().iter().map(|archive| packed(archive)).collect()),
    ) {
        for backup in [packed(&archive), pack] {
            match bring_back(&backup) {
                Ok(settings) => prop_assert!([OURS, THEIRS].contains(&settings.as_str()), "{settings}"),
                Err(failure) => prop_assert_eq!(failure.kind, FailureKind::LocalState),
            }
        }
    }

    /// Garbled secrets open as what was sealed, or not at all.
    #[test]
    fn fuzzed_seals_open_as_they_were_or_not_at_all(change in any::<prop::sample::Index>(), noise in like(vec![
        b"age-encryption.org/v1\n-> X25519 \n-> scrypt AAAA 1\n--- \n".to_vec(),
        b"-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\n".to_vec(),
    ])) {
        let identity = Identity::generate();
        let sealed = Seal::Recipients(vec![identity.recipient()]).seal(b"plain").unwrap();
        let at = change.index(sealed.len());
        let spliced = [&sealed[..at], &noise, &sealed[at..]].concat();
        let replaced = [&sealed[..at], &noise, &sealed[sealed.len().min(at + noise.len())..]].concat();
        let key = Key::Identities(Secret::new(identity.text()));
        for garbled in [spliced, replaced, noise] {
            match key.open(&garbled) {
                Ok(plain) => prop_assert!(garbled == sealed && *plain == b"plain"),
                Err(failure) => {
                    prop_assert_eq!(&failure.kind, &FailureKind::Declined);
                    prop_assert!(!failure.message.contains(char::is_control), "{}", failure);
                }
            }
        }
    }
}

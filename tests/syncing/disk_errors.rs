//! R22: every call on a file of ours fails once, or from then on: the disk errs (EIO), is full (ENOSPC), or the quota is
//! used up (EDQUOT). The list is whole, the message names the file, and the next start works.
//!
//! By default all syncs of a file and some of the other calls;
//! `PIA_HALO_DISK_ERRORS=all cargo test --test promises every_call_on_file` plays all of them.

use pia_halo::demo::Options;

use super::killed::{change, expected};
use super::stored;
use crate::support::disk::{may_trace, traced};
use crate::support::{Profile, Ran, run};

/// What a sync writes to, below a profile's folder.
const FILES: [&str; 8] = [
    "data/pia-halo",
    "data/pia-halo/pia-halo.db",
    "data/pia-halo/pia-halo.db-wal",
    "data/pia-halo/pia-halo.db-shm",
    "data/pia-halo/pia-halo.db-journal",
    "data/pia-halo/.pia-halo.db.lock",
    "data/pia-halo/sync-acme.lock",
    "state/pia-halo/audit.jsonl",
];

/// The calls, and which one in how many is played by default.
const CALLS: [(&str, u64); 7] =
    [("fsync", 1), ("fdatasync", 1), ("unlink", 1), ("ftruncate", 3), ("write", 3), ("openat", 7), ("pwrite64", 9)];

/// A sync in which a call fails, from its k-th time on one of our files. `times` is "+" for all later ones too.
async fn failing(profile: &Profile, call: &str, error: &str, k: usize, times: &str) -> Ran {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}:when={k}{times}"));
    let files = FILES.map(|file| profile.folder.path().join(file));
    let mut options = vec!["-o", "/dev/null", "-e", &trace, "-e", &inject];
    options.extend(files.iter().flat_map(|file| ["-P", file.to_str().unwrap()]));
    run(traced(&profile.command(["sync", "--json"]), &options), String::new()).await
}

/// How often a sync makes a call on our files.
async fn calls(profile: &Profile, call: &str) -> usize {
    let log = tempfile::NamedTempFile::new().unwrap();
    let trace = format!("trace={call}");
    let files = FILES.map(|file| profile.folder.path().join(file));
    let mut options = vec!["-o", log.path().to_str().unwrap(), "-e", "signal=none", "-e", &trace];
    options.extend(files.iter().flat_map(|file| ["-P", file.to_str().unwrap()]));
    run(traced(&profile.command(["sync", "--json"]), &options), String::new()).await.expect(0);
    std::fs::read_to_string(log.path()).unwrap().lines().filter(|line| line.contains(&format!("{call}("))).count()
}

async fn every_call_fails(error: &str) -> String {
    if !may_trace() {
        return String::new();
    }
    let profile = Profile::synced(Options { clients: 230, ..Options::default() }).await;
    let (mut round, mut played, mut failed) = (0, 0, 0);
    for (call, step) in CALLS {
        let step = if std::env::var_os("PIA_HALO_DISK_ERRORS").is_some() { 1 } else { step };
        change(&profile, 1_000 + round);
        let all = calls(&profile, call).await;
        for (k, times) in (1..=all).flat_map(|k| [(k, ""), (k, "+")]) {
            round += 1;
            if round % step != 0 {
                continue;
            }
            played += 1;
            let old = stored(&profile);
            change(&profile, round);
            let new = expected(&old, &profile);
            let ran = failing(&profile, call, error, k, times).await;
            let found = stored(&profile);
            let what = format!("{call} {k}{times}: {error}");
            assert!(found == old || found == new, "{what}: neither the old list nor the new one: {ran:?}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            if ran.code == 0 {
                assert!(found == new, "{what}: it is called done and is not: {said}");
            } else {
                failed += 1;
                assert_eq!(ran.code, 7, "{what}: {said}");
                assert!(said.contains(profile.folder.path().to_str().unwrap()), "{what}: names no file: {said}");
                // Why a file could not be opened, SQLite does not tell.
                assert!(call == "openat" || said.contains("disk"), "{what}: does not speak of the disk: {said}");
            }
            profile.run(["sync", "--json"]).await.expect(0);
            assert_eq!(stored(&profile), new, "{what}");
        }
    }
    assert!(failed > 2, "the calls that fail are not the sync's");
    format!("{failed} of {played} syncs failed with {error}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_on_file_that_errs_leaves_whole_list_and_message() {
    println!("{}", every_call_fails("EIO").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_on_file_over_quota_leaves_whole_list_and_message() {
    println!("{}", every_call_fails("EDQUOT").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_call_on_full_disk_leaves_whole_list_and_message() {
    println!("{}", every_call_fails("ENOSPC").await);
}

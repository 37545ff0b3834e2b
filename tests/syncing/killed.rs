//! Killed at any point: the store opens, shows the whole old list or the whole new one, and the next run equals Halo.
//!
//! A hundred points by default; `PIA_HALO_KILLS=1000 cargo test --test promises killed_at` plays a thousand, and
//! `PIA_HALO_SEED=17` plays one of them again.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pia_halo::demo::{Client, Options};
use rustix::process::{Pid, Signal, kill_process};

use super::{List, stored, sync_here, truth};
use crate::support::disk::{at_every_call, may_trace, traced};
use crate::support::{Profile, files, run};

/// Eleven pages, the last of them not full.
const CLIENTS: usize = 1_030;
const PAGES: u64 = 11;

/// The list as it is after a sync: what Halo has, and what it had before as no longer in use.
pub fn expected(before: &List, profile: &Profile) -> List {
    let mut after: List = before.iter().map(|(id, (name, _))| (*id, (name.clone(), false))).collect();
    after.extend(truth(profile));
    after
}

/// Pages that the killed run has left on the disk.
fn on_the_disk(profile: &Profile) -> u64 {
    let store = profile.folder.path().join("data/pia-halo/pia-halo.db");
    let store = rusqlite::Connection::open(store).unwrap();
    store.query_row("SELECT count(*) FROM pages WHERE page > 0", [], |row| row.get::<_, u32>(0)).unwrap().into()
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        _ = kill_process(pid, Signal::KILL);
    }
}

/// Changes Halo a little, so that the old list and the new one differ in every kind of way.
pub fn change(profile: &Profile, seed: u64) {
    profile.halo.change(|state| {
        let places = state.clients.len() as u64;
        let at = |step: u64| 1 + (seed.wrapping_mul(7_919).wrapping_add(step * 131) % (places - 1)) as usize;
        state.clients[at(1)].name = format!("Renamed by {seed}");
        state.clients[at(2)].inactive ^= true;
        state.clients.remove(at(3));
        let last = state.clients.last().map_or(0, |client| client.id);
        state.clients.push(Client::new(last + 1, format!("New by {seed}")));
    });
}

/// One run, killed: at the request that the seed names, or so many microseconds after it.
async fn killed(profile: &Profile, seed: u64, command: Command) {
    let pid = Arc::new(AtomicI32::new(0));
    let requests = Arc::new(AtomicU64::new(0));
    // Address, token, three lists and eleven pages; every second one a little later than a request.
    let (point, later) =
        (1 + seed / 2 % 17, if seed.is_multiple_of(2) { 0 } else { 1 + seed.wrapping_mul(997) % 6_000 });
    profile.halo.change(|state| {
        let pid = Arc::clone(&pid);
        state.on_request = Some(Box::new(move |_, _| {
            if requests.fetch_add(1, Ordering::SeqCst) + 1 != point {
                return;
            }
            let pid = Arc::clone(&pid);
            let strike = move || {
                let deadline = Instant::now() + Duration::from_micros(later);
                while Instant::now() < deadline {
                    std::thread::park_timeout(deadline - Instant::now());
                }
                kill(pid.load(Ordering::SeqCst));
            };
            if later == 0 { strike() } else { _ = std::thread::spawn(strike) }
        }));
    });
    let ended = tokio::task::spawn_blocking(move || {
        let mut command = command;
        let mut child: Child = command.spawn().unwrap();
        pid.store(child.id().cast_signed(), Ordering::SeqCst);
        _ = child.wait();
    });
    ended.await.unwrap();
    profile.halo.change(|state| state.on_request = None);
}

async fn one_point(profile: &Profile, seed: u64) -> u64 {
    let old = stored(profile);
    change(profile, seed);
    let new = expected(&old, profile);
    killed(profile, seed, profile.command(["sync", "--json"])).await;
    let found = stored(profile);
    assert!(found == old || found == new, "seed {seed}: neither the old list nor the new one");
    let kept = on_the_disk(profile);
    let report = sync_here(profile).await;
    assert_eq!(report.status.code(), "complete", "seed {seed}: {report:?}");
    assert_eq!(stored(profile), new, "seed {seed}");
    // What is on the disk is not read again, but for the first page, which tells whether it still holds.
    if found == old {
        let again = report.pages;
        assert!(again + kept <= PAGES + 1, "seed {seed}: {again} pages read, {kept} were on the disk");
    }
    report.resumed_pages
}

async fn many_points(part: u64) {
    let profile = Profile::synced(Options { clients: CLIENTS, ..Options::default() }).await;
    if let Ok(seed) = std::env::var("PIA_HALO_SEED") {
        one_point(&profile, seed.parse().unwrap()).await;
        return;
    }
    let all: u64 = std::env::var("PIA_HALO_KILLS").map_or(100, |all| all.parse().unwrap());
    let mut resumed = 0;
    for seed in (0..all).filter(|seed| seed % 4 == part) {
        resumed += u64::from(one_point(&profile, seed).await > 0);
    }
    assert!(resumed > 0, "no run was gone on with: the points miss their aim");
}

/// R20, first quarter.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_list_is_whole_and_next_run_goes_on_1() {
    many_points(0).await;
}

/// R20, second quarter.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_list_is_whole_and_next_run_goes_on_2() {
    many_points(1).await;
}

/// R20, third quarter.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_list_is_whole_and_next_run_goes_on_3() {
    many_points(2).await;
}

/// R20, last quarter.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_list_is_whole_and_next_run_goes_on_4() {
    many_points(3).await;
}

/// A first sync too: nothing of it is to be seen before all of it is.
#[tokio::test(flavor = "multi_thread")]
async fn first_sync_that_is_killed_shows_nothing_and_is_gone_on_with() {
    let profile = Profile::set_up(Options { clients: CLIENTS, ..Options::default() }).await;
    let mut most = 0;
    // Each run begins where the one before was stopped: at the fourteenth request, by when pages are on the disk, and then
    // at the eighth, because there is less left to ask for.
    for seed in [26, 14, 14] {
        killed(&profile, seed, profile.command(["sync", "--json"])).await;
        assert!(stored(&profile).is_empty(), "seed {seed}");
        let kept = on_the_disk(&profile);
        assert!(kept >= most, "seed {seed}: {kept} pages after {most}");
        most = kept;
    }
    let report = sync_here(&profile).await;
    assert_eq!((report.stored, report.resumed_pages), (CLIENTS as u64, most.saturating_sub(1)));
    assert!(most > 1 && report.pages + most == PAGES + 1, "{most} {report:?}");
    assert_eq!(stored(&profile), truth(&profile));
}

/// No file of ours that others may read.
fn all_private(profile: &Profile, what: &str) {
    for folder in ["config", "data", "state"] {
        for file in files(&profile.folder.path().join(folder)) {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{what}: {}", file.display());
        }
    }
}

/// R21 for the sync's own writes: killed by the kernel at the k-th call that opens, writes, syncs or removes, for every k.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_that_writes_list_is_whole() {
    if !may_trace() {
        return;
    }
    let profile = Profile::synced(Options { clients: 230, ..Options::default() }).await;
    let calls =
        [("pwrite64", 1), ("fsync", 1), ("fdatasync", 1), ("ftruncate", 1), ("unlink", 1), ("openat", 4), ("write", 7)];
    let mut seed = 0;
    let play = async |what: &str, options: [&str; 6]| {
        let old = stored(&profile);
        seed += 1;
        change(&profile, seed);
        let new = expected(&old, &profile);
        let ran = run(traced(&profile.command(["sync", "--json"]), &options), String::new()).await;
        all_private(&profile, what);
        let found = stored(&profile);
        assert!(found == old || found == new, "{what}: neither the old list nor the new one");
        profile.run(["sync"]).await.expect(0);
        assert_eq!(stored(&profile), new, "{what}");
        ran.code
    };
    at_every_call(&calls, play).await;
    assert!(profile.workspace().audit.verify(None).unwrap().whole);
}

/// R21 for a save: settings and secret are the old ones or the new ones, the next save works, and the trail is whole.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_of_save_each_file_is_whole() {
    if !may_trace() {
        return;
    }
    let profile = Profile::set_up(Options { clients: 30, ..Options::default() }).await;
    let file = profile.folder.path().join("other.toml");
    let saved = || [profile.config(), profile.credentials()].map(|path| std::fs::read(path).unwrap());
    let (mut time, path) = (0, file.to_str().unwrap());
    let calls = [
        ("fsync", 1),
        ("rename", 1),
        ("fchmod", 1),
        ("fdatasync", 1),
        ("pwrite64", 1),
        ("unlink", 1),
        ("openat", 2),
        ("write", 2),
    ];
    let play = async |what: &str, options: [&str; 6]| {
        let before = saved();
        time = (time + 1) % 1_440;
        let answers = profile.answers("acme", "").replace("04:30", &format!("{:02}:{:02}", time / 60, time % 60));
        std::fs::write(&file, answers).unwrap();
        let save = || profile.command(["setup", "--answers", path, "--client-secret-file", "-"]);
        let secret = format!("a-secret-of-the-test-{time}");
        let ran = run(traced(&save(), &options), secret.clone()).await;
        all_private(&profile, what);
        let found = saved();
        profile.run(["status", "--json"]).await.expect(0);
        let left = files(&profile.folder.path().join("config"));
        assert!(!left.iter().any(|path| path.to_string_lossy().ends_with(".tmp")), "{what}: {left:?}");
        run(save(), secret).await.expect(0);
        let after = saved();
        for place in 0..2 {
            assert!(found[place] == before[place] || found[place] == after[place], "{what}: torn");
            assert!(before[place] != after[place], "{what}: nothing was to be saved");
        }
        ran.code
    };
    at_every_call(&calls, play).await;
    assert!(profile.workspace().audit.verify(None).unwrap().whole);
}

/// R28: what a thousand killed saves left is gone after the next start, and none of it is taken for data.
#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_thousand_killed_saves_are_never_read() {
    let profile = Profile::synced(Options { clients: 30, ..Options::default() }).await;
    let status = profile.json(["config", "show"], 0).await;
    let list = stored(&profile);
    let folder = profile.config().parent().unwrap().to_owned();
    // Whole settings of another time among them: the worst that could be taken for data.
    let other = std::fs::read_to_string(profile.config()).unwrap().replace("04:30", "05:45");
    for number in 0..1_000 {
        let name = ["config.toml", "credentials.toml"][number % 2];
        let content = if number % 4 == 0 { other.as_str() } else { "[configurations" };
        std::fs::write(folder.join(format!(".{name}.{number:016}.tmp")), content).unwrap();
    }
    let kept = folder.join(".config.toml.notes.tmp");
    std::fs::write(&kept, "somebody's own").unwrap();
    assert_eq!(profile.json(["config", "show"], 0).await, status);
    let left = files(&folder);
    let names: Vec<_> = left.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert!(names.contains(&".config.toml.notes.tmp") && names.len() <= 6, "{names:?}");
    assert_eq!(stored(&profile), list);
}

/// R22: a disk that is full on the way. The old list stands, the pages before are good, and the message names the file.
#[tokio::test(flavor = "multi_thread")]
async fn disk_filling_up_leaves_old_list_and_good_checkpoint() {
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    let old = stored(&profile);
    profile.halo.change(|state| {
        let last = state.clients.last().map_or(0, |client| client.id);
        state.clients.extend((1..=4_000).map(|n| Client::new(last + n, format!("A client with a longer name, {n}"))));
    });
    let inner = profile.command(["sync", "--json"]);
    let mut limited = Command::new("sh");
    // A file that may not grow is what a full disk is to a program, and the signal that comes with it ends nobody.
    limited.args(["-c", "ulimit -f 500; exec \"$0\" \"$@\""]);
    limited.arg(inner.get_program()).args(inner.get_args()).env_clear();
    limited.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = run(limited, String::new()).await.expect(7).says("pia-halo.db").says("ulimit -f");
    assert_eq!(stored(&profile), old, "{ran:?}");
    let kept = on_the_disk(&profile);
    let report = sync_here(&profile).await;
    assert_eq!((report.status.code(), report.stored), ("complete", 4_060));
    assert!(kept > 0 && report.resumed_pages == kept - 1, "{kept} {report:?}");
}

/// A sync that was killed is told as interrupted at once, and not only when the next one begins.
#[tokio::test(flavor = "multi_thread")]
async fn killed_sync_is_told_as_interrupted_at_once() {
    let profile = Profile::synced(Options { clients: CLIENTS, ..Options::default() }).await;
    let runs = |history: &serde_json::Value| history.as_array().unwrap().len();
    let before = profile.json(["history"], 0).await;
    killed(&profile, 26, profile.command(["sync", "--json"])).await;
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["last_sync"]["status"], "interrupted");
    let after = profile.json(["history"], 0).await;
    assert_eq!(runs(&after), runs(&before) + 1, "{after}");
    assert_eq!(after[0]["status"], "interrupted");
}

//! R26, a power cut: what was not synced is lost, torn or kept in any order. The store opens, shows the whole old list or
//! the whole new one, never less than a run has reported, and the next sync equals Halo.
//!
//! The real program runs once under strace; each seed cuts the power at a moment of its own and in a way of its own
//! (`support/disk.rs`). `PIA_HALO_POWER_CUTS=10000 cargo test --test promises power_cut` plays ten thousand for each story,
//! and `PIA_HALO_SEED=17` plays one of them again. A seed that fails keeps its folder and names it.

use std::path::{Path, PathBuf};

use pia_halo::demo::{Client, Options};
use pia_halo::domain::sync_run::{Brake, SyncStatus};
use tempfile::TempDir;

use super::{List, list_of, stored, sync_by, truth};
use crate::support::disk::{Disk, Left, may_trace};
use crate::support::{Profile, files, workspace_of};

/// Cuts of each story where nothing else is asked for.
const CUTS: u64 = 100;

/// Of these cuts, one in so many is followed by a sync.
const SYNCED: u64 = 5;

/// Folders that are thrown away after milliseconds need no disk.
fn fresh_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("PIA_HALO_SEED") {
        return vec![seed.parse().unwrap()];
    }
    (0..std::env::var("PIA_HALO_POWER_CUTS").map_or(CUTS, |cuts| cuts.parse().unwrap())).collect()
}

/// Recorded syncs: the list before the first of them, and after each.
struct Story {
    profile: Profile,
    disk: Disk,
    lists: Vec<List>,
    runs_before: usize,
}

impl Story {
    async fn new(profile: Profile) -> Self {
        let workspace = profile.workspace();
        let runs_before = crate::support::store_of(&workspace).runs(&profile.id(), 100).unwrap().len();
        let lists = vec![stored(&profile)];
        Self { disk: Disk::of(profile.folder.path()), lists, runs_before, profile }
    }

    async fn sync(&mut self) {
        self.disk.record(&self.profile.command(["sync", "--json"]), "").await.expect(0);
        let before = self.lists.last().unwrap().iter().map(|(id, (name, _))| (*id, (name.clone(), false)));
        let mut after: List = before.collect();
        after.extend(truth(&self.profile));
        self.lists.push(after);
    }

    /// What is wrong after a power cut.
    async fn wrong(&self, left: &Left, folder: &Path, and_sync: bool) -> Option<String> {
        left.lay_out(folder);
        let workspace = match workspace_of(folder) {
            Ok(workspace) => workspace,
            Err(error) => return Some(format!("it does not open: {error}")),
        };
        let id = self.profile.id();
        let found = match crate::support::store_of(&workspace).clients(&id) {
            Ok(clients) => list_of(clients),
            Err(error) => return Some(format!("the clients cannot be read: {error}")),
        };
        let Some(shown) = self.lists.iter().position(|list| *list == found) else {
            return Some(format!("neither an old list nor a new one: {} clients", found.len()));
        };
        if !(left.said..=left.begun).contains(&shown) {
            return Some(format!("list {shown} is shown, {} had been reported", left.said));
        }
        match crate::support::store_of(&workspace).runs(&id, 100) {
            Ok(runs) => {
                let done = runs.iter().filter(|run| run.status == SyncStatus::Complete).count();
                if done < self.runs_before + left.said {
                    return Some(format!("{done} runs are remembered, {} had been reported", left.said));
                }
            }
            Err(error) => return Some(format!("the runs cannot be read: {error}")),
        }
        let verdict = rusqlite::Connection::open(workspace.paths().store())
            .and_then(|database| database.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)));
        if verdict.as_deref() != Ok("ok") {
            return Some(format!("damaged: {verdict:?}"));
        }
        if and_sync {
            // What went out of use since the cut was not many at a time: a person says yes to it.
            let report = sync_by(&workspace, &id, Brake::Off).await;
            if report.status != SyncStatus::Complete {
                return Some(format!("the next sync: {report:?}"));
            }
            let now = crate::support::store_of(&workspace).clients(&id).map(list_of);
            let mut wanted: List = found.into_iter().map(|(id, (name, _))| (id, (name, false))).collect();
            wanted.extend(truth(&self.profile));
            if now.as_ref().ok() != Some(&wanted) {
                return Some("after the next sync the list is not what Halo has".to_owned());
            }
            match workspace.audit.verify(None) {
                Ok(chain) if chain.whole => {}
                chain => return Some(format!("the audit trail: {chain:?}")),
            }
        }
        None
    }

    /// Cuts the power once for each seed. Nothing may be wrong.
    async fn survives(&self, name: &str) -> String {
        let (mut shown, mut at_stake) = (std::collections::BTreeSet::new(), 0);
        for seed in seeds() {
            let (left, folder) = (self.disk.cut(seed), fresh_folder());
            shown.insert((left.begun, left.said));
            at_stake += usize::from(left.at > 0 && left.at < self.disk.len());
            if let Some(wrong) = self.wrong(&left, folder.path(), seed % SYNCED == 0).await {
                let kept = kept(name, seed, &left);
                panic!(
                    "{name}, seed {seed}, cut at {} of {}: {wrong}; see {}",
                    left.at,
                    self.disk.len(),
                    kept.display()
                );
            }
        }
        assert!(seeds().len() == 1 || (shown.len() > 1 && at_stake > 50), "the cuts miss their aim: {shown:?}");
        format!("{name}: {} power cuts in {} changes and syncs", seeds().len(), self.disk.len())
    }

    /// The same on a disk whose syncs make nothing certain: the checks find that.
    async fn betrayed(&mut self) -> Vec<String> {
        self.disk.lies = true;
        let mut found = Vec::new();
        for seed in 0..60 {
            let (left, folder) = (self.disk.cut(seed), fresh_folder());
            found.extend(self.wrong(&left, folder.path(), false).await);
        }
        found
    }
}

/// Keeps what a cut has left, as it was before anything opened it.
fn kept(name: &str, seed: u64, left: &Left) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("power-cut-{name}-{seed}"));
    _ = std::fs::remove_dir_all(&folder);
    left.lay_out(&folder);
    folder
}

/// Names, new ones, gone ones, and ones that are switched off and on.
fn change(profile: &Profile, round: usize) {
    profile.halo.change(|state| {
        for (place, client) in state.clients.iter_mut().enumerate() {
            if place % 2 == round % 2 {
                client.name = format!("Renamed in round {round}, number {place}");
            }
            client.inactive ^= place % 60 == round;
        }
        for _ in 0..8 {
            state.clients.remove(round * 31 + 17);
        }
        let last = state.clients.last().map_or(0, |client| client.id);
        state.clients.extend((1..=70).map(|n| Client::new(last + n, format!("New in round {round}, number {n}"))));
    });
}

/// A sync by itself: its log of changes is taken into the database and removed at the end.
async fn by_itself() -> Story {
    let profile = Profile::synced(Options { clients: 600, ..Options::default() }).await;
    let mut story = Story::new(profile).await;
    for round in 0..2 {
        change(&story.profile, round);
        story.sync().await;
    }
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cut_leaves_old_list_or_new_one_and_what_was_reported() {
    if may_trace() {
        println!("{}", by_itself().await.survives("by-itself").await);
    }
}

/// While another program has the store open, the log stays, grows, is taken over in between and begun anew.
#[tokio::test(flavor = "multi_thread")]
async fn power_cut_with_store_open_elsewhere_loses_nothing() {
    if !may_trace() {
        return;
    }
    let profile = Profile::synced(Options { clients: 500, ..Options::default() }).await;
    let other = profile.workspace();
    let mut story = Story::new(profile).await;
    let log = story.profile.folder.path().join("data/pia-halo/pia-halo.db-wal");
    for round in 0..4 {
        change(&story.profile, round);
        story.profile.halo.change(|state| {
            for client in &mut state.clients {
                client.name = format!("{} {round} {}", client.id, "a long name ".repeat(60));
            }
        });
        story.sync().await;
    }
    // More than the thousand pages after which it is begun anew.
    assert!(std::fs::metadata(log).unwrap().len() > 4_096 * 1_000);
    assert_eq!(
        crate::support::store_of(&other).clients(&story.profile.id()).map(list_of).ok().as_ref(),
        story.lists.last()
    );
    println!("{}", story.survives("beside-another").await);
}

/// The first sync of all, which makes the database: nothing is to be seen of it before all of it is.
#[tokio::test(flavor = "multi_thread")]
async fn power_cut_during_first_sync_leaves_no_list_or_whole_one() {
    if !may_trace() {
        return;
    }
    let profile = Profile::set_up(Options { clients: 250, ..Options::default() }).await;
    // The anchor of the trail stays: without it, the trail would rightly be called cut.
    for file in files(&profile.folder.path().join("data")) {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pia-halo.db")) {
            std::fs::remove_file(file).unwrap();
        }
    }
    let disk = Disk::of(profile.folder.path());
    let mut story = Story { disk, lists: vec![List::new()], runs_before: 0, profile };
    story.sync().await;
    println!("{}", story.survives("first").await);
}

/// What is wrong with the settings after a power cut during a save.
fn wrong_settings(left: &Left, folder: &Path, [old, new]: &[[Option<Vec<u8>>; 2]; 2], lines: usize) -> Option<String> {
    left.lay_out(folder);
    for (place, name) in SAVED.iter().enumerate() {
        let found = std::fs::read(folder.join(name)).ok();
        if found != new[place] && (left.said > 0 || found != old[place]) {
            let length = found.as_ref().map(Vec::len);
            return Some(format!("{name}, {length:?} bytes, is not what it has to be, {} saves reported", left.said));
        }
    }
    let workspace = match workspace_of(folder) {
        Ok(workspace) => workspace,
        Err(error) => return Some(format!("it does not open: {error}")),
    };
    if let (Some(_), Err(error)) = (&old[0], workspace.active_configuration(None)) {
        return Some(format!("the settings cannot be read: {error}"));
    }
    let kept = workspace.audit.recent(100).map(|kept| kept.len());
    if !kept.as_ref().is_ok_and(|kept| *kept >= lines + left.said) {
        return Some(format!("the audit trail has {kept:?} lines of {}", lines + left.said));
    }
    let rest = files(folder).into_iter().find(|path| path.to_string_lossy().ends_with(".tmp"));
    rest.filter(|_| old[0].is_some()).map(|rest| format!("{} was not tidied up", rest.display()))
}

const SAVED: [&str; 2] = ["config/pia-halo/config.toml", "config/pia-halo/credentials.toml"];

/// A save of other settings and of another secret: each file is the old one or the new one, and after the report the new
/// one, in the audit trail too. Says how many cuts were played, and what was wrong after how many.
async fn saved(profile: Profile, lies: bool) -> Vec<String> {
    let saved = |profile: &Profile| SAVED.map(|name| std::fs::read(profile.folder.path().join(name)).ok());
    let (old, lines) = (saved(&profile), profile.workspace().audit.recent(100).unwrap().len());
    let answers = profile.folder.path().join("other.toml");
    std::fs::write(&answers, profile.answers("acme", "").replace("04:30", "05:45")).unwrap();
    let mut disk = Disk::of(profile.folder.path());
    let arguments = ["setup", "--answers", answers.to_str().unwrap(), "--client-secret-file", "-"];
    disk.record(&profile.command(arguments), "another-secret-of-the-test").await.expect(0);
    disk.lies = lies;
    let both = [old, saved(&profile)];
    assert!(both[0][0] != both[1][0] && both[0][1] != both[1][1]);
    let mut found = Vec::new();
    for seed in seeds() {
        let (left, folder) = (disk.cut(seed), fresh_folder());
        if let Some(wrong) = wrong_settings(&left, folder.path(), &both, lines) {
            found.push(format!("seed {seed}, cut at {} of {}: {wrong}", left.at, disk.len()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cut_during_save_leaves_old_settings_or_new_ones() {
    if !may_trace() {
        return;
    }
    for profile in [Profile::new().await, Profile::set_up(Options::default()).await] {
        let found = saved(profile, false).await;
        assert!(found.is_empty(), "{found:#?}");
    }
    let betrayed = saved(Profile::set_up(Options::default()).await, true).await;
    for words in ["1 saves reported", "0 saves reported", "audit trail"] {
        assert!(seeds().len() < 100 || betrayed.iter().any(|wrong| wrong.contains(words)), "{words}: {betrayed:#?}");
    }
}

/// The checks bite: on a disk that lies about its syncs they find lost reports and damage.
#[tokio::test(flavor = "multi_thread")]
async fn on_disk_that_lies_about_its_syncs_power_cut_is_found_out() {
    if !may_trace() {
        return;
    }
    let found = by_itself().await.betrayed().await;
    // A list of two runs is refused where the store finds it damaged, and shown where it does not.
    for words in [&["had been reported"][..], &["neither an old list", "it is damaged"]] {
        let says = |wrong: &String| words.iter().any(|words| wrong.contains(words));
        assert!(found.iter().any(says), "{words:?}: {found:#?}");
    }
}

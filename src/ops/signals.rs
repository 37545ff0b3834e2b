//! Hearing of what another process does: the files of the profile are watched, a store on a server tells of itself, and
//! whoever waits is told what has changed. Between two changes nothing runs.
//!
//! A file may be a link, as managers of configurations make them: each folder on the way to what it leads to is watched as
//! well. Where the kernel lets nothing be watched, the files are looked at every two seconds.

use std::collections::{BTreeSet, VecDeque};
use std::ops::BitOr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, Flag};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::Workspace;
use super::locks::SERVICE_LOCK;
use crate::settings::private_file::ensure_folder;
use crate::store::{News, Told};

/// More links than this on the way to one file lead in a circle.
const LINKS: usize = 40;

/// How often the files are looked at where they cannot be watched.
const LOOK: Duration = Duration::from_secs(2);

/// What has changed: one thing, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Changes(u8);

impl Changes {
    /// Clients, events, runs, findings: what is in the database.
    pub const STORE: Self = Self(1);
    /// The service has begun or ended.
    pub const SERVICE: Self = Self(2);
    pub const TRAIL: Self = Self(4);
    pub const SETTINGS: Self = Self(8);
    pub const SECRETS: Self = Self(16);
    /// Somebody wants something forwarded again.
    pub const SEND_AGAIN: Self = Self(32);

    pub const ALL: Self = Self(63);

    const EACH: [Self; 6] = [Self::STORE, Self::SERVICE, Self::TRAIL, Self::SETTINGS, Self::SECRETS, Self::SEND_AGAIN];

    /// Those that are among these.
    fn only(self, these: Self) -> Self {
        Self(self.0 & these.0)
    }

    /// Whether one of these is among them.
    pub fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

impl BitOr for Changes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is heard, from the moment it is made until it is dropped.
pub struct Signals {
    /// The files, each with what a change of it means.
    files: Vec<(PathBuf, Changes)>,
    heard: Arc<Heard>,
    /// The folders that are watched.
    folders: BTreeSet<PathBuf>,
    /// None where nothing can be watched.
    watcher: Option<RecommendedWatcher>,
    /// What the files were like at the last look, where nothing can be watched.
    stamps: Vec<Stamp>,
    /// Tells of the store, where that is on a server.
    _news: Option<News>,
}

type Stamp = Option<(u64, i64, i64, u64)>;

#[derive(Default)]
struct Heard {
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    changes: Changes,
    /// The names on the way to each file, with what a change of it means.
    names: Vec<(BTreeSet<PathBuf>, Changes)>,
}

impl Heard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, changes: Changes) {
        if changes == Changes::default() {
            return;
        }
        let mut state = self.state();
        state.changes = state.changes | changes;
        self.told.notify_one();
    }

    fn tell(&self, event: &Event) {
        // The kernel had more to tell than it could keep.
        if event.need_rescan() {
            self.state().changes = Changes::ALL;
            self.told.notify_one();
            return;
        }
        // What is only read changes nothing: our own look must not call for the next one. A service that is killed closes
        // its lock.
        if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
            return;
        }
        let mut state = self.state();
        let named = state.names.iter().filter(|(names, _)| event.paths.iter().any(|path| names.contains(path)));
        let changes = named.fold(Changes::default(), |changes, (_, means)| changes | *means);
        state.changes = state.changes | changes;
        if changes != Changes::default() {
            self.told.notify_one();
        }
    }
}

impl Signals {
    /// Begins to hear of these changes: nothing is missed from here on.
    pub fn of(workspace: &Workspace, wanted: Changes) -> Self {
        let files: Vec<(PathBuf, Changes)> = Changes::EACH
            .into_iter()
            .filter(|change| wanted.has(*change))
            .flat_map(|change| files(workspace, change).into_iter().map(move |file| (real(file), change)))
            .collect();
        let heard: Arc<Heard> = Arc::default();
        let told = Arc::clone(&heard);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => told.tell(&event),
            Err(error) => {
                tracing::warn!(%error, "a change of the files may have gone unnoticed");
                told.tell(&Event::default().set_flag(Flag::Rescan));
            }
        });
        // The kernel gives a user only so many.
        let watcher = watcher.map_err(|error| tracing::warn!(%error, "files are looked at every two seconds")).ok();
        let stamps = files.iter().map(|(file, _)| stamp(file)).collect();
        let told_by_store = Changes::STORE | Changes::SETTINGS | Changes::SECRETS;
        let news = if wanted.has(told_by_store) { news(workspace, &heard, wanted) } else { None };
        let mut signals = Self { files, heard, folders: BTreeSet::new(), watcher, stamps, _news: news };
        signals.lead();
        signals
    }

    /// Waits until something has changed, and says what.
    pub async fn wait_for_change(&mut self) -> Changes {
        loop {
            let changes = std::mem::take(&mut self.heard.state().changes);
            if changes != Changes::default() {
                // One of the names may lead elsewhere now; what changed there before it was watched, nobody has told.
                let settings = Changes::SETTINGS | Changes::SECRETS;
                return if changes.has(settings) && self.lead() { changes | settings } else { changes };
            }
            if self.watcher.is_some() {
                self.heard.told.notified().await;
            } else {
                _ = tokio::time::timeout(LOOK, self.heard.told.notified()).await;
                self.look();
            }
        }
    }

    // Where nothing can be watched.
    fn look(&mut self) {
        let now: Vec<Stamp> = self.files.iter().map(|(file, _)| stamp(file)).collect();
        let changed = self.files.iter().zip(now.iter().zip(&self.stamps)).filter(|(_, (now, before))| now != before);
        let changes = changed.fold(Changes::default(), |changes, ((_, means), _)| changes | *means);
        if changes != Changes::default() {
            self.heard.add(changes);
        }
        self.stamps = now;
    }

    // Goes the ways to the files, and watches each folder on them. Says whether they are others than before.
    fn lead(&mut self) -> bool {
        let names: Vec<_> = self.files.iter().map(|(file, means)| (way(file), *means)).collect();
        let before = std::mem::replace(&mut self.heard.state().names, names.clone());
        if names == before {
            return false;
        }
        let Some(watcher) = &mut self.watcher else { return false };
        let all = names.iter().flat_map(|(names, _)| names);
        let folders: BTreeSet<PathBuf> = all.filter_map(|name| name.parent()).map(Path::to_owned).collect();
        for left in self.folders.difference(&folders) {
            // Where it is gone, nothing is watched any more as it is.
            _ = watcher.unwatch(left);
        }
        let mut is_blind = false;
        for new in folders.difference(&self.folders) {
            if let Err(error) = watcher.watch(new, RecursiveMode::NonRecursive) {
                let folder = new.display();
                tracing::warn!(%error, %folder, "a folder cannot be watched");
                is_blind |= self.files.iter().any(|(file, _)| file.parent() == Some(new));
            }
        }
        self.folders = folders;
        if is_blind {
            self.watcher = None;
        }
        !before.is_empty()
    }
}

/// Where the system gives no thread for it, what is new shows at the next look of its own accord.
fn news(workspace: &Workspace, heard: &Arc<Heard>, wanted: Changes) -> Option<News> {
    let heard = Arc::clone(heard);
    let settings = Changes::SETTINGS | Changes::SECRETS;
    let told = move |told| {
        heard.add(match told {
            Told::Rows => wanted.only(Changes::STORE | Changes::TRAIL),
            Told::Settings => wanted.only(settings),
            Told::Anything => wanted.only(Changes::STORE | Changes::TRAIL | settings),
        });
    };
    let news = workspace.store.news(told);
    news.map_err(|error| tracing::warn!(%error, "no news of the store")).ok().flatten()
}

fn files(workspace: &Workspace, change: Changes) -> Vec<PathBuf> {
    let paths = workspace.settings.paths();
    match change {
        Changes::STORE if !workspace.store.is_file() => Vec::new(),
        Changes::STORE => {
            let store = workspace.store.path().to_owned();
            let mut log = store.clone().into_os_string();
            log.push("-wal");
            vec![store, log.into()]
        }
        Changes::SERVICE => vec![paths.lock(SERVICE_LOCK)],
        Changes::TRAIL => vec![workspace.audit.path().to_owned()],
        Changes::SETTINGS => vec![paths.config()],
        Changes::SECRETS => vec![paths.credentials()],
        Changes::SEND_AGAIN => vec![paths.send_again()],
        _ => Vec::new(),
    }
}

// By the real name of its folder: one folder under two names would be watched under the last one only. What is not there
// yet cannot be watched: a service may be there before anything is configured.
fn real(file: PathBuf) -> PathBuf {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return file };
    if !folder.exists() {
        _ = ensure_folder(folder);
    }
    folder.canonicalize().map_or_else(|_| file.clone(), |folder| folder.join(name))
}

fn stamp(file: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(file).ok()?;
    Some((data.ino(), data.mtime(), data.mtime_nsec(), data.len()))
}

/// The names on the way to a file: its own, those of the links that it leads over, and that of the file in the end.
fn way(file: &Path) -> BTreeSet<PathBuf> {
    let mut names = BTreeSet::from([file.to_owned()]);
    let (Ok(target), Some(folder)) = (file.read_link(), file.parent()) else { return names };
    let (mut at, mut links) = (folder.to_owned(), 0);
    let mut left: VecDeque<PathBuf> = target.components().map(|part| PathBuf::from(part.as_os_str())).collect();
    while let Some(part) = left.pop_front() {
        match part.components().next() {
            Some(Component::ParentDir) => _ = at.pop(),
            Some(Component::Normal(name)) => {
                let next = at.join(name);
                match next.read_link() {
                    Ok(target) if links < LINKS => {
                        links += 1;
                        names.insert(next);
                        target.components().rev().for_each(|part| left.push_front(PathBuf::from(part.as_os_str())));
                    }
                    _ => at = next,
                }
            }
            Some(Component::RootDir) => at = PathBuf::from("/"),
            _ => {}
        }
    }
    names.insert(at);
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Whatever it was that could not be told, it may have been ours.
    #[tokio::test]
    async fn lost_changes_count_as_change_of_everything() {
        let heard = Heard::default();
        heard.tell(&Event::default());
        assert_eq!(heard.state().changes, Changes::default());
        heard.tell(&Event::default().set_flag(Flag::Rescan));
        assert_eq!(heard.state().changes, Changes::ALL);
        tokio::time::timeout(Duration::from_secs(1), heard.told.notified()).await.expect("whoever waits is told");
    }

    #[test]
    fn way_to_file_goes_over_every_link() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["config", "config/..one", "elsewhere/deep"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let goes = |names: &[&str]| {
            let wanted: BTreeSet<PathBuf> = names.iter().map(|name| root.join(name)).collect();
            assert_eq!(way(&root.join(names[0])), wanted);
        };
        goes(&["config/plain.toml"]);
        // As kubelet does it: what is switched is a link beside the file.
        symlink("..one", root.join("config/..data")).unwrap();
        symlink("..data/a.toml", root.join("config/a.toml")).unwrap();
        goes(&["config/a.toml", "config/..data", "config/..one/a.toml"]);
        // Over the whole name of another folder, and back; to a file that is not there.
        symlink(root.join("elsewhere/deep"), root.join("elsewhere/short")).unwrap();
        symlink("../elsewhere/./short/../b.toml", root.join("config/b.toml")).unwrap();
        goes(&["config/b.toml", "elsewhere/short", "elsewhere/b.toml"]);
        symlink("c.toml", root.join("config/c.toml")).unwrap();
        goes(&["config/c.toml"]);
    }
}

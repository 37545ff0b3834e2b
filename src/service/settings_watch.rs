//! Settings that another program changes are taken up without a restart.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::Shared;
use crate::settings::private_file::ensure_folder;

/// More links than this on the way to one file lead in a circle.
const LINKS: usize = 40;

/// What is watched, for as long as it lives.
pub struct Watch {
    watcher: RecommendedWatcher,
    /// Where the two files stand.
    files: [PathBuf; 2],
    names: Arc<RwLock<Names>>,
    /// The folders of the names.
    folders: BTreeSet<PathBuf>,
    /// One of the names has changed: it may lead elsewhere now.
    led: Arc<Notify>,
}

/// The names that lead to the settings, and those that lead to the secrets.
#[derive(Default, PartialEq, Eq)]
struct Names([BTreeSet<PathBuf>; 2]);

/// Watches the folder of the settings, and for events that somebody wants handed on again. Where a file is a link, as
/// managers of configurations make them, each folder on the way to what it leads to is watched as well. Where a folder cannot
/// be watched, changes are taken up at the next daily sync, and such events with the next one.
pub fn start(shared: &Arc<Shared>) -> Option<Watch> {
    let paths = shared.workspace.paths();
    // A service may be there before anything is configured: what is not there cannot be watched. By their real names: one
    // folder under two names would be watched under the last one only.
    let real = |folder: &Path| {
        ensure_folder(folder).map_err(|error| error.to_string())?;
        folder.canonicalize().map_err(|error| error.to_string())
    };
    let (folder, state) = (real(&paths.config_dir), real(&paths.state_dir));
    let named = |folder: &Result<PathBuf, String>, path: PathBuf| match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    };
    let files = [named(&folder, paths.config()), named(&folder, paths.credentials())];
    let send_again = named(&state, paths.send_again());
    let (names, led): (Arc<RwLock<Names>>, Arc<Notify>) = Default::default();

    let (told, known, moved) = (Arc::clone(shared), Arc::clone(&names), Arc::clone(&led));
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // A save is a new file that takes the name of the old one.
        if event.kind.is_access() {
            return;
        }
        let [config, credentials] = {
            let Names(names) = &*known.read().unwrap_or_else(PoisonError::into_inner);
            [&names[0], &names[1]].map(|names| event.paths.iter().any(|path| names.contains(path)))
        };
        if config {
            told.changed.notify_one();
        }
        if config || credentials {
            told.reloaded.send_replace(());
            moved.notify_one();
        }
        if event.paths.contains(&send_again) {
            told.looked_up.notify_one();
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            // The kernel gives a user only so many.
            tracing::warn!(%error, "changes of the settings are only seen at the next daily sync");
            return None;
        }
    };
    let mut watch = |folder: Result<PathBuf, String>| {
        watcher.watch(&folder?, RecursiveMode::NonRecursive).map_err(|error| error.to_string())
    };
    if let Err(error) = watch(state) {
        tracing::warn!(error, "events that are to be sent again go with the next one");
    }
    if let Err(error) = watch(folder.clone()) {
        tracing::warn!(error, "changes of the settings are only seen at the next daily sync");
    }
    let mut watch = Watch { watcher, files, names, folders: folder.into_iter().collect(), led };
    watch.lead();
    Some(watch)
}

/// Runs until the service ends. Where a link leads elsewhere than before, that place is watched from then on.
pub async fn follow(shared: Arc<Shared>, mut watch: Watch) {
    loop {
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            () = watch.led.notified() => {}
        }
        if watch.lead() {
            // What changed there before it was watched, nobody has told.
            shared.changed.notify_one();
            shared.reloaded.send_replace(());
        }
    }
}

impl Watch {
    /// Goes the ways to the files, and watches each folder on them. Says whether they are others than before.
    fn lead(&mut self) -> bool {
        let names = Names(self.files.each_ref().map(|file| way(file)));
        if names == *self.names.read().unwrap_or_else(PoisonError::into_inner) {
            return false;
        }
        let of = |path: &PathBuf| path.parent().map(Path::to_owned);
        let folders: BTreeSet<PathBuf> = names.0.iter().flatten().filter_map(of).collect();
        for left in self.folders.difference(&folders) {
            // Where it is gone, nothing is watched any more as it is.
            _ = self.watcher.unwatch(left);
        }
        for new in folders.difference(&self.folders) {
            if let Err(error) = self.watcher.watch(new, RecursiveMode::NonRecursive) {
                tracing::warn!(%error, "changes of linked settings are only seen at the next daily sync");
            }
        }
        self.folders = folders;
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
        true
    }
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

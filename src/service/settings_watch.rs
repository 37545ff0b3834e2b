//! Settings that another program changes are taken up without a restart.

use std::sync::Arc;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::Shared;
use crate::settings::private_file::ensure_folder;

/// Watches the folder of the settings for as long as the answer lives. Where it cannot be watched, changes are taken up
/// at the next daily sync.
pub fn start(shared: &Arc<Shared>) -> Option<RecommendedWatcher> {
    let paths = shared.workspace.settings.paths();
    let (folder, config) = (paths.config_dir.clone(), paths.config());
    let told = Arc::clone(shared);
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // A save is a new file that takes the name of the old one.
        if !event.kind.is_access() && event.paths.contains(&config) {
            told.changed.notify_one();
        }
    };
    // A service may be there before anything is configured: what is not there cannot be watched.
    let begun = ensure_folder(&folder).map_err(|error| error.to_string()).and_then(|()| {
        let mut watcher = notify::recommended_watcher(on_event).map_err(|error| error.to_string())?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(|error| error.to_string())?;
        Ok(watcher)
    });
    begun
        .inspect_err(|error| tracing::warn!(error, "changes of the settings are only seen at the next daily sync"))
        .ok()
}

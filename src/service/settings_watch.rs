//! Settings that another program changes are taken up without a restart.

use std::sync::Arc;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::Shared;
use crate::settings::private_file::ensure_folder;

/// Watches the folder of the settings, and for events that somebody wants handed on again, for as long as the answer lives.
/// Where a folder cannot be watched, changes are taken up at the next daily sync, and such events with the next one.
pub fn start(shared: &Arc<Shared>) -> Option<RecommendedWatcher> {
    let paths = shared.workspace.settings.paths();
    let (folder, config, credentials) = (paths.config_dir.clone(), paths.config(), paths.credentials());
    let (state, send_again) = (paths.state_dir.clone(), paths.send_again());
    let told = Arc::clone(shared);
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // A save is a new file that takes the name of the old one.
        let is_of = |path| !event.kind.is_access() && event.paths.contains(path);
        if is_of(&config) {
            told.changed.notify_one();
        }
        if is_of(&config) || is_of(&credentials) {
            told.reloaded.send_replace(());
        }
        if is_of(&send_again) {
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
    // A service may be there before anything is configured: what is not there cannot be watched.
    let mut watch = |folder| {
        ensure_folder(folder).map_err(|error| error.to_string())?;
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| error.to_string())
    };
    if let Err(error) = watch(&state) {
        tracing::warn!(error, "events that are to be sent again go with the next one");
    }
    if let Err(error) = watch(&folder) {
        tracing::warn!(error, "changes of the settings are only seen at the next daily sync");
    }
    Some(watcher)
}

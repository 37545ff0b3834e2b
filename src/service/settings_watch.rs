//! Settings that another program changes are taken up without a restart.

use std::sync::Arc;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::Shared;

/// Watches the folder of the settings for as long as the answer lives. Where it cannot be watched, changes are taken up
/// at the next daily sync.
pub fn start(shared: &Arc<Shared>) -> Option<RecommendedWatcher> {
    let paths = shared.workspace.settings.paths();
    let (folder, config, credentials) = (paths.config_dir.clone(), paths.config(), paths.credentials());
    let told = Arc::clone(shared);
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // A save is a new file that takes the name of the old one.
        if event.kind.is_access() {
            return;
        }
        if event.paths.contains(&config) {
            told.changed.notify_one();
        }
        if event.paths.contains(&credentials) {
            told.secrets_changed.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(on_event).ok()?;
    match watcher.watch(&folder, RecursiveMode::NonRecursive) {
        Ok(()) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, "changes of the settings are only seen at the next daily sync");
            None
        }
    }
}

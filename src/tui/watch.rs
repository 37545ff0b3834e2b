//! Events that another process stores are seen as they come in: the files of the store are watched, and between two
//! changes nothing runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::outside::Replies;
use crate::app::message::Reply;
use crate::app::panes::events::{EventList, Recent};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::ops::{self, Workspace};

/// Changes within this time are one: a sync writes a thousand times in a row.
const PAUSE: Duration = Duration::from_millis(150);

/// Reads the newest events now and after each change, and answers where something is new. It ends when it is dropped.
pub async fn events(workspace: &Workspace, id: &ConfigurationId, limit: usize, replies: &Replies) {
    let changed = Arc::new(Notify::new());
    // Before the first look: nothing falls between the two.
    let _watcher = watch(workspace, Arc::clone(&changed));
    let mut last = None;
    loop {
        let recent = read(workspace, id, limit).await;
        if last.as_ref() != Some(&recent) {
            replies.send(Reply::Events(recent.clone()));
            last = Some(recent);
        }
        changed.notified().await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads the newest events once.
pub async fn read(workspace: &Workspace, id: &ConfigurationId, limit: usize) -> Result<Box<Recent>, Failure> {
    let id = id.clone();
    let read = move |workspace: &Workspace| {
        let (events, total, service) = ops::events::recent(workspace, &id, limit)?;
        Ok(Box::new(Recent { list: EventList::new(events, total), service }))
    };
    workspace.apart(read).await
}

// Where the files cannot be watched, the pane shows what there is whenever it is opened.
fn watch(workspace: &Workspace, changed: Arc<Notify>) -> Option<RecommendedWatcher> {
    let files = workspace.told_by();
    let folder = files[0].parent()?.to_owned();
    let on_event = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| tells(&event, &files)) {
            changed.notify_one();
        }
    };
    let watching = notify::recommended_watcher(on_event).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watching.map_err(|error| tracing::warn!(%error, "events are only seen when their pane is opened")).ok()
}

// What is only read changes nothing: our own look must not call for the next one. A service that is killed closes its lock.
fn tells(event: &Event, files: &[PathBuf]) -> bool {
    let writes = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    writes && event.paths.iter().any(|path| files.contains(path))
}

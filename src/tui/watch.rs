//! What other programs do is seen as it comes: events, syncs, what is configured, the service that begins or ends.

use std::time::Duration;

use tokio::time::Instant;

use super::outside::Replies;
use crate::app::message::Reply;
use crate::app::panes::events::{EventList, Recent};
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{Event, ForwardState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::request::Standing;
use crate::domain::status::Overview;
use crate::ops::signals::{Changes, Signals};
use crate::ops::{self, Workspace};

/// Changes within this time are one: a sync writes a thousand times in a row.
const PAUSE: Duration = Duration::from_millis(150);

/// Where everything stands is read no more often than this.
const BETWEEN: Duration = Duration::from_secs(1);

/// What changes without anybody's doing, such as the room on the disk, is read so often.
const ANYHOW: Duration = Duration::from_secs(60);

/// Reads the newest events, where everything stands and what is configured, now and after each change, and answers where
/// something is new. It ends when it is dropped.
pub async fn follow(workspace: &Workspace, id: &ConfigurationId, limit: usize, replies: &Replies) {
    // Before the first look: nothing falls between the two.
    let mut signals = Signals::of(workspace, Changes::ALL);
    let (mut recent, mut overview, mut is_there) = (None, None, true);
    let (mut changes, mut owed, mut read_at, mut again) = (Changes::ALL, Changes::ALL, None::<Instant>, ANYHOW);
    loop {
        let is_missed = is_there && matches!(recent, Some(Err(_)));
        if is_missed || changes.has(Changes::STORE | Changes::SERVICE | Changes::SEND_AGAIN) {
            // What was sent again may be any of them.
            let known = recent.take().filter(|_| !changes.has(Changes::SEND_AGAIN));
            recent = Some(events(workspace, id, limit, known, replies).await);
        }
        if read_at.is_none_or(|at| at.elapsed() >= BETWEEN) {
            if owed.has(Changes::SETTINGS | Changes::SECRETS) {
                overview = Some(configurations(workspace, overview, replies).await);
            }
            let of = id.clone();
            let standing = workspace.run_blocking(move |stored| ops::status::standing(stored, &of).map(Box::new)).await;
            is_there = !standing.as_ref().is_err_and(|failure| failure.kind == FailureKind::NotReached);
            // That another program is done with its sync or in Halo, or a server back, nothing but a look tells.
            let waits = |standing: &Standing| standing.syncing.is_some() || standing.configuring.is_some();
            let looks = !is_there || standing.as_deref().is_ok_and(waits);
            again = if looks { BETWEEN } else { ANYHOW };
            replies.send(Reply::Status(standing));
            (owed, read_at) = (Changes::default(), Some(Instant::now()));
        }
        changes = match read_at.filter(|_| owed != Changes::default()) {
            None => tokio::time::timeout(again, signals.wait_for_change()).await.unwrap_or_default(),
            Some(at) => tokio::time::timeout_at(at + BETWEEN, signals.wait_for_change()).await.unwrap_or_default(),
        };
        if changes != Changes::default() {
            tokio::time::sleep(PAUSE).await;
        }
        owed = owed | changes;
    }
}

/// Reads the newest events once.
pub async fn read(workspace: &Workspace, id: &ConfigurationId, limit: usize) -> Result<Box<Recent>, Failure> {
    let id = id.clone();
    let read = move |workspace: &Workspace| {
        let (events, total, service) = ops::events::recent(workspace, &id, limit)?;
        Ok(Box::new(Recent { list: EventList::new(events, total), service }))
    };
    workspace.run_blocking(read).await
}

type Read = Result<Box<Recent>, Failure>;

// Reads what is new and what may have changed, and answers where that is something.
async fn events(
    workspace: &Workspace,
    id: &ConfigurationId,
    limit: usize,
    known: Option<Read>,
    replies: &Replies,
) -> Read {
    let now = match &known {
        Some(Ok(known)) => news(workspace, id, limit, known.list.clone()).await,
        _ => read(workspace, id, limit).await,
    };
    if known.as_ref() != Some(&now) {
        replies.send(Reply::Events(now.clone()));
    }
    now
}

async fn news(workspace: &Workspace, id: &ConfigurationId, limit: usize, list: EventList) -> Read {
    let of = id.clone();
    let read = move |workspace: &Workspace| {
        let open: Vec<i64> = list.events().filter(|event| may_change(event)).map(|event| event.number).collect();
        let newest = list.event(0).map_or(0, |event| event.number);
        let news = ops::events::news(workspace, &of, newest, &open, limit)?;
        let is_whole = news.new.len() < limit && news.total == list.total() + news.new.len() as u64;
        let list = is_whole.then(|| list.with(news.new, news.changed, limit));
        Ok(list.map(|list| Box::new(Recent { list, service: news.service })))
    };
    match workspace.run_blocking(read).await {
        Ok(Some(recent)) => Ok(recent),
        // Old ones were forgotten meanwhile, or it is much.
        Ok(None) => self::read(workspace, id, limit).await,
        Err(failure) => Err(failure),
    }
}

// Its ticket is still to come, or what becomes of it where it is forwarded.
fn may_change(event: &Event) -> bool {
    let is_open = event.forwarding.as_ref().is_some_and(|forwarding| forwarding.state != ForwardState::Delivered);
    let is_unseen = event.ticket_id.is_some() && event.ticket.is_none() && event.ticket_problem.is_none();
    is_open || is_unseen
}

async fn configurations(
    workspace: &Workspace,
    known: Option<Result<Overview, Failure>>,
    replies: &Replies,
) -> Result<Overview, Failure> {
    let overview = workspace.run_blocking(ops::status::overview).await;
    // The interface has read it when it began.
    if known.is_some_and(|known| known != overview) {
        replies.send(Reply::Overview(overview.clone()));
    }
    overview
}

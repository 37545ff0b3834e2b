//! The real world behind the interface: each effect calls one use-case, and its answers become replies.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::outside::{Outside, Replies};
use super::watch;
use crate::app::effect::Effect;
use crate::app::message::Reply;
use crate::app::panes::clients::ClientList;
use crate::app::panes::events::STEP;
use crate::domain::check::Check;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::full_circle::{FullCircle, HopReport, PATIENCE};
use crate::domain::health::Rule;
use crate::domain::plan::{ConfigureReport, ConfigureStatus, Plan};
use crate::domain::request::{Activation, VerifyRequest};
use crate::domain::rotation::Overlap;
use crate::domain::sync_run::{Brake, SyncProgress};
use crate::domain::ticket::{BoardTickets, Escalation, Known, Unfinished};
use crate::domain::untrusted::Untrusted;
use crate::ops::activate::Replacing;
use crate::ops::configure::{Consent, Event};
use crate::ops::remove::Extent;
use crate::ops::rotate::Terms;
use crate::ops::{self, Workspace};

/// How often it is tried to hold what somebody else holds. It is only a help: a few seconds matter to nobody, and no watch of
/// the kernel's, of which a user has few, is spent on it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked whether the request limit is waited for.
const LOOK_AT_WAIT: Duration = Duration::from_millis(500);

/// A rotation by a person who looks on: the former pair stays good for the usual time.
const TERMS: Terms = Terms { overlap: Overlap::USUAL, end_overlap: false };

/// Runs effects in a workspace.
pub struct Effects {
    workspace: Workspace,
}

impl Effects {
    /// Effects that work in this workspace.
    pub fn new(workspace: Workspace) -> Self {
        Self { workspace }
    }
}

impl Outside for Effects {
    fn run(&self, effect: Effect, replies: Replies, cancel: CancellationToken) -> BoxFuture<'static, ()> {
        let workspace = self.workspace.clone();
        async move {
            if let Some(reply) = answer(&workspace, effect, &replies, cancel).await {
                replies.send(reply);
            }
        }
        .boxed()
    }
}

/// Does what an effect asks for; progress goes out through `replies`, the last answer comes back.
async fn answer(workspace: &Workspace, effect: Effect, replies: &Replies, cancel: CancellationToken) -> Option<Reply> {
    Some(match effect {
        Effect::LoadOverview => Reply::Overview(workspace.run_blocking(ops::status::overview).await),
        Effect::Verify(request) => Reply::Verified(verify(workspace, &request, replies, cancel).await),
        Effect::Save(request) => match workspace.run_blocking(move |stored| ops::setup::save(stored, &request)).await {
            Ok(Ok(report)) => Reply::Saved(Ok(report)),
            Ok(Err(clash)) => Reply::Clashed(clash),
            Err(failure) => Reply::Saved(Err(failure)),
        },
        Effect::HoldEdit(id) => {
            hold_edit(workspace, &id, replies).await;
            return None;
        }
        Effect::SaveDraft(draft) => {
            let saved = workspace.run_blocking(move |stored| ops::drafts::save(stored, &draft)).await;
            return saved.err().map(Reply::DraftFailed);
        }
        Effect::DiscardDraft => {
            let discarded = workspace.run_blocking(ops::drafts::discard).await;
            return discarded.err().map(Reply::DraftFailed);
        }
        Effect::Sync { id, brake } => Reply::Synced(sync(workspace, &id, brake, replies, cancel).await),
        Effect::AgreeUnproved(id) => {
            let agree = move |stored: &Workspace| ops::configure::agree_unproved(stored, &id).map(|()| id);
            Reply::Agreed(workspace.run_blocking(agree).await)
        }
        Effect::LoadLists(id) => {
            Reply::Lists(workspace.run_blocking(move |stored| ops::clients::lists(stored, &id)).await)
        }
        Effect::RefreshLists(id) => Reply::Lists(ops::clients::refresh_lists(workspace, &id, cancel).await),
        Effect::LoadPlan(id) => {
            Reply::Planned(telling_waits(workspace, replies, plan(workspace, &id, &[], replies, cancel).boxed()).await)
        }
        Effect::LoadPlanTaking(id, taken) => Reply::Planned(
            telling_waits(workspace, replies, plan(workspace, &id, &taken, replies, cancel).boxed()).await,
        ),
        Effect::Configure(id, plan) => {
            let work = configure(workspace, &id, &plan, replies, cancel).boxed();
            Reply::Configured(telling_waits(workspace, replies, work).await)
        }
        Effect::LoadRemoval(id, parts) => {
            let extent = Extent::Removal(parts);
            let work = ops::remove::load(workspace, &id, extent, cancel, tell_checks(replies)).boxed();
            Reply::Planned(telling_waits(workspace, replies, work).await)
        }
        Effect::Remove { id, parts, then, plan } => {
            let consent = Consent::Plan(&plan);
            let Some(wanted) = then else {
                let extent = Extent::Removal(parts);
                let work = ops::remove::run(workspace, &id, extent, consent, cancel, tell_results(replies)).boxed();
                return Some(Reply::Configured(telling_waits(workspace, replies, work).await));
            };
            let work = switch_removing(workspace, &wanted, consent, replies, cancel).boxed();
            return telling_waits(workspace, replies, work).await;
        }
        Effect::LoadRollBack(id) => {
            let work = ops::remove::load(workspace, &id, Extent::LastRun, cancel, tell_checks(replies)).boxed();
            Reply::Planned(telling_waits(workspace, replies, work).await)
        }
        Effect::RollBack(id, plan) => {
            let consent = Consent::Plan(&plan);
            let work =
                ops::remove::run(workspace, &id, Extent::LastRun, consent, cancel, tell_results(replies)).boxed();
            Reply::Configured(telling_waits(workspace, replies, work).await)
        }
        Effect::LoadRotation(id) => {
            let work = ops::rotate::load(workspace, &id, TERMS, cancel, tell_checks(replies)).boxed();
            Reply::Planned(match telling_waits(workspace, replies, work).await {
                Ok(Ok(rotation)) => Ok(Ok(rotation.plan)),
                Ok(Err(report)) => Ok(Err(report)),
                Err(failure) => Err(failure),
            })
        }
        Effect::Rotate(id, plan) => {
            let consent = Consent::Plan(&plan);
            let work = ops::rotate::run(workspace, &id, TERMS, consent, cancel, tell_results(replies)).boxed();
            Reply::Configured(telling_waits(workspace, replies, work).await.map(|rotation| rotation.report))
        }
        Effect::TakingOver(effect) => {
            let workspace = workspace.clone().taking_over(true);
            return Box::pin(answer(&workspace, *effect, replies, cancel)).await;
        }
        Effect::LoadInstallation => {
            let steps = workspace.run_blocking(|_| ops::units::here()).await;
            Reply::Installation(steps.map(|steps| steps.iter().map(ToString::to_string).collect()))
        }
        Effect::InstallService => {
            let install = |_: &Workspace| ops::units::carry_out(&ops::units::here()?, &ops::units::execute);
            let is_set_up = |()| ops::units::is_set_up(Path::new("/"));
            Reply::Installed(workspace.run_blocking(install).await.map(is_set_up))
        }
        Effect::ForgetSecrets(id) => {
            Reply::Forgotten(ops::remove::forget_secrets(workspace, &id, cancel).await.map(|()| id))
        }
        Effect::LoadDeliveries(id) => Reply::Deliveries(ops::delivery::read(workspace, &id, cancel).await),
        Effect::Prove(id) => Reply::Proved(prove(workspace, id, replies, cancel).await),
        Effect::WatchEvents { id, limit } => {
            watch::follow(workspace, &id, limit, replies).await;
            return None;
        }
        Effect::LoadEvents(id) => Reply::Events(watch::read(workspace, &id, STEP).await),
        Effect::LoadEvent { id, number } => {
            Reply::Event(workspace.run_blocking(move |stored| ops::events::body(stored, &id, number)).await)
        }
        Effect::LoadTickets(id) => Reply::Tickets(tickets(workspace, &id, cancel).await),
        Effect::Escalate { id, ticket, note } => {
            Reply::Escalated(escalate(workspace, &id, ticket, note.as_deref(), cancel).await.map(Box::new))
        }
        Effect::LoadClients(id) => {
            let replies = replies.clone();
            Reply::Clients(workspace.run_blocking(move |stored| clients(stored, &id, &replies)).await)
        }
        Effect::Export(export) => Reply::Exported(
            workspace
                .run_blocking(move |_| {
                    let wanted = export_to(&export.file, &export.name);
                    let (count, file) = ops::clients::export(&wanted, export.clients())?;
                    Ok((count, Untrusted::new(file.to_string_lossy()).display()))
                })
                .await,
        ),
        Effect::LoadChanges { id, run } => {
            Reply::Changes(workspace.run_blocking(move |stored| ops::sync::changes(stored, &id, run)).await)
        }
        Effect::LoadStatus(id) => {
            Reply::Status(workspace.run_blocking(move |stored| ops::status::standing(stored, &id).map(Box::new)).await)
        }
        Effect::LoadCallbacks(id) => {
            Reply::Callbacks(workspace.run_blocking(move |stored| ops::status::callbacks(stored, &id)).await)
        }
        Effect::Activate { id, replacing } => {
            let replacing = replacing.map_or(Replacing::Nobody, Replacing::Only);
            Reply::Activated(
                workspace.run_blocking(move |stored| ops::activate::activate(stored, &id, &replacing)).await,
            )
        }
        Effect::Delete(id) => {
            let delete = move |stored: &Workspace| ops::delete::delete(stored, &id).map(|()| id);
            Reply::Deleted(workspace.run_blocking(delete).await)
        }
        Effect::Look(id) => Reply::Looked(ops::health::look(workspace, &id, cancel, |_| {}).await),
        Effect::Dismiss { id, rule, undo } => {
            let dismissed = workspace.run_blocking(move |stored| ops::health::dismiss(stored, &id, rule, undo)).await;
            let words = if undo { "It counts again." } else { "Dismissed. It comes back when something changes." };
            Reply::Issue(dismissed.map(|()| words))
        }
        Effect::SendAgain(id) => {
            let sent = ops::health::retry(workspace, &id, Rule::Forwarding, cancel).await;
            Reply::Issue(sent.map(|_| "The events are sent again while the service runs."))
        }
        Effect::Deactivate => Reply::Activated(
            workspace
                .run_blocking(move |stored| ops::activate::deactivate(stored).map(|_| Activation::Active(None)))
                .await,
        ),
        // Done by the loop itself, which has the terminal.
        Effect::Cancel(_) | Effect::Copy(_) | Effect::Suspend | Effect::Repaint | Effect::Quit => {
            return None;
        }
    })
}

/// Where an export goes: said whole, because where the program was started may be forgotten. Into a folder it goes under its
/// own name, and not beside it under a like one.
fn export_to(file: &str, name: &str) -> PathBuf {
    let file = match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    };
    let wanted = std::path::absolute(&file).unwrap_or(file);
    if wanted.is_dir() { wanted.join(name) } else { wanted }
}

/// More than any terminal has rows.
const BEGINNING: usize = 200;

/// The stored list: the beginning of it at once, then the whole, made ready to be searched before it gets to the keys.
fn clients(workspace: &Workspace, id: &ConfigurationId, replies: &Replies) -> Result<ClientList, Failure> {
    let (first, stored) = ops::clients::first(workspace, id, BEGINNING)?;
    // A short list is whole as fast.
    if first.len() == BEGINNING {
        let total = usize::try_from(stored).unwrap_or(usize::MAX);
        replies.send(Reply::FirstClients(ClientList::beginning(first, total)));
    }
    let (clients, changes) = ops::clients::all_with_changes(workspace, id)?;
    Ok(ClientList::new(clients, &changes))
}

async fn tickets(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
) -> Result<BoardTickets, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    ops::tickets::on_pia_board(workspace, &id, &configuration, cancel).await
}

async fn escalate(
    workspace: &Workspace,
    id: &ConfigurationId,
    ticket: i64,
    note: Option<&str>,
    cancel: CancellationToken,
) -> Result<Escalation, Unfinished> {
    let (id, configuration, _) =
        workspace.configuration(Some(id)).map_err(|failure| Known::Unchanged.because(failure))?;
    ops::tickets::escalate(workspace, &id, &configuration, ticket, note, cancel).await
}

/// Lets others know that a configuration is being changed here, until it is cancelled; says once who else changes it.
async fn hold_edit(workspace: &Workspace, id: &ConfigurationId, replies: &Replies) {
    let mut is_told = false;
    loop {
        let of = id.clone();
        match workspace.run_blocking(move |stored| Ok(ops::drafts::edit(stored, &of))).await {
            Ok(Ok(_held)) => return std::future::pending().await,
            Ok(Err(Some(editor))) if !std::mem::replace(&mut is_told, true) => {
                replies.send(Reply::AlsoEditing(editor));
            }
            _ => {}
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn tell_checks(replies: &Replies) -> impl FnMut(&Check) + Send {
    let replies = replies.clone();
    move |check| replies.send(Reply::Checked(check.clone()))
}

/// Tells the wait for Halo's request limit beside work that has no word of it.
async fn telling_waits<T>(workspace: &Workspace, replies: &Replies, work: BoxFuture<'_, T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        never = follow_waits(workspace, replies) => match never {},
    }
}

async fn follow_waits(workspace: &Workspace, replies: &Replies) -> Infallible {
    let mut told = None;
    loop {
        let (limit, silence) = workspace.waiting();
        // The first word counts too: one of an earlier work may be left.
        if told != Some((limit, silence)) {
            replies.send(Reply::Waiting { limit, silence });
            told = Some((limit, silence));
        }
        tokio::time::sleep(LOOK_AT_WAIT).await;
    }
}

async fn verify(
    workspace: &Workspace,
    request: &VerifyRequest,
    replies: &Replies,
    cancel: CancellationToken,
) -> Result<crate::domain::check::CheckReport, Failure> {
    ops::check::verify(workspace, request, cancel, tell_checks(replies)).await
}

async fn sync(
    workspace: &Workspace,
    id: &ConfigurationId,
    brake: Brake,
    replies: &Replies,
    cancel: CancellationToken,
) -> Result<crate::domain::sync_run::SyncReport, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    let on_progress = |progress: &SyncProgress| replies.send(Reply::SyncProgress(progress.clone()));
    let on_other = |other| replies.send(Reply::SyncFollows(other));
    ops::sync::run_or_follow(workspace, &id, &configuration, brake, cancel, on_progress, on_other).await
}

async fn plan(
    workspace: &Workspace,
    id: &ConfigurationId,
    taken: &[String],
    replies: &Replies,
    cancel: CancellationToken,
) -> Result<Result<Plan, crate::domain::check::CheckReport>, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    ops::plan::load_taking(workspace, &id, &configuration, taken, cancel, tell_checks(replies)).await
}

async fn configure(
    workspace: &Workspace,
    id: &ConfigurationId,
    plan: &Plan,
    replies: &Replies,
    cancel: CancellationToken,
) -> Result<ConfigureReport, Failure> {
    ops::configure::install(workspace, id, Consent::Plan(plan), cancel, tell_results(replies)).await
}

async fn prove(
    workspace: &Workspace,
    id: ConfigurationId,
    replies: &Replies,
    cancel: CancellationToken,
) -> Result<FullCircle, Failure> {
    let prepared = workspace.run_blocking(move |stored| ops::full_circle::prepare(stored, Some(&id))).await?;
    let tell = |hop: &HopReport| replies.send(Reply::Hop(hop.clone()));
    ops::full_circle::prove(workspace, &prepared, PATIENCE, cancel, tell).await
}

fn tell_results(replies: &Replies) -> impl FnMut(Event<'_>) + Send {
    let replies = replies.clone();
    move |event| {
        replies.send(match event {
            Event::Checked(check) => Reply::Checked(check.clone()),
            Event::Applied(result) => Reply::Applied(result.clone()),
        });
    }
}

/// Takes out what the active configuration has in Halo, and switches once that is done: how the removal went is said
/// first, that another one is active only where it is.
async fn switch_removing(
    workspace: &Workspace,
    wanted: &ConfigurationId,
    consent: Consent<'_>,
    replies: &Replies,
    cancel: CancellationToken,
) -> Option<Reply> {
    let done = ops::activate::activate_removing(workspace, wanted, consent, cancel, tell_results(replies)).await;
    let (activation, removal) = match done {
        Ok(done) => done,
        Err(failure) => return Some(Reply::Configured(Err(failure))),
    };
    let nothing = || ConfigureReport {
        status: ConfigureStatus::NothingToDo,
        results: Vec::new(),
        message: "No other configuration was active, so nothing was removed.".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    };
    replies.send(Reply::Configured(Ok(removal.unwrap_or_else(nothing))));
    // Where another program has made somebody else active meanwhile, the person is asked once more.
    let stays = matches!(&activation, Activation::Active(active) if active.as_ref() != Some(wanted));
    (!stays).then_some(Reply::Activated(Ok(activation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_goes_into_folder_and_not_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(export_to(path.to_str().unwrap(), "a.csv"), path.join("a.csv"));
        let file = path.join("mine.csv");
        assert_eq!(export_to(file.to_str().unwrap(), "a.csv"), file);
    }
}

//! The company sync: complete only when proved, nobody disabled by mistake, and never half of anything.

mod completeness;
mod disabling;
mod disk_errors;
mod full_disk;
mod killed;
mod limits;
mod line;
mod one_at_a_time;
mod power_cut;
mod resuming;
mod too_large;
mod toxics;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use pia_halo::demo::Options;
use pia_halo::domain::client::{ClientStatus, StoredClient};
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::sync_run::{Brake, SyncReport};
use pia_halo::ops::{Workspace, sync};
use tokio_util::sync::CancellationToken;

use crate::support::Profile;

fn small() -> Options {
    Options { clients: 230, ..Options::default() }
}

async fn ids(profile: &Profile, status: &str) -> BTreeSet<i64> {
    let list = profile.json(["clients", "--status", status], 0).await;
    list.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Clients by id, each with its name and whether it is in use.
type List = BTreeMap<i64, (String, bool)>;

/// What is stored.
fn stored(profile: &Profile) -> List {
    list_of(profile.store().clients(&profile.id()).unwrap())
}

fn list_of(clients: Vec<StoredClient>) -> List {
    let one =
        |row: StoredClient| (row.client.id, (row.client.name.raw().to_owned(), row.status == ClientStatus::Active));
    clients.into_iter().map(one).collect()
}

/// The ids of those in use.
fn in_use(list: &List) -> BTreeSet<i64> {
    list.iter().filter(|(_, (_, active))| *active).map(|(id, _)| *id).collect()
}

/// What Halo has.
fn truth(profile: &Profile) -> List {
    profile.halo.look(|state| state.clients.iter().map(|one| (one.id, (one.name.clone(), !one.inactive))).collect())
}

/// A sync in this process.
async fn sync_here(profile: &Profile) -> SyncReport {
    sync_in(&profile.workspace(), &profile.id()).await
}

async fn sync_in(workspace: &Workspace, id: &ConfigurationId) -> SyncReport {
    sync_by(workspace, id, Brake::On).await
}

async fn sync_by(workspace: &Workspace, id: &ConfigurationId, brake: Brake) -> SyncReport {
    let configuration = workspace.active_configuration(Some(id)).unwrap().1;
    sync::run(workspace, id, &configuration, brake, CancellationToken::new(), |_| {}).await.unwrap()
}

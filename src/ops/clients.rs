//! The stored client list: offline, searched and sorted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Workspace;
use crate::domain::calendar::rfc3339;
use crate::domain::client::{ClientStatus, DisabledReason, StoredClient, fold};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{self, Finding, Rule};
use crate::domain::include::IncludeRule;
use crate::domain::next::{Hint, Next};
use crate::domain::search::{Index, Search};
use crate::domain::status::Lists;
use crate::domain::sync_run::{ChangeKind, ClientChange, ClientEvent, RUNS_KEPT};
use crate::domain::untrusted::{Untrusted, without_margin};
use crate::store::FreshLists;

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those in use.
    Active,
    /// Those kept but not used.
    Disabled,
    /// Those that the rule of which clients Pia serves leaves out.
    LeftOut,
    /// Those that the last sync was the first to see.
    New,
    /// Those that the last sync found changed, disabled or back.
    Changed,
    /// Those in use with a name that folds to the same as another one's.
    Conflicting,
    /// Every one.
    All,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name, without regard to case and accents; equal names by id.
    Name,
    /// By id.
    Id,
}

/// What is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Every word has to stand in the name, the main site or the top level, or be the id.
    pub search: Option<String>,
    /// Which clients.
    pub which: Which,
    /// In which order.
    pub order: Order,
    /// At most this many.
    pub limit: Option<usize>,
}

/// Reads the stored list.
pub fn list(workspace: &Workspace, id: &ConfigurationId, query: &Query) -> Result<Vec<StoredClient>, Failure> {
    let in_use = match query.which {
        Which::Active => Some(Some(true)),
        Which::Disabled => Some(Some(false)),
        Which::All => Some(None),
        Which::LeftOut | Which::New | Which::Changed | Which::Conflicting => None,
    };
    if let (Query { search: None, order: Order::Name, limit: Some(limit), .. }, Some(in_use)) = (query, in_use) {
        return Ok(workspace.store.first_clients(id, in_use, *limit)?.0);
    }
    let (mut clients, changed) = match query.which {
        Which::New | Which::Changed => all_with_changes(workspace, id)?,
        _ => (workspace.store.clients(id)?, Vec::new()),
    };
    let changed = |is_new: bool| -> HashSet<i64> {
        changed.iter().filter(|line| (line.change == ChangeKind::Added) == is_new).map(|line| line.id).collect()
    };
    match query.which {
        Which::All => {}
        Which::Active => clients.retain(|client| client.status == ClientStatus::Active),
        Which::Disabled => clients.retain(|client| client.status != ClientStatus::Active),
        Which::LeftOut => clients.retain(|client| client.status == ClientStatus::Disabled(DisabledReason::LeftOut)),
        Which::New => keep_some(&mut clients, &changed(true)),
        Which::Changed => keep_some(&mut clients, &changed(false)),
        Which::Conflicting => {
            let conflicting = conflicting(&clients);
            keep_some(&mut clients, &conflicting);
        }
    }
    if let Some(search) = &query.search {
        clients = found(clients, search);
    }
    match query.order {
        Order::Id => clients.sort_by_key(|client| client.client.id),
        Order::Name => clients.sort_by_cached_key(|client| (fold(client.client.name.raw()), client.client.id)),
    }
    clients.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(clients)
}

/// A run that is not in the history, or not any more.
pub fn no_such_run(id: &ConfigurationId, run: u64) -> Failure {
    Failure::new(FailureKind::Usage, format!("there is no run {run} of {id} in the history"))
        .hint(Hint::from(format!("To list the last {RUNS_KEPT} runs with their numbers: ")).next(Next::History))
}

/// What the syncs after a run have changed, each client once: as added where one of them was the first to see it, and
/// otherwise by what the last of them that says more than "updated" has done to it.
///
/// # Errors
///
/// Where that run is not in the history.
pub fn changed_since(
    workspace: &Workspace,
    id: &ConfigurationId,
    run: u64,
) -> Result<BTreeMap<i64, ClientEvent>, Failure> {
    if workspace.store.changes(id, run)?.is_none() {
        return Err(no_such_run(id, run));
    }
    let mut changed = BTreeMap::new();
    // The oldest first.
    for report in workspace.store.runs(id, usize::MAX)?.iter().rev().filter(|report| report.status.has_published()) {
        let Some(later) = report.run.map(std::num::NonZeroU64::get).filter(|later| *later > run) else { continue };
        for line in workspace.store.changes(id, later)?.unwrap_or_default() {
            let known = changed.entry(line.id).or_insert(line.change);
            *known = match (*known, line.change) {
                (ChangeKind::Added, _) => ChangeKind::Added,
                (known, ChangeKind::Renamed | ChangeKind::Changed) => known,
                (_, change) => change,
            };
        }
    }
    Ok(changed.into_iter().map(|(client, change)| (client, ClientEvent::Change(change))).collect())
}

/// Forwards the whole list, by the service that does; answers how many clients that are.
///
/// # Errors
///
/// Where no service forwards anything.
pub fn forward(workspace: &Workspace, id: &ConfigurationId) -> Result<u64, Failure> {
    workspace.require_active(id)?;
    let Some(count) = workspace.store.forward_all_clients(id, workspace.now())? else {
        return Err(Failure::new(FailureKind::Usage, "forwarding is off")
            .hint(Hint::from("To forward events and clients, starting with the whole list: ").next(Next::ForwardTo)));
    };
    super::events::wake_forwarder(workspace);
    Ok(count)
}

/// What a rule would leave out of the stored clients.
pub fn preview(workspace: &Workspace, id: &ConfigurationId, rule: &IncludeRule) -> Result<String, Failure> {
    Ok(rule.preview(workspace.store.clients(id)?.iter()))
}

fn keep_some(clients: &mut Vec<StoredClient>, ids: &HashSet<i64>) {
    clients.retain(|client| ids.contains(&client.client.id));
}

/// Clients in use that people take for one another: their names fold to the same.
fn conflicting(clients: &[StoredClient]) -> HashSet<i64> {
    let mut by_name: HashMap<String, Vec<i64>> = HashMap::new();
    for client in clients.iter().filter(|client| client.status == ClientStatus::Active) {
        let name = fold(client.client.name.raw());
        by_name.entry(name.split_whitespace().collect::<Vec<_>>().join(" ")).or_default().push(client.client.id);
    }
    by_name.into_values().filter(|ids| ids.len() > 1).flatten().collect()
}

/// Those that a search finds, best first: what the pane lists for the same words.
pub fn found(clients: Vec<StoredClient>, words: &str) -> Vec<StoredClient> {
    let named = |client: StoredClient| (fold(client.client.name.raw()), Some(client));
    let mut clients: Vec<_> = clients.into_iter().map(named).collect();
    clients.sort_by(|a, b| a.0.cmp(&b.0));
    let index = Index::new(clients.iter().filter_map(|(name, stored)| Some((name.as_str(), &stored.as_ref()?.client))));
    let words = fold(words.trim());
    let rows = Search::new(&index, &words).rank((0..clients.len() as u32).map(|row| (row, row)));
    rows.into_iter().filter_map(|row| clients[row as usize].1.take()).collect()
}

/// Rows that are read in one go: between two of them, others come at the store.
const PART: usize = 20_000;

/// Every stored client, read in parts, and what the last sync that renewed the list changed. A list that is renewed while
/// it is read is read again.
pub fn all_with_changes(
    workspace: &Workspace,
    id: &ConfigurationId,
) -> Result<(Vec<StoredClient>, Vec<ClientChange>), Failure> {
    let store = &workspace.store;
    loop {
        let published = store.published_at(id)?;
        let mut clients: Vec<StoredClient> = Vec::new();
        loop {
            let part = store.clients_after(id, clients.last().map(|last| last.client.id), PART)?;
            let is_last = part.len() < PART;
            clients.extend(part);
            if is_last {
                break;
            }
        }
        let renewed = |run: &crate::domain::sync_run::SyncReport| run.status.has_published();
        let run = store.runs(id, usize::MAX)?.into_iter().find(renewed).and_then(|run| run.run);
        let changes = run.map(|run| store.changes(id, run.get())).transpose()?.flatten().unwrap_or_default();
        if store.published_at(id)? == published {
            return Ok((clients, changes));
        }
    }
}

/// A foreign text as a cell. A spreadsheet takes one that begins with any of these for a formula: it gets a mark in front. The
/// wide forms count too, and what is blank or unseen before them.
pub fn cell(text: &Untrusted) -> String {
    let cell = text.cell();
    if without_margin(&cell)
        .starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠', '\u{2212}', '﹣', '﹢', '﹦'])
    {
        format!("'{cell}")
    } else {
        cell
    }
}

/// The columns of the list as CSV.
pub const CSV_HEADER: [&str; 8] =
    ["id", "name", "status", "disabled_reason", "toplevel", "main_site", "first_seen", "last_seen"];

/// A client as a row of CSV: as Halo has it, but for what a spreadsheet would run and a terminal would act upon.
pub fn csv_row(stored: &StoredClient) -> [String; 8] {
    let client = &stored.client;
    let text = |part: Option<&Untrusted>| part.map(cell).unwrap_or_default();
    [
        client.id.to_string(),
        cell(&client.name),
        stored.status.word().to_owned(),
        stored.status.reason().unwrap_or_default().to_owned(),
        text(client.toplevel.as_ref()),
        text(client.main_site.as_ref()),
        rfc3339(stored.first_seen),
        rfc3339(stored.last_seen),
    ]
}

/// How many exports there may be of one name.
const EXPORTS: u32 = 1_000;

/// Writes clients as CSV to a new file, for its owner alone, and says how many and which file: with a number where that
/// name is taken. What is there is never overwritten; of a file that cannot be finished nothing stays.
pub fn export<'a>(wanted: &Path, clients: impl Iterator<Item = &'a StoredClient>) -> Result<(usize, PathBuf), Failure> {
    let failed = |error: io::Error| {
        let wanted = Untrusted::new(wanted.to_string_lossy()).display();
        Failure::new(FailureKind::LocalState, format!("nothing was exported to {wanted}: {error}"))
    };
    let name = wanted.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = wanted.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    for number in 1..=EXPORTS {
        let path = match number {
            1 => wanted.to_owned(),
            number => wanted.with_file_name(format!("{name}-{number}{ending}")),
        };
        let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(failed(error)),
        };
        return match write(file, clients) {
            Ok(count) => Ok((count, path)),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(failed(error))
            }
        };
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

fn write<'a>(file: fs::File, clients: impl Iterator<Item = &'a StoredClient>) -> io::Result<usize> {
    let mut writer = csv::Writer::from_writer(BufWriter::new(file));
    writer.write_record(CSV_HEADER)?;
    let mut count = 0;
    for client in clients {
        writer.write_record(csv_row(client))?;
        count += 1;
    }
    let mut buffer = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    buffer.flush()?;
    buffer.get_ref().sync_all()?;
    Ok(count)
}

/// The first clients in use by name, and how many there are.
pub fn first(workspace: &Workspace, id: &ConfigurationId, limit: usize) -> Result<(Vec<StoredClient>, u64), Failure> {
    Ok(workspace.store.first_clients(id, Some(true), limit)?)
}

/// The boards and agents of the last sync.
pub fn lists(workspace: &Workspace, id: &ConfigurationId) -> Result<Lists, Failure> {
    Ok(workspace.store.lists(id)?)
}

/// Whether there was a list, and it went with a store that somebody has deleted.
pub fn were_lost(workspace: &Workspace, id: &ConfigurationId) -> Result<bool, Failure> {
    let (known, published_at) = (workspace.store.health(id)?, workspace.store.published_at(id)?);
    let is_lost = |found: &Finding| found.rule == Rule::StoreLost && found.is_issue() && published_at < found.seen_at;
    Ok(known.iter().any(is_lost))
}

/// Since when the store knows anything, where it has taken the place of another one.
pub fn known_since(workspace: &Workspace, id: &ConfigurationId) -> Result<Option<Timestamp>, Failure> {
    Ok(health::known_since(&workspace.store.health(id)?))
}

/// Refuses to call a list empty whose content was lost with its store: a program would take it for all that there is.
///
/// # Errors
///
/// [`FailureKind::PartlyDone`] with what was lost.
pub fn require_not_lost(workspace: &Workspace, id: &ConfigurationId, what: &str) -> Result<(), Failure> {
    if !were_lost(workspace, id)? {
        return Ok(());
    }
    Err(Failure::new(FailureKind::PartlyDone, format!("{what} was lost with the store, and this one is new"))
        .hint(Hint::from("Restore a backup, or start again: ").next(Next::Sync)))
}

/// Reads the boards, agents and ticket types from Halo now, without a sync.
pub async fn refresh_lists(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
) -> Result<Lists, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    workspace.recognise(&id, &configuration.api)?;
    let halo = workspace.halo(&id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let (agents, teams, types) = (halo.agents().await?, halo.teams().await?, halo.ticket_types().await?);
    let fresh = FreshLists { agents: Some(&agents), teams: Some(&teams), ticket_types: Some(&types) };
    workspace.store.keep_lists(&id, fresh, workspace.now())?;
    lists(workspace, &id)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::client::Client;

    fn client(id: i64, name: &str) -> StoredClient {
        let at: Timestamp = "2026-11-23T04:31:00Z".parse().unwrap();
        let client = Client {
            id,
            name: name.into(),
            toplevel: None,
            main_site: None,
            inactive: false,
            traits: Default::default(),
        };
        StoredClient { client, status: ClientStatus::Active, first_seen: at, last_seen: at }
    }

    #[test]
    fn clients_that_fold_to_one_name_conflict() {
        let mut clients =
            vec![client(1, "Acme  Ltd"), client(2, "ACME Ltd"), client(3, "Acme Limited"), client(4, "acmé ltd")];
        assert_eq!(conflicting(&clients), HashSet::from([1, 2, 4]));
        clients[1].status = ClientStatus::Disabled(DisabledReason::InactiveInHalo);
        clients[3].status = ClientStatus::Disabled(DisabledReason::LeftOut);
        assert_eq!(conflicting(&clients), HashSet::new(), "only those in use");
    }

    /// What is exported is a new file of its owner's, and what a spreadsheet would run is text.
    #[test]
    fn export_never_overwrites_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("acme-clients-2026-11-23.csv");
        // A link that somebody left in the way is not followed.
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("acme-clients-2026-11-23-2.csv")).unwrap();
        let (count, first) = export(&wanted, [client(7, "=cmd()")].iter()).unwrap();
        assert_eq!((count, &first), (1, &wanted));
        let (_, second) = export(&wanted, [client(8, "Northwind")].iter()).unwrap();
        assert_eq!(second.file_name().unwrap().to_str().unwrap(), "acme-clients-2026-11-23-3.csv");
        assert!(!elsewhere.exists());
        let text = fs::read_to_string(&first).unwrap();
        assert!(text.starts_with("id,name,status,") && text.contains("7,'=cmd(),active,"), "{text}");
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
        let failure = export(&folder.path().join("nowhere/clients.csv"), [].iter()).unwrap_err();
        assert!(failure.to_string().contains("nothing was exported"), "{failure}");
    }
}

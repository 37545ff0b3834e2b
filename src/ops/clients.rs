//! The stored client list: offline, searched and sorted.

use std::cmp::Ordering;

use super::Workspace;
use crate::domain::client::{ClientStatus, StoredClient, fold};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those in use.
    Active,
    /// Those kept but not used.
    Disabled,
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
    if let Query { search: None, order: Order::Name, limit: Some(limit), which } = query {
        let in_use = match which {
            Which::Active => Some(true),
            Which::Disabled => Some(false),
            Which::All => None,
        };
        return Ok(workspace.store.first_clients(id, in_use, *limit)?);
    }
    let mut clients = workspace.store.clients(id)?;
    clients.retain(|client| match query.which {
        Which::Active => client.status == ClientStatus::Active,
        Which::Disabled => client.status != ClientStatus::Active,
        Which::All => true,
    });
    if let Some(search) = &query.search {
        let words: Vec<String> = search.split_whitespace().map(fold).collect();
        clients.retain(|client| matches(client, &words));
    }
    match query.order {
        Order::Id => clients.sort_by_key(|client| client.client.id),
        Order::Name => clients.sort_by_cached_key(|client| (fold(client.client.name.raw()), client.client.id)),
    }
    clients.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(clients)
}

fn matches(stored: &StoredClient, words: &[String]) -> bool {
    let client = &stored.client;
    let mut text = fold(client.name.raw());
    for part in [&client.main_site, &client.toplevel].into_iter().flatten() {
        text.push('\n');
        text.push_str(&fold(part.raw()));
    }
    let id = client.id.to_string();
    words.iter().all(|word| text.contains(word.as_str()) || id.cmp(word) == Ordering::Equal)
}

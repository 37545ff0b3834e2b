//! What a shell offers behind an option: read from this person's files, and from nowhere else. Nothing is written, nothing is
//! said, and where anything is wrong nothing is offered.

use std::collections::BTreeSet;

use clap_complete::CompletionCandidate;

use crate::domain::configuration::ConfigurationId;
use crate::domain::health::Rule;
use crate::settings::{Config, Environment, Paths, Settings};
use crate::store::Store;

/// How many runs are offered, the newest; of as many events the tickets are.
const NEWEST: usize = 50;

pub fn configurations() -> Vec<CompletionCandidate> {
    let known = here().map(|(_, _, config)| config.configurations.into_keys().collect::<Vec<_>>());
    known.unwrap_or_default().iter().map(|id| CompletionCandidate::new(id.to_string())).collect()
}

/// The numbers of the last runs.
pub fn runs() -> Vec<CompletionCandidate> {
    let read = |store: &Store, id: &ConfigurationId| store.runs(id, NEWEST).ok();
    let runs = stored(read).unwrap_or_default();
    runs.iter().filter_map(|run| run.run).map(|number| CompletionCandidate::new(number.to_string())).collect()
}

/// The tickets that events were about.
pub fn tickets() -> Vec<CompletionCandidate> {
    let read = |store: &Store, id: &ConfigurationId| store.events(id, None, None, NEWEST).ok();
    let events = stored(read).unwrap_or_default();
    let tickets: BTreeSet<i64> = events.iter().filter_map(|event| event.ticket_id).collect();
    tickets.iter().map(|number| CompletionCandidate::new(number.to_string())).collect()
}

/// The rules of `issues`.
pub fn rules() -> Vec<CompletionCandidate> {
    Rule::ALL.iter().map(|rule| CompletionCandidate::new(rule.code())).collect()
}

fn stored<T>(read: impl FnOnce(&Store, &ConfigurationId) -> Option<T>) -> Option<T> {
    let (environment, paths, config) = here()?;
    let named = named(std::env::args()).or_else(|| environment.text("PIA_HALO_CONFIGURATION").map(str::to_owned));
    let id = named.and_then(|id| ConfigurationId::parse(&id).ok()).or(config.active)?;
    // Nobody who only presses Tab waits for a server.
    if config.store.is_some() {
        return None;
    }
    read(&Store::glimpse(&paths.store()).ok()??, &id)
}

/// The configuration that the line so far names.
fn named(words: impl Iterator<Item = String>) -> Option<String> {
    let words: Vec<String> = words.collect();
    let behind = words.windows(2).find(|pair| pair[0] == "--configuration").map(|pair| pair[1].clone());
    behind.or_else(|| words.iter().find_map(|word| word.strip_prefix("--configuration=")).map(str::to_owned))
}

fn here() -> Option<(Environment, Paths, Config)> {
    let environment = Environment::capture();
    let paths = Paths::from_environment(&environment).ok()?;
    let config = Settings::new(paths.clone()).load().ok()?;
    Some((environment, paths, config))
}

//! Which machines work with a store on a server: whoever is signed in, has come in lately, or has a service there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::services::Seen;
use crate::domain::host::{Host, HostService};

/// Everything that the server knows of them, by their names; each service that is there stands for itself.
pub(in crate::store::database) fn met(
    signed_in: &[String],
    services: &[Seen],
    came_in: &BTreeMap<String, Option<Timestamp>>,
) -> Vec<Host> {
    let of_services = services.iter().map(|seen| &seen.host);
    let names: BTreeSet<&String> = signed_in.iter().chain(of_services).chain(came_in.keys()).collect();
    names.into_iter().flat_map(|name| of_one(name, signed_in.contains(name), services, came_in)).collect()
}

fn of_one(name: &str, signed_in: bool, services: &[Seen], came_in: &BTreeMap<String, Option<Timestamp>>) -> Vec<Host> {
    let its = || services.iter().filter(|seen| seen.host == name);
    let host = |seen: Option<&Seen>, service, last_seen| Host {
        host: name.to_owned(),
        version: seen.map(|seen| seen.version.clone()),
        service,
        signed_in,
        last_seen,
    };
    let running = |seen: &Seen| {
        let service = if seen.leads { HostService::Leads } else { HostService::StandsBy };
        host(Some(seen), service, seen.seen_at())
    };
    let mut there: Vec<Host> = its().filter(|seen| seen.is_there).map(running).collect();
    there.sort_by_key(|host| host.service);
    if there.is_empty() {
        let last = its().max_by_key(|seen| seen.seen_at());
        let heard = last.and_then(Seen::seen_at).max(came_in.get(name).copied().flatten());
        there.push(host(last, HostService::NotRunning, heard));
    }
    there
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str, second: i64, is_there: bool, leads: bool) -> Seen {
        Seen {
            run: format!("{host}{second}"),
            host: host.to_owned(),
            version: "0.1.0".to_owned(),
            seen_at: second * 1_000_000,
            forwards: None,
            is_there,
            leads,
            is_able: true,
        }
    }

    /// One that hangs or has ended is not told as running, and what a host has done since is not older than it.
    #[test]
    fn hosts_are_told_by_what_server_knows_of_them() {
        let at = |second| Timestamp::from_second(second).ok();
        let signed_in = ["jump1", "jump4"].map(str::to_owned);
        let services = [
            service("jump1", 100, true, false),
            service("jump2", 90, true, true),
            service("jump3", 10, false, true),
            service("jump3", 20, false, false),
        ];
        let came_in = [("jump1", 1), ("jump3", 50), ("jump4", 70), ("jump5", 60)];
        let came_in = came_in.into_iter().map(|(host, second)| (host.to_owned(), at(second))).collect();
        let told: Vec<_> = met(&signed_in, &services, &came_in)
            .into_iter()
            .map(|host| (host.is_there(), host.host, host.version.is_some(), host.service, host.last_seen))
            .collect();
        let told_as =
            |is_there, name: &str, version, service, second| (is_there, name.to_owned(), version, service, at(second));
        let expected = [
            told_as(true, "jump1", true, HostService::StandsBy, 100),
            told_as(true, "jump2", true, HostService::Leads, 90),
            told_as(false, "jump3", true, HostService::NotRunning, 50),
            told_as(true, "jump4", false, HostService::NotRunning, 70),
            told_as(false, "jump5", false, HostService::NotRunning, 60),
        ];
        assert_eq!(told, expected);
    }
}

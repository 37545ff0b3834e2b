//! Where the store is, if it is on a server, and who works with it.

use jiff::Timestamp;

use super::time::{ago, moment};
use crate::domain::host::{Host, HostService};
use crate::domain::status::Status;
use crate::domain::untrusted::Untrusted;

/// The server, and how many hosts work with it; none where it is a file of this machine.
pub fn on_server(status: &Status) -> Option<String> {
    let server = server(status.store.as_deref()?);
    Some(match status.hosts.len() {
        0 => server.to_owned(),
        1 => format!("{server}, 1 host"),
        many => format!("{server}, {many} hosts"),
    })
}

/// A server without the name of its database.
pub fn server(named: &str) -> &str {
    named.split_once(", database ").map_or(named, |(server, _)| server)
}

/// That a server cannot be reached, in the few words that have room everywhere.
pub fn away(now: Timestamp, since: Timestamp) -> String {
    format!("store not reached since {}", clock(now, since))
}

/// The same with its name, where something is shown.
pub fn shown_as_of(named: Option<&str>, now: Timestamp, since: Timestamp) -> String {
    let server = server(named.unwrap_or("the store"));
    format!("{server} cannot be reached since {}; shown is what was known then.", clock(now, since))
}

fn clock(now: Timestamp, at: Timestamp) -> String {
    moment(now, at).trim_start_matches("today ").to_owned()
}

/// What a host is called.
pub fn name(host: &Host) -> String {
    Untrusted::new(&host.host).display()
}

/// What is known of a host beside its name.
pub fn host(host: &Host, now: Timestamp) -> String {
    let version = host.version.as_ref().map(|version| format!("{}, ", Untrusted::new(version).display()));
    let service = match host.service {
        HostService::Leads => "leads",
        HostService::StandsBy => "stands by",
        HostService::NotRunning => "service not running",
    };
    let seen = match host.last_seen {
        _ if host.is_there() => ", there now".to_owned(),
        Some(at) => format!(", last seen {}", ago(now, at)),
        None => String::new(),
    };
    format!("{}{service}{seen}", version.unwrap_or_default())
}

//! Where the store is, if it is on a server.

use crate::domain::status::Status;
use crate::domain::untrusted::Untrusted;

/// The server, and the hosts that are signed in there; none where it is a file of this machine.
pub fn on_server(status: &Status) -> Option<String> {
    let hosts: Vec<String> = status.hosts.iter().map(|host| Untrusted::new(host).display()).collect();
    status.store.as_ref().map(|store| format!("{store}, signed in: {}", hosts.join(", ")))
}

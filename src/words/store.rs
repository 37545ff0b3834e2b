//! Where the store is, if it is on a server.

use crate::domain::status::Status;
use crate::domain::untrusted::Untrusted;

/// The server, and the hosts that are signed in there, if any is; none where it is a file of this machine.
pub fn on_server(status: &Status) -> Option<String> {
    let hosts: Vec<String> = status.hosts.iter().map(|host| Untrusted::new(host).display()).collect();
    let signed_in = if hosts.is_empty() { String::new() } else { format!(", signed in: {}", hosts.join(", ")) };
    status.store.as_ref().map(|store| format!("{store}{signed_in}"))
}

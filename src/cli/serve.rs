//! `serve`: the daily sync and the callbacks, until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Call;
use super::args::Serve;
use crate::domain::failure::Failure;
use crate::service::{self, Destination, Options};

/// What is said where others than this machine can connect.
const OPEN: &str = "  other machines can connect to it, and what they send is not encrypted: let only your TLS proxy through \
                    (a firewall), or leave --listen out";

pub(super) async fn run(call: &mut Call, options: Serve) -> Result<u8, Failure> {
    // Nobody sits in front of a service: what it needs has to be there.
    let workspace = call.workspace()?.asking_nobody();
    let forward = match &options.forward_to {
        None => None,
        Some(url) => {
            let (id, _) = workspace.active_configuration(None)?;
            let destination = Destination::new(url, secret_file(call))?;
            // Said now, and not when the first event comes. It is read again for each event: a new one needs no restart.
            destination.signature(&workspace, &id)?;
            if destination.url.scheme() == "https" {
                workspace.require_sound_proxy()?;
            }
            Some(destination)
        }
    };
    let output = &mut call.output;
    let options = Options { listen: options.listen, forward, notify: options.notify_command.map(|command| command.0) };
    let ready = |address: SocketAddr| {
        output.warn(format!("listening on http://{address}"));
        if !address.ip().to_canonical().is_loopback() {
            output.warn(OPEN);
        }
    };
    service::run(workspace, options, call.cancel.clone(), ready).await?;
    Ok(0)
}

/// Where the secret of the signature comes from outside: the file that it is in.
fn secret_file(call: &Call) -> Option<PathBuf> {
    let folder = call.environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credential = folder.map(|folder| folder.join("forward_secret")).filter(|file| file.exists());
    credential.or_else(|| call.environment.get("PIA_HALO_FORWARD_SECRET_FILE").map(PathBuf::from))
}

//! `serve`: the daily sync and the callbacks, until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::args::Serve;
use super::{Call, planned};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::{Workspace, take_over};
use crate::service::{self, Destination, Listen, Options, TellDaily, TellLead};
use crate::settings::{is_there, require_own_command};
use crate::words::service as words;

/// What is said where others than this machine can connect.
const OPEN: &str = "  other machines can connect to it, and this traffic is not encrypted: allow only your TLS proxy \
                    (with a firewall), or omit --listen";

/// How long a start waits for Halo's word on whose the configuration is.
const LOOK: Duration = Duration::from_secs(3);

pub(super) async fn run(call: &mut Call, options: Serve) -> Result<u8, Failure> {
    // Nobody sits in front of a service: what it needs has to be there.
    let workspace = call.workspace()?.asking_nobody().attended(false);
    if call.configuration.is_some() {
        // It serves what is active: another one is refused, and not passed over.
        workspace.active_configuration(call.configuration.as_ref())?;
    }
    if let Some(command) = &options.notify_command {
        require_own_command(&command.0, &call.environment)?;
    }
    // A pager that is not there keeps no callback from coming in.
    let missing = options.notify_command.as_ref().map(|command| &command.0);
    let missing = missing.filter(|command| !is_there(command, &call.environment)).and_then(|command| command.first());
    let missing = missing.map(|program| words::no_notices(program));
    own(call, &workspace, options.owner.take_over).await?;
    let forward = match &options.forward_to {
        None => None,
        Some(url) => {
            let (id, _) = workspace.active_configuration(None)?;
            let destination = Destination::new(url, secret_file(call))?;
            // Said now, and not when the first event comes. It is read again for each event: a new one needs no restart.
            destination.signature(&workspace, &id)?;
            if destination.url.scheme() == "https" {
                workspace.require_sound_proxy()?;
                workspace.require_own_authorities()?;
                workspace.require_usable_authorities()?;
            }
            Some(destination)
        }
    };
    let time = workspace.active()?.map(|(_, own)| own.company_sync.daily_sync_time);
    let to = forward.as_ref().map(|destination| destination.url.origin().ascii_serialization());
    let about = words::serving(time, to.as_deref(), workspace.now());
    // What each daily sync would be refused for is said while somebody looks on. Callbacks come in all the same.
    let refused = workspace.active()?.and_then(|(id, own)| workspace.require_connectable(&id, &own.api).err());
    let output = &mut call.output;
    let listen = handed(options.listen)?;
    let tell = output.is_attended().then_some(say as TellDaily);
    let tell_lead = output.is_attended().then_some(say_who_leads as TellLead);
    let notify = options.notify_command.map(|command| command.0);
    let options = Options { listen, forward, notify, tell, tell_lead };
    let ready = |address: SocketAddr| {
        if output.json {
            // Whoever reads it no more has heard it on standard error.
            _ = output.object(&json!({ "url": format!("http://{address}") }));
        }
        output.warn(format!("listening on http://{address}"));
        if !address.ip().to_canonical().is_loopback() {
            output.warn(OPEN);
        }
        missing.iter().for_each(|words| output.warn(format!("  {words}")));
        if let Some(failure) = &refused {
            output.warn(format!("  {}", words::refused(failure)));
        }
        about.iter().for_each(|line| output.tell(format!("  {line}")));
    };
    service::run(workspace, options, call.cancel.clone(), ready).await?;
    call.output.tell(words::ENDED);
    Ok(0)
}

fn say(time: Option<DailySyncTime>, now: Timestamp) {
    super::output::tell(&format!("  {}", words::daily(time, now)));
}

fn say_who_leads(leader: Option<&str>) {
    super::output::tell(&format!("  {}", words::leads(leader)));
}

/// The socket that systemd has handed over; without one, the address is listened on.
fn handed(listen: SocketAddr) -> Result<Listen, Failure> {
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::new(FailureKind::LocalState, format!("cannot listen on the socket passed by systemd: {why}"))
            .hint("pia-halo.socket needs one ListenStream with an address and a port")
    };
    let mut handed = listenfd::ListenFd::from_env();
    match handed.len() {
        0 => Ok(Listen::At(listen)),
        1 => {
            let socket = handed.take_tcp_listener(0).map_err(|error| unusable(&error))?;
            Ok(socket.map_or(Listen::At(listen), Listen::Handed))
        }
        many => Err(unusable(&format!("{many} sockets"))),
    }
}

/// Where the secret of the signature comes from outside: the file that it is in.
pub(super) fn secret_file(call: &Call) -> Option<PathBuf> {
    let folder = call.environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credential = folder.map(|folder| folder.join("forward_secret")).filter(|file| file.exists());
    credential.or_else(|| call.environment.get("PIA_HALO_FORWARD_SECRET_FILE").map(PathBuf::from))
}

/// Refuses to serve what belongs to another machine, or takes it over. Where Halo does not say so soon, the service finds out.
async fn own(call: &Call, workspace: &Workspace, take_over: bool) -> Result<(), Failure> {
    let active = workspace.active()?;
    let Some((id, configuration)) = active.filter(|(_, own)| own.integration.pia_url.is_some()) else { return Ok(()) };
    let look = take_over::look(workspace, &id, &configuration, call.cancel.clone());
    let Ok(Ok(belongs)) = tokio::time::timeout(LOOK, look).await else { return Ok(()) };
    let mut agreed = workspace.clone().taking_over(take_over);
    planned::take_over(call, &mut agreed, &belongs)?;
    match belongs.other() {
        Some(_) => take_over::take_over(&agreed, &id, &configuration, call.cancel.clone()).await,
        None => Ok(()),
    }
}

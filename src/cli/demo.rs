//! `demo`: the program against a simulated Halo, on a profile that is thrown away.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Call;
use super::args::Demo;
use super::interactive::{self, ForDemo};
use crate::demo::{Fault, Options, SimulatedHalo};
use crate::domain::draft::Draft;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::FieldId;
use crate::domain::next::{Hint, Next};
use crate::ops::Workspace;
use crate::service;
use crate::settings::Paths;
use crate::tui::plain::Goal;

pub(super) async fn run(call: &mut Call, options: Demo, no_colour: bool) -> Result<u8, Failure> {
    if options.list_faults {
        return list_faults(call);
    }
    if !options.serve && !crate::tui::session::has_terminal() {
        return Err(Failure::new(FailureKind::Usage, "the demo needs a terminal")
            .hint(Hint::from("To run the simulated Halo alone: ").next(Next::DemoServe)));
    }
    let halo = SimulatedHalo::start(Options {
        clients: options.clients,
        seed: options.seed,
        latency: Duration::from_millis(options.latency_ms),
        rate_limit: options.rate_limit.filled(),
        listen: options.listen,
        faults: options.fault.iter().copied().collect(),
    })
    .await
    .map_err(|error| {
        Failure::new(FailureKind::Usage, format!("the simulated Halo cannot listen on {}: {error}", options.listen))
    })?;
    if options.serve { serve(call, &halo).await } else { try_out(call, &halo, no_colour).await }
}

fn list_faults(call: &mut Call) -> Result<u8, Failure> {
    if call.output.json {
        let faults: Vec<_> =
            Fault::all().map(|fault| json!({ "name": fault.name(), "imitates": fault.describe() })).collect();
        call.output.object(&faults)?;
        return Ok(0);
    }
    for fault in Fault::all() {
        call.output.line(format!("{:<28} {}", fault.name(), fault.describe()));
    }
    Ok(0)
}

async fn serve(call: &mut Call, halo: &SimulatedHalo) -> Result<u8, Failure> {
    call.output.object(&json!({
        "url": halo.url(),
        "client_id": halo.client_id(),
        "client_secret": halo.client_secret(),
        "tenant": halo.tenant(),
        "control": halo.control(),
    }))?;
    // Without the line nobody can find it.
    if !call.output.is_unread() {
        call.cancel.cancelled().await;
    }
    Ok(0)
}

/// The terminal interface on a profile of its own, with the simulated Halo's credentials at hand.
async fn try_out(call: &mut Call, halo: &SimulatedHalo, no_colour: bool) -> Result<u8, Failure> {
    let profile = tempfile::Builder::new().prefix("pia-halo-demo-").tempdir().map_err(|error| {
        Failure::new(FailureKind::LocalState, format!("no place for a throw-away profile: {error}"))
    })?;
    // The secret comes from outside, as on a host with PIA_HALO_CLIENT_SECRET: used, and not written anywhere.
    let environment = call.environment.with("PIA_HALO_CLIENT_SECRET", halo.client_secret());
    let environment = environment.without("PIA_HALO_CLIENT_SECRET_FILE").without("CREDENTIALS_DIRECTORY");
    call.environment = environment;
    let workspace = call.workspace_below(Paths::below(profile.path()))?;
    let service = Beside::begin(workspace.clone(), (Ipv4Addr::LOCALHOST, 0).into(), &call.cancel).await;
    let demo = begin_with(halo, service.as_ref().map(|service| service.address));
    let ended = if call.plain {
        interactive::in_lines(workspace, Some(demo), Goal::Everything).await
    } else {
        interactive::with(workspace, call, no_colour, Some(demo)).await
    };
    if let Some(service) = service {
        service.end(GOODBYE).await;
    }
    ended
}

/// What the fields begin with. Where no service could begin, nothing arrives, and nobody is told how to try it.
fn begin_with(halo: &SimulatedHalo, service: Option<SocketAddr>) -> ForDemo {
    let tip = format!("Make a ticket in the simulated Halo: curl -X POST {}", halo.control());
    let pia = service.map_or("https://pia.demo.example".to_owned(), |address| format!("http://{address}"));
    let prefill = Draft::default()
        .with(FieldId::Name, "Demo")
        .with(FieldId::Url, halo.url())
        .with(FieldId::ClientId, halo.client_id())
        .with(FieldId::PiaUrl, pia);
    ForDemo { prefill, tip: service.map(|_| tip) }
}

/// How long the service may take to end once the person has left. What it is at then is stopped: the profile is thrown
/// away.
const GOODBYE: Duration = Duration::from_millis(500);

/// The service, run beside the interface on the same profile: what `serve` is on a machine of one's own. On a thread and a
/// runtime of its own, so that nothing that it waits for holds up the keys.
struct Beside {
    address: SocketAddr,
    cancel: CancellationToken,
    ended: oneshot::Receiver<Result<(), Failure>>,
}

impl Beside {
    /// Begins it, and returns when callbacks are taken; none where it cannot begin, which holds up nobody.
    async fn begin(workspace: Workspace, listen: SocketAddr, until: &CancellationToken) -> Option<Self> {
        let cancel = until.child_token();
        let (ready, address) = oneshot::channel();
        let listen = service::Listen::At(listen);
        let options = service::Options { listen, forward: None, notify: None, tell: None, tell_lead: None };
        let run = service::run(workspace.asking_nobody(), options, cancel.clone(), move |address| {
            // Whoever asked may have left.
            let _ = ready.send(address);
        });
        let (tell, mut ended) = oneshot::channel();
        let on_its_own = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::new(FailureKind::LocalState, error.to_string()));
            let _ = tell.send(runtime.and_then(|runtime| runtime.block_on(run)));
        };
        std::thread::Builder::new().name("service".to_owned()).spawn(on_its_own).ok()?;
        tokio::select! {
            Ok(address) = address => Some(Self { address, cancel, ended }),
            ended = &mut ended => {
                let why = ended.map(|ended| ended.err().map(|failure| failure.to_string()));
                tracing::warn!(?why, "the demo continues without the service: no callbacks arrive");
                None
            }
        }
    }

    /// Says whether it ended by itself in this time; what it is at otherwise ends with the program.
    async fn end(self, patience: Duration) -> bool {
        self.cancel.cancel();
        let in_time = tokio::time::timeout(patience, self.ended).await.is_ok();
        if !in_time {
            tracing::warn!("the service of the demo did not stop in time");
        }
        in_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::SystemClock;
    use crate::settings::Environment;
    use std::sync::Arc;

    fn workspace(folder: &tempfile::TempDir) -> Workspace {
        let environment = Environment::from_pairs(Vec::<(String, String)>::new());
        Workspace::open(Paths::below(folder.path()), environment, Arc::new(SystemClock)).unwrap()
    }

    #[tokio::test]
    async fn demo_goes_on_where_no_service_can_listen() {
        let halo = SimulatedHalo::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let taken = halo.url().trim_start_matches("http://").parse().unwrap();
        assert!(Beside::begin(workspace(&folder), taken, &CancellationToken::new()).await.is_none());
        let demo = begin_with(&halo, None);
        assert_eq!((demo.prefill.text(FieldId::PiaUrl), demo.tip), ("https://pia.demo.example", None));
    }

    #[tokio::test]
    async fn demo_service_ends_with_connection_open() {
        let halo = SimulatedHalo::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let service = Beside::begin(workspace(&folder), listen, &CancellationToken::new()).await.unwrap();
        let demo = begin_with(&halo, Some(service.address));
        assert_eq!(demo.prefill.text(FieldId::PiaUrl), format!("http://{}", service.address));
        assert!(demo.tip.unwrap().ends_with(&format!("curl -X POST {}/control/tickets", halo.url())));
        let silent = tokio::net::TcpStream::connect(service.address).await.unwrap();
        // Whoever leaves waits for `GOODBYE` alone; how long it takes beyond that is the machine's.
        assert!(service.end(Duration::from_secs(60)).await, "it ended by itself");
        drop(silent);
    }

    #[test]
    fn demo_has_rate_limit_unless_it_is_switched_off() {
        use crate::cli::args::{Arguments, Command};
        use clap::Parser;

        let limit = |more: &[&str]| {
            let parsed = Arguments::try_parse_from([&["pia-halo", "demo"], more].concat()).unwrap();
            let Some(Command::Demo(demo)) = parsed.command else { panic!("another command") };
            demo.rate_limit.filled()
        };
        assert!(limit(&[]).is_some() && limit(&["--rate-limit", "0"]).is_none());
    }
}

//! `demo`: the program against a simulated Halo, on a profile that is thrown away.

use std::time::Duration;

use serde_json::json;

use super::Call;
use super::args::Demo;
use super::interactive::{self, ForDemo};
use crate::demo::{Fault, Options, SimulatedHalo};
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::{Failure, FailureKind};
use crate::settings::Paths;
use crate::tui::plain::Goal;

pub(super) async fn run(call: &mut Call, options: Demo, no_colour: bool) -> Result<u8, Failure> {
    if options.list_faults {
        return list_faults(call);
    }
    if !options.serve && !crate::tui::session::has_terminal() {
        return Err(Failure::new(FailureKind::Usage, "the demo needs a terminal")
            .hint("pia-halo demo --serve runs the simulated Halo alone"));
    }
    let halo = SimulatedHalo::start(Options {
        clients: options.clients,
        seed: options.seed,
        latency: Duration::from_millis(options.latency_ms),
        rate_limit: options.rate_limit,
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
    call.cancel.cancelled().await;
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
    let prefill = Draft {
        step: Step::Checklist,
        name: "Demo".to_owned(),
        url: halo.url().to_owned(),
        client_id: halo.client_id().to_owned(),
        daily_sync_time: "04:30".to_owned(),
        pia_url: "https://pia.demo.example".to_owned(),
        ..Draft::default()
    };
    let tip = format!("Make a ticket in the simulated Halo: curl -X POST {}", halo.control());
    let demo = ForDemo { prefill, tip: Some(tip) };
    if call.plain {
        return interactive::in_lines(workspace, Some(demo), Goal::Everything).await;
    }
    interactive::with(workspace, call, no_colour, Some(demo)).await
}

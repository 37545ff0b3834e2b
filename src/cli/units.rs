//! `service`: the service under systemd, installed, looked at and removed.

use std::io;
use std::path::Path;

use serde_json::json;

use super::args::Service;
use super::{Call, prompt};
use crate::domain::exit_code;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::ops::units::{self, Step, execute};
use crate::words::{self, Tone};

pub(super) fn run(call: &mut Call, service: &Service) -> Result<u8, Failure> {
    let root = Path::new("/");
    if !units::is_there(root) {
        return Err(Failure::new(FailureKind::LocalState, "systemd does not run on this machine")
            .hint(format!("let your own supervisor keep {} running", Next::Serve)));
    }
    let (steps, yes, done) = match service {
        Service::Status => return status(call, root),
        Service::Install(options) => {
            let program = std::env::current_exe().map_err(|error| failed(&error))?;
            (units::installation(root, &program), options.yes, "installed")
        }
        Service::Remove(options) => (units::removal(root), options.yes, "removed"),
    };
    if steps.is_empty() {
        return tell(call, "nothing_to_do", "The service is not installed", &steps);
    }
    if !yes {
        agree(call, &steps)?;
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::new(FailureKind::Usage, "units are root's: nothing was changed")
            .hint(format!("run it with sudo: sudo {}", Next::InstallService)));
    }
    units::carry_out(&steps, &execute)?;
    let code = tell(call, done, &format!("The service is {done}"), &steps)?;
    if done == "installed" && !units::is_set_up(root) {
        call.output.say(words::service::set_up_next());
    }
    Ok(code)
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(FailureKind::LocalState, format!("this program cannot tell where it is: {error}"))
}

fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

/// Shows every step, and asks; every file can be read before it is written.
fn agree(call: &mut Call, steps: &[Step]) -> Result<(), Failure> {
    if !call.can_ask() {
        let message = format!("not confirmed; this would be done:\n{}", lines(steps).join("\n"));
        return Err(Failure::new(FailureKind::NeedsYes, message).hint("confirm with --yes; nothing was changed"));
    }
    for step in steps {
        call.output.line(step.to_string());
        if let Step::Write { text, .. } = step {
            text.lines().for_each(|line| call.output.line(format!("    {line}")));
        }
    }
    if prompt::yes("Do all this?") {
        return Ok(());
    }
    Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was changed"))
}

fn tell(call: &mut Call, status: &str, words: &str, steps: &[Step]) -> Result<u8, Failure> {
    if call.output.json {
        call.output.object(&json!({ "status": status, "steps": lines(steps) }))?;
    } else {
        call.output.line(words);
    }
    Ok(0)
}

fn status(call: &mut Call, root: &Path) -> Result<u8, Failure> {
    let found = units::installed(root, &execute);
    let runs = found.runs();
    if call.output.json {
        call.output.object(&json!({ "ok": runs, "service": found }))?;
        return Ok(if runs { 0 } else { exit_code::PENDING });
    }
    let mark = call.output.sign(if runs { Tone::Good } else { Tone::Bad });
    let there = if found.installed { "installed" } else { "not installed" };
    call.output.line(format!("{mark} pia-halo.service: {there}, {}, {}", found.enabled, found.active));
    if found.timer == "active" {
        call.output.line("  pia-halo-sync.timer runs the daily sync; nobody receives Halo's callbacks");
    }
    if !runs {
        call.output.say(format!("To install and start it: sudo {}", Next::InstallService));
    }
    Ok(if runs { 0 } else { exit_code::PENDING })
}

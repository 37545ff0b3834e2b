//! `support`: what helps somebody else, shown before it is written.

use std::path::PathBuf;

use serde_json::json;

use super::args::Support;
use super::{Call, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::thousands;
use crate::ops::support::{self, Document};

pub(super) async fn run(call: &mut Call, options: Support) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let chosen = match workspace.configuration(call.configuration.as_ref()) {
        Ok((id, configuration, _)) => Some((id, configuration)),
        Err(failure) if call.configuration.is_some() => return Err(failure),
        // Without one, the rest is of use all the more.
        Err(_) => None,
    };
    let now = workspace.now();
    let usual = || PathBuf::from(format!("pia-halo-support-{}.tar.gz", now.strftime("%Y%m%dT%H%M%SZ")));
    let path = options.file.unwrap_or_else(usual);
    if !options.list && (options.consent.yes || call.can_ask()) {
        support::require_writable(&path)?;
    }
    let output = std::sync::Mutex::new(&mut call.output);
    let tell = |what: &str| output.lock().unwrap_or_else(std::sync::PoisonError::into_inner).progress(what);
    let files = support::collect(&workspace, chosen, call.cancel.clone(), tell).await;
    let list: Vec<_> = files.iter().map(|file| json!({ "name": file.name, "bytes": file.text.len() })).collect();
    if options.list {
        return match call.output.json {
            true => call.output.object(&json!({ "status": "listed", "files": files })).map(|()| 0),
            false => {
                files.iter().for_each(|file| show(call, file));
                Ok(0)
            }
        };
    }
    if !options.consent.yes {
        let names: Vec<_> = files.iter().map(|file| file.name).collect();
        let question = format!("{} would hold {}", path.display(), names.join(", "));
        if !call.can_ask() {
            return Err(Failure::new(FailureKind::NeedsYes, question)
                .hint("confirm with --yes; --list shows every file; nothing was written"));
        }
        files.iter().for_each(|file| show(call, file));
        if !prompt::yes(&format!("Write these {} files into {}?", files.len(), path.display())) {
            return Err(Failure::new(FailureKind::NeedsYes, "nothing was written"));
        }
    }
    support::write(&path, &files, now)?;
    if call.output.json {
        call.output.object(&json!({ "status": "written", "file": path, "files": list }))?;
    } else {
        call.output.line(format!("{} written, without secrets", path.display()));
    }
    Ok(0)
}

fn show(call: &mut Call, file: &Document) {
    call.output.line(format!("--- {} ({} bytes)", file.name, thousands(file.text.len() as u64)));
    file.text.lines().for_each(|line| call.output.line(line));
}

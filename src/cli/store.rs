//! `store`: the database as a whole.

use serde_json::json;

use super::args::{Copy, StoreKey, StoreStatus};
use super::{Call, off_the_threads, prompt};
use crate::coordination::Holder;
use crate::domain::calendar::whole;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops::sharing::Fit;
use crate::ops::transfer::{Server, Status, in_words, saved, status_here};
use crate::ops::{self, Clock as _, SystemClock};
use crate::settings::Paths;

pub(super) async fn copy(call: &mut Call, options: &Copy) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let url = options.to.as_ref().or(options.from.as_ref()).cloned().unwrap_or_default();
    let (environment, cancel) = (call.environment.clone(), call.cancel.clone());
    let sign_in = move || {
        let mut server = Server::open(&url, &paths, &environment, &cancel)?;
        let holds = server.holds()?;
        Ok((server, holds))
    };
    let (mut server, holds) = off_the_threads(sign_in).await?;
    let shown = server.shown().to_owned();
    let switch = options.switch;
    let (proof, aside) = if options.to.is_some() {
        if let Some(holds) = holds.as_ref().filter(|_| !options.consent.yes) {
            let held = format!("{shown} holds {}", in_words(holds));
            if !call.can_ask() {
                let message = format!("{held}, which would be replaced");
                return Err(
                    Failure::new(FailureKind::NeedsYes, message).hint("confirm with --yes; nothing was changed")
                );
            }
            if !prompt::yes(&format!("{held}. Replace it?")) {
                return Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was changed"));
            }
        }
        let is_asked = !options.consent.yes;
        let agreed = is_asked.then_some(holds);
        let take = move || match switch {
            true => server.take_and_switch(agreed.as_ref(), SystemClock.now()),
            false => server.take(agreed.as_ref(), SystemClock.now()).map(|proof| (proof, None)),
        };
        off_the_threads(take).await?
    } else {
        let give = move || match switch {
            true => server.give_and_switch(SystemClock.now()),
            false => server.give(SystemClock.now()),
        };
        (off_the_threads(give).await?, None)
    };
    let rows: u64 = proof.tables.iter().map(|table| table.rows).sum();
    if call.output.json {
        let direction = if options.to.is_some() { "to" } else { "from" };
        call.output.object(&json!({
            "status": "done", "direction": direction, "server": shown, "proof": proof,
            "switched": switch, "set_aside": aside,
        }))?;
        return Ok(0);
    }
    let rows = format!("{} rows", thousands(rows));
    if options.to.is_some() {
        call.output.line(format!("{rows} copied to {shown}, and compared"));
        if !switch {
            call.output.say("This machine goes on with its own store; what happens from now on is not in the copy.");
        }
    } else {
        call.output.line(format!("{rows} copied from {shown}, and compared"));
    }
    if switch {
        let place = if options.to.is_some() { format!("on {shown}") } else { "in a file of this machine".to_owned() };
        call.output.line(format!("From now on the store is {place}"));
    }
    if let Some(folder) = aside {
        call.output.say(format!("The file that it was in before was moved to {}", folder.display()));
    }
    Ok(0)
}

pub(super) async fn status(call: &mut Call, options: StoreStatus) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let (environment, cancel) = (call.environment.clone(), call.cancel.clone());
    let look = move || match options.of {
        Some(url) => Server::open(&url, &paths, &environment, &cancel)?.status(),
        None => status_here(&paths, &environment, &cancel),
    };
    let Status { figures, copying } = off_the_threads(look).await?;
    let Some(figures) = figures else {
        if call.output.json {
            call.output.object(&json!({ "status": "none" }))?;
        } else {
            call.output.line("There is no store");
        }
        return Ok(0);
    };
    let (engine, version) = &figures.engine;
    if call.output.json {
        let holds = figures.held.as_ref().map(|held| {
            let copied = held.copied.as_ref().map(|(host, at)| json!({ "host": host, "at": whole(*at) }));
            json!({ "clients": held.clients, "events": held.events, "others": held.others, "copied": copied })
        });
        call.output.object(&json!({
            "status": "found",
            "engine": engine,
            "engine_version": version,
            "place": figures.place,
            "form": figures.form,
            "bytes": figures.bytes,
            "holds": holds,
            "hosts": figures.hosts,
            "copying": copying.map(|whoever| match whoever.0 {
                Some(holder) => json!(Holder { since: whole(holder.since), ..holder }),
                None => json!("unknown"),
            }),
        }))?;
        return Ok(0);
    }
    let mut line = |what: &str, is: String| call.output.line(format!("{what:<8} {is}"));
    line("engine", format!("{engine} {version}"));
    line("place", figures.place);
    line("form", figures.form.map_or("none yet".to_owned(), |form| format!("version {form}")));
    line("size", format!("{} kB", thousands(figures.bytes.div_ceil(1_000))));
    line("holds", figures.held.as_ref().map_or("nothing".to_owned(), in_words));
    if !figures.hosts.is_empty() {
        let shown: Vec<String> = figures.hosts.iter().map(|host| Untrusted::new(host).display()).collect();
        line("hosts", shown.join(", "));
    }
    if let Some(whoever) = copying {
        line("now", whoever.to_string());
    }
    Ok(0)
}

pub(super) async fn init(call: &mut Call) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let (environment, cancel) = (call.environment.clone(), call.cancel.clone());
    let make = move || {
        let before = saved(&paths, &environment, &cancel)?.make()?;
        Ok((before, saved(&paths, &environment, &cancel)?.status()?.figures))
    };
    let (before, figures) = off_the_threads(make).await?;
    let (place, form) = figures.map_or_else(Default::default, |figures| (figures.place, figures.form));
    let status = match before {
        None => "made",
        Some(_) if before < form => "upgraded",
        Some(_) => "nothing_to_do",
    };
    if call.output.json {
        call.output.object(&json!({ "status": status, "place": place, "form": form }))?;
        return Ok(0);
    }
    call.output.line(match status {
        "made" => format!("The store was made in {place}"),
        "upgraded" => format!("The store in {place} was brought up to date"),
        _ => format!("There is a store in {place} already; nothing was changed"),
    });
    Ok(0)
}

pub(super) async fn key(call: &mut Call, options: &StoreKey) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let file = paths.store_key();
    if options.new && !options.consent.yes {
        let message = "this forgets the callback token and password, and what forwarded events are signed with";
        if !call.can_ask() {
            return Err(Failure::new(FailureKind::NeedsYes, message).hint("confirm with --yes; nothing was changed"));
        }
        call.output.warn(message);
        if !prompt::yes("Make a new key?") {
            return Err(Failure::new(FailureKind::NeedsYes, "nothing was changed"));
        }
    }
    let (environment, is_new) = (call.environment.clone(), options.new);
    let (fit, fingerprint) = off_the_threads(move || match is_new {
        true => ops::sharing::new_key(&paths, &environment).map(|fingerprint| (Fit::Fits, Some(fingerprint))),
        false => ops::sharing::key(&paths, &environment),
    })
    .await?;
    let status = match fit {
        Fit::Fits if is_new => "made",
        Fit::Fits => "fits",
        Fit::NothingSealed => "nothing_sealed",
    };
    if call.output.json {
        call.output.object(&json!({ "status": status, "file": file, "fingerprint": fingerprint }))?;
        return Ok(0);
    }
    let fingerprint = fingerprint.unwrap_or_else(|| "none".to_owned());
    call.output.line(match fit {
        Fit::Fits if is_new => "A new key was made, and what was sealed with the old one is forgotten",
        Fit::Fits => "This host holds the key that the secrets in the store are sealed with",
        Fit::NothingSealed => "Nothing is sealed: the settings and secrets are files of this host",
    });
    call.output.line(format!("{:<12} {}", "file", file.display()));
    call.output.line(format!("{:<12} {fingerprint}", "fingerprint"));
    if is_new {
        call.output.say("Copy the file to every other host.");
        call.output.say(format!("To make a new callback token: {}; then: {}", Next::SetupAnswers, Next::Configure));
    }
    Ok(0)
}

pub(super) fn set_aside(call: &mut Call) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let folder = ops::aside::set_aside(&paths, &call.environment, SystemClock.now())?;
    if call.output.json {
        let status = if folder.is_some() { "set_aside" } else { "nothing_to_do" };
        call.output.object(&json!({ "status": status, "folder": folder }))?;
        return Ok(0);
    }
    match folder {
        Some(folder) => {
            call.output.line(format!("The store was moved to {}, with all its events", folder.display()));
            call.output.say(format!("To fill a new one: {}", Next::Sync));
            call.output.say(format!("To see what is in Halo, and whether Configure has to run again: {}", Next::Plan));
        }
        None => call.output.line("There is no store"),
    }
    Ok(0)
}

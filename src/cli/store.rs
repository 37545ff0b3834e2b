//! `store`: the database as a whole.

use serde_json::{Value, json};

use super::args::{Copy, StoreKey, StoreStatus};
use super::{Call, off_the_threads, prompt};
use crate::coordination::{Holder, Whoever};
use crate::domain::calendar::whole;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops::sharing::Fit;
use crate::ops::transfer::{Server, Status, in_words, saved, status_here};
use crate::ops::{self, Clock as _, SystemClock};
use crate::settings::Paths;
use crate::words;

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
    let Status { figures, copying, at_work } = off_the_threads(look).await?;
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
            let settings = held.settings.as_ref().map(|(by, host)| json!({ "by": by, "host": host }));
            json!({
                "clients": held.clients, "events": held.events, "others": held.others, "copied": copied,
                "settings": settings,
            })
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
            "copying": copying.map(in_json),
            "at_work": at_work.into_iter().map(in_json).collect::<Vec<_>>(),
        }))?;
        return Ok(0);
    }
    let mut line = |what: &str, is: String| call.output.line(format!("{what:<8} {is}"));
    line("engine", format!("{engine} {version}"));
    line("place", figures.place);
    line("form", figures.form.map_or("none yet".to_owned(), |form| format!("version {form}")));
    line("size", format!("{} kB", thousands(figures.bytes.div_ceil(1_000))));
    line("holds", figures.held.as_ref().map_or("nothing".to_owned(), in_words));
    for (number, host) in figures.hosts.iter().enumerate() {
        let known = words::store::host(host, SystemClock.now());
        line(if number == 0 { "hosts" } else { "" }, format!("{}: {known}", words::store::name(host)));
    }
    for whoever in at_work {
        line("now", whoever.to_string());
    }
    Ok(0)
}

fn in_json(whoever: Whoever) -> Value {
    match whoever.0 {
        Some(holder) => {
            let (since, run, installation) = (whole(holder.since), String::new(), String::new());
            json!(Holder { since, listens: None, run, installation, ..holder })
        }
        None => json!("unknown"),
    }
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
    let seen = if options.new { agreed_to_new_key(call, &paths, options).await? } else { None };
    let (environment, is_new) = (call.environment.clone(), options.new);
    let (fit, fingerprint, kept) = off_the_threads(move || match is_new {
        true => ops::sharing::new_key(&paths, &environment, seen.as_deref(), SystemClock.now())
            .map(|(fingerprint, kept)| (Fit::Fits, Some(fingerprint), Some(kept))),
        false => ops::sharing::key(&paths, &environment).map(|(fit, fingerprint)| (fit, fingerprint, None)),
    })
    .await?;
    let status = match fit {
        Fit::Fits if is_new => "made",
        Fit::Fits => "fits",
        Fit::NothingSealed => "nothing_sealed",
    };
    if call.output.json {
        let answer = json!({ "status": status, "file": file, "fingerprint": fingerprint, "secrets_kept": kept });
        call.output.object(&answer)?;
        return Ok(0);
    }
    let fingerprint = fingerprint.unwrap_or_else(|| "none".to_owned());
    call.output.line(match (fit, kept) {
        (_, Some(true)) => "A new key was made, and everything is sealed and signed with it",
        (_, Some(false)) => "A new key was made, and what was sealed with the old one is forgotten",
        (Fit::Fits, None) => "This host holds the key that the secrets in the store are sealed with",
        (Fit::NothingSealed, None) => "Nothing is sealed: the settings and secrets are files of this host",
    });
    call.output.line(format!("{:<12} {}", "file", file.display()));
    call.output.line(format!("{:<12} {fingerprint}", "fingerprint"));
    if is_new {
        call.output.say("Copy the file to every other host.");
    }
    if kept == Some(false) {
        call.output.say(format!("To make a new callback token: {}; then: {}", Next::SetupAnswers, Next::Configure));
    }
    Ok(0)
}

/// Asks before a new key is made. Answers with the configurations that a person has seen, or wants signed unseen.
async fn agreed_to_new_key(call: &mut Call, paths: &Paths, options: &StoreKey) -> Result<Option<String>, Failure> {
    let needs_yes = |message: &str, hint: &str| Failure::new(FailureKind::NeedsYes, message).hint(hint.to_owned());
    if !options.consent.yes && !call.can_ask() {
        let message = "with a new key, every other host needs a copy of it, and can do nothing until then";
        return Err(needs_yes(message, "confirm with --yes; nothing was changed"));
    }
    let (paths, environment) = (paths.clone(), call.environment.clone());
    let unverified = off_the_threads(move || ops::sharing::unverified(&paths, &environment)).await?;
    if options.consent.yes {
        let is_agreed = unverified.is_none() || options.unverified;
        let message =
            "no key of this host tells who has written the configurations in the store; a person has to see them";
        let hint = "run it without --yes in a terminal; to sign them unseen, add --unverified; nothing was changed";
        return if is_agreed { Ok(unverified) } else { Err(needs_yes(message, hint)) };
    }
    let question = match &unverified {
        None => "Make a new key? Every other host needs a copy of it, and can do nothing until then.",
        Some(text) => {
            text.lines().for_each(|line| call.output.line(Untrusted::new(line).display()));
            call.output
                .warn("no key of this host tells who has written that; secrets that it cannot open are forgotten");
            "Is it all as it should be? Then it is signed with a new key."
        }
    };
    match prompt::yes(question) {
        true => Ok(unverified),
        false => Err(Failure::new(FailureKind::NeedsYes, "nothing was changed")),
    }
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

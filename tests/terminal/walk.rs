//! The set-up in a real terminal, and what is left of it when it is cut off.

use std::time::Duration;

use pia_halo::demo::Options;
use rustix::process::Signal;

use super::sequences::assert_only_known_sequences;
use crate::commands::holds_exactly_our_objects;
use crate::secrecy::{forms, secrets_of};
use crate::support::Profile;
use crate::support::pty::{Start, key};
use crate::support::walk::{self, Person};

/// Every screen that stood there after a frame.
pub fn screens(raw: &[u8], columns: u16, rows: u16) -> Vec<String> {
    let mut parser = vt100::Parser::new(rows, columns, 0);
    let end = b"\x1b[?2026l";
    let mut from = 0;
    let ends: Vec<usize> = (0..raw.len()).filter(|at| raw[*at..].starts_with(end)).map(|at| at + end.len()).collect();
    ends.into_iter()
        .map(|to| {
            parser.process(&raw[from..to]);
            from = to;
            parser.screen().contents()
        })
        .collect()
}

fn assert_shows_none_of(raw: &[u8], (columns, rows): (u16, u16), secrets: &[String]) {
    // Without blanks, so that a broken line hides nothing.
    let screens = screens(raw, columns, rows).into_iter().map(|screen| screen.split_whitespace().collect::<String>());
    let screens: Vec<String> = screens.collect();
    let text = String::from_utf8_lossy(raw);
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(!text.contains(&form), "a secret was sent to the terminal");
        assert!(screens.iter().all(|screen| !screen.contains(&form)), "a secret was on a screen");
    }
}

/// The whole set-up with the real binary in a terminal of 80 by 24, against a Halo whose names are hostile.
#[tokio::test(flavor = "multi_thread")]
async fn whole_walk_in_real_terminal_keeps_its_promises() {
    let profile = Profile::new().await;
    profile.halo.set_fault("hostile-text".parse().unwrap(), true);
    let before = profile.halo.snapshot();
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut pty).await;
    walk::to_save(&mut pty).await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(25));
    walk::save(&mut pty).await;
    walk::configure(&mut pty).await;
    pty.press("2").await;
    pty.sees("of 237").await;
    pty.press("Esc").await;
    // Of this Halo's teams none is called as it was typed.
    pty.sees("Almost finished").await;
    pty.press("q").await;
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    holds_exactly_our_objects(&before, &profile.halo.snapshot());

    let raw = pty.raw();
    assert_only_known_sequences(&raw);
    let secrets = secrets_of(&profile);
    assert_eq!(secrets.len(), 4, "client secret, token, password, and the simulated Halo's own");
    assert_shows_none_of(&raw, (80, 24), &secrets);
}

/// S41: nobody said goodbye, and the set-up is found again all the same, at its step.
#[tokio::test(flavor = "multi_thread")]
async fn killed_set_up_is_found_again() {
    let profile = Profile::with(Options { clients: 30, ..Options::default() }).await;
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut pty).await;
    let draft = profile.folder.path().join("state/pia-halo/draft.toml");
    let is_kept = || std::fs::read_to_string(&draft).is_ok_and(|text| text.contains("company-sync"));
    crate::support::until(is_kept).await;
    pty.signal(Signal::KILL);
    pty.exit_code();

    let mut pty = profile.in_terminal().spawn();
    pty.sees("Acme MSP").await;
    pty.press("Enter").await;
    pty.is_at("Daily Sync Time").await;
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
}

/// S41: killed in the middle of a page, at most the field that is being typed is lost.
#[tokio::test(flavor = "multi_thread")]
async fn set_up_killed_in_middle_of_page_is_found_again() {
    let profile = Profile::with(Options { clients: 30, ..Options::default() }).await;
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    let draft = profile.folder.path().join("state/pia-halo/draft.toml");
    let is_kept = || std::fs::read_to_string(&draft).is_ok_and(|text| text.contains(profile.halo.client_id()));
    crate::support::until(is_kept).await;
    pty.signal(Signal::KILL);
    pty.exit_code();

    let mut pty = profile.in_terminal().spawn();
    pty.sees("Acme MSP").await;
    pty.press("Enter").await;
    pty.sees(profile.halo.client_id()).await;
    assert!(!std::fs::read_to_string(&draft).unwrap().contains(profile.halo.client_secret()));
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
}

/// S49: the token is sent to the terminal when it is revealed, and at no other time; the rest of the secrets never.
#[tokio::test(flavor = "multi_thread")]
async fn only_reveal_sends_callback_token_to_terminal() {
    let profile = Profile::synced(Options { clients: 30, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let stored: toml::Table = std::fs::read_to_string(profile.credentials()).unwrap().parse().unwrap();
    let token = stored["configurations"]["acme"]["callback_token"].as_str().unwrap().to_owned();
    let mut pty = profile.in_terminal().size(120, 40).spawn();
    pty.sees("1 Sync").await;
    for (pane, words) in [("2", "of 30"), ("5 Enter", "create webhook"), ("3", "in place")] {
        pty.press(pane).await;
        pty.sees(words).await;
    }
    let hidden = pty.raw();
    assert_shows_none_of(&hidden, (120, 40), &secrets_of(&profile));
    pty.press("r").await;
    pty.wait("the token", |screen| screen.split_whitespace().collect::<String>().matches(&token).count() == 2).await;
    pty.press("r").await;
    pty.wait("no token", |screen| !screen.contains(&token[..8])).await;
    pty.press("q").await;
    assert_eq!(pty.exit_code(), 0);
    let others: Vec<_> = secrets_of(&profile).into_iter().filter(|secret| *secret != token).collect();
    assert_eq!(others.len(), 3);
    assert_shows_none_of(&pty.raw(), (120, 40), &others);
    assert_only_known_sequences(&pty.raw());
}

/// ^C at a question ends the command at once, and the terminal shows again what is typed.
#[tokio::test(flavor = "multi_thread")]
async fn interrupt_at_secret_prompt_ends_command_with_its_echo_on() {
    let profile = Profile::new().await;
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, profile.answers("acme", "")).unwrap();
    let start = Start::pia_halo(profile.folder.path(), ["setup", "--answers", &file.to_string_lossy()]);
    let mut pty = start.spawn();
    pty.wait_until("Client Secret:");
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 130);
    assert!(pty.has_former_modes());
}

//! Journeys through the terminal interface: keys into the real loop, real effects in a real profile, a Halo on loopback.

use std::collections::BTreeSet;
use std::time::Duration;

use pia_halo::demo::Options;
use ratatui::layout::Size;

use crate::commands::holds_exactly_our_objects;
use crate::support::interface::Interface;
use crate::support::walk::{self, Person};
use crate::support::{PIA, Profile, login_name, until};

fn small() -> Options {
    Options { clients: 30, ..Options::default() }
}

/// So slow that work is seen while it runs.
fn slow(profile: &Profile) {
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(25));
}

fn draft(profile: &Profile) -> String {
    std::fs::read_to_string(profile.folder.path().join("state/pia-halo/draft.toml")).unwrap_or_default()
}

/// The lines of the audit trail that tell of one action.
fn audited(profile: &Profile, action: &str) -> usize {
    let trail = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap_or_default();
    trail.lines().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).count()
}

/// What stands before a step in the line of steps.
const MARKS: [char; 4] = ['●', '○', '✓', '!'];

/// S6: the second line of the wizard names every step, and marks the current one.
pub fn every_frame_shows_all_steps(frames: &[String]) {
    let steps = ["Credentials", "Sync time", "Pia Screen", "Integration", "Save", "Sync", "Configure"];
    let mut visited = BTreeSet::new();
    for line in frames.iter().filter_map(|frame| frame.lines().nth(1)).filter(|line| line.contains("Sync time")) {
        let words: Vec<&str> = line.split(MARKS).map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(words, steps, "{line}");
        let current = line.split_once('●').map(|(_, rest)| rest.split(MARKS).next().unwrap_or_default().trim());
        visited.extend(current.map(str::to_owned));
    }
    // Save needs nobody: a frame may or may not catch it.
    visited.insert("Save".to_owned());
    assert_eq!(visited.len(), steps.len(), "every step was the current one: {visited:?}");
}

/// S2, S6, S11, S17, S20, S30, S35, S42, S45, S46, S47, S48, S49, S50, S51, S54, S56, S57, S58, S59, S62, S63, S64: from the
/// first screen to the last, by keys alone, and nothing is done in Halo itself.
#[tokio::test(flavor = "multi_thread")]
async fn walk_by_keys_ends_with_exactly_our_objects() {
    let profile = Profile::new().await;
    let before = profile.halo.snapshot();
    let mut person = Interface::open(&profile).await;
    person.press("^A").await;
    person.sees("not available here").await;
    walk::to_credentials(&mut person).await;
    walk::type_credentials(&mut person, &profile.halo, profile.halo.client_secret()).await;
    person.is_at("Client Secret").await;
    assert_eq!(profile.halo.requests().len(), 0, "a paste never submits");
    walk::test_connection(&mut person).await;
    walk::to_save(&mut person).await;
    assert!(!profile.config().exists(), "nothing is saved before Save");
    // The sync does not end before it was seen.
    profile.halo.change(|state| state.behaviour.latency = Duration::from_secs(2));
    person.press("Enter").await;
    person.sees("● Sync ").await;
    slow(&profile);
    person.sees("to create").await;
    assert_eq!(profile.halo.snapshot(), before, "nothing is written before Apply");
    walk::configure(&mut person).await;
    person.sees("You have finished").await;
    person.sees("pia-halo serve").await;
    walk::choose_contact(&mut person).await;

    person.press("Enter").await;
    person.sees("1 Sync").await;
    person.press("1").await;
    person.sees("Halo says 237, stored 237").await;
    person.sees("00:45 UTC").await;
    person.sees("10:45 in Australia/Brisbane (+10:00)").await;
    person.press("2").await;
    person.sees("226 of 237").await;
    person.press("3").await;
    for words in ["Pia - Ticket Created", "Pia - Ticket Updated", "Callback URLs", "Re-configure"] {
        person.sees(words).await;
    }
    person.sees(&format!("{PIA}/callbacks/acme-msp/")).await;
    person.press("5").await;
    person.sees("configure (+14)").await;
    // The contact's save has come, too.
    person.sees("1 of 4").await;
    person.press("Down").await;
    person.press("Enter").await;
    person.sees("link ticket type").await;
    // The first entries are further down the list; the very last, a save, tells so many fields that it fills the page.
    person.press("End").await;
    person.sees("Daily Sync Time: – → 00:45").await;
    person.press("Up").await;
    for words in [login_name().as_str(), "create webhook", "create custom tab: Pia Chat Pod"] {
        person.sees(words).await;
    }
    let frames = person.frames();
    person.leave().await;
    every_frame_shows_all_steps(&frames);
    holds_exactly_our_objects(&before, &profile.halo.snapshot());

    let saved: toml::Table = std::fs::read_to_string(profile.config()).unwrap().parse().unwrap();
    let saved = &saved["configurations"]["acme-msp"];
    assert_eq!(saved["name"].as_str(), Some("Acme MSP"));
    assert_eq!(saved["company_sync"]["daily_sync_time"].as_str(), Some("00:45"));
    assert_eq!(saved["pia_screen"]["escalate_to"]["name"].as_str(), Some("Dana Scully"));
    assert!(frames.iter().all(|frame| !frame.contains(profile.halo.client_secret())), "the secret is on no screen");
    assert_eq!(draft(&profile), "", "what is finished leaves no draft");
}

/// S53: Halo's words and the next step stand on the step itself, and what was typed is still there to be mended.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_shows_halos_words_and_is_mended_where_it_stands() {
    let profile = Profile::with(small()).await;
    let mut person = Interface::open(&profile).await;
    walk::to_credentials(&mut person).await;
    walk::type_credentials(&mut person, &profile.halo, "wrong-secret-of-the-test-0123456789").await;
    person.press("Enter").await;
    person.sees("The specified").await;
    person
        .wait("Halo's words", |screen| {
            // A scrollbar may stand between the lines of a sentence.
            let words: Vec<_> = screen.split_whitespace().filter(|word| !["█", "│"].contains(word)).collect();
            words.join(" ").contains("The specified client credentials are invalid.")
        })
        .await;
    person.sees("Paste the whole Client Secret again").await;
    person.is_at("Client Secret").await;
    for words in ["Acme MSP", profile.halo.url(), profile.halo.client_id()] {
        person.sees(words).await;
    }
    assert!(!profile.config().exists() && !profile.credentials().exists(), "nothing was saved");

    person.paste(&format!("{}\n", profile.halo.client_secret())).await;
    walk::test_connection(&mut person).await;
    person.leave().await;
}

/// S18: Esc goes back step by step and loses nothing, the secret included.
#[tokio::test(flavor = "multi_thread")]
async fn going_back_keeps_what_was_typed() {
    let profile = Profile::with(small()).await;
    let mut person = Interface::open(&profile).await;
    walk::to_credentials(&mut person).await;
    walk::type_credentials(&mut person, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut person).await;
    person.press("^U").await;
    person.type_text("23:15").await;
    person.press("Enter").await;
    person.is_at("Pia Board").await;
    person.press("^U").await;
    person.type_text("Helpdesk of tomorrow").await;
    person.press("Esc").await;
    person.is_at("Daily Sync Time").await;
    person.press("Esc").await;
    person.is_at("Test").await;
    person.press("Esc").await;
    person.sees("What you need").await;
    person.press("Enter").await;
    person.is_at("Test").await;
    let tested = profile.halo.requests().len();
    person.press("Enter").await;
    person.sees("23:15").await;
    person.press("Enter").await;
    person.sees("Helpdesk of tomorrow").await;
    assert_eq!(profile.halo.requests().len(), tested, "what is tested is not tested again");
    person.leave().await;
}

/// S41: left half-way, by a key or by a lost line, the set-up is found again at the next start: all but the secret.
#[tokio::test(flavor = "multi_thread")]
async fn half_done_set_up_is_found_again_without_its_secret() {
    for by_key in [true, false] {
        let profile = Profile::with(small()).await;
        let mut person = Interface::open(&profile).await;
        walk::to_credentials(&mut person).await;
        walk::type_credentials(&mut person, &profile.halo, profile.halo.client_secret()).await;
        walk::test_connection(&mut person).await;
        person.press("^U").await;
        person.type_text("23:15").await;
        if by_key {
            person.leave().await
        } else {
            person.hang_up().await
        }
        assert!(!draft(&profile).contains(profile.halo.client_secret()));

        let mut person = Interface::open(&profile).await;
        person.press("Enter").await;
        person.press("Esc").await;
        person.leave().await;
    }
}

/// S18: Ctrl-O says that what is typed is kept as a draft, and it is: on the page, on the disk, and behind the card.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_o_keeps_everything_that_was_typed() {
    let profile = Profile::with(small()).await;
    let mut person = Interface::open(&profile).await;
    walk::to_credentials(&mut person).await;
    walk::type_credentials(&mut person, &profile.halo, profile.halo.client_secret()).await;
    person.press("^O").await;
    person.sees("Nothing is lost").await;
    until(|| draft(&profile).contains("Acme MSP")).await;
    // Comes and goes once more: the page is read anew.
    for _ in 0..2 {
        person.is_at("Halo PSA").await;
        person.sees("draft").await;
        person.press("Enter").await;
        for words in ["Acme MSP", profile.halo.url(), profile.halo.client_id(), "•••"] {
            person.sees(words).await;
        }
        person.press("^O").await;
    }
    person.leave().await;
}

/// S44: one run, however often it is pressed, and the second press says why nothing happens.
#[tokio::test(flavor = "multi_thread")]
async fn sync_now_pressed_twice_runs_one_sync() {
    let profile = Profile::set_up(small()).await;
    slow(&profile);
    let mut person = Interface::open(&profile).await;
    person.is_at("Sync Now").await;
    person.press("Enter").await;
    person.sees("Syncing").await;
    person.press("Enter s").await;
    person.sees("Already syncing").await;
    person.sees("✓ Complete").await;
    person.leave().await;
    assert_eq!(audited(&profile, "sync"), 1);
    let lists = profile.halo.requests().iter().filter(|request| request.path == "/api/agent").count();
    assert_eq!(lists, 1);
}

/// S52, S53: the test before Configure fails: the refusal is shown, nothing is written, and trying again goes on.
#[tokio::test(flavor = "multi_thread")]
async fn refused_configure_writes_nothing_and_resumes_once_mended() {
    let profile = Profile::synced(small()).await;
    let before = profile.halo.snapshot();
    profile.halo.set_fault("forbidden-webhooks".parse().unwrap(), true);
    profile.halo.clear_requests();
    let mut person = Interface::open(&profile).await;
    // Checks are shown as they fall; the word that ends them comes last.
    person.sees("The connection test failed").await;
    person.sees("Webhooks").await;
    assert_eq!((profile.halo.writes().len(), profile.halo.snapshot()), (0, before.clone()));

    profile.halo.set_fault("forbidden-webhooks".parse().unwrap(), false);
    person.press("Enter").await;
    person.sees("to create").await;
    walk::configure(&mut person).await;
    person.leave().await;
    holds_exactly_our_objects(&before, &profile.halo.snapshot());
}

/// S55: half of it fails; what is done is kept, and pressing again finishes without a second copy of anything.
#[tokio::test(flavor = "multi_thread")]
async fn configure_that_failed_half_way_is_finished_by_pressing_again() {
    let profile = Profile::synced(small()).await;
    let before = profile.halo.snapshot();
    profile.halo.change(|state| state.ticket_type_mut("Incident").unwrap().locked = true);
    let mut person = Interface::open(&profile).await;
    person.sees("y Apply").await;
    person.press("y").await;
    person.sees("failed").await;
    person.sees("13 made, 1 not").await;
    let written = profile.halo.writes().len();

    profile.halo.change(|state| state.ticket_type_mut("Incident").unwrap().locked = false);
    person.press("Enter").await;
    person.sees("1 to link").await;
    person.sees("y Apply").await;
    person.press("y").await;
    person.sees("All changes were made").await;
    person.sees("finished").await;
    person.leave().await;
    assert_eq!(profile.halo.writes().len(), written + 1);
    holds_exactly_our_objects(&before, &profile.halo.snapshot());
}

/// S60: a ticket type that was made later is seen by a look into Halo, and Re-configure links it and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_type_added_later_is_seen_and_linked_by_re_configure() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| {
        let mut new = state.ticket_types[0].clone();
        new.row.set("id", 77);
        new.row.set("name", "Onboarding");
        new.links.clear();
        state.ticket_types.push(new);
    });
    profile.halo.clear_requests();
    let mut person = Interface::open(&profile).await;
    person.press("3").await;
    person.sees("Re-configure").await;
    person.press("t").await;
    person.sees("1 to link").await;
    person.sees("Onboarding").await;
    person.press("Enter").await;
    person.sees("y Apply").await;
    person.press("y").await;
    person.sees("All changes were made").await;
    person.press("Enter").await;
    person.sees("in place").await;
    assert!(!person.screen().contains("to link"), "{}", person.screen());
    person.leave().await;
    assert_eq!(profile.halo.writes().len(), 1);
}

/// S4, S5: the help of the first page names what is needed and where Halo shows it; nobody has to pass it.
#[tokio::test(flavor = "multi_thread")]
async fn checklist_names_what_is_needed_and_where_it_is_found() {
    let profile = Profile::with(small()).await;
    let mut person = Interface::open(&profile).await;
    person.press("Enter").await;
    person.is_at("Configuration Name").await;
    person.press("Esc").await;
    for words in ["Url", "Client ID", "Client Secret", "Configuration › Integrations › Halo PSA API", "agent"] {
        person.sees(words).await;
    }
    person.press("Enter").await;
    person.is_at("Configuration Name").await;
    person.leave().await;
}

/// S35, S36: Pia Escalate To is asked for once, right after the first sync; left blank there is none, and nobody asks again.
#[tokio::test(flavor = "multi_thread")]
async fn contact_is_asked_for_once_and_may_stay_blank() {
    let profile = Profile::set_up(small()).await;
    slow(&profile);
    let mut person = Interface::open(&profile).await;
    person.is_at("Sync Now").await;
    walk::sync(&mut person).await;
    person.press("Tab").await;
    person.is_at("Continue").await;
    person.press("Enter").await;
    person.sees("to create").await;
    person.press("Esc").await;
    person.is_at("Continue").await;
    person.leave().await;
    assert!(!std::fs::read_to_string(profile.config()).unwrap().contains("escalate_to"));
}

/// S54, S59: the success names each object that was made, with Halo's id, and each ticket type that was left alone.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_made_are_listed_with_their_ids() {
    let profile = Profile::synced(small()).await;
    let mut person = Interface::open_with(&profile, Size::new(120, 40)).await;
    person.sees("y Apply").await;
    person.press("y").await;
    person.sees("Webhook install was successful").await;
    let screen = person.screen();
    let says = |name: &str, words: &str| {
        let line = screen.lines().find(|line| line.contains(name) && line.contains(words));
        assert!(line.is_some(), "{name}: {words}\n{screen}");
    };
    profile.halo.look(|state| {
        for name in ["Pia - Ticket Created", "Pia - Ticket Updated"] {
            says(name, &state.webhook(name).unwrap().text("id")[..8]);
        }
        says("Pia Chat Pod", &format!("id {}", state.tab("Pia Chat Pod").unwrap().int("id").unwrap()));
        for kind in state.ticket_types.iter().filter(|kind| !kind.inactive) {
            says(kind.row.name(), &format!("id {}", kind.row.int("id").unwrap()));
        }
    });
    says("Project", "unchanged");
    person.leave().await;
}

/// S44: two programs on one profile: the second one is told who syncs and follows it, and only one sync runs.
#[tokio::test(flavor = "multi_thread")]
async fn sync_now_in_two_programs_runs_one_sync_and_says_who_is_at_it() {
    let profile = Profile::set_up(small()).await;
    // Long enough that the second one is seen to follow.
    profile.halo.change(|state| state.behaviour.latency = Duration::from_secs(1));
    let mut first = Interface::open(&profile).await;
    let mut second = Interface::open(&profile).await;
    first.is_at("Sync Now").await;
    first.press("Enter").await;
    // The first one is at it for certain once Halo has been asked for a list.
    until(|| profile.halo.requests().iter().any(|request| request.path == "/api/client")).await;
    second.press("Enter").await;
    second.sees("Another sync is running").await;
    second.sees(&login_name()).await;
    slow(&profile);
    first.sees("✓ Complete").await;
    second.sees("✓ Complete").await;
    first.leave().await;
    second.leave().await;
    assert_eq!(audited(&profile, "sync"), 1);
}

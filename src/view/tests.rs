//! Every screen, popup and error as a picture that carries its style; every size without a panic.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::app::message::{Message, Reply};
use crate::app::testing::{
    CANARY, Stage, TOKEN, at_configure, at_review, at_sync, draft, failed, finished, foreign, in_panes, kept, lists,
    overview, plan, progress, results, save_report, saved, sync_report, tested, with_credentials,
};
use crate::app::{Model, Theme};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureField, FailureKind};
use crate::domain::installation::ObjectKind;
use crate::domain::plan::{Blocked, ConfigureReport, ConfigureStatus, Outcome};
use crate::domain::status::Overview;
use crate::domain::sync_run::{BudgetWait, SyncStatus};

use super::draw;

/// Draws into a buffer, and says where the cursor stands.
pub(super) fn drawn(model: &Model, width: u16, height: u16) -> (Buffer, Option<(u16, u16)>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut shown = false;
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let backend = terminal.backend();
    // The backend shows the cursor only where the frame placed it.
    let position = backend.cursor_position();
    if backend.cursor_visible() {
        shown = true;
    }
    (backend.buffer().clone(), shown.then_some((position.x, position.y)))
}

/// A picture as text: the lines, then where the style is not plain.
fn picture(stage: &Stage) -> String {
    let size = stage.model.size;
    let (buffer, cursor) = drawn(&stage.model, size.width, size.height);
    let mut out = String::new();
    let mut styles = String::new();
    for y in 0..size.height {
        let mut line = String::new();
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        let mut skip = 0;
        for x in 0..size.width {
            let cell = &buffer[(x, y)];
            let style = style_name(cell.fg, cell.bg, cell.modifier);
            let continued = runs.last_mut().filter(|(_, end, name)| *end == x && *name == style);
            match continued {
                Some((_, end, _)) => *end = x + 1,
                None if style.is_empty() => {}
                None => runs.push((x, x + 1, style)),
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            skip = crate::app::text::width(cell.symbol()).saturating_sub(1);
        }
        writeln!(out, "{}", line.trim_end()).unwrap();
        if !runs.is_empty() {
            let runs: Vec<String> = runs.iter().map(|(from, to, name)| format!("{from}-{to} {name}")).collect();
            writeln!(styles, "{y:>2}: {}", runs.join(", ")).unwrap();
        }
    }
    let cursor = cursor.map(|(x, y)| format!("cursor {x},{y}\n")).unwrap_or_default();
    format!("{out}\n--- style\n{styles}{cursor}")
}

fn style_name(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    if fg != Color::Reset {
        parts.push(format!("{fg:?}").to_lowercase());
    }
    assert_eq!(bg, Color::Reset, "nothing is painted");
    for (flag, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if modifier.contains(flag) {
            parts.push(name.to_owned());
        }
    }
    parts.join(" ")
}

fn refused() -> Failure {
    let mut failure = Failure::new(FailureKind::WrongCredentials, "Halo refused the Client ID or Client Secret").hint(
        "The Client ID changes when the application is first saved in Halo. Copy it again: Configuration › \
         Integrations › Halo PSA API › View Applications.",
    );
    failure.halo_said = Some(foreign("invalid_client"));
    failure.http_status = Some(401);
    failure.field = Some(FailureField::ClientSecret);
    failure
}

fn busy() -> Failure {
    Failure::new(FailureKind::Busy, "dana on jump1 is syncing this configuration since 10:41 UTC")
        .hint("Wait until it ends, or look at it with pia-halo status.")
}

/// Every scene, by its name.
pub(super) fn scenes() -> Vec<(&'static str, Stage)> {
    let mut scenes: Vec<(&'static str, Stage)> = Vec::new();
    let mut add = |name, stage| scenes.push((name, stage));

    add("integrations_first", Stage::with(Overview::default()));
    let three = || {
        overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, false, false)])
    };
    let mut stage = Stage::with(three());
    stage.keys("^O");
    add("integrations_cards", stage);
    let mut stage = Stage::with(three());
    stage.keys("^O /");
    stage.type_text("HALO");
    add("integrations_search", stage);
    let mut stage = Stage::with(three());
    stage.keys("^O /");
    stage.type_text("zzz");
    add("integrations_nothing_found", stage);
    let mut stage = Stage::with(three());
    stage.keys("^O ^A End");
    add("integrations_view_all", stage);
    let mut stage = Stage::with(three());
    stage.keys("^O Down a");
    add("integrations_switch", stage);
    let found = Overview { draft: Some(draft(Step::PiaScreen)), ..Overview::default() };
    add("integrations_draft_found", Stage::with(found.clone()));
    let mut stage = Stage::with(found);
    stage.keys("Esc");
    add("integrations_draft", stage);

    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    add("wizard_checklist", stage);
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter Enter");
    add("wizard_credentials_empty", stage);
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter Enter Tab");
    stage.type_text("acme");
    stage.keys("Tab");
    stage.type_text("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1");
    add("wizard_credentials_errors", stage);
    add("wizard_credentials_typed", with_credentials());
    let mut stage = with_credentials();
    stage.keys("Enter");
    for check in failed().checks.into_iter().take(3) {
        stage.reply(Reply::Checked(check));
    }
    stage.later(2);
    stage.send(Message::Wake);
    add("wizard_credentials_testing", stage);
    add("wizard_credentials_passed", tested());
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(failed())));
    add("wizard_credentials_failed", stage);
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Err(refused())));
    add("wizard_credentials_refused", stage);
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Err(refused())));
    stage.keys("u");
    add("wizard_credentials_untested", stage);
    let mut stage = tested();
    stage.keys("Enter");
    add("wizard_company_sync", stage);
    let mut stage = tested();
    stage.keys("Enter ^U");
    stage.type_text("4:30");
    stage.keys("Enter");
    add("wizard_company_sync_error", stage);
    let mut stage = tested();
    stage.keys("Enter Enter");
    add("wizard_pia_screen", stage);
    let mut stage = tested();
    stage.keys("Enter Enter ^U");
    stage.type_text("pi");
    add("wizard_pia_screen_suggestions", stage);
    let mut stage = tested();
    stage.keys("Enter Enter ^U");
    stage.type_text("Nobody");
    stage.keys("Tab");
    add("wizard_pia_screen_unknown", stage);
    let mut stage = tested();
    stage.keys("Enter Enter Enter Enter Enter");
    stage.paste("pia.acme.example/");
    add("wizard_integration", stage);
    let mut stage = at_sync();
    stage.keys("Esc Esc Tab Tab");
    add("wizard_integration_callbacks", stage);
    let mut stage = at_sync();
    stage.keys("Esc Esc Tab Tab r");
    add("wizard_integration_revealed", stage);
    add("wizard_review", at_review());
    let mut stage = at_review();
    stage.keys("Enter");
    stage.reply(Reply::Saved(Err(Failure::new(
        FailureKind::LocalState,
        "the settings could not be written: disk full",
    )
    .hint("Make room in ~/.config/pia-halo and save again."))));
    add("wizard_review_failed", stage);
    let mut stage = at_review();
    stage.keys("Enter");
    stage.reply(Reply::Saved(Ok(save_report(true))));
    add("wizard_review_saved", stage);
    add("wizard_sync", at_sync());
    let mut stage = at_sync();
    stage.keys("Enter");
    let mut going = progress(34_200, Some(100_000));
    stage.later(312);
    going.waiting =
        Some(BudgetWait { limit: 300, window_seconds: 300, until: stage.now + jiff::SignedDuration::from_secs(41) });
    stage.reply(Reply::SyncProgress(going));
    add("wizard_sync_running", stage);
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.later(4);
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::CompleteWithWarnings))));
    stage.reply(Reply::Lists(Ok(lists())));
    add("wizard_sync_complete", stage);
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    stage.reply(Reply::Lists(Ok(lists())));
    stage.keys("Enter");
    add("wizard_sync_escalate_to", stage);
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Err(busy())));
    add("wizard_sync_busy", stage);
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::SyncProgress(progress(34_200, Some(100_000))));
    stage.keys("Esc");
    add("wizard_sync_stopping", stage);
    let mut stage = at_sync();
    stage.keys("Enter Esc");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Interrupted))));
    add("wizard_sync_stopped", stage);
    let mut stage = at_sync();
    stage.keys("Enter");
    let mut report = sync_report(SyncStatus::NeedsConfirmation);
    report.warnings = vec!["61 of 237 clients would be disabled.".to_owned()];
    stage.reply(Reply::Synced(Ok(report)));
    add("wizard_sync_mass_change", stage);
    add("wizard_configure_reading", at_configure());
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Right");
    add("wizard_configure_plan", stage);
    let mut stage = at_configure();
    let mut blocked = plan();
    blocked.blocked.push(Blocked {
        kind: ObjectKind::CustomTab,
        name: "Pia Chat Pod".into(),
        reason: "A custom tab of that name leads to https://other.example and is not ours. Rename it in Halo first."
            .to_owned(),
    });
    stage.reply(Reply::Planned(Ok(Ok(blocked))));
    stage.keys("End");
    add("wizard_configure_blocked", stage);
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Err(failed()))));
    add("wizard_configure_refused", stage);
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Enter");
    for result in results(&plan()).into_iter().take(3) {
        stage.reply(Reply::Applied(result));
    }
    stage.later(2);
    stage.send(Message::Wake);
    add("wizard_configure_applying", stage);
    add("wizard_configure_done", configured_stage());
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Enter");
    let mut partly = results(&plan());
    partly[3].outcome = Outcome::Failed;
    partly[3].message = Some("Halo says: 400 \"name is in use\".".to_owned());
    for result in &mut partly[4..6] {
        result.outcome = Outcome::Skipped;
        result.id = None;
        result.message = Some("needs the custom tab".to_owned());
    }
    stage.reply(Reply::Configured(Ok(ConfigureReport {
        status: ConfigureStatus::PartlyDone,
        results: partly,
        message: "Webhook install was only partly successful".to_owned(),
        refusal: None,
    })));
    add("wizard_configure_partly", stage);
    let mut stage = configured_stage();
    stage.keys("Enter");
    add("wizard_finished", stage);

    add("pane_sync", in_panes());
    let mut stage = in_panes();
    stage.keys("s");
    stage.later(5);
    stage.reply(Reply::SyncProgress(progress(120, Some(237))));
    stage.keys("s");
    add("pane_sync_running", stage);
    let mut stage = in_panes();
    stage.keys("2 /");
    stage.type_text("norwnd");
    add("pane_clients_search", stage);
    let mut stage = in_panes();
    stage.keys("2 f f End");
    add("pane_clients_all", stage);
    let mut stage = in_panes();
    stage.keys("2 f Enter");
    add("pane_clients_detail", stage);
    let mut stage = in_panes();
    stage.keys("3");
    add("pane_integration_looking", stage);
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Down Down");
    add("pane_integration_repair", stage);
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    add("pane_integration_good", stage);
    let mut stage = in_panes();
    stage.keys("4");
    add("pane_activity", stage);
    let mut stage = in_panes();
    stage.keys("3 F1");
    add("help_integration", stage);
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter Enter Tab F1");
    add("help_field", stage);
    let mut stage = in_panes();
    stage.keys("1 :");
    add("commands", stage);
    let mut stage = in_panes();
    stage.keys("3 ^P");
    stage.type_text("go");
    add("commands_search", stage);
    let mut stage = with_credentials();
    stage.keys("^P");
    add("commands_in_a_field", stage);
    let mut stage = in_panes();
    stage.keys(": z q z");
    add("commands_none", stage);
    scenes
}

fn configured_stage() -> Stage {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Enter");
    stage.reply(Reply::Configured(Ok(ConfigureReport {
        status: ConfigureStatus::Configured,
        results: results(&plan()),
        message: "Webhook install was successful".to_owned(),
        refusal: None,
    })));
    stage
}

/// The scenes that are pictured at every size and in mono ASCII.
const MAIN: [&str; 15] = [
    "integrations_cards",
    "integrations_switch",
    "wizard_checklist",
    "wizard_credentials_errors",
    "wizard_credentials_failed",
    "wizard_company_sync",
    "wizard_pia_screen_suggestions",
    "wizard_review",
    "wizard_sync_running",
    "wizard_configure_plan",
    "pane_sync",
    "pane_clients_search",
    "pane_integration_repair",
    "help_field",
    "commands",
];

fn snapshots(pick: impl Fn(&str) -> bool, width: u16, height: u16, theme: Theme, suffix: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for (name, mut stage) in scenes().into_iter().filter(|(name, _)| pick(name)) {
            stage.model.theme = theme;
            stage.resize(width, height);
            insta::assert_snapshot!(format!("{name}{suffix}"), picture(&stage));
        }
    });
}

#[test]
fn every_screen_at_80_by_24() {
    snapshots(|_| true, 80, 24, Theme::default(), "");
}

#[test]
fn the_main_screens_with_a_second_column() {
    snapshots(|name| MAIN.contains(&name), 120, 40, Theme::default(), "@120x40");
}

#[test]
fn the_main_screens_on_a_small_terminal() {
    snapshots(|name| MAIN.contains(&name), 50, 15, Theme::default(), "@50x15");
}

/// N21: without colour and in ASCII the focus and every state can still be seen.
#[test]
fn the_main_screens_without_colour_in_ascii() {
    let theme = Theme { mono: true, ascii: true };
    snapshots(|name| MAIN.contains(&name), 80, 24, theme, "@mono");
    for (name, mut stage) in scenes() {
        stage.model.theme = theme;
        stage.model.touch();
        let text = picture(&stage);
        assert!(text.is_ascii(), "{name}\n{text}");
        for colour in ["cyan", "green", "yellow", "red"] {
            assert!(!text.split("--- style").nth(1).unwrap().contains(colour), "{name} {colour}");
        }
    }
}

#[test]
fn no_size_makes_a_screen_panic() {
    for (name, mut stage) in scenes() {
        for width in (0..131).step_by(7).chain([1, 39, 40, 41, 99, 100, 130]) {
            for height in (0..51).step_by(5).chain([1, 9, 11, 50]) {
                stage.resize(width, height);
                // A terminal without any cell is not drawn by ratatui itself; the smallest that is has one.
                let _ = drawn(&stage.model, width.max(1), height.max(1));
            }
        }
        // The frame may be smaller than what the model knows: a resize that has not arrived yet.
        stage.resize(130, 50);
        let _ = drawn(&stage.model, 10, 4);
        assert!(!name.is_empty());
    }
}

/// S23, S25: the secret, the token and the password are on no screen that did not ask for them.
#[test]
fn no_screen_shows_a_secret() {
    for (name, stage) in scenes() {
        let text = picture(&stage);
        assert!(!text.contains(&CANARY[..12]), "{name}");
        if name != "wizard_integration_revealed" {
            assert!(!text.replace(['\n', ' '], "").contains(&TOKEN[..12]), "{name}");
        }
        assert!(!format!("{:?}", stage.model).contains(&CANARY[..12]), "{name}");
        assert!(!format!("{:?}", stage.model).contains(&TOKEN[..12]), "{name}");
    }
}

/// R50: what Halo wrote cannot move the cursor or turn the line round.
#[test]
fn nothing_that_halo_wrote_reaches_the_screen_raw() {
    for (name, stage) in scenes() {
        let (buffer, _) = drawn(&stage.model, 80, 24);
        for cell in buffer.content() {
            assert!(!cell.symbol().contains(['\u{1b}', '\u{202e}', '\n']), "{name}");
        }
    }
}

#[test]
fn a_hundred_thousand_clients_are_drawn_by_the_window() {
    let mut stage = in_panes();
    let one = crate::app::testing::clients()[0].clone();
    let many = (0..100_000)
        .map(|id| {
            let mut client = one.clone();
            client.client.id = id;
            client.client.name = format!("Client {id:06}").into();
            client
        })
        .collect();
    stage.keys("2");
    stage.reply(Reply::Clients(Ok(many)));
    stage.keys("End");
    let text = picture(&stage);
    assert!(text.contains("100,000 of 100,000"));
    assert!(text.contains("Client 099999") && !text.contains("Client 099900"));
}

#[test]
fn finished_configurations_begin_in_the_panes() {
    let text = picture(&Stage::with(finished()));
    assert!(text.contains("1 Sync"), "{text}");
}

/// What each screen has to say, in the words of the guide.
///
/// S4, S5: the checklist; S13: states; S28, S30: the local time; S35: before a sync; S45, S46, S47: the sync; S49: the
/// callbacks; S52, S53: a refusal; S50, S54, S57, S58, S59: each object; S55: a failure half-way; S56: the end; S60: drift.
#[test]
fn every_screen_says_what_the_guide_asks_for() {
    let pictures: Vec<(&str, String)> = scenes()
        .into_iter()
        .map(|(name, stage)| {
            let text = picture(&stage);
            let words: Vec<&str> = text.split("--- style").next().unwrap_or_default().split_whitespace().collect();
            (name, words.join(" "))
        })
        .collect();
    for (name, words) in [
        ("integrations_first", &["Ticketing", "Halo PSA", "not configured", "View All"][..]),
        ("integrations_nothing_found", &["Nothing is called that"]),
        ("integrations_switch", &["only one ticketing integration", "Acme MSP is active"]),
        ("wizard_checklist", &["Url", "Client ID", "Client Secret", "View Applications", "API-only takes no licence"]),
        ("wizard_credentials_refused", &["Halo says: 401 invalid_client", "Copy it again", "Nothing has been saved"]),
        (
            "wizard_company_sync",
            &["04:30 UTC", "= 14:30 in Australia/Brisbane (+10:00)", "next run Tue 24 Nov 2026 04:30 UTC"],
        ),
        ("wizard_pia_screen", &["Pia Board Pia", "run a sync first", "Pia Escalation Board Pia"]),
        ("wizard_integration_callbacks", &["Setup Integration", "Callback URLs", "with a valid token", "9f2c"]),
        ("wizard_review_saved", &["saved", "changed: Configuration Name"]),
        ("wizard_sync_running", &["Syncing", "34,200 of 100,000", "goes on in 41 s", "elapsed 5 min 12 s", "left"]),
        ("wizard_sync_complete", &["Complete with warnings", "Halo says 237, stored 237"]),
        ("wizard_sync_busy", &["dana on jump1 is syncing"]),
        ("wizard_sync_stopping", &["Stopping"]),
        ("wizard_sync_stopped", &["Interrupted (resumable)"]),
        (
            "wizard_configure_plan",
            &[
                "+ webhook",
                "+ custom tab Pia Chat Pod",
                "~ ticket type Incident",
                "shows all custom tabs already",
                "nothing written yet",
            ],
        ),
        ("wizard_configure_blocked", &["blocked", "is not ours"]),
        ("wizard_configure_refused", &["nothing was changed in Halo", "You do not have permission"]),
        (
            "wizard_configure_done",
            &["Webhook install was successful", "custom tab Pia Chat Pod created id 43", "linked"],
        ),
        ("wizard_configure_partly", &["4 done and kept, 3 not", "Run it again to finish", "name is in use"]),
        ("wizard_finished", &["You have finished setting up your Halo PSA integration", "pia-halo status"]),
        ("pane_sync", &["Proof", "Next run", "Tue 24 Nov 2026 04:30 UTC"]),
        ("pane_clients_detail", &["no longer in Halo"]),
        ("pane_integration_repair", &["6 things to repair", "without the Pia Chat Pod", "Re-configure"]),
        ("pane_activity", &["dana", "create webhook"]),
    ] {
        let text = pictures.iter().find(|(other, _)| *other == name).map(|(_, text)| text.as_str()).unwrap();
        for words in words {
            assert!(text.contains(words), "{name}: {words}\n{text}");
        }
    }
}

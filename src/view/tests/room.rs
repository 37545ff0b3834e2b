//! What stays in sight, what is told whole where there is room, and what a figure must not claim.

use crate::app::effect::Effect;
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::keymap::Command;
use crate::app::message::{Message, Reply};
use crate::app::model::Screen;
use crate::app::testing::events::{in_events, recent};
use crate::app::testing::{
    Stage, at, at_configure, at_sync, check, failed, finished, in_panes, kept, overview, passed, plan, saved, standing,
    status, sync_report, with_credentials,
};
use crate::domain::check::{CheckId, CheckStatus, WriteProof};
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, not_answered};
use crate::domain::status::{Overview, StepState};
use crate::domain::sync_run::{Silence, SyncProgress, SyncReport, SyncStatus};

use super::picture::plain;
use crate::view::progress::time;

/// While the test runs and after it the form stays where it is, at the size that most terminals have.
#[test]
fn form_stays_in_sight_while_test_runs_and_after_it() {
    let is_whole = |stage: &Stage, when: &str| {
        let text = plain(stage);
        assert!(text.contains("API Credentials") && text.contains("Configuration Name"), "{when}: {text}");
        assert!(text.contains("Test") && !text.contains('↑'), "{when}: {text}");
    };
    for report in [passed(), failed()] {
        let mut stage = with_credentials();
        stage.keys("Enter");
        is_whole(&stage, "before the first check");
        for check in report.checks.iter().take(9) {
            stage.reply(Reply::Checked(check.clone()));
            is_whole(&stage, "while it runs");
        }
        stage.reply(Reply::Verified(Ok(report)));
        is_whole(&stage, "after it");
    }
}

/// A right to write that was only read is told as that, in the test and beside the plan.
#[test]
fn right_that_was_only_read_is_not_called_passed_alone() {
    let mut stage = with_credentials();
    let mut report = passed();
    for check in report.checks.iter_mut().filter(|check| [CheckId::Webhooks, CheckId::CustomTabs].contains(&check.id)) {
        check.writes = Some(WriteProof::NotProvable);
        check.message.push_str("; writing not tested yet");
    }
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(report)));
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        stage.resize(width, height);
        let text = plain(&stage).replace(['\n', '│', '█'], " ");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("writing not tested"), "{width}: {text}");
    }
}

/// Of a run that was killed before its first page nothing is claimed, and the clients are those that are stored.
#[test]
fn killed_run_claims_no_figures() {
    let mut stage = in_panes();
    let mut told = standing(status("Acme MSP", true, true, true));
    let began = at("2026-11-23T10:52:00Z");
    told.runs.insert(
        0,
        SyncReport { run: std::num::NonZeroU64::new(5), ..SyncReport::blank(SyncStatus::Interrupted, began) },
    );
    stage.reply(Reply::Status(Ok(told)));
    let text = plain(&stage);
    assert!(text.contains("Interrupted (resumable)") && !text.contains("0 ms"), "{text}");
    assert!(text.contains("Nothing was read; list unchanged") && text.contains("230 active, 7 disabled"), "{text}");
}

/// On the lowest terminal the Sync pane opens at how the last sync ended.
#[test]
fn sync_pane_opens_at_last_run() {
    let mut stage = in_panes();
    for (width, height) in [(40, 12), (80, 24)] {
        stage.resize(width, height);
        let text = plain(&stage);
        assert!(text.contains("Last run") && !text.contains("── ↑"), "{text}");
    }
}

/// On the lowest terminal a plan is more than two rows.
#[test]
fn plan_shows_rows_on_low_terminal() {
    let mut stage = at_configure();
    stage.resize(40, 12);
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    let text = plain(&stage);
    for row in
        ["+ webhook     Pia - Ticket Created", "+ event       New Ticket Logged", "~ webhook     Pia - Ticket Updated"]
    {
        assert!(text.contains(row), "{row}: {text}");
    }
}

/// The look at the objects is shown like everything that runs: how far, its step, the time, the key that stops it.
#[test]
fn look_at_objects_shows_how_far_it_is() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Checked(passed().checks.remove(0)));
    stage.later(9);
    stage.send(Message::Wake);
    let text = plain(&stage);
    assert!(
        text.contains("1 of 14") && text.contains("asking for Authentication Token · elapsed 9 s · Esc stops"),
        "{text}"
    );
}

/// A sync is seen from every pane, and so is a Halo that does not answer.
#[test]
fn every_pane_says_how_sync_goes() {
    for pane in ["0", "2", "3", "4", "5"] {
        let mut stage = in_panes();
        stage.keys(pane);
        stage.keys("s");
        stage.later(12);
        let read = SyncProgress { clients_read: 1_200, clients_total: Some(2_700), ..SyncProgress::default() };
        stage.reply(Reply::SyncProgress(read.clone()));
        let text = plain(&stage);
        assert!(text.contains("Syncing: 1,200 of 2,700 clients · elapsed 12 s"), "{pane}: {text}");
        let silence = Some(Silence { since: stage.now, attempt: 1, again_at: None, refused: None });
        stage.reply(Reply::SyncProgress(SyncProgress { silence, ..read }));
        stage.later(11);
        stage.send(Message::Wake);
        let text = plain(&stage);
        assert!(text.contains("! Halo has not answered for 11 s"), "{pane}: {text}");
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
        let text = plain(&stage);
        assert!(!text.contains("has not answered") && !text.contains("Syncing"), "{pane}: {text}");
    }
}

/// What was taken out of Halo is told as that, and not as an integration that has nothing to do.
#[test]
fn overview_says_that_integration_was_removed() {
    let mut known = status("Acme MSP", true, true, true);
    (known.integration.configured_at, known.steps.configure) = (None, StepState::Todo);
    known.integration.objects.clear();
    let mut stage = Stage::with(finished());
    stage.reply(Reply::Status(Ok(standing(known))));
    stage.keys("0");
    let text = plain(&stage).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("removed from Halo") && text.contains("no tickets reach Pia until you run Configure"),
        "{text}"
    );
    assert!(!text.contains("Nothing to do") && !text.contains("not set up in Halo yet"), "{text}");
}

/// Without a name the address is the title, and stands in the header once.
#[test]
fn header_names_address_once() {
    let mut stage = Stage::with(overview(vec![saved("acme", "", true, true, true)]));
    stage.reply(Reply::Status(Ok(standing(status("", true, true, true)))));
    for width in [80, 120, 200] {
        stage.resize(width, 40);
        let text = plain(&stage);
        let header = text.lines().next().unwrap_or_default();
        assert_eq!(header.matches("acme.halopsa.com").count(), 1, "{header}");
        assert!(!header.contains('…'), "{header}");
    }
}

/// Beside the events everything that is known of one is whole, where there is room.
#[test]
fn second_column_cuts_nothing_where_there_is_room() {
    let mut stage = in_events();
    stage.resize(120, 40);
    stage.keys("Down Down");
    let words: String = plain(&stage).split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["To try again", "again (r)"] {
        assert!(words.contains(word), "{word}: {}", plain(&stage));
    }
}

/// The command that makes a ticket in the demo is whole on the lowest terminal.
#[test]
fn empty_events_pane_has_its_command_whole() {
    let mut stage = in_panes();
    let command = "curl -X POST http://127.0.0.1:41209/control/tickets";
    stage.model.facts.tip = Some(format!("Make a ticket in the simulated Halo: {command}"));
    stage.keys("4");
    stage.reply(recent(Vec::new()));
    stage.resize(40, 12);
    let text: String = plain(&stage).replace(['│', '█'], " ").split_whitespace().collect();
    assert!(text.contains(&command.replace(' ', "")), "{}", plain(&stage));
}

/// A sync that was interrupted says what the next one goes on from, and with which key.
#[test]
fn interrupted_sync_says_how_it_goes_on() {
    let mut stage = in_panes();
    let mut told = standing(status("Acme MSP", true, true, true));
    let number = std::num::NonZeroU64::new(5);
    told.runs.insert(0, SyncReport { run: number, ..sync_report(SyncStatus::Interrupted) });
    stage.reply(Reply::Status(Ok(told)));
    assert!(plain(&stage).contains("s goes on from the 3 pages it has read"), "{}", plain(&stage));
}

/// An address that is none yet says so while it is typed, and is called wrong once its field is left.
#[test]
fn address_that_is_none_yet_says_so_while_it_is_typed() {
    let mut stage = with_credentials();
    stage.keys("Shift-Tab Shift-Tab ^U");
    stage.type_text("http://127.0.0.1:35431y");
    let text = plain(&stage);
    assert!(text.contains("not complete yet: ") && !text.contains('✗'), "{text}");
    stage.keys("Enter");
    assert!(plain(&stage).contains('✗'), "{}", plain(&stage));
}

/// The name of a field is never cut, and its value begins behind it.
#[test]
fn fields_of_plan_are_named_whole() {
    let mut stage = at_configure();
    let mut planned = plan();
    let at = planned.changes.iter().position(|change| !change.fields.is_empty()).unwrap();
    planned.changes[at].fields[0].name = "authentication_type";
    stage.reply(Reply::Planned(Ok(Ok(planned))));
    stage.model.work.plan_open.insert(at);
    stage.model.work.plan_line = at;
    for columns in [80, 100, 200] {
        stage.resize(columns, 40);
        let text = plain(&stage);
        assert!(text.contains("authentication_type  "), "{columns}: {text}");
    }
}

/// With credentials that Halo refuses, too, the form stays in sight, and the field to type in is on it.
#[test]
fn form_stays_in_sight_with_refused_credentials() {
    let mut stage = with_credentials();
    stage.keys("Enter");
    let mut report = failed();
    let mut token = check(CheckId::Token, CheckStatus::Fail, "Halo does not accept them", Some("Copy the Client ID"));
    token.failure = Some(FailureKind::WrongCredentials);
    report.checks = vec![token];
    stage.reply(Reply::Verified(Ok(report)));
    let text = plain(&stage);
    for words in ["API Credentials", "Configuration Name", "▸ Client ID", "Client Secret", "✗ 1 of 1 failed"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("Copy the Client ID") && !text.contains('↑'), "{text}");
}

/// A first sync that was interrupted has left something: the page says so, and which key goes on.
#[test]
fn interrupted_first_sync_says_how_it_goes_on() {
    let mut stage = at_sync();
    let mut told = standing(status("Acme MSP", true, false, false));
    told.runs = vec![SyncReport { run: std::num::NonZeroU64::new(1), ..sync_report(SyncStatus::Interrupted) }];
    stage.reply(Reply::Status(Ok(told)));
    let text = plain(&stage);
    assert!(text.contains("The last sync was interrupted") && text.contains("goes on from the 3 pages"), "{text}");
}

/// The time left counts the changes alone: what came before the first does not come again.
#[test]
fn time_left_is_told_by_changes_alone() {
    let stage = in_panes();
    let ago = |seconds: i64| stage.model.now - jiff::SignedDuration::from_secs(seconds);
    let told = |first, done| time(&stage.model, ago(70), first, done, 13);
    assert!(told(Some(ago(10)), 3).ends_with("about 50 s left"), "{}", told(Some(ago(10)), 3));
    assert!(!told(None, 0).contains("left") && !told(Some(ago(0)), 1).contains("left"));
}

/// How the service is started stands below the issue that it does not run.
#[test]
fn overview_says_how_service_is_started() {
    let mut stage = in_panes();
    stage.keys("0");
    let mut told = stage.model.facts.standing.clone().unwrap();
    told.status.service.running = false;
    stage.reply(Reply::Status(Ok(told)));
    stage.resize(120, 40);
    for (systemd, words) in [(true, "sudo pia-halo service install"), (false, "pia-halo serve")] {
        stage.model.systemd = systemd;
        assert!(plain(&stage).contains(words), "{systemd}: {}", plain(&stage));
    }
}

/// A Halo that did not answer is told with its age in light, list and header, and every object is grey until it does.
#[test]
fn silent_halo_is_told_until_it_answers() {
    let mut stage = in_panes();
    let mut told = stage.model.facts.standing.clone().unwrap();
    let silent =
        not_answered(&told.status.known.before, &Failure::new(FailureKind::NotReached, "Halo does not answer"));
    for found in silent {
        told.status.known.before.retain(|known| known.rule != found.rule);
        let at = Some(stage.model.now - jiff::SignedDuration::from_secs(180));
        told.status.known.before.push(Finding { seen_at: at, since: at, ..found });
    }
    stage.reply(Reply::Status(Ok(told)));
    stage.keys("0");
    let text = plain(&stage);
    assert!(text.contains("! Credentials") && text.contains("Halo was not reached, 3 min ago"), "{text}");
    assert!(text.lines().next().unwrap().contains("! Halo was not reached"), "{text}");
    stage.keys("3");
    stage.reply(Reply::Planned(Err(Failure::new(FailureKind::NotReached, "acme.halopsa.com did not answer in time"))));
    let text = plain(&stage);
    assert!(text.contains("unknown: Halo did not answer") && !text.contains("in place"), "{text}");
}

/// Links that go with their tab have no key of their own, and so no brackets that ask for one.
#[test]
fn links_that_go_with_tab_look_like_no_choice() {
    let mut stage = in_panes();
    stage.keys("3 x");
    stage.reply(Reply::Planned(Ok(Ok(crate::app::testing::removal()))));
    let text = plain(&stage);
    assert!(text.contains("[x] Pia Chat Pod (c)   with its links") && !text.contains("[x] links"), "{text}");
    stage.keys("c");
    stage.reply(Reply::Planned(Ok(Ok(crate::app::testing::removal()))));
    let text = plain(&stage);
    assert!(text.contains("links (l)") && !text.contains("with its links"), "{text}");
}

/// How old a problem is stands at its light, and not in its own line once more; a light that has no room for it leaves it there.
#[test]
fn age_of_problem_is_told_once() {
    for (width, height) in [(80, 24), (120, 40), (48, 16)] {
        let scenes = super::scenes::scenes();
        let (_, mut stage) = scenes.into_iter().find(|(name, _)| *name == "pane_overview_problems").unwrap();
        stage.resize(width, height);
        let text = plain(&stage);
        let told = text.lines().filter(|line| line.contains("objects differ") || line.contains("Drift"));
        let ages = told.filter(|line| line.contains("just now") || line.contains("for ")).count();
        assert!(ages <= 1, "{width}: {text}");
    }
}

/// Where the service does not run, no page of the set-up is greener than the panes are.
#[test]
fn settings_are_no_greener_than_panes() {
    let mut stage = in_panes();
    let mut without = status("Acme MSP", true, true, true);
    without.service.running = false;
    stage.reply(Reply::Status(Ok(standing(without))));
    stage.keys("e");
    let text = plain(&stage);
    assert!(text.lines().next().unwrap().contains("service not running"), "{text}");
}

/// Settings that show what was typed earlier say so at the top, and what of it keeps another change from being saved; one key
/// forgets it.
#[test]
fn forgotten_draft_is_told_and_stops_no_save_in_silence() {
    let there = finished();
    let active = there.configurations[0].clone();
    let typed = "1d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f";
    let draft = Draft { step: Step::Review, ..Draft::of(&active.id, &active.configuration) };
    let draft = Some(draft.with(FieldId::ClientId, typed));
    let draft_at = Some(at("2026-11-23T08:53:00Z"));
    let mut stage = Stage::with(Overview { draft, draft_at, ..there });
    stage.keys("e");
    let text = plain(&stage);
    assert!(text.contains("your draft (2 h ago): 1 change, not saved"), "{text}");
    assert!(text.contains("Ctrl-X discards it."), "{text}");
    stage.send(Message::Do(Command::Setting(FieldId::DailySyncTime)));
    stage.keys("^U");
    stage.type_text("05:45");
    stage.keys("^S");
    stage.reply(Reply::Verified(Ok(failed())));
    assert!(stage.notice().contains("Client ID is from your draft (2 h ago)"), "{}", stage.notice());
    assert_eq!(stage.keys("^X"), [], "it asks first");
    assert!(stage.keys("y").contains(&Effect::DiscardDraft));
    assert_eq!(stage.model.screen, Screen::Panes);
    stage.keys("e");
    assert!(!plain(&stage).contains("your draft"), "{}", plain(&stage));
}

/// One reason of several checks is said once: in the test at the size that most terminals have, and above the plan.
#[test]
fn one_doubt_of_several_checks_is_said_once_at_80x24() {
    let doubt = "the agent is restricted";
    let mut report = passed();
    let restricted = [CheckId::Clients, CheckId::Teams, CheckId::TicketTypes, CheckId::Webhooks, CheckId::CustomTabs];
    for check in report.checks.iter_mut().filter(|check| restricted.contains(&check.id)) {
        check.status = CheckStatus::Warn;
        check.message = format!("4 can be read; there may be more: {doubt}; writing allowed by scope and role");
    }
    let said = |stage: &Stage, what: &str| {
        let text = plain(stage).replace(['\n', '│', '█'], " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ").matches(what).count()
    };
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(report.clone())));
    for height in [24, 60] {
        stage.resize(80, height);
        assert!(said(&stage, doubt) <= 1, "{}", plain(&stage));
    }
    assert_eq!(said(&stage, doubt), 1, "{}", plain(&stage));
    assert!(said(&stage, "allow writing") <= 1, "{}", plain(&stage));
    let mut stage = at_configure();
    report.checks.iter().for_each(|check| drop(stage.reply(Reply::Checked(check.clone()))));
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(said(&stage, doubt), 1, "{}", plain(&stage));
    assert_eq!(said(&stage, "allow writing"), 0, "{}", plain(&stage));
}

/// What will be done comes first; what stays is one line, and opens.
#[test]
fn what_stays_is_last_line_of_plan_and_opens() {
    let mut planned = plan();
    let mut kept = kept().changes.split_off(4);
    kept.extend(planned.changes);
    planned.changes = kept;
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(planned))));
    let text = plain(&stage);
    assert!(text.find("create").unwrap() < text.find("= 4 unchanged").unwrap(), "{text}");
    assert!(!text.contains("Project"), "{text}");
    stage.keys("G");
    stage.keys("Enter");
    assert!(plain(&stage).contains("Project"), "{}", plain(&stage));
    stage.keys("Enter y");
    assert!(plain(&stage).contains("= 4 unchanged"), "{}", plain(&stage));
}

/// A pane opens at its top, however low the screen is.
#[test]
fn pane_opens_at_its_top_on_low_screen() {
    for pane in ["0", "1", "2", "3", "4", "5"] {
        let mut stage = in_panes();
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.resize(40, 12);
        stage.keys(pane);
        assert!(!plain(&stage).contains('↑'), "{pane}: {}", plain(&stage));
    }
}

/// However narrow the screen is, a pane names first what it is for.
#[test]
fn first_key_of_pane_is_its_own_on_narrow_screen() {
    let mut stage = in_panes();
    stage.resize(40, 12);
    for (pane, own) in [("1", "Sync Now"), ("2", "Details"), ("3", "Re-configure"), ("4", "Tickets"), ("5", "Search")] {
        stage.keys(pane);
        // That one reads Halo as it opens.
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        let (left, _) = hints(&stage.model, 40);
        assert_eq!(left.first().map(|hint| &*hint.words), Some(own), "{pane}: {left:?}");
    }
}

/// What another program was in the way of is not called running once that has finished, and the rows of before are gone.
#[test]
fn other_run_that_has_finished_is_not_waited_for() {
    let mut stage = at_configure();
    let busy = |by: Option<&str>| {
        let mut told = standing(status("Acme MSP", true, true, false));
        told.configuring = by.map(str::to_owned);
        Reply::Status(Ok(told))
    };
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.read_plan();
    stage.keys("y");
    stage.reply(busy(Some("Configure by ada on vm")));
    let failure = Failure::new(FailureKind::Busy, "already running: Configure by ada on vm");
    stage.reply(Reply::Configured(Err(failure.hint("Wait until it has finished; nothing was changed"))));
    let text = plain(&stage);
    assert!(text.contains("already running") && !text.contains("0 made"), "one voice: {text}");
    stage.reply(busy(None));
    let text = plain(&stage);
    assert!(text.contains("The other run has finished (10:5") && text.contains("reads Halo again"), "{text}");
    assert!(!text.contains("already running") && !text.contains("○"), "{text}");
}

/// On a narrow screen how it stands is worth more than the name of the program.
#[test]
fn problem_in_header_is_whole_on_narrow_screen() {
    let mut stage = in_panes();
    stage.resize(40, 12);
    let mut standing = standing(status("Acme MSP", true, true, true));
    standing.status.integration.deliveries = crate::app::testing::deliveries();
    standing.status.integration.deliveries[0].state = crate::domain::delivery::DeliveryState::ServerError;
    stage.reply(Reply::Status(Ok(standing)));
    let text = plain(&stage);
    let header = text.lines().next().unwrap_or_default();
    assert!(header.contains("✗ ") && !header.trim_end().ends_with('…'), "{header}");
}

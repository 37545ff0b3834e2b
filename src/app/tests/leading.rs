//! Where something stands in the way a key leads on, and what another program is at is waited for.

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::header::{connection, standing as header};
use crate::app::jobs::escalate::nothing_to_do;
use crate::app::jobs::state::{ApplyWork, PlanWork};
use crate::app::keymap::{Command, Pane, Place, place};
use crate::app::message::{Message, Reply};
use crate::app::notice::Tone;
use crate::app::panes::integration::objects;
use crate::app::popup::{Popup, Question};
use crate::app::testing::events::{escalation, in_events};
use crate::app::testing::{
    Stage, at, at_configure, at_sync, configure_report, failed, finished, id, in_panes, kept, offering, overview,
    passed, plan, results, saved, standing, status, sync_report,
};
use crate::app::wizard::steps::{StepSign, step_sign};
use crate::app::wizard::{Item, Test, finished as last_page};
use crate::domain::check::{CheckReport, CheckStatus};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State};
use crate::domain::plan::{ConfigureReport, ConfigureStatus, Outcome};
use crate::domain::status::{Saved, StepState};
use crate::domain::sync_run::{SyncReport, SyncStatus};

fn footer(stage: &Stage, columns: usize) -> String {
    let (left, _) = hints(&stage.model, columns);
    left.iter().map(|hint| format!("{} {}  ", hint.key, hint.words)).collect()
}

fn without_pia_url(mut saved: Saved) -> Saved {
    saved.configuration.integration.pia_url = None;
    saved
}

/// A blank Pia Url keeps Configure from being done: one key leads to it, in the set-up and from the panes.
#[test]
fn blank_pia_url_is_one_key_away() {
    let mut stage = at_configure();
    stage.model.work.forget_plan();
    if let Some(base) = stage.model.wizard.as_mut().and_then(|wizard| wizard.base.as_mut()) {
        base.integration.pia_url = None;
    }
    assert!(footer(&stage, 80).starts_with("Enter Go to Pia Url"), "{}", footer(&stage, 80));
    stage.keys("Enter");
    let focus = stage.model.wizard.as_ref().map(|wizard| wizard.focus);
    assert_eq!(focus, Some(Item::Field(FieldId::PiaUrl)));

    let mut stage = Stage::with(overview(vec![without_pia_url(saved("acme", "Acme MSP", true, true, true))]));
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, true)))));
    stage.keys("3");
    assert!(footer(&stage, 80).starts_with("Enter Go to Pia Url"), "{}", footer(&stage, 80));
    stage.keys("Enter");
    let focus = stage.model.wizard.as_ref().map(|wizard| wizard.focus);
    assert_eq!(focus, Some(Item::Field(FieldId::PiaUrl)));
}

/// A first sync that Halo refuses for the credentials leads to them, and nothing calls them merely untested.
#[test]
fn refused_credentials_of_first_sync_lead_to_their_field() {
    let mut stage = at_sync();
    stage.keys("Enter");
    let refused = Failure::new(FailureKind::WrongCredentials, "Halo does not accept the Client ID and Client Secret");
    let report = SyncReport { error: Some(refused), ..sync_report(SyncStatus::Failed) };
    stage.reply(Reply::Synced(Ok(report)));
    assert!(footer(&stage, 80).starts_with("Enter Go to Credentials  s Sync Now"), "{}", footer(&stage, 80));
    let mut known = status("Acme MSP", true, false, false);
    let refused = Finding::new(Rule::Credentials, State::Broken, "refused");
    known.health = vec![Finding { seen_at: Some(stage.now), ..refused }];
    for test in [Test::Not, Test::Broken(Failure::new(FailureKind::WrongCredentials, "refused"))] {
        if let Some(wizard) = &mut stage.model.wizard {
            (wizard.test, wizard.untested) = (test, true);
        }
        stage.model.facts.standing = None;
        assert_eq!(connection(&stage.model), (Tone::Warn, "not verified".to_owned()));
        stage.reply(Reply::Status(Ok(standing(known.clone()))));
        assert_eq!(connection(&stage.model), (Tone::Bad, "credentials refused   acme.halopsa.com".to_owned()));
    }
    stage.keys("Enter");
    let focus = stage.model.wizard.as_ref().map(|wizard| wizard.focus);
    assert_eq!(focus, Some(Item::Field(FieldId::ClientSecret)));
}

/// The look at the objects is stopped like everything that runs, and what is being looked at is not green.
#[test]
fn look_at_objects_is_stopped_and_leaves_no_row_green() {
    let mut stage = in_panes();
    stage.keys("3");
    assert!(matches!(stage.model.work.plan, PlanWork::Reading { .. }));
    let rows = objects(&stage.model);
    assert!(!rows.is_empty() && rows.iter().all(|row| row.tone == Tone::Calm), "{rows:?}");
    assert!(footer(&stage, 80).contains("Esc Stop"), "{}", footer(&stage, 80));
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Plan)]);
    assert!(matches!(stage.model.work.plan, PlanWork::None));
    assert_eq!(place(&stage.model), Place::Pane(Pane::Integration), "it stops, and goes nowhere");
    assert!(objects(&stage.model).iter().all(|row| row.tone == Tone::Good), "as they were seen last");
    stage.keys("Esc");
    assert_eq!(place(&stage.model), Place::Cards);
}

/// What another program is still writing into Halo is not read halfway, and read as soon as it is done.
#[test]
fn half_of_what_another_program_does_is_never_shown() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    let mut told = stage.model.facts.standing.clone().unwrap();
    told.configuring = Some("Remove by dana on jump1".to_owned());
    stage.reply(Reply::Status(Ok(told.clone())));
    assert!(objects(&stage.model).iter().all(|row| row.tone == Tone::Calm), "nothing is called in place meanwhile");
    told.status.integration.objects.pop();
    let effects = stage.reply(Reply::Status(Ok(told.clone())));
    assert!(!effects.contains(&Effect::LoadPlan(id("acme"))), "{effects:?}");
    assert!(objects(&stage.model).iter().all(|row| row.tone == Tone::Calm), "nothing is called in place meanwhile");
    assert_eq!(stage.keys("t"), []);
    assert!(stage.notice().starts_with("Another program is changing Halo: Remove by dana"), "{}", stage.notice());
    told.configuring = None;
    let effects = stage.reply(Reply::Status(Ok(told)));
    assert_eq!(effects, [Effect::LoadPlan(id("acme"))]);
}

/// Each object that drifted says what is wrong with itself.
#[test]
fn row_tells_its_own_fault() {
    let mut stage = in_panes();
    let mut known = status("Acme MSP", true, true, true);
    let names = ["Pia - Ticket Created", "Pia - Ticket Updated", "Pia Chat Pod"];
    let fact = "Pia - Ticket Created (missing in Halo); Pia - Ticket Updated (changed in Halo); 1 more";
    let drift = Finding::new(Rule::Drift, State::Broken, fact).about(names.join("\n"));
    known.known.before.retain(|finding| finding.rule != Rule::Drift);
    known.known.before.push(Finding { seen_at: Some(at("2026-11-23T10:50:00Z")), ..drift });
    stage.reply(Reply::Status(Ok(standing(known))));
    stage.keys("3");
    let rows = objects(&stage.model);
    let of = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
    assert_eq!(of(names[0]).words, "missing in Halo");
    assert_eq!(of(names[1]).words, "changed in Halo");
    assert_eq!(of(names[2]).words, "changed or missing in Halo");
    assert!(rows.iter().all(|row| row.detail.iter().all(|line| !line.contains(';'))), "{rows:?}");
    assert_eq!(of("Incident").tone, Tone::Calm, "of this one nothing is wrong");
}

/// Where something of somebody else's has our name, the key that takes it over is in the line of keys.
#[test]
fn take_over_is_in_line_of_keys() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(offering()))));
    for columns in [40, 64, 80] {
        let keys = footer(&stage, columns);
        assert!(keys.contains("y Apply") && keys.contains("o Take"), "{columns}: {keys}");
    }
}

/// The header names an issue with its sign, a sync behind it, and no time that nothing keeps.
#[test]
fn header_promises_no_sync_while_service_is_stopped() {
    let mut stage = in_panes();
    let mut known = status("Acme MSP", true, true, true);
    known.service.running = false;
    stage.reply(Reply::Status(Ok(standing(known))));
    let (tone, words) = header(&stage.model);
    assert_eq!((tone, words.contains("sync ")), (Tone::Bad, false), "{words}");
    stage.keys("s");
    let (_, words) = header(&stage.model);
    assert!(words.starts_with("service not running · syncing"), "{words}");
}

/// What is told of settings goes once the set-up goes on.
#[test]
fn line_of_settings_goes_with_them() {
    let mut stage = at_configure();
    stage.send(Message::Do(Command::Setting(FieldId::PiaUrl)));
    assert!(stage.model.wizard.as_ref().is_some_and(|wizard| wizard.settings));
    stage.send(Message::Do(Command::Configure));
    assert!(stage.model.wizard.as_ref().is_some_and(|wizard| !wizard.settings));
    assert_eq!(place(&stage.model), Place::Plan);
}

/// The last page says of a Configure that did not do everything how far it came.
#[test]
fn last_page_says_how_far_configure_came() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    let mut report = ConfigureReport {
        status: ConfigureStatus::PartlyDone,
        message: "6 done, 1 not done. It is safe to run Configure again.".to_owned(),
        ..configure_report(&plan())
    };
    report.results[0].outcome = Outcome::Failed;
    stage.reply(Reply::Configured(Ok(report)));
    stage.keys("Tab");
    let (state, _, words) = last_page::open_lines(&stage.model).swap_remove(3);
    assert_eq!(
        (state, words.as_str()),
        (StepState::NeedsAttention, "6 done, 1 not done. It is safe to run Configure again.")
    );
}

/// While Configure runs it counts the changes that its end counts.
#[test]
fn running_configure_counts_what_its_end_counts() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    let ApplyWork::Running { total, .. } = &stage.model.work.apply else { panic!() };
    assert_eq!(*total, plan().pending().count());
    assert!(*total < results(&plan()).len(), "one of them is kept");
}

/// An escalation that would change nothing is not sent.
#[test]
fn escalation_that_changes_nothing_is_refused() {
    let mut stage = in_events();
    let ticket = escalation().ticket;
    stage.model.popup = Some(Popup::Escalate(Box::new(Question {
        ticket: ticket.id,
        known: Some(ticket),
        note: Default::default(),
        since: at("2026-11-23T00:00:00Z"),
    })));
    assert!(nothing_to_do(&stage.model).is_some());
    assert_eq!(stage.keys("Enter"), []);
    assert!(stage.notice().starts_with("The ticket is there already"), "{}", stage.notice());
    stage.type_text("please");
    assert!(matches!(stage.keys("Enter").as_slice(), [Effect::Escalate { .. }]));
}

/// What was checked is said where it can be seen what that was.
#[test]
fn end_of_check_is_told_in_panes_alone() {
    let mut stage = Stage::with(finished());
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, true)))));
    stage.keys("0 t ^O");
    stage.reply(Reply::Looked(Ok(None)));
    assert_eq!(stage.notice(), "");
    stage.keys("Enter 0 t");
    stage.reply(Reply::Looked(Ok(None)));
    assert_eq!(stage.notice(), "Checked just now.");
}

/// Header, steps and last page call the credentials verified by the same fact as the overview: a test or a sync that has
/// passed since.
#[test]
fn what_passed_since_counts_in_header_steps_and_end() {
    let mut stage = at_sync();
    if let Some(wizard) = &mut stage.model.wizard {
        (wizard.test, wizard.untested) = (Test::Not, true);
    }
    let mut known = status("Acme MSP", true, false, false);
    known.steps.credentials = StepState::NotVerified;
    stage.reply(Reply::Status(Ok(standing(known.clone()))));
    assert_eq!(connection(&stage.model), (Tone::Warn, "not verified".to_owned()));
    assert_eq!(step_sign(&stage.model, Step::Credentials), StepSign::Warn);
    assert_eq!(last_page::open_lines(&stage.model)[0].0, StepState::NotVerified);
    known.steps.credentials = StepState::Done;
    stage.reply(Reply::Status(Ok(standing(known))));
    assert_eq!(connection(&stage.model), (Tone::Good, "acme.halopsa.com".to_owned()));
    assert_eq!(step_sign(&stage.model, Step::Credentials), StepSign::Done);
    assert_eq!(last_page::open_lines(&stage.model)[0].0, StepState::Done);
}

/// A permission that no test proves is told by the set-up as the overview tells it; a secret that Halo has refused is called
/// refused, and not merely untested.
#[test]
fn unproved_permission_and_refused_secret_are_told() {
    let told = |report: CheckReport, untested: bool| {
        let mut stage = at_sync();
        if let Some(wizard) = &mut stage.model.wizard {
            (wizard.test, wizard.untested) =
                (if report.ok { Test::Passed(report) } else { Test::Failed(report) }, untested);
            wizard.tested_at = Some(stage.now);
        }
        let end = last_page::open_lines(&stage.model).swap_remove(0);
        assert_eq!(step_sign(&stage.model, Step::Credentials), StepSign::Warn);
        assert_eq!(end.0, StepState::NeedsAttention);
        let (tone, words) = connection(&stage.model);
        assert!(words.starts_with(&end.2), "{words} {}", end.2);
        (tone, end.2)
    };
    let mut doubtful = passed();
    doubtful.checks[7].status = CheckStatus::Warn;
    assert_eq!(told(doubtful, false), (Tone::Warn, "a permission is not proved".to_owned()));
    let mut refused = failed();
    refused.checks[1].status = CheckStatus::Fail;
    assert_eq!(told(refused, true), (Tone::Bad, "credentials refused".to_owned()));
}

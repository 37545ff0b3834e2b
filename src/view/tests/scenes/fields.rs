//! The steps that are typed: from the checklist to Save.

use crate::app::go::Go;
use crate::app::message::{Message, Reply};
use crate::app::testing::{
    Stage, at, at_review, at_sync, clash, draft, failed, lists, overview, passed, save_report, saved, tested,
    with_credentials,
};
use crate::domain::check::{CheckId, CheckStatus};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::FieldId;
use crate::domain::health::{Finding, Rule, State};
use crate::domain::people::Team;
use crate::domain::status::{Overview, StepState};

use super::{Scenes, refused, unreachable, unreadable};

fn first() -> Stage {
    Stage::with(Overview::default())
}

// The settings of a saved configuration.
fn settings() -> Stage {
    let mut stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, true)]));
    stage.keys("^O e");
    stage
}

// The same, at the test.
fn saved_before() -> Stage {
    let mut stage = settings();
    stage.send(Message::Go(Go::Step(Step::Credentials)));
    stage
}

pub fn add(scenes: &mut Scenes) {
    scenes.add("wizard_checklist", first(), |stage| {
        stage.keys("Enter Esc");
    });
    credentials(scenes);
    tests(scenes);
    sections(scenes);
    review(scenes);
}

fn credentials(scenes: &mut Scenes) {
    scenes.add("wizard_credentials_empty", first(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("wizard_credentials_errors", first(), |stage| {
        stage.keys("Enter Tab");
        stage.type_text("acme");
        stage.keys("Tab");
        stage.type_text("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1");
    });
    scenes.add("wizard_credentials_suggestion", first(), |stage| {
        stage.keys("Enter Tab");
        stage.type_text("acme");
        stage.keys("Tab Shift-Tab");
    });
    scenes.add("wizard_credentials_long", first(), |stage| {
        stage.keys("Enter");
        stage.type_text("A managed service provider with quite a long name that goes on and on and on");
        stage.keys("Tab");
        stage.type_text("a-rather-long-host-name-for-a-tenant.of-a-customer-with-many-departments.halopsa.com");
    });
    scenes.add("wizard_credentials_typed", with_credentials(), |_| {});
    scenes.add("wizard_credentials_pasted_lines", with_credentials(), |stage| {
        stage.keys("Shift-Tab ^U");
        stage.paste("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f\nand a second line\n");
    });
    scenes.add("wizard_credentials_stored", saved_before(), |_| {});
    let given = Overview {
        outside_secret: Some("PIA_HALO_CLIENT_SECRET".to_owned()),
        ..overview(vec![saved("acme", "Acme MSP", true, true, true)])
    };
    scenes.add("wizard_credentials_outside", Stage::with(given), |stage| {
        stage.keys("^O e");
        stage.send(Message::Go(Go::Step(Step::Credentials)));
        stage.keys("Up");
    });
}

fn tests(scenes: &mut Scenes) {
    scenes.add("wizard_credentials_testing", with_credentials(), |stage| {
        stage.keys("Enter");
        for check in failed().checks.into_iter().take(3) {
            stage.reply(Reply::Checked(check));
        }
        stage.later(2);
        stage.send(Message::Wake);
    });
    scenes.add("wizard_credentials_passed", tested(), |_| {});
    scenes.add("wizard_credentials_warned", with_credentials(), |stage| {
        stage.keys("Enter");
        let mut report = passed();
        for check in &mut report.checks {
            if check.id == CheckId::Teams {
                check.status = CheckStatus::Warn;
                check.message = "1 team".to_owned();
                check.hint = Some("Is the agent a member of all teams?".into());
            }
        }
        stage.reply(Reply::Verified(Ok(report)));
        stage.keys("Down");
    });
    scenes.add("wizard_credentials_failed", with_credentials(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Verified(Ok(failed())));
    });
    scenes.add("wizard_credentials_failed_check", with_credentials(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Verified(Ok(failed())));
        stage.keys("Down");
    });
    scenes.add("wizard_credentials_advice", with_credentials(), |stage| {
        stage.resize(40, 12);
        stage.keys("Enter");
        stage.reply(Reply::Verified(Ok(failed())));
        stage.keys("Down Down");
    });
    scenes.add("wizard_credentials_refused", with_credentials(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Verified(Err(refused())));
    });
    scenes.add("wizard_credentials_unreachable", with_credentials(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Verified(Err(unreachable())));
    });
    scenes.add("wizard_credentials_untested", with_credentials(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Verified(Err(refused())));
        stage.keys("u");
    });
    let passed_over = || {
        let mut stage = with_credentials();
        stage.keys("Enter");
        stage.reply(Reply::Verified(Err(refused())));
        stage.keys("u y");
        stage
    };
    scenes.add("wizard_company_sync_passed_over", passed_over(), |_| {});
    scenes.add("wizard_credentials_passed_over", passed_over(), |stage| {
        stage.keys("Esc");
    });
    let mut unverified = saved("acme", "Acme MSP", true, true, true);
    unverified.status.steps.credentials = StepState::NotVerified;
    scenes.add("wizard_credentials_not_verified", Stage::with(overview(vec![unverified])), |stage| {
        stage.keys("^O e");
        stage.send(Message::Go(Go::Step(Step::Credentials)));
    });
    let mut known = saved("acme", "Acme MSP", true, true, true);
    let found = Finding::new(Rule::Credentials, State::Broken, "Halo does not accept the Client ID and Client Secret");
    known.status.health = vec![Finding { seen_at: Some(at("2026-11-23T10:41:00Z")), ..found }];
    scenes.add("wizard_credentials_refused_since", Stage::with(overview(vec![known.clone()])), |stage| {
        stage.keys("^O e");
        stage.send(Message::Go(Go::Step(Step::Credentials)));
    });
    scenes.add("wizard_settings_refused_since", Stage::with(overview(vec![known])), |stage| {
        stage.keys("^O e");
    });
    scenes.add("wizard_quit_with_secret", with_credentials(), |stage| {
        stage.keys("^C");
    });
}

fn sections(scenes: &mut Scenes) {
    scenes.add("wizard_company_sync", tested(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("wizard_company_sync_error", tested(), |stage| {
        stage.keys("Enter ^U");
        stage.type_text("4:3");
        stage.keys("Enter");
    });
    scenes.add("wizard_company_sync_saved", settings(), |stage| {
        stage.send(Message::Go(Go::Step(Step::CompanySync)));
        stage.keys("Down Down");
    });
    scenes.add("wizard_pia_screen", tested(), |stage| {
        stage.keys("Enter Enter");
    });
    scenes.add("wizard_pia_screen_suggestions", tested(), |stage| {
        stage.keys("Enter Enter ^U");
        stage.type_text("pi");
    });
    scenes.add("wizard_pia_screen_many", tested(), |stage| {
        let mut many = lists();
        many.teams = (1..=20).map(|id| Team { id, name: format!("Team {id:02}").into(), inactive: false }).collect();
        stage.reply(Reply::Lists(Ok(many)));
        stage.keys("Enter Enter ^U");
        stage.type_text("te");
        stage.keys("Down Down Down Down Down Down Down Down");
    });
    scenes.add("wizard_pia_screen_unknown", tested(), |stage| {
        stage.keys("Enter Enter ^U");
        stage.type_text("Nobody");
        stage.keys("Tab");
    });
    scenes.add("wizard_pia_screen_asked", tested(), |stage| {
        stage.keys("Enter Enter ^U");
        stage.type_text("Pai");
        stage.keys("Tab Enter");
    });
    scenes.add("wizard_pia_screen_wait", tested(), |stage| {
        stage.keys("Enter Enter Tab Space");
    });
    scenes.add("wizard_integration", tested(), |stage| {
        stage.keys("Enter Enter Enter");
        stage.paste("pia.acme.example/");
    });
    scenes.add("wizard_integration_error", tested(), |stage| {
        stage.keys("Enter Enter Enter");
        stage.paste("http://pia.acme.example");
        stage.keys("Tab Shift-Tab");
    });
    scenes.add("wizard_integration_callbacks", at_sync(), |stage| {
        stage.keys("Esc Esc Tab Tab");
    });
    scenes.add("wizard_integration_copied", at_sync(), |stage| {
        stage.keys("Esc Esc Tab Tab");
        stage.reply(Reply::Copied(Ok(())));
    });
    scenes.add("wizard_integration_not_copied", at_sync(), |stage| {
        stage.keys("Esc Esc Tab Tab");
        stage.reply(Reply::Copied(Err("the text is too long for the terminal".to_owned())));
    });
    scenes.add("wizard_integration_revealed", at_sync(), |stage| {
        stage.keys("Esc Esc Tab Tab r");
    });
    scenes.add("wizard_integration_no_callbacks", at_sync(), |stage| {
        stage.keys("Esc Esc");
        stage.reply(Reply::Callbacks(Err(unreadable())));
    });
}

fn review(scenes: &mut Scenes) {
    scenes.add("wizard_review", at_review(), |_| {});
    scenes.add("wizard_review_line", at_review(), |stage| {
        stage.keys("Up Up");
    });
    scenes.add("wizard_settings", settings(), |_| {});
    scenes.add("wizard_settings_changed", settings(), |stage| {
        stage.keys("PgDn ^U");
        stage.type_text("15:15 Australia/Brisbane");
        stage.keys("PgDn ^U");
        stage.type_text("Service Desk");
        stage.keys("Tab Tab");
    });
    scenes.add("wizard_settings_time", settings(), |stage| {
        stage.keys("PgDn ^U");
        stage.type_text("0515");
    });
    scenes.add("wizard_settings_contact", settings(), |stage| {
        stage.reply(Reply::Lists(Ok(lists())));
        stage.keys("PgDn PgDn Tab");
    });
    scenes.add("wizard_review_before", settings(), |stage| {
        stage.keys("Shift-Tab");
    });
    let wrong = draft(Step::Review).with(FieldId::PiaUrl, "http://pia.acme.example/with/a/path");
    let found = Overview { draft: Some(wrong), ..Overview::default() };
    scenes.add("wizard_review_error", Stage::with(found), |stage| {
        stage.keys("Enter");
    });
    scenes.add("wizard_review_saving", at_review(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("wizard_review_failed", at_review(), |stage| {
        stage.keys("Enter");
        let failure = Failure::new(FailureKind::LocalState, "the settings could not be written: disk full");
        stage.reply(Reply::Saved(Err(failure.hint("Make room in ~/.config/pia-halo and save again."))));
    });
    scenes.add("wizard_review_saved", settings(), |stage| {
        stage.model.wizard.as_mut().unwrap().form.set(FieldId::PiaUrl, "https://pia2.acme.example");
        stage.keys("^S");
        let mut report = save_report(true);
        report.changed = vec![FieldId::PiaUrl.info().label];
        (FieldId::PiaUrl.info().set)(&mut report.configuration, "https://pia2.acme.example");
        stage.reply(Reply::Saved(Ok(report)));
    });
    scenes.add("wizard_review_unchanged", settings(), |stage| {
        stage.model.wizard.as_mut().unwrap().form.set(FieldId::DailySyncTime, "06:00");
        stage.keys("^S");
        let report = crate::domain::request::SaveReport { changed: vec![], ..save_report(true) };
        stage.reply(Reply::Saved(Ok(report)));
    });
    scenes.add("wizard_credentials_more", with_credentials(), |stage| {
        stage.keys("^T");
    });
    scenes.add("wizard_credentials_other_host", with_credentials(), |stage| {
        let form = &mut stage.model.wizard.as_mut().unwrap().form;
        form.set(FieldId::AuthUrl, "https://login.other.example/auth");
        stage.keys("Tab Enter");
        stage.type_text("login");
    });
    scenes.add("wizard_review_clash", settings(), |stage| {
        let form = &mut stage.model.wizard.as_mut().unwrap().form;
        form.set(FieldId::DailySyncTime, "06:00");
        form.set(FieldId::PiaBoard, "Two");
        stage.keys("^S");
        let mine = stage.model.wizard.as_ref().unwrap().configuration().unwrap();
        stage.reply(clash(&mine));
    });
    scenes.add("wizard_draft_not_kept", at_review(), |stage| {
        stage.reply(Reply::DraftFailed(unreadable()));
    });
}

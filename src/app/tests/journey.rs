//! From the Integrations page to the end, by keys.

use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::message::Reply;
use crate::app::model::Screen;
use crate::app::testing::{
    CANARY, Stage, at, configure_report, id, lists, now, overview, passed, plan, progress, results, save_report, saved,
    sync_report,
};
use crate::app::wizard::{Item, Wizard};
use crate::app::{next_wake, wizard};
use crate::domain::configuration::EscalateTo;
use crate::domain::draft::{Draft, Step};
use crate::domain::request::SecretChoice;
use crate::domain::secret::Secret;
use crate::domain::status::Overview;
use crate::domain::sync_run::{Brake, SyncStatus};

fn step(stage: &Stage) -> Step {
    stage.model.wizard.as_ref().unwrap().step
}

fn focus(stage: &Stage) -> Item {
    stage.model.wizard.as_ref().unwrap().focus
}

/// The whole set-up, key by key, with every effect that it asks for.
///
/// S6: the wizard shows all steps; S17: Enter on the card is Configure; S42: Sync Now is one key; S48: Configure
/// unlocks after the sync; S51: Configure is an action; S56: the last screen.
#[test]
fn keys_lead_from_integrations_to_end() {
    let mut stage = Stage::with(Overview::default());
    assert_eq!(stage.model.screen, Screen::Integrations);
    // API Credentials. The draft is kept with every step.
    assert_eq!(stage.keys("Enter"), []);
    assert_eq!(focus(&stage), Item::Field(FieldId::Name));
    stage.type_text("Acme MSP");
    stage.keys("Enter");
    stage.type_text("acme.halopsa.com/api");
    stage.keys("Enter");
    stage.paste("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f\n");
    stage.keys("Enter");
    stage.paste(CANARY);
    let effects = stage.keys("Enter");
    let [Effect::Verify(request), Effect::SaveDraft(_)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(request.api.url.as_str(), "https://acme.halopsa.com");
    assert_eq!(request.secret, SecretChoice::Typed(Secret::new(CANARY)));
    assert_eq!((&request.id, &request.pia_screen), (&None, &None));
    stage.reply(Reply::Verified(Ok(passed())));
    assert_eq!(focus(&stage), Item::Test);

    // Company Sync, Pia Screen, Integration: Enter on the last field goes on.
    let effects = stage.keys("Enter");
    let [Effect::SaveDraft(draft)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((draft.step, draft.secret_entered, draft.name()), (Step::CompanySync, true, "Acme MSP"));
    assert!(!format!("{effects:?}").contains(CANARY));
    stage.keys("Enter");
    assert_eq!(step(&stage), Step::PiaScreen);
    stage.keys("Enter");
    assert_eq!(step(&stage), Step::Integration);
    stage.paste("https://pia.acme.example/");

    // Save, the first sync and the plan follow one another.
    let effects = stage.keys("Enter");
    let Some(Effect::Save(request)) = effects.last() else { panic!("{effects:?}") };
    assert!(request.verified && request.id.is_none());
    assert_eq!(request.configuration.name, "Acme MSP");
    assert_eq!(request.configuration.pia_screen.escalate_to, None);
    let effects = stage.reply(Reply::Saved(Ok(save_report(true))));
    assert!(effects.contains(&Effect::DiscardDraft), "{effects:?}");
    assert!(effects.contains(&Effect::Sync { id: id("acme"), brake: Brake::On }), "{effects:?}");
    assert!(stage.model.wizard.as_ref().unwrap().form.secret.is_empty(), "a saved secret is not kept here");
    stage.reply(Reply::Overview(Ok(overview(vec![saved("acme", "Acme MSP", true, false, false)]))));
    assert_eq!(step(&stage), Step::InitialSync);
    stage.reply(Reply::SyncProgress(progress(100, Some(237))));
    let effects = stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    assert!(effects.contains(&Effect::LoadLists(id("acme"))) && effects.contains(&Effect::LoadClients(id("acme"))));
    assert!(effects.contains(&Effect::LoadPlan(id("acme"))), "{effects:?}");
    stage.reply(Reply::Lists(Ok(lists())));
    assert_eq!(step(&stage), Step::Configure);

    // Configure.
    for check in passed().checks {
        stage.reply(Reply::Checked(check));
    }
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(stage.keys("y"), [Effect::Configure(id("acme"), Box::new(plan()))]);
    for result in results(&plan()) {
        stage.reply(Reply::Applied(result));
    }
    stage.reply(Reply::Configured(Ok(configure_report(&plan()))));
    stage.reply(Reply::Overview(Ok(overview(vec![saved("acme", "Acme MSP", true, true, true)]))));
    assert_eq!(step(&stage), Step::Finished, "the end follows by itself");

    // S35: Pia Escalate To is there once more, and is saved on the way out.
    stage.keys("Space");
    stage.type_text("dana");
    stage.keys("Enter");
    let effects = stage.keys("Enter");
    let Some(Effect::Save(request)) = effects.last() else { panic!("{effects:?}") };
    let contact = EscalateTo { agent_id: 7, name: "Dana Scully".to_owned() };
    assert_eq!(request.configuration.pia_screen.escalate_to, Some(contact));
    assert_eq!((&request.id, &request.secret), (&Some(id("acme")), &SecretChoice::Stored));
    stage.reply(Reply::Saved(Ok(save_report(true))));
    assert_eq!(stage.model.screen, Screen::Panes);
    assert!(stage.model.wizard.is_none());
    let minute = at("2026-11-23T10:54:00Z");
    assert_eq!(next_wake(&stage.model, stage.now), Some(minute), "idle means asleep: an age is told by the minute");
}

/// From the start to the last screen: ten keys beside the values, and six screens on which anything is waited for.
#[test]
fn set_up_takes_ten_keys_on_six_screens() {
    let mut stage = Stage::with(Overview::default());
    let (mut keys, mut screens) = (0, std::collections::BTreeSet::new());
    // Two steps that share a page are one screen.
    let screen = |stage: &Stage| {
        let step = stage.model.wizard.as_ref().map(|wizard| wizard::steps::page(wizard.step));
        format!("{:?} {step:?}", stage.model.screen)
    };
    let mut press = |stage: &mut Stage, key: &str| {
        keys += 1;
        screens.insert(screen(stage));
        stage.keys(key)
    };
    press(&mut stage, "Enter");
    for text in ["Acme MSP", "acme.halopsa.com", "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f", CANARY] {
        stage.paste(text);
        press(&mut stage, "Enter");
    }
    stage.reply(Reply::Verified(Ok(passed())));
    for _ in ["Credentials", "Company Sync", "Pia Screen"] {
        press(&mut stage, "Enter");
    }
    stage.paste("pia.acme.example");
    press(&mut stage, "Enter");
    stage.reply(Reply::Saved(Ok(save_report(true))));
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(press(&mut stage, "y"), [Effect::Configure(id("acme"), Box::new(plan()))]);
    stage.reply(Reply::Configured(Ok(configure_report(&plan()))));
    assert_eq!(step(&stage), Step::Finished);
    screens.insert(screen(&stage));
    assert_eq!((keys, screens.len()), (10, 6), "{screens:?}");
}

/// The Daily Sync Time is changed from the Integration pane with eight keys, the new time among them.
#[test]
fn sync_time_is_changed_with_eight_keys() {
    let mut stage = Stage::with(crate::app::testing::finished());
    stage.keys("3");
    let mut keys = 0;
    let mut press = |stage: &mut Stage, key: &str| {
        keys += 1;
        stage.keys(key)
    };
    press(&mut stage, "e");
    assert_eq!((step(&stage), focus(&stage)), (Step::Review, Item::Field(FieldId::Name)));
    press(&mut stage, "PgDn");
    assert_eq!(focus(&stage), Item::Field(FieldId::DailySyncTime));
    press(&mut stage, "^U");
    for key in ["0", "5", "1", "5"] {
        press(&mut stage, key);
    }
    let effects = press(&mut stage, "^S");
    let Some(Effect::Save(request)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(request.configuration.company_sync.daily_sync_time.to_string(), "05:15");
    // It was tested earlier: that is not noted anew.
    assert_eq!((request.verified, &request.secret), (false, &SecretChoice::Stored));
    assert_eq!(keys, 8);
    stage.reply(Reply::Saved(Ok(save_report(true))));
    stage.keys("Esc");
    assert_eq!(stage.model.screen, Screen::Panes, "back where it was opened");
}

/// S18: Esc goes back through every step, and everything typed is there again on the way forward.
#[test]
fn back_always_works_and_loses_nothing() {
    let mut stage = crate::app::testing::at_review();
    let before = stage.model.wizard.as_ref().unwrap().draft();
    for expected in [Step::Integration, Step::PiaScreen, Step::CompanySync, Step::Credentials, Step::Checklist] {
        stage.keys("Esc");
        assert_eq!(step(&stage), expected);
    }
    let effects = stage.keys("Esc");
    assert!(matches!(effects.as_slice(), [Effect::SaveDraft(_)]), "{effects:?}");
    assert_eq!(stage.model.screen, Screen::Integrations);
    // The card is the draft now; the Client Secret is still in memory.
    stage.keys("Enter");
    let wizard = stage.model.wizard.as_ref().unwrap();
    assert_eq!(Draft { step: before.step, ..wizard.draft() }, before);
    assert_eq!(wizard.form.secret.length(), CANARY.chars().count());
}

/// S41: a half-done set-up is found again at the next start.
#[test]
fn draft_is_offered_at_next_start_at_its_step() {
    let draft = crate::app::testing::draft(Step::PiaScreen);
    let mut stage = Stage::with(Overview { draft: Some(draft.clone()), ..Overview::default() });
    stage.keys("Enter");
    assert_eq!(step(&stage), Step::PiaScreen);
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::ClientId), draft.text(FieldId::ClientId));
    assert!(stage.notice().contains("Type the Client Secret again"));
}

/// S41: after a restart the wizard resumes at the first unfinished step, by what is saved and not by a flag.
#[test]
fn unfinished_configuration_resumes_at_its_first_open_step() {
    for (synced, configured, expected) in [(false, false, Step::InitialSync), (true, false, Step::Configure)] {
        let stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, synced, configured)]));
        assert_eq!(step(&stage), expected);
        assert_eq!(wizard::step_sign(&stage.model, Step::Credentials), wizard::StepSign::Done);
    }
    assert_eq!(Stage::with(crate::app::testing::finished()).model.screen, Screen::Panes);
}

/// Hang-up, signal: what is typed is kept, and the program ends.
#[test]
fn leaving_keeps_draft_and_quits() {
    let mut stage = crate::app::testing::with_credentials();
    let effects = stage.send(crate::app::message::Message::Leave);
    assert!(matches!(effects.as_slice(), [Effect::SaveDraft(_), Effect::Quit]), "{effects:?}");
    let effects = stage.keys("^C ^C");
    assert!(matches!(effects.as_slice(), [Effect::SaveDraft(_), Effect::Quit]), "{effects:?}");
    let mut untouched = Stage::with(Overview::default());
    assert_eq!(untouched.keys("Enter ^C"), [Effect::Quit]);
    assert!(!Wizard::fresh(&Draft::default()).is_edited());
    assert_eq!(now(), at("2026-11-23T10:53:00Z"));
}

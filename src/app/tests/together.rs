//! Two people who change one configuration at a time.

use std::collections::BTreeSet;

use crate::app::effect::{Effect, Slot};
use crate::app::form::FieldId;
use crate::app::integrations::{Card, selected};
use crate::app::message::Reply;
use crate::app::model::Screen;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::testing::{Stage, clash, draft, id, in_panes, overview, save_report, saved};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::merge::{Clash, merge};
use crate::domain::request::{SaveReport, SaveRequest};
use crate::domain::status::Overview;

/// A saved configuration with another time and another Pia Board typed, at Save.
fn changed() -> Stage {
    let mut stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, true)]));
    stage.keys("^O e");
    let form = &mut stage.model.wizard.as_mut().unwrap().form;
    form.set(FieldId::DailySyncTime, "06:00");
    form.set(FieldId::PiaBoard, "Two");
    stage.keys("Shift-Tab");
    stage
}

fn request(effects: &[Effect]) -> SaveRequest {
    let save = effects.iter().find_map(|effect| match effect {
        Effect::Save(request) => Some((**request).clone()),
        _ => None,
    });
    save.unwrap_or_else(|| panic!("{effects:?}"))
}

/// Saves, and is answered that somebody else has saved both since.
fn clashed() -> Stage {
    let mut stage = changed();
    let request = request(&stage.keys("Enter"));
    stage.reply(clash(&request.configuration));
    stage
}

fn asked(stage: &Stage) -> Option<String> {
    match &stage.model.popup {
        Some(Popup::Confirm(Confirm { ask: ask @ Ask::Clash(_), .. })) => Some(ask.title()),
        _ => None,
    }
}

#[test]
fn save_goes_out_with_what_was_read() {
    let sent = request(&changed().keys("Enter"));
    let read = sent.read.unwrap();
    assert_eq!(
        (read.company_sync.daily_sync_time.to_string(), read.pia_screen.pia_board.as_str()),
        ("04:30".into(), "Pia")
    );
    assert_eq!(sent.configuration.pia_screen.pia_board, "Two");
}

#[test]
fn each_setting_that_both_changed_is_decided_by_person() {
    let mut stage = clashed();
    assert_eq!(asked(&stage).as_deref(), Some("Daily Sync Time: overwrite their change with yours?"));
    stage.keys("y");
    assert_eq!(asked(&stage).as_deref(), Some("Pia Board: overwrite their change with yours?"));
    let sent = request(&stage.keys("r"));
    assert_eq!(sent.read.unwrap().pia_screen.pia_board, "Desk", "from here on it is a change of theirs");
    assert_eq!(sent.configuration.company_sync.daily_sync_time.to_string(), "06:00");
    assert_eq!(sent.configuration.pia_screen.pia_board, "Desk");
    stage.reply(Reply::Saved(Ok(save_report(true))));
    assert!(!stage.model.wizard.as_ref().unwrap().is_edited());
}

/// Esc saves nothing and forgets nothing.
#[test]
fn clash_that_is_decided_later_keeps_what_was_typed() {
    let mut stage = clashed();
    assert_eq!(stage.keys("Esc"), []);
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::PiaBoard), "Two");
    let again = request(&stage.keys("Enter"));
    assert_eq!(again.read.unwrap().pia_screen.pia_board, "Pia", "asked again");
}

#[test]
fn nothing_is_left_to_save_where_all_of_theirs_is_kept() {
    let mut stage = clashed();
    assert_eq!(stage.keys("r r"), [Effect::DiscardDraft, Effect::LoadOverview]);
    let wizard = stage.model.wizard.as_ref().unwrap();
    assert!(!wizard.is_edited());
    assert_eq!(wizard.form.text(FieldId::PiaBoard), "Desk");
}

/// The Client Secret was typed for the Halo of before.
#[test]
fn typed_secret_is_forgotten_where_url_of_other_is_kept() {
    let typed = |keys: &str| {
        let mut stage = changed();
        let mut request = request(&stage.keys("Enter"));
        stage.model.wizard.as_mut().unwrap().form.paste(FieldId::ClientSecret, "a-new-client-secret");
        let read = request.read.take().unwrap();
        let mut theirs = read.clone();
        theirs.api.url = "https://elsewhere.halopsa.com".to_owned().try_into().unwrap();
        let mine = &request.configuration;
        let secret = stage.model.wizard.as_ref().unwrap().secret_choice();
        let conflicts = merge(&read, &theirs, mine, &secret, &BTreeSet::new()).conflicts;
        stage.reply(Reply::Clashed(Box::new(Clash { theirs, conflicts })));
        assert_eq!(asked(&stage).as_deref(), Some("Url: overwrite their change with yours?"));
        stage.keys(keys);
        stage.model.wizard.as_ref().unwrap().form.secret.is_empty()
    };
    assert_eq!([typed("r"), typed("y")], [true, false]);
}

#[test]
fn what_somebody_else_changed_is_seen_after_save() {
    let mut stage = changed();
    let mut configuration = request(&stage.keys("Enter")).configuration;
    configuration.name = "Acme, renamed".to_owned();
    let report = SaveReport {
        configuration: Box::new(configuration),
        kept: vec!["Configuration Name".to_owned()],
        ..save_report(true)
    };
    stage.reply(Reply::Saved(Ok(report)));
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::Name), "Acme, renamed");
    assert!(!stage.model.wizard.as_ref().unwrap().is_edited());
    assert!(stage.notice().contains("kept: Configuration Name"));
}

#[test]
fn others_are_told_while_answers_are_on_screen() {
    let mut stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, true)]));
    assert!(stage.keys("^O e").contains(&Effect::HoldEdit(id("acme"))));
    stage.reply(Reply::AlsoEditing("being changed by dana on jump1".to_owned()));
    assert!(stage.notice().contains("by dana on jump1"));
    assert!(stage.keys("Esc").contains(&Effect::Cancel(Slot::Edit)));
}

/// Somebody else has deleted what is changed here: the draft goes on as one of a new configuration, and is found again.
#[test]
fn draft_outlives_deletion_of_its_configuration() {
    let mut stage = changed();
    stage.keys("Enter");
    let failure = Failure::new(FailureKind::Busy, "acme was deleted by someone else in the meantime");
    assert_eq!(stage.reply(Reply::Saved(Err(failure))), [Effect::LoadOverview]);
    let effects = stage.reply(Reply::Overview(Ok(Overview::default())));
    let kept = effects.iter().find_map(|effect| match effect {
        Effect::SaveDraft(draft) => Some(draft.configuration.clone()),
        _ => None,
    });
    assert_eq!(kept, Some(None), "{effects:?}");
    assert_eq!(
        stage.notice(),
        "Acme MSP was deleted by someone else. What was typed is kept as a draft of a new configuration."
    );
    let wizard = stage.model.wizard.as_ref().unwrap();
    assert_eq!((&wizard.id, wizard.form.text(FieldId::PiaBoard)), (&None, "Two"));
    stage.keys("^O Home");
    assert_eq!(selected(&stage.model), Some(Card::Draft));
    stage.keys("Enter");
    assert_eq!(stage.model.screen, Screen::Wizard, "{}", stage.notice());
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::PiaBoard), "Two");
    stage.keys("^O Home x");
    assert!(stage.keys("y").contains(&Effect::DiscardDraft), "{}", stage.notice());
}

/// The same at the next start: its card is there, whatever the question at the start is answered.
#[test]
fn draft_of_deleted_configuration_has_its_card() {
    let mut of = draft(Step::Review);
    of.configuration = Some(id("acme"));
    let mut stage = Stage::with(Overview { draft: Some(of), ..Overview::default() });
    stage.keys("n Home");
    assert_eq!(selected(&stage.model), Some(Card::Draft));
    stage.keys("Enter");
    assert_eq!(stage.model.screen, Screen::Wizard, "{}", stage.notice());
    stage.keys("^O Home x");
    assert!(stage.keys("y").contains(&Effect::DiscardDraft), "{}", stage.notice());
}

/// Panes of a configuration that is not there any more show nothing of it.
#[test]
fn panes_of_deleted_configuration_lead_to_integrations() {
    let mut stage = in_panes();
    let failure = Failure::new(FailureKind::Usage, "there is no configuration acme");
    assert_eq!(stage.reply(Reply::Status(Err(failure))), [Effect::LoadOverview]);
    stage.reply(Reply::Overview(Ok(Overview::default())));
    assert_eq!((stage.model.screen, &stage.model.current), (Screen::Integrations, &None));
    assert_eq!(stage.notice(), "Acme MSP was deleted by someone else.");
    stage.keys("e");
    assert!(!stage.notice().is_empty());
}

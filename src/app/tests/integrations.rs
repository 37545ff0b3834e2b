//! The Integrations page.

use crate::app::effect::Effect;
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::integrations::{Card, CardState, card_remark, card_state, card_texts, cards, selected};
use crate::app::keymap::{Pane, Place, place};
use crate::app::message::{Message, Reply};
use crate::app::model::Screen;
use crate::app::popup::{Ask, Popup};
use crate::app::testing::{Stage, draft, finished, id, in_panes, overview, save_report, saved};
use crate::app::wizard::Item;
use crate::app::wizard::review::reconfigures;
use crate::domain::address::PiaUrl;
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::request::Activation;
use crate::domain::status::{Overview, Saved, StepState};

fn two() -> Overview {
    overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, false, false)])
}

fn names(stage: &Stage) -> Vec<String> {
    cards(&stage.model).0.iter().map(|card| card_texts(&stage.model, card)[0].clone()).collect()
}

/// S12: one key opens Integrations from anywhere, also while a text is typed.
#[test]
fn one_key_opens_integrations_from_anywhere() {
    let mut stage = in_panes();
    stage.keys("2 /");
    assert_eq!(stage.keys("^O"), [Effect::LoadOverview]);
    assert_eq!(stage.model.screen, Screen::Integrations);
    let mut stage = crate::app::testing::with_credentials();
    let effects = stage.keys("^O");
    assert!(matches!(effects.as_slice(), [Effect::SaveDraft(_), Effect::LoadOverview]), "{effects:?}");
    assert_eq!(stage.model.screen, Screen::Integrations);
    stage.keys("Esc");
    assert_eq!(stage.model.screen, Screen::Wizard, "and Esc leads back");
}

/// S1, S14: typing "halo", in any case, leaves the Halo cards; an empty result is possible and letters are letters.
#[test]
fn search_leaves_halo_cards() {
    let mut stage = Stage::with(two());
    stage.keys("^O /");
    stage.type_text("HaLo");
    assert!(names(&stage).iter().all(|name| name == "Halo PSA") && names(&stage).len() == 3);
    stage.keys("^U");
    stage.type_text("ticketing q");
    assert_eq!(names(&stage), [""; 0]);
    stage.keys("Esc");
    assert_eq!(names(&stage).len(), 3);
}

/// S15, S16: View All lists every known integration, and Halo is reached by the arrows alone.
#[test]
fn view_all_lists_every_integration() {
    let mut stage = Stage::with(two());
    stage.keys("^O ^A");
    assert!(names(&stage).contains(&"ConnectWise Manage".to_owned()));
    stage.keys("End");
    assert!(matches!(selected(&stage.model), Some(Card::Other(_))));
    assert_eq!(card_state(&stage.model, &selected(&stage.model).unwrap()), Some(CardState::NotHere));
    assert_eq!(stage.keys("Enter"), []);
    assert!(stage.notice().contains("not available here"));
    stage.keys("Up Up Up Up");
    assert_eq!(selected(&stage.model), Some(Card::Saved(id("acme"))));
}

/// S13: every card says its state in a word.
#[test]
fn every_state_of_card_has_its_word() {
    let state = |overview: Overview, row: usize| {
        let mut stage = Stage::with(overview);
        stage.keys("Esc ^O");
        let (cards, _) = cards(&stage.model);
        card_state(&stage.model, &cards[row]).map(CardState::word)
    };
    assert_eq!(state(Overview::default(), 0), Some("not configured"));
    assert_eq!(state(Overview { draft: Some(draft(Step::Review)), ..Overview::default() }, 0), Some("draft"));
    assert_eq!(state(two(), 0), Some("active"));
    assert_eq!(state(two(), 1), Some("saved"));
    let mut broken = two();
    broken.configurations[0].status.known.has_secret = false;
    assert_eq!(state(broken, 0), Some("error"));
}

/// S3: a second activation names the active one and asks; the focus is on No.
#[test]
fn activating_second_one_asks_and_names_first() {
    let mut stage = Stage::with(two());
    assert_eq!(stage.keys("^O Down a").last(), Some(&Effect::LoadOverview));
    let Some(Popup::Confirm(confirm)) = &stage.model.popup else { panic!() };
    assert!(matches!(&confirm.ask, Ask::Switch { active_name, .. } if active_name == "Acme MSP"));
    assert_eq!(stage.keys("Enter"), [], "Enter is No");
    stage.keys("a");
    assert_eq!(stage.keys("y"), [Effect::Activate { id: id("trial"), replacing: Some(id("acme")) }]);
    let effects = stage.reply(Reply::Activated(Ok(Activation::Active(Some(id("trial"))))));
    assert!(effects.contains(&Effect::LoadOverview));
    assert_eq!(stage.model.active().map(|saved| saved.id.clone()), Some(id("trial")));
}

/// S3: another process was quicker; its answer asks as well.
#[test]
fn activation_that_another_process_forestalled_asks_again() {
    let mut stage = Stage::with(overview(vec![saved("trial", "Acme trial", false, false, false)]));
    assert_eq!(stage.keys("a"), [Effect::Activate { id: id("trial"), replacing: None }]);
    let answer = Activation::NeedsYes { wanted: id("trial"), active: id("acme"), active_name: "Acme MSP".to_owned() };
    stage.reply(Reply::Activated(Ok(answer)));
    assert_eq!(stage.keys("y"), [Effect::Activate { id: id("trial"), replacing: Some(id("acme")) }]);
}

#[test]
fn draft_is_discarded_only_after_yes() {
    let mut stage = Stage::with(Overview { draft: Some(draft(Step::Review)), ..Overview::default() });
    stage.keys("Esc x");
    assert_eq!(stage.keys("Enter"), []);
    stage.keys("x");
    assert_eq!(stage.keys("y"), [Effect::DiscardDraft]);
    assert_eq!(stage.model.overview.draft, None);
}

/// S17, S18: Enter opens a card where it stands, and e edits it; Esc leads back without loss.
#[test]
fn finished_card_opens_its_panes_and_e_edits_it() {
    let mut stage = Stage::with(finished());
    stage.keys("^O Enter");
    assert_eq!(stage.model.screen, Screen::Panes);
    stage.keys("^O e");
    assert_eq!(stage.model.wizard.as_ref().unwrap().step, Step::Review);
    stage.type_text("!");
    let effects = stage.keys("Esc");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SaveDraft(draft) if draft.name() == "Acme MSP!")));
    assert!(stage.notice().contains("kept as a draft"));
}

/// What was in Halo once opens in its panes, at the start and from its card, whatever became of it since; and the commands
/// on its card find what its panes can do.
#[test]
fn what_was_configured_once_opens_in_its_panes() {
    fn changed(own: &mut Saved) {
        own.status.steps.configure = StepState::NeedsReconfigure;
        own.status.integration.configured_at = None;
    }
    fn removed(own: &mut Saved) {
        own.status.steps.configure = StepState::Todo;
        (own.status.integration.configured_at, own.status.integration.objects) = (None, Vec::new());
    }
    fn moved(own: &mut Saved) {
        removed(own);
        own.status.steps.initial_sync = StepState::Todo;
    }
    let since: [(fn(&mut Saved), _); 3] =
        [(changed, "needs Re-configure"), (removed, "removed from Halo"), (moved, "no sync yet")];
    for (since, remark) in since {
        let mut overview = finished();
        since(&mut overview.configurations[0]);
        let mut stage = Stage::with(overview);
        assert_eq!(stage.model.screen, Screen::Panes, "{remark}: at the start");
        stage.keys("Esc");
        assert_eq!(card_remark(&stage.model, &id("acme")).as_deref(), Some(remark));
        for command in ["Go to Overview", "Go to Sync", "Sync Now", "Rotate callback token and password"] {
            stage.keys(":");
            stage.type_text(command);
            let palette = stage.model.palette.as_ref().unwrap();
            let found = palette.offer(0).map(|offer| offer.title().to_owned()).unwrap_or_default();
            assert!(found.starts_with(command), "{remark}: {command} is not found: {found}");
            stage.keys("Esc");
        }
        stage.keys("Enter");
        assert_eq!(stage.model.screen, Screen::Panes, "{remark}: from its card");
    }
}

/// Another Pia Url is saved on a configuration that runs: it needs Re-configure and says so, Enter leads to that, and Esc
/// to the panes.
#[test]
fn pia_url_that_is_saved_leads_to_reconfigure_or_back_to_panes() {
    let saved = || {
        let mut stage = in_panes();
        stage.keys("e");
        stage.send(Message::Focus(Item::Field(FieldId::PiaUrl)));
        stage.keys("^U");
        stage.type_text("https://pia2.acme.example");
        let effects = stage.keys("^S");
        assert!(matches!(effects.as_slice(), [Effect::Save(_)]), "{effects:?}");
        let mut report = save_report(true);
        report.configuration.integration.pia_url = Some(PiaUrl::read("https://pia2.acme.example").unwrap().address);
        stage.reply(Reply::Saved(Ok(report)));
        assert!(reconfigures(&stage.model), "said before the status is read again");
        stage
    };
    let mut stage = saved();
    stage.keys("Esc");
    assert_eq!((stage.model.screen, place(&stage.model)), (Screen::Panes, Place::Pane(stage.model.panes.pane)));
    let mut stage = saved();
    let effects = stage.keys("Enter");
    assert!(effects.contains(&Effect::LoadPlan(id("acme"))), "{effects:?}");
    assert_eq!((stage.model.screen, place(&stage.model)), (Screen::Panes, Place::Plan));
    stage.keys("Esc");
    assert_eq!((stage.model.screen, place(&stage.model)), (Screen::Panes, Place::Pane(Pane::Integration)));
}

/// A search that finds nothing offers to clear it, and nothing to open.
#[test]
fn search_without_match_offers_what_its_text_says() {
    let mut stage = Stage::with(two());
    stage.keys("^O /");
    stage.type_text("zzqq");
    stage.keys("Enter");
    let (left, _) = hints(&stage.model, 80);
    let left: Vec<String> = left.iter().map(|hint| format!("{} {}", hint.key, hint.words)).collect();
    assert!(left.contains(&"Esc Clear".to_owned()) && !left.iter().any(|hint| hint.starts_with("Enter")), "{left:?}");
}

/// There is one draft, and nothing overwrites it unasked.
#[test]
fn draft_is_never_overwritten_by_another_set_up() {
    let found = Overview { draft: Some(draft(Step::Review)), ..two() };
    let mut stage = Stage::with(found);
    stage.keys("Esc ^O");
    for keys in ["Home e", "End Enter"] {
        assert_eq!(stage.keys(keys), []);
        assert_eq!(stage.model.screen, Screen::Integrations);
        assert!(stage.notice().contains("discard it with x first"));
    }
    let mut unfinished = two();
    unfinished.configurations[0] = saved("acme", "Acme MSP", true, false, false);
    let stage = Stage::with(Overview { draft: Some(draft(Step::Review)), ..unfinished });
    assert_eq!(stage.model.screen, Screen::Integrations);
}

/// A configuration is deleted after its id was typed, and what was open of it is closed.
#[test]
fn configuration_is_deleted_after_typed_id() {
    let mut overview = two();
    let mut stage = Stage::with(two());
    stage.keys("^O D");
    assert!(stage.notice().contains("Stop it before you delete"), "a service that runs would go on with it");
    overview.configurations.iter_mut().for_each(|saved| saved.status.service.running = false);
    let mut stage = Stage::with(overview);
    stage.keys("^O D");
    stage.type_text("trial");
    assert_eq!(stage.keys("Enter"), [], "the id is that of the selected one");
    stage.keys("^U");
    stage.type_text("acme");
    assert_eq!(stage.keys("Enter"), [Effect::Delete(id("acme"))]);
    let failure = Failure::new(FailureKind::Busy, "serve works with it");
    assert_eq!(stage.reply(Reply::Deleted(Err(failure))), []);
    assert!(stage.model.saved(&id("acme")).is_some() && stage.notice().contains("serve works with it"));
    let effects = stage.reply(Reply::Deleted(Ok(id("acme"))));
    assert!(effects.contains(&Effect::LoadOverview), "{effects:?}");
    assert_eq!((stage.model.current.clone(), stage.model.saved(&id("acme")).is_some()), (None, false));
    assert_eq!(stage.model.screen, Screen::Integrations);
}

//! What must not happen behind the person's back: a draft that goes, a key that falls through, an answer for something
//! else.

use crossterm::event::KeyEventKind;

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::integrations::{self, Card};
use crate::app::jobs::state::{ApplyWork, PlanWork};
use crate::app::keymap::place;
use crate::app::message::{Message, Reply};
use crate::app::model::Screen;
use crate::app::next_wake;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::testing::{
    Stage, at_configure, at_review, at_sync, configure_report, draft, finished, id, in_panes, kept, key, lists,
    overview, passed, plan, save_report, saved, standing, status, sync_report, tested, with_credentials,
};
use crate::app::wizard::{Item, Test, Wizard};
use crate::domain::draft::{Draft, Step};
use crate::domain::request::SecretChoice;
use crate::domain::secret::Secret;
use crate::domain::status::Overview;
use crate::domain::sync_run::{Brake, SyncStatus};

fn wizard(stage: &Stage) -> &Wizard {
    stage.model.wizard.as_ref().unwrap()
}

fn notice(stage: &Stage) -> String {
    stage.notice()
}

fn asked(stage: &Stage) -> Option<&Ask> {
    match &stage.model.popup {
        Some(Popup::Confirm(Confirm { ask, .. })) => Some(ask),
        _ => None,
    }
}

/// Two configurations, the first one active and set up.
fn two() -> Overview {
    overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, true, true)])
}

/// S18: the overview that is read while the draft is being written knows nothing of it.
/// A word that was pasted where no text is taken runs no commands, and a stalled line replaces nothing that was typed.
#[test]
fn burst_of_characters_is_written_and_runs_nothing_that_weighs() {
    let burst = |stage: &mut Stage, text: &str| stage.send(Message::Burst(Secret::new(text)));
    let found = Overview { draft: Some(draft(Step::PiaScreen)), ..Overview::default() };
    let mut stage = Stage::with(found);
    stage.keys("Esc");
    for word in ["proxy", "xyz", "quit", "syy\n", "aqs", "ddd"] {
        assert_eq!(burst(&mut stage, word), [], "{word}");
        assert!(stage.model.popup.is_none() && stage.model.overview.draft.is_some(), "{word}");
    }
    let mut stage = in_panes();
    for word in ["sss", "eee", "qqq", "aaa"] {
        assert_eq!(burst(&mut stage, word), [], "{word}");
    }
    assert_eq!(burst(&mut stage, "sss"), []);
    assert!(stage.notice().starts_with("Ignored several keys"));
    burst(&mut stage, "2/north\n");
    assert_eq!(stage.model.panes.clients.query.value(), "north", "what only looks goes on, up to the newline");
    assert!(stage.model.panes.clients.searching);

    let mut stage = with_credentials();
    stage.keys("^U");
    stage.type_text("FIRSTHALF");
    assert_eq!(burst(&mut stage, "TAIL\n"), []);
    let wizard = stage.model.wizard.as_ref().unwrap();
    assert_eq!(wizard.form.secret.secret(), Secret::new("FIRSTHALFTAIL"));
    assert!(matches!(wizard.test, Test::Not), "and it submits nothing");
}

#[test]
fn older_overview_takes_no_draft_away() {
    let mut stage = with_credentials();
    let effects = stage.keys("^O");
    assert!(matches!(effects.as_slice(), [Effect::SaveDraft(_), Effect::LoadOverview]), "{effects:?}");
    stage.reply(Reply::Overview(Ok(finished())));
    assert_eq!(stage.model.overview.draft.as_ref().map(|draft| draft.name()), Some("Acme MSP"));
    assert!(integrations::cards(&stage.model).0.contains(&Card::Draft));
}

#[test]
fn older_overview_brings_no_saved_draft_back() {
    let mut stage = at_review();
    let old = stage.model.overview.draft.clone();
    assert!(old.is_some());
    stage.keys("Enter");
    stage.reply(Reply::Saved(Ok(save_report(true))));
    stage.reply(Reply::Overview(Ok(Overview { draft: old, ..finished() })));
    assert_eq!(stage.model.overview.draft, None);
}

/// The question about a mass change never comes up under a finger that types, and is not lost either.
#[test]
fn mass_change_never_asks_under_typing_finger() {
    // The last one stops it and goes back into a field.
    for keys in ["^O /", "^O", "2", "2 /", "?", "Esc Esc Esc"] {
        let mut stage = at_sync();
        stage.keys("Enter");
        stage.keys(keys);
        let before = place(&stage.model);
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::NeedsConfirmation))));
        assert_eq!(asked(&stage), None, "{keys}");
        assert_eq!(place(&stage.model), before, "{keys}");
        assert!(notice(&stage).contains("needs your answer"), "{keys}: {}", notice(&stage));
    }
    let mut stage = at_sync();
    stage.keys("Enter 2");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::NeedsConfirmation))));
    assert_eq!(stage.keys("s"), []);
    assert!(matches!(asked(&stage), Some(Ask::MassChange { id: of, .. }) if *of == id("acme")), "Sync Now asks again");
    assert_eq!(stage.keys("y"), [], "one letter is no answer");
    assert_eq!(stage.keys("Tab Enter"), [Effect::Sync { id: id("acme"), brake: Brake::UpTo(61) }]);
}

/// A Configure that runs is neither forgotten nor mixed up with another configuration's.
#[test]
fn opening_another_configuration_keeps_running_configure() {
    let mut stage = Stage::with(two());
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Enter");
    stage.read_plan();
    assert_eq!(stage.keys("y"), [Effect::Configure(id("acme"), Box::new(plan()))]);
    stage.keys("^O Down Enter");
    assert_eq!(stage.model.current, Some(id("trial")));
    assert!(stage.model.work.apply.is_running());
    assert!(matches!(stage.model.apply(), ApplyWork::None), "it is not the trial's");
    assert_eq!(stage.keys("3 t"), [Effect::LoadStatus(id("trial")), Effect::LoadCallbacks(id("trial"))]);
    assert!(notice(&stage).contains("Configure of Acme MSP is running"), "{}", notice(&stage));
    let report = configure_report(&plan());
    let effects = stage.reply(Reply::Configured(Ok(report)));
    assert_eq!(effects, [Effect::LoadOverview], "nothing is asked about the trial");
    assert!(matches!(&stage.model.work.apply, ApplyWork::Ended { id: of, .. } if *of == id("acme")));
}

/// S35: Enter held down does not pass over Pia Escalate To while the agents are on their way.
#[test]
fn enter_waits_for_agents_at_pia_escalate_to() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    assert_eq!(wizard(&stage).focus, Item::SyncNow);
    stage.keys("Tab");
    assert_eq!(wizard(&stage).focus, Item::Field(FieldId::EscalateTo));
    assert_eq!(stage.keys("Enter"), []);
    assert_eq!(wizard(&stage).step, Step::InitialSync);
    assert!(notice(&stage).contains("agents are being read"), "{}", notice(&stage));
    assert!(!wizard(&stage).asked_escalate_to);
    stage.reply(Reply::Lists(Ok(lists())));
    stage.keys("Enter");
    assert!(matches!(stage.model.popup, Some(Popup::Chooser(_))));
}

/// S51: a key that is held down, or pressed too soon, applies no plan that nobody can have read, and is told.
#[test]
fn plan_is_not_applied_before_it_can_have_been_read() {
    let mut stage = at_configure();
    stage.send(Message::Reply(Box::new(Reply::Planned(Ok(Ok(plan()))))));
    let shows_apply = |stage: &Stage| hints(&stage.model, 120).0.iter().any(|hint| hint.words == "Apply");
    assert!(!shows_apply(&stage));
    let opens_at = |stage: &Stage| {
        let (left, _) = hints(&stage.model, 120);
        left.iter().take_while(|hint| hint.words != "Open").map(|hint| hint.key.len() + hint.words.len()).sum::<usize>()
    };
    let opened_at = opens_at(&stage);
    assert!(opened_at > 0, "its place is kept");
    assert_eq!(stage.keys("y y"), []);
    assert_eq!(stage.notice(), "Not taken yet: the plan has just come up. Read it, then press y.");
    let wake = next_wake(&stage.model, stage.now).unwrap();
    assert_eq!(wake.duration_since(stage.now).as_millis(), 500);
    // Still held: the time begins anew.
    stage.now = stage.now.checked_add(jiff::SignedDuration::from_millis(400)).unwrap();
    assert_eq!(stage.keys("y"), []);
    stage.now = stage.now.checked_add(jiff::SignedDuration::from_millis(400)).unwrap();
    assert_eq!(stage.keys("y"), []);
    stage.model.take_dirty();
    stage.read_plan();
    assert!(stage.model.is_dirty() && shows_apply(&stage));
    assert_eq!(opens_at(&stage), opened_at, "no other key moves");
    assert!(stage.notice().contains("then press y"), "it stays to be read");
    let mut repeated = key("y");
    repeated.kind = KeyEventKind::Repeat;
    assert_eq!(stage.send(Message::Key(repeated)), [], "a repeated key decides nothing");
    assert_eq!(stage.keys("y").len(), 1);
    let mut stage = at_sync();
    let mut repeated = key("Enter");
    repeated.kind = KeyEventKind::Repeat;
    assert_eq!(stage.send(Message::Key(repeated)), []);
}

/// S51: Enter, pressed all the way here, opens a line of the plan and applies nothing.
#[test]
fn next_enter_of_row_applies_nothing() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(stage.keys("Enter Enter Enter"), []);
    assert!(matches!(stage.model.apply(), ApplyWork::None));
    assert_eq!(stage.model.work.plan_open.len(), 1, "it opens and closes the line");
}

/// S41: Later leads to the Integrations page, where typing cannot overwrite the draft.
#[test]
fn later_leaves_draft_of_unfinished_configuration_on_its_page() {
    let mut own = draft(Step::PiaScreen);
    own.configuration = Some(id("acme"));
    let unfinished = overview(vec![saved("acme", "Acme MSP", true, false, false)]);
    let mut stage = Stage::with(Overview { draft: Some(own.clone()), ..unfinished });
    stage.keys("Tab Tab Enter");
    assert_eq!(stage.model.screen, Screen::Integrations);
    assert!(stage.model.wizard.is_none());
    stage.keys("Enter");
    let read = wizard(&stage).base.clone().map(Box::new);
    assert_eq!(wizard(&stage).draft(), Draft { secret_entered: false, read, ..own });
}

/// S60: Re-configure looks into Halo anew where the last look left nothing to do, and a sync makes a plan old.
#[test]
fn re_configure_asks_halo_again() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    assert_eq!(stage.keys("Enter"), [Effect::LoadPlan(id("acme"))]);
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Esc");
    assert_eq!(stage.keys("Enter"), [], "a plan with something to do is shown");
    stage.keys("Esc s");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    assert!(matches!(stage.model.work.plan, PlanWork::None));
}

/// S39: what is typed while a save runs is not saved, and stays an edit.
#[test]
fn what_is_typed_while_save_runs_stays_edit() {
    let mut stage = at_review();
    stage.keys("Enter Esc");
    stage.type_text("/later");
    let effects = stage.reply(Reply::Saved(Ok(save_report(true))));
    let Some(Effect::SaveDraft(draft)) = effects.first() else { panic!("{effects:?}") };
    assert!(draft.text(FieldId::PiaUrl).ends_with("/later"), "{draft:?}");
    assert!(wizard(&stage).is_edited());
    assert!(wizard(&stage).form.secret.is_empty(), "the secret that was sent is saved");
}

/// S23: only the secret that was sent is erased, not one that was typed meanwhile.
#[test]
fn secret_typed_while_save_runs_is_not_erased() {
    let mut stage = at_review();
    stage.keys("Enter Esc");
    while wizard(&stage).focus != Item::Field(FieldId::ClientSecret) {
        stage.keys(if wizard(&stage).step == Step::Credentials { "Shift-Tab" } else { "Esc" });
    }
    stage.paste("another-secret");
    let effects = stage.reply(Reply::Saved(Ok(save_report(true))));
    assert!(matches!(effects.first(), Some(Effect::SaveDraft(_))), "{effects:?}");
    assert!(wizard(&stage).is_edited());
    assert_eq!(wizard(&stage).secret_choice(), SecretChoice::Typed(Secret::new("another-secret")));
    assert!(stage.model.overview.draft.is_some());
}

#[test]
fn answer_to_save_of_before_takes_nothing_away() {
    let mut stage = at_sync();
    stage.reply(Reply::Saved(Ok(save_report(true))));
    assert!(matches!(wizard(&stage).save, crate::app::wizard::SaveState::Saved(_)));
}

#[test]
fn activating_never_replaces_save() {
    let activate = Effect::Activate { id: id("acme"), replacing: None };
    assert_eq!((activate.slot(), Effect::Deactivate.slot()), (Some(Slot::Activate), Some(Slot::Activate)));
}

/// What is still being read of one configuration is not shown as another's.
#[test]
fn opening_another_configuration_stops_what_is_read_of_first() {
    let mut stage = Stage::with(two());
    let effects = stage.keys("^O Down Enter");
    for slot in [Slot::Lists, Slot::Callbacks, Slot::Status, Slot::Clients, Slot::Plan] {
        assert!(effects.contains(&Effect::Cancel(slot)), "{slot:?}: {effects:?}");
    }
    for slot in [Slot::Sync, Slot::Configure, Slot::Save] {
        assert!(!effects.contains(&Effect::Cancel(slot)), "{slot:?}");
    }
    let cancel = effects.iter().position(|effect| *effect == Effect::Cancel(Slot::Status));
    let load = effects.iter().position(|effect| *effect == Effect::LoadStatus(id("trial")));
    assert!(cancel < load, "{effects:?}");
}

/// S35: a contact that is chosen and not yet saved outlives a look at the clients.
#[test]
fn look_at_clients_keeps_unsaved_contact() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    stage.reply(Reply::Lists(Ok(lists())));
    stage.keys("Enter");
    stage.type_text("dana");
    stage.keys("Enter");
    let effects = stage.keys("2");
    assert!(matches!(effects.first(), Some(Effect::SaveDraft(_))), "{effects:?}");
    stage.keys("^O Enter");
    assert_eq!(wizard(&stage).form.escalate_to.as_ref().map(|contact| contact.agent_id), Some(7));
}

/// S23: a password that was typed into an address is in no draft and on no card.
#[test]
fn password_in_address_is_kept_nowhere() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter Tab");
    stage.type_text("https://dana:hunter2@acme.halopsa.com");
    let effects = stage.keys("^O");
    let [Effect::SaveDraft(draft), _] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(draft.text(FieldId::Url), "https://acme.halopsa.com");
    let draft = stage.model.overview.draft.take().unwrap();
    stage.model.overview.draft = Some(draft.with(FieldId::Url, "https://dana:hunter2@acme.halopsa.com"));
    let card = integrations::card_texts(&stage.model, &Card::Draft).concat();
    assert!(!card.contains("hunter2"), "{card}");
}

/// Quitting asks where something would be lost or cut short: the focus is on No, and ^C twice quits all the same.
#[test]
fn quitting_asks_before_something_is_lost() {
    let mut stage = with_credentials();
    assert_eq!(stage.keys("^C"), []);
    assert!(matches!(asked(&stage), Some(Ask::Quit { .. })));
    assert_eq!(stage.keys("Enter"), [], "the focus is on No");
    assert_eq!(stage.keys("^C ^C").last(), Some(&Effect::Quit));
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    assert_eq!(stage.keys("q"), []);
    assert_eq!(stage.keys("y"), [Effect::Quit]);
    assert_eq!(in_panes().keys("q"), [Effect::Quit]);
}

/// In the smallest terminal the way back is still in the line of keys.
#[test]
fn esc_never_drops_out_of_line_of_keys() {
    for stage in [with_credentials(), tested(), at_review(), at_configure()] {
        let all = hints(&stage.model, 400).0;
        let narrow = hints(&stage.model, 48).0;
        let has_esc = |hints: &[crate::app::footer::KeyHint]| hints.iter().any(|hint| hint.key == "Esc");
        assert_eq!(has_esc(&all), has_esc(&narrow), "{narrow:?}");
    }
}

#[test]
fn key_is_named_only_where_it_works() {
    let mut other = saved("trial", "Acme trial", true, true, true);
    other.status.active = true;
    let mut stage = Stage::with(overview(vec![other, saved("acme", "Acme MSP", false, true, true)]));
    stage.keys("^O Down Enter");
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", false, true, true)))));
    for (keys, words) in [("1 s", "with a."), ("2 s", "Ctrl-O"), ("5 s", "Ctrl-O")] {
        stage.keys(keys);
        assert!(notice(&stage).contains(words), "{keys}: {}", notice(&stage));
    }
}

#[test]
fn search_has_its_limit_for_capitals_too() {
    let mut stage = in_panes();
    stage.keys("2 /");
    for _ in 0..150 {
        let mut capital = key("A");
        capital.modifiers = crossterm::event::KeyModifiers::SHIFT;
        stage.send(Message::Key(capital));
    }
    assert_eq!(stage.model.panes.clients.query.value().len(), 100);
}

/// S25: the field says "expired" when it is so, not at the next key.
#[test]
fn token_expires_on_screen_by_itself() {
    let mut stage = tested();
    let until = passed().token_valid_until.unwrap();
    assert_eq!(next_wake(&stage.model, stage.now), Some(until));
    stage.model.take_dirty();
    stage.now = until;
    stage.send(Message::Wake);
    assert!(stage.model.is_dirty());
    assert_eq!(next_wake(&stage.model, stage.now), None);
}

/// A key without a meaning draws nothing, wherever it is pressed.
#[test]
fn key_without_meaning_leaves_model_clean() {
    let mut stages = vec![Stage::with(Overview::default()), at_review(), at_sync(), at_configure()];
    stages.extend(["1", "2", "3", "4", "5", "^O"].map(|keys| {
        let mut stage = in_panes();
        stage.keys(keys);
        stage
    }));
    for mut stage in stages {
        stage.model.take_dirty();
        let mut nothing = key("F1");
        nothing.code = crossterm::event::KeyCode::F(9);
        assert_eq!(stage.send(Message::Key(nothing)), []);
        assert!(!stage.model.take_dirty(), "{:?}", place(&stage.model));
    }
}

/// S41: what was typed is on its way to the disk as soon as its field is left, and once.
#[test]
fn what_was_typed_is_kept_when_its_field_is_left() {
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter");
    assert_eq!(stage.type_text("Acme"), [], "not at every letter");
    let effects = stage.keys("Tab");
    let [Effect::SaveDraft(kept)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(kept.name(), "Acme");
    assert_eq!(stage.keys("Tab"), [], "nothing new to keep");
}

/// After quitting one line tells what was kept and how to go on; where nothing was begun, nothing.
#[test]
fn last_line_tells_what_was_kept_and_how_to_go_on() {
    use crate::app::farewell::farewell;
    assert_eq!(farewell(&in_panes().model), None);
    let mut stage = with_credentials();
    stage.keys("^C ^C");
    let told = farewell(&stage.model).unwrap();
    assert_eq!(told, "The draft of Acme MSP is kept, except the Client Secret. To continue: pia-halo");
    let mut stage = in_panes();
    stage.keys("s q y");
    let told = farewell(&stage.model).unwrap();
    assert_eq!(told, "The sync of Acme MSP was stopped; the stored list is unchanged. To continue: pia-halo sync");
    // What is saved and does not run yet.
    let stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, false)]));
    let told = farewell(&stage.model).unwrap();
    assert_eq!(told, "Acme MSP is saved. Still to do: Configure. To continue: pia-halo");
    let mut off = overview(vec![saved("acme", "Acme MSP", true, true, false)]);
    off.configurations[0].status.service.running = false;
    let mut stage = Stage::with(off);
    let told = farewell(&stage.model).unwrap();
    assert!(told.contains("Still to do: Configure, then starting the service."), "{told}");
    stage.model.demo = true;
    assert!(farewell(&stage.model).unwrap().contains("The demo is over"));
    let mut off = finished();
    off.configurations[0].status.service.running = false;
    let mut stage = Stage::with(off);
    let told = |stage: &Stage| farewell(&stage.model).unwrap();
    let words = "Acme MSP is set up, but the service is not running. To start it: ";
    assert_eq!(told(&stage), format!("{words}sudo pia-halo service install"));
    stage.model.systemd = false;
    assert_eq!(told(&stage), format!("{words}pia-halo serve"));
}

/// A yes that has to be typed takes what the screens call the configuration, and says all that it takes.
#[test]
fn name_on_screen_is_taken_for_typed_yes() {
    let mut off = two();
    off.configurations.iter_mut().for_each(|saved| saved.status.service.running = false);
    for typed in ["acme", "Acme MSP", "\"Acme MSP\""] {
        let mut stage = Stage::with(off.clone());
        stage.keys("^O D Enter");
        assert!(notice(&stage).contains("Type \"acme\" or \"Acme MSP\" to confirm"), "{}", notice(&stage));
        stage.type_text(typed);
        assert_eq!(stage.keys("Enter"), [Effect::Delete(id("acme"))], "{typed}");
    }
    for typed in ["ACME", "Acme", "yes", "Acme trial"] {
        let mut stage = Stage::with(off.clone());
        stage.keys("^O D");
        stage.type_text(typed);
        assert_eq!(stage.keys("Enter"), [], "{typed}");
    }
}

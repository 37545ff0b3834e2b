//! What a demanding newcomer met in the set-up: each as a kind.

use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::header;
use crate::app::keymap::{Place, place};
use crate::app::message::Reply;
use crate::app::notice::Tone;
use crate::app::popup::{Ask, Popup};
use crate::app::testing::{Stage, at_configure, failed, in_panes, plan, standing, status, tested, with_credentials};
use crate::app::wizard::{Item, finished, items};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::StepState;

fn focus(stage: &Stage) -> Item {
    stage.model.wizard.as_ref().unwrap().focus
}

fn text(stage: &Stage, field: FieldId) -> &str {
    stage.model.wizard.as_ref().unwrap().form.text(field)
}

/// A page up or down, to the first or the last leads through what is read, and into no field: a letter that was offered as
/// a key would be text there.
#[test]
fn pages_lead_into_no_field() {
    let failed_test = || {
        let mut stage = with_credentials();
        stage.keys("Enter");
        stage.reply(Reply::Verified(Ok(failed())));
        stage
    };
    for make in [failed_test as fn() -> Stage, tested, with_credentials] {
        for (width, height) in [(80, 24), (40, 12)] {
            let mut stage = make();
            stage.resize(width, height);
            let all = items(&stage.model);
            for from in all.iter().copied() {
                for keys in ["PgUp", "PgDn", "Home", "End", "PgUp PgUp PgUp PgUp PgUp PgUp"] {
                    stage.model.wizard.as_mut().unwrap().focus = from;
                    stage.keys(keys);
                    let is_field = |item: Item| matches!(item, Item::Field(_));
                    assert!(focus(&stage) == from || !is_field(focus(&stage)), "{from:?} {keys}: {:?}", focus(&stage));
                }
            }
        }
    }
    let mut stage = failed_test();
    stage.resize(40, 12);
    let before = text(&stage, FieldId::ClientId).to_owned();
    stage.keys("PgDn PgDn PgUp PgUp PgUp u");
    assert!(matches!(&stage.model.popup, Some(Popup::Confirm(asked)) if matches!(asked.ask, Ask::Untested { .. })));
    assert_eq!(text(&stage, FieldId::ClientId), before);
}

fn at_pia_screen(board: &str) -> Stage {
    let mut stage = tested();
    stage.keys("Enter Enter ^U");
    stage.type_text(board);
    stage.keys("Tab");
    stage
}

fn asked(stage: &Stage) -> Option<&Ask> {
    match &stage.model.popup {
        Some(Popup::Confirm(confirm)) => Some(&confirm.ask),
        _ => None,
    }
}

/// A board that Halo has not is asked about once, with what was probably meant; the header is not green over it.
#[test]
fn unknown_board_is_asked_about_once() {
    let go_on = |stage: &mut Stage| {
        stage.model.wizard.as_mut().unwrap().focus = Item::Field(FieldId::EscalationBoard);
        stage.keys("Enter");
    };
    let mut stage = at_pia_screen("Pai");
    go_on(&mut stage);
    let Some(Ask::UnknownTeam { meant, warning, .. }) = asked(&stage) else { panic!("{:?}", stage.model.popup) };
    assert_eq!((meant.as_deref(), warning.as_str()), (Some("Pia"), "no team \"Pai\". Did you mean \"Pia\"?"));
    // Enter alone agrees to nothing: back into the field.
    stage.keys("Enter");
    assert_eq!((focus(&stage), place(&stage.model)), (Item::Field(FieldId::PiaBoard), Place::Field));
    go_on(&mut stage);
    stage.keys("y");
    assert_eq!(stage.model.wizard.as_ref().unwrap().step, Step::Integration, "kept as typed");
    assert_eq!(header::connection(&stage.model).0, Tone::Warn);
    assert!(header::connection(&stage.model).1.starts_with("Pia Board: no team \"Pai\""));
    stage.keys("Esc");
    go_on(&mut stage);
    assert!(asked(&stage).is_none(), "once");

    let mut stage = at_pia_screen("Pai");
    go_on(&mut stage);
    stage.keys("Tab Tab Enter");
    assert_eq!(text(&stage, FieldId::PiaBoard), "Pia");
    assert_eq!(stage.model.wizard.as_ref().unwrap().step, Step::Integration);
    assert!(!header::connection(&stage.model).1.contains("Pia Board"));

    let mut stage = at_pia_screen("Escalations");
    go_on(&mut stage);
    assert!(matches!(asked(&stage), Some(Ask::UnknownTeam { meant: None, .. })), "nothing is near");
}

/// Among the settings it is asked at Save.
#[test]
fn unknown_board_is_asked_about_at_save() {
    let mut stage = in_panes();
    stage.keys(":");
    stage.type_text("pia board");
    stage.keys("Enter ^U");
    stage.type_text("Pai");
    let effects = stage.keys("^S");
    assert!(matches!(asked(&stage), Some(Ask::UnknownTeam { .. })), "{:?} {effects:?}", stage.notice());
}

/// A yes before there is a plan is told, as every other early key is.
#[test]
fn early_yes_is_told() {
    let mut stage = at_configure();
    for key in ["y", "Enter"] {
        stage.keys(key);
        assert!(stage.notice().starts_with("Halo is"), "{key}: {}", stage.notice());
    }
}

/// What is left to do stands first, then the service, then what is done.
#[test]
fn last_page_begins_with_what_is_left() {
    let mut stage = at_configure();
    stage.keys("Tab");
    let (lines, first) = finished::shown_lines(&stage.model);
    let is_done = |line: &(StepState, &'static str, String)| finished::is_done(line.0);
    assert!(first < lines.len(), "{lines:?}");
    assert!(lines[..first].iter().all(|line| !is_done(line)) && lines[first..].iter().all(is_done), "{lines:?}");
}

/// Another program writes into Halo while the plan stands here: that it is done is noticed, and there is a way on.
#[test]
fn set_up_notices_that_other_program_is_done() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert!(matches!(stage.keys("y").as_slice(), [Effect::Configure(..)]));
    let busy = Failure::new(FailureKind::Busy, "already running: Configure by root on jump1");
    stage.reply(Reply::Configured(Err(busy)));
    let mut told = standing(status("Acme MSP", true, true, false));
    told.configuring = Some("Configure by root on jump1".to_owned());
    let effects = stage.reply(Reply::Status(Ok(told.clone())));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::WatchEvents { .. })), "{effects:?}");
    assert_eq!(stage.keys("t"), []);
    assert!(stage.notice().starts_with("Another program is changing Halo"), "{}", stage.notice());
    told.configuring = None;
    stage.reply(Reply::Status(Ok(told)));
    assert!(matches!(stage.keys("t").as_slice(), [Effect::LoadPlan(_)]));
}

//! What a demanding newcomer met on a walk through the interface: each as a kind.

use jiff::SignedDuration;

use crate::app::effect::Effect;
use crate::app::footer::hints;
use crate::app::form::FieldId;
use crate::app::integrations::{self, Card, CardState};
use crate::app::jobs::state::{PlanWork, SyncEnd, SyncWork};
use crate::app::jobs::{deliveries, health, prove};
use crate::app::keymap::{Command as C, Pane};
use crate::app::message::{Message, Reply};
use crate::app::notice::Tone;
use crate::app::offers::everything;
use crate::app::panes::integration::objects;
use crate::app::popup::Popup;
use crate::app::testing::{
    Stage, at, at_configure, configure_report, deliveries as log, failed, id, in_panes, kept, lists, now,
    objects as objects_of, overview, plan, progress, removal, saved, standing, status, sync_report, with_credentials,
};
use crate::app::wizard::{Item, finished, items};
use crate::app::{header, keymap, service};
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::draft::Step;
use crate::domain::failure::FailureKind;
use crate::domain::gap::Gap;
use crate::domain::health::{
    Finding, Light, NONE_SENDS, Rule, SIGHT_NOT_TOLD, State, beside_refused_writes, from_plan_and_record, light,
    refused, write_refused,
};
use crate::domain::next::Next;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{
    Action, CHANGED, Cause, ChangeResult, FieldChange, LEFT_OUT, MISSING, NOT_LINKED, Outcome, SETTING, SWITCHED_OFF,
};
use crate::domain::request::Activation;
use crate::domain::status::{Status, StepState};
use crate::domain::sync_run::{Sight, SyncProgress, SyncReport, SyncStatus};
use crate::words;

// Lets the store say what somebody has found.
fn tell(stage: &mut Stage, change: impl FnOnce(&mut Status)) -> Vec<Effect> {
    let mut found = status("Acme MSP", true, true, true);
    change(&mut found);
    stage.reply(Reply::Status(Ok(standing(found))))
}

fn drift(stage: &mut Stage, state: State, fact: &str) -> Vec<Effect> {
    let seen_at = Some(stage.now + SignedDuration::from_secs(1));
    tell(stage, |status| {
        status.known.before.retain(|finding| finding.rule != Rule::Drift);
        status.known.before.push(Finding { seen_at, ..Finding::new(Rule::Drift, state, fact) });
    })
}

fn is_read(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::LoadPlan(_)))
}

/// A look of the overview that is newer than that of pane 3 knows better, whichever of them is on the screen.
#[test]
fn newer_look_makes_pane_look_again() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    assert!(matches!(stage.model.work.plan, PlanWork::Ready(_)));
    stage.keys("0");
    assert!(!is_read(&drift(&mut stage, State::Broken, "Pia - Ticket Created (switched off)")));
    assert!(matches!(stage.model.work.plan, PlanWork::None), "what it saw before is forgotten");
    assert!(is_read(&stage.keys("3")));
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    assert!(is_read(&drift(&mut stage, State::Broken, "Pia - Ticket Updated (missing in Halo)")), "on the screen");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    assert!(!is_read(&drift(&mut stage, State::Broken, "Pia - Ticket Updated (missing in Halo)")), "nothing new");
}

/// Its own look is as new as what it has written down.
#[test]
fn own_look_is_not_read_again() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("0");
    let seen_at = Some(stage.now - SignedDuration::from_secs(1));
    tell(&mut stage, |status| {
        status.known.before.push(Finding { seen_at, ..Finding::new(Rule::Drift, State::Broken, "other") });
    });
    assert!(matches!(stage.model.work.plan, PlanWork::Ready(_)));
}

/// One that is off and one that has delivered nothing yet are two causes.
#[test]
fn summary_of_deliveries_names_those_of_one_cause() {
    let mut stage = in_panes();
    let [first, second, ..] = log().try_into().unwrap_or_else(|log: Vec<Delivery>| {
        let first = log[0].clone();
        [first.clone(), Delivery { webhook: "Pia - Ticket Updated".to_owned(), ..first }]
    });
    let of = |state: [DeliveryState; 2]| {
        let [one, other] = state;
        vec![Delivery { state: one, ..first.clone() }, Delivery { state: other, ..second.clone() }]
    };
    let mut said = |state| {
        stage.model.work.deliveries = crate::app::jobs::state::DeliveryWork::Read(of(state));
        deliveries::summary(&stage.model).unwrap().1
    };
    let apart = said([DeliveryState::SwitchedOff, DeliveryState::Never]);
    assert!(apart.starts_with(&format!("{}: switched off in Halo", first.webhook)), "{apart}");
    let both = said([DeliveryState::SwitchedOff, DeliveryState::SwitchedOff]);
    assert!(both.starts_with("Every webhook: switched off in Halo"), "{both}");
}

/// Enter on a board that is not in Halo leads to its field.
#[test]
fn missing_board_leads_to_its_field() {
    let mut stage = in_panes();
    tell(&mut stage, |status| status.known.lists.teams.retain(|team| team.name.raw() != "Pia"));
    stage.keys("0");
    let boards = health::findings(&stage.model).into_iter().find(|found| found.rule == Rule::Boards).unwrap();
    assert_eq!(health::mend(&stage.model, &boards), Some(C::Setting(FieldId::PiaBoard)), "{boards:?}");
    assert_eq!(boards.next.unwrap().to_string(), "Create it in Halo, or choose another in the settings");
    stage.model.panes.issue = Some(Rule::Boards);
    stage.keys("Enter");
    let wizard = stage.model.wizard.as_ref().unwrap();
    assert_eq!((wizard.step, wizard.focus), (Step::Review, Item::Field(FieldId::PiaBoard)));
}

/// A gap is told with its sign, as a sentence.
#[test]
fn missed_events_are_told_with_sign_and_length() {
    let mut stage = in_panes();
    let gap = Gap {
        since: now() - SignedDuration::from_secs(9),
        until: now() - SignedDuration::from_secs(7),
        from_log: 0,
        from_tickets: 0,
        problems: vec!["Halo's log is incomplete".to_owned()],
    };
    tell(&mut stage, |status| status.service.gaps = vec![gap.clone()]);
    let head = service::head(&stage.model);
    let told = head.iter().find(|(_, words)| words.contains("incomplete")).unwrap();
    assert!(told.0 == Tone::Warn && told.1.starts_with("Events may be missing between "), "{told:?}");
    let missed = health::findings(&stage.model).into_iter().find(|found| found.rule == Rule::Missed).unwrap();
    assert!(missed.fact.starts_with(&gap.between()), "{missed:?}");
}

/// What is only a command of a shell is found with the reason why it is not done here.
#[test]
fn commands_find_service_install_and_settings_by_their_keys() {
    let mut stage = in_panes();
    let offer = |stage: &Stage, command: C| {
        let here = keymap::below(&stage.model);
        everything(&stage.model, here).into_iter().find(|offer| offer.command() == command)
    };
    stage.model.systemd = false;
    tell(&mut stage, |status| status.service.running = false);
    let refused = offer(&stage, C::InstallService).unwrap().refused.unwrap().with_keys(&stage.model.keys);
    assert!(refused.contains("no systemd"), "{refused}");
    stage.model.systemd = true;
    assert_eq!(offer(&stage, C::InstallService).unwrap().refused, None);
    for (query, command) in [
        ("service install", C::InstallService),
        ("auth_url", C::Setting(FieldId::AuthUrl)),
        ("request_budget", C::Setting(FieldId::RequestBudget)),
    ] {
        stage.keys(":");
        stage.type_text(query);
        assert_eq!(stage.model.palette.as_ref().unwrap().chosen, Some(command), "{query}");
        stage.keys("Esc Esc");
        stage.model.palette = None;
    }
}

/// A page that is longer than the screen is gone through by pages, and no arrow opens a list on the way.
#[test]
fn long_pages_scroll_and_arrows_open_nothing() {
    let mut stage = at_configure();
    stage.reply(Reply::Lists(Ok(lists())));
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    stage.reply(Reply::Configured(Ok(configure_report(&plan()))));
    assert_eq!(stage.model.wizard.as_ref().unwrap().step, Step::Finished);
    let all = items(&stage.model);
    let focus = |stage: &Stage| stage.model.wizard.as_ref().unwrap().focus;
    for _ in 0..all.len() {
        stage.keys("Down");
        assert!(stage.model.popup.is_none(), "{:?}", focus(&stage));
    }
    assert_eq!(Some(&focus(&stage)), all.last());
    stage.keys("Home");
    assert_eq!(Some(&focus(&stage)), all.first());
    stage.keys("PgDn PgDn");
    assert_eq!(Some(&focus(&stage)), all.last());
    stage.keys("PgUp PgUp End");
    assert_eq!(Some(&focus(&stage)), all.last());
    // In a field, too, where the test has failed below it.
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(failed())));
    stage.keys("PgDn PgDn");
    assert!(matches!(focus(&stage), Item::Check(_)), "{:?}", focus(&stage));
    assert!(!matches!(stage.model.popup, Some(Popup::Chooser(_))));
}

/// What was tested and has failed is not called untested.
#[test]
fn failed_test_is_continued_anyway() {
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(failed())));
    stage.keys("PgDn");
    let words: Vec<String> = hints(&stage.model, 200).0.into_iter().map(|hint| hint.words).collect();
    assert!(words.contains(&"Continue anyway".to_owned()), "{words:?}");
}

/// What Halo has refused is known, whatever the next test expects, and after a restart too.
#[test]
fn refused_write_is_no_permission() {
    let mut report = configure_report(&plan());
    report.cause = Some(FailureKind::MissingRight);
    let kind = report.results[0].kind;
    for result in report.results.iter_mut().filter(|result| result.kind == kind) {
        result.outcome = Outcome::Failed;
        result.message = Some("Halo does not let the agent create it. Two places must allow it".to_owned());
    }
    let said = report.writes();
    let why = said.iter().find(|(of, _)| *of == kind).and_then(|(_, why)| *why).unwrap();
    let mut stage = in_panes();
    let refused = write_refused(kind, why.0, why.1, Next::Configure);
    assert_eq!(refused.fact, format!("{}: Halo does not let the agent create it", why.0));
    assert_eq!(health::mend(&in_panes().model, &refused), Some(C::Pane(Pane::Integration)));
    let next = format!("{:?}", refused.next);
    assert!(next.contains("Two places must allow it. Then run it again"), "{next}");
    // The next test only reads: whatever it expects disproves nothing.
    let well = Finding::well(Rule::Rights, "what is needed can be read");
    let kept = beside_refused_writes(&[refused], well);
    tell(&mut stage, |status| {
        status.known.before.retain(|finding| finding.rule != Rule::Rights);
        status.known.before.push(Finding { seen_at: Some(now()), ..kept });
    });
    assert!(health::is_refused(&stage.model, kind), "{kind:?}");
    let findings = health::findings(&stage.model);
    let state = |of| light(&findings, of).unwrap().state;
    assert_eq!((state(Light::Credentials), state(Light::Objects)), (State::Well, State::Broken), "a test passes");
    let other = [ObjectKind::Webhook, ObjectKind::CustomTab].into_iter().find(|other| *other != kind).unwrap();
    assert!(!health::is_refused(&stage.model, other));
    assert!(
        header::standing(&stage.model).1.contains("a permission is missing"),
        "{:?}",
        header::standing(&stage.model)
    );
}

/// A known stop of all events is told by the light of the deliveries, and an event that has not come yet greys none.
#[test]
fn light_of_deliveries_tells_what_is_known() {
    let off = Finding::new(Rule::WebhookOff, State::Broken, "both are off");
    let none = Finding::new(Rule::Deliveries, State::Unknown, NONE_SENDS);
    assert_eq!(light(&[off.clone(), none], Light::Deliveries), Some(&off));
    let well = Finding::well(Rule::Deliveries, "every webhook delivers");
    let silent = Finding::new(Rule::Silence, State::Unknown, "no event received yet");
    assert_eq!(light(&[well.clone(), silent.clone()], Light::Deliveries), Some(&well));
    let unread = Finding::new(Rule::Deliveries, State::Unknown, "not read");
    assert_ne!(light(&[unread, silent], Light::Deliveries).unwrap().state, State::Well);
}

/// A key that never changes anything is not offered: the reason stands there.
#[test]
fn agent_of_whom_halo_says_nothing_has_no_key() {
    let mut stage = in_panes();
    tell(&mut stage, |status| {
        status.known.before.retain(|finding| finding.rule != Rule::AgentRestricted);
        let seen_at = Some(at("2026-11-23T10:50:00Z"));
        let unknown = Finding::new(Rule::AgentRestricted, State::Unknown, SIGHT_NOT_TOLD);
        status.known.before.push(Finding { seen_at, ..unknown.next("Asking again tells no more") });
    });
    stage.keys("0");
    let found = health::findings(&stage.model);
    let agent = found.into_iter().find(|found| found.rule == Rule::AgentRestricted).unwrap();
    assert_eq!((agent.state, health::mend(&stage.model, &agent)), (State::Unknown, None), "{agent:?}");
    assert_eq!(stage.model.panes.pane, Pane::Overview);
}

/// The rows change places with what becomes active; the next key is for the same one.
#[test]
fn selection_of_integrations_follows_its_row() {
    let both = |first: bool| {
        overview(vec![saved("acme", "Acme", first, true, true), saved("second", "Second", !first, true, true)])
    };
    let mut stage = Stage::with(both(true));
    stage.keys("^O");
    assert_eq!(integrations::selected(&stage.model), Some(Card::Saved(id("acme"))));
    stage.reply(Reply::Overview(Ok(both(false))));
    assert_eq!(integrations::selected(&stage.model), Some(Card::Saved(id("acme"))), "it stands second now");
    // The same where it is made active here.
    stage.keys("a y");
    stage.reply(Reply::Activated(Ok(Activation::Active(Some(id("acme"))))));
    assert_eq!(integrations::selected(&stage.model), Some(Card::Saved(id("acme"))), "{}", stage.notice());
    assert!(stage.model.active().is_some_and(|active| active.id == id("acme")));
}

/// A draft that stands in front of everything is under the cursor once it is spoken of.
#[test]
fn draft_in_way_is_selected() {
    let both = overview(vec![saved("acme", "Acme", true, true, true), saved("second", "Second", false, true, true)]);
    let mut stage = Stage::with(both);
    stage.keys("^O");
    let rows = integrations::cards(&stage.model).0;
    for _ in 0..rows.iter().position(|card| *card == Card::New).unwrap() {
        stage.keys("Down");
    }
    stage.keys("Enter");
    stage.type_text("New one");
    stage.keys("^O");
    assert_eq!(integrations::selected(&stage.model), Some(Card::Draft), "left just now");
    stage.keys("Down e");
    assert!(stage.notice().starts_with("There is already a draft of New one"), "{}", stage.notice());
    assert_eq!(integrations::selected(&stage.model), Some(Card::Draft));
    stage.keys("Up x");
    assert_eq!(stage.notice(), "The draft is of New one.");
}

/// What was read before tells nothing of a Halo that has died.
#[test]
fn sync_that_stands_still_promises_no_time() {
    let mut stage = in_panes();
    stage.keys("s");
    stage.later(2);
    stage.reply(Reply::SyncProgress(SyncProgress { pages: 20, ..progress(230, Some(460)) }));
    stage.later(1);
    stage.send(Message::Wake);
    let left = |stage: &Stage| match &stage.model.work.sync {
        SyncWork::Running(run) => run.seconds_left(stage.now),
        _ => panic!("it runs"),
    };
    assert!(left(&stage).is_some());
    stage.later(2);
    assert_eq!(left(&stage), None);
}

/// What only this agent is known to see is not called done on one page and not known on another.
#[test]
fn clients_of_agent_of_whom_nothing_is_known_are_not_proved() {
    let mut stage = at_configure();
    assert_eq!(finished::synced(&stage.model), StepState::Done);
    let warning = Sight::NotTold.warning().unwrap().to_owned();
    let run = SyncReport { warnings: vec![warning], ..sync_report(SyncStatus::CompleteWithWarnings) };
    stage.model.work.sync = SyncWork::Ended(id("acme"), SyncEnd::Report(Box::new(run.clone())));
    assert_eq!(finished::synced(&stage.model), StepState::NotProved);
    let mut stage = in_panes();
    tell(&mut stage, |status| {
        status.known.runs.insert(0, run.clone());
        status.known.before.retain(|finding| finding.rule != Rule::AgentRestricted);
        status.known.before.push(Finding {
            seen_at: Some(now()),
            ..Finding::new(Rule::AgentRestricted, State::Unknown, SIGHT_NOT_TOLD)
        });
    });
    let found = health::findings(&stage.model);
    let proved = found.iter().find(|found| found.rule == Rule::SyncProved).unwrap();
    assert!(proved.state == State::Unknown && proved.is_reported_elsewhere(), "{proved:?}");
    assert_eq!(light(&found, Light::Sync).unwrap().state, State::Unknown, "its light is not green");
}

/// What Halo has refused to show since then is not known to be as it was.
#[test]
fn objects_are_not_green_behind_refused_credentials() {
    let mut stage = in_panes();
    let state = |stage: &Stage| {
        let found = health::findings(&stage.model);
        found.into_iter().find(|found| found.rule == Rule::Drift).unwrap().state
    };
    assert_eq!(state(&stage), State::Well);
    tell(&mut stage, |status| {
        let refused = Finding::new(Rule::Credentials, State::Broken, "refused");
        status.known.before.push(Finding { seen_at: Some(now()), ..refused });
    });
    assert_eq!(state(&stage), State::Unknown);
}

/// Nothing of ours is at a ticket type that is left out, and none is called in place.
#[test]
fn inactive_ticket_type_is_not_in_place() {
    let mut stage = in_panes();
    stage.keys("3");
    let mut plan = kept();
    let row = plan.changes.iter_mut().find(|change| change.kind == ObjectKind::TicketType).unwrap();
    row.reason = "skipped: inactive".to_owned();
    let name = row.name.display();
    stage.reply(Reply::Planned(Ok(Ok(plan))));
    let rows = objects(&stage.model);
    let row = rows.into_iter().find(|row| row.name == name).unwrap();
    assert_eq!((row.tone, row.words.as_str()), (Tone::Calm, "skipped: inactive"));
}

/// What is being put right is not asked for at the same time.
#[test]
fn header_asks_for_no_configure_while_it_runs() {
    let mut stage = in_panes();
    tell(&mut stage, |status| status.integration.configured_at = None);
    assert!(header::standing(&stage.model).1.contains("Re-configure"), "{:?}", header::standing(&stage.model));
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("Enter");
    stage.read_plan();
    stage.keys("y");
    assert!(
        header::standing(&stage.model).1.starts_with("Configure is running"),
        "{:?}",
        header::standing(&stage.model)
    );
}

/// A run in which something failed is told with one sign, on its page and above it.
#[test]
fn failed_configure_has_one_sign() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    let mut report = configure_report(&plan());
    report.status = crate::domain::plan::ConfigureStatus::PartlyDone;
    report.cause = Some(FailureKind::Declined);
    report.results[0].outcome = Outcome::Failed;
    stage.reply(Reply::Configured(Ok(report)));
    let (tone, words) = header::standing(&stage.model);
    assert_eq!((tone, words.starts_with("Configure failed")), (Tone::Bad, true), "{words}");
}

/// What is pasted unmarked with its newline agrees to nothing: Enter is a decision of its own.
#[test]
fn pasted_word_with_newline_agrees_to_nothing() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    stage.keys("x");
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    stage.keys("y");
    assert!(matches!(stage.model.popup, Some(Popup::Typed(_))));
    stage.type_text("acme");
    assert_eq!(stage.send(Message::QuickEnter), []);
    assert!(matches!(stage.model.popup, Some(Popup::Typed(_))), "{}", stage.notice());
    assert!(stage.notice().contains("once more"), "{}", stage.notice());
    assert!(stage.keys("Enter").iter().any(|effect| matches!(effect, Effect::Remove { .. })));
}

/// A test that runs is stopped by nobody in silence: not by the key that ends the program, and not by the one that stops it.
#[test]
fn test_is_not_stopped_in_silence() {
    let mut stage = with_credentials();
    stage.keys("Enter");
    assert!(stage.model.wizard.as_ref().unwrap().test.is_running());
    stage.keys("^C");
    let Some(Popup::Confirm(asked)) = &stage.model.popup else { panic!("{:?}", stage.model.popup.is_some()) };
    assert!(format!("{:?}", asked.ask).contains("connection test is running"), "{:?}", asked.ask);
    stage.keys("Esc Esc");
    assert!(!stage.model.wizard.as_ref().unwrap().test.is_running());
    assert!(stage.notice().contains("The test was stopped"), "{}", stage.notice());
}

/// What is left out is called that after a run, too.
#[test]
fn left_out_ticket_type_is_not_called_unchanged() {
    let row = kept().changes.into_iter().find(|change| change.kind == ObjectKind::TicketType).unwrap();
    let result = ChangeResult {
        kind: row.kind,
        name: row.name,
        id: None,
        action: Action::Keep,
        outcome: Outcome::Unchanged,
        message: Some(LEFT_OUT.to_owned()),
    };
    assert_eq!(words::plan::outcome(&result), (Tone::Calm, "skipped: inactive"));
    assert_eq!(words::plan::outcome(&ChangeResult { message: None, ..result }).1, "unchanged");
}

/// How long a delivery took is said like every other time.
#[test]
fn long_delivery_is_told_in_minutes() {
    let delivery = Delivery { duration: Some("100000".into()), ..log().swap_remove(0) };
    assert_eq!(delivery.took(words::time::took).as_deref(), Some("1 min 40 s"));
}

/// One refusal that a test and somebody else have met is one sentence.
#[test]
fn refusal_that_is_known_is_not_told_twice() {
    let fact = "Tickets: Halo does not let the agent list the tickets; the agent's role lacks it";
    let known = [Finding::new(Rule::Rights, State::Broken, fact).about("Tickets").next("Change the role")];
    let again = Finding::new(Rule::Rights, State::Broken, "Halo does not let the agent list the tickets").about("look");
    assert_eq!(
        (refused(&known, again.clone()).fact, refused(&known, again).next),
        (fact.to_owned(), known[0].next.clone())
    );
}

/// A webhook that somebody has switched off while the other is on: every place calls it off, and no ticket is written for it.
#[test]
fn webhook_off_by_hand_is_off_everywhere() {
    let mut stage = in_panes();
    let off = Finding::new(Rule::Drift, State::Broken, format!("Pia - Ticket Created ({SWITCHED_OFF})"));
    tell(&mut stage, |status| {
        status.integration.deliveries = log();
        status.integration.deliveries[0].state = DeliveryState::SwitchedOff;
        status.integration.configured_at = Some(now());
        status.known.before.retain(|finding| finding.rule != Rule::Drift);
        let seen_at = Some(now());
        status.known.before.push(Finding { seen_at, ..off.about("Pia - Ticket Created") });
    });
    let found = health::findings(&stage.model);
    for one in [Light::Objects, Light::Deliveries] {
        let light = light(&found, one).unwrap();
        assert_eq!((light.rule, light.state), (Rule::Drift, State::Broken), "{one:?}");
        assert_eq!(health::mend(&stage.model, light), Some(C::Pane(Pane::Integration)));
    }
    assert_eq!(header::standing(&stage.model).0, Tone::Bad);
    assert!(header::standing(&stage.model).1.contains("a webhook is switched off"));
    stage.keys("3");
    let rows = objects(&stage.model);
    let row = rows.iter().find(|row| row.name == "Pia - Ticket Created").unwrap();
    assert_eq!((row.tone, row.words.as_str()), (Tone::Bad, SWITCHED_OFF));
    assert!(prove::refusal(&stage.model).is_some(), "no ticket for nothing");
    assert!(!health::findings(&stage.model).iter().any(|one| health::mend(&stage.model, one) == Some(C::ProveIt)));
    // The log is read after the plan: it knows better.
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    let rows = objects(&stage.model);
    assert_eq!(rows[0].words, SWITCHED_OFF, "{rows:?}");
}

/// One state has one sign and one wording, while Halo is read and afterwards.
#[test]
fn state_of_object_is_same_during_and_after_look() {
    let off = FieldChange { name: "active", before: Some("false".to_owned()), after: Some("true".to_owned()) };
    let url = FieldChange { name: "url", before: Some("a".to_owned()), after: Some("b".to_owned()) };
    for (kind, action, reason, field, tone) in [
        (ObjectKind::Webhook, Action::Update, SWITCHED_OFF, Some(off), Tone::Bad),
        (ObjectKind::Webhook, Action::Update, CHANGED, Some(url.clone()), Tone::Bad),
        (ObjectKind::Webhook, Action::Update, SETTING, Some(url), Tone::Warn),
        (ObjectKind::CustomTab, Action::Create, MISSING, None, Tone::Bad),
        (ObjectKind::TicketType, Action::Link, NOT_LINKED, None, Tone::Warn),
    ] {
        let mut drift = kept();
        let change = drift.changes.iter_mut().find(|change| change.kind == kind).unwrap();
        let name = change.name.display();
        (change.action, change.reason, change.fields) = (action, reason.to_owned(), field.into_iter().collect());
        let found = from_plan_and_record(&drift, &objects_of(), &[]);
        let mut stage = in_panes();
        tell(&mut stage, |status| {
            status.known.before.retain(|finding| finding.rule != Rule::Drift);
            status.known.before.push(Finding { seen_at: Some(now()), ..found.clone() });
        });
        stage.keys("3");
        let of = |stage: &Stage| {
            let row = objects(&stage.model).into_iter().find(|row| row.name == name && row.kind == kind).unwrap();
            (row.tone, row.words, row.detail)
        };
        let during = of(&stage);
        assert_eq!((during.0, during.1.as_str()), (tone, reason));
        stage.reply(Reply::Planned(Ok(Ok(drift.clone()))));
        let after = of(&stage);
        assert_eq!((after.0, after.1.as_str()), (tone, reason));
        assert!(!after.2.contains(&after.1), "said twice: {after:?}");
        assert_eq!(after.2.iter().any(|line| line == "active: false → true"), reason == SWITCHED_OFF, "{after:?}");
        assert_eq!(found.state == State::Broken, tone == Tone::Bad, "as the overview has it: {found:?}");
    }
}

/// What is typed and not saved hides no issue, and what is active has the judgement of its panes on every page.
#[test]
fn issues_are_counted_in_settings_and_among_integrations() {
    let mut stage = in_panes();
    drift(&mut stage, State::Broken, "Pia Chat Pod (missing in Halo)");
    let (tone, words) = header::standing(&stage.model);
    let words = words.split("   ").next().unwrap().to_owned();
    assert!(tone == Tone::Bad && words.contains("objects differ in Halo"), "{words}");
    stage.keys("e");
    stage.type_text("x");
    let (also, unsaved) = header::standing(&stage.model);
    assert_eq!((also, unsaved.split("   ").next()), (tone, Some(format!("{words} · not saved").as_str())));
    let mut seen = overview(vec![saved("acme", "Acme MSP", true, true, true)]);
    let acme = Card::Saved(id("acme"));
    let card = |stage: &Stage| {
        (integrations::card_state(&stage.model, &acme), integrations::card_remark(&stage.model, &id("acme")))
    };
    let mut stage = Stage::with(seen.clone());
    stage.keys("^O");
    assert_eq!(card(&stage), (Some(CardState::Active), None));
    for (state, shown, tone) in
        [(State::Broken, CardState::Error, Tone::Bad), (State::Watch, CardState::Attention, Tone::Warn)]
    {
        let known = &mut seen.configurations[0].status.known.before;
        known.retain(|finding| finding.rule != Rule::Drift);
        known.push(Finding { seen_at: Some(now()), ..Finding::new(Rule::Drift, state, "a (changed in Halo)") });
        let mut stage = Stage::with(seen.clone());
        stage.keys("^O");
        assert_eq!(card(&stage), (Some(shown), Some("objects differ in Halo".to_owned())));
        let (said, words) = header::standing(&stage.model);
        assert!(said == tone && words.starts_with("objects differ in Halo"), "{words}");
    }
}

/// What went into the clipboard is named, and that it holds a token.
#[test]
fn copied_callback_url_is_named_with_its_token() {
    let mut stage = in_panes();
    stage.keys("3");
    let row = objects(&stage.model).iter().position(|row| row.kind == ObjectKind::Webhook).unwrap();
    stage.model.panes.window_mut(Pane::Integration).selected = row;
    assert!(matches!(stage.keys("c").as_slice(), [Effect::Copy(_)]));
    stage.reply(Reply::Copied(Ok(())));
    assert!(stage.notice().contains("the Callback URL of Pia - Ticket"), "{}", stage.notice());
    assert!(stage.notice().contains("holds a token"), "{}", stage.notice());
}

/// What stays as it is has the sign of that, and not the one of what nobody knows.
#[test]
fn unchanged_result_has_sign_of_what_stays() {
    let report = configure_report(&kept());
    assert!(report.results.iter().all(|result| words::plan::sign(result) == Some("=")), "{:?}", report.results);
}

/// What Configure has just seen is not greyed by the look that follows it.
#[test]
fn rows_stay_green_right_after_configure() {
    let tones = |seconds: i64| {
        let mut stage = in_panes();
        tell(&mut stage, |status| {
            status.known.before.retain(|finding| finding.rule != Rule::Drift);
            let seen_at = Some(now() - SignedDuration::from_secs(seconds));
            status.known.before.push(Finding { seen_at, ..Finding::well(Rule::Drift, "unchanged since Configure") });
        });
        stage.keys("3");
        assert!(crate::app::panes::integration::checking(&stage.model).is_some());
        objects(&stage.model).iter().all(|row| row.tone == Tone::Good)
    };
    assert_eq!((tones(5), tones(500)), (true, false));
}

/// One webhook whose address somebody has changed in Halo is no address of ours that has changed.
#[test]
fn address_changed_in_halo_is_not_told_as_ours() {
    let leads = |cause: Cause| {
        let mut stage = in_panes();
        stage.keys("3");
        let mut drift = kept();
        let change = drift.changes.iter_mut().find(|change| change.kind == ObjectKind::Webhook).unwrap();
        let url = FieldChange { name: "url", before: Some("a".to_owned()), after: Some("b".to_owned()) };
        (change.action, change.cause, change.fields) = (Action::Update, cause, vec![url]);
        stage.reply(Reply::Planned(Ok(Ok(drift))));
        crate::app::panes::integration::leads_elsewhere(&stage.model)
    };
    assert_eq!((leads(Cause::Halo), leads(Cause::Settings)), (false, true));
}

/// A mistyped board is named, and is no matter of the credentials.
#[test]
fn board_that_is_not_there_is_named() {
    let mut stage = in_panes();
    tell(&mut stage, |status| status.known.lists.teams.retain(|team| team.name.raw() != "Pia"));
    let found = health::findings(&stage.model);
    assert_eq!(light(&found, Light::Credentials).unwrap().state, State::Well);
    assert_eq!(light(&found, Light::Objects).unwrap().rule, Rule::Boards);
    let (_, words) = header::standing(&stage.model);
    assert!(words.starts_with("Pia boards not found"), "{words}");
}

/// What was said on one page is not left on the line of keys of the next.
#[test]
fn word_on_what_happened_goes_with_its_page() {
    let mut stage = in_panes();
    tell(&mut stage, |status| status.known.lists.teams.retain(|team| team.name.raw() != "Pia"));
    stage.keys("0");
    stage.keys("t");
    stage.reply(Reply::Looked(Ok(None)));
    assert_eq!(stage.notice(), "Checked just now.");
    stage.model.panes.issue = Some(Rule::Boards);
    stage.model.take_dirty();
    stage.keys("Enter");
    assert!(stage.model.wizard.is_some() && stage.model.notice.is_none(), "{}", stage.notice());
    // Where nothing has changed one key leads back, and not two.
    stage.model.wizard.as_mut().unwrap().focus = Item::Save;
    let shown: Vec<String> = hints(&stage.model, 200).0.into_iter().map(|hint| hint.words).collect();
    assert!(shown.contains(&"Back".to_owned()) && !shown.contains(&"Continue".to_owned()), "{shown:?}");
}

/// Nothing is offered that can never settle it.
#[test]
fn proof_that_hangs_on_agent_offers_no_sync() {
    let told = Finding::new(Rule::SyncProved, State::Unknown, "reported as agent-restricted");
    assert!(told.is_reported_elsewhere());
    assert_eq!(health::mend(&in_panes().model, &told), None);
    let sync = Finding::new(Rule::SyncProved, State::Unknown, "no sync yet");
    assert_eq!(health::mend(&in_panes().model, &sync), Some(C::SyncNow));
}

/// A run whose writes Halo has all accepted and does not show has failed, above the page as on it.
#[test]
fn run_of_which_halo_shows_nothing_has_failed() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    let mut report = configure_report(&plan());
    report.status = crate::domain::plan::ConfigureStatus::Failed;
    report.results.iter_mut().for_each(|result| result.outcome = Outcome::Unverified);
    stage.reply(Reply::Configured(Ok(report)));
    let (tone, words) = header::standing(&stage.model);
    assert!(tone == Tone::Bad && words.starts_with("Configure failed"), "{words}");
}

//! Drift, deliveries and Remove in the Integration pane, and the switch that removes first.

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::jobs::deliveries::summary;
use crate::app::jobs::plan::by_hand;
use crate::app::jobs::state::{ApplyWork, Goal, PlanWork};
use crate::app::keymap::{Pane, Place, place};
use crate::app::message::{Message, Reply};
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::integration::objects;
use crate::app::testing::{
    Stage, deliveries, hops, id, in_panes, kept, overview, plan, removal, results, saved, standing, status, theirs,
};
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::full_circle::Hop;
use crate::domain::object::ObjectKind;
use crate::domain::plan::Parts;
use crate::domain::plan::{Action, ConfigureReport, ConfigureStatus, Plan, TABS_NOT_TOLD};
use crate::domain::request::Activation;

fn planned() -> Stage {
    let mut stage = in_panes();
    stage.keys("3");
    assert_eq!(stage.keys("x").last(), Some(&Effect::LoadRemoval(id("acme"), Parts::ALL)));
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    stage
}

fn report(status: ConfigureStatus) -> ConfigureReport {
    ConfigureReport {
        status,
        results: results(&removal()),
        message: "done".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

fn remove(parts: Parts) -> Effect {
    Effect::Remove { id: id("acme"), parts, then: None, plan: Box::new(removal()) }
}

/// S65, S73: nothing is taken out before the id is typed: not with Enter, not with a part of it, not with a yes.
#[test]
fn only_typed_id_takes_anything_out() {
    let mut stage = planned();
    assert_eq!(stage.keys("y"), []);
    assert_eq!(place(&stage.model), Place::Typed);
    assert_eq!(stage.keys("Enter"), [], "nothing is typed");
    for wrong in ["y", "acm", "ACME", "Acme"] {
        stage.type_text(wrong);
        assert_eq!(stage.keys("Enter"), [], "{wrong}");
        assert_eq!(place(&stage.model), Place::Typed, "{wrong}");
        stage.keys("^U");
    }
    assert_eq!(stage.keys("Esc"), [], "Esc leaves");
    assert_eq!(place(&stage.model), Place::Plan);
    stage.read_plan();
    stage.keys("y");
    stage.type_text("acme");
    assert_eq!(stage.keys("Enter"), [remove(Parts::ALL)]);
    assert!(stage.model.work.apply.is_running());
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Configure)], "it can be stopped like Configure");
}

/// What another machine owns is written to only once that one's name is typed, whatever the plan is for; what deletes in
/// Halo wants the id after it.
#[test]
fn plan_of_another_machine_wants_its_name_typed() {
    let taking_over = |effect| [Effect::TakingOver(Box::new(effect))];
    let ready = |name: &str, plan: Plan| {
        let mut stage = Stage::with(crate::app::testing::finished());
        stage.keys("2 :");
        stage.type_text(name);
        stage.keys("Enter");
        stage.reply(Reply::Planned(Ok(Ok(theirs(plan)))));
        stage.read_plan();
        stage
    };
    let mut stage = ready("check halo", plan());
    stage.keys("Enter");
    stage.read_plan();
    assert_eq!(stage.keys("y"), []);
    for wrong in ["y", "acme", "Acme MSP", "JUMP1"] {
        stage.type_text(wrong);
        assert_eq!(stage.keys("Enter"), [], "{wrong}");
        assert_eq!(place(&stage.model), Place::Typed, "{wrong}");
        stage.keys("^U");
    }
    stage.keys("Esc");
    stage.read_plan();
    assert_eq!(stage.keys("y"), [], "nothing was agreed to");
    stage.type_text("jump1");
    assert_eq!(stage.keys("Enter"), taking_over(Effect::Configure(id("acme"), Box::new(theirs(plan())))));

    let mut stage = ready("rotate", plan());
    stage.keys("y");
    stage.type_text("jump1");
    assert_eq!(stage.keys("Enter"), taking_over(Effect::Rotate(id("acme"), Box::new(theirs(plan())))));

    for again in [false, true] {
        let mut stage = in_panes();
        stage.keys("3 x");
        stage.reply(Reply::Planned(Ok(Ok(theirs(removal())))));
        stage.keys("y");
        stage.type_text("jump1");
        assert_eq!(stage.keys("Enter"), [], "the id is still to be typed");
        if again {
            // Of a plan that is read anew nothing is agreed to yet.
            stage.keys("Esc t");
            stage.reply(Reply::Planned(Ok(Ok(theirs(removal())))));
            stage.keys("y");
            stage.type_text("acme");
            assert_eq!(stage.keys("Enter"), []);
            continue;
        }
        stage.type_text("acme");
        let plan = Box::new(theirs(removal()));
        let remove = Effect::Remove { id: id("acme"), parts: Parts::ALL, then: None, plan };
        assert_eq!(stage.keys("Enter"), taking_over(remove));
    }
}

/// What only the command line could do is found by its name, from another pane, and is shown before it is done.
#[test]
fn rotation_and_roll_back_are_found_by_name() {
    for (name, read, runs) in [
        ("rotate", Effect::LoadRotation(id("acme")), Effect::Rotate(id("acme"), Box::new(plan()))),
        ("roll back", Effect::LoadRollBack(id("acme")), Effect::RollBack(id("acme"), Box::new(plan()))),
    ] {
        let mut stage = Stage::with(crate::app::testing::finished());
        stage.keys("2 :");
        stage.type_text(name);
        assert!(stage.keys("Enter").contains(&read), "{name}");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.read_plan();
        if name == "roll back" {
            assert_eq!(stage.keys("y Enter"), [], "what deletes in Halo wants the id");
            stage.type_text("acme");
            assert_eq!(stage.keys("Enter"), [runs]);
        } else {
            assert_eq!(stage.keys("y"), [runs]);
        }
    }
    let mut stage = Stage::with(crate::app::testing::finished());
    let forget = |stage: &mut Stage| {
        stage.keys("1 :");
        stage.type_text("forget");
        stage.keys("Enter");
    };
    forget(&mut stage);
    assert_eq!(place(&stage.model), Place::Pane(Pane::Integration), "the service needs them while it runs");
    let mut stopped = status("Acme MSP", true, true, true);
    stopped.service.running = false;
    stage.reply(Reply::Status(Ok(standing(stopped))));
    forget(&mut stage);
    assert_eq!(stage.keys("Enter"), [], "the id has to be typed");
    stage.type_text("acme");
    assert_eq!(stage.keys("Enter"), [Effect::ForgetSecrets(id("acme"))]);
}

/// A test ticket goes round only once a yes is typed; each station is shown as it is reached, and Esc stops it.
#[test]
fn prove_it_wants_typed_yes_shows_each_hop_and_stops() {
    let mut stage = in_panes();
    stage.keys("3");
    assert_eq!(stage.keys("p"), []);
    assert_eq!(place(&stage.model), Place::Typed);
    for wrong in ["y", "acme", "YES"] {
        stage.type_text(wrong);
        assert_eq!(stage.keys("Enter"), [], "{wrong}");
        stage.keys("^U");
    }
    stage.type_text("yes");
    assert_eq!(stage.keys("Enter"), [Effect::Prove(id("acme"))]);
    let words = |stage: &Stage| {
        let lines = crate::app::jobs::prove::lines(&stage.model);
        lines.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(stage.keys("p"), [], "one at a time");
    let round = hops(None);
    for hop in &round.hops {
        stage.reply(Reply::Hop(hop.clone()));
    }
    for part in ["Ticket made: ", "Stored here after 203 ms", "Ticket closed after 1 s"] {
        assert!(words(&stage).contains(part), "{part}: {}", words(&stage));
    }
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Prove)]);
    assert!(words(&stage).contains("Stopping"));
    assert_eq!(stage.keys("Esc").iter().filter(|effect| matches!(effect, Effect::Cancel(Slot::Prove))).count(), 0);
    stage.reply(Reply::Proved(Ok(round)));
    assert!(words(&stage).starts_with("Passed"));
    stage.keys("Esc");
    assert_eq!((words(&stage).as_str(), place(&stage.model)), ("", Place::Pane(Pane::Integration)), "Esc puts it away");
    for hop in [Hop::Made, Hop::Logged, Hop::Delivered, Hop::Stored, Hop::Forwarded, Hop::Closed] {
        let mut stage = in_panes();
        stage.keys("3 p");
        stage.type_text("yes");
        stage.keys("Enter");
        stage.reply(Reply::Proved(Ok(hops(Some(hop)))));
        let words = words(&stage);
        assert!(words.starts_with(&format!("Failed at \"{}\"", hop.title())), "{words}");
        assert!(words.contains("To do: the address leads elsewhere"), "{words}");
    }
    let mut bare = in_panes();
    bare.keys("3");
    bare.model.overview.configurations[0].status.integration.objects.clear();
    if let Some(standing) = &mut bare.model.facts.standing {
        standing.status.integration.objects.clear();
    }
    assert_eq!(bare.keys("p"), []);
    assert!(bare.notice().contains("No webhook is installed"));
}

/// What a yes that is typed leads to is in the line of keys before it is typed, and its key moves nothing when it comes.
#[test]
fn typed_yes_says_from_start_what_enter_and_esc_do() {
    let mut stage = planned();
    stage.read_plan();
    stage.keys("y");
    let keys = |stage: &Stage| {
        let (left, _) = hints(&stage.model, 80);
        left.into_iter().map(|hint| (format!("{} {}", hint.key, hint.words), hint.waits)).collect::<Vec<_>>()
    };
    let wanted = |waits| vec![("Enter Remove".to_owned(), waits), ("Esc Close".to_owned(), false)];
    assert_eq!(keys(&stage), wanted(true));
    stage.type_text("acme");
    assert_eq!(keys(&stage), wanted(false));
}

/// S65: each part alone; the tab takes its links along, and nothing chosen is not a choice.
#[test]
fn parts_are_chosen_on_plan() {
    let mut stage = planned();
    let parts = |webhooks, chat_pod, links| Parts { webhooks, chat_pod, links };
    let load = |parts| vec![Effect::LoadRemoval(id("acme"), parts)];
    assert_eq!(stage.keys("l"), [], "the links go with the tab");
    assert!(stage.notice().contains("removes its links too"));
    assert_eq!(stage.keys("c"), load(parts(true, false, false)));
    assert_eq!(stage.keys("w"), [], "something has to be chosen");
    assert_eq!(stage.keys("l"), load(parts(true, false, true)), "also while it is still being read");
    assert_eq!(stage.keys("w"), load(parts(false, false, true)));
    assert_eq!(stage.keys("c"), load(parts(false, true, true)));
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    stage.keys("y");
    stage.type_text("acme");
    assert_eq!(stage.keys("Enter"), [remove(parts(false, true, true))], "what was chosen is what goes");

    // The digits lead to the panes, as everywhere.
    let mut stage = planned();
    stage.keys("1");
    assert_eq!((stage.model.panes.pane, stage.model.panes.planning), (Pane::Sync, false));
}

/// S3: where nothing is left in the old one's Halo, there is nothing to type: a yes switches, once it could be read.
#[test]
fn with_nothing_left_to_take_out_switch_is_all_that_is_asked() {
    let trial = saved("trial", "Acme trial", false, true, false);
    let mut stage = Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, true), trial]));
    stage.keys("^O Down a r");
    let nothing = Plan::default();
    stage.send(Message::Reply(Box::new(Reply::Planned(Ok(Ok(nothing.clone()))))));
    assert_eq!(stage.keys("y"), [], "a key that is held down has read nothing");
    stage.read_plan();
    let plan = Box::new(nothing);
    let switch = Effect::Remove { id: id("acme"), parts: Parts::ALL, then: Some(id("trial")), plan };
    assert_eq!(stage.keys("y"), [switch]);
}

/// Where Halo is not reached, every click of the way by hand can be brought into sight.
#[test]
fn clicks_by_hand_are_all_in_reach() {
    let mut stage = planned();
    stage.keys("t");
    stage.reply(Reply::Planned(Err(Failure::new(FailureKind::NotReached, "not reached"))));
    let steps = by_hand(&stage.model).len();
    assert!(steps > 5);
    for at in 1..=steps + 1 {
        stage.keys("Down");
        assert_eq!(stage.model.work.plan_line, at.min(steps - 1));
    }
    assert_eq!(stage.keys("w"), [], "and nothing is chosen where nothing is shown to choose from");
}

/// A plan to remove is never taken for drift, and never applied as one of Configure.
#[test]
fn plan_to_remove_is_gone_once_it_is_left() {
    let mut stage = planned();
    let drift = objects(&stage.model).iter().filter(|row| row.tone == Tone::Warn).count();
    assert_eq!(drift, 0, "what would be removed is no drift");
    assert!(stage.keys("Esc").contains(&Effect::LoadPlan(id("acme"))), "the pane looks at what is installed");
    assert_eq!(stage.model.work.goal, Goal::Install);
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(stage.keys("Enter"), []);
    stage.read_plan();
    assert_eq!(stage.keys("y"), [Effect::Configure(id("acme"), Box::new(plan()))]);

    let mut stage = planned();
    stage.keys("^O");
    assert!(matches!(stage.model.work.plan, PlanWork::None));
    let mut stage = in_panes();
    stage.keys("3 x");
    assert!(stage.keys("^O").contains(&Effect::Cancel(Slot::Plan)), "what is being read is stopped");
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    assert!(matches!(stage.model.work.plan, PlanWork::None), "and not heard any more");
}

/// N5: how it ended is said, and that nothing is installed is no Configure that is done.
#[test]
fn what_is_removed_is_not_configured() {
    for ended in [ConfigureStatus::Removed, ConfigureStatus::NothingToDo] {
        let mut stage = planned();
        stage.keys("y");
        stage.type_text("acme");
        stage.keys("Enter");
        let done = results(&removal());
        stage.reply(Reply::Applied(done[0].clone()));
        let effects = stage.reply(Reply::Configured(Ok(report(ended))));
        assert!(effects.contains(&Effect::LoadStatus(id("acme"))));
        assert!(!stage.model.is_configured(), "{ended:?}: known before the status is read again");
        assert_eq!(stage.keys("Enter"), [], "there is nothing installed to look at");
        assert_eq!(place(&stage.model), Place::Pane(Pane::Integration));
        assert!(matches!(stage.model.work.apply, ApplyWork::None));
    }
}

/// Half-way it is offered again, for the same parts.
#[test]
fn what_was_not_removed_can_be_tried_again() {
    let mut stage = planned();
    stage.keys("y");
    stage.type_text("acme");
    stage.keys("Enter");
    stage.reply(Reply::Configured(Ok(report(ConfigureStatus::PartlyDone))));
    assert_eq!(stage.keys("Enter"), [Effect::LoadRemoval(id("acme"), Parts::ALL)]);
}

/// Only the active configuration can be worked on.
#[test]
fn what_is_not_active_is_not_removed() {
    let two = vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, true, true)];
    let mut stage = Stage::with(overview(two));
    stage.keys("^O Down Enter");
    stage.reply(Reply::Status(Ok(standing(status("Acme trial", false, true, true)))));
    stage.keys("3");
    assert_eq!(stage.keys("x"), []);
    assert!(stage.notice().contains("not the active one"));
}

/// S3: the question names the third answer; it shows the plan of the old one, and switches only with it.
#[test]
fn switch_can_remove_old_ones_objects_first() {
    let two = vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, false, false)];
    let mut stage = Stage::with(overview(two));
    stage.keys("^O Down a");
    let effects = stage.keys("r");
    assert_eq!(effects.last(), Some(&Effect::LoadRemoval(id("acme"), Parts::ALL)));
    assert_eq!((stage.model.screen, stage.model.current.clone()), (Screen::Panes, Some(id("acme"))));
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    assert_eq!(stage.keys("c"), [], "all of it goes, or nothing is switched");
    stage.keys("y");
    stage.type_text("trial");
    assert_eq!(stage.keys("Enter"), [], "the id is that of what is removed");
    stage.keys("^U");
    stage.type_text("acme");
    let wanted =
        Effect::Remove { id: id("acme"), parts: Parts::ALL, then: Some(id("trial")), plan: Box::new(removal()) };
    assert_eq!(stage.keys("Enter"), [wanted]);
    stage.reply(Reply::Configured(Ok(report(ConfigureStatus::Removed))));
    stage.reply(Reply::Activated(Ok(Activation::Active(Some(id("trial"))))));
    assert_eq!(stage.model.active().map(|saved| saved.id.clone()), Some(id("trial")));
}

/// The third answer is reached with Tab as well, and is not there where nothing is installed.
#[test]
fn third_answer_is_only_there_where_something_is_installed() {
    let two = |configured| {
        vec![saved("acme", "Acme MSP", true, true, configured), saved("trial", "Acme trial", false, false, false)]
    };
    let mut stage = Stage::with(overview(two(true)));
    stage.keys("^O Down a");
    assert_eq!(stage.keys("Tab Tab Enter").last(), Some(&Effect::LoadRemoval(id("acme"), Parts::ALL)));
    let mut stage = Stage::with(overview(two(true)));
    stage.keys("^O Down a");
    assert_eq!(stage.keys("Tab Tab Tab Enter"), [], "and on to No");
    let mut stage = Stage::with(overview(two(false)));
    stage.keys("^O Down a");
    assert_eq!(stage.keys("r"), []);
    assert_eq!(stage.keys("Tab Tab Enter"), [], "two answers");
}

/// N3: every kind of drift has its words and its repair.
#[test]
fn every_drift_is_named_with_its_repair() {
    for (action, words, repair) in [
        (Action::Create, "missing in Halo", "create it again"),
        (Action::Update, "changed in Halo", "restore it"),
        (Action::Adopt, "created earlier", "not create a second one"),
        (Action::Link, "not linked to the Pia Chat Pod", "link the Pia"),
        (Action::Unlink, "uses a duplicate tab", "remove the link"),
        (Action::Delete, "duplicate", "delete the extra copy"),
    ] {
        let mut stage = in_panes();
        stage.keys("3");
        let mut drift = kept();
        drift.changes[0].action = action;
        drift.changes[0].reason = words.to_owned();
        stage.reply(Reply::Planned(Ok(Ok(drift))));
        let row = objects(&stage.model).remove(0);
        assert!(row.words.contains(words), "{row:?}");
        assert!(
            row.detail.iter().any(|line| line.starts_with("Re-configure will") && line.contains(repair)),
            "{row:?}"
        );
    }
}

/// N4, R75: the log is read on a key; each webhook has its verdict, and the worst one is said of all.
#[test]
fn deliveries_are_read_on_key_and_shown_with_their_webhook() {
    let mut stage = in_panes();
    assert_eq!(summary(&stage.model), None, "nothing was read");
    stage.keys("3");
    assert_eq!(stage.keys("d"), [Effect::LoadDeliveries(id("acme"))]);
    assert_eq!(stage.keys("d"), [], "it is being read");
    stage.reply(Reply::Deliveries(Ok(deliveries())));
    let (tone, words) = summary(&stage.model).unwrap();
    assert_eq!(tone, Tone::Warn);
    assert!(words.contains("Pia - Ticket Updated: nothing delivered since install"), "{words}");
    let details: Vec<String> = objects(&stage.model)
        .into_iter()
        .filter(|row| row.kind == ObjectKind::Webhook)
        .map(|r| r.detail.join(" "))
        .collect();
    assert!(details[0].contains("answered with 200; took 84 ms"), "{details:?}");
    assert!(details[1].contains("since it was installed") && details[1].contains("outgoing service"), "{details:?}");
    stage.keys("d");
    let mut worse = deliveries();
    worse[0].state = DeliveryState::ServerError;
    stage.reply(Reply::Deliveries(Ok(worse)));
    let (tone, words) = summary(&stage.model).unwrap();
    assert!(tone == Tone::Bad && words.contains("Created: server error"), "{words}");
    stage.keys("d");
    stage.reply(Reply::Deliveries(Ok(deliveries().drain(..1).collect())));
    assert_eq!(summary(&stage.model).unwrap().0, Tone::Good);
}

/// What was read by another run is shown, and what belongs to another configuration is not.
#[test]
fn last_reading_is_shown_until_it_is_read_anew() {
    let mut stage = in_panes();
    let mut known = status("Acme MSP", true, true, true);
    known.integration.deliveries = deliveries();
    stage.reply(Reply::Status(Ok(standing(known))));
    assert!(summary(&stage.model).is_some());
    stage.keys("3 d");
    let effects = stage.model.turn_to(Some(&id("trial")));
    assert!(effects.contains(&Effect::Cancel(Slot::Deliveries)));
    stage.reply(Reply::Deliveries(Ok(deliveries())));
    assert_eq!(summary(&stage.model), None);
}

/// Of what was removed whole, by whomever, no object is "not in Halo yet".
#[test]
fn objects_that_were_all_removed_are_called_that() {
    let mut own = status("Acme MSP", true, true, false);
    own.integration.objects.clear();
    for (was_configured, words) in [(false, "not in Halo yet"), (true, "removed")] {
        own.integration.was_configured = was_configured;
        let mut stage = in_panes();
        stage.reply(Reply::Status(Ok(standing(own.clone()))));
        stage.keys("3 t");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        let rows = objects(&stage.model);
        let tab = rows.iter().find(|row| row.name == "Pia Chat Pod").unwrap();
        assert_eq!(tab.words, words);
    }
}

/// Of a link that Halo says nothing of nothing is promised: what settles it is named, in the row and over the plan.
#[test]
fn link_that_halo_does_not_tell_promises_nothing() {
    let mut stage = in_panes();
    stage.keys("3");
    let mut untold = kept();
    let link = untold.changes.iter_mut().find(|change| change.kind == ObjectKind::TicketType).unwrap();
    (link.action, link.reason) = (Action::Link, TABS_NOT_TOLD.to_owned());
    stage.reply(Reply::Planned(Ok(Ok(untold))));
    let row = objects(&stage.model).remove(0);
    assert_eq!((row.sign(), row.words.as_str()), (Some("?"), "unknown: Halo does not say"));
    assert!(row.detail.iter().any(|line| line.contains("Overview, Dismiss (x)")), "{row:?}");
    assert!(row.detail.iter().all(|line| !line.contains("Re-configure")), "{row:?}");
}

//! Drift, deliveries, and Remove.

use crate::app::keymap::Command as C;
use crate::app::message::{Message, Reply};
use crate::app::testing::{Stage, deliveries, failed, hops, in_panes, kept, objects, removal, results};
use crate::domain::full_circle::Hop;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, ConfigureReport, ConfigureStatus, Outcome, Plan};

use super::cards::two;
use super::{Scenes, refused, unreachable};

// Every way in which an object can be off, each by its repair.
fn drifted() -> Plan {
    let mut plan = kept();
    for (at, action) in [Action::Create, Action::Keep, Action::Update, Action::Delete, Action::Link, Action::Unlink]
        .into_iter()
        .enumerate()
    {
        plan.changes[at].action = action;
        plan.changes[at].reason = if action == Action::Update { "changed in Halo".to_owned() } else { String::new() };
    }
    plan.changes[6].action = Action::Adopt;
    // The record knows them by their ids: the deliveries are theirs.
    for change in &mut plan.changes {
        change.id = objects().iter().find(|own| own.name == change.name).map(|own| own.id.clone());
    }
    plan
}

fn planned() -> Stage {
    let mut stage = in_panes();
    stage.keys("3 x");
    stage.reply(Reply::Planned(Ok(Ok(removal()))));
    stage
}

fn applying() -> Stage {
    let mut stage = planned();
    stage.keys("y");
    stage.type_text("acme");
    stage.keys("Enter");
    stage
}

fn ended(status: ConfigureStatus, message: &str) -> ConfigureReport {
    ConfigureReport {
        status,
        results: results(&removal()),
        message: message.to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

pub fn add(scenes: &mut Scenes) {
    pane(scenes);
    plan(scenes);
    run(scenes);
}

// The test ticket: asked about, on its way, round, broken, not begun.
fn proving(scenes: &mut Scenes) {
    let begun = |stage: &mut Stage| {
        stage.keys("3 p");
        stage.type_text("yes");
        stage.keys("Enter");
        stage.reply(Reply::Hop(hops(None).hops[0].clone()));
    };
    scenes.add("pane_integration_prove_asked", in_panes(), |stage| {
        stage.keys("3 p");
        stage.type_text("ye");
    });
    scenes.add("pane_integration_prove_running", in_panes(), begun);
    scenes.add("pane_integration_proved", in_panes(), move |stage| {
        begun(stage);
        stage.reply(Reply::Proved(Ok(hops(None))));
    });
    scenes.add("pane_integration_not_proved", in_panes(), move |stage| {
        begun(stage);
        stage.reply(Reply::Proved(Ok(hops(Some(Hop::Delivered)))));
    });
    scenes.add("pane_integration_prove_failed", in_panes(), move |stage| {
        begun(stage);
        stage.reply(Reply::Proved(Err(unreachable())));
    });
}

fn pane(scenes: &mut Scenes) {
    scenes.add("pane_integration_drift", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(drifted()))));
        stage.keys("Down Down");
    });
    proving(scenes);
    scenes.add("pane_integration_deliveries_reading", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
        stage.keys("d");
    });
    scenes.add("pane_integration_deliveries", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(drifted()))));
        stage.keys("d");
        stage.reply(Reply::Deliveries(Ok(deliveries())));
        let at = crate::app::panes::integration::objects(&stage.model)
            .iter()
            .position(|row| row.kind == ObjectKind::Webhook && row.detail.iter().any(|line| line.contains("Delivery")))
            .unwrap();
        stage.keys("Home");
        (0..at).for_each(|_| drop(stage.keys("Down")));
    });
    scenes.add("pane_integration_deliveries_good", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
        stage.keys("d");
        stage.reply(Reply::Deliveries(Ok(deliveries().drain(..1).collect())));
    });
    scenes.add("pane_integration_deliveries_failed", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
        stage.keys("d");
        stage.reply(Reply::Deliveries(Err(unreachable())));
    });
}

fn plan(scenes: &mut Scenes) {
    scenes.add("removal_reading", in_panes(), |stage| {
        stage.keys("3 x");
    });
    scenes.add("removal_plan", planned(), |_| {});
    for (name, command) in [("rotation_plan", C::Rotate), ("roll_back_plan", C::RollBack)] {
        scenes.add(name, in_panes(), |stage| {
            stage.keys("3");
            stage.send(Message::Do(command));
            stage.reply(Reply::Planned(Ok(Ok(removal()))));
        });
    }
    scenes.add("removal_in_parts", planned(), |stage| {
        stage.keys("2 3");
        let mut part = removal();
        part.changes.remove(1);
        stage.reply(Reply::Planned(Ok(Ok(part))));
    });
    scenes.add("removal_nothing", planned(), |stage| {
        stage.keys("t");
        stage.reply(Reply::Planned(Ok(Ok(Plan::default()))));
    });
    scenes.add("removal_refused", planned(), |stage| {
        stage.keys("t");
        stage.reply(Reply::Planned(Ok(Err(failed()))));
    });
    scenes.add("removal_unreachable", planned(), |stage| {
        stage.keys("t");
        stage.reply(Reply::Planned(Err(unreachable())));
    });
    scenes.add("removal_typed", planned(), |stage| {
        stage.keys("y");
        stage.type_text("acm");
    });
    scenes.add("removal_typed_right", planned(), |stage| {
        stage.keys("y");
        stage.type_text("acme");
    });
    scenes.add("removal_and_switch", Stage::with(two()), |stage| {
        stage.keys("^O Down a r");
        stage.reply(Reply::Planned(Ok(Ok(removal()))));
    });
    scenes.add("removal_and_switch_nothing_left", Stage::with(two()), |stage| {
        stage.keys("^O Down a r");
        stage.reply(Reply::Planned(Ok(Ok(Plan::default()))));
    });
    scenes.add("removal_and_switch_typed", Stage::with(two()), |stage| {
        stage.keys("^O Down a r");
        stage.reply(Reply::Planned(Ok(Ok(removal()))));
        stage.keys("y");
    });
}

fn run(scenes: &mut Scenes) {
    scenes.add("removal_applying", applying(), |stage| {
        let results = results(&removal());
        stage.reply(Reply::Applied(results[0].clone()));
        stage.later(2);
    });
    scenes.add("removal_done", applying(), |stage| {
        let message = "Pia has been removed from Halo. Clients and settings are kept";
        stage.reply(Reply::Configured(Ok(ended(ConfigureStatus::Removed, message))));
    });
    scenes.add("removal_partly", applying(), |stage| {
        let message = "3 done, 1 not done; run Remove again to continue; by hand: pia-halo remove --manual";
        let mut report = ended(ConfigureStatus::PartlyDone, message);
        report.results[3].outcome = Outcome::Failed;
        report.results[3].message = Some("Halo keeps it: you do not have access to delete webhooks.".to_owned());
        stage.reply(Reply::Configured(Ok(report)));
    });
    scenes.add("removal_failed", applying(), |stage| {
        let results = results(&removal());
        stage.reply(Reply::Applied(results[0].clone()));
        stage.reply(Reply::Configured(Err(refused())));
    });
}

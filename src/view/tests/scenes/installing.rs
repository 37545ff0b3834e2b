//! Configure and the end of the set-up.

use crate::app::message::{Message, Reply};
use crate::app::testing::{
    Stage, at_configure, at_sync, configure_report, failed, in_panes, kept, offering, plan, results, standing, status,
    theirs,
};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Blocked, ChangeResult, ConfigureReport, ConfigureStatus, Outcome, Plan};

use super::{Scenes, busy, refused, unreachable};

pub fn blocked() -> Plan {
    let mut plan = plan();
    plan.blocked.push(Blocked {
        kind: ObjectKind::CustomTab,
        name: "Pia Chat Pod".into(),
        reason: "A custom tab of that name leads to https://other.example and is not ours. Rename it in Halo first."
            .to_owned(),
        only_told: false,
    });
    plan
}

/// A plan with more ticket types than fit on any screen.
pub fn long() -> Plan {
    let mut plan = plan();
    let link = plan.changes[4].clone();
    plan.changes.extend((1..=60).map(|at| {
        let mut change = link.clone();
        change.name = format!("Ticket type {at:02}").into();
        change
    }));
    plan
}

/// A plan with every kind of change.
fn everything() -> Plan {
    let mut plan = plan();
    for (at, action) in Action::ALL.into_iter().enumerate() {
        plan.changes[at].action = action;
        plan.changes[at].reason = String::new();
    }
    plan
}

fn planned(plan: Plan) -> Stage {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan))));
    stage
}

fn taking_over() -> Stage {
    let mut stage = planned(offering());
    stage.keys("o");
    stage
}

fn applying() -> Stage {
    let mut stage = planned(plan());
    stage.keys("y");
    for result in results(&plan()).into_iter().take(3) {
        stage.reply(Reply::Applied(result));
    }
    stage.later(2);
    stage.send(Message::Wake);
    stage
}

fn report(status: ConfigureStatus, message: &str) -> ConfigureReport {
    ConfigureReport {
        status,
        results: Vec::new(),
        message: message.to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    }
}

fn ended(status: ConfigureStatus, results: Vec<ChangeResult>, message: &str) -> Stage {
    let mut stage = planned(plan());
    stage.keys("y");
    stage.reply(Reply::Configured(Ok(ConfigureReport { results, ..report(status, message) })));
    stage
}

fn partly() -> Vec<ChangeResult> {
    let mut partly = results(&plan());
    partly[3].outcome = Outcome::Failed;
    partly[3].message = Some("Halo says: 400 \"name is in use\".".to_owned());
    for result in &mut partly[4..6] {
        result.outcome = Outcome::Skipped;
        result.id = None;
        result.message = Some("needs the custom tab".to_owned());
    }
    partly
}

fn configured() -> Stage {
    ended(ConfigureStatus::Configured, results(&plan()), "Webhook install was successful")
}

pub fn add(scenes: &mut Scenes) {
    scenes.add("wizard_configure_taking_over", taking_over(), |stage| {
        stage.type_text("ac");
    });
    scenes.add("wizard_configure_other_owner", planned(theirs(plan())), |_| {});
    scenes.add("wizard_configure_other_owner_typed", planned(theirs(plan())), |stage| {
        stage.keys("y");
        stage.type_text("jum");
    });
    scenes.add("wizard_configure_reading", at_configure(), |_| {});
    scenes.add("wizard_configure_checks", at_configure(), |stage| {
        for check in failed().checks.into_iter().take(6) {
            stage.reply(Reply::Checked(check));
        }
        stage.later(3);
        stage.send(Message::Wake);
    });
    scenes.add("wizard_configure_not_yet", at_sync(), |stage| {
        // Straight to the last step of a configuration that was never synced: it says what has to come first.
        crate::app::wizard::go(&mut stage.model, crate::domain::draft::Step::Configure);
    });
    scenes.add("wizard_configure_plan", planned(plan()), |stage| {
        stage.keys("Right");
    });
    scenes.add("wizard_configure_update", planned(plan()), |stage| {
        stage.keys("Down Down Right");
    });
    scenes.add("wizard_configure_long", planned(long()), |stage| {
        stage.keys(
            "Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down Down",
        );
    });
    scenes.add("wizard_configure_everything", planned(everything()), |_| {});
    scenes.add("wizard_configure_nothing_to_do", planned(kept()), |_| {});
    scenes.add("wizard_configure_blocked", planned(blocked()), |stage| {
        stage.keys("End");
    });
    scenes.add("wizard_configure_refused", at_configure(), |stage| {
        stage.reply(Reply::Planned(Ok(Err(failed()))));
    });
    scenes.add("wizard_configure_unreachable", at_configure(), |stage| {
        stage.reply(Reply::Planned(Err(unreachable())));
    });
    scenes.add("wizard_configure_applying", applying(), |_| {});
    scenes.add("wizard_configure_stopping", applying(), |stage| {
        stage.keys("Esc");
    });
    scenes.add("wizard_configure_connecting", planned(plan()), |stage| {
        stage.keys("y");
        stage.reply(Reply::Checked(failed().checks.swap_remove(0)));
        stage.later(2);
        stage.send(Message::Wake);
    });
    scenes.add("wizard_configure_stopped", planned(plan()), |stage| {
        stage.keys("y Esc");
        stage.reply(Reply::Configured(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    });
    scenes.add("wizard_configure_quit", applying(), |stage| {
        stage.keys("^C");
    });
    scenes.add("wizard_configure_after_interrupted", planned(plan()), |stage| {
        let mut interrupted = status("Acme MSP", true, true, false);
        interrupted.integration.unfinished = 2;
        stage.reply(Reply::Status(Ok(standing(interrupted))));
    });
    // From the last page of the set-up nothing leads back to them.
    let again = |report: ConfigureReport| {
        move |stage: &mut Stage| {
            stage.keys("3");
            stage.reply(Reply::Planned(Ok(Ok(plan()))));
            stage.keys("Enter");
            stage.read_plan();
            stage.keys("y");
            stage.reply(Reply::Configured(Ok(report)));
        }
    };
    let kept = ConfigureReport { results: results(&kept()), ..report(ConfigureStatus::NothingToDo, "Nothing to do") };
    scenes.add("pane_integration_kept", in_panes(), again(kept));
    scenes.add("pane_integration_made", in_panes(), again(configure_report(&plan())));
    let message = "3 done, 3 not done. It is safe to run Configure again";
    scenes.add("wizard_configure_partly", ended(ConfigureStatus::PartlyDone, partly(), message), |_| {});
    scenes.add("wizard_configure_partly_detail", ended(ConfigureStatus::PartlyDone, partly(), message), |stage| {
        stage.keys("Down Down Down");
    });
    let mut unsure = results(&plan());
    unsure[2].outcome = Outcome::Unverified;
    unsure[2].message =
        Some("Halo took the change and does not show it. Look at it in Halo, then run it again.".to_owned());
    scenes.add("wizard_configure_unverified", ended(ConfigureStatus::PartlyDone, unsure, message), |_| {});
    let mut none = results(&plan());
    for result in &mut none {
        result.outcome = Outcome::Failed;
        result.id = None;
        result.message = Some("Halo answered 502 and stayed there through five tries.".to_owned());
    }
    scenes.add("wizard_configure_failed", ended(ConfigureStatus::Failed, none, "Webhook install failed"), |_| {});
    scenes.add("wizard_configure_report_refused", planned(plan()), |stage| {
        stage.keys("y");
        stage.reply(Reply::Configured(Ok(ConfigureReport {
            status: ConfigureStatus::Refused,
            results: Vec::new(),
            message: "The connection test failed, so nothing was changed in Halo.".to_owned(),
            refusal: Some(failed()),
            warnings: Vec::new(),
            cause: None,
        })));
    });
    scenes.add("wizard_configure_broken", applying(), |stage| {
        stage.reply(Reply::Configured(Err(refused())));
    });
    scenes.add("wizard_configure_busy", planned(plan()), |stage| {
        stage.keys("y");
        stage.reply(Reply::Configured(Err(busy())));
    });
    scenes.add("wizard_finished", configured(), |stage| {
        for saved in &mut stage.model.overview.configurations {
            saved.status.service.running = false;
        }
        stage.send(Message::Wake);
    });
    scenes.add("wizard_finished_running", configured(), |_| {});
    scenes.add("wizard_finished_open", at_sync(), |stage| {
        crate::app::wizard::go(&mut stage.model, crate::domain::draft::Step::Finished);
    });
}

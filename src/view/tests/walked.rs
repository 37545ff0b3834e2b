//! What a demanding newcomer met on the screens: each as a kind.

use jiff::SignedDuration;

use crate::app::message::Reply;
use crate::app::testing::{
    Stage, at_configure, deliveries, failed, in_panes, plan, standing, status, with_credentials,
};
use crate::app::wizard::Item;
use crate::domain::check::{CheckId, CheckStatus};
use crate::domain::delivery::DeliveryState;
use crate::domain::draft::Step;
use crate::domain::health::{Finding, Rule, State, gone_or_off};
use crate::domain::next::Hint;
use crate::domain::plan::SWITCHED_OFF;

use super::picture::plain;

fn words(stage: &Stage) -> String {
    plain(stage).replace(['\n', '│', '█'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is well is as old as the look at it, at every size: no light loses its age.
#[test]
fn every_light_keeps_its_age() {
    let mut stage = in_panes();
    let mut found = status("Acme MSP", true, true, true);
    let seen_at = stage.model.now - SignedDuration::from_mins(130);
    found.known.before.retain(|finding| finding.rule != Rule::Drift);
    let well = Finding::well(Rule::Drift, "unchanged since Configure");
    found.known.before.push(Finding { seen_at: Some(seen_at), ..well });
    for off in [false, true] {
        let mut found = found.clone();
        found.integration.deliveries = deliveries();
        for delivery in &mut found.integration.deliveries {
            (delivery.state, delivery.read_at) = (DeliveryState::Delivered, seen_at);
        }
        if off {
            found.integration.deliveries[0].state = DeliveryState::SwitchedOff;
        }
        stage.reply(Reply::Status(Ok(standing(found))));
        stage.keys("0");
        for width in [64, 80, 110, 120] {
            stage.resize(width, 40);
            let text = plain(&stage);
            for light in ["✓ Objects in Halo", "✓ Deliveries"] {
                let Some(line) = text.lines().find(|line| line.contains(light)) else {
                    assert!(off, "{light}: {text}");
                    continue;
                };
                assert!(line.contains("2 h ago)"), "{width} {light}: {line}");
            }
        }
    }
}

/// Checks, a plan and results have the columns that there are, up to what is read well; a help keeps its own.
#[test]
fn checks_plan_and_results_use_width() {
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(failed())));
    let mut at = |focus: Item, width: u16| {
        stage.model.wizard.as_mut().unwrap().focus = focus;
        stage.resize(width, 40);
        (stage.model.layout.body.width, stage.model.layout.detail.is_some())
    };
    let field = Item::Field(crate::app::form::FieldId::Url);
    assert_eq!(
        [at(Item::Test, 80), at(Item::Check(0), 120), at(Item::Test, 200)],
        [(80, false), (110, false), (110, true)]
    );
    assert!(at(field, 120).0 < 90 && at(field, 120).1, "its help stands beside it");
    let mut stage = at_configure();
    stage.resize(120, 40);
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    assert_eq!(stage.model.layout.body.width, 110);
}

/// One cause that fails some checks and leaves others in doubt has one remedy: it stands once, with what failed.
#[test]
fn remedy_of_several_checks_is_told_once_and_first() {
    let remedy = || Some(Hint::from("in Halo, tick everything"));
    let mut report = failed();
    for check in &mut report.checks {
        if [CheckId::Token, CheckId::TicketTypes].contains(&check.id) {
            (check.status, check.hint) = (CheckStatus::Warn, remedy());
        } else if [CheckId::Webhooks, CheckId::CustomTabs].contains(&check.id) {
            (check.status, check.hint) = (CheckStatus::Fail, remedy());
        }
    }
    let mut stage = with_credentials();
    stage.keys("Enter");
    stage.reply(Reply::Verified(Ok(report.clone())));
    let mut planned = at_configure();
    planned.reply(Reply::Planned(Ok(Err(report))));
    for mut stage in [stage, planned] {
        stage.resize(80, 60);
        let text = words(&stage);
        assert_eq!(text.matches("In Halo, tick everything").count(), 1, "{text}");
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        assert!(at("✗ failed Webhooks") < at("In Halo, tick") && at("In Halo, tick") < at("! warning"), "{text}");
        assert!(at("! warning") < at("✓ passed"), "{text}");
    }
}

/// Why a command cannot be given is read whole once it is selected.
#[test]
fn reason_of_selected_command_is_whole() {
    let mut stage = in_panes();
    stage.keys(":");
    stage.type_text("forget");
    for width in [80, 120] {
        stage.resize(width, 24);
        assert!(plain(&stage).contains("needs them. Stop it first."), "{width}: {}", plain(&stage));
    }
}

/// An address that is longer than its line is whole where the page has lines left.
#[test]
fn long_address_is_whole_where_there_is_room() {
    let mut stage = with_credentials();
    let wizard = stage.model.wizard.as_mut().unwrap();
    (wizard.step, wizard.focus) = (Step::Integration, Item::Field(crate::app::form::FieldId::PiaUrl));
    wizard.form.set(crate::app::form::FieldId::PiaUrl, "https://pia.acme-managed-services.example".to_owned());
    for (width, height, whole) in [(80, 24, true), (120, 40, true), (80, 16, false)] {
        stage.resize(width, height);
        assert_eq!(plain(&stage).contains("LOGGEDINAGENTID"), whole, "{width}x{height}: {}", plain(&stage));
    }
}

/// A light of the deliveries is bad for one webhook that is off, with the way on, and no ticket is offered for it.
#[test]
fn webhook_off_by_hand_lights_deliveries() {
    let mut stage = in_panes();
    let mut found = status("Acme MSP", true, true, true);
    found.known.before.retain(|finding| finding.rule != Rule::Drift);
    let off = gone_or_off(&[("Pia - Ticket Created".to_owned(), SWITCHED_OFF)]).unwrap();
    found.known.before.push(Finding { seen_at: Some(stage.model.now), ..off });
    found.integration.deliveries = deliveries();
    found.integration.deliveries[0].state = DeliveryState::SwitchedOff;
    found.integration.configured_at = Some(stage.model.now);
    stage.reply(Reply::Status(Ok(standing(found))));
    stage.keys("0");
    let text = plain(&stage);
    let line = text.lines().find(|line| line.contains("✗ Deliveries")).unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("a webhook in Halo sends no events now") && line.contains("3 Integration"), "{line}");
    assert!(text.contains("x▄  1 failed, 1 unknown") && !text.contains("Test ticket"), "{text}");
    // Its key is told, here and there.
    assert!(words(&stage).contains("Integration (3); repair it: Configure (Enter there)"), "{}", words(&stage));
}

/// A row that is not selected tells its cause, and not its name once more.
#[test]
fn row_of_issue_tells_cause() {
    let mut stage = in_panes();
    let mut found = status("Acme MSP", true, true, true);
    found.known.before.retain(|finding| finding.rule != Rule::Drift);
    let fact = "Pia Chat Pod (missing in Halo); Incident (not linked to the Pia Chat Pod); 4 more of them";
    let drift = Finding::new(Rule::Drift, State::Broken, fact);
    found.known.before.push(Finding { seen_at: Some(stage.model.now), ..drift });
    found.service.running = false;
    stage.reply(Reply::Status(Ok(standing(found))));
    stage.keys("0");
    stage.model.panes.issue = Some(Rule::Service);
    stage.resize(80, 24);
    assert!(words(&stage).contains("Objects in Halo Pia Chat Pod (missing in Halo) …"), "{}", plain(&stage));
}

/// What is not listed is named.
#[test]
fn integrations_that_are_not_shown_are_named() {
    let mut stage = in_panes();
    stage.keys("^O");
    stage.resize(80, 24);
    assert!(words(&stage).contains("View All: Autotask PSA, ConnectWise Manage"), "{}", plain(&stage));
}

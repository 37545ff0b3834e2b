//! The start and the Integrations page.

use crate::app::Theme;
use crate::app::message::Reply;
use crate::app::testing::{Stage, draft, id, overview, saved};
use crate::domain::draft::{Draft, Step};
use crate::domain::request::Activation;
use crate::domain::status::Overview;

use super::{Scenes, unreadable};

pub fn two() -> Overview {
    overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, false, false)])
}

fn found() -> Overview {
    Overview { draft: Some(draft(Step::PiaScreen)), ..Overview::default() }
}

pub fn add(scenes: &mut Scenes) {
    let mut stopped = crate::app::testing::finished();
    stopped.configurations.iter_mut().for_each(|saved| saved.status.service.running = false);
    scenes.add("integrations_delete", Stage::with(stopped), |stage| {
        stage.keys("^O D");
        stage.type_text("acm");
    });
    scenes.add("starting", Stage::new(80, 24, Theme::default()), |_| {});
    scenes.add("integrations_first", Stage::with(Overview::default()), |_| {});
    scenes.add("integrations_cards", Stage::with(two()), |stage| {
        stage.keys("^O");
    });
    scenes.add("integrations_search", Stage::with(two()), |stage| {
        stage.keys("^O /");
        stage.type_text("HALO");
    });
    scenes.add("integrations_nothing_found", Stage::with(two()), |stage| {
        stage.keys("^O /");
        stage.type_text("zzz");
    });
    scenes.add("integrations_view_all", Stage::with(two()), |stage| {
        stage.keys("^O ^A End");
    });
    scenes.add("integrations_not_here", Stage::with(two()), |stage| {
        stage.keys("^O ^A End Enter");
    });
    scenes.add("integrations_switch", Stage::with(two()), |stage| {
        stage.keys("^O Down a");
    });
    scenes.add("integrations_switched", Stage::with(two()), |stage| {
        stage.keys("^O Down");
        stage.reply(Reply::Activated(Ok(Activation::Active(Some(id("trial"))))));
    });
    scenes.add("integrations_switch_failed", Stage::with(two()), |stage| {
        stage.keys("^O Down");
        stage.reply(Reply::Activated(Err(unreadable())));
    });
    scenes.add("integrations_deactivate", Stage::with(two()), |stage| {
        stage.keys("^O d");
    });
    scenes.add("integrations_none_active", Stage::with(two()), |stage| {
        stage.keys("^O");
        stage.reply(Reply::Activated(Ok(Activation::Active(None))));
    });
    let mut failed = two();
    failed.configurations[0].status.known.has_secret = false;
    scenes.add("integrations_error", Stage::with(failed), |stage| {
        stage.keys("^O");
    });
    let mut gone = two();
    gone.configurations[0].status.known.lists.teams.retain(|team| team.name.raw() != "Pia");
    scenes.add("integrations_attention", Stage::with(gone), |stage| {
        stage.keys("^O");
    });
    scenes.add("integrations_unreadable", Stage::new(80, 24, Theme::default()), |stage| {
        stage.reply(Reply::Overview(Err(unreadable())));
    });
    scenes.add("integrations_draft_found", Stage::with(found()), |_| {});
    scenes.add("integrations_draft", Stage::with(found()), |stage| {
        stage.keys("Esc");
    });
    scenes.add("integrations_discard", Stage::with(found()), |stage| {
        stage.keys("Esc x");
    });
    scenes.add("integrations_draft_in_the_way", Stage::with(found()), |stage| {
        stage.keys("Esc Down Enter");
    });
    let of_saved = Draft { configuration: Some(id("acme")), ..draft(Step::PiaScreen) };
    scenes.add("integrations_draft_of_changes", Stage::with(Overview { draft: Some(of_saved), ..two() }), |stage| {
        stage.keys("Esc ^O");
    });
    let many = (1..=40).map(|at| saved(&format!("c{at:02}"), &format!("Customer {at:02}"), at == 1, true, true));
    scenes.add("integrations_many", Stage::with(overview(many.collect())), |stage| {
        stage.keys("^O");
        for _ in 0..25 {
            stage.keys("Down");
        }
    });
}

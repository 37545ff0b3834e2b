//! The help.

use crate::app::testing::{Stage, in_panes, with_credentials};
use crate::domain::status::Overview;

use super::Scenes;

pub fn add(scenes: &mut Scenes) {
    scenes.add("help_cards", Stage::with(Overview::default()), |stage| {
        stage.keys("?");
    });
    scenes.add("help_field", Stage::with(Overview::default()), |stage| {
        stage.keys("Enter Tab F1");
    });
    scenes.add("help_clients", in_panes(), |stage| {
        stage.keys("2 ?");
    });
    scenes.add("help_integration", in_panes(), |stage| {
        stage.keys("3 F1");
    });
    scenes.add("commands", in_panes(), |stage| {
        stage.keys("1 :");
    });
    scenes.add("commands_search", in_panes(), |stage| {
        stage.keys("3 ^P");
        stage.type_text("go");
    });
    scenes.add("commands_in_a_field", with_credentials(), |stage| {
        stage.keys("^P");
    });
    scenes.add("commands_none", in_panes(), |stage| {
        stage.keys(": z q z");
    });
    scenes.add("help_integration_end", in_panes(), |stage| {
        stage.keys("3 F1 End");
    });
}

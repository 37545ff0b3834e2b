//! Every screen, popup and error as a picture that carries its style, and what holds for all of them.

mod align;
mod coverage;
mod picture;
mod room;
mod said;
mod scenes;
mod signs;
mod sizes;
mod walked;
mod walked_wizard;

pub(super) use picture::drawn;
pub(super) use scenes::scenes;

use crate::app::message::Reply;
use crate::app::testing::{CANARY, Stage, TOKEN, finished, in_panes};
use crate::domain::failure::{Failure, FailureKind};

use picture::{album, picture, plain};
use scenes::many_clients;

/// Every scene, in one file each: three sizes, in colour and in mono ASCII.
#[test]
fn every_scene_looks_as_it_was_accepted() {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    settings.bind(|| {
        for (name, mut stage) in scenes() {
            insta::assert_snapshot!(name, album(&mut stage));
        }
    });
}

/// A scene that is renamed or dropped takes its picture with it.
#[test]
fn every_picture_has_its_scene() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view/snapshots");
    let mut names: Vec<String> = scenes().iter().map(|(name, _)| format!("{name}.snap")).collect();
    names.push("too_small.snap".to_owned());
    let known = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), known, "two scenes have one name");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name) || name.ends_with(".snap.new"), "{name} has no scene");
    }
}

/// S23, S25: the secret, the token and the password are on no screen that did not ask for them.
#[test]
fn no_screen_shows_secret() {
    for (name, stage) in scenes() {
        let text = plain(&stage);
        assert!(!text.contains(&CANARY[..12]), "{name}");
        if !name.ends_with("_revealed") {
            assert!(!text.replace(['\n', ' '], "").contains(&TOKEN[..12]), "{name}");
        }
        assert!(!format!("{:?}", stage.model).contains(&CANARY[..12]), "{name}");
        assert!(!format!("{:?}", stage.model).contains(&TOKEN[..12]), "{name}");
    }
}

#[test]
fn hundred_thousand_clients_are_drawn_by_window() {
    let mut stage = in_panes();
    stage.keys("2");
    stage.reply(Reply::Clients(Ok(many_clients(100_000).into())));
    stage.keys("End");
    let text = picture(&stage);
    assert!(text.contains("100,000 of 100,000"));
    assert!(text.contains("Client 099999") && !text.contains("Client 099900"));
}

/// Whatever was green before, nobody knows now.
#[test]
fn header_says_that_state_cannot_be_read() {
    let mut stage = in_panes();
    stage.keys("0");
    stage.reply(Reply::Status(Err(Failure::new(FailureKind::LocalState, "disk I/O error"))));
    let text = plain(&stage);
    let header = text.lines().next().unwrap();
    assert!(header.contains("✗ state cannot be read"), "{text}");
    assert!(!text.contains('✓'), "{text}");
}

#[test]
fn finished_configurations_begin_in_panes() {
    let text = plain(&Stage::with(finished()));
    assert!(text.contains("1 Sync"), "{text}");
}

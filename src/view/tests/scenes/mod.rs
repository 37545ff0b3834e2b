//! Every screen, popup, error and empty state, each made by the keys and the answers that lead to it.

mod cards;
mod events;
mod fields;
mod floating;
mod installing;
mod panes;
mod removing;
mod syncing;

pub use panes::many_clients;

use crate::app::testing::{Stage, foreign};
use crate::domain::failure::{Failure, FailureKind};

/// The scenes while they are put together.
#[derive(Default)]
pub struct Scenes(Vec<(&'static str, Stage)>);

impl Scenes {
    /// A scene: where it begins, and what happens then.
    fn add(&mut self, name: &'static str, mut stage: Stage, then: impl FnOnce(&mut Stage)) {
        then(&mut stage);
        self.0.push((name, stage));
    }
}

/// Every scene, by its name.
pub fn scenes() -> Vec<(&'static str, Stage)> {
    let mut scenes = Scenes::default();
    cards::add(&mut scenes);
    fields::add(&mut scenes);
    syncing::add(&mut scenes);
    installing::add(&mut scenes);
    panes::add(&mut scenes);
    removing::add(&mut scenes);
    events::add(&mut scenes);
    floating::add(&mut scenes);
    scenes.0
}

pub fn scene(name: &str) -> Stage {
    scenes().into_iter().find(|(other, _)| *other == name).map(|(_, stage)| stage).unwrap()
}

fn refused() -> Failure {
    let mut failure = Failure::new(FailureKind::WrongCredentials, "Halo refused the Client ID or Client Secret").hint(
        "The Client ID changes when the application is first saved in Halo. Copy it again: Configuration › \
         Integrations › Halo PSA API › View Applications.",
    );
    failure.halo_said = Some(foreign("invalid_client"));
    failure.http_status = Some(401);
    failure.field = Some(crate::domain::fields::FieldId::ClientSecret);
    failure
}

fn unreachable() -> Failure {
    let mut failure =
        Failure::new(FailureKind::NotReached, "acme.halopsa.com could not be reached: the name is not known")
            .hint("Check the Url and the network of this machine. pia-halo check tests it again.");
    failure.field = Some(crate::domain::fields::FieldId::Url);
    failure
}

fn unreadable() -> Failure {
    Failure::new(FailureKind::LocalState, "the store could not be read: disk I/O error")
        .hint("Look at the disk that holds ~/.local/state/pia-halo. Nothing was changed.")
}

fn busy() -> Failure {
    Failure::new(FailureKind::Busy, "dana on jump1 is syncing this configuration since 10:41 UTC")
        .hint("Wait until it ends, or look at it with pia-halo status.")
}

//! The company sync: complete only when proved, nobody disabled by mistake, and never half of anything.

mod completeness;
mod disabling;
mod one_at_a_time;
mod resuming;

use std::collections::BTreeSet;

use pia_halo::demo::Options;

use crate::support::Profile;

fn small() -> Options {
    Options { clients: 230, ..Options::default() }
}

async fn ids(profile: &Profile, status: &str) -> BTreeSet<i64> {
    let list = profile.json(["clients", "--status", status], 0).await;
    list.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

//! The promises of the program, one file each. `requirements.md` beside this file says which requirement each shows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adopting;
mod architecture;
mod audit;
mod catching_up;
mod checking;
mod commands;
mod configuring;
mod delivering;
mod delivery;
mod drift;
mod escalating;
mod events_by_keys;
mod full_circle;
mod handing_on;
mod hostile;
mod journey;
mod keys;
mod killing;
mod meanwhile;
mod plain;
mod planning;
mod properties;
mod proxying;
mod reading_back;
mod receiving;
mod removing;
mod removing_by_keys;
mod replay;
mod requirements;
mod rolling_back;
mod rotating;
mod running;
mod saving;
mod secrecy;
mod serving;
mod stopping;
mod support;
mod syncing;
mod terminal;
mod tickets;
mod time;
mod together;
mod trusting;
mod writing;

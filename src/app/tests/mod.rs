//! The interface's promises: a message in a state, and the state and the effects that follow.

mod guards;
mod integrations;
mod journey;
mod keys;
mod leading;
mod palette;
mod panes;
mod removing;
mod running;
mod together;
mod walked;
mod walked_wizard;
mod walker;
mod wizard;

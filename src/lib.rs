//! `pia-halo` connects Halo PSA to Pia, from a terminal.
//!
//! A managed-service provider keeps its tickets in Halo PSA and automates them with Pia. Connecting the two means:
//! test Halo's API credentials, choose the daily company-sync time and the boards, sync the client list, install
//! webhooks and a chat tab in Halo, and keep all of that in order when people change things.
//!
//! # Modules
//!
//! | module | contents |
//! | --- | --- |
//! | [`domain`] | plain types that are always valid; no runtime, network, file, environment or clock |
//! | [`keys`] | the key map: which key means which command where |
//! | [`words`] | wording shared by the screens, plain mode and the commands |
//! | [`settings`] | where files are; settings, credentials, answers files and the wizard's draft, crash-safe |
//! | [`halo`] | the Halo API: discovery, token, paging, request budget, wire shapes, errors; and what is installed in a Halo |
//! | [`store`] | the database and the audit trail |
//! | [`coordination`] | who does something alone: locks between programs, here and across machines |
//! | [`ops`] | the use cases: check, sync, plan, configure, remove, rotate, status, activate, setup, tickets, events |
//! | [`service`] | `serve`: receives and forwards callbacks, runs the daily sync, health checks and metrics |
//! | [`app`] | the terminal interface as a pure state machine |
//! | [`view`] | pure drawing of the app's model |
//! | [`tui`] | everything that needs a terminal or a runtime |
//! | [`cli`] | one file per command; text, JSON and exit codes |
//! | [`demo`] | a simulated Halo behind a real socket |
//!
//! Modules only use lower layers: domain < keys < words; domain < settings, halo, store < coordination < ops < service; words < app < view
//! < tui; the command line is on top of both. Only the `demo` command and the tests know about the simulated Halo. A test in
//! `tests/` reads the source tree and enforces these rules.

pub mod app;
pub mod cli;
pub mod coordination;
pub mod demo;
pub mod domain;
pub mod halo;
pub(crate) mod keys;
pub mod ops;
pub(crate) mod service;
pub mod settings;
pub mod store;
pub mod tui;
pub mod view;
pub(crate) mod words;

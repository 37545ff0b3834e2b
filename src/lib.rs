//! `pia-halo` joins Halo PSA and Pia from a terminal.
//!
//! A managed-service provider keeps its tickets in Halo PSA and automates them with Pia. Joining the two means:
//! test Halo's API credentials, choose the daily company-sync time and the boards, sync the client list, install
//! webhooks and a chat tab in Halo, and keep all of that right when people change things.
//!
//! # The map of the house
//!
//! | room | what lives there |
//! | --- | --- |
//! | [`domain`] | plain types that can only be built valid; no runtime, network, file, environment or clock |
//! | [`keys`] | the key map: which key means which command where |
//! | [`words`] | each fact that more than one face tells, worded once |
//! | [`settings`] | where files are; settings, credentials, answers files and the wizard's draft, crash-safe |
//! | [`halo`] | the Halo API: discovery, token, paging, request budget, wire shapes, errors; and what is installed in a Halo |
//! | [`store`] | the embedded database, the audit trail and the locks |
//! | [`ops`] | the use-cases, once: check, sync, plan, configure, remove, rotate, status, activate, setup, tickets, events |
//! | [`service`] | `serve`: callbacks taken in and handed on, the daily sync, health and figures |
//! | [`app`] | the terminal interface as a pure state machine |
//! | [`view`] | pure drawing of the app's model |
//! | [`tui`] | everything that has a terminal or a runtime in it |
//! | [`cli`] | one file per command; text, JSON and exit codes |
//! | [`demo`] | a simulated Halo behind a real socket |
//!
//! Layers look down only: domain < keys < words; domain < settings, halo, store < ops < service; words < app < view < tui; the
//! command line stands on top of both. Nothing but the `demo` command and the tests knows that the simulated Halo
//! exists. A test in `tests/` reads the source tree and holds these rules.

pub mod app;
pub mod cli;
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

//! `cargo bench --bench terminal`: what the interface costs on the line, and what it may cost.

#![allow(clippy::unwrap_used, dead_code, reason = "what it shares with the promises is theirs")]

#[path = "../support/mod.rs"]
mod support;

mod figures;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let figures = figures::measure();
    let mut out = std::io::stdout().lock();
    let rows: Vec<String> = figures.iter().map(ToString::to_string).collect();
    let written = writeln!(out, "{:<46} {:>12} {:>9}\n{}", "What", "Limit", "Measured", rows.join("\n"));
    if written.is_ok() && figures.iter().all(figures::Figure::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

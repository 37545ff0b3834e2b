//! The binary: everything is in the library.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    pia_halo::cli::run()
}

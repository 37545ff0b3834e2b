//! The log file: private, rotated, and never on the screen of the terminal interface.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::settings::{Environment, Paths};

/// A log longer than this begins anew at the next start; the old one is kept beside it.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Starts logging into the state folder and, when `verbose`, onto standard error: not while the interface is drawn.
///
/// A log that cannot be written stops nobody from working.
pub fn start(environment: &Environment, verbose: u8) {
    let filter = environment.text("PIA_HALO_LOG").map(ToOwned::to_owned);
    // The HTTP crates write whole addresses into their logs, and ours end in a token.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(filter.unwrap_or_else(|| "pia_halo=debug".to_owned()))
        .add_directive(quiet("reqwest"))
        .add_directive(quiet("hyper"))
        .add_directive(quiet("hyper_util"))
        .add_directive(quiet("h2"))
        .add_directive(quiet("rustls"));
    let file = Paths::from_environment(environment).ok().and_then(|paths| open(&paths.log()).ok());
    let file = file
        .map(|file| fmt::layer().with_ansi(false).with_target(false).with_writer(Mutex::new(file)).with_filter(filter));
    let stderr = (verbose > 0).then(|| {
        let level = if verbose > 1 { LevelFilter::DEBUG } else { LevelFilter::INFO };
        let ours = tracing_subscriber::filter::Targets::new().with_target("pia_halo", level);
        fmt::layer().with_ansi(false).with_target(false).without_time().with_writer(io::stderr).with_filter(ours)
    });
    // A second start in one process (tests) keeps the first.
    _ = tracing_subscriber::registry().with(file).with(stderr).try_init();
}

fn quiet(target: &str) -> tracing_subscriber::filter::Directive {
    format!("{target}=warn").parse().unwrap_or_else(|_| LevelFilter::WARN.into())
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        crate::settings::private_file::ensure_folder(folder).map_err(io::Error::other)?;
    }
    if fs::symlink_metadata(path).is_ok_and(|found| found.len() > LARGEST) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.flush()?;
    Ok(file)
}

//! The log file: private, rotated, and never on the screen of the terminal interface.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::settings::{Environment, Paths};

/// A log longer than this begins anew; the old one is kept beside it.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How much is written down where `PIA_HALO_LOG` does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each request: a command ends soon.
    Requests,
    /// What is noteworthy: a service runs for months.
    Noteworthy,
}

/// Starts logging into the state folder and, when `verbose`, onto standard error: not while the interface is drawn.
///
/// A log that cannot be written stops nobody from working.
pub fn start(environment: &Environment, verbose: u8, detail: Detail) {
    let filter = environment.text("PIA_HALO_LOG").map(ToOwned::to_owned);
    // The HTTP crates write whole addresses into their logs, and ours end in a token.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(filter.unwrap_or_else(|| detail.filter().to_owned()))
        .add_directive(quiet("reqwest"))
        .add_directive(quiet("hyper"))
        .add_directive(quiet("hyper_util"))
        .add_directive(quiet("h2"))
        .add_directive(quiet("rustls"));
    let file = Paths::from_environment(environment).ok().and_then(|paths| Log::open(paths.log()).ok());
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

impl Detail {
    fn filter(self) -> &'static str {
        match self {
            Self::Requests => "pia_halo=debug",
            Self::Noteworthy => "pia_halo=info",
        }
    }
}

/// The file. However long the program runs, it and the one before it are all that there is.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Log {
    fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            crate::settings::private_file::ensure_folder(folder).map_err(io::Error::other)?;
        }
        let length = fs::symlink_metadata(&path).map_or(0, |found| found.len());
        let mut log = Self { file: append(&path)?, path, length };
        log.begin_anew()?;
        Ok(log)
    }

    /// Puts a file that has become too long beside, and begins another.
    fn begin_anew(&mut self) -> io::Result<()> {
        if self.length > LARGEST {
            self.length = 0;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            self.file = append(&self.path)?;
        }
        Ok(())
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Where another cannot be begun, this one goes on.
        _ = self.begin_anew();
        let written = self.file.write(line)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_never_grows_beyond_its_bounds_however_long_the_program_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pia-halo.log");
        let mut log = Log::open(path.clone()).unwrap();
        let line = [b'x'; 64 << 10];
        for _ in 0..200 {
            log.write_all(&line).unwrap();
        }
        let files: Vec<u64> = [path.clone(), path.with_extension("log.1")]
            .map(|file| fs::metadata(file).unwrap().len())
            .into_iter()
            .collect();
        assert!(files.iter().all(|length| (1..=LARGEST + line.len() as u64).contains(length)), "{files:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}

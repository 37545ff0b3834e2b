//! The log file: private, rotated, and never on the screen of the terminal interface.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::domain::untrusted::Untrusted;
use crate::settings::private_file::{FileError, open_private, quoted};
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
/// Answers with what a person should hear of it: a log that is something else, or a filter that is none.
pub fn start(environment: &Environment, verbose: u8, detail: Detail, into_file: bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let filter = match environment.text("PIA_HALO_LOG").map(|text| (text, text.parse::<Targets>())) {
        None => detail.filter(),
        Some((_, Ok(asked))) => asked,
        Some((text, Err(_))) => {
            let text = Untrusted::new(text).display();
            complaints.push(format!("PIA_HALO_LOG is not valid and is ignored: {text}"));
            detail.filter()
        }
    };
    let filter = quiet(filter);
    let paths = Paths::from_environment(environment).ok().filter(|_| into_file);
    let own = paths.as_ref().and_then(|paths| Some((paths.log(), own_file_behind(&paths.log(), paths)?)));
    complaints.extend(own.as_ref().map(|(log, own)| {
        format!("nothing is logged: the log {} leads to {}; remove the link", quoted(log), quoted(own))
    }));
    let file = paths.filter(|_| own.is_none()).and_then(|paths| match Log::open(paths.log()) {
        // Whoever has made the link wants it there; a service that runs for months says once where that is.
        Ok(log) => {
            let target = fs::read_link(&log.path).ok().filter(|_| detail == Detail::Noteworthy);
            complaints.extend(target.map(|target| {
                format!("the log {} is a link: it is written to {}", quoted(&log.path), quoted(&target))
            }));
            Some(log)
        }
        // A disk that is full or closed is said by whatever matters more; a link that leads nowhere, by nobody.
        Err(FileError::Io { path, .. }) if !is_link(&path) => None,
        Err(error) => {
            complaints.push(format!("nothing is logged: {error}; {}", error.hint()));
            None
        }
    });
    let file = file
        .map(|file| fmt::layer().with_ansi(false).with_target(false).with_writer(Mutex::new(file)).with_filter(filter));
    let stderr = (verbose > 0).then(|| {
        let level = if verbose > 1 { LevelFilter::DEBUG } else { LevelFilter::INFO };
        let ours = Targets::new().with_target("pia_halo", level);
        fmt::layer().with_ansi(false).with_target(false).without_time().with_writer(io::stderr).with_filter(ours)
    });
    // A second start in one process (tests) keeps the first.
    _ = tracing_subscriber::registry().with(file).with(stderr).try_init();
    complaints
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink())
}

/// The settings, the store or another file of ours that the log leads to: its lines would be the end of that.
fn own_file_behind(log: &Path, paths: &Paths) -> Option<PathBuf> {
    let target = fs::canonicalize(log).ok().filter(|_| is_link(log))?;
    let others = paths.named().into_iter().map(|(.., path)| path).filter(|path| path != log);
    others.chain([paths.anchor()]).find(|path| fs::canonicalize(path).is_ok_and(|own| own == target))
}

/// The HTTP crates write whole addresses into their logs, and ours end in a token; the driver of PostgreSQL writes what is stored.
/// Whatever was asked for, they warn only.
fn quiet(filter: Targets) -> Targets {
    let silent = ["reqwest", "hyper", "hyper_util", "h2", "rustls", "tokio_postgres"];
    let asked: Vec<_> = filter.iter().map(|(target, level)| (target.to_owned(), level)).collect();
    let of_http = |target: &str| silent.iter().any(|silent| target.starts_with(silent));
    let others = asked.into_iter().filter(|(target, _)| !of_http(target));
    let default = filter.default_level().unwrap_or(LevelFilter::WARN);
    let silent = silent.map(|target| (target.to_owned(), LevelFilter::WARN.min(default)));
    Targets::new().with_default(default).with_targets(others).with_targets(silent)
}

impl Detail {
    fn filter(self) -> Targets {
        let level = match self {
            Self::Requests => LevelFilter::DEBUG,
            Self::Noteworthy => LevelFilter::INFO,
        };
        Targets::new().with_default(LevelFilter::INFO).with_target("pia_halo", level)
    }
}

/// The file. However long the program runs, it and the one before it are all that there is.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Log {
    fn open(path: PathBuf) -> Result<Self, FileError> {
        let file = open_private(&path, true)?;
        let length = file.metadata().map_or(0, |found| found.len());
        let mut log = Self { file, path, length };
        // Where another cannot be begun, this one goes on.
        _ = log.begin_anew();
        Ok(log)
    }

    /// Puts a file that has become too long beside, and begins another.
    fn begin_anew(&mut self) -> io::Result<()> {
        if self.length > LARGEST {
            self.length = 0;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            self.file = open_private(&self.path, true).map_err(io::Error::other)?;
        } else if self.is_elsewhere() {
            // Another program of ours began anew: what is written into the old file is lost after the next time.
            self.file = open_private(&self.path, true).map_err(io::Error::other)?;
            self.length = self.file.metadata().map_or(0, |found| found.len());
        }
        Ok(())
    }

    /// Whether the name stands for another file by now.
    fn is_elsewhere(&self) -> bool {
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) != (open.dev(), open.ino()),
            (named, _) => named.is_err(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_never_grows_beyond_its_bounds_however_long_program_runs() {
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

    #[test]
    fn no_filter_lets_http_crates_write_addresses() {
        use tracing::Level;
        for asked in ["trace", "reqwest=trace,hyper_util::client=trace", "pia_halo=debug,h2=debug", "hyper=trace,info"]
        {
            let filter = quiet(asked.parse().unwrap());
            for target in [
                "reqwest",
                "reqwest::connect",
                "hyper::proto",
                "hyper_util::client",
                "h2",
                "rustls::common",
                "tokio_postgres::prepare",
            ] {
                assert!(!filter.would_enable(target, &Level::INFO), "{asked}: {target}");
            }
        }
        let filter = quiet("pia_halo=debug".parse().unwrap());
        assert!(filter.would_enable("pia_halo::halo", &Level::DEBUG) && !filter.would_enable("other", &Level::INFO));
        assert!(!quiet("off".parse().unwrap()).would_enable("reqwest", &Level::ERROR));
        assert!("pia_halo=loud".parse::<Targets>().is_err());
    }

    #[test]
    fn log_that_another_program_moved_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pia-halo.log");
        let mut log = Log::open(path.clone()).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, path.with_extension("log.1")).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn log_of_another_kind_is_refused_and_open_one_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, pipe) = (folder.path().join("pia-halo.log"), folder.path().join("pipe"));
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        drop(Log::open(path.clone()).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(Log::open(pipe).err().unwrap().to_string().contains("is a pipe"));
        // A link leads to a file of the person's own, or nowhere.
        let (own, link) = (folder.path().join("own.log"), folder.path().join("link.log"));
        fs::write(&own, "").unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        Log::open(link.clone()).unwrap().write_all(b"x\n").unwrap();
        assert!(fs::read_to_string(&own).unwrap() == "x\n" && fs::symlink_metadata(&link).unwrap().is_symlink());
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&own, Some(12_345), None).unwrap();
            assert!(Log::open(link).err().unwrap().to_string().contains("another user"));
        }
    }
}

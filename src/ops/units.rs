//! The service under systemd: what installing or removing its units does, step by step, and what is there of them.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Serialize;

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::settings::Paths;
use crate::settings::private_file::{self, SERVICE_HOME};

/// The program, where the units that come with it expect it.
const PROGRAM: &str = "/usr/local/bin/pia-halo";

const SERVICE: &str = "pia-halo.service";
const SOCKET: &str = "pia-halo.socket";
/// Both run the daily sync: one of them is enough.
const TIMER: &str = "pia-halo-sync.timer";
const SYNC: &str = "pia-halo-sync.service";

const UNITS: &str = "etc/systemd/system";
/// Where a package puts its units.
const PACKAGED: [&str; 2] = ["usr/lib/systemd/system", "lib/systemd/system"];
const ACCOUNT: (&str, &str) =
    ("etc/sysusers.d/pia-halo.conf", include_str!("../../assets/systemd/pia-halo.sysusers.conf"));

const HOME: [&str; 9] = ["install", "-d", "-m", "700", "-o", "pia-halo", "-g", "pia-halo", SERVICE_HOME];

/// A program with its arguments.
type Line = &'static [&'static str];

/// Whether systemd runs on this machine.
pub fn is_there(root: &Path) -> bool {
    root.join("run/systemd/system").exists()
}

/// Runs a command, which gets no input.
///
/// # Errors
///
/// Where it cannot be started.
pub fn execute(line: &[&str]) -> io::Result<Output> {
    let [program, arguments @ ..] = line else { return Err(io::ErrorKind::InvalidInput.into()) };
    Command::new(program).args(arguments).stdin(Stdio::null()).output()
}

/// The steps that install the service here, for whoever may take them.
///
/// # Errors
///
/// Without systemd, and for anybody but root.
pub fn here() -> Result<Vec<Step>, Failure> {
    let root = Path::new("/");
    if !is_there(root) {
        return Err(Failure::new(FailureKind::LocalState, "systemd does not run on this machine")
            .hint(Hint::from("Let your own supervisor keep this running: ").next(Next::Serve)));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::new(FailureKind::Usage, "only root can install the service")
            .hint(format!("Run this in a shell: sudo {}", Next::InstallService)));
    }
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(FailureKind::LocalState, format!("this program cannot tell where it is: {error}"))
    })?;
    Ok(installation(root, &program))
}

/// Whether the account that the service runs as has settings.
pub fn is_set_up(root: &Path) -> bool {
    service_home(root).join(".config/pia-halo/config.toml").exists()
}

fn service_home(root: &Path) -> PathBuf {
    root.join(SERVICE_HOME.trim_start_matches('/'))
}

/// There is nothing yet, at least for the account that this program runs as.
pub(super) fn nothing_configured_here() -> Failure {
    nothing_configured(Path::new("/"), rustix::process::geteuid().as_raw())
}

fn nothing_configured(root: &Path, account: u32) -> Failure {
    let hint = Hint::from("Run ").next(Next::Wizard).text(" for the wizard, or ").next(Next::SetupAnswers);
    let hint = match is_of_another_account(root, account) {
        true => hint.text(". The service's account keeps its own: sudo -u pia-halo -H pia-halo"),
        false => hint,
    };
    Failure::new(FailureKind::Usage, "nothing is configured yet").hint(hint)
}

/// Whether the service's unit is installed, by hand or by a package.
pub(super) fn has_service(root: &Path) -> bool {
    std::iter::once(&UNITS).chain(&PACKAGED).any(|folder| root.join(folder).join(SERVICE).exists())
}

/// Whether another account runs the service here, so that what is configured is most likely its. Only root and that account
/// can look into its home.
fn is_of_another_account(root: &Path, account: u32) -> bool {
    has_service(root) && fs::metadata(service_home(root)).is_ok_and(|home| home.is_dir() && home.uid() != account)
}

/// How a command is run.
pub type Run<'a> = &'a dyn Fn(&[&str]) -> io::Result<Output>;

/// One step, as it is shown before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Write { path: PathBuf, text: String, replaces: bool },
    Delete(PathBuf),
    Run(Line),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { path, replaces: false, .. } => write!(f, "write {}", path.display()),
            Self::Write { path, .. } => write!(f, "replace {}", path.display()),
            Self::Delete(path) => write!(f, "delete {}", path.display()),
            Self::Run(line) => f.write_str(&line.join(" ")),
        }
    }
}

/// How the service is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Whether the units are there.
    pub installed: bool,
    /// Whether it starts with the machine, in systemd's word.
    pub enabled: String,
    /// Whether it runs, in systemd's word.
    pub active: String,
    /// Whether `pia-halo-sync.timer` runs the daily sync instead.
    pub timer: String,
}

impl Installed {
    /// Whether something runs the daily sync.
    pub fn runs(&self) -> bool {
        [&self.active, &self.timer].into_iter().any(|word| word == "active")
    }
}

fn units(root: &Path, program: &Path) -> [(PathBuf, String); 3] {
    let service = include_str!("../../assets/systemd/pia-halo.service");
    let service = service.replace(PROGRAM, &program.display().to_string());
    [
        (root.join(ACCOUNT.0), ACCOUNT.1.to_owned()),
        (root.join(UNITS).join(SERVICE), service),
        (root.join(UNITS).join(SOCKET), include_str!("../../assets/systemd/pia-halo.socket").to_owned()),
    ]
}

/// Whether `pia-halo-sync.timer` is switched on.
fn has_timer(root: &Path) -> bool {
    root.join(UNITS).join("timers.target.wants").join(TIMER).symlink_metadata().is_ok()
}

/// Whether `pia-halo-sync.timer` is switched on, and runs the profile with these files.
pub fn timer_runs(root: &Path, paths: &Paths) -> bool {
    has_timer(root) && settings_of_timer(root).is_none_or(|folder| folder == paths.config_dir)
}

/// The folder of settings that the unit of the timer names; none where it names none.
fn settings_of_timer(root: &Path) -> Option<PathBuf> {
    let mut folders = [UNITS].into_iter().chain(PACKAGED);
    let text = folders.find_map(|folder| text_of(&root.join(folder).join(SYNC)))?;
    let variable = |name: &str| {
        let lines = text.lines().rev().filter_map(|line| line.trim().strip_prefix("Environment="));
        let mut values = lines.filter_map(|line| line.trim_matches('"').strip_prefix(name)?.strip_prefix('='));
        values.next().map(|value| PathBuf::from(value.replace("%S", "/var/lib")))
    };
    let base = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))?;
    Some(base.join("pia-halo"))
}

fn text_of(unit: &Path) -> Option<String> {
    private_file::open(unit).ok().and_then(|file| io::read_to_string(file).ok())
}

/// The unit of a package, where one is installed.
fn packaged(root: &Path) -> Option<String> {
    PACKAGED.iter().find_map(|folder| text_of(&root.join(folder).join(SERVICE)))
}

/// What installs the service; files that are as they should be are left out. Where a package has brought units for this
/// program, they are switched on: others of the same name in `/etc` would hide them, and outlive the package.
pub fn installation(root: &Path, program: &Path) -> Vec<Step> {
    let starts = format!("ExecStart={} serve", program.display());
    let mut steps = Vec::new();
    if !packaged(root).is_some_and(|unit| unit.contains(&starts)) {
        steps = files(root, program);
    }
    if has_timer(root) {
        steps.push(Step::Run(&["systemctl", "disable", "--now", TIMER]));
    }
    steps.push(Step::Run(&["systemctl", "enable", SOCKET, SERVICE]));
    // Started once, with its socket: one that ran before runs by the new units, and a new one misses nothing by a second start.
    steps.push(Step::Run(&["systemctl", "restart", SERVICE]));
    steps
}

fn files(root: &Path, program: &Path) -> Vec<Step> {
    let write = |(path, text): (PathBuf, String)| match text_of(&path) {
        Some(there) if there == text => None,
        there => Some(Step::Write { path, text, replaces: there.is_some() }),
    };
    let mut steps: Vec<Step> = units(root, program).into_iter().filter_map(write).collect();
    steps.extend([&["systemd-sysusers"] as Line, &HOME, &["systemctl", "daemon-reload"]].map(Step::Run));
    steps
}

/// What removes the service; none where it is not there. Its account, settings and store stay, and the units of a package
/// with the package.
pub fn removal(root: &Path) -> Vec<Step> {
    let files = [SERVICE, SOCKET].map(|unit| root.join(UNITS).join(unit));
    let there: Vec<Step> = files.into_iter().filter(|file| file.exists()).map(Step::Delete).collect();
    if there.is_empty() && packaged(root).is_none() {
        return there;
    }
    let first = Step::Run(&["systemctl", "disable", "--now", SOCKET, SERVICE]);
    let last = Step::Run(&["systemctl", "daemon-reload"]);
    [first].into_iter().chain(there).chain([last]).collect()
}

/// Takes the steps, one after the other.
///
/// # Errors
///
/// What a step failed by; those after it are not taken, and the same again goes on.
pub fn carry_out(steps: &[Step], run: Run<'_>) -> Result<(), Failure> {
    for step in steps {
        let failed = |why: String| {
            Failure::new(FailureKind::LocalState, format!("{step} failed: {why}"))
                .hint("what was done before is kept; mend the cause and run the same again")
        };
        match step {
            Step::Write { path, text, .. } => write(path, text).map_err(|error| failed(error.to_string()))?,
            Step::Delete(path) => fs::remove_file(path).map_err(|error| failed(error.to_string()))?,
            Step::Run(line) => {
                let output = run(line).map_err(|error| failed(error.to_string()))?;
                if !output.status.success() {
                    return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
                }
            }
        }
    }
    Ok(())
}

// Units are for everybody to read, whatever the program creates otherwise.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, text)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644))?;
    fs::rename(&fresh, path)
}

/// What is there of the service.
pub fn installed(root: &Path, run: Run<'_>) -> Installed {
    let word = |line: Line| match run(line) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("unknown").trim().to_owned(),
        Err(_) => "unknown".to_owned(),
    };
    Installed {
        installed: has_service(root),
        enabled: word(&["systemctl", "is-enabled", SERVICE]),
        active: word(&["systemctl", "is-active", SERVICE]),
        timer: word(&["systemctl", "is-active", TIMER]),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn answer(code: i32, text: &str) -> Output {
        Output { status: ExitStatus::from_raw(code << 8), stdout: text.into(), stderr: text.into() }
    }

    #[test]
    fn units_are_installed_once_and_removed_again() {
        let root = tempfile::tempdir().unwrap();
        let ran = RefCell::new(Vec::new());
        let run = |line: &[&str]| {
            ran.borrow_mut().push(line.join(" "));
            Ok(answer(0, "active\n"))
        };
        assert!(removal(root.path()).is_empty(), "nothing is there");
        let program = Path::new("/opt/pia/pia-halo");
        let steps = installation(root.path(), program);
        let shown: Vec<String> = steps.iter().map(ToString::to_string).collect();
        assert!(shown.iter().any(|line| line.starts_with("write ") && line.ends_with("/pia-halo.socket")), "{shown:?}");
        carry_out(&steps, &run).unwrap();
        let last = ["systemctl enable pia-halo.socket pia-halo.service", "systemctl restart pia-halo.service"];
        assert!(ran.borrow().ends_with(&last.map(str::to_owned)), "{ran:?}");
        assert!(shown.ends_with(&last.map(str::to_owned)), "what is run is what was shown: {shown:?}");
        let service = root.path().join("etc/systemd/system/pia-halo.service");
        let text = fs::read_to_string(&service).unwrap();
        assert!(text.contains("ExecStart=/opt/pia/pia-halo serve") && !text.contains(PROGRAM));
        assert_eq!(fs::metadata(&service).unwrap().permissions().mode() & 0o777, 0o644);
        let again = installation(root.path(), program);
        assert!(!again.iter().any(|step| matches!(step, Step::Write { .. })), "nothing is written twice");
        assert!(installed(root.path(), &run).installed && installed(root.path(), &run).runs());

        fs::write(&service, "by hand").unwrap();
        let replaced = installation(root.path(), program).remove(0).to_string();
        assert!(replaced.starts_with("replace ") && replaced.ends_with("/pia-halo.service"), "{replaced}");
        carry_out(&removal(root.path()), &run).unwrap();
        assert!(!service.exists() && removal(root.path()).is_empty());
        assert!(ran.borrow().contains(&"systemctl disable --now pia-halo.socket pia-halo.service".to_owned()));
    }

    #[test]
    fn units_of_package_are_switched_on_and_not_hidden() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(PACKAGED[0]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(SERVICE), include_str!("../../assets/systemd/pia-halo.service")).unwrap();
        let files = |program| {
            let steps = installation(root.path(), Path::new(program));
            steps.into_iter().filter(|step| matches!(step, Step::Write { .. })).count()
        };
        assert_eq!(files(PROGRAM), 0, "the package has them");
        assert_eq!(files("/opt/pia/pia-halo"), 3, "they would start another program");
        let run = |_: &[&str]| Ok(answer(0, "active\n"));
        assert!(installed(root.path(), &run).installed);
        let removed: Vec<String> = removal(root.path()).iter().map(ToString::to_string).collect();
        assert_eq!(removed, ["systemctl disable --now pia-halo.socket pia-halo.service", "systemctl daemon-reload"]);
    }

    #[test]
    fn timer_that_syncs_already_is_switched_off() {
        let root = tempfile::tempdir().unwrap();
        let wants = root.path().join(UNITS).join("timers.target.wants");
        fs::create_dir_all(&wants).unwrap();
        fs::write(wants.join(TIMER), "").unwrap();
        let shown: Vec<String> =
            installation(root.path(), Path::new(PROGRAM)).iter().map(ToString::to_string).collect();
        assert!(shown.contains(&"systemctl disable --now pia-halo-sync.timer".to_owned()), "{shown:?}");
    }

    /// Of several profiles of one machine it runs one.
    #[test]
    fn timer_runs_profile_of_its_unit_alone() {
        let root = tempfile::tempdir().unwrap();
        let at = |config: &str| Paths { config_dir: PathBuf::from(config), ..Paths::below(root.path()) };
        let (ours, other) = (at("/var/lib/pia-halo/.config/pia-halo"), at("/home/dana/.config/pia-halo"));
        let runs = |paths: &Paths| timer_runs(root.path(), paths);
        assert!(!runs(&ours), "it is not there");
        let wants = root.path().join(UNITS).join("timers.target.wants");
        fs::create_dir_all(&wants).unwrap();
        fs::write(wants.join(TIMER), "").unwrap();
        assert!(runs(&ours) && runs(&other), "nobody knows which one");
        let unit = |text: &str| fs::write(root.path().join(UNITS).join(SYNC), text).unwrap();
        unit(include_str!("../../assets/systemd/pia-halo-sync.service"));
        assert!(runs(&ours) && !runs(&other));
        unit("[Service]\nEnvironment=\"HOME=/home/dana\"\n");
        assert!(!runs(&ours) && runs(&other));
    }

    /// Whoever forgets `sudo -u pia-halo` is told where the configuration is.
    #[test]
    fn configuration_of_services_account_is_told_to_others_alone() {
        let root = tempfile::tempdir().unwrap();
        let home = service_home(root.path());
        fs::create_dir_all(&home).unwrap();
        let own = fs::metadata(&home).unwrap().uid();
        let ending = "The service's account keeps its own: sudo -u pia-halo -H pia-halo";
        let said = |account| nothing_configured(root.path(), account).hint.unwrap().to_string();
        assert!(!said(own + 1).contains("sudo"), "no unit");
        for folder in [UNITS, PACKAGED[0]] {
            let unit = root.path().join(folder).join(SERVICE);
            fs::create_dir_all(unit.parent().unwrap()).unwrap();
            fs::write(&unit, "").unwrap();
            assert!(said(own + 1).ends_with(ending), "{folder}: {}", said(own + 1));
            assert!(!said(own).contains("sudo"), "{folder}");
            fs::remove_file(unit).unwrap();
        }
    }

    #[test]
    fn step_that_fails_is_named_and_ends_it() {
        let root = tempfile::tempdir().unwrap();
        let steps = installation(root.path(), Path::new(PROGRAM));
        let run = |line: &[&str]| Ok(if line.contains(&"daemon-reload") { answer(1, "no bus") } else { answer(0, "") });
        let failure = carry_out(&steps, &run).unwrap_err();
        assert_eq!(failure.message, "systemctl daemon-reload failed: no bus");
        let none = |_: &[&str]| Err(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(installed(root.path(), &none).active, "unknown");
    }
}

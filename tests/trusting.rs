//! What is believed: only what nobody else could have written. And what a secret is guarded from: cores, other users, waits.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Profile, run};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs in the profile as it is; each is told with the command that mends it.
async fn is_refused(profile: &Profile, path: &Path, mend: &str) {
    let mend = format!("run: chmod {mend} {}", path.display());
    for command in [&["status"][..], &["check"], &["sync"], &["config", "show"], &["deactivate"], &["serve"]] {
        profile.run(command).await.expect(7).says(&mend);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_others_could_have_written_are_refused() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let (config, home) = (profile.config(), profile.folder.path());
    let untouched = fs::read(&config).unwrap();
    for path in [&config, config.parent().unwrap(), &home.join("config"), home] {
        let before = fs::metadata(path).unwrap().permissions();
        for mode in [0o777, 0o720] {
            chmod(path, mode);
            is_refused(&profile, path, "go-w").await;
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, mode, "left to the person");
        }
        fs::set_permissions(path, before).unwrap();
        profile.run(["status"]).await.expect(0);
    }
    assert_eq!(fs::read(&config).unwrap(), untouched);
    chmod(&profile.credentials(), 0o606);
    profile.run(["check"]).await.expect(7).says("chmod 600");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_another_user_are_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give a file away.
    }
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    for path in [profile.config(), profile.config().parent().unwrap().to_owned()] {
        std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
        profile.run(["check"]).await.expect(7).says("belongs to another user");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    profile.run(["check"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_in_answers_that_others_could_have_written_is_not_run() {
    let profile = Profile::new().await;
    let (file, mark) = (profile.folder.path().join("a.toml"), profile.folder.path().join("ran"));
    let command = format!("[api]\nclient_secret_command = [\"touch\", \"{}\"]", mark.display());
    fs::write(&file, profile.answers("acme", "").replace("[api]", &command)).unwrap();
    chmod(&file, 0o646);
    let setup = ["setup", "--answers", file.to_str().unwrap(), "--test"];
    profile.run(setup).await.expect(7).says("chmod go-w");
    assert!(!mark.exists() && !profile.config().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn authority_that_others_could_have_written_is_refused() {
    let profile = Profile::new().await;
    let (file, authority) = (profile.folder.path().join("a.toml"), profile.folder.path().join("ca.pem"));
    fs::write(&authority, "-----BEGIN CERTIFICATE-----\n").unwrap();
    chmod(&authority, 0o666);
    let with = profile.answers("acme", "").replace("[api]", &format!("[api]\nca_file = \"{}\"", authority.display()));
    fs::write(&file, with).unwrap();
    let setup = ["setup", "--answers", file.to_str().unwrap(), "--client-secret-file", "-", "--test"];
    run(profile.command(setup), "x".to_owned()).await.expect(7).says("chmod go-w");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_end_are_refused_at_once() {
    let profile = Profile::new().await;
    let large = profile.folder.path().join("large.toml");
    fs::write(&large, vec![b' '; 1 << 20]).unwrap();
    for answers in [Path::new("/dev/zero"), &large] {
        let start = Instant::now();
        profile.run(["setup", "--answers", answers.to_str().unwrap()]).await.expect(2).says("large");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// Starts the program in a wait for somebody else, and ends it.
async fn ends_at_once(mut command: Command, waits: impl Fn() -> bool) {
    let mut child = command.spawn().unwrap();
    crate::support::until(waits).await;
    let start = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(143));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn command_or_pipe_that_gives_no_secret_does_not_outlive_a_signal() {
    let profile = Profile::new().await;
    let (file, mark) = (profile.folder.path().join("a.toml"), profile.folder.path().join("mark"));
    let hangs = format!("[api]\nclient_secret_command = [\"sh\", \"-c\", \"touch {}; sleep 1000\"]", mark.display());
    fs::write(&file, profile.answers("acme", "").replace("[api]", &hangs)).unwrap();
    profile.run(["setup", "--answers", file.to_str().unwrap()]).await.expect(0);
    ends_at_once(profile.command(["check"]), || mark.exists()).await;

    fs::write(&file, profile.answers("beta", "")).unwrap();
    let pipe = profile.folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let setup =
        ["setup", "--answers", file.to_str().unwrap(), "--client-secret-file", pipe.to_str().unwrap(), "--test"];
    // Opened for writing without a reader, a pipe is refused: until the program reads it.
    let is_read = || {
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::open(&pipe, flags, rustix::fs::Mode::empty()).map(std::mem::forget).is_ok()
    };
    ends_at_once(profile.command(setup), is_read).await;
}

/// Ended by what would leave a core behind.
#[tokio::test(flavor = "multi_thread")]
async fn crash_leaves_no_core() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_pia-halo");
    command.args(["-c", &format!("ulimit -c unlimited; exec {program} serve --listen 127.0.0.1:0")]);
    command.env_clear().envs(profile.environment()).current_dir(profile.folder.path());
    let mut service = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = [0; 9];
    std::io::Read::read_exact(service.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(said, *b"listening");
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    kill_process(Pid::from_child(&service), Signal::ABORT).unwrap();
    let status = service.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

//! What is believed: only what nobody else could have written. And what a secret is guarded from: cores, other users, waits.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use pia_halo::store::Store;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::service::{Service, event, secrets};
use crate::support::{Profile, login_name, private, run};

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
async fn backup_that_others_could_have_written_is_not_restored() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let file = profile.folder.path().join("backup.tar.gz");
    let name = file.to_str().unwrap();
    profile.run(["backup", name]).await.expect(0);
    let untouched = fs::read(profile.config()).unwrap();
    chmod(&file, 0o622);
    for how in ["--check", "--yes"] {
        profile.run(["restore", name, how]).await.expect(7).says("chmod go-w");
    }
    assert_eq!(fs::read(profile.config()).unwrap(), untouched);
    // What comes through a pipe is of whoever calls.
    let mut piped = profile.command(["restore", "-", "--yes", "--without-secrets"]);
    let child = piped.stdin(fs::File::open(&file).unwrap()).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    chmod(&file, 0o600);
    profile.run(["restore", name, "--yes"]).await.expect(0);
}

/// The same for each of them, as ssh asks it of its keys.
#[tokio::test(flavor = "multi_thread")]
async fn secret_that_others_could_read_is_refused() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let (secret, backup) = (profile.folder.path().join("secret"), profile.folder.path().join("backup.tar.gz"));
    let (secret_name, backup_name) = (secret.to_str().unwrap(), backup.to_str().unwrap());
    private(&secret, profile.halo.client_secret());
    let seal = ["backup", backup_name, "--with-secrets", "--passphrase-file", secret_name];
    profile.run(seal).await.expect(0);
    for command in [
        &["setup", "--client-secret-file", secret_name][..],
        &seal,
        &["restore", backup_name, "--check", "--passphrase-file", secret_name],
        &["restore", backup_name, "--check", "--identity", secret_name],
    ] {
        chmod(&secret, 0o640);
        profile.run(command.to_vec()).await.expect(7).says("chmod 600");
        chmod(&secret, 0o600);
        let code = if command.contains(&"--identity") { 2 } else { 0 };
        profile.run(command.to_vec()).await.expect(code);
    }
}

/// The program is a shell's; what it is handed is somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn script_that_others_could_have_written_is_not_run() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let (script, mark) = (profile.folder.path().join("get.sh"), profile.folder.path().join("ran"));
    fs::write(&script, format!("touch {}", mark.display())).unwrap();
    chmod(&script, 0o666);
    let words = serde_json::json!(["sh", script]).to_string();
    let settings = fs::read_to_string(profile.config()).unwrap();
    let with = format!("client_secret_command = {words}\nclient_id =");
    fs::write(profile.config(), settings.replacen("client_id =", &with, 1)).unwrap();
    profile.run(["check"]).await.expect(7).says("chmod go-w");
    fs::write(profile.config(), settings).unwrap();
    profile.run(["serve", "--listen", "127.0.0.1:0", "--notify-command", &words]).await.expect(7).says("chmod go-w");
    assert!(!mark.exists());
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

/// Whoever names authorities by a variable trusts them no less than by `ca_file`.
#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_others_could_have_written_are_refused() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let folder = profile.folder.path().join("authorities");
    let file = folder.join("ca.pem");
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let named = [("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &folder)];
    for (of_folder, of_file) in [(0o777, 0o600), (0o700, 0o666)] {
        chmod(&folder, of_folder);
        chmod(&file, of_file);
        for (name, value) in named {
            let mut command = profile.command(["sync"]);
            command.env(name, value);
            run(command, String::new()).await.expect(7).says("chmod go-w");
        }
    }
    assert!(profile.halo.requests().is_empty());
}

/// They take the place of this machine's own: where none can be used, no certificate is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_are_none_are_told_as_that() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let settings = fs::read_to_string(profile.config()).unwrap();
    fs::write(profile.config(), settings.replace("http://127.0.0.1", "https://127.0.0.1")).unwrap();
    let folder = profile.folder.path().join("authorities");
    let (key, missing) = (folder.join("key.pem"), folder.join("missing"));
    fs::create_dir(&folder).unwrap();
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    chmod(&folder, 0o700);
    chmod(&key, 0o600);
    for (name, value, why) in [
        ("SSL_CERT_FILE", &missing, "does not exist"),
        ("SSL_CERT_FILE", &folder, "is a folder"),
        ("SSL_CERT_FILE", &key, "holds no certificate"),
        ("SSL_CERT_DIR", &missing, "does not exist"),
        ("SSL_CERT_DIR", &key, "is no folder"),
        ("SSL_CERT_DIR", &folder, "holds no certificate"),
    ] {
        let with = |arguments: &[&str]| {
            let mut command = profile.command(arguments);
            command.env(name, value);
            command
        };
        let ran = run(with(&["sync"]), String::new()).await.expect(7).says(&format!("{name} names ")).says(why);
        ran.says(&format!("unset {name}"));
        // The service that was started by hand says what no daily sync will get past, and receives all the same.
        if why == "is a folder" {
            let service = Service::start_by(with(&["serve", "--listen", "127.0.0.1:0"])).await;
            let said = || service.said.lock().unwrap().clone();
            crate::support::until(|| said().contains("no daily sync can begin")).await;
            assert!(said().contains("SSL_CERT_FILE names "), "{}", said());
            assert_eq!(service.callback(&secrets(&profile), "ticket-created", &event("event", 1)).await.status, 200);
        }
    }
    // One that can be used is enough.
    fs::copy("tests/corpus/certificates/ec.pem", folder.join("ca.pem")).unwrap();
    let mut command = profile.command(["sync"]);
    command.env("SSL_CERT_FILE", &missing).env("SSL_CERT_DIR", &folder);
    let ran = run(command, String::new()).await;
    assert!(!ran.stderr.contains("SSL_CERT"), "{ran:?}");
}

/// It is followed, because its owner has made it; where the lines are is said.
#[tokio::test(flavor = "multi_thread")]
async fn log_that_is_link_is_followed_and_said() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let (log, target) =
        (profile.folder.path().join("state/pia-halo/pia-halo.log"), profile.folder.path().join("elsewhere.log"));
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&target, &log).unwrap();
    fs::write(&target, "").unwrap();
    let service = Service::start(&profile).await;
    let words = format!("is a link: it is written to {}", target.display());
    crate::support::until(|| service.said.lock().unwrap().contains(&words)).await;
    crate::support::until(|| fs::read_to_string(&target).is_ok_and(|lines| !lines.is_empty())).await;
    profile.run(["config", "path"]).await.expect(0).says(&format!("pia-halo.log -> {}", target.display()));
}

/// Its lines would be the end of what it leads to, and where it leads nowhere, nobody would miss them.
#[tokio::test]
async fn log_that_leads_to_own_file_or_nowhere_is_told() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let log = profile.folder.path().join("state/pia-halo/pia-halo.log");
    let settings = fs::read(profile.config()).unwrap();
    for target in [profile.config(), log.clone()] {
        fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink(&target, &log).unwrap();
        profile.run(["status"]).await.expect(0).says("nothing is logged: ");
        assert_eq!(fs::read(profile.config()).unwrap(), settings);
    }
}

/// A store that was set aside knows of no webhook, and Halo has them all the same.
#[tokio::test]
async fn webhooks_that_store_does_not_know_are_not_called_missing() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    let asked = [&["deliveries"][..], &["check", "--full-circle", "--yes"]];
    let say = async |words: &str| {
        for command in asked {
            profile.run(command.to_vec()).await.expect(1).says(words);
        }
    };
    say("no look in Halo has succeeded yet").await;
    profile.run(["plan"]).await.expect(3);
    say("no webhook is installed yet").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["store", "set-aside"]).await.expect(0);
    profile.run(["sync"]).await.expect(0);
    say("no look in Halo has succeeded yet").await;
    profile.run(["plan"]).await.expect(3);
    say("this store does not know them").await;
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
async fn command_or_pipe_that_gives_no_secret_does_not_outlive_signal() {
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
    let mut service = command.stderr(Stdio::piped()).spawn().unwrap();
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

/// Before anything is written, and without a word of what may be a password.
#[tokio::test(flavor = "multi_thread")]
async fn copy_of_store_to_what_is_no_postgres_is_refused() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let copy = async |way: &str, url: &str| profile.run(["store", "copy", way, url]).await;
    copy("--to", "mysql://db.example/x").await.expect(2).says("does not begin with postgres://");
    let ran =
        copy("--to", "postgres://pia:canary@db.example/x").await.expect(2).says("a password does not belong there");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("canary"));
    copy("--from", "postgres://pia@127.0.0.1:1/x")
        .await
        .expect(5)
        .says("PostgreSQL 127.0.0.1:1, database x: it is not reached");
    profile.run(["store", "copy"]).await.expect(2);
    profile.run(["store", "copy", "--to", "postgres://a@b/c", "--from", "postgres://a@b/c"]).await.expect(2);
    profile.json(["store", "copy", "--to", "postgres://pia@127.0.0.1:1/x"], 5).await;
}

/// The hint of a damaged store: nothing that was acknowledged is lost, also in the log beside the database.
#[tokio::test(flavor = "multi_thread")]
async fn store_set_aside_keeps_every_event_and_waits_for_nobody() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let service = Service::start(&profile).await;
    let callbacks = secrets(&profile);
    for n in 0..20 {
        let answer = service.callback(&callbacks, "ticket-created", &event(&format!("event-{n}"), n)).await;
        assert_eq!(answer.status, 200);
    }
    profile.run(["store", "set-aside"]).await.expect(6).says(&format!("serve by {}", login_name()));
    service.kill();
    let folder = profile.json(["store", "set-aside"], 0).await["folder"].as_str().unwrap().to_owned();
    let kept = Store::open(&Path::new(&folder).join("pia-halo.db")).unwrap();
    assert_eq!(kept.events(&profile.id(), None, None, 100).unwrap().len(), 20);
    profile.run(["events"]).await.expect(0);
    let issues = async || profile.run(["issues"]).await.expect(0).stdout;
    assert!(!issues().await.contains("store-lost"), "it was set aside");
    profile.run(["sync"]).await.expect(0);
    // A damaged one, by the command that its hint names.
    let store = profile.folder.path().join("data/pia-halo/pia-halo.db");
    fs::write(&store, "no database at all, but long enough to be looked at as one".repeat(20)).unwrap();
    profile.run(["status"]).await.expect(7).says("pia-halo store set-aside");
    profile.run(["store", "set-aside"]).await.expect(0);
    profile.run(["sync"]).await.expect(0);
    // A deleted one: also once somebody has looked at the new one, which is whole.
    fs::remove_file(&store).unwrap();
    profile.run(["doctor"]).await;
    assert!(issues().await.contains("store-lost"));
    for asked in [&["events", "--undelivered"][..], &["events", "--send-again", "all"], &["history"]] {
        profile.run(asked.to_vec()).await.expect(3).says("was lost with the store");
    }
    profile.run(["sync"]).await.expect(0);
    assert!(!issues().await.contains("store-lost"), "what is there is of Halo again");
    // What was before it was not nothing: whoever asks hears since when it knows.
    let month = jiff::Timestamp::now().to_string()[.."2026-10".len()].to_owned();
    let asked: [&[&str]; 7] = [
        &["events"],
        &["events", "--json"],
        &["events", "--undelivered", "--json"],
        &["events", "--send-again", "all", "--json"],
        &["history"],
        &["report", "--month", &month],
        &["doctor"],
    ];
    for asked in asked {
        profile.run(asked.to_vec()).await.says("known here since ");
    }
    // Settings that somebody has provided before there was any store.
    fs::remove_dir_all(profile.folder.path().join("data")).unwrap();
    fs::remove_dir_all(profile.folder.path().join("state")).unwrap();
    profile.run(["doctor"]).await;
    assert!(!issues().await.contains("store-lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_client_secret_is_tested_before_it_replaces_old_one() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let renew = ["setup", "--client-secret-file", "-"];
    run(profile.command(renew), "wrong".to_owned()).await.expect(4).says("the old Client Secret stays");
    profile.run(["check"]).await.expect(0);
    profile.run(["remove", "--yes", "--forget-secrets"]).await.expect(0);
    profile.run(["check"]).await.expect(2).says("pia-halo setup --client-secret-file FILE");
    let good = format!("\u{feff}{}\u{a0}\n", profile.halo.client_secret());
    run(profile.command(renew), good).await.expect(0).says("invisible characters");
    profile.run(["check"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_deleted_whole_after_yes() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let asked = async || profile.run(["config", "delete", "acme"]).await.expect(3).stderr;
    let told = asked().await;
    assert!(told.contains("as far as this store knows, as of ") && told.contains("still in its Halo: "), "{told}");
    let known = |told: &str| told.split_once("still in its Halo: ").unwrap().1.split_once(';').unwrap().0.to_owned();
    assert!(told.contains("Pia Chat Pod") && !told.contains("changed or gone"), "{told}");
    assert!(told.contains("To remove them first: pia-halo remove"), "{told}");
    profile.run(["deactivate"]).await.expect(0);
    let ways = "To remove them first: pia-halo activate acme, then pia-halo remove --configuration acme";
    assert!(asked().await.contains(ways));
    profile.run(["activate", "acme"]).await.expect(0);
    // What somebody has seen to be gone is not named as if it were there.
    profile.halo.change(|state| state.tabs.retain(|tab| tab.name() != "Pia Chat Pod"));
    profile.run(["plan"]).await.expect(3);
    let told = asked().await;
    assert!(!known(&told).contains("Pia Chat Pod") && known(&told).contains("Pia - Ticket Created"), "{told}");
    assert!(told.contains("changed or gone there: Pia Chat Pod ("), "{told}");
    profile.run(["config", "delete", "nobody", "--yes"]).await.expect(2);
    profile.run(["status"]).await.expect(0);
    let service = profile.workspace().service_lock().await.unwrap();
    profile.run(["config", "delete", "acme", "--yes"]).await.expect(6).says("already running: serve");
    drop(service);
    profile.run(["config", "delete", "acme", "--yes"]).await.expect(0);
    assert!(!fs::read_to_string(profile.config()).unwrap().contains("acme"));
    assert!(!fs::read_to_string(profile.credentials()).unwrap().contains("acme"));
    assert_eq!(profile.store().clients(&profile.id()).unwrap().len(), 0);
    profile.save("acme", "").await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_trail_is_waited_for_five_seconds_and_its_holder_named() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let trail = fs::File::open(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
    rustix::fs::flock(&trail, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let start = Instant::now();
    let named = format!("(process {})", std::process::id());
    profile.run(["deactivate"]).await.expect(6).says(&named);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    // Nothing is done of which the trail would know nothing.
    let store = profile.folder.path().join("data/pia-halo/pia-halo.db");
    for command in [&["config", "delete", "acme", "--yes"][..], &["store", "set-aside"]] {
        profile.run(command.to_vec()).await.expect(6).says(&named);
        assert!(fs::read_to_string(profile.config()).unwrap().contains("acme") && store.exists(), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipe_in_place_of_log_stops_nobody_and_is_named() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let log = profile.folder.path().join("state/pia-halo/pia-halo.log");
    fs::remove_file(&log).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &log, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    profile.run(["status"]).await.expect(0).says("pia-halo.log is a pipe");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_machine_lacks_is_said_in_words() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let mut few = Command::new("sh");
    few.args(["-c", &format!("ulimit -n 8; exec {} status", env!("CARGO_BIN_EXE_pia-halo"))]);
    few.env_clear().envs(profile.environment()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(few, String::new()).await.expect(7).says("ulimit -n 1024");
    let mut odd = profile.command(["status"]);
    odd.env("PIA_HALO_LOG", "pia_halo=lo\u{1b}]0;x\u{7}ud");
    let ran = run(odd, String::new()).await.expect(0).says("PIA_HALO_LOG is not valid");
    assert!(!ran.stderr.contains(['\u{7}', '\u{1b}']), "{ran:?}");
    // Taken away, the store is not silently a new one.
    fs::remove_dir_all(profile.folder.path().join("data")).unwrap();
    profile.run(["deactivate"]).await.expect(0).says("a new one was created");
}

/// Whoever only looks, perhaps from another account, leaves no store behind that somebody takes for one.
#[tokio::test(flavor = "multi_thread")]
async fn look_makes_no_store() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let (data, state) = (profile.folder.path().join("data"), profile.folder.path().join("state"));
    let looks = [&["status"][..], &["issues"], &["history"], &["clients"], &["events"], &["doctor", "--offline"]];
    for (says, gone) in [("There is no store at ", &data), ("There is no store here yet: ", &state)] {
        fs::remove_dir_all(gone).unwrap();
        for look in looks {
            let ran = profile.run(look.to_vec()).await;
            assert!(ran.stderr.contains(says), "{ran:?}");
            assert!(!data.exists(), "{look:?}");
        }
    }
    profile.run(["check"]).await.expect(0);
    assert!(data.join("pia-halo/pia-halo.db").exists(), "what has something to keep makes it");
    assert!(!profile.run(["status"]).await.expect(0).stderr.contains("store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_others_can_reach_says_so() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let service = Service::start_at(&profile, "0.0.0.0:0", &[]).await;
    crate::support::until(|| service.said.lock().unwrap().contains("other machines can connect")).await;
    // And whoever follows what comes in ends where it cannot be written.
    assert_eq!(service.callback(&secrets(&profile), "ticket-created", &event("event", 1)).await.status, 200);
    let mut follow = profile.command(["events", "--follow"]);
    follow.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut child = follow.spawn().unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_is_no_success() {
    let profile = Profile::new().await;
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [&["--help"][..], &["--version"], &["demo", "--serve"], &["demo", "--list-faults"]] {
        let mut command = profile.command(arguments);
        let mut child = command.stdout(full()).spawn().unwrap();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), Some(7), "{arguments:?}");
    }
    assert!(!profile.folder.path().join("state").exists(), "the demo leaves no log");
    let ran = profile.run(["a\u{7}b\u{1b}]0;x\u{7}"]).await.expect(2);
    assert!(!ran.stderr.contains(['\u{7}', '\u{1b}']), "{ran:?}");
    for arguments in [&["a\u{202e}b\u{200b}"][..], &["status", "--configuration", "a\u{2066}b\u{feff}"]] {
        let ran = profile.run(arguments.to_vec()).await.expect(2);
        assert!(!ran.stderr.contains(['\u{202e}', '\u{200b}', '\u{2066}', '\u{feff}']), "{ran:?}");
    }
}

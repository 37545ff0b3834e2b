//! A backup made while everything runs, and brought back: on an empty host, over an old one, killed in the middle.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::Timestamp;
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::Incoming;
use pia_halo::store::{NewEvent, Proof, Snapshot, Store};

use crate::secrecy::{forms, secrets_of};
use crate::support::changing::small;
use crate::support::disk::{at_every_call, may_trace, traced};
use crate::support::{Profile, Ran, environment_of, files, private, run, store_of, workspace_of};

/// A key of `age` that the tests share with the vectors of its format, and whom it belongs to.
const KEY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";

/// A home on another host.
struct Home(PathBuf);

impl Home {
    fn new(profile: &Profile, name: &str) -> Self {
        let home = profile.folder.path().join(name);
        _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir(&home).unwrap();
        Self(home)
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pia-halo"));
        command.args(arguments).env_clear().envs(environment_of(&self.0));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    }

    async fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        run(self.command(arguments), String::new()).await
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// What every table holds.
fn tables(home: &Path) -> Proof {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = Snapshot::take(&home.join("data/pia-halo/pia-halo.db")).unwrap().unwrap();
    snapshot.write(&folder.path().join("copy.db"), || true).unwrap().unwrap()
}

fn add_event(store: &Store, ticket: i64) {
    let configuration = "acme".parse().unwrap();
    let incoming = Incoming {
        id: None,
        event: None,
        ticket_id: Some(ticket),
        sent_at: None,
        not_understood: None,
        body: "{\"a body\":\"with some length\"}".into(),
    };
    let (group, received_at) = (EventGroup::TicketCreated, Timestamp::now());
    let event = NewEvent { configuration, group, incoming, received_at, fetched_from: None, forward: false };
    store.add_events([event]).unwrap();
}

/// A profile that is synced and configured, with a passphrase in a file.
async fn configured() -> (Profile, String) {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let passphrase = profile.folder.path().join("passphrase");
    private(&passphrase, "correct horse battery staple\n");
    (profile, passphrase.to_str().unwrap().to_owned())
}

/// Another account than the service's has nothing, and a backup of that would only be missed at the restore.
#[tokio::test]
async fn backup_of_nothing_is_refused() {
    let profile = Profile::new().await;
    let (home, file) = (Home::new(&profile, "another"), profile.folder.path().join("nothing.tar.gz"));
    let refused = home.run(["backup", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(refused.expect(2).json()["error"]["message"], "nothing is configured yet");
    assert!(!file.exists());
}

/// R29: `PIA_HALO_BACKUPS=100 cargo test --test promises backup_under_load` plays a hundred rounds.
#[tokio::test(flavor = "multi_thread")]
async fn backup_under_load_restores_each_table_and_plan_is_empty() {
    let rounds: usize = std::env::var("PIA_HALO_BACKUPS").map_or(3, |all| all.parse().unwrap());
    // A store that has grown for ten rounds is large enough; for a hundred, copying it is all that would be measured.
    for begun in (0..rounds).step_by(10) {
        back_up_under_load(begun..rounds.min(begun + 10)).await;
    }
}

async fn back_up_under_load(rounds: std::ops::Range<usize>) {
    let first = rounds.start;
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let identity = profile.folder.path().join("key.txt");
    private(&identity, KEY);
    let identity = identity.to_str().unwrap();
    let (stop, tickets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let load = {
        let (store, stop, tickets) = (profile.store(), Arc::clone(&stop), Arc::clone(&tickets));
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                add_event(&store, tickets.load(Ordering::SeqCst) + 1);
                tickets.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    for round in rounds {
        let file = profile.folder.path().join("backup.tar.gz");
        let file = file.to_str().unwrap();
        let before = tickets.load(Ordering::SeqCst);
        let backup = ["backup", file, "--with-secrets", "--recipient", RECIPIENT, "--json"];
        let (report, synced) = tokio::join!(profile.run(backup), profile.run(["sync"]));
        let (report, after) = (report.expect(0).json(), tickets.load(Ordering::SeqCst) + 1);
        synced.expect(0);
        let home = Home::new(&profile, "other");
        let restored = home.run(["restore", file, "--identity", identity, "--json"]).await.expect(0).json();
        assert_eq!(restored["manifest"], report["manifest"], "round {round}");
        let proof: Proof = serde_json::from_value(report["manifest"]["store"].clone()).unwrap();
        assert_eq!(tables(&home.0), proof, "round {round}");
        let there = store_of(&workspace_of(&home.0).unwrap()).count_events(&profile.id()).unwrap().cast_signed();
        assert!((before..=after).contains(&there), "round {round}: {there} events, {before} before, {after} after");
        for same in ["config/pia-halo/config.toml", "config/pia-halo/credentials.toml"] {
            let of = |home: &Path| std::fs::read_to_string(home.join(same)).unwrap();
            let read = |home: &Path| of(home).parse::<toml::Table>().unwrap();
            assert_eq!(read(&home.0), read(profile.folder.path()), "round {round}: {same}");
        }
        if round == first {
            // Here it is another host's: but for the mark, nothing is to be done, and that is a yes away.
            let planned = home.run(["plan", "--json"]).await.expect(3).json();
            let changes = planned["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "keep");
            let fields = changes.flat_map(|change| change["fields"].as_array().unwrap()).map(|field| &field["name"]);
            assert_eq!(fields.collect::<Vec<_>>(), ["owner", "owner"], "{planned}");
            home.run(["configure", "--yes", "--take-over"]).await.expect(0);
        }
        home.run(["plan"]).await.expect(0);
        home.run(["audit"]).await.expect(0).says("restore");
    }
    stop.store(true, Ordering::SeqCst);
    load.join().unwrap();
    // At rest: equal to the source itself, table by table.
    let file = profile.folder.path().join("rest.tar.gz");
    profile.run(["backup", file.to_str().unwrap()]).await.expect(0);
    let home = Home::new(&profile, "rest");
    home.run(["restore", file.to_str().unwrap()]).await.expect(0).says("No secrets were restored");
    assert_eq!(tables(&home.0), tables(profile.folder.path()));
    assert!(!home.at("config/pia-halo/credentials.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_backup_only_where_asked_for_and_sealed() {
    let (profile, passphrase) = configured().await;
    let file = profile.folder.path().join("backup.tar.gz");
    let file = file.to_str().unwrap();
    let unpacked = || {
        let mut plain = Vec::new();
        let packed = std::fs::File::open(file).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
        plain
    };
    let mut all = secrets_of(&profile);
    all.push("correct horse battery staple".to_owned());
    for options in [[].as_slice(), &["--with-secrets", "--passphrase-file", &passphrase]] {
        let ran = profile.run([&["backup", file, "-vv"], options].concat()).await.expect(0);
        let plain = unpacked();
        for form in all.iter().flat_map(|secret| forms(secret)) {
            let is_there = plain.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!is_there && !ran.stdout.contains(&form) && !ran.stderr.contains(&form), "{options:?}");
        }
        let names = String::from_utf8_lossy(&plain).contains("credentials.toml.age");
        assert_eq!(names, !options.is_empty());
    }
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(file).unwrap()) & 0o777, 0o600);
    let home = Home::new(&profile, "other");
    home.run(["restore", file]).await.expect(2).says("the secrets need a passphrase");
    let wrong = profile.folder.path().join("wrong");
    private(&wrong, "something else");
    let refused = home.run(["restore", file, "--passphrase-file", wrong.to_str().unwrap()]).await.expect(1);
    refused.says("wrong passphrase for the secrets");
    assert!(!home.at("config").exists(), "nothing is changed by a wrong passphrase");
    home.run(["restore", file, "--passphrase-file", &passphrase]).await.expect(0);
    let of = |home: &Path| std::fs::read(home.join("config/pia-halo/credentials.toml")).unwrap();
    assert!(of(&home.0) == of(profile.folder.path()), "the same secrets");
    for argument in ["--passphrase", "--passphrase=x"] {
        profile.run(["backup", "x", "--with-secrets", argument]).await.expect(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn age_itself_opens_secrets_of_backup() {
    if Command::new("age").arg("--version").output().is_err() {
        _ = writeln!(std::io::stderr(), "SKIPPED: there is no age on this machine");
        return;
    }
    let (profile, _) = configured().await;
    let (file, key) = (profile.folder.path().join("backup.tar.gz"), profile.folder.path().join("key.txt"));
    private(&key, KEY);
    profile.run(["backup", file.to_str().unwrap(), "--with-secrets", "--recipient", RECIPIENT]).await.expect(0);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()));
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut sealed = entries.find(|entry| entry.path().unwrap().ends_with("credentials.toml.age")).unwrap();
    let alone = profile.folder.path().join("credentials.toml.age");
    std::io::copy(&mut sealed, &mut std::fs::File::create(&alone).unwrap()).unwrap();
    let opened = Command::new("age").arg("--decrypt").arg("--identity").arg(&key).arg(&alone).output().unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let kept = std::fs::read(profile.folder.path().join("config/pia-halo/credentials.toml")).unwrap();
    assert!(opened.stdout == kept, "the same secrets");
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_refuses_what_is_not_whole_or_not_agreed_to() {
    let (profile, passphrase) = configured().await;
    let file = profile.folder.path().join("backup.tar.gz");
    let file = file.to_str().unwrap();
    profile.run(["backup", file]).await.expect(0);
    let whole = std::fs::read(file).unwrap();
    let home = Home::new(&profile, "other");
    home.run(["restore", file, "--check"]).await.expect(0).says("all verified");
    let sealed = profile.folder.path().join("sealed.tar.gz");
    let sealed = sealed.to_str().unwrap();
    profile.run(["backup", sealed, "--with-secrets", "--passphrase-file", &passphrase]).await.expect(0);
    home.run(["restore", sealed, "--check"]).await.expect(0).says("The secrets were not tried");
    home.run(["restore", sealed, "--check", "--passphrase-file", &passphrase])
        .await
        .expect(0)
        .says("The key opens the secrets");
    let check = ["--check", "--json", "--passphrase-file", &passphrase];
    for (file, options, secrets) in
        [(file, &check[..2], "none"), (sealed, &check[..2], "not_opened"), (sealed, &check[..], "opened")]
    {
        let arguments = [&["restore", file][..], options].concat();
        assert_eq!(home.run(arguments).await.expect(0).json()["secrets"], secrets);
    }
    let wrong = profile.folder.path().join("wrong");
    private(&wrong, "another one\n");
    home.run(["restore", sealed, "--check", "--passphrase-file", wrong.to_str().unwrap()]).await.expect(1);
    let bad = profile.folder.path().join("bad.tar.gz");
    for (what, bytes) in [
        ("cut in the middle", whole[..whole.len() / 2].to_vec()),
        ("cut at its end", whole[..whole.len() - 40].to_vec()),
        ("empty", Vec::new()),
        ("something else", b"no archive".to_vec()),
        ("a table changed", changed(&whole, b"Pia - Ticket Created", b"Pia - Ticket Forged.")),
        ("a setting changed", changed(&whole, b"04:30", b"05:30")),
        ("a newer form of the store", changed(&whole, b"\"version\": ", b"\"version\":9")),
        ("a newer form of the backup", changed(&whole, b"\"format\": 1", b"\"format\": 2")),
    ] {
        std::fs::write(&bad, bytes).unwrap();
        let ran = home.run(["restore", bad.to_str().unwrap()]).await;
        assert_eq!(ran.code, 7, "{what}: {}", ran.stderr);
        assert!(!home.at("config").exists() && !home.at("data/pia-halo/pia-halo.db").exists(), "{what}");
    }
    profile.run(["restore", file]).await.expect(3).says("replaces the settings, the store, the audit trail");
    let service = profile.workspace();
    let lock = service.service_lock().await.unwrap();
    let before = tables(profile.folder.path());
    profile.run(["restore", file, "--yes"]).await.expect(6);
    drop(lock);
    assert_eq!(tables(profile.folder.path()), before);
    let secrets = std::fs::read(profile.credentials()).unwrap();
    profile.run(["restore", file, "--yes"]).await.expect(0).says("The previous files are in");
    assert!(std::fs::read(profile.credentials()).unwrap() == secrets, "a backup without secrets leaves them");
    profile.run(["plan"]).await.expect(0);
    // To standard output too, it is in the trail who has made one.
    let sealed = ["backup", "-", "--with-secrets", "--passphrase-file", &passphrase];
    let mut command = profile.command(sealed);
    command.stdout(std::fs::File::create(file).unwrap());
    assert!(tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap().success());
    profile.run(["audit"]).await.expect(0).says("backup standard output: done");
    let bring = ["restore", file, "--passphrase-file", &passphrase];
    profile.run(bring).await.expect(3).says("replaces the settings, the secrets, the store, the audit trail");
    profile.run([&bring[..], &["--yes"]].concat()).await.expect(0);
    let kept = files(&profile.folder.path().join("data/pia-halo"));
    for name in ["config.toml", "credentials.toml", "audit.jsonl", "pia-halo.db"] {
        let is_kept = |path: &PathBuf| path.to_string_lossy().contains("set-aside-") && path.ends_with(name);
        assert!(kept.iter().any(is_kept), "{name}: {kept:?}");
    }
}

/// The archive with some bytes of its content in place of others.
fn changed(packed: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
    let at = plain.windows(from.len()).rposition(|window| window == from).expect("it is in the archive");
    plain[at..at + to.len()].copy_from_slice(to);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, &plain).unwrap();
    packer.finish().unwrap()
}

fn copy_tree(from: &Path, to: &Path) {
    _ = std::fs::remove_dir_all(to);
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// Whatever call a kill comes at, the next start shows all of the old or all of the new; `PIA_HALO_KILLS=1` takes every call.
#[tokio::test(flavor = "multi_thread")]
async fn restore_killed_at_any_call_leaves_old_or_new() {
    if !may_trace() {
        return;
    }
    let (profile, _) = configured().await;
    let file = profile.folder.path().join("backup.tar.gz");
    profile.run(["backup", file.to_str().unwrap()]).await.expect(0);
    let old = Home::new(&profile, "old");
    let state = |home: &Path| {
        let config = std::fs::read_to_string(home.join("config/pia-halo/config.toml")).unwrap();
        (config.contains("05:45"), tables(home).tables)
    };
    copy_tree(&profile.folder.path().join("config"), &old.at("config"));
    let other = std::fs::read_to_string(old.at("config/pia-halo/config.toml")).unwrap().replace("04:30", "05:45");
    std::fs::write(old.at("config/pia-halo/config.toml"), other).unwrap();
    old.run(["sync"]).await.expect(0);
    let (before, after) = (state(&old.0), (false, tables(profile.folder.path()).tables));
    let home = Home::new(&profile, "home");
    let (mut olds, mut news) = (0, 0);
    let play = async |what: &str, options: [&str; 6]| {
        copy_tree(&old.0, &home.0);
        let restore = home.command(["restore", file.to_str().unwrap(), "--yes"]);
        let code = run(traced(&restore, &options), String::new()).await.code;
        // Whoever starts next.
        let next = workspace_of(&home.0).unwrap();
        let found = state(&home.0);
        assert!(found == before || found == after, "{what}: neither the old nor the new");
        assert!(!home.at("data/pia-halo/restored").exists(), "{what}");
        assert!(next.audit.verify(None).unwrap().whole, "{what}");
        *(if found == before { &mut olds } else { &mut news }) += 1;
        code
    };
    at_every_call(&[("rename", 2), ("unlink", 7)], play).await;
    assert!(olds > 0 && news > 0, "{olds} {news}");
}

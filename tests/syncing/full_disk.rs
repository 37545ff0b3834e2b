//! R22: a file system of one MiB that is really full. It takes a mount, which a user namespace allows without root; where
//! none may be made, it says so, and `disk_filling_up_leaves_old_list_and_good_checkpoint` stands alone.

use std::process::{Command, Stdio};

use pia_halo::demo::{Client, Options};
use serde_json::Value;

use super::truth;
use crate::support::{Profile, Ran, run};

/// Mounts a small file system over a folder with what was in it, and runs a script in which `"$@"` is the program.
async fn on_a_small_disk(profile: &Profile, folder: &str, script: &str) -> Ran {
    let mounted = format!(
        "folder=$1; shift; cp -a \"$folder\" \"$folder.kept\" && mount -t tmpfs -o size=1m,mode=700 small \"$folder\" \
         && cp -a \"$folder.kept/.\" \"$folder\" || {{ echo no mount >&2; exit 99; }}\n{script}"
    );
    let program = profile.command([""; 0]);
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", &mounted, "sh"])
        .arg(profile.folder.path().join(folder))
        .arg(program.get_program());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(profile.environment());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command, String::new()).await
}

fn may_mount() -> bool {
    let trial = ["-rm", "sh", "-c", "mount -t tmpfs -o size=1m small /tmp"];
    let tried = Command::new("unshare").args(trial).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// The numbers and objects that the script printed.
fn printed(ran: &Ran) -> Vec<Value> {
    serde_json::Deserializer::from_str(&ran.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// R22: a sync on a full disk: the message names the disk and the path, the old list stands and can be read, and once
/// there is room the next sync is complete.
#[tokio::test(flavor = "multi_thread")]
async fn sync_on_full_disk_says_so_and_next_one_with_room_is_complete() {
    if !may_mount() {
        println!("SKIPPED: no file system can be mounted here without root, so none was filled");
        return;
    }
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    profile.halo.change(|state| {
        let last = state.clients.last().map_or(0, |client| client.id);
        state.clients.extend((1..=8_000).map(|n| Client::new(last + n, format!("A client with a longer name, {n}"))));
    });
    let script = "
        \"$@\" sync --json >&2; echo $?
        \"$@\" status --json >&2 && \"$@\" audit --limit 1 --json >&2; echo $?
        \"$@\" clients --status all --json
        mount -o remount,size=64m \"$folder\" || exit 98
        \"$@\" sync --json; echo $?
        \"$@\" clients --status all --json";
    let ran = on_a_small_disk(&profile, "data/pia-halo", script).await.expect(0).says("disk").says("pia-halo.db");
    let [code, looks, old, report, again, new] = <[Value; 6]>::try_from(printed(&ran)).unwrap();
    assert_eq!((code, looks, again), (7.into(), 0.into(), 0.into()), "{ran:?}");
    assert_eq!(old.as_array().unwrap().len(), 60, "the old list");
    assert_eq!((&report["status"], report["stored"].as_u64()), (&"complete".into(), Some(8_060)));
    assert_eq!(new.as_array().unwrap().len(), truth(&profile).len());
}

/// R22: a disk without a byte left, where nothing can be made beside the store: every look at what is stored is given all the same,
/// also what only stands in the log of a program that was killed.
#[tokio::test(flavor = "multi_thread")]
async fn every_offline_look_is_given_on_full_disk() {
    if !may_mount() {
        println!("SKIPPED: no file system can be mounted here without root, so none was filled");
        return;
    }
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    let looks = ["status", "clients", "history", "events", "issues", "audit", "history 1", "config show"];
    let all: String = looks.iter().map(|look| format!("\"$@\" {look} --json >&2; echo $?\n")).collect();
    let script = format!("head -c 4m /dev/zero > \"$folder/filler\" 2>/dev/null\n{all}");
    let ran = on_a_small_disk(&profile, "data/pia-halo", &script).await.expect(0);
    assert_eq!(printed(&ran), vec![Value::from(0); looks.len()], "{ran:?}");
    std::fs::remove_dir_all(profile.folder.path().join("data/pia-halo.kept")).unwrap();
    // The log of a program that holds it open, as a kill leaves it: the same to the byte.
    let held = pia_halo::store::Store::open(&profile.folder.path().join("data/pia-halo/pia-halo.db")).unwrap();
    let id = pia_halo::domain::configuration::ConfigurationId::parse("acme").unwrap();
    held.begin_run(&id, jiff::Timestamp::now()).unwrap();
    let without_index =
        format!("rm \"$folder/pia-halo.db-shm\"; [ -s \"$folder/pia-halo.db-wal\" ] || exit 97; {script}");
    let ran = on_a_small_disk(&profile, "data/pia-halo", &without_index).await.expect(0);
    drop(held);
    assert_eq!(printed(&ran), vec![Value::from(0); looks.len()], "{ran:?}");
}

/// R22: whoever would write says at once that the disk is full, and what to do, whether there is a log or not.
#[tokio::test(flavor = "multi_thread")]
async fn every_writer_is_refused_on_full_disk_and_told_why() {
    if !may_mount() {
        println!("SKIPPED: no file system can be mounted here without root, so none was filled");
        return;
    }
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    let writers = [
        "sync",
        "check",
        "configure --yes",
        "serve --listen 127.0.0.1:0",
        "events --follow",
        "clients --forward",
        "doctor --offline",
    ];
    let all: String = writers
        .iter()
        .map(|writer| {
            format!(
                "said=$(timeout 60 \"$@\" {writer} 2>&1); echo $?
                case $said in *'the disk of '*'is full'*'make room'*) echo 1;; *) echo 0; echo \"$said\" >&2;; esac\n"
            )
        })
        .collect();
    let script = format!("head -c 4m /dev/zero > \"$folder/filler\" 2>/dev/null\n{all}");
    let refused: Vec<Value> = writers.iter().flat_map(|_| [7.into(), 1.into()]).collect();
    let ran = on_a_small_disk(&profile, "data/pia-halo", &script).await.expect(0);
    assert_eq!(printed(&ran), refused, "{ran:?}");
    std::fs::remove_dir_all(profile.folder.path().join("data/pia-halo.kept")).unwrap();
    let held = pia_halo::store::Store::open(&profile.folder.path().join("data/pia-halo/pia-halo.db")).unwrap();
    let id = pia_halo::domain::configuration::ConfigurationId::parse("acme").unwrap();
    held.begin_run(&id, jiff::Timestamp::now()).unwrap();
    let with_log = format!("rm \"$folder/pia-halo.db-shm\"; [ -s \"$folder/pia-halo.db-wal\" ] || exit 97; {script}");
    let ran = on_a_small_disk(&profile, "data/pia-halo", &with_log).await.expect(0);
    drop(held);
    assert_eq!(printed(&ran), refused, "{ran:?}");
}

/// R22: a setting that does not fit on the disk is not saved, and the one before it stays to the byte.
#[tokio::test(flavor = "multi_thread")]
async fn save_on_full_disk_leaves_settings_as_they_were() {
    if !may_mount() {
        println!("SKIPPED: no file system can be mounted here without root, so none was filled");
        return;
    }
    let profile = Profile::set_up(Options { clients: 60, ..Options::default() }).await;
    let answers = profile.folder.path().join("other.toml");
    std::fs::write(&answers, profile.answers("acme", "").replace("04:30", "05:45")).unwrap();
    let script = format!(
        "before=$(cksum < \"$folder/config.toml\"); head -c 4m /dev/zero > \"$folder/filler\" 2>/dev/null
        \"$@\" setup --answers '{0}' >&2; code=$?
        [ \"$before\" = \"$(cksum < \"$folder/config.toml\")\" ] && echo '\"as it was\"' || echo '\"changed\"'
        echo $code; rm \"$folder/filler\"
        \"$@\" setup --answers '{0}' >&2; echo $?
        grep -c 05:45 \"$folder/config.toml\"",
        answers.display()
    );
    let ran = on_a_small_disk(&profile, "config/pia-halo", &script).await.expect(0).says("config");
    assert_eq!(printed(&ran), [Value::from("as it was"), 7.into(), 0.into(), 1.into()], "{ran:?}");
}

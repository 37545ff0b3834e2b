//! The store on a real PostgreSQL. Each host is a program with folders and a name of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pia_halo::demo::Options;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::interface::Interface;
use crate::support::postgres::Server;
use crate::support::service::{Service, event, secrets, stored};
use crate::support::walk::Person;
use crate::support::{Profile, Ran, environment_of, files, run, until};

/// Names the store in the settings of a host, as a person does.
fn name_store(home: &Path, url: &str) {
    let file = home.join("config/pia-halo/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let before = fs::read_to_string(&file).unwrap_or_else(|_| "version = 1\n".to_owned());
    fs::write(&file, format!("{before}\n# Ours, and Dana's.\n[store]\nurl = \"{url}\" # not the old one\n")).unwrap();
}

fn options() -> Options {
    Options { clients: 5, ..Options::default() }
}

/// A profile that is set up and synced in a new database of this server.
pub async fn shared(server: &Server, database: &str) -> (Profile, String) {
    shared_with(server, database, options()).await
}

/// The same with another Halo.
pub async fn shared_with(server: &Server, database: &str, options: Options) -> (Profile, String) {
    let (profile, url) = (Profile::with(options).await, server.new_database(database));
    name_store(profile.folder.path(), &url);
    profile.run(["store", "init"]).await.expect(0).says("The store was made in PostgreSQL ");
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    (profile, url)
}

/// Makes a store one of the version before this one.
const OF_BEFORE: &str = "ALTER TABLE configurations DROP COLUMN on_at, DROP COLUMN missed_since, DROP COLUMN misses;
                         DROP TABLE trails, trail; UPDATE pia_halo_form SET version = 12";

/// Another host at the same store, with the key and the Client Secret.
pub struct Host(tempfile::TempDir);

impl Host {
    pub fn beside(profile: &Profile) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("config/pia-halo");
        fs::create_dir_all(&folder).unwrap();
        for file in [profile.config(), profile.credentials(), profile.config().with_file_name("store.key")] {
            fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
        Self(home)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("config/pia-halo").join(name)
    }

    /// From then on it has none.
    pub fn forget_secret(&self) {
        fs::remove_file(self.file("credentials.toml")).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pia-halo"));
        command.args(arguments).env_clear().envs(environment_of(self.0.path())).env("PIA_HALO_HOST", "jump2");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments), String::new()).await
    }
}

/// Who did what is seen from every host, and what is taken out of it in the store shows, the last line, too.
#[tokio::test(flavor = "multi_thread")]
async fn trails_of_all_hosts_are_seen_and_proved_on_each() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "trails").await;
    let other = Host::beside(&profile);
    profile.run(["configure", "--yes"]).await.expect(0);
    other.run(&["rotate", "--yes"]).await.expect(0);
    let told = profile.json(["audit", "--limit", "99"], 0).await;
    let hosts: BTreeSet<_> =
        told["entries"].as_array().unwrap().iter().filter_map(|line| line["host"].as_str()).collect();
    assert!(hosts.len() == 2 && hosts.contains("jump2"), "{told}");
    assert_eq!((&told["hosts"][0]["host"], &told["hosts"][0]["chain"]["whole"]), (&"jump2".into(), &true.into()));
    other.run(&["audit", "--verify"]).await.expect(0).says("and none is missing at the end");
    let month = Timestamp::now().strftime("%Y-%m").to_string();
    let report = other.run(&["report", "--month", &month, "--format", "md"]).await.expect(0);
    report.says("rotate").says("configure");
    // A new key of the store takes the proofs along, and who holds no key claims nothing of the end.
    profile.run(["store", "key", "--new", "--yes"]).await.expect(0);
    profile.run(["audit", "--verify"]).await.expect(0).says("and none is missing at the end");
    fs::remove_file(other.file("store.key")).unwrap();
    other.run(&["audit", "--verify"]).await.expect(0).says("not verified, without store.key: its end");

    let last = "line = (SELECT max(line) FROM trail AS of_all WHERE of_all.trail = trail.trail)";
    server.sql("trails", &format!("DELETE FROM trail WHERE {last} AND content LIKE '%jump2%'"));
    let told = profile.json(["audit", "--verify"], 1).await;
    assert_eq!((&told["ok"], &told["chain"]["whole"]), (&false.into(), &false.into()), "{told}");
    assert!(told["error"]["message"].as_str().unwrap().starts_with("jump2: the chain of "), "{told}");
    profile.run(["audit", "--verify"]).await.expect(1).says("the end is missing or was changed");
}

/// Everything that a person does with a file can be done there, and no file is made.
#[tokio::test(flavor = "multi_thread")]
async fn whole_work_is_done_in_postgres() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::with(options()).await;
    let url = server.new_database("work");
    name_store(profile.folder.path(), &url);
    profile.run(["status"]).await.expect(7).says("there is no store in it yet").says("pia-halo store init");
    assert_eq!(server.sql("work", "SELECT count(*) FROM pg_class WHERE relname LIKE 'pia_%'"), "0");
    assert_eq!(profile.json(["store", "init"], 0).await["status"], "made");
    assert_eq!(profile.json(["store", "init"], 0).await["status"], "nothing_to_do");
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 5);
    assert_eq!(profile.json(["history"], 0).await.as_array().unwrap().len(), 1);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    assert_eq!(service.callback(&secrets, "ticket-created", &event("one", 1)).await.status, 200);
    assert_eq!(stored(&profile).await.len(), 1);
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["steps"]["configure"], "done", "{status}");
    assert_eq!(service.terminate().await, 143);
    for command in ["rotate", "remove"] {
        profile.run([command, "--yes"]).await.expect(0);
    }
    profile.run(["audit", "--verify"]).await.expect(0);

    let there = profile.json(["store", "status"], 0).await;
    assert_eq!((&there["engine"], &there["holds"]["clients"]), (&"PostgreSQL".into(), &5.into()));
    let shown = profile.json(["config", "show"], 0).await;
    assert_eq!(shown["store"]["url"], url.as_str());
    profile.run(["config", "show", "--sources"]).await.expect(0).says("store.url");
    let config = fs::read_to_string(profile.config()).unwrap();
    assert!(config.contains("# Ours, and Dana's.\n[store]") && config.contains("# not the old one"), "{config}");
    assert!(!files(profile.folder.path()).iter().any(|file| file.ends_with("pia-halo.db")));

    let backup = profile.folder.path().join("a.backup");
    profile.run(["backup", backup.to_str().unwrap()]).await.expect(1).says("pg_dump");
    profile.run(["store", "set-aside"]).await.expect(1).says("the store is on PostgreSQL ");
    profile.run(["store", "copy", "--to", &server.new_database("other")]).await.expect(1).says("pg_dump");
    let file = Profile::synced(options()).await;
    file.run(["backup", backup.to_str().unwrap()]).await.expect(0);
    profile.run(["restore", backup.to_str().unwrap(), "--yes"]).await.expect(1).says("pg_restore");
    assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 5);
}

/// What a configuration says, its callback token and the rest of its secrets are saved once, for all hosts.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_have_configurations_and_callback_secrets_in_common() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "common").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let token = secrets(&profile).token;
    let own = [profile.config(), profile.credentials()].map(|file| fs::read_to_string(file).unwrap());
    assert!(!own[0].contains("acme") && !own[1].contains("callback"), "only the store and the Client Secret");
    let kept = |part: &str| server.sql("common", &format!("SELECT content FROM settings WHERE part = '{part}'"));
    assert!(kept("configurations").contains("[configurations.acme"));
    let sealed = kept("secrets");
    assert!(sealed.starts_with("sealed-1-") && !sealed.contains("acme") && !sealed.contains(token.expose()));
    profile.run(["store", "key"]).await.expect(0).says("This host holds the key");
    assert_eq!(profile.json(["store", "key"], 0).await["status"], "fits");
    let shown = profile.json(["config", "show"], 0).await;
    assert!(shown["saved"]["by"].is_string() && shown["configurations"]["acme"].is_object(), "{shown}");

    // On another host there is nothing but the address, the key and the Client Secret; and nothing to repair in Halo.
    let other = Host::beside(&profile);
    let plan = other.run(&["plan", "--json"]).await.expect(0).json();
    assert_eq!(plan["changes_pending"], false, "{plan}");
    let answers = other.file("answers.toml");
    fs::write(&answers, profile.answers("acme", "").replace("04:30", "05:45")).unwrap();
    let answers = ["setup", "--answers", &answers.to_string_lossy(), "--client-secret-file", "-"];
    run(profile.command(answers), profile.halo.client_secret().to_owned()).await.expect(0);
    let there = other.run(&["config", "show", "--json"]).await.expect(0).json();
    assert_eq!(there["configurations"]["acme"]["company_sync"]["daily_sync_time"], "05:45", "{there}");
    assert!(there["saved"]["host"].is_string(), "{there}");
    assert!(!fs::read_to_string(other.file("config.toml")).unwrap().contains("acme"));
    // A rotated token is good on every host at once.
    profile.run(["rotate", "--yes"]).await.expect(0);
    assert_ne!(secrets(&profile).token.expose(), token.expose());
    let last_four = |shown: serde_json::Value| shown["secrets"]["acme"]["callback_token"].clone();
    let there = other.run(&["config", "show", "--json"]).await.expect(0).json();
    assert_eq!(last_four(there), last_four(profile.json(["config", "show"], 0).await));
    // What is this host's alone is not shared.
    let credentials = fs::read_to_string(other.file("credentials.toml")).unwrap();
    assert!(credentials.contains("client_secret") && !credentials.contains("callback"));
}

/// Each with its sentence and its code; nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_sealed_for_host_without_right_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "sealed").await;
    let other = Host::beside(&profile);
    let key = other.file("store.key");
    let right = fs::read_to_string(&key).unwrap();
    let before = server.sql("sealed", "SELECT string_agg(content, '|' ORDER BY part) FROM settings");
    let wrong = {
        let (elsewhere, _) = shared(&server, "elsewhere").await;
        fs::read_to_string(elsewhere.config().with_file_name("store.key")).unwrap()
    };
    let is_told = async |says: &str| {
        for command in [&["store", "key"][..], &["sync"], &["configure", "--yes"], &["rotate", "--yes"], &["serve"]] {
            let told = other.run(command).await.expect(7).says(says);
            assert!(!format!("{told:?}").contains(&right["pia-halo-store-key-1-".len()..][..12]), "{says}");
        }
        assert_eq!(server.sql("sealed", "SELECT string_agg(content, '|' ORDER BY part) FROM settings"), before);
    };
    fs::write(&key, &wrong).unwrap();
    is_told("is not the one that the settings in the store are signed and sealed with").await;
    fs::write(&key, "hunter2\n").unwrap();
    is_told("holds no key of a store").await;
    fs::write(&key, &right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    is_told("others can read it").await;
    fs::remove_file(&key).unwrap();
    is_told("this host has no key for them").await;
    fs::write(&key, &right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    other.run(&["store", "key"]).await.expect(0);
    // Whoever can write into the database does not make up where the Client Secret is sent.
    let text = |part: &str| server.sql("sealed", &format!("SELECT content FROM settings WHERE part = '{part}'"));
    let set = |part: &str, to: &str| server.sql("sealed", &format!("UPDATE settings {to} WHERE part = '{part}'"));
    let tampered = async || {
        for command in [&["check"][..], &["sync"], &["config", "show"], &["store", "key"]] {
            profile
                .run(command.iter().copied())
                .await
                .expect(7)
                .says("somebody without the key has changed the settings");
        }
    };
    set("configurations", "SET content = replace(content, 'http://127', 'http://128')");
    tampered().await;
    // A new key does not make it right, unless a person has seen it.
    let changed = text("configurations");
    profile.run(["store", "key", "--new", "--yes"]).await.expect(3).says("a person has to see them");
    let mut pty = profile.in_terminal().arguments(["store", "key", "--new"]).spawn();
    pty.wait_until("Is it all as it should be?");
    assert!(pty.screen().to_string().contains("http://128"), "{}", pty.screen());
    pty.send("n\r");
    assert_eq!(pty.exit_code(), 3);
    assert_eq!(text("configurations"), changed);
    set("configurations", "SET content = replace(content, 'http://128', 'http://127')");
    profile.run(["sync"]).await.expect(0);
    // Nor is one save taken for another, or one part missed.
    set("configurations", "SET save = save + 1");
    tampered().await;
    set("configurations", "SET save = save - 1");
    server.sql("sealed", "CREATE TABLE aside AS SELECT * FROM settings WHERE part = 'secrets'");
    server.sql("sealed", "DELETE FROM settings WHERE part = 'secrets'");
    profile.run(["config", "show"]).await.expect(7).says("has taken some of them out");
    server.sql("sealed", "INSERT INTO settings SELECT * FROM aside");
    server.sql("sealed", "DROP TABLE aside");
    profile.run(["sync"]).await.expect(0);
}

/// With a new key everything is sealed anew; with one that is lost, what was sealed is forgotten, on purpose only. A key that cannot be
/// written changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn new_key_takes_everything_along_that_old_one_opens() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "keys").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let file = |name: &str| profile.config().with_file_name(name);
    let [before, token] = [fs::read_to_string(file("store.key")).unwrap(), secrets(&profile).token.expose().to_owned()];
    profile.run(["store", "key", "--new"]).await.expect(3).says("confirm with --yes");
    // What is where the key is to be written cannot be replaced.
    fs::create_dir_all(file("store.key.new").join("in the way")).unwrap();
    profile.run(["store", "key", "--new", "--yes"]).await.expect(7);
    profile.run(["store", "key"]).await.expect(7);
    fs::remove_dir_all(file("store.key.new")).unwrap();
    profile.run(["store", "key"]).await.expect(0);
    // What was stopped between key and texts goes on with the one that fits.
    let begins = "pia-halo-store-key-1-".len();
    let another = if before[begins..].starts_with('A') { "B" } else { "A" };
    fs::write(file("store.key.new"), [&before[..begins], another, &before[begins + 1..]].concat()).unwrap();
    fs::set_permissions(file("store.key.new"), fs::Permissions::from_mode(0o600)).unwrap();
    profile.run(["store", "key"]).await.expect(0);
    profile.save("acme", "").await.expect(0);
    let made = profile.json(["store", "key", "--new", "--yes"], 0).await;
    assert_eq!((&made["status"], &made["secrets_kept"]), (&"made".into(), &true.into()), "{made}");
    assert_eq!(secrets(&profile).token.expose(), token, "Halo goes on with it");
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false);
    assert_eq!(fs::read_to_string(file("store.key.old")).unwrap(), before);
    assert!(!file("store.key.new").exists());
    profile.run(["audit"]).await.expect(0).says("make a store key");
    other.run(&["store", "key"]).await.expect(7).says("is not the one");
    // As after a stop between texts and key.
    fs::copy(file("store.key"), other.file("store.key.new")).unwrap();
    other.run(&["store", "key"]).await.expect(0);
    other.run(&["config", "show"]).await.expect(0);
    // Lost.
    fs::remove_file(file("store.key")).unwrap();
    profile.run(["store", "key", "--new", "--yes"]).await.expect(3).says("a person has to see them");
    let made = profile.json(["store", "key", "--new", "--yes", "--unverified"], 0).await;
    assert_eq!(made["secrets_kept"], false, "{made}");
    profile.save("acme", "").await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
}

/// Whatever host rotates, a service that runs takes the new pair within moments: also behind the end of a session.
#[tokio::test(flavor = "multi_thread")]
async fn service_takes_rotated_token_from_store() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "rotated").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    for round in ["one", "two"] {
        let (old, event) = (secrets(&profile), event(round, 1));
        assert_eq!(service.callback(&old, "ticket-created", &event).await.status, 200);
        profile.run(["rotate", "--yes", "--overlap", "0"]).await.expect(0);
        let new = secrets(&profile);
        let began = Instant::now();
        while service.callback(&new, "ticket-created", &event).await.status != 200 {
            assert!(began.elapsed() < Duration::from_secs(5), "{round}: the new pair is refused");
        }
        let refused = service.callback(&old, "ticket-created", &event).await.status;
        assert_eq!(refused, 404, "{round}: the old pair is good no more");
        let listens = "query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
        server.sql("rotated", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listens}"));
    }
    assert_eq!(service.terminate().await, 143);
}

/// An edit that was kept while only what is this host's own could be read goes on as such a one, and takes nothing from the others.
#[tokio::test(flavor = "multi_thread")]
async fn edit_of_own_part_that_was_kept_takes_no_configuration() {
    let Some(mut server) = Server::start() else { return };
    let (profile, url) = shared(&server, "edits").await;
    let own = fs::read_to_string(profile.config()).unwrap();
    fs::write(profile.config(), format!("{own}\n[keys]\nquit = [\"ctrl-q\"]\n")).unwrap();
    // Its code, once it has said this.
    let edit = |script: &str, says: &str| {
        let editor = profile.folder.path().join("editor");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut pty =
            profile.in_terminal().env("EDITOR", editor.to_str().unwrap()).arguments(["config", "edit"]).spawn();
        pty.wait_until(says);
        pty.exit_code()
    };
    let kept = |server: &Server| server.sql("edits", "SELECT content FROM settings WHERE part = 'configurations'");
    let before = kept(&server);
    server.stop();
    assert_ne!(edit("sed -i 's/ctrl-q/no key/' \"$1\"", "only what is this host's own is edited"), 0);
    server.start_again(&[]);
    assert_eq!(edit("sed -i 's/no key/f9/' \"$1\"", "going on with the edit"), 0);
    assert_eq!(kept(&server), before);
    let own = fs::read_to_string(profile.config()).unwrap();
    assert!(own.contains("f9") && own.contains(&url), "{own}");
    // What would be lost is refused, and the edit is kept.
    assert_eq!(edit("sed -i '/store]/d; /postgres:/d' \"$1\"", "[store] is missing"), 7);
    let again = format!("printf '\\n[store]\\nurl = \"{url}\"\\n' >> \"$1\"");
    assert_eq!(edit(&again, "settings changed"), 0);
    assert!(kept(&server).contains("[configurations.acme]"));
    // A comment is a change, too; and so is an inline table where it was none.
    let comment = "sed -i 's/^\\[store\\]/# of this host\\n[store]/' \"$1\"";
    assert_eq!(edit(comment, "settings changed"), 0);
    assert!(fs::read_to_string(profile.config()).unwrap().contains("# of this host"));
    let inline = format!("version = 1\nstore = {{ url = \"{url}\" }}\n");
    fs::write(profile.config(), inline).unwrap();
    assert_eq!(edit("sed -i 's/04:30/05:45/' \"$1\"", "settings changed"), 0);
    assert!(kept(&server).contains("05:45"));
}

/// Where a host had settings of its own before there were any in the store, they come along, comments too.
#[tokio::test(flavor = "multi_thread")]
async fn settings_of_host_go_into_store_once_and_are_edited_as_one() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::with(options()).await;
    profile.save("acme", "").await.expect(0);
    let token = secrets(&profile).token;
    profile.run(["store", "set-aside"]).await.expect(0);
    let before =
        format!("# Dana's\n{}\n[keys]\nquit = [\"ctrl-q\"] # as ever\n", fs::read_to_string(profile.config()).unwrap());
    fs::write(profile.config(), &before).unwrap();
    let url = server.new_database("init");
    name_store(profile.folder.path(), &url);
    profile.run(["store", "init"]).await.expect(0);
    let own = fs::read_to_string(profile.config()).unwrap();
    assert!(!own.contains("acme") && own.contains("quit = [\"ctrl-q\"] # as ever"), "{own}");
    assert_eq!(secrets(&profile).token.expose(), token.expose());
    profile.run(["store", "init"]).await.expect(0).says("nothing was changed");
    // Both parts are in one copy for the editor, and go back to where they belong.
    let editor = profile.folder.path().join("editor");
    let script = "#!/bin/sh\ncp \"$1\" \"$HOME/seen\"\nsed -i 's/ctrl-q/f9/; s/# Dana.s/# of Dana/' \"$1\"\n";
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut pty = profile.in_terminal().env("EDITOR", editor.to_str().unwrap()).arguments(["config", "edit"]).spawn();
    assert_eq!(pty.exit_code(), 0, "{}", pty.screen());
    let seen = fs::read_to_string(profile.folder.path().join("seen")).unwrap();
    assert!(["# Dana's", "[configurations.acme", "# as ever", &url].iter().all(|part| seen.contains(part)), "{seen}");
    let kept = server.sql("init", "SELECT content FROM settings WHERE part = 'configurations'");
    assert!(kept.contains("# of Dana") && kept.contains("acme") && !kept.contains("[keys]"), "{kept}");
    let own = fs::read_to_string(profile.config()).unwrap();
    assert!(own.contains("f9") && own.contains(&url) && !own.contains("acme"), "{own}");
}

/// Hosts work beside each other; what has to be alone is told who is there, and since when, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_work_in_postgres_beside_each_other() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "hosts").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let mut first = profile.command(["serve", "--listen", "127.0.0.1:0"]);
    first.env("PIA_HALO_HOST", "jump1");
    let service = Service::start_by(first).await;
    let status = other.run(&["status", "--json"]).await.expect(0).json();
    let jump1 = &status["hosts"].as_array().unwrap().iter().find(|host| host["host"] == "jump1").unwrap()["signed_in"];
    assert_eq!(jump1, true, "{status}");
    // On whichever host it runs, it serves all of them.
    until(|| server.sql("hosts", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%lead%jump1%'") != "0").await;
    let status = other.run(&["status", "--json"]).await.expect(0).json();
    assert_eq!(status["service"]["running"], true, "{status}");
    other.run(&["config", "delete", "acme", "--yes"]).await.expect(6).says("jump1");
    assert!(status["store"].as_str().unwrap().starts_with("PostgreSQL "), "{status}");
    let clients = || server.sql("hosts", "SELECT string_agg(name, ',' ORDER BY id) FROM clients");
    let before = clients();
    // Where nothing is to be made, nobody need be away, and no turn begins.
    let turn = || server.sql("hosts", "SELECT max(turn) FROM pia_halo_hosts");
    let before_init = turn();
    for host in [&other, &Host::beside(&profile)] {
        host.run(&["store", "init"]).await.expect(0).says("nothing was changed");
    }
    profile.run(["store", "init"]).await.expect(0).says("nothing was changed");
    assert_eq!(turn(), before_init);
    // A copy in its place would be the end of it.
    let file = Profile::synced(options()).await;
    let told = file.run(["store", "copy", "--to", &url, "--yes"]).await.expect(6).says("jump1 works with it since ");
    assert!(told.stderr.contains("this is only done alone"), "{told:?}");
    assert_eq!(clients(), before);
    let looks = [
        "status",
        "clients",
        "history",
        "events",
        "doctor --offline",
        "issues",
        "audit",
        "report",
        "support --list",
        "tickets",
    ];
    for command in looks.into_iter().chain(["config show", "config path", "store status"]) {
        let ran = other.run(&command.split(' ').collect::<Vec<_>>()).await;
        assert!([0, 3, 4].contains(&ran.code), "{ran:?}");
    }
    let mut follow = other.command(&["events", "--follow"]).spawn().unwrap();
    let mut events = std::io::BufReader::new(follow.stdout.take().unwrap());
    assert_eq!(service.callback(&secrets(&profile), "ticket-created", &event("seen", 1)).await.status, 200);
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        events.read_line(&mut line).map(|_| line)
    });
    assert!(line.await.unwrap().unwrap().contains("ticket 1"), "an event is heard of");
    follow.kill().unwrap();
    _ = follow.wait();
    // Whoever works there keeps nobody from it, and sees at once what another host has made.
    profile.halo.change(|state| state.clients.truncate(4));
    for command in [&["check"][..], &["sync", "--yes"], &["configure", "--yes"], &["rotate", "--yes"]] {
        other.run(command).await.expect(0);
    }
    assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 4);
    profile.run(["configure", "--yes"]).await.expect(0).says("unchanged");
    // However it ends, its session ends with it.
    service.kill();
    until(|| server.sql("hosts", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%jump1'") == "0")
        .await;
    other.run(&["sync", "--yes"]).await.expect(0);
    assert_eq!(other.run(&["clients", "--json"]).await.expect(0).json().as_array().unwrap().len(), 4);
}

/// A host that was lost for a while, and behind whose back another one had the store for itself, stops.
#[tokio::test(flavor = "multi_thread")]
async fn service_whose_store_another_host_had_alone_ends() {
    let Some(server) = Server::start() else { return };
    for calls in [true, false] {
        ends_behind_another_host(&server, calls).await;
    }
}

async fn ends_behind_another_host(server: &Server, calls: bool) {
    let database = format!("turns_{calls}");
    let (profile, _) = shared(server, &database).await;
    let sql = |sql: &str| server.sql(&database, sql);
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    let stopped = Pid::from_raw(service.pid()).unwrap();
    // As a machine does that is suspended: it has not heard that its sessions have ended.
    kill_process(stopped, Signal::STOP).unwrap();
    let ours = "pid <> pg_backend_pid() AND application_name LIKE 'pia-halo on %'";
    sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"));
    until(|| sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE {ours}")) == "0").await;
    sql(OF_BEFORE);
    other.run(&["store", "init"]).await.expect(0);
    kill_process(stopped, Signal::CONT).unwrap();
    // At once where Halo calls, and soon where nobody does.
    if calls {
        assert_eq!(service.callback(&secrets, "ticket-created", &event("one", 1)).await.status, 503);
        assert_eq!(sql("SELECT count(*) FROM events"), "0");
    }
    let said = Arc::clone(&service.said);
    assert_eq!(service.exit().await, 6);
    let words = "jump2 has replaced or upgraded what is in it since this program was started";
    until(|| said.lock().unwrap().contains(words)).await;
}

/// What happens on the host shows in its panes within moments.
#[tokio::test(flavor = "multi_thread")]
async fn panes_follow_store_in_postgres() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "news").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let mut person = Interface::open(&profile).await;
    person.press("1").await;
    person.sees("Store").await;
    person.sees("PostgreSQL /").await;
    person.press("2").await;
    person.sees("5 of 5").await;
    for clients in [4, 3] {
        profile.halo.change(|state| state.clients.truncate(clients));
        profile.run(["sync", "--yes"]).await.expect(0);
        let words = format!("{clients} of 5");
        let came = tokio::time::timeout(Duration::from_secs(5), person.sees(&words)).await;
        assert!(came.is_ok(), "{words:?} came too late; the screen:\n{}", person.screen());
        // Also behind the end of a session.
        let listens = "query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
        server.sql("news", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listens}"));
        until(|| server.sql("news", &format!("SELECT count(*) FROM pg_stat_activity WHERE {listens}")) == "1").await;
    }
}

/// Nothing is acknowledged that is not stored, and nobody has to start anything again.
#[tokio::test(flavor = "multi_thread")]
async fn service_goes_on_once_postgres_is_back() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "away").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    let arrives = async |name: &str| service.callback(&secrets, "ticket-created", &event(name, 1)).await.status;
    assert_eq!(arrives("one").await, 200);
    server.stop();
    assert_eq!(arrives("two").await, 200, "it waits on this host");
    profile.run(["status"]).await.expect(5).says("it is not reached");
    profile.run(["sync"]).await.expect(5);
    server.start_again(&[]);
    assert_eq!(arrives("two").await, 200);
    until(|| server.sql("away", "SELECT count(*) FROM events") == "2").await;
    profile.run(["sync"]).await.expect(0);
    assert_eq!(service.terminate().await, 143);
}

/// Each by an ordinary command, with its sentence and its code, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_that_will_not_do_is_told_by_ordinary_command() {
    let Some(mut server) = Server::start() else { return };
    let (profile, url) = shared(&server, "odd").await;
    let config = fs::read_to_string(profile.config()).unwrap();
    let named = |other: &str| fs::write(profile.config(), config.replace(&url, other)).unwrap();
    server.sql("odd", "CREATE ROLE guest LOGIN");
    let guest = url.replace("pia@", "guest@");
    for (other, code, says) in [
        ("mysql://db.example/x", 7, "store.url: it does not begin with postgres://"),
        ("postgres://pia:canary@db.example/x", 7, "store.url: a password does not belong there"),
        ("postgres://db.example/x", 2, "store.url: this is no address of a PostgreSQL: it names no role"),
        ("postgres://pia@127.0.0.1:1/x", 5, "it is not reached"),
        (guest.as_str(), 7, "the role may not do this"),
    ] {
        named(other);
        for command in ["status", "sync"] {
            let told = profile.run([command]).await.expect(code).says(says);
            assert!(!format!("{told:?}").contains("canary"), "{told:?}");
        }
    }
    named(&url);
    let passwords = profile.folder.path().join(".pgpass");
    fs::write(&passwords, "*:*:*:*:canary\n").unwrap();
    profile.run(["status"]).await.expect(7).says("holds secrets and others can read it");
    fs::remove_file(&passwords).unwrap();
    server.sql("odd", "UPDATE pia_halo_form SET version = version + 1");
    for command in ["status", "sync", "serve"] {
        profile.run([command]).await.expect(7).says("this pia-halo supports version ");
    }
    server.sql("odd", "UPDATE pia_halo_form SET version = version - 1");
    profile.run(["status"]).await.expect(0);
    // Whoever cannot show who he is, is told nothing.
    server.stop();
    server.start_again(&["listen_addresses=127.0.0.1"]);
    named(&format!("postgres://pia@127.0.0.1:{}/odd?sslmode=verify-full", server.port));
    profile.run(["status"]).await.expect(5).says("it cannot be trusted");
    named(&format!("postgres://pia@127.0.0.1:{}/odd", server.port));
    profile.run(["status"]).await.expect(0).says("Store      PostgreSQL 127.0.0.1:");
}

/// The settings change last, and whatever was there before stays readable.
#[tokio::test(flavor = "multi_thread")]
async fn store_moves_to_postgres_and_back() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::synced(options()).await;
    let config = || fs::read_to_string(profile.config()).unwrap();
    let commented = format!("# Dana's\n{}", config());
    fs::write(profile.config(), &commented).unwrap();
    let url = server.new_database("moves");
    let to = ["store", "copy", "--to", url.as_str(), "--switch"];
    let service = Service::start(&profile).await;
    profile.run(to).await.expect(6).says("serve by ");
    assert_eq!(service.terminate().await, 143);
    assert_eq!(config(), commented);
    let done = profile.json(to, 0).await;
    let aside = Path::new(done["set_aside"].as_str().unwrap());
    assert!(done["switched"] == true && aside.join("pia-halo.db").exists(), "{done}");
    let own = config();
    assert!(own.contains(&format!("url = \"{url}\"")) && !own.contains("acme"), "{own}");
    let kept = server.sql("moves", "SELECT content FROM settings WHERE part = 'configurations'");
    let kept = kept.split_once('\n').unwrap().1;
    assert_eq!(kept.trim_end(), commented.trim_end());
    let place = |name: &str| profile.folder.path().join("data/pia-halo").join(name);
    assert!(!place("pia-halo.db").exists());
    profile.halo.change(|state| state.clients.truncate(4));
    profile.run(["sync", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["history"], 0).await.as_array().unwrap().len(), 2);
    // Another host is at it: what it writes would stay behind.
    let other = Host::beside(&profile);
    let service = Service::start_by(other.command(&["serve", "--listen", "127.0.0.1:0"])).await;
    let from = ["store", "copy", "--from", url.as_str(), "--switch"];
    profile.run(from).await.expect(6).says("jump2 works with it since ");
    service.kill();
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%jump2'";
    until(|| server.sql("moves", gone) == "0").await;
    profile.run(from).await.expect(0).says("From now on the store is in a file of this machine");
    assert_eq!(config().trim_end(), commented.trim_end());
    assert!(place("pia-halo.db").exists());
    assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 4);
    assert_eq!(profile.json(["history"], 0).await.as_array().unwrap().len(), 2);
}

/// What other hosts have in common is not replaced by a machine that cannot even read it, nor without a yes.
#[tokio::test(flavor = "multi_thread")]
async fn settings_of_hosts_are_not_replaced_unasked() {
    let Some(server) = Server::start() else { return };
    let hosts = Profile::with(options()).await;
    let url = server.new_database("asked");
    name_store(hosts.folder.path(), &url);
    hosts.run(["store", "init"]).await.expect(0);
    hosts.save("acme", "").await.expect(0);
    let kept = || server.sql("asked", "SELECT string_agg(content, '|' ORDER BY part) FROM settings");
    let before = kept();
    let machine = Profile::synced(options()).await;
    let to = ["store", "copy", "--to", url.as_str(), "--switch"];
    machine.run(to).await.expect(3).says("and the settings that ");
    machine.run([&to[..], &["--yes"]].concat()).await.expect(7).says("this host has no key for them");
    assert_eq!(kept(), before);
    assert!(!fs::read_to_string(machine.config()).unwrap().contains("[store]"));
    let key = |profile: &Profile| profile.config().with_file_name("store.key");
    fs::copy(key(&hosts), key(&machine)).unwrap();
    machine.run([&to[..], &["--yes"]].concat()).await.expect(0);
    hosts.run(["config", "show"]).await.expect(0).says("acme");
}

/// A switch that is killed on its way leaves the store that was in use.
#[tokio::test(flavor = "multi_thread")]
async fn switch_that_is_killed_leaves_store_in_use() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::synced(options()).await;
    let url = server.new_database("killed");
    let config = || fs::read_to_string(profile.config()).unwrap();
    profile.run(["store", "copy", "--to", &url]).await.expect(0);
    for (way, read) in [("--to", "clients"), ("--from", "clients")] {
        let before = config();
        let lock = format!("BEGIN; LOCK {read}; SELECT pg_sleep(600)");
        let mut blocker = server.psql("killed", &lock);
        let mut blocker = blocker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let locks = |which: &str| server.sql("killed", &format!("SELECT count(*) FROM pg_locks WHERE {which}")) != "0";
        until(|| locks("mode = 'AccessExclusiveLock' AND relation = 'clients'::regclass AND granted")).await;
        let mut copy = profile.command(["store", "copy", way, &url, "--switch", "--yes"]).spawn().unwrap();
        until(|| locks("NOT granted")).await;
        kill_process(Pid::from_child(&copy), Signal::KILL).unwrap();
        tokio::task::spawn_blocking(move || copy.wait().unwrap()).await.unwrap();
        server
            .sql("killed", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'");
        _ = blocker.wait();
        until(|| !locks("locktype = 'advisory'")).await;
        assert_eq!(config(), before, "{way}");
        assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 5, "{way}");
        profile.run(["store", "copy", way, &url, "--switch", "--yes"]).await.expect(0);
        assert_ne!(config(), before, "{way}");
    }
}

/// What is in a store in a file is neither left behind nor taken up again in silence.
#[tokio::test(flavor = "multi_thread")]
async fn store_in_file_beside_named_server_is_told_until_it_is_gone() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::synced(options()).await;
    let url = server.new_database("beside");
    name_store(profile.folder.path(), &url);
    for command in ["store init", "sync", "serve"] {
        let told = profile.run(command.split(' ')).await.expect(7).says("there is a store in a file as well");
        assert!(told.stderr.contains("--switch") && told.stderr.contains("pia-halo store set-aside"), "{told:?}");
    }
    assert_eq!(server.sql("beside", "SELECT count(*) FROM pg_class WHERE relname LIKE 'pia_%'"), "0");
    // Neither a copy of the other kind, nor another server.
    profile.run(["store", "copy", "--to", &url]).await.expect(1);
    profile.run(["store", "copy", "--to", &server.new_database("another"), "--switch"]).await.expect(1);
    profile.run(["store", "copy", "--to", &url, "--switch"]).await.expect(0);
    assert_eq!(profile.json(["clients"], 0).await.as_array().unwrap().len(), 5);
    profile.run(["sync"]).await.expect(0);
    let there = profile.json(["store", "status"], 0).await;
    let host = &there["hosts"][0];
    assert_eq!((&there["holds"]["copied"], &host["signed_in"]), (&serde_json::Value::Null, &false.into()));
    let status = profile.run(["status"]).await.expect(0);
    assert!(status.stdout.contains("Store      PostgreSQL "), "{status:?}");
    assert!(status.stdout.contains(": service not running, last seen just now"), "{status:?}");
    // Only the store that is in use becomes a file.
    for odd in [["--from", &server.new_database("third"), "--switch"].as_slice(), &["--from", &url]] {
        profile.run(["store", "copy"].iter().chain(odd).copied()).await.expect(2).says("as the store");
    }
    // As a switch leaves it that is killed at its end.
    let file = Profile::synced(options()).await;
    let place = |profile: &Profile| profile.folder.path().join("data/pia-halo/pia-halo.db");
    fs::copy(place(&file), place(&profile)).unwrap();
    profile.run(["sync"]).await.expect(7).says("there is a store in a file as well");
    profile.run(["store", "set-aside"]).await.expect(0);
    profile.run(["sync"]).await.expect(0);
}

/// Where it cannot be told which server is named, nothing is made in a file; and the way to mend it stays open.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_read_make_no_store_in_file() {
    let profile = Profile::new().await;
    name_store(profile.folder.path(), "postgres://pia@127.0.0.1:1/x");
    let config = fs::read_to_string(profile.config()).unwrap();
    for (odd, code) in [(format!("{config}x = = 1\n"), 7), (config.replace("[store]\nurl", "store.url = = "), 7)] {
        fs::write(profile.config(), odd).unwrap();
        for command in ["status", "sync", "store status", "backup x.tgz"] {
            profile.run(command.split(' ')).await.expect(code);
        }
        assert!(!files(profile.folder.path()).iter().any(|file| file.ends_with("pia-halo.db")));
    }
    fs::write(profile.config(), config).unwrap();
    profile.run(["sync"]).await.expect(5);
    let mut pty = profile.in_terminal().env("EDITOR", "true").arguments(["config", "edit"]).spawn();
    assert_eq!(pty.exit_code(), 0);
}

/// A frozen machine, a disk that hangs: what comes in waits on this host, and whoever looks is told that nobody answers.
#[tokio::test(flavor = "multi_thread")]
async fn server_that_says_nothing_keeps_nobody_waiting() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "silent").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    assert_eq!(service.callback(&secrets, "ticket-created", &event("one", 1)).await.status, 200);
    let mut person = profile.in_terminal().size(100, 30).spawn();
    person.sees("event just now").await;
    let frozen = server.freeze();
    let began = Instant::now();
    for number in [2, 3] {
        assert_eq!(service.callback(&secrets, "ticket-created", &event("again", number)).await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    person.press("2").await;
    person.sees("store not reached since").await;
    let began = Instant::now();
    assert_eq!(service.terminate().await, 143);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(frozen);
    person.press("q").await;
    assert_eq!(person.exit_code(), 0);
    let service = Service::start(&profile).await;
    assert_eq!(service.callback(&secrets, "ticket-created", &event("again", 2)).await.status, 200);
    until(|| server.sql("silent", "SELECT count(*) FROM events") == "3").await;
}

/// As PostgreSQL's own programs look it up; what is wrong with the file is told without what is in it.
#[tokio::test(flavor = "multi_thread")]
async fn address_and_password_come_from_service_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = Server::start_with(Some("canary")) else { return };
    let profile = Profile::with(options()).await;
    name_store(profile.folder.path(), "postgres:///?service=pia");
    let url = server.url().replace("%2F", "/");
    let (host, port) = url.split_once('@').unwrap().1.rsplit_once(':').unwrap();
    let file = profile.folder.path().join(".pg_service.conf");
    let write = |password: &str, mode| {
        let text = format!("[pia]\nhost={host}\nport={port}\nuser=pia\ndbname=postgres\npassword={password}\n");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = async |code, says: &str| {
        let told = profile.run(["store", "init"]).await.expect(code).says(says);
        assert!(!format!("{told:?}").contains("canary"), "{told:?}");
    };
    refused(2, "store.url: there is no service \"pia\" in ").await;
    write("canary", 0o640);
    refused(7, "holds secrets and others can read it (mode 0640)").await;
    write("canary2", 0o600);
    refused(7, "the sign-in is refused: password authentication failed").await;
    write("canary", 0o600);
    profile.run(["store", "init"]).await.expect(0);
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    profile.run(["config", "path"]).await.expect(0).says("postgres:///?service=pia");
    profile.run(["status"]).await.expect(0).says("Store      PostgreSQL ");
    // The disk of this host counts, whatever is on the server.
    let told = profile.json(["status"], 0).await;
    let of_disk = |found: &&serde_json::Value| found["rule"] == "disk";
    let disk = told["health"].as_array().unwrap().iter().find(of_disk).unwrap();
    assert_ne!(disk["state"], "unknown", "{disk}");
}

/// The command that the settings name, run without a shell, and nothing of what it prints is shown.
#[tokio::test(flavor = "multi_thread")]
async fn password_comes_from_command_of_settings() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = Server::start_with(Some("\"canary\" ")) else { return };
    let profile = Profile::with(options()).await;
    name_store(profile.folder.path(), &format!("{}/postgres", server.url()));
    let config = fs::read_to_string(profile.config()).unwrap();
    let script = |name: &str, prints: &str, mode: u32| {
        let path = profile.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\nprintf '{prints}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        format!("[\"{}\"]", path.display())
    };
    let by = |command: &str| fs::write(profile.config(), format!("{config}password_command = {command}\n")).unwrap();
    let from = "the password of the PostgreSQL from store.password_command (";
    let others = script("others", "canary", 0o777);
    for (command, says) in [
        ("\"pass show\"", "store.password_command: the words of a command are needed"),
        (script("wrong", "canary\\n", 0o700).as_str(), "the sign-in is refused: password authentication failed"),
        ("[\"/bin/true\"]", from),
        ("[\"/bin/true\"]", ": empty"),
        ("[\"/bin/false\"]", ": ended with status 1"),
        ("[\"/no/such/program\"]", ": cannot be run: "),
        (script("lines", "canary\\ncanary\\n", 0o700).as_str(), ": more than one line, or control characters"),
        (others.as_str(), "can be changed by others"),
    ] {
        by(command);
        let told = profile.run(["store", "init"]).await.expect(7).says(says);
        assert!(!format!("{told:?}").contains("canary"), "{told:?}");
    }
    by(&script("right", "\"canary\" \\n", 0o700));
    profile.run(["store", "init"]).await.expect(0);
    profile.run(["store", "status"]).await.expect(0);
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    // A password that is changed ends nothing: the command is asked again.
    let service = Service::start(&profile).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    script("right", "changed\\n", 0o700);
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE pid <> pg_backend_pid() AND application_name LIKE 'pia-halo%'";
    // One after the other: whoever is ended comes back at once, and must be refused by then.
    for (password, sql) in [("\"canary\" ", "ALTER ROLE pia PASSWORD 'changed'"), ("changed", ended)] {
        assert!(server.psql("postgres", sql).env("PGPASSWORD", password).status().unwrap().success());
    }
    let body = event("changed", 33_470);
    assert_eq!(service.callback(&secrets(&profile), "ticket-created", &body).await.status, 200);
    let count = "SELECT count(*) FROM events WHERE ticket_id = 33470";
    let stored = || {
        let asked =
            server.psql("postgres", count).env("PGPASSWORD", "changed").stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(asked.stdout).unwrap().trim() == "1"
    };
    until(stored).await;
    assert_eq!(service.terminate().await, 143);
    let shown = profile.run(["config", "show"]).await.expect(0).says("password_command");
    assert!(!format!("{shown:?}").contains("canary"), "{shown:?}");
}

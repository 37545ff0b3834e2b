//! A person's own keys, and the commands by their names, in the real program.

use std::path::PathBuf;

use crate::support::pty::{Pty, Start, key};
use crate::support::run;

/// A home with these settings, and the program in it.
fn home(settings: &str) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".config/pia-halo/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, settings).unwrap();
    (home, file)
}

fn started(home: &tempfile::TempDir) -> Pty {
    let pty = Start::pia_halo(home.path(), []).spawn();
    pty.wait_until("Halo PSA");
    pty.settle();
    pty
}

#[test]
fn own_keys_from_settings_work_and_stand_in_line_of_keys() {
    let (home, _) = home("version = 1\n\n[keys]\nquit = [\"Q\", \"f10\"]\nhelp = [\"f2\"]\n");
    let mut pty = started(&home);
    let screen = pty.screen();
    assert!(screen.contains("F2 Help") && screen.contains("Q Quit"), "{screen}");
    // The former key means nothing: the help opens and closes after it.
    pty.send("q");
    pty.send("\x1bOQ");
    pty.wait_until("Everywhere");
    pty.wait_until("Q F10 ^C");
    pty.send(&key::ctrl('p'));
    pty.wait_until("Commands");
    pty.send(&key::ctrl('p'));
    pty.send("\r");
    pty.wait_for("the help to be closed", |screen| screen.contains("Q Quit"));
    pty.send("Q");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn command_is_run_by_its_name() {
    let (home, _) = home("version = 1\n");
    let mut pty = started(&home);
    pty.send(":");
    pty.wait_until("Redraw");
    pty.send("quit");
    pty.wait_for("what matches", |screen| screen.contains("> quit") && !screen.contains("Redraw"));
    pty.send("\r");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

/// Keys that cannot be are named on the screen and by every command, and the usual ones work until they are mended.
#[tokio::test]
async fn bad_keys_are_named_and_lock_nobody_out() {
    let (home, file) = home("version = 1\n[keys]\nsync_now = [\"f\"]\n");
    let mut pty = Start::pia_halo(home.path(), []).size(120, 40).spawn();
    pty.wait_until("keys.sync_now");
    pty.wait_until("filter");
    pty.wait_until("q Quit");
    pty.send("q");
    assert_eq!(pty.exit_code(), 0);

    for arguments in [["status"].as_slice(), &["config", "show"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pia-halo"));
        command.args(arguments).env_clear().env("HOME", home.path());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        run(command, String::new())
            .await
            .expect(7)
            .says("keys.sync_now: f is already the key of filter")
            .says("Fix it");
    }
    assert!(std::fs::read_to_string(&file).unwrap().contains("[\"f\"]"), "it is left as it is");

    std::fs::write(&file, "version = 1\n[keys]\nsync_now = [\"f5\"]\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pia-halo"));
    command.args(["config", "show"]).env_clear().env("HOME", home.path());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    run(command, String::new()).await.expect(0).says("[keys]").says("sync_now = [\"f5\"]");
}

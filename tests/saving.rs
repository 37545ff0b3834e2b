//! Setup by answers: every key has its rule and its message, and a refused input changes nothing.

use std::os::unix::fs::PermissionsExt;

use pia_halo::demo::Options;

use crate::support::{Profile, files, run};

async fn setup(profile: &Profile, answers: &str) -> crate::support::Ran {
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, answers).unwrap();
    let command = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    run(command, "0f9a2b3c-secret-of-the-test".to_owned()).await
}

/// Every field and every answer-file key: a bad value, and the words that say what would be right.
#[tokio::test(flavor = "multi_thread")]
async fn every_bad_answer_is_refused_with_what_would_be_right() {
    let profile = Profile::new().await;
    let good = profile.answers("acme", "");
    let url = format!("url = \"{}\"", profile.halo.url());
    let client_id = format!("client_id = \"{}\"", profile.halo.client_id());
    let cases: [(&str, &str, &str); 20] = [
        ("daily_sync_time = \"04:30\"", "daily_sync_time = \"4:3\"", "04:03"),
        ("daily_sync_time = \"04:30\"", "daily_sync_time = \"24:00\"", "midnight is 00:00"),
        ("daily_sync_time = \"04:30\"", "daily_sync_time = \"04:60\"", "00 to 59"),
        ("daily_sync_time = \"04:30\"", "daily_sync_time = \"14.30am\"", "hours go from 1 to 12"),
        ("daily_sync_time = \"04:30\"", "daily_synctime = \"04:30\"", "daily_synctime"),
        (&url, "url = \"http://acme.halopsa.com\"", "https://acme.halopsa.com"),
        (&url, "url = \"acme\"", "https://acme.halopsa.com"),
        (&url, "url = \"https://user:pw@acme.halopsa.com\"", "leave the user name and password out"),
        (&url, "url = \"https://169.254.169.254\"", "169.254.169.254"),
        (&url, "url = \"https://2130706433\"", "plain decimal numbers"),
        (&url, "", "url"),
        (&client_id, "client_id = \"\"", "Client ID"),
        (&client_id, "client_secret = \"hunter2-hunter2\"", "client_secret"),
        ("pia_board = \"Pia\"", "pia_board = \"\"", "usually Pia"),
        ("pia_url = \"https://pia.acme.example\"", "pia_url = \"http://pia.acme.example\"", "https://pia.acme.example"),
        ("[integration]", "[integration]\nchat_pod_url = \"https://pia.acme.example/pod\"", "$FAULTID"),
        ("[integration]", "[intergation]", "intergation"),
        ("id = \"acme\"", "id = \"Acme MSP\"", "small letters"),
        ("name = \"Acme MSP\"", "name = \"two\\nlines\"", "one line"),
        ("[api]", "[api]\nrequest_budget = -1", "request_budget"),
    ];
    for (old, new, words) in cases {
        assert!(good.contains(old), "{old}");
        let ran = setup(&profile, &good.replace(old, new)).await.expect(2).says(words);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    assert!(!profile.config().exists(), "nothing was saved");
    setup(&profile, &good).await.expect(0);
}

/// What was saved untested is not yet known to work: the command that tells is named, until it was run.
#[tokio::test(flavor = "multi_thread")]
async fn setup_says_what_was_not_tested_yet() {
    let profile = Profile::new().await;
    profile.save("acme", "").await.expect(0).says("Not tested yet. Test it: pia-halo check --configuration acme");
    profile.run(["check"]).await.expect(0);
    let again = profile.save("acme", "").await.expect(0);
    assert!(!again.stderr.contains("Not tested"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn printed_template_is_answers_file() {
    let profile = Profile::new().await;
    let template = profile.run(["setup", "--print-template"]).await.expect(0).stdout;
    setup(&profile, &template).await.expect(0);
}

/// S22, S33, S38: by a command, too, an odd Client ID is doubted and saved, and a board that is left out is Pia.
#[tokio::test(flavor = "multi_thread")]
async fn odd_client_id_is_doubted_and_boards_left_out_are_pia() {
    let profile = Profile::with(Options { clients: 3, ..Options::default() }).await;
    let (url, secret) = (format!("api.url={}", profile.halo.url()), profile.halo.client_secret().to_owned());
    let set = ["id=acme", "api.client_id=my-client", "company_sync.daily_sync_time=04:30", &url];
    let setup = ["setup", "--client-secret-file", "-"].into_iter().chain(set.iter().flat_map(|set| ["--set", *set]));
    run(profile.command(setup), secret).await.expect(0).says("api.client_id: 9 characters; ids have 36");
    let saved = profile.json(["config", "show"], 0).await["configurations"]["acme"].clone();
    assert_eq!((&saved["api"]["client_id"], &saved["name"]), (&"my-client".into(), &"".into()));
    assert_eq!(saved["pia_screen"], serde_json::json!({"pia_board": "Pia", "escalation_board": "Pia"}));
}

/// S19: a name in any script, to the letter: in the settings, in the title, in the plan and in the trail.
#[tokio::test(flavor = "multi_thread")]
async fn name_in_any_script_is_kept_and_shown_everywhere() {
    let profile = Profile::with(Options { clients: 3, ..Options::default() }).await;
    let name = r#"Ünïcode 北京 हिन्दी "&" 🏴"#;
    let answers = profile.answers("acme", "").replace("\"Acme MSP\"", &format!("'{name}'"));
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, answers).unwrap();
    let command = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    run(command, profile.halo.client_secret().to_owned()).await.expect(0);
    assert_eq!(profile.json(["config", "show"], 0).await["configurations"]["acme"]["name"], name);
    profile.run(["sync"]).await.expect(0);
    for (command, code) in [("status", 0), ("plan", 3), ("audit", 0)] {
        profile.run([command]).await.expect(code).says(name);
    }
}

/// S39: a second save says what changed, and keeps what the first one made.
#[tokio::test(flavor = "multi_thread")]
async fn saving_again_says_what_changed_and_keeps_callback_urls() {
    let profile = Profile::set_up(Options::default()).await;
    let secrets = std::fs::read_to_string(profile.credentials()).unwrap();
    profile.save("acme", "").await.expect(0).says("nothing changed");
    let file = profile.folder.path().join("acme.answers.toml");
    let answers = profile.answers("acme", "").replace("04:30", "05:15");
    std::fs::write(&file, answers).unwrap();
    profile
        .run(["setup", "--answers", &file.to_string_lossy()])
        .await
        .expect(0)
        .says("changed: Daily Sync Time")
        .says("Callback URL");
    assert_eq!(std::fs::read_to_string(profile.credentials()).unwrap(), secrets, "S49: stable across saves");
}

/// S36: blank means no default escalation; a name or an id is looked up in Halo.
#[tokio::test(flavor = "multi_thread")]
async fn contact_may_be_blank_name_or_id() {
    let profile = Profile::new().await;
    profile.save("acme", "").await.expect(0);
    assert!(!std::fs::read_to_string(profile.config()).unwrap().contains("escalate_to"));
    for contact in ["\"Dana Scully\"", "7", "{ agent_id = 7, name = \"Dana Scully\" }"] {
        let answers =
            profile.answers("acme", "").replace("[pia_screen]", &format!("[pia_screen]\nescalate_to = {contact}"));
        let file = profile.folder.path().join("contact.toml");
        std::fs::write(&file, answers).unwrap();
        profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
        let saved: toml::Table = std::fs::read_to_string(profile.config()).unwrap().parse().unwrap();
        let saved = &saved["configurations"]["acme"]["pia_screen"]["escalate_to"];
        assert_eq!((saved["agent_id"].as_integer(), saved["name"].as_str()), (Some(7), Some("Dana Scully")));
    }
    let answers = profile.answers("acme", "").replace("[pia_screen]", "[pia_screen]\nescalate_to = \"Nobody\"");
    let file = profile.folder.path().join("nobody.toml");
    std::fs::write(&file, answers).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(2).says("no agent \"Nobody\"");
}

/// S8: `--test` saves nothing when the test fails, and a passed test is remembered.
#[tokio::test(flavor = "multi_thread")]
async fn tested_save_is_verified_and_failed_test_saves_nothing() {
    let profile = Profile::new().await;
    let file = profile.folder.path().join("a.toml");
    std::fs::write(&file, profile.answers("acme", "")).unwrap();
    let path = file.to_string_lossy().into_owned();
    let arguments = ["setup", "--answers", &path, "--client-secret-file", "-", "--test"];
    run(profile.command(arguments), "wrong".to_owned()).await.expect(4).says("nothing was saved");
    assert!(!profile.config().exists() && !profile.credentials().exists());
    run(profile.command(arguments), profile.halo.client_secret().to_owned()).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["steps"]["credentials"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secret_and_without_terminal_nothing_is_saved() {
    let profile = Profile::new().await;
    let file = profile.folder.path().join("a.toml");
    std::fs::write(&file, profile.answers("acme", "")).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(2).says("--client-secret-file");
    assert!(!profile.config().exists());
}

/// A secret that others can read is refused, with the command that mends it.
#[tokio::test(flavor = "multi_thread")]
async fn secret_that_others_read_is_refused_with_chmod() {
    let profile = Profile::set_up(Options::default()).await;
    std::fs::set_permissions(profile.credentials(), PermissionsExt::from_mode(0o644)).unwrap();
    profile.run(["check"]).await.expect(7).says("chmod 600");
    std::fs::set_permissions(profile.credentials(), PermissionsExt::from_mode(0o600)).unwrap();
    profile.run(["check"]).await.expect(0);
}

/// A file from a newer version is refused and left untouched.
#[tokio::test(flavor = "multi_thread")]
async fn settings_from_newer_version_are_refused_and_left_untouched() {
    let profile = Profile::set_up(Options::default()).await;
    let newer = std::fs::read_to_string(profile.config()).unwrap().replace("version = 1", "version = 2");
    std::fs::write(profile.config(), &newer).unwrap();
    for command in [&["status"][..], &["deactivate"], &["sync"]] {
        profile.run(command).await.expect(7).says("update pia-halo");
    }
    assert_eq!(std::fs::read_to_string(profile.config()).unwrap(), newer);
}

/// Every file the program makes is private, whatever the umask.
#[tokio::test(flavor = "multi_thread")]
async fn every_file_and_folder_is_private() {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    for folder in ["config", "data", "state"] {
        let folder = profile.folder.path().join(folder).join("pia-halo");
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        let found = files(&folder);
        assert!(!found.is_empty(), "{}", folder.display());
        for file in found {
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_with_their_secrets_masked() {
    let profile = Profile::set_up(Options::default()).await;
    let shown = profile.json(["config", "show"], 0).await;
    assert_eq!(shown["configurations"]["acme"]["company_sync"]["daily_sync_time"], "04:30");
    assert_eq!(shown["active"], "acme");
    let text = profile.run(["config", "show"]).await.expect(0).stdout;
    assert!(!text.contains(profile.halo.client_secret()));
    let path = profile.json(["config", "path"], 0).await;
    assert_eq!(path["config"], profile.config().to_string_lossy().into_owned());
    // And the folders, which are what somebody deletes who is done with it.
    let told = profile.run(["config", "path"]).await.expect(0).stdout;
    let folders = told.lines().skip_while(|line| !line.starts_with("folders")).count();
    assert_eq!(folders, 3, "{told}");
    let folder = profile.config().parent().unwrap().to_string_lossy().into_owned();
    assert!(told.lines().any(|line| line.ends_with(&format!(" {folder}"))), "{told}");
}

/// Deactivated stays deactivated, also when the only configuration is saved again.
#[tokio::test(flavor = "multi_thread")]
async fn saving_again_does_not_undo_deactivation() {
    let profile = Profile::set_up(Options::default()).await;
    profile.run(["deactivate"]).await.expect(0);
    profile.save("acme", "").await.expect(0);
    assert!(!std::fs::read_to_string(profile.config()).unwrap().contains("active = "));
}

/// A command that gives the secret is run when the secret is needed, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn secret_command_is_run_only_when_secret_is_needed() {
    let profile = Profile::new().await;
    let mark = profile.folder.path().join("ran");
    let command =
        format!("client_secret_command = [\"sh\", \"-c\", \"touch {}; echo secret-of-the-command\"]", mark.display());
    let answers = profile.answers("acme", "").replace("[api]", &format!("[api]\n{command}"));
    let file = profile.folder.path().join("command.toml");
    std::fs::write(&file, answers).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
    profile.run(["status"]).await.expect(0);
    profile.run(["config", "show"]).await.expect(0);
    assert!(!mark.exists());
    profile.run(["check"]).await.expect(4);
    assert!(mark.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_for_another_configuration_are_refused() {
    let profile = Profile::new().await;
    let file = profile.folder.path().join("a.toml");
    std::fs::write(&file, profile.answers("acme", "")).unwrap();
    let command = ["setup", "--configuration", "other", "--answers", &file.to_string_lossy()].map(str::to_owned);
    profile.run(command).await.expect(2).says("--configuration is other");
}

use crate::domain::failure::FailureKind;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::domain::failure::Failure;
use crate::settings::{Paths, StoredSecrets};

struct Fixture {
    folder: tempfile::TempDir,
    settings: Settings,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(Paths::below(folder.path()));
    Fixture { folder, settings }
}

impl Fixture {
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    fn found(
        &self,
        environment: &[(&str, &str)],
        command: Option<&[String]>,
    ) -> Result<Option<FoundSecret>, SettingsError> {
        let environment = Environment::from_pairs(environment.iter().copied());
        let id = ConfigurationId::parse("acme").unwrap();
        client_secret(&self.settings, &environment, Some(&id), command)
    }
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

#[test]
fn first_place_in_documented_order_wins() {
    let fixture = fixture();
    let stored = StoredSecrets { client_secret: Some(Secret::new("stored")), ..StoredSecrets::default() };
    fixture.settings.save_secrets(&ConfigurationId::parse("acme").unwrap(), &stored).unwrap();
    let directory = fixture.folder.path().join("credentials");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("halo_client_secret"), "systemd\n").unwrap();
    let file = fixture.file("file", "file\r\n");
    let command = shell("echo command");
    let mut environment = vec![
        ("CREDENTIALS_DIRECTORY", directory.to_str().unwrap()),
        ("PIA_HALO_CLIENT_SECRET_FILE", &file),
        ("PIA_HALO_CLIENT_SECRET", "variable"),
    ];
    let id = ConfigurationId::parse("acme").unwrap();
    for wanted in ["systemd", "file", "variable", "command", "stored"] {
        let command = (wanted != "stored").then_some(command.as_slice());
        let found = fixture.found(&environment, command).unwrap().unwrap();
        assert_eq!(found.secret.expose(), wanted);
        let pairs = Environment::from_pairs(environment.iter().copied());
        assert_eq!(secret_source(&fixture.settings, &pairs, Some(&id), command).unwrap(), Some(found.source));
        if !environment.is_empty() {
            environment.remove(0);
        }
    }
    let other = ConfigurationId::parse("beta").unwrap();
    let none = Environment::default();
    assert_eq!(client_secret(&fixture.settings, &none, Some(&other), None).unwrap(), None);
    assert_eq!(client_secret(&fixture.settings, &none, None, None).unwrap(), None);
}

#[test]
fn other_credentials_of_systemd_do_not_hide_next_place() {
    let fixture = fixture();
    let folder = fixture.folder.path().to_str().unwrap();
    let found = fixture.found(&[("CREDENTIALS_DIRECTORY", folder), ("PIA_HALO_CLIENT_SECRET", "x")], None).unwrap();
    assert_eq!(found.unwrap().source, SecretSource::Environment);
}

#[test]
fn unusable_secret_source_is_named_and_ends_search() {
    let fixture = fixture();
    let empty = fixture.file("empty", "\n");
    let two = fixture.file("two", "one\ntwo\n");
    let folder = fixture.folder.path().to_str().unwrap().to_owned();
    let image = fixture.file("image", &"x".repeat(LONGEST + 1));
    const FILE: &str = FILE_VARIABLE;
    for (variable, value, told) in [
        (VARIABLE, "", "from PIA_HALO_CLIENT_SECRET: empty"),
        (VARIABLE, " \n", "from PIA_HALO_CLIENT_SECRET: empty"),
        (FILE, empty.as_str(), "empty): empty"),
        (FILE, two.as_str(), "two): more than one line, or control characters"),
        (FILE, "/no/such/file", "from PIA_HALO_CLIENT_SECRET_FILE (/no/such/file): no such file"),
        (FILE, folder.as_str(), "is a directory"),
        (FILE, image.as_str(), "far too long"),
    ] {
        let error = fixture.found(&[(variable, value)], Some(&shell("echo x"))).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
        assert!(Failure::from(error).hint.unwrap().contains(variable));
    }
    let bytes = std::ffi::OsString::from_vec(b"\xff\xfe".to_vec());
    let environment = Environment::from_pairs([(std::ffi::OsString::from(VARIABLE), bytes)]);
    let error = client_secret(&fixture.settings, &environment, None, None).unwrap_err();
    assert!(error.to_string().ends_with("not text"), "{error}");
}

#[test]
fn given_file_or_standard_input_loses_only_its_line_end() {
    let fixture = fixture();
    let path = fixture.file("secret", "with blanks\r\n");
    let found = given_secret(Path::new(&path)).unwrap();
    assert_eq!((found.secret.expose(), found.note()), ("with blanks", None));
    assert_eq!(found.source, SecretSource::GivenFile(path.into()));
    // Endless input ends, too.
    assert!(given_secret(Path::new("/dev/zero")).unwrap_err().to_string().ends_with(TOO_LONG));
}

#[test]
fn invisible_characters_in_secrets_are_dropped_and_reported() {
    let fixture = fixture();
    let id = ConfigurationId::parse("acme").unwrap();
    for text in ["\u{feff}s3cret", " s3cret\u{a0}", "\u{200b}\"s3cret\"\n", "s3cret\n\n"] {
        let file = fixture.file("secret", text);
        let command = ["printf", "%s", text].map(str::to_owned);
        let stored = StoredSecrets { client_secret: Some(Secret::new(text)), ..StoredSecrets::default() };
        fixture.settings.save_secrets(&id, &stored).unwrap();
        for found in [
            given_secret(Path::new(&file)).unwrap(),
            fixture.found(&[(FILE_VARIABLE, &file)], None).unwrap().unwrap(),
            fixture.found(&[(VARIABLE, text)], None).unwrap().unwrap(),
            fixture.found(&[], Some(&command)).unwrap().unwrap(),
            fixture.found(&[], None).unwrap().unwrap(),
        ] {
            assert_eq!(found.secret.expose(), "s3cret", "{text:?} from {}", found.source);
            assert!(found.note().unwrap().contains("invisible characters"), "{text:?} from {}", found.source);
        }
    }
}

#[test]
fn secret_file_readable_by_others_or_missing_is_refused() {
    let fixture = fixture();
    let file = fixture.file("secret", "s3cret");
    for mode in [0o644, 0o640, 0o606] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let failure = Failure::from(fixture.found(&[(FILE_VARIABLE, &file)], None).unwrap_err());
        assert_eq!(
            (failure.kind, failure.hint),
            (FailureKind::LocalState, Some(format!("run: chmod 600 {file}").into()))
        );
    }
    let pipe = fixture.folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let error = fixture.found(&[(FILE_VARIABLE, pipe.to_str().unwrap())], None).unwrap_err();
    assert!(error.to_string().ends_with("not a file"), "{error}");
}

#[test]
fn command_is_run_only_when_secret_is_needed_and_without_shell() {
    let fixture = fixture();
    let mark = fixture.folder.path().join("mark");
    let touch = vec!["touch".to_owned(), mark.to_str().unwrap().to_owned()];
    secret_source(&fixture.settings, &Environment::default(), None, Some(&touch)).unwrap();
    assert!(!mark.exists());
    let printf = ["printf", "%s\n", "a b; $HOME `x`"].map(str::to_owned);
    let found = fixture.found(&[], Some(&printf)).unwrap().unwrap();
    assert_eq!(found.secret.expose(), "a b; $HOME `x`");
    assert_eq!(found.source.to_string(), "client_secret_command (printf)");
}

#[test]
fn program_that_others_could_change_is_not_run() {
    let fixture = fixture();
    let folder = fixture.folder.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("give-secret");
    fs::write(&program, "#!/bin/sh\necho s3cr3t\n").unwrap();
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let by_path = [program.to_str().unwrap().to_owned()];
    let by_name = ["give-secret".to_owned()];
    let path = [("PATH", folder.to_str().unwrap())];
    for (folder_mode, mode, culprit) in [(0o755, 0o777, &program), (0o755, 0o775, &program), (0o777, 0o755, &folder)] {
        chmod(&folder, folder_mode);
        chmod(&program, mode);
        for command in [&by_path, &by_name] {
            let error = fixture.found(&path, Some(command)).unwrap_err();
            assert_eq!(error.hint(), Some(format!("run: chmod go-w {}", culprit.display())), "{error}");
        }
    }
    chmod(&folder, 0o755);
    chmod(&program, 0o755);
    for command in [&by_path, &by_name] {
        assert_eq!(fixture.found(&path, Some(command)).unwrap().unwrap().secret.expose(), "s3cr3t");
    }
    // The same of what systemd hands over.
    let credential = folder.join("halo_client_secret");
    fs::write(&credential, "s3cr3t").unwrap();
    chmod(&credential, 0o666);
    let error = fixture.found(&[("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())], None).unwrap_err();
    assert_eq!(error.hint(), Some(format!("run: chmod go-w {}", credential.display())), "{error}");
}

#[test]
fn command_that_fails_is_quoted_with_its_last_complaint() {
    let fixture = fixture();
    let failed = |script: &str| fixture.found(&[], Some(&shell(script))).unwrap_err().to_string();
    assert_eq!(
        failed("echo s3cr3t; echo first >&2; printf 'no \\033[31mkey\\n' >&2; exit 3"),
        "the Client Secret from client_secret_command (sh): ended with status 3: no ^[[31mkey"
    );
    assert!(failed("kill -9 $$").ends_with("was stopped by a signal"));
    // A helper that is traced says the secret itself.
    let secret = "3a2088ac-07cb-4d11-9f3e-0123456789ab-c0ffee00-dead-4bad-8bad-0123456789ab";
    assert!(failed(&format!("echo '+ get {secret}' >&2; exit 3")).ends_with("ended with status 3: + get …89ab"));
    assert!(failed("echo s3cr3t; echo 'not s3cr3t' >&2; exit 3").ends_with("ended with status 3: not [secret]"));
    assert!(failed("true").ends_with("empty"));
    let error = fixture.found(&[], Some(&["no-such-program-anywhere".to_owned()])).unwrap_err();
    assert!(error.to_string().contains("cannot be run: no such file"), "{error}");
}

#[test]
fn hanging_command_is_stopped_with_its_children() {
    let fixture = fixture();
    for script in ["sleep 1000 & echo $! > \"$0\"; wait", "echo x; sleep 1000 & echo $! > \"$0\"; exec >&-; wait"] {
        let note = fixture.folder.path().join("pid");
        let mut words = shell(script);
        words.push(note.to_str().unwrap().to_owned());
        let source = SecretSource::Command(words.clone());
        // A busy machine may need longer only to begin.
        for limit in [100, 1_000, 10_000].map(Duration::from_millis) {
            let error = run(&words, source.clone(), &Environment::default(), limit).unwrap_err();
            assert!(error.to_string().contains("no answer within"), "{error}");
            if fs::read_to_string(&note).is_ok_and(|text| text.ends_with('\n')) {
                break;
            }
        }
        let pid: i32 = fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        // Gone, or only waiting for whoever inherited it to notice.
        let deadline = Instant::now() + Duration::from_secs(10);
        let dead = || match fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => rustix::process::test_kill_process(pid).is_err(),
        };
        while !dead() {
            assert!(Instant::now() < deadline, "still running");
            thread::yield_now();
        }
        fs::remove_file(note).unwrap();
    }
}

#[test]
fn command_that_prints_without_end_does_not_fill_memory() {
    let source = SecretSource::Command(shell("yes"));
    let error = run(&shell("yes"), source, &Environment::default(), Duration::from_millis(200)).unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[test]
fn command_does_not_inherit_secret_that_was_meant_for_us() {
    let words = shell("echo \"[$PIA_HALO_CLIENT_SECRET][$KEPT]\"");
    let environment = Environment::from_pairs([(VARIABLE, "hunter2"), ("KEPT", "kept")]);
    let found = run(&words, SecretSource::Command(words.clone()), &environment, COMMAND_LIMIT).unwrap();
    assert_eq!(found.secret.expose(), "[][kept]");
}

/// What a command gives as a Client Secret.
fn run(
    words: &[String],
    source: SecretSource,
    environment: &Environment,
    limit: Duration,
) -> Result<FoundSecret, SettingsError> {
    secret_of(&super::run(words, &source, environment, limit)?, source)
}

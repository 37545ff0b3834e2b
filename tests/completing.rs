//! Completion in the shells themselves: bash always, zsh and fish where they are installed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use pia_halo::demo::Options;
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::Incoming;
use pia_halo::store::NewEvent;

use crate::support::{Profile, files};

/// What stands on the line, the last word as far as it is typed; and what is offered, among others.
const LINES: [(&str, &[&str]); 30] = [
    ("", &["sync", "configure", "status"]),
    ("sy", &["sync"]),
    ("conf", &["config", "configure"]),
    ("config ", &["path", "show", "edit", "delete"]),
    ("config sh", &["show"]),
    ("config delete ", &["acme"]),
    ("activate ", &["acme"]),
    ("activate ac", &["acme"]),
    ("sync --configuration ", &["acme"]),
    ("status --configuration a", &["acme"]),
    ("sync --y", &["--yes"]),
    ("sync --js", &["--json"]),
    ("--pl", &["--plain"]),
    ("history ", &["1"]),
    ("history --configuration acme ", &["1"]),
    ("history --format ", &["json", "csv", "ndjson", "table"]),
    ("clients --format nd", &["ndjson"]),
    ("clients --status ", &["active", "disabled", "all"]),
    ("clients --sort ", &["name", "id"]),
    ("clients --changed-since ", &["1"]),
    ("remove --only ", &["webhooks", "chat-pod", "links"]),
    ("remove --pl", &["--plan"]),
    ("demo --fault wrong", &["wrong-secret"]),
    ("demo --list", &["--list-faults"]),
    ("escalate ", &["4711"]),
    ("issues ", &["dismiss", "retry"]),
    ("issues dismiss ", &["drift", "deliveries"]),
    ("completions ", &["bash", "zsh", "fish"]),
    ("help exit", &["exit-codes"]),
    ("man conf", &["config", "configure"]),
];

const BASH: &str = r#"
source <(pia-halo completions bash)
while IFS= read -r line; do
    COMP_WORDS=(pia-halo $line); [[ $line == *' ' || -z $line ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9; COMPREPLY=()
    $(complete -p pia-halo | sed 's/.*-F \([^ ]*\).*/\1/') pia-halo "${COMP_WORDS[COMP_CWORD]}" ""
    echo "${COMPREPLY[*]}"
done"#;

/// The part of the shell's own that shows the list is put off: what it is given is printed.
const ZSH: &str = r#"
compdef() { :; }
_describe() { eval "offered+=(\"\${${@[$#]}[@]%%:*}\")"; }
source <(pia-halo completions zsh)
while IFS= read -r line; do
    words=(pia-halo ${=line}); [[ $line == *' ' || -z $line ]] && words+=("")
    CURRENT=${#words}; offered=()
    _clap_dynamic_completer_pia_halo
    echo "${offered[*]}"
done"#;

const FISH: &str = r#"
pia-halo completions fish | source
while read -l line
    string join -- ' ' (complete -C "pia-halo $line" | string split -f 1 \t)
end"#;

/// What a shell offers for each line.
async fn offered(profile: &Profile, shell: &str, flags: &[&str], driver: &str) -> Option<Vec<BTreeSet<String>>> {
    if Command::new(shell).arg("--version").output().is_err() {
        _ = writeln!(std::io::stderr(), "SKIPPED: {shell} is not installed");
        return None;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pia-halo")).parent().unwrap().display().to_string();
    let mut command = Command::new(shell);
    command.args(flags).args(["-c", driver]).env_clear().envs(profile.environment());
    command.env("PATH", format!("{program}:/usr/local/bin:/usr/bin:/bin"));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let lines = LINES.map(|(line, _)| format!("{line}\n")).concat();
    let ran = crate::support::run(command, lines).await.expect(0);
    assert_eq!(ran.stderr, "", "{shell}");
    let words = |line: &str| line.split([' ', '\u{b}']).map(str::to_owned).collect();
    Some(ran.stdout.lines().map(words).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_offer_what_is_known_and_make_nothing() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    let incoming = Incoming {
        id: None,
        event: None,
        ticket_id: Some(4711),
        sent_at: None,
        not_understood: None,
        body: "{}".into(),
    };
    let (configuration, group, received_at) = (profile.id(), EventGroup::TicketCreated, Timestamp::now());
    let event = NewEvent { configuration, group, incoming, received_at, fetched_from: None, forward: false };
    profile.store().add_events([event]).unwrap();
    let before = files(profile.folder.path());
    for (shell, flags, driver) in
        [("bash", &["--norc"][..], BASH), ("zsh", &["-f"][..], ZSH), ("fish", &["--no-config"][..], FISH)]
    {
        let Some(all) = offered(&profile, shell, flags, driver).await else { continue };
        assert_eq!(all.len(), LINES.len(), "{shell}: {all:?}");
        for ((line, expected), offered) in LINES.iter().zip(&all) {
            assert!(expected.iter().all(|word| offered.contains(*word)), "{shell}: {line:?} offers {offered:?}");
        }
    }
    let made: Vec<_> = files(profile.folder.path()).into_iter().filter(|file| !before.contains(file)).collect();
    assert!(made.iter().all(|file| !file.starts_with(profile.folder.path().join("data"))), "{made:?}");
}

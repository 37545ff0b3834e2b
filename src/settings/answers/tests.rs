use proptest::prelude::*;

use super::*;
use crate::domain::configuration::EscalateTo;
use crate::domain::fuzz::{text_like, tries};

/// An answers file with every key right; `key = value` lines replace or add to it.
fn file(changes: &[(&str, &str)]) -> String {
    let mut table: Table = GOOD.parse().unwrap();
    for (key, value) in changes {
        let value = format!("x = {value}").parse::<Table>().unwrap().remove("x").unwrap();
        match key.split_once('.') {
            Some((section, key)) => {
                table[section].as_table_mut().unwrap().insert(key.to_owned(), value);
            }
            None => {
                table.insert((*key).to_owned(), value);
            }
        }
    }
    table.to_string()
}

const GOOD: &str = r#"
name = "Acme MSP"
[api]
url = "https://acme.halopsa.com"
client_id = "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"
[company_sync]
daily_sync_time = "04:30"
[pia_screen]
[integration]
"#;

fn problems(text: &str) -> Vec<String> {
    let problems = parse(text).unwrap_err().problems;
    problems.into_iter().map(|problem| format!("{}: {}", problem.key, problem.why)).collect()
}

#[test]
fn single_answers_go_before_those_of_file() {
    let given =
        |answers: &[&str]| parse_with(GOOD, &answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>());
    let changed = [
        "name=Acme & Co = us",
        "id=7",
        "api.tenant= acme",
        "api.request_budget=500",
        "api.client_secret_command=[\"pass\", \"show\"]",
        "company_sync.daily_sync_time=05:00",
        "pia_screen.escalate_to=7",
    ];
    let told = given(&changed).unwrap();
    let wanted = file(&[
        ("name", "\"Acme & Co = us\""),
        ("id", "\"7\""),
        ("api.tenant", "\"acme\""),
        ("api.request_budget", "500"),
        ("api.client_secret_command", "[\"pass\", \"show\"]"),
        ("company_sync.daily_sync_time", "\"05:00\""),
        ("pia_screen.escalate_to", "7"),
    ]);
    assert_eq!(told, parse(&wanted).unwrap());
    assert_eq!(parse_with(&wanted, &["api.tenant=".to_owned()]).unwrap().configuration.api.tenant, None);
    let whole: Vec<String> =
        ["name=Acme", "api.url=acme.halopsa.com", "api.client_id=x", "company_sync.daily_sync_time=04:30"]
            .map(str::to_owned)
            .to_vec();
    assert_eq!(parse_with("", &whole).unwrap().configuration.name, "Acme");
    for (wrong, said) in [
        ("hunter2", "--set: an answer is KEY=VALUE"),
        ("name.first=Acme", "name: this is a table"),
        ("api.rul=x", "api.rul: unknown key; did you mean url?"),
        ("api.client_secret=hunter2", "api.client_secret: secrets do not belong here"),
        ("company_sync.daily_sync_time=25:00", "company_sync.daily_sync_time: "),
    ] {
        let refused = given(&[wrong]).unwrap_err().to_string();
        assert!(refused.contains(said) && !refused.contains("hunter2"), "{refused}");
    }
}

/// The template with every key in use.
fn uncommented() -> String {
    let lines = template().lines().map(|line| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn template_is_valid_as_printed_and_with_every_key() {
    let printed = parse(template()).unwrap();
    assert_eq!((printed.id, printed.escalate_to), (None, None));
    assert_eq!(printed.configuration.company_sync.daily_sync_time.to_string(), "04:30");
    let all = parse(&uncommented()).unwrap();
    assert_eq!(all.id.unwrap().as_str(), "acme");
    assert_eq!(all.escalate_to, Some(EscalateChoice::Name("Dana Scully".to_owned())));
    assert!(all.notes.is_empty(), "{:?}", all.notes);
    let table: Table = uncommented().parse().unwrap();
    for key in fields::all_keys() {
        let found = match key.split_once('.') {
            Some((section, key)) => table[section].get(key).is_some(),
            None => table.contains_key(&key),
        };
        assert!(found, "{key} is not in the template");
    }
}

/// As in the form: it would be saved in vain. A Halo of one's own may reach it.
#[test]
fn private_pia_url_is_refused_where_halo_is_in_cloud() {
    let private = ("integration.pia_url", "\"https://10.1.1.1\"");
    let refused = problems(&file(&[private]));
    assert_eq!(refused, [format!("integration.pia_url: {}", crate::domain::address::OUT_OF_REACH)]);
    assert!(parse(&file(&[private, ("api.url", "\"https://halo.acme.example\"")])).is_ok());
}

#[test]
fn each_key_of_answers_file_has_its_rule_and_its_message() {
    const ADDRESS: &str = "http is not encrypted; use https://";
    let cases = [
        ("id", "\"Acme MSP\"", "id: an id has 1 to 40 small letters"),
        ("id", "7", "id: a text in quotes is needed"),
        ("name", "\"two\\nlines\"", "name: one line only"),
        ("name", "7", "name: a text in quotes is needed, such as \"Acme MSP\""),
        ("api", "7", "api: this is a table: its keys go below a line [api]"),
        ("api.url", "\"\"", "api.url: an address is needed, such as https://yourcompany.halopsa.com"),
        ("api.url", "\"acme\"", "api.url: did you mean https://acme.halopsa.com?"),
        ("api.url", "\"http://acme.halopsa.com\"", ADDRESS),
        ("api.url", "7", "api.url: a text in quotes is needed"),
        ("api.client_id", "\" \"", "api.client_id: the Client ID is needed"),
        ("api.client_id", "7", "api.client_id: a text in quotes is needed"),
        ("api.tenant", "\"\"", "api.tenant: one line is needed, such as acme; or leave the key out"),
        ("api.tenant", "7", "api.tenant: a text in quotes is needed"),
        ("api.auth_url", "\"http://auth.acme.example\"", ADDRESS),
        ("api.auth_url", "7", "api.auth_url: a text in quotes is needed"),
        ("api.request_budget", "-1", "api.request_budget: must be a whole number of requests per 5 minutes"),
        ("api.request_budget", "\"630\"", "api.request_budget: must be a whole number"),
        ("api.request_budget", "99999999999", "api.request_budget: must be a whole number"),
        ("api.ca_file", "\"ca.pem\"", "api.ca_file: an absolute path is needed, such as /etc/ssl/acme-ca.pem"),
        ("api.ca_file", "7", "api.ca_file: a text in quotes is needed"),
        (
            "api.client_secret_command",
            "\"pass show x\"",
            "api.client_secret_command: the words of a command are needed",
        ),
        ("api.client_secret_command", "[]", "api.client_secret_command: the words of a command are needed"),
        ("api.client_secret_command", "[\"\"]", "api.client_secret_command: the words of a command are needed"),
        ("api.client_secret_command", "[\"pass\", 7]", "api.client_secret_command: the words of a command are needed"),
        (
            "company_sync.daily_sync_time",
            "\"4:3\"",
            "company_sync.daily_sync_time: use two digits for the minutes: 04:03",
        ),
        ("company_sync.daily_sync_time", "\"24:00\"", "company_sync.daily_sync_time: hours go from 00 to 23"),
        ("company_sync.daily_sync_time", "\"04:60\"", "company_sync.daily_sync_time: minutes go from 00 to 59"),
        (
            "company_sync.daily_sync_time",
            "\"14.30am\"",
            "company_sync.daily_sync_time: with am or pm, hours go from 1 to 12",
        ),
        (
            "company_sync.daily_sync_time",
            "04:30:00",
            "company_sync.daily_sync_time: a text in quotes is needed, such as \"04:30\"",
        ),
        (
            "company_sync.include",
            "\"colour = red\"",
            "company_sync.include: \"colour\" is unknown: use top level, type",
        ),
        ("pia_screen.pia_board", "\"\"", "pia_screen.pia_board: a board name, usually Pia, is needed"),
        ("pia_screen.pia_board", "7", "pia_screen.pia_board: a text in quotes is needed, such as \"Pia\""),
        ("pia_screen.escalation_board", "\"a\\u0007\"", "pia_screen.escalation_board: one line only"),
        ("pia_screen.escalation_board", "[]", "pia_screen.escalation_board: a text in quotes is needed"),
        ("pia_screen.escalate_to", "true", "pia_screen.escalate_to: an agent is needed: \"Dana Scully\", 7 or {"),
        ("pia_screen.escalate_to", "{ agent_id = 7 }", "pia_screen.escalate_to.name: the agent's name is needed"),
        ("pia_screen.escalate_to", "{ name = \"Dana\" }", "pia_screen.escalate_to.agent_id: the agent's id in Halo"),
        ("pia_screen.escalate_to", "{ agent_id = 7, name = \"D\", x = 1 }", "pia_screen.escalate_to.x: unknown key"),
        (
            "pia_screen.note_outcome",
            "0",
            "pia_screen.note_outcome: an action of Halo's is needed: its number, such as 7",
        ),
        ("pia_screen.note_outcome", "\" \"", "pia_screen.note_outcome: an action of Halo's is needed"),
        ("integration.pia_url", "\"http://pia.acme.example\"", ADDRESS),
        ("integration.pia_url", "7", "integration.pia_url: a text in quotes is needed"),
        (
            "integration.chat_pod_url",
            "\"https://pia.acme.example/pod\"",
            "integration.chat_pod_url: $FAULTID is missing",
        ),
        ("integration.chat_pod_url", "7", "integration.chat_pod_url: a text in quotes is needed"),
        (
            "integration.webhook_options",
            "\"log days = 0\"",
            "integration.webhook_options: log days takes a number from 1 to 3650",
        ),
    ];
    for (key, value, told) in cases {
        let problems = problems(&file(&[(key, value)]));
        // A table that is no table leaves its keys missing, too.
        assert!(problems.len() == 1 || key == "api", "{key} = {value}: {problems:?}");
        assert!(problems[0].contains(told) && problems[0].starts_with(key), "{key} = {value}: {problems:?}");
    }
    for key in fields::all_keys() {
        assert!(cases.iter().any(|(case, ..)| *case == key), "{key} has no case here");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "nmae = \"x\"\n[api]\nurl = \"acme\"\n[company_sync]\ndaily_synctime = \"04:30\"\n[piascreen]\n";
    assert_eq!(
        problems(text),
        [
            "nmae: unknown key; did you mean name?",
            "piascreen: unknown key; did you mean pia_screen?",
            "api.url: did you mean https://acme.halopsa.com?",
            "api.client_id: the Client ID is needed",
            "company_sync.daily_synctime: unknown key; did you mean daily_sync_time?",
            "company_sync.daily_sync_time: a time is needed, such as 04:30",
        ]
    );
    let failure = Failure::from(parse(text).unwrap_err());
    assert_eq!(failure.kind, FailureKind::Usage);
    assert!(failure.message.starts_with("the answers are not valid\n  nmae: unknown key"), "{failure}");
    assert!(failure.hint.unwrap().contains("--print-template"));
}

#[test]
fn unknown_key_is_explained() {
    let explained = |key: &str| problems(&file(&[(key, "\"x\"")])).remove(0);
    assert_eq!(
        explained("daily_sync_time"),
        "daily_sync_time: unknown key here; daily_sync_time belongs below [company_sync]"
    );
    assert_eq!(explained("api.pia_board"), "api.pia_board: unknown key here; pia_board belongs below [pia_screen]");
    assert_eq!(explained("api.Client-Id"), "api.Client-Id: unknown key; did you mean client_id?");
    assert_eq!(
        explained("integration.colour"),
        "integration.colour: unknown key; known here: pia_url, chat_pod_url, webhook_options"
    );
    assert_eq!(explained("company_sync.id"), "company_sync.id: unknown key; known here: daily_sync_time, include");
    assert!(problems("\"a\\u001b[31mb\" = 1")[0].starts_with("a^[[31mb: unknown key"));
}

#[test]
fn secret_is_refused_wherever_it_stands_and_never_repeated() {
    for key in ["client_secret", "api.client_secret", "api.Client-Secret", "integration.callback_token", "api.password"]
    {
        let error = parse(&file(&[(key, "\"hunter2hunter2\"")])).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("secrets do not belong here; the Client Secret comes from --client-secret-file"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn contact_may_be_name_id_both_or_nobody() {
    let contact = |value: &str| {
        let answers = parse(&file(&[("pia_screen.escalate_to", value)])).unwrap();
        (answers.escalate_to, answers.configuration.pia_screen.escalate_to)
    };
    let dana = EscalateTo { agent_id: 7, name: "Dana Scully".to_owned() };
    assert_eq!(contact("\" Dana Scully \""), (Some(EscalateChoice::Name("Dana Scully".to_owned())), None));
    assert_eq!(contact("7"), (Some(EscalateChoice::Id(7)), None));
    assert_eq!(
        contact("{ agent_id = 7, name = \"Dana Scully\" }"),
        (Some(EscalateChoice::Exact(dana.clone())), Some(dana))
    );
    assert_eq!(contact("\" \""), (None, None));
}

#[test]
fn what_is_left_out_takes_guides_default() {
    let configuration = parse(
        "[api]\nurl = \"acme.halopsa.com/api\"\nclient_id = \" my-id \"\n[company_sync]\ndaily_sync_time = \"00:45\"",
    )
    .unwrap();
    let notes: Vec<String> = configuration.notes.iter().map(|(key, note)| format!("{key}: {note}")).collect();
    let doubt = "api.client_id: 5 characters; ids have 36. Was the end cut off?";
    assert_eq!(notes, ["api.url: https:// was added", "api.url: /api is not needed", doubt]);
    let configuration = configuration.configuration;
    assert_eq!((configuration.name.as_str(), configuration.pia_screen.pia_board.as_str()), ("", "Pia"));
    assert_eq!(
        (configuration.api.client_id.as_str(), configuration.pia_screen.escalation_board.as_str()),
        ("my-id", "Pia")
    );
    assert_eq!(configuration.integration, Default::default());
}

#[test]
fn what_is_no_toml_is_told_with_line_and_column() {
    let told = problems("name = \"x\"\nurl = https://acme");
    assert!(told[0].starts_with("line 2, column 7: "), "{told:?}");
    assert!(
        parse("\u{feff}name = \"x\"").unwrap_err().problems[0].key.starts_with("api"),
        "a byte order mark is no problem"
    );
}

proptest! {
    #![proptest_config(tries())]

    /// A garbled file is read, or refused with at least one problem and its place.
    #[test]
    fn fuzzed_answers_are_read_or_refused_with_their_place(
        text in text_like(vec![template().into(), template().replace("\n#", "\n").into()]),
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.problems.is_empty());
            let is_named = |problem: &Problem| !problem.key.is_empty() && !problem.why.is_empty();
            prop_assert!(error.problems.iter().all(is_named), "{:?}", error.problems);
        }
    }
}

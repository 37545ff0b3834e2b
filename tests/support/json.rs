//! What holds of every JSON that a command prints: looked at wherever a test runs one with `--json`.

use std::ffi::OsStr;

use serde_json::Value;

/// Each kind of failure with its exit code.
const CODES: [(&str, i32); 11] = [
    ("refused", 1),
    ("usage", 2),
    ("needs_confirmation", 3),
    ("partly_done", 3),
    ("wrong_credentials", 4),
    ("missing_right", 4),
    ("not_reached", 5),
    ("rate_limited", 5),
    ("busy", 6),
    ("local_state", 7),
    ("interrupted", 130),
];

/// Judges what a command printed that was run with these arguments and ended with this code.
pub fn judge<A: AsRef<OsStr>>(arguments: &[A], code: i32, stdout: &str) -> Result<(), String> {
    if !arguments.iter().any(|argument| argument.as_ref() == "--json") || !(0..=8).contains(&code) {
        return Ok(());
    }
    let mut last = None;
    for value in serde_json::Deserializer::from_str(stdout).into_iter::<Value>() {
        let value = value.map_err(|error| format!("no JSON: {error}"))?;
        times(&value)?;
        last = Some(value);
    }
    let error = last.as_ref().and_then(|value| value.get("error"));
    match (code, error) {
        (0 | 8, None) | (3, None) => Ok(()),
        (_, None) => Err(format!("exit code {code} without an error object")),
        (_, Some(error)) => failure(error, code, stdout),
    }
}

/// One shape for every failure: three members in this order, and the exit code of its kind.
fn failure(error: &Value, code: i32, stdout: &str) -> Result<(), String> {
    let members: Vec<&str> = error.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if members != ["code", "hint", "message"] || !stdout.contains("{\"error\":{\"code\":") {
        return Err(format!("another shape: {error}"));
    }
    let is_text = |member: &str| error[member].is_string();
    let after = stdout.rsplit("{\"error\":").next().unwrap_or_default();
    let places = ["\"code\":", "\"message\":", "\"hint\":"].map(|member| after.find(member));
    if !places.is_sorted() || !is_text("message") || !(is_text("hint") || error["hint"].is_null()) {
        return Err(format!("another shape: {after}"));
    }
    match CODES.iter().find(|(kind, _)| error["code"] == *kind) {
        Some((_, expected)) if *expected == code => Ok(()),
        _ => Err(format!("exit code {code} with {error}")),
    }
}

/// Every time has whole seconds and ends in Z. What Halo sent is as Halo wrote it.
fn times(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if looks_like_time(text) && !(text.len() == 20 && text.ends_with('Z')) => {
            Err(format!("no time that every program reads: {text}"))
        }
        Value::Array(values) => values.iter().try_for_each(times),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| *name != "body").try_for_each(|(_, value)| times(value))
        }
        _ => Ok(()),
    }
}

fn looks_like_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00";
    let fits = |(seen, wanted): (char, char)| if wanted == '0' { seen.is_ascii_digit() } else { seen == wanted };
    text.len() >= form.len() && text.len() < 40 && text.chars().zip(form.chars()).all(fits)
}

#[test]
fn judge_sees_another_shape_another_time_and_missing_error() {
    let judge = |code, text: &str| judge(&["sync", "--json"], code, text);
    let error = r#"{"error":{"code":"usage","message":"m","hint":null}"#;
    assert_eq!(judge(2, &format!("{error}}}")), Ok(()));
    assert_eq!(judge(2, &format!("{error},\"checks\":[]}}")), Ok(()));
    assert_eq!(judge(0, r#"[{"at":"2026-11-30T00:23:14Z","body":"2026-11-30T00:23:14.314"}]"#), Ok(()));
    for (code, wrong) in [
        (1, format!("{error}}}")),
        (0, format!("{error}}}")),
        (7, "{}".to_owned()),
        (2, r#"{"error":{"code":"usage","hint":null,"message":"m"}}"#.to_owned()),
        (2, r#"{"error":{"code":"usage","message":"m"}}"#.to_owned()),
        (2, r#"{"error":{"code":"other","message":"m","hint":null}}"#.to_owned()),
        (0, r#"{"at":"2026-11-30T00:23:14.314260538Z"}"#.to_owned()),
        (0, r#"{"at":"2026-11-30T00:23:14+00:00"}"#.to_owned()),
        (0, "complete".to_owned()),
    ] {
        assert!(judge(code, &wrong).is_err(), "{code} {wrong}");
    }
}

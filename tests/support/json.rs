//! What holds of every JSON that a command prints: looked at wherever a test runs one with `--json`.

use std::ffi::OsStr;
use std::sync::OnceLock;

use serde_json::Value;

use super::project;

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
    let schema = schema_of(arguments);
    let mut last = None;
    for value in serde_json::Deserializer::from_str(stdout).into_iter::<Value>() {
        let value = value.map_err(|error| format!("no JSON: {error}"))?;
        times(&value)?;
        if let Some(name) = &schema {
            Schema::read(name).check(&value).map_err(|why| format!("assets/schema/{name}.json: {why}"))?;
        }
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

/// The schema of a command: its words, as far as they name one.
fn schema_of<A: AsRef<OsStr>>(arguments: &[A]) -> Option<String> {
    let words = arguments.iter().filter_map(|argument| argument.as_ref().to_str());
    let all: Vec<&str> = words.filter(|word| !word.starts_with("--") || *word == "--version").collect();
    let named = (1..=all.len().min(2)).rev().map(|count| all[..count].join("-").trim_start_matches('-').to_owned());
    let known = |name: &String| project().join(format!("assets/schema/{name}.json")).exists();
    named.into_iter().find(known)
}

/// What of JSON Schema the files in `assets/schema` use.
struct Schema {
    root: Value,
}

impl Schema {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(project().join(format!("assets/schema/{name}.json"))).unwrap();
        Self { root: serde_json::from_str(&text).unwrap() }
    }

    fn common() -> &'static Self {
        static COMMON: OnceLock<Schema> = OnceLock::new();
        COMMON.get_or_init(|| Self::read("common"))
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        self.fits(&self.root, value, "")
    }

    /// A member that a schema does not name is wrong here: whoever adds one adds it there, too.
    fn fits(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{at}: {why}: {value}"));
        if let Some(reference) = schema["$ref"].as_str() {
            let (file, pointer) = reference.split_once('#').unwrap();
            let of = if file.is_empty() { self } else { Self::common() };
            let named = of.root.pointer(pointer).ok_or_else(|| format!("{reference} leads nowhere"))?;
            return of.fits(named, value, at);
        }
        if let Some(forms) = schema["anyOf"].as_array() {
            let tried: Vec<String> = forms.iter().filter_map(|form| self.fits(form, value, at).err()).collect();
            // The form that fits furthest is most likely the one that was meant.
            let nearest = tried.iter().max_by_key(|why| why.split(':').next().map_or(0, str::len));
            return if tried.len() < forms.len() { Ok(()) } else { Err(nearest.cloned().unwrap_or_default()) };
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            return wrong("none of its values");
        }
        let is_of = |kind: &Value| match kind.as_str().unwrap_or_default() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        };
        match &schema["type"] {
            Value::Null => {}
            Value::Array(kinds) if kinds.iter().any(is_of) => {}
            kind if is_of(kind) => {}
            _ => return wrong("another type"),
        }
        for item in value.as_array().into_iter().flatten() {
            self.fits(&schema["items"], item, &format!("{at}/-"))?;
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.into_iter().find(|name| value.get(*name).is_none()) {
            return wrong(&format!("{missing} is missing"));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(schema), _) | (None, Some(schema)) => self.fits(schema, member, &at)?,
                (None, None) if schema.get("type").is_none() => {}
                (None, None) => return Err(format!("{at}: not in the schema")),
            }
        }
        Ok(())
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
    let judge = |code, text: &str| judge(&["unknown", "--json"], code, text);
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

/// Each command that prints JSON has a schema, and each schema is one that a program can read.
#[test]
fn every_schema_can_be_read_and_judges_its_command() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(project().join("assets/schema")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
        let schema = Schema::read(&name);
        assert_eq!(schema.root["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        references(&schema.root, &mut |reference| {
            let (file, pointer) = reference.split_once('#').unwrap();
            let of = if file.is_empty() { &schema } else { Schema::common() };
            assert!(of.root.pointer(pointer).is_some(), "{name}: {reference}");
        });
        names.push(name);
    }
    assert!(names.len() > 30, "{names:?}");
    let judge = |arguments: &[&str], text: &str| judge(arguments, 0, text);
    assert_eq!(judge(&["activate", "acme", "--json"], r#"{"active":"acme"}"#), Ok(()));
    assert_eq!(judge(&["--version", "--json"], r#"{"version":"1","commit":null,"date":null,"sqlite":"3"}"#), Ok(()));
    for wrong in [r#"{"active":"acme","new":1}"#, r#"{"active":7}"#, "{}", "[]"] {
        assert!(judge(&["activate", "acme", "--json"], wrong).unwrap_err().contains("activate.json"), "{wrong}");
    }
}

fn references(schema: &Value, of: &mut impl FnMut(&str)) {
    if let Some(reference) = schema["$ref"].as_str() {
        of(reference);
    }
    match schema {
        Value::Object(members) => members.iter().for_each(|(_, member)| references(member, of)),
        Value::Array(values) => values.iter().for_each(|value| references(value, of)),
        _ => {}
    }
}

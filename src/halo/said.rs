//! Halo's own words in an error reply, whichever of its forms they come in.

use serde_json::{Map, Value};

use super::wire::text_of;
use crate::domain::redaction::without_secrets;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;

/// The longest reply that is searched for words, in bytes: whole in memory it takes many times as much.
const LONGEST_REPLY: usize = 256 * 1024;

/// The longest text that is kept, in characters.
const LONGEST: usize = 500;

/// The members that hold a text for people, the most telling first.
const TELLING: [&str; 9] = [
    "error_description",
    "Message",
    "message",
    "errorMessage",
    "ExceptionMessage",
    "error",
    "detail",
    "title",
    "_warning",
];

/// What an error reply says, if it says anything. `hide` are the secrets that the request carried: an error that
/// repeats one must not show it.
pub(super) fn said(body: &[u8], hide: &[&Secret]) -> Option<Untrusted> {
    if body.len() > LONGEST_REPLY {
        return None;
    }
    let body = text_of(body).ok()?;
    let text = match serde_json::from_str::<Value>(&body) {
        Ok(value) => text_in(&value)?,
        Err(_) if body.starts_with(['{', '[']) => return None,
        Err(_) => body.into_owned(),
    };
    // Far more than is shown, so that no secret is cut in two where that ends; a reply may be longer by a hundred times.
    let text = text.chars().take(16 * LONGEST).collect::<String>();
    let text = in_words(without_secrets(&text, hide));
    let text = text.trim();
    (!text.is_empty()).then(|| Untrusted::new(text.chars().take(LONGEST).collect::<String>()))
}

/// Halo leaves a placeholder in its texts where the word for a ticket is meant.
pub(super) fn in_words(text: String) -> String {
    text.replace("$#request", "Ticket")
}

/// Whether a web server's page says that it wants a certificate of ours: nginx, Apache and IIS tell it only then.
pub(super) fn wants_certificate(body: &[u8]) -> bool {
    let page = String::from_utf8_lossy(body).to_ascii_lowercase();
    let phrases = ["ssl certificate", "client certificate", "post-handshake authentication"];
    page.trim_start().starts_with('<') && phrases.iter().any(|phrase| page.contains(phrase))
}

/// The name of an OAuth error: `invalid_client`.
pub(super) fn oauth_error(body: &[u8]) -> Option<String> {
    if body.len() > LONGEST_REPLY {
        return None;
    }
    let value: Value = serde_json::from_str(&text_of(body).ok()?).ok()?;
    Some(value.get("error")?.as_str()?.to_ascii_lowercase())
}

fn text_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => values.iter().find_map(text_in),
        Value::Object(members) => {
            TELLING.iter().find_map(|name| members.get(*name).and_then(text_in)).or_else(|| model_state(members))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// `{"[0].outcome_id": ["Could not convert ..."]}`: the field that is wrong is worth as much as the reason.
fn model_state(members: &Map<String, Value>) -> Option<String> {
    let lines: Vec<String> = members
        .iter()
        .filter_map(|(field, reasons)| {
            let reason = reasons.as_array()?.iter().find_map(Value::as_str)?;
            Some(if field.is_empty() { reason.to_owned() } else { format!("{field}: {reason}") })
        })
        .take(3)
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Option<String> {
        said(body.as_bytes(), &[]).map(|said| said.raw().to_owned())
    }

    /// A member for each few bytes takes fifty times as much in memory.
    #[test]
    fn long_reply_is_not_searched_for_words() {
        let of = |length: usize| format!(r#"{{"error":"no","x":"{}"}}"#, "x".repeat(length));
        assert_eq!((text(&of(9)).as_deref(), text(&of(LONGEST_REPLY))), (Some("no"), None));
        assert_eq!(oauth_error(of(LONGEST_REPLY).as_bytes()), None);
    }

    #[test]
    fn every_form_of_halos_errors_is_read() {
        for (body, said) in [
            (r#""Priority Description must not be blank""#, "Priority Description must not be blank"),
            (
                r#"{"ClassName":"System.Exception","Message":"Invalid Data Type","Data":null,"HResult":-2146233088}"#,
                "Invalid Data Type",
            ),
            (r#"{"id":["The value 'probe' is not valid."]}"#, "id: The value 'probe' is not valid."),
            (r#"{"[0].outcome_id":["Could not convert","x"]}"#, "[0].outcome_id: Could not convert"),
            (r#"{"resultCode":3,"errorMessage":"No"}"#, "No"),
            (
                r#"{"error":"invalid_client","error_description":"The specified client credentials are invalid."}"#,
                "The specified client credentials are invalid.",
            ),
            (r#"{"error":{"message":"deeper"}}"#, "deeper"),
            (r#"["first","second"]"#, "first"),
            ("Rate Limit Reached", "Rate Limit Reached"),
            ("\"access to the $#request Type\"", "access to the Ticket Type"),
        ] {
            assert_eq!(text(body).as_deref(), Some(said), "{body}");
        }
        for body in ["", "  ", "null", "{}", "[]", "7", "<html>504</html>", "{\"error\":", "\"\""] {
            assert_eq!(text(body), None, "{body}");
        }
    }

    #[test]
    fn error_that_repeats_secret_does_not_show_it() {
        let url = Secret::new("https://pia.example/callbacks/acme/ticket-created/abcdefghijklmnop");
        let password = Secret::new("hunter22");
        let body = r#""Please enter a valid URL: https://pia.example/callbacks/acme/ticket-created/abcdefghijklmnop (abcdefghijklmnop, hunter22)""#;
        let said = said(body.as_bytes(), &[&url, &password]).unwrap();
        assert_eq!(said.raw(), "Please enter a valid URL: [secret] ([secret], [secret])");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(text(&"é".repeat(10_000)).unwrap().chars().count(), LONGEST);
    }

    #[test]
    fn name_of_oauth_error_is_read() {
        assert_eq!(oauth_error(br#"{"error":"invalid_client"}"#).as_deref(), Some("invalid_client"));
        assert_eq!(oauth_error(b"nope"), None);
    }
}

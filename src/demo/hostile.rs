//! The fault `hostile-text`: every text that a Halo can send, made as hostile as a text can be.
//!
//! What is said is the same at every reading, as with a real Halo: it depends on what was there before and on nothing
//! else. What the program needs to work at all is left alone: ids by which things are asked for, the token and where to
//! get it, and the objects that the program itself has made, which nobody has renamed.

use super::faults::Fault;
use super::reply::{ErrorForm, Reply};
use super::request::Place;
use super::state::State;
use serde_json::Value;
use std::sync::LazyLock;

/// Stands for half of a surrogate pair until the JSON is written: no text of Rust's can hold one.
const HALF: char = '\u{e000}';

/// Stands for bytes that are no UTF-8, an 8-bit CSI among them.
const BROKEN: char = '\u{e001}';

/// Members by which things are found again, and what a login cannot do without.
const KEPT: [&str; 9] =
    ["id", "guid", "webhook_id", "notification_id", "access_token", "token_type", "auth_url", "tenant_id", "agent_url"];

/// The names of what the program makes.
const OF_THE_PROGRAM: [&str; 2] = ["Pia - ", "Pia Chat Pod"];

/// What is put behind every text, one of these each.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = |from: u8, to: u8| (from..=to).map(char::from).collect::<String>();
    let mut texts: Vec<String> = vec![all(0x00, 0x1f), all(0x7f, 0x9f)];
    texts.extend(
        [
            "\u{1b}[31mred\u{1b}[0m\u{1b}[2J\u{1b}[H\u{1b}[?1049l",
            "\u{1b}]0;owned\u{7}",
            "\u{1b}]8;;https://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
            "\u{1b}]52;c;aGk=\u{7}",
            "\u{1b}P+q544e\u{1b}\\",
            "\u{1b}P$qm\u{1b}\\",
            "\u{1b}_application\u{1b}\\\u{1b}^private\u{1b}\\\u{1b}Xstring\u{1b}\\",
            "\u{1b}[21t\u{1b}[6n\u{1b}[c\u{1b}[5i",
            "\u{1b}c\u{1b}(0\u{e}\u{1b}#8",
            "\u{9b}2J\u{9b}31m\u{9d}0;owned\u{9c}\u{90}q\u{9c}\u{9f}x\u{9c}",
            "\u{202e}gnp.exe\u{202c}\u{202d}\u{202a}\u{202b}\u{200e}\u{200f}\u{61c}",
            "\u{2066}isolate\u{2067}\u{2068}\u{2069}",
            "line\r\nbreak\ttab\u{b}\u{c}\u{85}\u{2028}\u{2029}end",
            "\rpia-halo: everything is fine",
            "nul\u{0}bell\u{7}back\u{8}\u{8}\u{8}\u{7f}",
            "zero\u{200b}\u{200c}\u{200d}\u{2060}width\u{feff}\u{ad}\u{34f}",
            "\u{e0001}\u{e0041}\u{e007f}tag",
            "\u{fe0f}\u{fe00}\u{e0100}\u{180b}selected",
            "=cmd|' /C calc'!A0",
            "👩\u{200d}👩\u{200d}👧 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🇦🇺❤\u{fe0f}👍🏽",
            "北京技术有限公司 ＷＩＤＥ ｶﾞ\u{ff9e}",
            "שלום עולם شركة النور",
            "Pіа Εѕсаlаtіоnѕ",
            "Que\u{301}bec",
            "Québec",
            "\u{1100}\u{1100}\u{1100}\u{1100}\u{1100}\u{1100}\u{1100}\u{1100}\u{600}\u{600}\u{600}1",
        ]
        .map(str::to_owned),
    );
    texts.push(format!("half{HALF}pair"));
    texts.push(format!("broken{BROKEN}bytes"));
    texts.push(format!("\";DROP{HALF}'\\\u{1b}[31m</title><b>"));
    texts
});

/// What becomes of a client's name: three of them are of a size that nobody expects.
pub(super) fn client_name(state: &State, id: i64, name: &str) -> String {
    let is_at = |place: usize| state.clients.get(place).is_some_and(|client| client.id == id);
    match () {
        () if is_at(2) => format!("Tower e{}", "\u{301}".repeat(200_000)),
        () if is_at(3) => format!("Long {}", "Ξ".repeat(1 << 19)),
        () if is_at(4) => format!("Right{}to left", "\u{202e}".repeat(100_000)),
        // As it is asked for: the text that begins a formula has to begin the name.
        () if is_at(5) => "=cmd|' /C calc'!A0".to_owned(),
        () => spoilt(name),
    }
}

/// Spoils a reply where that hazard is on.
pub(super) fn spoil(state: &State, place: Place, reply: Reply) -> Reply {
    if !state.has(Fault::HostileText) || place == Place::Page {
        return reply;
    }
    let mut reply = reply.with_header("x-served-by", "\u{9b}2J\u{202e}\u{9d}0;owned\u{9c}");
    if reply.body.is_empty() && reply.status >= 400 {
        let said = error_reply(reply.status);
        reply.body = said.body;
        reply.content_type = said.content_type;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&reply.body) else {
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        return Reply { body: written(&spoilt(&text)), ..reply };
    };
    spoil_value(&mut value, place);
    Reply { body: written(&value.to_string()), ..reply }
}

/// What stands in an error that Halo sends without a word: one of its forms, or a page.
fn error_reply(status: u16) -> Reply {
    let forms = ErrorForm::ALL.len();
    match ErrorForm::ALL.get(usize::from(status) % (forms + 2)) {
        Some(form) => form.refuse("Refused"),
        None if status.is_multiple_of(2) => Reply::html(status, "<html><title>Refused</title></html>"),
        None => Reply::text(status, "Refused"),
    }
}

fn spoil_value(value: &mut Value, place: Place) {
    match value {
        Value::String(text) => *text = spoilt(text),
        Value::Array(values) => values.iter_mut().for_each(|value| spoil_value(value, place)),
        Value::Object(members) => {
            let name = members.get("name").and_then(Value::as_str).unwrap_or_default();
            if OF_THE_PROGRAM.iter().any(|own| name.starts_with(own)) {
                return;
            }
            // A client has its name already; and an OAuth error is known by its word.
            let is_client = members.get("use").and_then(Value::as_str) == Some("client");
            for (member, value) in members {
                let kept = KEPT.contains(&member.as_str())
                    || (place == Place::Token && member == "error")
                    || (is_client && (member == "name" || member == "use"));
                if !kept {
                    spoil_value(value, place);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text with something hostile behind it, the same at every reading.
fn spoilt(text: &str) -> String {
    let sum = text.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("{text} {}", TEXTS.get(sum % TEXTS.len()).map_or("", String::as_str))
}

/// The bytes of a text, with what no text can hold.
fn written(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match character {
            HALF => bytes.extend(br"\ud800"),
            BROKEN => bytes.extend(b"\xff\xc0\x80\x9b2J"),
            _ => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::testing::tester;
    use super::*;

    #[tokio::test]
    async fn every_text_is_spoilt_and_same_each_time() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::HostileText, true);
        let read = async |path: &str| tester.request("GET", path).send().await.unwrap().bytes().await.unwrap();
        for (path, name) in [
            ("/api/Team", "Pia Escalations "),
            ("/api/Agent", "Dana Scully "),
            ("/api/TicketType", "Incident "),
            ("/api/Webhook", "\"url\":\"https://"),
            ("/api/Tabs", "Asset Map "),
            ("/api/Lookup?lookupid=64", "New $#request Logged - All "),
            ("/api/InstanceInfo", "2.196.1 "),
        ] {
            let bytes = read(path).await;
            assert!(String::from_utf8_lossy(&bytes).contains(name), "{path}");
            assert_eq!(bytes, read(path).await, "{path}");
        }
        let clients = read("/api/Client?count=250").await;
        assert!(clients.windows(6).any(|part| part == br"\ud800") && std::str::from_utf8(&clients).is_err());
        assert!(clients.len() > 1_700_000, "{}", clients.len());
        tester.halo.set_fault(Fault::ForbiddenTeams, true);
        assert!(String::from_utf8_lossy(&read("/api/Team").await).contains("Refused "));
    }
}

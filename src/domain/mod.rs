//! Plain types that can only be built valid.
//!
//! Nothing here knows a runtime, a network, a file system, an environment or a clock: what time it is, and which zone
//! the person lives in, are arguments.

pub mod activity;
pub mod address;
pub mod body;
mod brake;
pub(crate) mod calendar;
pub mod callback;
pub(crate) mod chat_pod;
pub mod check;
pub mod client;
pub mod configuration;
pub mod daily;
pub mod daily_sync_time;
pub(crate) mod delivery;
pub mod draft;
pub mod event;
pub(crate) mod exit_code;
pub mod failure;
pub mod fields;
pub(crate) mod full_circle;
#[cfg(test)]
pub(crate) mod fuzz;
pub mod gap;
pub mod health;
pub mod host;
pub(crate) mod include;
pub(crate) mod likeness;
pub(crate) mod merge;
pub mod next;
pub(crate) mod note_outcome;
pub(crate) mod number;
pub mod object;
pub(crate) mod owner;
pub mod people;
pub mod plan;
pub mod record;
pub(crate) mod redaction;
pub(crate) mod report;
pub mod request;
pub(crate) mod retry_after;
pub(crate) mod rotation;
pub(crate) mod search;
pub mod secret;
mod sound;
pub mod status;
pub(crate) mod step;
pub mod store_url;
pub mod sync_run;
pub(crate) mod ticket;
pub mod untrusted;
pub(crate) mod version;
pub(crate) mod webhook_options;

/// Writes a `u64` with thousands marks: `34,200`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in small hexadecimal digits, two for each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A word as a shell takes it.
pub(crate) fn for_shell(word: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/._-+@%,:=".contains(c);
    let is_plain = !word.is_empty() && word.chars().all(is_safe);
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Whether a text is a GUID, as Halo writes one.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_marks_every_third_digit_from_right() {
        let written: Vec<_> = [0, 7, 999, 1_000, 34_200, 100_000, 1_234_567].map(super::thousands).to_vec();
        assert_eq!(written, ["0", "7", "999", "1,000", "34,200", "100,000", "1,234,567"]);
    }
}

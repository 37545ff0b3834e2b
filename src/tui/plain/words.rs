//! The interface's words as they are read aloud: no signs that only draw, and nothing that moves a cursor.

use std::borrow::Cow;

use crate::domain::check::{Check, CheckStatus};
use crate::domain::failure::Failure;
use crate::domain::plan::{Action, Change, ChangeResult};
use crate::view::plan::{before_after, outcome};
use crate::view::wizard::fields::check_message;

/// Signs that stand before a line on a screen, and what is said instead.
const BEFORE: [(&str, &str); 7] =
    [("→ ", "Taken as "), ("= ", "That is "), ("✓ ", ""), ("✗ ", ""), ("! ", ""), ("○ ", ""), ("– ", "")];

/// Signs within a line.
const WITHIN: [(&str, &str); 9] = [
    (" → ", " becomes "),
    (" › ", " > "),
    (" · ", ", "),
    ("   ", ", "),
    ("•", ""),
    ("–", "-"),
    ("…", "..."),
    ("“", "\""),
    ("”", "\""),
];

/// What the screens' words say of keys that nobody presses here.
const KEYS: [&str; 5] = [
    " with x",
    " Sync Now is s.",
    " Activate it with a.",
    " Activate it on the Integrations page: Ctrl-O.",
    ", or continue untested with u",
];

/// A text of the screens without what it says of their keys.
pub fn without_keys(text: &str) -> String {
    KEYS.iter().fold(text.to_owned(), |text, key| text.replace(key, ""))
}

/// A line as it is said. The last guard, too: whatever it was made from, no control character gets through.
pub fn spoken(line: &str) -> String {
    let line = line.trim();
    let (said, rest) =
        BEFORE.iter().find_map(|(sign, said)| line.strip_prefix(sign).map(|rest| (*said, rest))).unwrap_or(("", line));
    let mut text = Cow::Borrowed(rest);
    for (sign, words) in WITHIN {
        if text.contains(sign) {
            text = Cow::Owned(text.replace(sign, words));
        }
    }
    let text = text.trim().trim_start_matches(", ");
    let text: String = text.chars().map(|character| if character.is_control() { '?' } else { character }).collect();
    format!("{said}{text}")
}

/// A phrase of the screens as a sentence.
pub fn sentence(phrase: &str) -> String {
    let phrase = spoken(phrase);
    let mut letters = phrase.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    closed(&format!("{first}{}", letters.as_str()))
}

/// A phrase with the stop at its end that a voice needs.
pub fn closed(phrase: &str) -> String {
    let end = if phrase.ends_with(['.', '?', '!', ':']) { "" } else { "." };
    format!("{phrase}{end}")
}

/// The word for a verdict.
pub fn verdict(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "ok",
        CheckStatus::Warn => "warning",
        CheckStatus::Fail => "failed",
        CheckStatus::Skip => "skipped",
    }
}

/// A check: a line, and one more with what to change.
pub fn check(check: &Check) -> Vec<String> {
    let mut lines = vec![format!("{}: {}, {}", check.id.title(), verdict(check.status), check_message(check))];
    let look = matches!(check.status, CheckStatus::Fail | CheckStatus::Warn);
    lines.extend(check.hint.iter().filter(|_| look).map(|hint| sentence(hint)));
    lines
}

/// A failure: what happened, and the next step.
pub fn failure(failure: &Failure) -> Vec<String> {
    std::iter::once(sentence(&failure.to_string())).chain(failure.hint.as_deref().map(sentence)).collect()
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "Create",
        Action::Update => "Update",
        Action::Adopt => "Take over",
        Action::Link => "Link",
        Action::Unlink => "Unlink",
        Action::Delete => "Delete",
        Action::Keep => "Keep",
    }
}

/// A line of the plan.
pub fn change(change: &Change) -> String {
    let reason = if change.reason.is_empty() { String::new() } else { format!(", {}", change.reason) };
    format!("{} {} {}{reason}", verb(change.action), change.kind.word(), change.name)
}

/// A line of the plan, field by field.
pub fn fields(change: &Change) -> Vec<String> {
    change.fields.iter().map(|field| format!("{}: {}", field.name, before_after(field))).collect()
}

/// How a change went: a line, and one more where something is left to do.
pub fn result(result: &ChangeResult) -> Vec<String> {
    let (_, word) = outcome(result);
    let mut lines = vec![sentence(&format!("{} {}: {word}", result.kind.word(), result.name))];
    lines.extend(result.message.as_deref().map(sentence));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_become_words_and_control_characters_become_nothing_that_acts() {
        for (shown, said) in [
            ("→ https://acme.halopsa.com   dropped /api", "Taken as https://acme.halopsa.com, dropped /api"),
            ("= 14:30 in Australia/Brisbane (+10:00)", "That is 14:30 in Australia/Brisbane (+10:00)"),
            ("✓ passed in 41 ms", "passed in 41 ms"),
            ("••••••••••••   73 characters", "73 characters"),
            ("url: a → b", "url: a becomes b"),
            ("Configuration › Tickets", "Configuration > Tickets"),
            ("a\u{1b}[2Jb\rc\u{9b}d", "a?[2Jb?c?d"),
        ] {
            assert_eq!(spoken(shown), said);
        }
        assert_eq!(sentence("the address of your Halo"), "The address of your Halo.");
    }
}

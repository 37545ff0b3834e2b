//! The interface's words as they are read aloud: no signs that only draw, and nothing that moves a cursor.

use crate::app::Model;
use crate::domain::check::Check;
use crate::domain::client::StoredClient;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::Failure;
use crate::domain::plan::{Change, ChangeResult};
use crate::words as told;

/// A line as it is said. The last guard, too: whatever it was made from, no control character gets through. Nothing else
/// is changed, because a name has to be heard as Halo writes it.
pub fn spoken(line: &str) -> String {
    line.trim().chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

/// A phrase of the screens as a sentence.
pub fn sentence(phrase: &str) -> String {
    closed(&capital(&spoken(phrase)))
}

fn capital(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// A phrase with the stop at its end that a voice needs.
pub fn closed(phrase: &str) -> String {
    let end = if phrase.ends_with(['.', '?', '!', ':']) { "" } else { "." };
    format!("{phrase}{end}")
}

/// A check: a line, and one more with what to change.
pub fn check(check: &Check) -> Vec<String> {
    let (_, verdict) = told::check::sign(check);
    let mut lines = vec![format!("{}: {verdict}, {}", check.id.title(), told::check::found(check))];
    lines.extend(told::check::advice(check).map(|advice| sentence(&advice.without_keys())));
    lines
}

/// An answer as the review has it, without the dots that stand for a secret on a screen.
pub fn answer(value: &str) -> &str {
    value.trim_start_matches('•').trim_start()
}

/// A daily time on the person's own clock.
pub fn own_clock(model: &Model, time: DailySyncTime) -> String {
    let equals = if model.zone.is_unknown() { "" } else { "That is " };
    sentence(&format!("{equals}{}", time.in_zone(model.now, &model.zone)))
}

/// A failure: what happened, and the next step.
pub fn failure(failure: &Failure) -> Vec<String> {
    let hint = failure.hint.as_ref().map(|hint| sentence(&told::Phrase::from(hint).without_keys()));
    std::iter::once(sentence(&failure.to_string())).chain(hint).collect()
}

/// A line of the plan.
pub fn change(change: &Change) -> String {
    let reason = if change.reason.is_empty() { String::new() } else { format!(", {}", change.reason) };
    let (_, _, verb) = told::plan::action(change.action);
    format!("{} {} {}{reason}", capital(verb), change.kind.word(), change.name)
}

/// A line of the plan, field by field.
pub fn fields(change: &Change) -> Vec<String> {
    change
        .fields
        .iter()
        .map(|field| format!("{}: {}", field.name, told::plan::before_after(field, "becomes")))
        .collect()
}

/// How a change went: a line, and one more where something is left to do.
pub fn result(result: &ChangeResult) -> Vec<String> {
    let (_, word) = told::plan::outcome(result);
    let mut lines = vec![sentence(&format!("{} {}: {word}", result.kind.word(), result.name))];
    lines.extend(result.message.as_deref().map(sentence));
    lines
}

/// A client, as a line.
pub fn client_line(stored: &StoredClient) -> String {
    let client = &stored.client;
    let reason = stored.status.reason().map(|reason| format!(", {reason}")).unwrap_or_default();
    let site = client.main_site.as_ref().map(|site| format!(", site {site}")).unwrap_or_default();
    format!("{}, id {}, {}{reason}{site}", client.name, client.id, stored.status.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What looks like a sign of ours may be part of a name in Halo, and names have to agree to the letter.
    #[test]
    fn names_are_said_as_halo_writes_them() {
        for name in ["= Cloud", "! Board", "Pia – Tier 2", "a · b", "x → y", "Press x, with x."] {
            assert_eq!(spoken(name), name);
        }
        assert_eq!(spoken("a\u{1b}[2Jb\rc\u{9b}d"), "a?[2Jb?c?d", "what acts on a terminal is not said");
        assert_eq!(sentence("the address of your Halo"), "The address of your Halo.");
    }
}

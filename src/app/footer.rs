//! The line of keys: which it shows, and which go first where room is short.

use super::jobs::plan;
use super::keymap::{Command as C, Key, Pane, Place as P, Shown, place};
use super::model::Model;
use super::offer::Offer;
use super::offers::offers;
use super::text::width;

/// A key in the footer, and what it does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHint {
    pub key: String,
    pub words: String,
    /// Whether it is seen and does nothing yet: shown faint.
    pub waits: bool,
}

/// How the list of commands is called in the line of keys.
const COMMANDS: &str = "Commands";

impl KeyHint {
    fn width(&self) -> usize {
        width(&self.key) + 1 + width(&self.words)
    }

    // Its room, empty.
    fn unseen(self) -> Self {
        let blank = |text: &str| " ".repeat(width(text));
        Self { key: blank(&self.key), words: blank(&self.words), waits: true }
    }
}

// What waits for no more than a word that is typed is told from the start. Of a plan that nobody can have read yet there is
// nothing to apply: its key is named once it does something.
fn comes_soon(offer: &Offer) -> bool {
    offer.command() == C::Agree
}

// Its place is kept meanwhile, so that no other key moves.
fn is_unread(model: &Model, command: C) -> bool {
    command == C::Apply && plan::is_unread(model)
}

// Of a way to somewhere the place says more than the going.
fn in_a_word(words: &str) -> Option<String> {
    match words.strip_prefix("Go to ") {
        Some(place) => Some(place.to_owned()),
        None => words.split_once(' ').map(|(word, _)| word.to_owned()),
    }
}

/// The line of keys: what works here and now, as far as it fits; help and quit always stand on the right.
pub fn hints(model: &Model, columns: usize) -> (Vec<KeyHint>, Vec<KeyHint>) {
    let place = place(model);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let shown = offers(model, place).into_iter().filter(|offer| !offer.keys.is_empty());
    for offer in shown.filter(|offer| offer.refused.is_none() || comes_soon(offer) || is_unread(model, offer.command()))
    {
        let name = |key: Option<Key>| key.map(Key::name).unwrap_or_default();
        let key = match offer.command() {
            // Both ways in one.
            C::Down => format!("{}{}", name(model.keys.key(C::Up, place)), name(offer.keys.first().copied())),
            _ => name(offer.keys.first().copied()),
        };
        // A decision and the end of what runs are the last to go, before them what Enter does, and before that the way
        // back; from the first page none is missed.
        let stays = match offer.binding.id {
            _ if matches!(offer.command(), C::Apply | C::Yes) => 4,
            _ if offer.command() == C::Stop => 3,
            // What the plan asks to be looked at before it is applied.
            _ if offer.command() == C::TakeOver => 2,
            // What its pane is for.
            _ if place == P::Pane(Pane::Sync) && offer.command() == C::SyncNow && model.panes.report.is_none() => 2,
            // The last step of the set-up, and what leads on past what cannot be done.
            _ if place == P::Finished && offer.command() == C::InstallService => 2,
            _ if matches!(offer.command(), C::PassOver | C::Untested) => 1,
            "accept" if !matches!(offer.command(), C::OpenLine | C::CloseLine) => 2,
            "cancel" if place != P::Cards => 1,
            _ => 0,
        };
        let is_unread = is_unread(model, offer.command());
        let hint = KeyHint { key, words: offer.words, waits: offer.refused.is_some() };
        let hint = if is_unread { hint.unseen() } else { hint };
        if hint.words.is_empty() {
            continue;
        }
        match offer.binding.shown {
            Shown::Left => left.push((hint, stays)),
            Shown::Right => right.push(hint),
            Shown::Help => {}
        }
    }
    // What leads on stands first, whatever else comes and goes beside it.
    left.sort_by_key(|(_, stays)| !matches!(stays, 2 | 4));
    let sum = |hints: &mut dyn Iterator<Item = &KeyHint>| hints.map(|hint| hint.width() + 2).sum::<usize>();
    let is_wide = |left: &[(KeyHint, u8)], right: &[KeyHint]| {
        sum(&mut left.iter().map(|(hint, _)| hint)) + sum(&mut right.iter()) + 1 > columns
    };
    while !left.is_empty() && is_wide(&left, &right) {
        // Beside the last one the commands give way, which the help names too.
        let commands = right.iter().position(|hint| hint.words == COMMANDS).filter(|_| left.len() == 1);
        if let Some(at) = commands {
            right.remove(at);
            continue;
        }
        // And it says in a word what it does, before it goes.
        if let [(last, _)] = left.as_mut_slice()
            && let Some(word) = in_a_word(&last.words)
        {
            last.words = word;
            continue;
        }
        let least = left.iter().map(|(_, stays)| *stays).min().unwrap_or_default();
        let is_least = |(_, stays): &(KeyHint, u8)| *stays == least;
        // Of the ways on and out, the way back stays.
        let at = if least == 1 { left.iter().position(is_least) } else { left.iter().rposition(is_least) };
        let at = at.unwrap_or_default();
        left.remove(at);
    }
    (left.into_iter().map(|(hint, _)| hint).collect(), right)
}

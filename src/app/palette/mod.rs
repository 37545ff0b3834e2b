//! The commands: everything that can be done, here and on every other page, found by its name.
//!
//! They are the lines of the key map; what is chosen leads to where it is done, and runs as if its key had been pressed.

pub(crate) mod controls;

use std::cmp::Reverse;

use nucleo_matcher::{Config, Matcher, Utf32String};
use tui_input::Input;

use crate::domain::client::fold;
use crate::domain::configuration::ConfigurationId;
use crate::keys::{Command, Place};

use super::layout::{Layout, Move, Window};
use super::offer::Offer;

/// The open list of commands.
#[derive(Debug)]
pub struct Palette {
    /// What is searched for.
    pub query: Input,
    /// What there is to do in the place below.
    pub offers: Vec<Offer>,
    /// Those that match, best first.
    pub rows: Vec<usize>,
    /// The window on them.
    pub window: Window,
    /// The command on the selected row. None where none matches, and where what was chosen went away meanwhile: a key
    /// that is on its way must not run another.
    pub chosen: Option<Command>,
    /// Which configuration, if any, was open before that of the selected card: closed without a choice, the list leaves no trace.
    pub turned_from: Option<Option<ConfigurationId>>,
    place: Place,
}

impl Palette {
    /// The commands of a place.
    pub fn new(place: Place, offers: Vec<Offer>, height: usize) -> Self {
        let (query, window) = (Input::default(), Window::default());
        let (rows, offers) = (Vec::new(), listed(offers));
        let mut palette = Self { query, offers, rows, window, chosen: None, turned_from: None, place };
        palette.searched(height);
        palette
    }

    pub fn offer(&self, row: usize) -> Option<&Offer> {
        self.offers.get(*self.rows.get(row)?)
    }

    fn search(&mut self) {
        self.rows = rank(&self.offers, self.query.value());
    }

    // Selects a row, and so its command.
    fn select(&mut self, row: usize, height: usize) {
        self.window.select(row, self.rows.len(), height);
        self.chosen = self.offer(self.window.selected).map(Offer::command);
    }

    /// The search line was changed: the best row is the chosen one.
    pub fn searched(&mut self, height: usize) {
        self.search();
        self.select(0, height);
    }

    /// Moves. Says whether anything moved.
    pub fn moved(&mut self, to: Move, page: usize, height: usize) -> bool {
        let (window, chosen) = (self.window, self.chosen);
        self.select(to.from(window.selected, page), height);
        (window, chosen) != (self.window, self.chosen)
    }

    /// Something changed below: so may what there is to do. The chosen command stays chosen, wherever its row is now.
    pub fn settle(&mut self, place: Place, offers: Vec<Offer>, height: usize) {
        self.offers = listed(offers);
        self.search();
        let chosen = self.chosen.filter(|_| place == self.place);
        self.place = place;
        let row = (0..self.rows.len()).find(|row| self.offer(*row).map(Offer::command) == chosen);
        self.select(row.unwrap_or_default(), height);
        if row.is_none() {
            self.chosen = None;
        }
    }

    /// Why Enter runs nothing.
    pub fn refusal(&self) -> Option<String> {
        match self.chosen {
            Some(_) => None,
            None if self.rows.is_empty() => Some("No match.".to_owned()),
            None => Some("Something has changed: choose again.".to_owned()),
        }
    }
}

// Steps of the focus are keys and no commands: nobody looks "Down" up by its name.
fn listed(mut offers: Vec<Offer>) -> Vec<Offer> {
    offers.retain(|offer| !offer.command().is_step() && offer.command() != Command::Commands);
    // What mends a problem has a row of its own as well.
    let mends = |offer: &Offer| offer.command() == Command::Mend;
    let mend = offers.iter().find(|offer| mends(offer)).map(|offer| offer.title().to_owned());
    if offers.iter().any(|offer| !mends(offer) && Some(offer.title()) == mend.as_deref()) {
        offers.retain(|offer| !mends(offer));
    }
    offers
}

/// The rows that fit.
pub fn height(layout: &Layout) -> usize {
    usize::from(layout.body.height).saturating_sub(4).clamp(1, 14)
}

// Whether the letters are those of the words in their order, of each word that is touched from its first one on: "gtclnts"
// means Go to Clients.
fn is_guess(words: &[&str], letters: &[char]) -> bool {
    let Some((first, behind)) = letters.split_first() else { return true };
    words.iter().enumerate().any(|(at, word)| {
        let mut own = word.chars();
        if own.next() != Some(*first) {
            return false;
        }
        let mut rest = behind;
        loop {
            if is_guess(&words[at + 1..], rest) {
                return true;
            }
            match own.find(|letter| rest.first() == Some(letter)) {
                Some(_) => rest = &rest[1..],
                None => return false,
            }
        }
    })
}

/// The offers that match, best first: the beginning of the words, somewhere in them, what else they are called. Where that
/// finds none, a guess by the letters; of those that match alike, the ones that can work now.
fn rank(offers: &[Offer], query: &str) -> Vec<usize> {
    let query = fold(query.trim());
    let needles: Vec<Utf32String> = query.split_whitespace().map(Utf32String::from).collect();
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut ranked: Vec<(u8, bool, Reverse<u32>, usize)> = offers
        .iter()
        .enumerate()
        .filter_map(|(at, offer)| {
            let (words, refused) = (fold(offer.title()), offer.refused.is_some());
            if words.starts_with(&query) {
                return Some((0, refused, Reverse(0), at));
            }
            // The nearer to the beginning, the better: "configure" is Re-configure, before what undoes it.
            if let Some(before) = words.find(&query) {
                return Some((1, refused, Reverse(u32::MAX - before as u32), at));
            }
            let names = offer.command().also_called();
            if !query.is_empty()
                && (names.starts_with(&query)
                    || names.contains(&format!(" {query}"))
                    || names.contains(&format!(".{query}")))
            {
                return Some((2, refused, Reverse(0), at));
            }
            let parts: Vec<&str> = words.split_whitespace().collect();
            if !query.split_whitespace().all(|needle| is_guess(&parts, &needle.chars().collect::<Vec<_>>())) {
                return None;
            }
            let haystack = Utf32String::from(words);
            let mut score = 0;
            for needle in &needles {
                score += u32::from(matcher.fuzzy_match(haystack.slice(..), needle.slice(..))?);
            }
            Some((3, refused, Reverse(score), at))
        })
        .collect();
    ranked.sort_unstable();
    // A guess stands beside nothing that is known.
    if ranked.first().is_some_and(|(class, ..)| *class < 3) {
        ranked.retain(|(class, ..)| *class < 3);
    }
    ranked.into_iter().map(|(_, _, _, at)| at).collect()
}

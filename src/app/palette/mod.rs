//! The commands: everything that can be done, here and on every other page, found by its name.
//!
//! They are the lines of the key map; what is chosen leads to where it is done, and runs as if its key had been pressed.

pub(crate) mod controls;

use std::cmp::Reverse;

use nucleo_matcher::{Config, Matcher, Utf32String};
use tui_input::Input;

use crate::domain::client::fold;
use crate::domain::configuration::ConfigurationId;
use crate::domain::untrusted::Untrusted;
use crate::keys::{Command, Place};
use crate::words::step;

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

    /// Said where nothing is called what is searched for.
    pub fn no_match(&self) -> String {
        format!("No match: {}", Untrusted::new(self.query.value().trim()).display())
    }

    /// Why Enter runs nothing.
    pub fn refusal(&self) -> Option<String> {
        match self.chosen {
            Some(_) => None,
            None if self.rows.is_empty() => Some(self.no_match()),
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

/// Words that say nothing of what is looked for.
const FILLERS: [&str; 8] = ["a", "an", "for", "in", "my", "of", "the", "to"];

/// Where a guess stands among what is found otherwise.
const GUESS: u8 = 4;

/// Fewer letters are no guess: they are in too many names.
const GUESSED: usize = 4;

/// A guess has at least so many letters of each word that it touches.
const EACH: usize = 2;

/// What people type and what stands somewhere, word by word: `company_sync.daily_sync_time` is five of them.
fn words_of(text: &str) -> Vec<String> {
    let folded = fold(text);
    folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

// The fewest words that have the letters in their order, of each word that is touched from its first one on: "gtclnts" means
// Go to Clients.
fn touched(words: &[String], letters: &[char]) -> Option<usize> {
    let Some((first, behind)) = letters.split_first() else { return Some(0) };
    let mut fewest: Option<usize> = None;
    for (at, word) in words.iter().enumerate() {
        let mut own = word.chars();
        if own.next() != Some(*first) {
            continue;
        }
        let mut rest = behind;
        loop {
            if let Some(more) = touched(&words[at + 1..], rest) {
                fewest = Some(fewest.map_or(more + 1, |known| known.min(more + 1)));
            }
            match own.find(|letter| rest.first() == Some(letter)) {
                Some(_) => rest = &rest[1..],
                None => break,
            }
        }
    }
    fewest
}

// Whether so few letters may well mean these words.
fn is_guess(words: &[String], needle: &str) -> bool {
    let letters: Vec<char> = needle.chars().collect();
    letters.len() >= GUESSED && touched(words, &letters).is_some_and(|words| words * EACH <= letters.len())
}

/// The other name of a command by which it was found, where its own words have not what is searched for.
pub fn other_name(offer: &Offer, query: &str) -> Option<&'static str> {
    let needles = needles(query);
    let in_title = needles.iter().all(|needle| begins_one(&words_of(offer.title()), needle));
    // A setting is named by its key in a file, which is no name on a screen.
    let is_setting = matches!(offer.command(), Command::Setting(_));
    if needles.is_empty() || in_title || is_setting {
        return None;
    }
    let names = offer.command().also_called().split(", ");
    names.max_by_key(|name| {
        let own = words_of(name);
        (needles.iter().filter(|needle| begins_one(&own, needle)).count(), Reverse(own.len()))
    })
}

fn begins_one(words: &[String], needle: &str) -> bool {
    words.iter().any(|word| word.starts_with(needle))
}

// The words that are searched for; those that say nothing only where there is nothing else.
fn needles(query: &str) -> Vec<String> {
    let all = words_of(query);
    let meant: Vec<String> = all.iter().filter(|word| !FILLERS.contains(&word.as_str())).cloned().collect();
    if meant.is_empty() { all } else { meant }
}

// Whatever else it may be found by: other names, and the heading that it stands under.
fn names(offer: &Offer) -> Vec<String> {
    let mut words = words_of(offer.title());
    words.extend(words_of(offer.command().also_called()));
    if let Command::Setting(field) = offer.command() {
        words.extend(words_of(step::name(field.info().step)));
    }
    words
}

/// The offers that match, best first: the beginning of the words, somewhere in them, each word in them or in what else they are
/// called. Where that finds none, a guess by the letters; of those that match alike, the ones that can work now.
fn rank(offers: &[Offer], query: &str) -> Vec<usize> {
    let needles = needles(query);
    let query = fold(query.trim());
    let wide: Vec<Utf32String> = query.split_whitespace().map(Utf32String::from).collect();
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut ranked: Vec<(u8, bool, Reverse<u32>, usize)> = offers
        .iter()
        .enumerate()
        .filter_map(|(at, offer)| {
            let (title, refused) = (fold(offer.title()), offer.refused.is_some());
            if title.starts_with(&query) {
                return Some((0, refused, Reverse(0), at));
            }
            // The nearer to the beginning, the better: "configure" is Re-configure, before what undoes it.
            if let Some(before) = title.find(&query) {
                return Some((1, refused, Reverse(u32::MAX - before as u32), at));
            }
            let is_one = |name: &str| words_of(name) == needles;
            if !needles.is_empty() && offer.command().also_called().split(", ").any(is_one) {
                return Some((2, refused, Reverse(0), at));
            }
            let names = names(offer);
            if !needles.is_empty() && needles.iter().all(|needle| begins_one(&names, needle)) {
                return Some((3, refused, Reverse(0), at));
            }
            // What stands behind a colon is a line for a shell, and no name.
            let parts = words_of(title.split(": ").next().unwrap_or_default());
            if wide.is_empty() || !query.split_whitespace().all(|needle| is_guess(&parts, needle)) {
                return None;
            }
            let haystack = Utf32String::from(title);
            let mut score = 0;
            for needle in &wide {
                score += u32::from(matcher.fuzzy_match(haystack.slice(..), needle.slice(..))?);
            }
            Some((GUESS, refused, Reverse(score), at))
        })
        .collect();
    ranked.sort_unstable();
    // A guess stands beside nothing that is known.
    if ranked.first().is_some_and(|(class, ..)| *class < GUESS) {
        ranked.retain(|(class, ..)| *class < GUESS);
    }
    ranked.into_iter().map(|(_, _, _, at)| at).collect()
}

//! The commands: everything that can be done where the focus stands, found by its name.
//!
//! They are the lines of the key map for the place below, and what is chosen runs as if its key had been pressed there.

use std::cmp::Reverse;

use nucleo_matcher::{Config, Matcher, Utf32String};
use tui_input::Input;

use crate::domain::client::fold;

use super::keymap::{self, Command, Meaning, Offer, Place};
use super::layout::Window;
use super::model::Model;

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
    place: Place,
}

impl Palette {
    /// The offer on a row.
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
}

/// The offers that match, best first: the beginning of the words, somewhere in them, and last the letters in their order;
/// of those that match alike, the ones that can work now.
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
            if words.contains(&query) {
                return Some((1, refused, Reverse(0), at));
            }
            let haystack = Utf32String::from(words);
            let mut score = 0;
            for needle in &needles {
                score += u32::from(matcher.fuzzy_match(haystack.slice(..), needle.slice(..))?);
            }
            Some((2, refused, Reverse(score), at))
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, _, _, at)| at).collect()
}

// Steps of the focus are keys and no commands: nobody looks "Down" up by its name.
fn found(model: &Model, place: Place) -> Vec<Offer> {
    let mut offers = keymap::offers(model, place);
    offers.retain(|offer| !offer.command().is_step() && offer.command() != Command::Commands);
    offers
}

/// The rows that fit.
pub fn height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(4).clamp(1, 14)
}

/// Opens the commands of what has the focus.
pub fn open(model: &mut Model) {
    let place = keymap::below(model);
    let mut palette = Palette {
        query: Input::default(),
        offers: found(model, place),
        rows: Vec::new(),
        window: Window::default(),
        chosen: None,
        place,
    };
    palette.search();
    palette.select(0, height(model));
    model.palette = Some(palette);
    model.touch();
}

/// Closes them; everything is as it was.
pub fn close(model: &mut Model) {
    model.palette = None;
    model.touch();
}

/// Changes the search line; the best row is then the chosen one.
pub fn edit(model: &mut Model, change: impl FnOnce(&mut Input) -> bool) {
    let height = height(model);
    if let Some(palette) = &mut model.palette {
        let before = palette.query.value().to_owned();
        if !change(&mut palette.query) {
            return;
        }
        if palette.query.value() != before {
            palette.search();
            palette.select(0, height);
        }
        model.touch();
    }
}

/// A row up or down.
pub fn step(model: &mut Model, by: isize) {
    let height = height(model);
    if let Some(palette) = &mut model.palette {
        let (window, chosen) = (palette.window, palette.chosen);
        palette.select(palette.window.selected.saturating_add_signed(by), height);
        if (window, chosen) != (palette.window, palette.chosen) {
            model.touch();
        }
    }
}

/// Something changed below: so may what there is to do. The chosen command stays chosen, wherever its row is now.
pub fn settle(model: &mut Model) {
    let Some(mut palette) = model.palette.take() else { return };
    let (place, height) = (keymap::below(model), height(model));
    palette.offers = found(model, place);
    palette.search();
    let chosen = palette.chosen.filter(|_| place == palette.place);
    palette.place = place;
    let row = (0..palette.rows.len()).find(|row| palette.offer(*row).map(Offer::command) == chosen);
    palette.select(row.unwrap_or_default(), height);
    if row.is_none() {
        palette.chosen = None;
    }
    model.palette = Some(palette);
}

/// Why Enter runs nothing.
pub fn run_refusal(model: &Model) -> Option<String> {
    let palette = model.palette.as_ref()?;
    match palette.chosen {
        Some(_) => None,
        None if palette.rows.is_empty() => Some("No command is called that.".to_owned()),
        None => Some("Something changed meanwhile: choose again.".to_owned()),
    }
}

/// Closes the commands, and says what the chosen one means: what its own key would mean.
pub fn take_chosen(model: &mut Model) -> Meaning {
    let chosen = model.palette.take().and_then(|palette| palette.chosen);
    model.touch();
    chosen.map_or(Meaning::Nothing, |command| keymap::meaning_of(model, keymap::place(model), command))
}

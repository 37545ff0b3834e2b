//! What there is to do now: in a place, and from everywhere.

use super::dispatch::words;
use super::form::{FIELDS, Kind};
use super::integrations::{self, Card};
use super::keymap::{
    BINDINGS, COMMAND_LINE_ROWS, COMMAND_LINES, Command as C, Key, Pane, Place, Place as P, SETTING_ROWS, press,
};
use super::meaning::{Meaning, comes_too_soon, meaning_of};
use super::model::{Model, Screen, saved_title};
use super::offer::Offer;
use crate::domain::status::Status;

/// What there is to do in a place, in the order of the table, each once; what means nothing now is left out.
pub fn offers(model: &Model, place: Place) -> Vec<Offer> {
    let mut taken: Vec<Key> = Vec::new();
    let mut offers: Vec<Offer> = Vec::new();
    for (binding, keys) in model.keys.rows(place) {
        let all: Vec<Key> = keys.collect();
        let refused = match meaning_of(model, place, binding.command) {
            Meaning::Do(_) => None,
            Meaning::Refused(reason, _) => Some(reason),
            Meaning::Nothing => continue,
        };
        let early = |key: Key| refused.is_none() && comes_too_soon(model, place, press(key));
        let keys: Vec<Key> = all.iter().copied().filter(|key| !taken.contains(key) && !early(*key)).collect();
        if refused.is_none() {
            taken.extend(&keys);
        }
        if let Some(offer) = offers.iter_mut().find(|offer| offer.binding.command == binding.command) {
            offer.keys.extend(keys);
        } else if !keys.is_empty() || all.is_empty() {
            // Whose keys all mean something else now is not to be had now; whose keys were taken away still is.
            offers.push(Offer { binding, words: words(model, place, binding), keys, refused, elsewhere: None });
        }
    }
    offers
}

/// What the list of commands finds: what there is to do here, then what there is to do on every other page, each once.
pub fn everything(model: &Model, here: Place) -> Vec<Offer> {
    let mut all = offers(model, here);
    for (place, title) in pages(model, here) {
        for offer in offers(model, place) {
            // What is named after a key means what its page makes of it.
            let is_page = matches!(offer.command(), C::Pane(_)) || offer.binding.id == "integrations";
            // But Configure, and what is running, are looked for by their names.
            let is_looked_for = matches!(offer.command(), C::Configure | C::Stop);
            let named = is_looked_for
                || !offer.command().is_step() && !["accept", "cancel", "left", "right"].contains(&offer.binding.id);
            if (named || is_page) && all.iter().all(|known| known.command() != offer.command()) {
                let words = if is_page { offer.title().to_owned() } else { format!("{} ({title})", offer.title()) };
                all.push(Offer { words, keys: Vec::new(), elsewhere: Some(place), ..offer });
            }
        }
    }
    if all.iter().all(|known| known.command() != C::Configure) {
        all.extend(configure(model, here));
    }
    for command in [C::Remove, C::Rotate, C::InstallService] {
        if all.iter().all(|known| known.command() != command) {
            all.extend(not_yet(model, here, command));
        }
    }
    all.extend(settings(model));
    all.extend(command_lines(model));
    all
}

// Configure where no pane leads to it: the step of the set-up, or that of the active configuration.
fn configure(model: &Model, here: Place) -> Option<Offer> {
    let binding = BINDINGS.iter().find(|binding| binding.command == C::Configure)?;
    let refused = match meaning_of(model, here, C::Configure) {
        _ if model.popup.is_some() => return None,
        Meaning::Do(_) => None,
        Meaning::Refused(reason, _) => Some(reason),
        Meaning::Nothing => return None,
    };
    let of_active = model.active().filter(|_| model.screen == Screen::Integrations);
    let words = match of_active.map(saved_title) {
        Some(name) => format!("{} ({name})", of_active.map_or(binding.words, |saved| again(&saved.status))),
        None => binding.words.to_owned(),
    };
    Some(Offer { binding, words, keys: Vec::new(), refused, elsewhere: None })
}

// What is looked for by its name before its pane is there: with the reason why it cannot be done yet.
fn not_yet(model: &Model, here: Place, command: C) -> Option<Offer> {
    let binding = BINDINGS.iter().find(|binding| binding.command == command)?;
    match meaning_of(model, here, command) {
        Meaning::Refused(reason, _) if model.popup.is_none() => {
            let words = binding.words.to_owned();
            Some(Offer { binding, words, keys: Vec::new(), refused: Some(reason), elsewhere: None })
        }
        _ => None,
    }
}

// Whether it was done before: then its name is Re-configure.
fn again(status: &Status) -> &'static str {
    if status.integration.is_in_halo() { "Re-configure" } else { "Configure" }
}

// What has no key and no page: the command that does it.
fn command_lines(model: &Model) -> impl Iterator<Item = Offer> {
    let configuration = model.for_command_line().cloned();
    let rows = COMMAND_LINE_ROWS.iter().zip(&COMMAND_LINES).filter(|_| model.popup.is_none());
    rows.map(move |(binding, (next, what, _))| {
        let words = format!("{what}: {}", next.command(configuration.as_ref()));
        Offer { binding, words, keys: Vec::new(), refused: None, elsewhere: None }
    })
}

// Each setting of what is open, or else of the active configuration.
fn settings(model: &Model) -> impl Iterator<Item = Offer> {
    let fresh = model.screen == Screen::Wizard && model.wizard.as_ref().is_some_and(|wizard| wizard.id.is_none());
    let leads = model.popup.is_none() && !fresh && model.with_settings().is_some();
    let rows = SETTING_ROWS.iter().filter(move |_| leads).zip(FIELDS).filter(|(_, info)| info.kind != Kind::ReadOnly);
    rows.map(|(binding, info)| {
        let words = format!("{} (Settings)", info.label);
        Offer { binding, words, keys: Vec::new(), refused: None, elsewhere: None }
    })
}

// The pages that can be led to from here. What floats above one is answered first.
fn pages(model: &Model, here: Place) -> Vec<(Place, &'static str)> {
    if model.popup.is_some() || matches!(model.screen, Screen::Starting) {
        return Vec::new();
    }
    // From the Integrations page to the panes of the configuration that is selected there.
    let leads = match model.screen {
        Screen::Integrations => {
            matches!(integrations::selected(model), Some(Card::Saved(id)) if model.current.as_ref() == Some(&id))
                && model.is_finished_current()
        }
        Screen::Panes if !model.panes.from_wizard => true,
        _ => model.is_finished_current(),
    };
    // The overview last: what is done elsewhere is seen there.
    let [overview, others @ ..] = Pane::ALL;
    let panes = others.into_iter().chain([overview]).filter(|_| leads).map(|pane| (P::Pane(pane), pane.title()));
    panes.chain([(P::Cards, "Integrations")]).filter(|(place, _)| *place != here).collect()
}

/// What works now with a key.
pub fn working(model: &Model, place: Place) -> impl Iterator<Item = Offer> {
    offers(model, place).into_iter().filter(|offer| offer.refused.is_none() && !offer.keys.is_empty())
}

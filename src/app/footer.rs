//! What there is to do now: what each key means, the line of keys, the help and the commands, all from what the screen
//! offers.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::controls::Now;
use super::dispatch::{self, words};
use super::form::{FIELDS, FieldId, Kind};
use super::jobs::plan;
use super::keymap::{
    COMMAND_LINE_ROWS, COMMAND_LINES, Command as C, Command, Group, Key, Pane, Place, Place as P, SETTING_ROWS, Shown,
    hit, place, press,
};
use super::model::{Model, Screen};
use super::offer::Offer;
use super::popup::HelpLine;

use super::text::{width, wrap};
use super::wizard::checklist::NEEDS;
use super::wizard::state::Item;
use crate::domain::by_hand;
use crate::domain::draft::Step;
use crate::domain::plan::Parts;
use crate::words::Phrase;

/// What a key means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Do(Command),
    /// Nothing now, and why.
    Refused(Phrase),
    Nothing,
}

/// Whether a key comes without a new decision behind it: held down since before there was something to decide on.
pub fn is_held_back(model: &Model, event: KeyEvent) -> bool {
    comes_too_soon(model, place(model), event)
        || (event.kind == KeyEventKind::Repeat
            && matches!(
                meaning(model, event),
                Meaning::Do(
                    C::Apply
                        | C::Yes
                        | C::Answer
                        | C::ThirdAnswer
                        | C::Agree
                        | C::EscalateNow
                        | C::SyncNow
                        | C::Mend
                        | C::Retry
                        | C::Dismiss
                        | C::RunChosen
                )
            ))
}

// Whether a key would apply a plan that has only just come up.
fn comes_too_soon(model: &Model, place: Place, event: KeyEvent) -> bool {
    let applies = || hit(model, place, event).any(|binding| binding.command == C::Apply);
    place == P::Plan && plan::is_unread(model) && applies()
}

/// What a key means now.
pub fn meaning(model: &Model, event: KeyEvent) -> Meaning {
    let place = place(model);
    let mut refused = Meaning::Nothing;
    for binding in hit(model, place, event) {
        match meaning_of(model, place, binding.command) {
            Meaning::Nothing => {}
            Meaning::Refused(reason) if refused == Meaning::Nothing => refused = Meaning::Refused(reason),
            Meaning::Refused(_) => {}
            done @ Meaning::Do(_) => return done,
        }
    }
    refused
}

// What becomes of a command of a place now: what works everywhere is the shell's.
fn now(model: &Model, place: Place, command: Command) -> Now {
    match command {
        C::Integrations => Now::only_if(!matches!(model.screen, Screen::Integrations | Screen::Starting)),
        C::InstallService => Now::only_if(model.status().is_some_and(|status| !status.service.running)),
        C::Quit | C::Suspend | C::Repaint | C::Help | C::Commands | C::Setting(_) | C::CommandLine(_) => Now::Can,
        _ => dispatch::now(model, place, command),
    }
}

/// What a command of a place means now, whichever way it is called.
pub fn meaning_of(model: &Model, place: Place, command: Command) -> Meaning {
    match now(model, place, command) {
        Now::Can => Meaning::Do(command),
        Now::Not(reason) => Meaning::Refused(reason),
        Now::Hidden => Meaning::Nothing,
    }
}

/// A key in the footer, and what it does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHint {
    pub key: String,
    pub words: String,
}

/// How the list of commands is called in the line of keys.
const COMMANDS: &str = "Commands";

impl KeyHint {
    fn width(&self) -> usize {
        width(&self.key) + 1 + width(&self.words)
    }
}

/// What there is to do in a place, in the order of the table, each once; what means nothing now is left out.
pub fn offers(model: &Model, place: Place) -> Vec<Offer> {
    let mut taken: Vec<Key> = Vec::new();
    let mut offers: Vec<Offer> = Vec::new();
    for (binding, keys) in model.keys.rows(place) {
        let all: Vec<Key> = keys.collect();
        let refused = match meaning_of(model, place, binding.command) {
            Meaning::Do(_) => None,
            Meaning::Refused(reason) => Some(reason),
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
            let named =
                !offer.command().is_step() && !["accept", "cancel", "left", "right"].contains(&offer.binding.id);
            if (named || is_page) && all.iter().all(|known| known.command() != offer.command()) {
                let words = if is_page { offer.title().to_owned() } else { format!("{} ({title})", offer.title()) };
                all.push(Offer { words, keys: Vec::new(), elsewhere: Some(place), ..offer });
            }
        }
    }
    all.extend(settings(model));
    all.extend(command_lines(model));
    all
}

// What has no key and no page: the command that does it.
fn command_lines(model: &Model) -> impl Iterator<Item = Offer> {
    let configuration = model.with_settings().map(|saved| saved.id.clone());
    let rows = COMMAND_LINE_ROWS.iter().zip(&COMMAND_LINES).filter(|_| model.popup.is_none());
    rows.map(move |(binding, (next, what))| {
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
    let leads = model.is_finished_current() || (model.screen == Screen::Panes && !model.panes.from_wizard);
    // The overview last: what is done elsewhere is seen there.
    let [overview, others @ ..] = Pane::ALL;
    let panes = others.into_iter().chain([overview]).filter(|_| leads).map(|pane| (P::Pane(pane), pane.title()));
    panes.chain([(P::Cards, "Integrations")]).filter(|(place, _)| *place != here).collect()
}

/// What works now with a key.
fn working(model: &Model, place: Place) -> impl Iterator<Item = Offer> {
    offers(model, place).into_iter().filter(|offer| offer.refused.is_none() && !offer.keys.is_empty())
}

/// The line of keys: what works here and now, as far as it fits; help and quit always stand on the right.
pub fn hints(model: &Model, columns: usize) -> (Vec<KeyHint>, Vec<KeyHint>) {
    let place = place(model);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for offer in working(model, place) {
        let name = |key: Option<Key>| key.map(Key::name).unwrap_or_default();
        let key = match offer.command() {
            // Both ways in one.
            C::Down => format!("{}{}", name(model.keys.key(C::Up, place)), name(offer.keys.first().copied())),
            _ => name(offer.keys.first().copied()),
        };
        // A decision and the end of what runs are the last to go, before them what Enter does, and before that the way
        // back; from the first page none is missed.
        let stays = match offer.binding.id {
            _ if matches!(offer.command(), C::Stop | C::Apply | C::Yes) => 3,
            "accept" if !matches!(offer.command(), C::OpenLine | C::CloseLine) => 2,
            "cancel" if place != P::Cards => 1,
            _ => 0,
        };
        let hint = KeyHint { key, words: offer.words };
        if hint.words.is_empty() {
            continue;
        }
        match offer.binding.shown {
            Shown::Left => left.push((hint, stays)),
            Shown::Right => right.push(hint),
            Shown::Help => {}
        }
    }
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
        let least = left.iter().map(|(_, stays)| *stays).min().unwrap_or_default();
        let at = left.iter().rposition(|(_, stays)| *stays == least).unwrap_or_default();
        left.remove(at);
    }
    (left.into_iter().map(|(hint, _)| hint).collect(), right)
}

/// The help for what has the focus: the field first, then every key.
pub fn help(model: &Model, columns: usize) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let place = place(model);
    let text = |lines: &mut Vec<HelpLine>, text: &str| {
        lines.extend(wrap(text, columns).into_iter().map(HelpLine::Text));
    };
    if model.screen == Screen::Wizard
        && let Some(wizard) = &model.wizard
    {
        let field = match wizard.focus {
            Item::Field(field) => Some(field),
            _ => None,
        };
        if let Some(info) = field.map(FieldId::info) {
            lines.push(HelpLine::Title(info.label.to_owned()));
            text(&mut lines, info.more);
            text(&mut lines, &format!("Example: {}", info.example));
            lines.push(HelpLine::Blank);
        }
        if wizard.step == Step::Credentials {
            lines.push(HelpLine::Title("What you need".to_owned()));
            for need in NEEDS {
                text(&mut lines, &format!("{}: {}", need.what, need.where_.join(". ")));
            }
            lines.push(HelpLine::Blank);
        }
    }
    let working: Vec<Offer> = working(model, place).collect();
    for (group, title) in [(Group::Here, "Here"), (Group::Moving, "Moving"), (Group::Everywhere, "Everywhere")] {
        let mut keys = working.iter().filter(|offer| offer.command().group() == group).peekable();
        if keys.peek().is_none() {
            continue;
        }
        if matches!(lines.last(), Some(HelpLine::Key(..))) {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Title(title.to_owned()));
        for offer in keys {
            lines.push(HelpLine::Key(offer.keys(), offer.title().to_owned()));
        }
    }
    if matches!(place, P::Pane(Pane::Integration) | P::Plan) {
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title("To remove the Pia Chat Pod by hand, in Halo".to_owned()));
        for step in by_hand::CHAT_POD_REMOVAL {
            text(&mut lines, step);
        }
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title("To remove the rest by hand, in Halo".to_owned()));
        let rest = Parts { chat_pod: false, ..Parts::ALL };
        for (at, step) in by_hand::removal(rest).iter().enumerate() {
            text(&mut lines, &format!("{}. {step}", at + 1));
        }
    }
    if place.takes_text() {
        lines.push(HelpLine::Blank);
        text(&mut lines, "While you type in a field, letters are text, not commands. Pasting never submits.");
    }
    lines
}

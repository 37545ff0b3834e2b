//! What the keys do now, in words: the line of keys and the help.

use crate::app::form::FieldId;
use crate::app::integrations::{self, Card};
use crate::app::model::{Model, Screen};
use crate::app::panes::clients::Filter;
use crate::app::panes::events::Filter as EventFilter;
use crate::app::panes::integration::BY_HAND;
use crate::app::panes::removal;
use crate::app::popup::{HelpLine, Popup};
use crate::app::text::{width, wrap};
use crate::app::wizard::{self, Item, Wizard, configure};
use crate::app::work::{ApplyWork, PlanWork};
use crate::domain::draft::Step;
use crate::domain::manual;
use crate::domain::plan::Parts;

use super::press::press;
use super::{Binding, Command as C, Group, Key, Meaning, Place, Place as P, Shown, comes_too_soon, meaning_of, place};

fn on_last_field(wizard: &Wizard) -> bool {
    matches!(wizard.focus, Item::Field(field) if Wizard::fields(wizard.step).last().is_none_or(|last| last == field))
}

/// The words of a binding, as they are now.
fn words(model: &Model, place: Place, binding: &Binding) -> String {
    let wizard = model.wizard.as_ref();
    let text = match (binding.command, place) {
        (C::Apply, _) if removal::only_switches(model) => "Switch",
        (C::Apply, _) if !model.goal().is_install() => "Remove",
        (C::PartWebhooks | C::PartChatPod | C::PartLinks, _) => {
            return part_words(model, binding);
        }
        (C::Configure, _) if configure::is_again(model) => "Re-configure",
        (C::ReadPlan, P::Plan)
            if configure::is_settled(model)
                || (matches!(model.work.plan, PlanWork::Ready(_)) && matches!(model.apply(), ApplyWork::None)) =>
        {
            "Check Halo again"
        }
        (C::ReadPlan, P::Plan) if matches!(model.work.plan, PlanWork::None) => "Check Halo",
        // Enter says the same.
        (C::NextItem, P::Field | P::Choice) if !wizard.is_some_and(on_last_field) => "",
        (C::NextItem, P::Field | P::Choice) => binding.words,
        (C::NextItem, P::FieldList) => binding.words,
        (C::NextItem, _) => "Next",
        (C::Reveal, _) if model.facts.revealed => "Hide",
        (C::Test, _) if wizard.is_some_and(|wizard| !wizard.test.checks().is_empty() || wizard.test.is_passed()) => {
            "Test again"
        }
        (C::EnterField, _) => match wizard.map(|wizard| (wizard.step, wizard.focus)) {
            Some((Step::Credentials, Item::Field(FieldId::ClientSecret))) => "Test",
            Some((step, Item::Field(field))) if Wizard::fields(step).last() != Some(field) => "Next",
            _ => "Continue",
        },
        (C::Edit, P::Cards) => "Edit",
        (C::OpenCard, P::Cards) => match integrations::selected(model) {
            Some(Card::Draft) => "Continue",
            Some(Card::Saved(id)) if model.saved(&id).is_some_and(|saved| wizard::is_finished(&saved.status)) => "Open",
            _ => "Configure",
        },
        (C::ViewAll, _) if model.integrations.all => "Only what is available",
        (C::Continue, P::Finished) => "Open the panes",
        (C::Filter, P::PaneEvents) => match model.panes.events.filter.next() {
            EventFilter::All => "Show all",
            EventFilter::OnBoard => "On the Pia Board",
            EventFilter::Created => "Show created",
            EventFilter::Updated => "Show updated",
            EventFilter::Undelivered => "Show undelivered",
        },
        (C::Tickets, P::PaneTickets) => "Events",
        (C::Down, P::EventPage) => "Scroll",
        (C::Filter, _) => match model.panes.clients.filter.next() {
            Filter::Active => "Show active",
            Filter::Disabled => "Show disabled",
            Filter::All => "Show all",
            Filter::New => "Show new",
            Filter::Changed => "Show changed",
        },
        (C::No, P::Confirm) => match &model.popup {
            Some(Popup::Confirm(confirm)) => confirm.ask.no(),
            _ => "No",
        },
        (C::Yes, P::Confirm) => match &model.popup {
            Some(Popup::Confirm(confirm)) => confirm.ask.yes(),
            _ => "Yes",
        },
        (C::Back, P::Plan) if matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(_))) => {
            "Not now"
        }
        (C::Back, P::PaneSync) if model.panes.report.is_some() => "Back",
        // The other key says the same.
        (C::Back, P::PaneTickets) => "",
        (C::Back, P::PaneSync | P::PaneClients | P::PaneIntegration | P::PaneEvents | P::PaneActivity)
            if !model.panes.from_wizard =>
        {
            ""
        }
        _ => binding.words,
    };
    text.to_owned()
}

// A part of what is removed, and whether its key leaves it out or takes it in.
fn part_words(model: &Model, binding: &Binding) -> String {
    let chosen = model.work.goal.parts().is_some_and(|parts| removal::is_chosen(parts, binding.command));
    let verb = if chosen { "Keep" } else { "Remove" };
    let name = removal::PARTS.iter().find(|(part, _)| *part == binding.command).map_or(binding.words, |(_, name)| name);
    format!("{verb} {name}")
}

/// A key and what it does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The key.
    pub key: String,
    /// What it does.
    pub words: String,
}

impl Hint {
    fn width(&self) -> usize {
        width(&self.key) + 1 + width(&self.words)
    }
}

/// A command of a place, with the keys that lead to it now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The first of its lines in the table.
    binding: &'static Binding,
    /// In which words; without any where the line of keys leaves it out.
    words: String,
    /// With which keys.
    keys: Vec<Key>,
    /// Why it cannot work now.
    pub refused: Option<String>,
}

impl Offer {
    /// The command.
    pub fn command(&self) -> C {
        self.binding.command
    }

    /// Its words, also where the line of keys leaves it out because another key says the same.
    pub fn title(&self) -> &str {
        if self.words.is_empty() { self.binding.words } else { &self.words }
    }

    /// Its keys by their names.
    pub fn keys(&self) -> String {
        self.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" ")
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
            offers.push(Offer { binding, words: words(model, place, binding), keys, refused });
        }
    }
    offers
}

/// What works now with a key.
fn working(model: &Model, place: Place) -> impl Iterator<Item = Offer> {
    offers(model, place).into_iter().filter(|offer| offer.refused.is_none() && !offer.keys.is_empty())
}

/// The line of keys: what works here and now, as far as it fits; help and quit always stand on the right.
pub fn hints(model: &Model, columns: usize) -> (Vec<Hint>, Vec<Hint>) {
    let place = place(model);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for offer in working(model, place) {
        let name = |key: Option<Key>| key.map(Key::name).unwrap_or_default();
        let key = match offer.command() {
            // Both ways in one.
            C::Down => format!("{}{}", name(model.keys.key(C::Up, place)), name(offer.keys.first().copied())),
            _ => name(offer.keys.first().copied()),
        };
        // The way back is the last to go; from the first page there is no way back that is missed.
        let stays = offer.binding.id == "cancel" && place != P::Cards;
        let hint = Hint { key, words: offer.words };
        if hint.words.is_empty() {
            continue;
        }
        match offer.binding.shown {
            Shown::Left => left.push((hint, stays)),
            Shown::Right => right.push(hint),
            Shown::Help => {}
        }
    }
    let sum = |hints: &mut dyn Iterator<Item = &Hint>| hints.map(|hint| hint.width() + 2).sum::<usize>();
    let right_width = sum(&mut right.iter());
    while !left.is_empty() && sum(&mut left.iter().map(|(hint, _)| hint)) + right_width + 1 > columns {
        let at = left.iter().rposition(|(_, stays)| !stays).unwrap_or_default();
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
            Item::Field(field) | Item::Line(field) => Some(field),
            _ => None,
        };
        if let Some(info) = field.map(FieldId::info) {
            lines.push(HelpLine::Title(info.label.to_owned()));
            text(&mut lines, info.more);
            text(&mut lines, &format!("Example: {}", info.example));
            lines.push(HelpLine::Blank);
        }
        if wizard.step == Step::Credentials {
            lines.push(HelpLine::Title("The agent in Halo".to_owned()));
            text(
                &mut lines,
                "Set-up needs an agent with the Administrator role, in all teams, with all clients allowed, and an \
                  application with the permission all. An API-only agent takes no licence.",
            );
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
    if matches!(place, P::PaneIntegration | P::Plan) {
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title("To remove the Pia Chat Pod by hand, in Halo".to_owned()));
        for step in BY_HAND {
            text(&mut lines, step);
        }
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title("To remove the rest by hand, in Halo".to_owned()));
        let rest = Parts { chat_pod: false, ..Parts::ALL };
        for (at, step) in manual::removal(rest).iter().enumerate() {
            text(&mut lines, &format!("{}. {step}", at + 1));
        }
    }
    if place.takes_text() {
        lines.push(HelpLine::Blank);
        text(&mut lines, "While a text is typed, letters are letters. A paste never submits.");
    }
    lines
}

//! What the keys do now, in words: the line of keys and the help.

use crate::app::form::FieldId;
use crate::app::integrations::{self, Card};
use crate::app::model::{Model, Screen};
use crate::app::panes::clients::Filter;
use crate::app::panes::integration::BY_HAND;
use crate::app::popup::{HelpLine, Popup};
use crate::app::text::{width, wrap};
use crate::app::wizard::{self, Item, Wizard, configure};
use crate::app::work::{ApplyWork, PlanWork};
use crate::domain::draft::Step;

use super::{BINDINGS, Binding, Command as C, Key, Place, Place as P, Shown, is_held_back, place, refusal};

fn on_last_field(wizard: &Wizard) -> bool {
    matches!(wizard.focus, Item::Field(field) if Wizard::fields(wizard.step).last().is_none_or(|last| last == field))
}

/// The words of a binding, as they are now.
fn words(model: &Model, place: Place, binding: &Binding) -> String {
    let wizard = model.wizard.as_ref();
    let text = match (binding.command, place) {
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
        (C::Filter, _) => match model.panes.clients.filter.next() {
            Filter::Active => "Show active",
            Filter::Disabled => "Show disabled",
            Filter::All => "Show all",
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
        (C::Back, P::PaneSync | P::PaneClients | P::PaneIntegration | P::PaneActivity) if !model.panes.from_wizard => {
            ""
        }
        _ => binding.words,
    };
    text.to_owned()
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

/// The bindings that work now, with the key that leads to each.
fn working(model: &Model) -> impl Iterator<Item = (&'static Binding, Vec<Key>)> {
    let place = place(model);
    let mut taken: Vec<Key> = Vec::new();
    BINDINGS.iter().filter(move |binding| binding.places.contains(&place)).filter_map(move |binding| {
        let letters = place.takes_text();
        let typed = |key: &Key| letters && key.is_letter();
        let usable = |key: &&Key| !(typed(key) || taken.contains(key) || is_held_back(model, key.event()));
        let keys: Vec<Key> = binding.keys.iter().filter(usable).copied().collect();
        if keys.is_empty() || refusal(model, place, binding.command).is_some() {
            return None;
        }
        taken.extend(&keys);
        Some((binding, keys))
    })
}

/// The line of keys: what works here and now, as far as it fits; help and quit always stand on the right.
pub fn hints(model: &Model, columns: usize) -> (Vec<Hint>, Vec<Hint>) {
    let place = place(model);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (binding, keys) in working(model) {
        let key = match binding.command {
            // Both ways in one.
            C::Down => "↑↓".to_owned(),
            _ => keys.first().map(|key| key.name()).unwrap_or_default(),
        };
        let hint = Hint { key, words: words(model, place, binding) };
        if hint.words.is_empty() {
            continue;
        }
        match binding.shown {
            Shown::Left => left.push(hint),
            Shown::Right => right.push(hint),
            Shown::Help => {}
        }
    }
    let sum = |hints: &[Hint]| hints.iter().map(|hint| hint.width() + 2).sum::<usize>();
    while !left.is_empty() && sum(&left) + sum(&right) + 1 > columns {
        // The way back is the last to go; from the first page there is no way back that is missed.
        let goes = |hint: &Hint| hint.key != "Esc" || place == P::Cards;
        let at = left.iter().rposition(goes).unwrap_or_default();
        left.remove(at);
    }
    (left, right)
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
    lines.push(HelpLine::Title("Keys".to_owned()));
    for (binding, keys) in working(model) {
        let names: Vec<String> = keys.iter().map(|key| key.name()).collect();
        let mut words = words(model, place, binding);
        if words.is_empty() {
            words = binding.words.to_owned();
        }
        lines.push(HelpLine::Key(names.join(" "), words));
    }
    if matches!(place, P::PaneIntegration | P::Plan) {
        lines.push(HelpLine::Blank);
        lines.push(HelpLine::Title("To remove the Pia Chat Pod by hand, in Halo".to_owned()));
        for step in BY_HAND {
            text(&mut lines, step);
        }
    }
    if place.takes_text() {
        lines.push(HelpLine::Blank);
        text(&mut lines, "While a text is typed, letters are letters. A paste never submits.");
    }
    lines
}

//! The lines of the help: the field that has the focus, then every key.

use super::form::FieldId;
use super::jobs::health;
use super::keymap::{Group, Pane, Place as P, place};
use super::model::{Model, Screen};
use super::offer::Offer;
use super::offers::working;
use super::popup::HelpLine;
use super::text::wrap;
use super::wizard::checklist::NEEDS;
use super::wizard::state::{Item, Wizard};
use crate::domain::check::CheckStatus;
use crate::domain::draft::Step;
use crate::domain::plan::Parts;
use crate::words::check::{Told, told};
use crate::words::{self, by_hand};

// The results that the focus is on: one of them, or all that are not as they should be.
fn found(wizard: &Wizard) -> impl Iterator<Item = Told> {
    let focus = wizard.focus;
    let is_meant = move |told: &Told| match focus {
        Item::Check(of) | Item::Advice(of) => of == told.at,
        Item::Test => matches!(told.check.status, CheckStatus::Fail | CheckStatus::Warn),
        _ => false,
    };
    told(wizard.test.checks(), wizard.test.order()).into_iter().filter(is_meant)
}

/// The help for what has the focus: the field first, then every key.
pub fn lines(model: &Model, columns: usize) -> Vec<HelpLine> {
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
        // What the test found, whole: on a low terminal there is no room for it beside the results.
        for told in found(wizard) {
            lines.push(HelpLine::Title(told.title));
            text(&mut lines, &words::check::found(&told.check));
            if let Some(advice) = words::check::advice(&told.check) {
                text(&mut lines, &words::capital(&advice.with_keys(&model.keys)));
            }
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
    // What is selected in the overview, whole.
    if place == P::Pane(Pane::Overview)
        && let Some(finding) = health::selected(model)
    {
        lines.push(HelpLine::Title(finding.rule.title().to_owned()));
        text(&mut lines, &format!("{}.", words::health::fact(&finding, model.now)));
        if let Some(next) = &finding.next {
            text(&mut lines, &words::Phrase::from(next).with_keys(&model.keys));
        }
        lines.push(HelpLine::Blank);
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

//! The Integrations page under the keys.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::integrations::{self, Card, select, selected};
use crate::app::jobs::activate;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::{Model, is_finished, saved_title};
use crate::app::parts::line::{self, Changed};
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::text::draft_title;
use crate::words::Phrase;

pub struct IntegrationsControls;

fn is_active(model: &Model) -> bool {
    matches!(selected(model), Some(Card::Saved(id)) if model.saved(&id).is_some_and(|saved| saved.status.active))
}

// Whether the selected card is of the draft.
fn has_draft(model: &Model) -> bool {
    match selected(model) {
        Some(Card::Draft) => true,
        Some(Card::Saved(id)) => {
            model.overview.draft.as_ref().is_some_and(|draft| draft.configuration.as_ref() == Some(&id))
        }
        _ => false,
    }
}

impl Controls for IntegrationsControls {
    fn now(model: &Model, place: P, command: C) -> Now {
        let unless = |refused: bool, reason: &str| Now::unless(refused.then(|| reason.to_owned()));
        match command {
            C::OpenCard => match selected(model) {
                Some(Card::Other(name)) => Now::Not(integrations::elsewhere(name).into()),
                None => Now::Not(integrations::no_match()),
                _ => Now::Can,
            },
            C::Activate if is_active(model) => Now::Not("Already active.".into()),
            C::Activate => {
                let saved = matches!(selected(model), Some(Card::Saved(_)));
                unless(!saved, "Only a saved configuration can be activated.")
            }
            C::Deactivate => unless(!is_active(model), "Not active."),
            C::DiscardDraft => match &model.overview.draft {
                None => Now::Not("No draft.".into()),
                Some(draft) if !has_draft(model) => Now::Not(format!("The draft is of {}.", draft_title(draft)).into()),
                Some(_) => Now::Can,
            },
            C::Delete => match selected(model) {
                Some(Card::Saved(id)) => {
                    let runs = model.saved(&id).is_some_and(|saved| saved.status.service.running);
                    unless(runs, "The service is running. Stop it before you delete a configuration.")
                }
                _ => Now::only_if(false),
            },
            C::Edit => {
                let edits = matches!(selected(model), Some(Card::Saved(_) | Card::Draft));
                unless(!edits, "Nothing to edit.")
            }
            C::Back if place == P::Cards => {
                // A set-up is gone back to. From the panes Esc leads here, and no circle leads back into them.
                let leads = model.is_setting_up() || !model.integrations.query.value().is_empty();
                let words = || Phrase::from("This is the first screen.").key(" Quit is ", "quit", ".");
                Now::unless((!leads).then(words))
            }
            _ => Now::Can,
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        let words = match binding.command {
            C::OpenCard => match selected(model) {
                Some(Card::Draft) => "Continue",
                Some(Card::Saved(id)) if model.saved(&id).is_some_and(|saved| is_finished(&saved.status)) => "Open",
                _ => "Configure",
            },
            C::Back if place == P::Cards && !model.integrations.query.value().is_empty() => "Clear",
            C::ViewAll if model.integrations.all => "Only what is available",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Search => model.integrations.searching = true,
            C::LeaveSearch => model.integrations.searching = false,
            C::Back if place == P::CardSearch || !model.integrations.query.value().is_empty() => {
                model.integrations.query.reset();
                model.integrations.searching = false;
                select(model, 0);
            }
            C::Back if model.is_setting_up() => return model.go(Go::Wizard),
            C::ViewAll => {
                model.integrations.all = !model.integrations.all;
                select(model, model.integrations.window.selected);
            }
            C::OpenCard => return integrations::open_selected(model),
            C::Edit => return integrations::edit_selected(model),
            C::Activate => {
                let Some(Card::Saved(id)) = selected(model) else { return Vec::new() };
                return activate::start(model, &id);
            }
            C::Deactivate => {
                let Some(Card::Saved(id)) = selected(model) else { return Vec::new() };
                let Some(name) = model.saved(&id).map(saved_title) else { return Vec::new() };
                model.popup = Some(Popup::Confirm(Confirm::new(Ask::Deactivate { name })));
            }
            C::Delete => integrations::ask_to_delete(model),
            C::DiscardDraft => {
                let title = draft_title(&model.overview.draft.clone().unwrap_or_default());
                model.popup = Some(Popup::Confirm(Confirm::new(Ask::Discard { title })));
            }
            _ => return Vec::new(),
        }
        model.touch();
        Vec::new()
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let row = model.integrations.window.selected;
        let page = usize::from(model.layout.body.height).saturating_sub(6).max(1);
        if row == 0 && to == Move::Rows(-1) {
            model.integrations.searching = true;
            model.touch();
        } else if select(model, to.from(row, page)) {
            model.touch();
        }
    }

    fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        if place != P::CardSearch {
            return None;
        }
        if line::search(&mut model.integrations.query, text) != Changed::Nothing {
            select(model, 0);
            model.touch();
        }
        Some(Vec::new())
    }

    fn settle(model: &mut Model) {
        integrations::follow(model);
    }
}

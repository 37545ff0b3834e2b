//! The set-up under the keys, with the choice of an agent that floats above it.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::form::{Edited, FieldId, Pasted};
use crate::app::go::Go;
use crate::app::jobs::{activate, plan, sync};
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::parts::{line, line::Changed, plan as page};
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::text::NO_CALLBACKS;
use crate::app::wizard::state::{Item, Test, Wizard};
use crate::app::wizard::{self, credentials, initial_sync, pia_screen, review};
use crate::domain::draft::Step;
use crate::domain::sync_run::Brake;

pub struct WizardControls;

fn focus(model: &Model) -> Option<Item> {
    model.wizard.as_ref().map(|wizard| wizard.focus)
}

// Pia Escalate To is asked for after the first sync, and the agents are still on their way from the store.
fn waits_for_agents(model: &Model) -> bool {
    model.wizard.as_ref().is_some_and(|wizard| wizard.step == Step::InitialSync) && !model.facts.lists.are_known()
}

fn better(model: &Model) -> Option<(FieldId, String)> {
    let wizard = model.wizard.as_ref()?;
    let field = wizard.text_field()?;
    wizard.form.suggestion(field).map(|better| (field, better))
}

fn on_last_field(wizard: &Wizard) -> bool {
    matches!(wizard.focus, Item::Field(_) if wizard.next_field().is_none())
}

fn save(model: &Model, command: C) -> Now {
    let running = model.wizard.as_ref().is_some_and(Wizard::is_saving);
    let step = model.wizard.as_ref().map(|wizard| wizard.step);
    if step != Some(Step::Review) {
        return Now::Hidden;
    }
    match (review::save_refusal(model), command) {
        (refused, C::Save) if focus(model) != Some(Item::Save) => Now::unless(refused),
        (None, command) => Now::only_if(command == C::Save),
        (Some(reason), C::Save) if running => Now::Not(reason.into()),
        (Some(_), command) => Now::only_if(command == C::Continue && !running),
    }
}

impl Controls for WizardControls {
    fn now(model: &Model, place: P, command: C) -> Now {
        let unless = |refused: bool, reason: &str| Now::unless(refused.then(|| reason.to_owned()));
        let wizard = model.wizard.as_ref();
        match (command, place) {
            (C::Activate, _) => activate::now(model),
            (C::PassOver, _) => Now::only_if(plan::can_be_passed_over(model)),
            (C::ToField, P::InitialSync) => Now::only_if(initial_sync::suspect(model).is_some()),
            (_, P::Plan) => page::now(model, command),
            (C::Pane(_), P::Finished) => Now::Not("First continue with Enter: it opens the panes.".into()),
            (C::Pane(_), _) => Now::Not(wizard::NO_PANES.into()),
            (C::Save, _) | (C::Continue, P::Review) => save(model, command),
            (C::Continue, P::Test) => Now::only_if(wizard.is_some_and(|wizard| wizard.test.is_passed())),
            (C::Continue, P::InitialSync) => Now::only_if(focus(model) == Some(Item::Go)),
            (C::Test, _) => Now::unless(credentials::test_refusal(model)),
            (C::Untested, _) => {
                unless(wizard.is_some_and(|w| w.test.is_passed()), "The test has passed. Press Enter to continue.")
            }
            (C::TakeBetter, _) => Now::only_if(better(model).is_some()),
            (C::OpenList, _) => pia_screen::list_now(model),
            (C::MoreFields, _) => {
                Now::only_if(wizard.is_some_and(|wizard| wizard.step == Step::Credentials && !wizard.advanced))
            }
            (C::RefreshLists, _) => pia_screen::refresh_now(model),
            // Without a choice, Enter goes on.
            (C::ChooseAgent, P::Choice | P::Finished) => Now::only_if(pia_screen::choose_refusal(model).is_none()),
            (C::EnterField, P::Choice) if waits_for_agents(model) => Now::Not("Halo's agents are being read.".into()),
            (C::EnterField, P::Choice) => Now::only_if(pia_screen::choose_refusal(model).is_some()),
            (C::EnterField, P::Field) => {
                unless(wizard.is_some_and(|w| w.id.is_none() && w.is_saving()), review::SAVING)
            }
            // Where nothing matches there is nothing to take.
            (C::TakeAgent, _) => {
                Now::only_if(matches!(&model.popup, Some(Popup::Chooser(chooser)) if chooser.selected().is_some()))
            }
            (C::ClearAgent, _) => unless(wizard.is_none_or(|w| w.form.escalate_to.is_none()), "Already blank."),
            (C::DiscardDraft, _) => Now::only_if(wizard.is_some_and(|wizard| wizard.settings && wizard.is_edited())),
            (C::SyncNow, _) => Now::unless(sync::refusal(model)),
            (C::Stop, P::Test) => Now::only_if(wizard.is_some_and(|wizard| wizard.test.is_running())),
            (C::Stop, _) => {
                Now::only_if(model.work.sync.run_of(model.current.as_ref()).is_some_and(|run| !run.stopping))
            }
            (C::NextItem | C::PreviousItem, place) if place != P::FieldList => {
                Now::only_if(wizard::items(model).len() >= 2)
            }
            (C::LookAtClients, _) => {
                let something = model.is_synced() || model.is_unproved() || model.work.sync.is_running();
                unless(!something, "No clients before the first sync.")
            }
            (C::Reveal | C::Copy, _) => unless(model.facts.callbacks.is_empty(), NO_CALLBACKS),
            _ => Now::Can,
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        let wizard = model.wizard.as_ref()?;
        let words = match (binding.command, place) {
            (C::ToField, P::InitialSync) => "Go to Credentials",
            (_, P::Plan) => return page::words(model, binding),
            // Enter says the same.
            (C::NextItem, P::Field | P::Choice) if !on_last_field(wizard) => "",
            (C::NextItem, P::Field | P::Choice | P::FieldList) => return None,
            (C::NextItem, P::Setting | P::SettingChoice) => "",
            (C::NextItem, _) => "Next",
            (C::Reveal, _) if model.facts.revealed => "Hide",
            // It was tested, and failed.
            (C::Untested, _) if matches!(wizard.test, Test::Failed(_) | Test::Broken(_)) => "Continue anyway",
            (C::Test, _) if !wizard.test.checks().is_empty() || wizard.test.is_passed() => "Test again",
            (C::EnterField, P::Setting) => return None,
            (C::EnterField, _) => match (wizard.step, wizard.focus) {
                (_, Item::Field(_)) if wizard.next_field().is_some() => "Next",
                (Step::Credentials, Item::Field(_)) => "Test",
                (Step::Integration, Item::Field(_)) if wizard.id.is_none() => "Save and sync",
                _ => "Continue",
            },
            (C::Continue, P::Review) if review::reconfigures(model) => "Re-configure",
            // Nothing has changed: it leads back, as the key for that does.
            (C::Continue, P::Review) if wizard.settings => "",
            (C::Continue, P::Finished) => "Open the panes",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Back => {
                let mut effects: Vec<Effect> = plan::stop_reading(model).into_iter().collect();
                effects.extend(wizard::back(model));
                return effects;
            }
            C::Continue => return wizard::forward(model),
            C::Activate => return activate::current(model),
            C::PassOver => return wizard::go(model, Step::Finished),
            C::ToField if place == P::InitialSync => {
                return initial_sync::suspect(model).map(|field| wizard::to_field(model, field)).unwrap_or_default();
            }
            _ if place == P::Plan => return page::on(model, command),
            C::NextItem => wizard::move_focus(model, 1, true),
            C::PreviousItem => wizard::move_focus(model, -1, true),
            C::EnterField => return wizard::enter_on_field(model),
            C::TakeBetter => {
                let (Some((field, better)), Some(wizard)) = (better(model), model.wizard.as_mut()) else {
                    return Vec::new();
                };
                wizard.form.set(field, better);
                return wizard::edited(model, field);
            }
            C::OpenList => pia_screen::open_list(model),
            C::MoreFields => credentials::show_more(model),
            C::RefreshLists => return pia_screen::refresh(model),
            C::TakeFromList => pia_screen::take_suggestion(model),
            C::CloseList => {
                if let Some(wizard) = model.wizard.as_mut() {
                    wizard.list = None;
                    model.touch();
                }
            }
            C::ChooseAgent => pia_screen::choose(model),
            C::ClearAgent => pia_screen::clear_choice(model),
            C::TakeAgent => return pia_screen::take_choice(model),
            C::ClosePopup => {
                model.popup = None;
                model.touch();
            }
            C::Test => return credentials::start(model),
            C::Untested => return credentials::ask_untested(model),
            C::Reveal => {
                model.facts.revealed = !model.facts.revealed;
                model.touch();
            }
            C::Copy => {
                let Some(Item::Callback(at)) = focus(model) else { return Vec::new() };
                return model.copy_callback(at);
            }
            C::DiscardDraft => {
                let title = model.wizard.as_ref().map(Wizard::title).unwrap_or_default();
                model.popup = Some(Popup::Confirm(Confirm::new(Ask::Discard { title })));
                model.touch();
            }
            C::Save => return wizard::save(model),
            // What is typed and not saved is not what is synced: the saved configuration is.
            C::SyncNow => return sync::start(model, Brake::On),
            C::Stop if place == P::Test => {
                model.say(Tone::Calm, "The test was stopped. Nothing has been saved.");
                return model.stop_test().into_iter().collect();
            }
            C::Stop => return sync::stop(model),
            C::LookAtClients => return model.go(Go::Clients),
            _ => {}
        }
        Vec::new()
    }

    fn moved(model: &mut Model, place: P, to: Move) {
        let page = usize::from(model.layout.body.height).saturating_sub(6).max(1) as isize;
        let by = match to {
            Move::Rows(by) => by,
            Move::Pages(by) => by * page,
            Move::First => isize::MIN / 2,
            Move::Last => isize::MAX / 2,
        };
        match place {
            P::Plan => page::moved(model, to),
            P::FieldList => pia_screen::move_list(model, by),
            P::Chooser => {
                let height = pia_screen::chooser_height(model);
                if let Some(Popup::Chooser(chooser)) = &mut model.popup {
                    let (row, rows) = (chooser.window.selected.saturating_add_signed(by), chooser.rows.len());
                    if chooser.window.select(row, rows, height) {
                        model.touch();
                    }
                }
            }
            P::Setting | P::SettingChoice | P::Review if matches!(to, Move::Pages(_)) => {
                wizard::move_section(model, by.signum());
            }
            _ if matches!(to, Move::Rows(_)) => wizard::move_focus(model, by, false),
            _ => wizard::scroll(model, by),
        }
    }

    fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        match place {
            P::Field | P::FieldList | P::Setting => Some(into_field(model, text)),
            P::Chooser => {
                let height = pia_screen::chooser_height(model);
                if let Some(Popup::Chooser(chooser)) = &mut model.popup
                    && line::search(&mut chooser.query, text) != Changed::Nothing
                {
                    chooser.filter(height);
                    model.touch();
                }
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn settle(model: &mut Model) {
        let height = pia_screen::chooser_height(model);
        if let Some(Popup::Chooser(chooser)) = &mut model.popup {
            let (row, rows) = (chooser.window.selected, chooser.rows.len());
            chooser.window.select(row, rows, height);
        }
    }
}

fn into_field(model: &mut Model, text: TextInput<'_>) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let Some(field) = wizard.text_field() else { return Vec::new() };
    if matches!(wizard.save, review::SaveState::Running { then: review::Then::Sync, .. }) {
        // The first sync and the plan follow by themselves: a key that is early for them changes no field.
        model.say(Tone::Calm, "Saving: what is typed meanwhile is left out.");
        return Vec::new();
    }
    match text {
        TextInput::Key(event) => match wizard.form.key(field, event) {
            Edited::Text => return wizard::edited(model, field),
            Edited::Cursor => model.touch(),
            Edited::Full => model
                .say(Tone::Warn, format!("{} takes at most {} characters.", field.info().label, field.info().longest)),
            Edited::Nothing => {}
        },
        TextInput::Paste(text) => {
            let pasted = wizard.form.paste(field, text);
            let is_in = !matches!(pasted, Pasted::Nothing | Pasted::Misplaced);
            let effects = if is_in { wizard::edited(model, field) } else { Vec::new() };
            if let Some(words) = pasted.words(field) {
                model.say(Tone::Warn, words);
            }
            return effects;
        }
    }
    Vec::new()
}

//! Pia Screen: suggestions for the boards, and Pia Escalate To.

use crate::app::controls::Now;
use crate::app::effect::Effect;
use crate::app::form::{FieldId, Kind};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::popup::{Ask, Chooser, Confirm, Onward, Popup};
use crate::domain::client::fold;
use crate::domain::configuration::EscalateTo;
use crate::domain::draft::Step;
use crate::domain::likeness::{did_you_mean, nearest, no_such};
use crate::words::time::ago;

use super::initial_sync;
use super::state::{BoardList, Wizard};

/// The teams to suggest for a board.
pub fn suggestions(model: &Model, field: FieldId) -> Vec<String> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let all = wizard.list.is_some_and(|list| list.all);
    let query = if all { String::new() } else { fold(wizard.form.text(field).trim()) };
    let mut names = teams(model);
    names.retain(|name| fold(name).contains(&query));
    names
}

/// Every team that a board can be, by name.
pub fn teams(model: &Model) -> Vec<String> {
    let mut names: Vec<String> =
        model.teams().iter().filter(|team| !team.inactive).map(|team| team.name.display()).collect();
    names.sort_by_cached_key(|name| fold(name));
    names.dedup();
    names
}

/// A text was typed into a board: its suggestions open, unless there is nothing to add to it.
pub fn suggest(model: &mut Model, field: FieldId) {
    let Some(wizard) = model.wizard.as_mut() else { return };
    wizard.list = None;
    if field.info().kind != Kind::Board || wizard.form.text(field).trim().is_empty() {
        return;
    }
    let typed = wizard.form.text(field).trim().to_owned();
    let names = suggestions(model, field);
    let open = !names.is_empty() && !names.contains(&typed);
    if let Some(wizard) = model.wizard.as_mut() {
        wizard.list = open.then_some(BoardList { selected: 0, all: false });
    }
}

/// Whether suggestions can be listed for what has the focus.
pub fn list_now(model: &Model) -> Now {
    let field = model.wizard.as_ref().and_then(Wizard::text_field);
    if field.is_none_or(|field| field.info().kind != Kind::Board) {
        return Now::Hidden;
    }
    let unknown = "Halo's teams are unknown so far: the connection test or a sync reads them.";
    Now::unless(model.teams().is_empty().then(|| unknown.to_owned()))
}

/// Whether teams and agents can be read from Halo anew.
pub fn refresh_now(model: &Model) -> Now {
    let is_here = model
        .wizard
        .as_ref()
        .is_some_and(|wizard| [Step::PiaScreen, Step::Review].contains(&wizard.step) && wizard.id.is_some());
    Now::only_if(is_here && model.facts.lists.are_known())
}

/// Reads teams, agents and ticket types from Halo anew.
pub fn refresh(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.wizard.as_ref().and_then(|wizard| wizard.id.clone()) else { return Vec::new() };
    model.say(Tone::Calm, "Teams, agents and ticket types are being read from Halo.");
    vec![Effect::RefreshLists(id)]
}

/// Lists every team under the board that has the focus.
pub fn open_list(model: &mut Model) {
    let Some(wizard) = model.wizard.as_mut() else { return };
    let Some(field) = wizard.text_field() else { return };
    wizard.list = Some(BoardList { selected: 0, all: true });
    let typed = wizard.form.text(field).trim().to_owned();
    let selected = suggestions(model, field).iter().position(|name| *name == typed).unwrap_or_default();
    if let Some(list) = model.wizard.as_mut().and_then(|wizard| wizard.list.as_mut()) {
        list.selected = selected;
    }
    model.touch();
}

/// Moves in the suggestions.
pub fn move_list(model: &mut Model, by: isize) {
    let Some(field) = model.wizard.as_ref().and_then(Wizard::text_field) else { return };
    let last = suggestions(model, field).len().saturating_sub(1);
    let Some(list) = model.wizard.as_mut().and_then(|wizard| wizard.list.as_mut()) else { return };
    let to = list.selected.saturating_add_signed(by).min(last);
    if to != list.selected {
        list.selected = to;
        model.touch();
    }
}

/// Takes the selected suggestion over. The field keeps the focus: the person sees what is in it now.
pub fn take_suggestion(model: &mut Model) {
    let Some(field) = model.wizard.as_ref().and_then(Wizard::text_field) else { return };
    let names = suggestions(model, field);
    let Some(wizard) = model.wizard.as_mut() else { return };
    if let Some(name) = wizard.list.and_then(|list| names.get(list.selected).cloned()) {
        wizard.form.set(field, name);
    }
    wizard.list = None;
    model.touch();
}

/// What looks wrong with a board: a warning, Halo decides.
pub fn board_warning(model: &Model, field: FieldId) -> Option<String> {
    if field.info().kind != Kind::Board {
        return None;
    }
    let wizard = model.wizard.as_ref()?;
    let typed = wizard.form.text(field).trim();
    let teams = model.teams();
    if teams.is_empty() || typed.is_empty() || teams.iter().any(|team| team.name.raw() == typed && !team.inactive) {
        return None;
    }
    if teams.iter().any(|team| team.name.raw() == typed) {
        return Some("this team is inactive in Halo".to_owned());
    }
    if let Some(team) = teams.iter().find(|team| fold(team.name.raw()) == fold(typed)) {
        return Some(format!("in Halo it is spelled {}", team.name));
    }
    // Halo is not asked while somebody types: it may have made the team since.
    let read_at = model.teams_read_at().map(|at| format!(" (read {})", ago(model.now, at))).unwrap_or_default();
    let none = no_such("team", typed);
    Some(match meant(model, field) {
        Some(name) => format!("{none}. {}", did_you_mean(&name)),
        None => format!("{none} is visible to this agent{read_at}"),
    })
}

/// The team that was probably meant where there is none of the name that is typed.
pub fn meant(model: &Model, field: FieldId) -> Option<String> {
    let typed = model.wizard.as_ref()?.form.text(field);
    let names = model.teams().iter().filter(|team| !team.inactive).map(|team| team.name.raw());
    nearest(typed, names).filter(|name| *name != typed.trim()).map(ToOwned::to_owned)
}

/// The first board of which nobody has agreed yet that no such team is there: it is asked about once, before anything goes on
/// with it.
pub fn ask_for_team(model: &mut Model, then: Onward) -> bool {
    let asked = |field: &FieldId| {
        let wizard = model.wizard.as_ref();
        wizard.is_some_and(|wizard| wizard.agreed_names.iter().any(|name| name == wizard.form.text(*field).trim()))
    };
    let found = Wizard::fields(Step::PiaScreen)
        .filter(|field| !asked(field))
        .find_map(|field| Some((field, board_warning(model, field)?)));
    let Some((field, warning)) = found else { return false };
    let typed = model.wizard.as_ref().map(|wizard| wizard.form.text(field).trim().to_owned()).unwrap_or_default();
    let ask = Ask::UnknownTeam { field, typed, warning, meant: meant(model, field), then };
    model.popup = Some(Popup::Confirm(Confirm::new(ask)));
    model.touch();
    true
}

/// Whether something on Pia Screen carries a warning.
pub fn is_doubtful(model: &Model) -> bool {
    let boards = Wizard::fields(Step::PiaScreen).any(|field| board_warning(model, field).is_some());
    boards || escalate_words(model).1.is_some()
}

/// What the field Pia Escalate To shows: the value, and whether something is wrong with it.
pub fn escalate_words(model: &Model) -> (String, Option<String>) {
    let Some(wizard) = &model.wizard else { return (String::new(), None) };
    let lists = &model.facts.lists;
    match &wizard.form.escalate_to {
        None if !lists.are_known() => ("run a sync first; blank means no default escalation".to_owned(), None),
        None => ("no default escalation".to_owned(), None),
        Some(contact) => {
            let name = crate::domain::untrusted::Untrusted::new(&*contact.name).display();
            let here = !lists.are_known() || lists.agents.iter().any(|a| a.id == contact.agent_id && a.assignable);
            let warning = (!here).then(|| "tickets can no longer be assigned to this agent; choose another".to_owned());
            (name, warning)
        }
    }
}

/// Why no agent can be chosen now.
pub fn choose_refusal(model: &Model) -> Option<String> {
    (!model.facts.lists.are_known())
        .then(|| "Run a sync first: then Halo's agents can be chosen. Blank is fine.".to_owned())
}

/// Rows of the choice that fit.
pub fn chooser_height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(5).clamp(1, 10)
}

/// Opens the choice of an agent.
pub fn choose(model: &mut Model) {
    let height = chooser_height(model);
    let chosen = model.wizard.as_ref().and_then(|wizard| wizard.form.escalate_to.as_ref()).map(|to| to.agent_id);
    model.popup = Some(Popup::Chooser(Chooser::new(&model.facts.lists.agents, chosen, height)));
    model.touch();
}

/// Takes the selected agent over.
pub fn take_choice(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Chooser(chooser)) = &model.popup else { return Vec::new() };
    let Some(choice) = chooser.selected() else { return Vec::new() };
    let choice = choice.map(|agent| EscalateTo { agent_id: agent.id, name: agent.name.display() });
    model.popup = None;
    model.touch();
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    wizard.form.escalate_to = choice;
    wizard.asked_escalate_to = true;
    if wizard.step == Step::InitialSync {
        initial_sync::focus(model);
        return Vec::new();
    }
    Vec::new()
}

/// Clears Pia Escalate To: no default escalation.
pub fn clear_choice(model: &mut Model) {
    if let Some(wizard) = model.wizard.as_mut() {
        wizard.form.escalate_to = None;
        model.touch();
    }
}

//! Which configuration is the active one: asked for, asked about, and what came of it.

use crate::app::controls::Now;
use crate::app::effect::Effect;
use crate::app::keymap;
use crate::app::model::{Model, saved_title};
use crate::app::notice::Tone;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::request::Activation;

/// Whether the active configuration has something in its Halo, by our own record.
pub fn has_objects(model: &Model) -> bool {
    model.active().is_some_and(|saved| !saved.status.integration.objects.is_empty())
}

/// Whether the configuration that is open can be made the active one.
pub fn now(model: &Model) -> Now {
    Now::only_if(model.current_saved().is_some() && !model.is_active())
}

/// "Activate" for the configuration that is open.
pub fn current(model: &mut Model) -> Vec<Effect> {
    model.current.clone().map(|id| start(model, &id)).unwrap_or_default()
}

/// "Activate": asks where another is active.
pub fn start(model: &mut Model, id: &ConfigurationId) -> Vec<Effect> {
    let Some(saved) = model.saved(id) else { return Vec::new() };
    let wanted_name = saved_title(saved);
    match model.active().map(|active| (active.id.clone(), saved_title(active))) {
        Some((active, active_name)) if active != *id => {
            let has_objects = has_objects(model);
            let ask = Ask::Switch { wanted: id.clone(), wanted_name, active, active_name, has_objects };
            model.popup = Some(Popup::Confirm(Confirm::new(ask)));
            model.touch();
            Vec::new()
        }
        Some(_) => {
            model.say(Tone::Calm, format!("{wanted_name} is active already."));
            Vec::new()
        }
        None => vec![Effect::Activate { id: id.clone(), replacing: None }],
    }
}

/// Asks whether to switch, because of something that ended outside: never under a finger that types something else.
pub fn ask_to_switch(
    model: &mut Model,
    wanted: ConfigurationId,
    wanted_name: String,
    (active, active_name): (ConfigurationId, String),
) {
    if model.popup.is_some() || keymap::place(model).takes_text() {
        let words = format!("{wanted_name} is not active: {active_name} is. Activate it on the Integrations page.");
        model.say(Tone::Warn, words);
        return;
    }
    let has_objects = has_objects(model);
    model.popup =
        Some(Popup::Confirm(Confirm::new(Ask::Switch { wanted, wanted_name, active, active_name, has_objects })));
    model.touch();
}

/// It was changed, or was not.
pub fn done(model: &mut Model, outcome: Result<Activation, Failure>) -> Vec<Effect> {
    match outcome {
        Ok(Activation::Active(active)) => {
            let words = match active.as_ref().and_then(|id| model.saved(id)).map(saved_title) {
                Some(name) => format!("{name} is active now."),
                None if active.is_some() => "It is active now.".to_owned(),
                None => "No configuration is active now.".to_owned(),
            };
            // Seen at once; the overview that was asked for says the same a moment later.
            for saved in &mut model.overview.configurations {
                saved.status.active = Some(&saved.id) == active.as_ref();
            }
            model.say(Tone::Good, words);
            let mut effects = vec![Effect::LoadOverview];
            effects.extend(model.current.clone().map(Effect::LoadStatus));
            effects
        }
        Ok(Activation::NeedsYes { wanted, active, active_name }) => {
            let wanted_name = model.saved(&wanted).map_or_else(|| wanted.to_string(), saved_title);
            ask_to_switch(model, wanted, wanted_name, (active, active_name));
            Vec::new()
        }
        Err(failure) => {
            model.say(Tone::Bad, failure.to_string());
            Vec::new()
        }
    }
}

//! Whether the webhooks deliver, by Halo's own log: read on a key, shown with each webhook.

use crate::app::effect::{Effect, Slot};
use crate::app::jobs::state::DeliveryWork;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::domain::delivery::{Delivery, DeliveryState, OVERTAKEN};
use crate::domain::failure::Failure;
use crate::domain::health::NEW;
use crate::domain::next::Hint;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{MISSING, SWITCHED_OFF};
use crate::domain::untrusted::Untrusted;
use crate::words::{self, Phrase};

/// What was read last: just now, or by an earlier run.
pub fn known(model: &Model) -> &[Delivery] {
    let stored = model.status().map_or(&[][..], |status| &status.integration.deliveries);
    let read_at = |read: &[Delivery]| read.iter().map(|delivery| delivery.read_at).max();
    match &model.work.deliveries {
        // The service may have read it since.
        DeliveryWork::Read(read) if read_at(read) >= read_at(stored) => read,
        _ => stored,
    }
}

/// Why the log cannot be read now.
pub fn refusal(model: &Model) -> Option<String> {
    if is_reading(model) {
        return Some("Halo's delivery log is already being read.".to_owned());
    }
    let webhooks = model.status().map_or(0, |status| {
        status.integration.objects.iter().filter(|object| object.kind == ObjectKind::Webhook).count()
    });
    let was_there = model.status().is_some_and(|status| status.integration.was_configured);
    let why = if was_there { "The webhooks were removed" } else { "No webhook is installed yet" };
    (webhooks == 0).then(|| format!("{why}, so nothing can be delivered."))
}

/// Whether the log is being read.
pub fn is_reading(model: &Model) -> bool {
    matches!(model.work.deliveries, DeliveryWork::Reading { .. })
}

/// Stops reading it. What was read before stays.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    model.work.deliveries = DeliveryWork::None;
    model.touch();
    vec![Effect::Cancel(Slot::Deliveries)]
}

/// Reads the log. Nothing is written into Halo.
pub fn load(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.current.clone() else { return Vec::new() };
    model.work.deliveries = DeliveryWork::Reading { since: model.now };
    model.touch();
    vec![Effect::LoadDeliveries(id)]
}

pub fn take(model: &mut Model, outcome: Result<Vec<Delivery>, Failure>) -> Vec<Effect> {
    if !is_reading(model) {
        return Vec::new();
    }
    model.work.deliveries = match outcome {
        Ok(read) => DeliveryWork::Read(read),
        Err(failure) => DeliveryWork::Failed(failure),
    };
    model.touch();
    Vec::new()
}

/// What a webhook is called that sends nothing, by its name; none where it does, or nobody has looked.
pub fn off(model: &Model, name: &str) -> Option<&'static str> {
    let known = known(model).iter().find(|delivery| delivery.webhook == name)?;
    known.state.sends_nothing().then_some(short(known.state))
}

/// Whether a webhook sends nothing.
pub fn is_any_off(model: &Model) -> bool {
    known(model).iter().any(|delivery| delivery.state.sends_nothing())
}

/// How a verdict is shown.
pub fn tone(state: DeliveryState) -> Tone {
    match state {
        DeliveryState::Delivered => Tone::Good,
        DeliveryState::Never | DeliveryState::NoAnswer | DeliveryState::Unreadable => Tone::Warn,
        _ => Tone::Bad,
    }
}

/// The verdict on a webhook, by Halo's id of it: what was found, Halo's words, what to do.
pub fn lines(model: &Model, id: Option<&str>) -> Vec<String> {
    let of = |delivery: &&Delivery| id.is_some_and(|id| delivery.id.eq_ignore_ascii_case(id));
    let Some(delivery) = known(model).iter().find(of) else { return Vec::new() };
    // They may hold what Halo holds: shown like everything that somebody else wrote.
    let clean = |text: &str| Untrusted::new(text).display();
    let took = delivery.took(words::time::took).map(|took| format!("; took {}", clean(&took)));
    let mut lines = vec![format!("Delivery: {}{}.", clean(&delivery.message), took.unwrap_or_default())];
    lines.extend(delivery.error.as_ref().map(|error| format!("Error: {}", clean(error))));
    let keys = |advice: &str| Phrase::from(&Hint::read(advice)).with_keys(&model.keys);
    lines.extend(delivery.advice.as_ref().map(|advice| format!("To do: {}.", keys(&clean(advice)))));
    lines
}

/// All of them in one line: the worst one counts.
pub fn summary(model: &Model) -> Option<(Tone, String)> {
    let known = known(model);
    let last = known.iter().max_by_key(|delivery| delivery.read_at)?;
    let event = model.status().and_then(|status| status.service.last_event_at);
    let since = if last.is_overtaken(event) { OVERTAKEN } else { "" };
    let read = format!("{}{since}", words::time::short(last.read_at));
    let open: Vec<&Delivery> = known.iter().filter(|delivery| !delivery.state.is_fine()).collect();
    let name = |delivery: &Delivery| Untrusted::new(delivery.webhook.as_str()).display();
    let bad = open.iter().find(|delivery| tone(delivery.state) == Tone::Bad).or(open.first());
    // As health judges it: a webhook that was installed today has had nothing to deliver.
    let configured = model.status().and_then(|status| status.integration.configured_at);
    let is_new = configured.is_some_and(|at| model.now.duration_since(at) < NEW);
    let tone = |state| if is_new && state == DeliveryState::Never { Tone::Calm } else { tone(state) };
    Some(match bad {
        None => (Tone::Good, format!("Every webhook delivers, read {read}.")),
        Some(bad) => {
            let words = short(bad.state);
            // Those alone that have it for the same cause.
            let same: Vec<String> =
                open.iter().filter(|other| other.state == bad.state).map(|other| name(other)).collect();
            let which =
                if same.len() == known.len() && same.len() > 1 { "Every webhook".to_owned() } else { same.join(", ") };
            (tone(bad.state), format!("{which}: {words}, read {read}."))
        }
    })
}

fn short(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Delivered => "delivered",
        DeliveryState::Unauthorised => "login refused",
        DeliveryState::NotFound => "unknown callback address",
        DeliveryState::ServerError => "server error in pia-halo or its proxy",
        DeliveryState::TimeOut => "not answered in time",
        DeliveryState::NotReached => "Halo cannot reach this service",
        DeliveryState::OtherAnswer => "an unexpected answer",
        DeliveryState::NoAnswer => "no answer yet",
        DeliveryState::SwitchedOff => SWITCHED_OFF,
        DeliveryState::Never => "nothing delivered since install",
        DeliveryState::Missing => MISSING,
        DeliveryState::Unreadable => "the log cannot be read",
    }
}

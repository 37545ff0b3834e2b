//! Whose change makes an object differ: somebody's in Halo, or the person's own, who has changed a setting since Configure
//! ran last.

use crate::domain::object::{ObjectKind, same_id};
use crate::domain::plan::{Action, CHANGED, Cause, Change, FieldChange, NOT_IN_HALO, SETTING};
use crate::domain::record::{InstalledObject, Written};
use crate::domain::untrusted::Untrusted;
use crate::domain::webhook_options::HaloOptions;
use crate::halo::install::plan::InstallPlan;

/// A webhook has an event that is not wanted there.
pub(super) const NOT_WANTED: &str = "not one of ours";

/// Corrects the reasons of a plan by what was written last, newest first.
pub fn blame(plan: &mut InstallPlan, record: &[InstalledObject], written: &[Written]) {
    let has_events = record.iter().any(|object| object.kind == ObjectKind::WebhookEvent);
    for line in plan.steps.iter_mut().map(|step| &mut step.line) {
        let is_own = |object: &InstalledObject| object.kind == line.kind && Some(&object.id) == line.id.as_ref();
        // By its number, too: Halo may call it by another name since.
        let is_known = |name: &Untrusted| {
            record.iter().any(|object| object.kind == line.kind && object.name == *name)
                || written
                    .iter()
                    .any(|write| write.kind == line.kind && (write.name == *name || is_of(write, &line.fields)))
        };
        match (line.kind, line.action) {
            (_, Action::Update) if line.reason.contains(CHANGED) => {
                let own = line.fields.iter().filter(|field| is_as_written(line, field, written)).count();
                if own > 0 {
                    let both = format!("{SETTING}, and {CHANGED}");
                    // That it is off is said already.
                    let others = line.fields.len() - usize::from(line.is_off());
                    let reason = if own == others { SETTING } else { &both };
                    line.reason = line.reason.replacen(CHANGED, reason, 1);
                    line.cause = Cause::Settings;
                }
            }
            (ObjectKind::WebhookEvent, Action::Delete) if line.reason == NOT_WANTED && record.iter().any(is_own) => {
                line.reason = format!("{SETTING}: it is not among the chosen events");
                line.cause = Cause::Settings;
            }
            (ObjectKind::WebhookEvent, Action::Create) if has_events && !is_known(&line.name) => {
                NOT_IN_HALO.clone_into(&mut line.reason);
            }
            _ => {}
        }
    }
}

/// Whether this bound the event that a line is about.
fn is_of(write: &Written, fields: &[FieldChange]) -> bool {
    let event = |field: &FieldChange| field.after.as_ref().filter(|_| field.name == "event").cloned();
    let bound = write.proof.after.as_ref().and_then(|members| members.get("eventno"));
    bound.is_some_and(|bound| fields.iter().find_map(event) == Some(bound.to_string()))
}

/// Whether Halo still holds what Configure wrote last into a field that depends on the settings.
fn is_as_written(line: &Change, field: &FieldChange, written: &[Written]) -> bool {
    let is_it = |write: &&Written| {
        let id = write.object.as_ref().zip(line.id.as_ref());
        write.kind == line.kind && id.is_some_and(|(written, own)| same_id(written, own))
    };
    let is_option = HaloOptions::MEMBERS.contains(&field.name);
    let has = |write: &Written| write.proof.after.as_ref().is_some_and(|after| after.get(field.name).is_some());
    // Left to Halo until now, it is set for the first time.
    if is_option && written.iter().any(|write| is_it(&write)) && !written.iter().filter(is_it).any(has) {
        return true;
    }
    let last = written.iter().filter(is_it).find_map(|write| write.proof.after.as_ref()?.get(field.name));
    let (Some(last), Some(before), Some(after)) = (last, &field.before, &field.after) else { return false };
    if is_option {
        return serde_json::from_str(before).is_ok_and(|before: serde_json::Value| before == *last);
    }
    // Of a callback address only what is before the token: another token is never a matter of the settings.
    let place = |url: &str| match line.kind {
        ObjectKind::Webhook => url.rsplit_once('/').map(|(place, _)| place.to_owned()),
        _ => Some(url.to_owned()),
    };
    field.name == "url" && last.as_str().and_then(place) == place(before) && place(before) != place(after)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{installed, wanted};
    use super::*;
    use crate::domain::address::PiaUrl;
    use crate::domain::callback::{CallbackUrl, EventGroup, EventNumber};
    use crate::domain::chat_pod::ChatPodUrl;
    use crate::domain::configuration::ConfigurationId;
    use crate::domain::record::{BeforeAfter, Members};
    use crate::domain::secret::Secret;
    use crate::halo::install::existing::{Existing, Wanted};
    use crate::halo::install::planner::plan;

    fn written(held: &Existing) -> Vec<Written> {
        let write = |kind, id: &str, url: &str| Written {
            kind,
            name: "x".into(),
            action: Action::Create,
            object: Some(id.to_owned()),
            proof: BeforeAfter {
                after: Some(Members::default().with("url", url).with("log_retention_policy_days", 30)),
                ..BeforeAfter::default()
            },
        };
        let webhooks = held.webhooks.iter().map(|own| write(ObjectKind::Webhook, &own.id, own.url.expose()));
        let tab = |tab: &crate::halo::install::existing::ExistingTab| {
            write(ObjectKind::CustomTab, &tab.id.to_string(), tab.url.as_ref().unwrap().raw())
        };
        webhooks.chain(held.tabs.iter().map(tab)).collect()
    }

    fn reasons(wanted: &Wanted, change: impl FnOnce(&mut Existing)) -> Vec<String> {
        let (mut held, mut record) = installed();
        let webhook = record[0].clone();
        let events = held.webhooks.iter().flat_map(|own| &own.bindings).map(|binding| InstalledObject {
            kind: ObjectKind::WebhookEvent,
            id: binding.id.to_string(),
            ..webhook.clone()
        });
        record.extend(events);
        let written = written(&held);
        change(&mut held);
        let mut plan = plan(wanted, &held, &record);
        blame(&mut plan, &record, &written);
        plan.pending().map(|step| step.reason.clone()).collect()
    }

    #[test]
    fn setting_that_changed_is_not_blamed_on_halo() {
        let pia = PiaUrl::read("https://elsewhere.example").unwrap().address;
        let id = ConfigurationId::parse("acme").unwrap();
        let token = Secret::new("t".repeat(43));
        let moved = Wanted {
            webhooks: EventGroup::ALL.map(|group| (group, CallbackUrl::new(&pia, &id, group, &token))).to_vec(),
            callback_prefix: CallbackUrl::prefix(&pia, &id),
            chat_pod: ChatPodUrl::below(&pia),
            ..wanted()
        };
        assert_eq!(reasons(&moved, |_| {}), [SETTING; 3]);
        let renamed = reasons(&moved, |held| held.webhooks[0].name = "x".into());
        assert_eq!(renamed, ["your setting changed, and changed in Halo", SETTING, SETTING]);
    }

    #[test]
    fn change_in_halo_is_called_one() {
        let elsewhere = |held: &mut Existing| held.webhooks[0].url = Secret::new("https://evil.example/");
        assert_eq!(reasons(&wanted(), elsewhere), [CHANGED]);
        let token = |held: &mut Existing| {
            let url = format!("{}x", held.webhooks[0].url.expose());
            held.webhooks[0].url = Secret::new(url);
        };
        assert_eq!(reasons(&wanted(), token), [CHANGED], "a token is no setting");
        assert_eq!(reasons(&wanted(), |held| held.tabs[0].name = "x".into()), [CHANGED]);
    }

    #[test]
    fn options_and_events_that_were_chosen_are_settings() {
        let mut chosen = wanted();
        chosen.options.halo.log_days = Some(60);
        let told = |days| move |held: &mut Existing| held.webhooks[0].options.log_days = Some(days);
        assert_eq!(reasons(&chosen, told(30)), [SETTING; 2]);
        assert_eq!(reasons(&chosen, told(7)), [CHANGED, SETTING]);
        // One that Configure has never written was Halo's to choose.
        chosen.options.halo.attempts = Some(7);
        let both = |held: &mut Existing| {
            held.webhooks[0].options =
                HaloOptions { log_days: Some(60), attempts: Some(3), ..held.webhooks[0].options };
        };
        assert_eq!(reasons(&chosen, both)[0], SETTING);
        let mut chosen = wanted();
        chosen.options.events = vec![3, 19, 39, 76];
        assert_eq!(reasons(&chosen, |_| {}), ["your setting changed: it is not among the chosen events"]);
    }

    /// What the planner says more exactly stays: an event that is there twice, or that Halo calls by another name since, is
    /// no setting.
    #[test]
    fn doubled_and_renamed_events_keep_their_reasons() {
        let twice = |held: &mut Existing| {
            let bindings = &mut held.webhooks[1].bindings;
            let again = bindings[0].clone();
            bindings.push(again);
        };
        assert_eq!(reasons(&wanted(), twice), ["duplicate"]);

        let (mut held, mut record) = installed();
        let mut chosen = wanted();
        chosen.options.events = vec![3, 19, 39, 76, 77];
        held.events.push((EventNumber(77), "Ticket Renamed".into()));
        let bound = |kind, id: &str, name: &str| InstalledObject {
            kind,
            id: id.to_owned(),
            name: name.into(),
            ..record[0].clone()
        };
        record.push(bound(ObjectKind::WebhookEvent, "103", "New Ticket Logged"));
        let write = Written {
            kind: ObjectKind::WebhookEvent,
            name: "Ticket Name".into(),
            action: Action::Create,
            object: Some("177".to_owned()),
            proof: BeforeAfter { after: Some(Members::default().with("eventno", 77)), ..BeforeAfter::default() },
        };
        let reason = |written: &[Written]| {
            let mut plan = plan(&chosen, &held, &record);
            blame(&mut plan, &record, written);
            let created = plan.pending().find(|step| step.action == Action::Create).unwrap();
            created.reason.clone()
        };
        assert_eq!(reason(&[]), NOT_IN_HALO);
        assert_eq!(reason(&[write]), "missing in Halo", "somebody has taken it out");
    }
}

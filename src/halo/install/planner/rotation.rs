//! What a rotation writes: the address and the password of both webhooks, and nothing else.
//!
//! A webhook that is not as Configure has left it is not touched: writing it again would mend in silence what somebody
//! has changed. It is said instead, and Configure is what mends it.

use super::recorded;
use super::webhooks::{is_replaced, new_password, webhook_fields};
use crate::domain::callback::{CallbackUrl, EventGroup, mask_address};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Blocked, FieldChange};
use crate::domain::record::InstalledObject;
use crate::halo::install::existing::{Existing, ExistingWebhook, Wanted};
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep, WebhookWrite};

/// Says which webhooks have yet to get the new address. Nothing in it depends on which token the new one is: the plan
/// that was shown can be compared with the one that is applied, without a token made before there was a yes.
pub fn plan_rotation(wanted: &Wanted, held: &Existing, record: &[InstalledObject]) -> InstallPlan {
    let mut plan = InstallPlan::default();
    for (group, url) in &wanted.webhooks {
        match rotate(*group, url, wanted, held, record) {
            Ok(change) => plan.steps.push(change),
            Err(reason) => {
                let name = group.webhook_name().into();
                plan.blocked.push(Blocked { kind: ObjectKind::Webhook, name, reason, only_told: false });
            }
        }
    }
    plan.made_from(held)
}

fn rotate(
    group: EventGroup,
    url: &CallbackUrl,
    wanted: &Wanted,
    held: &Existing,
    record: &[InstalledObject],
) -> Result<PlanStep, String> {
    let name = group.webhook_name();
    let remembered = recorded(record, ObjectKind::Webhook, name);
    let own = remembered.and_then(|object| held.webhooks.iter().find(|webhook| webhook.id == object.id));
    let Some(own) = own else { return Err("not in Halo, or not installed by Configure".to_owned()) };
    let prefix = format!("{}{}/", wanted.callback_prefix, group.slug());
    let is_copy = |other: &ExistingWebhook| other.id != own.id && other.url.expose().starts_with(&prefix);
    if held.webhooks.iter().any(is_copy) {
        return Err("there is a duplicate webhook for the same events".to_owned());
    }
    let address = url.expose();
    let fields = webhook_fields(own, name, address.expose(), wanted);
    let is_kept = |field: &&FieldChange| field.name == "url" || field.is_owner();
    let changed: Vec<&str> = fields.iter().filter(|field| !is_kept(field)).map(|field| field.name).collect();
    if !changed.is_empty() {
        return Err(format!("changed in Halo: {}", changed.join(", ")));
    }
    let has_new = own.url == address;
    if !has_new && !is_replaced(own, group, wanted) {
        return Err("changed in Halo: url".to_owned());
    }
    let (action, reason, operation) = if has_new {
        (Action::Keep, "has the new token already", Operation::None)
    } else {
        (
            Action::Update,
            "gets a new token and password",
            Operation::Webhook(WebhookWrite::Update(group, own.id.clone())),
        )
    };
    let after = |text: &str| Some(text.to_owned());
    let url = FieldChange { name: "url", before: after(&mask_address(own.url.expose())), after: after("a new token") };
    let fields = if has_new { Vec::new() } else { vec![url, new_password()] };
    Ok(PlanStep::new(action, ObjectKind::Webhook, name, Some(&own.id), reason, operation).with(fields))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{installed, wanted};
    use super::*;
    use crate::domain::address::PiaUrl;
    use crate::domain::configuration::ConfigurationId;
    use crate::domain::plan::Cause;
    use crate::domain::secret::Secret;
    use crate::domain::untrusted::Untrusted;
    use crate::halo::install::planner::plan;

    /// What is wanted while the token of [`installed`] is replaced.
    fn rotating() -> Wanted {
        let pia = PiaUrl::read("https://pia.acme.example").unwrap().address;
        let id = ConfigurationId::parse("acme").unwrap();
        let token = Secret::new("n".repeat(43));
        let before = wanted();
        let webhooks = EventGroup::ALL.map(|group| (group, CallbackUrl::new(&pia, &id, group, &token))).to_vec();
        Wanted { webhooks, replaced: before.webhooks.clone(), ..before }
    }

    fn actions(plan: &InstallPlan) -> Vec<Action> {
        plan.steps.iter().map(|change| change.action).collect()
    }

    #[test]
    fn both_webhooks_get_new_address_and_what_has_it_is_kept() {
        let (mut held, record) = installed();
        let plan = plan_rotation(&rotating(), &held, &record);
        assert_eq!((actions(&plan), plan.blocked.len()), (vec![Action::Update; 2], 0));
        assert_eq!(
            plan.steps[0].operation,
            Operation::Webhook(WebhookWrite::Update(EventGroup::TicketCreated, "guid-0".into()))
        );
        held.webhooks[1].url = rotating().webhooks[1].1.expose();
        let plan = plan_rotation(&rotating(), &held, &record);
        assert_eq!(actions(&plan), [Action::Update, Action::Keep]);
        held.webhooks[0].url = rotating().webhooks[0].1.expose();
        assert!(!plan_rotation(&rotating(), &held, &record).changes_pending());
        let text = format!("{plan:?}{}", serde_json::to_string(&plan.shown().changes).unwrap());
        assert!(!text.contains(&"n".repeat(43)) && !text.contains(&"t".repeat(43)), "{text}");
    }

    #[test]
    fn what_somebody_changed_is_said_and_not_mended() {
        type Drift = fn(&mut Existing);
        let cases: [(&str, Drift); 6] = [
            ("changed in Halo: name", |held| held.webhooks[0].name = "renamed".into()),
            ("changed in Halo: active", |held| held.webhooks[0].active = false),
            ("changed in Halo: basic_username", |held| held.webhooks[0].basic_username = Some("root".into())),
            ("changed in Halo: url", |held| held.webhooks[0].url = Secret::new("https://elsewhere.example/")),
            ("duplicate webhook", |held| {
                let copy =
                    ExistingWebhook { id: "copy".into(), name: Untrusted::new("Copy"), ..held.webhooks[0].clone() };
                held.webhooks.push(copy);
            }),
            ("not in Halo", |held| drop(held.webhooks.remove(0))),
        ];
        for (why, drift) in cases {
            let (mut held, record) = installed();
            drift(&mut held);
            let plan = plan_rotation(&rotating(), &held, &record);
            assert_eq!((actions(&plan), plan.blocked.len()), (vec![Action::Update], 1), "{why}");
            assert!(plan.blocked[0].reason.contains(why), "{}", plan.blocked[0].reason);
        }
        let (held, _) = installed();
        assert_eq!(plan_rotation(&rotating(), &held, &[]).blocked.len(), 2, "without our record nothing is ours");
    }

    #[test]
    fn rotation_that_is_half_done_is_no_drift_of_somebody_s() {
        let (mut held, record) = installed();
        held.webhooks[0].url = rotating().webhooks[0].1.expose();
        let half = plan(&rotating(), &held, &record);
        let pending: Vec<_> = half.pending().collect();
        assert_eq!(pending.len(), 1);
        assert!(pending[0].cause == Cause::Rotation && pending[0].id.as_deref() == Some("guid-1"));
        let kept = half.steps.iter().find(|change| change.id.as_deref() == Some("guid-0")).unwrap();
        assert_eq!((kept.action, kept.cause), (Action::Keep, Cause::Rotation));
        // What somebody has changed besides is their change still.
        held.webhooks[1].active = false;
        let drift = plan(&rotating(), &held, &record);
        assert_eq!(drift.pending().next().unwrap().reason, "switched off in Halo");
    }
}

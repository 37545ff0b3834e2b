//! The binding of an event to a webhook: bound, mended, taken away.

use super::Apply;
use super::write::{Found, Write, compare, gone, settled, text, there, written};
use crate::domain::object::ObjectKind;
use crate::domain::plan::Outcome;
use crate::domain::record::{BeforeAfter, Members};
use crate::halo::install::plan::EventWrite;
use crate::halo::install::planner;
use crate::halo::{HaloApi, HaloError};
use crate::words::by_hand;

impl Write for EventWrite {
    fn reason_to_skip(&self, apply: &Apply<'_>) -> Option<String> {
        let Self::Bind(group, ..) = self else { return None };
        let is_there = apply.webhooks.contains_key(group);
        (!is_there).then(|| format!("{} is missing in Halo", group.webhook_name()))
    }

    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError> {
        match self {
            Self::Bind(..) => Ok(true),
            Self::Unbind { webhook, binding } | Self::Mend { webhook, binding } => {
                is_as_planned(apply, webhook, *binding).await
            }
        }
    }

    async fn read_before(&self, apply: &Apply<'_>) -> Result<BeforeAfter, HaloError> {
        Ok(match self {
            Self::Bind(group, event, _) => BeforeAfter {
                parent: Some(apply.webhook_id(*group).to_owned()),
                ..written(Members::default().with("eventno", event.0))
            },
            Self::Mend { webhook, binding } => BeforeAfter {
                before: there(apply.halo.binding_members(webhook, *binding).await?)?,
                parent: Some(webhook.clone()),
                ..written(firing(apply, webhook, *binding))
            },
            // What is gone already needs no proof: deleting it is done.
            Self::Unbind { webhook, binding } => BeforeAfter {
                before: apply.halo.binding_members(webhook, *binding).await?,
                parent: Some(webhook.clone()),
                after: None,
                beside: bound_beside(apply, webhook, *binding).await?,
            },
        })
    }

    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        let halo = apply.halo;
        match self {
            Self::Bind(group, event, name) => Ok(text(halo.bind_event(apply.webhook_id(*group), *event, name).await?)),
            Self::Mend { webhook, binding } => {
                let members = firing(apply, webhook, *binding);
                Ok(text(halo.put_binding(Some(*binding), &members).await?))
            }
            Self::Unbind { webhook, binding } => {
                // Another program can have moved it to its own webhook: then it is off ours.
                if halo.bindings(webhook).await?.iter().all(|own| own.id != *binding) {
                    return Ok(None);
                }
                halo.unbind_event(*binding).await.map(|()| None)
            }
        }
    }

    async fn read_back(&self, apply: &Apply<'_>, _: Option<String>) -> Result<Found, HaloError> {
        match self {
            Self::Bind(group, event, _) => {
                let bindings = apply.halo.bindings(apply.webhook_id(*group)).await?;
                let bound = bindings.iter().find(|binding| binding.event == *event);
                Ok(bound.map_or(Found::No, |own| settled(own.id.to_string(), &planner::binding_fields(own))))
            }
            Self::Mend { webhook, binding } => {
                let now = apply.halo.binding_members(webhook, *binding).await?;
                Ok(compare(binding.to_string(), &firing(apply, webhook, *binding), now))
            }
            Self::Unbind { webhook, binding } => {
                let bindings = apply.halo.bindings(webhook).await?;
                let still = bindings.iter().find(|own| own.id == *binding);
                let by_hand = |name: &str| by_hand::removal_of(ObjectKind::WebhookEvent, name);
                Ok(gone(binding, still.map(|own| by_hand(&own.name.display()))))
            }
        }
    }

    fn holds(&self, outcome: Outcome) -> Option<String> {
        match self {
            Self::Unbind { webhook, .. } if !is_over(outcome) => Some(webhook.clone()),
            _ => None,
        }
    }
}

fn is_over(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Done | Outcome::Unchanged)
}

/// Whether a binding is still as the plan saw it.
pub(super) async fn is_as_planned(apply: &Apply<'_>, webhook: &str, id: i64) -> Result<bool, HaloError> {
    let Some(seen) = apply.seen.binding(webhook, id) else { return Ok(true) };
    let now = apply.halo.bindings(webhook).await?.into_iter().find(|own| own.id == id);
    Ok(now.is_none_or(|now| now == *seen))
}

/// The other bindings of a webhook to the same event.
async fn bound_beside(apply: &Apply<'_>, webhook: &str, binding: i64) -> Result<Vec<String>, HaloError> {
    let bindings = apply.halo.bindings(webhook).await?;
    let event = bindings.iter().find(|own| own.id == binding).map(|own| own.event);
    let beside = bindings.iter().filter(|own| own.id != binding && Some(own.event) == event);
    Ok(beside.map(|own| own.id.to_string()).collect())
}

// What makes an event fire. A switch that Halo does not tell is not written.
fn firing(apply: &Apply<'_>, webhook: &str, binding: i64) -> Members {
    let is_off = apply.seen.binding(webhook, binding).is_some_and(|seen| seen.inactive == Some(true));
    if is_off { HaloApi::firing().with("inactive", false) } else { HaloApi::firing() }
}

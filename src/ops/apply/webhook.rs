//! A webhook: made, written again, deleted.

use super::Apply;
use super::write::{Found, Write, gone, settled, there, written};
use crate::domain::callback::{BASIC_USER, EventGroup};
use crate::domain::object::ObjectKind;
use crate::domain::record::BeforeAfter;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::plan::WebhookWrite;
use crate::halo::install::planner;
use crate::halo::install::snapshot::same_webhook;
use crate::halo::{HaloError, WebhookDraft};
use crate::words::by_hand;

impl Write for WebhookWrite {
    fn reason_to_skip(&self, apply: &Apply<'_>) -> Option<String> {
        let Self::Delete(id) = self else { return None };
        apply.in_use.contains(id).then(|| "it still has an event".to_owned())
    }

    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError> {
        match self {
            Self::Create(_) => Ok(true),
            Self::Update(_, id) | Self::Delete(id) => is_as_planned(apply, id).await,
        }
    }

    async fn read_before(&self, apply: &Apply<'_>) -> Result<BeforeAfter, HaloError> {
        Ok(match self {
            Self::Create(group) => written(draft(apply, *group, None).members()),
            Self::Update(group, id) => BeforeAfter {
                before: there(apply.halo.webhook_members(id).await?)?,
                ..written(draft(apply, *group, Some(id)).members())
            },
            // What is gone already needs no proof: deleting it is done.
            Self::Delete(id) => BeforeAfter { before: apply.halo.webhook_members(id).await?, ..BeforeAfter::default() },
        })
    }

    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        match self {
            Self::Create(group) => apply.halo.save_webhook(&draft(apply, *group, None)).await,
            Self::Update(group, id) => apply.halo.save_webhook(&draft(apply, *group, Some(id))).await,
            Self::Delete(id) => apply.halo.delete_webhook(id).await.map(|()| None),
        }
    }

    async fn read_back(&self, apply: &Apply<'_>, told: Option<String>) -> Result<Found, HaloError> {
        match self {
            Self::Create(group) => find(apply, *group, told).await,
            Self::Update(group, id) => find(apply, *group, Some(id.clone())).await,
            Self::Delete(id) => {
                let still = apply.halo.webhook(id).await?;
                let by_hand = |name: &str| by_hand::removal_of(ObjectKind::Webhook, name);
                Ok(gone(id, still.map(|own| by_hand(&own.name.display()))))
            }
        }
    }

    async fn note(&self, apply: &mut Apply<'_>, id: &str) {
        if let Self::Create(group) | Self::Update(group, _) = self {
            apply.webhooks.insert(*group, id.to_owned());
        }
    }
}

/// Whether a webhook is still as the plan saw it.
pub(super) async fn is_as_planned(apply: &Apply<'_>, id: &str) -> Result<bool, HaloError> {
    let Some(seen) = apply.seen.webhook(id) else { return Ok(true) };
    Ok(apply.halo.webhook(id).await?.is_none_or(|now| same_webhook(seen, &now)))
}

/// Finds the webhook by the id that Halo told or, where the answer was lost, by its address.
async fn find(apply: &Apply<'_>, group: EventGroup, id: Option<String>) -> Result<Found, HaloError> {
    let draft = draft(apply, group, None);
    let found = match id {
        Some(id) => apply.halo.webhook(&id).await?,
        None => apply.halo.webhooks().await?.into_iter().find(|webhook| webhook.url == draft.url),
    };
    let Some(webhook) = found else { return Ok(Found::No) };
    let Some(installs) = &apply.target.installs else { return Ok(Found::No) };
    let differs = planner::webhook_fields(&webhook, &draft.name, draft.url.expose(), &installs.wanted);
    Ok(settled(webhook.id, &differs))
}

fn draft(apply: &Apply<'_>, group: EventGroup, id: Option<&str>) -> WebhookDraft {
    let installs = apply.target.installs.as_ref();
    let url = installs.and_then(|installs| {
        installs.wanted.webhooks.iter().find(|(own, _)| *own == group).map(|(_, url)| url.expose())
    });
    let seen = id.and_then(|id| apply.seen.webhook(id));
    let options = installs.map(|installs| installs.wanted.options.halo).unwrap_or_default();
    WebhookDraft {
        id: id.map(str::to_owned),
        name: group.webhook_name().to_owned(),
        url: url.unwrap_or_else(|| Secret::new("")),
        username: BASIC_USER.to_owned(),
        password: installs.map(|installs| installs.secrets.password.clone()),
        active: true,
        tells_disabled: seen.is_some_and(|seen| seen.tells_disabled),
        making: seen.map(|seen| seen.making).unwrap_or_default(),
        options: seen.map_or(options, |seen| options.readable_in(seen.options)),
        note: installs.and_then(|installs| {
            let note = seen.and_then(|seen| seen.note.as_ref()).map_or("", Untrusted::raw);
            Some(installs.wanted.owner.as_ref()?.marked(note))
        }),
    }
}

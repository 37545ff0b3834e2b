//! The tab of the chat pod: made, written again, deleted.

use super::Apply;
use super::write::{Found, Write, gone, settled, text, there, written};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::ObjectKind;
use crate::domain::record::BeforeAfter;
use crate::halo::install::existing::ExistingTab;
use crate::halo::install::plan::TabWrite;
use crate::halo::install::planner;
use crate::halo::install::snapshot::{is_another_tab, same_tab};
use crate::halo::{HaloError, TabDraft};
use crate::words::by_hand;

impl Write for TabWrite {
    fn reason_to_skip(&self, apply: &Apply<'_>) -> Option<String> {
        let Self::Delete(id) = self else { return None };
        apply.in_use.contains(&id.to_string()).then(|| "a ticket type still shows it".to_owned())
    }

    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError> {
        match self {
            Self::Create(_) => Ok(true),
            Self::Update(id, _) | Self::Delete(id) => is_as_planned(apply, *id).await,
        }
    }

    async fn read_before(&self, apply: &Apply<'_>) -> Result<BeforeAfter, HaloError> {
        Ok(match self {
            Self::Create(kind) => written(draft(apply, None, Some(*kind)).members()),
            Self::Update(id, kind) => BeforeAfter {
                before: there(apply.halo.tab_members(*id).await?)?,
                ..written(draft(apply, Some(*id), *kind).members())
            },
            // What is gone already needs no proof: deleting it is done.
            Self::Delete(id) => BeforeAfter { before: apply.halo.tab_members(*id).await?, ..BeforeAfter::default() },
        })
    }

    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        match self {
            Self::Create(kind) => Ok(text(apply.halo.save_tab(&draft(apply, None, Some(*kind))).await?)),
            Self::Update(id, kind) => Ok(text(apply.halo.save_tab(&draft(apply, Some(*id), *kind)).await?)),
            Self::Delete(id) => apply.halo.delete_tab(*id).await.map(|()| None),
        }
    }

    async fn read_back(&self, apply: &Apply<'_>, told: Option<String>) -> Result<Found, HaloError> {
        match self {
            Self::Create(kind) => find(apply, told.and_then(|id| id.parse().ok()), Some(*kind)).await,
            Self::Update(id, kind) => find(apply, Some(*id), *kind).await,
            Self::Delete(id) => {
                // Its number can have come to somebody else's tab already.
                let is_it = |now: &ExistingTab| apply.seen.tab(*id).is_none_or(|seen| !is_another_tab(seen, now));
                let still = apply.halo.tab(*id).await?.filter(is_it);
                let by_hand = |name: &str| by_hand::removal_of(ObjectKind::CustomTab, name);
                Ok(gone(id, still.map(|own| by_hand(&own.name.display()))))
            }
        }
    }

    async fn note(&self, apply: &mut Apply<'_>, id: &str) {
        if let (Self::Create(_) | Self::Update(..), Ok(tab)) = (self, id.parse()) {
            apply.tab = Some(tab);
            // Not told, our record knows it by its name alone: no reason to call the write a failure.
            apply.guid = apply.halo.tab(tab).await.ok().flatten().and_then(|tab| tab.guid);
        }
    }

    fn identity(&self, apply: &Apply<'_>) -> Option<String> {
        match self {
            Self::Create(_) | Self::Update(..) => apply.guid.clone(),
            Self::Delete(_) => None,
        }
    }
}

/// Whether a tab is still as the plan saw it.
pub(super) async fn is_as_planned(apply: &Apply<'_>, id: i64) -> Result<bool, HaloError> {
    let Some(seen) = apply.seen.tab(id) else { return Ok(true) };
    Ok(apply.halo.tab(id).await?.is_none_or(|now| same_tab(seen, &now)))
}

/// Finds the tab by the id that Halo told or, where the answer was lost, by its address.
async fn find(apply: &Apply<'_>, id: Option<i64>, kind: Option<i64>) -> Result<Found, HaloError> {
    let draft = draft(apply, None, kind);
    let leads = |tab: &ExistingTab| tab.url.as_ref().is_some_and(|url| url.raw() == draft.url);
    let found = match id {
        Some(id) => apply.halo.tab(id).await?,
        None => apply.halo.tabs().await?.into_iter().find(leads),
    };
    let Some(tab) = found else { return Ok(Found::No) };
    let found = settled(tab.id.to_string(), &planner::tab_fields(&tab, &draft.name, &draft.url, kind));
    Ok(match found {
        Found::Differs(id, what) => {
            Found::Differs(id, format!("{what}. By hand: {}", by_hand::tab_of(&tab.name.display(), &draft.url)))
        }
        other => other,
    })
}

fn draft(apply: &Apply<'_>, id: Option<i64>, kind: Option<i64>) -> TabDraft {
    let url = apply.target.installs.as_ref().map(|installs| installs.wanted.chat_pod.as_str().to_owned());
    TabDraft { id, name: ChatPodUrl::TAB_NAME.to_owned(), url: url.unwrap_or_default(), kind }
}

//! The link of a ticket type to a tab: made, taken away.

use super::Apply;
use super::tab::is_as_planned;
use super::write::{Found, Write, gone};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::next::Next;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Outcome, TABS_NOT_TOLD};
use crate::domain::record::BeforeAfter;
use crate::halo::HaloError;
use crate::halo::install::existing::ExistingTicketType;
use crate::halo::install::plan::LinkWrite;
use crate::words::by_hand;

impl Write for LinkWrite {
    fn reason_to_skip(&self, apply: &Apply<'_>) -> Option<String> {
        match self {
            Self::Add(_, None) if apply.tab.is_none() => Some(format!("{} is missing in Halo", ChatPodUrl::TAB_NAME)),
            Self::Add(_, Some(tab))
                if apply.seen.tab(*tab).is_none() && !apply.renumbered.contains_key(&tab.to_string()) =>
            {
                Some("the tab that it showed is not in Halo".to_owned())
            }
            _ => None,
        }
    }

    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError> {
        match self {
            Self::Add(_, Some(tab)) | Self::Remove { tab, .. } => is_as_planned(apply, *tab).await,
            Self::Add(_, None) => Ok(true),
        }
    }

    async fn read_before(&self, apply: &Apply<'_>) -> Result<BeforeAfter, HaloError> {
        let tab = match self {
            Self::Add(_, tab) => tab.or(apply.tab),
            Self::Remove { tab, .. } => Some(*tab),
        };
        Ok(BeforeAfter { parent: tab.map(|tab| tab.to_string()), ..BeforeAfter::default() })
    }

    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        match self {
            Self::Add(id, tab) => {
                let Some(tab) = tab_to_link(apply, *tab) else { return Ok(None) };
                let add = |tabs: &mut Vec<i64>| {
                    if !tabs.contains(&tab) {
                        tabs.push(tab);
                    }
                };
                set_tabs(apply, *id, add).await
            }
            Self::Remove { ticket_type, tab } => {
                match set_tabs(apply, *ticket_type, |tabs| tabs.retain(|own| own != tab)).await {
                    // A ticket type that is gone took its link along.
                    Err(HaloError::NotFound { .. }) => Ok(None),
                    other => other,
                }
            }
        }
    }

    /// From the tab's side: possible in the newest versions.
    async fn send_otherwise(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        let (ticket_type, tab, links) = match self {
            Self::Add(id, tab) => match tab_to_link(apply, *tab) {
                Some(tab) => (*id, tab, true),
                None => return Ok(None),
            },
            Self::Remove { ticket_type, tab } => (*ticket_type, *tab, false),
        };
        set_ticket_types(apply, ticket_type, tab, links).await
    }

    async fn read_back(&self, apply: &Apply<'_>, _: Option<String>) -> Result<Found, HaloError> {
        match self {
            Self::Add(id, tab) => {
                let Some(tab) = tab_to_link(apply, *tab) else { return Ok(Found::No) };
                let Some(held) = apply.halo.ticket_type(*id).await? else { return Ok(Found::No) };
                if held.allows_all_tabs == Some(true) || held.tabs.contains(&tab) {
                    return others_kept(apply, *id, &held).await;
                }
                let by_hand = by_hand::link_of(&held.name.display());
                let words = match held.allows_all_tabs {
                    None if held.tabs.is_empty() => {
                        format!(
                            "{TABS_NOT_TOLD}. By hand: {by_hand}. Once it is allowed there: {}",
                            Next::Dismiss("drift")
                        )
                    }
                    _ => format!("Halo did not save the link. By hand: {by_hand}"),
                };
                Ok(Found::Not(id.to_string(), words))
            }
            Self::Remove { ticket_type, tab } => {
                let Some(held) = apply.halo.ticket_type(*ticket_type).await? else {
                    return Ok(Found::Yes(ticket_type.to_string()));
                };
                if !held.tabs.contains(tab) {
                    return others_kept(apply, *ticket_type, &held).await;
                }
                let by_hand = by_hand::removal_of(ObjectKind::TicketType, &held.name.display());
                Ok(gone(ticket_type, Some(by_hand)))
            }
        }
    }

    /// A link that Halo took back without letting go of it holds nothing: deleting the tab is the only other way.
    fn holds(&self, outcome: Outcome) -> Option<String> {
        match self {
            Self::Remove { tab, .. } if matches!(outcome, Outcome::Failed | Outcome::Skipped) => Some(tab.to_string()),
            _ => None,
        }
    }

    fn identity(&self, apply: &Apply<'_>) -> Option<String> {
        match self {
            Self::Add(_, tab) => tab_to_link(apply, *tab).map(|tab| tab.to_string()),
            Self::Remove { .. } => None,
        }
    }
}

/// The tab that a ticket type is to show, under the id that it has now.
fn tab_to_link(apply: &Apply<'_>, tab: Option<i64>) -> Option<i64> {
    tab.map(|tab| apply.id_now(&tab.to_string()).parse().unwrap_or(tab)).or(apply.tab)
}

/// Tells a ticket type which tabs to show, from those it shows at this moment.
async fn set_tabs(
    apply: &mut Apply<'_>,
    ticket_type: i64,
    change: impl FnOnce(&mut Vec<i64>) + Send,
) -> Result<Option<String>, HaloError> {
    let told = &mut apply.told;
    let change = |tabs: &mut Vec<i64>| {
        change(tabs);
        told.insert(ticket_type, tabs.clone());
    };
    apply.halo.change_tabs(ticket_type, change).await.map(|()| None)
}

/// Tells the tab which ticket types show it.
async fn set_ticket_types(
    apply: &Apply<'_>,
    ticket_type: i64,
    tab: i64,
    links: bool,
) -> Result<Option<String>, HaloError> {
    let Some(mut listed) = apply.halo.ticket_types_of_tab(tab).await? else { return Ok(None) };
    listed.retain(|id| *id != ticket_type);
    if links {
        listed.push(ticket_type);
    }
    apply.halo.set_ticket_types_of_tab(tab, &listed).await.map(|()| None)
}

/// Whether a ticket type still shows what it was told to show beside our tab: whether Halo replaces the list that it
/// holds is not known, so nothing is taken for granted about the tabs of others.
async fn others_kept(apply: &Apply<'_>, id: i64, held: &ExistingTicketType) -> Result<Found, HaloError> {
    let told = apply.told.get(&id).map_or(&[][..], Vec::as_slice);
    let mut lost = Vec::new();
    for tab in told.iter().filter(|tab| held.allows_all_tabs != Some(true) && !held.tabs.contains(tab)) {
        // What led to a tab that is gone is no loss.
        if apply.halo.tab(*tab).await?.is_some() {
            lost.push(tab.to_string());
        }
    }
    if lost.is_empty() {
        return Ok(Found::Yes(id.to_string()));
    }
    let name = held.name.display();
    let what = format!(
        "Halo dropped other tabs of {name}, those with the ids {}. By hand: allow them there again",
        lost.join(", ")
    );
    Ok(Found::Differs(id.to_string(), what))
}

//! Ticket types and the custom tabs they show.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{Each, Flag, Int, Text};
use super::{BadReply, HaloApi, HaloError};
use crate::domain::people::TicketType;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::ExistingTicketType;

const PATH: &str = "/api/TicketType";

#[derive(Deserialize)]
struct TicketTypeRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    inactive: Flag,
    #[serde(default)]
    visible: Flag,
    #[serde(default)]
    allowall_iframe_customtabs: Flag,
    #[serde(default)]
    allowed_iframe_customtabs: Option<Each<LinkRow>>,
}

/// The row that links a custom tab to a ticket type.
#[derive(Clone, Deserialize)]
struct LinkRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    iframetab_id: Int,
}

impl TicketTypeRow {
    fn name(&mut self) -> Untrusted {
        Untrusted::new(std::mem::take(&mut self.name).0.unwrap_or_default())
    }

    fn links(&self) -> &[LinkRow] {
        self.allowed_iframe_customtabs.as_ref().map_or(&[], |links| &links.0)
    }

    /// Few versions say that a type is retired; the others only whether it can be seen.
    fn is_active(&self) -> bool {
        !self.inactive.is_set() && self.visible.0 != Some(false)
    }
}

impl HaloApi {
    /// Every ticket type, those included that the agent may not log.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn ticket_types(&self) -> Result<Vec<TicketType>, HaloError> {
        self.list_ticket_types(&[("showall", "true")]).await
    }

    /// Every ticket type, the retired ones too: they may still show a tab.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn ticket_types_with_retired(&self) -> Result<Vec<TicketType>, HaloError> {
        self.list_ticket_types(&[("showall", "true"), ("showinactive", "true")]).await
    }

    async fn list_ticket_types(&self, query: &[(&'static str, &str)]) -> Result<Vec<TicketType>, HaloError> {
        let call = self.get("list the ticket types", PATH, query);
        let rows = self.read_list::<TicketTypeRow>(call, &["tickettypes", "results"]).await?.rows;
        Ok(rows
            .into_iter()
            .filter_map(|mut row| Some(TicketType { id: row.id.0?, active: row.is_active(), name: row.name() }))
            .collect())
    }

    /// One ticket type with the tabs it shows; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn ticket_type(&self, id: i64) -> Result<Option<ExistingTicketType>, HaloError> {
        let Some(mut row) = self.ticket_type_row(id).await? else { return Ok(None) };
        Ok(Some(ExistingTicketType {
            id,
            active: row.is_active(),
            allows_all_tabs: row.allowall_iframe_customtabs.0,
            tabs: row.links().iter().filter_map(|link| link.iframetab_id.0).collect(),
            name: row.name(),
        }))
    }

    async fn ticket_type_row(&self, id: i64) -> Result<Option<TicketTypeRow>, HaloError> {
        let does = "read a ticket type";
        let mut call = self.one(does, Method::GET, PATH, &id.to_string());
        // The list has no tabs, and without these two neither has this.
        call.query.extend([("includedetails", "true".to_owned()), ("includeconfig", "true".to_owned())]);
        match self.read_one::<TicketTypeRow>(call).await? {
            Some(row) if row.id.0 == Some(id) => Ok(Some(row)),
            Some(_) => Err(HaloError::Unexpected { does, what: BadReply::OtherObject }),
            None => Ok(None),
        }
    }

    /// Changes which custom tabs a ticket type shows, from those that it shows at this moment; where that changes
    /// nothing, or Halo does not tell them, nothing is written.
    ///
    /// Whether Halo replaces the list it holds or adds to it is not known. So the full list is
    /// sent, and links that are there already keep the ids of their rows: read just before, they mean the same either
    /// way. Whether the ticket type shows every tab is left as it is: what Halo did not tell is not written, since a
    /// "no" in its place would hide every tab of others. Read back afterwards.
    ///
    /// # Errors
    /// [`HaloError::NotFound`] if the ticket type is gone; whatever a read or a write can fail with. If reading fails
    /// nothing was written, and [`HaloError::may_have_been_applied`] may err on the careful side.
    pub async fn change_tabs(
        &self,
        ticket_type: i64,
        change: impl FnOnce(&mut Vec<i64>) + Send,
    ) -> Result<(), HaloError> {
        let does = "set the custom tabs of a ticket type";
        let row = self.ticket_type_row(ticket_type).await?.ok_or(HaloError::NotFound { does })?;
        // Of a type that tells nothing of its tabs, those of others would be replaced by ours.
        if row.allowed_iframe_customtabs.is_none() && row.allowall_iframe_customtabs.0.is_none() {
            return Ok(());
        }
        // A row that cannot be read cannot be sent again, and would be lost.
        let shown: Option<Vec<i64>> = row.links().iter().map(|link| link.iframetab_id.0).collect();
        let shown = shown.ok_or(HaloError::Unexpected { does, what: BadReply::OtherShape })?;
        let mut tabs = shown.clone();
        change(&mut tabs);
        if tabs == shown {
            return Ok(());
        }
        let links: Vec<Value> = tabs
            .iter()
            .map(|tab| {
                let held = row.links().iter().find(|link| link.iframetab_id.0 == Some(*tab));
                let mut link = json!({ "tickettype_id": ticket_type, "iframetab_id": tab });
                if let Some(id) = held.and_then(|link| link.id.0) {
                    link["id"] = id.into();
                }
                link
            })
            .collect();
        let mut element = json!({ "id": ticket_type, "allowed_iframe_customtabs": links });
        if let Some(allows_all) = row.allowall_iframe_customtabs.0 {
            element["allowall_iframe_customtabs"] = allows_all.into();
        }
        self.write(self.post(does, PATH, element)).await.map(drop)
    }
}

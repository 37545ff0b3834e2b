//! Custom tabs.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::wire::{Each, Int, Text};
use super::{BadReply, HaloApi, HaloError};
use crate::domain::record::Members;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::ExistingTab;

const PATH: &str = "/api/Tabs";

/// The ticket's number among the entities that can have tabs.
const TICKET_TABLE: i64 = 1;

/// The members that are read before a change and can be written to bring a tab back.
const KEPT: [&str; 10] = [
    "name",
    "tableid",
    "type",
    "sequence",
    "columns",
    "url",
    "icon",
    "linked_dashboard_id",
    "open_in_new_tab",
    "send_secure_url_parameter",
];

/// A custom tab on the ticket as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabDraft {
    /// Halo's id; none makes a new one.
    pub id: Option<i64>,
    /// What stands on the tab.
    pub name: String,
    /// What it shows, with Halo's variables in it.
    pub url: String,
    /// The number of an iframe among the kinds of tab, in this Halo; none leaves the kind as it is.
    pub kind: Option<i64>,
}

impl TabDraft {
    /// The members that are written.
    pub fn members(&self) -> Members {
        let members = Members::default().with("name", self.name.as_str()).with("url", self.url.as_str());
        let members = members.with("tableid", TICKET_TABLE);
        match self.kind {
            Some(kind) => members.with("type", kind),
            None => members,
        }
    }
}

#[derive(Deserialize)]
struct TabRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    guid: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    url: Text,
    #[serde(default)]
    r#type: Int,
    #[serde(default)]
    tableid: Int,
}

/// A tab's own list of ticket types.
#[derive(Deserialize)]
struct ListingRow {
    #[serde(default)]
    tickettypes: Option<Each<PairRow>>,
}

#[derive(Clone, Deserialize)]
struct PairRow {
    #[serde(default)]
    id: Text,
}

impl TabRow {
    fn existing(self) -> Option<ExistingTab> {
        Some(ExistingTab {
            id: self.id.0?,
            guid: self.guid.0,
            name: Untrusted::new(self.name.0.unwrap_or_default()),
            url: self.url.untrusted(),
            tab_type: self.r#type.0,
            table: self.tableid.0,
        })
    }
}

impl HaloApi {
    /// Characters that Halo keeps of the address of a custom tab.
    pub const LONGEST_TAB_URL: usize = 1_000;

    /// Every custom tab.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tabs(&self) -> Result<Vec<ExistingTab>, HaloError> {
        let rows = self.read_list::<TabRow>(self.get("list the custom tabs", PATH, &[]), &["tabs", "results"]).await?;
        Ok(rows.rows.into_iter().filter_map(TabRow::existing).collect())
    }

    /// One custom tab; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tab(&self, id: i64) -> Result<Option<ExistingTab>, HaloError> {
        let does = "read a custom tab";
        let mut call = self.one(does, Method::GET, PATH, &id.to_string());
        call.query.push(("includedetails", "true".to_owned()));
        let Some(row) = self.read_one::<TabRow>(call).await? else { return Ok(None) };
        // An answer about something else is no word that this one is gone.
        let tab = row.existing().filter(|tab| tab.id == id);
        tab.map(Some).ok_or(HaloError::Unexpected { does, what: BadReply::OtherObject })
    }

    /// Makes a custom tab or changes one; gives the id that Halo's reply names, if it names one. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn save_tab(&self, draft: &TabDraft) -> Result<Option<i64>, HaloError> {
        let members = draft.members();
        let members = match draft.id {
            Some(_) => members,
            // What a tab looks like is for people to change afterwards: it is said only once.
            None => members
                .with("sequence", 10)
                .with("columns", 1)
                .with("icon", "comments")
                .with("send_secure_url_parameter", false),
        };
        self.put_tab(draft.id, &members).await
    }

    /// The members of a tab as Halo has them; `None` where it has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tab_members(&self, id: i64) -> Result<Option<Members>, HaloError> {
        let does = "read a custom tab";
        let call = self.one(does, Method::GET, PATH, &id.to_string());
        match self.read_one::<Members>(call).await? {
            Some(members) if members.has_id(&id.to_string()) => Ok(Some(members.only(&KEPT))),
            Some(_) => Err(HaloError::Unexpected { does, what: BadReply::OtherObject }),
            None => Ok(None),
        }
    }

    /// Writes members of a tab; without an id it makes one. Gives the id that Halo's reply names, if it names one.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn put_tab(&self, id: Option<i64>, members: &Members) -> Result<Option<i64>, HaloError> {
        let mut tab = members.to_json();
        if let Some(id) = id {
            tab["id"] = id.into();
        }
        let id = self.write(self.post("save the custom tab", PATH, tab)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// The ticket types that a tab itself lists: the newest versions have this. `None` where this Halo has no such
    /// list.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn ticket_types_of_tab(&self, id: i64) -> Result<Option<Vec<i64>>, HaloError> {
        let mut call = self.one("read a custom tab", Method::GET, PATH, &id.to_string());
        call.query.push(("includedetails", "true".to_owned()));
        let row = self.read_one::<ListingRow>(call).await?;
        let ids =
            |pairs: Each<PairRow>| pairs.0.iter().filter_map(|pair| pair.id.0.as_ref()?.trim().parse().ok()).collect();
        Ok(row.and_then(|row| row.tickettypes).map(ids))
    }

    /// Makes a tab list exactly these ticket types. Whether Halo honours it is not known: read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn set_ticket_types_of_tab(&self, id: i64, ticket_types: &[i64]) -> Result<(), HaloError> {
        // The ids of key pairs are strings.
        let pairs: Vec<_> = ticket_types.iter().map(|id| json!({ "id": id.to_string() })).collect();
        let tab = json!({ "id": id, "tickettypes": pairs });
        self.write(self.post("set the ticket types of the custom tab", PATH, tab)).await.map(drop)
    }

    /// Deletes a custom tab; one that is already gone is done.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn delete_tab(&self, id: i64) -> Result<(), HaloError> {
        self.delete(self.one("delete the custom tab", Method::DELETE, PATH, &id.to_string())).await
    }
}

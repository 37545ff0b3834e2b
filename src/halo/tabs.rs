//! Custom tabs (api facts, section 7).

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::wire::{Int, Text};
use super::{HaloApi, HaloError};
use crate::domain::installation::HeldTab;
use crate::domain::untrusted::Untrusted;

const PATH: &str = "/api/Tabs";

/// The ticket's number among the entities that can have tabs (api facts, section 7).
const TICKET_TABLE: i64 = 1;

/// The number of an iframe among the kinds of tab: the best guess there is (api facts, section 13).
const IFRAME: i64 = 1;

/// A custom tab on the ticket as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabDraft {
    /// Halo's id; none makes a new one.
    pub id: Option<i64>,
    /// The name.
    pub name: String,
    /// What it shows, with Halo's variables in it.
    pub url: String,
}

#[derive(Deserialize)]
struct TabRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    url: Text,
    #[serde(default)]
    r#type: Int,
    #[serde(default)]
    tableid: Int,
}

impl TabRow {
    fn held(self) -> Option<HeldTab> {
        Some(HeldTab {
            id: self.id.0?,
            name: Untrusted::new(self.name.0.unwrap_or_default()),
            url: self.url.untrusted(),
            tab_type: self.r#type.0,
            table: self.tableid.0,
        })
    }
}

impl HaloApi {
    /// Every custom tab.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tabs(&self) -> Result<Vec<HeldTab>, HaloError> {
        let rows = self.read_list::<TabRow>(self.get("list the custom tabs", PATH, &[]), &["tabs", "results"]).await?;
        Ok(rows.rows.into_iter().filter_map(TabRow::held).collect())
    }

    /// One custom tab; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tab(&self, id: i64) -> Result<Option<HeldTab>, HaloError> {
        let mut call = self.one("read a custom tab", Method::GET, PATH, &id.to_string());
        call.query = vec![("includedetails", "true".to_owned())];
        Ok(self.read_one::<TabRow>(call).await?.and_then(TabRow::held).filter(|tab| tab.id == id))
    }

    /// Makes a custom tab or changes one; gives the id that Halo's reply names, if it names one. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn save_tab(&self, draft: &TabDraft) -> Result<Option<i64>, HaloError> {
        let mut tab = json!({ "name": draft.name, "tableid": TICKET_TABLE, "type": IFRAME, "url": draft.url });
        match draft.id {
            Some(id) => tab["id"] = id.into(),
            // What a tab looks like is for people to change afterwards: it is said only once.
            None => {
                tab["sequence"] = 10.into();
                tab["columns"] = 1.into();
                tab["icon"] = "comments".into();
                tab["send_secure_url_parameter"] = false.into();
            }
        }
        let id = self.write(self.post("save the custom tab", PATH, tab)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// Deletes a custom tab; one that is already gone is done.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn delete_tab(&self, id: i64) -> Result<(), HaloError> {
        self.delete(self.one("delete the custom tab", Method::DELETE, PATH, &id.to_string())).await
    }
}

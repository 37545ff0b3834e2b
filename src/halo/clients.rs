//! Clients, page by page.

use reqwest::Method;
use serde::Deserialize;

use super::http::Call;
use super::wire::{BadRow, Each, Flag, Int, Rows, Text};
use super::{BadReply, HaloApi, HaloError};
use crate::domain::client::{Client, Traits, fold};
use crate::domain::untrusted::Untrusted;

/// Rows of a full page. Halo cuts a page at 100 whatever is asked for, and does not say so.
pub const PAGE_SIZE: u32 = 100;

const PATH: &str = "/api/Client";
const NAMES: [&str; 2] = ["clients", "results"];

/// A page of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPage {
    /// Halo's own count of all clients, inactive ones included, where it gives one.
    pub record_count: Option<u64>,
    /// The clients in Halo's order. The name is empty where Halo gave none.
    pub clients: Vec<Client>,
    /// The rows without a usable id.
    pub bad_rows: Vec<BadRow>,
}

#[derive(Deserialize)]
struct ClientRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    toplevel_name: Text,
    #[serde(default)]
    main_site_name: Text,
    #[serde(default)]
    inactive: Option<Flag>,
    #[serde(default)]
    toplevel_id: Int,
    #[serde(default)]
    customertype: Int,
}

/// The part of a client that Halo tells of one at a time.
#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    customfields: Each<CustomField>,
}

/// A field that a choice fills has the number of the choice for its value, and its words for what is displayed.
#[derive(Deserialize)]
struct CustomField {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    display: Text,
}

impl ClientRow {
    /// Null members are left out by Halo, so only the id is needed. A client of whom it is not told whether it is in use is
    /// none that could be switched on, or off.
    fn client(self) -> Result<Client, BadRow> {
        let bad = |id, why: &str| BadRow { id, why: why.to_owned() };
        let id = self.id.0.ok_or_else(|| bad(None, "its id is missing or not a whole number"))?;
        if self.inactive == Some(Flag(None)) {
            return Err(bad(Some(id), "its `inactive` is neither yes nor no"));
        }
        Ok(Client {
            id,
            name: Untrusted::new(self.name.0.unwrap_or_default()),
            toplevel: self.toplevel_name.untrusted(),
            main_site: self.main_site_name.untrusted(),
            inactive: self.inactive.is_some_and(Flag::is_set),
            traits: Traits { toplevel_id: self.toplevel_id.0, customer_type: self.customertype.0, fields: None },
        })
    }
}

impl From<Rows<ClientRow>> for ClientPage {
    fn from(rows: Rows<ClientRow>) -> Self {
        let mut page = Self { record_count: rows.record_count, clients: Vec::new(), bad_rows: rows.bad };
        for row in rows.rows {
            match row.client() {
                Ok(client) => page.clients.push(client),
                Err(bad) => page.bad_rows.push(bad),
            }
        }
        page
    }
}

impl HaloApi {
    /// One page of all clients, inactive ones included, in the order of their ids. Pages count from 1; one past the end
    /// is empty. How far to go is for the caller to decide, by unique ids and never by the size of a page.
    ///
    /// # Errors
    /// Whatever a read can fail with. A broken row is no error.
    pub async fn clients_page(&self, page: u32) -> Result<ClientPage, HaloError> {
        self.read_page(page, PAGE_SIZE, false).await
    }

    /// The page with the highest ids, from the highest one down. A Halo that lists in one direction gives its first
    /// page.
    ///
    /// # Errors
    /// As [`HaloApi::clients_page`].
    pub async fn newest_clients(&self) -> Result<ClientPage, HaloError> {
        self.read_page(1, PAGE_SIZE, true).await
    }

    /// Halo's count of all clients, for the price of one row.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn probe_clients(&self) -> Result<Option<u64>, HaloError> {
        Ok(self.read_page(1, 1, false).await?.record_count)
    }

    /// Adds the custom fields of these names to clients: a request for each, as no list has them. One that is not there
    /// any more has none.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub(crate) async fn add_custom_fields(&self, clients: &mut [Client], names: &[&str]) -> Result<(), HaloError> {
        let does = "read the custom fields of a client";
        let wanted: Vec<String> = names.iter().map(|name| fold(name)).collect();
        for client in clients {
            let id = client.id.to_string();
            let query = vec![("includedetails", "true".to_owned())];
            let call = self.call(does, Method::GET, PATH, Some(&id), query, None);
            let details = self.read_one::<Details>(call).await?;
            if details.as_ref().is_some_and(|details| details.id.0 != Some(client.id)) {
                return Err(HaloError::Unexpected { does, what: BadReply::OtherObject });
            }
            let fields = details.into_iter().flat_map(|details| details.customfields.0);
            let mut kept: Vec<(String, String)> = Vec::new();
            for CustomField { name, value, display } in fields {
                let Some(name) = name.filled().filter(|name| wanted.contains(&fold(name))) else { continue };
                let values = [value.filled(), display.filled()].into_iter().flatten();
                kept.extend(values.map(|value| (name.clone(), value)));
            }
            client.traits.set_fields(kept.iter().map(|(name, value)| (name.as_str(), value.clone())));
        }
        Ok(())
    }

    async fn read_page(&self, page: u32, size: u32, backwards: bool) -> Result<ClientPage, HaloError> {
        // Without `pageinate`, spelt so, the paging is ignored; without an order rows move between pages.
        let call = self.get(
            "list the clients",
            PATH,
            &[
                ("pageinate", "true"),
                ("page_size", &size.to_string()),
                ("page_no", &page.to_string()),
                ("order", "id"),
                ("orderdesc", if backwards { "true" } else { "false" }),
                ("includeinactive", "true"),
            ],
        );
        // Of a page a third is kept at most.
        let mut page = ClientPage::from(self.read_list::<ClientRow>(Call { by_value: true, ..call }, &NAMES).await?);
        for client in &mut page.clients {
            let Client { name, toplevel, main_site, .. } = client;
            for text in [Some(name), toplevel.as_mut(), main_site.as_mut()].into_iter().flatten() {
                *text = Untrusted::new(self.without_secrets(std::mem::take(text).into_raw()));
            }
        }
        Ok(page)
    }

    /// One client; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn client(&self, id: i64) -> Result<Option<Client>, HaloError> {
        let does = "read a client";
        let Some(row) = self.read_one::<ClientRow>(self.one(does, Method::GET, PATH, &id.to_string())).await? else {
            return Ok(None);
        };
        let client = row.client().ok().filter(|client| client.id == id);
        client.map(Some).ok_or(HaloError::Unexpected { does, what: BadReply::OtherObject })
    }
}

//! `clients`: the synced list, offline.

use super::Call;
use super::args::{ClientStatus, Clients, Format, Sort};
use super::table::inert;
use crate::domain::client::StoredClient;
use crate::domain::failure::Failure;
use crate::domain::untrusted::Untrusted;
use crate::ops::clients::{Order, Query, Which, list};

pub(super) fn run(call: &mut Call, options: &Clients) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, _, _) = workspace.configuration(call.configuration.as_ref())?;
    let query = Query {
        search: options.search.clone(),
        which: match options.status {
            ClientStatus::Active => Which::Active,
            ClientStatus::Disabled => Which::Disabled,
            ClientStatus::All => Which::All,
        },
        order: match options.sort {
            Sort::Name => Order::Name,
            Sort::Id => Order::Id,
        },
        limit: options.limit,
    };
    let clients = list(&workspace, &id, &query)?;
    match options.format.unwrap_or(if call.output.json { Format::Json } else { Format::Table }) {
        Format::Json => call.output.object(&clients)?,
        Format::Ndjson => {
            for client in &clients {
                call.output.object(client)?;
            }
        }
        Format::Csv => csv(call, &clients)?,
        Format::Table => table(call, &clients),
    }
    if clients.is_empty() && !workspace.store.lists(&id)?.synced {
        call.output.say("No sync yet: run pia-halo sync first");
    }
    Ok(0)
}

fn text(part: Option<&Untrusted>) -> String {
    part.map(Untrusted::display).unwrap_or_default()
}

/// For spreadsheets, and so in the displayed form: CSV cannot escape a control character, and what a person opens by a
/// double click has to be harmless there. A script that needs a name to the letter reads `json` or `ndjson`.
fn csv(call: &mut Call, clients: &[StoredClient]) -> Result<(), Failure> {
    let header = ["id", "name", "status", "disabled_reason", "toplevel", "main_site", "first_seen", "last_seen"];
    let rows = clients.iter().map(|stored| {
        let client = &stored.client;
        [
            client.id.to_string(),
            inert(client.name.display()),
            stored.status.word().to_owned(),
            stored.status.reason().unwrap_or_default().to_owned(),
            inert(text(client.toplevel.as_ref())),
            inert(text(client.main_site.as_ref())),
            stored.first_seen.to_string(),
            stored.last_seen.to_string(),
        ]
    });
    call.output.csv(header, rows)
}

fn table(call: &mut Call, clients: &[StoredClient]) {
    let rows = clients.iter().map(|stored| {
        let status = match stored.status.reason() {
            Some(reason) => format!("disabled ({reason})"),
            None => stored.status.word().to_owned(),
        };
        let client = &stored.client;
        [client.id.to_string(), client.name.display(), text(client.main_site.as_ref()), status]
    });
    call.output.table(["ID", "NAME", "SITE", "STATUS"], rows);
}

//! `clients`: the synced list, offline.

use super::Call;
use super::args::{ClientStatus, Clients, Format, Sort};
use crate::domain::client::StoredClient;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::untrusted::Untrusted;
use crate::ops;
use crate::ops::clients::{CSV_HEADER, Order, Query, Which, csv_row, list};

pub(super) fn run(call: &mut Call, options: &Clients) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, _, _) = workspace.configuration(call.configuration.as_ref())?;
    let query = Query {
        search: options.search.clone(),
        which: match options.status {
            ClientStatus::Active => Which::Active,
            ClientStatus::Disabled => Which::Disabled,
            ClientStatus::LeftOut => Which::LeftOut,
            ClientStatus::New => Which::New,
            ClientStatus::Changed => Which::Changed,
            ClientStatus::Conflicting => Which::Conflicting,
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
        Format::Csv => call.output.csv(CSV_HEADER, clients.iter().map(csv_row))?,
        Format::Table => table(call, &clients),
    }
    if clients.is_empty() && !ops::clients::lists(&workspace, &id)?.synced {
        let sync = call.next(&Next::Sync);
        call.output.say(format!("No sync yet. Run the first one: {sync}"));
    }
    Ok(0)
}

fn text(part: Option<&Untrusted>) -> String {
    part.map(Untrusted::display).unwrap_or_default()
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

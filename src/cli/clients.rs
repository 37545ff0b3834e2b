//! `clients`: the synced list, offline.

use std::io;

use super::Call;
use super::args::{ClientStatus, Clients, Format, Sort};
use crate::app::text::width as columns;
use crate::domain::client::StoredClient;
use crate::domain::failure::{Failure, FailureKind};
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
    let broken = |error: csv::Error| Failure::new(FailureKind::LocalState, format!("not printable as CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["id", "name", "status", "disabled_reason", "toplevel", "main_site", "first_seen", "last_seen"])
        .map_err(broken)?;
    for stored in clients {
        let client = &stored.client;
        writer
            .write_record([
                client.id.to_string(),
                inert(client.name.display()),
                stored.status.word().to_owned(),
                stored.status.reason().unwrap_or_default().to_owned(),
                inert(text(client.toplevel.as_ref())),
                inert(text(client.main_site.as_ref())),
                stored.first_seen.to_string(),
                stored.last_seen.to_string(),
            ])
            .map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|error| broken(io::Error::other(error.to_string()).into()))?;
    call.output.line(String::from_utf8_lossy(&bytes).trim_end());
    Ok(())
}

/// A spreadsheet takes a cell that begins with one of these for a formula, and a client's name is not ours. The wide forms
/// count too, and blanks before them; tabs and line ends do not reach this place.
fn inert(cell: String) -> String {
    if cell
        .trim_start()
        .starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠', '\u{2212}', '﹣', '﹢', '﹦'])
    {
        format!("'{cell}")
    } else {
        cell
    }
}

fn table(call: &mut Call, clients: &[StoredClient]) {
    let rows: Vec<[String; 4]> = clients
        .iter()
        .map(|stored| {
            let status = match stored.status.reason() {
                Some(reason) => format!("disabled ({reason})"),
                None => stored.status.word().to_owned(),
            };
            let client = &stored.client;
            [client.id.to_string(), client.name.display(), text(client.main_site.as_ref()), status]
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let header = ["ID", "NAME", "SITE", "STATUS"].map(str::to_owned);
    let mut widths = [0; 4];
    for row in std::iter::once(&header).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - columns(cell) + 2));
        }
        call.output.line(line.trim_end());
    }
}

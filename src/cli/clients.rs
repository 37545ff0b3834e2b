//! `clients`: the synced list, offline.

use serde::Serialize;
use serde_json::json;

use super::Call;
use super::args::{ClientStatus, Clients, Format, Sort};
use crate::domain::client::StoredClient;
use crate::domain::exit_code::PENDING;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::sync_run::ClientEvent;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops;
use crate::ops::clients::{CSV_HEADER, Order, Query, Which, changed_since, csv_row, list};
use crate::words;

pub(super) fn run(call: &mut Call, options: &Clients) -> Result<u8, Failure> {
    let workspace = if options.forward { call.workspace()? } else { call.look()? };
    let (id, _, _) = call.chosen(&workspace)?;
    if options.forward {
        let count = ops::clients::forward(&workspace, &id)?;
        if call.output.json {
            call.output.object(&json!({ "configuration": id, "status": "queued", "clients": count }))?;
        }
        call.output.say(format!("{} clients to be forwarded by {}", thousands(count), Next::ForwardTo));
        return Ok(0);
    }
    let changed = options.changed_since.map(|run| changed_since(&workspace, &id, run)).transpose()?;
    let query = Query {
        search: options.search.clone(),
        which: match options.status {
            _ if changed.is_some() => Which::All,
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
        limit: options.limit.filter(|_| changed.is_none()),
    };
    let clients = list(&workspace, &id, &query)?;
    if let Some(changed) = changed {
        let rows = clients.into_iter().filter_map(|client| Some((*changed.get(&client.client.id)?, client)));
        return changes(call, options, rows.take(options.limit.unwrap_or(usize::MAX)).collect());
    }
    let is_unsynced = clients.is_empty() && !ops::clients::lists(&workspace, &id)?.are_known();
    if is_unsynced {
        ops::clients::require_not_lost(&workspace, &id, "the client list")?;
    }
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
    if is_unsynced {
        // For a program, too: an empty list would tell it that every client is gone.
        let next = match ops::sync::syncing(&workspace, &id) {
            Some(holder) => words::sync::under_way(&holder),
            None => format!("Run the first sync: {}", call.next(&Next::Sync)),
        };
        call.output.warn(format!("No sync yet. {next}"));
        return Ok(PENDING);
    }
    Ok(0)
}

/// A client and what has become of it.
#[derive(Serialize)]
struct Changed<'a> {
    change: &'static str,
    #[serde(flatten)]
    client: &'a StoredClient,
}

fn changes(call: &mut Call, options: &Clients, clients: Vec<(ClientEvent, StoredClient)>) -> Result<u8, Failure> {
    let rows = || clients.iter().map(|(change, client)| Changed { change: change.word_of_event(), client });
    match options.format.unwrap_or(if call.output.json { Format::Json } else { Format::Table }) {
        Format::Json => call.output.object(&rows().collect::<Vec<_>>())?,
        Format::Ndjson => rows().try_for_each(|row| call.output.object(&row))?,
        Format::Csv => {
            let [a, b, c, d, e, f, g, h] = CSV_HEADER;
            let rows = rows().map(|row| {
                let [a, b, c, d, e, f, g, h] = csv_row(row.client);
                [row.change.to_owned(), a, b, c, d, e, f, g, h]
            });
            call.output.csv(["change", a, b, c, d, e, f, g, h], rows)?;
        }
        Format::Table => {
            let rows = rows().map(|Changed { change, client }| {
                let [id, name, site, status] = row(client);
                [change.to_owned(), id, name, site, status]
            });
            call.output.table(["CHANGE", "ID", "NAME", "SITE", "STATUS"], rows);
        }
    }
    if clients.is_empty() {
        call.output.say("No client has changed since");
    }
    Ok(0)
}

fn text(part: Option<&Untrusted>) -> String {
    part.map(Untrusted::display).unwrap_or_default()
}

fn table(call: &mut Call, clients: &[StoredClient]) {
    call.output.table(["ID", "NAME", "SITE", "STATUS"], clients.iter().map(row));
}

fn row(stored: &StoredClient) -> [String; 4] {
    let status = match stored.status.reason() {
        Some(reason) => format!("disabled ({reason})"),
        None => stored.status.word().to_owned(),
    };
    let client = &stored.client;
    [client.id.to_string(), client.name.display(), text(client.main_site.as_ref()), status]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::panes::clients::Clients;
    use crate::domain::client::{Client, ClientStatus};

    /// Case, accents, wide and joined scripts, ids, sites, and letters with gaps between them.
    #[test]
    fn command_and_pane_find_same_clients() {
        let at = "2026-11-23T04:31:00Z".parse().unwrap();
        let names = [
            (7, "Northwind Traders", Some("Sydney")),
            (12, "NORTHWIND group", None),
            (42, "Québec Ltée", Some("Montréal")),
            (421, "Straße & Söhne 42", None),
            (5, "株式会社テスト", None),
            (6, "ราชเทวี", None),
            (8, "نور الدين", Some("lines, north")),
            (9, "अभिनय ट्रेडर्स", None),
        ];
        let clients: Vec<StoredClient> = names
            .into_iter()
            .map(|(id, name, site)| {
                let main_site = site.map(Into::into);
                let client = Client {
                    id,
                    name: name.into(),
                    toplevel: None,
                    main_site,
                    inactive: false,
                    traits: Default::default(),
                };
                StoredClient { client, status: ClientStatus::Active, first_seen: at, last_seen: at }
            })
            .collect();
        let mut pane = Clients::default();
        pane.fill(clients.clone().into());
        let mut hits = 0;
        for words in [
            "northwind",
            "NORTH wind",
            "nrth",
            "quebec",
            "QUÉBEC",
            "montreal",
            "ｎｏｒｔｈ",
            "42",
            "4",
            "strasse",
            "テスト",
            "ราช",
            "نور",
            "ट्रे",
            " north  sydney ",
            "zzz",
            "7",
        ] {
            pane.query = words.into();
            pane.search(true);
            let shown: Vec<i64> = (0..pane.count()).filter_map(|at| pane.row(at)).map(|row| row.client.id).collect();
            let found: Vec<i64> =
                ops::clients::found(clients.clone(), words).iter().map(|found| found.client.id).collect();
            assert_eq!(found, shown, "{words:?}");
            hits += found.len();
        }
        assert!(hits > 17, "{hits}");
    }
}

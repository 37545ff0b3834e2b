//! The client list: what is found, and what stays selected.

use super::*;
use crate::domain::client::{Client, ClientStatus, DisabledReason};

fn client(id: i64, name: &str, active: bool) -> StoredClient {
    let at: Timestamp = "2026-11-23T04:31:00Z".parse().unwrap();
    let status = if active { ClientStatus::Active } else { ClientStatus::Disabled(DisabledReason::NoLongerInHalo) };
    let client = Client { id, name: name.into(), toplevel: None, main_site: None, inactive: false };
    StoredClient { client, status, first_seen: at, last_seen: at }
}

fn listed(clients: &Clients) -> Vec<i64> {
    (0..clients.count()).filter_map(|at| clients.row(at)).map(|client| client.client.id).collect()
}

fn search(clients: &mut Clients, query: &str) -> Vec<i64> {
    clients.query = Input::new(query.to_owned());
    clients.search(true);
    listed(clients)
}

fn some() -> Clients {
    let mut clients = Clients { filter: Filter::All, ..Clients::default() };
    clients.fill(ClientList::from(vec![
        client(42, "Zebra 7", true),
        client(7, "Northwind Traders", true),
        client(8, "The Northwind Group", true),
        client(9, "Norwegian Wind AS", false),
        client(10, "Québec Ltée", true),
    ]));
    clients
}

#[test]
fn the_whole_name_comes_first_then_its_beginning_then_the_middle_then_the_letters() {
    let mut clients = some();
    assert_eq!(search(&mut clients, "northwind"), [7, 8]);
    assert_eq!(search(&mut clients, "norwnd"), [9, 7, 8]);
    assert_eq!(search(&mut clients, "QUEBEC"), [10]);
    assert_eq!(search(&mut clients, "ｑｕé"), [10]);
    assert_eq!(search(&mut clients, "group north"), [8]);
    assert_eq!(search(&mut clients, "zzz"), [0_i64; 0]);
}

#[test]
fn a_number_finds_its_id_first_and_guesses_nothing() {
    let mut clients = some();
    assert_eq!(search(&mut clients, "7"), [7, 42]);
    assert_eq!(search(&mut clients, "42"), [42]);
    assert_eq!(search(&mut clients, "4"), [0_i64; 0]);
    clients.fill(vec![client(1, "4th of 2 firms", true)].into());
    assert_eq!(search(&mut clients, "42"), [0_i64; 0]);
    assert_eq!(search(&mut clients, "42f"), [1]);
}

#[test]
fn the_filter_goes_round_and_the_selection_follows_its_client() {
    let mut clients = some();
    clients.window.selected = 2;
    clients.note_selected();
    let id = clients.selected().unwrap().client.id;
    let mut more: Vec<StoredClient> = (0..5).map(|row| clients.row(row).unwrap().clone()).collect();
    more.push(client(1, "AAA", true));
    clients.fill(more.into());
    assert_eq!(clients.selected().unwrap().client.id, id);
    clients.filter = Filter::Disabled;
    clients.search(false);
    assert_eq!(listed(&clients), [9]);
    assert_eq!(Filter::Active.next().next().next().next().next(), Filter::Active);
}

#[test]
fn what_matched_is_marked_as_a_person_counts() {
    assert_eq!(marks("Québec", "queb"), [0, 1, 2, 3]);
    assert_eq!(marks("Northwind", "wind"), [5, 6, 7, 8]);
    assert_eq!(marks("Northwind", "nwd"), [0, 5, 8]);
    assert_eq!(marks("北京技术", "京"), [1]);
    assert_eq!(marks("", "x"), [0_usize; 0]);
}

#[test]
fn a_hundred_thousand_rows_are_searched_key_by_key() {
    let mut clients = Clients::default();
    let many: Vec<StoredClient> =
        (0..100_000).map(|id| client(id, &format!("Client {id} of the North"), true)).collect();
    clients.fill(many.into());
    for query in ["c", "cl", "cli", "clin", "clinth"] {
        search(&mut clients, query);
    }
    assert_eq!(search(&mut clients, "client 99999 of the north"), [99_999]);
}

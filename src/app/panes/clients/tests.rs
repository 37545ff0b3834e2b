//! The client list: what is found, and what stays selected.

use jiff::Timestamp;
use tui_input::Input;

use super::*;
use crate::domain::client::{Client, ClientStatus, DisabledReason};
use crate::domain::client::{StoredClient, fold};
use crate::domain::search::matched;

fn client(id: i64, name: &str, active: bool) -> StoredClient {
    let at: Timestamp = "2026-11-23T04:31:00Z".parse().unwrap();
    let status = if active { ClientStatus::Active } else { ClientStatus::Disabled(DisabledReason::NoLongerInHalo) };
    let client =
        Client { id, name: name.into(), toplevel: None, main_site: None, inactive: false, traits: Default::default() };
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
fn search_ranks_whole_name_beginning_middle_then_letters() {
    let mut clients = some();
    assert_eq!(search(&mut clients, "northwind"), [7, 8]);
    assert_eq!(search(&mut clients, "norwnd"), [9, 7, 8]);
    assert_eq!(search(&mut clients, "QUEBEC"), [10]);
    assert_eq!(search(&mut clients, "ｑｕé"), [10]);
    assert_eq!(search(&mut clients, "group north"), [8]);
    assert_eq!(search(&mut clients, "zzz"), [0_i64; 0]);
}

#[test]
fn number_finds_its_id_first_and_guesses_nothing() {
    let mut clients = some();
    assert_eq!(search(&mut clients, "7"), [7, 42]);
    assert_eq!(search(&mut clients, "42"), [42]);
    assert_eq!(search(&mut clients, "4"), [0_i64; 0]);
    clients.fill(vec![client(1, "4th of 2 firms", true)].into());
    assert_eq!(search(&mut clients, "42"), [0_i64; 0]);
    assert_eq!(search(&mut clients, "42f"), [1]);
}

#[test]
fn filter_goes_round_and_selection_follows_its_client() {
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
    assert_eq!(Filter::Active.next().next().next().next().next().next(), Filter::Active);
}

/// What was searched for before is remembered for this filter and this list alone.
#[test]
fn another_filter_or_list_searches_anew() {
    let mut clients = some();
    assert_eq!(search(&mut clients, "nor"), [7, 9, 8]);
    clients.filter = Filter::Disabled;
    clients.search(false);
    assert_eq!(listed(&clients), [9]);
    clients.fill(vec![client(70, "Nordic", false)].into());
    assert_eq!(listed(&clients), [70]);
}

#[test]
fn what_matched_is_marked_as_person_counts() {
    assert_eq!(matched("Québec", "queb"), [0, 1, 2, 3]);
    assert_eq!(matched("Northwind", "wind"), [5, 6, 7, 8]);
    assert_eq!(matched("Northwind", "nwd"), [0, 5, 8]);
    assert_eq!(matched("北京技术", "京"), [1]);
    assert_eq!(matched("", "x"), [0_usize; 0]);
}

/// The rows that match, best class first, by nothing but a look at each of them: no masks, no trail, no shortcuts.
fn plainly(clients: &[StoredClient], query: &str) -> Vec<(u8, i64)> {
    use nucleo_matcher::chars::{normalize, to_lower_case};
    use nucleo_matcher::{Config, Matcher, Utf32String};
    let query = fold(query.trim());
    let words: Vec<&str> = query.split_whitespace().collect();
    let needle = |word: &&str| Utf32String::from(word.chars().map(normalize).map(to_lower_case).collect::<String>());
    let needles: Vec<Utf32String> = words.iter().map(needle).collect();
    let number = !query.is_empty() && query.bytes().all(|byte| byte.is_ascii_digit());
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut found: Vec<(u8, i64)> = Vec::new();
    for stored in clients {
        let name = fold(stored.client.name.raw());
        let place = stored.client.main_site.as_ref().map(|site| fold(site.raw())).unwrap_or_default();
        let wide = Utf32String::from(name.as_str());
        let class = if number && stored.client.id.to_string() == query || name == query {
            0
        } else if name.starts_with(&query) {
            1
        } else if words.iter().all(|word| name.contains(word)) {
            2
        } else if words.iter().all(|word| name.contains(word) || place.contains(word)) {
            3
        } else if !number && needles.iter().all(|word| matcher.fuzzy_match(wide.slice(..), word.slice(..)).is_some()) {
            4
        } else {
            continue;
        };
        found.push((class, stored.client.id));
    }
    found.sort_unstable();
    found
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Masks, the trail of what was searched before, and the shortcut for a single letter leave nothing out and let nothing
    /// in: key by key, forth and back, the same rows in the same classes as a plain look at every row finds.
    #[test]
    fn search_by_masks_finds_what_plain_one_finds(
        names in proptest::collection::vec(("[a-dé北øß 17-]{0,9}", "[a-coü 7]{0,4}"), 1..40),
        query in "[a-doøE北 17]{1,6}",
    ) {
        let one = |(id, (name, site)): (i64, &(String, String))| {
            let mut client = client(id, name, true);
            client.client.main_site = (!site.is_empty()).then(|| site.as_str().into());
            client
        };
        let all: Vec<StoredClient> = (0..).zip(&names).map(one).collect();
        let mut clients = Clients::default();
        clients.fill(all.clone().into());
        let there = query.char_indices().map(|(at, letter)| &query[..at + letter.len_utf8()]);
        let back = query.char_indices().rev().map(|(at, _)| &query[..at]);
        for typed in there.chain(back) {
            let found = search(&mut clients, typed);
            let plain = plainly(&all, typed);
            let class = |id: &i64| plain.iter().find(|(_, other)| other == id).map(|(class, _)| *class);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            let mut wanted: Vec<i64> = plain.iter().map(|(_, id)| *id).collect();
            wanted.sort_unstable();
            proptest::prop_assert_eq!(&sorted, &wanted, "{:?}", typed);
            if !typed.trim().is_empty() {
                let classes: Vec<Option<u8>> = found.iter().map(class).collect();
                proptest::prop_assert!(classes.is_sorted(), "{:?}: {:?}", typed, classes);
            }
        }
    }
}

#[test]
fn hundred_thousand_rows_are_searched_key_by_key() {
    let mut clients = Clients::default();
    let many: Vec<StoredClient> =
        (0..100_000).map(|id| client(id, &format!("Client {id} of the North"), true)).collect();
    clients.fill(many.into());
    for query in ["c", "cl", "cli", "clin", "clinth"] {
        search(&mut clients, query);
    }
    assert_eq!(search(&mut clients, "client 99999 of the north"), [99_999]);
}

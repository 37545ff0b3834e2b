//! A client's row on the wire, and the hazards that make it odd.

use super::faults::Fault;
use super::hostile;
use super::random::spread;
use super::reply::{Row, members};
use super::state::{Client, State};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Whether a fault strikes this client: about one in `every`, and always the last one.
fn struck(state: &State, client: &Client, every: u64) -> bool {
    spread(state.seed ^ client.id.cast_unsigned()).is_multiple_of(every)
        || state.clients.last().is_some_and(|last| last.id == client.id)
}

/// Members of a list row that are 0, empty or false in nearly every real one.
const ZEROES: &[&str] = &[
    "accountmanagertech",
    "pritech",
    "sectech",
    "stopped",
    "client_to_invoice",
    "client_to_invoice_recurring",
    "default_currency_code",
    "default_mailbox_id",
    "cautomateid",
    "actionemail",
    "clearemail",
    "confirmemail",
    "clientcurrency",
    "contract_tax_code",
    "item_tax_code",
    "service_tax_code",
    "prepay_tax_code",
    "invoiceduedaysextraclient",
    "mailbox_override",
    "messagegroup_id",
];
const EMPTY: &[&str] = &[
    "ref",
    "website",
    "itglue_id",
    "accountsid",
    "dbc_company_id",
    "kashflow_tenant_id",
    "xero_tenant_id",
    "qbo_company_id",
    "sage_business_cloud_tenant_id",
    "trading_name",
];
const FALSE: &[&str] = &["is_vip", "is_account", "excludefrominvoicesync", "override_org_logo"];

/// What is the same in every row: as members, and written out.
static ALIKE: LazyLock<(Row, String)> = LazyLock::new(|| {
    let mut alike = members(json!({
        "colour": "#2196f3", "customer_relationship": [], "customer_relationship_list": "[]",
        "calldate": "1900-01-01T00:00:00", "datecreated": "2024-06-20T14:45:15.9746271Z", "startdate": "0001-01-01T00:00:00",
        "lastinvoiceenddate": "1899-12-30T00:00:00", "chargehours": 0.0, "use": "client"
    }));
    alike.extend(ZEROES.iter().map(|name| ((*name).to_owned(), json!(0))));
    alike.extend(EMPTY.iter().map(|name| ((*name).to_owned(), json!(""))));
    alike.extend(FALSE.iter().map(|name| ((*name).to_owned(), json!(false))));
    let text = json!(alike).to_string();
    (alike, text)
});

/// What a row has of its own. Null members are left out.
#[derive(Serialize)]
struct Own<'a> {
    id: i64,
    name: &'a str,
    toplevel_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    toplevel_name: Option<&'a str>,
    inactive: bool,
    main_site_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    main_site_name: Option<&'a str>,
    key: String,
    customertype: i64,
    logo: String,
}

fn own<'a>(state: &'a State, client: &'a Client) -> Own<'a> {
    Own {
        id: client.id,
        name: &client.name,
        toplevel_id: client.toplevel_id,
        toplevel_name: state.toplevels.get(&client.toplevel_id).map(String::as_str),
        inactive: client.inactive,
        main_site_id: client.id + 6,
        main_site_name: client.main_site_name.as_deref(),
        key: client.id.to_string(),
        customertype: client.customer_type,
        logo: format!("{}/api/attachment/image/{}", state.base, client.id),
    }
}

/// One list row, written out: about fifty of the 446 members. Nearly all are written without being built first, as each page
/// has a hundred of them.
pub(super) fn list_row(state: &State, client: &Client) -> String {
    let is_odd = !client.overrides.is_empty() || SPOILING.iter().any(|fault| state.has(*fault));
    match serde_json::to_string(&own(state, client)) {
        Ok(text) if !is_odd => format!("{},{}", text.trim_end_matches('}'), ALIKE.1.trim_start_matches('{')),
        _ => row(state, client).to_string(),
    }
}

/// The same as a value.
pub(super) fn row(state: &State, client: &Client) -> Value {
    let mut row = members(json!(own(state, client)));
    row.extend(ALIKE.0.clone());
    row.extend(client.overrides.clone());
    spoil(state, client, &mut row);
    row.retain(|_, value| !value.is_null());
    Value::Object(row)
}

/// The faults that make rows odd.
const SPOILING: [Fault; 6] = [
    Fault::DuplicateNames,
    Fault::OddIds,
    Fault::MissingMembers,
    Fault::HostileText,
    Fault::WideRows,
    Fault::NumbersAsStrings,
];

fn spoil(state: &State, client: &Client, row: &mut Row) {
    if state.has(Fault::DuplicateNames)
        && struck(state, client, 40)
        && let Some(first) = state.clients.iter().find(|other| other.id != client.id && other.id != 1)
    {
        row.insert("name".into(), first.name.to_uppercase().into());
    }
    if state.has(Fault::OddIds) && struck(state, client, 40) {
        let last = state.clients.last().is_some_and(|last| last.id == client.id);
        row.insert("id".into(), if last { 0 } else { -client.id }.into());
    }
    if state.has(Fault::MissingMembers) && struck(state, client, 20) {
        row.remove(if client.id % 2 == 0 { "name" } else { "inactive" });
    }
    if state.has(Fault::HostileText) {
        let name = hostile::client_name(state, client.id, &client.name);
        row.insert("name".into(), name.into());
    }
    if state.has(Fault::WideRows) {
        row.extend((0..400).map(|number| (format!("unused_member_{number}"), json!(number))));
        row.insert("logo".into(), format!("data:image/png;base64,{}", "iVBORw0KGgo".repeat(200)).into());
        row.insert("new_access_token".into(), "looks-like-a-token-and-is-none".into());
    }
    if state.has(Fault::NumbersAsStrings) {
        for value in row.values_mut().filter(|value| value.is_number()) {
            *value = value.to_string().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::tester;
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn row_has_about_fifty_members_and_leaves_null_ones_out() {
        let tester = tester().await;
        let (_, body) = tester.get("/api/Client?count=250&includeinactive=true").await;
        let rows = body["clients"].as_array().unwrap();
        assert!(rows.iter().all(|row| (40..65).contains(&row.as_object().unwrap().len())));
        assert!(rows.iter().all(|row| row.as_object().unwrap().values().all(|value| !value.is_null())));
        assert!(rows.iter().any(|row| row.get("main_site_name").is_none()));
        assert_eq!((&rows[0]["id"], &rows[0]["name"]), (&json!(1), &json!("Unknown")));
        let (status, row) = tester.get("/api/client/1?includedetails=true").await;
        assert_eq!((status, &row["customfields"][0]["display"]), (200, &json!("Standard")));
        assert_eq!(tester.get("/api/client/2147483647").await, (404, Value::Null));
        assert_eq!(tester.get("/api/client/probe").await.1, json!({ "id": ["The value 'probe' is not valid."] }));
    }

    #[tokio::test]
    async fn rows_can_be_odd() {
        let tester = tester().await;
        let rows = async |fault| {
            tester.halo.set_fault(fault, true);
            let (_, body) = tester.get("/api/Client?count=250&includeinactive=true").await;
            tester.halo.set_fault(fault, false);
            body["clients"].as_array().unwrap().clone()
        };
        let ids: Vec<i64> = rows(Fault::OddIds).await.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert!(ids.contains(&0) && ids.iter().any(|id| *id < 0));
        let missing = rows(Fault::MissingMembers).await;
        assert!(
            missing.iter().any(|row| row.get("name").is_none())
                && missing.iter().any(|row| row.get("inactive").is_none())
        );
        assert!(rows(Fault::NumbersAsStrings).await.iter().all(|row| row["id"].is_string()));
        assert!(rows(Fault::WideRows).await.iter().all(|row| row.as_object().unwrap().len() > 400));
        let names: Vec<String> =
            rows(Fault::DuplicateNames).await.iter().map(|row| row["name"].as_str().unwrap().to_lowercase()).collect();
        assert!(names.iter().collect::<BTreeSet<_>>().len() < 250);
        tester.halo.change(|state| state.clients[3].overrides.insert("name".into(), Value::Null));
        let (_, body) = tester.get("/api/Client?count=5").await;
        assert!(body["clients"][3].get("name").is_none());
    }
}

//! The event catalogue: Lookup 64, 205 rows.

use super::state::Object;
use serde_json::json;

/// How many rows the live catalogue has.
const ROWS: usize = 205;

/// The numbers that are known, and some of the "Assigned" rows, which never fire for a webhook.
const KNOWN: &[(i64, &str)] = &[
    (1, "New $#request Logged - Assigned Agent"),
    (2, "New $#request Logged - Assigned Team"),
    (3, "New $#request Logged - All"),
    (18, "$#request Updated by User - Assigned Agent"),
    (19, "$#request Updated by User - All"),
    (38, "$#request Closed - Assigned Agent"),
    (39, "$#request Closed - All"),
    (41, "First SLA Warning - Assigned Agent"),
    (42, "First SLA Warning - All"),
    (45, "Second SLA Warning - Assigned Agent"),
    (46, "Second SLA Warning - All"),
    (70, "$#request Deadline Reached - All"),
    (75, "$#request Status Changed - Assigned Agent"),
    (76, "$#request Status Changed - All"),
    (1004, "Action Added to $#request - All"),
    (1071, "$#request Deleted - Assigned Agent"),
    (1072, "$#request Deleted - All"),
];

const THINGS: &[&str] = &[
    "Opportunity",
    "Project",
    "Appointment",
    "Quotation",
    "Sales Order",
    "Purchase Order",
    "Invoice",
    "Contract",
    "Asset",
    "Item",
    "Supplier",
    "User",
    "Site",
    "Client",
    "Knowledge Base Article",
    "Survey",
    "Approval",
    "Chat",
    "Call",
    "Timesheet",
    "Release",
    "Licence",
    "Mailbox",
    "Report",
    "Agent",
];
const DEEDS: &[&str] = &["Created", "Updated", "Approved", "Rejected", "Assigned", "Expired", "Deleted", "Viewed"];

/// The rows, ascending by number.
pub(super) fn events() -> Vec<Object> {
    let mut rows: Vec<(i64, String)> = KNOWN.iter().map(|&(id, name)| (id, name.to_owned())).collect();
    let names = DEEDS.iter().flat_map(|deed| THINGS.iter().map(move |thing| format!("{thing} {deed}")));
    let free = (100..).filter(|id| !KNOWN.iter().any(|(known, _)| known == id));
    rows.extend(free.zip(names).take(ROWS - KNOWN.len()));
    rows.sort_unstable();
    rows.into_iter().map(|(id, name)| Object::new(json!({ "id": id, "name": name }))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn catalogue_has_205_rows_with_their_own_ids_and_known_numbers() {
        let rows = events();
        assert_eq!(rows.len(), ROWS);
        let ids: BTreeSet<i64> = rows.iter().filter_map(|row| row.int("id")).collect();
        assert_eq!(ids.len(), ROWS);
        assert!([3, 19, 39, 42, 46, 70, 76, 1004, 1072].iter().all(|id| ids.contains(id)));
    }
}

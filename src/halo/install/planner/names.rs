//! Objects of somebody else's that have a name like ours: told, and left alone.

use crate::domain::next::Next;
use crate::domain::plan::plain_name;
use crate::domain::untrusted::Untrusted;

/// What a plan says of them.
const NOT_OURS: &str = "was not created by this configuration and stays unchanged";

/// Whether two names are the same to a person's eye.
pub fn is_like(one: &str, other: &str) -> bool {
    plain_name(one) == plain_name(other)
}

/// Names a foreign object.
pub(super) fn not_ours(kind: &str, name: &Untrusted, id: impl std::fmt::Display) -> String {
    format!("the {kind} \"{name}\" ({id}) {NOT_OURS}")
}

/// Why an object is written, with the foreign one beside it.
pub(super) fn with_foreign(reason: &str, foreign: Option<String>) -> String {
    foreign.map_or_else(|| reason.to_owned(), |foreign| format!("{reason}; {foreign}"))
}

/// The foreign object that a reason names, and what to do where Halo refuses ours because of its name.
pub fn taken_by(reason: &str) -> Option<String> {
    let (_, foreign) = reason.split_once("; ")?;
    let named = foreign.strip_suffix(NOT_OURS)?;
    let named = named.trim_end();
    let id = named.rsplit_once('(').map_or("", |(_, id)| id.trim_end_matches(')'));
    Some(format!(
        "If {named} already has this name, take it over with {}, or rename or delete it in Halo and run Configure \
         again",
        Next::Adopt(Some(id.to_owned()))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_whatever_case_space_and_dash() {
        for name in
            ["Pia - Ticket Created", "PIA - ticket created ", "Pia\u{2013}Ticket  Created", "pia-ticket-created"]
        {
            assert!(is_like(name, "Pia - Ticket Created"), "{name}");
        }
        for name in ["Pia - Ticket Create", "P\u{456}a - Ticket Created", ""] {
            assert!(!is_like(name, "Pia - Ticket Created"), "{name}");
        }
    }

    #[test]
    fn refused_name_says_which_object_to_rename() {
        let reason = with_foreign("missing in Halo", Some(not_ours("webhook", &"PIA; x".into(), "b7a1")));
        assert_eq!(
            reason,
            "missing in Halo; the webhook \"PIA; x\" (b7a1) was not created by this configuration and stays unchanged"
        );
        let told = taken_by(&reason).unwrap();
        let way = "If the webhook \"PIA; x\" (b7a1) already has this name, take it over with pia-halo configure --adopt b7a1,";
        assert!(told.starts_with(way), "{told}");
        assert_eq!(taken_by("missing in Halo"), None);
    }
}

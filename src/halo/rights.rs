//! What the later steps need of Halo, and which of Halo's two gates keeps it shut: the permissions of the application
//! (its scopes), or the role of the agent that it logs in as. Both have to let a request through.

use std::collections::BTreeSet;

use crate::domain::check::{CheckId, Gate, MissingRight, WriteProof};
use crate::domain::object::ObjectKind;

/// Where the applications are.
pub const APPLICATIONS: &str = "Configuration › Integrations › Halo PSA API › View Applications";

/// Where an application's permissions are ticked.
pub const APPLICATION: &str =
    "Configuration › Integrations › Halo PSA API › View Applications › the application › Permissions";

/// Where an agent's rights are ticked.
pub const ROLE: &str = "Configuration › Teams & Agents › Roles › the role of the application's agent › Permissions";

/// The scopes of a token.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scopes(Option<BTreeSet<String>>);

impl Scopes {
    /// The scopes in Halo's words, separated by spaces.
    pub fn told(text: &str) -> Self {
        Self(Some(text.split_whitespace().map(str::to_lowercase).collect()))
    }

    /// Scopes that were found by asking for them one at a time.
    pub fn found<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Some(names.into_iter().map(str::to_lowercase).collect()))
    }

    /// Scopes of which nothing is known.
    pub fn unknown() -> Self {
        Self(None)
    }

    /// Whether they are known to reach everything.
    pub fn are_wide(&self) -> bool {
        self.has(&["all", "admin"])
    }

    fn has(&self, names: &[&str]) -> bool {
        self.0.as_ref().is_some_and(|scopes| names.iter().any(|name| scopes.contains(*name)))
    }

    /// Whether they let through what a check is about; none where that is not known.
    ///
    /// Webhooks, custom tabs and ticket types have no scope of their own.
    pub fn cover(&self, check: CheckId) -> Option<bool> {
        self.0.as_ref()?;
        if self.are_wide() {
            return Some(true);
        }
        match check {
            CheckId::Clients => Some(self.has(&["all:standard", "read:customers", "edit:customers"])),
            // Most versions give these to every login, and some name scopes for them.
            CheckId::Agents => self.has(&["all:standard", "read:agents"]).then_some(true),
            CheckId::Teams => self.has(&["all:standard", "read:teams", "all:teams"]).then_some(true),
            // Notes go with the tickets.
            CheckId::Tickets | CheckId::Actions => Some(self.has(&["all:standard", "read:tickets", "edit:tickets"])),
            CheckId::Statuses => self.has(&["all:standard", "read:tickets", "edit:tickets"]).then_some(true),
            _ => Some(false),
        }
    }

    /// The same for writing.
    fn cover_writing(&self, check: CheckId) -> Option<bool> {
        match check {
            CheckId::Tickets | CheckId::Actions if !self.are_wide() => {
                self.0.as_ref().map(|_| self.has(&["all:standard", "edit:tickets"]))
            }
            _ => self.cover(check),
        }
    }
}

/// What Halo tells of the agent that the application logs in as.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AgentRights {
    /// Whether the agent is an administrator.
    pub is_admin: Option<bool>,
    /// Whether the agent is restricted to chosen clients.
    pub sees_chosen_clients: bool,
}

/// What to change where Halo has refused something, and nobody knows which gate has.
pub fn both_gates() -> String {
    format!(
        "Two places must allow it: the Permissions tab of the application ({APPLICATIONS}), and the role of the \
         application's agent (Configuration › Teams & Agents). The Administrator role has every permission. If nothing \
         at all is allowed, set the application's Login Type to \"Agent\""
    )
}

/// The same where Halo has taken others of the kind: both gates are open, and it is about this one.
pub fn this_one(kind: ObjectKind) -> String {
    let what = match kind {
        ObjectKind::TicketType => {
            "Configuration › Teams & Agents › the application's agent, and its role › Ticket Type Restrictions: allow this \
             ticket type, or set \"Allow use of all Ticket Types\" to Yes"
        }
        ObjectKind::Webhook | ObjectKind::WebhookEvent | ObjectKind::CustomTab => {
            "check who may change this one (its access control)"
        }
    };
    format!("Others were allowed, so it is about this one. In Halo: {what}")
}

/// The right that is missing where Halo has answered with 401 or 403.
pub fn missing(check: CheckId, http_status: Option<u16>, scopes: &Scopes) -> MissingRight {
    if http_status == Some(401) {
        // A good token and 401 all the same: the question is for another kind of login.
        return MissingRight {
            gate: Gate::Application,
            right: "Login Type must be \"Agent\", with an agent to log in as".to_owned(),
            place: "Configuration › Integrations › Halo PSA API › View Applications › the application › Details"
                .to_owned(),
        };
    }
    let scope = scope_right(check);
    match scopes.cover(check) {
        Some(true) => {
            MissingRight { gate: Gate::AgentRole, right: role_right(check).to_owned(), place: ROLE.to_owned() }
        }
        Some(false) => MissingRight { gate: Gate::Application, right: scope.to_owned(), place: APPLICATION.to_owned() },
        None => MissingRight {
            gate: Gate::Either,
            right: role_right(check).to_owned(),
            place: format!("{APPLICATION}: {scope}; and {ROLE}"),
        },
    }
}

/// The right that is missing where Halo has refused a write so.
pub fn missing_to_write(check: CheckId, http_status: Option<u16>, scopes: &Scopes) -> MissingRight {
    match scopes.cover_writing(check) {
        Some(false) => MissingRight {
            gate: Gate::Application,
            right: scope_right(check).to_owned(),
            place: APPLICATION.to_owned(),
        },
        _ => missing(check, http_status, scopes),
    }
}

/// What to do about it, as a sentence without a full stop.
pub fn sentence(missing: &MissingRight) -> String {
    format!("In Halo, {}: {}", missing.place, missing.right)
}

/// What a check would say of a path of the API.
pub(super) fn about(path: &str) -> Option<CheckId> {
    Some(match path.trim_start_matches("/api/").split('/').next()? {
        "Client" => CheckId::Clients,
        "Agent" => CheckId::Agents,
        "Team" => CheckId::Teams,
        "TicketType" => CheckId::TicketTypes,
        "Webhook" | "WebhookEvent" => CheckId::Webhooks,
        "Tabs" => CheckId::CustomTabs,
        "Tickets" => CheckId::Tickets,
        "Actions" => CheckId::Actions,
        "Status" => CheckId::Statuses,
        _ => return None,
    })
}

/// Where everything is ticked that an application may: what opens whatever has no scope of its own.
pub fn tick_all() -> String {
    format!("in Halo, {APPLICATION}: {}", scope_right(CheckId::Webhooks))
}

/// The permission of the application that opens something, in Halo's words.
fn scope_right(check: CheckId) -> &'static str {
    match check {
        CheckId::Clients => "tick \"all\", or at least \"read:customers\"",
        CheckId::Tickets | CheckId::Actions | CheckId::Statuses => {
            "tick \"all\", or at least \"read:tickets\" and \"edit:tickets\""
        }
        _ => "tick \"all\"",
    }
}

/// Both gates of something that is read or written, for the table of rights.
pub fn place(check: CheckId) -> String {
    format!("Permissions of the application: {}; role of its agent: {}", scope_right(check), role_right(check))
}

/// The right of a role that opens something, in Halo's words.
pub fn role_right(check: CheckId) -> &'static str {
    match check {
        CheckId::Clients => "Feature Access › Customers Access Level must be \"Read\" or more",
        CheckId::Agents => {
            "\"Is a HaloPSA Administrator\" must be Yes; without it, the agent needs at least a Default Team"
        }
        CheckId::Teams => {
            "\"Is a HaloPSA Administrator\" must be Yes; without it, the agent must be a member of the teams"
        }
        CheckId::TicketTypes => "Ticket Type Restrictions › \"Allow use of all Ticket Types\" must be Yes",
        CheckId::Tickets | CheckId::Actions => {
            "Feature Access › Tickets Access Level must be \"Read and Modify\", for tickets of every team"
        }
        CheckId::Statuses => "Feature Access › Tickets Access Level must be \"Read\" or more",
        _ => "\"Is a HaloPSA Administrator\" must be Yes: webhooks and custom tabs are configuration",
    }
}

/// What can be said of writing what a check is about.
pub fn writes(check: CheckId, scopes: &Scopes, agent: Option<&AgentRights>) -> WriteProof {
    // Tickets are no configuration: whoever works on them need not be an administrator.
    let is_for_all = matches!(check, CheckId::Tickets | CheckId::Actions);
    match (scopes.cover_writing(check), agent.and_then(|agent| agent.is_admin)) {
        (Some(false), _) => WriteProof::Doubtful,
        (_, Some(false)) if !is_for_all => WriteProof::Doubtful,
        (Some(true), Some(true)) => WriteProof::Expected,
        _ => WriteProof::NotProvable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: [CheckId; 9] = [
        CheckId::Clients,
        CheckId::Agents,
        CheckId::Teams,
        CheckId::TicketTypes,
        CheckId::Webhooks,
        CheckId::CustomTabs,
        CheckId::Tickets,
        CheckId::Actions,
        CheckId::Statuses,
    ];

    #[test]
    fn two_gates_are_told_apart_wherever_scopes_are_known() {
        use Gate::{AgentRole, Application, Either};
        for check in READ {
            for wide in ["all", "admin", "ALL read:kb"] {
                assert_eq!(missing(check, Some(403), &Scopes::told(wide)).gate, AgentRole, "{check:?}");
            }
            let unknown = missing(check, Some(403), &Scopes::unknown());
            assert_eq!(unknown.gate, Either);
            assert!(unknown.place.contains("View Applications") && unknown.place.contains("Roles"), "{unknown:?}");
        }
        let narrow = Scopes::told("read:customers edit:tickets");
        let gates = READ.map(|check| missing(check, Some(403), &narrow).gate);
        assert_eq!(
            gates,
            [AgentRole, Either, Either, Application, Application, Application, AgentRole, AgentRole, AgentRole]
        );
        assert_eq!(missing(CheckId::Clients, Some(403), &Scopes::told("edit:tickets")).gate, Application);
        let reads = Scopes::told("read:tickets");
        let gates = [missing, missing_to_write].map(|missing| missing(CheckId::Tickets, Some(403), &reads).gate);
        assert_eq!(gates, [AgentRole, Application], "a scope that reads does not write");
    }

    #[test]
    fn edit_holds_read_and_every_right_says_where_it_is_ticked() {
        assert_eq!(Scopes::told("edit:customers").cover(CheckId::Clients), Some(true));
        for (check, words) in [
            (CheckId::Clients, "Customers Access Level"),
            (CheckId::Agents, "Default Team"),
            (CheckId::Teams, "member of the teams"),
            (CheckId::TicketTypes, "Allow use of all Ticket Types"),
            (CheckId::Webhooks, "Is a HaloPSA Administrator"),
            (CheckId::CustomTabs, "Is a HaloPSA Administrator"),
            (CheckId::Tickets, "Tickets Access Level"),
            (CheckId::Actions, "Tickets Access Level"),
            (CheckId::Statuses, "Tickets Access Level"),
        ] {
            let advice = missing(check, Some(403), &Scopes::told("all")).advice();
            assert!(advice.contains(words) && advice.contains("Teams & Agents › Roles"), "{advice}");
        }
        let login = missing(CheckId::Webhooks, Some(401), &Scopes::told("all"));
        assert!(login.advice().contains("Login Type"), "{login:?}");
    }

    #[test]
    fn writing_is_expected_doubtful_or_not_provable() {
        let agent = |is_admin| Some(AgentRights { is_admin, sees_chosen_clients: false });
        let all = Scopes::told("all");
        let of = |scopes: &Scopes, agent: Option<AgentRights>| writes(CheckId::Webhooks, scopes, agent.as_ref());
        assert_eq!(of(&all, agent(Some(true))), WriteProof::Expected);
        assert_eq!(of(&all, agent(Some(false))), WriteProof::Doubtful);
        assert_eq!(of(&all, agent(None)), WriteProof::NotProvable);
        assert_eq!(of(&all, None), WriteProof::NotProvable);
        assert_eq!(of(&Scopes::unknown(), agent(Some(true))), WriteProof::NotProvable);
        assert_eq!(of(&Scopes::told("read:customers"), agent(Some(true))), WriteProof::Doubtful);
        // Tickets are no configuration.
        let of = |scopes: &str, admin| writes(CheckId::Tickets, &Scopes::told(scopes), agent(admin).as_ref());
        assert_eq!(of("all", Some(false)), WriteProof::NotProvable);
        assert_eq!(of("edit:tickets", Some(true)), WriteProof::Expected);
        assert_eq!(of("read:tickets", Some(true)), WriteProof::Doubtful);
    }
}

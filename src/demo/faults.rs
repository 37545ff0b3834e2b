//! The hazards that can be switched on, by name.

use super::parse_error::ParseError;
use std::fmt;
use std::str::FromStr;

/// Writes the enum, its list and its texts from one table, so that no fault can lack a name or a meaning.
macro_rules! faults {
    ($($variant:ident $name:literal $hazard:literal;)*) => {
        /// A hazard that a real Halo, its network or its administrators have in store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = concat!("`", $name, "`: ", $hazard, ".")] $variant,)*
        }

        impl Fault {
            /// All faults, in the order in which they are listed for people.
            pub fn all() -> impl Iterator<Item = Self> {
                [$(Self::$variant),*].into_iter()
            }

            /// The name that switches it on: lower-case words joined by hyphens.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The hazard that it imitates, as a sentence without its full stop.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => $hazard,)* }
            }
        }
    };
}

faults! {
    WrongSecret "wrong-secret"
        "the token endpoint refuses the client secret with 401 invalid_client, as after a mistyped or replaced secret";
    NoAuthinfo "no-authinfo"
        "AuthInfo answers 404 with no body, as on versions or proxies without discovery";
    ForeignAuthHost "foreign-auth-host"
        "AuthInfo names another host for the login, so that a trusting client would send its secret elsewhere";
    AuthAtRoot "auth-at-root"
        "the token endpoint is at /token instead of /auth/token, as on some trial hosts";
    TokenRateLimit "token-rate-limit"
        "the token endpoint itself answers 429";
    TokenExpiryMidSync "token-expiry-mid-sync"
        "a token dies after a few requests, as when it is revoked or runs out in the middle of a sync";
    ExpiredTokenIs400 "expired-token-is-400"
        "a dead token is answered with 400 instead of 401, as one report has it";
    Endless401 "endless-401"
        "every API call answers 401 although the token is new, so that refreshing for ever helps nothing";
    NarrowScope "narrow-scope"
        "the application may only read customers and tickets: asking for all is an invalid_scope, and configuration is 403";
    StandardScope "standard-scope"
        "the application may use all:standard and not all: reads of clients pass, and configuration is 403";
    ShortenedScope "shortened-scope"
        "asked for all, the login gives a token without complaint, for the few scopes that the application has";
    ScopeMustBeNamed "scope-must-be-named"
        "a login that names no scope is refused as well, so that scopes have to be tried one at a time";
    Slow "slow"
        "every reply takes some seconds longer";
    SlowDrip "slow-drip"
        "the body arrives a few bytes at a time";
    Silence "silence"
        "API calls are accepted and never answered";
    RateLimit "rate-limit"
        "a small rolling window: 429 in plain text beyond 20 requests in 10 seconds, token and AuthInfo included";
    RetryAfter "retry-after"
        "a 429 carries Retry-After with the true number of seconds";
    RetryAfterDate "retry-after-date"
        "a 429 carries Retry-After as an HTTP date";
    RetryAfterHuge "retry-after-huge"
        "a 429 carries a Retry-After of a thousand million seconds";
    RetryAfterOdd "retry-after-odd"
        "a 429 carries a Retry-After that is no number and no date";
    ServerErrors "server-errors"
        "about a third of the replies are 500 without a body, or 502, 503 or 504 pages of the gateway";
    GatewayTimeout "gateway-timeout"
        "API calls end after a delay in the gateway's 504 page";
    ForbiddenClients "forbidden-clients"
        "Client answers 403 with no body: the scope or the agent's role lacks customers";
    ForbiddenAgents "forbidden-agents"
        "Agent answers 403 with no body";
    ForbiddenTeams "forbidden-teams"
        "Team answers 403 with no body";
    ForbiddenTicketTypes "forbidden-ticket-types"
        "TicketType answers 403 with no body";
    ForbiddenWebhooks "forbidden-webhooks"
        "Webhook, Notification and WebhookEvent answer 403 with no body";
    ForbiddenTabs "forbidden-tabs"
        "Tabs answers 403 with no body";
    ForbiddenWrites "forbidden-writes"
        "reads pass and every write answers 403: the agent is no administrator";
    ForbiddenWebhookWrites "forbidden-webhook-writes"
        "webhooks and their events can be read, and every write to them answers 403";
    ForbiddenTabWrites "forbidden-tab-writes"
        "custom tabs can be read, and every write to them answers 403";
    ForbiddenTicketTypeWrites "forbidden-ticket-type-writes"
        "ticket types can be read, and every write to them answers 403";
    ForbiddenOneTicketType "forbidden-one-ticket-type"
        "one ticket type, Incident, answers 403 to a write; the others can be written";
    ForbiddenTickets "forbidden-tickets"
        "Tickets and Actions answer 403 with no body: the scope or the agent's role lacks tickets";
    ForbiddenTicketWrites "forbidden-ticket-writes"
        "tickets can be read, and every write to them and every note answers 403";
    ReassignRefused "reassign-refused"
        "a ticket cannot be given to another team or agent: 400 with Halo's words, the placeholder $#request in them";
    ActionRefused "action-refused"
        "a note is refused with 400: the agent has no access to that action";
    TicketsMovedBack "tickets-moved-back"
        "a rule of Halo's puts a ticket back on its team right after each write, which is answered with success";
    RuleApplied "rule-applied"
        "a rule of Halo's puts each ticket that is written on 1st Line Support, within the write, and the answer says so";
    StatusFilterIgnored "status-filter-ignored"
        "the list of statuses is whole, whether or not those that end a ticket are wanted";
    ApiAgentsListed "api-agents-listed"
        "the list of agents holds those for programs alone, which can be given no ticket";
    TeamsAsIds "teams-as-ids"
        "a ticket carries its team as a number instead of a name, by a setting of the tenant";
    TicketsNotPaged "tickets-not-paged"
        "the list of tickets ignores paging, and gives its first rows for every page";
    AgentUnknown "agent-unknown"
        "Agent/me answers 401 although the token is good, so that the agent's role is not told";
    RestrictedAgent "restricted-agent"
        "the agent sees fewer clients, teams and ticket types: 200, shorter lists, and a record_count of those only";
    RepeatedPage "repeated-page"
        "every page of the client list is page 1 again";
    RecordCountWrong "record-count-wrong"
        "record_count is one too high for ever";
    RowsAddedMidSync "rows-added-mid-sync"
        "a client is added after every page that is read";
    RowsDeletedMidSync "rows-deleted-mid-sync"
        "a client is deleted after every page that is read, so that later rows slide up past the reader";
    RowsMovedMidSync "rows-moved-mid-sync"
        "rows change places between pages whatever order was asked for";
    DuplicateNames "duplicate-names"
        "some clients have the name of another one in other letters' case";
    OddIds "odd-ids"
        "some clients have a negative id or 0";
    MissingMembers "missing-members"
        "some clients lack their name or their inactive flag, as null members are left out";
    NumbersAsStrings "numbers-as-strings"
        "the numbers of client rows arrive as strings";
    WideRows "wide-rows"
        "client rows carry some four hundred more members, a long logo and one that is named like a token";
    HostileText "hostile-text"
        "every text of every reply holds escape sequences, control characters, direction overrides and worse; some are of megabytes";
    HtmlWith200 "html-with-200"
        "API reads answer 200 with the login page";
    RedirectToLogin "redirect-to-login"
        "API calls answer 302 to the login page";
    RedirectElsewhere "redirect-elsewhere"
        "token and API calls answer 307 to another host, which would carry secrets there";
    NullBody "null-body"
        "API reads answer 200 with the four letters null";
    EmptyBody "empty-body"
        "API reads answer 200 with no body";
    TruncatedJson "truncated-json"
        "API reads answer 200 with half of their JSON";
    CutOffBody "cut-off-body"
        "the connection ends in the middle of every API read's body";
    ErrorForms "error-forms"
        "refusals take turns in all the forms that Halo wraps a text in";
    ConnectionResetAfterWrite "connection-reset-after-write"
        "a write is carried out, and the connection ends without a reply; a blind retry would make a second object";
    AppliedBut500 "applied-but-500"
        "a write is carried out and answered with 500";
    AcceptedButNotStored "accepted-but-not-stored"
        "a write is answered with success and nothing is stored";
    LinkNotStored "link-not-stored"
        "a ticket type accepts the custom tab's link with success and does not store it";
    ArrayReply "array-reply"
        "the reply to a write of one object is an array of one instead of the object";
    LinksAreAdded "links-are-added"
        "a ticket type's list of custom tabs is added to by a write instead of replaced";
    LinksFromTheTab "links-from-the-tab"
        "a custom tab lists its ticket types and honours that list when it is written, as in the newest versions";
    LinksOutliveTheTab "links-outlive-the-tab"
        "deleting a custom tab leaves the links of the ticket types to it";
    TypesShowAllTabs "types-show-all-tabs"
        "every ticket type shows every custom tab, as Halo's default is, and has no list of those that it allows";
    TabMembersMissing "tab-members-missing"
        "a ticket type does not say which custom tabs it shows, as versions do that leave null members out";
    StaleReads "stale-reads"
        "an object that was read is answered from a cache for the next minute, unless nocache=true is sent";
    LinkedTabStays "linked-tab-stays"
        "a custom tab that a ticket type still allows cannot be deleted";
    IframeIsTypeTwo "iframe-is-type-two"
        "an iframe is number 2 among the kinds of custom tab, and a tab of another kind keeps no address";
    TicketTypeRefused "ticket-type-refused"
        "writes to one ticket type answer 403: the agent may not change that one";
    WebhookSwitchedOff "webhook-switched-off"
        "Halo switches webhooks off by itself after failed deliveries";
    WebhookNameTaken "webhook-name-taken"
        "somebody else's webhook has the name that one of ours needs";
    DeliveriesFine "deliveries-fine"
        "Halo has delivered to the webhooks that were made through the API, and was answered with 200";
    DeliveriesUnauthorised "deliveries-401"
        "Halo's deliveries are answered with 401";
    DeliveriesNotFound "deliveries-404"
        "Halo's deliveries are answered with 404";
    DeliveriesFailing "deliveries-500"
        "Halo's deliveries are answered with 500";
    DeliveriesTimeOut "deliveries-time-out"
        "Halo's deliveries are not answered in time";
    DeliveriesNotReached "deliveries-not-reached"
        "Halo does not reach the address that it delivers to";
    DeliveriesSwitchOff "deliveries-switch-off"
        "Halo's deliveries fail until it switches the webhook off, after auto_disable_attempts of them";
    DeliveriesNone "deliveries-none"
        "Halo delivers nothing, and its log stays empty";
    CallbacksEventOnly "callbacks-event-only"
        "callbacks tell the event and nothing of the ticket, as newer versions can be set to";
    LogIdsAreEvents "log-ids-are-events"
        "a row of the log of deliveries has the id of the event, instead of one of its own";
    CallbacksOutOfOrder "callbacks-out-of-order"
        "what happens within a tenth of a second is delivered the latest first: no order is promised";
    BindingHijacked "binding-hijacked"
        "another program sends the guid of a webhook's event, which moves that event to its own webhook";
    EventsNameNoWebhook "events-name-no-webhook"
        "the list of a webhook's events is that of all notifications, and no row says whose it is";
    DeleteNeedsTwoTries "delete-needs-two-tries"
        "the first deletion of an object is answered with success and does nothing";
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim();
        Self::all()
            .find(|fault| fault.name() == wanted)
            .ok_or_else(|| ParseError::new(format!("no fault is named {wanted:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_has_its_own_name_and_reads_back_from_it() {
        let mut names = BTreeSet::new();
        for fault in Fault::all() {
            assert!(names.insert(fault.name()), "{fault} twice");
            assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
            assert!(fault.describe().len() > 20, "{fault} does not say what it imitates");
            assert!(fault.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
        assert!("no-such-fault".parse::<Fault>().is_err());
    }
}

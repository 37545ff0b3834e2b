//! Switches for what the facts leave open.

use super::limit::{RateLimit, RetryAfter};
use super::reply::ErrorForm;
use serde_json::Value;
use std::time::Duration;

/// The body of a delivery. Which one Halo sends is up to its version and the tenant's settings; all of these have been
/// met by receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyForm {
    /// The event with its own GUID, and the ticket in it.
    #[default]
    Event,
    /// The same with the key fields of the ticket alone.
    SmallEvent,
    /// The event without the ticket (2.214.1 and later).
    EventOnly,
    /// The ticket and nothing around it: its `id` is a number.
    Ticket,
    /// `{"ticket_id": 33479}`.
    TicketId,
    /// `{"event_data": {"id": 33479}}`.
    EventData,
    /// An array of events, of one event where none is batched.
    Array,
    /// A payload of the administrator's own, with a ticket whose status, type, priority and agent are objects.
    Custom,
}

/// Whether a written list of allowed tabs replaces the stored one. Not recorded for the real Halo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinksMode {
    /// The written list is the new list.
    #[default]
    Replace,
    /// The written rows are added; none is taken away.
    Add,
}

/// Switches for what the facts leave open, and the figures of the faults.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether a write of one object is answered with an array of one instead of the object.
    pub array_reply: bool,
    /// Whether a written list of allowed tabs replaces or adds.
    pub links_mode: LinksMode,
    /// Whether a tab's own `tickettypes` is shown and honoured, as in the newest versions.
    pub tab_side_links: bool,
    /// Whether deleting a tab deletes the links to it.
    pub deleting_tab_clears_links: bool,
    /// Whether a tab that a ticket type still allows cannot be deleted.
    pub linked_tab_cannot_be_deleted: bool,
    /// Whether deleting a webhook deletes its events (unknown, so they stay at first).
    pub deleting_webhook_clears_events: bool,
    /// How many failed deliveries in a row switch a new webhook off; 0 is never. Halo's own figure is not recorded.
    pub auto_disable_attempts: u32,
    /// Whether a webhook that Halo switches off gets `disabled: true` instead of `active: false`; both members are in
    /// the schema.
    pub switches_off_by_disabled: bool,
    /// Whether the log of deliveries comes oldest first, whatever order was asked for.
    pub log_oldest_first: bool,
    /// Whether the log of deliveries is that of every webhook, whichever was asked for: a filter that Halo does not
    /// know is no filter.
    pub log_filter_ignored: bool,
    /// Whether times in the log of deliveries carry seven digits and a `Z`; otherwise no zone, and UTC is meant.
    pub log_times_with_zone: bool,
    /// Whether `error` of a delivery is a text instead of a flag: the schema and the facts differ.
    pub log_error_is_text: bool,
    /// Whether `team_name` filters the list of tickets: the parameter is in the schema, its effect is not on record.
    pub tickets_filtered_by_team: bool,
    /// The body of a delivery.
    pub body_form: BodyForm,
    /// How many of the next events are delivered twice, the second time as the same event.
    pub deliveries_repeated: u32,
    /// After how long a delivery is given up. Halo's own figure is not recorded; this is that of .NET's HTTP client.
    pub delivery_time_out: Duration,
    /// Whether a deletion is answered with the deleted object instead of no body.
    pub delete_returns_object: bool,
    /// The form of a refusal's text.
    pub error_form: ErrorForm,
    /// The rate limit; none at first.
    pub rate_limit: Option<RateLimit>,
    /// The status for a tenant that is none; Halo's own is not recorded.
    pub wrong_tenant_status: u16,
    /// What a 429 says about waiting.
    pub retry_after: RetryAfter,
    /// The life of a token in seconds, as `expires_in` has it.
    pub token_seconds: u64,
    /// How long a reply takes.
    pub latency: Duration,
    /// How much longer it takes with the `slow` and `gateway-timeout` faults.
    pub slow_by: Duration,
    /// The pause between the pieces of a body with the `slow-drip` fault.
    pub drip_pause: Duration,
    /// How many API requests a token is good for with the `token-expiry-mid-sync` fault.
    pub requests_per_token: u32,
    /// The percentage of replies that fail with the `server-errors` fault.
    pub server_error_percent: u32,
    /// What AuthInfo names with the `foreign-auth-host` fault.
    pub foreign_auth_url: String,
    /// Where the `redirect-elsewhere` fault points, followed by the path.
    pub redirect_to: String,
    /// Rows of a page at most, whatever is asked for.
    pub page_cap: usize,
    /// Sent as the client list's `record_count` if set; null leaves it out.
    pub record_count: Option<Value>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            array_reply: false,
            links_mode: LinksMode::default(),
            tab_side_links: false,
            deleting_tab_clears_links: true,
            linked_tab_cannot_be_deleted: false,
            deleting_webhook_clears_events: false,
            auto_disable_attempts: 0,
            switches_off_by_disabled: false,
            log_oldest_first: false,
            log_filter_ignored: false,
            log_times_with_zone: false,
            log_error_is_text: false,
            tickets_filtered_by_team: false,
            body_form: BodyForm::default(),
            deliveries_repeated: 0,
            delivery_time_out: Duration::from_secs(100),
            delete_returns_object: false,
            error_form: ErrorForm::default(),
            rate_limit: None,
            wrong_tenant_status: 400,
            retry_after: RetryAfter::default(),
            token_seconds: 3600,
            latency: Duration::ZERO,
            slow_by: Duration::from_secs(3),
            drip_pause: Duration::from_millis(20),
            requests_per_token: 3,
            server_error_percent: 33,
            foreign_auth_url: "https://login.elsewhere.example/auth/".into(),
            redirect_to: "https://elsewhere.example".into(),
            page_cap: 100,
            record_count: None,
        }
    }
}

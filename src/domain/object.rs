//! The kinds of object that an installation consists of.

use serde::Serialize;

/// The kinds of object in Halo that Configure touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A webhook.
    Webhook,
    /// The binding of one event to a webhook.
    WebhookEvent,
    /// A custom tab.
    CustomTab,
    /// A ticket type, which may show the tab.
    TicketType,
}

impl ObjectKind {
    /// Every kind, in the order in which they are installed.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::WebhookEvent, Self::CustomTab, Self::TicketType];

    /// The word for the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::WebhookEvent => "event",
            Self::CustomTab => "custom tab",
            Self::TicketType => "ticket type",
        }
    }

    /// The word for JSON and the store.
    pub fn code(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::WebhookEvent => "webhook_event",
            Self::CustomTab => "custom_tab",
            Self::TicketType => "ticket_type",
        }
    }

    /// Several objects in words: `2 webhooks and their 5 events, 1 custom tab, 6 links`.
    pub fn counted(kinds: &[Self]) -> String {
        let count = |kind| kinds.iter().filter(|own| **own == kind).count();
        let of = |kind, one: &str| match count(kind) {
            0 => None,
            1 => Some(format!("1 {one}")),
            many => Some(format!("{many} {one}s")),
        };
        let (webhooks, events) = (of(Self::Webhook, "webhook"), of(Self::WebhookEvent, "event"));
        let with_events = match (webhooks, events) {
            (Some(webhooks), Some(events)) => {
                Some(format!("{webhooks} and {} {events}", if count(Self::Webhook) == 1 { "its" } else { "their" }))
            }
            (webhooks, events) => webhooks.or(events),
        };
        let parts = [with_events, of(Self::CustomTab, "custom tab"), of(Self::TicketType, "link")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Whether objects of this kind are made by us; the others are Halo's own, or go with them.
    pub fn is_our_own(self) -> bool {
        matches!(self, Self::Webhook | Self::CustomTab)
    }

    /// The kind that a code stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Whether two ids are the same: Halo's GUIDs come in either case.
pub fn same_id(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

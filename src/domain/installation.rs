//! What Configure wants in Halo, what Halo holds, and what we remember of having put there.

use jiff::Timestamp;
use serde::Serialize;

use super::callback::{CallbackUrl, EventGroup, EventNumber};
use super::chat_pod::ChatPodUrl;
use super::members::Proof;
use super::plan::Action;
use super::untrusted::Untrusted;

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

    /// Whether objects of this kind are made by us; the others are Halo's own, or go with them.
    pub fn is_our_own(self) -> bool {
        matches!(self, Self::Webhook | Self::CustomTab)
    }

    /// The kind that a code stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What should be in Halo (contract, section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// One webhook per group of events, with its whole address.
    pub webhooks: Vec<(EventGroup, CallbackUrl)>,
    /// What all our callback addresses begin with.
    pub callback_prefix: String,
    /// The address of the Pia Chat Pod.
    pub chat_pod: ChatPodUrl,
    /// The addresses that a rotation replaces with those above; none while no rotation is under way.
    pub replaced: Vec<(EventGroup, CallbackUrl)>,
}

impl Wanted {
    /// The address that a rotation replaces.
    pub fn replaced(&self, group: EventGroup) -> Option<&CallbackUrl> {
        self.replaced.iter().find(|(own, _)| *own == group).map(|(_, url)| url)
    }
}

/// A webhook that Halo holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldWebhook {
    /// Halo's GUID.
    pub id: String,
    /// The name.
    pub name: Untrusted,
    /// Where it posts to: may end in a token.
    pub url: super::secret::Secret,
    /// Whether Halo delivers to it.
    pub active: bool,
    /// Halo's number for the HTTP method; 0 is POST here.
    pub method: Option<i64>,
    /// The media type it posts.
    pub content_type: Option<Untrusted>,
    /// Halo's number for the way of signing in; 1 is Basic.
    pub authentication_type: Option<i64>,
    /// The Basic user.
    pub basic_username: Option<Untrusted>,
    /// The events it is bound to.
    pub bindings: Vec<Binding>,
}

/// The binding of one event to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Halo's id of the binding.
    pub id: i64,
    /// The event.
    pub event: EventNumber,
    /// The name of the binding.
    pub name: Untrusted,
    /// Halo's number for the kind of notification; -2 fires for webhooks.
    pub kind: Option<i64>,
    /// Halo's number for the way of delivery; 6 is a webhook.
    pub delivery: Option<i64>,
    /// How many conditions keep it from firing.
    pub conditions: usize,
}

/// A custom tab that Halo holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTab {
    /// Halo's id.
    pub id: i64,
    /// What stays its own when its number goes to another tab; not every version tells it.
    pub guid: Option<String>,
    /// The name.
    pub name: Untrusted,
    /// What it shows.
    pub url: Option<Untrusted>,
    /// The kind of tab; 1 is an iframe as far as is known.
    pub tab_type: Option<i64>,
    /// The entity it belongs to; 1 is the ticket.
    pub table: Option<i64>,
}

/// A ticket type with the tabs it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTicketType {
    /// Halo's id.
    pub id: i64,
    /// The name.
    pub name: Untrusted,
    /// Whether it can be used.
    pub active: bool,
    /// Whether it shows every custom tab.
    pub allows_all_tabs: bool,
    /// The custom tabs it shows otherwise.
    pub tabs: Vec<i64>,
}

/// What Halo holds now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Held {
    /// Every ordinary outgoing webhook; bindings are read for those that may be ours.
    pub webhooks: Vec<HeldWebhook>,
    /// Every custom tab.
    pub tabs: Vec<HeldTab>,
    /// Every ticket type.
    pub ticket_types: Vec<HeldTicketType>,
    /// Halo's own catalogue of events.
    pub events: Vec<(EventNumber, Untrusted)>,
}

/// An object that we put into Halo, or took over, as our own record has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstalledObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Halo's id, as text.
    pub id: String,
    /// Its name.
    pub name: Untrusted,
    /// When it was installed or taken over.
    pub installed_at: Timestamp,
    /// What its id alone does not say: the guid of a tab, where Halo tells one; the tab that a ticket type was linked to.
    #[serde(skip)]
    pub mark: Option<String>,
}

/// Whether two ids are the same: Halo's GUIDs come in either case.
pub fn same_id(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// One write of a run of Configure, as its intent recorded it before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Untrusted,
    /// What was to be done.
    pub action: Action,
    /// Halo's id, where it was known or told.
    pub object: Option<String>,
    /// How the object was before, and what was written.
    pub proof: Proof,
}

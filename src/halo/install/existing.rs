//! What Configure wants in Halo, and what Halo holds.

use crate::domain::callback::{CallbackUrl, EventGroup, EventNumber};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::object::same_id;
use crate::domain::owner::Owner;
use crate::domain::untrusted::Untrusted;
use crate::domain::webhook_options::{HaloOptions, WebhookOptions};

/// What should be in Halo.
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
    /// The ids of objects of somebody else's that the person has agreed to take over.
    pub taken: Vec<String>,
    /// How the webhooks are to behave.
    pub options: WebhookOptions,
    /// Whose mark they are to carry; none where nobody marks them.
    pub owner: Option<Owner>,
}

impl Wanted {
    /// Whether the person has agreed to take over the object with this id, whoever's it is.
    pub fn takes(&self, id: &str) -> bool {
        self.taken.iter().any(|taken| same_id(taken, id))
    }

    /// The address that a rotation replaces.
    pub fn replaced(&self, group: EventGroup) -> Option<&CallbackUrl> {
        self.replaced.iter().find(|(own, _)| *own == group).map(|(_, url)| url)
    }
}

/// A webhook that Halo holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExistingWebhook {
    pub id: String,
    pub name: Untrusted,
    /// Where it posts to: may end in a token.
    pub url: crate::domain::secret::Secret,
    /// Whether Halo delivers to it.
    pub active: bool,
    /// Whether Halo told its other switch, `disabled`.
    pub tells_disabled: bool,
    /// Halo's number for the HTTP method; 0 is POST here.
    pub method: Option<i64>,
    /// The media type it posts.
    pub content_type: Option<Untrusted>,
    /// Halo's number for the way of signing in; 1 is Basic.
    pub authentication_type: Option<i64>,
    pub basic_username: Option<Untrusted>,
    /// Halo's number for the way in which it puts several events into one delivery; 0 is one by one.
    pub batch_method: Option<i64>,
    /// What becomes of an event on its way into a delivery.
    pub making: Making,
    /// Its note, which holds its owner's mark.
    pub note: Option<Untrusted>,
    /// What Halo tells of the options.
    pub options: HaloOptions,
    /// The events it is bound to.
    pub bindings: Vec<Binding>,
}

impl ExistingWebhook {
    /// The machine whose mark it carries.
    pub fn owner(&self) -> Option<Owner> {
        self.note.as_ref().and_then(|note| Owner::of_note(note.raw()))
    }
}

/// What a webhook makes of an event, as far as Halo tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Making {
    /// Halo's number for the kind of webhook; 0 is an ordinary one, 1 a runbook.
    pub kind: Option<i64>,
    /// Whether it posts a body of somebody's own making.
    pub custom_payload: Option<bool>,
    /// Whether it encrypts what it posts.
    pub encrypt_request: Option<bool>,
}

impl Making {
    /// What no event can be read from, by the names of Halo's members.
    pub fn unreadable(self) -> impl Iterator<Item = &'static str> {
        let flags = [("custom_payload", self.custom_payload), ("encrypt_request", self.encrypt_request)];
        flags.into_iter().filter(|(_, is_on)| *is_on == Some(true)).map(|(name, _)| name)
    }
}

/// The binding of one event to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// Halo's id of the binding.
    pub id: i64,
    pub event: EventNumber,
    /// The name of the binding.
    pub name: Untrusted,
    /// Halo's number for the kind of notification; -2 fires for webhooks.
    pub kind: Option<i64>,
    /// Halo's number for the way of delivery; 6 is a webhook.
    pub delivery: Option<i64>,
    /// How many conditions keep it from firing.
    pub conditions: usize,
    /// Whether it is switched off, where Halo tells it.
    pub inactive: Option<bool>,
}

/// A custom tab that Halo holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExistingTab {
    pub id: i64,
    /// What stays its own when its number goes to another tab; not every version tells it.
    pub guid: Option<String>,
    pub name: Untrusted,
    pub url: Option<Untrusted>,
    /// The kind of tab; 1 is an iframe as far as is known.
    pub tab_type: Option<i64>,
    /// The entity it belongs to; 1 is the ticket.
    pub table: Option<i64>,
}

/// A ticket type with the tabs it shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExistingTicketType {
    pub id: i64,
    pub name: Untrusted,
    /// Whether it can be used.
    pub active: bool,
    /// Whether it shows every custom tab; unknown where Halo does not tell.
    pub allows_all_tabs: Option<bool>,
    /// The custom tabs it shows otherwise.
    pub tabs: Vec<i64>,
}

/// What Halo holds now.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct Existing {
    /// Every ordinary outgoing webhook; bindings are read for those that may be ours.
    pub webhooks: Vec<ExistingWebhook>,
    pub tabs: Vec<ExistingTab>,
    pub ticket_types: Vec<ExistingTicketType>,
    /// Halo's own catalogue of events.
    pub events: Vec<(EventNumber, Untrusted)>,
}

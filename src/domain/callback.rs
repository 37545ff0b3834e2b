//! The addresses to which Halo sends callbacks, and the events that trigger them.

use std::fmt;

use super::address::PiaUrl;
use super::configuration::ConfigurationId;
use super::secret::Secret;
use super::webhook_options::WebhookOptions;

/// Bytes of randomness in a callback token and in the Basic password.
pub const TOKEN_BYTES: usize = 32;

/// One callback address, and so one webhook, per group of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventGroup {
    /// New tickets.
    TicketCreated,
    /// Changes to tickets, their end included.
    TicketUpdated,
}

impl EventGroup {
    /// Every group.
    pub const ALL: [Self; 2] = [Self::TicketCreated, Self::TicketUpdated];

    /// The group that an event is told to.
    pub fn of(event: EventNumber) -> Self {
        if Self::TicketCreated.events().contains(&event) { Self::TicketCreated } else { Self::TicketUpdated }
    }

    /// The events that the webhook is bound to: those that were chosen, or the safe set.
    pub fn chosen(self, options: &WebhookOptions) -> Vec<EventNumber> {
        if options.events.is_empty() {
            return self.events().to_vec();
        }
        options.events.iter().copied().map(EventNumber).filter(|event| Self::of(*event) == self).collect()
    }

    /// The part of the address that names the group.
    pub fn slug(self) -> &'static str {
        match self {
            Self::TicketCreated => "ticket-created",
            Self::TicketUpdated => "ticket-updated",
        }
    }

    /// The webhook's name in Halo.
    pub fn webhook_name(self) -> &'static str {
        match self {
            Self::TicketCreated => "Pia - Ticket Created",
            Self::TicketUpdated => "Pia - Ticket Updated",
        }
    }

    /// The numbers of Halo's events that the webhook is bound to, where nobody has chosen others.
    pub fn events(self) -> &'static [EventNumber] {
        match self {
            Self::TicketCreated => &[EventNumber(3)],
            Self::TicketUpdated => &[EventNumber(19), EventNumber(39), EventNumber(76), EventNumber(1072)],
        }
    }
}

/// The number of an event in Halo's own catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventNumber(pub i64);

impl EventNumber {
    /// The event that Halo means by a name: deliveries have it in small letters.
    pub fn named(name: &str) -> Option<Self> {
        let all = EventGroup::ALL.into_iter().flat_map(EventGroup::events);
        all.copied().find(|event| event.usual_name().eq_ignore_ascii_case(name))
    }

    /// The usual name of the event: for a screen, and for a binding where the catalogue has none.
    pub fn usual_name(self) -> &'static str {
        match self.0 {
            3 => "New Ticket Logged",
            19 => "Ticket Updated by User",
            39 => "Ticket Closed",
            76 => "Ticket Status Changed",
            1072 => "Ticket Deleted",
            _ => "event",
        }
    }
}

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a configuration needs to receive callbacks: created at the first save, kept across saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSecrets {
    /// The token at the end of every callback address.
    pub token: Secret,
    /// The password that Halo sends beside it.
    pub password: Secret,
}

/// The user name that Halo sends beside the password.
pub const BASIC_USER: &str = "pia";

/// The path below Pia's address where callbacks come in.
const CALLBACKS: &str = "/callbacks/";

/// A callback address. It ends in a secret, so it has no form that shows it but [`CallbackUrl::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackUrl {
    prefix: String,
    token: Secret,
}

impl CallbackUrl {
    /// The address for one group.
    pub fn new(pia: &PiaUrl, id: &ConfigurationId, group: EventGroup, token: &Secret) -> Self {
        Self { prefix: format!("{}{}/", Self::prefix(pia, id), group.slug()), token: token.clone() }
    }

    /// What every callback address of a configuration begins with: an object in Halo that leads there is ours.
    pub fn prefix(pia: &PiaUrl, id: &ConfigurationId) -> String {
        pia.join(&format!("{CALLBACKS}{id}/"))
    }

    /// The address of Pia in a callback address of the configuration whose callback addresses begin with this prefix: the
    /// same configuration may have been installed with another Pia Url.
    pub fn pia_of<'a>(address: &'a str, group: EventGroup, prefix: &str) -> Option<&'a str> {
        let path = &prefix[prefix.rfind(CALLBACKS)?..];
        address.split_once(&format!("{path}{}/", group.slug())).map(|(pia, _)| pia)
    }

    /// The whole address, token included.
    pub fn expose(&self) -> Secret {
        Secret::new(format!("{}{}", self.prefix, self.token.expose()))
    }

    /// The address with the token cut down to its last four characters.
    pub fn masked(&self) -> String {
        format!("{}{}", self.prefix, self.token.last_four())
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Masks an address found in Halo, which may hold a token of ours or of somebody else's anywhere: long parts of the
/// path are cut to their last four characters; user names, passwords and queries are left out.
pub fn mask_address(address: &str) -> String {
    let (front, query) = match address.find(['?', '#']) {
        Some(at) => (&address[..at], "?…"),
        None => (address, ""),
    };
    let (scheme, rest) = match front.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), front),
    };
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let parts = path.split('/').map(|part| match part.chars().count() {
        0..MASKED => part.to_owned(),
        _ => Secret::new(part).last_four(),
    });
    format!("{scheme}{host}{}{query}", parts.collect::<Vec<_>>().join("/"))
}

/// Parts of a path as long as this may be tokens.
const MASKED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_masked_in_every_form_but_exposed_one() {
        let pia = PiaUrl::read("https://pia.acme.example").unwrap().address;
        let id = ConfigurationId::parse("acme").unwrap();
        let token = Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEF9f2c");
        let url = CallbackUrl::new(&pia, &id, EventGroup::TicketCreated, &token);
        let shown = "https://pia.acme.example/callbacks/acme/ticket-created/…9f2c";
        assert_eq!((url.masked().as_str(), format!("{url:?}").as_str()), (shown, shown));
        assert!(url.expose().expose().ends_with("ticket-created/abcdefghijklmnopqrstuvwxyz0123456789ABCDEF9f2c"));
        assert_eq!(mask_address(url.expose().expose()), shown);
    }

    #[test]
    fn events_are_safe_set_unless_others_are_chosen() {
        let numbers = |text: &str, group: EventGroup| -> Vec<i64> {
            group.chosen(&text.parse().unwrap()).into_iter().map(|event| event.0).collect()
        };
        assert_eq!(numbers("", EventGroup::TicketCreated), [3]);
        assert_eq!(numbers("log days = 60", EventGroup::TicketUpdated), [19, 39, 76, 1072]);
        assert_eq!(numbers("events = 42, 3", EventGroup::TicketCreated), [3]);
        assert_eq!(numbers("events = 42, 3", EventGroup::TicketUpdated), [42]);
    }

    #[test]
    fn addresses_of_others_are_masked_too() {
        assert_eq!(mask_address("https://x.example/hook?key=hunter2"), "https://x.example/hook?…");
        assert_eq!(mask_address("https://x.example/0123456789abcdefXYZ1"), "https://x.example/…XYZ1");
        assert_eq!(mask_address("https://x.example"), "https://x.example");
        let token = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF9f2c";
        for (address, shown) in [
            (format!("https://x.example/{token}/"), "https://x.example/…9f2c/"),
            (format!("https://x.example/{token}/github"), "https://x.example/…9f2c/github"),
            (format!("https://x.example/a/{token}?x={token}"), "https://x.example/a/…9f2c?…"),
            (format!("https://user:{token}@x.example/a"), "https://x.example/a"),
            (format!("x/{token}#{token}"), "x/…9f2c?…"),
        ] {
            assert_eq!(mask_address(&address), shown);
        }
    }
}

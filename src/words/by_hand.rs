//! The same by hand: the clicks in Halo and the values to copy, for when the API is refused.

use crate::domain::callback::{BASIC_USER, EventGroup};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::next::Next;
use crate::domain::object::ObjectKind;
use crate::domain::plan::Parts;
use crate::domain::webhook_options::WebhookOptions;

/// Where custom tabs are in Halo, as the guide walks there.
const CUSTOM_TABS: &str = "Configuration icon (bottom of the side menu) › Custom Objects › Custom Tabs";

/// Where webhooks are in Halo.
const WEBHOOKS: &str = "Configuration icon (bottom of the side menu) › Integrations › Webhooks";

/// Where ticket types are in Halo.
const TICKET_TYPES: &str = "Configuration icon (bottom of the side menu) › Tickets › Ticket Types";

/// What is left to do once everything is out of Halo.
pub const APPLICATION_OFF: &str = "If nothing else uses the API application, deactivate it in Halo, too: Configuration › \
                                   Integrations › Halo PSA API › View Applications.";

/// How an object is taken out of Halo by hand, in one line.
pub fn removal_of(kind: ObjectKind, name: &str) -> String {
    match kind {
        ObjectKind::CustomTab => format!("{CUSTOM_TABS} › \"{name}\" › Delete, and confirm"),
        ObjectKind::Webhook => format!("{WEBHOOKS} › \"{name}\" › Delete, and confirm"),
        ObjectKind::WebhookEvent => format!("{WEBHOOKS} › its webhook › Events › \"{name}\" › remove it"),
        ObjectKind::TicketType => {
            format!(
                "{TICKET_TYPES} › \"{name}\" › remove \"{}\" from the allowed custom tabs › Save",
                ChatPodUrl::TAB_NAME
            )
        }
    }
}

/// How a ticket type is linked by hand, in one line.
pub fn link_of(name: &str) -> String {
    format!("{TICKET_TYPES} › \"{name}\" › allow the custom tab \"{}\" › Save", ChatPodUrl::TAB_NAME)
}

/// How the tab is brought in order by hand, in one line.
pub fn tab_of(name: &str, url: &str) -> String {
    format!("{CUSTOM_TABS} › \"{name}\" › Type Iframe, URL {url} › Save")
}

/// The steps that remove the Pia Chat Pod by hand, in the words of Halo's own screens.
pub const CHAT_POD_REMOVAL: [&str; 5] = [
    "1. Click on the Configuration icon at the bottom of the side menu. The Configuration screen opens.",
    "2. Go to Custom Objects. The Custom Objects screen opens.",
    "3. Click on Custom Tabs.",
    "4. Click on Pia Chat Pod in the list.",
    "5. Click on Delete at the top, and confirm.",
];

/// The steps that take everything out.
pub fn removal(parts: Parts) -> Vec<String> {
    let mut steps = vec!["Sign in to Halo as an administrator.".to_owned()];
    if parts.chat_pod || parts.links {
        steps.push(format!(
            "{TICKET_TYPES}: open each ticket type › remove \"{}\" from the allowed custom tabs › Save.",
            ChatPodUrl::TAB_NAME
        ));
    }
    if parts.chat_pod {
        steps.push(format!("{CUSTOM_TABS}: find \"{}\" in the list › Delete, and confirm.", ChatPodUrl::TAB_NAME));
    }
    if parts.webhooks {
        for group in EventGroup::ALL {
            steps.push(format!("{WEBHOOKS}: find \"{}\" › Delete, and confirm.", group.webhook_name()));
        }
    }
    steps.push(format!("Then run {} to see what is still in Halo.", Next::RemovePlan));
    steps
}

/// One value to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The field in Halo.
    pub field: &'static str,
    /// What goes into it. Where it is a secret, the caller has been asked to show it.
    pub value: String,
}

/// One object to make by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Where, and which button.
    pub clicks: String,
    /// What goes into which field.
    pub values: Vec<Value>,
}

/// The steps that put everything in. The addresses and the password are secrets: they are shown because somebody has
/// to paste them, and only where that was asked for.
pub fn installation(
    webhooks: &[(EventGroup, String)],
    password: &str,
    chat_pod: &ChatPodUrl,
    options: &WebhookOptions,
) -> Vec<ByHand> {
    let value = |field, value: &str| Value { field, value: value.to_owned() };
    let mut steps: Vec<ByHand> = webhooks
        .iter()
        .map(|(group, address)| {
            let events: Vec<String> =
                group.chosen(options).iter().map(|event| format!("{} ({event})", event.usual_name())).collect();
            let asked = options.halo.members().into_iter().map(|(field, asked)| value(field, &asked.to_string()));
            ByHand {
                clicks: format!("{WEBHOOKS} › New"),
                values: vec![
                    value("Name", group.webhook_name()),
                    value("Payload URL", address),
                    value("Method", "POST"),
                    value("Content Type", "application/json"),
                    value("Authentication", "Basic"),
                    value("Username", BASIC_USER),
                    value("Password", password),
                    value("Enabled", "yes"),
                    value("Events", &events.join(", ")),
                ]
                .into_iter()
                .chain(asked)
                .collect(),
            }
        })
        .collect();
    steps.push(ByHand {
        clicks: format!("{CUSTOM_TABS} (entity Ticket) › New"),
        values: vec![
            value("Name", ChatPodUrl::TAB_NAME),
            value("Type", "Iframe"),
            value("URL", chat_pod.as_str()),
            value("Sequence", "10"),
        ],
    });
    steps.push(ByHand {
        clicks: format!("{TICKET_TYPES} › each active ticket type"),
        values: vec![value("Allowed custom tabs", ChatPodUrl::TAB_NAME)],
    });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guide_s_own_path_leads_to_tab() {
        let steps = removal(Parts::ALL).join("\n");
        for words in ["Configuration icon", "bottom of the side menu", "Custom Objects", "Custom Tabs", "Pia Chat Pod"]
        {
            assert!(steps.contains(words), "{words}");
        }
        assert!(steps.contains("Delete, and confirm"));
        let only_tab = removal(Parts { webhooks: false, ..Parts::ALL }).join("\n");
        assert!(!only_tab.contains("Integrations"));
    }

    #[test]
    fn every_value_of_installation_is_ready_to_copy() {
        let pod = ChatPodUrl::parse("https://pia.acme.example/pod?ticket=$FAULTID").unwrap();
        let webhooks = EventGroup::ALL.map(|group| (group, format!("https://pia.acme.example/{}", group.slug())));
        let steps = installation(&webhooks, "the password", &pod, &WebhookOptions::default());
        let all: Vec<&str> = steps.iter().flat_map(|step| &step.values).map(|value| value.value.as_str()).collect();
        for value in ["Pia - Ticket Created", "https://pia.acme.example/ticket-updated", "the password", pod.as_str()] {
            assert!(all.contains(&value), "{value}");
        }
        assert!(all.iter().any(|value| value.contains("Ticket Deleted (1072)")));
    }
}

//! The planner: from what is wanted, what Halo holds and what we remember, to the list of changes.
//!
//! It is pure, so that what it would do can be asked as often as one likes. What is ours is decided here and nowhere
//! else: an object is ours when our record holds its id, or when its address leads to this configuration's callbacks
//! or to its chat pod. Everything else is somebody's, whatever its name.

use super::callback::{BASIC_USER, EventGroup, EventNumber, mask_address};
use super::chat_pod::ChatPodUrl;
use super::installation::{Held, HeldTab, HeldTicketType, HeldWebhook, InstalledObject, ObjectKind, Wanted};
use super::plan::{Action, Blocked, Change, FieldChange, Operation, Plan};
use super::untrusted::Untrusted;

/// Halo's number for Basic sign-in on a webhook (api facts, section 6.1).
const BASIC: i64 = 1;

/// Halo's number for POST on a webhook (api facts, section 6.1).
const POST: i64 = 0;

/// Says what has to change in Halo, in the order in which it has to be done.
pub fn plan(wanted: &Wanted, held: &Held, record: &[InstalledObject]) -> Plan {
    let mut plan = Plan::default();
    for (group, url) in &wanted.webhooks {
        let address = url.expose();
        plan_webhook(*group, address.expose(), wanted, held, record, &mut plan);
    }
    plan_tab(wanted, held, record, &mut plan);
    plan
}

/// What our record calls an object of this kind and name.
fn recorded<'a>(record: &'a [InstalledObject], kind: ObjectKind, name: &str) -> Option<&'a InstalledObject> {
    record.iter().find(|object| object.kind == kind && object.name.raw() == name)
}

/// Whether Halo would take two names for one: it compares without case and without blanks at the end.
fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn plan_webhook(
    group: EventGroup,
    address: &str,
    wanted: &Wanted,
    held: &Held,
    record: &[InstalledObject],
    plan: &mut Plan,
) {
    let name = group.webhook_name();
    let remembered = recorded(record, ObjectKind::Webhook, name);
    let by_record = remembered.and_then(|object| held.webhooks.iter().find(|webhook| webhook.id == object.id));
    let prefix = format!("{}{}/", wanted.callback_prefix, group.slug());
    let by_address = || held.webhooks.iter().find(|webhook| webhook.url.expose().starts_with(&prefix));
    let own = by_record.or_else(by_address);

    let is_another = |webhook: &HeldWebhook| own.is_none_or(|own| own.id != webhook.id);
    for copy in held.webhooks.iter().filter(|copy| copy.url.expose() == address && is_another(copy)) {
        let name = copy.name.clone();
        let reason = format!(
            "a second webhook leads to the same address, so every event comes twice; delete {} in Halo",
            copy.id
        );
        plan.blocked.push(Blocked { kind: ObjectKind::Webhook, name, reason });
    }
    // Names are unique in Halo: a foreign webhook with ours keeps us from writing it.
    let foreign = held.webhooks.iter().find(|webhook| {
        same_name(webhook.name.raw(), name) && is_another(webhook) && !webhook.url.expose().starts_with(&prefix)
    });
    let renamed = own.is_none_or(|own| !same_name(own.name.raw(), name));
    if let (Some(foreign), true) = (foreign, renamed) {
        plan.blocked.push(Blocked {
            kind: ObjectKind::Webhook,
            name: name.into(),
            reason: format!(
                "a webhook that is not ours holds this name and leads to {}; rename or delete it in Halo",
                Untrusted::new(mask_address(foreign.url.expose()))
            ),
        });
        return;
    }

    let mut fields = own.map_or_else(|| new_webhook_fields(address), |own| webhook_fields(own, name, address));
    let (action, reason) = match own {
        None if remembered.is_some() => (Action::Create, "gone from Halo"),
        None => (Action::Create, "missing in Halo"),
        Some(_) if by_record.is_none() => {
            // Halo never gives a password back, so one that we did not set ourselves is set anew.
            fields.push(FieldChange { name: "basic_password", before: None, after: Some("set anew".to_owned()) });
            (Action::Adopt, "made earlier for this configuration")
        }
        Some(_) if fields.is_empty() => (Action::Keep, "as it should be"),
        Some(_) => (Action::Update, "changed in Halo"),
    };
    push_webhook(plan, group, own, action, fields, reason);
    plan_events(group, own, held, plan);
}

fn push_webhook(
    plan: &mut Plan,
    group: EventGroup,
    webhook: Option<&HeldWebhook>,
    action: Action,
    fields: Vec<FieldChange>,
    reason: &str,
) {
    let operation = match (action, webhook) {
        (Action::Keep, _) => Operation::None,
        (_, Some(webhook)) => Operation::UpdateWebhook(group, webhook.id.clone()),
        (_, None) => Operation::CreateWebhook(group),
    };
    plan.changes.push(Change {
        action,
        kind: ObjectKind::Webhook,
        name: group.webhook_name().into(),
        id: webhook.map(|webhook| webhook.id.clone()),
        fields,
        reason: reason.to_owned(),
        operation,
    });
}

fn new_webhook_fields(address: &str) -> Vec<FieldChange> {
    let after = |name, after: &str| FieldChange { name, before: None, after: Some(after.to_owned()) };
    vec![
        after("url", &mask_address(address)),
        after("method", "POST"),
        after("content_type", "application/json"),
        after("authentication", "Basic"),
        after("basic_username", BASIC_USER),
        after("active", "true"),
    ]
}

/// The fields of a webhook that are not as they should be. What Halo leaves out of its answer is not judged.
fn webhook_fields(webhook: &HeldWebhook, name: &str, address: &str) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    let mut differs = |field, before: String, after: &str| {
        fields.push(FieldChange { name: field, before: Some(before), after: Some(after.to_owned()) });
    };
    if webhook.name.raw() != name {
        differs("name", webhook.name.display(), name);
    }
    if webhook.url.expose() != address {
        let before = Untrusted::new(mask_address(webhook.url.expose())).display();
        differs("url", before, &mask_address(address));
    }
    if !webhook.active {
        differs("active", "false".to_owned(), "true");
    }
    if let Some(method) = webhook.method
        && method != POST
    {
        differs("method", method.to_string(), "POST");
    }
    if let Some(media) = &webhook.content_type
        && !media.raw().eq_ignore_ascii_case("application/json")
    {
        differs("content_type", media.display(), "application/json");
    }
    if let Some(kind) = webhook.authentication_type
        && kind != BASIC
    {
        differs("authentication", kind.to_string(), "Basic");
    }
    if let Some(user) = &webhook.basic_username
        && user.raw() != BASIC_USER
    {
        differs("basic_username", user.display(), BASIC_USER);
    }
    fields
}

fn plan_events(group: EventGroup, webhook: Option<&HeldWebhook>, held: &Held, plan: &mut Plan) {
    let bindings = webhook.map_or(&[][..], |webhook| &webhook.bindings);
    for event in group.events() {
        let name = Untrusted::new(event.usual_name());
        let mut bound = bindings.iter().filter(|binding| binding.event == *event);
        if let Some(binding) = bound.next() {
            plan.changes.push(event_change(Action::Keep, name.clone(), Some(binding.id), *event, "as it should be"));
            for extra in bound {
                let mut change = event_change(Action::Delete, name.clone(), Some(extra.id), *event, "bound twice");
                change.operation = Operation::UnbindEvent(group, extra.id);
                plan.changes.push(change);
            }
            continue;
        }
        match catalogue_name(held, *event) {
            Some(known_as) => {
                let mut change = event_change(Action::Create, name, None, *event, "missing in Halo");
                change.operation = Operation::BindEvent(group, *event, known_as.clone());
                plan.changes.push(change);
            }
            None => plan.blocked.push(Blocked {
                kind: ObjectKind::WebhookEvent,
                name,
                reason: format!("this Halo's catalogue has no event {event}; it is left out"),
            }),
        }
    }
    for binding in bindings.iter().filter(|binding| !group.events().contains(&binding.event)) {
        let mut change =
            event_change(Action::Delete, binding.name.clone(), Some(binding.id), binding.event, "not one of ours");
        change.operation = Operation::UnbindEvent(group, binding.id);
        plan.changes.push(change);
    }
}

fn event_change(action: Action, name: Untrusted, id: Option<i64>, event: EventNumber, reason: &str) -> Change {
    let number = Some(event.to_string());
    let fields = match action {
        Action::Create => vec![FieldChange { name: "event", before: None, after: number }],
        Action::Delete => vec![FieldChange { name: "event", before: number, after: None }],
        _ => Vec::new(),
    };
    Change {
        action,
        kind: ObjectKind::WebhookEvent,
        name,
        id: id.map(|id| id.to_string()),
        fields,
        reason: reason.to_owned(),
        operation: Operation::None,
    }
}

/// Halo's own name for an event. The "Assigned" variants share numbers but never fire for a webhook (api facts,
/// section 6.1), so they do not count as knowing the event.
fn catalogue_name(held: &Held, event: EventNumber) -> Option<&Untrusted> {
    held.events
        .iter()
        .filter(|(number, _)| *number == event)
        .map(|(_, name)| name)
        .find(|name| !name.raw().contains("Assigned"))
}

fn plan_tab(wanted: &Wanted, held: &Held, record: &[InstalledObject], plan: &mut Plan) {
    let name = ChatPodUrl::TAB_NAME;
    let address = wanted.chat_pod.as_str();
    let remembered = recorded(record, ObjectKind::CustomTab, name);
    // Ids of tabs are small numbers, and another tab may have got ours: name or address has to agree as well.
    let is_ours = |tab: &&HeldTab| tab.name.raw() == name || leads_to_chat_pod(tab, &wanted.chat_pod);
    let by_id = |object: &InstalledObject| held.tabs.iter().find(|tab| tab.id.to_string() == object.id);
    let by_record = remembered.and_then(by_id).filter(is_ours);
    let by_address = || held.tabs.iter().find(|tab| leads_to_chat_pod(tab, &wanted.chat_pod));

    let tab = by_record.or_else(by_address);
    let change = |action, id: Option<i64>, fields, reason: &str, operation| Change {
        action,
        kind: ObjectKind::CustomTab,
        name: name.into(),
        id: id.map(|id| id.to_string()),
        fields,
        reason: reason.to_owned(),
        operation,
    };
    match tab {
        Some(tab) => {
            let fields = tab_fields(tab, name, address);
            let (action, reason, operation) = match (by_record.is_some(), fields.is_empty()) {
                (true, true) => (Action::Keep, "as it should be", Operation::None),
                (true, false) => (Action::Update, "changed in Halo", Operation::UpdateTab(tab.id)),
                // Written even when nothing differs: from here on our record holds it.
                (false, _) => (Action::Adopt, "made earlier for this configuration", Operation::UpdateTab(tab.id)),
            };
            plan.changes.push(change(action, Some(tab.id), fields, reason, operation));
        }
        None => {
            if let Some(foreign) = held.tabs.iter().find(|tab| same_name(tab.name.raw(), name)) {
                let leads = foreign.url.as_ref().map_or_else(
                    || "has no address".to_owned(),
                    |url| format!("leads to {}", Untrusted::new(mask_address(url.raw()))),
                );
                plan.blocked.push(Blocked {
                    kind: ObjectKind::CustomTab,
                    name: name.into(),
                    reason: format!("a custom tab that is not ours holds this name and {leads}; rename or delete it"),
                });
                return;
            }
            let after = |name, after: &str| FieldChange { name, before: None, after: Some(after.to_owned()) };
            let fields = vec![after("url", address), after("entity", "Ticket"), after("type", "Iframe")];
            let reason = if remembered.is_some() { "gone from Halo" } else { "missing in Halo" };
            plan.changes.push(change(Action::Create, None, fields, reason, Operation::CreateTab));
        }
    }
    for ticket_type in &held.ticket_types {
        plan.changes.push(plan_link(ticket_type, tab.map(|tab| tab.id)));
    }
}

fn leads_to_chat_pod(tab: &HeldTab, chat_pod: &ChatPodUrl) -> bool {
    let Some(url) = &tab.url else { return false };
    let path = url.raw().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path == chat_pod.without_query()
}

fn tab_fields(tab: &HeldTab, name: &str, address: &str) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    if tab.name.raw() != name {
        fields.push(FieldChange { name: "name", before: Some(tab.name.display()), after: Some(name.to_owned()) });
    }
    if tab.url.as_ref().map(Untrusted::raw) != Some(address) {
        let before = tab.url.as_ref().map(Untrusted::display);
        fields.push(FieldChange { name: "url", before, after: Some(address.to_owned()) });
    }
    fields
}

fn plan_link(ticket_type: &HeldTicketType, tab: Option<i64>) -> Change {
    let linked = tab.is_some_and(|tab| ticket_type.tabs.contains(&tab));
    let (action, reason) = match ticket_type {
        _ if !ticket_type.active => (Action::Keep, "not active: left out"),
        _ if ticket_type.allows_all_tabs => (Action::Keep, "shows all custom tabs already"),
        _ if linked => (Action::Keep, "shows the Pia Chat Pod"),
        _ => (Action::Link, "does not show the Pia Chat Pod"),
    };
    let (fields, operation) = match action {
        Action::Link => {
            let others = match ticket_type.tabs.len() {
                0 => String::new(),
                1 => "1 other tab".to_owned(),
                count => format!("{count} other tabs"),
            };
            let before = (!others.is_empty()).then(|| others.clone());
            let after = if others.is_empty() { String::new() } else { format!("{others}, ") };
            let after = Some(format!("{after}{}", ChatPodUrl::TAB_NAME));
            (vec![FieldChange { name: "custom tabs", before, after }], Operation::LinkTicketType(ticket_type.id))
        }
        _ => (Vec::new(), Operation::None),
    };
    Change {
        action,
        kind: ObjectKind::TicketType,
        name: ticket_type.name.clone(),
        id: Some(ticket_type.id.to_string()),
        fields,
        reason: reason.to_owned(),
        operation,
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::PiaUrl;
    use super::super::callback::CallbackUrl;
    use super::super::configuration::ConfigurationId;
    use super::super::installation::Binding;
    use super::super::plan::ActionCounts;
    use super::super::secret::Secret;
    use super::*;

    fn wanted() -> Wanted {
        let pia = PiaUrl::read("https://pia.acme.example").unwrap().address;
        let id = ConfigurationId::parse("acme").unwrap();
        let token = Secret::new("t".repeat(43));
        Wanted {
            webhooks: EventGroup::ALL.map(|group| (group, CallbackUrl::new(&pia, &id, group, &token))).to_vec(),
            callback_prefix: CallbackUrl::prefix(&pia, &id),
            chat_pod: ChatPodUrl::below(&pia),
        }
    }

    fn events() -> Vec<(EventNumber, Untrusted)> {
        [3, 19, 39, 76, 1072].map(|n| (EventNumber(n), format!("event {n} - All").into())).to_vec()
    }

    fn ticket_type(id: i64, name: &str) -> HeldTicketType {
        HeldTicketType { id, name: name.into(), active: true, allows_all_tabs: false, tabs: vec![] }
    }

    fn empty_halo() -> Held {
        let project = HeldTicketType { allows_all_tabs: true, ..ticket_type(3, "Project") };
        let old = HeldTicketType { active: false, ..ticket_type(4, "Old") };
        let types = vec![ticket_type(1, "Incident"), ticket_type(2, "Request"), project, old];
        Held { ticket_types: types, events: events(), ..Held::default() }
    }

    /// Halo after the plan was applied to the letter, and our record of it.
    fn installed() -> (Held, Vec<InstalledObject>) {
        let mut held = empty_halo();
        let mut record = Vec::new();
        let mut remember = |kind, id: &str, name: &str| {
            let installed_at = jiff::Timestamp::UNIX_EPOCH;
            record.push(InstalledObject { kind, id: id.to_owned(), name: name.into(), installed_at });
        };
        for (number, (group, url)) in wanted().webhooks.into_iter().enumerate() {
            let id = format!("guid-{number}");
            remember(ObjectKind::Webhook, &id, group.webhook_name());
            let bindings = group.events().iter().map(|e| Binding { id: e.0 + 100, event: *e, name: "x".into() });
            held.webhooks.push(HeldWebhook {
                id,
                name: group.webhook_name().into(),
                url: url.expose(),
                active: true,
                method: Some(0),
                content_type: Some("application/json".into()),
                authentication_type: Some(1),
                basic_username: Some("pia".into()),
                bindings: bindings.collect(),
            });
        }
        let url = Some(wanted().chat_pod.as_str().into());
        held.tabs.push(HeldTab { id: 46, name: "Pia Chat Pod".into(), url, tab_type: Some(1), table: Some(1) });
        remember(ObjectKind::CustomTab, "46", "Pia Chat Pod");
        for ticket_type in &mut held.ticket_types[..2] {
            ticket_type.tabs.push(46);
        }
        (held, record)
    }

    #[test]
    fn an_empty_halo_gets_exactly_the_objects_of_the_contract() {
        let plan = plan(&wanted(), &empty_halo(), &[]);
        assert_eq!(plan.counts(), ActionCounts { create: 8, link: 2, keep: 2, ..ActionCounts::default() });
        assert_eq!(plan.blocked, []);
        let kept: Vec<_> = plan.changes.iter().filter(|c| c.action == Action::Keep).map(|c| &*c.reason).collect();
        assert_eq!(kept, ["shows all custom tabs already", "not active: left out"]);
    }

    #[test]
    fn what_is_installed_is_kept_and_a_second_plan_is_empty() {
        let (held, record) = installed();
        let plan = plan(&wanted(), &held, &record);
        assert!(!plan.changes_pending(), "{plan:#?}");
        assert_eq!(plan.summary(), "12 kept");
    }

    #[test]
    fn no_plan_shows_a_token() {
        let token = "t".repeat(43);
        let (mut held, record) = installed();
        held.webhooks[0].url = Secret::new(format!("https://elsewhere.example/{}", "s".repeat(40)));
        for plan in [plan(&wanted(), &empty_halo(), &[]), plan(&wanted(), &held, &record)] {
            let text = format!("{plan:?}{}", serde_json::to_string(&plan.changes).unwrap());
            assert!(!text.contains(&token) && !text.contains(&"s".repeat(40)));
        }
    }

    #[test]
    fn each_drift_of_a_webhook_is_named_field_by_field() {
        type Drift = fn(&mut HeldWebhook);
        let cases: [(&str, Drift); 6] = [
            ("name", |w| w.name = "renamed".into()),
            ("url", |w| w.url = Secret::new("https://elsewhere.example/")),
            ("active", |w| w.active = false),
            ("method", |w| w.method = Some(1)),
            ("authentication", |w| w.authentication_type = Some(0)),
            ("basic_username", |w| w.basic_username = Some("root".into())),
        ];
        for (field, drift) in cases {
            let (mut held, record) = installed();
            drift(&mut held.webhooks[0]);
            let plan = plan(&wanted(), &held, &record);
            let pending: Vec<_> = plan.pending().collect();
            assert_eq!(pending.len(), 1, "{field}");
            assert_eq!((pending[0].action, pending[0].fields[0].name), (Action::Update, field));
        }
    }

    #[test]
    fn events_are_bound_unbound_and_never_guessed() {
        let (mut held, record) = installed();
        held.webhooks[1].bindings.remove(0);
        held.webhooks[1].bindings[0].event = EventNumber(42);
        held.webhooks[0].bindings.push(Binding { id: 9, event: EventNumber(3), name: "twice".into() });
        held.events.retain(|(number, _)| *number != EventNumber(39));
        let plan = plan(&wanted(), &held, &record);
        let pending: Vec<_> = plan.pending().map(|c| (c.action, c.operation.clone())).collect();
        assert_eq!(
            pending,
            [
                (Action::Delete, Operation::UnbindEvent(EventGroup::TicketCreated, 9)),
                (
                    Action::Create,
                    Operation::BindEvent(EventGroup::TicketUpdated, EventNumber(19), "event 19 - All".into())
                ),
                (Action::Delete, Operation::UnbindEvent(EventGroup::TicketUpdated, 139)),
            ]
        );
        assert_eq!(plan.blocked.len(), 1);
        assert!(plan.blocked[0].reason.contains("no event 39"));
    }

    #[test]
    fn the_assigned_variant_of_an_event_does_not_count() {
        let mut held = empty_halo();
        held.events = vec![(EventNumber(3), "New Ticket Logged - Assigned to Agent".into())];
        assert_eq!(plan(&wanted(), &held, &[]).blocked.len(), 5);
    }

    #[test]
    fn objects_of_the_portal_are_taken_over_and_not_doubled() {
        let (held, _) = installed();
        let plan = plan(&wanted(), &held, &[]);
        assert_eq!(plan.counts(), ActionCounts { adopt: 3, keep: 9, ..ActionCounts::default() });
    }

    #[test]
    fn a_foreign_object_with_our_name_is_reported_and_left_alone() {
        let (mut held, _) = installed();
        held.webhooks[0].url = Secret::new("https://other.example/hook");
        held.webhooks[0].name = "PIA - ticket created ".into();
        held.tabs[0].url = Some("https://other.example/pod?ticket=$FAULTID".into());
        let plan = plan(&wanted(), &held, &[]);
        assert_eq!(plan.blocked.len(), 2);
        assert!(plan.pending().all(|change| change.id.as_deref() != Some("guid-0")));
        assert!(
            plan.changes.iter().all(|change| change.kind != ObjectKind::CustomTab && change.action != Action::Link)
        );
    }

    #[test]
    fn a_new_ticket_type_is_linked_and_its_other_tabs_are_kept() {
        let (mut held, record) = installed();
        held.ticket_types.push(HeldTicketType { tabs: vec![7, 8], ..ticket_type(9, "Onboarding") });
        let plan = plan(&wanted(), &held, &record);
        let pending: Vec<_> = plan.pending().collect();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].operation, Operation::LinkTicketType(9));
        assert_eq!(pending[0].fields[0].after.as_deref(), Some("2 other tabs, Pia Chat Pod"));
    }

    #[test]
    fn a_tab_that_has_our_old_id_but_neither_our_name_nor_our_address_is_left_alone() {
        let (mut held, record) = installed();
        held.tabs[0].name = "Accounting".into();
        held.tabs[0].url = Some("https://accounts.example/?t=$FAULTID".into());
        let plan = plan(&wanted(), &held, &record);
        let tab: Vec<_> = plan.changes.iter().filter(|change| change.kind == ObjectKind::CustomTab).collect();
        assert_eq!(tab.len(), 1);
        assert_eq!((tab[0].action, tab[0].id.as_deref()), (Action::Create, None));
    }

    #[test]
    fn a_second_webhook_with_our_address_is_reported_and_a_rename_onto_a_taken_name_is_not_tried() {
        let (mut held, record) = installed();
        let copy = HeldWebhook { id: "copy".to_owned(), name: "Copy".into(), ..held.webhooks[0].clone() };
        held.webhooks.push(copy);
        let twice = plan(&wanted(), &held, &record);
        assert!(!twice.changes_pending());
        assert!(twice.blocked[0].reason.contains("delete copy in Halo"));

        let (mut held, record) = installed();
        let foreign = HeldWebhook {
            id: "foreign".to_owned(),
            url: Secret::new("https://other.example/"),
            ..held.webhooks[0].clone()
        };
        held.webhooks[0].name = "renamed".into();
        held.webhooks.push(foreign);
        let taken = plan(&wanted(), &held, &record);
        assert!(taken.pending().all(|change| change.kind != ObjectKind::Webhook));
        assert_eq!(taken.blocked.len(), 1);
    }
}

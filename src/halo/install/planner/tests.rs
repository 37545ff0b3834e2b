use super::*;
use crate::domain::address::PiaUrl;
use crate::domain::callback::{CallbackUrl, EventGroup, EventNumber};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::configuration::ConfigurationId;
use crate::domain::plan::{Action, ActionCounts, Offer, Parts, TABS_NOT_TOLD};
use crate::domain::secret::Secret;
use crate::domain::webhook_options::{HaloOptions, WebhookOptions};
use crate::halo::install::existing::{Binding, ExistingTab, ExistingTicketType, ExistingWebhook, Making};
use crate::halo::install::plan::{EventWrite, LinkWrite, TabWrite, WebhookWrite};

pub(super) fn wanted() -> Wanted {
    let pia = PiaUrl::read("https://pia.acme.example").unwrap().address;
    let id = ConfigurationId::parse("acme").unwrap();
    let token = Secret::new("t".repeat(43));
    Wanted {
        webhooks: EventGroup::ALL.map(|group| (group, CallbackUrl::new(&pia, &id, group, &token))).to_vec(),
        callback_prefix: CallbackUrl::prefix(&pia, &id),
        chat_pod: ChatPodUrl::below(&pia),
        replaced: Vec::new(),
        taken: Vec::new(),
        options: Default::default(),
        owner: None,
    }
}

pub(super) fn events() -> Vec<(EventNumber, Untrusted)> {
    [3, 19, 39, 76, 1072].map(|n| (EventNumber(n), format!("event {n} - All").into())).to_vec()
}

pub(super) fn binding(id: i64, event: i64) -> Binding {
    let event = EventNumber(event);
    Binding { id, event, name: "x".into(), kind: Some(-2), delivery: Some(6), conditions: 0, inactive: Some(false) }
}

pub(super) fn ticket_type(id: i64, name: &str) -> ExistingTicketType {
    ExistingTicketType { id, name: name.into(), active: true, allows_all_tabs: Some(false), tabs: vec![] }
}

pub(super) fn empty_halo() -> Existing {
    let project = ExistingTicketType { allows_all_tabs: Some(true), ..ticket_type(3, "Project") };
    let old = ExistingTicketType { active: false, ..ticket_type(4, "Old") };
    let types = vec![ticket_type(1, "Incident"), ticket_type(2, "Request"), project, old];
    Existing { ticket_types: types, events: events(), ..Existing::default() }
}

/// Halo after the plan was applied to the letter, and our record of it.
pub(super) fn installed() -> (Existing, Vec<InstalledObject>) {
    let mut held = empty_halo();
    let mut record = Vec::new();
    let mut remember = |kind, id: &str, name: &str| {
        let installed_at = jiff::Timestamp::UNIX_EPOCH;
        record.push(InstalledObject { kind, id: id.to_owned(), name: name.into(), installed_at, identity: None });
    };
    for (number, (group, url)) in wanted().webhooks.into_iter().enumerate() {
        let id = format!("guid-{number}");
        remember(ObjectKind::Webhook, &id, group.webhook_name());
        let bindings = group.events().iter().map(|e| binding(e.0 + 100, e.0));
        held.webhooks.push(ExistingWebhook {
            id,
            name: group.webhook_name().into(),
            url: url.expose(),
            active: true,
            tells_disabled: true,
            method: Some(0),
            content_type: Some("application/json".into()),
            authentication_type: Some(1),
            basic_username: Some("pia".into()),
            batch_method: Some(0),
            making: Making { kind: Some(0), custom_payload: Some(false), encrypt_request: Some(false) },
            note: None,
            options: HaloOptions { log_days: Some(30), notifies: Some(false), attempts: Some(0) },
            bindings: bindings.collect(),
        });
    }
    let url = Some(wanted().chat_pod.as_str().into());
    held.tabs.push(ExistingTab {
        id: 46,
        guid: None,
        name: "Pia Chat Pod".into(),
        url,
        tab_type: Some(1),
        table: Some(1),
    });
    remember(ObjectKind::CustomTab, "46", "Pia Chat Pod");
    for ticket_type in &mut held.ticket_types[..2] {
        ticket_type.tabs.push(46);
    }
    (held, record)
}

#[test]
fn empty_halo_gets_exactly_our_objects() {
    let plan = plan(&wanted(), &empty_halo(), &[]);
    assert_eq!(plan.shown().counts(), ActionCounts { create: 8, link: 2, keep: 2, ..ActionCounts::default() });
    assert_eq!(plan.blocked, []);
    let kept: Vec<_> = plan.steps.iter().filter(|c| c.action == Action::Keep).map(|c| &*c.reason).collect();
    assert_eq!(kept, ["already shows all custom tabs", "skipped: inactive"]);
}

#[test]
fn what_is_installed_is_kept_and_second_plan_is_empty() {
    let (held, record) = installed();
    let plan = plan(&wanted(), &held, &record);
    assert!(!plan.changes_pending(), "{plan:#?}");
    assert_eq!(plan.shown().summary(), "12 unchanged");
}

#[test]
fn no_plan_shows_token() {
    let token = "t".repeat(43);
    let (mut held, record) = installed();
    held.webhooks[0].url = Secret::new(format!("https://elsewhere.example/{}", "s".repeat(40)));
    for plan in [plan(&wanted(), &empty_halo(), &[]), plan(&wanted(), &held, &record)] {
        let text = format!("{plan:?}{}", serde_json::to_string(&plan.shown().changes).unwrap());
        assert!(!text.contains(&token) && !text.contains(&"s".repeat(40)));
    }
}

/// Agreed to is what was shown, and all that it was made from: a masked token included.
#[test]
fn plans_with_same_lines_and_other_token_differ() {
    let shown = |token: &str| {
        let (mut held, record) = installed();
        held.webhooks[0].url = Secret::new(format!("https://elsewhere.example/{token}{}", "s".repeat(40)));
        plan(&wanted(), &held, &record).shown()
    };
    let (one, other) = (shown("a"), shown("b"));
    assert_eq!(one.changes, other.changes);
    assert_ne!(one, other);
    assert_eq!(one, shown("a"));
}

#[test]
fn each_drift_of_webhook_is_named_field_by_field() {
    type Drift = fn(&mut ExistingWebhook);
    let cases: [(&str, Drift); 9] = [
        ("name", |w| w.name = "renamed".into()),
        ("url", |w| w.url = Secret::new("https://elsewhere.example/")),
        ("active", |w| w.active = false),
        ("method", |w| w.method = Some(1)),
        ("authentication", |w| w.authentication_type = Some(0)),
        ("type", |w| w.making.kind = Some(5)),
        ("custom_payload", |w| w.making.custom_payload = Some(true)),
        ("encrypt_request", |w| w.making.encrypt_request = Some(true)),
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
    held.webhooks[0].bindings.push(binding(9, 3));
    held.events.retain(|(number, _)| *number != EventNumber(39));
    let plan = plan(&wanted(), &held, &record);
    let pending: Vec<_> = plan.pending().map(|c| (c.action, c.operation.clone())).collect();
    assert_eq!(
        pending,
        [
            (Action::Delete, Operation::Event(EventWrite::Unbind { webhook: "guid-0".into(), binding: 9 })),
            (
                Action::Create,
                Operation::Event(EventWrite::Bind(EventGroup::TicketUpdated, EventNumber(19), "event 19 - All".into()))
            ),
            (Action::Delete, Operation::Event(EventWrite::Unbind { webhook: "guid-1".into(), binding: 139 })),
        ]
    );
    assert_eq!(plan.blocked.len(), 1);
    assert!(plan.blocked[0].reason.contains("no event 39"));
}

#[test]
fn assigned_variant_of_event_does_not_count() {
    let mut held = empty_halo();
    held.events = vec![(EventNumber(3), "New Ticket Logged - Assigned to Agent".into())];
    assert_eq!(plan(&wanted(), &held, &[]).blocked.len(), 5);
}

#[test]
fn objects_of_portal_are_taken_over_and_not_doubled() {
    let (held, _) = installed();
    let plan = plan(&wanted(), &held, &[]);
    assert_eq!(plan.shown().counts(), ActionCounts { adopt: 3, keep: 9, ..ActionCounts::default() });
}

#[test]
fn foreign_object_with_our_name_is_reported_and_left_alone() {
    let (mut held, _) = installed();
    held.webhooks[0].url = Secret::new("https://other.example/hook");
    held.webhooks[0].name = "PIA - ticket created ".into();
    held.tabs[0].url = Some("https://other.example/pod?ticket=$FAULTID".into());
    let plan = plan(&wanted(), &held, &[]);
    assert_eq!(plan.blocked.len(), 0);
    assert!(plan.pending().all(|change| !["guid-0", "46"].contains(&change.id.as_deref().unwrap_or_default())));
    let told: Vec<_> =
        plan.pending().filter(|change| change.reason.contains("not created by this configuration")).collect();
    let made: Vec<_> = told.iter().map(|change| (change.action, change.kind)).collect();
    assert_eq!(made, [(Action::Create, ObjectKind::Webhook), (Action::Create, ObjectKind::CustomTab)]);
    assert!(told[0].reason.contains("\"PIA - ticket created \" (guid-0)"), "{}", told[0].reason);
    assert!(told[1].reason.contains("\"Pia Chat Pod\" (46)"), "{}", told[1].reason);
    assert!(plan.steps.iter().any(|change| change.action == Action::Link), "the others are made");
}

#[test]
fn new_ticket_type_is_linked_and_its_other_tabs_are_kept() {
    let (mut held, record) = installed();
    held.ticket_types.push(ExistingTicketType { tabs: vec![7, 8], ..ticket_type(9, "Onboarding") });
    let plan = plan(&wanted(), &held, &record);
    let pending: Vec<_> = plan.pending().collect();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].operation, Operation::Link(LinkWrite::Add(9, None)));
    assert_eq!(pending[0].fields[0].after.as_deref(), Some("2 other tabs, Pia Chat Pod"));
}

#[test]
fn foreign_tab_under_our_old_id_is_left_alone() {
    let (mut held, record) = installed();
    held.tabs[0].name = "Accounting".into();
    held.tabs[0].url = Some("https://accounts.example/?t=$FAULTID".into());
    let plan = plan(&wanted(), &held, &record);
    let tab: Vec<_> = plan.steps.iter().filter(|change| change.kind == ObjectKind::CustomTab).collect();
    assert_eq!(tab.len(), 1);
    assert_eq!((tab[0].action, tab[0].id.as_deref()), (Action::Create, None));
}

#[test]
fn second_copy_of_ours_is_taken_out_and_recorded_one_stays() {
    let (mut held, record) = installed();
    let copy = ExistingWebhook { id: "copy".to_owned(), name: "Copy".into(), ..held.webhooks[0].clone() };
    held.webhooks.insert(0, copy);
    let tab = ExistingTab { id: 12, ..held.tabs[0].clone() };
    held.tabs.insert(0, tab);
    held.ticket_types[0].tabs.push(12);
    let twice = plan(&wanted(), &held, &record);
    let pending: Vec<_> = twice.pending().map(|change| (change.action, change.operation.clone())).collect();
    assert_eq!(
        pending,
        [
            (Action::Delete, Operation::Event(EventWrite::Unbind { webhook: "copy".into(), binding: 103 })),
            (Action::Delete, Operation::Webhook(WebhookWrite::Delete("copy".into()))),
            (Action::Unlink, Operation::Link(LinkWrite::Remove { ticket_type: 1, tab: 12 })),
            (Action::Delete, Operation::Tab(TabWrite::Delete(12))),
        ]
    );
    assert_eq!(twice.blocked, []);
    // Without a record the oldest stays.
    let adopted = plan(&wanted(), &held, &[]);
    let gone: Vec<_> = adopted.steps.iter().filter(|change| change.action == Action::Delete).collect();
    assert!(gone.iter().any(|change| change.id.as_deref() == Some("guid-0")));
    assert!(gone.iter().any(|change| change.id.as_deref() == Some("46")));
}

#[test]
fn rename_onto_taken_name_is_tried_and_told() {
    let (mut held, record) = installed();
    let foreign = ExistingWebhook {
        id: "foreign".to_owned(),
        url: Secret::new("https://other.example/"),
        ..held.webhooks[0].clone()
    };
    held.webhooks[0].name = "renamed".into();
    held.webhooks.push(foreign);
    let taken = plan(&wanted(), &held, &record);
    let renamed: Vec<_> = taken.pending().filter(|change| change.kind == ObjectKind::Webhook).collect();
    assert_eq!((renamed.len(), renamed[0].id.as_deref(), taken.blocked.len()), (1, Some("guid-0"), 0));
    assert!(renamed[0].reason.contains("(foreign) was not created by this configuration"), "{}", renamed[0].reason);
}

fn ours<'a>(wanted: &'a Wanted, record: &'a [InstalledObject]) -> Ours<'a> {
    Ours { callback_prefix: Some(&wanted.callback_prefix), chat_pod: Some(&wanted.chat_pod), record }
}

#[test]
fn removal_takes_links_before_tab_and_events_before_webhook() {
    let (held, record) = installed();
    let wanted = wanted();
    let plan = plan_removal(&ours(&wanted, &record), Some(&wanted), &held, Parts::ALL);
    let kinds: Vec<_> = plan.pending().map(|change| change.kind.code()).collect();
    let expected = [
        "ticket_type",
        "ticket_type",
        "custom_tab",
        "webhook_event",
        "webhook",
        "webhook_event",
        "webhook_event",
        "webhook_event",
        "webhook_event",
        "webhook",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(plan.blocked, []);
}

#[test]
fn each_part_can_be_removed_alone() {
    let (held, record) = installed();
    let wanted = wanted();
    let nothing = Parts { webhooks: false, chat_pod: false, links: false };
    for (parts, expected) in [
        (Parts { webhooks: true, ..nothing }, vec!["webhook_event", "webhook"]),
        (Parts { chat_pod: true, ..nothing }, vec!["ticket_type", "custom_tab"]),
        (Parts { links: true, ..nothing }, vec!["ticket_type"]),
        (nothing, vec![]),
    ] {
        let plan = plan_removal(&ours(&wanted, &record), Some(&wanted), &held, parts);
        let mut kinds: Vec<_> = plan.pending().map(|change| change.kind.code()).collect();
        kinds.dedup();
        kinds.truncate(2);
        assert_eq!(kinds, expected, "{parts:?}");
    }
}

#[test]
fn removal_names_edits_and_leaves_what_is_not_ours() {
    let (mut held, record) = installed();
    held.webhooks[0].url = Secret::new("https://elsewhere.example/");
    held.tabs[0].url = Some("https://elsewhere.example/".into());
    let foreign =
        ExistingTab { id: 7, guid: None, name: "Pia Chat Pod ".into(), url: None, tab_type: None, table: None };
    let named =
        ExistingTab { id: 8, name: "Pia Chat Pod".into(), url: Some("https://x.example/".into()), ..foreign.clone() };
    held.tabs.extend([foreign, named]);
    let wanted = wanted();
    let plan = plan_removal(&ours(&wanted, &record), Some(&wanted), &held, Parts::ALL);
    let reason = |id: &str| plan.steps.iter().find(|change| change.id.as_deref() == Some(id)).unwrap().reason.clone();
    assert!(reason("guid-0").ends_with("edited by someone since: url"), "{}", reason("guid-0"));
    assert!(reason("46").ends_with("edited by someone since: url"));
    for id in ["7", "8"] {
        assert!(reason(id).contains("left unchanged"), "{id}");
    }
    assert!(plan.pending().all(|change| !["7", "8"].contains(&change.id.as_deref().unwrap())));
}

#[test]
fn what_is_gone_already_is_done_and_our_record_lets_go_of_it() {
    let (_, mut record) = installed();
    record.push(InstalledObject {
        kind: ObjectKind::TicketType,
        id: "77".into(),
        name: "Gone".into(),
        ..record[0].clone()
    });
    let wanted = wanted();
    let plan = plan_removal(&ours(&wanted, &record), Some(&wanted), &empty_halo(), Parts::ALL);
    assert!(!plan.changes_pending());
    assert_eq!(plan.steps.len(), record.len());
    assert!(plan.steps.iter().all(|change| change.operation == Operation::Forget));
}

#[test]
fn removal_works_without_wish() {
    let (held, record) = installed();
    let bare = Ours { callback_prefix: None, chat_pod: None, record: &record };
    assert_eq!(plan_removal(&bare, None, &held, Parts::ALL).shown().counts().delete, 8);
    let nothing = Ours { record: &[], ..bare };
    assert!(!plan_removal(&nothing, None, &held, Parts::ALL).changes_pending(), "nothing proves that these are ours");
}

#[test]
fn event_that_was_kept_from_firing_is_mended_in_place() {
    type Drift = fn(&mut Binding);
    let cases: [(&str, Drift); 4] = [
        ("conditions", |binding| binding.conditions = 1),
        ("inactive", |binding| binding.inactive = Some(true)),
        ("type", |binding| binding.kind = Some(0)),
        ("delivery", |binding| binding.delivery = Some(1)),
    ];
    for (field, drift) in cases {
        let (mut held, record) = installed();
        drift(&mut held.webhooks[1].bindings[2]);
        let plan = plan(&wanted(), &held, &record);
        let pending: Vec<_> = plan.pending().collect();
        assert_eq!((pending.len(), pending[0].fields[0].name), (1, field));
        let operation = Operation::Event(EventWrite::Mend { webhook: "guid-1".into(), binding: 176 });
        assert_eq!((pending[0].action, &pending[0].operation), (Action::Update, &operation));
    }
}

#[test]
fn what_iframe_is_called_is_read_off_tabs_of_others() {
    let map = |id, kind| ExistingTab {
        id,
        guid: None,
        name: "Map".into(),
        url: Some("https://maps.example/".into()),
        tab_type: Some(kind),
        table: Some(1),
    };
    let kind_made = |held: &Existing| {
        let plan = plan(&wanted(), held, &[]);
        plan.steps.iter().find_map(|change| match change.operation {
            Operation::Tab(TabWrite::Create(kind)) => Some(kind),
            _ => None,
        })
    };
    let mut held = empty_halo();
    assert_eq!(kind_made(&held), Some(1), "a guess where nothing tells");
    held.tabs.push(map(1, 2));
    assert_eq!(kind_made(&held), Some(2));
    held.tabs.push(map(2, 3));
    assert_eq!(kind_made(&held), Some(1), "two answers are none");
    let (mut held, record) = installed();
    held.tabs.push(map(1, 2));
    let plan = plan(&wanted(), &held, &record);
    let pending: Vec<_> = plan.pending().collect();
    assert_eq!((pending.len(), pending[0].fields[0].name), (1, "type"));
}

/// The chat pod is one of several things below one address, told apart by what follows the path.
fn portal() -> Wanted {
    let chat_pod = ChatPodUrl::parse("https://portal.example/launch?app=pia&t=$FAULTID").unwrap();
    Wanted { chat_pod, ..wanted() }
}

fn crm(id: i64) -> ExistingTab {
    let url = Some("https://portal.example/launch?app=crm&t=$FAULTID".into());
    ExistingTab { id, guid: None, name: "CRM".into(), url, tab_type: Some(1), table: Some(1) }
}

#[test]
fn foreign_tab_with_chat_pod_path_is_left_alone() {
    let mut held = empty_halo();
    held.tabs.push(crm(7));
    let fresh = plan(&portal(), &held, &[]);
    let tabs: Vec<_> = fresh.steps.iter().filter(|change| change.kind == ObjectKind::CustomTab).collect();
    assert_eq!(tabs.len(), 1);
    assert_eq!((tabs[0].action, &tabs[0].id), (Action::Create, &None));
    // Ours stands behind it in Halo's list, and is the one that is taken over.
    let url = Some(portal().chat_pod.as_str().into());
    held.tabs.push(ExistingTab { id: 46, url, name: "renamed".into(), ..crm(0) });
    let named = ExistingTab { id: 9, name: "Pia Chat Pod".into(), ..crm(0) };
    held.tabs.insert(0, named);
    let adopted = plan(&portal(), &held, &[]);
    let touched: Vec<_> = adopted.pending().filter(|change| change.kind == ObjectKind::CustomTab).collect();
    assert_eq!(touched.len(), 1, "{touched:#?}");
    assert_eq!((touched[0].action, touched[0].id.as_deref()), (Action::Adopt, Some("46")));
}

#[test]
fn number_and_path_alone_make_no_tab_ours() {
    let (mut held, mut record) = installed();
    let wanted = portal();
    held.tabs[0] = crm(46);
    let is_ours = |held: &Existing, record: &[InstalledObject]| {
        let ours = Ours { callback_prefix: None, chat_pod: Some(&wanted.chat_pod), record };
        ours.owns_tab(&held.tabs[0])
    };
    assert!(!is_ours(&held, &record));
    let own = record.iter_mut().find(|own| own.kind == ObjectKind::CustomTab).unwrap();
    own.identity = Some("OURS".to_owned());
    held.tabs[0].guid = Some("theirs".to_owned());
    assert!(!is_ours(&held, &record));
    // With our name and another guid it is somebody's all the same; with our guid it is ours, also renamed.
    held.tabs[0].name = "Pia Chat Pod".into();
    held.tabs[0].url = Some("https://other.example/?t=$FAULTID".into());
    assert!(!is_ours(&held, &record));
    held.tabs[0] = ExistingTab { guid: Some("ours".to_owned()), ..crm(46) };
    assert!(is_ours(&held, &record));
}

#[test]
fn guid_is_same_in_either_case() {
    let (mut held, record) = installed();
    for webhook in &mut held.webhooks {
        webhook.id = webhook.id.to_uppercase();
    }
    let wanted = wanted();
    assert!(!plan(&wanted, &held, &record).changes_pending());
    let removal = plan_removal(&ours(&wanted, &record), Some(&wanted), &held, Parts::ALL);
    assert!(removal.steps.iter().all(|change| change.operation != Operation::Forget), "{removal:#?}");
}

/// S61: made by the portal under other addresses, a webhook without our events and a tab: each is offered with what would
/// change in it, and touched only where its very id was agreed to.
#[test]
fn what_has_our_name_is_taken_over_by_its_id_alone() {
    let (mut held, _) = installed();
    held.webhooks[0].url = Secret::new("https://portal.example/hook");
    held.webhooks[0].bindings = vec![binding(900, 7)];
    held.tabs[0].url = Some("https://portal.example/pod?t=$FAULTID".into());
    let (webhook, tab) = (held.webhooks[0].id.clone(), held.tabs[0].id.to_string());
    let offered = plan(&wanted(), &held, &[]);
    let lines: Vec<String> = offered.offers.iter().flat_map(Offer::lines).collect();
    assert!(lines.iter().any(|line| line.contains("url: https://portal.example/pod?t=$FAULTID -> ")), "{lines:?}");
    assert!(lines.iter().any(|line| line == "  events: 7 -> 3"), "{lines:?}");
    let touched = |plan: &InstallPlan, id: &str| plan.pending().any(|step| step.id.as_deref() == Some(id));
    assert!(!touched(&offered, &webhook) && !touched(&offered, &tab), "nothing without a yes");

    let taking = |ids: &[&String]| Wanted { taken: ids.iter().map(|id| (*id).clone()).collect(), ..wanted() };
    let one = plan(&taking(&[&tab]), &held, &[]);
    assert!(touched(&one, &tab) && !touched(&one, &webhook));
    let both = plan(&taking(&[&tab, &webhook]), &held, &[]);
    let adopted = both.steps.iter().filter(|step| step.action == Action::Adopt);
    // The other webhook leads to us already.
    assert_eq!(adopted.count(), 3);
    assert!(both.offers.is_empty());
    assert!(both.steps.iter().any(|step| step.action == Action::Delete && step.id.as_deref() == Some("900")));
}

/// A name of somebody else's own is no reason, whatever id is given.
#[test]
fn object_with_another_name_is_never_taken_over() {
    let (mut held, _) = installed();
    held.tabs[0].url = Some("https://portal.example/pod".into());
    held.tabs[0].name = "Accounting".into();
    let tab = held.tabs[0].id.to_string();
    let plan = plan(&Wanted { taken: vec![tab.clone()], ..wanted() }, &held, &[]);
    assert!(plan.pending().all(|step| step.id.as_ref() != Some(&tab)) && plan.offers.is_empty());
}

/// What the settings ask for is written and kept; what they leave out stays, and so does what this Halo does not tell.
#[test]
fn webhook_options_are_planned_and_their_drift_is_mended() {
    let asking = |line: &str| Wanted { options: WebhookOptions::parse(line).unwrap(), ..wanted() };
    let (mut held, record) = installed();
    assert!(!plan(&asking("log days = 30; switch off after = 0"), &held, &record).changes_pending(), "as it is");
    let plan_of = |held: &Existing, line: &str| plan(&asking(line), held, &record);
    let changed = plan_of(&held, "log days = 60; notify on failure = yes; switch off after = 20");
    let webhooks: Vec<_> = changed.pending().collect();
    assert_eq!((webhooks.len(), webhooks[0].action), (2, Action::Update));
    let fields: Vec<_> = webhooks[0].fields.iter().map(|field| (field.name, field.after.as_deref().unwrap())).collect();
    assert_eq!(
        fields,
        [("log_retention_policy_days", "60"), ("notify_on_failure", "true"), ("auto_disable_attempts", "20")]
    );
    for webhook in &mut held.webhooks {
        webhook.options = HaloOptions::default();
    }
    assert!(!plan_of(&held, "log days = 60").changes_pending(), "an older Halo");
    let new = plan_of(&empty_halo(), "log days = 60");
    let fields = new.steps.iter().filter(|step| step.kind == ObjectKind::Webhook).flat_map(|step| &step.fields);
    assert_eq!(fields.filter(|field| field.name == "log_retention_policy_days").count(), 2);
}

/// Chosen events are bound, the others taken off, and one that this Halo does not know is told.
#[test]
fn chosen_events_take_place_of_safe_set() {
    let (mut held, record) = installed();
    held.events.push((EventNumber(42), "First SLA Warning".into()));
    let wanted = Wanted { options: WebhookOptions::parse("events = 3, 19, 39, 42, 4711").unwrap(), ..wanted() };
    let plan = plan(&wanted, &held, &record);
    let changes: Vec<_> = plan.pending().map(|change| (change.action, change.name.display())).collect();
    let named = |action, name: &str| (action, name.to_owned());
    assert_eq!(
        changes,
        [named(Action::Create, "First SLA Warning"), named(Action::Delete, "x"), named(Action::Delete, "x"),]
    );
    assert_eq!(plan.blocked.iter().map(|blocked| blocked.name.display()).collect::<Vec<_>>(), ["event 4711"]);
}

/// Made before there were marks, or at a Halo that keeps none: that is no drift, and gives no change for ever.
#[test]
fn unmarked_webhooks_are_kept_and_get_their_mark_with_next_run() {
    use crate::domain::owner::Owner;
    let owner = |host: &str| Owner::new(host, "dana", jiff::Timestamp::UNIX_EPOCH, host);
    let wanted = Wanted { owner: Some(owner("jump1")), ..wanted() };
    let webhooks = |held: &Existing, record: &[InstalledObject]| -> Vec<PlanStep> {
        let plan = plan(&wanted, held, record);
        plan.steps.into_iter().filter(|step| step.kind == ObjectKind::Webhook).collect()
    };
    for note in [None, Some("")] {
        let (mut held, record) = installed();
        held.webhooks.iter_mut().for_each(|own| own.note = note.map(Untrusted::new));
        assert!(!plan(&wanted, &held, &record).changes_pending());
        for (step, id) in webhooks(&held, &record).iter().zip(["guid-0", "guid-1"]) {
            assert_eq!((step.action, step.fields.len(), &*step.reason), (Action::Keep, 0, "unchanged"));
            assert!(matches!(&step.operation, Operation::Webhook(WebhookWrite::Update(_, own)) if own == id));
        }
        // One mark speaks for both.
        held.webhooks[0].note = Some(owner("jump1").marked("").into());
        assert!(webhooks(&held, &record).iter().all(|step| step.operation == Operation::None));
        held.webhooks[0].note = Some(owner("jump2").marked("").into());
        let actions: Vec<Action> = webhooks(&held, &record).iter().map(|step| step.action).collect();
        assert_eq!(actions, [Action::Update, Action::Keep], "owned elsewhere");
    }
}

/// Of a ticket type that tells nothing of its tabs nobody knows whether it is linked, and the plan does not say so.
#[test]
fn link_that_nobody_can_see_is_not_called_missing() {
    let mut halo = empty_halo();
    halo.ticket_types =
        vec![ticket_type(1, "Incident"), ExistingTicketType { allows_all_tabs: None, ..ticket_type(2, "Request") }];
    let plan = plan(&wanted(), &halo, &[]);
    let of = |name: &str| {
        let step = plan.steps.iter().find(|step| step.kind == ObjectKind::TicketType && step.name.raw() == name);
        step.map(|step| (step.action, step.reason.clone())).unwrap()
    };
    assert_eq!(of("Incident"), (Action::Link, "not linked to the Pia Chat Pod".into()));
    assert_eq!(of("Request"), (Action::Link, TABS_NOT_TOLD.into()));
}

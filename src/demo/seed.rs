//! The Halo that a seed makes: the same one every time.

use super::application::Application;
use super::behaviour::Behaviour;
use super::catalogue;
use super::clock::Clock;
use super::limit::Window;
use super::names::{FIRST, LEGAL, NOTABLE, TRADE};
use super::options::Options;
use super::random::Random;
use super::reply::members;
use super::state::{Client, Object, State, TabLink, TicketType};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The whole state for these options; `base` is the address that it will be reached at.
pub(super) fn state(options: &Options, base: String) -> State {
    let seed = options.seed;
    let mut random = Random::new(seed, "objects");
    let application = Application {
        client_id: random.guid(),
        client_secret: format!("{}-{}", random.guid(), random.guid()),
        scopes: BTreeSet::from(["all".to_owned()]),
        active: true,
    };
    let clients = clients(options.clients, seed);
    let (webhooks, notifications) = foreign_webhooks(&mut random);
    let mut state = State {
        sites: sites(&clients),
        users: users(&clients, seed),
        tickets: tickets(&clients, seed),
        actions: Vec::new(),
        clients,
        toplevels: BTreeMap::from([(1, "Customers".to_owned()), (2, "Prospects & Partners".to_owned())]),
        agents: agents(),
        teams: teams(&mut random),
        ticket_types: ticket_types(&mut random),
        statuses: statuses(&mut random),
        event_catalogue: catalogue::events(),
        webhooks,
        notifications,
        webhook_events: Vec::new(),
        tabs: foreign_tabs(&mut random),
        instance: instance(options.clients),
        tenant: "demo".into(),
        applications: vec![application],
        faults: BTreeSet::new(),
        behaviour: Behaviour { latency: options.latency, rate_limit: options.rate_limit, ..Behaviour::default() },
        scripted: Vec::new(),
        on_request: None,
        clock: Clock::start(),
        mailbag: super::mailbag::Mailbag::default(),
        tokens: BTreeMap::new(),
        window: Window::default(),
        requests: Vec::new(),
        random: Random::new(seed, "new objects"),
        chance: Random::new(seed, "faults"),
        seed,
        base,
        tried_deletes: BTreeSet::new(),
        refusals: 0,
        remembered: BTreeMap::new(),
    };
    for &fault in &options.faults {
        state.set_fault(fault, true);
    }
    state
}

fn clients(count: usize, seed: u64) -> Vec<Client> {
    let mut random = Random::new(seed, "clients");
    let mut clients = Vec::with_capacity(count);
    let mut taken = BTreeSet::new();
    let mut notable = NOTABLE.iter();
    let mut id = 11;
    if count > 0 {
        taken.insert("unknown".to_owned());
        clients.push(Client { has_history: true, main_site_name: Some("Unknown".into()), ..Client::new(1, "Unknown") });
    }
    while clients.len() < count {
        id += 1 + i64::try_from(random.below(4)).unwrap_or(0);
        // Every third name is one of the notable ones until they are used up.
        let mut name = match notable.as_slice().first() {
            Some(name) if random.chance(33) => {
                notable.next();
                (*name).to_owned()
            }
            _ => format!("{} {} {}", random.pick(FIRST), random.pick(TRADE), random.pick(LEGAL)),
        };
        if !taken.insert(name.to_lowercase()) {
            name = format!("{name} {id}");
            taken.insert(name.to_lowercase());
        }
        let mut client = Client::new(id, name);
        client.inactive = random.chance(3);
        client.allowed = random.chance(40);
        client.has_history = random.chance(50);
        client.toplevel_id = if random.chance(15) { 2 } else { 1 };
        // Without the dice: what is thrown after them stays.
        client.customer_type = if id % 7 == 0 { 2 } else { 1 };
        client.tier = if id % 5 == 0 { "Gold" } else { "Standard" };
        if random.chance(12) {
            client.main_site_name = None;
        } else if random.chance(30) {
            client.main_site_name =
                Some(random.pick(&["Head Office", "Zürich", "大阪本社", "الرياض", "Depot & Yard"]).to_owned());
        }
        for member in ["website", "ref", "logo", "toplevel_name", "colour"] {
            if random.chance(6) {
                client.overrides.insert(member.into(), Value::Null);
            }
        }
        clients.push(client);
    }
    // A small tenant has an inactive client too.
    let active = clients.iter().all(|client| !client.inactive);
    if let (true, 6.., Some(last)) = (active, count, clients.last_mut()) {
        last.inactive = true;
    }
    clients
}

fn agent(id: i64, name: &str, special: Value) -> Object {
    let mut words = name.split_whitespace();
    let (first, last) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let initials: String = [first, last].iter().filter_map(|word| word.chars().next()).collect();
    let mut agent = Object::new(json!({
        "id": id, "name": name, "firstname": first, "surname": last, "initials": initials, "isdisabled": false, "is_agent": true,
        "colour": "#000000", "jobtitle": "", "namewithinactive": name, "licence_type": 0, "departments": [], "isapiagent": false,
        "sms": "", "extensionnumber": "", "chargerate": 0, "linemanager": 0, "exchange_authorized": false, "logmeinid": "",
        "lastlogindate": "1900-01-01T00:00:00", "use": "agent"
    }));
    agent.members.extend(members(special));
    agent
}

fn agents() -> Vec<Object> {
    vec![
        agent(1, "Unassigned", json!({ "is_agent": false, "initials": "U" })),
        agent(3, "Nia O'Connor", json!({ "jobtitle": "Service Desk Manager" })),
        agent(4, "Pia", json!({ "isapiagent": true, "is_admin": true, "email": "pia@example.invalid" })),
        agent(7, "Dana Scully", json!({ "jobtitle": "Engineer", "email": "dana@example.invalid" })),
        agent(8, "Fox Mulder", json!({ "jobtitle": "Engineer" })),
        agent(9, "Łukasz Żak", json!({ "jobtitle": "Engineer" })),
        agent(12, "小林 さくら", json!({ "jobtitle": "Account Manager" })),
        agent(15, "Walter Skinner", json!({ "isdisabled": true, "namewithinactive": "Walter Skinner (Inactive)" })),
        agent(16, "ليلى حداد", json!({})),
        agent(21, "Zoë & Max (shared)", json!({})),
    ]
}

fn teams(random: &mut Random) -> Vec<Object> {
    // Id, name, inactive, and whether an agent that is no member of all teams misses it.
    let names: [(i64, &str, bool, bool); 9] = [
        (3, "1st Line Support", false, false),
        (4, "2nd Line Support", false, false),
        (5, "Projects", false, true),
        (8, "Pia", false, true),
        (9, "Pia Escalations", false, false),
        (12, "Accounts & Billing", false, true),
        (14, "Équipe Genève", false, true),
        (17, "Old Night Shift", true, true),
        (20, "Alerts 🚨", false, true),
    ];
    let mut teams = Vec::new();
    for (sequence, (id, name, inactive, hidden)) in names.into_iter().enumerate() {
        let mut team = Object::new(json!({
            "id": id, "guid": random.guid(), "name": name, "sequence": sequence + 1, "forrequests": true, "foropps": false,
            "forprojects": name == "Projects", "ticket_count": 0, "department_id": 17, "department_name": "IT",
            "org_team_name": format!("Demo MSP/{name}"), "inactive": inactive, "override_column_id": 0, "mailbox_override": 0,
            "hide_agents_in_tree_if_no_tickets": false, "homescreendashboardid": 0, "concurrent_lic_limit": 0, "teamphotopath": "",
            "use": "team", "last_modified": "2026-03-02T09:12:44.173"
        }));
        team.hidden_from_restricted = hidden;
        teams.push(team);
    }
    teams
}

/// Ids and names of the two foreign tabs.
const FOREIGN_TABS: [(i64, &str); 2] = [(14, "Asset Map"), (15, "Onboarding")];

fn ticket_types(random: &mut Random) -> Vec<TicketType> {
    // Six that need a link, one that shows every tab already, one that is retired.
    let kinds: [(i64, &str, i64, &[i64]); 8] = [
        (1, "Incident", 1, &[14]),
        (2, "Change Request", 2, &[]),
        (3, "Service Request", 3, &[14, 15]),
        (4, "Problem", 4, &[]),
        (5, "Project", 20, &[]),
        (21, "Alert", 1, &[]),
        (22, "Demande & Préstation 🛠", 3, &[]),
        (25, "Legacy Request", 1, &[]),
    ];
    let mut link_id = 100;
    let mut types = Vec::new();
    for (sequence, (id, name, itil, tabs)) in kinds.into_iter().enumerate() {
        let retired = name == "Legacy Request";
        let mut row = Object::new(json!({
            "id": id, "guid": random.guid(), "name": name, "use": "tickettype", "sequence": sequence + 1, "visible": !retired,
            "cancreate": !retired, "agentscanselect": true, "enduserscanselect": id < 4, "anonymouscanselect": false,
            "default_team": "", "default_agent": 0, "default_sla": 1, "default_priority": 3, "group_id": 0, "group_name": "",
            "itilrequesttype": itil, "allow_all_clients": true, "allowattachments": true, "copyattachmentstochild": false,
            "copyattachmentstorelated": false, "fieldidlist": "", "is_sprint": false, "jira_issue_type": "",
            "kanbanstatuschoice": [{ "id": "1", "name": "1" }], "kanbanstatuschoice_list": "[\"1\"]", "project_type": 0
        }));
        row.hidden_from_restricted = matches!(id, 2 | 4 | 5);
        let mut links = Vec::new();
        for &tab in tabs {
            link_id += 1;
            links.push(TabLink { id: link_id, iframetab_id: tab });
        }
        types.push(TicketType { row, inactive: retired, allow_all_tabs: name == "Project", links, locked: false });
    }
    types
}

fn foreign_tabs(random: &mut Random) -> Vec<Object> {
    let [(map, map_name), (fields, fields_name)] = FOREIGN_TABS;
    vec![
        Object::new(json!({
            "id": map, "guid": random.guid(), "name": map_name, "tableid": 1, "type": 1, "sequence": 5, "columns": 1, "icon": "map",
            "url": "https://maps.example.invalid/assets?ticket=$FAULTID", "linked_dashboard_id": -1, "open_in_new_tab": false,
            "send_secure_url_parameter": true, "module_id": 0
        })),
        Object::new(json!({
            "id": fields, "guid": random.guid(), "name": fields_name, "tableid": 1, "type": 0, "sequence": 6, "columns": 2, "url": null,
            "linked_dashboard_id": -1, "open_in_new_tab": false, "send_secure_url_parameter": false, "module_id": 0
        })),
    ]
}

/// A webhook's events: number and name.
type Events = &'static [(i64, &'static str)];

fn foreign_webhooks(random: &mut Random) -> (Vec<Object>, Vec<Object>) {
    let mut webhooks = Vec::new();
    let mut notifications = vec![Object::new(json!({
        "guid": random.guid(), "id": 31, "name": "Tell me about new tickets", "type": 0, "eventno": 3, "delivery_method": 0,
        "agent_id": 7, "agent_name": "Dana Scully", "conditions": []
    }))];
    let foreign: [(&str, &str, Events); 2] = [
        ("Chat room: new tickets", "https://chat.example.invalid/hooks/halo", &[(3, "New Ticket Logged")]),
        (
            "Billing & closed tickets",
            "https://billing.example.invalid/in?key=4711",
            &[(39, "Ticket Closed"), (1072, "Ticket Deleted")],
        ),
    ];
    for (name, url, events) in foreign {
        let id = random.guid();
        let mut row = super::state::new_webhook();
        row.extend([
            ("id".to_owned(), json!(id)),
            ("name".to_owned(), json!(name)),
            ("url".to_owned(), json!(url)),
            ("active".to_owned(), json!(true)),
            ("last_status".to_owned(), json!(200)),
        ]);
        webhooks.push(Object { members: row, ..Object::default() });
        for &(eventno, event) in events {
            notifications.push(Object::new(json!({
                "guid": random.guid(), "id": 40 + notifications.len(), "name": event, "type": -2, "eventno": eventno,
                "delivery_method": 6, "agent_id": 0, "webhook_id": id, "conditions": []
            })));
        }
    }
    (webhooks, notifications)
}

/// Ids of a real tenant.
fn statuses(random: &mut Random) -> Vec<Object> {
    let known = [
        (1, "New"),
        (2, "In Progress"),
        (3, "Action Required"),
        (4, "With User"),
        (5, "With Supplier"),
        (8, "Resolved"),
        (9, "Closed"),
        (13, "Cancelled"),
        (21, "On Hold"),
        (22, "Updated"),
        (23, "Scheduled"),
    ];
    let row = |(sequence, (id, name)): (usize, (i64, &str))| {
        Object::new(json!({
            "id": id, "guid": random.guid(), "name": name, "shortname": name, "type": 0, "sequence": sequence + 1, "colour": "#4caf50",
            "slaaction": "N", "showonquickchange": true
        }))
    };
    known.into_iter().enumerate().map(row).collect()
}

fn sites(clients: &[Client]) -> Vec<Object> {
    let row = |client: &Client| {
        Object::new(json!({
            "id": client.id + 6, "name": client.main_site_name.as_deref().unwrap_or("Main"), "client_id": client.id,
            "client_name": client.name, "inactive": client.inactive, "use": "site"
        }))
    };
    clients.iter().take(200).map(row).collect()
}

fn users(clients: &[Client], seed: u64) -> Vec<Object> {
    let mut random = Random::new(seed, "users");
    let row = |(index, client): (usize, &Client)| {
        let name =
            format!("{} {}", random.pick(&["Ana", "Björn", "Chidi", "Дарья", "Emre", "花子"]), random.pick(FIRST));
        Object::new(json!({
            "id": 30 + index, "name": name, "client_id": client.id, "client_name": client.name, "site_id": client.id + 6,
            "inactive": false, "emailaddress": format!("user{index}@example.invalid"), "isserviceaccount": false, "use": "user"
        }))
    };
    clients.iter().enumerate().take(200).map(row).collect()
}

fn tickets(clients: &[Client], seed: u64) -> Vec<Object> {
    let mut random = Random::new(seed, "tickets");
    let mut tickets = Vec::new();
    for number in 0..12_i64.min(i64::try_from(clients.len()).unwrap_or(0)) {
        let Some(client) = clients.get(random.below(clients.len())) else { break };
        tickets.push(Object::new(json!({
            "id": 33470 + number, "summary": random.pick(&["Printer is on fire", "New starter", "VPN drops", "パスワード忘れ"]),
            "client_id": client.id, "client_name": client.name, "site_id": client.id + 6, "tickettype_id": 1, "status_id": 2,
            "priority_id": 3, "team": random.pick(&["Pia", "1st Line Support"]), "agent_id": 1, "estimate": -0.0,
            "dateoccurred": "2024-06-20T14:45:15.9746271Z", "deadlinedate": "1900-01-01T00:00:00", "use": "ticket"
        })));
    }
    tickets
}

fn instance(clients: usize) -> Object {
    Object::new(json!({
        "dbid": "DEMO", "app_version": "2.196.1", "database_version": "2196", "agent_count": 9, "licensed_agent_count": 8,
        "online_agent_count": 2, "last_login": "2026-03-02T09:12:44.173", "app_name": "Halo PSA", "mobileapp_enabled": true,
        "teamsbot_enabled": false, "nhserver_version": "2.196.1", "teams_chat_profile": "", "hosted_group": "UK00-Demo1", "using_event_service": true,
        "using_scheduling_service": true, "using_outgoing_service": true, "using_incoming_service": true, "client_count": clients
    }))
}

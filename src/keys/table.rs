//! The table of what keys mean: where, and in which words. The keys themselves stand in `assets/keys.toml`.

use crate::domain::fields::FieldId;

/// A pane: what is seen once the set-up is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
#[allow(missing_docs, reason = "named by their titles")]
pub enum Pane {
    #[default]
    Overview,
    Sync,
    Clients,
    Integration,
    Events,
    Activity,
}

impl Pane {
    /// Every pane, in the order of the line that names them.
    pub const ALL: [Self; 6] =
        [Self::Overview, Self::Sync, Self::Clients, Self::Integration, Self::Events, Self::Activity];

    // Its title, and how a sentence says that something works there.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", "in the Overview pane"),
            Self::Sync => ("Sync", "in the Sync pane"),
            Self::Clients => ("Clients", "in the Clients pane"),
            Self::Integration => ("Integration", "in the Integration pane"),
            Self::Events => ("Events", "in the Events pane"),
            Self::Activity => ("Activity", "in the Activity pane"),
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        self.row().0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of the table say it")]
pub enum Command {
    Help,
    Commands,
    Quit,
    Integrations,
    Repaint,
    Suspend,
    Back,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    NextItem,
    PreviousItem,
    EnterField,
    TakeBetter,
    OpenList,
    TakeFromList,
    CloseList,
    RefreshLists,
    MoreFields,
    ChooseAgent,
    ClearAgent,
    Continue,
    Test,
    Untested,
    Reveal,
    Copy,
    Save,
    Setting(FieldId),
    /// What the program does as a command alone: its place in the list of them.
    CommandLine(usize),
    SyncNow,
    Stop,
    Mend,
    Look,
    Retry,
    Dismiss,
    LookAtClients,
    /// To the field that stands in the way.
    ToField,
    ReadPlan,
    Apply,
    TakeOver,
    PassOver,
    OpenLine,
    CloseLine,
    Configure,
    Remove,
    RollBack,
    Rotate,
    InstallService,
    ForgetSecrets,
    SendAgain,
    PartWebhooks,
    PartChatPod,
    PartLinks,
    Agree,
    ReadDeliveries,
    ProveIt,
    OpenEvent,
    OpenTicket,
    Tickets,
    ReadTickets,
    Escalate,
    EscalateNow,
    Search,
    LeaveSearch,
    Filter,
    Sort,
    Export,
    Changes,
    Details,
    ViewAll,
    OpenCard,
    Edit,
    Activate,
    Deactivate,
    DiscardDraft,
    Delete,
    Pane(Pane),
    Yes,
    No,
    Answer,
    ThirdAnswer,
    OtherAnswer,
    TakeAgent,
    ClosePopup,
    RunChosen,
    CloseCommands,
}

/// Where the keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after what has the focus")]
pub enum Place {
    Starting,
    Cards,
    CardSearch,
    Checklist,
    Field,
    FieldList,
    Choice,
    Test,
    SyncButton,
    Callbacks,
    Setting,
    SettingChoice,
    Review,
    InitialSync,
    Plan,
    Finished,
    Pane(Pane),
    ClientSearch,
    EventSearch,
    ActivitySearch,
    EventPage,
    PaneTickets,
    TicketPage,
    Confirm,
    Chooser,
    HelpPage,
    ClientPage,
    Palette,
    Typed,
    Escalate,
}

impl Place {
    /// Whether letters are letters here.
    pub fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Field
                | Self::FieldList
                | Self::Setting
                | Self::CardSearch
                | Self::ClientSearch
                | Self::EventSearch
                | Self::ActivitySearch
                | Self::Chooser
                | Self::Palette
                | Self::Typed
                | Self::Escalate
        )
    }

    /// Whether the arrows lead from here into a field, where the next letter would be text.
    pub fn is_beside_fields(self) -> bool {
        let beside = [Self::Choice, Self::Test, Self::SyncButton, Self::Callbacks, Self::SettingChoice, Self::Review];
        beside.contains(&self)
    }

    /// Where it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "at the start",
            Self::Cards => "on the Integrations page",
            Self::CardSearch => "in the search of the Integrations page",
            Self::Checklist => "in the list of what you need",
            Self::Field => "in a field",
            Self::FieldList => "in the list below a field",
            Self::Choice => "on Pia Escalate To",
            Self::Test => "on the test",
            Self::SyncButton => "on Sync Now",
            Self::Callbacks => "on the Callback URLs",
            Self::Setting => "in a setting",
            Self::SettingChoice => "on Pia Escalate To in the settings",
            Self::Review => "on Save",
            Self::InitialSync => "on Initial Sync",
            Self::Plan => "on the plan",
            Self::Finished => "on the last page",
            Self::Pane(pane) => pane.row().1,
            Self::ClientSearch => "in the search of the clients",
            Self::EventSearch => "in the search of the events",
            Self::ActivitySearch => "in the search of the activity",
            Self::EventPage => "on an event",
            Self::PaneTickets => "in the list of tickets",
            Self::TicketPage => "on a ticket",
            Self::Confirm => "in a question",
            Self::Chooser => "in the choice of an agent",
            Self::HelpPage => "in the help",
            Self::ClientPage => "in the details of a client",
            Self::Palette => "in the list of commands",
            Self::Typed => "in a confirmation that is typed",
            Self::Escalate => "in the question before a ticket is escalated",
        }
    }
}

/// Under which heading of the help a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What is done here.
    Here,
    /// Getting from one thing to another.
    Moving,
    /// What works on every screen.
    Everywhere,
}

impl Command {
    /// Its heading.
    pub fn group(self) -> Group {
        match self {
            Self::Help | Self::Commands | Self::Integrations | Self::Quit | Self::Repaint | Self::Suspend => {
                Group::Everywhere
            }
            Self::Pane(_) => Group::Moving,
            _ if self.is_step() => Group::Moving,
            _ => Group::Here,
        }
    }

    /// Whether it only takes the focus further, which nobody would look up by name.
    pub fn is_step(self) -> bool {
        matches!(
            self,
            Self::Up
                | Self::Down
                | Self::PageUp
                | Self::PageDown
                | Self::First
                | Self::Last
                | Self::NextItem
                | Self::PreviousItem
                | Self::OtherAnswer
        )
    }
}

/// Where in the line of keys a binding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// On the left, in the order of the table.
    Left,
    /// On the right, always.
    Right,
    /// Only in the help.
    Help,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What is done.
    pub command: Command,
    /// Under which name the settings hold its keys. Lines of one name have the same keys, in each place with one
    /// meaning at a time; what is named after a key (`accept`, `cancel`, `down`) means what the place makes of it.
    pub id: &'static str,
    /// Where.
    pub places: &'static [Place],
    /// In which words.
    pub words: &'static str,
    /// Where the words stand.
    pub shown: Shown,
}

pub(super) const fn row(
    command: Command,
    id: &'static str,
    places: &'static [Place],
    words: &'static str,
    shown: Shown,
) -> Binding {
    Binding { command, id, places, words, shown }
}

use Command as C;
use Place as P;
use Shown::{Help, Left, Right};

const OVERVIEW: Place = P::Pane(Pane::Overview);
const SYNC: Place = P::Pane(Pane::Sync);
const CLIENTS: Place = P::Pane(Pane::Clients);
const INTEGRATION: Place = P::Pane(Pane::Integration);
const EVENTS: Place = P::Pane(Pane::Events);
const ACTIVITY: Place = P::Pane(Pane::Activity);

#[rustfmt::skip]
const SCREENS: &[Place] = &[
    P::Starting, P::Cards, P::CardSearch, P::Checklist, P::Field, P::FieldList, P::Choice, P::Test, P::SyncButton,
    P::Callbacks, P::Setting, P::SettingChoice, P::Review, P::InitialSync, P::Plan, P::Finished, OVERVIEW, SYNC,
    CLIENTS, P::ClientSearch, INTEGRATION, EVENTS, P::EventSearch, P::EventPage, P::PaneTickets, P::TicketPage,
    ACTIVITY, P::ActivitySearch,
];
const FLOATING: &[Place] = &[P::Confirm, P::Chooser, P::HelpPage, P::ClientPage, P::Palette, P::Typed, P::Escalate];
#[rustfmt::skip]
const BESIDE_PANES: &[Place] = &[
    P::Starting, P::Cards, P::CardSearch, P::Checklist, P::Field, P::FieldList, P::Choice, P::Test, P::SyncButton,
    P::Callbacks, P::Setting, P::SettingChoice, P::Review, P::InitialSync, P::Plan, P::Finished, P::ClientSearch,
    P::EventSearch, P::ActivitySearch, P::Confirm, P::Chooser, P::HelpPage, P::ClientPage, P::Typed, P::Escalate,
];
const ACTIVATING: &[Place] = &[P::Cards, P::InitialSync, P::Plan, OVERVIEW, SYNC, INTEGRATION];
#[rustfmt::skip]
const STOPPING: &[Place] = &[
    P::Test, P::InitialSync, P::Plan, OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::PaneTickets, ACTIVITY,
];
const SEARCHES: &[Place] = &[P::CardSearch, P::ClientSearch, P::EventSearch, P::ActivitySearch];
#[rustfmt::skip]
const FORM: &[Place] = &[
    P::Checklist, P::Field, P::Choice, P::Test, P::SyncButton, P::Callbacks, P::Setting, P::SettingChoice, P::Review,
    P::InitialSync, P::Finished,
];
// What may be longer than the screen: the focus goes through it by pages.
const PAGES: &[Place] =
    &[P::Checklist, P::Field, P::Choice, P::Test, P::SyncButton, P::Callbacks, P::InitialSync, P::Finished];
// The same where Home and End move in no text.
const TEXTLESS: &[Place] =
    &[P::Checklist, P::Choice, P::Test, P::SyncButton, P::Callbacks, P::InitialSync, P::Finished];
const SETTINGS: &[Place] = &[P::Setting, P::SettingChoice, P::Review];
// The settings, and the test that their save waits for.
const CHANGING: &[Place] = &[P::Setting, P::SettingChoice, P::Review, P::Test, P::Field];
const PANES: &[Place] =
    &[OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::EventPage, P::PaneTickets, P::TicketPage, ACTIVITY];
#[rustfmt::skip]
const PANES_AND_PLAN: &[Place] = &[
    OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::EventPage, P::PaneTickets, P::TicketPage, ACTIVITY, P::Plan,
];
// Where no text goes into it, the set-up says why there are no panes yet; its own key leads to the clients.
#[rustfmt::skip]
const PANES_AND_STEPS: &[Place] = &[
    OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::EventPage, P::PaneTickets, P::TicketPage, ACTIVITY, P::Plan,
    P::InitialSync, P::Finished,
];
const EDITING: &[Place] = &[OVERVIEW, SYNC, CLIENTS, INTEGRATION, ACTIVITY];
const WITH_TICKETS: &[Place] = &[EVENTS, P::EventPage, P::PaneTickets, P::TicketPage];
#[rustfmt::skip]
const LISTS: &[Place] = &[
    P::Cards, P::FieldList, P::Plan, OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::EventPage,
    P::PaneTickets, P::TicketPage, ACTIVITY, P::Chooser, P::HelpPage, P::ClientPage, P::Palette,
];
#[rustfmt::skip]
const LONG_LISTS: &[Place] = &[
    P::Cards, P::Plan, OVERVIEW, SYNC, CLIENTS, INTEGRATION, EVENTS, P::EventPage, P::PaneTickets,
    P::TicketPage, ACTIVITY, P::HelpPage, P::ClientPage,
];

/// The table. Where a key has several meanings in one place, the first that can be meant now is meant.
pub const BINDINGS: &[Binding] = &[
    // Questions.
    row(C::Answer, "accept", &[P::Confirm], "Answer", Help),
    row(C::Yes, "yes", &[P::Confirm], "Yes", Left),
    row(C::ThirdAnswer, "third_answer", &[P::Confirm], "Remove first", Left),
    row(C::No, "no", &[P::Confirm], "No", Left),
    row(C::No, "cancel", &[P::Confirm], "No", Left),
    row(C::OtherAnswer, "next", &[P::Confirm], "Switch", Left),
    row(C::OtherAnswer, "left", &[P::Confirm], "Switch", Left),
    row(C::OtherAnswer, "right", &[P::Confirm], "Switch", Left),
    row(C::OtherAnswer, "previous", &[P::Confirm], "Switch", Left),
    row(C::OtherAnswer, "up", &[P::Confirm], "Switch", Left),
    row(C::OtherAnswer, "down", &[P::Confirm], "Switch", Left),
    // What floats.
    row(C::RunChosen, "accept", &[P::Palette], "Run", Left),
    row(C::CloseCommands, "cancel", &[P::Palette], "Close", Left),
    row(C::CloseCommands, "commands", &[P::Palette], "Close", Left),
    row(C::Agree, "accept", &[P::Typed], "Remove", Left),
    row(C::TakeAgent, "accept", &[P::Chooser], "Select", Left),
    row(C::EscalateNow, "accept", &[P::Escalate], "Escalate", Left),
    row(C::ClosePopup, "cancel", &[P::Chooser, P::HelpPage, P::ClientPage, P::Typed, P::Escalate], "Close", Left),
    row(C::ClosePopup, "accept", &[P::HelpPage, P::ClientPage], "Close", Left),
    row(C::ClosePopup, "help", &[P::HelpPage], "Close", Left),
    row(C::ClosePopup, "quit", &[P::HelpPage, P::ClientPage], "Close", Left),
    // Integrations.
    row(C::OpenCard, "accept", &[P::Cards], "Configure", Left),
    row(C::Search, "search", &[P::Cards, CLIENTS], "Search", Left),
    row(C::Activate, "activate", ACTIVATING, "Activate", Left),
    row(C::Edit, "edit", &[P::Cards], "Edit", Left),
    row(C::DiscardDraft, "discard_draft", &[P::Cards], "Discard draft", Left),
    row(C::Deactivate, "deactivate", &[P::Cards], "Deactivate", Left),
    row(C::Delete, "delete_configuration", &[P::Cards], "Delete configuration", Help),
    row(C::LeaveSearch, "accept", SEARCHES, "Go to list", Left),
    row(C::LeaveSearch, "down", SEARCHES, "Go to list", Left),
    row(C::LeaveSearch, "next", SEARCHES, "Go to list", Left),
    row(C::Back, "cancel", SEARCHES, "Clear", Left),
    row(C::ViewAll, "view_all", &[P::Cards, P::CardSearch], "View All", Left),
    // What runs is stopped with the key that goes back.
    row(C::Stop, "cancel", STOPPING, "Stop", Left),
    // The wizard.
    row(C::TakeFromList, "accept", &[P::FieldList], "Select", Left),
    row(C::NextItem, "next", &[P::FieldList], "Keep as typed", Left),
    row(C::CloseList, "cancel", &[P::FieldList], "Close", Left),
    row(C::EnterField, "accept", &[P::Field], "Continue", Left),
    row(C::EnterField, "accept", &[P::Setting], "Go to Save", Left),
    row(C::ChooseAgent, "accept", &[P::Choice], "Choose", Left),
    row(C::ChooseAgent, "accept", &[P::SettingChoice], "Choose", Left),
    row(C::ChooseAgent, "choose", &[P::Choice, P::SettingChoice], "Choose", Left),
    row(C::ChooseAgent, "choose", &[P::Finished], "Pia Escalate To", Left),
    row(C::EnterField, "accept", &[P::Choice], "Continue", Left),
    row(C::ClearAgent, "clear", &[P::Choice, P::SettingChoice], "Clear", Left),
    row(C::OpenList, "down", &[P::Field], "Choose", Left),
    row(C::TakeBetter, "take_better", &[P::Field, P::Setting], "Use it", Left),
    row(C::MoreFields, "more_fields", &[P::Field, P::Test], "More fields", Help),
    row(C::RefreshLists, "refresh_lists", &[P::Field, P::Choice, P::Setting, P::SettingChoice], "Refresh", Help),
    row(C::Continue, "accept", &[P::Checklist, P::Callbacks, P::Test, P::Finished], "Continue", Left),
    row(C::Test, "accept", &[P::Test], "Test", Left),
    row(C::Test, "test", &[P::Test], "Test", Left),
    row(C::Untested, "untested", &[P::Test], "Continue untested", Left),
    row(C::SyncNow, "accept", &[P::SyncButton], "Sync Now", Left),
    row(C::SyncNow, "sync_now", &[P::SyncButton], "Sync Now", Left),
    row(C::ToField, "accept", &[INTEGRATION, P::Plan, P::InitialSync], "Go to the field", Left),
    row(C::Configure, "accept", &[INTEGRATION], "Configure", Left),
    row(C::ReadPlan, "check_halo", &[INTEGRATION], "Check Halo", Left),
    row(C::Remove, "remove", &[INTEGRATION], "Remove", Left),
    row(C::Rotate, "rotate", &[INTEGRATION], "Rotate callback token and password", Help),
    row(C::RollBack, "roll_back", &[INTEGRATION], "Roll back the last Configure", Help),
    row(C::ForgetSecrets, "forget_secrets", &[INTEGRATION], "Forget the stored secrets", Help),
    row(C::ReadDeliveries, "read_deliveries", &[INTEGRATION], "Deliveries", Left),
    row(C::ProveIt, "prove_it", &[OVERVIEW, INTEGRATION], "Test ticket", Left),
    row(C::Reveal, "reveal", &[P::Callbacks, INTEGRATION], "Reveal", Left),
    row(C::Copy, "copy", &[P::Callbacks, INTEGRATION], "Copy", Left),
    row(C::Save, "accept", &[P::Review], "Save", Left),
    row(C::Save, "save", SETTINGS, "Save", Left),
    row(C::DiscardDraft, "discard_changes", CHANGING, "Discard changes", Left),
    row(C::PageDown, "page_down", SETTINGS, "Next section", Left),
    row(C::PageUp, "page_up", SETTINGS, "Previous section", Help),
    row(C::Continue, "accept", &[P::Review, P::InitialSync], "Continue", Left),
    row(C::SyncNow, "accept", &[P::InitialSync], "Sync Now", Left),
    row(C::SyncNow, "sync_now", &[P::InitialSync], "Sync Now", Left),
    row(C::LookAtClients, "look_at_clients", &[P::InitialSync, P::Finished], "Look at the clients", Left),
    // The plan.
    // A yes of its own: never the next Enter of a row.
    row(C::Apply, "yes", &[P::Plan], "Apply", Left),
    row(C::TakeOver, "take_over", &[P::Plan], "Take over", Left),
    row(C::Continue, "accept", &[P::Plan], "Continue", Left),
    row(C::OpenLine, "accept", &[P::Plan, ACTIVITY], "Open", Left),
    row(C::CloseLine, "accept", &[P::Plan, ACTIVITY], "Close", Left),
    // The plan says their keys beside each part.
    row(C::PartWebhooks, "part_webhooks", &[P::Plan], "Webhooks", Help),
    row(C::PartChatPod, "part_chat_pod", &[P::Plan], "Pia Chat Pod", Help),
    row(C::PartLinks, "part_links", &[P::Plan], "Links", Help),
    row(C::OpenLine, "right", &[P::Plan, ACTIVITY], "Open", Left),
    row(C::CloseLine, "left", &[P::Plan, ACTIVITY], "Close", Left),
    row(C::ReadPlan, "accept", &[P::Plan], "Try again", Left),
    row(C::ReadPlan, "check_halo", &[P::Plan], "Try again", Left),
    row(C::PassOver, "next", &[P::Plan], "Skip", Left),
    // The panes.
    row(C::Mend, "accept", &[OVERVIEW], "Fix", Left),
    row(C::Look, "check_halo", &[OVERVIEW], "Check now", Left),
    row(C::Retry, "retry_issue", &[OVERVIEW], "Try again", Left),
    row(C::Dismiss, "dismiss_issue", &[OVERVIEW], "Dismiss", Left),
    row(C::Details, "accept", &[CLIENTS], "Details", Left),
    row(C::OpenEvent, "accept", &[EVENTS], "Open", Left),
    row(C::OpenTicket, "accept", &[P::PaneTickets], "Open", Left),
    row(C::Escalate, "escalate", WITH_TICKETS, "Escalate", Left),
    row(C::Tickets, "tickets", &[EVENTS, P::PaneTickets], "Tickets", Left),
    row(C::Search, "search", &[EVENTS, ACTIVITY], "Search", Left),
    row(C::Filter, "filter", &[CLIENTS, EVENTS, ACTIVITY], "Filter", Left),
    row(C::SendAgain, "retry_issue", &[EVENTS, P::EventPage], "Send undelivered events again", Help),
    row(C::ReadTickets, "check_halo", &[P::PaneTickets], "Read again", Left),
    row(C::Sort, "sort", &[CLIENTS], "Sort", Left),
    row(C::SyncNow, "sync_now", PANES, "Sync Now", Left),
    row(C::Changes, "accept", &[SYNC], "Changes", Left),
    row(C::Edit, "edit", EDITING, "Edit", Left),
    row(C::InstallService, "install_service", &[OVERVIEW, SYNC, P::Finished], "Install the service", Left),
    row(C::Export, "export", &[CLIENTS], "Export", Left),
    row(C::Pane(Pane::Overview), "pane_overview", PANES_AND_STEPS, "Go to Overview", Help),
    row(C::Pane(Pane::Sync), "pane_sync", PANES_AND_STEPS, "Go to Sync", Help),
    row(C::Pane(Pane::Clients), "pane_clients", PANES_AND_PLAN, "Go to Clients", Help),
    row(C::Pane(Pane::Integration), "pane_integration", PANES_AND_STEPS, "Go to Integration", Help),
    row(C::Pane(Pane::Events), "pane_events", PANES_AND_STEPS, "Go to Events", Help),
    row(C::Pane(Pane::Activity), "pane_activity", PANES_AND_STEPS, "Go to Activity", Help),
    // Moving.
    row(C::NextItem, "next", FORM, "Next field", Left),
    row(C::PreviousItem, "previous", FORM, "Previous", Help),
    row(C::Down, "down", LISTS, "Move", Left),
    row(C::Down, "down", FORM, "Down", Help),
    row(C::Up, "up", LISTS, "Up", Help),
    row(C::Up, "up", FORM, "Up", Help),
    row(C::PageDown, "page_down", LISTS, "A page down", Help),
    row(C::PageDown, "page_down", PAGES, "A page down", Help),
    row(C::PageUp, "page_up", LISTS, "A page up", Help),
    row(C::PageUp, "page_up", PAGES, "A page up", Help),
    row(C::First, "first", LONG_LISTS, "To the first", Help),
    row(C::First, "first", TEXTLESS, "To the first", Help),
    row(C::Last, "last", LONG_LISTS, "To the last", Help),
    row(C::Last, "last", TEXTLESS, "To the last", Help),
    row(C::Back, "cancel", FORM, "Back", Left),
    row(C::Back, "cancel", &[P::Plan], "Back", Left),
    row(C::Back, "cancel", &[P::Cards], "Back", Left),
    row(C::Back, "cancel", PANES, "Back", Left),
    row(C::Integrations, "integrations", SCREENS, "Integrations", Left),
    // Everywhere.
    row(C::Commands, "commands", PANES, "Commands", Right),
    row(C::Commands, "commands", BESIDE_PANES, "Commands", Help),
    row(C::Help, "help", SCREENS, "Help", Right),
    row(C::Quit, "quit", SCREENS, "Quit", Right),
    row(C::Quit, "quit_always", SCREENS, "Quit", Right),
    row(C::Quit, "quit_always", FLOATING, "Quit", Right),
    row(C::Repaint, "repaint", SCREENS, "Redraw", Help),
    row(C::Repaint, "repaint", FLOATING, "Redraw", Help),
    row(C::Suspend, "suspend", SCREENS, "Suspend (fg to return)", Help),
    row(C::Suspend, "suspend", FLOATING, "Suspend (fg to return)", Help),
];

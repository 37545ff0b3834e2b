//! The dialogue without a terminal: a person who answers from a list, and a world that answers by a script.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use ratatui::layout::Size;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::commands::Row;
use super::person::{Heard, Person, Takes};
use super::{Dialogue, Goal, commands};
use crate::app::effect::{Effect, Slot};
use crate::app::form::{FIELDS, FieldId, Form, Kind};
use crate::app::message::{Message, Reply};
use crate::app::offers::offers;
use crate::app::testing::{
    self, CANARY, callbacks, clients, lists, now, overview, plan, results, save_report, saved, standing, status,
    sync_report,
};
use crate::app::{Model, Start, Theme};
use crate::domain::check::CheckReport;
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::FieldInfo;
use crate::domain::plan::{ConfigureReport, ConfigureStatus, Plan};
use crate::domain::status::Overview;
use crate::domain::sync_run::{Brake, SyncReport, SyncStatus};
use crate::keys::{Command, KeyMap, Pane, Place};
use crate::tui::hangup::Exit;
use crate::tui::outside::Replies;
use crate::tui::slots::fake::FakeOutside;

/// Answers each question from a list: which words the question has, and the answer. Leaves at its end.
struct Script {
    answers: VecDeque<(&'static str, String)>,
    heard: Vec<String>,
    asked: Vec<(String, Takes)>,
}

impl Person for Script {
    fn say(&mut self, line: &str) {
        self.heard.push(line.to_owned());
    }

    async fn ask(&mut self, prompt: &str, takes: Takes) -> Heard {
        self.asked.push((prompt.to_owned(), takes));
        // Whoever listens hears all of it.
        let reads_on = prompt.starts_with("Enter shows more");
        if reads_on && self.answers.front().is_some_and(|(words, _)| !prompt.contains(words)) {
            return Heard::Line(Zeroizing::new(String::new()));
        }
        let Some((words, answer)) = self.answers.pop_front() else { return Heard::End(Exit::Quit) };
        // A row by its name: the number that it was read out with.
        let numbered = answer.strip_prefix('=').map(|name| format!(". {name}"));
        let row = numbered.map(|name| {
            let line = self.heard.iter().rev().find(|line| line.ends_with(&name));
            let line = line.unwrap_or_else(|| panic!("no row{name}; heard:\n{}", self.heard.join("\n")));
            line[..line.len() - name.len()].to_owned()
        });
        let answer = row.unwrap_or(answer);
        assert!(prompt.contains(words), "asked {prompt:?} instead of {words:?}; heard:\n{}", self.heard.join("\n"));
        Heard::Line(Zeroizing::new(answer))
    }

    async fn leaves(&mut self) -> Exit {
        std::future::pending().await
    }
}

/// What the world outside answers.
struct World {
    overview: Mutex<Overview>,
    report: Mutex<CheckReport>,
    plan: Mutex<Plan>,
    mass_change: AtomicBool,
    /// Whether the credentials are refused.
    refuses: AtomicBool,
    synced: AtomicBool,
}

impl World {
    fn new(overview: Overview) -> Arc<Self> {
        let report = Mutex::new(testing::passed());
        let (mass_change, synced) = (AtomicBool::new(false), AtomicBool::new(false));
        let plan = Mutex::new(plan());
        let refuses = AtomicBool::new(false);
        Arc::new(Self { overview: Mutex::new(overview), report, plan, mass_change, refuses, synced })
    }

    fn answer(&self, effect: Effect) -> Vec<Reply> {
        let synced = || self.synced.load(Ordering::SeqCst);
        match effect {
            Effect::LoadOverview => vec![Reply::Overview(Ok(self.overview.lock().unwrap().clone()))],
            Effect::Verify(_) => {
                let report = self.report.lock().unwrap().clone();
                let checks = report.checks.iter().cloned().map(Reply::Checked);
                checks.chain([Reply::Verified(Ok(report.clone()))]).collect()
            }
            Effect::Save(_) => {
                *self.overview.lock().unwrap() = overview(vec![saved("acme", "Acme MSP", true, synced(), false)]);
                vec![Reply::Saved(Ok(save_report(true)))]
            }
            Effect::Sync { brake, .. } => {
                if self.refuses.load(Ordering::SeqCst) {
                    let refused = Failure::new(FailureKind::WrongCredentials, "Halo does not accept them");
                    let report = SyncReport { error: Some(refused), ..sync_report(SyncStatus::Failed) };
                    return vec![Reply::Synced(Ok(report))];
                }
                let held = self.mass_change.load(Ordering::SeqCst) && brake == Brake::On;
                self.synced.store(!held, Ordering::SeqCst);
                let end = if held { SyncStatus::NeedsConfirmation } else { SyncStatus::Complete };
                vec![Reply::Synced(Ok(sync_report(end)))]
            }
            Effect::LoadLists(_) => {
                let mut lists = lists();
                lists.read_at = lists.read_at.filter(|_| synced());
                vec![Reply::Lists(Ok(lists))]
            }
            Effect::LoadCallbacks(_) => vec![Reply::Callbacks(Ok(callbacks()))],
            Effect::LoadStatus(_) => {
                let configured = self
                    .overview
                    .lock()
                    .unwrap()
                    .configurations
                    .iter()
                    .any(|saved| saved.status.steps.configure == crate::domain::status::StepState::Done);
                vec![Reply::Status(Ok(standing(status("Acme MSP", true, synced(), configured))))]
            }
            Effect::Look(_) => vec![Reply::Looked(Ok(None))],
            Effect::LoadEvents(_) => vec![testing::events::recent(testing::events::events())],
            Effect::LoadClients(_) => vec![Reply::Clients(Ok(clients().into()))],
            Effect::LoadPlan(_) => vec![Reply::Planned(Ok(Ok(self.plan.lock().unwrap().clone())))],
            Effect::TakingOver(effect) => self.answer(*effect),
            Effect::Configure(_, plan) => {
                let results = results(&plan);
                let status = ConfigureStatus::Configured;
                let message = "Webhook install was successful".to_owned();
                let report = ConfigureReport {
                    status,
                    results: results.clone(),
                    message,
                    refusal: None,
                    warnings: Vec::new(),
                    cause: None,
                };
                results.into_iter().map(Reply::Applied).chain([Reply::Configured(Ok(report))]).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What came of a dialogue.
struct Talk {
    exit: Exit,
    heard: Vec<String>,
    asked: Vec<(String, Takes)>,
    effects: Vec<Effect>,
}

impl Talk {
    fn said(&self, words: &str) -> bool {
        self.heard.iter().any(|line| line.contains(words))
    }

    #[track_caller]
    fn says(&self, words: &str) {
        assert!(self.said(words), "{words:?} was not said:\n{}", self.heard.join("\n"));
    }

    /// The draft as it was kept last.
    fn draft(&self) -> Draft {
        let drafts = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::SaveDraft(draft) => Some((**draft).clone()),
            _ => None,
        });
        drafts.expect("a draft is kept")
    }
}

async fn talk(world: &Arc<World>, goal: Goal, answers: &[(&'static str, &str)]) -> Talk {
    let scripted = Arc::clone(world);
    let outside = FakeOutside::new(move |effect, replies: Replies, _: CancellationToken| {
        let world = Arc::clone(&scripted);
        async move {
            for reply in world.answer(effect) {
                replies.send(reply);
            }
        }
    });
    let zone = TimeZone::get("Australia/Brisbane").unwrap();
    let size = Size { width: 80, height: 24 };
    let start = Start {
        size,
        zone,
        theme: Theme::default(),
        demo: false,
        systemd: true,
        prefill: Draft::default(),
        keys: KeyMap::default(),
        tip: None,
    };
    let (model, effects) = Model::new(start);
    let answers = answers.iter().map(|(words, answer)| (*words, (*answer).to_owned())).collect();
    let person = Script { answers, heard: Vec::new(), asked: Vec::new() };
    let mut dialogue = Dialogue::new(person, model, outside.clone(), now);
    let exit = dialogue.run(goal, effects).await;
    let effects = outside.asked.lock().unwrap().clone();
    let Script { heard, asked, answers } = dialogue.person;
    assert!(answers.is_empty(), "never asked for {answers:?}; heard:\n{}", heard.join("\n"));
    Talk { exit, heard, asked, effects }
}

const ID: &str = "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f";

/// From nothing to the test.
fn credentials() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Enter when", ""),
        ("Configuration Name", "Acme MSP"),
        ("Url", "https://acme.halopsa.com/api/"),
        ("Client ID", ID),
        ("Client Secret", CANARY),
    ]
}

/// The draft as the first answer makes it.
fn first_answer() -> Draft {
    Draft { step: Step::Credentials, ..Draft::default() }.with(FieldId::Name, "Acme MSP")
}

/// The same up to the review.
fn to_review() -> Vec<(&'static str, &'static str)> {
    let rest = [
        ("Daily Sync Time", "00:45"),
        ("Pia Board", ""),
        ("Pia Escalation Board", "2"),
        ("Pia Url", "pia.acme.example"),
        ("Chat Pod Url", ""),
    ];
    [credentials(), rest.to_vec()].concat()
}

/// The same up to the plan.
fn to_plan() -> Vec<(&'static str, &'static str)> {
    [to_review(), vec![("Save?", ""), ("Enter is Sync Now", ""), ("Pia Escalate To", "ang"), ("Enter takes", "")]]
        .concat()
}

#[tokio::test(start_paused = true)]
async fn questions_lead_from_nothing_to_end_in_order_of_fields() {
    let answers = [to_plan(), vec![("Apply this plan", "y")]].concat();
    let world = World::new(Overview::default());
    let talk = talk(&world, Goal::SetUp(None), &answers).await;
    assert_eq!(talk.exit, Exit::Quit);
    let asks = |info: &&FieldInfo| info.id.is_text() && !info.id.is_rare() && !info.id.is_advanced();
    let order: Vec<&str> = FIELDS.iter().filter(asks).map(|info| info.label).collect();
    let asked: Vec<&str> = talk
        .asked
        .iter()
        .filter_map(|(prompt, _)| {
            order.iter().copied().filter(|label| prompt.starts_with(label)).max_by_key(|l| l.len())
        })
        .collect();
    assert_eq!(asked, order);
    for words in [
        "Step 1 of 7: API Credentials.",
        "Understood as https://acme.halopsa.com, /api is not needed",
        "73 characters",
        "Clients: passed, 237 clients",
        "00:45 UTC. That is 10:45 in Australia/Brisbane (+10:00).",
        "9. Pia Escalation Board: Pia Escalations",
        "Halo says 237, stored 237.",
        "Pia Escalate To: Ångström Björk.",
        "Saved. Changed: Configuration Name",
        "Webhook install was successful",
        "You have finished setting up your Halo PSA integration.",
    ] {
        talk.says(words);
    }
    let saves: Vec<_> = talk.effects.iter().filter(|effect| matches!(effect, Effect::Save(_))).collect();
    assert_eq!(saves.len(), 2, "the answers, and then the contact");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_plain_text_without_keys_or_secrets() {
    let world = World::new(Overview::default());
    let answers = [to_plan(), vec![("Apply this plan", "d"), ("Apply this plan", "y")]].concat();
    let menu = ["2", "", "<", "4", "5", "", "6", "10", "?"].map(|answer| ("", answer));
    let all = [answers, menu.to_vec()].concat();
    let talk = talk(&world, Goal::Everything, &all).await;
    assert!(talk.asked.iter().any(|(prompt, _)| prompt.starts_with("Search")));
    talk.says("evil");
    talk.says("5 events are kept, the newest first.");
    talk.says("ticket 33478, Northwind Traders, on the Pia Board");
    for line in talk.heard.iter().chain(talk.asked.iter().map(|(prompt, _)| prompt)) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        for sign in ["✓", "✗", "▸", "→", "•", "·", "Ctrl-", "^C", " is s.", CANARY] {
            assert!(!line.contains(sign), "{sign} in {line:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn back_goes_one_question_back_and_keeps_what_was_answered() {
    let answers = [
        ("Enter when", ""),
        ("Configuration Name", "Acme MSP"),
        ("Url", "acme.halopsa.com"),
        ("Client ID", "<"),
        ("Url (Enter keeps acme.halopsa.com)", "back"),
        ("Configuration Name (Enter keeps Acme MSP)", "<"),
        ("Enter when", ""),
        // On to what is still needed; what was answered is said.
        ("Client ID", "<"),
        ("Url (Enter keeps acme.halopsa.com)", "<"),
        ("Configuration Name (Enter keeps Acme MSP)", "Acme Ltd"),
        ("Url (Enter keeps acme.halopsa.com)", ""),
        ("Client ID", ID),
        ("Client Secret", CANARY),
        ("Daily Sync Time", "<"),
        ("Client Secret (not shown while you type, Enter keeps the 73 characters", ""),
        ("Daily Sync Time", ""),
        ("Pia Board", ""),
        // Pia Escalate To asks for nothing before the first sync: it is passed over backwards, too.
        ("Pia Escalation Board", "<"),
        ("Pia Board", "q"),
        ("Quit now?", "y"),
    ];
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &answers).await;
    assert_eq!(talk.exit, Exit::Quit);
    let draft = talk.draft();
    assert_eq!(
        (draft.name(), draft.text(FieldId::Url), draft.text(FieldId::ClientId)),
        ("Acme Ltd", "acme.halopsa.com", ID)
    );
    assert_eq!((draft.step, draft.secret_entered), (Step::PiaScreen, true));
    // Kept with each answer: a killed program loses one at most.
    let kept = |wanted: &Draft| talk.effects.contains(&Effect::SaveDraft(Box::new(wanted.clone())));
    assert!(kept(&first_answer()));
    talk.says(crate::app::wizard::KEPT);
}

/// One rule, one text: whatever the form refuses is refused here, in its words.
#[tokio::test(start_paused = true)]
async fn what_is_refused_is_refused_in_words_of_form() {
    let wrong = [
        (
            FieldId::Url,
            vec!["acme", "http://acme.halopsa.com", "https://user:pw@acme.halopsa.com", "https://2130706433"],
        ),
        (FieldId::ClientId, vec!["-"]),
        (FieldId::ClientSecret, vec![""]),
        (FieldId::DailySyncTime, vec!["4:5", "25:00", "12:60", "noon", "-"]),
        (FieldId::PiaBoard, vec!["-"]),
        (FieldId::PiaUrl, vec!["http://pia.acme.example", "https://u:p@pia.acme.example"]),
        (FieldId::ChatPodUrl, vec!["pia.acme.example/pod", "https://pia.acme.example/pod"]),
    ];
    let mut answers = Vec::new();
    let mut words = Vec::new();
    for (question, right) in to_review() {
        for (field, texts) in wrong.iter().filter(|(field, _)| field.info().label == question) {
            for text in texts {
                answers.push((question, *text));
                let mut form = Form::new();
                if field.info().kind != Kind::Secret {
                    form.set(*field, if *text == "-" { "" } else { text });
                }
                words.push(form.error(*field, false).unwrap_or_else(|| panic!("{text} is not refused")));
            }
        }
        answers.push((question, right));
    }
    assert_eq!(words.len(), 16);
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &answers).await;
    for error in words {
        talk.says(&format!("Not accepted: {error}"));
    }
    // What the form would take instead is offered.
    assert!(talk.asked.iter().any(|(prompt, _)| prompt.contains("Enter takes https://acme.halopsa.com")));
    assert!(talk.asked.iter().any(|(prompt, _)| prompt.contains("Enter takes 04:05")));
}

#[tokio::test(start_paused = true)]
async fn question_mark_explains_and_backslash_gives_sign_itself() {
    let start = [
        ("Enter when", ""),
        ("Configuration Name", "?"),
        ("Configuration Name", "\\q"),
        ("Url", "\u{1b}[A"),
        ("Url", "<"),
    ];
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &start).await;
    talk.says(FieldId::Name.info().more);
    talk.says("keys that are not text");
    assert_eq!((talk.draft().name(), talk.draft().text(FieldId::Url)), ("q", ""));
}

#[tokio::test(start_paused = true)]
async fn team_is_taken_by_its_number_and_any_name_can_be_typed() {
    let rest = [
        ("Daily Sync Time", ""),
        ("Pia Board", "3"),
        ("Pia Escalation Board", "\\2"),
        ("Keep \"2\"", "y"),
        ("Pia Url", "<"),
    ];
    let answers = [credentials(), rest.to_vec()].concat();
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &answers).await;
    talk.says("3. Service Desk");
    assert!(!talk.said("Old board"), "an inactive team is not suggested");
    talk.says("Warning: no team \"2\" is visible to this agent");
    let draft = talk.draft();
    assert_eq!((draft.text(FieldId::PiaBoard), draft.text(FieldId::EscalationBoard)), ("Service Desk", "2"));
}

/// S8: not on without a passed test, or an explicit yes to going on untested.
#[tokio::test(start_paused = true)]
async fn failed_test_goes_on_only_after_yes_as_not_verified() {
    let world = World::new(Overview::default());
    *world.report.lock().unwrap() = testing::failed();
    let rest = [
        ("What now?", "6"),
        ("Continue without a passed test?", "n"),
        ("What now?", "4"),
        ("Client ID", ""),
        ("Client Secret", ""),
        ("What now?", "6"),
        ("Continue without a passed test?", "y"),
        ("Daily Sync Time", ""),
        ("Pia Board", ""),
        ("Pia Escalation Board", ""),
        ("Pia Url", ""),
        ("Chat Pod Url", ""),
        ("The credentials are not verified. Save?", "q"),
        ("Quit now?", "y"),
    ];
    let talk = talk(&world, Goal::Everything, &[credentials(), rest.to_vec()].concat()).await;
    talk.says("Webhooks: failed, Halo refused: \"You do not have permission\" (403)");
    talk.says("Give the agent the Administrator role");
    talk.says("Nothing has been saved.");
    assert!(!talk.effects.iter().any(|effect| matches!(effect, Effect::Save(_))));
}

#[tokio::test(start_paused = true)]
async fn changed_credentials_are_tested_before_they_are_saved() {
    let answers =
        [to_review(), vec![("Save?", "3"), ("Client ID", "another"), ("Save?", ""), ("Enter is Sync Now", "<")]]
            .concat();
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &answers).await;
    talk.says("The credentials changed");
    let order: Vec<&Effect> =
        talk.effects.iter().filter(|effect| matches!(effect, Effect::Verify(_) | Effect::Save(_))).collect();
    let [Effect::Verify(_), Effect::Verify(tested), Effect::Save(saved)] = order.as_slice() else {
        panic!("{order:?}")
    };
    assert_eq!(
        (&*tested.api.client_id, &*saved.configuration.api.client_id, saved.verified),
        ("another", "another", true)
    );
}

#[tokio::test(start_paused = true)]
async fn mass_change_waits_for_yes() {
    for (answer, syncs) in [("", vec![Brake::On]), ("y", vec![Brake::On, Brake::UpTo(61)])] {
        let world = World::new(Overview::default());
        world.mass_change.store(true, Ordering::SeqCst);
        let answers = [to_review(), vec![("Save?", ""), ("Enter is Sync Now", ""), ("clients?", answer)]].concat();
        let talk = talk(&world, Goal::Everything, &answers).await;
        let ran: Vec<Brake> = talk
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Sync { brake, .. } => Some(*brake),
                _ => None,
            })
            .collect();
        assert_eq!(ran, syncs, "{}", talk.heard.join("\n"));
        talk.says("Halo sent 2 clients twice.");
    }
}

/// A first sync that Halo refuses for the credentials leads back to them with Enter.
#[tokio::test(start_paused = true)]
async fn refused_first_sync_leads_to_credentials() {
    let world = World::new(Overview::default());
    world.refuses.store(true, Ordering::SeqCst);
    let rest = vec![("Save?", ""), ("Enter is Sync Now", ""), ("Enter goes to the credentials", "")];
    let talk = talk(&world, Goal::Everything, &[to_review(), rest].concat()).await;
    talk.says("The first sync needs credentials that Halo accepts.");
    let syncs = talk.effects.iter().filter(|effect| matches!(effect, Effect::Sync { .. })).count();
    assert_eq!(syncs, 1, "it was not tried again with the same");
    let (last, _) = talk.asked.last().unwrap();
    assert!(!last.contains("Sync Now"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_applied_without_yes_to_plan_that_was_read() {
    let rest = [("Apply this plan", "d"), ("Apply this plan", ""), ("Apply this plan", "n"), ("Apply this plan", "q")];
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &[to_plan(), rest.to_vec()].concat()).await;
    talk.says("Create webhook Pia - Ticket Created, missing in Halo");
    talk.says("url: https://old.acme.example/hook becomes https://pia.acme.example");
    talk.says("Not applied; nothing was written.");
    assert!(!talk.effects.iter().any(|effect| matches!(effect, Effect::Configure(..))));
}

/// What another machine owns is taken over by a yes to the plan and that one's name, and not by the yes alone.
#[tokio::test(start_paused = true)]
async fn yes_to_plan_of_another_machine_wants_its_name() {
    let yes = ("Apply this plan", "y");
    let rest = [yes, ("Type \"jump1\"", "y"), yes, ("Type \"jump1\"", ""), yes, ("Type \"jump1\"", "jump1")];
    let world = World::new(Overview::default());
    *world.plan.lock().unwrap() = testing::theirs(plan());
    let talk = talk(&world, Goal::Everything, &[to_plan(), rest.to_vec()].concat()).await;
    talk.says("This configuration belongs to jump1 (dana, since 2026-11-20 12:00 UTC).");
    talk.says("If you take it over, this machine repairs it and receives its events, and jump1 stops.");
    talk.says("Webhook install was successful");
    let written = |effect: &&Effect| matches!(effect, Effect::TakingOver(_) | Effect::Configure(..));
    let written: Vec<&Effect> = talk.effects.iter().filter(written).collect();
    assert!(matches!(written.as_slice(), [Effect::TakingOver(_)]), "{written:?}");
}

/// What was typed before a decision was asked for is no answer to it; a secret is not shown.
#[tokio::test(start_paused = true)]
async fn decisions_and_secrets_are_asked_for_as_such() {
    let talk = talk(&World::new(Overview::default()), Goal::Everything, &to_plan()).await;
    for (words, takes) in [
        ("Client Secret", Takes::Secret),
        ("Save?", Takes::Decision),
        ("Enter is Sync Now", Takes::Decision),
        ("Apply this plan", Takes::Decision),
        ("Url", Takes::Text),
    ] {
        let asked = talk.asked.iter().find(|(prompt, _)| prompt.starts_with(words));
        assert_eq!(asked.map(|(_, takes)| *takes), Some(takes), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn draft_is_offered_first_and_goes_on_where_it_was_left() {
    let draft = testing::draft(Step::Credentials);
    let found = Overview { draft: Some(draft), ..Overview::default() };
    let answers = [("continue?", ""), ("Client Secret", CANARY), ("Daily Sync Time", "q"), ("Quit now?", "")];
    let talk = talk(&World::new(found), Goal::SetUp(None), &answers).await;
    talk.says("Acme MSP, at the step API Credentials");
    talk.says(crate::app::wizard::SECRET_LOST);
    // What is passed over is said.
    talk.says("Client ID: 0d0c6d1c");
}

#[tokio::test(start_paused = true)]
async fn draft_stays_where_another_configuration_is_wanted() {
    let found = Overview { draft: Some(testing::draft(Step::Credentials)), ..testing::finished() };
    let world = World::new(found);
    world.synced.store(true, Ordering::SeqCst);
    let answers = [
        ("Your choice", "7"),
        ("Your choice", "9"),
        ("Your choice", "2"),
        ("The draft", "2"),
        ("Discard the draft", "y"),
    ];
    let talk = talk(&world, Goal::Everything, &answers).await;
    talk.says("There is already a draft of Acme MSP. Continue it or discard it first.");
    talk.says("Halo PSA, Acme MSP, acme.halopsa.com, draft");
    assert!(talk.effects.contains(&Effect::DiscardDraft));
}

/// Whatever the panes offer and is more than a movement can be chosen; what they refuse is not listed.
#[test]
fn every_command_of_panes_is_in_menu_or_among_others() {
    let mut with_events = testing::in_panes();
    with_events.send(Message::Do(Command::Pane(Pane::Events)));
    with_events.reply(testing::events::recent(testing::events::events()));
    let trial = saved("trial", "Acme trial", false, true, true);
    let mut inactive = testing::Stage::with(overview(vec![saved("acme", "Acme MSP", true, true, true), trial]));
    inactive.keys("^O Down Enter");
    let mut stopped = testing::in_panes();
    let mut without_service = status("Acme MSP", true, true, true);
    without_service.service.running = false;
    stopped.reply(Reply::Status(Ok(standing(without_service))));
    let mut reached = std::collections::BTreeSet::new();
    for stage in [testing::in_panes(), with_events, inactive, stopped] {
        let offered = commands::offered(&stage.model);
        let (rows, more) = commands::rows(&offered);
        for pane in Pane::ALL {
            for offer in offers(&stage.model, Place::Pane(pane)) {
                let command = offer.command();
                let name = offer.title();
                let listed = rows.contains(&Row::Do(command)) || commands::find(&more, command).is_some();
                if commands::is_of_screen(command) || commands::is_read_elsewhere(command, pane) {
                    continue;
                }
                let can = Pane::ALL.iter().any(|pane| {
                    let offers = offers(&stage.model, Place::Pane(*pane));
                    offers.iter().any(|other| other.command() == command && other.refused.is_none())
                });
                assert_eq!(listed, can, "{name} of {}", pane.title());
                reached.extend(listed.then_some(command));
            }
        }
    }
    use Command::{Activate, Details, Export, ForgetSecrets, Look, OpenEvent};
    for command in [Activate, Details, Export, ForgetSecrets, Look, OpenEvent] {
        assert!(reached.contains(&command), "{command:?}");
    }
}

/// What has no dialogue of its own is done as its key does it.
#[tokio::test(start_paused = true)]
async fn other_commands_are_done_as_their_keys_do_them() {
    let world = World::new(testing::finished());
    world.synced.store(true, Ordering::SeqCst);
    let others = ("Your choice", "=Other commands");
    let which = "Which command";
    let answers = [
        ("Your choice", "=Check now"),
        others,
        (which, "=Export (Clients)"),
        ("File (Enter takes", "mine.csv"),
        others,
        (which, "=Read a client (Clients)"),
        ("Which one", "1"),
        others,
        (which, "=Read what a sync changed (Sync)"),
        ("Which one", "1"),
        ("Your choice", "=Events"),
        others,
        (which, "=Read an event (Events)"),
        ("Which one", "1"),
        others,
        (which, "=Find what was done (Activity)"),
        ("Search", "nobody-wrote-this"),
        ("Your choice", "=Quit"),
    ];
    let talk = talk(&world, Goal::Everything, &answers).await;
    talk.says("Checked just now.");
    talk.says("Halo's id: ");
    talk.says("Group: Pia - Ticket ");
    talk.says("Nothing matches.");
    for wanted in [Slot::Look, Slot::Export, Slot::Changes, Slot::Event] {
        assert!(talk.effects.iter().any(|effect| effect.slot() == Some(wanted)), "{wanted:?}");
    }
    let file = talk.effects.iter().find_map(|effect| match effect {
        Effect::Export(export) => Some(export.file.as_str()),
        _ => None,
    });
    assert_eq!(file, Some("mine.csv"));
}

#[tokio::test(start_paused = true)]
async fn menu_edits_one_answer_and_saves_it() {
    let world = World::new(testing::finished());
    world.synced.store(true, Ordering::SeqCst);
    let answers = [("Your choice", "7"), ("Save?", "9"), ("Daily Sync Time", "05:15"), ("Save?", "")];
    let talk = talk(&world, Goal::Everything, &answers).await;
    let saved = talk.effects.iter().find_map(|effect| match effect {
        Effect::Save(request) => Some(request.configuration.company_sync.daily_sync_time.to_string()),
        _ => None,
    });
    assert_eq!(saved.as_deref(), Some("05:15"));
}

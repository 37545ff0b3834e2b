//! The shell: one message at a time, what it changes and what it asks of the world outside; what works everywhere, and
//! where the screens ask to be led.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};

use crate::domain::draft::Step;
use crate::domain::sync_run::Brake;

use super::controls::{Move, TextInput};
use super::dispatch;
use super::effect::{Effect, Slot};
use super::form::{FieldId, Pasted};
use super::go::Go;
use super::help;
use super::integrations;
use super::jobs::state::{EscalateWork, Goal};
use super::jobs::{escalate, health, plan, prove, removal, sync};
use super::keymap::{self, Command, Pane, Place};
use super::meaning::{Meaning, is_held_back, meaning, meaning_of};
use super::message::Message;
use super::model::{Model, Screen};
use super::notice::{Holds, Notice, Tone};
use super::offers::everything;
use super::palette::{self, Palette};
use super::panes::{self, events};
use super::popup::{About, Answer, Ask, Confirm, Help, Popup, help_columns};
use super::replies;
use super::service;
use super::wizard::state::{Item, Test};
use super::wizard::{self, credentials, initial_sync, review};

/// Takes one message. What it answers is to be done outside; the model says whether it has to be drawn.
pub fn update(model: &mut Model, message: Message, now: Timestamp) -> Vec<Effect> {
    let before = model.now;
    // What changes with time is said as of the last message.
    let passed = moments(model).any(|moment| before < moment && moment <= now);
    model.now = now;
    if passed {
        model.touch();
    }
    let focus = model.wizard.as_ref().map(|wizard| wizard.focus);
    let mut effects = match message {
        Message::Key(event) => key(model, event),
        Message::Burst(text) => burst(model, text.expose()),
        Message::QuickEnter => quick_enter(model),
        Message::Paste(text) => {
            if model.notice.take_if(|notice| notice.while_so == Some(Holds::PasteOpen)).is_some() {
                model.touch();
            }
            type_in(model, TextInput::Paste(text.expose()))
        }
        Message::PasteOpen => {
            let words = "A paste has no end yet, and each key is taken for a part of it. Ctrl-C ends it.";
            model.say_while(Holds::PasteOpen, Tone::Warn, words);
            Vec::new()
        }
        Message::Resize(size) => {
            if model.size != size {
                model.size = size;
                model.touch();
            }
            Vec::new()
        }
        Message::Do(command) => order(model, command),
        Message::Go(go) => model.go(go),
        Message::Focus(item) => {
            wizard::set_focus(model, item);
            Vec::new()
        }
        Message::Answer(field, text) => wizard::answer(model, field, text.expose()),
        Message::Read(slot) => read(model, slot),
        Message::Reply(reply) => replies::take(model, *reply),
        Message::Wake => {
            wake(model);
            Vec::new()
        }
        Message::Leave => quit(model),
    };
    effects.extend(follow(model));
    keep_what_was_left(model, focus, &mut effects);
    effects.splice(0..0, removal::leave(model));
    effects.extend(events::watch(model));
    let is_over = model.notice.as_ref().is_some_and(|notice| !still_holds(model, notice));
    if is_over {
        model.notice = None;
        model.touch();
    }
    if model.is_dirty() {
        settle(model);
    }
    effects
}

// A notice about something that goes on goes with it: with the state that it speaks of, and with the screen.
fn still_holds(model: &Model, notice: &Notice) -> bool {
    match notice.while_so {
        // The paste itself ends this one.
        None | Some(Holds::PasteOpen) => true,
        Some(Holds::Refused(place, command)) => {
            let is_refused =
                matches!(meaning_of(model, place, command), Meaning::Refused(why, _) if why == notice.text);
            is_refused && keymap::place(model) == place
        }
        Some(Holds::Held) => model.work.held.is_some(),
        Some(Holds::Saves) => model.wizard.as_ref().is_some_and(|wizard| wizard.saves),
    }
}

// What was typed is kept once its field is left, so that a killed program loses one field at most.
fn keep_what_was_left(model: &mut Model, before: Option<Item>, effects: &mut Vec<Effect>) {
    let Some((before, wizard)) = before.zip(model.wizard.as_ref()) else { return };
    let decided = effects.iter().any(|effect| matches!(effect.slot(), Some(Slot::Draft | Slot::Save)));
    if wizard.focus == before || decided || model.overview.draft.as_ref() == Some(&wizard.draft()) {
        return;
    }
    effects.extend(model.keep_draft());
}

/// When time has to be told: while something runs, by the second; while a notice stands, until it goes. Idle: never.
pub fn next_wake(model: &Model, now: Timestamp) -> Option<Timestamp> {
    let second = |since: Timestamp| {
        let whole = now.duration_since(since).as_secs().max(-1) + 1;
        since.checked_add(SignedDuration::from_secs(whole)).unwrap_or(Timestamp::MAX)
    };
    let test = model.wizard.as_ref().and_then(|wizard| match wizard.test {
        Test::Running { since, .. } => Some(since),
        _ => None,
    });
    let running = model.work.running_since().chain(test).map(second);
    let moments = moments(model).filter(|moment| *moment > model.now).map(|moment| moment.max(now));
    running.chain(model.notice.as_ref().map(|notice| notice.until.max(now))).chain(moments).min()
}

// The moments at which what is shown becomes something else by itself: the token expires, the plan can be applied.
fn moments(model: &Model) -> impl Iterator<Item = Timestamp> + use<> {
    let wizard =
        model.wizard.as_ref().filter(|wizard| model.screen == Screen::Wizard && wizard.step == Step::Credentials);
    let token = wizard.and_then(|wizard| wizard.test.report()).and_then(|report| report.token_valid_until);
    let reading = escalate::accepts_from(model);
    token.into_iter().chain(plan::accepts_from(model)).chain(reading).chain(service::moments(model))
}

// Time itself: only what runs is shown by the second.
fn wake(model: &mut Model) {
    if model.notice.as_ref().is_some_and(|notice| notice.until <= model.now) {
        model.notice = None;
        model.touch();
    }
    let testing = model.wizard.as_ref().is_some_and(|wizard| wizard.test.is_running());
    if testing || model.work.running_since().next().is_some() {
        model.touch();
    }
}

// Places everything anew after a change.
fn settle(model: &mut Model) {
    model.place_all();
    dispatch::settle(model, keymap::base(model));
    plan::note_shown(model, false);
    let below = keymap::below(model);
    if model.palette.is_some() {
        let (offers, height) = (everything(model, below), palette::height(&model.layout));
        if let Some(palette) = &mut model.palette {
            palette.settle(below, offers, height);
        }
    }
    if let Some(Popup::Help(_)) = model.popup {
        // The help is about what is below it.
        let popup = model.popup.take();
        let lines = help::lines(model, help_columns(model.size));
        model.popup = popup;
        if let Some(Popup::Help(help)) = &mut model.popup {
            help.lines = lines;
        }
    }
    dispatch::settle(model, below);
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if model.layout.too_small && !matches!(meaning(model, event), Meaning::Do(Command::Quit | Command::Suspend)) {
        return Vec::new();
    }
    if is_held_back(model, event) {
        if plan::is_unread(model) {
            // The key is still held down: the time to read the plan begins when it is let go.
            plan::note_shown(model, true);
            plan::say_too_soon(model);
        }
        return Vec::new();
    }
    let said = model.notice.take();
    let (mut effects, meaning) = match meaning(model, event) {
        // From here on it is as if its own key had been pressed.
        Meaning::Do(Command::RunChosen) => take_chosen(model),
        meaning => (Vec::new(), meaning),
    };
    effects.extend(match meaning {
        // A letter stays in the list: in the search line above it, the next one would be text.
        Meaning::Do(Command::Up) if is_letter(event) && is_below_search(model) => Vec::new(),
        Meaning::Do(command) => run(model, command),
        Meaning::Refused(reason, command) => {
            model.say_while(Holds::Refused(keymap::place(model), command), Tone::Calm, reason);
            Vec::new()
        }
        Meaning::Nothing => dispatch::typed(model, keymap::place(model), TextInput::Key(event)).unwrap_or_default(),
    });
    if said.is_some() && model.notice.is_none() {
        if model.is_dirty() || model.next.is_some() {
            return effects;
        }
        // A key that means nothing takes nothing away.
        model.notice = said;
    }
    effects
}

fn is_letter(event: KeyEvent) -> bool {
    matches!(event.code, KeyCode::Char(_)) && !event.modifiers.contains(KeyModifiers::CONTROL)
}

fn is_below_search(model: &Model) -> bool {
    keymap::place(model) == Place::Cards && model.integrations.window.selected == 0
}

// A command that no key stands for: it is a decision of its own, behind what was read.
fn order(model: &mut Model, command: Command) -> Vec<Effect> {
    plan::note_read(model);
    escalate::note_read(model);
    match meaning_of(model, keymap::place(model), command) {
        Meaning::Do(command) => run(model, command),
        Meaning::Refused(reason, command) => {
            model.say_while(Holds::Refused(keymap::place(model), command), Tone::Calm, reason);
            Vec::new()
        }
        Meaning::Nothing => Vec::new(),
    }
}

// Asks once more for what a slot reads of the open configuration, where that is read and not done.
fn read(model: &Model, slot: Slot) -> Vec<Effect> {
    let Some(id) = model.current.clone() else { return Vec::new() };
    match slot {
        Slot::Status => vec![Effect::LoadStatus(id)],
        Slot::Callbacks => vec![Effect::LoadCallbacks(id)],
        Slot::Watch => vec![Effect::LoadEvents(id)],
        _ => Vec::new(),
    }
}

// Closes the commands, leads to where the chosen one is done, and says what it means: what its own key would mean.
fn take_chosen(model: &mut Model) -> (Vec<Effect>, Meaning) {
    let palette = model.palette.take();
    model.touch();
    let Some((palette, command)) = palette.as_ref().and_then(|palette| Some((palette, palette.chosen?))) else {
        return (Vec::new(), Meaning::Nothing);
    };
    let elsewhere = palette.offers.iter().find(|offer| offer.command() == command).and_then(|offer| offer.elsewhere);
    let effects = elsewhere.map(|page| lead_to(model, page)).unwrap_or_default();
    (effects, meaning_of(model, keymap::place(model), command))
}

// To a page, from anywhere; what is typed on the way is kept.
fn lead_to(model: &mut Model, page: Place) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut go = |model: &mut Model, to| {
        model.next = Some(to);
        effects.extend(follow(model));
    };
    if model.screen == Screen::Wizard {
        go(model, Go::Leave);
    }
    match page {
        Place::Pane(pane) => {
            go(model, Go::Panes);
            go(model, Go::Pane(pane));
        }
        _ if model.screen != Screen::Integrations => go(model, Go::Overview),
        _ => {}
    }
    effects
}

// To Configure by its name, where no pane leads to it: the step of the set-up, or the pane of the active configuration.
fn to_configure(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Integrations => {
            let Some(active) = model.active().map(|saved| saved.id.clone()) else { return Vec::new() };
            let mut effects = model.open(&active);
            effects.extend(lead_to(model, Place::Pane(Pane::Integration)));
            effects.extend(dispatch::on(model, Place::Pane(Pane::Integration), Command::Configure));
            effects
        }
        Screen::Panes if model.wizard.is_none() => {
            dispatch::on(model, Place::Pane(Pane::Integration), Command::Configure)
        }
        Screen::Starting | Screen::Panes | Screen::Wizard => wizard::configure(model),
    }
}

// Does a command: what works everywhere here, the rest where the keys go.
fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    let place = keymap::place(model);
    match command {
        Command::Quit => return ask_to_quit(model),
        Command::Suspend => return vec![Effect::Suspend],
        Command::Repaint => {
            model.touch();
            return vec![Effect::Repaint];
        }
        Command::Help => {
            let lines = help::lines(model, help_columns(model.size));
            model.popup = Some(Popup::Help(Help { lines, first: 0 }));
            model.touch();
        }
        Command::Commands => {
            let on_card = model.popup.is_none() && model.screen == Screen::Integrations;
            let before = model.current.clone();
            let effects = if on_card { integrations::open_for_commands(model) } else { Vec::new() };
            let below = keymap::below(model);
            let mut palette = Palette::new(below, everything(model, below), palette::height(&model.layout));
            palette.turned_from = (model.current != before).then_some(before);
            model.palette = Some(palette);
            model.touch();
            return effects;
        }
        Command::Integrations => return to_integrations(model),
        Command::InstallService => return vec![Effect::LoadInstallation],
        Command::Configure if place != Place::Pane(Pane::Integration) => return to_configure(model),
        Command::Setting(field) => return wizard::setting(model, field),
        Command::CommandLine(at) => return model.copy_command(at),
        command => match Move::of(command) {
            Some(to) => dispatch::moved(model, place, to),
            None => return dispatch::on(model, place, command),
        },
    }
    Vec::new()
}

// A paste that the terminal has marked.
fn type_in(model: &mut Model, text: TextInput<'_>) -> Vec<Effect> {
    dispatch::typed(model, keymap::place(model), text).unwrap_or_else(|| {
        model.say(Tone::Calm, "There is no field to paste into here.");
        Vec::new()
    })
}

/// Written where the cursor stands, as keys are; the first newline ends it and submits nothing. Where no text is taken,
/// nothing that has_effects is done by it: a word that was pasted into the wrong window is no row of commands.
fn burst(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let code = match character {
            '\n' => {
                if !characters.as_str().trim().is_empty() {
                    let words = Pasted::FirstLine.words(FieldId::Name).unwrap_or_default();
                    model.say(Tone::Warn, words);
                }
                break;
            }
            '\t' => KeyCode::Tab,
            character => KeyCode::Char(character),
        };
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        if let Meaning::Do(command) = meaning(model, event)
            && has_effects(command)
        {
            model.say(Tone::Warn, "Ignored several keys that arrived at once, like a paste.");
            break;
        }
        effects.extend(key(model, event));
        effects.extend(follow(model));
    }
    effects
}

// An Enter at the heels of quick characters. It goes on as any other, but agrees to nothing that a word was typed for: that
// may have been pasted with its newline.
fn quick_enter(model: &mut Model) -> Vec<Effect> {
    if keymap::place(model) == Place::Typed {
        model.say(Tone::Warn, "Not taken yet: Enter came with the text, as in a paste. Press it once more.");
        return Vec::new();
    }
    key(model, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))
}

// What changes something, ends something or shows a secret.
fn has_effects(command: Command) -> bool {
    !matches!(
        command,
        Command::Up
            | Command::Down
            | Command::Search
            | Command::Filter
            | Command::NextItem
            | Command::PreviousItem
            | Command::LookAtClients
            | Command::Help
            | Command::Pane(_)
            | Command::Commands
    )
}

// Leads where a screen has asked to be led.
fn follow(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    while let Some(go) = model.next.take() {
        effects.extend(lead(model, go));
    }
    effects.extend(model.hold_edit());
    effects
}

fn lead(model: &mut Model, go: Go) -> Vec<Effect> {
    match go {
        Go::Answer(answer) => return answered(model, answer),
        Go::Agreed => return agreed(model),
        Go::Integrations => integrations::enter(model),
        Go::Overview => return to_integrations(model),
        Go::Panes => return panes::enter(model),
        Go::Pane(pane) => return panes::show(model, pane),
        Go::Configure if model.screen != Screen::Panes => {
            model.panes.pane = Pane::Integration;
            let effects = panes::enter(model);
            model.panes.planning = true;
            return effects;
        }
        Go::Configure => {
            model.panes.pane = Pane::Integration;
            model.panes.planning = true;
            model.work.forget_plan();
        }
        Go::Removal => {
            model.panes.pane = Pane::Integration;
            return removal::open(model);
        }
        Go::Clients => return panes::peek(model),
        Go::Wizard => return wizard::come_back(model),
        Go::Step(step) => return wizard::go(model, step),
        Go::Leave => return wizard::leave(model),
        Go::Saved(id) => return integrations::open_saved(model, &id),
        Go::New => return wizard::new(model),
        Go::Unfinished(id) => return wizard::unfinished(model, &id),
        Go::Edit(id) => return wizard::edit(model, &id),
        Go::Setting(field) => return wizard::setting(model, field),
        Go::Draft(draft) => return wizard::resume_draft(model, &draft),
    }
    Vec::new()
}

// What a typed yes does.
fn agreed(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Typed(typed)) = &model.popup else { return Vec::new() };
    match typed.about {
        About::Proof => return prove::start(model),
        About::Removal | About::TakeOver => return removal::agree(model),
        About::Owner => return plan::agree_to_take_over(model),
        _ if !typed.is_right() => return Vec::new(),
        _ => {}
    }
    let (about, wanted, text) =
        (typed.about.clone(), typed.wanted.word().to_owned(), typed.input.value().trim().to_owned());
    model.popup = None;
    model.touch();
    match about {
        About::OtherHost => credentials::agree(model, wanted),
        About::Unproved(id) => initial_sync::agree(model, id),
        About::Delete(id) => vec![Effect::Delete(id)],
        About::Forget(id) => vec![Effect::ForgetSecrets(id)],
        About::Export => panes::clients::export(model, text),
        About::Proof | About::Removal | About::TakeOver | About::Owner => Vec::new(),
    }
}

// What an answer does to the question that floats.
fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let Some(Popup::Confirm(confirm)) = model.popup.take() else { return Vec::new() };
    model.touch();
    match (confirm.ask, answer) {
        (Ask::Switch { wanted, has_objects: true, .. }, Answer::Third) => removal::before_switch(model, wanted),
        (Ask::Clash(deciding), Answer::Yes | Answer::Third) => review::decide(model, *deciding, answer == Answer::Yes),
        (Ask::Continue { title, .. }, Answer::Third) => {
            // What is lost is asked about once more.
            model.popup = Some(Popup::Confirm(Confirm::new(Ask::Discard { title })));
            Vec::new()
        }
        (Ask::UnknownTeam { field, typed, meant, then, .. }, answer) => {
            wizard::answer_for_team(model, field, (typed, meant), then, answer)
        }
        (_, Answer::No | Answer::Third) => Vec::new(),
        (Ask::Continue { .. }, _) => {
            let draft = model.overview.draft.clone().unwrap_or_default();
            wizard::resume_draft(model, &draft)
        }
        (Ask::Discard { .. }, _) => {
            let mut effects: Vec<Effect> = model.stop_test().into_iter().collect();
            model.overview.draft = None;
            model.wizard = None;
            model.say(Tone::Calm, "The draft is discarded.");
            if model.screen == Screen::Wizard {
                model.go(if model.is_finished_current() { Go::Panes } else { Go::Integrations });
            }
            effects.push(Effect::DiscardDraft);
            effects
        }
        (Ask::Switch { wanted, active, .. }, _) => vec![Effect::Activate { id: wanted, replacing: Some(active) }],
        (Ask::Deactivate { .. }, _) => vec![Effect::Deactivate],
        (Ask::Untested { .. }, _) => credentials::pass_over(model),
        (Ask::MassChange { id, gone, .. }, _) if model.current.as_ref() == Some(&id) => {
            sync::start(model, Brake::UpTo(gone))
        }
        (Ask::MassChange { .. }, _) => Vec::new(),
        (Ask::InstallService { .. }, _) => vec![Effect::InstallService],
        (Ask::Dismiss { rule, .. }, _) => health::dismiss(model, rule),
        (Ask::Quit { .. }, _) => quit(model),
    }
}

/// What quitting does to a sync.
const SYNC_STOPS: &str = "A sync is running and would be stopped. The stored list stays unchanged; the next sync resumes \
    where this one stopped.";

// A key that ends the program asks first where something would be lost or cut short; a signal never asks.
fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    let asked = matches!(&model.popup, Some(Popup::Confirm(Confirm { ask: Ask::Quit { .. }, .. })));
    let secret = model.wizard.as_ref().is_some_and(|wizard| !wizard.form.secret.is_empty());
    let mut reasons = Vec::new();
    if model.work.apply.is_running() {
        let work = model.work.apply.goal().map_or("Configure", Goal::word);
        reasons.push(format!(
            "{work} is running and would be stopped halfway. What is done is kept; run it again to finish."
        ));
    }
    if let EscalateWork::Running { ticket, .. } = &model.work.escalate {
        reasons.push(format!("Ticket {ticket} is being escalated and might be left halfway."));
    }
    if prove::is_running(model) {
        reasons.push("A test ticket is open in Halo and might not be closed.".to_owned());
    }
    if model.work.sync.is_own() {
        reasons.push(SYNC_STOPS.to_owned());
    }
    if model.wizard.as_ref().is_some_and(|wizard| wizard.test.is_running()) {
        reasons.push("The connection test is running and would be stopped.".to_owned());
    }
    if secret {
        reasons.push(
            "The Client Secret is typed but not saved. Drafts never hold it, so you would have to type it again."
                .to_owned(),
        );
    }
    if asked || reasons.is_empty() {
        return quit(model);
    }
    model.popup = Some(Popup::Confirm(Confirm::new(Ask::Quit { reason: reasons.join(" ") })));
    model.touch();
    Vec::new()
}

/// Keeps what is typed, and ends the program.
pub fn quit(model: &mut Model) -> Vec<Effect> {
    let mut effects: Vec<Effect> = model.keep_draft().into_iter().collect();
    effects.push(Effect::Quit);
    effects
}

fn to_integrations(model: &mut Model) -> Vec<Effect> {
    model.popup = None;
    let mut effects = Vec::new();
    let peeking = model.screen == Screen::Panes && model.panes.from_wizard;
    if model.screen == Screen::Wizard || peeking {
        model.leave_field();
        effects.extend(model.keep_draft());
    }
    let kept = !effects.is_empty();
    integrations::enter(model);
    if kept {
        model.say(Tone::Good, wizard::KEPT);
    }
    effects.push(Effect::LoadOverview);
    effects
}

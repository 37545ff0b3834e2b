//! One message at a time: what it changes, and what it asks of the world outside.

use crossterm::event::KeyEvent;
use jiff::{SignedDuration, Timestamp};

use crate::domain::draft::Step;
use crate::domain::sync_run::Brake;

use super::answer;
use super::effect::{Effect, Slot};
use super::integrations::{self, Card};
use super::keymap::{self, Command, Meaning, Place};
use super::message::Message;
use super::model::{Model, Screen, saved_title};
use super::moving;
use super::notice::Tone;
use super::palette;
use super::panes::{self, Pane, clients, deliveries, events, removal, report, service};
use super::popup::{Ask, Confirm, Help, Popup};
use super::reply;
use super::typing;
use super::wizard::{self, Item, configure, credentials, initial_sync, pia_screen, review};
use super::work::Goal;

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
        Message::Burst(text) => typing::burst(model, text.expose()),
        Message::Paste(text) => typing::paste(model, text.expose()),
        Message::Resize(size) => {
            if model.size != size {
                model.size = size;
                model.touch();
            }
            Vec::new()
        }
        Message::Reply(reply) => reply::take(model, *reply),
        Message::Wake => {
            wake(model);
            Vec::new()
        }
        Message::Leave => quit(model),
    };
    keep_what_was_left(model, focus, &mut effects);
    effects.splice(0..0, removal::leave(model));
    effects.extend(events::watch(model));
    if model.is_dirty() {
        settle(model);
    }
    effects
}

// What was typed is kept once its field is left, so that a killed program loses one field at most.
fn keep_what_was_left(model: &mut Model, before: Option<Item>, effects: &mut Vec<Effect>) {
    let Some((before, wizard)) = before.zip(model.wizard.as_ref()) else { return };
    let decided = effects.iter().any(|effect| matches!(effect.slot(), Some(Slot::Draft | Slot::Save)));
    if wizard.focus == before || decided || model.overview.draft.as_ref() == Some(&wizard.draft()) {
        return;
    }
    effects.extend(wizard::keep_draft(model));
}

/// When time has to be told: while something runs, by the second; while a notice stands, until it goes. Idle: never.
pub fn next_wake(model: &Model, now: Timestamp) -> Option<Timestamp> {
    let second = |since: Timestamp| {
        let whole = now.duration_since(since).as_secs().max(-1) + 1;
        since.checked_add(SignedDuration::from_secs(whole)).unwrap_or(Timestamp::MAX)
    };
    let test = model.wizard.as_ref().and_then(|wizard| match wizard.test {
        credentials::Test::Running { since, .. } => Some(since),
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
    let reading = events::tickets::accepts_from(model);
    token.into_iter().chain(configure::accepts_from(model)).chain(reading).chain(service::moments(model))
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
    integrations::select(model, model.integrations.window.selected);
    panes::settle(model);
    configure::note_shown(model, false);
    palette::settle(model);
    let height = pia_screen::chooser_height(model);
    let columns = help_columns(model);
    let rows = help_height(model);
    let relevant = keymap_lines(model, columns);
    match &mut model.popup {
        Some(Popup::Chooser(chooser)) => {
            let (row, count) = (chooser.window.selected, chooser.rows.len());
            chooser.window.select(row, count, height);
        }
        Some(Popup::Help(help)) => {
            if let Some(lines) = relevant {
                help.lines = lines;
            }
            help.first = help.first.min(help.lines.len().saturating_sub(rows));
        }
        _ => {}
    }
}

/// The columns that the help has for its words.
pub fn help_columns(model: &Model) -> usize {
    usize::from(model.size.width).saturating_sub(8).clamp(20, 70)
}

/// The lines of the help that fit.
pub fn help_height(model: &Model) -> usize {
    usize::from(model.size.height).saturating_sub(6).max(1)
}

// The help for another width; the popup itself is out of the way while it is made.
fn keymap_lines(model: &mut Model, columns: usize) -> Option<Vec<super::popup::HelpLine>> {
    if !matches!(model.popup, Some(Popup::Help(_))) {
        return None;
    }
    let popup = model.popup.take();
    let lines = keymap::help(model, columns);
    model.popup = popup;
    Some(lines)
}

pub(super) fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if model.layout.too_small && !matches!(keymap::meaning(model, event), Meaning::Do(Command::Quit | Command::Suspend))
    {
        return Vec::new();
    }
    if keymap::is_held_back(model, event) {
        if configure::is_unread(model) {
            // The key is still held down: the time to read the plan begins when it is let go.
            configure::note_shown(model, true);
        }
        return Vec::new();
    }
    let said = model.notice.take();
    let meaning = match keymap::meaning(model, event) {
        // From here on it is as if its own key had been pressed.
        Meaning::Do(Command::RunChosen) => palette::take_chosen(model),
        meaning => meaning,
    };
    let effects = match meaning {
        Meaning::Do(command) => run(model, command),
        Meaning::Refused(reason) => {
            model.say(Tone::Calm, reason);
            Vec::new()
        }
        Meaning::Nothing => typing::type_key(model, event),
    };
    if said.is_some() && model.notice.is_none() {
        if model.is_dirty() {
            return effects;
        }
        // A key that means nothing takes nothing away.
        model.notice = said;
    }
    effects
}

/// Does what a key means.
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
            let lines = keymap::help(model, help_columns(model));
            model.popup = Some(Popup::Help(Help { lines, first: 0 }));
            model.touch();
        }
        Command::Commands => palette::open(model),
        Command::CloseCommands => palette::close(model),
        // What was chosen is done in its place: see `key`.
        Command::RunChosen => {}
        Command::ClosePopup => {
            model.popup = None;
            model.touch();
        }
        Command::Integrations => return to_integrations(model),
        Command::Back => return back(model, place),
        Command::Up => moving::step(model, place, -1),
        Command::Down => moving::step(model, place, 1),
        Command::PageUp => moving::page(model, place, -1),
        Command::PageDown => moving::page(model, place, 1),
        Command::First => moving::end(model, place, false),
        Command::Last => moving::end(model, place, true),
        Command::NextItem => wizard::move_focus(model, 1, true),
        Command::PreviousItem => wizard::move_focus(model, -1, true),
        Command::EnterField => return wizard::enter_on_field(model),
        Command::TakeBetter => return take_better(model),
        Command::OpenList => pia_screen::open_list(model),
        Command::TakeFromList => pia_screen::take_suggestion(model),
        Command::CloseList => {
            if let Some(wizard) = model.wizard.as_mut() {
                wizard.list = None;
                model.touch();
            }
        }
        Command::ChooseAgent => pia_screen::choose(model),
        Command::ClearAgent => pia_screen::clear_choice(model),
        Command::TakeAgent => return pia_screen::take_choice(model),
        Command::Continue if model.screen == Screen::Panes => {
            model.panes.planning = false;
            let installed = model.goal().is_install() || configure::is_again(model);
            model.work.forget_plan();
            model.touch();
            return if installed { configure::load_plan_unless_there(model) } else { Vec::new() };
        }
        Command::Continue => return wizard::forward(model),
        Command::Test => return credentials::start(model),
        Command::Untested => return credentials::ask_untested(model),
        Command::Reveal => {
            model.facts.revealed = !model.facts.revealed;
            model.touch();
        }
        Command::Copy => return copy(model),
        Command::Jump => {
            if let Some(Item::Line(field)) = model.wizard.as_ref().map(|wizard| wizard.focus) {
                return review::jump(model, field);
            }
        }
        Command::Save => return review::save(model, review::Then::Stay),
        Command::SyncNow => return sync_now(model),
        Command::StopSync => return initial_sync::stop(model),
        Command::LookAtClients => return panes::peek(model),
        Command::ReadPlan if place == Place::Plan && !model.goal().is_install() => return removal::again(model),
        Command::ReadPlan => return configure::load_plan(model),
        Command::Remove => return removal::open(model),
        Command::PartWebhooks | Command::PartChatPod | Command::PartLinks => return removal::choose(model, command),
        Command::Agree => return removal::agree(model),
        Command::ReadDeliveries => return deliveries::load(model),
        Command::OpenEvent => return events::open::open(model),
        Command::Tickets => return events::tickets::turn(model),
        Command::ReadTickets => return events::tickets::read(model),
        Command::StopTickets => return events::tickets::stop(model),
        Command::Escalate => return events::tickets::ask(model),
        Command::EscalateNow => return events::tickets::escalate(model),
        Command::StopReading => {
            return configure::stop_reading(model).into_iter().chain(removal::leave_plan(model)).collect();
        }
        Command::Apply if !model.goal().is_install() => return removal::ask(model),
        Command::Apply => return configure::apply(model),
        Command::StopApply => return configure::stop(model),
        Command::OpenLine => configure::open(model, true),
        Command::CloseLine => configure::open(model, false),
        Command::Configure => {
            model.panes.planning = true;
            model.touch();
            return configure::look_again(model);
        }
        Command::Search if place == Place::PaneClients => {
            model.panes.clients.searching = true;
            model.touch();
        }
        Command::Search if place == Place::PaneEvents => {
            model.panes.events.searching = true;
            model.touch();
        }
        Command::Search => {
            model.integrations.searching = true;
            model.touch();
        }
        Command::LeaveSearch => leave_search(model),
        Command::Filter if place == Place::PaneEvents => events::filter(model),
        Command::Filter => clients::filter(model),
        Command::Sort => clients::sort(model),
        Command::Export => return clients::export(model),
        Command::Changes => return report::open(model),
        Command::Details => {
            if model.layout.detail.is_some() {
                model.say(Tone::Calm, "The details stand on the right.");
            } else {
                model.popup = Some(Popup::Client);
                model.touch();
            }
        }
        Command::ViewAll => {
            model.integrations.all = !model.integrations.all;
            integrations::select(model, model.integrations.window.selected);
            model.touch();
        }
        Command::OpenCard => return integrations::open_selected(model),
        Command::Edit if place == Place::Cards => return integrations::edit_selected(model),
        Command::Edit => {
            if let Some(id) = model.current.clone() {
                return wizard::edit(model, &id);
            }
        }
        Command::Activate => return activate(model, place),
        Command::Deactivate => {
            if let Some(Card::Saved(id)) = integrations::selected(model)
                && let Some(name) = model.saved(&id).map(saved_title)
            {
                model.popup = Some(Popup::Confirm(Confirm::new(Ask::Deactivate { name })));
                model.touch();
            }
        }
        Command::DiscardDraft => {
            let name = model.overview.draft.as_ref().map(|draft| draft.name().to_owned()).unwrap_or_default();
            let ask = Ask::Discard { title: integrations::draft_title(&name) };
            model.popup = Some(Popup::Confirm(Confirm::new(ask)));
            model.touch();
        }
        Command::PaneSync => return panes::show(model, Pane::Sync),
        Command::PaneClients => return panes::show(model, Pane::Clients),
        Command::PaneIntegration => return panes::show(model, Pane::Integration),
        Command::PaneEvents => return panes::show(model, Pane::Events),
        Command::PaneActivity => return panes::show(model, Pane::Activity),
        Command::Yes => return answer::answer(model, Some(true)),
        Command::No => return answer::answer(model, Some(false)),
        Command::Answer => return answer::answer(model, None),
        Command::ThirdAnswer => return answer::third(model),
        Command::OtherAnswer => {
            if let Some(Popup::Confirm(confirm)) = &mut model.popup {
                confirm.turn();
                model.touch();
            }
        }
    }
    Vec::new()
}

// A key that ends the program asks first where something would be lost or cut short; a signal never asks.
fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    let asked = matches!(&model.popup, Some(Popup::Confirm(Confirm { ask: Ask::Quit { .. }, .. })));
    let secret = model.wizard.as_ref().is_some_and(|wizard| !wizard.form.secret.is_empty());
    let work = model.work.apply.goal().map_or("Configure", Goal::word);
    let running = format!(
        "{work} runs: it would be stopped half-way. What is done stays done, and running it again finishes it."
    );
    let reason = if model.work.apply.is_running() {
        running.as_str()
    } else if secret {
        "The Client Secret is typed and not saved: a draft never holds it, so it would have to be typed again."
    } else {
        ""
    };
    if asked || reason.is_empty() {
        return quit(model);
    }
    model.popup = Some(Popup::Confirm(Confirm::new(Ask::Quit { reason: reason.to_owned() })));
    model.touch();
    Vec::new()
}

/// Keeps what is typed, and ends the program.
pub fn quit(model: &mut Model) -> Vec<Effect> {
    let mut effects: Vec<Effect> = wizard::keep_draft(model).into_iter().collect();
    effects.push(Effect::Quit);
    effects
}

fn to_integrations(model: &mut Model) -> Vec<Effect> {
    model.popup = None;
    let mut effects = Vec::new();
    let peeking = model.screen == Screen::Panes && model.panes.from_wizard;
    if model.screen == Screen::Wizard || peeking {
        wizard::leave_field(model);
        effects.extend(wizard::keep_draft(model));
    }
    let kept = !effects.is_empty();
    integrations::enter(model);
    if kept {
        model.say(Tone::Good, wizard::KEPT);
    }
    effects.push(Effect::LoadOverview);
    effects
}

fn back(model: &mut Model, place: Place) -> Vec<Effect> {
    match place {
        Place::CardSearch => {
            model.integrations.query.reset();
            model.integrations.searching = false;
            integrations::select(model, 0);
            model.touch();
            Vec::new()
        }
        Place::ClientSearch => {
            model.panes.clients.query.reset();
            leave_search(model);
            model.panes.clients.search(false);
            clients::settle(model);
            Vec::new()
        }
        Place::EventSearch => {
            model.panes.events.query.reset();
            leave_search(model);
            events::searched(model);
            Vec::new()
        }
        Place::EventPage => events::open::close(model),
        Place::PaneTickets => events::tickets::turn(model),
        Place::Cards if !model.integrations.query.value().is_empty() => {
            model.integrations.query.reset();
            integrations::select(model, 0);
            model.touch();
            Vec::new()
        }
        Place::Cards if model.wizard.is_some() => wizard::come_back(model),
        Place::Cards => panes::enter(model),
        Place::Plan if model.screen == Screen::Panes => removal::leave_plan(model),
        _ if model.screen == Screen::Panes => {
            if model.panes.pane == Pane::Sync && model.panes.report.take().is_some() {
                model.touch();
                return Vec::new();
            }
            if model.panes.from_wizard && model.wizard.is_some() {
                return wizard::come_back(model);
            }
            to_integrations(model)
        }
        _ => {
            let mut effects: Vec<Effect> = configure::stop_reading(model).into_iter().collect();
            effects.extend(wizard::back(model));
            effects
        }
    }
}

fn leave_search(model: &mut Model) {
    model.integrations.searching = false;
    if model.panes.events.searching {
        events::leave_search(model);
    }
    model.panes.clients.searching = false;
    model.panes.clients.note_selected();
    model.touch();
}

fn take_better(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let Some(field) = wizard.text_field() else { return Vec::new() };
    let Some(better) = wizard.form.suggestion(field) else { return Vec::new() };
    wizard.form.set(field, better);
    wizard::edited(model, field)
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let at = match model.wizard.as_ref().map(|wizard| wizard.focus) {
        Some(Item::Callback(at)) if model.screen == Screen::Wizard => at,
        _ => panes::integration::selected_callback(model).unwrap_or_default(),
    };
    let Some((_, url)) = model.facts.callbacks.get(at) else { return Vec::new() };
    vec![Effect::Copy(url.expose())]
}

fn sync_now(model: &mut Model) -> Vec<Effect> {
    // What is typed and not saved is not what would be synced: the saved configuration is.
    initial_sync::start(model, Brake::On)
}

fn activate(model: &mut Model, place: Place) -> Vec<Effect> {
    let id = match integrations::selected(model) {
        Some(Card::Saved(id)) if place == Place::Cards => Some(id),
        _ => model.current.clone(),
    };
    id.map(|id| integrations::activate(model, &id)).unwrap_or_default()
}

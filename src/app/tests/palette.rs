//! The commands: everything that can be done here, found by its name, and run as its key would run it.

use crossterm::event::KeyEventKind;

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::form::{FIELDS, FieldId};
use crate::app::jobs::state::ApplyWork;
use crate::app::keymap::{self, BINDINGS, COMMAND_LINES, Command, KeyMap, Pane, Place, place};
use crate::app::meaning::{Meaning, meaning, meaning_of};
use crate::app::message::{Message, Reply};
use crate::app::offer::Offer;
use crate::app::palette::Palette;
use crate::app::popup::{HelpLine, Popup};
use crate::app::testing::{
    Stage, at_configure, at_review, at_sync, clients, finished, id, in_panes, key, overview, plan, progress, saved,
    standing, status, sync_report, tested, with_credentials,
};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::plan::Parts;
use crate::domain::status::Overview;
use crate::domain::sync_run::{Brake, SyncStatus};
use crate::keys::Key;
use crate::words::Phrase;

fn palette(stage: &Stage) -> &Palette {
    stage.model.palette.as_ref().expect("the commands are open")
}

fn titles(stage: &Stage) -> Vec<&str> {
    let palette = palette(stage);
    (0..palette.rows.len()).filter_map(|row| palette.offer(row)).map(|offer| offer.title()).collect()
}

fn notice(stage: &Stage) -> String {
    stage.notice()
}

/// Steps down to a command; the one that is wanted has to be there.
fn choose(stage: &mut Stage, command: Command) {
    for _ in 0..palette(stage).rows.len() {
        if palette(stage).chosen == Some(command) {
            return;
        }
        stage.keys("Down");
    }
    assert_eq!(palette(stage).chosen, Some(command));
}

/// A stage for every kind of place, made anew each time.
fn stages() -> Vec<fn() -> Stage> {
    fn panes(keys: &str) -> Stage {
        let mut stage = in_panes();
        stage.keys(keys);
        stage
    }
    fn planned() -> Stage {
        let mut stage = at_configure();
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage
    }
    vec![
        || Stage::with(Overview::default()),
        with_credentials,
        tested,
        at_review,
        at_sync,
        at_configure,
        planned,
        || {
            let mut stage = planned();
            stage.keys("y");
            stage
        },
        || {
            let mut stage = at_sync();
            stage.keys("Enter");
            stage.reply(Reply::SyncProgress(progress(34_200, Some(100_000))));
            stage
        },
        || {
            let mut stage = at_sync();
            stage.keys("Enter");
            stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::NeedsConfirmation))));
            stage
        },
        || panes("1"),
        || panes("2"),
        || panes("2 /"),
        || panes("2 Enter"),
        || panes("3"),
        || panes("4"),
        || panes("5"),
        || panes("^O"),
        || panes("^O /"),
        || panes("^O d"),
        || panes("3 ?"),
    ]
}

/// Ctrl-P is everywhere, also while text is typed, where a colon is a colon; Esc leaves everything as it was.
#[test]
fn commands_open_everywhere_and_close_without_trace() {
    for make in stages() {
        let mut stage = make();
        let before = place(&stage.model);
        for (open, close) in [("^P", "Esc"), ("^P", "^P")] {
            assert_eq!(stage.keys(open), []);
            assert_eq!(place(&stage.model), Place::Palette, "{before:?}");
            assert!(!palette(&stage).offers.is_empty());
            stage.type_text("zz:q");
            assert_eq!(palette(&stage).query.value(), "zz:q", "letters are letters");
            assert_eq!(stage.keys(close), []);
            assert_eq!(place(&stage.model), before);
        }
        stage.keys(":");
        let colon = matches!(before, Place::Confirm | Place::HelpPage | Place::ClientPage) || !before.takes_text();
        assert_eq!(place(&stage.model) == Place::Palette, colon, "{before:?}");
    }
    let mut stage = Stage::with(Overview::default());
    stage.keys("Enter a : ^P b Esc c");
    assert_eq!(stage.model.wizard.as_ref().unwrap().form.text(FieldId::Name), "a:c");
}

/// On the card of another configuration they are about that one, for as long as they are open.
#[test]
fn commands_of_card_that_are_closed_leave_open_what_was_open() {
    let saved = [saved("acme", "Acme MSP", true, true, true), saved("beta", "Beta", false, true, true)];
    let mut stage = Stage::with(overview(saved.to_vec()));
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, true)))));
    stage.keys("^O Down");
    for before in [Some(id("acme")), None] {
        if before.is_none() {
            stage.model.current = None;
        }
        assert_eq!(stage.model.current, before);
        stage.keys("^P");
        assert_eq!(stage.model.current, Some(id("beta")));
        let effects = stage.keys("Esc");
        assert_eq!((&stage.model.current, place(&stage.model)), (&before, Place::Cards));
        assert_eq!(effects.contains(&Effect::LoadStatus(id("acme"))), before.is_some(), "{effects:?}");
    }
}

/// What is chosen among the commands does what its key does, everywhere: the same effects, the same place, the same words.
#[test]
fn chosen_command_does_what_its_key_does() {
    let mut compared = 0;
    for make in stages() {
        let from = place(&make().model);
        for binding in BINDINGS.iter().filter(|binding| binding.places.contains(&from)) {
            let command = binding.command;
            if command.is_step() || command == Command::Commands {
                continue;
            }
            let mut by_key = make();
            let keys = by_key.model.keys.rows(from).filter(|(row, _)| row.command == command);
            let wanted = meaning_of(&by_key.model, from, command);
            let leads = |key: &Key| meaning(&by_key.model, keymap::press(*key)) == wanted;
            let Some(pressed) = keys.flat_map(|(_, keys)| keys).find(leads) else { continue };
            let mut by_name = make();
            by_name.keys("^P");
            let is_it = |offer: &&Offer| offer.command() == command && offer.elsewhere.is_none();
            let offered = palette(&by_name).offers.iter().find(is_it).is_some();
            assert_eq!(offered, wanted != Meaning::Nothing, "{command:?} {from:?}");
            if !offered {
                continue;
            }
            choose(&mut by_name, command);
            let effects = by_key.send(Message::Key(keymap::press(pressed)));
            assert_eq!(by_name.keys("Enter"), effects, "{command:?} {from:?}");
            assert_eq!(place(&by_name.model), place(&by_key.model), "{command:?} {from:?}");
            assert_eq!(notice(&by_name), notice(&by_key), "{command:?} {from:?}");
            compared += 1;
        }
    }
    assert!(compared > 120, "{compared}");
}

#[test]
fn command_that_cannot_run_is_listed_with_its_reason() {
    let mut stage = in_panes();
    stage.keys("1 s :");
    let again = palette(&stage).offers.iter().find(|offer| offer.command() == Command::SyncNow).unwrap();
    assert!(again.refused.as_ref().is_some_and(|why| why.without_keys().starts_with("Already syncing")));
    let at = palette(&stage).rows.iter().position(|row| palette(&stage).offers[*row].command() == Command::SyncNow);
    let mut below = palette(&stage).rows[at.unwrap()..].iter();
    assert!(below.all(|row| palette(&stage).offers[*row].refused.is_some()), "what can work comes first");
    stage.type_text("sync now");
    assert_eq!(stage.keys("Enter"), []);
    assert!(notice(&stage).starts_with("Already syncing"), "{}", notice(&stage));
    assert_eq!(place(&stage.model), Place::Pane(Pane::Sync));
}

/// A command of any page is found on every other one: choosing it leads there and runs it.
#[test]
fn command_of_another_page_is_found_and_led_to() {
    for (from, words, to, done) in [
        ("2", "remove", Place::Plan, Effect::LoadRemoval(id("acme"), Parts::ALL)),
        ("1", "deliveries", Place::Pane(Pane::Integration), Effect::LoadDeliveries(id("acme"))),
        ("^O", "tickets", Place::PaneTickets, Effect::LoadTickets(id("acme"))),
        ("e", "sync now", Place::Pane(Pane::Sync), Effect::Sync { id: id("acme"), brake: Brake::On }),
    ] {
        let mut stage = in_panes();
        stage.keys(from);
        stage.keys("^P");
        stage.type_text(words);
        let effects = stage.keys("Enter");
        assert!(effects.contains(&done), "{words}: {effects:?}");
        assert_eq!(place(&stage.model), to, "{words}");
    }
    // Nothing is led past a question, and the commands of the panes wait until there is something to see in them.
    let mut stage = in_panes();
    stage.keys("^O d ^P");
    assert!(palette(&stage).offers.iter().all(|offer| offer.elsewhere.is_none()));
    let mut stage = with_credentials();
    stage.keys("^P");
    let elsewhere: Vec<_> = palette(&stage).offers.iter().filter_map(|offer| offer.elsewhere).collect();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|place| *place == Place::Cards), "{elsewhere:?}");
}

#[test]
fn command_is_found_by_beginning_middle_or_letters_of_its_name() {
    let mut stage = in_panes();
    stage.keys("2 :");
    stage.type_text("GO TO S");
    assert_eq!(titles(&stage)[0], "Go to Sync");
    stage.keys("^U");
    stage.type_text("now");
    assert_eq!(titles(&stage)[0], "Sync Now");
    stage.keys("^U");
    stage.type_text("gtclnts");
    assert_eq!(titles(&stage), ["Go to Clients"]);
    stage.keys("^U");
    stage.paste("integr\nquit");
    assert_eq!(palette(&stage).query.value(), "integr", "a paste never submits");
    assert_eq!(titles(&stage)[0], "Integrations");
    stage.type_text("zzz");
    assert_eq!(stage.keys("Enter"), []);
    assert_eq!(notice(&stage), "No match: integrzzz");
    stage.keys("^U");
    assert_eq!(stage.keys("Enter"), stage_of("2").keys("/"), "the first of the pane");
}

fn stage_of(keys: &str) -> Stage {
    let mut stage = in_panes();
    stage.keys(keys);
    stage
}

/// A plan that came up a moment ago, or under the open commands, has not been read: it is not applied by name either.
#[test]
fn commands_apply_no_plan_that_was_not_read() {
    let fresh = || {
        let mut stage = at_configure();
        stage.send(Message::Reply(Box::new(Reply::Planned(Ok(Ok(plan()))))));
        stage
    };
    let mut stage = fresh();
    stage.keys("^P");
    stage.type_text("apply");
    assert_eq!(titles(&stage)[0], "Apply");
    assert_eq!(stage.keys("Enter"), []);
    assert!(notice(&stage).contains("read it first"), "{}", notice(&stage));

    // It came up underneath: whatever time has passed.
    let mut stage = at_configure();
    stage.keys("^P");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.later(60);
    stage.type_text("apply");
    assert_eq!(stage.keys("Enter"), []);
    assert!(matches!(stage.model.apply(), ApplyWork::None));

    // It was read, and then chosen by name.
    let mut stage = fresh();
    stage.read_plan();
    stage.keys("^P");
    stage.type_text("apply");
    assert_eq!(stage.keys("Enter"), [Effect::Configure(id("acme"), Box::new(plan()))]);
}

/// Enter that is held down runs nothing by name.
#[test]
fn held_key_runs_no_command() {
    let mut stage = in_panes();
    stage.keys("1 :");
    let mut held = key("Enter");
    held.kind = KeyEventKind::Repeat;
    assert_eq!(stage.send(Message::Key(held)), []);
    assert_eq!(place(&stage.model), Place::Palette);
    assert!(matches!(stage.keys("Enter").as_slice(), [Effect::Sync { .. }]));
}

/// What was chosen and went away meanwhile is not replaced by another command under the finger.
#[test]
fn command_that_goes_away_leaves_nothing_chosen() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::SyncProgress(progress(34_200, Some(100_000))));
    stage.keys("^P");
    choose(&mut stage, Command::Stop);
    stage.reply(Reply::SyncProgress(progress(34_300, Some(100_000))));
    assert_eq!(palette(&stage).chosen, Some(Command::Stop), "progress moves nothing");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    assert_eq!(palette(&stage).chosen, None);
    assert_eq!(stage.keys("Enter"), []);
    assert!(notice(&stage).contains("choose again"), "{}", notice(&stage));
    assert_eq!(place(&stage.model), Place::Palette);

    let mut stage = at_sync();
    stage.keys("Enter ^P");
    choose(&mut stage, Command::Stop);
    assert_eq!(stage.keys("Enter"), [Effect::Cancel(Slot::Sync)]);
    stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
}

fn with_keys(stage: &mut Stage, changes: &[(&str, &[&str])]) {
    let keys = |keys: &[&str]| keys.iter().map(|key| Key::parse(key).unwrap()).collect();
    let all = changes.iter().map(|(id, list)| ((*id).to_owned(), keys(list))).collect();
    stage.model.keys = KeyMap::overridden(all).unwrap();
}

/// A person's own keys work, the former ones do not, and everything that names a key names theirs.
#[test]
fn own_keys_work_and_are_shown_everywhere() {
    let mut stage = in_panes();
    with_keys(&mut stage, &[("sync_now", &["f5", "z"]), ("quit", &["Q"]), ("filter", &[]), ("yes", &["j"])]);
    stage.keys("1");
    let (left, right) = hints(&stage.model, 120);
    let shown = |words: &str| left.iter().chain(&right).find(|hint| hint.words == words).map(|hint| hint.key.as_str());
    assert_eq!((shown("Sync Now"), shown("Quit")), (Some("F5"), Some("Q")));
    assert_eq!((stage.keys("s"), stage.keys("q")), (vec![], vec![]), "the former keys mean nothing");

    stage.keys("?");
    let Some(Popup::Help(help)) = &stage.model.popup else { panic!() };
    assert!(help.lines.contains(&HelpLine::Key("F5 z".to_owned(), "Sync Now".to_owned())), "{:?}", help.lines);
    stage.keys("Esc 2 :");
    let offer = |command| palette(&stage).offers.iter().find(|offer| offer.command() == command).unwrap().keys();
    assert_eq!(offer(Command::SyncNow), "F5 z");
    assert_eq!(offer(Command::Filter), "", "without a key it is still to be had by its name");
    stage.type_text("show");
    let before = stage.model.panes.clients.filter;
    stage.keys("Enter");
    assert_ne!(stage.model.panes.clients.filter, before);
    assert!(matches!(stage.keys("z").as_slice(), [Effect::Sync { .. }]));

    let mut stage = at_configure();
    with_keys(&mut stage, &[("activate", &["A"]), ("sync_now", &["f5"]), ("yes", &["f2"])]);
    stage.send(Message::Reply(Box::new(Reply::Planned(Ok(Ok(plan()))))));
    let mut f2 = key("F1");
    f2.code = crossterm::event::KeyCode::F(2);
    assert_eq!(stage.send(Message::Key(f2)), [], "the guard of the key guards whatever stands for it");
    stage.read_plan();
    assert!(matches!(stage.send(Message::Key(f2)).as_slice(), [Effect::Configure(..)]));
}

/// What has no key here is found by what people call it: where it is in the interface it leads there, else the command line
/// is copied.
#[test]
fn what_is_done_elsewhere_is_found_by_its_usual_name() {
    for (typed, command) in [
        ("history", Command::Pane(Pane::Sync)),
        ("audit trail", Command::CommandLine(0)),
        ("doctor", Command::Look),
        ("support", Command::CommandLine(1)),
        ("backup", Command::CommandLine(2)),
        ("adopt", Command::Configure),
        ("plan", Command::Configure),
        ("install", Command::Configure),
        ("configure", Command::Configure),
        ("setup", Command::Integrations),
        ("wizard", Command::Integrations),
        ("uninstall", Command::Remove),
        ("stop", Command::Deactivate),
        ("completions", Command::CommandLine(9)),
        ("theme", Command::CommandLine(10)),
    ] {
        let mut stage = in_panes();
        stage.keys("2 :");
        stage.type_text(typed);
        assert_eq!(palette(&stage).chosen, Some(command), "{typed}: {:?}", titles(&stage));
    }
    let mut stage = in_panes();
    stage.keys("1 :");
    stage.type_text("support bundle");
    assert!(titles(&stage)[0].ends_with(": pia-halo support"), "{:?}", titles(&stage));
    assert!(hints(&stage.model, 80).0.iter().any(|hint| hint.words == "Copy the command"));
    assert!(matches!(stage.keys("Enter").as_slice(), [Effect::Copy(line)] if line.expose() == "pia-halo support"));
    stage.reply(Reply::Copied(Ok(())));
    assert!(notice(&stage).starts_with("To run in a shell: pia-halo support."), "{}", notice(&stage));
}

/// Configure is what everything is set up for: it is found wherever somebody looks for it, and leads there.
#[test]
fn configure_is_found_from_everywhere() {
    let found = |stage: &mut Stage| {
        stage.keys("^P");
        stage.type_text("configure");
        let palette = palette(stage);
        palette.offer(0).map(|offer| (offer.command(), offer.refused.is_none(), offer.title().to_owned()))
    };
    // In the panes, on the Integrations page, in the settings, and where nothing is in Halo yet.
    for keys in ["0", "1", "2", "4", "5", "^O", "e"] {
        let mut stage = in_panes();
        stage.keys(keys);
        let (command, works, title) = found(&mut stage).unwrap();
        assert!(command == Command::Configure && works && title.starts_with("Re-configure"), "{keys}: {title}");
        let effects = stage.keys("Enter");
        assert!(effects.contains(&Effect::LoadPlan(id("acme"))), "{keys}: {effects:?}");
        assert_eq!(place(&stage.model), Place::Plan, "{keys}");
    }
    // Beside the card of a new configuration, which is configured by a key of its own.
    let mut stage = in_panes();
    stage.keys("^O Down");
    assert!(found(&mut stage).is_some_and(|(command, ..)| command == Command::OpenCard));
    choose(&mut stage, Command::Configure);
    assert!(titles(&stage).contains(&"Re-configure (Acme MSP)"), "{:?}", titles(&stage));
    assert!(stage.keys("Enter").contains(&Effect::LoadPlan(id("acme"))));
    // In the set-up: its step, and before that the reason.
    let mut stage = at_sync();
    let (command, works, _) = found(&mut stage).unwrap();
    assert_eq!((command, works), (Command::Configure, false), "no sync yet");
    stage.keys("Enter");
    assert!(notice(&stage).starts_with("No sync yet"), "{}", notice(&stage));
    let mut stage = at_configure();
    stage.keys("Esc");
    assert!(found(&mut stage).is_some_and(|(command, works, _)| command == Command::Configure && works));
    stage.keys("Enter");
    assert_eq!(place(&stage.model), Place::Plan);
    let mut stage = with_credentials();
    assert!(found(&mut stage).is_some_and(|(command, works, _)| command == Command::Configure && !works));
}

/// Nobody is told to type a command for what a key does.
#[test]
fn no_shell_command_is_listed_for_what_key_does() {
    for (next, what, _) in &COMMAND_LINES {
        let label = Phrase::default().next(next).without_keys();
        assert_eq!(label, next.to_string(), "{what} has a key");
    }
}

/// What runs is stopped by its name from any pane.
#[test]
fn stop_is_found_while_something_runs() {
    let mut stage = in_panes();
    stage.keys("1 s 2 :");
    stage.type_text("stop");
    assert_eq!(titles(&stage)[0], "Stop");
    assert_eq!(stage.keys("Enter").last(), Some(&Effect::Cancel(Slot::Sync)));
}

/// The help says what is done here, how to move, and what works everywhere, in this order.
#[test]
fn help_is_grouped() {
    let mut stage = in_panes();
    stage.keys("1 ?");
    let Some(Popup::Help(help)) = &stage.model.popup else { panic!() };
    let at = |line: &HelpLine| help.lines.iter().position(|other| other == line).unwrap_or_else(|| panic!("{line:?}"));
    let title = |words: &str| at(&HelpLine::Title(words.to_owned()));
    let key = |key: &str, words: &str| at(&HelpLine::Key(key.to_owned(), words.to_owned()));
    let order = [
        title("Here"),
        key("s", "Sync Now"),
        title("Moving"),
        key("2", "Go to Clients"),
        title("Everywhere"),
        key(": ^P", "Commands"),
        key("? F1", "Help"),
        key("q ^C", "Quit"),
    ];
    assert!(order.is_sorted(), "{order:?} {:?}", help.lines);
}

/// What is typed is found in the words, or by their first letters and some that follow: a guess stands beside nothing that is known.
#[test]
fn search_of_commands_guesses_from_beginnings_of_words() {
    let found = |typed: &str| {
        let mut stage = in_panes();
        stage.keys("2 :");
        stage.type_text(typed);
        titles(&stage).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert!(found("restore")[0].starts_with("Restore a backup"), "{:?}", found("restore"));
    assert!(found("fgtsec")[0].starts_with("Forget the stored secrets"), "{:?}", found("fgtsec"));
    assert_eq!(found("rgetse"), [""; 0], "letters from the middle of words");
    assert!(found("cnfgr").iter().any(|title| title.starts_with("Configuration Name")), "{:?}", found("cnfgr"));
    let rotate = found("rotate");
    assert!(rotate.iter().all(|title| title.to_lowercase().contains("rotate")), "{rotate:?}");
}

/// A row for each command, and none of them cut: the active configuration goes without saying.
#[test]
fn commands_are_named_once_and_whole() {
    let mut off = status("Acme MSP", true, true, true);
    off.service.running = false;
    let mut stage = in_panes();
    stage.reply(Reply::Status(Ok(standing(off))));
    for pane in ["0", "1", "2", "3"] {
        stage.keys(pane);
        stage.keys(":");
        let titles: Vec<String> = titles(&stage).into_iter().map(ToOwned::to_owned).collect();
        assert!(titles.iter().all(|title| title.len() <= 60), "{titles:?}");
        let install = titles.iter().filter(|title| title.starts_with("Install the service")).count();
        assert_eq!(install, 1, "{pane}: {titles:?}");
        stage.keys("Esc");
    }
}

/// Export by name from another pane waits for the list, and then asks where to.
#[test]
fn export_by_name_waits_for_list() {
    let mut stage = Stage::with(finished());
    stage.keys("1 :");
    stage.type_text("export");
    let effects = stage.keys("Enter");
    assert!(effects.contains(&Effect::LoadClients(id("acme"))), "{effects:?}");
    assert!(stage.model.popup.is_none() && notice(&stage).is_empty(), "{}", notice(&stage));
    stage.reply(Reply::Clients(Ok(clients().into())));
    assert!(matches!(stage.model.popup, Some(Popup::Typed(_))));

    let mut stage = Stage::with(finished());
    stage.keys("1 :");
    stage.type_text("export");
    stage.keys("Enter 1");
    stage.reply(Reply::Clients(Ok(clients().into())));
    assert!(stage.model.popup.is_none(), "nobody waits for it any more");
}

/// Before the set-up is finished what is done with a finished one is found all the same, with the reason why not yet.
#[test]
fn removal_and_rotation_are_found_before_set_up_is_finished() {
    for (make, reason) in [
        ((|| Stage::with(Overview::default())) as fn() -> Stage, "Select a configuration"),
        (with_credentials, "Finish the set-up first"),
        (at_sync, "Finish the set-up first"),
    ] {
        for (typed, command) in [("remove", Command::Remove), ("rotate", Command::Rotate)] {
            let mut stage = make();
            stage.keys("^P");
            stage.type_text(typed);
            choose(&mut stage, command);
            let offer = palette(&stage).offer(palette(&stage).window.selected).unwrap();
            assert!(offer.refused.is_some(), "{typed}");
            assert_eq!(stage.keys("Enter"), []);
            assert!(notice(&stage).starts_with(reason), "{typed}: {}", notice(&stage));
        }
    }
}

#[test]
fn commands_are_found_by_what_people_call_them() {
    for (typed, wanted) in [
        ("password", "Client Secret"),
        ("restart", "Run the service by hand"),
        ("proxy", "All commands and options"),
        ("language", "All commands and options"),
        ("csv", "Export"),
        ("ignore", "Dismiss"),
        ("clear", "Redraw"),
        ("start the service", "Run the service by hand"),
        ("service install", "Run the service by hand"),
        ("sync_time", "Daily Sync Time"),
        ("pia_screen", "Pia Board"),
        ("api credentials", "Client ID"),
        ("upgrade", "All commands and options"),
        ("take over", "Re-configure"),
        ("what you need", "Help"),
    ] {
        let mut stage = in_panes();
        let mut told = standing(status("Acme MSP", true, true, true));
        told.status.service.running = false;
        stage.reply(Reply::Status(Ok(told)));
        stage.keys("0 ^P");
        stage.type_text(typed);
        assert!(titles(&stage).iter().any(|title| title.starts_with(wanted)), "{typed}: {:?}", titles(&stage));
    }
}

/// Every setting is found by its key in the file, whole or by the end of it.
#[test]
fn every_setting_is_found_by_its_key() {
    for info in FIELDS.iter().filter(|info| !info.key.is_empty()) {
        for typed in [info.key, info.short_key()] {
            let mut stage = in_panes();
            stage.keys("1 ^P");
            stage.type_text(typed);
            let found = format!("{} (Settings)", info.label);
            assert!(titles(&stage).contains(&found.as_str()), "{typed}: {:?}", titles(&stage));
        }
    }
}

/// Few letters that are somewhere in many names are no command: Enter runs none.
#[test]
fn loose_guess_is_no_match() {
    for typed in ["Pai", "paid", "gtc", "xyzzy", "rmv cfg"] {
        let mut stage = in_panes();
        stage.keys("1 :");
        stage.type_text(typed);
        assert_eq!(titles(&stage), [""; 0], "{typed}");
        assert_eq!(stage.keys("Enter"), [], "{typed}");
        assert_eq!(notice(&stage), format!("No match: {typed}"));
    }
}

//! The panes.

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::header::standing as standing_of;
use crate::app::jobs::health;
use crate::app::jobs::state::PlanWork;
use crate::app::jobs::sync::elsewhere;
use crate::app::keymap::Command;
use crate::app::message::Reply;
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::panes::clients::ClientList;
use crate::app::panes::events::STEP;
use crate::app::panes::integration::objects;
use crate::app::popup::{HelpLine, Popup};
use crate::app::testing::{
    Stage, at, at_configure, at_sync, changes, clients, deliveries, id, in_panes, kept, offering, plan, progress,
    results, standing, status, sync_report,
};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, ConfigureReport, ConfigureStatus, NOT_LINKED};
use crate::domain::secret::Secret;
use crate::domain::status::Status;
use crate::domain::sync_run::{Brake, SyncStatus};
use crate::words::by_hand::CHAT_POD_REMOVAL;

#[test]
fn digits_go_to_panes_and_each_asks_for_what_it_shows() {
    let mut stage = in_panes();
    assert_eq!(stage.keys("2"), [Effect::LoadClients(id("acme"))]);
    assert_eq!(stage.keys("4"), [Effect::LoadStatus(id("acme"))]);
    assert_eq!(stage.keys("5"), [Effect::LoadStatus(id("acme"))]);
    assert!(stage.keys("3").contains(&Effect::LoadPlan(id("acme"))), "what is installed is looked at in Halo");
    assert_eq!(stage.keys("1"), [Effect::LoadStatus(id("acme"))]);
    assert_eq!(stage.model.panes.pane, Pane::Sync);
}

/// A look into Halo puts what has to be repaired first; the selection stays with its object.
#[test]
fn selected_object_stays_selected_when_halo_is_looked_at() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    let names = |stage: &Stage| objects(&stage.model).into_iter().map(|row| row.name).collect::<Vec<_>>();
    let selected = |stage: &Stage| names(stage).swap_remove(stage.model.panes.window(Pane::Integration).selected);
    for wanted in ["Pia - Ticket Updated", "Project", "Pia - Ticket Created"] {
        stage.keys("Down Home");
        for _ in 0..names(&stage).iter().position(|name| name == wanted).unwrap() {
            stage.keys("Down");
        }
        assert_eq!(selected(&stage), wanted);
        stage.keys("t");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        assert_eq!(selected(&stage), wanted, "after a look that found much to repair");
        stage.keys("t");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
        assert_eq!(selected(&stage), wanted, "and after one that found nothing");
    }
}

/// S47: the client list can be searched while typing; while the search has the focus letters are letters.
#[test]
fn clients_are_searched_as_person_types() {
    let mut stage = in_panes();
    stage.keys("2 /");
    assert_eq!(stage.type_text("qs2"), [], "q, s and 2 are letters here");
    stage.keys("^U");
    stage.type_text("northwind q");
    assert_eq!(stage.model.panes.clients.count(), 1);
    stage.keys("Enter");
    assert!(!stage.model.panes.clients.searching);
    assert_eq!(stage.keys("s"), [Effect::Sync { id: id("acme"), brake: Brake::On }]);
}

/// The site is searched too, without its accents.
#[test]
fn clients_are_found_by_their_site() {
    let mut stage = in_panes();
    stage.keys("2 /");
    stage.type_text("montreal");
    let found = stage.model.panes.clients.selected().unwrap();
    assert_eq!(found.client.main_site.as_ref().unwrap().raw(), "Montréal");
}

#[test]
fn selected_client_stays_selected_when_list_is_read_again() {
    let mut stage = in_panes();
    stage.keys("2 Down Down");
    let before = stage.model.panes.clients.selected().unwrap().client.id;
    let mut more = clients();
    let mut new = more[0].clone();
    new.client.id = 1;
    new.client.name = "AAA".into();
    more.push(new);
    stage.reply(Reply::Clients(Ok(more.into())));
    assert_eq!(stage.model.panes.clients.selected().unwrap().client.id, before);
}

/// S44: Sync Now pressed again does nothing and says so, from any pane.
#[test]
fn sync_now_is_off_while_it_runs() {
    let mut stage = in_panes();
    assert_eq!(stage.keys("s").len(), 1);
    for pane in ["1", "2", "3", "4", "5"] {
        stage.keys(pane);
        assert_eq!(stage.keys("s"), []);
        assert!(stage.notice().contains("Already syncing"));
    }
    stage.keys("1");
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Sync)], "one key stops, whatever runs");
    assert_eq!(stage.keys("s"), []);
    assert!(stage.notice().contains("is stopping"));
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Interrupted))));
    assert_eq!(stage.keys("s").len(), 1);
}

/// S47: the list can be looked at while the first sync runs, and Esc leads back to it.
#[test]
fn clients_can_be_looked_at_while_first_sync_runs() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::SyncProgress(progress(100, Some(237))));
    let watch = Effect::WatchEvents { id: id("acme"), limit: STEP };
    assert_eq!(stage.keys("2"), [Effect::LoadClients(id("acme")), watch]);
    assert_eq!(stage.model.screen, Screen::Panes);
    stage.keys("Esc");
    assert_eq!(stage.model.screen, Screen::Wizard);
    assert!(stage.model.work.sync.is_running());
}

/// Whichever reader meets it first, and whoever watches looks until it is over.
#[test]
fn server_that_is_away_is_told_by_first_reader() {
    let away = || Failure::new(FailureKind::NotReached, "no answer for 10 s");
    let watch = Effect::WatchEvents { id: id("acme"), limit: STEP };
    for (reply, begins_anew) in
        [(Reply::Clients(Err(away())), true), (Reply::Events(Err(away())), false), (Reply::Status(Err(away())), false)]
    {
        let mut stage = in_panes();
        assert_eq!(stage.reply(Reply::Clients(Err(away()))), [], "a file is not away");
        assert_eq!(stage.model.facts.away_since, None);
        let mut new = standing(status("Acme MSP", true, true, true));
        new.status.store = Some("PostgreSQL db.example, database pia_halo".to_owned());
        stage.reply(Reply::Status(Ok(new.clone())));
        assert_eq!(stage.reply(reply).contains(&watch), begins_anew);
        let since = stage.model.facts.away_since;
        assert_eq!(since, Some(stage.model.now));
        assert_eq!(stage.reply(Reply::Clients(Err(away()))), [], "once");
        stage.reply(Reply::Status(Ok(new)));
        assert_eq!(stage.model.facts.away_since, None);
    }
}

/// S60: drift is seen before anyone notices; Re-configure goes through the same plan.
#[test]
fn drift_is_named_and_re_configure_repairs_it() {
    let mut stage = in_panes();
    stage.keys("3");
    let mut drift = kept();
    drift.changes[4].action = Action::Link;
    drift.changes[4].reason = NOT_LINKED.to_owned();
    stage.reply(Reply::Planned(Ok(Ok(drift.clone()))));
    let rows = objects(&stage.model);
    assert_eq!((rows[0].tone, rows[0].words.as_str()), (Tone::Warn, NOT_LINKED), "it stands first");
    assert_eq!(stage.keys("Enter"), [], "the plan is there already");
    assert!(stage.model.panes.planning);
    stage.read_plan();
    assert_eq!(stage.keys("y"), [Effect::Configure(id("acme"), Box::new(drift))]);
}

/// S61: what the portal made earlier is taken over, and the pane says so.
#[test]
fn what_portal_made_is_taken_over() {
    let mut stage = in_panes();
    stage.keys("3");
    let mut adopt = plan();
    adopt.changes[0].action = Action::Adopt;
    adopt.changes[0].reason = "created earlier for this configuration".to_owned();
    stage.reply(Reply::Planned(Ok(Ok(adopt))));
    assert!(objects(&stage.model).iter().any(|row| row.words.contains("created earlier")));
}

/// S66, S67, S68, S69, S70, S71, S72, S73: the way by hand is in the help of the Integration pane.
#[test]
fn way_to_remove_pod_by_hand_is_in_help() {
    let mut stage = in_panes();
    stage.keys("3 ?");
    let Some(Popup::Help(help)) = &stage.model.popup else { panic!() };
    let text: Vec<&str> = help
        .lines
        .iter()
        .filter_map(|line| match line {
            HelpLine::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let text = text.join(" ");
    for words in [
        "Configuration icon at the bottom of the side menu",
        "Configuration screen opens",
        "Custom Objects",
        "Custom Objects screen opens",
        "Custom Tabs",
        "Pia Chat Pod",
        "Delete at the top, and confirm",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(CHAT_POD_REMOVAL.len(), 5);
}

/// S54: each object is listed with its kind and name.
#[test]
fn record_lists_each_object_before_halo_is_asked() {
    let mut stage = in_panes();
    stage.keys("3");
    let rows = objects(&stage.model);
    assert_eq!(rows.len(), 4);
    assert_eq!((rows[2].kind, rows[2].name.as_str()), (ObjectKind::CustomTab, "Pia Chat Pod"));
}

#[test]
fn callback_url_of_selected_webhook_is_copied() {
    let mut stage = in_panes();
    stage.keys("3 Down");
    let second = crate::app::testing::callbacks()[1].1.expose();
    assert_eq!(stage.keys("c"), [Effect::Copy(second.clone())]);
    stage.keys("Down");
    assert_eq!(stage.keys("c"), []);
    stage.keys("End");
    assert_eq!(stage.keys("c"), [Effect::Copy(second)]);
}

/// The beginning of a long list is on the screen while the rest is read; a whole list never gives way to a beginning.
#[test]
fn beginning_of_list_is_there_at_once_and_whole_takes_its_place() {
    let mut stage = Stage::with(crate::app::testing::finished());
    stage.keys("2");
    stage.reply(Reply::FirstClients(ClientList::beginning(clients(), 100_000)));
    assert_eq!((stage.model.panes.clients.count(), stage.model.panes.clients.total()), (5, 100_000));
    assert!(stage.model.panes.clients.is_beginning());
    assert_eq!(stage.keys("E"), [], "what is not all there is not exported");
    // What is selected is selected by its id: in the whole list it has another place.
    stage.keys("Down");
    let selected = stage.model.panes.clients.selected().unwrap().client.id;
    let mut all = clients();
    all.push(crate::domain::client::StoredClient {
        client: crate::domain::client::Client { id: 1, name: "AAA".into(), ..all[0].client.clone() },
        ..all[0].clone()
    });
    stage.reply(Reply::Clients(Ok(all.into())));
    assert_eq!(stage.model.panes.clients.selected().unwrap().client.id, selected);
    assert_eq!(stage.model.panes.clients.total(), 7);
    stage.reply(Reply::FirstClients(ClientList::beginning(clients(), 100_000)));
    assert_eq!(stage.model.panes.clients.total(), 7, "a list that is read anew stays whole meanwhile");
}

#[test]
fn filters_for_new_and_changed_clients_keep_selection() {
    let mut stage = in_panes();
    stage.keys("2");
    stage.reply(Reply::Clients(Ok(ClientList::new(clients(), &changes(1)))));
    let ids = |stage: &Stage| -> Vec<i64> {
        let listed = &stage.model.panes.clients;
        (0..listed.count()).filter_map(|at| listed.row(at)).map(|row| row.client.id).collect()
    };
    stage.keys("End");
    let selected = stage.model.panes.clients.selected().unwrap().client.id;
    stage.keys("o");
    assert_eq!(ids(&stage), [7, 8, 10, 11, 12]);
    assert_eq!(stage.model.panes.clients.selected().unwrap().client.id, selected);
    stage.keys("f f o");
    assert_eq!(ids(&stage)[0], 9, "the one that was not seen for the longest time");
    stage.keys("f");
    assert_eq!(ids(&stage), [7]);
    stage.keys("f o");
    let mut changed = ids(&stage);
    changed.sort_unstable();
    assert_eq!(changed, [8, 9, 10, 11]);
}

/// What is exported is what is listed, in its order.
#[test]
fn what_is_listed_is_exported() {
    let mut stage = in_panes();
    stage.keys("2 /");
    stage.type_text("northwind");
    assert_eq!(stage.keys("Enter E"), [], "where to is asked first");
    let day = stage.now.strftime("%F").to_string();
    let effects = stage.keys("Enter");
    let [Effect::Export(export)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((&export.id, &export.file), (&id("acme"), &format!("acme-clients-{day}.csv")));
    assert_eq!(export.clients().map(|client| client.client.id).collect::<Vec<_>>(), [7, 8]);
    stage.reply(Reply::Exported(Ok((2, "/home/dana/acme.csv".to_owned()))));
    assert_eq!(stage.notice(), "2 clients written to /home/dana/acme.csv");
    stage.keys("E ^U");
    assert_eq!(stage.keys("Enter"), [], "a file has a name");
    stage.type_text("/tmp/mine.csv");
    let effects = stage.keys("Enter");
    assert!(matches!(effects.as_slice(), [Effect::Export(export)] if export.file == "/tmp/mine.csv"), "{effects:?}");
    stage.keys("/");
    stage.type_text(" zzz");
    stage.keys("Enter E");
    assert!(stage.model.popup.is_none(), "nothing is listed");
}

/// The service is installed on a yes to the steps that are shown, and not offered while it runs.
#[test]
fn service_is_installed_on_yes_to_its_steps() {
    let mut stage = in_panes();
    stage.keys("1");
    assert_eq!(stage.keys("i"), [], "it runs");
    let mut stopped = status("Acme MSP", true, true, true);
    stopped.service.running = false;
    stage.reply(Reply::Status(Ok(standing(stopped))));
    assert_eq!(stage.keys("i"), [Effect::LoadInstallation]);
    stage.reply(Reply::Installation(Ok(vec!["write /etc/systemd/system/pia-halo.service".to_owned()])));
    assert_eq!(stage.keys("Enter"), [], "no is chosen");
    stage.keys("i");
    stage.reply(Reply::Installation(Ok(vec!["write /etc/systemd/system/pia-halo.service".to_owned()])));
    assert_eq!(stage.keys("y"), [Effect::InstallService]);
    assert_ne!(Effect::InstallService.slot(), Effect::Deactivate.slot(), "neither takes the place of the other");
    stage.reply(Reply::Installed(Ok(false)));
    let next = "set it up as the account it runs as: sudo -u pia-halo -H pia-halo";
    assert!(stage.notice().ends_with(next), "{}", stage.notice());
    stage.reply(Reply::Installation(Err(Failure::new(FailureKind::Usage, "only root can install the service"))));
    assert!(stage.notice().contains("only root"), "{}", stage.notice());
}

/// What Configure has just done is looked at in Halo as soon as its objects are shown: success does not look unknown.
#[test]
fn objects_are_looked_at_after_configure() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.read_plan();
    stage.keys("y");
    let report = ConfigureReport {
        status: ConfigureStatus::Configured,
        results: results(&plan()),
        message: "done".to_owned(),
        refusal: None,
        warnings: Vec::new(),
        cause: None,
    };
    stage.reply(Reply::Configured(Ok(report)));
    stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, true)))));
    stage.keys("Enter Enter");
    assert_eq!(stage.model.screen, Screen::Panes);
    assert!(stage.keys("3").contains(&Effect::LoadPlan(id("acme"))));
    stage.reply(Reply::Planned(Ok(Ok(kept()))));
    assert!(objects(&stage.model).iter().any(|row| row.tone == Tone::Good));
}

/// What another program did to the integration makes the plan that is open an old one: it is said, and not applied.
#[test]
fn open_plan_is_stale_once_another_program_configures() {
    let mut stage = in_panes();
    stage.keys("3 Enter");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.read_plan();
    let mut other = status("Acme MSP", true, true, true);
    other.integration.configured_at = Some(stage.now);
    stage.reply(Reply::Status(Ok(standing(other))));
    assert_eq!(stage.keys("y"), []);
    assert!(stage.notice().contains("Another program has changed the integration"), "{}", stage.notice());
    assert_eq!(stage.keys("t"), [Effect::LoadPlan(id("acme"))]);
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.read_plan();
    assert_eq!(stage.keys("y").len(), 1, "the one that was read since is applied");
}

/// What a sync changed is opened from its line in the history, scrolls, and closes before the pane is left.
#[test]
fn run_of_history_says_what_it_changed() {
    let mut stage = in_panes();
    assert_eq!(stage.keys("Down Enter"), [Effect::LoadChanges { id: id("acme"), run: 3 }]);
    stage.reply(Reply::Changes(Ok(Some(changes(90)))));
    stage.keys("End");
    assert_eq!(stage.model.panes.report.as_ref().unwrap().window.selected, 449);
    assert_eq!(stage.model.panes.window(Pane::Sync).selected, 1);
    assert_eq!(stage.keys("Enter"), [], "it is open already");
    assert_eq!(stage.keys("Esc"), []);
    assert!(stage.model.panes.report.is_none() && stage.model.screen == Screen::Panes);
    stage.keys("Enter 2 1");
    assert!(stage.model.panes.report.is_none(), "another pane closes it");
    // Its answer is late: nobody looks at it any more.
    stage.reply(Reply::Changes(Ok(Some(changes(1)))));
    assert!(stage.model.panes.report.is_none());
}

/// S61: what the portal made is taken over after the typed id, and the plan is made anew with it.
#[test]
fn objects_of_portal_are_taken_over_after_typed_id() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(offering()))));
    stage.keys("Enter o");
    assert!(matches!(stage.model.popup, Some(Popup::Typed(_))));
    stage.type_text("acm");
    assert_eq!(stage.keys("Enter"), [], "half of the id is no yes");
    stage.type_text("e");
    assert_eq!(stage.keys("Enter"), [Effect::LoadPlanTaking(id("acme"), vec!["46".to_owned()])]);
}

/// A stage on the overview with two problems, the webhooks first.
fn in_trouble() -> Stage {
    let mut stage = in_panes();
    stage.keys("0");
    tell(&mut stage, |status| {
        status.integration.rotation.under_way = true;
        status.service.running = false;
    });
    stage
}

fn tell(stage: &mut Stage, change: impl FnOnce(&mut Status)) {
    let mut told = stage.model.facts.standing.clone().unwrap();
    change(&mut told.status);
    stage.reply(Reply::Status(Ok(told)));
}

fn rule(stage: &Stage) -> Rule {
    health::selected(&stage.model).unwrap().rule
}

/// Where no systemd runs, nothing offers to install the service as a unit of it: neither a key nor what mends the issue.
#[test]
fn service_is_installed_only_under_systemd() {
    let mut stage = in_trouble();
    stage.keys("Home");
    assert_eq!(rule(&stage), Rule::Service);
    let is_offered = |stage: &Stage| hints(&stage.model, 200).0.iter().any(|hint| hint.words.contains("Install"));
    assert!(is_offered(&stage));
    stage.model.systemd = false;
    assert!(!is_offered(&stage), "{:?}", hints(&stage.model, 200).0);
    assert_eq!(stage.keys("i"), []);
    assert_eq!(stage.keys("Enter"), [Effect::Copy(Secret::new("pia-halo serve"))]);
    stage.reply(Reply::Copied(Ok(())));
    assert!(stage.notice().starts_with("To run in a shell: pia-halo serve"), "{}", stage.notice());
}

/// Enter does something about whatever is listed, also where systemd is not there; dismissing is never all that is offered.
#[test]
fn enter_always_does_something_about_what_is_listed() {
    for systemd in [true, false] {
        for rule in Rule::ALL {
            for state in [State::Unknown, State::Watch, State::Broken] {
                let mut stage = in_panes();
                stage.model.systemd = systemd;
                let mends = health::mend(&stage.model, &Finding::new(rule, state, "f"));
                assert!(mends.is_some_and(|mends| mends != Command::Dismiss), "{rule:?} {state:?}, systemd {systemd}");
            }
        }
        let mut stage = in_trouble();
        stage.model.systemd = systemd;
        stage.keys("Home");
        let (keys, _) = hints(&stage.model, 200);
        assert_eq!(keys[0].key, "Enter", "{keys:?}");
        assert_ne!(stage.keys("Enter"), []);
    }
}

/// A webhook that had nothing to deliver is given something: Enter, and the key of the test ticket.
#[test]
fn webhook_without_deliveries_leads_to_test_ticket() {
    for key in ["Enter", "p"] {
        let mut stage = in_panes();
        stage.keys("0");
        tell(&mut stage, |status| {
            status.integration.configured_at = Some(at("2026-11-23T10:50:00Z"));
            status.integration.deliveries = deliveries();
        });
        while rule(&stage) != Rule::Deliveries {
            stage.keys("Down");
        }
        stage.keys(key);
        assert_eq!(stage.model.panes.pane, Pane::Integration, "there its stations are shown");
        assert!(matches!(stage.model.popup, Some(Popup::Typed(_))), "{key}");
    }
    // Its own key does so wherever the cursor stands, or says why not.
    let mut stage = in_panes();
    stage.keys("0 Home p");
    assert!(matches!(stage.model.popup, Some(Popup::Typed(_))) || !stage.notice().is_empty());
}

/// A sync that runs is stopped with the same key in every pane; what is searched for goes first.
#[test]
fn sync_is_stopped_in_every_pane() {
    for pane in ["0", "1", "2", "3", "4", "5"] {
        let mut stage = in_panes();
        stage.keys(pane);
        if pane == "3" {
            stage.reply(Reply::Planned(Ok(Ok(kept()))));
        }
        stage.keys("s");
        let (keys, _) = hints(&stage.model, 80);
        assert!(keys.iter().any(|hint| (&*hint.key, &*hint.words) == ("Esc", "Stop")), "{pane}: {keys:?}");
        assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Sync)], "{pane}");
        assert_eq!(stage.model.screen, Screen::Panes);
        let (keys, _) = hints(&stage.model, 80);
        assert!(keys.iter().all(|hint| hint.words != "Stop"), "{pane}: it is stopping");
    }
}

/// A sync hides no issue from the header while it runs.
#[test]
fn header_tells_issues_while_sync_runs() {
    let mut stage = in_trouble();
    stage.keys("s");
    let (tone, words) = standing_of(&stage.model);
    assert_eq!(tone, Tone::Bad);
    assert!(words.starts_with("2 issues: service not running · syncing"), "{words}");
}

/// A sync of another program is told wherever somebody looks, though nobody here has asked for one.
#[test]
fn sync_of_another_program_is_told() {
    let mut stage = in_panes();
    let mut told = stage.model.facts.standing.clone().unwrap();
    told.syncing = Some("serve by pia-halo on jump1".to_owned());
    stage.reply(Reply::Status(Ok(told.clone())));
    assert!(standing_of(&stage.model).1.starts_with("Syncing"), "{:?}", standing_of(&stage.model));
    assert_eq!(elsewhere(&stage.model), Some("serve by pia-halo on jump1"));
    told.syncing = None;
    stage.reply(Reply::Status(Ok(told)));
    assert_eq!(elsewhere(&stage.model), None);
}

/// What is not known is in the list behind what is wrong: it can be selected and read, and is not dismissed.
#[test]
fn unknown_checks_are_in_list_and_cannot_be_dismissed() {
    let mut stage = in_trouble();
    tell(&mut stage, |status| status.known.before.retain(|finding| finding.rule != Rule::Clock));
    stage.keys("Home Down Down");
    assert_eq!(rule(&stage), Rule::Clock);
    assert_eq!(stage.keys("x"), []);
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.keys("Enter"), [Effect::Look(id("acme"))]);
}

/// What comes up or goes above it moves the list, and not the choice.
#[test]
fn selected_problem_stays_selected_when_others_come() {
    let mut stage = in_trouble();
    stage.keys("Home Down");
    assert_eq!(rule(&stage), Rule::Rotation);
    tell(&mut stage, |status| status.integration.unfinished = 1);
    assert_eq!(rule(&stage), Rule::Rotation, "another one came above it");
    tell(&mut stage, |status| {
        status.integration.unfinished = 0;
        status.service.running = true;
    });
    assert_eq!(rule(&stage), Rule::Rotation, "all above it went");
    tell(&mut stage, |status| status.integration.rotation.under_way = false);
    assert!(health::selected(&stage.model).is_none_or(|issue| issue.rule != Rule::Rotation));
}

/// What the overview says of an object, its row says before Halo is asked again; what it has seen in place is no news.
#[test]
fn pane_names_drift_that_overview_knows() {
    let mut stage = in_panes();
    tell(&mut stage, |status| {
        let drift = Finding::new(Rule::Drift, State::Broken, "Pia Chat Pod (missing in Halo)").about("Pia Chat Pod");
        status.known.before.retain(|finding| finding.rule != Rule::Drift);
        status.known.before.push(Finding { seen_at: Some(at("2026-11-23T10:50:00Z")), ..drift });
    });
    stage.keys("3");
    assert!(matches!(stage.model.work.plan, PlanWork::Reading { .. }), "Halo is being asked");
    let rows = objects(&stage.model);
    assert_eq!((rows[0].name.as_str(), rows[0].tone), ("Pia Chat Pod", Tone::Bad), "first, and not grey");
    assert!(rows[1..].iter().all(|row| row.tone == Tone::Calm && row.words.starts_with("in place")), "{rows:?}");
}

/// Enter leads; dismissing is a key of its own, and the same key takes it back.
#[test]
fn enter_never_dismisses_and_dismissing_can_be_undone() {
    let mut stage = in_panes();
    for rule in Rule::ALL {
        let broken = Finding::new(rule, State::Broken, "f");
        assert_ne!(health::mend(&stage.model, &broken), Some(Command::Dismiss), "{rule:?}");
    }
    stage.keys("0");
    tell(&mut stage, |status| status.integration.rotation.under_way = true);
    stage.keys("Home");
    let dismiss = |undo| [Effect::Dismiss { id: id("acme"), rule: Rule::Rotation, undo }];
    assert_eq!(stage.keys("x"), [], "it asks first");
    assert_eq!(stage.keys("Enter"), [], "no is the answer that loses nothing");
    assert_eq!(stage.keys("x y"), dismiss(false));
    let cause = health::list(&stage.model).iter().find(|issue| issue.rule == Rule::Rotation).unwrap().cause();
    tell(&mut stage, |status| status.known.dismissed = vec![(Rule::Rotation, cause)]);
    stage.keys("Home");
    assert_eq!(rule(&stage), Rule::Rotation);
    let (keys, _) = hints(&stage.model, 200);
    assert!(keys.iter().any(|hint| hint.words == "Restore"), "{keys:?}");
    assert_eq!(stage.keys("x"), dismiss(true));
}

/// The state could not be read: nothing is known to be well.
#[test]
fn nothing_is_well_while_state_cannot_be_read() {
    let mut stage = in_panes();
    let failure = Failure::new(FailureKind::LocalState, "disk I/O error");
    stage.reply(Reply::Status(Err(failure)));
    assert!(health::findings(&stage.model).iter().all(|finding| finding.state != State::Well));
    tell(&mut stage, |_| {});
    assert!(health::findings(&stage.model).iter().any(|finding| finding.state == State::Well));
}

/// Ages and what becomes overdue are said anew each minute, though nothing happens.
#[test]
fn overview_is_drawn_anew_each_minute() {
    let mut stage = in_panes();
    stage.keys("0");
    // Otherwise it is the age of that which changes.
    tell(&mut stage, |status| status.service.last_event_at = None);
    let next = crate::app::next_wake(&stage.model, stage.now).unwrap();
    assert!(next.duration_since(stage.now).as_secs() <= 60, "{next}");
}

/// What another program has installed makes the plan that was read here an old one, whichever pane is open.
#[test]
fn plan_is_forgotten_when_another_program_configures() {
    let mut stage = in_panes();
    stage.keys("3");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("1");
    tell(&mut stage, |status| status.integration.configured_at = Some(at("2026-11-23T10:50:00Z")));
    assert!(stage.keys("3").contains(&Effect::LoadPlan(id("acme"))), "it is read anew");
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("1");
    let mut others = stage.model.overview.clone();
    others.configurations[0].configuration.pia_screen.pia_board = "Another board".to_owned();
    stage.reply(Reply::Overview(Ok(others)));
    assert!(stage.keys("3").contains(&Effect::LoadPlan(id("acme"))), "and after somebody else has saved");
}

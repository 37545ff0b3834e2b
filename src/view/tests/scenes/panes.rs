//! The panes.

use crate::app::message::Reply;
use crate::app::panes::clients::ClientList;
use crate::app::testing::{
    Stage, at, callbacks, changes, clients, configure_report, deliveries, failed, finished, in_panes, kept, lists,
    overview, plan, progress, results, saved, standing, status, sync_report,
};
use crate::domain::activity::ActivityField;
use crate::domain::client::{ClientStatus, DisabledReason, StoredClient};
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State, from_run};
use crate::domain::host::{Host, HostService};
use crate::domain::plan::{ChangeResult, ConfigureReport, ConfigureStatus, Outcome};
use crate::domain::request::Standing;
use crate::domain::sync_run::{RequestBudget, SyncProgress, SyncReport, SyncStatus};

use super::installing::{blocked, long};
use super::{Scenes, unreachable, unreadable};

// In the pane Sync with nothing read yet.
fn bare() -> Stage {
    let mut stage = Stage::with(finished());
    stage.keys("1");
    stage
}

fn standing_with(change: impl FnOnce(&mut Standing)) -> Stage {
    let mut stage = in_panes();
    let mut new = standing(status("Acme MSP", true, true, true));
    change(&mut new);
    stage.reply(Reply::Status(Ok(new)));
    stage
}

fn many_runs(standing: &mut Standing) {
    let run = standing.runs[0].clone();
    let at = |back: i64| run.started_at - jiff::SignedDuration::from_hours(24 * back);
    standing.runs = (0..90).map(|back| SyncReport { started_at: at(back), ..run.clone() }).collect();
}

// On a server, with three hosts: one leads, one stands by, and one has ended.
fn on_server(standing: &mut Standing) {
    let host = |name: &str, service, last_seen: &str| Host {
        host: name.to_owned(),
        version: Some("0.1.0".to_owned()),
        service,
        signed_in: service != HostService::NotRunning,
        last_seen: Some(at(last_seen)),
    };
    standing.status.store = Some("PostgreSQL db.example, database pia_halo".to_owned());
    standing.status.hosts = vec![
        host("jump1", HostService::Leads, "2026-11-23T10:52:58Z"),
        host("jump2", HostService::StandsBy, "2026-11-23T10:52:57Z"),
        host("jump3", HostService::NotRunning, "2026-11-23T07:12:00Z"),
    ];
}

fn many_hosts(standing: &mut Standing) {
    on_server(standing);
    let last = standing.status.hosts[2].clone();
    standing.status.hosts.extend((4..30).map(|number| Host { host: format!("jump{number}"), ..last.clone() }));
}

fn away() -> Failure {
    Failure::new(FailureKind::NotReached, "PostgreSQL db.example, database pia_halo: no answer")
}

fn many_entries(standing: &mut Standing) {
    let entry = standing.activity[2].clone();
    standing.activity = vec![entry; 312];
}

/// As many clients as asked for, with plain names.
pub fn many_clients(count: i64) -> Vec<StoredClient> {
    let one = clients()[0].clone();
    let client = |id| {
        let mut client = one.clone();
        client.client.id = id;
        client.client.name = format!("Client {id:06}").into();
        client
    };
    (0..count).map(client).collect()
}

pub fn add(scenes: &mut Scenes) {
    overview_pane(scenes);
    sync(scenes);
    clients_pane(scenes);
    integration(scenes);
    activity(scenes);
}

// On the Overview pane, with a month behind it.
fn over(change: impl FnOnce(&mut Standing)) -> Stage {
    let mut stage = standing_with(|standing| {
        many_runs(standing);
        standing.status.integration.deliveries = deliveries();
        standing.status.integration.deliveries[1].state = DeliveryState::Delivered;
        for (back, run) in standing.runs.iter_mut().enumerate() {
            run.finished_at = run.started_at;
            run.active = 240 - back as u64 / 4;
            run.status = match back {
                3 => SyncStatus::CompleteWithWarnings,
                9 | 10 => SyncStatus::Failed,
                _ => SyncStatus::Complete,
            };
        }
        change(standing);
    });
    stage.keys("0");
    stage
}

fn overview_pane(scenes: &mut Scenes) {
    scenes.add("pane_overview", over(|_| {}), |_| {});
    let broken = |standing: &mut Standing| {
        let status = &mut standing.status;
        status.service.running = false;
        status.integration.deliveries[1].state = DeliveryState::Never;
        status.integration.rotation.under_way = true;
        let drift = Finding::new(Rule::Drift, State::Watch, "Incident (not linked to the Pia Chat Pod)");
        let seen_at = Some(at("2026-11-23T04:31:00Z"));
        status.known.before.retain(|finding| finding.rule != Rule::Drift);
        status.known.before.push(Finding { seen_at, ..drift.since(at("2026-11-21T04:31:00Z")) });
        let rotation = Finding::new(Rule::Rotation, State::Watch, "");
        status.known.dismissed = vec![(Rule::Rotation, rotation.cause())];
    };
    scenes.add("pane_overview_problems", over(broken), |stage| {
        stage.keys("Down");
    });
    scenes.add("pane_overview_last_problem", over(broken), |stage| {
        stage.keys("G");
    });
    scenes.add("pane_overview_dismissing", over(broken), |stage| {
        stage.keys("x");
    });
    let failed_run = |standing: &mut Standing| {
        standing.status.integration.objects.clear();
        standing.status.integration.configured_at = None;
        standing.status.integration.was_configured = false;
        let run = results(&plan()).into_iter().map(|result| ChangeResult { outcome: Outcome::Failed, ..result });
        let report = ConfigureReport {
            status: ConfigureStatus::Failed,
            results: run.collect(),
            message: "6 not done. Fix that and run Configure again".to_owned(),
            refusal: None,
            warnings: Vec::new(),
            cause: None,
        };
        let moment = Some(at("2026-11-23T10:51:00Z"));
        let failed = Finding { seen_at: moment, ..from_run(&report).since(moment) };
        standing.status.known.before.push(failed);
    };
    scenes.add("pane_overview_failed_run", over(failed_run), |_| {});
    let unknown = |standing: &mut Standing| {
        standing.status.known.before.retain(|finding| finding.rule != Rule::Clock);
        standing.hours = vec![0; 24];
        standing.runs.clear();
    };
    scenes.add("pane_overview_unknown", over(unknown), |_| {});
    scenes.add("pane_overview_checking", over(|_| {}), |stage| {
        stage.keys("t");
        stage.later(7);
    });
    let inactive = Stage::with(overview(vec![saved("acme", "Acme MSP", false, true, true)]));
    scenes.add("pane_overview_inactive", inactive, |stage| {
        stage.keys("Enter");
    });
    scenes.add("pane_overview_nothing_read", Stage::with(finished()), |_| {});
}

fn sync(scenes: &mut Scenes) {
    scenes.add("pane_sync", in_panes(), |_| {});
    scenes.add("pane_sync_nothing_read", bare(), |_| {});
    scenes.add("pane_sync_budget", in_panes(), |stage| {
        stage.keys("s");
        stage.later(5);
        let more_at = stage.now.checked_add(jiff::SignedDuration::from_secs(42)).ok();
        let budget = RequestBudget { used: 630, limit: 700, window_seconds: 300, more_at };
        stage.reply(Reply::SyncProgress(SyncProgress {
            budget: Some(budget),
            resumed_pages: 12,
            ..progress(120, Some(237))
        }));
    });
    scenes.add("pane_sync_resumed", standing_with(|standing| standing.runs[0].resumed_pages = 12), |_| {});
    scenes.add("pane_sync_changes", in_panes(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Changes(Ok(Some(changes(1)))));
        stage.keys("Down");
    });
    scenes.add("pane_sync_changes_many", in_panes(), |stage| {
        stage.keys("Down Enter");
        stage.reply(Reply::Changes(Ok(Some(changes(90)))));
        stage.keys("PgDn PgDn Down");
    });
    scenes.add("pane_sync_changes_reading", in_panes(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("pane_sync_changes_none", in_panes(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Changes(Ok(Some(Vec::new()))));
    });
    scenes.add("pane_sync_changes_forgotten", in_panes(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Changes(Ok(None)));
    });
    scenes.add("pane_sync_changes_unreadable", in_panes(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Changes(Err(unreadable())));
    });
    scenes.add("pane_sync_unreadable", bare(), |stage| {
        stage.reply(Reply::Status(Err(unreadable())));
    });
    scenes.add("pane_sync_never", standing_with(|standing| standing.runs.clear()), |_| {});
    scenes.add("pane_sync_many", standing_with(many_runs), |stage| {
        stage.keys("PgDn PgDn PgDn");
    });
    scenes.add("pane_sync_by_timer", standing_with(|standing| standing.status.service.running = false), |_| {});
    let timer = standing_with(|standing| {
        (standing.status.service.running, standing.status.service.timer) = (false, true);
    });
    let stopped = standing_with(|standing| standing.status.service.running = false);
    scenes.add("service_installation", stopped, |stage| {
        stage.keys("i");
        let steps = ["write /etc/systemd/system/pia-halo.service", "systemctl enable --now pia-halo.service"];
        stage.reply(Reply::Installation(Ok(steps.map(str::to_owned).to_vec())));
    });
    scenes.add("pane_sync_timer", timer, |_| {});
    scenes.add("pane_sync_warnings", in_panes(), |stage| {
        stage.keys("Down");
    });
    scenes.add("pane_sync_running", in_panes(), |stage| {
        stage.keys("s");
        stage.later(5);
        stage.reply(Reply::SyncProgress(progress(120, Some(237))));
        stage.keys("s");
    });
    scenes.add("pane_sync_stopping", in_panes(), |stage| {
        stage.keys("s");
        stage.reply(Reply::SyncProgress(progress(120, Some(237))));
        stage.keys("Esc");
    });
    scenes.add("pane_sync_stopped", in_panes(), |stage| {
        stage.keys("s");
        stage.reply(Reply::SyncProgress(progress(120, Some(237))));
        stage.keys("Esc");
        stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    });
    scenes.add("pane_sync_failed", in_panes(), |stage| {
        stage.keys("s");
        stage.reply(Reply::Synced(Err(unreachable())));
    });
    scenes.add("pane_sync_mass_change", in_panes(), |stage| {
        stage.keys("s");
        let mut report = sync_report(SyncStatus::NeedsConfirmation);
        report.warnings = vec!["61 of 237 clients would be disabled.".to_owned()];
        stage.reply(Reply::Synced(Ok(report)));
    });
    let two = vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Acme trial", false, true, true)];
    scenes.add("pane_sync_not_active", Stage::with(overview(two)), |stage| {
        stage.keys("^O Down Enter 1");
        stage.reply(Reply::Status(Ok(standing(status("Acme trial", false, true, true)))));
    });
}

fn clients_pane(scenes: &mut Scenes) {
    scenes.add("pane_clients", in_panes(), |stage| {
        stage.keys("2");
    });
    scenes.add("pane_clients_reading", bare(), |stage| {
        stage.keys("2");
    });
    scenes.add("pane_clients_none", bare(), |stage| {
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(Vec::new().into())));
    });
    scenes.add("pane_clients_syncing", bare(), |stage| {
        stage.keys("s 2");
        stage.reply(Reply::Clients(Ok(Vec::new().into())));
    });
    scenes.add("pane_clients_unreadable", bare(), |stage| {
        stage.keys("2");
        stage.reply(Reply::Clients(Err(unreadable())));
    });
    scenes.add("pane_clients_search", in_panes(), |stage| {
        stage.keys("2 /");
        stage.type_text("norwnd");
    });
    scenes.add("pane_clients_no_match", in_panes(), |stage| {
        stage.keys("2 /");
        stage.type_text("zzz");
    });
    scenes.add("pane_clients_all", in_panes(), |stage| {
        stage.keys("2 f f End");
    });
    scenes.add("pane_clients_many", in_panes(), |stage| {
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(many_clients(1_200).into())));
        stage.keys("PgDn PgDn PgDn PgDn PgDn PgDn");
    });
    scenes.add("pane_clients_beginning", bare(), |stage| {
        stage.keys("2");
        stage.reply(Reply::FirstClients(ClientList::beginning(many_clients(200), 100_000)));
        stage.keys("Down");
    });
    scenes.add("pane_clients_new", in_panes(), |stage| {
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(ClientList::new(clients(), &changes(1)))));
        stage.keys("f f f");
    });
    scenes.add("pane_clients_changed", in_panes(), |stage| {
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(ClientList::new(clients(), &changes(1)))));
        stage.keys("f f f f");
    });
    scenes.add("pane_clients_left_out", in_panes(), |stage| {
        let mut clients = clients();
        clients[1].status = ClientStatus::Disabled(DisabledReason::LeftOut);
        stage.keys("2");
        stage.reply(Reply::Clients(Ok(ClientList::new(clients, &[]))));
        stage.keys("f f f f f");
    });
    scenes.add("pane_clients_nothing_new", in_panes(), |stage| {
        stage.keys("2 f f f");
    });
    scenes.add("pane_clients_nothing_changed", in_panes(), |stage| {
        stage.keys("2 f f f f");
    });
    scenes.add("pane_clients_by_id", in_panes(), |stage| {
        stage.keys("2 o");
    });
    scenes.add("pane_clients_by_time", in_panes(), |stage| {
        stage.keys("2 f f o o");
    });
    scenes.add("pane_clients_exported", in_panes(), |stage| {
        stage.keys("2 E");
        stage.reply(Reply::Exported(Ok((4, "/home/dana/acme-clients-2026-11-23.csv".to_owned()))));
    });
    scenes.add("pane_clients_export_failed", in_panes(), |stage| {
        stage.keys("2 E");
        let words = "nothing was exported to /mnt: Read-only file system (os error 30)";
        stage.reply(Reply::Exported(Err(Failure::new(FailureKind::LocalState, words))));
    });
    scenes.add("pane_clients_detail", in_panes(), |stage| {
        stage.keys("2 f Enter");
    });
    scenes.add("pane_clients_detail_long", in_panes(), |stage| {
        stage.keys("2 Enter");
    });
}

fn integration(scenes: &mut Scenes) {
    scenes.add("pane_integration_looking", in_panes(), |stage| {
        stage.keys("3");
    });
    scenes.add("pane_integration_repair", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.keys("Down Down");
    });
    scenes.add("pane_integration_blocked", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(blocked()))));
    });
    scenes.add("pane_integration_long", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(long()))));
        stage.keys("PgDn Down Down Down");
    });
    scenes.add("pane_integration_good", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
    });
    scenes.add("pane_integration_refused", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Err(failed()))));
    });
    scenes.add("pane_integration_unreachable", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Err(unreachable())));
    });
    scenes.add("pane_integration_revealed", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(kept()))));
        stage.keys("End r");
    });
    scenes.add("pane_integration_no_callbacks", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Callbacks(Err(unreadable())));
    });
    let nothing = overview(vec![saved("acme", "Acme MSP", true, true, false)]);
    scenes.add("pane_integration_nothing", Stage::with(nothing), |stage| {
        stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, true, false)))));
        stage.reply(Reply::Lists(Ok(lists())));
        crate::app::panes::enter(&mut stage.model);
        stage.keys("3");
        stage.reply(Reply::Callbacks(Ok(callbacks())));
    });
    let idle = overview(vec![saved("acme", "Acme MSP", true, false, false)]);
    scenes.add("pane_integration_no_sync", Stage::with(idle), |stage| {
        stage.reply(Reply::Status(Ok(standing(status("Acme MSP", true, false, false)))));
        crate::app::panes::enter(&mut stage.model);
        stage.keys("3");
    });
    scenes.add("pane_integration_plan", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.keys("Enter");
    });
    scenes.add("pane_integration_applying", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.keys("Enter");
        stage.read_plan();
        stage.keys("y 3");
    });
    scenes.add("pane_integration_done", in_panes(), |stage| {
        stage.keys("3");
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        stage.keys("Enter");
        stage.read_plan();
        stage.keys("y");
        stage.reply(Reply::Configured(Ok(configure_report(&plan()))));
    });
}

fn activity(scenes: &mut Scenes) {
    scenes.add("pane_activity", in_panes(), |stage| {
        stage.keys("5");
    });
    scenes.add("pane_activity_reading", bare(), |stage| {
        stage.keys("5");
    });
    scenes.add("pane_activity_unreadable", bare(), |stage| {
        stage.keys("5");
        stage.reply(Reply::Status(Err(unreadable())));
    });
    scenes.add("pane_activity_none", standing_with(|standing| standing.activity.clear()), |stage| {
        stage.keys("5");
    });
    scenes.add("pane_activity_many", standing_with(many_entries), |stage| {
        stage.keys("5 PgDn PgDn Down");
    });
    let with_fields = |standing: &mut Standing| {
        standing.activity[0].message = Some("Halo says: 400 \"name is in use\".".to_owned());
        standing.activity[0].fields = vec![ActivityField {
            name: "Daily Sync Time".to_owned(),
            before: Some("04:30".to_owned()),
            after: Some("05:45".to_owned()),
        }];
    };
    scenes.add("pane_activity_opened", in_panes(), |stage| {
        stage.keys("5 Down Enter");
    });
    scenes.add("pane_activity_search", in_panes(), |stage| {
        stage.keys("5 /");
        stage.type_text("webhook");
    });
    scenes.add("pane_activity_hosts", standing_with(on_server), |stage| {
        stage.keys("5");
    });
    scenes.add("pane_activity_many_hosts", standing_with(many_hosts), |stage| {
        stage.keys("5");
    });
    scenes.add("pane_sync_on_server", standing_with(on_server), |_| {});
    scenes.add("pane_sync_server_away", standing_with(on_server), |stage| {
        stage.reply(Reply::Status(Err(away())));
    });
    scenes.add("pane_clients_server_away", standing_with(on_server), |stage| {
        stage.keys("2");
        stage.reply(Reply::Status(Err(away())));
    });
    scenes.add("pane_activity_fields", standing_with(with_fields), |stage| {
        stage.keys("5");
    });
}

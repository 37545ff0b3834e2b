//! Remove: what Configure put into Halo goes, and nothing else; half-failed, it is made again and finishes.

use pia_halo::demo::{Fault, TabLink};
use serde_json::{Value, json};

use crate::support::Profile;
use crate::support::changing::{outcomes, plain, small};

async fn configured() -> (Profile, Value) {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    profile.run(["configure", "--yes"]).await.expect(0);
    (profile, before)
}

fn switch(profile: &Profile, fault: &str, on: bool) {
    profile.halo.set_fault(fault.parse().unwrap(), on);
}

/// N5, S65, S73: the plan is shown first, everything of ours goes, links before the tab and events before the webhook.
#[tokio::test(flavor = "multi_thread")]
async fn remove_takes_out_everything_of_ours_and_nothing_else() {
    let (profile, before) = configured().await;
    let plan = profile.json(["remove", "--plan"], 3).await;
    assert_eq!((&plan["counts"]["delete"], &plan["counts"]["unlink"]), (&json!(8), &json!(6)));
    profile.halo.clear_requests();
    let report = profile.json(["remove", "--yes"], 0).await;
    assert_eq!(report["status"], "removed");
    assert!(report["message"].as_str().unwrap().contains("API application"), "what is left to switch off is named");
    assert!(report["results"].as_array().unwrap().iter().all(|result| result["outcome"] == "done"));
    assert_eq!(plain(profile.halo.snapshot()), before);
    let paths: Vec<String> = profile.halo.writes().iter().map(|write| write.path.clone()).collect();
    let at = |path: &str| paths.iter().position(|own| own.starts_with(path)).unwrap();
    let last = |path: &str| paths.iter().rposition(|own| own.starts_with(path)).unwrap();
    assert!(last("/api/tickettype") < at("/api/tabs"));
    assert!(at("/api/notification") < at("/api/webhook"));
    // Again: there is nothing to do, and it is said.
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "nothing_to_do");
    let status = profile.json(["status"], 0).await;
    assert_eq!((&status["steps"]["configure"], &status["integration"]["objects"]), (&json!("todo"), &json!([])));
    profile.run(["configure", "--roll-back", "--yes"]).await.expect(2).says("no run of Configure");
}

/// S65: each part alone.
#[tokio::test(flavor = "multi_thread")]
async fn each_part_can_be_removed_alone_and_rest_stays() {
    let (profile, _) = configured().await;
    let counts = |profile: &Profile| {
        profile.halo.look(|state| {
            let tab = state.tab("Pia Chat Pod").and_then(|tab| tab.int("id"));
            let links = state.ticket_types.iter().flat_map(|kind| &kind.links);
            let links = links.filter(|link| Some(link.iframetab_id) == tab).count();
            let webhooks = state.webhooks.iter().filter(|webhook| webhook.name().starts_with("Pia - ")).count();
            (webhooks, usize::from(tab.is_some()), links)
        })
    };
    assert_eq!(counts(&profile), (2, 1, 6));
    profile.run(["remove", "--yes", "--only", "links"]).await.expect(0);
    assert_eq!(counts(&profile), (2, 1, 0));
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["remove", "--yes", "--only", "chat-pod"]).await.expect(0);
    assert_eq!(counts(&profile), (2, 0, 0));
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["remove", "--yes", "--only", "webhooks,links"]).await.expect(0);
    assert_eq!(counts(&profile), (0, 1, 0));
    profile.run(["remove", "--only", "clients"]).await.expect(2);
}

/// Without a yes and without a terminal it ends with the question; with `--json` too.
#[tokio::test(flavor = "multi_thread")]
async fn remove_asks_and_does_nothing_without_yes() {
    let (profile, _) = configured().await;
    profile.halo.clear_requests();
    profile.run(["remove"]).await.expect(3).says("Remove this from Halo");
    let error = profile.json(["remove"], 3).await;
    assert_eq!(error["error"]["code"], "needs_confirmation");
    assert_eq!(profile.halo.writes().iter().filter(|write| write.path.starts_with("/api/")).count(), 0);
}

/// S73: on a terminal the configuration's id or name has to be typed; a plain yes is none.
#[tokio::test(flavor = "multi_thread")]
async fn typed_word_is_asked_for_on_terminal() {
    let (profile, before) = configured().await;
    let installed = plain(profile.halo.snapshot());
    for (typed, code) in [("y", 3), ("yes", 3), ("ACME", 3), ("acme", 0)] {
        let mut pty = profile.in_terminal().arguments(["remove"]).size(160, 60).spawn();
        pty.wait_until("Type \"acme\" or \"Acme MSP\" to confirm");
        pty.submit(typed);
        assert_eq!(pty.exit_code(), code, "{typed}: {}", pty.screen());
        let expected = if code == 0 { &before } else { &installed };
        assert_eq!(&plain(profile.halo.snapshot()), expected, "{typed}");
    }
    profile.run(["configure", "--yes"]).await.expect(0);
    let mut pty = profile.in_terminal().arguments(["remove"]).size(160, 60).spawn();
    pty.wait_until("to confirm");
    pty.submit("Acme MSP");
    assert_eq!(pty.exit_code(), 0);
}

/// What somebody took out already is done, and our record lets go of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_already_is_done() {
    let (profile, before) = configured().await;
    profile.halo.change(|state| {
        let tab = state.tab("Pia Chat Pod").unwrap().int("id");
        state.tabs.retain(|tab| tab.name() != "Pia Chat Pod");
        for kind in &mut state.ticket_types {
            kind.links.retain(|link| Some(link.iframetab_id) != tab);
        }
        let webhook = state.webhook("Pia - Ticket Created").unwrap().text("id").to_owned();
        state.webhooks.retain(|own| own.text("id") != webhook);
        state.notifications.retain(|own| own.text("webhook_id") != webhook);
    });
    let report = profile.json(["remove", "--yes"], 0).await;
    assert_eq!(report["status"], "removed");
    assert_eq!(plain(profile.halo.snapshot()), before);
    assert_eq!(profile.json(["status"], 0).await["integration"]["objects"], json!([]));
}

/// An object that goes in the very moment of its deletion is a 404, and done.
#[tokio::test(flavor = "multi_thread")]
async fn object_that_goes_before_its_deletion_is_done() {
    let (profile, before) = configured().await;
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(|state, request| {
            if request.method == "DELETE" && request.path.starts_with("/api/tabs/") {
                state.tabs.retain(|tab| tab.name() != "Pia Chat Pod");
            }
        }));
    });
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// What a roll back leaves because somebody has edited it is among the results.
#[tokio::test(flavor = "multi_thread")]
async fn what_roll_back_cannot_give_back_is_named() {
    let (profile, _) = configured().await;
    profile.halo.change(|state| state.tab_mut("Pia Chat Pod").unwrap().set("name", "Chat"));
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.tab_mut("Pia Chat Pod").unwrap().set("name", "Somebody's"));
    let report = profile.json(["configure", "--roll-back", "--yes"], 1).await;
    let named = &report["results"][0];
    assert_eq!((&named["name"], &named["outcome"]), (&json!("Pia Chat Pod"), &json!("skipped")));
    assert!(named["message"].as_str().unwrap().contains("kept, because someone has changed it since: name"), "{named}");
    assert!(profile.halo.look(|state| state.tab("Somebody's").is_some()));
}

/// What somebody has edited is ours all the same, and it is named.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_edited_is_named_and_removed() {
    let (profile, before) = configured().await;
    profile.halo.change(|state| {
        let webhook = state.webhook_mut("Pia - Ticket Updated").unwrap();
        webhook.set("url", "https://elsewhere.example/");
        webhook.set("active", false);
        state.tab_mut("Pia Chat Pod").unwrap().set("name", "Chat");
    });
    let plan = profile.json(["remove", "--plan"], 3).await;
    let reasons: Vec<_> =
        plan["changes"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert!(reasons.iter().any(|reason| reason.ends_with("edited by someone since: url, active")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.ends_with("edited by someone since: name")), "{reasons:?}");
    profile.run(["remove", "--yes"]).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// Protects what is not provably ours: a tab that has got our old id is somebody's.
#[tokio::test(flavor = "multi_thread")]
async fn tab_that_has_got_our_old_id_stays() {
    let (profile, _) = configured().await;
    profile.halo.change(|state| {
        let tab = state.tab_mut("Pia Chat Pod").unwrap();
        tab.set("name", "Accounting");
        tab.set("url", "https://accounts.example/?t=$FAULTID");
    });
    profile.run(["remove", "--yes"]).await.expect(0);
    assert!(profile.halo.look(|state| state.tab("Accounting").is_some()));
}

/// One closed ticket type: the tab stays with it, what is left is said with the clicks, and the next run finishes.
#[tokio::test(flavor = "multi_thread")]
async fn half_failed_it_says_what_is_left_and_next_run_finishes() {
    let (profile, before) = configured().await;
    switch(&profile, "ticket-type-refused", true);
    let report = profile.json(["remove", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    let results = report["results"].as_array().unwrap();
    let left: Vec<_> = results.iter().filter(|result| result["outcome"] != "done").collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!((&left[0]["name"], &left[0]["outcome"]), (&json!("Incident"), &json!("failed")));
    assert_eq!((&left[1]["name"], &left[1]["outcome"]), (&json!("Pia Chat Pod"), &json!("skipped")));
    assert!(left[0]["message"].as_str().unwrap().contains("Ticket Types › \"Incident\""), "{}", left[0]);
    switch(&profile, "ticket-type-refused", false);
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// A ticket type that was deleted took its link along.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_ticket_type_is_no_hindrance() {
    let (profile, _) = configured().await;
    profile.halo.change(|state| state.ticket_types.retain(|kind| kind.row.name() != "Problem"));
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert_eq!(profile.json(["status"], 0).await["integration"]["objects"], json!([]));
}

/// A ticket type that was retired after Configure still shows the tab: its link goes, too.
#[tokio::test(flavor = "multi_thread")]
async fn retired_ticket_type_is_unlinked() {
    let (profile, _) = configured().await;
    switch(&profile, "links-outlive-the-tab", true);
    let tab = profile.halo.look(|state| state.tab("Pia Chat Pod").unwrap().int("id"));
    profile.halo.change(|state| state.ticket_type_mut("Alert").unwrap().inactive = true);
    profile.run(["remove", "--yes"]).await.expect(0);
    let left = profile.halo.look(|state| {
        state.ticket_types.iter().flat_map(|kind| &kind.links).filter(|link| Some(link.iframetab_id) == tab).count()
    });
    assert_eq!(left, 0);
}

/// N17: a refused API is answered with the clicks, and not one write.
#[tokio::test(flavor = "multi_thread")]
async fn where_api_is_refused_clicks_are_given() {
    let (profile, _) = configured().await;
    for fault in ["forbidden-webhooks", "forbidden-tabs", "forbidden-ticket-types", "wrong-secret"] {
        switch(&profile, fault, true);
        profile.halo.clear_requests();
        let report = profile.run(["remove", "--yes"]).await.expect(4).says("remove --manual");
        assert!(report.stdout.contains("nothing was written"), "{fault}: {report:#?}");
        assert_eq!(profile.halo.writes().iter().filter(|write| write.path.starts_with("/api/")).count(), 0);
        switch(&profile, fault, false);
    }
    // What is not needed here may be missing.
    switch(&profile, "forbidden-clients", true);
    switch(&profile, "forbidden-agents", true);
    profile.run(["remove", "--yes"]).await.expect(0);
    let by_hand = profile.run(["remove", "--manual"]).await.expect(0);
    for words in [
        "Configuration icon (bottom of the side menu)",
        "Custom Objects › Custom Tabs",
        "\"Pia Chat Pod\"",
        "Delete, and confirm",
    ] {
        assert!(by_hand.stdout.contains(words), "{words}");
    }
    profile.run(["remove", "--help"]).await.expect(0).says("Custom Objects › Custom Tabs: find");
}

/// N17: reads pass and writes are refused: every result says how it is done by hand.
#[tokio::test(flavor = "multi_thread")]
async fn refused_write_names_right_and_clicks() {
    let (profile, _) = configured().await;
    let installed = plain(profile.halo.snapshot());
    switch(&profile, "forbidden-writes", true);
    let report = profile.json(["remove", "--yes"], 4).await;
    assert_eq!(report["status"], "failed");
    let failed = report["results"].as_array().unwrap().iter().find(|result| result["outcome"] == "failed").unwrap();
    assert!(failed["message"].as_str().unwrap().contains("By hand: Configuration icon"), "{failed}");
    assert_eq!(plain(profile.halo.snapshot()), installed);
}

/// N17: installing by hand: the values hold secrets, so they are printed only where that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn values_for_installing_by_hand_are_printed_only_on_purpose() {
    let (profile, _) = configured().await;
    let token = profile.halo.look(|state| {
        state.webhook("Pia - Ticket Created").unwrap().text("url").rsplit('/').next().unwrap().to_owned()
    });
    let refused = profile.run(["configure", "--manual"]).await.expect(2).says("--show-secrets");
    assert!(!format!("{refused:?}").contains(&token));
    let shown = profile.run(["configure", "--manual", "--show-secrets"]).await.expect(0).says("are secrets");
    assert!(shown.stdout.contains(&token) && shown.stdout.contains("Pia - Ticket Updated"));
    let values = profile.json(["configure", "--manual", "--show-secrets"], 0).await;
    assert_eq!(values["manual"].as_array().unwrap().len(), 4);
    let mut pty = profile.in_terminal().arguments(["configure", "--manual"]).size(160, 60).spawn();
    pty.wait_until("Then run pia-halo configure");
    assert_eq!(pty.exit_code(), 0);
}

/// The stored secrets go only once Halo does not use them any more.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_forgotten_only_when_halo_is_rid_of_them() {
    let (profile, _) = configured().await;
    let stored = || std::fs::read_to_string(profile.credentials()).unwrap_or_default().contains("callback_token");
    switch(&profile, "forbidden-writes", true);
    profile.run(["remove", "--yes", "--forget-secrets"]).await.expect(4);
    assert!(stored());
    switch(&profile, "forbidden-writes", false);
    profile.run(["remove", "--yes", "--only", "chat-pod"]).await.expect(0);
    assert!(stored());
    profile.run(["remove", "--yes", "--only", "webhooks", "--forget-secrets"]).await.expect(2);
    profile.run(["remove", "--yes", "--forget-secrets"]).await.expect(0);
    assert!(!stored());
    profile.run(["configure", "--yes"]).await.expect(7).says("save the configuration again");
}

/// What an intent keeps for a roll back holds addresses, and those end in the token: it stays out of the store.
#[tokio::test(flavor = "multi_thread")]
async fn store_never_holds_callback_token() {
    let (profile, _) = configured().await;
    profile.halo.change(|state| {
        state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false);
        let mut copy = state.webhook("Pia - Ticket Updated").unwrap().clone();
        copy.set("id", "00000000-0000-4000-8000-00000000c0de");
        copy.set("name", "Copy");
        state.webhooks.push(copy);
    });
    profile.run(["configure", "--yes"]).await.expect(0);
    let token = profile.halo.look(|state| {
        state.webhook("Pia - Ticket Created").unwrap().text("url").rsplit('/').next().unwrap().to_owned()
    });
    for file in crate::support::files(&profile.folder.path().join("data")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{}", file.display());
    }
    // And it is back in its place where it is needed.
    profile.run(["configure", "--roll-back", "--yes"]).await.expect(0);
    let urls = profile.halo.look(|state| {
        let ours = state.webhooks.iter().filter(|webhook| webhook.made_by_api || webhook.name() == "Copy");
        ours.map(|webhook| webhook.text("url").to_owned()).collect::<Vec<_>>()
    });
    assert!(urls.len() == 3 && urls.iter().all(|url| url.ends_with(&token)));
}

/// What nobody knows about tabs and ticket types, every setting of it, alone and in pairs: configure and remove work, or
/// say what is not verified and how it is done by hand. What is only about tickets and deliveries is tried with all the
/// rest as it usually is.
#[tokio::test(flavor = "multi_thread")]
async fn configure_and_remove_work_under_every_unknown() {
    let settings = [
        "links-are-added",
        "links-from-the-tab",
        "links-outlive-the-tab",
        "linked-tab-stays",
        "iframe-is-type-two",
        "link-not-stored",
        "delete-needs-two-tries",
        "array-reply",
        "types-show-all-tabs",
        "tab-members-missing",
        "stale-reads",
    ];
    let alone = ["rule-applied", "log-ids-are-events"];
    let pairs =
        settings.iter().enumerate().flat_map(|(number, one)| settings[number..].iter().map(move |other| (one, other)));
    for (one, other) in pairs.chain(alone.iter().map(|one| (one, one))) {
        let profile = Profile::synced(small()).await;
        for fault in [one, other] {
            switch(&profile, fault, true);
        }
        let before = plain(profile.halo.snapshot());
        let has = |fault: &str| *one == fault || *other == fault;
        // Nothing needs a link then.
        let linked_by_tab = has("links-from-the-tab") || has("types-show-all-tabs");
        let report = profile.run(["configure", "--yes", "--json"]).await.json();
        let what = format!("{one}, {other}: {report}");
        let untold = has("tab-members-missing");
        if untold || has("link-not-stored") && !linked_by_tab {
            // The type's own list keeps nothing or is not told, and the tab has none.
            assert_eq!(report["status"], "partly_done", "{what}");
            let unverified = report["results"].as_array().unwrap().iter().filter(|row| row["outcome"] == "unverified");
            assert_eq!(unverified.clone().count(), if untold { 7 } else { 6 }, "{what}");
            assert!(unverified.clone().all(|row| row["message"].as_str().unwrap().contains("By hand: ")), "{what}");
        } else {
            assert_eq!(report["status"], "configured", "{what}");
            assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false, "{what}");
        }
        let report = profile.run(["remove", "--yes", "--json"]).await.json();
        let what = format!("{one}, {other}: {report}");
        let cannot_unlink = has("links-are-added") && !linked_by_tab && !untold;
        if cannot_unlink && (has("linked-tab-stays") || has("links-outlive-the-tab")) {
            // Nothing that the program can do takes these links back: it is said, with the clicks.
            assert_eq!(report["status"], "partly_done", "{what}");
            let open = report["results"].as_array().unwrap().iter().filter(|row| row["outcome"] != "done");
            assert!(open.clone().count() > 0, "{what}");
            assert!(open.clone().all(|row| row["message"].as_str().unwrap().contains("By hand: ")), "{what}");
        } else {
            assert_eq!(report["status"], "removed", "{what}");
            assert_eq!(plain(profile.halo.snapshot()), before, "{what}");
        }
    }
}

/// Where no tab tells what an iframe is, and the guess is wrong, it is said with the clicks.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_guess_about_kind_of_tab_is_said_and_not_called_done() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.tabs.clear();
        for kind in &mut state.ticket_types {
            kind.links.clear();
        }
        state.set_fault(Fault::IframeIsTypeTwo, true);
    });
    let before = plain(profile.halo.snapshot());
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(outcomes(&report, "custom_tab"), ["unverified"]);
    let tab = report["results"].as_array().unwrap().iter().find(|row| row["kind"] == "custom_tab").unwrap();
    assert!(tab["message"].as_str().unwrap().contains("Type Iframe"), "{tab}");
    // Somebody does it by hand, and from then on the number is known.
    profile.halo.change(|state| {
        let tab = state.tab_mut("Pia Chat Pod").unwrap();
        tab.set("type", 2);
        tab.set("url", "https://pia.acme.example/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID");
    });
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false);
    profile.run(["remove", "--yes"]).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// 20 runs of configure, a change, configure and remove leave Halo as it was before the first.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_rounds_leave_halo_as_it_was_before_first() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    for round in 0..20 {
        profile.run(["configure", "--yes"]).await.expect(0);
        profile.halo.change(|state| match round % 5 {
            0 => state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false),
            1 => state.tab_mut("Pia Chat Pod").unwrap().set("name", "Chat"),
            2 => state.webhook_mut("Pia - Ticket Updated").unwrap().set("url", "https://elsewhere.example/"),
            3 => {
                let mut copy = state.tab("Pia Chat Pod").unwrap().clone();
                copy.set("id", 700);
                state.tabs.push(copy);
                state.ticket_types[1].links.push(TabLink { id: 7_000, iframetab_id: 700 });
            }
            _ => state.notifications.retain(|row| !row.made_by_api),
        });
        profile.run(["configure", "--yes"]).await.expect(0);
        profile.run(["plan"]).await.expect(0);
        profile.run(["remove", "--yes"]).await.expect(0);
        assert_eq!(plain(profile.halo.snapshot()), before, "round {round}");
    }
}

/// S3: switching with `--remove-old` takes the old one's objects out first, and never ends with two.
#[tokio::test(flavor = "multi_thread")]
async fn switching_can_take_out_old_one_s_objects_first() {
    let (profile, before) = configured().await;
    profile.save("other", "").await.expect(0);
    let active = async || profile.run(["status", "--json"]).await.json()["configuration"].clone();
    profile.run(["activate", "other"]).await.expect(3).says("--remove-old");
    profile.run(["activate", "other", "--remove-old"]).await.expect(3).says("Remove what acme has in Halo");
    profile.run(["activate", "nobody", "--remove-old", "--yes"]).await.expect(2);
    assert_eq!(active().await, "acme");
    // Half of it fails: not switched, and what is left is said.
    switch(&profile, "ticket-type-refused", true);
    let half = profile.json(["activate", "other", "--remove-old", "--yes"], 3).await;
    assert_eq!((&half["active"], &half["removal"]["status"]), (&json!("acme"), &json!("partly_done")));
    switch(&profile, "ticket-type-refused", false);
    assert_eq!(active().await, "acme");
    let done = profile.json(["activate", "other", "--remove-old", "--yes"], 0).await;
    assert_eq!((&done["active"], &done["removal"]["status"]), (&json!("other"), &json!("removed")));
    assert_eq!(active().await, "other");
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// S3: on a terminal the old one's id has to be typed, as for Remove; a yes is none.
#[tokio::test(flavor = "multi_thread")]
async fn switching_with_removal_wants_old_id_typed() {
    let (profile, before) = configured().await;
    profile.save("other", "").await.expect(0);
    for (typed, code, active) in [("y", 3, "acme"), ("other", 3, "acme"), ("acme", 0, "other")] {
        profile.halo.clear_requests();
        let mut pty = profile.command_in_terminal(["activate", "other", "--remove-old"]).spawn();
        pty.wait_for("the question", |screen| screen.contains("to confirm:"));
        pty.send(&format!("{typed}\r"));
        assert_eq!(pty.exit_code(), code, "{typed}");
        assert_eq!(profile.halo.writes().is_empty(), code != 0, "{typed}");
        assert_eq!(profile.run(["status", "--json"]).await.json()["configuration"], active, "{typed}");
    }
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// S3: the old one's Halo is gone: it says so, and what remains there by our record.
#[tokio::test(flavor = "multi_thread")]
async fn switching_from_halo_that_cannot_be_reached_says_what_remains() {
    let (mut profile, _) = configured().await;
    profile.save("other", "").await.expect(0);
    let elsewhere = Profile::with(small()).await;
    profile.halo = elsewhere.halo;
    let ran = profile.run(["activate", "other", "--remove-old", "--yes"]).await;
    assert_ne!(ran.code, 0);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    for words in ["acme", "Pia Chat Pod", "Pia - Ticket Created", "activate other --yes"] {
        assert!(all.contains(words), "{words}: {all}");
    }
    profile.run(["activate", "other", "--yes"]).await.expect(0);
}

/// S3: killed between the removal and the switch, the old one is active, and the next try finishes.
#[tokio::test(flavor = "multi_thread")]
async fn switch_that_is_killed_ends_with_one_active() {
    use crate::support::changing::{When, killed_at};
    let (profile, before) = configured().await;
    profile.save("other", "").await.expect(0);
    for write in [0, 5, 7, 13] {
        killed_at(&profile, &["activate", "other", "--remove-old", "--yes"], write, When::At).await;
        let status = profile.run(["status", "--json"]).await.json();
        assert_eq!(status["configuration"], "acme", "{write}");
        if write < 13 {
            profile.run(["configure", "--yes"]).await.expect(0);
        }
    }
    profile.run(["activate", "other", "--remove-old", "--yes"]).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// A removal waits for nobody: while another program writes into Halo it says who does.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_removes_while_configure_works() {
    let (profile, _) = configured().await;
    let lock = profile.workspace().paths().lock("configure");
    let somebody = pia_halo::domain::activity::Actor { user: "fox".to_owned(), ..Default::default() };
    let held = pia_halo::coordination::Lock::take(&lock, "Configure", &somebody, jiff::Timestamp::now()).unwrap();
    profile.run(["remove", "--yes"]).await.expect(6).says("fox");
    profile.run(["configure", "--roll-back", "--yes"]).await.expect(6);
    drop(held);
    profile.run(["remove", "--yes"]).await.expect(0);
}

/// Halo does not let something be written: what is to be run again is what was run, and for the same parts.
#[tokio::test(flavor = "multi_thread")]
async fn refused_write_names_command_that_was_refused() {
    for (command, again) in [
        (&["remove", "--only", "webhooks"][..], "remove --only webhooks"),
        (&["remove", "--only", "links"], "remove --only links"),
        (&["remove"], "remove"),
        (&["rotate"], "rotate"),
        (&["configure", "--roll-back"], "configure --roll-back"),
    ] {
        let (profile, _) = configured().await;
        switch(&profile, "forbidden-writes", true);
        profile.run([command, &["--yes"]].concat()).await;
        let issues = profile.run(["issues"]).await;
        let named = issues.stdout.lines().filter_map(|line| Some(line.split_once(": pia-halo ")?.1));
        let named: Vec<&str> = named.filter(|named| !["serve", "check"].contains(named)).collect();
        assert!(named.contains(&again) && !named.contains(&"configure"), "{again}: {issues:?}");
    }
}

//! What each screen has to say.

use super::picture::plain;
use super::scenes::scenes;

/// What each screen has to say, in the words of the guide.
///
/// S4, S5: the checklist; S13: states; S28, S30: the local time; S35: before a sync; S45, S46, S47: the sync; S49: the
/// callbacks; S52, S53: a refusal; S50, S54, S57, S58, S59: each object; S55: a failure half-way; S56: the end; S60: drift.
#[test]
fn every_screen_says_what_guide_asks_for() {
    let pictures: Vec<(&str, String)> = scenes()
        .into_iter()
        .map(|(name, stage)| {
            let text = plain(&stage);
            let words: Vec<&str> = text.split_whitespace().collect();
            (name, words.join(" "))
        })
        .collect();
    for (name, words) in [
        ("integrations_first", &["Ticketing", "Halo PSA", "not configured", "View All"][..]),
        ("integrations_nothing_found", &["No match"]),
        ("integrations_switch", &["only one ticketing integration", "Acme MSP is active"]),
        ("wizard_checklist", &["Url", "Client ID", "Client Secret", "View Applications", "API-only takes no licence"]),
        ("wizard_credentials_refused", &["Halo says: 401 invalid_client", "Copy it again", "Nothing has been saved"]),
        (
            "wizard_company_sync",
            &["04:30 UTC", "= 14:30 in Australia/Brisbane (+10:00)", "runs every day while the service is running"],
        ),
        ("wizard_pia_screen", &["Pia Board Pia", "run a sync first", "Pia Escalation Board Pia"]),
        ("wizard_integration_callbacks", &["Setup Integration", "Callback URLs", "with a valid token", "9f2c"]),
        ("wizard_review_saved", &["saved", "changed: Pia Url", "needs Re-configure"]),
        ("wizard_sync_running", &["Syncing", "34,200 of 100,000", "continues in 41 s", "elapsed 5 min 12 s"]),
        (
            "wizard_sync_silent",
            &[
                "Halo has not answered for 32 s",
                "Trying again: attempt 2 in 6 s",
                "Esc stops; the list stays unchanged",
            ],
        ),
        ("wizard_sync_complete", &["Complete with warnings", "Halo says 237, stored 237"]),
        ("wizard_sync_busy", &["dana on jump1 is syncing"]),
        (
            "wizard_sync_followed",
            &["Another sync is running: Sync Now by dana on jump1", "Its result appears here", "Esc stops waiting"],
        ),
        ("wizard_sync_stopping", &["Stopping"]),
        ("wizard_sync_stopped", &["Interrupted (resumable)"]),
        (
            "wizard_configure_plan",
            &[
                "+ webhook",
                "+ custom tab Pia Chat Pod",
                "~ ticket type Incident",
                "already shows all custom tabs",
                "nothing written yet",
            ],
        ),
        (
            "wizard_configure_after_interrupted",
            &["A run was interrupted: the result of 2 writes is unknown", "nothing is done twice"],
        ),
        ("wizard_configure_blocked", &["blocked", "is not ours"]),
        ("wizard_configure_refused", &["nothing was changed in Halo", "You do not have permission"]),
        (
            "pane_integration_made",
            &["Webhook install was successful", "custom tab Pia Chat Pod created id 43", "linked"],
        ),
        ("wizard_configure_partly", &["3 done, 3 not done. It is safe to run Configure again", "name is in use"]),
        ("wizard_configure_connecting", &["Looking again before the first change: 1 of 14 checks", "○ webhook"]),
        ("wizard_configure_stopped", &["! Stopped. 0 made, 6 to do. Run Configure again", "○ webhook"]),
        (
            "wizard_finished",
            &[
                "Webhook install was successful",
                "You have finished setting up your Halo PSA integration",
                "Start the service",
                "pia-halo serve",
            ],
        ),
        ("pane_sync", &["Proof", "Next run", "Tue 24 Nov 2026 04:30 UTC"]),
        ("pane_clients_detail", &["no longer in Halo"]),
        ("pane_overview", &["Credentials accepted by Halo", "Objects in Halo", "No issues, nothing to do"]),
        ("pane_overview_problems", &["3 issues", "✗ Service not running, so "]),
        ("pane_overview_last_problem", &["! Rotation dismissed: "]),
        ("pane_overview_dismissing", &["Dismiss \"Service\"?", "It comes back when it changes", "Dismiss (y)"]),
        ("pane_overview_failed_run", &["Configure runs", "the last run failed, 0 made, 6 not made"]),
        ("pane_overview_unknown", &["1 check is unknown:", "Clock not checked yet: t Check now"]),
        (
            "pane_integration_repair",
            &["To repair: 3 to create, 1 to update, 2 to link", "not linked to the Pia Chat Pod", "Re-configure"],
        ),
        ("pane_activity", &["dana", "configure (+2)", "partly done"]),
        ("pane_activity_opened", &["create webhook: Pia - Ticket Updated"]),
        ("pane_activity_search", &["create webhook: Pia"]),
    ] {
        let text = pictures.iter().find(|(other, _)| *other == name).map(|(_, text)| text.as_str()).unwrap();
        for words in words {
            assert!(text.contains(words), "{name}: {words}\n{text}");
        }
    }
}

/// After a removal nothing is left that would speak of it: no delivery, no address.
#[test]
fn pane_without_objects_speaks_of_no_delivery_and_no_address() {
    let (_, stage) = scenes().into_iter().find(|(name, _)| *name == "pane_integration_nothing").unwrap();
    let text = plain(&stage);
    assert!(text.contains("Nothing is installed in Halo. Enter shows the plan."), "{text}");
    for words in ["Callback URLs", "Deliver", "As last known"] {
        assert!(!text.contains(words), "{words}: {text}");
    }
}

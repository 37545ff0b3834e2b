//! The whole life of what is in Halo, by keys: plan, apply, drift, repair, deliveries, remove.

use ratatui::layout::Size;

use crate::support::Profile;
use crate::support::changing::{plain, small};
use crate::support::interface::Interface;
use crate::support::walk::Person;

/// R75, S60, S65, S73, N3, N5: at both sizes, and at the end Halo is field by field as it was before the first key.
#[tokio::test(flavor = "multi_thread")]
async fn plan_apply_repair_and_remove_by_keys() {
    for (width, height) in [(80, 24), (120, 40)] {
        let profile = Profile::synced(small()).await;
        let before = plain(profile.halo.snapshot());
        let mut person = Interface::open_with(&profile, Size { width, height }).await;
        // A synced configuration that is not configured opens in the set-up, on the plan.
        person.sees("to create").await;
        person.sees("nothing written yet").await;
        assert_eq!(plain(profile.halo.snapshot()), before, "a plan writes nothing");
        person.sees("y Apply").await;
        person.press("y").await;
        person.sees("Webhook install was successful").await;
        person.sees("You have finished").await;
        person.press("Enter").await;
        person.sees("1 Sync").await;
        let installed = plain(profile.halo.snapshot());
        assert_ne!(installed, before);

        profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
        person.press("3 t").await;
        person.sees("switched off in Halo").await;
        person.sees("To do: run Configure again").await;
        person.press("Enter").await;
        person.sees("y Apply").await;
        person.press("y").await;
        person.sees("All changes were made").await;
        assert_eq!(plain(profile.halo.snapshot()), installed, "the repair is field by field what was there");
        person.press("Enter").await;
        person.sees("All objects are in place").await;

        person.press("d").await;
        person.sees("nothing delivered since install").await;

        person.press("x").await;
        person.sees("nothing written yet").await;
        person.sees("[x] Pia Chat Pod").await;
        person.sees("y Remove").await;
        person.press("y").await;
        person.sees("Type \"acme\" or \"Acme MSP\" to confirm").await;
        person.type_text("yes").await;
        person.press("Enter").await;
        assert_eq!(plain(profile.halo.snapshot()), installed, "a yes is not the id");
        person.press("^U").await;
        person.type_text("acme").await;
        person.press("Enter").await;
        person.sees("Pia has been removed from Halo").await;
        assert_eq!(plain(profile.halo.snapshot()), before);
        person.press("Enter").await;
        person.sees("Nothing is installed in Halo").await;
        person.leave().await;
    }
}

/// Between a plan and the yes to it Halo is asked once whether it can be used; what it holds is read again before the first
/// write, and each object after its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_plan_has_tested_is_not_tested_again_after_yes() {
    let profile = Profile::synced(small()).await;
    let mut person = Interface::open_with(&profile, Size { width: 80, height: 24 }).await;
    person.sees("y Apply").await;
    let asked = |path: &str| {
        let requests = profile.halo.requests();
        requests.iter().filter(|request| !request.is_write() && request.path.eq_ignore_ascii_case(path)).count()
    };
    assert!(asked("/api/client") > 0 && asked("/api/webhook") > 1, "the plan");
    profile.halo.clear_requests();
    person.press("y").await;
    person.sees("You have finished").await;
    assert_eq!(asked("/api/client") + asked("/api/team") + asked("/api/agent"), 0, "{:?}", profile.halo.requests());
    assert!(asked("/api/webhook") > 0, "nothing is written unseen");
}

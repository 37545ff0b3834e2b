//! A roll back of a run that took out copies of ours: whatever their numbers and names, and wherever it is killed, they
//! are there again once, with their events and links, and what was kept is as it was.

use pia_halo::demo::{State, TabLink};
use serde_json::Value;

use crate::support::Profile;
use crate::support::changing::{When, killed_at, plain, small, without_ids};

const CONFIGURE: &[&str] = &["configure", "--yes"];
const ROLL_BACK: &[&str] = &["configure", "--roll-back", "--yes"];

/// A second tab of ours with a lower number, which two ticket types show.
fn lower_tab(state: &mut State) {
    let mut tab = state.tab("Pia Chat Pod").unwrap().clone();
    tab.set("id", 3);
    tab.set("guid", "00000000-0000-4000-8000-000000000002");
    state.tabs.insert(0, tab);
    for (number, kind) in state.ticket_types.iter_mut().take(2).enumerate() {
        kind.links.push(TabLink { id: 9_000 + i64::try_from(number).unwrap(), iframetab_id: 3 });
    }
}

/// A second webhook of ours that got the name, because somebody had called ours something else.
fn webhook_with_our_name(state: &mut State) {
    let ours = state.webhook_mut("Pia - Ticket Created").unwrap();
    let mut copy = ours.clone();
    ours.set("name", "Foo");
    let id = ours.text("id").to_owned();
    copy.set("id", "00000000-0000-4000-8000-000000000001");
    let mut binding = state.bindings(&id).next().unwrap().clone();
    binding.set("id", 2);
    binding.set("guid", "00000000-0000-4000-8000-000000000003");
    binding.set("webhook_id", "00000000-0000-4000-8000-000000000001");
    state.webhooks.push(copy);
    state.notifications.insert(0, binding);
}

/// An event that is bound twice, the older binding listed last.
fn bound_twice(state: &mut State) {
    let id = state.webhook("Pia - Ticket Updated").unwrap().text("id").to_owned();
    let mut binding = state.bindings(&id).next().unwrap().clone();
    binding.set("id", 1);
    binding.set("guid", "00000000-0000-4000-8000-000000000004");
    state.notifications.push(binding);
}

/// How many links there are to tabs that are there, and how many events to webhooks that are.
fn ties(profile: &Profile) -> (usize, Vec<usize>) {
    profile.halo.look(|state| {
        let links = state.ticket_types.iter().flat_map(|kind| &kind.links);
        let links = links.filter(|link| state.tabs.iter().any(|tab| tab.has_id(link.iframetab_id))).count();
        let mut events: Vec<usize> =
            state.webhooks.iter().map(|webhook| state.bindings(webhook.text("id")).count()).collect();
        events.sort_unstable();
        (links, events)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_roll_back_remakes_deleted_copies_once() {
    for meddle in [lower_tab, webhook_with_our_name, bound_twice] {
        for when in [When::Before, When::At] {
            let mut write = 0;
            loop {
                let profile = Profile::synced(small()).await;
                profile.run(CONFIGURE).await.expect(0);
                profile.halo.change(meddle);
                let as_it_was = |profile: &Profile| -> Value { without_ids(plain(profile.halo.snapshot())) };
                let (before, tied) = (as_it_was(&profile), ties(&profile));
                profile.run(CONFIGURE).await.expect(0);
                assert_ne!(as_it_was(&profile), before);
                let is_killed = killed_at(&profile, ROLL_BACK, write, when).await;
                if is_killed {
                    profile.run(ROLL_BACK).await.expect(0);
                }
                assert_eq!(as_it_was(&profile), before, "{when:?} {write}");
                assert_eq!(ties(&profile), tied, "{when:?} {write}");
                if !is_killed {
                    break;
                }
                write += 1;
            }
            assert!(write > 0);
        }
    }
}

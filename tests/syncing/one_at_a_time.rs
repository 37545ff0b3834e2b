//! One sync at a time: across threads and programs.

use super::small;
use crate::support::Profile;

/// S44: one at a time, also across programs; the second one says who holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_at_the_same_time_is_busy_and_says_who_holds_it() {
    let profile = Profile::set_up(small()).await;
    let lock = profile.workspace().settings.paths().lock("sync-acme");
    let somebody = pia_halo::domain::activity::Actor { user: "fox".to_owned(), ssh_from: None };
    let held = pia_halo::store::Lock::take(&lock, "Sync Now", &somebody, jiff::Timestamp::now()).unwrap();
    let report = profile.json(["sync"], 6).await;
    assert_eq!(report["status"], "busy");
    assert!(report["error"]["message"].as_str().unwrap().contains("fox"), "{report}");
    drop(held);
    profile.run(["sync"]).await.expect(0);
}

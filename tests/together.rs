//! Two people on one profile: nothing that either saves is lost, and each is told of the other.

use pia_halo::demo::Options;

use crate::support::pty::Pty;
use crate::support::walk::{self, Person};
use crate::support::{Profile, login_name};

/// The real program before a person, at the settings of the configuration.
async fn editing(profile: &Profile) -> Pty {
    let mut pty = profile.in_terminal().spawn();
    walk::to_settings(&mut pty).await;
    pty
}

/// Puts a text in place of a setting, that many sections down.
async fn change(person: &mut Pty, sections: usize, field: &str, text: &str) {
    for _ in 0..sections {
        person.press("PgDn").await;
    }
    person.is_at(field).await;
    person.press("^U").await;
    person.type_text(text).await;
    person.press("^S").await;
}

fn saved(profile: &Profile) -> (String, String) {
    let config = std::fs::read_to_string(profile.config()).unwrap();
    let config: toml::Table = config.parse().unwrap();
    let acme = &config["configurations"]["acme"];
    let text = |table: &str, key: &str| acme[table][key].as_str().unwrap().to_owned();
    (text("company_sync", "daily_sync_time"), text("pia_screen", "pia_board"))
}

/// N11: Dana saves 05:00, Fox changes only the Pia Board; both have read the same. Fox is told of Dana, and neither
/// change is lost.
#[tokio::test(flavor = "multi_thread")]
async fn two_people_save_at_time_and_neither_loses_anything() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    profile.run(["check"]).await.expect(0);
    let mut dana = editing(&profile).await;
    let mut fox = editing(&profile).await;
    fox.sees(&format!("being changed by {}", login_name())).await;

    change(&mut dana, 1, "Daily Sync Time", "05:00").await;
    dana.sees("✓ saved").await;

    change(&mut fox, 2, "Pia Board", "Desk").await;
    fox.sees("✓ saved").await;
    assert_eq!(saved(&profile), ("05:00".to_owned(), "Desk".to_owned()));
    fox.sees("kept: Daily Sync Time").await;
}

/// N11: answers that were written before somebody else's save; what both changed is refused by name.
#[tokio::test(flavor = "multi_thread")]
async fn setup_names_what_somebody_else_changed_meanwhile() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, profile.answers("acme", "").replace("04:30", "06:00")).unwrap();
    // Somebody else saves while setup tests the connection: after it has read, and before it saves.
    let config = profile.config();
    let mut is_saved = false;
    profile.halo.change(move |state| {
        state.on_request = Some(Box::new(move |_, _| {
            if !std::mem::replace(&mut is_saved, true) {
                let text = std::fs::read_to_string(&config).unwrap();
                std::fs::write(&config, text.replace("04:30", "05:00").replace("\"Pia\"", "\"Desk\"")).unwrap();
            }
        }));
    });
    let path = file.to_string_lossy();
    let refused = profile.run(["setup", "--answers", &path, "--test"]).await.expect(6);
    assert!(
        refused.stderr.contains("Daily Sync Time (was 04:30; they saved 05:00, you have 06:00)"),
        "{}",
        refused.stderr
    );
    assert_eq!(saved(&profile), ("05:00".to_owned(), "Desk".to_owned()), "nothing was saved");
}

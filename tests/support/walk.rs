//! The walk through the set-up, step by step, for whoever has a screen and keys: the loop in memory, or the real binary
//! in a pseudo-terminal.
//!
//! It waits for the guide's words and for figures, not for sentences, and always for words that were not there before.

use pia_halo::demo::SimulatedHalo;

use super::PIA;

/// Somebody before a screen with a keyboard.
pub trait Person {
    /// Presses keys by their names, parted by blanks: `Tab Enter ^C a`.
    async fn press(&mut self, keys: &str);
    /// Types a text that is shown as it is typed.
    async fn type_text(&mut self, text: &str);
    /// Pastes a text.
    async fn paste(&mut self, text: &str);
    /// Waits until the screen is as wanted.
    async fn wait(&mut self, what: &str, holds: impl Fn(&str) -> bool);
    /// The text on the screen.
    fn screen(&self) -> String;

    /// Waits for words.
    async fn sees(&mut self, words: &str) {
        self.wait(words, |screen| screen.contains(words)).await;
    }

    /// Waits until something has the focus.
    async fn is_at(&mut self, label: &str) {
        self.sees(&format!("▸ {label}")).await;
    }
}

/// From the first screen to the first field: Integrations, "halo", Configure.
pub async fn to_credentials(person: &mut impl Person) {
    person.sees("Integrations").await;
    person.press("/").await;
    person.type_text("halo").await;
    person.press("Enter").await;
    person.is_at("Halo PSA").await;
    person.press("Enter").await;
    person.sees("API Credentials").await;
    person.is_at("Configuration Name").await;
}

/// From the first sync to come to the settings that are saved.
pub async fn to_settings(person: &mut impl Person) {
    person.is_at("Sync Now").await;
    person.press("^O").await;
    person.sees("Integrations").await;
    person.press("e").await;
    person.is_at("Configuration Name").await;
}

/// Fills the fields of API Credentials and stops before the test.
pub async fn type_credentials(person: &mut impl Person, halo: &SimulatedHalo, secret: &str) {
    person.type_text("Acme MSP").await;
    person.press("Enter").await;
    person.is_at("Url").await;
    person.type_text(halo.url()).await;
    person.press("Enter").await;
    person.is_at("Client ID").await;
    person.type_text(halo.client_id()).await;
    person.press("Enter").await;
    person.is_at("Client Secret").await;
    // As it comes from a browser: with a newline at its end.
    person.paste(&format!("{secret}\n")).await;
    person.sees("•••").await;
}

/// Tests the connection and goes on to Company Sync.
pub async fn test_connection(person: &mut impl Person) {
    person.press("Enter").await;
    person.sees("passed in").await;
    person.press("Enter").await;
    person.sees("Company Sync").await;
    person.is_at("Daily Sync Time").await;
}

/// Company Sync, Pia Screen and Integration, up to the last value before Save.
pub async fn to_save(person: &mut impl Person) {
    person.press("^U").await;
    person.type_text("00:45").await;
    person.press("Enter").await;
    person.is_at("Pia Board").await;
    person.press("Enter").await;
    // Where Halo has no such team, that is asked about once.
    let is_asked = |screen: &str| screen.contains("Keep \"Pia\" as Pia Board?");
    person.wait("next page", |screen| is_asked(screen) || screen.contains("Setup Integration")).await;
    if is_asked(&person.screen()) {
        person.press("y").await;
    }
    person.sees("Setup Integration").await;
    person.is_at("Pia Url").await;
    person.type_text(PIA).await;
    person.sees(PIA).await;
}

/// Saves; the first sync and the plan follow by themselves.
pub async fn save(person: &mut impl Person) {
    person.press("Enter").await;
    person.sees("to create").await;
}

/// Sync Now, until it is complete and asks for Pia Escalate To.
pub async fn sync(person: &mut impl Person) {
    person.press("Enter").await;
    person.sees("Syncing").await;
    person.sees("✓ Complete").await;
    person.is_at("Pia Escalate To").await;
}

/// Chooses the contact on the last page.
pub async fn choose_contact(person: &mut impl Person) {
    person.sees("Space chooses").await;
    person.press("Space").await;
    person.sees("Fox Mulder").await;
    person.type_text("dana").await;
    person.wait("one agent", |screen| screen.contains("Dana Scully") && !screen.contains("Fox Mulder")).await;
    person.press("Enter").await;
    person.sees("Dana Scully").await;
    // What is not saved comes first now.
    person.is_at("Saved").await;
}

/// Applies the plan, which leads to the end.
pub async fn configure(person: &mut impl Person) {
    // A plan can be applied once it has been on the screen for a moment.
    person.sees("y Apply").await;
    person.press("y").await;
    // The last page follows by itself.
    person.sees("Webhook install was successful").await;
    person.sees("finished").await;
}

//! Rules that hold for every input, tried with many.

use pia_halo::domain::address::{AuthUrl, HaloUrl, PiaUrl};
use pia_halo::domain::callback::mask_address;
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::daily_sync_time::DailySyncTime;
use pia_halo::domain::untrusted::Untrusted;
use proptest::prelude::*;

/// What may never reach a terminal: controls, and characters that reorder or hide their neighbours.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// R50, R51: whatever Halo writes, what is shown is harmless and short, and the text itself is kept.
    #[test]
    fn foreign_text_is_shown_harmless_and_kept_exactly(text in any::<String>()) {
        let foreign = Untrusted::new(text.clone());
        let shown = foreign.display();
        prop_assert!(!shown.contains(is_dangerous), "{shown:?}");
        prop_assert!(shown.chars().count() <= 256 * 8 + 1);
        prop_assert_eq!(foreign.raw(), text);
    }

    /// R49: a time is two digits, a colon and two digits, and nothing else.
    #[test]
    fn only_a_time_is_a_time(text in "[0-9a-z:.+ ]{0,8}") {
        let typed = text.trim();
        let shaped = typed.len() == 5 && typed.as_bytes()[2] == b':' && typed.bytes().filter(u8::is_ascii_digit).count() == 4;
        match DailySyncTime::parse(&text) {
            Ok(time) => prop_assert!(shaped && time.to_string() == typed),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// S24: no spelling makes the reader fall over, what it accepts it accepts again unchanged, and plain http leads to
    /// this machine only.
    #[test]
    fn an_address_that_is_accepted_stays_as_it_is(text in "(https?://)?[a-z0-9.:/@?#\\[\\]%-]{0,40}") {
        if let Ok(reading) = HaloUrl::read(&text) {
            let address = reading.address;
            prop_assert!(address.is_encrypted() || address.is_loopback());
            prop_assert!(!address.host().contains('@') && !address.as_str().contains(['?', '#']));
            let again = HaloUrl::read(address.as_str()).map(|again| again.address);
            prop_assert_eq!(again, Ok(address));
        }
        let _ = (AuthUrl::read(&text), PiaUrl::read(&text));
    }

    /// A token anywhere in an address is never shown whole.
    #[test]
    fn no_masked_address_shows_a_token(front in "[a-z/:.]{0,20}", token in "[A-Za-z0-9_-]{20,50}", back in "[a-z/?#=]{0,10}") {
        for address in [format!("https://x.example/{front}/{token}/{back}"), format!("https://{token}@x.example/{back}")] {
            prop_assert!(!mask_address(&address).contains(&token), "{address}");
        }
    }

    /// Any name gives an id that can stand in an address and a file, and a free one.
    #[test]
    fn any_name_gives_a_usable_free_id(name in any::<String>(), taken in 0_usize..5) {
        let mut ids: Vec<ConfigurationId> = Vec::new();
        for _ in 0..=taken {
            let id = ConfigurationId::suggest(&name, None, |id| ids.contains(id));
            prop_assert_eq!(ConfigurationId::parse(id.as_str()), Ok(id.clone()));
            prop_assert!(!ids.contains(&id));
            ids.push(id);
        }
    }
}

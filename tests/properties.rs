//! Rules that hold for every input, tried with many.

use pia_halo::domain::address::{AuthUrl, HaloUrl, PiaUrl};
use pia_halo::domain::callback::mask_address;
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::daily_sync_time::DailySyncTime;
use pia_halo::domain::untrusted::{Untrusted, escape_json, harmless};
use proptest::prelude::*;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// What may never reach a terminal: controls, and characters that reorder or hide their neighbours. The two joiners are
/// judged by their place.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}'
            | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether each joiner stands inside a word whose script spells with it.
fn joiners_are_needed(shown: &str) -> bool {
    let characters: Vec<char> = shown.chars().collect();
    let is_cursive = |c: char| matches!(c, '\u{600}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}');
    characters.iter().enumerate().filter(|(_, c)| matches!(c, '\u{200c}' | '\u{200d}')).all(|(at, _)| {
        let beside = |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(|c| is_cursive(*c));
        // One joiner may follow another; what they stand behind is a letter all the same.
        let before = characters[..at].iter().rposition(|c| !matches!(c, '\u{200c}' | '\u{200d}'));
        beside(before) && beside(Some(at + 1))
    })
}

/// Texts of the kind that hurts: runs of what leans, hides, reorders or acts, between letters of many scripts.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "a",
        " ",
        "=",
        "e\u{301}",
        "\u{301}",
        "\u{20dd}",
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{fe0f}",
        "\u{202e}",
        "\u{2066}",
        "\u{1b}[",
        "\u{9b}",
        "\r\n",
        "\t",
        "\0",
        "\u{7f}",
        "\u{2028}",
        "\u{e0041}",
        "\u{1100}",
        "\u{1161}",
        "\u{11a8}",
        "한",
        "\u{600}",
        "\u{6dd}",
        "می",
        "ش",
        "क",
        "\u{94d}",
        "ষ",
        "\u{9cd}",
        "မြ",
        "ខ្ម",
        "👩",
        "🏽",
        "\u{1f1e6}",
        "🚀",
        "北",
        "ﾞ",
        "ｶ",
        "\u{e31}",
        "ก",
        "\u{ad}",
        "\u{115f}",
        "\u{feff}",
        "\u{fffd}",
        "…",
        "^",
        "\u{1d173}",
        "𝕏",
    ]);
    let piece = (pieces, prop_oneof![8 => 1_usize..3, 2 => 5_usize..12, 1 => 200_usize..400]);
    proptest::collection::vec(piece, 0..24)
        .prop_map(|parts| parts.iter().map(|(part, times)| part.repeat(*times)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever Halo writes, what is shown is harmless and short, and the text itself is kept.
    #[test]
    fn foreign_text_is_shown_harmless_and_kept_exactly(text in prop_oneof![any::<String>(), nasty(), nasty()]) {
        let foreign = Untrusted::new(text.clone());
        let shown = foreign.display();
        prop_assert!(!shown.contains(is_dangerous), "{shown:?}");
        prop_assert!(joiners_are_needed(&shown), "{shown:?}");
        prop_assert!(shown.chars().count() <= 256 * 7 + 8, "{}", shown.chars().count());
        prop_assert!(shown.graphemes(true).all(|cell| cell.len() <= 96), "{shown:?}");
        let mut marks = 0;
        let tower = shown.chars().any(|c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            marks > 6
        });
        prop_assert!(!tower, "{shown:?}");
        prop_assert_eq!(Untrusted::new(shown.as_str()).display(), shown, "shown twice is shown once");
        prop_assert_eq!(foreign.raw(), text);
    }

    /// JSON for programs says exactly what Halo said, and does nothing to a terminal.
    #[test]
    fn json_is_exact_and_harmless(text in prop_oneof![any::<String>(), nasty()]) {
        let json = serde_json::to_string(&Untrusted::new(text.clone()).exact()).unwrap();
        let escaped = escape_json(&json);
        prop_assert!(!escaped.contains(|c| is_dangerous(c) || matches!(c, '\u{200c}' | '\u{200d}')), "{escaped:?}");
        prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        prop_assert_eq!(escape_json(&escaped), escaped.as_ref());
    }

    /// A line of ours keeps its line ends and nothing else that acts.
    #[test]
    fn line_is_harmless_whatever_it_quotes(text in prop_oneof![any::<String>(), nasty()]) {
        let line = harmless(&text);
        prop_assert!(!line.replace(['\n', '\t'], "").contains(is_dangerous), "{line:?}");
        prop_assert_eq!(line.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(harmless(&line), line.as_ref());
    }

    /// R49: hours and minutes, with or without a colon or a dot, am or pm, and a zone, are the same time in UTC, and nothing
    /// else is one.
    #[test]
    fn only_time_is_time(text in "[0-9]{0,2}[:.]?[0-9a-z:.+ ]{0,8}") {
        let (figures, behind) = text.trim().split_at(text.trim().find(|c| !"0123456789:.".contains(c)).unwrap_or(text.trim().len()));
        let half = ["am", "pm"].into_iter().find_map(|half| behind.trim_start().strip_prefix(half));
        let zone = half.unwrap_or(behind).trim();
        let digits = figures.bytes().filter(u8::is_ascii_digit).count();
        let least = if half.is_some() { 1 } else { 3 };
        let mark = matches!(figures.find([':', '.']), None | Some(1 | 2)) && figures.len() - digits < 2;
        match DailySyncTime::parse(&text) {
            Ok(time) => {
                let shaped = (least..=4).contains(&digits) && mark;
                prop_assert!(shaped && (zone.is_empty() || zone.contains('+') || "zutcgmt".contains(zone)), "{text:?}");
                prop_assert_eq!(DailySyncTime::parse(&time.to_string()), Ok(time));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// R49: a local time and its offset give the one time in UTC at which the clock there shows it.
    #[test]
    fn local_time_is_moved_by_its_offset(hour in 0_i32..24, minute in 0_i32..60, offset in -840_i32..=840, colon in any::<bool>()) {
        let (sign, far) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        let colon = if colon { ":" } else { "" };
        let text = format!("{hour:02}{colon}{minute:02} {sign}{:02}:{:02}", far / 60, far % 60);
        let utc = (hour * 60 + minute - offset).rem_euclid(1_440);
        let expected = format!("{:02}:{:02}", utc / 60, utc % 60);
        prop_assert_eq!(DailySyncTime::parse(&text).map(|time| time.to_string()), Ok(expected));
    }

    /// S24: no spelling makes the reader fall over, what it accepts it accepts again unchanged, and plain http leads to
    /// this machine only.
    #[test]
    fn address_that_is_accepted_stays_as_it_is(text in "(https?://)?[a-z0-9.:/@?#\\[\\]%-]{0,40}") {
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
    fn no_masked_address_shows_token(front in "[a-z/:.]{0,20}", token in "[A-Za-z0-9_-]{20,50}", back in "[a-z/?#=]{0,10}") {
        for address in [format!("https://x.example/{front}/{token}/{back}"), format!("https://{token}@x.example/{back}")] {
            prop_assert!(!mask_address(&address).contains(&token), "{address}");
        }
    }

    /// Any name gives an id that can stand in an address and a file, and a free one.
    #[test]
    fn any_name_gives_usable_free_id(name in any::<String>(), taken in 0_usize..5) {
        let mut ids: Vec<ConfigurationId> = Vec::new();
        for _ in 0..=taken {
            let id = ConfigurationId::suggest(&name, None, |id| ids.contains(id));
            prop_assert_eq!(ConfigurationId::parse(id.as_str()), Ok(id.clone()));
            prop_assert!(!ids.contains(&id));
            ids.push(id);
        }
    }
}

/// Names as people have them are shown as people write them.
#[test]
fn ordinary_names_of_every_script_are_shown_as_they_are() {
    for name in [
        "Northwind Traders",
        "Smith & Sons, Ltd. (UK)",
        "O'Brien \"Quick\" Couriers",
        "100% Müller-Straßenbau GmbH <info>",
        "Société Générale d'Électricité",
        "Ångström & Søn ApS",
        "Łódź Żółć i Spółka",
        "Þór ehf.",
        "Çağrı İnşaat A.Ş.",
        "Ħal Għargħur",
        "Nguyễn Thị Ánh",
        "Nguye\u{302}\u{303}n Thi\u{323} A\u{301}nh",
        "Ακρόπολη Α.Ε.",
        "ООО «Северный ветер»",
        "Київстар",
        "Հայաստան ՓԲԸ",
        "საქართველო",
        "שלום עולם בע\"מ",
        "בְּרֵאשִׁית",
        "شركة النور للتجارة",
        "مُحَمَّد",
        "شرکت نمونه\u{200c}سازان",
        "می\u{200c}خواهم",
        "پاکستان لمیٹڈ",
        "ܣܘܪܝܝܐ",
        "ދިވެހި",
        "ማህበር ኢትዮጵያ",
        "सूर्य इंडस्ट्रीज़",
        "श्री कृष्ण & सन्स",
        "क्\u{200d}ष",
        "শিক্ষা\u{200c}র",
        "ਪੰਜਾਬ",
        "ગુજરાત",
        "தமிழ்நாடு",
        "తెలుగు",
        "ಕನ್ನಡ",
        "മലയാളം",
        "ශ්\u{200d}රී ලංකා",
        "บริษัท สยามทอง จำกัด",
        "ບໍລິສັດ ລາວ",
        "ក្រុមហ៊ុន ខ្មែរ",
        "မြန်မာ ကုမ္ပဏီ",
        "བོད་ལྗོངས",
        "Монгол ᠮᠣᠩᠭᠣᠯ",
        "株式会社さくら",
        "ｶﾀｶﾅ株式会社 ガギグ",
        "北京技术有限公司",
        "臺灣積體電路",
        "한빛소프트 주식회사",
        "한글",
        "ᏣᎳᎩ",
        "ᐃᓄᒃᑎᑐᑦ",
        "Alerts 🚨",
        "🇦🇺🇳🇿🇬🇧🇺🇸 Flags",
        "👍 Good & Co",
        "❤ 100 €",
        "№ 7 — “quoted” … ½",
        "a\u{a0}b",
        "E = mc²",
        "naïve café",
        "nai\u{308}ve cafe\u{301}",
    ] {
        assert_eq!(Untrusted::new(name).display(), name);
        assert_eq!(harmless(name), name);
    }
    // What joins and shades pictures is left out: terminals do not agree how wide they are then.
    assert_eq!(Untrusted::new("👩\u{200d}🚀 Labs ❤\u{fe0f} 👍🏽").display(), "👩🚀 Labs ❤ 👍");
}

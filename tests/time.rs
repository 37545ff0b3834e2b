//! Time: what is typed, what is stored, and what the person's own clock shows of it.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pia_halo::demo::Options;
use pia_halo::domain::daily_sync_time::DailySyncTime;
use pia_halo::view::text::moment;

use crate::support::pty::Pty;
use crate::support::service::Service;
use crate::support::walk::{self, Person};
use crate::support::{Profile, project, run, until};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn time(text: &str) -> DailySyncTime {
    DailySyncTime::parse(text).unwrap()
}

/// Zone, now, what 00:45 UTC is there, and when that changes next. Made with another program's tables (Python's), of a
/// year that is over, so that no parliament changes it.
#[rustfmt::skip]
const ZONES: [(&str, &str, &str, &str, &str); 36] = [
    ("Australia/Brisbane", "2025-01-15T10:53:00Z", "10:45", "+10:00", ""),
    ("Australia/Brisbane", "2025-07-15T23:59:59Z", "10:45", "+10:00", ""),
    ("Australia/Sydney", "2025-01-15T10:53:00Z", "11:45", "+11:00", "from 6 Apr 10:45 (+10:00)"),
    ("Australia/Sydney", "2025-07-15T23:59:59Z", "10:45", "+10:00", "from 5 Oct 11:45 (+11:00)"),
    ("Australia/Lord_Howe", "2025-01-15T10:53:00Z", "11:45", "+11:00", "from 6 Apr 11:15 (+10:30)"),
    ("Australia/Lord_Howe", "2025-07-15T23:59:59Z", "11:15", "+10:30", "from 5 Oct 11:45 (+11:00)"),
    ("Pacific/Auckland", "2025-01-15T10:53:00Z", "13:45", "+13:00", "from 6 Apr 12:45 (+12:00)"),
    ("Pacific/Auckland", "2025-07-15T23:59:59Z", "12:45", "+12:00", "from 28 Sep 13:45 (+13:00)"),
    ("Pacific/Chatham", "2025-01-15T10:53:00Z", "14:30", "+13:45", "from 6 Apr 13:30 (+12:45)"),
    ("Pacific/Chatham", "2025-07-15T23:59:59Z", "13:30", "+12:45", "from 28 Sep 14:30 (+13:45)"),
    ("Pacific/Apia", "2025-01-15T10:53:00Z", "13:45", "+13:00", ""),
    ("Pacific/Apia", "2025-07-15T23:59:59Z", "13:45", "+13:00", ""),
    ("Asia/Kathmandu", "2025-01-15T10:53:00Z", "06:30", "+05:45", ""),
    ("Asia/Kathmandu", "2025-07-15T23:59:59Z", "06:30", "+05:45", ""),
    ("Asia/Kolkata", "2025-01-15T10:53:00Z", "06:15", "+05:30", ""),
    ("Asia/Kolkata", "2025-07-15T23:59:59Z", "06:15", "+05:30", ""),
    ("Europe/London", "2025-01-15T10:53:00Z", "00:45", "+00:00", "from 31 Mar 01:45 (+01:00)"),
    ("Europe/London", "2025-07-15T23:59:59Z", "01:45", "+01:00", "from 27 Oct 00:45 (+00:00)"),
    ("Europe/Dublin", "2025-01-15T10:53:00Z", "00:45", "+00:00", "from 31 Mar 01:45 (+01:00)"),
    ("Europe/Dublin", "2025-07-15T23:59:59Z", "01:45", "+01:00", "from 27 Oct 00:45 (+00:00)"),
    ("Europe/Paris", "2025-01-15T10:53:00Z", "01:45", "+01:00", "from 31 Mar 02:45 (+02:00)"),
    ("Europe/Paris", "2025-07-15T23:59:59Z", "02:45", "+02:00", "from 27 Oct 01:45 (+01:00)"),
    ("Africa/Casablanca", "2025-01-15T10:53:00Z", "01:45", "+01:00", "from 24 Feb 00:45 (+00:00)"),
    ("Africa/Casablanca", "2025-07-15T23:59:59Z", "01:45", "+01:00", "from 16 Feb 00:45 (+00:00)"),
    ("Africa/Cairo", "2025-01-15T10:53:00Z", "02:45", "+02:00", "from 25 Apr 03:45 (+03:00)"),
    ("Africa/Cairo", "2025-07-15T23:59:59Z", "03:45", "+03:00", "from 31 Oct 02:45 (+02:00)"),
    ("America/St_Johns", "2025-01-15T10:53:00Z", "21:15", "-03:30", "from 9 Mar 22:15 (-02:30)"),
    ("America/St_Johns", "2025-07-15T23:59:59Z", "22:15", "-02:30", "from 2 Nov 21:15 (-03:30)"),
    ("America/New_York", "2025-01-15T10:53:00Z", "19:45", "-05:00", "from 9 Mar 20:45 (-04:00)"),
    ("America/New_York", "2025-07-15T23:59:59Z", "20:45", "-04:00", "from 2 Nov 19:45 (-05:00)"),
    ("America/Santiago", "2025-01-15T10:53:00Z", "21:45", "-03:00", "from 6 Apr 20:45 (-04:00)"),
    ("America/Santiago", "2025-07-15T23:59:59Z", "20:45", "-04:00", "from 7 Sep 21:45 (-03:00)"),
    ("Antarctica/Troll", "2025-01-15T10:53:00Z", "00:45", "+00:00", "from 31 Mar 02:45 (+02:00)"),
    ("Antarctica/Troll", "2025-07-15T23:59:59Z", "02:45", "+02:00", "from 27 Oct 00:45 (+00:00)"),
    ("Etc/UTC", "2025-01-15T10:53:00Z", "00:45", "+00:00", ""),
    ("Etc/UTC", "2025-07-15T23:59:59Z", "00:45", "+00:00", ""),
];

/// R48, N15, S30: in every zone, in summer and in winter, and from which day it is another time.
#[test]
fn time_is_right_in_every_zone_over_both_summer_time_changes() {
    for (name, now, local, offset, change) in ZONES {
        let (now, zone, time) = (at(now), zone(name), time("00:45"));
        assert_eq!(time.in_zone(now, &zone), format!("{local} in {name} ({offset})"));
        assert_eq!(time.change_in_zone(now, &zone).unwrap_or_default(), change, "{name} from {now}");
    }
}

/// R48: the promise itself, without a table: on the day that is named the time is another one, and on no day before.
#[test]
fn change_that_is_named_is_first_one() {
    let mut told = 0;
    for (name, ..) in ZONES.iter().step_by(2) {
        let zone = zone(name);
        for text in ["00:00", "00:45", "01:59", "02:00", "10:15", "16:00", "23:59"] {
            let time = time(text);
            let mut now = at("2025-01-01T00:00:00Z");
            while now < at("2026-01-01T00:00:00Z") {
                let mut run = time.next_after(now);
                let usual = run.to_zoned(zone.clone()).time();
                let first = (0..366).find_map(|_| {
                    run = time.next_after(run);
                    let local = run.to_zoned(zone.clone());
                    (local.time() != usual).then(|| local.strftime("from %-d %b %H:%M (%:z)").to_string())
                });
                assert_eq!(time.change_in_zone(now, &zone), first, "{name} {text} from {now}");
                told += usize::from(first.is_some());
                now = now.checked_add((13 * 24 + 7).hours()).unwrap();
            }
        }
    }
    assert!(told > 1_000, "{told}");
}

/// R48: every run is at the same time in UTC, exactly a day apart, also over the local changes.
#[test]
fn run_itself_never_moves() {
    let time = time("16:30");
    let mut run = time.next_after(at("2025-03-01T00:00:00Z"));
    for _ in 0..400 {
        let next = time.next_after(run);
        assert_eq!(next.duration_since(run).as_hours(), 24);
        assert!(next.to_string().ends_with("T16:30:00Z"));
        run = next;
    }
}

/// R48, S28: around midnight the day is the right one.
#[test]
fn today_and_next_run_are_right_at_midnight() {
    let lines = |time: &str, now: &str| DailySyncTime::parse(time).unwrap().next_run_line(at(now));
    assert_eq!(lines("00:00", "2026-12-31T23:59:00Z"), "next run Fri 01 Jan 2027 00:00 UTC, in 1 min");
    assert_eq!(lines("00:00", "2026-12-31T23:59:59.999Z"), "next run Fri 01 Jan 2027 00:00 UTC, in 1 min");
    assert_eq!(lines("00:00", "2027-01-01T00:00:00Z"), "next run Sat 02 Jan 2027 00:00 UTC, in 24 h 0 min");
    assert_eq!(lines("23:59", "2026-12-31T23:59:00Z"), "next run Fri 01 Jan 2027 23:59 UTC, in 24 h 0 min");
    assert_eq!(lines("23:59", "2027-01-01T00:00:00Z"), "next run Fri 01 Jan 2027 23:59 UTC, in 23 h 59 min");
    assert_eq!(lines("00:00", "2028-02-28T12:00:00Z"), "next run Tue 29 Feb 2028 00:00 UTC, in 12 h 0 min");
    let (before, midnight) = (at("2026-12-31T23:59:59Z"), at("2027-01-01T00:00:00Z"));
    assert_eq!(moment(before, before), "today 23:59");
    assert_eq!(moment(midnight, midnight), "today 00:00");
    assert_eq!(moment(midnight, before), "31 Dec 2026");
    assert_eq!(moment(before, midnight), "01 Jan 2027");
}

/// S28: at the end of time nothing falls over.
#[test]
fn ends_of_time_are_no_trap() {
    for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
        for (name, ..) in ZONES {
            let (zone, time) = (zone(name), time("23:59"));
            assert!(time.next_after(now) >= now);
            assert!(!time.in_zone(now, &zone).is_empty() && !time.next_run_line(now).is_empty());
            let _ = time.change_in_zone(now, &zone);
        }
    }
}

/// R49: of 100,000 texts those are taken that are one of 1,440 times, in any of its spellings, with blanks around and perhaps
/// a zone behind; and each refusal says why.
#[test]
fn of_hundred_thousand_texts_only_times_are_taken() {
    const PIECES: [&str; 40] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ":", ":", ":", "00", "04", "12", "23", "24", "30", "59",
        "60", "99", " ", "\t", "\n", "\u{3000}", "\u{feff}", "\u{202e}", "\u{1b}[", "０", "４", "：", "٤", "am", "PM",
        "Z", "+", "-", ".", "\u{301}",
    ];
    let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    let minutes: Vec<String> = (0..60).map(|minute| format!("{minute:02}")).collect();
    let spellings = |hour: &String, minute: &String| {
        let short = hour.strip_prefix('0').unwrap_or(hour);
        [format!("{hour}:{minute}"), format!("{short}:{minute}"), format!("{hour}{minute}"), format!("{short}{minute}")]
    };
    let times: BTreeSet<String> =
        hours.iter().flat_map(|hour| minutes.iter().flat_map(move |minute| spellings(hour, minute))).collect();
    let is_zone = |text: &str| {
        let figures = text.strip_prefix(['+', '-']).unwrap_or("x");
        let hours = figures.len() <= 2 && figures.parse::<u8>().is_ok_and(|hours| hours <= 14);
        let whole =
            times.contains(figures) && figures.len() >= 4 && figures.replace(':', "").parse::<u16>().unwrap() <= 1_400;
        text.is_empty() || text == "Z" || (hours && !figures.starts_with('+')) || whole
    };
    let is_time = |text: &str| {
        let text = text.trim().replace("PM", "pm");
        let end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
        let (time, behind) = (text[..end].replace('.', ":"), text[end..].trim_start());
        match behind.strip_prefix("am").or_else(|| behind.strip_prefix("pm")) {
            // `4amZ` is a word, and no zone behind a half of the day.
            Some(zone) if zone.starts_with(|next: char| next.is_alphanumeric()) => false,
            Some(zone) => {
                let whole = if time.len() < 3 { format!("{time}:00") } else { time };
                let hour = whole.split_once(':').map_or(&whole[..whole.len().saturating_sub(2)], |(hour, _)| hour);
                let is_half = hour.parse::<u8>().is_ok_and(|hour| (1..=12).contains(&hour));
                times.contains(&whole) && is_half && is_zone(zone.trim_start())
            }
            None => times.contains(&time) && is_zone(behind),
        }
    };
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let mut taken = 0;
    for round in 0..100_000 {
        let mut text = String::new();
        if round % 3 == 0 {
            // Near a time: one with a piece put somewhere.
            text = format!("{:02}:{:02}", random(26), random(62));
            let place = random(6);
            text.insert_str(place, PIECES[random(PIECES.len())]);
        } else {
            for _ in 0..random(7) {
                text.push_str(PIECES[random(PIECES.len())]);
            }
        }
        match DailySyncTime::parse(&text) {
            Ok(time) => {
                assert!(is_time(&text), "{text:?} was taken");
                assert_eq!(DailySyncTime::parse(&time.to_string()), Ok(time));
                taken += 1;
            }
            Err(error) => {
                assert!(!is_time(&text), "{text:?} was refused: {error}");
                let said = error.to_string();
                assert!(!said.is_empty() && said.len() < 100 && !said.contains(char::is_control), "{said:?}");
            }
        }
    }
    assert!(taken > 500, "{taken}");
    let all = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| format!("{hour}:{minute}")));
    assert_eq!(all.filter(|text| time(text).to_string() == *text).count(), 1_440);
}

/// S29: what is nearly a time is refused with the one that was meant, and a different reading is never guessed.
#[test]
fn near_miss_is_refused_with_what_was_meant() {
    let refusal = |text: &str| DailySyncTime::parse(text).unwrap_err().to_string();
    for near in ["04:3 0", "０４：３０", "０４:3０"] {
        let said = refusal(near);
        assert!(said.contains("04:30"), "{near}: {said}");
    }
    assert_eq!(refusal("4:5"), "use two digits for the minutes: 04:05");
    for spelling in [" 04:30", "04:30\n", "\u{3000}04:30\t", "4:30", "0430", "430", "14:30+10:00"] {
        assert_eq!(time(spelling), DailySyncTime::EXAMPLE);
    }
    for other in
        ["04-30", "04:30:00", "\u{feff}04:30", "04:30\u{202e}", "04\u{301}:30", "-4:30", "+4:30", "30", "04300"]
    {
        assert!(DailySyncTime::parse(other).is_err(), "{other:?}");
    }
}

/// A profile that opens in its panes.
async fn finished() -> Profile {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile
}

fn in_zone(profile: &Profile, zone: Option<&str>) -> Pty {
    let start = profile.in_terminal();
    match zone {
        Some(zone) => start.env("TZ", zone),
        None => start.without_env("TZ"),
    }
    .spawn()
}

/// S30, N15: the zone is the one that the environment names, and where that means nothing the page says so.
#[tokio::test(flavor = "multi_thread")]
async fn zone_is_persons_own_or_said_to_be_unknown() {
    let profile = finished().await;
    for (named, shown) in [
        ("Australia/Brisbane", "= 14:30 in Australia/Brisbane (+10:00)"),
        (":Asia/Kathmandu", "= 10:15 in Asia/Kathmandu (+05:45)"),
        ("/usr/share/zoneinfo/Asia/Kolkata", "= 10:00 in Asia/Kolkata (+05:30)"),
        ("AEST-10", "= 14:30 in local time (+10:00)"),
        // There the same time is not said twice.
        ("", "04:30 UTC"),
        ("Nowhere/Land", "your time zone is unknown"),
        ("\u{1b}]0;x\u{7}\u{202e}", "your time zone is unknown"),
    ] {
        let mut pty = in_zone(&profile, Some(named));
        pty.sees("Overview").await;
        pty.press("1").await;
        pty.sees("Daily at").await;
        pty.sees(shown).await;
        pty.press("^C").await;
        assert_eq!(pty.exit_code(), 0);
    }
    // Without TZ it is the machine's, whatever that is.
    let mut pty = in_zone(&profile, None);
    pty.sees("Overview").await;
    pty.press("1").await;
    pty.sees("04:30 UTC").await;
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    assert!(settings.contains("daily_sync_time = \"04:30\""), "what is stored is UTC wherever one looks from");
}

/// N15: beside the field stands when the local time changes next; where it never does, nothing does.
#[tokio::test(flavor = "multi_thread")]
async fn step_says_when_local_time_changes() {
    for (zone, changes) in [("Australia/Sydney", true), ("Australia/Brisbane", false)] {
        let profile = Profile::with(Options { clients: 5, ..Options::default() }).await;
        let mut pty = in_zone(&profile, Some(zone));
        walk::to_credentials(&mut pty).await;
        walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
        walk::test_connection(&mut pty).await;
        pty.sees(&format!("in {zone} (+1")).await;
        let told = pty.screen().lines().any(|line| line.trim().starts_with("from ") && line.contains(":30 (+1"));
        assert_eq!(told, changes, "{zone}:\n{}", pty.screen());
    }
}

/// F27, D5: the service syncs by itself at the time of the day, once, and the days on which it was off are named.
#[tokio::test(flavor = "multi_thread")]
async fn service_syncs_at_its_time_and_names_days_it_missed() {
    let profile = Profile::with(Options { clients: 5, ..Options::default() }).await;
    let now = Timestamp::now();
    let time = now.strftime("%H:%M").to_string();
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, profile.answers("acme", "").replace("04:30", &time)).unwrap();
    let setup = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    run(setup, profile.halo.client_secret().to_owned()).await.expect(0);
    // It ran for the last time three days and a half ago.
    profile.store().served_since(&profile.id(), now - 84.hours()).unwrap();
    let service = Service::start(&profile).await;
    let days = || profile.store().days(&profile.id()).unwrap();
    until(|| days().len() == 4).await;
    let status = profile.json(["status"], 0).await;
    let told = status["service"]["days"].as_array().unwrap().iter().map(|day| day["outcome"].as_str().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ["synced", "missed", "missed", "missed"], "{status}");
    assert_eq!(profile.json(["history"], 0).await.as_array().unwrap().len(), 1, "one run for all of them");
    let yesterday = now - 24.hours();
    profile.run(["status"]).await.expect(0).says(&format!("{} missed", yesterday.strftime("%Y-%m-%d")));
    assert_eq!(service.terminate().await, 143);
}

/// The pure rooms cannot ask the machine for its zone: it is found once, at the edge.
#[test]
fn machines_zone_is_asked_for_in_one_place() {
    let asking = crate::support::files(&project().join("src")).into_iter().filter(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.contains("TimeZone::try_system") || text.contains("TimeZone::system")
    });
    assert_eq!(asking.count(), 1);
}

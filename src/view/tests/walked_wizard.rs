//! What a demanding newcomer met on the pages of the set-up: each as a kind.

use ratatui::style::{Color, Modifier};

use crate::app::form::FieldId;
use crate::app::keymap::Pane;
use crate::app::message::Reply;
use crate::app::model::Screen;
use crate::app::testing::{Stage, at_configure, failed, in_panes, plan, standing, status, tested, with_credentials};
use crate::domain::check::CheckStatus;

use super::picture::{plain, shown};
use super::scenes::scenes;

fn words(stage: &Stage) -> String {
    plain(stage).replace(['\n', '│', '█'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong with a time is said while it is typed; what may still become one is not called wrong.
#[test]
fn wrong_time_is_told_at_once() {
    for (typed, told) in [
        ("25:00", "hours go from 00 to 23"),
        ("16", "add the minutes: 16:00"),
        ("6pm Europe/Berlin", "type 18:00+01:00 or 18:00+02:00"),
        ("18:00 CET", "= 17:00 UTC"),
        ("4:", "time in UTC, such as 04:30"),
        ("0430", "= 04:30 UTC"),
    ] {
        let mut stage = tested();
        stage.keys("Enter ^U");
        stage.type_text(typed);
        assert!(words(&stage).contains(told), "{typed}: {}", plain(&stage));
    }
}

/// How an address is read and what was left out are two things, and a whole address is not called incomplete.
#[test]
fn address_is_echoed_in_sentences() {
    let of = |field: FieldId, typed: &str| {
        let mut stage = with_credentials();
        let wizard = stage.model.wizard.as_mut().unwrap();
        wizard.form.set(FieldId::Url, "http://127.0.0.1:39005");
        (wizard.step, wizard.focus) = (field.info().step, crate::app::wizard::Item::Field(field));
        wizard.form.set(field, typed.to_owned());
        stage.resize(80, 24);
        plain(&stage)
    };
    let text = of(FieldId::Url, "http://127.0.0.1:39005/portal/login?x=1");
    let line = text.lines().position(|line| line.trim_end().ends_with("→ http://127.0.0.1:39005"));
    assert!(text.lines().nth(line.unwrap() + 1).unwrap().contains("is not needed"), "{text}");
    let text = of(FieldId::PiaUrl, "http://127.0.0.1:39005");
    assert!(text.contains("Halo's own address") && !text.contains("not complete yet"), "{text}");
    let text = of(FieldId::PiaUrl, "https://pia");
    assert!(text.contains("! a name without a dot: can Halo find \"pia\"?"), "{text}");
}

/// A row that opens moves nothing above it.
#[test]
fn opening_row_moves_no_heading() {
    let sizes = (15..=24).map(|height| (80, height)).chain([(120, 40), (40, 12)]);
    let mut tight = 0;
    for (width, height) in sizes {
        let mut stage = at_configure();
        stage.resize(width, height);
        stage.reply(Reply::Planned(Ok(Ok(plan()))));
        let heading = |stage: &Stage| plain(stage).lines().position(|line| line.contains("onfigure  "));
        let before = heading(&stage);
        // With air, a row that needs all of it may take it once.
        if before != Some(3) {
            continue;
        }
        tight += 1;
        for keys in ["Enter", "Down", "Enter", "Down", "Enter"] {
            stage.keys(keys);
            let text = plain(&stage);
            let has_scrolled = text.contains('↑');
            assert!(has_scrolled || heading(&stage) == before, "{width}x{height} {keys}: {text}");
        }
    }
    assert!(tight > 5, "{tight}");
}

/// A warning warns of something, and after a failed test nobody is told that nothing was tested.
#[test]
fn nothing_wrong_is_no_warning() {
    let mut stage = with_credentials();
    stage.keys("Enter");
    let mut report = failed();
    let mut failing = report.checks.iter_mut().filter(|check| check.status == CheckStatus::Fail);
    assert!(failing.next().is_some());
    stage.reply(Reply::Verified(Ok(report)));
    stage.keys("Down u");
    let text = words(&stage);
    assert!(text.contains("The test failed.") && !text.contains("saved untested"), "{text}");
}

// Whatever stands as a heading on a screen: bold at the margin, and no colour.
fn headings(stage: &Stage) -> Vec<String> {
    let (buffer, _) = shown(stage);
    let is_title = |x: u16, y: u16| {
        let cell = &buffer[(x, y)];
        cell.modifier.contains(Modifier::BOLD) && cell.fg == Color::Reset
    };
    let area = buffer.area;
    let rows = (area.y + 3..area.height.saturating_sub(2)).filter(|y| {
        (0..3).all(|x| buffer[(x, *y)].symbol() == " ") && buffer[(3, *y)].symbol() != " " && is_title(3, *y)
    });
    let text = |y: u16| -> String {
        (3..area.width).take_while(|x| is_title(*x, y)).map(|x| buffer[(x, y)].symbol()).collect()
    };
    rows.map(text).map(|text| text.trim().to_owned()).collect()
}

/// Whoever reads a heading finds it among the commands.
#[test]
fn every_heading_is_found_among_commands() {
    // These are sentences, or name one thing among many.
    let is_sentence = |heading: &str| {
        !heading.starts_with(char::is_alphabetic)
            || ["You have", "Almost", "Done so far", "Ticket ", "Event", "Tickets", "Several"]
                .iter()
                .any(|no| heading.starts_with(no))
    };
    let mut stage = in_panes();
    let mut told = standing(status("Acme MSP", true, true, true));
    told.status.service.running = false;
    stage.reply(Reply::Status(Ok(told)));
    let (mut seen, mut missing) = (Vec::new(), Vec::new());
    for (name, scene) in scenes() {
        if scene.model.popup.is_some() || scene.model.palette.is_some() {
            continue;
        }
        if !matches!(scene.model.screen, Screen::Wizard | Screen::Panes) || scene.model.panes.pane == Pane::Activity {
            continue;
        }
        for heading in headings(&scene).into_iter().filter(|heading| !is_sentence(heading)) {
            stage.keys("0 :");
            stage.type_text(&heading);
            if stage.model.palette.as_ref().unwrap().rows.is_empty() {
                missing.push(format!("{name}: {heading}"));
            }
            stage.keys("Esc");
            seen.push(heading);
        }
    }
    for heading in
        ["API Credentials", "Company Sync", "Pia Screen", "Setup Integration", "Start the service", "In Halo"]
    {
        assert!(seen.iter().any(|seen| seen == heading), "{heading}: {seen:?}");
    }
}

/// A Client Secret that was typed where text is shown is not shown, with the focus or without.
#[test]
fn client_secret_in_wrong_field_is_masked() {
    let mut stage = with_credentials();
    for field in [FieldId::Name, FieldId::ClientId] {
        let wizard = stage.model.wizard.as_mut().unwrap();
        wizard.form.set(field, "6a0f2f9e-3a1c-4f0e-9d56-0f4c8a2b7e11-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed");
        for focus in [field, FieldId::Url] {
            stage.model.wizard.as_mut().unwrap().focus = crate::app::wizard::Item::Field(focus);
            for (width, height) in [(80, 24), (200, 50)] {
                stage.resize(width, height);
                let text = plain(&stage);
                assert!(!text.contains("6a0f") && !text.contains("4bed") && text.contains("••••"), "{text}");
            }
        }
    }
}

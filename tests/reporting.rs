//! The page of a month: what was done is on it by name, and nothing that Halo wrote becomes markup.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use pia_halo::demo::Client;
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::Incoming;
use pia_halo::store::NewEvent;

use crate::secrecy::{forms, secrets_of};
use crate::support::vt::{From, findings};
use crate::support::{Profile, login_name};
use crate::tickets::{escalate, escalating};

const HOSTILE: &str = "</td><script src=//e.example>alert(1)</script><img src=x onerror=\"a()\">";
const MARKED: &str = "a|b [x](javascript:a) **`c`** <b> https://e.example \u{1b}[31m\u{202e}";

/// A month with a bit of everything, and its name.
async fn busy() -> (Profile, String) {
    let profile = escalating().await;
    let added = profile.halo.change(|state| {
        let used: Vec<usize> = (0..state.clients.len()).filter(|at| !state.clients[*at].inactive).take(2).collect();
        let new = state.clients.iter().map(|client| client.id).max().unwrap() + 1;
        state.clients[used[0]].name = MARKED.to_owned();
        state.clients[used[1]].inactive = true;
        state.clients.push(Client::new(new, HOSTILE));
        new
    });
    profile.run(["sync"]).await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    profile.run(["configure", "--yes"]).await.expect(0);
    escalate(&profile, &["--note", "once"], 0).await;
    profile.run(["rotate", "--yes"]).await.expect(0);
    let event = |at: &str| NewEvent {
        configuration: profile.id(),
        group: EventGroup::TicketUpdated,
        incoming: Incoming {
            id: None,
            event: None,
            ticket_id: Some(added),
            sent_at: None,
            not_understood: None,
            body: HOSTILE.into(),
        },
        received_at: at.parse().unwrap(),
        fetched_from: None,
        forward: false,
    };
    let now = Timestamp::now().to_string();
    profile.store().add_events([event(&now), event(&now), event("2020-02-03T04:05:06Z")]).unwrap();
    (profile, now[.."2026-10".len()].to_owned())
}

/// The part of a page below a heading.
fn below<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(heading).unwrap_or_else(|| panic!("{heading}: {page}"));
    rest.split("<h2>").next().unwrap().split("\n## ").next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn month_on_one_page_names_what_was_done_and_by_whom() {
    let (profile, month) = busy().await;
    let html = profile.run(["report", "--month", &month]).await.expect(0).stdout;
    let lost = profile.store().changes(&profile.id(), 2).unwrap().unwrap();
    let lost = lost.iter().find(|line| line.change.word() == "disabled").unwrap().name.display();
    for (heading, words) in [
        ("Clients gained</h2>", "&lt;/td&gt;&lt;script src=//e.example&gt;"),
        ("Clients gained</h2>", "The first sync, run 1, read 40 clients."),
        ("Clients lost</h2>", lost.as_str()),
        ("Clients renamed</h2>", "a|b [x](javascript:a)"),
        ("Drift and changes in Halo</h2>", "active: false → true"),
        ("Drift and changes in Halo</h2>", "update webhook: Pia - Ticket Created"),
        ("Events from Halo</h2>", "<td>ticket-updated</td><td>2</td>"),
        ("Escalations</h2>", "escalate: ticket 33470"),
        ("Escalations</h2>", "add note: ticket 33470"),
        ("Everything else that was done</h2>", "configure"),
        ("Everything else that was done</h2>", "<td>rotate</td><td>new secrets made</td>"),
        ("Everything else that was done</h2>", "<td>rotate</td><td>rotated</td>"),
        ("Who did it</h2>", login_name().as_str()),
        ("In short</h2>", "Complete 2"),
        ("In short</h2>", "3 of them updates"),
        ("In short</h2>", "<td>Days with a sync</td><td>1 of 1</td>"),
    ] {
        assert!(below(&html, heading).contains(words), "{heading} {words}: {}", below(&html, heading));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_month_has_no_markup_no_script_and_no_secret() {
    let (profile, month) = busy().await;
    let html = profile.run(["report", "--month", &month, "--format", "html"]).await.expect(0).stdout;
    let tags: BTreeSet<&str> = html.split('<').skip(1).map(|tag| tag.split(['>', ' ']).next().unwrap()).collect();
    let ours =
        ["!doctype", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td"];
    let odd: Vec<_> = tags.iter().filter(|tag| !ours.contains(&tag.trim_start_matches('/'))).collect();
    assert_eq!(odd, [&""; 0], "{html}");
    let attributes = html.split('<').filter(|tag| tag.split('>').next().unwrap().contains(['=', '"'])).count();
    assert_eq!(attributes, 4, "the language and three lines of the head: {html}");
    let markdown = profile.run(["report", "--month", &month, "--format", "md"]).await.expect(0).stdout;
    let mut columns = None;
    for line in markdown.lines() {
        let bare = line
            .replace(r"\\", "")
            .replace(r"\:", "")
            .replace(r"\|", "")
            .replace(r"\<", "")
            .replace(r"\[", "")
            .replace(r"\`", "");
        assert!(!bare.contains(['<', '[', '`']) && !bare.contains("://"), "{line}");
        let count = line.starts_with('|').then(|| bare.matches('|').count());
        assert!(columns.is_none() || count.is_none() || columns == count, "{line}");
        columns = count;
    }
    assert!(markdown.contains(r"a\|b \[x\](javascript:a)"), "{markdown}");
    for page in [&html, &markdown] {
        assert_eq!(findings(page.as_bytes(), From::File), [""; 0]);
        for secret in secrets_of(&profile) {
            assert!(forms(&secret).iter().all(|form| !page.contains(form)), "{page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn month_with_nothing_says_so_and_wrong_one_is_refused() {
    let profile = Profile::set_up(Default::default()).await;
    let html = profile.run(["report", "--month", "2020-01"]).await.expect(0).stdout;
    for words in
        ["January 2020", "No sync ran.", "No event came in.", "No ticket was handed over.", "Nothing was done."]
    {
        assert!(html.contains(words), "{words}: {html}");
    }
    let file = profile.folder.path().join("month.html");
    let ran = profile.run(["report", "--output", &file.to_string_lossy()]).await.expect(0);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("written: "), "{ran:?}");
    let (text, mode) = (std::fs::read_to_string(&file).unwrap(), file.metadata().unwrap().permissions().mode());
    assert!(text.starts_with("<!doctype html>") && text.ends_with("</html>\n") && mode & 0o777 == 0o600, "{text}");
    for (arguments, says) in [
        (&["report", "--month", "9000-01"][..], "has not begun yet"),
        (&["report", "--month", "2026-13"], "such as 2026-10"),
        (&["report", "--json"], "--json makes no sense with report"),
        (&["report", "--output", "/"], "is not a file"),
    ] {
        profile.run(arguments).await.expect(2).says(says);
    }
}

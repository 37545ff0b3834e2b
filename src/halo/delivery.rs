//! Whether Halo's callbacks arrive: what its own log of deliveries says of a webhook, and what to do about it.

use jiff::{SignedDuration, Timestamp};

use crate::domain::delivery::{Delivery, DeliveryState, let_in};

/// How long a delivery may be on its way before its missing answer is worth a word.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(10);

/// How far Halo's clock and ours may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// How long after its installation it is no wonder that nothing was delivered.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// A webhook as Halo holds it, as far as its deliveries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookState {
    /// Whether Halo delivers to it.
    pub active: bool,
    /// When Halo switched it off by itself.
    pub switched_off_at: Option<Timestamp>,
    /// For how many days Halo keeps the log; 0 or none where it does not say.
    pub log_days: Option<i64>,
    /// How many events it is bound to, where that was read.
    pub events: Option<usize>,
}

/// One delivery in Halo's log.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LoggedDelivery {
    /// Halo's time of it.
    pub at: Option<Timestamp>,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// How long it took, as Halo writes it; the unit is not documented.
    pub duration: Option<String>,
    /// Whether Halo calls it an error.
    pub failed: bool,
    /// What Halo or the other end said of it, secrets taken out, fit to be shown.
    pub words: Option<String>,
}

impl LoggedDelivery {
    /// Whether it has come to an end, well or not.
    pub fn has_answer(&self) -> bool {
        self.http_status.is_some() || self.failed
    }

    /// Whether the address took it.
    pub fn is_success(&self) -> bool {
        matches!(self.http_status, Some(200..=299))
    }
}

/// What was found of one webhook.
#[derive(Clone, Debug)]
pub struct Findings<'a> {
    /// The webhook's name.
    pub name: &'a str,
    pub id: &'a str,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// When we last knew it to be on, by our own record.
    pub on_at: Option<Timestamp>,
    /// As Halo holds it; none where it does not.
    pub webhook: Option<&'a WebhookState>,
    /// Its deliveries, newest first, or why the log could not be read.
    pub log: Result<&'a [LoggedDelivery], &'a str>,
}

/// The verdict on what was found of a webhook.
pub fn judge(findings: &Findings<'_>, now: Timestamp) -> Delivery {
    let mut verdict = Delivery {
        webhook: findings.name.to_owned(),
        id: findings.id.to_owned(),
        state: DeliveryState::Never,
        last_at: None,
        http_status: None,
        duration: None,
        error: None,
        last_success_at: None,
        off_by_halo: false,
        unbound: false,
        message: String::new(),
        advice: None,
        read_at: now,
    };
    let since_install =
        |logged: &&LoggedDelivery| logged.at.is_none_or(|at| at.duration_since(findings.installed_at) >= -CLOCKS_APART);
    let log = findings.log.unwrap_or_default();
    let last = log.iter().find(since_install);
    // One that is still on its way tells less than the one before it.
    let is_under_way = |logged: &&LoggedDelivery| {
        !logged.has_answer() && logged.at.is_some_and(|at| now.duration_since(at) < ON_ITS_WAY)
    };
    let last = log.iter().filter(since_install).find(|logged| !is_under_way(logged)).or(last);
    if let Some(last) = last {
        verdict.last_at = last.at;
        verdict.http_status = last.http_status;
        verdict.duration.clone_from(&last.duration);
        verdict.error = last.words.clone().filter(|_| !last.is_success());
    }
    verdict.last_success_at =
        log.iter().filter(since_install).find(|logged| logged.is_success()).and_then(|logged| logged.at);

    verdict.off_by_halo =
        findings.webhook.is_some_and(|webhook| off_by_halo(webhook, findings, verdict.last_success_at));
    verdict.unbound = findings.webhook.is_some_and(|webhook| webhook.events == Some(0));
    let (state, message, advice) = match (findings.webhook, findings.log, last) {
        (None, ..) => (
            DeliveryState::Missing,
            "the webhook is no longer in Halo".to_owned(),
            Some("run Configure again to create it".to_owned()),
        ),
        (Some(webhook), _, last) if !webhook.active => switched_off(webhook, verdict.off_by_halo, last),
        (_, Err(why), _) => (
            DeliveryState::Unreadable,
            format!("Halo's delivery log cannot be read: {why}"),
            Some("check the webhook's own log in Halo: Configuration › Integrations › Webhooks".to_owned()),
        ),
        (Some(webhook), Ok(log), None) => never(webhook, log, findings.installed_at, now),
        (Some(_), Ok(_), Some(last)) => judge_last(last, verdict.last_success_at),
    };
    verdict.state = state;
    verdict.message = message;
    verdict.advice = advice;
    verdict
}

type Words = (DeliveryState, String, Option<String>);

// Halo tells when it last did so. Where the webhook was on after that, it was a person who has switched it off since.
fn off_by_halo(webhook: &WebhookState, findings: &Findings<'_>, last_success: Option<Timestamp>) -> bool {
    let was_on_after = |off: Timestamp| [findings.on_at, last_success].into_iter().flatten().any(|on| on > off);
    !webhook.active && webhook.switched_off_at.is_some_and(|off| !was_on_after(off))
}

fn switched_off(webhook: &WebhookState, by_halo: bool, last: Option<&LoggedDelivery>) -> Words {
    let message = match webhook.switched_off_at {
        Some(_) if !by_halo => "somebody switched it off in Halo: nothing is delivered".to_owned(),
        Some(at) => format!("Halo switched it off {} after failed deliveries", moment(at)),
        None => "it is switched off in Halo, after failures or by someone: nothing is delivered".to_owned(),
    };
    let first = match last.filter(|last| last.has_answer() && !last.is_success()) {
        Some(last) => format!("first, {}; then ", cure(kind_of(last))),
        None if by_halo => "first find out why deliveries failed; then ".to_owned(),
        None => String::new(),
    };
    (DeliveryState::SwitchedOff, message, Some(format!("{first}run Configure again to switch the webhook on")))
}

fn never(webhook: &WebhookState, log: &[LoggedDelivery], installed_at: Timestamp, now: Timestamp) -> Words {
    let age = now.duration_since(installed_at);
    let message = match log.first().and_then(|logged| logged.at) {
        Some(at) => {
            format!("nothing was delivered since it was installed; the last one before that was {}", moment(at))
        }
        None => format!("nothing was delivered since it was installed {}", moment(installed_at)),
    };
    let kept = webhook.log_days.filter(|days| *days > 0 && age > SignedDuration::from_hours(24 * days));
    let advice = if webhook.events == Some(0) {
        "it has no events, so Halo has nothing to send: run Configure again to add them".to_owned()
    } else if age < FRESH {
        format!("most likely no ticket has changed since. {TRY}")
    } else if let Some(days) = kept {
        format!(
            "Halo keeps this log for {days} days: either no ticket changed in that time, or Halo sends nothing. {TRY}"
        )
    } else {
        format!("either no ticket has changed since, or Halo sends nothing: its outgoing service may be stuck. {TRY}")
    };
    (DeliveryState::Never, message, Some(advice))
}

/// How to test it, as Halo's API has no call that fires a test of a webhook.
const TRY: &str = "To test it, create a ticket in Halo, change its status, and check again";

fn judge_last(last: &LoggedDelivery, last_success: Option<Timestamp>) -> Words {
    let state = kind_of(last);
    let at = last.at.map_or_else(String::new, |at| format!(" {}", moment(at)));
    let was = match (state, last.http_status) {
        (DeliveryState::Delivered, status) => {
            return (state, format!("delivered{at}, answered with {}", status.unwrap_or(200)), None);
        }
        (DeliveryState::NoAnswer, _) => format!("sent{at}, no answer in Halo's log yet"),
        (DeliveryState::TimeOut, _) => format!("the last delivery{at} was not answered in time"),
        (_, Some(status)) => format!("the last delivery{at} was answered with {status}"),
        (_, None) => format!("the last delivery{at} did not reach pia-halo"),
    };
    let before = last_success.map_or_else(String::new, |at| format!("; the last success was {}", moment(at)));
    (state, format!("{was}{before}"), Some(cure(state)))
}

fn kind_of(logged: &LoggedDelivery) -> DeliveryState {
    match logged.http_status {
        Some(200..=299) => DeliveryState::Delivered,
        Some(401 | 403) => DeliveryState::Unauthorised,
        Some(404 | 410) => DeliveryState::NotFound,
        Some(408 | 504) => DeliveryState::TimeOut,
        Some(500..) => DeliveryState::ServerError,
        Some(_) => DeliveryState::OtherAnswer,
        None if !logged.failed => DeliveryState::NoAnswer,
        None => {
            let words = logged.words.as_deref().unwrap_or_default().to_lowercase();
            let timed_out = ["timeout", "timed out", "time-out", "time out", "was canceled"];
            if timed_out.iter().any(|word| words.contains(word)) {
                DeliveryState::TimeOut
            } else {
                DeliveryState::NotReached
            }
        }
    }
}

fn cure(state: DeliveryState) -> String {
    let text = match state {
        DeliveryState::Unauthorised => {
            return let_in().to_string();
        }
        DeliveryState::NotFound => {
            "unknown address or token: check pia_url and the proxy in front of pia-halo, and run Configure \
             again"
        }
        DeliveryState::ServerError => "pia-halo or the proxy in front of it failed: check their logs for that time",
        DeliveryState::TimeOut => "pia-halo was too slow, or is blocked: check its load and the firewall",
        DeliveryState::NotReached => {
            "Halo must reach pia_url from the internet: check its DNS name, its certificate and the firewall"
        }
        DeliveryState::OtherAnswer => "check what answers at pia_url: there may be a proxy in the way",
        DeliveryState::NoAnswer => "check again in a few minutes; if it stays, Halo's outgoing service may be stuck",
        DeliveryState::Delivered
        | DeliveryState::SwitchedOff
        | DeliveryState::Never
        | DeliveryState::Missing
        | DeliveryState::Unreadable => "check again",
    };
    text.to_owned()
}

/// Verdicts are stored: an age would be untrue by the time it is read.
fn moment(at: Timestamp) -> String {
    at.strftime("on %d %b at %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: WebhookState = WebhookState { active: true, switched_off_at: None, log_days: Some(30), events: None };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn verdict(webhook: Option<&WebhookState>, log: &[LoggedDelivery]) -> Delivery {
        let installed_at = at("2026-11-12T09:00:00Z");
        let findings =
            Findings { name: "Pia - Ticket Created", id: "g", installed_at, on_at: None, webhook, log: Ok(log) };
        judge(&findings, at("2026-11-23T12:00:00Z"))
    }

    fn logged(time: &str, http_status: Option<u16>, words: Option<&str>) -> LoggedDelivery {
        LoggedDelivery {
            at: Some(at(time)),
            http_status,
            duration: Some("84.5".to_owned()),
            failed: http_status.is_none_or(|status| status >= 400),
            words: words.map(str::to_owned),
        }
    }

    #[test]
    fn each_answer_has_its_own_state_halos_time_and_advice() {
        use DeliveryState as S;
        for (status, words, state, advice) in [
            (Some(200), None, S::Delivered, None),
            (Some(204), None, S::Delivered, None),
            (Some(401), None, S::Unauthorised, Some("login")),
            (Some(403), None, S::Unauthorised, Some("proxy")),
            (Some(404), None, S::NotFound, Some("pia_url")),
            (Some(500), None, S::ServerError, Some("their logs for that time")),
            (Some(503), None, S::ServerError, Some("their logs")),
            (Some(504), None, S::TimeOut, Some("firewall")),
            (Some(302), None, S::OtherAnswer, Some("pia_url")),
            (Some(413), None, S::OtherAnswer, Some("pia_url")),
            (None, Some("… HttpClient.Timeout of 100 seconds elapsing."), S::TimeOut, Some("firewall")),
            (None, Some("No such host is known."), S::NotReached, Some("DNS")),
            (None, None, S::NotReached, Some("DNS")),
        ] {
            let found = verdict(Some(&ON), &[logged("2026-11-23T11:00:00Z", status, words)]);
            assert_eq!(found.state, state, "{status:?} {words:?}");
            assert!(found.message.contains("23 Nov at 11:00 UTC"), "{}", found.message);
            assert_eq!((found.http_status, found.last_at), (status, Some(at("2026-11-23T11:00:00Z"))));
            assert_eq!(found.duration.as_deref(), Some("84.5"));
            match advice {
                None => assert_eq!((found.advice, found.error), (None, None)),
                Some(word) => assert!(found.advice.as_ref().unwrap().contains(word), "{found:?}"),
            }
        }
    }

    #[test]
    fn never_is_said_with_likely_cause() {
        let found = verdict(Some(&ON), &[]);
        assert_eq!(found.state, DeliveryState::Never);
        assert!(found.message.contains("since it was installed on 12 Nov at 09:00 UTC"), "{}", found.message);
        assert!(found.advice.unwrap().contains("outgoing service"));
        let unbound = verdict(Some(&WebhookState { events: Some(0), ..ON }), &[]);
        assert!(unbound.advice.unwrap().contains("it has no events"));
        let short = verdict(Some(&WebhookState { log_days: Some(7), ..ON }), &[]);
        assert!(short.advice.unwrap().contains("keeps this log for 7 days"));
        let installed_at = at("2026-11-23T11:50:00Z");
        let findings = Findings { name: "w", id: "g", installed_at, on_at: None, webhook: Some(&ON), log: Ok(&[]) };
        let fresh = judge(&findings, at("2026-11-23T12:00:00Z"));
        assert!(fresh.message.contains("at 11:50 UTC") && fresh.advice.unwrap().contains("create a ticket"));
    }

    #[test]
    fn deliveries_before_installation_do_not_count() {
        let before = verdict(Some(&ON), &[logged("2026-11-10T09:00:00Z", Some(200), None)]);
        assert_eq!((before.state, before.last_success_at), (DeliveryState::Never, None));
        assert!(before.message.contains("before that was on 10 Nov"), "{}", before.message);
        let slow_clock = verdict(Some(&ON), &[logged("2026-11-12T08:58:00Z", Some(200), None)]);
        assert_eq!(slow_clock.state, DeliveryState::Delivered);
    }

    #[test]
    fn webhook_that_is_off_or_gone_is_told_whatever_log_says() {
        let fine = [logged("2026-11-23T11:00:00Z", Some(200), None)];
        assert_eq!(verdict(None, &fine).state, DeliveryState::Missing);
        let off = WebhookState { active: false, switched_off_at: Some(at("2026-11-23T10:00:00Z")), ..ON };
        let failing = [logged("2026-11-23T09:00:00Z", Some(500), None)];
        let found = verdict(Some(&off), &failing);
        assert_eq!(found.state, DeliveryState::SwitchedOff);
        assert!(found.message.contains("Halo switched it off") && found.message.contains("10:00 UTC"));
        let advice = found.advice.unwrap();
        assert!(
            advice.starts_with("first, ") && advice.contains("their logs for that time; then run Configure"),
            "{advice}"
        );
        let by_somebody = verdict(Some(&WebhookState { switched_off_at: None, ..off }), &fine);
        assert!(
            by_somebody.message.contains("or by someone") && by_somebody.advice.unwrap().starts_with("run Configure")
        );
    }

    #[test]
    fn one_that_is_on_its_way_does_not_hide_one_before_it() {
        let pending = |time| LoggedDelivery { at: Some(at(time)), ..LoggedDelivery::default() };
        let log = [pending("2026-11-23T11:59:00Z"), logged("2026-11-23T11:00:00Z", Some(500), None)];
        assert_eq!(verdict(Some(&ON), &log).state, DeliveryState::ServerError);
        assert_eq!(verdict(Some(&ON), &log[..1]).state, DeliveryState::NoAnswer);
        let stuck = [pending("2026-11-23T11:00:00Z"), logged("2026-11-23T10:00:00Z", Some(200), None)];
        let found = verdict(Some(&ON), &stuck);
        assert_eq!(found.state, DeliveryState::NoAnswer);
        assert!(found.message.contains("the last success was on 23 Nov at 10:00 UTC"), "{}", found.message);
    }

    #[test]
    fn log_that_cannot_be_read_is_never_taken_for_empty_one() {
        let installed_at = at("2026-11-12T09:00:00Z");
        let findings = Findings {
            name: "w",
            id: "g",
            installed_at,
            on_at: None,
            webhook: Some(&ON),
            log: Err("Halo does not let the agent"),
        };
        let found = judge(&findings, at("2026-11-23T12:00:00Z"));
        assert_eq!(found.state, DeliveryState::Unreadable);
        assert!(found.message.contains("Halo does not let the agent") && found.advice.is_some());
    }

    /// What Halo switched off, and was on again since, a person has switched off.
    #[test]
    fn webhook_is_off_by_halo_unless_it_was_on_since() {
        let off = WebhookState { active: false, switched_off_at: Some(at("2026-11-20T12:00:00Z")), ..ON };
        let judged = |webhook: &WebhookState, on_at: Option<&str>, success: Option<&str>| {
            let log: Vec<_> = success
                .map(|text| LoggedDelivery { at: Some(at(text)), http_status: Some(200), ..Default::default() })
                .into_iter()
                .collect();
            let findings = Findings {
                name: "w",
                id: "g",
                installed_at: at("2026-11-12T09:00:00Z"),
                on_at: on_at.map(at),
                webhook: Some(webhook),
                log: Ok(&log),
            };
            let verdict = judge(&findings, at("2026-11-23T12:00:00Z"));
            assert_eq!(verdict.message.contains("somebody"), !verdict.off_by_halo && webhook.switched_off_at.is_some());
            verdict.off_by_halo
        };
        assert!(judged(&off, None, None) && judged(&off, Some("2026-11-19T12:00:00Z"), Some("2026-11-20T11:00:00Z")));
        assert!(!judged(&off, Some("2026-11-20T13:00:00Z"), None), "switched on by us since");
        assert!(!judged(&off, None, Some("2026-11-20T13:00:00Z")), "it delivered since");
        assert!(!judged(&WebhookState { switched_off_at: None, ..off }, None, None), "Halo never did");
    }
}

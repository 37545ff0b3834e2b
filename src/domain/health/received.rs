//! The rules of what the service receives and hands on: events, deliveries that it did not take, forwarding.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Finding, NONE_COMES, Rule, State, WEBHOOKS_REMOVED};
use super::look::{CHECK_SENDER, NOT_STORED};
use super::rules::{Facts, QUIET, clean};
use crate::domain::calendar::rfc3339;
use crate::domain::event::EVENTS_KEPT_DAYS;
use crate::domain::next::{Hint, Next};
use crate::domain::thousands;

/// How long a delivery that was not stored is told.
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What is well where nothing calls yet.
const NONE_EXPECTED: &str = "no events expected before Configure";

const STORED: &str = "stored, but not understood";

impl Facts<'_> {
    pub(super) fn silence(&self) -> Finding {
        let (rule, service) = (Rule::Silence, &self.status.service);
        let Some(configured) = self.installed_at() else {
            return self.unrecorded(rule).unwrap_or(Finding::well(rule, NONE_EXPECTED));
        };
        let heard = service.last_event_at;
        let from = heard.unwrap_or(configured).max(service.since.unwrap_or(Timestamp::MIN));
        if service.running && self.is_older(from, QUIET) {
            let next = Hint::from("Either no ticket changed, or Halo cannot reach this service. To check: ")
                .next(Next::Deliveries);
            return Finding::new(rule, State::Watch, "no event for a day").about(rfc3339(from)).since(from).next(next);
        }
        match heard {
            Some(at) => Finding::well(rule, "last event received").since(at),
            None => self.no_event_yet(rule),
        }
    }

    pub(super) fn lag(&self) -> Finding {
        let (rule, service) = (Rule::Lag, &self.status.service);
        match service.late() {
            Some(late) => Finding::new(rule, State::Watch, late).since(service.last_event_at).next(
                Hint::from("Check Halo's queue and both clocks. To see when each event happened: ").next(Next::Events),
            ),
            None if let Some(at) = service.last_event_at => Finding::well(rule, "none at the last event").since(at),
            None if !self.is_configured() => self.unrecorded(rule).unwrap_or(Finding::well(rule, NONE_EXPECTED)),
            None => self.no_event_yet(rule),
        }
    }

    // An event is promised only where one would come in.
    fn no_event_yet(&self, rule: Rule) -> Finding {
        let none = Finding::new(rule, State::Unknown, "no event received yet");
        let deliveries = self.deliveries();
        if deliveries.fact == WEBHOOKS_REMOVED {
            return Finding::new(rule, State::Unknown, NONE_COMES);
        }
        match self.status.service.running && deliveries.state != State::Broken {
            true => none.next(
                Hint::from("Change a ticket in Halo. If no event comes, its log tells why: ").next(Next::Deliveries),
            ),
            false => none,
        }
    }

    pub(super) fn missed(&self) -> Finding {
        let (rule, gaps) = (Rule::Missed, &self.status.service.gaps);
        match gaps.iter().find(|gap| !gap.problems.is_empty()) {
            None => self.none(rule, "none in the last week", WEEK),
            Some(gap) => {
                Finding::new(rule, State::Watch, clean(&format!("{}: {}", gap.between(), gap.problems.join("; "))))
                    .about(rfc3339(gap.until))
                    .since(gap.until)
                    .next(Hint::from("Check the tickets of that time in Halo, then ").next(Next::Dismiss("missed")))
            }
        }
    }

    pub(super) fn not_understood(&self) -> Finding {
        let rule = Rule::NotUnderstood;
        let refused = self.not_stored();
        let Some((count, last)) = self.status.known.not_understood else {
            return refused.unwrap_or_else(|| self.none(rule, "none in the last week", WEEK));
        };
        let count =
            if count == 1 { "1 delivery was".to_owned() } else { format!("{} deliveries were", thousands(count)) };
        let stored = format!("{count} {STORED}");
        let next = Hint::from("To see which, and why: ").next(Next::Events).text("; they are kept as received");
        let found = |fact| Finding::new(rule, State::Watch, fact);
        match refused {
            None => found(stored).about(rfc3339(last)).since(last).next(next),
            // What is lost is told first, and is another cause each time.
            Some(refused) => {
                let about = format!("{} {}", rfc3339(last), refused.object.as_deref().unwrap_or_default());
                let next = next.text(format!(". {CHECK_SENDER}"));
                Finding { seen_at: refused.seen_at, ..found(format!("{stored}, and {}", refused.fact)) }
                    .about(about)
                    .since(refused.since.max(Some(last)))
                    .next(next)
            }
        }
    }

    // What was not stored is in no list: whoever refused it has written it down, alone or beside what was stored.
    fn not_stored(&self) -> Option<Finding> {
        let is_new = |last: &&Finding| last.seen_at.is_some_and(|at| !self.is_older(at, WEEK));
        let last = self.last(Rule::NotUnderstood).filter(|last| last.is_issue()).filter(is_new)?;
        let fact = last.fact.split_once(&format!("{STORED}, and ")).map_or(&*last.fact, |(_, lost)| lost);
        fact.contains(NOT_STORED).then_some(())?;
        let about = last.object.as_deref().and_then(|about| about.rsplit(' ').next()).map(str::to_owned);
        Some(Finding { fact: fact.to_owned(), object: about, next: Some(CHECK_SENDER.into()), ..last.clone() })
    }

    // An issue that the service has seen which runs now.
    pub(super) fn seen_by_service(&self, rule: Rule) -> Option<Finding> {
        let service = &self.status.service;
        // What is written down has whole seconds.
        let since = service.since.map(Timestamp::as_second);
        let is_its = |last: &&Finding| last.is_issue() && last.seen_at.is_some_and(|at| since <= Some(at.as_second()));
        self.last(rule).filter(|_| service.running).filter(is_its).cloned()
    }

    pub(super) fn forwarding(&self) -> Finding {
        let rule = Rule::Forwarding;
        // It holds until a person sends again, or until the next start.
        if let Some(stopped) = self.seen_by_service(rule) {
            return stopped;
        }
        match self.status.service.undelivered {
            0 => self.none(rule, "none was given up", SignedDuration::from_hours(24 * EVENTS_KEPT_DAYS)),
            count => {
                let events =
                    if count == 1 { "1 event was".to_owned() } else { format!("{} events were", thousands(count)) };
                let next = Hint::from("To see why: ").next(Next::Undelivered).text("; send them again: ");
                Finding::new(rule, State::Broken, format!("{events} not forwarded"))
                    .about(count.to_string())
                    .next(next.next(Next::Retry("forwarding")))
            }
        }
    }
}

//! The rules of what is in Halo: the objects there and what its webhooks deliver.

use jiff::Timestamp;

use super::finding::{Finding, NONE_SENDS, Rule, State, WEBHOOKS_REMOVED};
use super::look::{TEST_TICKET, see_and};
use super::rules::{Facts, NEW, NOT_ALL_SAVED, clean, look};
use crate::domain::callback::EventGroup;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::next::{Hint, Next};
use crate::domain::object::ObjectKind;
use crate::domain::status::{NOT_IN_STORE, NOT_LOOKED, Unrecorded};

impl Facts<'_> {
    // What is saved here is not in Halo before Configure has run again, whatever was seen there before it was saved.
    pub(super) fn drift(&self) -> Finding {
        let (seen, integration) = (self.seen(Rule::Drift), &self.status.integration);
        let is_told = seen.is_issue() || integration.unfinished > 0 || self.failed_run().is_some();
        // What Halo has refused to show since then is not known to be as it was.
        let refused = self.last(Rule::Credentials).filter(|last| last.state == State::Broken);
        if seen.state == State::Well && refused.is_some_and(|last| last.seen_at > seen.seen_at) {
            return Finding { state: State::Unknown, next: None, ..seen };
        }
        if integration.configured_at.is_some() || is_told {
            return seen;
        }
        Finding::new(Rule::Drift, State::Watch, NOT_ALL_SAVED).next(see_and("bring it into Halo: "))
    }

    // Where our record is empty: what is not known of Halo for that.
    pub(super) fn unrecorded(&self, rule: Rule) -> Option<Finding> {
        match self.status.integration.unrecorded {
            Unrecorded::Nothing => None,
            Unrecorded::NotKnown => Some(Finding::new(rule, State::Unknown, NOT_LOOKED).next(look())),
            Unrecorded::Something => Some(Finding::new(rule, State::Unknown, NOT_IN_STORE)),
        }
    }

    // Whether Remove has taken the webhooks out, and left others.
    fn has_no_webhook(&self) -> bool {
        let objects = &self.status.integration.objects;
        !objects.is_empty() && objects.iter().all(|object| object.kind != ObjectKind::Webhook)
    }

    // By Halo's own log, the worst of all webhooks; none where nothing was read.
    fn worst(&self, of: impl Fn(&&Delivery) -> bool) -> Option<&Delivery> {
        self.status.integration.deliveries.iter().find(of)
    }

    fn read_at(&self) -> Option<Timestamp> {
        self.status.integration.deliveries.iter().map(|delivery| delivery.read_at).max()
    }

    pub(super) fn webhook_off(&self) -> Finding {
        let rule = Rule::WebhookOff;
        if !self.is_configured() {
            return self.unrecorded(rule).unwrap_or(Finding::well(rule, "no webhooks installed yet"));
        }
        if self.has_no_webhook() {
            return Finding::well(rule, "no webhook is installed");
        }
        match self.worst(|delivery| delivery.state.sends_nothing()) {
            Some(off) => {
                let name = clean(&off.webhook);
                let fact = match off.state {
                    DeliveryState::SwitchedOff => format!("{name} is switched off in Halo and sends no events"),
                    _ => format!("{name} is no longer in Halo and sends no events"),
                };
                let mut finding = Finding::new(rule, State::Broken, fact).about(name).next(see_and("repair it: "));
                finding.seen_at = Some(off.read_at);
                finding
            }
            None => match self.read_at() {
                Some(at) => {
                    let found = Finding { seen_at: Some(at), ..Finding::well(rule, "all webhooks are on") };
                    self.known_at(Some(at), found)
                }
                // Whoever saw that all is as Configure made it has seen that too.
                None => match self.seen(Rule::Drift) {
                    drift if drift.state == State::Well => {
                        Finding { rule, fact: "all webhooks are on".to_owned(), ..drift }
                    }
                    _ => not_read(rule),
                },
            },
        }
    }

    pub(super) fn deliveries(&self) -> Finding {
        let rule = Rule::Deliveries;
        if !self.is_configured() {
            if let Some(unknown) = self.unrecorded(rule) {
                return unknown;
            }
            let was_there = self.status.integration.was_configured;
            let fact = if was_there { WEBHOOKS_REMOVED } else { "no webhook is installed yet" };
            // A look would find as little.
            return Finding::new(rule, State::Unknown, fact).next(Hint::from("Install them: ").next(Next::Configure));
        }
        if self.has_no_webhook() {
            return Finding::new(rule, State::Unknown, WEBHOOKS_REMOVED);
        }
        // What Halo calls delivered came here or did not: that was tried, and holds until one comes.
        let lost = self.last(rule).filter(|last| last.object.as_deref() == Some(TEST_TICKET));
        if let Some(lost) = lost.filter(|lost| self.status.service.last_event_at < lost.seen_at) {
            return lost.clone();
        }
        let Some(at) = self.read_at() else { return not_read(rule) };
        let is_new = self.installed_at().is_some_and(|at| !self.is_older(at, NEW));
        let state = |delivery: &Delivery| match delivery.state {
            DeliveryState::Delivered => State::Well,
            // Nothing is bound to it, as the settings want it.
            DeliveryState::Never if self.tells_nothing(&delivery.webhook) => State::Well,
            // What came in here since then says more than Halo's log did.
            DeliveryState::Never | DeliveryState::NoAnswer if self.has_come_since(delivery) => State::Well,
            DeliveryState::Never if is_new => State::Unknown,
            DeliveryState::Never | DeliveryState::NoAnswer | DeliveryState::Unreadable => State::Watch,
            _ => State::Broken,
        };
        let (off, on): (Vec<_>, Vec<_>) =
            self.status.integration.deliveries.iter().partition(|delivery| delivery.state.sends_nothing());
        let worst = on.into_iter().max_by_key(|delivery| state(delivery));
        let webhooks = self.status.integration.objects.iter().filter(|own| own.kind == ObjectKind::Webhook).count();
        let found = match worst.map(|worst| (state(worst), worst)) {
            // A look that saw one off has read nothing of the others.
            None if !off.is_empty() && off.len() < webhooks => return not_read(rule),
            // The rule of the webhooks tells which.
            None if !off.is_empty() => Finding::new(rule, State::Unknown, NONE_SENDS),
            Some((State::Well, _)) if !off.is_empty() => Finding::well(rule, "every webhook that is on delivers"),
            None | Some((State::Well, _)) => Finding::well(rule, "every webhook delivers"),
            Some((state, worst)) => {
                let fact = format!("{}: {}", clean(&worst.webhook), clean(&worst.message));
                let since = worst.last_success_at.or(worst.last_at);
                let next = worst.advice.as_deref().map(|advice| Hint::read(&clean(advice)));
                let next = next.unwrap_or_else(|| Hint::from("Create a ticket in Halo, then ").next(Next::Deliveries));
                Finding::new(rule, state, fact).about(clean(&worst.webhook)).since(since).next(next)
            }
        };
        Finding { seen_at: Some(at), ..found }
    }

    // Whether a webhook has delivered since Halo's log was read of it.
    fn has_come_since(&self, delivery: &Delivery) -> bool {
        let group = EventGroup::ALL.into_iter().find(|group| group.webhook_name() == delivery.webhook);
        let last = self.status.known.heard.iter().find(|(of, _)| Some(*of) == group);
        last.is_some_and(|(_, at)| *at >= delivery.last_at.unwrap_or(delivery.read_at))
    }

    // Whether the events that were chosen leave a webhook without any.
    fn tells_nothing(&self, webhook: &str) -> bool {
        let options = &self.configuration.integration.webhook_options;
        EventGroup::ALL.iter().any(|group| group.webhook_name() == webhook && group.chosen(options).is_empty())
    }
}

fn not_read(rule: Rule) -> Finding {
    Finding::new(rule, State::Unknown, "Halo's delivery log has not been read yet")
        .next(Hint::from("Read it: ").next(Next::Deliveries))
}

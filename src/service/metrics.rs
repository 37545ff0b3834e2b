//! What the service has done, as Prometheus reads it.

use std::sync::atomic::{AtomicI64, AtomicU64};

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::sync_run::SyncReport;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Stored.
    Stored,
    /// Not let in.
    Refused,
    /// Not JSON, or cut off.
    NotJson,
    /// Too long.
    TooLarge,
    /// Too slow.
    TooSlow,
    /// The store did not take it.
    NotStored,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::NotJson => "not_json",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::NotStored => "not_stored",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

/// The counters.
pub struct Metrics {
    registry: Registry,
    callbacks: Family<Outcome, Count>,
    events: Count,
    repeated: Count,
    last_event: Level,
    syncs: Family<Outcome, Count>,
    last_sync: Level,
    next_sync: Level,
    forwards: Family<Outcome, Count>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("pia_halo");
        let metrics = Self {
            callbacks: Family::default(),
            events: Count::default(),
            repeated: Count::default(),
            last_event: Level::default(),
            syncs: Family::default(),
            last_sync: Level::default(),
            next_sync: Level::default(),
            forwards: Family::default(),
            registry: Registry::default(),
        };
        registry.register(
            "callbacks",
            "Requests for a callback address, by how they were answered",
            metrics.callbacks.clone(),
        );
        registry.register("events", "Events that were stored", metrics.events.clone());
        registry.register(
            "events_repeated",
            "Events that came again and were not stored twice",
            metrics.repeated.clone(),
        );
        registry.register(
            "last_event_timestamp_seconds",
            "When the last event came in; 0 without one",
            metrics.last_event.clone(),
        );
        registry.register("syncs", "Daily syncs, by how they ended", metrics.syncs.clone());
        registry.register(
            "last_sync_timestamp_seconds",
            "When the last daily sync ended; 0 without one",
            metrics.last_sync.clone(),
        );
        registry.register(
            "next_sync_timestamp_seconds",
            "When the next daily sync is due; 0 without one",
            metrics.next_sync.clone(),
        );
        registry.register("forwards", "Tries to hand an event on, by how they ended", metrics.forwards.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, answer: Answer) {
        self.callbacks.get_or_create(&Outcome { outcome: answer.word().to_owned() }).inc();
    }

    /// Events were stored, and others were known already.
    pub fn stored(&self, new: usize, repeated: usize, now: Timestamp) {
        self.events.inc_by(new as u64);
        self.repeated.inc_by(repeated as u64);
        if new > 0 {
            self.last_event.set(now.as_second());
        }
    }

    /// A daily sync has ended.
    pub fn synced(&self, report: Option<&SyncReport>, now: Timestamp) {
        let outcome = report.map_or("failed", |report| report.status.code()).to_owned();
        self.syncs.get_or_create(&Outcome { outcome }).inc();
        self.last_sync.set(now.as_second());
    }

    /// When the next daily sync is due.
    pub fn next_sync(&self, moment: Option<Timestamp>) {
        self.next_sync.set(moment.map_or(0, Timestamp::as_second));
    }

    /// An event was handed on, or not.
    pub fn forwarded(&self, outcome: &'static str) {
        self.forwards.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Written into memory: that cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.answered(Answer::Refused);
        metrics.answered(Answer::Refused);
        metrics.stored(2, 1, "2026-11-23T10:53:00Z".parse().unwrap());
        let text = metrics.text();
        for line in [
            "pia_halo_callbacks_total{outcome=\"refused\"} 2",
            "pia_halo_events_total 2",
            "pia_halo_events_repeated_total 1",
            "pia_halo_last_event_timestamp_seconds 1795431180",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    /// The conventions of Prometheus: one prefix, counters that end in `_total`, base units in the name, help and type for
    /// each; and no label whose values a stranger could make up.
    #[test]
    fn names_units_and_labels_keep_to_the_conventions() {
        let metrics = Metrics::default();
        let now = "2026-11-23T10:53:00Z".parse().unwrap();
        for answer in
            [Answer::Stored, Answer::Refused, Answer::NotJson, Answer::TooLarge, Answer::TooSlow, Answer::NotStored]
        {
            metrics.answered(answer);
        }
        metrics.stored(1, 0, now);
        metrics.synced(None, now);
        metrics.next_sync(Some(now));
        metrics.forwarded("delivered");
        let text = metrics.text();
        let mut kinds = std::collections::BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
            kinds.insert(name.to_owned(), kind.to_owned());
        }
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let mut labels = std::collections::BTreeSet::new();
        for sample in samples {
            let (series, value) = sample.rsplit_once(' ').unwrap();
            let (name, of) = series.split_once('{').unwrap_or((series, ""));
            assert!(value.parse::<i64>().is_ok(), "{sample}");
            let family = name.strip_suffix("_total").unwrap_or(name);
            match kinds[family].as_str() {
                "counter" => assert!(name.ends_with("_total"), "{name}"),
                kind => assert!(kind == "gauge" && name.ends_with("_timestamp_seconds"), "{name} is a {kind}"),
            }
            assert!(
                name.starts_with("pia_halo_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            labels.extend(of.split_once('=').map(|(label, _)| label.to_owned()));
        }
        assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["outcome"]);
        assert_eq!(kinds.len(), 8);
    }
}

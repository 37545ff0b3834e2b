//! What the service has done, as Prometheus reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::health::{Finding, State};
use crate::domain::status::Spooled;
use crate::domain::sync_run::SyncReport;
use crate::domain::version::{COMMIT, VERSION};
use crate::ops::serving::Figures;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Stored,
    Refused,
    /// Not JSON, or cut off.
    NotJson,
    TooLarge,
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRule {
    rule: &'static str,
}

type Count = Counter<u64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    commit: &'static str,
}

/// A gauge that is absent as long as there is nothing to measure, because a 0 would be something.
#[derive(Clone, Debug)]
struct Maybe(Arc<AtomicI64>);

impl Maybe {
    const NONE: i64 = i64::MIN;

    fn set(&self, moment: Option<Timestamp>) {
        self.0.store(moment.map_or(Self::NONE, Timestamp::as_second), Ordering::Relaxed);
    }

    fn count(&self, count: Option<u64>) {
        let count = count.map_or(Self::NONE, |count| i64::try_from(count).unwrap_or(i64::MAX));
        self.0.store(count, Ordering::Relaxed);
    }
}

impl Default for Maybe {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Self::NONE)))
    }
}

impl EncodeMetric for Maybe {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        match self.0.load(Ordering::Relaxed) {
            Self::NONE => Ok(()),
            value => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

pub struct Metrics {
    registry: Registry,
    callbacks: Family<Outcome, Count>,
    events: Count,
    repeated: Count,
    last_event: Maybe,
    pending: Maybe,
    oldest_pending: Maybe,
    given_up: Maybe,
    spooled: Maybe,
    oldest_spooled: Maybe,
    not_taken: Maybe,
    syncs: Family<Outcome, Count>,
    last_sync: Maybe,
    last_completed_sync: Maybe,
    next_sync: Maybe,
    leader: Gauge,
    forwards: Family<Outcome, Count>,
    health: Family<OfRule, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("pia_halo");
        let metrics = Self {
            callbacks: Family::default(),
            events: Count::default(),
            repeated: Count::default(),
            last_event: Maybe::default(),
            pending: Maybe::default(),
            oldest_pending: Maybe::default(),
            given_up: Maybe::default(),
            spooled: Maybe::default(),
            oldest_spooled: Maybe::default(),
            not_taken: Maybe::default(),
            syncs: Family::default(),
            last_sync: Maybe::default(),
            last_completed_sync: Maybe::default(),
            next_sync: Maybe::default(),
            leader: Gauge::default(),
            forwards: Family::default(),
            health: Family::default(),
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
        registry.register("last_event_timestamp_seconds", "When the last event came in", metrics.last_event.clone());
        registry.register("events_pending", "Events that wait to be forwarded", metrics.pending.clone());
        registry.register(
            "events_pending_oldest_timestamp_seconds",
            "When the oldest event came in that waits to be forwarded",
            metrics.oldest_pending.clone(),
        );
        registry.register("events_given_up", "Events that could not be forwarded", metrics.given_up.clone());
        registry.register("spool_events", "Events that wait on this host for the store", metrics.spooled.clone());
        registry.register(
            "spool_oldest_timestamp_seconds",
            "When the oldest event came in that waits on this host for the store",
            metrics.oldest_spooled.clone(),
        );
        registry.register(
            "spool_refused",
            "Events that are kept on this host because the store does not take what is in them",
            metrics.not_taken.clone(),
        );
        registry.register("syncs", "Daily syncs, by result", metrics.syncs.clone());
        registry.register(
            "last_sync_timestamp_seconds",
            "When the last daily sync finished",
            metrics.last_sync.clone(),
        );
        registry.register(
            "last_completed_sync_timestamp_seconds",
            "When the stored client list was last renewed, by the service or a person",
            metrics.last_completed_sync.clone(),
        );
        registry.register("next_sync_timestamp_seconds", "When the next daily sync is due", metrics.next_sync.clone());
        registry.register(
            "leader",
            "Whether this service leads: of several at one store, only one syncs, looks and forwards",
            metrics.leader.clone(),
        );
        registry.register("forwards", "Attempts to forward an event or client, by result", metrics.forwards.clone());
        registry.register(
            "health",
            "State of each health rule: 0 ok, 1 needs attention, 2 broken; absent while unknown",
            metrics.health.clone(),
        );
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: VERSION, commit: COMMIT.unwrap_or_default() }).set(1);
        registry.register("build_info", "Version and commit of the program; always 1", build);
        Self { registry, ..metrics }
    }
}

/// The two forms in which Prometheus reads figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    OpenMetrics,
    /// Version 0.0.4.
    Text,
}

impl Form {
    /// The one that an `Accept` header asks for; where it asks for both alike, OpenMetrics.
    pub fn asked(accept: &str) -> Self {
        let weight = |kinds: &[&str]| {
            let ranges = accept.split(',').map(|range| range.split(';').map(str::trim));
            let weights = ranges.filter_map(|mut parts| {
                let kind = parts.next()?.to_ascii_lowercase();
                let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
                weight.filter(|_| kinds.contains(&kind.as_str()))
            });
            weights.fold(0.0_f32, f32::max)
        };
        let open = weight(&["application/openmetrics-text"]);
        let is_asked = open > 0.0 && open >= weight(&["text/plain", "text/*", "*/*"]);
        if is_asked { Self::OpenMetrics } else { Self::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The text format names a counter with its ending, and has no end.
fn as_text(open: &str) -> String {
    let types = open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
    let counters: Vec<&str> = types.collect();
    let mut text = String::with_capacity(open.len());
    for line in open.lines().filter(|line| *line != "# EOF") {
        let (head, rest) = line.split_at(if line.starts_with("# ") { 7.min(line.len()) } else { 0 });
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let ending = if !head.is_empty() && counters.contains(&name) { "_total" } else { "" };
        text.extend([head, name, ending, " ", rest, "\n"]);
    }
    text
}

impl Metrics {
    /// What the service before this one has written down: the moments of the last event and of the last daily sync.
    pub fn begun(&self, last_event: Option<Timestamp>, last_sync: Option<Timestamp>) {
        self.last_event.set(last_event);
        self.last_sync.set(last_sync);
    }

    /// A request was answered.
    pub fn answered(&self, answer: Answer) {
        self.callbacks.get_or_create(&Outcome { outcome: answer.word().to_owned() }).inc();
    }

    /// Events were stored, and others were known already.
    pub fn stored(&self, new: usize, repeated: usize, now: Timestamp) {
        self.events.inc_by(new as u64);
        self.repeated.inc_by(repeated as u64);
        if new > 0 {
            self.last_event.set(Some(now));
        }
    }

    /// A daily sync has ended.
    pub fn synced(&self, report: Option<&SyncReport>, now: Timestamp) {
        let outcome = report.map_or("failed", |report| report.status.code()).to_owned();
        self.syncs.get_or_create(&Outcome { outcome }).inc();
        self.last_sync.set(Some(now));
    }

    /// Whether this service leads. What only whoever leads knows is not known any more where it does not.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            self.next_sync(None);
            self.health(&[]);
        }
    }

    /// When the next daily sync is due.
    pub fn next_sync(&self, moment: Option<Timestamp>) {
        self.next_sync.set(moment);
    }

    /// An event was forwarded, or not.
    pub fn forwarded(&self, outcome: &'static str) {
        self.forwards.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
    }

    /// What was found of each rule of health; nothing where nothing is active.
    pub fn health(&self, findings: &[Finding]) {
        if findings.is_empty() {
            self.health.clear();
        }
        for finding in findings {
            let of = OfRule { rule: finding.rule.code() };
            let value = match finding.state {
                State::Well => 0,
                State::Watch => 1,
                State::Broken => 2,
                // An alert on "not 0" must not ring because nobody has looked.
                State::Unknown => {
                    self.health.remove(&of);
                    continue;
                }
            };
            self.health.get_or_create(&of).set(value);
        }
    }

    /// What the store has of the active configuration; nothing where there is none, or where it cannot be read.
    pub fn figures(&self, figures: Option<&Figures>) {
        self.pending.count(figures.map(|figures| figures.pending));
        self.given_up.count(figures.map(|figures| figures.given_up));
        self.oldest_pending.set(figures.and_then(|figures| figures.oldest_pending));
        self.last_completed_sync.set(figures.and_then(|figures| figures.last_sync));
    }

    /// What waits on this host for the store; nothing where that cannot be read.
    pub fn spooled(&self, spooled: Option<&Spooled>) {
        self.spooled.count(spooled.map(|spooled| spooled.waiting));
        self.oldest_spooled.set(spooled.and_then(|spooled| spooled.since));
        self.not_taken.count(spooled.map(|spooled| spooled.not_taken));
    }

    /// Everything, in the form that is asked for.
    pub fn written(&self, form: Form) -> String {
        let mut text = String::new();
        // Written into memory: that cannot fail.
        let _ = encode(&mut text, &self.registry);
        match form {
            Form::OpenMetrics => text,
            Form::Text => as_text(&text),
        }
    }

    #[cfg(test)]
    pub fn text(&self) -> String {
        self.written(Form::OpenMetrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::Rule;

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
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

    /// An alert on "no event for a day" must not ring because of a start, nor because there never was one.
    #[test]
    fn moment_that_there_is_not_is_absent_and_not_0() {
        let metrics = Metrics::default();
        let samples = || -> Vec<String> {
            let text = metrics.text();
            let moments = text.lines().filter(|line| line.contains("_timestamp_seconds ") && !line.starts_with('#'));
            moments.map(ToOwned::to_owned).collect()
        };
        assert_eq!(samples(), [""; 0]);
        let now: Timestamp = "2026-11-23T10:53:00Z".parse().unwrap();
        metrics.begun(Some(now), None);
        metrics.next_sync(Some(now));
        assert_eq!(
            samples(),
            ["pia_halo_last_event_timestamp_seconds 1795431180", "pia_halo_next_sync_timestamp_seconds 1795431180"]
        );
        metrics.next_sync(None);
        assert_eq!(samples(), ["pia_halo_last_event_timestamp_seconds 1795431180"]);
    }

    #[test]
    fn rule_that_is_not_known_has_no_value() {
        let metrics = Metrics::default();
        let values = |state| {
            metrics.health(&[Finding::new(Rule::WebhookOff, state, "so"), Finding::well(Rule::Disk, "room")]);
            let text = metrics.text();
            let found = text.lines().filter_map(|line| line.strip_prefix("pia_halo_health{rule=\"webhook-off\"} "));
            found.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(values(State::Unknown), [""; 0]);
        assert_eq!(values(State::Broken), ["2"]);
        assert_eq!(values(State::Unknown), [""; 0], "no longer what it was");
        assert_eq!(values(State::Well), ["0"]);
    }

    /// Both forms, read by Prometheus' own program where it is there.
    #[test]
    fn figures_are_written_in_form_that_is_asked_for() {
        let metrics = Metrics::default();
        let now: Timestamp = "2026-11-23T10:53:00Z".parse().unwrap();
        metrics.answered(Answer::Stored);
        metrics.synced(None, now);
        metrics.health(&[Finding::well(Rule::Disk, "room")]);
        metrics.figures(Some(&Figures { pending: 3, given_up: 0, oldest_pending: Some(now), last_sync: Some(now) }));
        let (open, text) = (metrics.written(Form::OpenMetrics), metrics.written(Form::Text));
        assert!(open.ends_with("# EOF\n") && open.contains("# TYPE pia_halo_callbacks counter"), "{open}");
        assert!(!text.contains("# EOF") && text.contains("# TYPE pia_halo_callbacks_total counter"), "{text}");
        let samples = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect()
        };
        assert_eq!(samples(&open), samples(&text));
        for line in ["pia_halo_events_pending 3", "pia_halo_events_given_up 0"] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        metrics.figures(None);
        assert!(!metrics.written(Form::Text).contains("\npia_halo_events_pending "), "absent, and not 0");
        let mut promtool = std::process::Command::new("promtool");
        promtool.args(["check", "metrics"]).stdin(std::process::Stdio::piped());
        let Ok(mut promtool) =
            promtool.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()
        else {
            eprintln!("SKIPPED: promtool is not installed");
            return;
        };
        std::io::Write::write_all(&mut promtool.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
    }

    #[test]
    fn form_is_negotiated_as_prometheus_asks() {
        let of_prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                             q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, form) in [
            (of_prometheus, Form::OpenMetrics),
            ("application/openmetrics-text", Form::OpenMetrics),
            ("", Form::Text),
            ("*/*", Form::Text),
            ("text/plain", Form::Text),
            ("text/plain;version=0.0.4;q=0.5, application/openmetrics-text;q=0.4", Form::Text),
            ("application/openmetrics-text;q=0", Form::Text),
        ] {
            assert_eq!(Form::asked(accept), form, "{accept}");
        }
    }

    /// The conventions of Prometheus: one prefix, counters that end in `_total`, base units in the name, help and type for
    /// each; and no label whose values a stranger could make up.
    #[test]
    fn names_units_and_labels_keep_to_conventions() {
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
                kind => assert!(kind == "gauge" && !name.ends_with("_total"), "{name} is a {kind}"),
            }
            assert!(
                name.starts_with("pia_halo_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
            labels.extend(of.split_once('=').map(|(label, _)| label.to_owned()));
        }
        assert_eq!(labels.into_iter().collect::<Vec<_>>(), ["outcome", "version"]);
        assert_eq!(kinds.len(), 17);
    }
}

//! `sync`: the company sync, now.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::args::{self, Progress};
use super::exit::ExitCode as _;
use super::output::{Output, Shows};
use super::{Call, prompt};
use crate::domain::calendar::rfc3339;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::sync_run::{Brake, SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::ops;
use crate::words;

pub(super) async fn run(call: &mut Call, options: &args::Sync) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    let shows = match options.progress {
        Some(Progress::Lines) => Shows::Lines,
        Some(Progress::Json) => Shows::Objects,
        Some(Progress::None) => Shows::Nothing,
        None => call.output.usual_progress(),
    };
    let mut brake = if options.consent.yes { Brake::Off } else { Brake::On };
    let report = loop {
        let mut report = once(call, &workspace, (&id, &configuration), brake, shows).await?;
        let Some(gone) = report.would_disable.filter(|_| call.can_ask()) else {
            break report;
        };
        for warning in report.warnings.drain(..) {
            call.output.warn(warning);
        }
        if !prompt::yes("Disable them?") {
            break report;
        }
        brake = Brake::UpTo(gone);
    };
    print(call, &report)?;
    Ok(report.exit_code())
}

async fn once(
    call: &mut Call,
    workspace: &ops::Workspace,
    (id, configuration): (&ConfigurationId, &Configuration),
    brake: Brake,
    shows: Shows,
) -> Result<SyncReport, Failure> {
    let output = &mut call.output;
    output.say("Syncing");
    let mut teller = Teller::new(shows, Instant::now());
    let on_progress = |progress: &SyncProgress| teller.tell(output, progress, Instant::now());
    ops::sync::run(workspace, id, configuration, brake, call.cancel.clone(), on_progress).await
}

/// Tells how far a sync is, in the form that was asked for and no more often than that allows.
struct Teller {
    shows: Shows,
    told: Instant,
    is_waiting: bool,
    /// When the first clients had been read, and how many: what came before says nothing of how fast it goes.
    first: Option<(Instant, u64)>,
}

impl Teller {
    fn new(shows: Shows, begun: Instant) -> Self {
        Self { shows, told: begun, is_waiting: false, first: None }
    }

    fn tell(&mut self, output: &mut Output, progress: &SyncProgress, now: Instant) {
        if progress.clients_read > 0 {
            self.first.get_or_insert((now, progress.clients_read));
        }
        if !self.is_due(progress, now) {
            return;
        }
        match self.shows {
            Shows::Over => output.progress(&self.line(progress, now)),
            Shows::Lines => output.warn(self.line(progress, now)),
            Shows::Objects => output.warn(self.object(progress, now).to_string()),
            Shows::Nothing => {}
        }
    }

    /// A wait for Halo's limit is told as it begins: it may be longer than anything else.
    fn is_due(&mut self, progress: &SyncProgress, now: Instant) -> bool {
        let every = match self.shows {
            Shows::Over => Duration::ZERO,
            Shows::Lines => Duration::from_secs(10),
            Shows::Objects => Duration::from_secs(1),
            Shows::Nothing => return false,
        };
        let begins_to_wait = progress.waiting.is_some() && !self.is_waiting;
        self.is_waiting = progress.waiting.is_some();
        let is_due = begins_to_wait || now.saturating_duration_since(self.told) >= every;
        if is_due {
            self.told = now;
        }
        is_due
    }

    /// Clients a second, and the seconds left at that rate, but for the wait for Halo's limit; none before there is a rate.
    fn rate(&self, progress: &SyncProgress, now: Instant) -> Option<(f64, Option<u64>)> {
        let (since, read) = self.first?;
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let rate = progress.clients_read.saturating_sub(read) as f64 / seconds.max(1.0);
        if seconds < 1.0 || rate <= 0.0 {
            return None;
        }
        let left = progress.clients_total.map(|total| total.saturating_sub(progress.clients_read) as f64 / rate);
        Some((rate, left.map(|left| left.round() as u64)))
    }

    fn line(&self, progress: &SyncProgress, now: Instant) -> String {
        let rate = self.rate(progress, now).filter(|_| progress.waiting.is_none());
        let rate = rate.map_or_else(String::new, |(rate, left)| {
            let left =
                left.filter(|left| *left > 0).and_then(|left| i64::try_from(left).ok()).map(SignedDuration::from_secs);
            let left = left.map_or_else(String::new, |left| format!(", about {left:#} left"));
            format!("; {rate:.0} clients per second{left}")
        });
        format!("{}{rate}", progress.line())
    }

    fn object(&self, progress: &SyncProgress, now: Instant) -> Value {
        let rate = self.rate(progress, now);
        json!({
            "clients_read": progress.clients_read,
            "clients_total": progress.clients_total,
            "pages": progress.pages,
            "resumed_pages": progress.resumed_pages,
            "requests": progress.requests,
            "retries": progress.retries,
            "waiting_until": progress.waiting.map(|wait| rfc3339(wait.until)),
            "clients_per_second": rate.map(|(rate, _)| (rate * 10.0).round() / 10.0),
            "seconds_left": rate.and_then(|(_, left)| left).filter(|_| progress.waiting.is_none()),
        })
    }
}

fn print(call: &mut Call, report: &SyncReport) -> Result<(), Failure> {
    let output = &mut call.output;
    if output.json {
        return output.report(report, report.error.as_ref());
    }
    match report.status {
        SyncStatus::Busy => output.line(report.status.word()),
        _ => output.line(format!("{}: {}", report.status.word(), report.proof())),
    }
    if report.status.has_published() {
        let changes = &report.changes;
        let counts = words::sync::counts(changes);
        output.line(format!("{counts}, {} unchanged", thousands(changes.unchanged)));
        output.line(report.usage());
        if let (Some(run), true) = (report.run, words::sync::changed(changes) > 0) {
            output.line(format!("To see each change: {}", Next::Run(run.get())));
        }
    }
    for warning in &report.warnings {
        output.warn(format!("  {warning}"));
    }
    if let Some(hint) = report.error.as_ref().and_then(|error| error.hint.as_ref()) {
        let hint = output.hint(hint);
        output.warn(format!("  {hint}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sync_run::BudgetWait;

    fn read(clients_read: u64) -> SyncProgress {
        SyncProgress { clients_read, clients_total: Some(1_000), pages: 1, ..SyncProgress::default() }
    }

    #[test]
    fn progress_line_is_due_every_ten_seconds_and_as_wait_begins() {
        let begun = Instant::now();
        let mut teller = Teller::new(Shows::Lines, begun);
        let due: Vec<u64> =
            (0..=35).filter(|second| teller.is_due(&read(1), begun + Duration::from_secs(*second))).collect();
        assert_eq!(due, [10, 20, 30]);
        let until = "2026-11-23T10:53:00Z".parse().unwrap();
        let waits = SyncProgress {
            waiting: Some(BudgetWait { limit: 700, window_seconds: 300, until, one_by_one: false }),
            ..read(1)
        };
        let at = begun + Duration::from_secs(36);
        assert_eq!([teller.is_due(&waits, at), teller.is_due(&waits, at)], [true, false]);
        assert!(!Teller::new(Shows::Nothing, begun).is_due(&read(1), begun + Duration::from_secs(99)));
    }

    #[test]
    fn progress_has_rate_and_time_left_in_words_and_in_json() {
        let begun = Instant::now();
        let teller = Teller { first: Some((begun, 100)), ..Teller::new(Shows::Objects, begun) };
        let now = begun + Duration::from_secs(4);
        let line = teller.line(&read(300), now);
        assert!(line.ends_with("; 50 clients per second, about 14s left"), "{line}");
        let object = teller.object(&read(300), now);
        let wanted = [("clients_read", json!(300)), ("clients_per_second", json!(50.0)), ("seconds_left", json!(14))];
        wanted.iter().for_each(|(member, value)| assert_eq!(&object[*member], value, "{member}"));
        assert!(!teller.line(&read(1_000), now).contains("left"), "nothing is left");
        let until = "2026-11-23T10:53:00Z".parse().unwrap();
        let wait = BudgetWait { limit: 700, window_seconds: 300, until, one_by_one: false };
        let waits = SyncProgress { waiting: Some(wait), ..read(300) };
        assert_eq!(teller.object(&waits, now)["seconds_left"], Value::Null, "the wait itself is not in the rate");
        assert!(!teller.line(&read(300), begun).contains("per second"), "there is no rate yet");
    }
}

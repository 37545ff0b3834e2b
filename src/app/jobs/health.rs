//! How everything stands: the findings of health, judged at this moment, and what a person does about one.

use crate::app::controls::Now;
use crate::app::effect::{Effect, Slot};
use crate::app::jobs::prove;
use crate::app::jobs::state::HealthCheck;
use crate::app::keymap::{COMMAND_LINES, Command as C, Pane};
use crate::app::model::{Model, Screen};
use crate::app::notice::Tone;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::FieldId;
use crate::domain::health::{
    self, Facts, Finding, NO_TEAM_READ, NONE_SENDS, Rule, SIGHT_NOT_TOLD, State, WEBHOOKS_REMOVED, issues, writing,
};
use crate::domain::next::{Hint, Next, Part};
use crate::domain::object::ObjectKind;
use crate::domain::status::DOES_NOT_ANSWER;
use crate::domain::untrusted::Untrusted;

/// Every finding of the configuration that is open; none where it is not the active one. Where its state cannot be read,
/// nothing is known to be well.
pub fn findings(model: &Model) -> Vec<Finding> {
    model.current.as_ref().map(|id| findings_of(model, id)).unwrap_or_default()
}

/// The same of any configuration that is saved.
pub fn findings_of(model: &Model, id: &ConfigurationId) -> Vec<Finding> {
    let Some(saved) = model.saved(id) else { return Vec::new() };
    let is_current = model.current.as_ref() == Some(id);
    let status = model.status().filter(|_| is_current).unwrap_or(&saved.status);
    let mut findings = health::findings(&Facts { now: model.now, configuration: &saved.configuration, status });
    if is_current && model.facts.standing_failed.is_some() {
        for well in findings.iter_mut().filter(|finding| finding.state == State::Well) {
            *well = Finding::new(well.rule, State::Unknown, "the state cannot be read");
        }
    }
    findings
}

/// Whether Halo has refused to write such an object of the configuration that is open, and has taken none since.
pub fn is_refused(model: &Model, kind: ObjectKind) -> bool {
    let findings = findings(model);
    let rights = findings.iter().filter(|found| found.rule == Rule::Rights && found.is_issue());
    rights.flat_map(Finding::objects).any(|object| object == writing(kind))
}

/// What the overview lists: what needs a person, the worst first, and then what is not known.
pub fn list(model: &Model) -> Vec<Finding> {
    let findings = findings(model);
    let mut list: Vec<Finding> = issues(&findings).into_iter().cloned().collect();
    // One that only says where it is reported tells nobody anything, and beside an issue one without a way on neither.
    let is_open = list.iter().any(Finding::is_open);
    let is_told = |finding: &Finding| {
        finding.state == State::Unknown && !finding.is_reported_elsewhere() && (!is_open || finding.next.is_some())
    };
    list.extend(findings.into_iter().filter(is_told));
    list
}

/// What is selected of it.
pub fn selected(model: &Model) -> Option<Finding> {
    let list = list(model);
    let at = position(model, &list);
    list.into_iter().nth(at)
}

/// Where what is selected stands now; once it is gone, what has taken its place is.
pub fn position(model: &Model, list: &[Finding]) -> usize {
    let at = list.iter().position(|issue| Some(issue.rule) == model.panes.issue);
    at.unwrap_or(model.panes.window(Pane::Overview).selected).min(list.len().saturating_sub(1))
}

/// The one command that mends it, or leads to where it is mended; where only a command line does, that one is copied.
pub fn mend(model: &Model, finding: &Finding) -> Option<C> {
    match command(finding)? {
        C::InstallService if !model.can_install_service() => line(&Next::Serve),
        // Reading Halo's log once more tells nothing new of it; a ticket does.
        C::Look | C::Pane(Pane::Integration) if never_delivered(model, finding) => Some(C::ProveIt),
        C::Edit => Some(wrong_field(model, finding).map_or(C::Edit, C::Setting)),
        command => Some(command),
    }
}

// The setting that it is about, where it is one.
fn wrong_field(model: &Model, finding: &Finding) -> Option<FieldId> {
    let named = [FieldId::PiaBoard, FieldId::EscalationBoard, FieldId::EscalateTo, FieldId::PiaUrl];
    let saved = &model.current_saved()?.configuration;
    let value = |field: FieldId| Untrusted::new((field.info().get)(saved)).display();
    named.into_iter().find(|field| match field {
        FieldId::PiaUrl => finding.rule == Rule::SettingsFiles && finding.fact.starts_with("the Pia Url is"),
        _ if finding.rule != Rule::Boards => false,
        FieldId::EscalateTo => finding.fact.contains("cannot be assigned"),
        field => finding.fact.contains(&format!("\"{}\"", value(*field))),
    })
}

// Whether it is about a webhook that has had nothing to deliver, where a test ticket can give it something.
fn never_delivered(model: &Model, finding: &Finding) -> bool {
    let deliveries = model.status().map_or(&[][..], |status| &status.integration.deliveries);
    let never = |name: &str| deliveries.iter().any(|of| of.webhook == name && of.state == DeliveryState::Never);
    finding.rule == Rule::Deliveries && finding.objects().any(never) && prove::refusal(model).is_none()
}

// The row of the commands that a person gives in a shell.
fn line(wanted: &Next) -> Option<C> {
    COMMAND_LINES.iter().position(|(next, ..)| next == wanted).map(C::CommandLine)
}

fn command(finding: &Finding) -> Option<C> {
    if finding.state == State::Well {
        return None;
    }
    let is_unknown = finding.state == State::Unknown;
    // What mends it is told with its cause.
    if finding.is_reported_elsewhere() {
        return None;
    }
    let leads_to = |wanted: &Next| {
        let parts = finding.next.iter().flat_map(Hint::parts);
        parts.into_iter().any(|part| matches!(part, Part::Next(next) if next == wanted))
    };
    Some(match finding.rule {
        _ if is_unknown && leads_to(&Next::Configure) => C::Pane(Pane::Integration),
        // Its process is there: nothing is installed or started beside it.
        Rule::Service if finding.fact.starts_with(DOES_NOT_ANSWER) || !leads_to(&Next::Serve) => C::Look,
        Rule::Service if is_unknown => C::InstallService,
        // Nobody can ask for it: it comes, or it does not.
        Rule::Silence | Rule::Lag if is_unknown => C::Pane(Pane::Events),
        // A look tells nothing new of it; Configure installs them again.
        Rule::Deliveries if is_unknown && [WEBHOOKS_REMOVED, NONE_SENDS].contains(&finding.fact.as_str()) => {
            C::Pane(Pane::Integration)
        }
        Rule::Disk => return line(&Next::ConfigPath),
        Rule::Boards if is_unknown && finding.fact != NO_TEAM_READ => C::SyncNow,
        Rule::Credentials if finding.state == State::Watch => C::Look,
        Rule::SyncProved if is_unknown => C::SyncNow,
        // Asked again, Halo does not tell it either.
        Rule::AgentRestricted if is_unknown && finding.fact == SIGHT_NOT_TOLD => return None,
        _ if is_unknown => C::Look,
        // A check only reads: what is refused is tried again where it is written.
        Rule::Rights if leads_to(&Next::Configure) => C::Pane(Pane::Integration),
        Rule::Credentials | Rule::SettingsFiles | Rule::Boards => C::Edit,
        Rule::Halo | Rule::Rights | Rule::AgentRestricted | Rule::Clock | Rule::Store | Rule::Certificate => C::Look,
        Rule::SyncAge | Rule::SyncHeld | Rule::StoreLost => C::SyncNow,
        Rule::SyncProved => C::Pane(Pane::Sync),
        Rule::Owner | Rule::Interrupted | Rule::Drift | Rule::WebhookOff | Rule::Deliveries | Rule::Rotation => {
            C::Pane(Pane::Integration)
        }
        Rule::Silence | Rule::Lag | Rule::NotUnderstood | Rule::Missed | Rule::EscalationNote => C::Pane(Pane::Events),
        Rule::Forwarding => C::Retry,
        Rule::Notices => C::Look,
        Rule::Service => C::InstallService,
    })
}

/// The look at Halo that is under way for this configuration.
pub fn looking(model: &Model) -> Option<&HealthCheck> {
    model.work.health_check.as_ref().filter(|look| Some(&look.id) == model.current.as_ref())
}

/// Whether Halo can be asked now.
pub fn look_now(model: &Model) -> Now {
    let refusal = match () {
        () if !model.is_active() => Some("Only the active configuration is checked."),
        () if model.work.health_check.is_some() => Some("Halo is already being checked."),
        () => None,
    };
    Now::unless(refusal)
}

/// Asks Halo how everything stands; nothing is written there.
pub fn look(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.current.clone() else { return Vec::new() };
    model.work.health_check = Some(HealthCheck { id: id.clone(), since: model.now, stopping: false });
    model.touch();
    vec![Effect::Look(id)]
}

pub fn stop_look(model: &mut Model) -> Vec<Effect> {
    if let Some(look) = &mut model.work.health_check {
        look.stopping = true;
    }
    model.touch();
    vec![Effect::Cancel(Slot::Look)]
}

/// Halo was asked; what was found is in the store.
pub fn looked(model: &mut Model, outcome: Result<Option<Failure>, Failure>) -> Vec<Effect> {
    let here = looking(model).is_some();
    model.work.health_check = None;
    model.touch();
    if !here {
        return Vec::new();
    }
    match outcome {
        // On another screen it would not be known what was checked.
        Ok(None) if model.screen != Screen::Panes => {}
        Ok(None) => model.say(Tone::Good, "Checked just now."),
        Err(failure) if failure.kind == FailureKind::Interrupted => model.say(Tone::Calm, "The check was stopped."),
        Ok(Some(failure)) | Err(failure) => {
            // A wait has its end.
            let until = match failure.kind {
                FailureKind::RateLimited(Some(until)) if until > model.now => {
                    format!(", until {} UTC", until.strftime("%H:%M:%S"))
                }
                _ => String::new(),
            };
            // As the light of a Halo that was not reached has it.
            let is_away = matches!(failure.kind, FailureKind::NotReached | FailureKind::RateLimited(_));
            model.say(if is_away { Tone::Warn } else { Tone::Bad }, format!("{failure}{until}"));
        }
    }
    model.current.clone().map(Effect::LoadStatus).into_iter().collect()
}

/// "Dismiss": asked about first, since nothing warns of it from then on. What was dismissed is restored at once.
pub fn ask_to_dismiss(model: &mut Model, issue: &Finding) -> Vec<Effect> {
    if issue.dismissed {
        let id = model.current.clone();
        return id.map(|id| Effect::Dismiss { id, rule: issue.rule, undo: true }).into_iter().collect();
    }
    let ask = Ask::Dismiss { rule: issue.rule, fact: issue.fact.clone() };
    model.popup = Some(Popup::Confirm(Confirm::new(ask)));
    model.touch();
    Vec::new()
}

/// It is dismissed, and goes to the end of the list: the next one that is open is looked at.
pub fn dismiss(model: &mut Model, rule: Rule) -> Vec<Effect> {
    let Some(id) = model.current.clone() else { return Vec::new() };
    let list = list(model);
    let mut open = list.iter().filter(|other| other.is_open()).map(|other| other.rule);
    model.panes.issue = open.clone().skip_while(|other| *other != rule).nth(1).or_else(|| open.next());
    vec![Effect::Dismiss { id, rule, undo: false }]
}

/// Something was done about a problem: how everything stands is read once more.
pub fn answered(model: &mut Model, outcome: Result<&'static str, Failure>) -> Vec<Effect> {
    match outcome {
        Ok(words) => model.say(Tone::Calm, words),
        Err(failure) => model.say(Tone::Bad, failure.to_string()),
    }
    model.current.clone().map(Effect::LoadStatus).into_iter().collect()
}

//! What the settings name, boards, a contact and an action, looked for among what Halo lists.

use super::verdict::Verdict;
use crate::domain::check::CheckId;
use crate::domain::configuration::{EscalateTo, PiaScreen};
use crate::domain::likeness::{did_you_mean, nearest, no_such};
use crate::domain::note_outcome::NoteOutcome;
use crate::domain::people::{Agent, Team};
use crate::domain::untrusted::Untrusted;

/// Actions of Halo's that a hint names.
const ACTIONS_NAMED: usize = 5;

pub(super) fn judge_board(board: &str, teams: Option<&[Team]>) -> Verdict {
    let Some(teams) = teams else { return Verdict::not_tried(CheckId::Teams) };
    let known = teams.iter().any(|team| !team.inactive && team.name.raw() == board);
    if known {
        return Verdict::pass(format!("Halo has a team \"{board}\""));
    }
    let names = teams.iter().filter(|team| !team.inactive).map(|team| team.name.raw());
    let hint = match nearest(board, names) {
        Some(name) => format!("{} Names must match exactly", did_you_mean(name)),
        None => "make the team in Halo, or choose one that the agent is a member of".to_owned(),
    };
    Verdict::warn(format!("{} that this agent sees in Halo", no_such("team", board)), hint)
}

/// Whether Halo has the action with which notes are added. Where it lists none, nothing is known.
pub(super) fn judge_outcome(set: Option<&NoteOutcome>, listed: &[(i64, Untrusted)]) -> Verdict {
    let read = "can be read".to_owned();
    let first = set.cloned().unwrap_or_default();
    let other = first.other();
    let has = |outcome: &NoteOutcome| listed.iter().any(|row| outcome.is(row));
    if listed.is_empty() || has(&first) || (set.is_none() && has(&other)) {
        return Verdict::pass(read);
    }
    let names: Vec<String> = listed.iter().take(ACTIONS_NAMED).map(|(id, name)| format!("\"{name}\" ({id})")).collect();
    let hint = format!("Name one of Halo's actions in the setting note_outcome, such as {}", names.join(", "));
    match has(&other) {
        true => Verdict::warn(format!("{read}; Halo lists no action {first}, so notes are added by {other}"), hint),
        false => Verdict::warn(format!("{read}; Halo lists no action {first} and no {other} to add a note with"), hint),
    }
}

pub(super) fn judge_contact(screen: &PiaScreen, agents: Option<&[Agent]>) -> Verdict {
    let Some(contact) = &screen.escalate_to else { return Verdict::skip("no default escalation") };
    let Some(agents) = agents else { return Verdict::not_tried(CheckId::Agents) };
    match find_contact(contact, agents) {
        Ok(agent) => Verdict::pass(format!("{} is an agent", agent.name)),
        Err((fault, hint)) => Verdict::warn(fault, hint),
    }
}

/// The agent that a contact is; or why tickets cannot be given to that one, and what to do.
pub(in crate::ops) fn find_contact<'a>(
    contact: &EscalateTo,
    agents: &'a [Agent],
) -> Result<&'a Agent, (String, &'static str)> {
    match agents.iter().find(|agent| agent.id == contact.agent_id) {
        Some(agent) if agent.assignable => Ok(agent),
        Some(agent) if agent.api_only => Err((
            format!("{} is an API-only agent in Halo, and tickets cannot be assigned to one", agent.name),
            "choose another contact, or untick \"API-only Agent\" of this one in Halo",
        )),
        Some(agent) => Err((format!("{} is disabled in Halo", agent.name), "choose another contact")),
        None => {
            let name = Untrusted::new(contact.name.as_str());
            Err((format!("{name} is no longer an agent in Halo"), "choose another contact"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::check::CheckStatus;

    /// What adds a note is compared with Halo's own list once, before the first note.
    #[test]
    fn note_action_that_halo_does_not_list_is_warned_about() {
        let listed = [(5, Untrusted::new("Email User")), (7, Untrusted::new("Internal Note"))];
        let judge = |set: Option<NoteOutcome>, listed: &[_]| {
            let verdict = judge_outcome(set.as_ref(), listed);
            (verdict.status, verdict.message, verdict.hint.unwrap_or_default())
        };
        let name = |name: &str| Some(NoteOutcome::Name(name.to_owned()));
        for (set, listed) in [
            (None, &listed[..]),
            (name("internal note"), &listed),
            (Some(NoteOutcome::Number(5)), &listed),
            (name("Private Note"), &[]),
        ] {
            assert_eq!(judge(set.clone(), listed).0, CheckStatus::Pass, "{set:?}");
        }
        let (status, message, hint) = judge(name("Private Note"), &listed);
        assert_eq!(
            (status, &*message),
            (CheckStatus::Warn, "can be read; Halo lists no action \"Private Note\", so notes are added by 7")
        );
        assert!(hint.contains("note_outcome, such as \"Email User\" (5), \"Internal Note\" (7)"), "{hint}");
        let (status, message, _) = judge(None, &listed[..1]);
        assert_eq!(status, CheckStatus::Warn);
        assert!(message.ends_with("no action \"Private Note\" and no 7 to add a note with"), "{message}");
    }
}

//! What stands on the Pia Board, and handing a ticket over to people.

use tokio_util::sync::CancellationToken;

use super::boards::{Boards, where_told};
use super::check::{self, find_contact};
use super::configure::read_back_later;
use super::workspace::INTERRUPTED;
use super::{Workspace, owner, take_over};
use crate::domain::activity::{Activity, ActivityField, HaloAnswer};
use crate::domain::configuration::{Configuration, ConfigurationId, EscalateTo};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State};
use crate::domain::note_outcome::NoteOutcome;
use crate::domain::owner::Belongs;
use crate::domain::ticket::{BoardTickets, Escalation, EscalationStatus, Known, Ticket, Unfinished};
use crate::domain::untrusted::Untrusted;
use crate::halo::{HaloApi, HaloError};
use crate::store::FreshLists;

/// The lock of escalations: one at a time, so that of two programs for one ticket the second finds what the first has
/// done.
const ESCALATE_LOCK: &str = "escalate";

/// The outcome of a line that is written before Halo is.
const BEGUN: &str = "begun";

/// The two writes, as the audit trail calls them.
const ESCALATE: &str = "escalate";
const ADD_NOTE: &str = "add note";

/// The next step where it is not known, or where it is known not to be all there.
const AGAIN: &str = "Escalate it again with the same note: what is already done is not repeated";

/// Lines of the audit trail among which those of a run that was killed are looked for.
const LOOK_BACK: usize = 500;

/// The open tickets on the Pia Board. That Halo refuses them is known from then on to everybody.
///
/// # Errors
///
/// Where Halo cannot be asked, or refuses.
pub async fn on_pia_board(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<BoardTickets, Failure> {
    let found = read_board(workspace, id, configuration, cancel).await;
    check::note_rights(workspace, id, found.as_ref().err(), "look at the Pia Board");
    found
}

async fn read_board(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<BoardTickets, Failure> {
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let board = &configuration.pia_screen.pia_board;
    let mut boards = Boards::stored(workspace, id)?;
    let team = boards.find(&halo, board).await?;
    let found = halo.tickets_on(board, team).await?;
    let mut tickets = Vec::new();
    for ticket in found.tickets {
        if !boards.is_over(&halo, &ticket).await? {
            tickets.push(boards.name(&halo, ticket).await?);
        }
    }
    Ok(BoardTickets { board_exists: found.board_exists || team.is_some(), cut: found.cut, tickets })
}

/// Moves a ticket to the Pia Escalation Board and gives it to Pia Escalate To; unassigned where there is none.
///
/// What Halo stored is read back: only that is called done. A lost answer is looked for, and not sent again. A ticket
/// that stands there already is not written, and a note that it has already is not added a second time. Each write
/// stands in the audit trail before it is sent: what a killed run has left open there is read back by the next one.
pub async fn escalate(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    ticket_id: i64,
    note: Option<&str>,
    cancel: CancellationToken,
) -> Result<Escalation, Unfinished> {
    let done = try_to_escalate(workspace, id, configuration, ticket_id, note, cancel).await;
    match done.as_ref().err().map(|unfinished| &*unfinished.failure) {
        // Over one team, agent or action of Halo's: it is told with the ticket, and is no permission that all else needs.
        Some(failure) if failure.http_status == Some(400) => {}
        failure => check::note_rights(workspace, id, failure, "handover"),
    }
    done
}

async fn try_to_escalate(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    ticket_id: i64,
    note: Option<&str>,
    cancel: CancellationToken,
) -> Result<Escalation, Unfinished> {
    workspace.require_active(id).map_err(|failure| Known::Unchanged.because(failure))?;
    require_owner(workspace, id, configuration, cancel.clone())
        .await
        .map_err(|failure| Known::Unchanged.because(failure))?;
    let lock = workspace.lock(ESCALATE_LOCK, &format!("escalate {}", object(ticket_id)));
    let lock = lock.map_err(|error| Known::Unchanged.because(error))?;
    let workspace = &workspace.under(&lock);
    let halo = workspace.halo(id, &configuration.api).await.map_err(|error| Known::Unchanged.because(error))?;
    let halo = halo.cancelled_by(cancel);
    // Up to the first write a person waits.
    let reading = halo.while_a_person_waits();
    let screen = &configuration.pia_screen;
    let outcome = screen.note_outcome.clone().unwrap_or_default();
    let contact = screen.escalate_to.as_ref();
    let mut edit = TicketEdit {
        workspace,
        id,
        halo: reading,
        boards: Boards::stored(workspace, id).map_err(|error| Known::Unchanged.because(error))?,
        board: &screen.escalation_board,
        agent: contact.map(|agent| agent.agent_id),
        outcome: &outcome,
    };
    let before = edit.before(ticket_id).await.map_err(|failure| Known::Unchanged.because(failure))?;
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    let stands_there = edit.has(&before);
    if !stands_there {
        edit.require_contact(contact).await.map_err(|failure| Known::Unchanged.because(failure))?;
    }
    edit.halo = halo;
    let (ticket, moved) = if stands_there {
        (before, false)
    } else {
        let moved = edit.hand_over(&before).await.map_err(|unfinished| match (unfinished.known, note) {
            (Known::Unrecorded, Some(_)) => Unfinished { known: Known::NoteMissing, ..unfinished },
            (Known::Unclear | Known::Elsewhere, _) => {
                workspace.note_health(id, [to_look_at(ticket_id, unfinished.known)]);
                unfinished
            }
            _ => unfinished,
        });
        (moved?, true)
    };
    let noted = match note {
        None => false,
        Some(note) => edit.note(ticket_id, note, moved).await.map_err(|mut unfinished| {
            workspace.note_health(id, [to_look_at(ticket_id, unfinished.known)]);
            if moved && unfinished.known != Known::Unrecorded {
                unfinished.failure.kind = FailureKind::PartlyDone;
            }
            unfinished
        })?,
    };
    // Where it was the ticket itself, it stands where it has to now.
    let names_it = |finding: &Finding| {
        let is_it = finding.rule == Rule::EscalationNote && finding.object == Some(ticket_id.to_string());
        is_it && (noted || !finding.fact.contains("note"))
    };
    if workspace.store.health(id).unwrap_or_default().iter().any(names_it) {
        workspace.note_health(id, [Finding::well(Rule::EscalationNote, "no note is missing")]);
    }
    let status = if moved || noted { EscalationStatus::Escalated } else { EscalationStatus::NothingToDo };
    let closed = edit.ended_by(&ticket).await;
    Ok(Escalation { status, ticket, moved, noted, closed })
}

/// Refuses to write where the configuration is another machine's. Where that cannot be read, it is not known, and nothing is
/// written either; unless nothing of it was ever installed from here: then there is no mark of ours to read.
async fn require_owner(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<(), Failure> {
    match take_over::look(workspace, id, configuration, cancel).await {
        Ok(Belongs::Elsewhere(owner)) => Err(owner::elsewhere(&owner)),
        Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
        Err(failure) if !workspace.store.installed(id)?.is_empty() => {
            let message = format!("cannot tell whether another machine owns this configuration: {}", failure.message);
            Err(again(Failure { message, ..failure }))
        }
        _ => Ok(()),
    }
}

/// What a person has to look at after an escalation that did not come to its end.
fn to_look_at(ticket: i64, known: Known) -> Finding {
    let (fact, again) = match known {
        Known::NoteMissing => (format!("ticket {ticket} was escalated without its note"), ", with its note, adds"),
        Known::Unclear => (format!("ticket {ticket} may not have been escalated"), " does"),
        Known::Elsewhere => (format!("ticket {ticket} was escalated, and Halo holds it elsewhere"), " does"),
        _ => (format!("the note of escalated ticket {ticket} may be missing"), ", with its note, adds"),
    };
    Finding::new(Rule::EscalationNote, State::Watch, fact)
        .about(ticket.to_string())
        .next(format!("Check it in Halo; escalating it again{again} what is missing"))
}

/// The work on one ticket.
struct TicketEdit<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    halo: HaloApi,
    boards: Boards,
    /// Where the ticket has to stand.
    board: &'a str,
    /// Who has to have it.
    agent: Option<i64>,
    /// The action by which its note is added.
    outcome: &'a NoteOutcome,
}

impl TicketEdit<'_> {
    async fn look(&mut self, ticket: i64) -> Result<Option<Ticket>, HaloError> {
        match self.halo.ticket(ticket).await? {
            Some(ticket) => self.boards.name(&self.halo, ticket).await.map(Some),
            None => Ok(None),
        }
    }

    /// The status that has ended it; none where it is open, or Halo does not say.
    async fn ended_by(&self, ticket: &Ticket) -> Option<Untrusted> {
        let statuses = self.halo.statuses().await.ok()?;
        statuses.into_iter().find(|status| status.ends && Some(status.id) == ticket.status_id).map(|status| status.name)
    }

    /// The ticket as it stands before anything is sent, with what a killed run has left open looked at.
    async fn before(&mut self, ticket: i64) -> Result<Ticket, Failure> {
        let before = self.look(ticket).await?.ok_or_else(|| unknown(ticket))?;
        if self.left_open(ticket)?.as_deref() == Some(ESCALATE) {
            self.close(ticket, self.has(&before))?;
        }
        Ok(before)
    }

    /// Refuses a contact to whom Halo gives no tickets any more: nobody would see them. What Halo says of its agents is
    /// kept, so that the contact is flagged from now on. Where it names none, the write itself tells.
    async fn require_contact(&self, contact: Option<&EscalateTo>) -> Result<(), Failure> {
        let Some(contact) = contact else { return Ok(()) };
        let agents = where_told(self.halo.agents().await)?.unwrap_or_default();
        let (fault, hint) = match find_contact(contact, &agents) {
            Err(fault) if !agents.is_empty() => fault,
            _ => return Ok(()),
        };
        let store = &self.workspace.store;
        if store.lists(self.id)?.are_known() {
            let fresh = FreshLists { agents: Some(&agents), ..FreshLists::default() };
            store.keep_lists(self.id, fresh, self.workspace.now())?;
        }
        let hint = hint.replacen("another contact", "another contact under Pia Screen", 1);
        Err(Failure::new(FailureKind::Declined, fault).hint(format!("Nothing was changed: {hint}")))
    }

    fn has(&self, ticket: &Ticket) -> bool {
        ticket.is_on(self.board) && ticket.agent_id == self.agent
    }

    /// What a run that was killed has begun on this ticket and not ended, by the audit trail.
    fn left_open(&self, ticket: i64) -> Result<Option<String>, Failure> {
        let object = Some(object(ticket));
        let id = Some(self.id.as_str());
        let lines = self.workspace.activities(LOOK_BACK)?;
        let last = lines.into_iter().find(|line| line.object == object && line.configuration.as_deref() == id);
        Ok(last.filter(|line| line.outcome == BEGUN).map(|line| line.action))
    }

    /// Writes down what has become of it.
    fn close(&self, ticket: i64, was_done: bool) -> Result<(), Failure> {
        let mut activity = self.workspace.activity(Some(self.id), INTERRUPTED, read_back_later(was_done));
        activity.object = Some(object(ticket));
        self.workspace.write_down(&activity)
    }

    /// Moves the ticket, once, and gives it back as Halo holds it then.
    async fn hand_over(&mut self, before: &Ticket) -> Result<Ticket, Unfinished> {
        let team = |ticket: &Ticket| ticket.team.as_ref().map(ToString::to_string);
        let agent = |ticket: &Ticket| Some(ticket.agent_id.map_or("nobody".to_owned(), |id| id.to_string()));
        let field = |name: &str, before, after| ActivityField { name: name.to_owned(), before, after };
        let wanted = self.agent.map_or("nobody".to_owned(), |id| id.to_string());
        let mut activity = self.workspace.activity(Some(self.id), ESCALATE, BEGUN);
        activity.object = Some(object(before.id));
        activity.fields =
            vec![field("team", team(before), Some(self.board.to_owned())), field("agent", agent(before), Some(wanted))];
        self.workspace.write_down(&activity).map_err(|failure| Known::Unchanged.because(failure))?;
        let written = self.halo.move_ticket(before.id, self.board, self.agent).await;
        let status = self.halo.take_write_status();
        let held = match &written {
            Err(error) if !error.may_have_been_applied() => None,
            _ => Some(self.look(before.id).await),
        };
        let (outcome, result) = match (&written, &held) {
            (_, Some(Ok(Some(after)))) if self.has(after) => ("done", Ok(after.clone())),
            (Err(error), None) => ("failed", Err(Known::Unchanged.because(refused(error, self.board)))),
            (Err(error), Some(Ok(Some(after)))) if (&after.team, after.agent_id) == (&before.team, before.agent_id) => {
                let hint = "The ticket was not moved (checked in Halo). Try again later";
                ("failed", Err(Known::Unchanged.because(Failure::from(error.clone()).hint(hint))))
            }
            (_, Some(Ok(Some(after)))) if after.stands_on(self.board).is_none() => {
                ("unverified", Err(Known::Unclear.because(on_no_known_team(self.board))))
            }
            (_, Some(Ok(Some(after)))) => {
                let rule = written.as_ref().ok().and_then(Option::as_ref);
                ("unverified", Err(Known::Elsewhere.because(not_kept(after, self.board, self.agent, rule))))
            }
            (_, Some(Err(error))) => ("unverified", Err(Known::Unclear.because(unread(error)))),
            // A write that went well is always read back.
            (_, Some(Ok(None))) | (Ok(_), None) => {
                ("unverified", Err(Known::Unclear.because(out_of_sight(before.id, self.board))))
            }
        };
        if let Some(after) = held.as_ref().and_then(|held| held.as_ref().ok()?.as_ref()) {
            activity.fields =
                vec![field("team", team(before), team(after)), field("agent", agent(before), agent(after))];
        }
        activity.halo = Some(answer(status, written.as_ref().err()));
        self.end(activity, outcome, result)
    }

    /// Writes down what has come of a write. What was done in Halo is told, whatever becomes of our own record.
    fn end<T>(&self, mut activity: Activity, outcome: &str, result: Result<T, Unfinished>) -> Result<T, Unfinished> {
        (activity.at, activity.outcome) = (self.workspace.now(), outcome.to_owned());
        activity.message = result.as_ref().err().map(|unfinished| unfinished.failure.to_string());
        match (self.workspace.write_down(&activity), result) {
            (Ok(()), result) => result,
            (Err(failure), Ok(_)) => Err(Known::Unrecorded.because(failure)),
            (Err(failure), Err(mut unfinished)) => {
                let lost = format!("It could not be recorded: {failure}");
                unfinished.failure.hint = Some(match unfinished.failure.hint.take() {
                    Some(hint) => hint.and(". ", lost),
                    None => lost.into(),
                });
                Err(unfinished)
            }
        }
    }

    /// Adds the note, once, and says whether it was added. On a ticket that was not moved now, a note that is there
    /// already is the one of the run before.
    async fn note(&mut self, ticket: i64, note: &str, moved: bool) -> Result<bool, Unfinished> {
        let mut activity = self.workspace.activity(Some(self.id), ADD_NOTE, BEGUN);
        activity.object = Some(object(ticket));
        let before = async {
            let before = self.halo.notes(ticket).await?;
            let has_it = before.iter().any(|held| same_text(&held.text, note));
            if !moved && self.left_open(ticket)?.as_deref() == Some(ADD_NOTE) {
                self.close(ticket, has_it)?;
            }
            if !moved && has_it {
                return Ok(None);
            }
            self.workspace.write_down(&activity)?;
            Ok::<_, Failure>(Some(before))
        };
        let before = before.await.map_err(|failure| Known::NoteMissing.because(again(failure)))?;
        let Some(before) = before else { return Ok(false) };
        let mut written = self.halo.add_note(ticket, note, self.outcome).await;
        // The agent may not do this action, or this Halo calls it something else: there is another one.
        if let Err(HaloError::Declined { .. }) = &written
            && let Ok(id) = self.halo.add_note(ticket, note, &self.outcome.other()).await
        {
            written = Ok(id);
        }
        let status = self.halo.take_write_status();
        let (outcome, result) = match &written {
            Err(error) if !error.may_have_been_applied() => {
                ("failed", Err(Known::NoteMissing.because(note_refused(error, note, self.outcome))))
            }
            _ => {
                let id = written.as_ref().ok().copied().flatten();
                match self.find_note(ticket, note, id, &before.iter().map(|held| held.id).collect::<Vec<_>>()).await {
                    Ok(true) => ("done", Ok(true)),
                    Ok(false) => match &written {
                        Err(error) => ("failed", Err(Known::NoteMissing.because(again(error.clone())))),
                        Ok(_) => ("unverified", Err(Known::NoteUnclear.because(note_not_kept()))),
                    },
                    Err(error) => ("unverified", Err(Known::NoteUnclear.because(unread(&error)))),
                }
            }
        };
        activity.halo = Some(answer(status, written.as_ref().err()));
        self.end(activity, outcome, result)
    }

    /// Whether Halo holds the note: by the id that it gave, or, where its answer was lost, among those that are new.
    async fn find_note(&self, ticket: i64, note: &str, id: Option<i64>, before: &[i64]) -> Result<bool, HaloError> {
        if let Some(id) = id {
            let held = self.halo.note(ticket, id).await?;
            return Ok(held.is_some_and(|held| same_text(&held.text, note)));
        }
        let now = self.halo.notes(ticket).await?;
        Ok(now.iter().any(|held| !before.contains(&held.id) && same_text(&held.text, note)))
    }
}

/// A ticket, as the audit trail and the lock call it.
fn object(ticket: i64) -> String {
    format!("ticket {ticket}")
}

/// Whether two notes say the same: Halo keeps the words, and not every blank and break between them.
fn same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn answer(status: Option<u16>, error: Option<&HaloError>) -> HaloAnswer {
    HaloAnswer { status, said: error.and_then(HaloError::halo_said).map(ToString::to_string) }
}

fn unknown(ticket: i64) -> Failure {
    Failure::from(HaloError::NotFound { does: "read a ticket" })
        .hint(format!("There is no ticket {ticket} in this Halo, or its agent may not see it. Nothing was changed"))
}

/// Halo declined. What it declines here is the agent's reach: over a team, an agent, an action.
fn refused(error: &HaloError, board: &str) -> Failure {
    let failure = Failure::from(error.clone());
    if !matches!(error, HaloError::Declined { .. }) {
        return failure;
    }
    Failure { kind: FailureKind::MissingRight, ..failure }.hint(format!(
        "Nothing was changed. In Halo, the application's agent must be a member of the team {board}, and Pia \
         Escalate To must have access to the ticket's type and client"
    ))
}

fn out_of_sight(ticket: i64, board: &str) -> Failure {
    let message = format!("Halo accepted the change, but the agent can no longer see ticket {ticket}");
    Failure::new(FailureKind::MissingRight, message)
        .hint(format!("Check the ticket in Halo. To see it from here, the agent must be a member of the team {board}"))
}

fn on_no_known_team(board: &str) -> Failure {
    let message = "Halo accepted the change, but the ticket is now on a team unknown here";
    Failure::new(FailureKind::Declined, message)
        .hint(format!("Check the ticket in Halo: it should be on {board}. A sync reads the teams again"))
}

fn unread(error: &HaloError) -> Failure {
    let failure = Failure::from(error.clone());
    let message = format!("it was sent and could not be read back: {}", failure.message);
    Failure { message, ..failure }.hint(AGAIN)
}

/// What can be tried again. What the failure itself says of a next step comes first.
fn again(failure: impl Into<Failure>) -> Failure {
    let failure = failure.into();
    let hint = failure.hint.clone().map_or_else(|| AGAIN.into(), |hint| hint.and(". ", AGAIN));
    failure.hint(hint)
}

/// Halo declined the note: over the agent's reach as well.
fn note_refused(error: &HaloError, note: &str, outcome: &NoteOutcome) -> Failure {
    let failure = Failure::from(error.clone());
    if !matches!(error, HaloError::Declined { .. }) {
        return again(failure);
    }
    let note = Untrusted::new(note);
    Failure { kind: FailureKind::MissingRight, ..failure }.hint(format!(
        "Halo refused the actions {outcome} and {other}. Let the application's agent use one of them, or \
         set another action in config.toml (note_outcome in the settings), and escalate again; or add the note in \
         Halo: {note}",
        other = outcome.other()
    ))
}

fn not_kept(after: &Ticket, board: &str, agent: Option<i64>, rule: Option<&Untrusted>) -> Failure {
    let team = after.team.as_ref().map_or("no team".to_owned(), ToString::to_string);
    let message = format!("Halo accepted the change but did not keep it: the ticket is on {team}, {}", after.holder());
    let wanted = if agent.is_some() { "to Pia Escalate To" } else { "to nobody" };
    let rule = match rule {
        Some(rule) => format!("A rule in Halo changed the ticket at once (\"{rule}\"): change that rule"),
        None => "Check Halo for a rule that moves or assigns tickets".to_owned(),
    };
    Failure::new(FailureKind::Declined, message)
        .hint(format!("{rule}; the ticket should be on {board} and assigned {wanted}"))
}

fn note_not_kept() -> Failure {
    Failure::new(FailureKind::Declined, "Halo may not have saved the note as given")
        .hint("Check the ticket in Halo before you add it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_is_known_again_by_its_words() {
        assert!(same_text("needs a person", " needs  a\r\nperson\n"));
        assert!(!same_text("needs a person", "needs a person!"));
    }
}

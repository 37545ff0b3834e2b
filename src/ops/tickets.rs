//! What stands on the Pia Board, and handing a ticket over to people.

use tokio_util::sync::CancellationToken;

use super::Workspace;
use crate::domain::activity::ActivityField;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::ticket::{BoardTickets, Escalation, Ticket};
use crate::halo::{HaloApi, HaloError};

/// The open tickets on the Pia Board.
pub async fn on_pia_board(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<BoardTickets, Failure> {
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
    Ok(halo.tickets_on(&configuration.pia_screen.pia_board).await?)
}

/// Moves a ticket to the Pia Escalation Board and gives it to Pia Escalate To; unassigned where there is none.
///
/// What Halo stored is read back: only that is called done. A lost answer is looked for, and not sent again.
pub async fn escalate(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    ticket_id: i64,
    note: Option<&str>,
    cancel: CancellationToken,
) -> Result<Escalation, Failure> {
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
    let board = &configuration.pia_screen.escalation_board;
    let agent = configuration.pia_screen.escalate_to.as_ref();
    let agent_id = agent.map(|agent| agent.agent_id);
    let before = halo.ticket(ticket_id).await?.ok_or_else(|| unknown(ticket_id))?;
    let stands = |ticket: &Ticket| ticket.is_on(board) && ticket.agent_id == agent_id;

    let mut moved = false;
    if !stands(&before) {
        let written = halo.move_ticket(ticket_id, board, agent_id).await;
        let after = match &written {
            Err(error) if !error.may_have_been_applied() => None,
            _ => Some(halo.ticket(ticket_id).await?.ok_or_else(|| unknown(ticket_id))?),
        };
        let outcome = match (&written, &after) {
            (_, Some(after)) if stands(after) => Ok(()),
            (Err(error), _) => Err(Failure::from(error.clone())),
            (Ok(()), _) => Err(not_kept(after.as_ref(), board)),
        };
        note_down(workspace, id, &before, after.as_ref(), board, outcome.as_ref().err())?;
        outcome?;
        moved = true;
    }
    let noted = match note.map(str::trim).filter(|note| !note.is_empty()) {
        None => false,
        Some(note) => add_note(&halo, ticket_id, note).await.map_err(|failure| {
            let hint = format!("the ticket is on {board}; only its note is missing: try again");
            Failure { hint: Some(hint), ..failure }
        })?,
    };
    let ticket = halo.ticket(ticket_id).await?.ok_or_else(|| unknown(ticket_id))?;
    Ok(Escalation { ticket, moved, noted })
}

/// Adds the note, once: where the answer was lost, Halo is asked whether it is there.
async fn add_note(halo: &HaloApi, ticket: i64, note: &str) -> Result<bool, Failure> {
    match halo.add_note(ticket, note).await {
        Ok(()) => Ok(true),
        Err(error) if error.may_have_been_applied() => {
            let is_there = halo.notes(ticket).await?.iter().any(|held| held.trim() == note);
            if is_there { Ok(true) } else { Err(error.into()) }
        }
        Err(error) => Err(error.into()),
    }
}

fn unknown(ticket: i64) -> Failure {
    Failure::from(HaloError::NotFound { does: "read a ticket" })
        .hint(format!("there is no ticket {ticket} in this Halo, or its agent may not see it; nothing was changed"))
}

fn not_kept(after: Option<&Ticket>, board: &str) -> Failure {
    let stands = after.and_then(|ticket| ticket.team.as_ref()).map_or("nowhere".to_owned(), ToString::to_string);
    Failure::new(
        FailureKind::Refused,
        format!("Halo took the change and did not keep it: the ticket stands on {stands}"),
    )
    .hint(format!("look in Halo whether a rule moves tickets away from {board}, and whether its agent may reassign"))
}

fn note_down(
    workspace: &Workspace,
    id: &ConfigurationId,
    before: &Ticket,
    after: Option<&Ticket>,
    board: &str,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    let team = |ticket: &Ticket| ticket.team.as_ref().map(ToString::to_string);
    let agent = |ticket: &Ticket| ticket.agent_id.map(|id| id.to_string());
    let field = |name: &str, before, after| ActivityField { name: name.to_owned(), before, after };
    let mut activity = workspace.activity(Some(id), "escalate", if failure.is_none() { "done" } else { "failed" });
    activity.object = Some(format!("ticket {}", before.id));
    activity.fields = vec![
        field("team", team(before), after.map_or(Some(board.to_owned()), team)),
        field("agent", agent(before), after.and_then(agent)),
    ];
    activity.message = failure.map(ToString::to_string);
    workspace.write_down(&activity)
}

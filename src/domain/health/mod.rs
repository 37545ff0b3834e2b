//! Health: one rule for each thing that can be wrong, and one finding of each. Doctor, `status`, the list of issues, the
//! header, the overview, the service's figures and its notices all read the same findings.

mod finding;
mod in_halo;
mod known;
mod look;
mod received;
mod rules;

pub use finding::{Finding, Light, NONE_SENDS, ONE_SENDS_NONE, Retry, Rule, State, WEBHOOKS_REMOVED, issues, light};
pub use known::{known_here, known_since, replaced};
pub use look::{
    BY_SYNC, CUT_SHORT, FAILED, NOT_SENT, NOT_THERE, NOT_TOLD, REMOVED, SIGHT_NOT_TOLD, STOPPED, TAKEN_OUT, allowed,
    answered, before_first_write, beside_refused_writes, clock, forwarding_stopped, from_check, from_circle,
    from_failure, from_owner, from_plan_and_record, from_run, from_sync, from_untold, gone_or_off, if_by_hand,
    none_failed, not_answered, not_stored, not_told, not_told_to, of_change, of_reason, refused, saw_owner, taken_out,
    told_again, write_refused, writing,
};
pub use rules::{Facts, NEW, NO_TEAM_READ, NOT_ALL_SAVED, NOT_SET_UP, findings, needs_certificate, next_judgement};

#[cfg(test)]
mod tests;

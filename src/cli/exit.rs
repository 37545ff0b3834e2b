//! The exit code of each kind of failure, and of each report: who ends a command with one asks here.

use crate::domain::exit_code as exit;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{SyncReport, SyncStatus};

pub(super) trait ExitCode {
    /// The exit code of a command that ends with it.
    fn exit_code(&self) -> u8;
}

impl ExitCode for FailureKind {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Declined => exit::FAILED,
            Self::Usage => exit::USAGE,
            Self::NeedsYes | Self::PartlyDone => exit::PENDING,
            Self::WrongCredentials | Self::MissingRight => exit::REFUSED,
            Self::NotReached | Self::RateLimited(_) => exit::NOT_REACHED,
            Self::Busy => exit::BUSY,
            Self::LocalState => exit::LOCAL_STATE,
            Self::Interrupted => exit::INTERRUPTED,
        }
    }
}

impl ExitCode for Failure {
    fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

impl ExitCode for SyncReport {
    fn exit_code(&self) -> u8 {
        match &self.error {
            None if self.status == SyncStatus::Complete => 0,
            // Read and kept, with something to look at.
            None => exit::PENDING,
            Some(error) => error.exit_code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_documented_ones() {
        let kinds = [FailureKind::Declined, FailureKind::Usage, FailureKind::NeedsYes, FailureKind::WrongCredentials];
        assert_eq!(kinds.map(|kind| kind.exit_code()), [1, 2, 3, 4]);
        let kinds = [FailureKind::NotReached, FailureKind::Busy, FailureKind::LocalState, FailureKind::Interrupted];
        assert_eq!(kinds.map(|kind| kind.exit_code()), [5, 6, 7, 130]);
        let told: Vec<u8> = exit::MEANINGS.iter().flat_map(|(codes, _)| *codes).copied().collect();
        assert_eq!(told, [0, 1, 2, 3, 4, 5, 6, 7, 8, 129, 130, 143]);
    }
}

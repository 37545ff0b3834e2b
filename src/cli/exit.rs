//! The exit codes of the contract.

use crate::domain::failure::{Failure, FailureKind};

/// What has an exit code.
pub(super) trait ExitCode {
    /// The exit code of a command that ends with it.
    fn exit_code(&self) -> u8;
}

impl ExitCode for FailureKind {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NeedsYes | Self::PartlyDone => 3,
            Self::WrongCredentials | Self::MissingRight => 4,
            Self::NotReached | Self::RateLimited(_) => 5,
            Self::Busy => 6,
            Self::LocalState => 7,
            Self::Interrupted => 130,
        }
    }
}

impl ExitCode for Failure {
    fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_contract() {
        let kinds = [FailureKind::Refused, FailureKind::Usage, FailureKind::NeedsYes, FailureKind::WrongCredentials];
        assert_eq!(kinds.map(|kind| kind.exit_code()), [1, 2, 3, 4]);
        let kinds = [FailureKind::NotReached, FailureKind::Busy, FailureKind::LocalState, FailureKind::Interrupted];
        assert_eq!(kinds.map(|kind| kind.exit_code()), [5, 6, 7, 130]);
    }
}

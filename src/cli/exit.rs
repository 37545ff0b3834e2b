//! The exit codes of the contract.

use crate::domain::failure::{Failure, FailureKind};

/// Every exit code, and what it means.
pub(super) const CODES: [(&str, &str); 10] = [
    ("0", "done, or nothing to do"),
    ("1", "failed otherwise"),
    ("2", "wrong usage, or a terminal is needed"),
    ("3", "confirmation needed, changes pending, or only partly done"),
    ("4", "Halo refused: credentials, scope or the agent's permissions"),
    ("5", "Halo not reached: name, TLS, time-out, request limit, or server errors that outlast the retries"),
    ("6", "busy: another process holds the sync or the configuration"),
    ("7", "local state unusable: unreadable or newer file, full disk, no permission"),
    ("8", "with status --exit-code: something needs attention"),
    ("129, 130, 143", "stopped by hang-up, interrupt, terminate"),
];

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
        let told: Vec<u8> =
            CODES.iter().flat_map(|(codes, _)| codes.split(", ")).map(|code| code.parse().unwrap()).collect();
        assert_eq!(told, [0, 1, 2, 3, 4, 5, 6, 7, 8, 129, 130, 143]);
    }
}

//! The places that may give the Client Secret, by name.

use std::fmt;
use std::path::PathBuf;

use crate::domain::for_shell;
use crate::domain::untrusted::Untrusted;

/// The variable that names a file with the secret.
pub const FILE_VARIABLE: &str = "PIA_HALO_CLIENT_SECRET_FILE";
/// The variable that holds the secret.
pub const VARIABLE: &str = "PIA_HALO_CLIENT_SECRET";

/// A place that gives the Client Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The file that was named on the command line.
    GivenFile(PathBuf),
    /// The file that gives the secret with which forwarded events are signed.
    ForwardFile(PathBuf),
    /// Standard input.
    StandardInput,
    /// A credential that systemd hands to the service.
    Systemd(PathBuf),
    /// The file that `PIA_HALO_CLIENT_SECRET_FILE` names.
    EnvironmentFile(PathBuf),
    /// `PIA_HALO_CLIENT_SECRET`.
    Environment,
    /// `client_secret_command`, program first.
    Command(Vec<String>),
    /// `password_command` of the store, program first.
    PasswordCommand(Vec<String>),
    /// `credentials.toml`.
    Stored(PathBuf),
}

impl SecretSource {
    /// What it gives.
    pub fn what(&self) -> &'static str {
        match self {
            Self::ForwardFile(_) => "secret that signs forwarded events",
            Self::PasswordCommand(_) => "password of the PostgreSQL",
            _ => "Client Secret",
        }
    }

    /// What to do where the place does not give it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::GivenFile(path) | Self::Systemd(path) | Self::ForwardFile(path) => {
                format!("put the {}, and nothing else, on the only line of {}", self.what(), path.display())
            }
            Self::StandardInput => "write the Client Secret, and nothing else, to standard input".to_owned(),
            Self::EnvironmentFile(_) => format!("correct {FILE_VARIABLE}, or unset it"),
            Self::Environment => format!("correct {VARIABLE}, or unset it"),
            Self::Command(words) | Self::PasswordCommand(words) => {
                let words: Vec<String> = words.iter().map(|word| for_shell(word)).collect();
                format!("run it by hand, it has to print the {} and nothing else: {}", self.what(), words.join(" "))
            }
            Self::Stored(_) => return None,
        })
    }
}

/// As a sentence needs it: "from …".
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GivenFile(path) | Self::ForwardFile(path) | Self::Stored(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
            Self::Systemd(path) => write!(f, "the systemd credential {}", path.display()),
            Self::EnvironmentFile(path) => write!(f, "{FILE_VARIABLE} ({})", path.display()),
            Self::Environment => f.write_str(VARIABLE),
            // The program alone: an argument may tell more than a screen should show.
            Self::Command(words) | Self::PasswordCommand(words) => {
                let program = Untrusted::new(words.first().map_or("", String::as_str)).display();
                let key =
                    if matches!(self, Self::Command(_)) { "client_secret_command" } else { "store.password_command" };
                write!(f, "{key} ({program})")
            }
        }
    }
}

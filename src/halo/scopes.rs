//! Scopes tried one at a time: what the application may ask for, where Halo refuses to say or to give "all". An unknown
//! or forbidden scope is refused with `invalid_scope`, and spoils a request for several.

use super::{HaloApi, HaloError};

/// The scopes that are tried, the widest first. Those that hold others are enough: `edit:` holds `read:`, `all` is what
/// is asked for anyway, and nothing else is known to reach what the set-up needs.
const TRIED: [&str; 3] = ["admin", "all:standard", "read:customers"];

/// What is asked for when a token is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) enum Asked {
    #[default]
    All,
    /// Nothing: Halo gives what the application has.
    Own,
    Named(Vec<&'static str>),
}

impl Asked {
    /// The scopes in the words of the token call; none where none are named.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::All => Some("all".to_owned()),
            Self::Own => None,
            Self::Named(scopes) => Some(scopes.join(" ")),
        }
    }
}

/// A scope that was asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeTrial {
    /// The scope.
    pub scope: &'static str,
    /// Whether Halo gave it.
    pub granted: bool,
}

impl HaloApi {
    /// Asks for a token for one scope after the other, and uses none of them. Ends early when a scope was given that
    /// holds all others.
    ///
    /// # Errors
    /// Those of the network. A refused scope is none.
    pub async fn try_scopes(&self) -> Result<Vec<ScopeTrial>, HaloError> {
        let mut trials = Vec::new();
        for scope in TRIED {
            let granted = match self.ask_for_token(&Asked::Named(vec![scope])).await {
                // A Halo that gives something else than was asked for has not given it; "all" holds everything.
                Ok(held) => held.token.scope.is_none_or(|told| {
                    told.raw().split_whitespace().any(|word| word.eq_ignore_ascii_case(scope) || word == "all")
                }),
                Err(HaloError::InvalidScope { .. } | HaloError::Declined { .. }) => false,
                Err(error) => return Err(error),
            };
            trials.push(ScopeTrial { scope, granted });
            if granted && scope == "admin" {
                break;
            }
        }
        Ok(trials)
    }
}

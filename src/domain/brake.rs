//! How many clients a sync may take out of use without a yes.

/// What happens to a run in which more clients go out of use than is plausible for one day, for whatever reason: gone,
/// inactive in Halo, or left out by the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brake {
    /// It is held, and changes nothing.
    On,
    /// A person has confirmed this many; beyond that it is put on hold.
    UpTo(u64),
    /// Any number may be disabled.
    Off,
}

impl Brake {
    /// Clients that may go out of use without a yes, or a tenth of them if that is more.
    pub const FREE: u64 = 20;

    /// How many of so many in use may be disabled without a yes.
    pub fn allowed(active: u64) -> u64 {
        Self::allowed_beyond(Self::FREE, active)
    }

    /// The same where `free` of them always may.
    pub fn allowed_beyond(free: u64, active: u64) -> u64 {
        free.max(active / 10)
    }

    /// Whether so many may be disabled, where so many may without a yes.
    pub fn lets_pass(self, gone: u64, allowed: u64) -> bool {
        match self {
            Self::On => gone <= allowed,
            Self::UpTo(agreed) => gone <= allowed.max(agreed),
            Self::Off => true,
        }
    }
}

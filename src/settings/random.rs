//! Random bytes, of which secrets are made.

use zeroize::Zeroizing;

use super::error::SettingsError;
use crate::domain::callback::TOKEN_BYTES;

/// As many as a secret has.
///
/// # Errors
///
/// [`SettingsError::NoRandom`] where the operating system gives none. A weaker source is never used.
pub(super) fn bytes() -> Result<Zeroizing<[u8; TOKEN_BYTES]>, SettingsError> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| SettingsError::NoRandom(error.to_string()))?;
    Ok(bytes)
}

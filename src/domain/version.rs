//! Which build of the program this is.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from; none where whoever built it did not say.
pub const COMMIT: Option<&str> = option_env!("PIA_HALO_BUILD_COMMIT");

/// The day of that commit.
pub const DATE: Option<&str> = option_env!("PIA_HALO_BUILD_DATE");

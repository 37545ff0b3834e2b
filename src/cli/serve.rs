//! `serve`: the daily sync and the callbacks, until it is told to end.

use std::path::PathBuf;

use super::Call;
use super::args::Serve;
use crate::domain::failure::Failure;
use crate::domain::secret::Secret;
use crate::ops;
use crate::service::{self, Destination, Options};
use crate::settings;

pub(super) async fn run(call: &mut Call, options: Serve) -> Result<u8, Failure> {
    // Nobody sits in front of a service: what it needs has to be there.
    let workspace = call.workspace()?.asking_nobody();
    let forward = match &options.forward_to {
        None => None,
        Some(url) => {
            let (id, _) = workspace.active_configuration(None)?;
            let secret = match given_secret(call)? {
                Some(secret) => secret,
                None => ops::events::forward_secret(&workspace, &id)?,
            };
            Some(Destination::new(url, secret)?)
        }
    };
    let output = &mut call.output;
    let options = Options { listen: options.listen, forward };
    let ready = |address| output.warn(format!("listening on http://{address}"));
    service::run(workspace, options, call.cancel.clone(), ready).await?;
    Ok(0)
}

/// The secret of the signature, where it comes from outside.
fn given_secret(call: &Call) -> Result<Option<Secret>, Failure> {
    let folder = call.environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credential = folder.map(|folder| folder.join("forward_secret")).filter(|file| file.exists());
    let named = || call.environment.get("PIA_HALO_FORWARD_SECRET_FILE").map(PathBuf::from);
    let Some(file) = credential.or_else(named) else { return Ok(None) };
    Ok(Some(settings::given_secret(&file, std::io::empty())?.secret))
}

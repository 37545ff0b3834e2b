//! The password of a server, out of a file as PostgreSQL's own programs read it.

use std::path::Path;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::Address;
use super::renewal::Renewal;
use crate::domain::secret::Secret;
use crate::settings::private_file::{read, require_secret};
use crate::store::StoreError;

/// Where a server has its socket unless told otherwise: in these folders it is called `localhost`.
const USUAL: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

impl Address {
    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        self.config.password(password.expose());
        self
    }

    /// The same, which asks so for another password where the server refuses this one: that may have been changed meanwhile.
    #[must_use]
    pub fn asking_again(mut self, ask: impl Fn() -> Option<Secret> + Send + Sync + 'static) -> Self {
        self.renewal = Some(Arc::new(Renewal::by(ask)));
        self
    }

    /// With what is signed in: the password that was asked for last.
    pub(super) fn with_last_password(&self) -> Config {
        self.config_with(self.renewal.as_ref().and_then(|renewal| renewal.last()).as_ref())
    }

    /// The same with another password, where one is to be had that was not refused just now.
    pub(super) fn with_another_password(&self, refused: &Config) -> Option<Config> {
        let config = self.config_with(self.renewal.as_ref()?.another().as_ref());
        (config.get_password() != refused.get_password()).then_some(config)
    }

    fn config_with(&self, password: Option<&Secret>) -> Config {
        let mut config = self.config.clone();
        if let Some(password) = password {
            config.password(password.expose());
        }
        config
    }

    /// Takes the password for this server out of a file with lines of `host:port:database:role:password`, if there is one for
    /// it.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] where others can read the file, or it cannot be read.
    pub fn with_passwords_of(mut self, file: &Path, home: Option<&Path>) -> Result<Self, StoreError> {
        let Some(text) = read(file)? else { return Ok(self) };
        require_secret(file, home)?;
        let config = &self.config;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(folder)) if USUAL.iter().any(|usual| folder == Path::new(usual)) => "localhost".to_owned(),
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => return Ok(self),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
        let role = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(role);
        let fits = |wanted: &str, is: &str| wanted == "*" || wanted == is;
        let found =
            String::from_utf8_lossy(&text).lines().filter(|line| !line.starts_with('#')).map(parts).find_map(|parts| {
                match parts.as_slice() {
                    [at, on, of, by, password]
                        if fits(at, &host) && fits(on, &port) && fits(of, database) && fits(by, role) =>
                    {
                        Some(password.clone())
                    }
                    _ => None,
                }
            });
        if let Some(password) = found {
            self.config.password(password);
        }
        Ok(self)
    }
}

/// The parts of a line. A colon or a backslash within one has a backslash before it.
fn parts(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, parts.last_mut()) {
            (':', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(letters.next()),
            (letter, Some(part)) => part.push(letter),
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::failure::{Failure, FailureKind};

    #[test]
    fn first_line_that_fits_has_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        let lines = "#*:*:*:*:no\nother:*:*:*:no\nlocalhost:*:*:socket:usual\n/srv/pg:*:*:*:own\ndb.example:5433:*:*:no\ndb.example:*:pia_halo:pia:a\\:b\\\\c\n*:*:*:*:last\n";
        fs::write(&file, lines).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let found = |text: &str| {
            let address = Address::new(text).unwrap().with_passwords_of(&file, None).unwrap();
            assert!(!format!("{address:?}").contains("last"));
            String::from_utf8(address.config.get_password().unwrap().to_vec()).unwrap()
        };
        assert_eq!(found("postgres://pia@db.example/pia_halo"), "a:b\\c");
        assert_eq!(found("postgres://pia@%2Frun%2Fpostgresql/pia_halo"), "last");
        assert_eq!(found("postgres://socket@%2Frun%2Fpostgresql/pia_halo"), "usual");
        assert_eq!(found("postgres://socket@%2Fsrv%2Fpg/pia_halo"), "own");
        let none = Address::new("postgres://pia@db.example/x").unwrap();
        let none = none.with_passwords_of(&folder.path().join("none"), None).unwrap();
        assert_eq!(none.config.get_password(), None);
    }

    #[test]
    fn password_file_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        fs::write(&file, "*:*:*:*:canary\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Address::new("postgres://pia@db.example/x").unwrap().with_passwords_of(&file, None).unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::LocalState);
        assert!(failure.message.ends_with("holds secrets and others can read it (mode 0644)"), "{}", failure.message);
    }
}

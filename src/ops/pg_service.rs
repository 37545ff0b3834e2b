//! A service of `pg_service.conf`, in which PostgreSQL's own programs look up what an address leaves out.

use std::path::{Path, PathBuf};

use url::{Url, form_urlencoded};

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::settings::Environment;
use crate::settings::private_file::{quoted, read, require_secret, require_trusted};
use crate::store::StoreError;

/// An address without the name of a service: what that says was put in.
#[derive(Debug)]
pub(super) struct Filled {
    pub url: String,
    /// Its password, where it has one.
    pub password: Option<Secret>,
}

/// Fills in an address that names a service, such as `postgres:///?service=pia`; what the address itself says counts.
///
/// # Errors
///
/// [`FailureKind::Usage`] where there is no such service; [`FailureKind::LocalState`] where the file cannot be read, others can
/// write it, or it has a password that others can read.
pub(super) fn filled(text: &str, environment: &Environment, home: Option<&Path>) -> Result<Filled, Failure> {
    let as_it_is = || Ok(Filled { url: text.to_owned(), password: None });
    // Whoever reads the address next says what is wrong with it.
    let Ok(mut url) = Url::parse(text) else { return as_it_is() };
    let decoded = |pair: &str| {
        let plain = pair.replace('+', "%2B");
        let (name, value) = form_urlencoded::parse(plain.as_bytes()).next()?;
        Some((name.into_owned(), value.into_owned()))
    };
    let query = url.query().unwrap_or_default().to_owned();
    let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    let said: Vec<(String, String)> = pairs.iter().filter_map(|pair| decoded(pair)).collect();
    let Some((_, name)) = said.iter().find(|(key, _)| key == "service") else { return as_it_is() };
    let named = environment.get("PGSERVICEFILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let unknown = |place: &str| Failure::new(FailureKind::Usage, format!("there is no service {name:?} in {place}"));
    let Some(file) = named.or_else(|| Some(home?.join(".pg_service.conf"))) else {
        return Err(unknown("any file: neither PGSERVICEFILE nor HOME is set"));
    };
    let content = read(&file)
        .map_err(StoreError::File)?
        .ok_or_else(|| unknown(&format!("{}, which does not exist", quoted(&file))))?;
    let settings = section(&String::from_utf8_lossy(&content), name).ok_or_else(|| unknown(&quoted(&file)))?;
    let is_secret = settings.iter().any(|(key, _)| key == "password");
    if is_secret { require_secret(&file, home) } else { require_trusted(&file, home) }.map_err(StoreError::File)?;
    let is_said = |key: &str| match key {
        "host" => url.has_host() && url.host_str() != Some(""),
        "port" => url.port().is_some(),
        "user" => !url.username().is_empty(),
        "dbname" => url.path().len() > 1,
        _ => false,
    } || said.iter().any(|(known, _)| known == key);
    let mut filled: Vec<String> = pairs
        .iter()
        .filter(|pair| decoded(pair).is_none_or(|(key, _)| key != "service"))
        .map(ToString::to_string)
        .collect();
    for (key, value) in settings.iter().filter(|(key, _)| key != "password" && !is_said(key)) {
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        filled.push(format!("{key}={}", value.replace('+', "%20")));
    }
    let password = settings.iter().find(|(key, _)| key == "password").map(|(_, value)| Secret::new(value.as_str()));
    url.set_query((!filled.is_empty()).then(|| filled.join("&")).as_deref());
    Ok(Filled { url: url.to_string(), password })
}

/// What a service says, in its order; none where the file has none of this name.
fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut lines =
        lines.skip_while(|line| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) != Some(name));
    lines.next()?;
    let pairs = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    Some(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILE: &str = "# ours\n[other]\nhost=no.example\npassword=other\n\n[pia]\nhost = db.example\nport=5433\nuser=pia\n\
                        dbname=pia_halo\nsslrootcert=/etc/our ca.pem\npassword=can=ary\n[open]\nhost=db.example\n";

    fn home(mode: u32) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".pg_service.conf");
        fs::write(&file, FILE).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        home
    }

    fn of(text: &str, home: &Path) -> Result<(String, Option<String>), Failure> {
        let filled = filled(text, &Environment::default(), Some(home))?;
        assert!(!format!("{filled:?}").contains("ary"), "{filled:?}");
        Ok((filled.url, filled.password.map(|password| password.expose().to_owned())))
    }

    #[test]
    fn what_address_leaves_out_is_from_its_service() {
        let home = home(0o600);
        let all = "postgres:///?host=db.example&port=5433&user=pia&dbname=pia_halo&sslrootcert=%2Fetc%2Four%20ca.pem";
        for (text, filled, password) in [
            ("postgres:///?service=pia", all, Some("can=ary")),
            (
                "postgres://dana@10.0.0.7:5434/other?service=pia&sslrootcert=/mine",
                "postgres://dana@10.0.0.7:5434/other?sslrootcert=/mine",
                Some("can=ary"),
            ),
            ("postgres:///x?user=pia&service=open", "postgres:///x?user=pia&host=db.example", None),
            ("postgres://pia@db.example/x?options=-c%20a+b", "postgres://pia@db.example/x?options=-c%20a+b", None),
        ] {
            assert_eq!(of(text, home.path()).unwrap(), (filled.to_owned(), password.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn service_that_is_unknown_or_of_others_is_refused() {
        let refused = |text: &str, home: &Path| {
            let failure = of(text, home).unwrap_err();
            assert!(!failure.message.contains("ary"), "{failure:?}");
            (failure.kind, failure.message)
        };
        let (own, open, shared) = (home(0o600), home(0o644), home(0o666));
        let (kind, message) = refused("postgres:///?service=none", own.path());
        assert_eq!(kind, FailureKind::Usage);
        assert!(message.starts_with("there is no service \"none\" in /") && message.ends_with("conf"), "{message}");
        let (kind, message) = refused("postgres:///?service=pia", tempfile::tempdir().unwrap().path());
        assert!(kind == FailureKind::Usage && message.ends_with(", which does not exist"), "{message}");
        let (kind, message) = refused("postgres:///?service=pia", open.path());
        assert!(kind == FailureKind::LocalState && message.contains("others can read it (mode 0644)"), "{message}");
        of("postgres:///x?user=pia&service=open", open.path()).unwrap();
        let (kind, message) = refused("postgres:///x?user=pia&service=open", shared.path());
        assert!(kind == FailureKind::LocalState && message.contains("mode 0666"), "{message}");
    }
}

//! The address of a PostgreSQL.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use url::{Url, form_urlencoded};

use super::renewal::Renewal;
use crate::domain::store_url::StoreUrl;
use crate::store::{StoreError, host_name};

/// What a session is called on the server, before the name of this machine.
pub(in crate::store) const SIGNED_IN_FROM: &str = "pia-halo on ";

/// How a session is called in which nothing is written.
const LOOKS: &str = "pia-halo, to look";

/// How long a server has to answer a first knock.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How long a server may say nothing at all before it counts as gone.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// Where a PostgreSQL is, who signs in there, and to what. It holds no password.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// What is asked for another password where the server refuses this one.
    pub(super) renewal: Option<Arc<Renewal>>,
    /// How long a statement may take, and how long one is waited for that only reads.
    pub(in crate::store) limit: Duration,
    pub(in crate::store) read_limit: Duration,
    /// How long a write may do nothing in between.
    pub(in crate::store) idle: Duration,
    shown: String,
    /// Whose sessions they are. Where this is known, no other installation has one meanwhile.
    pub(in crate::store) own: Option<Installation>,
    /// Whether nothing is written in them.
    pub(in crate::store) only_looks: bool,
}

/// A profile of this program on a machine. Several may work with a store at once.
#[derive(Clone)]
pub struct Installation {
    pub(super) key: String,
    /// What its programs have in common that run at the same time, and those of a clone of its machine do not.
    pub(super) group: String,
    /// Keeps that what it is.
    _held: Option<Arc<File>>,
    name: String,
    /// Whether it works with nobody beside it.
    pub(in crate::store) alone: bool,
    /// Its turn at the store, once it has had one: a later one is another's, or its own after another's.
    pub(super) turn: Arc<AtomicI64>,
}

impl Installation {
    /// The one with this key, and a name for people.
    pub fn new(key: String, name: String) -> Self {
        Self { key, group: String::new(), _held: None, name, alone: false, turn: Arc::default() }
    }

    /// The same with what its programs that run now have in common, as long as this file is held.
    #[must_use]
    pub fn running(self, group: String, held: File) -> Self {
        Self { group, _held: Some(Arc::new(held)), ..self }
    }

    /// The same where it comes in beside nobody, and nobody beside it.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Whom to believe that it is the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whoever answers on this machine.
    Host,
    /// Whoever has a certificate for the name in the address, by an authority of this machine or the one in this file.
    Certificate(Option<PathBuf>),
}

/// How long a statement may take, such as one that deletes a month of events.
const LONGEST: Duration = Duration::from_secs(300);

/// How long somebody waits who reads.
const READ: Duration = Duration::from_secs(5);

/// How long a write may do nothing in between, such as that of a program that was stopped.
const IDLE: Duration = Duration::from_secs(60);

impl Address {
    /// Reads an address such as `postgres://pia@db.example/pia_halo`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoAddress`] with what is wrong with it; it is not repeated, as it may hold a password.
    pub fn new(text: &str) -> Result<Self, StoreError> {
        let odd = |why: &str| StoreError::NoAddress { why: why.to_owned() };
        let known = StoreUrl::parse(text).map_err(|why| odd(&why))?;
        let text = known.as_str();
        // The line of a password file and the certificate are of one.
        let several = || odd("it names more than one host");
        let hosts = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
        if hosts.contains(',') {
            return Err(several());
        }
        let mut url = Url::parse(text).map_err(|error| odd(&error.to_string()))?;
        let (mut mode, mut authority, mut rest) = (None, None, Vec::new());
        for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            // A plus sign is itself here, as in PostgreSQL's own programs.
            let plain = pair.replace('+', "%2B");
            match form_urlencoded::parse(plain.as_bytes()).next() {
                Some((name, value)) if name == "sslmode" => mode = Some(value.into_owned()),
                Some((name, value)) if name == "sslrootcert" => authority = Some(PathBuf::from(&*value)),
                _ => rest.push(pair.to_owned()),
            }
        }
        url.set_query((!rest.is_empty()).then(|| rest.join("&")).as_deref());
        let mut config: Config =
            url.as_str().parse().map_err(|error: tokio_postgres::Error| odd(&error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(odd("it names no host"));
        }
        let is_list = |host: &Host| matches!(host, Host::Tcp(name) if name.contains(','));
        if config.get_hosts().iter().any(is_list)
            || config.get_hosts().len() > 1
            || config.get_hostaddrs().len() > 1
            || config.get_ports().len() > 1
        {
            return Err(several());
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(odd("it names no role"));
        }
        // Where an address is given beside the name, it is what counts.
        let is_here = config.get_hosts().iter().all(is_this_machine)
            && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        let trust = match mode.as_deref() {
            None if is_here && authority.is_none() => Trust::Host,
            Some("disable") if is_here && authority.is_none() => Trust::Host,
            Some("disable") if is_here => return Err(odd("sslmode=disable and sslrootcert do not go together")),
            Some("disable") => return Err(odd("sslmode=disable is for a server on this machine only")),
            None | Some("verify-full") => Trust::Certificate(authority),
            Some(_) => return Err(odd("sslmode is verify-full or, on this machine, disable")),
        };
        config
            .ssl_mode(if trust == Trust::Host { SslMode::Disable } else { SslMode::Require })
            .application_name(format!("{SIGNED_IN_FROM}{}", host_name()))
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(ANSWERS_WITHIN)
            .keepalives_idle(SILENT_FOR / 3)
            .tcp_user_timeout(SILENT_FOR);
        let shown = shown(&config);
        let (renewal, own) = (None, None);
        Ok(Self {
            config,
            trust,
            renewal,
            limit: LONGEST,
            read_limit: LONGEST,
            idle: IDLE,
            shown,
            own,
            only_looks: false,
        })
    }

    /// The same for sessions of this installation: while one is open, no other installation gets one.
    #[must_use]
    pub fn of(self, own: Installation) -> Self {
        let named = self.called(&own.name);
        Self { own: Some(own), ..named }
    }

    /// The same for sessions of a machine with this name.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        self.config.application_name(format!("{SIGNED_IN_FROM}{name}"));
        self
    }

    /// What this machine is called there.
    pub fn host(&self) -> &str {
        self.config.get_application_name().and_then(|name| name.strip_prefix(SIGNED_IN_FROM)).unwrap_or_default()
    }

    /// Whose sessions they are, as a text that tells it from every other one; an empty one where nobody's.
    pub fn installation(&self) -> &str {
        self.own.as_ref().map_or("", |own| &own.key)
    }

    /// The same for sessions in which nothing is written. They keep nobody away, and nobody keeps them away.
    #[must_use]
    pub fn to_look(mut self) -> Self {
        self.config.application_name(LOOKS);
        Self { own: None, only_looks: true, ..self }
    }

    /// The same for sessions in which a statement may take so long, and signing in twice that.
    #[must_use]
    pub fn answering_within(mut self, limit: Duration) -> Self {
        self.config.connect_timeout(limit);
        Self { limit, ..self }
    }

    /// The same for people: one who waits for what is stored hears soon that the server does not answer.
    #[must_use]
    pub fn for_people(mut self) -> Self {
        self.config.connect_timeout(READ);
        Self { read_limit: READ, ..self }
    }

    /// The server and its database, for a person.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    }
}

fn shown(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let host = match config.get_hosts().first() {
        Some(Host::Unix(folder)) => folder.display().to_string(),
        Some(Host::Tcp(name)) if port == 5432 => name.clone(),
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        None => String::new(),
    };
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("PostgreSQL {host}, database {database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(text: &str) -> Trust {
        Address::new(text).unwrap().trust
    }

    #[test]
    fn certificate_is_asked_for_beyond_this_machine() {
        let asked = Trust::Certificate(None);
        for (text, expected) in [
            ("postgres://pia@db.example/pia_halo", &asked),
            ("postgres://pia@10.0.0.7/pia_halo", &asked),
            ("postgres://pia@localhost/pia_halo?sslrootcert=/ours", &Trust::Certificate(Some("/ours".into()))),
            ("postgres://pia@localhost/pia_halo?sslmode=verify-full", &asked),
            ("postgres://pia@localhost/pia_halo?hostaddr=10.0.0.7", &asked),
            ("postgres://pia@localhost/pia_halo", &Trust::Host),
            ("postgres://pia@127.0.0.1:5433/pia_halo", &Trust::Host),
            ("postgres://pia@%2Frun%2Fpostgresql/pia_halo", &Trust::Host),
            ("postgres:///pia_halo?host=/run/postgresql&user=pia", &Trust::Host),
        ] {
            assert_eq!(trust(text), *expected, "{text}");
        }
        let named = trust("postgres://pia@db.example/pia_halo?sslrootcert=/etc/ssl/ours.pem");
        assert_eq!(named, Trust::Certificate(Some("/etc/ssl/ours.pem".into())));
        let plus = Address::new("postgres://pia@db.example/x?options=-c%20a+b&sslrootcert=/a+b%20c").unwrap();
        assert_eq!(plus.config.get_options(), Some("-c a+b"), "as PostgreSQL's own programs read it");
        assert_eq!(plus.trust, Trust::Certificate(Some("/a+b c".into())));
        let db = Address::new("postgres://pia@db.example:5433/pia_halo").unwrap();
        assert_eq!(db.shown(), "PostgreSQL db.example:5433, database pia_halo");
    }

    #[test]
    fn what_is_no_address_is_told_without_being_repeated() {
        for (text, why) in [
            ("", "it does not begin with postgres://"),
            ("mysql://pia@db.example/x", "it does not begin with postgres://"),
            ("postgres://pia:canary@db.example/x", "a password does not belong there"),
            ("postgres://pia@db.example/x?password=canary", "a password does not belong there"),
            ("postgres:///x", "it names no host"),
            ("postgres://db.example/x", "it names no role"),
            ("postgres://@db.example/x", "it names no role"),
            ("postgres://pia@db.example,localhost/x", "it names more than one host"),
            ("postgres://pia@one:5432,two:5433/x", "it names more than one host"),
            ("postgres:///x?user=pia&host=one,two", "it names more than one host"),
            ("postgres://pia@one/x?hostaddr=127.0.0.1,10.0.0.7", "it names more than one host"),
            ("postgres://pia@db.example/x?sslmode=disable", "sslmode=disable is for a server on this machine only"),
            (
                "postgres://pia@localhost/x?sslmode=disable&sslrootcert=/ours",
                "sslmode=disable and sslrootcert do not go together",
            ),
            ("postgres://pia@db.example/x?sslmode=require", "sslmode is verify-full or, on this machine, disable"),
        ] {
            let told = Address::new(text).unwrap_err().to_string();
            assert!(told.ends_with(why) && !told.contains("canary"), "{text}: {told}");
        }
        for text in ["postgres://pia@db.example:canary/x", "postgres://pia@db.example/x?canary=1"] {
            assert!(matches!(Address::new(text), Err(StoreError::NoAddress { .. })), "{text}");
        }
    }
}

//! Why Halo could not be asked, by what the person can do about it.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

use super::proxy::ProxyFault;
pub use super::wire::BadReply;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::FieldId;
use crate::domain::health::NOT_SENT;
use crate::domain::next::Hint;
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;
use crate::halo::rights::{self, APPLICATIONS};

/// Why a request to Halo did not do what it was for. `does` is what it was for, as a verb: `list the clients`.
///
/// No text of it holds an address beyond a host name, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HaloError {
    /// Halo knows no application with this Client ID and Client Secret.
    #[error("Halo does not accept the Client ID and Client Secret")]
    WrongCredentials {
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
        /// Which Halo it is.
        product: Product,
    },
    /// The application exists and is meant for another way of signing in.
    #[error("the application in Halo is not set up for signing in with a Client ID and a Client Secret")]
    WrongMethod {
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
        /// Which Halo it is.
        product: Product,
    },
    /// The application exists and may not have the scope that is asked for.
    #[error("the application in Halo does not allow the scope \"all\"")]
    InvalidScope {
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
        /// Which Halo it is.
        product: Product,
    },
    /// 403, or 401 although the token is good.
    #[error("Halo does not let the agent {does}{}", good_token(*.status))]
    MissingRight {
        /// What was asked for.
        does: &'static str,
        /// What opens it, where that is known.
        needs: Option<String>,
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
        /// Which Halo it is.
        product: Product,
    },
    /// No reply, or none that is whole.
    #[error("{}", .cause.sentence(.host))]
    NotReached {
        /// The host, with its port.
        host: String,
        /// How it failed.
        cause: Unreached,
        /// Whether the request may have reached Halo.
        sent: bool,
        /// The address of this machine from which it was tried, where no connection came about.
        from: Option<IpAddr>,
    },
    /// The proxy of the environment made no way to Halo. Halo was not asked.
    #[error("{}", .fault.sentence(.proxy, .variable, .host))]
    Proxy {
        /// The host behind it, with its port.
        host: String,
        /// Where the proxy is, without the user.
        proxy: String,
        /// The variable that names it.
        variable: &'static str,
        /// How it failed.
        fault: ProxyFault,
    },
    /// The other end could not prove who it is.
    #[error("the certificate of {host} is not accepted: {}", .cause.words())]
    Tls {
        /// The host, with its port.
        host: String,
        /// What is wrong with it.
        cause: TlsCause,
    },
    /// The file of the private certificate authority cannot be used.
    #[error("the file {} of the setting ca_file {problem}", .path.display())]
    CaFile {
        /// Where the setting says that it is.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        problem: String,
    },
    /// Halo's request limit stayed shut through several waits.
    #[error("Halo refuses more requests for now")]
    RateLimited {
        /// When the next request would be let through, as far as is known.
        until: Option<Timestamp>,
    },
    /// Halo understood and declined.
    #[error("Halo declined to {does}")]
    Declined {
        /// What was asked for.
        does: &'static str,
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
    },
    /// A web page in place of Halo's refusal: a firewall, a proxy or a portal before Halo did not let the request through.
    #[error("a web page refused ({status}) when asked to {does}: Halo itself was not asked")]
    Intercepted {
        /// What was asked for.
        does: &'static str,
        /// The status code of the page.
        status: u16,
    },
    /// 404: the object, or the way to it, is not there.
    #[error("Halo found nothing when asked to {does}")]
    NotFound {
        /// What was asked for.
        does: &'static str,
    },
    /// An id that Halo told and that must not stand in an address. Halo was not asked.
    #[error("cannot {does}: Halo gives it an id that may lead elsewhere, so Halo was not asked")]
    OddId {
        /// What was not asked for.
        does: &'static str,
    },
    /// Halo, or a gateway before it, failed, and the retries did not outlast it.
    #[error("Halo failed when asked to {does} ({status})")]
    ServerError {
        /// What was asked for.
        does: &'static str,
        /// Halo's status code.
        status: u16,
        /// Halo's own words.
        said: Option<Untrusted>,
    },
    /// A reply that is not what Halo sends there.
    #[error("Halo sent {} when asked to {does}", .what.words())]
    Unexpected {
        /// What was asked for.
        does: &'static str,
        /// What came instead.
        what: BadReply,
    },
    /// A reply larger than is read.
    #[error("Halo sent more than {} MiB when asked to {does}", .limit / (1024 * 1024))]
    TooLarge {
        /// What was asked for.
        does: &'static str,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// Halo names a sign-in server elsewhere, and the settings do not. The Client Secret was not sent.
    #[error("Halo's sign-in server is on another host, {host}; {NOT_SENT}")]
    ForeignAuthHost {
        /// The host that it names.
        host: Untrusted,
        /// Which Halo it is.
        product: Product,
    },
    /// A redirect. It is not followed: the request carries the Client Secret or a token.
    #[error("{}", redirected(.to_host.as_ref()))]
    Redirected {
        /// The host it leads to; none if it stays on the same one or cannot be read.
        to_host: Option<Untrusted>,
        /// Halo's status code.
        status: u16,
    },
    /// An address without encryption that leads to another machine. Nothing was sent.
    #[error("the address is not encrypted; nothing was sent")]
    NotEncrypted,
    /// The caller gave up.
    #[error("stopped")]
    Cancelled {
        /// Whether a request was on its way at that moment.
        in_flight: bool,
    },
    /// Whoever writes does not hold the lock any more under which it is done.
    #[error("stopped, because another machine may be at it by now; nothing was sent")]
    LockLost,
}

/// How a host was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// The name is not known.
    NameNotFound,
    /// Nobody listens there, or no way leads there.
    Connect,
    /// The connection took too long.
    ConnectTimeout,
    /// Connected, then silence.
    Silent,
    /// Nothing came back within the time.
    NoAnswer,
    /// The reply came, but too slowly.
    TooSlow,
    /// The connection broke or the reply came in pieces that do not fit.
    Broken,
    /// The other end does not speak TLS as it should.
    Handshake,
    /// The other end speaks no version of TLS that is safe.
    OldTls,
    /// The other end finds nothing in what is offered that it speaks as well.
    NoCommonTls,
    /// The other end wants a certificate of ours.
    ClientCertificate,
}

impl Unreached {
    fn sentence(self, host: &str) -> String {
        match self {
            Self::NameNotFound => format!("host not found: {host}"),
            Self::Connect => format!("cannot connect to {host}"),
            Self::ConnectTimeout => format!("{host} did not accept the connection in time"),
            Self::Silent => format!("{host} accepted the request but never answered"),
            Self::NoAnswer => format!("{host} did not answer in time"),
            Self::TooSlow => format!("{host} did not finish its answer in time"),
            Self::Broken => format!("the connection to {host} broke before the answer was complete"),
            Self::Handshake => format!("the TLS handshake with {host} failed"),
            Self::OldTls => format!("{host} speaks only an old TLS; TLS 1.2 or 1.3 is needed"),
            Self::NoCommonTls => {
                format!("{host} speaks no TLS that is safe: it takes none of the cipher suites offered")
            }
            Self::ClientCertificate => format!("{host} asks for a client certificate, which pia-halo cannot give"),
        }
    }
}

impl Unreached {
    /// The same in a few words while it is tried again; nothing of what is known only after a wait.
    pub(super) fn at_once(self) -> Option<&'static str> {
        match self {
            Self::NameNotFound => Some("Halo's host is not found"),
            Self::Connect => Some("cannot connect to Halo"),
            Self::Handshake | Self::OldTls | Self::NoCommonTls => Some("the TLS handshake with Halo fails"),
            Self::Broken => Some("the connection to Halo breaks"),
            Self::ClientCertificate | Self::ConnectTimeout | Self::Silent | Self::NoAnswer | Self::TooSlow => None,
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsCause {
    /// Signed by nobody whom this machine trusts.
    UnknownAuthority,
    /// Signed neither by those nor by whom the setting `ca_file` names.
    NotInCaFile,
    /// Signed by itself.
    SelfSigned,
    /// No longer valid.
    Expired,
    /// Not yet valid.
    NotYetValid,
    /// Made out for another name.
    WrongName,
    /// Withdrawn.
    Revoked,
    /// Signed by an algorithm that is not accepted.
    OldSignature,
    /// A key that is too small.
    SmallKey,
    /// Made out for something other than a server.
    NotForServers,
    /// Its signature does not fit.
    BadSignature,
    /// It cannot be read, or asks for what is not known.
    Unreadable,
    /// Anything else.
    Other,
    /// This machine has no list of trusted authorities.
    NoAuthorities,
}

impl TlsCause {
    /// The same where a file of authorities was named: it does not help to name one.
    pub(super) fn beside(self, names_file: bool) -> Self {
        if names_file && self == Self::UnknownAuthority { Self::NotInCaFile } else { self }
    }

    /// As a sentence of its own, without a capital and a full stop.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::UnknownAuthority => "it is signed by an authority that this machine does not trust",
            Self::NotInCaFile => "it is signed by no certificate authority that this machine or ca_file trusts",
            Self::SelfSigned => "it is signed by itself, and this machine does not trust it",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::WrongName => "it is for another name",
            Self::Revoked => "it has been revoked",
            Self::OldSignature => "it is signed by an algorithm that is not accepted, such as SHA-1",
            Self::SmallKey => "its key, or that of who signed it, is too small: RSA needs 2048 bits",
            Self::NotForServers => "it is not for servers: its extended key usage does not name them",
            Self::BadSignature => "its signature does not fit",
            Self::Unreadable => "it cannot be read, or has a critical extension that is not known",
            Self::Other => "it is not a valid certificate",
            Self::NoAuthorities => "this machine has no list of trusted authorities",
        }
    }
}

impl BadReply {
    fn words(self) -> &'static str {
        match self {
            Self::WebPage => "a web page",
            Self::Empty => "nothing",
            Self::Cut => "an answer that was cut off",
            Self::NotJson => "something that is not JSON",
            Self::OtherShape => "unexpected JSON",
            Self::EndlessList => "an endless list",
            Self::NoToken => "no usable token",
            Self::OtherObject => "another object",
        }
    }
}

fn good_token(status: u16) -> &'static str {
    if status == 401 { ": it answers 401 although the token is good" } else { "" }
}

fn redirected(host: Option<&Untrusted>) -> String {
    host.map_or_else(
        || "the address redirects, and redirects are not followed".to_owned(),
        |host| format!("the address redirects to {host}, and redirects are not followed"),
    )
}

impl HaloError {
    /// Whether a write that ended so may still have been carried out by Halo. If so, read back before doing it again.
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::NotReached { sent, .. } => *sent,
            Self::Cancelled { in_flight } => *in_flight,
            Self::ServerError { .. } | Self::Unexpected { .. } | Self::TooLarge { .. } => true,
            Self::WrongCredentials { .. }
            | Self::WrongMethod { .. }
            | Self::InvalidScope { .. }
            | Self::MissingRight { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::LockLost
            | Self::CaFile { .. }
            | Self::RateLimited { .. }
            | Self::Declined { .. }
            | Self::NotFound { .. }
            | Self::OddId { .. }
            | Self::Intercepted { .. }
            | Self::ForeignAuthHost { .. }
            | Self::Redirected { .. }
            | Self::NotEncrypted => false,
        }
    }

    /// Whether Halo itself lets the agent do none of what was asked for: no page of a firewall does.
    pub fn is_shut_out(&self) -> bool {
        matches!(self, Self::MissingRight { status: 403, .. })
    }

    /// Whether the same question may get a better answer later, and others fail alike until then: Halo is out of order, or
    /// something before it cuts or replaces what it says.
    pub fn may_pass(&self) -> bool {
        let is_of_gateway = |what: &BadReply| matches!(what, BadReply::WebPage | BadReply::Cut);
        match self {
            Self::ServerError { .. } | Self::Intercepted { .. } => true,
            Self::Unexpected { what, .. } => is_of_gateway(what),
            _ => false,
        }
    }

    /// Halo's status code, where there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::WrongCredentials { status, .. }
            | Self::WrongMethod { status, .. }
            | Self::InvalidScope { status, .. }
            | Self::MissingRight { status, .. }
            | Self::Declined { status, .. }
            | Self::ServerError { status, .. }
            | Self::Intercepted { status, .. }
            | Self::Redirected { status, .. } => Some(*status),
            Self::RateLimited { .. } => Some(429),
            Self::NotFound { .. } => Some(404),
            _ => None,
        }
    }

    /// Halo's own words, where it gave any.
    pub fn halo_said(&self) -> Option<&Untrusted> {
        match self {
            Self::WrongCredentials { said, .. }
            | Self::WrongMethod { said, .. }
            | Self::InvalidScope { said, .. }
            | Self::MissingRight { said, .. }
            | Self::Declined { said, .. }
            | Self::ServerError { said, .. } => said.as_ref(),
            _ => None,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::WrongCredentials { .. } | Self::WrongMethod { .. } | Self::InvalidScope { .. } => {
                FailureKind::WrongCredentials
            }
            Self::MissingRight { .. } => FailureKind::MissingRight,
            Self::NotReached { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::ServerError { .. }
            | Self::Intercepted { .. }
            | Self::Redirected { .. } => FailureKind::NotReached,
            Self::CaFile { .. } => FailureKind::LocalState,
            Self::RateLimited { until } => FailureKind::RateLimited(*until),
            Self::Declined { .. }
            | Self::NotFound { .. }
            | Self::OddId { .. }
            | Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::ForeignAuthHost { .. } => FailureKind::Declined,
            Self::NotEncrypted => FailureKind::Usage,
            Self::Cancelled { .. } | Self::LockLost => FailureKind::Interrupted,
        }
    }

    fn field(&self) -> Option<FieldId> {
        match self {
            Self::WrongCredentials { .. } => Some(FieldId::ClientSecret),
            Self::NotReached { .. }
            | Self::Tls { .. }
            | Self::ForeignAuthHost { .. }
            | Self::Redirected { .. }
            | Self::Intercepted { .. }
            | Self::NotEncrypted
            | Self::Unexpected { what: BadReply::WebPage | BadReply::NotJson, .. } => Some(FieldId::Url),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::WrongCredentials { .. } => format!(
                "Copy the Client ID again from {APPLICATIONS}: it changes when the application is first saved in Halo. \
                 A Client Secret is shown only once: create a new one if it is lost. The application must be active"
            ),
            Self::WrongMethod { .. } => format!(
                "In Halo, open the application ({APPLICATIONS}) and set its Authentication Method to \"Client ID and \
                 Secret (Services)\""
            ),
            Self::InvalidScope { .. } => {
                format!("Open the application in Halo ({APPLICATIONS}), and on its Permissions tab allow \"all\"")
            }
            Self::MissingRight { said: Some(said), .. } if said.raw().to_ascii_lowercase().contains("ip address") => {
                "Add this machine's address to the addresses that Halo lets in".to_owned()
            }
            Self::MissingRight { needs, .. } => needs.clone().unwrap_or_else(rights::both_gates),
            Self::NotReached { cause, from, .. } => match cause {
                Unreached::NameNotFound => "Check the Url: is the name spelled as in your browser?".to_owned(),
                Unreached::Connect | Unreached::ConnectTimeout => {
                    // Of the loopback nobody keeps a list.
                    let from = from.filter(|address| !address.is_loopback());
                    let from = from.map(|address| format!(", whose address is {address},")).unwrap_or_default();
                    format!(
                        "Check the Url, and whether this machine{from} may connect to it (firewall, proxy, VPN, a list \
                         of allowed addresses at Halo)"
                    )
                }
                Unreached::Silent | Unreached::NoAnswer | Unreached::TooSlow | Unreached::Broken => {
                    "Try again. If it persists, check the network and Halo's status page".to_owned()
                }
                Unreached::ClientCertificate => {
                    "Client certificates are not supported: ask whoever runs this Halo for an address without them"
                        .to_owned()
                }
                Unreached::OldTls => "Whoever runs this Halo has to switch TLS 1.2 or 1.3 on there, with ECDHE and AES-GCM; \
                                      or something old before it answers in its place"
                    .to_owned(),
                Unreached::NoCommonTls => "Whoever runs this Halo has to switch TLS 1.3 on there, or TLS 1.2 with ECDHE and \
                                           AES-GCM. Where that is so, check the Url: a server without a certificate \
                                           for this name may refuse alike"
                    .to_owned(),
                Unreached::Handshake => "Check the Url: name and port must be those of Halo's https".to_owned(),
            },
            Self::Proxy { fault, variable, host, .. } => fault.hint(variable, host),
            Self::Tls { cause, .. } => match cause {
                TlsCause::UnknownAuthority => "If your company has its own certificate authority, set ca_file to \
                                               its file. If you host this Halo yourself, it may not send \
                                               the intermediate certificate: install the full chain there. \
                                               Otherwise do not continue"
                    .to_owned(),
                TlsCause::NotInCaFile => "The file of the setting ca_file must hold the root certificate of the authority \
                                          that signed this one. Otherwise do not continue"
                    .to_owned(),
                TlsCause::SelfSigned => "If you host this Halo yourself, set ca_file to the file of that certificate. \
                                         Otherwise do not continue"
                    .to_owned(),
                TlsCause::WrongName => "Check the Url: is it the name that Halo itself uses?".to_owned(),
                TlsCause::Expired | TlsCause::NotYetValid => {
                    "Check this machine's clock. If it is right, Halo's certificate must be renewed".to_owned()
                }
                TlsCause::NoAuthorities => {
                    "Install the package ca-certificates, or name a file in the setting ca_file".to_owned()
                }
                TlsCause::OldSignature => "Whoever runs this Halo needs a certificate, and a chain, signed with SHA-256 or \
                                           better"
                    .to_owned(),
                TlsCause::SmallKey => "Whoever runs this Halo needs a certificate, and a chain, with keys of 2048 bits or more"
                    .to_owned(),
                TlsCause::NotForServers => {
                    "Whoever runs this Halo needs a certificate whose extended key usage is serverAuth".to_owned()
                }
                TlsCause::Revoked | TlsCause::BadSignature | TlsCause::Unreadable | TlsCause::Other => "Do not continue. Ask whoever runs this Halo".to_owned(),
            },
            Self::CaFile { .. } => "It must hold certificates in PEM format. Fix it or remove the setting".to_owned(),
            Self::RateLimited { until } => format!(
                "Try again {}; a lower Request Budget (request_budget in the settings) leaves more to other \
                 integrations",
                until.map_or("later".to_owned(), |until| until.strftime("after %H:%M:%S UTC").to_string())
            ),
            Self::Declined { status: 402, .. } => "Ask whoever manages your Halo: it wants a payment".to_owned(),
            // Otherwise Halo's own words say what is wrong.
            Self::Declined { said: None, .. } => {
                "Check the Url: is it the address of Halo itself? Something before it may answer in its place".to_owned()
            }
            Self::Declined { .. } => return None,
            Self::OddId { .. } => "Do it by hand in Halo".to_owned(),
            Self::Intercepted { .. } => "A firewall (such as Cloudflare), a proxy or a sign-in portal answers in Halo's \
                                         place: have it let this machine through to Halo's API. Neither the credentials \
                                         nor the rights were looked at"
                .to_owned(),
            Self::NotFound { .. } => {
                "It may have been deleted in Halo; otherwise check the Url: is it the address of Halo itself?"
                    .to_owned()
            }
            Self::ServerError { .. } => "Try again in a few minutes, or check Halo's status page".to_owned(),
            Self::Unexpected { what: BadReply::WebPage | BadReply::NotJson | BadReply::NoToken, .. } => {
                "Check the Url: is it the address of Halo itself? A sign-in page or a proxy may answer in its place"
                    .to_owned()
            }
            Self::Unexpected { .. } | Self::TooLarge { .. } => {
                "Try again. If it persists, this version of Halo may not be supported yet".to_owned()
            }
            Self::ForeignAuthHost { .. } => "If that is right (Halo shows it as Authorisation Server under \
                                             Configuration › Integrations › Halo PSA API), put its whole address \
                                             into Sign-in Address (auth_url in the settings)"
                .to_owned(),
            Self::Redirected { to_host: Some(_), .. } => {
                "If that is where your Halo lives now, use that address as the Url".to_owned()
            }
            Self::Redirected { to_host: None, .. } => "Check the Url: is it the address of Halo itself?".to_owned(),
            Self::NotEncrypted => "Use an address that starts with https://".to_owned(),
            Self::Cancelled { .. } | Self::LockLost => return None,
        };
        Some(match self {
            Self::WrongCredentials { product, .. }
            | Self::WrongMethod { product, .. }
            | Self::InvalidScope { product, .. }
            | Self::MissingRight { product, .. }
            | Self::ForeignAuthHost { product, .. } => product.in_words(&text),
            _ => text,
        })
    }
}

impl From<HaloError> for Failure {
    fn from(error: HaloError) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
            hint: error.hint().map(Hint::from),
            halo_said: error.halo_said().cloned(),
            http_status: error.http_status(),
            field: error.field(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_credentials_point_at_secret_and_at_trap_of_first_save() {
        let error = HaloError::WrongCredentials {
            status: 401,
            said: Some("The specified…".into()),
            product: Product::default(),
        };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::WrongCredentials);
        assert_eq!((failure.field, failure.http_status), (Some(FieldId::ClientSecret), Some(401)));
        assert!(failure.hint.unwrap().contains("it changes when the application is first saved"));
        assert_eq!(failure.halo_said.unwrap().raw(), "The specified…");
    }

    #[test]
    fn missing_right_names_both_gates_and_401_clears_token() {
        let error = |status| HaloError::MissingRight {
            does: "list the webhooks",
            needs: None,
            status,
            said: None,
            product: Product::default(),
        };
        let failure = Failure::from(error(403));
        assert_eq!(failure.message, "Halo does not let the agent list the webhooks");
        let hint = failure.hint.unwrap();
        assert!(
            hint.contains("Permissions tab of the application") && hint.contains("role of the application's agent"),
            "{hint}"
        );
        assert!(error(401).to_string().ends_with("401 although the token is good"));
    }

    #[test]
    fn refusal_without_words_and_odd_id_have_next_step() {
        let does = "delete the webhook";
        let declined = |status, said| HaloError::Declined { does, status, said };
        let shut_out = HaloError::MissingRight {
            does,
            needs: None,
            status: 401,
            said: Some("Your IP address is not allowed".into()),
            product: Product::default(),
        };
        for (error, hint) in [
            (declined(402, None), "payment"),
            (declined(405, None), "Check the Url"),
            (HaloError::OddId { does }, "by hand"),
            (shut_out, "this machine's address"),
        ] {
            let failure = Failure::from(error);
            assert!(failure.hint.clone().unwrap().contains(hint), "{failure:?}");
        }
        assert!(HaloError::OddId { does }.to_string().ends_with("Halo was not asked"));
        assert_eq!(Failure::from(declined(400, Some("Priority must not be blank".into()))).hint, None);
    }

    #[test]
    fn no_connection_names_own_address_and_unknown_authority_chain() {
        let from = Some("192.0.2.7".parse().unwrap());
        let lost = HaloError::NotReached { host: "h".into(), cause: Unreached::Connect, sent: false, from };
        let hint = Failure::from(lost).hint.unwrap();
        assert!(
            hint.contains("this machine, whose address is 192.0.2.7, may connect")
                && hint.contains("allowed addresses")
        );
        let tls = HaloError::Tls { host: "h".into(), cause: TlsCause::UnknownAuthority };
        let hint = Failure::from(tls).hint.unwrap();
        assert!(hint.contains("intermediate certificate") && hint.contains("full chain"), "{hint}");
    }

    #[test]
    fn only_what_may_have_reached_halo_may_have_been_applied() {
        let lost = |sent| HaloError::NotReached { host: "h".into(), cause: Unreached::Broken, sent, from: None };
        let does = "save the webhook";
        for (error, may) in [
            (lost(true), true),
            (lost(false), false),
            (HaloError::ServerError { does, status: 500, said: None }, true),
            (HaloError::Unexpected { does, what: BadReply::WebPage }, true),
            (HaloError::Cancelled { in_flight: true }, true),
            (HaloError::Cancelled { in_flight: false }, false),
            (
                HaloError::MissingRight { does, needs: None, status: 403, said: None, product: Product::default() },
                false,
            ),
            (
                HaloError::MissingRight { does, needs: None, status: 401, said: None, product: Product::default() },
                false,
            ),
            (HaloError::RateLimited { until: None }, false),
            (HaloError::Declined { does, status: 400, said: None }, false),
            (HaloError::NotFound { does }, false),
        ] {
            assert_eq!(error.may_have_been_applied(), may, "{error:?}");
        }
    }

    #[test]
    fn message_is_one_sentence_and_shows_hosts_sanitised() {
        let error = HaloError::ForeignAuthHost { host: "evil.example\u{1b}[2J".into(), product: Product::default() };
        assert!(error.to_string().contains("evil.example^[[2J"));
        let does = "list the clients";
        for error in [
            error,
            HaloError::Redirected { to_host: Some("b.example".into()), status: 302 },
            HaloError::Redirected { to_host: None, status: 302 },
            HaloError::TooLarge { does, limit: 32 * 1024 * 1024 },
            HaloError::Unexpected { does, what: BadReply::WebPage },
            HaloError::NotReached { host: "a.example".into(), cause: Unreached::NameNotFound, sent: false, from: None },
            HaloError::Tls { host: "a.example".into(), cause: TlsCause::Expired },
            HaloError::CaFile { path: "/etc/ca.pem".into(), problem: "is empty".into() },
        ] {
            let failure = Failure::from(error);
            assert!(!failure.message.ends_with('.') && !failure.message.contains('\n'), "{}", failure.message);
            assert!(failure.hint.is_some(), "{}", failure.message);
        }
    }
}

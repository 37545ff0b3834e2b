//! Addresses that people paste: Halo's own, the sign-in server's, and Pia's.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};
use uuid::Uuid;

use super::untrusted::is_invisible;

/// Hosts that Halo itself runs.
const HALO_HOSTS: [&str; 4] = ["halopsa.com", "haloitsm.com", "haloservicedesk.com", "usehalo.com"];

/// What people copy along with the address of their Halo, by the part of the path that it begins with: its API, and the
/// pages of its screens.
const HALO_PAGES: [&str; 29] = [
    "account",
    "agents",
    "api",
    "apidoc",
    "asset",
    "assets",
    "auth",
    "calendar",
    "chat",
    "client",
    "clients",
    "config",
    "contracts",
    "customer",
    "customers",
    "dashboard",
    "home",
    "invoices",
    "kb",
    "login",
    "opps",
    "portal",
    "projects",
    "reports",
    "suppliers",
    "ticket",
    "tickets",
    "timesheets",
    "users",
];

/// The same of a sign-in server.
const SIGN_IN_PAGES: [&str; 3] = [".well-known", "authorize", "token"];

/// Quotes around an address, as programs for writing make them.
const QUOTES: [char; 16] = ['"', '\'', '`', '“', '”', '„', '‟', '«', '»', '‹', '›', '‘', '’', '‚', '‛', '\u{2033}'];

/// Signs that look like a slash, a backslash or a colon, and are none to a browser: what stands before one is not where it
/// leads.
const NO_MARKS: [char; 14] = [
    '\u{2044}', '\u{2215}', '\u{2216}', '\u{2236}', '\u{29f5}', '\u{29f8}', '\u{29f9}', '\u{a789}', '\u{fe13}',
    '\u{fe55}', '\u{fe68}', '\u{ff0f}', '\u{ff1a}', '\u{ff3c}',
];

/// Why an address is refused, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("an address is needed, such as https://yourcompany.halopsa.com")]
    Empty,
    /// One word: most likely the name in front of halopsa.com, but that is a guess.
    #[error("did you mean {suggestion}?")]
    BareWord {
        /// The whole address to offer.
        suggestion: String,
    },
    /// `http://` to another machine would send the Client Secret in clear.
    #[error("http is not encrypted; use {suggestion}")]
    PlainHttp {
        /// The same address with https.
        suggestion: String,
    },
    /// Another scheme.
    #[error("the address must start with https://")]
    Scheme,
    /// A user name or password in the address.
    #[error("leave the user name and password out of the address")]
    Credentials,
    /// A number or an octal or hexadecimal form in place of a host name.
    #[error("write the host by its name, or as four plain decimal numbers; this form hides where it leads")]
    DisguisedHost,
    /// Link-local, unspecified, multicast and the like.
    #[error("{0} is not the address of a Halo: it leads to this machine's own network services")]
    ForbiddenHost(String),
    /// What was read as the host is most likely a scheme that is spelled wrong, or the first half of a name.
    #[error("this reads as the host {host}; write the whole address, such as https://yourcompany.halopsa.com")]
    Misread {
        /// What would be the host.
        host: String,
    },
    /// A sign that only looks like a slash or a colon.
    #[error("{0} only looks like a slash or a colon; type the address anew, such as https://yourcompany.halopsa.com")]
    NoMark(char),
    /// Not an address at all.
    #[error("not an address; such as https://yourcompany.halopsa.com")]
    Shape,
}

impl AddressError {
    /// The address that was probably meant.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::BareWord { suggestion } | Self::PlainHttp { suggestion } => Some(suggestion.clone()),
            _ => None,
        }
    }
}

/// Something to say about an address that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// `https://` was put in front.
    SchemeAdded,
    /// What was in front is read as `https://`: a slash too few, a colon too few, the scheme twice.
    SchemeMended,
    /// A part that is not needed was dropped.
    Dropped(String),
    /// Plain http, which only a loopback host may have.
    NotEncrypted,
    /// A private or unqualified host.
    Private,
    /// A host that contains the name of a Halo host but is not one.
    LookAlike,
    /// A host with letters beyond ASCII, in its true form.
    Punycode(String),
    /// A host that was typed with signs that stand for others: wide letters, an ideographic full stop, a soft hyphen.
    Host(String),
    /// A path that goes up, or has backslashes, as a browser reads it.
    Path(String),
    /// What looks wrong although it can be saved.
    Doubt(String),
}

impl Note {
    /// Whether the person should look twice.
    pub fn is_warning(&self) -> bool {
        let is_calm = matches!(self, Self::SchemeAdded | Self::SchemeMended | Self::Dropped(_) | Self::Private);
        !is_calm
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchemeAdded => f.write_str("https:// was added"),
            Self::SchemeMended => f.write_str("the start was corrected to https://"),
            Self::Dropped(part) => write!(f, "{part} is not needed"),
            Self::NotEncrypted => f.write_str("not encrypted, this machine only"),
            Self::Private => f.write_str("a private address"),
            Self::LookAlike => f.write_str("looks like a Halo address but is another host"),
            Self::Punycode(host) => write!(f, "contains look-alike letters; its true name is {host}"),
            Self::Host(host) => write!(f, "the host was read as {host}"),
            Self::Path(path) => write!(f, "the path was read as {path}"),
            Self::Doubt(why) => f.write_str(why),
        }
    }
}

/// An accepted address with what was changed and what is worth a second look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<T> {
    /// The address.
    pub address: T,
    /// What to say about it.
    pub notes: Vec<Note>,
}

macro_rules! address {
    ($(#[$meta:meta])* $name:ident, $pages:expr, $vendor:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Url);

        impl $name {
            /// Reads an address in any spelling people use.
            pub fn read(text: &str) -> Result<Reading<Self>, AddressError> {
                let (url, notes) = read(text, $pages, $vendor)?;
                Ok(Reading { address: Self(url), notes })
            }

            /// The address without a trailing slash.
            pub fn as_str(&self) -> &str {
                self.0.as_str().trim_end_matches('/')
            }

            /// The host with its port, as a header line shows it.
            pub fn host(&self) -> String {
                let host = self.0.host_str().unwrap_or_default();
                self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
            }

            /// Whether it leads to this machine only.
            pub fn is_loopback(&self) -> bool {
                is_loopback(&self.0)
            }

            /// Whether what is sent there is encrypted.
            pub fn is_encrypted(&self) -> bool {
                self.0.scheme() == "https"
            }

            /// The address of something below this one. `path` begins with a slash.
            pub fn join(&self, path: &str) -> String {
                format!("{}{path}", self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = AddressError;
            fn try_from(text: String) -> Result<Self, AddressError> {
                Self::read(&text).map(|reading| reading.address)
            }
        }

        impl From<$name> for String {
            fn from(address: $name) -> Self {
                address.as_str().to_owned()
            }
        }
    };
}

address! {
    /// The address of a Halo: `https://yourcompany.halopsa.com`, without `/api` or `/auth`.
    HaloUrl, &HALO_PAGES, true
}
address! {
    /// The address of a Halo's sign-in server; `/token` is appended to it.
    AuthUrl, &SIGN_IN_PAGES, true
}
address! {
    /// The address at which Halo reaches Pia.
    PiaUrl, &[], false
}

/// Where credentials signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInPlace {
    /// The sign-in server.
    pub auth_url: AuthUrl,
    /// The tenant that was named there, if one was.
    pub tenant: Option<String>,
}

/// Why a Pia Url does not do for a Halo that its vendor hosts.
pub const OUT_OF_REACH: &str = "a private address, which Halo in the cloud cannot reach; use a public https address";

/// Why a Pia Url does not do where it is that of the Halo itself.
pub const OF_HALO: &str = "Halo's own address; enter the address where Halo can reach this service";

impl PiaUrl {
    /// Why Halo would never reach this service there: a private address, from the vendor's cloud, or its own.
    pub fn unreachable_from(&self, halo: &HaloUrl) -> Option<&'static str> {
        // Below Halo's own host there may be a path of ours: that is for its proxy.
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        if self.0.origin() == halo.0.origin() && path(&self.0) == path(&halo.0) {
            return Some(OF_HALO);
        }
        // In the vendor's cloud nothing of ours stands, whoever's Halo it is.
        if halo.0.host_str() != self.0.host_str() && self.0.host_str().is_some_and(is_halo_host) {
            return Some(OF_HALO);
        }
        (halo.0.host_str().is_some_and(is_halo_host) && is_private(&self.0)).then_some(OUT_OF_REACH)
    }
}

impl PiaUrl {
    /// Whether its host is one word, which is an address only where somebody has made it one.
    pub fn is_bare_name(&self) -> bool {
        matches!(self.0.host(), Some(Host::Domain(host)) if !host.contains('.') && host != "localhost")
    }
}

impl AuthUrl {
    /// Its host, with the port where it is not the usual one.
    pub fn authority(&self) -> String {
        self.0.authority().to_owned()
    }

    /// Whether this server stands on the same host as the Halo: only then may it be sent the Client Secret unasked.
    pub fn is_on_host_of(&self, halo: &HaloUrl) -> bool {
        self.0.host() == halo.0.host()
            && self.0.port_or_known_default() == halo.0.port_or_known_default()
            && self.0.scheme() == halo.0.scheme()
    }
}

fn read(text: &str, pages: &[&str], vendor: bool) -> Result<(Url, Vec<Note>), AddressError> {
    // As mails and wikis write addresses.
    let is_blank = |sign: char| sign.is_whitespace() || is_invisible(sign);
    let is_around = |sign: char| QUOTES.contains(&sign) || matches!(sign, '<' | '>') || is_blank(sign);
    let is_quoted = text.trim_matches(is_blank) != text.trim_matches(is_around);
    let text = text.trim_matches(is_around);
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(AddressError::Shape);
    }
    if let Some(mark) = text.chars().find(|sign| NO_MARKS.contains(sign)) {
        return Err(AddressError::NoMark(mark));
    }
    let mut notes = Vec::new();
    if is_quoted {
        notes.push(Note::Dropped("what stands around the address".to_owned()));
    }
    let (scheme, rest) = split_scheme(text);
    let has_another = rest.split_once("://").is_some_and(|(other, _)| other.bytes().all(is_of_scheme))
        || ["javascript:", "file:", "data:", "mailto:"].iter().any(|s| rest.to_ascii_lowercase().starts_with(s));
    if has_another {
        return Err(AddressError::Scheme);
    }
    // A path, with no host in front of it.
    if rest.starts_with(['/', '\\']) {
        return Err(AddressError::Shape);
    }
    let with_scheme = match scheme {
        Some(scheme) => {
            let plain = format!("{scheme}://{rest}");
            let start = text.strip_suffix(rest).unwrap_or_default();
            if start.contains('.') {
                notes.push(Note::Dropped("the dot before the host".to_owned()));
            }
            if !start.replace('.', "").eq_ignore_ascii_case(&format!("{scheme}://")) {
                notes.push(Note::SchemeMended);
            }
            plain
        }
        None => {
            if vendor && is_bare_word(text) {
                let suggestion = format!("https://{}.halopsa.com", text.to_ascii_lowercase());
                // A Client ID is nobody's name.
                let is_address = Url::parse(&suggestion).is_ok() && Uuid::try_parse(text).is_err();
                return Err(if is_address { AddressError::BareWord { suggestion } } else { AddressError::Shape });
            }
            notes.push(Note::SchemeAdded);
            format!("https://{text}")
        }
    };
    let typed_host = host_as_typed(&with_scheme);
    let mut url = Url::parse(&with_scheme).map_err(|_| AddressError::Shape)?;
    if !url.username().is_empty() || url.password().is_some() || authority(&with_scheme).contains('@') {
        return Err(AddressError::Credentials);
    }
    check_host(&url, &typed_host)?;
    // Nobody listens there.
    if url.port() == Some(0) {
        return Err(AddressError::Shape);
    }
    require_plain_meaning(&url, &with_scheme, scheme.is_some())?;
    if is_path_rewritten(&with_scheme) {
        notes.push(Note::Path(url.path().to_owned()));
    }
    if let Some(host) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
        url.set_host(Some(&host)).map_err(|_| AddressError::Shape)?;
        notes.push(Note::Dropped("the dot after the host".to_owned()));
    }
    if let Some(part) = drop_tail(&mut url, pages) {
        notes.push(Note::Dropped(part));
    }
    if url.scheme() == "http" {
        if !is_loopback(&url) {
            let suggestion =
                format!("https{}", url.as_str().trim_start_matches("http")).trim_end_matches('/').to_owned();
            return Err(AddressError::PlainHttp { suggestion });
        }
        notes.push(Note::NotEncrypted);
    } else if is_private(&url) {
        notes.push(Note::Private);
    }
    if let Some(host) = url.host_str() {
        if host.split('.').any(|label| label.starts_with("xn--")) {
            notes.push(Note::Punycode(host.to_owned()));
        } else if !typed_host.is_ascii() {
            notes.push(Note::Host(host.to_owned()));
        } else if vendor && is_look_alike(host) {
            notes.push(Note::LookAlike);
        }
    }
    Ok((url, notes))
}

/// Refuses what would lead to a part of the address that was meant as something else: `htps:/acme.halopsa.com` to a host
/// `htps`, `acme/halopsa.com` to a host `acme`.
fn require_plain_meaning(url: &Url, text: &str, has_scheme: bool) -> Result<(), AddressError> {
    let Some(Host::Domain(host)) = url.host() else { return Ok(()) };
    let authority = authority(text);
    let goes_on = !url.path().trim_matches('/').is_empty();
    let segment = url.path().split('/').nth(1).unwrap_or_default();
    let is_word = !host.trim_end_matches('.').contains('.') && host != "localhost";
    let has_port = url.port().is_some() || authority.split_once(':').is_some_and(|(_, port)| !port.is_empty());
    let is_scheme = authority.ends_with(':') || (is_word && segment.is_empty());
    let is_half = is_word && (is_halo_host(segment) || (!has_scheme && !has_port));
    if goes_on && (is_scheme || is_half) { Err(AddressError::Misread { host: host.to_owned() }) } else { Ok(()) }
}

/// Whether a browser would read another path than the one that was typed.
fn is_path_rewritten(text: &str) -> bool {
    let behind = text.split_once("://").map_or("", |(_, rest)| &rest[authority(text).len()..]);
    let path = behind.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let goes_up = |part: &str| matches!(&*part.replace("%2e", "."), "." | "..");
    path.contains('\\') || path.split('/').any(goes_up)
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Takes every `https://` off the beginning, in the spellings that hands make of it; tells which one came last. A name
/// that only begins like a scheme, such as `https.example`, has none.
fn split_scheme(text: &str) -> (Option<&'static str>, &str) {
    let (mut scheme, mut rest) = (None, text);
    loop {
        let starts = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let Some(found) = ["https", "http"].into_iter().find(|word| starts(word)) else { break };
        let behind = &rest[found.len()..];
        let marks = behind.trim_start_matches([':', ';', ',', '.', '/', '\\']);
        let between = &behind[..behind.len() - marks.len()];
        // A colon, or slashes: a dot alone stands in the middle of a name.
        if !between.starts_with([':', ';', '/', '\\']) && !between.contains(['/', '\\']) {
            break;
        }
        (scheme, rest) = (Some(found), marks);
    }
    match scheme {
        // As in the middle of a page: //acme.halopsa.com
        None if rest.starts_with("//") || rest.starts_with("\\\\") => {
            (Some("https"), rest.trim_start_matches(['/', '\\']))
        }
        _ => (scheme, rest),
    }
}

fn is_bare_word(text: &str) -> bool {
    !text.eq_ignore_ascii_case("localhost")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && !text.to_ascii_lowercase().starts_with("0x")
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

fn host_as_typed(url: &str) -> String {
    let authority = authority(url);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return host.split_once(']').map_or(host, |(inner, _)| inner).trim_start_matches('[').to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

fn check_host(url: &Url, typed: &str) -> Result<(), AddressError> {
    match url.host() {
        None => Err(AddressError::Shape),
        // The parser undoes %2e and the like: what is read there is another host than the one that was looked at.
        Some(Host::Domain(_)) if typed.contains('%') => Err(AddressError::DisguisedHost),
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            // No name ends so: it is the scheme once more, with a mark that is none.
            let last = name.rsplit('.').next().unwrap_or_default();
            let is_joined = name.contains('.') && (last.ends_with("http") || last.ends_with("https"));
            if matches!(last, "http" | "https") || is_joined {
                return Err(AddressError::Shape);
            }
            // No host has a quote or a blank in its name.
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
            let is_name = !name.split('.').any(str::is_empty) && name.chars().all(is_letter);
            // Nor begins one with what a program would take for an option.
            if is_name && !name.starts_with('-') { Ok(()) } else { Err(AddressError::Shape) }
        }
        Some(Host::Ipv4(address)) => {
            // The parser has turned 0x7f000001, 2130706433 and 0177.0.0.1 into dotted form: what was typed tells.
            if typed != address.to_string() {
                return Err(AddressError::DisguisedHost);
            }
            check_ipv4(address)
        }
        Some(Host::Ipv6(address)) => {
            if holds_ipv4(address) {
                return Err(AddressError::DisguisedHost);
            }
            let forbidden = address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local();
            if forbidden { Err(AddressError::ForbiddenHost(address.to_string())) } else { Ok(()) }
        }
    }
}

/// Whether it only carries an IPv4 address, which it leads to: mapped, compatible, by NAT64 or by 6to4.
fn holds_ipv4(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => false,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, ..] | [0x2002, ..] => true,
        _ => false,
    }
}

fn check_ipv4(address: Ipv4Addr) -> Result<(), AddressError> {
    // 0.x is "this network": some systems take it for this machine.
    let is_this = address.octets()[0] == 0;
    let forbidden = address.is_link_local() || is_this || address.is_multicast() || address.is_broadcast();
    if forbidden { Err(AddressError::ForbiddenHost(address.to_string())) } else { Ok(()) }
}

/// Drops the path from a known page on, the query and the fragment, and says what went. Any other path stays: a Halo of
/// one's own may live in a folder.
fn drop_tail(url: &mut Url, pages: &[&str]) -> Option<String> {
    let extra = match (url.query(), url.fragment()) {
        (None, None) => String::new(),
        (query, fragment) => {
            let mut text = query.map(|query| format!("?{query}")).unwrap_or_default();
            if let Some(fragment) = fragment {
                text.push('#');
                text.push_str(fragment);
            }
            text
        }
    };
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let lower = path.to_ascii_lowercase();
    let page = lower.match_indices('/').map(|(at, _)| at).find(|at| {
        let segment = lower[at + 1..].split('/').next().unwrap_or_default();
        pages.contains(&segment)
    });
    let (kept, dropped) = path.split_at(page.unwrap_or(path.len()));
    url.set_path(kept.trim_end_matches('/'));
    let dropped = format!("{dropped}{extra}");
    (!dropped.is_empty()).then_some(dropped)
}

/// Whether an address is this machine's own, so that plain http gives nothing away.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.')
                || [".internal", ".local", ".lan", ".intranet", ".corp", ".home.arpa", ".localhost"]
                    .iter()
                    .any(|ending| name.ends_with(ending))
        }
        Some(Host::Ipv4(address)) => {
            let [a, b, ..] = address.octets();
            address.is_private() || address.is_loopback() || (a == 100 && (64..128).contains(&b))
        }
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

fn is_look_alike(host: &str) -> bool {
    let imitates = ["halopsa", "haloitsm", "haloservicedesk", "usehalo"].iter().any(|word| host.contains(word));
    imitates && !is_halo_host(host)
}

fn is_halo_host(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    HALO_HOSTS.iter().any(|own| host == *own || host.ends_with(&format!(".{own}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{lines, text_like, tries};

    fn halo(text: &str) -> (String, Vec<String>) {
        let reading = HaloUrl::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (reading.address.as_str().to_owned(), reading.notes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn address_of_halo_is_no_pia_url() {
        let halo = HaloUrl::read("acme.halopsa.com").unwrap().address;
        let why = |pia: &str| PiaUrl::read(pia).unwrap().address.unreachable_from(&halo);
        assert_eq!(why("https://acme.halopsa.com"), Some(OF_HALO));
        assert_eq!(why("https://ACME.halopsa.com:443/"), Some(OF_HALO));
        assert_eq!(why("https://other.halopsa.com"), Some(OF_HALO), "of the same cloud");
        assert_eq!(why("https://acme.halopsa.com:8443"), None, "another port may be a proxy");
        assert_eq!(why("https://acme.halopsa.com/pia"), None, "and so may a path");
        assert_eq!(why("https://pia.acme.example"), None);
    }

    /// Halo in the cloud reaches no private address; a Halo of one's own may well.
    #[test]
    fn private_pia_url_is_out_of_reach_of_hosted_halo_alone() {
        let of = |pia: &str, halo: &str| {
            let halo = HaloUrl::read(halo).unwrap().address;
            PiaUrl::read(pia).unwrap().address.unreachable_from(&halo) == Some(OUT_OF_REACH)
        };
        for private in
            ["https://10.1.1.1", "https://192.168.7.2:8443", "https://pia", "https://pia.lan", "http://127.0.0.1:1"]
        {
            assert!(of(private, "acme.halopsa.com"), "{private}");
            assert!(of(private, "acme.trial.usehalo.com"), "{private}");
            assert!(!of(private, "halo.acme.example"), "{private}");
            assert!(!of(private, "http://127.0.0.1:8478"), "{private}");
        }
        assert!(!of("https://pia.acme.example", "acme.halopsa.com"));
        assert!(!of("https://203.0.113.7", "acme.halopsa.com"));
    }

    #[test]
    fn every_spelling_of_table_is_read() {
        let acme = "https://acme.halopsa.com";
        let once = "the start was corrected to https://";
        let cases: [(&str, &str, &[&str]); 43] = [
            ("https://.acme.halopsa.com", acme, &["the dot before the host is not needed"]),
            ("https:/.acme.halopsa.com", acme, &["the dot before the host is not needed", once]),
            ("\u{feff}acme.halopsa.com\u{200b}", acme, &["https:// was added"]),
            ("https://acme。halopsa。com", acme, &["the host was read as acme.halopsa.com"]),
            ("ａcme.halo\u{ad}psa.com", acme, &["https:// was added", "the host was read as acme.halopsa.com"]),
            ("https:/acme.halopsa.com", acme, &[once]),
            ("https:acme.halopsa.com", acme, &[once]),
            ("https//acme.halopsa.com", acme, &[once]),
            ("https:\\\\acme.halopsa.com", acme, &[once]),
            ("https://https://acme.halopsa.com", acme, &[once]),
            ("http://HTTPS:/acme.halopsa.com", acme, &[once]),
            ("//acme.halopsa.com", acme, &[once]),
            ("https://acme.halopsa.com.", acme, &["the dot after the host is not needed"]),
            ("https://acme.halopsa.com/tickets?area=1", acme, &["/tickets?area=1 is not needed"]),
            ("acme.halopsa.com/portal/home", acme, &["https:// was added", "/portal/home is not needed"]),
            ("https://acme.halopsa.com/config/api/tickets", acme, &["/config/api/tickets is not needed"]),
            (
                "https://halo.msp.example/halo/ticket?id=7#x",
                "https://halo.msp.example/halo",
                &["/ticket?id=7#x is not needed"],
            ),
            ("https.example.com", "https://https.example.com", &["https:// was added"]),
            (acme, acme, &[]),
            ("https://acme.halopsa.com/", acme, &[]),
            ("https://acme.halopsa.com/api", acme, &["/api is not needed"]),
            ("https://acme.halopsa.com/api/", acme, &["/api is not needed"]),
            ("https://acme.halopsa.com/auth", acme, &["/auth is not needed"]),
            ("https://acme.halopsa.com/auth/token?tenant=acme", acme, &["/auth/token?tenant=acme is not needed"]),
            ("https://acme.halopsa.com/api/Client?x", acme, &["/api/Client?x is not needed"]),
            ("https://acme.halopsa.com/auth/authorize?y", acme, &["/auth/authorize?y is not needed"]),
            ("“https://acme.halopsa.com”", acme, &["what stands around the address is not needed"]),
            ("«https://acme.halopsa.com/»", acme, &["what stands around the address is not needed"]),
            ("‘acme.halopsa.com’", acme, &["what stands around the address is not needed", "https:// was added"]),
            ("https://portal/", "https://portal", &["a private address"]),
            ("<https://acme.halopsa.com>", acme, &["what stands around the address is not needed"]),
            ("acme.halopsa.com", acme, &["https:// was added"]),
            (" ACME.halopsa.com ", acme, &["https:// was added"]),
            ("https://halo.msp.example:8443/halo", "https://halo.msp.example:8443/halo", &[]),
            ("https://halo.msp.example:8443/halo/api/", "https://halo.msp.example:8443/halo", &["/api is not needed"]),
            (
                "https://acme.halopsa.com.evil.example",
                "https://acme.halopsa.com.evil.example",
                &["looks like a Halo address but is another host"],
            ),
            (
                "https://аcme.halopsa.com",
                "https://xn--cme-5cd.halopsa.com",
                &["contains look-alike letters; its true name is xn--cme-5cd.halopsa.com"],
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", &["not encrypted, this machine only"]),
            ("http://[::1]:8080", "http://[::1]:8080", &["not encrypted, this machine only"]),
            ("http://localhost:8080", "http://localhost:8080", &["not encrypted, this machine only"]),
            ("https://10.1.2.3", "https://10.1.2.3", &["a private address"]),
            ("https://halo.internal", "https://halo.internal", &["a private address"]),
            ("https://acme.trial.usehalo.com", "https://acme.trial.usehalo.com", &[]),
        ];
        for (typed, base, notes) in cases {
            let (read, said) = halo(typed);
            assert_eq!((read.as_str(), said), (base, notes.iter().map(ToString::to_string).collect()), "{typed}");
        }
    }

    #[test]
    fn rewritten_path_is_told() {
        let told = |text: &str| {
            let notes = PiaUrl::read(text).unwrap().notes;
            notes.iter().find(|note| matches!(note, Note::Path(_))).map(ToString::to_string)
        };
        let path = |path: &str| Some(format!("the path was read as {path}"));
        assert_eq!(told("https://pia.example\\@evil.example"), path("/@evil.example"));
        assert_eq!(told("https://pia.example/a/../x"), path("/x"));
        assert_eq!(told("https://pia.example/%2E%2e/evil"), path("/evil"));
        for plain in ["https://pia.example/a.b/..c?x=../y", "pia.example", "https://pia.example/"] {
            assert_eq!(told(plain), None, "{plain}");
        }
    }

    #[test]
    fn every_refusal_of_table_says_what_would_be_right() {
        let refusal = |text: &str| HaloUrl::read(text).unwrap_err().to_string();
        assert_eq!(refusal("acme"), "did you mean https://acme.halopsa.com?");
        assert_eq!(refusal("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"), AddressError::Shape.to_string());
        assert_eq!(refusal("http://acme.halopsa.com"), "http is not encrypted; use https://acme.halopsa.com");
        assert_eq!(refusal("https://user:pw@acme.halopsa.com"), AddressError::Credentials.to_string());
        assert_eq!(refusal("https://@acme.halopsa.com"), AddressError::Credentials.to_string());
        for text in
            ["https://169.254.169.254", "https://[fe80::1]", "https://0.0.0.0", "https://0.1.2.3", "https://[::]"]
        {
            assert!(matches!(HaloUrl::read(text), Err(AddressError::ForbiddenHost(_))), "{text}");
        }
        for text in [
            "https://0x7f000001",
            "https://2130706433",
            "https://0177.0.0.1",
            "https://127.1",
            "https://[::ffff:127.0.0.1]",
            "https://[::127.0.0.1]",
            "https://[64:ff9b::a9fe:a9fe]",
            "https://[2002:a9fe:a9fe::]",
            "2130706433",
            "0x7f000001",
            "https://%22",
            "https://a%27b",
            "https://acme.halopsa.com%2eevil.example",
            "https://127.0.0.%31",
        ] {
            assert_eq!(HaloUrl::read(text), Err(AddressError::DisguisedHost), "{text}");
        }
        for text in
            ["ftp://acme.halopsa.com", "javascript:alert(1)", "file:///etc/passwd", "https://ftp://acme.example"]
        {
            assert_eq!(HaloUrl::read(text), Err(AddressError::Scheme), "{text}");
        }
        for text in [
            "https://",
            "https://https",
            "https:",
            "https://acme.example..",
            "https://a b",
            "ac me",
            "https://acme..com",
            "\u{1b}[2J",
            "https://a'b",
            "https://acme.example:0",
            "https://-acme.example",
            "https://evil.example%2f.halopsa.com",
        ] {
            assert_eq!(HaloUrl::read(text), Err(AddressError::Shape), "{text}");
        }
    }

    #[test]
    fn misspelt_scheme_and_half_name_are_refused_by_name() {
        for (text, host) in [
            ("htps:/acme.halopsa.com", "htps"),
            ("ttps:/acme.halopsa.com", "ttps"),
            ("hhttps:/acme.halopsa.com", "hhttps"),
            ("httpss:/acme.halopsa.com", "httpss"),
            ("htp//acme.halopsa.com", "htp"),
            ("https-//acme.halopsa.com", "https-"),
            ("https_//acme.halopsa.com", "https_"),
            ("https://ftp:/acme.halopsa.com", "ftp"),
            ("tcp:/acme.halopsa.com", "tcp"),
            ("acme/halopsa.com", "acme"),
            ("acme\\halopsa.com", "acme"),
            ("https://acme/halopsa.com", "acme"),
            ("http:s//acme.halopsa.com", "s"),
            ("https://s//acme.halopsa.com", "s"),
            ("pia/callbacks", "pia"),
        ] {
            let misread = AddressError::Misread { host: host.to_owned() };
            assert_eq!(HaloUrl::read(text), Err(misread.clone()), "{text}");
            assert_eq!(PiaUrl::read(text), Err(misread), "{text}");
        }
        assert_eq!(HaloUrl::read("acme.halopsa.comhttps:/acme.halopsa.com"), Err(AddressError::Shape));
        for (mark, text) in [
            ('\u{2044}', "https:\u{2044}\u{2044}acme.halopsa.com"),
            ('\u{2215}', "https://acme.halopsa.com\u{2215}.evil.example"),
            ('\u{ff0f}', "https://acme.halopsa.com\u{ff0f}.evil.example"),
            ('\u{ff1a}', "https\u{ff1a}//acme.halopsa.com"),
        ] {
            assert_eq!(HaloUrl::read(text), Err(AddressError::NoMark(mark)), "{text}");
        }
        let taken = |text: &str| PiaUrl::read(text).unwrap().address.as_str().to_owned();
        assert_eq!(taken("https://pia/callbacks"), "https://pia/callbacks");
        assert_eq!(taken("pia:8443/callbacks"), "https://pia:8443/callbacks");
        assert_eq!(taken("https://pia/a.b//c"), "https://pia/a.b//c");
    }

    #[test]
    fn what_is_dropped_around_address_is_told() {
        for typed in ["<https://pia.example>", "\"https://pia.example\"", "“https://pia.example” "] {
            let notes = PiaUrl::read(typed).unwrap().notes;
            assert_eq!(notes, [Note::Dropped("what stands around the address".to_owned())], "{typed}");
        }
        assert_eq!(PiaUrl::read(" https://pia.example\n").unwrap().notes, []);
    }

    #[test]
    fn refusal_never_repeats_password() {
        let error = HaloUrl::read("https://user:hunter2@acme.halopsa.com").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn reading_twice_changes_nothing() {
        for text in ["https://halo.msp.example:8443/halo/api", "ACME.halopsa.com/auth/", "http://[::1]:8080/"] {
            let once = HaloUrl::read(text).unwrap().address;
            let twice = HaloUrl::read(once.as_str()).unwrap();
            assert_eq!(twice.address, once);
        }
    }

    #[test]
    fn sign_in_server_is_compared_by_host_port_and_scheme() {
        let halo = HaloUrl::read("https://acme.halopsa.com").unwrap().address;
        let on_host = |text| AuthUrl::read(text).unwrap().address.is_on_host_of(&halo);
        assert!(on_host("https://acme.halopsa.com/auth/"));
        assert!(!on_host("https://acme.halopsa.com:8443/auth"));
        assert!(!on_host("https://uk-trial.halopsa.com"));
        assert!(!on_host("https://evil.example/auth"));
    }

    /// Whatever stands around a host: it is read as that host, or refused.
    #[test]
    fn no_spelling_ends_on_host_that_was_not_typed() {
        const HOSTS: [&str; 6] =
            ["acme.halopsa.com", "https.example", "http-halo.example", "tickets.example", "10.1.2.3", "portal"];
        const MISSPELT: [&str; 12] = [
            "htps:/",
            "httpss:/",
            "htp//",
            "https-//",
            "http:s//",
            "ftp:/",
            "https://ftp:/",
            "https://s//",
            "acme/",
            "“",
            "https:⁄⁄",
            "acme.halopsa.comhttps:/",
        ];
        const BEFORE: [&str; 20] = [
            "",
            "https://",
            "https:/",
            "https:",
            "https//",
            "https;//",
            "https.://",
            "HTTPS://",
            "hTTps:\\\\",
            "http://",
            "http:",
            "//",
            "/",
            "\\\\",
            "<",
            "https:///",
            "user@",
            "https://user:pw@",
            "ftp://",
            "https://https.",
        ];
        const BEHIND: [&str; 18] = [
            "",
            "”",
            "⁄evil.example",
            "/",
            ".",
            "..",
            ":443",
            ":8443/",
            "/api",
            "/tickets?area=1",
            "\\evil.example",
            "?u=https://evil.example",
            "#@evil.example",
            "@evil.example",
            "/https://evil.example",
            "/@evil.example",
            ":443@evil.example",
            ">",
        ];
        for host in HOSTS {
            for behind in BEHIND {
                for first in BEFORE.into_iter().chain(MISSPELT) {
                    for second in BEFORE {
                        let typed = format!("{first}{second}{host}{behind}");
                        let mut hosts = Vec::new();
                        hosts.extend(HaloUrl::read(&typed).ok().map(|read| read.address.host()));
                        hosts.extend(PiaUrl::read(&typed).ok().map(|read| read.address.host()));
                        for read in hosts {
                            let is_it = |name: &str| [name, &format!("{name}:8443")].contains(&read.as_str());
                            // A name in front of a name is a name of its own.
                            assert!(is_it(host) || is_it(&format!("https.{host}")), "{typed}: {read}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn pia_addresses_keep_their_path() {
        assert_eq!(
            PiaUrl::read("https://pia.acme.example/api/").unwrap().address.as_str(),
            "https://pia.acme.example/api"
        );
        assert!(PiaUrl::read("http://pia.acme.example").is_err());
        let portal = PiaUrl::read("https:/pia.acme.example./portal").unwrap().address;
        assert_eq!(portal.as_str(), "https://pia.acme.example/portal", "only Halo's own pages are known");
    }

    proptest! {
        #![proptest_config(tries())]

        /// No garbled address leads to a host that was not typed, unless it is said that it is read as another.
        #[test]
        fn fuzzed_addresses_lead_to_host_that_was_typed(
            typed in text_like(lines(include_str!("../../tests/corpus/addresses.txt"))),
        ) {
            for error in [HaloUrl::read(&typed).err(), PiaUrl::read(&typed).err()].into_iter().flatten() {
                let better = error.suggestion();
                prop_assert!(better.as_deref().is_none_or(|better| HaloUrl::read(better).is_ok()), "{typed:?}: {better:?}");
            }
            let told = |notes: &[Note]| notes.iter().any(|note| matches!(note, Note::Host(_) | Note::Punycode(_)));
            for (host, notes) in [
                HaloUrl::read(&typed).ok().map(|read| (read.address.0.host_str().unwrap().to_owned(), read.notes)),
                PiaUrl::read(&typed).ok().map(|read| (read.address.0.host_str().unwrap().to_owned(), read.notes)),
            ]
            .into_iter()
            .flatten()
            {
                // The one name that an IPv6 address has is not the way everybody writes it.
                let is_typed = host.starts_with('[') || typed.to_ascii_lowercase().contains(&host);
                prop_assert!(is_typed || told(&notes), "{typed:?} leads to {host}");
            }
        }
    }
}

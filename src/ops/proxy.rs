//! The proxy that the environment names: used, or refused with a reason, and never passed by.

use std::ffi::OsStr;

use super::Workspace;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::domain::untrusted::is_invisible;
use crate::halo::proxy::Proxy;
use crate::settings::Environment;

/// In the order in which they count.
const NAMES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

impl Workspace {
    /// Refuses an invalid proxy variable: the HTTP client would ignore it and connect directly.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Usage`] with the name of the variable.
    pub fn require_sound_proxy(&self) -> Result<(), Failure> {
        require_sound(self.environment())
    }

    /// The proxy that the environment names, by the same rule for everything that goes out.
    pub fn proxy(&self) -> Option<Proxy> {
        named(self.environment())
    }
}

/// The proxy of the first variable that names one. An empty variable is none, as to curl, and hides no other.
fn named(environment: &Environment) -> Option<Proxy> {
    // A web server may pass on to a CGI program what whoever asks has named. The HTTP client heeds none of them then, either.
    if environment.get("REQUEST_METHOD").is_some() {
        return None;
    }
    let (variable, address) = first(environment, &NAMES)?;
    let except = first(environment, &EXCEPT).map_or("", |(_, hosts)| hosts);
    let except = except.split(',').map(exception).collect::<Vec<_>>().join(",");
    Some(Proxy { variable, address: Secret::new(address), except })
}

/// An exception as the HTTP client reads it: it knows neither a star before the dot nor the port that https has anyway.
fn exception(host: &str) -> &str {
    let host = host.trim();
    let host = host.strip_suffix(":443").filter(|name| !name.contains(':')).unwrap_or(host);
    host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host)
}

fn first<'a>(environment: &'a Environment, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    let filled = |name: &&'static str| Some((*name, environment.get(name).and_then(OsStr::to_str)?));
    names.iter().filter_map(filled).find(|(_, value)| !value.is_empty())
}

/// Refuses a proxy of the environment that the HTTP client would pass by.
fn require_sound(environment: &Environment) -> Result<(), Failure> {
    let refused = |name: &str, why: &str, example: &str| {
        Failure::new(FailureKind::Usage, format!("{name} {why}; nothing was sent"))
            .hint(format!("correct it, or unset it: {name}={example}"))
    };
    for name in NAMES {
        // An empty one is none, as to curl. A blank one was meant to be something.
        let Some(value) = environment.get(name).filter(|value| !value.is_empty()) else { continue };
        if let Some(why) = value.to_str().map_or_else(|| Some("is not readable text".to_owned()), proxy_fault) {
            return Err(refused(name, &why, "http://proxy.example:3128"));
        }
    }
    for name in EXCEPT {
        if environment.get(name).is_some_and(|value| value.to_str().is_none()) {
            return Err(refused(name, "is not readable text", "halo.example"));
        }
    }
    Ok(())
}

/// What an address is told to be that is none.
const NO_ADDRESS: &str = "is no address";

/// What is wrong with the address of a proxy. It may hold a password: it is not repeated.
fn proxy_fault(value: &str) -> Option<String> {
    let fault = address_fault(value)?;
    let odd = sign_in(value)
        .filter(|_| fault == NO_ADDRESS)
        .and_then(|user| user.chars().find(|character| !is_plain(*character)));
    Some(
        match odd.filter(|character| !character.is_control() && !character.is_whitespace() && !is_invisible(*character))
        {
            Some(odd) => {
                let mut bytes = [0; 4];
                let written: String = odd.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
                format!("has a {odd} in it, which is written {written} in a user or password")
            }
            None => fault.to_owned(),
        },
    )
}

/// The user and the password, as whoever wrote them meant it: up to the last @, whatever stands before it.
fn sign_in(value: &str) -> Option<&str> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.rsplit_once('@').map(|(user, _)| user)
}

/// Whether a character may stand in a user or a password as it is (RFC 3986, 3.2.1).
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(character)
}

fn address_fault(value: &str) -> Option<&'static str> {
    if value.chars().any(char::is_whitespace) {
        return Some(if value.trim().is_empty() { "is blank" } else { "has blanks in it" });
    }
    if value.chars().any(char::is_control) {
        return Some("has control characters in it");
    }
    if value.chars().any(is_invisible) {
        return Some("has invisible characters in it");
    }
    // They end the host, so that the proxy would be another one.
    if value.contains('#') || sign_in(value).is_some_and(|user| user.contains(['/', '?', '\\'])) {
        return Some("is no address");
    }
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let Ok(url) = url::Url::parse(&whole) else { return Some("is no address") };
    match url.scheme() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => return Some("names a SOCKS proxy, which is not supported"),
        _ => return Some("is no address of an http proxy"),
    }
    let host = url.host_str().unwrap_or_default();
    let is_word = !value.contains("://") && url.port().is_none() && !host.contains('.') && host != "localhost";
    (host.is_empty() || is_word || !is_used(value)).then_some("is no address")
}

fn is_used(value: &str) -> bool {
    let proxy = Proxy { variable: "", address: Secret::new(value), except: String::new() };
    proxy.leads_to("https://halo.example")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{lines, text_like, tries};

    #[test]
    fn proxy_that_would_be_passed_by_is_named() {
        for good in
            ["http://proxy:3128", "https://u:p%23s@proxy.example", "proxy:3128", "10.0.0.1:8080", "http://[::1]:3128/"]
        {
            assert_eq!(proxy_fault(good), None, "{good}");
        }
        for bad in [
            "http://proxy:3128/ ",
            " http://proxy",
            "http://u:p#s@proxy:3128",
            "socks5://proxy:1080",
            "socks5h://p:1",
            "notaurl",
            "ftp://proxy",
            "http://",
            "http://proxy:99999",
            "http:///proxy:3128",
        ] {
            assert!(proxy_fault(bad).is_some(), "{bad}");
        }
        let failure = require_sound(&Environment::from_pairs([("HTTPS_PROXY", "http://u:hunter2#@p")])).unwrap_err();
        assert!(failure.message.starts_with("HTTPS_PROXY has a #") && !failure.message.contains("hunter2"));
        for (odd, written) in [("/", "%2F"), ("?", "%3F"), ("\\", "%5C"), ("#", "%23"), ("[", "%5B"), ("ä", "%C3%A4")]
        {
            let why = proxy_fault(&format!("http://dom{odd}user:hunter2@proxy.example:3128")).unwrap();
            assert!(why.contains(&format!("has a {odd} in it, which is written {written}")), "{odd}: {why}");
            assert!(
                !why.contains("hunter2") && proxy_fault(&format!("http://u:1{written}2@proxy:3128")).is_none(),
                "{odd}"
            );
        }
        let elsewhere = "http://user:1/hunter2@proxy.example:3128";
        assert!(proxy_fault(elsewhere).is_some_and(|why| why.contains("%2F")), "it would go to a host named user");
    }

    #[test]
    fn proxy_variable_that_is_no_text_is_named_and_empty_one_unset() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;
        let refusal = |name: &str, value: &[u8]| {
            let environment = Environment::from_pairs([(OsString::from(name), OsString::from_vec(value.to_vec()))]);
            require_sound(&environment).err().map(|failure| (failure.kind, failure.message))
        };
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            for (value, why) in [
                (&b"http://127.0.0.1:7130\xff"[..], "is not readable text"),
                (b"\xa0http://127.0.0.1:7130", "is not readable text"),
                (b" ", "is blank"),
                ("\u{a0}".as_bytes(), "is blank"),
                ("http://127.0.0.1:7130\u{200b}".as_bytes(), "has invisible characters in it"),
                ("\u{feff}http://127.0.0.1:7130".as_bytes(), "has invisible characters in it"),
                (b"http://127.0.0.1:7130\x1b[2J", "has control characters in it"),
            ] {
                let told = (FailureKind::Usage, format!("{name} {why}; nothing was sent"));
                assert_eq!(refusal(name, value), Some(told), "{value:?}");
            }
            assert_eq!((refusal(name, b""), refusal(name, b"http://127.0.0.1:7130")), (None, None), "{name}");
        }
        assert!(refusal("NO_PROXY", b"halo\xff").is_some_and(|(_, why)| why.starts_with("NO_PROXY")));
        assert_eq!((refusal("no_proxy", b" "), refusal("NO_PROXY", b"*.lan")), (None, None));
    }

    /// The HTTP client itself takes an empty one for the word that there is no proxy, whatever the next one says.
    #[test]
    fn empty_proxy_variable_hides_no_other() {
        let found = |pairs: &[(&str, &str)]| {
            let named = named(&Environment::from_pairs(pairs.iter().copied()))?;
            Some((named.variable, named.address.expose().to_owned(), named.except))
        };
        let told = |name: &'static str, value: &str, except: &str| Some((name, value.to_owned(), except.to_owned()));
        let lower = ("https_proxy", "http://b");
        assert_eq!(found(&[("HTTPS_PROXY", ""), lower]), told("https_proxy", "http://b", ""));
        assert_eq!(found(&[("HTTPS_PROXY", "http://a"), lower]), told("HTTPS_PROXY", "http://a", ""));
        let all = ("all_proxy", "c:3128");
        let both = [("HTTPS_PROXY", ""), ("ALL_PROXY", ""), all, ("NO_PROXY", ""), ("no_proxy", "x.lan")];
        assert_eq!(found(&both), told("all_proxy", "c:3128", "x.lan"));
        assert_eq!((found(&[("HTTPS_PROXY", "")]), found(&[lower, ("REQUEST_METHOD", "GET")])), (None, None));
        let proxy = named(&Environment::from_pairs(both)).unwrap();
        assert!(proxy.leads_to("https://halo.example/api") && !proxy.leads_to("https://a.x.lan/"));
        for (except, is_direct) in [("*.example", true), ("x, halo.example:443", true), ("halo.example:8443", false)] {
            let proxy = named(&Environment::from_pairs([("HTTPS_PROXY", "http://a"), ("NO_PROXY", except)])).unwrap();
            assert_eq!(!proxy.leads_to("https://halo.example/api"), is_direct, "{except}");
        }
    }

    proptest! {
        #![proptest_config(tries())]

        /// What is taken for a proxy is one to the HTTP client, too: it never goes straight to Halo instead.
        #[test]
        fn fuzzed_proxies_are_used_or_refused(
            value in text_like(lines(include_str!("../../tests/corpus/proxies.txt"))),
        ) {
            let environment = Environment::from_pairs([("HTTPS_PROXY", &value)]);
            if !value.is_empty() && require_sound(&environment).is_ok() {
                prop_assert!(is_used(&value), "{value:?} is passed by");
            }
        }
    }
}

//! The proxy that the environment names: used, or refused with a reason, and never passed by.

use axum::http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::untrusted::is_invisible;
use crate::settings::Environment;

/// Refuses a proxy of the environment that the HTTP client would pass by.
pub(super) fn require_sound(environment: &Environment) -> Result<(), Failure> {
    let refused = |name: &str, why: &str, example: &str| {
        Failure::new(FailureKind::Usage, format!("{name} {why}; nothing was sent"))
            .hint(format!("correct it, or unset it: {name}={example}"))
    };
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        // An empty one is none, as to curl. A blank one was meant to be something.
        let Some(value) = environment.get(name).filter(|value| !value.is_empty()) else { continue };
        if let Some(why) = value.to_str().map_or(Some("is not readable text"), proxy_fault) {
            return Err(refused(name, why, "http://proxy.example:3128"));
        }
    }
    for name in ["NO_PROXY", "no_proxy"] {
        if environment.get(name).is_some_and(|value| value.to_str().is_none()) {
            return Err(refused(name, "is not readable text", "halo.example"));
        }
    }
    Ok(())
}

/// What is wrong with the address of a proxy. It may hold a password: it is not repeated.
fn proxy_fault(value: &str) -> Option<&'static str> {
    if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some(if value.trim().is_empty() { "is blank" } else { "has blanks in it" });
    }
    if value.chars().any(is_invisible) {
        return Some("has invisible characters in it");
    }
    if value.contains('#') {
        return Some("has a # in it, which is written %23 in a password");
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

/// Whether the HTTP client goes by it: it reads addresses more strictly, and what it cannot read is no proxy to it.
fn is_used(value: &str) -> bool {
    let matcher = Matcher::builder().https(value.to_owned()).build();
    matcher.intercept(&Uri::from_static("https://halo.example")).is_some()
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
    }

    #[test]
    fn proxy_variable_that_is_no_text_is_named_and_empty_one_is_none() {
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
            ] {
                let told = (FailureKind::Usage, format!("{name} {why}; nothing was sent"));
                assert_eq!(refusal(name, value), Some(told), "{value:?}");
            }
            assert_eq!((refusal(name, b""), refusal(name, b"http://127.0.0.1:7130")), (None, None), "{name}");
        }
        assert!(refusal("NO_PROXY", b"halo\xff").is_some_and(|(_, why)| why.starts_with("NO_PROXY")));
        assert_eq!((refusal("no_proxy", b" "), refusal("NO_PROXY", b"*.lan")), (None, None));
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

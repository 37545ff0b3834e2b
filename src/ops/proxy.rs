//! The proxy that the environment names: used, or refused with a reason, and never passed by.

use axum::http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::domain::failure::{Failure, FailureKind};
use crate::settings::Environment;

/// Refuses a proxy of the environment that the HTTP client would pass by.
pub(super) fn require_sound(environment: &Environment) -> Result<(), Failure> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    for (name, value) in names.iter().filter_map(|name| Some((name, environment.text(name)?))) {
        if let Some(why) = proxy_fault(value) {
            let message = format!("{name} {why}; nothing was sent");
            return Err(Failure::new(FailureKind::Usage, message)
                .hint(format!("correct it, or unset it: {name}=http://proxy.example:3128")));
        }
    }
    Ok(())
}

/// What is wrong with the address of a proxy. It may hold a password: it is not repeated.
fn proxy_fault(value: &str) -> Option<&'static str> {
    if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("has blanks in it");
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

    proptest! {
        #![proptest_config(tries())]

        /// What is taken for a proxy is one to the HTTP client, too: it never goes straight to Halo instead.
        #[test]
        fn fuzzed_proxies_are_used_or_refused(
            value in text_like(lines(include_str!("../../tests/corpus/proxies.txt"))),
        ) {
            if !value.trim().is_empty() && proxy_fault(&value).is_none() {
                prop_assert!(is_used(&value), "{value:?} is passed by");
            }
        }
    }
}

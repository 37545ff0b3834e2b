//! What is not encrypted stays on this machine, whatever a name server says.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How the refusal is known again among the words of the HTTP client.
pub(super) const NOT_LOOPBACK: &str = "the name leads to another machine";

/// Resolves names, and takes no answer but loopback addresses: `localhost`, and names below it, are a convention that not
/// every resolver keeps.
#[derive(Clone, Copy, Debug)]
pub struct LoopbackOnly;

impl Resolve for LoopbackOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            only_loopback(found).map_err(Into::into)
        })
    }
}

/// All of them, or none: an answer that is partly elsewhere is a wrong answer.
fn only_loopback(found: Vec<SocketAddr>) -> io::Result<Addrs> {
    if found.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        Ok(Box::new(found.into_iter()))
    } else {
        Err(io::Error::other(NOT_LOOPBACK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_leads_elsewhere_is_not_taken_for_this_machine() {
        let of = |texts: &[&str]| only_loopback(texts.iter().map(|text| text.parse().unwrap()).collect());
        for good in [&["127.0.0.1:0"][..], &["[::1]:0", "127.0.0.2:0"], &["[::ffff:127.0.0.1]:0"]] {
            assert_eq!(of(good).unwrap().count(), good.len());
        }
        for bad in [&["192.0.2.7:0"][..], &["127.0.0.1:0", "192.0.2.7:0"], &["[2001:db8::1]:0"], &["0.0.0.0:0"]] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn localhost_is_this_machine() {
        let name = "localhost".parse().unwrap();
        assert!(LoopbackOnly.resolve(name).await.unwrap().count() > 0);
    }
}

//! The certificate that answers at an https address, judged as Halo and every browser judge it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use x509_parser::parse_x509_certificate;

use super::http::lost;
use super::proxy::{Proxy, through};
use super::retry::Cause;

/// For name, connection, TLS and the beginning of an answer.
const TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Accepted, and good until then.
    Until(Timestamp),
    /// Accepted; when it ends cannot be told.
    Good,
    /// Not accepted, and why, as the end of a sentence.
    Refused(String),
    /// Nothing answers in time, as the end of a sentence.
    Unreached(String),
}

/// Connects once. Whatever is answered is not read.
pub async fn look_at(address: &str, proxy: Option<&Proxy>) -> Seen {
    let builder =
        through(Client::builder(), proxy).redirect(Policy::none()).https_only(true).timeout(TIME).tls_info(true);
    let Ok(client) = builder.build() else {
        return Seen::Unreached("cannot be asked: this machine has no list of trusted authorities".to_owned());
    };
    match client.head(address).send().await {
        Ok(answer) => {
            let shown = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
            shown.and_then(until).map_or(Seen::Good, Seen::Until)
        }
        Err(error) => match lost(&error).cause {
            Cause::Tls(fault) => Seen::Refused(format!("is not accepted: {}", fault.words())),
            _ => Seen::Unreached("cannot be reached".to_owned()),
        },
    }
}

fn until(shown: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = parse_x509_certificate(shown).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_certificate_is_read() {
        let made = rcgen::generate_simple_self_signed(["pia.example".to_owned()]).unwrap();
        let end = until(made.cert.der()).unwrap();
        assert!(end > "2100-01-01T00:00:00Z".parse().unwrap(), "{end}");
        assert_eq!(until(b"none"), None);
    }

    #[tokio::test]
    async fn address_that_nobody_answers_is_not_called_bad() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(look_at(&format!("https://{closed}/"), None).await, Seen::Unreached("cannot be reached".to_owned()));
    }
}

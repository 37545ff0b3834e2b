//! The certificate that answers at an https address, judged as Halo and every browser judge it.

use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Reader as _, SliceReader, Tag, Tagged as _};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;

use super::http::lost;
use super::proxy::{Proxy, through};
use super::retry::Cause;
use super::x509::issuer_validity_subject;

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

/// When a certificate ends. It has been judged before; this reads one date in it.
fn until(shown: &[u8]) -> Option<Timestamp> {
    let [_, validity, _] = issuer_validity_subject(shown)?;
    let mut validity = SliceReader::new(validity.value()).ok()?;
    let _begin: AnyRef = validity.decode().ok()?;
    let end: AnyRef = validity.decode().ok()?;
    let end = match end.tag() {
        Tag::UtcTime => end.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        _ => end.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
    };
    Timestamp::new(i64::try_from(end.as_secs()).ok()?, 0).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{like, tries};
    use crate::halo::authority::certificates;
    use crate::halo::testing::bound;

    #[test]
    fn end_of_certificate_is_read() {
        let made = rcgen::generate_simple_self_signed(["pia.example".to_owned()]).unwrap();
        let end = until(made.cert.der()).unwrap();
        assert!(end > "2100-01-01T00:00:00Z".parse().unwrap(), "{end}");
        assert_eq!(until(b"none"), None);
        for cut in 0..made.cert.der().len() {
            assert_eq!(until(&made.cert.der()[..cut]), None);
        }
    }

    /// A year up to 2049 is written with two digits, a later one with four.
    #[test]
    fn end_is_read_in_both_forms_of_date() {
        for (year, end) in
            [(2026, "2026-11-30T00:00:00Z"), (2049, "2049-11-30T00:00:00Z"), (2050, "2050-11-30T00:00:00Z")]
        {
            let mut wanted = rcgen::CertificateParams::new(["pia.example".to_owned()]).unwrap();
            wanted.not_after = rcgen::date_time_ymd(year, 11, 30);
            let made = wanted.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
            assert_eq!(until(made.der()), Some(end.parse().unwrap()));
        }
    }

    #[tokio::test]
    async fn address_that_nobody_answers_is_not_called_bad() {
        let (_port, closed) = bound("127.0.0.1:0");
        assert_eq!(look_at(&format!("https://{closed}/"), None).await, Seen::Unreached("cannot be reached".to_owned()));
    }

    /// Certificates with their dates in either form.
    fn corpus() -> Vec<Vec<u8>> {
        let files = [
            &include_bytes!("../../tests/corpus/certificates/ec.pem")[..],
            include_bytes!("../../tests/corpus/certificates/ed25519.pem"),
            include_bytes!("../../tests/corpus/certificates/two.pem"),
        ];
        files.iter().flat_map(|pem| certificates(pem).unwrap()).map(|der| der.to_vec()).collect()
    }

    proptest! {
        #![proptest_config(tries())]

        /// Of a garbled certificate no end is told that does not stand in it.
        #[test]
        fn fuzzed_certificates_end_when_they_say(der in like(corpus())) {
            if let Some(end) = until(&der) {
                let forms = ["%y%m%d%H%M%SZ", "%Y%m%d%H%M%SZ"].map(|form| end.strftime(form).to_string());
                let is_said = |form: &String| der.windows(form.len()).any(|window| window == form.as_bytes());
                prop_assert!(forms.iter().any(is_said), "{}", end);
            }
        }
    }

    #[test]
    fn every_certificate_of_corpus_says_when_it_ends() {
        assert!(corpus().iter().all(|der| until(der).is_some()));
    }
}

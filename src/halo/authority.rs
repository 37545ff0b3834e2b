//! Whom to believe where the settings name an authority.

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::x509::{has_small_key, issuer_validity_subject};

// Without the mark that Windows puts in front of a text.
fn bare(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem)
}

/// The certificates of a file, or what is wrong with it.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let pem = bare(pem);
    if pem.trim_ascii().is_empty() {
        return Err("is empty");
    }
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("holds no certificate in PEM form"),
        Err(_) => Err("holds a certificate that cannot be read"),
    }
}

/// Whether a file gives at least one authority: of several, those that can be read are trusted.
///
/// # Errors
///
/// With what is wrong with it.
pub fn authorities(pem: &[u8]) -> Result<(), &'static str> {
    match certificates(pem) {
        Err(_) if CertificateDer::pem_slice_iter(bare(pem)).any(|one| one.is_ok()) => Ok(()),
        other => other.map(drop),
    }
}

tokio::task_local! {
    /// Whether the other end has asked for a certificate of ours, in the connection that this request makes.
    static IS_ASKED: Cell<bool>;
}

/// Does what may make a connection, and says whether its other end wanted a certificate of ours.
pub(super) async fn noting<T>(connecting: impl Future<Output = T>) -> (T, bool) {
    let noted = async {
        let done = connecting.await;
        (done, IS_ASKED.with(Cell::get))
    };
    IS_ASKED.scope(Cell::new(false), noted).await
}

/// A configuration that trusts the authorities of this machine and those that are named, and lets [`noting`] hear whether the
/// other end wants a certificate of ours.
pub(super) fn trusting(named: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let usual = Verifier::new_with_extra_roots(named.iter().cloned(), Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trust { usual, named }))
        .with_client_cert_resolver(Arc::new(NoCertificate));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The usual rules, but that a server may show the very certificate that is named: a self-signed one is often its own
/// authority, which the usual rules take for no server's.
#[derive(Debug)]
struct Trust {
    usual: Verifier,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.usual.verify_server_cert(shown, between, name, ocsp, now);
        match &verdict {
            // Looked at once its dates were found good; the name comes last.
            Err(error) if is_own_authority(error) && self.named.iter().any(|named| named == shown) => {
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(error)
                if is_badly_signed(error) && std::iter::once(shown).chain(between).any(|one| has_small_key(one)) =>
            {
                Err(small_key())
            }
            // An appliance's is often no authority, and the usual rules say nothing of why it is not good.
            Err(error) if is_odd(error) && is_self_signed(shown) => {
                let told = CertificateError::Other(OtherError(Arc::new(SelfSigned)));
                Err(Error::InvalidCertificate(told))
            }
            _ => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, shown, signature).map_err(|error| of_small_key(error, shown))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, shown, signature).map_err(|error| of_small_key(error, shown))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// We have no certificate; but how a server ends the handshake then does not say that it wanted one.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Where nobody waits for the connection any more, nobody has to hear it.
        _ = IS_ASKED.try_with(|is_asked| is_asked.set(true));
        None
    }

    // Otherwise the question is not passed on.
    fn has_certs(&self) -> bool {
        true
    }
}

/// What [`super::http`] tells a certificate by that has signed itself.
#[derive(Debug, thiserror::Error)]
#[error("SelfSigned")]
struct SelfSigned;

/// What [`super::http`] tells a certificate by whose key is too small. To the usual rules its signature does not fit.
#[derive(Debug, thiserror::Error)]
#[error("SmallKey")]
struct SmallKey;

fn small_key() -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(SmallKey))))
}

fn of_small_key(error: Error, shown: &[u8]) -> Error {
    if is_badly_signed(&error) && has_small_key(shown) { small_key() } else { error }
}

fn is_badly_signed(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::BadSignature))
}

fn is_odd(error: &Error) -> bool {
    use CertificateError as C;
    let is_odd = |fault: &C| matches!(fault, C::Other(_) | C::UnknownIssuer | C::BadSignature | C::BadEncoding);
    matches!(error, Error::InvalidCertificate(fault) if is_odd(fault))
}

fn is_own_authority(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(why)) if format!("{why:?}").contains("CaUsedAsEndEntity"))
}

/// Whether a certificate names itself as who has issued it.
fn is_self_signed(shown: &[u8]) -> bool {
    issuer_validity_subject(shown).is_some_and(|[issuer, _, subject]| issuer == subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::fuzz::{like, tries};
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    #[test]
    fn certificate_that_issued_itself_is_known() {
        let made = rcgen::generate_simple_self_signed(["pia.example".to_owned()]).unwrap();
        assert!(is_self_signed(made.cert.der()));
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let issuer = rcgen::Issuer::new(authority, key);
        let leaf = CertificateParams::new(["pia.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        assert!(!is_self_signed(leaf.der()) && !is_self_signed(b"none"));
    }

    /// As Windows saves a text.
    #[test]
    fn pem_with_mark_in_front_is_read() {
        let pem = include_str!("../../tests/corpus/certificates/ec.pem");
        let marked = format!("\u{feff}{pem}");
        assert_eq!(
            (certificates(marked.as_bytes()).map(|all| all.len()), authorities(marked.as_bytes())),
            (Ok(1), Ok(()))
        );
        assert_eq!(certificates("\u{feff} \n".as_bytes()), Err("is empty"));
    }

    fn own_authority(name: &str, until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    /// What another connection, at the same time or before, was asked for is no matter of this one.
    #[tokio::test]
    async fn only_connection_that_was_asked_wants_certificate() {
        let asked = async {
            NoCertificate.resolve(&[], &[]);
            tokio::task::yield_now().await;
        };
        let other = tokio::task::yield_now();
        let (((), asked), ((), other)) = tokio::join!(noting(asked), noting(other));
        assert!(asked && !other);
        assert!(!noting(async {}).await.1);
    }

    #[test]
    fn certificate_that_is_its_own_authority_is_taken_where_named() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verdict = |shown: &CertificateDer<'static>, named: &CertificateDer<'static>, name: &'static str| {
            let usual = Verifier::new_with_extra_roots([named.clone()], Arc::clone(&provider)).unwrap();
            let trust = Trust { usual, named: vec![named.clone()] };
            let name = ServerName::try_from(name).unwrap();
            trust.verify_server_cert(shown, &[], &name, &[], UnixTime::now())
        };
        let (good, other, old) =
            (own_authority("halo.test", 2999), own_authority("halo.test", 2999), own_authority("halo.test", 2001));
        assert!(verdict(&good, &good, "halo.test").is_ok());
        assert!(verdict(&good, &other, "halo.test").is_err(), "not the one that is named");
        assert!(verdict(&good, &good, "elsewhere.test").is_err(), "another name");
        assert!(verdict(&old, &old, "halo.test").is_err(), "expired");
    }

    /// What is wrong with a certificate of an authority that is trusted, as far as the library knows it.
    #[test]
    fn refused_certificate_is_told_with_reason() {
        use crate::halo::error::TlsCause;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let read = |pem: &[u8]| certificates(pem).unwrap().remove(0);
        let authority = read(include_bytes!("../../tests/corpus/certificates/refused/authority.pem"));
        let small = read(include_bytes!("../../tests/corpus/certificates/refused/small-authority.pem"));
        let cause = |pem: &[u8], named: &CertificateDer<'static>, between: &[CertificateDer<'_>]| {
            let usual = Verifier::new_with_extra_roots([named.clone()], Arc::clone(&provider)).unwrap();
            let trust = Trust { usual, named: vec![named.clone()] };
            let name = ServerName::try_from("halo.test").unwrap();
            let error = trust.verify_server_cert(&read(pem), between, &name, &[], UnixTime::now()).unwrap_err();
            crate::halo::http::certificate_fault(&error.to_string().to_ascii_lowercase())
        };
        let sha1 = include_bytes!("../../tests/corpus/certificates/refused/sha1.pem");
        let client = include_bytes!("../../tests/corpus/certificates/refused/client.pem");
        let below_small = include_bytes!("../../tests/corpus/certificates/refused/below-small.pem");
        assert_eq!(cause(sha1, &authority, &[]), TlsCause::OldSignature);
        assert_eq!(cause(client, &authority, &[]), TlsCause::NotForServers);
        assert_eq!(cause(below_small, &authority, std::slice::from_ref(&small)), TlsCause::SmallKey);
        let wrong = Error::InvalidCertificate(CertificateError::BadSignature);
        assert!(of_small_key(wrong.clone(), &small).to_string().contains("SmallKey"), "of the handshake");
        assert!(!of_small_key(wrong, &authority).to_string().contains("SmallKey"));
    }

    /// The files that people name as an authority.
    fn corpus() -> Vec<Vec<u8>> {
        let files = [
            &include_bytes!("../../tests/corpus/certificates/ec.pem")[..],
            include_bytes!("../../tests/corpus/certificates/ed25519.pem"),
            include_bytes!("../../tests/corpus/certificates/two.pem"),
            include_bytes!("../../tests/corpus/certificates/lines-of-windows.pem"),
            include_bytes!("../../tests/corpus/certificates/with-words.pem"),
        ];
        files.map(<[u8]>::to_vec).to_vec()
    }

    #[test]
    fn certificates_are_read_as_people_have_them() {
        assert_eq!(corpus().iter().map(|pem| certificates(pem).unwrap().len()).collect::<Vec<_>>(), [1, 1, 2, 1, 1]);
    }

    proptest! {
        #![proptest_config(tries())]

        /// A garbled file is read or refused, and no garbled certificate is one of another name.
        #[test]
        fn fuzzed_certificates_speak_for_no_other_name(
            pem in like(corpus()),
            der in like(corpus().iter().flat_map(|pem| certificates(pem).unwrap()).map(|der| der.to_vec()).collect()),
        ) {
            prop_assert!(certificates(&pem).is_ok_and(|read| !read.is_empty()) || certificates(&pem).is_err());
            if let Ok(read) = ParsedCertificate::try_from(&CertificateDer::from(der)) {
                let other = ServerName::try_from("evil.example").unwrap();
                prop_assert!(verify_server_name(&read, &other).is_err());
            }
        }
    }
}

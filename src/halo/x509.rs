//! What a certificate says, as far as it is read here.

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};

/// The algorithm of a key that is one of RSA (RFC 3279, 2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// The least bytes of its modulus.
const LEAST: usize = 2048 / 8;

/// Who has issued a certificate, from when to when it is good, and whose it is (RFC 5280, 4.1).
pub(super) fn issuer_validity_subject(shown: &[u8]) -> Option<[AnyRef<'_>; 3]> {
    let [issuer, validity, subject, _] = issuer_to_key(shown)?;
    Some([issuer, validity, subject])
}

/// Whether it has a key of RSA that is smaller than is accepted.
pub(super) fn has_small_key(shown: &[u8]) -> bool {
    modulus(shown).is_some_and(|modulus| modulus < LEAST)
}

/// How many bytes the modulus of its key has, where that is one of RSA.
fn modulus(shown: &[u8]) -> Option<usize> {
    let [.., key] = issuer_to_key(shown)?;
    let mut key = SliceReader::new(key.value()).ok()?;
    let algorithm: AnyRef<'_> = key.decode().ok()?;
    let bits: AnyRef<'_> = key.decode().ok()?;
    // The first byte says how many bits the last one lacks.
    let numbers = AnyRef::from_der(bits.value().get(1..)?).ok().filter(|_| algorithm.value().starts_with(RSA))?;
    let modulus: AnyRef<'_> = SliceReader::new(numbers.value()).ok()?.decode().ok()?;
    Some(modulus.value().iter().skip_while(|byte| **byte == 0).count())
}

fn issuer_to_key(shown: &[u8]) -> Option<[AnyRef<'_>; 4]> {
    let certificate = AnyRef::from_der(shown).ok()?;
    let signed: AnyRef<'_> = SliceReader::new(certificate.value()).ok()?.decode().ok()?;
    let mut fields = SliceReader::new(signed.value()).ok()?;
    let mut next = || fields.decode::<AnyRef<'_>>().ok();
    // A version may stand before the serial number. After that comes the algorithm.
    if next()?.tag().is_context_specific() {
        next()?;
    }
    next()?;
    Some([next()?, next()?, next()?, next()?])
}

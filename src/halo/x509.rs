//! What a certificate says, as far as it is read here.

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};

/// Who has issued a certificate, from when to when it is good, and whose it is (RFC 5280, 4.1).
pub(super) fn issuer_validity_subject(shown: &[u8]) -> Option<[AnyRef<'_>; 3]> {
    let certificate = AnyRef::from_der(shown).ok()?;
    let signed: AnyRef<'_> = SliceReader::new(certificate.value()).ok()?.decode().ok()?;
    let mut fields = SliceReader::new(signed.value()).ok()?;
    let mut next = || fields.decode::<AnyRef<'_>>().ok();
    // A version may stand before the serial number. After that comes the algorithm.
    if next()?.tag().is_context_specific() {
        next()?;
    }
    next()?;
    Some([next()?, next()?, next()?])
}

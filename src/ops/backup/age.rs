//! The file format [age-encryption.org/v1](https://c2sp.org/age), as far as a backup needs it: passphrases and X25519
//! keys, everything in memory.
//!
//! The format is short and frozen, and its authors publish test vectors, which are in `tests/corpus/age`. The ciphers
//! are those of the crates that TLS needs anyway. The crate `age` would link fifty more for it, most of them for
//! messages in several languages.

use std::str::FromStr;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bech32::{Bech32, Hrp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1";
/// The binary logarithm of the work that a passphrase costs: 128 MiB and about half a second.
const WORK: u8 = 17;
/// The most work that a file may ask for, 1 GiB: it is not known yet who wrote it.
const MOST_WORK: u8 = 20;
/// The columns of a line of base64 in the header.
const COLUMNS: usize = 64;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const NONCE: usize = 16;

/// Why a sealed file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AgeError {
    #[error("the header is malformed")]
    Header,
    #[error("a recipient fits nobody")]
    Recipient,
    #[error("the passphrase would take more than 1 GiB of memory to check")]
    Work,
    #[error("none of the keys fits")]
    NoMatch,
    #[error("the header was changed")]
    Mac,
    #[error("the content was changed or cut off")]
    Payload,
    #[error("the system's cryptography failed")]
    Cipher,
}

type Result<T> = std::result::Result<T, AgeError>;

/// The key that the content is encrypted with, and that each recipient's part of the header holds.
type FileKey = Zeroizing<[u8; 16]>;
type Key = Zeroizing<[u8; 32]>;

/// Whom a file is sealed for: `age1…`.
#[derive(Debug)]
pub(super) struct Recipient([u8; 32]);

impl FromStr for Recipient {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        Ok(Self(*bech32_of(text, "age", text)?))
    }
}

/// The key of a recipient: `AGE-SECRET-KEY-1…`.
pub(super) struct Identity(Key);

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        // Keys are in capitals, recipients in small letters.
        let small = Zeroizing::new(text.to_ascii_lowercase());
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            Err(())
        } else {
            bech32_of(text, "age-secret-key-", &small).map(Self)
        }
    }
}

/// The bytes of a key, which is spelt in one way only: `small`, in small letters.
fn bech32_of(text: &str, kind: &str, small: &str) -> std::result::Result<Key, ()> {
    let parts = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).map_err(drop)?;
    let kind = Hrp::parse(kind).map_err(drop)?;
    // Room for more than fits: a buffer that grew would leave a copy of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    bytes.extend(parts.byte_iter().take(33));
    let spelt = Zeroizing::new(bech32::encode_lower::<Bech32>(kind, &bytes).map_err(drop)?);
    if *spelt != small {
        return Err(());
    }
    Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(drop)?))
}

impl Identity {
    fn private(&self) -> Result<PrivateKey> {
        PrivateKey::from_private_key(&X25519, &*self.0).map_err(|_| AgeError::Cipher)
    }
}

#[cfg(test)]
impl Identity {
    pub(super) fn generate() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).unwrap();
        Self(key)
    }

    pub(super) fn text(&self) -> String {
        bech32::encode_upper::<Bech32>(Hrp::parse("age-secret-key-").unwrap(), &*self.0).unwrap()
    }

    pub(super) fn recipient(&self) -> String {
        let public = self.private().unwrap().compute_public_key().unwrap();
        bech32::encode::<Bech32>(Hrp::parse("age").unwrap(), public.as_ref()).unwrap()
    }
}

/// Seals it for whoever knows the passphrase.
pub(super) fn seal_with(passphrase: &str, plain: &[u8]) -> Result<Vec<u8>> {
    seal(plain, |key| {
        let salt: [u8; 16] = random()?;
        let body = wrap(&*scrypt_key(passphrase, &salt, WORK)?, key)?;
        Ok(stanza(&["scrypt", &BASE64.encode(salt), &WORK.to_string()], &body))
    })
}

/// Seals it for whoever has the key of one of them.
pub(super) fn seal_for(recipients: &[Recipient], plain: &[u8]) -> Result<Vec<u8>> {
    if recipients.is_empty() {
        return Err(AgeError::Recipient);
    }
    seal(plain, |key| {
        recipients.iter().try_fold(String::new(), |header, recipient| Ok(header + &stanza_for(recipient, key)?))
    })
}

fn stanza_for(recipient: &Recipient, key: &FileKey) -> Result<String> {
    let ephemeral = Identity(Zeroizing::new(random()?)).private()?;
    let share = ephemeral.compute_public_key().map_err(|_| AgeError::Cipher)?;
    let shared = shared_key(&ephemeral, &recipient.0, share.as_ref(), &recipient.0);
    let body = wrap(&*shared.map_err(|_| AgeError::Recipient)?, key)?;
    Ok(stanza(&["X25519", &BASE64.encode(share.as_ref())], &body))
}

fn seal(plain: &[u8], stanzas: impl FnOnce(&FileKey) -> Result<String>) -> Result<Vec<u8>> {
    let key = Zeroizing::new(random()?);
    let header = format!("{VERSION}\n{}---", stanzas(&key)?);
    let mac = mac(&key, header.as_bytes())?.finalize().into_bytes();
    let nonce: [u8; NONCE] = random()?;
    let mut sealed = format!("{header} {}\n", BASE64.encode(mac)).into_bytes();
    // All of it at once: the content is plain for a moment, and a buffer that grows leaves copies behind.
    sealed.reserve_exact(NONCE + plain.len() + TAG * (plain.len() / CHUNK + 1));
    sealed.extend(nonce);
    let cipher = cipher(&*hkdf(&*key, &nonce, b"payload")?)?;
    let chunks = plain.len().div_ceil(CHUNK).max(1);
    for number in 0..chunks {
        let start = sealed.len();
        sealed.extend(&plain[number * CHUNK..plain.len().min((number + 1) * CHUNK)]);
        let nonce = chunk_nonce(number, number + 1 == chunks);
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::empty(), &mut sealed[start..]);
        sealed.extend(tag.map_err(|_| AgeError::Cipher)?.as_ref());
    }
    Ok(sealed)
}

/// A part of the header: who can open the file, and with what.
struct Stanza<'a> {
    kind: &'a str,
    arguments: Vec<&'a str>,
    body: Vec<u8>,
}

/// A sealed file whose header was understood.
pub(super) struct Sealed<'a> {
    stanzas: Vec<Stanza<'a>>,
    /// The part of the header that its authentication code covers.
    covered: &'a [u8],
    mac: [u8; 32],
    payload: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(super) fn read(sealed: &'a [u8]) -> Result<Self> {
        let mut rest = sealed;
        if line(&mut rest)? != VERSION {
            return Err(AgeError::Header);
        }
        let mut stanzas = Vec::new();
        loop {
            let before = rest;
            let head = line(&mut rest)?;
            if let Some(words) = head.strip_prefix("-> ") {
                stanzas.push(read_stanza(words, &mut rest)?);
                continue;
            }
            let mac = head.strip_prefix("--- ").ok_or(AgeError::Header)?;
            let mac = decoded(mac)?;
            let covered = &sealed[..sealed.len() - before.len() + "---".len()];
            let sealed = Self { stanzas, covered, mac, payload: rest };
            // A passphrase stands alone: whoever knows it was the only one who could have written the file.
            let is_shared = sealed.wants_passphrase() && sealed.stanzas.len() > 1;
            if sealed.stanzas.is_empty() || is_shared {
                return Err(AgeError::Header);
            }
            return Ok(sealed);
        }
    }

    /// Whether a passphrase opens it, and not a key.
    pub(super) fn wants_passphrase(&self) -> bool {
        self.stanzas.iter().any(|stanza| stanza.kind == "scrypt")
    }

    pub(super) fn open_with(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>> {
        let stanza = self.stanzas.iter().find(|stanza| stanza.kind == "scrypt").ok_or(AgeError::NoMatch)?;
        let [salt, work] = stanza.arguments[..] else { return Err(AgeError::Header) };
        let salt: [u8; 16] = decoded(salt)?;
        let body: [u8; 32] = stanza.body.as_slice().try_into().map_err(|_| AgeError::Header)?;
        if work.starts_with('0') || !work.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AgeError::Header);
        }
        let work: u8 = work.parse().map_err(|_| AgeError::Header)?;
        if work > MOST_WORK {
            return Err(AgeError::Work);
        }
        self.open(&unwrap(&*scrypt_key(passphrase, &salt, work)?, body)?.ok_or(AgeError::NoMatch)?)
    }

    pub(super) fn open_by(&self, identity: &Identity) -> Result<Zeroizing<Vec<u8>>> {
        let private = identity.private()?;
        let public = private.compute_public_key().map_err(|_| AgeError::Cipher)?;
        // A malformed stanza is an error even behind one that fits.
        let mut fitting = None;
        for stanza in self.stanzas.iter().filter(|stanza| stanza.kind == "X25519") {
            let [share] = stanza.arguments[..] else { return Err(AgeError::Header) };
            let share: [u8; 32] = decoded(share)?;
            let body: [u8; 32] = stanza.body.as_slice().try_into().map_err(|_| AgeError::Header)?;
            let key = shared_key(&private, &share, &share, public.as_ref())?;
            fitting = fitting.or(unwrap(&key, body)?);
        }
        self.open(&fitting.ok_or(AgeError::NoMatch)?)
    }

    fn open(&self, key: &FileKey) -> Result<Zeroizing<Vec<u8>>> {
        mac(key, self.covered)?.verify_slice(&self.mac).map_err(|_| AgeError::Mac)?;
        let (nonce, mut rest) = self.payload.split_at_checked(NONCE).ok_or(AgeError::Header)?;
        let cipher = cipher(&*hkdf(&**key, nonce, b"payload")?)?;
        // Room for all of it at once: a buffer that grows leaves copies of a secret behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(rest.len()));
        for number in 0.. {
            let (chunk, behind) = rest.split_at(rest.len().min(CHUNK + TAG));
            let (start, last) = (plain.len(), behind.is_empty());
            plain.extend(chunk);
            let opened = cipher.open_in_place(chunk_nonce(number, last), Aad::empty(), &mut plain[start..]);
            let length = opened.map_err(|_| AgeError::Payload)?.len();
            plain.truncate(start + length);
            // Only an empty content has an empty chunk.
            if length == 0 && number > 0 {
                return Err(AgeError::Payload);
            }
            if last {
                break;
            }
            rest = behind;
        }
        Ok(plain)
    }
}

/// The next line of a header, which is printable ASCII.
fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str> {
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(AgeError::Header)?;
    let (line, behind) = rest.split_at(end);
    *rest = &behind[1..];
    let printable = line.iter().all(|byte| (b' '..=b'~').contains(byte));
    std::str::from_utf8(line).ok().filter(|_| printable).ok_or(AgeError::Header)
}

fn read_stanza<'a>(words: &'a str, rest: &mut &'a [u8]) -> Result<Stanza<'a>> {
    let mut words = words.split(' ');
    let kind = words.next().unwrap_or_default();
    let arguments: Vec<_> = words.collect();
    if kind.is_empty() || arguments.contains(&"") {
        return Err(AgeError::Header);
    }
    let mut body = Vec::new();
    loop {
        let line = line(rest)?;
        if line.len() > COLUMNS {
            return Err(AgeError::Header);
        }
        body.extend(BASE64.decode(line).map_err(|_| AgeError::Header)?);
        // A full line is never the last.
        if line.len() < COLUMNS {
            return Ok(Stanza { kind, arguments, body });
        }
    }
}

fn stanza(words: &[&str], body: &[u8]) -> String {
    // The bodies that are written here are shorter than a line.
    format!("-> {}\n{}\n", words.join(" "), BASE64.encode(body))
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N]> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(AgeError::Header)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AgeError::Cipher)?;
    Ok(bytes)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| AgeError::Cipher)
}

/// Which chunk it is, and whether it is the last: so none can be moved, left out or cut off.
fn chunk_nonce(number: usize, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(number as u64).to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

/// A key that is used once needs no nonce of its own.
fn wrap(key: &[u8; 32], file_key: &FileKey) -> Result<[u8; 32]> {
    let mut body = [0; 32];
    let (sealed, tag) = body.split_at_mut(file_key.len());
    sealed.copy_from_slice(&**file_key);
    let made = cipher(key)?.seal_in_place_separate_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), sealed);
    tag.copy_from_slice(made.map_err(|_| AgeError::Cipher)?.as_ref());
    Ok(body)
}

/// The key in it, if this one opens it.
fn unwrap(key: &[u8; 32], body: [u8; 32]) -> Result<Option<FileKey>> {
    let mut body = Zeroizing::new(body);
    let opened = cipher(key)?.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut *body);
    Ok(opened.ok().and_then(|key| (&*key).try_into().ok()).map(Zeroizing::new))
}

fn hkdf(secret: &[u8], salt: &[u8], label: &[u8]) -> Result<Key> {
    let mut key = Zeroizing::new([0; 32]);
    let derived = Salt::new(HKDF_SHA256, salt).extract(secret);
    let expanded = derived.expand(&[label], HKDF_SHA256).and_then(|derived| derived.fill(&mut *key));
    expanded.map(|()| key).map_err(|_| AgeError::Cipher)
}

fn mac(key: &FileKey, header: &[u8]) -> Result<Hmac<Sha256>> {
    let key = hkdf(&**key, &[], b"header")?;
    let mac = Hmac::<Sha256>::new_from_slice(&*key).map_err(|_| AgeError::Cipher)?;
    Ok(mac.chain_update(header))
}

fn scrypt_key(passphrase: &str, salt: &[u8; 16], work: u8) -> Result<Key> {
    let salt = [format!("{VERSION}/scrypt").as_bytes(), salt].concat();
    let parameters = scrypt::Params::new(work, 8, 1).map_err(|_| AgeError::Header)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, &mut *key).map_err(|_| AgeError::Cipher)?;
    Ok(key)
}

/// The key of one part of the header: what only the two ends can know, and whose they are.
fn shared_key(ours: &PrivateKey, theirs: &[u8; 32], share: &[u8], recipient: &[u8]) -> Result<Key> {
    let salt = [share, recipient].concat();
    let peer = UnparsedPublicKey::new(&X25519, theirs);
    // It fails for a point that would make the secret known.
    agreement::agree(ours, peer, AgeError::Header, |shared| hkdf(shared, &salt, format!("{VERSION}/X25519").as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::path::{Path, PathBuf};

    use sha2::Digest as _;

    use super::*;
    use crate::domain::hex;

    /// What a vector expects, by the words of its header.
    fn expected(error: AgeError) -> &'static str {
        match error {
            AgeError::Header | AgeError::Work => "header failure",
            AgeError::NoMatch => "no match",
            AgeError::Mac => "HMAC failure",
            AgeError::Payload => "payload failure",
            AgeError::Recipient | AgeError::Cipher => "nothing",
        }
    }

    fn corpus() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/age")
    }

    /// A vector: what it says of itself, and the file.
    fn vector(path: &Path) -> (String, Vec<u8>) {
        let vector = std::fs::read(path).unwrap();
        let end = vector.windows(2).position(|two| two == b"\n\n").unwrap();
        (String::from_utf8(vector[..=end].to_vec()).unwrap(), vector[end + 2..].to_vec())
    }

    fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What the first key that fits makes of it.
    fn open(head: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = Sealed::read(sealed)?;
        let phrases = head.lines().filter_map(|line| line.strip_prefix("passphrase: "));
        let keys = head.lines().filter_map(|line| line.strip_prefix("identity: "));
        let tries = phrases.map(|phrase| sealed.open_with(phrase));
        let mut tries = tries.chain(keys.map(|key| sealed.open_by(&key.parse().unwrap())));
        tries.find(|tried| !matches!(tried, Err(AgeError::NoMatch))).unwrap_or(Err(AgeError::NoMatch))
    }

    #[test]
    fn every_vector_of_format_is_opened_or_refused_as_it_says() {
        let mut seen = 0;
        for entry in std::fs::read_dir(corpus()).unwrap() {
            let path = entry.unwrap().path();
            let (head, mut sealed) = vector(&path);
            let head = head.as_str();
            if value(head, "compressed").is_some() {
                let packed = std::mem::take(&mut sealed);
                flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut sealed).unwrap();
            }
            let (was, hash) = match open(head, &sealed) {
                Ok(plain) => ("success", Some(hex(&Sha256::digest(&*plain)))),
                Err(error) => (expected(error), None),
            };
            assert_eq!(Some(was), value(head, "expect"), "{}", path.display());
            if was == "success" {
                assert_eq!(hash.as_deref(), value(head, "payload"), "{}", path.display());
            }
            seen += 1;
        }
        assert_eq!(seen, 87);
    }

    #[test]
    fn content_of_any_length_opens_and_is_whole_or_refused() {
        let identity = Identity::generate();
        let recipients = [identity.recipient().parse().unwrap()];
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
            let plain: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let sealed = seal_for(&recipients, &plain).unwrap();
            let open = |sealed: &[u8]| Sealed::read(sealed)?.open_by(&identity);
            assert_eq!(*open(&sealed).unwrap(), plain, "{length}");
            for end in [sealed.len() - 1, sealed.len() - TAG, sealed.len() - length.min(CHUNK) - TAG] {
                assert_eq!(open(&sealed[..end]).unwrap_err(), AgeError::Payload, "{length}");
            }
        }
    }

    #[test]
    fn every_random_part_is_another_each_time() {
        let sealed = [(); 2].map(|()| seal_with("a b", b"plain").unwrap());
        let [one, other] = sealed.each_ref().map(|sealed| Sealed::read(sealed).unwrap());
        let salt = |sealed: &Sealed<'_>| sealed.stanzas[0].arguments[0].to_owned();
        assert_ne!(salt(&one), salt(&other));
        assert_ne!(one.payload[..NONCE], other.payload[..NONCE]);
        let keys = [(); 2].map(|()| {
            let identity = Identity(Zeroizing::new([7; 32]));
            let sealed = seal_for(&[identity.recipient().parse().unwrap()], b"plain").unwrap();
            let sealed = Sealed::read(&sealed).unwrap();
            let (private, stanza) = (identity.private().unwrap(), &sealed.stanzas[0]);
            let share = decoded(stanza.arguments[0]).unwrap();
            let public = private.compute_public_key().unwrap();
            let key = shared_key(&private, &share, &share, public.as_ref()).unwrap();
            (stanza.arguments[0].to_owned(), unwrap(&key, stanza.body.as_slice().try_into().unwrap()).unwrap().unwrap())
        });
        assert!(keys[0].0 != keys[1].0 && keys[0].1 != keys[1].1);
    }

    #[test]
    fn header_that_asks_for_too_much_work_is_refused() {
        let (_, vector) = vector(&corpus().join("scrypt"));
        let place = vector.windows(4).position(|four| four == b" 10\n").unwrap();
        for work in [21, 22, 99] {
            let asks = [&vector[..place], format!(" {work}\n").as_bytes(), &vector[place + 4..]].concat();
            assert_eq!(Sealed::read(&asks).unwrap().open_with("password").unwrap_err(), AgeError::Work);
        }
    }

    #[test]
    fn passphrase_beside_key_is_refused_to_both() {
        let (_, vector) = vector(&corpus().join("scrypt_and_x25519"));
        assert_eq!(Sealed::read(&vector).err(), Some(AgeError::Header));
    }

    #[test]
    fn no_change_of_one_letter_opens() {
        let identity = Identity::generate();
        let sealed = seal_for(&[identity.recipient().parse().unwrap()], b"plain").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            let opened = Sealed::read(&changed).and_then(|sealed| sealed.open_by(&identity));
            assert!(opened.is_err(), "byte {place}");
        }
    }
}

//! The seal of what hosts have in common. The secrets are in the store that the hosts share, and whoever reads that has not read
//! them; the configurations are signed there, so that whoever writes into it does not decide where the Client Secret is sent, or
//! what is run to get it. Each host holds the key in a file of its own.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::{Settings, random};
use crate::domain::hex;
use crate::domain::secret::Secret;

/// What a file with a key begins with.
const KIND: &str = "pia-halo-store-key-1-";

/// What a sealed text begins with. It is sealed together with that: of another kind, it does not open.
const FORM: &str = "sealed-1-";

/// What the first line of a signed text begins with: a comment.
const SIGNED: &str = "# signed-1-";

/// A key. Its text is a secret.
pub struct SealKey {
    text: Secret,
    key: Zeroizing<[u8; 32]>,
}

impl SealKey {
    /// Makes one up.
    ///
    /// # Errors
    ///
    /// [`SettingsError::NoRandom`] where the operating system gives no random bytes.
    pub fn new() -> Result<Self, SettingsError> {
        let key = random::bytes()?;
        let text = Zeroizing::new(BASE64.encode(key.as_slice()));
        Ok(Self { text: Secret::new(format!("{KIND}{}", *text)), key })
    }

    fn of(text: &str) -> Option<Self> {
        let encoded = text.trim().strip_prefix(KIND)?;
        let bytes = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let key = Zeroizing::new(bytes.as_slice().try_into().ok()?);
        Some(Self { text: Secret::new(text.trim()), key })
    }

    /// What tells it from other keys, and nothing of it.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.text.expose())[..8])
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, self.key.as_slice()).ok().map(LessSafeKey::new)
    }

    /// Seals a text.
    pub(super) fn seal(&self, plain: &[u8]) -> Result<String, SettingsError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| SettingsError::NoRandom(error.to_string()))?;
        let mut sealed = nonce.to_vec();
        // Room for all of it: a buffer that grew would leave the secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + CHACHA20_POLY1305.tag_len()));
        bytes.extend_from_slice(plain);
        let cipher = self.cipher().ok_or_else(failed)?;
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(FORM), &mut *bytes)
            .map_err(|_| failed())?;
        sealed.extend_from_slice(&bytes);
        Ok(format!("{FORM}{}", BASE64.encode(sealed)))
    }

    /// Signs a text, in a line before it.
    pub(super) fn sign(&self, text: &str) -> Result<String, SettingsError> {
        let mac = self.mac(text).ok_or_else(failed)?;
        Ok(format!("{SIGNED}{}\n{text}", BASE64.encode(mac.finalize().into_bytes())))
    }

    /// The text that was signed with this key; none of any other.
    pub(super) fn signed<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let (signature, text) = signed.strip_prefix(SIGNED)?.split_once('\n')?;
        self.mac(text)?.verify_slice(&BASE64.decode(signature).ok()?).ok().map(|()| text)
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let of = |key: &[u8], text: &str| Some(Hmac::<Sha256>::new_from_slice(key).ok()?.chain_update(text));
        // Not with the key itself: that is the cipher's.
        of(&of(self.key.as_slice(), SIGNED)?.finalize().into_bytes(), text)
    }

    /// Opens what was sealed with this key; none of anything else.
    pub(super) fn open(&self, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = BASE64.decode(sealed.strip_prefix(FORM)?).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.cipher()?.open_in_place(nonce, Aad::from(FORM), &mut rest).ok()?.len();
        rest.truncate(length);
        Some(rest)
    }
}

fn failed() -> SettingsError {
    SettingsError::NoRandom("the cipher failed".to_owned())
}

impl Settings {
    /// The key that this host holds; none where it has none.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where its file is there and cannot be used.
    pub fn seal_key(&self) -> Result<Option<SealKey>, SettingsError> {
        let path = self.paths().store_key();
        self.require_secret(&path)?;
        let Some(text) = private_file::read(&path)? else { return Ok(None) };
        let key = std::str::from_utf8(&text).ok().and_then(SealKey::of);
        key.map(Some).ok_or(SettingsError::NoKey { path })
    }

    /// The key that this host holds, made up where it has none.
    ///
    /// # Errors
    ///
    /// As [`Settings::seal_key`], and where it cannot be saved.
    pub fn make_seal_key(&self) -> Result<SealKey, SettingsError> {
        let path = self.paths().store_key();
        let file = Exclusive::take(&path)?;
        if let Some(key) = self.seal_key()? {
            return Ok(key);
        }
        self.keep(&file, SealKey::new()?)
    }

    /// Puts another key in the place of the one that this host holds.
    ///
    /// # Errors
    ///
    /// Where it cannot be saved.
    pub fn replace_seal_key(&self, key: SealKey) -> Result<SealKey, SettingsError> {
        self.keep(&Exclusive::take(&self.paths().store_key())?, key)
    }

    fn keep(&self, file: &Exclusive, key: SealKey) -> Result<SealKey, SettingsError> {
        let line = Zeroizing::new(format!("{}\n", key.text.expose()));
        file.replace(line.as_bytes())?;
        Ok(key)
    }

    /// Opens the secrets that hosts have in common.
    ///
    /// # Errors
    ///
    /// [`SettingsError::KeyMissing`] and [`SettingsError::OtherKey`] where they stay sealed for this host.
    pub(super) fn unsealed(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
        let path = self.paths().store_key();
        match self.seal_key()? {
            None => Err(SettingsError::KeyMissing { path }),
            Some(key) => key.open(sealed).ok_or(SettingsError::OtherKey { path }),
        }
    }

    /// The text of the configurations, where a host with this host's key has saved it.
    ///
    /// # Errors
    ///
    /// As [`Settings::unsealed`].
    pub(super) fn signed(&self, signed: &str) -> Result<String, SettingsError> {
        let path = self.paths().store_key();
        match self.seal_key()? {
            None => Err(SettingsError::KeyMissing { path }),
            Some(key) => key.signed(signed).map(str::to_owned).ok_or(SettingsError::OtherKey { path }),
        }
    }

    pub(super) fn sign(&self, text: &str) -> Result<String, SettingsError> {
        let path = self.paths().store_key();
        self.seal_key()?.ok_or(SettingsError::KeyMissing { path })?.sign(text)
    }

    pub(super) fn sealed(&self, plain: &[u8]) -> Result<String, SettingsError> {
        let path = self.paths().store_key();
        self.seal_key()?.ok_or(SettingsError::KeyMissing { path })?.seal(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Paths;

    #[test]
    fn only_same_key_opens_what_was_sealed_and_nothing_of_it_shows() {
        let (key, other) = (SealKey::new().unwrap(), SealKey::new().unwrap());
        let plain = b"token = \"hunter2-hunter2\"";
        let sealed = key.seal(plain).unwrap();
        assert_ne!(sealed, key.seal(plain).unwrap(), "each time anew");
        assert_eq!(*key.open(&sealed).unwrap(), plain);
        assert!(other.open(&sealed).is_none());
        for odd in ["", FORM, "sealed-2-AAAA", &sealed[1..], &sealed[..sealed.len() - 4], "token = \"x\""] {
            assert!(key.open(odd).is_none(), "{odd}");
        }
        let mut changed = sealed.clone().into_bytes();
        let last = changed.len() - 10;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        assert!(key.open(std::str::from_utf8(&changed).unwrap()).is_none());
        assert!(!sealed.contains("hunter2") && !key.fingerprint().contains(&key.text.expose()[KIND.len()..][..8]));
    }

    #[test]
    fn only_text_that_was_signed_with_key_is_taken() {
        let (key, other) = (SealKey::new().unwrap(), SealKey::new().unwrap());
        let signed = key.sign("url = \"https://halo\"\n").unwrap();
        assert_eq!(key.signed(&signed), Some("url = \"https://halo\"\n"));
        assert!(other.signed(&signed).is_none());
        for odd in [signed.replace("halo", "evil"), signed.replace('\n', ""), signed[3..].to_owned(), String::new()] {
            assert!(key.signed(&odd).is_none(), "{odd}");
        }
        assert!(key.signed("url = \"https://evil\"\n").is_none());
    }

    #[test]
    fn key_is_made_once_and_refused_where_others_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new(Paths::below(folder.path()));
        assert!(settings.seal_key().unwrap().is_none());
        let made = settings.make_seal_key().unwrap().fingerprint();
        assert_eq!(settings.make_seal_key().unwrap().fingerprint(), made);
        let path = settings.paths().store_key();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640);
        assert!(settings.seal_key().is_err());
        mode(0o600);
        std::fs::write(&path, "hunter2").unwrap();
        let error = settings.seal_key().err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

//! The seal of what hosts have in common. The secrets are in the store that the hosts share, and whoever reads that has not read
//! them; the configurations are signed there, so that whoever writes into it does not make up where the Client Secret is sent, or
//! what is run to get it. Each host holds the key in a file of its own.
//!
//! A text counts as what it was saved as, and as the save that it was: none stands for another. What nobody sees is that the whole
//! store is an older one, as after its restore.

use std::path::PathBuf;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::shared::{Part, Text};
use super::{Settings, random};
use crate::domain::hex;
use crate::domain::secret::Secret;

/// What a file with a key begins with.
const KIND: &str = "pia-halo-store-key-1-";

/// What a sealed text begins with.
const FORM: &str = "sealed-1-";

/// What the first line of a signed text begins with: a comment.
const SIGNED: &str = "# signed-1-";

/// What the key of tags is made with.
const TAG: &str = "tag-1-";

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

    fn line(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(format!("{}\n", self.text.expose()).into_bytes())
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, self.key.as_slice()).ok().map(LessSafeKey::new)
    }

    /// A text as it is saved as this part, for the so many-th time: secrets are sealed, everything else is signed.
    pub(super) fn kept(&self, part: Part, save: u64, plain: &[u8]) -> Result<String, SettingsError> {
        match part {
            Part::Secrets => self.seal(part, save, plain),
            Part::Configurations | Part::Owner => self.sign(part, save, &String::from_utf8_lossy(plain)),
        }
    }

    /// Seals a text that is saved as this part, for the so many-th time.
    fn seal(&self, part: Part, save: u64, plain: &[u8]) -> Result<String, SettingsError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| SettingsError::NoRandom(error.to_string()))?;
        let mut sealed = nonce.to_vec();
        // Room for all of it: a buffer that grew would leave the secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + CHACHA20_POLY1305.tag_len()));
        bytes.extend_from_slice(plain);
        let cipher = self.cipher().ok_or(SettingsError::NoCipher)?;
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place(FORM, part, save), &mut *bytes)
            .map_err(|_| SettingsError::NoCipher)?;
        sealed.extend_from_slice(&bytes);
        Ok(format!("{FORM}{}", BASE64.encode(sealed)))
    }

    /// Opens what was sealed with this key; none of anything else.
    fn open(&self, part: Part, text: &Text) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = BASE64.decode(text.content.strip_prefix(FORM)?).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.cipher()?.open_in_place(nonce, place(FORM, part, text.save), &mut rest).ok()?.len();
        rest.truncate(length);
        Some(rest)
    }

    /// Signs a text that is saved as this part, for the so many-th time, in a line before it.
    fn sign(&self, part: Part, save: u64, text: &str) -> Result<String, SettingsError> {
        let mac = self.mac(part, save, text).ok_or(SettingsError::NoCipher)?;
        Ok(format!("{SIGNED}{}\n{text}", BASE64.encode(mac.finalize().into_bytes())))
    }

    /// The text that was signed with this key; none of any other.
    fn signed(&self, part: Part, text: &Text) -> Option<String> {
        let (signature, plain) = text.content.strip_prefix(SIGNED)?.split_once('\n')?;
        self.mac(part, text.save, plain)?.verify_slice(&BASE64.decode(signature).ok()?).ok()?;
        Some(plain.to_owned())
    }

    fn mac(&self, part: Part, save: u64, text: &str) -> Option<Hmac<Sha256>> {
        Some(self.hmac(SIGNED)?.chain_update(place(SIGNED, part, save)).chain_update(text))
    }

    fn hmac(&self, purpose: &str) -> Option<Hmac<Sha256>> {
        let of = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).ok();
        // Not with the key itself: that is the cipher's.
        of(&of(self.key.as_slice())?.chain_update(purpose).finalize().into_bytes())
    }

    /// What only whoever holds this key can say of a text that is no setting.
    pub fn tag(&self, text: &str) -> Option<String> {
        Some(BASE64.encode(self.hmac(TAG)?.chain_update(text).finalize().into_bytes()))
    }

    /// Whether a host with this key has saved it.
    fn fits(&self, part: Part, text: &Text) -> bool {
        if part == Part::Secrets { self.open(part, text).is_some() } else { self.signed(part, text).is_some() }
    }
}

/// What a text is sealed and signed together with.
fn place(form: &str, part: Part, save: u64) -> Aad<String> {
    Aad::from(format!("{form}{}-{save}\n", part.key()))
}

/// A signed text, whoever has signed it.
pub(super) fn unsigned(text: &str) -> &str {
    match text.strip_prefix(SIGNED) {
        Some(signed) => signed.split_once('\n').map_or("", |(_, text)| text),
        None => text,
    }
}

impl Settings {
    /// The key that this host holds; none where it has none.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where its file is there and cannot be used.
    pub fn seal_key(&self) -> Result<Option<SealKey>, SettingsError> {
        self.key_in(self.paths().store_key())
    }

    fn key_in(&self, path: PathBuf) -> Result<Option<SealKey>, SettingsError> {
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
        let key = SealKey::new()?;
        file.replace(&key.line())?;
        Ok(key)
    }

    /// Makes a key that counts as well from now on, and as the only one once it is [settled](Settings::settle_key): what is
    /// sealed with it can be opened, whatever stops that.
    pub(super) fn make_next_key(&self) -> Result<SealKey, SettingsError> {
        let key = SealKey::new()?;
        private_file::replace(&self.next_key(), &key.line())?;
        Ok(key)
    }

    /// Puts the next key, if there is one and it is in use, in the place of the one before it, which is kept beside it: a dump of
    /// the store may need that.
    pub(super) fn settle_key(&self) -> Result<(), SettingsError> {
        let Some(next) = self.key_in(self.next_key())? else { return Ok(()) };
        let path = self.paths().store_key();
        let file = Exclusive::take(&path)?;
        let saved = self.common_as_it_is(Part::Configurations)?;
        if saved.is_some_and(|text| next.fits(Part::Configurations, &text)) {
            if let Some(before) = self.seal_key()? {
                private_file::replace(&path.with_extension("key.old"), &before.line())?;
            }
            file.replace(&next.line())?;
        }
        Ok(Exclusive::take(&self.next_key())?.remove()?)
    }

    fn next_key(&self) -> PathBuf {
        self.paths().store_key().with_extension("key.new")
    }

    /// The keys that this host holds: one, and for a moment the next one as well.
    fn keys(&self) -> Result<Vec<SealKey>, SettingsError> {
        let keys: Vec<SealKey> = [self.seal_key()?, self.key_in(self.next_key())?].into_iter().flatten().collect();
        if keys.is_empty() { Err(SettingsError::KeyMissing { path: self.paths().store_key() }) } else { Ok(keys) }
    }

    /// The one that is in use.
    pub(super) fn key_in_use(&self) -> Result<SealKey, SettingsError> {
        let mut keys = self.keys()?;
        if keys.len() > 1
            && let Some(saved) = self.common_as_it_is(Part::Configurations)?
            && let Some(at) = keys.iter().position(|key| key.fits(Part::Configurations, &saved))
        {
            return Ok(keys.swap_remove(at));
        }
        Ok(keys.swap_remove(0))
    }

    /// Opens the secrets that hosts have in common.
    ///
    /// # Errors
    ///
    /// [`SettingsError::KeyMissing`] and [`SettingsError::OtherKey`] where they stay sealed for this host,
    /// [`SettingsError::Tampered`] where somebody without the key has written them.
    pub(super) fn unsealed(&self, text: &Text) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
        match self.keys()?.iter().find_map(|key| key.open(Part::Secrets, text)) {
            Some(plain) => Ok(plain),
            None => Err(self.unfit(Part::Configurations)?),
        }
    }

    /// A signed text, where a host with this host's key has saved it.
    ///
    /// # Errors
    ///
    /// As [`Settings::unsealed`].
    pub(super) fn signed(&self, part: Part, text: &Text) -> Result<String, SettingsError> {
        match self.keys()?.iter().find_map(|key| key.signed(part, text)) {
            Some(plain) => Ok(plain),
            None => Err(self.unfit(Part::Secrets)?),
        }
    }

    // Why a text does not fit the keys of this host, by another one.
    fn unfit(&self, other: Part) -> Result<SettingsError, SettingsError> {
        let (keys, text) = (self.keys()?, self.common_as_it_is(other)?);
        let fits = |text: &Text| keys.iter().any(|key| key.fits(other, text));
        Ok(match text.is_some_and(|text| fits(&text)) {
            true => SettingsError::Tampered { name: self.common_name() },
            false => SettingsError::OtherKey { path: self.paths().store_key() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Paths;

    fn text(content: &str, save: u64) -> Text {
        let at = "2026-11-30T12:00:00Z".parse().unwrap();
        Text { content: content.to_owned(), save, at, by: "ada".to_owned(), host: "jump1".to_owned() }
    }

    #[test]
    fn only_same_key_opens_what_was_sealed_and_nothing_of_it_shows() {
        let (key, other) = (SealKey::new().unwrap(), SealKey::new().unwrap());
        let plain = b"token = \"hunter2-hunter2\"";
        let sealed = key.seal(Part::Secrets, 3, plain).unwrap();
        assert_ne!(sealed, key.seal(Part::Secrets, 3, plain).unwrap(), "each time anew");
        let open = |key: &SealKey, sealed: &str| key.open(Part::Secrets, &text(sealed, 3));
        assert_eq!(*open(&key, &sealed).unwrap(), plain);
        assert!(open(&other, &sealed).is_none());
        for odd in ["", FORM, "sealed-2-AAAA", &sealed[1..], &sealed[..sealed.len() - 4], "token = \"x\""] {
            assert!(open(&key, odd).is_none(), "{odd}");
        }
        assert!(key.open(Part::Secrets, &text(&sealed, 4)).is_none(), "as another save");
        assert!(key.open(Part::Owner, &text(&sealed, 3)).is_none(), "as another part");
        let mut changed = sealed.clone().into_bytes();
        let last = changed.len() - 10;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        assert!(open(&key, std::str::from_utf8(&changed).unwrap()).is_none());
        assert!(!sealed.contains("hunter2") && !key.fingerprint().contains(&key.text.expose()[KIND.len()..][..8]));
    }

    #[test]
    fn only_text_that_was_signed_with_key_is_taken() {
        let (key, other) = (SealKey::new().unwrap(), SealKey::new().unwrap());
        let plain = "url = \"https://halo\"\n";
        let signed = key.sign(Part::Configurations, 3, plain).unwrap();
        let taken = |key: &SealKey, signed: &str| key.signed(Part::Configurations, &text(signed, 3));
        assert_eq!(taken(&key, &signed).as_deref(), Some(plain));
        assert!(taken(&other, &signed).is_none());
        for odd in [signed.replace("halo", "evil"), signed.replace('\n', ""), signed[3..].to_owned(), String::new()] {
            assert!(taken(&key, &odd).is_none(), "{odd}");
        }
        assert!(taken(&key, "url = \"https://evil\"\n").is_none());
        assert!(key.signed(Part::Configurations, &text(&signed, 2)).is_none(), "as another save");
        assert!(key.signed(Part::Owner, &text(&signed, 3)).is_none(), "as another part");
        assert_eq!((unsigned(&signed), unsigned("active = \"a\"\n")), (plain, "active = \"a\"\n"));
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

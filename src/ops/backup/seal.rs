//! Secrets sealed for a backup, in the form of `age`: by a passphrase, or for whoever has a key.

use std::io::Read;

use age::secrecy::SecretString;
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use zeroize::Zeroizing;

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::domain::untrusted::passphrase_of;

/// What seals the secrets.
#[derive(Debug)]
pub enum Seal {
    /// Whoever knows it can open them.
    Passphrase(Secret),
    /// Whoever has the key of one of these can: `age1…`.
    Recipients(Vec<String>),
}

#[derive(Debug)]
pub enum Key {
    Passphrase(Secret),
    /// The content of an identity file of `age`: lines of `AGE-SECRET-KEY-1…`.
    Identities(Secret),
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Declined, message)
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Usage, message)
}

impl Seal {
    /// What its name in a report is.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Recipients(_) => "recipient",
        }
    }

    pub(super) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |error: age::EncryptError| refused(format!("cannot encrypt the secrets: {error}"));
        match self {
            Self::Passphrase(passphrase) => {
                let recipient = age::scrypt::Recipient::new(SecretString::from(passphrase_of(passphrase.expose())));
                age::encrypt(&recipient, plain).map_err(failed)
            }
            Self::Recipients(texts) => {
                let parse = |text: &String| {
                    text.trim().parse::<Recipient>().map_err(|why| wrong(format!("not a valid age recipient: {why}")))
                };
                let recipients = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
                let all = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
                let encryptor = Encryptor::with_recipients(all).map_err(failed)?;
                let mut sealed = Vec::new();
                let write = || {
                    let mut writer = encryptor.wrap_output(&mut sealed)?;
                    std::io::Write::write_all(&mut writer, plain)?;
                    writer.finish().map(drop)
                };
                write().map_err(|error| refused(format!("cannot encrypt the secrets: {error}")))?;
                Ok(sealed)
            }
        }
    }
}

/// Whether a passphrase opens it, and not a key.
pub(super) fn wants_passphrase(sealed: &[u8]) -> Result<bool, Failure> {
    Ok(decryptor(sealed)?.is_scrypt())
}

fn decryptor(sealed: &[u8]) -> Result<Decryptor<&[u8]>, Failure> {
    Decryptor::new(sealed).map_err(|error| refused(format!("the encrypted secrets cannot be read: {error}")))
}

impl Key {
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let identities: Vec<Box<dyn age::Identity>> = match self {
            Self::Passphrase(passphrase) => {
                // As it was given first: what is invisible at its ends was once part of it.
                let mut ways = vec![passphrase.expose(), passphrase_of(passphrase.expose())];
                ways.dedup();
                ways.into_iter().map(|way| Box::new(age::scrypt::Identity::new(SecretString::from(way))) as _).collect()
            }
            Self::Identities(text) => {
                let lines =
                    text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let parse = |line: &str| {
                    let identity = line.parse::<Identity>();
                    let boxed = identity.map(|identity| Box::new(identity) as Box<dyn age::Identity>);
                    // The words of the error could quote the key.
                    boxed.map_err(|_| wrong("the identity file has lines that are not age keys (AGE-SECRET-KEY-1…)"))
                };
                lines.map(parse).collect::<Result<_, _>>()?
            }
        };
        let what = match self {
            Self::Passphrase(_) => "wrong passphrase for the secrets",
            Self::Identities(_) => "none of the keys opens the secrets",
        };
        // One after the other, until one fits: a passphrase that is wrong ends a search through several.
        let mut fitting = None;
        for identity in &identities {
            fitting = decryptor(sealed)?.decrypt(std::iter::once(&**identity)).ok();
            if fitting.is_some() {
                break;
            }
        }
        let mut reader = fitting.ok_or_else(|| refused(what))?;
        // Room for all of it at once: a buffer that grows leaves copies of a secret behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut plain).map_err(|_| refused("the encrypted secrets are damaged"))?;
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn recipient_alone_opens_what_was_sealed_for_it() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let seal = Seal::Recipients(vec![ours.to_public().to_string(), other.to_public().to_string()]);
        let sealed = seal.seal(b"plain").unwrap();
        assert!(!wants_passphrase(&sealed).unwrap());
        let key = |identity: &Identity| {
            let text = format!("# made by a test\n{}\n", identity.to_string().expose_secret());
            Key::Identities(Secret::new(text))
        };
        assert_eq!(*key(&ours).open(&sealed).unwrap(), b"plain");
        assert_eq!(*key(&other).open(&sealed).unwrap(), b"plain");
        let failure = key(&Identity::generate()).open(&sealed).unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Declined, "none of the keys opens the secrets")
        );
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(key(&ours).open(&damaged).is_err());
    }

    #[test]
    fn passphrase_opens_with_and_without_what_is_invisible() {
        let key = |text: &str| Key::Passphrase(Secret::new(text));
        let sealed = Seal::Passphrase(Secret::new("\u{feff}a b ")).seal(b"plain").unwrap();
        assert_eq!(*key("a b ").open(&sealed).unwrap(), b"plain");
        assert_eq!(*key("a b \u{a0}").open(&sealed).unwrap(), b"plain");
        assert_eq!(key("a b").open(&sealed).unwrap_err().message, "wrong passphrase for the secrets");
        // As earlier versions sealed it.
        let raw = age::scrypt::Recipient::new(SecretString::from("\u{feff}a b"));
        let sealed = age::encrypt(&raw, b"plain").unwrap();
        assert_eq!(*key("\u{feff}a b").open(&sealed).unwrap(), b"plain");
    }

    #[test]
    fn wrong_key_or_recipient_is_refused_and_not_quoted() {
        let secret = "AGE-SECRET-KEY-1CANARY";
        let sealed = Seal::Recipients(vec![Identity::generate().to_public().to_string()]).seal(b"plain").unwrap();
        let failure = Key::Identities(Secret::new(secret)).open(&sealed).unwrap_err();
        assert!(failure.kind == FailureKind::Usage && !failure.message.contains("CANARY"), "{failure}");
        let failure = Seal::Recipients(vec!["age1nobody".to_owned()]).seal(b"plain").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(wants_passphrase(b"no age").is_err());
    }
}

//! Secrets sealed for a backup, in the form of `age`: by a passphrase, or for whoever has a key.

use zeroize::Zeroizing;

use super::age::{self, AgeError, Identity, Recipient, Sealed};
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

/// Never quoted: it may be the key itself.
fn no_recipient(place: usize, text: &str) -> Failure {
    let is_key = text.trim().to_ascii_uppercase().starts_with("AGE-SECRET-KEY-");
    match is_key {
        true => {
            wrong(format!("recipient {place} is a secret key; give its recipient (age1…), which age-keygen -y prints"))
        }
        false => wrong(format!("recipient {place} is not a valid age recipient (age1…)")),
    }
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
        let sealed = match self {
            Self::Passphrase(passphrase) => age::seal_with(passphrase_of(passphrase.expose()), plain),
            Self::Recipients(texts) => {
                let parse = |(place, text): (usize, &String)| {
                    text.trim().parse::<Recipient>().map_err(|()| no_recipient(place + 1, text))
                };
                let recipients = texts.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
                age::seal_for(&recipients, plain)
            }
        };
        sealed.map_err(|error| match error {
            AgeError::Recipient => wrong("nobody could open what is encrypted for these recipients"),
            error => refused(format!("cannot encrypt the secrets: {error}")),
        })
    }
}

/// Whether a passphrase opens it, and not a key.
pub(super) fn wants_passphrase(sealed: &[u8]) -> Result<bool, Failure> {
    Ok(read(sealed)?.wants_passphrase())
}

fn read(sealed: &[u8]) -> Result<Sealed<'_>, Failure> {
    Sealed::read(sealed).map_err(unreadable)
}

fn unreadable(error: AgeError) -> Failure {
    refused(match error {
        AgeError::Mac | AgeError::Payload => "the encrypted secrets are damaged".to_owned(),
        error => format!("the encrypted secrets cannot be read: {error}"),
    })
}

impl Key {
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let sealed = read(sealed)?;
        match self {
            Self::Passphrase(passphrase) => {
                // As it was given first: what is invisible at its ends was once part of it.
                let mut ways = vec![passphrase.expose(), passphrase_of(passphrase.expose())];
                ways.dedup();
                first_that_opens(ways, |way| sealed.open_with(way), "wrong passphrase for the secrets")
            }
            Self::Identities(text) => {
                let lines =
                    text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let parse = |line: &str| {
                    let refusal = "the identity file has lines that are not age keys (AGE-SECRET-KEY-1…)";
                    line.parse::<Identity>().map_err(|()| wrong(refusal))
                };
                let identities = lines.map(parse).collect::<Result<Vec<_>, _>>()?;
                first_that_opens(identities, |identity| sealed.open_by(&identity), "none of the keys opens the secrets")
            }
        }
    }
}

fn first_that_opens<T>(
    keys: Vec<T>,
    open: impl Fn(T) -> Result<Zeroizing<Vec<u8>>, AgeError>,
    none: &str,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    for key in keys {
        match open(key) {
            Err(AgeError::NoMatch) => {}
            opened => return opened.map_err(unreadable),
        }
    }
    Err(refused(none))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipient_alone_opens_what_was_sealed_for_it() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let seal = Seal::Recipients(vec![ours.recipient(), other.recipient()]);
        let sealed = seal.seal(b"plain").unwrap();
        assert!(!wants_passphrase(&sealed).unwrap());
        let key = |identity: &Identity| {
            let text = format!("# made by a test\n{}\n", identity.text());
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
        let sealed = age::seal_with("\u{feff}a b", b"plain").unwrap();
        assert_eq!(*key("\u{feff}a b").open(&sealed).unwrap(), b"plain");
    }

    #[test]
    fn wrong_key_or_recipient_is_refused_and_not_quoted() {
        let secret = "AGE-SECRET-KEY-1CANARY";
        let sealed = Seal::Recipients(vec![Identity::generate().recipient()]).seal(b"plain").unwrap();
        let failure = Key::Identities(Secret::new(secret)).open(&sealed).unwrap_err();
        assert!(failure.kind == FailureKind::Usage && !failure.message.contains("CANARY"), "{failure}");
        let good = Identity::generate().recipient();
        let low_order = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
        for (recipients, words) in [
            (vec!["age1CANARY"], "recipient 1 is not a valid age recipient (age1…)"),
            (
                vec![&good, secret],
                "recipient 2 is a secret key; give its recipient (age1…), which age-keygen -y prints",
            ),
            (vec![&good.to_uppercase()], "recipient 1 is not a valid age recipient (age1…)"),
            (vec![low_order], "nobody could open what is encrypted for these recipients"),
            (vec![], "nobody could open what is encrypted for these recipients"),
        ] {
            let seal = Seal::Recipients(recipients.into_iter().map(ToOwned::to_owned).collect());
            let failure = seal.seal(b"plain").unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Usage, words));
        }
        assert!(wants_passphrase(b"no age").is_err());
    }
}

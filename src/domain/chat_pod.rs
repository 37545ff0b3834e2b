//! The address that the Pia Chat Pod tab shows inside a Halo ticket.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::address::{AddressError, PiaUrl};

/// The longest address a custom tab takes.
const LONGEST: usize = 1_000;

/// An address with Halo's variables in it, such as `$FAULTID`; Halo fills them in when the tab opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChatPodUrl(String);

/// Why an address cannot be the chat pod's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChatPodError {
    /// The address itself is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// `https://` was left out; it is not guessed, because the rest is kept to the letter.
    #[error("the address must start with https://")]
    Scheme,
    /// The tab would not know which ticket it stands in.
    #[error("$FAULTID is missing: without it the chat pod does not know its ticket")]
    NoTicket,
    /// Longer than a custom tab takes.
    #[error("at most {LONGEST} characters")]
    TooLong,
}

impl ChatPodUrl {
    /// The name of the tab, as the guide has it.
    pub const TAB_NAME: &'static str = "Pia Chat Pod";

    /// Reads an address. It is kept to the letter, variables included.
    pub fn parse(text: &str) -> Result<Self, ChatPodError> {
        let text = text.trim();
        // Judged by the rules of every address; the fragment and the query, which those drop, are kept.
        PiaUrl::read(text)?;
        if !text.contains("://") {
            return Err(ChatPodError::Scheme);
        }
        if !text.contains("$FAULTID") {
            return Err(ChatPodError::NoTicket);
        }
        if text.chars().count() > LONGEST { Err(ChatPodError::TooLong) } else { Ok(Self(text.to_owned())) }
    }

    /// The address used where none is set.
    pub fn below(pia: &PiaUrl) -> Self {
        Self(pia.join("/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID"))
    }

    /// The address as it is written into Halo.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part in front of the query, by which a tab made earlier is recognised.
    pub fn without_query(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or(&self.0).trim_end_matches('/')
    }
}

impl fmt::Display for ChatPodUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ChatPodUrl {
    type Error = ChatPodError;
    fn try_from(text: String) -> Result<Self, ChatPodError> {
        Self::parse(&text)
    }
}

impl From<ChatPodUrl> for String {
    fn from(url: ChatPodUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_kept_to_letter_and_needs_ticket() {
        let text = "https://pia.acme.example/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID#x";
        assert_eq!(ChatPodUrl::parse(text).unwrap().as_str(), text);
        assert_eq!(ChatPodUrl::parse("https://pia.acme.example/pod"), Err(ChatPodError::NoTicket));
        assert_eq!(ChatPodUrl::parse("pia.acme.example/pod?t=$FAULTID"), Err(ChatPodError::Scheme));
        assert!(matches!(ChatPodUrl::parse("http://pia.acme.example/$FAULTID"), Err(ChatPodError::Address(_))));
        let long = format!("https://pia.acme.example/$FAULTID{}", "x".repeat(1_000));
        assert_eq!(ChatPodUrl::parse(&long), Err(ChatPodError::TooLong));
    }

    #[test]
    fn default_is_below_pia() {
        let pia = PiaUrl::read("https://pia.acme.example/").unwrap().address;
        let url = ChatPodUrl::below(&pia);
        assert_eq!(url.as_str(), "https://pia.acme.example/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID");
        assert_eq!(url.without_query(), "https://pia.acme.example/pod");
        assert_eq!(ChatPodUrl::parse(url.as_str()), Ok(url));
    }
}

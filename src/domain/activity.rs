//! The audit trail: who did what, when, and what came of it.
//!
//! Every line carries the hash of the one before it, so that a line which was changed, taken out or put in shows.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::is_guid;
use super::untrusted::Untrusted;

/// Who is acting.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The person's login name; `uid N` for one that the password database does not know.
    pub user: String,
    /// The account that the program runs under, where `sudo` or `su` made it another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_as: Option<String>,
    /// The number of the account that logged in, by the kernel's audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The address an SSH session comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_from: Option<String>,
    /// The terminal, such as `pts/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
}

impl Actor {
    /// The person, and the account where it is another one: `dana as pia-halo`.
    pub fn account(&self) -> String {
        let shown = |text: &str| Untrusted::new(text).display();
        let account = self.acting_as.as_deref().map_or_else(String::new, |account| format!(" as {}", shown(account)));
        shown(&self.user) + &account
    }
}

/// Who, from where: `dana as pia-halo from 192.0.2.7 at pts/3`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| Untrusted::new(text).display();
        f.write_str(&self.account())?;
        self.ssh_from.iter().try_for_each(|from| write!(f, " from {}", shown(from)))?;
        self.terminal.iter().try_for_each(|terminal| write!(f, " at {}", shown(terminal)))
    }
}

/// One line of the audit trail. Secrets in it are masked before it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When it was done.
    pub at: Timestamp,
    /// The account that acted, and by which login it was reached.
    pub who: Actor,
    /// The configuration, where one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// What was done: `save`, `activate`, `sync`, `create webhook` …
    pub action: String,
    /// To what: the name of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ActivityField>,
    /// How it ended: `done`, `failed` …
    pub outcome: String,
    /// What there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Halo's answer to the write, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halo: Option<HaloAnswer>,
}

impl Activity {
    /// The same with everything masked that has the shape of a token, wherever it came from: the last net under those
    /// who fill the fields.
    #[must_use]
    pub fn masked(mut self) -> Self {
        let mask = |text: &mut Option<String>| *text = text.as_deref().map(mask_tokens);
        mask(&mut self.message);
        for field in &mut self.fields {
            mask(&mut field.before);
            mask(&mut field.after);
        }
        if let Some(answer) = &mut self.halo {
            mask(&mut answer.said);
        }
        self
    }
}

/// Letters and digits in a row that make a token: 32 bytes in base64 are 43, a key in hexadecimal is at least 32.
const TOKEN: usize = 32;

/// Cuts every token in a text down to its last four characters. An id of Halo, a GUID, is none.
pub(crate) fn mask_tokens(text: &str) -> String {
    let belongs = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(belongs) {
        let (before, run) = rest.split_at(start);
        let (run, after) = run.split_at(run.find(|character| !belongs(character)).unwrap_or(run.len()));
        out.push_str(before);
        if run.len() >= TOKEN && !is_guid(run) {
            out.push('…');
            // A run is ASCII.
            out.push_str(run.get(run.len() - 4..).unwrap_or_default());
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What Halo answered to a write.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HaloAnswer {
    /// The status; none where no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Halo's own words, fit to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// A line of the trail as it stands in the file: what was done, by which process, and the hash that ties it to the
/// lines before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was done.
    #[serde(flatten)]
    pub activity: Activity,
    /// The name of the machine where it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The number of the operating system's user: unlike the name, no variable of the environment gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The process that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Whether a line before this one was left unfinished, as by a killed program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub torn: bool,
    /// The number of the line, where the trail has an anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What this line found missing before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// The SHA-256 of the line before, and of what was left unfinished after that; none in lines from before the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
}

/// What was found when a line was to be written: the end of the trail did not fit its anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The lines that there had been; none where the anchor was missing.
    pub lines: Option<u64>,
}

/// Whether the lines of the trail still follow each other.
///
/// A line that was changed, taken out or put in between shows. Lines cut off at the end show by the anchor. Who can write
/// both files can make both anew: a hash that was noted elsewhere shows that.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Chain {
    /// Whether every line follows the one before, and the expected hash was found.
    pub whole: bool,
    /// Lines in the file.
    pub lines: u64,
    /// Lines from before the chain: at the beginning, and not held by it.
    pub before_chain: u64,
    /// Places where a line was left unfinished and the chain went on.
    pub torn: u64,
    /// Where it does not hold; the first ones.
    #[serde(skip)]
    pub breaks: Vec<ChainBreak>,
    /// Lines that are proved to be all there had been when the anchor was written; none where there is no anchor.
    pub anchored: Option<u64>,
    /// Whether the last line was written together with an anchor.
    #[serde(skip)]
    pub ends_anchored: bool,
    /// The hash that the next line will carry. Noted elsewhere, it can be asked for later.
    pub head: String,
    /// Whether the expected hash was found, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_found: Option<bool>,
    /// The trails of the other hosts at the same store, as they were copied there.
    #[serde(skip)]
    pub hosts: Vec<HostChain>,
}

/// The trail of another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostChain {
    /// Its name.
    pub host: String,
    /// Whether its lines still follow each other.
    pub chain: Chain,
}

/// A place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBreak {
    /// The number of the line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub why: BreakReason,
}

/// Why the chain does not hold at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakReason {
    /// The line has no hash, although earlier ones do.
    NoHash,
    /// Its hash is not that of the lines before it.
    OtherHash,
    /// It is no record.
    Unreadable,
    /// The line records that the trail was cut before it was written.
    Cut(Cut),
    /// The end of the trail in the store is not tagged with its key.
    NotTagged,
    /// The anchor file was removed.
    NoAnchor,
    /// There is neither a trail nor an anchor, although the store knows of runs that wrote lines.
    NoTrail,
    /// The end that the anchor knows is missing or was changed.
    NoEnd {
        /// The lines that there had been.
        lines: u64,
    },
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityField {
    /// As the trail names the field: a key of the settings, or a member of an object in Halo.
    pub name: String,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_shape_of_token_is_masked_and_ids_are_not() {
        let token = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYm9";
        assert_eq!(token.len(), 43);
        for (text, masked) in [
            (
                format!("https://pia.example/callbacks/acme/ticket-created/{token}"),
                "https://pia.example/callbacks/acme/ticket-created/…yYm9".to_owned(),
            ),
            (format!("({token}), {token}"), "(…yYm9), …yYm9".to_owned()),
            (token[8..].to_owned(), "…yYm9".to_owned()),
            (
                "c0ffee00-dead-4bad-8bad-0123456789ab-c0ffee00-dead-4bad-8bad-0123456789ab".to_owned(),
                "…89ab".to_owned(),
            ),
            ("0123456789abcdef0123456789abcdef".to_owned(), "…cdef".to_owned()),
            ("60b2ec55-fabe-417a-b354-40d962ef8031".to_owned(), "60b2ec55-fabe-417a-b354-40d962ef8031".to_owned()),
            ("Grüße, Équipe 🛠 of a plain text".to_owned(), "Grüße, Équipe 🛠 of a plain text".to_owned()),
        ] {
            assert_eq!(mask_tokens(&text), masked, "{text}");
        }
    }
}

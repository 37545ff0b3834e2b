//! Halo clients: the companies that Pia has to know.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::untrusted::{Exact, LOOKED_AT, Untrusted, is_invisible};

/// A client as Halo lists it. The id is the only key; names change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Halo's id.
    pub id: i64,
    /// As Halo writes it.
    pub name: Untrusted,
    /// The top level it belongs to.
    pub toplevel: Option<Untrusted>,
    /// The name of its main site.
    pub main_site: Option<Untrusted>,
    /// Whether Halo has made it inactive.
    pub inactive: bool,
    /// What the rule of which clients Pia serves may ask for beside the top level's name.
    pub traits: Traits,
}

/// What a rule may ask for. What Halo did not tell is none.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Traits {
    /// Halo's id of the top level.
    pub toplevel_id: Option<i64>,
    /// Halo's number of the customer type.
    pub customer_type: Option<i64>,
    /// The custom fields that were asked for, with their values, as the store keeps them.
    pub(crate) fields: Option<String>,
}

impl Traits {
    /// Keeps custom fields: each with a value, several times where it has several.
    pub(crate) fn set_fields<'a>(&mut self, fields: impl Iterator<Item = (&'a str, String)>) {
        let fields: Vec<(String, String)> = fields.map(|(name, value)| (fold(name), value)).collect();
        self.fields = serde_json::to_string(&fields).ok();
    }

    /// The values of a custom field.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        let fields = self.fields.as_deref().and_then(|text| serde_json::from_str::<Vec<(String, String)>>(text).ok());
        let name = fold(name);
        fields.into_iter().flatten().filter(|(own, _)| *own == name).map(|(_, value)| value).collect()
    }
}

/// Whether a stored client may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientStatus {
    /// In Halo and active there.
    Active,
    /// Kept, with its history, but not used.
    Disabled(DisabledReason),
}

/// Why a client is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisabledReason {
    /// Halo has it as inactive.
    InactiveInHalo,
    /// A proved sync did not find it any more.
    NoLongerInHalo,
    /// The rule of which clients Pia serves does not take it.
    LeftOut,
}

impl DisabledReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::InactiveInHalo, Self::NoLongerInHalo, Self::LeftOut];

    /// The word for the screen, JSON and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::InactiveInHalo => "inactive in Halo",
            Self::NoLongerInHalo => "no longer in Halo",
            Self::LeftOut => "left out by rule",
        }
    }

    /// The reason that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

impl ClientStatus {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled(_) => "disabled",
        }
    }

    /// The reason, where there is one.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Disabled(reason) => Some(reason.word()),
        }
    }
}

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClient {
    /// What Halo last said of it.
    pub client: Client,
    /// Whether it is in use.
    pub status: ClientStatus,
    /// When a sync first saw it.
    pub first_seen: Timestamp,
    /// When a sync last saw it.
    pub last_seen: Timestamp,
}

/// Written out as one row of `clients --format json`: for scripts, so with the texts as Halo wrote them.
impl Serialize for StoredClient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: i64,
            name: Exact<'a>,
            status: &'static str,
            disabled_reason: Option<&'static str>,
            toplevel: Option<Exact<'a>>,
            main_site: Option<Exact<'a>>,
            #[serde(serialize_with = "crate::domain::calendar::json")]
            first_seen: Timestamp,
            #[serde(serialize_with = "crate::domain::calendar::json")]
            last_seen: Timestamp,
        }
        Row {
            id: self.client.id,
            name: self.client.name.exact(),
            status: self.status.word(),
            disabled_reason: self.status.reason(),
            toplevel: self.client.toplevel.as_ref().map(Untrusted::exact),
            main_site: self.client.main_site.as_ref().map(Untrusted::exact),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
        .serialize(serializer)
    }
}

/// Folds a text for searching: case, width, accents and the forms of one letter fall together, and what cannot be seen
/// need not be typed. Of an endless text the beginning is searched, which is what is shown.
pub fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    // Most names of most lists, and a list has a hundred thousand of them.
    if text.len() <= LOOKED_AT && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_ascii_lowercase();
    }
    let seen = |c: &char| !is_combining_mark(*c) && !is_invisible(*c);
    text.chars().take(LOOKED_AT).nfkd().filter(seen).flat_map(char::to_lowercase).collect()
}

/// Whether a text, folded, comes after one that is folded already; said of most texts without folding them, and never of
/// one that does not.
pub fn folds_after(text: &str, folded: &str) -> bool {
    text.len() <= LOOKED_AT
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.bytes().map(|byte| byte.to_ascii_lowercase()).gt(folded.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_come_later_does() {
        let names = [
            "",
            "a",
            "A",
            "Ab",
            "aB c",
            "Zebra",
            "zebra",
            "Québec",
            "quebec",
            "\u{200b}a",
            "北京",
            "ＡＣＭＥ",
            "~",
            "[",
        ];
        for (text, other) in names.iter().flat_map(|text| names.iter().map(move |other| (text, fold(other)))) {
            let later = fold(text) > other;
            assert!(!folds_after(text, &other) || later, "{text:?} {other:?}");
            assert!(!text.is_ascii() || folds_after(text, &other) == later, "{text:?} {other:?}");
        }
    }

    #[test]
    fn folding_forgets_case_width_accents_and_composition() {
        assert_eq!(fold("ＡＣＭＥ Québec"), "acme quebec");
        assert_eq!(fold("Que\u{301}bec"), fold("QUÉBEC"));
        assert_eq!(fold("ev\u{200b}il\u{202e}txt"), "eviltxt");
        assert_eq!(fold(&"e\u{301}".repeat(1 << 20)).len(), LOOKED_AT / 2);
        assert_eq!(fold("Plain & SIMPLE, Ltd."), "plain & simple, ltd.");
    }
}

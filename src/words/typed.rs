//! A yes that is typed, where too much hangs on it for one key: how it is asked for, and what is taken for it.

use crate::domain::configuration::ConfigurationId;
use crate::domain::untrusted::Untrusted;

/// What is to be typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToType {
    word: String,
    /// The name of what it is about, which is taken as well.
    name: String,
}

impl ToType {
    /// A word and nothing else.
    pub fn new(word: impl Into<String>) -> Self {
        Self { word: word.into(), name: String::new() }
    }

    /// The id of a configuration, or its name as the screens show it.
    pub fn configuration(id: &ConfigurationId, name: impl Into<String>) -> Self {
        Self { word: id.to_string(), name: name.into() }
    }

    /// What is always taken.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// In quotation marks: `"acme" or "Acme MSP"`.
    pub fn asked(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", Untrusted::new(text).display());
        let other = Some(&self.name).filter(|name| !name.is_empty() && **name != self.word);
        other.iter().fold(quoted(&self.word), |asked, name| format!("{asked} or {}", quoted(name)))
    }

    /// The sentence that asks for it.
    pub fn to_confirm(&self) -> String {
        format!("Type {} to confirm", self.asked())
    }

    /// Whether it is typed: the quotation marks around what is asked for may come along.
    pub fn is(&self, line: &str) -> bool {
        let typed = line.trim().trim_matches('"');
        !typed.is_empty() && [&self.word, &self.name].into_iter().any(|wanted| typed == wanted.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_or_name_is_taken_for_yes_and_nothing_else() {
        let id = ConfigurationId::parse("acme").unwrap();
        let named = ToType::configuration(&id, "Acme MSP ");
        assert_eq!(named.to_confirm(), "Type \"acme\" or \"Acme MSP \" to confirm");
        for (typed, is_yes) in [
            ("acme", true),
            (" \"acme\"\n", true),
            ("Acme MSP", true),
            ("\"Acme MSP\"", true),
            ("Acme", false),
            ("ACME", false),
            ("yes", false),
            ("", false),
            ("\"\"", false),
        ] {
            assert_eq!(named.is(typed), is_yes, "{typed:?}");
        }
        for nameless in [ToType::configuration(&id, ""), ToType::configuration(&id, "acme"), ToType::new("acme")] {
            assert_eq!((nameless.asked().as_str(), nameless.is(""), nameless.is("acme")), ("\"acme\"", false, true));
        }
    }
}

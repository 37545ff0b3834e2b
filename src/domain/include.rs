//! Which clients Pia serves: a rule that a person writes in one line, such as `top level = Customers; type = 1, 3`.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::client::{Client, ClientStatus, DisabledReason, StoredClient, Traits, fold};
use super::thousands;
use super::untrusted::Untrusted;

/// Which clients Pia serves. Without conditions: all.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IncludeRule {
    conditions: Vec<Condition>,
}

/// What a client has to have: one of the values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    what: What,
    values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Its top level, by name or by id.
    TopLevel,
    /// Halo's number of its customer type.
    CustomerType,
    /// A custom field of this name, by what is shown or what is stored.
    CustomField(String),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// A part without a name or a value.
    #[error("write name = value, such as top level = Customers; separate several with ;")]
    Shape,
    /// A part with another name.
    #[error("\"{0}\" is unknown: use top level, type, or a custom field's name, which starts with CF")]
    Name(String),
    /// A customer type that is no number.
    #[error("a customer type is a number in Halo, such as: type = 1")]
    Type,
    /// Control characters.
    #[error("one line only, without control characters")]
    NotOneLine,
    /// The same name twice.
    #[error("\"{0}\" is given twice: list its values once, separated by commas")]
    Twice(String),
}

impl IncludeRule {
    /// Reads a rule. A blank text is the rule that takes all.
    ///
    /// # Errors
    ///
    /// [`RuleError`] where a part of it is not understood.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.chars().any(char::is_control) {
            return Err(RuleError::NotOneLine);
        }
        let mut conditions: Vec<Condition> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, values) = part.split_once('=').ok_or(RuleError::Shape)?;
            let what = What::read(name.trim())?;
            let values: Vec<String> =
                values.split(',').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect();
            if values.is_empty() {
                return Err(RuleError::Shape);
            }
            if what == What::CustomerType && values.iter().any(|value| value.parse::<i64>().is_err()) {
                return Err(RuleError::Type);
            }
            if conditions.iter().any(|other| other.what == what) {
                return Err(RuleError::Twice(name.trim().to_owned()));
            }
            conditions.push(Condition { what, values });
        }
        // A blank text is a choice; one of separators alone is a slip.
        if conditions.is_empty() && !text.trim().is_empty() {
            return Err(RuleError::Shape);
        }
        Ok(Self { conditions })
    }

    /// Whether it takes every client.
    pub fn takes_all(&self) -> bool {
        self.conditions.is_empty()
    }

    pub fn takes(&self, client: &Client) -> bool {
        self.takes_one(client.toplevel.as_ref().map(Untrusted::raw), &client.traits)
    }

    /// Whether it takes a client of this top level with these traits. What Halo does not tell of a client is no value.
    pub(crate) fn takes_one(&self, toplevel: Option<&str>, traits: &Traits) -> bool {
        self.conditions.iter().all(|condition| {
            let has = |value: &String| match &condition.what {
                What::TopLevel => {
                    toplevel.is_some_and(|name| same(name, value))
                        || traits.toplevel_id.is_some_and(|id| value.parse() == Ok(id))
                }
                What::CustomerType => traits.customer_type.is_some_and(|number| value.parse() == Ok(number)),
                What::CustomField(name) => traits.field(name).iter().any(|own| same(own, value)),
            };
            condition.values.iter().any(has)
        })
    }

    /// What it would leave out of the stored clients, before it is saved. A client that is not in use for another reason
    /// does not count.
    pub fn preview<'a>(&self, clients: impl Iterator<Item = &'a StoredClient>) -> String {
        const LEFT_OUT: ClientStatus = ClientStatus::Disabled(DisabledReason::LeftOut);
        let (mut left_out, mut all) = (0, 0);
        for stored in clients.filter(|stored| matches!(stored.status, ClientStatus::Active | LEFT_OUT)) {
            all += 1;
            left_out += u64::from(!self.takes(&stored.client));
        }
        if all == 0 {
            return "the next sync shows how many clients it leaves out".to_owned();
        }
        let unread = if self.custom_fields().is_empty() { "" } else { "; fields not read yet count as empty" };
        format!("leaves out {} of {} clients of the last sync{unread}", thousands(left_out), thousands(all))
    }

    /// The custom fields that it asks for. Halo tells them of one client at a time only.
    pub(crate) fn custom_fields(&self) -> Vec<&str> {
        let name = |condition: &'_ Condition| matches!(condition.what, What::CustomField(_));
        let names = self.conditions.iter().filter(|condition| name(condition));
        names.filter_map(|condition| condition.what.custom_field()).collect()
    }
}

/// As people see it: without regard to case, width and accents.
fn same(one: &str, other: &str) -> bool {
    fold(one.trim()) == fold(other)
}

impl What {
    fn read(name: &str) -> Result<Self, RuleError> {
        match fold(name).replace(['-', '_'], " ").as_str() {
            "top level" | "toplevel" => Ok(Self::TopLevel),
            "type" | "customer type" | "customertype" => Ok(Self::CustomerType),
            "" => Err(RuleError::Shape),
            plain if plain.starts_with("cf") => Ok(Self::CustomField(name.to_owned())),
            _ => Err(RuleError::Name(Untrusted::new(name).display())),
        }
    }

    fn custom_field(&self) -> Option<&str> {
        if let Self::CustomField(name) = self { Some(name) } else { None }
    }
}

/// The rule as it is saved; [`IncludeRule::parse`] reads it back.
impl fmt::Display for IncludeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Condition { what, values }) in self.conditions.iter().enumerate() {
            let name = match what {
                What::TopLevel => "top level",
                What::CustomerType => "type",
                What::CustomField(name) => name,
            };
            write!(f, "{}{name} = {}", if at > 0 { "; " } else { "" }, values.join(", "))?;
        }
        Ok(())
    }
}

impl Serialize for IncludeRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for IncludeRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(toplevel: &str, toplevel_id: i64, customer_type: i64, tier: Option<[&str; 2]>) -> Client {
        let mut traits = Traits { toplevel_id: Some(toplevel_id), customer_type: Some(customer_type), fields: None };
        traits.set_fields(tier.into_iter().flatten().map(|value| ("CFTier", value.to_owned())));
        Client {
            id: 7,
            name: "Northwind".into(),
            toplevel: Some(toplevel.into()),
            main_site: None,
            inactive: false,
            traits,
        }
    }

    fn takes(rule: &str, client: &Client) -> bool {
        IncludeRule::parse(rule).unwrap().takes(client)
    }

    #[test]
    fn include_rule_takes_all_by_default() {
        let nothing_known = Client { toplevel: None, traits: Traits::default(), ..client("", 1, 1, None) };
        for blank in ["", "  "] {
            assert!(IncludeRule::parse(blank).unwrap().takes_all(), "{blank:?}");
            assert!(takes(blank, &nothing_known));
        }
        assert!(!takes("top level = Customers", &nothing_known));
        assert!(!takes("type = 1", &nothing_known) && !takes("CFTier = Gold", &nothing_known));
    }

    #[test]
    fn include_rule_needs_one_value_of_each_condition() {
        let gold = client("Customers", 2, 3, Some(["4", "Gold"]));
        for rule in [
            "top level = customers",
            "Top Level = Prospects, CUSTOMERS",
            "toplevel = 2",
            "type = 3",
            "customer type = 1, 3",
            "CFTier = gold",
            "cftier = 4",
            "top level = 2; type = 3; CFTier = Gold",
        ] {
            assert!(takes(rule, &gold), "{rule}");
        }
        for rule in [
            "top level = Prospects",
            "toplevel = 1",
            "type = 1",
            "CFTier = Silver",
            "CFOther = Gold",
            "top level = Customers; type = 1",
        ] {
            assert!(!takes(rule, &gold), "{rule}");
        }
    }

    #[test]
    fn include_rule_is_saved_as_it_is_read() {
        for (typed, saved) in [
            ("", ""),
            ("Top Level=Customers,12 ", "top level = Customers, 12"),
            ("customer_type = 1 ; cfTier=Gold", "type = 1; cfTier = Gold"),
        ] {
            let rule = IncludeRule::parse(typed).unwrap();
            assert_eq!(rule.to_string(), saved);
            assert_eq!(IncludeRule::parse(saved).unwrap(), rule);
        }
    }

    #[test]
    fn include_rule_that_is_not_understood_is_refused() {
        let why = |text: &str| IncludeRule::parse(text).unwrap_err();
        assert_eq!(
            (why("Customers"), why("top level ="), why("= 7")),
            (RuleError::Shape, RuleError::Shape, RuleError::Shape)
        );
        assert_eq!(
            (why(";;"), why(" ; ")),
            (RuleError::Shape, RuleError::Shape),
            "a slip, and not the rule that takes all"
        );
        assert_eq!(why("type = Gold"), RuleError::Type);
        assert!(why("colour = red").to_string().contains("\"colour\" is unknown"));
        assert_eq!(why("type = 1\ntype = 2"), RuleError::NotOneLine);
        assert_eq!(why("type = 1; type = 2"), RuleError::Twice("type".to_owned()));
    }
}

//! Our record of an installation: what was put where, and what was there before, member by member, so that a roll back
//! can give it back.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::object::{ObjectKind, same_id};
use super::owner::Owner;
use super::plan::Action;
use super::untrusted::Untrusted;

/// Members of an object as Halo wrote them. An address among them may end in a token, so only their names are shown.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Members(Map<String, Value>);

impl Members {
    /// Takes them over.
    pub fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// One member; a null is none.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The text of a member.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether they are those of the object with this id, which may be written as a number or as a text.
    pub fn has_id(&self, id: &str) -> bool {
        match self.get("id") {
            Some(Value::String(own)) => same_id(own.trim(), id),
            Some(own) => own.as_i64().is_some_and(|own| id.parse() == Ok(own)),
            None => false,
        }
    }

    /// Sets a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Every member with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These members alone.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The same with one text in place of another, in every text among them.
    #[must_use]
    pub fn replacing(&self, from: &str, to: &str) -> Self {
        if from.is_empty() {
            return self.clone();
        }
        Self(self.0.iter().map(|(name, value)| (name.clone(), replacing(value, from, to))).collect())
    }

    /// Whether a member means the same in both: Halo leaves out what is empty.
    pub fn agree_on(&self, other: &Self, name: &str) -> bool {
        let plain = |members: &Self| members.get(name).cloned().filter(|value| !is_empty(value));
        plain(self) == plain(other)
    }

    /// A member as it is written to bring it back. A null counts as not sent, so what was absent is written as the
    /// empty value of the kind that stands there now.
    pub fn to_write(&self, name: &str, now: &Value) -> Value {
        match (self.get(name), now) {
            (Some(value), _) => value.clone(),
            (None, Value::String(_)) => Value::from(""),
            (None, Value::Bool(_)) => Value::from(false),
            (None, Value::Array(_)) => Value::Array(Vec::new()),
            (None, _) => Value::from(0),
        }
    }

    /// The members as JSON.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

fn replacing(value: &Value, from: &str, to: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(from, to)),
        Value::Array(items) => items.iter().map(|item| replacing(item, from, to)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), replacing(value, from, to))).collect()
        }
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What an intent proves about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// Its members before the write; none where there was no such object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Members>,
    /// What was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Members>,
    /// The object that it belongs to: the webhook of an event, the tab of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The ids of its like that stood beside it: what is made again is none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
}

impl BeforeAfter {
    /// The same with one text in place of another.
    #[must_use]
    pub fn replacing(&self, from: &str, to: &str) -> Self {
        let replaced = |members: &Option<Members>| members.as_ref().map(|members| members.replacing(from, to));
        Self { before: replaced(&self.before), after: replaced(&self.after), ..self.clone() }
    }
}

/// An object that we put into Halo, or took over, as our own record has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstalledObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Halo's id, as text.
    pub id: String,
    /// The name that Configure gave it.
    pub name: Untrusted,
    /// When it was installed or taken over.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub installed_at: Timestamp,
    /// What its id alone does not say: the guid of a tab, where Halo tells one; the tab that a ticket type was linked
    /// to.
    #[serde(skip)]
    pub identity: Option<String>,
}

/// One write of a run of Configure, as its intent recorded it before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What kind of object.
    pub kind: ObjectKind,
    /// What the object was called then.
    pub name: Untrusted,
    /// What was to be done.
    pub action: Action,
    /// Halo's id, where it was known or told.
    pub object: Option<String>,
    /// How the object was before, and what was written.
    pub proof: BeforeAfter,
}

impl Written {
    /// The machine that a webhook was taken over from by this write.
    pub fn taken_from(&self) -> Option<Owner> {
        let owner = |members: &Option<Members>| members.as_ref()?.text("note").and_then(Owner::of_note);
        let former = owner(&self.proof.before)?;
        (!former.is(&owner(&self.proof.after)?)).then_some(former)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(value: Value) -> Members {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_empty_and_what_is_left_out_mean_same() {
        let one = members(json!({ "url": "", "disabled": false, "conditions": [], "note": null, "method": 0 }));
        for name in ["url", "disabled", "conditions", "note"] {
            assert!(one.agree_on(&Members::default(), name), "{name}");
        }
        assert!(!one.agree_on(&Members::default(), "method"), "0 is a number like any other");
    }

    #[test]
    fn no_member_is_shown_but_by_its_name() {
        let one = members(json!({ "url": "https://x.example/secret" }));
        assert_eq!(format!("{one:?}"), "{\"url\"}");
        assert_eq!(one.replacing("secret", "…").text("url"), Some("https://x.example/…"));
        let deep = members(json!({ "x": [{ "y": "a secret" }, 7], "secret": null }));
        assert_eq!(deep.replacing("secret", "…").to_json(), json!({ "x": [{ "y": "a …" }, 7], "secret": null }));
    }

    #[test]
    fn absent_member_is_brought_back_as_empty_value_of_its_kind() {
        let former = members(json!({ "name": "before" }));
        assert_eq!(former.to_write("name", &json!("x")), json!("before"));
        assert_eq!(former.to_write("url", &json!("x")), json!(""));
        assert_eq!(former.to_write("active", &json!(true)), json!(false));
        assert_eq!(former.to_write("method", &json!(1)), json!(0));
    }
}

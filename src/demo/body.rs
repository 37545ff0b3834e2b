//! Reading request bodies as Halo does: JSON arrays only, unknown members ignored, wrong types refused by model state.

use super::reply::{Reply, Row, model_state};
use serde_json::Value;

/// The type of a member, as the API document has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    /// An `int32` that takes no null.
    Id,
    Float,
    Bool,
    Text,
    Guid,
    /// An array, whose elements are read by whoever uses it.
    List,
}

/// Which members an entity takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The type's name in messages.
    pub(super) entity: &'static str,
    pub(super) members: &'static [(&'static str, Kind)],
}

/// A request body with what is needed to read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) content_type: Option<&'a str>,
    pub(super) bytes: &'a [u8],
}

/// Whether a media type is one of those that Halo declares.
fn is_json(content_type: Option<&str>) -> bool {
    let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase();
    matches!(media.as_str(), "application/json" | "text/json" | "application/json-patch+json")
        || (media.starts_with("application/") && media.ends_with("+json"))
}

impl Body<'_> {
    /// The elements of the array, each with known members only; null counts as not sent.
    pub(super) fn rows(&self, shape: &Shape) -> Result<Vec<Row>, Reply> {
        if !is_json(self.content_type) {
            return Err(Reply::empty(415));
        }
        if self.bytes.is_empty() {
            return Err(model_state("", "A non-empty request body is required."));
        }
        let text = std::str::from_utf8(self.bytes).map_err(|_| {
            model_state("", "Unable to translate bytes at index 0 from specified code page to Unicode.")
        })?;
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let text = format!(
                "Unexpected character encountered while parsing value. Path '', line {}, position {}.",
                error.line(),
                error.column()
            );
            model_state("", &text)
        })?;
        let Value::Array(items) = value else {
            let text = format!(
                "Cannot deserialize the current JSON object (e.g. {{\"name\":\"value\"}}) into type 'System.Collections.Generic.List`1[{}]' \
                 because the type requires a JSON array (e.g. [1,2,3]) to deserialize correctly.",
                shape.entity
            );
            return Err(model_state("", &text));
        };
        if items.is_empty() {
            return Err(model_state("", "The request body holds no object."));
        }
        items.iter().enumerate().map(|(index, item)| element(shape, text, &format!("[{index}]"), item)).collect()
    }
}

/// The elements of a nested array, by the same rules.
pub(super) fn nested(shape: &Shape, row: &Row, index: usize, member: &str) -> Result<Option<Vec<Row>>, Reply> {
    let Some(Value::Array(items)) = row.get(member) else { return Ok(None) };
    let rows =
        items.iter().enumerate().map(|(at, item)| element(shape, "", &format!("[{index}].{member}[{at}]"), item));
    rows.collect::<Result<Vec<_>, _>>().map(Some)
}

fn element(shape: &Shape, body: &str, path: &str, item: &Value) -> Result<Row, Reply> {
    let Value::Object(members) = item else {
        let text =
            format!("Error converting value {item} to type '{}'. Path '{path}', line 1, position 1.", shape.entity);
        return Err(model_state(path, &text));
    };
    let mut row = Row::new();
    for (name, value) in members {
        let name = name.to_lowercase();
        let Some(&(_, kind)) = shape.members.iter().find(|(known, _)| *known == name) else { continue };
        if value.is_null() && kind != Kind::Id {
            continue;
        }
        let path = format!("{path}.{name}");
        let value = convert(kind, value).map_err(|problem| {
            let position = body.find(&format!("\"{name}\"")).map_or(1, |at| at + name.len() + 3);
            model_state(&path, &format!("{problem} Path '{path}', line 1, position {position}."))
        })?;
        if !value.is_null() {
            row.insert(name, value);
        }
    }
    Ok(row)
}

fn convert(kind: Kind, value: &Value) -> Result<Value, String> {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (if kind == Kind::Id { Kind::Int } else { kind }, value) {
        (_, Value::Null) => Err("Error converting value {null} to type 'System.Int32'.".into()),
        (Kind::Int, Value::Number(number)) => match number.as_i64().and_then(|whole| i32::try_from(whole).ok()) {
            Some(whole) => Ok(whole.into()),
            None if number.is_f64() => Err(format!("Input string '{shown}' is not a valid integer.")),
            None => Err(format!("JSON integer {shown} is too large or small for an Int32.")),
        },
        // Halo's own page sends whole numbers as texts.
        (Kind::Int, Value::String(text)) => text
            .trim()
            .parse::<i32>()
            .map(Value::from)
            .map_err(|_| format!("Could not convert string to integer: {shown}.")),
        (Kind::Float, Value::Number(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Text, Value::String(_))
        | (Kind::List, Value::Array(_)) => Ok(value.clone()),
        (Kind::Float, Value::String(text)) => text
            .trim()
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| format!("Could not convert string to double: {shown}.")),
        (Kind::Text, Value::Number(_) | Value::Bool(_)) => Ok(shown.into()),
        (Kind::Guid, Value::String(text)) if text.is_empty() => Ok(Value::Null),
        (Kind::Guid, Value::String(text)) => uuid::Uuid::parse_str(text)
            .map(|guid| guid.to_string().into())
            .map_err(|_| format!("Error converting value \"{text}\" to type 'System.Nullable`1[System.Guid]'.")),
        (Kind::Bool, Value::String(_)) => Err(format!("Could not convert string to boolean: {shown}.")),
        _ => Err(format!(
            "Unexpected character encountered while parsing value: {}.",
            shown.chars().next().unwrap_or('?')
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_texts_only_where_they_are_whole() {
        for (text, taken) in [("2818", true), (" 7 ", true), ("14a", false), ("1.5", false), ("", false)] {
            assert_eq!(convert(Kind::Int, &Value::from(text)).is_ok(), taken, "{text}");
        }
    }
}

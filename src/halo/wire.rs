//! Reading Halo's JSON the way it really comes: members missing, numbers as text, one row in a hundred broken.
//!
//! Each row of a list is read on its own, so that a broken row costs that row and not the page. Members that nobody
//! asked for (446 in the schema, logos of megabytes among them) are skipped without being stored.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::number::{whole, whole_text};
use crate::domain::untrusted::Untrusted;

/// More rows than any list or page of Halo has; a reply beyond it is not one.
const MAX_ROWS: usize = 120_000;

/// Levels within each other that no reply of Halo has: beyond, each costs memory before anything is known to be wrong.
const MAX_DEPTH: usize = 200_000;

/// The longest list within a row that is read, in bytes: what it becomes takes many times as much.
const LONGEST_LIST: usize = 4 * 1024 * 1024;

/// A row of a list that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its id, where at least that could be read.
    pub id: Option<i64>,
    /// What is wrong with it, as the end of a sentence: `its id is missing or not a whole number`.
    pub why: String,
}

/// What came in place of Halo's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReply {
    /// A web page.
    WebPage,
    /// Nothing.
    Empty,
    /// An answer that ends too early.
    Cut,
    /// Something that is not JSON.
    NotJson,
    /// JSON of another shape.
    OtherShape,
    /// A list without end.
    EndlessList,
    /// A token reply without a usable token.
    NoToken,
    /// Another object than the one asked for.
    OtherObject,
}

/// The rows of a list, the broken ones apart.
pub(super) struct Rows<R> {
    /// The rows that could be read.
    pub rows: Vec<R>,
    /// The ones that could not.
    pub bad: Vec<BadRow>,
    /// The `record_count` of the envelope, where there is one that is a count.
    pub record_count: Option<u64>,
}

/// Reads a list, either bare or in an envelope under one of `names`.
pub(super) fn read_rows<R: DeserializeOwned>(body: &[u8], names: &[&str]) -> Result<Rows<R>, BadReply> {
    let text = text_of(body)?;
    // In one go, as nearly every list can be read; and row by row where something about it is odd.
    match read_text(&text, names, false) {
        Err(bad) if bad != BadReply::EndlessList => read_text(&text, names, true),
        read => read,
    }
}

fn read_text<R: DeserializeOwned>(text: &str, names: &[&str], careful: bool) -> Result<Rows<R>, BadReply> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut found =
        Found { careful, rows: Vec::new(), bad: Vec::new(), record_count: None, listed: false, overflow: false };
    let seed = Envelope { names, found: &mut found };
    let read = seed.deserialize(&mut reader).and_then(|()| reader.end());
    if found.overflow {
        return Err(BadReply::EndlessList);
    }
    read.map_err(|error| misread(&error))?;
    if !found.listed {
        return Err(BadReply::OtherShape);
    }
    Ok(Rows { rows: found.rows, bad: found.bad, record_count: found.record_count })
}

/// Reads one object: on its own, or as the only element of an array.
pub(super) fn read_object<R: DeserializeOwned>(body: &[u8]) -> Result<R, BadReply> {
    let text = text_of(body)?;
    if text.trim_start().starts_with('[') {
        let First(first) = serde_json::from_str(&text).map_err(|error| misread(&error))?;
        return first.and_then(|first| read_row(first.get())).ok_or(BadReply::OtherShape);
    }
    // In one go, as nearly every object can be read: an agent of a production tenant has two megabytes.
    if text.starts_with('{')
        && let Ok(read) = serde_json::from_str(&text)
    {
        return Ok(read);
    }
    let whole: &RawValue = serde_json::from_str(&text).map_err(|error| misread(&error))?;
    read_row(whole.get()).ok_or(BadReply::OtherShape)
}

/// Whether a body looks as if it had arrived whole. A cut one is worth asking for again; a wrong one is not.
pub(super) fn looks_cut(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    match (body.first(), body.last()) {
        _ if is_too_deep(body) => false,
        (Some(b'{'), last) => last != Some(&b'}'),
        (Some(b'['), last) => last != Some(&b']'),
        _ => false,
    }
}

/// Whether its brackets go deeper than those of any reply. What is short enough cannot, and costs nothing.
fn is_too_deep(body: &[u8]) -> bool {
    if body.len() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut within_text, mut escaped) = (0_usize, false, false);
    body.iter().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within_text => escaped = true,
            b'"' => within_text = !within_text,
            b'[' | b'{' if !within_text => depth += 1,
            b']' | b'}' if !within_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// The body as text, if there is anything in it that can be JSON. Bytes that are no UTF-8 become marks: one bad name
/// must not cost a page.
pub(super) fn text_of(body: &[u8]) -> Result<Cow<'_, str>, BadReply> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body.first() {
        None => Err(BadReply::Empty),
        Some(b'<') => Err(BadReply::WebPage),
        Some(_) if body == b"null" => Err(BadReply::Empty),
        Some(_) if is_too_deep(body) => Err(BadReply::OtherShape),
        // Nearly every body is whole UTF-8, and finding that out is several times as fast as mending one.
        Some(_) => Ok(std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)),
    }
}

fn misread(error: &serde_json::Error) -> BadReply {
    match error.classify() {
        serde_json::error::Category::Eof => BadReply::Cut,
        serde_json::error::Category::Data => BadReply::OtherShape,
        _ => BadReply::NotJson,
    }
}

/// Reads one row; halves of surrogate pairs, which Rust's text cannot hold, are mended first where they stand in the
/// way.
fn read_row<R: DeserializeOwned>(raw: &str) -> Option<R> {
    // An array would be read as a struct's members in order.
    if !raw.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(raw).ok().or_else(|| serde_json::from_str(&mend_surrogates(raw)?).ok())
}

/// Replaces every `\uD800` to `\uDFFF` that has no partner; `None` where there is none.
fn mend_surrogates(raw: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut at, mut kept, mut mended) = (String::new(), 0, 0, false);
    while let Some(step) = raw[at..].find('\\') {
        at += step;
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                out.push_str(&raw[kept..at]);
                out.push_str("\\ufffd");
                at += 6;
                kept = at;
                mended = true;
            }
            // The escaped character is one byte in valid JSON; anything else fails in the reader anyway.
            _ => at += if raw.is_char_boundary(at + 2) && at + 2 <= raw.len() { 2 } else { 1 },
        }
    }
    out.push_str(&raw[kept..]);
    mended.then_some(out)
}

struct Found<R> {
    /// Whether each row is read on its own.
    careful: bool,
    rows: Vec<R>,
    bad: Vec<BadRow>,
    record_count: Option<u64>,
    listed: bool,
    overflow: bool,
}

struct Envelope<'a, R> {
    names: &'a [&'a str],
    found: &'a mut Found<R>,
}

impl<'de, R: DeserializeOwned> DeserializeSeed<'de> for Envelope<'_, R> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: DeserializeOwned> Visitor<'de> for Envelope<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        List { found: self.found }.visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if !self.found.listed && self.names.contains(&name.as_str()) {
                map.next_value_seed(List { found: &mut *self.found })?;
            } else if name == "record_count" {
                self.found.record_count = map.next_value::<Int>()?.0.and_then(|count| u64::try_from(count).ok());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct List<'a, R> {
    found: &'a mut Found<R>,
}

impl<'de, R: DeserializeOwned> DeserializeSeed<'de> for List<'_, R> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: DeserializeOwned> Visitor<'de> for List<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.found.listed = true;
        if !self.found.careful {
            while let Some(row) = seq.next_element::<Plain<R>>()? {
                if self.found.rows.len() >= MAX_ROWS {
                    self.found.overflow = true;
                    return Err(serde::de::Error::custom("too many rows"));
                }
                self.found.rows.push(row.0);
            }
            return Ok(());
        }
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            if self.found.rows.len() + self.found.bad.len() >= MAX_ROWS {
                self.found.overflow = true;
                return Err(serde::de::Error::custom("too many rows"));
            }
            match read_row(raw.get()) {
                Some(row) => self.found.rows.push(row),
                None => {
                    let id = read_row::<IdOnly>(raw.get()).and_then(|row| row.id.0);
                    self.found.bad.push(BadRow { id, why: "unexpected format".to_owned() });
                }
            }
        }
        Ok(())
    }
}

/// A row that is an object. Anything else, above all an array, whose elements would be taken for the members in their
/// order, is none.
struct Plain<R>(R);

impl<'de, R: DeserializeOwned> Deserialize<'de> for Plain<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<R>(std::marker::PhantomData<R>);
        impl<'de, R: DeserializeOwned> Visitor<'de> for Object<R> {
            type Value = R;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<R, A::Error> {
                R::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Object(std::marker::PhantomData)).map(Self)
    }
}

/// The first element of an array: however many follow, none of them is kept.
struct First<'a>(Option<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Option<&'de RawValue>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let first = seq.next_element()?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(first)
            }
        }
        deserializer.deserialize_seq(Elements).map(Self)
    }
}

#[derive(Deserialize)]
struct IdOnly {
    #[serde(default)]
    id: Int,
}

/// A whole number in any spelling: `7`, `7.0`, `"7"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Int(pub Option<i64>);

/// A text; numbers are taken as they are written, anything else is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub Option<String>);

impl Text {
    /// The text, if there is more than space in it.
    pub(super) fn filled(self) -> Option<String> {
        self.0.filter(|text| !text.trim().is_empty())
    }

    /// The text or, where there is none, another one.
    pub(super) fn or(self, other: Self) -> Self {
        if self.0.as_ref().is_some_and(|text| !text.trim().is_empty()) { self } else { other }
    }

    /// The same as text from Halo.
    pub(super) fn untrusted(self) -> Option<Untrusted> {
        self.filled().map(Untrusted::new)
    }
}

/// A yes or no in any spelling: `true`, `1`, `"true"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub Option<bool>);

impl Flag {
    /// Whether it is there and says yes.
    pub(super) fn is_set(self) -> bool {
        self.0 == Some(true)
    }
}

/// A list whose elements are read each on their own; anything but a list is an empty one.
#[derive(Clone, Debug)]
pub(super) struct Each<R>(pub Vec<R>);

impl<R> Default for Each<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The name of an object that is told whole where others tell its id; anything else has none.
#[derive(Debug, Default)]
pub(super) struct Named(pub Text);

/// A value that is no list and no object; those are none.
#[derive(Default)]
pub(super) enum Scalar {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or(Scalar::None, Scalar::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)? {
            Scalar::Int(value) => Some(value),
            Scalar::Float(value) => whole(value),
            Scalar::Text(text) => whole_text(&text),
            Scalar::None | Scalar::Bool(_) => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Some(text),
            Scalar::Int(value) => Some(value.to_string()),
            Scalar::Float(value) => Some(value.to_string()),
            Scalar::None | Scalar::Bool(_) => None,
        }))
    }
}

/// -1 is how some databases spell a yes.
fn of_number(number: i64) -> Option<bool> {
    match number {
        0 => Some(false),
        1 | -1 => Some(true),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)? {
            Scalar::Bool(value) => Some(value),
            Scalar::Int(value) => of_number(value),
            Scalar::Float(value) if value.fract() == 0.0 => of_number(value as i64),
            Scalar::Float(_) => None,
            Scalar::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            },
            Scalar::None => None,
        }))
    }
}

impl<'de, R: DeserializeOwned> Deserialize<'de> for Each<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let read = (raw.get().len() <= LONGEST_LIST).then(|| serde_json::from_str(raw.get()).ok()).flatten();
        let elements: Vec<&RawValue> = read.unwrap_or_default();
        Ok(Self(elements.into_iter().filter_map(|element| read_row(element.get())).collect()))
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct NameOnly {
            #[serde(default)]
            name: Text,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(read_row::<NameOnly>(raw.get()).map(|object| object.name).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{like, lines, tries};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        #[serde(default)]
        id: Int,
        #[serde(default)]
        name: Text,
        #[serde(default)]
        inactive: Flag,
    }

    fn rows(body: &str) -> Rows<Row> {
        read_rows(body.as_bytes(), &["clients"]).unwrap_or_else(|error| panic!("{body}: {error:?}"))
    }

    fn misread(body: &[u8]) -> BadReply {
        read_rows::<Row>(body, &["clients"]).err().unwrap()
    }

    #[test]
    fn ids_are_read_in_every_spelling_and_never_rounded() {
        let id = |json: &str| serde_json::from_str::<Int>(json).unwrap().0;
        assert_eq!(id("7"), Some(7));
        assert_eq!(id("-2"), Some(-2));
        assert_eq!(id("7.0"), Some(7));
        assert_eq!(id("-0.0"), Some(0));
        assert_eq!(id("\" 7 \""), Some(7));
        assert_eq!(id("\"7.0\""), Some(7));
        assert_eq!(id("2147483648"), Some(1 << 31));
        assert_eq!(id("9007199254740993"), Some((1 << 53) + 1));
        assert_eq!(id("9223372036854775807"), Some(i64::MAX));
        for none in ["7.5", "9223372036854775808", "1e300", "\"\"", "\"x\"", "null", "true", "[1]", "{\"a\":1}"] {
            assert_eq!(id(none), None, "{none}");
        }
    }

    #[test]
    fn list_is_read_bare_or_in_envelope() {
        assert_eq!(rows(r#"[{"id":1}]"#).rows.len(), 1);
        let page = rows(r#"{"page_no":1,"clients":[{"id":1},{"id":2}],"record_count":"237"}"#);
        assert_eq!((page.rows.len(), page.record_count), (2, Some(237)));
        for count in ["-1", "\"x\"", "null", "1e99"] {
            assert_eq!(rows(&format!(r#"{{"record_count":{count},"clients":[]}}"#)).record_count, None, "{count}");
        }
    }

    #[test]
    fn broken_row_costs_that_row_and_keeps_its_id() {
        let page = rows(
            r#"[{"id":1,"name":"a"}, 7, null, [], {"id":3,"name":"x","name":"y"}, {"id":4,"name":"\ud800!"},
                {"id":5,"name":{"deep":[1]},"inactive":"true"}]"#,
        );
        assert_eq!(page.rows.iter().map(|row| row.id.0).collect::<Vec<_>>(), [Some(1), Some(4), Some(5)]);
        assert_eq!(page.rows[1].name.0.as_deref(), Some("\u{fffd}!"));
        assert_eq!((page.rows[2].name.0.as_deref(), page.rows[2].inactive.0), (None, Some(true)));
        assert_eq!(page.bad.iter().map(|row| row.id).collect::<Vec<_>>(), [None, None, None, Some(3)]);
    }

    #[test]
    fn bytes_that_are_no_text_cost_one_character() {
        let page = read_rows::<Row>(b"\xef\xbb\xbf [{\"id\":1,\"name\":\"a\xff\"}]\r\n", &[]).ok().unwrap();
        assert_eq!(page.rows[0].name.0.as_deref(), Some("a\u{fffd}"));
    }

    #[test]
    fn what_is_no_list_is_named() {
        assert_eq!(misread(b""), BadReply::Empty);
        assert_eq!(misread(b"\xef\xbb\xbf \r\n"), BadReply::Empty);
        assert_eq!(misread(b"null"), BadReply::Empty);
        assert_eq!(misread(b"\n<!DOCTYPE html><html>"), BadReply::WebPage);
        assert_eq!(misread(br#"{"clients":[{"id":1},{"i"#), BadReply::Cut);
        assert_eq!(misread(b"It works!"), BadReply::NotJson);
        assert_eq!(misread(b"[] trailing"), BadReply::NotJson);
        assert_eq!(misread(b"[\0{\0}\0]\0"), BadReply::NotJson);
        for shape in [&b"{}"[..], b"7", b"\"text\"", br#"{"users":[]}"#, br#"{"clients":null}"#, br#"{"clients":{}}"#] {
            assert_eq!(misread(shape), BadReply::OtherShape, "{}", String::from_utf8_lossy(shape));
        }
    }

    #[test]
    fn depth_and_length_do_no_harm() {
        let deep = format!(r#"[{{"id":1,"x":{}{}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(rows(&deep).rows[0].id.0, Some(1));
        let name = format!(r#"[{{"id":1,"name":{}{}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(rows(&name).rows[0].id.0, Some(1));
        assert!(misread("[".repeat(MAX_DEPTH).as_bytes()) == BadReply::Cut);
        for open in ["[", r#"{"a":"#] {
            let endless = open.repeat(MAX_DEPTH + 1);
            assert_eq!((misread(endless.as_bytes()), looks_cut(endless.as_bytes())), (BadReply::OtherShape, false));
        }
        // A text may hold as many as it likes.
        assert_eq!(rows(&format!(r#"[{{"id":1,"name":"\"{}"}}]"#, "[".repeat(MAX_DEPTH + 1))).rows.len(), 1);
        assert_eq!(misread(format!("[{}0]", "0,".repeat(MAX_ROWS)).as_bytes()), BadReply::EndlessList);
    }

    #[test]
    fn hundred_thousand_rows_in_one_page_are_read() {
        assert_eq!(rows(&format!("[{}]", vec![r#"{"id":1,"name":"a"}"#; 100_000].join(","))).rows.len(), 100_000);
    }

    #[test]
    fn list_within_row_ends() {
        let of = |elements: usize| format!("[{}{{}}]", "{},".repeat(elements));
        let read = |json: &str| serde_json::from_str::<Each<serde_json::Value>>(json).unwrap().0.len();
        assert_eq!((read("[{},{}]"), read(&of(LONGEST_LIST))), (2, 0));
        assert_eq!(read_object::<Row>(format!("[{{\"id\":7}},{}]", of(9)).as_bytes()).unwrap().id.0, Some(7));
    }

    #[test]
    fn every_prefix_of_page_is_refused() {
        let page = r#"{"record_count":2,"clients":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}"#;
        for end in 0..page.len() {
            assert!(read_rows::<Row>(&page.as_bytes()[..end], &["clients"]).is_err(), "{}", &page[..end]);
            assert!(end == 0 || looks_cut(&page.as_bytes()[..end]) || page[..end].ends_with('}'), "{}", &page[..end]);
        }
    }

    #[test]
    fn object_is_read_bare_or_as_only_element() {
        let id = |body: &str| read_object::<Row>(body.as_bytes()).map(|row| row.id.0);
        assert_eq!(id(r#"{"id":7}"#), Ok(Some(7)));
        assert_eq!(id(r#"[{"id":7}]"#), Ok(Some(7)));
        assert_eq!(id("[]"), Err(BadReply::OtherShape));
        assert_eq!(id("[[7]]"), Err(BadReply::OtherShape));
        assert_eq!(id("true"), Err(BadReply::OtherShape));
        assert_eq!(id(r#"{"id":"#), Err(BadReply::Cut));
    }

    #[test]
    fn halves_of_surrogate_pairs_are_mended_and_whole_ones_kept() {
        assert_eq!(mend_surrogates(r"a\ud83d\ude80b\ud800c\\ud800").unwrap(), r"a\ud83d\ude80b\ufffdc\\ud800");
        assert_eq!(mend_surrogates(r"\ud83d\ude80\n"), None);
        assert_eq!(mend_surrogates(r"\udc00\ud8"), Some(r"\ufffd\ud8".to_owned()));
        assert_eq!(mend_surrogates("\\é\\"), None);
    }

    proptest! {
        #![proptest_config(tries())]

        /// A reply of any form is read or refused; no row comes from nowhere, and Halo's words have an end.
        #[test]
        fn fuzzed_replies_are_read_or_refused(body in like(lines(include_str!("../../tests/corpus/replies.txt")))) {
            let braces = body.iter().filter(|byte| **byte == b'{').count();
            if let Ok(read) = read_rows::<Row>(&body, &["clients", "results"]) {
                prop_assert!(read.rows.len() <= braces, "{} rows", read.rows.len());
                prop_assert!(read.bad.iter().all(|bad| !bad.why.is_empty()));
            }
            let _ = (read_object::<Row>(&body).is_ok(), looks_cut(&body));
            let said = super::super::said::said(&body, &[]);
            prop_assert!(said.is_none_or(|said| said.raw().chars().count() <= 500));
            let text = String::from_utf8_lossy(&body);
            prop_assert!(mend_surrogates(&text).is_none_or(|mended| mend_surrogates(&mended).is_none()));
        }
    }
}

//! The values of statements and rows.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{RowIndex, ToSql};

use crate::store::error::Trouble;

/// A value on its way into a statement, or out of a row. Truth is 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The same, that depends on nothing.
    pub(in crate::store) fn owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(number),
            Self::Text(text) => Value::Text(text.into_owned().into()),
        }
    }
}

/// Which column: its place or its name.
pub(in crate::store) trait Place:
    RowIndex + tokio_postgres::row::RowIndex + std::fmt::Display
{
}

impl Place for usize {}
impl Place for &str {}

/// A row that was found.
pub(in crate::store) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// A column.
    pub(in crate::store) fn get<'r, T: Column<'r>>(&'r self, column: impl Place) -> Result<T, Trouble> {
        let odd = || Trouble::Content("a value");
        let value = match self {
            Self::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => Value::from(std::str::from_utf8(text).map_err(|_| odd())?),
                ValueRef::Real(_) | ValueRef::Blob(_) => return Err(odd()),
            },
            Self::Postgres(row) => row.try_get(column)?,
        };
        T::of(value).ok_or_else(odd)
    }
}

/// The values of a statement, in the order of their numbers.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::database::Value::from($value)),*] as &[$crate::store::database::Value<'_>]
    };
}
pub(in crate::store) use args;

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl<T> From<Option<T>> for Value<'_>
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What a column can be read as.
pub(in crate::store) trait Column<'r>: Sized {
    /// None where the column holds something else.
    fn of(value: Value<'r>) -> Option<Self>;
}

impl Column<'_> for i64 {
    fn of(value: Value<'_>) -> Option<Self> {
        if let Value::Integer(number) = value { Some(number) } else { None }
    }
}

impl Column<'_> for u32 {
    fn of(value: Value<'_>) -> Option<Self> {
        i64::of(value)?.try_into().ok()
    }
}

impl Column<'_> for bool {
    fn of(value: Value<'_>) -> Option<Self> {
        i64::of(value).map(|number| number != 0)
    }
}

impl<'r> Column<'r> for Value<'r> {
    fn of(value: Value<'r>) -> Option<Self> {
        Some(value)
    }
}

impl<'r> Column<'r> for Cow<'r, str> {
    fn of(value: Value<'r>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Column<'_> for String {
    fn of(value: Value<'_>) -> Option<Self> {
        Cow::of(value).map(Cow::into_owned)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn of(value: Value<'r>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::of(value).map(Some) }
    }
}

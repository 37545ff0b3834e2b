//! Many rows at once, by COPY: a server reads them in a fraction of the time that as many INSERT take.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::{BufMut as _, BytesMut};
use futures_util::SinkExt as _;
use futures_util::future::maybe_done;
use tokio_postgres::types::{IsNull, ToSql as _, Type};

use super::dialect::Odd;
use super::{Session, Value};
use crate::store::error::Trouble;

/// What begins and ends the rows of a COPY, in its binary form.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;

/// A value that is none, in place of its length.
const NULL: i32 = -1;

impl Session {
    /// Adds rows to a table, all of them or none; `columns` are listed as in a statement, and the values of a row follow those of
    /// the one before. While the server reads them, something else is done here.
    ///
    /// # Errors
    ///
    /// Also where one of them is there already.
    pub(in crate::store::database) fn add_rows(
        &self,
        table: &str,
        columns: &str,
        values: &[Value<'_>],
        meanwhile: impl FnOnce() -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let shape = self.prepare(&format!("SELECT {columns} FROM {table} LIMIT 0"))?;
        let types: Vec<&Type> = shape.columns().iter().map(|column| column.type_()).collect();
        let copy = self.prepare(&format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)"))?;
        let rows = encoded(&types, values).map_err(|odd| Trouble::Session(odd.to_string()))?;
        self.wait(async {
            let mut copy = pin!(self.client.copy_in(&copy).await?);
            copy.send(rows.freeze()).await?;
            let mut added = pin!(maybe_done(copy.finish()));
            // Its end is sent by that.
            _ = added.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            meanwhile()?;
            added.as_mut().await;
            added.take_output().transpose()?;
            Ok(())
        })?
    }
}

/// Rows as the server reads them.
fn encoded(types: &[&Type], values: &[Value<'_>]) -> Result<BytesMut, Odd> {
    let mut out = BytesMut::from(HEADER);
    for row in values.chunks_exact(types.len()) {
        out.put_i16(i16::try_from(row.len())?);
        for (value, ty) in row.iter().zip(types) {
            let at = out.len();
            out.put_i32(NULL);
            if let IsNull::No = value.to_sql(ty, &mut out)? {
                let length = i32::try_from(out.len() - at - size_of_val(&NULL))?;
                out[at..].as_mut().put_i32(length);
            }
        }
    }
    out.put_i16(END);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use crate::domain::failure::FailureKind;
    use crate::store::database::{Value, args};
    use crate::store::error::Trouble;
    use crate::store::postgres_tests::{Postgres, told};
    use crate::store::test_support::id;

    const COLUMNS: [&str; 7] = ["configuration", "id", "name", "toplevel", "inactive", "gone", "first_seen"];

    const NOTHING: fn() -> Result<(), Trouble> = || Ok(());

    fn row(id: i64, name: &str) -> Vec<Value<'_>> {
        args!["acme", id, name, None::<&str>, true, false, "2026-01-01T00:00:00Z"].to_vec()
    }

    /// What a text cannot hold there, what is nothing, and what would be a sign of the form itself.
    #[test]
    fn rows_arrive_as_they_were() {
        let Some(server) = Postgres::start() else { return };
        let (_, store) = server.store();
        let names = ["a", "", "\0", "a\tb\n\\N", "\u{1}0é", "\u{ffff}"];
        let rows: Vec<_> = names.iter().zip(1..).flat_map(|(name, id)| row(id, name)).collect();
        store.write(|db| db.add_rows("clients", &COLUMNS, &rows, NOTHING)).unwrap();
        let clients = store.clients(&id("acme")).unwrap();
        assert_eq!(clients.iter().map(|client| client.client.name.raw()).collect::<Vec<_>>(), names);
        assert!(clients.iter().all(|client| client.client.toplevel.is_none()));
    }

    #[test]
    fn row_that_is_there_already_is_refused_with_all_others() {
        let Some(server) = Postgres::start() else { return };
        let (_, store) = server.store();
        store.write(|db| db.add_rows("clients", &COLUMNS, &row(7, "kept"), NOTHING)).unwrap();
        let twice = [row(6, "new"), row(7, "again")].concat();
        let (kind, said) = told(store.write(|db| db.add_rows("clients", &COLUMNS, &twice, NOTHING)));
        assert_eq!(kind, FailureKind::LocalState);
        assert!(said.contains("duplicate key"), "{said}");
        assert_eq!(store.clients(&id("acme")).unwrap().len(), 1);
        store.write(|db| db.add_rows("clients", &COLUMNS, &[], NOTHING)).unwrap();
    }

    /// Else the server would wait for the rest, and whoever asked for an answer.
    #[test]
    fn value_of_other_kind_ends_in_error() {
        let Some(server) = Postgres::start() else { return };
        let (_, store) = server.store();
        let mut odd = row(7, "a");
        odd[1] = Value::from("seven");
        store.write(|db| db.add_rows("clients", &COLUMNS, &odd, NOTHING)).unwrap_err();
        store.write(|db| db.add_rows("clients", &COLUMNS, &row(7, "a"), NOTHING)).unwrap();
    }
}

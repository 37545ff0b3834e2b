//! Lists of rows: as columns for people, and as comma-separated values.

use std::io;

use super::output::Output;
use crate::app::text::width as columns;
use crate::domain::failure::{Failure, FailureKind};

/// A cell longer than this makes its own line longer, and not those of all others.
const WIDEST: usize = 48;

impl Output {
    /// Columns as wide as what is in them; nothing where there is no row.
    pub(super) fn table<const N: usize>(&mut self, header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
        let rows: Vec<[String; N]> = rows.collect();
        if rows.is_empty() {
            return;
        }
        let header = header.map(str::to_owned);
        let mut widths = [0; N];
        for row in std::iter::once(&header).chain(&rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell).min(WIDEST));
            }
        }
        for row in std::iter::once(&header).chain(&rows) {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(columns(cell)) + 2));
            }
            self.line(line.trim_end());
        }
    }

    /// Comma-separated values with a header line.
    pub(super) fn csv<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl Iterator<Item = [String; N]>,
    ) -> Result<(), Failure> {
        let broken =
            |error: csv::Error| Failure::new(FailureKind::LocalState, format!("not printable as CSV: {error}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header).map_err(broken)?;
        for row in rows {
            writer.write_record(row).map_err(broken)?;
        }
        let bytes = writer.into_inner().map_err(|error| broken(io::Error::other(error.to_string()).into()))?;
        self.data(String::from_utf8_lossy(&bytes).trim_end());
        Ok(())
    }
}

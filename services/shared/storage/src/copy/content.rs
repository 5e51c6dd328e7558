//! What is in a table: how many rows, and a checksum of all their values, computed here in the same way for both
//! databases.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use tokio_stream::StreamExt;

use super::table::Table;
use super::value::Value;

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How many there are.
    pub rows: u64,
    /// SHA-256 of all values, in the order of the key.
    pub sha256: [u8; 32],
}

/// Content that is being read.
struct Reading {
    rows: u64,
    digest: Context,
    row: Vec<u8>,
}

/// Reads all rows of a query on one of the databases.
macro_rules! read_all {
    ($table:expr, $query:expr, $connection:expr) => {{
        let mut reading = Reading { rows: 0, digest: Context::new(&SHA256), row: Vec::new() };
        let mut rows = sqlx::query(AssertSqlSafe($query)).fetch($connection);
        while let Some(row) = rows.try_next().await? {
            for (place, column) in $table.columns.iter().enumerate() {
                Value::read(&row, place, column.kind)?.append(&mut reading.row);
            }
            reading.end_row();
        }
        reading.end()
    }};
}

impl Content {
    pub(super) async fn of_file(table: &Table, file: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        Ok(read_all!(table, table.of_file(), file))
    }

    pub(super) async fn on_server(table: &Table, server: &mut PgConnection) -> Result<Self, sqlx::Error> {
        Ok(read_all!(table, table.on_server(), server))
    }
}

impl Reading {
    fn end_row(&mut self) {
        self.digest.update(&self.row);
        self.row.clear();
        self.rows += 1;
    }

    fn end(self) -> Content {
        let mut sha256 = [0; 32];
        sha256.iter_mut().zip(self.digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Content { rows: self.rows, sha256 }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows  sha256 ", self.rows)?;
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

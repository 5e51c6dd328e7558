//! SQLite: one file, many readers, one writer.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};

use crate::StoreError;

/// How long a statement waits for another process that is writing (the command line, say).
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// Pages of the database that a connection keeps in memory: 32 MiB (SQLite counts negative numbers in KiB).
/// The default of 2 MiB is less than a busy group of phones touches, which then reads them again each time.
const CACHE: &str = "-32768";
/// After how many pages the write-ahead log is carried over into the database: 64 MiB. With the default
/// of 1,000 nearly every group of phones is followed by a checkpoint and its two further syncs.
const CHECKPOINT: &str = "16384";
/// Readers work side by side in WAL mode; more of them than cores buys nothing.
const READERS: u32 = 4;

/// The connections to one file. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Db {
    /// Opens the database in `file`, creating it where it is missing, and brings its tables up to date.
    ///
    /// WAL with `synchronous=FULL`: what is committed survives a power cut (performance.md: with group
    /// commit it costs nothing).
    pub async fn open(file: &Path, migrations: &Migrator) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT);
        // What is replaced or deleted may be a secret, and must not stay in pages that nobody uses any more.
        let writer = pool(1).connect_with(options.clone().pragma("secure_delete", "ON")).await?;
        // SQLite has no lock for migrations: in one transaction, two processes that start at once on an
        // empty folder make the tables once.
        let mut migration = writer.begin_with("BEGIN IMMEDIATE").await?;
        // `run_direct`, because the future of `run` on a connection is not `Send` (rust-lang/rust#110338).
        migrations.run_direct(None, &mut *migration, false).await?;
        migration.commit().await?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    /// Opens a database that is there already, with the tables it has: for the command line, which must not
    /// bring anything up to date. A server may be running on it.
    pub async fn open_as_it_is(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(file).foreign_keys(true).busy_timeout(BUSY);
        let writer = pool(1).connect_with(options.clone().pragma("secure_delete", "ON")).await?;
        let readers = pool(1).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    /// Where to read from, outside a transaction.
    pub fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction that may write. One at a time; the next waits.
    ///
    /// `BEGIN IMMEDIATE`, because a deferred one that reads and then writes fails with "database is
    /// locked" as soon as another process writes in between.
    pub async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Writes the whole database anew, so that nothing that was deleted or overwritten is left in its files.
    /// Takes a second for some hundred megabytes; nobody else may be reading.
    pub async fn rewrite(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.acquire().await?;
        sqlx::query("VACUUM").execute(&mut *writer).await?;
        // The new pages stand in the write-ahead log until they are carried over, and the old ones beside them.
        let (is_busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *writer).await?;
        match is_busy {
            0 => Ok(()),
            _ => Err(sqlx::Error::Protocol("another process is reading the database; end it".to_owned()).into()),
        }
    }

    /// Whether the database answers: reads a page of it, which a mere `SELECT 1` would not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&self.readers).await?;
        Ok(())
    }

    /// Waits for what is under way and closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A connection to a file does not break while it waits, so that it is not asked each time whether it still
/// answers: with many small transactions that is one in ten trips to the thread of the database.
///
/// One that cannot end its transaction is given up. Where the disk is full, SQLite rolls back by itself; the client then
/// cannot, goes on to count the transaction as open, and would refuse every further one until the next start.
fn pool(connections: u32) -> SqlitePoolOptions {
    let options = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    options.before_acquire(|connection, _| {
        Box::pin(async move {
            if connection.is_in_transaction() {
                // What was dropped is rolled back after whatever was asked before it; this waits for that.
                connection.ping().await?;
            }
            Ok(!connection.is_in_transaction())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writing_goes_on_when_there_is_room_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("test.db");
        std::fs::write(&file, "").expect("an empty database");
        let db = Db::open_as_it_is(&file).await.expect("a database");
        let mut tx = db.write().await.expect("a transaction");
        sqlx::query("CREATE TABLE room (it BLOB)").execute(&mut *tx).await.expect("a table");
        tx.commit().await.expect("committed");

        let mut tx = db.write().await.expect("a transaction");
        sqlx::query("PRAGMA max_page_count = 3").execute(&mut *tx).await.expect("a small disk");
        let full = sqlx::query("INSERT INTO room VALUES (randomblob(100000))").execute(&mut *tx).await;
        assert!(full.is_err_and(|error| error.to_string().contains("full")));
        drop(tx);

        // The limit was the connection's own, and is gone with it.
        for _ in 0..2 {
            let mut tx = db.write().await.expect("a transaction");
            sqlx::query("INSERT INTO room VALUES (randomblob(100000))").execute(&mut *tx).await.expect("room");
            tx.commit().await.expect("committed");
        }
        db.close().await;
    }
}

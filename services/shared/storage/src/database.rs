//! A service's database, whichever it is, and the two ways into it: reading and writing.

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use crate::postgres::Pools;
use crate::{Migrations, Place, StoreError, sqlite};

/// One service's database. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Db(Pool);

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(sqlite::Db),
    Postgres(Pools),
}

/// A connection to read with, outside a transaction. The database refuses whatever writes.
#[derive(Debug)]
pub enum Reader {
    /// To a file.
    Sqlite(PoolConnection<Sqlite>),
    /// To a server.
    Postgres(PoolConnection<Postgres>),
}

/// A transaction that may write. Dropped without [`Tx::commit`], it has done nothing.
#[derive(Debug)]
pub enum Tx {
    /// In a file.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a server.
    Postgres(Transaction<'static, Postgres>),
}

/// What statements run on: the connection of a [`Reader`] or of a [`Tx`]. For functions that are called with either.
#[derive(Debug)]
pub enum Connection<'c> {
    /// To a file.
    Sqlite(&'c mut SqliteConnection),
    /// To a server.
    Postgres(&'c mut PgConnection),
}

/// Runs one query on a [`Reader`], [`Tx`] or [`Connection`], whichever database it leads to:
///
/// ```text
/// let rows: Vec<Row> = on!(db.read().await?, conn => sqlx::query_as(LIST).bind(id).fetch_all(conn).await?);
/// let done = on!(tx, conn => sqlx::query(FREEZE).bind(id).execute(conn).await?.rows_affected());
/// ```
///
/// The body is compiled once for each kind of database.
#[macro_export]
macro_rules! on {
    ($way:expr, $connection:ident => $body:expr) => {
        match $way.connection() {
            $crate::Connection::Sqlite($connection) => $body,
            $crate::Connection::Postgres($connection) => $body,
        }
    };
}

impl Db {
    /// Opens the database at `place` and brings its tables up to date. A file is made where it is missing; a server
    /// must have the database.
    pub async fn open(place: &Place, migrations: &Migrations) -> Result<Self, StoreError> {
        Ok(Self(match place {
            Place::Sqlite(file) => Pool::Sqlite(sqlite::Db::open(file, &migrations.sqlite).await?),
            Place::Postgres(server) => {
                migrations.run(place).await?;
                Pool::Postgres(Pools::as_it_is(server))
            }
        }))
    }

    /// Opens a database that is there already, with the tables it has: for the command line, which must not
    /// bring anything up to date. A server may be running on it.
    pub async fn open_as_it_is(place: &Place) -> Result<Self, StoreError> {
        Ok(Self(match place {
            Place::Sqlite(file) => Pool::Sqlite(sqlite::Db::open_as_it_is(file).await?),
            Place::Postgres(server) => Pool::Postgres(Pools::as_it_is(server)),
        }))
    }

    /// A connection to read with. What was committed before this returned is seen.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        Ok(match &self.0 {
            Pool::Sqlite(db) => Reader::Sqlite(db.reader().acquire().await?),
            Pool::Postgres(pools) => Reader::Postgres(pools.readers.acquire().await?),
        })
    }

    /// Begins a transaction that may write.
    ///
    /// On SQLite there is one at a time, and the next waits. On PostgreSQL others write meanwhile, here and in other
    /// processes: what was read may have changed when it is written. So the state a change needs stands in the
    /// statement's `WHERE`, rows are taken in one order (that of their keys), and [`StoreError::Changed`] is an
    /// answer to expect.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Pool::Sqlite(db) => Tx::Sqlite(db.write().await?),
            Pool::Postgres(pools) => Tx::Postgres(pools.write().await?),
        })
    }

    /// Begins a transaction that only reads, and sees all the while what was committed when its first statement
    /// ran.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match &self.0 {
            Pool::Sqlite(db) => Tx::Sqlite(db.reader().begin_with("BEGIN DEFERRED").await?),
            Pool::Postgres(pools) => {
                Tx::Postgres(pools.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Writes a file anew, so that nothing that was deleted or overwritten is left in it; nobody else may be reading.
    /// A server looks after its pages itself.
    pub async fn rewrite(&self) -> Result<(), StoreError> {
        match &self.0 {
            Pool::Sqlite(db) => db.rewrite().await,
            Pool::Postgres(_) => Ok(()),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0 {
            Pool::Sqlite(db) => db.ping().await,
            Pool::Postgres(pools) => {
                sqlx::query("SELECT 1").execute(&pools.readers).await?;
                Ok(())
            }
        }
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        match &self.0 {
            Pool::Sqlite(db) => db.close().await,
            Pool::Postgres(pools) => pools.close().await,
        }
    }
}

impl Reader {
    /// What statements run on.
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

impl Tx {
    /// What statements run on.
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(tx) => Connection::Sqlite(tx),
            Self::Postgres(tx) => Connection::Postgres(tx),
        }
    }

    /// Makes what was done durable and visible. After an error, it is either done as a whole or not at all: who
    /// cannot do it twice reads what is there before trying again.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

impl Connection<'_> {
    /// The same once more, for a function with more than one statement.
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

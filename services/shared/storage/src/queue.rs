//! A queue on disk: parcels that are on their way, in a SQLite file of their own.
//!
//! For a process that owns no data, and has promised to hand something on. It knows nothing of what is in a parcel.
//! It is a file in every installation, also where the services' databases are on a server: it is needed when
//! nothing else can be reached.

use std::path::Path;

use crate::StoreError;
use crate::sqlite::Db;

/// How many parcels are taken out at once, at most.
const AT_ONCE: i64 = 256;

/// A queue on disk. One process has it open.
#[derive(Debug, Clone)]
pub struct Queue(Db);

/// What is kept together.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Parcel {
    /// Grows with each parcel, and never names another one.
    pub number: i64,
    /// How many things are in it, at least 1.
    pub items: i64,
    /// The things, as whoever appended them wrote them down.
    pub content: Vec<u8>,
}

/// How much is in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Load {
    /// How many things, in all parcels.
    pub items: i64,
    /// How many bytes of content, in all parcels.
    pub bytes: i64,
}

impl Queue {
    /// Opens the queue in `file`, which is made where it is missing.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        Ok(Self(Db::open(file, &sqlx::migrate!("../../../migrations/gateway/sqlite")).await?))
    }

    /// How much is in it.
    pub async fn load(&self) -> Result<Load, StoreError> {
        const LOAD: &str = "
            SELECT COALESCE(SUM(items), 0) AS items, COALESCE(SUM(length(content)), 0) AS bytes
            FROM parcel";

        Ok(sqlx::query_as(LOAD).fetch_one(self.0.reader()).await?)
    }

    /// Adds a parcel of so many things at the end. It survives a power cut once this returns.
    pub async fn append(&self, items: i64, content: &[u8]) -> Result<(), StoreError> {
        const APPEND: &str = "INSERT INTO parcel (items, content) VALUES ($1, $2)";

        let mut tx = self.0.write().await?;
        sqlx::query(APPEND).bind(items).bind(content).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// The oldest parcels behind number `after`, oldest first: with `items` things together at most, but at least one
    /// where there is one.
    pub async fn oldest(&self, after: i64, items: i64) -> Result<Vec<Parcel>, StoreError> {
        // The contents, which are long, are read only of those that are taken.
        const OLDEST: &str = "
            WITH next AS (SELECT number, items FROM parcel WHERE number > $1 ORDER BY number LIMIT $3),
                 summed AS (SELECT number, items, SUM(items) OVER (ORDER BY number) AS total FROM next)
            SELECT parcel.number, parcel.items, parcel.content
            FROM summed
            JOIN parcel ON parcel.number = summed.number
            WHERE summed.total <= $2 OR summed.total = summed.items
            ORDER BY parcel.number";

        Ok(sqlx::query_as(OLDEST).bind(after).bind(items).bind(AT_ONCE).fetch_all(self.0.reader()).await?)
    }

    /// Takes out all parcels up to number `through`.
    pub async fn remove(&self, through: i64) -> Result<(), StoreError> {
        const REMOVE: &str = "DELETE FROM parcel WHERE number <= $1";

        let mut tx = self.0.write().await?;
        sqlx::query(REMOVE).bind(through).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

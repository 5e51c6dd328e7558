//! A database with two tables, of which the second points to the first.

use storage::testing::TestDatabase;
use storage::{Db, Migrations, StoreError, Tx, on};

pub static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};

pub struct World {
    pub db: Db,
    pub database: TestDatabase,
}

impl World {
    pub async fn on(database: TestDatabase) -> Self {
        let db = Db::open(database.place(), &MIGRATIONS).await.expect("a database");
        Self { db, database }
    }

    /// How many parents and how many children there are.
    pub async fn counts(&self) -> (i64, i64) {
        let both = "SELECT (SELECT COUNT(*) FROM parent), (SELECT COUNT(*) FROM child)";
        let mut reader = self.db.read().await.expect("a reader");
        on!(reader, conn => sqlx::query_as(both).fetch_one(conn).await).expect("a row")
    }
}

pub async fn parent(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    insert(tx, "INSERT INTO parent (id) VALUES ($1)", id).await
}

pub async fn child(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    insert(tx, "INSERT INTO child (id) VALUES ($1)", id).await
}

async fn insert(tx: &mut Tx, statement: &'static str, id: i64) -> Result<(), StoreError> {
    let rows = on!(tx, conn => sqlx::query(statement).bind(id).execute(conn).await?.rows_affected());
    StoreError::expect_one(rows)
}

/// Both or none.
pub async fn family(db: &Db, id: i64) -> Result<(), StoreError> {
    let mut tx = db.write().await?;
    parent(&mut tx, id).await?;
    child(&mut tx, id).await?;
    tx.commit().await
}

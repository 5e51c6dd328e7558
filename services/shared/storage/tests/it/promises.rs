//! What is the same on both.

use storage::testing::{Kind, TestDatabase};
use storage::{Db, StoreError, on, on_each_database};

use crate::world::{MIGRATIONS, World, child, family, parent};

async fn what_is_not_committed_was_never_there(kind: Kind) {
    let world = World::on(TestDatabase::new(kind).await).await;
    let mut tx = world.db.write().await.expect("a transaction");
    parent(&mut tx, 1).await.expect("written");
    assert_eq!(world.counts().await, (0, 0), "nobody else sees it");
    drop(tx);
    family(&world.db, 1).await.expect("its number is free");
    assert_eq!(world.counts().await, (1, 1));
}

async fn readers_cannot_write(kind: Kind) {
    let world = World::on(TestDatabase::new(kind).await).await;
    for statement in ["INSERT INTO parent (id) VALUES (1)", "DROP TABLE child"] {
        let mut reader = world.db.read().await.expect("a reader");
        let done = on!(reader, conn => sqlx::query(statement).execute(conn).await.map(drop));
        done.expect_err("refused");
    }
    assert_eq!(world.counts().await, (0, 0));
}

async fn what_the_tables_refuse_has_a_name(kind: Kind) {
    let world = World::on(TestDatabase::new(kind).await).await;
    family(&world.db, 1).await.expect("written");
    assert!(matches!(family(&world.db, 1).await, Err(StoreError::AlreadyExists)));
    let mut tx = world.db.write().await.expect("a transaction");
    assert!(matches!(child(&mut tx, 2).await, Err(StoreError::Dependency)));
    drop(tx);
    let mut tx = world.db.write().await.expect("a transaction");
    let deleted = on!(tx, conn => sqlx::query("DELETE FROM parent").execute(conn).await.map(drop));
    assert!(matches!(deleted.map_err(StoreError::from), Err(StoreError::Dependency)));
}

async fn an_error_does_not_repeat_what_was_to_be_stored(kind: Kind) {
    let world = World::on(TestDatabase::new(kind).await).await;
    let statement = "INSERT INTO parent (id, name) VALUES (NULL, $1)";
    let mut tx = world.db.write().await.expect("a transaction");
    // PostgreSQL adds "Failing row contains (…)" to what it says.
    let statement = if kind == Kind::Postgres { statement } else { "INSERT INTO child (id) VALUES ($1)" };
    let done = on!(tx, conn => sqlx::query(statement).bind("s3cret").execute(conn).await.map(drop));
    let error = StoreError::from(done.expect_err("refused"));
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

/// Whichever comes first makes the tables; the others find them.
async fn those_who_open_at_once_make_the_tables_once(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    let open = || {
        let place = database.place().clone();
        tokio::spawn(async move { Db::open(&place, &MIGRATIONS).await.map(drop) })
    };
    for opened in [open(), open(), open(), open()] {
        opened.await.expect("no panic").expect("a database");
    }
    let db = Db::open_as_it_is(database.place()).await.expect("the database");
    family(&db, 1).await.expect("it has its tables");
    db.ping().await.expect("it answers");
    db.close().await;
    assert!(db.ping().await.is_err());
}

on_each_database!(
    threads 4;
    what_is_not_committed_was_never_there,
    readers_cannot_write,
    what_the_tables_refuse_has_a_name,
    an_error_does_not_repeat_what_was_to_be_stored,
    those_who_open_at_once_make_the_tables_once,
);

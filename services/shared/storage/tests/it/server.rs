//! What only a database on a server does: it is shared, and it says no in more ways.

use sqlx::postgres::PgConnectOptions;
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Place, StoreError, on};
use vocabulary::ErrorKind;

use crate::world::{MIGRATIONS, World, child, family, parent};

fn options(database: &TestDatabase) -> PgConnectOptions {
    match database.place() {
        Place::Postgres(options) => options.as_ref().clone(),
        Place::Sqlite(file) => panic!("{}", file.display()),
    }
}

async fn setting(db: &Db, name: &'static str) -> String {
    let mut reader = db.read().await.expect("a reader");
    let query = "SELECT current_setting($1)";
    on!(reader, conn => sqlx::query_scalar(query).bind(name).fetch_one(conn).await).expect("a setting")
}

#[tokio::test]
async fn connections_are_bounded_and_say_whose_they_are() {
    let world = World::on(TestDatabase::new(Kind::Postgres).await).await;
    let expected = [
        ("application_name", "dialtone"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("synchronous_commit", "on"),
        ("transaction_read_only", "on"),
    ];
    for (name, value) in expected {
        assert_eq!(setting(&world.db, name).await, value, "{name}");
    }
}

#[tokio::test]
async fn what_the_url_says_goes_before() {
    let database = TestDatabase::new(Kind::Postgres).await;
    let options =
        options(&database).application_name("ours").options([("lock_timeout", "7s"), ("deadlock_timeout", "5s")]);
    let db = Db::open_as_it_is(&Place::Postgres(Box::new(options))).await.expect("a database");
    let expected = [("application_name", "ours"), ("lock_timeout", "7s"), ("statement_timeout", "10s")];
    for (name, value) in expected {
        assert_eq!(setting(&db, name).await, value, "{name}");
    }
}

/// A database can be shared if each service has a schema of its own.
#[tokio::test]
async fn two_schemas_of_one_database_are_two_places() {
    let database = TestDatabase::new(Kind::Postgres).await;
    let owner = Db::open_as_it_is(database.place()).await.expect("the database");
    let mut tx = owner.write().await.expect("a transaction");
    for statement in ["CREATE SCHEMA one", "CREATE SCHEMA other"] {
        on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect("made");
    }
    tx.commit().await.expect("committed");
    for schema in ["one", "other"] {
        let place = Place::Postgres(Box::new(options(&database).options([("search_path", schema)])));
        let db = Db::open(&place, &MIGRATIONS).await.expect("a database");
        family(&db, 1).await.expect("nothing of the other is here");
    }
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_to_come_again() {
    let database = TestDatabase::new(Kind::Postgres).await;
    let impatient = options(&database).options([("lock_timeout", "20ms"), ("statement_timeout", "200ms")]);
    let world = World::on(database).await;
    let db = Db::open_as_it_is(&Place::Postgres(Box::new(impatient))).await.expect("the database");
    let mut first = world.db.write().await.expect("a transaction");
    parent(&mut first, 1).await.expect("written");
    let error = family(&db, 1).await.expect_err("it waits for the first");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let mut tx = db.write().await.expect("a transaction");
    let slept = on!(tx, conn => sqlx::query("SELECT pg_sleep(60)").execute(conn).await.map(drop));
    assert_eq!(StoreError::from(slept.expect_err("too long")).kind(), ErrorKind::Unavailable);
    first.commit().await.expect("committed");
    assert!(matches!(family(&db, 1).await, Err(StoreError::AlreadyExists)));
}

/// One of the two is chosen to begin anew.
#[tokio::test]
async fn who_loses_a_deadlock_has_changed_nothing_and_may_try_again() {
    let world = World::on(TestDatabase::new(Kind::Postgres).await).await;
    let mut one = world.db.write().await.expect("a transaction");
    let mut other = world.db.write().await.expect("a transaction");
    parent(&mut one, 1).await.expect("written");
    parent(&mut other, 2).await.expect("written");
    let (first, second) = tokio::join!(parent(&mut one, 2), parent(&mut other, 1));
    let (winner, lost) = if first.is_ok() { (one, second) } else { (other, first) };
    // Who waits for the loser's number gets it only once the loser is gone.
    assert!(matches!(lost, Err(StoreError::Changed)), "{lost:?}");
    winner.commit().await.expect("committed");
    assert_eq!(world.counts().await, (2, 0));
}

#[tokio::test]
async fn no_error_tells_the_password() {
    let database = TestDatabase::new(Kind::Postgres).await;
    let wrong = options(&database).password("s3cret");
    for wrong in [wrong.clone(), wrong.clone().port(1), wrong.host("nowhere.invalid.")] {
        let place = Place::Postgres(Box::new(wrong));
        let error = Db::open(&place, &MIGRATIONS).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let db = Db::open_as_it_is(&place).await.expect("it connects later");
        let refused = db.write().await.expect_err("refused");
        let printed = format!("{error} {error:?} {refused} {refused:?} {db:?} {place} {place:?}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}

#[tokio::test]
async fn a_connection_that_was_cut_is_made_anew() {
    let world = World::on(TestDatabase::new(Kind::Postgres).await).await;
    let mut tx = world.db.write().await.expect("a transaction");
    parent(&mut tx, 1).await.expect("written");
    let admin = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let cut = "SELECT COUNT(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut reader = admin.read().await.expect("a reader");
    let cut: i64 = on!(reader, conn => sqlx::query_scalar(cut).fetch_one(conn).await).expect("a count");
    assert!(cut > 0);
    let error = child(&mut tx, 1).await.expect_err("cut");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(tx);
    // Each connection that waited was cut as well, and is found out by whoever gets it.
    let mut tries = 0;
    while family(&world.db, 1).await.is_err() {
        tries += 1;
        assert!(tries < 20, "never again");
    }
    assert_eq!(world.counts().await, (1, 1));
}

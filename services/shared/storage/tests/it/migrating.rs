//! Who brings tables up to date, and what a program makes of tables that are older or newer than it.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Migrations, Standing, StoreError};

/// What each release brought.
const FILES: [&str; 3] = [
    "CREATE TABLE thing (id BIGINT NOT NULL PRIMARY KEY, name TEXT)",
    "CREATE INDEX thing_by_name ON thing (name)",
    "ALTER TABLE thing ADD COLUMN note TEXT",
];

/// A file of migrations that is as it stands there.
fn file(version: i64, sql: &'static str) -> Migration {
    Migration::new(version, "a change".into(), MigrationType::Simple, sql.into_sql_str(), false)
}

fn migrator(files: &[&'static str]) -> Migrator {
    Migrator::with_migrations((1..).zip(files).map(|(version, sql)| file(version, sql)).collect())
}

/// A program that knows so many of the files.
fn knows(files: usize) -> Migrations {
    Migrations { sqlite: migrator(&FILES[..files]), postgres: migrator(&FILES[..files]) }
}

async fn what_is_missing_is_added_and_told(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    let place = database.place();
    assert_eq!(knows(1).run(place).await.expect("made"), Standing { applied: 0, known: 1, newer: 0 });
    let behind = Standing { applied: 1, known: 3, newer: 0 };
    assert_eq!(knows(3).standing(place).await.expect("a standing"), behind);
    assert!(behind.is_behind());
    assert_eq!(knows(3).run(place).await.expect("added"), behind);
    let done = Standing { applied: 3, known: 3, newer: 0 };
    assert_eq!(knows(3).run(place).await.expect("nothing"), done);
    assert!(!done.is_behind());
}

/// Looking makes no tables, and no file.
async fn to_look_changes_nothing(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    for _ in 0..2 {
        let standing = knows(2).standing(database.place()).await.expect("a standing");
        assert_eq!(standing, Standing { applied: 0, known: 2, newer: 0 });
    }
    assert_eq!(database.place().is_missing(), kind == Kind::Sqlite);
}

async fn a_file_that_was_changed_is_refused(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    knows(2).run(database.place()).await.expect("made");
    let other = [FILES[0], "CREATE INDEX thing_by_name ON thing (name, id)"];
    let changed = Migrations { sqlite: migrator(&other), postgres: migrator(&other) };
    for refused in [changed.standing(database.place()).await, changed.run(database.place()).await] {
        let refused = refused.expect_err("another file");
        assert!(matches!(refused, StoreError::Migration(_)), "{refused}");
        assert!(refused.to_string().contains("migration 2 was applied and then changed"), "{refused}");
    }
}

storage::on_each_database!(
    what_is_missing_is_added_and_told,
    to_look_changes_nothing,
    a_file_that_was_changed_is_refused
);

/// While a release is rolled out, processes of the one before start again on tables that have grown already. Whoever
/// has a file for itself has no such moment, and would only overlook that it was given an old program.
#[tokio::test]
async fn an_older_program_starts_on_a_server_and_not_on_a_file() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::new(kind).await;
        Db::open(database.place(), &knows(3)).await.expect("made").close().await;
        let standing = knows(2).standing(database.place()).await.expect("a standing");
        assert_eq!(standing, Standing { applied: 2, known: 2, newer: 1 });
        let opened = Db::open(database.place(), &knows(2)).await;
        match kind {
            Kind::Postgres => opened.expect("opened").close().await,
            Kind::Sqlite => {
                let refused = opened.expect_err("it is older than its data");
                assert!(matches!(refused, StoreError::Migration(_)), "{refused}");
            }
        }
    }
}

/// Adding an index beside running processes waits for everybody's statements to end; those who wait for their turn
/// must not be among them.
#[tokio::test]
async fn those_who_come_at_once_wait_for_one_another() {
    let database = TestDatabase::new(Kind::Postgres).await;
    let concurrently = |version, sql: &'static str| Migration { no_tx: true, ..file(version, sql) };
    let files = vec![
        file(1, FILES[0]),
        concurrently(2, "CREATE INDEX CONCURRENTLY thing_by_name ON thing (name)"),
        concurrently(3, "CREATE INDEX CONCURRENTLY thing_by_both ON thing (name, id)"),
    ];
    let migrations = Migrations { sqlite: migrator(&[]), postgres: Migrator::with_migrations(files) };
    let place = database.place();
    let run = || async { migrations.run(place).await.expect("up to date") };
    let (one, two, three, four) = tokio::join!(run(), run(), run(), run());
    assert!([one, two, three, four].iter().any(|found| found.applied == 0));
    let standing = migrations.standing(place).await.expect("a standing");
    assert_eq!(standing, Standing { applied: 3, known: 3, newer: 0 });
}

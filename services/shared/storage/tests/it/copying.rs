//! From a file to a server: everything, once, whatever happens in between.

use std::sync::{Arc, LazyLock};

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use storage::copy::{Copy, CopyError, Step};
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Migrations, StoreError, on};
use tokio::sync::Notify;

/// More rows than are committed together.
const LEAVES: i64 = 50_000;

const SQLITE: &str = "
    CREATE TABLE tree (id TEXT NOT NULL PRIMARY KEY, parent_id TEXT REFERENCES tree (id)) STRICT;
    INSERT INTO tree (id, parent_id) VALUES ('root', NULL);
    CREATE TABLE leaf (
        tree_id TEXT NOT NULL REFERENCES tree (id), number INTEGER NOT NULL, weight REAL, data BLOB, note TEXT,
        PRIMARY KEY (tree_id, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE event (number INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
    CREATE TRIGGER leaf_is_told AFTER INSERT ON leaf WHEN NEW.number % 1000 = 0
    BEGIN INSERT INTO event (text) VALUES ('a leaf'); END;
    CREATE TRIGGER leaf_stays BEFORE DELETE ON leaf BEGIN SELECT RAISE(ABORT, 'a leaf stays'); END;";
const POSTGRES: &str = "
    CREATE TABLE tree (id TEXT NOT NULL PRIMARY KEY, parent_id TEXT REFERENCES tree (id));
    INSERT INTO tree (id, parent_id) VALUES ('root', NULL);
    CREATE TABLE leaf (
        tree_id TEXT NOT NULL REFERENCES tree (id), number BIGINT NOT NULL, weight DOUBLE PRECISION, data BYTEA,
        note TEXT, PRIMARY KEY (tree_id, number)
    );
    CREATE TABLE event (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL);
    CREATE FUNCTION tell() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO event (text) VALUES ('a leaf'); RETURN NEW; END $$;
    CREATE TRIGGER leaf_is_told AFTER INSERT ON leaf FOR EACH ROW WHEN (NEW.number % 1000 = 0) EXECUTE FUNCTION tell();
    CREATE FUNCTION stay() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a leaf stays'; END $$;
    CREATE TRIGGER leaf_stays BEFORE DELETE ON leaf FOR EACH ROW EXECUTE FUNCTION stay();";
/// Numbers, bytes and texts of all kinds. The last event is gone again, and its number with it.
const CONTENT: [&str; 4] = [
    "INSERT INTO tree (id, parent_id) VALUES ('Z', 'root'), ('a', 'Z'), ('ä', 'a'), ('B', 'ä'), ('~', 'B')",
    "INSERT INTO leaf (tree_id, number, weight, data, note) VALUES
     ('a', -9223372036854775807, -0.1, x'00ff5c0a', 'a tab\t, a \\N, a line
and € 🙂'),
     ('a', 0, 1e-300, x'', ''), ('B', 9223372036854775807, NULL, NULL, NULL)",
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
     INSERT INTO leaf (tree_id, number, weight) SELECT 'root', i, i / 7.0 FROM n",
    "DELETE FROM event WHERE number = (SELECT MAX(number) FROM event)",
];
const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM tree), (SELECT COUNT(*) FROM leaf), (SELECT COUNT(*) FROM event)";
const ALL: (i64, i64, i64) = (6, LEAVES + 3, 50);

static MIGRATIONS: LazyLock<Migrations> = LazyLock::new(|| {
    let migrator = |sql: &'static str| {
        let first = Migration::new(1, "trees".into(), MigrationType::Simple, sql.into_sql_str(), false);
        Migrator::with_migrations(vec![first])
    };
    Migrations { sqlite: migrator(SQLITE), postgres: migrator(POSTGRES) }
});

struct World {
    source: TestDatabase,
    target: TestDatabase,
}

impl World {
    async fn new() -> Self {
        let (source, target) = (TestDatabase::new(Kind::Sqlite).await, TestDatabase::new(Kind::Postgres).await);
        let world = Self { source, target };
        for statement in CONTENT {
            world.change_source(statement).await;
        }
        world
    }

    async fn change_source(&self, statement: &'static str) {
        change(&self.source, statement).await;
    }

    async fn begun(&self) -> Result<Copy, CopyError> {
        Copy::open(self.source.place(), self.target.place(), &MIGRATIONS).await
    }

    /// The rows that were copied, of each table.
    async fn copied(&self) -> Result<Vec<(String, u64)>, CopyError> {
        let mut copy = self.begun().await?;
        let mut copied = Vec::new();
        let mut compared = 0;
        copy.run(&mut |step| match step {
            Step::Copied { table, rows } => {
                copied.retain(|(name, _)| name != table);
                copied.push((table.to_owned(), rows));
            }
            Step::Compared { .. } => compared += 1,
        })
        .await?;
        assert_eq!(compared, 3);
        copy.finish().await?;
        Ok(copied)
    }

    async fn counts_at_target(&self) -> (i64, i64, i64) {
        let db = Db::open(self.target.place(), &MIGRATIONS).await.expect("the target");
        let mut reader = db.read().await.expect("a reader");
        let counts = on!(reader, conn => sqlx::query_as(COUNTS).fetch_one(conn).await).expect("counts");
        drop(reader);
        db.close().await;
        counts
    }

    /// Ends a copy after its first thousands of leaves, as a power cut would: nothing more is said to the server.
    async fn interrupted(&self) {
        let (begun, told) = (Arc::new(Notify::new()), self.begun().await.expect("a copy"));
        let (seen, mut copy) = (Arc::clone(&begun), told);
        let run = tokio::spawn(async move {
            let tell = &mut |step: Step<'_>| {
                if matches!(step, Step::Copied { table: "leaf", .. }) {
                    seen.notify_one();
                }
            };
            copy.run(tell).await
        });
        begun.notified().await;
        run.abort();
        assert!(run.await.expect_err("it was ended in the middle").is_cancelled());
    }
}

async fn change(database: &TestDatabase, statement: &'static str) {
    let db = Db::open(database.place(), &MIGRATIONS).await.expect("a database");
    let mut tx = db.write().await.expect("a transaction");
    on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect("changed");
    tx.commit().await.expect("committed");
    db.close().await;
}

#[tokio::test]
async fn everything_arrives_and_the_numbers_go_on() {
    let world = World::new().await;
    let copied = world.copied().await.expect("copied");
    let tables: Vec<(&str, u64)> = copied.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    assert_eq!(tables, [("event", 50), ("tree", 6), ("leaf", 50_003)]);
    assert_eq!(world.counts_at_target().await, ALL);
    // The number of the event that is gone is not given again; triggers do their work again.
    change(&world.target, "INSERT INTO leaf (tree_id, number) VALUES ('Z', 1000)").await;
    let db = Db::open(world.target.place(), &MIGRATIONS).await.expect("the target");
    let mut reader = db.read().await.expect("a reader");
    let query = "SELECT MAX(number) FROM event";
    let last: i64 = on!(reader, conn => sqlx::query_scalar(query).fetch_one(conn).await).expect("a number");
    assert_eq!(last, 52);
    let mut tx = db.write().await.expect("a transaction");
    let refused = on!(tx, conn => sqlx::query("DELETE FROM leaf").execute(conn).await.map(drop));
    assert!(refused.expect_err("refused").to_string().contains("a leaf stays"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_interrupted_goes_on_and_is_used_by_nobody_before() {
    let world = World::new().await;
    world.interrupted().await;
    let refused = Db::open(world.target.place(), &MIGRATIONS).await.expect_err("half of it is there");
    assert!(matches!(refused, StoreError::Migration(_)) && refused.to_string().contains("dialtone copy"), "{refused}");
    let copied = world.copied().await.expect("the rest");
    let [(table, rows)] = copied.as_slice() else { panic!("{copied:?}") };
    assert_eq!(table, "leaf");
    assert!(*rows <= 30_003, "the first thousands are not copied again: {rows}");
    assert_eq!(world.counts_at_target().await, ALL);
    // Once more finds that there is nothing to do.
    assert_eq!(world.copied().await.expect("nothing"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_was_changed_in_between_is_found_out() {
    let world = World::new().await;
    world.interrupted().await;
    world.change_source("UPDATE leaf SET note = 'new' WHERE tree_id = 'a'").await;
    let refused = world.copied().await.expect_err("the first rows are of before");
    assert!(matches!(&refused, CopyError::Differs { table } if table == "leaf"), "{refused}");
    assert!(Db::open(world.target.place(), &MIGRATIONS).await.is_err(), "it stays closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_with_one_source_is_not_finished_with_another() {
    let (world, other) = (World::new().await, World::new().await);
    world.interrupted().await;
    let mixed = World { source: other.source, target: world.target };
    let refused = mixed.begun().await.expect_err("another source");
    assert!(matches!(refused, CopyError::OtherSource), "{refused}");
}

#[tokio::test]
async fn a_target_with_something_else_is_left_alone() {
    let world = World::new().await;
    change(&world.target, "INSERT INTO tree (id, parent_id) VALUES ('elm', 'root')").await;
    let refused = world.copied().await.expect_err("it holds something");
    assert!(matches!(refused, CopyError::NotEmpty { .. }), "{refused}");
    assert_eq!(world.counts_at_target().await, (2, 0, 0));
}

/// What `dialtone migrate` made is as good as nothing.
#[tokio::test]
async fn a_target_that_was_only_migrated_is_empty() {
    let world = World::new().await;
    MIGRATIONS.run(world.target.place()).await.expect("migrated");
    world.copied().await.expect("copied");
    assert_eq!(world.counts_at_target().await, ALL);
}

#[tokio::test]
async fn nobody_else_may_be_at_work() {
    let world = World::new().await;
    let at_target = Db::open(world.target.place(), &MIGRATIONS).await.expect("the target");
    let reader = at_target.read().await.expect("a reader");
    let refused = world.begun().await.expect_err("a process serves from the target");
    assert!(matches!(refused, CopyError::TargetInUse), "{refused}");
    drop(reader);
    at_target.close().await;

    let at_source = Db::open(world.source.place(), &MIGRATIONS).await.expect("the source");
    let writing = at_source.write().await.expect("a transaction");
    let refused = world.begun().await.expect_err("somebody writes");
    assert!(matches!(refused, CopyError::SourceInUse), "{refused}");
    drop(writing);
    let copy = world.begun().await.expect("now it is free");
    // And the other way round.
    assert!(at_source.write().await.is_err());
    drop(copy);
}

#[tokio::test]
async fn what_the_server_cannot_keep_is_named() {
    let world = World::new().await;
    world.change_source("UPDATE leaf SET note = 'a' || char(0) || 'b' WHERE tree_id = 'B'").await;
    let refused = world.copied().await.expect_err("a NUL");
    assert!(refused.to_string().starts_with("leaf.note holds a text that PostgreSQL cannot keep"), "{refused}");
}

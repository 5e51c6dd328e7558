//! The same tables on SQLite and on PostgreSQL: both are migrated, and what they then say of themselves is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use storage::Place;
use storage::testing::{Kind, TestDatabase};

use super::migrations::{QUEUE, entries, name, services};
use crate::support::repository;

/// What sqlx keeps for itself.
const SQLX: &str = "_sqlx_migrations";

/// What a database says of its tables: a line for each column, for what must be unique, for each index and each
/// reference.
type Schema = BTreeSet<String>;

fn on_both() -> Vec<String> {
    services().into_iter().map(|(service, _)| service).filter(|service| service != QUEUE).collect()
}

fn folder(service: &str, database: &str) -> std::path::PathBuf {
    repository().join("migrations").join(service).join(database)
}

#[test]
fn a_service_has_the_same_migrations_for_both() {
    assert!(!on_both().is_empty());
    for service in on_both() {
        let names = |database: &str| -> Vec<String> {
            entries(&folder(&service, database)).iter().map(|file| name(file).to_owned()).collect()
        };
        assert_eq!(names("sqlite"), names("postgres"), "{service}");
    }
}

/// No database shows its checks in a form that could be compared.
#[test]
fn as_much_is_checked_on_both() {
    for service in on_both() {
        let checks = |database: &str| -> BTreeMap<String, usize> {
            let files = entries(&folder(&service, database));
            let count = |file: &Path| std::fs::read_to_string(file).expect("a file").matches("CHECK (").count();
            files.iter().map(|file| (name(file).to_owned(), count(file))).collect()
        };
        assert_eq!(checks("sqlite"), checks("postgres"), "{service}");
    }
}

/// It is needed when no server can be reached.
#[test]
fn the_queue_is_a_file_in_every_installation() {
    assert!(folder(QUEUE, "sqlite").is_dir() && !folder(QUEUE, "postgres").exists());
}

#[tokio::test]
async fn the_tables_of_a_service_are_the_same_on_both() {
    for service in on_both() {
        let (sqlite, postgres) = (of_sqlite(&service).await, of_postgres(&service).await);
        let alone = |these: &Schema, those: &Schema| these.difference(those).cloned().collect::<Vec<_>>().join("\n");
        let differences = (alone(&sqlite, &postgres), alone(&postgres, &sqlite));
        assert_eq!(differences, (String::new(), String::new()), "{service}: on SQLite alone, on PostgreSQL alone");
        assert!(sqlite.len() > 10, "{service}: {sqlite:?}");
    }
}

async fn migrations(service: &str, database: &str) -> Migrator {
    Migrator::new(folder(service, database)).await.expect("migrations")
}

async fn of_sqlite(service: &str) -> Schema {
    let database = TestDatabase::new(Kind::Sqlite).await;
    let Place::Sqlite(file) = database.place() else { panic!("no file") };
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = options.connect().await.expect("a connection");
    migrations(service, "sqlite").await.run_direct(None, &mut connection, false).await.expect("migrated");
    schema_of_sqlite(&mut connection).await
}

const OF_SQLITE: [&str; 5] = [
    // The key of a table by a number is that number, and cannot be missing.
    "
        SELECT t.name || '.' || c.name || ' ' || lower(c.type)
               || iif(c.\"notnull\" OR (c.pk = 1 AND c.type = 'INTEGER'), ' NOT NULL', '')
        FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name <> $1",
    "
        SELECT 'unique ' || t.name || ' ' || group_concat(c.name, ',' ORDER BY c.pk)
        FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name <> $1 AND c.pk > 0
        GROUP BY t.name",
    "
        SELECT iif(i.\"unique\", 'unique ', 'index ' || i.name || ' ') || t.name || ' '
               || group_concat(c.name, ',' ORDER BY c.seqno) || iif(i.partial, ' WHERE', '')
        FROM pragma_table_list AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
        WHERE t.schema = 'main' AND t.name <> $1
        GROUP BY t.name, i.name",
    "
        SELECT 'reference ' || t.name || ' ' || group_concat(f.\"from\", ',' ORDER BY f.seq) || ' '
               || f.\"table\" || ' ' || group_concat(f.\"to\", ',' ORDER BY f.seq)
        FROM pragma_table_list AS t, pragma_foreign_key_list(t.name) AS f
        WHERE t.schema = 'main' AND t.name <> $1
        GROUP BY t.name, f.id",
    "SELECT 'trigger ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name <> $1",
];

async fn schema_of_sqlite(connection: &mut SqliteConnection) -> Schema {
    let mut schema = Schema::new();
    for question in OF_SQLITE {
        let lines: Vec<String> =
            sqlx::query_scalar(question).bind(SQLX).fetch_all(&mut *connection).await.expect("lines");
        schema.extend(lines);
    }
    schema
}

async fn of_postgres(service: &str) -> Schema {
    let database = TestDatabase::new(Kind::Postgres).await;
    let Place::Postgres(options) = database.place() else { panic!("no server") };
    let mut connection = options.connect().await.expect("a connection");
    migrations(service, "postgres").await.run_direct(None, &mut connection, false).await.expect("migrated");
    schema_of_postgres(&mut connection).await
}

const OF_POSTGRES: [&str; 4] = [
    // SQLite has one type for each of these.
    "
        SELECT table_name || '.' || column_name || ' '
               || CASE data_type
                      WHEN 'bigint' THEN 'integer'
                      WHEN 'bytea' THEN 'blob'
                      WHEN 'double precision' THEN 'real'
                      ELSE data_type
                  END
               || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
        FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name <> $1",
    "
        SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE 'index ' || n.relname || ' ' END || t.relname || ' '
               || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
                   FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number)
               || CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE' END
        FROM pg_index AS i
        JOIN pg_class AS n ON n.oid = i.indexrelid
        JOIN pg_class AS t ON t.oid = i.indrelid
        WHERE t.relnamespace = current_schema()::regnamespace AND t.relname <> $1",
    "
        SELECT 'reference ' || t.relname || ' '
               || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
                   FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number)
               || ' ' || o.relname || ' '
               || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
                   FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute AS a ON a.attrelid = o.oid AND a.attnum = k.number)
        FROM pg_constraint AS c
        JOIN pg_class AS t ON t.oid = c.conrelid
        JOIN pg_class AS o ON o.oid = c.confrelid
        WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace AND t.relname <> $1",
    // SQLite has no TRUNCATE to be refused (32).
    "
        SELECT 'trigger ' || g.tgname
        FROM pg_trigger AS g
        JOIN pg_class AS t ON t.oid = g.tgrelid
        WHERE NOT g.tgisinternal AND (g.tgtype & 32) = 0 AND t.relname <> $1",
];

async fn schema_of_postgres(connection: &mut PgConnection) -> Schema {
    let mut schema = Schema::new();
    for question in OF_POSTGRES {
        let lines: Vec<String> =
            sqlx::query_scalar(question).bind(SQLX).fetch_all(&mut *connection).await.expect("lines");
        schema.extend(lines);
    }
    schema
}

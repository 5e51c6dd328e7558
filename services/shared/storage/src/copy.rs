//! Moves a service's file to a server: all tables with all rows, whatever they are, and proves that nothing was lost.
//!
//! 1. Nobody else writes to the file, and the server has the tables of this version with nothing in them. It is marked
//!    as unfinished, so that no process starts on it.
//! 2. Each table in turn, those that others point to first: its rows in the order of its key, by `COPY`, some thousands
//!    in a transaction. What was committed says where the next run goes on.
//! 3. Both are read back whole, and compared by the number of rows and a checksum of all values.
//! 4. The mark is taken away by [`Copy::finish`], once the caller has seen whatever else it wants to see.
//!
//! Rows come as they were: no trigger runs, and keys that the server would number keep their numbers.

mod content;
mod refusal;
mod table;
mod value;

use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgCopyIn};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use tokio_stream::StreamExt;

pub use content::Content;
pub use refusal::CopyError;

use crate::migrations::{Migrations, Standing};
use crate::{Place, sqlite};
use table::{Table, quoted, tables};
use value::{Kind, Mark, Value};

/// A table that the target has while a copy into it is not finished, and what was copied.
const MARKER: &str = "unfinished_copy";
/// Rows that are committed together: what is done again, at most, after an interruption.
const ROWS: u64 = 20_000;
/// Bytes that are sent together.
const BYTES: usize = 1 << 20;
/// How often the lock of the target is asked for, with a pause of a tenth of a second: the connection of a copy that was
/// killed ends a little later.
const TRIES: u32 = 50;

const TRY_LOCK: &str =
    "SELECT pg_try_advisory_lock(hashtext('dialtone copy'), hashtext(COALESCE(current_schema()::TEXT, '')))";
const PAUSE: &str = "SELECT pg_sleep(0.1)";
/// Processes that serve from this database.
const IN_USE: &str = "
    SELECT COUNT(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'dialtone' AND pid <> pg_backend_pid()";
const HAS_MARKER: &str = "SELECT to_regclass('unfinished_copy') IS NOT NULL";
const MARK: &str = "CREATE TABLE unfinished_copy (source BYTEA NOT NULL)";
const MARK_SOURCE: &str = "INSERT INTO unfinished_copy (source) VALUES ($1)";
const MARKED_SOURCE: &str = "SELECT source FROM unfinished_copy";
const UNMARK: &str = "DROP TABLE unfinished_copy";
/// No two files were made in the same moments.
const ORIGIN: &str = "
    SELECT group_concat(version || ' ' || installed_on || ' ' || execution_time, ',' ORDER BY version)
    FROM _sqlx_migrations";
const HAS_NUMBERS: &str = "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
/// Numbers are not given twice, though the row that had the last one is gone.
const LAST_NUMBER: &str = "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = $1";
const SET_NUMBER: &str = "SELECT setval(pg_get_serial_sequence($1, $2), GREATEST($3, 1), $3 > 0)";

/// A copy under way. While it lives, nobody else writes to the source, and no other copy goes to the target.
#[derive(Debug)]
pub struct Copy {
    source: Transaction<'static, Sqlite>,
    target: PgConnection,
    tables: Vec<Table>,
    found: Found,
}

/// What the target held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing, or a part of what is to be copied.
    Unfinished,
    /// Something else, or a copy that is finished.
    Filled,
}

/// What has been done.
#[derive(Debug)]
pub enum Step<'a> {
    /// So many rows of a table have been copied in this run, and committed.
    Copied {
        /// The table.
        table: &'a str,
        /// How many rows.
        rows: u64,
    },
    /// The target has what the source has.
    Compared {
        /// The table.
        table: &'a str,
        /// What both have.
        content: &'a Content,
    },
}

impl Copy {
    /// Opens the file `from` and the server `to`, which gets the tables it has not.
    pub async fn open(from: &Place, to: &Place, migrations: &Migrations) -> Result<Self, CopyError> {
        let Place::Sqlite(file) = from else { return Err(CopyError::NoSource(from.to_string())) };
        let Place::Postgres(server) = to else { return Err(CopyError::NoServer(to.to_string())) };
        if !file.exists() {
            return Err(CopyError::NoSource(from.to_string()));
        }
        let (Standing { applied, known, newer }, _) = migrations.look(from).await?;
        if applied != known || newer > 0 {
            return Err(CopyError::SourceVersion { applied, known, newer });
        }
        let (standing, _) = migrations.look(to).await?;
        if standing.newer > 0 {
            return Err(CopyError::TargetVersion);
        }
        let mut source = open_source(file).await?;
        migrations.bring_up(to, standing).await?;
        let mut target = open_target(server).await?;
        let tables = tables(&mut source, &mut target).await?;
        let mut copy = Self { source, target, tables, found: Found::Unfinished };
        copy.found = copy.prepare(migrations).await?;
        Ok(copy)
    }

    /// Copies what is missing, and compares everything.
    ///
    /// # Errors
    ///
    /// [`CopyError::NotEmpty`] where the target held something else, which is left as it is.
    pub async fn run(&mut self, tell: &mut (dyn FnMut(Step<'_>) + Send)) -> Result<(), CopyError> {
        if self.found == Found::Unfinished {
            for table in &self.tables {
                Passage { table, source: &mut self.source, target: &mut self.target }.copy(tell).await?;
            }
            self.set_numbers().await?;
        }
        for table in &self.tables {
            let content = Content::of_file(table, &mut self.source).await?;
            if content != Content::on_server(table, &mut self.target).await? {
                let table = table.name.clone();
                return Err(match self.found {
                    Found::Unfinished => CopyError::Differs { table },
                    Found::Filled => CopyError::NotEmpty { table },
                });
            }
            tell(Step::Compared { table: &table.name, content: &content });
        }
        Ok(())
    }

    /// Opens the target to those who serve from it.
    pub async fn finish(mut self) -> Result<(), CopyError> {
        if self.found == Found::Unfinished {
            for table in &self.tables {
                // Until it knows how much there is, the server reads whole tables for every question.
                execute(&mut self.target, format!("ANALYZE {}", table.quoted())).await?;
            }
            execute(&mut self.target, UNMARK.to_owned()).await?;
        }
        self.target.close().await?;
        Ok(self.source.rollback().await?)
    }

    /// Marks a target that is empty; looks what was found in one that is not.
    async fn prepare(&mut self, migrations: &Migrations) -> Result<Found, CopyError> {
        let origin: String = sqlx::query_scalar(ORIGIN).fetch_one(&mut *self.source).await?;
        let is_marked: bool = sqlx::query_scalar(HAS_MARKER).fetch_one(&mut self.target).await?;
        if is_marked {
            let marked: Vec<u8> = sqlx::query_scalar(MARKED_SOURCE).fetch_one(&mut self.target).await?;
            let is_same = marked == origin.as_bytes();
            return if is_same { Ok(Found::Unfinished) } else { Err(CopyError::OtherSource) };
        }
        let in_use: bool = sqlx::query_scalar(IN_USE).fetch_one(&mut self.target).await?;
        if in_use {
            return Err(CopyError::TargetInUse);
        }
        let mut fresh = fresh(migrations).await?;
        for table in &self.tables {
            let made: i64 = count(&mut fresh, table).await?;
            let look = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {made} + 1) AS found", table.quoted());
            let found: i64 = sqlx::query_scalar(AssertSqlSafe(look)).fetch_one(&mut self.target).await?;
            if found > made {
                return Ok(Found::Filled);
            }
        }
        self.mark(&origin).await?;
        Ok(Found::Unfinished)
    }

    /// Takes away what the migrations themselves put into the tables: the source has its own.
    async fn mark(&mut self, origin: &str) -> Result<(), CopyError> {
        let mut tx = self.target.begin_with("BEGIN").await?;
        sqlx::query(MARK).execute(&mut *tx).await?;
        sqlx::query(MARK_SOURCE).bind(origin.as_bytes()).execute(&mut *tx).await?;
        for table in self.tables.iter().rev() {
            without_triggers(&mut tx, table).await?;
            execute(&mut tx, format!("DELETE FROM {}", table.quoted())).await?;
            with_triggers(&mut tx, table).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The server goes on counting where the file stopped.
    async fn set_numbers(&mut self) -> Result<(), CopyError> {
        let has_numbers: bool = sqlx::query_scalar(HAS_NUMBERS).fetch_one(&mut *self.source).await?;
        for table in &self.tables {
            for column in table.columns.iter().filter(|column| column.is_numbered) {
                let query = format!("SELECT COALESCE(MAX({}), 0) FROM {}", quoted(&column.name), table.quoted());
                let mut last: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *self.source).await?;
                if has_numbers {
                    let given: i64 =
                        sqlx::query_scalar(LAST_NUMBER).bind(&table.name).fetch_one(&mut *self.source).await?;
                    last = last.max(given);
                }
                let set = sqlx::query(SET_NUMBER).bind(table.quoted()).bind(&column.name).bind(last);
                set.execute(&mut self.target).await?;
            }
        }
        Ok(())
    }
}

/// One table on its way.
struct Passage<'a> {
    table: &'a Table,
    source: &'a mut SqliteConnection,
    target: &'a mut PgConnection,
}

impl Passage<'_> {
    /// Goes on behind the last row that is there already.
    async fn copy(self, tell: &mut (dyn FnMut(Step<'_>) + Send)) -> Result<(), CopyError> {
        let Self { table, source, target } = self;
        let last = last_mark(table, target).await?;
        let query = if last.is_empty() { table.of_file() } else { table.of_file_behind_mark() };
        let mut rows = sqlx::query(AssertSqlSafe(query));
        for mark in last {
            rows = match mark {
                Mark::Integer(number) => rows.bind(number),
                Mark::Text(text) => rows.bind(text),
                Mark::Bytes(bytes) => rows.bind(bytes),
            };
        }
        let mut rows = rows.fetch(source);
        let most = if table.points_to_itself { u64::MAX } else { ROWS };
        let mut copied = 0;
        let mut next = rows.try_next().await?;
        while next.is_some() {
            let mut tx = target.begin_with("BEGIN").await?;
            without_triggers(&mut tx, table).await?;
            let statement = format!("COPY {} ({}) FROM STDIN", table.quoted(), table.list());
            let mut load = Load { table, way: tx.copy_in_raw(&statement).await?, lines: String::new(), rows: 0 };
            while let Some(row) = next.take_if(|_| load.rows < most) {
                load.add(&row).await?;
                next = rows.try_next().await?;
            }
            copied += load.end().await?;
            with_triggers(&mut tx, table).await?;
            tx.commit().await?;
            tell(Step::Copied { table: &table.name, rows: copied });
        }
        Ok(())
    }
}

/// Rows on their way to the server.
struct Load<'a> {
    table: &'a Table,
    way: PgCopyIn<&'a mut PgConnection>,
    lines: String,
    rows: u64,
}

impl Load<'_> {
    async fn add(&mut self, row: &SqliteRow) -> Result<(), CopyError> {
        for (place, column) in self.table.columns.iter().enumerate() {
            if place > 0 {
                self.lines.push('\t');
            }
            if !Value::read(row, place, column.kind)?.write(&mut self.lines) {
                return Err(CopyError::Value { table: self.table.name.clone(), column: column.name.clone() });
            }
        }
        self.lines.push('\n');
        self.rows += 1;
        if self.lines.len() >= BYTES {
            self.way.send(self.lines.as_bytes()).await?;
            self.lines.clear();
        }
        Ok(())
    }

    async fn end(mut self) -> Result<u64, sqlx::Error> {
        self.way.send(self.lines.as_bytes()).await?;
        self.way.finish().await
    }
}

/// Closed to everybody else who writes, from here on.
async fn open_source(file: &Path) -> Result<Transaction<'static, Sqlite>, CopyError> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(sqlite::BUSY);
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    pool.begin_with("BEGIN IMMEDIATE").await.map_err(|_| CopyError::SourceInUse)
}

/// A connection without a limit of time, on which no other copy is made.
async fn open_target(server: &PgConnectOptions) -> Result<PgConnection, CopyError> {
    let mut target = server.clone().application_name("dialtone copy").connect().await?;
    for _ in 0..TRIES {
        let is_ours: bool = sqlx::query_scalar(TRY_LOCK).fetch_one(&mut target).await?;
        if is_ours {
            return Ok(target);
        }
        sqlx::query(PAUSE).execute(&mut target).await?;
    }
    Err(CopyError::TargetInUse)
}

/// The tables as the migrations make them, with what they put in.
async fn fresh(migrations: &Migrations) -> Result<SqliteConnection, CopyError> {
    let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await?;
    migrations.sqlite.run_direct(None, &mut connection, false).await.map_err(crate::StoreError::from)?;
    Ok(connection)
}

async fn count(connection: &mut SqliteConnection, table: &Table) -> Result<i64, sqlx::Error> {
    let query = format!("SELECT COUNT(*) FROM {}", table.quoted());
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(connection).await
}

/// The key of the last row that the server has; empty where it has none.
async fn last_mark(table: &Table, target: &mut PgConnection) -> Result<Vec<Mark>, CopyError> {
    let row = sqlx::query(AssertSqlSafe(table.last_on_server())).fetch_optional(target).await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let kinds: Vec<Kind> = table.key_columns().map(|column| column.kind).collect();
    let marks = kinds.iter().enumerate().map(|(place, kind)| Ok(Value::read(&row, place, *kind)?.mark()));
    let marks: Option<Vec<Mark>> = marks.collect::<Result<_, sqlx::Error>>()?;
    marks.ok_or_else(|| CopyError::Tables(format!("the key of {} is of a type that has no order", table.name)))
}

/// Until [`with_triggers`], in the same transaction: so they are never left without.
async fn without_triggers(tx: &mut Transaction<'_, Postgres>, table: &Table) -> Result<(), sqlx::Error> {
    execute(tx, format!("ALTER TABLE {} DISABLE TRIGGER USER", table.quoted())).await
}

async fn with_triggers(tx: &mut Transaction<'_, Postgres>, table: &Table) -> Result<(), sqlx::Error> {
    execute(tx, format!("ALTER TABLE {} ENABLE TRIGGER USER", table.quoted())).await
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

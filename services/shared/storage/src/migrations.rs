//! The tables of a service: how far those of a database have come, and bringing them up to date.
//!
//! What may change from one release to the next, and who brings it when, stands in `migrations/README.md`.

use std::path::Path;

use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _, PgConnection};

use crate::error::Failure;
use crate::{Place, StoreError, sqlite};

/// The second of them is there while a copy into the database is under way (`copy.rs`).
const HAS_TABLES: &str =
    "SELECT to_regclass('_sqlx_migrations') IS NOT NULL, to_regclass('unfinished_copy') IS NOT NULL";
const FILE_HAS_TABLES: &str = "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'";
const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
/// Of this database and schema, and of nobody else's locks.
const TRY_LOCK: &str =
    "SELECT pg_try_advisory_lock(hashtext('dialtone tables'), hashtext(COALESCE(current_schema()::TEXT, '')))";
const PAUSE: &str = "SELECT pg_sleep(0.1)";

/// The same tables, written down for each kind of database.
#[derive(Debug)]
pub struct Migrations {
    /// `sqlx::migrate!("../../migrations/<service>/sqlite")`
    pub sqlite: Migrator,
    /// `sqlx::migrate!("../../migrations/<service>/postgres")`
    pub postgres: Migrator,
}

/// How far the tables of a database have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many of the migrations that this program knows have been applied.
    pub applied: usize,
    /// How many it knows.
    pub known: usize,
    /// How many were applied that it does not know: a later program's.
    pub newer: usize,
}

/// A migration that was applied: its number, and the checksum of its file.
type Applied = (i64, Vec<u8>);

impl Standing {
    /// Whether something that this program needs is missing.
    pub const fn is_behind(self) -> bool {
        self.applied < self.known
    }
}

impl Migrations {
    /// How far the tables at `place` have come. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Migration`] where a migration was changed after it had been applied, or where a copy into the
    /// database is not finished.
    pub async fn standing(&self, place: &Place) -> Result<Standing, StoreError> {
        let (standing, is_unfinished) = self.look(place).await?;
        if is_unfinished {
            let text = "what `dialtone copy` began here is not finished; run it again";
            return Err(StoreError::Migration(Failure::saying(text)));
        }
        Ok(standing)
    }

    /// Brings the tables at `place` up to date, and says how far they had come before. Those who do it at once wait
    /// for one another. A file is made where it is missing; a server must have the database.
    ///
    /// Where a later program was here, a file is refused. On a server that is nothing special: while a release is
    /// rolled out, processes of the one before go on, and start again, on tables that have grown already.
    pub async fn run(&self, place: &Place) -> Result<Standing, StoreError> {
        let found = self.standing(place).await?;
        self.bring_up(place, found).await?;
        Ok(found)
    }

    pub(crate) async fn bring_up(&self, place: &Place, found: Standing) -> Result<(), StoreError> {
        match place {
            Place::Sqlite(file) => {
                sqlite::Db::open(file, &self.sqlite).await?.close().await;
                Ok(())
            }
            // Then there is nothing to do, and nobody to wait for.
            Place::Postgres(_) if !found.is_behind() => Ok(()),
            Place::Postgres(server) => self.bring_up_server(server).await,
        }
    }

    /// The standing, and whether a copy into the database is under way.
    pub(crate) async fn look(&self, place: &Place) -> Result<(Standing, bool), StoreError> {
        let (applied, is_unfinished) = match place {
            Place::Sqlite(file) => (applied_in_file(file).await?, false),
            Place::Postgres(server) => applied_on_server(server).await?,
        };
        let known: Vec<&Migration> = self.of(place).iter().collect();
        let mut standing = Standing { applied: 0, known: known.len(), newer: 0 };
        for (version, checksum) in applied {
            match known.iter().find(|migration| migration.version == version) {
                Some(migration) if *migration.checksum == *checksum => standing.applied += 1,
                Some(_) => return Err(changed(version)),
                None => standing.newer += 1,
            }
        }
        Ok((standing, is_unfinished))
    }

    /// Whether these are the tables at `place`: whether the first migration there is the first one here.
    pub async fn is_of(&self, place: &Place) -> Result<bool, StoreError> {
        let applied = match place {
            Place::Sqlite(file) => applied_in_file(file).await?,
            Place::Postgres(server) => applied_on_server(server).await?.0,
        };
        let ours = self.of(place).iter().next();
        Ok(matches!((applied.first(), ours), (Some((_, first)), Some(ours)) if *ours.checksum == **first))
    }

    const fn of(&self, place: &Place) -> &Migrator {
        match place {
            Place::Sqlite(_) => &self.sqlite,
            Place::Postgres(_) => &self.postgres,
        }
    }

    /// On a connection of its own: to add an index takes longer than any statement may otherwise.
    async fn bring_up_server(&self, server: &PgConnectOptions) -> Result<(), StoreError> {
        let mut connection = server.clone().application_name("dialtone migrate").connect().await?;
        lock(&mut connection).await?;
        let mut migrator = Migrator::with_migrations(self.postgres.iter().cloned().collect());
        migrator.set_ignore_missing(true).set_locking(false);
        // `run_direct`, because the future of `run` on a connection is not `Send` (rust-lang/rust#110338).
        migrator.run_direct(None, &mut connection, false).await?;
        // The lock ends with the connection.
        Ok(connection.close().await?)
    }
}

/// Waits until nobody else changes the tables. The lock is held until the connection ends.
///
/// Asks again and again, unlike sqlx: a statement that waits for the lock holds a snapshot, and whoever has the lock
/// and adds an index `CONCURRENTLY` waits for the end of all snapshots. Each would wait for the other.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let is_ours: bool = sqlx::query_scalar(TRY_LOCK).fetch_one(&mut *connection).await?;
        if is_ours {
            return Ok(());
        }
        sqlx::query(PAUSE).execute(&mut *connection).await?;
    }
}

async fn applied_in_file(file: &Path) -> Result<Vec<Applied>, StoreError> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let mut connection = SqliteConnectOptions::new().filename(file).busy_timeout(sqlite::BUSY).connect().await?;
    let has_tables: bool = sqlx::query_scalar(FILE_HAS_TABLES).fetch_one(&mut connection).await?;
    let applied = if has_tables { sqlx::query_as(APPLIED).fetch_all(&mut connection).await? } else { Vec::new() };
    connection.close().await?;
    Ok(applied)
}

async fn applied_on_server(server: &PgConnectOptions) -> Result<(Vec<Applied>, bool), StoreError> {
    let mut connection = server.connect().await?;
    let (has_tables, is_unfinished): (bool, bool) = sqlx::query_as(HAS_TABLES).fetch_one(&mut connection).await?;
    let applied = if has_tables { sqlx::query_as(APPLIED).fetch_all(&mut connection).await? } else { Vec::new() };
    connection.close().await?;
    Ok((applied, is_unfinished))
}

fn changed(version: i64) -> StoreError {
    let text = format!("migration {version} was applied and then changed; files are only ever added");
    StoreError::Migration(Failure::saying(&text))
}

//! Databases for tests, of both kinds, each test its own.
//!
//! A test is a function that takes a [`Kind`]; [`on_each_database`](crate::on_each_database) runs it for each. One
//! PostgreSQL serves all tests of a run, in whatever processes they are (`testing/server.rs`). Where it cannot be
//! had, the test fails and says what is missing; none is skipped.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "without its database a test can only fail, and say why"
)]

mod server;

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;
use vocabulary::Randomness;

use crate::Place;

pub use server::Server;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database on the server of this test run.
    Postgres,
}

/// An empty database, gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    place: Place,
    home: Home,
}

#[derive(Debug)]
enum Home {
    Folder(TempDir),
    Server { admin: Box<PgConnectOptions>, name: String },
}

impl TestDatabase {
    /// A new one.
    pub async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                Self { place: Place::file(&folder.path().join("test.db")), home: Home::Folder(folder) }
            }
            Kind::Postgres => Self::on(server::shared()).await,
        }
    }

    /// A new one on a server of the test's own.
    pub async fn on(admin: PgConnectOptions) -> Self {
        let randomness = Randomness::system().expect("randomness");
        let name = format!("test_{:016x}", u64::from_be_bytes(randomness.bytes()));
        run(&admin, format!("CREATE DATABASE {name}")).await;
        let place = Place::Postgres(Box::new(admin.clone().database(&name)));
        Self { place, home: Home::Server { admin: Box::new(admin), name } }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The folder of a file; panics where there is none.
    pub fn folder(&self) -> &Path {
        match &self.home {
            Home::Folder(folder) => folder.path(),
            Home::Server { name, .. } => panic!("{name} is on a server and has no folder of its own"),
        }
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own: a test's runtime cannot be waited for from here. A server that is gone has taken
    /// the database with it.
    fn drop(&mut self) {
        let Home::Server { admin, name } = &self.home else { return };
        let (admin, statement) = (admin.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(mut connection) = admin.connect().await {
                    let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
                }
            });
        };
        let _ = std::thread::spawn(work).join();
    }
}

async fn run(server: &PgConnectOptions, statement: String) {
    let mut connection = server.connect().await.expect("the PostgreSQL of this test run answers");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("done");
}

/// Makes a test of each of these functions for each kind of database: `on_sqlite::name` and `on_postgres::name`.
///
/// A function that is missing here is unused, and the compiler says so. `threads 4;` before the names runs each
/// on so many threads.
#[macro_export]
macro_rules! on_each_database {
    (threads $threads:literal; $($name:ident),+ $(,)?) => {
        $crate::on_each_database!(@ (flavor = "multi_thread", worker_threads = $threads); $($name),+);
    };
    (@ $runtime:tt; $($name:ident),+) => {
        #[cfg(test)]
        mod on_sqlite {
            $(#[tokio::test $runtime] async fn $name() { super::$name($crate::testing::Kind::Sqlite).await; })+
        }
        #[cfg(test)]
        mod on_postgres {
            $(#[tokio::test $runtime] async fn $name() { super::$name($crate::testing::Kind::Postgres).await; })+
        }
    };
    ($($name:ident),+ $(,)?) => {
        $crate::on_each_database!(@ (); $($name),+);
    };
}

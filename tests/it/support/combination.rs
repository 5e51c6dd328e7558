//! The four combinations in which a run can test the system: everything in one process or one process for each
//! service, on SQLite or on PostgreSQL. The environment of the run says which.

use std::sync::OnceLock;

/// How the services are spread over processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All in one.
    Embedded,
    /// Each in its own; they know each other by mutual TLS.
    Distributed,
}

/// What keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// Files in the data folder.
    Sqlite,
    /// A server, which has a database for each service.
    Postgres,
}

/// One of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Combination {
    pub shape: Shape,
    pub database: Database,
}

/// Whether something has a meaning in a combination.
type Meant = fn(Combination) -> bool;

/// Tests that have a meaning in some combinations only: their kind, whether it has one here, and why.
const SOME_ONLY: [(&str, Meant, &str); 6] = [
    ("failpoints", embedded, "a failpoint ends the process between two steps; of several, faults::services kills each"),
    ("asked one by one", embedded, "between processes, the questions of many phones share a message"),
    ("outgrown files", smallest, "makes its own: one process on files, and then PostgreSQL"),
    ("processes", distributed, "needs processes that can be killed and cut off one by one"),
    ("database server", on_a_server, "kills the database server, and there is none"),
    ("data on disk", on_files, "fills the disk of the data folder, where only the gateway's queue is"),
];

fn on_a_server(here: Combination) -> bool {
    here.database == Database::Postgres
}

fn on_files(here: Combination) -> bool {
    here.database == Database::Sqlite
}

fn smallest(here: Combination) -> bool {
    on_files(here) && embedded(here)
}

fn embedded(here: Combination) -> bool {
    here.shape == Shape::Embedded
}

fn distributed(here: Combination) -> bool {
    here.shape == Shape::Distributed
}

impl Combination {
    /// What the environment of this run says; embedded on SQLite where it says nothing.
    pub fn of_this_run() -> Self {
        static HERE: OnceLock<Combination> = OnceLock::new();
        *HERE.get_or_init(|| {
            let said = |name: &str| std::env::var(name).unwrap_or_default();
            let shape = match said("DIALTONE_TEST_SHAPE").as_str() {
                "" | "embedded" => Shape::Embedded,
                "distributed" => Shape::Distributed,
                other => panic!("DIALTONE_TEST_SHAPE is embedded or distributed, not {other}"),
            };
            let database = match said("DIALTONE_TEST_DATABASE").as_str() {
                "" | "sqlite" => Database::Sqlite,
                "postgres" => Database::Postgres,
                other => panic!("DIALTONE_TEST_DATABASE is sqlite or postgres, not {other}"),
            };
            Self { shape, database }
        })
    }
}

/// Whether tests of this kind have a meaning in this run. Where they have none, says why on the test's output.
#[track_caller]
pub fn has_meaning_here(kind: &str) -> bool {
    let row = SOME_ONLY.iter().find(|(name, ..)| *name == kind);
    let (_, is_meant, why) = row.unwrap_or_else(|| panic!("{kind:?} is not in the table of tests for some only"));
    let here = Combination::of_this_run();
    let is_here = is_meant(here);
    if !is_here {
        println!("left out in {here:?}: {why}");
    }
    is_here
}

//! What an import is measured against: the database's own bulk loader, into the same table.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The columns that both loaders fill; the others are for keys, and empty.
const COLUMNS: &str = "mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at";

/// A database and its loader.
pub enum Anchor {
    /// A file, and `sqlite3`'s `.import`.
    Sqlite(PathBuf),
    /// The database that the URL names, and psql's `\copy`.
    Postgres(String),
}

impl Anchor {
    /// Makes the table. On SQLite by hand, because `.import` fills all columns there are.
    pub fn prepare(&self) -> Result<()> {
        match self {
            Self::Sqlite(file) => sqlite3(
                file,
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE device (
                     mac INTEGER NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
                     provider_id TEXT NOT NULL,
                     profile_id TEXT NOT NULL,
                     serial TEXT,
                     model TEXT,
                     note TEXT NOT NULL,
                     search_text TEXT NOT NULL,
                     created_at INTEGER NOT NULL,
                     changed_at INTEGER NOT NULL
                 ) STRICT;
                 CREATE INDEX device_by_provider ON device (provider_id, mac);
                 CREATE INDEX device_by_profile ON device (provider_id, profile_id);",
            ),
            Self::Postgres(url) => psql(
                url,
                "CREATE TABLE anchor (LIKE device INCLUDING ALL);
                 ALTER TABLE anchor ADD FOREIGN KEY (provider_id, profile_id) REFERENCES profile (provider_id, id)",
            ),
        }
    }

    /// Loads a CSV file that has no first line of names.
    pub fn load(&self, file: &Path) -> Result<()> {
        let file = file.display();
        match self {
            Self::Sqlite(database) => {
                sqlite3(database, &format!("PRAGMA synchronous = FULL;\n.import --csv \"{file}\" device"))
            }
            Self::Postgres(url) => psql(url, &format!("\\copy anchor ({COLUMNS}) FROM '{file}' CSV")),
        }
    }

    /// How many phones it has, and how many the other table of the same database has, where it is there.
    pub fn count(&self) -> Result<u64> {
        let count = match self {
            Self::Sqlite(file) => output(Command::new("sqlite3").arg(file).arg("SELECT COUNT(*) FROM device"))?,
            Self::Postgres(url) => output(Command::new("psql").args([url, "-Atc", "SELECT COUNT(*) FROM anchor"]))?,
        };
        Ok(count.trim().parse()?)
    }
}

/// Runs statements and commands of sqlite3 on a file.
pub fn sqlite3(file: &Path, commands: &str) -> Result<()> {
    let script = file.with_extension("sql");
    std::fs::write(&script, commands)?;
    output(Command::new("sqlite3").arg("-bail").arg(file).stdin(File::open(&script)?)).map(drop)
}

fn psql(url: &str, command: &str) -> Result<()> {
    output(Command::new("psql").args([url, "-v", "ON_ERROR_STOP=1", "-qc", command])).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot start {command:?}; tests/tools/install it"))?;
    let complaint = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success() && complaint.is_empty(), "{command:?}: {complaint}");
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// A PostgreSQL of the run's own (`tests/tools/postgres`). It ends when this is dropped, or the run does.
pub struct Postgres {
    child: Child,
    input: Option<ChildStdin>,
    /// Of its first database.
    pub url: String,
}

impl Postgres {
    pub fn start() -> Result<Self> {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/postgres");
        let mut child = Command::new(tool).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut url = String::new();
        BufReader::new(child.stdout.take().context("it says nothing")?).read_line(&mut url)?;
        ensure!(url.starts_with("postgres://"), "PostgreSQL does not start");
        Ok(Self { child, input, url: url.trim().to_owned() })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.input.take());
        // Nothing can be done about a process that cannot be waited for.
        let _ = self.child.wait();
    }
}

//! What a server has stored, as somebody sees it who can reach its databases: asked in SQL, looked through, copied.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::build::install;
use super::databases::{Databases, url};
use super::server::Server;

/// The databases as they were.
pub struct Saved {
    files: TempDir,
    on_the_server: Option<Databases>,
}

impl Server {
    /// What the database's own program answers to a statement.
    #[track_caller]
    pub fn sql(&self, service: &str, statement: &str) -> String {
        self.try_sql(service, statement).unwrap_or_else(|said| panic!("{statement}: {said}"))
    }

    /// The same for a statement that may be refused: what it answered, or what it complained of.
    pub fn try_sql(&self, service: &str, statement: &str) -> Result<String, String> {
        let on_a_server = self.installation().databases().and_then(|all| all.of(service));
        let mut command = if let Some(options) = on_a_server {
            install(&["psql"]);
            let mut command = Command::new("psql");
            command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
            command.args(["--set", "ON_ERROR_STOP=1", "--dbname", &as_libpq_has_it(&options), "--command", statement]);
            command
        } else {
            install(&["sqlite3"]);
            let mut command = Command::new("sqlite3");
            command.arg(self.data().join(format!("databases/{service}.db"))).arg(statement);
            command
        };
        let done = command.output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Everything that it keeps, by where: files, and a dump of each database on a server.
    pub fn everything_stored(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut all = files_in(&self.data());
        for (service, options) in self.installation().databases().into_iter().flat_map(Databases::all) {
            install(&["pg_dump"]);
            let dumped =
                Command::new("pg_dump").arg("--dbname").arg(as_libpq_has_it(&options)).output().expect("it runs");
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            all.push((format!("dump of {service}").into(), with_bytes_as_they_are(dumped.stdout)));
        }
        all
    }

    /// A copy of its databases. It has ended.
    pub fn save_databases(&self) -> Saved {
        let files = TempDir::new().expect("a folder");
        copy(&self.data().join("databases"), files.path());
        Saved { files, on_the_server: self.installation().databases().map(Databases::copy) }
    }

    /// Its databases are that copy now. It has ended.
    pub fn take_over_databases(&self, saved: &Saved) {
        copy(saved.files.path(), &self.data().join("databases"));
        if let (Some(here), Some(saved)) = (self.installation().databases(), &saved.on_the_server) {
            here.take_over(saved);
        }
    }
}

/// Without what only the program's own client knows.
fn as_libpq_has_it(options: &PgConnectOptions) -> String {
    url(options).split('?').next().unwrap_or_default().to_owned()
}

/// Copies everything in a folder to another.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().expect("cp runs");
    assert!(done.success());
}

fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push((path.clone(), std::fs::read(path).expect("a file")));
        }
    }
    found
}

/// A dump writes bytes as `\\x0123…`; after it, they follow once more as they are.
fn with_bytes_as_they_are(mut dump: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&dump).into_owned();
    for written in text.split("\\\\x").skip(1) {
        let digits: Vec<u32> = written.chars().map_while(|digit| digit.to_digit(16)).collect();
        dump.push(b'\n');
        dump.extend(digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()));
    }
    dump
}

#[test]
fn bytes_in_a_dump_are_found() {
    let dump = with_bytes_as_they_are(b"COPY x\n7\t\\\\x736563726574\t\\\\x00ff\n".to_vec());
    assert!(dump.ends_with(b"\nsecret\n\x00\xff"), "{dump:?}");
}

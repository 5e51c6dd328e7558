//! The scripts of `deploy/`, run as a reader runs them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use super::{SERVICES, deploy, succeed, yaml};
use crate::support::{dialtone, repository};

/// A folder that `deploy/prepare` made.
pub struct Prepared(TempDir);

impl Prepared {
    pub fn make() -> Self {
        let prepared = Self(TempDir::new().expect("a folder"));
        prepared.again();
        // The operator's own.
        for name in ["tls/fullchain.pem", "tls/privkey.pem"] {
            std::fs::write(prepared.path(name), "an operator's").expect("a file");
        }
        prepared
    }

    fn again(&self) {
        succeed(Command::new(deploy("prepare")).arg(self.0.path()).env("DIALTONE", dialtone()));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Every file with what it holds.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut folders = vec![self.0.path().to_owned()];
        let mut files = BTreeMap::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.0.path()).expect("a name").display().to_string();
                    files.insert(name, std::fs::read(&path).expect("a file"));
                }
            }
        }
        files
    }

    /// What is handed to Kubernetes.
    pub fn configuration(&self) -> Vec<Value> {
        let printed = succeed(Command::new(deploy("kubernetes/configuration")).arg(self.0.path()));
        yaml(&printed)
    }
}

#[test]
fn a_prepared_folder_has_everything_and_keeps_it() {
    let prepared = Prepared::make();
    let files = prepared.files();
    for name in ["dialtone-master", "dialtone-report", "dialtone-codes", "database-password", "postgres-password"] {
        let secret = &files[&format!("secrets/{name}")];
        assert!(secret.len() == 64 && secret.iter().all(u8::is_ascii_hexdigit), "{name}");
        assert_eq!(files.values().filter(|other| *other == secret).count(), 1, "{name} is like no other");
        let mode = std::fs::metadata(prepared.path(&format!("secrets/{name}"))).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is for its owner only");
    }
    for service in SERVICES {
        for name in ["certificate.pem", "key.pem", "authorities.pem"] {
            assert!(files[&format!("mesh/{service}/{name}")].starts_with(b"-----BEGIN "), "{service} {name}");
        }
    }
    let example = std::fs::read(deploy("config/distributed.toml")).expect("the example");
    assert_eq!(files["distributed.toml"], example);
    prepared.again();
    assert_eq!(prepared.files(), files);
}

#[test]
fn kubernetes_is_handed_the_files_as_they_are() {
    let prepared = Prepared::make();
    let (files, objects) = (prepared.files(), prepared.configuration());
    let data = |object: &str, word: &str, name: &str| {
        let object = objects.iter().find(|it| it["metadata"]["name"] == object).expect("an object");
        assert_eq!(object["metadata"]["namespace"], "dialtone");
        STANDARD.decode(object[word][name].as_str().expect("data")).expect("base64")
    };
    assert_eq!(data("dialtone", "binaryData", "distributed.toml"), files["distributed.toml"]);
    assert_eq!(data("mesh-onboarding", "data", "key.pem"), files["mesh/onboarding/key.pem"]);
    assert_eq!(data("dialtone-codes", "data", "dialtone-codes"), files["secrets/dialtone-codes"]);
    assert_eq!(data("dialtone-tls", "data", "privkey.pem"), b"an operator's");
    let handed = objects.iter().flat_map(|it| it["data"].as_object().into_iter().flatten());
    assert!(handed.clone().all(|(name, _)| name != "postgres-password" && name != "authority-key.pem"));

    // Where something is missing, nothing is said to be complete.
    std::fs::remove_file(prepared.path("tls/privkey.pem")).expect("it was there");
    let half = Command::new(deploy("kubernetes/configuration")).arg(prepared.0.path()).output().expect("the script");
    assert!(!half.status.success());
}

/// A PostgreSQL of its own. Dropping it ends it.
struct Postgres {
    process: Child,
    url: String,
}

impl Postgres {
    fn start() -> Self {
        let mut process = Command::new(repository().join("tests/tools/postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("PostgreSQL starts");
        // Its address and its folder. It writes no more after that, and would stumble over a closed pipe before.
        let mut printed = BufReader::new(process.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let url = printed.next().expect("its address");
        assert!(url.starts_with("postgres://"), "{url}");
        printed.next().expect("its folder");
        Self { process, url }
    }

    /// `postgres://USER:PASSWORD@HOST:PORT/postgres`, in parts.
    fn parts(&self) -> [&str; 4] {
        let rest = self.url.trim_start_matches("postgres://").trim_end_matches("/postgres");
        let (login, place) = rest.split_once('@').expect("a login");
        let ((user, password), (host, port)) =
            (login.split_once(':').expect("a password"), place.split_once(':').expect("a port"));
        [user, password, host, port]
    }

    /// Whether `role` with that password may look into `database`.
    fn lets(&self, role: &str, password: &str, database: &str) -> bool {
        let [_, _, host, port] = self.parts();
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--host", host, "--port", port, "--username", role, "--dbname", database]);
        psql.args(["--command", "SELECT 1"]);
        psql.env("PGPASSWORD", password).output().expect("psql").status.success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It lives as long as its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn each_service_gets_a_database_that_no_other_looks_into() {
    let postgres = Postgres::start();
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "a secret's 'quotes' \\ and so on").expect("the password");
    let [user, password, host, port] = postgres.parts();
    let mut script = Command::new(deploy("postgres/databases.sh"));
    script.envs([("PGHOST", host), ("PGPORT", port), ("PGPASSWORD", password), ("POSTGRES_USER", user)]);
    succeed(script.env("DATABASE_PASSWORD_FILE", &file));
    let chosen = "a secret's 'quotes' \\ and so on";
    for service in &SERVICES[1..] {
        for database in &SERVICES[1..] {
            assert_eq!(postgres.lets(service, chosen, database), service == database, "{service} in {database}");
        }
        assert!(!postgres.lets(service, "another", service), "{service} without its password");
    }
}

//! `dialtone migrate`, and what a process of one service needs to start, as deploy/ starts them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use sqlx::ConnectOptions;
use tempfile::TempDir;

use crate::support::{Birth, Databases, Starting, dialtone, url, wait_for};

/// A prepared folder for processes of their own, on a server.
struct Prepared {
    folder: TempDir,
    databases: Databases,
}

impl Prepared {
    fn new() -> Self {
        let new = Self { folder: TempDir::new().expect("a folder"), databases: Databases::new(None) };
        let mesh = new.folder.path().join("mesh");
        let issued = Command::new(dialtone()).args(["pki", "issue", "--folder"]).arg(&mesh).output();
        assert!(issued.expect("the command runs").status.success());
        for name in ["master", "report", "codes"] {
            std::fs::write(new.folder.path().join(name), "5a".repeat(32)).expect("a file");
        }
        new
    }

    /// That of all its databases.
    fn password(&self) -> String {
        let url = url(&self.databases.of("accounts").expect("a database"));
        let (_, after) = url.split_once("://dialtone:").expect("a password");
        after.split('@').next().expect("a password").to_owned()
    }

    fn data(&self, service: &str) -> PathBuf {
        self.folder.path().join("data").join(service)
    }

    /// The configuration of a process that has `key` and no other.
    fn config(&self, service: &str, key: Option<&str>) -> PathBuf {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut toml = format!(
            "data = {:?}\n[log]\nformat = \"json\"\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n\
             internal = \"127.0.0.1:0\"\n[mesh]\nlisten = \"127.0.0.1:0\"\n",
            self.data(service).display().to_string()
        );
        for (name, file) in
            [("certificate_file", "certificate.pem"), ("key_file", "key.pem"), ("authorities_file", "authorities.pem")]
        {
            let _ = writeln!(toml, "{name} = {:?}", path(&format!("mesh/{service}/{file}")));
        }
        toml.push_str("[services]\n");
        for other in ["accounts", "redirection", "onboarding", "customization"] {
            let _ = writeln!(toml, "{other} = [\"127.0.0.1:1\"]");
        }
        toml.push_str("[keys]\n");
        for name in ["master", "report", "codes"] {
            let has_it = key.is_none_or(|key| key == name);
            let _ = writeln!(toml, "{name}_file = {:?}", path(if has_it { name } else { "nobody gave it" }));
        }
        toml.push_str("[databases]\n");
        for (service, options) in self.databases.all() {
            let _ = writeln!(toml, "{service} = {:?}", url(&options));
        }
        let file = self.folder.path().join(format!("{service}.toml"));
        std::fs::write(&file, toml).expect("the configuration can be written");
        file
    }

    fn migrate(&self, words: &[&str]) -> String {
        let config = self.config("gateway", None);
        let migrated = Command::new(dialtone()).arg("migrate").arg("--config").arg(config).args(words).output();
        let migrated = migrated.expect("the command runs");
        assert!(migrated.status.success(), "{migrated:?}");
        assert!(migrated.stderr.is_empty(), "{migrated:?}");
        String::from_utf8(migrated.stdout).expect("text")
    }

    /// What a process of that service says instead of serving.
    fn refusal(&self, service: &str) -> String {
        let config = self.config(service, None);
        let refused = Command::new(dialtone()).args(["serve", "--only", service, "--config"]).arg(config).output();
        let refused = refused.expect("the program runs");
        assert!(!refused.status.success());
        String::from_utf8_lossy(&refused.stderr).into_owned()
    }

    /// Starts it with one key; it serves.
    fn serves(&self, service: &str, key: Option<&str>) {
        let config = self.config(service, Some(key.unwrap_or_default()));
        let birth = Birth { only: Some(service), config: &config, environment: &[], log: Arc::default() };
        drop(Starting::new(birth).when_it_serves());
        assert!(!self.data(service).join("keys/master.key").exists(), "{service} has made a master key");
    }

    fn do_at(&self, service: &str, statement: &'static str) {
        let options = self.databases.of(service).expect("a database");
        wait_for(async {
            let mut connection = options.connect().await.expect("a connection");
            sqlx::query(statement).execute(&mut connection).await.expect("done");
        });
    }
}

#[test]
fn tables_are_brought_up_to_date_by_whoever_is_told_to_and_by_nobody_else() {
    let prepared = Prepared::new();
    let said = prepared.refusal("customization");
    assert!(said.contains("migrations that this version needs; run `dialtone migrate`"), "{said}");
    assert!(!said.contains(&prepared.password()), "{said}");

    let said = prepared.migrate(&["--only", "customization"]);
    assert!(said.starts_with("customization  postgres://") && said.lines().count() == 1, "{said}");
    let said = prepared.migrate(&[]);
    for (service, _) in prepared.databases.all() {
        let line = said.lines().find(|line| line.starts_with(service)).unwrap_or_else(|| panic!("{service}: {said}"));
        let is_first = service != "customization";
        let told = if is_first { "migrations applied, now at " } else { "migrations were applied before" };
        assert!(line.contains("postgres://") && line.contains(told), "{line}");
        assert!(!line.contains(&prepared.password()), "{line}");
    }
    // To write down what is there, nothing had to be made: a container has nowhere to write to.
    assert!(!prepared.data("gateway").join("keys").exists());
    prepared.serves("customization", None);

    // A later release was here before it is rolled out: this one goes on.
    prepared.do_at(
        "customization",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (900, 'later', TRUE, '\\x00', 0)",
    );
    prepared.serves("customization", None);
    let said = prepared.migrate(&["--only", "customization"]);
    assert!(said.contains("were applied before, and 1 of a later version"), "{said}");

    // A file that was changed is another matter.
    prepared.do_at("customization", "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1");
    let said = prepared.refusal("customization");
    assert!(said.contains("migration 1 was applied and then changed"), "{said}");
}

/// deploy/ gives each process the key that its table names, and no other.
#[test]
fn a_process_starts_with_the_keys_that_are_its_own() {
    let prepared = Prepared::new();
    prepared.migrate(&[]);
    prepared.serves("gateway", Some("report"));
    prepared.serves("onboarding", Some("codes"));
    prepared.serves("customization", None);
    prepared.serves("accounts", Some("master"));
    prepared.serves("redirection", Some("master"));
}

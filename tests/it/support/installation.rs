//! What a server runs on: its folder, its configuration, and in several processes the roads between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::build::dialtone;
use super::chaos::Link;
use super::combination::{Combination, Database, Shape};
use super::databases::{Databases, url};

/// The processes of the distributed shape, and whom each calls.
pub const SERVICES: [(&str, &[&str]); 5] = [
    ("accounts", &[]),
    ("customization", &[]),
    ("redirection", &["customization"]),
    ("onboarding", &["redirection"]),
    ("gateway", &["accounts", "redirection", "onboarding", "customization"]),
];
/// What links to the database are called.
pub const POSTGRES: &str = "postgres";

/// What a test changes of the configuration: lines of TOML.
#[derive(Default, Clone)]
pub struct Settings {
    pub toml: String,
}

/// How a test wants its server.
#[derive(Clone)]
pub struct Plan {
    settings: Settings,
    combination: Combination,
    has_links: bool,
    server: Option<PgConnectOptions>,
    environment: Vec<(&'static str, String, String)>,
}

impl Plan {
    /// As this run has it.
    pub fn of(settings: Settings) -> Self {
        let combination = Combination::of_this_run();
        Self { settings, combination, has_links: false, server: None, environment: Vec::new() }
    }

    /// Every road between two processes, or to PostgreSQL, is a link that the test can cut.
    pub fn with_links(self) -> Self {
        Self { has_links: true, ..self }
    }

    /// The databases are on a PostgreSQL of the test's own.
    pub fn on_server(self, admin: PgConnectOptions) -> Self {
        Self { server: Some(admin), ..self }
    }

    /// The process of `service` has this in its environment.
    pub fn with_environment(mut self, service: &'static str, name: &str, value: &str) -> Self {
        self.environment.push((service, name.to_owned(), value.to_owned()));
        self
    }
}

/// A folder with everything a server needs.
pub struct Installation {
    folder: TempDir,
    plan: Plan,
    databases: Option<Databases>,
    /// Where each process is called, in the distributed shape.
    mesh: BTreeMap<&'static str, SocketAddr>,
    /// By who calls, and whom.
    links: BTreeMap<(&'static str, &'static str), Link>,
}

impl Installation {
    pub fn new(plan: Plan, prepare: impl FnOnce(&Path)) -> Arc<Self> {
        let folder = TempDir::new().expect("a folder");
        prepare(&folder.path().join("data"));
        let databases = match plan.combination.database {
            Database::Sqlite => None,
            Database::Postgres => Some(Databases::new(plan.server.as_ref())),
        };
        let mesh = match plan.combination.shape {
            Shape::Embedded => BTreeMap::new(),
            Shape::Distributed => SERVICES.into_iter().map(|(name, _)| name).zip(free_addresses()).collect(),
        };
        let mut new = Self { folder, plan, databases, mesh, links: BTreeMap::new() };
        if new.plan.has_links {
            new.make_links();
        }
        new.write();
        Arc::new(new)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The configuration of the whole, which the command line is given.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("dialtone.toml")
    }

    /// The configuration of each process, by the service that it runs alone; `None` for all of them.
    pub fn processes(&self) -> Vec<(Option<&'static str>, PathBuf)> {
        match self.plan.combination.shape {
            Shape::Embedded => vec![(None, self.config())],
            Shape::Distributed => {
                SERVICES.map(|(name, _)| (Some(name), self.folder.path().join(format!("{name}.toml")))).into()
            }
        }
    }

    /// What the process of `service` finds in its environment.
    pub fn environment(&self, service: Option<&str>) -> Vec<(String, String)> {
        let its_own = |it: &&(&str, String, String)| service.is_none_or(|service| service == it.0);
        self.plan.environment.iter().filter(its_own).map(|(_, name, value)| (name.clone(), value.clone())).collect()
    }

    /// The road of `from` to `to`.
    #[track_caller]
    pub fn link(&self, from: &'static str, to: &'static str) -> &Link {
        self.links.get(&(from, to)).unwrap_or_else(|| panic!("no link from {from} to {to}"))
    }

    pub fn links_to(&self, to: &str) -> Vec<&Link> {
        self.links.iter().filter(|((_, end), _)| *end == to).map(|(_, link)| link).collect()
    }

    /// The databases, where they are on a server.
    pub fn databases(&self) -> Option<&Databases> {
        self.databases.as_ref()
    }

    /// Where the certificates of the processes are.
    pub fn certificates(&self) -> PathBuf {
        self.folder.path().join("mesh")
    }

    fn make_links(&mut self) {
        for (from, calls) in SERVICES {
            for to in calls.iter().filter(|to| self.mesh.contains_key(*to)) {
                self.links.insert((from, to), Link::to(self.mesh[to]));
            }
        }
        for (service, options) in self.databases.iter().flat_map(Databases::all) {
            let address = SocketAddr::new(options.get_host().parse().expect("an address"), options.get_port());
            self.links.insert((service, POSTGRES), Link::to(address));
        }
    }

    fn write(&self) {
        std::fs::write(self.config(), self.common()).expect("the configuration can be written");
        if self.mesh.is_empty() {
            return;
        }
        let folder = self.certificates().display().to_string();
        let issued = Command::new(dialtone()).args(["pki", "issue", "--folder", &folder]).output();
        let issued = issued.expect("the command runs");
        assert!(issued.status.success(), "{issued:?}");
        if !self.plan.settings.toml.contains("[keys]") {
            self.write_master_key();
        }
        // Processes of their own do not do it themselves.
        let migrated = Command::new(dialtone()).args(["migrate", "--config"]).arg(self.config()).output();
        let migrated = migrated.expect("the command runs");
        assert!(migrated.status.success(), "{migrated:?}");
        for (name, calls) in SERVICES {
            let file = self.folder.path().join(format!("{name}.toml"));
            let toml = format!("{}{}", self.common(), self.roads(name, calls));
            std::fs::write(file, toml).expect("the configuration can be written");
        }
    }

    /// What several processes share is there before the first of them; `deploy/prepare` does the same.
    fn write_master_key(&self) {
        let keys = self.data().join("keys");
        std::fs::create_dir_all(&keys).expect("a folder");
        std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).mode(0o600).open(keys.join("master.key"));
        let mut key = [0; 32];
        let mut source = std::fs::File::open("/dev/urandom").expect("randomness");
        source.read_exact(&mut key).expect("randomness");
        file.expect("a file").write_all(&key).expect("it can be written");
    }

    /// What all processes and the command line are told.
    fn common(&self) -> String {
        let toml = &self.plan.settings.toml;
        let mut text = format!(
            "data = {:?}\n{toml}\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n\
             internal = \"127.0.0.1:0\"\n",
            self.data().display().to_string(),
        );
        // What settings say of the log stands already; its format must stay JSON, which is read here.
        if !toml.contains("[log]") {
            text.push_str("[log]\nformat = \"json\"\nfilter = \"debug\"\n");
        }
        if let Some(databases) = &self.databases {
            text.push_str("[databases]\n");
            for (service, options) in databases.all() {
                let link = self.links.get(&(service, POSTGRES)).map(|link| link.address.port());
                let options = link.into_iter().fold(options, PgConnectOptions::port);
                let _ = writeln!(text, "{service} = {:?}", url(&options));
            }
        }
        text
    }

    /// Where the process of a service is called, and where it calls others.
    fn roads(&self, name: &'static str, calls: &[&'static str]) -> String {
        let mut text = "[services]\n".to_owned();
        for to in calls {
            let address = self.links.get(&(name, *to)).map_or(self.mesh[to], |link| link.address);
            let _ = writeln!(text, "{to} = [\"{address}\"]");
        }
        let own = self.certificates().join(name);
        let file = |name: &str| own.join(name).display().to_string();
        let _ = writeln!(
            text,
            "[mesh]\nlisten = \"{}\"\ncertificate_file = {:?}\nkey_file = {:?}\nauthorities_file = {:?}",
            self.mesh[name],
            file("certificate.pem"),
            file("key.pem"),
            file("authorities.pem"),
        );
        text
    }
}

/// Addresses that no other test binds or connects from, and that stay the same when a process starts again.
fn free_addresses() -> impl Iterator<Item = SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(7000);
    let [.., high, low] = std::process::id().to_be_bytes();
    let count = u16::try_from(SERVICES.len()).expect("a few");
    let first = NEXT.fetch_add(count, Ordering::Relaxed);
    (first..first + count).map(move |port| SocketAddr::from(([127, high, low, 3], port)))
}

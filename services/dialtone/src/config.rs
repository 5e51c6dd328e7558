//! How an installation is set up: one tree, read from a TOML file, checked before anything starts.
//!
//! Every value has a default that suits one machine. Secrets are never in the file; they are files of
//! their own in the data folder.

mod databases;
mod processes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
pub use databases::Databases;
use gateway::{Bounds, Door, NetworkRange};
use onboarding::{Allowance, Budgets, Policy};
pub use processes::{Mesh, ServicePlaces};
use rpc::Peer;
use serde::Deserialize;
use telemetry::{LogFormat, TelemetryConfig};

/// The whole tree.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder that holds everything that must not be lost.
    pub data: PathBuf,
    pub listen: Listen,
    pub phones: Phones,
    pub overload: Overload,
    pub codes: Codes,
    pub tls: Tls,
    pub keys: Keys,
    pub services: ServicePlaces,
    pub mesh: Option<Mesh>,
    pub databases: Databases,
    pub log: Log,
    pub traces: Traces,
    pub demo: Demo,
}

/// Where to listen. Port 0 takes any free one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Phones and providers, over HTTPS.
    pub https: SocketAddr,
    /// Phones that cannot do TLS, or do not trust us yet.
    pub http: SocketAddr,
    /// Health and metrics, for operators only.
    pub internal: SocketAddr,
}

/// How phones are answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phones {
    /// Where phones find this service, such as `https://dialtone.example`; left out, each phone is told
    /// to report to the address at which it asked.
    pub public_url: Option<String>,
    /// The paths at which phones ask, in the order they are tried.
    pub doors: Vec<Door>,
    /// How long a phone may report to the address it was given, in hours. The default covers the whole
    /// documented schedule of retries once (58 hours).
    pub report_hours: u64,
    /// Questions that are answered with nothing that one source network may ask at once.
    pub unknown_burst: u32,
    /// And each second after that.
    pub unknown_per_second: u32,
    /// Entries that wait in memory at most until they are recorded or on disk; a question with its answer is one.
    pub journal_capacity: usize,
    /// MiB of what happened to phones that the queue on disk holds at most, while it cannot be recorded.
    pub queue_mebibytes: u32,
}

/// How much is done at once; what is refused first where there is more.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overload {
    /// Connections that are open at most; the next ones wait.
    pub connections: usize,
    /// Connections among them that have not asked anything yet, such as those in a handshake. Where there are more, who
    /// has been slow goes.
    pub newcomers: usize,
    /// Requests under way at most. From half of them on, the API is refused; from three quarters on, phones that would get
    /// nothing; beyond them, all.
    pub requests: usize,
}

/// Activation codes: what is approved, and how often somebody may guess.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    /// Directory codes of this many digits or more are approved at once; shorter ones wait for an operator.
    pub approve_from_digits: u32,
    /// A new code is refused if somebody would then guess one of its length in fewer days than this.
    pub ceiling_days: u32,
    /// Days for which a withdrawn directory code rests before anyone can have it.
    pub cooling_days: u32,
    /// Days for which attempts that were refused are kept; redemptions are kept as long as their code.
    pub keep_attempts_days: u32,
    /// Wrong guesses of one phone, a day and at once.
    pub phone_per_day: u32,
    pub phone_burst: u32,
    /// Wrong guesses of one network (/24, /56), a day and at once.
    pub network_per_day: u32,
    pub network_burst: u32,
    /// Wrong guesses a day, of everybody together, at codes of 3 to 16 digits.
    pub length_per_day: [u32; 14],
}

/// The certificate of the HTTPS port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate and its chain, in PEM; left out, a development authority makes one.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, in PEM.
    pub key_file: Option<PathBuf>,
    /// The names and addresses that the development authority certifies.
    pub development_names: Vec<String>,
    /// A folder with one folder for each manufacturer of phones, which holds its authorities as `*.pem`. It
    /// is followed while the server runs. Left out, it is `tls/phones` in the data folder.
    pub phone_authorities: Option<PathBuf>,
    /// The proxies that end TLS for phones which we cannot speak with.
    pub proxy: Option<Proxy>,
}

/// Proxies that hand on the certificates of phones and their addresses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Their addresses, such as `10.0.0.7` or `10.0.0.0/24`. Nobody else is believed.
    pub from: Vec<NetworkRange>,
    /// The key they sign with: base64 of 32 bytes or more.
    pub key_file: PathBuf,
}

/// The master key, under which everything secret is kept. At most one of these is given; without, it is the
/// file `keys/master.key` in the data folder, made on the first start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// A file with 32 random bytes, or the same as 64 hex digits or base64.
    pub master_file: Option<PathBuf>,
    /// A shell command that prints the same, such as one that asks a key store.
    pub master_command: Option<String>,
    /// The key that signs the addresses phones report to, where several gateways share it: written like the master
    /// key. Left out, it is a file in the data folder, made where it is missing.
    pub report_file: Option<PathBuf>,
    /// The key under which personal activation codes are kept, where several processes share it.
    pub codes_file: Option<PathBuf>,
}

/// What is logged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` for people, `json` for machines.
    pub format: Format,
    /// Such as `info` or `info,gateway=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Text,
    Json,
}

/// Where traces go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The collector's OTLP/gRPC address, such as `http://127.0.0.1:4317`; left out, none are made.
    pub otlp_endpoint: Option<String>,
}

/// The demonstration (`dialtone demo`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Demo {
    /// Where the demonstration provider's own server listens.
    pub nps: SocketAddr,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: Listen::default(),
            phones: Phones::default(),
            overload: Overload::default(),
            codes: Codes::default(),
            tls: Tls::default(),
            keys: Keys::default(),
            services: ServicePlaces::default(),
            mesh: None,
            databases: Databases::default(),
            log: Log::default(),
            traces: Traces::default(),
            demo: Demo::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: SocketAddr::from(([0, 0, 0, 0], 8443)),
            http: SocketAddr::from(([0, 0, 0, 0], 8080)),
            internal: SocketAddr::from(([127, 0, 0, 1], 9464)),
        }
    }
}

impl Default for Phones {
    fn default() -> Self {
        let doors = ["/software/edos/callhome/rc", "/Cisco/{mac}.cfg", "/{mac}.cfg", "/{mac}.xml", "/{psn}.xml"];
        Self {
            public_url: None,
            doors: doors.iter().filter_map(|door| door.parse().ok()).collect(),
            report_hours: 72,
            unknown_burst: 2_000,
            unknown_per_second: 20,
            journal_capacity: 20_000,
            queue_mebibytes: 1024,
        }
    }
}

impl Overload {
    /// The same, in the words of the gateway.
    pub const fn bounds(&self) -> Bounds {
        Bounds { connections: self.connections, newcomers: self.newcomers, requests: self.requests }
    }
}

impl Default for Overload {
    fn default() -> Self {
        Self { connections: 16_384, newcomers: 1_024, requests: 4_096 }
    }
}

impl Default for Codes {
    fn default() -> Self {
        let Policy { approve_from_digits, ceiling_days, cooling_days, keep_attempts_days, budgets } = Policy::default();
        Self {
            approve_from_digits,
            ceiling_days,
            cooling_days,
            keep_attempts_days,
            phone_per_day: budgets.phone.per_day,
            phone_burst: budgets.phone.burst,
            network_per_day: budgets.network.per_day,
            network_burst: budgets.network.burst,
            length_per_day: budgets.length_per_day,
        }
    }
}

impl Codes {
    /// The same, in the words of the service.
    pub const fn policy(&self) -> Policy {
        Policy {
            approve_from_digits: self.approve_from_digits,
            ceiling_days: self.ceiling_days,
            cooling_days: self.cooling_days,
            keep_attempts_days: self.keep_attempts_days,
            budgets: Budgets {
                phone: Allowance { per_day: self.phone_per_day, burst: self.phone_burst },
                network: Allowance { per_day: self.network_per_day, burst: self.network_burst },
                length_per_day: self.length_per_day,
            },
        }
    }

    fn check(&self) -> Result<()> {
        ensure!((3..=17).contains(&self.approve_from_digits), "codes.approve_from_digits must be from 3 to 17");
        ensure!(
            self.keep_attempts_days > 0,
            "codes.keep_attempts_days must be at least 1; a search is seen in the attempts of a day"
        );
        let single = [self.phone_per_day, self.phone_burst, self.network_per_day, self.network_burst];
        let is_some = single.iter().chain(&self.length_per_day).all(|guesses| *guesses > 0);
        ensure!(is_some, "the budgets in codes must be at least 1; with 0, nobody could mistype a code");
        Ok(())
    }
}

impl Default for Tls {
    fn default() -> Self {
        let names = ["localhost", "127.0.0.1", "::1"];
        Self {
            certificate_file: None,
            key_file: None,
            development_names: names.map(str::to_owned).into(),
            phone_authorities: None,
            proxy: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::Text, filter: "info".to_owned() }
    }
}

impl Default for Demo {
    fn default() -> Self {
        Self { nps: SocketAddr::from(([127, 0, 0, 1], 8088)) }
    }
}

impl Config {
    /// Reads `file`, or takes the defaults where there is none.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let config: Self = toml::from_str(&text).with_context(|| format!("{} is not understood", file.display()))?;
        config.check().with_context(|| format!("{} cannot be used", file.display()))?;
        Ok(config)
    }

    /// Refuses what a process could not run by that is only one service, or all that run nowhere else.
    pub fn check_processes(&self, only: Option<Peer>) -> Result<()> {
        processes::check(&self.services, self.mesh.as_ref(), only)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.phones.doors.is_empty(), "phones.doors is empty; no phone could ask");
        ensure!((1..=720).contains(&self.phones.report_hours), "phones.report_hours must be from 1 to 720");
        ensure!(self.phones.journal_capacity > 0, "phones.journal_capacity must be at least 1");
        ensure!(self.phones.queue_mebibytes > 0, "phones.queue_mebibytes must be at least 1");
        let Overload { connections, newcomers, requests } = self.overload;
        ensure!((1..=connections).contains(&newcomers), "overload.newcomers must be from 1 to overload.connections");
        ensure!(requests >= 4, "overload.requests must be at least 4, a quarter for each kind of work");
        self.codes.check()?;
        if let Some(url) = &self.phones.public_url {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            ensure!(is_web && url.parse::<http::Uri>().is_ok(), "phones.public_url must be an http(s) URL");
        }
        let both = self.tls.certificate_file.is_some() == self.tls.key_file.is_some();
        ensure!(both, "tls.certificate_file and tls.key_file must be given together");
        let nowhere = self.tls.proxy.as_ref().is_some_and(|proxy| proxy.from.is_empty());
        ensure!(!nowhere, "tls.proxy.from is empty; nobody would be believed");
        let one = self.keys.master_file.is_none() || self.keys.master_command.is_none();
        ensure!(one, "give keys.master_file or keys.master_command, not both");
        Ok(())
    }

    /// Where the gateway keeps what cannot be recorded yet.
    pub fn queue_file(&self) -> PathBuf {
        self.data.join("databases/queue.db")
    }

    /// How long a phone may report to the address it was given.
    pub const fn report_lifetime(&self) -> Duration {
        Duration::from_secs(self.phones.report_hours * 3600)
    }

    /// What logs and traces need to know.
    pub fn telemetry(&self) -> TelemetryConfig {
        TelemetryConfig {
            format: match self.log.format {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            },
            filter: self.log.filter.clone(),
            otlp_endpoint: self.traces.otlp_endpoint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("dialtone.toml");
        std::fs::write(&file, text)?;
        Config::load(Some(&file))
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let config = load("[listen]\nhttps = \"127.0.0.1:9443\"\n[phones]\ndoors = [\"/{mac}.xml\"]\n")
            .expect("a configuration");
        assert_eq!(config.listen.https.port(), 9443);
        assert_eq!(config.listen.http.port(), 8080);
        assert_eq!(config.phones.doors.len(), 1);
        assert_eq!(Config::default().phones.doors.len(), 5);
    }

    #[test]
    fn the_example_says_what_the_defaults_are() {
        let example = Config::load(Some(Path::new("../../deploy/config/dialtone.toml"))).expect("the example");
        let defaults = Config { data: "/var/lib/dialtone".into(), ..Config::default() };
        let defaults = Config { log: Log { format: Format::Json, ..defaults.log.clone() }, ..defaults };
        assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn separate_processes_have_one_configuration() {
        let mut config = Config::load(Some(Path::new("../../deploy/config/distributed.toml"))).expect("the example");
        // It is where a container sees it.
        config.databases.password_file = None;
        for peer in Peer::ALL {
            config.check_processes(Some(peer)).unwrap_or_else(|error| panic!("{}: {error:#}", peer.name()));
        }
        for peer in crate::tables::STORING {
            let place = config.databases.place(peer, Path::new("nowhere")).expect("a place");
            assert_eq!(place.to_string(), format!("postgres://{0}@postgres:5432/{0}", peer.name()));
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, named) in [
            ("[listen]\nhtps = \"127.0.0.1:1\"\n", "htps"),
            ("[phones]\ndoors = [\"/{serial}.xml\"]\n", "{serial}"),
            ("[phones]\nreport_hours = 0\n", "report_hours"),
            ("[phones]\npublic_url = \"dialtone.example\"\n", "public_url"),
            ("[overload]\nconnections = 10\nnewcomers = 11\n", "overload.newcomers"),
            ("[overload]\nrequests = 3\n", "overload.requests"),
            ("[codes]\nphone_burst = 0\n", "at least 1"),
            ("[codes]\napprove_from_digits = 2\n", "approve_from_digits"),
            ("[codes]\nkeep_attempts_days = 0\n", "keep_attempts_days"),
            ("[codes]\nlength_per_day = [1, 2]\n", "length_per_day"),
            ("[tls]\nkey_file = \"key.pem\"\n", "certificate_file"),
            ("[tls.proxy]\nfrom = []\nkey_file = \"k\"\n", "tls.proxy.from"),
            ("[tls.proxy]\nfrom = [\"10.0.0.1/8\"]\nkey_file = \"k\"\n", "10.0.0.1/8"),
            ("[keys]\nmaster_file = \"m.key\"\nmaster_command = \"cat m.key\"\n", "not both"),
        ] {
            let error = format!("{:#}", load(text).expect_err(text));
            assert!(error.contains(named), "{error}");
        }
    }
}

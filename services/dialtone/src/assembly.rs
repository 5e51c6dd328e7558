//! How the parts are put together. Read this first.
//!
//! ```text
//!   phones, providers          operators
//!     | HTTPS   | HTTP            | HTTP (internal)
//!   +-v---------v-----------------v-+
//!   |            gateway            |   owns no data
//!   +--+--------+--------+-------+--+
//!      | gRPC   | gRPC   | gRPC  | gRPC, from generated code
//!   accounts redirection onboarding customization
//!      |        |   ^ gRPC |        |   ^
//!      |        |   +------+        |   | gRPC: redirection asks when phones were seen
//!      |        +-------------------+---+
//!   accounts.db redirection.db onboarding.db customization.db
//! ```

use std::path::Path;
use std::sync::Arc;

use accounts::{Accounts, AccountsConfig};
use anyhow::{Context, Result};
use audit::AuditLog;
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::audit::audit_service_server::AuditServiceServer;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use customization::Customization;
use gateway::{Backends, Gateway, GatewayConfig, GatewayMetrics, JournalConfig, Parts, Probe, Probes};
use onboarding::{Onboarding, OnboardingConfig};
use prometheus_client::registry::Registry;
use redirection::{Redirection, RedirectionConfig, TIME_TO_ANSWER};
use rpc::{Peer, Served, Transport};
use storage::Place;
use vault::MasterKey;
use vocabulary::{Clock, Randomness, Secret};

use crate::config::Config;
use crate::data_folder::{DataFolder, make_private};
use crate::health;
use crate::keyring::Keyring;
use crate::processes::Processes;
use crate::tables;

/// The largest answer of onboarding: 10 000 codes, each with a note of 200 characters.
const MOST_BYTES: usize = 16 << 20;

/// Where time and randomness come from; arguments of everything below.
#[derive(Clone)]
pub struct Sources {
    pub clock: Clock,
    pub randomness: Arc<Randomness>,
}

impl Sources {
    /// The machine's own.
    pub fn system() -> Result<Self> {
        let randomness = Randomness::system().context("the operating system gives no random bytes")?;
        Ok(Self { clock: Clock::System, randomness: Arc::new(randomness) })
    }
}

/// What the services stand on.
pub struct Foundation<'a> {
    pub folder: &'a DataFolder,
    /// The folder of the databases.
    pub databases: &'a Path,
    pub sources: Sources,
    /// Opens what is sealed in the databases.
    pub keyring: &'a Keyring,
    pub config: &'a Config,
    pub processes: Processes,
}

/// The services that own data and run in this process. Each has a database of its own, which nobody else opens.
#[derive(Clone)]
pub struct Services {
    sources: Sources,
    processes: Processes,
    accounts: Option<Accounts>,
    redirection: Option<Redirection>,
    onboarding: Option<Onboarding>,
    customization: Option<Customization>,
}

impl Services {
    /// Opens the databases of those that run here, and makes what is missing.
    pub async fn open(foundation: Foundation<'_>) -> Result<Self> {
        make_private(foundation.databases)?;
        let (sources, processes) = (foundation.sources.clone(), foundation.processes.clone());
        let mut services =
            Self { sources, processes, accounts: None, redirection: None, onboarding: None, customization: None };
        // Whoever is a process of its own shares a database on a server with its replicas; those of the version before
        // may still be running.
        if let Some(peer) = services.processes.alone() {
            tables::check(peer, &foundation.place(peer)?).await?;
        }
        // Each may call those that were opened before it.
        if services.processes.run(Peer::Accounts) {
            services.accounts = Some(services.open_accounts(&foundation).await?);
        }
        if services.processes.run(Peer::Customization) {
            let place = foundation.place(Peer::Customization)?;
            services.customization = Some(Customization::open(&place).await?);
        }
        if services.processes.run(Peer::Redirection) {
            services.redirection = Some(services.open_redirection(&foundation).await?);
        }
        if services.processes.run(Peer::Onboarding) {
            services.onboarding = Some(services.open_onboarding(&foundation).await?);
        }
        Ok(services)
    }

    async fn open_accounts(&self, foundation: &Foundation<'_>) -> Result<Accounts> {
        let config =
            accounts_config(foundation.folder, foundation.place(Peer::Accounts)?, foundation.keyring.master()?);
        let Sources { clock, randomness } = self.sources.clone();
        Ok(Accounts::open(config, clock, randomness).await?)
    }

    async fn open_redirection(&self, foundation: &Foundation<'_>) -> Result<Redirection> {
        let customization = self.road_to_customization(Peer::Redirection)?;
        let Sources { clock, randomness } = self.sources.clone();
        let config = RedirectionConfig {
            database: foundation.place(Peer::Redirection)?,
            master: foundation.keyring.master()?.clone(),
            clock,
            randomness,
            time_to_answer: TIME_TO_ANSWER,
            customization: Some(CustomizationServiceClient::new(customization)),
        };
        Ok(Redirection::open(config).await?)
    }

    async fn open_onboarding(&self, foundation: &Foundation<'_>) -> Result<Onboarding> {
        let redirection = self.road_to_redirection(Peer::Onboarding)?;
        let Sources { clock, randomness } = self.sources.clone();
        let config = OnboardingConfig {
            database: foundation.place(Peer::Onboarding)?,
            code_key: foundation.keyring.codes()?,
            policy: foundation.config.codes.policy(),
        };
        Ok(Onboarding::open(config, RedirectionServiceClient::new(redirection), clock, randomness).await?)
    }

    fn road_to_redirection(&self, caller: Peer) -> Result<Transport> {
        let server = self.redirection.clone().map(Redirection::into_server);
        self.processes.road(server, Peer::Redirection, caller)
    }

    fn road_to_customization(&self, caller: Peer) -> Result<Transport> {
        let server = self.customization.clone().map(Customization::server);
        self.processes.road(server, Peer::Customization, caller)
    }

    /// The roads that lead the gateway to them.
    pub fn backends(&self) -> Result<Backends> {
        let accounts = self.accounts.as_ref().map(Accounts::server);
        let onboarding = self.onboarding.clone().map(Onboarding::server);
        let gateway = Peer::Gateway;
        Ok(Backends {
            accounts: AccountsServiceClient::new(self.processes.road(accounts, Peer::Accounts, gateway)?),
            redirection: RedirectionServiceClient::new(self.road_to_redirection(gateway)?),
            redirection_elsewhere: self.processes.road_elsewhere(Peer::Redirection),
            // Ten thousand new codes are more than the usual 4 MB.
            onboarding: OnboardingServiceClient::new(self.processes.road(onboarding, Peer::Onboarding, gateway)?)
                .max_decoding_message_size(MOST_BYTES),
            customization: CustomizationServiceClient::new(self.road_to_customization(gateway)?),
            audit: self.audit()?,
        })
    }

    fn audit(&self) -> Result<[AuditServiceClient<Transport>; 4]> {
        let road = |peer| {
            let road = self.processes.road(self.audit_server(peer), peer, Peer::Gateway)?;
            anyhow::Ok(AuditServiceClient::new(road))
        };
        Ok([road(Peer::Accounts)?, road(Peer::Redirection)?, road(Peer::Onboarding)?, road(Peer::Customization)?])
    }

    fn audit_server(&self, peer: Peer) -> Option<AuditServiceServer<AuditLog>> {
        match peer {
            Peer::Gateway => None,
            Peer::Accounts => self.accounts.as_ref().map(Accounts::audit_server),
            Peer::Redirection => self.redirection.as_ref().map(|it| it.audit().into_server()),
            Peer::Onboarding => self.onboarding.as_ref().map(Onboarding::audit_server),
            Peer::Customization => self.customization.as_ref().map(Customization::audit_server),
        }
    }

    /// What other processes may call where only `peer` runs here.
    pub fn served(&self, peer: Peer) -> Served {
        let served = Served::new(self.processes.metrics().clone());
        let served = match (self.audit_server(peer), self.ping_here(peer)) {
            (Some(audit), Some(probe)) => served.and(audit).and(health::server(probe)),
            (Some(_), None) | (None, _) => served,
        };
        let served = self.accounts.iter().fold(served, |served, it| served.and(it.server()));
        let served = self.redirection.iter().fold(served, |served, it| served.and(it.clone().into_server()));
        let served = self.onboarding.iter().fold(served, |served, it| served.and(it.clone().server()));
        self.customization.iter().fold(served, |served, it| served.and(it.clone().server()))
    }

    /// One probe for each service that the gateway depends on.
    fn probes(&self) -> Result<Probes> {
        let all = [Peer::Accounts, Peer::Redirection, Peer::Onboarding, Peer::Customization];
        all.into_iter().map(|peer| Ok((peer.name(), self.probe(peer)?))).collect()
    }

    /// One probe for each service of this process.
    pub fn probes_here(&self) -> Probes {
        Peer::ALL.into_iter().filter_map(|peer| Some((peer.name(), self.ping_here(peer)?))).collect()
    }

    fn probe(&self, peer: Peer) -> Result<Probe> {
        if let Some(probe) = self.ping_here(peer) {
            return Ok(probe);
        }
        let nothing: Option<AuditServiceServer<AuditLog>> = None;
        Ok(health::elsewhere(self.processes.road(nothing, peer, Peer::Gateway)?))
    }

    fn ping_here(&self, peer: Peer) -> Option<Probe> {
        let probe = match peer {
            Peer::Gateway => return None,
            Peer::Accounts => {
                let service = self.accounts.clone()?;
                health::here(move || {
                    let it = service.clone();
                    async move { it.ping().await.is_ok() }
                })
            }
            Peer::Redirection => {
                let service = self.redirection.clone()?;
                health::here(move || {
                    let it = service.clone();
                    async move { it.ping().await.is_ok() }
                })
            }
            Peer::Onboarding => {
                let service = self.onboarding.clone()?;
                health::here(move || {
                    let it = service.clone();
                    async move { it.ping().await.is_ok() }
                })
            }
            Peer::Customization => {
                let service = self.customization.clone()?;
                health::here(move || {
                    let it = service.clone();
                    async move { it.ping().await.is_ok() }
                })
            }
        };
        Some(probe)
    }

    /// Finishes what is under way and closes the databases.
    pub async fn close(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.close().await;
        }
        if let Some(onboarding) = &self.onboarding {
            onboarding.close().await;
        }
        if let Some(redirection) = &self.redirection {
            redirection.close().await;
        }
        if let Some(customization) = &self.customization {
            customization.close().await;
        }
    }
}

impl Foundation<'_> {
    /// Where the database of `peer` is: as configured, or a file in the folder.
    fn place(&self, peer: Peer) -> Result<Place> {
        self.config.databases.place(peer, self.databases)
    }
}

/// Where accounts keeps what it owns.
pub fn accounts_config(folder: &DataFolder, database: Place, master: &MasterKey) -> AccountsConfig {
    AccountsConfig { database, signing_key: Some(folder.old_token_key()), master: master.clone() }
}

/// The gateway in front of `services`, which signs the addresses phones report to with `report_key`, and whose metrics stand in `registry`.
pub async fn gateway(
    config: &Config,
    report_key: Secret<[u8; 32]>,
    services: &Services,
    mut registry: Registry,
) -> Result<Gateway> {
    let metrics = GatewayMetrics::register(&mut registry);
    let Sources { clock, randomness } = services.sources.clone();
    let gateway_config = GatewayConfig {
        public_url: config.phones.public_url.as_deref().map(str::parse).transpose()?,
        phone_doors: config.phones.doors.clone(),
        report_key,
        report_lifetime: config.report_lifetime(),
        unknown_burst: config.phones.unknown_burst,
        unknown_per_second: config.phones.unknown_per_second,
        journal: JournalConfig {
            capacity: config.phones.journal_capacity,
            queue: config.queue_file(),
            queue_mebibytes: config.phones.queue_mebibytes,
        },
        bounds: config.overload.bounds(),
    };
    let parts =
        Parts { backends: services.backends()?, probes: services.probes()?, clock, randomness, metrics, registry };
    Ok(Gateway::start(gateway_config, parts).await?)
}

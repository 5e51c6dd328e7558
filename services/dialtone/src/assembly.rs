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
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use customization::Customization;
use gateway::{Backends, Gateway, GatewayConfig, GatewayMetrics, Parts, Probes};
use onboarding::{Onboarding, OnboardingConfig, Policy};
use prometheus_client::registry::Registry;
use redirection::{Redirection, RedirectionConfig, TIME_TO_ANSWER};
use rpc::{Peer, RpcMetrics, Transport, local};
use storage::Place;
use vault::MasterKey;
use vocabulary::{Clock, Randomness, Secret};

use crate::config::Config;
use crate::data_folder::{DataFolder, make_private};

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
    pub sources: Sources,
    /// Opens what is sealed in the databases and the key files.
    pub master: &'a MasterKey,
    /// The operator's numbers for activation codes.
    pub policy: Policy,
    pub metrics: RpcMetrics,
}

/// The services that own data. Each has a database of its own, which nobody else opens.
#[derive(Clone)]
pub struct Services {
    sources: Sources,
    metrics: RpcMetrics,
    pub accounts: Accounts,
    pub redirection: Redirection,
    pub onboarding: Onboarding,
    pub customization: Customization,
}

impl Services {
    /// Opens their databases in the folder `databases`, and makes what is missing.
    pub async fn open(foundation: Foundation<'_>, databases: &Path) -> Result<Self> {
        let Foundation { folder, sources, master, policy, metrics } = foundation;
        make_private(databases)?;
        let database = |name: &str| databases.join(name);
        let Sources { clock, randomness } = sources.clone();
        let accounts = accounts_config(folder, databases, master);
        let accounts = Accounts::open(accounts, clock.clone(), Arc::clone(&randomness)).await?;
        let customization = Customization::open(&Place::file(&database("customization.db"))).await?;
        let road = local(customization.clone().server(), Peer::Redirection, metrics.clone());
        let phones = RedirectionConfig {
            database: database("redirection.db"),
            master: master.clone(),
            clock: clock.clone(),
            randomness: Arc::clone(&randomness),
            time_to_answer: TIME_TO_ANSWER,
            customization: Some(CustomizationServiceClient::new(road)),
        };
        let redirection = Redirection::open(phones).await?;
        let code_key = folder.code_key(master, &randomness)?;
        let codes = OnboardingConfig { database: database("onboarding.db"), code_key, policy };
        let road = local(redirection.clone().into_server(), Peer::Onboarding, metrics.clone());
        let onboarding = Onboarding::open(codes, RedirectionServiceClient::new(road), clock, randomness).await?;
        Ok(Self { sources, metrics, accounts, redirection, onboarding, customization })
    }

    /// The roads that lead the gateway to them.
    pub fn backends(&self) -> Backends {
        let (caller, metrics) = (Peer::Gateway, &self.metrics);
        Backends {
            accounts: AccountsServiceClient::new(local(self.accounts.server(), caller, metrics.clone())),
            redirection: RedirectionServiceClient::new(local(
                self.redirection.clone().into_server(),
                caller,
                metrics.clone(),
            )),
            // Ten thousand new codes are more than the usual 4 MB.
            onboarding: OnboardingServiceClient::new(local(self.onboarding.clone().server(), caller, metrics.clone()))
                .max_decoding_message_size(MOST_BYTES),
            customization: CustomizationServiceClient::new(local(
                self.customization.clone().server(),
                caller,
                metrics.clone(),
            )),
            audit: self.audit(),
        }
    }

    fn audit(&self) -> [AuditServiceClient<Transport>; 4] {
        let logs = [
            self.accounts.audit_server(),
            self.redirection.audit().into_server(),
            self.onboarding.audit_server(),
            self.customization.audit_server(),
        ];
        logs.map(|log| AuditServiceClient::new(local(log, Peer::Gateway, self.metrics.clone())))
    }

    fn probes(&self) -> Probes {
        let Self { accounts, redirection, onboarding, customization, .. } = self.clone();
        vec![
            (
                "accounts",
                probe(move || {
                    let it = accounts.clone();
                    async move { it.ping().await.is_ok() }
                }),
            ),
            (
                "redirection",
                probe(move || {
                    let it = redirection.clone();
                    async move { it.ping().await.is_ok() }
                }),
            ),
            (
                "onboarding",
                probe(move || {
                    let it = onboarding.clone();
                    async move { it.ping().await.is_ok() }
                }),
            ),
            (
                "customization",
                probe(move || {
                    let it = customization.clone();
                    async move { it.ping().await.is_ok() }
                }),
            ),
        ]
    }

    /// Finishes what is under way and closes the databases.
    pub async fn close(&self) {
        self.accounts.close().await;
        self.onboarding.close().await;
        self.redirection.close().await;
        self.customization.close().await;
    }
}

/// Where accounts keeps what it owns.
pub fn accounts_config(folder: &DataFolder, databases: &Path, master: &MasterKey) -> AccountsConfig {
    AccountsConfig {
        database: databases.join("accounts.db"),
        signing_key: Some(folder.old_token_key()),
        master: master.clone(),
    }
}

fn probe<F, A>(ask: F) -> gateway::Probe
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = bool> + Send + 'static,
{
    Arc::new(move || Box::pin(ask()))
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
        journal_capacity: config.phones.journal_capacity,
    };
    let parts =
        Parts { backends: services.backends(), probes: services.probes(), clock, randomness, metrics, registry };
    Ok(Gateway::start(gateway_config, parts).await?)
}

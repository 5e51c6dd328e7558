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
//!      |        |   ^ gRPC |        |
//!      |        |   +------+        |
//!   accounts.db redirection.db onboarding.db customization.db
//! ```

use std::path::Path;
use std::sync::Arc;

use accounts::{Accounts, AccountsConfig};
use anyhow::{Context, Result};
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use customization::Customization;
use gateway::{Backends, Gateway, GatewayConfig, GatewayMetrics, Parts, Probes};
use onboarding::{Onboarding, OnboardingConfig, Policy};
use prometheus_client::registry::Registry;
use redirection::Redirection;
use rpc::{Peer, RpcMetrics, local};
use storage::Place;
use vocabulary::{Clock, Randomness};

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
        let Foundation { folder, sources, policy, metrics } = foundation;
        make_private(databases)?;
        let database = |name: &str| databases.join(name);
        let Sources { clock, randomness } = sources.clone();
        let accounts = AccountsConfig { database: database("accounts.db"), signing_key: folder.token_key() };
        let accounts = Accounts::open(accounts, clock.clone(), Arc::clone(&randomness)).await?;
        let redirection =
            Redirection::open(&database("redirection.db"), clock.clone(), Arc::clone(&randomness)).await?;
        let codes =
            OnboardingConfig { database: database("onboarding.db"), code_key: folder.code_key(&randomness)?, policy };
        let road = local(redirection.clone().into_server(), Peer::Onboarding, metrics.clone());
        let onboarding = Onboarding::open(codes, RedirectionServiceClient::new(road), clock, randomness).await?;
        let customization = Customization::open(&Place::file(&database("customization.db"))).await?;
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
        }
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

fn probe<F, A>(ask: F) -> gateway::Probe
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = bool> + Send + 'static,
{
    Arc::new(move || Box::pin(ask()))
}

/// The gateway in front of `services`, whose metrics stand in `registry`.
pub async fn gateway(
    config: &Config,
    folder: &DataFolder,
    services: &Services,
    mut registry: Registry,
) -> Result<Gateway> {
    let metrics = GatewayMetrics::register(&mut registry);
    let Sources { clock, randomness } = services.sources.clone();
    let gateway_config = GatewayConfig {
        public_url: config.phones.public_url.as_deref().map(str::parse).transpose()?,
        phone_doors: config.phones.doors.clone(),
        report_key: folder.report_key(&randomness)?,
        report_lifetime: config.report_lifetime(),
        unknown_burst: config.phones.unknown_burst,
        unknown_per_second: config.phones.unknown_per_second,
        journal_capacity: config.phones.journal_capacity,
    };
    let parts =
        Parts { backends: services.backends(), probes: services.probes(), clock, randomness, metrics, registry };
    Ok(Gateway::start(gateway_config, parts).await?)
}

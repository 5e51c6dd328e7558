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
//!      |        |                    |
//!   accounts.db redirection.db   customization.db
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
use onboarding::Onboarding;
use prometheus_client::registry::Registry;
use redirection::Redirection;
use rpc::{Peer, RpcMetrics, local};
use vocabulary::{Clock, Randomness};

use crate::config::Config;
use crate::data_folder::{DataFolder, make_private};

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

/// The services that own data. Each has a database of its own, which nobody else opens.
#[derive(Clone)]
pub struct Services {
    pub accounts: Accounts,
    pub redirection: Redirection,
    pub onboarding: Onboarding,
    pub customization: Customization,
}

impl Services {
    /// Opens their databases in the folder `databases`, and makes what is missing.
    pub async fn open(folder: &DataFolder, databases: &Path, sources: &Sources) -> Result<Self> {
        make_private(databases)?;
        let database = |name: &str| databases.join(name);
        let accounts = AccountsConfig { database: database("accounts.db"), signing_key: folder.token_key() };
        let Sources { clock, randomness } = sources.clone();
        Ok(Self {
            accounts: Accounts::open(accounts, clock.clone(), Arc::clone(&randomness)).await?,
            redirection: Redirection::open(&database("redirection.db"), clock, randomness).await?,
            onboarding: Onboarding,
            customization: Customization::open(&database("customization.db")).await?,
        })
    }

    /// The roads that lead the gateway to them.
    pub fn backends(&self, metrics: &RpcMetrics) -> Backends {
        let caller = Peer::Gateway;
        Backends {
            accounts: AccountsServiceClient::new(local(self.accounts.server(), caller, metrics.clone())),
            redirection: RedirectionServiceClient::new(local(
                self.redirection.clone().into_server(),
                caller,
                metrics.clone(),
            )),
            onboarding: OnboardingServiceClient::new(local(self.onboarding.server(), caller, metrics.clone())),
            customization: CustomizationServiceClient::new(local(
                self.customization.clone().server(),
                caller,
                metrics.clone(),
            )),
        }
    }

    fn probes(&self) -> Probes {
        let Self { accounts, redirection, customization, onboarding: _ } = self.clone();
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

/// The gateway in front of `services`.
pub async fn gateway(config: &Config, folder: &DataFolder, services: &Services, sources: &Sources) -> Result<Gateway> {
    let mut registry = Registry::default();
    let backends = services.backends(&RpcMetrics::register(&mut registry));
    let metrics = GatewayMetrics::register(&mut registry);
    let Sources { clock, randomness } = sources.clone();
    let gateway_config = GatewayConfig {
        public_url: config.phones.public_url.as_deref().map(str::parse).transpose()?,
        phone_doors: config.phones.doors.clone(),
        report_key: folder.report_key(&randomness)?,
        report_lifetime: config.report_lifetime(),
        unknown_burst: config.phones.unknown_burst,
        unknown_per_second: config.phones.unknown_per_second,
        journal_capacity: config.phones.journal_capacity,
    };
    let parts = Parts { backends, probes: services.probes(), clock, randomness, metrics, registry };
    Ok(Gateway::start(gateway_config, parts).await?)
}

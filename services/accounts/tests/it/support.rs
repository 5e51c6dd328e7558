//! A service on its own folder, a clock that stands still, and the client to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accounts::{Accounts, AccountsConfig};
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::accounts::{
    CreateProviderRequest, GetKeysRequest, IssueTokenRequest, NewClient, Provider, SetFrozenRequest,
};
use prometheus_client::registry::Registry;
use rpc::{Failure, Peer, RpcMetrics, Transport, within};
use tempfile::TempDir;
use vocabulary::{Clock, ManualClock, Randomness, Timestamp};

/// 2026-11-22T18:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
/// What the gateway allows a provider's request.
const ALLOWED: Duration = Duration::from_secs(10);

pub struct World {
    pub accounts: Accounts,
    pub clock: ManualClock,
    pub folder: TempDir,
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::starting_at(START);
        let accounts = open(&folder, &clock, 1).await;
        Self { accounts, clock, folder }
    }

    /// Ends the service and starts another on the same folder, with other randomness.
    pub async fn restarted(self) -> Self {
        self.accounts.close().await;
        let accounts = open(&self.folder, &self.clock, 2).await;
        Self { accounts, ..self }
    }

    pub fn config(&self) -> AccountsConfig {
        config(&self.folder)
    }

    pub fn client(&self, caller: Peer) -> AccountsServiceClient<Transport> {
        client(&self.accounts, caller)
    }

    pub fn gateway(&self) -> AccountsServiceClient<Transport> {
        self.client(Peer::Gateway)
    }

    pub async fn create(&self, name: &str) -> Result<(Provider, NewClient), Failure> {
        let request = within(ALLOWED, CreateProviderRequest { name: name.to_owned() });
        let created = self.gateway().create_provider(request).await?.into_inner();
        Ok((created.provider.expect("a provider"), created.client.expect("a client")))
    }

    pub async fn log_in(&self, client_id: &str, client_secret: &str) -> Result<String, Failure> {
        let request = IssueTokenRequest { client_id: client_id.to_owned(), client_secret: client_secret.to_owned() };
        let issued = self.gateway().issue_token(within(ALLOWED, request)).await?.into_inner();
        assert_eq!(issued.expires_in_seconds, 900);
        Ok(issued.token)
    }

    pub async fn set_frozen(&self, provider_id: &str, frozen: bool) -> Result<Provider, Failure> {
        let request = SetFrozenRequest { provider_id: provider_id.to_owned(), frozen };
        let answer = self.gateway().set_frozen(within(ALLOWED, request)).await?.into_inner();
        Ok(answer.provider.expect("a provider"))
    }

    pub async fn keys(&self) -> String {
        keys_of(&self.accounts).await
    }
}

pub async fn keys_of(accounts: &Accounts) -> String {
    let request = within(ALLOWED, GetKeysRequest {});
    client(accounts, Peer::Gateway).get_keys(request).await.expect("keys").into_inner().jwks
}

fn client(accounts: &Accounts, caller: Peer) -> AccountsServiceClient<Transport> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    AccountsServiceClient::new(rpc::local(accounts.server(), caller, metrics))
}

fn config(folder: &TempDir) -> AccountsConfig {
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    AccountsConfig { database: file("accounts.db"), signing_key: file("signing.key") }
}

async fn open(folder: &TempDir, clock: &ManualClock, seed: u64) -> Accounts {
    let randomness = Arc::new(Randomness::seeded(seed));
    Accounts::open(config(folder), Clock::Manual(clock.clone()), randomness).await.expect("the service opens")
}

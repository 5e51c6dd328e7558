//! Who may speak: providers, the clients they and the operators log in with, and the tokens they get.
//!
//! Signs tokens and publishes the keys that verify them. It does not check tokens (the gateway does,
//! and asks nobody), and it does not decide what a role may do.

mod credentials;
mod grpc;
mod login;
mod operator;
mod provider;
mod signing_key;
mod store;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use contracts::accounts::accounts_service_server::AccountsServiceServer;
use sqlx::migrate::Migrator;
use storage::StoreError;
use storage::sqlite::Db;
use vocabulary::{Clock, Randomness};

pub use credentials::NewClient;
pub use operator::CreateOperatorError;
pub use signing_key::SigningKeyError;

use credentials::Hasher;
use store::Store;
use token::TokenSigner;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/accounts/sqlite");

/// Where the service keeps what it owns.
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    /// The database file; made where it is missing.
    pub database: PathBuf,
    /// The key that signs tokens: Ed25519, PKCS#8 in PEM, mode 600; made where it is missing.
    pub signing_key: PathBuf,
}

/// The accounts service. Clones are the same service.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    hasher: Hasher,
    tokens: Arc<TokenSigner>,
    clock: Clock,
    randomness: Arc<Randomness>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened or brought up to date.
    #[error("cannot open the accounts database: {0}")]
    Store(#[from] StoreError),
    /// The signing key cannot be used or made.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
}

impl Accounts {
    /// Opens the database and reads the signing key, and makes what is missing.
    pub async fn open(config: AccountsConfig, clock: Clock, randomness: Arc<Randomness>) -> Result<Self, OpenError> {
        let db = Db::open(&config.database, &MIGRATIONS).await?;
        // The writer's turn is the lock: the service and the command line may start at once, and two
        // of them must not each make a key and then sign with different ones.
        let turn = db.write().await?;
        let key = signing_key::load_or_create(&config.signing_key, &randomness)?;
        turn.rollback().await.map_err(StoreError::from)?;
        Ok(Self {
            store: Store::new(db),
            hasher: Hasher::new(),
            tokens: Arc::new(TokenSigner::new(key)?),
            clock,
            randomness,
        })
    }

    /// The gRPC server to put behind a road (`rpc::local`).
    pub fn server(&self) -> AccountsServiceServer<Self> {
        AccountsServiceServer::new(self.clone())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Finishes what is under way and closes the database; logins that still wait are refused.
    pub async fn close(&self) {
        self.hasher.close();
        self.store.close().await;
    }
}

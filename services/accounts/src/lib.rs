//! Who may speak: tenants in a tree, the people and the programs that log in for them, and the tokens they get.
//!
//! Signs tokens, publishes the keys that verify them, and says of each subject what it may do now. It does not check
//! tokens (the gateway does), and it does not know which scope a route asks for.

mod authorize;
mod client;
mod credentials;
mod deed;
mod email;
mod grpc;
mod hashing;
mod invitation;
mod key_ring;
mod keys;
mod listing;
mod login;
mod operator;
mod password;
mod person;
mod proof;
mod refusal;
mod role;
mod second_factor;
mod self_service;
mod signing_key;
mod store;
mod tenant;
mod throttle;
mod token;
mod tree;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use audit::AuditLog;
use contracts::accounts::accounts_service_server::AccountsServiceServer;
use contracts::audit::audit_service_server::AuditServiceServer;
use storage::{Db, Migrations, Place, StoreError};
use vault::{MasterKey, Vault, VaultError};
use vocabulary::{Clock, Randomness};

pub use credentials::NewClient;
pub use hashing::HashingError;
pub use operator::CreateOperatorError;
pub use signing_key::SigningKeyError;

use hashing::Hasher;
use refusal::KeysRefused;

/// The tables of this service.
pub static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("../../migrations/accounts/sqlite"),
    postgres: sqlx::migrate!("../../migrations/accounts/postgres"),
};

/// Where the service keeps what it owns.
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    /// The database. A file is made where it is missing.
    pub database: Place,
    /// Where an earlier version kept its signing key: Ed25519, PKCS#8 in PEM, mode 600. Taken over at the first start, if
    /// it is there, and not looked at again.
    pub signing_key: Option<PathBuf>,
    /// Opens the secrets in the database.
    pub master: MasterKey,
}

/// The accounts service. Clones are the same service.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    vault: Vault,
    hasher: Hasher,
    clock: Clock,
    randomness: Arc<Randomness>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened or brought up to date.
    #[error("cannot open the accounts database: {0}")]
    Store(#[from] StoreError),
    /// The secrets in the database cannot be opened.
    #[error("cannot open the secrets of the accounts database: {0}")]
    Vault(#[from] VaultError),
    /// The signing key of an earlier version cannot be taken over.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The first signing key cannot be made.
    #[error("cannot make a signing key: {0}")]
    NoSigningKey(String),
}

impl Accounts {
    /// Opens the database, and makes what is missing.
    pub async fn open(config: AccountsConfig, clock: Clock, randomness: Arc<Randomness>) -> Result<Self, OpenError> {
        let db = Db::open(&config.database, &MIGRATIONS).await?;
        let vault = Vault::open(&db, &config.master, &clock, Arc::clone(&randomness)).await?;
        let mut tx = db.write().await?;
        keys::make_first(&mut tx, config.signing_key.as_deref(), (&vault, &randomness)).await?;
        tx.commit().await?;
        Ok(Self { db, vault, hasher: Hasher::new(), clock, randomness })
    }

    /// The gRPC server to put behind a road (`rpc::local`).
    pub fn server(&self) -> AccountsServiceServer<Self> {
        AccountsServiceServer::new(self.clone())
    }

    /// The gRPC server of the service's audit log.
    pub fn audit_server(&self) -> AuditServiceServer<AuditLog> {
        AuditLog::new(self.db.clone(), "accounts").into_server()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Finishes what is under way and closes the database; logins that still wait are refused.
    pub async fn close(&self) {
        self.hasher.close();
        self.db.close().await;
    }
}

impl From<KeysRefused> for OpenError {
    fn from(error: KeysRefused) -> Self {
        match error {
            KeysRefused::Key(error) => Self::SigningKey(error),
            KeysRefused::Vault(error) => Self::Vault(error),
            KeysRefused::Store(error) => Self::Store(error),
            KeysRefused::Unprintable(_) | KeysRefused::Signing(_) => Self::NoSigningKey(error.to_string()),
        }
    }
}

//! MAC to provider: profiles, and which phone goes to which.
//!
//! A phone's question is answered from memory (`index.rs`); what providers change goes through the
//! database first (`writer.rs`). This service does not know whether a provider exists, who may act for
//! it, or what became of a phone that was redirected.

#![warn(missing_docs)]

mod assignment;
mod change;
mod claim;
mod grpc;
mod index;
mod listing;
mod manifest;
mod ownership;
mod phones;
mod policy;
mod profile;
mod profile_name;
mod range;
mod refusal;
mod resolve;
mod seal;
mod store;
mod transfer;
mod unseen;
mod window;
mod wire;
mod words;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::AuditLog;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::redirection::redirection_service_server::RedirectionServiceServer;
use rpc::Transport;
use sqlx::migrate::Migrator;
use storage::StoreError;
use storage::sqlite::Db;
use vault::{MasterKey, Vault, VaultError};
use vocabulary::{Clock, Randomness, Timestamp};

use index::Index;
pub use unseen::RoundFailed;
use unseen::{Rounds, Unseen};
use writer::Writer;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/redirection/sqlite");

/// The service. Clones are the same service. One process at a time may have a database open: an index
/// does not see what another process writes.
#[derive(Clone)]
pub struct Redirection {
    db: Db,
    vault: Vault,
    index: Arc<Index>,
    writer: Writer,
    clock: Clock,
    randomness: Arc<Randomness>,
    time_to_answer: Duration,
    unseen: Option<Arc<(Unseen, Rounds)>>,
}

/// Where the service keeps what it knows, and what opens it.
#[derive(Debug)]
pub struct RedirectionConfig {
    /// The database; made where it is missing.
    pub database: PathBuf,
    /// The key of the installation, which opens the key of the database.
    pub master: MasterKey,
    /// The time.
    pub clock: Clock,
    /// Where ids and seals are drawn from.
    pub randomness: Arc<Randomness>,
    /// How long the owner of a phone may take to answer who asks for it, before the operator decides.
    pub time_to_answer: Duration,
    /// Who knows when a phone was seen last. Without it no phone is given back for not being seen.
    pub customization: Option<CustomizationServiceClient<Transport>>,
}

/// How long the owner of a phone has to answer who asks for it, where the operator does not say: 14 days.
pub const TIME_TO_ANSWER: Duration = Duration::from_hours(14 * 24);

/// Why the service cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The secrets in the database do not open.
    #[error("the secrets of redirection cannot be read: {0}")]
    Vault(#[from] VaultError),
    /// The database does not answer as it should.
    #[error("the database of redirection cannot be opened: {0}")]
    Store(#[from] StoreError),
}

impl Redirection {
    /// Opens the database, seals what an earlier program left in the clear, and reads every assignment into
    /// memory.
    pub async fn open(config: RedirectionConfig) -> Result<Self, CannotOpen> {
        let RedirectionConfig { database, master, clock, randomness, time_to_answer, customization } = config;
        let db = Db::open(&database, &MIGRATIONS).await?;
        let vault = Vault::open(&storage::Db::from(db.clone()), &master, &clock, Arc::clone(&randomness)).await?;
        store::take_over(&db, &vault, clock.now()).await?;
        let mut tx = db.write().await?;
        let index = Arc::new(store::load(&mut tx, &vault, clock.now()).await?);
        tx.rollback().await.map_err(StoreError::from)?;
        tracing::info!(phones = index.phones(), "the assignments are in memory");
        let writer = Writer::new(db.clone(), Arc::clone(&index));
        let unseen = customization.map(|customization| {
            let unseen = Unseen { db: db.clone(), writer: writer.clone(), customization };
            Arc::new((unseen.clone(), Rounds::begin(unseen, clock.clone())))
        });
        Ok(Self { db, vault, index, writer, clock, randomness, time_to_answer, unseen })
    }

    /// Gives back the phones that at `now` have not been seen for as long as their owners' policies say, as is done
    /// once an hour. Answers how many there were.
    pub async fn release_unseen(&self, now: Timestamp) -> Result<u64, RoundFailed> {
        match &self.unseen {
            Some(unseen) => unseen.0.release(now).await,
            None => Ok(0),
        }
    }

    /// The gRPC server to put behind a road (`rpc::local`).
    pub fn into_server(self) -> RedirectionServiceServer<Self> {
        RedirectionServiceServer::new(self)
    }

    /// What was done here, by whom: the log that this service keeps in its database.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(storage::Db::from(self.db.clone()), "redirection")
    }

    /// Whether the database answers. Phones are answered even where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Finishes the change that is under way and closes the database; those that still wait are refused.
    pub async fn close(&self) {
        if let Some(unseen) = &self.unseen {
            unseen.1.end().await;
        }
        self.writer.close().await;
    }
}

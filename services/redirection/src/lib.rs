//! MAC to provider: profiles, and which phone goes to which.
//!
//! A phone's question is answered from memory (`index.rs`); what providers change goes through the
//! database first (`writer.rs`). This service does not know whether a provider exists, who may act for
//! it, or what became of a phone that was redirected.

#![warn(missing_docs)]

mod assignment;
mod change;
mod claim;
mod follower;
mod grpc;
mod import;
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
mod task;
mod transfer;
mod unseen;
mod window;
mod wire;
mod words;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use audit::AuditLog;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::redirection::redirection_service_server::RedirectionServiceServer;
use rpc::Transport;
use storage::{Db, Migrations, Place, StoreError};
use vault::{MasterKey, Vault, VaultError};
use vocabulary::{Clock, Randomness, Timestamp};

use follower::Follower;
use index::Index;
use task::Task;
pub use unseen::RoundFailed;
use unseen::Unseen;
use writer::Writer;

/// The tables of this service.
pub static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("../../migrations/redirection/sqlite"),
    postgres: sqlx::migrate!("../../migrations/redirection/postgres"),
};

/// The service. Clones are the same service. Several processes may have one database open: what one has written, the
/// others know within a second.
#[derive(Clone)]
pub struct Redirection {
    db: Db,
    vault: Vault,
    index: Arc<Index>,
    writer: Writer,
    clock: Clock,
    randomness: Arc<Randomness>,
    time_to_answer: Duration,
    unseen: Option<Unseen>,
    tasks: Arc<Vec<Task>>,
}

/// Where the service keeps what it knows, and what opens it.
#[derive(Debug)]
pub struct RedirectionConfig {
    /// The database; a file is made where it is missing.
    pub database: Place,
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
        let vault = Vault::open(&db, &master, &clock, Arc::clone(&randomness)).await?;
        store::take_over(&db, &vault, clock.now()).await?;
        let follower = Follower::open(db.clone(), vault.clone(), clock.clone()).await?;
        let index = Arc::clone(follower.index());
        tracing::info!(phones = index.phones(), "the assignments are in memory");
        let writer = Writer::new(db.clone(), follower.clone(), clock.clone());
        let mut tasks = vec![Task::begin(follower.clone().go_on()), Task::begin(follower.prune())];
        let unseen =
            customization.map(|customization| Unseen { db: db.clone(), writer: writer.clone(), customization });
        tasks.extend(unseen.clone().map(|unseen| Task::begin(unseen.go_on(clock.clone()))));
        let tasks = Arc::new(tasks);
        Ok(Self { db, vault, index, writer, clock, randomness, time_to_answer, unseen, tasks })
    }

    /// Gives back the phones that at `now` have not been seen for as long as their owners' policies say, as is done
    /// once an hour. Answers how many there were.
    pub async fn release_unseen(&self, now: Timestamp) -> Result<u64, RoundFailed> {
        match &self.unseen {
            Some(unseen) => unseen.release(now).await,
            None => Ok(0),
        }
    }

    /// The gRPC server to put behind a road (`rpc::local`).
    pub fn into_server(self) -> RedirectionServiceServer<Self> {
        RedirectionServiceServer::new(self)
    }

    /// What was done here, by whom: the log that this service keeps in its database.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.db.clone(), "redirection")
    }

    /// Whether the database answers. Phones are answered even where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Finishes the change that is under way and closes the database; those that still wait are refused.
    pub async fn close(&self) {
        for task in self.tasks.iter() {
            task.end().await;
        }
        self.writer.close().await;
    }
}

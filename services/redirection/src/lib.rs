//! MAC to provider: profiles, and which phone goes to which.
//!
//! A phone's question is answered from memory (`index.rs`); what providers change goes through the
//! database first (`writer.rs`). This service does not know whether a provider exists, who may act for
//! it, or what became of a phone that was redirected.

#![warn(missing_docs)]

mod assignment;
mod change;
mod grpc;
mod index;
mod listing;
mod profile;
mod profile_name;
mod refusal;
mod store;
mod wire;
mod writer;

use std::path::Path;
use std::sync::Arc;

use contracts::redirection::redirection_service_server::RedirectionServiceServer;
use sqlx::migrate::Migrator;
use storage::StoreError;
use storage::sqlite::Db;
use vocabulary::{Clock, Randomness};

use index::Index;
use writer::Writer;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/redirection/sqlite");

/// The service. Clones are the same service. One process at a time may have a database open: an index
/// does not see what another process writes.
#[derive(Clone)]
pub struct Redirection {
    db: Db,
    index: Arc<Index>,
    writer: Writer,
    clock: Clock,
    randomness: Arc<Randomness>,
}

impl Redirection {
    /// Opens the database, creating it where it is missing, and reads every assignment into memory.
    pub async fn open(database: &Path, clock: Clock, randomness: Arc<Randomness>) -> Result<Self, StoreError> {
        let db = Db::open(database, &MIGRATIONS).await?;
        let mut tx = db.write().await?;
        let index = Arc::new(store::load(&mut tx).await?);
        tx.rollback().await?;
        tracing::info!(phones = index.phones(), "the assignments are in memory");
        Ok(Self { writer: Writer::new(db.clone(), Arc::clone(&index)), db, index, clock, randomness })
    }

    /// The gRPC server to put behind a road (`rpc::local`).
    pub fn into_server(self) -> RedirectionServiceServer<Self> {
        RedirectionServiceServer::new(self)
    }

    /// Whether the database answers. Phones are answered even where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Finishes the change that is under way and closes the database; those that still wait are refused.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

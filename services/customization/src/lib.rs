//! How far a phone has come: its customization state (chapter, "Remote Customization (RC)
//! Distribution") and the append-only timeline that led there.
//!
//! Begin with `state.rs`, the transition table; the rest keeps what it decides. This service neither asks
//! nor answers phones, and does not know who owns one or where profiles are: it is told.

#![warn(missing_docs)]

mod event;
mod grpc;
mod phone;
mod row;
#[cfg(test)]
mod samples;
mod state;
mod stated;
mod store;
mod timeline;
mod word;

use audit::AuditLog;
use contracts::audit::audit_service_server::AuditServiceServer;
use contracts::customization::customization_service_server::CustomizationServiceServer;
use storage::{Db, Migrations, Place, StoreError};

use crate::store::Store;

/// The tables of this service.
pub static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("../../migrations/customization/sqlite"),
    postgres: sqlx::migrate!("../../migrations/customization/postgres"),
};

/// The service. Clones share the same database.
#[derive(Debug, Clone)]
pub struct Customization {
    store: Store,
}

impl Customization {
    /// Opens the database at `place` and brings its tables up to date; a file is made where it is missing.
    ///
    /// Takes no clock: every observation brings the time at which it was made.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let db = Db::open(place, &MIGRATIONS).await?;
        Ok(Self { store: Store::new(db) })
    }

    /// The generated server in front of this service.
    pub fn server(self) -> CustomizationServiceServer<Self> {
        CustomizationServiceServer::new(self)
    }

    /// The server of this service's audit log.
    pub fn audit_server(&self) -> AuditServiceServer<AuditLog> {
        AuditLog::new(self.store.db().clone(), "customization").into_server()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

//! Activation codes: a phone that nobody announced is onboarded by its user (chapter, "Onboard Your Phone
//! with the Activation Code" and "Enable Auto Provisioning with Short Activation Code").
//!
//! Begin with `redeem.rs`, the steps of a redemption. This service keeps codes, who used them, and how often
//! somebody may guess; whose a phone is and what its profile says is asked of redirection.

#![warn(missing_docs)]

mod assignment;
mod attempts;
mod code;
mod deed;
mod failpoint;
mod grant;
mod grpc;
mod issue;
mod limits;
mod listing;
mod lookups;
mod policy;
mod record;
mod redeem;
mod refusal;
mod risk;
mod search;
mod store;
mod wire;
mod writer;

use std::sync::Arc;

use audit::AuditLog;
use contracts::audit::audit_service_server::AuditServiceServer;
use contracts::onboarding::onboarding_service_server::OnboardingServiceServer;
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use rpc::Transport;
use storage::{Db, Migrations, Place, StoreError};
use vocabulary::{Clock, ProfileId, ProviderId, Randomness, Secret};

use assignment::Assignments;
use code::CodeKey;
use lookups::Lookups;
pub use policy::{Allowance, Budgets, Policy};
use writer::Writer;

/// The tables of this service.
pub static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("../../migrations/onboarding/sqlite"),
    postgres: sqlx::migrate!("../../migrations/onboarding/postgres"),
};

/// What an installation decides.
#[derive(Debug, Clone)]
pub struct OnboardingConfig {
    /// Where the database is, or will be.
    pub database: Place,
    /// The key under which personal codes are kept. With another key, none of them is known any more.
    pub code_key: Secret<[u8; 32]>,
    /// The operator's numbers.
    pub policy: Policy,
}

/// The service. Clones share the same database.
#[derive(Clone)]
pub struct Onboarding {
    db: Db,
    key: Arc<CodeKey>,
    policy: Arc<Policy>,
    assignments: Assignments,
    /// Every guess is looked up by it.
    lookups: Arc<Lookups>,
    /// Every redemption goes through it.
    writer: Arc<Writer>,
    /// A provider and a profile that nobody has, to ask about where a guess was wrong.
    nobody: Arc<(ProviderId, ProfileId)>,
    clock: Clock,
    randomness: Arc<Randomness>,
}

impl Onboarding {
    /// Opens the database and brings its tables up to date; a file is made where it is missing.
    pub async fn open(
        config: OnboardingConfig,
        redirection: RedirectionServiceClient<Transport>,
        clock: Clock,
        randomness: Arc<Randomness>,
    ) -> Result<Self, StoreError> {
        let db = Db::open(&config.database, &MIGRATIONS).await?;
        let writer = Arc::new(Writer::start(db.clone(), config.policy.keep_attempts_days));
        Ok(Self {
            lookups: Arc::new(Lookups::start(db.clone())),
            db,
            writer,
            key: Arc::new(CodeKey::new(&config.code_key)),
            policy: Arc::new(config.policy),
            assignments: Assignments::new(redirection),
            nobody: Arc::new((ProviderId::draw(&randomness), ProfileId::draw(&randomness))),
            clock,
            randomness,
        })
    }

    /// The generated server in front of this service.
    pub fn server(self) -> OnboardingServiceServer<Self> {
        OnboardingServiceServer::new(self)
    }

    /// The server of this service's audit log.
    pub fn audit_server(&self) -> AuditServiceServer<AuditLog> {
        AuditLog::new(self.db.clone(), "onboarding").into_server()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        self.writer.stop().await;
        self.db.close().await;
    }
}

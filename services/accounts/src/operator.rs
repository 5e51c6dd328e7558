//! Operators: made here, on the machine itself, and never over the network.

use storage::StoreError;
use vocabulary::{ClientId, InvalidName, Name};

use crate::Accounts;
use crate::credentials::{ClientSecret, HashingError, NewClient};
use crate::store::ClientRecord;
use crate::token::Role;

/// Why no operator was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateOperatorError {
    /// The name is empty, too long or not readable.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The secret could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes a client that runs this cloud service. Whoever can call this already owns the database
    /// file; over gRPC nobody can.
    ///
    /// `name`, 1 to 100 visible characters, tells operators apart in the database; it need not be
    /// unique.
    #[tracing::instrument(name = "accounts.operator.create", level = "debug", skip_all)]
    pub async fn create_operator(&self, name: &str) -> Result<NewClient, CreateOperatorError> {
        let name: Name = name.parse()?;
        let client_id = ClientId::draw(&self.randomness);
        let secret = ClientSecret::draw(&self.randomness);
        let record = ClientRecord {
            id: &client_id,
            role: &Role::Operator,
            name: &name,
            secret_hash: &self.hasher.hash(&secret, &self.randomness).await?,
            created_at: self.clock.now(),
        };
        self.store.client_create(&record).await?;
        tracing::info!(client.id = %client_id, "operator made");
        Ok(NewClient { client_id, client_secret: secret.into_shown() })
    }
}

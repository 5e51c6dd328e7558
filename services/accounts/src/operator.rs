//! Operators: made here, on the machine itself, and never over the network.

use rpc::Actor;
use storage::StoreError;
use vocabulary::{InvalidName, Name, ProviderId, Scopes, Secret};

use crate::Accounts;
use crate::credentials::NewClient;
use crate::deed::Doer;
use crate::hashing::HashingError;
use crate::refusal::PersonRefused;
use crate::role::Role;

/// Why no operator was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateOperatorError {
    /// The name is empty, too long or not readable.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The person cannot be invited.
    #[error("{0}")]
    NotInvited(String),
    /// The secret could not be hashed.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes a client that runs this cloud service. Whoever can call this already owns the database file.
    ///
    /// `name`, 1 to 100 visible characters, tells operators apart in the database; it need not be
    /// unique.
    #[tracing::instrument(name = "accounts.operator.create", level = "debug", skip_all)]
    pub async fn create_operator(&self, name: &str) -> Result<NewClient, CreateOperatorError> {
        let name: Name = name.parse()?;
        let secret = self.fresh_secret().await?;
        let doer = self.console();
        let client = self.client_of(&doer, (&ProviderId::operator(), &name), Role::Owner);
        let mut tx = self.db.write().await?;
        let shown = self.store_client(&mut tx, &doer, (&client, secret)).await?;
        tx.commit().await?;
        tracing::info!(client.id = %client.id, "operator made");
        Ok(shown)
    }

    /// Makes the login of a person who runs this cloud service: the invitation, to choose a password within 7 days.
    #[tracing::instrument(name = "accounts.operator.invite", level = "debug", skip_all)]
    pub async fn create_operator_person(&self, email: &str) -> Result<Secret<String>, CreateOperatorError> {
        let operator = ProviderId::operator();
        let invited = self.invite(&self.console(), (operator.as_str(), email), Some(Role::Owner)).await;
        match invited {
            Ok((_, invitation)) => Ok(invitation),
            Err(PersonRefused::Store(error)) => Err(CreateOperatorError::Store(error)),
            Err(refused) => Err(CreateOperatorError::NotInvited(refused.to_string())),
        }
    }

    /// Whoever sits at the machine.
    fn console(&self) -> Doer {
        let actor = Actor {
            subject: "console".to_owned(),
            tenant: ProviderId::operator().to_string(),
            source: String::new(),
            request_id: String::new(),
        };
        Doer { actor, at: self.clock.now(), token: Scopes::all() }
    }
}

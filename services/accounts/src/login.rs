//! The login: a client's secret for a token (OAuth 2 client credentials, RFC 6749 section 4.4).
//!
//! 1. A secret that does not look like one is refused: that costs nothing and tells nothing.
//! 2. The client is looked up.
//! 3. The secret is checked with argon2id; for an unknown client against a dummy, so that the time
//!    taken does not tell which client ids exist.
//! 4. Unknown client and wrong secret get one answer.
//! 5. Only who proved the secret is told that the provider is frozen.
//! 6. The use is noted, at most once a minute.
//! 7. The token is signed.

use std::time::Duration;

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ClientId, ErrorKind, Timestamp};

use crate::Accounts;
use crate::credentials::{ClientSecret, HashingError, SecretHash};
use crate::store::KnownClient;
use crate::token::{Subject, Token};

/// How old a noted use may be. A write for each login would cost a disk flush each and make every
/// login wait for the one writer; to find clients that nobody uses, a minute is exact enough.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the client id or its secret is wrong")]
    InvalidClient,
    #[error("this provider is frozen; ask the operator of this service")]
    ProviderFrozen,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error("cannot sign a token: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// A token for the client with this id and this secret.
    #[tracing::instrument(name = "accounts.login", level = "debug", skip_all)]
    pub(crate) async fn login(&self, client_id: &str, secret: &str) -> Result<Token, LoginError> {
        let secret: ClientSecret = secret.parse().map_err(|_| LoginError::InvalidClient)?;
        let (id, client) = self.proven(client_id, secret).await?;
        if client.frozen_at.is_some() {
            tracing::info!(client.id = %id, "login refused: the provider is frozen");
            return Err(LoginError::ProviderFrozen);
        }
        let now = self.clock.now();
        self.note_use(&id, client.last_used_at, now).await;
        let subject = Subject { client: &id, role: &client.role, now, randomness: &self.randomness };
        Ok(self.tokens.sign(&subject)?)
    }

    /// Steps 2 to 4.
    async fn proven(&self, client_id: &str, secret: ClientSecret) -> Result<(ClientId, KnownClient), LoginError> {
        let id = client_id.parse::<ClientId>().ok();
        let client = match &id {
            Some(id) => self.store.client_find(id).await?,
            None => None,
        };
        let hash = client.as_ref().map_or_else(SecretHash::dummy, |client| client.secret_hash.clone());
        let right = self.hasher.is_right(secret, hash).await?;
        match (id, client) {
            (Some(id), Some(client)) if right => Ok((id, client)),
            (Some(id), _) => {
                tracing::info!(client.id = %id, "login refused: unknown client or wrong secret");
                Err(LoginError::InvalidClient)
            }
            (None, _) => Err(LoginError::InvalidClient),
        }
    }

    /// A full disk must not lock everybody out, so that a use which cannot be noted is only logged.
    async fn note_use(&self, id: &ClientId, last: Option<Timestamp>, now: Timestamp) {
        if last.is_some_and(|last| now < last.plus(NOTED_EVERY)) {
            return;
        }
        if let Err(error) = self.store.client_used(id, now).await {
            tracing::warn!(client.id = %id, error = %error, "cannot note the use of a client");
        }
    }
}

impl Refusal for LoginError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidClient => ErrorKind::Unauthenticated,
            Self::ProviderFrozen => ErrorKind::Forbidden,
            Self::Hashing(error) => error.kind(),
            Self::Signing(_) => ErrorKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::ProviderFrozen => "provider_frozen",
            Self::Hashing(error) => error.reason(),
            Self::Signing(_) => "signing_failed",
            Self::Store(_) => "storage",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vocabulary::{Clock, Randomness};

    use super::*;
    use crate::AccountsConfig;

    #[tokio::test]
    async fn the_price_of_a_hash_is_paid_for_an_unknown_client_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = AccountsConfig {
            database: folder.path().join("accounts.db"),
            signing_key: folder.path().join("signing.key"),
        };
        let randomness = Arc::new(Randomness::seeded(1));
        let accounts = Accounts::open(config, Clock::System, randomness.clone()).await.expect("accounts");
        let secret = ClientSecret::draw(&randomness).into_shown();
        let unknown = ClientId::draw(&randomness);
        // A closed hasher answers "stopping" to everybody who comes as far as hashing.
        accounts.hasher.close();
        for id in [unknown.as_str(), "", "prv_00000000000000000000"] {
            let refusal = accounts.login(id, secret.expose()).await.expect_err("no such client");
            assert_eq!(refusal.reason(), "stopping", "{id}");
        }
        let refusal = accounts.login(unknown.as_str(), "not a secret").await.expect_err("no secret");
        assert_eq!(refusal.reason(), "invalid_client");
        accounts.close().await;
    }
}

//! Providers: made with a first client, found, listed, frozen and thawed.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ClientId, ErrorKind, InvalidName, Name, ProviderId, Timestamp};

use crate::Accounts;
use crate::credentials::{ClientSecret, HashingError, NewClient};
use crate::store::ClientRecord;
use crate::token::Role;

/// How many providers one page may hold.
const PAGE: std::ops::RangeInclusive<u32> = 1..=1000;

/// A service provider, the tenant of this cloud service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub id: ProviderId,
    pub name: Name,
    /// Since when its clients may not log in.
    pub frozen_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Some of the providers, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Page {
    pub providers: Vec<Provider>,
    /// Whether others follow.
    pub more: bool,
}

/// Why no provider was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateProviderError {
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    #[error("there is a provider of that name (case does not matter); choose another")]
    NameTaken,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(StoreError),
}

/// Why a provider was not found, frozen or thawed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FindProviderError {
    #[error("there is no provider with that id")]
    NotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why providers were not listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListProvidersError {
    #[error("the limit of a page is a number from 1 to 1000")]
    InvalidLimit,
    #[error("a page begins after the id of a provider; leave it empty for the first page")]
    InvalidAfter,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Makes a provider and its first client, which carries the provider's name.
    #[tracing::instrument(name = "accounts.provider.create", level = "debug", skip_all)]
    pub(crate) async fn make_provider(&self, name: &str) -> Result<(Provider, NewClient), CreateProviderError> {
        let name: Name = name.parse()?;
        let provider = Provider {
            id: ProviderId::draw(&self.randomness),
            name: name.clone(),
            frozen_at: None,
            created_at: self.clock.now(),
        };
        let client_id = ClientId::draw(&self.randomness);
        let secret = ClientSecret::draw(&self.randomness);
        let record = ClientRecord {
            id: &client_id,
            role: &Role::Provider(provider.id.clone()),
            name: &name,
            secret_hash: &self.hasher.hash(&secret, &self.randomness).await?,
            created_at: provider.created_at,
        };
        self.store.provider_create(&provider, &record).await?;
        tracing::info!(provider.id = %provider.id, client.id = %client_id, "provider made");
        Ok((provider, NewClient { client_id, client_secret: secret.into_shown() }))
    }

    /// The provider with this id.
    #[tracing::instrument(name = "accounts.provider.find", level = "debug", skip_all)]
    pub(crate) async fn find_provider(&self, id: &str) -> Result<Provider, FindProviderError> {
        let id: ProviderId = id.parse().map_err(|_| FindProviderError::NotFound)?;
        self.store.provider_find(&id).await?.ok_or(FindProviderError::NotFound)
    }

    /// Up to `limit` providers (1 to 1000) whose ids follow `after`; empty begins at the first.
    #[tracing::instrument(name = "accounts.provider.list", level = "debug", skip_all)]
    pub(crate) async fn page_of_providers(&self, after: &str, limit: u32) -> Result<Page, ListProvidersError> {
        if !PAGE.contains(&limit) {
            return Err(ListProvidersError::InvalidLimit);
        }
        let after = match after {
            "" => None,
            id => Some(id.parse().map_err(|_| ListProvidersError::InvalidAfter)?),
        };
        // One more than asked for: its presence says that others follow.
        let mut providers = self.store.provider_list(after.as_ref(), limit + 1).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = providers.len() > wanted;
        providers.truncate(wanted);
        Ok(Page { providers, more })
    }

    /// Stops the provider's logins. Doing it again changes nothing.
    #[tracing::instrument(name = "accounts.provider.freeze", level = "debug", skip_all)]
    pub(crate) async fn freeze(&self, id: &str) -> Result<Provider, FindProviderError> {
        let id: ProviderId = id.parse().map_err(|_| FindProviderError::NotFound)?;
        let frozen = self.store.provider_freeze(&id, self.clock.now()).await?.ok_or(FindProviderError::NotFound)?;
        tracing::info!(provider.id = %id, "provider frozen");
        Ok(frozen)
    }

    /// Lets the provider log in again. Doing it again changes nothing.
    #[tracing::instrument(name = "accounts.provider.thaw", level = "debug", skip_all)]
    pub(crate) async fn thaw(&self, id: &str) -> Result<Provider, FindProviderError> {
        let id: ProviderId = id.parse().map_err(|_| FindProviderError::NotFound)?;
        let thawed = self.store.provider_thaw(&id).await?.ok_or(FindProviderError::NotFound)?;
        tracing::info!(provider.id = %id, "provider thawed");
        Ok(thawed)
    }
}

impl From<StoreError> for CreateProviderError {
    fn from(error: StoreError) -> Self {
        match error {
            // Ids of 100 random bits do not meet; what meets is the name.
            StoreError::AlreadyExists => Self::NameTaken,
            StoreError::Dependency
            | StoreError::Changed
            | StoreError::Inconsistent { .. }
            | StoreError::Migration(_)
            | StoreError::Failed(_) => Self::Store(error),
        }
    }
}

impl Refusal for CreateProviderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidName(_) => ErrorKind::Malformed,
            Self::NameTaken => ErrorKind::Conflict,
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidName(_) => "provider_name_invalid",
            Self::NameTaken => "provider_name_taken",
            Self::Hashing(error) => error.reason(),
            Self::Store(_) => "storage",
        }
    }
}

impl Refusal for FindProviderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "provider_not_found",
            Self::Store(_) => "storage",
        }
    }
}

impl Refusal for ListProvidersError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidLimit | Self::InvalidAfter => ErrorKind::Malformed,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidLimit => "page_limit_invalid",
            Self::InvalidAfter => "page_after_invalid",
            Self::Store(_) => "storage",
        }
    }
}

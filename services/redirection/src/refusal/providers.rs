//! Why a wish that concerns a provider as a whole is not fulfilled.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId};

use super::{PROVIDER_FROZEN, ProviderFrozen};
use crate::policy::InvalidPolicy;

/// Why a wish that concerns a provider as a whole is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error("at most 100000 providers are frozen or restored at once")]
    TooMany,
    #[error(transparent)]
    Invalid(#[from] InvalidPolicy),
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for ProviderRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_) | Self::TooMany | Self::Invalid(_) => ErrorKind::Malformed,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::TooMany => "too_many_providers",
            Self::Invalid(InvalidPolicy) => "invalid_policy",
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

//! Why a wish that concerns many phones at once is not fulfilled, for any of them.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId, MacAddress};

use super::{ON_HOLD, PROVIDER_FROZEN, ProviderFrozen};
use crate::phones::{InvalidPhones, named};

/// Why phones are neither held nor handed over. Names up to five that stand in the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PhonesRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    Phones(#[from] InvalidPhones),
    #[error("name phones or the profile they go to, and not both")]
    PhonesAndProfile,
    #[error("the phones are this provider's already; send them to another profile one by one")]
    SameProvider,
    #[error("the present provider has no profile of that id or name")]
    UnknownFromProfile,
    #[error("the new provider has no profile of that id or name")]
    UnknownToProfile,
    #[error("the provider has not registered {}; nothing was moved", named(.0))]
    Unknown(Vec<MacAddress>),
    #[error("the operator holds {}; nothing was moved", named(.0))]
    OnHold(Vec<MacAddress>),
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for PhonesRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_)
            | Self::Phones(_)
            | Self::PhonesAndProfile
            | Self::SameProvider
            | Self::UnknownFromProfile
            | Self::UnknownToProfile => ErrorKind::Malformed,
            Self::Unknown(_) => ErrorKind::NotFound,
            Self::OnHold(_) => ErrorKind::Conflict,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::Phones(InvalidPhones::Length) | Self::PhonesAndProfile => "invalid_macs",
            Self::Phones(InvalidPhones::Mac(..)) => "invalid_mac",
            Self::SameProvider => "same_provider",
            Self::UnknownFromProfile | Self::UnknownToProfile => "unknown_profile",
            Self::Unknown(_) => "unknown_device",
            Self::OnHold(_) => ON_HOLD,
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

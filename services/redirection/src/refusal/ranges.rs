//! Why a wish that concerns a block of addresses is not fulfilled.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId};

use super::{PROVIDER_FROZEN, ProviderFrozen, listing_reason};
use crate::listing::InvalidListing;
use crate::range::{Block, InvalidBlock};

/// Why a wish that concerns a block of addresses is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RangeRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    Invalid(#[from] InvalidBlock),
    #[error(transparent)]
    Listing(#[from] InvalidListing),
    #[error("the provider has no profile of that id or name; list its profiles at /v1/profiles")]
    UnknownProfile,
    #[error("there is no such block; list the blocks that are assigned")]
    Unknown,
    /// Never says whose it is.
    #[error("the block {0} is assigned already; choose one beside it, or one of the same provider within or around it")]
    Overlap(Block),
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for RangeRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_) | Self::Invalid(_) | Self::Listing(_) | Self::UnknownProfile => {
                ErrorKind::Malformed
            }
            Self::Unknown => ErrorKind::NotFound,
            Self::Overlap(_) => ErrorKind::Conflict,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::Invalid(InvalidBlock) => "invalid_range",
            Self::Listing(listing) => listing_reason(*listing),
            Self::UnknownProfile => "unknown_profile",
            Self::Unknown => "unknown_range",
            Self::Overlap(_) => "range_overlaps",
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

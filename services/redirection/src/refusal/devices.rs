//! Why a wish that concerns a phone is not fulfilled.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId, InvalidMacAddress};

use super::{ON_HOLD, OnHold, PROVIDER_FROZEN, ProviderFrozen, listing_reason, unproven_reason};
use crate::assignment::InvalidDescription;
use crate::claim::Unproven;
use crate::import::InvalidRowCount;
use crate::listing::InvalidListing;
use crate::seal::InvalidSealKey;

/// Why a wish that concerns a phone is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    InvalidMac(#[from] InvalidMacAddress),
    #[error(transparent)]
    Listing(#[from] InvalidListing),
    #[error(transparent)]
    Invalid(#[from] InvalidDescription),
    #[error("you have no profile of that id or name; list yours at /v1/profiles")]
    UnknownProfile,
    #[error(transparent)]
    InvalidKey(#[from] InvalidSealKey),
    /// Nobody's phone and another's are not told apart.
    #[error("you have registered no phone with this MAC address")]
    Unknown,
    #[error("ancestors: {0}")]
    InvalidAncestor(InvalidId),
    /// In one import.
    #[error("an earlier row names this phone too, and that one counts; keep one of them")]
    Repeated,
    #[error(transparent)]
    RowCount(#[from] InvalidRowCount),
    #[error("another provider has this phone; request its transfer, or ask its present owner to release it")]
    OwnedByOther,
    #[error(transparent)]
    OnHold(#[from] OnHold),
    #[error(transparent)]
    Unproven(#[from] Unproven),
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for DeviceRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_)
            | Self::InvalidMac(_)
            | Self::Listing(_)
            | Self::Invalid(_)
            | Self::InvalidKey(_)
            | Self::InvalidAncestor(_)
            | Self::Repeated
            | Self::RowCount(InvalidRowCount)
            | Self::UnknownProfile => ErrorKind::Malformed,
            Self::Unknown => ErrorKind::NotFound,
            Self::OwnedByOther | Self::OnHold(OnHold) | Self::Unproven(_) => ErrorKind::Conflict,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::InvalidMac(_) => "invalid_mac",
            Self::Listing(listing) => listing_reason(*listing),
            Self::Invalid(InvalidDescription::Serial(_)) => "invalid_serial",
            Self::Invalid(InvalidDescription::Model(_)) => "invalid_model",
            Self::Invalid(InvalidDescription::Note) => "invalid_note",
            Self::InvalidKey(_) => "invalid_seal_key",
            Self::UnknownProfile => "unknown_profile",
            Self::Unknown => "unknown_device",
            Self::InvalidAncestor(_) => "invalid_ancestors",
            Self::Repeated => "repeated_mac",
            Self::RowCount(InvalidRowCount) => "invalid_row_count",
            Self::OwnedByOther => "device_owned_by_other",
            Self::OnHold(OnHold) => ON_HOLD,
            Self::Unproven(unproven) => unproven_reason(*unproven),
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

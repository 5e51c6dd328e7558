//! Why a window is not opened, or closed.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId, InvalidMacAddress};

use super::{PROVIDER_FROZEN, ProviderFrozen};
use crate::range::{Block, InvalidBlock};
use crate::window::InvalidUntil;

/// Why a wish that concerns a window is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WindowRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    InvalidMac(#[from] InvalidMacAddress),
    #[error("certificate: expected one that the phone has shown")]
    NoCertificate,
    #[error(transparent)]
    InvalidBlock(#[from] InvalidBlock),
    #[error(transparent)]
    InvalidUntil(#[from] InvalidUntil),
    #[error("you have no profile of that id or name; list yours at /v1/profiles")]
    UnknownProfile,
    #[error("the block {0} is taken; leave its addresses out, or wait until it is free")]
    Overlaps(Block),
    #[error("you have no such window; list yours at /v1/windows")]
    Unknown,
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for WindowRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_)
            | Self::InvalidMac(_)
            | Self::NoCertificate
            | Self::InvalidBlock(InvalidBlock)
            | Self::InvalidUntil(InvalidUntil)
            | Self::UnknownProfile => ErrorKind::Malformed,
            Self::Overlaps(_) => ErrorKind::Conflict,
            Self::Unknown => ErrorKind::NotFound,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::InvalidMac(_) => "invalid_mac",
            Self::NoCertificate => "invalid_certificate",
            Self::InvalidBlock(InvalidBlock) => "invalid_block",
            Self::InvalidUntil(InvalidUntil) => "invalid_until",
            Self::UnknownProfile => "unknown_profile",
            Self::Overlaps(_) => "window_overlaps",
            Self::Unknown => "unknown_window",
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

//! Why a phone is not asked for, or a request not decided.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidDeviceText, InvalidId, InvalidMacAddress};

use super::{ON_HOLD, OnHold, PROVIDER_FROZEN, ProviderFrozen, listing_reason, unproven_reason};
use crate::claim::Unproven;
use crate::listing::InvalidListing;
use crate::transfer::{InvalidNote, Undecidable};

/// Why a wish that concerns a transfer is not fulfilled. Tells nobody whose a phone is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    InvalidMac(#[from] InvalidMacAddress),
    #[error("serial: {0}")]
    InvalidSerial(InvalidDeviceText),
    #[error("statement: {0}")]
    InvalidStatement(InvalidNote),
    #[error("reason: {0}")]
    InvalidReason(InvalidNote),
    #[error("ancestors: {0}")]
    InvalidAncestor(InvalidId),
    #[error("decision: expected agree, refuse or cancel")]
    InvalidDecision,
    #[error(transparent)]
    Listing(#[from] InvalidListing),
    #[error("you have no profile of that id or name; list yours at /v1/profiles")]
    UnknownProfile,
    #[error("there is no such request of yours or for a phone of yours")]
    Unknown,
    #[error("the phone is yours already; send it to another profile with PUT")]
    AlreadyYours,
    #[error("nobody has this phone; claim it with PUT")]
    NotOwned,
    #[error(transparent)]
    OnHold(#[from] OnHold),
    #[error(transparent)]
    Unproven(#[from] Unproven),
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    #[error("the claimant cannot be given a phone at the moment; agree later, or refuse")]
    ClaimantAway,
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for TransferRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_)
            | Self::InvalidMac(_)
            | Self::InvalidSerial(_)
            | Self::InvalidStatement(_)
            | Self::InvalidReason(_)
            | Self::InvalidAncestor(_)
            | Self::InvalidDecision
            | Self::Listing(_)
            | Self::UnknownProfile => ErrorKind::Malformed,
            Self::Unknown => ErrorKind::NotFound,
            Self::AlreadyYours
            | Self::NotOwned
            | Self::OnHold(OnHold)
            | Self::Unproven(_)
            | Self::Undecidable(_)
            | Self::ClaimantAway => ErrorKind::Conflict,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::InvalidMac(_) => "invalid_mac",
            Self::InvalidSerial(_) => "invalid_serial",
            Self::InvalidStatement(InvalidNote) => "invalid_statement",
            Self::InvalidReason(InvalidNote) => "invalid_reason",
            Self::InvalidAncestor(_) => "invalid_ancestors",
            Self::InvalidDecision => "invalid_decision",
            Self::Listing(listing) => listing_reason(*listing),
            Self::UnknownProfile => "unknown_profile",
            Self::Unknown => "unknown_transfer",
            Self::AlreadyYours => "already_yours",
            Self::NotOwned => "not_owned",
            Self::OnHold(OnHold) => ON_HOLD,
            Self::Unproven(unproven) => unproven_reason(*unproven),
            Self::Undecidable(undecidable) => undecidable_reason(*undecidable),
            Self::ClaimantAway => "claimant_away",
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

const fn undecidable_reason(undecidable: Undecidable) -> &'static str {
    match undecidable {
        Undecidable::NotTheOwner => "not_the_owner",
        Undecidable::NotTheClaimant => "not_the_claimant",
        Undecidable::Escalated => "transfer_escalated",
        Undecidable::NotEscalated => "transfer_not_escalated",
        Undecidable::Closed => "transfer_closed",
    }
}

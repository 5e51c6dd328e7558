//! Why a wish is not fulfilled: one enum for phones, one for providers and operators.

use rpc::{Failure, Refusal};
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidActivationCode, InvalidDeviceText, InvalidId, InvalidMacAddress};

use crate::grant::Impossible;
use crate::limits::InvalidLimits;

/// Why a code was not traded for a provider.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedeemRefused {
    #[error(transparent)]
    Code(#[from] InvalidActivationCode),
    #[error(transparent)]
    Mac(#[from] InvalidMacAddress),
    #[error("source: expected an IP address")]
    Source,
    /// Whatever is wrong with it: one answer for all, so that guessing teaches nothing. The words are what the
    /// phone shows, hence the capital letter.
    #[error("Invalid activation code")]
    Invalid,
    /// The phone's retry heals it.
    #[error("redirection: {}", .0.message)]
    Redirection(Failure),
    /// The queue is full.
    #[error("too many redemptions wait to be written; ask again")]
    Overloaded,
    /// Nothing has happened to the code.
    #[error("the redemption was not committed; ask again")]
    NotCommitted,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for RedeemRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Code(_) | Self::Mac(_) | Self::Source => ErrorKind::Malformed,
            Self::Invalid => ErrorKind::NotFound,
            Self::Redirection(failure) => behind(failure),
            Self::Overloaded | Self::NotCommitted => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Code(_) => "malformed_activation_code",
            Self::Mac(_) => "invalid_mac",
            Self::Source => "invalid_source",
            Self::Invalid => "invalid_activation_code",
            Self::Redirection(failure) => behind(failure).name(),
            Self::Overloaded => "overloaded",
            Self::NotCommitted => "not_committed",
            Self::Store(error) => error.kind().name(),
        }
    }
}

/// Why a wish that concerns a code as a provider or an operator sees it is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeRefused {
    #[error("provider_id: {0}")]
    Provider(InvalidId),
    #[error("digits: expected 3 to 16 digits")]
    Digits,
    #[error("length: expected 3 to 16")]
    Length,
    #[error("count: expected {0}")]
    Count(&'static str),
    #[error("limit: expected 1 to 1000")]
    PageSize,
    #[error("note: expected at most 200 characters on one line")]
    Note,
    #[error("model: {0}")]
    Model(InvalidDeviceText),
    #[error(transparent)]
    Mac(#[from] InvalidMacAddress),
    #[error("mac: one code binds one phone; make codes for certain phones one at a time")]
    MacOfMany,
    #[error(
        "lifetime: a personal code lives for 1 second to 30 days after it was made, and its new end must be to come"
    )]
    Lifetime,
    #[error("reason: say why the code is refused, in at most 200 characters")]
    Reason,
    #[error(transparent)]
    Limits(#[from] InvalidLimits),
    #[error("you have no profile of that id; list yours at /v1/profiles")]
    UnknownProfile,
    #[error(
        "this profile carries a secret, which nobody should get for a code that everybody may know; \
             use a profile without one, or personal codes"
    )]
    ProfileCarriesSecret,
    #[error("you have no such code; list yours at /v1/codes")]
    Unknown,
    #[error("these digits are taken, or rest after they were withdrawn; ask for suggestions")]
    Taken,
    #[error(
        "somebody would guess a code of {length} digits in {days} days, and the operator demands {ceiling}; \
             {remedy}limit it to networks or models, or to phones you have registered or expect"
    )]
    RiskTooHigh { length: u32, days: u64, ceiling: u64, remedy: String },
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error("redirection: {}", .0.message)]
    Redirection(Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for CodeRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Provider(_)
            | Self::Digits
            | Self::Length
            | Self::Count(_)
            | Self::PageSize
            | Self::Note
            | Self::Model(_)
            | Self::Mac(_)
            | Self::MacOfMany
            | Self::Lifetime
            | Self::Reason
            | Self::Limits(_)
            | Self::UnknownProfile => ErrorKind::Malformed,
            Self::Unknown => ErrorKind::NotFound,
            Self::ProfileCarriesSecret | Self::Taken | Self::RiskTooHigh { .. } | Self::Impossible(_) => {
                ErrorKind::Conflict
            }
            Self::Redirection(failure) => behind(failure),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Provider(_) => "invalid_provider_id",
            Self::Digits => "malformed_activation_code",
            Self::Length => "invalid_length",
            Self::Count(_) => "invalid_count",
            Self::PageSize => "invalid_limit",
            Self::Note => "invalid_note",
            Self::Model(_) => "invalid_model",
            Self::Mac(_) | Self::MacOfMany => "invalid_mac",
            Self::Lifetime => "invalid_lifetime",
            Self::Reason => "invalid_reason",
            Self::Limits(_) => "invalid_limits",
            Self::UnknownProfile => "unknown_profile",
            Self::ProfileCarriesSecret => "profile_carries_secret",
            Self::Unknown => "unknown_code",
            Self::Taken => "code_taken",
            Self::RiskTooHigh { .. } => "risk_too_high",
            Self::Impossible(Impossible::Decided) => "code_decided",
            Self::Impossible(Impossible::Used) => "code_used",
            Self::Impossible(Impossible::Closed) => "code_closed",
            Self::Redirection(failure) => behind(failure).name(),
            Self::Store(error) => error.kind().name(),
        }
    }
}

/// What a failure of redirection means for our caller: what is not its own to mend is ours.
const fn behind(failure: &Failure) -> ErrorKind {
    match failure.kind {
        ErrorKind::Unavailable | ErrorKind::Changed | ErrorKind::Throttled => ErrorKind::Unavailable,
        ErrorKind::TooLate => ErrorKind::TooLate,
        ErrorKind::Malformed
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Internal => ErrorKind::Internal,
    }
}

//! Why an operator's word on how claims are proven is not taken.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::ErrorKind;

use crate::claim::InvalidPrefix;
use crate::manifest::InvalidManifest;

/// Why a claim rule or a manifest is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimsRefused {
    #[error(transparent)]
    Prefix(#[from] InvalidPrefix),
    #[error("proof: expected open, serial, manifest or certificate")]
    Proof,
    #[error("there are 10000 claim rules; take one away first")]
    TooMany,
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for ClaimsRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Prefix(InvalidPrefix) | Self::Proof | Self::Manifest(_) => ErrorKind::Malformed,
            Self::TooMany => ErrorKind::Conflict,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Prefix(InvalidPrefix) => "invalid_prefix",
            Self::Proof => "invalid_proof",
            Self::TooMany => "too_many_claim_rules",
            Self::Manifest(_) => "invalid_manifest",
            Self::Store(error) => error.kind().name(),
        }
    }
}

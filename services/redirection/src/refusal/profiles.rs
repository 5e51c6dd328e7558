//! Why a wish that concerns a profile is not fulfilled.

use rpc::Refusal;
use storage::StoreError;
use vocabulary::{ErrorKind, InvalidId};

use super::{PROVIDER_FROZEN, ProviderFrozen, listing_reason};
use crate::listing::InvalidListing;
use crate::profile::InvalidProfile;

/// Why a wish that concerns a profile is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileRefused {
    #[error("provider_id: {0}")]
    InvalidProvider(InvalidId),
    #[error(transparent)]
    Listing(#[from] InvalidListing),
    #[error(transparent)]
    Invalid(#[from] InvalidProfile),
    #[error("you have no such profile; list yours at /v1/profiles")]
    Unknown,
    #[error("another of your profiles has this name; choose a different one")]
    NameTaken,
    #[error("{}", in_use(*.0))]
    InUse(u64),
    #[error("a block of addresses goes to this profile; send it to another first")]
    InUseByRange,
    #[error("the profile was replaced meanwhile; read it again and retry")]
    Changed,
    #[error(transparent)]
    Frozen(#[from] ProviderFrozen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn in_use(phones: u64) -> String {
    match phones {
        1 => "1 phone goes to this profile; send it to another first".to_owned(),
        phones => format!("{phones} phones go to this profile; send them to another first"),
    }
}

impl Refusal for ProfileRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidProvider(_) | Self::Listing(_) | Self::Invalid(_) => ErrorKind::Malformed,
            Self::Unknown => ErrorKind::NotFound,
            Self::NameTaken | Self::InUse(_) | Self::InUseByRange => ErrorKind::Conflict,
            Self::Changed => ErrorKind::Changed,
            Self::Frozen(ProviderFrozen) => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidProvider(_) => "invalid_provider_id",
            Self::Listing(listing) => listing_reason(*listing),
            Self::Invalid(profile) => profile_reason(profile),
            Self::Unknown => "unknown_profile",
            Self::NameTaken => "profile_name_taken",
            Self::InUse(_) | Self::InUseByRange => "profile_in_use",
            Self::Changed => "profile_changed",
            Self::Frozen(ProviderFrozen) => PROVIDER_FROZEN,
            Self::Store(error) => error.kind().name(),
        }
    }
}

const fn profile_reason(profile: &InvalidProfile) -> &'static str {
    match profile {
        InvalidProfile::Name(_) => "invalid_profile_name",
        InvalidProfile::TooMany | InvalidProfile::TooLarge => "profile_too_large",
        InvalidProfile::ParameterName(_)
        | InvalidProfile::Duplicate(_)
        | InvalidProfile::UserAccess(_)
        | InvalidProfile::ValueTooLong(_)
        | InvalidProfile::ValueCharacter(_) => "invalid_parameter",
        InvalidProfile::NoProfileRule => "profile_rule_missing",
        InvalidProfile::Rule { .. } | InvalidProfile::SecondReport => "invalid_rule",
        InvalidProfile::SecretNeedsProof => "secret_needs_proof",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_phones_is_told() {
        assert!(ProfileRefused::InUse(1).to_string().starts_with("1 phone goes to"));
        assert!(ProfileRefused::InUse(3).to_string().starts_with("3 phones go to"));
    }
}

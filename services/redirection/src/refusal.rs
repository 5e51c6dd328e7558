//! Why a wish is not fulfilled: one enum for each thing that wishes concern.

mod claims;
mod devices;
mod phones;
mod profiles;
mod providers;
mod ranges;
mod transfers;
mod windows;

pub(crate) use claims::ClaimsRefused;
pub(crate) use devices::DeviceRefused;
pub(crate) use phones::PhonesRefused;
pub(crate) use profiles::ProfileRefused;
pub(crate) use providers::ProviderRefused;
pub(crate) use ranges::RangeRefused;
pub(crate) use transfers::TransferRefused;
pub(crate) use windows::WindowRefused;

use crate::claim::Unproven;
use crate::listing::InvalidListing;

/// The operator has stopped the provider's changes and redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operator has frozen this provider; nothing can be changed until it is restored")]
pub(crate) struct ProviderFrozen;

/// The operator holds the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operator holds this phone, and nobody can claim it or give it away; ask the operator to let go of it")]
pub(crate) struct OnHold;

const PROVIDER_FROZEN: &str = "provider_frozen";
const ON_HOLD: &str = "on_hold";

const fn unproven_reason(unproven: Unproven) -> &'static str {
    match unproven {
        Unproven::SerialRequired => "serial_required",
        Unproven::WrongSerial => "wrong_serial",
        Unproven::NotInManifest => "not_in_manifest",
        Unproven::CertificateRequired => "certificate_required",
    }
}

const fn listing_reason(listing: InvalidListing) -> &'static str {
    match listing {
        InvalidListing::Limit => "invalid_limit",
        InvalidListing::Text => "invalid_text",
    }
}

//! What is stored, as messages, and the other way round. Messages print their values with `Debug`:
//! they are never logged.

use contracts::redirection as message;
use vocabulary::{InvalidId, MacAddress, ProviderId};

use crate::assignment::Assignment;
use crate::index::ResolvedProfile;
use crate::policy::{ExpiredCertificates, InvalidPolicy, Policy, ReleaseUnseen};
use crate::profile::{InvalidProfile, Parameter, Parameters, Profile, ProfileContent, Proof};
use crate::range::Range;
use crate::refusal::{DeviceRefused, ProfileRefused};
use crate::resolve::Answer;
use crate::seal::{InvalidSealKey, SealFormat, SealKey};

/// Whose profiles a request is about.
pub(crate) fn profiles_owner(provider_id: &str) -> Result<ProviderId, ProfileRefused> {
    provider_id.parse().map_err(ProfileRefused::InvalidProvider)
}

/// Whose phones a request is about.
pub(crate) fn devices_owner(provider_id: &str) -> Result<ProviderId, DeviceRefused> {
    provider_id.parse().map_err(DeviceRefused::InvalidProvider)
}

/// Which phone a request is about.
pub(crate) fn mac(bits: u64) -> Result<MacAddress, DeviceRefused> {
    Ok(MacAddress::from_u64(bits)?)
}

/// Several providers.
pub(crate) fn ids(texts: &[String]) -> Result<Vec<ProviderId>, InvalidId> {
    texts.iter().map(|text| text.parse()).collect()
}

/// Who asks; `None` for the operator, who names no provider.
pub(crate) fn reader(provider_id: &str) -> Result<Option<ProviderId>, InvalidId> {
    if provider_id.is_empty() { Ok(None) } else { provider_id.parse().map(Some) }
}

/// A phone that is not registered itself, but in a block.
pub(crate) fn device_of_range(mac: MacAddress, range: &Range) -> message::Device {
    message::Device {
        mac: mac.to_u64(),
        provider_id: range.provider.to_string(),
        profile_id: range.profile.to_string(),
        range_id: range.id.to_string(),
        ..message::Device::default()
    }
}

/// What a request says of a profile.
pub(crate) fn content(
    name: &str,
    proof: message::Proof,
    parameters: Vec<message::Parameter>,
) -> Result<ProfileContent, ProfileRefused> {
    let given = parameters.into_iter().map(|given| (given.name, given.value, given.user_access)).collect();
    let name = name.parse().map_err(InvalidProfile::Name)?;
    let proof = match proof {
        message::Proof::Unspecified | message::Proof::Mac => Proof::Mac,
        message::Proof::Serial => Proof::Serial,
        message::Proof::Certificate => Proof::Certificate,
        message::Proof::Sealed => Proof::Sealed,
    };
    Ok(ProfileContent::new(name, Parameters::parse(given)?, proof)?)
}

/// What a request says of a phone's key; `None` where it takes it away.
pub(crate) fn seal_key(format: i32, key: Vec<u8>) -> Result<Option<SealKey>, InvalidSealKey> {
    match message::SealFormat::try_from(format).map_err(|_| InvalidSealKey::Format)? {
        message::SealFormat::Unspecified => Ok(None),
        message::SealFormat::Aes128gcm => SealKey::parse(SealFormat::Aes128Gcm, key).map(Some),
        message::SealFormat::Aes256cbc => SealKey::parse(SealFormat::Aes256Cbc, key).map(Some),
    }
}

/// What a request says of a provider's policy.
pub(crate) fn policy(policy: message::ProviderPolicy) -> Result<Policy, InvalidPolicy> {
    let expired_certificates = match policy.expired_certificates() {
        message::ExpiredCertificates::Unspecified | message::ExpiredCertificates::Accept => ExpiredCertificates::Accept,
        message::ExpiredCertificates::Refuse => ExpiredCertificates::Refuse,
    };
    Ok(Policy { expired_certificates, release_unseen: ReleaseUnseen::after(policy.release_unseen_days)? })
}

fn parameters(parameters: &Parameters) -> Vec<message::Parameter> {
    parameters.iter().map(message::Parameter::from).collect()
}

impl From<&Parameter> for message::Parameter {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name().to_owned(),
            value: parameter.expose().to_owned(),
            user_access: parameter.user_access().word().to_owned(),
        }
    }
}

impl From<Proof> for message::Proof {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Mac => Self::Mac,
            Proof::Serial => Self::Serial,
            Proof::Certificate => Self::Certificate,
            Proof::Sealed => Self::Sealed,
        }
    }
}

impl From<SealFormat> for message::SealFormat {
    fn from(format: SealFormat) -> Self {
        match format {
            SealFormat::Aes128Gcm => Self::Aes128gcm,
            SealFormat::Aes256Cbc => Self::Aes256cbc,
        }
    }
}

impl From<SealKey> for message::Seal {
    fn from(seal: SealKey) -> Self {
        Self { format: message::SealFormat::from(seal.format).into(), key: seal.key.expose().clone() }
    }
}

impl From<Policy> for message::ProviderPolicy {
    fn from(policy: Policy) -> Self {
        let expired = match policy.expired_certificates {
            ExpiredCertificates::Accept => message::ExpiredCertificates::Accept,
            ExpiredCertificates::Refuse => message::ExpiredCertificates::Refuse,
        };
        Self { expired_certificates: expired.into(), release_unseen_days: policy.release_unseen.days() }
    }
}

impl From<Range> for message::Range {
    fn from(range: Range) -> Self {
        Self {
            id: range.id.to_string(),
            provider_id: range.provider.to_string(),
            profile_id: range.profile.to_string(),
            first: range.block.first(),
            last: range.block.last(),
            created_at: range.created_at.as_micros(),
        }
    }
}

impl From<Profile> for message::Profile {
    fn from(profile: Profile) -> Self {
        Self {
            proof: message::Proof::from(profile.content.proof).into(),
            carries_secret: profile.content.parameters.carry_secret(),
            id: profile.id.to_string(),
            provider_id: profile.provider.to_string(),
            name: profile.content.name.as_str().to_owned(),
            parameters: parameters(&profile.content.parameters),
            version: profile.version,
            created_at: profile.created_at.as_micros(),
            changed_at: profile.changed_at.as_micros(),
        }
    }
}

impl From<Profile> for ResolvedProfile {
    fn from(profile: Profile) -> Self {
        let redirect = message::Redirect {
            provider_id: profile.provider.to_string(),
            profile_id: profile.id.to_string(),
            profile_version: profile.version,
            parameters: parameters(&profile.content.parameters),
            // Known when the phone asks.
            seal: None,
            expired_certificate: false,
        };
        let carries_secret = profile.content.parameters.carry_secret();
        Self { id: profile.id, provider: profile.provider, proof: profile.content.proof, carries_secret, redirect }
    }
}

impl From<Assignment> for message::Device {
    fn from(device: Assignment) -> Self {
        Self {
            mac: device.mac.to_u64(),
            provider_id: device.provider.to_string(),
            profile_id: device.profile.to_string(),
            serial: device.description.serial.map(|serial| serial.to_string()).unwrap_or_default(),
            model: device.description.model.map(|model| model.to_string()).unwrap_or_default(),
            note: device.description.note,
            created_at: device.created_at.as_micros(),
            changed_at: device.changed_at.as_micros(),
            seal: device.seal.map_or(message::SealFormat::Unspecified, Into::into).into(),
            on_hold: device.is_held,
            range_id: String::new(),
        }
    }
}

impl From<Answer> for message::ResolveResponse {
    fn from(answer: Answer) -> Self {
        use message::resolve_response::Answer as Said;
        let answer = match answer {
            Answer::Redirect { profile, seal, by_expired_certificate } => Said::Redirect(message::Redirect {
                seal: seal.map(Into::into),
                expired_certificate: by_expired_certificate,
                ..profile.redirect.clone()
            }),
            Answer::Refused { reason, provider, may_claim } => Said::Refusal(message::Refusal {
                reason: reason.into(),
                provider_id: provider.map(|provider| provider.to_string()).unwrap_or_default(),
                may_claim,
            }),
        };
        Self { answer: Some(answer) }
    }
}

//! What is stored, as messages, and the other way round. Messages print their values with `Debug`:
//! they are never logged.

use contracts::redirection as message;
use vocabulary::{MacAddress, ProviderId};

use crate::assignment::Assignment;
use crate::index::{Answer, ResolvedProfile};
use crate::profile::{Parameter, Parameters, Profile, ProfileContent};
use crate::refusal::{DeviceRefused, ProfileRefused};

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

/// What a request says of a profile.
pub(crate) fn content(name: &str, parameters: Vec<message::Parameter>) -> Result<ProfileContent, ProfileRefused> {
    let given = parameters.into_iter().map(|given| (given.name, given.value, given.user_access)).collect();
    let name = name.parse().map_err(crate::profile::InvalidProfile::Name)?;
    Ok(ProfileContent { name, parameters: Parameters::parse(given)? })
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

impl From<Profile> for message::Profile {
    fn from(profile: Profile) -> Self {
        Self {
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
        };
        Self { id: profile.id, provider: profile.provider, redirect }
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
        }
    }
}

impl From<Answer> for message::ResolveResponse {
    fn from(answer: Answer) -> Self {
        use message::RefusalReason;
        use message::resolve_response::Answer as Said;
        let refusal =
            |reason: RefusalReason, provider_id| Said::Refusal(message::Refusal { reason: reason.into(), provider_id });
        let answer = match answer {
            Answer::Redirect(profile) => Said::Redirect(profile.redirect.clone()),
            Answer::NoProvider => refusal(RefusalReason::NoProvider, String::new()),
            Answer::ProviderFrozen(provider) => refusal(RefusalReason::ProviderFrozen, provider.to_string()),
            Answer::WrongSerial(provider) => refusal(RefusalReason::WrongSerial, provider.to_string()),
        };
        Self { answer: Some(answer) }
    }
}

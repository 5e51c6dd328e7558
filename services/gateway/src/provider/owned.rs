//! A provider and the thing of its own that the path names. Whether the thing is its own is for the
//! service to say; here the path is only understood.

use axum::Extension;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use contracts::customization::observation::Event;
use contracts::customization::{Evidence, Observation};
use contracts::redirection::{Device, GetDeviceRequest};
use rpc::within;
use vocabulary::{ErrorKind, MacAddress, ProfileId, ProviderId};

use super::promised;
use crate::Gateway;
use crate::auth::Provider;
use crate::backends::PROVIDER_DEADLINE;
use crate::observation_id::observation_id;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// `/v1/profiles/{profile}`.
pub(crate) struct OwnedProfile {
    pub owner: ProviderId,
    pub id: ProfileId,
}

impl FromRequestParts<Gateway> for OwnedProfile {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let provider = Provider::from_request_parts(parts, gateway).await?;
        let not_found = || {
            Problem::new(ErrorKind::NotFound, "unknown_profile", "you have no such profile; list yours at /v1/profiles")
        };
        let text = last_of_path(parts).await?;
        Ok(Self { owner: provider.id, id: text.parse().map_err(|_| not_found())? })
    }
}

/// `/v1/devices/{mac}`, in any spelling of the MAC.
pub(crate) struct OwnedPhone {
    pub owner: ProviderId,
    pub mac: MacAddress,
    request_id: String,
}

impl FromRequestParts<Gateway> for OwnedPhone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let provider = Provider::from_request_parts(parts, gateway).await?;
        let text = last_of_path(parts).await?;
        let mac = text.parse::<MacAddress>().map_err(|error| Problem::malformed("invalid_mac", error.to_string()))?;
        let id = Extension::<RequestId>::from_request_parts(parts, gateway).await;
        let request_id = id.map(|Extension(RequestId(id))| id).unwrap_or_default();
        Ok(Self { owner: provider.id, mac, request_id })
    }
}

impl OwnedPhone {
    /// What the provider has recorded of the phone; a stranger's phone is as unknown as one that is nobody's.
    pub async fn device(&self, gateway: &Gateway) -> Result<Device, Problem> {
        let request = GetDeviceRequest { provider_id: self.owner.to_string(), mac: self.mac.to_u64() };
        let mut redirection = gateway.backends().redirection.clone();
        let answer = redirection.get_device(within(PROVIDER_DEADLINE, request)).await?;
        promised(answer.into_inner().device)
    }

    /// Something the provider says of the phone, at this moment.
    pub fn stated(&self, gateway: &Gateway, event: Event) -> Observation {
        let now = gateway.clock().now();
        Observation {
            id: observation_id(gateway.randomness(), now),
            mac: self.mac.to_u64(),
            at: now.as_micros(),
            evidence: Evidence::Stated.into(),
            event: Some(event),
            // The provider's own address says nothing of the phone.
            source: String::new(),
            request_id: self.request_id.clone(),
            provider_id: self.owner.to_string(),
            firmware: String::new(),
            model: String::new(),
            subject: String::new(),
        }
    }
}

/// The one part of the path that the route leaves open.
async fn last_of_path(parts: &mut Parts) -> Result<String, Problem> {
    let path = Path::<String>::from_request_parts(parts, &()).await;
    path.map(|Path(text)| text)
        .map_err(|_| Problem::malformed("invalid_path", "the path is not UTF-8; check its percent-encoding"))
}

//! A provider that has the scope `S`, and the thing of its own that the path names. Whether the thing is its own is for the
//! service to say; here the path is only understood.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use contracts::customization::observation::Event;
use contracts::customization::{Evidence, Observation};
use contracts::redirection::{Device, GetDeviceRequest};
use rpc::within;
use vocabulary::{ErrorKind, InvalidMacAddress, MacAddress, ProfileId, ProviderId};

use super::promised;
use crate::Gateway;
use crate::auth::{Caller, Provider, RouteScope};
use crate::backends::PROVIDER_DEADLINE;
use crate::observation_id::observation_id;
use crate::problem::Problem;

/// `/v1/profiles/{profile}`.
pub(crate) struct OwnedProfile<S> {
    pub owner: ProviderId,
    pub id: ProfileId,
    pub caller: Caller,
    scope: PhantomData<S>,
}

impl<S: RouteScope> FromRequestParts<Gateway> for OwnedProfile<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let Provider { id: owner, caller, .. } = Provider::<S>::from_request_parts(parts, gateway).await?;
        let not_found = || {
            Problem::new(ErrorKind::NotFound, "unknown_profile", "you have no such profile; list yours at /v1/profiles")
        };
        let id = last_of_path(parts).await?.parse().map_err(|_| not_found())?;
        Ok(Self { owner, id, caller, scope: PhantomData })
    }
}

/// `/v1/devices/{mac}`, in any spelling of the MAC.
pub(crate) struct OwnedPhone<S> {
    pub owner: ProviderId,
    pub mac: MacAddress,
    pub caller: Caller,
    scope: PhantomData<S>,
}

impl<S: RouteScope> FromRequestParts<Gateway> for OwnedPhone<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let Provider { id: owner, caller, .. } = Provider::<S>::from_request_parts(parts, gateway).await?;
        let NamedPhone(mac) = NamedPhone::from_request_parts(parts, gateway).await?;
        Ok(Self { owner, mac, caller, scope: PhantomData })
    }
}

/// The phone that the path names, in any spelling of its MAC.
pub(crate) struct NamedPhone(pub MacAddress);

impl FromRequestParts<Gateway> for NamedPhone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _gateway: &Gateway) -> Result<Self, Problem> {
        let text = last_of_path(parts).await?;
        text.parse().map(Self).map_err(|error: InvalidMacAddress| Problem::malformed("invalid_mac", error.to_string()))
    }
}

impl<S> OwnedPhone<S> {
    /// What the provider has recorded of the phone; a stranger's phone is as unknown as one that is nobody's.
    pub async fn device(&self, gateway: &Gateway) -> Result<Device, Problem> {
        let request = GetDeviceRequest { provider_id: self.owner.to_string(), mac: self.mac.to_u64() };
        let mut redirection = gateway.backends().redirection.clone();
        let answer = redirection.get_device(within(PROVIDER_DEADLINE, request)).await?;
        promised(answer.into_inner().device)
    }

    /// Something the provider says of the phone, at this moment.
    pub fn stated(&self, gateway: &Gateway, event: Event) -> Observation {
        stated(gateway, &self.caller, Said { mac: self.mac.to_u64(), provider_id: self.owner.to_string(), event })
    }
}

/// What is said of a phone, and in whose name: it goes to that provider's part of the timeline.
pub(super) struct Said {
    pub mac: u64,
    pub provider_id: String,
    pub event: Event,
}

/// Something that `caller` says of a phone, at this moment.
pub(super) fn stated(gateway: &Gateway, caller: &Caller, said: Said) -> Observation {
    let now = gateway.clock().now();
    Observation {
        id: observation_id(gateway.randomness(), now),
        mac: said.mac,
        at: now.as_micros(),
        evidence: Evidence::Stated.into(),
        event: Some(said.event),
        // The provider's own address says nothing of the phone.
        source: String::new(),
        request_id: caller.actor.request_id.clone(),
        provider_id: said.provider_id,
        firmware: String::new(),
        model: String::new(),
        subject: caller.actor.subject.clone(),
        subject_tenant: caller.actor.tenant.clone(),
        subject_source: caller.actor.source.clone(),
    }
}

/// The one part of the path that the route leaves open.
pub(super) async fn last_of_path(parts: &mut Parts) -> Result<String, Problem> {
    let path = Path::<String>::from_request_parts(parts, &()).await;
    path.map(|Path(text)| text)
        .map_err(|_| Problem::malformed("invalid_path", "the path is not UTF-8; check its percent-encoding"))
}

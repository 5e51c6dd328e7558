//! What this service asks of redirection: whose phone it is, what a profile hands out, and the assignment itself.

use std::time::Duration;

use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    Device, GetDeviceRequest, PutDeviceRequest, RefusalReason, ResolveProfileRequest, ResolveRequest,
};
use rpc::{Actor, Failure, Transport, within, within_as};
use vocabulary::{DeviceModel, ErrorKind, MacAddress, ProfileId, ProviderId, SerialNumber};

use crate::attempts::Outcome;

/// How long redirection may take. A phone waits longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The road to redirection.
#[derive(Clone)]
pub(crate) struct Assignments(RedirectionServiceClient<Transport>);

/// Whose a phone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    /// Registered, and nothing that the phone says is against it.
    Provider(String),
    /// Registered with another serial number.
    WrongSerial(String),
}

/// What a profile hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Harmless,
    Secret,
}

/// The phone that redeems, as it describes itself.
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    pub mac: MacAddress,
    pub model: Option<DeviceModel>,
    pub serial: Option<SerialNumber>,
}

/// Why a phone was not assigned.
#[derive(Debug)]
pub(crate) enum NotAssigned {
    /// It never will be.
    Refused(Outcome),
    /// It may be when asked again.
    Failed(Failure),
}

impl Assignments {
    pub const fn new(redirection: RedirectionServiceClient<Transport>) -> Self {
        Self(redirection)
    }

    /// Whose phone this is. Answered from memory, for unknown phones and known ones alike.
    pub async fn owner(&self, phone: &Phone) -> Result<Owner, Failure> {
        let serial = phone.serial.as_ref().map(ToString::to_string).unwrap_or_default();
        let question = within(PATIENCE, ResolveRequest { mac: phone.mac.to_u64(), serial, certificate: None });
        Ok(match self.0.clone().resolve(question).await?.into_inner().answer {
            None => Owner::Nobody,
            Some(Answer::Redirect(redirect)) => Owner::Provider(redirect.provider_id),
            Some(Answer::Refusal(refusal)) => match refusal.reason() {
                RefusalReason::Unspecified | RefusalReason::NoProvider => Owner::Nobody,
                // What it takes to be given the profile is asked when the phone asks for that.
                RefusalReason::ProviderFrozen
                | RefusalReason::NoSerial
                | RefusalReason::NoCertificate
                | RefusalReason::ForeignCertificate
                | RefusalReason::ExpiredCertificate
                | RefusalReason::NoKey => Owner::Provider(refusal.provider_id),
                RefusalReason::WrongSerial => Owner::WrongSerial(refusal.provider_id),
            },
        })
    }

    /// What the provider's profile hands out, answered from memory; `None` where it has no such profile.
    pub async fn profile(&self, provider: &ProviderId, profile: &ProfileId) -> Result<Option<Content>, Failure> {
        let request = ResolveProfileRequest { provider_id: provider.to_string(), profile_id: profile.to_string() };
        let answer = self.0.clone().resolve_profile(within(PATIENCE, request)).await?.into_inner();
        let content = if answer.carries_secret { Content::Secret } else { Content::Harmless };
        Ok(answer.is_known.then_some(content))
    }

    /// Makes the phone the provider's and sends it to the profile. What the provider has noted of it is kept.
    pub async fn assign(
        &self,
        (provider, profile): (&ProviderId, &ProfileId),
        phone: &Phone,
        actor: &Actor,
    ) -> Result<(), NotAssigned> {
        let known = self.known(provider, phone.mac).await.map_err(NotAssigned::Failed)?;
        let noted = known.unwrap_or_default();
        let or_said =
            |noted: String, said: Option<String>| if noted.is_empty() { said.unwrap_or_default() } else { noted };
        let request = PutDeviceRequest {
            provider_id: provider.to_string(),
            mac: phone.mac.to_u64(),
            profile: profile.to_string(),
            serial: or_said(noted.serial, phone.serial.as_ref().map(ToString::to_string)),
            model: or_said(noted.model, phone.model.as_ref().map(ToString::to_string)),
            note: noted.note,
            // A code does not say who stands above its provider.
            ancestors: Vec::new(),
        };
        match self.0.clone().put_device(within_as(actor, PATIENCE, request)).await {
            Ok(_) => Ok(()),
            Err(status) => Err(not_assigned(Failure::from(status))),
        }
    }

    /// What the provider has noted of the phone, where it is the provider's.
    async fn known(&self, provider: &ProviderId, mac: MacAddress) -> Result<Option<Device>, Failure> {
        let request = GetDeviceRequest { provider_id: provider.to_string(), mac: mac.to_u64() };
        match self.0.clone().get_device(within(PATIENCE, request)).await {
            Ok(answer) => Ok(answer.into_inner().device),
            Err(status) => match Failure::from(status) {
                failure if failure.kind == ErrorKind::NotFound => Ok(None),
                failure => Err(failure),
            },
        }
    }
}

fn not_assigned(failure: Failure) -> NotAssigned {
    match failure.reason.as_str() {
        "device_owned_by_other" => NotAssigned::Refused(Outcome::OwnedByOther),
        "provider_frozen" => NotAssigned::Refused(Outcome::ProviderFrozen),
        "unknown_profile" => NotAssigned::Refused(Outcome::NoProfile),
        "on_hold" => NotAssigned::Refused(Outcome::OnHold),
        // How a claim must be proven is the operator's policy; a code alone proves nothing.
        "serial_required" | "wrong_serial" | "not_in_manifest" | "certificate_required" => {
            NotAssigned::Refused(Outcome::NotProven)
        }
        _ => NotAssigned::Failed(failure),
    }
}

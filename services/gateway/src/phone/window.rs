//! A phone that nobody owns has shown its certificate while a provider waits for phones like it.

use contracts::customization::Associated;
use contracts::customization::observation::Event;
use contracts::redirection::{Certificate, ClaimByCertificateRequest};
use rpc::{Actor, Failure, within_as};

use super::observed::Contact;
use crate::Gateway;
use crate::backends::PHONE_DEADLINE;
use crate::device_certificate::Verified;

/// Makes the phone the provider's whose window waits for it, and tells its timeline. The provider; `None` where no
/// window waits any more.
pub(super) async fn claim(gateway: &Gateway, contact: &Contact) -> Result<Option<String>, Failure> {
    let Some(verified) = contact.certificate.verified() else { return Ok(None) };
    let model = contact.identity.model.as_ref().or(verified.model.as_ref());
    let model = model.map(ToString::to_string).unwrap_or_default();
    let request = ClaimByCertificateRequest { certificate: Some(certified(verified)), model };
    let actor = Actor::phone(contact.mac, contact.source.address_text(), contact.request_id.as_str());
    let request = within_as(&actor, PHONE_DEADLINE, request);
    let gained = gateway.backends().redirection.clone().claim_by_certificate(request).await?.into_inner();
    if gained.created {
        let event = Event::Associated(Associated { profile_id: gained.profile_id });
        let observation = contact.observation(gateway, &gained.provider_id, event);
        // The association holds whether or not it is recorded; a loss is counted by the journal.
        gateway.journal().record(vec![observation]).await;
    }
    Ok(Some(gained.provider_id).filter(|provider| !provider.is_empty()))
}

/// The certificate as redirection is told of it.
pub(super) fn certified(verified: &Verified) -> Certificate {
    Certificate {
        mac: verified.mac.to_u64(),
        serial: verified.serial.as_ref().map(ToString::to_string).unwrap_or_default(),
        expired: verified.is_expired,
    }
}

//! Messages into checked types.
//!
//! What our own services write (ids, words, times) must be right, or the whole batch is refused: that is a
//! fault to be found. What a phone writes (its firmware, its model, the length of its question) is taken
//! as far as it makes sense: one odd phone must not cost the other phones of the batch their entries.

use std::net::AddrParseError;

use contracts::customization as wire;
use contracts::customization::observation::Event as WireEvent;
use vocabulary::{InvalidId, InvalidMacAddress, MacAddress, Timestamp};

use crate::event::{
    EmptyBecause, Event, Evidence, FailureClass, Observation, ObservationId, Place, ResyncFailure, Subject,
};

/// The longest text kept, in bytes; what is longer is cut. A profile rule has 2048 at most.
const LONGEST: usize = 4096;
/// The last microsecond of the year 9999, after which RFC 3339 has no name for a moment.
const END_OF_TIME: i64 = 253_402_300_799_999_999;

/// What is wrong with an observation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidObservation {
    #[error("its id must be 16 bytes")]
    Id,
    #[error(transparent)]
    Mac(#[from] InvalidMacAddress),
    #[error("{0} must be in microseconds since 1970, up to the year 9999")]
    Time(&'static str),
    #[error("its evidence must be one of observed, inferred, reported and stated")]
    Evidence,
    #[error("it names no event that is known here")]
    Event,
    #[error(transparent)]
    ProviderOrProfile(#[from] InvalidId),
    #[error("its source must be an IP address without a port, or empty")]
    Source(#[from] AddrParseError),
    #[error(
        "the reason of an empty answer must be one of no_provider, provider_frozen, wrong_serial, no_serial, \
             no_certificate, foreign_certificate, expired_certificate, no_key and throttled"
    )]
    Reason,
    #[error("the class of a failed resync must be B or C (chapter, Table 2)")]
    Class,
    #[error("the status of a failed resync must have three digits, or be 0 where there was none")]
    Status,
    #[error("the place of provisioning by hand must be lcd, web or empty")]
    Place,
}

/// The phone's address.
pub(super) const fn mac(number: u64) -> Result<MacAddress, InvalidMacAddress> {
    MacAddress::from_u64(number)
}

/// One observation, all of it checked.
pub(super) fn observation(message: wire::Observation) -> Result<Observation, InvalidObservation> {
    let id = <[u8; 16]>::try_from(message.id.as_slice()).map_err(|_| InvalidObservation::Id)?;
    let evidence = evidence(message.evidence())?;
    Ok(Observation {
        id: Some(ObservationId(id)),
        mac: mac(message.mac)?,
        at: time("its time", message.at)?.ok_or(InvalidObservation::Time("its time"))?,
        evidence,
        event: event(message.event.ok_or(InvalidObservation::Event)?)?,
        source: given(&message.source).map(str::parse).transpose()?,
        provider: given(&message.provider_id).map(str::parse).transpose()?,
        request_id: shortened(message.request_id),
        firmware: message.firmware.parse().ok(),
        model: message.model.parse().ok(),
        subject: given(&message.subject).map(|id| Subject {
            id: shortened(id.to_owned()),
            tenant: shortened(message.subject_tenant.clone()),
            source: shortened(message.subject_source.clone()),
        }),
    })
}

const fn evidence(message: wire::Evidence) -> Result<Evidence, InvalidObservation> {
    match message {
        wire::Evidence::Unspecified => Err(InvalidObservation::Evidence),
        wire::Evidence::Observed => Ok(Evidence::Observed),
        wire::Evidence::Inferred => Ok(Evidence::Inferred),
        wire::Evidence::Reported => Ok(Evidence::Reported),
        wire::Evidence::Stated => Ok(Evidence::Stated),
    }
}

fn event(message: WireEvent) -> Result<Event, InvalidObservation> {
    Ok(match message {
        WireEvent::Asked(asked) => Event::Asked { question: shortened(asked.question) },
        WireEvent::AnsweredWithProvider(answer) => {
            Event::AnsweredWithProvider { profile: answer.profile_id.parse()?, rule: shortened(answer.rule) }
        }
        WireEvent::AnsweredWithNothing(answer) => Event::AnsweredWithNothing {
            reason: EmptyBecause::from_word(&answer.reason).ok_or(InvalidObservation::Reason)?,
        },
        WireEvent::ResyncSucceeded(wire::ResyncSucceeded {}) => Event::ResyncSucceeded,
        WireEvent::ResyncFailed(failure) => Event::ResyncFailed(resync_failure(&failure)?),
        WireEvent::ProvisionedByDhcp(wire::ProvisionedByDhcp {}) => Event::ProvisionedByDhcp,
        WireEvent::ProvisionedByHand(by_hand) => {
            let place = given(&by_hand.place).map(|place| Place::from_word(place).ok_or(InvalidObservation::Place));
            Event::ProvisionedByHand { place: place.transpose()? }
        }
        WireEvent::FactoryReset(wire::FactoryReset {}) => Event::FactoryReset,
        WireEvent::FirmwareSeen(wire::FirmwareSeen {}) => Event::FirmwareSeen,
        WireEvent::Associated(to) => Event::Associated { profile: to.profile_id.parse()? },
        WireEvent::Dissociated(wire::Dissociated {}) => Event::Dissociated,
    })
}

fn resync_failure(message: &wire::ResyncFailed) -> Result<ResyncFailure, InvalidObservation> {
    let status = match message.status {
        0 => None,
        // Three digits (RFC 9110, section 15).
        status @ 100..=999 => Some(u16::try_from(status).map_err(|_| InvalidObservation::Status)?),
        _ => return Err(InvalidObservation::Status),
    };
    Ok(ResyncFailure {
        class: FailureClass::from_word(&message.class).ok_or(InvalidObservation::Class)?,
        status,
        retry_at: time("the time of the next retry", message.retry_at)?,
    })
}

/// `None` for 0, which stands for no time.
fn time(what: &'static str, micros: i64) -> Result<Option<Timestamp>, InvalidObservation> {
    match micros {
        0 => Ok(None),
        1..=END_OF_TIME => Ok(Some(Timestamp::from_micros(micros))),
        _ => Err(InvalidObservation::Time(what)),
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// PostgreSQL keeps no text with a NUL in it, and what both databases keep is the same.
fn shortened(text: String) -> String {
    // The least of all bytes is found sooner than the first that is 0.
    let has_nul = text.bytes().min() == Some(0);
    let mut text = if has_nul { text.replace('\0', "\u{fffd}") } else { text };
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

#[cfg(test)]
mod tests;

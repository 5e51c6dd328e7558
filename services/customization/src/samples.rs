//! One event of each kind, and observations of them, for the tests of this crate.

use vocabulary::{MacAddress, ProfileId, Randomness, Timestamp};

use crate::event::{
    EmptyBecause, Event, EventKind, Evidence, FailureClass, Observation, ObservationId, Place, ResyncFailure,
};

/// The moment from which the tests count.
pub const NOW: i64 = 1_795_370_400_000_000;

/// One event of that kind.
pub fn event(kind: EventKind) -> Event {
    let profile = ProfileId::draw(&Randomness::seeded(1));
    match kind {
        EventKind::Asked => Event::Asked { question: "GET /rc?id=0004f2aabbcc".to_owned() },
        EventKind::AnsweredWithProvider => {
            Event::AnsweredWithProvider { profile, rule: "https://nps.example/$MA.xml".to_owned() }
        }
        EventKind::AnsweredWithNothing => Event::AnsweredWithNothing { reason: EmptyBecause::NoProvider },
        EventKind::ResyncSucceeded => Event::ResyncSucceeded,
        EventKind::ResyncFailed => Event::ResyncFailed(ResyncFailure {
            class: FailureClass::FileNotFound,
            status: Some(404),
            retry_at: Some(Timestamp::from_micros(NOW + 60_000_000)),
        }),
        EventKind::ProvisionedByDhcp => Event::ProvisionedByDhcp,
        EventKind::ProvisionedByHand => Event::ProvisionedByHand { place: Some(Place::Lcd) },
        EventKind::FactoryReset => Event::FactoryReset,
        EventKind::FirmwareSeen => Event::FirmwareSeen,
        EventKind::Associated => Event::Associated { profile },
        EventKind::Dissociated => Event::Dissociated,
    }
}

/// That event, seen by us, at [`NOW`].
pub fn observed(kind: EventKind) -> Observation {
    Observation {
        id: Some(ObservationId([7; 16])),
        mac: phone(),
        at: Timestamp::from_micros(NOW),
        evidence: Evidence::Observed,
        event: event(kind),
        source: None,
        request_id: String::new(),
        provider: None,
        firmware: None,
        model: None,
        subject: None,
    }
}

/// The phone of [`observed`].
pub fn phone() -> MacAddress {
    "0004f2aabbcc".parse().expect("a MAC address")
}

//! One event of each kind, and observations of them, for the tests of this crate.

use proptest::prelude::*;
use vocabulary::{MacAddress, ProfileId, ProviderId, Randomness, Timestamp};

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

/// Anything that may happen to a phone, and how it may be told.
pub fn any_observation() -> impl Strategy<Value = Observation> {
    // The road to Acquired is long; without a push hardly any random life walks it.
    let onward =
        [EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ResyncSucceeded, EventKind::ResyncFailed];
    let kinds = prop_oneof![prop::sample::select(EventKind::ALL), prop::sample::select(onward.to_vec())];
    let evidence = prop_oneof![3 => Just(Evidence::Observed), 1 => prop::sample::select(Evidence::ALL)];
    let firmware = prop::option::of(prop::sample::select(vec!["11.0.1", "12.0.1"]));
    (kinds, evidence, 0..1000i64, firmware, any::<[u8; 2]>(), any_circumstances()).prop_map(
        |(kind, evidence, after, firmware, id, circumstances)| Observation {
            id: Some(ObservationId([id; 8].concat().try_into().expect("16 bytes"))),
            evidence,
            at: Timestamp::from_micros(NOW + after),
            firmware: firmware.and_then(|text| text.parse().ok()),
            event: event(kind),
            ..circumstances
        },
    )
}

/// Mostly the same, as those of a question and its answer are.
fn any_circumstances() -> impl Strategy<Value = Observation> {
    let provider = ProviderId::draw(&Randomness::seeded(2));
    let rare = |text: &'static str| prop_oneof![8 => Just(""), 1 => Just(text)];
    (rare("r-\u{e9}\"\\\n"), rare("2001:db8::7"), prop::bool::weighted(0.9), rare("CP-7832-3PCC")).prop_map(
        move |(request_id, source, is_owned, model)| Observation {
            request_id: request_id.to_owned(),
            source: source.parse().ok(),
            provider: is_owned.then(|| provider.clone()),
            model: model.parse().ok(),
            ..observed(EventKind::Asked)
        },
    )
}

/// What may happen to a phone in its life.
pub fn any_life() -> impl Strategy<Value = Vec<Observation>> {
    prop::collection::vec(any_observation(), 0..40)
}

//! Our faults are refused by name; what phones say is taken.

use proptest::prelude::*;

use super::*;

fn message() -> wire::Observation {
    wire::Observation {
        id: vec![1; 16],
        mac: 0x0004_f2aa_bbcc,
        at: 1_795_370_400_000_000,
        evidence: wire::Evidence::Observed.into(),
        event: Some(WireEvent::Asked(wire::Asked { question: "GET /rc".to_owned() })),
        ..wire::Observation::default()
    }
}

fn failed(class: &str, status: u32, retry_at: i64) -> wire::Observation {
    let failure = wire::ResyncFailed { class: class.to_owned(), status, retry_at };
    wire::Observation { event: Some(WireEvent::ResyncFailed(failure)), ..message() }
}

#[test]
fn every_fault_of_ours_has_its_name() {
    use InvalidObservation as Fault;
    let by_hand = wire::ProvisionedByHand { place: "fax".to_owned() };
    let nothing = wire::AnsweredWithNothing { reason: "mood".to_owned() };
    for (wrong, fault) in [
        (wire::Observation { id: vec![1; 15], ..message() }, Fault::Id),
        (wire::Observation { id: Vec::new(), ..message() }, Fault::Id),
        (wire::Observation { mac: 0, ..message() }, Fault::Mac(InvalidMacAddress::Zero)),
        (wire::Observation { at: 0, ..message() }, Fault::Time("its time")),
        (wire::Observation { at: -1, ..message() }, Fault::Time("its time")),
        (wire::Observation { at: i64::MAX, ..message() }, Fault::Time("its time")),
        (wire::Observation { evidence: 0, ..message() }, Fault::Evidence),
        (wire::Observation { evidence: 99, ..message() }, Fault::Evidence),
        (wire::Observation { event: None, ..message() }, Fault::Event),
        (wire::Observation { event: Some(WireEvent::ProvisionedByHand(by_hand)), ..message() }, Fault::Place),
        (wire::Observation { event: Some(WireEvent::AnsweredWithNothing(nothing)), ..message() }, Fault::Reason),
        (failed("A", 404, 0), Fault::Class),
        (failed("B", 99, 0), Fault::Status),
        (failed("B", 1000, 0), Fault::Status),
        (failed("B", 404, -1), Fault::Time("the time of the next retry")),
    ] {
        assert_eq!(observation(wrong.clone()), Err(fault), "{wrong:?}");
    }
    for text in ["192.0.2.1:5060", "nps.example"] {
        let wrong = wire::Observation { source: text.to_owned(), ..message() };
        assert!(matches!(observation(wrong), Err(Fault::Source(_))), "{text}");
    }
    let wrong = wire::Observation { provider_id: "acme".to_owned(), ..message() };
    assert!(matches!(observation(wrong), Err(Fault::ProviderOrProfile(_))));
    let associated = wire::Associated { profile_id: String::new() };
    let wrong = wire::Observation { event: Some(WireEvent::Associated(associated)), ..message() };
    assert!(matches!(observation(wrong), Err(Fault::ProviderOrProfile(_))));
}

#[test]
fn zero_and_empty_stand_for_nothing() {
    let seen = observation(failed("C", 0, 0)).expect("an observation");
    let nothing = ResyncFailure { class: FailureClass::Other, status: None, retry_at: None };
    assert_eq!(seen.event, Event::ResyncFailed(nothing));
    assert_eq!((seen.source, seen.provider, seen.firmware, seen.model), (None, None, None, None));
}

proptest! {
    #[test]
    fn no_phone_can_spoil_a_batch_by_what_it_says(firmware: String, model: String, question: String) {
        let asked = wire::Asked { question: question.repeat(100) };
        let event = Some(WireEvent::Asked(asked));
        let seen = observation(wire::Observation { firmware, model, event, ..message() });
        prop_assert!(seen.is_ok());
        if let Ok(Observation { event: Event::Asked { question: kept }, .. }) = seen {
            let whole = question.repeat(100).replace('\0', "\u{fffd}");
            prop_assert!(kept.len() <= LONGEST && whole.starts_with(&kept));
        }
    }
}

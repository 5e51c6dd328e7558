//! What a batch does.

use contracts::customization::observation::Event;
use contracts::customization::{AnsweredWithNothing, Evidence, Observation, State};
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::phones::{
    NOW, PHONE, World, acme, asked, associated, by_dhcp, not_found, observed, reset, resynced, sent_nowhere,
    sent_to_provider, steps,
};

async fn a_phone_goes_from_open_to_acquired(kind: Kind) {
    let world = World::new(kind).await;
    let mut last = observed(4, resynced());
    last.at = NOW + 5;
    last.evidence = Evidence::Reported.into();
    "12.0.1".clone_into(&mut last.firmware);
    "CP-7832-3PCC".clone_into(&mut last.model);
    let batch = [observed(1, asked()), observed(2, sent_to_provider()), observed(3, Event::ResyncFailed(not_found()))];
    assert_eq!(world.record(&batch).await, Ok(3));
    let phone = world.phone().await;
    assert_eq!((phone.state(), phone.entries), (State::CustomPending, 3));
    assert_eq!((phone.failure, phone.next_retry), (Some(not_found()), not_found().retry_at));

    assert_eq!(world.record(&[last]).await, Ok(1));
    let phone = world.phone().await;
    assert_eq!((phone.state(), phone.entries), (State::Acquired, 4));
    assert_eq!((phone.failure, phone.next_retry), (None, 0));
    assert_eq!((phone.first_contact, phone.last_contact), (NOW, NOW + 5));
    assert_eq!((phone.firmware.as_str(), phone.model.as_str()), ("12.0.1", "CP-7832-3PCC"));
}

async fn what_is_sent_twice_is_recorded_once(kind: Kind) {
    let world = World::new(kind).await;
    let batch = [observed(1, asked()), observed(2, sent_nowhere()), observed(1, asked())];
    assert_eq!(world.record(&batch).await, Ok(2));
    let before = (world.phone().await, world.timeline(&acme()).await);
    assert_eq!(world.record(&batch).await, Ok(0));
    assert_eq!((world.phone().await, world.timeline(&acme()).await), before);

    // A repetition with something new behind it.
    assert_eq!(world.record(&[observed(2, sent_nowhere()), observed(3, asked())]).await, Ok(1));
    assert_eq!((world.phone().await.state(), world.phone().await.entries), (State::Pending, 3));
}

async fn an_inferred_reset_has_an_entry_and_no_id(kind: Kind) {
    let world = World::new(kind).await;
    let mut again = observed(2, asked());
    "req-2".clone_into(&mut again.request_id);
    assert_eq!(world.record(&[observed(1, by_dhcp()), again]).await, Ok(2));
    let timeline = world.timeline(&acme()).await;
    assert_eq!(
        steps(&timeline),
        [(State::Open, State::Aborted), (State::Aborted, State::Open), (State::Open, State::Pending)]
    );
    let inferred = timeline[1].observation.clone().expect("an observation");
    assert_eq!((inferred.event.clone(), inferred.evidence()), (Some(reset()), Evidence::Inferred));
    assert_eq!((inferred.id.len(), inferred.request_id.as_str(), inferred.at), (0, "req-2", NOW));
}

async fn what_is_impossible_is_kept_and_changes_nothing(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.record(&[observed(1, sent_to_provider())]).await, Ok(1));
    assert_eq!(world.phone().await.state(), State::Open);
    let timeline = world.timeline(&acme()).await;
    assert_eq!(steps(&timeline), [(State::Open, State::Open)]);
    assert!(timeline[0].refused.contains("no question is open"), "{}", timeline[0].refused);
}

async fn a_batch_mixes_phones_known_and_new(kind: Kind) {
    let world = World::new(kind).await;
    let of = |mac: u64, observation: Observation| Observation { mac, ..observation };
    assert_eq!(world.record(&[of(20, observed(1, asked()))]).await, Ok(1));
    let batch = [
        of(30, observed(2, by_dhcp())),
        of(20, observed(3, sent_to_provider())),
        of(10, observed(4, asked())),
        of(20, observed(5, resynced())),
        of(10, observed(6, sent_nowhere())),
    ];
    assert_eq!(world.record(&batch).await, Ok(5));
    let phones = world.states(&[30, 20, 10, 40]).await.expect("phones");
    let stand: Vec<(u64, State, u64)> = phones.iter().map(|phone| (phone.mac, phone.state(), phone.entries)).collect();
    assert_eq!(stand, [(10, State::Unavailable, 2), (20, State::Acquired, 3), (30, State::Aborted, 1)]);
}

async fn a_full_batch_is_one_call_and_one_more_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    let phones = |count: u64| -> Vec<Observation> {
        (1..=count).map(|n| Observation { mac: n << 8, ..observed(u128::from(n), asked()) }).collect()
    };
    assert_eq!(world.record(&phones(512)).await, Ok(512));
    assert_eq!(world.record(&phones(1000)).await, Ok(488));
    let failure = world.record(&phones(1001)).await.expect_err("too many");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "too_many_observations"));
    assert_eq!(world.record(&[]).await, Ok(0));
}

async fn one_fault_refuses_the_whole_batch_and_names_it(kind: Kind) {
    let world = World::new(kind).await;
    let nothing = AnsweredWithNothing { reason: "mood".to_owned() };
    for wrong in [
        Observation { mac: 0, ..observed(2, asked()) },
        Observation { id: vec![1], ..observed(2, asked()) },
        Observation { event: None, ..observed(2, asked()) },
        observed(2, Event::AnsweredWithNothing(nothing)),
    ] {
        let failure = world.record(&[observed(1, asked()), wrong]).await.expect_err("malformed");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "invalid_observation"));
        assert!(failure.message.starts_with("observation 1: "), "{}", failure.message);
    }
    assert_eq!(world.states(&[PHONE]).await, Ok(Vec::new()));
}

async fn what_a_provider_does_is_no_contact_of_the_phone(kind: Kind) {
    let world = World::new(kind).await;
    let stated = Observation { evidence: Evidence::Stated.into(), ..observed(1, associated()) };
    assert_eq!(world.record(&[stated]).await, Ok(1));
    let phone = world.phone().await;
    assert_eq!((phone.state(), phone.first_contact, phone.last_contact), (State::Open, 0, 0));

    // Contacts may be told of out of their order.
    let late = Observation { at: NOW - 7, ..observed(3, sent_nowhere()) };
    assert_eq!(world.record(&[observed(2, asked()), late]).await, Ok(2));
    let phone = world.phone().await;
    assert_eq!((phone.first_contact, phone.last_contact), (NOW - 7, NOW));
}

on_each_database!(
    a_phone_goes_from_open_to_acquired,
    what_is_sent_twice_is_recorded_once,
    an_inferred_reset_has_an_entry_and_no_id,
    what_is_impossible_is_kept_and_changes_nothing,
    a_batch_mixes_phones_known_and_new,
    a_full_batch_is_one_call_and_one_more_is_refused,
    one_fault_refuses_the_whole_batch_and_names_it,
    what_a_provider_does_is_no_contact_of_the_phone,
);

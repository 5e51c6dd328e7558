//! Whatever happens to a phone, in whatever order, certain things hold.

use proptest::prelude::*;

use super::*;
use crate::event::{EventKind, Evidence};
use crate::samples::{NOW, any_life, observed, phone};
use crate::state::apply;

/// A phone after all of it, and its timeline.
fn lived(life: &[Observation]) -> (Phone, Vec<Entry<'_>>) {
    let mut phone = Phone::unheard_of(phone());
    let mut timeline = Vec::new();
    for observation in life {
        phone.observe(observation, &mut timeline);
    }
    (phone, timeline)
}

fn kinds(timeline: &[Entry<'_>]) -> Vec<(EventKind, State, State)> {
    timeline.iter().map(|entry| (entry.observation.event.kind(), entry.from, entry.to)).collect()
}

proptest! {
    #[test]
    fn replaying_the_accepted_events_gives_the_state(life in any_life()) {
        let (phone, timeline) = lived(&life);
        let mut state = State::Open;
        for entry in &timeline {
            prop_assert_eq!(entry.from, state);
            if entry.refused.is_some() {
                prop_assert_eq!(entry.to, state);
                continue;
            }
            // An inferred reset has an entry of its own, so that nothing is left to infer.
            prop_assert_eq!(apply(state, &entry.observation.event), Ok(Transition::To(entry.to)));
            state = entry.to;
        }
        prop_assert_eq!(state, phone.state);
    }

    #[test]
    fn every_observation_is_kept_in_order_and_numbered_without_gaps(life in any_life()) {
        let (phone, timeline) = lived(&life);
        let numbers: Vec<u64> = timeline.iter().map(|entry| entry.number).collect();
        prop_assert_eq!(numbers, (1..=phone.entries).collect::<Vec<_>>());
        let kept: Vec<&Observation> =
            timeline.iter().map(|entry| &*entry.observation).filter(|seen| seen.id.is_some()).collect();
        prop_assert_eq!(kept, life.iter().collect::<Vec<_>>());
    }

    #[test]
    fn each_state_is_entered_and_left_only_by_its_doors(life in any_life()) {
        for (kind, from, to) in kinds(&lived(&life).1) {
            if from == to {
                continue;
            }
            match to {
                State::Open => prop_assert_eq!(kind, EventKind::FactoryReset),
                State::Pending => prop_assert_eq!(kind, EventKind::Asked),
                State::CustomPending => {
                    prop_assert_eq!((kind, from), (EventKind::AnsweredWithProvider, State::Pending));
                }
                State::Acquired => prop_assert_eq!((kind, from), (EventKind::ResyncSucceeded, State::CustomPending)),
                State::Unavailable => prop_assert_eq!((kind, from), (EventKind::AnsweredWithNothing, State::Pending)),
                State::Aborted => {
                    prop_assert!(matches!(kind, EventKind::ProvisionedByDhcp | EventKind::ProvisionedByHand));
                }
            }
            if matches!(from, State::Acquired | State::Aborted) {
                prop_assert_eq!(kind, EventKind::FactoryReset);
            }
        }
    }

    #[test]
    fn a_failure_is_remembered_only_while_a_resync_is_awaited(life in any_life()) {
        let (phone, timeline) = lived(&life);
        if phone.failure.is_some() {
            prop_assert!(matches!(phone.state, State::CustomPending | State::Acquired));
        }
        // What the phone's last accepted news of a resync in this state was.
        let resyncs = kinds(&timeline).into_iter().zip(&timeline).rev()
            .filter(|(_, entry)| entry.refused.is_none())
            .find(|((kind, from, to), _)| {
                from != to || matches!(kind, EventKind::ResyncFailed | EventKind::ResyncSucceeded)
            });
        let failed = resyncs.is_some_and(|((kind, ..), _)| kind == EventKind::ResyncFailed);
        prop_assert_eq!(phone.failure.is_some(), failed);
    }

    #[test]
    fn contacts_span_what_the_phone_took_part_in(life in any_life()) {
        let (phone, _) = lived(&life);
        let times = || life.iter().filter(|seen| {
            matches!(seen.evidence, Evidence::Observed | Evidence::Reported)
                && !matches!(seen.event.kind(), EventKind::Associated | EventKind::Dissociated)
        }).map(|seen| seen.at);
        prop_assert_eq!(phone.contact, times().min().zip(times().max()));
        let firmware = life.iter().rev().find_map(|seen| seen.firmware.clone());
        prop_assert_eq!(phone.firmware, firmware);
    }
}

proptest! {
    #[test]
    fn no_observation_has_a_greater_id_than_the_newest(life in any_life()) {
        let (phone, _) = lived(&life);
        prop_assert_eq!(phone.newest, life.iter().filter_map(|seen| seen.id).max());
    }
}

#[test]
fn a_question_after_acquired_tells_of_a_reset_nobody_saw() {
    let road = [EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ResyncSucceeded, EventKind::Asked];
    let road = road.map(observed);
    let (phone, timeline) = lived(&road);
    assert_eq!(phone.state, State::Pending);
    assert_eq!(
        kinds(&timeline)[3..],
        [(EventKind::FactoryReset, State::Acquired, State::Open), (EventKind::Asked, State::Open, State::Pending),]
    );
    assert_eq!((timeline[3].observation.id, timeline[3].observation.evidence), (None, Evidence::Inferred));
    assert_eq!(*timeline[4].observation, observed(EventKind::Asked));
}

#[test]
fn what_is_impossible_is_kept_with_its_reason() {
    let life = [observed(EventKind::ResyncSucceeded)];
    let (phone, timeline) = lived(&life);
    assert_eq!((phone.state, phone.entries), (State::Open, 1));
    assert!(phone.contact.is_some());
    let reason = timeline[0].refused.as_deref().unwrap_or_default();
    assert!(reason.contains("not sent to a provider"), "{reason}");
}

#[test]
fn a_failure_is_forgotten_with_success_or_with_the_state_it_belongs_to() {
    let road = [EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ResyncFailed];
    let failure = |then: EventKind| {
        let life: Vec<Observation> = road.into_iter().chain([then]).map(observed).collect();
        lived(&life).0.failure
    };
    for keeps in [EventKind::FirmwareSeen, EventKind::Associated, EventKind::AnsweredWithNothing] {
        assert!(failure(keeps).is_some(), "{keeps:?}");
    }
    for forgets in [
        EventKind::ResyncSucceeded,
        EventKind::Asked,
        EventKind::ProvisionedByDhcp,
        EventKind::ProvisionedByHand,
        EventKind::FactoryReset,
    ] {
        assert_eq!(failure(forgets), None, "{forgets:?}");
    }
}

/// A phone that acquired its profile, and asks again so many days later.
fn returned_after(days: i64) -> Phone {
    let at =
        |kind, days: i64| Observation { at: Timestamp::from_micros(NOW + days * 86_400_000_000), ..observed(kind) };
    let life = [
        at(EventKind::Asked, 0),
        at(EventKind::AnsweredWithProvider, 0),
        at(EventKind::ResyncSucceeded, 0),
        at(EventKind::Asked, days),
    ];
    lived(&life).0
}

#[test]
fn a_phone_that_asks_long_after_it_was_acquired_may_be_second_hand() {
    let phone = returned_after(30);
    assert_eq!(phone.acquired_at, Some(Timestamp::from_micros(NOW)));
    assert_eq!(phone.second_hand_since, Some(Timestamp::from_micros(NOW + 30 * 86_400_000_000)));
    assert_eq!(returned_after(29).second_hand_since, None);
}

#[test]
fn whoever_registers_a_phone_or_gives_it_up_has_seen_that_it_is_second_hand() {
    for seen in [EventKind::Associated, EventKind::Dissociated] {
        let mut phone = returned_after(400);
        phone.observe(&observed(seen), &mut Vec::new());
        assert_eq!(phone.second_hand_since, None);
    }
    let mut phone = returned_after(400);
    phone.observe(&observed(EventKind::AnsweredWithProvider), &mut Vec::new());
    phone.observe(&observed(EventKind::ResyncSucceeded), &mut Vec::new());
    assert!(phone.second_hand_since.is_some(), "that it is in service again does not say with whom");
}

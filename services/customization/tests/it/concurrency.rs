//! Many callers at once.

use std::sync::Arc;

use contracts::customization::observation::Event;
use contracts::customization::{Observation, State};
use storage::on_each_database;
use storage::testing::Kind;

use crate::phones::{
    World, acme, asked, by_dhcp, not_found, observed, reset, resynced, sent_nowhere, sent_to_provider,
};

const CALLERS: u128 = 8;
const BATCHES: u128 = 20;

/// Every kind of event that moves a phone, in an order that differs from caller to caller.
fn batch(caller: u128, number: u128) -> Vec<Observation> {
    let events =
        [asked(), sent_to_provider(), Event::ResyncFailed(not_found()), resynced(), by_dhcp(), reset(), sent_nowhere()];
    let first = caller << 64 | number << 32;
    let turned = events.iter().cycle().skip(usize::try_from(caller + number).unwrap_or(0)).take(5);
    (first..).zip(turned).map(|(id, event)| observed(id, event.clone())).collect()
}

async fn entries_of_one_phone_have_no_gaps_and_lead_to_its_state(kind: Kind) {
    let world = Arc::new(World::new(kind).await);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                for number in 0..BATCHES {
                    assert_eq!(world.record(&batch(caller, number)).await, Ok(5));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("every batch is recorded");
    }

    let phone = world.phone().await;
    let mut timeline = Vec::new();
    while timeline.len() < usize::try_from(phone.entries).expect("a small number") {
        let before = timeline.last().map_or(0, |entry: &contracts::customization::TimelineEntry| entry.number);
        let request = contracts::customization::GetTimelineRequest {
            mac: phone.mac,
            provider_id: acme().to_string(),
            before,
            limit: 300,
        };
        timeline.extend(world.page(request).await.expect("a page").entries);
    }
    timeline.reverse();
    assert_eq!(timeline.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=phone.entries).collect::<Vec<_>>());
    let mut state = State::Open;
    for entry in &timeline {
        assert_eq!(entry.from(), state);
        state = entry.to();
    }
    assert_eq!(state, phone.state());
    let ids = timeline.iter().filter_map(|entry| entry.observation.as_ref()).filter(|seen| !seen.id.is_empty());
    assert_eq!(u128::try_from(ids.count()), Ok(CALLERS * BATCHES * 5));
}

async fn the_same_batch_from_many_callers_is_recorded_once(kind: Kind) {
    let world = Arc::new(World::new(kind).await);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.record(&batch(1, 1)).await })
        })
        .collect();
    let mut recorded = 0;
    for caller in callers {
        recorded += caller.await.expect("no panic").expect("recorded or known");
    }
    assert_eq!(recorded, 5);
}

on_each_database!(
    threads 4;
    entries_of_one_phone_have_no_gaps_and_lead_to_its_state,
    the_same_batch_from_many_callers_is_recorded_once,
);

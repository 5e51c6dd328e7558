//! What is sent again is recorded once, in whatever pieces it comes and to whichever replica.

use std::sync::Arc;

use contracts::customization::{Observation, State};
use storage::on_each_database;
use storage::testing::Kind;

use crate::phones::{PHONE, World, acme, asked, observed, resynced, sent_nowhere, sent_to_provider, steps};

async fn another_replica_knows_what_the_first_recorded(kind: Kind) {
    let world = World::new(kind).await;
    let other = world.replica().await;
    let batch = [observed(1, asked()), observed(2, sent_to_provider())];
    assert_eq!(world.record(&batch).await, Ok(2));
    assert_eq!(other.record(&batch).await, Ok(0));
    assert_eq!(other.record(&[observed(3, resynced())]).await, Ok(1));
    assert_eq!(world.record(&[observed(3, resynced())]).await, Ok(0));
    assert_eq!(world.phone().await.state(), State::Acquired);
}

/// The answer is kept together with its question, or by itself, and known in both cases.
async fn each_part_of_a_batch_is_known_by_itself(kind: Kind) {
    let world = World::new(kind).await;
    let [first, second, third] = [observed(1, asked()), observed(2, sent_to_provider()), observed(3, resynced())];
    assert_eq!(world.record(&[first.clone(), second.clone()]).await, Ok(2));
    assert_eq!(world.record(std::slice::from_ref(&second)).await, Ok(0));
    assert_eq!(world.record(std::slice::from_ref(&first)).await, Ok(0));
    assert_eq!(world.record(&[second, third, first]).await, Ok(1));
    assert_eq!(
        steps(&world.timeline(&acme()).await),
        [
            (State::Open, State::Pending),
            (State::Pending, State::CustomPending),
            (State::CustomPending, State::Acquired)
        ]
    );
    let [first, second] = [observed(4, asked()), observed(5, sent_nowhere())];
    assert_eq!(world.record(std::slice::from_ref(&first)).await, Ok(1));
    assert_eq!(world.record(&[first.clone(), second.clone()]).await, Ok(1));
    assert_eq!(world.record(&[first, second]).await, Ok(0));
    // The inferred reset is one more.
    assert_eq!(world.phone().await.entries, 6);
}

/// Two gateways, one of which was cut off for a while: its observations are older than what is known, and new.
async fn what_comes_late_is_recorded_and_once(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.record(&[observed(100, asked()), observed(101, sent_nowhere())]).await, Ok(2));
    let late = [observed(50, asked()), observed(51, sent_to_provider())];
    assert_eq!(world.record(&late).await, Ok(2));
    assert_eq!(world.record(&late).await, Ok(0));
    assert_eq!(world.record(&[observed(100, asked()), observed(49, asked()), observed(51, asked())]).await, Ok(1));
    assert_eq!(world.phone().await.entries, 5);
}

/// Replicas are given the same observations of many phones, each in batches and in an order of its own.
async fn replicas_that_are_told_the_same_at_once_record_it_once(kind: Kind) {
    const PHONES: u64 = 40;
    let world = Arc::new(World::new(kind).await);
    let mut replicas = Vec::new();
    for replica in 0..4usize {
        let world = world.replica().await;
        replicas.push(tokio::spawn(async move {
            let mut recorded = 0;
            for turn in 0..PHONES {
                let macs = (0..PHONES).map(|n| PHONE + (n * 7 + turn * u64::try_from(replica).unwrap_or(0)) % PHONES);
                let batch: Vec<Observation> = macs
                    .flat_map(|mac| {
                        let id = u128::from(turn) << 64 | u128::from(mac) << 8;
                        let events = [asked(), sent_to_provider()];
                        (id..).zip(events).map(move |(id, event)| Observation { mac, ..observed(id, event) })
                    })
                    .collect();
                recorded += u64::from(world.record(&batch).await.expect("recorded or known"));
            }
            recorded
        }));
    }
    let mut recorded = 0;
    for replica in replicas {
        recorded += replica.await.expect("no panic");
    }
    assert_eq!(recorded, PHONES * PHONES * 2);
    for mac in PHONE..PHONE + PHONES {
        let numbers: Vec<u64> = world.timeline_of(mac, &acme()).await.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, (1..=PHONES * 2).collect::<Vec<_>>());
    }
}

on_each_database!(
    threads 4;
    another_replica_knows_what_the_first_recorded,
    each_part_of_a_batch_is_known_by_itself,
    what_comes_late_is_recorded_and_once,
    replicas_that_are_told_the_same_at_once_record_it_once,
);

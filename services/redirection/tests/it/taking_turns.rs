//! Wishes about whose a phone is that cross each other: one outcome each, and a whole history.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{TransferDecision, TransferState};

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, World, mac};

const ROUNDS: u64 = 12;
const SERIAL: &str = "FCH2034D0PL";

/// Whose the phone is: of memory, of the history and of the database, all the same.
async fn owner(world: &World, providers: &[&Provider], number: u64) -> Option<String> {
    let in_memory = match world.resolve(mac(number), "").await {
        Answer::Redirect(redirect) => Some(redirect.provider_id),
        Answer::Refusal(refusal) => Some(refusal.provider_id).filter(|provider| !provider.is_empty()),
    };
    let in_history = world.history(mac(number)).await.pop().filter(|row| row.2.is_empty()).map(|row| row.0);
    let mut in_database = None;
    for provider in providers {
        if provider.get_device(mac(number)).await.is_ok() {
            assert_eq!(in_database.replace(provider.id.clone()), None, "two owners");
        }
    }
    assert_eq!((&in_memory, &in_history), (&in_database, &in_database));
    in_database
}

async fn two_tenants_claim_one_phone(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=ROUNDS {
        let (one, two) = (acme.clone(), other.clone());
        let one = tokio::spawn(async move { one.put_device(mac(number), "Main").await });
        let two = tokio::spawn(async move { two.put_device(mac(number), "Main").await });
        let (one, two) = (one.await.expect("it ended"), two.await.expect("it ended"));
        let winner = if one.is_ok() { &acme } else { &other };
        assert!(one.is_ok() != two.is_ok());
        assert_eq!(one.err().or(two.err()).expect("a loser").reason, "device_owned_by_other");
        assert_eq!(owner(&world, &[&acme, &other], number).await.as_ref(), Some(&winner.id));
        assert_eq!(world.history(mac(number)).await.len(), 1);
    }
}

async fn a_transfer_is_agreed_to_while_the_phone_is_released(kind: Kind) {
    let world = World::new(kind, 2).await;
    let (acme, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=ROUNDS {
        acme.put_serial(mac(number), SERIAL).await.expect("a phone");
        // With proof every second time: then it is the claimant's either way.
        let serial = if number % 2 == 0 { SERIAL } else { "" };
        let asked = claimant.ask_for(mac(number), serial).await.expect("a request");
        let (one, two, id) = (acme.clone(), acme.clone(), asked.id.clone());
        let agreed = tokio::spawn(async move { one.decide(&id, TransferDecision::Agree).await });
        let released = tokio::spawn(async move { two.delete_device(mac(number)).await });
        let (agreed, released) = (agreed.await.expect("it ended"), released.await.expect("it ended"));
        let has = owner(&world, &[&acme, &claimant], number).await;
        let state = claimant.state_of(&asked.id).await;
        match (agreed, released) {
            (Ok(_), Err(late)) => assert_eq!(late.reason, "unknown_device"),
            // The release gave it to the claimant, and the owner says so once more.
            (Ok(_), Ok(())) => assert_eq!(number % 2, 0),
            (Err(late), Ok(())) => {
                assert_eq!((late.reason.as_str(), state), ("transfer_closed", TransferState::Overtaken));
                assert_eq!((number % 2, &has), (1, &None));
            }
            (Err(one), Err(two)) => panic!("neither: {one:?} {two:?}"),
        }
        assert_eq!(has.is_some(), state == TransferState::Done);
        assert!(has.is_none_or(|has| has == claimant.id));
    }
}

async fn a_transfer_is_agreed_to_while_it_is_taken_back(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, claimant) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=ROUNDS {
        acme.put_device(mac(number), "Main").await.expect("a phone");
        let asked = claimant.ask_for(mac(number), "").await.expect("a request");
        let (one, two, id, same) = (acme.clone(), claimant.clone(), asked.id.clone(), asked.id.clone());
        let agreed = tokio::spawn(async move { one.decide(&id, TransferDecision::Agree).await });
        let cancelled = tokio::spawn(async move { two.decide(&same, TransferDecision::Cancel).await });
        let (agreed, cancelled) = (agreed.await.expect("it ended"), cancelled.await.expect("it ended"));
        assert!(agreed.is_ok() != cancelled.is_ok());
        let (winner, state) =
            if agreed.is_ok() { (&claimant, TransferState::Done) } else { (&acme, TransferState::Cancelled) };
        assert_eq!(agreed.err().or(cancelled.err()).expect("a loser").reason, "transfer_closed");
        assert_eq!(claimant.state_of(&asked.id).await, state);
        assert_eq!(owner(&world, &[&acme, &claimant], number).await.as_ref(), Some(&winner.id));
    }
}

async fn a_phone_is_moved_while_it_is_released(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (reseller, acme) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=ROUNDS {
        reseller.put_device(mac(number), "Main").await.expect("a phone");
        let (one, two, to) = (reseller.clone(), reseller.clone(), acme.clone());
        let moved = tokio::spawn(async move { one.move_to(&to, &[mac(number)]).await });
        let released = tokio::spawn(async move { two.delete_device(mac(number)).await });
        let (moved, released) = (moved.await.expect("it ended"), released.await.expect("it ended"));
        assert!(moved.is_ok() != released.is_ok());
        let has = owner(&world, &[&reseller, &acme], number).await;
        assert_eq!(has, moved.is_ok().then(|| acme.id.clone()));
        assert_eq!(moved.err().or(released.err()).expect("a loser").reason, "unknown_device");
    }
}

async fn a_provider_is_frozen_while_it_claims(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider_with_profile().await;
    for number in 1..=ROUNDS {
        let (one, two) = (acme.clone(), acme.clone());
        let claimed = tokio::spawn(async move { one.put_device(mac(number), "Main").await });
        let frozen = tokio::spawn(async move { two.set_frozen(true).await });
        let (claimed, frozen) = (claimed.await.expect("it ended"), frozen.await.expect("it ended"));
        frozen.expect("frozen");
        let has = owner(&world, &[&acme], number).await;
        assert_eq!(has, claimed.is_ok().then(|| acme.id.clone()));
        if let Err(late) = claimed {
            assert_eq!(late.reason, "provider_frozen");
        }
        acme.set_frozen(false).await.expect("free");
    }
}

on_each_database!(
    threads 4;
    two_tenants_claim_one_phone,
    a_transfer_is_agreed_to_while_the_phone_is_released,
    a_transfer_is_agreed_to_while_it_is_taken_back,
    a_phone_is_moved_while_it_is_released,
    a_provider_is_frozen_while_it_claims,
);

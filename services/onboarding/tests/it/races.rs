//! Many phones at once.

use contracts::onboarding::{CodeState, Limits};
use storage::on_each_database;
use storage::testing::Kind;

use crate::support::*;

/// Everybody at once; how many were let in.
async fn stampede(world: &World, code: &str, phones: u64) -> usize {
    let calls: Vec<_> = (1..=phones)
        .map(|phone| {
            let (service, code) = (onboarding(&world.service), code.to_owned());
            tokio::spawn(async move { service.clone().redeem(request(&code, phone)).await.is_ok() })
        })
        .collect();
    let mut successes = 0;
    for call in calls {
        successes += usize::from(call.await.expect("an answer"));
    }
    successes
}

async fn of_64_phones_one_gets_a_personal_code(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (code, digits) = acme.one().await;
    assert_eq!(stampede(&world, &digits, 64).await, 1);
    let code = acme.code(&code).await;
    assert_eq!((code.state(), code.activations), (CodeState::Redeemed, 1));
    let mut assigned = Vec::new();
    for phone in 1..=64 {
        if acme.device(phone).await.is_some() {
            assigned.push(mac(phone));
        }
    }
    assert_eq!(assigned, [code.redeemed_by]);
    let outcomes = acme.outcomes().await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "redeemed").count(), 1);
}

async fn a_directory_code_admits_as_many_phones_as_its_provider_said(kind: Kind) {
    let world = World::lenient(kind).await;
    let acme = world.provider().await;
    let code = acme.directory("123456", Limits { activations: 10, ..Limits::default() }).await;
    assert_eq!(stampede(&world, "#123456", 40).await, 10);
    assert_eq!(acme.code(&code).await.activations, 10);
    let outcomes = acme.outcomes().await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "used_up").count(), 30);
}

async fn a_phone_that_types_two_providers_codes_at_once_belongs_to_one(kind: Kind) {
    let world = World::lenient(kind).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    for round in 0..10 {
        let ((mine, first), (yours, second)) = (acme.one().await, other.one().await);
        let (one, two) = tokio::join!(world.typed(&first, round + 1), world.typed(&second, round + 1));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let owned = (acme.device(round + 1).await.is_some(), other.device(round + 1).await.is_some());
        assert_eq!(owned, (one.is_ok(), two.is_ok()));
        let used = (acme.code(&mine).await.redeemed_by != 0, other.code(&yours).await.redeemed_by != 0);
        assert_eq!(used, owned, "a code whose phone went elsewhere is open again");
    }
}

on_each_database!(
    threads 2;
    of_64_phones_one_gets_a_personal_code,
    a_directory_code_admits_as_many_phones_as_its_provider_said,
    a_phone_that_types_two_providers_codes_at_once_belongs_to_one,
);

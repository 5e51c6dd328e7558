//! A redemption that stops half way is finished by the phone's next try.

use contracts::onboarding::{CodeState, Limits};
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

async fn the_same_phone_with_the_same_code_gets_the_same_answer(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (code, digits) = acme.one().await;
    let directory = acme.directory("123456", Limits { activations: 1, ..Limits::default() }).await;
    let first = world.typed(&digits, 1).await.expect("redeemed");
    assert_eq!((&first.provider_id, &first.profile_id), (&acme.id, &acme.profile));
    let spelled = format!("{}-{} {}", &digits[..4], &digits[4..8], &digits[8..]);
    for _ in 0..3 {
        assert_eq!(world.typed(&spelled, 1).await.expect("the same answer"), first);
    }
    for _ in 0..3 {
        world.typed("#123456", 2).await.expect("redeemed, and again");
    }
    assert_eq!(acme.code(&code).await.activations, 1);
    assert_eq!(acme.code(&directory).await.activations, 1);
    // However often it was asked, the last repetition is kept of each.
    assert_eq!(acme.outcomes().await, ["repeated", "redeemed", "repeated", "redeemed"]);
    // Even after the code's time, for a day; then the code is what it is: used.
    world.clock.advance(DAY * 8);
    assert_refused(world.typed(&digits, 1).await);
}

async fn what_stopped_between_grant_and_assignment_is_finished_by_the_next_try(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (code, digits) = acme.one().await;
    // Redirection answers from memory whose a phone is, but cannot write.
    world.redirection.close().await;
    let failure = world.typed(&digits, 1).await.expect_err("no assignment");
    assert_eq!(failure.kind, ErrorKind::Unavailable);
    assert_eq!(acme.code(&code).await.state(), CodeState::Redeemed);

    let world = world.reopened().await;
    let mut acme = acme;
    acme.codes = onboarding(&world.service);
    acme.redirection = redirection(&world.redirection, rpc::Peer::Gateway);
    assert!(acme.device(1).await.is_none());
    assert_refused(world.typed(&digits, 2).await);
    world.typed(&digits, 1).await.expect("finished");
    assert!(acme.device(1).await.is_some());
    assert_eq!(acme.outcomes().await, ["repeated", "used", "redeemed"]);
}

on_each_database!(
    the_same_phone_with_the_same_code_gets_the_same_answer,
    what_stopped_between_grant_and_assignment_is_finished_by_the_next_try,
);

//! How long it is remembered who tried a code, and who may read it.

use contracts::onboarding::{Limits, ListAttemptsRequest, ListAttemptsResponse, ListCodesRequest};
use onboarding::Policy;
use rpc::Failure;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

async fn attempts(provider: &Provider, code_id: &str) -> Result<ListAttemptsResponse, Failure> {
    let request =
        ListAttemptsRequest { provider_id: provider.id.clone(), code_id: code_id.to_owned(), limit: 10, before: 0 };
    Ok(provider.codes.clone().list_attempts(request).await?.into_inner())
}

async fn refused_attempts_are_forgotten_in_time_and_redemptions_are_not(kind: Kind) {
    let world = World::with(kind, Policy { keep_attempts_days: 10, ..Policy::default() }).await;
    let acme = world.provider().await;
    acme.directory("123456", Limits { models: vec!["CP-7832".to_owned()], ..Limits::default() }).await;
    let (_, digits) = acme.one().await;
    world.typed(&digits, 1).await.expect("redeemed");
    world.typed(&digits, 1).await.expect("repeated");
    assert_refused(world.typed("123456", 2).await);
    world.clock.advance(DAY * 9);
    assert_refused(world.typed("123456", 3).await);
    assert_eq!(acme.outcomes().await, ["wrong_model", "wrong_model", "repeated", "redeemed"]);
    world.clock.advance(DAY + DAY / 2);
    // Whoever guesses next, at whatever, lets time do its work.
    assert_refused(world.typed("000000", 4).await);
    assert_eq!(acme.outcomes().await, ["wrong_model", "repeated", "redeemed"]);
    world.clock.advance(DAY * 10);
    assert_refused(world.typed("000000", 4).await);
    assert_eq!(acme.outcomes().await, ["repeated", "redeemed"]);
}

async fn the_attempts_at_a_code_are_read_by_its_provider_only(kind: Kind) {
    let world = World::new(kind).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    let code = acme.directory("123456", Limits::default()).await;
    world.typed("123456", 1).await.expect("redeemed");
    assert_eq!(attempts(&acme, &code.id).await.expect("its attempts").attempts.len(), 1);
    let unknown = because(ErrorKind::NotFound, "unknown_code");
    assert_eq!(refused(attempts(&other, &code.id).await), unknown);
    assert_eq!(refused(attempts(&acme, "cod_zzzzzzzzzzzzzzzzzzzz").await), unknown);
    assert_eq!(refused(attempts(&acme, "1").await), unknown);
}

/// The code that guesses at nothing are about is shown to nobody, and nobody can make anything of it.
async fn nobodys_code_is_nobodys(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let mut code = acme.directory("12345", Limits { registered_only: true, ..Limits::default() }).await;
    assert_refused(world.typed("000000", 1).await);
    let all = ListCodesRequest { limit: 10, ..ListCodesRequest::default() };
    let all = onboarding(&world.service).list_codes(all).await.expect("codes").into_inner();
    assert_eq!(all.codes.iter().map(|code| code.id.as_str()).collect::<Vec<_>>(), [code.id.as_str()]);
    code.id = "cod_00000000000000000000".to_owned();
    assert_eq!(refused(world.decide(&code, true, "").await), because(ErrorKind::NotFound, "unknown_code"));
}

on_each_database!(
    refused_attempts_are_forgotten_in_time_and_redemptions_are_not,
    the_attempts_at_a_code_are_read_by_its_provider_only,
    nobodys_code_is_nobodys,
);

//! Every refusal is the same answer; the provider sees the true reason.

use contracts::onboarding::{Limits, RedeemRequest};
use onboarding::Onboarding;
use prometheus_client::registry::Registry;
use rpc::{Failure, Peer, RpcMetrics, local};
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

async fn what_is_not_a_code_is_told_apart_without_repeating_it(kind: Kind) {
    let world = World::new(kind).await;
    for code in ["", "#", "12", "12345678901234567", "541401125617381x"] {
        let failure = world.typed(code, 1).await.expect_err("a refusal");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "malformed_activation_code"));
        assert!(failure.message.contains("3 to 16 digits"), "{}", failure.message);
        assert!(code.len() < 5 || !failure.message.contains(code), "{}", failure.message);
    }
    let nobody = RedeemRequest { mac: 0, ..request("123456", 1) };
    assert_eq!(refused(world.redeem(nobody).await), because(ErrorKind::Malformed, "invalid_mac"));
    let nowhere = RedeemRequest { source: "here".to_owned(), ..request("123456", 1) };
    assert_eq!(refused(world.redeem(nowhere).await), because(ErrorKind::Malformed, "invalid_source"));
}

async fn only_the_gateway_may_ask(kind: Kind) {
    let world = World::new(kind).await;
    let service: Onboarding = world.service.clone();
    let road = local(service.server(), Peer::Onboarding, RpcMetrics::register(&mut Registry::default()));
    let mut client = contracts::onboarding::onboarding_service_client::OnboardingServiceClient::new(road);
    let answer = client.redeem(request("123456", 1)).await;
    assert_eq!(Failure::from(answer.expect_err("a refusal")).kind, ErrorKind::Forbidden);
}

async fn every_limit_refuses_alike_and_its_provider_sees_why(kind: Kind) {
    let world = World::lenient(kind).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    other.register(9).await;
    let now = world.now();
    let limits = Limits::default;
    let one = |text: &str| vec![text.to_owned()];
    for (digits, limits, phone, reason) in [
        ("100001", Limits { from: now + 1, ..limits() }, 1, "too_early"),
        ("100002", Limits { until: now, ..limits() }, 1, "too_late"),
        ("100003", Limits { models: one("CP-8841-3PCC"), ..limits() }, 1, "wrong_model"),
        ("100004", Limits { networks: one("198.51.100.0/24"), ..limits() }, 1, "wrong_network"),
        ("100005", Limits { registered_only: true, ..limits() }, 1, "not_registered"),
        ("100006", Limits { macs: vec![mac(2)], ..limits() }, 1, "wrong_phone"),
        ("100007", limits(), 9, "owned_by_other"),
    ] {
        acme.directory(digits, limits).await;
        assert_refused(world.typed(&format!("#{digits}"), phone).await);
        assert_eq!(acme.outcomes().await.first().map(String::as_str), Some(reason), "{digits}");
    }
    assert_refused(world.typed("999999", 1).await);
    assert_eq!(acme.attempts().await.len(), 7);
    assert_eq!(other.attempts().await.len(), 0);
    assert!(acme.device(1).await.is_none());
    assert_eq!(other.device(9).await.expect("still its own").note, "reception");
}

async fn a_used_an_expired_and_a_revoked_personal_code_are_refused_alike(kind: Kind) {
    let world = World::lenient(kind).await;
    let acme = world.provider().await;
    let (_, used) = acme.one().await;
    world.typed(&used, 1).await.expect("redeemed");
    assert_refused(world.typed(&used, 2).await);
    let (revoked, digits) = acme.one().await;
    acme.revoke(&revoked).await.expect("revoked");
    assert_refused(world.typed(&digits, 2).await);
    let (_, expired) = acme.one().await;
    world.clock.advance(DAY * 7);
    assert_refused(world.typed(&expired, 2).await);
    assert_eq!(acme.outcomes().await, ["expired", "revoked", "used", "redeemed"]);
}

async fn a_queued_a_refused_and_a_withdrawn_directory_code_are_refused_alike(kind: Kind) {
    let mut policy = onboarding::Policy { ceiling_days: 0, ..onboarding::Policy::default() };
    policy.budgets.length_per_day = [1_000; 14];
    let world = World::with(kind, policy).await;
    let acme = world.provider().await;
    let queued = acme.directory("12345", Limits::default()).await;
    assert_refused(world.typed("12345", 1).await);
    world.decide(&queued, false, "a competitor's number").await.expect("refused");
    assert_refused(world.typed("12345", 1).await);
    let open = acme.directory("123456", Limits::default()).await;
    acme.revoke(&open).await.expect("withdrawn");
    assert_refused(world.typed("123456", 1).await);
    assert_eq!(acme.outcomes().await, ["revoked", "not_open", "not_open"]);
}

async fn what_was_granted_in_vain_is_given_back(kind: Kind) {
    let world = World::lenient(kind).await;
    let acme = world.provider().await;
    let (personal, digits) = acme.one().await;
    let limits = Limits { activations: 1, ..Limits::default() };
    let directory = acme.directory("123456", limits).await;
    acme.freeze().await;
    assert_refused(world.typed(&digits, 1).await);
    assert_refused(world.typed("123456", 1).await);
    let (personal, directory) = (acme.code(&personal).await, acme.code(&directory).await);
    assert_eq!((personal.redeemed_by, personal.activations, directory.activations), (0, 0, 0));
    assert_eq!(personal.state(), contracts::onboarding::CodeState::Open);
    assert_eq!(acme.outcomes().await, ["provider_frozen", "redeemed", "provider_frozen", "redeemed"]);
}

on_each_database!(
    what_is_not_a_code_is_told_apart_without_repeating_it,
    only_the_gateway_may_ask,
    every_limit_refuses_alike_and_its_provider_sees_why,
    a_used_an_expired_and_a_revoked_personal_code_are_refused_alike,
    a_queued_a_refused_and_a_withdrawn_directory_code_are_refused_alike,
    what_was_granted_in_vain_is_given_back,
);

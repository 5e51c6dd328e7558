//! How safe codes are, told in numbers, and what is too risky refused.

use contracts::onboarding::{ExtendPersonalCodeRequest, GetRiskRequest, Limits, Risk};
use onboarding::Policy;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

async fn risk(world: &World, length: u32) -> Risk {
    let risks = onboarding(&world.service).get_risk(GetRiskRequest {}).await.expect("risks").into_inner().risks;
    assert_eq!(risks.iter().map(|risk| risk.length).collect::<Vec<_>>(), (3..=16).collect::<Vec<_>>());
    risks.into_iter().find(|risk| risk.length == length).expect("a risk")
}

async fn a_code_above_the_ceiling_is_refused_with_what_would_help(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    assert!(risk(&world, 6).await.expected_days.is_infinite());
    let made = acme.try_directory("123456", Limits::default()).await.expect("a code");
    assert_eq!(made.risk.as_ref().map(|risk| risk.expected_days), Some(500.000_5));
    assert_eq!(risk(&world, 6).await, made.risk.expect("a risk"));
    acme.directory("123457", Limits::default()).await;
    let failure = acme.try_directory("123458", Limits::default()).await.expect_err("a third is too many");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "risk_too_high"));
    for word in ["250 days", "300", "7 digits or more", "networks", "models", "registered"] {
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    assert!(!failure.message.contains("123458"));
    // What brings it under does.
    acme.directory("123458", Limits { registered_only: true, ..Limits::default() }).await;
    acme.directory("123459", Limits { models: vec!["CP-8841-3PCC".to_owned()], ..Limits::default() }).await;
    assert!((risk(&world, 6).await.live_codes - 2.1).abs() < 1e-9);
    for (limits, is_allowed) in [
        (Limits::default(), false),
        (Limits { models: vec!["CP-8841-3PCC".to_owned()], ..Limits::default() }, false),
        (Limits { networks: vec!["192.0.2.0/24".to_owned()], ..Limits::default() }, true),
    ] {
        assert_eq!(acme.try_directory("123", limits.clone()).await.is_ok(), is_allowed, "{limits:?}");
    }
}

async fn opening_a_limited_code_is_judged_too_and_narrowing_one_never(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (one, two) =
        (acme.directory("123456", Limits::default()).await, acme.directory("123457", Limits::default()).await);
    let registered = Limits { registered_only: true, ..Limits::default() };
    let third = acme.directory("123458", registered.clone()).await;
    assert_eq!(refused(acme.change(&third, Limits::default()).await), because(ErrorKind::Conflict, "risk_too_high"));
    acme.change(&one, registered).await.expect("narrowed");
    acme.change(&third, Limits::default()).await.expect("now there is room");
    acme.revoke(&two).await.expect("withdrawn");
    assert!((risk(&world, 6).await.live_codes - 1.0).abs() < 1e-9);
    let closed = acme.change(&two, Limits::default()).await;
    assert_eq!(refused(closed), because(ErrorKind::Conflict, "code_closed"));
}

/// Nobody could hit it meanwhile, and others were made: it is judged like a new one.
async fn a_code_whose_time_is_over_is_judged_when_it_is_prolonged(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let until = |until| Limits { until, ..Limits::default() };
    let ended = acme.directory("123450", until(world.now() + 1)).await;
    world.clock.advance(DAY);
    let live = acme.directory("123451", Limits::default()).await;
    acme.directory("123452", Limits::default()).await;
    let later = world.now() + 1_000_000;
    assert_eq!(refused(acme.change(&ended, until(later)).await), because(ErrorKind::Conflict, "risk_too_high"));
    acme.change(&live, until(later)).await.expect("it is not more than before");
    acme.revoke(&live).await.expect("withdrawn");
    acme.change(&ended, until(later)).await.expect("now there is room");
    assert!((risk(&world, 6).await.live_codes - 2.0).abs() < 1e-9);
}

async fn so_is_a_personal_one(kind: Kind) {
    let mut policy = Policy { ceiling_days: 4_000_000_000, ..Policy::default() };
    policy.budgets.length_per_day[13] = 1_000_000;
    let world = World::with(kind, policy).await;
    let acme = world.provider().await;
    let (ended, _) = acme.one().await;
    world.clock.advance(DAY * 8);
    let (live, _) = acme.one().await;
    let extend = async || {
        let (provider_id, code_id) = (acme.id.clone(), ended.id.clone());
        let request = ExtendPersonalCodeRequest { provider_id, code_id, expires_at: world.now() + 1 };
        acme.codes.clone().extend_personal_code(request).await.map_err(rpc::Failure::from)
    };
    assert_eq!(refused(extend().await), because(ErrorKind::Conflict, "risk_too_high"));
    acme.revoke(&live).await.expect("revoked");
    extend().await.expect("now there is room");
    extend().await.expect("it is not more than before");
}

on_each_database!(
    a_code_above_the_ceiling_is_refused_with_what_would_help,
    opening_a_limited_code_is_judged_too_and_narrowing_one_never,
    a_code_whose_time_is_over_is_judged_when_it_is_prolonged,
    so_is_a_personal_one,
);

//! The life of a personal code.

use std::collections::BTreeSet;

use contracts::onboarding::{
    CodeState, CreatePersonalCodesRequest, ExtendPersonalCodeRequest, Limits, ListCodesRequest, RedeemRequest,
};
use rpc::Failure;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

const WEEK: i64 = 7 * 86_400_000_000;

async fn ten_thousand_codes_are_made_in_one_call(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let wish = CreatePersonalCodesRequest { count: 10_000, note: "é".repeat(200), ..Default::default() };
    let made = acme.personal(wish).await.expect("codes");
    let digits: BTreeSet<&str> = made.codes.iter().map(|code| code.digits.as_str()).collect();
    assert_eq!(digits.len(), 10_000);
    assert!(digits.iter().all(|digits| digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit())));
    assert_eq!(made.risk.map(|risk| (risk.length, risk.live_codes)), Some((16, 10_000.0)));
    let last = made.codes.last().expect("a code");
    world.typed(&last.digits, 1).await.expect("redeemed");
    let listed = acme.list(ListCodesRequest::default()).await;
    assert_eq!(listed.outstanding, 9_999);
    for count in [10_001, 20_000] {
        let wish = CreatePersonalCodesRequest { count, ..Default::default() };
        assert_eq!(refused(acme.personal(wish).await), because(ErrorKind::Malformed, "invalid_count"));
    }
}

async fn a_code_lives_a_week_unless_told_otherwise_and_30_days_at_most(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (code, digits) = acme.one().await;
    assert_eq!((code.expires_at - world.now(), code.digits.as_str()), (WEEK, ""));
    let too_long = CreatePersonalCodesRequest { lifetime_seconds: 30 * 86_400 + 1, ..Default::default() };
    assert_eq!(refused(acme.personal(too_long).await), because(ErrorKind::Malformed, "invalid_lifetime"));
    let extend = async |expires_at| {
        let request = ExtendPersonalCodeRequest { provider_id: acme.id.clone(), code_id: code.id.clone(), expires_at };
        acme.codes.clone().extend_personal_code(request).await.map_err(Failure::from)
    };
    world.clock.advance(DAY * 8);
    assert_eq!(acme.code(&code).await.state(), CodeState::Expired);
    assert_refused(world.typed(&digits, 1).await);
    let month = code.created_at + 30 * 86_400_000_000;
    assert_eq!(refused(extend(month + 1).await), because(ErrorKind::Malformed, "invalid_lifetime"));
    assert_eq!(refused(extend(world.now()).await), because(ErrorKind::Malformed, "invalid_lifetime"));
    let extended = extend(month).await.expect("extended").into_inner().code.expect("a code");
    assert_eq!((extended.state(), extended.expires_at), (CodeState::Open, month));
    world.typed(&digits, 1).await.expect("redeemed");
    assert_eq!(refused(extend(month).await), because(ErrorKind::Conflict, "code_used"));
    assert_eq!(refused(acme.revoke(&code).await), because(ErrorKind::Conflict, "code_used"));
    let code = acme.code(&code).await;
    assert_eq!((code.redeemed_by, code.redeemed_at, code.state()), (mac(1), world.now(), CodeState::Redeemed));
}

async fn a_bound_code_is_for_its_phone_or_its_model(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let made = acme.personal(CreatePersonalCodesRequest { mac: mac(7), ..Default::default() }).await.expect("a code");
    let bound = made.codes.into_iter().next().expect("a code");
    assert_eq!(bound.code.map(|code| code.mac), Some(mac(7)));
    assert_refused(world.typed(&bound.digits, 1).await);
    world.typed(&bound.digits, 7).await.expect("its phone");

    let wish = CreatePersonalCodesRequest { model: "CP-8841-3PCC".to_owned(), count: 2, ..Default::default() };
    let made = acme.personal(wish).await.expect("codes");
    let digits = &made.codes.first().expect("a code").digits;
    assert_refused(world.typed(digits, 2).await);
    world.redeem(RedeemRequest { model: "cp-8841-3pcc".to_owned(), ..request(digits, 2) }).await.expect("its model");
    assert_eq!(acme.outcomes().await, ["redeemed", "wrong_model", "redeemed", "wrong_phone"]);
    let many = CreatePersonalCodesRequest { mac: mac(7), count: 2, ..Default::default() };
    assert_eq!(refused(acme.personal(many).await), because(ErrorKind::Malformed, "invalid_mac"));
}

async fn a_profile_that_is_not_the_providers_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    let (mut acme, other) = (world.provider().await, world.provider().await);
    acme.profile = other.profile;
    let answer = acme.personal(CreatePersonalCodesRequest::default()).await;
    assert_eq!(refused(answer), because(ErrorKind::Malformed, "unknown_profile"));
    let answer = acme.try_directory("123456", Limits::default()).await;
    assert_eq!(refused(answer), because(ErrorKind::Malformed, "unknown_profile"));
}

on_each_database!(
    ten_thousand_codes_are_made_in_one_call,
    a_code_lives_a_week_unless_told_otherwise_and_30_days_at_most,
    a_bound_code_is_for_its_phone_or_its_model,
    a_profile_that_is_not_the_providers_is_refused,
);

//! The life of a directory code.

use contracts::onboarding::{
    self as wire, ChangeDirectoryCodeRequest, CodeState, Limits, ListCodesRequest, RedeemRequest,
};
use onboarding::Policy;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::*;

async fn a_long_code_is_open_at_once_and_many_phones_use_it(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let code = acme.directory("# 123-456", Limits::default()).await;
    assert_eq!((code.state(), code.kind(), code.digits.as_str()), (CodeState::Open, wire::Kind::Directory, "123456"));
    acme.register(1).await;
    for phone in 1..=5 {
        let said = RedeemRequest {
            model: "CP-7832-3PCC".to_owned(),
            serial: format!("FCH{phone}"),
            ..request("#123456", phone)
        };
        let answer = world.redeem(said).await.expect("redeemed");
        assert_eq!((answer.provider_id, answer.profile_id), (acme.id.clone(), acme.profile.clone()));
    }
    let (known, new) = (acme.device(1).await.expect("a phone"), acme.device(2).await.expect("a phone"));
    assert_eq!((known.serial.as_str(), known.note.as_str()), ("FCH1", "reception"));
    assert_eq!((new.serial.as_str(), new.model.as_str()), ("FCH2", "CP-7832-3PCC"));
    assert_eq!(acme.code(&code).await.activations, 5);
    let attempt = acme.attempts().await.remove(0);
    assert_eq!((attempt.mac, attempt.model.as_str(), attempt.source.as_str()), (mac(5), "CP-7832-3PCC", HOME));
    assert_eq!((attempt.at, attempt.code_id), (world.now(), code.id));
}

async fn a_registered_phone_with_another_serial_number_is_not_believed(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    acme.directory("123456", Limits::default()).await;
    acme.register(1).await;
    assert_refused(world.redeem(RedeemRequest { serial: "FCH2".to_owned(), ..request("#123456", 1) }).await);
    assert_eq!(acme.outcomes().await, ["wrong_phone"]);
}

async fn sixteen_digits_are_two_namespaces(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let (_, digits) = acme.one().await;
    acme.directory(&digits, Limits::default()).await;
    world.typed(&format!("#{digits}"), 1).await.expect("the directory code");
    world.typed(&digits, 2).await.expect("the personal code");
    world.typed(&format!("#{digits}"), 3).await.expect("the directory code");
    assert_refused(world.typed(&digits, 4).await);
}

async fn a_short_code_waits_for_an_operator(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let registered = Limits { registered_only: true, ..Limits::default() };
    let code = acme.directory("123", registered.clone()).await;
    assert_eq!(code.state(), CodeState::Queued);
    acme.register(1).await;
    assert_refused(world.typed("123", 1).await);
    for _ in 0..2 {
        let approved = world.decide(&code, true, "").await.expect("approved");
        assert_eq!(approved.state(), CodeState::Open);
    }
    assert_eq!(refused(world.decide(&code, false, "late").await), because(ErrorKind::Conflict, "code_decided"));
    world.typed("123", 1).await.expect("redeemed");

    let other = acme.directory("124", registered).await;
    assert_eq!(refused(world.decide(&other, false, " ").await), because(ErrorKind::Malformed, "invalid_reason"));
    let told = world.decide(&other, false, "an emergency number").await.expect("refused");
    assert_eq!((told.state(), told.refusal.as_str()), (CodeState::Refused, "an emergency number"));
    assert!(world.suggest("124", 0, 0).await.is_free);
}

async fn digits_belong_to_one_provider_and_rest_when_withdrawn(kind: Kind) {
    let world = World::new(kind).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    let code = acme.directory("123456", Limits::default()).await;
    let taken = because(ErrorKind::Conflict, "code_taken");
    assert_eq!(refused(other.try_directory("123456", Limits::default()).await), taken);
    assert!(!world.suggest("123456", 0, 0).await.is_free);
    for _ in 0..2 {
        assert_eq!(acme.revoke(&code).await.expect("withdrawn").state(), CodeState::Revoked);
    }
    let foreign = other.revoke(&code).await;
    assert_eq!(refused(foreign), because(ErrorKind::NotFound, "unknown_code"));
    world.clock.advance(DAY * 89);
    assert_eq!(refused(acme.try_directory("123456", Limits::default()).await), taken);
    world.clock.advance(DAY);
    assert!(world.suggest("#123456", 0, 0).await.is_free);
    other.directory("123456", Limits::default()).await;
    assert_eq!(world.typed("#123456", 1).await.expect("the new owner's").provider_id, other.id);
}

async fn suggestions_are_free(kind: Kind) {
    let world = World::lenient(kind).await;
    let acme = world.provider().await;
    for number in 0..40 {
        acme.directory(&format!("{:03}", number * 25), Limits::default()).await;
    }
    let suggested = world.suggest("", 3, 20).await.suggestions;
    assert_eq!(suggested.len(), 20);
    for digits in suggested {
        assert_eq!(digits.len(), 3);
        assert!(world.suggest(&digits, 0, 0).await.is_free, "{digits}");
    }
}

async fn changed_limits_act_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let code = acme.directory("123456", Limits::default()).await;
    world.typed("#123456", 1).await.expect("redeemed");
    let networks = Limits { networks: vec!["198.51.100.0/24".to_owned()], ..Limits::default() };
    let changed = acme.change(&code, networks.clone()).await.expect("changed");
    assert_eq!(changed.limits, Some(networks));
    assert_refused(world.typed("#123456", 2).await);
    let macs = Limits { macs: vec![mac(3), mac(4)], ..Limits::default() };
    acme.change(&code, macs.clone()).await.expect("changed");
    assert_eq!(acme.code(&code).await.limits, Some(macs));
    assert_refused(world.typed("#123456", 2).await);
    world.typed("#123456", 3).await.expect("expected");
    acme.change(&code, Limits::default()).await.expect("changed");
    world.typed("#123456", 2).await.expect("redeemed");
    let wrong = acme.change(&code, Limits { networks: vec!["here".to_owned()], ..Limits::default() }).await;
    assert_eq!(refused(wrong), because(ErrorKind::Malformed, "invalid_limits"));
}

async fn a_profile_with_a_secret_cannot_be_reached_by_a_name(kind: Kind) {
    let world = World::new(kind).await;
    let mut acme = world.provider().await;
    let harmless = acme.directory("1234567", Limits::default()).await;
    let main = acme.profile.clone();
    acme.profile = acme.new_profile("keyed", "[--key 0123456789abcdef] https://nps.example/$MA.xml").await;
    let carries = because(ErrorKind::Conflict, "profile_carries_secret");
    assert_eq!(refused(acme.try_directory("123456", Limits::default()).await), carries);
    let request = ChangeDirectoryCodeRequest {
        provider_id: acme.id.clone(),
        code_id: harmless.id.clone(),
        profile_id: acme.profile.clone(),
        ..Default::default()
    };
    let changed = acme.codes.clone().change_directory_code(request).await.map_err(rpc::Failure::from);
    assert_eq!(refused(changed), carries);
    let (_, personal) = acme.one().await;
    world.typed(&personal, 1).await.expect("a personal code may lead there");
    // A secret that the profile is given later is not handed out either.
    let mut redirection = acme.redirection.clone();
    let rule = contracts::redirection::Parameter {
        name: "Profile_Rule".to_owned(),
        value: "[--key 0123456789abcdef] https://nps.example/$MA.xml".to_owned(),
        user_access: "na".to_owned(),
    };
    let request = contracts::redirection::ReplaceProfileRequest {
        provider_id: acme.id.clone(),
        profile_id: main,
        name: "main".to_owned(),
        parameters: vec![rule],
        expected_version: 0,
        proof: contracts::redirection::Proof::Serial.into(),
    };
    redirection.replace_profile(request).await.expect("replaced");
    assert_refused(world.typed("#1234567", 2).await);
    assert_eq!(acme.outcomes().await, ["profile_carries_secret", "redeemed"]);
}

async fn codes_are_listed_by_page_kind_and_state(kind: Kind) {
    let world = World::with(kind, Policy { ceiling_days: 0, ..Policy::default() }).await;
    let (acme, other) = (world.provider().await, world.provider().await);
    for number in 0..5 {
        acme.directory(&format!("10000{number}"), Limits::default()).await;
    }
    acme.directory("123", Limits::default()).await;
    acme.one().await;
    other.one().await;
    let page = acme.list(ListCodesRequest { limit: 4, ..Default::default() }).await;
    assert_eq!((page.codes.len(), page.more, page.outstanding, page.expired), (4, true, 1, 0));
    let after = page.codes.last().expect("a code").id.clone();
    let rest = acme.list(ListCodesRequest { limit: 4, after, ..Default::default() }).await;
    assert_eq!((rest.codes.len(), rest.more), (3, false));
    let queued = ListCodesRequest { state: CodeState::Queued.into(), limit: 9, ..Default::default() };
    assert_eq!(acme.list(queued).await.codes.first().map(|code| code.digits.clone()), Some("123".to_owned()));
    world.clock.advance(DAY * 7);
    let expired = ListCodesRequest { state: CodeState::Expired.into(), limit: 9, ..Default::default() };
    let page = acme.list(expired).await;
    assert_eq!((page.codes.len(), page.outstanding, page.expired), (1, 0, 1));
    assert_eq!(
        page.codes.first().map(|code| (code.kind(), code.digits.clone())),
        Some((wire::Kind::Personal, String::new()))
    );
    let everybody = ListCodesRequest { kind: wire::Kind::Personal.into(), limit: 9, ..Default::default() };
    let all = acme.codes.clone().list_codes(everybody).await.expect("codes").into_inner();
    assert_eq!((all.codes.len(), all.expired), (2, 2));
}

on_each_database!(
    a_long_code_is_open_at_once_and_many_phones_use_it,
    a_registered_phone_with_another_serial_number_is_not_believed,
    sixteen_digits_are_two_namespaces,
    a_short_code_waits_for_an_operator,
    digits_belong_to_one_provider_and_rest_when_withdrawn,
    suggestions_are_free,
    changed_limits_act_at_once,
    a_profile_with_a_secret_cannot_be_reached_by_a_name,
    codes_are_listed_by_page_kind_and_state,
);

//! How a claim must be proven, and what each refusal is called.

use contracts::redirection::{
    Certificate, ClaimByCertificateRequest, ClaimProof, ListClaimRulesRequest, PutClaimRuleRequest, PutDeviceRequest,
    Shipped,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use rpc::{Actor, Failure, within_as};
use std::time::Duration;
use vocabulary::{ErrorKind, ProviderId};

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, World, because, mac, refused};
use crate::wishes::row;

const SERIAL: &str = "FCH2034D0PL";

async fn each_conflict_has_its_name_and_says_what_to_do_next(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    world.claim_rule(mac(0), 40, ClaimProof::Serial).await;
    world.claim_rule(mac(0x100), 40, ClaimProof::Manifest).await;
    world.claim_rule(mac(0x200), 40, ClaimProof::Certificate).await;
    world.shipped(mac(2), SERIAL, "").await;
    world.shipped(mac(0x101), SERIAL, &other.id).await;
    world.shipped(mac(0x102), SERIAL, &acme.id).await;
    world.shipped(mac(0x103), SERIAL, "").await;
    other.put_serial(mac(3), SERIAL).await.expect("theirs");
    other.create_range("Main", (mac(0x300), mac(0x3ff))).await.expect("theirs");
    world.hold(&[mac(4)], true).await;

    let cases = [
        (acme.put_serial(mac(1), "").await, "serial_required", "give the one on the phone's label"),
        (acme.put_serial(mac(2), "FCH0").await, "wrong_serial", "compare with the phone's label"),
        (acme.put_serial(mac(3), SERIAL).await, "device_owned_by_other", "request its transfer"),
        (acme.put_serial(mac(0x300), SERIAL).await, "device_owned_by_other", "request its transfer"),
        (acme.put_serial(mac(4), SERIAL).await, "on_hold", "ask the operator"),
        (acme.put_serial(mac(0x101), SERIAL).await, "not_in_manifest", "ask your supplier"),
        (acme.put_serial(mac(0x103), SERIAL).await, "not_in_manifest", "ask your supplier"),
        (acme.put_serial(mac(0x104), SERIAL).await, "not_in_manifest", "ask your supplier"),
        (acme.put_serial(mac(0x102), "FCH0").await, "wrong_serial", "compare with the phone's label"),
        (acme.put_serial(mac(0x200), SERIAL).await, "certificate_required", "open a window"),
    ];
    let mut messages = Vec::new();
    for (answer, reason, next) in cases {
        let failure: Failure = answer.expect_err(reason);
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, reason));
        assert!(failure.message.contains(next) && !failure.message.contains(&other.id), "{}", failure.message);
        messages.push((reason, failure.message));
    }
    // Whom a phone was sold to makes no difference that can be seen.
    let sold: Vec<_> = messages.iter().filter(|(reason, _)| *reason == "not_in_manifest").collect();
    assert!(sold.windows(2).all(|pair| pair[0] == pair[1]));

    acme.put_serial(mac(1), SERIAL).await.expect("the serial number is stated");
    acme.put_serial(mac(2), "fch2034d0pl").await.expect("the manifest's, in another spelling");
    acme.put_serial(mac(0x102), "").await.expect("the manifest says so");
    acme.put_serial(mac(0x400), "").await.expect("no rule");
    world.hold(&[mac(4)], false).await;
    acme.put_serial(mac(4), SERIAL).await.expect("nobody holds it");
}

async fn what_is_ones_own_is_not_claimed_again(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider_with_profile().await;
    acme.profile("Branch").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    world.claim_rule(0, 0, ClaimProof::Certificate).await;
    world.hold(&[mac(1)], true).await;
    let same = acme.put_device(mac(1), "Main").await.expect("already its own and the same");
    assert!(!same.created && !same.moved && same.device.expect("the phone").on_hold);
    let moved = acme.put_device(mac(1), "Branch").await.expect("it simply moves");
    assert!(!moved.created && moved.moved);
    assert_eq!(refused(acme.delete_device(mac(1)).await), because(ErrorKind::Conflict, "on_hold"));
    // A block is the operator's word: what is in it needs no other proof.
    acme.create_range("Main", (mac(100), mac(199))).await.expect("a block");
    let in_block = acme.get_device(mac(150)).await.expect("its own");
    assert!(in_block.range_id.starts_with("rng_") && in_block.created_at == 0, "{in_block:?}");
    assert!(acme.put_device(mac(150), "Branch").await.expect("its own").created);
}

async fn what_was_sold_to_somebody_above_can_be_claimed(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, reseller) = (world.provider_with_profile().await, world.provider());
    world.claim_rule(0, 0, ClaimProof::Manifest).await;
    world.shipped(mac(1), "", &reseller.id).await;
    let wish = PutDeviceRequest { mac: mac(1), profile: "Main".into(), ..PutDeviceRequest::default() };
    assert_eq!(refused(acme.put(wish.clone()).await).1, "not_in_manifest");
    let ancestors = vec![ProviderId::operator().to_string(), reseller.id];
    acme.put(PutDeviceRequest { ancestors, ..wish.clone() }).await.expect("sold to its reseller");
    let odd = PutDeviceRequest { ancestors: vec!["acme".into()], ..wish };
    assert_eq!(refused(acme.put(odd).await), because(ErrorKind::Malformed, "invalid_ancestors"));
}

async fn a_phone_that_typed_a_code_is_noted_as_such(kind: Kind) {
    let world = World::new(kind, 4).await;
    let acme = world.provider_with_profile().await;
    let mac_address = vocabulary::MacAddress::from_u64(mac(1)).expect("an address");
    let request = PutDeviceRequest {
        provider_id: acme.id.clone(),
        mac: mac(1),
        profile: "Main".into(),
        ..PutDeviceRequest::default()
    };
    let actor = Actor::phone(mac_address, "192.0.2.9", "r-1");
    acme.client.clone().put_device(within_as(&actor, Duration::from_secs(10), request)).await.expect("a phone");
    assert_eq!(world.history(mac(1)).await, [row(&acme, "code", "")]);
}

async fn a_manifest_is_taken_in_whole_or_not_at_all(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider_with_profile().await;
    world.claim_rule(0, 0, ClaimProof::Manifest).await;
    let phone = |number| Shipped { mac: mac(number), sold_to: acme.id.clone(), ..Shipped::default() };
    let all: Vec<Shipped> = (1..=10_000).map(phone).collect();
    let first = world.import(all.clone()).await.expect("a manifest");
    assert_eq!((first.added, first.replaced), (10_000, 0));
    let again = world.import(all[9_000..].iter().cloned().chain([phone(10_001), phone(10_001)]).collect()).await;
    let again = again.expect("a manifest");
    assert_eq!((again.added, again.replaced), (1, 1_000));
    acme.put_device(mac(10_000), "Main").await.expect("in the manifest");

    let wrong = vec![phone(20_000), Shipped { mac: 0, ..phone(1) }];
    let failure = world.import(wrong).await.expect_err("no address");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "invalid_manifest"));
    assert!(failure.message.starts_with("phone 2: "), "{}", failure.message);
    assert_eq!(refused(acme.put_device(mac(20_000), "Main").await).1, "not_in_manifest");
    assert_eq!(refused(world.import(Vec::new()).await).1, "invalid_manifest");
    assert_eq!(refused(world.import(vec![phone(1); 10_001]).await).1, "invalid_manifest");
}

async fn rules_are_listed_most_specific_first_and_checked(kind: Kind) {
    let world = World::new(kind, 6).await;
    world.claim_rule(0, 0, ClaimProof::Serial).await;
    world.claim_rule(mac(0x55), 40, ClaimProof::Manifest).await;
    world.claim_rule(mac(0), 24, ClaimProof::Certificate).await;
    world.claim_rule(mac(0x77), 24, ClaimProof::Open).await;
    let mut operator = world.operator();
    let rules = operator.client.list_claim_rules(ListClaimRulesRequest {}).await.expect("rules").into_inner().rules;
    let told: Vec<_> = rules.iter().map(|rule| (rule.prefix, rule.bits, rule.proof())).collect();
    let expected = [(mac(0), 40, ClaimProof::Manifest), (mac(0), 24, ClaimProof::Open), (0, 0, ClaimProof::Serial)];
    assert_eq!(told, expected);
    for (prefix, bits, proof, reason) in [
        (0, 49, ClaimProof::Open, "invalid_prefix"),
        (1 << 48, 24, ClaimProof::Open, "invalid_prefix"),
        (0, 24, ClaimProof::Unspecified, "invalid_proof"),
    ] {
        let rule = Some(contracts::redirection::ClaimRule { prefix, bits, proof: proof.into() });
        let answer = operator.client.put_claim_rule(PutClaimRuleRequest { rule }).await.map_err(Failure::from);
        assert_eq!(refused(answer), because(ErrorKind::Malformed, reason));
    }
}

/// Rules of small prefixes, so that they nest often; what a claim without any proof is answered by each.
fn naive(rules: &[(u64, u32, ClaimProof)], mac: u64) -> &'static str {
    let begins_alike = |rule: &&(u64, u32, ClaimProof)| {
        (0..rule.1).all(|bit| {
            let place = 47 - bit;
            rule.0 >> place & 1 == mac >> place & 1
        })
    };
    match rules.iter().filter(begins_alike).max_by_key(|rule| rule.1).map(|rule| rule.2) {
        None | Some(ClaimProof::Open | ClaimProof::Unspecified) => "",
        Some(ClaimProof::Serial) => "serial_required",
        Some(ClaimProof::Manifest) => "not_in_manifest",
        Some(ClaimProof::Certificate) => "certificate_required",
    }
}

async fn the_longest_prefix_decides(kind: Kind) {
    let world = World::new(kind, 7).await;
    let acme = world.provider_with_profile().await;
    let proofs = [ClaimProof::Open, ClaimProof::Serial, ClaimProof::Manifest, ClaimProof::Certificate];
    let one = (0..64_u64, 40..=48_u32, prop::sample::select(proofs.to_vec()));
    let strategy = prop::collection::vec(one, 0..12);
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..24 {
        let drawn = strategy.new_tree(&mut runner).expect("rules").current();
        let mut rules: Vec<(u64, u32, ClaimProof)> = Vec::new();
        for (low, bits, proof) in drawn {
            let prefix = mac(low) >> (48 - bits) << (48 - bits);
            rules.retain(|rule| (rule.0, rule.1) != (prefix, bits));
            rules.push((prefix, bits, proof));
            world.claim_rule(mac(low), bits, proof).await;
        }
        for number in (0..64).step_by(3) {
            let answer = acme.put_device(mac(number), "Main").await;
            assert_eq!(reason_of(&answer), naive(&rules, mac(number)), "{number}: {rules:?}");
            if answer.is_ok() {
                acme.delete_device(mac(number)).await.expect("its own");
            }
        }
        for (prefix, bits, _) in rules {
            world.no_claim_rule(prefix, bits).await;
        }
    }
}

fn reason_of<T>(answer: &Result<T, Failure>) -> &str {
    answer.as_ref().err().map_or("", |failure| failure.reason.as_str())
}

async fn a_claim_by_certificate_needs_one(kind: Kind) {
    let world = World::new(kind, 8).await;
    let nobody = Certificate { mac: 0, serial: String::new(), expired: false };
    let request = ClaimByCertificateRequest { certificate: Some(nobody), model: String::new() };
    let mut operator: Provider = world.operator();
    let answer = operator.client.claim_by_certificate(request).await.map_err(Failure::from);
    assert_eq!(refused(answer), because(ErrorKind::Malformed, "invalid_mac"));
    let answer =
        operator.client.claim_by_certificate(ClaimByCertificateRequest::default()).await.map_err(Failure::from);
    assert_eq!(refused(answer), because(ErrorKind::Malformed, "invalid_certificate"));
}

on_each_database!(
    each_conflict_has_its_name_and_says_what_to_do_next,
    what_is_ones_own_is_not_claimed_again,
    what_was_sold_to_somebody_above_can_be_claimed,
    a_phone_that_typed_a_code_is_noted_as_such,
    a_manifest_is_taken_in_whole_or_not_at_all,
    rules_are_listed_most_specific_first_and_checked,
    the_longest_prefix_decides,
    a_claim_by_certificate_needs_one,
);

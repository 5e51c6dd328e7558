//! Times in which phones of a block become a provider's by showing their certificates.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    Certificate, ClaimByCertificateResponse, ClaimProof, ExpiredCertificates, ListWindowsRequest, ProviderPolicy,
    ResolveRequest, SetProviderPolicyRequest,
};
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, START, World, ask, because, certificate, mac, refused};
use crate::wishes::{DAY, row};

const BLOCK: (u64, u64) = (mac(0), mac(99));

async fn may_claim(world: &World, mac: u64) -> bool {
    let question = ResolveRequest { mac, serial: String::new(), certificate: Some(certificate(mac)) };
    match ask(&world.service, question).await {
        Answer::Refusal(refusal) => refusal.may_claim,
        Answer::Redirect(_) => false,
    }
}

fn nobody() -> ClaimByCertificateResponse {
    ClaimByCertificateResponse::default()
}

async fn a_phone_comes_in_once_and_is_counted_once(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider_with_profile().await;
    world.claim_rule(0, 0, ClaimProof::Certificate).await;
    assert_eq!(world.show_certificate(certificate(mac(1))).await, nobody());
    let window = acme.open_window(BLOCK, START + DAY).await.expect("a window");
    assert!(window.id.starts_with("win_") && may_claim(&world, mac(1)).await);
    assert!(!may_claim(&world, mac(100)).await);

    let shown = Certificate { mac: mac(1), serial: "FCH2034D0PL".into(), expired: false };
    let came = world.show_certificate(shown.clone()).await;
    assert_eq!((came.provider_id.as_str(), came.created), (acme.id.as_str(), true));
    let again = world.show_certificate(shown).await;
    assert_eq!(again, ClaimByCertificateResponse { created: false, ..came });
    let device = acme.get_device(mac(1)).await.expect("its own");
    assert_eq!((device.serial.as_str(), device.model.as_str()), ("FCH2034D0PL", "CP-7832"));
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Redirect(_)));
    assert_eq!(world.history(mac(1)).await, [row(&acme, "window", "")]);
    assert_eq!(world.show_certificate(certificate(mac(100))).await, nobody());

    let list = ListWindowsRequest { provider_id: acme.id.clone() };
    let windows = acme.client.clone().list_windows(list).await.expect("a list").into_inner().windows;
    assert_eq!((windows.len(), windows[0].claimed), (1, 1));
}

async fn a_closed_window_lets_nobody_in_also_after_a_restart(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider_with_profile().await;
    let first = acme.open_window(BLOCK, START + DAY).await.expect("a window");
    let world = world.reopened().await;
    let acme = acme.at(&world.service);
    assert!(may_claim(&world, mac(1)).await);
    acme.close_window(&first.id).await.expect("closed");
    acme.close_window(&first.id).await.expect("closed before");
    assert!(!may_claim(&world, mac(1)).await);
    assert_eq!(world.show_certificate(certificate(mac(1))).await, nobody());

    acme.open_window(BLOCK, START + DAY).await.expect("another window");
    world.wait_until_day(1);
    assert!(!may_claim(&world, mac(1)).await);
    assert_eq!(world.show_certificate(certificate(mac(1))).await, nobody());
    let list = ListWindowsRequest { provider_id: acme.id.clone() };
    assert_eq!(acme.client.clone().list_windows(list.clone()).await.expect("both").into_inner().windows.len(), 2);
    world.wait_until_day(31);
    assert!(acme.client.clone().list_windows(list).await.expect("none").into_inner().windows.is_empty());
    let stranger = world.provider_with_profile().await;
    assert_eq!(refused(stranger.close_window(&first.id).await), because(ErrorKind::NotFound, "unknown_window"));
    assert_eq!(refused(acme.close_window("win_x").await).1, "unknown_window");
}

async fn no_two_windows_wait_for_one_phone(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    acme.open_window(BLOCK, START + DAY).await.expect("a window");
    other.create_range("Main", (mac(200), mac(299))).await.expect("a block");
    for (provider, block) in [
        (&other, (mac(99), mac(120))),
        (&other, (0, (1 << 48) - 1)),
        (&other, (mac(5), mac(5))),
        (&acme, (mac(0), mac(0))),
        (&acme, (mac(100), mac(200))),
    ] {
        let failure = provider.open_window(block, START + DAY).await.expect_err("it overlaps");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "window_overlaps"));
        assert!(failure.message.contains("0004f2") && !failure.message.contains("prv_"), "{}", failure.message);
    }
    other.open_window((mac(100), mac(299)), START + DAY).await.expect("beside it, and over its own block");
    world.wait_until_day(1);
    other.open_window(BLOCK, START + 2 * DAY).await.expect("the first is over");
    for (block, until, reason) in [
        ((mac(9), mac(8)), START + 2 * DAY, "invalid_block"),
        ((mac(500), mac(501)), START + DAY, "invalid_until"),
        ((mac(500), mac(501)), START + 31 * DAY + 1, "invalid_until"),
    ] {
        assert_eq!(refused(acme.open_window(block, until).await), because(ErrorKind::Malformed, reason));
    }
    let bare = world.provider();
    assert_eq!(refused(bare.open_window((mac(500), mac(501)), START + 2 * DAY).await).1, "unknown_profile");
}

async fn refuse_expired(provider: &Provider) {
    let expired_certificates = ExpiredCertificates::Refuse.into();
    let policy = Some(ProviderPolicy { expired_certificates, release_unseen_days: 0 });
    let request = SetProviderPolicyRequest { provider_id: provider.id.clone(), policy };
    provider.client.clone().set_provider_policy(request).await.expect("a policy");
}

async fn what_speaks_against_a_phone_keeps_it_out(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    acme.open_window(BLOCK, START + DAY).await.expect("a window");
    other.put_device(mac(1), "Main").await.expect("theirs");
    world.hold(&[mac(2)], true).await;
    world.claim_rule(mac(3), 48, ClaimProof::Manifest).await;
    world.claim_rule(mac(4), 48, ClaimProof::Serial).await;
    world.shipped(mac(4), "FCH2034D0PL", "").await;
    for (number, serial) in [(1, ""), (2, ""), (3, ""), (4, "FCH0")] {
        let shown = Certificate { mac: mac(number), serial: serial.into(), expired: false };
        assert_eq!(world.show_certificate(shown).await, nobody(), "{number}");
    }
    let expired = |number| Certificate { expired: true, ..certificate(mac(number)) };
    assert!(world.show_certificate(expired(5)).await.created, "accepted where the policy says nothing");
    refuse_expired(&acme).await;
    assert_eq!(world.show_certificate(expired(6)).await, nobody());
    assert!(world.show_certificate(certificate(mac(6))).await.created);
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(world.show_certificate(certificate(mac(7))).await, nobody());
}

on_each_database!(
    a_phone_comes_in_once_and_is_counted_once,
    a_closed_window_lets_nobody_in_also_after_a_restart,
    no_two_windows_wait_for_one_phone,
    what_speaks_against_a_phone_keeps_it_out,
);

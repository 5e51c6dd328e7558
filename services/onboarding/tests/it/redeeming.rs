//! What becomes of a code typed on a phone.

use contracts::onboarding::RedeemRequest;
use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use onboarding::Onboarding;
use prometheus_client::registry::Registry;
use rpc::{Failure, Peer, RpcMetrics};
use vocabulary::ErrorKind;

const PHONE: u64 = 0x0004_f2aa_bbcc;

async fn refused(code: &str, mac: u64, caller: Peer) -> Failure {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let mut client = OnboardingServiceClient::new(rpc::local(Onboarding.server(), caller, metrics));
    let answer = client.redeem(RedeemRequest { code: code.to_owned(), mac }).await;
    Failure::from(answer.expect_err("no code has been issued"))
}

#[tokio::test]
async fn every_well_formed_code_is_refused_alike() {
    for code in ["5414011256173816", "5414-0112-5617-3816", "#123", "123", " #12 34 "] {
        let failure = refused(code, PHONE, Peer::Gateway).await;
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::NotFound, "invalid_activation_code"), "{code}");
        assert_eq!(failure.message, "Invalid activation code");
    }
}

#[tokio::test]
async fn what_is_not_a_code_is_told_apart_without_repeating_it() {
    for code in ["", "#", "12", "12345678901234567", "541401125617381x"] {
        let failure = refused(code, PHONE, Peer::Gateway).await;
        assert_eq!(
            (failure.kind, failure.reason.as_str()),
            (ErrorKind::Malformed, "malformed_activation_code"),
            "{code}"
        );
        assert!(failure.message.contains("3 to 16 digits"), "{}", failure.message);
        assert!(code.len() < 5 || !failure.message.contains(code), "{}", failure.message);
    }
}

#[tokio::test]
async fn what_is_not_a_phone_is_refused() {
    let failure = refused("5414011256173816", 0, Peer::Gateway).await;
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "invalid_mac"));
}

#[tokio::test]
async fn only_the_gateway_may_ask() {
    let failure = refused("5414011256173816", PHONE, Peer::Onboarding).await;
    assert_eq!(failure.kind, ErrorKind::Forbidden);
}

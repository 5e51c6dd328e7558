//! Several processes on one database: what one writes, the others answer; and without it all go on answering.

use std::time::Duration;

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    DeleteRangeRequest, ExpiredCertificates, Parameter, Profile, Proof, ProviderPolicy, Refusal, RefusalReason,
    ResolveRequest, SealFormat, SetProviderPolicyRequest,
};
use redirection::Redirection;
use storage::on_each_database;
use storage::testing::{Kind, Server, TestDatabase};
use tokio::time::timeout;
use vocabulary::ErrorKind;

use crate::support::{World, ask, certificate, mac, refusal, resolve, rule};
use crate::wishes::DAY;

/// Far longer than it takes, so that only what never comes is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until the answer is `expected`.
async fn until_answered(service: &Redirection, question: ResolveRequest, expected: &Answer) {
    let asking = async { while ask(service, question.clone()).await != *expected {} };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never answered with {expected:?}"));
}

fn of(number: u64) -> ResolveRequest {
    ResolveRequest { mac: mac(number), serial: String::new(), certificate: None }
}

/// Both answer the question alike, the one that wrote at once.
async fn alike(world: &World, other: &Redirection, question: ResolveRequest) -> Answer {
    let answer = ask(&world.service, question.clone()).await;
    until_answered(other, question, &answer).await;
    answer
}

async fn what_one_writes_the_other_answers(kind: Kind) {
    let world = World::new(kind, 1).await;
    let other = world.opened_again().await;
    let acme = world.provider();
    let profile = acme.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    assert!(matches!(alike(&world, &other, of(1)).await, Answer::Redirect(_)));
    acme.set_key(mac(1), SealFormat::Aes128gcm, &[7; 16]).await.expect("a key");
    let Answer::Redirect(sealed) = alike(&world, &other, of(1)).await else { panic!("a redirect") };
    assert!(sealed.seal.is_some());
    let parameters: Vec<Parameter> = vec![rule("https://new.example/")];
    acme.replace_profile(&Profile { parameters, ..profile.clone() }, 0).await.expect("the profile");
    let Answer::Redirect(replaced) = alike(&world, &other, of(1)).await else { panic!("a redirect") };
    assert_eq!(replaced.profile_version, 2);
    let range = acme.create_range("Main", (mac(100), mac(200))).await.expect("a block");
    assert!(matches!(alike(&world, &other, of(150)).await, Answer::Redirect(_)));
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(alike(&world, &other, of(1)).await, refusal(RefusalReason::ProviderFrozen, &acme.id));
    acme.set_frozen(false).await.expect("free");
    assert!(matches!(alike(&world, &other, of(1)).await, Answer::Redirect(_)));
    let request = DeleteRangeRequest { provider_id: acme.id.clone(), range_id: range.id };
    acme.client.clone().delete_range(request).await.expect("deleted");
    acme.delete_device(mac(1)).await.expect("released");
    for number in [150, 1] {
        assert_eq!(alike(&world, &other, of(number)).await, refusal(RefusalReason::NoProvider, ""));
    }
    acme.delete_profile(&profile.id).await.expect("nothing goes to it");
    // Who writes elsewhere has to do with what was written here.
    assert_eq!(acme.at(&other).put_device(mac(1), "Main").await.expect_err("gone").reason, "unknown_profile");
    acme.at(&other).profile("Other").await;
    acme.put_device(mac(2), "Other").await.expect("written there, used here");
    assert!(matches!(world.resolve(mac(2), "").await, Answer::Redirect(_)));
}

async fn policies_and_windows_are_known_to_all(kind: Kind) {
    let world = World::new(kind, 2).await;
    let other = world.opened_again().await;
    let acme = world.provider();
    acme.create_proven(Proof::Certificate, "Main", vec![rule("https://nps.example/")]).await.expect("a profile");
    let shown = |number, expired| {
        let certificate = contracts::redirection::Certificate { expired, ..certificate(mac(number)) };
        ResolveRequest { certificate: Some(certificate), ..of(number) }
    };
    acme.put_device(mac(1), "Main").await.expect("a phone");
    assert!(matches!(alike(&world, &other, shown(1, true)).await, Answer::Redirect(_)));
    let policy =
        Some(ProviderPolicy { expired_certificates: ExpiredCertificates::Refuse.into(), ..ProviderPolicy::default() });
    let request = SetProviderPolicyRequest { provider_id: acme.id.clone(), policy };
    acme.client.clone().set_provider_policy(request).await.expect("a policy");
    assert_eq!(alike(&world, &other, shown(1, true)).await, refusal(RefusalReason::ExpiredCertificate, &acme.id));
    let nobodys = |may_claim| {
        Answer::Refusal(Refusal { reason: RefusalReason::NoProvider.into(), provider_id: String::new(), may_claim })
    };
    let window = acme.open_window((mac(10), mac(20)), crate::support::START + DAY).await.expect("a window");
    assert_eq!(alike(&world, &other, shown(15, false)).await, nobodys(true));
    world.advance();
    acme.close_window(&window.id).await.expect("closed");
    assert_eq!(alike(&world, &other, shown(15, false)).await, nobodys(false));
}

on_each_database!(
    threads 4;
    what_one_writes_the_other_answers,
    policies_and_windows_are_known_to_all,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_its_database_phones_are_answered_and_changes_are_refused() {
    let mut server = Server::new();
    let world = World::on(TestDatabase::on(server.admin()).await, 3).await;
    let other = world.opened_again().await;
    let acme = world.provider_with_profile().await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    let known = alike(&world, &other, of(1)).await;
    assert!(matches!(known, Answer::Redirect(_)));

    server.crash();
    let refused = acme.put_device(mac(2), "Main").await.expect_err("no database");
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    for service in [&world.service, &other] {
        assert_eq!(resolve(service, mac(1), "").await, known);
    }
    server.start();
    let again = async { while acme.put_device(mac(2), "Main").await.is_err() {} };
    timeout(PATIENCE, again).await.expect("it is back");
    assert!(matches!(alike(&world, &other, of(2)).await, Answer::Redirect(_)));
}

//! What phones must prove, from the profile as it is made to the answer.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    Certificate, ExpiredCertificates, GetProviderPolicyRequest, MoveDevicesRequest, Profile, Proof, ProviderPolicy,
    PutDeviceRequest, RefusalReason, ResolveRequest, Seal, SealFormat, SetProviderPolicyRequest,
};
use rpc::Failure;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{
    Provider, RULE, World, ask, because, certificate, mac, parameter, refusal, refused, resolve, rule,
};

const SECRET_RULE: &str = "[--key k3y-of-the-phone] https://nps.example/$MA.xml";

fn question(serial: &str, certificate: Option<Certificate>) -> ResolveRequest {
    ResolveRequest { mac: mac(1), serial: serial.to_owned(), certificate }
}

async fn a_secret_is_not_given_to_whoever_says_an_address(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    for parameters in [vec![rule(SECRET_RULE)], vec![rule(RULE), parameter("Password_1_", "x", "na")]] {
        for proof in [Proof::Unspecified, Proof::Mac] {
            let failure = acme.create_proven(proof, "Main", parameters.clone()).await.expect_err("refused");
            assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "secret_needs_proof"));
            assert!(failure.message.contains("proof serial, certificate or sealed"), "{}", failure.message);
        }
    }
    for (number, proof) in (1..).zip([Proof::Serial, Proof::Certificate, Proof::Sealed]) {
        let name = format!("Main {number}");
        let made = acme.create_proven(proof, &name, vec![rule(SECRET_RULE)]).await.expect("a profile");
        assert!(made.carries_secret && made.proof == i32::from(proof));
        assert_eq!(acme.get_profile(&made.id).await.expect("the profile"), made);

        let weaker = Profile { proof: Proof::Mac.into(), ..made.clone() };
        assert_eq!(
            refused(acme.replace_profile(&weaker, 0).await),
            because(ErrorKind::Malformed, "secret_needs_proof")
        );
        let open = Profile { parameters: vec![rule(RULE)], ..weaker };
        let open = acme.replace_profile(&open, 0).await.expect("without the secret");
        assert!(!open.carries_secret && open.proof == i32::from(Proof::Mac));
    }
}

async fn a_profile_states_what_its_phones_must_prove(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.create_proven(Proof::Serial, "Serial", vec![rule(SECRET_RULE)]).await.expect("a profile");
    acme.create_proven(Proof::Certificate, "Certificate", vec![rule(SECRET_RULE)]).await.expect("a profile");
    let phone = |profile: &str| PutDeviceRequest {
        mac: mac(1),
        profile: profile.to_owned(),
        serial: "FCH1".into(),
        ..PutDeviceRequest::default()
    };
    let of = |mac, serial: &str| Some(Certificate { serial: serial.to_owned(), ..certificate(mac) });
    let no = |reason| refusal(reason, &acme.id);

    acme.put(phone("Serial")).await.expect("a phone");
    assert_eq!(ask(&world.service, question("", None)).await, no(RefusalReason::NoSerial));
    for asked in [question("fch1", None), question("", of(mac(1), "")), question("", of(mac(1), "FCH1"))] {
        assert!(matches!(ask(&world.service, asked).await, Answer::Redirect(_)));
    }
    assert_eq!(ask(&world.service, question("", of(mac(1), "FCH2"))).await, no(RefusalReason::WrongSerial));
    assert_eq!(ask(&world.service, question("FCH1", of(mac(2), ""))).await, no(RefusalReason::ForeignCertificate));

    acme.put(phone("Certificate")).await.expect("the phone");
    assert_eq!(ask(&world.service, question("FCH1", None)).await, no(RefusalReason::NoCertificate));
    assert!(matches!(ask(&world.service, question("", of(mac(1), ""))).await, Answer::Redirect(_)));
    assert_eq!(ask(&world.service, question("", of(0, ""))).await, no(RefusalReason::ForeignCertificate));
}

async fn set_policy(provider: &Provider, policy: ProviderPolicy) -> Result<ProviderPolicy, Failure> {
    let request = SetProviderPolicyRequest { provider_id: provider.id.clone(), policy: Some(policy) };
    Ok(provider.client.clone().set_provider_policy(request).await?.into_inner().policy.expect("a policy"))
}

async fn policy(provider: &Provider) -> ProviderPolicy {
    let request = GetProviderPolicyRequest { provider_id: provider.id.clone() };
    let answer = provider.client.clone().get_provider_policy(request).await.expect("a policy");
    answer.into_inner().policy.expect("a policy")
}

async fn expired_certificates_follow_the_providers_policy_also_after_a_restart(kind: Kind) {
    let world = World::new(kind, 3).await;
    let acme = world.provider();
    acme.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    let expired = question("", Some(Certificate { expired: true, ..certificate(mac(1)) }));
    let accept = ProviderPolicy { expired_certificates: ExpiredCertificates::Accept.into(), release_unseen_days: 0 };
    assert_eq!(policy(&acme).await, accept);
    let Answer::Redirect(noted) = ask(&world.service, expired.clone()).await else { panic!("a redirect") };
    assert!(noted.expired_certificate);
    let Answer::Redirect(plain) = ask(&world.service, question("", Some(certificate(mac(1))))).await else {
        panic!("a redirect")
    };
    assert!(!plain.expired_certificate);

    let refuse = ProviderPolicy { expired_certificates: ExpiredCertificates::Refuse.into(), release_unseen_days: 90 };
    assert_eq!(set_policy(&acme, refuse).await.expect("a policy"), refuse);
    let no = refusal(RefusalReason::ExpiredCertificate, &acme.id);
    assert_eq!(ask(&world.service, expired.clone()).await, no);
    let world = world.reopened().await;
    let acme = acme.at(&world.service);
    assert_eq!(ask(&world.service, expired.clone()).await, no);
    assert_eq!(policy(&acme).await, refuse);
    let never = ProviderPolicy { release_unseen_days: 3651, ..refuse };
    assert_eq!(refused(set_policy(&acme, never).await), because(ErrorKind::Malformed, "invalid_policy"));
    assert_eq!(set_policy(&acme, ProviderPolicy::default()).await.expect("a policy"), accept);
    assert_eq!(policy(&acme).await, accept);
    assert!(matches!(ask(&world.service, expired).await, Answer::Redirect(_)));
}

async fn a_phone_with_a_key_gets_sealed_answers(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (acme, stranger) = (world.provider(), world.provider());
    acme.create_proven(Proof::Sealed, "Sealed", vec![rule(SECRET_RULE)]).await.expect("a profile");
    acme.profile("Main").await;
    acme.put_device(mac(1), "Sealed").await.expect("a phone");
    acme.put_device(mac(2), "Main").await.expect("a phone");
    assert_eq!(world.resolve(mac(1), "").await, refusal(RefusalReason::NoKey, &acme.id));

    let key = *b"sixteen bytes 16";
    for number in [1, 2] {
        let device = acme.set_key(mac(number), SealFormat::Aes128gcm, &key).await.expect("a key");
        assert_eq!(device.seal, i32::from(SealFormat::Aes128gcm));
        let Answer::Redirect(redirect) = world.resolve(mac(number), "").await else { panic!("a redirect") };
        assert_eq!(redirect.seal, Some(Seal { format: SealFormat::Aes128gcm.into(), key: key.to_vec() }));
    }
    let world = world.reopened().await;
    let (acme, stranger) = (acme.at(&world.service), stranger.at(&world.service));
    acme.put_device(mac(1), "Main").await.expect("the phone");
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.seal.expect("a seal").key, key);
    assert_eq!(acme.get_device(mac(1)).await.expect("the phone").seal, i32::from(SealFormat::Aes128gcm));

    let password = b"a password of some length";
    acme.set_key(mac(1), SealFormat::Aes256cbc, password).await.expect("another key");
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.seal, Some(Seal { format: SealFormat::Aes256cbc.into(), key: password.to_vec() }));
    acme.set_key(mac(1), SealFormat::Unspecified, b"").await.expect("no key");
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!(redirect.seal, None);

    let invalid = because(ErrorKind::Malformed, "invalid_seal_key");
    assert_eq!(refused(acme.set_key(mac(1), SealFormat::Aes128gcm, b"short").await), invalid);
    assert_eq!(refused(acme.set_key(mac(1), SealFormat::Aes256cbc, b"too short").await), invalid);
    let unknown = because(ErrorKind::NotFound, "unknown_device");
    assert_eq!(refused(stranger.set_key(mac(1), SealFormat::Aes128gcm, &key).await), unknown);
    assert_eq!(refused(acme.set_key(mac(9), SealFormat::Aes128gcm, &key).await), unknown);
}

async fn a_key_does_not_outlive_its_owner(kind: Kind) {
    let world = World::new(kind, 5).await;
    let (acme, other) = (world.provider(), world.provider());
    acme.profile("Main").await;
    other.profile("Main").await;
    for number in [1, 2] {
        acme.put_device(mac(number), "Main").await.expect("a phone");
        acme.set_key(mac(number), SealFormat::Aes128gcm, &[1; 16]).await.expect("a key");
    }
    acme.delete_device(mac(1)).await.expect("released");
    other.put_device(mac(1), "Main").await.expect("claimed");
    let request = MoveDevicesRequest {
        provider_id: acme.id.clone(),
        to_provider_id: other.id.clone(),
        to_profile: "Main".into(),
        macs: vec![mac(2)],
        from_profile: String::new(),
    };
    acme.client.clone().move_devices(request).await.expect("handed over");
    for service in [world.service.clone(), world.opened_again().await] {
        for number in [1, 2] {
            let Answer::Redirect(redirect) = resolve(&service, mac(number), "").await else { panic!("a redirect") };
            assert_eq!((redirect.provider_id.as_str(), redirect.seal), (other.id.as_str(), None));
            let device = other.at(&service).get_device(mac(number)).await.expect("its phone");
            assert_eq!(device.seal, i32::from(SealFormat::Unspecified));
        }
    }
}

on_each_database!(
    a_secret_is_not_given_to_whoever_says_an_address,
    a_profile_states_what_its_phones_must_prove,
    expired_certificates_follow_the_providers_policy_also_after_a_restart,
    a_phone_with_a_key_gets_sealed_answers,
    a_key_does_not_outlive_its_owner,
);

//! A phone's question and its answers.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{Proof, PutDeviceRequest, Redirect, RefusalReason, ResolveRequest};
use rpc::{Failure, Peer};
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{World, ask, certificate, client, mac, parameter, refusal, rule};

async fn a_phone_gets_its_profile_whole(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let parameters = vec![parameter("GPP_A", "x", "rw"), rule("[--key \"a secret\"] https://nps.example/$MA.xml")];
    let profile = acme.create_proven(Proof::Certificate, "Main", parameters.clone()).await.expect("a profile");
    acme.put_device(mac(1), "Main").await.expect("a phone");
    let redirect = Redirect {
        provider_id: acme.id.clone(),
        profile_id: profile.id,
        profile_version: 1,
        parameters,
        seal: None,
        expired_certificate: false,
    };
    let certificate = Some(certificate(mac(1)));
    let question = ResolveRequest { mac: mac(1), serial: String::new(), certificate };
    assert_eq!(ask(&world.service, question).await, Answer::Redirect(redirect));
    assert_eq!(world.resolve(mac(2), "").await, refusal(RefusalReason::NoProvider, ""));
}

async fn a_wrong_serial_number_gets_nothing(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.profile("Main").await;
    let phone = PutDeviceRequest { mac: mac(1), profile: "Main".into(), ..PutDeviceRequest::default() };
    acme.put(PutDeviceRequest { serial: "FCH2034D0PL".into(), ..phone.clone() }).await.expect("a phone");
    for said in ["", "FCH2034D0PL", "fch2034d0pl"] {
        assert!(matches!(world.resolve(mac(1), said).await, Answer::Redirect(_)), "{said}");
    }
    for said in ["FCH2034D0PX", "é", " "] {
        assert_eq!(world.resolve(mac(1), said).await, refusal(RefusalReason::WrongSerial, &acme.id), "{said}");
    }
    acme.put(phone).await.expect("the serial number is no longer known");
    assert!(matches!(world.resolve(mac(1), "FCH2034D0PX").await, Answer::Redirect(_)));
}

async fn what_is_no_phones_address_is_no_question(kind: Kind) {
    let world = World::new(kind, 3).await;
    for mac in [0, 0xffff_ffff_ffff, u64::MAX] {
        let question = ResolveRequest { mac, ..ResolveRequest::default() };
        let failure = client(&world.service, Peer::Gateway).resolve(question).await.map_err(Failure::from);
        let failure = failure.expect_err("no phone's");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "invalid_mac"));
    }
}

async fn the_edge_and_the_activation_codes_may_ask(kind: Kind) {
    let world = World::new(kind, 4).await;
    for caller in [Peer::Gateway, Peer::Onboarding] {
        let question = ResolveRequest { mac: mac(1), ..ResolveRequest::default() };
        client(&world.service, caller).resolve(question).await.expect("an answer");
    }
}

async fn phones_are_answered_when_the_database_is_away(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider();
    acme.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    world.service.ping().await.expect("the database answers");
    world.service.close().await;
    assert!(world.service.ping().await.is_err());
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Redirect(_)));
    let failure = acme.put_device(mac(2), "Main").await.expect_err("no database");
    assert_eq!(failure.kind, ErrorKind::Unavailable);
}

on_each_database!(
    a_phone_gets_its_profile_whole,
    a_wrong_serial_number_gets_nothing,
    what_is_no_phones_address_is_no_question,
    the_edge_and_the_activation_codes_may_ask,
    phones_are_answered_when_the_database_is_away,
);

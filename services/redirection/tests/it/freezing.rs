//! A provider that the operator stops, and restores.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{ListDevicesRequest, ListProfilesRequest, Refusal, RefusalReason};
use vocabulary::ErrorKind;

use crate::support::{RULE, World, because, mac, refused, rule};

#[tokio::test]
async fn a_frozen_provider_reads_but_neither_changes_nor_redirects() {
    let world = World::new(1).await;
    let (acme, other) = (world.provider(), world.provider());
    let profile = acme.profile("Main").await;
    other.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    other.put_device(mac(2), "Main").await.expect("a phone");
    for _ in 0..2 {
        acme.set_frozen(true).await.expect("frozen");
    }

    let frozen = because(ErrorKind::Forbidden, "provider_frozen");
    assert_eq!(refused(acme.create_profile("New", vec![rule(RULE)]).await), frozen);
    assert_eq!(refused(acme.replace_profile(&profile, 0).await), frozen);
    assert_eq!(refused(acme.delete_profile(&profile.id).await), frozen);
    assert_eq!(refused(acme.put_device(mac(1), "Main").await), frozen);
    assert_eq!(refused(acme.put_device(mac(3), "Main").await), frozen);
    assert_eq!(refused(acme.delete_device(mac(1)).await), frozen);

    acme.get_profile(&profile.id).await.expect("reads go on");
    acme.get_device(mac(1)).await.expect("reads go on");
    let profiles = ListProfilesRequest { provider_id: acme.id.clone(), limit: 10, ..ListProfilesRequest::default() };
    assert_eq!(acme.client.clone().list_profiles(profiles).await.expect("a list").into_inner().profiles.len(), 1);
    let devices = ListDevicesRequest { provider_id: acme.id.clone(), limit: 10, ..ListDevicesRequest::default() };
    assert_eq!(acme.client.clone().list_devices(devices).await.expect("a list").into_inner().devices.len(), 1);

    let reason = RefusalReason::ProviderFrozen.into();
    let no = Answer::Refusal(Refusal { reason, provider_id: acme.id.clone() });
    assert_eq!(world.resolve(mac(1), "").await, no);
    assert!(matches!(world.resolve(mac(2), "").await, Answer::Redirect(_)), "the other provider is free");

    let world = world.reopened().await;
    assert_eq!(world.resolve(mac(1), "").await, no);
    let acme = acme.at(&world.service);
    assert_eq!(refused(acme.put_device(mac(3), "Main").await), frozen);
    for _ in 0..2 {
        acme.set_frozen(false).await.expect("restored");
    }
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Redirect(_)));
    acme.put_device(mac(3), "Main").await.expect("changes go on");
}

#[tokio::test]
async fn a_provider_can_be_frozen_before_it_has_anything() {
    let world = World::new(2).await;
    let acme = world.provider();
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(refused(acme.create_profile("New", vec![rule(RULE)]).await).1, "provider_frozen");
}

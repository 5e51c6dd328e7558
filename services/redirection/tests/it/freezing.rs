//! A provider that the operator stops, and restores.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{ListDevicesRequest, ListProfilesRequest, RefusalReason, SetProvidersFrozenRequest};
use rpc::Failure;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{RULE, World, because, mac, refusal, refused, rule};

async fn a_frozen_provider_reads_but_neither_changes_nor_redirects(kind: Kind) {
    let world = World::new(kind, 1).await;
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

    let no = refusal(RefusalReason::ProviderFrozen, &acme.id);
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

async fn a_provider_can_be_frozen_before_it_has_anything(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(refused(acme.create_profile("New", vec![rule(RULE)]).await).1, "provider_frozen");
}

async fn many_providers_are_frozen_at_once_or_none_is(kind: Kind) {
    let world = World::new(kind, 3).await;
    let providers: Vec<_> = (0..50).map(|_| world.provider()).collect();
    for (number, provider) in (1..).zip(&providers) {
        provider.profile("Main").await;
        provider.put_device(mac(number), "Main").await.expect("a phone");
    }
    let mut provider_ids: Vec<String> = providers.iter().map(|provider| provider.id.clone()).collect();
    let mut client = providers[0].client.clone();
    provider_ids.push("prv_x".to_owned());
    let request = SetProvidersFrozenRequest { provider_ids: provider_ids.clone(), frozen: true };
    let failure = client.set_providers_frozen(request).await.map_err(Failure::from);
    assert_eq!(refused(failure), because(ErrorKind::Malformed, "invalid_provider_id"));
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Redirect(_)));

    provider_ids.pop();
    for frozen in [true, false] {
        let request = SetProvidersFrozenRequest { provider_ids: provider_ids.clone(), frozen };
        client.set_providers_frozen(request).await.expect("all at once");
        for number in 1..=50 {
            let is_refused = matches!(world.resolve(mac(number), "").await, Answer::Refusal(_));
            assert_eq!(is_refused, frozen);
        }
    }
    let request = SetProvidersFrozenRequest { provider_ids: vec![providers[0].id.clone(); 100_001], frozen: true };
    let failure = client.set_providers_frozen(request).await.map_err(Failure::from);
    assert_eq!(refused(failure).1, "too_many_providers");
}

on_each_database!(
    a_frozen_provider_reads_but_neither_changes_nor_redirects,
    a_provider_can_be_frozen_before_it_has_anything,
    many_providers_are_frozen_at_once_or_none_is,
);

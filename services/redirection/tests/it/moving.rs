//! Phones handed from one provider to another by who stands above both, many at once.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{MoveDevicesRequest, PutDeviceRequest, SealFormat, TransferState};
use rpc::Failure;
use storage::testing::Kind;
use storage::{Db, on, on_each_database};
use vocabulary::ErrorKind;

use crate::support::{World, because, mac, refused};
use crate::wishes::row;

async fn a_batch_is_handed_over_with_what_is_noted_of_it_and_without_its_keys(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (reseller, acme) = (world.provider_with_profile().await, world.provider_with_profile().await);
    for number in 1..=3 {
        let request = PutDeviceRequest {
            mac: mac(number),
            profile: "Main".into(),
            serial: format!("FCH{number}"),
            note: "desk".into(),
            ..PutDeviceRequest::default()
        };
        reseller.put(request).await.expect("a phone");
    }
    reseller.set_key(mac(1), SealFormat::Aes128gcm, &[7; 16]).await.expect("a key");
    let asked = acme.ask_for(mac(2), "").await.expect("a request");
    let stranger = world.provider_with_profile().await;
    stranger.ask_for(mac(2), "").await.expect("a request");
    world.advance();

    let moved = reseller.move_to(&acme, &[mac(1), mac(2), mac(2)]).await.expect("moved");
    assert_eq!((moved.moved, moved.macs.as_slice()), (2, [mac(1), mac(2)].as_slice()));
    let device = acme.get_device(mac(1)).await.expect("its own");
    assert_eq!((device.serial.as_str(), device.note.as_str(), device.seal), ("FCH1", "desk", 0));
    assert_eq!(device.profile_id, moved.profile_id);
    let Answer::Redirect(redirect) = world.resolve(mac(1), "FCH1").await else { panic!("a redirect") };
    assert_eq!((redirect.provider_id.as_str(), redirect.seal), (acme.id.as_str(), None));
    reseller.get_device(mac(3)).await.expect("still its own");
    assert_eq!(world.history(mac(1)).await, [row(&reseller, "claimed", "moved"), row(&acme, "moved", "")]);
    assert_eq!(acme.state_of(&asked.id).await, TransferState::Done);
    assert_eq!(stranger.transfers().await[0].state(), TransferState::Overtaken);

    // Again, with one more: what has been moved stays as it is.
    let again = reseller.move_to(&acme, &[mac(1), mac(3)]).await.expect("moved");
    assert_eq!(again.macs, [mac(3)]);
}

async fn all_are_moved_or_none(kind: Kind) {
    let world = World::new(kind, 2).await;
    let (reseller, acme) = (world.provider_with_profile().await, world.provider_with_profile().await);
    let stranger = world.provider_with_profile().await;
    reseller.put_device(mac(1), "Main").await.expect("a phone");
    stranger.put_device(mac(2), "Main").await.expect("theirs");
    let failure = reseller.move_to(&acme, &[mac(1), mac(2), mac(3)]).await.expect_err("not all are its own");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::NotFound, "unknown_device"));
    assert!(failure.message.contains("0004f2000002, 0004f2000003"), "{}", failure.message);
    let many: Vec<u64> = (10..20).map(mac).collect();
    let failure = reseller.move_to(&acme, &many).await.expect_err("none is its own");
    assert!(failure.message.contains("0004f200000e, and others"), "{}", failure.message);
    reseller.get_device(mac(1)).await.expect("still its own");

    world.hold(&[mac(1)], true).await;
    let failure = reseller.move_to(&acme, &[mac(1)]).await.expect_err("held");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "on_hold"));
    assert!(failure.message.contains("0004f2000001"), "{}", failure.message);
    world.hold(&[mac(1)], false).await;

    for provider in [&reseller, &acme] {
        provider.set_frozen(true).await.expect("frozen");
        assert_eq!(refused(reseller.move_to(&acme, &[mac(1)]).await).1, "provider_frozen");
        provider.set_frozen(false).await.expect("free");
    }
    assert_eq!(refused(reseller.move_to(&reseller, &[mac(1)]).await), because(ErrorKind::Malformed, "same_provider"));
    assert_eq!(refused(reseller.move_to(&acme, &[]).await), because(ErrorKind::Malformed, "invalid_macs"));
    assert_eq!(refused(reseller.move_to(&acme, &[0]).await), because(ErrorKind::Malformed, "invalid_mac"));
    assert_eq!(refused(reseller.move_to(&world.provider(), &[mac(1)]).await).1, "unknown_profile");
}

async fn all_phones_of_a_profile_are_moved_in_one_call(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (reseller, acme) = (world.provider_with_profile().await, world.provider_with_profile().await);
    reseller.profile("Kept").await;
    // More than one statement takes.
    for number in 1..=1_100 {
        reseller.put_device(mac(number), "Main").await.expect("a phone");
    }
    reseller.put_device(mac(2_000), "Kept").await.expect("a phone");
    let request = MoveDevicesRequest {
        provider_id: reseller.id.clone(),
        to_provider_id: acme.id.clone(),
        to_profile: "main".into(),
        macs: Vec::new(),
        from_profile: "MAIN".into(),
    };
    world.hold(&[mac(1_050)], true).await;
    let answer = reseller.client.clone().move_devices(request.clone()).await.map_err(Failure::from);
    assert_eq!(refused(answer), because(ErrorKind::Conflict, "on_hold"));
    reseller.get_device(mac(1)).await.expect("nothing was moved");
    assert_eq!(world.history(mac(1)).await.len(), 1);
    world.hold(&[mac(1_050)], false).await;

    let moved = reseller.client.clone().move_devices(request.clone()).await.expect("moved").into_inner();
    assert_eq!((moved.moved, moved.macs.len()), (1_100, 1_100));
    reseller.get_device(mac(2_000)).await.expect("still its own");
    for number in [1, 500, 501, 1_100] {
        let Answer::Redirect(redirect) = world.resolve(mac(number), "").await else { panic!("a redirect") };
        assert_eq!(redirect.provider_id, acme.id);
        assert_eq!(world.history(mac(number)).await.len(), 2);
    }
    assert_eq!(reseller.client.clone().move_devices(request).await.expect("none left").into_inner().moved, 0);

    // Each phone is named in the log of both.
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    for provider in [&reseller, &acme] {
        let acts: Vec<String> = rows_of(&db, &provider.id).await;
        assert_eq!(acts.iter().map(|act| act.matches("0004f2").count()).sum::<usize>(), 1_100);
        assert!(acts.iter().all(|act| !act.contains("\"cut\"")));
    }
}

async fn rows_of(db: &Db, provider: &str) -> Vec<String> {
    let rows = "SELECT detail FROM act WHERE verb = 'device.move' AND concerns = $1";
    on!(db.read().await.expect("a reader"), conn => sqlx::query_scalar(rows).bind(provider).fetch_all(conn).await)
        .expect("the acts")
}

on_each_database!(
    a_batch_is_handed_over_with_what_is_noted_of_it_and_without_its_keys,
    all_are_moved_or_none,
    all_phones_of_a_profile_are_moved_in_one_call,
);

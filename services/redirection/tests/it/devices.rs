//! Phones: claimed, described, moved and released, and every way in which that is refused.

use contracts::redirection::PutDeviceRequest;
use contracts::redirection::resolve_response::Answer;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, START, World, because, mac, refused};

fn described(profile: &str) -> PutDeviceRequest {
    PutDeviceRequest {
        mac: mac(1),
        profile: profile.to_owned(),
        serial: " FCH2034D0PL ".into(),
        model: "CP-7832-3PCC".into(),
        note: "Zoë's desk".into(),
        ..PutDeviceRequest::default()
    }
}

async fn putting_a_phone_twice_changes_nothing_the_second_time(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let main = acme.profile("Main").await;
    let first = acme.put(described("MAIN")).await.expect("a phone");
    assert!(first.created && first.moved);
    let device = first.device.expect("a phone");
    assert_eq!((device.profile_id.as_str(), device.serial.as_str()), (main.id.as_str(), "FCH2034D0PL"));
    assert_eq!((device.model.as_str(), device.note.as_str()), ("CP-7832-3PCC", "Zoë's desk"));
    assert_eq!((device.mac, device.created_at, device.changed_at), (mac(1), START, START));

    world.advance();
    let second = acme.put(described(&main.id)).await.expect("the phone");
    assert!(!second.created && !second.moved);
    assert_eq!(second.device, Some(device.clone()));
    assert_eq!(acme.get_device(mac(1)).await.expect("the phone"), device);
}

async fn a_phone_is_described_anew_and_moved(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    acme.profile("Main").await;
    let branch = acme.profile("Branch").await;
    acme.put(described("Main")).await.expect("a phone");
    world.advance();

    let noted = acme.put(PutDeviceRequest { note: String::new(), ..described("Main") }).await.expect("the phone");
    assert!(!noted.created && !noted.moved);
    let device = noted.device.expect("the phone");
    assert_eq!((device.note.as_str(), device.created_at, device.changed_at), ("", START, START + 1_000_000));

    let moved = acme.put_device(mac(1), "branch").await.expect("the phone");
    assert!(!moved.created && moved.moved);
    assert_eq!(acme.get_device(mac(1)).await.expect("the phone").profile_id, branch.id);
    let Answer::Redirect(redirect) = world.resolve(mac(1), "ANY").await else { panic!("a redirect") };
    assert_eq!(redirect.profile_id, branch.id);
}

async fn a_released_phone_can_be_anothers(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, other) = (world.provider(), world.provider());
    acme.profile("Main").await;
    let theirs = other.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    let failure = other.put_device(mac(1), "Main").await.expect_err("it is another's");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Conflict, "device_owned_by_other"));
    assert!(failure.message.contains("ask its present owner to release it") && !failure.message.contains(&acme.id));

    acme.delete_device(mac(1)).await.expect("its own");
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Refusal(_)));
    let claimed = other.put_device(mac(1), "Main").await.expect("it is free");
    assert!(claimed.created && claimed.moved);
    let Answer::Redirect(redirect) = world.resolve(mac(1), "").await else { panic!("a redirect") };
    assert_eq!((redirect.provider_id, redirect.profile_id), (other.id.clone(), theirs.id));
}

async fn anothers_phone_is_as_unknown_as_none(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (acme, stranger) = (world.provider(), world.provider());
    acme.profile("Main").await;
    acme.put_device(mac(1), "Main").await.expect("a phone");
    for number in [1, 2] {
        let failures = [
            stranger.get_device(mac(number)).await.expect_err("unknown"),
            stranger.delete_device(mac(number)).await.expect_err("unknown"),
        ];
        for failure in failures {
            assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::NotFound, "unknown_device"));
            assert_eq!(failure.message, "you have registered no phone with this MAC address");
        }
    }
    acme.get_device(mac(1)).await.expect("still its owner's");
}

async fn a_phone_goes_only_to_profiles_of_its_provider(kind: Kind) {
    let world = World::new(kind, 5).await;
    let (acme, stranger) = (world.provider(), world.provider());
    let main = acme.profile("Main").await;
    for profile in [main.id.as_str(), "Main", "prf_x", "", "%"] {
        let failure = stranger.put_device(mac(1), profile).await.expect_err(profile);
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "unknown_profile"), "{profile}");
        assert!(failure.message.contains("/v1/profiles"));
    }
    assert_eq!(refused(stranger.get_device(mac(1)).await).1, "unknown_device");
}

async fn what_cannot_be_a_phone_is_refused_with_its_reason(kind: Kind) {
    let world = World::new(kind, 6).await;
    let acme = world.provider();
    acme.profile("Main").await;
    let good = described("Main");
    let cases = [
        (PutDeviceRequest { mac: 0, ..good.clone() }, "invalid_mac"),
        (PutDeviceRequest { mac: 0x0100_5e00_0001, ..good.clone() }, "invalid_mac"),
        (PutDeviceRequest { mac: 1 << 48, ..good.clone() }, "invalid_mac"),
        (PutDeviceRequest { serial: "é".into(), ..good.clone() }, "invalid_serial"),
        (PutDeviceRequest { model: "x".repeat(65), ..good.clone() }, "invalid_model"),
        (PutDeviceRequest { note: "two\nlines".into(), ..good.clone() }, "invalid_note"),
        (PutDeviceRequest { note: "x".repeat(501), ..good.clone() }, "invalid_note"),
    ];
    for (request, reason) in cases {
        assert_eq!(refused(acme.put(request).await), because(ErrorKind::Malformed, reason));
    }
    assert_eq!(refused(acme.get_device(0).await).1, "invalid_mac");
    assert_eq!(refused(acme.delete_device(1 << 48).await).1, "invalid_mac");
    let nobody = Provider { id: String::new(), ..acme };
    assert_eq!(refused(nobody.put(good).await), because(ErrorKind::Malformed, "invalid_provider_id"));
}

on_each_database!(
    putting_a_phone_twice_changes_nothing_the_second_time,
    a_phone_is_described_anew_and_moved,
    a_released_phone_can_be_anothers,
    anothers_phone_is_as_unknown_as_none,
    a_phone_goes_only_to_profiles_of_its_provider,
    what_cannot_be_a_phone_is_refused_with_its_reason,
);

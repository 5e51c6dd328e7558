//! Blocks of addresses: assigned, nested, refused, and what their phones get.

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    ChangeRangeRequest, DeleteRangeRequest, ListRangesRequest, Proof, PutDeviceRequest, Range, RefusalReason,
};
use rpc::Failure;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, START, World, because, mac, refusal, refused, rule};

async fn goes_to(world: &World, number: u64) -> Option<String> {
    match world.resolve(mac(number), "").await {
        Answer::Redirect(redirect) => Some(redirect.profile_id),
        Answer::Refusal(_) => None,
    }
}

async fn change(provider: &Provider, range: &Range, profile: &str) -> Result<Range, Failure> {
    let (provider_id, range_id, profile) = (provider.id.clone(), range.id.clone(), profile.to_owned());
    let request = ChangeRangeRequest { provider_id, range_id, profile };
    Ok(provider.client.clone().change_range(request).await?.into_inner().range.expect("a range"))
}

async fn delete(provider: &Provider, range: &Range) -> Result<(), Failure> {
    let request = DeleteRangeRequest { provider_id: provider.id.clone(), range_id: range.id.clone() };
    provider.client.clone().delete_range(request).await?;
    Ok(())
}

async fn list(provider: &Provider, request: ListRangesRequest) -> Result<(Vec<Range>, bool), Failure> {
    let answer = provider.client.clone().list_ranges(request).await?.into_inner();
    Ok((answer.ranges, answer.more))
}

async fn the_most_specific_assignment_wins_also_after_a_restart(kind: Kind) {
    let world = World::new(kind, 1).await;
    let acme = world.provider();
    let (own, narrow, wide) = (acme.profile("Own").await, acme.profile("Narrow").await, acme.profile("Wide").await);
    let outer = acme.create_range("wide", (mac(100), mac(199))).await.expect("a block");
    assert!(outer.id.starts_with("rng_") && (outer.first, outer.last) == (mac(100), mac(199)));
    assert_eq!((outer.profile_id.as_str(), outer.created_at), (wide.id.as_str(), START));
    let inner = acme.create_range(&narrow.id, (mac(100), mac(109))).await.expect("a block within");
    acme.put_device(mac(105), "Own").await.expect("a phone");
    let expected = [(99, None), (100, Some(&narrow)), (105, Some(&own)), (109, Some(&narrow)), (110, Some(&wide))];

    let mut world = world;
    for _ in 0..2 {
        for (number, profile) in expected.into_iter().chain([(199, Some(&wide)), (200, None)]) {
            assert_eq!(goes_to(&world, number).await, profile.map(|profile| profile.id.clone()), "{number}");
        }
        world = world.reopened().await;
    }
    let acme = acme.at(&world.service);
    assert_eq!(change(&acme, &inner, "own").await.expect("the block").profile_id, own.id);
    assert_eq!(goes_to(&world, 100).await, Some(own.id.clone()));
    delete(&acme, &inner).await.expect("deleted");
    assert_eq!(goes_to(&world, 100).await, Some(wide.id.clone()));
    assert_eq!(goes_to(&world, 105).await, Some(own.id.clone()), "it is registered");
    delete(&acme, &outer).await.expect("deleted");
    assert_eq!(goes_to(&world, 100).await, None);
    assert_eq!(refused(delete(&acme, &outer).await), because(ErrorKind::NotFound, "unknown_range"));
}

async fn blocks_do_not_cross(kind: Kind) {
    let world = World::new(kind, 2).await;
    let (acme, other) = (world.provider(), world.provider());
    acme.profile("Main").await;
    other.profile("Main").await;
    acme.create_range("Main", (mac(0x100), mac(0x1ff))).await.expect("a block");
    let overlaps = because(ErrorKind::Conflict, "range_overlaps");
    for ends in [(0x0, 0x100), (0x1ff, 0x200), (0x110, 0x11f), (0x100, 0x1ff), (0x0, 0x2ff)] {
        let failure = other.create_range("Main", (mac(ends.0), mac(ends.1))).await.expect_err("it is another's");
        assert!(failure.message.contains("0004f2000100-0004f20001ff"), "{}", failure.message);
        assert!(!failure.message.contains(&acme.id));
        assert_eq!((failure.kind, failure.reason), overlaps);
    }
    for ends in [(0x0, 0x100), (0x1ff, 0x200), (0x100, 0x1ff)] {
        assert_eq!(refused(acme.create_range("Main", (mac(ends.0), mac(ends.1))).await), overlaps, "{ends:x?}");
    }
    for ends in [(0x110, 0x11f), (0x100, 0x10f), (0x1f0, 0x1ff), (0x0, 0x2ff), (0x300, 0x300)] {
        acme.create_range("Main", (mac(ends.0), mac(ends.1))).await.expect("beside, within or around");
    }
    other.create_range("Main", (mac(0x301), mac(0x301))).await.expect("beside");
}

async fn what_is_no_block_is_refused_with_its_reason(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, stranger) = (world.provider(), world.provider());
    acme.profile("Main").await;
    stranger.profile("Theirs").await;
    for ends in [(2, 1), (0, 1 << 48)] {
        assert_eq!(refused(acme.create_range("Main", ends).await), because(ErrorKind::Malformed, "invalid_range"));
    }
    let unknown = because(ErrorKind::Malformed, "unknown_profile");
    assert_eq!(refused(acme.create_range("Theirs", (1, 2)).await), unknown);
    let block = acme.create_range("Main", (1, 2)).await.expect("a block");
    assert_eq!(refused(change(&acme, &block, "Theirs").await), unknown);
    assert_eq!(refused(change(&stranger, &block, "Theirs").await).1, "unknown_range");
    assert_eq!(refused(delete(&stranger, &block).await).1, "unknown_range");
    let failure = acme.delete_profile(&block.profile_id).await;
    assert_eq!(refused(failure), because(ErrorKind::Conflict, "profile_in_use"));
    acme.set_frozen(true).await.expect("frozen");
    assert_eq!(refused(acme.create_range("Main", (5, 6)).await).1, "provider_frozen");
    assert_eq!(refused(delete(&acme, &block).await).1, "provider_frozen");
}

async fn blocks_are_listed_in_pages_for_a_provider_and_for_the_operator(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (acme, other) = (world.provider(), world.provider());
    acme.profile("Main").await;
    other.profile("Main").await;
    for number in 0..5 {
        acme.create_range("Main", (mac(number), mac(number))).await.expect("a block");
    }
    other.create_range("Main", (mac(9), mac(9))).await.expect("a block");
    let mut query = ListRangesRequest { provider_id: acme.id.clone(), after: String::new(), limit: 3 };
    let (first, more) = list(&acme, query.clone()).await.expect("a page");
    assert!(more && first.len() == 3);
    query.after.clone_from(&first[2].id);
    let (second, more) = list(&acme, query.clone()).await.expect("a page");
    assert!(!more && second.len() == 2);
    let all = ListRangesRequest { provider_id: String::new(), after: String::new(), limit: 1000 };
    assert_eq!(list(&acme, all.clone()).await.expect("a page").0.len(), 6);
    let none = ListRangesRequest { limit: 0, ..all };
    assert_eq!(refused(list(&acme, none).await), because(ErrorKind::Malformed, "invalid_limit"));
}

async fn phones_of_a_block_have_no_serial_number_to_prove(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider();
    acme.create_proven(Proof::Serial, "Main", vec![rule("[--key k] https://nps.example/")]).await.expect("a profile");
    acme.create_range("Main", (mac(1), mac(9))).await.expect("a block");
    assert_eq!(world.resolve(mac(1), "FCH1").await, refusal(RefusalReason::NoSerial, &acme.id));
    let request =
        PutDeviceRequest { mac: mac(1), profile: "Main".into(), serial: "FCH1".into(), ..PutDeviceRequest::default() };
    acme.put(request).await.expect("its own block's phone");
    assert!(matches!(world.resolve(mac(1), "FCH1").await, Answer::Redirect(_)));
}

on_each_database!(
    the_most_specific_assignment_wins_also_after_a_restart,
    blocks_do_not_cross,
    what_is_no_block_is_refused_with_its_reason,
    blocks_are_listed_in_pages_for_a_provider_and_for_the_operator,
    phones_of_a_block_have_no_serial_number_to_prove,
);

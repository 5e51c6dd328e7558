//! Providers: their names, their pages, their freezing.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::accounts::{CreateProviderRequest, GetProviderRequest, ListProvidersRequest, ListProvidersResponse};
use rpc::Failure;
use vocabulary::ErrorKind;

use crate::support::{START, World};

async fn page(world: &World, after: &str, limit: u32) -> Result<ListProvidersResponse, Failure> {
    let request = ListProvidersRequest { after: after.to_owned(), limit };
    Ok(world.gateway().list_providers(request).await?.into_inner())
}

#[tokio::test]
async fn a_provider_is_found_as_it_was_made() {
    let world = World::start().await;
    let (made, client) = world.create("  Acme Telecom ").await.expect("created");
    assert_eq!((made.name.as_str(), made.frozen, made.created_at), ("Acme Telecom", false, START.as_micros()));
    assert!(made.id.starts_with("prv_") && client.client_id.starts_with("cli_"));
    assert!(client.client_secret.starts_with("dts_") && client.client_secret.len() == 44);
    let request = GetProviderRequest { provider_id: made.id.clone() };
    let found = world.gateway().get_provider(request).await.expect("found").into_inner().provider;
    assert_eq!(found, Some(made));
}

#[tokio::test]
async fn nobody_has_an_id_that_was_not_given() {
    let world = World::start().await;
    for id in ["prv_00000000000000000000", "cli_00000000000000000000", ""] {
        let request = GetProviderRequest { provider_id: id.to_owned() };
        let found = Failure::from(world.gateway().get_provider(request).await.expect_err("nobody"));
        assert_eq!((found.kind, found.reason.as_str()), (ErrorKind::NotFound, "provider_not_found"));
        for frozen in [true, false] {
            assert_eq!(world.set_frozen(id, frozen).await.expect_err("nobody").kind, ErrorKind::NotFound);
        }
    }
}

#[tokio::test]
async fn names_are_unique_whatever_their_case() {
    let world = World::start().await;
    world.create("Société Écho").await.expect("created");
    let taken = world.create(" SOCIÉTÉ ÉCHO ").await.expect_err("taken");
    assert_eq!((taken.kind, taken.reason.as_str()), (ErrorKind::Conflict, "provider_name_taken"));
    let unreadable = world.create("Acme\nTelecom").await.expect_err("two lines");
    assert_eq!((unreadable.kind, unreadable.reason.as_str()), (ErrorKind::Malformed, "provider_name_invalid"));
    assert_eq!(page(&world, "", 10).await.expect("a page").providers.len(), 1);
}

#[tokio::test]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let world = World::start().await;
    let attempts = (0..16).map(|nth| {
        let name = if nth % 2 == 0 { "Acme Telecom" } else { "ACME telecom" };
        let mut gateway = world.gateway();
        tokio::spawn(async move { gateway.create_provider(CreateProviderRequest { name: name.to_owned() }).await })
    });
    let mut made = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.expect("ran") {
            Ok(_) => made += 1,
            Err(status) => assert_eq!(Failure::from(status).reason, "provider_name_taken"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(page(&world, "", 10).await.expect("a page").providers.len(), 1);
}

#[tokio::test]
async fn pages_hold_every_provider_once_in_order() {
    let world = World::start().await;
    let mut made = BTreeSet::new();
    for name in ["Acme", "Bell", "Cable", "Dial", "Exchange"] {
        made.insert(world.create(name).await.expect("created").0.id);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let page = page(&world, &after, 2).await.expect("a page");
        sizes.push((page.providers.len(), page.more));
        seen.extend(page.providers.into_iter().map(|provider| provider.id));
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [(2, true), (2, true), (1, false)]);
    assert_eq!(seen, made.into_iter().collect::<Vec<_>>());
    let exact = page(&world, "", 5).await.expect("a page");
    assert_eq!((exact.providers.len(), exact.more), (5, false));
}

#[tokio::test]
async fn a_page_has_limits() {
    let world = World::start().await;
    for limit in [0, 1001, u32::MAX] {
        let refused = page(&world, "", limit).await.expect_err("out of range");
        assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "page_limit_invalid"));
    }
    let refused = page(&world, "Acme", 10).await.expect_err("not an id");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "page_after_invalid"));
    assert!(page(&world, "", 1000).await.expect("a page").providers.is_empty());
}

#[tokio::test]
async fn freezing_twice_is_freezing_once() {
    let world = World::start().await;
    let (provider, _) = world.create("Acme").await.expect("created");
    assert!(!world.set_frozen(&provider.id, false).await.expect("was not frozen").frozen);
    for _ in 0..2 {
        assert!(world.set_frozen(&provider.id, true).await.expect("frozen").frozen);
        world.clock.advance(Duration::from_secs(1));
    }
    let listed = page(&world, "", 10).await.expect("a page").providers;
    assert!(listed[0].frozen);
    for _ in 0..2 {
        assert_eq!(world.set_frozen(&provider.id, false).await.expect("thawed"), provider);
    }
}

//! Tenants: their tree, their names, their pages, their freezing.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::accounts::{
    CreateTenantRequest, GetSubtreeRequest, GetTenantRequest, ListTenantsRequest, ListTenantsResponse, Tenant,
    TenantKind,
};
use rpc::Failure;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::support::{START, World, root};

async fn page(world: &World, after: &str, limit: u32) -> Result<ListTenantsResponse, Failure> {
    let request = ListTenantsRequest { above_id: root(), after: after.to_owned(), limit };
    Ok(world.gateway().list_tenants(request).await?.into_inner())
}

async fn subtree(world: &World, id: &str) -> Vec<Tenant> {
    let request = GetSubtreeRequest { tenant_id: id.to_owned() };
    world.gateway().get_subtree(request).await.expect("a subtree").into_inner().tenants
}

fn names(tenants: &[Tenant]) -> BTreeSet<&str> {
    tenants.iter().map(|tenant| tenant.name.as_str()).collect()
}

async fn a_tenant_is_found_as_it_was_made(kind: Kind) {
    let world = World::new(kind).await;
    let (made, client) = world.create(&root(), TenantKind::Reseller, "  Acme Telecom ").await.expect("created");
    assert_eq!((made.name.as_str(), made.frozen, made.stopped), ("Acme Telecom", false, false));
    assert_eq!((made.created_at, made.parent_id.as_str()), (START.as_micros(), root().as_str()));
    assert_eq!(made.kind(), TenantKind::Reseller);
    assert!(made.id.starts_with("prv_") && client.client_id.starts_with("cli_"));
    assert!(client.client_secret.starts_with("dts_") && client.client_secret.len() == 44);
    let request = GetTenantRequest { tenant_id: made.id.clone() };
    let found = world.gateway().get_tenant(request).await.expect("found").into_inner().tenant;
    assert_eq!(found, Some(made));
}

async fn a_tenant_is_made_with_a_client_only_where_one_is_wished(kind: Kind) {
    let world = World::new(kind).await;
    let request = CreateTenantRequest {
        parent_id: root(),
        kind: TenantKind::Provider.into(),
        name: "Acme".to_owned(),
        with_client: false,
        ..CreateTenantRequest::default()
    };
    let made = world.gateway().create_tenant(request).await.expect("created").into_inner();
    assert_eq!((made.tenant.is_some(), made.client), (true, None));
}

async fn nobody_has_an_id_that_was_not_given(kind: Kind) {
    let world = World::new(kind).await;
    for id in ["prv_00000000000000000001", "cli_00000000000000000000", ""] {
        let request = GetTenantRequest { tenant_id: id.to_owned() };
        let found = Failure::from(world.gateway().get_tenant(request).await.expect_err("nobody"));
        assert_eq!((found.kind, found.reason.as_str()), (ErrorKind::NotFound, "tenant_not_found"));
        for frozen in [true, false] {
            assert_eq!(world.set_frozen(id, frozen).await.expect_err("nobody").kind, ErrorKind::NotFound);
        }
        let refused = world.create(id, TenantKind::Provider, "Acme").await.expect_err("nobody");
        assert_eq!(refused.reason, "tenant_not_found");
    }
}

async fn the_tree_is_as_the_trade_works(kind: Kind) {
    let world = World::new(kind).await;
    let refused = async |parent: &str, kind| world.create(parent, kind, "X").await.expect_err("refused").reason;
    assert_eq!(refused(&root(), TenantKind::Site).await, "tenant_misplaced");
    for kind in [TenantKind::Operator, TenantKind::Unspecified] {
        assert_eq!(refused(&root(), kind).await, "tenant_kind_invalid");
    }
    let mut lowest = root();
    for level in 2..=8 {
        lowest = world.create(&lowest, TenantKind::Reseller, &level.to_string()).await.expect("created").0.id;
    }
    assert_eq!(refused(&lowest, TenantKind::Provider).await, "tenant_too_deep");
    let (provider, _) = world.provider("Acme").await;
    let (site, _) = world.create(&provider.id, TenantKind::Site, "Lobby").await.expect("created");
    for kind in [TenantKind::Provider, TenantKind::Reseller] {
        assert_eq!(refused(&provider.id, kind).await, "tenant_misplaced");
        assert_eq!(refused(&site.id, kind).await, "tenant_misplaced");
    }
    assert_eq!(names(&subtree(&world, &provider.id).await), BTreeSet::from(["Acme", "Lobby"]));
    assert_eq!(subtree(&world, &root()).await.len(), 1 + 7 + 2);
}

async fn names_are_unique_beside_one_another_whatever_their_case(kind: Kind) {
    let world = World::new(kind).await;
    let (reseller, _) = world.create(&root(), TenantKind::Reseller, "Société Écho").await.expect("created");
    let taken = world.create(&root(), TenantKind::Provider, " SOCIÉTÉ ÉCHO ").await.expect_err("taken");
    assert_eq!((taken.kind, taken.reason.as_str()), (ErrorKind::Conflict, "tenant_name_taken"));
    world.create(&reseller.id, TenantKind::Provider, "Société Écho").await.expect("elsewhere it is free");
    let unreadable = world.create(&root(), TenantKind::Provider, "Acme\nTelecom").await.expect_err("two lines");
    assert_eq!((unreadable.kind, unreadable.reason.as_str()), (ErrorKind::Malformed, "tenant_name_invalid"));
    assert_eq!(page(&world, "", 10).await.expect("a page").tenants.len(), 2);
}

async fn of_many_who_want_one_name_at_once_one_gets_it(kind: Kind) {
    let world = World::new(kind).await;
    let attempts = (0..16).map(|nth| {
        let name = if nth % 2 == 0 { "Acme Telecom" } else { "ACME telecom" };
        let mut gateway = world.gateway();
        let request = CreateTenantRequest {
            parent_id: root(),
            kind: TenantKind::Provider.into(),
            name: name.to_owned(),
            with_client: false,
            ..CreateTenantRequest::default()
        };
        tokio::spawn(async move { gateway.create_tenant(request).await })
    });
    let mut made = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.expect("ran") {
            Ok(_) => made += 1,
            Err(status) => assert_eq!(Failure::from(status).reason, "tenant_name_taken"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(page(&world, "", 10).await.expect("a page").tenants.len(), 1);
}

async fn pages_hold_everyone_below_once_in_order(kind: Kind) {
    let world = World::new(kind).await;
    let mut made = BTreeSet::new();
    for name in ["Acme", "Bell", "Cable"] {
        let provider = world.provider(name).await.0.id;
        made.insert(world.create(&provider, TenantKind::Site, "Lobby").await.expect("created").0.id);
        made.insert(provider);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let page = page(&world, &after, 4).await.expect("a page");
        sizes.push((page.tenants.len(), page.more));
        seen.extend(page.tenants.into_iter().map(|tenant| tenant.id));
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [(4, true), (2, false)]);
    assert_eq!(seen, made.into_iter().collect::<Vec<_>>());
}

async fn a_page_has_limits(kind: Kind) {
    let world = World::new(kind).await;
    for limit in [0, 1001, u32::MAX] {
        let refused = page(&world, "", limit).await.expect_err("out of range");
        assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "page_limit_invalid"));
    }
    let refused = page(&world, "Acme", 10).await.expect_err("not an id");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "page_after_invalid"));
    assert!(page(&world, "", 1000).await.expect("a page").tenants.is_empty());
}

async fn freezing_twice_is_freezing_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    assert!(!world.set_frozen(&provider.id, false).await.expect("was not frozen").frozen);
    for _ in 0..2 {
        assert!(world.set_frozen(&provider.id, true).await.expect("frozen").frozen);
        world.clock.advance(Duration::from_secs(1));
    }
    let listed = page(&world, "", 10).await.expect("a page").tenants;
    assert!(listed[0].frozen && listed[0].stopped);
    for _ in 0..2 {
        assert_eq!(world.set_frozen(&provider.id, false).await.expect("thawed"), provider);
    }
}

async fn everyone_below_a_frozen_tenant_is_stopped_and_thawing_brings_back_what_was(kind: Kind) {
    let world = World::new(kind).await;
    let (reseller, _) = world.create(&root(), TenantKind::Reseller, "Reseller").await.expect("created");
    let (acme, _) = world.create(&reseller.id, TenantKind::Provider, "Acme").await.expect("created");
    let (bell, _) = world.create(&reseller.id, TenantKind::Provider, "Bell").await.expect("created");
    let (lobby, _) = world.create(&acme.id, TenantKind::Site, "Lobby").await.expect("created");
    let (other, _) = world.provider("Other").await;
    world.set_frozen(&bell.id, true).await.expect("frozen");
    world.set_frozen(&reseller.id, true).await.expect("frozen");
    let stopped = async || -> BTreeSet<String> {
        let all = subtree(&world, &root()).await;
        all.into_iter().filter(|tenant| tenant.stopped).map(|tenant| tenant.id).collect()
    };
    let ids = |tenants: &[&Tenant]| tenants.iter().map(|tenant| tenant.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(stopped().await, ids(&[&reseller, &acme, &bell, &lobby]));
    let of_acme = subtree(&world, &acme.id).await;
    assert!(of_acme.iter().all(|tenant| tenant.stopped && !tenant.frozen), "{of_acme:?}");
    for (parent, kind) in [(&reseller, TenantKind::Provider), (&acme, TenantKind::Site)] {
        let refused = world.create(&parent.id, kind, "New").await.expect_err("stopped");
        assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Forbidden, "provider_frozen"));
    }
    assert!(!subtree(&world, &other.id).await[0].stopped);
    world.set_frozen(&reseller.id, false).await.expect("thawed");
    assert_eq!(stopped().await, ids(&[&bell]));
}

async fn the_operator_cannot_be_frozen(kind: Kind) {
    let world = World::new(kind).await;
    let refused = world.set_frozen(&root(), true).await.expect_err("the root");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Conflict, "operator_not_freezable"));
}

on_each_database!(
    threads 4;
    a_tenant_is_found_as_it_was_made,
    a_tenant_is_made_with_a_client_only_where_one_is_wished,
    nobody_has_an_id_that_was_not_given,
    the_tree_is_as_the_trade_works,
    names_are_unique_beside_one_another_whatever_their_case,
    of_many_who_want_one_name_at_once_one_gets_it,
    pages_hold_everyone_below_once_in_order,
    a_page_has_limits,
    freezing_twice_is_freezing_once,
    everyone_below_a_frozen_tenant_is_stopped_and_thawing_brings_back_what_was,
    the_operator_cannot_be_frozen,
);

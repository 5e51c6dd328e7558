//! Who may act for whom.

use contracts::accounts::{AuthorizeRequest, Role, TenantKind};
use rpc::Failure;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::{ErrorKind, Scopes};

use crate::support::{World, root};

async fn who_stands_above_acts_for_those_below_and_only_for_those(kind: Kind) {
    let world = World::new(kind).await;
    let operator = world.accounts.create_operator("night shift").await.expect("an operator").client_id.to_string();
    let (reseller, of_reseller) = world.create(&root(), TenantKind::Reseller, "Reseller").await.expect("created");
    let (acme, of_acme) = world.create(&reseller.id, TenantKind::Provider, "Acme").await.expect("created");
    let (lobby, of_lobby) = world.create(&acme.id, TenantKind::Site, "Lobby").await.expect("created");
    let (other, of_other) = world.provider("Other").await;
    let everyone = [root(), reseller.id.clone(), acme.id.clone(), lobby.id.clone(), other.id.clone()];
    for (subject, own, may) in [
        (&operator, 0, vec![0, 1, 2, 3, 4]),
        (&of_reseller.client_id, 1, vec![1, 2, 3]),
        (&of_acme.client_id, 2, vec![2, 3]),
        (&of_lobby.client_id, 3, vec![3]),
        (&of_other.client_id, 4, vec![4]),
    ] {
        let own_one = world.authorize(subject, "").await.expect("for itself").acting_for.expect("a tenant");
        assert_eq!(own_one.id, everyone[own]);
        for (nth, target) in everyone.iter().enumerate() {
            match world.authorize(subject, target).await {
                Ok(answer) => {
                    assert!(may.contains(&nth), "{subject} for {target}");
                    assert_eq!(answer.own.expect("a tenant").id, everyone[own]);
                    assert_eq!(&answer.acting_for.expect("a tenant").id, target);
                }
                Err(failure) => {
                    assert!(!may.contains(&nth), "{subject} for {target}");
                    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::NotFound, "tenant_not_found"));
                }
            }
        }
    }
    let answer = world.authorize(&operator, &lobby.id).await.expect("authorized");
    assert_eq!(answer.ancestors, [root(), reseller.id.clone(), acme.id.clone()]);
    let stranger = world.authorize(&of_other.client_id, &lobby.id).await.expect_err("not below");
    let nobody = world.authorize(&of_other.client_id, "prv_00000000000000000001").await.expect_err("nobody");
    let nonsense = world.authorize(&of_other.client_id, "nonsense").await.expect_err("nonsense");
    assert_eq!((&stranger, &stranger), (&nobody, &nonsense));
}

async fn scopes_are_what_role_client_and_token_have_in_common(kind: Kind) {
    let world = World::new(kind).await;
    let operator = world.accounts.create_operator("night shift").await.expect("an operator").client_id.to_string();
    let (provider, owner) = world.provider("Acme").await;
    let narrowed = world.make_client(&provider.id, Role::Engineer, &["devices:read", "codes:write"]).await;
    let narrowed = narrowed.client.expect("a client").id;
    let ask = async |subject: &str, token: &str| {
        let scopes = token.split(' ').map(str::to_owned).collect();
        let request = AuthorizeRequest { subject: subject.to_owned(), tenant_id: provider.id.clone(), scopes };
        world.gateway().authorize(request).await.expect("authorized").into_inner().scopes.join(" ")
    };
    let all = Scopes::all().to_string();
    assert_eq!(ask(&operator, &all).await, all);
    assert_eq!(format!("{} operate", ask(&owner.client_id, &all).await), all);
    assert_eq!(ask(&narrowed, &all).await, "devices:read codes:write");
    assert_eq!(ask(&narrowed, "codes:write audit:read invented:word").await, "codes:write");
    assert_eq!(ask(&narrowed, "").await, "");
}

async fn a_stopped_tenant_does_nothing_and_who_stands_above_still_acts_for_it(kind: Kind) {
    let world = World::new(kind).await;
    let (reseller, above) = world.create(&root(), TenantKind::Reseller, "Reseller").await.expect("created");
    let (acme, own) = world.create(&reseller.id, TenantKind::Provider, "Acme").await.expect("created");
    let (_, below) = world.create(&acme.id, TenantKind::Site, "Lobby").await.expect("created");
    world.set_frozen(&acme.id, true).await.expect("frozen");
    for stopped in [&own, &below] {
        let refused = world.authorize(&stopped.client_id, "").await.expect_err("stopped");
        assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Forbidden, "provider_frozen"));
        assert_eq!(refused.message, "this provider is frozen; ask the operator of this service");
    }
    let answer = world.authorize(&above.client_id, &acme.id).await.expect("authorized");
    assert!(answer.acting_for.expect("a tenant").stopped && !answer.own.expect("a tenant").stopped);
    world.set_frozen(&acme.id, false).await.expect("thawed");
    for thawed in [&own, &below] {
        world.authorize(&thawed.client_id, "").await.expect("authorized");
    }
}

async fn nobody_is_nobody(kind: Kind) {
    let world = World::new(kind).await;
    for subject in ["cli_00000000000000000000", "per_00000000000000000000", "phone:0004f2aabbcc", ""] {
        let refused: Failure = world.authorize(subject, "").await.expect_err("nobody");
        assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Unauthenticated, "subject_revoked"));
    }
}

on_each_database!(
    who_stands_above_acts_for_those_below_and_only_for_those,
    scopes_are_what_role_client_and_token_have_in_common,
    a_stopped_tenant_does_nothing_and_who_stands_above_still_acts_for_it,
    nobody_is_nobody,
);

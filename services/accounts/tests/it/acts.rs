//! What stands in the audit log of it, and what does not.

use contracts::accounts::{
    ChangePasswordRequest, ChangePersonRequest, RemovePersonRequest, RevokeClientRequest, Role,
    RotateClientSecretRequest, RotateSigningKeyRequest,
};
use rpc::within_as;
use storage::testing::Kind;
use storage::{on, on_each_database};

use crate::support::{ALLOWED, HOME, PASSWORD, World, jo, root};

/// (verb, target, whom it concerns, who did it), the oldest first.
pub async fn acts(world: &World) -> Vec<(String, String, String, String)> {
    const ACTS: &str = "SELECT verb, target, concerns, subject FROM act ORDER BY number";

    on!(world.reader().await, conn => sqlx::query_as(ACTS).fetch_all(conn).await.expect("acts"))
}

async fn every_change_is_an_act_of_who_asked_for_it(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let (tenant_id, client_id) = (provider.id.clone(), client.client_id.clone());
    for frozen in [true, true, false, false] {
        world.set_frozen(&tenant_id, frozen).await.expect("set");
    }
    let rotation = RotateClientSecretRequest {
        tenant_id: tenant_id.clone(),
        client_id: client_id.clone(),
        overlap_seconds: 0,
        ..RotateClientSecretRequest::default()
    };
    world.gateway().rotate_client_secret(within_as(&jo(), ALLOWED, rotation)).await.expect("rotated");
    for _ in 0..2 {
        let revocation = RevokeClientRequest { tenant_id: tenant_id.clone(), client_id: client_id.clone() };
        world.gateway().revoke_client(within_as(&jo(), ALLOWED, revocation)).await.expect("revoked");
    }
    let person = world.owner(&tenant_id, "jo@example.com").await;
    let change = ChangePersonRequest {
        tenant_id: tenant_id.clone(),
        person_id: person.id.clone(),
        role: Role::Engineer.into(),
        ..ChangePersonRequest::default()
    };
    for _ in 0..2 {
        world.gateway().change_person(within_as(&jo(), ALLOWED, change.clone())).await.expect("changed");
    }
    let password = ChangePasswordRequest {
        person_id: person.id.clone(),
        password: PASSWORD.to_owned(),
        new_password: "another password altogether".to_owned(),
    };
    world.gateway().change_password(within_as(&jo(), ALLOWED, password)).await.expect("changed");
    let removal = RemovePersonRequest { tenant_id: tenant_id.clone(), person_id: person.id.clone() };
    world.gateway().remove_person(within_as(&jo(), ALLOWED, removal.clone())).await.expect("removed");
    world.gateway().remove_person(within_as(&jo(), ALLOWED, removal)).await.expect_err("gone");
    let rotation = within_as(&jo(), ALLOWED, RotateSigningKeyRequest {});
    let key = world.gateway().rotate_signing_key(rotation).await.expect("rotated").into_inner().kid;
    let (tenant, jo, it) = (tenant_id.as_str(), jo().subject, person.id.as_str());
    let expected = [
        ("tenant.create", tenant, tenant, jo.as_str()),
        ("client.create", client_id.as_str(), tenant, jo.as_str()),
        ("tenant.freeze", tenant, tenant, jo.as_str()),
        ("tenant.thaw", tenant, tenant, jo.as_str()),
        ("client.rotate", client_id.as_str(), tenant, jo.as_str()),
        ("client.revoke", client_id.as_str(), tenant, jo.as_str()),
        ("person.invite", it, tenant, jo.as_str()),
        ("person.accept", it, tenant, it),
        ("person.change", it, tenant, jo.as_str()),
        ("person.password", it, tenant, jo.as_str()),
        ("person.remove", it, tenant, jo.as_str()),
        ("key.rotate", key.as_str(), &root(), jo.as_str()),
    ];
    let expected = expected.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()));
    assert_eq!(acts(&world).await, expected);
    let kept: Vec<(String, String)> = on!(world.reader().await, conn => {
        sqlx::query_as("SELECT DISTINCT source, request_id FROM act").fetch_all(conn).await.expect("acts")
    });
    assert_eq!(kept, [(HOME.to_owned(), "req-1".to_owned())]);
}

async fn what_is_refused_and_what_is_asked_leave_no_act_and_the_chain_holds(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme").await;
    let before = acts(&world).await;
    world.create(&root(), contracts::accounts::TenantKind::Provider, "Acme").await.expect_err("taken");
    world.log_in(&client).await.expect("a token");
    world.log_in_with(&client.client_id, "dts_").await.expect_err("wrong");
    world.invite(&root(), "nonsense", Role::Owner).await.expect_err("no address");
    assert_eq!(acts(&world).await, before);
    world.accounts.close().await;
    let db = world.home.database().await;
    assert_eq!(audit::verify(&db, None).await.expect("whole").acts, 2);
}

on_each_database!(
    every_change_is_an_act_of_who_asked_for_it,
    what_is_refused_and_what_is_asked_leave_no_act_and_the_chain_holds,
);

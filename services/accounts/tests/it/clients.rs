//! Clients: their roles and scopes, their secrets, their end.

use std::time::Duration;

use contracts::accounts::{
    Client, CreateClientRequest, CreateTenantRequest, InvitePersonRequest, ListClientsRequest, NewSecret,
    RevokeClientRequest, Role, RotateClientSecretRequest, RotateClientSecretResponse, TenantKind,
};
use rpc::{Actor, Failure, within_as};
use storage::testing::Kind;
use storage::{on, on_each_database};
use vocabulary::ErrorKind;

use crate::support::{ALLOWED, START, World, jo, root};

async fn rotate(
    world: &World,
    tenant: &str,
    client: &str,
    overlap: u64,
) -> Result<RotateClientSecretResponse, Failure> {
    let request = RotateClientSecretRequest {
        tenant_id: tenant.to_owned(),
        client_id: client.to_owned(),
        overlap_seconds: overlap,
        ..RotateClientSecretRequest::default()
    };
    Ok(world.gateway().rotate_client_secret(within_as(&jo(), ALLOWED, request)).await?.into_inner())
}

async fn revoke(world: &World, tenant: &str, client: &str) -> Result<(), Failure> {
    let request = RevokeClientRequest { tenant_id: tenant.to_owned(), client_id: client.to_owned() };
    world.gateway().revoke_client(within_as(&jo(), ALLOWED, request)).await?;
    Ok(())
}

async fn list(world: &World, tenant: &str, after: &str, limit: u32) -> (Vec<Client>, bool) {
    let request = ListClientsRequest { tenant_id: tenant.to_owned(), after: after.to_owned(), limit };
    let page = world.gateway().list_clients(request).await.expect("a page").into_inner();
    (page.clients, page.more)
}

fn wish(tenant: &str, role: Role, scopes: &[&str]) -> CreateClientRequest {
    CreateClientRequest {
        tenant_id: tenant.to_owned(),
        name: "robot".to_owned(),
        role: role.into(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        expires_at: 0,
        ..CreateClientRequest::default()
    }
}

async fn refused(world: &World, request: CreateClientRequest) -> Failure {
    world.gateway().create_client(request).await.expect_err("refused").into()
}

async fn a_tenant_has_many_clients_and_each_is_listed_as_it_was_made(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, first) = world.provider("Acme").await;
    let (other, _) = world.provider("Bell").await;
    let mut request = wish(&provider.id, Role::Engineer, &["devices:write", "devices:read"]);
    request.expires_at = START.as_micros() + 1;
    let made = world.gateway().create_client(request).await.expect("created").into_inner();
    let client = made.client.expect("a client");
    assert_eq!(
        (client.name.as_str(), client.role(), client.tenant_id.as_str()),
        ("robot", Role::Engineer, provider.id.as_str())
    );
    assert_eq!(client.scopes, ["devices:read", "devices:write"]);
    assert_eq!(
        (client.created_at, client.expires_at, client.last_used_at),
        (START.as_micros(), START.as_micros() + 1, 0)
    );
    assert_eq!((client.secrets.len(), client.secrets[0].expires_at), (1, 0));
    let (listed, more) = list(&world, &provider.id, "", 10).await;
    assert_eq!((listed.len(), more), (2, false));
    assert!(listed.contains(&client) && listed.iter().any(|it| it.id == first.client_id && it.name == "Acme"));
    assert!(listed.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(list(&world, &provider.id, "", 1).await, (listed[..1].to_vec(), true));
    assert_eq!(list(&world, &provider.id, &listed[0].id, 1).await, (listed[1..].to_vec(), false));
    assert_eq!(list(&world, &other.id, "", 10).await.0.len(), 1);
}

async fn a_wish_that_makes_no_sense_is_refused_naming_why(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let unknown = refused(&world, wish(&provider.id, Role::Owner, &["devices:read", "phones:read"])).await;
    assert_eq!((unknown.kind, unknown.reason.as_str()), (ErrorKind::Malformed, "scope_invalid"));
    assert!(unknown.message.contains("phones:read"), "{unknown:?}");
    let outside = refused(&world, wish(&provider.id, Role::ReadOnly, &["codes:write"])).await;
    assert_eq!(outside.message, "the role read_only does not have the scope codes:write");
    assert_eq!(refused(&world, wish(&provider.id, Role::Owner, &["operate"])).await.reason, "scope_invalid");
    assert_eq!(refused(&world, wish(&provider.id, Role::Unspecified, &[])).await.reason, "role_invalid");
    assert_eq!(refused(&world, wish("prv_00000000000000000001", Role::Owner, &[])).await.reason, "tenant_not_found");
    let mut expired = wish(&provider.id, Role::Owner, &[]);
    expired.expires_at = START.as_micros();
    assert_eq!(refused(&world, expired).await.reason, "client_expiry_invalid");
    let mut nameless = wish(&provider.id, Role::Owner, &[]);
    nameless.name = " ".to_owned();
    assert_eq!(refused(&world, nameless).await.reason, "client_name_invalid");
}

async fn a_narrowed_client_cannot_give_what_it_lacks(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, first) = world.provider("Acme").await;
    let narrowed =
        world.make_client(&provider.id, Role::Owner, &["clients:write", "people:write", "devices:read"]).await;
    let actor = Actor { subject: narrowed.client.expect("a client").id, tenant: provider.id.clone(), ..jo() };
    let make = async |scopes: &[&str]| {
        let request = within_as(&actor, ALLOWED, wish(&provider.id, Role::Owner, scopes));
        world.gateway().create_client(request).await.map_err(Failure::from)
    };
    let wider = make(&[]).await.expect_err("wider");
    assert_eq!((wider.kind, wider.reason.as_str()), (ErrorKind::Forbidden, "scope_not_yours"));
    make(&["devices:read"]).await.expect("as narrow");
    let request = RotateClientSecretRequest {
        tenant_id: provider.id.clone(),
        client_id: first.client_id.clone(),
        overlap_seconds: 0,
        ..RotateClientSecretRequest::default()
    };
    let taken = world.gateway().rotate_client_secret(within_as(&actor, ALLOWED, request)).await;
    assert_eq!(Failure::from(taken.expect_err("a stronger one's secret")).reason, "scope_not_yours");
    let request = InvitePersonRequest {
        tenant_id: provider.id.clone(),
        email: "me@example.com".to_owned(),
        role: Role::Owner.into(),
        ..InvitePersonRequest::default()
    };
    let invited = world.gateway().invite_person(within_as(&actor, ALLOWED, request)).await;
    assert_eq!(Failure::from(invited.expect_err("an owner")).reason, "scope_not_yours");
}

async fn a_narrowed_token_cannot_give_what_it_lacks(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, first) = world.provider("Acme").await;
    let tenant_id = provider.id.clone();
    let token_scopes =
        || ["clients:write", "people:write", "tenants:write", "devices:read"].map(str::to_owned).to_vec();
    let actor = Actor { subject: first.client_id.clone(), tenant: provider.id.clone(), ..jo() };
    let make = async |scopes: &[&str]| {
        let request = CreateClientRequest { token_scopes: token_scopes(), ..wish(&provider.id, Role::Owner, scopes) };
        let made = world.gateway().create_client(within_as(&actor, ALLOWED, request)).await;
        made.map(drop).map_err(|status| Failure::from(status).reason)
    };
    assert_eq!(make(&[]).await, Err("scope_not_yours".to_owned()));
    assert_eq!(make(&["devices:write"]).await, Err("scope_not_yours".to_owned()));
    make(&["devices:read"]).await.expect("as narrow");

    let not_yours = |refused: Option<tonic::Status>| {
        assert_eq!(Failure::from(refused.expect("it is refused")).reason, "scope_not_yours");
    };
    let request = RotateClientSecretRequest {
        tenant_id: tenant_id.clone(),
        client_id: first.client_id.clone(),
        overlap_seconds: 0,
        token_scopes: token_scopes(),
    };
    not_yours(world.gateway().rotate_client_secret(within_as(&actor, ALLOWED, request)).await.err());
    let (email, role) = ("me@example.com".to_owned(), Role::Engineer.into());
    let request = InvitePersonRequest { tenant_id: tenant_id.clone(), email, role, token_scopes: token_scopes() };
    not_yours(world.gateway().invite_person(within_as(&actor, ALLOWED, request)).await.err());
    let request = CreateTenantRequest {
        parent_id: tenant_id.clone(),
        kind: TenantKind::Site.into(),
        name: "A site".to_owned(),
        with_client: true,
        token_scopes: token_scopes(),
    };
    not_yours(world.gateway().create_tenant(within_as(&actor, ALLOWED, request.clone())).await.err());
    let without = CreateTenantRequest { with_client: false, ..request };
    world.gateway().create_tenant(within_as(&actor, ALLOWED, without)).await.expect("nobody is given anything");
}

async fn an_expired_client_is_told_so_after_proving_its_secret(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, other) = world.provider("Acme").await;
    let mut request = wish(&provider.id, Role::Owner, &[]);
    request.expires_at = START.as_micros() + 60_000_000;
    let made = world.gateway().create_client(request).await.expect("created").into_inner();
    let secret = made.secret.expect("a secret");
    world.clock.advance(Duration::from_secs(59));
    world.log_in(&secret).await.expect("a token");
    world.authorize(&secret.client_id, "").await.expect("authorized");
    world.clock.advance(Duration::from_secs(1));
    let told = world.log_in(&secret).await.expect_err("expired");
    assert_eq!((told.kind, told.reason.as_str()), (ErrorKind::Unauthenticated, "client_expired"));
    let stranger = world.log_in_with(&secret.client_id, &other.client_secret).await.expect_err("wrong");
    assert_eq!(stranger.reason, "invalid_client");
    assert_eq!(world.authorize(&secret.client_id, "").await.expect_err("expired").reason, "subject_revoked");
}

async fn after_a_rotation_both_secrets_are_good_until_the_overlap_ends(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, old) = world.provider("Acme").await;
    world.clock.advance(Duration::from_secs(1));
    let rotated = rotate(&world, &provider.id, &old.client_id, 3600).await.expect("rotated");
    let new: NewSecret = rotated.secret.expect("a secret");
    assert_eq!(new.client_id, old.client_id);
    let ends: Vec<i64> = rotated.client.expect("a client").secrets.iter().map(|secret| secret.expires_at).collect();
    assert_eq!(ends, [START.as_micros() + 3_601_000_000, 0]);
    world.clock.advance(Duration::from_secs(3599));
    for secret in [&old, &new] {
        world.log_in(secret).await.expect("a token");
    }
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.log_in(&old).await.expect_err("ended").reason, "invalid_client");
    world.log_in(&new).await.expect("a token");
    assert_eq!(list(&world, &provider.id, "", 10).await.0[0].secrets.len(), 1);
}

async fn a_secret_of_before_there_were_selectors_is_good_beside_a_further_one(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, old) = world.provider("Acme").await;
    let forget = "UPDATE client_secret SET selector = NULL";
    let mut tx = world.home.database().await.write().await.expect("a transaction");
    on!(tx, conn => sqlx::query(forget).execute(conn).await.map(drop)).expect("as an earlier version left it");
    tx.commit().await.expect("committed");
    world.clock.advance(Duration::from_secs(1));
    let new = rotate(&world, &provider.id, &old.client_id, 60).await.expect("rotated").secret.expect("a secret");
    for secret in [&new, &old, &new, &old] {
        world.log_in(secret).await.expect("a token");
    }
}

async fn without_an_overlap_the_old_secret_ends_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, old) = world.provider("Acme").await;
    let new = rotate(&world, &provider.id, &old.client_id, 0).await.expect("rotated").secret.expect("a secret");
    assert_eq!(world.log_in(&old).await.expect_err("ended").reason, "invalid_client");
    world.log_in(&new).await.expect("a token");
}

async fn a_rotation_has_limits(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let (other, _) = world.provider("Bell").await;
    let longest = 30 * 24 * 3600;
    let refused = rotate(&world, &provider.id, &client.client_id, longest + 1).await.expect_err("too long");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "overlap_invalid"));
    let strangers = rotate(&world, &other.id, &client.client_id, 0).await.expect_err("not theirs");
    assert_eq!((strangers.kind, strangers.reason.as_str()), (ErrorKind::NotFound, "client_not_found"));
    for _ in 0..4 {
        rotate(&world, &provider.id, &client.client_id, longest).await.expect("rotated");
    }
    let many = rotate(&world, &provider.id, &client.client_id, longest).await.expect_err("too many");
    assert_eq!((many.kind, many.reason.as_str()), (ErrorKind::Conflict, "too_many_secrets"));
    world.log_in(&client).await.expect("what was refused changed nothing");
    rotate(&world, &provider.id, &client.client_id, 0).await.expect("an emergency");
    assert!(world.log_in(&client).await.is_err());
}

async fn of_two_rotations_at_once_each_gives_a_good_secret_and_one_stays(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let rotations = [(); 2].map(|()| {
        let mut gateway = world.gateway();
        let request = RotateClientSecretRequest {
            tenant_id: provider.id.clone(),
            client_id: client.client_id.clone(),
            overlap_seconds: 60,
            ..RotateClientSecretRequest::default()
        };
        tokio::spawn(async move { gateway.rotate_client_secret(request).await })
    });
    for rotation in rotations {
        let secret = rotation.await.expect("ran").expect("rotated").into_inner().secret.expect("a secret");
        world.log_in(&secret).await.expect("a token");
    }
    world.log_in(&client).await.expect("the first one too");
    let secrets = &list(&world, &provider.id, "", 10).await.0[0].secrets;
    assert_eq!((secrets.len(), secrets.iter().filter(|secret| secret.expires_at == 0).count()), (3, 1));
}

async fn a_revoked_client_ends_at_once_and_for_good(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let (other, _) = world.provider("Bell").await;
    assert_eq!(revoke(&world, &other.id, &client.client_id).await.expect_err("not theirs").reason, "client_not_found");
    world.authorize(&client.client_id, "").await.expect("still good");
    for _ in 0..2 {
        revoke(&world, &provider.id, &client.client_id).await.expect("revoked");
    }
    let ended = world.authorize(&client.client_id, "").await.expect_err("revoked");
    assert_eq!((ended.kind, ended.reason.as_str()), (ErrorKind::Unauthenticated, "subject_revoked"));
    assert_eq!(world.log_in(&client).await.expect_err("revoked").reason, "invalid_client");
    assert_eq!(
        rotate(&world, &provider.id, &client.client_id, 0).await.expect_err("revoked").reason,
        "client_not_found"
    );
    assert!(list(&world, &provider.id, "", 10).await.0.is_empty());
    let (_, site) = world.create(&provider.id, TenantKind::Site, "Lobby").await.expect("created");
    world.log_in(&site).await.expect("others are not revoked");
    assert_eq!(
        revoke(&world, &root(), "cli_00000000000000000000").await.expect_err("nobody").kind,
        ErrorKind::NotFound
    );
}

on_each_database!(
    threads 4;
    a_tenant_has_many_clients_and_each_is_listed_as_it_was_made,
    a_wish_that_makes_no_sense_is_refused_naming_why,
    a_narrowed_client_cannot_give_what_it_lacks,
    a_narrowed_token_cannot_give_what_it_lacks,
    an_expired_client_is_told_so_after_proving_its_secret,
    after_a_rotation_both_secrets_are_good_until_the_overlap_ends,
    a_secret_of_before_there_were_selectors_is_good_beside_a_further_one,
    without_an_overlap_the_old_secret_ends_at_once,
    a_rotation_has_limits,
    of_two_rotations_at_once_each_gives_a_good_secret_and_one_stays,
    a_revoked_client_ends_at_once_and_for_good,
);

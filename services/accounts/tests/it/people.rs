//! People: invited, logged in, changed, removed; and what their hashes become.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use contracts::accounts::{
    AcceptInvitationRequest, ChangePasswordRequest, ChangePersonRequest, ChangePersonResponse, ListPeopleRequest,
    Person, RemovePersonRequest, Role,
};
use rpc::{Failure, within_as};
use storage::testing::Kind;
use storage::{on, on_each_database};
use vocabulary::ErrorKind;

use crate::login::verify;
use crate::support::{ALLOWED, PASSWORD, START, World, jo};

const OTHER: &str = "another password altogether";

async fn change(world: &World, person: &Person, wish: ChangePersonRequest) -> Result<ChangePersonResponse, Failure> {
    let request = ChangePersonRequest { tenant_id: person.tenant_id.clone(), person_id: person.id.clone(), ..wish };
    Ok(world.gateway().change_person(within_as(&jo(), ALLOWED, request)).await?.into_inner())
}

async fn remove(world: &World, tenant: &str, person: &str) -> Result<(), Failure> {
    let request = RemovePersonRequest { tenant_id: tenant.to_owned(), person_id: person.to_owned() };
    world.gateway().remove_person(within_as(&jo(), ALLOWED, request)).await?;
    Ok(())
}

async fn change_password(world: &World, person: &Person, present: &str, new: &str) -> Result<(), Failure> {
    let request = ChangePasswordRequest {
        person_id: person.id.clone(),
        password: present.to_owned(),
        new_password: new.to_owned(),
    };
    world.gateway().change_password(within_as(&jo(), ALLOWED, request)).await?;
    Ok(())
}

async fn list(world: &World, tenant: &str) -> Vec<Person> {
    let request = ListPeopleRequest { tenant_id: tenant.to_owned(), after: String::new(), limit: 10 };
    world.gateway().list_people(request).await.expect("a page").into_inner().people
}

async fn whoever_was_invited_chooses_a_password_and_logs_in(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let (person, invitation) = world.invite(&provider.id, " Jo@Example.com ", Role::Engineer).await.expect("invited");
    assert_eq!(
        (person.email.as_str(), person.role(), person.active, person.totp),
        ("Jo@Example.com", Role::Engineer, false, false)
    );
    assert!(person.id.starts_with("per_") && invitation.len() == 43);
    assert_eq!(list(&world, &provider.id).await, std::slice::from_ref(&person));
    let early = world.person_logs_in("jo@example.com", PASSWORD, "").await.expect_err("no password yet");
    assert_eq!((early.kind, early.reason.as_str()), (ErrorKind::Unauthenticated, "invalid_login"));
    let accepted = world.accept(&invitation, PASSWORD).await.expect("accepted");
    assert_eq!(accepted, Person { active: true, ..person.clone() });
    let token = world.person_logs_in("JO@example.COM", PASSWORD, "").await.expect("a token");
    let claims = verify(&token, &world.keys().await).expect("a good token");
    assert_eq!((claims.sub.as_str(), claims.role.as_str()), (person.id.as_str(), "engineer"));
    assert_eq!((claims.tenant.as_str(), claims.kind.as_str()), (provider.id.as_str(), "provider"));
    assert_eq!(list(&world, &provider.id).await[0].last_login_at, START.as_micros());
    assert_eq!(world.person_logs_in("jo@example.com", OTHER, "").await.expect_err("wrong"), early);
    assert_eq!(world.person_logs_in("nobody@example.com", PASSWORD, "").await.expect_err("nobody"), early);
    assert_eq!(world.person_logs_in("", "", "").await.expect_err("nothing"), early);
}

async fn an_address_has_one_login_in_the_whole_service(kind: Kind) {
    let world = World::new(kind).await;
    let (acme, _) = world.provider("Acme").await;
    let (bell, _) = world.provider("Bell").await;
    let (person, _) = world.invite(&acme.id, "jo@example.com", Role::Owner).await.expect("invited");
    let taken = world.invite(&bell.id, "JO@EXAMPLE.COM", Role::Owner).await.expect_err("taken");
    assert_eq!((taken.kind, taken.reason.as_str()), (ErrorKind::Conflict, "email_taken"));
    for (tenant, email, role, reason) in [
        (acme.id.as_str(), "jo", Role::Owner, "email_invalid"),
        (acme.id.as_str(), "me@example.com", Role::Unspecified, "role_invalid"),
        ("prv_00000000000000000001", "me@example.com", Role::Owner, "tenant_not_found"),
    ] {
        assert_eq!(world.invite(tenant, email, role).await.expect_err("refused").reason, reason);
    }
    remove(&world, &acme.id, &person.id).await.expect("removed");
    world.invite(&bell.id, "jo@example.com", Role::Owner).await.expect("free again");
}

async fn an_invitation_is_good_for_one_even_if_many_accept_it_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let (_, invitation) = world.invite(&provider.id, "jo@example.com", Role::Owner).await.expect("invited");
    let attempts = (0..8).map(|nth| {
        let mut gateway = world.gateway();
        let password = format!("the password of number {nth}");
        let request = AcceptInvitationRequest { invitation: invitation.clone(), password: password.clone() };
        tokio::spawn(async move { (password, gateway.accept_invitation(request).await) })
    });
    let mut chosen = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.expect("ran") {
            (password, Ok(_)) => chosen.push(password),
            (_, Err(status)) => assert_eq!(Failure::from(status).reason, "invitation_not_found"),
        }
    }
    assert_eq!(chosen.len(), 1);
    world.person_logs_in("jo@example.com", &chosen[0], "").await.expect("a token");
}

async fn an_invitation_ends_after_seven_days_or_with_the_next_one(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let (person, first) = world.invite(&provider.id, "jo@example.com", Role::Owner).await.expect("invited");
    let short = world.accept(&first, "short").await.expect_err("too short");
    assert_eq!((short.kind, short.reason.as_str()), (ErrorKind::Malformed, "password_invalid"));
    let again = ChangePersonRequest { invite_again: true, ..ChangePersonRequest::default() };
    let second = change(&world, &person, again.clone()).await.expect("invited again").invitation;
    let replaced = world.accept(&first, PASSWORD).await.expect_err("replaced");
    assert_eq!((replaced.kind, replaced.reason.as_str()), (ErrorKind::NotFound, "invitation_not_found"));
    world.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(world.accept(&second, PASSWORD).await.expect_err("expired"), replaced);
    assert_eq!(world.accept("no invitation", PASSWORD).await.expect_err("none"), replaced);
    let third = change(&world, &person, again).await.expect("invited again").invitation;
    world.clock.advance(Duration::from_hours(7 * 24) - Duration::from_micros(1));
    world.accept(&third, PASSWORD).await.expect("accepted");
}

async fn a_forgotten_password_is_good_until_another_is_chosen(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let person = world.owner(&provider.id, "jo@example.com").await;
    let again = ChangePersonRequest { invite_again: true, ..ChangePersonRequest::default() };
    let invitation = change(&world, &person, again).await.expect("invited again").invitation;
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("still good");
    world.accept(&invitation, OTHER).await.expect("accepted");
    assert!(world.person_logs_in("jo@example.com", PASSWORD, "").await.is_err());
    world.person_logs_in("jo@example.com", OTHER, "").await.expect("a token");
}

async fn a_changed_role_acts_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let person = world.owner(&provider.id, "jo@example.com").await;
    let before = world.authorize(&person.id, "").await.expect("authorized").scopes;
    assert!(before.contains(&"people:write".to_owned()));
    let to_read = ChangePersonRequest { role: Role::ReadOnly.into(), ..ChangePersonRequest::default() };
    let changed = change(&world, &person, to_read.clone()).await.expect("changed");
    assert_eq!((changed.person.expect("a person").role(), changed.invitation.as_str()), (Role::ReadOnly, ""));
    let after = world.authorize(&person.id, "").await.expect("authorized");
    assert_eq!(after.role(), Role::ReadOnly);
    assert!(after.scopes.iter().all(|scope| scope.ends_with(":read")), "{after:?}");
    let stranger = Person { tenant_id: world.provider("Bell").await.0.id, ..person };
    let refused = change(&world, &stranger, to_read).await.expect_err("not theirs");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::NotFound, "person_not_found"));
}

async fn who_is_removed_ends_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let (other, _) = world.provider("Bell").await;
    let person = world.owner(&provider.id, "jo@example.com").await;
    assert_eq!(remove(&world, &other.id, &person.id).await.expect_err("nobody of theirs").reason, "person_not_found");
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("a token");
    remove(&world, &provider.id, &person.id).await.expect("removed");
    assert_eq!(remove(&world, &provider.id, &person.id).await.expect_err("gone").reason, "person_not_found");
    let ended = world.authorize(&person.id, "").await.expect_err("removed");
    assert_eq!((ended.kind, ended.reason.as_str()), (ErrorKind::Unauthenticated, "subject_revoked"));
    assert_eq!(world.person_logs_in("jo@example.com", PASSWORD, "").await.expect_err("gone").reason, "invalid_login");
}

async fn a_stopped_tenants_people_are_told_so_after_their_password(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    world.owner(&provider.id, "jo@example.com").await;
    world.set_frozen(&provider.id, true).await.expect("frozen");
    let told = world.person_logs_in("jo@example.com", PASSWORD, "").await.expect_err("frozen");
    assert_eq!((told.kind, told.reason.as_str()), (ErrorKind::Forbidden, "provider_frozen"));
    assert_eq!(world.person_logs_in("jo@example.com", OTHER, "").await.expect_err("wrong").reason, "invalid_login");
}

async fn a_password_is_changed_by_who_knows_the_present_one(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let person = world.owner(&provider.id, "jo@example.com").await;
    let wrong = change_password(&world, &person, OTHER, OTHER).await.expect_err("wrong");
    assert_eq!((wrong.kind, wrong.reason.as_str()), (ErrorKind::Forbidden, "password_wrong"));
    let short = change_password(&world, &person, PASSWORD, "short").await.expect_err("too short");
    assert_eq!(short.reason, "password_invalid");
    change_password(&world, &person, PASSWORD, OTHER).await.expect("changed");
    assert!(world.person_logs_in("jo@example.com", PASSWORD, "").await.is_err());
    world.person_logs_in("jo@example.com", OTHER, "").await.expect("a token");
}

/// A hash of less cost, as an earlier version could have made it.
pub fn cheap_hash(secret: &str) -> String {
    let params = Params::new(8 * 1024, 1, 1, None).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(secret.as_bytes(), b"sixteen bytes at").expect("a hash");
    argon2::password_hash::phc::PasswordHash::to_string(&hash)
}

async fn a_hash_of_another_cost_is_replaced_when_its_owner_logs_in(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    world.owner(&provider.id, "jo@example.com").await;
    let mut tx = world.home.database().await.write().await.expect("a transaction");
    for (statement, hash) in [
        ("UPDATE person SET password_hash = $1", cheap_hash(PASSWORD)),
        ("UPDATE client_secret SET secret_hash = $1", cheap_hash(&client.client_secret)),
    ] {
        on!(tx, conn => sqlx::query(statement).bind(hash).execute(conn).await.map(drop)).expect("changed");
    }
    tx.commit().await.expect("committed");
    let stored = async |statement: &'static str| -> String {
        on!(world.reader().await, conn => sqlx::query_scalar(statement).fetch_one(conn).await.expect("a hash"))
    };
    let stored = async || {
        [stored("SELECT password_hash FROM person").await, stored("SELECT secret_hash FROM client_secret").await]
    };
    assert!(world.person_logs_in("jo@example.com", OTHER, "").await.is_err());
    assert!(stored().await.iter().all(|hash| hash.contains("m=8192,t=1")));
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("a token");
    world.log_in(&client).await.expect("a token");
    let renewed = stored().await;
    assert!(renewed.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{renewed:?}");
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("a token");
    world.log_in(&client).await.expect("a token");
    assert_eq!(stored().await, renewed);
}

on_each_database!(
    threads 4;
    whoever_was_invited_chooses_a_password_and_logs_in,
    an_address_has_one_login_in_the_whole_service,
    an_invitation_is_good_for_one_even_if_many_accept_it_at_once,
    an_invitation_ends_after_seven_days_or_with_the_next_one,
    a_forgotten_password_is_good_until_another_is_chosen,
    a_changed_role_acts_at_once,
    who_is_removed_ends_at_once,
    a_stopped_tenants_people_are_told_so_after_their_password,
    a_password_is_changed_by_who_knows_the_present_one,
    a_hash_of_another_cost_is_replaced_when_its_owner_logs_in,
);

//! The second factor: set up, asked for, used once, taken off.

use std::time::Duration;

use contracts::accounts::{BeginTotpRequest, BeginTotpResponse, ChangePersonRequest, ConfirmTotpRequest, Person};
use rpc::{Failure, within_as};
use storage::testing::Kind;
use storage::{on, on_each_database};
use totp_rs::{Builder, Secret, Totp};
use vocabulary::{Clock, ErrorKind};

use crate::support::{ALLOWED, PASSWORD, World, jo};

async fn begin(world: &World, person: &Person, password: &str) -> Result<BeginTotpResponse, Failure> {
    let request = BeginTotpRequest { person_id: person.id.clone(), password: password.to_owned() };
    Ok(world.gateway().begin_totp(within_as(&jo(), ALLOWED, request)).await?.into_inner())
}

async fn confirm(world: &World, person: &Person, code: &str) -> Result<Person, Failure> {
    let request = ConfirmTotpRequest { person_id: person.id.clone(), code: code.to_owned() };
    let confirmed = world.gateway().confirm_totp(within_as(&jo(), ALLOWED, request)).await?.into_inner();
    Ok(confirmed.person.expect("a person"))
}

/// What a person holds in the hand.
pub struct Authenticator(Totp);

impl Authenticator {
    fn of(setup: &BeginTotpResponse) -> Self {
        let secret = Secret::try_from_base32(&setup.secret).expect("base32");
        Self(Builder::new().with_secret(secret).build().expect("a secret"))
    }

    fn code(&self, world: &World) -> String {
        let now = Clock::Manual(world.clock.clone()).now().as_seconds();
        self.0.generate(u64::try_from(now).expect("after 1970")).to_string()
    }
}

async fn someone(world: &World) -> Person {
    let (provider, _) = world.provider("Acme").await;
    world.owner(&provider.id, "jo@example.com").await
}

/// Somebody with a second factor, in the step after the one whose code confirmed it.
pub async fn someone_with_factor(world: &World) -> (Person, Authenticator) {
    let person = someone(world).await;
    let authenticator = Authenticator::of(&begin(world, &person, PASSWORD).await.expect("begun"));
    let person = confirm(world, &person, &authenticator.code(world)).await.expect("confirmed");
    world.clock.advance(Duration::from_secs(30));
    (person, authenticator)
}

async fn refused(world: &World, code: &str) -> String {
    world.person_logs_in("jo@example.com", PASSWORD, code).await.expect_err("refused").reason
}

async fn a_factor_is_in_force_when_it_is_confirmed(kind: Kind) {
    let world = World::new(kind).await;
    let person = someone(&world).await;
    assert_eq!(confirm(&world, &person, "123456").await.expect_err("not begun").reason, "totp_not_begun");
    let wrong = begin(&world, &person, "not the password").await.expect_err("wrong");
    assert_eq!((wrong.kind, wrong.reason.as_str()), (ErrorKind::Forbidden, "password_wrong"));
    let setup = begin(&world, &person, PASSWORD).await.expect("begun");
    assert!(setup.uri.contains(&setup.secret) && setup.uri.starts_with("otpauth://totp/Dialtone:jo%40example"));
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("not in force yet");
    let authenticator = Authenticator::of(&setup);
    assert_eq!(confirm(&world, &person, "000000").await.expect_err("wrong").reason, "totp_wrong");
    let code = authenticator.code(&world);
    assert!(confirm(&world, &person, &code).await.expect("confirmed").totp);
    assert_eq!(confirm(&world, &person, &code).await.expect_err("done").reason, "totp_not_begun");
    assert_eq!(refused(&world, "").await, "totp_needed");
    assert_eq!(refused(&world, "000000").await, "totp_wrong");
    assert_eq!(refused(&world, &code).await, "totp_wrong", "the code that confirmed it is used");
    world.clock.advance(Duration::from_secs(30));
    let code = authenticator.code(&world);
    world.person_logs_in("jo@example.com", PASSWORD, &code).await.expect("a token");
}

async fn only_who_knows_the_password_learns_of_the_factor(kind: Kind) {
    let world = World::new(kind).await;
    let (_, authenticator) = someone_with_factor(&world).await;
    for code in ["", "000000", &authenticator.code(&world)] {
        let refused = world.person_logs_in("jo@example.com", "not the password", code).await.expect_err("refused");
        assert_eq!(refused.reason, "invalid_login");
    }
}

async fn a_code_is_good_once_even_if_it_is_used_twice_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let (_, authenticator) = someone_with_factor(&world).await;
    let code = authenticator.code(&world);
    let (one, other, third) = tokio::join!(
        world.person_logs_in("jo@example.com", PASSWORD, &code),
        world.person_logs_in("jo@example.com", PASSWORD, &code),
        world.person_logs_in("jo@example.com", PASSWORD, &code),
    );
    let results = [one, other, third];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|failure| failure.reason == "totp_wrong"));
    world.clock.advance(Duration::from_secs(30));
    world.person_logs_in("jo@example.com", PASSWORD, &authenticator.code(&world)).await.expect("the next one is good");
    assert_eq!(refused(&world, &code).await, "totp_wrong", "one of before the last that was used");
}

async fn a_new_secret_replaces_the_old_one_only_when_confirmed(kind: Kind) {
    let world = World::new(kind).await;
    let (person, old) = someone_with_factor(&world).await;
    let new = Authenticator::of(&begin(&world, &person, PASSWORD).await.expect("begun"));
    assert_eq!(refused(&world, &new.code(&world)).await, "totp_wrong");
    world.person_logs_in("jo@example.com", PASSWORD, &old.code(&world)).await.expect("still in force");
    confirm(&world, &person, &new.code(&world)).await.expect("confirmed");
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(refused(&world, &old.code(&world)).await, "totp_wrong");
    world.person_logs_in("jo@example.com", PASSWORD, &new.code(&world)).await.expect("a token");
}

async fn a_lost_factor_is_taken_off_by_those_who_manage_people(kind: Kind) {
    let world = World::new(kind).await;
    let (person, _) = someone_with_factor(&world).await;
    let request = ChangePersonRequest {
        tenant_id: person.tenant_id.clone(),
        person_id: person.id.clone(),
        remove_totp: true,
        ..ChangePersonRequest::default()
    };
    let changed = world.gateway().change_person(request).await.expect("changed").into_inner();
    assert_eq!(changed.person, Some(Person { totp: false, ..person }));
    world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("a token");
}

async fn the_secret_lies_sealed_in_the_database(kind: Kind) {
    let world = World::new(kind).await;
    let person = someone(&world).await;
    let setup = begin(&world, &person, PASSWORD).await.expect("begun");
    let sealed: Vec<u8> = on!(world.reader().await, conn => {
        sqlx::query_scalar("SELECT totp_pending FROM person").fetch_one(conn).await.expect("sealed")
    });
    let secret = Secret::try_from_base32(&setup.secret).expect("base32");
    let secret: &[u8] = secret.as_ref();
    assert!(secret.len() == 20 && !sealed.windows(20).any(|window| window == secret));
}

on_each_database!(
    threads 4;
    a_factor_is_in_force_when_it_is_confirmed,
    only_who_knows_the_password_learns_of_the_factor,
    a_code_is_good_once_even_if_it_is_used_twice_at_once,
    a_new_secret_replaces_the_old_one_only_when_confirmed,
    a_lost_factor_is_taken_off_by_those_who_manage_people,
    the_secret_lies_sealed_in_the_database,
);

//! Guessing is slowed, and nobody is locked out by another's guesses.

use std::time::Duration;

use contracts::accounts::LogInRequest;
use rpc::Failure;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::ErrorKind;

use crate::second_factor::someone_with_factor;
use crate::support::{HOME, PASSWORD, World, token_request};

const WRONG: &str = "not the password at all";
const JO: &str = "jo@example.com";

async fn world_with_jo(kind: Kind) -> World {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    world.owner(&provider.id, JO).await;
    world
}

/// The reason of each of `times` wrong tries from `source`.
async fn guess(world: &World, source: &str, email: &str, times: usize) -> Vec<String> {
    let mut reasons = Vec::new();
    for _ in 0..times {
        reasons.push(world.person_logs_in_from(source, email, WRONG, "").await.expect_err("wrong").reason);
    }
    reasons
}

fn count(reasons: &[String], reason: &str) -> usize {
    reasons.iter().filter(|it| it.as_str() == reason).count()
}

async fn one_network_is_slowed_and_has_one_try_more_after_a_while(kind: Kind) {
    let world = world_with_jo(kind).await;
    let stranger = "198.51.100.1";
    let reasons = guess(&world, stranger, JO, 12).await;
    assert_eq!((count(&reasons[..10], "invalid_login"), count(&reasons[10..], "too_many_attempts")), (10, 2));
    let neighbour = world.person_logs_in_from("198.51.100.200", JO, PASSWORD, "").await.expect_err("the same network");
    assert_eq!((neighbour.kind, neighbour.reason.as_str()), (ErrorKind::Throttled, "too_many_attempts"));
    assert!(neighbour.message.contains("300 s") || neighbour.message.contains("301 s"), "{neighbour:?}");
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(guess(&world, stranger, JO, 2).await, ["invalid_login", "too_many_attempts"]);
    world.clock.advance(Duration::from_mins(5));
    world.person_logs_in_from(stranger, JO, PASSWORD, "").await.expect("a right try is let through");
    world.person_logs_in_from(stranger, JO, PASSWORD, "").await.expect("and costs nothing");
}

async fn many_networks_cannot_lock_the_owner_out(kind: Kind) {
    let world = world_with_jo(kind).await;
    let mut refused = 0;
    for network in 0..8 {
        let reasons = guess(&world, &format!("198.51.{network}.1"), JO, 10).await;
        refused += count(&reasons, "too_many_attempts");
    }
    assert_eq!(refused, 80 - 50, "all strangers together have the budget of the account");
    let elsewhere = world.person_logs_in_from("203.0.113.1", JO, PASSWORD, "").await.expect_err("not known there");
    assert_eq!(elsewhere.reason, "too_many_attempts");
    world.person_logs_in_from(HOME, JO, PASSWORD, "").await.expect("at home nothing has changed");
    assert_eq!(guess(&world, HOME, JO, 1).await, ["invalid_login"]);
    world.clock.advance(Duration::from_mins(5));
    world.person_logs_in_from("203.0.113.1", JO, PASSWORD, "").await.expect("strangers' budget refills too");
    world.person_logs_in_from("203.0.113.9", JO, PASSWORD, "").await.expect("and this network is now known");
}

async fn a_network_is_forgotten_after_thirty_days(kind: Kind) {
    let world = world_with_jo(kind).await;
    world.clock.advance(Duration::from_hours(30 * 24));
    for network in 0..5 {
        guess(&world, &format!("198.51.{network}.1"), JO, 10).await;
    }
    assert_eq!(
        world.person_logs_in_from(HOME, JO, PASSWORD, "").await.expect_err("forgotten").reason,
        "too_many_attempts"
    );
}

async fn a_network_that_tries_everybody_is_slowed_and_its_known_neighbours_are_not(kind: Kind) {
    let world = world_with_jo(kind).await;
    let mut reasons = Vec::new();
    for nth in 0..21 {
        reasons.extend(guess(&world, "192.0.2.99", &format!("nobody{nth}@example.com"), 5).await);
    }
    assert_eq!((count(&reasons[..100], "invalid_login"), count(&reasons[100..], "too_many_attempts")), (100, 5));
    world.person_logs_in_from(HOME, JO, PASSWORD, "").await.expect("who is known there is not slowed");
}

async fn accounts_that_do_not_exist_are_throttled_as_those_that_do(kind: Kind) {
    let world = world_with_jo(kind).await;
    let existing = guess(&world, "198.51.100.1", JO, 12).await;
    let missing = guess(&world, "203.0.113.1", "nobody@example.com", 12).await;
    assert_eq!(existing, missing);
}

async fn clients_are_throttled_too_and_others_of_their_network_are_not(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme").await;
    let (_, other) = world.provider("Bell").await;
    let mut reasons = Vec::new();
    for _ in 0..11 {
        let wrong = world.log_in_with(&client.client_id, &other.client_secret).await;
        reasons.push(wrong.expect_err("wrong").reason);
    }
    assert_eq!((count(&reasons, "invalid_client"), reasons[10].as_str()), (10, "too_many_attempts"));
    assert_eq!(world.log_in(&client).await.expect_err("slowed").kind, ErrorKind::Throttled);
    world.log_in(&other).await.expect("not concerned");
    let mut elsewhere = token_request(&client.client_id, &client.client_secret);
    elsewhere.source = "203.0.113.1".to_owned();
    world.gateway().issue_token(elsewhere).await.expect("from elsewhere it is not slowed");
}

async fn codes_of_the_second_factor_are_not_guessed_faster_than_passwords(kind: Kind) {
    let world = World::new(kind).await;
    someone_with_factor(&world).await;
    let mut reasons = Vec::new();
    for _ in 0..11 {
        reasons.push(world.person_logs_in(JO, PASSWORD, "000000").await.expect_err("wrong").reason);
    }
    assert_eq!((count(&reasons, "totp_wrong"), reasons[10].as_str()), (10, "too_many_attempts"));
}

async fn guesses_at_once_get_hardly_more_than_guesses_in_a_row(kind: Kind) {
    let world = world_with_jo(kind).await;
    let guesses = (0..40).map(|_| {
        let mut gateway = world.gateway();
        let request = LogInRequest {
            email: JO.to_owned(),
            password: WRONG.to_owned(),
            totp: String::new(),
            source: "198.51.100.1".to_owned(),
        };
        tokio::spawn(async move { Failure::from(gateway.log_in(request).await.expect_err("wrong")).reason })
    });
    let mut reasons = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        reasons.push(guess.await.expect("ran"));
    }
    // Ten, and those that were being hashed beside the tenth.
    let checked = count(&reasons, "invalid_login");
    assert!((10..=13).contains(&checked), "{checked}");
}

on_each_database!(
    threads 4;
    one_network_is_slowed_and_has_one_try_more_after_a_while,
    many_networks_cannot_lock_the_owner_out,
    a_network_is_forgotten_after_thirty_days,
    a_network_that_tries_everybody_is_slowed_and_its_known_neighbours_are_not,
    accounts_that_do_not_exist_are_throttled_as_those_that_do,
    clients_are_throttled_too_and_others_of_their_network_are_not,
    codes_of_the_second_factor_are_not_guessed_faster_than_passwords,
    guesses_at_once_get_hardly_more_than_guesses_in_a_row,
);

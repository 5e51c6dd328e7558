//! What stays when the service ends, and when it does not start.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use accounts::{Accounts, OpenError, SigningKeyError};
use vocabulary::{Clock, Randomness};

use crate::login::verify;
use crate::support::{World, keys_of};

#[tokio::test]
async fn keys_and_clients_outlive_the_process() {
    let world = World::start().await;
    let (provider, client) = world.create("Acme Telecom").await.expect("created");
    let keys = world.keys().await;
    let token = world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
    world.set_frozen(&provider.id, true).await.expect("frozen");
    let world = world.restarted().await;
    assert_eq!(world.keys().await, keys);
    assert_eq!(verify(&token, &world.keys().await).expect("still good").sub, client.client_id);
    let told = world.log_in(&client.client_id, &client.client_secret).await.expect_err("still frozen");
    assert_eq!(told.reason, "provider_frozen");
    world.set_frozen(&provider.id, false).await.expect("thawed");
    world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_that_start_at_once_without_a_key_make_one_and_share_it() {
    let world = World::start().await;
    world.accounts.close().await;
    fs::remove_file(world.config().signing_key).expect("removed");
    let start =
        |seed: u64| tokio::spawn(Accounts::open(world.config(), Clock::System, Arc::new(Randomness::seeded(seed))));
    let starting: Vec<_> = (0..8).map(start).collect();
    let mut keys = BTreeSet::new();
    for service in starting {
        let accounts = service.await.expect("ran").expect("opens");
        keys.insert(keys_of(&accounts).await);
    }
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn the_key_is_for_its_owner_only_or_the_service_does_not_start() {
    let world = World::start().await;
    let config = world.config();
    let mode = fs::metadata(&config.signing_key).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    world.accounts.close().await;
    fs::set_permissions(&config.signing_key, Permissions::from_mode(0o644)).expect("permissions");
    let path = config.signing_key.display().to_string();
    let refusal = Accounts::open(config, Clock::System, Arc::new(Randomness::seeded(2))).await.err();
    let refusal = refusal.expect("a key that others may read");
    assert!(matches!(refusal, OpenError::SigningKey(SigningKeyError::Exposed { mode: 0o644, .. })), "{refusal}");
    assert!(refusal.to_string().contains(&format!("run: chmod 600 {path}")), "{refusal}");
}

#[tokio::test]
async fn a_closed_service_says_so() {
    let world = World::start().await;
    world.accounts.ping().await.expect("open");
    world.accounts.close().await;
    assert!(world.accounts.ping().await.is_err());
}

//! What stays when the service ends, and what happens when many begin.

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::Accounts;
use vocabulary::{Clock, Randomness};

use crate::login::verify;
use crate::support::{World, config, keys_of};

#[tokio::test]
async fn keys_and_clients_outlive_the_process() {
    let world = World::start().await;
    let (provider, client) = world.provider("Acme Telecom").await;
    let keys = world.keys().await;
    let token = world.log_in(&client).await.expect("a token");
    world.set_frozen(&provider.id, true).await.expect("frozen");
    let world = world.restarted().await;
    assert_eq!(world.keys().await, keys);
    assert_eq!(verify(&token, &world.keys().await).expect("still good").sub, client.client_id);
    assert_eq!(world.log_in(&client).await.expect_err("still frozen").reason, "provider_frozen");
    world.set_frozen(&provider.id, false).await.expect("thawed");
    world.log_in(&client).await.expect("a token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_that_start_at_once_on_nothing_make_one_key_and_share_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let start =
        |seed: u64| tokio::spawn(Accounts::open(config(&folder), Clock::System, Arc::new(Randomness::seeded(seed))));
    let starting: Vec<_> = (0..8).map(start).collect();
    let mut keys = BTreeSet::new();
    for service in starting {
        let accounts = service.await.expect("ran").expect("opens");
        keys.insert(keys_of(&accounts).await);
    }
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn a_closed_service_says_so() {
    let world = World::start().await;
    world.accounts.ping().await.expect("open");
    world.accounts.close().await;
    assert!(world.accounts.ping().await.is_err());
}

//! What stays when the service ends, and what happens when many begin.

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::Accounts;
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::{Clock, Randomness};

use crate::login::verify;
use crate::support::{Home, World, keys_of};

async fn keys_and_clients_outlive_the_process(kind: Kind) {
    let world = World::new(kind).await;
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

async fn those_that_start_at_once_on_nothing_make_one_key_and_share_it(kind: Kind) {
    let home = Home::new(kind).await;
    let start =
        |seed: u64| tokio::spawn(Accounts::open(home.config(), Clock::System, Arc::new(Randomness::seeded(seed))));
    let starting: Vec<_> = (0..8).map(start).collect();
    let mut keys = BTreeSet::new();
    for service in starting {
        let accounts = service.await.expect("ran").expect("opens");
        keys.insert(keys_of(&accounts).await);
    }
    assert_eq!(keys.len(), 1);
}

async fn a_closed_service_says_so(kind: Kind) {
    let world = World::new(kind).await;
    world.accounts.ping().await.expect("open");
    world.accounts.close().await;
    assert!(world.accounts.ping().await.is_err());
}

on_each_database!(
    threads 4;
    keys_and_clients_outlive_the_process,
    those_that_start_at_once_on_nothing_make_one_key_and_share_it,
    a_closed_service_says_so,
);

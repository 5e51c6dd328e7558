//! What must wait for each other, at the moment at which it would go wrong.

use std::sync::Arc;

use storage::testing::{Kind, TestDatabase};
use storage::{Db, on, on_each_database};
use vault::MasterKey;
use vocabulary::{ClientId, Clock, Randomness, SecretId, Timestamp};

use super::*;
use crate::hashing::SecretHash;
use crate::{Accounts, AccountsConfig};

/// When the secrets before end.
const END: Timestamp = Timestamp::from_micros(2_000_000);
const NOW: Timestamp = Timestamp::from_micros(1_000_000);

/// A rotation, but for the commit.
async fn rotated(db: &Db, client: &ClientId, seed: u64) -> Tx {
    let mut tx = db.write().await.expect("a transaction");
    client_take(&mut tx, client).await.expect("taken");
    secrets_end(&mut tx, client, (END, NOW)).await.expect("ended");
    let (id, hash) = (SecretId::draw(&Randomness::seeded(seed)), SecretHash::dummy());
    let row = NewSecretRow { id: &id, client, selector: "00000000", hash: &hash, created_at: NOW };
    secret_insert(&mut tx, &row).await.expect("inserted");
    tx
}

async fn a_rotation_ends_the_secret_of_one_that_was_under_way(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    let master = MasterKey::from_bytes([7; 32]);
    let config = AccountsConfig { database: database.place().clone(), signing_key: None, master };
    let randomness = Arc::new(Randomness::seeded(1));
    let accounts = Accounts::open(config, Clock::System, randomness).await.expect("accounts");
    let client = accounts.create_operator("night shift").await.expect("an operator").client_id;

    let mut first = rotated(&accounts.db, &client, 2).await;
    let (db, id) = (accounts.db.clone(), client.clone());
    let second = tokio::spawn(async move { rotated(&db, &id, 3).await.commit().await });
    // Time enough for the second to come to where it waits. Were it too slow for that, nothing could go wrong.
    for _ in 0..100 {
        on!(first, conn => sqlx::query("SELECT 1").execute(conn).await.map(drop)).expect("answered");
    }
    first.commit().await.expect("committed");
    second.await.expect("ran").expect("committed");
    let mut reader = accounts.db.read().await.expect("a connection");
    let live = secrets_live(reader.connection(), (&client, &client), NOW).await.expect("secrets");
    let without_end = live.iter().filter(|secret| secret.expires_at.is_none()).count();
    assert_eq!((live.len(), without_end), (3, 1));
}

on_each_database!(
    threads 2;
    a_rotation_ends_the_secret_of_one_that_was_under_way,
);

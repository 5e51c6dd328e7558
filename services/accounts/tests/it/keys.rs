//! Signing keys: rotated without a refused token, sealed at rest, taken over from an earlier version.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use accounts::{Accounts, OpenError, SigningKeyError};
use contracts::accounts::RotateSigningKeyRequest;
use jsonwebtoken::decode_header;
use jsonwebtoken::jwk::JwkSet;
use storage::testing::Kind;
use storage::{on, on_each_database};
use vault::MasterKey;
use vocabulary::{Clock, Randomness};

use crate::login::verify;
use crate::support::{Home, World, keys_of};

/// RFC 8037, appendix A.1, as PKCS#8 in PEM; its name begins its thumbprint of appendix A.3.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const KID: &str = "kPrK_qmxVWaYVA9w";

async fn rotate(world: &World) -> String {
    world.gateway().rotate_signing_key(RotateSigningKeyRequest {}).await.expect("rotated").into_inner().kid
}

fn kids(jwks: &str) -> Vec<String> {
    let keys: JwkSet = serde_json::from_str(jwks).expect("a key set");
    keys.keys.into_iter().map(|key| key.common.key_id.expect("a name")).collect()
}

fn signer(token: &str) -> String {
    decode_header(token).expect("a token").kid.expect("a name")
}

async fn a_rotation_refuses_no_token_of_the_old_key_nor_of_the_new(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme").await;
    let old = kids(&world.keys().await).remove(0);
    let new = rotate(&world).await;
    assert_eq!(kids(&world.keys().await), [old.clone(), new.clone()]);
    // A verifier that fetched the keys just before the rotation, and fetches them again every 30 s.
    world.clock.advance(Duration::from_secs(59));
    let known = world.keys().await;
    let last_of_old = world.log_in(&client).await.expect("a token");
    assert_eq!(signer(&last_of_old), old);
    world.clock.advance(Duration::from_secs(1));
    let first_of_new = world.log_in(&client).await.expect("a token");
    assert_eq!(signer(&first_of_new), new);
    for token in [&last_of_old, &first_of_new] {
        verify(token, &known).expect("known before it signs");
    }
    world.clock.advance(Duration::from_mins(15));
    verify(&last_of_old, &world.keys().await).expect("published as long as it is good, and longer");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(kids(&world.keys().await), std::slice::from_ref(&new));
    let newest = rotate(&world).await;
    assert_eq!(kids(&world.keys().await), [new, newest]);
    let rows: i64 = on!(world.reader().await, conn => {
        sqlx::query_scalar("SELECT COUNT(*) FROM signing_key").fetch_one(conn).await.expect("rows")
    });
    assert_eq!(rows, 2, "what verifies nothing any more is forgotten");
}

async fn rotations_at_once_make_a_key_each(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme").await;
    let rotations = [(); 4].map(|()| {
        let mut gateway = world.gateway();
        tokio::spawn(async move { gateway.rotate_signing_key(RotateSigningKeyRequest {}).await })
    });
    let mut made = Vec::new();
    for rotation in rotations {
        made.push(rotation.await.expect("ran").expect("rotated").into_inner().kid);
    }
    let published = kids(&world.keys().await);
    assert!(published.len() == 5 && made.iter().all(|kid| published.contains(kid)));
    world.clock.advance(Duration::from_secs(61));
    let token = world.log_in(&client).await.expect("a token");
    assert_eq!(signer(&token), published[4]);
    verify(&token, &world.keys().await).expect("a good token");
}

async fn rotated_keys_outlive_the_process(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme").await;
    rotate(&world).await;
    let published = world.keys().await;
    let world = world.restarted().await;
    assert_eq!(world.keys().await, published);
    world.clock.advance(Duration::from_mins(1));
    verify(&world.log_in(&client).await.expect("a token"), &published).expect("a good token");
}

async fn the_key_of_an_earlier_version_is_taken_over_and_left_alone(kind: Kind) {
    let home = Home::new(kind).await;
    let path = home.config().signing_key.expect("a place");
    fs::write(&path, PEM).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    let open = async |seed| {
        Accounts::open(home.config(), Clock::System, Arc::new(Randomness::seeded(seed))).await.expect("opens")
    };
    let accounts = open(1).await;
    assert_eq!(kids(&keys_of(&accounts).await), [KID]);
    accounts.close().await;
    assert_eq!(fs::read_to_string(&path).expect("a file"), PEM);
    fs::remove_file(&path).expect("removed");
    let accounts = open(2).await;
    assert_eq!(kids(&keys_of(&accounts).await), [KID]);
}

async fn a_key_that_others_may_read_is_not_taken_over(kind: Kind) {
    let home = Home::new(kind).await;
    let path = home.config().signing_key.expect("a place");
    fs::write(&path, PEM).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
    let refusal = Accounts::open(home.config(), Clock::System, Arc::new(Randomness::seeded(2))).await.err();
    let refusal = refusal.expect("a key that others may read");
    assert!(matches!(refusal, OpenError::SigningKey(SigningKeyError::Exposed { mode: 0o644, .. })), "{refusal}");
    assert!(refusal.to_string().contains(&format!("run: chmod 600 {}", path.display())), "{refusal}");
}

async fn private_keys_lie_sealed_and_open_with_their_master_key_only(kind: Kind) {
    let world = World::new(kind).await;
    let sealed: Vec<u8> = on!(world.reader().await, conn => {
        sqlx::query_scalar("SELECT sealed FROM signing_key").fetch_one(conn).await.expect("sealed")
    });
    let pkcs8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    assert!(sealed.len() > 48 && !sealed.windows(pkcs8.len()).any(|window| window == pkcs8));
    world.accounts.close().await;
    let mut config = world.home.config();
    config.master = MasterKey::from_bytes([8; 32]);
    let refusal = Accounts::open(config, Clock::System, Arc::new(Randomness::seeded(2))).await.err();
    assert!(matches!(refusal, Some(OpenError::Vault(_))));
}

on_each_database!(
    threads 4;
    a_rotation_refuses_no_token_of_the_old_key_nor_of_the_new,
    rotations_at_once_make_a_key_each,
    rotated_keys_outlive_the_process,
    the_key_of_an_earlier_version_is_taken_over_and_left_alone,
    a_key_that_others_may_read_is_not_taken_over,
    private_keys_lie_sealed_and_open_with_their_master_key_only,
);

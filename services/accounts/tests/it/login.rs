//! Who gets a token, what it says, and who does not get one.

use std::time::Duration;

use contracts::accounts::CreateProviderRequest;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rpc::{Failure, Peer};
use serde::Deserialize;
use sqlx::SqlitePool;
use vocabulary::ErrorKind;

use crate::support::{START, World};

/// The claims as the gateway reads them: written here anew, not shared with the code that writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub role: String,
    pub provider: Option<String>,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
}

/// Verifies a token with a published key set, as a stranger to the service would.
pub fn verify(token: &str, jwks: &str) -> Result<Claims, jsonwebtoken::errors::Error> {
    let keys: JwkSet = serde_json::from_str(jwks).expect("a key set");
    let kid = decode_header(token)?.kid.expect("a key id");
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the key is published"))?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["dialtone-api"]);
    rules.set_issuer(&["dialtone"]);
    // The library asks the machine's clock, and these tests have their own.
    rules.validate_exp = false;
    decode(token, &key, &rules).map(|data| data.claims)
}

fn is_invalid_client(failure: &Failure) -> bool {
    failure.kind == ErrorKind::Unauthenticated && failure.reason == "invalid_client"
}

#[tokio::test]
async fn a_provider_gets_a_token_that_the_published_key_verifies() {
    let world = World::start().await;
    let (provider, client) = world.create("Acme Telecom").await.expect("created");
    world.clock.advance(Duration::from_millis(1_500));
    let token = world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
    let claims = verify(&token, &world.keys().await).expect("a good token");
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("dialtone", "dialtone-api"));
    assert_eq!((claims.sub.as_str(), claims.role.as_str()), (client.client_id.as_str(), "provider"));
    assert_eq!(claims.provider.as_deref(), Some(provider.id.as_str()));
    assert_eq!((claims.iat, claims.exp), (START.as_seconds() + 1, START.as_seconds() + 1 + 15 * 60));
    let second = world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
    assert_ne!(verify(&second, &world.keys().await).expect("a good token").jti, claims.jti);
}

#[tokio::test]
async fn a_token_with_another_payload_does_not_verify() {
    let world = World::start().await;
    let (_, mine) = world.create("Acme Telecom").await.expect("created");
    let (_, theirs) = world.create("Bell & Sons").await.expect("created");
    let mine = world.log_in(&mine.client_id, &mine.client_secret).await.expect("a token");
    let theirs = world.log_in(&theirs.client_id, &theirs.client_secret).await.expect("a token");
    let mut parts: Vec<&str> = mine.split('.').collect();
    parts[1] = theirs.split('.').nth(1).expect("a payload");
    assert!(verify(&parts.join("."), &world.keys().await).is_err());
}

#[tokio::test]
async fn an_operator_gets_a_token_without_a_provider() {
    let world = World::start().await;
    let operator = world.accounts.create_operator("night shift").await.expect("an operator");
    let token = world.log_in(operator.client_id.as_str(), operator.client_secret.expose()).await.expect("a token");
    let claims = verify(&token, &world.keys().await).expect("a good token");
    assert_eq!((claims.role.as_str(), claims.provider), ("operator", None));
    assert!(world.accounts.create_operator(" ").await.is_err());
}

#[tokio::test]
async fn unknown_clients_and_wrong_secrets_get_one_and_the_same_answer() {
    let world = World::start().await;
    let (_, client) = world.create("Acme Telecom").await.expect("created");
    let (_, other) = world.create("Bell & Sons").await.expect("created");
    let wrong = world.log_in(&client.client_id, &other.client_secret).await.expect_err("not its secret");
    assert!(is_invalid_client(&wrong), "{wrong:?}");
    for (id, secret) in [
        ("cli_00000000000000000000", client.client_secret.as_str()),
        ("not an id", client.client_secret.as_str()),
        ("", ""),
        (client.client_id.as_str(), ""),
        (client.client_id.as_str(), "dts_"),
    ] {
        assert_eq!(world.log_in(id, secret).await.expect_err("refused"), wrong);
    }
    assert!(!wrong.message.contains(&client.client_id) && !wrong.message.contains("dts_"), "{wrong:?}");
}

#[tokio::test]
async fn a_frozen_provider_is_told_so_only_after_proving_its_secret() {
    let world = World::start().await;
    let (provider, client) = world.create("Acme Telecom").await.expect("created");
    let (_, other) = world.create("Bell & Sons").await.expect("created");
    world.set_frozen(&provider.id, true).await.expect("frozen");
    let told = world.log_in(&client.client_id, &client.client_secret).await.expect_err("frozen");
    assert_eq!((told.kind, told.reason.as_str()), (ErrorKind::Forbidden, "provider_frozen"));
    let stranger = world.log_in(&client.client_id, &other.client_secret).await.expect_err("wrong secret");
    assert!(is_invalid_client(&stranger), "{stranger:?}");
    world.log_in(&other.client_id, &other.client_secret).await.expect("others are not frozen");
    world.set_frozen(&provider.id, false).await.expect("thawed");
    world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
}

#[tokio::test]
async fn many_logins_at_once_all_get_their_turn() {
    let world = World::start().await;
    let (_, client) = world.create("Acme Telecom").await.expect("created");
    let logins = (0..12).map(|_| {
        let mut gateway = world.gateway();
        let request = contracts::accounts::IssueTokenRequest {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone(),
        };
        tokio::spawn(async move { gateway.issue_token(request).await })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.expect("ran").expect("a token");
    }
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_once_a_minute() {
    let world = World::start().await;
    let (_, client) = world.create("Acme Telecom").await.expect("created");
    let file = format!("sqlite://{}", world.config().database.display());
    let database = SqlitePool::connect(&file).await.expect("the database");
    let noted = async || -> Option<i64> {
        let query = sqlx::query_scalar("SELECT last_used_at FROM client WHERE id = $1");
        query.bind(&client.client_id).fetch_one(&database).await.expect("a row")
    };
    let start = START.as_micros();
    assert_eq!(noted().await, None);
    for (after, expected) in [(0, start), (59, start), (1, start + 60_000_000), (30, start + 60_000_000)] {
        world.clock.advance(Duration::from_secs(after));
        world.log_in(&client.client_id, &client.client_secret).await.expect("a token");
        assert_eq!(noted().await, Some(expected), "{after} s later");
    }
}

#[tokio::test]
async fn only_the_gateway_may_call() {
    let world = World::start().await;
    let request = CreateProviderRequest { name: "Acme Telecom".to_owned() };
    let refused = world.client(Peer::Onboarding).create_provider(request).await.expect_err("not on the list");
    assert_eq!(Failure::from(refused).kind, ErrorKind::Forbidden);
}

//! Who gets a token, what it says, and who does not get one.

use std::time::Duration;

use contracts::accounts::{GetTenantRequest, Role, TenantKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rpc::{Failure, Peer};
use serde::Deserialize;
use storage::testing::Kind;
use storage::{on, on_each_database};
use vocabulary::{ErrorKind, Scopes};

use crate::support::{PASSWORD, START, World, root, token_request};

/// The claims as the gateway reads them: written here anew, not shared with the code that writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub tenant: String,
    pub kind: String,
    pub role: String,
    pub scope: String,
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

async fn a_client_gets_a_token_that_the_published_key_verifies(kind: Kind) {
    let world = World::new(kind).await;
    let (reseller, client) = world.create(&root(), TenantKind::Reseller, "Acme Telecom").await.expect("created");
    world.clock.advance(Duration::from_millis(1_500));
    let token = world.log_in(&client).await.expect("a token");
    let claims = verify(&token, &world.keys().await).expect("a good token");
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("dialtone", "dialtone-api"));
    assert_eq!((claims.sub.as_str(), claims.role.as_str()), (client.client_id.as_str(), "owner"));
    assert_eq!((claims.tenant.as_str(), claims.kind.as_str()), (reseller.id.as_str(), "reseller"));
    assert_eq!(format!("{} operate", claims.scope), Scopes::all().to_string());
    assert_eq!((claims.iat, claims.exp), (START.as_seconds() + 1, START.as_seconds() + 1 + 15 * 60));
    let second = world.log_in(&client).await.expect("a token");
    assert_ne!(verify(&second, &world.keys().await).expect("a good token").jti, claims.jti);
}

async fn a_token_with_another_payload_does_not_verify(kind: Kind) {
    let world = World::new(kind).await;
    let (_, mine) = world.provider("Acme Telecom").await;
    let (_, theirs) = world.provider("Bell & Sons").await;
    let mine = world.log_in(&mine).await.expect("a token");
    let theirs = world.log_in(&theirs).await.expect("a token");
    let mut parts: Vec<&str> = mine.split('.').collect();
    parts[1] = theirs.split('.').nth(1).expect("a payload");
    assert!(verify(&parts.join("."), &world.keys().await).is_err());
}

async fn operators_are_made_on_the_machine_and_speak_for_the_root(kind: Kind) {
    let world = World::new(kind).await;
    let operator = world.accounts.create_operator("night shift").await.expect("an operator");
    let (id, secret) = (operator.client_id.as_str(), operator.client_secret.expose());
    let token = world.log_in_with(id, secret).await.expect("a token");
    let claims = verify(&token, &world.keys().await).expect("a good token");
    assert_eq!((claims.kind.as_str(), claims.tenant, claims.scope), ("operator", root(), Scopes::all().to_string()));
    assert!(world.accounts.create_operator(" ").await.is_err());
    let invitation = world.accounts.create_operator_person("jo@example.com").await.expect("an invitation");
    world.accept(invitation.expose(), PASSWORD).await.expect("accepted");
    let token = world.person_logs_in("jo@example.com", PASSWORD, "").await.expect("a token");
    assert_eq!(verify(&token, &world.keys().await).expect("a good token").tenant, root());
    assert!(world.accounts.create_operator_person("jo").await.is_err());
}

async fn unknown_clients_and_wrong_secrets_get_one_and_the_same_answer(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme Telecom").await;
    let (_, other) = world.provider("Bell & Sons").await;
    let wrong = world.log_in_with(&client.client_id, &other.client_secret).await.expect_err("not its secret");
    assert!(is_invalid_client(&wrong), "{wrong:?}");
    for (id, secret) in [
        ("cli_00000000000000000000", client.client_secret.as_str()),
        ("not an id", client.client_secret.as_str()),
        ("", ""),
        (client.client_id.as_str(), ""),
        (client.client_id.as_str(), "dts_"),
    ] {
        assert_eq!(world.log_in_with(id, secret).await.expect_err("refused"), wrong);
    }
    assert!(!wrong.message.contains(&client.client_id) && !wrong.message.contains("dts_"), "{wrong:?}");
}

async fn who_is_stopped_is_told_so_only_after_proving_its_secret(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme Telecom").await;
    let (_, site) = world.create(&provider.id, TenantKind::Site, "Lobby").await.expect("created");
    let (_, other) = world.provider("Bell & Sons").await;
    world.set_frozen(&provider.id, true).await.expect("frozen");
    for stopped in [&client, &site] {
        let told = world.log_in(stopped).await.expect_err("stopped");
        assert_eq!((told.kind, told.reason.as_str()), (ErrorKind::Forbidden, "provider_frozen"));
    }
    let stranger = world.log_in_with(&client.client_id, &other.client_secret).await.expect_err("wrong secret");
    assert!(is_invalid_client(&stranger), "{stranger:?}");
    world.log_in(&other).await.expect("others are not frozen");
    world.set_frozen(&provider.id, false).await.expect("thawed");
    for thawed in [&client, &site] {
        world.log_in(thawed).await.expect("a token");
    }
}

async fn a_token_can_be_narrowed_and_not_widened(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let made = world.make_client(&provider.id, Role::Engineer, &["devices:read", "devices:write"]).await;
    let secret = made.secret.expect("a secret");
    let ask = async |scope: &str| {
        let mut request = token_request(&secret.client_id, &secret.client_secret);
        request.scope = scope.to_owned();
        let issued = world.gateway().issue_token(request).await.map_err(Failure::from)?.into_inner();
        let claims = verify(&issued.token, &world.keys().await).expect("a good token");
        assert_eq!(claims.scope, issued.scope);
        Ok::<_, Failure>(issued.scope)
    };
    assert_eq!(ask("").await.expect("a token"), "devices:read devices:write");
    assert_eq!(ask("devices:read codes:read operate").await.expect("a token"), "devices:read");
    let refused = ask("codes:read").await.expect_err("nothing is left");
    assert_eq!((refused.kind, refused.reason.as_str()), (ErrorKind::Malformed, "scope_invalid"));
    assert!(ask("phones:read").await.expect_err("unknown").message.contains("phones:read"));
}

async fn many_logins_at_once_all_get_their_turn(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme Telecom").await;
    let logins = (0..12).map(|_| {
        let mut gateway = world.gateway();
        let request = token_request(&client.client_id, &client.client_secret);
        tokio::spawn(async move { gateway.issue_token(request).await })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.expect("ran").expect("a token");
    }
}

async fn the_last_use_is_noted_at_most_once_a_minute(kind: Kind) {
    let world = World::new(kind).await;
    let (_, client) = world.provider("Acme Telecom").await;
    let noted = async || -> Option<i64> {
        on!(world.reader().await, conn => {
            let query = sqlx::query_scalar("SELECT last_used_at FROM client WHERE id = $1");
            query.bind(&client.client_id).fetch_one(conn).await.expect("a row")
        })
    };
    let start = START.as_micros();
    assert_eq!(noted().await, None);
    for (after, expected) in [(0, start), (59, start), (1, start + 60_000_000), (30, start + 60_000_000)] {
        world.clock.advance(Duration::from_secs(after));
        world.log_in(&client).await.expect("a token");
        assert_eq!(noted().await, Some(expected), "{after} s later");
    }
}

async fn only_the_gateway_may_call(kind: Kind) {
    let world = World::new(kind).await;
    let request = GetTenantRequest { tenant_id: root() };
    let refused = world.client(Peer::Onboarding).get_tenant(request).await.expect_err("not on the list");
    assert_eq!(Failure::from(refused).kind, ErrorKind::Forbidden);
}

on_each_database!(
    a_client_gets_a_token_that_the_published_key_verifies,
    a_token_with_another_payload_does_not_verify,
    operators_are_made_on_the_machine_and_speak_for_the_root,
    unknown_clients_and_wrong_secrets_get_one_and_the_same_answer,
    who_is_stopped_is_told_so_only_after_proving_its_secret,
    a_token_can_be_narrowed_and_not_widened,
    many_logins_at_once_all_get_their_turn,
    the_last_use_is_noted_at_most_once_a_minute,
    only_the_gateway_may_call,
);

//! Tokens that are believed and tokens that are not, and when keys are fetched again.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::accounts::accounts_service_server::{AccountsService, AccountsServiceServer};
use contracts::accounts::{self, GetKeysResponse};
use jsonwebtoken::{EncodingKey, Header};
use prometheus_client::registry::Registry;
use rpc::{Peer, RpcMetrics};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use super::*;

/// A key made of 32 times the same byte, PKCS#8 (RFC 8410, section 7).
fn key(byte: u8) -> EncodingKey {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([byte; 32]);
    EncodingKey::from_ed_der(&der)
}

/// The public half of `key(byte)` under the name `kid`.
fn jwk(byte: u8, kid: &str) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(&key(byte), Algorithm::EdDSA).expect("a public key");
    jwk.common.key_id = Some(kid.to_owned());
    jwk
}

fn jwks(keys: &[(u8, &str)]) -> String {
    let keys = keys.iter().map(|(byte, kid)| jwk(*byte, kid)).collect();
    serde_json::to_string(&JwkSet { keys }).expect("JSON")
}

/// An accounts service that has only keys. Counts how often it is asked.
struct KeyRing {
    sets: Vec<String>,
    asked: Arc<AtomicUsize>,
}

/// Only its keys are asked for here.
macro_rules! key_ring {
    ($($call:ident($request:ident) -> $response:ident;)+) => {
        #[tonic::async_trait]
        impl AccountsService for KeyRing {
            async fn get_keys(&self, _: Request<GetKeysRequest>) -> Result<Response<GetKeysResponse>, Status> {
                let times = self.asked.fetch_add(1, Ordering::SeqCst);
                let jwks = self.sets.get(times).or(self.sets.last()).cloned().ok_or(Status::unavailable("away"))?;
                Ok(Response::new(GetKeysResponse { jwks }))
            }

            $(
                async fn $call(
                    &self,
                    _: Request<accounts::$request>,
                ) -> Result<Response<accounts::$response>, Status> {
                    Err(Status::unimplemented("only keys"))
                }
            )+
        }
    };
}

key_ring! {
    create_tenant(CreateTenantRequest) -> CreateTenantResponse;
    get_tenant(GetTenantRequest) -> GetTenantResponse;
    list_tenants(ListTenantsRequest) -> ListTenantsResponse;
    get_subtree(GetSubtreeRequest) -> GetSubtreeResponse;
    set_frozen(SetFrozenRequest) -> SetFrozenResponse;
    create_client(CreateClientRequest) -> CreateClientResponse;
    list_clients(ListClientsRequest) -> ListClientsResponse;
    rotate_client_secret(RotateClientSecretRequest) -> RotateClientSecretResponse;
    revoke_client(RevokeClientRequest) -> RevokeClientResponse;
    invite_person(InvitePersonRequest) -> InvitePersonResponse;
    accept_invitation(AcceptInvitationRequest) -> AcceptInvitationResponse;
    list_people(ListPeopleRequest) -> ListPeopleResponse;
    change_person(ChangePersonRequest) -> ChangePersonResponse;
    remove_person(RemovePersonRequest) -> RemovePersonResponse;
    begin_totp(BeginTotpRequest) -> BeginTotpResponse;
    confirm_totp(ConfirmTotpRequest) -> ConfirmTotpResponse;
    change_password(ChangePasswordRequest) -> ChangePasswordResponse;
    issue_token(IssueTokenRequest) -> IssueTokenResponse;
    log_in(LogInRequest) -> LogInResponse;
    authorize(AuthorizeRequest) -> AuthorizeResponse;
    rotate_signing_key(RotateSigningKeyRequest) -> RotateSigningKeyResponse;
}

/// A verifier in front of a service that gives these key sets one after the other.
async fn verifier(sets: &[String]) -> (Result<Verifier, String>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = AccountsServiceServer::new(KeyRing { sets: sets.to_vec(), asked: Arc::clone(&asked) });
    let road = rpc::local(server, Peer::Gateway, RpcMetrics::register(&mut Registry::default()));
    (Verifier::fetch(AccountsServiceClient::new(road)).await, asked)
}

const NOW: i64 = 1_795_370_400;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW * 1_000_000)
}

fn claims() -> Value {
    json!({
        "iss": "dialtone", "aud": "dialtone-api", "sub": "cli_1", "scope": "devices:read codes:read", "exp": NOW + 1,
    })
}

/// The usual claims with some replaced; `null` removes one.
fn changed(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

fn signed(header: &Header, claims: &Value, byte: u8) -> String {
    jsonwebtoken::encode(header, claims, &key(byte)).expect("a token")
}

fn header(kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) }
}

async fn verdict(token: &str) -> Result<Claims, TokenRefused> {
    let (verifier, _) = verifier(&[jwks(&[(1, "one"), (2, "two")])]).await;
    verifier.expect("keys").verify(token, now()).await
}

#[tokio::test]
async fn a_good_token_names_its_caller() {
    let scopes = vec!["devices:read".to_owned(), "codes:read".to_owned()];
    let wanted = Claims { subject: "cli_1".to_owned(), scopes };
    assert_eq!(verdict(&signed(&header("one"), &claims(), 1)).await, Ok(wanted.clone()));
    assert_eq!(verdict(&signed(&header("two"), &claims(), 2)).await, Ok(wanted));
    let without = changed(&json!({ "scope": null }));
    let wanted = Claims { subject: "cli_1".to_owned(), scopes: vec![] };
    assert_eq!(verdict(&signed(&header("one"), &without, 1)).await, Ok(wanted));
}

#[tokio::test]
async fn a_token_lasts_until_the_second_it_expires() {
    for (exp, good) in [(NOW + 1, true), (NOW, false), (NOW - 3600, false)] {
        let verdict = verdict(&signed(&header("one"), &changed(&json!({ "exp": exp })), 1)).await;
        assert_eq!(verdict.err(), (!good).then_some(TokenRefused::Expired), "{exp}");
    }
}

#[tokio::test]
async fn claims_that_are_missing_or_meant_for_others_are_refused() {
    for changes in [
        json!({ "aud": "somebody-else" }),
        json!({ "iss": "somebody-else" }),
        json!({ "aud": null }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "exp": null }),
        json!({ "exp": "never" }),
        json!({ "scope": ["devices:read"] }),
    ] {
        let token = signed(&header("one"), &changed(&changes), 1);
        assert_eq!(verdict(&token).await, Err(TokenRefused::Invalid), "{changes}");
    }
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    for (kid, byte) in [("one", 2), ("two", 1), ("one", 3), ("three", 1)] {
        let token = signed(&header(kid), &claims(), byte);
        assert_eq!(verdict(&token).await, Err(TokenRefused::Invalid), "{kid} {byte}");
    }
    let good = signed(&header("one"), &claims(), 1);
    let (signed_part, _) = good.rsplit_once('.').expect("three parts");
    assert_eq!(verdict(&format!("{signed_part}.")).await, Err(TokenRefused::Invalid));
    let payload = URL_SAFE_NO_PAD.encode(changed(&json!({ "scope": "operate" })).to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let forged = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(verdict(&forged).await, Err(TokenRefused::Invalid));
}

#[tokio::test]
async fn the_header_does_not_choose_the_algorithm() {
    // Signed with the public key as an HMAC secret, the classic confusion (RFC 8725, section 2.1).
    let AlgorithmParameters::OctetKeyPair(pair) = jwk(1, "one").algorithm else { panic!("an Ed25519 key") };
    let public = URL_SAFE_NO_PAD.decode(pair.x).expect("base64");
    let hmac = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
    let confused = jsonwebtoken::encode(&hmac, &claims(), &EncodingKey::from_secret(&public)).expect("a token");
    assert_eq!(verdict(&confused).await, Err(TokenRefused::Invalid));

    for alg in ["none", "None", "HS256", "ES256", "RS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": alg, "kid": "one" }).to_string());
        let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
        assert_eq!(verdict(&format!("{header}.{payload}.")).await, Err(TokenRefused::Invalid), "{alg}");
    }
}

#[tokio::test]
async fn a_header_that_asks_for_more_than_we_do_is_refused() {
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..header("one") };
    assert_eq!(verdict(&signed(&critical, &claims(), 1)).await, Err(TokenRefused::Invalid));
    let nameless = Header::new(Algorithm::EdDSA);
    assert_eq!(verdict(&signed(&nameless, &claims(), 1)).await, Err(TokenRefused::Invalid));
    for text in ["", "a", "a.b", "a.b.c", "....", "a.b.c.d", "\u{0}"] {
        assert_eq!(verdict(text).await, Err(TokenRefused::Invalid), "{text:?}");
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let (verifier, asked) = verifier(&[jwks(&[(1, "one")]), jwks(&[(2, "two")])]).await;
    let verifier = verifier.expect("keys");
    let (old, new) = (signed(&header("one"), &claims(), 1), signed(&header("two"), &claims(), 2));
    assert!(verifier.verify(&old, now()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(verifier.verify(&new, now()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // The old key was taken out of the set.
    assert_eq!(verifier.verify(&old, now()).await, Err(TokenRefused::Invalid));
}

#[tokio::test]
async fn unknown_keys_make_us_ask_once_in_ten_seconds() {
    let (verifier, asked) = verifier(&[jwks(&[(1, "one")])]).await;
    let verifier = verifier.expect("keys");
    let forged = signed(&header("forged"), &claims(), 3);
    for (after, times) in [(0, 2), (0, 2), (9_999_999, 2), (10_000_000, 3), (10_000_001, 3)] {
        let moment = Timestamp::from_micros(now().as_micros() + after);
        assert_eq!(verifier.verify(&forged, moment).await, Err(TokenRefused::Invalid));
        assert_eq!(asked.load(Ordering::SeqCst), times, "{after}");
    }
}

#[tokio::test]
async fn keys_are_fetched_before_a_token_names_them_and_kept_where_they_cannot_be() {
    let sets = [jwks(&[(1, "one")]), jwks(&[(1, "one"), (2, "two")]), String::new()];
    let (verifier, asked) = verifier(&sets).await;
    let verifier = verifier.expect("keys");
    verifier.refresh().await;
    for _ in 0..2 {
        let asked_before = asked.load(Ordering::SeqCst);
        for (kid, byte) in [("one", 1), ("two", 2)] {
            assert!(verifier.verify(&signed(&header(kid), &claims(), byte), now()).await.is_ok(), "{kid}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), asked_before);
        verifier.refresh().await;
    }
}

#[tokio::test]
async fn fetching_ends_when_it_is_told_to() {
    let (verifier, _) = verifier(&[jwks(&[(1, "one")])]).await;
    let (stop, stopped) = watch::channel(false);
    let keeper = tokio::spawn(Arc::new(verifier.expect("keys")).keep_fresh(stopped));
    stop.send_replace(true);
    keeper.await.expect("an end");
}

#[tokio::test]
async fn who_starts_while_the_keys_are_away_decides_nothing_until_they_are_there() {
    let (none, asked) = verifier(&[]).await;
    let none = none.expect("a verifier without keys");
    let token = signed(&header("one"), &claims(), 1);
    assert_eq!(none.verify(&token, now()).await, Err(TokenRefused::Unchecked));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // What is no token needs no key.
    assert_eq!(none.verify("a.b.c", now()).await, Err(TokenRefused::Invalid));
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_no_keys() {
    for set in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"one"}]}"#] {
        assert!(verifier(&[set.to_owned()]).await.0.is_err(), "{set}");
    }
}

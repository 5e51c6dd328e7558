//! Getting a token, and the keys that verify it.

use serde_json::json;

use super::told;
use crate::support::{Curl, Server};

const GRANT: &str = "grant_type=client_credentials";

fn by_basic(server: &Server, id: &str, secret: &str) -> Curl {
    server.ask("/v1/token").with(&["--user", &format!("{id}:{secret}")]).form(GRANT)
}

fn by_form(server: &Server, id: &str, secret: &str) -> Curl {
    server.ask("/v1/token").form(&format!("{GRANT}&client_id={id}&client_secret={secret}"))
}

#[test]
fn a_token_is_had_by_form_and_by_basic() {
    let server = Server::start();
    let login = server.provider("acme").login;
    for curl in [by_form, by_basic].map(|by| by(&server, &login.client_id, &login.client_secret)) {
        let answer = curl.send().expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let got = answer.json();
        assert_eq!((&got["token_type"], &got["expires_in"]), (&json!("Bearer"), &json!(900)));
        let bearer = format!("Authorization: Bearer {}", got["access_token"].as_str().expect("a token"));
        server.ask("/v1/devices").header(&bearer).send().expect(200);
    }
}

#[test]
fn whoever_is_not_known_is_told_nothing() {
    let server = Server::start();
    let login = server.provider("acme").login;
    let wrong = format!("dts_{}", "0".repeat(40));
    let wrong_secret = by_form(&server, &login.client_id, &wrong).send();
    let problem = told(&wrong_secret, 401, "invalid_client");
    assert_eq!(problem["error"], "invalid_client");
    assert_eq!(wrong_secret.header("www-authenticate"), Some("Basic realm=\"dialtone\""));
    assert!(!wrong_secret.body.contains(&login.client_id) && !wrong_secret.body.contains(&wrong));

    let unknown_client = format!("cli_{}", "0".repeat(20));
    let others = [
        by_basic(&server, &login.client_id, &wrong),
        by_basic(&server, &unknown_client, &wrong),
        by_basic(&server, &login.client_id, "guess"),
        by_form(&server, "nobody", &login.client_secret),
        by_form(&server, &login.client_id, &login.client_secret.to_uppercase()),
    ];
    for answer in others.map(Curl::send) {
        assert_eq!(told(&answer, 401, "invalid_client"), problem);
    }
}

#[test]
fn a_request_that_is_none_is_told_what_is_missing() {
    let server = Server::start();
    let token = || server.ask("/v1/token");
    let cases = [
        (token().form(""), 400, "invalid_request", "grant_type=client_credentials"),
        (token().json("{}"), 400, "invalid_request", "application/x-www-form-urlencoded"),
        (token().form("grant_type=password"), 400, "unsupported_grant_type", "client_credentials"),
        (token().form(&format!("{GRANT}&{GRANT}")), 400, "invalid_request", "grant_type is given twice"),
        (token().form(GRANT), 401, "invalid_client", "client_id and client_secret"),
        (by_basic(&server, "a", "b").form(&format!("{GRANT}&client_secret=c")), 400, "invalid_request", "not both"),
    ];
    for (curl, status, reason, said) in cases {
        let problem = told(&curl.send(), status, reason);
        assert_eq!(problem["error"], reason);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{problem}");
    }
}

#[test]
fn the_keys_that_verify_tokens_are_published() {
    let server = Server::start();
    let answer = server.ask("/.well-known/jwks.json").send().expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let jwks = answer.json();
    let [key] = jwks["keys"].as_array().expect("keys").as_slice() else { panic!("one key: {jwks}") };
    let public =
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key["kid"], "x": key["x"]});
    assert_eq!(*key, public, "nothing but the public half");
    let server = server.restart();
    assert_eq!(server.ask("/.well-known/jwks.json").send().expect(200).json(), jwks, "the key outlives the process");
}

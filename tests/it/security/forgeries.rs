//! Tokens that somebody made who may not.

use serde_json::json;

use super::forger::{Forger, with};
use crate::support::{Provider, Server};

#[test]
fn nobody_is_believed_who_cannot_prove_it() {
    let server = Forger::server();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    let globex = Provider::made_by(&server, &operator, "globex");
    let forger = Forger::new(&server, &acme.login);
    let (header, claims) = (forger.header(), forger.claims());
    let ask = |token: &str| server.ask("/v1/devices").header(&format!("Authorization: Bearer {token}")).send();
    // What the server signed itself is believed, so that what follows fails for its own reason.
    ask(&forger.signed(&header, &claims)).expect(200);

    let as_globex = with(claims.clone(), "tenant", &json!(globex.id));
    let as_operator = with(claims.clone(), "sub", &json!(operator.client_id));
    let mut tokens = vec![
        forger.altered_signature(),
        forger.altered_claims(&as_globex),
        forger.altered_claims(&as_operator),
        acme.login.token[..acme.login.token.len() - 4].to_owned(),
        acme.login.token.replacen('.', "..", 1),
        acme.login.client_secret.clone(),
    ];
    tokens.extend(["none", "None", "NONE", "nOnE", ""].map(|algorithm| forger.unsigned(algorithm)));
    tokens.extend(forger.signed_with_the_public_key());
    let wrong_headers =
        [("kid", json!("other")), ("kid", json!(null)), ("alg", json!("ES256")), ("crit", json!(["exp"]))];
    tokens.extend(wrong_headers.map(|(name, value)| forger.signed(&with(header.clone(), name, &value), &claims)));
    let wrong_claims = [
        ("aud", json!("dialtone-report")),
        ("aud", json!(null)),
        ("iss", json!("elsewhere")),
        ("exp", json!(null)),
        ("sub", json!(null)),
    ];
    tokens.extend(wrong_claims.map(|(name, value)| forger.signed(&header, &with(claims.clone(), name, &value))));
    for token in tokens {
        ask(&token).problem(401, "token_invalid");
    }
    ask(&forger.expired()).problem(401, "token_expired");
}

#[test]
fn what_a_token_says_of_its_carrier_gives_it_nothing() {
    let server = Forger::server();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    let reader = acme.login.client(&server, &json!({ "name": "reader", "role": "read_only" }));
    let forger = Forger::new(&server, &reader);
    let (header, claims) = (forger.header(), forger.claims());
    let more = [
        ("role", json!("owner")),
        ("kind", json!("operator")),
        ("tenant", json!("prv_00000000000000000000")),
        ("scope", json!("devices:read devices:write profiles:write operate everything")),
    ];
    let claims = more.into_iter().fold(claims, |claims, (name, value)| with(claims, name, &value));
    let token = forger.signed(&header, &claims);
    let ask = |path: &str| server.ask(path).header(&format!("Authorization: Bearer {token}"));
    let me = ask("/v1/me").send().expect(200).json();
    assert_eq!((&me["role"], &me["tenant"]["id"]), (&json!("read_only"), &json!(acme.id)));
    assert_eq!(me["scopes"], json!(["devices:read"]));
    ask("/v1/profiles").json(r#"{"name":"x","profile_rule":"/a"}"#).send().problem(403, "scope_missing");
    ask("/v1/claim-rules").send().problem(403, "scope_missing");
    ask("/v1/me").header("Dialtone-Tenant: prv_00000000000000000000").send().problem(404, "tenant_not_found");
    // A login that never was, or is no more.
    let nobody = forger.signed(&header, &with(claims, "sub", &json!(format!("cli_{}", "z".repeat(20)))));
    let ask = server.ask("/v1/me").header(&format!("Authorization: Bearer {nobody}"));
    ask.send().problem(401, "subject_revoked");
}

#[test]
fn a_report_token_is_no_login_and_a_login_no_report_token() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    acme.register(&server, "00562b043615", "main", &json!({})).expect(201);
    let profile = server.ask("/00562b043615.cfg").send().expect(200).body;
    let (_, token) = profile.split_once("/report/").expect("a place to report to");
    let (token, _) = token.split_once('<').expect("the end of the element");

    let bearer = server.ask("/v1/devices").header(&format!("Authorization: Bearer {token}"));
    bearer.send().problem(401, "token_invalid");
    let report = |token: &str| server.ask(&format!("/report/{token}")).json(r#"{"event":"factory_reset"}"#).send();
    report(&acme.login.token).expect(403);
    report(token).expect(200);
}

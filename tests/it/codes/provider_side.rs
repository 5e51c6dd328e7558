//! `/v1/codes` as a provider's engineer and an operator use it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Desk, mac, redeem};
use crate::support::{Provider, Server};

const RULE: &str = "https://nps.example/$MA.xml";

#[test]
fn an_operator_decides_on_short_codes() {
    let server = Server::start();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    let profile = acme.profile(&server, "main", RULE);
    let desk = Desk { provider: acme, profile };
    // Limited, so that the risk of so short a code is bearable.
    let limits = json!({"registered_only": true});
    let queued = desk.wish(&server, "12345", &limits).expect(201).json();
    assert_eq!(queued["state"], "queued", "{queued}");
    assert!(queued["risk"]["ceiling_days"].is_number(), "{queued}");
    desk.provider.register(&server, &mac(1), "main", &json!({})).expect(201);
    redeem(&server, "#12345", &mac(1)).expect(403);

    let waiting = operator.ask(&server, "/v1/codes?state=queued").send().expect(200).json();
    let id = waiting["codes"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(waiting["codes"][0]["provider"], desk.provider.id.as_str());
    let decision = format!("/v1/codes/{id}/decision");
    let approve = json!({"approve": true}).to_string();
    desk.provider.ask(&server, &decision).method("PUT").json(&approve).send().problem(403, "scope_missing");
    operator.ask(&server, &decision).method("PUT").json(&approve).send().expect(200);
    redeem(&server, "#12345", &mac(1)).expect(200);

    let other = desk.wish(&server, "54321", &limits).expect(201).json();
    let decision = format!("/v1/codes/{}/decision", other["id"].as_str().expect("an id"));
    let refuse = json!({"approve": false, "reason": "too like another"}).to_string();
    let refused = operator.ask(&server, &decision).method("PUT").json(&refuse).send().expect(200).json();
    assert_eq!((&refused["state"], &refused["refusal"]), (&json!("refused"), &json!("too like another")));
}

#[test]
fn ten_thousand_personal_codes_come_as_a_file() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let body = json!({"kind": "personal", "profile": desk.profile, "count": 10_000, "model": "CP-7832-3PCC"});
    let curl = desk.provider.ask(&server, "/v1/codes").header("Accept: text/csv").json(&body.to_string());
    let file = curl.send().expect(201);
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let lines: Vec<&str> = file.body.lines().collect();
    assert_eq!((lines.len(), lines[0]), (10_001, "code,id,expires_at,model,mac"));
    let codes: BTreeSet<&str> = lines[1..].iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(codes.len(), 10_000, "no code comes twice");
    assert!(codes.iter().all(|code| code.len() == 19 && code.split('-').all(|group| group.len() == 4)));
    let list = desk.provider.ask(&server, "/v1/codes?kind=personal&limit=2").send().expect(200).json();
    assert_eq!((&list["outstanding"], &list["expired"]), (&json!(10_000), &json!(0)));
    assert_eq!(list["codes"].as_array().map(Vec::len), Some(2));
    assert!(list["next"].is_string() && list["codes"][0]["digits"].is_null());
    redeem(&server, codes.first().expect("a code"), &mac(1)).expect(200);
}

#[test]
fn codes_come_as_a_page_to_print() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let body = json!({"kind": "personal", "profile": desk.profile, "count": 40}).to_string();
    let page = desk.provider.ask(&server, "/v1/codes").header("Accept: text/html").json(&body).send().expect(201);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!((page.body.matches("<svg").count(), page.body.matches("<strong>").count()), (40, 40));
    let (_, rest) = page.body.split_once("<strong>").expect("a code");
    let (code, _) = rest.split_once('<').expect("its end");
    assert_eq!(code.len(), 19);
    redeem(&server, code, &mac(1)).expect(200);
}

#[test]
fn a_profile_with_a_secret_has_no_directory_code() {
    let server = Server::start();
    let provider = server.provider("acme");
    let with_key = ("main", "[--key topsecretkey] https://nps.example/$MA.xml");
    let profile = provider.profile_for(&server, with_key, "serial");
    let desk = Desk { provider, profile };
    desk.wish(&server, "123456", &json!({})).problem(409, "profile_carries_secret");
    let (_, digits) = desk.personal(&server, &json!({}));
    assert!(redeem(&server, &digits, &mac(1)).expect(200).body.contains("topsecretkey"));

    let plain = desk.provider.profile(&server, "plain", RULE);
    let desk = Desk { profile: plain, ..desk };
    desk.directory(&server, "123456", &json!({}));
    let parameters =
        json!({"name": "pin", "profile_rule": RULE, "parameters": {"Lock_PIN": "1234"}, "proof": "serial"});
    let made = desk.provider.ask(&server, "/v1/profiles").json(&parameters.to_string()).send().expect(201).json();
    let desk = Desk { profile: made["id"].as_str().expect("an id").to_owned(), ..desk };
    desk.wish(&server, "654321", &json!({})).problem(409, "profile_carries_secret");
}

#[test]
fn codes_are_their_providers_alone() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let other = Desk::at(&server, "other", RULE);
    let code = desk.directory(&server, "123456", &json!({}));
    other.wish(&server, "123456", &json!({})).problem(409, "code_taken");
    let path = format!("/v1/codes/{code}");
    for method in ["GET", "DELETE"] {
        other.provider.ask(&server, &path).method(method).send().problem(404, "unknown_code");
    }
    other.provider.ask(&server, &path).method("PATCH").json("{}").send().problem(404, "unknown_code");
    for theirs in [code.as_str(), "cod_zzzzzzzzzzzzzzzzzzzz"] {
        let attempts = format!("/v1/codes/{theirs}/attempts");
        other.provider.ask(&server, &attempts).send().problem(404, "unknown_code");
    }
    let theirs = other.provider.ask(&server, "/v1/codes").send().expect(200).json();
    assert_eq!(theirs["codes"], json!([]));
    for wrong in ["/v1/codes?kind=none", "/v1/codes?state=gone"] {
        desk.provider.ask(&server, wrong).send().problem(400, "invalid_query");
    }

    let asked = desk.provider.ask(&server, "/v1/codes/suggestions?digits=123456&length=7&count=3").send().expect(200);
    let asked = asked.json();
    assert_eq!(asked["is_free"], false);
    let suggested = asked["suggestions"].as_array().expect("suggestions");
    assert!(suggested.len() == 3 && suggested.iter().all(|code| code.as_str().is_some_and(|it| it.len() == 7)));
    // Withdrawn codes rest.
    desk.provider.ask(&server, &path).method("DELETE").send().expect(200);
    other.wish(&server, "123456", &json!({})).problem(409, "code_taken");
    let risks = desk.provider.ask(&server, "/v1/codes/risk").send().expect(200).json();
    assert_eq!(risks["risks"].as_array().map(Vec::len), Some(14));
}

#[test]
fn a_code_above_the_ceiling_is_refused_with_what_would_help() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let refused = desk.wish(&server, "123", &json!({})).problem(409, "risk_too_high");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("registered")), "{refused}");
}

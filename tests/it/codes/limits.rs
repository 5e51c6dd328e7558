//! What a code is limited to, and that every refusal looks the same to the phone.

use serde_json::json;

use super::{Desk, INVALID, mac, redeem};
use crate::support::Server;

const RULE: &str = "https://nps.example/$MA.xml";

#[test]
fn every_refusal_is_the_same_bytes_and_its_provider_sees_the_true_reason() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let limits = [
        ("wrong_model", json!({"models": ["CP-8841-3PCC"]})),
        ("wrong_network", json!({"networks": ["192.0.2.0/24"]})),
        ("not_registered", json!({"registered_only": true})),
        ("wrong_phone", json!({"macs": ["00562bffffff"]})),
        ("too_early", json!({"from": "2099-01-01T00:00:00Z"})),
        ("too_late", json!({"until": "2001-01-01T00:00:00Z"})),
    ];
    let unknown = redeem(&server, "#99999999999", &mac(0));
    assert_eq!((unknown.status, unknown.body.as_str()), (403, INVALID));
    for (number, (reason, limits)) in (1..).zip(limits) {
        let digits = format!("700000000{number:03}");
        let code = desk.directory(&server, &digits, &limits);
        assert_eq!(redeem(&server, &digits, &mac(number)), unknown, "{reason}");
        assert_eq!(desk.outcomes(&server, &code), [reason]);
    }
    let (revoked, digits) = desk.personal(&server, &json!({}));
    desk.provider.ask(&server, &format!("/v1/codes/{revoked}")).method("DELETE").send().expect(200);
    assert_eq!(redeem(&server, &digits, &mac(20)), unknown);
    assert_eq!(desk.outcomes(&server, &revoked), ["revoked"]);
    let (bound, digits) = desk.personal(&server, &json!({"mac": mac(30)}));
    assert_eq!(redeem(&server, &digits, &mac(31)), unknown);
    assert_eq!(desk.outcomes(&server, &bound), ["wrong_phone"]);
    redeem(&server, &digits, &mac(30)).expect(200);

    let malformed = redeem(&server, "12", &mac(40)).expect(400);
    assert!(malformed.body.contains("3 to 16 digits"), "{malformed:?}");
}

#[test]
fn changed_limits_act_at_once() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let code = desk.directory(&server, "12345678", &json!({"activations": 1}));
    redeem(&server, "12345678", &mac(1)).expect(200);
    redeem(&server, "12345678", &mac(2)).expect(403);
    let path = format!("/v1/codes/{code}");
    let change =
        |body: &serde_json::Value| desk.provider.ask(&server, &path).method("PATCH").json(&body.to_string()).send();
    let changed = change(&json!({"limits": {"models": ["CP-7832-3PCC"]}})).expect(200).json();
    assert_eq!(changed["limits"]["models"], json!(["CP-7832-3PCC"]));
    assert!(changed["limits"]["activations"].is_null() && changed["risk"]["length"] == 8, "{changed}");
    redeem(&server, "12345678", &mac(2)).expect(200);
    let elsewhere = desk.provider.profile(&server, "elsewhere", "https://elsewhere.example/$MA.xml");
    change(&json!({"profile": elsewhere})).expect(200);
    assert!(redeem(&server, "12345678", &mac(3)).expect(200).body.contains("elsewhere.example"));
    change(&json!({"expires_at": "2099-01-01T00:00:00Z"})).problem(400, "invalid_body");
}

//! Phones: registered, changed, moved, given up.

use serde_json::json;

use super::told;
use crate::support::Server;

const MAC: &str = "00562b043615";

#[test]
fn a_phone_is_put_in_any_spelling_as_often_as_one_likes() {
    let server = Server::start();
    let acme = server.provider("acme");
    let profile = acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let details = json!({"serial": " FCH2034D0PL ", "model": "CP-7832-3PCC", "note": "front desk, Zoë"});
    let first = acme.register(&server, "00:56:2B:04:36:15", "main", &details).expect(201).json();
    let wanted = json!({
        "mac": MAC, "profile": profile, "serial": "FCH2034D0PL", "model": "CP-7832-3PCC", "note": "front desk, Zoë",
        "state": "Open", "seal": null, "on_hold": false, "range": null, "created_at": first["created_at"], "changed_at": first["created_at"],
    });
    assert_eq!(first, wanted);
    assert!(first["created_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{first}");

    let spellings = ["00562b043615", "00562B043615", "00-56-2b-04-36-15", "0056.2b04.3615", "00%3a56:2b:04:36:15"];
    for mac in spellings {
        for profile in ["main", &profile] {
            assert_eq!(acme.register(&server, mac, profile, &details).expect(200).json(), first, "{mac}");
        }
        assert_eq!(acme.ask(&server, &format!("/v1/devices/{mac}")).send().expect(200).json(), first, "{mac}");
    }
    let list = acme.ask(&server, "/v1/devices").send().expect(200).json();
    assert_eq!(list, json!({"devices": [first], "next": null}));
    assert_eq!(acme.story(&server, MAC), ["associated Open>Open stated"], "nothing happened but the first");
}

#[test]
fn what_is_recorded_of_a_phone_is_replaced_as_a_whole() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let second = acme.profile(&server, "second", "https://second.example/$MA.xml");
    let first = acme.register(&server, MAC, "main", &json!({"serial": "FCH2034D0PL", "note": "x"})).expect(201).json();

    let changed = acme.register(&server, MAC, "main", &json!({"model": "CP-8841-3PCC"})).expect(200).json();
    assert_eq!(
        (&changed["serial"], &changed["note"], &changed["model"]),
        (&json!(null), &json!(null), &json!("CP-8841-3PCC"))
    );
    assert_eq!(changed["created_at"], first["created_at"]);
    assert!(changed["changed_at"].as_str() > first["changed_at"].as_str(), "{changed}");

    let moved = acme.register(&server, MAC, "second", &json!({})).expect(200).json();
    assert_eq!(moved["profile"], second.as_str());
    let told_to_the_phone = server.ask_plainly(&format!("/{MAC}.cfg")).send().expect(200).body;
    assert!(told_to_the_phone.contains("https://second.example/"), "{told_to_the_phone}");
    let profiles: Vec<_> = acme.timeline(&server, MAC).into_iter().map(|entry| entry["profile"].clone()).collect();
    assert_eq!((profiles[0].clone(), &profiles[1]), (first["profile"].clone(), &json!(second)));
}

#[test]
fn a_phone_that_is_given_up_is_nobodys() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    acme.register(&server, MAC, "main", &json!({})).expect(201);
    let path = format!("/v1/devices/{MAC}");
    let gone = acme.ask(&server, &path).method("DELETE").send().expect(204);
    assert_eq!(gone.body, "");
    for path in [path.clone(), format!("{path}/customization"), format!("{path}/timeline")] {
        told(&acme.ask(&server, &path).send(), 404, "unknown_device");
    }
    told(&acme.ask(&server, &path).method("DELETE").send(), 404, "unknown_device");
    assert_eq!(server.ask(&format!("/{MAC}.cfg")).send().expect(200).body, "");

    // Somebody else may have it now, and learns nothing of the time before.
    let other = server.provider("globex");
    other.profile(&server, "main", "https://globex.example/$MA.xml");
    other.register(&server, MAC, "main", &json!({})).expect(201);
    assert!(server.ask(&format!("/{MAC}.cfg")).send().expect(200).body.contains("globex.example"));
    let seen = other.ask(&server, &format!("{path}/timeline")).send().expect(200).body;
    assert!(!seen.contains(&acme.id) && !seen.contains("nps.example"), "{seen}");
}

#[test]
fn a_phone_that_cannot_be_is_refused_by_name() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let put = |mac: &str, body: &str| acme.ask(&server, &format!("/v1/devices/{mac}")).method("PUT").json(body).send();
    let main = r#"{"profile":"main"}"#;
    let cases = [
        (put("nonsense", main), "invalid_mac", "not a MAC address"),
        (put("01005e000001", main), "invalid_mac", "cannot be a phone's"),
        (put("000000000000", main), "invalid_mac", "cannot be a phone's"),
        (put(MAC, r#"{"profile":"other"}"#), "unknown_profile", "/v1/profiles"),
        (put(MAC, "{}"), "invalid_body", "missing field `profile`"),
        (put(MAC, r#"{"profile":"main","serial":"é"}"#), "invalid_body", "serial: "),
        (put(MAC, r#"{"profile":"main","mac":"00562b043616"}"#), "invalid_body", "unknown field `mac`"),
        (put(MAC, &json!({"profile": "main", "note": "x".repeat(5000)}).to_string()), "invalid_note", "note"),
    ];
    for (answer, reason, said) in cases {
        let problem = told(&answer, 400, reason);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{problem}");
    }
    assert_eq!(acme.ask(&server, "/v1/devices").send().expect(200).json()["devices"], json!([]));
}

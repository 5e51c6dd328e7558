//! The main road: Open, Pending, Custom Pending, Acquired.

use serde_json::json;

use crate::support::{Nps, Phone, Server, eventually};

const MAC: &str = "00562b043615";

#[test]
fn a_phone_goes_from_its_box_to_its_provider() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = server.provider("acme");
    provider.profile(&server, "main", &nps.rule());
    let details = json!({"serial": "FCH2034D0PL", "model": "CP-7832-3PCC"});
    provider.register(&server, "00:56:2B:04:36:15", "main", &details).expect(201);
    assert_eq!(provider.state(&server, MAC), "Open");

    let walk = Phone::near(&server, MAC).with(&["--serial", "FCH2034D0PL"]).power_on();

    assert_eq!(walk.states(), ["Open>Pending", "Pending>Custom Pending", "Custom Pending>Acquired"], "{walk:?}");
    assert_eq!(walk.exit_code, Some(0));
    assert_eq!(walk.steps("reported")[0]["status"], 200);
    assert_eq!(
        provider.story(&server, MAC),
        [
            "associated Open>Open stated",
            "asked Open>Pending observed",
            "answered_with_provider Pending>Custom Pending observed",
            "resync_succeeded Custom Pending>Acquired reported",
        ]
    );
    let seen = provider.ask(&server, &format!("/v1/devices/{MAC}/customization")).send().expect(200).json();
    assert_eq!(
        (&seen["state"], &seen["firmware"], &seen["model"]),
        (&json!("Acquired"), &json!("11.0.1"), &json!("CP-7832-3PCC"))
    );
    assert!(seen["first_contact"].is_string() && seen["next_retry"].is_null());
}

#[test]
fn the_timeline_says_what_was_asked_and_answered_and_from_where() {
    let server = Server::start();
    let provider = server.provider("acme");
    let with_key = ("main", "[--key topsecretkey] https://nps.example/$MA.xml");
    let profile = provider.profile_for(&server, with_key, "serial");
    provider.register(&server, MAC, &profile, &json!({"serial": "FCH2034D0PL"})).expect(201);
    let query = format!("/software/edos/callhome/rc?id={MAC}:FCH2034D0PL:CP-7832-3PCC&sw=11.0.1&other=1");
    server.ask(&query).send().expect(200);

    let timeline = provider.timeline(&server, MAC);
    let asked = &timeline[1];
    assert_eq!(
        asked["asked"],
        "GET /software/edos/callhome/rc mac=00562b043615 serial=FCH2034D0PL model=CP-7832-3PCC firmware=11.0.1"
    );
    assert_eq!(asked["source"], "127.0.0.1");
    assert_eq!(asked["request_id"].as_str().map(str::len), Some(16));
    let answered = &timeline[2];
    assert_eq!(answered["answered"], "[--key ****] https://nps.example/$MA.xml");
    assert_eq!(answered["profile"], profile.as_str());
    assert!(!server.log().contains("topsecretkey"));
}

#[test]
fn a_phone_without_a_provider_becomes_unavailable_and_is_found_later() {
    let server = Server::start();
    let nps = Nps::well();
    let walk = Phone::near(&server, MAC).power_on();
    assert_eq!(walk.states(), ["Open>Pending", "Pending>Unavailable"]);
    assert_eq!(walk.exit_code, Some(3));

    let provider = server.provider("acme");
    provider.profile(&server, "main", &nps.rule());
    provider.register(&server, MAC, "main", &json!({})).expect(201);
    assert_eq!(provider.state(&server, MAC), "Unavailable");
    let walk = Phone::near(&server, MAC).power_on();
    assert_eq!(walk.states(), ["Open>Pending", "Pending>Custom Pending", "Custom Pending>Acquired"]);
    assert_eq!(
        provider.story(&server, MAC),
        [
            "asked Open>Pending observed",
            "answered_with_nothing Pending>Unavailable observed",
            "associated Unavailable>Unavailable stated",
            "asked Unavailable>Pending observed",
            "answered_with_provider Pending>Custom Pending observed",
            "resync_succeeded Custom Pending>Acquired reported",
        ]
    );
}

#[test]
fn every_no_is_the_same_bytes() {
    let server = Server::start();
    let operator = server.operator();
    let provider = server.provider("acme");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    provider.register(&server, MAC, "main", &json!({"serial": "FCH2034D0PL"})).expect(201);
    let ask = |id: &str| server.ask(&format!("/software/edos/callhome/rc?id={id}")).send();

    let unknown = ask("00562b0436ff");
    assert_eq!((unknown.status, unknown.body.as_str()), (200, ""));
    assert_eq!(ask(&format!("{MAC}:WRONG")), unknown);
    assert!(ask(&format!("{MAC}:fch2034d0pl")).body.contains("Profile_Rule"));

    let frozen = format!("/v1/tenants/{}/frozen", provider.id);
    operator.ask(&server, &frozen).method("PUT").json(r#"{"frozen":true}"#).send().expect(200);
    assert_eq!(ask(MAC), unknown);
    operator.ask(&server, &frozen).method("PUT").json(r#"{"frozen":false}"#).send().expect(200);
    assert!(ask(MAC).body.contains("Profile_Rule"));

    let reasons: Vec<_> = provider
        .timeline(&server, MAC)
        .iter()
        .filter_map(|entry| entry["reason"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(reasons, ["wrong_serial", "provider_frozen"]);
}

#[test]
fn whoever_counts_through_addresses_is_slowed() {
    let settings =
        crate::support::Settings { toml: "[phones]\nunknown_burst = 5\nunknown_per_second = 1\n".to_owned() };
    let server = Server::start_with(settings);
    let provider = server.provider("acme");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    provider.register(&server, MAC, "main", &json!({})).expect(201);
    let ask = |id: &str| server.ask_plainly(&format!("/{id}.cfg")).send();
    assert!(ask(MAC).body.contains("Profile_Rule"));
    // Far more than the burst, within far less than the time in which it grows back.
    let urls: Vec<String> = (0..30).map(|n| format!("{}/00562b05{n:04x}.cfg", server.http)).collect();
    let unknown = ask("00562b0436ff");
    let mut all = crate::support::Curl::get(&urls[0]);
    for url in &urls[1..] {
        all = all.with(&[url]);
    }
    all.send();
    assert_eq!(ask(MAC), unknown);
    // Nobody waits until it is noted.
    eventually("the throttled question on the timeline", || {
        let timeline = provider.timeline(&server, MAC);
        (timeline.last().expect("an entry")["reason"] == "throttled").then_some(())
    });
}

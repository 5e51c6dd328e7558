//! The other roads: DHCP, a user at the keypad, failures, factory reset, reports nobody should believe.

use http::StatusCode;
use nps::Answer;
use serde_json::json;

use crate::support::{Nps, Phone, Provider, Server};

const MAC: &str = "00562b043615";

fn provider_with_a_phone(server: &Server, nps: &Nps) -> Provider {
    let provider = server.provider("acme");
    provider.profile(server, "main", &nps.rule());
    provider.register(server, MAC, "main", &json!({})).expect(201);
    provider
}

#[test]
fn a_profile_from_dhcp_comes_first_and_remote_customization_is_never_asked() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    let walk = Phone::near(&server, MAC).with(&["--dhcp-profile", &nps.rule()]).power_on();
    assert_eq!(walk.states(), ["Open>Aborted"]);
    assert_eq!(provider.story(&server, MAC), ["associated Open>Open stated"]);

    // The phone was never given a place to report to; its provider says what happened.
    let stated =
        provider.ask(&server, &format!("/v1/devices/{MAC}/timeline")).json(r#"{"event":"provisioned_by_dhcp"}"#);
    stated.send().expect(200);
    assert_eq!(provider.state(&server, MAC), "Aborted");
    assert_eq!(provider.story(&server, MAC)[1], "provisioned_by_dhcp Open>Aborted stated");
}

#[test]
fn a_user_at_the_keypad_aborts() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    let walk = Phone::near(&server, MAC).with(&["--hand-provision", &nps.rule()]).power_on();
    assert_eq!(walk.states().last().map(String::as_str), Some("Custom Pending>Aborted"));
    assert_eq!(provider.story(&server, MAC)[3], "provisioned_by_hand Custom Pending>Aborted reported");
    assert_eq!(provider.state(&server, MAC), "Aborted");
}

#[test]
fn a_failed_resync_says_why_and_when_the_phone_tries_again() {
    let server = Server::start();
    let nps = Nps::saying(vec![
        Answer::status(StatusCode::NOT_FOUND),
        Answer::status(StatusCode::FORBIDDEN),
        Answer::profile("<flat-profile><Proxy_1_>sip.example</Proxy_1_></flat-profile>"),
    ]);
    let provider = provider_with_a_phone(&server, &nps);
    let path = format!("/v1/devices/{MAC}/customization");

    let walk = Phone::near(&server, MAC).power_on();
    assert_eq!(walk.exit_code, Some(4));
    let seen = provider.ask(&server, &path).send().expect(200).json();
    assert_eq!(
        (&seen["state"], &seen["failure"]["class"], &seen["failure"]["status"]),
        (&json!("Custom Pending"), &json!("B"), &json!(404))
    );
    assert!(seen["next_retry"].is_string(), "{seen}");

    let walk = Phone::near(&server, MAC).with(&["--retries", "1"]).power_on();
    assert_eq!(walk.exit_code, Some(0));
    let story = provider.story(&server, MAC);
    assert_eq!(
        story[story.len() - 2..],
        ["resync_failed Custom Pending>Custom Pending reported", "resync_succeeded Custom Pending>Acquired reported"]
    );
    let seen = provider.ask(&server, &path).send().expect(200).json();
    assert_eq!(
        (&seen["state"], &seen["failure"], &seen["next_retry"]),
        (&json!("Acquired"), &json!(null), &json!(null))
    );
}

#[test]
fn a_phone_that_asks_although_acquired_must_have_been_reset() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    Phone::near(&server, MAC).power_on();
    Phone::near(&server, MAC).power_on();
    let story = provider.story(&server, MAC);
    assert_eq!(
        story[4..],
        [
            "factory_reset Acquired>Open inferred",
            "asked Open>Pending observed",
            "answered_with_provider Pending>Custom Pending observed",
            "resync_succeeded Custom Pending>Acquired reported",
        ]
    );
}

#[test]
fn a_phone_that_remembers_says_that_it_is_reset() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    let folder = tempfile::tempdir().expect("a folder");
    let nvram = folder.path().join("nvram.json").display().to_string();
    let phone = || Phone::near(&server, MAC).with(&["--nvram", &nvram]);

    assert_eq!(phone().power_on().exit_code, Some(0));
    let again = phone().power_on();
    assert_eq!((again.exit_code, again.states()), (Some(0), Vec::new()), "an Acquired phone does not ask again");
    assert_eq!(provider.story(&server, MAC)[4..], ["resync_succeeded Acquired>Acquired reported"]);

    let reset = phone().with(&["--factory-reset"]).power_on();
    assert_eq!(reset.exit_code, Some(0));
    assert_eq!(provider.story(&server, MAC)[5], "factory_reset Acquired>Open reported");
    assert_eq!(provider.state(&server, MAC), "Acquired");
}

#[test]
fn impossible_events_are_kept_as_refused() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    let stated = provider.ask(&server, &format!("/v1/devices/{MAC}/timeline")).json(r#"{"event":"resync_succeeded"}"#);
    stated.send().expect(200);
    assert_eq!(provider.state(&server, MAC), "Open");
    let last = provider.timeline(&server, MAC).pop().expect("an entry");
    assert_eq!(
        (&last["event"], &last["from"], &last["to"]),
        (&json!("resync_succeeded"), &json!("Open"), &json!("Open"))
    );
    assert!(last["refused"].as_str().is_some_and(|reason| !reason.is_empty()), "{last}");
}

#[test]
fn a_report_needs_the_token_of_exactly_this_phone() {
    let server = Server::start();
    let nps = Nps::well();
    let provider = provider_with_a_phone(&server, &nps);
    let profile = server.ask(&format!("/{MAC}.cfg")).send().expect(200).body;
    let (_, rest) = profile.split_once("/report/").expect("a place to report to");
    let (token, _) = rest.split_once('<').expect("the end of the element");

    let report = |token: &str, body: &str| server.ask(&format!("/report/{token}")).json(body).send();
    for forged in ["x", &token[..token.len() - 2], &format!("{token}x"), "eyJhbGciOiJub25lIn0.e30."] {
        report(forged, r#"{"event":"resync_succeeded"}"#).expect(403);
    }
    assert_eq!(provider.state(&server, MAC), "Custom Pending");
    for wrong in ["", "{}", r#"{"event":"exploded"}"#, r#"{"event":"resync_failed","class":"Z"}"#] {
        let answer = report(token, wrong).expect(400);
        assert_eq!(answer.body.trim_end().lines().count(), 1, "{answer:?}");
    }
    // As a stock phone reports: XML, by the same road.
    let xml = "<?xml version=\"1.0\"?><device><status><Software_Version>12.0.3</Software_Version><Customization>Acquired</Customization></status></device>";
    let sent = server.ask(&format!("/report/{token}")).header("Content-Type: text/xml").form(xml).send();
    sent.expect(200);
    assert_eq!(provider.state(&server, MAC), "Acquired");
    assert!(!server.log().contains(token), "the token is in the log");
}

#[test]
fn a_code_that_nobody_issued_is_invalid() {
    let server = Server::start();
    let json = server.ask("/activate").json(r##"{"code":"#123456","mac":"00562b043615"}"##).send().expect(403);
    assert_eq!(json.body, "Invalid activation code\n");
    let form = server.ask("/activate").form("code=5414-0112-5617-3816&mac=00562b043615").send().expect(403);
    assert_eq!(form.body, json.body);
    let malformed = server.ask("/activate").json(r#"{"code":"12","mac":"00562b043615"}"#).send().expect(400);
    assert!(malformed.body.contains("3 to 16 digits"), "{malformed:?}");
    assert!(!server.log().contains("5414011256173816") && !server.log().contains("5414-0112"));
}

//! A user types a code, and the phone is its provider's.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Desk, INVALID, mac, redeem};
use crate::support::{Nps, Phone, Server, dialtone};

const MAC: &str = "00562b043615";
const RULE: &str = "https://nps.example/$MA.xml";

#[test]
fn a_directory_code_onboards_many_phones() {
    let server = Server::start();
    let nps = Nps::well();
    let desk = Desk::at(&server, "acme", &nps.rule());
    let code = desk.directory(&server, "123456", &json!({}));
    for number in 0..3 {
        let walk = Phone::near(&server, &mac(number)).with(&["--code", "#123456"]).power_on();
        assert_eq!(walk.exit_code, Some(0), "{walk:?}");
        assert_eq!(
            walk.states(),
            ["Open>Pending", "Pending>Unavailable", "Unavailable>Custom Pending", "Custom Pending>Acquired"]
        );
        assert!(!walk.printed.contains("123456"));
        assert_eq!(
            desk.provider.story(&server, &mac(number)),
            [
                "asked Open>Pending observed",
                "answered_with_nothing Pending>Unavailable observed",
                "associated Unavailable>Unavailable observed",
                "asked Unavailable>Pending observed",
                "answered_with_provider Pending>Custom Pending observed",
                "resync_succeeded Custom Pending>Acquired reported",
            ]
        );
    }
    let seen = desk.provider.ask(&server, &format!("/v1/codes/{code}")).send().expect(200).json();
    assert_eq!(seen["activations"], 3);
    assert_eq!(desk.outcomes(&server, &code), ["redeemed", "redeemed", "redeemed"]);
}

#[test]
fn a_personal_code_is_for_one_phone_whose_lost_answer_is_given_again() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let (code, digits) = desk.personal(&server, &json!({}));
    let first = redeem(&server, &digits, MAC).expect(200);
    assert!(first.body.contains(RULE), "{first:?}");
    // With the gaps that people type.
    let spelled = format!("{} {}-{}", &digits[..4], &digits[4..8], &digits[8..]);
    let again = redeem(&server, &spelled, MAC).expect(200);
    assert!(again.body.contains(RULE));
    let other = redeem(&server, &digits, &mac(2));
    assert_eq!((other.status, other.body.as_str()), (403, INVALID));

    assert_eq!(desk.state_of(&server, &code), "redeemed");
    assert_eq!(desk.outcomes(&server, &code), ["used", "repeated", "redeemed"]);
    let seen = desk.provider.ask(&server, &format!("/v1/codes/{code}")).send().expect(200).json();
    assert_eq!((&seen["redeemed_by"], &seen["digits"]), (&json!(MAC), &json!(null)));
    let story = desk.provider.story(&server, MAC);
    assert_eq!(story.iter().filter(|entry| entry.starts_with("associated")).count(), 1, "{story:?}");
}

#[test]
fn a_phone_of_another_provider_is_never_taken_over() {
    let server = Server::start();
    let acme = Desk::at(&server, "acme", RULE);
    let other = Desk::at(&server, "other", "https://other.example/$MA.xml");
    other.provider.register(&server, MAC, &other.profile, &json!({})).expect(201);
    let code = acme.directory(&server, "123456", &json!({}));
    let (personal, digits) = acme.personal(&server, &json!({}));
    for typed in ["#123456", &digits] {
        let refused = redeem(&server, typed, MAC);
        assert_eq!((refused.status, refused.body.as_str()), (403, INVALID));
    }
    assert_eq!(acme.outcomes(&server, &code), ["owned_by_other"]);
    assert_eq!(acme.state_of(&server, &personal), "open", "the code is not used up");
    assert!(server.ask(&format!("/{MAC}.cfg")).send().expect(200).body.contains("other.example"));
    redeem(&server, &digits, &mac(2)).expect(200);
}

#[test]
fn a_stock_phone_types_the_code_into_a_profile_rule() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", RULE);
    let (code, digits) = desk.personal(&server, &json!({}));
    let path = format!("/a/{digits}/{MAC}.xml");
    // A HEAD uses nothing up, and tells nothing.
    let head = server.ask(&path).method("HEAD").send().expect(200);
    assert_eq!(server.ask("/a/0000000000000000").method("HEAD").send().expect(200), head);
    assert_eq!(desk.state_of(&server, &code), "open");

    let got = server.ask(&path).send().expect(200);
    assert!(got.body.contains(RULE) && got.body.contains("/report/"), "{got:?}");
    assert_eq!(got.header("content-type"), Some("text/xml; charset=utf-8"));
    desk.directory(&server, "123456", &json!({}));
    let agent = "User-Agent: Cisco-CP-7832-3PCC/11.0.1 (00562b000002)";
    for (path, method) in [("/a/123456", "GET"), ("/a/%23123456", "POST"), ("/a/12-34-56", "GET")] {
        assert!(server.ask(path).method(method).header(agent).send().expect(200).body.contains(RULE), "{path}");
    }
    assert!(server.ask("/a/123456?id=00562b000003:X").send().expect(200).body.contains(RULE));

    // Class B of the chapter's table: the phone says that the file is not found.
    let refused = server.ask("/a/999999").header(agent).send();
    assert_eq!((refused.status, refused.body.as_str()), (404, INVALID));
    server.ask("/a/123456").send().expect(400);
    server.ask("/a/123456/7832.xml").header(agent).send().expect(400);
    let malformed = server.ask("/a/12").header(agent).send().expect(400);
    assert!(malformed.body.contains("3 to 16 digits"), "{malformed:?}");
    server.ask("/a/123456").method("PUT").header(agent).send().expect(405);

    let asked = desk.provider.timeline(&server, MAC)[1]["asked"].take();
    assert_eq!(asked, format!("GET /a/… mac={MAC}"));
}

#[test]
fn a_gds_rule_brings_the_code_screen_up() {
    let server = Server::start();
    let nps = Nps::well();
    let desk = Desk::at(&server, "acme", &nps.rule());
    desk.provider.profile(&server, "by code", "gds://");
    desk.provider.register(&server, MAC, "by code", &json!({})).expect(201);
    let (_, digits) = desk.personal(&server, &json!({}));
    let left_alone = Phone::near(&server, MAC).power_on();
    assert_eq!(left_alone.exit_code, Some(4), "{left_alone:?}");
    let wrong = Phone::near(&server, MAC).with(&["--code", "0000000000000000"]).power_on();
    assert_eq!(wrong.exit_code, Some(5), "{wrong:?}");
    assert_eq!(wrong.steps("code_refused")[0]["shows"], "Invalid activation code");
    let right = Phone::near(&server, MAC).with(&["--code", &digits]).power_on();
    assert_eq!(right.exit_code, Some(0), "{right:?}");
    assert_eq!(right.states(), ["Open>Pending", "Pending>Custom Pending", "Custom Pending>Acquired"]);
    assert_eq!(desk.provider.state(&server, MAC), "Acquired");
}

#[test]
fn a_person_types_at_the_code_screen_until_the_code_is_right() {
    let server = Server::start();
    let nps = Nps::well();
    let desk = Desk::at(&server, "acme", &nps.rule());
    desk.provider.profile(&server, "by code", "gds://");
    desk.provider.register(&server, MAC, "by code", &json!({})).expect(201);
    let (_, digits) = desk.personal(&server, &json!({}));
    let typed = format!("0000 0000 0000 0000\n12\n{digits}\n");
    let (exit_code, printed) = with_keyboard(&server, &typed);
    assert_eq!(exit_code, Some(0), "{printed}");
    assert!(printed.contains("the screen shows: Invalid activation code"), "{printed}");
    assert!(printed.contains("the screen shows: not an activation code: expected 3 to 16 digits"), "{printed}");
    assert!(!printed.contains(&digits), "{printed}");
}

/// The phone with `typed` at its keyboard: its exit status and what it printed.
fn with_keyboard(server: &Server, typed: &str) -> (Option<i32>, String) {
    let ca = server.ca().display().to_string();
    let mut phone = Command::new(dialtone())
        .args(["phone", "--mac", MAC, "--activate", &server.https, "--ca", &ca])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the phone runs");
    // What it does not read any more is not an error.
    let _ = phone.stdin.take().expect("its keyboard").write_all(typed.as_bytes());
    let output = phone.wait_with_output().expect("its end");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

//! The doors at which phones ask, and every way of asking.

use serde_json::json;

use crate::support::{Answer, Curl, Provider, Server, Settings};

const MAC: &str = "00562b043615";
const USER_AGENT: &str = "User-Agent: Cisco-CP-7832-3PCC/11.0.1 (00562b043615)";

fn server_with_a_phone() -> (Server, Provider) {
    let server = Server::start();
    let provider = server.provider("acme");
    let profile = json!({
        "name": "main",
        "profile_rule": {"value": "https://nps.example/$MA.xml?a=1&b=2", "ua": "ro"},
        "upgrade_rule": "http://nps.example/sip88xx.12-0-3MPP0001-609.loads",
        "custom_ca_rule": "http://nps.example/ca.pem",
        "report_rule": "[--delta] https://nps.example/report",
        "parameters": {"Time_Zone": {"value": "GMT+01:00", "ua": "rw"}, "Station_Name": "Jo & Zoë"},
    });
    provider.ask(&server, "/v1/profiles").json(&profile.to_string()).send().expect(201);
    provider.register(&server, MAC, "main", &json!({})).expect(201);
    (server, provider)
}

/// The profile without the token, which differs each time.
fn shown(answer: &Answer) -> String {
    let Some((before, after)) = answer.body.split_once("/report/ey") else { return answer.body.clone() };
    let (_token, after) = after.split_once('<').expect("the end of the element");
    format!("{before}/report/TOKEN<{after}")
}

#[test]
fn the_flat_profile_carries_all_that_the_profile_says() {
    let (server, _provider) = server_with_a_phone();
    let answer = server.ask(&format!("/software/edos/callhome/rc?id={MAC}")).send().expect(200);
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"));
    let lines: Vec<String> = shown(&answer).lines().map(str::to_owned).collect();
    let https = &server.https;
    let wanted = [
        r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned(),
        "<device>".to_owned(),
        "<flat-profile>".to_owned(),
        r#"<Profile_Rule ua="ro">https://nps.example/$MA.xml?a=1&amp;b=2</Profile_Rule>"#.to_owned(),
        r#"<Upgrade_Enable ua="na">Yes</Upgrade_Enable>"#.to_owned(),
        r#"<Upgrade_Rule ua="na">http://nps.example/sip88xx.12-0-3MPP0001-609.loads</Upgrade_Rule>"#.to_owned(),
        r#"<Custom_CA_Rule ua="na">http://nps.example/ca.pem</Custom_CA_Rule>"#.to_owned(),
        format!(
            r#"<Report_Rule ua="na">[--delta] https://nps.example/report [--status] {https}/report/TOKEN</Report_Rule>"#
        ),
        r#"<Station_Name ua="na">Jo &amp; Zo&#235;</Station_Name>"#.to_owned(),
        r#"<Time_Zone ua="rw">GMT+01:00</Time_Zone>"#.to_owned(),
        "</flat-profile>".to_owned(),
        "</device>".to_owned(),
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn every_spelling_method_version_and_door_gets_the_same_answer() {
    let (server, _provider) = server_with_a_phone();
    let rc = |id: &str| server.ask(&format!("/software/edos/callhome/rc?id={id}"));
    let golden = shown(&rc(MAC).send().expect(200));
    let spellings = [
        "00562B043615",
        "00:56:2b:04:36:15",
        "00-56-2b-04-36-15",
        "0056.2b04.3615",
        "00%3A56%3A2B%3A04%3A36%3A15",
        "00562b043615:FCH2034D0PL:CP-7832-3PCC",
        "00:56:2B:04:36:15:FCH2034D0PL:CP-7832-3PCC",
        "00562b043615::",
        "00562b043615&x=1&sw=",
    ];
    for id in spellings {
        assert_eq!(shown(&rc(id).send().expect(200)), golden, "{id}");
    }
    for (words, version) in [(["--http1.0"], "1"), (["--http1.1"], "1.1"), (["--http2"], "2")] {
        let answer = rc(MAC).with(&words).send().expect(200);
        assert_eq!((shown(&answer), answer.version.as_str()), (golden.clone(), version));
    }
    let posted = server.ask("/software/edos/callhome/rc").method("POST").form(&format!("id={MAC}&sw=11.0.1")).send();
    assert_eq!(shown(&posted.expect(200)), golden);
    let posted_query = rc(MAC).method("POST").form("").send();
    assert_eq!(shown(&posted_query.expect(200)), golden);
    for path in [format!("/Cisco/{MAC}.cfg"), format!("/{MAC}.cfg"), "/00:56:2B:04:36:15.xml".to_owned()] {
        assert_eq!(shown(&server.ask(&path).send().expect(200)), golden, "{path}");
    }
    let by_user_agent = server.ask("/7832.xml").header(USER_AGENT).send().expect(200);
    assert_eq!(shown(&by_user_agent), golden);
    let plainly = server.ask_plainly(&format!("/{MAC}.cfg")).send().expect(200);
    assert_eq!(shown(&plainly).replace(&server.http, &server.https), golden);
}

#[test]
fn a_head_gets_the_same_head_and_moves_nothing() {
    let (server, provider) = server_with_a_phone();
    let path = format!("/software/edos/callhome/rc?id={MAC}");
    let head = server.ask(&path).method("HEAD").send().expect(200);
    assert_eq!(head.body, "");
    assert_eq!(provider.state(&server, MAC), "Open");
    let get = server.ask(&path).send().expect(200);
    assert_eq!(head.headers, get.headers);
    assert_eq!(provider.state(&server, MAC), "Custom Pending");
}

#[test]
fn a_request_without_an_address_is_told_what_was_expected() {
    let (server, _provider) = server_with_a_phone();
    let rc = "/software/edos/callhome/rc";
    let agent_is_no_identity = server.ask(rc).header(USER_AGENT);
    let cases: [Curl; 6] = [
        server.ask(rc),
        server.ask(&format!("{rc}?id=")),
        server.ask(&format!("{rc}?id=nonsense&sw=11.0.1")),
        server.ask("/setup.cfg"),
        server.ask("/7832.xml"),
        agent_is_no_identity,
    ];
    for curl in cases {
        let answer = curl.send().expect(400);
        assert_eq!(answer.body.lines().count(), 1, "{answer:?}");
        assert!(answer.body.contains("id=MAC[:SERIAL[:MODEL]]"), "{answer:?}");
    }
    server.ask(&format!("{rc}?id={MAC}")).method("DELETE").send().expect(405);
    server.ask("/favicon.ico").send().expect(404);
}

#[test]
fn the_doors_are_configuration() {
    let toml = "[phones]\ndoors = [\"/rc/v2\", \"/p/{mac}.txt\"]\n".to_owned();
    let server = Server::start_with(Settings { toml });
    server.ask(&format!("/rc/v2?id={MAC}")).send().expect(200);
    server.ask(&format!("/p/{MAC}.txt")).send().expect(200);
    server.ask(&format!("/software/edos/callhome/rc?id={MAC}")).send().expect(404);
}

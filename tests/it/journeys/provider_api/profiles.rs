//! Profiles: made, read, replaced, deleted; with their secrets struck out.

use serde_json::json;

use super::told;
use crate::support::{Provider, Server};

const RULE: &str = "[--key hunter2key --pwd hunter2pwd] https://nps.example/$MA.xml?x=$FOO";
const SHOWN: &str = "[--key **** --pwd ****] https://nps.example/$MA.xml?x=$FOO";

fn setting(value: &str, ua: &str) -> serde_json::Value {
    json!({"value": value, "ua": ua})
}

#[test]
fn a_profile_is_made_read_replaced_and_deleted() {
    let server = Server::start();
    let acme = server.provider("acme");
    // A text, because `json!` would sort the parameters.
    let body = format!(
        r#"{{"name":"Main","profile_rule":{{"value":"{RULE}","ua":"ro"}},"upgrade_rule":"http://nps.example/a.loads",
            "proof":"serial","parameters":{{"Time_Zone":{{"value":"GMT+01:00","ua":"rw"}},"Alpha":"1"}}}}"#
    );
    let made = acme.ask(&server, "/v1/profiles").json(&body).send().expect(201);
    let profile = made.json();
    let path = format!("/v1/profiles/{}", profile["id"].as_str().expect("an id"));
    assert_eq!((made.header("location"), made.header("etag")), (Some(path.as_str()), Some("\"1\"")));
    assert_eq!(profile["profile_rule"], setting(SHOWN, "ro"));
    assert_eq!(profile["upgrade_rule"], setting("http://nps.example/a.loads", "na"));
    assert_eq!((&profile["custom_ca_rule"], &profile["report_rule"]), (&json!(null), &json!(null)));
    assert_eq!((&profile["secret"], &profile["version"]), (&json!(true), &json!(1)));
    assert_eq!((&profile["proof"], &profile["carries_secret"]), (&json!("serial"), &json!(true)));
    let order = made.body.find("Upgrade_Enable") < made.body.find("Time_Zone")
        && made.body.find("Time_Zone") < made.body.find("Alpha");
    assert!(order, "parameters keep their order: {}", made.body);
    let [warning] = profile["warnings"].as_array().expect("warnings").as_slice() else { panic!("{profile}") };
    assert!(warning.as_str().is_some_and(|text| text.starts_with("profile_rule: $FOO ")), "{warning}");

    let read = acme.ask(&server, &path).send().expect(200);
    let mut shown = profile.clone();
    shown.as_object_mut().expect("an object").remove("warnings");
    assert_eq!((read.json(), read.header("etag")), (shown.clone(), Some("\"1\"")));
    let list = acme.ask(&server, "/v1/profiles").send().expect(200).json();
    assert_eq!(list, json!({"profiles": [shown], "next": null}));

    let next = json!({"name": "Main 2", "profile_rule": "tftp://nps.example/spa$PSN.cfg"}).to_string();
    let replaced = acme.ask(&server, &path).method("PUT").header("If-Match: \"1\"").json(&next).send().expect(200);
    assert_eq!(replaced.header("etag"), Some("\"2\""));
    let replaced = replaced.json();
    assert_eq!(
        (&replaced["id"], &replaced["name"], &replaced["secret"]),
        (&profile["id"], &json!("Main 2"), &json!(false))
    );
    assert_eq!((&replaced["upgrade_rule"], &replaced["parameters"]), (&json!(null), &json!({})));

    acme.ask(&server, &path).method("DELETE").send().expect(204);
    told(&acme.ask(&server, &path).send(), 404, "unknown_profile");
    told(&acme.ask(&server, &path).method("DELETE").send(), 404, "unknown_profile");
}

#[test]
fn whoever_replaces_what_another_has_replaced_is_told() {
    let server = Server::start();
    let acme = server.provider("acme");
    let path = format!("/v1/profiles/{}", acme.profile(&server, "Main", "https://nps.example/1"));
    let replace = |tag: Option<&str>, n: u8| {
        let body = json!({"name": "Main", "profile_rule": format!("https://nps.example/{n}")}).to_string();
        let curl = acme.ask(&server, &path).method("PUT").json(&body);
        match tag {
            Some(tag) => curl.header(&format!("If-Match: {tag}")).send(),
            None => curl.send(),
        }
    };
    replace(Some("\"1\""), 2).expect(200);
    told(&replace(Some("\"1\""), 3), 412, "profile_changed");
    told(&replace(Some("2"), 3), 400, "invalid_if_match");
    let read = acme.ask(&server, &path).send().expect(200).json();
    assert_eq!(read["profile_rule"]["value"], "https://nps.example/2");
    assert_eq!(replace(Some("*"), 4).expect(200).header("etag"), Some("\"3\""));
    assert_eq!(replace(None, 5).expect(200).header("etag"), Some("\"4\""));
}

#[test]
fn a_profile_that_cannot_be_is_refused_by_name() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "Main", "https://nps.example/$MA.xml");
    let refused = |body: &str| acme.ask(&server, "/v1/profiles").json(body).send();
    let cases = [
        (r#"{"name":"Main","profile_rule":"/a"}"#, 409, "profile_name_taken", "choose a different one"),
        (r#"{"name":"","profile_rule":"/a"}"#, 400, "invalid_profile_name", "name"),
        (r#"{"name":"B"}"#, 400, "invalid_body", "profile_rule"),
        (
            r#"{"name":"B","profile_rule":"ftp://nps.example/a"}"#,
            400,
            "invalid_rule",
            "profile_rule: the scheme must be",
        ),
        (r#"{"name":"B","profile_rule":"/a","profil":1}"#, 400, "invalid_body", "unknown field `profil`"),
        (
            r#"{"name":"B","profile_rule":"/a","parameters":{"Profile_Rule":"/b"}}"#,
            400,
            "misplaced_rule",
            "the member profile_rule",
        ),
        (r#"{"name":"B","profile_rule":"/a","parameters":{"1 x":"/b"}}"#, 400, "invalid_parameter", "needs a name"),
        (r#"{"name":"B","profile_rule":{"value":"/a","ua":"x"}}"#, 400, "invalid_body", "`na`, `ro`, `rw`"),
    ];
    for (body, status, reason, said) in cases {
        let problem = told(&refused(body), status, reason);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{body}: {problem}");
    }
    let secret = refused(r#"{"name":"B","profile_rule":"[--key hunter2key https://nps.example/"}"#);
    told(&secret, 400, "invalid_rule");
    assert!(!secret.body.contains("hunter2key"), "{secret:?}");
}

#[test]
fn a_profile_that_phones_go_to_stays() {
    let server = Server::start();
    let acme = server.provider("acme");
    let path = format!("/v1/profiles/{}", acme.profile(&server, "Main", "https://nps.example/$MA.xml"));
    let delete = || acme.ask(&server, &path).method("DELETE").send();
    let phones = ["00562b043615", "00562b043616"];
    for mac in phones {
        acme.register(&server, mac, "Main", &json!({})).expect(201);
    }
    let problem = told(&delete(), 409, "profile_in_use");
    assert_eq!(problem["detail"], "2 phones go to this profile; send them to another first");
    for mac in phones {
        acme.ask(&server, &format!("/v1/devices/{mac}")).method("DELETE").send().expect(204);
    }
    delete().expect(204);
}

#[test]
fn profiles_are_listed_page_by_page() {
    let server = Server::start();
    let acme = server.provider("acme");
    let mut made: Vec<_> = (0..5).map(|n| acme.profile(&server, &format!("P{n}"), "https://nps.example/a")).collect();
    made.sort();
    let mut seen = Vec::new();
    let mut query = "limit=2".to_owned();
    for length in [2, 2, 1] {
        let page = page(&server, &acme, &query);
        let ids = page["profiles"].as_array().expect("profiles").iter().map(|it| it["id"].as_str().expect("an id"));
        assert_eq!(ids.len(), length);
        seen.extend(ids.map(str::to_owned));
        query = format!("limit=2&after={}", page["next"].as_str().unwrap_or("-"));
    }
    assert_eq!(query, "limit=2&after=-", "the last page says so");
    assert_eq!(seen, made);
}

fn page(server: &Server, acme: &Provider, query: &str) -> serde_json::Value {
    acme.ask(server, &format!("/v1/profiles?{query}")).send().expect(200).json()
}

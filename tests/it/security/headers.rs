//! The headers that keep a browser from doing anything with an answer but read it: on every answer there is.

use serde_json::json;

use crate::support::{Answer, Curl, Server};

const MAC: &str = "00562b043615";

#[track_caller]
fn assert_safe(what: &str, answer: &Answer, over_tls: bool) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}: {answer:?}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}: {answer:?}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{what}: {answer:?}");
    let promise = answer.header("strict-transport-security");
    assert_eq!(promise.is_some(), over_tls, "{what}: {answer:?}");
    assert!(promise.is_none_or(|promise| promise == "max-age=31536000"), "{what}: {promise:?}");
    for name in ["server", "x-powered-by", "access-control-allow-origin", "set-cookie"] {
        assert_eq!(answer.header(name), None, "{what}");
    }
}

/// Every path that a route is written for.
fn paths() -> Vec<String> {
    let routes = include_str!("../../../services/gateway/src/routes.rs");
    let behind = routes.split(".route(\"").skip(1).filter_map(|text| text.split('"').next());
    let paths: Vec<_> = behind.map(|path| path.replace(['{', '}'], "")).collect();
    assert!(paths.len() > 40, "{paths:?}");
    paths
}

#[test]
fn every_answer_of_the_public_ports_has_them() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    acme.register(&server, MAC, "main", &json!({})).expect(201);
    let doors = [
        format!("/software/edos/callhome/rc?id={MAC}"),
        format!("/Cisco/{MAC}.cfg"),
        format!("/{MAC}.cfg"),
        format!("/{MAC}.xml"),
        "/7832.xml".to_owned(),
        "/setup.cfg".to_owned(),
        "/00562b0436ff.cfg".to_owned(),
        "/a/12345678".to_owned(),
        "/".to_owned(),
        "/../../etc/passwd".to_owned(),
    ];
    for path in doors.into_iter().chain(paths()) {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            let ask = |curl: Curl| if method == "POST" { curl.json("{}") } else { curl.method(method) };
            let over_tls = Curl::send_all(vec![
                ask(server.ask(&path)),
                ask(server.ask(&path).header(&format!("Authorization: Bearer {}", acme.login.token))),
            ]);
            for answer in over_tls {
                assert_safe(&format!("{method} {path}"), &answer, true);
            }
            assert_safe(&format!("{method} {path}"), &ask(server.ask_plainly(&path)).send(), false);
        }
    }
}

#[test]
fn so_has_every_page_of_the_internal_port() {
    let server = Server::start();
    for path in ["/health/live", "/health/ready", "/metrics", "/nothing"] {
        let answer = Curl::get(&format!("{}{path}", server.internal)).send();
        assert_safe(path, &answer, false);
    }
}

#[test]
fn a_sheet_of_codes_may_have_its_own_style_and_nothing_else() {
    let server = Server::start();
    let acme = server.provider("acme");
    let profile = acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let body = json!({"kind": "personal", "profile": profile, "count": 3}).to_string();
    let sheet = acme.ask(&server, "/v1/codes").json(&body).header("Accept: text/html").send().expect(201);
    assert_eq!(sheet.header("content-type"), Some("text/html; charset=utf-8"));
    assert_safe("the sheet", &sheet, true);
    let policy = sheet.header("content-security-policy").expect("a policy");
    assert!(policy.contains("style-src 'unsafe-inline'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    for word in ["<script", "http://", "https://", "<link", "<img"] {
        assert!(!sheet.body.replace("http://www.w3.org/2000/svg", "").contains(word), "{word}");
    }
}

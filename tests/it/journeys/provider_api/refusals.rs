//! Requests that are none, whatever they are about: paths, methods, bodies.

use serde_json::json;

use super::told;
use crate::support::{Curl, Provider, Server};

/// As the API promises, in bytes.
const LONGEST_BODY: usize = 256 * 1024;

#[test]
fn paths_and_methods_that_do_not_exist_are_problems_too() {
    let server = Server::start();
    let acme = server.provider("acme");
    for path in ["/v1/", "/v1/phones", "/v1/devices/", "/v1/devices/00562b043615/state", "/v1/profiles/x/y/z"] {
        for curl in [server.ask(path), acme.ask(&server, path).method("DELETE")] {
            told(&curl.send(), 404, "unknown_path");
        }
    }
    let cases = [
        ("/v1/token", "GET", "POST"),
        ("/v1/devices", "POST", "GET,HEAD"),
        ("/v1/devices/00562b043615", "POST", "GET,HEAD,PUT,DELETE"),
        ("/v1/tenants/x/frozen", "GET", "PUT"),
        ("/.well-known/jwks.json", "PUT", "GET,HEAD"),
    ];
    for (path, method, allowed) in cases {
        let answer = server.ask(path).method(method).send();
        told(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[test]
fn a_body_that_is_not_json_is_refused_without_repeating_it() {
    let server = Server::start();
    let acme = server.provider("acme");
    let post = |body: &str| acme.ask(&server, "/v1/profiles").json(body).send();
    let bodies = [
        "",
        "name=hunter2",
        "{\"name\":\"hunter2\"",
        "[\"hunter2\"]",
        "\"hunter2\"",
        "{\"name\":\"hunter2\",}",
        "{}{}",
        "nul\0",
    ];
    for body in bodies {
        let answer = post(body);
        told(&answer, 400, "invalid_body");
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let curl = acme.ask(&server, "/v1/profiles").header(&format!("Content-Type: {content_type}")).form("{}");
        told(&curl.send(), 400, "invalid_content_type");
    }
    let answer = acme.ask(&server, "/v1/profiles").header("Content-Type: Application/JSON; charset=utf-8").form("{}");
    told(&answer.send(), 400, "invalid_body");
}

#[test]
fn a_body_has_at_most_256_kib() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let put = |length: usize| {
        let body = json!({"profile": "main", "note": "x"}).to_string();
        let blanks = " ".repeat(length - body.len());
        acme.ask(&server, "/v1/devices/00562b043615").method("PUT").json(&(body + &blanks))
    };
    put(LONGEST_BODY).send().expect(201);
    let unannounced = |curl: Curl| curl.header("Transfer-Encoding: chunked").with(&["--http1.1"]);
    for too_long in
        [put(LONGEST_BODY + 1), put(LONGEST_BODY + 1).with(&["--http1.1"]), unannounced(put(LONGEST_BODY * 2))]
    {
        told(&too_long.send(), 413, "body_too_long");
    }
    let at_the_door = server.ask("/v1/token").form(&"x".repeat(LONGEST_BODY * 4)).send();
    told(&at_the_door, 413, "body_too_long");
    still_serves(&server, &acme);
}

fn still_serves(server: &Server, acme: &Provider) {
    acme.ask(server, "/v1/devices").send().expect(200);
}

#[test]
fn whoever_is_not_logged_in_is_told_how() {
    let server = Server::start();
    for (header, reason) in [
        ("X: y", "token_missing"),
        ("Authorization: Basic YTpi", "token_missing"),
        ("Authorization: Bearer", "token_invalid"),
        ("Authorization: Bearer a.b.c", "token_invalid"),
    ] {
        let answer = server.ask("/v1/devices").header(header).send();
        let problem = told(&answer, 401, reason);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("POST /v1/token")), "{problem}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"dialtone\""), "{header}");
    }
}

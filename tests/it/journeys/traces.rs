//! What an operator can see of a request afterwards: its trace across the services, its log lines.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::support::{Collector, Login, Server, Settings, eventually, has_meaning_here};

const MAC: &str = "00562b043615";

/// The trace that has a span of this name.
fn trace_with<'a>(traces: &'a [Vec<Span>], name: &str) -> &'a Vec<Span> {
    let names: Vec<_> = traces.iter().flatten().map(|span| &span.name).collect();
    traces.iter().find(|spans| named(spans, name).is_some()).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

fn named<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.name == name)
}

/// The names from the span of that name up to the root of its trace.
fn road(spans: &[Span], name: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = named(spans, name);
    while let Some(span) = at {
        names.push(span.name.clone());
        at = spans.iter().find(|parent| parent.span_id == span.parent_span_id);
    }
    names
}

/// What happened while traces were made, and what must not be in them.
struct Scene {
    traces: Vec<Vec<Span>>,
    sent: String,
    log: String,
    secrets: Vec<String>,
}

/// A phone goes its way, a code is tried, the provider looks on; then the server stops.
fn traced() -> Scene {
    let collector = Collector::start();
    let toml = format!("[traces]\notlp_endpoint = \"{}\"\n", collector.endpoint());
    let mut server = Server::start_with(Settings { toml });
    let provider = server.provider("acme");
    let rule = "[--key topsecretkey --uid u --pwd topsecretpassword] https://nps.example/$MA.xml";
    provider.profile_for(&server, ("main", rule), "serial");
    provider.register(&server, MAC, "main", &json!({"serial": "FCH2034D0PL"})).expect(201);
    let query = format!("/software/edos/callhome/rc?id={MAC}:FCH2034D0PL&other=topsecretquery");
    let profile = server.ask(&query).send().expect(200).body;
    let (_, place) = profile.split_once("/report/").expect("a place to report to");
    let token = place.split('<').next().expect("a token").to_owned();
    server.ask(&format!("/report/{token}")).json(r#"{"event":"resync_succeeded"}"#).send().expect(200);
    let code = "5414011256173816".to_owned();
    server.ask("/activate").json(&json!({"code": code, "mac": MAC}).to_string()).send().expect(403);
    assert_eq!(provider.state(&server, MAC), "Acquired");
    // What still waits is sent at the end.
    assert!(server.stop().success());
    let Login { client_secret, token: login, .. } = provider.login;
    Scene {
        traces: collector.traces().into_values().collect(),
        sent: collector.text(),
        log: server.log(),
        secrets: vec!["topsecret".to_owned(), token, code, client_secret, login],
    }
}

#[test]
fn a_request_is_one_trace_through_gateway_and_services() {
    let Scene { traces, sent, log, secrets } = traced();
    let resolve = "/dialtone.redirection.v1.RedirectionService/Resolve";
    for root in ["phone.ask", "phone.report"].into_iter().filter(|_| has_meaning_here("asked one by one")) {
        assert_eq!(road(trace_with(&traces, root), resolve), [resolve, root]);
    }
    let put = road(trace_with(&traces, "db.device.put"), "db.device.put");
    assert_eq!(put, ["db.device.put", "/dialtone.redirection.v1.RedirectionService/PutDevice", "http"]);
    let states = road(trace_with(&traces, "db.customization.states"), "db.customization.states");
    assert_eq!(states.last().map(String::as_str), Some("http"));
    // Many phones share a commit, so it is a trace of its own.
    let record = "/dialtone.customization.v1.CustomizationService/Record";
    let recorded = road(trace_with(&traces, "db.customization.record"), "db.customization.record");
    assert_eq!(recorded, ["db.customization.record", "customization.record", record]);

    assert!(sent.contains(MAC), "which phone it was is not secret");
    for secret in &secrets {
        assert!(!sent.contains(secret), "{secret} is in a span");
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn the_request_id_of_an_answer_is_found_in_the_log() {
    let server = Server::start();
    let provider = server.provider("acme");
    let answer = provider.ask(&server, "/v1/devices?text=topsecretquery").send().expect(200);
    let id = answer.header("x-request-id").expect("a request id").to_owned();
    let is_about_it = |line: &Value| line["message"] == "answered" && line["span"]["request.id"] == id.as_str();
    let line = eventually("a line about it", || json_lines(&server.log()).into_iter().find(is_about_it));
    assert_eq!(line["http.status"], 200);
    assert_eq!((&line["span"]["http.method"], &line["span"]["http.path"]), (&json!("GET"), &json!("/v1/devices")));
    // A refusal carries it as well, for whoever has lost the headers.
    let refused = provider.ask(&server, "/v1/devices/00562b043615").send().expect(404);
    assert_eq!(refused.json()["request_id"].as_str(), refused.header("x-request-id"));
    assert!(!server.log().contains("topsecretquery"), "the query is in the log");
}

fn json_lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

//! What an operator can see of a request afterwards: its trace across the services, its log lines.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::support::{Collector, Server, Settings};

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

#[test]
fn a_request_is_one_trace_through_gateway_and_services() {
    let collector = Collector::start();
    let toml = format!("[traces]\notlp_endpoint = \"{}\"\n", collector.endpoint());
    let mut server = Server::start_with(Settings { toml });
    let provider = server.provider("acme");
    provider.profile(&server, "main", "[--key topsecretkey --uid u --pwd topsecretpassword] https://nps.example/$MA.xml");
    provider.register(&server, MAC, "main", &json!({"serial": "FCH2034D0PL"})).expect(201);
    let query = format!("/software/edos/callhome/rc?id={MAC}:FCH2034D0PL&other=topsecretquery");
    let profile = server.ask(&query).send().expect(200).body;
    let (_, place) = profile.split_once("/report/").expect("a place to report to");
    let token = place.split('<').next().expect("a token");
    server.ask(&format!("/report/{token}")).json(r#"{"event":"resync_succeeded"}"#).send().expect(200);
    server.ask("/activate").json(&format!(r#"{{"code":"5414011256173816","mac":"{MAC}"}}"#)).send().expect(403);
    assert_eq!(provider.state(&server, MAC), "Acquired");
    // What still waits is sent at the end.
    assert!(server.stop().success());

    let traces: Vec<Vec<Span>> = collector.traces().into_values().collect();
    let question = trace_with(&traces, "phone.ask");
    let resolve = "/dialtone.redirection.v1.RedirectionService/Resolve";
    assert_eq!(road(question, resolve), [resolve, "phone.ask"]);
    let report = trace_with(&traces, "phone.report");
    assert_eq!(road(report, resolve), [resolve, "phone.report"]);
    let put = trace_with(&traces, "db.device.put");
    let call = "/dialtone.redirection.v1.RedirectionService/PutDevice";
    assert!(road(put, "db.device.put").ends_with(&[call.to_owned(), "http".to_owned()]), "{:?}", road(put, "db.device.put"));
    let read = trace_with(&traces, "db.customization.states");
    assert_eq!(road(read, "db.customization.states").last().map(String::as_str), Some("http"));
    // Many phones share a commit, so it is a trace of its own.
    let record = "/dialtone.customization.v1.CustomizationService/Record";
    let recorded = trace_with(&traces, "db.customization.record");
    assert_eq!(road(recorded, "db.customization.record"), ["db.customization.record", "customization.record", record]);

    let sent = collector.text();
    assert!(sent.contains(MAC), "which phone it was is not secret");
    let secrets = [token, "topsecret", "5414011256173816", &provider.login.client_secret, &provider.login.token];
    for secret in secrets {
        assert!(!sent.contains(secret), "{secret} is in a span");
        assert!(!server.log().contains(secret), "{secret} is in the log");
    }
}

#[test]
fn the_request_id_of_an_answer_is_found_in_the_log() {
    let server = Server::start();
    let provider = server.provider("acme");
    let answer = provider.ask(&server, "/v1/devices?text=topsecretquery").send().expect(200);
    let id = answer.header("x-request-id").expect("a request id").to_owned();
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let line = lines.iter().find(|line| line["message"] == "answered" && line["span"]["request.id"] == id.as_str());
    let line = line.unwrap_or_else(|| panic!("no line about {id} in {log}"));
    assert_eq!(line["http.status"], 200);
    assert_eq!((&line["span"]["http.method"], &line["span"]["http.path"]), (&json!("GET"), &json!("/v1/devices")));
    // A refusal carries it as well, for whoever has lost the headers.
    let refused = provider.ask(&server, "/v1/devices/00562b043615").send().expect(404);
    assert_eq!(refused.json()["request_id"].as_str(), refused.header("x-request-id"));
    assert!(!log.contains("topsecretquery"), "the query is in the log");
}

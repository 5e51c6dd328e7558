//! Dashboard, alerts and collector: taken by their programs, and about what a running server really shows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use protox::prost_reflect::DescriptorPool;
use serde_json::Value;

use super::{deploy, install, succeed, text, texts, yaml};
use crate::support::{Curl, Manufacturer, Server, repository};

/// Labels that Prometheus adds, and those of histograms.
const OF_PROMETHEUS: [&str; 4] = ["job", "instance", "service", "le"];

/// Labels of ours whose values are closed sets.
const CLOSED: [&str; 5] = ["answer", "outcome", "verdict", "method", "what"];

/// Every expression of the dashboard and the alerts, by a name for it.
fn expressions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&text("observability/dashboard.json")).expect("JSON");
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression").replace("$__rate_interval", "5m");
            found.push((panel["title"].as_str().expect("a title").to_owned(), expression));
        }
    }
    for rule in alerts() {
        let text = |name: &str| rule[name].as_str().expect("a text").to_owned();
        found.push((text("alert"), text("expr")));
    }
    assert!(found.len() > 15);
    found
}

fn alerts() -> Vec<Value> {
    yaml(&text("observability/alerts.yaml"))[0]["groups"][0]["rules"].as_array().expect("rules").clone()
}

#[test]
fn prometheus_takes_its_files_and_the_alerts_ring_when_they_should() {
    install(&["promtool"]);
    let promtool = |words: &[&str]| succeed(Command::new("promtool").args(words).current_dir(deploy("observability")));
    promtool(&["check", "rules", "alerts.yaml"]);
    promtool(&["check", "config", "prometheus.yaml"]);
    promtool(&["test", "rules", "alerts_test.yaml"]);
    // Each alert is in the trials.
    let trials = text("observability/alerts_test.yaml");
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        assert!(trials.contains(name), "{name}");
        assert!(alert["annotations"]["action"].is_string(), "{name} says what to do");
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("page" | "ticket")), "{name}");
    }
}

/// An expression with a mistake shows nothing on a dashboard, and nobody notices.
#[test]
fn prometheus_takes_what_the_dashboard_asks() {
    install(&["promtool"]);
    let record = |(at, (_, expression)): (usize, (String, String))| serde_json::json!({"record": format!("panel:{at}"), "expr": expression});
    let rules: Vec<Value> = expressions().into_iter().enumerate().map(record).collect();
    let file = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    std::fs::write(&path, file.to_string()).expect("the rules");
    succeed(Command::new("promtool").args(["check", "rules"]).arg(&path));

    let dashboard: Value = serde_json::from_str(&text("observability/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids.len(), panels.len());
}

/// The samples that a server shows after phones have asked, each with the names of its labels.
struct Shown(BTreeMap<String, BTreeSet<String>>);

impl Shown {
    fn by_a_server() -> Self {
        let server = Server::start();
        // A family is shown from its first sample on: a phone shows a certificate, and another seems to come by a proxy.
        let question = || server.ask("/software/edos/callhome/rc?id=00562b043615");
        let acme = Manufacturer::new("acme");
        let certificate = acme.phone("00562b043615", "FCH2034D0PL");
        certificate.shown_with(question()).send().expect(200);
        question().header(&format!("Client-Cert: {}", certificate.as_header())).send().expect(200);
        let page = Curl::get(&format!("{}/metrics", server.internal)).send().expect(200).body;
        let mut shown = BTreeMap::new();
        for line in page.lines() {
            if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|about| about.split_once(' ')) {
                let suffixes = match kind {
                    "counter" => ["_total"].as_slice(),
                    "histogram" => ["_bucket", "_count", "_sum"].as_slice(),
                    _ => [""].as_slice(),
                };
                shown.extend(suffixes.iter().map(|suffix| (format!("{name}{suffix}"), BTreeSet::new())));
            } else if let Some((name, labels)) = line.split_once('{') {
                let (labels, _) = labels.rsplit_once('}').expect("the end of the labels");
                let names =
                    labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
                shown.entry(name.to_owned()).or_insert_with(BTreeSet::new).extend(names);
            }
        }
        Self(shown)
    }
}

fn source(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The variants of an enum, which are label values as they are written.
fn variants(path: &str, name: &str) -> BTreeSet<String> {
    let source = source(path);
    let (_, body) = source.split_once(&format!("enum {name} {{")).expect("the enum");
    let (body, _) = body.split_once('}').expect("the end of the enum");
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}

/// The values that a label of a metric can have: closed sets, read where they are defined.
fn values(metric: &str, label: &str) -> BTreeSet<String> {
    match (metric, label) {
        (_, "answer") => variants("services/gateway/src/metrics.rs", "PhoneAnswer"),
        (_, "what") => variants("services/gateway/src/metrics.rs", "Shed"),
        (_, "verdict") => variants("services/gateway/src/device_certificate/metrics.rs", "Verdict"),
        ("dialtone_forwarded_certificates_total", "outcome") => {
            variants("services/gateway/src/device_certificate/proxy.rs", "Claim")
        }
        (_, "outcome") => {
            let source = source("services/shared/vocabulary/src/error_kind.rs");
            let names = source.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
            names.map(str::to_owned).chain(["ok".to_owned()]).collect()
        }
        (_, "method") => {
            let pool = DescriptorPool::decode(contracts::DESCRIPTORS).expect("the contracts");
            pool.services().flat_map(|it| it.methods().map(|rpc| rpc.name().to_owned()).collect::<Vec<_>>()).collect()
        }
        _ => panic!("no set of values is known for {label} of {metric}"),
    }
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Each metric of ours in an expression, with the matchers that follow it.
fn metrics(expression: &str) -> Vec<(String, String)> {
    let starts = expression.match_indices("dialtone_").map(|(at, _)| at);
    let metric = |at: usize| {
        let rest = &expression[at..];
        let (name, rest) = rest.split_at(rest.find(|it| !is_of_a_name(it)).unwrap_or(rest.len()));
        let matchers =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(matchers, _)| matchers);
        (name.to_owned(), matchers.to_owned())
    };
    starts.map(metric).collect()
}

/// The labels in `by (…)`.
fn grouping(expression: &str) -> Vec<&str> {
    let groups = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    groups.flat_map(|labels| labels.split(',').map(str::trim)).collect()
}

#[test]
fn dashboard_and_alerts_ask_for_what_a_server_shows() {
    let Shown(shown) = Shown::by_a_server();
    for (title, expression) in expressions() {
        let metrics = metrics(&expression);
        assert!(!metrics.is_empty() || expression.contains("up{job=\"dialtone\"}"), "{title}: {expression}");
        let mut labels: BTreeSet<&str> = OF_PROMETHEUS.into();
        for (name, matchers) in &metrics {
            let own = shown.get(name).unwrap_or_else(|| panic!("{title}: nobody shows {name}: {:?}", shown.keys()));
            labels.extend(own.iter().map(String::as_str));
            for matcher in matchers.split(',').filter(|it| !it.is_empty()) {
                let (label, wanted) = matcher.split_once('=').expect("a matcher");
                let wanted = wanted.trim_start_matches('~').trim_matches('"');
                assert!(own.contains(label), "{title}: {name} has no {label}");
                let known = values(name, label);
                assert!(wanted.split('|').all(|value| known.contains(value)), "{title}: {wanted} in {known:?}");
            }
        }
        let unknown: Vec<_> = grouping(&expression).into_iter().filter(|label| !labels.contains(label)).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{title}: {expression}");
    }
}

/// What the README tells a reader to watch.
#[test]
fn the_readme_names_metrics_and_values_that_are_shown() {
    let Shown(shown) = Shown::by_a_server();
    let readme = text("README.md");
    let (_, rows) = readme.split_once("## What to watch").expect("the section");
    let rows: Vec<&str> = rows.lines().filter(|line| line.starts_with("| `dialtone_")).collect();
    assert!(rows.len() > 2, "{rows:?}");
    for row in rows {
        let mut words = row.split('`').skip(1).step_by(2).peekable();
        let names: Vec<&str> = std::iter::from_fn(|| words.next_if(|word| word.starts_with("dialtone_"))).collect();
        for name in &names {
            assert!(shown.keys().any(|it| it.starts_with(name)), "{name}");
        }
        let can_be = |metric: &str, word: &str| {
            let own = shown.get(metric).into_iter().flatten();
            own.filter(|label| CLOSED.contains(&label.as_str())).any(|label| values(metric, label).contains(word))
        };
        assert!(words.all(|word| names.iter().any(|metric| can_be(metric, word))), "{row}");
    }
}

/// The collector's program is not in Debian; its configuration is at least whole.
#[test]
fn the_collector_uses_what_it_defines() {
    let collector = yaml(&text("observability/collector.yaml")).remove(0);
    let mut used = BTreeSet::new();
    for (name, pipeline) in collector["service"]["pipelines"].as_object().expect("pipelines") {
        for part in ["receivers", "processors", "exporters"] {
            let named = texts(&pipeline[part]);
            assert!(!named.is_empty(), "{name} has no {part}");
            used.extend(named.into_iter().map(|component| format!("{part} {component}")));
        }
    }
    let defined: BTreeSet<String> = ["receivers", "processors", "exporters"]
        .into_iter()
        .flat_map(|part| collector[part].as_object().expect(part).keys().map(move |name| format!("{part} {name}")))
        .collect();
    assert_eq!(used, defined);
    let endpoint = &collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"];
    assert_eq!(endpoint, "0.0.0.0:4317", "where distributed.toml sends traces");
}

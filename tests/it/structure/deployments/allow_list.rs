//! Who may call whom, as the program has it, and whether network policies and README say the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{SERVICES, text, texts, yaml};
use crate::support::repository;

/// The callers of each service.
type Callers = BTreeMap<String, BTreeSet<String>>;

const MESH: u64 = 7443;

/// The table of `access.rs`, read from its source. What every service serves counts for each of them.
fn allow_list() -> Callers {
    let source = std::fs::read_to_string(repository().join("services/shared/rpc/src/access.rs")).expect("access.rs");
    let (_, table) = source.split_once("const CALLERS").expect("the table");
    let (_, table) = table.split_once("= [").expect("the beginning of the table");
    let (table, _) = table.split_once("];").expect("the end of the table");
    let mut callers = Callers::new();
    // Whether one is well, each may ask of whoever it reaches.
    for row in table.split("(\"").filter_map(|row| row.strip_prefix("dialtone.")) {
        let (service, row) = row.split_once('.').expect("a service");
        let peers: BTreeSet<String> = row
            .split("Peer::")
            .skip(1)
            .map(|peer| peer.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_lowercase())
            .collect();
        assert!(!peers.is_empty(), "{service}");
        let served_by = if service == "audit" { SERVICES[1..].to_vec() } else { vec![service] };
        for service in served_by {
            callers.entry(service.to_owned()).or_default().extend(peers.clone());
        }
    }
    assert_eq!(callers.keys().map(String::as_str).collect::<BTreeSet<_>>(), SERVICES[1..].iter().copied().collect());
    callers
}

/// The network policy of that name.
fn policy<'a>(policies: &'a [Value], name: &str) -> &'a Value {
    policies.iter().find(|policy| policy["metadata"]["name"] == name).unwrap_or_else(|| panic!("no policy {name}"))
}

/// Whom the rules of one direction let through to a port, by their component; `None` where it is everybody.
fn let_through(rules: &Value, side: &str, port: u64) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for rule in rules.as_array().into_iter().flatten() {
        let ports: Vec<u64> =
            rule["ports"].as_array().into_iter().flatten().filter_map(|it| it["port"].as_u64()).collect();
        if !ports.is_empty() && !ports.contains(&port) {
            continue;
        }
        match rule[side].as_array() {
            None => found.push(None),
            Some(peers) => found.extend(peers.iter().map(component)),
        }
    }
    found
}

/// The component that a peer of a rule must be. A selector that says more or less than that is nobody we know.
fn component(peer: &Value) -> Option<String> {
    let is_plain = peer.as_object().is_some_and(|fields| fields.len() == 1);
    let labels = peer["podSelector"]["matchLabels"].as_object().filter(|labels| is_plain && labels.len() == 1);
    labels.and_then(|labels| labels["app.kubernetes.io/component"].as_str()).map(str::to_owned)
}

fn named(all: &BTreeSet<String>) -> Vec<Option<String>> {
    all.iter().cloned().map(Some).collect()
}

#[test]
fn network_policies_are_the_allow_list() {
    let policies = yaml(&text("kubernetes/network-policies.yaml"));
    let callers = allow_list();
    for service in SERVICES {
        let policy = &policy(&policies, service)["spec"];
        assert_eq!(policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"], service);
        assert_eq!(texts(&policy["policyTypes"]), ["Ingress", "Egress"], "{service}");

        let mut lets_in = let_through(&policy["ingress"], "from", MESH);
        lets_in.sort();
        assert_eq!(lets_in, named(callers.get(service).unwrap_or(&BTreeSet::new())), "into {service}");

        let mut lets_out = let_through(&policy["egress"], "to", MESH);
        lets_out.sort();
        let called = callers.iter().filter(|(_, callers)| callers.contains(service));
        assert_eq!(lets_out, named(&called.map(|(callee, _)| callee.clone()).collect()), "out of {service}");
    }
}

#[test]
fn nobody_is_let_through_unless_it_is_said() {
    let policies = yaml(&text("kubernetes/network-policies.yaml"));
    let nobody = &policy(&policies, "nobody")["spec"];
    assert_eq!(nobody["podSelector"], serde_json::json!({}));
    assert_eq!(texts(&nobody["policyTypes"]), ["Ingress", "Egress"]);
    assert!(nobody["ingress"].is_null() && nobody["egress"].is_null());
    // What is said of everybody and of databases opens no way into the mesh.
    for name in ["everybody", "databases"] {
        let policy = &policy(&policies, name)["spec"];
        assert!(let_through(&policy["ingress"], "from", MESH).is_empty(), "{name}");
        assert!(let_through(&policy["egress"], "to", MESH).is_empty(), "{name}");
    }
    let databases = &policy(&policies, "databases")["spec"]["podSelector"]["matchExpressions"][0]["values"];
    assert!(!texts(databases).contains(&"gateway"), "the edge reaches no database");
    assert_eq!(policies.len(), SERVICES.len() + 3);
}

/// An old caller and a new callee understand each other; the other way round, a new call would find nobody.
#[test]
fn a_new_version_replaces_callees_before_their_callers() {
    let readme = text("README.md");
    let (_, order) = readme.split_once("those that are called before those that call:").expect("the order");
    let (order, _) = order.split_once('.').expect("the end of the order");
    let order: Vec<&str> = order.split(',').map(str::trim).collect();
    let place = |service: &str| order.iter().position(|it| *it == service).unwrap_or_else(|| panic!("no {service}"));
    for (callee, callers) in allow_list() {
        for caller in callers {
            assert!(place(&callee) < place(&caller), "{callee} is called by {caller}");
        }
    }
}

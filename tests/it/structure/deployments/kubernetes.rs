//! The Kubernetes manifests: taken by its schemas, and with no more power than a process needs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{SERVICES, deploy, succeed, text, texts, yaml};
use crate::support::repository;

fn files() -> Vec<String> {
    let entries = std::fs::read_dir(deploy("kubernetes")).expect("the folder");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let manifests = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let name = |path: PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut files: Vec<String> = manifests.map(|path| format!("kubernetes/{}", name(path))).collect();
    files.sort();
    assert!(files.len() >= SERVICES.len() + 2 && files[0].ends_with("namespace.yaml"), "{files:?}");
    files.push("kubernetes/migrate/job.yaml".to_owned());
    files
}

fn objects() -> Vec<Value> {
    files().iter().flat_map(|file| yaml(&text(file))).collect()
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// What runs, by its name, with the pod that it makes.
fn workloads(objects: &[Value]) -> Vec<(String, &Value)> {
    let makes_pods = objects.iter().filter(|object| object["spec"]["template"].is_object());
    let all: Vec<_> = makes_pods
        .map(|object| (object["metadata"]["name"].as_str().expect("a name").to_owned(), &object["spec"]["template"]))
        .collect();
    assert_eq!(all.len(), SERVICES.len() + 1);
    all
}

#[test]
fn the_schemas_of_kubernetes_take_the_manifests() {
    let validate = || Command::new(repository().join("tests/tools/kubernetes-validate"));
    let printed = succeed(validate().args(files().iter().map(|file| deploy(file))));
    assert_eq!(printed.matches(" passed ").count(), objects().len(), "{printed}");
    // And it would say so if they did not.
    let folder = tempfile::tempdir().expect("a folder");
    let misspelt = folder.path().join("misspelt.yaml");
    let wrong = text("kubernetes/gateway.yaml").replace("readOnlyRootFilesystem", "readonlyRootFilesystem");
    std::fs::write(&misspelt, wrong).expect("a file");
    assert!(!validate().arg(&misspelt).output().expect("the validator").status.success());
}

#[test]
fn every_process_has_no_more_power_than_it_needs() {
    let objects = objects();
    for (name, pod) in workloads(&objects) {
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        let of_pod = &spec["securityContext"];
        assert_eq!((&of_pod["runAsNonRoot"], &of_pod["runAsUser"]), (&json!(true), &json!(65532)), "{name}");
        assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        for container in spec["containers"].as_array().expect("containers") {
            let own = &container["securityContext"];
            assert_eq!(own["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(own["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(own["capabilities"]["drop"], json!(["ALL"]), "{name}");
            assert!(container["env"].is_null() && container["envFrom"].is_null(), "{name} has its secrets as files");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        }
        assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/part-of"], "dialtone", "{name}");
    }
    let labels = &find(&objects, "Namespace", "dialtone")["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    let is_outside = |object: &&Value| object["kind"] != "Namespace" && object["metadata"]["namespace"] != "dialtone";
    assert_eq!(objects.iter().find(is_outside), None);
}

#[test]
fn every_service_is_asked_for_its_health_and_kept_up() {
    let objects = objects();
    for (name, pod) in workloads(&objects) {
        let container = &pod["spec"]["containers"][0];
        if name == "migrate" {
            continue;
        }
        let command = ["serve", "--only", &name, "--config", "/etc/dialtone/distributed.toml"];
        assert_eq!(texts(&container["args"]), command);
        for (probe, path) in
            [("startupProbe", "/health/live"), ("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")]
        {
            assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "internal"}), "{name} {probe}");
        }
        let internal = container["ports"].as_array().expect("ports").iter().find(|port| port["name"] == "internal");
        assert_eq!(internal.expect("the internal port")["containerPort"], 9464, "{name}");
        // Six seconds for others to learn that it goes, ten for requests under way.
        assert!(pod["spec"]["terminationGracePeriodSeconds"].as_u64() > Some(20), "{name}");

        let selector = json!({"app.kubernetes.io/component": name});
        let budget = &find(&objects, "PodDisruptionBudget", &name)["spec"];
        assert_eq!((&budget["maxUnavailable"], &budget["selector"]["matchLabels"]), (&json!(1), &selector));
        let scaler = &find(&objects, "HorizontalPodAutoscaler", &name)["spec"];
        let target = &scaler["scaleTargetRef"];
        find(&objects, target["kind"].as_str().expect("a kind"), target["name"].as_str().expect("a name"));
        assert_eq!(target["name"], name.as_str());
        assert_eq!(scaler["metrics"][0]["resource"]["name"], "cpu", "{name}");
        assert!(scaler["minReplicas"].as_u64() >= Some(2), "{name}");
        let service = &find(&objects, "Service", &name)["spec"];
        assert_eq!(service["selector"], selector);
    }
}

/// The phone's own address is what guessing budgets count by.
#[test]
fn phones_keep_their_addresses() {
    let objects = objects();
    assert_eq!(find(&objects, "Service", "gateway")["spec"]["externalTrafficPolicy"], "Local");
}

/// Every secret and configuration that a pod mounts is one that `configuration` prints from a prepared folder; and
/// no process holds another's.
#[test]
fn each_pod_mounts_what_is_its_own() {
    let objects = objects();
    let printed = super::preparation::Prepared::make().configuration();
    let printed: BTreeSet<String> =
        printed.iter().map(|object| object["metadata"]["name"].as_str().expect("a name").to_owned()).collect();
    let mut used = BTreeSet::from(["dialtone".to_owned()]);
    for (name, pod) in workloads(&objects) {
        let volumes = pod["spec"]["volumes"].as_array().expect("volumes");
        let plain = volumes.iter().filter_map(|volume| volume["secret"]["secretName"].as_str());
        let projected =
            volumes.iter().flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten());
        let projected = projected.filter_map(|source| source["secret"]["name"].as_str());
        let held: BTreeSet<String> = plain.chain(projected).map(str::to_owned).collect();
        let own: &[&str] = match name.as_str() {
            "gateway" => &["dialtone-report", "dialtone-tls", "mesh-gateway"],
            "accounts" => &["database-password", "dialtone-master", "mesh-accounts"],
            "redirection" => &["database-password", "dialtone-master", "mesh-redirection"],
            "onboarding" => &["database-password", "dialtone-codes", "mesh-onboarding"],
            "customization" => &["database-password", "mesh-customization"],
            _ => &["database-password"],
        };
        assert_eq!(held, own.iter().map(|it| (*it).to_owned()).collect(), "{name}");
        used.extend(held);
    }
    assert_eq!(used, printed);
}

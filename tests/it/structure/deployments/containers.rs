//! The image and the Compose project.

use std::process::Command;

use serde_json::Value;

use super::{SERVICES, deploy, install, succeed, text, texts, toml, yaml};
use crate::support::repository;

/// The project as Compose understands it, every default filled in.
fn project() -> Value {
    install(&["docker-compose"]);
    let mut compose = Command::new("docker-compose");
    compose.arg("--file").arg(deploy("compose.yaml")).arg("config").env("DIALTONE_FOLDER", "/prepared");
    yaml(&succeed(&mut compose)).remove(0)
}

/// Whether one of a service's mounts ends with `from:to`.
fn mounts(service: &Value, from: &str, to: &str) -> bool {
    texts(&service["volumes"]).iter().any(|mount| mount.starts_with(&format!("{from}:{to}")))
}

#[test]
fn the_image_is_the_program_and_nothing_else() {
    let dockerfile = text("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("\nFROM ").expect("stages");
    assert!(last.starts_with("scratch\n"), "{last}");
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).expect("a user");
    let is_number = |id: &str| id.parse::<u32>().is_ok_and(|id| id > 0);
    assert!(user.split(':').count() == 2 && user.split(':').all(is_number), "{user}");
    assert!(!dockerfile.contains("HEALTHCHECK"), "whoever runs it asks its internal port");
    assert!(last.contains("ENTRYPOINT [\"/usr/local/bin/dialtone\"]"), "{last}");
}

/// What the compiler reads must not be left out.
#[test]
fn the_image_is_built_from_every_crate() {
    let ignored = text("Dockerfile.dockerignore");
    let left_out: Vec<&str> = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(left_out.contains(&"target") && left_out.contains(&".git") && left_out.contains(&"data"), "{left_out:?}");
    let workspace = toml(&std::fs::read_to_string(repository().join("Cargo.toml")).expect("the workspace"));
    let members = texts(&workspace["workspace"]["members"]);
    let needed = ["Cargo.toml", "Cargo.lock", "migrations"].iter().chain(&members);
    for needed in needed {
        assert!(repository().join(needed).exists(), "{needed}");
        let is_left_out = left_out.iter().any(|it| needed == it || needed.starts_with(&format!("{it}/")));
        assert!(!is_left_out, "{needed}");
    }
    let channel = text("Dockerfile");
    let image = channel.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("a compiler");
    let minor = |version: &str| version.split(['.', '-']).nth(1).and_then(|it| it.parse::<u32>().ok());
    let needs = workspace["workspace"]["package"]["rust-version"].as_str().expect("a version").to_owned();
    assert!(minor(image) >= minor(&needs), "{image} is older than {needs}");
}

#[test]
fn compose_runs_each_service_with_little_power() {
    let project = project();
    for name in SERVICES.iter().chain(&["migrate"]) {
        let service = &project["services"][name];
        assert_eq!(service["image"], "dialtone", "{name}");
        assert_eq!(service["user"], "65532:65532", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["environment"].is_null(), "{name} has its secrets as files");
        assert!(mounts(service, "/prepared/distributed.toml", "/etc/dialtone/distributed.toml:ro"), "{name}");
        if *name == "migrate" {
            assert_eq!(texts(&service["command"]), ["migrate", "--config", "/etc/dialtone/distributed.toml"]);
            continue;
        }
        let command = ["serve", "--only", name, "--config", "/etc/dialtone/distributed.toml"];
        assert_eq!(texts(&service["command"]), command);
        assert!(mounts(service, &format!("/prepared/mesh/{name}"), "/etc/dialtone/mesh:ro"), "{name}");
        assert_eq!(service["ports"].is_null(), *name != "gateway", "{name}");
    }
    for (name, service) in project["services"].as_object().expect("services") {
        for mount in texts(&service["volumes"]) {
            let (from, _) = mount.split_once(':').expect("a mount");
            let is_ours = from.starts_with(&*deploy("").display().to_string());
            assert!(!is_ours || std::path::Path::new(from).exists(), "{name}: {from}");
        }
    }
    assert_eq!(project["networks"]["inside"]["internal"], true);
}

/// What the configuration names is where it says, in containers of each kind.
#[test]
fn the_configuration_fits_the_project() {
    let configuration = toml(&text("config/distributed.toml"));
    let project = project();
    let services = configuration["services"].as_object().expect("services");
    for service in &SERVICES[1..] {
        assert_eq!(texts(&services[*service]), [format!("{service}:7443")]);
        let database = configuration["databases"][*service].as_str().expect("a database");
        assert_eq!(database, format!("postgres://{service}@postgres:5432/{service}"));
    }
    assert_eq!(services.len(), SERVICES.len() - 1);
    assert!(project["services"]["postgres"].is_object() && project["services"]["collector"].is_object());
    assert_eq!(configuration["traces"]["otlp_endpoint"], "http://collector:4317");
    let held = |service: &str, file: &Value| {
        let name = file.as_str().and_then(|file| file.strip_prefix("/run/secrets/")).expect("a secret").to_owned();
        assert!(project["secrets"][&name]["file"].as_str().is_some_and(|file| file.ends_with(&name)), "{name}");
        let secrets = project["services"][service]["secrets"].as_array().expect("secrets");
        secrets.iter().any(|secret| secret["source"] == name.as_str())
    };
    let keys = &configuration["keys"];
    for service in SERVICES {
        let password = held(service, &configuration["databases"]["password_file"]);
        assert_eq!(password, service != "gateway", "{service} has a database");
        assert_eq!(held(service, &keys["master_file"]), matches!(service, "accounts" | "redirection"), "{service}");
        assert_eq!(held(service, &keys["report_file"]), service == "gateway", "{service}");
        assert_eq!(held(service, &keys["codes_file"]), service == "onboarding", "{service}");
    }
}

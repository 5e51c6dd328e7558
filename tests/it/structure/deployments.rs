//! Whether what `deploy/` holds would be taken: every file is read by the program it is for, and says of Dialtone
//! what is so.

mod allow_list;
mod balancers;
mod commands;
mod containers;
mod kubernetes;
mod observability;
mod preparation;
mod sizes;
mod systemd;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::repository;

/// The processes of the distributed shape.
const SERVICES: [&str; 5] = ["gateway", "accounts", "redirection", "onboarding", "customization"];

/// A file or folder of `deploy/`.
fn deploy(path: &str) -> PathBuf {
    repository().join("deploy").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Makes sure that third-party programs are there; fails where they are not and cannot be installed.
fn install(programs: &[&str]) {
    let installed = Command::new(repository().join("tests/tools/install")).args(programs).status();
    assert!(installed.expect("the installer").success(), "{programs:?} cannot be installed");
}

/// What a program printed that must succeed. It finds what Debian keeps in `/usr/sbin`.
fn succeed(command: &mut Command) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let Output { status, stdout, stderr } =
        command.env("PATH", path).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, complained) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {printed}{complained}");
    printed.into_owned()
}

/// Every document of a YAML text, as a real parser reads it.
fn yaml(text: &str) -> Vec<Value> {
    let documents = python("import yaml; documents = list(yaml.safe_load_all(text))", text);
    documents.as_array().expect("documents").clone()
}

fn toml(text: &str) -> Value {
    python("import tomllib; documents = tomllib.loads(text)", text)
}

fn python(parse: &str, text: &str) -> Value {
    install(&["python3-yaml"]);
    let program = format!("import json, sys; text = sys.argv[1]; {parse}; print(json.dumps(documents))");
    let printed = succeed(Command::new("/usr/bin/python3").args(["-c", &program, text]));
    serde_json::from_str(&printed).expect("JSON")
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

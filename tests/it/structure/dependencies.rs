//! The layers: who may depend on whom, as `services/README.md` says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::files::rust_files;
use crate::support::repository;

/// Names by crate.
type Table = BTreeMap<String, BTreeSet<String>>;

/// The table of the README whose heading is `| crate | {heading} |`: the names in backquotes.
fn table(heading: &str) -> Table {
    let text = std::fs::read_to_string(repository().join("services/README.md")).expect("the README");
    let heading = format!("| crate | {heading} |\n|---|---|\n");
    let (_, rows) = text.split_once(&heading).unwrap_or_else(|| panic!("no table {heading:?}"));
    let rows = rows.lines().take_while(|line| line.starts_with('|'));
    let names = |row: &str| row.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.map(|row| match names(row).split_first() {
        Some((name, rest)) => (name.clone(), rest.iter().cloned().collect()),
        None => panic!("a row without a crate: {row}"),
    })
    .collect()
}

/// What each crate of the workspace is built with, but for its tests; of the workspace, or from outside.
fn dependencies(of_the_workspace: &dyn Fn(&Value) -> bool) -> Table {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().expect("dependencies").iter();
        let normal = all.filter(|it| it["kind"].is_null() && of_the_workspace(it));
        normal.map(|it| text(&it["name"])).collect()
    };
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages.map(|package| (text(&package["name"]), of(package))).collect()
}

#[test]
fn the_layers_are_those_of_the_readme() {
    let edges = dependencies(&|dependency| dependency["path"].is_string());
    assert!(edges.len() > 12, "{edges:?}");
    assert_eq!(edges, table("may depend on"), "left: the crates; right: services/README.md");
}

#[test]
fn nobody_uses_what_it_must_never_use() {
    let used = dependencies(&|dependency| dependency["path"].is_null());
    for (name, never) in table("never uses") {
        let used = used.get(&name).unwrap_or_else(|| panic!("there is no crate {name}"));
        let wrong: Vec<_> = used.intersection(&never).collect();
        assert!(wrong.is_empty(), "{name} uses {wrong:?}");
    }
}

/// A phone that shared the server's reading and writing of the wire would share its faults.
#[test]
fn the_phone_shares_nothing_but_words_with_the_server() {
    let shared: BTreeSet<_> = ["MacAddress", "InvalidMacAddress", "Clock", "Randomness", "Timestamp", "Secret"].into();
    let mut used = BTreeSet::new();
    for file in rust_files("services/phone/src") {
        let text = std::fs::read_to_string(&file).expect("a file");
        for rest in text.split("vocabulary::").skip(1) {
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split_once('}').expect("the end of the list").0,
                None => rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').next().unwrap_or_default(),
            };
            used.extend(names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        }
    }
    assert!(used.contains("MacAddress"), "{used:?}");
    let wrong: Vec<_> = used.iter().filter(|name| !shared.contains(name.as_str())).collect();
    assert!(wrong.is_empty(), "the phone uses {wrong:?}");
}

//! How the databases come to be: see `migrations/README.md`.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Server, repository};

const MAC: &str = "00562b043615";
/// The gateway owns no data. What it has is a queue of what is on its way, which lies beside it whatever the databases
/// are; storage keeps it, so that the gateway sees no SQL (services/README.md).
pub const QUEUE: &str = "gateway";

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

pub fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

/// Each service that has migrations, with their files in order.
pub fn services() -> Vec<(String, Vec<PathBuf>)> {
    let folders = entries(&repository().join("migrations")).into_iter().filter(|path| path.is_dir());
    let with_files = folders.filter(|folder| folder.join("sqlite").is_dir()).map(|folder| {
        let files = entries(&folder.join("sqlite"));
        (name(&folder).to_owned(), files)
    });
    let services: Vec<_> = with_files.filter(|(_, files)| !files.is_empty()).collect();
    assert!(services.len() >= 3, "{services:?}");
    services
}

#[test]
fn migrations_are_numbered_without_gaps() {
    for (service, files) in services() {
        for (at, file) in files.iter().enumerate() {
            let named = name(file);
            let is_sql = file.extension().is_some_and(|extension| extension == "sql");
            let is_right = is_sql && named.starts_with(&format!("{:04}_", at + 1));
            assert!(is_right, "{service}: {named} is number {}", at + 1);
        }
    }
}

#[test]
fn every_table_is_strict() {
    for (service, files) in services() {
        let text: String = files.iter().map(|file| std::fs::read_to_string(file).expect("a file")).collect();
        // A comment may hold a semicolon.
        let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let code = code.join("\n");
        for statement in code.split(';').filter(|statement| statement.contains("CREATE TABLE")) {
            let (_, how) = statement.rsplit_once(')').expect("the end of the columns");
            assert!(how.contains("STRICT"), "{service}: {statement}");
        }
    }
}

/// Without it a program built before a migration was added would go on without it.
#[test]
fn the_build_sees_new_migrations() {
    for (service, _) in services() {
        let owner = if service == QUEUE { "shared/storage" } else { &service };
        let file = repository().join("services").join(owner).join("build.rs");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let folder = if service == QUEUE { "../../../migrations" } else { "../../migrations" };
        assert!(text.contains(&format!("cargo:rerun-if-changed={folder}/{service}")), "{service}: {text}");
    }
}

#[test]
fn a_database_is_made_once_and_opened_as_often_as_one_likes() {
    let mut server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    let made = acme.register(&server, MAC, "main", &json!({})).expect(201).json();
    for _ in 0..2 {
        server = server.restart();
        assert_eq!(acme.ask(&server, &format!("/v1/devices/{MAC}")).send().expect(200).json(), made);
        assert_eq!(acme.story(&server, MAC), ["associated Open>Open stated"]);
    }
    for (service, _) in services() {
        let name = if service == QUEUE { "queue" } else { &service };
        assert!(server.data().join(format!("databases/{name}.db")).is_file(), "{service}");
    }
}

//! The certificates by which processes know each other expire, and are exchanged while everything runs.

use std::path::Path;
use std::process::Command;

use super::scene::Scene;
use crate::support::{Plan, Server, Settings, dialtone, eventually, has_meaning_here, install};

/// What the process of redirection has in its folder.
const FILES: [&str; 3] = ["key.pem", "authorities.pem", "certificate.pem"];

/// Issues certificates into `folder`, as if it were a month ago, where so.
fn issue(folder: &Path, begin: &[&str]) {
    let mut command = Command::new(begin.first().map_or(dialtone().as_os_str(), AsRef::as_ref));
    if !begin.is_empty() {
        command.args(&begin[1..]).arg(dialtone());
    }
    let issued = command.args(["pki", "issue", "--days", "7", "--folder"]).arg(folder).output().expect("it runs");
    assert!(issued.status.success(), "{issued:?}");
}

fn copy(from: &Path, to: &Path) {
    for file in FILES {
        std::fs::copy(from.join(file), to.join(file)).expect("a copy");
    }
}

/// Gives all the same authority, but certificates of their own.
fn folder_with_authority_of(mesh: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["authority.pem", "authority-key.pem"] {
        std::fs::copy(mesh.join(file), folder.path().join(file)).expect("a copy");
    }
    folder
}

/// A connection that is open stays as it is; so they are closed, as happens when a process starts anew.
fn reconnect(server: &Server) {
    for from in ["gateway", "onboarding"] {
        server.link(from, "redirection").hang_up();
    }
}

fn exchanged(server: &Server) -> usize {
    server.log().matches("the certificate by which other processes know this one was exchanged").count()
}

#[test]
fn a_certificate_that_has_expired_is_refused_and_another_one_is_taken_at_once() {
    if !has_meaning_here("processes") {
        return;
    }
    install(&["faketime"]);
    let mut scene = Scene::set(Server::planned(Plan::of(Settings::default()).with_links()));
    let mesh = scene.server.installation().certificates();
    let (expired, good) = (folder_with_authority_of(&mesh), folder_with_authority_of(&mesh));
    issue(expired.path(), &["faketime", "30 days ago"]);
    issue(good.path(), &[]);
    let own = mesh.join("redirection");

    let take = |from: &Path, server: &Server| {
        let before = exchanged(server);
        copy(&from.join("redirection"), &own);
        eventually("the exchange", || (exchanged(server) > before).then_some(()));
        reconnect(server);
    };
    let fault = "redirection's certificate expired";
    scene.survives(fault, |server| take(expired.path(), server), |server| take(good.path(), server));

    // Everybody's, one after the other, while phones ask.
    let next = folder_with_authority_of(&mesh);
    issue(next.path(), &[]);
    let exchange_all = |server: &mut Server| {
        let before = exchanged(server);
        for service in ["accounts", "redirection", "onboarding", "customization", "gateway"] {
            copy(&next.path().join(service), &mesh.join(service));
        }
        eventually("every exchange", || (exchanged(server) >= before + 5).then_some(()));
        reconnect(server);
    };
    scene.survives("every certificate exchanged", exchange_all, |_| ());
}

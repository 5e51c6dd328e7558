//! The clock of the machine steps, by libfaketime: an hour ahead, and an hour back.

use std::path::Path;

use super::scene::Scene;
use crate::support::{Plan, Server, Settings, install};

const LIBRARY: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

/// Sets the clock of every process of the server so much beside that of the machine.
fn step(file: &Path, to: &str) {
    let unfinished = file.with_extension("new");
    std::fs::write(&unfinished, to).expect("a file");
    std::fs::rename(unfinished, file).expect("its place");
}

#[test]
fn a_clock_that_steps_is_not_noticed_by_phones() {
    install(&["faketime"]);
    let folder = tempfile::tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    step(&clock, "+0");
    let mut plan = Plan::of(Settings::default());
    for service in ["accounts", "redirection", "onboarding", "customization", "gateway"] {
        plan = plan
            .with_environment(service, "LD_PRELOAD", LIBRARY)
            .with_environment(service, "FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
            .with_environment(service, "FAKETIME_NO_CACHE", "1")
            .with_environment(service, "FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    let mut scene = Scene::set(Server::planned(plan));
    // Tokens are good for a quarter of an hour.
    scene.survives("clock an hour ahead", |_| step(&clock, "+3600"), |_| step(&clock, "+0"));
    scene.survives("clock an hour back", |_| step(&clock, "-3600"), |_| step(&clock, "+0"));
}

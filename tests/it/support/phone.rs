//! The virtual phone, run as a person would run it.

use std::process::Command;

use super::build::dialtone;
use super::server::Server;

/// A phone to be powered on.
pub struct Phone {
    arguments: Vec<String>,
}

/// How a phone's journey went.
#[derive(Debug)]
pub struct Walk {
    pub exit_code: Option<i32>,
    pub steps: Vec<serde_json::Value>,
    pub printed: String,
    pub complaints: String,
}

impl Phone {
    /// A phone whose network leads it to `server` over HTTPS.
    pub fn near(server: &Server, mac: &str) -> Self {
        let (url, ca) = (server.https.clone(), server.ca().display().to_string());
        Self::alone(mac).with(&["--activate", &url, "--ca", &ca])
    }

    /// A phone that is told nothing but its address.
    pub fn alone(mac: &str) -> Self {
        Self { arguments: vec!["phone".to_owned(), "--mac".to_owned(), mac.to_owned()] }
    }

    pub fn with(mut self, words: &[&str]) -> Self {
        self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Switches it on and waits for the end of its journey.
    pub fn power_on(self) -> Walk {
        let output = Command::new(dialtone()).args(&self.arguments).arg("--json").output().expect("the phone runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let steps = printed.lines().map(|line| serde_json::from_str(line).expect("a step in JSON")).collect();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        Walk { exit_code: output.status.code(), steps, printed, complaints }
    }
}

impl Walk {
    /// The states it went through, such as `Open>Pending`.
    pub fn states(&self) -> Vec<String> {
        let changes = self.steps.iter().filter(|step| step["step"] == "state");
        changes
            .map(|step| format!("{}>{}", step["from"].as_str().unwrap_or("-"), step["to"].as_str().unwrap_or("-")))
            .collect()
    }

    /// The steps of that name.
    pub fn steps(&self, name: &str) -> Vec<&serde_json::Value> {
        self.steps.iter().filter(|step| step["step"] == name).collect()
    }
}

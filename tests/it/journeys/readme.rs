//! Every command of the READMEs, run as a reader pastes them: in order, in one shell, in a checkout.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::support::{dialtone, repository};

/// `make run` on free ports and a data folder of its own.
struct Demonstration {
    make: Child,
    folder: tempfile::TempDir,
    printed: Vec<String>,
}

impl Demonstration {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("dialtone.toml");
        let toml = format!(
            "data = {:?}\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"\n\
             [demo]\nnps = \"127.0.0.1:0\"\n[log]\nfilter = \"warn\"\n",
            folder.path().join("data").display().to_string()
        );
        std::fs::write(&config, toml).expect("the configuration can be written");
        // Built beforehand, so that what is waited for below is the server and not the compiler.
        dialtone();
        let mut make = Command::new("make")
            .args(["run", &format!("ARGS=--config {}", config.display())])
            .env("CARGO", env!("CARGO"))
            .current_dir(repository())
            .stdout(Stdio::piped())
            .spawn()
            .expect("make can be run");
        let mut output = BufReader::new(make.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let mut printed = Vec::new();
        for line in output.by_ref() {
            let is_last = line.contains(" phone --mac ");
            printed.push(line);
            if is_last {
                break;
            }
        }
        // A terminal goes on reading.
        std::thread::spawn(move || output.for_each(drop));
        Self { make, folder, printed }
    }

    /// What follows `label` on the line that begins with it.
    fn value(&self, label: &str) -> &str {
        let line = self.printed.iter().find_map(|line| line.trim_start().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} in {:#?}", self.printed)).trim()
    }

    /// The command as a reader would paste it, on this demonstration's ports and folder.
    fn here(&self, command: &str) -> String {
        let internal = self.value("health and metrics").split_whitespace().next().expect("an address");
        let internal = internal.trim_start_matches("http://").split('/').next().expect("an address").to_owned();
        command
            .replace("https://localhost:8443", self.value("phones and providers"))
            .replace("http://localhost:8080", self.value("phones  "))
            .replace("127.0.0.1:9464", &internal)
            .replace(" data/", &format!(" {}/data/", self.folder.path().display()))
            .replace("target/debug/dialtone", "\"$DIALTONE\"")
            .replace("operator create", &format!("operator create --data {}/data", self.folder.path().display()))
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        // make passes the signal of a terminal on to its children; here there is none, so the whole
        // family is told.
        let pid = self.make.id();
        let _ = Command::new("sh").args(["-c", &format!("pkill -TERM -P {pid}; kill -TERM {pid}")]).status();
        let _ = self.make.wait();
    }
}

/// The commands of a README: its blocks marked `sh`.
fn blocks(readme: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join(readme)).expect("the README");
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("```sh\n") {
        let (block, after) = after.split_once("```").expect("the end of the block");
        blocks.push(block.to_owned());
        rest = after;
    }
    blocks
}

/// Runs a script as a reader's shell would, in the checkout.
fn paste(script: &str) -> Output {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env("DIALTONE", dialtone()).current_dir(repository()).output().expect("bash can be run")
}

#[test]
fn the_tour_works_when_pasted() {
    let blocks = blocks("README.md");
    assert_eq!(blocks[0].trim(), "make run", "the first command starts everything");
    let demonstration = Demonstration::start();
    let journey = demonstration.printed.join("\n");
    for state in ["Open -> Pending", "Pending -> Custom Pending", "Custom Pending -> Acquired"] {
        assert!(journey.contains(state), "{journey}");
    }
    let tour: Vec<String> = blocks[1..].iter().map(|block| demonstration.here(block)).collect();
    let script = format!("set -euo pipefail\n{}", tour.join("\necho '=== next'\n"));
    let pasted = paste(&script);
    let printed = String::from_utf8_lossy(&pasted.stdout).into_owned();
    assert!(pasted.status.success(), "{printed}\n{}", String::from_utf8_lossy(&pasted.stderr));
    let steps: Vec<&str> = printed.split("=== next\n").collect();
    let expected = [
        (1, "\"state\":\"Acquired\""),
        (1, "resync_succeeded"),
        (2, "Unavailable"),
        (2, "exit status 3"),
        (3, "\"note\":\"second floor\""),
        (3, "Custom Pending -> Acquired"),
        (3, "answered_with_nothing"),
        (4, "<Profile_Rule ua=\"na\">http://127.0.0.1:"),
        (5, "expected_days"),
        (5, "Custom Pending -> Acquired"),
        (6, "\"name\":\"tls\""),
        (6, "urn:dialtone:problem:invalid_rule"),
        (7, "client_secret  dts_"),
        (8, "\"status\":\"ready\""),
        (8, "dialtone_phone_answers_total{answer=\"Redirect\"}"),
    ];
    assert_eq!(steps.len(), tour.len());
    for (step, text) in expected {
        assert!(steps[step].contains(text), "{text} in step {step}: {}", steps[step]);
    }
    assert_eq!(steps[4].matches("</flat-profile>").count(), 2, "{}", steps[4]);
}

/// The three commands that the demonstration prints for its reader.
#[test]
fn the_printed_commands_work_when_pasted() {
    let demonstration = Demonstration::start();
    let commands: Vec<&str> = demonstration
        .printed
        .iter()
        .map(String::as_str)
        .skip_while(|line| !line.starts_with("Paste next"))
        .skip(1)
        .collect();
    assert_eq!(commands.iter().filter(|line| !line.is_empty()).count(), 3, "{commands:?}");
    let pasted = paste(&commands.join("\n"));
    let printed = String::from_utf8_lossy(&pasted.stdout).into_owned();
    assert_eq!(pasted.status.code(), Some(3), "the last phone is Unavailable: {printed}");
    assert!(printed.contains("resync_succeeded") && printed.contains("Unavailable"), "{printed}");

    let demo = std::fs::read_to_string(demonstration.folder.path().join("data/demo.json")).expect("demo.json");
    let demo: serde_json::Value = serde_json::from_str(&demo).expect("JSON");
    for name in ["client_id", "client_secret", "ca"] {
        assert!(demo[name].as_str().is_some_and(|value| !value.is_empty()), "{name}");
    }
}

#[test]
fn the_other_readmes_hold_no_command_that_nobody_runs() {
    for readme in ["services/README.md", "migrations/README.md", "deploy/README.md", "tests/load/README.md"] {
        assert_eq!(blocks(readme), Vec::<String>::new(), "{readme}");
    }
}

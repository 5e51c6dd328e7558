//! The process dies between two steps of a redemption, and the phone asks again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;

use super::{Desk, redeem};
use crate::support::{Question, Server, has_meaning_here, repository};

/// Somebody else.
const MAC: &str = "00562b0436ff";
/// The points in the order in which they are reached, and whether the code has been granted by then.
const POINTS: [(&str, bool); 6] = [
    ("onboarding.redeem.before-grant", false),
    ("onboarding.redeem.before-commit", false),
    ("onboarding.redeem.after-grant", true),
    ("onboarding.redeem.after-assignment", true),
    ("gateway.activate.before-record", true),
    ("gateway.activate.after-record", true),
];

#[test]
fn whatever_the_crash_the_phone_that_asks_again_ends_assigned() {
    if !has_meaning_here("failpoints") {
        return;
    }
    let mut server = Server::start();
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    for (number, (point, is_granted)) in (0..).zip(POINTS) {
        let mac = format!("00562b04361{number}");
        let (code, digits) = desk.personal(&server, &json!({}));
        server.kill("KILL");
        server.end();
        let mut fragile = Fragile::on(&server, point);
        let body = json!({"code": digits, "mac": mac}).to_string();
        let question = Question { line: "POST /activate", token: "", body: &body };
        assert_eq!(question.put_to(&fragile.http), None, "it dies at {point} before it answers");
        assert!(!fragile.process.wait().expect("an end").success(), "{point}");

        server = server.again();
        // Whoever else has learned of the code comes too late as soon as it is granted.
        if is_granted {
            redeem(&server, &digits, MAC).expect(403);
        }
        assert!(redeem(&server, &digits, &mac).expect(200).body.contains("nps.example"), "{point}");
        redeem(&server, &digits, MAC).expect(403);
        let seen = desk.provider.ask(&server, &format!("/v1/codes/{code}")).send().expect(200).json();
        assert_eq!((&seen["redeemed_by"], &seen["activations"]), (&json!(mac), &json!(1)), "{point}");
        assert_eq!(
            desk.provider.story(&server, &mac),
            [
                "associated Open>Open observed",
                "asked Open>Pending observed",
                "answered_with_provider Pending>Custom Pending observed",
            ],
            "{point}"
        );
    }
}

/// The program with the points compiled in, on the data folder of a server that has ended.
struct Fragile {
    process: Child,
    http: String,
}

impl Fragile {
    fn on(server: &Server, point: &str) -> Self {
        let config = server.data().with_file_name("dialtone.toml");
        let mut process = Command::new(program())
            .args(["serve", "--config", &config.display().to_string()])
            .env("DIALTONE_FAILPOINT", point)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = BufReader::new(process.stderr.take().expect("its log"));
        let mut lines = log.lines().map_while(Result::ok);
        let serving = lines.find(|line| line.contains("\"serving\"")).expect("it serves");
        // Kept reading, so that it never blocks on its log.
        std::thread::spawn(move || lines.for_each(drop));
        let event: serde_json::Value = serde_json::from_str(&serving).expect("JSON");
        let http = event["http"].as_str().expect("an address");
        Self { process, http: format!("http://{http}") }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Built into a folder of its own, so that no other test runs it; what it is made of is shared.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("the test program has a path");
        // target/debug/deps/it-…
        let target = test.ancestors().nth(3).expect("the target folder");
        let own = target.join("failpoints");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "dialtone", "--bin", "dialtone", "--features", "failpoints"])
            .arg("--target-dir")
            .arg(&own)
            .env("CARGO_BUILD_BUILD_DIR", target)
            .current_dir(repository())
            .status()
            .expect("cargo can be run");
        assert!(built.success(), "the program does not build with failpoints");
        own.join("debug/dialtone")
    })
}

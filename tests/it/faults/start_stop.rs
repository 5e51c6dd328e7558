//! Starting where something is in the way, stopping while something is under way, and starting again.

use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Curl, Demo, Metrics, Server, Wire, dialtone, eventually, has_meaning_here};

const MAC: &str = "00562b043615";

/// Starts a server that cannot start; gives what it says.
fn refused(config: &std::path::Path, words: &[&str]) -> String {
    let Output { status, stderr, .. } = Command::new(dialtone())
        .args(["serve", "--config", &config.display().to_string()])
        .args(words)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start();
    let said = refused(&server.data().with_file_name("dialtone.toml"), &[]);
    let wanted =
        format!("another dialtone runs on {}; stop it, or choose another folder with --data", server.data().display());
    assert!(said.contains(&wanted), "{said}");
    // The first one has not noticed; and when it is gone, its folder is free.
    server.ask(&format!("/{MAC}.cfg")).send().expect(200);
    server.restart().ask(&format!("/{MAC}.cfg")).send().expect(200);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("dialtone.toml");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let held = TcpListener::bind(taken).expect("the port again");
    let toml = format!(
        "data = {:?}\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"\n",
        folder.path().join("data")
    );
    std::fs::write(&config, toml).expect("the configuration can be written");
    for port in ["--https", "--http", "--internal"] {
        let said = refused(&config, &[port, &taken.to_string()]);
        assert!(
            said.contains(&format!("cannot listen on {taken}")) && said.contains("is another program using the port?"),
            "{said}"
        );
    }
    drop(held);
    assert!(!folder.path().join("data/databases").exists(), "nothing was begun");
}

#[test]
fn a_word_that_the_configuration_does_not_know_is_named() {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("dialtone.toml");
    std::fs::write(&config, "[phones]\njurnal_capacity = 5\n").expect("the configuration can be written");
    let said = refused(&config, &[]);
    assert!(said.contains("jurnal_capacity") && said.contains(&config.display().to_string()), "{said}");
    let said = refused(&folder.path().join("missing.toml"), &[]);
    assert!(said.contains("cannot read") && said.contains("missing.toml"), "{said}");
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let body = "grant_type=client_credentials&client_id=nobody&client_secret=nothing";
        let head = format!(
            "POST /v1/token HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {}\r\n",
            body.len()
        );
        let slow = Wire::to(&server.http).say(head).say("Content-Type: application/x-www-form-urlencoded\r\n\r\n");
        // It asks for the body, so the request is under way.
        let (slow, interim) = slow.hear_until("\r\n\r\n");
        assert!(interim.starts_with("HTTP/1.1 100"), "{interim}");
        let idle = Wire::to(&server.http);

        server.kill(signal);
        eventually("the beginning of the end", || server.log().contains("\"stopping\"").then_some(()));
        assert_eq!(idle.hear(), "");
        let answer = slow.say(body).hear();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_client"), "{answer}");
        assert_eq!(server.end().code(), Some(0), "{signal}");
        let log = server.log();
        assert!(log.lines().last().is_some_and(|line| line.contains("\"stopped\"")), "{log}");
        assert!(!log.contains("cut off") && !log.contains("panicked"), "{log}");
    }
}

#[test]
fn operators_see_how_it_does() {
    let server = Server::start();
    let internal = |path: &str| Curl::get(&format!("{}{path}", server.internal)).send();
    assert_eq!(internal("/health/live").expect(200).body, "live\n");
    let mut services = json!({"accounts": "ok", "redirection": "ok", "onboarding": "ok", "customization": "ok"});
    services["queue"] = json!("ok");
    assert_eq!(internal("/health/ready").expect(200).json(), json!({"status": "ready", "services": services}));
    // These are for operators only.
    for path in ["/health/live", "/health/ready", "/metrics"] {
        server.ask(path).send().expect(404);
        server.ask_plainly(path).send().expect(404);
    }

    let provider = server.provider("acme");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    provider.register(&server, MAC, "main", &json!({})).expect(201);
    for path in [format!("/{MAC}.cfg"), "/00562b0436ff.cfg".to_owned(), "/setup.cfg".to_owned()] {
        server.ask(&path).send();
    }
    let metrics = Metrics::of(&server);
    for (answer, count) in [("Redirect", 1), ("Nothing", 1), ("Malformed", 1), ("Throttled", 0), ("Unavailable", 0)] {
        let name = format!("dialtone_phone_answers_total{{answer=\"{answer}\"}}");
        assert_eq!(metrics.value(&name), count, "{name}: {metrics:?}");
    }
    if has_meaning_here("asked one by one") {
        assert!(metrics.value("dialtone_rpc_calls_total{method=\"Resolve\",outcome=\"ok\"}") >= 2, "{metrics:?}");
    }
    for name in [
        "dialtone_observations_lost_total",
        "dialtone_observations_waiting",
        "dialtone_observations_queued",
        "dialtone_queue_bytes",
        "dialtone_queue_works",
        "dialtone_rpc_seconds_bucket",
    ] {
        assert!(metrics.has(name), "{name} is missing in {metrics:?}");
    }
}

#[test]
fn a_second_start_of_the_demonstration_keeps_the_data() {
    let folder = TempDir::new().expect("a folder");
    let first = Demo::on(&folder);
    let https = first.https();
    let customization = format!("/v1/devices/{MAC}/customization");
    let acquired = first.ask(&https, &customization).send().expect(200).json();
    assert_eq!(acquired["state"], "Acquired");
    let file = first.file();
    let (status, printed) = first.interrupt();
    assert!(status.success(), "{printed}");
    for line in
        ["is empty; setting up", "registered the provider", "A phone is taken from its box", "Serving.", "Stopped."]
    {
        assert!(printed.contains(line), "{line:?} in {printed}");
    }

    let second = Demo::on(&folder);
    let https = second.https();
    assert_eq!(second.file(), file);
    assert_eq!(second.ask(&https, &customization).send().expect(200).json(), acquired);
    // The provider's own server is back as well.
    let place = file["nps"].as_str().expect("an address");
    let profile = Curl::get(&format!("http://{place}/{MAC}.xml")).send().expect(200);
    assert!(profile.body.contains("flat-profile"), "{profile:?}");
    let (status, printed) = second.interrupt();
    assert!(status.success(), "{printed}");
    for line in ["is empty", "registered", "A phone is taken"] {
        assert!(!printed.contains(line), "{line:?} in {printed}");
    }
}

#[test]
fn a_folder_with_an_installation_gets_no_demonstration() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let made =
        Command::new(dialtone()).args(["operator", "create", "a test", "--data", &data]).output().expect("it runs");
    assert!(made.status.success());
    let demo = Demo::on(&folder);
    demo.until("without the demonstration");
    let (status, printed) = demo.interrupt();
    assert!(status.success() && !printed.contains("registered"), "{printed}");
    assert_eq!(std::fs::metadata(folder.path().join("data/demo.json")).ok().map(|_| Value::Null), None);
}

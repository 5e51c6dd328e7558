//! Answers that only one phone can read, opened by programs that are not ours.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Phone, Provider, Server, repository};

const MAC: &str = "00562b043615";
const HEX: &str = "000102030405060708090a0b0c0d0e0f";
const PASSWORD: &str = "correct-horse-battery";

/// A provider whose phone gets a secret, sealed with `key`.
fn provider_of_sealed(server: &Server, key: &serde_json::Value) -> Provider {
    let provider = server.provider("sealing");
    // Longer than one record of RFC 8188.
    let long: String = ('a'..='z').cycle().take(6000).collect();
    let profile = json!({
        "name": "main",
        "profile_rule": "[--key hush-hush-hush] https://nps.example/$MA.xml",
        "parameters": {"Long_Text_A": long[..3000], "Long_Text_B": long[3000..]},
        "proof": "sealed",
    });
    provider.ask(server, "/v1/profiles").json(&profile.to_string()).send().expect(201);
    provider.register(server, MAC, "main", &json!({})).expect(201);
    let path = format!("/v1/devices/{MAC}/key");
    provider.ask(server, &path).method("PUT").json(&key.to_string()).send().expect(200);
    provider
}

/// The sealed body, as it came over the wire, and its content encoding.
fn sealed(server: &Server) -> (Vec<u8>, Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("body");
    let answer = server.ask(&format!("/{MAC}.cfg")).with(&["--no-include", "--dump-header", "-"]);
    let answer = answer.with(&["--output", &file.display().to_string()]).send().expect(200);
    (std::fs::read(file).expect("a body"), answer.header("content-encoding").map(str::to_owned))
}

fn through(program: &mut Command, input: &[u8]) -> String {
    let mut process = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    process.stdin.take().expect("its input").write_all(input).expect("it reads");
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn another_implementation_of_rfc_8188_opens_the_answer() {
    let server = Server::start();
    let _provider = provider_of_sealed(&server, &json!({"format": "aes128gcm", "key": HEX}));
    let (body, coding) = sealed(&server);
    assert_eq!(coding.as_deref(), Some("aes128gcm"));
    assert!(body.len() > 4096 + 21);
    let plain = through(Command::new(repository().join("tests/tools/open_aes128gcm")).arg(HEX), &body);
    assert!(plain.contains("[--key hush-hush-hush] https://nps.example/$MA.xml"), "{plain}");
    assert!(plain.ends_with("</device>\n"));
    assert_ne!(sealed(&server).0, body, "every answer has its own salt");
}

#[test]
fn openssl_opens_the_answer() {
    let server = Server::start();
    let _provider = provider_of_sealed(&server, &json!({"format": "aes256cbc", "key": PASSWORD}));
    let (body, coding) = sealed(&server);
    assert_eq!((coding, body.starts_with(b"Salted__")), (None, true));
    // The line that the phones' documents give for reading what they write.
    let plain = through(Command::new("openssl").args(["enc", "-d", "-aes-256-cbc", "-k", PASSWORD]), &body);
    assert!(plain.contains("[--key hush-hush-hush] https://nps.example/$MA.xml"), "{plain}");
}

#[test]
fn the_phone_with_the_key_is_sent_on_and_the_one_without_learns_nothing() {
    for (format, key) in [("aes128gcm", HEX), ("aes256cbc", PASSWORD)] {
        let server = Server::start();
        let _provider = provider_of_sealed(&server, &json!({"format": format, "key": key}));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("seal.key");
        std::fs::write(&file, key).expect("a file");
        let walk = Phone::near(&server, MAC).with(&["--seal-key", &file.display().to_string()]).power_on();
        assert_eq!(walk.states().last().map(String::as_str), Some("Pending>Custom Pending"), "{}", walk.printed);
        let walk = Phone::near(&server, MAC).power_on();
        assert_eq!(walk.states().last().map(String::as_str), Some("Open>Pending"), "{}", walk.printed);
        assert!(!walk.printed.contains("nps.example") && walk.complaints.contains("--seal-key"), "{walk:?}");
    }
}

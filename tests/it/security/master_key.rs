//! Everything secret at rest is under one master key, which can be changed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::forger::Forger;
use crate::support::{Authenticator, Person, Provider, Server, Settings};

const MAC: &str = "00562b043615";
const SERIAL: &str = "FCH2034D0PL";
const RULE: &str = "[--key topsecretkey] https://nps.example/$MA.xml";
const PASSWORD: &str = "a password of twenty";

/// Somebody who keeps secrets with us: a profile's key, a phone's address, a login, a second factor, a code.
struct Depositor {
    provider: Provider,
    person: Person,
    authenticator: Authenticator,
    code: String,
}

impl Depositor {
    fn new(server: &Server) -> Self {
        let provider = server.provider("acme");
        let profile = provider.profile_for(server, ("main", RULE), "serial");
        provider.register(server, MAC, "main", &json!({ "serial": SERIAL })).expect(201);
        let person = Person::invited(server, &provider.login, ("jo@example.org", "owner"), PASSWORD);
        let bearer = format!("Authorization: Bearer {}", person.token(server));
        let totp = |body: serde_json::Value| server.ask("/v1/me/totp").header(&bearer).json(&body.to_string());
        let shown = totp(json!({ "password": PASSWORD })).send().expect(201).json();
        let authenticator = Authenticator { secret: shown["secret"].as_str().expect("a secret").to_owned() };
        authenticator.confirm(|code| totp(json!({ "code": code })).method("PUT").send()).expect(200);
        let code = json!({ "kind": "personal", "profile": profile }).to_string();
        let made = provider.ask(server, "/v1/codes").json(&code).send().expect(201).json();
        let code = made["codes"][0]["digits"].as_str().expect("digits").to_owned();
        Self { provider, person, authenticator, code }
    }

    /// Everything is as it was; the code of the second factor is that of `steps` from now.
    fn is_served(&self, server: &Server, steps: i64) {
        let asked = server.ask(&format!("/software/edos/callhome/rc?id={MAC}:{SERIAL}")).send().expect(200).body;
        assert!(asked.contains("topsecretkey"), "{asked}");
        // The token of before is still good: the signing keys are the same.
        self.provider.ask(server, "/v1/devices").send().expect(200);
        self.person.attempt(server, PASSWORD, &self.authenticator.code(steps)).expect(200);
    }

    /// The code was of no use before the master key changed, so that it shows that the key of codes is the same.
    fn redeems(&self, server: &Server) {
        let body = json!({ "code": self.code, "mac": "00562b0436ff", "serial": SERIAL }).to_string();
        server.ask("/activate").json(&body).send().expect(200);
    }
}

fn master_of(server: &Server) -> PathBuf {
    server.data().join("keys/master.key")
}

#[test]
fn another_master_key_opens_what_the_first_one_closed() {
    let mut server = Server::start();
    let depositor = Depositor::new(&server);
    depositor.is_served(&server, 0);
    let said = server.try_command(&["keys", "rewrap"]).expect_err("it runs");
    assert!(said.contains("another dialtone runs"), "{said}");
    assert!(server.stop().success());

    let old = fs::read(master_of(&server)).expect("the master key");
    let said = server.command(&["keys", "rewrap"]);
    assert!(said.contains("Everything is wrapped with the master key"), "{said}");
    let new = fs::read(master_of(&server)).expect("the master key");
    assert_ne!(old, new);
    let mut server = server.again();
    depositor.is_served(&server, 1);
    depositor.redeems(&server);
    assert!(server.stop().success());

    // The old key opens nothing any more, and says which one is needed.
    fs::write(master_of(&server), &old).expect("the old key");
    let said = server.refusal_to_start();
    assert!(said.contains("wrapped with the master key") && said.contains("give the one that is needed"), "{said}");
    let said = server.try_command(&["keys", "rewrap"]).expect_err("the old key cannot wrap either");
    assert!(said.contains("master key"), "{said}");
    fs::write(master_of(&server), &new).expect("the new key");
    let server = server.again();
    depositor.provider.ask(&server, "/v1/profiles").send().expect(200);
}

#[test]
fn what_is_copied_without_its_master_key_is_closed() {
    let mut victim = Server::start();
    Depositor::new(&victim);
    assert!(victim.stop().success());
    let mut thief = Server::start();
    assert!(thief.stop().success());
    thief.take_over_databases(&victim.save_databases());
    let said = thief.refusal_to_start();
    assert!(said.contains("wrapped with the master key"), "{said}");
    // With the key files beside them, but the thief's own master key.
    for name in ["report.key", "codes.key"] {
        fs::copy(victim.data().join("keys").join(name), thief.data().join("keys").join(name)).expect("a copy");
    }
    assert!(thief.refusal_to_start().contains("wrapped with the master key"));
    fs::remove_file(master_of(&thief)).expect("it was there");
    assert!(thief.refusal_to_start().contains("wrapped with the master key"), "a new key is no help");
}

#[test]
fn the_master_key_may_lie_elsewhere_or_be_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first.key", "second.key"].map(|name| folder.path().join(name));
    fs::write(&first, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n").expect("a key");
    fs::write(&second, "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n").expect("a key");
    for key in [&first, &second] {
        let done = Command::new("chmod").arg("600").arg(key).status().expect("chmod runs");
        assert!(done.success());
    }
    let command = folder.path().join("command");
    fs::write(&command, format!("cat {}", first.display())).expect("a file");
    let toml = format!("[keys]\nmaster_command = \"sh {}\"\n", command.display());
    let mut server = Server::start_with(Settings { toml });
    assert!(!master_of(&server).exists(), "none is made where one is named");
    let depositor = Depositor::new(&server);
    assert!(server.stop().success());

    let rewrap = |words: &[&str]| server.try_command(&[&["keys", "rewrap"], words].concat());
    let said = rewrap(&[]).expect_err("it must be told the new one");
    assert!(said.contains("--new-file"), "{said}");
    rewrap(&["--new-file", &second.display().to_string()]).expect("it is wrapped anew");
    assert!(server.refusal_to_start().contains("wrapped with the master key"));
    fs::write(&command, format!("cat {}", second.display())).expect("a file");
    let mut server = server.again();
    depositor.is_served(&server, 0);
    assert!(server.stop().success());
    fs::write(&command, "echo topsecretmistake; exit 3").expect("a file");
    let said = server.refusal_to_start();
    assert!(said.contains("keys.master_command") && !said.contains("topsecretmistake"), "{said}");
}

#[test]
fn the_signing_key_of_an_earlier_version_does_not_stay_in_the_clear() {
    let server = Forger::server();
    let acme = server.provider("acme");
    let forger = Forger::new(&server, &acme.login);
    let token = forger.signed(&forger.header(), &forger.claims());
    server.ask("/v1/devices").header(&format!("Authorization: Bearer {token}")).send().expect(200);
    assert!(!server.data().join("keys/token.pem").exists(), "it is in the database now, sealed");
    let server = server.restart();
    server.ask("/v1/devices").header(&format!("Authorization: Bearer {token}")).send().expect(200);
}

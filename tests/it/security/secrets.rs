//! A whole run with secrets of every kind, after which none of them is where it does not belong.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::forger::Forger;
use crate::support::{
    Authenticator, Collector, Combination, Curl, Database, Login, Nps, Person, Phone, Provider, Server, Settings,
    dialtone,
};

const MAC: &str = "00562b043615";
const SEALED: &str = "00562b043616";
const SERIAL: &str = "FCH2034D0PL";
const PERSONS: &str = "personspassword4711";
const NEXT: &str = "personsnextpassword";
const KEY: &str = "profilekey4711";
const PASSWORD: &str = "profilepassword4711";
const CODE: &str = "5414011256173816";
const CODE_AS_TYPED: &str = "5414-0112-5617-3816";

/// What must not be seen, by what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() > 10, "{what} is too short to be told from other text");
        self.0.push((what, secret.to_owned()));
    }

    fn keep_login(&mut self, login: &Login) {
        self.keep("a client secret", &login.client_secret);
        self.keep_token("a bearer token", &login.token);
    }

    /// Whoever has the last part can put the rest together.
    fn keep_token(&mut self, what: &'static str, token: &str) {
        self.keep(what, token.rsplit('.').next().expect("a signature"));
    }

    #[track_caller]
    fn assert_absent_from(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            let at = bytes.windows(secret.len()).position(|window| window == secret);
            let around = |at: usize| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..at]).into_owned();
            assert!(at.is_none(), "{what} is in {place}, after: {}", at.map(around).unwrap_or_default());
        }
    }

    /// Absent from everything that the server keeps, but from the file with the master key.
    fn assert_absent_from_what_is_stored_by(&self, server: &Server) -> Vec<PathBuf> {
        let stored = server.everything_stored();
        let places: Vec<_> = stored.iter().map(|(place, _)| place.clone()).collect();
        let has_accounts =
            |place: &PathBuf| place.ends_with("databases/accounts.db") || place.ends_with("dump of accounts");
        assert!(places.iter().any(has_accounts), "{places:?}");
        for (place, bytes) in stored.iter().filter(|(place, _)| !place.ends_with("keys/master.key")) {
            self.assert_absent_from(&place.display().to_string(), bytes);
        }
        places
    }
}

/// The token with which this phone may report.
fn report_token(server: &Server) -> String {
    let profile = server.ask(&format!("/software/edos/callhome/rc?id={MAC}:{SERIAL}")).send().expect(200).body;
    let (_, token) = profile.split_once("/report/").expect("a place to report to");
    token.split('<').next().expect("a token").to_owned()
}

/// Everything that a secret is used for; gives the secrets, and who logged in.
fn use_them_all(server: &Server, nps: &Nps) -> (Secrets, Login, Provider) {
    let operator = server.operator();
    let acme = Provider::made_by(server, &operator, "acme");
    let mut secrets = Secrets::default();
    secrets.keep_login(&operator);
    secrets.keep_login(&acme.login);
    secrets.keep("the key of a profile", KEY);
    secrets.keep("the password of a profile", PASSWORD);
    for code in [CODE, CODE_AS_TYPED] {
        secrets.keep("an activation code", code);
    }

    let rule = format!("[--key {KEY} --uid jo --pwd {PASSWORD}] {}", nps.rule());
    acme.profile_for(server, ("main", &rule), "serial");
    acme.register(server, MAC, "main", &json!({ "serial": SERIAL })).expect(201);
    let token = report_token(server);
    secrets.keep_token("a report token", &token);
    server.ask(&format!("/report/{token}")).json(r#"{"event":"factory_reset"}"#).send().expect(200);
    server.ask(&format!("/report/{token}x")).json("{}").send().expect(403);
    server.ask(&format!("/report/{token}")).json("{}").send().expect(400);
    for code in [CODE, CODE_AS_TYPED] {
        server.ask("/activate").json(&json!({"code": code, "mac": MAC}).to_string()).send().expect(403);
        server.ask("/activate").form(&format!("code={code}&mac={MAC}")).send().expect(403);
    }
    log_in_wrongly(server, &acme.login, &mut secrets);
    log_in_as_a_person(server, &acme, &mut secrets);
    seal_and_redeem(server, &acme, &mut secrets);
    secrets.keep("the master key", std::fs::read(server.data().join("keys/master.key")).expect("the master key"));
    for form in Forger::key() {
        secrets.keep("the key that signs tokens", form);
    }
    (secrets, operator, acme)
}

/// An invitation, passwords right and wrong, and a second factor.
fn log_in_as_a_person(server: &Server, acme: &Provider, secrets: &mut Secrets) {
    let wish = r#"{"email":"jo@example.org","role":"owner"}"#;
    let made = acme.ask(server, "/v1/people").json(wish).send().expect(201).json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let jo = Person { id: text(&made["person"]["id"]), email: "jo@example.org".into(), password: PERSONS.into() };
    secrets.keep("an invitation", text(&made["invitation"]));
    secrets.keep("a person's password", PERSONS);
    secrets.keep("a person's next password", NEXT);
    let accept = |password: &str| {
        let body = json!({ "invitation": made["invitation"], "password": password }).to_string();
        server.ask("/v1/invitations").json(&body).send()
    };
    accept(PERSONS).expect(200);
    secrets.assert_absent_from("the refusal of an invitation", accept(NEXT).expect(404).body.as_bytes());
    let refused = jo.attempt(server, NEXT, "").expect(401);
    secrets.assert_absent_from("the refusal of a login", refused.body.as_bytes());
    // A password in the wrong field must not be taken for a name that can be shown.
    let astray = Person { email: PERSONS.to_owned(), ..jo.clone() }.attempt(server, PERSONS, PERSONS);
    secrets.assert_absent_from("the refusal of a login", astray.expect(401).body.as_bytes());

    let token = jo.token(server);
    secrets.keep_token("a person's token", &token);
    let ask = |path: &str, body: Value| {
        server.ask(path).header(&format!("Authorization: Bearer {token}")).json(&body.to_string())
    };
    let shown = ask("/v1/me/totp", json!({ "password": PERSONS })).send().expect(201).json();
    let authenticator = Authenticator { secret: text(&shown["secret"]) };
    secrets.keep("the secret of a second factor", &authenticator.secret);
    secrets.keep("the secret of a second factor, in bytes", authenticator.secret_in_bytes());
    authenticator.confirm(|code| ask("/v1/me/totp", json!({ "code": code })).method("PUT").send()).expect(200);
    jo.attempt(server, PERSONS, &authenticator.code(0)).expect(200);
    let change = json!({ "password": PERSONS, "new_password": NEXT });
    ask("/v1/me/password", change).method("PUT").send().expect(204);
}

/// Keys for sealed answers, and a personal code.
fn seal_and_redeem(server: &Server, acme: &Provider, secrets: &mut Secrets) {
    acme.register(server, SEALED, "main", &json!({ "serial": SERIAL })).expect(201);
    let path = format!("/v1/devices/{SEALED}/key");
    for (format, key) in [("aes128gcm", "000102030405060708090a0b0c0d0e0f"), ("aes256cbc", "sealpassword4711")] {
        secrets.keep("a key for sealed answers", key);
        let body = json!({ "format": format, "key": key }).to_string();
        let answer = acme.ask(server, &path).method("PUT").json(&body).send().expect(200);
        secrets.assert_absent_from("the answer to a key", answer.body.as_bytes());
    }
    secrets.keep("a key for sealed answers, in bytes", (0..16).collect::<Vec<u8>>());
    let asked = server.ask(&format!("/software/edos/callhome/rc?id={SEALED}:{SERIAL}"));
    // Sealed, so that it is no text.
    asked.with(&["--output", "/dev/null"]).send();
    let profile = acme.ask(server, "/v1/profiles").send().expect(200).json()["profiles"][0]["id"].take();
    let wish = json!({ "kind": "personal", "profile": profile }).to_string();
    let made = acme.ask(server, "/v1/codes").json(&wish).send().expect(201).json();
    let digits = made["codes"][0]["digits"].as_str().expect("digits");
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    secrets.keep("a personal code", &plain);
    secrets.keep("a personal code as printed", digits);
    let body = json!({ "code": digits, "mac": "00562b0436aa", "serial": SERIAL }).to_string();
    server.ask("/activate").json(&body).send().expect(200);
    server.ask("/activate").json(&body.replace("0436aa", "0436ab")).send().expect(403);
}

fn log_in_wrongly(server: &Server, login: &Login, secrets: &mut Secrets) {
    // One letter off: almost right is a secret too.
    let (most, last) = login.client_secret.split_at(login.client_secret.len() - 1);
    let wrong = format!("{most}{}", if last == "0" { "1" } else { "0" });
    secrets.keep("a secret mistyped", &wrong[..wrong.len() - 2]);
    let grant = "grant_type=client_credentials";
    let ask = || server.ask("/v1/token");
    let by_form = |id: &str| ask().form(&format!("{grant}&client_id={id}&client_secret={wrong}"));
    let by_basic = ask().with(&["--user", &format!("{}:{wrong}", login.client_id)]).form(grant);
    // A secret in the wrong field must not be taken for a name that can be shown.
    for curl in [by_form(&login.client_id), by_form(&wrong), by_basic] {
        let answer = curl.send();
        answer.problem(401, "invalid_client");
        secrets.assert_absent_from("the refusal of a login", answer.body.as_bytes());
    }
    let in_the_query = server.ask(&format!("/v1/devices?client_secret={wrong}&access_token={}", login.token));
    in_the_query.send().problem(401, "token_missing");
}

/// Every answer that tells of what was set up.
fn answers(server: &Server, operator: &Login, acme: &Provider) -> Vec<(String, String)> {
    let profile = acme.ask(server, "/v1/profiles").send().json()["profiles"][0]["id"].clone();
    let profile = format!("/v1/profiles/{}", profile.as_str().expect("an id"));
    let device = format!("/v1/devices/{MAC}");
    let [state, timeline] = ["customization", "timeline"].map(|part| format!("{device}/{part}"));
    let lists = ["/v1/clients", "/v1/people", "/v1/codes", "/v1/codes/attempts", "/v1/audit?limit=1000"];
    let own = [["/v1/profiles", &profile, "/v1/devices", &device, &state, &timeline].as_slice(), &lists].concat();
    let public = ["/.well-known/jwks.json"].map(|path| (path.to_owned(), server.ask(path)));
    let operators = ["/v1/tenants".to_owned(), format!("/v1/tenants/{}", acme.id)];
    let internal = ["/metrics", "/health/ready"].map(|path| (path, Curl::get(&format!("{}{path}", server.internal))));
    let mut all: Vec<_> = own.iter().map(|path| ((*path).to_owned(), acme.ask(server, path))).collect();
    all.extend(public);
    all.extend(operators.map(|path| (path.clone(), operator.ask(server, &path))));
    all.extend(internal.map(|(path, curl)| (path.to_owned(), curl)));
    all.into_iter().map(|(path, curl)| (path, curl.send().expect(200).body)).collect()
}

fn run_logging(filter: &str) {
    let collector = Collector::start();
    let nps = Nps::well();
    let toml = format!(
        "[traces]\notlp_endpoint = {:?}\n[log]\nformat = \"json\"\nfilter = {filter:?}\n",
        collector.endpoint()
    );
    let mut server = Forger::server_with(Settings { toml });
    let (mut secrets, operator, acme) = use_them_all(&server, &nps);
    let walk = Phone::near(&server, MAC).with(&["--serial", SERIAL]).power_on();
    assert_eq!(walk.states().len(), 3, "{walk:?}");
    secrets.keep_token("a report token", &report_token(&server));
    for (path, answer) in answers(&server, &operator, &acme) {
        secrets.assert_absent_from(&path, answer.as_bytes());
    }
    for printed in [&walk.printed, &walk.complaints, &walk_for_people(&server)] {
        secrets.assert_absent_from("what the phone prints", printed.as_bytes());
    }
    assert!(server.stop().success());

    let log = server.log();
    for word in [&acme.id, MAC, &format!("\"level\":\"{}\"", filter.to_uppercase())] {
        assert!(log.contains(word), "it is logged what happened; {word} is missing");
    }
    secrets.assert_absent_from("the log", log.as_bytes());
    assert!(collector.text().contains("phone.ask"), "it is traced what happened");
    secrets.assert_absent_from("the traces", collector.text().as_bytes());

    secrets.assert_absent_from_what_is_stored_by(&server);
}

/// What the phone prints where a person reads it.
fn walk_for_people(server: &Server) -> String {
    let (url, ca) = (&server.https, server.ca().display().to_string());
    let words = ["phone", "--mac", MAC, "--serial", SERIAL, "--activate", url, "--ca", &ca];
    let output = Command::new(dialtone()).args(words).output().expect("the phone runs");
    assert!(output.status.success(), "{output:?}");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

#[test]
fn no_secret_is_where_it_does_not_belong_at_debug() {
    run_logging("debug");
}

#[test]
fn no_secret_is_where_it_does_not_belong_at_trace() {
    run_logging("trace");
}

#[test]
fn a_crash_leaves_no_secret_behind() {
    let server = Forger::server_with(Settings::default());
    let (secrets, ..) = use_them_all(&server, &Nps::well());
    // The files as they are in the middle of the work, the databases' journals among them.
    let places = secrets.assert_absent_from_what_is_stored_by(&server);
    let is_expected = |place: &PathBuf| match Combination::of_this_run().database {
        Database::Sqlite => place.to_string_lossy().ends_with("accounts.db-wal"),
        Database::Postgres => place.ends_with("dump of accounts"),
    };
    assert!(places.iter().any(is_expected), "{places:?}");
}

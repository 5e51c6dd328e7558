//! A whole run with secrets of every kind, after which none of them is where it does not belong.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Collector, Curl, Login, Nps, Phone, Provider, Server, Settings, dialtone};

const MAC: &str = "00562b043615";
const KEY: &str = "profilekey4711";
const PASSWORD: &str = "profilepassword4711";
const CODE: &str = "5414011256173816";
const CODE_AS_TYPED: &str = "5414-0112-5617-3816";

/// What must not be seen, by what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, secret: &str) {
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
            let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            let around = |at: usize| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..at]).into_owned();
            assert!(at.is_none(), "{what} is in {place}, after: {}", at.map(around).unwrap_or_default());
        }
    }
}

/// The token with which this phone may report.
fn report_token(server: &Server) -> String {
    let profile = server.ask(&format!("/{MAC}.cfg")).send().expect(200).body;
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
    acme.profile(server, "main", &rule);
    acme.register(server, MAC, "main", &json!({})).expect(201);
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
    (secrets, operator, acme)
}

fn log_in_wrongly(server: &Server, login: &Login, secrets: &mut Secrets) {
    // One letter off: almost right is a secret too.
    let wrong = format!("{}0", &login.client_secret[..login.client_secret.len() - 1]);
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
    let own = ["/v1/profiles", &profile, "/v1/devices", &device, &state, &timeline];
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
    let mut server = Server::start_with(Settings { toml });
    let (mut secrets, operator, acme) = use_them_all(&server, &nps);
    let walk = Phone::near(&server, MAC).power_on();
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
    for word in [&acme.login.client_id, MAC, &format!("\"level\":\"{}\"", filter.to_uppercase())] {
        assert!(log.contains(word), "it is logged what happened; {word} is missing");
    }
    secrets.assert_absent_from("the log", log.as_bytes());
    assert!(collector.text().contains("phone.ask"), "it is traced what happened");
    secrets.assert_absent_from("the traces", collector.text().as_bytes());

    // Phones are given the provider's key and password, so that these are kept; and nothing else is.
    secrets.0.retain(|(_, secret)| secret != KEY && secret != PASSWORD);
    let files = files_in(&server.data());
    assert!(files.iter().any(|file| file.ends_with("databases/accounts.db")), "{files:?}");
    for file in files {
        secrets.assert_absent_from(&file.display().to_string(), &std::fs::read(&file).expect("a file"));
    }
}

/// What the phone prints where a person reads it.
fn walk_for_people(server: &Server) -> String {
    let (url, ca) = (&server.https, server.ca().display().to_string());
    let words = ["phone", "--mac", MAC, "--activate", url, "--ca", &ca];
    let output = Command::new(dialtone()).args(words).output().expect("the phone runs");
    assert!(output.status.success(), "{output:?}");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_in(folder)));
    files
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
fn a_crash_leaves_no_client_secret_behind() {
    let server = Server::start();
    let (mut secrets, ..) = use_them_all(&server, &Nps::well());
    secrets.0.retain(|(_, secret)| secret != KEY && secret != PASSWORD);
    // The files as they are in the middle of the work, the databases' journals among them.
    let files = files_in(&server.data());
    assert!(files.iter().any(|file| file.to_string_lossy().ends_with("-wal")), "{files:?}");
    for file in files {
        secrets.assert_absent_from(&file.display().to_string(), &std::fs::read(&file).expect("a file"));
    }
}

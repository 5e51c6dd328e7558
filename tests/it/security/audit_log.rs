//! Who did what: written with the change itself, shown to the tenant it concerns, and kept as it was written.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Combination, Curl, Database, Login, Person, Provider, Server, from_now};

const MAC: &str = "00562b043615";
const OTHER: &str = "00562b043616";
const HELD: &str = "00562b043617";
const PASSWORD: &str = "a password of twenty";
const RULE: &str = "https://nps.example/$MA.xml";

/// Everybody who does something.
struct Stage {
    server: Server,
    operator: Login,
    acme: Provider,
    stranger: Provider,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let operator = server.operator();
        let acme = Provider::made_by(&server, &operator, "acme");
        let stranger = Provider::made_by(&server, &operator, "stranger");
        stranger.profile(&server, "main", RULE);
        Self { server, operator, acme, stranger }
    }

    /// Asks for it, and gives what is answered.
    fn does(&self, login: &Login, what: &str, body: &Value) -> Value {
        let (method, path) = what.split_once(' ').expect("a method and a path");
        let answer = login.ask(&self.server, path).method(method).json(&body.to_string()).send();
        assert!((200..300).contains(&answer.status), "{what}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// What acme does, in the words of the audit log, newest last.
    fn does_everything(&self) -> Vec<&'static str> {
        let acme = |what: &str, body: Value| self.does(&self.acme.login, what, &body);
        let id = |value: &Value, place: &str| value.pointer(place).and_then(Value::as_str).expect("an id").to_owned();
        let profile = id(&acme("POST /v1/profiles", json!({ "name": "main", "profile_rule": RULE })), "/id");
        let spare = id(&acme("POST /v1/profiles", json!({ "name": "spare", "profile_rule": RULE })), "/id");
        let spare = format!("/v1/profiles/{spare}");
        acme(&format!("PUT {spare}"), json!({ "name": "spare", "profile_rule": "https://other.example/" }));
        acme(&format!("DELETE {spare}"), json!({}));
        acme("PUT /v1/policy", json!({ "expired_certificates": "refuse", "release_unseen_days": 90 }));

        let device = format!("/v1/devices/{MAC}");
        acme(&format!("PUT {device}"), json!({ "profile": "main" }));
        acme(&format!("PUT {device}/key"), json!({ "format": "aes128gcm" }));
        acme(&format!("DELETE {device}/key"), json!({}));
        acme(&format!("POST {device}/timeline"), json!({ "event": "provisioned_by_dhcp" }));
        acme(&format!("DELETE {device}"), json!({}));
        let window = json!({ "first": MAC, "last": MAC, "profile": "main", "until": from_now("+1 day") });
        let window = id(&acme("POST /v1/windows", window), "/id");
        acme(&format!("DELETE /v1/windows/{window}"), json!({}));

        let code = json!({ "kind": "directory", "digits": "900001", "profile": profile });
        let code = format!("/v1/codes/{}", id(&acme("POST /v1/codes", code), "/id"));
        acme(&format!("PATCH {code}"), json!({ "limits": { "registered_only": true } }));
        acme(&format!("DELETE {code}"), json!({}));
        acme("POST /v1/codes", json!({ "kind": "personal", "profile": profile }));

        let client = id(&acme("POST /v1/clients", json!({ "name": "sync", "role": "engineer" })), "/client/id");
        acme(&format!("POST /v1/clients/{client}/secrets"), json!({}));
        acme(&format!("DELETE /v1/clients/{client}"), json!({}));
        let jo = Person::invited(&self.server, &self.acme.login, ("jo@example.org", "owner"), PASSWORD);
        acme(&format!("PATCH /v1/people/{}", jo.id), json!({ "role": "read_only" }));
        acme(&format!("DELETE /v1/people/{}", jo.id), json!({}));
        acme("POST /v1/tenants", json!({ "name": "site", "kind": "site" }));
        vec![
            "profile.create",
            "profile.create",
            "profile.replace",
            "profile.delete",
            "provider.policy",
            "device.put",
            "device.key",
            "device.key",
            "device.state",
            "device.release",
            "window.open",
            "window.close",
            "code.create",
            "code.change",
            "code.revoke",
            "code.create_personal",
            "client.create",
            "client.rotate",
            "client.revoke",
            "person.invite",
            "person.accept",
            "person.change",
            "person.remove",
        ]
    }
}

/// The acts of a page.
fn acts(page: &Value) -> Vec<Value> {
    page["acts"].as_array().expect("acts").clone()
}

/// How often each verb is among them.
fn verbs<'a>(verbs: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for verb in verbs {
        *counted.entry(verb.to_owned()).or_default() += 1;
    }
    counted
}

fn verb(act: &Value) -> &str {
    act["verb"].as_str().expect("a verb")
}

#[test]
fn every_change_is_seen_by_whom_it_concerns_and_by_nobody_else() {
    let stage = Stage::new();
    let Stage { server, operator, acme, stranger } = &stage;
    let wanted = stage.does_everything();
    let seen = acts(&acme.ask(server, "/v1/audit?limit=1000").send().expect(200).json());
    let own: Vec<_> = seen.iter().filter(|act| act["subject"] == acme.login.client_id.as_str()).collect();
    let accepted = seen.iter().filter(|act| verb(act) == "person.accept");
    assert_eq!(verbs(own.iter().copied().chain(accepted).map(verb)), verbs(wanted));
    for act in &own {
        assert_eq!((&act["tenant"], &act["subject_tenant"]), (&json!(acme.id), &json!(acme.id)), "{act}");
        assert_eq!(act["source"], "127.0.0.1", "{act}");
        assert_eq!(act["request_id"].as_str().map(str::len), Some(16), "{act}");
    }
    // What the operator did to it concerns it too.
    let made = seen.last().expect("an act");
    assert_eq!((verb(made), &made["target"]), ("tenant.create", &json!(acme.id)), "the oldest comes last");

    let strangers = stranger.ask(server, "/v1/audit?limit=1000").send().expect(200);
    for word in [&acme.id, &acme.login.client_id, MAC, "jo@example.org"] {
        assert!(!strangers.body.contains(word), "{word}: {strangers:?}");
    }
    let theirs = verbs(acts(&strangers.json()).iter().map(verb));
    assert_eq!(theirs, verbs(["tenant.create", "client.create", "profile.create"]));

    // Of a transfer, both learn, and the claimant not from whom.
    stage.does(&acme.login, &format!("PUT /v1/devices/{OTHER}"), &json!({ "profile": "main" }));
    let wish = json!({ "mac": OTHER, "profile": "main", "statement": "bought" });
    let transfer = stage.does(&stranger.login, "POST /v1/transfers", &wish);
    let decision = format!("/v1/transfers/{}/decision", transfer["id"].as_str().expect("an id"));
    stage.does(&acme.login, &format!("PUT {decision}"), &json!({ "decision": "agree" }));
    let told = |tenant: &Provider| tenant.ask(server, "/v1/audit?verb=transfer.").send().expect(200);
    assert!(!acts(&told(acme).json()).is_empty() && !acts(&told(stranger).json()).is_empty());
    assert!(!told(stranger).body.contains(&acme.id), "{:?}", told(stranger));

    // The operator's own acts, which it sees with everybody else's.
    stage.does(operator, "PUT /v1/claim-rules", &json!({ "prefix": "fc0000/24", "proof": "open" }));
    stage.does(operator, "DELETE /v1/claim-rules?prefix=fc0000/24", &json!({}));
    stage.does(operator, "PUT /v1/holds", &json!({ "macs": [HELD], "on_hold": true }));
    stage.does(operator, "PUT /v1/holds", &json!({ "macs": [HELD], "on_hold": false }));
    stage.does(operator, "POST /v1/manifest", &json!([{ "mac": "fc0000000001" }]));
    stage.does(operator, "POST /v1/keys/rotation", &json!({}));
    operator.freeze(server, &stranger.id, true).expect(200);
    operator.freeze(server, &stranger.id, false).expect(200);
    let all = acts(&operator.ask(server, "/v1/audit?limit=1000").send().expect(200).json());
    let all = verbs(all.iter().map(verb));
    let operators =
        ["claim_rule.put", "claim_rule.delete", "device.hold", "device.unhold", "manifest.import", "key.rotate"];
    for verb in operators.iter().chain(["tenant.freeze", "tenant.thaw", "profile.create"].iter()) {
        assert!(all.contains_key(*verb), "{verb} is not in {all:?}");
    }
    let own = acts(&acme.ask(server, "/v1/audit?limit=1000").send().expect(200).json());
    assert!(!own.iter().any(|act| operators.contains(&verb(act))), "{own:?}");
}

#[test]
fn the_log_is_read_page_by_page_searched_and_exported() {
    let stage = Stage::new();
    let Stage { server, acme, .. } = &stage;
    stage.does_everything();
    let ask = |query: &str| acme.ask(server, &format!("/v1/audit{query}")).send().expect(200);
    let all = acts(&ask("?limit=1000").json());

    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(&format!("?limit=7&cursor={cursor}")).json();
        paged.extend(acts(&page));
        let Some(next) = page["next"].as_str() else { break };
        cursor = next.to_owned();
        assert!(paged.len() <= all.len(), "it has an end");
    }
    assert_eq!(paged, all, "each comes once, in the same order");
    let times: Vec<_> = all.iter().map(|act| act["at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "newest first: {times:?}");

    let only = |query: &str| acts(&ask(query).json()).iter().map(|act| verb(act).to_owned()).collect::<Vec<_>>();
    assert_eq!(only("?verb=device."), ["device.release", "device.state", "device.key", "device.key", "device.put"]);
    assert_eq!(only(&format!("?target={MAC}&verb=device.put")), ["device.put"]);
    assert_eq!(only(&format!("?subject=cli_{}", "0".repeat(20))), Vec::<String>::new());
    let middle = times[times.len() / 2];
    let (before, after) = (only(&format!("?until={middle}")), only(&format!("?from={middle}")));
    assert_eq!(before.len() + after.len(), all.len(), "from takes the moment in, until leaves it out");
    for wrong in ["?from=yesterday", "?cursor=x", "?format=xml", "?verbs=device."] {
        acme.ask(server, &format!("/v1/audit{wrong}")).send().problem(400, "invalid_query");
    }

    let csv = ask("?format=csv&verb=device.");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(csv.body.starts_with("service,number,at,tenant,subject,"), "{}", csv.body);
    assert_eq!(csv.body.matches("\r\n").count(), 6);
    assert_eq!(acme.ask(server, "/v1/audit?verb=device.").header("Accept: text/csv").send().expect(200).body, csv.body);
    let lines = ask("?format=jsonl").body;
    let exported: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(exported, all);
}

/// The triggers that forbid it are taken away first, as whoever has the file can.
fn tamper(server: &Server, service: &str, statement: &str) {
    if Combination::of_this_run().database == Database::Postgres {
        let statement = statement.replace("randomblob(32)", "sha256('random')");
        let [off, on] = ["DISABLE", "ENABLE"].map(|word| format!("ALTER TABLE act {word} TRIGGER USER"));
        server.sql(service, &format!("{off}; {statement}; {on}"));
        return;
    }
    let triggers = "DROP TRIGGER act_keeps_its_rows; DROP TRIGGER act_loses_no_row;";
    let kept = server.sql(service, "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'act'");
    server.sql(service, &format!("{triggers} {statement}; {kept}"));
}

#[test]
fn what_was_written_cannot_be_changed_unseen() {
    let stage = Stage::new();
    stage.does_everything();
    let Stage { mut server, acme, .. } = stage;
    // A running server does not stand in the way.
    let anchors = server.command(&["audit", "verify"]);
    let anchor = |service: &str| {
        let line = anchors.lines().find(|line| line.starts_with(&format!("{service}="))).expect("an anchor");
        line.to_owned()
    };
    assert_eq!(anchors.lines().count(), 4, "{anchors}");
    let redirection = anchor("redirection");
    let (_, head) = redirection.split_once('=').expect("a service");
    let (count, _) = head.split_once(':').expect("a number and a hash");
    assert_eq!(server.sql("redirection", "SELECT count(*) FROM act"), count);
    assert!(server.stop().success());

    let edited = server.try_sql("redirection", "UPDATE act SET target = '' WHERE number = 3");
    assert!(edited.as_ref().is_err_and(|said| said.contains("append-only")), "{edited:?}");

    // Each on a copy of the databases as they were.
    let saved = server.save_databases();
    let verified_after = |statement: &str, words: &[&str]| {
        server.take_over_databases(&saved);
        tamper(&server, "redirection", statement);
        server.try_command(&[&["audit", "verify"], words].concat())
    };
    let broken = |statement: &str, words: &[&str]| verified_after(statement, words).expect_err(statement);
    for (statement, number) in [
        ("UPDATE act SET subject = 'cli_00000000000000000000' WHERE number = 3", 3),
        ("UPDATE act SET detail = '{}' WHERE number = 4", 4),
        ("UPDATE act SET at = at + 1 WHERE number = 2", 2),
        ("DELETE FROM act WHERE number = 5", 5),
        ("UPDATE act SET hash = randomblob(32) WHERE number = 6", 6),
    ] {
        let said = broken(statement, &[]);
        assert!(said.contains(&format!("redirection: BROKEN: act {number}: ")), "{statement}: {said}");
        assert!(said.contains(&anchor("accounts")), "the others are whole: {said}");
    }
    // A tail that is cut off can only be missed by who remembers it.
    let cut = format!("DELETE FROM act WHERE number = {count}");
    verified_after(&cut, &[]).expect("a shorter chain is a chain");
    let said = broken(&cut, &["--anchor", &anchor("redirection")]);
    assert!(said.contains(&format!("redirection: BROKEN: act {count}: the log ends before it")), "{said}");

    server.take_over_databases(&saved);
    assert_eq!(server.command(&["audit", "verify", "--anchor", &anchor("redirection")]), anchors);
    let server = server.again();
    acme.ask(&server, "/v1/audit").send().expect(200);
    // More was done since, on the same chain.
    acme.ask(&server, &format!("/v1/devices/{MAC}")).method("PUT").json(r#"{"profile":"main"}"#).send().expect(201);
    let longer = server.command(&["audit", "verify", "--anchor", &anchor("redirection")]);
    assert_ne!(longer, anchors);
}

#[test]
fn a_change_that_did_not_happen_is_not_in_the_log() {
    let stage = Stage::new();
    let Stage { server, acme, .. } = &stage;
    acme.profile(server, "main", RULE);
    let before = acme.ask(server, "/v1/audit").send().expect(200).body;
    let refused: [Curl; 4] = [
        acme.ask(server, &format!("/v1/devices/{MAC}")).method("DELETE"),
        acme.ask(server, &format!("/v1/devices/{MAC}")).method("PUT").json(r#"{"profile":"none"}"#),
        acme.ask(server, "/v1/profiles").json(r#"{"name":"main","profile_rule":"/a"}"#),
        acme.ask(server, "/v1/claim-rules").method("PUT").json(r#"{"prefix":"00/0","proof":"open"}"#),
    ];
    for curl in refused {
        assert!(curl.send().status >= 400);
    }
    assert_eq!(acme.ask(server, "/v1/audit").send().expect(200).body, before);
}

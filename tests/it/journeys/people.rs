//! People and programs log in: invitations, passwords, second factors, secrets that change, keys that change.

use serde_json::json;

use crate::support::{Answer, Authenticator, Login, Person, Provider, Server, eventually};

const PASSWORD: &str = "a password of twenty";
/// At once, from one network, at one account.
const WRONG_TRIES: usize = 10;

#[test]
fn a_person_is_invited_logs_in_and_leaves() {
    let server = Server::start();
    let acme = server.provider("acme");
    let wish = r#"{"email":"Jo@Example.org","role":"engineer"}"#;
    let made = acme.ask(&server, "/v1/people").json(wish).send().expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!((&made["person"]["active"], &made["person"]["role"]), (&json!(false), &json!("engineer")));
    acme.ask(&server, "/v1/people").json(&wish.to_lowercase()).send().problem(409, "email_taken");

    let accept = |invitation: &str, password: &str| {
        let body = json!({ "invitation": invitation, "password": password }).to_string();
        server.ask("/v1/invitations").json(&body).send()
    };
    let invitation = made["invitation"].as_str().expect("an invitation");
    accept(invitation, "too short").problem(400, "password_invalid");
    let one_off = format!("{}A", &invitation[..invitation.len() - 1]);
    accept(&one_off, PASSWORD).problem(404, "invitation_not_found");
    accept(invitation, PASSWORD).expect(200);
    accept(invitation, "another password").problem(404, "invitation_not_found");

    let id = made["person"]["id"].as_str().expect("an id").to_owned();
    let jo = Person { id, email: "jo@example.org".to_owned(), password: PASSWORD.to_owned() };
    let token = jo.token(&server);
    let ask = |path: &str| server.ask(path).header(&format!("Authorization: Bearer {token}"));
    let me = ask("/v1/me").send().expect(200).json();
    assert_eq!((&me["subject"], &me["tenant"]["id"]), (&json!(jo.id), &json!(acme.id)));
    // An engineer lets nobody in.
    ask("/v1/people").json(r#"{"email":"a@example.org","role":"owner"}"#).send().problem(403, "scope_missing");

    let change = |from: &str, to: &str| {
        let body = json!({ "password": from, "new_password": to }).to_string();
        ask("/v1/me/password").method("PUT").json(&body).send()
    };
    change("not the password", "another password").problem(403, "password_wrong");
    change(PASSWORD, "another password").expect(204);
    jo.attempt(&server, PASSWORD, "").problem(401, "invalid_login");
    jo.attempt(&server, "another password", "").expect(200);

    let path = format!("/v1/people/{}", jo.id);
    acme.ask(&server, &path).method("DELETE").send().expect(204);
    ask("/v1/me").send().expect(401);
    jo.attempt(&server, "another password", "").problem(401, "invalid_login");
}

/// A person with a second factor; and its token.
fn with_second_factor(server: &Server, acme: &Provider) -> (Person, Authenticator) {
    let jo = Person::invited(server, &acme.login, ("jo@example.org", "owner"), PASSWORD);
    let bearer = format!("Authorization: Bearer {}", jo.token(server));
    let totp = |body: serde_json::Value| server.ask("/v1/me/totp").header(&bearer).json(&body.to_string());
    totp(json!({ "password": "not the password" })).send().problem(403, "password_wrong");
    let shown = totp(json!({ "password": PASSWORD })).send().expect(201).json();
    let authenticator = Authenticator { secret: shown["secret"].as_str().expect("a secret").to_owned() };
    let uri = shown["uri"].as_str().expect("an address");
    assert!(uri.starts_with("otpauth://totp/Dialtone:") && uri.contains(&authenticator.secret), "{uri}");
    // Not asked for before it is confirmed: a mistyped secret must not lock anybody out.
    jo.attempt(server, PASSWORD, "").expect(200);
    totp(json!({ "code": "000000" })).method("PUT").send().problem(400, "totp_wrong");
    // The code before the present one, so that the present one is still fresh afterwards.
    let confirmed = authenticator.confirm(|code| totp(json!({ "code": code })).method("PUT").send()).expect(200).json();
    assert_eq!(confirmed["totp"], true);
    (jo, authenticator)
}

#[test]
fn a_second_factor_is_asked_for_and_each_code_is_good_once() {
    let server = Server::start();
    let acme = server.provider("acme");
    let (jo, authenticator) = with_second_factor(&server, &acme);
    let needed = jo.attempt(&server, PASSWORD, "");
    assert_eq!((needed.status, needed.header("content-type")), (401, Some("application/problem+json")), "{needed:?}");
    assert!(needed.body.contains("totp"), "{needed:?}");
    for wrong in ["000000", "not a code"] {
        assert_eq!(jo.attempt(&server, PASSWORD, wrong).status, 401);
    }
    let code = authenticator.code(0);
    jo.attempt(&server, "not the password", &code).problem(401, "invalid_login");
    jo.attempt(&server, PASSWORD, &code).expect(200);
    let replayed = jo.attempt(&server, PASSWORD, &code);
    assert_eq!(replayed.status, 401, "a code is good once: {replayed:?}");
    jo.attempt(&server, PASSWORD, &authenticator.code(1)).expect(200);
    assert_eq!(jo.attempt(&server, PASSWORD, &authenticator.code(0)).status, 401, "nor is one from before");

    // Who has lost the phone with the authenticator asks an owner.
    let path = format!("/v1/people/{}", jo.id);
    let changed = acme.ask(&server, &path).method("PATCH").json(r#"{"remove_totp":true}"#).send().expect(200).json();
    assert_eq!(changed["person"]["totp"], false);
    jo.attempt(&server, PASSWORD, "").expect(200);
}

#[test]
fn whoever_guesses_is_slowed_and_whoever_is_guessed_at_is_not() {
    let server = Server::start();
    let acme = server.provider("acme");
    let jo = Person::invited(&server, &acme.login, ("jo@example.org", "owner"), PASSWORD);
    let from = |address: &str, password: &str| jo.attempt_from(&server, address, (password, "")).send();
    // Where jo works.
    from("127.0.7.1", PASSWORD).expect(200);

    for _ in 0..WRONG_TRIES {
        from("127.0.9.9", "not the password").problem(401, "invalid_login");
    }
    let slowed = from("127.0.9.9", "not the password");
    slowed.problem(429, "too_many_attempts");
    let wait: u64 = slowed.header("retry-after").and_then(|text| text.parse().ok()).expect("how long to wait");
    assert!((1..=300).contains(&wait), "{slowed:?}");
    // Not even the right password is looked at, from no address of that network.
    from("127.0.9.10", PASSWORD).problem(429, "too_many_attempts");
    from("127.0.7.2", PASSWORD).expect(200);

    // Somebody with many networks: the account is slowed for strangers, and jo still works.
    let many: Vec<Answer> = (10..20)
        .flat_map(|network| (0..5).map(move |_| format!("127.0.{network}.1")))
        .map(|address| from(&address, "not the password"))
        .collect();
    assert!(many.iter().any(|answer| answer.status == 429), "the account's own budget is used up");
    from("127.0.30.1", PASSWORD).problem(429, "too_many_attempts");
    from("127.0.7.3", PASSWORD).expect(200);
    // An account that is none is slowed alike.
    let nobody = Person { email: "nobody@example.org".to_owned(), ..jo.clone() };
    let statuses: Vec<u16> = (0..=WRONG_TRIES)
        .map(|_| nobody.attempt_from(&server, "127.0.40.1", ("not the password", "")).send().status)
        .collect();
    assert_eq!(statuses, [vec![401; WRONG_TRIES], vec![429]].concat());
}

/// The attempt of a program to get a token.
fn log_in(server: &Server, id: &str, secret: &str) -> Answer {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    server.ask("/v1/token").form(&form).send()
}

#[test]
fn a_programs_secret_is_changed_with_an_overlap_and_revoked_at_once() {
    let server = Server::start();
    let acme = server.provider("acme");
    let sync = acme.login.client(&server, &json!({ "name": "sync", "role": "owner", "scopes": ["devices:read"] }));
    sync.ask(&server, "/v1/profiles").send().problem(403, "scope_missing");
    let rotate = |overlap: u64| {
        let path = format!("/v1/clients/{}/secrets", sync.client_id);
        let made = acme.ask(&server, &path).json(&json!({ "overlap_seconds": overlap }).to_string()).send();
        made.expect(201).json()["secret"]["client_secret"].as_str().expect("a secret").to_owned()
    };
    let next = rotate(3600);
    for secret in [&sync.client_secret, &next] {
        log_in(&server, &sync.client_id, secret).expect(200);
    }
    let last = rotate(0);
    for secret in [&sync.client_secret, &next] {
        log_in(&server, &sync.client_id, secret).problem(401, "invalid_client");
    }
    log_in(&server, &sync.client_id, &last).expect(200);
    let shown = acme.ask(&server, "/v1/clients").send().expect(200);
    assert!(![&sync.client_secret, &next, &last].iter().any(|secret| shown.body.contains(*secret)), "{shown:?}");

    // Its token was good for 15 minutes.
    sync.ask(&server, "/v1/devices").send().expect(200);
    let path = format!("/v1/clients/{}", sync.client_id);
    acme.ask(&server, &path).method("DELETE").send().expect(204);
    sync.ask(&server, "/v1/devices").send().expect(401);
    log_in(&server, &sync.client_id, &last).problem(401, "invalid_client");
}

#[test]
fn a_client_of_few_scopes_gives_nobody_more() {
    let server = Server::start();
    let acme = server.provider("acme");
    let scopes = ["clients:write", "people:write", "tenants:write"];
    let narrow = acme.login.client(&server, &json!({ "name": "narrow", "role": "owner", "scopes": scopes }));
    let wishes = [
        ("/v1/clients", json!({ "name": "wide", "role": "owner" })),
        ("/v1/people", json!({ "email": "wide@example.org", "role": "owner" })),
        ("/v1/tenants", json!({ "name": "wide", "kind": "site", "with_client": true })),
    ];
    for (path, wish) in wishes {
        narrow.ask(&server, path).json(&wish.to_string()).send().problem(403, "scope_not_yours");
    }
    // Nor does it take over somebody who has more.
    let rotate = format!("/v1/clients/{}/secrets", acme.login.client_id);
    narrow.ask(&server, &rotate).json("{}").send().problem(403, "scope_not_yours");
    let jo = Person::invited(&server, &acme.login, ("jo@example.org", "owner"), PASSWORD);
    let again = format!("/v1/people/{}", jo.id);
    let invited = narrow.ask(&server, &again).method("PATCH").json(r#"{"invite_again":true}"#).send();
    invited.problem(403, "scope_not_yours");
    narrow.ask(&server, "/v1/tenants").json(r#"{"name":"site","kind":"site"}"#).send().expect(201);
}

#[test]
fn keys_change_under_way_and_no_request_is_refused() {
    let server = Server::start();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    let keys = || {
        let jwks = server.ask("/.well-known/jwks.json").send().expect(200).json();
        let names = jwks["keys"].as_array().expect("keys").iter();
        names.map(|key| key["kid"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let before = keys();
    let asked = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let ask = |_| {
                        acme.ask(&server, "/v1/devices").send().expect(200);
                        let Login { client_id, client_secret, .. } = &acme.login;
                        let fresh = Login::with(&server, client_id, client_secret);
                        fresh.ask(&server, "/v1/devices").send().expect(200);
                    };
                    (0..15).map(ask).count()
                })
            })
            .collect();
        for _ in 0..3 {
            operator.ask(&server, "/v1/keys/rotation").method("POST").send().expect(201);
        }
        asking.into_iter().map(|thread| thread.join().expect("no refusal")).sum::<usize>()
    });
    assert_eq!(asked, 30);
    let after = keys();
    assert_eq!((after.len(), after.contains(&before[0])), (before.len() + 3, true), "the old key is still good");
    // The new keys are published before they sign, and outlive the process.
    let server = server.restart();
    acme.ask(&server, "/v1/devices").send().expect(200);
    eventually("the keys are published", || {
        let jwks = server.ask("/.well-known/jwks.json").send().expect(200).json();
        (jwks["keys"].as_array().map(Vec::len) == Some(after.len())).then_some(())
    });
    acme.ask(&server, "/v1/keys/rotation").method("POST").send().problem(403, "scope_missing");
}

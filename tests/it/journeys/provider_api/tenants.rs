//! Providers beside one another: what is another's, who comes first, and what the operator stops.

use serde_json::{Value, json};

use super::told;
use crate::support::{Answer, Curl, Login, Provider, Server};

const MAC: &str = "00562b043615";

#[test]
fn anothers_phone_cannot_be_told_from_nobodys() {
    let server = Server::start();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    let globex = Provider::made_by(&server, &operator, "globex");
    for provider in [&acme, &globex] {
        provider.profile(&server, "main", "https://nps.example/$MA.xml");
    }
    acme.register(&server, MAC, "main", &json!({"note": "acme's own"})).expect(201);

    let path = |mac: &str, rest: &str| format!("/v1/devices/{mac}{rest}");
    let event = r#"{"event":"provisioned_by_dhcp"}"#;
    let ways: [&dyn Fn(&str) -> Curl; 5] = [
        &|mac| globex.ask(&server, &path(mac, "")),
        &|mac| globex.ask(&server, &path(mac, "/customization")),
        &|mac| globex.ask(&server, &path(mac, "/timeline")),
        &|mac| globex.ask(&server, &path(mac, "/timeline")).json(event),
        &|mac| globex.ask(&server, &path(mac, "")).method("DELETE"),
    ];
    for way in ways {
        let [theirs, nobodys] = [MAC, "00562b0436ff"].map(|mac| told(&way(mac).send(), 404, "unknown_device"));
        assert_eq!(theirs, nobodys);
    }
    let claimed = globex.register(&server, MAC, "main", &json!({}));
    told(&claimed, 409, "device_owned_by_other");
    for word in [acme.id.as_str(), "acme", "note"] {
        assert!(!claimed.body.contains(word), "{claimed:?}");
    }
    assert_eq!(acme.story(&server, MAC), ["associated Open>Open stated"]);

    let theirs = acme.ask(&server, "/v1/profiles").send().expect(200).json()["profiles"][0]["id"].clone();
    let theirs = format!("/v1/profiles/{}", theirs.as_str().expect("an id"));
    let body = r#"{"name":"main","profile_rule":"https://globex.example/"}"#;
    for curl in [
        globex.ask(&server, &theirs),
        globex.ask(&server, &theirs).method("PUT").json(body),
        globex.ask(&server, &theirs).method("DELETE"),
    ] {
        told(&curl.send(), 404, "unknown_profile");
    }
    told(&globex.register(&server, "00562b0436ff", &theirs[13..], &json!({})), 400, "unknown_profile");
    told(&globex.ask(&server, &format!("/v1/tenants/{}", acme.id)).send(), 404, "tenant_not_found");
}

#[test]
fn of_sixteen_providers_that_want_one_phone_one_gets_it() {
    let server = Server::start();
    let operator = server.operator();
    let providers: Vec<_> = (0..16).map(|n| Provider::made_by(&server, &operator, &format!("provider {n}"))).collect();
    for provider in &providers {
        provider.profile(&server, "main", "https://nps.example/$MA.xml");
    }
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let put = |provider| {
            let server = &server;
            scope.spawn(move || Provider::register(provider, server, MAC, "main", &json!({})))
        };
        let racing: Vec<_> = providers.iter().map(put).collect();
        racing.into_iter().map(|racer| racer.join().expect("an answer")).collect()
    });
    let winners: Vec<_> = providers.iter().zip(&answers).filter(|(_, answer)| answer.status == 201).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for (provider, answer) in providers.iter().zip(&answers) {
        let read = provider.ask(&server, &format!("/v1/devices/{MAC}")).send();
        if answer.status == 201 {
            read.expect(200);
        } else {
            told(answer, 409, "device_owned_by_other");
            told(&read, 404, "unknown_device");
        }
    }
}

#[test]
fn what_the_operator_freezes_stands_still_until_it_thaws() {
    let server = Server::start();
    let operator = server.operator();
    let acme = Provider::made_by(&server, &operator, "acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    acme.register(&server, MAC, "main", &json!({})).expect(201);
    let path = format!("/v1/tenants/{}", acme.id);
    let freeze = |frozen: bool| {
        let body = json!({ "frozen": frozen }).to_string();
        operator.ask(&server, &format!("{path}/frozen")).method("PUT").json(&body).send().expect(200).json()
    };
    let as_seen = |login: &Login| login.ask(&server, &path).send().expect(200).json()["frozen"].clone();
    let log_in = || {
        let (id, secret) = (&acme.login.client_id, &acme.login.client_secret);
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        server.ask("/v1/token").form(&form).send()
    };
    let sent_to = || server.ask_plainly(&format!("/{MAC}.cfg")).send().expect(200).body;
    assert!(sent_to().contains("nps.example"));

    for _ in 0..2 {
        assert_eq!(freeze(true)["frozen"], true);
    }
    told(&log_in(), 403, "provider_frozen");
    assert_eq!(sent_to(), "");
    assert_eq!(as_seen(&operator), json!(true));
    // The token it still has is worth nothing.
    let another = r#"{"name":"other","profile_rule":"/a"}"#;
    let asked = [
        acme.ask(&server, &path).send(),
        acme.ask(&server, &format!("/v1/devices/{MAC}")).send(),
        acme.register(&server, MAC, "main", &json!({"note": "x"})),
        acme.register(&server, "00562b0436ff", "main", &json!({})),
        acme.ask(&server, &format!("/v1/devices/{MAC}")).method("DELETE").send(),
        acme.ask(&server, "/v1/profiles").json(another).send(),
    ];
    for answer in asked {
        told(&answer, 403, "provider_frozen");
    }
    let server = &server;
    assert_eq!(freeze(false)["frozen"], false);
    log_in().expect(200);
    assert!(sent_to().contains("nps.example"));
    assert_eq!(as_seen(&acme.login), json!(false));
    acme.register(server, MAC, "main", &json!({"note": "x"})).expect(200);
}

#[test]
fn providers_are_made_and_listed_by_operators() {
    let server = Server::start();
    let operator = server.operator();
    let made = operator.ask(&server, "/v1/tenants").json(r#"{"name":"acme","with_client":true}"#).send().expect(201);
    let new = made.json();
    let id = new["tenant"]["id"].as_str().expect("an id");
    assert_eq!(made.header("location"), Some(format!("/v1/tenants/{id}").as_str()));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let secret = new["client"]["client_secret"].as_str().expect("a secret");

    for name in ["globex", "initech"] {
        Provider::made_by(&server, &operator, name);
    }
    let page = |query: &str| operator.ask(&server, &format!("/v1/tenants{query}")).send().expect(200);
    let (first, all) = (page("?limit=2").json(), page(""));
    let next = first["next"].as_str().expect("more");
    let second = page(&format!("?limit=2&after={next}")).json();
    let names = |page: &Value| {
        let providers = page["tenants"].as_array().expect("providers").iter();
        providers.map(|it| it["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let mut paged = [names(&first), names(&second)].concat();
    assert_eq!(paged, names(&all.json()));
    paged.sort();
    assert_eq!((paged, &second["next"]), (vec!["acme".into(), "globex".into(), "initech".into()], &Value::Null));
    assert!(!all.body.contains(secret), "a secret is shown once");

    let taken = operator.ask(&server, "/v1/tenants").json(r#"{"name":""}"#).send();
    assert_eq!(taken.status, 400, "{taken:?}");
    let unknown = format!("/v1/tenants/prv_{}", "z".repeat(20));
    told(&operator.ask(&server, &unknown).send(), 404, "tenant_not_found");
    let frozen = operator.ask(&server, &format!("{unknown}/frozen")).method("PUT").json(r#"{"frozen":true}"#).send();
    told(&frozen, 404, "tenant_not_found");
}

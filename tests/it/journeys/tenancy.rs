//! The trade as it works: an operator, a reseller, its providers and their sites.

use serde_json::{Value, json};

use crate::support::{Answer, Login, Person, Provider, Server};

const PASSWORD: &str = "a password of twenty";

/// Everybody in the tree, and somebody in another.
struct Tree {
    server: Server,
    operator: Login,
    reseller: Provider,
    provider: Provider,
    site: Provider,
    other_reseller: Provider,
    other: Provider,
}

impl Tree {
    fn new() -> Self {
        let server = Server::start();
        let operator = server.operator();
        let [reseller, other_reseller] =
            ["reseller", "other reseller"].map(|name| Provider::below(&server, &operator, ("reseller", name)));
        let provider = Provider::below(&server, &reseller.login, ("provider", "provider"));
        let site = Provider::below(&server, &provider.login, ("site", "site"));
        let other = Provider::below(&server, &other_reseller.login, ("provider", "provider"));
        Self { server, operator, reseller, provider, site, other_reseller, other }
    }

    /// What the phone is told over plain HTTP.
    fn told(&self, mac: &str) -> String {
        self.server.ask_plainly(&format!("/{mac}.cfg")).send().expect(200).body
    }

    /// Hands phones of `from` over, by `by`.
    fn hand_over(&self, by: &Login, from: &str, body: &Value) -> Answer {
        by.ask_for(&self.server, from, "/v1/devices/move").json(&body.to_string()).send()
    }
}

/// The ids in a list of tenants.
fn ids(answer: &Answer) -> Vec<String> {
    let page = answer.json();
    let tenants = page["tenants"].as_array().expect("tenants").iter();
    let mut ids: Vec<_> = tenants.map(|tenant| tenant["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn mac(number: u32) -> String {
    format!("00562b{number:06x}")
}

#[test]
fn whoever_stands_above_sees_and_acts_for_those_below_and_only_those() {
    let tree = Tree::new();
    let Tree { server, reseller, provider, site, other, .. } = &tree;
    let seen = |login: &Login| ids(&login.ask(server, "/v1/tenants").send().expect(200));
    let mut below = vec![provider.id.clone(), site.id.clone()];
    below.sort();
    assert_eq!(seen(&reseller.login), below);
    assert_eq!(seen(&provider.login), std::slice::from_ref(&site.id));
    assert_eq!(seen(&site.login), Vec::<String>::new());
    assert_eq!(seen(&tree.operator).len(), 5, "the operator sees everybody");

    provider.profile(server, "main", "https://nps.example/$MA.xml");
    let put = |login: &Login, tenant: &str, mac: &str| {
        let curl = login.ask_for(server, tenant, &format!("/v1/devices/{mac}")).method("PUT");
        curl.json(r#"{"profile":"main"}"#).send()
    };
    put(&reseller.login, &provider.id, &mac(1)).expect(201);
    assert!(tree.told(&mac(1)).contains("nps.example"));
    provider.ask(server, &format!("/v1/devices/{}", mac(1))).send().expect(200);
    // Who is acted for sees who acted.
    let act = provider.ask(server, "/v1/audit?verb=device.put").send().expect(200).json()["acts"][0].take();
    assert_eq!(
        (&act["tenant"], &act["subject_tenant"], &act["subject"]),
        (&json!(provider.id), &json!(reseller.id), &json!(reseller.login.client_id))
    );

    // Neither somebody else's, nor whoever stands above, nor nobody.
    let nobody = format!("prv_{}", "z".repeat(20));
    for (login, tenant) in [
        (&reseller.login, &other.id),
        (&reseller.login, &tree.other_reseller.id),
        (&provider.login, &reseller.id),
        (&site.login, &provider.id),
        (&reseller.login, &nobody),
    ] {
        put(login, tenant, &mac(2)).problem(404, "tenant_not_found");
        let tenant = format!("/v1/tenants/{tenant}");
        login.ask(server, &tenant).send().problem(404, "tenant_not_found");
    }
    // What a reseller makes for another's provider is refused too.
    let wish = json!({ "name": "mine", "kind": "site", "parent": other.id }).to_string();
    reseller.ask(server, "/v1/tenants").json(&wish).send().problem(404, "tenant_not_found");
}

#[test]
fn a_batch_of_phones_goes_down_the_tree_in_one_call() {
    let tree = Tree::new();
    let Tree { server, reseller, provider, other, .. } = &tree;
    for (tenant, rule) in [(reseller, "stock"), (provider, "provider"), (other, "other")] {
        tenant.profile(server, "main", &format!("https://{rule}.example/$MA.xml"));
    }
    let batch: Vec<_> = (1..=20).map(mac).collect();
    for mac in &batch {
        reseller.register(server, mac, "main", &json!({})).expect(201);
    }
    assert!(tree.told(&batch[0]).contains("stock.example"));
    let to = |tenant: &str| json!({ "to_tenant": tenant, "to_profile": "main", "macs": batch });

    // Somebody else's provider is nobody below; and nobody takes what stands above.
    tree.hand_over(&reseller.login, &reseller.id, &to(&other.id)).problem(404, "tenant_not_found");
    tree.hand_over(&provider.login, &provider.id, &to(&reseller.id)).problem(404, "tenant_not_found");
    tree.hand_over(&provider.login, &reseller.id, &to(&provider.id)).problem(404, "tenant_not_found");
    // All or none: one of them is not the reseller's.
    let mut more = batch.clone();
    more.push(mac(99));
    let too_many = json!({ "to_tenant": provider.id, "to_profile": "main", "macs": more });
    let refused = tree.hand_over(&reseller.login, &reseller.id, &too_many);
    assert!(matches!(refused.status, 404 | 409), "{refused:?}");
    assert!(batch.iter().all(|mac| tree.told(mac).contains("stock.example")));

    let moved = tree.hand_over(&reseller.login, &reseller.id, &to(&provider.id)).expect(200).json();
    assert_eq!(moved["moved"], 20);
    for mac in &batch {
        assert!(tree.told(mac).contains("provider.example"), "{mac}");
        provider.ask(server, &format!("/v1/devices/{mac}")).send().expect(200);
        reseller.ask(server, &format!("/v1/devices/{mac}")).send().problem(404, "unknown_device");
    }
    // The history goes with the phone, without who had it before.
    let history = provider.ask(server, &format!("/v1/devices/{}/history", batch[0])).send().expect(200).json();
    let words = |at: usize| ["tenant", "began_by", "ended_by"].map(|name| history["ownerships"][at][name].clone());
    assert_eq!(words(0), [json!(provider.id), json!("moved"), json!(null)]);
    assert_eq!(words(1), [json!(null), json!("claimed"), json!("moved")]);
}

#[test]
fn freezing_a_reseller_stops_everything_below_it_and_thawing_brings_it_back_as_it_was() {
    let tree = Tree::new();
    let Tree { server, operator, reseller, provider, site, other, .. } = &tree;
    let frozen_itself = Provider::below(server, &reseller.login, ("provider", "frozen itself"));
    let tenants = [(provider, 1), (site, 2), (&frozen_itself, 3), (other, 4)];
    for (tenant, number) in tenants {
        let profile = tenant.profile(server, "main", "https://nps.example/$MA.xml");
        tenant.register(server, &mac(number), "main", &json!({})).expect(201);
        let digits = format!("9000000{number}");
        let code = json!({ "kind": "directory", "digits": digits, "profile": profile }).to_string();
        tenant.ask(server, "/v1/codes").json(&code).send().expect(201);
    }
    let person = Person::invited(server, &provider.login, ("jo@example.org", "engineer"), PASSWORD);
    let person_token = person.token(server);
    operator.freeze(server, &frozen_itself.id, true).expect(200);

    // What each of them can do: its token, its login, its phone, its code.
    let can = |tenant: &Provider, number: u32, fresh: u32| {
        let (id, secret) = (&tenant.login.client_id, &tenant.login.client_secret);
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let code = json!({ "code": format!("9000000{number}"), "mac": mac(fresh) }).to_string();
        [
            tenant.ask(server, "/v1/devices").send().status == 200,
            server.ask("/v1/token").form(&form).send().status == 200,
            !tree.told(&mac(number)).is_empty(),
            server.ask("/activate").json(&code).send().status == 200,
        ]
    };
    let all = |fresh: u32| tenants.map(|(tenant, number)| can(tenant, number, fresh + number));
    let (everything, nothing) = ([true; 4], [false; 4]);
    assert_eq!(all(0x100), [everything, everything, nothing, everything]);

    operator.freeze(server, &reseller.id, true).expect(200);
    // At once: the answer to the freezing comes when it holds.
    assert_eq!(all(0x200), [nothing, nothing, nothing, everything]);
    person.attempt(server, PASSWORD, "").problem(403, "provider_frozen");
    let with_token = || server.ask("/v1/devices").header(&format!("Authorization: Bearer {person_token}")).send();
    with_token().problem(403, "provider_frozen");
    reseller.ask(server, "/v1/tenants").send().problem(403, "provider_frozen");
    let seen = operator.ask(server, &format!("/v1/tenants/{}", site.id)).send().expect(200).json();
    assert_eq!((&seen["frozen"], &seen["stopped"]), (&json!(false), &json!(true)));
    // To thaw one below does not help while the one above stands still.
    operator.freeze(server, &provider.id, true).expect(200);
    operator.freeze(server, &provider.id, false).expect(200);
    assert_eq!(all(0x300), [nothing, nothing, nothing, everything]);

    operator.freeze(server, &reseller.id, false).expect(200);
    assert_eq!(all(0x400), [everything, everything, nothing, everything]);
    with_token().expect(200);
    person.attempt(server, PASSWORD, "").expect(200);
    operator.freeze(server, &frozen_itself.id, false).expect(200);
    assert_eq!(all(0x500), [everything; 4]);
    reseller.login.freeze(server, &provider.id, true).problem(403, "scope_missing");
}

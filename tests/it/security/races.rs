//! What two wish for at the same moment, of the real process: one of them gets it, and everything that is said
//! afterwards agrees with it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Curl, Login, Provider, Server, Settings, eventually};

/// How often each race is run.
const RACES: u64 = 40;
/// From the answer to a freeze on, or earlier, no phone is redirected.
const AT_ONCE: Duration = Duration::from_secs(1);

fn server() -> Server {
    let toml = "[phones]\nunknown_burst = 1000000\n[log]\nformat = \"json\"\nfilter = \"info\"".to_owned();
    Server::start_with(Settings { toml })
}

/// A provider whose phones go to a place of its own.
fn provider(server: &Server, above: &Login, name: &str) -> Provider {
    let provider = Provider::made_by(server, above, name);
    provider.profile(server, "main", &rule(name));
    provider
}

fn rule(name: &str) -> String {
    format!("https://{name}.example/$MA.xml")
}

fn mac(number: u64) -> String {
    format!("{:012x}", 0x0056_2b00_0000 + number)
}

/// Makes both requests at the same moment, as far as two clients can.
fn at_once(one: Curl, other: Curl) -> [Answer; 2] {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let sent = [one, other].map(|request| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                request.send()
            })
        });
        sent.map(|answer| answer.join().expect("an answer"))
    })
}

fn put(server: &Server, provider: &Provider, mac: &str) -> Curl {
    let body = json!({"profile": "main"}).to_string();
    provider.ask(server, &format!("/v1/devices/{mac}")).method("PUT").json(&body)
}

fn release(server: &Server, provider: &Provider, mac: &str) -> Curl {
    provider.ask(server, &format!("/v1/devices/{mac}")).method("DELETE")
}

/// The name of the provider whose phone it is, by what the phone is told; empty where it is nobody's.
fn owner_by_phone(server: &Server, mac: &str) -> String {
    let body = server.ask_plainly(&format!("/{mac}.cfg")).send().expect(200).body;
    let place = body.split_once("https://").map(|(_, rest)| rest.split('.').next().expect("a name"));
    place.unwrap_or_default().to_owned()
}

/// The history as the operator reads it, oldest first, after looking whether it is whole: one owner at a time, each
/// begins when the one before has ended, and at most the last has not ended.
fn history(server: &Server, operator: &Login, mac: &str) -> Vec<(String, String)> {
    let read = operator.ask(server, &format!("/v1/devices/{mac}/history")).send().expect(200).json();
    let mut all = read["ownerships"].as_array().expect("ownerships").clone();
    all.reverse();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    for (number, one) in (1..).zip(&all) {
        assert_eq!(one["number"], number, "{all:#?}");
    }
    for pair in all.windows(2) {
        assert!(pair[0]["until"].is_string() && text(&pair[0], "until") <= text(&pair[1], "from"), "{all:#?}");
    }
    assert!(all.iter().all(|one| one["until"].is_string() == one["ended_by"].is_string()), "{all:#?}");
    all.iter().map(|one| (text(one, "tenant"), text(one, "ended_by"))).collect()
}

/// That the phone, its history and the providers' lists agree on whose it is: the provider's of that index, or nobody's.
#[track_caller]
fn assert_owned_by(owner: Option<usize>, world: (&Server, &Login), phone: (&str, &[(&str, &Provider)])) {
    let ((server, operator), (mac, providers)) = (world, phone);
    let name = owner.map_or("", |owner| providers[owner].0);
    assert_eq!(owner_by_phone(server, mac), name, "the phone's answer");
    for (place, (name, provider)) in providers.iter().enumerate() {
        let status = provider.ask(server, &format!("/v1/devices/{mac}")).send().status;
        assert_eq!(status, if owner == Some(place) { 200 } else { 404 }, "{name}");
    }
    let history = history(server, operator, mac);
    let present = history.last().filter(|(_, ended)| ended.is_empty()).map(|(tenant, _)| tenant.as_str());
    assert_eq!(present, owner.map(|owner| providers[owner].1.id.as_str()), "{history:?}");
}

#[test]
fn of_two_tenants_that_claim_a_phone_one_has_it() {
    let server = server();
    let operator = server.operator();
    let (acme, other) = (provider(&server, &operator, "acme"), provider(&server, &operator, "other"));
    let providers = [("acme", &acme), ("other", &other)];
    for number in 0..RACES {
        let mac = mac(number);
        let answers = at_once(put(&server, &acme, &mac), put(&server, &other, &mac));
        let winner = answers.iter().position(|answer| answer.status == 201).expect("one has it");
        answers[1 - winner].problem(409, "device_owned_by_other");
        assert_owned_by(Some(winner), (&server, &operator), (&mac, &providers));
        assert_eq!(history(&server, &operator, &mac).len(), 1);
    }
}

/// A phone of `owner`'s for which `claimant` has asked; the request's id.
fn asked_for(server: &Server, (owner, claimant): (&Provider, &Provider), mac: &str) -> String {
    put(server, owner, mac).send().expect(201);
    let body = json!({"mac": mac, "profile": "main", "statement": "bought second-hand"}).to_string();
    let made = claimant.ask(server, "/v1/transfers").json(&body).send().expect(201).json();
    assert_eq!(made["state"], "requested");
    made["id"].as_str().expect("an id").to_owned()
}

fn decide(server: &Server, provider: &Provider, (id, decision): (&str, &str)) -> Curl {
    let body = json!({"decision": decision}).to_string();
    provider.ask(server, &format!("/v1/transfers/{id}/decision")).method("PUT").json(&body)
}

/// The request's state as its claimant reads it.
fn state(server: &Server, claimant: &Provider, id: &str) -> String {
    let read = claimant.ask(server, "/v1/transfers?limit=1000").send().expect(200).json();
    let all = read["transfers"].as_array().expect("transfers");
    let one = all.iter().find(|one| one["id"] == id).expect("the request");
    one["state"].as_str().expect("a state").to_owned()
}

#[test]
fn an_owner_agrees_and_releases_at_once() {
    let server = server();
    let operator = server.operator();
    let (acme, other) = (provider(&server, &operator, "acme"), provider(&server, &operator, "other"));
    let providers = [("acme", &acme), ("other", &other)];
    let mut seen = Vec::new();
    for number in 0..RACES {
        let mac = mac(number);
        let id = asked_for(&server, (&acme, &other), &mac);
        let [agreed, released] = at_once(decide(&server, &acme, (&id, "agree")), release(&server, &acme, &mac));
        // The one that came second finds that the phone is no longer its own, or that nothing is to be decided.
        let statuses = (agreed.status, released.status);
        let gone_to_claimant = match statuses {
            (200, 404) => true,
            (409 | 404, 204) => false,
            _ => panic!("{agreed:?} {released:?}"),
        };
        let owner = gone_to_claimant.then_some(1);
        assert_owned_by(owner, (&server, &operator), (&mac, &providers));
        assert_eq!(state(&server, &other, &id), if gone_to_claimant { "done" } else { "overtaken" });
        let ended = if gone_to_claimant { "transferred" } else { "released" };
        assert_eq!(history(&server, &operator, &mac)[0], (acme.id.clone(), ended.to_owned()));
        seen.push(statuses);
    }
    seen.sort_unstable();
    seen.dedup();
    println!("outcomes: {seen:?}");
}

#[test]
fn an_owner_agrees_while_the_claimant_takes_it_back() {
    let server = server();
    let operator = server.operator();
    let (acme, other) = (provider(&server, &operator, "acme"), provider(&server, &operator, "other"));
    let providers = [("acme", &acme), ("other", &other)];
    for number in 0..RACES {
        let mac = mac(number);
        let id = asked_for(&server, (&acme, &other), &mac);
        let answers = at_once(decide(&server, &acme, (&id, "agree")), decide(&server, &other, (&id, "cancel")));
        let won = answers.iter().position(|answer| answer.status == 200).expect("one of them is right");
        assert_eq!(answers[1 - won].status, 409, "{answers:?}");
        let (owner, wanted) = if won == 0 { (1, "done") } else { (0, "cancelled") };
        assert_owned_by(Some(owner), (&server, &operator), (&mac, &providers));
        assert_eq!(state(&server, &other, &id), wanted);
    }
}

#[test]
fn a_phone_is_moved_down_while_it_is_released() {
    let server = server();
    let operator = server.operator();
    let reseller = Provider::below(&server, &operator, ("reseller", "reseller"));
    reseller.profile(&server, "main", &rule("reseller"));
    let acme = provider(&server, &reseller.login, "acme");
    let providers = [("reseller", &reseller), ("acme", &acme)];
    for number in 0..RACES {
        let mac = mac(number);
        put(&server, &reseller, &mac).send().expect(201);
        let body = json!({"to_tenant": acme.id, "to_profile": "main", "macs": [mac]}).to_string();
        let moving = reseller.ask(&server, "/v1/devices/move").json(&body);
        let [moved, released] = at_once(moving, release(&server, &reseller, &mac));
        let is_moved = match (moved.status, released.status) {
            (200, 404) => true,
            (404 | 409, 204) => false,
            _ => panic!("{moved:?} {released:?}"),
        };
        assert_owned_by(is_moved.then_some(1), (&server, &operator), (&mac, &providers));
    }
}

/// What those who ask and the one who freezes know of each other.
#[derive(Default)]
struct Course {
    redirects: AtomicU64,
    /// The freeze was answered.
    is_frozen: AtomicBool,
    /// Redirects of questions that were put after that.
    late: AtomicU64,
    is_over: AtomicBool,
}

/// Asks as one phone after the other until it is over.
fn keep_asking(server: &Server, first: u64, course: &Course) {
    while !course.is_over.load(Ordering::SeqCst) {
        for number in 0..5 {
            let was_frozen = course.is_frozen.load(Ordering::SeqCst);
            if is_redirected(&server.ask_plainly(&format!("/{}.cfg", mac(first + number))).send()) {
                let count = if was_frozen { &course.late } else { &course.redirects };
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

fn is_redirected(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200);
    answer.body.contains("nps.example")
}

/// How long the freeze takes while phones ask; none of them is redirected once it is answered.
#[expect(clippy::disallowed_methods, reason = "the promise is in seconds of the clock")]
fn freeze_amid_questions(server: &Server, operator: &Login, (tenant, site): (&str, &Provider)) -> Duration {
    let course = Course::default();
    let time = std::thread::scope(|scope| {
        for first in [0, 5, 10, 15] {
            let course = &course;
            scope.spawn(move || keep_asking(server, first, course));
        }
        eventually("redirects", || (course.redirects.load(Ordering::SeqCst) > 20).then_some(()));
        let begun = Instant::now();
        let frozen = operator.freeze(server, tenant, true);
        course.is_frozen.store(true, Ordering::SeqCst);
        let lasted = begun.elapsed();
        let Login { client_id, client_secret, .. } = &site.login;
        let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
        let (token, devices) = (server.ask("/v1/token").form(&form).send(), site.ask(server, "/v1/devices").send());
        let ask = |number| server.ask_plainly(&format!("/{}.cfg", mac(number)));
        let after = Curl::send_all((0..20).map(ask).collect());
        course.is_over.store(true, Ordering::SeqCst);
        frozen.expect(200);
        token.problem(403, "provider_frozen");
        devices.problem(403, "provider_frozen");
        assert!(!after.iter().any(is_redirected), "{after:?}");
        lasted
    });
    assert_eq!(course.late.load(Ordering::SeqCst), 0, "redirects of questions that were put after the answer");
    time
}

#[test]
fn once_a_freeze_is_answered_no_phone_is_redirected() {
    let server = server();
    let operator = server.operator();
    let reseller = Provider::below(&server, &operator, ("reseller", "reseller"));
    let site = Provider::made_by(&server, &reseller.login, "acme");
    site.profile(&server, "main", "https://nps.example/$MA.xml");
    for number in 0..20 {
        put(&server, &site, &mac(number)).send().expect(201);
    }
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        fastest = fastest.min(freeze_amid_questions(&server, &operator, (&reseller.id, &site)));
        operator.freeze(&server, &reseller.id, false).expect(200);
        assert!(is_redirected(&server.ask_plainly(&format!("/{}.cfg", mac(7))).send()), "as it was");
        site.ask(&server, "/v1/devices").send().expect(200);
    }
    // A machine that has other things to do is not what is tested.
    assert!(fastest < AT_ONCE, "it took {fastest:?}");
}

/// Whatever order two operators' wishes are carried out in, what accounts and what redirection say is the same.
#[test]
fn a_freeze_and_a_thaw_at_once_leave_both_of_one_mind() {
    let server = server();
    let operator = server.operator();
    let reseller = Provider::below(&server, &operator, ("reseller", "reseller"));
    let acme = provider(&server, &reseller.login, "acme");
    put(&server, &acme, &mac(1)).send().expect(201);
    let set = |tenant: &str, frozen: bool| {
        let body = json!({ "frozen": frozen }).to_string();
        operator.ask(&server, &format!("/v1/tenants/{tenant}/frozen")).method("PUT").json(&body)
    };
    for number in 0..RACES {
        let other = if number % 2 == 0 { &reseller.id } else { &acme.id };
        for answer in at_once(set(&acme.id, true), set(other, number % 4 > 1)) {
            answer.expect(200);
        }
        let stopped =
            operator.ask(&server, &format!("/v1/tenants/{}", acme.id)).send().expect(200).json()["stopped"].clone();
        let is_redirected = owner_by_phone(&server, &mac(1)) == "acme";
        assert_eq!(stopped, !is_redirected, "race {number}");
        for tenant in [&reseller.id, &acme.id] {
            set(tenant, false).send().expect(200);
        }
        assert_eq!(owner_by_phone(&server, &mac(1)), "acme");
    }
}

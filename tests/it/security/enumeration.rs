//! Ten thousand addresses that are answered with nothing, each for another reason; nobody can tell which.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{Answer, Curl, Login, Provider, Server, Settings, eventually};

const RULE: &str = "https://nps.example/$MA.xml";
/// Each of these asks at every door, over both kinds of port, in both versions of HTTP.
const DOORS: [&str; 5] = [
    "/software/edos/callhome/rc?id=MAC",
    "/Cisco/MAC.cfg",
    "/MAC.cfg",
    "/MAC.xml",
    // Here the address stands in the User-Agent.
    "/7832.xml",
];
const VERSIONS: [&str; 2] = ["--http1.1", "--http2"];

/// Phones that are answered with nothing for the same reason.
struct Kind {
    name: &'static str,
    first: u64,
    count: u64,
    /// Who sees why on the timeline, and the word for it; `None` where the phones are nobody's.
    owner: Option<(Provider, &'static str)>,
}

impl Kind {
    fn macs(&self) -> impl Iterator<Item = String> {
        (self.first..self.first + self.count).map(|mac| format!("{mac:012x}"))
    }
}

/// What an answer is, but for its date: what must be the same.
type Seen = (u16, Vec<(String, String)>, String);

fn seen(answer: Answer) -> Seen {
    (answer.status, answer.headers, answer.body)
}

/// A provider with phones whose profile asks for `proof`.
fn provider_of(server: &Server, operator: &Login, (name, proof): (&'static str, &str)) -> Provider {
    let provider = Provider::made_by(server, operator, name);
    let profile = json!({"name": "main", "profile_rule": RULE, "proof": proof});
    provider.ask(server, "/v1/profiles").json(&profile.to_string()).send().expect(201);
    provider
}

fn register(server: &Server, provider: &Provider, kind: &Kind) {
    let body = json!({"profile": "main", "serial": "FCH2034D0PL"}).to_string();
    let macs: Vec<_> = kind.macs().collect();
    for some in macs.chunks(200) {
        let put = |mac: &String| provider.ask(server, &format!("/v1/devices/{mac}")).method("PUT").json(&body);
        let answers = Curl::send_all(some.iter().map(put).collect());
        assert!(answers.iter().all(|answer| answer.status == 201), "{:?}", answers.last());
    }
}

/// Registered phones that do not show what their profile asks for.
fn unproven(server: &Server, operator: &Login) -> Vec<Kind> {
    let kinds = [
        ("certificate", "no_certificate", 0x0056_2b10_0000),
        ("serial", "no_serial", 0x0056_2b20_0000),
        ("sealed", "no_key", 0x0056_2b30_0000),
    ];
    let made = kinds.map(|(proof, reason, first)| {
        let provider = provider_of(server, operator, (proof, proof));
        let kind = Kind { name: proof, first, count: 600, owner: Some((provider.clone(), reason)) };
        register(server, &provider, &kind);
        kind
    });
    made.into()
}

fn in_a_block(server: &Server, operator: &Login) -> Kind {
    let provider = provider_of(server, operator, ("block", "certificate"));
    let block = json!({"prefix": "00:56:2b:40:00:00/28", "profile": "main"}).to_string();
    operator.ask_for(server, &provider.id, "/v1/ranges").json(&block).send().expect(201);
    Kind { name: "in a block", first: 0x0056_2b40_0000, count: 1_500, owner: Some((provider, "no_certificate")) }
}

fn held(server: &Server, operator: &Login) -> Kind {
    let kind = Kind { name: "held", first: 0x0056_2b50_0000, count: 1_000, owner: None };
    let macs: Vec<_> = kind.macs().collect();
    let body = json!({"macs": macs, "on_hold": true}).to_string();
    operator.ask(server, "/v1/holds").method("PUT").json(&body).send().expect(200);
    kind
}

fn frozen(server: &Server, operator: &Login) -> Kind {
    let provider = provider_of(server, operator, ("frozen", "mac"));
    let owner = Some((provider.clone(), "provider_frozen"));
    let kind = Kind { name: "frozen", first: 0x0056_2b60_0000, count: 700, owner };
    register(server, &provider, &kind);
    operator.freeze(server, &provider.id, true).expect(200);
    kind
}

fn owned(server: &Server, operator: &Login) -> Kind {
    let provider = provider_of(server, operator, ("open", "mac"));
    let owner = Some((provider.clone(), "throttled"));
    let kind = Kind { name: "owned", first: 0x0056_2b70_0000, count: 500, owner };
    register(server, &provider, &kind);
    kind
}

fn nobodys(count: u64) -> Kind {
    Kind { name: "unknown", first: 0x0004_f2aa_0000, count, owner: None }
}

/// The question of the phone that asks as number so many: each asks in another way.
fn question(server: &Server, mac: &str, way: usize) -> Curl {
    let (door, version, tls) = (DOORS[way % 5], VERSIONS[way / 5 % 2], way / 10 % 2 == 1);
    let path = door.replace("MAC", mac);
    let curl = if tls { server.ask(&path) } else { server.ask_plainly(&path) };
    let version = if question_is_plain_http2(way) { "--http2-prior-knowledge" } else { version };
    let agent = format!("Cisco-CP-7832-3PCC/11.0.1 ({mac})");
    // The doors whose path or query names the phone must not need it.
    let agent = if door == "/7832.xml" { agent } else { "curl".to_owned() };
    curl.with(&[version, "--user-agent", &agent])
}

const fn question_is_plain_http2(way: usize) -> bool {
    way / 5 % 4 == 1
}

/// What phones were answered, with how many got it; by whether it was over TLS, and in which version.
type Answers = BTreeMap<(bool, String), BTreeMap<Seen, usize>>;

/// Asks as each phone of these kinds, once, on eight connections at a time.
fn ask_all(server: &Server, kinds: &[Kind]) -> Answers {
    let all = Mutex::new(Answers::new());
    std::thread::scope(|scope| {
        for first in 0..8 {
            let all = &all;
            scope.spawn(move || {
                for way in (first..20).step_by(8) {
                    let answers = ask_in(server, kinds, way);
                    let mut all = all.lock().expect("the answers");
                    for answer in answers {
                        let place = (way / 10 == 1, answer.version.clone());
                        *all.entry(place).or_default().entry(seen(answer)).or_default() += 1;
                    }
                }
            });
        }
    });
    all.into_inner().expect("the answers")
}

/// Of each kind every twentieth, one after the other from another kind.
fn ask_in(server: &Server, kinds: &[Kind], way: usize) -> Vec<Answer> {
    let mut macs: Vec<(u64, String)> = Vec::new();
    for kind in kinds {
        macs.extend((0..).zip(kind.macs().skip(way).step_by(20)));
    }
    macs.sort();
    let asked = |some: &[(u64, String)]| some.iter().map(|(_, mac)| question(server, mac, way)).collect();
    // curl 7.88 cannot use a connection twice on which it knows that HTTP/2 is spoken without TLS.
    let on_one_connection = if question_is_plain_http2(way) { 1 } else { 300 };
    macs.chunks(on_one_connection).flat_map(|some| Curl::send_all(asked(some))).collect()
}

#[track_caller]
fn assert_all_alike(all: &Answers, phones: usize) {
    assert_eq!(all.len(), 4, "with TLS and without, in both versions: {all:?}");
    let mut asked = 0;
    for ((tls, version), answers) in all {
        assert_eq!(answers.len(), 1, "TLS {tls}, HTTP/{version}: {answers:#?}");
        let ((status, headers, body), count) = answers.first_key_value().expect("one");
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((*status, body.as_str()), (200, ""), "{headers:?}");
        assert!(!names.contains(&"x-request-id") && names.contains(&"content-length"), "{names:?}");
        asked += count;
    }
    assert_eq!(asked, phones);
}

/// The owner of a phone of each kind sees why, if there is one. The operator reads, who may read for whoever is frozen.
fn assert_owners_see_why(server: &Server, operator: &Login, kinds: &[Kind]) {
    for kind in kinds {
        let Some((owner, reason)) = &kind.owner else { continue };
        for mac in [kind.macs().next(), kind.macs().last()].into_iter().flatten() {
            let path = format!("/v1/devices/{mac}/timeline");
            eventually(&format!("{} on the timeline of {mac} ({})", reason, kind.name), || {
                let timeline = operator.ask_for(server, &owner.id, &path).send().expect(200).json();
                let entries = timeline["entries"].as_array().cloned().unwrap_or_default();
                entries.iter().any(|entry: &Value| entry["reason"] == *reason).then_some(())
            });
        }
    }
}

#[test]
fn who_counts_through_addresses_sees_no_difference() {
    let server = Server::start_with(Settings {
        toml:
            "[phones]\nunknown_burst = 1000000\nunknown_per_second = 1000\n[log]\nformat = \"json\"\nfilter = \"info\""
                .to_owned(),
    });
    let operator = server.operator();
    let mut kinds = unproven(&server, &operator);
    kinds.extend([
        in_a_block(&server, &operator),
        held(&server, &operator),
        frozen(&server, &operator),
        nobodys(3_200),
    ]);
    assert_all_alike(&ask_all(&server, &kinds), 8_200);
    assert_owners_see_why(&server, &operator, &kinds);
}

#[test]
fn who_is_throttled_sees_no_difference_either() {
    let server = Server::start_with(Settings {
        toml: "[phones]\nunknown_burst = 1\nunknown_per_second = 1\n[log]\nformat = \"json\"\nfilter = \"info\""
            .to_owned(),
    });
    let operator = server.operator();
    let mut kinds = vec![owned(&server, &operator), nobodys(700)];
    let provider = provider_of(&server, &operator, ("certificate", "certificate"));
    let owner = Some((provider.clone(), "no_certificate"));
    let unproven = Kind { name: "certificate", first: 0x0056_2b10_0000, count: 600, owner };
    register(&server, &provider, &unproven);
    kinds.push(unproven);
    // From here on whoever asks on this machine has spent its share, whatever it asks.
    Curl::send_all((0..40).map(|n| question(&server, &format!("0004f2bb{n:04x}"), 0)).collect());
    assert_all_alike(&ask_all(&server, &kinds), 1_800);
    assert_owners_see_why(&server, &operator, &kinds);
}

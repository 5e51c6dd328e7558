//! Phones that show their manufacturer's certificate, to the server itself or to a proxy before it.

use std::path::Path;

use serde_json::json;

use crate::support::{
    Answer, DeviceCertificate, Manufacturer, Metrics, Phone, Provider, Server, Settings, eventually, from_now,
    hmac_by_openssl, seconds_from_now,
};

const MAC: &str = "000e08abcdef";
const OTHER: &str = "000e08abcdf0";
const SERIAL: &str = "88012BA01234";
/// What a proxy signs with, and the same in base64.
const PROXY_KEY: &str = "0123456789abcdef0123456789abcdef";
const PROXY_KEY_IN_BASE64: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A server that knows the phones of `manufacturer` as those of `acme`.
fn server_knowing(manufacturer: &Manufacturer, toml: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    manufacturer.make_known(&folder.path().join("phones"), "acme");
    std::fs::write(folder.path().join("proxy.key"), PROXY_KEY_IN_BASE64).expect("a file");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let toml = toml.replace("PROXY_KEY", &place("proxy.key"));
    let toml = format!("[tls]\nphone_authorities = {:?}\n{toml}", place("phones"));
    (Server::start_with(Settings { toml }), folder)
}

/// A provider whose phones prove who they are with their certificate.
fn careful_provider(server: &Server) -> Provider {
    let provider = server.provider("careful");
    let profile = json!({"name": "main", "profile_rule": "https://nps.example/$MA.xml", "proof": "certificate"});
    provider.ask(server, "/v1/profiles").json(&profile.to_string()).send().expect(201);
    provider.register(server, MAC, "main", &json!({})).expect(201);
    provider
}

fn ask(server: &Server, mac: &str, shown: Option<&DeviceCertificate>) -> Answer {
    let request = server.ask(&format!("/software/edos/callhome/rc?id={mac}"));
    match shown {
        Some(certificate) => certificate.shown_with(request).send(),
        None => request.send(),
    }
    .expect(200)
}

/// Why the phone's last question was answered with nothing.
fn reason(provider: &Provider, server: &Server) -> String {
    let timeline = provider.timeline(server, MAC);
    let entry = timeline.iter().rev().find(|entry| entry["event"] == "answered_with_nothing").expect("an entry");
    entry["reason"].as_str().expect("a reason").to_owned()
}

/// The question as it was noted last.
fn question(provider: &Provider, server: &Server) -> String {
    let timeline = provider.timeline(server, MAC);
    let entry = timeline.iter().rev().find(|entry| entry["event"] == "asked").expect("an entry");
    entry["asked"].as_str().expect("a question").to_owned()
}

fn certificates(server: &Server, manufacturer: &str, verdict: &str) -> u64 {
    let labels = format!("{{manufacturer=\"{manufacturer}\",verdict=\"{verdict}\"}}");
    Metrics::of(server).value(&format!("dialtone_device_certificates_total{labels}"))
}

#[test]
fn a_phone_is_who_its_certificate_says_and_every_no_is_the_same() {
    let (acme, stranger) = (Manufacturer::new("acme"), Manufacturer::new("acme"));
    let (server, _folder) = server_knowing(&acme, "");
    let provider = careful_provider(&server);
    let (own, others) = (acme.phone(MAC, SERIAL), acme.phone(OTHER, SERIAL));
    let unknown = ask(&server, "000e08000001", None);
    assert_eq!(unknown.body, "");
    let forged = stranger.phone(MAC, SERIAL);
    for (shown, why) in
        [(None, "no_certificate"), (Some(&others), "foreign_certificate"), (Some(&forged), "no_certificate")]
    {
        assert_eq!(ask(&server, MAC, shown), unknown, "{why}");
        assert_eq!(reason(&provider, &server), why);
    }
    let answer = ask(&server, MAC, Some(&own));
    assert!(answer.body.contains("https://nps.example/$MA.xml"), "{answer:?}");
    assert!(question(&provider, &server).ends_with(" certificate=acme"), "{}", question(&provider, &server));
    for words in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let path = format!("/{MAC}.cfg");
        let answer = own.shown_with(server.ask(&path)).with(&words).send().expect(200);
        assert!(answer.body.contains("https://nps.example/$MA.xml"), "{words:?}");
    }
    assert_eq!(certificates(&server, "acme", "Accepted"), 4);
    assert_eq!(certificates(&server, "unknown", "Untrusted"), 1);
}

#[test]
fn a_phone_whose_door_does_not_name_it_is_named_by_its_certificate() {
    let acme = Manufacturer::new("acme");
    let (server, _folder) = server_knowing(&acme, "");
    let _provider = careful_provider(&server);
    let own = acme.phone(MAC, SERIAL);
    for path in ["/software/edos/callhome/rc", "/software/edos/callhome/rc?id=", "/setup.cfg", "/8841.xml"] {
        let answer = own.shown_with(server.ask(path)).send().expect(200);
        assert!(answer.body.contains("https://nps.example/$MA.xml"), "{path}: {answer:?}");
        server.ask(path).send().expect(400);
    }
}

#[test]
fn an_expired_certificate_is_accepted_and_noted_or_refused_as_the_provider_says() {
    let acme = Manufacturer::new("acme");
    let (server, _folder) = server_knowing(&acme, "");
    let provider = careful_provider(&server);
    let expired = acme.phone_until(MAC, SERIAL, 2020);
    assert!(ask(&server, MAC, Some(&expired)).body.contains("https://nps.example/$MA.xml"));
    assert!(question(&provider, &server).ends_with(" certificate=acme certificate_expired"));
    assert_eq!(certificates(&server, "acme", "Expired"), 1);
    let policy = json!({"expired_certificates": "refuse", "release_unseen_days": 0});
    provider.ask(&server, "/v1/policy").method("PUT").json(&policy.to_string()).send().expect(200);
    assert_eq!(ask(&server, MAC, Some(&expired)).body, "");
    assert_eq!(reason(&provider, &server), "expired_certificate");
}

#[test]
fn authorities_are_followed_while_the_server_runs() {
    let (acme, bell) = (Manufacturer::new("acme"), Manufacturer::new("bell"));
    let (server, folder) = server_knowing(&acme, "");
    let provider = careful_provider(&server);
    let (own, of_bell) = (acme.phone(MAC, SERIAL), bell.phone(MAC, SERIAL));
    let is_served = |shown: &DeviceCertificate| (!ask(&server, MAC, Some(shown)).body.is_empty()).then_some(());
    assert_eq!(is_served(&of_bell), None);
    bell.make_known(&folder.path().join("phones"), "bell");
    eventually("the new manufacturer is known", || is_served(&of_bell));
    let root = folder.path().join("phones/bell/root.pem");
    std::fs::write(&root, "broken").expect("a file");
    eventually("the broken file is noticed", || server.log().contains("cannot be used").then_some(()));
    assert_eq!(is_served(&of_bell), Some(()));
    remove(&folder.path().join("phones/bell"));
    eventually("the manufacturer is forgotten", || is_served(&of_bell).is_none().then_some(()));
    assert_eq!(is_served(&own), Some(()));
    assert_eq!(server.log().matches("cannot be used").count(), 1);
    assert_eq!(reason(&provider, &server), "no_certificate");
}

fn remove(folder: &Path) {
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn a_phone_becomes_the_providers_who_waits_for_its_certificate() {
    let acme = Manufacturer::new("acme");
    let (server, _folder) = server_knowing(&acme, "");
    let provider = server.provider("waiting");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    let until = from_now("+1 day");
    let window = json!({"profile": "main", "first": "000e08abcd00", "last": "000e08abcdff", "until": until});
    provider.ask(&server, "/v1/windows").json(&window.to_string()).send().expect(201);
    let own = acme.phone(MAC, SERIAL);
    assert_eq!(ask(&server, MAC, None).body, "");
    assert_eq!(ask(&server, OTHER, Some(&own)).body, "");
    let head = own.shown_with(server.ask(&format!("/{MAC}.cfg")).method("HEAD")).send();
    assert_eq!(head.header("content-type"), None, "a HEAD claims nothing");
    assert!(ask(&server, MAC, Some(&own)).body.contains("https://nps.example/$MA.xml"));
    let story = provider.story(&server, MAC);
    let events: Vec<&str> = story.iter().filter_map(|line| line.split(' ').next()).collect();
    // Before it, the question without a certificate: the phone's timeline goes with the phone.
    assert_eq!(events, ["asked", "answered_with_nothing", "associated", "asked", "answered_with_provider"]);
    assert!(ask(&server, MAC, Some(&own)).body.contains("https://nps.example/$MA.xml"));
}

/// The headers of a proxy that signs `age` seconds ago.
fn signed(certificate: &DeviceCertificate, age: u64) -> [String; 2] {
    let (time, value) = (seconds_from_now(&format!("-{age} seconds")), certificate.as_header());
    let signature = hmac_by_openssl(PROXY_KEY, &format!("{time}.{value}"));
    [format!("Client-Cert: {value}"), format!("Client-Cert-Signature: t={time},v1={signature}")]
}

fn through_proxy(server: &Server, headers: &[String]) -> Answer {
    let request = server.ask_plainly(&format!("/{MAC}.cfg")).header("X-Forwarded-For: 10.9.9.9, 198.51.100.7");
    headers.iter().fold(request, |request, line| request.header(line)).send().expect(200)
}

#[test]
fn a_proxy_of_ours_hands_certificates_on_and_nobody_else_does() {
    let acme = Manufacturer::new("acme");
    let own = acme.phone(MAC, SERIAL);
    let (server, _folder) =
        server_knowing(&acme, "[tls.proxy]\nfrom = [\"127.0.0.0/8\", \"::1\"]\nkey_file = \"PROXY_KEY\"\n");
    let provider = careful_provider(&server);
    let [certificate, signature] = signed(&own, 0);
    let answer = through_proxy(&server, &[certificate.clone(), signature.clone()]);
    assert!(answer.body.contains("https://nps.example/$MA.xml"), "{answer:?}");
    let sources: Vec<_> = provider.timeline(&server, MAC).iter().map(|entry| entry["source"].clone()).collect();
    assert_eq!(sources.last(), Some(&json!("198.51.100.7")));
    let [_, other_signature] = signed(&acme.phone(OTHER, SERIAL), 0);
    let [_, stale_signature] = signed(&own, 3600);
    for headers in [
        vec![],
        vec![certificate.clone()],
        vec![certificate.clone(), other_signature],
        vec![certificate.clone(), stale_signature],
    ] {
        assert_eq!(through_proxy(&server, &headers).body, "");
        assert_eq!(reason(&provider, &server), "no_certificate");
    }
    let outcome = |name: &str| {
        Metrics::of(&server).value(&format!("dialtone_forwarded_certificates_total{{outcome=\"{name}\"}}"))
    };
    assert_eq!([outcome("Believed"), outcome("Forged"), outcome("Stale")], [1, 2, 1]);

    let (elsewhere, _folder) = server_knowing(&acme, "[tls.proxy]\nfrom = [\"192.0.2.1\"]\nkey_file = \"PROXY_KEY\"\n");
    let provider = careful_provider(&elsewhere);
    assert_eq!(through_proxy(&elsewhere, &[certificate, signature]).body, "");
    assert_eq!(reason(&provider, &elsewhere), "no_certificate");
    let name = "dialtone_forwarded_certificates_total{outcome=\"FromElsewhere\"}";
    assert_eq!(Metrics::of(&elsewhere).value(name), 1);
    let timeline = provider.timeline(&elsewhere, MAC);
    assert!(timeline.iter().all(|entry| entry["source"] != "198.51.100.7"), "{timeline:?}");
}

#[test]
fn the_virtual_phone_shows_its_certificate() {
    let acme = Manufacturer::new("acme");
    let (server, _folder) = server_knowing(&acme, "");
    let _provider = careful_provider(&server);
    let own = acme.phone(MAC, SERIAL);
    let files = [own.certificate.display().to_string(), own.key.display().to_string()];
    let walk = Phone::near(&server, MAC).with(&["--certificate", &files[0], "--certificate-key", &files[1]]).power_on();
    assert_eq!(walk.states().last().map(String::as_str), Some("Pending>Custom Pending"), "{}", walk.printed);
    let walk = Phone::near(&server, MAC).power_on();
    assert_eq!(walk.states().last().map(String::as_str), Some("Pending>Unavailable"), "{}", walk.printed);
}

#[test]
fn every_answer_keeps_browsers_from_using_it() {
    let server = Server::start();
    for path in
        ["/v1/devices", "/v1/nothing", "/software/edos/callhome/rc?id=000e08abcdef", "/favicon.ico", "/report/x"]
    {
        let answer = server.ask(path).send();
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(answer.header("strict-transport-security").is_some(), "{path}");
        assert_eq!(server.ask_plainly(path).send().header("strict-transport-security"), None, "{path}");
    }
}

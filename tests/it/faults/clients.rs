//! Clients that are slow, broken or hostile: each is followed by a phone that behaves, and is served.

use serde_json::json;

use crate::support::{Curl, Provider, Server, Wire, eventually};

const MAC: &str = "00562b043615";
/// What begins a request to the door of phones.
const ASK: &str = "GET /00562b043615.cfg HTTP/1.1\r\nHost: localhost\r\n";

/// A server with a phone that behaves.
struct Scene {
    server: Server,
    provider: Provider,
}

impl Scene {
    fn set() -> Self {
        let server = Server::start();
        let provider = server.provider("acme");
        provider.profile(&server, "main", "https://nps.example/$MA.xml");
        provider.register(&server, MAC, "main", &json!({})).expect(201);
        Self { server, provider }
    }

    /// The phone is served on both ports, and nothing has panicked.
    #[track_caller]
    fn check(&self, after: &str) {
        for curl in [self.server.ask(&format!("/{MAC}.cfg")), self.server.ask_plainly(&format!("/{MAC}.cfg"))] {
            let answer = curl.attempt().unwrap_or_else(|error| panic!("after {after}: {error}"));
            assert!(answer.status == 200 && answer.body.contains("Profile_Rule"), "after {after}: {answer:?}");
        }
        assert!(!self.server.log().contains("panicked"), "after {after}");
    }

    fn http(&self) -> Wire {
        Wire::to(&self.server.http)
    }

    fn https(&self) -> Wire {
        Wire::to(&self.server.https)
    }
}

/// The statuses of the answers in what was heard.
fn statuses(heard: &str) -> Vec<&str> {
    heard.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).filter_map(|rest| rest.get(..3)).collect()
}

#[test]
fn those_who_say_nothing_hold_up_nobody_and_are_let_go() {
    let scene = Scene::set();
    let silent: Vec<Wire> = (0..20).flat_map(|_| [scene.http(), scene.https()]).collect();
    // The beginning of HTTP/2's preface, of a request's head, and of a TLS record.
    let halting = [scene.http().say("PRI * "), scene.http().say(ASK), scene.https().say([22, 3, 1, 2, 0, 1])];
    scene.check("silence");
    // One by one they are let go, while phones go on to be served.
    for wire in silent.into_iter().chain(halting) {
        assert_eq!(statuses(&wire.hear()), Vec::<&str>::new());
    }
    scene.check("the silent ones");
}

#[test]
fn a_body_that_does_not_come_holds_up_nobody() {
    let scene = Scene::set();
    let slow: Vec<Wire> = (0..20)
        .map(|_| {
            let head = "POST /software/edos/callhome/rc?id=00562b043615 HTTP/1.1\r\nHost: localhost\r\n";
            scene
                .http()
                .say(head)
                .say("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nsw=")
        })
        .collect();
    scene.check("half a body");
    for wire in slow {
        // The rest comes after all.
        let (_, head) = wire.say("12.0.1").hear_until("\r\n\r\n");
        assert_eq!(statuses(&head), ["200"]);
    }
    scene.check("the other half");
    // It goes away instead.
    drop(scene.http().say("POST /report/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"));
    scene.check("a body that never came");
}

#[test]
fn many_who_come_and_go_at_once() {
    let scene = Scene::set();
    for _ in 0..300 {
        drop((scene.http(), scene.https()));
    }
    let open: Vec<_> = (0..300).map(|_| (scene.http().say(ASK), scene.https())).collect();
    scene.check("300 half open");
    drop(open);
    scene.check("300 dropped");
}

#[test]
fn what_is_no_request_is_refused() {
    let scene = Scene::set();
    let head = |line: &str| format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
    let with_agent = |agent: &[u8]| [ASK.as_bytes(), b"Connection: close\r\nUser-Agent: ", agent, b"\r\n\r\n"].concat();
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("garbage", b"\x00\x01\x02\xff\xfe\r\n\r\n".to_vec(), "400"),
        ("a null byte in the path", head("GET /\0.cfg HTTP/1.1"), "400"),
        ("a null byte in the path, encoded", head("GET /00562b043615%00.cfg HTTP/1.1"), "400"),
        ("invalid UTF-8 in the path, encoded", head("GET /%ff%fe%c0%80.cfg HTTP/1.1"), "400"),
        ("half an encoding in the path", head("GET /00562b043615%2 HTTP/1.1"), "404"),
        ("a null byte in the query", head("GET /software/edos/callhome/rc?id=%00 HTTP/1.1"), "400"),
        ("invalid UTF-8 in the query", head("GET /software/edos/callhome/rc?id=%ff%fe&sw=%80 HTTP/1.1"), "400"),
        ("a null byte in the User-Agent", with_agent(b"Cisco-\0/1 (\0)"), "400"),
        ("invalid UTF-8 in the User-Agent", with_agent(b"Cisco-CP-\xff\xfe/1 (\xff)"), "200"),
        ("no host", b"GET /00562b043615.cfg HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), "200"),
        ("a version from the future", head("GET / HTTP/7.3"), "400"),
        ("a method of its own", head("GIMME /00562b043615.cfg HTTP/1.1"), "405"),
    ];
    for (what, request, status) in cases {
        assert_eq!(statuses(&scene.http().say(request).hear()), [status], "{what}");
        scene.check(what);
    }
    let line = format!("{ASK}Connection: close\r\nUser-Agent: {}\r\n\r\n", "A".repeat(100 * 1024));
    assert_eq!(statuses(&scene.http().say(line).hear()), ["431"]);
    scene.check("100 KiB in one header");
    let line = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100 * 1024));
    assert!(matches!(statuses(&scene.http().say(line).hear())[..], ["414" | "431"]));
    scene.check("100 KiB of path");
}

#[test]
fn plain_http_on_the_tls_port_and_tls_on_the_plain_one() {
    let scene = Scene::set();
    let heard = scene.https().say(ASK).say("\r\n").hear();
    assert_eq!(statuses(&heard), Vec::<&str>::new());
    scene.check("plain HTTP on the TLS port");
    let tls_to_plain = Curl::get(&scene.server.http.replace("http:", "https:")).with(&["--insecure"]).attempt();
    assert!(tls_to_plain.is_err(), "{tls_to_plain:?}");
    scene.check("TLS on the plain port");
    eventually("a word about it", || scene.server.log().contains("no TLS handshake").then_some(()));
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let scene = Scene::set();
    let last = format!("{}Connection: close\r\n\r\n", ASK.replace("00562b043615.cfg", "favicon.ico"));
    let requests = format!("{ASK}\r\n{}\r\n{last}", ASK.replace("00562b043615.cfg", "setup.cfg"));
    assert_eq!(statuses(&scene.http().say(requests).hear()), ["200", "400", "404"]);
    scene.check("three requests at once");
}

#[test]
fn bodies_that_are_too_long_or_come_in_pieces() {
    let scene = Scene::set();
    let long = "x".repeat(300 * 1024);
    for path in ["/report/x", "/activate", "/v1/token", &format!("/{MAC}.cfg")] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            long.len()
        );
        let answer = scene.http().say(head).say(&long).hear();
        assert!(matches!(statuses(&answer)[..], ["400" | "413"]), "{path}: {answer}");
        scene.check(path);
    }

    let question = "POST /software/edos/callhome/rc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
    let heard = scene.http().say(question).say("5\r\nid=00\r\n").say("a\r\n562b043615\r\n0\r\n\r\n").hear();
    assert!(heard.contains("Profile_Rule"), "{heard}");
    scene.check("a question in pieces");
    for broken in ["zz\r\n", "5\r\nid=0056", "ffffffffffffffffff\r\nx"] {
        let heard = scene.http().say(question).say(broken).fall_silent().hear();
        assert!(!heard.contains("Profile_Rule"), "{broken:?}: {heard}");
        scene.check(broken);
    }
    // Which of the two lengths is meant is not guessed: that is how requests are smuggled.
    let both = question.replace("Transfer", "Content-Length: 3\r\nTransfer");
    let heard = scene.http().say(both).say("f\r\nid=00562b043615\r\n0\r\n\r\nGET /favicon.ico HTTP/1.1\r\n\r\n").hear();
    assert!(statuses(&heard).len() <= 1, "{heard}");
    scene.check("two lengths");
    assert!(scene.provider.story(&scene.server, MAC).len() > 2);
}

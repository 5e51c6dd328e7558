//! More comes than can be done: what is refused first, and that the rest is served.

use serde_json::json;

use crate::support::{Curl, Hold, Metrics, Provider, Question, Server, Settings, Wire, eventually};

const MAC: &str = "00562b043615";
const STRANGER: &str = "00562b0436ff";
const UNDER_WAY: &str = "dialtone_requests_under_way";

fn server_with_a_phone(toml: &str) -> (Server, Provider) {
    let server = Server::start_with(Settings { toml: toml.to_owned() });
    let provider = server.provider("acme");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    provider.register(&server, MAC, "main", &json!({})).expect(201);
    (server, provider)
}

fn shed(server: &Server, what: &str) -> u64 {
    Metrics::of(server).value(&format!("dialtone_shed_total{{what=\"{what}\"}}"))
}

fn under_way(server: &Server, count: u64) {
    eventually("so many requests", || (Metrics::of(server).value(UNDER_WAY) == count).then_some(()));
}

fn nothing_waits(server: &Server) {
    eventually("the end of the waiting", || {
        (Metrics::of(server).value("dialtone_observations_waiting") == 0).then_some(())
    });
}

/// A known phone that has asked, and whose answer waits until it is recorded.
fn asking(server: &Server) -> Wire {
    Wire::to(&server.http).say(format!("GET /{MAC}.cfg HTTP/1.0\r\nHost: localhost\r\n\r\n"))
}

fn status_of(server: &Server, line: &str) -> u16 {
    Question { line, token: "", body: "" }.put_to(&server.http).expect("an answer").0
}

/// What is refused, as more and more is under way. `None` where the phones that were asking did not wait so long, and
/// nothing was seen.
fn order_of_refusal(server: &Server, provider: &Provider) -> Option<()> {
    let holds = ["customization", "queue"].map(|database| Hold::on(server, database));
    let mut waiting = vec![asking(server), asking(server)];
    under_way(server, 2);
    let program = provider.ask(server, "/v1/profiles").send();
    let with_two = Metrics::of(server).value(UNDER_WAY);

    waiting.push(asking(server));
    under_way(server, 3);
    let code = Question { line: "POST /activate", token: "", body: r#"{"code":"1","mac":"1"}"# };
    let refused = [code.put_to(&server.http)?.0, status_of(server, &format!("GET /{STRANGER}.cfg"))];
    let with_three = Metrics::of(server).value(UNDER_WAY);

    waiting.push(asking(server));
    under_way(server, 4);
    let known = status_of(server, &format!("GET /{MAC}.cfg"));
    let with_four = Metrics::of(server).value(UNDER_WAY);

    for hold in holds {
        hold.release();
    }
    let answers: Vec<String> = waiting.into_iter().map(Wire::hear).collect();
    nothing_waits(server);
    // Each that was let in is answered.
    assert!(answers.iter().all(|answer| answer.contains("200 OK") && answer.contains("nps.example")), "{answers:?}");
    if (with_two, with_three, with_four) != (2, 3, 4) {
        return None;
    }
    assert_eq!(program.header("retry-after"), Some("10"));
    assert_eq!(program.expect(503).json()["type"], "urn:dialtone:problem:overloaded");
    assert_eq!((refused, known), ([503, 503], 503));
    Some(())
}

#[test]
fn programs_are_refused_first_then_strangers_and_known_phones_last() {
    let (server, provider) = server_with_a_phone("[overload]\nrequests = 4\n");
    nothing_waits(&server);
    eventually("an orderly refusal", || order_of_refusal(&server, &provider));
    for what in ["Program", "Code", "PhoneWithoutAnswer", "Phone"] {
        assert!(shed(&server, what) > 0, "{what}");
    }
    // And everything is as before.
    assert_eq!(status_of(&server, &format!("GET /{STRANGER}.cfg")), 200);
    assert_eq!(status_of(&server, &format!("GET /{MAC}.cfg")), 200);
    provider.ask(&server, "/v1/profiles").send().expect(200);
    under_way(&server, 0);
}

/// Every place is taken by somebody who says nothing, or half of what is to be said.
#[test]
fn those_who_say_nothing_make_room_for_phones() {
    let (server, _) = server_with_a_phone("[overload]\nnewcomers = 8\n");
    // A record that announces 512 bytes and brings three of them.
    let half = |_| Wire::to(&server.https).say([22, 3, 1, 2, 0, 1, 0, 1]);
    let silent: Vec<Wire> = (0..16).map(half).chain((0..64).map(|_| Wire::to(&server.https))).collect();
    let answer = server.ask(&format!("/{MAC}.cfg")).send().expect(200);
    assert!(answer.body.contains("nps.example"), "{answer:?}");
    assert!(shed(&server, "Newcomer") > 0);
    // The others are let go as well, sooner or later.
    for wire in silent {
        assert_eq!(wire.hear(), "");
    }
}

#[test]
fn one_network_does_not_take_the_places_of_another() {
    let (server, _) = server_with_a_phone("[overload]\nnewcomers = 8\n");
    let ask_from = |address: &str| {
        Curl::get(&format!("{}/{MAC}.cfg", server.https)).trusting(&server.ca()).with(&["--interface", address])
    };
    for round in 0..5 {
        let _silent: Vec<Wire> = (0..8).map(|_| Wire::to(&server.https)).collect();
        let answer = ask_from(&format!("127.0.{}.1", round + 1)).send().expect(200);
        assert!(answer.body.contains("nps.example"), "{answer:?}");
    }
    assert!(shed(&server, "Newcomer") > 0);
}

#[test]
fn connections_beyond_the_bound_wait_for_room() {
    let (server, _) = server_with_a_phone("[overload]\nconnections = 4\nnewcomers = 4\n");
    let request = format!("GET /{MAC}.cfg HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let ask = || Wire::to(&server.http).say(&request);
    let kept: Vec<Wire> = (0..4).map(|_| ask().hear_until("</flat-profile>").0).collect();
    let next = ask();
    drop(kept);
    next.hear_until("</flat-profile>");
}

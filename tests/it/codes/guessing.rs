//! Guessing at the limits, from one address that an honest office shares.

use serde_json::json;

use super::{Desk, INVALID, mac, redeem_plainly};
use crate::support::{Curl, Server};

/// Far more than the budgets of one network and of one length allow at once.
const GUESSES: u32 = 300;
const OFFICE: u32 = 200;

#[test]
fn guessing_is_hopeless_and_the_office_next_door_gets_through() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    let office = desk.directory(&server, "123456", &json!({"registered_only": true}));
    let anybodys = desk.directory(&server, "654321", &json!({}));
    for number in 0..OFFICE {
        desk.provider.register(&server, &mac(number), "main", &json!({})).expect(201);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| guess(&server, 0..GUESSES));
        scope.spawn(|| guess(&server, GUESSES..2 * GUESSES));
        for number in 0..OFFICE {
            let (status, body) = redeem_plainly(&server, "#123456", &mac(number)).expect("an answer");
            assert!(status == 200 && body.contains("nps.example"), "{number}: {status} {body}");
        }
    });
    let seen = desk.provider.ask(&server, &format!("/v1/codes/{office}")).send().expect(200).json();
    assert_eq!(seen["activations"], OFFICE);

    // The network's guesses are spent: even the right code of a phone that nobody knows is refused, and looks
    // like any other refusal. The provider sees why.
    assert_eq!(redeem_plainly(&server, "#654321", "00562bffffff"), Some((403, INVALID.to_owned())));
    assert_eq!(desk.outcomes(&server, &anybodys), ["throttled"]);
    // The budgets outlive the process.
    let server = server.crash_and_restart();
    assert_eq!(redeem_plainly(&server, "#654321", "00562bfffffe"), Some((403, INVALID.to_owned())));
    let risks = desk.provider.ask(&server, "/v1/codes/risk").send().expect(200).json();
    let six = risks["risks"].as_array().and_then(|all| all.iter().find(|risk| risk["length"] == 6)).expect("a risk");
    let number = |name: &str| six[name].as_f64().expect("a number");
    assert!(number("expected_days") >= number("ceiling_days"), "{six}");
    let stated = 1e6 / (number("live_codes") * number("guesses_per_day"));
    assert!((number("expected_days") - stated).abs() < 1.0, "{six}");
}

/// Wrong codes, each from another phone, so that no phone's budget ends before the network's.
fn guess(server: &Server, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let answer = redeem_plainly(server, &format!("#{:06}", 200_000 + number), &mac(0x10_0000 + number));
        assert_eq!(answer, Some((403, INVALID.to_owned())), "guess {number}");
    }
}

/// Many addresses of one /24 share one budget; the next network has its own.
#[test]
fn a_whole_network_guesses_no_more_than_one_address() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    let anybodys = desk.directory(&server, "654321", &json!({}));
    let http = server.http.replace("localhost", "127.0.0.1");
    let activate = |from: String, code: &str, phone: &str| {
        let body = json!({ "code": code, "mac": phone }).to_string();
        Curl::get(&format!("{http}/activate")).with(&["--interface", &from]).json(&body)
    };
    let guesses =
        (0..100_u32).map(|n| activate(format!("127.0.0.{}", n + 2), &format!("#{:06}", 300_000 + n), &mac(n)));
    for answer in Curl::send_all(guesses.collect()) {
        assert_eq!((answer.status, answer.body.as_str()), (403, INVALID));
    }
    let refused = activate("127.0.0.200".to_owned(), "#654321", "00562bfffffd").send();
    assert_eq!((refused.status, refused.body.as_str()), (403, INVALID));
    assert_eq!(desk.outcomes(&server, &anybodys), ["throttled"]);
    let elsewhere = activate("127.0.1.7".to_owned(), "#654321", "00562bfffffc").send().expect(200);
    assert!(elsewhere.body.contains("nps.example"), "{elsewhere:?}");
}

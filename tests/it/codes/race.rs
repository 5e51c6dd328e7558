//! Many phones, one personal code.

use std::sync::Barrier;

use serde_json::json;

use super::{Desk, INVALID, mac, redeem_plainly};
use crate::support::Server;

const CLIENTS: u32 = 64;

#[test]
fn one_of_64_phones_gets_the_code() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    let (code, digits) = desk.personal(&server, &json!({}));
    let start = Barrier::new(CLIENTS as usize);
    let (start, digits, server_here) = (&start, digits.as_str(), &server);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let client = |number| {
            scope.spawn(move || {
                start.wait();
                redeem_plainly(server_here, digits, &mac(number)).expect("an answer")
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    let (lucky, unlucky): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 200);
    assert_eq!(lucky.len(), 1, "{answers:?}");
    assert!(unlucky.iter().all(|answer| **answer == (403, INVALID.to_owned())), "{unlucky:?}");
    let devices = desk.provider.ask(&server, "/v1/devices").send().expect(200).json();
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1), "{devices}");
    let seen = desk.provider.ask(&server, &format!("/v1/codes/{code}")).send().expect(200).json();
    assert_eq!((&seen["activations"], &seen["redeemed_by"]), (&json!(1), &devices["devices"][0]["mac"]));
}

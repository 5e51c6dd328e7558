//! Guessing at the limits: from one phone, from one address that an honest office shares, from a whole network, and
//! from many networks, all at the same time. What was judged is counted in the service's own records.

use serde_json::json;

use super::ledger::{Allowance, judged};
use super::{Desk, Guess, INVALID, mac, redeem_plainly};
use crate::support::{Curl, Server, Settings};

/// Far more than every budget allows at once.
const GUESSES: u32 = 160;
/// The place in the attackers' order at which the code stands: they get as far, but only after their budget.
const PLACE: u32 = 150;
const OFFICE: u32 = 200;
const DIRECTORY: [&str; 2] = ["200150", "30000150"];

/// Somebody who walks through the codes of a length in their order.
struct Attack {
    name: &'static str,
    first: u32,
    from: fn(u32) -> String,
    phone: fn(u32) -> String,
    /// Where the guesses come from, as the database has it.
    networks: &'static str,
    /// The budget that binds it (the defaults).
    allowance: Allowance,
}

const ATTACKS: [Attack; 4] = [
    Attack {
        name: "one phone",
        first: 30_000_000,
        from: |_| "127.0.1.1".to_owned(),
        phone: |_| mac(0x10_0000),
        networks: "7f0001",
        allowance: Allowance { per_day: 10, burst: 5 },
    },
    Attack {
        name: "many phones behind the office's address",
        first: 30_000_000,
        from: |_| "127.0.0.1".to_owned(),
        phone: |number| mac(0x20_0000 + number),
        networks: "7f0000",
        allowance: Allowance { per_day: 200, burst: 50 },
    },
    Attack {
        name: "many addresses of one /24",
        first: 30_000_000,
        from: |number| format!("127.0.3.{}", 1 + number % 250),
        phone: |number| mac(0x30_0000 + number),
        networks: "7f0003",
        allowance: Allowance { per_day: 200, burst: 50 },
    },
    Attack {
        name: "many networks",
        first: 200_000,
        from: |number| format!("127.1.{}.1", number % 250),
        phone: |number| mac(0x40_0000 + number),
        networks: "7f01",
        allowance: Allowance { per_day: 1_000, burst: 100 },
    },
];

impl Attack {
    /// Guesses over real connections; nobody learns anything.
    fn run(&self, server: &Server) {
        let guesses = (0..GUESSES).map(|number| {
            let (code, from, mac) = (self.first + number, (self.from)(number), (self.phone)(number));
            Guess { code: &format!("#{code}"), mac: &mac, from: &from }.at(server)
        });
        for (number, answer) in Curl::send_all(guesses.collect()).into_iter().enumerate() {
            assert_eq!((answer.status, answer.body.as_str()), (403, INVALID), "{}: {number}", self.name);
        }
    }

    /// What was judged is what the budget allows, counted by the service's own times.
    fn assert_bound(&self, server: &Server) {
        let judged = judged(server, self.networks);
        let count = i64::try_from(judged.len()).expect("a count");
        assert!(count >= self.allowance.burst, "{}: only {count} were judged", self.name);
        assert!(count <= self.allowance.most(&judged), "{}: {count} were judged, {:?}", self.name, self.allowance);
    }
}

#[test]
fn guessing_is_hopeless_and_the_office_next_door_gets_through() {
    let server = Server::start();
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    let office = desk.directory(&server, "123456", &json!({"registered_only": true}));
    let sought = DIRECTORY.map(|digits| desk.directory(&server, digits, &json!({})));
    for number in 0..OFFICE {
        desk.provider.register(&server, &mac(number), "main", &json!({})).expect(201);
    }
    std::thread::scope(|scope| {
        for attack in &ATTACKS {
            scope.spawn(|| attack.run(&server));
        }
        for number in 0..OFFICE {
            let (status, body) = redeem_plainly(&server, "#123456", &mac(number)).expect("an answer");
            assert!(status == 200 && body.contains("nps.example"), "{number}: {status} {body}");
        }
    });
    let seen = desk.provider.ask(&server, &format!("/v1/codes/{office}")).send().expect(200).json();
    assert_eq!(seen["activations"], OFFICE);
    for attack in &ATTACKS {
        attack.assert_bound(&server);
    }
    // Everybody has typed the right code, at a time when nothing of his was judged any more.
    let outcomes = sought.map(|code| desk.outcomes(&server, &code));
    assert_eq!(outcomes, [vec!["throttled"], vec!["throttled"; 3]]);
    assert_stated(&server, &desk);
    outlives_the_process(server, &desk);
}

/// What the last attack was allowed is what is stated, and the time that it would need by that is bearable.
fn assert_stated(server: &Server, desk: &Desk) {
    let [.., attack] = &ATTACKS;
    let risks = desk.provider.ask(server, "/v1/codes/risk").send().expect(200).json();
    let six = risks["risks"].as_array().and_then(|all| all.iter().find(|risk| risk["length"] == 6)).expect("a risk");
    let number = |name: &str| six[name].as_f64().expect("a number");
    let per_day = number("guesses_per_day");
    assert_eq!(format!("{per_day}"), attack.allowance.per_day.to_string());
    assert!((number("expected_days") - 1_000_001.0 / ((number("live_codes") + 1.0) * per_day)).abs() < 1.0, "{six}");
    assert!(number("expected_days") >= number("ceiling_days"), "{six}");
}

/// Neither a restart nor another phone helps a network whose budget is spent; its neighbour has one of its own.
fn outlives_the_process(server: Server, desk: &Desk) {
    let server = server.crash_and_restart();
    for from in ["127.0.0.1", "127.0.3.251"] {
        let refused = Guess { code: DIRECTORY[1], mac: "00562bfffffe", from }.at(&server).send();
        assert_eq!((refused.status, refused.body.as_str()), (403, INVALID), "{from}");
    }
    // The length of the first has no guesses left for anybody, that of the second has.
    let [spent, left] =
        DIRECTORY.map(|code| Guess { code, mac: "00562bfffffd", from: "127.0.4.1" }.at(&server).send().status);
    assert_eq!((spent, left), (403, 200));
    // A phone that its provider knows is not held up.
    desk.provider.register(&server, "00562bfffffc", "main", &json!({})).expect(201);
    Guess { code: DIRECTORY[0], mac: "00562bfffffc", from: "127.0.0.1" }.at(&server).send().expect(200);
}

/// That the attackers find nothing is the work of the budgets: with large ones the same walk arrives.
#[test]
fn without_budgets_the_same_attack_hits() {
    let length_per_day = [1_000_000; 14];
    let budgets = "ceiling_days = 0\nnetwork_per_day = 1000000\nnetwork_burst = 1000000\n";
    let toml = format!("[codes]\n{budgets}length_per_day = {length_per_day:?}\n");
    let server = Server::start_with(Settings { toml });
    let desk = Desk::at(&server, "acme", "https://nps.example/$MA.xml");
    let [digits, _] = DIRECTORY;
    let code = desk.directory(&server, digits, &json!({}));
    let [.., attack] = &ATTACKS;
    let hits = (0..GUESSES).filter(|number| {
        let (code, phone) = (format!("#{}", attack.first + number), (attack.phone)(*number));
        redeem_plainly(&server, &code, &phone).expect("an answer").0 == 200
    });
    assert_eq!(hits.collect::<Vec<_>>(), [PLACE]);
    assert_eq!(desk.outcomes(&server, &code), ["redeemed"]);
}

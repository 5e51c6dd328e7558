//! The risk that is stated, against somebody who guesses all the time and from everywhere, for days: his days
//! pass in the database.

use serde_json::{Value, json};

use super::ledger::{Allowance, DAY, judged, pass};
use super::{Desk, Guess, INVALID, mac};
use crate::support::{Curl, Provider, Server, Settings};

/// Four digits, which are fifty guesses a day and five at once.
const LENGTH: u64 = 4;
const NUMBERS: i64 = 10_000;

/// A server whose operator bears the risk of so short a code.
struct Scene {
    server: Server,
    desk: Desk,
    allowance: Allowance,
    /// Everyone of the walker's guesses so far.
    guesses: u32,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start_with(Settings { toml: "[codes]\nceiling_days = 30\n".to_owned() });
        let operator = server.operator();
        let provider = Provider::made_by(&server, &operator, "acme");
        let profile = provider.profile(&server, "main", "https://nps.example/$MA.xml");
        let desk = Desk { provider, profile };
        for digits in ["0071", "0120"] {
            let queued = desk.wish(&server, digits, &json!({})).expect(201).json();
            let decision = format!("/v1/codes/{}/decision", queued["id"].as_str().expect("an id"));
            let approve = json!({"approve": true}).to_string();
            operator.ask(&server, &decision).method("PUT").json(&approve).send().expect(200);
        }
        let mut scene = Self { server, desk, allowance: Allowance { per_day: 1, burst: 1 }, guesses: 0 };
        let per_day = scene.stated("guesses_per_day");
        scene.allowance = Allowance { per_day, burst: per_day / 10 };
        scene
    }

    fn risk(&self) -> Value {
        let risks = self.desk.provider.ask(&self.server, "/v1/codes/risk").send().expect(200).json();
        let mut all = risks["risks"].as_array().expect("risks").iter();
        all.find(|risk| risk["length"] == LENGTH).expect("a risk").clone()
    }

    /// A number of the risk, which is whole here.
    fn stated(&self, name: &str) -> i64 {
        let text = format!("{:.0}", self.risk()[name].as_f64().expect("a number"));
        text.parse().expect("a number")
    }

    /// The next so many codes, each from a phone and a network of its own; those that hit.
    fn walk(&mut self, count: u32) -> Vec<u32> {
        let numbers: Vec<u32> = (self.guesses..self.guesses + count).collect();
        self.guesses += count;
        let guesses = numbers.iter().map(|number| {
            let from = format!("127.{}.{}.1", 2 + number / 250, number % 250);
            Guess { code: &format!("{number:04}"), mac: &mac(*number), from: &from }.at(&self.server)
        });
        let answers = Curl::send_all(guesses.collect());
        for answer in &answers {
            assert!(answer.status == 200 || (answer.status, answer.body.as_str()) == (403, INVALID), "{answer:?}");
        }
        let hits = numbers.into_iter().zip(answers).filter(|(_, answer)| answer.status == 200);
        hits.map(|(number, _)| number).collect()
    }

    fn judged(&mut self) -> i64 {
        i64::try_from(judged(&self.server, "").len()).expect("a count")
    }
}

#[test]
fn a_walk_through_all_codes_takes_the_time_that_is_stated() {
    let mut scene = Scene::new();
    let Allowance { burst, per_day } = scene.allowance;
    assert_eq!((burst, per_day, scene.stated("live_codes")), (5, 50, 2));
    // Of two codes the first lies at a third of the walk, where it is one of many walks.
    assert_eq!(scene.stated("expected_days"), (NUMBERS + 1) / (3 * per_day) + 1);

    // He has everything at once that may be had at once, and guesses on: he gets no more.
    assert_eq!(scene.walk(10), [0_u32; 0]);
    assert_eq!(scene.judged(), burst);
    // For a third of a day he guesses three times as fast as the budget allows: two of three are not judged, the
    // right one of 0071 among them. He cannot tell which.
    let mut steps = 0;
    while scene.guesses < 76 {
        pass(&scene.server, scene.allowance.step());
        steps += 1;
        assert_eq!(scene.walk(3), [0_u32; 0], "after {steps} steps");
        assert_eq!(scene.judged(), burst + steps);
    }
    // From now on he has patience, which wastes nothing: one guess in a step, until he is there.
    let hit = loop {
        pass(&scene.server, scene.allowance.step());
        steps += 1;
        if let [hit] = scene.walk(1)[..] {
            break hit;
        }
        assert!(scene.guesses <= 120, "he has passed it");
        assert_eq!(scene.judged(), burst + steps);
    };
    assert_eq!(hit, 120);
    // One more was granted and the others were judged: the time that this took is the stated share of the walk.
    let judged = scene.judged() + 1;
    let took = steps * scene.allowance.step();
    assert_eq!(judged, burst + took * per_day / DAY);
    let days = scene.risk()["expected_days"].as_f64().expect("a number");
    let whole_walk = days * 3.0 * 50.0;
    assert!((whole_walk - 10_001.0).abs() < 1e-6, "{days}");
}

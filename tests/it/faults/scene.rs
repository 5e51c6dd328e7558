//! Phones and a provider who use a server while something is wrong with it, and remember what they were promised.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::table::{HEALTHY, Row};
use crate::support::{Answer, Curl, Provider, Server, eventually};

/// Asks all the time.
const KNOWN: &str = "00562b043615";
const STRANGER: &str = "00562bffffff";
const CODE: &str = "2468101214";

/// A server, who uses it, and what was acknowledged.
pub struct Scene {
    pub server: Server,
    provider: Provider,
    /// Where the known phone reports.
    place: String,
    round: usize,
    /// The rounds in which the known phone was redirected.
    asked: Vec<usize>,
    /// How many of its reports were taken.
    reported: usize,
    /// Phones that somebody was told belong to the provider.
    owned: BTreeSet<String>,
    /// How long the slowest answer to a phone took.
    pub slowest: Duration,
}

/// What one round of questions met.
struct Round {
    answers: [Option<Answer>; 8],
    slowest: Duration,
}

impl Scene {
    pub fn set(server: Server) -> Self {
        let provider = server.provider("acme");
        let profile = provider.profile(&server, "main", "https://nps.example/$MA.xml");
        provider.register(&server, KNOWN, "main", &json!({})).expect(201);
        let code = json!({"kind": "directory", "digits": CODE, "profile": profile});
        provider.ask(&server, "/v1/codes").json(&code.to_string()).send().expect(201);
        let asked = server.ask_plainly(&format!("/{KNOWN}.cfg")).send().expect(200).body;
        let (_, place) = asked.split_once("/report/").expect("a place to report to");
        let place = format!("/report/{}", place.split('<').next().unwrap_or_default());
        let mut scene = Self {
            server,
            provider,
            place,
            round: 0,
            asked: Vec::new(),
            reported: 0,
            owned: BTreeSet::new(),
            slowest: Duration::ZERO,
        };
        scene.whole();
        scene
    }

    /// Everything is tried once, at the same time; what each is answered.
    pub fn seen(&mut self) -> [String; 8] {
        self.round += 1;
        let Round { answers, slowest } = self.tried();
        self.slowest = slowest;
        let mut seen = answers.each_ref().map(|answer| answer.as_ref().map_or("no answer".to_owned(), word));
        if seen[2] == "redirected" {
            "redeemed".clone_into(&mut seen[2]);
        }
        if seen[0] == "redirected" {
            self.asked.push(self.round);
        }
        if matches!(seen[3].as_str(), "recorded" | "queued") {
            self.reported += 1;
        }
        for (cell, kind) in [(&seen[2], 2), (&seen[6], 6)] {
            if matches!(cell.as_str(), "redeemed" | "201") {
                self.owned.insert(self.phone(kind));
            }
        }
        seen
    }

    /// A phone of this round.
    fn phone(&self, kind: usize) -> String {
        format!("00562b{kind:02x}{:04x}", self.round)
    }

    fn tried(&self) -> Round {
        let Self { server, provider, place, round, .. } = self;
        let credentials = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            provider.login.client_id, provider.login.client_secret
        );
        let redemption = json!({"code": CODE, "mac": self.phone(2)}).to_string();
        let failed = r#"{"event":"resync_failed","class":"B","status":404,"retry_in_seconds":60}"#;
        let requests: [Curl; 8] = [
            server.ask_plainly(&format!("/software/edos/callhome/rc?id={KNOWN}&sw=1.0.{round}")),
            server.ask_plainly(&format!("/{STRANGER}.cfg")),
            server.ask_plainly("/activate").json(&redemption),
            server.ask_plainly(place).json(failed),
            server.ask("/v1/token").form(&credentials),
            provider.ask(server, &format!("/v1/devices/{KNOWN}")),
            provider.ask(server, &format!("/v1/devices/{}", self.phone(6))).method("PUT").json(r#"{"profile":"main"}"#),
            provider.ask(server, &format!("/v1/devices/{KNOWN}/timeline?limit=1")),
        ];
        let answers = std::thread::scope(|scope| {
            let asked = requests.map(|request| {
                scope.spawn(move || {
                    let begun = Instant::now();
                    (request.with(&["--max-time", "15"]).attempt().ok(), begun.elapsed())
                })
            });
            asked.map(|one| one.join().expect("an answer or none"))
        });
        let slowest = answers[..4].iter().map(|(_, took)| *took).max().unwrap_or_default();
        Round { answers: answers.map(|(answer, _)| answer), slowest }
    }

    /// Asks until everything is as it should be; how long it took.
    #[track_caller]
    pub fn whole(&mut self) -> Duration {
        let begun = Instant::now();
        let mut seen = Default::default();
        while begun.elapsed() < Duration::from_mins(1) {
            seen = self.seen();
            if seen == HEALTHY.map(str::to_owned) {
                return begun.elapsed();
            }
        }
        panic!("it does not recover: {seen:?}");
    }

    /// One fault, from its beginning to its end: what is seen is what the table says, and nothing is lost.
    #[track_caller]
    pub fn survives(&mut self, fault: &str, begin: impl FnOnce(&mut Server), end: impl FnOnce(&mut Server)) {
        let row = Row::of(fault);
        begin(&mut self.server);
        row.was_seen(&self.seen());
        println!("{fault}: phones were answered within {:?}", self.slowest);
        end(&mut self.server);
        row.is_over_within(self.whole());
        self.nothing_is_lost();
    }

    /// Whatever was acknowledged is there, once and in its order.
    #[track_caller]
    pub fn nothing_is_lost(&self) {
        let Self { server, provider, .. } = self;
        for mac in &self.owned {
            provider.ask(server, &format!("/v1/devices/{mac}")).send().expect(200);
            let asked = server.ask_plainly(&format!("/{mac}.cfg")).send().expect(200);
            assert!(asked.body.contains("https://nps.example/$MA.xml"), "{mac}: {asked:?}");
        }
        // What waited is delivered soon.
        eventually("every question is in the timeline", || {
            let timeline = self.timeline();
            (asked(&timeline).len() >= self.asked.len() && reports(&timeline) >= self.reported).then_some(())
        });
        let timeline = self.timeline();
        let told = asked(&timeline);
        let known: Vec<usize> = told.iter().copied().filter(|round| self.asked.contains(round)).collect();
        assert_eq!(known, self.asked, "once, in their order");
        assert!(!server.log().contains("panicked"));
    }

    fn timeline(&self) -> Vec<Value> {
        self.provider.timeline(&self.server, KNOWN)
    }
}

/// The rounds in which the known phone asked, as its timeline has them, oldest first.
fn asked(timeline: &[Value]) -> Vec<usize> {
    let questions = timeline.iter().filter_map(|entry| entry["asked"].as_str());
    questions.filter_map(|question| question.rsplit_once("firmware=1.0.")?.1.parse().ok()).collect()
}

fn reports(timeline: &[Value]) -> usize {
    timeline.iter().filter(|entry| entry["event"] == "resync_failed").count()
}

/// What an answer says, in a word of the table.
fn word(answer: &Answer) -> String {
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    let word = match (answer.status, answer.body.as_str()) {
        // A program is told when to come again; phones do without.
        (503, _) if is_problem && answer.header("retry-after").is_none() => "503 without Retry-After",
        (200, body) if body.contains("<Profile_Rule") => "redirected",
        (200, "") => "nothing",
        (200, "recorded\n") => "recorded",
        (202, _) => "queued",
        // Which of the two it is depends on whose patience ended first.
        (504, _) => "503",
        (status, _) => return status.to_string(),
    };
    word.to_owned()
}

//! Activation codes: a phone that nobody announced is onboarded by its user.

mod crash;
mod guessing;
mod ledger;
mod limits;
mod provider_side;
mod race;
mod redeeming;
mod stated_risk;

use serde_json::{Value, json};

use crate::support::{Answer, Curl, Provider, Question, Server};

/// What every refused phone is told.
const INVALID: &str = "Invalid activation code\n";

/// A provider with the profile "main", whose phones go to `rule`.
struct Desk {
    provider: Provider,
    profile: String,
}

impl Desk {
    fn at(server: &Server, name: &str, rule: &str) -> Self {
        let provider = server.provider(name);
        let profile = provider.profile(server, "main", rule);
        Self { provider, profile }
    }

    /// Makes a directory code; gives its id.
    #[track_caller]
    fn directory(&self, server: &Server, digits: &str, limits: &Value) -> String {
        let made = self.wish(server, digits, limits).expect(201).json();
        assert_eq!((&made["state"], &made["digits"]), (&json!("open"), &json!(digits)), "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    fn wish(&self, server: &Server, digits: &str, limits: &Value) -> Answer {
        let body = json!({"kind": "directory", "digits": digits, "profile": self.profile, "limits": limits});
        self.provider.ask(server, "/v1/codes").json(&body.to_string()).send()
    }

    /// Makes a personal code, with whatever else `more` says of it; gives id and digits.
    #[track_caller]
    fn personal(&self, server: &Server, more: &Value) -> (String, String) {
        let mut body = json!({"kind": "personal", "profile": self.profile});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let made = self.provider.ask(server, "/v1/codes").json(&body.to_string()).send().expect(201);
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let code = made.json()["codes"][0].take();
        let text = |name: &str| code[name].as_str().expect("a text").to_owned();
        (text("id"), text("digits"))
    }

    /// The outcomes of the attempts at a code, newest first.
    fn outcomes(&self, server: &Server, code: &str) -> Vec<String> {
        let seen = self.provider.ask(server, &format!("/v1/codes/{code}/attempts")).send().expect(200).json();
        let attempts = seen["attempts"].as_array().expect("attempts");
        attempts.iter().map(|attempt| attempt["outcome"].as_str().expect("a word").to_owned()).collect()
    }

    fn state_of(&self, server: &Server, code: &str) -> Value {
        self.provider.ask(server, &format!("/v1/codes/{code}")).send().expect(200).json()["state"].take()
    }
}

/// A phone sends a code typed on its screen.
fn redeem(server: &Server, code: &str, mac: &str) -> Answer {
    let body = json!({"code": code, "mac": mac, "model": "CP-7832-3PCC", "serial": "FCH2034D0PL", "sw": "11.0.1"});
    server.ask("/activate").json(&body.to_string()).send()
}

/// The same over a bare connection: for many at once. `None` where nobody answers.
fn redeem_plainly(server: &Server, code: &str, mac: &str) -> Option<(u16, String)> {
    let body = json!({"code": code, "mac": mac}).to_string();
    Question { line: "POST /activate", token: "", body: &body }.put_to(&server.http)
}

/// A code typed on a phone somewhere in the network.
struct Guess<'a> {
    code: &'a str,
    mac: &'a str,
    /// One of this machine's own addresses, 127.0.0.0/8.
    from: &'a str,
}

impl Guess<'_> {
    fn at(&self, server: &Server) -> Curl {
        let Self { code, mac, from } = self;
        let body = json!({"code": code, "mac": mac, "model": "CP-7832-3PCC"}).to_string();
        let http = server.http.replace("localhost", "127.0.0.1");
        Curl::get(&format!("{http}/activate")).with(&["--interface", from]).json(&body)
    }
}

/// The phone with that number.
fn mac(number: u32) -> String {
    format!("00562b{number:06x}")
}

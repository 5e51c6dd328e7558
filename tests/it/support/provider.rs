//! Those who use the JSON API.

use super::curl::{Answer, Curl};
use super::server::Server;

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Login {
    pub client_id: String,
    pub client_secret: String,
    pub token: String,
}

impl Login {
    pub fn with(server: &Server, client_id: &str, client_secret: &str) -> Self {
        let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
        let answer = server.ask("/v1/token").form(&form).send().expect(200).json();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { client_id: client_id.to_owned(), client_secret: client_secret.to_owned(), token }
    }

    /// A request of theirs.
    pub fn ask(&self, server: &Server, path: &str) -> Curl {
        server.ask(path).header(&format!("Authorization: Bearer {}", self.token))
    }

    /// A request of theirs for a tenant that stands below.
    pub fn ask_for(&self, server: &Server, tenant: &str, path: &str) -> Curl {
        self.ask(server, path).header(&format!("Dialtone-Tenant: {tenant}"))
    }

    /// Stops a tenant and whoever stands below it, or lets them go on.
    pub fn freeze(&self, server: &Server, tenant: &str, frozen: bool) -> Answer {
        let body = serde_json::json!({ "frozen": frozen }).to_string();
        self.ask(server, &format!("/v1/tenants/{tenant}/frozen")).method("PUT").json(&body).send()
    }

    /// Makes a login for a program of the same tenant.
    pub fn client(&self, server: &Server, wish: &serde_json::Value) -> Self {
        let made = self.ask(server, "/v1/clients").json(&wish.to_string()).send().expect(201).json();
        let text = |name: &str| made["secret"][name].as_str().expect("a text").to_owned();
        Self::with(server, &text("client_id"), &text("client_secret"))
    }
}

/// A provider with its login.
#[derive(Debug, Clone)]
pub struct Provider {
    pub id: String,
    pub login: Login,
}

impl Provider {
    pub fn made_by(server: &Server, operator: &Login, name: &str) -> Self {
        Self::below(server, operator, ("provider", name))
    }

    /// A tenant of that kind and name directly below that of `above`.
    pub fn below(server: &Server, above: &Login, (kind, name): (&str, &str)) -> Self {
        let body = serde_json::json!({ "kind": kind, "name": name, "with_client": true }).to_string();
        let made = above.ask(server, "/v1/tenants").json(&body).send().expect(201).json();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let (client_id, secret) = (text(&made["client"]["client_id"]), text(&made["client"]["client_secret"]));
        Self { id: text(&made["tenant"]["id"]), login: Login::with(server, &client_id, &secret) }
    }

    pub fn ask(&self, server: &Server, path: &str) -> Curl {
        self.login.ask(server, path)
    }

    /// Makes a profile whose phones go to `rule`; gives its id.
    pub fn profile(&self, server: &Server, name: &str, rule: &str) -> String {
        self.profile_for(server, (name, rule), "mac")
    }

    /// The same for phones that prove who they are with `proof`.
    pub fn profile_for(&self, server: &Server, (name, rule): (&str, &str), proof: &str) -> String {
        let body = serde_json::json!({ "name": name, "profile_rule": rule, "proof": proof }).to_string();
        let made = self.ask(server, "/v1/profiles").json(&body).send().expect(201).json();
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Registers a phone, with whatever else `more` says of it.
    pub fn register(&self, server: &Server, mac: &str, profile: &str, more: &serde_json::Value) -> Answer {
        let mut body = serde_json::json!({ "profile": profile });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().cloned().unwrap_or_default());
        self.ask(server, &format!("/v1/devices/{mac}")).method("PUT").json(&body.to_string()).send()
    }

    /// The phone's state as the provider sees it.
    pub fn state(&self, server: &Server, mac: &str) -> String {
        let seen = self.ask(server, &format!("/v1/devices/{mac}/customization")).send().expect(200).json();
        seen["state"].as_str().expect("a state").to_owned()
    }

    /// The phone's timeline, oldest first.
    pub fn timeline(&self, server: &Server, mac: &str) -> Vec<serde_json::Value> {
        let page = self.ask(server, &format!("/v1/devices/{mac}/timeline?limit=1000")).send().expect(200).json();
        let mut entries = page["entries"].as_array().expect("entries").clone();
        entries.reverse();
        entries
    }

    /// The timeline in short: `event from>to evidence` for each entry, oldest first.
    pub fn story(&self, server: &Server, mac: &str) -> Vec<String> {
        let word = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let short = |entry: &serde_json::Value| {
            let [event, from, to, evidence] = ["event", "from", "to", "evidence"].map(|name| word(entry, name));
            let refused = if entry["refused"].is_string() { " refused" } else { "" };
            format!("{event} {from}>{to} {evidence}{refused}")
        };
        self.timeline(server, mac).iter().map(short).collect()
    }
}

//! Phones on a desk, and a remote customization server that knows where to send them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use nps::{Content, Nps, NpsConfig, RunningNps};
use phone::{Class, Identity, Memory, Outcome, Phone, PhoneConfig, Retries, State, Step, Trouble, Trust};
use vocabulary::Randomness;

use crate::stub::{Reply, Stub, ok, status};

pub const MAC: &str = "00562b043615";

/// A phone fresh from its box that knows nobody.
pub fn fresh() -> PhoneConfig {
    PhoneConfig {
        identity: Identity {
            mac: MAC.parse().expect("a phone's address"),
            model: "CP-7832-3PCC".to_owned(),
            serial: Some("FCH2034D0PL".to_owned()),
            firmware: "11.0.1".to_owned(),
        },
        activate: None,
        dhcp_profile: None,
        hand_provision: None,
        credentials: None,
        retries: Retries::NONE,
        seal_key: None,
        trust: Trust::nobody(),
        memory: Memory::fresh(),
    }
}

/// A phone that asks this server.
pub fn asking(rc: &Stub) -> PhoneConfig {
    PhoneConfig { activate: Some(rc.url("")), ..fresh() }
}

/// What a walk left behind.
pub struct Walk {
    pub outcome: Result<Outcome, Trouble>,
    pub steps: Vec<Step>,
    pub state: State,
}

pub fn switched_off(config: PhoneConfig) -> Phone {
    Phone::new(config, Arc::new(Randomness::seeded(1)))
}

pub async fn walk(config: PhoneConfig) -> Walk {
    walk_on(&mut switched_off(config)).await
}

pub async fn walk_on(phone: &mut Phone) -> Walk {
    let mut steps = Vec::new();
    let outcome = phone.power_on(&mut |step| steps.push(step)).await;
    Walk { outcome, steps, state: phone.state() }
}

impl Walk {
    pub fn outcome(&self) -> Outcome {
        *self.outcome.as_ref().expect("an outcome")
    }

    /// The states passed through, the first one included.
    pub fn states(&self) -> Vec<&'static str> {
        let mut states = Vec::new();
        for step in &self.steps {
            if let Step::PoweredOn { state, .. } = step {
                states.push(state.name());
            }
            if let Step::State { from, to, .. } = step {
                assert_eq!(states.last(), Some(&from.name()), "a state was left out");
                states.push(to.name());
            }
        }
        states
    }

    /// Class, HTTP status and real retry delay of each failure.
    pub fn failures(&self) -> Vec<(Class, Option<u16>, Option<u64>)> {
        let failure = |step: &Step| {
            let Step::Failed { class, status, retry_in_seconds, .. } = step else { return None };
            Some((*class, *status, *retry_in_seconds))
        };
        self.steps.iter().filter_map(failure).collect()
    }

    /// Everything that was printed, in both forms.
    pub fn printed(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            text.push_str(&step.to_string());
            text.push('\n');
            text.push_str(&serde_json::to_string(step).expect("JSON"));
            text.push('\n');
        }
        text
    }
}

/// A flat profile with these parameters.
pub fn profile(parameters: &[(&str, &str)]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device><flat-profile>\n");
    for (name, value) in parameters {
        let value = value.replace('&', "&amp;").replace('<', "&lt;");
        for part in ["<", name, " ua=\"na\">", &value, "</", name, ">\n"] {
            text.push_str(part);
        }
    }
    text.push_str("</flat-profile></device>\n");
    text
}

/// Remote customization that sends everybody to `rule`, and takes reports.
pub async fn sending_to(rule: &str) -> Stub {
    sending_with(rule, &[]).await
}

/// As [`sending_to`], with more parameters in the answer.
pub async fn sending_with(rule: &str, more: &[(&str, &str)]) -> Stub {
    let rule = rule.to_owned();
    let more: Vec<(String, String)> =
        more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stub::start(move |seen| -> Reply {
        if seen.method == "POST" {
            return status(200);
        }
        let report = format!("[--status]http://{}/report/hush", seen.header("host").expect("a host"));
        let mut parameters = vec![("Profile_Rule", rule.as_str()), ("Report_Rule", report.as_str())];
        parameters.extend(more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        ok(profile(&parameters))
    })
    .await
}

/// The provider's own server.
pub async fn provider(content: Content) -> RunningNps {
    guarded_provider(content, None).await
}

pub async fn guarded_provider(content: Content, credentials: Option<(String, String)>) -> RunningNps {
    let listen = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0).into();
    Nps::start(NpsConfig { listen, content, credentials }).await.expect("a provisioning server")
}

//! What a phone does, one step at a time: for people as lines, for machines as JSON.
//!
//! Nothing in a step is secret: addresses are cut and values hidden before they get here.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::failure::Class;
use crate::journey::Outcome;
use crate::state::State;

/// Where the second column begins: behind the longest change of state.
const COLUMN: usize = 29;

/// One step of a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The memory was wiped.
    FactoryReset {
        /// The state before; it is Open now.
        from: State,
    },
    /// The journey begins.
    PoweredOn {
        /// Twelve lower-case hex digits.
        mac: String,
        /// The product name.
        model: String,
        /// The firmware version.
        firmware: String,
        /// How far the phone had come before.
        state: State,
    },
    /// The customization state changed.
    State {
        /// Before.
        from: State,
        /// After.
        to: State,
        /// What made it change.
        why: &'static str,
    },
    /// A request was sent.
    Asked {
        /// GET, POST, or RRQ by TFTP.
        method: String,
        /// As much of the address as may be shown.
        url: String,
    },
    /// The request was answered.
    Answered {
        /// The HTTP status; none by TFTP.
        status: Option<u16>,
        /// The length of the body.
        bytes: usize,
    },
    /// The answer was sealed, and the phone's key opened it.
    Unsealed {
        /// aes128gcm or aes-256-cbc.
        format: String,
        /// The length of what was in it.
        bytes: usize,
    },
    /// Remote customization named a provider's server.
    Learned {
        /// The rule without what could be secret.
        profile_rule: String,
        /// Everything the answer said, secrets hidden.
        parameters: BTreeMap<String, String>,
    },
    /// The local DHCP server named a profile.
    DhcpGave {
        /// The rule without what could be secret.
        profile_rule: String,
    },
    /// The user typed something in before the resync.
    TypedIn {
        /// The profile rule without what could be secret; none when it was other settings.
        profile_rule: Option<String>,
    },
    /// The user typed an activation code. It is a secret, so that it is not here.
    TypedCode,
    /// The code was not accepted.
    CodeRefused {
        /// What the phone's screen shows.
        shows: String,
    },
    /// A profile arrived and is in force.
    Downloaded {
        /// Its length.
        bytes: usize,
        /// Everything it says, secrets hidden.
        parameters: BTreeMap<String, String>,
    },
    /// A download failed.
    Failed {
        /// The chapter's class.
        class: Class,
        /// The HTTP status, if there was one.
        status: Option<u16>,
        /// A sentence for people.
        why: String,
        /// When a real phone tries again; none when it never does.
        retry_in_seconds: Option<u64>,
    },
    /// The phone tries again.
    Retrying {
        /// The first retry is 1.
        attempt: u32,
    },
    /// A report was sent and answered.
    Reported {
        /// The report's `event`.
        event: &'static str,
        /// The server, without the path.
        to: String,
        /// 200 when it was accepted.
        status: u16,
    },
    /// A report could not be sent.
    NotReported {
        /// The report's `event`.
        event: &'static str,
        /// A sentence for people.
        why: String,
    },
    /// The journey is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// The state the phone keeps.
        state: State,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FactoryReset { from } => {
                line(f, &change(*from, State::Open), "factory reset, everything is forgotten")
            }
            Self::PoweredOn { mac, model, firmware, state } => {
                line(f, state.name(), &format!("{model} {mac} with firmware {firmware} is switched on"))
            }
            Self::State { from, to, why } => line(f, &change(*from, *to), why),
            Self::Asked { method, url } => line(f, "", &format!("{method} {url}")),
            Self::Answered { status, bytes } => line(f, "", &answered(*status, *bytes)),
            Self::Unsealed { format, bytes } => line(f, "", &format!("opens its seal ({format}): {bytes} bytes")),
            Self::Learned { profile_rule, parameters } => {
                line(f, "", &format!("the answer sends it to {profile_rule}"))?;
                list(f, parameters.iter().filter(|(name, _)| *name != "Profile_Rule"))
            }
            Self::DhcpGave { profile_rule } => line(f, "", &format!("DHCP points to {profile_rule}")),
            Self::TypedIn { profile_rule: Some(rule) } => {
                line(f, "", &format!("the user types in the profile rule {rule}"))
            }
            Self::TypedIn { profile_rule: None } => line(f, "", "the user types in the phone's settings"),
            Self::TypedCode => line(f, "", "the user types an activation code"),
            Self::CodeRefused { shows } => line(f, "", &format!("the screen shows: {shows}")),
            Self::Downloaded { bytes, parameters } => {
                line(f, "", &format!("applies a profile of {bytes} bytes:"))?;
                list(f, parameters.iter())
            }
            Self::Failed { class, why, retry_in_seconds, .. } => {
                line(f, "", &format!("failed (class {class:?}): {why}"))?;
                f.write_str("\n")?;
                line(f, "", &retry(*retry_in_seconds))
            }
            Self::Retrying { attempt } => line(f, "", &format!("retry {attempt}")),
            Self::Reported { event, to, status } => line(f, "", &format!("reports {event} to {to}: {status}")),
            Self::NotReported { event, why } => line(f, "", &format!("could not report {event}: {why}")),
            Self::Ended { outcome, state } => line(f, state.name(), outcome.sentence()),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, left: &str, right: &str) -> fmt::Result {
    write!(f, "{left:COLUMN$}{right}")
}

fn change(from: State, to: State) -> String {
    format!("{from} -> {to}")
}

fn answered(status: Option<u16>, bytes: usize) -> String {
    match status {
        Some(status) => format!("{status}, {bytes} bytes"),
        None => format!("{bytes} bytes"),
    }
}

fn retry(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!("a real phone tries again in {seconds} s"),
        None => "a real phone does not try again".to_owned(),
    }
}

fn list<'a>(f: &mut fmt::Formatter<'_>, parameters: impl Iterator<Item = (&'a String, &'a String)>) -> fmt::Result {
    for (name, value) in parameters {
        f.write_str("\n")?;
        line(f, "", &format!("  {name} = {value}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_lines_for_people_and_objects_for_machines() {
        let step = Step::State { from: State::Open, to: State::Pending, why: "no server is known" };
        assert_eq!(step.to_string(), "Open -> Pending              no server is known");
        let json = serde_json::to_string(&step).expect("JSON");
        assert_eq!(json, r#"{"step":"state","from":"Open","to":"Pending","why":"no server is known"}"#);
        let failed =
            Step::Failed { class: Class::B, status: Some(404), why: "missing".to_owned(), retry_in_seconds: None };
        let json = serde_json::to_string(&failed).expect("JSON");
        assert_eq!(json, r#"{"step":"failed","class":"B","status":404,"why":"missing","retry_in_seconds":null}"#);
        assert!(change(State::CustomPending, State::Acquired).len() < COLUMN);
    }
}

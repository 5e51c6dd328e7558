//! From power-on to the end, in the chapter's order ("Remote Customization (RC) Distribution").
//!
//! 1. A phone that is provisioned only resyncs; remote customization is not asked again.
//! 2. Open. DHCP is asked first; a profile downloaded from where it points makes the phone Aborted.
//! 3. Pending. Remote customization is asked.
//! 4. An empty answer makes it Unavailable; a profile with a `Profile_Rule`, Custom Pending.
//! 5. A user who provisions it by hand before it is Acquired makes it Aborted.
//! 6. It resyncs to its `Profile_Rule`; success makes it Acquired, failure leaves it Custom Pending.

use serde::Serialize;

use crate::facts::Occasion;
use crate::failure::Failure;
use crate::fetch::Wanted;
use crate::flat_profile::{self, Entries};
use crate::macros::expand;
use crate::memory::MemoryError;
use crate::parameters::{shown, shown_value};
use crate::phone::{HandProvision, Phone};
use crate::report::Report;
use crate::resync::{Purpose, Resync};
use crate::state::State;
use crate::step::Step;
use crate::url::{Scheme, Url};

/// How a phone asks when it is told only the server. No public text says how a real one does.
const QUESTION: &str = "/software/edos/callhome/rc?id=$MAU:$SN:$PN&sw=$SWVER";

/// How a journey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has its provider's profile.
    Acquired,
    /// It has the profile that DHCP pointed to.
    ProvisionedByDhcp,
    /// Its user provisioned it.
    ProvisionedByHand,
    /// It was provisioned before, and has its profile anew.
    Resynced,
    /// Remote customization knows no provider for it.
    Unavailable,
    /// The resync failed and no retry is left; the state stays what it was.
    ResyncFailed,
    /// Its profile rule is `gds://`.
    CodeScreen,
    /// The activation code that its user typed is not accepted.
    CodeRefused,
}

impl Outcome {
    /// The outcome in words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Acquired => "has its provider's profile",
            Self::ProvisionedByDhcp => "has the profile that DHCP pointed to; remote customization was not asked",
            Self::ProvisionedByHand => "was provisioned by hand",
            Self::Resynced => "has its profile anew; remote customization was not asked",
            Self::Unavailable => "remote customization knows no provider for this phone",
            Self::ResyncFailed => "could not resync",
            Self::CodeScreen => "shows its activation code screen",
            Self::CodeRefused => "shows its activation code screen again: the code was refused",
        }
    }
}

/// The journey could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody to ask.
    #[error("there is no remote customization server to ask; give its address with --activate https://…")]
    NoActivation,
    /// The address given cannot be asked.
    #[error("the remote customization server must be given as http://… or https://…, with macros only in its path")]
    Activation,
    /// It was asked, and nothing usable came back.
    #[error("remote customization gave no usable answer: {0}")]
    NotAnswered(Failure),
    /// The phone cannot remember.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Where asking leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    CustomPending,
    Unavailable,
}

/// What remote customization said.
pub(crate) enum Answer {
    Provider(Entries),
    Nobody,
}

/// A phone under way.
pub(crate) struct Journey<'a> {
    pub(crate) phone: &'a mut Phone,
    pub(crate) on_step: &'a mut (dyn FnMut(Step) + Send),
}

impl Journey<'_> {
    pub(crate) async fn run(&mut self) -> Result<Outcome, Trouble> {
        if self.phone.state().is_provisioned() {
            return self.resync(Purpose::Again).await;
        }
        if self.is_provisioned_by_dhcp().await? {
            return Ok(Outcome::ProvisionedByDhcp);
        }
        let answer = self.ask().await;
        if let Some(by_hand) = self.phone.config.hand_provision.take() {
            // A user does not wait for an answer: "the phone can be manually configured".
            return match answer {
                Ok(_) | Err(Trouble::NoActivation | Trouble::NotAnswered(_)) => self.provision_by_hand(by_hand).await,
                Err(trouble @ (Trouble::Activation | Trouble::Memory(_))) => Err(trouble),
            };
        }
        match answer? {
            Reached::CustomPending => self.resync(Purpose::Customization).await,
            Reached::Unavailable => Ok(Outcome::Unavailable),
        }
    }

    /// Step 2. Only a profile that was downloaded counts; otherwise the journey goes on.
    async fn is_provisioned_by_dhcp(&mut self) -> Result<bool, Trouble> {
        let Some(rule) = self.phone.config.dhcp_profile.clone() else {
            return Ok(false);
        };
        (self.on_step)(Step::DhcpGave { profile_rule: shown_value("Profile_Rule", &rule) });
        let before = self.phone.config.memory.parameters().clone();
        // The phone resyncs here from now on, unless the profile names another rule.
        self.set_profile_rule(rule.clone());
        let led_to = self.download_by(&rule, Occasion::PowerUp).await;
        if !matches!(led_to, Ok(Resync::Profile)) {
            *self.phone.config.memory.parameters_mut() = before;
        }
        match led_to {
            Ok(Resync::Profile) => {}
            Ok(Resync::CodeScreen | Resync::Nothing) => return Ok(false),
            Err(failure) => {
                // The phone does not wait for DHCP's server: remote customization is next.
                self.tell_failure(&failure, None);
                return Ok(false);
            }
        }
        self.enter(State::Aborted, "DHCP pointed to a profile, and it arrived").await?;
        let address = self.phone.report_address();
        self.phone.report(address, &Report::ProvisionedByDhcp, self.on_step).await;
        Ok(true)
    }

    fn set_profile_rule(&mut self, rule: String) {
        self.phone.config.memory.parameters_mut().apply(vec![("Profile_Rule".to_owned(), rule)]);
    }

    /// Steps 3 and 4, with retries while there is no answer.
    async fn ask(&mut self) -> Result<Reached, Trouble> {
        let url = self.question()?;
        self.enter(State::Pending, "no provisioning server is known: asks remote customization").await?;
        let mut failures = 0;
        loop {
            match self.ask_once(url.clone()).await {
                Ok(Answer::Provider(entries)) => {
                    self.learn(entries);
                    self.enter(State::CustomPending, "knows its provider's server: resyncs to it").await?;
                    return Ok(Reached::CustomPending);
                }
                Ok(Answer::Nobody) => {
                    self.enter(State::Unavailable, "the answer is empty: no provider for this phone").await?;
                    return Ok(Reached::Unavailable);
                }
                Err(failure) => {
                    let delay = self.delay_after(failures);
                    self.tell_failure(&failure, delay);
                    if !self.waits_for_retry(failures, delay).await {
                        return Err(Trouble::NotAnswered(failure));
                    }
                    failures += 1;
                }
            }
        }
    }

    pub(crate) fn question(&self) -> Result<Url, Trouble> {
        let given = self.phone.config.activate.as_deref().ok_or(Trouble::NoActivation)?;
        let server = Url::parse(given).map_err(|_| Trouble::Activation)?;
        if server.scheme() == Scheme::Tftp {
            return Err(Trouble::Activation);
        }
        let template = if server.has_path() { given.to_owned() } else { format!("{}{QUESTION}", server.origin()) };
        let facts = self.phone.facts(Occasion::PowerUp);
        Url::parse(&expand(&template, |name| facts.value(name).map(|value| percent_encoded(&value))))
            .map_err(|_| Trouble::Activation)
    }

    async fn ask_once(&mut self, url: Url) -> Result<Answer, Failure> {
        let credentials = self.phone.config.credentials.clone();
        let wanted = Wanted { shown: url.in_full(), url, credentials, key: None, post: None };
        let answer = self.phone.fetch(self.on_step).download(wanted).await?;
        understand(answer.status, &answer.bytes)
    }

    pub(crate) fn learn(&mut self, entries: Entries) {
        let parameters = shown(&entries);
        let profile_rule = parameters.get("Profile_Rule").cloned().unwrap_or_default();
        self.phone.config.memory.parameters_mut().apply(entries);
        (self.on_step)(Step::Learned { profile_rule, parameters });
    }

    /// Step 5.
    async fn provision_by_hand(&mut self, by_hand: HandProvision) -> Result<Outcome, Trouble> {
        match by_hand {
            HandProvision::Settings => {
                (self.on_step)(Step::TypedIn { profile_rule: None });
                self.enter(State::Aborted, "provisioned by hand before it was Acquired").await?;
                let address = self.phone.report_address();
                self.phone.report(address, &Report::ProvisionedByHand { place: "lcd" }, self.on_step).await;
                Ok(Outcome::ProvisionedByHand)
            }
            HandProvision::ProfileRule(rule) => {
                (self.on_step)(Step::TypedIn { profile_rule: Some(shown_value("Profile_Rule", &rule)) });
                self.set_profile_rule(rule);
                self.resync(Purpose::ByHand).await
            }
        }
    }

    /// Changes the state, writes it down, and tells.
    pub(crate) async fn enter(&mut self, to: State, why: &'static str) -> Result<(), Trouble> {
        let from = self.phone.state();
        self.phone.config.memory.enter(to).await?;
        (self.on_step)(Step::State { from, to, why });
        Ok(())
    }
}

/// An empty body names nobody; a profile must lead on.
pub(crate) fn understand(status: Option<u16>, body: &[u8]) -> Result<Answer, Failure> {
    if body.is_empty() {
        return Ok(Answer::Nobody);
    }
    let entries = flat_profile::parse(body).map_err(|cause| Failure::Corrupt { status, cause })?;
    let leads_on = entries.iter().rev().find(|(name, _)| name == "Profile_Rule");
    match leads_on {
        Some((_, rule)) if !rule.is_empty() => Ok(Answer::Provider(entries)),
        Some(_) | None => Err(Failure::NoProfileRule { status }),
    }
}

/// The value as it may stand anywhere in a query (RFC 3986, section 2.3).
fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let high = char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0');
            let low = char::from_digit(u32::from(byte & 15), 16).unwrap_or('0');
            encoded.extend(['%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn whatever_could_end_a_query_is_encoded() {
        assert_eq!(percent_encoded("sip88xx.12-0-3MPP0001-609"), "sip88xx.12-0-3MPP0001-609");
        assert_eq!(percent_encoded("A B&é"), "A%20B%26%C3%A9");
    }
}

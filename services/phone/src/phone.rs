//! A phone as it is set up on a desk: who it is, what its network and its user give it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vocabulary::Randomness;

use crate::facts::{Facts, Occasion};
use crate::fetch::{Credentials, Fetch};
use crate::identity::Identity;
use crate::journey::{Journey, Outcome, Trouble};
use crate::macros::expand;
use crate::memory::{Memory, MemoryError};
use crate::report::Report;
use crate::report_rule::ReportRule;
use crate::sealed::SealKey;
use crate::state::State;
use crate::step::Step;
use crate::trust::Trust;
use crate::url::Url;

/// How a phone is set up. There is no `Debug`: rules may carry keys.
pub struct PhoneConfig {
    /// Who it is.
    pub identity: Identity,
    /// The remote customization server: an origin such as `https://activate.example`, to which the
    /// usual path and query are added, or a whole address with macros.
    pub activate: Option<String>,
    /// The profile rule that the local DHCP server gives (option 66 and its kin).
    pub dhcp_profile: Option<String>,
    /// What the user types in before the first resync.
    pub hand_provision: Option<HandProvision>,
    /// The user and password for servers whose rule carries none.
    pub credentials: Option<Credentials>,
    /// How failures are repeated.
    pub retries: Retries,
    /// The key that its answers may be sealed with.
    pub seal_key: Option<SealKey>,
    /// Whose certificates it believes, and its own.
    pub trust: Trust,
    /// What it remembers from before.
    pub memory: Memory,
}

/// What a user types in on the phone's own screen.
pub enum HandProvision {
    /// Line settings and the like: nothing is downloaded.
    Settings,
    /// Another profile rule, to which the phone resyncs at once.
    ProfileRule(String),
}

/// How often failures are repeated, and how patiently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retries {
    /// How many times a failure is repeated; a real phone never stops.
    pub count: u32,
    /// What part of the real delay passes before a retry: 0 is none of it, 1 is all of it.
    pub scale: f32,
}

impl Retries {
    /// The phone stops after its first failure.
    pub const NONE: Self = Self { count: 0, scale: 0.0 };

    /// How long the virtual phone waits where a real one waits `delay`.
    pub(crate) fn scaled(self, delay: Duration) -> Duration {
        Duration::try_from_secs_f32(delay.as_secs_f32() * self.scale).unwrap_or(delay)
    }
}

/// A virtual phone.
pub struct Phone {
    pub(crate) config: PhoneConfig,
    pub(crate) randomness: Arc<Randomness>,
}

impl Phone {
    /// A phone that is switched off.
    pub const fn new(config: PhoneConfig, randomness: Arc<Randomness>) -> Self {
        Self { config, randomness }
    }

    /// How far it has come.
    pub const fn state(&self) -> State {
        self.config.memory.state()
    }

    /// Forgets everything, after telling the server that it knew.
    pub async fn factory_reset(&mut self, on_step: &mut (dyn FnMut(Step) + Send)) -> Result<(), MemoryError> {
        let address = self.report_address();
        self.report(address, &Report::FactoryReset, on_step).await;
        let from = self.state();
        self.config.memory.wipe().await?;
        on_step(Step::FactoryReset { from });
        Ok(())
    }

    /// Switches it on and follows it to the end of its journey, telling each step.
    pub async fn power_on(&mut self, on_step: &mut (dyn FnMut(Step) + Send)) -> Result<Outcome, Trouble> {
        let identity = &self.config.identity;
        on_step(Step::PoweredOn {
            mac: identity.mac.to_string(),
            model: identity.model.clone(),
            firmware: identity.firmware.clone(),
            state: self.state(),
        });
        let outcome = Journey { phone: self, on_step }.run().await?;
        on_step(Step::Ended { outcome, state: self.state() });
        Ok(outcome)
    }

    /// What macros can speak of at this moment.
    pub(crate) const fn facts(&self, occasion: Occasion) -> Facts<'_> {
        Facts {
            identity: &self.config.identity,
            parameters: self.config.memory.parameters(),
            state: self.state(),
            occasion,
            has_certificate: self.config.trust.has_certificate(),
        }
    }

    /// What its requests have in common.
    pub(crate) fn fetch<'a>(&'a self, on_step: &'a mut (dyn FnMut(Step) + Send)) -> Fetch<'a> {
        let (trust, seal_key) = (&self.config.trust, self.config.seal_key.as_ref());
        Fetch { trust, seal_key, user_agent: self.config.identity.user_agent(), on_step }
    }

    /// Where a report goes by the `Report_Rule` that the phone holds at this moment.
    pub(crate) fn report_address(&self) -> Option<String> {
        let rule = ReportRule::read(self.config.memory.parameters().get("Report_Rule")?)?;
        let facts = self.facts(Occasion::PowerUp);
        rule.status_address().map(|address| expand(address, |name| facts.value(name)))
    }

    /// Sends a report if there is somewhere to send it; a phone never stops for a failed report.
    pub(crate) async fn report(
        &self,
        address: Option<String>,
        report: &Report,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) {
        let Some(address) = address else {
            return;
        };
        let event = report.event();
        let step = match self.send(&address, report, on_step).await {
            Ok((to, status)) => Step::Reported { event, to, status },
            Err(why) => Step::NotReported { event, why },
        };
        on_step(step);
    }

    async fn send(
        &self,
        address: &str,
        report: &Report,
        on_step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(String, u16), String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let body = serde_json::to_vec(report).map_err(|error| error.to_string())?;
        let answer = self.fetch(on_step).post_json(&url, Bytes::from(body)).await.map_err(|error| error.to_string())?;
        Ok((url.without_path(), answer.status))
    }
}

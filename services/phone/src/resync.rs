//! The resync: evaluates the profile rules, downloads, applies, reports, and tries again.

use std::time::Duration;

use crate::facts::Occasion;
use crate::failure::Failure;
use crate::fetch::{Credentials, Wanted};
use crate::flat_profile;
use crate::journey::{Journey, Outcome, Trouble};
use crate::macros::expand;
use crate::options::{Flag, Options};
use crate::parameters::shown;
use crate::report::Report;
use crate::retry_delays::RetryDelays;
use crate::rule::{Choice, Rule};
use crate::state::State;
use crate::step::Step;
use crate::url::Url;
use vocabulary::Secret;

/// The rules of one resync, in order; the first failure ends it.
const RULES: [&str; 4] = ["Profile_Rule", "Profile_Rule_B", "Profile_Rule_C", "Profile_Rule_D"];

/// What a resync is for, and so what its success means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Remote customization sent the phone: it becomes Acquired.
    Customization,
    /// The user typed the rule in: it becomes Aborted.
    ByHand,
    /// It was provisioned before: its state stays.
    Again,
}

/// What a rule led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resync {
    /// A profile is in force.
    Profile,
    /// The activation code screen.
    CodeScreen,
    /// No alternative applies to this phone.
    Nothing,
}

impl Journey<'_> {
    /// Resyncs until it succeeds or no retry is left.
    pub(crate) async fn resync(&mut self, purpose: Purpose) -> Result<Outcome, Trouble> {
        let mut failures = 0;
        loop {
            // The profile may name another place for reports; this resync is the old one's.
            let reports_to = self.phone.report_address();
            let failure = match self.resync_once(purpose, failures).await {
                Ok(Resync::CodeScreen) => return Ok(Outcome::CodeScreen),
                Ok(Resync::Profile) => return self.succeed(purpose, reports_to).await,
                Ok(Resync::Nothing) => Failure::NothingToDownload,
                Err(failure) => failure,
            };
            let delay = self.delay_after(failures);
            self.tell_failure(&failure, delay);
            let report = Report::ResyncFailed {
                class: failure.class(),
                status: failure.status(),
                retry_in_seconds: delay.map(|delay| delay.as_secs()),
                firmware: self.phone.config.identity.firmware.clone(),
            };
            self.phone.report(reports_to, &report, self.on_step).await;
            if !self.waits_for_retry(failures, delay).await {
                return Ok(Outcome::ResyncFailed);
            }
            failures += 1;
        }
    }

    async fn succeed(&mut self, purpose: Purpose, reports_to: Option<String>) -> Result<Outcome, Trouble> {
        let firmware = self.phone.config.identity.firmware.clone();
        let (outcome, report) = match purpose {
            Purpose::Customization => {
                self.enter(State::Acquired, "its provider's profile is in force").await?;
                (Outcome::Acquired, Report::ResyncSucceeded { firmware })
            }
            Purpose::ByHand => {
                self.enter(State::Aborted, "provisioned by hand before it was Acquired").await?;
                (Outcome::ProvisionedByHand, Report::ProvisionedByHand { place: "lcd" })
            }
            Purpose::Again => {
                self.phone.config.memory.save().await?;
                (Outcome::Resynced, Report::ResyncSucceeded { firmware })
            }
        };
        // A phone that had nowhere to report to may have learned a place from this very profile.
        let reports_to = reports_to.or_else(|| self.phone.report_address());
        self.phone.report(reports_to, &report, self.on_step).await;
        Ok(outcome)
    }

    async fn resync_once(&mut self, purpose: Purpose, failures: u32) -> Result<Resync, Failure> {
        let occasion = match (purpose, failures) {
            (_, 1..) => Occasion::Retry,
            (Purpose::ByHand, 0) => Occasion::Explicit,
            (Purpose::Customization | Purpose::Again, 0) => Occasion::PowerUp,
        };
        let mut reached = Resync::Nothing;
        for name in RULES {
            let Some(rule) = self.phone.config.memory.parameters().get(name).map(str::to_owned) else {
                continue;
            };
            match self.download_by(&rule, occasion).await? {
                Resync::CodeScreen => return Ok(Resync::CodeScreen),
                Resync::Profile => reached = Resync::Profile,
                Resync::Nothing => {}
            }
        }
        Ok(reached)
    }

    /// Evaluates one rule, downloads the profile it leads to, and applies it.
    pub(crate) async fn download_by(&mut self, rule: &str, occasion: Occasion) -> Result<Resync, Failure> {
        let facts = self.phone.facts(occasion);
        let Some(choice) = Rule::parse(rule)?.choose(|name| facts.value(name))? else {
            return Ok(Resync::Nothing);
        };
        self.phone.config.memory.parameters_mut().apply(choice.assignments.clone());
        if choice.is_code_screen() {
            return Ok(Resync::CodeScreen);
        }
        if choice.address.is_empty() {
            return Ok(Resync::Nothing);
        }
        let wanted = self.wanted(&choice, occasion)?;
        let file = self.phone.fetch(self.on_step).download(wanted).await?;
        let entries =
            flat_profile::parse(&file.bytes).map_err(|cause| Failure::Corrupt { status: file.status, cause })?;
        (self.on_step)(Step::Downloaded { bytes: file.bytes.len(), parameters: shown(&entries) });
        self.phone.config.memory.parameters_mut().apply(entries);
        Ok(Resync::Profile)
    }

    fn wanted(&self, choice: &Choice, occasion: Occasion) -> Result<Wanted, Failure> {
        if choice.options.has(Flag::Srv) {
            return Err(Failure::Srv);
        }
        let url = Url::parse(&choice.address)?;
        let facts = self.phone.facts(occasion);
        let posted = choice.options.posted_parameter();
        let post = posted.map(|name| expand(facts.parameters.get(&name).unwrap_or_default(), |name| facts.value(name)));
        let credentials = self.credentials(&choice.options, occasion);
        let key = choice.options.key().map(|key| Secret::new(expand(key, |name| facts.value_in_option(name))));
        Ok(Wanted { shown: url.without_query(), url, credentials, key, post })
    }

    /// The rule's own user and password, or else those that the phone was given.
    fn credentials(&self, options: &Options, occasion: Occasion) -> Option<Credentials> {
        let facts = self.phone.facts(occasion);
        let expanded = |text: &str| expand(text, |name| facts.value_in_option(name));
        let own = options
            .login()
            .map(|(user, password)| Credentials { user: expanded(user), password: Secret::new(expanded(password)) });
        own.or_else(|| self.phone.config.credentials.clone())
    }

    /// How long a real phone waits after failure number `failures` (0 is the first).
    pub(crate) fn delay_after(&self, failures: u32) -> Option<Duration> {
        let delays = self.phone.config.memory.parameters().get("Resync_Error_Retry_Delay").unwrap_or_default();
        RetryDelays::read(delays).after(failures, &self.phone.randomness)
    }

    pub(crate) fn tell_failure(&mut self, failure: &Failure, delay: Option<Duration>) {
        (self.on_step)(Step::Failed {
            class: failure.class(),
            status: failure.status(),
            why: failure.to_string(),
            retry_in_seconds: delay.map(|delay| delay.as_secs()),
        });
    }

    /// Lets the scaled delay pass, and says whether there is another try.
    pub(crate) async fn waits_for_retry(&mut self, failures: u32, delay: Option<Duration>) -> bool {
        let retries = self.phone.config.retries;
        let Some(delay) = delay.filter(|_| failures < retries.count) else {
            return false;
        };
        tokio::time::sleep(retries.scaled(delay)).await;
        (self.on_step)(Step::Retrying { attempt: failures + 1 });
        true
    }
}

//! Where a phone is sent, and what it gets there.

use std::sync::Arc;

use contracts::redirection::{Parameter, Redirect, Seal};
use vocabulary::{ProfileRule, RuleKind};

/// Where one phone is sent.
#[derive(Debug, Clone)]
pub(crate) struct Redirected {
    /// Shared by the phones that get the same.
    pub to: Arc<Destination>,
    /// What this phone's answer is sealed with.
    pub seal: Option<Seal>,
}

/// A provider's profile.
#[derive(Clone)]
pub(crate) struct Destination {
    pub provider_id: String,
    pub profile_id: String,
    /// In the order of the flat profile.
    pub parameters: Vec<Parameter>,
    /// Its rule with the secrets struck out, for people to read.
    pub rule: String,
}

/// Without the parameters, which may hold secrets.
impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("profile_id", &self.profile_id).finish_non_exhaustive()
    }
}

impl From<Redirect> for Destination {
    fn from(redirect: Redirect) -> Self {
        let Redirect { provider_id, profile_id, parameters, .. } = redirect;
        let rule = parameters.iter().find(|parameter| parameter.name == "Profile_Rule");
        let rule = rule.and_then(|rule| ProfileRule::parse(RuleKind::Profile, &rule.value).ok());
        Self { provider_id, profile_id, rule: rule.map(|rule| rule.to_string()).unwrap_or_default(), parameters }
    }
}

impl From<Redirect> for Redirected {
    fn from(mut redirect: Redirect) -> Self {
        let seal = redirect.seal.take();
        Self { to: Arc::new(redirect.into()), seal }
    }
}

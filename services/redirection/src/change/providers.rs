//! Changes of what holds for a provider as a whole: whether it is frozen, and its policy.

use serde_json::{Value, json};
use vocabulary::ProviderId;

use super::{By, Deed};
use crate::Redirection;
use crate::index::Change;
use crate::policy::Policy;
use crate::refusal::ProviderRefused;
use crate::store::{self, Moved};
use crate::writer::Done;

impl Redirection {
    /// Stops the redirects and changes of all these providers at once.
    pub(crate) async fn providers_freeze(&self, providers: Vec<ProviderId>, by: By) -> Result<(), ProviderRefused> {
        let work = async move |mut tx| {
            let mut changes = Vec::with_capacity(providers.len());
            for provider in providers {
                if store::provider_freeze(&mut tx, &provider, by.at).await? == Moved::Changed {
                    by.record(&mut tx, deed("provider.freeze", &provider, Value::Null)).await?;
                }
                changes.push(Change::ProviderFrozen(provider));
            }
            Ok(Done { tx, changes, answer: () })
        };
        self.writer.write(work).await
    }

    /// Restores the redirects and changes of all these providers at once.
    pub(crate) async fn providers_thaw(&self, providers: Vec<ProviderId>, by: By) -> Result<(), ProviderRefused> {
        let work = async move |mut tx| {
            let mut changes = Vec::with_capacity(providers.len());
            for provider in providers {
                if store::provider_thaw(&mut tx, &provider).await? == Moved::Changed {
                    by.record(&mut tx, deed("provider.thaw", &provider, Value::Null)).await?;
                }
                changes.push(Change::ProviderThawed(provider));
            }
            Ok(Done { tx, changes, answer: () })
        };
        self.writer.write(work).await
    }

    /// Sets a provider's policy.
    pub(crate) async fn policy_set(
        &self,
        provider: ProviderId,
        policy: Policy,
        by: By,
    ) -> Result<Policy, ProviderRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProviderRefused>(&mut tx, &provider).await?;
            store::provider_policy_set(&mut tx, &provider, policy).await?;
            let detail = json!({
                "expired_certificates": policy.expired_certificates.word(),
                "release_unseen_days": policy.release_unseen.days(),
            });
            by.record(&mut tx, deed("provider.policy", &provider, detail)).await?;
            let change = Change::PolicySet { provider, expired_certificates: policy.expired_certificates };
            Ok(Done { tx, changes: vec![change], answer: policy })
        };
        self.writer.write(work).await
    }
}

fn deed<'a>(verb: &'static str, provider: &'a ProviderId, detail: Value) -> Deed<'a> {
    Deed { concerns: provider, verb, target: provider.as_str(), detail }
}

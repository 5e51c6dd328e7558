//! Calls about what holds for providers as a whole.

use contracts::redirection::{
    GetProviderPolicyRequest, GetProviderPolicyResponse, SetProviderPolicyRequest, SetProviderPolicyResponse,
    SetProvidersFrozenRequest, SetProvidersFrozenResponse,
};
use vocabulary::ProviderId;

use crate::change::By;
use crate::refusal::ProviderRefused;
use crate::{Redirection, store, wire};

/// The most providers of one call.
const MOST_PROVIDERS: usize = 100_000;

impl Redirection {
    pub(super) async fn on_set_providers_frozen(
        &self,
        request: SetProvidersFrozenRequest,
        by: By,
    ) -> Result<SetProvidersFrozenResponse, ProviderRefused> {
        if request.provider_ids.len() > MOST_PROVIDERS {
            return Err(ProviderRefused::TooMany);
        }
        let providers: Result<Vec<ProviderId>, _> = request.provider_ids.iter().map(|id| id.parse()).collect();
        let providers = providers.map_err(ProviderRefused::InvalidProvider)?;
        if request.frozen {
            self.providers_freeze(providers, by).await?;
        } else {
            self.providers_thaw(providers, by).await?;
        }
        Ok(SetProvidersFrozenResponse {})
    }

    pub(super) async fn on_get_provider_policy(
        &self,
        request: GetProviderPolicyRequest,
    ) -> Result<GetProviderPolicyResponse, ProviderRefused> {
        let provider = request.provider_id.parse().map_err(ProviderRefused::InvalidProvider)?;
        let policy = store::provider_policy(self.db.read().await?.connection(), &provider).await?;
        Ok(GetProviderPolicyResponse { policy: Some(policy.into()) })
    }

    pub(super) async fn on_set_provider_policy(
        &self,
        request: SetProviderPolicyRequest,
        by: By,
    ) -> Result<SetProviderPolicyResponse, ProviderRefused> {
        let provider = request.provider_id.parse().map_err(ProviderRefused::InvalidProvider)?;
        let policy = wire::policy(request.policy.unwrap_or_default())?;
        let policy = self.policy_set(provider, policy, by).await?;
        Ok(SetProviderPolicyResponse { policy: Some(policy.into()) })
    }
}

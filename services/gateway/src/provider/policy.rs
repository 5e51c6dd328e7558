//! `/v1/policy`: what a tenant asks of its phones beyond what its profiles say.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::redirection::{ExpiredCertificates, GetProviderPolicyRequest, ProviderPolicy, SetProviderPolicyRequest};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};

use super::json::Body;
use super::promised;
use crate::Gateway;
use crate::auth::{ProfilesRead, ProfilesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// What becomes of a phone whose manufacturer's certificate has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExpiredWord {
    /// It is answered, and its timeline says so.
    Accept,
    Refuse,
}

/// The policy, in and out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyBody {
    expired_certificates: ExpiredWord,
    /// Gives phones back that have not asked for so many days; 0 for never.
    release_unseen_days: u32,
}

impl From<ProviderPolicy> for PolicyBody {
    fn from(policy: ProviderPolicy) -> Self {
        let expired_certificates = match policy.expired_certificates() {
            ExpiredCertificates::Refuse => ExpiredWord::Refuse,
            ExpiredCertificates::Accept | ExpiredCertificates::Unspecified => ExpiredWord::Accept,
        };
        Self { expired_certificates, release_unseen_days: policy.release_unseen_days }
    }
}

impl From<PolicyBody> for ProviderPolicy {
    fn from(body: PolicyBody) -> Self {
        let expired_certificates = match body.expired_certificates {
            ExpiredWord::Accept => ExpiredCertificates::Accept,
            ExpiredWord::Refuse => ExpiredCertificates::Refuse,
        };
        let expired_certificates = expired_certificates.into();
        Self { expired_certificates, release_unseen_days: body.release_unseen_days }
    }
}

/// `GET /v1/policy`.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Provider { id, .. }: Provider<ProfilesRead>,
) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, GetProviderPolicyRequest { provider_id: id.to_string() });
    let answer = gateway.backends().redirection.clone().get_provider_policy(request).await?.into_inner();
    Ok(Json(PolicyBody::from(promised(answer.policy)?)).into_response())
}

/// `PUT /v1/policy`.
pub(crate) async fn replace(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<ProfilesWrite>,
    Body(body): Body<PolicyBody>,
) -> Result<Response, Problem> {
    let request = SetProviderPolicyRequest { provider_id: id.to_string(), policy: Some(body.into()) };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().set_provider_policy(request).await?.into_inner();
    Ok(Json(PolicyBody::from(promised(answer.policy)?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_as_it_was_written() {
        for json in [
            r#"{"expired_certificates":"refuse","release_unseen_days":90}"#,
            r#"{"expired_certificates":"accept","release_unseen_days":0}"#,
        ] {
            let body: PolicyBody = serde_json::from_str(json).expect("a policy");
            let back = PolicyBody::from(ProviderPolicy::from(body));
            assert_eq!(serde_json::to_string(&back).ok().as_deref(), Some(json));
        }
        // Half a policy would change the other half unasked.
        assert!(serde_json::from_str::<PolicyBody>(r#"{"release_unseen_days":90}"#).is_err());
    }
}

//! `/v1/claim-rules`: how claims must be proven, by the beginning of the address. The operator's.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::redirection::{
    ClaimProof, ClaimRule, DeleteClaimRuleRequest, ListClaimRulesRequest, PutClaimRuleRequest,
};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};

use super::json::Body;
use super::mac_block::Prefix;
use super::page::Query;
use crate::Gateway;
use crate::auth::{Allowed, Operate};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// What a claim must be proven by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClaimWord {
    /// Nothing.
    Open,
    /// The serial number.
    Serial,
    /// The manufacturer's list of what it has shipped.
    Manifest,
    /// Its certificate, shown in a window that the claimant opened.
    Certificate,
}

impl ClaimWord {
    const fn of(proof: ClaimProof) -> Option<Self> {
        match proof {
            ClaimProof::Unspecified => None,
            ClaimProof::Open => Some(Self::Open),
            ClaimProof::Serial => Some(Self::Serial),
            ClaimProof::Manifest => Some(Self::Manifest),
            ClaimProof::Certificate => Some(Self::Certificate),
        }
    }

    const fn proof(self) -> ClaimProof {
        match self {
            Self::Open => ClaimProof::Open,
            Self::Serial => ClaimProof::Serial,
            Self::Manifest => ClaimProof::Manifest,
            Self::Certificate => ClaimProof::Certificate,
        }
    }
}

/// A rule as shown.
#[derive(Debug, Serialize)]
struct RuleView {
    prefix: String,
    proof: Option<ClaimWord>,
}

impl From<ClaimRule> for RuleView {
    fn from(rule: ClaimRule) -> Self {
        let prefix = Prefix { prefix: rule.prefix, bits: rule.bits }.to_string();
        Self { prefix, proof: ClaimWord::of(rule.proof()) }
    }
}

/// All rules.
#[derive(Serialize)]
struct Rules {
    rules: Vec<RuleView>,
}

/// A rule to be set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleBody {
    /// Such as `00:04:f2/24`; `00/0` is the rule for all others.
    prefix: String,
    proof: ClaimWord,
}

/// A rule to be taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    prefix: String,
}

/// `GET /v1/claim-rules`: the most specific first.
pub(crate) async fn list(State(gateway): State<Gateway>, _: Allowed<Operate>) -> Result<Response, Problem> {
    let request = within(PROVIDER_DEADLINE, ListClaimRulesRequest {});
    let answer = gateway.backends().redirection.clone().list_claim_rules(request).await?.into_inner();
    Ok(Json(Rules { rules: answer.rules.into_iter().map(RuleView::from).collect() }).into_response())
}

/// `PUT /v1/claim-rules`.
pub(crate) async fn put(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    Body(body): Body<RuleBody>,
) -> Result<Response, Problem> {
    let Prefix { prefix, bits } = prefix("invalid_body", &body.prefix)?;
    let rule = ClaimRule { prefix, bits, proof: body.proof.proof().into() };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, PutClaimRuleRequest { rule: Some(rule) });
    gateway.backends().redirection.clone().put_claim_rule(request).await?;
    Ok(Json(RuleView::from(rule)).into_response())
}

/// `DELETE /v1/claim-rules?prefix=`.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    Query(named): Query<Named>,
) -> Result<StatusCode, Problem> {
    let Prefix { prefix, bits } = prefix("invalid_query", &named.prefix)?;
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, DeleteClaimRuleRequest { prefix, bits });
    gateway.backends().redirection.clone().delete_claim_rule(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn prefix(reason: &str, text: &str) -> Result<Prefix, Problem> {
    text.parse().map_err(|error| Problem::malformed(reason, format!("prefix: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_shown_as_it_can_be_written() {
        for proof in [ClaimWord::Open, ClaimWord::Serial, ClaimWord::Manifest, ClaimWord::Certificate] {
            let rule = ClaimRule { prefix: 0x0004_f200_0000, bits: 24, proof: proof.proof().into() };
            let view = RuleView::from(rule);
            assert_eq!((view.prefix.as_str(), view.proof), ("0004f2000000/24", Some(proof)));
            assert!(view.prefix.parse::<Prefix>().is_ok());
        }
        let body = serde_json::from_str::<RuleBody>(r#"{"prefix":"00/0","proof":"manifest"}"#).expect("a rule");
        assert_eq!(prefix("invalid_body", &body.prefix).map(|it| (it.prefix, it.bits)), Ok((0, 0)));
    }
}

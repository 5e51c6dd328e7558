//! Calls about how claims must be proven.

use contracts::redirection as message;
use contracts::redirection::{
    DeleteClaimRuleRequest, DeleteClaimRuleResponse, ImportManifestRequest, ImportManifestResponse,
    ListClaimRulesRequest, ListClaimRulesResponse, PutClaimRuleRequest, PutClaimRuleResponse,
};

use crate::Redirection;
use crate::change::By;
use crate::claim::{ClaimProof, ClaimRule, Prefix};
use crate::manifest::{self, ShippedText};
use crate::refusal::ClaimsRefused;
use crate::store::{self, Imported};

impl Redirection {
    pub(super) async fn on_list_claim_rules(
        &self,
        _request: ListClaimRulesRequest,
    ) -> Result<ListClaimRulesResponse, ClaimsRefused> {
        let rules = store::claim_rule_list(&self.db).await?;
        Ok(ListClaimRulesResponse { rules: rules.into_iter().map(Into::into).collect() })
    }

    pub(super) async fn on_put_claim_rule(
        &self,
        request: PutClaimRuleRequest,
        by: By,
    ) -> Result<PutClaimRuleResponse, ClaimsRefused> {
        let said = request.rule.unwrap_or_default();
        let rule = ClaimRule { prefix: Prefix::parse(said.prefix, said.bits)?, proof: proof(said.proof())? };
        self.claim_rule_put(rule, by).await?;
        Ok(PutClaimRuleResponse {})
    }

    pub(super) async fn on_delete_claim_rule(
        &self,
        request: DeleteClaimRuleRequest,
        by: By,
    ) -> Result<DeleteClaimRuleResponse, ClaimsRefused> {
        self.claim_rule_delete(Prefix::parse(request.prefix, request.bits)?, by).await?;
        Ok(DeleteClaimRuleResponse {})
    }

    pub(super) async fn on_import_manifest(
        &self,
        request: ImportManifestRequest,
        by: By,
    ) -> Result<ImportManifestResponse, ClaimsRefused> {
        let rows = request.shipped.into_iter().map(Into::into).collect();
        let Imported { added, replaced } = self.manifest_import(manifest::parse(rows)?, by).await?;
        Ok(ImportManifestResponse { added, replaced })
    }
}

const fn proof(said: message::ClaimProof) -> Result<ClaimProof, ClaimsRefused> {
    match said {
        message::ClaimProof::Unspecified => Err(ClaimsRefused::Proof),
        message::ClaimProof::Open => Ok(ClaimProof::Open),
        message::ClaimProof::Serial => Ok(ClaimProof::Serial),
        message::ClaimProof::Manifest => Ok(ClaimProof::Manifest),
        message::ClaimProof::Certificate => Ok(ClaimProof::Certificate),
    }
}

impl From<ClaimRule> for message::ClaimRule {
    fn from(rule: ClaimRule) -> Self {
        let proof = match rule.proof {
            ClaimProof::Open => message::ClaimProof::Open,
            ClaimProof::Serial => message::ClaimProof::Serial,
            ClaimProof::Manifest => message::ClaimProof::Manifest,
            ClaimProof::Certificate => message::ClaimProof::Certificate,
        };
        Self { prefix: rule.prefix.first(), bits: u32::from(rule.prefix.bits()), proof: proof.into() }
    }
}

impl From<message::Shipped> for ShippedText {
    fn from(said: message::Shipped) -> Self {
        Self { mac: said.mac, serial: said.serial, model: said.model, sold_to: said.sold_to }
    }
}

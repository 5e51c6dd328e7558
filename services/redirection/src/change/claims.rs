//! Changes of how claims must be proven, which the operator makes.

use serde_json::json;
use vocabulary::ProviderId;

use super::{By, Deed};
use crate::Redirection;
use crate::claim::{ClaimRule, Prefix};
use crate::manifest::Shipped;
use crate::refusal::ClaimsRefused;
use crate::store::{self, Imported};
use crate::writer::Done;

impl Redirection {
    /// Sets what claims of the addresses that begin so must be proven by.
    pub(crate) async fn claim_rule_put(&self, rule: ClaimRule, by: By) -> Result<(), ClaimsRefused> {
        let work = async move |mut tx| {
            if !store::claim_rule_put(&mut tx, &rule).await? {
                return Err(ClaimsRefused::TooMany);
            }
            let (concerns, target) = (ProviderId::operator(), rule.prefix.to_string());
            let detail = json!({ "proof": rule.proof.word() });
            by.record(&mut tx, Deed { concerns: &concerns, verb: "claim_rule.put", target: &target, detail }).await?;
            Ok(Done { tx, changes: Vec::new(), answer: () })
        };
        self.writer.write(work).await
    }

    /// Takes the rule of that prefix away, where there is one.
    pub(crate) async fn claim_rule_delete(&self, prefix: Prefix, by: By) -> Result<(), ClaimsRefused> {
        let work = async move |mut tx| {
            if store::claim_rule_delete(&mut tx, prefix).await? {
                let (concerns, target) = (ProviderId::operator(), prefix.to_string());
                let (verb, detail) = ("claim_rule.delete", json!({}));
                by.record(&mut tx, Deed { concerns: &concerns, verb, target: &target, detail }).await?;
            }
            Ok(Done { tx, changes: Vec::new(), answer: () })
        };
        self.writer.write(work).await
    }

    /// Takes in what a manufacturer has shipped.
    pub(crate) async fn manifest_import(&self, shipped: Vec<Shipped>, by: By) -> Result<Imported, ClaimsRefused> {
        let work = async move |mut tx| {
            let imported = store::manifest_import(&mut tx, &shipped, by.at).await?;
            let concerns = ProviderId::operator();
            let target = shipped.first().map(|first| first.mac.to_string()).unwrap_or_default();
            let detail = json!({ "added": imported.added, "replaced": imported.replaced });
            by.record(&mut tx, Deed { concerns: &concerns, verb: "manifest.import", target: &target, detail }).await?;
            Ok(Done { tx, changes: Vec::new(), answer: imported })
        };
        self.writer.write(work).await
    }
}
